/* SPDX-License-Identifier: ISC */
/** @file engine_private.h  What engine.c, engine_slot.c and engine_setup.c share. Nobody else includes this. */
#ifndef PMT_GEN_ENGINE_PRIVATE_H
#define PMT_GEN_ENGINE_PRIVATE_H

#include "gen/engine.h"
#include "gen/freeze.h"
#include "gen/repeats.h"
#include "gen/schedule.h"
#include "gen/tonality.h"
#include "music/score.h"

enum { PMT_SLOT_NOTES_MAX = PMT_SLOT_STEPS_MAX, PMT_BURST = 5 };

/** Multiply-adds a second that regular work may take: 48 tokens of the default model (2.4 million each) in an eighth at
    300 quarters a minute. An entry in mid-performance takes PMT_BURST times as much, for half a tick. */
#define PMT_WORK_RATE (48.0 * 2.4e6 / 0.1)
/** Seconds over which the first slot is made while the transport stands. */
#define PMT_PREPARE_SECONDS 0.2
/** Ticks after a jump when what starts there sounds. */
#define PMT_ENTRY_TICKS 0.5

struct PmtPlayer {
  PmtModel* model;
  PmtNetState* state;
  float* start;           /**< recurrent state at every start of the transport, when primed */
  float* played;          /**< after the last slot that was played */
  uint8_t start_velocity; /**< bin in force then */
  uint8_t played_velocity;
  bool primed;
};

typedef enum { PMT_SLOT_NONE, PMT_SLOT_MAKING, PMT_SLOT_READY } PmtSlotPhase;

/** work(f) = base + min(plan(f), per_frame * (f - f0)), plan rising from 0 at f0 to total - base at f1 in two straight
    pieces (engine_slot.c): a function of the frame alone, so that how the host cuts its blocks is never audible. In
    multiply-adds. */
typedef struct {
  int64_t f0, f1;
  uint64_t base, total, per_frame;
} PmtPace;

/** The slot that is being made, or waits to be played. */
typedef struct {
  PmtSlotPhase phase;
  PmtPlace place;
  double deadline;     /**< tick at which it is committed: its start, later after a jump */
  uint32_t lead;       /**< the style with most weight */
  bool bos;            /**< BOS is in flight, the slot's own T token still to be fed */
  bool open;           /**< the last note waits for its duration */
  bool must_play;      /**< may not end before its first note */
  PmtFrozen frozen;
  PmtGrammar grammar;
  uint8_t ornament;    /**< of the next note */
  uint32_t n_notes;
  PmtNote notes[PMT_SLOT_NOTES_MAX]; /**< onset: ticks into the slot */
  uint32_t n_tokens;   /**< chosen */
  float surprise;      /**< their sum, bits */
  uint64_t done;       /**< multiply-adds spent */
  PmtPace pace;
} PmtSlotWork;

struct PmtEngine {
  PmtClock clock;
  PmtControls controls;    /**< sane */
  PmtPlayer* player;       /**< may be NULL */
  PmtPlayer* offered;
  PmtPlayer* old;
  PmtSlotWork slot;
  bool has_played;         /**< a slot since the start state: player->played holds */
  uint32_t played_lead;    /**< lead of the last slot played, when has_played */
  int64_t last_start;      /**< tick of the last slot played, when has_played */
  bool silenced;           /**< enabled <= 0 was acted upon */
  bool holding;
  PmtRepeats repeats;
  PmtTonality tonality;
  PmtSchedule schedule;
  PmtHeld held;
  PmtTape* tape;
  uint64_t work_per_frame;
  PmtEngineStats stats;
};

/* engine_slot.c: all PMT_RT. */

/** Freeze what `place` depends on and feed the first token. 
    @param fresh from the start state, else from player->played */
void pmt_slot_begin(PmtEngine* engine, const PmtPlace* place, bool fresh) PMT_RT;
/** Spread what is left to do from the present frame to `frame_end`.
    @param burst how many times the regular rate is allowed */
void pmt_slot_pace(PmtEngine* engine, int64_t frame_end, uint32_t burst) PMT_RT;
/** Work up to the present frame. */
void pmt_slot_work(PmtEngine* engine) PMT_RT;
/** Its time has come: what is complete is scheduled, the rest is cut. The recurrent state becomes player->played. */
void pmt_slot_commit(PmtEngine* engine) PMT_RT;

#endif
