/* SPDX-License-Identifier: ISC */
/* The engine in company: each mode with a player who is a script, at several block sizes with the same notes each time.
   A tick is 1000 frames, a slot 12000, a bar 96000. docs/live.md says what is promised. */
#include "check.h"

#include "base/random.h"
#include "gen/channels.h"
#include "gen/engine_private.h" /* one look inside: test_unheard() */
#include "support/duet.h"

#include <string.h>

/* ---- What every mode keeps --------------------------------------------------------------------------------------- */

/** Each mode plays, and the same at each block size; with the player's notes passed on and without. */
static void test_modes(void) {
  for (uint32_t i = 0; i < MANNERS; ++i) {
    for (uint32_t thru = 0; thru < 2; ++thru) {
      PmtControls c = pmt_duet_manner(i);
      c.thru = (float)thru;
      pmt_script_begin(c, 0);
      pmt_duet_tune(1, 0, 4);
      pmt_duet_tune(1, 6, 10);
      PmtMidiList list = pmt_duet_play_at(PMT_DUET_ALL_BLOCKS, &pmt_duet_plain, LEAD + 12 * BAR);
      const PmtEngineStats s = pmt_duet_stats;
      const uint64_t begun = pmt_script_count_on(&list, 0, UINT64_MAX);
      CHECKF(s.notes_on > 50 && s.slots >= 95, "manner %u: %d notes, %d slots", i, (int)s.notes_on, (int)s.slots);
      CHECKF(s.notes_heard + s.notes_on == begun + (thru ? 0 : s.notes_heard) ||
                 (thru && s.notes_heard + s.notes_on <= begun + 4),
             "%d heard", (int)s.notes_heard);
      CHECK(s.notes_heard > 55);
      pmt_midi_list_free(&list);
    }
  }
}

/** From each manner to each other, in the middle of a bar, and back: nothing hangs, and in all but answer and
    harmonise, where there is nobody to play for, something begins in each slot. */
static void test_switched(void) {
  for (uint32_t from = 0; from < MANNERS; ++from) {
    for (uint32_t to = 0; to < MANNERS; ++to) {
      pmt_script_begin(pmt_duet_manner(from), 0);
      pmt_duet_tune(1 + from, 0, 6);
      /* while a slot of the old is made, or waits */
      pmt_script_add(pmt_script_set(LEAD + 2 * BAR + 3 * SLOT + 11990, pmt_duet_manner(to)));
      pmt_script_add(pmt_script_set(LEAD + 4 * BAR + 5 * SLOT + 200, pmt_duet_manner(from)));
      PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 8 * BAR);
      const bool turns = pmt_duet_manner(to).mode == (float)PMT_MODE_ANSWER;
      CHECKF(pmt_duet_stats.slots >= 63 && pmt_duet_stats.slots <= 66, "%d slots", (int)pmt_duet_stats.slots);
      if (!turns) {
        pmt_script_check_no_gap(&list, LEAD + 2 * BAR + 5 * SLOT, LEAD + 4 * BAR + 5 * SLOT);
      }
      pmt_midi_list_free(&list);
    }
  }
}

/** Channels, one a bit, on which something begins. */
static uint32_t on_channels(const PmtMidiList* const list) {
  uint32_t channels = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    channels |= (list->events[i].bytes[0] & 0xf0) == 0x90 ? 1u << (list->events[i].bytes[0] & 15) : 0;
  }
  return channels;
}

/** What the player has is not played by us; all else that the model has is. */
static void test_parts(void) {
  static const struct {
    PmtYouPlay you;
    uint32_t taken;
  } cases[] = {{PMT_YOU_MELODY, 1}, {PMT_YOU_CHORDS, 14}, {PMT_YOU_SECOND, 2},
               {PMT_YOU_THIRD, 4},  {PMT_YOU_BASS, 8},    {PMT_YOU_OTHER, 0}};
  for (size_t i = 0; i < COUNT(cases); ++i) {
    for (uint32_t m = 0; m < MANNERS; ++m) {
      PmtControls c = pmt_duet_manner(m);
      if (c.mode == (float)PMT_MODE_ANSWER || c.mode == (float)PMT_MODE_GENERATE) {
        continue;
      }
      c.you_play = (float)cases[i].you;
      pmt_script_begin(c, 0);
      pmt_duet_tune(3, 0, 16);
      PmtMidiList list = pmt_duet_play(&pmt_duet_busy, LEAD + 16 * BAR);
      CHECKF(on_channels(&list) == (15u & ~cases[i].taken), "case %zu, manner %u: channels %x", i, m,
             on_channels(&list));
      pmt_midi_list_free(&list);
    }
  }
}

