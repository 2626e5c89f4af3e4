/* SPDX-License-Identifier: ISC */
/** @file score.h  Quantised music: what a file becomes before it is tokens, and what tokens decode to. */
#ifndef PMT_MUSIC_SCORE_H
#define PMT_MUSIC_SCORE_H

#include "base/attributes.h"
#include "base/status.h"
#include "music/vocab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PMT_PART_DRUMS = 255,
  PMT_SCORE_TICKS_MAX = 1 << 22, /**< 174,762 quarters, a day at 120 BPM: what a score may span */
};

typedef enum { PMT_PLAIN = 0, PMT_TRILL, PMT_TURN, PMT_GRACE } PmtOrnament;

/** One note on the grid. Sorted by onset, then in grammar order: part ascending, pitch descending, drums last by key
    ascending. Within a score no two notes share onset, part and pitch, and none overlaps an older one of the same
    part and pitch. */
typedef struct {
  uint32_t onset;      /**< ticks from the start of the first bar (pickup included as if whole) */
  uint16_t duration;   /**< ticks, a representable sum; 0 for drums */
  uint8_t part;        /**< 0..7 or PMT_PART_DRUMS */
  uint8_t pitch;       /**< MIDI 0..127; drums 35..81 */
  uint8_t velocity;    /**< bin 0..7 */
  uint8_t ornament;    /**< PmtOrnament */
} PmtNote;

/** One bar. Bars touch: bars[i + 1].tick = bars[i].tick + bars[i].ticks. */
typedef struct {
  uint32_t tick;    /**< where the (whole) bar begins */
  uint16_t ticks;   /**< its length */
  uint16_t skip;    /**< ticks missing at the front: a pickup bar is aligned right. Multiple of 12; else 0 */
  uint8_t beats;    /**< as notated */
  uint8_t unit;
} PmtBar;

typedef struct {
  uint32_t tick;
  double bpm; /**< quarter notes a minute */
} PmtTempo;

/** Owned arrays; a zeroed struct is an empty score. */
typedef struct {
  PmtNote* notes;
  size_t n_notes;
  PmtBar* bars;
  size_t n_bars;
  PmtTempo* tempos;
  size_t n_tempos;
  uint32_t parts;                  /**< melodic parts in use, 0..8 */
  uint8_t program[PMT_PARTS_MAX];  /**< General MIDI program of each part */
  uint8_t kit;                     /**< ... and of the drums' channel */
  bool has_drums;
} PmtScore;

void pmt_score_free(PmtScore* score);

/** Ticks of the end of the last bar. */
uint32_t pmt_score_ticks(const PmtScore* score);

/** Sort notes into the order stated at PmtNote. */
void pmt_score_sort(PmtScore* score);

/** Order of two notes as stated at PmtNote: negative, 0 (same onset, part and pitch) or positive. */
int pmt_note_compare(const PmtNote* a, const PmtNote* b);

/** A re-struck note ends the older one of the same part and pitch. @param score sorted, without doubles
    @return notes cut */
uint32_t pmt_score_cut_restruck(PmtScore* score);

/** Compare notes and bars (not tempos, not programs). @return true when equal; else a line in `error` says where. */
bool pmt_score_equal(const PmtScore* a, const PmtScore* b, PmtError* error);

#define PMT_KEY_CONFIDENCE 0.6f

/** Estimate the key by correlation with the Krumhansl-Kessler profiles (Krumhansl, Cognitive Foundations of Musical
    Pitch, 1990, ch. 4), notes weighted by duration.
    @return 0 unknown (no pitched notes, or no key correlates by more than PMT_KEY_CONFIDENCE), 1..12 major on C..B,
    13..24 minor */
uint32_t pmt_score_key(const PmtNote* notes, size_t n_notes);

/** The same from how long each pitch class sounded, C first. */
uint32_t pmt_key_of_weights(const float weight[12]) PMT_RT;

#endif
