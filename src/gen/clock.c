/* SPDX-License-Identifier: ISC */
/* Above: gen/engine. Below: music/meter. */
#include "gen/clock.h"

#include "music/meter.h"

#include <string.h>

static const double slip_beats = 0.01;  /* hosts round to 1/1920 beat; more than this is meant */
static const double slot_slack = 0.5;   /* ticks: a position so little after a slot's start is that start */
static const double drift_ticks = 6.0;  /* frames as foreseen: up to here it is drift, beyond, other bars */
static const double frame_slack = 1e-4; /* frames: rounding of doubles must not cost a frame */
static const int64_t bar_limit = (int64_t)1 << 31;
static const int64_t frame_limit = (int64_t)1 << 45; /* twenty years */

static int64_t floor_to_int(const double x) {
  const int64_t whole = (int64_t)x;
  return whole - ((double)whole > x);
}

static int64_t ceil_to_int(const double x) { return -floor_to_int(-x); }
static int64_t round_to_int(const double x) { return floor_to_int(x + 0.5); }
static double magnitude(const double x) { return x < 0 ? -x : x; }

static int64_t floor_div(const int64_t a, const int64_t b) { return a / b - (a % b < 0); }

static double ticks_per_beat(const PmtClock* const clock) {
  return (double)PMT_TICKS_PER_WHOLE / (double)clock->unit;
}

/** Ticks a frame when rolling at full speed. */
static double tempo(const PmtClock* const clock) {
  return (double)clock->bpm / 60.0 * ticks_per_beat(clock) / clock->rate;
}

void pmt_clock_reset(PmtClock* const clock, const double rate) {
  memset(clock, 0, sizeof *clock);
  clock->rate = rate;
  clock->speed = 1.0f;
  clock->bpm = 120.0f;
  clock->beats = 4.0f;
  clock->unit = 4;
  clock->bar_ticks = PMT_TICKS_PER_WHOLE;
}

void pmt_clock_pass(PmtClock* const clock, const uint32_t n_frames) { clock->now += n_frames; }

double pmt_clock_tick(const PmtClock* const clock) {
  return clock->anchor_tick + (double)(clock->now - clock->anchor_frame) * clock->ticks_per_frame;
}

int64_t pmt_clock_frame(const PmtClock* const clock, const double tick) {
  if (!clock->rolling) {
    return PMT_NEVER;
  }
  return clock->anchor_frame + ceil_to_int((tick - clock->anchor_tick) / clock->ticks_per_frame - frame_slack);
}

static PmtPlace place_in_bar(const PmtClock* const clock, const int64_t bars, const int64_t tick_in_bar) {
  return (PmtPlace){
    .bar = clock->bar + bars,
    .index = (uint32_t)(tick_in_bar / PMT_SLOT_TICKS),
    .length = pmt_slot_length((uint32_t)tick_in_bar, clock->bar_ticks),
    .bar_ticks = clock->bar_ticks,
    .start = clock->bar_start + bars * clock->bar_ticks + tick_in_bar,
  };
}

PmtPlace pmt_clock_place(const PmtClock* const clock, const double tick) {
  const int64_t from = ceil_to_int(tick - slot_slack - 1e-9) - clock->bar_start; /* slots start on whole ticks */
  const int64_t bars = floor_div(from, clock->bar_ticks);
  const int64_t in_bar = from - bars * clock->bar_ticks;
  const int64_t slot = (in_bar + PMT_SLOT_TICKS - 1) / PMT_SLOT_TICKS * PMT_SLOT_TICKS;
  return slot < clock->bar_ticks ? place_in_bar(clock, bars, slot) : place_in_bar(clock, bars + 1, 0);
}

PmtPlace pmt_clock_place_after(const PmtClock* const clock, const PmtPlace* const place) {
  return pmt_clock_place(clock, (double)(place->start + place->length));
}

