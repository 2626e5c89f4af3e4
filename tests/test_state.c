/* SPDX-License-Identifier: ISC */
/* Saving and restoring the model's path: by our own host for the odd ways of real ones, by lilv for the real way. */
#include "check.h"

#include "base/file.h"
#include "ports.h"
#include "support/fail_alloc.h"
#include "support/lv2_host_private.h"
#include "support/tiny_model.h"
#include "uris.h"

#include <lilv/lilv.h>
#include <lv2/atom/atom.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[512], bundle[1024], first[1024], model_a[1024], model_b[1024];
static const PmtHostPaths full = {true, true, true};

static PmtHost* make_host(const PmtHostWorker worker) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .worker = worker});
  CHECK(host);
  return host;
}

static void roll(PmtHost* const host, const float bpm) {
  const PmtPosition position = {.frame = 0, .speed = 1, .bar = 0, .bar_beat = 0, .bpm = bpm};
  pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
}

static void expect_path(PmtHost* const host, const char* const path) {
  pmt_host_send_get(host, 0, NULL);
  pmt_host_run(host, 64);
  pmt_host_run(host, 64);
  CHECKF(!strcmp(pmt_host_path(host), path), "%s, not %s", pmt_host_path(host), path);
}

static void expect_saved(PmtHost* const host, const char* const path) {
  PmtHostState state;
  pmt_host_save(host, &state, full);
  CHECKF(state.size && !strncmp(state.value, "abstract:", 9) && !strcmp(state.value + 9, path), "%s, not %s", state.value, path);
  CHECK(pmt_host_paths_out(host) == 0);
}

/* What goes out comes in again. Before anything was played there are a model and its hash. */
static void test_round_trip(void) {
  PmtHost* host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  PmtHostState state;
  pmt_host_save(host, &state, full);
  CHECK(state.count == 2 && !strcmp(state.key, PMT_PLUGIN_MODEL_URI) && !strcmp(state.type, LV2_ATOM__Path));
  CHECK(strstr(state.value, "partimento.lv2/partimento.safetensors") && state.size == strlen(state.value) + 1);
  pmt_host_send_model(host, 0, model_a);
  CHECK(pmt_host_await(host, "model-a"));
  pmt_host_save(host, &state, full);
  CHECK(pmt_host_paths_out(host) == 0);
  expect_saved(host, model_a);
  pmt_host_free(host);

  static const PmtHostPaths kinds[] = {{true, true, true}, {true, false, true}, {true, false, false}};
  for (size_t i = 0; i < 3; ++i) {
    host = make_host(PMT_HOST_POLLED);
    pmt_host_restore(host, &state, kinds[i]);
    CHECK(pmt_host_paths_out(host) == 0);
    expect_saved(host, model_a); /* before it ever ran */
    pmt_host_activate(host);
    expect_path(host, model_a);
    expect_saved(host, model_a);
    pmt_host_free(host);
  }

  PmtHostState plain; /* a host that maps no paths */
  host = make_host(PMT_HOST_NO_WORKER);
  pmt_host_save(host, &plain, (PmtHostPaths){false, false, false});
  CHECK(plain.value[0] == '/');
  snprintf(plain.value, sizeof plain.value, "%s", model_a);
  plain.size = strlen(model_a); /* Carla: the NUL is not counted, and not there */
  memset(plain.value + plain.size, 'X', 20);
  pmt_host_restore(host, &plain, (PmtHostPaths){false, false, false});
  pmt_host_activate(host);
  expect_path(host, model_a);
  pmt_host_free(host);
}