/** A style with one part alone, played by the player: there is nothing else, we play beside them. Drums: they are
    ours. */
static void test_few_parts(void) {
  static const PmtMetaOut drums[] = {{"drums", "1"}, {"style_drums", "1,1"}};
  static const PmtMetaOut drums_only[] = {{"drums", "1"}, {"style_drums", "1,1"}, {"style_parts", "0,0"}};
  PmtTinyOptions one = pmt_duet_restless, with_drums = pmt_duet_restless, only = pmt_duet_restless,
                 deaf = pmt_duet_restless, deaf_one = pmt_duet_restless;
  one.parts = 1;
  with_drums.parts = 1;
  with_drums.meta = drums;
  with_drums.n_meta = 2;
  only.meta = drums_only;
  only.n_meta = 3;
  deaf.listens = false; /* was not taught to listen */
  deaf_one.listens = false;
  deaf_one.parts = 1;
  const struct { const PmtTinyOptions* options; uint32_t channels; } models[] = {
      {&one, 1}, {&with_drums, 1u << 9}, {&only, 1u << 9}, {&deaf, 14}, {&deaf_one, 1}};
  for (size_t i = 0; i < COUNT(models); ++i) {
    for (uint32_t m = 0; m < MANNERS; ++m) {
      pmt_script_begin(pmt_duet_manner(m), 0);
      pmt_duet_tune(4, 0, 3);
      PmtMidiList list = pmt_duet_play(models[i].options, LEAD + 6 * BAR);
      const bool along =
          pmt_duet_manner(m).mode == (float)PMT_MODE_ACCOMPANY || pmt_duet_manner(m).mode == (float)PMT_MODE_HARMONISE;
      CHECKF(!along || on_channels(&list) == models[i].channels, "model %zu, manner %u: channels %x", i, m,
             on_channels(&list));
      CHECKF(pmt_script_count_on(&list, 0, UINT64_MAX) > 8, "model %zu, manner %u is silent", i, m);
      pmt_midi_list_free(&list);
    }
  }
}

/* ---- Accompany --------------------------------------------------------------------------------------------------- */

/** Of notes that differ in one slot of the player's: what of ours differs, and from when on. */
static void check_heard(const PmtControls c, const uint64_t sooner, const uint64_t later, const int64_t struck) {
  uint32_t changed = 0;
  for (uint32_t i = 0; i < 12; ++i) {
    PmtMidiList list[2];
    const uint64_t slot = LEAD + 2 * BAR + i * SLOT;
    for (uint32_t k = 0; k < 2; ++k) {
      pmt_script_begin(c, 0);
      pmt_duet_tune(5, 0, 2);
      pmt_duet_press((uint64_t)((int64_t)slot + struck), SLOT / 2, (uint8_t)(k ? 61 + i : 78 - i), 80);
      list[k] = pmt_duet_play_at(1, &pmt_duet_restless, slot + 4 * SLOT);
    }
    const uint64_t at = pmt_script_first_difference(&list[0], &list[1]);
    CHECKF(at >= slot + sooner, "differs %d frames before it may", (int)(slot + sooner - at));
    changed += at < slot + later;
    pmt_midi_list_free(&list[0]);
    pmt_midi_list_free(&list[1]);
  }
  CHECKF(changed >= 8, "%u of 12 notes were heard in time: mode %g, wait %g, struck %d", changed, (double)c.mode,
         (double)c.wait, (int)struck);
}

static void test_hears(void) {
  PmtControls c = pmt_duet_mode(PMT_MODE_ACCOMPANY);
  check_heard(c, 0, SLOT, 0);       /* what begins with a slot counts in that slot */
  check_heard(c, 0, SLOT, 700);     /* so does what comes a moment late */
  check_heard(c, 0, SLOT, -1000);   /* ... or early */
  check_heard(c, SLOT, 2 * SLOT, 800);
  c.wait = 60.0f;
  check_heard(c, 0, SLOT, 2800);
  c.wait = 0.0f;
  check_heard(c, SLOT, 2 * SLOT, 0);
  check_heard(c, 0, SLOT, -3500);
  check_heard(pmt_duet_mode(PMT_MODE_HARMONISE), 0, SLOT, 0);
}

