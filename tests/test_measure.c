/* SPDX-License-Identifier: ISC */
/* Measures of scores small enough to be measured by hand; distances of sets that are known. */
#include "check.h"
#include "support/fail_alloc.h"

#include "base/random.h"
#include "measure/distance.h"

#include <math.h>
#include <string.h>

enum { BARS_MAX = 64, NOTES_MAX = 512 };

/* ---- Scores by hand ---------------------------------------------------------------------------------------------- */

typedef struct {
  PmtScore score;
  PmtBar bars[BARS_MAX];
  PmtNote notes[NOTES_MAX];
} Sheet;

static void begin(Sheet* s, uint32_t n_bars, uint8_t beats, uint8_t unit) {
  *s = (Sheet){.score = {.n_bars = n_bars, .parts = 1}};
  s->score.bars = s->bars;
  s->score.notes = s->notes;
  for (uint32_t i = 0; i < n_bars; ++i) {
    const uint16_t ticks = (uint16_t)(96 * beats / unit);
    s->bars[i] = (PmtBar){.tick = i * ticks, .ticks = ticks, .beats = beats, .unit = unit};
  }
}

/** In order of time. */
static void put(Sheet* s, uint32_t bar, uint32_t at, uint16_t duration, uint8_t part, uint8_t pitch) {
  CHECK(s->score.n_notes < NOTES_MAX);
  s->notes[s->score.n_notes++] =
    (PmtNote){.onset = s->bars[bar].tick + at, .duration = duration, .part = part, .pitch = pitch, .velocity = 4};
}

static void near(const char* what, double got, double want) {
  CHECKF(isnan(want) ? isnan(got) : fabs(got - want) < 1e-6, "%s: %.7f, want %.7f", what, got, want);
}

static void expect(const double value[PMT_MEASURES], const double want[PMT_MEASURES]) {
  for (PmtMeasure m = 0; m < PMT_MEASURES; ++m) { near(pmt_measure_title(m), value[m], want[m]); }
}

/** Bars 0-3: C4 E4 quarters, G4 half. Bar 4: the same with F#4. Bar 5: rest. Bar 6: whole notes C4 and E4. Bar 7: C#4
    from tick 4 to 24. */
static void check_excerpt(void) {
  Sheet s;
  begin(&s, 8, 4, 4);
  for (uint32_t bar = 0; bar < 5; ++bar) {
    put(&s, bar, 0, 24, 0, 60);
    put(&s, bar, 24, 24, 0, 64);
    put(&s, bar, 48, 48, 0, bar < 4 ? 67 : 66);
  }
  put(&s, 6, 0, 96, 0, 64);
  put(&s, 6, 0, 96, 0, 60);
  put(&s, 7, 4, 20, 0, 61);
  double value[PMT_MEASURES];
  pmt_measure_excerpt(&s.score, 0, 0, value);
  expect(value, (const double[PMT_MEASURES]){
    [PMT_MEASURE_DENSITY] = 18.0 / 32,
    [PMT_MEASURE_EMPTY] = (4 + 3) / 32.0,
    [PMT_MEASURE_DURATION] = (5 * 96 + 2 * 96 + 20) / 18.0 / 24,
    [PMT_MEASURE_POLYPHONY] = 692.0 / 596,          /* sounding: 5 bars, 1 bar, 20 ticks */
    [PMT_MEASURE_OFF_GRID] = 1.0 / 18,
    [PMT_MEASURE_ENTROPY] = 2.0021722,              /* C 6, E 6, G 4, F# 1, C# 1 */
    [PMT_MEASURE_SCALE] = (1 + 5.0 / 6) / 2,        /* C E G; then C E F# C E C# without C# */
    [PMT_MEASURE_OVERLAP] = 4.0 / 7,                /* 1 1 1 1 0 0 0 */
    [PMT_MEASURE_REPEAT] = 3.0 / 6,                 /* of bars 1 2 3 4 6 7 */
    [PMT_MEASURE_RECALL] = 3.0 / 6,
    [PMT_MEASURE_LAG_2] = (3 + 1.0 / 3) / 6,        /* 1 1 1 0 1/3 0 */
    [PMT_MEASURE_LAG_4] = (1 + 1.0 / 3) / 4,        /* 1 0 1/3 0 */
    [PMT_MEASURE_LAG_8] = (double)NAN,
  });
}

