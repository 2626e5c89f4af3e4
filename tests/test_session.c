/* SPDX-License-Identifier: ISC */
/* Sessions: all that a state holds comes back, whatever happened to the files meanwhile, whatever else stands in it. */
#include "check.h"

#include "ports.h"
#include "support/fail_alloc.h"
#include "support/lv2_host_private.h"
#include "support/scene.h"
#include "support/tiny_model.h"
#include "uris.h"

#include <string.h>
#include <sys/stat.h>

static const PmtHostPaths full = PMT_SCENE_PATHS;

/* Another property, or another value of one. */
static PmtHostProperty* put(PmtHostState* const state, const char* const key, const char* const type,
                            const char* const text) {
  PmtHostProperty* property = pmt_host_find_property(state, key);
  for (uint32_t i = 0; !property && i < PMT_HOST_PROPERTIES; ++i) {
    property = state->property[i].size ? NULL : &state->property[i];
  }
  CHECK(property && strlen(text) < sizeof property->value);
  snprintf(property->key, sizeof property->key, "%s", key);
  snprintf(property->type, sizeof property->type, "%s", type);
  property->size = (size_t)snprintf(property->value, sizeof property->value, "%s", text) + 1;
  return property;
}

static const char* value_of(PmtHostState* const state, const char* const key) {
  const PmtHostProperty* const property = pmt_host_find_property(state, key);
  return property ? property->value : "";
}

static void put_model(PmtHostState* const state, const char* const path) {
  char mapped[1200];
  snprintf(mapped, sizeof mapped, "abstract:%s", path);
  put(state, PMT_PLUGIN_MODEL_URI, LV2_ATOM__Path, mapped);
}

static void expect_equal(PmtHostState* const a, PmtHostState* const b) {
  CHECKF(a->count == b->count, "%u and %u", a->count, b->count);
  for (uint32_t i = 0; i < a->count; ++i) {
    CHECKF(!strcmp(a->property[i].value, value_of(b, a->property[i].key)), "%s", a->property[i].key);
  }
}

static PmtHostState session, again; /* large */

/* Everything is saved, comes back, and is saved again just so before anything else is played. */
static void test_session(void) {
  char folder[1100], text[1200];
  snprintf(folder, sizeof folder, "%s/captures", pmt_scene.scratch);
  CHECK(!mkdir(folder, 0777));
  snprintf(text, sizeof text, "abstract:%s", folder);
  PmtHost* host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_host_send_model(host, 0, pmt_scene.model_b);
  pmt_host_send_set(host, 0, PMT_PLUGIN_CAPTURES_URI, LV2_ATOM__Path, folder, (uint32_t)strlen(folder));
  CHECK(pmt_host_await(host, "model-b"));
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 300);
  pmt_host_save(host, &session, full);
  CHECKF(session.count == 4, "%u", session.count);
  CHECK(strstr(value_of(&session, PMT_PLUGIN_MODEL_URI), "model-b"));
  CHECK(strspn(value_of(&session, PMT_PLUGIN_HASH_URI), "0123456789abcdef") == 16);
  CHECK(!strcmp(value_of(&session, PMT_PLUGIN_CAPTURES_URI), text));
  CHECK(value_of(&session, PMT_PLUGIN_CONTEXT_URI)[0]);
  CHECK(!strcmp(pmt_host_find_property(&session, PMT_PLUGIN_CONTEXT_URI)->type, LV2_ATOM__String));
  pmt_host_free(host);

  for (PmtHostWorker worker = PMT_HOST_NO_WORKER; worker <= PMT_HOST_REFUSING; ++worker) {
    host = pmt_scene_host(worker);
    for (int i = 0; i < 2; ++i) { /* some hosts restore twice */
      pmt_host_restore(host, &session, full);
      pmt_host_save(host, &again, full);
      expect_equal(&session, &again);
    }
    pmt_host_activate(host);
    pmt_scene_play(host, 20);
    pmt_host_save(host, &again, full);
    expect_equal(&session, &again);
    CHECKF(strstr(pmt_host_status(host), "playing") && strstr(pmt_host_status(host), "captures go to"), "%s",
           pmt_host_status(host)); /* both lines are told */
    pmt_host_send_get(host, 0, NULL);
    pmt_scene_play(host, 1);
    CHECKF(!strcmp(pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI), folder), "%s",
           pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI));
    PmtHostState none = {.size = 0}; /* a preset */
    pmt_host_restore(host, &none, full);
    pmt_host_save(host, &again, full);
    expect_equal(&session, &again);
    pmt_scene_roll(host, 240);
    pmt_scene_play(host, 450);
    pmt_host_save(host, &again, full);
    CHECK(strcmp(value_of(&session, PMT_PLUGIN_CONTEXT_URI), value_of(&again, PMT_PLUGIN_CONTEXT_URI)));
    CHECK(pmt_host_paths_out(host) == 0);
    pmt_host_free(host);
  }
}

