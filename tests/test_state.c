/* SPDX-License-Identifier: ISC */
/* Saving and restoring the model's path: by our own host for the odd ways of real ones, by lilv for the real way. */
#include "check.h"

#include "base/file.h"
#include "ports.h"
#include "support/scene.h"
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

static const PmtHostPaths full = PMT_SCENE_PATHS;

/* What goes out comes in again. Before anything was played there are a model and its hash. */
static void test_round_trip(void) {
  PmtHost* host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  PmtHostState state;
  pmt_host_save(host, &state, full);
  CHECK(state.count == 2 && !strcmp(state.key, PMT_PLUGIN_MODEL_URI) && !strcmp(state.type, LV2_ATOM__Path));
  CHECK(strstr(state.value, "partimento.lv2/partimento.safetensors") && state.size == strlen(state.value) + 1);
  pmt_host_send_model(host, 0, pmt_scene.model_a);
  CHECK(pmt_host_await(host, "model-a"));
  pmt_host_save(host, &state, full);
  CHECK(pmt_host_paths_out(host) == 0);
  pmt_scene_expect_saved(host, pmt_scene.model_a);
  pmt_host_free(host);

  static const PmtHostPaths kinds[] = {{true, true, true}, {true, false, true}, {true, false, false}};
  for (size_t i = 0; i < 3; ++i) {
    host = pmt_scene_host(PMT_HOST_POLLED);
    pmt_host_restore(host, &state, kinds[i]);
    CHECK(pmt_host_paths_out(host) == 0);
    pmt_scene_expect_saved(host, pmt_scene.model_a); /* before it ever ran */
    pmt_host_activate(host);
    pmt_scene_expect_path(host, pmt_scene.model_a);
    pmt_scene_expect_saved(host, pmt_scene.model_a);
    pmt_host_free(host);
  }

  PmtHostState plain; /* a host that maps no paths */
  host = pmt_scene_host(PMT_HOST_NO_WORKER);
  pmt_host_save(host, &plain, (PmtHostPaths){false, false, false});
  CHECK(plain.value[0] == '/');
  snprintf(plain.value, sizeof plain.value, "%s", pmt_scene.model_a);
  plain.size = strlen(pmt_scene.model_a); /* Carla: the NUL is not counted, and not there */
  memset(plain.value + plain.size, 'X', 20);
  pmt_host_restore(host, &plain, (PmtHostPaths){false, false, false});
  pmt_host_activate(host);
  pmt_scene_expect_path(host, pmt_scene.model_a);
  pmt_host_free(host);
}

/* restore() while run() goes on; a preset without a model; what is no path. */
static void test_while_running(void) {
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", pmt_scene.model_a) + 1;
  for (PmtHostWorker worker = PMT_HOST_NO_WORKER; worker <= PMT_HOST_REFUSING; ++worker) {
    PmtHost* const host = pmt_scene_host(worker);
    pmt_host_activate(host);
    pmt_scene_roll(host, 240);
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
    pmt_scene_expect_path(host, pmt_scene.model_a);

    PmtHostState none = {.size = 0};
    pmt_host_restore(host, &none, full);
    pmt_scene_expect_path(host, pmt_scene.model_a);
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
    pmt_scene_expect_path(host, pmt_scene.model_a);
    pmt_scene_expect_saved(host, pmt_scene.model_a);
    CHECK(pmt_host_paths_out(host) == 0);
    pmt_host_free(host);
  }
}

/* The session's model is not there: the wish is kept for the next save, the present model plays on, a line says so. */
static void test_missing(void) {
  char missing[1100];
  snprintf(missing, sizeof missing, "%s/gone.safetensors", pmt_scene.scratch);
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", missing) + 1;
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_restore(host, &state, full);
  CHECKF(strstr(pmt_host_log(host), "gone.safetensors"), "%s", pmt_host_log(host));
  pmt_scene_expect_saved(host, missing);
  pmt_host_activate(host);
  pmt_scene_roll(host, 240);
  for (int i = 0; i < 100; ++i) {
    pmt_host_run(host, 512);
  }
  CHECK(pmt_host_midi(host)->n_events > 20);
  CHECK(strstr(pmt_host_status(host), "gone.safetensors"));
  pmt_scene_expect_saved(host, missing);
  pmt_host_send_model(host, 0, pmt_scene.model_b); /* a wish that fails is not kept, one that comes true is */
  CHECK(pmt_host_await(host, "model-b"));
  pmt_scene_expect_saved(host, pmt_scene.model_b);
  pmt_host_send_model(host, 0, missing);
  CHECK(pmt_host_await(host, "gone"));
  pmt_scene_expect_saved(host, pmt_scene.model_b);
  pmt_host_free(host);
}

