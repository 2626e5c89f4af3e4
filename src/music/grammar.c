/* SPDX-License-Identifier: ISC */
/** @file grammar.c  The grammar as a mask. Above: gen/sampler asks what may come; music/codec checks what came.

    Notes are kept as bits by token id: a part is two whole words (ids 128 + 128 * part ...), so "later in order" is a
    comparison of words and one shift. No dead end: a token that demands a note (POS, VEL, ORN) is in the mask only if
    a note is, and T_next ends a slot from every state that demands nothing. */
#include "music/grammar.h"

#include "music/meter.h"

#include <string.h>

#define DRUM_BITS (((1ull << PMT_DRUMS) - 1) << (PMT_TOKEN_DRUM - 64)) /* ids 71..117 lie in word 1 */

enum { NOTE_WORD = PMT_TOKEN_NOTE / 64, DRUM_KEY = 1024 };

void pmt_limits_clear(PmtLimits* const limits) {
  memset(limits, 0, sizeof *limits);
}

void pmt_limits_all(PmtLimits* const limits, const uint32_t parts) {
  pmt_limits_clear(limits);
  limits->notes[1] = DRUM_BITS;
  for (uint32_t w = 0; w < 2 * parts && NOTE_WORD + w < PMT_MASK_WORDS; ++w) {
    limits->notes[NOTE_WORD + w] = ~0ull;
  }
  limits->ornaments = limits->velocity = true;
}

uint32_t pmt_order_key(const PmtToken note) {
  return note >= PMT_TOKEN_NOTE ? 128 * pmt_note_part(note) + 127 - pmt_note_pitch(note) : DRUM_KEY + (uint32_t)note;
}

void pmt_grammar_reset(PmtGrammar* const grammar) {
  memset(grammar, 0, sizeof *grammar);
  grammar->state = PMT_AFTER_BOS;
  grammar->velocity = PMT_VELOCITY_START;
}

void pmt_grammar_begin_slot(PmtGrammar* const grammar, const uint32_t k, const uint32_t length, const uint32_t k_next,
                            const uint32_t sounding, const uint32_t tokens_max) {
  grammar->state = PMT_AFTER_SLOT;
  grammar->k = (uint8_t)(k % PMT_SLOTS_MAX);
  grammar->k_next = (uint8_t)(k_next % PMT_SLOTS_MAX);
  grammar->length = (uint8_t)(length < 1 ? 1 : length > PMT_SLOT_TICKS ? PMT_SLOT_TICKS : length);
  grammar->pos = 0;
  grammar->key = 0;
  grammar->sounding = (uint8_t)(sounding > 255 ? 255 : sounding);
  grammar->started = 0;
  grammar->tokens = 1;
  grammar->tokens_max = (uint16_t)(tokens_max < 1 ? 1
                                   : tokens_max > PMT_SLOT_TOKENS_MAX ? PMT_SLOT_TOKENS_MAX : tokens_max);
}

/** Notes of `limits` that come after order key `last` - 1 (0: all). @return whether one is pitched; *any: whether there is one */
static bool notes_after(const PmtGrammar* const grammar, const PmtLimits* const limits, const uint32_t parts,
                        const uint32_t last, uint64_t mask[PMT_MASK_WORDS], bool* const any) PMT_RT {
  uint64_t pitched = 0;
  const bool full = limits->polyphony && (uint32_t)grammar->sounding + grammar->started >= limits->polyphony;
  if (!full && last <= DRUM_KEY) {
    const uint32_t first_part = last ? (last - 1) / 128 : 0;
    for (uint32_t part = first_part; part < parts; ++part) {
      uint64_t lo = limits->notes[NOTE_WORD + 2 * part];
      uint64_t hi = limits->notes[NOTE_WORD + 2 * part + 1];
      if (last && part == first_part) { /* within a part pitches fall */
        const uint32_t below = 127 - (last - 1) % 128;
        hi &= below >= 64 ? (1ull << (below - 64)) - 1 : 0;
        lo &= below >= 64 ? ~0ull : (1ull << below) - 1;
      }
      mask[NOTE_WORD + 2 * part] |= lo;
      mask[NOTE_WORD + 2 * part + 1] |= hi;
      pitched |= lo | hi;
    }
  }
  uint64_t drums = limits->notes[1] & DRUM_BITS;
  if (last > DRUM_KEY) {
    const uint32_t bit = last - 1 - DRUM_KEY - 64; /* of the drum just played */
    drums &= ~((2ull << bit) - 1);
  }
  mask[1] |= drums;
  *any = pitched || drums;
  return pitched;
}

static void set(uint64_t mask[PMT_MASK_WORDS], const uint32_t token) PMT_RT {
  mask[token / 64] |= 1ull << (token % 64);
}

static void set_range(uint64_t mask[PMT_MASK_WORDS], const uint32_t first, const uint32_t end) PMT_RT {
  for (uint32_t t = first; t < end; ++t) {
    set(mask, t);
  }
}

static void allow_ornaments(const PmtLimits* const limits, uint64_t mask[PMT_MASK_WORDS]) PMT_RT {
  if (limits->ornaments) {
    set_range(mask, PMT_TOKEN_TRILL, PMT_TOKEN_GRACE + 1);
  }
}

