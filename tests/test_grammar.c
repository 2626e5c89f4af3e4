/* SPDX-License-Identifier: ISC */
/* The grammar never dead-ends, ends every slot, and accepts exactly what its mask allows. */
#include "base/random.h"
#include "check.h"
#include "music/grammar.h"
#include "music/meter.h"

#include <string.h>

typedef struct { uint64_t key, n; } Dice;
static uint32_t roll(Dice* const d, const uint32_t sides) {
  return (uint32_t)(pmt_random_bits(d->key, 1, d->n++) % sides);
}

static bool has(const uint64_t* const mask, const PmtToken t) { return mask[t / 64] >> (t % 64) & 1; }

static bool is_note(const PmtToken t) {
  const PmtTokenClass c = pmt_token_class(t);
  return c == PMT_CLASS_NOTE || c == PMT_CLASS_DRUM;
}

static uint32_t list(const uint64_t* const mask, PmtToken* const tokens) {
  uint32_t n = 0;
  for (uint32_t t = 0; t < PMT_VOCAB_MAX; ++t) {
    if (has(mask, (PmtToken)t)) {
      tokens[n++] = (PmtToken)t;
    }
  }
  return n;
}

/** Every kind of narrow limits: nothing, one note, drums only, one part, a random sieve, everything. */
static void random_limits(Dice* const d, PmtLimits* const limits, const uint32_t parts) {
  pmt_limits_clear(limits);
  switch (roll(d, 6)) {
  case 0: break;
  case 1: pmt_limits_set(limits, pmt_token_note(roll(d, parts), roll(d, 128)), true); break;
  case 2:
    for (uint32_t i = 0; i < 4; ++i) {
      pmt_limits_set(limits, pmt_token_drum(PMT_DRUM_LO + roll(d, PMT_DRUMS)), true);
    }
    break;
  case 3:
    pmt_limits_all(limits, parts);
    for (uint32_t t = 0; t < PMT_VOCAB_MAX; ++t) {
      if (roll(d, 3)) {
        pmt_limits_set(limits, (PmtToken)t, false);
      }
    }
    break;
  default: pmt_limits_all(limits, parts);
  }
  limits->ornaments = roll(d, 2);
  limits->velocity = roll(d, 2);
  limits->polyphony = roll(d, 3) ? 0 : (uint8_t)roll(d, 12);
}

static bool some_note(const PmtLimits* const limits, const uint32_t parts, const uint32_t key, const bool pitched) {
  for (uint32_t t = PMT_TOKEN_DRUM; t < pmt_vocab_size(parts); ++t) {
    if (is_note((PmtToken)t) && pmt_limits_has(limits, (PmtToken)t) && 1 + pmt_order_key((PmtToken)t) > key &&
        !(pitched && t < PMT_TOKEN_NOTE)) {
      return true;
    }
  }
  return false;
}

