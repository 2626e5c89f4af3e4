/* SPDX-License-Identifier: ISC */
/* What a player played, written down: where notes come to lie, how long they are, and that whatever is read of them the
   grammar takes. */
#include "check.h"

#include "base/random.h"
#include "gen/dictation.h"
#include "music/grammar.h"

#include <string.h>

enum { BAR = 96, SLOT = 12, PARTS = 4 };

static PmtDictation d;

static const PmtReading plain = {.part = 1, .pitch_lo = 36, .pitch_hi = 84, .pitched = true, .drums = true,
                                 .velocities = true, .now = 1e6};

static PmtPlace place_at(const int64_t start, const uint32_t bar_ticks) {
  const int64_t bar = start / bar_ticks, in_bar = start % bar_ticks;
  const int64_t left = bar_ticks - in_bar;
  return (PmtPlace){.bar = bar, .index = (uint32_t)(in_bar / SLOT), .length = left < SLOT ? (uint32_t)left : SLOT,
                    .bar_ticks = bar_ticks, .start = start};
}

/** Slots from tick 0 to `end`, in bars of 4/4. */
static void begin_slots(const uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    const PmtPlace place = place_at((int64_t)d.n_slots * SLOT, BAR);
    pmt_dictation_begin_slot(&d, &place);
  }
}

static void begin(const uint32_t n_slots) {
  pmt_dictation_reset(&d);
  begin_slots(n_slots);
}

/** What is read of a slot is `expected`, its T aside. */
static void check_read(const uint64_t slot, const PmtReading* const r, const PmtToken* const expected,
                       const uint32_t n) {
  PmtToken token[PMT_DICTATION_TOKENS];
  uint8_t velocity = PMT_VELOCITY_START;
  const uint32_t read = pmt_dictation_read(&d, slot, r, &velocity, token);
  CHECKF(read == n + 1, "slot %d: %u tokens, not %u", (int)slot, read, n + 1);
  CHECK(token[0] == pmt_token_slot(pmt_dictation_place(&d, slot)->index % 24));
  for (uint32_t i = 0; i < n; ++i) {
    CHECKF(token[1 + i] == expected[i], "slot %d, token %u: %u, not %u", (int)slot, i, token[1 + i], expected[i]);
  }
}

