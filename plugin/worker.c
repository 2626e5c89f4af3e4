/* SPDX-License-Identifier: ISC */
/* The audio thread's side of worker.h. Above: run(). Below: the host's schedule_work, pmt_engine_offer. */
#include "worker.h"

#include <assert.h>
#include <string.h>

void pmt_worker_say(PmtWorker* const w, const char* const text) {
  const size_t length = strnlen(text, PMT_STATUS_MAX - 1);
  memcpy(w->status, text, length);
  w->status[length] = 0;
  w->status_changed = true;
}

static bool knock(const PmtWorker* const w) {
  const uint32_t message = 0; /* the instance holds what is to be done */
  return w->schedule && !w->schedule->schedule_work(w->schedule->handle, sizeof message, &message);
}

/* One producer; the consumers take the whole list: the loop turns twice at most. */
static void retire(PmtWorker* const w, PmtLoaded* const loaded) {
  loaded->next = atomic_load(&w->retired);
  while (!atomic_compare_exchange_weak(&w->retired, &loaded->next, loaded)) {
  }
}

void pmt_worker_wish(PmtWorker* const w, const char* const path, size_t length) {
  length = strnlen(path, length);
  w->path_changed = true; /* whatever comes of it, the asker hears which path stands */
  if (!w->schedule) {
    pmt_worker_say(w, "model not loaded: this host gives plugins no worker thread to read files in");
  } else if (!length) {
    pmt_worker_say(w, "model not loaded: the path is empty");
  } else if (path[0] != '/') {
    pmt_worker_say(w, "model not loaded: the path does not begin with /");
  } else if (length >= PMT_PATH_MAX) {
    pmt_worker_say(w, "model not loaded: the path is longer than 4095 bytes");
  } else {
    memcpy(w->wish, path, length);
    w->wish[length] = 0;
    w->wish_serial = atomic_fetch_add(&w->serial, 1) + 1;
    w->wishing = true;
  }
}

/* Hand the newest wish to the worker, unless it is busy; a refusal leaves it for the next cycle. */
static void ask(PmtWorker* const w) {
  if (!w->wishing || atomic_load(&w->request) != PMT_REQUEST_NONE) {
    return;
  }
  memcpy(w->asked, w->wish, strlen(w->wish) + 1);
  w->asked_serial = w->wish_serial;
  w->wishing = false;
  atomic_store(&w->request, PMT_REQUEST_ASKED);
  if (!knock(w)) {
    atomic_store(&w->request, PMT_REQUEST_NONE);
    w->wishing = true;
  }
}

static void take_arrived(PmtWorker* const w) {
  PmtLoaded* const loaded = atomic_exchange(&w->arrived, NULL);
  if (!loaded) {
    return;
  }
  if (loaded->serial < w->seen_serial) {
    retire(w, loaded);
    return;
  }
  w->seen_serial = loaded->serial;
  pmt_worker_say(w, loaded->status);
  w->path_changed = true;
  if (loaded->player || loaded->restored) {
    memcpy(w->path, loaded->path, strlen(loaded->path) + 1);
  }
  if (!loaded->player) {
    retire(w, loaded);
    return;
  }
  if (w->ready) {
    retire(w, w->ready);
  }
  w->ready = loaded;
}

static void offer_ready(PmtWorker* const w, PmtEngine* const engine) {
  PmtLoaded* const ready = w->ready;
  if (!ready) {
    return;
  }
  if (ready->hash == w->hash) { /* the same weights under another name: a session restored. Play on */
    retire(w, ready);
    w->ready = NULL;
    return;
  }
  if (!pmt_engine_offer(engine, ready->player)) {
    return;
  }
  if (w->carrier) { /* what it brought replaced nothing */
    retire(w, w->carrier);
  }
  ready->player = NULL;
  w->hash = ready->hash;
  w->carrier = ready;
  w->ready = NULL;
}

static void take_old(PmtWorker* const w, PmtEngine* const engine) {
  PmtPlayer* const old = pmt_engine_take_old(engine);
  if (!old) {
    return;
  }
  assert(w->carrier);
  w->carrier->player = old;
  retire(w, w->carrier);
  w->carrier = NULL;
}

void pmt_worker_exchange(PmtWorker* const w, PmtEngine* const engine) {
  ask(w); /* first: a freewheeling host has loaded it when this returns */
  take_arrived(w);
  take_old(w, engine);
  offer_ready(w, engine);
  if (atomic_load(&w->retired) && !atomic_exchange(&w->knocked, true) && !knock(w)) {
    atomic_store(&w->knocked, false);
  }
}