/** Drums in 6/8, a beat an eighth: struck on eighths 0 and 3 of each bar; then nothing. */
static void check_drums(void) {
  Sheet s;
  begin(&s, 16, 6, 8);
  for (uint32_t bar = 0; bar < 8; ++bar) {
    put(&s, bar, 0, 0, PMT_PART_DRUMS, 36);
    put(&s, bar, 36, 0, PMT_PART_DRUMS, 38);
  }
  const double none = (double)NAN;
  double value[PMT_MEASURES];
  pmt_measure_excerpt(&s.score, 0, 0, value);
  expect(value, (const double[PMT_MEASURES]){16.0 / 24, 4.0 / 6, none, none, 0, none, none, 1, 1, 1, 1, 1, none});
  pmt_measure_excerpt(&s.score, 0, 8, value); /* rests: overlap only with what was played; no repeats */
  expect(value, (const double[PMT_MEASURES]){0, 1, none, none, none, none, none, 0, none, none, 0, 0, 0});
}

/** A note that was begun before is heard, and counts as a note only where it begins. Half of it is another's time. */
static void check_ringing(void) {
  Sheet s;
  begin(&s, 16, 4, 4);
  put(&s, 7, 0, 192, 0, 60);
  put(&s, 8, 48, 96, 0, 64);
  double value[PMT_MEASURES];
  pmt_measure_excerpt(&s.score, 0, 8, value);
  near("density", value[PMT_MEASURE_DENSITY], 1.0 / 32);
  near("empty", value[PMT_MEASURE_EMPTY], 26.0 / 32); /* beats 0..5 are not */
  near("polyphony", value[PMT_MEASURE_POLYPHONY], (96 + 96) / 144.0);
  near("duration", value[PMT_MEASURE_DURATION], 4);
}

/** A bar is known again after 8 bars, not after 9. Parts and places count, durations do not. */
static void check_recall(void) {
  Sheet s;
  begin(&s, 16, 4, 4);
  for (uint32_t bar = 0; bar < 16; ++bar) { /* each bar of its own ... */
    const uint32_t like = bar == 8 ? 0 : bar == 10 ? 1 : bar; /* ... but 8 is 0, 10 is 1 */
    put(&s, bar, 0, (uint16_t)(1 + bar), 0, (uint8_t)(40 + like));
  }
  double value[PMT_MEASURES];
  pmt_measure_excerpt(&s.score, 0, 8, value);
  near("recall", value[PMT_MEASURE_RECALL], 1.0 / 8);
  near("repeat", value[PMT_MEASURE_REPEAT], 0);
  s.notes[9].pitch = s.notes[8].pitch;
  pmt_measure_excerpt(&s.score, 0, 8, value);
  near("repeat", value[PMT_MEASURE_REPEAT], 1.0 / 8);
  s.notes[9].part = 1;
  pmt_measure_excerpt(&s.score, 0, 8, value);
  near("repeat in another part", value[PMT_MEASURE_REPEAT], 0);
  pmt_measure_excerpt(&s.score, 8, 8, value);
  near("recall within the stretch", value[PMT_MEASURE_RECALL], 0);
}

/** 43 bars: one of 32 and one of 8 in two stretches; the three left over and a pickup count nowhere. */
static void check_stretches(void) {
  Sheet s;
  PmtMeasured set = {0};
  begin(&s, 44, 4, 4);
  s.bars[0].skip = 72;
  for (uint32_t bar = 0; bar < 44; ++bar) { put(&s, bar, 72, 24, 0, 60); }
  CHECK(pmt_measure_first_bar(&s.score) == 1 && pmt_measure_stretches(&s.score) == 2);
  CHECK(!pmt_measured_add(&set, &s.score));
  CHECK(set.n_excerpts == 5 && set.n_stretches == 2 && set.n_pieces == 1);
  for (uint32_t i = 0; i < 5; ++i) {
    const PmtExcerpt* e = &set.excerpts[i];
    CHECK(e->piece == 0 && e->stretch == i / 4);
    near("repeat", e->value[PMT_MEASURE_REPEAT], 1);
    near("lag 8", e->value[PMT_MEASURE_LAG_8], i % 4 ? 1 : (double)NAN);
  }
  s.score.n_bars = 8; /* seven whole ones */
  CHECK(!pmt_measured_add(&set, &s.score) && set.n_pieces == 1 && pmt_measure_stretches(&s.score) == 0);
  s.bars[0].skip = 0; /* a whole bar, but it begins with rests: a pickup all the same */
  CHECK(!pmt_measured_add(&set, &s.score) && set.n_pieces == 1 && pmt_measure_first_bar(&s.score) == 1);
  s.notes[0].onset = 0;
  CHECK(!pmt_measured_add(&set, &s.score) && set.n_pieces == 2 && set.excerpts[5].piece == 1);
  CHECK(set.excerpts[5].stretch == 2 && set.n_stretches == 3);
  pmt_fail_after(0);
  CHECK(pmt_measured_add(&set, &s.score) == PMT_NO_MEM && set.n_excerpts == 6 && set.n_pieces == 2);
  pmt_fail_never();
  pmt_measured_free(&set);
}

