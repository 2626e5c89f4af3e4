/* SPDX-License-Identifier: ISC */
/** @file card.h  The model card: what a model learned from, under which licences, how, and how well it predicts.

    Above: tools/cmd_train.c. Below: trainer.h (results), base/file.h. */
#ifndef PMT_TRAIN_CARD_H
#define PMT_TRAIN_CARD_H

#include "train/trainer.h"

/** Write Markdown. @param verdict sentences, one a line (verdict.h); NULL = none
    @param curve file name of the curve's picture, beside the card; NULL = none */
PmtStatus pmt_card_write(const char* path, const PmtTrainResult* result, const char* verdict, const char* curve,
                         PmtError* error);

/** What a folder says of its licence: the title line of LICENSE.txt, and the licence column of index.tsv counted
    ("Public Domain 346, CC BY 4.0 20"). "not stated" when there is neither. */
void pmt_card_license(const char* folder, char* text, size_t size);

#endif
