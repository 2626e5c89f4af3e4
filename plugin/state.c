/* SPDX-License-Identifier: ISC */
/* See state.h. Above: the host. Below: handover_setup.c, gen/context. Never in the audio thread. */
#include "state.h"

#include "gen/context.h"
#include "plugin.h"

#include <inttypes.h>
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

/* ---- Saving ------------------------------------------------------------------------------------------------------ */

typedef struct {
  PmtPlugin* self;
  LV2_State_Store_Function store;
  LV2_State_Handle handle;
  PathFeatures host;
} Saving;

static LV2_State_Status store_text(const Saving* const s, const LV2_URID key, const LV2_URID type,
                                   const char* const text) {
  return s->store(s->handle, key, text, strlen(text) + 1, type, LV2_STATE_IS_POD);
}

static LV2_State_Status store_path(const Saving* const s, const LV2_URID key, const char* const path) {
  char* const mapped = s->host.map ? s->host.map->abstract_path(s->host.map->handle, path) : NULL;
  const char* const stored = mapped ? mapped : path; /* a path nobody maps is better than none */
  const LV2_State_Status status = store_text(s, key, s->self->uris.atom_path, stored);
  release_path(&s->host, mapped);
  return status;
}

static LV2_State_Status save_paths(const Saving* const s) {
  PmtWorker* const w = &s->self->worker;
  char* const path = malloc(PMT_PATH_MAX);
  LV2_State_Status status = path ? LV2_STATE_SUCCESS : LV2_STATE_ERR_UNKNOWN;
  for (PmtHandover* h = w->first; h && !status; h = h->next) {
    const uint64_t hash = h->kind->property ? pmt_handover_copy_path(h, path) : 0;
    if (h->kind->property && path[0]) {
      status = store_path(s, h->property, path);
    }
    if (h == &w->model && hash && !status) {
      char text[17];
      snprintf(text, sizeof text, "%016" PRIx64, hash);
      status = store_text(s, s->self->uris.model_hash, s->self->uris.atom_string, text);
    }
  }
  free(path);
  return status;
}

/* @return to be freed; NULL when nothing was composed yet */
static char* read_context(const PmtTape* const tape) {
  PmtContext context = {0};
  char* text = pmt_context_read(tape, &context, NULL) ? NULL : malloc(PMT_CONTEXT_TEXT_MAX);
  if (text && !pmt_context_print(&context, text, PMT_CONTEXT_TEXT_MAX)) {
    free(text);
    text = NULL;
  }
  pmt_context_free(&context);
  return text;
}

/* What was played last; before that, what the session came with. @return to be freed; NULL none */
static char* last_bars(PmtPlugin* const self) {
  const PmtTape* const tape = pmt_engine_tape(self->engine);
  uint64_t head = 0;
  char* const kept = pmt_worker_copy_context(&self->worker, &head);
  char* const played = pmt_tape_head(tape) == head ? NULL : read_context(tape);
  if (!played) {
    return kept;
  }
  free(kept);
  return played;
}

static LV2_State_Status save(LV2_Handle instance, LV2_State_Store_Function store, LV2_State_Handle handle,
                             uint32_t flags, const LV2_Feature* const* features) {
  PmtPlugin* const self = instance;
  const Saving s = {self, store, handle, find_features(features)};
  (void)flags;
  const LV2_State_Status status = save_paths(&s);
  char* const context = status ? NULL : last_bars(self);
  if (!context) {
    return status;
  }
  const LV2_State_Status stored = store_text(&s, self->uris.context, self->uris.atom_string, context);
  free(context);
  return stored;
}

/* ---- Restoring --------------------------------------------------------------------------------------------------- */

typedef struct {
  PmtPlugin* self;
  LV2_State_Retrieve_Function retrieve;
  LV2_State_Handle handle;
  PathFeatures host;
  LV2_State_Status status; /**< the last thing that was wrong */
} Restoring;

static void complain(Restoring* const r, const char* const what, const char* const fault,
                     const LV2_State_Status status) {
  lv2_log_error(&r->self->worker.log, "partimento: the saved %s is %s; what is in use stays\n", what, fault);
  r->status = status;
}

