/* SPDX-License-Identifier: ISC */
/* The mask of `slot-v1`: a function of a few bytes of state. Above: gen/engine, music/codec. Below: vocab.h.

   Notes are bits by token id: a part is two whole words, so "later in order" is a comparison and one shift.

   Why it cannot dead-end: POS, VEL and ORN are only let through when a note that fits behind them exists (the same
   two questions, any_note() and any_pitched(), are asked before and after), every note can be completed by a DUR, and
   every complete thing can be followed by T_next. Why a slot ends: the order key rises within a position, positions
   rise within a slot, and the token budget is finite. */
#include "music/grammar.h"

#include "music/meter.h"

#include <string.h>

enum { DRUM_ORDER = 1024, DRUM_WORD = 1, NOTE_WORD = PMT_TOKEN_NOTE / 64 };

_Static_assert(PMT_TOKEN_DRUM / 64 == DRUM_WORD && (PMT_TOKEN_DRUM + PMT_DRUMS - 1) / 64 == DRUM_WORD,
               "drums lie in one mask word");
_Static_assert(PMT_MASK_WORDS == NOTE_WORD + 2 * PMT_PARTS_MAX, "a part is two mask words");

/** Bits below n of a 64-bit word, n <= 64. */
static inline uint64_t low_bits(const uint32_t n) { return n < 64 ? (1ull << n) - 1 : ~0ull; }

static inline uint8_t clamp_byte(const uint32_t value) { return value < 255 ? (uint8_t)value : 255; }

static void set_range(uint64_t* const mask, const uint32_t first, const uint32_t end) {
  for (uint32_t token = first; token < end; ++token) {
    mask[token / 64] |= 1ull << (token % 64);
  }
}

void pmt_limits_clear(PmtLimits* const limits) { memset(limits, 0, sizeof *limits); }

void pmt_limits_all(PmtLimits* const limits, const uint32_t parts) {
  pmt_limits_clear(limits);
  set_range(limits->notes, PMT_TOKEN_DRUM, PMT_TOKEN_DRUM + PMT_DRUMS);
  const uint32_t words = 2 * (parts < PMT_PARTS_MAX ? parts : PMT_PARTS_MAX);
  memset(&limits->notes[NOTE_WORD], 0xff, words * sizeof limits->notes[0]);
  limits->ornaments = true;
  limits->velocity = true;
}

uint32_t pmt_order_key(const PmtToken note) {
  return note < PMT_TOKEN_NOTE ? (uint32_t)DRUM_ORDER + note : 128 * pmt_note_part(note) + 127 - pmt_note_pitch(note);
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
  grammar->duration = 0;
  grammar->sounding = clamp_byte(sounding);
  grammar->started = 0;
  grammar->key = 0;
  grammar->tokens = 1;
  grammar->tokens_max =
    (uint16_t)(tokens_max < 1 ? 1 : tokens_max > PMT_SLOT_TOKENS_MAX ? PMT_SLOT_TOKENS_MAX : tokens_max);
}

/** Notes of `limits` whose order key is at least `key`, within `parts`. Word 0 holds no notes. */
static void legal_notes(const PmtLimits* const limits, const uint32_t parts, const uint32_t key,
                        uint64_t* const notes) {
  const uint64_t drums = (low_bits(PMT_DRUMS) << (PMT_TOKEN_DRUM - 64)) & limits->notes[DRUM_WORD];
  notes[0] = 0;
  notes[DRUM_WORD] = key > DRUM_ORDER + 64 ? drums & ~low_bits(key - DRUM_ORDER - 64) : drums;
  const uint32_t part = key / 128;
  const uint32_t pitches = 128 - key % 128; /* within that part: pitches below this number are still to come */
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    uint64_t low = p < parts && p >= part ? ~0ull : 0;
    uint64_t high = low;
    if (p == part) {
      low &= low_bits(pitches < 64 ? pitches : 64);
      high &= low_bits(pitches < 64 ? 0 : pitches - 64);
    }
    notes[NOTE_WORD + 2 * p] = limits->notes[NOTE_WORD + 2 * p] & low;
    notes[NOTE_WORD + 2 * p + 1] = limits->notes[NOTE_WORD + 2 * p + 1] & high;
  }
}

static bool any_pitched(const uint64_t* const notes) {
  uint64_t any = 0;
  for (uint32_t i = NOTE_WORD; i < PMT_MASK_WORDS; ++i) {
    any |= notes[i];
  }
  return any != 0;
}

static bool any_note(const uint64_t* const notes) { return notes[DRUM_WORD] || any_pitched(notes); }

static bool budget_left(const PmtGrammar* const g) { return g->tokens < g->tokens_max; }

static bool polyphony_left(const PmtGrammar* const g, const PmtLimits* const limits) {
  return limits->polyphony == 0 || (uint32_t)g->sounding + g->started < limits->polyphony;
}

