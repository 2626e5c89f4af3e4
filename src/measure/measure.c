/* SPDX-License-Identifier: ISC */
/* Measures of an excerpt. Above: tools/evaluate_music.c, distance.c. Below: music/score.h. */
#include "measure/measure.h"

#include "music/meter.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SIXTEENTH = 6, RECALL_BARS = 8, SCALE_BARS = 4, EIGHTH_UNIT = 8 };

static const uint16_t major_scale = 0xab5; /* bit 0 = the root; the natural minors are the same twelve sets */

static const struct {
  const char *title, *key;
  double grain;
} names[PMT_MEASURES] = {
  [PMT_MEASURE_DENSITY] = {"notes a quarter", "notes_per_quarter", 0.0},
  [PMT_MEASURE_EMPTY] = {"empty beats", "empty_beats", 0.005},
  [PMT_MEASURE_DURATION] = {"mean duration", "mean_duration", 0.0},
  [PMT_MEASURE_POLYPHONY] = {"mean polyphony", "mean_polyphony", 0.0},
  [PMT_MEASURE_OFF_GRID] = {"onsets off the 16ths", "off_sixteenths", 0.005},
  [PMT_MEASURE_ENTROPY] = {"pitch-class entropy", "pitch_class_entropy", 0.0},
  [PMT_MEASURE_SCALE] = {"scale consistency", "scale_consistency", 0.0},
  [PMT_MEASURE_OVERLAP] = {"onset overlap, lag 1", "onset_overlap", 0.0},
  [PMT_MEASURE_REPEAT] = {"bar equals the last", "bar_repeated", 0.0},
  [PMT_MEASURE_RECALL] = {"bar equals one of 8", "bar_recalled", 0.0},
  [PMT_MEASURE_LAG_2] = {"onset overlap, lag 2", "onset_overlap_lag_2", 0.0},
  [PMT_MEASURE_LAG_4] = {"onset overlap, lag 4", "onset_overlap_lag_4", 0.0},
  [PMT_MEASURE_LAG_8] = {"onset overlap, lag 8", "onset_overlap_lag_8", 0.0},
};

const char* pmt_measure_title(const PmtMeasure measure) { return names[measure].title; }
const char* pmt_measure_key(const PmtMeasure measure) { return names[measure].key; }
double pmt_measure_grain(const PmtMeasure measure) { return names[measure].grain; }

/* ---- Notes of a span of time ------------------------------------------------------------------------------------- */

typedef struct { const PmtNote *first, *end; } Notes; /* by onset */

static uint32_t end_of_bar(const PmtScore* const score, const size_t bar) {
  return score->bars[bar].tick + score->bars[bar].ticks;
}

/** First note with onset >= tick. */
static const PmtNote* note_at(const PmtScore* const score, const uint32_t tick) {
  size_t lo = 0, hi = score->n_notes;
  while (lo < hi) {
    const size_t mid = (lo + hi) / 2;
    if (score->notes[mid].onset < tick) { lo = mid + 1; } else { hi = mid; }
  }
  return score->notes + lo;
}

static Notes notes_from(const PmtScore* const score, const uint32_t tick, const uint32_t end) {
  return (Notes){note_at(score, tick), note_at(score, end)};
}

static Notes notes_of_bars(const PmtScore* const score, const size_t bar, const size_t n) {
  return notes_from(score, score->bars[bar].tick, end_of_bar(score, bar + n - 1));
}

/** Those that may sound from `tick` on, begun before it or not. */
static Notes notes_heard(const PmtScore* const score, const uint32_t tick, const uint32_t end) {
  return notes_from(score, tick > PMT_DURATION_MAX ? tick - PMT_DURATION_MAX : 0, end);
}

static bool pitched(const PmtNote* const note) { return note->part != PMT_PART_DRUMS; }

static double ratio(const double a, const double b) { return b > 0 ? a / b : (double)NAN; }

/* ---- How much, how long, how many at once ------------------------------------------------------------------------ */

static double density(const Notes notes, const uint32_t ticks) {
  return (double)(notes.end - notes.first) * PMT_TICKS_PER_QUARTER / ticks;
}

/** Whether something sounds in [tick, end): a drum does where it is struck. */
static bool sounds(const PmtScore* const score, const uint32_t tick, const uint32_t end) {
  const Notes notes = notes_heard(score, tick, end);
  for (const PmtNote* n = notes.first; n < notes.end; ++n) {
    if (n->onset >= tick || n->onset + n->duration > tick) { return true; }
  }
  return false;
}

static double empty_beats(const PmtScore* const score, const size_t bar) {
  uint32_t beats = 0, empty = 0;
  for (const PmtBar* b = score->bars + bar; b < score->bars + bar + PMT_EXCERPT_BARS; ++b) {
    const uint32_t beat = b->unit >= EIGHTH_UNIT ? PMT_TICKS_PER_QUARTER / 2 : PMT_TICKS_PER_QUARTER;
    for (uint32_t at = 0; at < b->ticks; at += beat, ++beats) {
      const uint32_t end = at + beat < b->ticks ? at + beat : b->ticks;
      empty += !sounds(score, b->tick + at, b->tick + end);
    }
  }
  return ratio(empty, beats);
}