/* restore() while run() goes on; a preset without a model; what is no path. */
static void test_while_running(void) {
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", model_a) + 1;
  for (PmtHostWorker worker = PMT_HOST_NO_WORKER; worker <= PMT_HOST_REFUSING; ++worker) {
    PmtHost* const host = make_host(worker);
    pmt_host_activate(host);
    roll(host, 240);
    for (int i = 0; i < 100; ++i) {
      pmt_host_run(host, 512);
    }
    const size_t before = pmt_host_midi(host)->n_events;
    pmt_host_restore(host, &state, full);
    for (int i = 0; i < 100; ++i) {
      pmt_host_run(host, 512);
    }
    CHECK(pmt_host_midi(host)->n_events > before + 20);
    CHECK(strstr(pmt_host_status(host), "model-a"));
    expect_path(host, model_a);

    PmtHostState none = {.size = 0};
    pmt_host_restore(host, &none, full);
    expect_path(host, model_a);
    PmtHostState wrong = state;
    snprintf(wrong.type, sizeof wrong.type, "%s", LV2_ATOM__Int);
    pmt_host_restore(host, &wrong, full);
    CHECKF(strstr(pmt_host_log(host), "another type"), "%s", pmt_host_log(host));
    wrong = state;
    wrong.value[0] = 0;
    pmt_host_restore(host, &wrong, full);
    CHECKF(strstr(pmt_host_log(host), "empty"), "%s", pmt_host_log(host));
    memset(wrong.value, 'x', sizeof wrong.value);
    wrong.size = 6000;
    pmt_host_restore(host, &wrong, full);
    CHECKF(strstr(pmt_host_log(host), "too long"), "%s", pmt_host_log(host));
    expect_path(host, model_a);
    expect_saved(host, model_a);
    CHECK(pmt_host_paths_out(host) == 0);
    pmt_host_free(host);
  }
}

/* The session's model is not there: the wish is kept for the next save, the present model plays on, a line says so. */
static void test_missing(void) {
  char missing[1100];
  snprintf(missing, sizeof missing, "%s/gone.safetensors", scratch);
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", missing) + 1;
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &state, full);
  CHECKF(strstr(pmt_host_log(host), "gone.safetensors"), "%s", pmt_host_log(host));
  expect_saved(host, missing);
  pmt_host_activate(host);
  roll(host, 240);
  for (int i = 0; i < 100; ++i) {
    pmt_host_run(host, 512);
  }
  CHECK(pmt_host_midi(host)->n_events > 20);
  CHECK(strstr(pmt_host_status(host), "gone.safetensors"));
  expect_saved(host, missing);
  pmt_host_send_model(host, 0, model_b); /* a wish that fails is not kept, one that comes true is */
  CHECK(pmt_host_await(host, "model-b"));
  expect_saved(host, model_b);
  pmt_host_send_model(host, 0, missing);
  CHECK(pmt_host_await(host, "gone"));
  expect_saved(host, model_b);
  pmt_host_free(host);
}

/* ---- Sessions ---------------------------------------------------------------------------------------------------- */

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

static void play(PmtHost* const host, const int cycles) {
  for (int i = 0; i < cycles; ++i) {
    pmt_host_run(host, 512);
  }
}

static PmtHostState session, again; /* large */

