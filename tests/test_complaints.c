/* SPDX-License-Identifier: ISC */
/* What users of other generators and sequencers complained about, part one: transport and notes. docs/complaints.md has
   the list with its sources; the number in a function's name is that of the list. test_complaints.sh checks that none
   is missing. */
#include "check.h"

#include "ports.h"
#include "support/stage.h"

#include <math.h>
#include <string.h>

enum { BAR = 96000, SLOT = BAR / 8, TICK = BAR / 96 }; /* frames in 4/4 at 120 */

/* Stands at bar 0 until the first slot is made, then rolls from frame 24000 of the host's on. */
static void start(PmtStage* const s) {
  pmt_stage_open(s, PMT_HOST_POLLED);
  pmt_stage_wait(s);
  pmt_stage_roll(s, true);
}

static void turn(PmtStage* const s, const PmtPortIndex port, const float value) {
  *pmt_host_port(s->host, port) = value;
}

/* Roll until something sounds that goes on sounding. */
static void roll_into_a_note(PmtStage* const s) {
  do {
    pmt_stage_play(s, 64);
    CHECK(pmt_host_frame(s->host) < 100 * BAR);
  } while (pmt_host_sounding(s->host) < 2);
}

/* ---- Transport and host sync ------------------------------------------------------------------------------------- */

static void c21_follows_the_position_and_not_its_jitter(void) {
  PmtStage s;
  start(&s);
  s.daw.rounding = 1920;
  s.daw.jitter = 12;
  pmt_stage_play_bars(&s, 4);
  CHECK(*pmt_host_port(s.host, PMT_PORT_BAR) == 3.0f || *pmt_host_port(s.host, PMT_PORT_BAR) == 4.0f);
  pmt_stage_locate(&s, 77 * BAR);
  pmt_stage_play_bars(&s, 2.5);
  CHECK(*pmt_host_port(s.host, PMT_PORT_BAR) == 79.0f);
  for (size_t i = 0; i < s.n_onsets; ++i) { /* a dozen frames are neither a beat missed nor one played twice */
    CHECK(s.onsets[i].late < 25.0);
    CHECK(i == 0 || s.onsets[i].tick >= s.onsets[i - 1].tick);
  }
  pmt_stage_close(&s);
}

static void c22_a_change_of_tempo_doubles_nothing(void) {
  PmtStage steady, bent;
  start(&steady);
  pmt_stage_play_bars(&steady, 16);
  start(&bent);
  for (int i = 0; i < 64; ++i) {
    pmt_daw_tempo(&bent.daw, i % 3 ? 60.0f + 3.0f * (float)i : 260.0f - 2.0f * (float)i);
    pmt_stage_play_bars(&bent, 0.25);
  }
  CHECK(pmt_stage_check_same(&steady, 0, &bent, 0) > 300);
  pmt_stage_close(&steady);
  pmt_stage_close(&bent);
}

/* @return onsets within a slot from the wrap on, the first of them */
static size_t loop_once(PmtStage* const s, const int64_t latency, uint64_t* const wrap) {
  *wrap = pmt_host_frame(s->host) - (uint64_t)latency;
  pmt_stage_locate(s, latency);
  pmt_stage_play_bars(s, 1);
  return pmt_stage_count(s, *wrap, *wrap + SLOT - 100);
}

static void c23_the_first_step_once_when_looping(void) {
  for (int64_t latency = 0; latency <= 80; latency += 80) {
    PmtStage s;
    start(&s);
    pmt_stage_play(&s, (uint64_t)(BAR + latency));
    for (int pass = 0; pass < 16; ++pass) {
      uint64_t wrap;
      CHECKF(loop_once(&s, latency, &wrap) > 0, "pass %d has no first step", pass);
      const size_t late = pmt_stage_count(&s, wrap + 2, wrap + TICK - 1);
      CHECKF(!late, "pass %d: %zu onsets just behind the loop point", pass, late);
    }
    pmt_stage_check_on_time(&s, 0);
    pmt_stage_close(&s);
  }
}

static void c24_nothing_old_sounds_at_the_loop_start(void) {
  PmtStage s;
  start(&s);
  pmt_stage_play_bars(&s, 1);
  for (int pass = 0; pass < 16; ++pass) {
    const size_t before = s.n_onsets;
    pmt_stage_locate(&s, 0);
    pmt_stage_play(&s, 1);
    CHECKF(pmt_host_sounding(s.host) == s.n_onsets - before, "%u notes sound, %zu began", pmt_host_sounding(s.host),
           s.n_onsets - before);
    pmt_stage_play(&s, BAR - 1);
  }
  pmt_stage_close(&s);
}

