/* SPDX-License-Identifier: ISC */
/* Distances between sets of excerpts. Above: tools/evaluate_music.c. Below: measure.h, base/random.h. */
#include "measure/distance.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double floors_allowed = 2.0; /* "no farther than twice the floor" */

static int by_value(const void* const a, const void* const b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static void sort(double* const values, const size_t n) { qsort(values, n, sizeof *values, by_value); }

/* ---- Two samples ------------------------------------------------------------------------------------------------- */

double pmt_distance_wasserstein(double* const a, const size_t n_a, double* const b, const size_t n_b) {
  sort(a, n_a);
  sort(b, n_b);
  /* The area between the two quantile functions, whose steps lie at multiples of 1/n_a and of 1/n_b: in 1/(n_a n_b),
     so that the steps are whole numbers. */
  double sum = 0;
  for (size_t i = 0, j = 0, at = 0; i < n_a && j < n_b;) {
    const size_t next_a = (i + 1) * n_b, next_b = (j + 1) * n_a;
    const size_t next = next_a < next_b ? next_a : next_b;
    sum += fabs(a[i] - b[j]) * (double)(next - at);
    at = next;
    i += next == next_a;
    j += next == next_b;
  }
  return sum / ((double)n_a * (double)n_b);
}

PmtBins pmt_bins_make(double* const values, const size_t n, const size_t n_sample) {
  sort(values, n);
  const double wanted = ceil(2.0 * cbrt((double)n_sample));
  return (PmtBins){
    .lo = values[n / 100],
    .hi = values[n - 1 - n / 100],
    .n = wanted < PMT_BINS_MIN ? PMT_BINS_MIN : wanted > PMT_BINS_MAX ? PMT_BINS_MAX : (uint32_t)wanted,
  };
}

/** 0 below, 1..n inside, n + 1 above. */
static uint32_t bin_of(const PmtBins* const bins, const double x) {
  if (x < bins->lo || x > bins->hi) { return x < bins->lo ? 0 : bins->n + 1; }
  const double place = bins->hi > bins->lo ? (x - bins->lo) / (bins->hi - bins->lo) * bins->n : 0;
  return 1 + (place < bins->n ? (uint32_t)place : bins->n - 1);
}

static void fill(const PmtBins* const bins, const double* const x, const size_t n, double p[PMT_BINS_MAX + 2]) {
  for (size_t i = 0; i < n; ++i) { p[bin_of(bins, x[i])] += 1.0 / (double)n; }
}

double pmt_distance_overlap(const PmtBins* const bins, const double* const a, const size_t n_a, const double* const b,
                            const size_t n_b) {
  double p[PMT_BINS_MAX + 2] = {0}, q[PMT_BINS_MAX + 2] = {0}, sum = 0;
  fill(bins, a, n_a, p);
  fill(bins, b, n_b, q);
  for (uint32_t i = 0; i < bins->n + 2; ++i) { sum += fmin(p[i], q[i]); }
  return sum;
}

/* ---- Cards: stretches in random order ---------------------------------------------------------------------------- */

/** A stretch: consecutive excerpts of one piece. */
typedef struct {
  const PmtExcerpt* excerpts;
  uint32_t n;
} Card;

typedef struct {
  Card* cards;
  size_t n_cards, n_excerpts;
} Deck;

/** Random numbers one after the other. */
typedef struct {
  uint64_t seed, n;
} Dice;

static size_t roll(Dice* const dice, const size_t n) { return pmt_random_bits(dice->seed, 0, dice->n++) % n; }

/** @param wanted by piece; NULL = all @param[out] deck room for all stretches of the set */
static void deal(const PmtMeasured* const set, const bool* const wanted, Deck* const deck) {
  deck->n_cards = deck->n_excerpts = 0;
  const PmtExcerpt* last = NULL;
  for (const PmtExcerpt* e = set->excerpts; e < set->excerpts + set->n_excerpts; ++e) {
    if (wanted && !wanted[e->piece]) { continue; }
    if (!last || last->stretch != e->stretch) { deck->cards[deck->n_cards++] = (Card){e, 0}; }
    ++deck->cards[deck->n_cards - 1].n;
    ++deck->n_excerpts;
    last = e;
  }
}

static void shuffle(Dice* const dice, Deck* const deck) {
  for (size_t i = deck->n_cards; i > 1; --i) {
    const size_t k = roll(dice, i);
    const Card card = deck->cards[k];
    deck->cards[k] = deck->cards[i - 1];
    deck->cards[i - 1] = card;
  }
}

/** The values of one measure in the first n excerpts of a deck. @return how many there are: NaNs are left out */
static size_t draw(const Deck* const deck, const size_t n, const PmtMeasure measure, double* const values) {
  size_t seen = 0, kept = 0;
  for (const Card* c = deck->cards; seen < n; ++c) {
    for (uint32_t i = 0; i < c->n && seen < n; ++i, ++seen) {
      const double x = c->excerpts[i].value[measure];
      if (!isnan(x)) { values[kept++] = x; }
    }
  }
  return kept;
}

/* ---- Halving ----------------------------------------------------------------------------------------------------- */

typedef struct {
  const PmtMeasured *generated, *held_out;
  Dice dice;
  uint32_t* order; /* of held-out pieces */
  bool* in_a;
  Deck a, b, g;
  double *x, *y, *z; /* values: half A, half B, generated */
  double* n;         /* [halving] excerpts compared */
  double (*result[PMT_MEASURES])[PMT_HALVINGS]; /* [measure][what][halving] */
  PmtBins bins[PMT_MEASURES];
} Halving;

enum { FLOOR_W1, FLOOR_OA, GENERATED_W1, GENERATED_OA, RESULTS };

/** Half of the pieces, chance decides which half gets the odd one. */
static void choose_half(Halving* const h) {
  const uint32_t n = h->held_out->n_pieces;
  for (uint32_t i = n; i > 1; --i) {
    const size_t k = roll(&h->dice, i);
    const uint32_t piece = h->order[k];
    h->order[k] = h->order[i - 1];
    h->order[i - 1] = piece;
  }
  const size_t n_a = (n + roll(&h->dice, 2)) / 2;
  for (uint32_t i = 0; i < n; ++i) { h->in_a[h->order[i]] = i < n_a; }
}

static void deal_halves(Halving* const h) {
  choose_half(h);
  deal(h->held_out, h->in_a, &h->a);
  for (uint32_t i = 0; i < h->held_out->n_pieces; ++i) { h->in_a[i] = !h->in_a[i]; }
  deal(h->held_out, h->in_a, &h->b);
  deal(h->generated, NULL, &h->g);
  shuffle(&h->dice, &h->a);
  shuffle(&h->dice, &h->b);
  shuffle(&h->dice, &h->g);
}

static size_t fewest(const Halving* const h) {
  const size_t n = h->a.n_excerpts < h->b.n_excerpts ? h->a.n_excerpts : h->b.n_excerpts;
  return n < h->g.n_excerpts ? n : h->g.n_excerpts;
}

static void measure_halving(Halving* const h, const size_t i) {
  const size_t n = fewest(h);
  h->n[i] = (double)n;
  for (PmtMeasure m = 0; m < PMT_MEASURES; ++m) {
    const size_t n_x = draw(&h->a, n, m, h->x), n_y = draw(&h->b, n, m, h->y), n_z = draw(&h->g, n, m, h->z);
    const bool real = n_x && n_y, made = n_x && n_z;
    double(*const to)[PMT_HALVINGS] = h->result[m];
    to[FLOOR_OA][i] = real ? pmt_distance_overlap(&h->bins[m], h->x, n_x, h->y, n_y) : (double)NAN;
    to[GENERATED_OA][i] = made ? pmt_distance_overlap(&h->bins[m], h->x, n_x, h->z, n_z) : (double)NAN;
    to[FLOOR_W1][i] = real ? pmt_distance_wasserstein(h->x, n_x, h->y, n_y) : (double)NAN;
    to[GENERATED_W1][i] = made ? pmt_distance_wasserstein(h->x, n_x, h->z, n_z) : (double)NAN;
  }
}

/** Of what is there; NaN of nothing. Sorts. */
static double median(double* const values, const size_t n_all) {
  size_t n = 0;
  for (size_t i = 0; i < n_all; ++i) {
    if (!isnan(values[i])) { values[n++] = values[i]; }
  }
  sort(values, n);
  return n ? (values[(n - 1) / 2] + values[n / 2]) / 2 : (double)NAN;
}

static void describe(const PmtMeasured* const set, const PmtMeasure m, double* const mean, double* const sd) {
  double n = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < set->n_excerpts; ++i) {
    const double x = set->excerpts[i].value[m];
    n += !isnan(x);
    sum += isnan(x) ? 0 : x;
  }
  *mean = n > 0 ? sum / n : (double)NAN;
  for (size_t i = 0; i < set->n_excerpts; ++i) {
    const double x = set->excerpts[i].value[m];
    squares += isnan(x) ? 0 : (x - *mean) * (x - *mean);
  }
  *sd = n > 0 ? sqrt(squares / n) : (double)NAN;
}

