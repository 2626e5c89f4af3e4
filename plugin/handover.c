/* SPDX-License-Identifier: ISC */
/* The audio thread's side of handover.h. Above: worker.c, patch.c. Below: the kind's offer and take_old. */
#include "handover.h"

#include "worker.h"

#include <assert.h>
#include <string.h>

void pmt_handover_ask(PmtHandover* const h, const void* const bytes, const size_t size) {
  memcpy(h->wish, bytes, size);
  h->wish_size = size;
  h->wish_serial = atomic_fetch_add(&h->serial, 1) + 1;
}

static const char* fault(const PmtHandover* const h, const char* const path, const size_t length) {
  return !h->worker->schedule    ? "this host gives plugins no worker thread to read files in"
         : !length               ? "the path is empty"
         : path[0] != '/'        ? "the path does not begin with /"
         : length >= PMT_PATH_MAX ? "the path is longer than 4095 bytes"
                                  : NULL;
}

void pmt_handover_wish(PmtHandover* const h, const char* const path, const size_t length_max) {
  size_t length = 0;
  while (length < length_max && length < PMT_PATH_MAX && path[length]) {
    ++length;
  }
  h->path_changed = true; /* whatever comes of it, the asker hears which path stands */
  const char* const wrong = fault(h, path, length);
  if (wrong) {
    pmt_worker_complain(h->worker, h->kind, wrong);
    return;
  }
  pmt_handover_ask(h, path, length);
  h->wish[h->wish_size++] = '\0';
}

/* One that the worker did not begin yet is taken back for a newer one. */
void pmt_handover_send(PmtHandover* const h) {
  int expected = PMT_REQUEST_ASKED;
  if (!h->wish_size) {
    return;
  }
  if (!atomic_compare_exchange_strong(&h->request, &expected, PMT_REQUEST_NONE) && expected != PMT_REQUEST_NONE) {
    return;
  }
  memcpy(h->asked, h->wish, h->wish_size);
  h->asked_serial = h->wish_serial;
  h->wish_size = 0;
  atomic_store(&h->request, PMT_REQUEST_ASKED);
}

/* One producer; the consumers take the whole list: the loop turns twice at most. */
static void retire(PmtHandover* const h, PmtParcel* const parcel) {
  _Atomic(PmtParcel*)* const retired = &h->worker->retired;
  parcel->next = atomic_load(retired);
  while (!atomic_compare_exchange_weak(retired, &parcel->next, parcel)) {
  }
}

static void take_arrived(PmtHandover* const h) {
  PmtParcel* const parcel = atomic_exchange(&h->arrived, NULL);
  if (!parcel) {
    return;
  }
  if (parcel->serial < h->seen_serial) {
    retire(h, parcel);
    return;
  }
  h->seen_serial = parcel->serial;
  pmt_worker_say(h->worker, parcel->status);
  h->path_changed = true;
  if (parcel->counts) {
    memcpy(h->path, parcel->path, sizeof h->path);
  }
  if (!parcel->object) {
    retire(h, parcel);
    return;
  }
  if (h->ready) {
    retire(h, h->ready);
  }
  h->ready = parcel;
}

static void offer_ready(PmtHandover* const h) {
  PmtParcel* const ready = h->ready;
  if (!ready) {
    return;
  }
  if (ready->hash && ready->hash == h->hash && !ready->fresh) { /* a session restored: the same by another name */
    retire(h, ready);
    h->ready = NULL;
    return;
  }
  if (!h->kind->offer(h->user, ready->object)) {
    return;
  }
  if (h->carrier) { /* what it brought replaced nothing */
    retire(h, h->carrier);
  }
  ready->object = NULL;
  h->hash = ready->hash;
  h->carrier = ready;
  h->ready = NULL;
}

static void take_old(PmtHandover* const h) {
  void* const old = h->carrier ? h->kind->take_old(h->user) : NULL;
  if (old) {
    h->carrier->object = old;
    retire(h, h->carrier);
    h->carrier = NULL;
  }
}

void pmt_handover_take(PmtHandover* const h) {
  take_arrived(h);
  take_old(h);
  offer_ready(h);
}
