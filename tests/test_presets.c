/* SPDX-License-Identifier: ISC */
/* The presets are restored through lilv, name a model of their bundle, which plays then, set only known ports within
   their ranges, and each plays other notes than the rest: those that are for playing together, to a tune. */
#include "check.h"

#include "ports.h"
#include "support/lv2_host_private.h"
#include "uris.h"

#include <lilv/lilv.h>
#include <lv2/atom/atom.h>
#include <lv2/presets/presets.h>
#include <string.h>
#include <unistd.h>

enum { PRESETS_MIN = 6, PRESETS_MAX = 32 };

typedef struct { const char* symbol; float def, min, max; } Port;
#define PORT_ROW(name, symbol, kind, def, min, max) {symbol, def, min, max},
static const Port ports[] = {PMT_PORTS(PORT_ROW)};

static PmtHost* host;
static char bundle[1024];

/* lilv hands numbers over in the type they are written in. */
static float read_number(const void* const value, const uint32_t type) {
  if (type == pmt_host_map(host, LV2_ATOM__Int)) {
    return (float)*(const int32_t*)value;
  }
  if (type == pmt_host_map(host, LV2_ATOM__Double)) {
    return (float)*(const double*)value;
  }
  CHECKF(type == pmt_host_map(host, LV2_ATOM__Float), "type %u", type);
  return *(const float*)value;
}

static void set_port(const char* symbol, void* data, const void* value, uint32_t size, uint32_t type) {
  unsigned* const count = data;
  (void)size;
  for (uint32_t i = PMT_PORT_TEMPERATURE; i <= PMT_PORT_ROOM; ++i) {
    const bool may_be_set = i <= PMT_PORT_VELOCITY || i >= PMT_PORT_MODE;
    if (may_be_set && !strcmp(ports[i].symbol, symbol)) {
      const float number = read_number(value, type);
      CHECKF(number >= ports[i].min && number <= ports[i].max, "%s = %g", symbol, (double)number);
      *pmt_host_port(host, i) = number;
      ++*count;
      return;
    }
  }
  CHECKF(false, "a preset sets %s", symbol);
}

/* All but the seed; of playing together whether, and how if so: who plays alone leaves the player's habits alone. */
static unsigned count_expected(void) {
  const bool together = *pmt_host_port(host, PMT_PORT_MODE) > 0.0f;
  return PMT_PORT_VELOCITY - PMT_PORT_TEMPERATURE + (together ? PMT_PORT_ROOM - PMT_PORT_MODE + 1 : 1);
}

/* Quarter notes, up and down, in cycles of a 25th of one. */
static void play_tune(const int cycle) {
  static const uint8_t tune[] = {67, 69, 71, 72, 74, 72, 71, 69};
  const uint8_t pitch = tune[cycle / 25 % 8];
  if (cycle % 25 == 0 || cycle % 25 == 20) {
    pmt_host_send_midi(host, 0, (const uint8_t[]){cycle % 25 ? 0x80 : 0x90, pitch, 90}, 3);
  }
}

static PmtMidiList play(void) {
  const PmtPosition stand = {.frame = 0, .speed = 0, .bar_beat = 0, .beats_per_bar = 4, .unit = 4, .bpm = 120};
  PmtPosition rolling = stand;
  rolling.speed = 1;
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  pmt_host_send_position(host, 0, &stand, PMT_HOST_PLAIN);
  for (int i = 0; i < 48; ++i) {
    pmt_host_run(host, 1000);
  }
  pmt_midi_list_free(pmt_host_midi(host));
  const uint64_t start = pmt_host_frame(host);
  pmt_host_send_position(host, 0, &rolling, PMT_HOST_PLAIN);
  *pmt_host_port(host, PMT_PORT_THRU) = 0;
  for (int i = 0; i < 400; ++i) { /* 4 bars */
    play_tune(i);
    pmt_host_run(host, 960);
  }
  PmtMidiList list = *pmt_host_midi(host);
  *pmt_host_midi(host) = (PmtMidiList){0};
  for (size_t i = 0; i < list.n_events; ++i) {
    list.events[i].frame -= start;
  }
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  pmt_host_run(host, 64);
  CHECK(!pmt_host_sounding(host));
  return list;
}

static bool same(const PmtMidiList* const a, const PmtMidiList* const b) {
  if (a->n_events != b->n_events) {
    return false;
  }
  for (size_t i = 0; i < a->n_events; ++i) {
    if (a->events[i].frame != b->events[i].frame || memcmp(a->events[i].bytes, b->events[i].bytes, 3)) {
      return false;
    }
  }
  return true;
}

static PmtHost* open_host(const char* const uri) {
  PmtHost* const opened = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .uri = uri});
  CHECK(opened);
  pmt_host_activate(opened);
  return opened;
}

/* @return the file that a preset names, to be freed */
static char* named_model(LilvWorld* const world, const LilvNode* const preset) {
  LilvNode* const has_state = lilv_new_uri(world, LV2_STATE__state);
  LilvNode* const has_model = lilv_new_uri(world, PMT_PLUGIN_MODEL_URI);
  LilvNode* const state = lilv_world_get(world, preset, has_state, NULL);
  LilvNode* const model = state ? lilv_world_get(world, state, has_model, NULL) : NULL;
  CHECKF(model && lilv_node_is_uri(model), "%s names no model", lilv_node_as_uri(preset));
  char* const path = lilv_file_uri_parse(lilv_node_as_uri(model), NULL);
  char* const real = path ? realpath(path, NULL) : NULL;
  CHECKF(real && !strncmp(real, bundle, strlen(bundle)), "%s: %s", lilv_node_as_uri(preset), lilv_node_as_uri(model));
  lilv_free(path);
  lilv_node_free(model);
  lilv_node_free(state);
  lilv_node_free(has_model);
  lilv_node_free(has_state);
  return real;
}

