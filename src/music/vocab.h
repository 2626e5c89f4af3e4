/* SPDX-License-Identifier: ISC */
/** @file vocab.h  The `slot-v1` vocabulary: what each token id means (docs/model.md, "Vocabulary"). */
#ifndef PMT_MUSIC_VOCAB_H
#define PMT_MUSIC_VOCAB_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PMT_VOCAB_NAME "slot-v1"

typedef uint16_t PmtToken;

enum {
  PMT_PAD = 0,
  PMT_BOS = 1,
  PMT_END = 2,
  PMT_TOKEN_SLOT = 4, /**< T0..T23 */
  PMT_TOKEN_POS = 28, /**< POS1..POS11 are 28..38: POSn is 27 + n */
  PMT_TOKEN_VEL = 39,
  PMT_TOKEN_DUR = 47,
  PMT_TOKEN_DRUM = 71,
  PMT_TOKEN_TRILL = 118,
  PMT_TOKEN_TURN = 119,
  PMT_TOKEN_GRACE = 120,
  PMT_TOKEN_NOTE = 128, /**< 128 + 128 * part + pitch */

  PMT_VELOCITIES = 8,
  PMT_VELOCITY_START = 4, /**< in force after BOS */
  PMT_DURATIONS = 24,
  PMT_DRUM_LO = 35,
  PMT_DRUM_HI = 81,
  PMT_DRUMS = 47,
  PMT_PARTS_MAX = 8,
  PMT_VOCAB_MAX = 128 + 128 * PMT_PARTS_MAX,
  PMT_DURATION_MAX = 384, /**< ticks; longer notes are cut */
};

typedef enum {
  PMT_CLASS_RESERVED, /**< PAD and every id that is always masked */
  PMT_CLASS_BOS,
  PMT_CLASS_END,
  PMT_CLASS_SLOT,
  PMT_CLASS_POS,
  PMT_CLASS_VEL,
  PMT_CLASS_DUR,
  PMT_CLASS_DRUM,
  PMT_CLASS_ORNAMENT,
  PMT_CLASS_NOTE,
} PmtTokenClass;

extern const uint16_t pmt_duration_ticks[PMT_DURATIONS]; /**< 1 2 3 4 6 8 9 12 15 16 18 20 24 ... 192 */
extern const uint8_t pmt_velocity_midi[PMT_VELOCITIES];  /**< 16 32 48 64 80 96 112 127 */

PmtTokenClass pmt_token_class(PmtToken token) PMT_RT;

static inline uint32_t pmt_vocab_size(uint32_t parts) PMT_RT { return 128u + 128u * parts; }
static inline PmtToken pmt_token_slot(uint32_t k) PMT_RT { return (PmtToken)(PMT_TOKEN_SLOT + k); }
/** @param ticks 1..11 */
static inline PmtToken pmt_token_pos(uint32_t ticks) PMT_RT { return (PmtToken)(PMT_TOKEN_POS - 1 + ticks); }
static inline PmtToken pmt_token_vel(uint32_t bin) PMT_RT { return (PmtToken)(PMT_TOKEN_VEL + bin); }
static inline PmtToken pmt_token_note(uint32_t part, uint32_t pitch) PMT_RT {
  return (PmtToken)(PMT_TOKEN_NOTE + 128 * part + pitch);
}
/** @param key 35..81 */
static inline PmtToken pmt_token_drum(uint32_t key) PMT_RT { return (PmtToken)(PMT_TOKEN_DRUM + key - PMT_DRUM_LO); }
static inline uint32_t pmt_note_part(PmtToken note) PMT_RT { return (note - PMT_TOKEN_NOTE) / 128u; }
static inline uint32_t pmt_note_pitch(PmtToken note) PMT_RT { return (note - PMT_TOKEN_NOTE) % 128u; }

/** Bin of a MIDI velocity: (v + 8) / 16 - 1, clamped to 0..7. */
uint32_t pmt_velocity_bin(uint32_t midi_velocity) PMT_RT;

/** Split a length into one or two table durations: the largest <= ticks, then the largest *smaller* one that fits the
    rest (192 + 192 is the one equal pair). @param ticks at least 1; more than 384 counts as 384
    @param[out] index table indices @return how many, 1 or 2 */
uint32_t pmt_duration_split(uint32_t ticks, uint32_t index[2]) PMT_RT;

/** The representable length nearest to `ticks` (1..384); on a tie the shorter. */
uint32_t pmt_duration_nearest(uint32_t ticks) PMT_RT;

/** The longest representable length not above `ticks` (>= 1). */
uint32_t pmt_duration_floor(uint32_t ticks) PMT_RT;

/** Readable name for --tokens and messages: "T3", "POS6", "VEL4", "D12", "drum36", "TRILL", "P0:C4" (middle C = C4). */
void pmt_token_name(PmtToken token, char* name, size_t size);

#endif
