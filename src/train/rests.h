/* SPDX-License-Identifier: ISC */
/** @file rests.h  How long the parts of a style rest: what the engine holds a part to that fell silent at play.

    Above: facts.c. Below: corpus.h. */
#ifndef PMT_TRAIN_RESTS_H
#define PMT_TRAIN_RESTS_H

#include "gen/repeats.h"
#include "train/corpus.h"

/** Bars that each part usually rests at most, 0..PMT_RESTS_ANY: in half of the training pieces that have it, at most one
    bar in twenty lies deeper in a rest. A bar is rested when the part begins no note in it; 0 for a part of no piece.
    @return PMT_NO_MEM */
PmtStatus pmt_corpus_rests(const PmtCorpus* corpus, uint8_t rests[PMT_PARTS_MAX]);

#endif
