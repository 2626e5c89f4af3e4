/* SPDX-License-Identifier: ISC */
/* What the player decides about repetition: Loop, Freeze, Run, resuming, locating, panic. Through the engine, at several
   block sizes, with the host's word as jalv and as Ardour give it. A tick is 1000 frames, a slot 12000, a bar 96000. */
#include "check.h"

#include "support/engine_script.h"

#include <string.h>

enum { BAR = PMT_SCRIPT_BAR, SLOT = PMT_SCRIPT_SLOT, LEAD = PMT_SCRIPT_LEAD, LATENCY = 80 };

/** @return what was played at every block size; to be freed */
static PmtMidiList play(const PmtTinyOptions* const options, const uint64_t end) {
  static const uint32_t blocks[] = {1024, 64, 0};
  return pmt_script_play(options, end, blocks, COUNT(blocks), NULL);
}

/** Note-ons in frames from .. from + length - 1, in frames since then. */
static PmtMidiList ons(const PmtMidiList* const list, const uint64_t from, const uint64_t length) {
  PmtMidiList part = {0};
  for (size_t i = 0; i < list->n_events; ++i) {
    const PmtTimedMidi* const e = &list->events[i];
    if ((e->bytes[0] & 0xf0) == 0x90 && e->frame >= from && e->frame < from + length) {
      CHECK(!pmt_midi_list_add(&part, e->frame - from, e->bytes, e->size));
    }
  }
  return part;
}

static bool alike(const PmtMidiList* const list, const uint64_t a, const uint64_t b, const uint64_t length) {
  PmtMidiList x = ons(list, a, length), y = ons(list, b, length);
  const bool same = x.n_events > 0 && pmt_script_same(&x, &y);
  pmt_midi_list_free(&x);
  pmt_midi_list_free(&y);
  return same;
}

/** Nothing that began before a wrap sounds when the host has told it, whatever began since. */
static void check_ended(const PmtMidiList* const list, const uint64_t wrap, const uint64_t late) {
  bool on[16][128] = {{false}};
  for (size_t i = 0; i < list->n_events && list->events[i].frame <= wrap + late; ++i) {
    const PmtTimedMidi* const e = &list->events[i];
    const bool is_on = (e->bytes[0] & 0xf0) == 0x90;
    on[e->bytes[0] & 15][e->bytes[1]] = is_on && e->frame < wrap;
  }
  for (uint32_t i = 0; i < 16 * 128; ++i) {
    CHECKF(!on[i / 128][i % 128], "a note sounds across the wrap at %d", (int)wrap);
  }
}

static PmtControls with_loop(const PmtLoop loop) {
  PmtControls c = pmt_controls_default();
  c.loop = (float)loop;
  return c;
}

/* ---- Loop -------------------------------------------------------------------------------------------------------- */

enum { PASSES = 6 };

/** A loop of `bars`, entered at its start. `late`: the host tells it so many frames late, as Ardour does.
    @return what was played; pass i begins at LEAD + i * bars * BAR */
static PmtMidiList play_loop(const PmtLoop loop, const uint64_t bars, const uint64_t late) {
  pmt_script_begin(with_loop(loop), 4 * BAR);
  for (uint64_t i = 1; i < PASSES; ++i) {
    pmt_script_say(LEAD + i * bars * BAR + late, 4 * BAR + (int64_t)late, 1.0f);
  }
  return play(&pmt_script_restless, LEAD + PASSES * bars * BAR);
}

static void test_loop_new(void) {
  for (uint64_t late = 0; late <= LATENCY; late += LATENCY) {
    PmtMidiList list = play_loop(PMT_LOOP_NEW, 2, late);
    for (uint64_t i = 1; i < PASSES; ++i) {
      const uint64_t wrap = LEAD + i * 2 * BAR;
      CHECKF(pmt_script_first_on(&list, wrap) == 0, "the beat of pass %d is %d frames late", (int)i,
             (int)pmt_script_first_on(&list, wrap));
      CHECK(!alike(&list, wrap - 2 * BAR, wrap, 2 * BAR)); /* another pass, other notes */
      check_ended(&list, wrap, late);
      CHECK(pmt_script_count_on(&list, wrap + 1, wrap + 999) == 0); /* and no second attack with the host's word */
    }
    pmt_midi_list_free(&list);
  }
}

