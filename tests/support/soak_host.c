/* SPDX-License-Identifier: ISC */
/* See soak_host.h. */
#include "support/soak_host.h"

#include "base/file.h"
#include "base/random.h"
#include "check.h"
#include "ports.h"
#include "support/scratch.h"
#include "support/tiny_model.h"
#include "support/tiny_soundfont.h"

#include <lv2/atom/atom.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

enum { SILENCE_BARS = 5, LATE_TICKS = 6 };

uint32_t pmt_soak_chance(PmtSoak* const s, const uint32_t n) {
  return (uint32_t)(pmt_random_bits(s->seed, s->scene, s->draws++) >> 32) % n;
}

bool pmt_soak_one_in(PmtSoak* const s, const uint32_t n) { return pmt_soak_chance(s, n) == 0; }

static uint64_t now(const PmtSoak* const s) { return pmt_host_frame(s->host); }
static float port(const PmtSoak* const s, const PmtPortIndex index) { return *pmt_host_port(s->host, index); }

/* With somebody else, and after a count-in, a slot comes when it was heard what it answers: not on its tick. */
static bool plays_alone(const PmtSoak* const s) {
  return !(port(s, PMT_PORT_MODE) >= 0.5f) && !(port(s, PMT_PORT_COUNT_IN) >= 0.5f);
}

/* ---- What is said ------------------------------------------------------------------------------------------------ */

void pmt_soak_excuse(PmtSoak* const s, const uint64_t at) {
  const PmtDawClock* const clock = &s->daw.clock;
  s->excused_until = pmt_daw_clock_tick(clock, at) + 0.512; /* a frame or two of rounding, by whatever tempo */
  s->trouble = at;
}

static void add_part(PmtSoak* const s, const uint64_t from) {
  CHECK(s->n_parts < PMT_SOAK_PARTS);
  s->part[s->n_parts++] = (PmtSoakPart){from, s->daw.clock, s->excused_until};
}

static void say(PmtSoak* const s, const uint32_t frame) {
  const uint64_t at = now(s) + frame;
  const bool rolled = s->daw.clock.rolling, jumped = s->daw.jumped && rolled;
  const double foreseen = pmt_daw_clock_tick(&s->daw.clock, at);
  const PmtPosition position = pmt_daw_say(&s->daw, at);
  if (jumped && s->seam) {
    s->seam_at = at + 1;
    s->excused_until = s->daw.clock.tick; /* it may land a few frames into the slot, whose notes then begin here */
  } else if (s->daw.rolling && (jumped || !rolled)) {
    pmt_soak_excuse(s, at);
    s->jump_at = at + 1;
  } else if (s->rebars) { /* a slot that still fits is kept, and may be in a hurry already */
    const double before = s->excused_until;
    pmt_soak_excuse(s, at);
    s->excused_until = fmax(s->excused_until, before);
  } else if (s->daw.clock.tick != foreseen && s->excused_until < s->daw.clock.tick) {
    s->excused_until = s->daw.clock.tick; /* later than it was thought to be: what is due by then begins here */
  }
  s->seam = s->rebars = false;
  s->changed = false;
  pmt_host_send_position(s->host, frame, &position, s->numbers);
  PMT_SOAK_TRACE(s, "%llu: position %lld, speed %g, %lld|%.4f of %g/%d at %g, tick %.3f%s", (unsigned long long)at,
                 (long long)position.frame, (double)position.speed, (long long)position.bar, position.bar_beat,
                 (double)position.beats_per_bar, position.unit, (double)position.bpm, s->daw.clock.tick,
                 jumped ? ", jumped" : "");
  add_part(s, at);
  ++s->count.positions;
}

/* Something absurd, which counts as not given, where something sane was just said. */
static void say_nonsense(PmtSoak* const s, const uint32_t frame) {
  static const double beats[] = {(double)NAN, 1e30, (double)INFINITY, -1};
  static const float tempos[] = {NAN, 0, 1e9f, -5};
  const PmtPosition position = {.frame = PMT_NO_FRAME, .speed = NAN, .bar = 3, .bar_beat = beats[pmt_soak_chance(s, 4)],
                                .bpm = tempos[pmt_soak_chance(s, 4)]};
  pmt_host_send_position(s->host, frame, &position, PMT_HOST_DOUBLES);
}

