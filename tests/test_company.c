/* SPDX-License-Identifier: ISC */
/* The engine in company: each mode with a player who is a script, at several block sizes with the same notes each time.
   What every mode keeps, and how those that play beside somebody take heed of them. Turns and rests are
   test_company_turns.c, what goes wrong test_company_trouble.c.
   A tick is 1000 frames, a slot 12000, a bar 96000. docs/live.md says what is promised. */
#include "check.h"

#include "support/duet.h"

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

int main(int argc, char** argv) {
  static const CheckTest tests[] = {
      TEST(modes), TEST(switched), TEST(parts), TEST(few_parts), TEST(hears), TEST(on_time),
      TEST(give_way), TEST(room), TEST(follow), TEST(tune_on_top)};
  check_run(tests, COUNT(tests), argc, argv);
  return 0;
}
