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
} PmtExport;

/** Write the model, whole or not at all. */
PmtStatus pmt_export_model(const char* path, const PmtParams* params, const float* w, const PmtExport* about,
                           PmtError* error);

#endif
