/* SPDX-License-Identifier: ISC */
/* The lists of ports in C (plugin/ports.h) and the one for readers (ttl/plugin.ttl.in) say the same, through lilv. */
#include "check.h"

#include "gen/engine.h"
#include "ports.h"
#include "support/lv2_host.h"

#include <lilv/lilv.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct {
  const char* symbol;
  PmtPortKind kind;
  float def, min, max;
} Port;

#define PORT_ROW(name, symbol, kind, def, min, max) {symbol, PMT_##kind, def, min, max},
static const Port ports[] = {PMT_PORTS(PORT_ROW) PMT_INSTRUMENT_PORTS(PORT_ROW)};

static LilvWorld* world;
static const LilvPlugin* plugin;

static LilvNode* uri(const char* const text) { return lilv_new_uri(world, text); }

static bool is_a(const LilvPort* const port, const char* const class) {
  LilvNode* const node = uri(class);
  const bool is = lilv_port_is_a(plugin, port, node);
  lilv_node_free(node);
  return is;
}

static bool same(LilvNode* const node, const float value) {
  const bool equal = node && fabsf(lilv_node_as_float(node) - value) <= 1e-6f * fabsf(value);
  lilv_node_free(node);
  return equal;
}

static bool has(const LilvPort* const port, const char* const predicate) {
  LilvNode* const node = uri(predicate);
  LilvNode* const value = lilv_port_get(plugin, port, node);
  const bool found = value != NULL;
  lilv_node_free(value);
  lilv_node_free(node);
  return found;
}

static void check_kind(const LilvPort* const port, const Port* const expected) {
  const bool in = expected->kind == PMT_ATOM_IN || expected->kind == PMT_FLOAT_IN;
  const bool atom = expected->kind == PMT_ATOM_IN || expected->kind == PMT_ATOM_OUT;
  const bool audio = expected->kind == PMT_AUDIO_OUT;
  CHECKF(is_a(port, in ? LILV_URI_INPUT_PORT : LILV_URI_OUTPUT_PORT), "%s", expected->symbol);
  CHECKF(is_a(port, atom ? LILV_URI_ATOM_PORT : audio ? LILV_URI_AUDIO_PORT : LILV_URI_CONTROL_PORT), "%s", expected->symbol);
}

static void check_range(const LilvPort* const port, const Port* const expected) {
  LilvNode *def = NULL, *min = NULL, *max = NULL;
  lilv_port_get_range(plugin, port, &def, &min, &max);
  CHECKF(same(def, expected->def), "%s: default", expected->symbol);
  CHECKF(same(min, expected->min), "%s: minimum", expected->symbol);
  CHECKF(same(max, expected->max), "%s: maximum", expected->symbol);
  CHECKF(expected->min <= expected->def && expected->def <= expected->max, "%s", expected->symbol);
  CHECKF(has(port, "http://lv2plug.in/ns/ext/port-groups#group"), "%s", expected->symbol);
}

/* Hosts show scale points as a list: each whole number once, from the minimum on, within the range. */
static void check_scale_points(const LilvPort* const port, const Port* const expected, const unsigned count) {
  LilvScalePoints* const points = lilv_port_get_scale_points(plugin, port);
  unsigned seen = 0;
  LILV_FOREACH (scale_points, i, points) {
    const float value = lilv_node_as_float(lilv_scale_point_get_value(lilv_scale_points_get(points, i)));
    CHECKF(value >= expected->min && value <= expected->max && value == floorf(value), "%s", expected->symbol);
    seen |= 1u << (unsigned)value;
  }
  CHECKF(seen == (1u << count) - 1, "%s: %u", expected->symbol, seen);
  lilv_scale_points_free(points);
}