/* @return a copy with NUL (Carla does not count it), to be freed; NULL when it is not there or of no use */
static char* retrieve_text(Restoring* const r, const LV2_URID key, const char* const what, const size_t size_max) {
  const PmtUris* const uris = &r->self->uris;
  size_t size = 0;
  uint32_t type = 0, flags = 0;
  const char* const value = r->retrieve(r->handle, key, &size, &type, &flags);
  if (!value) {
    return NULL;
  }
  if (type != uris->atom_path && type != uris->atom_string) {
    complain(r, what, "of another type", LV2_STATE_ERR_BAD_TYPE);
    return NULL;
  }
  const size_t length = strnlen(value, size);
  if (!length || length >= size_max) {
    complain(r, what, length ? "too long" : "empty", LV2_STATE_ERR_UNKNOWN);
    return NULL;
  }
  char* const text = strndup(value, length);
  if (!text) {
    complain(r, what, "more than memory holds", LV2_STATE_ERR_UNKNOWN);
  }
  return text;
}

/* @return a path for the plugin, to be freed; NULL when there is none of use */
static char* retrieve_path(Restoring* const r, const PmtHandover* const h) {
  char* const path = retrieve_text(r, h->property, "path", PMT_PATH_MAX);
  char* const mapped = path && r->host.map ? r->host.map->absolute_path(r->host.map->handle, path) : NULL;
  if (!mapped) {
    return path; /* as it is */
  }
  char* const own = strnlen(mapped, PMT_PATH_MAX) < PMT_PATH_MAX ? strdup(mapped) : NULL;
  if (!own) {
    complain(r, "path", "too long", LV2_STATE_ERR_UNKNOWN);
  }
  release_path(&r->host, mapped);
  free(path);
  return own;
}

/* @return 0 when there is none of use: then any content is as good */
static uint64_t retrieve_hash(Restoring* const r) {
  char* const text = retrieve_text(r, r->self->uris.model_hash, "hash", 64);
  char* end = NULL;
  const uint64_t hash = text ? strtoull(text, &end, 16) : 0;
  if (text && (end != text + 16 || *end)) {
    complain(r, "hash", "not of 16 digits", LV2_STATE_ERR_UNKNOWN);
  }
  const bool good = text && end == text + 16 && !*end;
  free(text);
  return good ? hash : 0;
}

/* Hash and last bars say nothing without the model they belong to. */
static void restore_model(Restoring* const r) {
  PmtWorker* const w = &r->self->worker;
  char* path = retrieve_path(r, &w->model);
  if (!path) {
    return;
  }
  char* const context = retrieve_text(r, r->self->uris.context, "context", PMT_CONTEXT_TEXT_MAX);
  pmt_handover_restore(&w->model, &(PmtWanted){.path = path, .hash = retrieve_hash(r), .context = context});
  if (context) {
    pmt_worker_keep_context(w, context, pmt_tape_head(pmt_engine_tape(r->self->engine)));
  }
  free(path);
}

/* Not through the worker: this is no real-time thread, both jalv and Ardour would run work() inside this very call, and
   `arrived` takes an object while run() goes on (or before it ever did) all the same. What is not in the state (most
   presets have nothing of all this) is left as it is. */
static LV2_State_Status restore(LV2_Handle instance, LV2_State_Retrieve_Function retrieve, LV2_State_Handle handle,
                                uint32_t flags, const LV2_Feature* const* features) {
  PmtPlugin* const self = instance;
  Restoring r = {self, retrieve, handle, find_features(features), LV2_STATE_SUCCESS};
  (void)flags;
  for (PmtHandover* h = self->worker.first; h; h = h->next) {
    if (h == &self->worker.model) {
      restore_model(&r);
      continue;
    }
    char* const path = h->kind->property ? retrieve_path(&r, h) : NULL;
    if (path) {
      pmt_handover_restore(h, &(PmtWanted){.path = path});
      free(path);
    }
  }
  return r.status;
}

const LV2_State_Interface pmt_state_interface = {save, restore};
