/* SPDX-License-Identifier: ISC */
/** @file room.h  A little room around the sound.

    Above: synth.c. Below: nothing. libfluidsynth has a reverb, but as built by Debian it computes it with OpenMP:
    threads, futexes and memory in each block (docs/instrument.md). This one is a feedback delay network: eight delays
    that feed each other through an orthogonal matrix, each with a low pass, left into the even ones and right into the
    odd. */
#ifndef PMT_PLUGIN_ROOM_H
#define PMT_PLUGIN_ROOM_H

#include "base/attributes.h"
#include "base/status.h"

#include <stdint.h>

enum { PMT_ROOM_LINES = 8 };

typedef struct {
  float* line[PMT_ROOM_LINES];     /**< (length), within one block of memory that the first one owns */
  uint32_t length[PMT_ROOM_LINES]; /**< frames */
  uint32_t at[PMT_ROOM_LINES];
  float gain[PMT_ROOM_LINES];      /**< what is left after one turn */
  float low[PMT_ROOM_LINES];       /**< state of the low passes */
  float bright;                    /**< their coefficient, 0..1 */
} PmtRoom;

/** @param room to be filled in. Setup threads */
PmtStatus pmt_room_init(PmtRoom* room, double sample_rate);
void pmt_room_destroy(PmtRoom* room);

/** Add the echoes of what is in the buffers, and of what was. */
void pmt_room_add(PmtRoom* room, float* left, float* right, uint32_t n_frames) PMT_RT;

/** Forget what still sounds. */
void pmt_room_clear(PmtRoom* room) PMT_RT;

#endif
