/* SPDX-License-Identifier: ISC */
/** @file memory.h  What the model was about to do at places it has been to: Loop = same begins from there.

    Above: gen/engine_place.c. Below: gen/clock, gen/repeats, gen/tonality.

    A memo is the state *before* a slot. All slots of the last eight 4/4 bars are remembered, and the first two slots of the
    last 128 bars: loops begin at bar lines, and where one begins its second slot is needed too, because the first is not
    made again but played as it was. A place that is played again replaces its memo, so a loop never fills the memory. */
#ifndef PMT_GEN_MEMORY_H
#define PMT_GEN_MEMORY_H

#include "gen/engine.h"
#include "gen/repeats.h"
#include "gen/tonality.h"

enum { PMT_MEMORY_RECENT = 64, PMT_MEMORY_BARS = 256, PMT_MEMORY_MAX = PMT_MEMORY_RECENT + PMT_MEMORY_BARS };

typedef struct {
  bool used;
  PmtPlace place;      /**< `start` counts for nothing */
  bool fresh;          /**< from the start state */
  float* state;        /**< recurrent state, unless fresh */
  uint8_t velocity;    /**< bin in force */
  uint32_t lead;       /**< style of the slot before */
  uint64_t pass;
  PmtRepeats repeats;
  PmtTonality tonality;
  PmtControls heard;   /**< as they were when the slot began to sound */
  uint64_t phrase;     /**< number of the slot in PmtPhrase */
} PmtMemo;

typedef struct {
  PmtMemo memo[PMT_MEMORY_MAX]; /**< the recent ones, then those of bar heads */
  uint32_t next_recent, next_bar;
} PmtMemory;

void pmt_memory_clear(PmtMemory* memory) PMT_RT;

/** The memo of a place, newest first; NULL when there is none. */
const PmtMemo* pmt_memory_find(const PmtMemory* memory, const PmtPlace* place) PMT_RT;

/** Keep a memo. @param memo its `state` is copied from, not kept @param n floats of state */
void pmt_memory_put(PmtMemory* memory, const PmtMemo* memo, size_t n) PMT_RT;

#endif