static void c25_runs_while_the_daw_stands(void) {
  for (int silent = 0; silent < 2; ++silent) { /* the DAW stands; it says nothing at all */
    PmtStage s;
    pmt_stage_open(&s, PMT_HOST_NO_WORKER);
    turn(&s, PMT_PORT_RUN, 1);
    turn(&s, PMT_PORT_TEMPO, 90);
    for (int i = 0; i < 1000; ++i) {
      silent ? pmt_stage_cycle(&s, 256) : pmt_stage_play(&s, 256);
    }
    const uint64_t first = pmt_stage_first(&s, 0);
    CHECKF(s.n_onsets > 30 && first < 48000 / 2, "%zu notes", s.n_onsets);
    for (size_t i = 0; i < s.n_onsets; ++i) { /* 48000 * 60 / 90 / 24 frames a tick */
      const double ticks = (double)(s.onsets[i].frame - 12000) * 3.0 / 4000.0;
      CHECKF(ticks - floor(ticks + 1e-6) < 0.001, "%.4f", ticks);
    }
    turn(&s, PMT_PORT_RUN, 0);
    pmt_stage_cycle(&s, 256);
    CHECK(!pmt_host_sounding(s.host));
    pmt_stage_close(&s);
  }
}

static void c26_every_way_to_say_where_it_is(void) {
  PmtStage plain;
  start(&plain);
  pmt_stage_play_bars(&plain, 8);
  static const PmtDawFields fields[] = {PMT_DAW_FRAMES_ALONE, PMT_DAW_NO_FRAMES};
  for (int i = 0; i < 2; ++i) {
    PmtStage s;
    pmt_stage_open(&s, PMT_HOST_NO_WORKER);
    s.daw.fields = fields[i];
    pmt_stage_wait(&s);
    pmt_stage_roll(&s, true);
    pmt_stage_play_bars(&s, 8);
    CHECK(pmt_stage_check_same(&plain, 0, &s, 0) > 100);
    pmt_stage_close(&s);
  }
  pmt_stage_close(&plain);
}

static void c27_tempo_and_meter_of_the_first_position(void) {
  PmtStage s;
  pmt_stage_open(&s, PMT_HOST_POLLED);
  PmtHostState* const session = calloc(1, sizeof *session);
  CHECK(session);
  pmt_host_save(s.host, session, (PmtHostPaths){true, true, true});
  pmt_stage_close(&s);
  pmt_stage_open(&s, PMT_HOST_POLLED); /* the session is loaded */
  pmt_host_restore(s.host, session, (PmtHostPaths){true, true, true});
  free(session);
  pmt_daw_meter(&s.daw, 7, 8);
  pmt_daw_tempo(&s.daw, 2.0f * 73.0f);
  s.every_cycle = false;
  pmt_stage_wait(&s);
  pmt_stage_roll(&s, true);
  pmt_stage_play_bars(&s, 8);
  CHECK(s.n_onsets > 60);
  pmt_stage_check_on_time(&s, 0);
  pmt_stage_close(&s);
}

static void c28_the_first_beat_at_position_zero(void) {
  static const int64_t from[] = {0, -1, -176, -4096};
  PmtStage plain;
  start(&plain);
  pmt_stage_play_bars(&plain, 4);
  for (int i = 0; i < 4; ++i) {
    PmtStage s;
    pmt_stage_open(&s, PMT_HOST_NO_WORKER);
    pmt_stage_locate(&s, from[i]);
    pmt_stage_wait(&s);
    pmt_stage_roll(&s, true);
    pmt_stage_play_bars(&s, 4);
    const int64_t later = (int64_t)pmt_stage_first(&s, 0) - (int64_t)pmt_stage_first(&plain, 0) + from[i];
    CHECKF(later == 0 || later == 1, "%lld", (long long)later); /* a beat before zero is no round float */
    CHECK(pmt_stage_check_same(&plain, 0, &s, 0) > 50);
    pmt_stage_close(&s);
  }
  pmt_stage_close(&plain);
}

