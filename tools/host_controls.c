/* SPDX-License-Identifier: ISC */
/* Controls by symbol, values by name, presets by URI. Above: host.h. Below: lilv. */
#include "host_private.h"

#include "cli.h"
#include "ports.h"

#include <lv2/presets/presets.h>
#include <lv2/state/state.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_control(const PmtHostPort* port) {
  return port->kind == PMT_HOST_CONTROL_IN || port->kind == PMT_HOST_CONTROL_OUT;
}

static PmtHostPort* find_port(const PmtHost* host, const char* symbol, bool inputs_only) {
  for (uint32_t i = 0; i < host->n_ports; ++i) {
    PmtHostPort* port = &host->ports[i];
    if (is_control(port) && !(inputs_only && port->kind != PMT_HOST_CONTROL_IN) && !strcmp(port->symbol, symbol)) {
      return port;
    }
  }
  return NULL;
}

static PmtStatus fail_symbol(const PmtHost* host, const char* symbol, PmtError* error) {
  char list[240] = "";
  size_t used = 0;
  for (uint32_t i = 0; i < host->n_ports && used < sizeof list; ++i) {
    if (host->ports[i].kind == PMT_HOST_CONTROL_IN) {
      used += (size_t)snprintf(list + used, sizeof list - used, " %s", host->ports[i].symbol);
    }
  }
  return pmt_fail(error, PMT_BAD_ARG, "no control \"%s\"; there are:%s", symbol, list);
}

PmtStatus pmt_host_set(PmtHost* host, const char* symbol, double value, PmtError* error) {
  PmtHostPort* port = find_port(host, symbol, true);
  if (!port) {
    return fail_symbol(host, symbol, error);
  }
  port->value = (float)value;
  return PMT_OK;
}

bool pmt_host_get(const PmtHost* host, const char* symbol, float* value) {
  const PmtHostPort* port = find_port(host, symbol, false);
  if (port) {
    *value = port->value;
  }
  return port;
}

static const char* point_label(const LilvScalePoint* point) {
  return lilv_node_as_string(lilv_scale_point_get_label(point));
}

static double point_value(const LilvScalePoint* point) {
  return (double)lilv_node_as_float(lilv_scale_point_get_value(point));
}

/* Case does not matter; an underscore stands for a blank, so that a name is one word. */
static bool is_label(const char* label, const char* word) {
  for (; *label && *word; ++label, ++word) {
    const bool blank = *label == ' ' && *word == '_';
    if (!blank && tolower((unsigned char)*label) != tolower((unsigned char)*word)) {
      return false;
    }
  }
  return *label == *word;
}

PmtStatus pmt_host_value(const PmtHost* host, const char* symbol, const char* word, double* value, PmtError* error) {
  const PmtHostPort* port = find_port(host, symbol, true);
  if (!port) {
    return fail_symbol(host, symbol, error);
  }
  if (pmt_cli_parse_real(symbol, word, -1e30, 1e30, value, NULL)) {
    return PMT_OK;
  }
  LILV_FOREACH (scale_points, i, port->points) {
    const LilvScalePoint* point = lilv_scale_points_get(port->points, i);
    if (is_label(point_label(point), word)) {
      *value = point_value(point);
      return PMT_OK;
    }
  }
  char list[200] = "";
  size_t used = 0;
  LILV_FOREACH (scale_points, i, port->points) {
    const char* label = point_label(lilv_scale_points_get(port->points, i));
    used += (size_t)snprintf(list + used, sizeof list - used, "%s \"%s\"", used ? "," : ", nor one of:", label);
    if (used >= sizeof list) {
      break;
    }
  }
  return pmt_fail(error, PMT_BAD_ARG, "%s: \"%s\" is not a number%s", symbol, word, list);
}

const char* pmt_host_label(const PmtHost* host, const char* symbol, double value) {
  const PmtHostPort* port = find_port(host, symbol, true);
  if (!port) {
    return NULL;
  }
  LILV_FOREACH (scale_points, i, port->points) {
    const LilvScalePoint* point = lilv_scale_points_get(port->points, i);
    if (fabs(point_value(point) - value) < 1e-6) {
      return point_label(point);
    }
  }
  return NULL;
}

