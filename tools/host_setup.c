/* SPDX-License-Identifier: ISC */
/* Opening and closing: world, features, ports. Above: host.h. Below: lilv. */
#include "host_private.h"

#include "ports.h"

#include <lv2/core/lv2.h>
#include <lv2/midi/midi.h>
#include <lv2/patch/patch.h>
#include <lv2/resize-port/resize-port.h>
#include <lv2/state/state.h>
#include <lv2/time/time.h>
#include <lv2/worker/worker.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATOM_BUFFER_DEFAULT = 8192 };

/* ---- URIDs ---- */

LV2_URID pmt_host_map(LV2_URID_Map_Handle handle, const char* uri) {
  PmtUridTable* table = handle;
  pthread_mutex_lock(&table->lock);
  uint32_t at = 0;
  while (at < table->n_uris && strcmp(table->uris[at], uri)) {
    ++at;
  }
  if (at == table->n_uris) {
    char** uris = realloc(table->uris, (table->n_uris + 1) * sizeof *uris);
    char* copy = strdup(uri);
    table->uris = uris ? uris : table->uris;
    if (uris && copy) {
      uris[table->n_uris++] = copy;
    } else {
      free(copy);
      at = UINT32_MAX; /* 0 below: "failed" in the words of urid.lv2 */
    }
  }
  pthread_mutex_unlock(&table->lock);
  return at + 1;
}

static const char* unmap(LV2_URID_Unmap_Handle handle, LV2_URID urid) {
  PmtUridTable* table = handle;
  pthread_mutex_lock(&table->lock);
  const char* uri = urid && urid <= table->n_uris ? table->uris[urid - 1] : NULL;
  pthread_mutex_unlock(&table->lock);
  return uri;
}

static void map_urids(PmtHost* host) {
  const struct { LV2_URID* urid; const char* uri; } list[] = {
    {&host->urids.atom_chunk, LV2_ATOM__Chunk},
    {&host->urids.atom_sequence, LV2_ATOM__Sequence},
    {&host->urids.atom_object, LV2_ATOM__Object},
    {&host->urids.atom_blank, LV2_ATOM__Blank},
    {&host->urids.atom_path, LV2_ATOM__Path},
    {&host->urids.atom_string, LV2_ATOM__String},
    {&host->urids.atom_float, LV2_ATOM__Float},
    {&host->urids.atom_int, LV2_ATOM__Int},
    {&host->urids.midi_event, LV2_MIDI__MidiEvent},
    {&host->urids.log_error, LV2_LOG__Error},
    {&host->urids.log_warning, LV2_LOG__Warning},
    {&host->urids.patch_set, LV2_PATCH__Set},
    {&host->urids.patch_property, LV2_PATCH__property},
    {&host->urids.patch_value, LV2_PATCH__value},
    {&host->urids.time_position, LV2_TIME__Position},
    {&host->urids.time_frame, LV2_TIME__frame},
    {&host->urids.time_speed, LV2_TIME__speed},
    {&host->urids.time_bar, LV2_TIME__bar},
    {&host->urids.time_bar_beat, LV2_TIME__barBeat},
    {&host->urids.time_beats_per_bar, LV2_TIME__beatsPerBar},
    {&host->urids.time_beat_unit, LV2_TIME__beatUnit},
    {&host->urids.time_bpm, LV2_TIME__beatsPerMinute},
  };
  for (size_t i = 0; i < sizeof list / sizeof *list; ++i) {
    *list[i].urid = pmt_host_map(&host->table, list[i].uri);
  }
}

/* ---- features ---- */

static int log_va(LV2_Log_Handle handle, LV2_URID type, const char* format, va_list args) {
  PmtHost* host = handle;
  char line[PMT_HOST_TEXT];
  const int length = vsnprintf(line, sizeof line, format, args);
  line[strcspn(line, "\n")] = '\0';
  if (type == host->urids.log_error) {
    memcpy(host->logged, line, sizeof line);
  }
  fprintf(stderr, "plugin: %s\n", line);
  return length;
}

