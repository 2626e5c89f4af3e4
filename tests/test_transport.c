/* SPDX-License-Identifier: ISC */
/* The transport as hosts send it, through the plugin's entry points: onsets lie on their frame whatever the tempo, the
   jitter and the meter, the first beat is never lost, nothing comes twice at a loop point. Where ticks lie is computed
   by support/daw.h from what was said, and from nothing else. */
#include "check.h"

#include "ports.h"
#include "support/rt_watch.h"
#include "support/stage.h"

#include <math.h>

#ifdef PMT_SANITIZED
enum { HOUR = 48000 * 300 }; /* five minutes of it */
#else
enum { HOUR = 48000 * 3600 };
#endif

enum { SLOT = 12000 }; /* an eighth at 120 */

/* The clock of the test sees an onset that is not where it belongs. */
static void test_checker(void) {
  PmtDawClock clock = {.rolling = true, .at = 100, .tick = 12.0, .per_frame = 1.0 / 876.0};
  CHECK(fabs(pmt_daw_lateness(&clock, 100)) < 1e-6 && fabs(pmt_daw_lateness(&clock, 101) - 1.0) < 1e-6);
  CHECK(fabs(pmt_daw_lateness(&clock, 99) - 875.0) < 1e-6);
}

/* As Ardour and Carla: a position each cycle, rounded to 1/1920 beat, and a dozen frames off. */
static void test_hours(void) {
  static const float tempos[] = {97.3f, 137, 61.7f, 233};
  static const uint32_t blocks[] = {1024, 441, 8192, 512};
  for (int i = 0; i < 4; ++i) {
    PmtStage stage;
    pmt_stage_open(&stage, PMT_HOST_NO_WORKER);
    stage.daw.rounding = 1920;
    stage.daw.jitter = 12;
    pmt_daw_tempo(&stage.daw, tempos[i]);
    pmt_stage_wait(&stage);
    pmt_stage_roll(&stage, true);
    stage.block = blocks[i];
    pmt_stage_play(&stage, HOUR);
    CHECK(stage.onsets[0].frame <= 24000 + 30); /* with the first beat, as near to it as the first word was */
    pmt_stage_check_on_time(&stage, 24001);
    const double slots = (double)HOUR / (12.0 * pmt_daw_frames_per_tick(&stage.daw));
    CHECKF((double)stage.n_onsets > slots, "%zu notes in %.0f slots", stage.n_onsets, slots);
    printf("%.1f: %zu notes in %d s, on their frames\n", (double)tempos[i], stage.n_onsets, HOUR / 48000);
    pmt_stage_close(&stage);
  }
}

/* Faster and slower, by the cycle; a host that is right about where it is, and says its tempo a little late. */
static void test_ramps(void) {
  for (int up = 0; up < 2; ++up) {
    PmtStage stage;
    pmt_stage_open(&stage, PMT_HOST_NO_WORKER);
    stage.daw.rounding = 1920;
    pmt_daw_tempo(&stage.daw, up ? 60.0f : 200.0f);
    pmt_stage_wait(&stage);
    pmt_stage_roll(&stage, true);
    stage.ramp = up ? 1.0005f : 0.9995f;
    pmt_stage_play(&stage, 256 * 2400);
    CHECK(up ? stage.daw.bpm > 190.0f : stage.daw.bpm < 70.0f);
    for (size_t i = 1; i < stage.n_onsets; ++i) {
      CHECK(stage.onsets[i].late < 120.0); /* where the host corrects by 1/100 beat, what was due begins at once */
      CHECK(stage.onsets[i].tick >= stage.onsets[i - 1].tick);
    }
    CHECK(stage.onsets[stage.n_onsets - 1].tick > 12.0 * 40);
    pmt_stage_close(&stage);
  }
}

static const struct { float beats; int unit; } meters[] = {{3, 4}, {6, 8}, {7, 8}, {5, 4}, {4, 4}};

static void test_meters(void) {
  for (size_t i = 0; i < 5; ++i) {
    PmtStage stage;
    pmt_stage_open(&stage, PMT_HOST_NO_WORKER);
    pmt_daw_meter(&stage.daw, meters[i].beats, meters[i].unit);
    pmt_daw_tempo(&stage.daw, 97.3f * (float)meters[i].unit / 4.0f);
    pmt_stage_wait(&stage);
    pmt_stage_roll(&stage, true);
    const uint32_t bar = pmt_daw_bar_ticks(&stage.daw);
    pmt_stage_play_bars(&stage, 40.0);
    pmt_stage_check_on_time(&stage, 0);
    bool on_bar[40] = {false};
    for (size_t k = 0; k < stage.n_onsets; ++k) {
      const double in_bar = fmod(stage.onsets[k].tick, bar);
      on_bar[(size_t)(stage.onsets[k].tick / bar)] |= in_bar < 12.0;
    }
    for (int k = 0; k < 40; ++k) {
      CHECKF(on_bar[k], "bar %d of %g/%d has no first slot", k, (double)meters[i].beats, meters[i].unit);
    }
    pmt_stage_close(&stage);
  }
}