/* Everything is saved, comes back, and is saved again just so before anything else is played. */
static void test_session(void) {
  char folder[1100], text[1200];
  snprintf(folder, sizeof folder, "%s/captures", scratch);
  CHECK(!mkdir(folder, 0777));
  snprintf(text, sizeof text, "abstract:%s", folder);
  PmtHost* host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_host_send_model(host, 0, model_b);
  pmt_host_send_set(host, 0, PMT_PLUGIN_CAPTURES_URI, LV2_ATOM__Path, folder, (uint32_t)strlen(folder));
  CHECK(pmt_host_await(host, "model-b"));
  roll(host, 240);
  play(host, 300);
  pmt_host_save(host, &session, full);
  CHECKF(session.count == 4, "%u", session.count);
  CHECK(strstr(value_of(&session, PMT_PLUGIN_MODEL_URI), "model-b"));
  CHECK(strspn(value_of(&session, PMT_PLUGIN_HASH_URI), "0123456789abcdef") == 16);
  CHECK(!strcmp(value_of(&session, PMT_PLUGIN_CAPTURES_URI), text));
  CHECK(value_of(&session, PMT_PLUGIN_CONTEXT_URI)[0]);
  CHECK(!strcmp(pmt_host_find_property(&session, PMT_PLUGIN_CONTEXT_URI)->type, LV2_ATOM__String));
  pmt_host_free(host);

  for (PmtHostWorker worker = PMT_HOST_NO_WORKER; worker <= PMT_HOST_REFUSING; ++worker) {
    host = make_host(worker);
    for (int i = 0; i < 2; ++i) { /* some hosts restore twice */
      pmt_host_restore(host, &session, full);
      pmt_host_save(host, &again, full);
      expect_equal(&session, &again);
    }
    pmt_host_activate(host);
    play(host, 20);
    pmt_host_save(host, &again, full);
    expect_equal(&session, &again);
    CHECKF(strstr(pmt_host_status(host), "playing") && strstr(pmt_host_status(host), "captures go to"), "%s",
           pmt_host_status(host)); /* both lines are told */
    pmt_host_send_get(host, 0, NULL);
    play(host, 1);
    CHECKF(!strcmp(pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI), folder), "%s",
           pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI));
    PmtHostState none = {.size = 0}; /* a preset */
    pmt_host_restore(host, &none, full);
    pmt_host_save(host, &again, full);
    expect_equal(&session, &again);
    roll(host, 240);
    play(host, 450);
    pmt_host_save(host, &again, full);
    CHECK(strcmp(value_of(&session, PMT_PLUGIN_CONTEXT_URI), value_of(&again, PMT_PLUGIN_CONTEXT_URI)));
    CHECK(pmt_host_paths_out(host) == 0);
    pmt_host_free(host);
  }
}

/* Over an instance that had played something else, and stopped: what is saved is the session. */
static void test_over_another(void) {
  PmtHost* host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  roll(host, 240);
  play(host, 300);
  pmt_host_save(host, &session, full);
  pmt_host_free(host);
  host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  *pmt_host_control(host, "seed") = 7;
  roll(host, 240);
  play(host, 450);
  const PmtPosition stopped = {.frame = 450 * 512, .speed = 0, .bar = 4, .bar_beat = 3, .bpm = 240};
  pmt_host_send_position(host, 0, &stopped, PMT_HOST_PLAIN);
  play(host, 20);
  pmt_host_save(host, &again, full);
  CHECK(strcmp(value_of(&session, PMT_PLUGIN_CONTEXT_URI), value_of(&again, PMT_PLUGIN_CONTEXT_URI)));
  pmt_host_restore(host, &session, full);
  play(host, 20);
  pmt_host_save(host, &again, full);
  expect_equal(&session, &again);
  pmt_host_free(host);
}

/* Version 0.1 knew the model alone. */
static void test_old_session(void) {
  memset(&session, 0, sizeof session);
  put_model(&session, model_a);
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &session, full);
  pmt_host_activate(host);
  expect_path(host, model_a);
  CHECKF(strstr(pmt_host_status(host), "playing") && !strchr(pmt_host_status(host), ';'), "%s", pmt_host_status(host));
  pmt_host_save(host, &again, full);
  CHECK(again.count == 2 && value_of(&again, PMT_PLUGIN_HASH_URI)[0]); /* what it lacked is there from now on */
  pmt_host_free(host);
}

static void hash_of(const char* const model, char hash[17]) {
  memset(&session, 0, sizeof session);
  put_model(&session, model);
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &session, full);
  pmt_host_save(host, &again, full);
  CHECK(strlen(value_of(&again, PMT_PLUGIN_HASH_URI)) == 16);
  memcpy(hash, value_of(&again, PMT_PLUGIN_HASH_URI), 17);
  pmt_host_free(host);
}