void pmt_host_keep_controls(PmtHost* host) {
  for (uint32_t i = 0; i < host->n_ports; ++i) {
    host->ports[i].kept = host->ports[i].value;
  }
}

void pmt_host_recall_controls(PmtHost* host) {
  for (uint32_t i = 0; i < host->n_ports; ++i) {
    if (host->ports[i].kind == PMT_HOST_CONTROL_IN) {
      host->ports[i].value = host->ports[i].kept;
    }
  }
}

double pmt_host_kept(const PmtHost* host, const char* symbol) {
  const PmtHostPort* port = find_port(host, symbol, true);
  return port ? (double)port->kept : 0;
}

/* ---- presets ---- */

static void set_from_state(const char* symbol, void* handle, const void* value, uint32_t size, uint32_t type) {
  PmtHost* host = handle;
  PmtHostPort* port = find_port(host, symbol, true);
  if (!port) {
    return;
  }
  if (type == host->urids.atom_float && size == sizeof(float)) {
    memcpy(&port->value, value, sizeof(float));
  } else if (type == host->urids.atom_int && size == sizeof(int32_t)) {
    int32_t whole = 0;
    memcpy(&whole, value, sizeof whole);
    port->value = (float)whole;
  }
}

static PmtStatus fail_preset(const LilvNodes* presets, const char* uri, PmtError* error) {
  char list[240] = "";
  size_t used = 0;
  LILV_FOREACH (nodes, i, presets) {
    if (used < sizeof list) {
      used += (size_t)snprintf(list + used, sizeof list - used, " %s", lilv_node_as_uri(lilv_nodes_get(presets, i)));
    }
  }
  return pmt_fail(error, PMT_BAD_ARG, "no preset \"%s\"; there are:%s", uri, *list ? list : " none");
}

/* As it stands in the turtle: lilv tells a state's properties to a plugin only. @return to be freed; NULL none */
static char* find_model(const PmtHost* host, const LilvNode* preset) {
  LilvNode* has_state = lilv_new_uri(host->world, LV2_STATE__state);
  LilvNode* has_model = lilv_new_uri(host->world, PMT_PLUGIN_MODEL_URI);
  LilvNode* state = lilv_world_get(host->world, preset, has_state, NULL);
  LilvNode* model = state ? lilv_world_get(host->world, state, has_model, NULL) : NULL;
  char* path = model && lilv_node_is_uri(model) ? lilv_node_get_path(model, NULL) : NULL;
  char* own = path ? strdup(path) : NULL;
  lilv_free(path);
  lilv_node_free(model);
  lilv_node_free(state);
  lilv_node_free(has_model);
  lilv_node_free(has_state);
  return own;
}

static PmtStatus apply_preset(PmtHost* host, const LilvNode* preset, PmtError* error) {
  lilv_world_load_resource(host->world, preset);
  LilvState* state = lilv_state_new_from_world(host->world, &host->map, preset);
  if (!state) {
    return pmt_fail(error, PMT_BAD_FILE, "preset %s cannot be read", lilv_node_as_uri(preset));
  }
  lilv_state_restore(state, host->instance, set_from_state, host, 0, host->features);
  lilv_state_free(state);
  free(host->preset_model);
  host->preset_model = find_model(host, preset);
  return PMT_OK;
}

const char* pmt_host_preset_model(const PmtHost* host) { return host->preset_model; }

PmtStatus pmt_host_preset(PmtHost* host, const char* uri, PmtError* error) {
  LilvNode* kind = lilv_new_uri(host->world, LV2_PRESETS__Preset);
  LilvNodes* presets = lilv_plugin_get_related(host->plugin, kind);
  const LilvNode* found = NULL;
  LILV_FOREACH (nodes, i, presets) {
    const LilvNode* preset = lilv_nodes_get(presets, i);
    if (lilv_node_is_uri(preset) && !strcmp(lilv_node_as_uri(preset), uri)) {
      found = preset;
    }
  }
  const PmtStatus status = found ? apply_preset(host, found, error) : fail_preset(presets, uri, error);
  lilv_nodes_free(presets);
  lilv_node_free(kind);
  return status;
}
