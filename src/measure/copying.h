/* SPDX-License-Identifier: ISC */
/** @file copying.h  How much of generated music stands in the training set, beside how much of real music does.

    Above: tools/evaluate_music.c. Below: copies.h. Pieces of the two sets asked about are stretches of 32 bars.

    Real music repeats turns of phrase too, so a share of n-grams found says little by itself. The bound is what 95 of
    100 sets of held-out stretches, as many as were generated, stay below: drawn from held-out pieces that are drawn
    anew each time, since which pieces were held out is chance as well (a bootstrap in two stages, PMT_BOOTSTRAPS
    times). */
#ifndef PMT_MEASURE_COPYING_H
#define PMT_MEASURE_COPYING_H

#include "measure/copies.h"

enum { PMT_COPY_LENGTHS = 4, PMT_COPY_FLAG = 24, PMT_BOOTSTRAPS = 1000 };
extern const uint32_t pmt_copy_length[PMT_COPY_LENGTHS]; /**< 8, 12, 16, 24 notes */

typedef struct {
  double generated, held_out; /**< shares; NaN: nothing so long */
  double bound;               /**< 95 % of held-out sets of this size have less */
  bool within;                /**< generated <= bound, or too short to say */
} PmtCopyShare;

typedef struct {
  PmtCopyShare share[PMT_COPY_LENGTHS]; /**< of n-grams */
  PmtCopyShare flagged;                 /**< of stretches with a run of more than PMT_COPY_FLAG notes */
  PmtLongest longest, held_longest;
  bool within;                          /**< all five are */
} PmtCopying;

/** @param held_piece the piece each held-out stretch is from, rising from 0 to held_pieces - 1, one of them at least
    @return PMT_NO_MEM */
PmtStatus pmt_copying_measure(const PmtSteps* training, const PmtSteps* generated, const PmtSteps* held_out,
                              const uint32_t* held_piece, uint32_t held_pieces, uint64_t seed, PmtCopying* result);

#endif
