/* SPDX-License-Identifier: ISC */
/** @file meter.h  Ticks, bars and slots (docs/model.md, "Time and slots").

    24 ticks a quarter note. A slot is an eighth, 12 ticks, counted from the bar line; the last slot of a bar may be
    shorter. The slot number in tokens wraps at 24: k = (tick_in_bar / 12) mod 24. */
#ifndef PMT_MUSIC_METER_H
#define PMT_MUSIC_METER_H

#include "base/attributes.h"

#include <stdint.h>

enum {
  PMT_TICKS_PER_QUARTER = 24,
  PMT_TICKS_PER_WHOLE = 96,
  PMT_SLOT_TICKS = 12,
  PMT_SLOTS_MAX = 24,      /**< slot tokens T0..T23 */
  PMT_BAR_TICKS_MAX = 9216, /**< 96 whole notes: longer bars are nobody's music */
  PMT_METER_CLASSES = 26,  /**< 0 unknown, 1..24 slots a bar, 25 longer */
};

typedef struct {
  float beats; /**< beats a bar; hosts send fractions */
  int unit;    /**< note value that is one beat: 1, 2, 4, 8 ... */
} PmtMeter;

/** Ticks in a bar: 96 * beats / unit rounded, at least 1, at most PMT_BAR_TICKS_MAX. Absurd meters (NaN, 0, 1e30)
    count as 4/4. */
uint32_t pmt_meter_bar_ticks(PmtMeter meter) PMT_RT;

/** Index into the meter table: slots a bar, rounded up; 25 when more than 24. */
uint32_t pmt_meter_class(uint32_t bar_ticks) PMT_RT;

/** Slot number of the token, 0..23. */
static inline uint32_t pmt_slot_number(uint32_t tick_in_bar) PMT_RT {
  return tick_in_bar / PMT_SLOT_TICKS % PMT_SLOTS_MAX;
}

/** Length in ticks of the slot that begins at tick_in_bar (a multiple of 12 below bar_ticks): 12, less at the bar's end. */
static inline uint32_t pmt_slot_length(uint32_t tick_in_bar, uint32_t bar_ticks) PMT_RT {
  const uint32_t left = bar_ticks - tick_in_bar;
  return left < PMT_SLOT_TICKS ? left : PMT_SLOT_TICKS;
}

#endif