/** Wait 0 is on time: on the tick, every slot's head. Otherwise so late as it says, and a few milliseconds more. */
static void test_on_time(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    const PmtControls c = pmt_duet_manner(m);
    const bool with = c.mode == (float)PMT_MODE_HARMONISE || (c.mode == (float)PMT_MODE_ACCOMPANY && c.wait > 0.0f);
    const uint64_t wait = with ? (uint64_t)(c.wait * 48.0f) : 0;
    pmt_script_begin(c, 0);
    pmt_duet_tune(6, 0, 8);
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 8 * BAR);
    for (size_t i = 0; i < list.n_events; ++i) {
      const PmtTimedMidi* const e = &list.events[i];
      const uint64_t in_slot = (e->frame - LEAD) % SLOT;
      if ((e->bytes[0] & 0xf0) == 0x90 && e->frame >= LEAD + SLOT) {
        CHECKF(in_slot >= wait && (in_slot % TICK == 0 || (with && in_slot <= wait + TICK)),
               "manner %u: %d frames into its slot", m, (int)in_slot);
      }
    }
    pmt_midi_list_free(&list);
  }
}

/** Fewer notes beside who plays many. */
static void test_give_way(void) {
  uint32_t n[2][2];
  for (uint32_t crowded = 0; crowded < 2; ++crowded) {
    for (uint32_t gives = 0; gives < 2; ++gives) {
      PmtControls c = pmt_duet_mode(PMT_MODE_ACCOMPANY);
      c.give_way = (float)gives;
      c.follow = 0.0f;
      pmt_script_begin(c, 0);
      for (uint64_t i = 0; crowded && i < 8 * 8 * 4; ++i) {
        pmt_duet_press(LEAD + i * SLOT / 4, SLOT / 8, (uint8_t)(60 + i % 11), 80);
      }
      PmtMidiList list = pmt_duet_play(&pmt_duet_plain, LEAD + 8 * BAR);
      n[crowded][gives] = pmt_script_count_on(&list, 0, UINT64_MAX);
      pmt_midi_list_free(&list);
    }
  }
  CHECKF(n[0][0] == n[0][1], "%u, %u notes beside nobody", n[0][0], n[0][1]);
  CHECKF(n[1][1] * 2 < n[1][0], "%u notes, %u given way", n[1][0], n[1][1]);
}

/** Out: none of ours between their lowest and highest. Meet: none further than an octave from those. */
static void test_room(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    PmtControls c = pmt_duet_manner(m);
    if (c.mode != (float)PMT_MODE_ACCOMPANY) {
      continue;
    }
    for (uint32_t room = PMT_MANNER_FREE; room <= PMT_MANNER_MEET; ++room) {
      uint32_t between = 0, far = 0;
      c.room = (float)room;
      pmt_script_begin(c, 0);
      for (uint64_t i = 0; i < 64; ++i) {
        pmt_duet_press(LEAD + i * SLOT, SLOT / 2, i % 2 ? 50 : 58, 80);
      }
      PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 8 * BAR);
      for (size_t i = 0; i < list.n_events; ++i) {
        const PmtTimedMidi* const e = &list.events[i];
        if ((e->bytes[0] & 0xf0) == 0x90 && e->frame >= LEAD + 3 * SLOT) {
          between += e->bytes[1] >= 50 && e->bytes[1] <= 58;
          far += e->bytes[1] < 38 || e->bytes[1] > 70;
        }
      }
      CHECKF(pmt_script_count_on(&list, 0, UINT64_MAX) > 60 && (between == 0) == (room == PMT_MANNER_OUT) &&
                 (far == 0) == (room == PMT_MANNER_MEET), "room %u: %u between, %u far off", room, between, far);
      pmt_midi_list_free(&list);
    }
  }
}

/** Velocities go with theirs, as far as `follow` says; the notes are the same. */
static void test_follow(void) {
  for (uint32_t m = 1; m < MANNERS; ++m) {
    for (uint32_t loud = 0; loud < 2; ++loud) {
      double mean[2];
      for (uint32_t i = 0; i < 2; ++i) {
        PmtControls c = pmt_duet_manner(m);
        c.follow = (float)i;
        pmt_script_begin(c, 0);
        for (uint64_t slot = 0; slot < 24; ++slot) {
          pmt_duet_press(LEAD + slot * SLOT, SLOT / 2, (uint8_t)(60 + slot), loud ? 120 : 20);
        }
        PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 7 * BAR);
        double sum = 0.0, n = 0.0;
        for (size_t k = 0; k < list.n_events; ++k) {
          const PmtTimedMidi* const e = &list.events[k];
          if ((e->bytes[0] & 0xf0) == 0x90 && e->frame > LEAD + SLOT) {
            sum += e->bytes[2];
            n += 1.0;
          }
        }
        CHECK(n > 20.0);
        mean[i] = sum / n;
        pmt_midi_list_free(&list);
      }
      CHECKF(loud ? mean[1] > 1.15 * mean[0] : mean[1] < 0.35 * mean[0], "manner %u: %g, %g", m, mean[0], mean[1]);
    }
  }
}