/** The table of docs/model.md once more, token by token: what the bit-parallel mask is compared with. */
static bool allowed(const PmtGrammar* const g, const PmtLimits* const l, const uint32_t parts, const PmtToken t) {
  const PmtTokenClass c = pmt_token_class(t);
  const bool spare = g->tokens < g->tokens_max;
  const bool room = !l->polyphony || g->sounding + g->started < l->polyphony;
  const bool complete = g->state == PMT_AFTER_SLOT || g->state == PMT_AFTER_DUR || g->state == PMT_AFTER_COMPLETE;
  const bool opened = g->state == PMT_AFTER_POS || g->state == PMT_AFTER_VEL;
  if (t >= pmt_vocab_size(parts)) {
    return false;
  }
  switch (c) {
  case PMT_CLASS_SLOT: return complete && t == pmt_token_slot(g->k_next);
  case PMT_CLASS_POS:
    return complete && spare && room && t - PMT_TOKEN_POS + 1 > g->pos && t - PMT_TOKEN_POS + 1 < g->length &&
           some_note(l, parts, 0, false);
  case PMT_CLASS_VEL:
    return ((complete && room) || g->state == PMT_AFTER_POS) && spare && l->velocity &&
           t - PMT_TOKEN_VEL != g->velocity && some_note(l, parts, g->key, false);
  case PMT_CLASS_ORNAMENT:
    return ((complete && room) || opened) && spare && l->ornaments && some_note(l, parts, g->key, true);
  case PMT_CLASS_DRUM:
  case PMT_CLASS_NOTE:
    return ((complete && room && spare) || opened || (g->state == PMT_AFTER_ORNAMENT && c == PMT_CLASS_NOTE)) &&
           pmt_limits_has(l, t) && 1 + pmt_order_key(t) > g->key;
  case PMT_CLASS_DUR:
    return g->state == PMT_AFTER_NOTE ||
           (g->state == PMT_AFTER_DUR && spare &&
            (t - PMT_TOKEN_DUR < g->duration || (t == PMT_TOKEN_DUR + 23 && g->duration == 23)));
  default: return false;
  }
}

static void check_mask(const PmtGrammar* const g, const PmtLimits* const limits, const uint32_t parts) {
  uint64_t mask[PMT_MASK_WORDS];
  pmt_grammar_mask(g, limits, parts, mask);
  for (uint32_t t = 0; t < PMT_VOCAB_MAX; ++t) {
    CHECKF(has(mask, (PmtToken)t) == allowed(g, limits, parts, (PmtToken)t), "token %u in state %d", t, g->state);
    PmtGrammar copy = *g;
    CHECK(pmt_grammar_accept(&copy, limits, parts, (PmtToken)t) == has(mask, (PmtToken)t));
    if (!has(mask, (PmtToken)t)) {
      CHECK(!memcmp(&copy, g, sizeof copy));
    }
  }
  PmtGrammar copy = *g;
  CHECK(!pmt_grammar_accept(&copy, limits, parts, 0xffff) && !pmt_grammar_accept(&copy, limits, parts, PMT_END));
}

/** One slot by uniform choice among the allowed. `greedy`: T_next only when nothing else is left. */
static void walk_slot(Dice* const d, PmtGrammar* const g, const uint32_t parts, const bool greedy, const bool brute) {
  PmtLimits limits;
  random_limits(d, &limits, parts);
  const uint32_t k_next = roll(d, PMT_SLOTS_MAX);
  pmt_grammar_begin_slot(g, roll(d, PMT_SLOTS_MAX), 1 + roll(d, 12), k_next, roll(d, 6), roll(d, 60));
  uint32_t key = 0, pos = 0, steps = 0;
  for (;; ++steps) {
    CHECK(steps <= PMT_SLOT_STEPS_MAX);
    if (brute) {
      check_mask(g, &limits, parts);
    }
    uint64_t mask[PMT_MASK_WORDS];
    PmtToken tokens[PMT_VOCAB_MAX];
    pmt_grammar_mask(g, &limits, parts, mask);
    if (greedy) {
      const uint64_t save = mask[pmt_token_slot(k_next) / 64];
      mask[0] &= ~(1ull << pmt_token_slot(k_next));
      if (!list(mask, tokens)) {
        mask[0] = save;
      }
    }
    const uint32_t n = list(mask, tokens);
    CHECKF(n > 0, "dead end in state %d", g->state);
    const PmtToken t = tokens[roll(d, n)];
    CHECK(pmt_grammar_accept(g, &limits, parts, t));
    if (pmt_token_class(t) == PMT_CLASS_SLOT) {
      break;
    }
    if (pmt_token_class(t) == PMT_CLASS_POS) {
      CHECK((uint32_t)(t - PMT_TOKEN_POS + 1) > pos && t - PMT_TOKEN_POS + 1 < g->length);
      pos = t - PMT_TOKEN_POS + 1u;
      key = 0;
    }
    if (is_note(t)) {
      CHECK(1 + pmt_order_key(t) > key);
      key = 1 + pmt_order_key(t);
    }
  }
  CHECK(steps < PMT_SLOT_STEPS_MAX);
  uint64_t mask[PMT_MASK_WORDS];
  PmtToken tokens[PMT_VOCAB_MAX];
  pmt_grammar_mask(g, &limits, parts, mask);
  CHECK(!list(mask, tokens));
}

