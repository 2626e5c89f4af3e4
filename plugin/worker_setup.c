/* SPDX-License-Identifier: ISC */
/* The slow side of worker.h. Above: the host's worker thread, state.c, instantiate. Below: handover_setup.c */
#include "worker.h"

#include "weights.h"

#include <stdlib.h>
#include <string.h>

static void take_feature(PmtWorker* const w, const LV2_Feature* const feature) {
  if (!strcmp(feature->URI, LV2_WORKER__schedule)) {
    w->schedule = feature->data;
  } else if (!strcmp(feature->URI, LV2_STATE__makePath)) {
    w->make_path = *(const LV2_State_Make_Path*)feature->data;
  } else if (!strcmp(feature->URI, LV2_STATE__freePath)) {
    w->free_path = *(const LV2_State_Free_Path*)feature->data;
  }
}

PmtStatus pmt_worker_init(PmtWorker* const w, PmtEngine** const engine, const LV2_Feature* const* const features,
                          const PmtUris* const uris, const LV2_Log_Logger* const log) {
  for (size_t i = 0; features && features[i]; ++i) {
    take_feature(w, features[i]);
  }
  w->log = *log;
  pmt_worker_add(w, &w->captured, &pmt_capture_kind, w, uris->captured);
  pmt_worker_add(w, &w->captures, &pmt_capture_folder_kind, w, uris->captures);
  pmt_worker_add(w, &w->model, &pmt_weights_kind, engine, uris->model);
  return pthread_mutex_init(&w->mutex, NULL) ? PMT_NO_MEM : PMT_OK;
}

void pmt_worker_add(PmtWorker* const w, PmtHandover* const handover, const PmtHandoverKind* const kind,
                    void* const user, const LV2_URID property) {
  handover->kind = kind;
  handover->user = user;
  handover->worker = w;
  handover->property = property;
  handover->next = w->first;
  w->first = handover;
}

void pmt_worker_free_retired(PmtWorker* const w) {
  PmtParcel* parcel = atomic_exchange(&w->retired, NULL);
  while (parcel) {
    PmtParcel* const next = parcel->next;
    pmt_parcel_free(parcel);
    parcel = next;
  }
}

void pmt_worker_destroy(PmtWorker* const w, PmtEngine* const engine) {
  pmt_engine_free(engine);
  pmt_worker_free_retired(w);
  for (PmtHandover* h = w->first; h; h = h->next) {
    pmt_handover_destroy(h);
  }
  free(w->context);
  pthread_mutex_destroy(&w->mutex);
}

PmtPlayer* pmt_worker_load_first(PmtWorker* const w, const char* const path) {
  return pmt_handover_load_first(&w->model, path);
}

void pmt_worker_work(PmtWorker* const w) {
  atomic_store(&w->knocked, false);
  pmt_worker_free_retired(w);
  for (PmtHandover* h = w->first; h; h = h->next) {
    pmt_handover_work(h);
  }
}

void pmt_worker_keep_context(PmtWorker* const w, char* const context, const uint64_t tape_head) {
  pthread_mutex_lock(&w->mutex);
  free(w->context);
  w->context = context;
  w->context_head = tape_head;
  pthread_mutex_unlock(&w->mutex);
}

char* pmt_worker_copy_context(PmtWorker* const w, uint64_t* const tape_head) {
  pthread_mutex_lock(&w->mutex);
  char* const copy = w->context ? strdup(w->context) : NULL;
  *tape_head = w->context_head;
  pthread_mutex_unlock(&w->mutex);
  return copy;
}