static void check_default_controls(void) {
  const PmtControls d = pmt_controls_default();
  const float values[] = {d.temperature, d.style, d.style2, d.blend, d.density, d.min_p, d.seed, d.register_lo,
                          d.register_hi, d.scale_root, d.scale_mode, d.strictness, d.velocity, d.channel, d.enabled,
                          d.hold};
  const float later[] = {d.loop, d.freeze, d.run, d.tempo};
  const float together[] = {d.mode, d.you_play, d.wait, d.turn, d.give_way, d.follow, d.room, d.rest, d.count_in,
                            d.thru};
  for (size_t i = 0; i < sizeof values / sizeof *values; ++i) {
    CHECKF(values[i] == ports[PMT_PORT_TEMPERATURE + i].def, "%s", ports[PMT_PORT_TEMPERATURE + i].symbol);
  }
  for (size_t i = 0; i < sizeof later / sizeof *later; ++i) {
    CHECKF(later[i] == ports[PMT_PORT_LOOP + i].def, "%s", ports[PMT_PORT_LOOP + i].symbol);
  }
  for (size_t i = 0; i < sizeof together / sizeof *together; ++i) {
    CHECKF(together[i] == ports[PMT_PORT_MODE + i].def, "%s", ports[PMT_PORT_MODE + i].symbol);
  }
  CHECK(ports[PMT_PORT_LEARN_BARS].max == PMT_LEARN_BARS_MAX);
}

/* Each plugin has the first `count` of the ports. */
static void check_plugin(const char* const name, const uint32_t count) {
  LilvNode* const node = uri(name);
  plugin = lilv_plugins_get_by_uri(lilv_world_get_all_plugins(world), node);
  CHECKF(plugin, "no %s", name);
  CHECK(lilv_plugin_verify(plugin));
  CHECKF(lilv_plugin_get_num_ports(plugin) == count, "%s: %u", name, lilv_plugin_get_num_ports(plugin));
  for (uint32_t i = 0; i < count; ++i) {
    const LilvPort* const port = lilv_plugin_get_port_by_index(plugin, i);
    CHECKF(port, "%u", i);
    CHECKF(!strcmp(lilv_node_as_string(lilv_port_get_symbol(plugin, port)), ports[i].symbol), "%s", ports[i].symbol);
    CHECKF(has(port, "http://www.w3.org/2000/01/rdf-schema#comment"), "%s", ports[i].symbol);
    check_kind(port, &ports[i]);
    if (ports[i].kind == PMT_FLOAT_IN || ports[i].kind == PMT_FLOAT_OUT) {
      check_range(port, &ports[i]);
    }
  }
  static const struct { PmtPortIndex port; unsigned count; } lists[] = {
      {PMT_PORT_STYLE, 7}, {PMT_PORT_STYLE2, 7}, {PMT_PORT_SCALE_ROOT, 12}, {PMT_PORT_SCALE_MODE, PMT_SCALES},
      {PMT_PORT_RUN, PMT_RUNS}, {PMT_PORT_MODE, PMT_MODES}, {PMT_PORT_YOU_PLAY, PMT_YOUS},
      {PMT_PORT_ROOM, PMT_MANNERS}, {PMT_PORT_DOING, PMT_DOING_LISTENS + 1}};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; ++i) {
    const PmtPortIndex port = lists[i].port;
    check_scale_points(lilv_plugin_get_port_by_index(plugin, port), &ports[port], lists[i].count);
  }
  lilv_node_free(node);
  printf("%s: %u ports agree\n", name, count);
}

int main(void) {
  char path[4096], folder[4100];
  pmt_host_find_bundle(path, sizeof path);
  snprintf(folder, sizeof folder, "%s/", path);
  world = lilv_world_new();
  CHECK(world);
  lilv_world_load_specifications(world);
  lilv_world_load_plugin_classes(world);
  LilvNode* const bundle = lilv_new_file_uri(world, NULL, folder);
  lilv_world_load_bundle(world, bundle);
  lilv_node_free(bundle);
  check_plugin(PMT_PLUGIN_URI, PMT_PORT_COUNT);
  check_plugin(PMT_INSTRUMENT_URI, PMT_INSTRUMENT_PORT_COUNT);
  check_default_controls();
  lilv_world_free(world);
  return 0;
}