/* ---- Harmonise --------------------------------------------------------------------------------------------------- */

/** The tune stays on top: what begins while a key is down lies below it. Something always does. */
static void test_tune_on_top(void) {
  pmt_script_begin(pmt_duet_mode(PMT_MODE_HARMONISE), 0);
  for (uint64_t slot = 0; slot < 64; slot += 2) {
    pmt_duet_press(LEAD + slot * SLOT, 2 * SLOT - 300, (uint8_t)(50 + slot * 5 % 23), 80);
  }
  PmtMidiList list = pmt_duet_play(&pmt_duet_busy, LEAD + 8 * BAR);
  for (size_t i = 0; i < list.n_events; ++i) {
    const PmtTimedMidi* const e = &list.events[i];
    if ((e->bytes[0] & 0xf0) == 0x90) {
      const uint64_t slot = (e->frame - LEAD) / SLOT / 2 * 2;
      CHECKF(e->bytes[1] <= 50 + slot * 5 % 23, "%u above the tune", e->bytes[1]);
    }
  }
  CHECK(pmt_script_count_on(&list, 0, UINT64_MAX) > 32);
  pmt_midi_list_free(&list);
}

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

/* ---- The transport ----------------------------------------------------------------------------------------------- */

enum { LATENCY = 80 }; /* of a host that tells a wrap late, as Ardour does */

/** Jumps, in one frame with the player's notes too, loops, stops, starts. */
static void test_transport(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    for (uint32_t thru = 0; thru < 2; ++thru) {
      PmtControls c = pmt_duet_manner(m);
      c.thru = (float)thru;
      pmt_script_begin(c, 0);
      pmt_duet_tune(11, 0, 20);
      for (uint64_t i = 1; i < 4; ++i) { /* a loop over bars 0 and 1 */
        pmt_script_say(LEAD + 2 * i * BAR, 0, 1.0f);
      }
      pmt_duet_press(LEAD + 2 * BAR, SLOT, 62, 80);
      pmt_duet_press(LEAD + 4 * BAR, 50000, 63, 80);
      pmt_script_say(LEAD + 8 * BAR + 4321, 40 * BAR + 777, 1.0f);
      pmt_duet_press(LEAD + 8 * BAR + 4321, 50000, 64, 80);
      pmt_script_say(LEAD + 9 * BAR + 4 * SLOT, 3 * BAR, 1.0f);
      pmt_script_say(LEAD + 10 * BAR + 500, 4 * BAR, 0.0f);
      pmt_script_say(LEAD + 11 * BAR, 4 * BAR, 1.0f);
      pmt_script_say(LEAD + 12 * BAR, 5 * BAR, 0.0f);
      pmt_script_say(LEAD + 12 * BAR + 100, 90 * BAR, 1.0f); /* a locate */
      PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 16 * BAR);
      CHECKF(m == BY_SILENCE || pmt_duet_stats.notes_on > (c.mode == (float)PMT_MODE_ANSWER ? 8 : 40),
             "manner %u: %d notes", m, (int)pmt_duet_stats.notes_on);
      if (c.mode != (float)PMT_MODE_ANSWER && !thru) {
        pmt_script_check_no_gap(&list, LEAD + (c.mode == (float)PMT_MODE_HARMONISE) * SLOT,
                                LEAD + 8 * BAR); /* once they play */
        pmt_script_check_no_gap(&list, LEAD + 12 * BAR + 100, LEAD + 16 * BAR);
        CHECK(pmt_script_count_on(&list, LEAD + 10 * BAR + 500, LEAD + 11 * BAR) == 0);
      }
      pmt_midi_list_free(&list);
    }
  }
}

/** The host tells of its loop's end only when the loop's first slot has begun: it is not lost. */
static void test_loop_told_late(void) {
  static const uint64_t late[] = {0, LATENCY, 900, 2000, 4500};
  for (uint32_t m = 0; m < MANNERS; ++m) {
    for (size_t k = 0; k < COUNT(late); ++k) {
      const PmtControls c = pmt_duet_manner(m);
      if (c.mode == (float)PMT_MODE_ANSWER) {
        continue;
      }
      pmt_script_begin(c, 0);
      pmt_duet_tune(12, 0, 10);
      for (uint64_t i = 1; i < 5; ++i) {
        pmt_script_say(LEAD + 2 * i * BAR + late[k], (int64_t)late[k], 1.0f);
      }
      PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 10 * BAR);
      pmt_script_check_no_gap(&list, LEAD, LEAD + 10 * BAR);
      pmt_midi_list_free(&list);
    }
  }
}

