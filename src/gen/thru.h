/* SPDX-License-Identifier: ISC */
/** @file thru.h  The player's MIDI on its way through: what was passed on is ended, whatever happens.

    Above: gen/engine_listen.c. Below: gen/held. Audio thread; a flat struct; every call is bounded. */
#ifndef PMT_GEN_THRU_H
#define PMT_GEN_THRU_H

#include "gen/held.h"

typedef struct {
  PmtHeld held;
  uint8_t out[16][128]; /**< by channel and key as they came in: 1 + channel on which the note sounds, 0 = it does not */
  uint8_t pedal[16];    /**< by channel as it came in: 1 + channel on which the sustain pedal is down, 0 = it is up */
  uint16_t lifts;       /**< bits: channels on which it has to come up, but found no space yet */
} PmtThru;

void pmt_thru_reset(PmtThru* thru) PMT_RT;
/** A channel message. @param bytes a whole one, status first @param channel where it leaves, 0..15 */
void pmt_thru_pass(PmtThru* thru, const uint8_t* bytes, uint32_t size, uint8_t channel, const PmtMidiOut* out,
                   uint32_t frame) PMT_RT;
/** Try again what found no space. */
void pmt_thru_retry(PmtThru* thru, const PmtMidiOut* out, uint32_t frame) PMT_RT;
/** Whether a note sounds that was passed on. @param channel where it left */
bool pmt_thru_sounds(const PmtThru* thru, uint8_t channel, uint8_t pitch) PMT_RT;
/** End what sounds, lift the pedals. @return notes and pedals whose end found no space yet */
uint32_t pmt_thru_end(PmtThru* thru, const PmtMidiOut* out, uint32_t frame) PMT_RT;
/** ... of what came on one channel, 0..15. */
void pmt_thru_end_channel(PmtThru* thru, uint8_t channel, const PmtMidiOut* out, uint32_t frame) PMT_RT;

#endif