static int log_line(LV2_Log_Handle handle, LV2_URID type, const char* format, ...) {
  va_list args;
  va_start(args, format);
  const int length = log_va(handle, type, format, args);
  va_end(args);
  return length;
}

static LV2_Options_Option make_option(PmtHost* host, const char* key, const char* type, uint32_t size,
                                      const void* value) {
  return (LV2_Options_Option){LV2_OPTIONS_INSTANCE, 0, pmt_host_map(&host->table, key), size,
                              pmt_host_map(&host->table, type), value};
}

static void make_features(PmtHost* host) {
  host->map = (LV2_URID_Map){&host->table, pmt_host_map};
  host->unmap = (LV2_URID_Unmap){&host->table, unmap};
  host->log = (LV2_Log_Log){host, log_line, log_va};
  host->schedule = (LV2_Worker_Schedule){&host->worker, pmt_host_worker_schedule};
  host->block_min = 1; /* blocks are cut at every change */
  host->block_max = (int32_t)host->options.block_max;
  host->sequence_size = ATOM_BUFFER_DEFAULT;
  host->sample_rate = (float)host->options.sample_rate;
  const LV2_Options_Option options[PMT_HOST_OPTIONS] = {
    make_option(host, LV2_BUF_SIZE__minBlockLength, LV2_ATOM__Int, sizeof(int32_t), &host->block_min),
    make_option(host, LV2_BUF_SIZE__maxBlockLength, LV2_ATOM__Int, sizeof(int32_t), &host->block_max),
    make_option(host, LV2_BUF_SIZE__nominalBlockLength, LV2_ATOM__Int, sizeof(int32_t), &host->block_max),
    make_option(host, LV2_BUF_SIZE__sequenceSize, LV2_ATOM__Int, sizeof(int32_t), &host->sequence_size),
    make_option(host, "http://lv2plug.in/ns/ext/parameters#sampleRate", LV2_ATOM__Float, sizeof(float),
                &host->sample_rate),
    {LV2_OPTIONS_INSTANCE, 0, 0, 0, 0, NULL},
  };
  memcpy(host->option_list, options, sizeof options);
  const LV2_Feature features[PMT_HOST_FEATURES] = {
    {LV2_URID__map, &host->map},
    {LV2_URID__unmap, &host->unmap},
    {LV2_OPTIONS__options, host->option_list},
    {LV2_BUF_SIZE__boundedBlockLength, NULL},
    {LV2_WORKER__schedule, &host->schedule},
    {LV2_LOG__log, &host->log},
    {LV2_STATE__threadSafeRestore, NULL},
    {LV2_CORE__hardRTCapable, NULL},
  };
  memcpy(host->feature, features, sizeof features);
  for (uint32_t i = 0; i < PMT_HOST_FEATURES; ++i) {
    host->features[i] = &host->feature[i];
  }
}

static PmtStatus check_features(const PmtHost* host, PmtError* error) {
  LilvNodes* required = lilv_plugin_get_required_features(host->plugin);
  PmtStatus status = PMT_OK;
  LILV_FOREACH (nodes, i, required) {
    const char* uri = lilv_node_as_uri(lilv_nodes_get(required, i));
    uint32_t k = 0;
    while (k < PMT_HOST_FEATURES && strcmp(host->feature[k].URI, uri)) {
      ++k;
    }
    if (k == PMT_HOST_FEATURES) {
      status = pmt_fail(error, PMT_UNSUPPORTED, "%s requires <%s>, which this host has not", host->options.uri, uri);
    }
  }
  lilv_nodes_free(required);
  return status;
}

/* ---- the bundle ---- */