/* ---- Distances --------------------------------------------------------------------------------------------------- */

static double wasserstein(const double* a, size_t n_a, const double* b, size_t n_b) {
  double x[16], y[16];
  memcpy(x, a, n_a * sizeof *a);
  memcpy(y, b, n_b * sizeof *b);
  return pmt_distance_wasserstein(x, n_a, y, n_b);
}

static void check_wasserstein(void) {
  near("apart", wasserstein((double[]){1}, 1, (double[]){4}, 1), 3);
  near("moved", wasserstein((double[]){3, 1, 2}, 3, (double[]){2.5, 4.5, 3.5}, 3), 1.5);
  near("one of three", wasserstein((double[]){0, 0, 1}, 3, (double[]){1, 0, 1}, 3), 1.0 / 3);
  near("two by four", wasserstein((double[]){0, 2}, 2, (double[]){1, 1, 1, 1}, 4), 1);
  near("two by three", wasserstein((double[]){0, 3}, 2, (double[]){0, 0, 3}, 3), 0.5); /* a sixth moves by 3 */
  near("itself", wasserstein((double[]){2, 7, 1}, 3, (double[]){7, 1, 2}, 3), 0);
}

static void check_overlap(void) {
  const PmtBins bins = {.lo = 0, .hi = 4, .n = 4};
  near("half", pmt_distance_overlap(&bins, (double[]){0.5, 1.5}, 2, (double[]){1.6, 3.5}, 2), 0.5);
  near("a quarter", pmt_distance_overlap(&bins, (double[]){0, 1, 2, 3}, 4, (double[]){3, 4}, 2), 0.25);
  near("below", pmt_distance_overlap(&bins, (double[]){-1, 0.1}, 2, (double[]){0.1, 0.2}, 2), 0.5);
  near("above", pmt_distance_overlap(&bins, (double[]){9, 0.1}, 2, (double[]){4.1, 0.2}, 2), 1);
  const PmtBins point = {.lo = 1, .hi = 1, .n = 4};
  near("point", pmt_distance_overlap(&point, (double[]){1, 1, 2}, 3, (double[]){1, 1, 1}, 3), 2.0 / 3);
  double values[200];
  for (int i = 0; i < 200; ++i) { values[i] = 199 - i; }
  const PmtBins made = pmt_bins_make(values, 200, 64);
  CHECK(made.n == 8 && made.lo == 2 && made.hi == 197); /* 2 * 64^(1/3); a hundredth at each end is outside */
  CHECK(pmt_bins_make(values, 200, 2).n == PMT_BINS_MIN && pmt_bins_make(values, 200, 100000).n == PMT_BINS_MAX);
}

/* ---- Sets -------------------------------------------------------------------------------------------------------- */

static double normal(uint64_t seed, uint64_t place, uint64_t index) {
  double sum = -6;
  for (uint64_t i = 0; i < 12; ++i) { sum += (double)pmt_random_unit(seed, place, 12 * index + i); }
  return sum;
}

/** Pieces of 4 excerpts around a mean of their own, as music is. */
static PmtMeasured draw_set(uint64_t seed, uint32_t n_pieces, double shift) {
  PmtMeasured set = {.n_pieces = n_pieces, .n_stretches = n_pieces, .n_excerpts = 4 * n_pieces};
  set.excerpts = calloc(set.n_excerpts, sizeof *set.excerpts);
  CHECK(set.excerpts);
  for (uint32_t i = 0; i < set.n_excerpts; ++i) {
    PmtExcerpt* e = &set.excerpts[i];
    e->piece = e->stretch = i / 4;
    for (uint32_t m = 0; m < PMT_MEASURES; ++m) {
      e->value[m] = 10 + shift + normal(seed, 2 * m, e->piece) + 0.5 * normal(seed, 2 * m + 1, i);
    }
  }
  return set;
}

static PmtComparisons compare(const PmtMeasured* generated, const PmtMeasured* held_out, uint64_t seed) {
  PmtComparisons c;
  PmtError error = {""};
  CHECKF(!pmt_compare(generated, held_out, seed, &c, &error), "%s", error.text);
  return c;
}

