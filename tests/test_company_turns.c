/* SPDX-License-Identifier: ISC */
/* The engine in company: who plays when. Answers, rests, the count-in, a run that begins with the first note; and what
   is learnt of what somebody played.
   A tick is 1000 frames, a slot 12000, a bar 96000. docs/live.md says what is promised. */
#include "check.h"

#include "support/duet.h"

/* ---- Answer ------------------------------------------------------------------------------------------------------ */

static void test_turns(void) {
  for (uint64_t bars = 1; bars <= 8; bars *= 2) {
    PmtControls c = pmt_duet_mode(PMT_MODE_ANSWER);
    c.turn = (float)bars;
    pmt_script_begin(c, 0);
    pmt_duet_tune(7, 0, 4 * bars); /* in our turns too: that makes no difference */
    PmtMidiList list = pmt_duet_play(&pmt_duet_busy, LEAD + 6 * bars * BAR);
    for (uint64_t turn = 0; turn < 6; ++turn) {
      const uint64_t from = LEAD + turn * bars * BAR;
      const uint32_t n = pmt_script_count_on(&list, from, from + bars * BAR);
      CHECKF(turn % 2 ? n > 0 && pmt_script_count_on(&list, from, from + SLOT) > 0 : n == 0,
             "turns of %d bars: %u notes in turn %d", (int)bars, n, (int)turn);
    }
    for (uint64_t turn = 2; turn < 6; turn += 2) { /* nor does anything sound on into the player's turn */
      const uint32_t sounding = pmt_script_sounding(&list, LEAD + turn * bars * BAR);
      CHECKF(sounding == 0, "turns of %d bars: %u notes sound on", (int)bars, sounding);
    }
    pmt_midi_list_free(&list);
  }
}

/** Nobody has played: there is nothing to answer. */
static void test_no_phrase(void) {
  for (uint32_t turn = 0; turn < 3; ++turn) {
    PmtControls c = pmt_duet_mode(PMT_MODE_ANSWER);
    c.turn = (float)turn;
    pmt_script_begin(c, 0);
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 8 * BAR);
    CHECK(pmt_script_count_on(&list, 0, UINT64_MAX) == 0 && pmt_duet_stats.slots >= 63);
    pmt_midi_list_free(&list);
  }
}

/** They pause for two beats: ours, as long as theirs was, in whole bars; or until they play again, which is their
    phrase then, from its first note on. */
static void test_by_silence(void) {
  PmtControls c = pmt_duet_mode(PMT_MODE_ANSWER);
  c.turn = 0.0f;
  pmt_script_begin(c, 0);
  pmt_duet_tune(8, 1, 3); /* slots 8..23, the last ends within slot 25 */
  PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 12 * BAR);
  const int64_t first = pmt_script_first_on(&list, 0) - LEAD;
  CHECKF(first >= 27 * SLOT && first <= 30 * SLOT && first % SLOT == 0, "answers in slot %d", (int)(first / SLOT));
  const uint64_t end = LEAD + (uint64_t)first + 16 * SLOT;
  pmt_script_check_no_gap(&list, LEAD + (uint64_t)first, end);
  CHECK(pmt_script_count_on(&list, end + SLOT, UINT64_MAX) == 0 ||
        pmt_script_count_on(&list, end + 8 * SLOT, UINT64_MAX) == 0);
  pmt_midi_list_free(&list);

  /* They come in: we stop with the next slot. One note is a phrase too. */
  pmt_script_begin(c, 0);
  pmt_duet_tune(8, 1, 3);
  const uint64_t again = LEAD + (uint64_t)first + 4 * SLOT + 5000;
  pmt_duet_press(again, 3000, 66, 80);
  list = pmt_duet_play(&pmt_duet_restless, LEAD + 12 * BAR);
  CHECK(pmt_script_count_on(&list, LEAD + (uint64_t)first, again) > 0);
  const uint64_t stopped = again + 7000;
  CHECKF(pmt_script_count_on(&list, stopped, stopped + 3 * SLOT) == 0, "%u notes",
         pmt_script_count_on(&list, stopped, stopped + 3 * SLOT));
  CHECKF(pmt_script_count_on(&list, stopped + 3 * SLOT, stopped + 7 * SLOT) > 0,
         "the note that took the turn is never answered");
  pmt_midi_list_free(&list);
}

