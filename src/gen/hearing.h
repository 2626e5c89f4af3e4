/* SPDX-License-Identifier: ISC */
/** @file hearing.h  The player's keys: from their MIDI to what a slot hears (music/ear.h).

    Keys are remembered, not events: however many there are between two slots, a slot looks at 128 keys once. A key that was
    struck several times since the last slot counts twice.

    Above: gen/engine. Below: music/ear, gen/reader. Audio thread; a flat struct; every call is bounded. */
#ifndef PMT_GEN_HEARING_H
#define PMT_GEN_HEARING_H

#include "base/attributes.h"
#include "gen/reader.h"
#include "music/ear.h"

enum { PMT_ECHOES = 64, PMT_REACH_SLOTS = 8 };

/** A key, over all channels. */
typedef struct {
  int64_t struck, again; /**< frames of the first and the last beginning that no slot has heard; only when `fresh` */
  int64_t left;          /**< frame at which it ceased to sound, if it does not */
  bool fresh;
  uint16_t down;         /**< bits: channels on which it is held */
  uint16_t rings;        /**< ... on which the pedal holds it */
  uint8_t rung;          /**< slots for which it has been nothing but the pedal */
} PmtKey;

typedef struct {
  PmtKey key[128];
  uint16_t pedal;        /**< bits: channels whose sustain pedal is down */
  PmtEar ear;
  uint64_t begun[2];     /**< keys that went down since the slot before the last was heard, up to when the last was */
  uint32_t sounded;      /**< 1 + slot of the ear up to which something sounded, 0 = never */
  float loudness;        /**< of the player's notes, a running mean of velocities; 0 = none yet */
  int64_t slot_began;    /**< frame */
  uint64_t notes;        /**< heard from MIDI */
  struct { int64_t frame; uint8_t channel, pitch; } sent[PMT_ECHOES]; /**< the latest at n_sent - 1 modulo PMT_ECHOES */
  uint32_t n_sent;
  uint8_t reach[PMT_REACH_SLOTS][2]; /**< lowest and highest key of each of the last slots; lowest above highest = none */
} PmtHearing;

void pmt_hearing_reset(PmtHearing* hearing) PMT_RT;

/** Whether a note-on is one that was sent on its channel less than 30 ms before: our own, come back.
    @param now frame @param rate frames a second */
bool pmt_hearing_echoes(const PmtHearing* hearing, const uint8_t* bytes, int64_t now, double rate) PMT_RT;

/** A channel message of the player of three bytes. Notes, sustain pedal, all sound off and all notes off are taken; drums
    (channel 10) and all else is not. @param now frame */
void pmt_hearing_take(PmtHearing* hearing, const uint8_t* bytes, int64_t now) PMT_RT;

/** A note was sent. */
void pmt_hearing_sent(PmtHearing* hearing, uint8_t channel, uint8_t pitch, int64_t now) PMT_RT;

/** The song begins, stopped or is elsewhere: what was struck before a frame and not heard yet never will be. Keys that are
    down stay down. */
void pmt_hearing_cut(PmtHearing* hearing, int64_t before) PMT_RT;

/** A fresh performance: nothing was ever heard. Keys that are down are heard as if they went down now. */
void pmt_hearing_begin(PmtHearing* hearing, int64_t now) PMT_RT;

/** All keys and pedals are up. */
void pmt_hearing_let_go(PmtHearing* hearing, int64_t now) PMT_RT;

/** A slot is about to be made: hear what was played since the last.
    @param mode what may be known, see PmtEarMode @param parts bits: melodic parts that the player has taken
    @param start frame at which the slot begins @param now frame, before or after that
    @param reader its listener hears the notes as music, and what it tells from now on is of this ear; NULL: nobody does */
void pmt_hearing_slot(PmtHearing* hearing, PmtEarMode mode, uint32_t parts, int64_t start, int64_t now, double rate,
                      PmtReader* reader) PMT_RT;

/** Lowest and highest key that was down in the last PMT_REACH_SLOTS slots. @return false when none was */
bool pmt_hearing_reach(const PmtHearing* hearing, uint8_t* lo, uint8_t* hi) PMT_RT;

/** Slots since the player last played or held anything; UINT32_MAX = never did. */
uint32_t pmt_hearing_silence(const PmtHearing* hearing) PMT_RT;

#endif