/* It has come to play. */
static void expect_model(LilvWorld* const world, const LilvNode* const preset) {
  char* const named = named_model(world, preset);
  pmt_host_send_get(host, 0, NULL);
  pmt_host_run(host, 64);
  pmt_host_run(host, 64);
  char* const told = realpath(pmt_host_told(host, PMT_PLUGIN_MODEL_URI), NULL);
  CHECKF(told && !strcmp(told, named), "%s, not %s", pmt_host_told(host, PMT_PLUGIN_MODEL_URI), named);
  CHECKF(pmt_host_log_lines(host) == 0, "%s: %s", named, pmt_host_log(host));
  free(told);
  free(named);
}

/* As hosts do, ports and all. @return how many ports it set */
static unsigned apply(const LilvState* const state) {
  LilvInstance instance = {host->descriptor, host->handle, NULL};
  unsigned count = 0;
  lilv_state_restore(state, &instance, set_port, &count, 0, NULL);
  return count;
}

/* @return number of presets */
static size_t play_presets(LilvWorld* const world, const char* const uri, PmtMidiList played[PRESETS_MAX]) {
  LilvNode* const plugin_uri = lilv_new_uri(world, uri);
  LilvNode* const preset_class = lilv_new_uri(world, LV2_PRESETS__Preset);
  const LilvPlugin* const plugin = lilv_plugins_get_by_uri(lilv_world_get_all_plugins(world), plugin_uri);
  CHECK(plugin);
  LilvNodes* const presets = lilv_plugin_get_related(plugin, preset_class);
  char label[PRESETS_MAX][64];
  size_t n = 0;
  LILV_FOREACH (nodes, i, presets) {
    const LilvNode* const preset = lilv_nodes_get(presets, i);
    CHECK(n < PRESETS_MAX);
    CHECK(lilv_world_load_resource(world, preset) > 0);
    LilvState* const state = lilv_state_new_from_world(world, &host->map_feature, preset);
    CHECK(state && lilv_state_get_label(state));
    CHECK(lilv_node_equals(lilv_state_get_plugin_uri(state), plugin_uri));
    snprintf(label[n], sizeof label[n], "%s", lilv_state_get_label(state));
    const unsigned count = apply(state);
    CHECKF(count == count_expected(), "%s sets %u ports", label[n], count);
    lilv_state_free(state);
    expect_model(world, preset);
    played[n] = play();
    printf("%-24s %zu events in 4 bars\n", label[n], played[n].n_events);
    CHECKF(played[n].n_events >= 8, "%s is silent", label[n]);
    for (size_t j = 0; j < n; ++j) {
      CHECKF(!same(&played[j], &played[n]), "%s plays as %s", label[n], label[j]);
      CHECKF(strcmp(label[j], label[n]), "two presets called %s", label[n]);
    }
    ++n;
  }
  CHECKF(n >= PRESETS_MIN, "%zu", n);
  lilv_nodes_free(presets);
  lilv_node_free(preset_class);
  lilv_node_free(plugin_uri);
  return n;
}

int main(void) {
  static const char* const plugins[] = {PMT_PLUGIN_URI, PMT_INSTRUMENT_URI};
  char found[1024], folder[1100];
  pmt_host_find_bundle(found, sizeof found);
  char* const real = realpath(found, NULL);
  CHECK(real && (size_t)snprintf(bundle, sizeof bundle, "%s", real) < sizeof bundle);
  free(real);
  snprintf(folder, sizeof folder, "%s/partimento.safetensors", bundle);
  if (access(folder, R_OK)) {
    puts("no shipped model here");
    return 77;
  }
  snprintf(folder, sizeof folder, "%s/", bundle);
  LilvWorld* const world = lilv_world_new();
  LilvNode* const bundle_uri = lilv_new_file_uri(world, NULL, folder);
  lilv_world_load_specifications(world);
  lilv_world_load_bundle(world, bundle_uri);

  PmtMidiList played[2][PRESETS_MAX];
  size_t n[2];
  for (int i = 0; i < 2; ++i) {
    host = open_host(plugins[i]);
    n[i] = play_presets(world, plugins[i], played[i]);
    pmt_host_free(host);
  }
  CHECK(n[0] == n[1]);
  for (size_t i = 0; i < n[0]; ++i) { /* the instrument has the same ones, in whatever order */
    size_t j = 0;
    while (j < n[1] && !same(&played[0][i], &played[1][j])) {
      ++j;
    }
    CHECKF(j < n[1], "preset %zu plays otherwise in the instrument", i);
  }
  for (size_t i = 0; i < n[0]; ++i) {
    pmt_midi_list_free(&played[0][i]);
    pmt_midi_list_free(&played[1][i]);
  }
  lilv_node_free(bundle_uri);
  lilv_world_free(world);
  return 0;
}