/** What may begin a note at this position: the note itself and, while the budget lasts, what comes before one. */
static void mask_note_start(const PmtGrammar* const g, const PmtLimits* const limits, const uint32_t parts,
                            uint64_t* const mask) {
  uint64_t notes[PMT_MASK_WORDS];
  legal_notes(limits, parts, g->key, notes);
  for (uint32_t i = DRUM_WORD; i < PMT_MASK_WORDS; ++i) {
    mask[i] |= notes[i];
  }
  if (!budget_left(g)) {
    return;
  }
  if (limits->ornaments && any_pitched(notes)) {
    set_range(mask, PMT_TOKEN_TRILL, PMT_TOKEN_GRACE + 1);
  }
  if (limits->velocity && g->state != PMT_AFTER_VEL && any_note(notes)) {
    set_range(mask, PMT_TOKEN_VEL, PMT_TOKEN_VEL + g->velocity);
    set_range(mask, PMT_TOKEN_VEL + g->velocity + 1u, PMT_TOKEN_VEL + PMT_VELOCITIES);
  }
}

/** After something complete: end the slot, another note here, or a later position. */
static void mask_complete(const PmtGrammar* const g, const PmtLimits* const limits, const uint32_t parts,
                          uint64_t* const mask) {
  set_range(mask, pmt_token_slot(g->k_next), pmt_token_slot(g->k_next) + 1u);
  if (!budget_left(g) || !polyphony_left(g, limits)) {
    return;
  }
  mask_note_start(g, limits, parts, mask);
  uint64_t later[PMT_MASK_WORDS];
  legal_notes(limits, parts, 0, later);
  if (any_note(later)) {
    set_range(mask, PMT_TOKEN_POS + g->pos, PMT_TOKEN_POS + g->length - 1u);
  }
}

void pmt_grammar_mask(const PmtGrammar* const g, const PmtLimits* const limits, const uint32_t parts,
                      uint64_t mask[PMT_MASK_WORDS]) {
  memset(mask, 0, PMT_MASK_WORDS * sizeof *mask);
  switch (g->state) {
  case PMT_AFTER_POS:
  case PMT_AFTER_VEL: mask_note_start(g, limits, parts, mask); break;
  case PMT_AFTER_ORNAMENT:
    legal_notes(limits, parts, g->key, mask);
    mask[DRUM_WORD] = 0;
    break;
  case PMT_AFTER_NOTE: set_range(mask, PMT_TOKEN_DUR, PMT_TOKEN_DUR + PMT_DURATIONS); break;
  case PMT_AFTER_DUR:
    mask_complete(g, limits, parts, mask);
    if (budget_left(g)) { /* a smaller one; 192 + 192 is the one equal pair */
      set_range(mask, PMT_TOKEN_DUR, PMT_TOKEN_DUR + g->duration + (g->duration == PMT_DURATIONS - 1));
    }
    break;
  case PMT_AFTER_SLOT:
  case PMT_AFTER_COMPLETE: mask_complete(g, limits, parts, mask); break;
  default: break; /* between slots, or after END */
  }
}

bool pmt_grammar_accept(PmtGrammar* const g, const PmtLimits* const limits, const uint32_t parts,
                        const PmtToken token) {
  uint64_t mask[PMT_MASK_WORDS];
  pmt_grammar_mask(g, limits, parts, mask);
  if (token >= PMT_VOCAB_MAX || !(mask[token / 64] >> (token % 64) & 1)) {
    return false;
  }
  ++g->tokens;
  switch (pmt_token_class(token)) {
  case PMT_CLASS_POS:
    g->state = PMT_AFTER_POS;
    g->pos = (uint8_t)(token - PMT_TOKEN_POS + 1);
    g->key = 0;
    break;
  case PMT_CLASS_VEL:
    g->state = PMT_AFTER_VEL;
    g->velocity = (uint8_t)(token - PMT_TOKEN_VEL);
    break;
  case PMT_CLASS_ORNAMENT: g->state = PMT_AFTER_ORNAMENT; break;
  case PMT_CLASS_NOTE:
  case PMT_CLASS_DRUM:
    g->state = token < PMT_TOKEN_NOTE ? PMT_AFTER_COMPLETE : PMT_AFTER_NOTE;
    g->key = (uint16_t)(1 + pmt_order_key(token));
    g->started = clamp_byte(g->started + 1u);
    break;
  case PMT_CLASS_DUR:
    g->state = g->state == PMT_AFTER_NOTE ? PMT_AFTER_DUR : PMT_AFTER_COMPLETE;
    g->duration = (uint8_t)(token - PMT_TOKEN_DUR);
    break;
  default: g->state = PMT_AFTER_BOS; break; /* T_next */
  }
  return true;
}
