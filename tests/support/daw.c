/* SPDX-License-Identifier: ISC */
/* See daw.h. */
#include "support/daw.h"

#include "base/random.h"
#include "check.h"

#include <math.h>

static const double slip_beats = 0.01; /* docs/engine.md, section 1: more than this is meant */

static double ticks_per_beat(const PmtDaw* const daw) { return 96.0 / (double)daw->unit; }

void pmt_daw_init(PmtDaw* const daw, const double rate, const uint64_t seed) {
  *daw = (PmtDaw){.rate = rate, .seed = seed, .bpm = 120.0f, .beats = 4.0f, .unit = 4};
}

bool pmt_daw_says_tempo(const PmtDaw* const daw) {
  return daw->fields == PMT_DAW_ALL || daw->fields == PMT_DAW_NO_FRAMES;
}

double pmt_daw_frames_per_beat(const PmtDaw* const daw) { return daw->rate * 60.0 / (double)daw->bpm; }

double pmt_daw_frames_per_tick(const PmtDaw* const daw) {
  return pmt_daw_frames_per_beat(daw) / ticks_per_beat(daw);
}

uint32_t pmt_daw_bar_ticks(const PmtDaw* const daw) { return (uint32_t)((double)daw->beats * ticks_per_beat(daw)); }

static double beats_in(const PmtDaw* const daw) {
  return ((double)daw->frame - daw->bar_frame) / pmt_daw_frames_per_beat(daw);
}

int64_t pmt_daw_bar_start(const PmtDaw* const daw, const int64_t bar) {
  return (int64_t)ceil(daw->bar_frame + (double)(bar - daw->bar) * (double)daw->beats * pmt_daw_frames_per_beat(daw) -
                       1e-4);
}

int64_t pmt_daw_bar(const PmtDaw* const daw) {
  return daw->bar + (int64_t)floor(beats_in(daw) / (double)daw->beats + 1e-9);
}

double pmt_daw_tick_in_bar(const PmtDaw* const daw) {
  return (beats_in(daw) - (double)(pmt_daw_bar(daw) - daw->bar) * (double)daw->beats) * ticks_per_beat(daw);
}

void pmt_daw_locate(PmtDaw* const daw, const int64_t frame) {
  daw->frame = frame;
  daw->jumped = true;
}

void pmt_daw_tempo(PmtDaw* const daw, const float bpm) {
  const double beats = beats_in(daw);
  daw->bpm = bpm;
  daw->bar_frame = (double)daw->frame - beats * pmt_daw_frames_per_beat(daw);
}

void pmt_daw_meter(PmtDaw* const daw, const float beats, const int unit) {
  const double whole_bars = (double)(pmt_daw_bar(daw) - daw->bar);
  const double quarters = (double)daw->bpm * 4.0 / (double)daw->unit;
  daw->bar_frame += whole_bars * (double)daw->beats * pmt_daw_frames_per_beat(daw);
  daw->bar_tick += whole_bars * pmt_daw_bar_ticks(daw);
  daw->bar += (int64_t)whole_bars;
  daw->beats = beats;
  daw->unit = unit;
  daw->bpm = (float)(quarters * (double)unit / 4.0);
}

void pmt_daw_pass(PmtDaw* const daw, const uint32_t n_frames) { daw->frame += daw->rolling ? n_frames : 0; }

void pmt_daw_ramp(PmtDaw* const daw, const uint32_t n_frames, const float bpm) {
  if (!daw->rolling) {
    return;
  }
  const double mean = ((double)daw->bpm + (double)bpm) / 2.0;
  const double beats = beats_in(daw) + (double)n_frames / (daw->rate * 60.0 / mean);
  daw->frame += n_frames;
  daw->bpm = bpm;
  daw->bar_frame = (double)daw->frame - beats * pmt_daw_frames_per_beat(daw);
}

/* ---- What is said ------------------------------------------------------------------------------------------------ */