/** The meter changes at a bar line, told in a cycle that begins after it: no slot is lost, and none twice. */
static void test_meter_told_late(void) {
  static const uint64_t late[] = {0, 300, 700, 1000, 3000};
  for (uint32_t m = 0; m < MANNERS; ++m) {
    for (size_t k = 0; k < COUNT(late); ++k) {
      const PmtControls c = pmt_duet_manner(m);
      pmt_script_begin(c, 0);
      pmt_duet_tune(13, 0, 6);
      PmtPosition three = pmt_script_position((int64_t)(2 * BAR + late[k]), 1.0f);
      three.beats_per_bar = 3.0f;
      pmt_script_add(pmt_script_at(LEAD + 2 * BAR + late[k], three));
      PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 5 * BAR + 3 * SLOT / 4);
      CHECKF(pmt_duet_stats.slots == 41, "manner %u, told %d late: %d slots", m, (int)late[k],
             (int)pmt_duet_stats.slots);
      if (c.mode != (float)PMT_MODE_ANSWER) {
        pmt_script_check_no_gap(&list, LEAD, LEAD + 5 * BAR);
      }
      pmt_midi_list_free(&list);
    }
  }
}

/** The tempo bends while a slot waits. */
static void test_tempo(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    const PmtControls c = pmt_duet_manner(m);
    pmt_script_begin(c, 0);
    pmt_duet_tune(14, 0, 6);
    PmtPosition faster = pmt_script_position(2 * BAR + 300, 1.0f), slower = pmt_script_position(4 * BAR, 1.0f);
    faster.bpm = 240.0f;
    slower.bpm = 60.0f;
    pmt_script_add(pmt_script_at(LEAD + 2 * BAR + 300, faster));
    slower.bar = 6;
    slower.bar_beat = 300.0 / 24000.0;
    slower.frame = (int64_t)(4 * BAR + 150);
    pmt_script_add(
        pmt_script_at(LEAD + 4 * BAR + 150, slower)); /* two bars at 120, four at 240: at the beginning of bar 6 */
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 8 * BAR + 150);
    if (c.mode != (float)PMT_MODE_ANSWER) {
      pmt_script_check_no_gap(&list, LEAD, LEAD + 4 * BAR);
    }
    CHECKF(pmt_duet_stats.slots >= 63 && pmt_duet_stats.slots <= 65, "manner %u: %d slots", m,
           (int)pmt_duet_stats.slots);
    pmt_midi_list_free(&list);
  }
}

/** The wait is as long as it says, in the tempo that is now. */
static void test_wait_bends(void) {
  pmt_script_begin(pmt_duet_mode(PMT_MODE_ACCOMPANY), 0);
  PmtPosition slower = pmt_script_position(2 * BAR, 1.0f);
  slower.bpm = 30.0f;
  pmt_script_add(pmt_script_at(LEAD + 2 * BAR, slower));
  PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 3 * BAR);
  const int64_t late = pmt_script_first_on(&list, LEAD + 2 * BAR);
  CHECKF(late >= 720 && late <= 720 + 4 * TICK / 4 + 1, "%d frames late", (int)late);
  pmt_midi_list_free(&list);
}

/* ---- Freeze, loop, panic, bypass, another model ------------------------------------------------------------------ */

static void test_freeze(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    PmtControls c = pmt_duet_manner(m);
    pmt_script_begin(c, 0);
    pmt_duet_tune(15, 0, 12);
    c.freeze = 1.0f;
    pmt_script_add(pmt_script_set(LEAD + 6 * BAR + 3 * SLOT + 100, c));
    pmt_script_add(pmt_script_set(LEAD + 9 * BAR + 3 * SLOT + 100, pmt_duet_manner(m)));
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 12 * BAR);
    if (c.mode != (float)PMT_MODE_ANSWER) {
      pmt_script_check_no_gap(&list, LEAD, LEAD + 12 * BAR);
    }
    const uint64_t from = LEAD + 6 * BAR + 6 * SLOT; /* by then it is frozen, in every mode */
    size_t a = 0, b = 0;
    uint32_t alike = 0;
    for (; a < list.n_events; ++a) {
      const PmtTimedMidi* const x = &list.events[a];
      if ((x->bytes[0] & 0xf0) != 0x90 || x->frame < from || x->frame >= from + BAR) {
        continue;
      }
      for (b = a + 1; b < list.n_events && list.events[b].frame < x->frame + BAR; ++b) {}
      for (; b < list.n_events && list.events[b].frame == x->frame + BAR && memcmp(x->bytes, list.events[b].bytes, 3);
           ++b) {}
      CHECKF(b < list.n_events && list.events[b].frame == x->frame + BAR, "manner %u: not frozen at %d", m,
             (int)x->frame);
      ++alike;
    }
    CHECKF(alike > 8 || m == BY_SILENCE, "manner %u", m);
    pmt_midi_list_free(&list);
  }
}

