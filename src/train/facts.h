/* SPDX-License-Identifier: ISC */
/** @file facts.h  What is known of the training data as a whole: what the model file's metadata promises.

    Above: trainer.c, export.c, card.c. Below: corpus.h. */
#ifndef PMT_TRAIN_FACTS_H
#define PMT_TRAIN_FACTS_H

#include "nn/net.h"
#include "train/corpus.h"

typedef struct {
  uint32_t parts;      /**< 1..PMT_CORPUS_PARTS_MAX */
  uint8_t pitch_lo[PMT_PARTS_MAX], pitch_hi[PMT_PARTS_MAX]; /**< of the data, widened by the transpositions, in 21..108 */
  bool velocity, drums, ornaments;
  uint8_t program[PMT_STYLES_MAX][PMT_PARTS_MAX]; /**< the commonest of each style and part */
  uint8_t kit[PMT_STYLES_MAX];                    /**< the commonest drum kit of each style's pieces with drums, else 0 */
  uint8_t style_parts[PMT_STYLES_MAX];            /**< the commonest number of melodic parts */
  uint8_t rests[PMT_STYLES_MAX][PMT_PARTS_MAX];   /**< bars that each part usually rests at most: rests.h */
  bool style_drums[PMT_STYLES_MAX];               /**< at least one piece in ten has drums */
  bool told[PMT_STYLES_MAX];                      /**< a player's melody is better told as notes than as hints; the trainer's
                                                       to find out, pmt_facts_collect() leaves it false */
  float style_bpm[PMT_STYLES_MAX];                /**< median opening tempo */
  uint16_t octiles[PMT_STYLES_MAX][PMT_OCTILE_LIMITS];
} PmtFacts;

/** From the training pieces. @return PMT_NO_MEM */
PmtStatus pmt_facts_collect(const PmtCorpus* corpora, size_t n_corpora, PmtFacts* facts);

#endif
