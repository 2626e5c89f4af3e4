/* SPDX-License-Identifier: ISC */
/** @file worker.h  All that one instance leaves to other threads: models, captures, and what else was added.

    Above: run(), the host's worker thread, state.c, instantiate. Below: handover.h, which says what crosses and how;
    weights.h (models), captures.h.

    A call of schedule_work() is only a knock: 4 bytes, whatever is to be done, and one under way at a time. jalv loses
    messages when its ring is full and says that all is well: a knock that nobody answers is repeated. */
#ifndef PMT_PLUGIN_WORKER_H
#define PMT_PLUGIN_WORKER_H

#include "captures.h"
#include "gen/engine.h"
#include "handover.h"
#include "uris.h"

#include <lv2/log/logger.h>
#include <lv2/state/state.h>
#include <lv2/worker/worker.h>

#include <pthread.h>

typedef struct PmtWorker {
  const LV2_Worker_Schedule* schedule; /**< NULL: the host has no worker */
  LV2_Log_Logger log;                  /**< never used in the audio thread */
  PmtHandover* first;                  /**< list: model, captures, captured, then what was added */
  PmtHandover model;
  PmtHandover captures;                /**< the folder; its path is all there is to it */
  PmtHandover captured;                /**< each capture: a wish without a path, whose answer has one */
  /* From instantiate, zero if not offered. Not called there: Ardour 7.3 crashes, and knows the place only later. */
  LV2_State_Make_Path make_path;
  LV2_State_Free_Path free_path;

  _Atomic(PmtParcel*) retired; /**< to be freed outside the audio thread */
  _Atomic(bool) knocked;       /**< a knock is under way */

  pthread_mutex_t mutex; /**< worker, restore and save against each other; never taken by run() */
  char* context;         /**< text of the session that was restored, for as long as nothing else is played; NULL none */
  uint64_t context_head; /**< the tape's head then */

  /* The audio thread's own. */
  uint32_t unanswered;   /**< cycles since the knock */
  char status[PMT_STATUS_MAX];
  bool status_changed, status_fresh; /**< to be told to the host; never told yet */
} PmtWorker;

/** @param engine where models go; the engine itself may come later @param features of instantiate */
PmtStatus pmt_worker_init(PmtWorker* worker, PmtEngine** engine, const LV2_Feature* const* features,
                          const PmtUris* uris, const LV2_Log_Logger* log);

/** One more thing to hand over. In instantiate. @param handover zeroed; must live as long as the worker
    @param user what the kind's functions get */
void pmt_worker_add(PmtWorker* worker, PmtHandover* handover, const PmtHandoverKind* kind, void* user,
                    LV2_URID property);

/** Free all that is under way, and the engine (NULL is fine). No thread may be inside any more. */
void pmt_worker_destroy(PmtWorker* worker, PmtEngine* engine);

/** Read the first model. @return its player for the engine, or NULL: one line was logged and the plugin is silent */
PmtPlayer* pmt_worker_load_first(PmtWorker* worker, const char* path);

/** Do what there is to do: free, load, capture. Worker thread, or run() itself in a host that is freewheeling. */
void pmt_worker_work(PmtWorker* worker);

/** Free what was replaced. Any thread but audio. */
void pmt_worker_free_retired(PmtWorker* worker);

/** Keep a restored session's last bars for a save before anything was played. Any thread but audio.
    @param context taken over */
void pmt_worker_keep_context(PmtWorker* worker, char* context, uint64_t tape_head);

/** Those bars. @param[out] tape_head as it was kept with them @return a copy, to be freed; NULL none */
char* pmt_worker_copy_context(PmtWorker* worker, uint64_t* tape_head);

/** Once a cycle: send wishes, take what arrived and offer it, retire what was replaced. */
void pmt_worker_exchange(PmtWorker* worker) PMT_RT;

/** Write the last bars to a .mid file: the capture button was pressed. The worker does it; where the file went, or why
    there is none, comes back as status line and as property urn:partimento:captured. Without a worker: a line says so.
    @param controls sane, of this cycle @param bars 0 = all since the last start */
void pmt_worker_capture(PmtWorker* worker, const PmtEngine* engine, const PmtControls* controls, uint32_t bars) PMT_RT;

/** Set the line shown to the player. One that was never told yet is not lost: the new one follows it.
    @param text ends with NUL, without newline */
void pmt_worker_say(PmtWorker* worker, const char* text) PMT_RT;

/** The same: "model not loaded: the path is empty". */
void pmt_worker_complain(PmtWorker* worker, const PmtHandoverKind* kind, const char* text) PMT_RT;

#endif
