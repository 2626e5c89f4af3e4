/* SPDX-License-Identifier: ISC */
/* The audio thread's side of worker.h. Above: run(). Below: handover.c, the host's schedule_work. */
#include "worker.h"

#include <string.h>

enum { PATIENCE = 1000 /* cycles: a second or more */ };

/* ---- The line for the player ------------------------------------------------------------------------------------- */

/* @return length now, or PMT_STATUS_MAX when it does not fit */
static size_t append(char* const line, size_t length, const char* const text) {
  for (size_t i = 0; text[i]; ++i) {
    if (length == PMT_STATUS_MAX - 1) {
      line[length] = '\0';
      return PMT_STATUS_MAX;
    }
    line[length++] = text[i];
  }
  line[length] = '\0';
  return length;
}

static bool say_after(PmtWorker* const w, size_t length, const char* const* const texts) {
  for (size_t i = 0; texts[i] && length < PMT_STATUS_MAX; ++i) {
    length = append(w->status, length, texts[i]);
  }
  return length < PMT_STATUS_MAX;
}

static void say(PmtWorker* const w, const char* const subject, const char* const separator, const char* const text) {
  const char* const texts[] = {subject, separator, text, NULL};
  const char* const more[] = {"; ", subject, separator, text, NULL};
  size_t length = 0;
  while (w->status_fresh && w->status[length]) {
    ++length;
  }
  if (!length || !say_after(w, length, more)) {
    say_after(w, 0, texts);
  }
  w->status_changed = w->status_fresh = true;
}

void pmt_worker_say(PmtWorker* const w, const char* const text) { say(w, "", "", text); }

void pmt_worker_complain(PmtWorker* const w, const PmtHandoverKind* const kind, const char* const text) {
  say(w, kind->failed, ": ", text);
}

/* ---- Exchange ---------------------------------------------------------------------------------------------------- */

#if defined(__clang__) && __clang_major__ >= 20
#  pragma clang diagnostic push
#  pragma clang diagnostic ignored "-Wfunction-effects"
#endif
/* The one call that our promise does not cover: LV2 says that schedule_work() may be called in run(), and a host that
   is freewheeling does the work in it. */
static bool schedule(const PmtWorker* const w) PMT_RT {
  const uint32_t message = 0; /* the instance holds what is to be done */
  return !w->schedule->schedule_work(w->schedule->handle, sizeof message, &message);
}
#if defined(__clang__) && __clang_major__ >= 20
#  pragma clang diagnostic pop
#endif

static bool has_work(PmtWorker* const w) {
  bool has = atomic_load(&w->retired) != NULL;
  for (PmtHandover* h = w->first; h; h = h->next) {
    has |= atomic_load(&h->request) == PMT_REQUEST_ASKED;
  }
  return has;
}

/* The worker lowers `knocked` before it looks: what comes too late for its look is knocked for anew. */
static void knock(PmtWorker* const w) {
  if (!w->schedule || !has_work(w)) {
    return;
  }
  if (atomic_exchange(&w->knocked, true) && ++w->unanswered < PATIENCE) {
    return;
  }
  w->unanswered = 0;
  if (!schedule(w)) {
    atomic_store(&w->knocked, false);
  }
}

void pmt_worker_exchange(PmtWorker* const w) {
  for (PmtHandover* h = w->first; h; h = h->next) {
    pmt_handover_send(h);
  }
  knock(w); /* first: a freewheeling host has loaded it when this returns */
  for (PmtHandover* h = w->first; h; h = h->next) {
    pmt_handover_take(h);
  }
}

/* ---- Capture ----------------------------------------------------------------------------------------------------- */

void pmt_worker_capture(PmtWorker* const w, const PmtEngine* const engine, const PmtControls* const controls,
                        const uint32_t bars) {
  if (!w->schedule) {
    pmt_worker_complain(w, w->captured.kind, "this host gives plugins no worker thread to write files in");
    return;
  }
  const PmtModel* const model = pmt_engine_model(engine);
  PmtCaptureWish wish = {.tape = pmt_engine_tape(engine), .bars = bars, .channel = (uint32_t)controls->channel,
                         .style = pmt_engine_stats(engine)->style};
  if (model) { /* a copy, for it may be replaced and freed before the worker comes */
    wish.has_model = true;
    wish.model = *model;
    wish.model.net = NULL;
  }
  pmt_handover_ask(&w->captured, &wish, sizeof wish);
}