/* A restore is newer than a load still under way, and wins although it is done first. */
static void test_overtaking(void) {
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", pmt_scene.model_a) + 1;
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  pmt_host_activate(host);
  pmt_host_send_model(host, 0, pmt_scene.model_b);
  pmt_host_run(host, 64);
  pmt_host_restore(host, &state, full);
  pmt_host_work(host); /* both lie in one mailbox now */
  pmt_scene_expect_path(host, pmt_scene.model_a);
  pmt_scene_expect_saved(host, pmt_scene.model_a);
  pmt_host_send_model(host, 0, pmt_scene.model_b);
  pmt_host_run(host, 64);
  pmt_host_restore(host, &state, full);
  pmt_host_run(host, 64); /* one after the other */
  pmt_host_work(host);
  pmt_scene_expect_path(host, pmt_scene.model_a);
  pmt_scene_expect_saved(host, pmt_scene.model_a);
  for (int i = 0; i < 50; ++i) { /* scrolling through presets with the engine off */
    pmt_host_restore(host, &state, full);
  }
  pmt_host_free(host);
}

/* The same weights under another name, as sessions link them, do not interrupt the music. */
static void test_same_weights(void) {
  char link_path[1100];
  snprintf(link_path, sizeof link_path, "%s/link.safetensors", pmt_scene.scratch);
  CHECK(!symlink(pmt_scene.first, link_path));
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", link_path) + 1;
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  PmtHost* const reference = pmt_scene_host(PMT_HOST_POLLED);
  for (PmtHost* h = host; h; h = h == host ? reference : NULL) {
    pmt_host_activate(h);
    pmt_scene_roll(h, 240);
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
  pmt_scene_expect_path(host, link_path);
  pmt_host_free(host);
  pmt_host_free(reference);
}

/* ---- Presets of a bundle that has several models ----------------------------------------------------------------- */

/* A second model in the scene's bundle. @return its path, as lilv gives it to restore() for a preset that names it */
static const char* bundle_second(void) {
  static char path[1100];
  snprintf(path, sizeof path, "%s/partimento-second.safetensors", pmt_scene.bundle);
  if (access(path, R_OK)) {
    CHECK(!link(pmt_scene.model_a, path));
  }
  return path;
}

/* What a preset has in its state: a path alone. */
static void apply_preset(PmtHost* const host, const char* const path) {
  PmtHostState state = {.key = PMT_PLUGIN_MODEL_URI, .type = LV2_ATOM__Path};
  state.size = (size_t)snprintf(state.value, sizeof state.value, "abstract:%s", path) + 1;
  pmt_host_restore(host, &state, full);
}

static PmtHost* open_rolling(const PmtHostWorker worker) {
  PmtHost* const host = pmt_scene_host(worker);
  pmt_host_activate(host);
  pmt_scene_roll(host, 240);
  return host;
}

/* @return the first event in which they differ; the number of events when they do not */
static size_t first_difference(PmtHost* const one, PmtHost* const other) {
  const PmtMidiList *a = pmt_host_midi(one), *b = pmt_host_midi(other);
  size_t i = 0;
  while (i < a->n_events && i < b->n_events && a->events[i].frame == b->events[i].frame &&
         !memcmp(a->events[i].bytes, b->events[i].bytes, 3)) {
    ++i;
  }
  return i == a->n_events && i == b->n_events ? a->n_events : i;
}

/* A preset whose model plays already: not a note changes, and nothing is complained of. */
static void test_preset_of_the_same(const PmtHostWorker worker) {
  char bundled[1100];
  snprintf(bundled, sizeof bundled, "%s/partimento.safetensors", pmt_scene.bundle);
  PmtHost* const host = open_rolling(worker);
  PmtHost* const reference = open_rolling(worker);
  for (int i = 0; i < 300; ++i) {
    if (i % 37 == 20) {
      apply_preset(host, bundled);
    }
    pmt_host_run(host, 512);
    pmt_host_run(reference, 512);
  }
  const size_t n = pmt_host_midi(reference)->n_events;
  CHECK(n > 100);
  CHECKF(first_difference(reference, host) == n, "event %zu of %zu", first_difference(reference, host), n);
  CHECK(pmt_host_log_lines(host) == 0);
  pmt_scene_expect_path(host, bundled);
  pmt_host_free(host);
  pmt_host_free(reference);
}

/* One of another model: it takes over where patch:Set would let it, at the next eighth that is not composed yet. */
static void test_preset_of_another(void) {
  enum { CHANGE = 120, CYCLES = 300, BLOCK = 512, EIGHTH = 6000 /* 240 BPM */ };
  PmtHost* const set = open_rolling(PMT_HOST_INSIDE);
  PmtHost* const preset = open_rolling(PMT_HOST_NO_WORKER);
  PmtHost* const reference = open_rolling(PMT_HOST_NO_WORKER);
  for (int i = 0; i < CYCLES; ++i) {
    if (i == CHANGE) {
      apply_preset(preset, bundle_second());
      pmt_host_send_model(set, 0, bundle_second());
    }
    pmt_host_run(set, BLOCK);
    pmt_host_run(preset, BLOCK);
    pmt_host_run(reference, BLOCK);
  }
  const size_t n = pmt_host_midi(preset)->n_events;
  CHECKF(first_difference(preset, set) == n, "event %zu of %zu", first_difference(preset, set), n);
  const size_t turn = first_difference(preset, reference);
  CHECKF(turn + 50 < n, "%zu of %zu", turn, n);
  const uint64_t at = pmt_host_midi(preset)->events[turn].frame, change = CHANGE * BLOCK;
  CHECKF(at >= change && at <= change + 3 * EIGHTH, "%llu", (unsigned long long)at);
  apply_preset(preset, bundle_second()); /* it plays now: to choose it again changes nothing */
  for (int i = 0; i < CYCLES; ++i) {
    pmt_host_run(set, BLOCK);
    pmt_host_run(preset, BLOCK);
  }
  CHECK(first_difference(preset, set) == pmt_host_midi(preset)->n_events);
  CHECK(pmt_host_midi(preset)->n_events > n + 50);
  pmt_scene_expect_path(preset, bundle_second());
  pmt_host_free(set);
  pmt_host_free(preset);
  pmt_host_free(reference);
}

/* A session that a preset's model was saved in, and the bundle lies elsewhere now: the model of that name plays, not the
   first one, without a word when it is the same and with one when it is not. */
static void test_moved_bundle(void) {
  char gone[1100], wanted[17];
  snprintf(gone, sizeof gone, "%s/elsewhere.lv2/partimento-second.safetensors", pmt_scene.scratch);
  PmtHost* host = open_rolling(PMT_HOST_NO_WORKER);
  static PmtHostState state;
  apply_preset(host, bundle_second());
  pmt_scene_play(host, 100);
  pmt_host_save(host, &state, full);
  PmtHostProperty* const path = pmt_host_find_property(&state, PMT_PLUGIN_MODEL_URI);
  PmtHostProperty* const hash = pmt_host_find_property(&state, PMT_PLUGIN_HASH_URI);
  CHECK(path && hash && strstr(path->value, "/partimento-second.safetensors"));
  snprintf(wanted, sizeof wanted, "%.16s", hash->value);
  path->size = (size_t)snprintf(path->value, sizeof path->value, "abstract:%s", gone) + 1;
  pmt_host_free(host); /* nobody has its content any more */
  for (int changed = 0; changed < 2; ++changed) {
    snprintf(hash->value, sizeof hash->value, "%s", changed ? "0123456789abcdef" : wanted);
    host = open_rolling(PMT_HOST_NO_WORKER);
    pmt_host_restore(host, &state, full);
    pmt_scene_play(host, 3);
    const char* const status = pmt_host_status(host);
    CHECKF(strstr(status, "(partimento-second.safetensors)"), "%s", status);
    CHECKF(!strstr(status, "not loaded") == !changed, "%s", status);
    pmt_scene_expect_saved(host, gone);
    pmt_host_free(host);
  }
}

/* All threads at once: run(), the worker's loads, and the host saving and restoring. For the sanitizers' eyes. */
typedef struct { PmtHost* host; _Atomic(bool) stop; } Storm;

static void* storm_audio(void* const data) {
  Storm* const storm = data;
  for (int i = 0; !atomic_load(&storm->stop); ++i) {
    if (i % 16 == 0) {
      pmt_host_send_model(storm->host, 0, i % 32 ? pmt_scene.model_a : pmt_scene.model_b);
    }
    pmt_host_run(storm->host, 128);
  }
  return NULL;
}

static void test_storm(void) {
  static Storm storm;
  storm.host = pmt_scene_host(PMT_HOST_THREAD);
  pmt_host_activate(storm.host);
  pmt_scene_roll(storm.host, 240);
  pmt_host_send_model(storm.host, 0, pmt_scene.model_a); /* every URI mapped before threads share the map */
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
  last.size = (size_t)snprintf(last.value, sizeof last.value, "abstract:%s", pmt_scene.first) + 1;
  pmt_host_restore(storm.host, &last, full); /* the newest wish of all */
  CHECK(pmt_host_await(storm.host, "first"));
  usleep(100000); /* older loads come in */
  pmt_scene_expect_path(storm.host, pmt_scene.first);
  pmt_scene_expect_saved(storm.host, pmt_scene.first);
  pmt_host_free(storm.host);
}

/* ---- lilv, as jalv and Ardour use it ----------------------------------------------------------------------------- */

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
  snprintf(folder, sizeof folder, "%s/", pmt_scene.bundle);
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
  snprintf(captures.path, sizeof captures.path, "%s/takes", pmt_scene.scratch);
  CHECK(!mkdir(captures.path, 0777));
  snprintf(folder, sizeof folder, "%s/saved", pmt_scene.scratch);
  snprintf(second, sizeof second, "%s/again", pmt_scene.scratch);
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
  pmt_scene_open();
  test_round_trip();
  test_while_running();
  test_missing();
  test_overtaking();
  test_same_weights();
  test_preset_of_the_same(PMT_HOST_NO_WORKER);
  test_preset_of_the_same(PMT_HOST_POLLED);
  test_preset_of_another();
  test_moved_bundle();
  test_storm();
  test_lilv();
  pmt_scene_close();
  return 0;
}
