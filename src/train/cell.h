/* SPDX-License-Identifier: ISC */
/** @file cell.h  One position of one stream: what is fed and what should come next.

    A position's input is a sum of rows: the token's, one of each conditioning table that says something here, and one of
    each table of hints (base/hints.h). Which there are is a matter of the data (shape.h): music from MIDI has the five
    tables below and the hints of music/listener.h, a benchmark has hints of its own. */
#ifndef PMT_TRAIN_CELL_H
#define PMT_TRAIN_CELL_H

#include "base/hints.h"

#include <stdbool.h>
#include <stdint.h>

/** Tables of docs/model.md, section 3, in the order of pmt_shape_music. */
enum { PMT_INPUT_STYLE, PMT_INPUT_METER, PMT_INPUT_KEY, PMT_INPUT_PHRASE, PMT_INPUT_DENSITY, PMT_INPUTS_MUSIC };

typedef struct {
  uint16_t token;
  uint16_t target;
  int16_t input[PMT_INPUTS_MUSIC]; /**< row of each conditioning table; -1 adds nothing */
  PmtHints hints; /**< for the choice of the target */
  bool reset;     /**< a stream begins: nothing before is seen and no gradient goes further back */
  bool counts;    /**< the target counts; else an idle position that neither costs nor teaches */
  bool beat;      /**< musical time moves on with this position (a T token) */
  bool first;     /**< benchmarks: of the first unit of its piece, which some leave out of their figures */
} PmtCell;

#endif