static void c29_without_a_tempo_120_and_in_time(void) {
  PmtStage s;
  pmt_stage_open(&s, PMT_HOST_NO_WORKER);
  s.daw.fields = PMT_DAW_FRAMES_ALONE;
  s.every_cycle = false;
  pmt_stage_wait(&s);
  pmt_stage_roll(&s, true);
  pmt_stage_play_bars(&s, 8);
  CHECK(s.n_onsets > 60);
  for (size_t i = 0; i < s.n_onsets; ++i) {
    CHECK((s.onsets[i].frame - 24000) % TICK == 0);
  }
  pmt_stage_close(&s);
}

/* Split cycles, from before zero, rounded, latency in loops: what the probe saw of Ardour 7. */
static void c30_in_sync_the_way_ardour_says_it(void) {
  static const uint32_t sizes[] = {64, 32, 41, 64, 64, 23};
  PmtStage s;
  pmt_stage_open(&s, PMT_HOST_NO_WORKER);
  s.daw.rounding = 1920;
  pmt_daw_tempo(&s.daw, 97.3f);
  pmt_stage_locate(&s, 80);
  pmt_stage_wait(&s);
  pmt_stage_locate(&s, -176);
  pmt_stage_play(&s, 64);
  pmt_stage_roll(&s, true);
  const uint64_t rolled = pmt_host_frame(s.host);
  const int64_t end = pmt_daw_bar_start(&s.daw, 2);
  for (int i = 0, wraps = 0; wraps < 8; ++i) {
    const int64_t left = end + 80 - s.daw.frame;
    pmt_stage_play(&s, left < sizes[i % 6] ? (uint64_t)left : sizes[i % 6]);
    if (s.daw.frame == end + 80) {
      pmt_stage_locate(&s, 80);
      ++wraps;
    }
  }
  CHECK(s.n_onsets > 200);
  pmt_stage_check_on_time(&s, rolled + 176 + 800);
  pmt_stage_close(&s);
}

static void c31_the_tempo_is_taken_while_it_stands(void) {
  PmtStage s;
  pmt_stage_open(&s, PMT_HOST_NO_WORKER);
  s.every_cycle = false;
  pmt_stage_play(&s, 1000);
  pmt_daw_tempo(&s.daw, 171.0f);
  s.changed = true;
  pmt_stage_wait(&s);
  const PmtPosition roll = {.frame = 0, .speed = 1, .bar_beat = -1}; /* it says no more */
  const uint64_t began = pmt_host_frame(s.host);
  pmt_host_send_position(s.host, 0, &roll, PMT_HOST_PLAIN);
  for (int i = 0; i < 1000; ++i) {
    pmt_stage_cycle(&s, 256);
  }
  CHECK(s.n_onsets > 40);
  const double tick = 48000.0 * 60.0 / 171.0 / 24.0;
  for (size_t i = 0; i < s.n_onsets; ++i) {
    const double ticks = (double)(s.onsets[i].frame - began) / tick;
    CHECK((ticks - floor(ticks + 1e-6)) * tick < 1.0);
  }
  pmt_stage_close(&s);
}

static void c32_enters_on_the_grid_wherever_it_starts(void) {
  static const int64_t from[] = {1, 5000, 30001, 95999, 7 * BAR + 12345};
  for (int i = 0; i < 5; ++i) {
    PmtStage s;
    pmt_stage_open(&s, PMT_HOST_NO_WORKER);
    pmt_stage_locate(&s, from[i]);
    pmt_stage_wait(&s);
    pmt_stage_roll(&s, true);
    pmt_stage_play_bars(&s, 4);
    const uint64_t slot = (uint64_t)(SLOT - from[i] % SLOT) % SLOT; /* frames to the next slot ... */
    const uint64_t entry = 24000 + (from[i] % SLOT <= TICK / 2 ? 0 : slot); /* ... or half a tick behind one's start */
    CHECK(pmt_stage_first(&s, 0) >= entry && pmt_stage_first(&s, 0) < entry + SLOT);
    pmt_stage_check_on_time(&s, 24001);
    pmt_stage_close(&s);
  }
}

static void c33_follows_the_grid_of_a_project_that_slows_down(void) {
  PmtStage s;
  start(&s);
  s.ramp = 0.9998f;
  pmt_stage_play(&s, 256 * 4000);
  CHECKF(s.daw.bpm < 60.0f, "%g", (double)s.daw.bpm);
  CHECK(s.n_onsets > 100);
  for (size_t i = 0; i < s.n_onsets; ++i) { /* 1/100 beat is what the clock lets pass */
    CHECKF(s.onsets[i].late < 0.25 * pmt_daw_frames_per_tick(&s.daw), "%g", s.onsets[i].late);
  }
  pmt_stage_close(&s);
}

