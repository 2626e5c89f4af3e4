/* SPDX-License-Identifier: ISC */
/** @file sampler.h  From logits to a token: biases, mask, temperature, min-p, draw (docs/model.md, "Decoding").

    Notes and rhythm (all else: T, POS, DUR, VEL, ornaments) first get their share as kinds, then min-p and temperature
    act within the kind.

    Above: gen/engine_slot.c. Below: base/random, nn/activation. At most five passes over the allowed tokens, no sort,
    no allocation, 4.5 KiB of stack. Chance comes from (seed, place, index) alone. */
#ifndef PMT_GEN_SAMPLER_H
#define PMT_GEN_SAMPLER_H

#include "base/attributes.h"
#include "music/grammar.h"

/** What is frozen with a slot. */
typedef struct {
  float tau;          /**< temperature of notes; 0 = argmax of everything. Rhythm gets 1 + (tau - 1) / 2 */
  float min_p;        /**< drop notes less likely than min_p times the likeliest note; rhythm gets 0.4 of it */
  float doubt;        /**< probability that other notes than the likeliest get at least, if there are any ... */
  bool doubt_drums;   /**< ... also where a drum is the likeliest */
  PmtToken end;       /**< the T that ends the slot ... */
  float end_bias;     /**< ... and what is added to its logit */
  uint16_t penalised; /**< pitch classes, bit 0 = C, that lose ... */
  float penalty;      /**< ... so much */
  float asked[PMT_PARTS_MAX]; /**< added to the logits of each part's notes (pmt_repeats_ask_back()) */
  uint64_t seed, place;
} PmtSampling;

typedef struct {
  PmtToken token;
  float surprise; /**< -log2 p among the allowed, before temperature: bits */
} PmtPick;

/** @param mask not empty @param vocab logits at hand; mask bits beyond are not set
    @param logits overwritten. NaN or +Inf among the allowed (a broken model): the slot's end if allowed, else the first
    @param index number of the token within the slot */
PmtPick pmt_sampler_pick(const PmtSampling* sampling, const uint64_t mask[PMT_MASK_WORDS], uint32_t vocab,
                         float* logits, uint32_t index) PMT_RT;

#endif