static double mean_duration(const Notes notes) {
  double sum = 0, n = 0;
  for (const PmtNote* note = notes.first; note < notes.end; ++note) {
    sum += note->duration;
    n += pitched(note);
  }
  return ratio(sum, n * PMT_TICKS_PER_QUARTER);
}

static double polyphony(const PmtScore* const score, const uint32_t tick, const uint32_t end) {
  const Notes notes = notes_heard(score, tick, end);
  uint32_t sum = 0, heard = 0, until = tick; /* until: all before it is counted in `heard` */
  for (const PmtNote* n = notes.first; n < notes.end; ++n) {
    const uint32_t from = n->onset > tick ? n->onset : tick;
    const uint32_t to = n->onset + n->duration < end ? n->onset + n->duration : end;
    if (to <= from) { continue; }
    sum += to - from;
    heard += to > until ? to - (from > until ? from : until) : 0;
    until = to > until ? to : until;
  }
  return ratio(sum, heard);
}

static double off_grid(const PmtScore* const score, const size_t bar) {
  double off = 0, n = 0;
  for (size_t i = bar; i < bar + PMT_EXCERPT_BARS; ++i) {
    const Notes notes = notes_of_bars(score, i, 1);
    for (const PmtNote* note = notes.first; note < notes.end; ++note) {
      off += (note->onset - score->bars[i].tick) % SIXTEENTH != 0;
    }
    n += (double)(notes.end - notes.first);
  }
  return ratio(off, n);
}

/* ---- Pitch ------------------------------------------------------------------------------------------------------- */

static uint32_t count_classes(const Notes notes, uint32_t count[12]) {
  uint32_t n = 0;
  memset(count, 0, 12 * sizeof *count);
  for (const PmtNote* note = notes.first; note < notes.end; ++note) {
    count[note->pitch % 12] += pitched(note);
    n += pitched(note);
  }
  return n;
}

static double entropy(const Notes notes) {
  uint32_t count[12];
  const uint32_t n = count_classes(notes, count);
  double bits = 0;
  for (uint32_t i = 0; i < 12; ++i) {
    bits -= count[i] ? (double)count[i] / n * log2((double)count[i] / n) : 0;
  }
  return n ? bits : (double)NAN;
}

static double in_best_scale(const Notes notes) {
  uint32_t count[12], best = 0;
  const uint32_t n = count_classes(notes, count);
  for (uint32_t root = 0; root < 12; ++root) {
    uint32_t inside = 0;
    for (uint32_t i = 0; i < 12; ++i) {
      inside += major_scale >> i & 1 ? count[(root + i) % 12] : 0;
    }
    best = inside > best ? inside : best;
  }
  return ratio(best, n);
}

/** Mean of the windows that have notes. */
static double scale_consistency(const PmtScore* const score, const size_t bar) {
  double sum = 0, n = 0;
  for (size_t i = bar; i < bar + PMT_EXCERPT_BARS; i += SCALE_BARS) {
    const double best = in_best_scale(notes_of_bars(score, i, SCALE_BARS));
    sum += isnan(best) ? 0 : best;
    n += !isnan(best);
  }
  return ratio(sum, n);
}

/* ---- Likeness of bars -------------------------------------------------------------------------------------------- */

/** Ticks into the bar of the next onset, after those of the same moment; UINT32_MAX at the end. */
static uint32_t take_onset(Notes* const notes, const uint32_t bar_tick) {
  if (notes->first == notes->end) { return UINT32_MAX; }
  const uint32_t onset = notes->first->onset;
  while (notes->first < notes->end && notes->first->onset == onset) { ++notes->first; }
  return onset - bar_tick;
}

/** |both| / |either| of two bars' onsets; NaN when both are empty. */
static double onset_overlap(const PmtScore* const score, const size_t bar_a, const size_t bar_b) {
  const uint32_t tick_a = score->bars[bar_a].tick, tick_b = score->bars[bar_b].tick;
  Notes a = notes_of_bars(score, bar_a, 1), b = notes_of_bars(score, bar_b, 1);
  uint32_t x = take_onset(&a, tick_a), y = take_onset(&b, tick_b);
  double both = 0, either = 0;
  while (x != UINT32_MAX || y != UINT32_MAX) {
    const uint32_t at = x < y ? x : y;
    both += x == y;
    ++either;
    if (x == at) { x = take_onset(&a, tick_a); }
    if (y == at) { y = take_onset(&b, tick_b); }
  }
  return ratio(both, either);
}

/** Mean overlap of the excerpt's bars with those `lag` before, as far as the stretch reaches. */
static double self_similarity(const PmtScore* const score, const size_t stretch, const size_t bar, const size_t lag) {
  double sum = 0, n = 0;
  for (size_t i = bar; i < bar + PMT_EXCERPT_BARS; ++i) {
    const double overlap = i >= stretch + lag ? onset_overlap(score, i - lag, i) : (double)NAN;
    sum += isnan(overlap) ? 0 : overlap;
    n += !isnan(overlap);
  }
  return ratio(sum, n);
}

