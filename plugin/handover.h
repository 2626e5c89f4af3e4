/* SPDX-License-Identifier: ISC */
/** @file handover.h  A property that is a path, and what is made from the file it names, on their way between threads.

    Above: worker.c (one list of them an instance), patch.c, state.c. Below: the four functions of a kind.

    Three sides. The audio thread wishes and exchanges. The worker thread reads files and frees what was replaced. The
    host's own thread restores state. What crosses is one pointer at a time: `arrived` towards the audio thread, the
    worker's list `retired` away from it. Both belong to the instance, not to the host's message rings: nothing leaks
    when a host drops a message or closes in the middle of a load, and nothing depends on when (or whether) it calls
    work_response(). Newer wishes overtake older ones by their serial number.

    To have one more such property:
    1. write a PmtHandoverKind;
    2. keep a PmtHandover, zeroed, beside what uses the object, and pmt_worker_add() it in instantiate;
    3. pmt_handover_load_first() if there shall be an object from the start.
    patch:Set, patch:Get, the status line, save and restore with mapPath then know it, and run() exchanges it with the
    others. The object in use, and the one take_old() would give, are yours to free in cleanup. */
#ifndef PMT_PLUGIN_HANDOVER_H
#define PMT_PLUGIN_HANDOVER_H

#include "base/attributes.h"
#include "base/status.h"

#include <lv2/urid/urid.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PMT_PATH_MAX = 4096, PMT_STATUS_MAX = 1024 };

/** What somebody wants to have. */
typedef struct {
  const char* path;    /**< for a kind that is no property: the bytes of pmt_handover_ask(), aligned for anything */
  uint64_t hash;       /**< of the content that a session was saved with, 0 unknown */
  const char* context; /**< what else the session keeps for it; NULL nothing */
} PmtWanted;

/** An object from a file, or the reason why not. Once the object is in use it carries away the one before. */
typedef struct PmtParcel {
  /* load() fills these; all are zero before. */
  void* object;                /**< owned. May stay NULL where the path itself is what is wanted */
  uint64_t hash;               /**< of the content; 0: not known, never taken for what is in use */
  bool fresh;                  /**< to be used although the content is in use already: it brings something else */
  bool flawed;                 /**< it can be used, but the line says what is wrong: that is logged, too */
  char status[PMT_STATUS_MAX]; /**< the line for the player: "playing TITLE (FILE)" */
  char path[PMT_PATH_MAX];     /**< the wish; load() may put another, which is then what is told and saved */
  /* The hand-over's own. */
  const struct PmtHandoverKind* kind;
  struct PmtParcel* next;      /**< in the retired list */
  uint64_t serial;             /**< of the wish it answers */
  uint64_t hash_saved;         /**< for the next save: that of a file which is not there is not forgotten */
  bool counts;                 /**< the path is the property's value from now on */
} PmtParcel;

typedef struct PmtHandoverKind {
  const char* failed; /**< begins the line that says why not: "model not loaded" */
  bool property;      /**< set by patch:Set, saved, restored. Else it only tells where something went (captures) */

  /** Make one. The worker's thread, with 64 KiB of stack, or the host's, both at once too: of `user` it may read what
      never changes. @return not PMT_OK: a line is in `error` and the object in use stays */
  PmtStatus (*load)(void* user, const PmtWanted* wanted, PmtParcel* parcel, PmtError* error);
  /** Unmake one: same threads. NULL where load() makes none, like the rest. */
  void (*unload)(void* object);
  /** Use it from now on, and give up the one in use. @return false: not now, ask again in the next cycle */
  bool (*offer)(void* user, void* object) PMT_RT;
  /** The object that was given up, once; NULL: none, or not yet. */
  void* (*take_old)(void* user) PMT_RT;
} PmtHandoverKind;

/** Who owns PmtHandover.asked. */
typedef enum { PMT_REQUEST_NONE /**< audio */, PMT_REQUEST_ASKED /**< worker */, PMT_REQUEST_LOADING } PmtRequest;

typedef struct PmtHandover {
  const PmtHandoverKind* kind;
  void* user;                  /**< handed to the kind's functions */
  struct PmtWorker* worker;
  struct PmtHandover* next;    /**< in the worker's list */
  LV2_URID property;           /**< what patch and state call it */
  char bundled[PMT_PATH_MAX];  /**< it, or one beside it of the same name, plays when a session's file is not there; "" =
                                    there is none */

  _Atomic(PmtParcel*) arrived; /**< newest result, not yet seen by the audio thread */
  _Atomic(uint64_t) serial;    /**< last number given to a wish */
  _Atomic(int) request;        /**< PmtRequest */
  _Alignas(max_align_t) char asked[PMT_PATH_MAX];
  uint64_t asked_serial;

  char saved_path[PMT_PATH_MAX]; /**< the worker's mutex guards what is saved */
  uint64_t saved_hash, saved_serial;

  /* The audio thread's own. */
  char wish[PMT_PATH_MAX];     /**< waits for the load in flight */
  size_t wish_size;            /**< 0: none waits */
  uint64_t wish_serial;
  PmtParcel* ready;            /**< waits to be accepted */
  PmtParcel* carrier;          /**< its object is in use: it waits for the one before */
  uint64_t seen_serial, hash;
  char path[PMT_PATH_MAX];
  bool path_changed;           /**< to be told to the host */
} PmtHandover;

/** Load what there is to begin with, here and now, in instantiate. It also stands in for files that sessions miss.
    @return the object, yours, or NULL: one line was logged and is the status */
void* pmt_handover_load_first(PmtHandover* handover, const char* path);

/** Load what a saved state names, here and now, and hand it to the audio thread, which may be running. When the file is
    not there, the one of that name in the bundle plays, or else the bundle's first; the status says so unless it has the
    very content that was saved, and the path is kept for the next save. Host's thread. */
void pmt_handover_restore(PmtHandover* handover, const PmtWanted* wanted);

/** What belongs into a saved state. Any thread but audio. @param path of PMT_PATH_MAX bytes; empty: nothing
    @return hash of the content, 0 unknown */
uint64_t pmt_handover_copy_path(PmtHandover* handover, char* path);

/** Ask for another path. @param length without NUL; may be any number */
void pmt_handover_wish(PmtHandover* handover, const char* path, size_t length) PMT_RT;

/** The same with any bytes, for a kind that is no property. @param size 1..PMT_PATH_MAX */
void pmt_handover_ask(PmtHandover* handover, const void* bytes, size_t size) PMT_RT;

/* Called by the worker alone. */

/** Put the newest wish where the worker finds it, unless it is busy with one before. */
void pmt_handover_send(PmtHandover* handover) PMT_RT;
/** Take what arrived, offer it, retire what was replaced. */
void pmt_handover_take(PmtHandover* handover) PMT_RT;
/** Load what was asked for, if anything was. Worker thread. */
void pmt_handover_work(PmtHandover* handover);
/** Free all that is under way. No thread may be inside any more. */
void pmt_handover_destroy(PmtHandover* handover);
void pmt_parcel_free(PmtParcel* parcel);

#endif