/** The phrase makes the answer: another phrase, another answer; whatever of it was played when. */
static void test_phrase(void) {
  for (uint32_t slot = 0; slot < 16; slot += 3) {
    PmtMidiList list[2];
    for (uint32_t k = 0; k < 2; ++k) {
      pmt_script_begin(pmt_duet_mode(PMT_MODE_ANSWER), 0);
      for (uint64_t i = 0; i < 16; ++i) {
        const uint8_t key = (uint8_t)(60 + i * 7 % 12 + (k && i == slot ? 1 : 0));
        pmt_duet_press(LEAD + i * SLOT + (i == slot ? 9300 : 0), 400, key,
                       80); /* between when a slot is read and its end */
      }
      list[k] = pmt_duet_play(&pmt_duet_busy, LEAD + 4 * BAR);
    }
    CHECKF(pmt_script_first_difference(&list[0], &list[1]) < UINT64_MAX || slot == 15, "slot %u was not read", slot);
    pmt_midi_list_free(&list[0]);
    pmt_midi_list_free(&list[1]);
  }
}

/** Told to answer after a long time in which they played otherwise: the answer comes in its first slot, and is to what
    they play from then on. */
static void test_late_start(void) {
  static const PmtTinyOptions large = {.listens = true, .note_bias = 3.0f, .slot_bias = -3.0f, .pos_bias = -12.0f,
                                       .d = 192, .h = 384};
  for (uint32_t alone = 0; alone < 2; ++alone) {
    pmt_script_begin(pmt_duet_mode(alone ? PMT_MODE_GENERATE : PMT_MODE_ACCOMPANY), 0);
    pmt_duet_tune(9, 0, 12);
    pmt_script_add(
        pmt_script_set(LEAD + 10 * BAR - SLOT, pmt_duet_mode(PMT_MODE_ANSWER))); /* the player's turn is bars 8 and 9 */
    PmtMidiList list = pmt_duet_play(&large, LEAD + 11 * BAR);
    CHECKF(pmt_script_count_on(&list, LEAD + 10 * BAR, LEAD + 10 * BAR + SLOT) > 0, "silent for %d slots",
           (int)pmt_script_first_on(&list, LEAD + 10 * BAR) / SLOT);
    pmt_midi_list_free(&list);
  }
}

/* ---- Rests ------------------------------------------------------------------------------------------------------- */

static void test_count_in(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    for (uint64_t bars = 1; bars <= 2; ++bars) {
      PmtControls c = pmt_duet_manner(m);
      c.count_in = (float)bars;
      pmt_script_begin(c, 0);
      pmt_duet_tune(10, 0, 15);
      pmt_script_say(LEAD + 6 * BAR, 6 * BAR, 0.0f);
      pmt_script_say(LEAD + 7 * BAR, 20 * BAR, 0.0f);
      pmt_script_say(LEAD + 8 * BAR, 20 * BAR, 1.0f); /* each start is counted in */
      PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 14 * BAR);
      for (uint64_t start = LEAD; start <= LEAD + 8 * BAR; start += 8 * BAR) {
        CHECK(pmt_script_count_on(&list, start, start + bars * BAR) == 0);
        if (c.mode != (float)PMT_MODE_ANSWER) {
          CHECKF(pmt_script_count_on(&list, start + bars * BAR, start + bars * BAR + SLOT) > 0,
                 "manner %u: silent after %d bars", m, (int)bars);
          pmt_script_check_no_gap(&list, start + bars * BAR, start + 6 * BAR);
        }
      }
      pmt_midi_list_free(&list);
    }
  }
}

/** In turns, theirs of one bar and ours of one: a bar of their silence and our turn, and it is over; the note that
    wakes us is their phrase, which is answered. */
static void test_rest_between_turns(void) {
  PmtControls c = pmt_duet_mode(PMT_MODE_ANSWER);
  c.turn = 1.0f;
  c.rest = 1.0f;
  pmt_script_begin(c, 0);
  pmt_duet_press(LEAD, SLOT, 60, 80);
  pmt_duet_press(LEAD + 8 * BAR + 3 * SLOT, SLOT / 2, 60, 80);
  PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 10 * BAR);
  CHECK(pmt_script_count_on(&list, LEAD + BAR, LEAD + 2 * BAR) > 0);
  CHECK(pmt_script_count_on(&list, LEAD + 3 * BAR, LEAD + 9 * BAR) == 0);
  CHECK(pmt_script_count_on(&list, LEAD + 9 * BAR, LEAD + 10 * BAR) > 0);
  pmt_midi_list_free(&list);
}

