/* SPDX-License-Identifier: ISC */
/* The presets load through lilv, set only known ports within their ranges, and each plays other notes than the rest. */
#include "check.h"

#include "ports.h"
#include "support/lv2_host.h"
#include "support/tiny_model.h"

#include <lilv/lilv.h>
#include <lv2/atom/atom.h>
#include <lv2/presets/presets.h>
#include <lv2/urid/urid.h>
#include <string.h>
#include <unistd.h>

enum { PRESETS_MIN = 6, PRESETS_MAX = 16 };

typedef struct { const char* symbol; float def, min, max; } Port;
#define PORT_ROW(name, symbol, kind, def, min, max) {symbol, def, min, max},
static const Port ports[] = {PMT_PORTS(PORT_ROW)};

static PmtHost* host;
static LV2_URID_Map map;

static LV2_URID map_uri(LV2_URID_Map_Handle handle, const char* uri) {
  static char* known[64];
  (void)handle;
  for (LV2_URID i = 0; i < 64; ++i) {
    if (known[i] && !strcmp(known[i], uri)) {
      return i + 1;
    }
    if (!known[i]) {
      known[i] = strdup(uri);
      return i + 1;
    }
  }
  return 0;
}

/* lilv hands numbers over in the type they are written in. */
static float read_number(const void* const value, const uint32_t type) {
  if (type == map_uri(NULL, LV2_ATOM__Int)) {
    return (float)*(const int32_t*)value;
  }
  if (type == map_uri(NULL, LV2_ATOM__Double)) {
    return (float)*(const double*)value;
  }
  CHECKF(type == map_uri(NULL, LV2_ATOM__Float), "type %u", type);
  return *(const float*)value;
}

static void set_port(const char* symbol, void* data, const void* value, uint32_t size, uint32_t type) {
  unsigned* const count = data;
  (void)size;
  for (uint32_t i = PMT_PORT_TEMPERATURE; i <= PMT_PORT_VELOCITY; ++i) {
    if (!strcmp(ports[i].symbol, symbol)) {
      const float number = read_number(value, type);
      CHECKF(number >= ports[i].min && number <= ports[i].max, "%s = %g", symbol, (double)number);
      *pmt_host_port(host, i) = number;
      ++*count;
      return;
    }
  }
  CHECKF(false, "a preset sets %s", symbol);
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
  for (int i = 0; i < 400; ++i) { /* 4 bars */
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

/* With the shipped model when the bundle has one, else with a tiny one. */
static void open_host(const char* const scratch, const char* const uri) {
  char bundle[1024], model[1100], tiny[1024];
  pmt_host_find_bundle(bundle, sizeof bundle);
  snprintf(model, sizeof model, "%s/partimento.safetensors", bundle);
  if (access(model, R_OK)) {
    puts("no shipped model yet: a tiny one plays");
    snprintf(tiny, sizeof tiny, "%s/tiny.safetensors", scratch);
    CHECK(!pmt_tiny_model_write(tiny, &(PmtTinyOptions){.seed = 1}, NULL));
    pmt_host_copy_bundle(scratch, tiny, bundle, sizeof bundle);
  }
  host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .uri = uri});
  CHECK(host);
  pmt_host_activate(host);
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
    LilvState* const state = lilv_state_new_from_world(world, &map, preset);
    CHECK(state && lilv_state_get_label(state));
    CHECK(lilv_node_equals(lilv_state_get_plugin_uri(state), plugin_uri));
    snprintf(label[n], sizeof label[n], "%s", lilv_state_get_label(state));
    unsigned count = 0;
    lilv_state_emit_port_values(state, set_port, &count);
    CHECKF(count == PMT_PORT_VELOCITY - PMT_PORT_TEMPERATURE, "%s sets %u ports", label[n], count); /* all but seed */
    lilv_state_free(state);
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
  char scratch[512], bundle[1024], folder[1100];
  pmt_host_make_scratch(scratch, sizeof scratch);
  pmt_host_find_bundle(bundle, sizeof bundle);
  snprintf(folder, sizeof folder, "%s/", bundle);
  LilvWorld* const world = lilv_world_new();
  LilvNode* const bundle_uri = lilv_new_file_uri(world, NULL, folder);
  lilv_world_load_specifications(world);
  lilv_world_load_bundle(world, bundle_uri);
  map = (LV2_URID_Map){NULL, map_uri};

  PmtMidiList played[2][PRESETS_MAX];
  size_t n[2];
  for (int i = 0; i < 2; ++i) {
    open_host(scratch, plugins[i]);
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
  pmt_host_remove_scratch(scratch);
  return 0;
}
