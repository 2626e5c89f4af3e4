/* SPDX-License-Identifier: ISC */
/* Bars from the meter map of a file. Above: import.c.

   A meter change in mid-bar ends the bar there: it keeps its own length. A first bar that is shorter than the meter
   after it, and has a meter of its own to say so, is a pickup: it becomes a whole bar of which the front is missing. */
#include "music/import_internal.h"
#include "music/meter.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  PmtScore* score;
  size_t capacity;
  uint32_t tick; /* where the next bar begins */
} BarList;

static PmtStatus add_bar(BarList* const list, const uint32_t end, const PmtSmfMeter* const meter) {
  PmtScore* const score = list->score;
  if (score->n_bars == list->capacity) {
    const size_t wanted = list->capacity * 2 + 64;
    PmtBar* const bars = realloc(score->bars, wanted * sizeof *bars);
    if (!bars) {
      return PMT_NO_MEM;
    }
    score->bars = bars;
    list->capacity = wanted;
  }
  score->bars[score->n_bars++] = (PmtBar){.tick = list->tick,
                                          .ticks = (uint16_t)(end - list->tick),
                                          .beats = meter->beats,
                                          .unit = meter->unit};
  list->tick = end;
  return PMT_OK;
}

/** Length of a bar, exactly: 3/64 are 4.5 ticks. Absurd meters have become 4/4. */
static double exact_bar_ticks(const PmtSmfMeter* const meter) {
  return (double)PMT_TICKS_PER_WHOLE * meter->beats / meter->unit;
}

/** Meters to lay bars by. Bars shorter than a slot, with which converters fill gaps (three of 1/32), are taken
    together. */
static PmtSmfMeter sane_meter(const PmtSmfMeter* const meter) {
  const double ticks = meter->unit > 0 ? exact_bar_ticks(meter) : 0;
  if (!(ticks >= 1 && ticks <= PMT_BAR_TICKS_MAX)) {
    return (PmtSmfMeter){meter->tick, 4, 4};
  }
  const double together = ceil(PMT_SLOT_TICKS / ticks); /* 1 for whole bars; at most 8, of 1/64 */
  return (PmtSmfMeter){meter->tick, (uint8_t)(meter->beats * together), meter->unit};
}

/** The bars of one meter, from list->tick (which is `start` rounded) to `end` rounded. */
static PmtStatus add_segment(BarList* const list, const PmtSmfMeter* const meter, const double start,
                             const double end) {
  const uint32_t last = (uint32_t)lround(end);
  for (uint32_t i = 1; list->tick < last; ++i) {
    const uint32_t whole = (uint32_t)lround(start + i * exact_bar_ticks(meter));
    if (last - list->tick <= 1 && whole > last) {
      /* A sliver, from a meter event written a file tick late: the bar before takes it in, or the one after. */
      PmtBar* const before = list->score->n_bars ? &list->score->bars[list->score->n_bars - 1] : NULL;
      if (before && before->ticks < PMT_BAR_TICKS_MAX) {
        before->ticks++;
        list->tick = last;
      }
      if (!before || list->tick == last) {
        return PMT_OK;
      }
    }
    if (whole <= list->tick) {
      continue; /* the sliver of above was as long as a bar */
    }
    if (add_bar(list, whole < last ? whole : last, meter)) {
      return PMT_NO_MEM;
    }
  }
  return PMT_OK;
}

/** @return ticks by which everything moves */
static uint32_t align_pickup(PmtScore* const score, const size_t bars_of_first_meter, const PmtSmfMeter* const next) {
  if (bars_of_first_meter != 1 || score->n_bars < 2) {
    return 0;
  }
  const uint32_t whole = (uint32_t)lround(exact_bar_ticks(next));
  PmtBar* const pickup = &score->bars[0];
  if (pickup->ticks >= whole) {
    return 0;
  }
  const uint32_t missing = whole - pickup->ticks;
  *pickup = (PmtBar){.ticks = (uint16_t)whole,
                     .skip = (uint16_t)(missing / PMT_SLOT_TICKS * PMT_SLOT_TICKS),
                     .beats = next->beats,
                     .unit = next->unit};
  for (size_t i = 1; i < score->n_bars; ++i) {
    score->bars[i].tick += missing;
  }
  return missing;
}

PmtStatus pmt_import_bars(const PmtSmf* const smf, const double end, PmtScore* const score, uint32_t* const shift) {
  BarList list = {.score = score};
  size_t bars_of_first_meter = 0;
  for (size_t i = 0; i < smf->n_meters; ++i) {
    const PmtSmfMeter meter = sane_meter(&smf->meters[i]);
    const double start = pmt_import_ticks(smf, meter.tick);
    if (start > end) {
      break;
    }
    const double whole = exact_bar_ticks(&meter);
    const double enough = start + (floor((end - start) / whole) + 1) * whole;
    const double next = i + 1 < smf->n_meters ? pmt_import_ticks(smf, smf->meters[i + 1].tick) : enough;
    if (add_segment(&list, &meter, start, next < enough ? next : enough)) {
      return PMT_NO_MEM;
    }
    if (i == 0) {
      bars_of_first_meter = score->n_bars;
    }
  }
  if (smf->n_meters > 1) {
    const PmtSmfMeter next = sane_meter(&smf->meters[1]);
    *shift = align_pickup(score, bars_of_first_meter, &next);
  } else {
    *shift = 0;
  }
  return PMT_OK;
}
