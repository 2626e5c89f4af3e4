/* SPDX-License-Identifier: ISC */
/** @file clock.h  The host's time as our own running position.

    Above: gen/engine. Below: music/meter.

    Hosts send positions each cycle, rounded to 1/1920 beat, jittering by a dozen frames to both sides. So the clock
    keeps its own position, anchor tick + (frame - anchor frame) * ticks a frame, and lets the host correct it only when
    the frame is not the foreseen one, the beat is off by more than 1/100, or speed or tempo changed.

    Two counts. *Frames* here count what has passed since pmt_clock_reset: they never jump. *Ticks* run on during a
    performance and begin anew when the transport starts or jumps; bar lines and slots lie on whole ticks.

    Audio thread; plain structs, nothing owned. */
#ifndef PMT_GEN_CLOCK_H
#define PMT_GEN_CLOCK_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

/** What the host says of time. Fields a host does not give: see each. */
typedef struct {
  int64_t frame;          /**< time:frame; PMT_NO_FRAME when not given */
  float speed;            /**< 0 stands, 1 rolls; below 0 (backwards) counts as standing, NaN as no news */
  int64_t bar;            /**< time:bar, from 0 */
  double bar_beat;        /**< time:barBeat, in beats of `unit`; negative = no bar position given: derived from frame */
  float beats_per_bar;    /**< 0 = not given: keep the last, at first 4 */
  int unit;               /**< time:beatUnit; 0 = not given: keep the last, at first 4 */
  float bpm;              /**< beats (of `unit`) a minute; 0 = not given: keep the last, at first 120 */
} PmtPosition;
#define PMT_NO_FRAME INT64_MIN
#define PMT_NEVER INT64_MAX

typedef struct {
  double rate;            /**< frames a second */
  int64_t now;            /**< frames since reset */
  bool rolling;
  bool framed;            /**< the host gives time:frame */
  double host_frame;      /**< its frame at `now_host` */
  int64_t now_host;
  float speed, bpm, beats;
  int unit;
  double ticks_per_frame; /**< at the present tempo and speed; 0 while standing */
  int64_t anchor_frame;
  double anchor_tick;
  int64_t bar;            /**< a bar, by the host's number ... */
  int64_t bar_start;      /**< ... the tick where it begins ... */
  uint32_t bar_ticks;     /**< ... and how long it and all that follow are */
} PmtClock;

typedef enum {
  PMT_CLOCK_STEADY,  /**< as foreseen */
  PMT_CLOCK_BENT,    /**< the same music at another tempo or moved by a trifle: frames of ticks have changed */
  PMT_CLOCK_REBARRED,/**< time ran on, but the bar lines lie elsewhere than we thought */
  PMT_CLOCK_JUMPED,  /**< located or looped, rolling */
  PMT_CLOCK_STARTED,
  PMT_CLOCK_STOPPED,
  PMT_CLOCK_PLACED,  /**< standing, perhaps elsewhere */
} PmtClockChange;

/** A slot in the host's time. */
typedef struct {
  int64_t bar;        /**< the host's number */
  uint32_t index;     /**< slot within the bar, from 0; its token is T(index mod 24) */
  uint32_t length;    /**< ticks, 1..12 */
  uint32_t bar_ticks;
  int64_t start;      /**< tick */
} PmtPlace;

/** Standing at bar 0, beat 0, 4/4, 120 quarters a minute. */
void pmt_clock_reset(PmtClock* clock, double rate) PMT_RT;

void pmt_clock_pass(PmtClock* clock, uint32_t n_frames) PMT_RT;

/** Take the host's word for the present frame. NaN and absurd values (bpm outside 1..4000 quarters a minute, bars
    beyond 2^31, beats beyond 1e6) count as not given. */
PmtClockChange pmt_clock_position(PmtClock* clock, const PmtPosition* position) PMT_RT;

/** Tick of the present frame. */
double pmt_clock_tick(const PmtClock* clock) PMT_RT;

/** First frame at which `tick` has come; PMT_NEVER while standing. May lie in the past. */
int64_t pmt_clock_frame(const PmtClock* clock, double tick) PMT_RT;

/** The first slot that starts at or after `tick`; a start up to half a tick before it counts too. */
PmtPlace pmt_clock_place(const PmtClock* clock, double tick) PMT_RT;

/** Whether two places are the same slot of the same bar, wherever ticks are counted from. */
bool pmt_place_same(const PmtPlace* a, const PmtPlace* b) PMT_RT;
/** Whether music made for one place can be played at the other: the same slot of bars of the same length. */
bool pmt_place_fits(const PmtPlace* a, const PmtPlace* b) PMT_RT;
/** The slot that follows within bars of the same length. */
PmtPlace pmt_place_successor(const PmtPlace* place) PMT_RT;

/** The slot that follows, by the bars as they are known now. */
PmtPlace pmt_clock_place_after(const PmtClock* clock, const PmtPlace* place) PMT_RT;

#endif