static void c34_a_position_in_every_cycle_changes_nothing(void) {
  PmtStage often, seldom;
  start(&often);
  often.block = 16;
  start(&seldom);
  seldom.every_cycle = false;
  pmt_stage_play_bars(&often, 6);
  pmt_stage_play_bars(&seldom, 6);
  CHECK(often.n_onsets == seldom.n_onsets && pmt_stage_check_same(&often, 0, &seldom, 0) > 100);
  static const PmtPosition odd[] = {
      {.frame = PMT_NO_FRAME, .speed = NAN, .bar_beat = -1},
      {.frame = PMT_NO_FRAME, .speed = 1, .bar_beat = (double)NAN, .bpm = NAN},
      {.frame = PMT_NO_FRAME, .speed = 1, .bar_beat = -1, .beats_per_bar = -3, .unit = 1000}};
  for (int i = 0; i < 300; ++i) { /* and what makes no sense does no harm */
    pmt_host_send_position(often.host, 0, &odd[i % 3], PMT_HOST_DOUBLES);
    pmt_stage_cycle(&often, 256);
    pmt_stage_cycle(&seldom, 256);
  }
  CHECK(often.n_onsets == seldom.n_onsets && pmt_stage_check_same(&often, 0, &seldom, 0) > 100);
  pmt_stage_close(&often);
  pmt_stage_close(&seldom);
}

/* ---- Stuck and missing notes ------------------------------------------------------------------------------------- */

static void c36_a_stop_ends_notes(void) {
  PmtStage s;
  start(&s);
  for (int i = 0; i < 20; ++i) {
    roll_into_a_note(&s);
    pmt_stage_roll(&s, false);
    pmt_stage_play(&s, 1);
    CHECK(!pmt_host_sounding(s.host));
    pmt_stage_wait(&s);
    pmt_stage_roll(&s, true);
  }
  pmt_stage_close(&s);
}

/* Each by its own note-off, at the very frame; and nothing but note-ons and note-offs is sent without Panic. */
static void c37_each_note_has_its_own_note_off(void) {
  PmtStage s;
  start(&s);
  pmt_stage_play_bars(&s, 4);
  roll_into_a_note(&s);
  const uint32_t sounding = pmt_host_sounding(s.host);
  const size_t before = pmt_host_midi(s.host)->n_events;
  pmt_stage_roll(&s, false);
  pmt_stage_play(&s, 4800);
  const PmtMidiList* const list = pmt_host_midi(s.host);
  CHECK(list->n_events - before == sounding);
  for (size_t i = 0; i < list->n_events; ++i) {
    CHECK((list->events[i].bytes[0] & 0xe0) == 0x80);
  }
  pmt_stage_close(&s);
}

static void c38_bypassed_with_notes_held(void) {
  PmtStage s;
  start(&s);
  roll_into_a_note(&s);
  turn(&s, PMT_PORT_HOLD, 1);
  pmt_stage_play_bars(&s, 2);
  CHECK(pmt_host_sounding(s.host));
  turn(&s, PMT_PORT_ENABLED, 0);
  pmt_stage_play(&s, 1);
  CHECK(!pmt_host_sounding(s.host));
  turn(&s, PMT_PORT_HOLD, 0);
  turn(&s, PMT_PORT_ENABLED, 1);
  const uint64_t again = pmt_host_frame(s.host);
  pmt_stage_play_bars(&s, 1);
  CHECK(pmt_stage_count(&s, again, UINT64_MAX) > 0);
  pmt_stage_close(&s);
}

static void c39_another_song(void) {
  PmtStage s;
  start(&s);
  for (int i = 0; i < 10; ++i) { /* elsewhere, another tempo and meter, another model, without a stop between */
    roll_into_a_note(&s);
    const size_t before = s.n_onsets;
    pmt_stage_locate(&s, 1000 + i * 12345);
    pmt_daw_tempo(&s.daw, 80.0f + 13.0f * (float)i);
    pmt_daw_meter(&s.daw, i % 2 ? 3 : 5, 4);
    pmt_host_send_model(s.host, 0, pmt_stage_other_model());
    pmt_stage_play(&s, 1);
    CHECK(pmt_host_sounding(s.host) <= s.n_onsets - before);
    pmt_host_work(s.host);
  }
  pmt_host_deactivate(s.host);
  pmt_host_activate(s.host);
  pmt_stage_cycle(&s, 1);
  CHECK(!pmt_host_sounding(s.host));
  pmt_stage_close(&s);
}

