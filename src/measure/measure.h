/* SPDX-License-Identifier: ISC */
/** @file measure.h  Numbers that describe what music sounds like, per excerpt of eight bars (docs/measures.md).

    Above: tools/evaluate_music.c. Below: music/score.h. Beside it: distance.h compares two sets, copies.h looks for
    what was copied.

    A piece is cut into stretches of 32 bars (the last one shorter) and each of those into excerpts of 8 bars; bars that
    are left over count nowhere, nor does a pickup. Nothing looks across the borders of a stretch, so that pieces of any
    length and generated pieces of 32 bars are measured alike. */
#ifndef PMT_MEASURE_MEASURE_H
#define PMT_MEASURE_MEASURE_H

#include "base/status.h"
#include "music/score.h"

#include <stddef.h>
#include <stdint.h>

enum { PMT_EXCERPT_BARS = 8, PMT_STRETCH_BARS = 32 };

typedef enum {
  PMT_MEASURE_DENSITY,    /**< notes a quarter, drums included */
  PMT_MEASURE_EMPTY,      /**< share of beats in which nothing sounds; a beat is a quarter, an eighth in x/8 */
  PMT_MEASURE_DURATION,   /**< mean, in quarters */
  PMT_MEASURE_POLYPHONY,  /**< notes sounding at once, mean over the time in which any does */
  PMT_MEASURE_OFF_GRID,   /**< share of onsets off the 16th grid of their bar */
  PMT_MEASURE_ENTROPY,    /**< of the pitch classes, bits, each note once */
  PMT_MEASURE_SCALE,      /**< largest share of notes within one diatonic scale, mean of the two halves */
  PMT_MEASURE_OVERLAP,    /**< onsets in common with the bar before: |both| / |either|. Self-similarity at lag 1 */
  PMT_MEASURE_REPEAT,     /**< share of bars equal to the one before */
  PMT_MEASURE_RECALL,     /**< share of bars equal to one of the 8 before */
  PMT_MEASURES_JUDGED,    /**< the ten above make the verdict */
  PMT_MEASURE_LAG_2 = PMT_MEASURES_JUDGED, /**< self-similarity: overlap with the bar 2, 4, 8 before */
  PMT_MEASURE_LAG_4,
  PMT_MEASURE_LAG_8,
  PMT_MEASURES,
} PmtMeasure;

/** For people ("notes a quarter") and for programs ("notes_per_quarter"). */
const char* pmt_measure_title(PmtMeasure measure);
const char* pmt_measure_key(PmtMeasure measure);
/** W1 of no more than this is no difference: where music has nearly none of something, its floor is 0, and a single beat or
    note would be farther. In the measure's unit. */
double pmt_measure_grain(PmtMeasure measure);

/** Values of one excerpt; NaN where there is nothing to measure: pitches of drums, repeats of rests. */
typedef struct {
  double value[PMT_MEASURES];
  uint32_t piece;   /**< numbers of what it was cut from, counted through the set */
  uint32_t stretch;
} PmtExcerpt;

/** Excerpts in order of piece and stretch. Owned array; a zeroed struct is an empty set. */
typedef struct {
  PmtExcerpt* excerpts;
  size_t n_excerpts;
  uint32_t n_pieces, n_stretches;
} PmtMeasured;

void pmt_measured_free(PmtMeasured* set);

/** First bar of the stretches: the first that begins with the music or within it. A pickup, whether its bar is short or begins
    with rests on paper, is no bar to be measured, and its rests are no silence. */
size_t pmt_measure_first_bar(const PmtScore* score);
/** How many stretches of at least one excerpt there are. */
size_t pmt_measure_stretches(const PmtScore* score);

/** Measure one excerpt. @param stretch index of the first bar that may be looked back at @param bar index of the first
    of the eight, all of which there are */
void pmt_measure_excerpt(const PmtScore* score, size_t stretch, size_t bar, double value[PMT_MEASURES]);

/** Add all excerpts of a piece; one without any is not counted. @return PMT_NO_MEM: the set is as before */
PmtStatus pmt_measured_add(PmtMeasured* set, const PmtScore* score);

#endif
