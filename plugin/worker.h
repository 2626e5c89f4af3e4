/* SPDX-License-Identifier: ISC */
/** @file worker.h  Models on their way between threads.

    Three sides. The audio thread wishes (pmt_worker_wish) and exchanges (pmt_worker_exchange). The worker thread reads
    files and frees what was replaced (pmt_worker_work). The host's own thread restores state (pmt_worker_restore).

    What crosses is one pointer at a time: `arrived` towards the audio thread, the list `retired` away from it. Both
    belong to the instance, not to the host's message rings: nothing leaks when a host drops a message or closes in the
    middle of a load, and nothing depends on when (or whether) it calls work_response(). A call of schedule_work() is
    only a knock: 4 bytes, whatever the path's length. Newer wishes overtake older ones by their serial number. */
#ifndef PMT_PLUGIN_WORKER_H
#define PMT_PLUGIN_WORKER_H

#include "gen/engine.h"

#include <lv2/log/logger.h>
#include <lv2/worker/worker.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { PMT_PATH_MAX = 4096, PMT_STATUS_MAX = 512 };

/** A model read from disk, or the reason why not. Once its player is with the engine it carries away the old one. */
typedef struct PmtLoaded {
  struct PmtLoaded* next; /**< in the retired list */
  PmtPlayer* player;      /**< owned; NULL when the file could not be used */
  uint64_t hash;          /**< of the model's content */
  uint64_t serial;        /**< of the wish it answers */
  bool restored;          /**< from a saved state: the path counts even when there is no such file */
  char status[PMT_STATUS_MAX];
  char path[PMT_PATH_MAX];
} PmtLoaded;

/** Who owns PmtWorker.asked. */
typedef enum { PMT_REQUEST_NONE /**< audio */, PMT_REQUEST_ASKED /**< worker */, PMT_REQUEST_LOADING } PmtRequest;

typedef struct {
  const LV2_Worker_Schedule* schedule; /**< NULL: the host has no worker */
  LV2_Log_Logger log;                  /**< never used in the audio thread */

  _Atomic(PmtLoaded*) arrived; /**< newest result, not yet seen by the audio thread */
  _Atomic(PmtLoaded*) retired; /**< to be freed outside the audio thread */
  _Atomic(uint64_t) serial;    /**< last number given to a wish */
  _Atomic(int) request;        /**< PmtRequest */
  _Atomic(bool) knocked;       /**< a knock to free `retired` is under way */
  char asked[PMT_PATH_MAX];
  uint64_t asked_serial;

  pthread_mutex_t mutex; /**< worker, restore and save against each other; never taken by run() */
  char saved_path[PMT_PATH_MAX];
  uint64_t saved_serial;

  /* The audio thread's own. */
  char wish[PMT_PATH_MAX]; /**< waits for the load in flight */
  uint64_t wish_serial;
  bool wishing;
  PmtLoaded* ready;        /**< waits for the engine to accept it */
  PmtLoaded* carrier;
  uint64_t seen_serial, hash;
  char path[PMT_PATH_MAX];
  char status[PMT_STATUS_MAX];
  bool path_changed, status_changed; /**< to be told to the host */
} PmtWorker;

/** @param schedule may be NULL */
PmtStatus pmt_worker_init(PmtWorker* worker, const LV2_Worker_Schedule* schedule, const LV2_Log_Logger* log);

/** Free all that is under way, and the engine (NULL is fine). No thread may be inside any more. */
void pmt_worker_destroy(PmtWorker* worker, PmtEngine* engine);

/** Read the first model. @return its player for the engine, or NULL: one line was logged and the plugin is silent */
PmtPlayer* pmt_worker_load_first(PmtWorker* worker, const char* path);

/** Read a model named by a saved state, here and now, and hand it to the audio thread, which may be running. The path is
    kept for the next save even when the file is missing. Host's thread. */
void pmt_worker_restore(PmtWorker* worker, const char* path);

/** Do what there is to do: free, load. Worker thread, or run() itself in a host that is freewheeling. */
void pmt_worker_work(PmtWorker* worker);

/** Copy the path that belongs into a saved state (empty: none) into a buffer of PMT_PATH_MAX. Any thread but audio. */
void pmt_worker_copy_path(PmtWorker* worker, char* path);

/** Ask for another model. @param length without NUL; may be any number */
void pmt_worker_wish(PmtWorker* worker, const char* path, size_t length) PMT_RT;

/** Once a cycle: send the wish, take what arrived, offer it to the engine, retire what was replaced. */
void pmt_worker_exchange(PmtWorker* worker, PmtEngine* engine) PMT_RT;

/** Write the last bars to a .mid file: the capture button was pressed. The worker does it; where the file went, or why
    there is none, comes back as status line and as property urn:partimento:captured. Without a worker: a line says so.
    @param bars 0 = all since the last start */
void pmt_worker_capture(PmtWorker* worker, PmtEngine* engine, uint32_t bars) PMT_RT;

/** Set the line shown to the player. @param text a literal */
void pmt_worker_say(PmtWorker* worker, const char* text) PMT_RT;

#endif
