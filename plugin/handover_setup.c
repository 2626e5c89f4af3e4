/* SPDX-License-Identifier: ISC */
/* The slow side of handover.h: files and memory. Above: worker_setup.c, state.c, instantiate. Below: the kind's load */
#include "handover.h"

#include "worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pmt_parcel_free(PmtParcel* const parcel) {
  if (parcel) {
    if (parcel->object) {
      parcel->kind->unload(parcel->object);
    }
    free(parcel);
  }
}

void pmt_handover_destroy(PmtHandover* const h) {
  pmt_parcel_free(h->carrier);
  pmt_parcel_free(h->ready);
  pmt_parcel_free(atomic_exchange(&h->arrived, NULL));
}

/* ---- Loading ----------------------------------------------------------------------------------------------------- */

PMT_PRINTF(2, 3) static void say_more(PmtParcel* const parcel, const char* const format, ...) {
  const size_t length = strlen(parcel->status);
  va_list args;
  va_start(args, format);
  vsnprintf(parcel->status + length, sizeof parcel->status - length, format, args);
  va_end(args);
}

/* The file is there. */
static void compare_hash(const PmtWanted* const wanted, PmtParcel* const parcel) {
  parcel->hash_saved = parcel->hash;
  if (wanted->hash && parcel->hash != wanted->hash) {
    parcel->flawed = true;
    say_more(parcel, "; the file is not the one that the session was saved with");
  }
}

/* What came with the plugin under the same name: the bundle has several models, and lies elsewhere than when the session
   was saved. @return false: there is none */
static bool load_namesake(PmtHandover* const h, const PmtWanted* const wanted, PmtParcel* const parcel) {
  const char* const folder_end = strrchr(h->bundled, '/');
  const char* const name = strrchr(wanted->path, '/');
  char path[PMT_PATH_MAX];
  if (!folder_end || !name || !name[1]) {
    return false;
  }
  const int length = snprintf(path, sizeof path, "%.*s%s", (int)(folder_end - h->bundled), h->bundled, name);
  const PmtWanted there = {.path = path, .context = wanted->context};
  return length < PMT_PATH_MAX && strcmp(path, wanted->path) && !h->kind->load(h->user, &there, parcel, NULL);
}

/* It is not there, or cannot be used: what came with the plugin plays. Without a word when it is the very same. */
static bool fall_back(PmtHandover* const h, const PmtWanted* const wanted, PmtParcel* const parcel,
                      const char* const reason) {
  const PmtWanted bundled = {.path = h->bundled, .context = wanted->context};
  if (!h->bundled[0] ||
      (!load_namesake(h, wanted, parcel) && h->kind->load(h->user, &bundled, parcel, NULL))) {
    return false;
  }
  if (!wanted->hash || parcel->hash != wanted->hash) {
    parcel->flawed = true;
    say_more(parcel, "; %s: %s", h->kind->failed, reason);
  }
  return true;
}

static void load_into(PmtHandover* const h, const PmtWanted* const wanted, const bool restored,
                      PmtParcel* const parcel) {
  PmtError error = {""};
  parcel->counts = restored; /* a session's path is kept even when there is no such file */
  parcel->hash_saved = wanted->hash;
  if (!h->kind->load(h->user, wanted, parcel, &error)) {
    parcel->counts = true;
    compare_hash(wanted, parcel);
  } else if (!restored || !fall_back(h, wanted, parcel, error.text)) {
    parcel->flawed = true;
    snprintf(parcel->status, sizeof parcel->status, "%s: %s", h->kind->failed, error.text);
  }
  if (parcel->flawed) {
    lv2_log_error(&h->worker->log, "partimento: %s\n", parcel->status);
  }
}

/* Always says how it went. NULL only when there is not even memory to say so. */
static PmtParcel* load(PmtHandover* const h, const PmtWanted* const wanted, const uint64_t serial,
                       const bool restored) {
  PmtParcel* const parcel = calloc(1, sizeof *parcel);
  if (!parcel) {
    lv2_log_error(&h->worker->log, "partimento: %s: out of memory\n", h->kind->failed);
    return NULL;
  }
  parcel->kind = h->kind;
  parcel->serial = serial;
  if (h->kind->property) {
    snprintf(parcel->path, sizeof parcel->path, "%s", wanted->path);
  }
  load_into(h, wanted, restored, parcel);
  return parcel;
}

/* ---- Delivery ---------------------------------------------------------------------------------------------------- */

/* What the next save stores: the newest wish which came true, or was itself read from a state. */
static void remember(PmtHandover* const h, const PmtParcel* const parcel) {
  pthread_mutex_lock(&h->worker->mutex);
  if (parcel->counts && parcel->serial >= h->saved_serial) {
    memcpy(h->saved_path, parcel->path, sizeof h->saved_path);
    h->saved_hash = parcel->hash_saved;
    h->saved_serial = parcel->serial;
  }
  pthread_mutex_unlock(&h->worker->mutex);
}

/* Put it where the audio thread looks. Should an older one still lie there, the newer stays. */
static void deliver(PmtHandover* const h, PmtParcel* const parcel) {
  remember(h, parcel);
  pthread_mutex_lock(&h->worker->mutex);
  PmtParcel* const waiting = atomic_exchange(&h->arrived, NULL);
  const bool overtaken = waiting && waiting->serial > parcel->serial;
  atomic_store(&h->arrived, overtaken ? waiting : parcel);
  pthread_mutex_unlock(&h->worker->mutex);
  pmt_parcel_free(overtaken ? parcel : waiting);
}

void* pmt_handover_load_first(PmtHandover* const h, const char* const path) {
  snprintf(h->bundled, sizeof h->bundled, "%s", path);
  PmtParcel* const parcel = load(h, &(PmtWanted){.path = path}, 0, false);
  if (!parcel) {
    return NULL;
  }
  void* const object = parcel->object;
  const bool untold = h->worker->status_fresh;
  remember(h, parcel);
  h->hash = parcel->hash;
  pmt_worker_say(h->worker, parcel->status);
  if (parcel->counts) {
    memcpy(h->path, parcel->path, sizeof h->path);
    h->worker->status_changed = h->worker->status_fresh = untold; /* good news waits until somebody asks */
  }
  parcel->object = NULL;
  pmt_parcel_free(parcel);
  return object;
}

void pmt_handover_restore(PmtHandover* const h, const PmtWanted* const wanted) {
  pmt_worker_free_retired(h->worker);
  PmtParcel* const parcel = load(h, wanted, atomic_fetch_add(&h->serial, 1) + 1, true);
  if (parcel) {
    deliver(h, parcel);
  }
}

void pmt_handover_work(PmtHandover* const h) {
  int expected = PMT_REQUEST_ASKED;
  if (!atomic_compare_exchange_strong(&h->request, &expected, PMT_REQUEST_LOADING)) {
    return;
  }
  PmtParcel* const parcel = load(h, &(PmtWanted){.path = h->asked}, h->asked_serial, false);
  if (parcel) {
    deliver(h, parcel);
  }
  atomic_store(&h->request, PMT_REQUEST_NONE);
}

uint64_t pmt_handover_copy_path(PmtHandover* const h, char* const path) {
  pthread_mutex_lock(&h->worker->mutex);
  memcpy(path, h->saved_path, PMT_PATH_MAX);
  const uint64_t hash = h->saved_hash;
  pthread_mutex_unlock(&h->worker->mutex);
  return hash;
}