/** So many bars after their last note we rest too; with their next note we play. */
static void test_rest(void) {
  for (uint32_t m = 1; m < MANNERS; ++m) {
    for (uint64_t bars = 1; bars <= 3; bars += 2) {
      PmtControls c = pmt_duet_manner(m);
      c.rest = (float)bars;
      if (c.mode == (float)PMT_MODE_ANSWER) {
        continue;
      }
      pmt_script_begin(c, 0);
      pmt_duet_press(LEAD - 1000, 4 * SLOT + 1010, 60, 80); /* ends in slot 4 */
      pmt_duet_press(LEAD + 8 * BAR + 3 * SLOT, SLOT / 2, 60, 80);
      PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 9 * BAR);
      const uint64_t still = LEAD + bars * BAR + 4 * SLOT; /* silent for so long with slot 5 + bars * 8 */
      pmt_script_check_no_gap(&list, LEAD, still);
      CHECKF(pmt_script_count_on(&list, still + 2 * SLOT, LEAD + 8 * BAR + 3 * SLOT) == 0, "manner %u plays on", m);
      CHECK(pmt_script_count_on(&list, LEAD + 8 * BAR + 3 * SLOT, LEAD + 8 * BAR + 5 * SLOT) > 0);
      CHECK(pmt_duet_stats.doing == PMT_DOING_PLAYS);
      pmt_midi_list_free(&list);
      pmt_script_begin(c, 0); /* nobody there at all */
      list = pmt_duet_play(&pmt_duet_restless, LEAD + 4 * BAR);
      CHECK(pmt_script_count_on(&list, 0, UINT64_MAX) == 0 && pmt_duet_stats.doing == PMT_DOING_RESTS);
      pmt_midi_list_free(&list);
    }
  }
}

/** Run = when you play: the first note is the first beat, at our tempo; when they have gone we sleep, and wake with the
    next. */
static void test_run_played(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    PmtControls c = pmt_duet_manner(m);
    c.run = (float)PMT_RUN_PLAYED;
    c.rest = 2.0f;
    c.tempo = 60.0f; /* slots of 24000 */
    pmt_script.n = 0;
    pmt_script_add(pmt_script_set(0, c));
    pmt_script_say(0, 0, 0.0f);
    pmt_duet_press(50321, 9000, 64, 90);
    pmt_duet_press(50321 + 24000, 9000, 66, 90);
    pmt_duet_press(50321 + 60 * 24000 + 77, 9000, 64, 90);
    const uint64_t again = 50321 + 60 * 24000 + 77;
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, again + 20 * 24000);
    CHECK(pmt_script_count_on(&list, 0, 50321) == 0);
    const int64_t first = pmt_script_first_on(&list, 50321), second = pmt_script_first_on(&list, again);
    if (c.mode != (float)PMT_MODE_ANSWER) {
      CHECKF(first >= 0 && first <= 4000, "manner %u: %d frames after their first note", m, (int)first);
    }
    if (c.mode == (float)PMT_MODE_ACCOMPANY || c.mode == (float)PMT_MODE_HARMONISE) {
      CHECKF(pmt_script_count_on(&list, 50321 + 20 * 24000, again) == 0, "manner %u does not go to sleep", m);
      CHECKF(second >= 0 && second <= 4000, "manner %u: %d frames after they came back", m, (int)second);
      CHECK(pmt_duet_stats.bar == 2);
    }
    pmt_midi_list_free(&list);

    /* The host rolls: its word counts. It stops: we sleep until they play. */
    pmt_script.n = 0;
    pmt_script_add(pmt_script_set(0, c));
    pmt_script_say(0, 0, 0.0f);
    pmt_script_say(LEAD, 0, 1.0f);
    pmt_script_say(LEAD + 4 * BAR, 4 * BAR, 0.0f);
    pmt_duet_press(LEAD, SLOT, 60, 90);
    pmt_duet_press(LEAD + 6 * BAR + 11, SLOT, 60, 90);
    list = pmt_duet_play(&pmt_duet_restless, LEAD + 7 * BAR);
    if (c.mode != (float)PMT_MODE_ANSWER) {
      CHECK(pmt_script_count_on(&list, LEAD, LEAD + SLOT) > 0 &&
            pmt_script_count_on(&list, LEAD + 6 * BAR + 11, LEAD + 7 * BAR) > 0);
    }
    CHECK(pmt_script_count_on(&list, LEAD + 4 * BAR, LEAD + 6 * BAR) == 0);
    pmt_midi_list_free(&list);
  }
}

/* ---- Learn ------------------------------------------------------------------------------------------------------- */

/** What they played becomes the music so far: other phrases go on otherwise; nothing heard changes nothing; nothing
    changes before the next slot but one. */
