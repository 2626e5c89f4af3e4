/* SPDX-License-Identifier: ISC */
/* The slow side of worker.h. Above: the host's worker thread, state.c, instantiate. Below: handover_setup.c */
#include "worker.h"

#include "weights.h"

#include <lv2/core/lv2_util.h>
#include <stdlib.h>
#include <string.h>

PmtStatus pmt_worker_init(PmtWorker* const w, PmtEngine** const engine, const LV2_Feature* const* const features,
                          const PmtUris* const uris, const LV2_Log_Logger* const log) {
  w->schedule = features ? lv2_features_data(features, LV2_WORKER__schedule) : NULL;
  w->log = *log;
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

char* pmt_worker_copy_context(PmtWorker* const w, const uint64_t tape_head) {
  pthread_mutex_lock(&w->mutex);
  char* const copy = w->context && w->context_head == tape_head ? strdup(w->context) : NULL;
  pthread_mutex_unlock(&w->mutex);
  return copy;
}