static PmtStatus fail_plugin(const PmtHost* host, PmtError* error) {
  const LilvPlugins* plugins = lilv_world_get_all_plugins(host->world);
  char list[200] = "";
  size_t used = 0;
  LILV_FOREACH (plugins, i, plugins) {
    if (used < sizeof list) {
      used += (size_t)snprintf(list + used, sizeof list - used, " <%s>",
                               lilv_node_as_uri(lilv_plugin_get_uri(lilv_plugins_get(plugins, i))));
    }
  }
  if (!*list) {
    return pmt_fail(error, PMT_BAD_FILE, "%s: no plugin in this bundle", host->options.bundle);
  }
  return pmt_fail(error, PMT_BAD_FILE, "%s: no plugin <%s>; there is:%s", host->options.bundle, host->options.uri,
                  list);
}

static const LilvPlugin* find_plugin(const PmtHost* host) {
  const LilvPlugins* plugins = lilv_world_get_all_plugins(host->world);
  if (!host->options.uri) {
    return lilv_plugins_size(plugins) ? lilv_plugins_get(plugins, lilv_plugins_begin(plugins)) : NULL;
  }
  LilvNode* uri = lilv_new_uri(host->world, host->options.uri);
  const LilvPlugin* plugin = uri ? lilv_plugins_get_by_uri(plugins, uri) : NULL;
  lilv_node_free(uri);
  return plugin;
}

static PmtStatus load_bundle(PmtHost* host, PmtError* error) {
  char path[PATH_MAX + 16];
  if (!realpath(host->options.bundle, path)) {
    return pmt_fail(error, PMT_IO, "%s: %s", host->options.bundle, strerror(errno));
  }
  const size_t length = strlen(path);
  snprintf(path + length, sizeof path - length, "/manifest.ttl");
  if (access(path, R_OK)) {
    return pmt_fail(error, PMT_BAD_FILE, "%s: not an LV2 bundle: manifest.ttl: %s", host->options.bundle,
                    strerror(errno));
  }
  path[length + 1] = '\0'; /* a bundle's URI ends in a slash */
  LilvNode* bundle = lilv_new_file_uri(host->world, NULL, path);
  if (bundle) {
    lilv_world_load_bundle(host->world, bundle);
    host->plugin = find_plugin(host);
  }
  lilv_node_free(bundle);
  if (!host->plugin) {
    return fail_plugin(host, error);
  }
  host->options.uri = lilv_node_as_uri(lilv_plugin_get_uri(host->plugin));
  return PMT_OK;
}

/* The property that takes a model. Plugins that have none of that name: the first one that takes a file, as in Carla. */
static void find_path_property(PmtHost* host) {
  LilvNode* writable = lilv_new_uri(host->world, LV2_PATCH__writable);
  LilvNode* range = lilv_new_uri(host->world, "http://www.w3.org/2000/01/rdf-schema#range");
  LilvNode* path = lilv_new_uri(host->world, LV2_ATOM__Path);
  LilvNodes* properties = lilv_plugin_get_value(host->plugin, writable);
  LILV_FOREACH (nodes, i, properties) {
    const LilvNode* property = lilv_nodes_get(properties, i);
    const bool model = !strcmp(lilv_node_as_uri(property), PMT_PLUGIN_MODEL_URI);
    if ((model || !host->path_property) && lilv_world_ask(host->world, property, range, path)) {
      host->path_property = pmt_host_map(&host->table, lilv_node_as_uri(property));
    }
  }
  lilv_nodes_free(properties);
  lilv_node_free(path);
  lilv_node_free(range);
  lilv_node_free(writable);
}

/* ---- ports ---- */

typedef struct {
  LilvNode *input, *output, *control, *audio, *cv, *atom, *minimum_size, *position, *midi, *freewheel;
} Nodes;

