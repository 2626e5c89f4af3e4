/* SPDX-License-Identifier: ISC */
/* Shares of copied runs and their bounds. Above: tools/evaluate_music.c. Below: copies.h, base/random.h. */
#include "measure/copying.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>

const uint32_t pmt_copy_length[PMT_COPY_LENGTHS] = {8, 12, 16, 24};

static const double bound_quantile = 0.95;

enum { FLAGGED = PMT_COPY_LENGTHS, ROWS };

/** What was found in one stretch. */
typedef struct { uint32_t found[ROWS], all[ROWS]; } Counts;

static size_t length_of(const int row) { return row == FLAGGED ? PMT_COPY_FLAG + 1 : pmt_copy_length[row]; }

static void count_row(const PmtSteps* const asked, const int row, const bool* const found, Counts* const counts) {
  for (size_t p = 0; p < asked->n_pieces; ++p) {
    const size_t begin = pmt_steps_begin(asked, p), end = asked->end[p], n = length_of(row);
    uint32_t hits = 0;
    for (size_t i = begin; i < end; ++i) { hits += found[i]; }
    counts[p].found[row] = row == FLAGGED ? hits > 0 : hits;
    counts[p].all[row] = row == FLAGGED ? 1 : end - begin >= n ? (uint32_t)(end - begin - n + 1) : 0;
  }
}

static PmtStatus count_all(const PmtSteps* const training, const PmtSteps* const asked, Counts* const counts) {
  bool* const found = malloc(asked->n_steps + 1);
  PmtStatus status = found ? PMT_OK : PMT_NO_MEM;
  for (int row = 0; !status && row < ROWS; ++row) {
    status = pmt_copies_find(training, asked, length_of(row), found);
    if (!status) { count_row(asked, row, found, counts); }
  }
  free(found);
  return status;
}

static void add(Counts* const sum, const Counts* const counts) {
  for (int row = 0; row < ROWS; ++row) {
    sum->found[row] += counts->found[row];
    sum->all[row] += counts->all[row];
  }
}

static double share(const Counts* const counts, const int row) {
  return counts->all[row] ? (double)counts->found[row] / counts->all[row] : (double)NAN;
}

static Counts total(const Counts* const counts, const size_t n) {
  Counts sum = {{0}, {0}};
  for (size_t i = 0; i < n; ++i) { add(&sum, &counts[i]); }
  return sum;
}

/* ---- The bound --------------------------------------------------------------------------------------------------- */

typedef struct {
  const Counts* counts;       /* [stretch] */
  const uint32_t* piece;      /* [stretch], rising */
  size_t n;
  uint32_t n_pieces;
  size_t* first;              /* [piece + 1] its first stretch */
  uint32_t* drawn;            /* [n_pieces] */
  uint64_t seed, n_rolls;
} Held;

static size_t roll(Held* const h, const size_t n) { return pmt_random_bits(h->seed, 1, h->n_rolls++) % n; }

/** The k-th stretch of the pieces drawn. */
static const Counts* stretch_at(const Held* const h, size_t k) {
  const uint32_t* p = h->drawn;
  for (; k >= h->first[*p + 1] - h->first[*p]; ++p) { k -= h->first[*p + 1] - h->first[*p]; }
  return &h->counts[h->first[*p] + k];
}

static Counts resample(Held* const h, const size_t n_wanted) {
  size_t n = 0;
  for (uint32_t i = 0; i < h->n_pieces; ++i) {
    const size_t p = roll(h, h->n_pieces);
    h->drawn[i] = (uint32_t)p;
    n += h->first[p + 1] - h->first[p];
  }
  Counts sum = {{0}, {0}};
  for (size_t i = 0; i < n_wanted; ++i) { add(&sum, stretch_at(h, roll(h, n))); }
  return sum;
}

static int by_value(const void* const a, const void* const b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static double quantile(double* const values, const size_t n_all, const double q) {
  size_t n = 0;
  for (size_t i = 0; i < n_all; ++i) {
    if (!isnan(values[i])) { values[n++] = values[i]; }
  }
  qsort(values, n, sizeof *values, by_value);
  return n ? values[(size_t)(q * (double)(n - 1) + 0.5)] : (double)NAN;
}

static PmtStatus find_bounds(Held* const h, const size_t n_wanted, double bound[ROWS]) {
  double(*const shares)[PMT_BOOTSTRAPS] = malloc(ROWS * sizeof *shares);
  h->first = calloc(h->n_pieces + 1u, sizeof *h->first);
  h->drawn = malloc(h->n_pieces * sizeof *h->drawn);
  const bool ready = shares && h->first && h->drawn;
  if (ready) {
    for (size_t i = 0; i < h->n; ++i) { h->first[h->piece[i] + 1] = i + 1; }
    for (size_t b = 0; b < PMT_BOOTSTRAPS; ++b) {
      const Counts sum = resample(h, n_wanted);
      for (int row = 0; row < ROWS; ++row) { shares[row][b] = share(&sum, row); }
    }
    for (int row = 0; row < ROWS; ++row) { bound[row] = quantile(shares[row], PMT_BOOTSTRAPS, bound_quantile); }
  }
  free(shares);
  free(h->first);
  free(h->drawn);
  return ready ? PMT_OK : PMT_NO_MEM;
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static void conclude(const Counts* const generated, const Counts* const held, const double bound[ROWS],
                     PmtCopying* const result) {
  result->within = true;
  for (int row = 0; row < ROWS; ++row) {
    PmtCopyShare* const s = row == FLAGGED ? &result->flagged : &result->share[row];
    *s = (PmtCopyShare){share(generated, row), share(held, row), bound[row], true};
    s->within = !(s->generated > (isnan(s->bound) ? 0 : s->bound));
    result->within = result->within && s->within;
  }
}

PmtStatus pmt_copying_measure(const PmtSteps* const training, const PmtSteps* const generated,
                              const PmtSteps* const held_out, const uint32_t* const held_piece,
                              const uint32_t held_pieces, const uint64_t seed, PmtCopying* const result) {
  *result = (PmtCopying){.within = false};
  Counts* const made = malloc((generated->n_pieces + 1) * sizeof *made);
  Counts* const real = malloc((held_out->n_pieces + 1) * sizeof *real);
  double bound[ROWS];
  PmtStatus status = made && real ? PMT_OK : PMT_NO_MEM;
  status = status ? status : count_all(training, generated, made);
  status = status ? status : count_all(training, held_out, real);
  if (!status) {
    Held held = {.counts = real, .piece = held_piece, .n = held_out->n_pieces, .n_pieces = held_pieces, .seed = seed};
    status = find_bounds(&held, generated->n_pieces, bound);
  }
  status = status ? status : pmt_copies_longest(training, generated, &result->longest);
  status = status ? status : pmt_copies_longest(training, held_out, &result->held_longest);
  if (!status) {
    const Counts all_made = total(made, generated->n_pieces), all_real = total(real, held_out->n_pieces);
    conclude(&all_made, &all_real, bound, result);
  }
  free(made);
  free(real);
  return status;
}
