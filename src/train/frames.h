/* SPDX-License-Identifier: ISC */
/** @file frames.h  The piano rolls of Boulanger-Lewandowski (2012): 88 keys, a frame at a time, as a chain of decisions.

    A frame is spelled out: its pitches from high to low, then END. The probability of the frame is the product of what
    these tokens get, so nats a frame compare with what RNN-RBM and RNN-NADE, and not with what 88 independent keys, are
    reported to reach. Nothing is known of a frame but what was spelled already. Above: tools/cmd_benchmark.c.
    Below: bench.h. */
#ifndef PMT_TRAIN_FRAMES_H
#define PMT_TRAIN_FRAMES_H

#include "train/bench.h"

typedef struct PmtFrames PmtFrames;

/** Read bl_NAME_train.txt, bl_NAME_valid.txt and bl_NAME_test.txt: a piece a line, frames "60,64,67", "-" = silence.
    @param keys transpose in training, and say by how much: the data stand in C
    @return PMT_IO, PMT_BAD_FILE, PMT_NO_MEM */
PmtStatus pmt_frames_load(const char* folder, const char* name, bool keys, PmtFrames** frames, PmtError* error);
void pmt_frames_free(PmtFrames* frames);
PmtBenchData pmt_frames_data(PmtFrames* frames);
void pmt_frames_shape(const PmtFrames* frames, PmtTrainShape* shape);

#endif