static void make_nodes(LilvWorld* world, Nodes* n) {
  n->input = lilv_new_uri(world, LV2_CORE__InputPort);
  n->output = lilv_new_uri(world, LV2_CORE__OutputPort);
  n->control = lilv_new_uri(world, LV2_CORE__ControlPort);
  n->audio = lilv_new_uri(world, LV2_CORE__AudioPort);
  n->cv = lilv_new_uri(world, LV2_CORE__CVPort);
  n->atom = lilv_new_uri(world, LV2_ATOM__AtomPort);
  n->minimum_size = lilv_new_uri(world, LV2_RESIZE_PORT__minimumSize);
  n->position = lilv_new_uri(world, LV2_TIME__Position);
  n->midi = lilv_new_uri(world, LV2_MIDI__MidiEvent);
  n->freewheel = lilv_new_uri(world, LV2_CORE__freeWheeling);
}

static void free_nodes(Nodes* n) {
  LilvNode* const list[] = {n->input, n->output, n->control, n->audio, n->cv, n->atom, n->minimum_size, n->position,
                            n->midi, n->freewheel};
  for (size_t i = 0; i < sizeof list / sizeof *list; ++i) {
    lilv_node_free(list[i]);
  }
}

static PmtStatus make_atom_port(PmtHost* host, const LilvPort* lilv, const Nodes* n, uint32_t index) {
  PmtHostPort* port = &host->ports[index];
  LilvNode* minimum = lilv_port_get(host->plugin, lilv, n->minimum_size);
  const int size = minimum && lilv_node_is_int(minimum) ? lilv_node_as_int(minimum) : 0;
  lilv_node_free(minimum);
  /* Exactly what is asked for, so that a tool that watches memory sees a step beyond. */
  port->size = ((uint32_t)(size > 256 ? size : ATOM_BUFFER_DEFAULT) + 7u) & ~7u;
  port->buffer = calloc(1, port->size);
  if (port->kind == PMT_HOST_ATOM_IN &&
      (host->control_in == host->n_ports || lilv_port_supports_event(host->plugin, lilv, n->position))) {
    host->control_in = index;
    host->takes_midi = lilv_port_supports_event(host->plugin, lilv, n->midi);
  }
  return port->buffer ? PMT_OK : PMT_NO_MEM;
}

static PmtStatus make_port(PmtHost* host, const Nodes* n, uint32_t index, float default_value) {
  const LilvPort* lilv = lilv_plugin_get_port_by_index(host->plugin, index);
  PmtHostPort* port = &host->ports[index];
  const bool in = lilv_port_is_a(host->plugin, lilv, n->input);
  port->symbol = lilv_node_as_string(lilv_port_get_symbol(host->plugin, lilv));
  if (lilv_port_is_a(host->plugin, lilv, n->control)) {
    port->kind = in ? PMT_HOST_CONTROL_IN : PMT_HOST_CONTROL_OUT;
    port->value = isnan(default_value) ? 0 : default_value;
    port->points = lilv_port_get_scale_points(host->plugin, lilv);
    return PMT_OK;
  }
  if (lilv_port_is_a(host->plugin, lilv, n->atom)) {
    port->kind = in ? PMT_HOST_ATOM_IN : PMT_HOST_ATOM_OUT;
    return make_atom_port(host, lilv, n, index);
  }
  port->kind = PMT_HOST_AUDIO;
  port->samples = calloc(host->options.block_max, sizeof *port->samples);
  return port->samples ? PMT_OK : PMT_NO_MEM;
}