static void test_loop_same(void) {
  for (uint64_t late = 0; late <= LATENCY; late += LATENCY) {
    PmtMidiList list = play_loop(PMT_LOOP_SAME, 2, late);
    for (uint64_t i = 1; i < PASSES; ++i) {
      const uint64_t wrap = LEAD + i * 2 * BAR;
      const uint64_t slack = late && i == 1 ? SLOT : 0; /* the first wrap is news: its first slot begins with the word */
      CHECKF(alike(&list, LEAD + slack, wrap + slack, 2 * BAR - slack - (late ? SLOT : 0)), "pass %d, %d late", (int)i,
             (int)late);
      check_ended(&list, wrap, i == 1 ? late : 0);
    }
    pmt_midi_list_free(&list);
  }
}

/** (A model that never reaches the limit of notes sounding: those from before the loop count too in the first pass.)
    Entered from before, long loops, a loop that begins within a bar, one that ends within one. */
static void test_loop_shapes(void) {
  static const struct { int64_t start, from, to; } shapes[] = {
      {0, 8 * BAR, 24 * BAR}, {0, BAR + 3 * SLOT, 3 * BAR + 3 * SLOT}, {0, 2 * BAR, 3 * BAR + 4 * SLOT},
      {BAR, 2 * BAR, 2 * BAR + SLOT}, {0, 8000, BAR + 8000}};
  for (size_t k = 0; k < COUNT(shapes); ++k) {
    pmt_script_begin(with_loop(PMT_LOOP_SAME), shapes[k].start);
    const uint64_t length = (uint64_t)(shapes[k].to - shapes[k].from);
    const uint64_t first = LEAD + (uint64_t)(shapes[k].to - shapes[k].start);
    for (uint64_t i = 0; i < PASSES; ++i) {
      pmt_script_say(first + i * length, shapes[k].from, 1.0f);
    }
    PmtMidiList list = play(&pmt_script_busy, first + PASSES * length);
    for (uint64_t i = 0; i < PASSES; ++i) {
      CHECKF(alike(&list, first - length, first + i * length, length), "shape %zu, pass %d", k, (int)i);
    }
    pmt_midi_list_free(&list);
  }
}

/** A knob turned in the loop is heard; turned back, the old notes are there again. */
static void test_loop_knob(void) {
  pmt_script_begin(with_loop(PMT_LOOP_SAME), 0);
  PmtControls other = with_loop(PMT_LOOP_SAME);
  other.seed = 5.0f;
  for (uint64_t i = 1; i < 8; ++i) {
    if (i == 2 || i == 5) {
      pmt_script_add(pmt_script_set(LEAD + i * BAR - SLOT / 2, i == 2 ? other : with_loop(PMT_LOOP_SAME)));
    }
    pmt_script_say(LEAD + i * BAR, 0, 1.0f);
  }
  PmtMidiList list = play(&pmt_script_restless, LEAD + 8 * BAR);
  CHECK(alike(&list, LEAD, LEAD + BAR, BAR - SLOT));
  CHECK(!alike(&list, LEAD, LEAD + 2 * BAR, BAR) && !alike(&list, LEAD, LEAD + 2 * BAR, SLOT));
  CHECK(alike(&list, LEAD + 3 * BAR, LEAD + 4 * BAR, BAR - SLOT));
  CHECK(alike(&list, LEAD + SLOT, LEAD + 6 * BAR + SLOT, BAR - SLOT));
  CHECK(alike(&list, LEAD + 6 * BAR, LEAD + 7 * BAR, BAR));
  pmt_midi_list_free(&list);
}

