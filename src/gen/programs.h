/* SPDX-License-Identifier: ISC */
/** @file programs.h  Program changes of a MIDI file: what a style's parts sound like. Setup threads.

    Above: gen/render, gen/capture. Below: gen/channels. */
#ifndef PMT_GEN_PROGRAMS_H
#define PMT_GEN_PROGRAMS_H

#include "gen/model.h"
#include "music/smf.h"

/** A style's programs on the channels that play its parts.
    @param first channel of part 0, 1..16; 0 = 1 @param used one bit a channel, the others are left alone
    @param events room for 16 @return how many were put there: none when there is no such style */
size_t pmt_programs_put(const PmtModel* model, uint32_t style, uint32_t first, uint32_t used, uint64_t tick,
                        PmtSmfEvent* events);

/** The part that plays on a channel 0..15, or NULL: its name. The drums' channel has one too. */
const char* pmt_programs_name(const PmtModel* model, uint32_t first, uint32_t channel);

#endif