static void check_sets(void) {
  PmtMeasured held = draw_set(1, 40, 0), same = draw_set(2, 16, 0), far = draw_set(3, 16, 4);
  PmtComparisons c = compare(&held, &held, 1);
  CHECK(c.within == PMT_MEASURES_JUDGED && c.applied == PMT_MEASURES_JUDGED && c.n == 80);
  for (PmtMeasure m = 0; m < PMT_MEASURES; ++m) { /* half of it was drawn from the very half it is compared with */
    CHECK(c.measure[m].wasserstein <= c.measure[m].wasserstein_floor);
    CHECK(c.measure[m].overlap >= c.measure[m].overlap_floor - 0.02);
    near("mean", c.measure[m].mean, c.measure[m].held_mean);
  }
  c = compare(&same, &held, 1);
  CHECKF(c.within == PMT_MEASURES_JUDGED && c.n == 64, "%u of %u, %zu a side", c.within, c.applied, c.n);
  c = compare(&far, &held, 1);
  CHECK(c.within == 0 && c.applied == PMT_MEASURES_JUDGED);
  near("shift", round(c.measure[0].mean - c.measure[0].held_mean), 4);
  CHECK(fabs(c.measure[0].wasserstein - 4) < 1 && c.measure[0].overlap < 0.2);

  const PmtComparisons again = compare(&far, &held, 1), other = compare(&far, &held, 2);
  CHECK(!memcmp(&again.measure, &c.measure, sizeof c.measure));
  CHECK(other.measure[0].wasserstein != c.measure[0].wasserstein);

  for (uint32_t i = 0; i < held.n_excerpts; ++i) { held.excerpts[i].value[PMT_MEASURE_ENTROPY] = (double)NAN; }
  for (uint32_t i = 0; i < same.n_excerpts; ++i) { same.excerpts[i].value[PMT_MEASURE_DURATION] = (double)NAN; }
  c = compare(&same, &held, 1);
  CHECK(c.applied == PMT_MEASURES_JUDGED - 1 && !c.measure[PMT_MEASURE_ENTROPY].applies);
  CHECK(c.within == PMT_MEASURES_JUDGED - 2 && !c.measure[PMT_MEASURE_DURATION].within);

  PmtError error = {""};
  PmtMeasured none = {0};
  CHECK(pmt_compare(&none, &held, 1, &c, &error) == PMT_BAD_ARG && strstr(error.text, "no generated"));
  held.n_pieces = 1, held.n_excerpts = 4;
  CHECK(pmt_compare(&same, &held, 1, &c, &error) == PMT_BAD_ARG && strstr(error.text, "1 held-out"));
  pmt_measured_free(&held);
  pmt_measured_free(&same);
  pmt_measured_free(&far);
}

/** Where music has none of something, a trace of it is no difference, and more is one. */
static void check_grain(void) {
  PmtMeasured held = draw_set(1, 40, 0), made = draw_set(2, 16, 0);
  const double grain = pmt_measure_grain(PMT_MEASURE_EMPTY);
  CHECK(grain > 0 && pmt_measure_grain(PMT_MEASURE_SCALE) == 0.0);
  for (size_t i = 0; i < held.n_excerpts; ++i) { held.excerpts[i].value[PMT_MEASURE_EMPTY] = 0; }
  for (int more = 0; more < 2; ++more) {
    for (size_t i = 0; i < made.n_excerpts; ++i) { made.excerpts[i].value[PMT_MEASURE_EMPTY] = more ? 2 * grain : grain / 2; }
    CHECK(compare(&made, &held, 1).measure[PMT_MEASURE_EMPTY].within == !more);
  }
  pmt_measured_free(&held);
  pmt_measured_free(&made);
}

/** Of sets that come from the same source, hardly any measure is called farther; of few pieces as of many. */
static void check_false_alarms(void) {
  uint32_t within = 0, applied = 0;
  for (uint64_t seed = 10; seed < 20; ++seed) {
    PmtMeasured held = draw_set(seed, seed % 2 ? 40 : 5, 0), made = draw_set(seed + 100, 16, 0);
    const PmtComparisons c = compare(&made, &held, seed);
    within += c.within;
    applied += c.applied;
    pmt_measured_free(&held);
    pmt_measured_free(&made);
  }
  CHECKF(within >= 95 * applied / 100, "%u of %u", within, applied);
}

static void check_memory(void) {
  PmtMeasured set = draw_set(1, 6, 0);
  for (size_t n = 0;; ++n) {
    PmtComparisons c;
    pmt_fail_after(n);
    const PmtStatus status = pmt_compare(&set, &set, 1, &c, NULL);
    pmt_fail_never();
    if (!status) { break; }
    CHECK(status == PMT_NO_MEM);
  }
  pmt_measured_free(&set);
}

int main(void) {
  check_excerpt();
  check_grain();
  check_drums();
  check_ringing();
  check_recall();
  check_stretches();
  check_wasserstein();
  check_overlap();
  check_sets();
  check_false_alarms();
  check_memory();
  return 0;
}