/** The user switches the loop off: the music goes on behind it, and nothing hangs, is silent or comes twice. */
static void test_loop_left(void) {
  for (uint64_t late = 0; late <= LATENCY; late += LATENCY) {
    pmt_script_begin(with_loop(PMT_LOOP_SAME), 0);
    for (uint64_t i = 1; i < 4; ++i) {
      pmt_script_say(LEAD + i * BAR + late, (int64_t)late, 1.0f);
    }
    PmtMidiList list = play(&pmt_script_restless, LEAD + 12 * BAR);
    for (uint64_t slot = LEAD + 4 * BAR; slot < LEAD + 12 * BAR; slot += SLOT) {
      CHECKF(pmt_script_count_on(&list, slot, slot + SLOT) > 0, "silence at %d", (int)slot);
    }
    for (uint64_t bar = 5; bar < 12; ++bar) {
      CHECK(!alike(&list, LEAD, LEAD + bar * BAR, BAR));
    }
    pmt_midi_list_free(&list);
    /* and is not taken for one again, when the song comes by its end once more */
    pmt_script_say(LEAD + 8 * BAR, 0, 1.0f);
    list = play(&pmt_script_restless, LEAD + 12 * BAR);
    CHECK(alike(&list, LEAD, LEAD + 4 * BAR, SLOT) && !alike(&list, LEAD, LEAD + 9 * BAR, SLOT));
    pmt_midi_list_free(&list);
  }
}

/** Another pass draws anew: from the same state, with nothing else that differs. */
static void test_pass(void) {
  PmtMidiList list[2];
  for (uint32_t i = 0; i < 2; ++i) {
    pmt_script_begin(with_loop(i ? PMT_LOOP_SAME : PMT_LOOP_NEW), 0);
    pmt_script_say(LEAD + 2 * BAR, 7 * BAR, 1.0f); /* nothing was played at bar 7: no memory either way */
    list[i] = play(&pmt_script_restless, LEAD + 4 * BAR);
  }
  PmtMidiList a = ons(&list[0], LEAD + 2 * BAR, SLOT), b = ons(&list[1], LEAD + 2 * BAR, SLOT);
  CHECK(a.n_events > 0 && pmt_script_same(&a, &b)); /* was ready */
  pmt_midi_list_free(&a);
  pmt_midi_list_free(&b);
  a = ons(&list[0], LEAD + 2 * BAR + SLOT, BAR);
  b = ons(&list[1], LEAD + 2 * BAR + SLOT, BAR);
  CHECK(a.n_events > 0 && !pmt_script_same(&a, &b));
  for (uint32_t i = 0; i < 2; ++i) {
    pmt_midi_list_free(i ? &b : &a);
    pmt_midi_list_free(&list[i]);
  }
}

/* ---- Locate, stop, start ----------------------------------------------------------------------------------------- */

/** To another bar line: what is ready is played there, at once. Elsewhere: half a tick late. */
static void test_locate(void) {
  pmt_script_begin(pmt_controls_default(), 0);
  pmt_script_say(LEAD + 2 * BAR - 700, 40 * BAR, 1.0f); /* a moment before the bar line: its slot is made already */
  /* from the third bar line on to another slot of a bar */
  pmt_script_say(LEAD + 4 * BAR - 700, 20 * BAR + 3 * SLOT, 1.0f);
  PmtMidiList list = play(&pmt_script_restless, LEAD + 8 * BAR);
  CHECK(pmt_script_first_on(&list, LEAD + 2 * BAR - 700) == 0);
  CHECK(pmt_script_first_on(&list, LEAD + 4 * BAR - 700) == 500);
  check_ended(&list, LEAD + 2 * BAR - 700, 0);
  pmt_midi_list_free(&list);
}