bool pmt_place_fits(const PmtPlace* const a, const PmtPlace* const b) {
  return a->index == b->index && a->length == b->length && a->bar_ticks == b->bar_ticks;
}

bool pmt_place_same(const PmtPlace* const a, const PmtPlace* const b) { return a->bar == b->bar && pmt_place_fits(a, b); }

PmtPlace pmt_place_successor(const PmtPlace* const place) {
  const uint32_t tick = (place->index + 1) * PMT_SLOT_TICKS;
  const bool within = tick < place->bar_ticks;
  return (PmtPlace){
    .bar = place->bar + !within,
    .index = within ? place->index + 1 : 0,
    .length = pmt_slot_length(within ? tick : 0, place->bar_ticks),
    .bar_ticks = place->bar_ticks,
    .start = place->start + place->length,
  };
}

/* ---- The host's word --------------------------------------------------------------------------------------------- */

/** Fold what is given and sane into the clock. @return whether ticks a frame changed for a rolling clock */
static bool take_tempo(PmtClock* const clock, const PmtPosition* const p) {
  const float speed = clock->speed, bpm = clock->bpm;
  const int unit = clock->unit;
  if (p->unit >= 1 && p->unit <= 128) {
    clock->unit = p->unit;
  }
  const double quarters = (double)p->bpm * 4.0 / (double)clock->unit;
  if (quarters >= 1.0 && quarters <= 4000.0) {
    clock->bpm = p->bpm;
  }
  if (p->speed >= 0.0625f && p->speed <= 16.0f) {
    clock->speed = p->speed;
  }
  return clock->speed != speed || clock->bpm != bpm || clock->unit != unit;
}

static uint32_t bar_ticks_of(PmtClock* const clock, const PmtPosition* const p) {
  if (p->beats_per_bar > 0.0f && p->beats_per_bar <= 1000.0f) {
    clock->beats = p->beats_per_bar;
  }
  return pmt_meter_bar_ticks((PmtMeter){.beats = clock->beats, .unit = clock->unit});
}

/** Begin to count anew from here, `tick` into `bar`. */
static void set_place(PmtClock* const clock, const int64_t bar, const double tick, const uint32_t bar_ticks) {
  clock->bar = bar;
  clock->bar_start = 0;
  clock->bar_ticks = bar_ticks;
  clock->anchor_frame = clock->now;
  clock->anchor_tick = tick;
}

/** Place by time:frame at the present tempo, bar 0 at frame 0: for hosts that send no bars. */
static void set_place_by_frame(PmtClock* const clock, const int64_t frame, const uint32_t bar_ticks) {
  const double tick = (double)frame * tempo(clock);
  const double bar = (double)floor_to_int(tick / (double)bar_ticks);
  if (magnitude(bar) < (double)bar_limit) {
    set_place(clock, (int64_t)bar, tick - bar * (double)bar_ticks, bar_ticks);
  }
}

static bool frame_foreseen(const PmtClock* const clock, const PmtPosition* const p, const float speed) {
  const double foreseen = clock->host_frame + (double)(clock->now - clock->now_host) * (double)speed;
  return magnitude((double)p->frame - foreseen) <= (speed == 1.0f ? 0.0 : 1.0);
}

typedef struct {
  bool barred, framed;
  int64_t bar;
  double in_bar; /* ticks */
} Word;

static Word read_word(const PmtClock* const clock, const PmtPosition* const p) {
  Word w = {.framed = p->frame > -frame_limit && p->frame < frame_limit, .bar = p->bar};
  w.barred = p->bar_beat >= 0.0 && p->bar_beat <= 1e6 && p->bar > -bar_limit && p->bar < bar_limit;
  w.in_bar = w.barred ? p->bar_beat * ticks_per_beat(clock) : 0.0;
  return w;
}