/* What plays is judged by its notes: are they the bundled model's? */
static void expect_bundled(PmtHost* const host, const bool bundled) {
  PmtHost* const reference = make_host(PMT_HOST_POLLED);
  pmt_host_activate(reference);
  for (PmtHost* h = host; h; h = h == host ? reference : NULL) {
    roll(h, 240);
    play(h, 300);
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

/* @return a host that played model_b when the session came */
static PmtHost* restore_over_b(void) {
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_host_send_model(host, 0, model_b);
  CHECK(pmt_host_await(host, "model-b"));
  pmt_host_restore(host, &session, full);
  play(host, 3);
  return host;
}

/* A session's model is gone: the bundled one plays, not whatever played before; without a word if it is the very same; and
   path and hash are kept. A file that changed plays, with a word. */
static void test_other_content(void) {
  char missing[1100], hash_first[17], hash_a[17];
  snprintf(missing, sizeof missing, "%s/moved.safetensors", scratch);
  hash_of(first, hash_first);
  hash_of(model_a, hash_a);

  memset(&session, 0, sizeof session);
  put_model(&session, missing);
  put(&session, PMT_PLUGIN_HASH_URI, LV2_ATOM__String, hash_a);
  PmtHost* host = restore_over_b();
  const char* status = pmt_host_status(host);
  CHECKF(strstr(status, missing) && strstr(status, "playing ") && strstr(status, "(partimento.safetensors); model not loaded"),
         "%s", status);
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
  expect_saved(host, missing);
  pmt_host_free(host);

  PmtHost* const other = make_host(PMT_HOST_POLLED); /* another instance has the content that was saved */
  put(&session, PMT_PLUGIN_HASH_URI, LV2_ATOM__String, hash_a);
  put_model(&session, model_a);
  pmt_host_restore(other, &session, full);
  put_model(&session, missing);
  host = restore_over_b();
  status = pmt_host_status(host);
  CHECKF(strstr(status, "playing ") && !strchr(status, ';'), "%s", status);
  expect_bundled(host, false);
  expect_saved(host, missing);
  pmt_host_free(host);
  pmt_host_free(other);

  put(&session, PMT_PLUGIN_HASH_URI, LV2_ATOM__String, hash_first);
  put_model(&session, model_a);
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
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  roll(host, 240);
  play(host, 100);
  for (size_t k = 0; k < sizeof keys / sizeof *keys; ++k) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
      memset(&session, 0, sizeof session);
      put_model(&session, model_a);
      put(&session, "urn:nobody:asked", LV2_ATOM__String, "for this");
      put(&session, keys[k], faults[i].type, faults[i].text);
      const size_t before = pmt_host_midi(host)->n_events;
      const uint32_t lines = pmt_host_log_lines(host);
      pmt_host_restore(host, &session, full);
      CHECKF(pmt_host_log_lines(host) == lines + 1, "%s, %zu: %u lines, the last: %s", keys[k], i,
             pmt_host_log_lines(host) - lines, pmt_host_log(host));
      play(host, 60);
      CHECK(pmt_host_midi(host)->n_events > before);
      CHECK(pmt_host_paths_out(host) == 0);
    }
  }
  pmt_host_free(host);
}

/* The same session at the same place goes on in the same way, and not as a fresh start there would. */
static void test_going_on(void) {
  PmtHost* host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  roll(host, 240); /* a bar in 48000 frames */
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
    hosts[i] = make_host(PMT_HOST_POLLED);
    pmt_host_restore(hosts[i], i < 2 ? &session : &again, full);
    pmt_host_activate(hosts[i]);
    play(hosts[i], 100);
    const PmtPosition position = {.frame = 192000, .speed = 1, .bar = 4, .bar_beat = 0, .bpm = 240};
    pmt_host_send_position(hosts[i], 0, &position, PMT_HOST_PLAIN);
    play(hosts[i], 300);
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
  snprintf(eight, sizeof eight, "%s/eight.safetensors", scratch);
  snprintf(two, sizeof two, "%s/two.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(eight, &(PmtTinyOptions){.seed = 4, .parts = 8, .note_bias = 2}, NULL));
  CHECK(!pmt_tiny_model_write(two, &(PmtTinyOptions){.seed = 5, .parts = 1, .note_bias = 2}, NULL));
  memset(&session, 0, sizeof session);
  put_model(&session, eight);
  PmtHost* host = make_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &session, full);
  pmt_host_activate(host);
  roll(host, 240);
  play(host, 400);
  pmt_host_save(host, &session, full);
  pmt_host_free(host);
  put_model(&session, two);
  pmt_host_find_property(&session, PMT_PLUGIN_HASH_URI)->size = 0;
  host = make_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &session, full);
  pmt_host_activate(host);
  play(host, 3);
  CHECKF(strstr(pmt_host_status(host), "two.safetensors") && strstr(pmt_host_status(host), "last bars are left out"),
         "%s", pmt_host_status(host));
  roll(host, 240);
  play(host, 200);
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
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  roll(host, 240);
  play(host, 300);
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
    play(host, 60);
    CHECK(pmt_host_midi(host)->n_events > before);
  }
  CHECKF(strstr(pmt_host_status(host), "playing "), "%s", pmt_host_status(host));
  pmt_host_free(host);
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