static void test_walks(void) {
  Dice d = {.key = 3};
  for (uint32_t i = 0; i < 4000; ++i) {
    const uint32_t parts = 1 + roll(&d, PMT_PARTS_MAX);
    PmtGrammar g;
    pmt_grammar_reset(&g);
    const bool brute = i < 40;
    for (uint32_t slot = 0; slot < 4; ++slot) {
      walk_slot(&d, &g, parts, roll(&d, 2), brute);
    }
  }
}

static void test_examples(void) {
  PmtLimits all;
  pmt_limits_all(&all, 4);
  PmtGrammar g;
  pmt_grammar_reset(&g);
  CHECK(!pmt_grammar_accept(&g, &all, 4, pmt_token_slot(0)));
  pmt_grammar_begin_slot(&g, 0, 12, 1, 0, 48);
  const PmtToken good[] = {pmt_token_vel(6),
                           pmt_token_note(0, 67),
                           47 + 16,
                           47 + 12,
                           pmt_token_note(0, 60),
                           47 + 23,
                           47 + 23,
                           pmt_token_note(3, 100),
                           47,
                           pmt_token_drum(35),
                           pmt_token_drum(42),
                           pmt_token_pos(6),
                           PMT_TOKEN_TRILL,
                           pmt_token_note(1, 60),
                           47 + 4,
                           pmt_token_slot(1)};
  for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
    CHECKF(pmt_grammar_accept(&g, &all, 4, good[i]), "token %zu", i);
  }
  CHECK(g.velocity == 6 && g.started == 6);
  pmt_grammar_begin_slot(&g, 1, 12, 2, 0, 48);
  CHECK(!pmt_grammar_accept(&g, &all, 4, pmt_token_vel(6))); /* in force across slots */
  CHECK(!pmt_grammar_accept(&g, &all, 4, pmt_token_slot(1)));
  CHECK(pmt_grammar_accept(&g, &all, 4, pmt_token_note(1, 60)) && pmt_grammar_accept(&g, &all, 4, 47));
  CHECK(!pmt_grammar_accept(&g, &all, 4, pmt_token_note(1, 60))); /* no doubled note */
  CHECK(!pmt_grammar_accept(&g, &all, 4, pmt_token_note(1, 61)) &&
        !pmt_grammar_accept(&g, &all, 4, pmt_token_note(0, 10)));
  CHECK(!pmt_grammar_accept(&g, &all, 4, pmt_token_note(4, 10)));
  pmt_grammar_begin_slot(&g, 1, 6, 2, 0, 48);
  CHECK(!pmt_grammar_accept(&g, &all, 4, pmt_token_pos(6)) && pmt_grammar_accept(&g, &all, 4, pmt_token_pos(5)));
}

static void test_limits(void) {
  PmtLimits l;
  pmt_limits_all(&l, 2);
  for (uint32_t t = 0; t < PMT_VOCAB_MAX; ++t) {
    CHECK(pmt_limits_has(&l, (PmtToken)t) == (is_note((PmtToken)t) && t < pmt_vocab_size(2)));
  }
  CHECK(pmt_order_key(pmt_token_note(0, 127)) == 0 && pmt_order_key(pmt_token_note(7, 0)) == 1023);
  CHECK(pmt_order_key(pmt_token_drum(35)) == 1024 + 71);
}

int main(void) {
  test_limits();
  test_examples();
  test_walks();
  return 0;
}
