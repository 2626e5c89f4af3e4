/* SPDX-License-Identifier: ISC */
/* The clock under jitter, tempo, meter, jumps and nonsense. */
#include "base/random.h"
#include "check.h"
#include "gen/clock.h"

#include <math.h>

static const double rate = 48000.0;

static PmtPosition at(const int64_t frame, const int64_t bar, const double beat) {
  return (PmtPosition){.frame = frame, .speed = 1.0f, .bar = bar, .bar_beat = beat, .beats_per_bar = 4.0f, .unit = 4,
                       .bpm = 120.0f};
}

static PmtClockChange say(PmtClock* const c, const PmtPosition p) { return pmt_clock_position(c, &p); }

static void test_first_place(void) {
  PmtClock c;
  pmt_clock_reset(&c, rate);
  CHECK(!c.rolling && pmt_clock_frame(&c, 3.0) == PMT_NEVER);
  CHECK(pmt_clock_tick(&c) == 0.0);
  const PmtPlace p = pmt_clock_place(&c, 0.0);
  CHECK(p.bar == 0 && p.index == 0 && p.length == 12 && p.bar_ticks == 96 && p.start == 0);
  CHECK(say(&c, at(0, 0, 0.0)) == PMT_CLOCK_STARTED);
  CHECK(pmt_clock_frame(&c, 0.0) == 0 && pmt_clock_frame(&c, 12.0) == 12000 && pmt_clock_frame(&c, 0.5) == 500);
  pmt_clock_pass(&c, 1000);
  CHECK(fabs(pmt_clock_tick(&c) - 1.0) < 1e-9);
  CHECK(pmt_clock_place(&c, 0.5).start == 0 && pmt_clock_place(&c, 0.51).start == 12);
  PmtPosition stop = at(1000, 0, 1.0 / 24.0);
  stop.speed = 0.0f;
  CHECK(say(&c, stop) == PMT_CLOCK_STOPPED && pmt_clock_tick(&c) == pmt_clock_tick(&c));
  CHECK(say(&c, stop) == PMT_CLOCK_PLACED);
}

typedef struct { float beats; int unit; uint32_t n; uint32_t last; } Meter;

static void test_meters(void) {
  static const Meter meters[] = {{4, 4, 8, 12}, {3, 4, 6, 12},  {6, 8, 6, 12}, {7, 8, 7, 12},
                                 {7, 16, 4, 6}, {5, 4, 10, 12}, {1, 64, 1, 2}, {48, 4, 96, 12}};
  for (size_t i = 0; i < sizeof meters / sizeof *meters; ++i) {
    const Meter* const m = &meters[i];
    PmtClock c;
    pmt_clock_reset(&c, rate);
    PmtPosition p = at(0, -1, 0.0);
    p.beats_per_bar = m->beats;
    p.unit = m->unit;
    say(&c, p);
    PmtPlace place = pmt_clock_place(&c, 0.0);
    for (uint32_t bar = 0; bar < 3; ++bar) {
      for (uint32_t k = 0; k < m->n; ++k) {
        CHECKF(place.bar == (int64_t)bar - 1 && place.index == k && place.length == (k + 1 == m->n ? m->last : 12),
               "%g/%d bar %u slot %u: bar %d index %u length %u", (double)m->beats, m->unit, bar, k, (int)place.bar,
               place.index, place.length);
        const PmtPlace next = pmt_clock_place_after(&c, &place);
        CHECK(next.start == place.start + place.length);
        place = next;
      }
    }
  }
}

/** An hour at 137 BPM as Ardour tells it: every cycle, rounded to 1/1920 beat. */
static void test_jitter(void) {
  PmtClock c;
  pmt_clock_reset(&c, rate);
  int64_t frame = 0;
  PmtPosition p = at(0, 0, 0.0);
  p.bpm = 137.0f;
  CHECK(say(&c, p) == PMT_CLOCK_STARTED);
  for (uint64_t i = 0; frame < 3600 * 48000; ++i) {
    const uint32_t n = 200 + (uint32_t)(pmt_random_bits(1, 2, i) % 2000);
    pmt_clock_pass(&c, n);
    frame += n;
    const double beats = floor((double)frame / rate / 60.0 * 137.0 * 1920.0 + 0.5) / 1920.0;
    const double bar = floor(beats / 4.0);
    p = at(frame, (int64_t)bar, beats - 4.0 * bar);
    p.bpm = 137.0f;
    CHECK(say(&c, p) == PMT_CLOCK_STEADY);
  }
  const double beat = 8000.0;
  const double exact = beat * 60.0 / 137.0 * rate;
  const double got = (double)pmt_clock_frame(&c, beat * 24.0);
  CHECKF(got >= exact - 1e-3 && got < exact + 1.0, "%f for %f", got, exact);
}