static PmtComparison conclude(const Halving* const h, const PmtMeasure m) {
  PmtComparison c = {
    .overlap = median(h->result[m][GENERATED_OA], PMT_HALVINGS),
    .overlap_floor = median(h->result[m][FLOOR_OA], PMT_HALVINGS),
    .wasserstein = median(h->result[m][GENERATED_W1], PMT_HALVINGS),
    .wasserstein_floor = median(h->result[m][FLOOR_W1], PMT_HALVINGS),
  };
  describe(h->generated, m, &c.mean, &c.sd);
  describe(h->held_out, m, &c.held_mean, &c.held_sd);
  c.applies = !isnan(c.held_mean);
  c.within = c.wasserstein <= pmt_measure_grain(m) ||
             (c.wasserstein <= floors_allowed * c.wasserstein_floor + 1e-12 &&
              1 - c.overlap <= floors_allowed * (1 - c.overlap_floor) + 1e-12);
  return c;
}

/* ---- All measures ------------------------------------------------------------------------------------------------ */

static void make_bins(Halving* const h) {
  const size_t half = h->held_out->n_excerpts / 2;
  const size_t n_sample = half < h->generated->n_excerpts ? half : h->generated->n_excerpts;
  deal(h->held_out, NULL, &h->a);
  for (PmtMeasure m = 0; m < PMT_MEASURES; ++m) {
    const size_t n = draw(&h->a, h->a.n_excerpts, m, h->x);
    h->bins[m] = n ? pmt_bins_make(h->x, n, n_sample) : (PmtBins){0, 0, PMT_BINS_MIN};
  }
}