/* Over an instance that had played something else, and stopped: what is saved is the session. */
static void test_over_another(void) {
  PmtHost* host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 300);
  pmt_host_save(host, &session, full);
  pmt_host_free(host);
  host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  *pmt_host_control(host, "seed") = 7;
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 450);
  const PmtPosition stopped = {.frame = 450 * 512, .speed = 0, .bar = 4, .bar_beat = 3, .bpm = 240};
  pmt_host_send_position(host, 0, &stopped, PMT_HOST_PLAIN);
  pmt_scene_play(host, 20);
  pmt_host_save(host, &again, full);
  CHECK(strcmp(value_of(&session, PMT_PLUGIN_CONTEXT_URI), value_of(&again, PMT_PLUGIN_CONTEXT_URI)));
  pmt_host_restore(host, &session, full);
  pmt_scene_play(host, 20);
  pmt_host_save(host, &again, full);
  expect_equal(&session, &again);
  pmt_host_free(host);
}

/* Version 0.1 knew the model alone. */
static void test_old_session(void) {
  memset(&session, 0, sizeof session);
  put_model(&session, pmt_scene.model_a);
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &session, full);
  pmt_host_activate(host);
  pmt_scene_expect_path(host, pmt_scene.model_a);
  CHECKF(strstr(pmt_host_status(host), "playing") && !strchr(pmt_host_status(host), ';'), "%s", pmt_host_status(host));
  pmt_host_save(host, &again, full);
  CHECK(again.count == 2 && value_of(&again, PMT_PLUGIN_HASH_URI)[0]); /* what it lacked is there from now on */
  pmt_host_free(host);
}

static void hash_of(const char* const model, char hash[17]) {
  memset(&session, 0, sizeof session);
  put_model(&session, model);
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &session, full);
  pmt_host_save(host, &again, full);
  CHECK(strlen(value_of(&again, PMT_PLUGIN_HASH_URI)) == 16);
  memcpy(hash, value_of(&again, PMT_PLUGIN_HASH_URI), 17);
  pmt_host_free(host);
}

/* What plays is judged by its notes: are they the bundled model's? */
static void expect_bundled(PmtHost* const host, const bool bundled) {
  PmtHost* const reference = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(reference);
  for (PmtHost* h = host; h; h = h == host ? reference : NULL) {
    pmt_scene_roll(h, 240);
    pmt_scene_play(h, 300);
  }
  const PmtMidiList *a = pmt_host_midi(host), *b = pmt_host_midi(reference);
  CHECK(a->n_events > 100 && b->n_events > 100);
  bool differ = a->n_events != b->n_events;
  for (size_t i = 0; !differ && i < a->n_events; ++i) {
    differ = memcmp(a->events[i].bytes, b->events[i].bytes, 3) != 0;
  }
  CHECK(differ != bundled);
  pmt_host_free(reference);
}

/* @return a host that played pmt_scene.model_b when the session came */
static PmtHost* restore_over_b(void) {
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_host_send_model(host, 0, pmt_scene.model_b);
  CHECK(pmt_host_await(host, "model-b"));
  pmt_host_restore(host, &session, full);
  pmt_scene_play(host, 3);
  return host;
}

/* A session's model is gone: the bundled one plays, not whatever played before; without a word if it is the very same;
   and path and hash are kept. A file that changed plays, with a word. */
