/* SPDX-License-Identifier: ISC */
/* The slow side of worker.h: files and memory. Above: the host's worker thread, state.c, instantiate. Below: gen/model.h */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

PmtStatus pmt_worker_init(PmtWorker* const w, const LV2_Worker_Schedule* const schedule,
                          const LV2_Log_Logger* const log) {
  w->schedule = schedule;
  w->log = *log;
  return pthread_mutex_init(&w->mutex, NULL) ? PMT_NO_MEM : PMT_OK;
}

static void loaded_free(PmtLoaded* const loaded) {
  if (loaded) {
    pmt_player_free(loaded->player);
    free(loaded);
  }
}

static void free_retired(PmtWorker* const w) {
  PmtLoaded* loaded = atomic_exchange(&w->retired, NULL);
  while (loaded) {
    PmtLoaded* const next = loaded->next;
    loaded_free(loaded);
    loaded = next;
  }
}

void pmt_worker_destroy(PmtWorker* const w, PmtEngine* const engine) {
  if (engine) {
    pmt_player_free(pmt_engine_take_old(engine));
    pmt_engine_free(engine);
  }
  free_retired(w);
  loaded_free(w->carrier);
  loaded_free(w->ready);
  loaded_free(atomic_exchange(&w->arrived, NULL));
  pthread_mutex_destroy(&w->mutex);
}

static const char* base_name(const char* const path) {
  const char* const slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static PmtStatus load_player(const char* const path, PmtLoaded* const loaded, PmtError* const error) {
  PmtModel* model = NULL;
  PmtStatus status = pmt_model_load(path, &model, error);
  if (status) {
    return status;
  }
  status = pmt_player_new(model, &loaded->player);
  if (status) {
    pmt_model_free(model);
    return pmt_fail(error, status, "%s: %s", path, pmt_strerror(status));
  }
  loaded->hash = model->hash;
  snprintf(loaded->status, sizeof loaded->status, "playing %s (%s)", model->title[0] ? model->title : "a model",
           base_name(path));
  return PMT_OK;
}

/* Always says how it went. NULL only when there is not even memory to say so. */
static PmtLoaded* load(PmtWorker* const w, const char* const path, const uint64_t serial, const bool restored) {
  PmtLoaded* const loaded = calloc(1, sizeof *loaded);
  if (!loaded) {
    lv2_log_error(&w->log, "partimento: %s: out of memory\n", path);
    return NULL;
  }
  loaded->serial = serial;
  loaded->restored = restored;
  snprintf(loaded->path, sizeof loaded->path, "%s", path);
  PmtError error = {""};
  if (load_player(path, loaded, &error)) {
    snprintf(loaded->status, sizeof loaded->status, "model not loaded: %s", error.text);
    lv2_log_error(&w->log, "partimento: %s\n", loaded->status);
  }
  return loaded;
}

/* The path for the next save: that of the newest wish which came true, or was itself read from a state. */
static void remember(PmtWorker* const w, const PmtLoaded* const loaded) {
  pthread_mutex_lock(&w->mutex);
  if ((loaded->player || loaded->restored) && loaded->serial >= w->saved_serial) {
    memcpy(w->saved_path, loaded->path, sizeof w->saved_path);
    w->saved_serial = loaded->serial;
  }
  pthread_mutex_unlock(&w->mutex);
}

/* Put it where the audio thread looks. Should an older one still lie there, the newer stays. */
static void deliver(PmtWorker* const w, PmtLoaded* loaded) {
  remember(w, loaded);
  pthread_mutex_lock(&w->mutex);
  PmtLoaded* const waiting = atomic_exchange(&w->arrived, NULL);
  const bool overtaken = waiting && waiting->serial > loaded->serial;
  atomic_store(&w->arrived, overtaken ? waiting : loaded);
  pthread_mutex_unlock(&w->mutex);
  loaded_free(overtaken ? loaded : waiting);
}

PmtPlayer* pmt_worker_load_first(PmtWorker* const w, const char* const path) {
  PmtLoaded* const loaded = load(w, path, 0, false);
  if (!loaded) {
    return NULL;
  }
  PmtPlayer* const player = loaded->player;
  remember(w, loaded);
  w->hash = loaded->hash;
  pmt_worker_say(w, loaded->status);
  if (player) {
    memcpy(w->path, loaded->path, sizeof w->path);
    w->status_changed = false; /* good news waits until somebody asks */
  }
  loaded->player = NULL;
  loaded_free(loaded);
  return player;
}

void pmt_worker_restore(PmtWorker* const w, const char* const path) {
  free_retired(w);
  PmtLoaded* const loaded = load(w, path, atomic_fetch_add(&w->serial, 1) + 1, true);
  if (loaded) {
    deliver(w, loaded);
  }
}

void pmt_worker_work(PmtWorker* const w) {
  atomic_store(&w->knocked, false);
  free_retired(w);
  int expected = PMT_REQUEST_ASKED;
  if (!atomic_compare_exchange_strong(&w->request, &expected, PMT_REQUEST_LOADING)) {
    return;
  }
  PmtLoaded* const loaded = load(w, w->asked, w->asked_serial, false);
  if (loaded) {
    deliver(w, loaded);
  }
  atomic_store(&w->request, PMT_REQUEST_NONE);
}

void pmt_worker_copy_path(PmtWorker* const w, char* const path) {
  pthread_mutex_lock(&w->mutex);
  memcpy(path, w->saved_path, PMT_PATH_MAX);
  pthread_mutex_unlock(&w->mutex);
}