/** The same notes at the same places; how long they last and how loud they are does not count. */
static bool equal_bars(const PmtScore* const score, const size_t bar_a, const size_t bar_b) {
  const PmtBar *const a = &score->bars[bar_a], *const b = &score->bars[bar_b];
  const Notes x = notes_of_bars(score, bar_a, 1), y = notes_of_bars(score, bar_b, 1);
  if (a->ticks != b->ticks || x.end - x.first != y.end - y.first) { return false; }
  for (const PmtNote *m = x.first, *n = y.first; m < x.end; ++m, ++n) {
    if (m->onset - a->tick != n->onset - b->tick || m->part != n->part || m->pitch != n->pitch) { return false; }
  }
  return true;
}

/** Share of the excerpt's bars that equal one of the `reach` bars before them. Rests are no repeats, and the first bar
    of a stretch has nothing to repeat: they do not count. */
static double repeats(const PmtScore* const score, const size_t stretch, const size_t bar, const size_t reach) {
  double equal = 0, n = 0;
  for (size_t i = bar; i < bar + PMT_EXCERPT_BARS; ++i) {
    const Notes notes = notes_of_bars(score, i, 1);
    if (notes.first == notes.end || i == stretch) { continue; }
    const size_t last = i - stretch > reach ? i - reach : stretch;
    bool found = false;
    for (size_t k = i; k-- > last && !found;) { found = equal_bars(score, k, i); }
    equal += found;
    ++n;
  }
  return ratio(equal, n);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

void pmt_measure_excerpt(const PmtScore* const score, const size_t stretch, const size_t bar,
                         double value[PMT_MEASURES]) {
  const uint32_t tick = score->bars[bar].tick, end = end_of_bar(score, bar + PMT_EXCERPT_BARS - 1);
  const Notes notes = notes_from(score, tick, end);
  value[PMT_MEASURE_DENSITY] = density(notes, end - tick);
  value[PMT_MEASURE_EMPTY] = empty_beats(score, bar);
  value[PMT_MEASURE_DURATION] = mean_duration(notes);
  value[PMT_MEASURE_POLYPHONY] = polyphony(score, tick, end);
  value[PMT_MEASURE_OFF_GRID] = off_grid(score, bar);
  value[PMT_MEASURE_ENTROPY] = entropy(notes);
  value[PMT_MEASURE_SCALE] = scale_consistency(score, bar);
  value[PMT_MEASURE_OVERLAP] = self_similarity(score, stretch, bar, 1);
  value[PMT_MEASURE_REPEAT] = repeats(score, stretch, bar, 1);
  value[PMT_MEASURE_RECALL] = repeats(score, stretch, bar, RECALL_BARS);
  value[PMT_MEASURE_LAG_2] = self_similarity(score, stretch, bar, 2);
  value[PMT_MEASURE_LAG_4] = self_similarity(score, stretch, bar, 4);
  value[PMT_MEASURE_LAG_8] = self_similarity(score, stretch, bar, 8);
}

size_t pmt_measure_first_bar(const PmtScore* const score) {
  const uint32_t begin = score->n_notes ? score->notes[0].onset : 0;
  size_t bar = score->n_bars && score->bars[0].skip;
  while (bar < score->n_bars && score->bars[bar].tick < begin) { ++bar; }
  return score->n_notes ? bar : 0;
}

size_t pmt_measure_stretches(const PmtScore* const score) {
  const size_t excerpts = (score->n_bars - pmt_measure_first_bar(score)) / PMT_EXCERPT_BARS;
  const size_t whole = PMT_STRETCH_BARS / PMT_EXCERPT_BARS;
  return (excerpts + whole - 1) / whole;
}

void pmt_measured_free(PmtMeasured* const set) {
  free(set->excerpts);
  *set = (PmtMeasured){0};
}

PmtStatus pmt_measured_add(PmtMeasured* const set, const PmtScore* const score) {
  const size_t first = pmt_measure_first_bar(score);
  const size_t n = (score->n_bars - first) / PMT_EXCERPT_BARS;
  if (!n) { return PMT_OK; }
  PmtExcerpt* const grown = realloc(set->excerpts, (set->n_excerpts + n) * sizeof *grown);
  if (!grown) { return PMT_NO_MEM; }
  set->excerpts = grown;
  for (size_t i = 0; i < n; ++i) {
    const size_t in_stretch = i * PMT_EXCERPT_BARS / PMT_STRETCH_BARS;
    PmtExcerpt* const e = &set->excerpts[set->n_excerpts++];
    e->piece = set->n_pieces;
    e->stretch = set->n_stretches + (uint32_t)in_stretch;
    pmt_measure_excerpt(score, first + in_stretch * PMT_STRETCH_BARS, first + i * PMT_EXCERPT_BARS, e->value);
  }
  set->n_stretches += (uint32_t)pmt_measure_stretches(score);
  ++set->n_pieces;
  return PMT_OK;
}