static void say_anything(PmtSoak* const s, const uint32_t frame) {
  static const double beats[] = {-1, 0, 0, 0.25, 1.5, 3.999, 11, 1e9, (double)NAN};
  static const float speeds[] = {1, 1, 1, 1, 1, 1, 0, 0, -1, 0.5f, 2, NAN};
  static const float tempos[] = {0, 60, 120, 137, 240, 480, 960, 2000, 1e9f, NAN};
  static const float meters[] = {0, 4, 3, 5, 7, 6, 1, 13, 0.5f, 31, -2};
  static const int units[] = {0, 4, 4, 8, 2, 16, 1, 3};
  const PmtPosition p = {.frame = pmt_soak_chance(s, 8) ? (int64_t)pmt_soak_chance(s, 1000000) - 1000 : PMT_NO_FRAME,
                         .speed = speeds[pmt_soak_chance(s, 12)],
                         .bar = (int64_t)pmt_soak_chance(s, 50) - 2,
                         .bar_beat = beats[pmt_soak_chance(s, 9)],
                         .beats_per_bar = meters[pmt_soak_chance(s, 11)],
                         .unit = units[pmt_soak_chance(s, 8)],
                         .bpm = tempos[pmt_soak_chance(s, 10)]};
  pmt_host_send_position(s->host, frame, &p, (PmtHostNumbers)pmt_soak_chance(s, PMT_HOST_NUMBERS + 1));
  s->daw.clock.rolling = p.speed == p.speed ? p.speed > 0.0f : s->daw.clock.rolling;
  ++s->count.positions;
}

/* ---- The transport of tame scenes -------------------------------------------------------------------------------- */

static const struct { float beats; int unit; } meters[] = {{4, 4}, {3, 4}, {6, 8}, {7, 8}, {5, 4}, {2, 2}, {4, 4}};

static int64_t some_place(PmtSoak* const s) {
  const PmtDaw* const d = &s->daw;
  const int64_t bar = pmt_daw_bar_start(d, (int64_t)pmt_soak_chance(s, 200));
  switch (pmt_soak_chance(s, 4)) {
  case 0: return bar + (int64_t)(12.0 * pmt_soak_chance(s, 8) * pmt_daw_frames_per_tick(d));
  case 1: return bar + pmt_soak_chance(s, 200000);
  default: return bar;
  }
}

static void locate(PmtSoak* const s, const int64_t frame) {
  pmt_daw_locate(&s->daw, frame);
  s->changed = true;
  ++s->count.locates;
}

static void roll(PmtSoak* const s, const bool rolling) {
  s->count.starts += rolling && !s->daw.rolling;
  s->count.stops += !rolling && s->daw.rolling;
  s->daw.rolling = rolling;
  s->changed = true;
}

static void start(PmtSoak* const s) {
  switch (pmt_soak_chance(s, 5)) {
  case 0: /* Ardour: from before the beginning */
    locate(s, -(int64_t)pmt_soak_chance(s, 300));
    s->standing_left = 1 + pmt_soak_chance(s, 4);
    break;
  case 1: /* JACK: it stands where it will roll, for some cycles */
    locate(s, some_place(s));
    s->standing_left = 1 + pmt_soak_chance(s, 3);
    break;
  case 2:
    locate(s, some_place(s));
    roll(s, true);
    break;
  default: /* where it stopped */
    roll(s, true);
    ++s->count.resumes;
    break;
  }
}

static void set_loop(PmtSoak* const s) {
  const PmtDaw* const d = &s->daw;
  const int64_t bar = pmt_daw_bar(d) + (int64_t)pmt_soak_chance(s, 3);
  const int64_t bars = 1 + (int64_t)pmt_soak_chance(s, s->loves_loops ? 2 : 4);
  const bool odd = pmt_soak_one_in(s, 4);
  s->loop_from = pmt_daw_bar_start(d, bar) + s->latency + (odd ? (int64_t)pmt_soak_chance(s, 30000) : 0);
  s->loop_to = pmt_daw_bar_start(d, bar + bars) + s->latency + (odd ? (int64_t)pmt_soak_chance(s, 30000) : 0);
  s->loops = s->loop_to - s->loop_from > 2000;
}

static bool is_whole(const double bars, const double frames_per_bar) {
  return fabs(bars - round(bars)) * frames_per_bar < 2.0;
}