static void test_other_content(void) {
  char missing[1100], hash_first[17], hash_a[17];
  snprintf(missing, sizeof missing, "%s/moved.safetensors", pmt_scene.scratch);
  hash_of(pmt_scene.first, hash_first);
  hash_of(pmt_scene.model_a, hash_a);

  memset(&session, 0, sizeof session);
  put_model(&session, missing);
  put(&session, PMT_PLUGIN_HASH_URI, LV2_ATOM__String, hash_a);
  PmtHost* host = restore_over_b();
  const char* status = pmt_host_status(host);
  CHECKF(strstr(status, missing) && strstr(status, "playing ") &&
             strstr(status, "(partimento.safetensors); model not loaded"), "%s", status);
  expect_bundled(host, true);
  pmt_host_save(host, &again, full);
  CHECK(strstr(value_of(&again, PMT_PLUGIN_MODEL_URI), missing));
  CHECK(!strcmp(value_of(&again, PMT_PLUGIN_HASH_URI), hash_a));
  pmt_host_free(host);

  put(&session, PMT_PLUGIN_HASH_URI, LV2_ATOM__String, hash_first);
  host = restore_over_b();
  status = pmt_host_status(host);
  CHECKF(strstr(status, "playing ") && !strchr(status, ';'), "%s", status);
  expect_bundled(host, true);
  pmt_scene_expect_saved(host, missing);
  pmt_host_free(host);

  PmtHost* const other = pmt_scene_host(PMT_HOST_POLLED); /* another instance has the content that was saved */
  put(&session, PMT_PLUGIN_HASH_URI, LV2_ATOM__String, hash_a);
  put_model(&session, pmt_scene.model_a);
  pmt_host_restore(other, &session, full);
  put_model(&session, missing);
  host = restore_over_b();
  status = pmt_host_status(host);
  CHECKF(strstr(status, "playing ") && !strchr(status, ';'), "%s", status);
  expect_bundled(host, false);
  pmt_scene_expect_saved(host, missing);
  pmt_host_free(host);
  pmt_host_free(other);

  put(&session, PMT_PLUGIN_HASH_URI, LV2_ATOM__String, hash_first);
  put_model(&session, pmt_scene.model_a);
  host = restore_over_b();
  status = pmt_host_status(host);
  CHECKF(strstr(status, "model-a") && strstr(status, "not the one that the session was saved with"), "%s", status);
  expect_bundled(host, false);
  pmt_host_save(host, &again, full);
  CHECK(!strcmp(value_of(&again, PMT_PLUGIN_HASH_URI), hash_a)); /* said once */
  pmt_host_free(host);
}

/* Nothing that a state may hold stops the music or changes what it was not about; each fault is one line. */
static void test_absurd(void) {
  static const char* const keys[] = {PMT_PLUGIN_MODEL_URI, PMT_PLUGIN_HASH_URI, PMT_PLUGIN_CONTEXT_URI,
                                     PMT_PLUGIN_CAPTURES_URI};
  static char absurd[PMT_HOST_VALUE];
  memset(absurd, '7', sizeof absurd - 1);
  static const struct { const char *type, *text; } faults[] = {
    {LV2_ATOM__Int, "1234"},  {LV2_ATOM__String, ""},          {LV2_ATOM__Path, absurd},
    {LV2_ATOM__String, "\001\377"}, {LV2_ATOM__String, "../../nowhere"}, {"urn:nobody:knows", "x"}};
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 100);
  for (size_t k = 0; k < sizeof keys / sizeof *keys; ++k) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
      memset(&session, 0, sizeof session);
      put_model(&session, pmt_scene.model_a);
      put(&session, "urn:nobody:asked", LV2_ATOM__String, "for this");
      put(&session, keys[k], faults[i].type, faults[i].text);
      const size_t before = pmt_host_midi(host)->n_events;
      const uint32_t lines = pmt_host_log_lines(host);
      pmt_host_restore(host, &session, full);
      CHECKF(pmt_host_log_lines(host) == lines + 1, "%s, %zu: %u lines, the last: %s", keys[k], i,
             pmt_host_log_lines(host) - lines, pmt_host_log(host));
      pmt_scene_play(host, 60);
      CHECK(pmt_host_midi(host)->n_events > before);
      CHECK(pmt_host_paths_out(host) == 0);
    }
  }
  pmt_host_free(host);
}

/* The same session at the same place goes on in the same way, and not as a fresh start there would. */
static void test_going_on(void) {
  PmtHost* host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_scene_roll(host, 240); /* a bar in 48000 frames */
  for (int i = 0; i < 375; ++i) {
    pmt_host_run(host, 512);
  }
  pmt_host_save(host, &session, full);
  pmt_host_free(host);
  memcpy(&again, &session, sizeof again);
  pmt_host_find_property(&again, PMT_PLUGIN_CONTEXT_URI)->size = 0;

  PmtMidiList* lists[3];
  PmtHost* hosts[3];
  for (int i = 0; i < 3; ++i) {
    hosts[i] = pmt_scene_host(PMT_HOST_POLLED);
    pmt_host_restore(hosts[i], i < 2 ? &session : &again, full);
    pmt_host_activate(hosts[i]);
    pmt_scene_play(hosts[i], 100);
    const PmtPosition position = {.frame = 192000, .speed = 1, .bar = 4, .bar_beat = 0, .bpm = 240};
    pmt_host_send_position(hosts[i], 0, &position, PMT_HOST_PLAIN);
    pmt_scene_play(hosts[i], 300);
    lists[i] = pmt_host_midi(hosts[i]);
    CHECK(lists[i]->n_events > 100);
  }
  bool same = lists[0]->n_events == lists[1]->n_events, fresh = lists[0]->n_events == lists[2]->n_events;
  for (size_t i = 0; i < lists[0]->n_events; ++i) {
    same = same && !memcmp(lists[0]->events[i].bytes, lists[1]->events[i].bytes, 3);
    fresh = fresh && !memcmp(lists[0]->events[i].bytes, lists[2]->events[i].bytes, 3);
  }
  CHECK(same && !fresh);
  for (int i = 0; i < 3; ++i) {
    pmt_host_free(hosts[i]);
  }
}