static void test_changes(void) {
  PmtClock c;
  pmt_clock_reset(&c, rate);
  say(&c, at(0, 0, 0.0));
  pmt_clock_pass(&c, 24000); /* beat 1 */
  PmtPosition p = at(24000, 0, 1.002);
  p.bpm = 90.0f;
  const double before = pmt_clock_tick(&c);
  CHECK(say(&c, p) == PMT_CLOCK_BENT && pmt_clock_tick(&c) == before); /* ours, not the rounded one */
  pmt_clock_pass(&c, 32000);
  CHECK(fabs(pmt_clock_tick(&c) - 48.0) < 1e-9);
  p.frame = 56000;
  p.bar_beat = 2.015;
  CHECK(say(&c, p) == PMT_CLOCK_BENT && fabs(pmt_clock_tick(&c) - 48.36) < 1e-9); /* drifted: corrected, not jumped */
  p.bar_beat = 3.0; /* the same frame as foreseen, another beat: the bar lines lie elsewhere */
  CHECK(say(&c, p) == PMT_CLOCK_REBARRED && fabs(pmt_clock_tick(&c) - 48.0) < 1.0);
  CHECK(pmt_clock_place(&c, pmt_clock_tick(&c)).index == 6);
  p.frame = 0;
  p.bar_beat = 0.0;
  p.bar = 0;
  CHECK(say(&c, p) == PMT_CLOCK_JUMPED && pmt_clock_tick(&c) == 0.0);
  pmt_clock_pass(&c, 32000 * 4);
  p = at(128000, 1, 0.0); /* 4/4 to 3/4 where the bar begins: nothing disagrees */
  p.bpm = 90.0f;
  p.beats_per_bar = 3.0f;
  CHECK(say(&c, p) == PMT_CLOCK_REBARRED);
  const PmtPlace place = pmt_clock_place(&c, pmt_clock_tick(&c));
  CHECK(place.bar == 1 && place.index == 0 && place.bar_ticks == 72 && place.start == 96);
  CHECK(pmt_clock_place(&c, 96.0 + 72.0).bar == 2);
}

/** jalv without a timebase master: frame and speed alone. */
static void test_frames_alone(void) {
  PmtClock c;
  pmt_clock_reset(&c, rate);
  PmtPosition p = {.frame = 24000 * 5, .speed = 1.0f, .bar_beat = -1.0};
  CHECK(say(&c, p) == PMT_CLOCK_STARTED);
  CHECK(fabs(pmt_clock_tick(&c) - 24.0) < 1e-9 && pmt_clock_place(&c, pmt_clock_tick(&c)).bar == 1);
  pmt_clock_pass(&c, 512);
  p.frame += 512;
  CHECK(say(&c, p) == PMT_CLOCK_STEADY);
  p.frame = -176; /* latency */
  CHECK(say(&c, p) == PMT_CLOCK_JUMPED);
  CHECK(pmt_clock_place(&c, pmt_clock_tick(&c)).bar == 0 && pmt_clock_place(&c, pmt_clock_tick(&c)).index == 0);
  /* a host that tells neither frame nor bar: speed alone starts where we stand */
  pmt_clock_reset(&c, rate);
  p = (PmtPosition){.frame = PMT_NO_FRAME, .speed = 1.0f, .bar_beat = -1.0};
  CHECK(say(&c, p) == PMT_CLOCK_STARTED && pmt_clock_tick(&c) == 0.0);
  pmt_clock_pass(&c, 100);
  CHECK(say(&c, p) == PMT_CLOCK_STEADY && fabs(pmt_clock_tick(&c) - 0.1) < 1e-9);
  /* one that gives bars but no frames: a jump is a jump */
  p = at(PMT_NO_FRAME, 7, 2.0);
  CHECK(say(&c, p) == PMT_CLOCK_JUMPED && pmt_clock_place(&c, pmt_clock_tick(&c)).bar == 7);
}

static uint32_t roll(const uint32_t sides) {
  static uint64_t n;
  return (uint32_t)(pmt_random_bits(7, 8, n++) % sides);
}

static double nonsense(void) {
  static const double values[] = {NAN, INFINITY, -INFINITY, 1e30, -1e30, 0.0, -1.0, 1.0, 1e-30, 4.0, 120.0, 3.7};
  return values[roll(sizeof values / sizeof *values)];
}

static void test_nonsense(void) {
  static const int64_t whole[] = {INT64_MIN, INT64_MAX, -1, 0, 1, 1 << 30, -(1 << 30), (int64_t)1 << 44, 48000};
  PmtClock c;
  pmt_clock_reset(&c, rate);
  for (uint32_t i = 0; i < 200000; ++i) {
    const PmtPosition p = {.frame = whole[roll(9)], .speed = (float)nonsense(),
                           .bar = whole[roll(9)], .bar_beat = nonsense(),
                           .beats_per_bar = (float)nonsense(), .unit = (int)whole[roll(7)],
                           .bpm = (float)nonsense()};
    say(&c, p);
    pmt_clock_pass(&c, roll(5000));
    const double tick = pmt_clock_tick(&c);
    CHECK(isfinite(tick) && fabs(tick) < 1e12 && c.bar_ticks >= 1 && c.bar_ticks <= 9216);
    const PmtPlace place = pmt_clock_place(&c, tick);
    CHECK((double)place.start >= tick - 0.51 && (double)place.start < tick + 12.0 && place.length >= 1 &&
          place.length <= 12);
    if (c.rolling) {
      const int64_t frame = pmt_clock_frame(&c, (double)place.start);
      CHECK(frame >= c.now - 100000000 && frame < c.now + 100000000);
    }
  }
}

int main(void) {
  test_first_place();
  test_meters();
  test_jitter();
  test_changes();
  test_frames_alone();
  test_nonsense();
  return 0;
}
