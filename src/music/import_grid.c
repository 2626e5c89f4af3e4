/* SPDX-License-Identifier: ISC */
/* Raw notes onto the grid. Above: import.c.

   The grid, counted from the bar line: 16ths (multiples of 6 ticks) and triplets (multiples of 4, with them of 8). What
   is written lies on it, or on 32nds, and goes to the nearest tick. What was played needs more care: a quarter of a
   16th too early is already nearer to a triplet, so plain drumming would be littered with triplets that nobody meant.
   There each beat is read as 16ths or as triplets, whichever explains all its onsets better; the piece as a whole has a
   say too.
   Measured on 1,091 drum performances (docs/midi-files.md). */
#include "music/import_internal.h"
#include "music/meter.h"

#include <math.h>
#include <stdlib.h>

static const double exact = 0.25 + 1e-6;   /* ticks from the grid that still count as on it */
static const double exact_share_min = 0.75; /* of all onsets: the file is written, odd tuplets and all */
static const double jitter = 1.2;          /* ticks: standard deviation of a player's onsets */
static const double piece_weight = 4;      /* notes' worth of the piece's mean evidence in each beat */
static const double triplet_threshold = 1; /* nats of evidence that triplets must bring */
static const double gate = 0.125;          /* played lengths this near to a note value mean it */

static double distance_to(const double tick, const double grid) {
  return fabs(tick - grid * round(tick / grid));
}

static bool is_exact(const double tick) {
  return distance_to(tick, 3) <= exact || distance_to(tick, 4) <= exact;
}

/** Where an onset is. Onsets come in order, so the bar only moves on. */
typedef struct {
  size_t bar;
  double in_bar;
} Place;

static void move_to(Place* const place, const PmtScore* const score, const double onset) {
  while (place->bar + 1 < score->n_bars && score->bars[place->bar + 1].tick <= onset) {
    ++place->bar;
  }
  place->in_bar = onset - score->bars[place->bar].tick;
}

/** Most onsets lie on 16ths, 32nds or triplets: somebody wrote this down, nobody played it. Only then is a single
    onset on a 32nd a 32nd and no hurried 16th. */
static bool is_written(const PmtRawNote* const raw, const size_t n_raw, const double offset,
                       const PmtScore* const score) {
  Place place = {0};
  size_t n_exact = 0;
  for (size_t i = 0; i < n_raw; ++i) {
    move_to(&place, score, raw[i].onset + offset);
    n_exact += is_exact(place.in_bar);
  }
  return (double)n_exact >= exact_share_min * (double)n_raw;
}

/* Reading a beat */

typedef struct {
  double tick, weight;
} Expected;

static double likelihood(const double in_beat, const Expected* const expected, const size_t n) {
  double sum = 1e-3; /* anything may happen */
  for (size_t i = 0; i < n; ++i) {
    const double d = remainder(in_beat - expected[i].tick, PMT_TICKS_PER_QUARTER);
    sum += expected[i].weight * exp(-d * d / (2 * jitter * jitter));
  }
  return sum;
}

/** Log-likelihood ratio of one onset: above 0 speaks for triplets. */
static double evidence(const double in_beat) {
  static const Expected sixteenths[] = {{0, .4}, {6, .15}, {12, .3}, {18, .15}};
  static const Expected triplets[] = {{0, .4}, {4, .06}, {8, .2}, {12, .08}, {16, .2}, {20, .06}};
  return log(likelihood(in_beat, triplets, sizeof triplets / sizeof *triplets) /
             likelihood(in_beat, sixteenths, sizeof sixteenths / sizeof *sixteenths));
}

/** Beats are cut an eighth of a beat early, so that a hurried onset counts with the beat it belongs to. */
static long beat_of(const Place* const place) {
  return (long)floor((place->in_bar + PMT_TICKS_PER_QUARTER / 8.0) / PMT_TICKS_PER_QUARTER);
}

/** Evidence of the onsets of one beat, raw[i] being the first. @param[out] end index after the last */
static double beat_evidence(const PmtRawNote* const raw, const size_t n_raw, const double offset,
                            const PmtScore* const score, size_t i, Place place, size_t* const end) {
  move_to(&place, score, raw[i].onset + offset);
  const size_t bar = place.bar;
  const long beat = beat_of(&place);
  double sum = 0;
  while (place.bar == bar && beat_of(&place) == beat) {
    sum += evidence(place.in_bar);
    if (++i == n_raw) {
      break;
    }
    move_to(&place, score, raw[i].onset + offset);
  }
  *end = i;
  return sum;
}