/* A restore is newer than a load still under way, and wins although it is done first. */
static void test_overtaking(void) {
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", model_a) + 1;
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_host_send_model(host, 0, model_b);
  pmt_host_run(host, 64);
  pmt_host_restore(host, &state, full);
  pmt_host_work(host); /* both lie in one mailbox now */
  expect_path(host, model_a);
  expect_saved(host, model_a);
  pmt_host_send_model(host, 0, model_b);
  pmt_host_run(host, 64);
  pmt_host_restore(host, &state, full);
  pmt_host_run(host, 64); /* one after the other */
  pmt_host_work(host);
  expect_path(host, model_a);
  expect_saved(host, model_a);
  for (int i = 0; i < 50; ++i) { /* scrolling through presets with the engine off */
    pmt_host_restore(host, &state, full);
  }
  pmt_host_free(host);
}

/* The same weights under another name, as sessions link them, do not interrupt the music. */
static void test_same_weights(void) {
  char link_path[1100];
  snprintf(link_path, sizeof link_path, "%s/link.safetensors", scratch);
  CHECK(!symlink(first, link_path));
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", link_path) + 1;
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  PmtHost* const reference = make_host(PMT_HOST_POLLED);
  for (PmtHost* h = host; h; h = h == host ? reference : NULL) {
    pmt_host_activate(h);
    roll(h, 240);
  }
  for (int i = 0; i < 300; ++i) {
    pmt_host_run(host, 512);
    pmt_host_run(reference, 512);
    if (i % 70 == 50) {
      pmt_host_restore(host, &state, full);
    }
  }
  const PmtMidiList *a = pmt_host_midi(reference), *b = pmt_host_midi(host);
  CHECK(a->n_events == b->n_events && a->n_events > 100);
  for (size_t i = 0; i < a->n_events; ++i) {
    CHECK(a->events[i].frame == b->events[i].frame && !memcmp(a->events[i].bytes, b->events[i].bytes, 3));
  }
  expect_path(host, link_path);
  pmt_host_free(host);
  pmt_host_free(reference);
}

/* All threads at once: run(), the worker's loads, and the host saving and restoring. For the sanitizers' eyes. */
typedef struct { PmtHost* host; _Atomic(bool) stop; } Storm;

static void* storm_audio(void* const data) {
  Storm* const storm = data;
  for (int i = 0; !atomic_load(&storm->stop); ++i) {
    if (i % 16 == 0) {
      pmt_host_send_model(storm->host, 0, i % 32 ? model_a : model_b);
    }
    pmt_host_run(storm->host, 128);
  }
  return NULL;
}

static void test_storm(void) {
  static Storm storm;
  storm.host = make_host(PMT_HOST_THREAD);
  pmt_host_activate(storm.host);
  roll(storm.host, 240);
  pmt_host_send_model(storm.host, 0, model_a); /* every URI mapped before threads share the map */
  CHECK(pmt_host_await(storm.host, "model-a"));
  PmtHostState state;
  pmt_host_save(storm.host, &state, full);
  pthread_t audio;
  CHECK(!pthread_create(&audio, NULL, storm_audio, &storm));
  for (int i = 0; i < 60; ++i) {
    pmt_host_restore(storm.host, &state, full);
    pmt_host_save(storm.host, &state, full);
    CHECKF(strstr(state.value, "/model-"), "%s", state.value);
  }
  atomic_store(&storm.stop, true);
  pthread_join(audio, NULL);
  PmtHostState last = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  last.size = (size_t)snprintf(last.value, sizeof last.value, "abstract:%s", first) + 1;
  pmt_host_restore(storm.host, &last, full); /* the newest wish of all */
  CHECK(pmt_host_await(storm.host, "first"));
  usleep(100000); /* older loads come in */
  expect_path(storm.host, first);
  expect_saved(storm.host, first);
  pmt_host_free(storm.host);
}