/* A loop of whole bars, after a quiet time, has no seam: docs/engine.md, section 4. */
static bool is_seamless(const PmtSoak* const s, const uint32_t frame) {
  const PmtDaw* const d = &s->daw;
  const double tick = pmt_daw_frames_per_tick(d), bar = tick * pmt_daw_bar_ticks(d);
  const bool whole = is_whole((double)(s->loop_to - s->loop_from) / bar, bar) &&
                     is_whole(((double)(s->loop_from - s->latency) - d->bar_frame) / bar, bar);
  const bool calm = (double)(now(s) + frame) - (double)s->trouble > 24.0 * tick;
  const bool told = d->fields == PMT_DAW_ALL && d->frame == s->loop_to && !d->jumped && (double)s->latency < tick;
  return whole && calm && told && port(s, PMT_PORT_LOOP) == 0.0f && port(s, PMT_PORT_FREEZE) == 0.0f && !s->resting &&
         plays_alone(s);
}

static void wrap(PmtSoak* const s, const uint32_t frame) {
  s->seam = is_seamless(s, frame);
  s->count.seamless += s->seam;
  ++s->count.wraps;
  pmt_daw_locate(&s->daw, s->loop_from);
  s->changed = true;
}

static void bend(PmtSoak* const s) {
  if (!pmt_daw_says_tempo(&s->daw)) {
    return;
  }
  const float quarters = 40.0f + (float)pmt_soak_chance(s, 26000) / 100.0f;
  switch (pmt_soak_chance(s, 3)) {
  case 0: pmt_daw_tempo(&s->daw, quarters * (float)s->daw.unit / 4.0f); break;
  case 1:
    s->ramp_left = 20 + pmt_soak_chance(s, 200);
    s->ramp = 1.0f + ((float)pmt_soak_chance(s, 2000) - 1000.0f) / 300000.0f;
    break;
  default:
    s->meter = pmt_soak_chance(s, sizeof meters / sizeof *meters);
    s->meter_bar = pmt_daw_bar(&s->daw);
    break;
  }
  s->trouble = now(s);
  s->changed = true;
  ++s->count.tempos;
}

static void change_meter(PmtSoak* const s) {
  if (s->meter_bar != INT64_MIN && (!s->daw.rolling || pmt_daw_bar(&s->daw) != s->meter_bar)) {
    pmt_daw_meter(&s->daw, meters[s->meter].beats, meters[s->meter].unit);
    s->meter_bar = INT64_MIN;
    s->loops = false;
    s->changed = s->rebars = true;
    ++s->count.meters;
  }
}

static void move(PmtSoak* const s) {
  if (!s->daw.rolling) {
    if (!s->standing_left) {
      pmt_soak_one_in(s, 4) ? locate(s, some_place(s)) : pmt_soak_one_in(s, 6) ? bend(s) : start(s);
    }
    return;
  }
  switch (pmt_soak_chance(s, 12)) {
  case 0: case 1: roll(s, false); break;
  case 2: case 3: locate(s, some_place(s)); break;
  case 4: /* JACK stands for a moment */
    locate(s, some_place(s));
    roll(s, false);
    s->standing_left = 1 + pmt_soak_chance(s, 3);
    break;
  case 5: case 6: case 7: set_loop(s); break;
  case 8: s->loops = false; break;
  default: bend(s); break;
  }
}

static void pass(PmtSoak* const s, const uint32_t n_frames) {
  if (!s->ramp_left) {
    pmt_daw_pass(&s->daw, n_frames);
    return;
  }
  const float bpm = s->daw.bpm * (n_frames ? s->ramp : 1.0f), unit = (float)s->daw.unit / 4.0f;
  pmt_daw_ramp(&s->daw, n_frames, fminf(fmaxf(bpm, 35.0f * unit), 320.0f * unit));
  --s->ramp_left;
  s->changed = true;
}

static void play_along(PmtSoak* const s, const uint32_t frame) {
  for (uint32_t n = s->playing_left ? pmt_soak_chance(s, 3) : 0; n; --n) {
    pmt_soak_play(s, frame);
  }
}

/* ---- Cycles ------------------------------------------------------------------------------------------------------ */

static uint32_t some_size(PmtSoak* const s) {
  if (pmt_soak_one_in(s, 100)) {
    ++s->count.empty_cycles;
    return 0;
  }
  if (pmt_soak_one_in(s, 200)) {
    return pmt_soak_one_in(s, 2) ? 1 : 8192;
  }
  switch (s->sizes) {
  case PMT_SIZE_FIXED: return s->period;
  case PMT_SIZE_SPLIT: return pmt_soak_one_in(s, 3) ? 1 + pmt_soak_chance(s, s->period) : s->period;
  case PMT_SIZE_ODD: return 1 + pmt_soak_chance(s, 2 * s->period);
  default: return 1 + pmt_soak_chance(s, pmt_soak_one_in(s, 20) ? 8192 : 600);
  }
}

