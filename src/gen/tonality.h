/* SPDX-License-Identifier: ISC */
/** @file tonality.h  The key of what was just played, told back to the model so that it stays there.

    The model learned with the key of the bars around given half of the time; at play nobody gives it, unless a scale is
    set. Left alone it wanders: docs/engine.md has the measurement. Above: gen/engine_slot.c. Below: music/key. */
#ifndef PMT_GEN_TONALITY_H
#define PMT_GEN_TONALITY_H

#include "base/attributes.h"

#include <stdint.h>

typedef struct {
  float weight[12]; /**< ticks that each pitch class sounded, older bars counting less */
  float total;      /**< ticks ever heard, up to what is needed to judge */
} PmtTonality;

void pmt_tonality_reset(PmtTonality* tonality) PMT_RT;
void pmt_tonality_add(PmtTonality* tonality, uint32_t pitch, uint32_t ticks) PMT_RT;
void pmt_tonality_end_bar(PmtTonality* tonality) PMT_RT;
/** 0 while too little was heard or it is in no key; else 1..24 as PmtCondition has it. */
uint32_t pmt_tonality_key(const PmtTonality* tonality) PMT_RT;

#endif