/** JACK stands for a cycle or two at the new place before it rolls: that is a locate. A real stop is none. */
static void test_starting(void) {
  PmtMidiList brief, plain, lasting, fresh;
  pmt_script_begin(pmt_controls_default(), 0);
  pmt_script_say(LEAD + 2 * BAR, 7 * BAR, 0.0f);
  pmt_script_say(LEAD + 2 * BAR + 512, 7 * BAR, 1.0f);
  brief = play(&pmt_script_restless, LEAD + 4 * BAR);
  pmt_script_begin(pmt_controls_default(), 0);
  pmt_script_say(LEAD + 2 * BAR, 7 * BAR, 1.0f);
  plain = play(&pmt_script_restless, LEAD + 4 * BAR);
  PmtMidiList a = ons(&brief, LEAD + 2 * BAR + 512, BAR), b = ons(&plain, LEAD + 2 * BAR, BAR);
  CHECK(a.n_events > 8 && pmt_script_same(&a, &b));
  pmt_midi_list_free(&a);

  pmt_script_begin(pmt_controls_default(), 0);
  pmt_script_say(LEAD + 2 * BAR, 7 * BAR, 0.0f);
  pmt_script_say(LEAD + 3 * BAR, 7 * BAR, 1.0f);
  lasting = play(&pmt_script_restless, LEAD + 5 * BAR);
  pmt_script_begin(pmt_controls_default(), 7 * BAR);
  fresh = play(&pmt_script_restless, LEAD + 2 * BAR);
  a = ons(&lasting, LEAD + 3 * BAR, BAR);
  PmtMidiList c = ons(&fresh, LEAD, BAR);
  CHECK(a.n_events > 8 && pmt_script_same(&a, &c) && !pmt_script_same(&a, &b));
  pmt_midi_list_free(&a);
  pmt_midi_list_free(&b);
  pmt_midi_list_free(&c);
  pmt_midi_list_free(&brief);
  pmt_midi_list_free(&plain);
  pmt_midi_list_free(&lasting);
  pmt_midi_list_free(&fresh);
}

/** Started where it stopped, the music goes on as if it had not stopped. */
static void test_resume(void) {
  pmt_script_begin(pmt_controls_default(), 0);
  PmtMidiList through = play(&pmt_script_busy, LEAD + 8 * BAR);
  pmt_script_begin(pmt_controls_default(), 0);
  pmt_script_say(LEAD + 3 * BAR + 5000, 3 * BAR + 5000, 0.0f);
  pmt_script_say(LEAD + 5 * BAR, 3 * BAR + 5000, 1.0f);
  PmtMidiList paused = play(&pmt_script_busy, LEAD + 8 * BAR);
  PmtMidiList a = ons(&through, LEAD + 3 * BAR + 5000, 2 * BAR), b = ons(&paused, LEAD + 5 * BAR, 2 * BAR);
  CHECK(a.n_events > 8);
  size_t behind = 0; /* the slot that was cut by the stop is not begun again */
  while (behind < a.n_events && a.events[behind].frame < SLOT - 5000) {
    ++behind;
  }
  CHECK(a.n_events - behind == b.n_events);
  for (size_t i = 0; i < b.n_events; ++i) {
    CHECK(!memcmp(a.events[behind + i].bytes, b.events[i].bytes, 3) && a.events[behind + i].frame == b.events[i].frame);
  }
  pmt_midi_list_free(&a);
  pmt_midi_list_free(&b);
  /* looked elsewhere in between, and came back */
  pmt_script_begin(pmt_controls_default(), 0);
  pmt_script_say(LEAD + 3 * BAR + 5000, 3 * BAR + 5000, 0.0f);
  pmt_script_say(LEAD + 4 * BAR, 90 * BAR, 0.0f);
  pmt_script_say(LEAD + 4 * BAR + 50000, 3 * BAR + 5000, 0.0f);
  pmt_script_say(LEAD + 5 * BAR, 3 * BAR + 5000, 1.0f);
  PmtMidiList looked = play(&pmt_script_busy, LEAD + 8 * BAR);
  CHECK(pmt_script_same(&paused, &looked));
  pmt_midi_list_free(&through);
  pmt_midi_list_free(&paused);
  pmt_midi_list_free(&looked);
}

/* ---- Freeze ------------------------------------------------------------------------------------------------------ */