/** With jitter, rounded, and as a float. */
static void say_place(PmtDaw* const daw, PmtPosition* const p) {
  double beats = beats_in(daw);
  if (daw->jitter && daw->rolling) {
    const double share = 2.0 * (double)pmt_random_unit(daw->seed, 0, daw->draws++) - 1.0;
    beats += share * (double)daw->jitter / pmt_daw_frames_per_beat(daw);
  }
  if (daw->rounding) {
    beats = round(beats * (double)daw->rounding) / (double)daw->rounding;
  }
  const double bars = floor(beats / (double)daw->beats + 1e-9);
  p->bar = daw->bar + (int64_t)bars;
  p->bar_beat = (double)(float)fmax(beats - bars * (double)daw->beats, 0.0);
}

static double tick_said(const PmtDaw* const daw, const PmtPosition* const p) {
  if (daw->fields == PMT_DAW_FRAMES_ALONE) {
    return (double)p->frame / pmt_daw_frames_per_tick(daw);
  }
  return daw->bar_tick + (double)(p->bar - daw->bar) * pmt_daw_bar_ticks(daw) + p->bar_beat * ticks_per_beat(daw);
}

/** Whether bar lines lie elsewhere than by the bar and the meter that were said before: by more than 6 ticks. */
static bool are_bars_moved(const PmtDawClock* const clock, const PmtPosition* const p, const double in_bar,
                           const double own) {
  const double foreseen = clock->bar_tick + (double)(p->bar - clock->bar) * clock->bar_ticks + in_bar;
  return p->bar_beat >= 0.0 && fabs(foreseen - own) > 6.0;
}

static void listen(PmtDaw* const daw, const uint64_t at, const PmtPosition* const p, const double tick) {
  PmtDawClock* const clock = &daw->clock;
  const double own = pmt_daw_clock_tick(clock, at), in_bar = fmax(p->bar_beat, 0.0) * ticks_per_beat(daw);
  const bool jumped = daw->jumped && daw->fields == PMT_DAW_FRAMES_ALONE; /* with a beat said, that alone counts */
  const bool believed = jumped || !clock->rolling || !daw->rolling || are_bars_moved(clock, p, in_bar, own) ||
                        fabs(tick - own) > slip_beats * ticks_per_beat(daw);
  *clock = (PmtDawClock){.rolling = daw->rolling,
                         .at = at,
                         .tick = believed ? tick : own,
                         .per_frame = daw->rolling ? 1.0 / pmt_daw_frames_per_tick(daw) : 0.0,
                         .bar = p->bar,
                         .bar_tick = tick - in_bar,
                         .bar_ticks = pmt_daw_bar_ticks(daw)};
  daw->jumped = false;
}

PmtPosition pmt_daw_say(PmtDaw* const daw, const uint64_t at) {
  PmtPosition p = {.frame = daw->frame, .speed = daw->rolling ? 1.0f : 0.0f, .bar_beat = -1.0};
  if (daw->fields != PMT_DAW_FRAMES_ALONE) {
    say_place(daw, &p);
  }
  if (pmt_daw_says_tempo(daw)) {
    p.beats_per_bar = daw->beats;
    p.unit = daw->unit;
    p.bpm = daw->bpm;
  }
  listen(daw, at, &p, tick_said(daw, &p));
  if (daw->fields == PMT_DAW_NO_FRAMES) {
    p.frame = PMT_NO_FRAME;
  }
  return p;
}

double pmt_daw_clock_tick(const PmtDawClock* const clock, const uint64_t at) {
  return clock->tick + (double)(int64_t)(at - clock->at) * clock->per_frame;
}

double pmt_daw_lateness(const PmtDawClock* const clock, const uint64_t at) {
  const double tick = pmt_daw_clock_tick(clock, at);
  const double slack = 1e-3; /* of a frame: doubles are rounded */
  return (tick - floor(tick + slack * clock->per_frame)) / clock->per_frame;
}
