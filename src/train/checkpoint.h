/* SPDX-License-Identifier: ISC */
/** @file checkpoint.h  A course on disk: weights, moments, average, best and carried state as tensors, counters as
    metadata. Doubles are written in hexadecimal, so that a resumed run has the same bits.

    Above: trainer_checkpoint.c (music), bench_jsb.c. Below: course.h, nn/tensors.h. */
#ifndef PMT_TRAIN_CHECKPOINT_H
#define PMT_TRAIN_CHECKPOINT_H

#include "nn/tensors.h"
#include "train/course.h"

enum { PMT_CHECKPOINT_EXTRAS_MAX = 4 };

/** Write everything that a resumed run needs, whole or not at all.
    @param description what must be equal for the bits to continue
    @param extras what the source of cells needs to go on, up to PMT_CHECKPOINT_EXTRAS_MAX */
PmtStatus pmt_checkpoint_write(const char* path, const PmtCourse* course, const char* description,
                               const PmtMetaOut* extras, size_t n_extras, PmtError* error);

/** Read it back into an attached course. @param[out] file for the extras; free it
    @return PMT_BAD_ARG when the descriptions differ, naming them */
PmtStatus pmt_checkpoint_read(const char* path, PmtCourse* course, const char* description, PmtTensors** file,
                              PmtError* error);

/** PMT_BAD_FILE with a line that names `what`. */
PmtStatus pmt_checkpoint_damaged(const char* path, const char* what, PmtError* error);

#endif