/* A tame cycle's positions. @return its length */
static uint32_t roll_tamely(PmtSoak* const s, uint32_t n) {
  PmtDaw* const d = &s->daw;
  const uint64_t stops = s->count.stops, locates = s->count.locates;
  if (s->standing_left && !--s->standing_left) {
    roll(s, true);
  }
  change_meter(s);
  if (pmt_soak_one_in(s, d->rolling ? s->seldom_moves : 20)) {
    move(s);
  }
  if (s->loves_loops && d->rolling && !s->loops && pmt_soak_one_in(s, 50)) {
    set_loop(s);
  }
  if (s->loops && d->rolling && d->frame >= s->loop_to && d->frame - s->loop_to <= 8192) {
    wrap(s, 0);
  }
  if (s->loops && d->rolling && s->splits_at_loop && d->frame < s->loop_to && d->frame + n > s->loop_to) {
    n = (uint32_t)(s->loop_to - d->frame);
  }
  if (s->changed || (s->every_cycle && !pmt_soak_one_in(s, 50))) {
    say(s, 0);
    if (pmt_soak_one_in(s, 60)) {
      say(s, 0);
    }
  }
  if (n > 1 && pmt_soak_one_in(s, 40)) {
    const uint32_t middle = 1 + pmt_soak_chance(s, n - 1);
    pass(s, middle);
    if (pmt_soak_one_in(s, 6)) {
      say_nonsense(s, middle);
    } else {
      if (pmt_soak_one_in(s, s->seldom_moves / 40)) {
        move(s);
      }
      say(s, middle);
    }
    play_along(s, middle);
    pass(s, n - middle);
  } else {
    pass(s, n);
  }
  if (s->floods && (s->count.stops != stops || s->count.locates != locates)) {
    pmt_soak_flood(s, n ? n - 1 : 0);
  }
  return n;
}

static uint32_t roll_wildly(PmtSoak* const s, const uint32_t n) {
  uint32_t frame = 0;
  while (pmt_soak_one_in(s, 6)) {
    frame += pmt_soak_chance(s, n - frame + 1);
    say_anything(s, frame < n ? frame : n ? n - 1 : 0);
    play_along(s, frame < n ? frame : n ? n - 1 : 0);
  }
  return n;
}

/* ---- What must hold ---------------------------------------------------------------------------------------------- */

static void check_onset(PmtSoak* const s, const uint64_t at, const unsigned channel, const unsigned pitch) {
  const PmtSoakPart* part = &s->part[0];
  for (uint32_t i = 1; i < s->n_parts && s->part[i].from <= at; ++i) {
    part = &s->part[i];
  }
  const double tick = pmt_daw_frames_per_tick(&s->daw);
  if (part->clock.rolling && at >= s->alone_from && pmt_daw_clock_tick(&part->clock, at) > part->excused_until) {
    const bool at_word = part > s->part && at == part->from; /* which may say another tempo */
    const double by_last = at_word ? pmt_daw_lateness(&part[-1].clock, at) : INFINITY;
    const double late = fmin(pmt_daw_lateness(&part->clock, at), by_last);
    CHECKF(late < 1.002, "frame %llu: channel %u note %u comes %.3f frames after a tick of %.3f, %.0f frames after the "
           "last trouble", (unsigned long long)at, channel, pitch, late, 1.0 / part->clock.per_frame,
           (double)at - (double)s->trouble);
    ++s->count.timed;
  }
  const uint64_t before = s->onset[channel][pitch], seam = s->seam_at;
  const bool doubled = seam && before && at + 1 >= seam && (double)(at + 1 - seam) < 0.8 * tick && before < seam &&
                       (double)(at + 1 - before) < 0.8 * tick;
  CHECKF(!doubled, "frame %llu: channel %u note %u is struck twice at a loop point", (unsigned long long)at, channel,
         pitch);
}

static void take_pedal(PmtSoak* const s, const uint8_t* const bytes) {
  const uint16_t bit = (uint16_t)(1u << (bytes[0] & 15u));
  if ((bytes[0] & 0xf0u) == 0xb0 && bytes[1] == 64) {
    s->pedals = (uint16_t)(bytes[2] >= 64 ? s->pedals | bit : s->pedals & ~bit);
  }
}

