/* SPDX-License-Identifier: ISC */
/** @file phrase.h  The notes of the last slots as they were scheduled: what Freeze repeats and a loop plays again.

    Above: gen/engine_place.c. Below: gen/clock (PmtPlace). Two rings, one of slots and one of their notes; slots are known
    by a number that never comes again, and are gone once either ring has been around. Audio thread; nothing owned. */
#ifndef PMT_GEN_PHRASE_H
#define PMT_GEN_PHRASE_H

#include "base/attributes.h"
#include "gen/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum { PMT_PHRASE_SLOTS = 4096, PMT_PHRASE_NOTES = 16384 };

/** A note in its final form. */
typedef struct {
  int32_t on, off; /**< ticks from the slot's start; a grace note's may lie before it */
  uint8_t part;    /**< or PMT_PART_DRUMS */
  uint8_t pitch;
  uint8_t velocity;/**< MIDI, 1..127 */
} PmtPhraseNote;

typedef struct {
  uint32_t index, length, bar_ticks; /**< as in PmtPlace */
  uint32_t n;                        /**< notes */
  uint64_t first;                    /**< number of the first */
} PmtPhraseSlot;

typedef struct {
  uint64_t n_slots, n_notes; /**< ever since the reset */
  PmtPhraseSlot slot[PMT_PHRASE_SLOTS];
  PmtPhraseNote note[PMT_PHRASE_NOTES];
} PmtPhrase;

void pmt_phrase_reset(PmtPhrase* phrase) PMT_RT;

/** Begin another slot, the newest. @return its number */
uint64_t pmt_phrase_begin(PmtPhrase* phrase, const PmtPlace* place) PMT_RT;
/** Add a note to the newest slot. */
void pmt_phrase_add(PmtPhrase* phrase, PmtPhraseNote note) PMT_RT;

/** A slot by its number; NULL when it, or a note of it, is no longer there. */
const PmtPhraseSlot* pmt_phrase_slot(const PmtPhrase* phrase, uint64_t number) PMT_RT;
/** @param i below slot->n */
const PmtPhraseNote* pmt_phrase_note(const PmtPhrase* phrase, const PmtPhraseSlot* slot, uint32_t i) PMT_RT;

/** The slots of the last `bars` whole bars, or of half as many, and so on, whatever there is.
    @param[out] first number of the first @return how many slots; 0 when not even one bar is there */
uint32_t pmt_phrase_last_bars(const PmtPhrase* phrase, uint32_t bars, uint64_t* first) PMT_RT;

#endif