/* A context for another vocabulary is left out, with a line; the model plays. */
static void test_foreign_context(void) {
  char eight[1100], two[1100];
  snprintf(eight, sizeof eight, "%s/eight.safetensors", pmt_scene.scratch);
  snprintf(two, sizeof two, "%s/two.safetensors", pmt_scene.scratch);
  CHECK(!pmt_tiny_model_write(eight, &(PmtTinyOptions){.seed = 4, .parts = 8, .note_bias = 2}, NULL));
  CHECK(!pmt_tiny_model_write(two, &(PmtTinyOptions){.seed = 5, .parts = 1, .note_bias = 2}, NULL));
  memset(&session, 0, sizeof session);
  put_model(&session, eight);
  PmtHost* host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &session, full);
  pmt_host_activate(host);
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 400);
  pmt_host_save(host, &session, full);
  pmt_host_free(host);
  put_model(&session, two);
  pmt_host_find_property(&session, PMT_PLUGIN_HASH_URI)->size = 0;
  host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &session, full);
  pmt_host_activate(host);
  pmt_scene_play(host, 3);
  CHECKF(strstr(pmt_host_status(host), "two.safetensors") && strstr(pmt_host_status(host), "last bars are left out"),
         "%s", pmt_host_status(host));
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 200);
  CHECK(pmt_host_midi(host)->n_events > 50);
  pmt_host_free(host);
}

/* ---- Memory that runs out ---------------------------------------------------------------------------------------- */

/* A host whose own memory never runs out. */
static const void* retrieve_session(LV2_State_Handle handle, uint32_t key, size_t* size, uint32_t* type,
                                    uint32_t* flags) {
  PmtHost* const host = handle;
  for (uint32_t i = 0; i < PMT_HOST_PROPERTIES; ++i) {
    PmtHostProperty* const property = &session.property[i];
    if (property->size && pmt_host_map(host, property->key) == key) {
      *size = property->size;
      *type = pmt_host_map(host, property->type);
      *flags = LV2_STATE_IS_POD;
      return property->value;
    }
  }
  return NULL;
}

static LV2_State_Status store_nothing(LV2_State_Handle handle, uint32_t key, const void* value, size_t size,
                                      uint32_t type, uint32_t flags) {
  (void)handle;
  (void)key;
  (void)type;
  (void)flags;
  CHECK(((const char*)value)[size - 1] == 0);
  return LV2_STATE_SUCCESS;
}

/* The n-th allocation fails: the music goes on, nothing leaks, and the next try works. */
static void test_memory(void) {
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 300);
  pmt_host_save(host, &session, (PmtHostPaths){false, false, false});
  CHECK(session.count == 3);
  bool done = false;
  for (size_t n = 0; !done; n += 1 + n / 16) { /* a long way: each is tried, then some */
    pmt_fail_after(n);
    host->state->save(host->handle, store_nothing, host, LV2_STATE_IS_POD, NULL);
    done = pmt_alloc_count() <= n;
    pmt_fail_after(n);
    host->state->restore(host->handle, retrieve_session, host, 0, NULL);
    done = done && pmt_alloc_count() <= n;
    pmt_fail_never();
    const size_t before = pmt_host_midi(host)->n_events;
    pmt_scene_play(host, 60);
    CHECK(pmt_host_midi(host)->n_events > before);
  }
  CHECKF(strstr(pmt_host_status(host), "playing "), "%s", pmt_host_status(host));
  pmt_host_free(host);
}

int main(void) {
  pmt_scene_open();
  test_session();
  test_over_another();
  test_old_session();
  test_other_content();
  test_absurd();
  test_going_on();
  test_foreign_context();
  test_memory();
  pmt_scene_close();
  return 0;
}
