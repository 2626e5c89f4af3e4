/* SPDX-License-Identifier: ISC */
/* See state.h. Above: the host. Below: worker_setup.c. Never in the audio thread. */
#include "state.h"

#include "plugin.h"

#include <stdlib.h>
#include <string.h>

/* What the host passes for the length of one call. */
typedef struct {
  const LV2_State_Map_Path* map;
  const LV2_State_Free_Path* release;
} PathFeatures;

static PathFeatures find_features(const LV2_Feature* const* const features) {
  PathFeatures found = {NULL, NULL};
  for (size_t i = 0; features && features[i]; ++i) {
    if (!strcmp(features[i]->URI, LV2_STATE__mapPath)) {
      found.map = features[i]->data;
    } else if (!strcmp(features[i]->URI, LV2_STATE__freePath)) {
      found.release = features[i]->data;
    }
  }
  return found;
}

static void release_path(const PathFeatures* const features, char* const path) {
  if (path && features->release) {
    features->release->free_path(features->release->handle, path);
  } else {
    free(path);
  }
}

static LV2_State_Status save(LV2_Handle instance, LV2_State_Store_Function store, LV2_State_Handle handle, uint32_t flags,
                             const LV2_Feature* const* features) {
  PmtPlugin* const self = instance;
  (void)flags;
  char* const path = malloc(PMT_PATH_MAX);
  if (!path) {
    return LV2_STATE_ERR_UNKNOWN;
  }
  pmt_worker_copy_path(&self->worker, path);
  LV2_State_Status status = LV2_STATE_SUCCESS;
  if (path[0]) {
    const PathFeatures host = find_features(features);
    char* const mapped = host.map ? host.map->abstract_path(host.map->handle, path) : NULL;
    const char* const stored = mapped ? mapped : path; /* a path nobody maps is better than none */
    status = store(handle, self->uris.model, stored, strlen(stored) + 1, self->uris.atom_path, LV2_STATE_IS_POD);
    release_path(&host, mapped);
  }
  free(path);
  return status;
}

static LV2_State_Status restore_path(PmtPlugin* const self, const char* const path, const PathFeatures* const host) {
  char* const mapped = host->map ? host->map->absolute_path(host->map->handle, path) : NULL;
  const char* const absolute = mapped ? mapped : path;
  LV2_State_Status status = LV2_STATE_SUCCESS;
  if (!absolute[0] || strlen(absolute) >= PMT_PATH_MAX) {
    lv2_log_error(&self->worker.log, "partimento: the saved model path is %s; the model in use stays\n",
                  absolute[0] ? "longer than 4095 bytes" : "empty");
    status = LV2_STATE_ERR_UNKNOWN;
  } else {
    pmt_worker_restore(&self->worker, absolute);
  }
  release_path(host, mapped);
  return status;
}

/* Not through the worker: this is no real-time thread, both jalv and Ardour would run work() inside this very call, and
   `arrived` takes a model while run() goes on (or before it ever did) all the same. */
static LV2_State_Status restore(LV2_Handle instance, LV2_State_Retrieve_Function retrieve, LV2_State_Handle handle,
                                uint32_t flags, const LV2_Feature* const* features) {
  PmtPlugin* const self = instance;
  (void)flags;
  size_t size = 0;
  uint32_t type = 0, value_flags = 0;
  const char* const value = retrieve(handle, self->uris.model, &size, &type, &value_flags);
  if (!value) {
    return LV2_STATE_SUCCESS; /* a preset without a model: leave the model alone */
  }
  if (type != self->uris.atom_path && type != self->uris.atom_string) {
    lv2_log_error(&self->worker.log, "partimento: the saved model is no path; the model in use stays\n");
    return LV2_STATE_ERR_BAD_TYPE;
  }
  char* const path = strndup(value, size); /* Carla does not count the NUL */
  if (!path) {
    return LV2_STATE_ERR_UNKNOWN;
  }
  const PathFeatures host = find_features(features);
  const LV2_State_Status status = restore_path(self, path, &host);
  free(path);
  return status;
}

const LV2_State_Interface pmt_state_interface = {save, restore};
