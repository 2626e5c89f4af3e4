/* SPDX-License-Identifier: ISC */
/** @file hints.h  What a net is told beside a token, and the extra rows its output has for it.

    A net that reads bare token ids has to learn twelve times what a fifth is, and to remember in its state what stood in
    the bar before. Hints say such things outright. Nothing here knows music: music/listener.h makes hints from tokens,
    train/jsb16.h those of a benchmark.

    Input: x = E[token] + u + sum_i table_i[row_i].

    Output: beside W_out h + b there are leaps and kinds, rows of more matrices that read the same h:
      leap j   covers the tokens first .. first + count - 1; the logit of first + i also gets
               leap_j[i - anchor_j + reach] . h, while |i - anchor_j| <= reach. So an interval weighs the same wherever
               it begins (relative pitch). With count = V and reach = 0 it is a single row that speaks for one token: "as
               it was there" (a pointer in the sense of Vinyals et al. 2015, with the place given).
      kinds    the logit of first + i gets row[k] . h, k = the kind of pitch class (i mod span) mod 12: classes that
               were heard are told from those that were not.
    Matrices that a file does not have count as zero, so a plain language model loads. */
#ifndef PMT_BASE_HINTS_H
#define PMT_BASE_HINTS_H

#include <stdint.h>

enum { PMT_HINTS_MAX = 60, PMT_LEAPS_MAX = 44, PMT_CLASSES = 12 };

/** One position's. */
typedef struct {
  int16_t row[PMT_HINTS_MAX];    /**< of each table; -1 adds nothing */
  int16_t anchor[PMT_LEAPS_MAX]; /**< of each leap, counted from its first token; -1 = none */
  uint8_t kind[PMT_CLASSES];     /**< row for each pitch class, below n_kinds */
} PmtHints;

typedef struct { char name[24]; uint32_t rows; } PmtHintTable; /**< tensor "<name>.weight" [rows, d] */
/** Tensor "out.<name>.weight" [2 reach + 1, h]. */
typedef struct { char name[24]; uint32_t first, count, reach; } PmtLeap;

/** Which there are. What a file lacks is dropped from it; indices of rows and anchors do not change by that. */
typedef struct {
  PmtHintTable table[PMT_HINTS_MAX];
  PmtLeap leap[PMT_LEAPS_MAX];
  uint32_t n_tables, n_leaps;
  uint32_t n_kinds;                            /**< rows of "out.kind.weight" [n_kinds, h]; 0 = none */
  uint32_t kind_first, kind_count, kind_span;  /**< token kind_first + i is of pitch class (i mod kind_span) mod 12 */
} PmtHintShape;

#endif