static double mean_evidence(const PmtRawNote* const raw, const size_t n_raw, const double offset,
                            const PmtScore* const score) {
  Place place = {0};
  double sum = 0;
  for (size_t i = 0; i < n_raw; ++i) {
    move_to(&place, score, raw[i].onset + offset);
    sum += evidence(place.in_bar);
  }
  return sum / (double)n_raw;
}

/* The grid */

/** The tick, or the next bar line if that is nearer: bars need not be a multiple of the grid. */
static uint32_t within_bar(const double tick, const double in_bar, const PmtBar* const bar) {
  const double line = bar->ticks;
  return (uint32_t)(tick > line || fabs(in_bar - line) < fabs(in_bar - tick) ? line : tick);
}

static uint32_t snap_written(const double in_bar, const PmtBar* const bar) {
  if (distance_to(in_bar, 3) <= exact) {
    return within_bar(3 * round(in_bar / 3), in_bar, bar);
  }
  const double sixteenth = 6 * round(in_bar / 6);
  const double triplet = 4 * round(in_bar / 4);
  const bool nearer = fabs(in_bar - triplet) < fabs(in_bar - sixteenth) - 1e-6;
  return within_bar(nearer ? triplet : sixteenth, in_bar, bar);
}

static double nearest_value(const double ticks) {
  uint32_t i = 0;
  while (i + 1 < PMT_DURATIONS && ticks > (pmt_duration_ticks[i] + pmt_duration_ticks[i + 1]) / 2.0) {
    ++i;
  }
  return pmt_duration_ticks[i];
}

/** A written length is what it says. A played one is the note value it comes near to, else the nearest sum. */
static uint16_t snap_duration(const double ticks, const bool written) {
  const double value = nearest_value(ticks);
  if (!(written && is_exact(ticks)) && fabs(ticks - value) <= gate * value) {
    return (uint16_t)value;
  }
  const long whole = lround(ticks);
  return (uint16_t)pmt_duration_nearest(whole > 0 ? (uint32_t)whole : 1);
}

typedef struct {
  PmtScore* score;
  double offset;
  bool written;
  double moved; /* sum */
  uint32_t n_moved;
  Place place;
} Grid;

/** @param step 0: as written, 6: 16ths, 4: triplets */
static PmtNote put_on_grid(Grid* const grid, const PmtRawNote* const raw, const uint32_t step) {
  const double onset = raw->onset + grid->offset;
  move_to(&grid->place, grid->score, onset);
  const PmtBar* const bar = &grid->score->bars[grid->place.bar];
  const double in_bar = grid->place.in_bar;
  const uint32_t in_grid = step ? within_bar(step * round(in_bar / step), in_bar, bar) : snap_written(in_bar, bar);
  const uint32_t tick = bar->tick + in_grid;
  const double by = fabs(onset - tick);
  grid->moved += by;
  grid->n_moved += by > exact;
  return (PmtNote){.onset = tick,
                   .duration = raw->part == PMT_PART_DRUMS ? 0 : snap_duration(raw->duration, grid->written),
                   .part = raw->part,
                   .pitch = raw->pitch,
                   .velocity = raw->velocity,
                   .ornament = raw->ornament};
}

PmtStatus pmt_import_quantise(const PmtRawNote* const raw, const size_t n_raw, const double offset,
                              PmtScore* const score, PmtImportReport* const report) {
  score->notes = malloc(n_raw * sizeof *score->notes);
  if (!score->notes) {
    return PMT_NO_MEM;
  }
  Grid grid = {.score = score, .offset = offset, .written = is_written(raw, n_raw, offset, score)};
  const double piece = grid.written ? 0 : piece_weight * mean_evidence(raw, n_raw, offset, score);
  for (size_t i = 0, end = 0; i < n_raw;) {
    end = n_raw;
    uint32_t step = 0;
    if (!grid.written) {
      step = beat_evidence(raw, n_raw, offset, score, i, grid.place, &end) + piece > triplet_threshold ? 4 : 6;
    }
    for (; i < end; ++i) {
      score->notes[i] = put_on_grid(&grid, &raw[i], step);
    }
  }
  score->n_notes = n_raw;
  report->moved = grid.n_moved;
  report->moved_mean_ticks = grid.moved / (double)n_raw;
  return PMT_OK;
}
