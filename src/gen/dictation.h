/* SPDX-License-Identifier: ISC */
/** @file dictation.h  What a player plays, written down: notes by slot and position, to be read back as tokens.

    Above: gen/engine_listen.c, which feeds them to the net as if it had played them itself: so a phrase is answered, or
    becomes the music so far. Below: music/vocab, music/grammar (the order of notes), gen/clock (PmtPlace).

    Beginnings are moved to the nearest 16th or triplet eighth, lengths to the nearest that there is a token for. Two rings,
    one of slots and one of notes: a number never comes again. Audio thread; a flat struct; every call is bounded. */
#ifndef PMT_GEN_DICTATION_H
#define PMT_GEN_DICTATION_H

#include "base/attributes.h"
#include "gen/clock.h"
#include "music/vocab.h"

enum {
  PMT_DICTATION_SLOTS = 256,
  PMT_DICTATION_NOTES = 1024,
  PMT_DICTATION_CHORD = 16,                               /**< notes that are read of a slot; the others are left out */
  PMT_DICTATION_TOKENS = 48,                              /**< of a slot, as the grammar allows: T, then POS VEL P DUR DUR */
};

typedef struct {
  uint64_t slot;    /**< number */
  double on;        /**< tick, as it was played */
  uint16_t ticks;   /**< how long; 0 = still held */
  uint8_t pos, pitch, velocity;
  bool drum;
} PmtDictated;

typedef struct {
  uint64_t n_slots; /**< begun so far: the last one is being written */
  uint64_t n_notes;
  PmtPlace place[PMT_DICTATION_SLOTS];
  PmtDictated note[PMT_DICTATION_NOTES];
} PmtDictation;

/** How the notes are to be read. */
typedef struct {
  uint32_t part;             /**< what is no drum is of this part */
  uint8_t pitch_lo, pitch_hi;/**< others are moved by octaves, and left out if none fits */
  bool pitched, drums, velocities; /**< what there are tokens for */
  double now;                /**< tick: notes that are held are read as long as they are by now */
} PmtReading;

void pmt_dictation_reset(PmtDictation* dictation) PMT_RT;
/** A slot begins. */
void pmt_dictation_begin_slot(PmtDictation* dictation, const PmtPlace* place) PMT_RT;
/** @param tick not before the slot that is being written; one beyond it belongs to the next
    @param velocity 1..127 */
void pmt_dictation_press(PmtDictation* dictation, double tick, uint32_t pitch, uint32_t velocity, bool drum) PMT_RT;
void pmt_dictation_release(PmtDictation* dictation, double tick, uint32_t pitch) PMT_RT;
/** Ticks are about to be counted anew: what is held ends here. */
void pmt_dictation_cut(PmtDictation* dictation, double tick) PMT_RT;

/** A slot by its number; NULL when there is none, or none any more. */
const PmtPlace* pmt_dictation_place(const PmtDictation* dictation, uint64_t slot) PMT_RT;
/** No note that began in it is held any longer, or it is a bar old: reading it again would give the same.
    @param now tick */
bool pmt_dictation_settled(const PmtDictation* dictation, uint64_t slot, double now) PMT_RT;
/** Whether anything began in slots first to end - 1. */
bool pmt_dictation_any(const PmtDictation* dictation, uint64_t first, uint64_t end) PMT_RT;
/** Slot of the first note from slot `from` on; n_slots when there is none. */
uint64_t pmt_dictation_first(const PmtDictation* dictation, uint64_t from) PMT_RT;
/** Lowest and highest pitch that began there. @return false when none did */
bool pmt_dictation_reach(const PmtDictation* dictation, uint64_t first, uint64_t end, uint8_t* lo, uint8_t* hi) PMT_RT;

/** The slot as tokens, its T first, by the grammar: the last notes of one that is too full are left out.
    @param[in,out] velocity bin in force @param token room for PMT_DICTATION_TOKENS @return how many; 0: no such slot */
uint32_t pmt_dictation_read(const PmtDictation* dictation, uint64_t slot, const PmtReading* reading, uint8_t* velocity,
                            PmtToken* token) PMT_RT;

/** Number of the first of the last whole bars that end where the slot that is being written begins: up to `bars` of them,
    from the first on in which something was played. @return n_slots when there are none */
uint64_t pmt_dictation_last_bars(const PmtDictation* dictation, uint32_t bars) PMT_RT;

#endif
