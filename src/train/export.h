/* SPDX-License-Identifier: ISC */
/** @file export.h  Weights and facts as a model file (docs/model.md, section 7; gen/model.h for the extra keys).

    Above: trainer.c. Below: nn/tensors.h. */
#ifndef PMT_TRAIN_EXPORT_H
#define PMT_TRAIN_EXPORT_H

#include "train/facts.h"
#include "train/params.h"

typedef struct {
  const PmtFacts* facts;
  const PmtCorpus* corpora;   /**< names of the styles, in row order */
  const char *title, *author, *license;
  const char* data_sources;   /**< one line */
  const char* data_license;   /**< one line */
  const char* command;        /**< how it was trained */
  uint64_t seed, steps;
  double valid, ngram;        /**< nats a quarter, mean over styles; NaN = not known */
  double min_p[PMT_STYLES_MAX]; /**< suggested for each style */
  bool half;                  /**< matrices in 16 bits: half the size */
} PmtExport;

/** Round the matrices to what a file in 16 bits will hold, so that figures are those of the file. */
void pmt_export_round(const PmtParams* params, float* w);

/** Write the net alone, for a reader that knows what its tokens mean (a benchmark's): metadata describe its shape.
    @param vocab a name */
PmtStatus pmt_export_net(const char* path, const PmtParams* params, const float* w, const char* vocab, bool half,
                         PmtError* error);

/** Write the model, whole or not at all. */
PmtStatus pmt_export_model(const char* path, const PmtParams* params, const float* w, const PmtExport* about,
                           PmtError* error);

#endif