/* One after the other at the bar line, told in the cycle that begins there: no onset early, late or lost. */
static void test_meter_changes(void) {
  PmtStage stage;
  pmt_stage_open(&stage, PMT_HOST_NO_WORKER);
  pmt_stage_wait(&stage);
  pmt_stage_roll(&stage, true);
  for (size_t i = 0; i < 20; ++i) {
    pmt_stage_play(&stage, (uint64_t)(pmt_daw_bar_start(&stage.daw, stage.daw.bar + 3) - stage.daw.frame));
    pmt_daw_meter(&stage.daw, meters[i % 5].beats, meters[i % 5].unit);
    stage.changed = true;
    const uint64_t line = pmt_host_frame(stage.host);
    pmt_stage_play(&stage, SLOT - 1);
    CHECKF(pmt_stage_count(&stage, line, line + SLOT - 1) > 0, "no first slot after change %zu", i);
  }
  pmt_stage_check_on_time(&stage, 0);
  pmt_stage_close(&stage);
}

/* The host is located, and says a cycle later that the meter there is another one: no slot is lost over that. */
static void test_meter_told_after_a_jump(void) {
  PmtStage stage;
  pmt_stage_open(&stage, PMT_HOST_NO_WORKER);
  pmt_stage_wait(&stage);
  pmt_stage_roll(&stage, true);
  pmt_stage_play(&stage, 15 * SLOT + 600); /* well into bar 1: ticks are counted anew from the jump on */
  pmt_stage_locate(&stage, 17 * 96000 + 31000);
  pmt_stage_play(&stage, 1024);
  pmt_daw_meter(&stage.daw, 3, 4);
  stage.changed = true;
  const uint64_t told = pmt_host_frame(stage.host);
  pmt_stage_play(&stage, 8 * SLOT);
  for (uint64_t slot = 1; slot < 7; ++slot) {
    CHECKF(pmt_stage_count(&stage, told + slot * SLOT, told + (slot + 1) * SLOT) > 0, "silence in slot %d", (int)slot);
  }
  pmt_stage_close(&stage);
}

/* However a transport starts, its first slot is heard: on time, or half a tick late when nobody could know. It is the
   same slot, too, unless it is the middle of a performance. */
static void test_first_beat(void) {
  PmtStage plain;
  pmt_stage_open(&plain, PMT_HOST_NO_WORKER);
  pmt_stage_wait(&plain);
  pmt_stage_roll(&plain, true);
  pmt_stage_play_bars(&plain, 2.0);
  for (int how = 0; how < 5; ++how) {
    PmtStage stage;
    pmt_stage_open(&stage, PMT_HOST_NO_WORKER);
    uint64_t beat = 0, slack = 1;
    switch (how) {
    case 0: /* stands at 0, rolls */
      pmt_stage_wait(&stage);
      beat = 24000;
      break;
    case 1: /* Ardour: stands at -176, rolls from there */
      pmt_stage_locate(&stage, -176);
      pmt_stage_wait(&stage);
      beat = 24000 + 176;
      break;
    case 2: /* Ardour: -176 for two cycles only */
      pmt_stage_wait(&stage);
      pmt_stage_locate(&stage, -176);
      pmt_stage_play(&stage, 512);
      beat = 24512 + 176;
      slack = 502;
      break;
    case 3: /* JACK: rolls somewhere else, is located, stands for two cycles, rolls */
      pmt_stage_locate(&stage, 7777777);
      pmt_stage_roll(&stage, true);
      pmt_stage_play_bars(&stage, 1.0);
      pmt_stage_roll(&stage, false);
      pmt_stage_locate(&stage, 0);
      pmt_stage_play(&stage, 512);
      beat = pmt_host_frame(stage.host);
      slack = 502;
      break;
    default: /* rolls in the very first cycle */
      slack = 502;
      break;
    }
    pmt_stage_roll(&stage, true);
    pmt_stage_play_bars(&stage, 2.0);
    if (how == 3) {
      CHECK(pmt_stage_count(&stage, beat, beat + SLOT) > 0);
    } else {
      CHECKF(pmt_stage_check_same(&plain, 0, &stage, 0) > 30, "start %d", how);
    }
    pmt_stage_check_on_time(&stage, beat + slack + 1);
    pmt_stage_close(&stage);
  }
  pmt_stage_close(&plain);
}

/* Two passes have the same notes, each as far into the pass as in the other (but for rounding). */
static bool are_passes_alike(const PmtStage* const s, const uint64_t a, const uint64_t b, const uint64_t length) {
  size_t i = 0, k = 0;
  for (; i < s->n_onsets && s->onsets[i].frame < a; ++i) {
  }
  for (; k < s->n_onsets && s->onsets[k].frame < b; ++k) {
  }
  for (; s->onsets[i].frame < a + length && k < s->n_onsets; ++i, ++k) {
    const double off = (double)(s->onsets[i].frame - a) - (double)(s->onsets[k].frame - b);
    if (s->onsets[i].pitch != s->onsets[k].pitch || s->onsets[i].channel != s->onsets[k].channel || fabs(off) > 12.0) {
      return false;
    }
  }
  return true;
}