static void allow_velocities(const PmtGrammar* const grammar, const PmtLimits* const limits,
                             uint64_t mask[PMT_MASK_WORDS]) PMT_RT {
  for (uint32_t bin = 0; limits->velocity && bin < PMT_VELOCITIES; ++bin) {
    if (bin != grammar->velocity) {
      set(mask, pmt_token_vel(bin));
    }
  }
}

/** A note at this position: with its VEL and ORN if those may still come. */
static void allow_note(const PmtGrammar* const grammar, const PmtLimits* const limits, const uint32_t parts,
                       const bool velocity, uint64_t mask[PMT_MASK_WORDS]) PMT_RT {
  bool any;
  if (notes_after(grammar, limits, parts, grammar->key, mask, &any)) {
    allow_ornaments(limits, mask);
  }
  if (any && velocity) {
    allow_velocities(grammar, limits, mask);
  }
}

/** Everything between two notes: a note here, a later position, the end of the slot. */
static void allow_next(const PmtGrammar* const grammar, const PmtLimits* const limits, const uint32_t parts,
                       uint64_t mask[PMT_MASK_WORDS]) PMT_RT {
  set(mask, pmt_token_slot(grammar->k_next));
  if (grammar->tokens >= grammar->tokens_max) {
    return;
  }
  allow_note(grammar, limits, parts, true, mask);
  uint64_t there[PMT_MASK_WORDS] = {0};
  bool any;
  notes_after(grammar, limits, parts, 0, there, &any);
  if (any && grammar->length > grammar->pos + 1) {
    set_range(mask, pmt_token_pos(grammar->pos + 1u), pmt_token_pos(grammar->length));
  }
}

void pmt_grammar_mask(const PmtGrammar* const grammar, const PmtLimits* const limits, const uint32_t parts,
                      uint64_t mask[PMT_MASK_WORDS]) {
  memset(mask, 0, PMT_MASK_WORDS * sizeof *mask);
  bool any;
  switch ((PmtGrammarState)grammar->state) {
  case PMT_AFTER_BOS: set(mask, pmt_token_slot(grammar->k_next)); break;
  case PMT_AFTER_SLOT:
  case PMT_AFTER_COMPLETE: allow_next(grammar, limits, parts, mask); break;
  case PMT_AFTER_POS: allow_note(grammar, limits, parts, true, mask); break;
  case PMT_AFTER_VEL: allow_note(grammar, limits, parts, false, mask); break;
  case PMT_AFTER_ORNAMENT:
    notes_after(grammar, limits, parts, grammar->key, mask, &any);
    mask[1] &= ~DRUM_BITS;
    break;
  case PMT_AFTER_NOTE: set_range(mask, PMT_TOKEN_DUR, PMT_TOKEN_DUR + PMT_DURATIONS); break;
  case PMT_AFTER_DUR:
    allow_next(grammar, limits, parts, mask);
    if (grammar->tokens < grammar->tokens_max) { /* a smaller one; 192 + 192 is the one equal pair */
      const uint32_t largest = grammar->duration == PMT_DURATIONS - 1;
      set_range(mask, PMT_TOKEN_DUR, PMT_TOKEN_DUR + grammar->duration + largest);
    }
    break;
  case PMT_AFTER_END: break;
  }
}

bool pmt_grammar_accept(PmtGrammar* const grammar, const PmtLimits* const limits, const uint32_t parts,
                        const PmtToken token) {
  uint64_t mask[PMT_MASK_WORDS];
  pmt_grammar_mask(grammar, limits, parts, mask);
  if (token >= PMT_VOCAB_MAX || !(mask[token / 64] >> (token % 64) & 1)) {
    return false;
  }
  ++grammar->tokens;
  switch (pmt_token_class(token)) {
  case PMT_CLASS_SLOT: grammar->state = PMT_AFTER_BOS; break; /* ended: nothing but begin_slot goes on */
  case PMT_CLASS_POS:
    grammar->pos = (uint8_t)(token - PMT_TOKEN_POS + 1);
    grammar->key = 0;
    grammar->state = PMT_AFTER_POS;
    break;
  case PMT_CLASS_VEL:
    grammar->velocity = (uint8_t)(token - PMT_TOKEN_VEL);
    grammar->state = PMT_AFTER_VEL;
    break;
  case PMT_CLASS_ORNAMENT: grammar->state = PMT_AFTER_ORNAMENT; break;
  case PMT_CLASS_NOTE:
    grammar->key = (uint16_t)(pmt_order_key(token) + 1);
    grammar->state = PMT_AFTER_NOTE;
    ++grammar->started;
    break;
  case PMT_CLASS_DRUM:
    grammar->key = (uint16_t)(pmt_order_key(token) + 1);
    grammar->state = PMT_AFTER_COMPLETE;
    break;
  case PMT_CLASS_DUR:
    grammar->duration = (uint8_t)(token - PMT_TOKEN_DUR);
    grammar->state = grammar->state == PMT_AFTER_DUR ? PMT_AFTER_COMPLETE : PMT_AFTER_DUR;
    break;
  case PMT_CLASS_RESERVED:
  case PMT_CLASS_BOS:
  case PMT_CLASS_END: return false; /* never in a mask */
  }
  return true;
}
