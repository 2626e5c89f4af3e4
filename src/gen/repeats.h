/* SPDX-License-Identifier: ISC */
/** @file repeats.h  What the last bars were like: the cure for loops, for silence, and for parts that stay away
    (docs/engine.md, "Guards").

    Music repeats itself, and a net that is told what stood here before does so too; but real music moves on after a
    while, and a net that hears itself may not. A bar is compared by onsets, parts and pitches with the bars before.
    Where pitched notes are played they alone count: a groove is meant to come again.

    A net that hears itself also lets parts rest longer than in the music it learned from, and having heard them rest,
    longer still: textures thin out. A part that rests longer than is usual in its style is asked back, more each bar, and
    for some bars after it came back: one note is not enough to make the net believe in it.

    Above: gen/engine_slot.c. Below: base/random. */
#ifndef PMT_GEN_REPEATS_H
#define PMT_GEN_REPEATS_H

#include "base/attributes.h"
#include "music/vocab.h"

#include <stdbool.h>
#include <stdint.h>

enum { PMT_REPEATS_BARS = 32, PMT_REPEATS_REACHES = 3, PMT_RESTS_ANY = 32 /**< bars: it may rest for ever */ };

typedef struct {
  uint64_t hash;        /**< of the bar in progress: pitched notes */
  uint64_t groove;      /**< and of its drums */
  uint32_t bar[PMT_REPEATS_BARS]; /**< low halves of those before; number i stands at i mod PMT_REPEATS_BARS */
  uint32_t n_bars;      /**< so many were there. Bars without a note are not */
  uint32_t run[PMT_REPEATS_REACHES]; /**< repeated bars up to the last, by how far back they are looked for */
  bool drums_alone;     /**< in the last bar */
  uint32_t pitched;     /**< notes in the bar in progress */
  uint32_t notes;       /**< the same, drums too */
  uint32_t empty;       /**< bars in a row without any note */
  uint32_t tuneless;    /**< bars in a row without a pitched note */
  uint8_t began;        /**< parts that began a note in the bar in progress, bit 0 = the first */
  uint8_t rested[PMT_PARTS_MAX]; /**< bars in a row, up to the last, in which a part began none, at most 255; halved by each
                                      in which it did */
} PmtRepeats;

void pmt_repeats_reset(PmtRepeats* repeats) PMT_RT;
/** @param part PMT_PART_DRUMS for drums */
void pmt_repeats_add(PmtRepeats* repeats, uint32_t tick_in_bar, uint32_t part, uint32_t pitch) PMT_RT;
void pmt_repeats_end_bar(PmtRepeats* repeats) PMT_RT;
/** Probability to be left for other notes than the likeliest, 0..0.3: more, the more bars are repeated beyond what is
    usual. */
float pmt_repeats_doubt(const PmtRepeats* repeats) PMT_RT;
/** Two bars were empty and this one still is. */
bool pmt_repeats_starved(const PmtRepeats* repeats) PMT_RT;

/** Two bars were without a pitched note and this one still is: a fault only where there are parts to play them. */
bool pmt_repeats_tuneless(const PmtRepeats* repeats) PMT_RT;

/** What is added to the logits of each part's notes, 0..8: nothing until it has rested for more than `longest` bars.
    @param longest bars by part; PMT_RESTS_ANY: as long as it likes */
void pmt_repeats_ask_back(const PmtRepeats* repeats, const uint8_t longest[PMT_PARTS_MAX],
                          float bias[PMT_PARTS_MAX]) PMT_RT;

#endif