static PmtStatus make_ports(PmtHost* host, const Nodes* n, PmtError* error) {
  const uint32_t count = lilv_plugin_get_num_ports(host->plugin);
  float* defaults = calloc(count + 1, sizeof *defaults);
  host->ports = calloc(count + 1, sizeof *host->ports);
  PmtStatus status = defaults && host->ports ? PMT_OK : PMT_NO_MEM;
  if (!status) {
    host->n_ports = host->control_in = count;
    lilv_plugin_get_port_ranges_float(host->plugin, NULL, NULL, defaults);
  }
  for (uint32_t i = 0; !status && i < count; ++i) {
    status = make_port(host, n, i, defaults[i]);
  }
  free(defaults);
  const LilvPort* freewheel =
    status ? NULL : lilv_plugin_get_port_by_designation(host->plugin, n->input, n->freewheel);
  if (freewheel) {
    host->ports[lilv_port_get_index(host->plugin, freewheel)].value = host->options.realtime ? 0 : 1;
  }
  return status ? pmt_fail(error, status, "%s: out of memory for its ports", host->options.uri) : PMT_OK;
}

static void connect_ports(PmtHost* host) {
  for (uint32_t i = 0; i < host->n_ports; ++i) {
    PmtHostPort* port = &host->ports[i];
    const bool control = port->kind == PMT_HOST_CONTROL_IN || port->kind == PMT_HOST_CONTROL_OUT;
    void* data = control ? (void*)&port->value : port->buffer ? (void*)port->buffer : (void*)port->samples;
    lilv_instance_connect_port(host->instance, i, data);
  }
}

/* ---- the whole ---- */

static PmtStatus start_instance(PmtHost* host, PmtError* error) {
  host->instance = lilv_plugin_instantiate(host->plugin, host->options.sample_rate, host->features);
  if (!host->instance) {
    return pmt_fail(error, PMT_BAD_FILE, "%s: the plugin <%s> does not start%s%s", host->options.bundle,
                    host->options.uri, *host->logged ? ": " : "", host->logged);
  }
  const LV2_Worker_Interface* worker = lilv_instance_get_extension_data(host->instance, LV2_WORKER__interface);
  if (pmt_host_worker_start(&host->worker, worker, lilv_instance_get_handle(host->instance), host->options.realtime)) {
    return pmt_fail(error, PMT_NO_MEM, "no thread for the plugin's worker");
  }
  connect_ports(host);
  lilv_instance_activate(host->instance);
  pmt_host_begin_cycle(host);
  return PMT_OK;
}

static PmtStatus open_host(PmtHost* host, PmtError* error) {
  host->world = lilv_world_new();
  if (!host->world) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for lilv");
  }
  PmtStatus status = load_bundle(host, error);
  if (status) {
    return status;
  }
  map_urids(host);
  find_path_property(host);
  make_features(host);
  lv2_atom_forge_init(&host->forge, &host->map);
  status = check_features(host, error);
  if (status) {
    return status;
  }
  Nodes nodes;
  make_nodes(host->world, &nodes);
  status = make_ports(host, &nodes, error);
  free_nodes(&nodes);
  return status ? status : start_instance(host, error);
}

PmtStatus pmt_host_new(const PmtHostOptions* options, PmtHost** out, PmtError* error) {
  *out = NULL;
  PmtHost* host = calloc(1, sizeof *host);
  if (!host) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the host");
  }
  host->options = *options;
  pthread_mutex_init(&host->table.lock, NULL);
  const PmtStatus status = open_host(host, error);
  if (status) {
    pmt_host_free(host);
    return status;
  }
  *out = host;
  return PMT_OK;
}

void pmt_host_free(PmtHost* host) {
  if (!host) {
    return;
  }
  if (host->instance) {
    lilv_instance_deactivate(host->instance);
    pmt_host_worker_stop(&host->worker);
    lilv_instance_free(host->instance);
  }
  for (uint32_t i = 0; i < host->n_ports; ++i) {
    lilv_scale_points_free(host->ports[i].points);
    free(host->ports[i].buffer);
    free(host->ports[i].samples);
  }
  free(host->ports);
  free(host->preset_model);
  lilv_world_free(host->world);
  for (uint32_t i = 0; i < host->table.n_uris; ++i) {
    free(host->table.uris[i]);
  }
  free(host->table.uris);
  pthread_mutex_destroy(&host->table.lock);
  free(host);
}
