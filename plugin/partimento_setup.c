/* SPDX-License-Identifier: ISC */
/* Making and unmaking what both plugins share. Never in the audio thread. Above: generator_setup.c, instrument_setup.c.
   Below: worker_setup.c, gen/engine */
#include "plugin.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char model_file[] = "partimento.safetensors";

_Static_assert(PMT_OWED_MAX >= 2 * PMT_HELD_MAX, "there is room for the end of each note of ours and of the player's");

static const void* find_feature(const LV2_Feature* const* const features, const char* const uri) {
  for (size_t i = 0; features && features[i]; ++i) {
    if (!strcmp(features[i]->URI, uri)) {
      return features[i]->data;
    }
  }
  return NULL;
}

static PmtStatus make_engine(PmtPlugin* const self, const double rate, const char* const bundle) {
  const size_t length = strlen(bundle);
  const char* const slash = length && bundle[length - 1] == '/' ? "" : "/";
  char* const path = malloc(PMT_PATH_MAX);
  PmtPlayer* player = NULL;
  if (!path) {
    return PMT_NO_MEM;
  }
  if (snprintf(path, PMT_PATH_MAX, "%s%s%s", bundle, slash, model_file) < PMT_PATH_MAX) {
    player = pmt_worker_load_first(&self->worker, path);
  }
  free(path);
  const PmtStatus status = pmt_engine_new(rate, player, &self->engine);
  if (status) {
    pmt_player_free(player);
  }
  return status;
}

static PmtStatus open(PmtPlugin* const self, const LV2_Descriptor* const descriptor, const double rate,
                      const char* const bundle, LV2_URID_Map* const map, const LV2_Feature* const* const features,
                      const LV2_Log_Logger* const log) {
  self->frame_foreseen = PMT_NO_FRAME;
  self->deaf_after_jump = (uint32_t)(0.05 * rate);
  /* a button that a session saved as pressed is not pressed by loading */
  self->panic_was = self->capture_was = self->learn_was = true;
  pmt_uris_map(&self->uris, map);
  self->uris.plugin = map->map(map->handle, descriptor->URI);
  lv2_atom_forge_init(&self->forge, map);
  PmtStatus status = pmt_worker_init(&self->worker, &self->engine, features, &self->uris, log);
  if (status) {
    return status;
  }
  status = make_engine(self, rate, bundle);
  if (status) {
    pmt_worker_destroy(&self->worker, NULL);
  }
  return status;
}

void* pmt_plugin_new(const size_t size, const LV2_Descriptor* const descriptor, const double rate,
                     const char* const bundle, const LV2_Feature* const* const features) {
  LV2_URID_Map* const map = (LV2_URID_Map*)find_feature(features, LV2_URID__map);
  LV2_Log_Logger log = {0};
  lv2_log_logger_init(&log, map, (LV2_Log_Log*)find_feature(features, LV2_LOG__log));
  if (!map) {
    lv2_log_error(&log, "partimento: the host does not map URIs\n");
    return NULL;
  }
  PmtPlugin* const self = malloc(size);
  PmtStatus status = PMT_NO_MEM;
  if (self) {
    memset(self, 0, size); /* not calloc: the pages must be there before run() */
    status = open(self, descriptor, rate, bundle, map, features, &log);
  }
  if (status) {
    lv2_log_error(&log, "partimento: %s\n", pmt_strerror(status));
    free(self);
    return NULL;
  }
  return self;
}

void pmt_plugin_free(LV2_Handle instance) {
  PmtPlugin* const self = instance;
  pmt_worker_destroy(&self->worker, self->engine);
  free(self);
}

void pmt_plugin_connect_port(LV2_Handle instance, const uint32_t port, void* const data) {
  PmtPlugin* const self = instance;
  if (port < PMT_PORT_COUNT) {
    self->port[port] = data;
  }
}

static bool owe(void* const handle, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  PmtOwed* const owed = handle;
  (void)frame;
  if (size != sizeof *owed->bytes || owed->count == PMT_OWED_MAX) {
    return false;
  }
  memcpy(owed->bytes[owed->count++], bytes, size);
  return true;
}

/* The host will not call run() any more: what sounds is ended by the first cycle after the next activation. */
static void settle(PmtPlugin* const self) {
  const PmtMidiOut out = {owe, &self->owed};
  pmt_engine_silence(self->engine, &out, 0);
}

void pmt_plugin_activate(LV2_Handle instance) {
  PmtPlugin* const self = instance;
  settle(self); /* some hosts activate twice */
  pmt_engine_reset(self->engine);
  self->speed = 0.0f;
  self->frame_foreseen = PMT_NO_FRAME;
}

void pmt_plugin_deactivate(LV2_Handle instance) {
  settle(instance);
}

static LV2_Worker_Status work(LV2_Handle instance, LV2_Worker_Respond_Function respond, LV2_Worker_Respond_Handle handle,
                              uint32_t size, const void* data) {
  PmtPlugin* const self = instance;
  (void)respond;
  (void)handle;
  (void)size;
  (void)data;
  pmt_worker_work(&self->worker);
  return LV2_WORKER_SUCCESS;
}

/* work() does not respond: worker.h says where results go. */
static LV2_Worker_Status work_response(LV2_Handle instance, uint32_t size, const void* body) {
  (void)instance;
  (void)size;
  (void)body;
  return LV2_WORKER_SUCCESS;
}

const void* pmt_plugin_extension_data(const char* const uri) {
  static const LV2_Worker_Interface worker = {work, work_response, NULL};
  if (!strcmp(uri, LV2_WORKER__interface)) {
    return &worker;
  }
  return strcmp(uri, LV2_STATE__interface) ? NULL : &pmt_state_interface;
}
