/* SPDX-License-Identifier: ISC */
/** @file repeats.h  What the last bars were like: the cure for loops and for silence (docs/model.md, "Repeats").

    Above: gen/engine_slot.c. Below: nothing. Only pitched notes count as a loop: a groove is meant to come again. */
#ifndef PMT_GEN_REPEATS_H
#define PMT_GEN_REPEATS_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint64_t hash;        /**< of the bar in progress: onsets, parts, pitches */
  uint64_t last;        /**< of the bar before */
  uint32_t pitched;     /**< notes in the bar in progress */
  uint32_t notes;       /**< the same, drums too */
  uint32_t equal;       /**< bars in a row, up to the last, that were equal */
  uint32_t empty;       /**< bars in a row without any note */
  uint32_t tuneless;    /**< bars in a row without a pitched note */
} PmtRepeats;

void pmt_repeats_reset(PmtRepeats* repeats) PMT_RT;
/** @param part PMT_PART_DRUMS for drums */
void pmt_repeats_add(PmtRepeats* repeats, uint32_t tick_in_bar, uint32_t part, uint32_t pitch) PMT_RT;
void pmt_repeats_end_bar(PmtRepeats* repeats) PMT_RT;
/** Factor on the temperature: 1 + 0.1 (n - 3) after n >= 4 equal bars, at most 1.5. */
float pmt_repeats_lift(const PmtRepeats* repeats) PMT_RT;
/** Two bars were empty and this one still is. */
bool pmt_repeats_starved(const PmtRepeats* repeats) PMT_RT;

/** Two bars were without a pitched note and this one still is: a fault only where there are parts to play them. */
bool pmt_repeats_tuneless(const PmtRepeats* repeats) PMT_RT;

#endif
