/* SPDX-License-Identifier: ISC */
/** @file daw.h  A DAW's transport: a song that rolls, loops, is located and bent; what the DAW says of it, with
    rounding, jitter and gaps; and a clock that knows nothing but what was said, and says where ticks lie by that.

    Above: soak_host.h, stage.h. It shares no code with gen/clock, on purpose. Ticks are 24 a quarter; which one is
    tick 0 matters to nobody, all whole ticks lie on the grid of bars. */
#ifndef PMT_TESTS_SUPPORT_DAW_H
#define PMT_TESTS_SUPPORT_DAW_H

#include "gen/clock.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
  PMT_DAW_ALL,          /**< frame, speed, bar, beat, meter, tempo */
  PMT_DAW_FRAMES_ALONE, /**< frame and speed: jalv without a timebase master. The song is then in 4/4 at 120 */
  PMT_DAW_NO_FRAMES,    /**< all but the frame */
  PMT_DAW_NO_TEMPO,     /**< frame, speed, bar and beat. Again 4/4 at 120 */
} PmtDawFields;

/** Where ticks lie by what was said. */
typedef struct {
  bool rolling;
  uint64_t at;      /**< frame of the host, counted from its first cycle */
  double tick;      /**< there */
  double per_frame;
  int64_t bar;      /**< as said; it begins ... */
  double bar_tick;  /**< ... at this tick ... */
  uint32_t bar_ticks; /**< ... and those that follow are so long, as far as was said */
} PmtDawClock;

typedef struct {
  double rate;
  PmtDawFields fields;
  uint32_t rounding; /**< parts of a beat, 0 = none */
  uint32_t jitter;   /**< frames, to both sides */
  uint64_t seed, draws;

  bool rolling;
  int64_t frame;     /**< of the song; may be negative */
  float bpm, beats;
  int unit;
  int64_t bar;       /**< the bar ... */
  double bar_frame;  /**< ... that begins here, by the present tempo ... */
  double bar_tick;   /**< ... at this tick */

  bool jumped;       /**< since something was said */
  PmtDawClock clock;
} PmtDaw;

/** Standing at bar 0, in 4/4 at 120. */
void pmt_daw_init(PmtDaw* daw, double rate, uint64_t seed);
/** Whether it says tempo and meter. If not it should not change them. */
bool pmt_daw_says_tempo(const PmtDaw* daw);
double pmt_daw_frames_per_beat(const PmtDaw* daw);
double pmt_daw_frames_per_tick(const PmtDaw* daw);
uint32_t pmt_daw_bar_ticks(const PmtDaw* daw);

/** Song frame (rounded up) where a bar begins by the present tempo and meter. */
int64_t pmt_daw_bar_start(const PmtDaw* daw, int64_t bar);
/** Bar that the song is in. */
int64_t pmt_daw_bar(const PmtDaw* daw);
/** Ticks from the start of that bar. */
double pmt_daw_tick_in_bar(const PmtDaw* daw);

void pmt_daw_locate(PmtDaw* daw, int64_t frame);
/** Another tempo from here on. */
void pmt_daw_tempo(PmtDaw* daw, float bpm);
/** Another meter, from the bar line that was passed last. */
void pmt_daw_meter(PmtDaw* daw, float beats, int unit);

/** Time passes. */
void pmt_daw_pass(PmtDaw* daw, uint32_t n_frames);
/** The same, while the tempo goes to `bpm` in a straight line. */
void pmt_daw_ramp(PmtDaw* daw, uint32_t n_frames, float bpm);

/** What the DAW says now. The clock takes it in: jumps and starts are believed, small differences are jitter.
    @param at frame of the host */
PmtPosition pmt_daw_say(PmtDaw* daw, uint64_t at);

double pmt_daw_clock_tick(const PmtDawClock* clock, uint64_t at);

/** Frames from the last whole tick to `at`, by what was said. In [0, 1) for an onset that is on time. */
double pmt_daw_lateness(const PmtDawClock* clock, uint64_t at);

#endif