/* A loop of two bars, told on time or late by Ardour's latency, in cycles that end where it does or do not. */
static void test_loop_points(void) {
  static const int64_t latencies[] = {0, 80, 200};
  for (int i = 0; i < 3; ++i) {
    for (float loop = 0; loop <= 1.0f; ++loop) {
      PmtStage stage;
      pmt_stage_open(&stage, PMT_HOST_NO_WORKER);
      *pmt_host_port(stage.host, PMT_PORT_LOOP) = loop;
      stage.daw.rounding = 1920;
      pmt_daw_tempo(&stage.daw, 137.0f);
      const int64_t length = pmt_daw_bar_start(&stage.daw, 2), latency = latencies[i];
      pmt_stage_wait(&stage);
      pmt_stage_roll(&stage, true);
      pmt_stage_play(&stage, (uint64_t)(length + latency));
      for (int pass = 1; pass < 8; ++pass) {
        const uint64_t told = pmt_host_frame(stage.host), wrap = told - (uint64_t)latency;
        pmt_stage_locate(&stage, latency);
        pmt_stage_play(&stage, (uint64_t)length);
        const bool news = loop > 0.0f && latency && pass == 1; /* the first wrap under Loop = same, told late */
        CHECKF(pmt_stage_count(&stage, wrap, wrap + 10000) > 0, "pass %d has no first slot", pass);
        const size_t begun = pmt_stage_count(&stage, wrap + 12, wrap + 700); /* rounding, less than a tick */
        CHECKF(!begun || news, "loop %g, told %lld late, pass %d: %zu onsets behind the loop point", (double)loop,
               (long long)latency, pass, begun);
      }
      pmt_stage_check_on_time(&stage, loop > 0.0f ? 24000 + (uint64_t)(2 * length) : 0);
      for (uint64_t pass = 2; pass < 7; ++pass) {
        const uint64_t from = 24000 + pass * (uint64_t)length;
        CHECK(are_passes_alike(&stage, from, from + (uint64_t)length, (uint64_t)length - 100) == (loop > 0.0f));
      }
      pmt_stage_close(&stage);
    }
  }
}

/* JACK's transport stands for a cycle or two where it is located to, before it rolls on: the music is that of a locate.
   Stopped for longer elsewhere it is a new performance; stopped and started again at one place the music goes on. */
static void test_standing(void) {
  PmtStage plain, brief, fresh, through, resumed;
  PmtStage* const all[] = {&plain, &brief, &fresh, &through, &resumed};
  uint64_t again[5];
  for (int i = 0; i < 5; ++i) {
    pmt_stage_open(all[i], PMT_HOST_NO_WORKER);
    if (i != 2) {
      pmt_stage_wait(all[i]);
      pmt_stage_roll(all[i], true);
      pmt_stage_play_bars(all[i], 2.5);
    }
    if (i == 4) {
      pmt_stage_roll(all[i], false);
      pmt_stage_play(all[i], 100000);
    } else if (i < 3) {
      pmt_stage_locate(all[i], 96000 * 9);
    }
    if (i == 1 || i == 2) {
      pmt_stage_roll(all[i], false);
      pmt_stage_play(all[i], i == 1 ? 512 : 24000);
    }
    again[i] = pmt_host_frame(all[i]->host);
    pmt_stage_roll(all[i], true);
    pmt_stage_play_bars(all[i], 4.0);
  }
  CHECK(pmt_stage_check_same(&plain, again[0] + 1000, &brief, again[1] + 1000) > 50);
  CHECK(pmt_stage_check_same(&through, again[3], &resumed, again[4]) > 50);
  PmtStage afresh;
  pmt_stage_open(&afresh, PMT_HOST_NO_WORKER);
  pmt_stage_locate(&afresh, 96000 * 9);
  pmt_stage_wait(&afresh);
  pmt_stage_roll(&afresh, true);
  pmt_stage_play_bars(&afresh, 4.0);
  CHECK(pmt_stage_check_same(&fresh, again[2], &afresh, 0) > 50);
  CHECK(pmt_stage_count(&fresh, 0, UINT64_MAX) != pmt_stage_count(&plain, again[0], UINT64_MAX));
  for (int i = 0; i < 5; ++i) {
    pmt_stage_close(all[i]);
  }
  pmt_stage_close(&afresh);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  pmt_stage_begin();
  test_checker();
  test_hours();
  test_ramps();
  test_meters();
  test_meter_changes();
  test_meter_told_after_a_jump();
  test_first_beat();
  test_loop_points();
  test_standing();
  pmt_stage_end();
  return 0;
}