/** Standing, started, stopped or jumped: the host's place is ours. */
static void adopt_place(PmtClock* const clock, const PmtPosition* const p, const Word* const w,
                        const uint32_t bar_ticks) {
  if (w->barred) {
    set_place(clock, w->bar, w->in_bar, bar_ticks);
  } else if (w->framed) {
    set_place_by_frame(clock, p->frame, bar_ticks);
  } else {
    clock->bar_ticks = bar_ticks;
  }
}

/** Rolling before and now. The tempo is already the new one, the anchor (at `tick`) not yet. */
static PmtClockChange follow(PmtClock* const clock, const PmtPosition* const p, const Word* const w, const double tick,
                             const bool bent, const bool foreseen, const uint32_t bar_ticks) {
  clock->anchor_tick = bent ? tick : clock->anchor_tick;
  clock->anchor_frame = bent ? clock->now : clock->anchor_frame;
  if (!w->barred) {
    if (w->framed && !foreseen) {
      set_place_by_frame(clock, p->frame, bar_ticks);
      return PMT_CLOCK_JUMPED;
    }
    return bent ? PMT_CLOCK_BENT : PMT_CLOCK_STEADY;
  }
  const double there = (double)(clock->bar_start + (w->bar - clock->bar) * (int64_t)clock->bar_ticks) + w->in_bar;
  const double off = magnitude(there - tick);
  const bool same_frames = w->framed && clock->framed && foreseen;
  if (off > (same_frames ? drift_ticks : slot_slack) && off > slip_beats * ticks_per_beat(clock)) {
    if (!same_frames) {
      set_place(clock, w->bar, w->in_bar, bar_ticks);
      return PMT_CLOCK_JUMPED;
    }
    clock->bar_start = round_to_int(tick - w->in_bar);
    clock->bar = w->bar;
    clock->bar_ticks = bar_ticks;
    clock->anchor_frame = clock->now;
    clock->anchor_tick = (double)clock->bar_start + w->in_bar;
    return PMT_CLOCK_REBARRED;
  }
  /* Whole bars of the old length lie behind; from the host's bar on the new length rules. */
  clock->bar_start += (w->bar - clock->bar) * (int64_t)clock->bar_ticks;
  clock->bar = w->bar;
  const bool remeasured = clock->bar_ticks != bar_ticks;
  clock->bar_ticks = bar_ticks;
  if (off > slip_beats * ticks_per_beat(clock)) {
    clock->anchor_frame = clock->now;
    clock->anchor_tick = there;
    return PMT_CLOCK_BENT;
  }
  return remeasured ? PMT_CLOCK_REBARRED : bent ? PMT_CLOCK_BENT : PMT_CLOCK_STEADY;
}

PmtClockChange pmt_clock_position(PmtClock* const clock, const PmtPosition* const p) {
  const double tick = pmt_clock_tick(clock);
  const float speed = clock->speed;
  const bool was_rolling = clock->rolling;
  const bool tempo_changed = take_tempo(clock, p);
  const uint32_t bar_ticks = bar_ticks_of(clock, p);
  const Word w = read_word(clock, p);
  const bool foreseen = clock->framed && w.framed && frame_foreseen(clock, p, was_rolling ? speed : 0.0f);
  clock->rolling = p->speed == p->speed ? p->speed > 0.0f : was_rolling;
  clock->ticks_per_frame = clock->rolling ? tempo(clock) * (double)clock->speed : 0.0;

  PmtClockChange change;
  if (was_rolling && clock->rolling) {
    change = follow(clock, p, &w, tick, tempo_changed, foreseen || !clock->framed, bar_ticks);
  } else {
    clock->anchor_frame = clock->now; /* in case the host says nothing of its place: stay */
    clock->anchor_tick = tick;
    adopt_place(clock, p, &w, bar_ticks);
    change = clock->rolling ? PMT_CLOCK_STARTED : was_rolling ? PMT_CLOCK_STOPPED : PMT_CLOCK_PLACED;
  }
  if (w.framed) {
    clock->framed = true;
    clock->host_frame = (double)p->frame;
    clock->now_host = clock->now;
  }
  return change;
}
