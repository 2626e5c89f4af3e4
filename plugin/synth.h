/* SPDX-License-Identifier: ISC */
/** @file synth.h  One SoundFont made ready to sound: what the instrument swaps when another is chosen.

    Above: instrument.c (plays), instrument_setup.c (makes). Below: libfluidsynth, room.h.

    libfluidsynth works in blocks of 64 frames, and so does this: a block is computed when its first frame is asked for,
    and a message counts from the next block on. The grid of blocks begins with the first note after silence. Nothing in
    it depends on how the host cuts its cycles, and no message is more than 64 frames late (1.3 ms at 48 kHz).

    What of libfluidsynth may run in the audio thread was measured, not believed: docs/instrument.md. */
#ifndef PMT_PLUGIN_SYNTH_H
#define PMT_PLUGIN_SYNTH_H

#include "base/attributes.h"
#include "base/status.h"
#include "room.h"

#include <fluidsynth.h>

#include <stdbool.h>
#include <stdint.h>

enum {
  PMT_SYNTH_BLOCK = 64,
  PMT_SYNTH_CHANNELS = 16,
};

typedef struct {
  fluid_settings_t* settings;
  fluid_synth_t* fluid;
  PmtRoom room;
  unsigned shift;       /**< a frame of the synth is 1 << shift of the host's: libfluidsynth ends at 96 kHz */
  uint32_t at;          /**< the next frame of the block, in the host's frames */
  uint32_t quiet;       /**< blocks without voices and below hearing, one after the other */
  uint32_t quiet_limit; /**< so many, and it sleeps */
  bool asleep;          /**< nothing sounds: nothing is computed */
  int program[PMT_SYNTH_CHANNELS];
  float last[2];        /**< the block before ended with these */
  float block[2][PMT_SYNTH_BLOCK];
} PmtSynth;

/** Load a SoundFont and touch all that will be used. Setup threads.
    @return PMT_IO, PMT_BAD_FILE, PMT_BAD_ARG (sample rate), PMT_NO_MEM with a line that names the file */
PmtStatus pmt_synth_new(double sample_rate, const char* soundfont, PmtSynth** synth, PmtError* error);
void pmt_synth_free(PmtSynth* synth); /**< NULL is fine */

/** Silence, echoes too. Setup threads. */
void pmt_synth_reset(PmtSynth* synth);

/** $PARTIMENTO_SOUNDFONT if that is set, else the first SoundFont in the usual places; NULL: none. */
const char* pmt_synth_find_soundfont(void);

/** Which instrument plays the notes of a channel that begin from now on. */
void pmt_synth_program(PmtSynth* synth, uint32_t channel, int program) PMT_RT;

/** Play a channel message: notes, pressure, bend, and those controllers that shape a channel's sound. CC 120 is
    pmt_synth_silence(). Programs and banks are not taken: pmt_synth_program(). @param size of `bytes`, 2 or 3 */
void pmt_synth_play(PmtSynth* synth, const uint8_t* bytes, uint32_t size) PMT_RT;

/** End all voices and echoes at once, and sleep. */
void pmt_synth_silence(PmtSynth* synth) PMT_RT;

/** The next frames. @return false when it sleeps all the while: nothing was written, all is zero */
bool pmt_synth_render(PmtSynth* synth, float* left, float* right, uint32_t n_frames) PMT_RT;

#endif
