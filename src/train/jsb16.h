/* SPDX-License-Identifier: ISC */
/** @file jsb16.h  The JSB chorales on a grid of sixteenths, four voices: what is fed beside the notes; what a cell is.

    Each step is four cells, soprano to bass; a cell predicts one voice's pitch, or its silence. What it is fed is all
    that stands before: the position in the bar, and of every voice how long its latest pitch has lasted, the interval
    that led to it and its distance from the others, and which pitch classes were heard lately. Pitches as such are told
    only by the note before: more of them made it learn the pieces by heart.
    Nothing later than the voices above in the same step.

    The training set is also at hand as such: chorales share tunes, and where one of its pieces had the same melody for
    some time, or the same chords, the net is told what followed there (a training piece is never shown itself). What
    that is worth shows without "recall".

    In training some pieces are spelled in another order of voices, as Uria et al. ("A deep and tractable density
    estimator", 2014) do it: the same notes ask other questions. Measured is soprano to bass alone.
    Above: tools/cmd_benchmark.c. Below: bench.h, jsb16_piece.h. */
#ifndef PMT_TRAIN_JSB16_H
#define PMT_TRAIN_JSB16_H

#include "train/bench.h"

/** Groups of inputs that can be left out, to see what each is worth. */
typedef enum {
  PMT_JSB_BAR = 1,       /**< position in a bar of four quarters and of three */
  PMT_JSB_HOLD = 2,      /**< how many steps each voice's latest pitch has lasted */
  PMT_JSB_MOTION = 4,    /**< the interval by which it was reached */
  PMT_JSB_INTERVAL = 8,  /**< the six distances between the voices' latest pitches */
  PMT_JSB_LEAP = 16,     /**< not an input: logits by interval from this voice's last pitch, added to those by pitch */
  PMT_JSB_HARMONY = 32,  /**< the same from the latest pitches of the other voices */
  PMT_JSB_RETURN = 64,   /**< the same from the pitches before those */
  PMT_JSB_SCALE = 128,   /**< how long ago each pitch class sounded, counted from this voice's last pitch */
  PMT_JSB_KIND = 256,    /**< not an input: logits of a pitch by how long ago its class sounded */
  PMT_JSB_SHARE = 512,   /**< how much each pitch class has sounded so far; kinds know it too */
  PMT_JSB_COPY = 1024,   /**< where the chords, or the melody, were before as they are now; what this voice sang there */
  PMT_JSB_OCTAVE = 2048, /**< the distances between the voices once more, octaves left out */
  PMT_JSB_RANGE = 4096,  /**< not an input: transposed only as far as each voice keeps to its range in the training set */
  PMT_JSB_RECALL = 8192, /**< where the training set has this melody, or these chords, what this voice sang there, and
                              how the melody goes on */
  PMT_JSB_ALL = 16383,
} PmtJsbParts;

typedef struct PmtJsb PmtJsb;

/** Read satb16_train.txt, satb16_valid.txt and satb16_test.txt: a piece a line, steps "S,A,T,B", -1 = silent.
    @return PMT_IO, PMT_BAD_FILE, PMT_NO_MEM */
PmtStatus pmt_jsb_load(const char* folder, uint32_t parts, PmtJsb** jsb, PmtError* error);
void pmt_jsb_free(PmtJsb* jsb);
PmtBenchData pmt_jsb_data(PmtJsb* jsb);

/** Vocabulary, tables and leaps of these parts. */
void pmt_jsb_shape(const PmtJsb* jsb, PmtTrainShape* shape);

/** The part of a name: "bar", "hold" ... @return false when there is none */
bool pmt_jsb_part_find(const char* name, PmtJsbParts* part);

#endif