/* lilv, as jalv and Ardour use it ------------------------------------------------------------------------------------ */

typedef struct { char* uri[256]; uint32_t n; } Uris;

static LV2_URID map_uri(LV2_URID_Map_Handle handle, const char* uri) {
  Uris* const uris = handle;
  for (uint32_t i = 0; i < uris->n; ++i) {
    if (!strcmp(uris->uri[i], uri)) {
      return i + 1;
    }
  }
  CHECK(uris->n < 256);
  uris->uri[uris->n] = strdup(uri);
  return ++uris->n;
}

static const char* unmap_uri(LV2_URID_Unmap_Handle handle, LV2_URID urid) {
  const Uris* const uris = handle;
  return urid && urid <= uris->n ? uris->uri[urid - 1] : NULL;
}

static const void* get_port(const char* symbol, void* data, uint32_t* size, uint32_t* type) {
  static const float value = 1.5f;
  (void)symbol;
  *size = sizeof value;
  *type = map_uri(data, LV2_ATOM__Float);
  return &value;
}

static void set_port(const char* symbol, void* data, const void* value, uint32_t size, uint32_t type) {
  (void)size;
  (void)type;
  if (!strcmp(symbol, "temperature")) {
    *(float*)data = *(const float*)value;
  }
}

typedef struct {
  LilvWorld* world;
  const LilvPlugin* plugin;
  Uris uris;
  LV2_URID_Map map;
  LV2_URID_Unmap unmap;
} Lilv;

static void lilv_open(Lilv* const l) {
  l->map = (LV2_URID_Map){&l->uris, map_uri};
  l->unmap = (LV2_URID_Unmap){&l->uris, unmap_uri};
  l->world = lilv_world_new();
  char folder[1100];
  snprintf(folder, sizeof folder, "%s/", bundle);
  LilvNode* const node = lilv_new_file_uri(l->world, NULL, folder);
  lilv_world_load_specifications(l->world);
  lilv_world_load_bundle(l->world, node);
  lilv_node_free(node);
  LilvNode* const uri = lilv_new_uri(l->world, PMT_PLUGIN_URI);
  l->plugin = lilv_plugins_get_by_uri(lilv_world_get_all_plugins(l->world), uri);
  CHECK(l->plugin);
  lilv_node_free(uri);
}

static LilvInstance* lilv_make(Lilv* const l) {
  const LV2_Feature map = {LV2_URID__map, &l->map};
  const LV2_Feature* const features[] = {&map, NULL};
  LilvInstance* const instance = lilv_plugin_instantiate(l->plugin, 48000, features);
  CHECK(instance);
  return instance;
}

/* Save into `folder`; the model must stand in the file, as a path beside it. */
static void lilv_save(Lilv* const l, LilvInstance* const instance, const char* const folder) {
  LilvState* const state =
      lilv_state_new_from_instance(l->plugin, instance, &l->map, "/nowhere", NULL, folder, folder, get_port, &l->uris,
                                   LV2_STATE_IS_POD, NULL);
  CHECK(state);
  CHECK(!lilv_state_save(l->world, &l->map, &l->unmap, state, NULL, folder, "state.ttl"));
  lilv_state_free(state);
  char file[700];
  snprintf(file, sizeof file, "%s/state.ttl", folder);
  unsigned char* text = NULL;
  size_t size = 0;
  CHECK(!pmt_file_read(file, 1 << 20, &text, &size, NULL));
  CHECKF(strstr((const char*)text, "<urn:partimento:model> <partimento.safetensors>"), "%s", text);
  free(text);
  snprintf(file, sizeof file, "%s/partimento.safetensors", folder);
  CHECK(!access(file, R_OK));
}