static bool allocate(Halving* const h) {
  const size_t n = h->held_out->n_excerpts + h->generated->n_excerpts;
  h->order = malloc(h->held_out->n_pieces * sizeof *h->order);
  h->in_a = malloc(h->held_out->n_pieces * sizeof *h->in_a);
  h->a.cards = malloc(h->held_out->n_stretches * sizeof(Card));
  h->b.cards = malloc(h->held_out->n_stretches * sizeof(Card));
  h->g.cards = malloc(h->generated->n_stretches * sizeof(Card));
  h->x = malloc(3 * n * sizeof *h->x);
  h->n = malloc(PMT_HALVINGS * sizeof *h->n);
  double(*const results)[PMT_HALVINGS] = malloc(sizeof *results * RESULTS * PMT_MEASURES);
  h->result[0] = results;
  const bool decks = h->a.cards && h->b.cards && h->g.cards;
  if (!h->order || !h->in_a || !decks || !h->x || !h->n || !results) { return false; }
  h->y = h->x + n;
  h->z = h->y + n;
  for (uint32_t m = 0; m < PMT_MEASURES; ++m) { h->result[m] = results + RESULTS * m; }
  for (uint32_t i = 0; i < h->held_out->n_pieces; ++i) { h->order[i] = i; }
  return true;
}

static void release(Halving* const h) {
  free(h->order);
  free(h->in_a);
  free(h->a.cards);
  free(h->b.cards);
  free(h->g.cards);
  free(h->x);
  free(h->n);
  free(h->result[0]);
}

PmtStatus pmt_compare(const PmtMeasured* const generated, const PmtMeasured* const held_out, const uint64_t seed,
                      PmtComparisons* const result, PmtError* const error) {
  *result = (PmtComparisons){.n = 0};
  if (!generated->n_excerpts) {
    return pmt_fail(error, PMT_BAD_ARG, "no generated piece of at least %d bars", PMT_EXCERPT_BARS);
  }
  if (held_out->n_pieces < 2) {
    return pmt_fail(error, PMT_BAD_ARG, "%u held-out pieces of at least %d bars: it takes two to say how far real ones"
                    " are apart", held_out->n_pieces, PMT_EXCERPT_BARS);
  }
  Halving h = {.generated = generated, .held_out = held_out, .dice = {seed, 0}};
  const bool ready = allocate(&h);
  if (ready) {
    make_bins(&h);
    for (size_t i = 0; i < PMT_HALVINGS; ++i) {
      deal_halves(&h);
      measure_halving(&h, i);
    }
    result->n = (size_t)median(h.n, PMT_HALVINGS);
  }
  for (PmtMeasure m = 0; ready && m < PMT_MEASURES; ++m) {
    result->measure[m] = conclude(&h, m);
    result->applied += m < PMT_MEASURES_JUDGED && result->measure[m].applies;
    result->within += m < PMT_MEASURES_JUDGED && result->measure[m].applies && result->measure[m].within;
  }
  release(&h);
  return ready ? PMT_OK : pmt_fail(error, PMT_NO_MEM, "out of memory");
}