/** Nobody listens while bars are frozen, while we are switched off: what was played then is not heard all at once after
    it. */
static void test_unheard(void) {
  for (uint32_t frozen = 0; frozen < 2; ++frozen) {
    PmtControls c = pmt_duet_mode(PMT_MODE_ACCOMPANY), away = c;
    away.freeze = frozen ? 1.0f : 0.0f;
    away.enabled = frozen ? 1.0f : 0.0f;
    pmt_script_begin(c, 0);
    pmt_duet_tune(24, 0, 2);
    pmt_script_add(pmt_script_set(LEAD + 2 * BAR + 100, away));
    for (uint64_t i = 0; i < 100; ++i) {
      pmt_duet_press(LEAD + 3 * BAR + i * 2000, 1500, (uint8_t)(20 + i), 80);
    }
    pmt_script_add(pmt_script_set(LEAD + 6 * BAR + 100, c));
    pmt_script_sort();
    PmtEngine* const engine = pmt_script_engine(&pmt_duet_restless);
    PmtScriptSink sink = {0};
    size_t n = 0;
    for (uint64_t at = LEAD + 6 * BAR; at < LEAD + 8 * BAR; at += SLOT / 4) {
      const size_t first = n;
      while (n < pmt_script.n && pmt_script.event[n].frame < at) {
        ++n;
      }
      pmt_script_run(engine, pmt_script.event + first, n - first, at, 480, &sink);
      CHECKF(engine->company.hearing.ear.onsets[0] + engine->company.hearing.ear.onsets[1] < 10, "%d keys at once",
             engine->company.hearing.ear.onsets[1]);
    }
    CHECK(engine->company.hearing.notes > 110 && engine->company.hearing.ear.n_down == 0);
    pmt_midi_list_free(&sink.list);
    pmt_engine_free(engine);
  }
}

/** Loop = same is for those who play alone; with a player it changes nothing but must not harm; back alone it is there
    again. */
static void test_loop_same(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    PmtControls c = pmt_duet_manner(m), alone = pmt_duet_manner(0);
    c.loop = alone.loop = (float)PMT_LOOP_SAME;
    pmt_script_begin(c, 0);
    pmt_duet_tune(16, 0, 12);
    for (uint64_t i = 1; i < 6; ++i) {
      pmt_script_say(LEAD + 2 * i * BAR, 0, 1.0f);
    }
    pmt_script_add(pmt_script_set(LEAD + 5 * BAR, alone));
    pmt_script_add(pmt_script_set(LEAD + 9 * BAR, c));
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 12 * BAR);
    if (c.mode != (float)PMT_MODE_ANSWER) {
      pmt_script_check_no_gap(&list, LEAD, LEAD + 12 * BAR);
    }
    pmt_midi_list_free(&list);
  }
}

static void test_panic(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    PmtControls c = pmt_duet_manner(m);
    c.thru = 1.0f;
    pmt_script_begin(c, 0);
    pmt_duet_tune(17, 0, 7);
    pmt_script_add(pmt_script_midi(LEAD + 3 * BAR, 0x90, 70, 90)); /* and the key never comes up */
    pmt_script_add(pmt_script_midi(LEAD + 3 * BAR, 0xb0, 64, 127));
    pmt_script_add((PmtScriptEvent){.frame = LEAD + 3 * BAR + 5000, .kind = PMT_SCRIPT_PANIC});
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 7 * BAR);
    const uint32_t sounding = pmt_script_sounding(&list, LEAD + 3 * BAR + 5000);
    CHECKF(sounding == 0, "manner %u: %u notes sound", m, sounding);
    if (c.mode != (float)PMT_MODE_ANSWER) {
      pmt_script_check_no_gap(&list, LEAD + 4 * BAR, LEAD + 7 * BAR);
    }
    pmt_midi_list_free(&list);
  }
}