static void test_freeze(void) {
  for (uint64_t bars = 1; bars <= 8; bars *= 2) {
    pmt_script_begin(pmt_controls_default(), 0);
    PmtControls c = pmt_controls_default();
    c.freeze = (float)bars;
    const uint64_t pressed = LEAD + 10 * BAR + 4 * SLOT + 100; /* slot 5 of the bar is in the making and still played */
    const uint64_t frozen = LEAD + 10 * BAR + 6 * SLOT, length = bars * BAR;
    pmt_script_add(pmt_script_set(pressed, c));
    const uint64_t let_go = frozen + 3 * length + SLOT;
    pmt_script_add(pmt_script_set(let_go, pmt_controls_default()));
    PmtMidiList list = play(&pmt_script_restless, let_go + 4 * BAR);
    for (uint64_t i = 0; i < 3; ++i) {
      CHECKF(alike(&list, frozen - length, frozen + i * length, length), "%d bars, repeat %d", (int)bars, (int)i);
    }
    CHECK(!alike(&list, frozen - length + 3 * SLOT, let_go + 2 * SLOT, BAR)); /* free again */
    for (uint64_t slot = frozen; slot < let_go + 4 * BAR; slot += SLOT) {
      CHECK(pmt_script_count_on(&list, slot, slot + SLOT) > 0);
    }
    pmt_midi_list_free(&list);
  }
}

/** Too little played for what is asked: whole bars, as many as there are. And it survives a locate, in phase. */
static void test_freeze_edges(void) {
  PmtControls c = pmt_controls_default();
  c.freeze = 8.0f;
  pmt_script_begin(c, 0);
  PmtMidiList list = play(&pmt_script_restless, LEAD + 6 * BAR);
  CHECK(alike(&list, LEAD, LEAD + BAR, BAR) && alike(&list, LEAD, LEAD + 5 * BAR, BAR)); /* there was one bar */
  pmt_midi_list_free(&list);

  pmt_script_begin(pmt_controls_default(), 0);
  c.freeze = 1.0f;
  /* bar 2's first slot is in the making: bar 1 slot 1 .. bar 2 slot 0 */
  pmt_script_add(pmt_script_set(LEAD + 2 * BAR - SLOT + 100, c));
  pmt_script_say(LEAD + 4 * BAR + 2 * SLOT, 50 * BAR + 5 * SLOT, 1.0f); /* lands on slot 5 */
  pmt_script_say(LEAD + 6 * BAR, 3 * BAR, 0.0f);
  pmt_script_say(LEAD + 7 * BAR, 3 * BAR, 1.0f);
  list = play(&pmt_script_restless, LEAD + 9 * BAR);
  CHECK(alike(&list, LEAD + BAR + SLOT, LEAD + 2 * BAR + SLOT, BAR));
  CHECK(alike(&list, LEAD + BAR + 5 * SLOT, LEAD + 4 * BAR + 2 * SLOT, 3 * SLOT));
  CHECK(alike(&list, LEAD + BAR + SLOT, LEAD + 7 * BAR + SLOT, 7 * SLOT)); /* nor is it lost by stop and start */
  pmt_midi_list_free(&list);
}

/* ---- Run --------------------------------------------------------------------------------------------------------- */

static void test_run(void) {
  PmtControls c = pmt_controls_default();
  c.run = 1.0f;
  c.tempo = 60.0f; /* half of the song's */
  pmt_script.n = 0;
  pmt_script_add(pmt_script_set(0, c)); /* and the host says nothing at all */
  PmtMidiList alone = play(&pmt_script_restless, 12 * BAR);
  CHECKF(pmt_script_first_on(&alone, 0) == 12000, "%d", (int)pmt_script_first_on(&alone, 0)); /* a quarter of a second */
  for (size_t i = 0; i < alone.n_events; ++i) {
    CHECK((alone.events[i].frame - 12000) % 2000 == 0);
  }
  pmt_script_begin(pmt_controls_default(), 0);
  PmtMidiList song = play(&pmt_script_restless, LEAD + 4 * BAR);
  size_t k = 0;
  for (size_t i = 0; i < song.n_events && song.events[i].frame < LEAD + 4 * BAR; ++i, ++k) { /* the same, half as fast */
    CHECK(!memcmp(song.events[i].bytes, alone.events[k].bytes, 3) &&
          (song.events[i].frame - LEAD) * 2 == alone.events[k].frame - 12000);
  }
  CHECK(k > 30);

  /* the song starts: a fresh performance at its tempo; it stops: our own again, from bar 0; Run let go: silence */
  pmt_script.n = 0;
  pmt_script_add(pmt_script_set(0, c));
  pmt_script_say(0, 0, 0.0f);
  pmt_script_say(5 * BAR, 0, 1.0f);
  pmt_script_say(9 * BAR, 4 * BAR, 0.0f);
  pmt_script_add(pmt_script_set(14 * BAR, pmt_controls_default()));
  PmtMidiList both = play(&pmt_script_restless, 16 * BAR);
  PmtMidiList a = ons(&both, 5 * BAR + 999, 4 * BAR - 999), b = ons(&song, LEAD + 999, 4 * BAR - 999);
  CHECK(a.n_events > 30 && pmt_script_same(&a, &b)); /* only its first slot, made in a hurry, comes half a tick late */
  pmt_midi_list_free(&a);
  pmt_midi_list_free(&b);
  a = ons(&both, 9 * BAR + 12000, 4 * BAR);
  b = ons(&alone, 12000, 4 * BAR);
  CHECK(a.n_events > 8 && pmt_script_same(&a, &b));
  CHECK(pmt_script_count_on(&both, 14 * BAR, 16 * BAR) == 0 && pmt_script_sounding(&both, 14 * BAR) == 0);
  pmt_midi_list_free(&a);
  pmt_midi_list_free(&b);
  pmt_midi_list_free(&alone);
  pmt_midi_list_free(&song);
  pmt_midi_list_free(&both);
}

