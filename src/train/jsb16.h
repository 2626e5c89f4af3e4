/* SPDX-License-Identifier: ISC */
/** @file jsb16.h  The JSB chorales on a grid of sixteenths, four voices: what is fed beside the notes, and what a cell is.

    Each step is four cells, soprano to bass; a cell predicts one voice's pitch, or its silence. What it is fed is all
    that stands before: the position in the bar, and of every voice the latest pitch, how long it lasts, the interval that led
    to it and its distance from the others, and which pitch classes were heard lately.
    Nothing later than the voices above in the same step.
    Above: tools/cmd_benchmark.c. Below: bench.h. */
#ifndef PMT_TRAIN_JSB16_H
#define PMT_TRAIN_JSB16_H

#include "train/bench.h"

/** Groups of inputs that can be left out, to see what each is worth. */
typedef enum {
  PMT_JSB_BAR = 1,       /**< position in a bar of four quarters and of three */
  PMT_JSB_CHORD = 2,     /**< the latest pitch of each voice */
  PMT_JSB_HOLD = 4,      /**< how many steps it has lasted */
  PMT_JSB_MOTION = 8,    /**< the interval by which it was reached */
  PMT_JSB_INTERVAL = 16, /**< the six distances between the voices' latest pitches */
  PMT_JSB_LEAP = 32,     /**< not an input: logits by interval from this voice's last pitch, added to those by pitch */
  PMT_JSB_HARMONY = 64,  /**< the same from the latest pitches of the other voices */
  PMT_JSB_RETURN = 128,  /**< the same from the pitches before those */
  PMT_JSB_SCALE = 256,   /**< how long ago each pitch class sounded, counted from this voice's last pitch */
  PMT_JSB_KIND = 512,    /**< not an input: logits of a pitch by how long ago its class sounded */
  PMT_JSB_SHARE = 1024,  /**< how much each pitch class has sounded so far; kinds know it too */
  PMT_JSB_COPY = 2048,   /**< where the chords, or the melody, were before as they are now, and what this voice sang there */
  PMT_JSB_OCTAVE = 4096, /**< the distances between the voices once more, octaves left out */
  PMT_JSB_RANGE = 8192,  /**< not an input: transposed only as far as each voice stays in its range of the training set */
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

/** Set or clear the part of a name: "bar", "chord" ... @return false when there is none */
bool pmt_jsb_part_find(const char* name, PmtJsbParts* part);

#endif