static PmtToken dur(const uint32_t ticks) {
  uint32_t index[2];
  CHECK(pmt_duration_split(ticks, index) == 1 && pmt_duration_ticks[index[0]] == ticks);
  return (PmtToken)(PMT_TOKEN_DUR + index[0]);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/** Beginnings go to the nearest 16th or triplet eighth; the last of a slot to the next one's head. */
static void test_quantised(void) {
  static const struct { double tick; uint32_t slot, pos; } cases[] = {
      {0.0, 0, 0}, {1.99, 0, 0}, {2.0, 0, 4}, {4.99, 0, 4}, {5.0, 0, 6}, {6.99, 0, 6}, {7.0, 0, 8}, {9.99, 0, 8},
      {10.0, 1, 0}, {11.99, 1, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    begin(1);
    pmt_dictation_press(&d, cases[i].tick, 60, 80, false);
    pmt_dictation_release(&d, cases[i].tick + 6.0, 60);
    begin_slots(1);
    PmtToken expected[3];
    uint32_t n = 0;
    if (cases[i].pos) {
      expected[n++] = pmt_token_pos(cases[i].pos);
    }
    expected[n++] = pmt_token_note(1, 60);
    expected[n++] = dur(6);
    check_read(cases[i].slot, &plain, expected, n);
    check_read(1 - cases[i].slot, &plain, NULL, 0);
  }
}

/** The last slot of a bar may be short: half an eighth in 7/16. Nothing lies beyond its end. */
static void test_short_slot(void) {
  for (uint32_t length = 1; length < SLOT; ++length) {
    const uint32_t bar_ticks = 3 * SLOT + length;
    pmt_dictation_reset(&d);
    for (int64_t start = 0; start < (int64_t)bar_ticks; start += SLOT) {
      const PmtPlace place = place_at(start, bar_ticks);
      pmt_dictation_begin_slot(&d, &place);
    }
    for (double tick = 3.0 * SLOT; tick < (double)bar_ticks; tick += 0.25) {
      pmt_dictation_press(&d, tick, 60, 80, false);
      const PmtDictated* const note = &d.note[(d.n_notes - 1) % PMT_DICTATION_NOTES];
      CHECK((note->slot == 3 && note->pos < length) || (note->slot == 4 && note->pos == 0));
    }
  }
}

static void test_lengths(void) {
  static const struct { double ticks; uint32_t read; } cases[] = {{0.0, 1},   {0.4, 1},   {1.5, 2},  {6.2, 6},
                                                                  {11.6, 12}, {24.0, 24}, {96.2, 96}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    begin(1);
    pmt_dictation_press(&d, 0.0, 60, 80, false);
    pmt_dictation_release(&d, cases[i].ticks, 60);
    const PmtToken expected[] = {pmt_token_note(1, 60), dur(cases[i].read)};
    check_read(0, &plain, expected, 2);
  }
}

/** Held: as long as it is by now. Held for ever: as long as there is a token for. Cut: as long as it was then. */
static void test_held(void) {
  begin(1);
  pmt_dictation_press(&d, 0.0, 60, 80, false);
  CHECK(!pmt_dictation_settled(&d, 0, 24.0) && pmt_dictation_settled(&d, 0, 96.0));
  PmtReading r = plain;
  r.now = 24.0;
  const PmtToken two[] = {pmt_token_note(1, 60), dur(24)};
  check_read(0, &r, two, 2);
  r.now = 1e5;
  const PmtToken ever[] = {pmt_token_note(1, 60), dur(192), dur(192)};
  check_read(0, &r, ever, 3);
  pmt_dictation_cut(&d, 48.0); /* ticks begin anew */
  CHECK(pmt_dictation_settled(&d, 0, 0.0));
  r.now = 1.0;
  const PmtToken cut[] = {pmt_token_note(1, 60), dur(48)};
  check_read(0, &r, cut, 2);
  pmt_dictation_release(&d, 2.0, 60); /* its key comes up in another count of ticks: nothing */
  check_read(0, &r, cut, 2);
}

/** A key that goes down twice ends its note; an end without a beginning is nothing; a drum ends no note of its
    number. */
static void test_pairs(void) {
  begin(3);
  pmt_dictation_release(&d, 24.0, 60);
  CHECK(d.n_notes == 0);
  pmt_dictation_press(&d, 24.0, 60, 80, false);
  pmt_dictation_press(&d, 30.0, 60, 80, false);
  pmt_dictation_release(&d, 36.0, 60);
  const PmtToken twice[] = {pmt_token_note(1, 60), dur(6), pmt_token_pos(6), pmt_token_note(1, 60), dur(6)};
  check_read(2, &plain, twice, 5);
  begin(1);
  pmt_dictation_press(&d, 0.0, 36, 80, false);
  pmt_dictation_press(&d, 4.0, 36, 80, true);
  pmt_dictation_release(&d, 24.0, 36);
  const PmtToken both[] = {pmt_token_note(1, 36), dur(24), pmt_token_pos(4), pmt_token_drum(36)};
  check_read(0, &plain, both, 4);
  pmt_dictation_reset(&d);
  pmt_dictation_press(&d, 0.0, 60, 80, false); /* before any slot */
  CHECK(d.n_notes == 0 && !pmt_dictation_place(&d, 0));
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/** Only what there are tokens for; by the grammar's order; octaves moved; the same not twice; a chord's first
    sixteen. */
static void test_reading(void) {
  begin(1);
  pmt_dictation_press(&d, 0.0, 60, 127, false);
  pmt_dictation_press(&d, 0.1, 64, 127, false);
  pmt_dictation_press(&d, 0.2, 38, 20, true);
  pmt_dictation_press(&d, 0.3, 20, 127, false);  /* moved to 44 */
  pmt_dictation_press(&d, 0.4, 127, 127, false); /* ... to 79 */
  pmt_dictation_press(&d, 0.5, 72, 127, false);
  pmt_dictation_press(&d, 0.6, 84, 127, false);
  pmt_dictation_press(&d, 0.7, 96, 127, false);  /* ... to 84, which is there */
  pmt_dictation_press(&d, 0.8, 82, 80, true);    /* no such drum */
  pmt_dictation_cut(&d, 12.4);
  PmtReading r = plain;
  r.velocities = r.drums = false;
  const PmtToken notes[] = {pmt_token_note(1, 84), dur(12), pmt_token_note(1, 79), dur(12), pmt_token_note(1, 72),
                            dur(12),               pmt_token_note(1, 64), dur(12), pmt_token_note(1, 60), dur(12),
                            pmt_token_note(1, 44), dur(12)};
  check_read(0, &r, notes, 12);
  r.drums = true;
  r.velocities = true;
  r.pitched = false;
  const PmtToken drum[] = {pmt_token_vel(pmt_velocity_bin(20)), pmt_token_drum(38)};
  check_read(0, &r, drum, 2);
  r = plain;
  r.pitch_lo = 61;
  r.pitch_hi = 63; /* no octave of most of them fits: they are left out */
  r.drums = false;
  check_read(0, &r, NULL, 0);
  PmtToken token[PMT_DICTATION_TOKENS];
  uint8_t velocity = 3;
  CHECK(pmt_dictation_read(&d, 1, &plain, &velocity, token) == 0 && velocity == 3);
}

static void test_questions(void) {
  uint8_t lo, hi;
  begin(4);
  CHECK(!pmt_dictation_any(&d, 0, 4) && pmt_dictation_first(&d, 0) == 4 && !pmt_dictation_reach(&d, 0, 4, &lo, &hi));
  pmt_dictation_press(&d, 36.0, 36, 80, true);
  CHECK(pmt_dictation_any(&d, 3, 4) && !pmt_dictation_any(&d, 0, 3) && !pmt_dictation_reach(&d, 0, 4, &lo, &hi));
  pmt_dictation_press(&d, 37.0, 50, 80, false);
  begin_slots(1);
  pmt_dictation_press(&d, 48.0, 70, 80, false);
  CHECK(pmt_dictation_first(&d, 0) == 3 && pmt_dictation_first(&d, 4) == 4 && pmt_dictation_first(&d, 5) == 5);
  CHECK(pmt_dictation_reach(&d, 0, 5, &lo, &hi) && lo == 50 && hi == 70);
  CHECK(pmt_dictation_reach(&d, 0, 4, &lo, &hi) && lo == 50 && hi == 50);
}

/** Whole bars that end where the slot being written begins, from the first in which there is anything. */
static void test_last_bars(void) {
  begin(0);
  CHECK(pmt_dictation_last_bars(&d, 8) == 0);
  begin(33); /* four bars, and the fifth has begun */
  CHECK(pmt_dictation_last_bars(&d, 8) == 33);
  begin(9);
  pmt_dictation_press(&d, 97.0, 60, 80, false);
  begin_slots(24); /* slot 32 is being written: bar 1 had a note */
  CHECK(pmt_dictation_last_bars(&d, 8) == 8 && pmt_dictation_last_bars(&d, 3) == 8);
  CHECK(pmt_dictation_last_bars(&d, 2) == 33);
  begin(33);
  pmt_dictation_press(&d, 385.0, 60, 80, false); /* in the slot that is being written: not yet */
  CHECK(pmt_dictation_last_bars(&d, 8) == 33);
}

/* ---- Rings ------------------------------------------------------------------------------------------------------- */

static void test_slots_wrap(void) {
  begin(PMT_DICTATION_SLOTS + 10);
  CHECK(!pmt_dictation_place(&d, 9) && pmt_dictation_place(&d, 10) && !pmt_dictation_place(&d, d.n_slots));
  CHECK(pmt_dictation_place(&d, 10)->start == 120);
  PmtToken token[PMT_DICTATION_TOKENS];
  uint8_t velocity = 4;
  CHECK(pmt_dictation_read(&d, 9, &plain, &velocity, token) == 0);
  CHECK(pmt_dictation_read(&d, 10, &plain, &velocity, token) == 1);
  CHECK(pmt_dictation_last_bars(&d, 100) == d.n_slots);
}

/** More notes than are kept: the old ones are gone, the new ones whole. */
static void test_notes_wrap(void) {
  begin(1);
  for (uint32_t i = 0; i < PMT_DICTATION_NOTES + 100; ++i) {
    pmt_dictation_press(&d, 0.001 * i, 40 + i % 40, 80, false);
  }
  begin_slots(1);
  pmt_dictation_press(&d, 12.0, 60, 80, false);
  pmt_dictation_release(&d, 18.0, 60);
  const PmtToken one[] = {pmt_token_note(1, 60), dur(6)};
  check_read(1, &plain, one, 2);
  CHECK(pmt_dictation_first(&d, 0) == 0);
  for (uint32_t i = 0; i < 2 * PMT_DICTATION_NOTES; ++i) {
    pmt_dictation_press(&d, 13.0, 40 + i % 40, 80, false);
  }
  CHECK(pmt_dictation_first(&d, 0) == 1); /* slot 0's have been written over */
  check_read(0, &plain, NULL, 0);
}

/* ---- Anything ---------------------------------------------------------------------------------------------------- */

/** Read slot after slot, as the engine does: each token is one that the grammar takes, the next T too. */
static void check_accepted(const PmtReading* const r) {
  PmtGrammar g;
  PmtLimits all;
  PmtToken token[PMT_DICTATION_TOKENS];
  pmt_grammar_reset(&g);
  pmt_limits_all(&all, PARTS);
  uint8_t velocity = g.velocity;
  const uint64_t first = d.n_slots > PMT_DICTATION_SLOTS ? d.n_slots - PMT_DICTATION_SLOTS : 0;
  for (uint64_t slot = first; slot < d.n_slots; ++slot) {
    const PmtPlace* const place = pmt_dictation_place(&d, slot);
    const uint32_t n = pmt_dictation_read(&d, slot, r, &velocity, token);
    CHECK(n >= 1 && n <= PMT_DICTATION_TOKENS && token[0] == pmt_token_slot(place->index % 24));
    pmt_grammar_begin_slot(&g, place->index % 24, place->length, 0, 0, PMT_SLOT_TOKENS_MAX);
    for (uint32_t i = 1; i < n; ++i) {
      CHECKF(pmt_grammar_accept(&g, &all, PARTS, token[i]), "slot %d, token %u of %u: %u", (int)slot, i, n, token[i]);
    }
    CHECK(pmt_grammar_accept(&g, &all, PARTS, pmt_token_slot(0)) && g.velocity == velocity);
  }
}

static uint64_t n_rolled;
static uint32_t dice(const uint32_t sides) { return (uint32_t)(pmt_random_bits(1, 2, n_rolled++) % sides); }

static void test_anything(void) {
  for (uint32_t song = 0; song < 400; ++song) {
    PmtReading r = {.part = dice(PARTS), .pitch_lo = (uint8_t)dice(100)};
    r.pitched = dice(8) > 0;
    r.drums = dice(2) > 0;
    r.velocities = dice(4) > 0;
    r.pitch_hi = (uint8_t)(r.pitch_lo + dice(128u - r.pitch_lo));
    const uint32_t bar_ticks = 1 + dice(120), crowd = 1 + dice(40);
    int64_t start = 0;
    pmt_dictation_reset(&d);
    for (uint32_t slot = 0; slot < 40; ++slot) {
      const PmtPlace place = place_at(start, bar_ticks);
      pmt_dictation_begin_slot(&d, &place);
      double tick = (double)start;
      for (uint32_t i = 0; i < crowd; ++i) {
        tick += 2.0 * (double)place.length / crowd * pmt_random_unit(1, 3, n_rolled++);
        tick = tick < (double)(start + place.length) ? tick : (double)(start + place.length) - 1e-6;
        switch (dice(4)) {
        case 0: pmt_dictation_release(&d, tick, dice(128)); break;
        case 1: pmt_dictation_press(&d, tick, dice(128), 1 + dice(127), true); break;
        default: pmt_dictation_press(&d, tick, dice(128), 1 + dice(127), false); break;
        }
      }
      start += place.length;
      if (!dice(30)) {
        pmt_dictation_cut(&d, (double)start);
        start = dice(1000);
      }
    }
    r.now = (double)start;
    check_accepted(&r);
  }
}

/** Chords at every position with another velocity each: the longest that can be said. */
static void test_longest(void) {
  begin(1);
  for (uint32_t i = 0; i < 16; ++i) {
    pmt_dictation_press(&d, 0.0 + 2.0 * (i / 4), 83 - i, 1 + 126 * (i % 2), false);
  }
  pmt_dictation_cut(&d, 340.0); /* two tokens of length each */
  check_accepted(&plain);
}

int main(void) {
  test_quantised();
  test_short_slot();
  test_lengths();
  test_held();
  test_pairs();
  test_reading();
  test_questions();
  test_last_bars();
  test_slots_wrap();
  test_notes_wrap();
  test_longest();
  test_anything();
  return 0;
}