/* The folder for captures, as a host without paths of its own would say and hear it. */
typedef struct { Lilv* lilv; char path[4200]; } Folder;

static const void* say_folder(LV2_State_Handle handle, uint32_t key, size_t* size, uint32_t* type, uint32_t* flags) {
  Folder* const folder = handle;
  *size = strlen(folder->path) + 1;
  *type = map_uri(&folder->lilv->uris, LV2_ATOM__Path);
  *flags = LV2_STATE_IS_POD;
  return key == map_uri(&folder->lilv->uris, PMT_PLUGIN_CAPTURES_URI) ? folder->path : NULL;
}

static LV2_State_Status hear_folder(LV2_State_Handle handle, uint32_t key, const void* value, size_t size,
                                    uint32_t type, uint32_t flags) {
  Folder* const folder = handle;
  (void)type;
  (void)flags;
  CHECK(size <= sizeof folder->path);
  if (key == map_uri(&folder->lilv->uris, PMT_PLUGIN_CAPTURES_URI)) {
    memcpy(folder->path, value, size);
  }
  return LV2_STATE_SUCCESS;
}

static const LV2_State_Interface* state_of(const LilvInstance* const instance) {
  return lilv_instance_get_extension_data(instance, LV2_STATE__interface);
}

static void test_lilv(void) {
  Lilv l = {0};
  lilv_open(&l);
  char folder[600], second[600], file[700];
  Folder captures = {&l, ""}, heard = {&l, ""};
  snprintf(captures.path, sizeof captures.path, "%s/takes", scratch);
  CHECK(!mkdir(captures.path, 0777));
  snprintf(folder, sizeof folder, "%s/saved", scratch);
  snprintf(second, sizeof second, "%s/again", scratch);
  snprintf(file, sizeof file, "%s/state.ttl", folder);
  LilvInstance* const instance = lilv_make(&l);
  CHECK(!state_of(instance)->restore(lilv_instance_get_handle(instance), say_folder, &captures, 0, NULL));
  lilv_save(&l, instance, folder);
  LilvState* const state = lilv_state_new_from_file(l.world, &l.map, NULL, file);
  CHECK(state);
  float temperature = 0;
  lilv_state_restore(state, instance, set_port, &temperature, 0, NULL);
  CHECK(temperature == 1.5f);
  lilv_state_free(state);
  CHECK(!state_of(instance)->save(lilv_instance_get_handle(instance), hear_folder, &heard, 0, NULL));
  char* const real = realpath(captures.path, NULL); /* lilv handed over a link to it */
  CHECKF(real && !strcmp(heard.path, real), "%s", heard.path);
  free(real);
  lilv_save(&l, instance, second); /* lilv handed over another path, a link: it is saved again all the same */
  lilv_instance_free(instance);
  lilv_world_free(l.world);
  for (uint32_t i = 0; i < l.uris.n; ++i) {
    free(l.uris.uri[i]);
  }
}

int main(void) {
  pmt_host_make_scratch(scratch, sizeof scratch);
  snprintf(first, sizeof first, "%s/first.safetensors", scratch);
  snprintf(model_a, sizeof model_a, "%s/model-a.safetensors", scratch);
  snprintf(model_b, sizeof model_b, "%s/model-b.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(first, &(PmtTinyOptions){.seed = 1, .note_bias = 2}, NULL));
  CHECK(!pmt_tiny_model_write(model_a, &(PmtTinyOptions){.seed = 2, .note_bias = 2}, NULL));
  CHECK(!pmt_tiny_model_write(model_b, &(PmtTinyOptions){.seed = 3, .note_bias = 2}, NULL));
  pmt_host_copy_bundle(scratch, first, bundle, sizeof bundle);
  test_round_trip();
  test_while_running();
  test_missing();
  test_session();
  test_over_another();
  test_old_session();
  test_other_content();
  test_absurd();
  test_going_on();
  test_foreign_context();
  test_memory();
  test_overtaking();
  test_same_weights();
  test_storm();
  test_lilv();
  pmt_host_remove_scratch(scratch);
  return 0;
}
