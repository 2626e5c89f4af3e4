/* SPDX-License-Identifier: ISC */
/** @file origin.h  The model that a training run begins from: its styles are kept, others are added to them or refine them.

    Above: trainer.c. Below: gen/model.h (to play it), params.h (to go on with its weights). */
#ifndef PMT_TRAIN_ORIGIN_H
#define PMT_TRAIN_ORIGIN_H

#include "gen/model.h"
#include "train/facts.h"
#include "train/params.h"

typedef struct {
  PmtTensors* file;
  PmtModel* model;
  PmtTrainShape shape; /**< with as many styles as the model has */
} PmtOrigin;

/** @return any PmtStatus with a line that names the file: a model that cannot be trained here is refused */
PmtStatus pmt_origin_open(const char* path, PmtOrigin* origin, PmtError* error);
void pmt_origin_close(PmtOrigin* origin); /**< a zeroed struct is fine */

/** Rows of the style table for names: that of the model's style of the name, new ones after the model's.
    @param[out] rows (n) @param[out] n_rows of the new table @return PMT_BAD_ARG when there would be too many */
PmtStatus pmt_origin_rows(const PmtOrigin* origin, const char* const* names, size_t n, uint32_t* rows, uint32_t* n_rows,
                          PmtError* error);

/** The model's weights laid out as `params`, which differs in the number of styles alone: a new row is the mean of the
    old ones. */
PmtStatus pmt_origin_weights(const PmtOrigin* origin, const PmtParams* params, float* w, PmtError* error);

/** What is known of the whole: of the model's styles what its file says, of `rows` what the new pieces say.
    @param added of n new folders, in their order */
PmtStatus pmt_origin_facts(const PmtOrigin* origin, const PmtFacts* added, const uint32_t* rows, size_t n, PmtFacts* facts,
                           PmtError* error);

#endif