static void take_notes(PmtSoak* const s) {
  PmtMidiList* const list = pmt_host_midi(s->host);
  for (size_t i = 0; i < list->n_events; ++i) {
    const PmtTimedMidi* const e = &list->events[i];
    const unsigned kind = e->bytes[0] & 0xf0u, channel = e->bytes[0] & 15u, pitch = e->bytes[1];
    take_pedal(s, e->bytes);
    if (kind == 0x80) {
      s->struck[channel][pitch] = 0;
    } else if (kind == 0x90) {
      const bool passed = s->key_at[pitch][0] == e->frame + 1 || s->key_at[pitch][1] == e->frame + 1;
      PMT_SOAK_TRACE(s, "%llu: note %u %u%s", (unsigned long long)e->frame, channel, pitch,
                     passed ? ", passed on" : "");
      s->struck[channel][pitch] = e->frame + 1;
      if (passed) {
        ++s->count.passed;
        continue;
      }
      if (!s->wild) {
        check_onset(s, e->frame, channel, pitch);
      }
      s->onset[channel][pitch] = e->frame + 1;
      s->heard = e->frame;
      ++s->count.notes;
    }
  }
  list->n_events = 0;
}

static bool is_on(const float value, const bool otherwise) { return isnan(value) ? otherwise : value > 0.0f; }

static bool must_be_silent(const PmtSoak* const s) {
  return !is_on(port(s, PMT_PORT_ENABLED), true) || (!s->daw.clock.rolling && !is_on(port(s, PMT_PORT_RUN), false));
}

/* Nothing sounds but what the player may hold. */
static void check_silent(PmtSoak* const s) {
  for (unsigned i = 0; i < 16 * 128; ++i) {
    const uint64_t struck = s->struck[i / 128][i % 128];
    CHECKF(!struck || pmt_soak_player_holds(s, i % 128), "channel %u note %u sounds on, begun at %llu", i / 128, i % 128,
           (unsigned long long)struck - 1);
  }
  ++s->count.silences;
}

/* After a jump or a panic only what began since sounds; a loop's first slot, told late, goes on, and after a jump so
   does what the player holds. */
static void check_ended(const PmtSoak* const s, const uint64_t since, const bool of_the_player) {
  const double slack = LATE_TICKS * pmt_daw_frames_per_tick(&s->daw);
  for (unsigned i = 0; i < 16 * 128; ++i) {
    const uint64_t struck = s->struck[i / 128][i % 128];
    const bool goes_on = !of_the_player && struck && pmt_soak_player_holds(s, i % 128);
    CHECKF(!struck || goes_on || (double)struck + slack >= (double)since,
           "channel %u note %u hangs, begun at %llu, ended at %llu", i / 128, i % 128, (unsigned long long)struck - 1,
           (unsigned long long)since);
  }
}

static bool ports_are_default(const PmtSoak* const s) {
#define SAME(name, symbol, kind, def, min, max) kind##_IS(port(s, PMT_PORT_##name) == def) &&
#define ATOM_IN_IS(same) true
#define ATOM_OUT_IS(same) true
#define FLOAT_OUT_IS(same) true
#define FLOAT_IN_IS(same) (same)
  return PMT_PORTS(SAME) true;
}

/* Rolling, knobs as at first, nothing odd for bars, and no note: a plugin that gave up. */
static void check_alive(PmtSoak* const s) {
  const uint64_t end = now(s);
  if (!s->daw.clock.rolling || s->tight_left || s->loops || !ports_are_default(s)) {
    s->idle = end;
  }
  uint64_t since = s->heard > s->idle ? s->heard : s->idle;
  since = since > s->trouble ? since : s->trouble;
  const double bars = (double)(end - since) / (pmt_daw_frames_per_tick(&s->daw) * pmt_daw_bar_ticks(&s->daw));
  CHECKF(bars < SILENCE_BARS, "%.1f bars of silence", bars);
}

static void check_cycle(PmtSoak* const s, const uint64_t began) {
  take_notes(s);
  if (!s->tight_left) {
    if (must_be_silent(s)) {
      check_silent(s);
    }
    if (s->pressed) {
      check_ended(s, began, true);
    }
    if (s->jump_at && !s->wild) {
      check_ended(s, s->jump_at - 1, false);
    }
  }
  if (!s->wild) {
    check_alive(s);
  }
}

