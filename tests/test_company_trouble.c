/* SPDX-License-Identifier: ISC */
/* The engine in company, and what happens to it: the host jumps and is late, knobs are turned, models replaced;
   somebody plays as nobody should. In each manner, nothing hangs and no slot is lost.
   A tick is 1000 frames, a slot 12000, a bar 96000. docs/live.md says what is promised. */
#include "check.h"

#include "base/random.h"
#include "gen/engine_private.h" /* one look inside: test_unheard() */
#include "support/duet.h"

#include <string.h>

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
  static const CheckTest tests[] = {
      TEST(transport), TEST(loop_told_late), TEST(meter_told_late), TEST(tempo), TEST(wait_bends),
      TEST(freeze), TEST(unheard), TEST(loop_same), TEST(panic), TEST(bypass), TEST(swap),
      TEST(start_anew), TEST(bad_input), TEST(chaos)};
  check_run(tests, COUNT(tests), argc, argv);
  return 0;
}
