/* SPDX-License-Identifier: ISC */
/** @file distance.h  How far two sets of excerpts are apart, measure by measure, beside how far real ones are.

    Above: tools/evaluate_music.c. Below: measure.h, base/random.h.

    Two sets of different pieces are never equal, and small sets are further apart than large ones. So the distance of
    generated from held-out music is put beside a floor: the distance of two halves of the held-out music. What makes
    the two comparable:
    - halves are of pieces, not of excerpts: excerpts of one piece resemble each other, and generated pieces are none of
      the held-out ones;
    - all distances are between equally many excerpts: as many as the generated set and both halves have at least. They
      are taken by whole stretches, as generated pieces come, without repetition;
    - every halving measures half A against half B (the floor) and the same excerpts of A against the generated ones.
      Reported is the median of PMT_HALVINGS halvings. */
#ifndef PMT_MEASURE_DISTANCE_H
#define PMT_MEASURE_DISTANCE_H

#include "measure/measure.h"

#include <stdbool.h>

enum { PMT_HALVINGS = 400 };

/** Wasserstein-1: mean distance of equal quantiles, in the measure's own unit. Sorts both arrays; neither is empty. */
double pmt_distance_wasserstein(double* a, size_t n_a, double* b, size_t n_b);

/** Bins lo..hi, as many and equally wide, with one below and one above: what lies there was never there in what the
    bins were made from. With lo = hi the inner bin is that value. */
enum { PMT_BINS_MIN = 4, PMT_BINS_MAX = 20 };
typedef struct {
  double lo, hi;
  uint32_t n;
} PmtBins;

/** From the first to the last percentile of the values, 2 n^(1/3) bins (Rice) for samples of `n_sample`. Sorts. */
PmtBins pmt_bins_make(double* values, size_t n, size_t n_sample);

/** OA = sum min(p, q) of the two histograms: 1 = the same, 0 = apart. Neither is empty. */
double pmt_distance_overlap(const PmtBins* bins, const double* a, size_t n_a, const double* b, size_t n_b);

/** One measure. NaN where there is nothing. */
typedef struct {
  double mean, sd;             /**< of the generated set */
  double held_mean, held_sd;   /**< of the held-out set */
  double overlap, overlap_floor;         /**< OA, generated and between halves */
  double wasserstein, wasserstein_floor; /**< in the measure's unit */
  bool applies;                /**< both sets have it: drums have no pitch */
  bool within;                 /**< neither W1 nor 1 - OA is more than twice its floor, or W1 is below the measure's grain */
} PmtComparison;

typedef struct {
  PmtComparison measure[PMT_MEASURES];
  size_t n;                /**< excerpts on each side of a distance, median over the halvings */
  uint32_t applied, within; /**< of the first PMT_MEASURES_JUDGED */
} PmtComparisons;

/** @return PMT_BAD_ARG when a set is empty or there are less than two held-out pieces (the line says which);
    PMT_NO_MEM */
PmtStatus pmt_compare(const PmtMeasured* generated, const PmtMeasured* held_out, uint64_t seed, PmtComparisons* result,
                      PmtError* error);

#endif