/** Switched off: silent, but still passing on. Back: as after a jump; what was played meanwhile was not heard now. */
static void test_bypass(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    PmtControls c = pmt_duet_manner(m), off = pmt_duet_manner(m);
    off.enabled = 0.0f;
    PmtMidiList list[2];
    for (uint32_t k = 0; k < 2; ++k) {
      pmt_script_begin(c, 0);
      pmt_duet_tune(18, 0, 3);
      pmt_script_add(pmt_script_set(LEAD + 3 * BAR + 2500, off));
      for (uint64_t i = 0; k && i < 40; ++i) {
        pmt_duet_press(LEAD + 4 * BAR + i * 2000, 1500, (uint8_t)(50 + i), 80);
      }
      pmt_script_add(pmt_script_set(LEAD + 6 * BAR + 2500, c));
      pmt_duet_tune(19, 6, 12);
      list[k] = pmt_duet_play(&pmt_duet_restless, LEAD + 12 * BAR);
      CHECK(pmt_script_count_on(&list[k], LEAD + 3 * BAR + 2500, LEAD + 6 * BAR + 2500) == 0);
      if (c.mode != (float)PMT_MODE_ANSWER) {
        pmt_script_check_no_gap(&list[k], LEAD + 6 * BAR + SLOT, LEAD + 12 * BAR);
      }
    }
    if (c.mode == (float)PMT_MODE_GENERATE) {
      CHECK(pmt_script_same(&list[0], &list[1]));
    }
    pmt_midi_list_free(&list[0]);
    pmt_midi_list_free(&list[1]);
  }
}

static void test_swap(void) {
  PmtTinyOptions other = pmt_duet_restless, deaf = pmt_duet_restless;
  other.seed = 7;
  other.parts = 2;
  deaf.listens = false;
  for (uint32_t m = 0; m < MANNERS; ++m) {
    const PmtControls c = pmt_duet_manner(m);
    pmt_script_begin(c, 0);
    pmt_duet_tune(20, 0, 10);
    pmt_script_add((PmtScriptEvent){.frame = LEAD + 2 * BAR + 5000, .kind = PMT_SCRIPT_SWAP, .options = &other});
    pmt_script_add((PmtScriptEvent){
        .frame = LEAD + 4 * BAR + 300, .kind = PMT_SCRIPT_SWAP, .options = &deaf}); /* while a slot waits */
    pmt_script_add((PmtScriptEvent){.frame = LEAD + 5 * BAR + 1, .kind = PMT_SCRIPT_SWAP, .options = &other});
    pmt_script_add(
        (PmtScriptEvent){.frame = LEAD + 7 * BAR + 11999, .kind = PMT_SCRIPT_SWAP, .options = &pmt_duet_restless});
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 10 * BAR);
    if (c.mode != (float)PMT_MODE_ANSWER) {
      pmt_script_check_no_gap(&list, LEAD, LEAD + 10 * BAR);
    } else {
      CHECK(m == BY_SILENCE || pmt_script_count_on(&list, LEAD + 2 * BAR, UINT64_MAX) > 0);
    }
    pmt_midi_list_free(&list);
  }
}

/** A fresh start is a fresh performance, whatever was heard before it. */
static void test_start_anew(void) {
  for (uint32_t m = 0; m < MANNERS; ++m) {
    pmt_script_begin(pmt_duet_manner(m), 0);
    pmt_duet_tune(21, 0, 2);
    pmt_duet_tune(21, 3, 4);
    pmt_script_say(LEAD + 4 * BAR, 4 * BAR, 0.0f);
    pmt_script_say(LEAD + 5 * BAR, 0, 0.0f);
    pmt_script_say(LEAD + 6 * BAR, 0, 1.0f);
    for (size_t i = 0, n = pmt_script.n; i < n; ++i) { /* the tune once more */
      if (pmt_script.event[i].kind == PMT_SCRIPT_MIDI) {
        PmtScriptEvent again = pmt_script.event[i];
        again.frame += 6 * BAR;
        pmt_script_add(again);
      }
    }
    PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 10 * BAR);
    CHECK(pmt_script_count_on(&list, LEAD, LEAD + 4 * BAR) > 8 &&
          pmt_script_count_on(&list, LEAD + 6 * BAR, LEAD + 10 * BAR) > 8);
    pmt_midi_list_free(&list);
  }
}

/* ---- Bad input --------------------------------------------------------------------------------------------------- */

/** Nothing hangs (pmt_duet_play() looks), no slot is lost. */
static void test_bad_input(void) {
  for (uint32_t kind = 0; kind < PMT_DUET_BAD_KINDS; ++kind) {
    for (uint32_t m = 0; m < MANNERS; ++m) {
      PmtControls c = pmt_duet_manner(m);
      c.thru = kind != 0 || m % 2 ? 1.0f : 0.0f;
      c.give_way = 0.0f;
      pmt_script_begin(c, 0);
      pmt_duet_mistreat(kind);
      PmtMidiList list = pmt_duet_play(&pmt_duet_restless, LEAD + 7 * BAR);
      CHECKF(pmt_duet_stats.slots >= 55 && pmt_duet_stats.slots <= 57, "kind %u, manner %u: %d slots", kind, m,
             (int)pmt_duet_stats.slots);
      CHECK(pmt_duet_stats.doing == PMT_DOING_LISTENS || pmt_duet_stats.notes_on > 0);
      pmt_midi_list_free(&list);
    }
  }
}