static void test_learn(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    PmtMidiList list[5];
    const uint64_t learns = LEAD + 4 * BAR + 100;
    for (uint32_t i = 0; i < 5; ++i) { /* 0, 1 phrases learnt; 2 not learnt; 3 nothing heard, learnt; 4 nor learnt */
      pmt_script_begin(pmt_duet_manner(m), 0);
      for (uint64_t slot = 0; slot < 32 && i < 3; ++slot) {
        const uint8_t key = (uint8_t)(60 + (slot * 5 + (i == 1 && slot > 2 && slot < 8 ? 3 : 0)) % 12);
        pmt_duet_press(LEAD + slot * SLOT, SLOT / 2, key, 80);
      }
      if (i != 2 && i != 4) {
        pmt_script_add((PmtScriptEvent){.frame = learns, .kind = PMT_SCRIPT_LEARN, .bars = i ? 8 : 100});
      }
      list[i] = pmt_duet_play(&pmt_duet_restless, LEAD + 8 * BAR);
    }
    const uint64_t learnt = pmt_script_first_difference(&list[0], &list[2]);
    CHECKF(m == BY_SILENCE || learnt >= learns, "manner %u: %d frames before", m, (int)(learns - learnt));
    CHECKF(m == BY_SILENCE ||
               learnt <= learns + (pmt_duet_manner(m).mode == (float)PMT_MODE_ANSWER ? 2 * BAR + SLOT : 3 * SLOT),
           "manner %u: %d", m, (int)(learnt - learns));
    if (pmt_duet_manner(m).mode == (float)PMT_MODE_GENERATE) { /* elsewhere the phrase itself was heard as well */
      const uint64_t other = pmt_script_first_difference(&list[0], &list[1]);
      CHECKF(other >= learns && other <= learns + 4 * SLOT, "%d", (int)(other - learns));
      CHECKF(pmt_script_first_difference(&list[2], &list[4]) == UINT64_MAX, "alone, we hear nobody");
    }
    CHECKF(pmt_script_same(&list[3], &list[4]), "manner %u: nothing was heard", m);
    for (uint32_t i = 0; i < 5; ++i) {
      pmt_midi_list_free(&list[i]);
    }
  }
}

/** Learnt while the transport stands: up to the last slot that was played in. */
static void test_learn_standing(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    PmtMidiList list[2];
    for (uint32_t i = 0; i < 2; ++i) {
      pmt_script_begin(pmt_duet_manner(m), 0);
      for (uint64_t slot = 0; slot < 16; ++slot) {
        pmt_duet_press(LEAD + slot * SLOT, SLOT / 2, (uint8_t)(60 + (slot * 5 + (i && slot == 15 ? 3 : 0)) % 12), 80);
      }
      pmt_script_say(LEAD + 2 * BAR - 10, 2 * BAR - 10, 0.0f);
      pmt_script_add((PmtScriptEvent){.frame = LEAD + 3 * BAR, .kind = PMT_SCRIPT_LEARN, .bars = 2});
      pmt_script_say(LEAD + 4 * BAR, 33 * BAR, 0.0f);
      pmt_script_say(LEAD + 5 * BAR, 33 * BAR, 1.0f);
      pmt_duet_press(LEAD + 5 * BAR, SLOT / 2, 60, 80);
      list[i] = pmt_duet_play(&pmt_duet_restless, LEAD + 8 * BAR);
    }
    const uint64_t other = pmt_script_first_difference(&list[0], &list[1]);
    CHECKF(m == BY_SILENCE || other < UINT64_MAX, "manner %u: the last slot was not read", m);
    pmt_midi_list_free(&list[0]);
    pmt_midi_list_free(&list[1]);
  }
}

/** The last bar alone is learnt when one is asked for. */
static void test_learn_bars(void) {
  PmtMidiList list[3];
  for (uint32_t i = 0; i < 3; ++i) { /* 0; 1 another bar 2; 2 another bar 3 */
    pmt_script_begin(pmt_duet_mode(PMT_MODE_GENERATE), 0);
    for (uint64_t slot = 0; slot < 32; ++slot) {
      const bool other = (i == 1 && slot / 8 == 2) || (i == 2 && slot / 8 == 3);
      pmt_duet_press(LEAD + slot * SLOT, SLOT / 2, (uint8_t)(60 + (slot * 5 + (other ? 3 : 0)) % 12), 80);
    }
    pmt_script_add((PmtScriptEvent){.frame = LEAD + 4 * BAR + 100, .kind = PMT_SCRIPT_LEARN, .bars = 1});
    list[i] = pmt_duet_play(&pmt_duet_restless, LEAD + 8 * BAR);
  }
  CHECK(pmt_script_same(&list[0], &list[1]) && !pmt_script_same(&list[0], &list[2]));
  for (uint32_t i = 0; i < 3; ++i) {
    pmt_midi_list_free(&list[i]);
  }
}

int main(int argc, char** argv) {
  static const CheckTest tests[] = {
      TEST(turns), TEST(no_phrase), TEST(by_silence), TEST(phrase), TEST(late_start),
      TEST(count_in), TEST(rest_between_turns), TEST(rest), TEST(run_played), TEST(learn),
      TEST(learn_standing), TEST(learn_bars)};
  check_run(tests, COUNT(tests), argc, argv);
  return 0;
}
