/* SPDX-License-Identifier: ISC */
/* The engine by scripts: block size is never heard, starts and jumps do as docs/engine.md says, notes never hang. */
#include "base/random.h"
#include "check.h"
#include "gen/engine_private.h" /* one look inside: test_unfinished() */
#include "music/meter.h"
#include "support/engine_script.h"
#include "support/fail_alloc.h"

#include <math.h>
#include <string.h>

/* ---- Block size -------------------------------------------------------------------------------------------------- */

/** Stand, roll, turn knobs, bend the tempo, change the meter, loop, stop, roll on. */
static void long_script(void) {
  PmtControls c = pmt_controls_default();
  pmt_script_begin(c, 0);
  c.temperature = 1.4f;
  c.channel = 9.0f;
  pmt_script_add(pmt_script_set(60123, c));
  PmtPosition p = pmt_script_position(99999 - 24000, 1.0f);
  p.bpm = 171.5f;
  pmt_script_add(pmt_script_at(99999, p)); /* in the middle of a slot */
  c.hold = 1.0f;
  pmt_script_add(pmt_script_set(130001, c));
  c.hold = 0.0f;
  c.density = 0.6f;
  pmt_script_add(pmt_script_set(150001, c));
  p = pmt_script_position(48000 * 8, 1.0f);
  pmt_script_add(pmt_script_at(200017, p)); /* locate */
  p.frame += 48000;
  p.bar_beat = 2.0;
  p.beats_per_bar = 3.0f;
  pmt_script_add(pmt_script_at(248017, p)); /* a shorter bar */
  c.enabled = 0.0f;
  pmt_script_add(pmt_script_set(300000, c));
  c.enabled = 1.0f;
  c.scale_mode = 2.0f;
  pmt_script_add(pmt_script_set(330003, c));
  pmt_script_say(400000, 96000, 0.0f);
  pmt_script_say(402000, 96000, 1.0f); /* hardly time to prepare */
  pmt_script_say(450001, 96000, 1.0f); /* loop */
}

static void test_blocks(void) {
  static const uint32_t blocks[] = {64, 1, 7, 1024, 0, 8192};
  PmtEngineStats stats;
  long_script();
  PmtMidiList list = pmt_script_play(&pmt_script_busy, 600000, blocks, COUNT(blocks), &stats);
  CHECK(stats.slots > 30 && pmt_script_count_on(&list, 0, 600000) > 200);
  CHECK(pmt_script_count_on(&list, 0, 24000) == 0 && pmt_script_count_on(&list, 300000, 330003) == 0);
  CHECK(pmt_script_count_on(&list, 400000, 402000) == 0 && pmt_script_count_on(&list, 130001, 150001) == 0);
  pmt_midi_list_free(&list);
}

/* ---- Starts and jumps -------------------------------------------------------------------------------------------- */