static void c40_a_panic_is_survived(void) {
  for (uint8_t controller = 120; controller <= 123; controller += 3) {
    PmtStage s;
    start(&s);
    pmt_stage_play_bars(&s, 1);
    roll_into_a_note(&s);
    for (uint8_t channel = 0; channel < 16; ++channel) {
      pmt_host_send_midi(s.host, 0, (const uint8_t[]){(uint8_t)(0xb0 | channel), controller, 0}, 3);
    }
    pmt_stage_cycle(&s, 0);
    CHECK(!pmt_host_sounding(s.host));
    const uint64_t panicked = pmt_host_frame(s.host);
    pmt_stage_play_bars(&s, 2);
    for (uint64_t slot = 1; slot < 15; ++slot) {
      CHECK(pmt_stage_count(&s, panicked + slot * SLOT, panicked + (slot + 1) * SLOT) > 0);
    }
    pmt_stage_close(&s);
  }
}

static void c41_switched_off_and_on_by_the_host(void) {
  PmtStage s;
  start(&s);
  roll_into_a_note(&s);
  pmt_host_deactivate(s.host); /* run() is not called any more: the next first cycle ends them */
  pmt_host_activate(s.host);
  pmt_stage_cycle(&s, 0);
  CHECK(!pmt_host_sounding(s.host));
  roll_into_a_note(&s);
  pmt_stage_close(&s); /* deleted while it sounds: nothing is left behind, sanitizers say */
}

static void c42_editing_while_it_stands_sounds_nothing(void) {
  PmtStage s;
  start(&s);
  roll_into_a_note(&s);
  pmt_stage_roll(&s, false);
  pmt_stage_play(&s, 256);
  const size_t before = pmt_host_midi(s.host)->n_events;
  for (uint32_t port = PMT_PORT_TEMPERATURE; port <= PMT_PORT_CHANNEL; ++port) {
    const float old = *pmt_host_port(s.host, port);
    turn(&s, port, old + 1.0f);
    pmt_stage_play(&s, 4800);
    pmt_stage_locate(&s, port * 10000);
    pmt_stage_play(&s, 4800);
    turn(&s, port, old);
  }
  CHECK(pmt_host_midi(s.host)->n_events == before);
  pmt_stage_close(&s);
}

/* A note struck again on its channel ends first, at the same frame: both are heard, none is cut by the other's end. */
static void c43_equal_notes_do_not_overlap(void) {
  PmtStage s;
  start(&s);
  turn(&s, PMT_PORT_REGISTER_LOW, 60);
  turn(&s, PMT_PORT_REGISTER_HIGH, 63);
  pmt_stage_play_bars(&s, 16);
  const PmtMidiList* const list = pmt_host_midi(s.host);
  size_t again = 0;
  for (size_t i = 1; i < list->n_events; ++i) {
    const PmtTimedMidi *off = &list->events[i - 1], *on = &list->events[i];
    again += (off->bytes[0] & 0xf0) == 0x80 && on->bytes[0] == (off->bytes[0] | 0x10) &&
             on->bytes[1] == off->bytes[1] && on->frame == off->frame;
  }
  CHECKF(again > 5, "%zu", again); /* and lv2_host.c fails on an onset of a note that sounds */
  pmt_stage_close(&s);
}

int main(void) {
  pmt_stage_begin();
  c21_follows_the_position_and_not_its_jitter();
  c22_a_change_of_tempo_doubles_nothing();
  c23_the_first_step_once_when_looping();
  c24_nothing_old_sounds_at_the_loop_start();
  c25_runs_while_the_daw_stands();
  c26_every_way_to_say_where_it_is();
  c27_tempo_and_meter_of_the_first_position();
  c28_the_first_beat_at_position_zero();
  c29_without_a_tempo_120_and_in_time();
  c30_in_sync_the_way_ardour_says_it();
  c31_the_tempo_is_taken_while_it_stands();
  c32_enters_on_the_grid_wherever_it_starts();
  c33_follows_the_grid_of_a_project_that_slows_down();
  c34_a_position_in_every_cycle_changes_nothing();
  c36_a_stop_ends_notes();
  c37_each_note_has_its_own_note_off();
  c38_bypassed_with_notes_held();
  c39_another_song();
  c40_a_panic_is_survived();
  c41_switched_off_and_on_by_the_host();
  c42_editing_while_it_stands_sounds_nothing();
  c43_equal_notes_do_not_overlap();
  pmt_stage_end();
  return 0;
}