/** The Tempo knob is turned: the beat goes on, faster. */
static void test_run_tempo(void) {
  PmtControls c = pmt_controls_default();
  c.run = 1.0f;
  pmt_script.n = 0;
  pmt_script_add(pmt_script_set(0, c));
  c.tempo = 240.0f;
  pmt_script_add(pmt_script_set(12000 + 2 * BAR, c));
  PmtMidiList list = play(&pmt_script_restless, 12000 + 6 * BAR);
  for (uint64_t slot = 12000; slot < 12000 + 6 * BAR; slot += slot < 12000 + 2 * BAR ? SLOT : SLOT / 2) {
    CHECKF(pmt_script_count_on(&list, slot, slot + SLOT / 2) > 0, "silence at %d", (int)slot);
  }
  pmt_midi_list_free(&list);
}

/* ---- Panic ------------------------------------------------------------------------------------------------------- */

static void test_panic(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
  PmtScriptSink sink = {0};
  const PmtMidiOut out = pmt_script_out(&sink);
  pmt_script_begin(pmt_controls_default(), 0);
  pmt_script_run(engine, pmt_script.event, pmt_script.n, LEAD + 2 * BAR + 3000, 256, &sink);
  CHECK(sink.n_sounding > 0);
  sink.n_frames = 1;
  pmt_engine_panic(engine, &out, 0);
  CHECK(sink.n_sounding == 0);
  const uint64_t panicked = sink.frame;
  pmt_script_run(engine, NULL, 0, LEAD + 6 * BAR, 256, &sink);
  CHECK(pmt_script_count_on(&sink.list, panicked, LEAD + 2 * BAR + SLOT) == 0);
  pmt_script_check_no_gap(&sink.list, LEAD + 2 * BAR + SLOT, LEAD + 6 * BAR); /* and goes on for good */
  const uint32_t before = sink.n_sounding;
  uint32_t on_first = 0;
  for (uint32_t pitch = 0; pitch < 128; ++pitch) {
    on_first += sink.sounding[0][pitch];
  }
  sink.n_frames = 1;
  pmt_engine_end_channel(engine, 0, &out, 0);
  CHECK(before > 0 && sink.n_sounding == before - on_first);
  pmt_engine_silence(engine, &out, 0);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

/** Where the music goes on elsewhere, what was heard goes there with the state. */
static void test_listening(const char* const arch) {
  pmt_script_listen(arch);
  test_loop_same();
  test_loop_shapes();
  test_pass();
  test_locate();
  test_resume();
  test_freeze();
}

int main(void) {
  test_loop_new();
  test_loop_same();
  test_loop_shapes();
  test_loop_knob();
  test_loop_left();
  test_pass();
  test_locate();
  test_starting();
  test_resume();
  test_freeze();
  test_freeze_edges();
  test_run();
  test_run_tempo();
  test_panic();
  test_listening("lstm");
  test_listening("tf");
  return 0;
}