static void test_starts(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  PmtControls c = pmt_controls_default();
  PmtPosition p;
  PmtScriptSink sink = {0};
  PmtScriptEvent roll[] = {pmt_script_set(0, c), pmt_script_at(0, pmt_script_position(0, 0.0f)),
                           pmt_script_at(24000, pmt_script_position(0, 1.0f)),
                           pmt_script_at(120000, pmt_script_position(96000, 0.0f)),
                           pmt_script_at(120500, pmt_script_position(0, 0.0f)),
                           pmt_script_at(144000, pmt_script_position(0, 1.0f)),
                           pmt_script_at(240000, pmt_script_position(96000, 0.0f))};
  pmt_script_run(engine, roll, COUNT(roll), 260000, 256, &sink);
  CHECK(pmt_script_first_on(&sink.list, 24000) == 0); /* the first beat, on the first frame */
  CHECK(sink.n_sounding == 0);
  PmtMidiList first = {sink.list.events, 0, 0}, second;
  while (first.n_events < sink.list.n_events && first.events[first.n_events].frame <= 120000) {
    ++first.n_events;
  }
  second = (PmtMidiList){sink.list.events + first.n_events, sink.list.n_events - first.n_events, 0};
  for (size_t i = 0; i < second.n_events; ++i) {
    second.events[i].frame -= 120000;
  }
  CHECK(first.n_events > 50 && pmt_script_same(&first, &second)); /* the same place is the same music */
  pmt_midi_list_free(&sink.list);

  /* A roll out of nothing is half a tick late, 500 frames, and no more; one from mid-slot waits for the next. */
  pmt_engine_reset(engine);
  sink = (PmtScriptSink){0};
  PmtScriptEvent cold[] = {pmt_script_at(0, pmt_script_position(0, 1.0f))};
  pmt_script_run(engine, cold, 1, 48000, 333, &sink);
  CHECKF(pmt_script_first_on(&sink.list, 0) == 500, "%d", (int)pmt_script_first_on(&sink.list, 0));
  pmt_midi_list_free(&sink.list);
  pmt_engine_reset(engine);
  sink = (PmtScriptSink){0};
  cold[0] = pmt_script_at(0, pmt_script_position(-7000, 1.0f));
  pmt_script_run(engine, cold, 1, 48000, 333, &sink);
  CHECKF(pmt_script_first_on(&sink.list, 0) == 7000, "%d", (int)pmt_script_first_on(&sink.list, 0));
  CHECK(pmt_engine_stats(engine)->late_slots == 0);
  pmt_midi_list_free(&sink.list);

  /* Ardour: a negative frame at standstill, then a start a few frames into the beat. */
  pmt_engine_reset(engine);
  sink = (PmtScriptSink){0};
  p = pmt_script_position(0, 0.0f);
  p.frame = -176;
  PmtScriptEvent ardour[] = {pmt_script_at(0, p), pmt_script_at(20000, pmt_script_position(80, 1.0f))};
  pmt_script_run(engine, ardour, 2, 48000, 64, &sink);
  CHECK(pmt_script_first_on(&sink.list, 20000) == 0);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

/** Copy of the events from `from` on, in frames since then. */
static PmtMidiList since(const PmtMidiList* const list, const uint64_t from, const uint64_t to) {
  PmtMidiList part = {0};
  for (size_t i = 0; i < list->n_events; ++i) {
    const PmtTimedMidi* const event = &list->events[i];
    if (event->frame >= from && event->frame < to) {
      CHECK(!pmt_midi_list_add(&part, event->frame - from, event->bytes, event->size));
    }
  }
  return part;
}

/** Stop and start elsewhere so soon that nothing is prepared: the first slot is late by half a tick, then it is the same
    music. (Sooner still, and it were a locate: tests/test_loop.c.) */
static void test_restart(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  PmtControls other = pmt_controls_default();
  other.seed = 4.0f;
  const PmtScriptEvent events[] = {
    pmt_script_at(0, pmt_script_position(0, 1.0f)), pmt_script_at(96000, pmt_script_position(96000, 0.0f)),
    pmt_script_at(96000, pmt_script_position(0, 0.0f)),
    pmt_script_at(101000, pmt_script_position(0, 1.0f)), pmt_script_at(197000, pmt_script_position(96000, 0.0f)),
    pmt_script_at(197000, pmt_script_position(0, 0.0f)), pmt_script_set(202100, other),
    pmt_script_at(202100, pmt_script_position(0, 1.0f)), pmt_script_at(298100, pmt_script_position(96000, 0.0f)),
    pmt_script_at(298100, pmt_script_position(0, 0.0f)), pmt_script_at(350000, pmt_script_position(0, 1.0f)),
  };
  PmtScriptSink sink = {0};
  pmt_script_run(engine, events, COUNT(events), 446000, 200, &sink);
  PmtMidiList a = since(&sink.list, 1, 96000), b = since(&sink.list, 101001, 197000); /* 96000: the stop's own ends */
  b.n_events = a.n_events < b.n_events ? a.n_events : b.n_events; /* without the ends at the second stop */
  CHECK(a.n_events > 50 && pmt_script_same(&a, &b));
  pmt_midi_list_free(&a);
  pmt_midi_list_free(&b);
  /* a knob turned while the first slot was in the making counts; and the prepared slot is the same one */
  a = since(&sink.list, 202100 + 13000, 202100 + 95000);
  b = since(&sink.list, 350000 + 13000, 350000 + 95000);
  CHECK(a.n_events > 50 && pmt_script_same(&a, &b));
  CHECK(pmt_script_first_on(&sink.list, 202100) == 500 && pmt_script_first_on(&sink.list, 350000) == 0);
  pmt_midi_list_free(&a);
  pmt_midi_list_free(&b);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

/** However far the slot was that a jump throws away: the music goes on from the last one played. */
static void test_jump_state(void) {
  PmtMidiList after[2];
  for (uint32_t i = 0; i < 2; ++i) {
    PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
    const uint64_t jump = i ? 95900 : 84010; /* both in the last slot of the first bar */
    const PmtScriptEvent events[] = {pmt_script_at(0, pmt_script_position(0, 1.0f)),
                                     pmt_script_at(jump, pmt_script_position(5 * 96000, 1.0f))};
    PmtScriptSink sink = {0};
    pmt_script_run(engine, events, 2, 300000, 128, &sink);
    after[i] = since(&sink.list, jump + 11000, jump + 150000); /* one had its next slot ready, the other hurries */
    pmt_midi_list_free(&sink.list);
    pmt_engine_free(engine);
  }
  CHECK(after[0].n_events > 50 && pmt_script_same(&after[0], &after[1]));
  pmt_midi_list_free(&after[0]);
  pmt_midi_list_free(&after[1]);
}

/** Half a tick into a slot and half a tick late: a note of one tick would end as it begins. */
static void test_shortest(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
  PmtControls c = pmt_controls_default();
  uint32_t at_entry = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    c.seed = (float)seed;
    const PmtScriptEvent events[] = {pmt_script_set(0, c), pmt_script_at(0, pmt_script_position(500, 1.0f))};
    PmtScriptSink sink = {0};
    pmt_engine_reset(engine);
    pmt_script_run(engine, events, 2, 3000, 100, &sink);
    const PmtTimedMidi* begun[128] = {0};
    for (size_t i = 0; i < sink.list.n_events; ++i) {
      const PmtTimedMidi* const event = &sink.list.events[i];
      if ((event->bytes[0] & 0xf0) == 0x90) {
        begun[event->bytes[1]] = event;
        at_entry += event->frame == 500;
      } else if (begun[event->bytes[1]] && begun[event->bytes[1]]->bytes[0] == (event->bytes[0] | 0x10)) {
        const bool again =
            i + 1 < sink.list.n_events && event[1].frame == event->frame && event[1].bytes[1] == event->bytes[1];
        CHECK(again ||
              event->frame > begun[event->bytes[1]]->frame); /* struck twice within the delay is one longer note */
      }
    }
    pmt_midi_list_free(&sink.list);
  }
  CHECK(at_entry > 150);
  pmt_engine_free(engine);
}

static void test_loop(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
  PmtScriptSink sink = {0};
  PmtScriptEvent events[12];
  size_t n = 0;
  events[n++] = pmt_script_at(0, pmt_script_position(0, 0.0f));
  for (uint64_t i = 0; i < 10; ++i) {
    events[n++] = pmt_script_at(24000 + i * 96000, pmt_script_position(0, 1.0f));
  }
  pmt_script_run(engine, events, n, 24000 + 960000, 512, &sink);
  for (uint64_t i = 1; i < 10; ++i) {
    const uint64_t wrap = 24000 + i * 96000;
    uint32_t sounding = 0;
    for (size_t k = 0; k < sink.list.n_events && sink.list.events[k].frame <= wrap; ++k) {
      const bool on = (sink.list.events[k].bytes[0] & 0xf0) == 0x90;
      if (on && sink.list.events[k].frame == wrap) {
        break; /* the first of the next pass */
      }
      sounding += on ? 1u : UINT32_MAX;
    }
    CHECKF(sounding == 0, "%u notes sound across the loop's end", sounding);
    CHECKF(pmt_script_first_on(&sink.list, wrap) == 0, "wrap %d: %d", (int)i, (int)pmt_script_first_on(&sink.list, wrap));
    CHECK(pmt_script_count_on(&sink.list, wrap, wrap + 96000) > 20);
  }
  CHECK(pmt_engine_stats(engine)->late_slots == 0 && pmt_engine_stats(engine)->bar == 0);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

/* ---- Time -------------------------------------------------------------------------------------------------------- */

/** An hour at 137 BPM with positions each cycle, rounded to 1/1920 beat: every onset on a tick, within a frame. */
static void test_hour(void) {
  PmtEngine* const engine = pmt_script_engine(&(PmtTinyOptions){.d = 8, .h = 16, .layers = 1, .slot_bias = -2.0f});
  PmtScriptSink sink = {0};
  const PmtMidiOut out = pmt_script_out(&sink);
  const double per_tick = 60.0 / 137.0 * 48000.0 / 24.0;
  for (uint64_t i = 0; sink.frame < 3600u * 48000u; ++i) {
    const double beats = floor((double)sink.frame / 24.0 / per_tick * 1920.0 + 0.5) / 1920.0;
    const double bar = floor(beats / 4.0);
    const PmtPosition p = {.frame = (int64_t)sink.frame,
                           .speed = 1.0f,
                           .bar = (int64_t)bar,
                           .bar_beat = beats - 4.0 * bar,
                           .beats_per_bar = 4.0f,
                           .unit = 4,
                           .bpm = 137.0f};
    sink.n_frames = 500 + (uint32_t)(pmt_random_bits(4, 4, i) % 2000);
    pmt_engine_position(engine, &p, &out, 0);
    pmt_engine_advance(engine, sink.n_frames, &out, 0);
    sink.frame += sink.n_frames;
  }
  const size_t n = sink.list.n_events;
  CHECK(n > 10000 && sink.list.events[n - 1].frame > 3590u * 48000u);
  CHECK(pmt_engine_stats(engine)->slots >= 16440 && pmt_engine_stats(engine)->late_slots == 0);
  double worst = 0.0;
  for (size_t i = 0; i < n; ++i) {
    const double tick = floor((double)sink.list.events[i].frame / per_tick + 1e-6);
    const double off = (double)sink.list.events[i].frame - tick * per_tick;
    worst = sink.list.events[i].frame > 1000 && off > worst ? off : worst; /* the first slot of a cold start is late */
  }
  CHECKF(worst < 1.0, "%g frames", worst);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

typedef struct { uint32_t beats, unit; } Meter;

/** Slots of every meter begin where they should: with a note at each slot's head, onsets fall on its bars' grid. */
static void test_meters(void) {
  static const Meter meters[] = {{4, 4}, {3, 4}, {6, 8}, {7, 8}, {7, 16}, {5, 4}, {2, 2}, {1, 8}};
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  for (size_t i = 0; i < COUNT(meters); ++i) {
    const PmtRenderOptions o = {.sample_rate = 48000.0, .bars = 6, .quarter_bpm = 120.0, .beats = meters[i].beats,
                                .unit = meters[i].unit, .block = 480};
    const PmtControls c = pmt_controls_default();
    PmtMidiList list = {0};
    const uint64_t before = pmt_engine_stats(engine)->slots;
    CHECK(!pmt_render(engine, &c, &o, &list, NULL));
    const uint32_t bar_ticks = pmt_meter_bar_ticks((PmtMeter){(float)meters[i].beats, (int)meters[i].unit});
    const uint64_t slots = 6 * ((bar_ticks + 11) / 12);
    CHECKF(pmt_engine_stats(engine)->slots - before == slots, "%u/%u: %d slots for %d", meters[i].beats, meters[i].unit,
           (int)(pmt_engine_stats(engine)->slots - before), (int)slots);
    for (size_t k = 0; k < list.n_events; ++k) {
      CHECK(list.events[k].frame % 1000 == 0); /* a tick is 1000 frames */
    }
    CHECK(pmt_script_count_on(&list, 0, 6u * bar_ticks * 1000) > slots);
    CHECK(pmt_engine_stats(engine)->bar == 5);
    pmt_midi_list_free(&list);
  }
  pmt_engine_free(engine);
}

/** The meter changes where the host says: no silence, no note off the grid. */
static void test_meter_change(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
  PmtScriptSink sink = {0};
  PmtPosition three = pmt_script_position(2 * 96000, 1.0f);
  three.beats_per_bar = 3.0f;
  PmtPosition early = pmt_script_position(2 * 96000 + 72000, 1.0f); /* our bar goes on, the host has begun another */
  early.bar = 3;
  early.bar_beat = 0.0;
  early.beats_per_bar = 4.0f;
  const PmtScriptEvent events[] = {
      pmt_script_at(0, pmt_script_position(0, 0.0f)), pmt_script_at(24000, pmt_script_position(0, 1.0f)),
      pmt_script_at(24000 + 2 * 96000, three), pmt_script_at(24000 + 2 * 96000 + 72000, early)};
  pmt_script_run(engine, events, COUNT(events), 24000 + 600000, 100, &sink);
  for (uint64_t slot = 24000; slot < 600000; slot += 12000) {
    CHECKF(pmt_script_count_on(&sink.list, slot, slot + 12000) > 0, "silence at %d", (int)slot);
  }
  CHECK(pmt_engine_stats(engine)->late_slots == 0);
  pmt_midi_list_free(&sink.list);

  /* 4/4 that turns out to be 3/4 at its last beat, told by nothing but the bar number */
  pmt_engine_reset(engine);
  sink = (PmtScriptSink){0};
  PmtPosition p = pmt_script_position(72000, 1.0f);
  p.bar = 1;
  p.bar_beat = 0.0;
  const PmtScriptEvent odd[] = {pmt_script_at(0, pmt_script_position(0, 0.0f)),
                                pmt_script_at(24000, pmt_script_position(0, 1.0f)), pmt_script_at(96000, p)};
  pmt_script_run(engine, odd, COUNT(odd), 200000, 100, &sink);
  CHECK(pmt_script_first_on(&sink.list, 96000) == 500); /* T6 was made, T0 is wanted: made anew, half a tick late */
  CHECK(pmt_engine_stats(engine)->bar == 2);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

/** The host changes the bar just after a slot began: that slot is not played again. */
static void test_rebar_after_slot(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
  PmtScriptSink sink = {0};
  PmtPosition five = pmt_script_position(36300, 1.0f);
  five.beats_per_bar = 5.0f;
  const PmtScriptEvent events[] = {pmt_script_at(0, pmt_script_position(0, 0.0f)),
                                   pmt_script_at(24000, pmt_script_position(0, 1.0f)),
                                   pmt_script_at(24000 + 36300, five)};
  pmt_script_run(engine, events, COUNT(events), 24000 + 120000, 100, &sink);
  CHECKF(pmt_engine_stats(engine)->slots == 10 && pmt_engine_stats(engine)->bar == 0, "%d slots",
         (int)pmt_engine_stats(engine)->slots);
  pmt_script_run(engine, NULL, 0, 24000 + 120001, 100, &sink);
  CHECK(pmt_engine_stats(engine)->bar == 1);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

static void test_rates(void) {
  static const double rates[] = {8000.0, 44100.0, 192000.0};
  for (size_t i = 0; i < COUNT(rates); ++i) {
    PmtEngine* engine;
    CHECK(!pmt_engine_new(rates[i], pmt_script_player(&pmt_script_busy), &engine));
    const PmtRenderOptions o = {
        .sample_rate = rates[i], .bars = 4, .quarter_bpm = 91.0, .beats = 4, .unit = 4, .block = 64};
    const PmtControls c = pmt_controls_default();
    const double per_tick = 60.0 / 91.0 * rates[i] / 24.0;
    PmtMidiList list = {0};
    CHECK(!pmt_render(engine, &c, &o, &list, NULL));
    CHECK(list.n_events > 100 && pmt_script_first_on(&list, 0) == 0 && pmt_engine_stats(engine)->late_slots == 0);
    for (size_t k = 0; k < list.n_events && list.events[k].frame < (uint64_t)(384.0 * per_tick); ++k) {
      const double tick = floor((double)list.events[k].frame / per_tick + 1e-6);
      CHECK((double)list.events[k].frame - tick * per_tick < 1.0);
    }
    pmt_midi_list_free(&list);
    pmt_engine_free(engine);
  }
}

/* ---- Late slots, broken models, no memory ------------------------------------------------------------------------ */

/** A note whose duration was cut off is not played: it would wait with none. */
static void test_unfinished(void) {
  PmtEngine* const engine =
      pmt_script_engine(&(PmtTinyOptions){.note_bias = 6.0f, .slot_bias = -6.0f, .d = 192, .h = 256});
  PmtScriptSink sink = {0};
  PmtPosition fast = pmt_script_position(0, 1.0f);
  fast.bpm = 1500.0f;
  const PmtScriptEvent start[] = {pmt_script_at(0, fast)};
  pmt_script_run(engine, start, 1, 1, 1, &sink);
  uint32_t seen = 0;
  for (uint32_t i = 0; i < 5000; ++i) {
    pmt_script_run(engine, NULL, 0, sink.frame + 16, 16, &sink);
    for (uint32_t k = 0; k < engine->schedule.n; ++k) {
      CHECK(engine->schedule.heap[k].off > engine->schedule.heap[k].on);
      ++seen;
    }
  }
  CHECK(seen > 1000 && engine->stats.late_slots > 50);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

static void test_late(void) {
  PmtEngine* const engine =
      pmt_script_engine(&(PmtTinyOptions){.note_bias = 6.0f, .slot_bias = -6.0f, .d = 192, .h = 256});
  const PmtControls c = pmt_controls_default();
  PmtMidiList first = {0};
  for (uint32_t block = 16; block <= 1024; block *= 8) {
    const PmtRenderOptions o = {
        .sample_rate = 48000.0, .bars = 30, .quarter_bpm = 1500.0, .beats = 4, .unit = 4, .block = block};
    PmtMidiList list = {0};
    pmt_engine_reset(engine);
    CHECK(!pmt_render(engine, &c, &o, &list, NULL));
    const PmtEngineStats* const s = pmt_engine_stats(engine);
    CHECKF(s->late_slots > 100 && s->slots == 240, "%d late of %d", (int)s->late_slots, (int)s->slots);
    CHECK(list.n_events > 100 && s->notes_on == s->notes_off);
    CHECK(block == 16 || pmt_script_same(&first, &list)); /* late alike */
    if (block == 16) {
      first = list;
    } else {
      pmt_midi_list_free(&list);
    }
  }
  pmt_midi_list_free(&first);
  pmt_engine_free(engine);
}

static void test_no_memory(void) {
  PmtStatus status = PMT_NO_MEM;
  size_t n = 0;
  for (; status; ++n) {
    PmtModel* const model = pmt_script_model(NULL);
    PmtPlayer* player;
    PmtEngine* engine = NULL;
    pmt_fail_after(n);
    status = pmt_player_new(model, &player);
    if (player) {
      status = pmt_engine_new(48000.0, player, &engine);
    }
    pmt_fail_never();
    CHECK(status == PMT_OK || (status == PMT_NO_MEM && !engine));
    if (engine) {
      pmt_engine_free(engine);
    } else if (player) {
      pmt_player_free(player); /* a refused engine did not take it over */
    } else {
      pmt_model_free(model);
    }
  }
  CHECK(n > 3);
}

/* ---- Chaos ------------------------------------------------------------------------------------------------------- */

typedef struct { uint64_t key, n; } Dice;
static uint32_t roll(Dice* const d, const uint32_t sides) {
  return (uint32_t)(pmt_random_bits(d->key, 1, d->n++) % sides);
}

static float any_float(Dice* const d) {
  static const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1.0f, 0.0f, 1.0f, 0.5f};
  return roll(d, 3) ? (float)roll(d, 200) / 16.0f : odd[roll(d, 8)];
}

static PmtPosition any_position(Dice* const d, int64_t* const song) {
  if (!roll(d, 3)) {
    *song = (int64_t)roll(d, 2000000) - 5000;
  }
  PmtPosition p = pmt_script_position(*song, roll(d, 4) ? 1.0f : 0.0f);
  if (!roll(d, 6)) {
    p.bpm = any_float(d) * 20.0f;
  }
  if (!roll(d, 6)) {
    p.beats_per_bar = any_float(d);
    p.unit = (int)roll(d, 20);
  }
  if (!roll(d, 12)) {
    p.bar_beat = (double)any_float(d);
  }
  if (!roll(d, 12)) {
    p.frame = roll(d, 2) ? PMT_NO_FRAME : (int64_t)roll(d, 1000000);
  }
  if (!roll(d, 20)) {
    p.speed = any_float(d);
  }
  return p;
}

static void chaos(const uint64_t key, PmtEngine* const engine, PmtPlayer** const spare) {
  Dice d = {.key = key};
  PmtScriptSink sink = {.refuse_one_in = roll(&d, 3) ? 0 : 1 + roll(&d, 5)};
  const PmtMidiOut out = pmt_script_out(&sink);
  PmtControls c = pmt_controls_default();
  int64_t song = 0;
  pmt_engine_reset(engine);
  for (uint32_t i = 0; i < 120; ++i) {
    sink.n_frames = 0;
    switch (roll(&d, 8)) {
    case 0: {
      float* const field = (float*)&c;
      field[roll(&d, sizeof c / sizeof *field)] = any_float(&d);
      pmt_engine_controls(engine, &c);
      break;
    }
    case 1:
    case 2: {
      const PmtPosition p = any_position(&d, &song);
      pmt_engine_position(engine, &p, &out, 0);
      break;
    }
    case 3:
      if (*spare && pmt_engine_offer(engine, *spare)) {
        *spare = NULL;
      } else if (!*spare) {
        *spare = pmt_engine_take_old(engine);
      }
      break;
    case 4:
      if (!roll(&d, 8)) {
        pmt_engine_silence(engine, &out, 0);
      }
      break;
    default: break;
    }
    sink.n_frames = roll(&d, 5) ? roll(&d, 3000) : 0;
    pmt_engine_advance(engine, sink.n_frames, &out, 0);
    sink.frame += sink.n_frames;
    song += sink.n_frames;
  }
  pmt_script_check_ends(engine, &sink);
  const PmtEngineStats* const s = pmt_engine_stats(engine);
  CHECK(s->notes_off * 2 == sink.list.n_events);
  pmt_midi_list_free(&sink.list);
}

static void test_chaos(void) {
  PmtEngine* const engine = pmt_script_engine(&(PmtTinyOptions){.d = 8, .h = 16, .layers = 1, .note_bias = 2.0f});
  PmtPlayer* spare =
      pmt_script_player(&(PmtTinyOptions){.seed = 3, .d = 8, .h = 16, .layers = 1, .parts = 2, .note_bias = 2.0f});
  for (uint64_t i = 0; i < 2500; ++i) {
    chaos(i, engine, &spare);
  }
  pmt_player_free(spare);
  pmt_engine_free(engine);
}

static void test_bad_rate(void) {
  PmtEngine* engine;
  CHECK(pmt_engine_new(0.0, NULL, &engine) == PMT_BAD_ARG && pmt_engine_new(NAN, NULL, &engine) == PMT_BAD_ARG &&
        !engine);
  pmt_engine_free(NULL);
  pmt_player_free(NULL);
}

/** A model that is told what a listener hears is made anew from what was played, wherever the music goes on. */
static void test_listening(const char* const arch) {
  pmt_script_listen(arch);
  test_blocks();
  test_jump_state();
  test_loop();
  test_late();
  test_no_memory();
  pmt_script_listen(NULL);
}

int main(void) {
  test_blocks();
  test_starts();
  test_restart();
  test_jump_state();
  test_shortest();
  test_loop();
  test_meters();
  test_meter_change();
  test_rebar_after_slot();
  test_rates();
  test_unfinished();
  test_late();
  test_bad_rate();
  test_no_memory();
  test_listening("lstm");
  test_listening("tf");
  test_hour();
  test_chaos();
  return 0;
}
