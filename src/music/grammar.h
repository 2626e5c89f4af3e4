/* SPDX-License-Identifier: ISC */
/** @file grammar.h  The grammar of `slot-v1` as a state machine with a mask that can never leave a dead end.

    music = BOS slot* [END]     slot = T_k item*     item = [POS] group     group = note+
    note = [VEL] [ORN] P DUR [DUR]  |  [VEL] DRUM

    Runs in the audio thread: a fixed struct, no pointers owned, every call bounded by the vocabulary size. */
#ifndef PMT_MUSIC_GRAMMAR_H
#define PMT_MUSIC_GRAMMAR_H

#include "base/attributes.h"
#include "music/vocab.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  PMT_SLOT_TOKENS_MAX = 48, /**< after so many tokens in a slot: only what completes the note, then T_next */
  PMT_SLOT_STEPS_MAX = PMT_SLOT_TOKENS_MAX + 2, /**< the last token may be a POS: a note and its duration follow */
  PMT_MASK_WORDS = (PMT_VOCAB_MAX + 63) / 64,
};

/** Which notes may be played at all. Frozen per slot. One bit per token id (notes and drums only are read). */
typedef struct {
  uint64_t notes[PMT_MASK_WORDS];
  bool ornaments;      /**< TRILL, TURN and GRACE may be used */
  bool velocity;       /**< VEL may be used */
  uint8_t polyphony;   /**< at most so many new notes and sounding notes together; 0 = no cap */
} PmtLimits;

/** Nothing allowed. */
void pmt_limits_clear(PmtLimits* limits) PMT_RT;
/** Everything a model of `parts` parts can say, drums included. */
void pmt_limits_all(PmtLimits* limits, uint32_t parts) PMT_RT;
static inline void pmt_limits_set(PmtLimits* l, PmtToken t, bool on) PMT_RT {
  if (on) { l->notes[t / 64] |= 1ull << (t % 64); } else { l->notes[t / 64] &= ~(1ull << (t % 64)); }
}
static inline bool pmt_limits_has(const PmtLimits* l, PmtToken t) PMT_RT { return l->notes[t / 64] >> (t % 64) & 1; }

typedef enum {
  PMT_AFTER_BOS, /**< between slots: the mask is empty until pmt_grammar_begin_slot() */
  PMT_AFTER_SLOT, PMT_AFTER_POS, PMT_AFTER_VEL, PMT_AFTER_ORNAMENT, PMT_AFTER_NOTE, PMT_AFTER_DUR,
  PMT_AFTER_COMPLETE, /**< a drum, or a note with two durations */
  PMT_AFTER_END,
} PmtGrammarState;

typedef struct {
  uint8_t state;       /**< PmtGrammarState */
  uint8_t k;           /**< slot number of the slot we are in */
  uint8_t k_next;      /**< of the slot that follows in the host's time */
  uint8_t length;      /**< ticks of the slot we are in, 1..12 */
  uint8_t pos;         /**< 0..11 */
  uint8_t velocity;    /**< bin in force */
  uint8_t duration;    /**< table index of the first DUR, valid in PMT_AFTER_DUR */
  uint8_t sounding;    /**< notes sounding at the start of the slot (for the polyphony cap) */
  uint8_t started;     /**< notes begun in this slot */
  uint16_t key;        /**< 1 + order key of the last note at this position; 0 = none */
  uint16_t tokens;     /**< tokens in this slot, T included */
  uint16_t tokens_max; /**< allowance of this slot, at most PMT_SLOT_TOKENS_MAX */
} PmtGrammar;

/** As before BOS was read. */
void pmt_grammar_reset(PmtGrammar* grammar) PMT_RT;

/** Begin slot k: takes the T token itself (the caller feeds pmt_token_slot(k) to the model).
    @param length ticks of the slot @param k_next the slot that will follow
    @param sounding notes that sound into the slot @param tokens_max allowance, clamped to 1..48 */
void pmt_grammar_begin_slot(PmtGrammar* grammar, uint32_t k, uint32_t length, uint32_t k_next, uint32_t sounding,
                            uint32_t tokens_max) PMT_RT;

/** The set of tokens allowed next, one bit an id: never empty while inside a slot. END is never in it.
    @param parts of the model; bits at and above pmt_vocab_size(parts) are 0 */
void pmt_grammar_mask(const PmtGrammar* grammar, const PmtLimits* limits, uint32_t parts,
                      uint64_t mask[PMT_MASK_WORDS]) PMT_RT;

/** Take one token. @return false, and no change, when the mask (with everything in `limits`) forbids it.
    T_next ends the slot: the state is PMT_AFTER_BOS, which allows nothing, until pmt_grammar_begin_slot(). */
bool pmt_grammar_accept(PmtGrammar* grammar, const PmtLimits* limits, uint32_t parts, PmtToken token) PMT_RT;

/** Order key: 128 * part + 127 - pitch; drums 1024 + id. */
uint32_t pmt_order_key(PmtToken note) PMT_RT;

#endif
