/* SPDX-License-Identifier: ISC */
/** @file copies.h  Music as steps from note to note, and which runs of steps also stand in the training set.

    Above: copying.c. Below: music/score.h, base/random.h.

    Notes are put in order of time and, within a moment, from high to low, drums last; a step says how a note follows
    the one before: by how much later, and by how many semitones (a drum: which). So a copy is found in every key. A run
    of n steps places n notes.

    Runs are compared by a 64-bit hash: what is asked for is tabled, the training set is passed over once a length. With
    10^5 runs asked for and 10^6 to compare with, a clash is one in 10^8. Memory: 4 bytes a note of both sets and, while
    a length is looked for, up to 37 a note asked for. */
#ifndef PMT_MEASURE_COPIES_H
#define PMT_MEASURE_COPIES_H

#include "base/status.h"
#include "music/score.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t PmtStep;

/** The steps of pieces, one piece after the other. Owned arrays; a zeroed struct is an empty set. */
typedef struct {
  PmtStep* steps;
  size_t* end;  /**< [n_pieces] index after the last step of each */
  size_t n_steps, n_pieces;
} PmtSteps;

void pmt_steps_free(PmtSteps* steps);

/** Add the notes of one piece: n_notes - 1 steps. @param notes by onset
    @return PMT_NO_MEM: the set is as before */
PmtStatus pmt_steps_add(PmtSteps* steps, const PmtNote* notes, size_t n_notes);

/** Index of the first step of a piece. */
static inline size_t pmt_steps_begin(const PmtSteps* steps, size_t piece) { return piece ? steps->end[piece - 1] : 0; }

/** Which runs of n steps are in the training set. @param[out] found (asked->n_steps) whether the run that begins with
    this step is; false where the piece has no n steps left */
PmtStatus pmt_copies_find(const PmtSteps* training, const PmtSteps* asked, size_t n, bool* found);

/** The longest run in both. */
typedef struct {
  size_t n;              /**< steps; 0 = not even one in common */
  size_t piece, step;    /**< where it is asked for: step counts within the piece */
  size_t training_piece; /**< a piece that has it */
} PmtLongest;
PmtStatus pmt_copies_longest(const PmtSteps* training, const PmtSteps* asked, PmtLongest* longest);

#endif
