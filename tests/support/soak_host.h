/* SPDX-License-Identifier: ISC */
/** @file soak_host.h  A host that does everything, at random from a seed, and what must hold all the same.

    Above: test_soak.c. Below: lv2_host.h (entry points, invariants of each cycle), daw.h (the transport). soak_host.c
    has the host and its checks, soak_acts.c what it does beside rolling. */
#ifndef PMT_TESTS_SUPPORT_SOAK_HOST_H
#define PMT_TESTS_SUPPORT_SOAK_HOST_H

#include "support/daw.h"
#include "support/lv2_host.h"

#include <stdio.h>

/** What was done and seen: the proof that the soak was wet. */
#define PMT_SOAK_COUNTERS(X)                                                                                       \
  X(starts) X(stops) X(locates) X(wraps) X(seamless) X(tempos) X(meters) X(positions) X(knobs) X(panics) X(floods) \
  X(bypasses) X(freezes) X(runs) X(models) X(swaps) X(worker_modes) X(presses) X(saves) X(restores)    \
  X(activations) X(tight_rooms) X(gets) X(empty_cycles) X(resumes) X(silences) X(jams) X(learns) X(keys) X(messes) \
  X(passed)

typedef struct {
  uint64_t cycles, scenes, sounding_scenes, notes, timed;
  double seconds;
#define PMT_SOAK_COUNTER(name) uint64_t name;
  PMT_SOAK_COUNTERS(PMT_SOAK_COUNTER)
#undef PMT_SOAK_COUNTER
} PmtSoakCounters;

/** A stretch of one cycle in which one clock held. */
typedef struct {
  uint64_t from;
  PmtDawClock clock;
  double excused_until; /**< tick: onsets up to here may be late */
} PmtSoakPart;

enum { PMT_SOAK_PARTS = 24, PMT_SOAK_MODELS = 5 };
typedef enum { PMT_SIZE_FIXED, PMT_SIZE_SPLIT, PMT_SIZE_ODD, PMT_SIZE_ANY, PMT_SIZE_KINDS } PmtSoakSize;

/** Tell what happens, one line an event. */
#define PMT_SOAK_TRACE(soak, ...) \
  do { \
    if ((soak)->traces) { \
      printf(__VA_ARGS__); \
      putchar('\n'); \
    } \
  } while (0)

typedef struct {
  uint64_t seed, scene, draws;
  bool traces;
  PmtSoakCounters count;
  char scratch[512], captures[600], bundle[1024], object[2][1100];
  char model[PMT_SOAK_MODELS][1024]; /**< good ones, a broken one, a missing one */

  PmtHost* host;
  PmtDaw daw;
  bool wild;
  bool sounds;         /**< it is the instrument */
  /* the host's habits */
  PmtSoakSize sizes;
  uint32_t period;
  bool every_cycle, splits_at_loop, floods, loves_loops;
  uint32_t seldom_moves, seldom_acts; /**< in so many cycles one */
  PmtHostWorker worker;
  PmtHostNumbers numbers;
  int64_t latency;
  /* the moment */
  double excused_until;   /**< tick: onsets up to here may be late */
  uint64_t trouble;       /**< something happened last at this frame */
  uint64_t idle;          /**< until here nothing had to sound */
  uint64_t heard;         /**< the last onset */
  bool loops, changed, seam, rebars, resting;
  int64_t loop_from, loop_to;
  uint32_t standing_left; /**< cycles until a "starting" transport rolls */
  uint32_t ramp_left;     /**< cycles */
  float ramp;             /**< factor a cycle */
  uint32_t tight_left;    /**< cycles until there is room again */
  bool pressed;           /**< Panic, in this cycle */
  int64_t meter_bar;      /**< bar after which `meter` holds; INT64_MIN none */
  uint32_t meter;
  PmtSoakPart part[PMT_SOAK_PARTS];
  uint32_t n_parts;
  uint64_t struck[16][128]; /**< frame + 1 of the onset that sounds; 0 none */
  uint64_t onset[16][128];  /**< of the last one, + 1 */
  bool key[16][128];        /**< the player holds it, or all notes off may have ended it */
  uint64_t key_at[128][2];  /**< frame + 1 of the player's last strikes of that pitch, the latest first */
  uint16_t pedals;          /**< bits: channels that were told to put the sustain pedal down */
  uint64_t alone_from;      /**< frame from which notes come on their ticks */
  uint32_t playing_left;    /**< cycles in which the player plays on */
  uint64_t seam_at;         /**< frame of the last seamless wrap, + 1 */
  uint64_t jump_at;         /**< of a jump in this cycle, + 1 */
} PmtSoak;

/** Folders and models. @param soak seed set, the rest zero */
void pmt_soak_begin(PmtSoak* soak);
void pmt_soak_end(PmtSoak* soak);

/** The instance of a scene. */
void pmt_soak_open(PmtSoak* soak);
/** Stop in some way, find silence, clean up; or clean up while it sounds. */
void pmt_soak_close(PmtSoak* soak);
void pmt_soak_cycle(PmtSoak* soak);

/* Shared by soak_host.c and soak_acts.c. */

uint32_t pmt_soak_chance(PmtSoak* soak, uint32_t n); /**< 0 .. n - 1 */
bool pmt_soak_one_in(PmtSoak* soak, uint32_t n);
/** Onsets may be late for half a tick from the cycle's start on. */
void pmt_soak_excuse(PmtSoak* soak, uint64_t at);
/** A knob, a model, the worker, MIDI, the session ... @param frame for events */
void pmt_soak_act(PmtSoak* soak, uint32_t frame);
/** The player plays something, well or badly. @param frame for events */
void pmt_soak_play(PmtSoak* soak, uint32_t frame);
/** The player lets go of the keys, of 500 at most. @return there were any */
bool pmt_soak_let_go(PmtSoak* soak, uint32_t frame);
/** The player may be what sounds there. */
bool pmt_soak_player_holds(const PmtSoak* soak, unsigned pitch);
/** Ardour's 48 controllers. */
void pmt_soak_flood(PmtSoak* soak, uint32_t frame);
void pmt_soak_give_room(PmtSoak* soak);
/** All ports as they are at first. */
void pmt_soak_reset_ports(PmtSoak* soak);

#endif