/* ---- Chaos ------------------------------------------------------------------------------------------------------- */

static uint64_t n_rolled;
static uint32_t dice(const uint32_t sides) { return (uint32_t)(pmt_random_bits(23, 0, n_rolled++) % sides); }

/** Anything at any time, an output that refuses: all ends. */
static void chaos(PmtEngine* const engine, const bool refuses) {
  PmtScriptSink sink = {.passes = true, .refuse_one_in = refuses ? 1 + dice(4) : 0};
  const PmtMidiOut out = pmt_script_out(&sink);
  PmtControls c = pmt_duet_manner(dice(MANNERS));
  int64_t song = 0;
  c.thru = 1.0f;
  pmt_engine_reset(engine);
  pmt_engine_controls(engine, &c);
  for (uint32_t i = 0; i < 300; ++i) {
    sink.n_frames = 0;
    switch (dice(16)) {
    case 0:
    case 1: {
      song = dice(2) ? song : (int64_t)dice(2000000);
      const PmtPosition p = pmt_script_position(song, dice(6) ? 1.0f : 0.0f);
      pmt_engine_position(engine, &p, &out, 0);
      break;
    }
    case 2: {
      c = pmt_duet_manner(dice(MANNERS));
      c.thru = dice(5) ? 1.0f : 0.0f;
      c.you_play = (float)dice(PMT_YOUS);
      c.channel = (float)(1 + dice(16));
      c.rest = (float)dice(3);
      c.count_in = dice(4) ? 0.0f : 1.0f;
      c.run = (float)dice(PMT_RUNS);
      c.freeze = dice(6) ? 0.0f : 1.0f;
      c.loop = (float)dice(2);
      c.room = (float)dice(PMT_MANNERS);
      c.hold = dice(8) ? 0.0f : 1.0f;
      c.enabled = dice(8) ? 1.0f : 0.0f;
      pmt_engine_controls(engine, &c);
      break;
    }
    case 3: pmt_engine_learn(engine, dice(10)); break;
    case 4:
      if (!dice(6)) {
        pmt_engine_panic(engine, &out, 0);
      }
      break;
    default:
      for (uint32_t k = dice(20); k > 0; --k) {
        const uint8_t bytes[3] = {(uint8_t)(0x80 + (dice(4) ? dice(32) : dice(128))),
                                  (uint8_t)(dice(2) ? 60 + dice(8) : dice(140)), (uint8_t)dice(130)};
        pmt_engine_midi(engine, bytes, dice(20) ? ((bytes[0] & 0xe0) == 0xc0 ? 2 : 3) : dice(5), &out, 0);
      }
      break;
    }
    sink.n_frames = dice(5) ? dice(4000) : 0;
    pmt_engine_advance(engine, sink.n_frames, &out, 0);
    sink.frame += sink.n_frames;
    song += sink.n_frames;
  }
  pmt_script_check_ends(engine, &sink);
  pmt_midi_list_free(&sink.list);
}

static void test_chaos(void) {
  PmtEngine* const engine =
      pmt_script_engine(&(PmtTinyOptions){.listens = true, .d = 8, .h = 16, .layers = 1, .note_bias = 2.0f});
  for (uint32_t i = 0; i < 150; ++i) {
    chaos(engine, i % 2);
  }
  pmt_engine_free(engine);
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*run)(void);
  } tests[] = {
#define TEST(name) {#name, test_##name}
      TEST(modes),           TEST(switched),  TEST(parts),
      TEST(few_parts),       TEST(hears),     TEST(on_time),
      TEST(give_way),        TEST(room),      TEST(follow),
      TEST(tune_on_top),     TEST(turns),     TEST(no_phrase),
      TEST(by_silence),      TEST(phrase),    TEST(late_start),
      TEST(count_in),        TEST(rest),      TEST(rest_between_turns),
      TEST(run_played),      TEST(learn),     TEST(learn_standing),
      TEST(learn_bars),      TEST(transport), TEST(loop_told_late),
      TEST(meter_told_late), TEST(tempo),     TEST(wait_bends),
      TEST(freeze),          TEST(unheard),   TEST(loop_same),
      TEST(panic),           TEST(bypass),    TEST(swap),
      TEST(start_anew),      TEST(bad_input), TEST(chaos)};
  for (size_t i = 0; i < COUNT(tests); ++i) {
    if (argc < 2 || !strcmp(argv[1], tests[i].name)) {
      tests[i].run();
    }
  }
  return 0;
}