void pmt_soak_cycle(PmtSoak* const s) {
  const uint64_t began = now(s);
  uint32_t n = some_size(s);
  s->n_parts = 0;
  s->pressed = false;
  s->jump_at = 0;
  if (s->tight_left && !--s->tight_left) {
    pmt_soak_give_room(s);
  }
  if (s->worker == PMT_HOST_POLLED && pmt_soak_one_in(s, 20)) {
    const uint32_t done = pmt_host_work(s->host);
    s->count.swaps += done;
    s->trouble = done ? began : s->trouble;
  }
  if (pmt_soak_one_in(s, s->seldom_acts)) {
    pmt_soak_act(s, 0);
  }
  s->playing_left -= s->playing_left > 0;
  play_along(s, 0);
  if (!plays_alone(s)) { /* two slots may be made already, and the tempo may fall to half */
    s->alone_from = began + (uint64_t)(48.0 * pmt_daw_frames_per_tick(&s->daw));
  }
  add_part(s, began);
  n = s->wild ? roll_wildly(s, n) : roll_tamely(s, n);
  s->resting = s->worker == PMT_HOST_THREAD;
  pmt_host_run(s->host, n);
  check_cycle(s, began);
  ++s->count.cycles;
  s->count.seconds += n / s->daw.rate;
}

/* ---- Scenes ------------------------------------------------------------------------------------------------------ */

void pmt_soak_open(PmtSoak* const s) {
  static const PmtHostWorker workers[] = {PMT_HOST_POLLED, PMT_HOST_POLLED, PMT_HOST_INSIDE, PMT_HOST_THREAD,
                                          PMT_HOST_NO_WORKER, PMT_HOST_REFUSING};
  static const uint32_t seldom[] = {80, 300, 1500, 5000};
  static const uint32_t periods[] = {16, 64, 128, 256, 441, 512, 1024, 2048};
  static const PmtDawFields fields[] = {PMT_DAW_ALL, PMT_DAW_ALL, PMT_DAW_ALL, PMT_DAW_FRAMES_ALONE, PMT_DAW_NO_FRAMES,
                                        PMT_DAW_NO_TEMPO};
  static const double rates[] = {48000, 48000, 44100, 96000, 22050};
  static const int64_t latencies[] = {0, 0, 80, 200};
  s->draws = 0;
  s->wild = pmt_soak_one_in(s, 4);
  s->sizes = (PmtSoakSize)pmt_soak_chance(s, PMT_SIZE_KINDS);
  s->period = periods[pmt_soak_chance(s, 8)];
  s->loves_loops = pmt_soak_one_in(s, 3);
  s->seldom_moves = s->loves_loops ? 3000 : seldom[pmt_soak_chance(s, 4)];
  s->seldom_acts = s->wild ? 8 : s->loves_loops ? 3000 : seldom[pmt_soak_chance(s, 4)];
  s->every_cycle = pmt_soak_chance(s, 3);
  s->splits_at_loop = pmt_soak_chance(s, 3);
  s->floods = pmt_soak_one_in(s, 2);
  s->worker = workers[pmt_soak_chance(s, 6)];
  s->numbers = s->wild || pmt_soak_one_in(s, 2) ? PMT_HOST_PLAIN : PMT_HOST_DOUBLES;
  s->latency = latencies[pmt_soak_chance(s, 4)];
  s->sounds = pmt_soak_one_in(s, 16);
  pmt_daw_init(&s->daw, rates[pmt_soak_chance(s, 5)], s->seed + s->scene);
  s->daw.fields = fields[pmt_soak_chance(s, 6)];
  s->daw.rounding = pmt_soak_chance(s, 3) ? 1920 : 0;
  s->daw.jitter = pmt_soak_chance(s, 3) ? 12 : 0;
  s->excused_until = 0.0;
  s->trouble = s->idle = s->heard = s->seam_at = s->jump_at = 0;
  s->loops = s->seam = s->rebars = false;
  s->changed = true;
  s->standing_left = s->ramp_left = s->tight_left = 0;
  s->meter_bar = INT64_MIN;
  memset(s->struck, 0, sizeof s->struck);
  memset(s->onset, 0, sizeof s->onset);
  memset(s->key, 0, sizeof s->key);
  memset(s->key_at, 0, sizeof s->key_at);
  s->playing_left = 0;
  s->alone_from = 0;
  s->pedals = 0;
  s->host = pmt_host_new(&(PmtHostOptions){.bundle = s->bundle,
                                           .uri = s->sounds ? PMT_INSTRUMENT_URI : PMT_PLUGIN_URI,
                                           .sample_rate = s->daw.rate,
                                           .worker = s->worker,
                                           .options = pmt_soak_one_in(s, 2)});
  CHECK(s->host);
  pmt_host_activate(s->host);
  ++s->count.scenes;
  s->count.sounding_scenes += s->sounds;
}

/* The player's feet are up: so are all pedals, wherever the player was passed on to. */
static void check_pedals(PmtSoak* const s) {
  for (unsigned channel = 0; channel < 16; ++channel) {
    pmt_host_send_midi(s->host, 0, (const uint8_t[]){(uint8_t)(0xb0 | channel), 64, 0}, 3);
  }
  pmt_host_run(s->host, 0);
  pmt_host_run(s->host, 0);
  take_notes(s);
  CHECKF(!s->pedals, "pedals %04x stay down", s->pedals);
}

void pmt_soak_close(PmtSoak* const s) {
  const PmtPosition stop = {.frame = 0, .speed = 0, .bar_beat = -1};
  pmt_soak_give_room(s);
  while (pmt_soak_let_go(s, 0)) {
    pmt_host_run(s->host, 0);
  }
  check_pedals(s);
  *pmt_host_port(s->host, PMT_PORT_RUN) = 0;
  switch (pmt_soak_chance(s, 4)) {
  case 0: pmt_host_send_position(s->host, 0, &stop, PMT_HOST_PLAIN); break;
  case 1: *pmt_host_port(s->host, PMT_PORT_ENABLED) = 0; break;
  case 2:
    pmt_host_deactivate(s->host);
    pmt_host_activate(s->host);
    break;
  default: pmt_host_free(s->host); return; /* while it sounds */
  }
  pmt_host_run(s->host, pmt_soak_one_in(s, 2) ? 64 : 0);
  CHECKF(!pmt_host_sounding(s->host), "%u notes sound on", pmt_host_sounding(s->host));
  pmt_host_free(s->host);
}

static void write_soundfont(const PmtSoak* const s) {
  static const PmtTinySound sounds[] = {{0, 0, 48}, {0, 48, 60}, {128, 0, 96}};
  char tones[1024];
  snprintf(tones, sizeof tones, "%s/tones.sf2", s->scratch);
  pmt_tiny_soundfont_write(tones, sounds, 3);
  CHECK(!setenv("PARTIMENTO_SOUNDFONT", tones, 1));
}

void pmt_soak_begin(PmtSoak* const s) {
  static const PmtTinyOptions kinds[] = {{.seed = 1, .d = 8, .h = 8, .layers = 1, .note_bias = 1.5f, .listens = true},
                                         {.seed = 2, .d = 8, .h = 8, .layers = 1, .note_bias = 1, .parts = 2},
                                         {.seed = 3, .d = 8, .h = 16, .layers = 2, .note_bias = 2, .parts = 8,
                                          .listens = true}};
  static const char* const names[PMT_SOAK_MODELS] = {"first", "second", "third", "broken", "missing"};
  pmt_scratch_make(s->scratch, sizeof s->scratch);
  CHECK((size_t)snprintf(s->captures, sizeof s->captures, "%s/captures", s->scratch) < sizeof s->captures);
  CHECK(!mkdir(s->captures, 0777));
  for (unsigned i = 0; i < PMT_SOAK_MODELS; ++i) {
    snprintf(s->model[i], sizeof s->model[i], "%s/%s.safetensors", s->scratch, names[i]);
    if (i < 3) {
      CHECK(!pmt_tiny_model_write(s->model[i], &kinds[i], NULL));
    }
  }
  CHECK(!pmt_file_write(s->model[3], "broken", 6, NULL));
  pmt_host_copy_bundle(s->scratch, s->model[0], s->bundle, sizeof s->bundle);
  for (int i = 0; i < 2; ++i) {
    const char* const name = i ? "partimento-instrument.so" : "partimento.so";
    CHECK((size_t)snprintf(s->object[i], sizeof s->object[i], "%s/%s", s->bundle, name) < sizeof s->object[i]);
  }
  write_soundfont(s);
}

void pmt_soak_end(PmtSoak* const s) { pmt_scratch_remove(s->scratch); }
