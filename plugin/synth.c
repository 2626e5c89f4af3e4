/* SPDX-License-Identifier: ISC */
/* See synth.h. Above: instrument.c. Below: libfluidsynth, room.c. */
#include "synth.h"

#include <math.h>
#include <string.h>

enum { ALL_SOUND_OFF = 120 };

#define INAUDIBLE 1e-5f   /* -100 dB below full scale */
#define SHORTEST -30000.0f /* timecents below any release time of a SoundFont */

void pmt_synth_program(PmtSynth* const s, const uint32_t channel, const int program) {
  if (s->program[channel] != program) {
    s->program[channel] = program;
    fluid_synth_program_change(s->fluid, (int)channel, program);
  }
}

static uint32_t block_length(const PmtSynth* const s) {
  return (uint32_t)PMT_SYNTH_BLOCK << s->shift;
}

static void wake(PmtSynth* const s) {
  if (s->asleep) {
    s->asleep = false;
    s->quiet = 0;
    s->at = block_length(s);
    s->last[0] = s->last[1] = 0.0f;
    s->block[0][PMT_SYNTH_BLOCK - 1] = s->block[1][PMT_SYNTH_BLOCK - 1] = 0.0f;
  }
}

/* The ones that shape a channel's sound. Not the banks, which would make another instrument of a part's program; nor
   mono, portamento, tunings and their like, some of which allocate. */
static bool is_known_controller(const uint8_t number) {
  switch (number) {
  case 1:  /* modulation */
  case 7:  /* volume */
  case 10: /* pan */
  case 11: /* expression */
  case 64: /* sustain */
  case 66: /* sostenuto */
  case 67: /* soft pedal */
    return true;
  default: return false;
  }
}

static void control(PmtSynth* const s, const int channel, const uint8_t number, const uint8_t value) {
  if (number == ALL_SOUND_OFF) { /* comes in a panic only, which is for all channels */
    pmt_synth_silence(s);
  } else if (is_known_controller(number)) {
    fluid_synth_cc(s->fluid, channel, number, value);
  }
}

void pmt_synth_play(PmtSynth* const s, const uint8_t* const bytes, const uint32_t size) {
  const int channel = bytes[0] & 0x0f;
  const uint8_t value = size > 2 ? bytes[2] : 0;
  switch (bytes[0] & 0xf0) {
  case 0x90:
    wake(s);
    fluid_synth_noteon(s->fluid, channel, bytes[1], value);
    break;
  case 0x80: fluid_synth_noteoff(s->fluid, channel, bytes[1]); break;
  case 0xa0: fluid_synth_key_pressure(s->fluid, channel, bytes[1], value); break;
  case 0xb0: control(s, channel, bytes[1], value); break;
  case 0xd0: fluid_synth_channel_pressure(s->fluid, channel, bytes[1]); break;
  case 0xe0: fluid_synth_pitch_bend(s->fluid, channel, bytes[1] | value << 7); break;
  default: break;
  }
}

/* libfluidsynth's own "all sounds off" leaves alone what has been released already. So all is released, with the
   shortest release there is, and what still comes of it is thrown away: two blocks' work. */
void pmt_synth_silence(PmtSynth* const s) {
  if (s->asleep) {
    return;
  }
  for (int channel = 0; channel < PMT_SYNTH_CHANNELS; ++channel) {
    fluid_synth_set_gen(s->fluid, channel, GEN_VOLENVRELEASE, SHORTEST);
  }
  fluid_synth_all_sounds_off(s->fluid, -1);
  for (int i = 0; i < 2; ++i) {
    fluid_synth_write_float(s->fluid, PMT_SYNTH_BLOCK, s->block[0], 0, 1, s->block[1], 0, 1);
  }
  for (int channel = 0; channel < PMT_SYNTH_CHANNELS; ++channel) {
    fluid_synth_set_gen(s->fluid, channel, GEN_VOLENVRELEASE, 0.0f);
  }
  pmt_room_clear(&s->room);
  s->asleep = true;
}

static bool audible(const PmtSynth* const s) {
  float peak = 0.0f;
  for (uint32_t i = 0; i < PMT_SYNTH_BLOCK; ++i) {
    peak = fmaxf(peak, fmaxf(fabsf(s->block[0][i]), fabsf(s->block[1][i])));
  }
  return peak > INAUDIBLE;
}

static void compute_block(PmtSynth* const s) {
  for (int side = 0; side < 2; ++side) {
    s->last[side] = s->block[side][PMT_SYNTH_BLOCK - 1];
  }
  fluid_synth_write_float(s->fluid, PMT_SYNTH_BLOCK, s->block[0], 0, 1, s->block[1], 0, 1);
  pmt_room_add(&s->room, s->block[0], s->block[1], PMT_SYNTH_BLOCK);
  s->at = 0;
  s->quiet = fluid_synth_get_active_voice_count(s->fluid) || audible(s) ? 0 : s->quiet + 1;
  s->asleep = s->quiet > s->quiet_limit;
}

/* Between two frames of the synth the host's lie on a straight line. */
static float frame_at(const PmtSynth* const s, const int side, const uint32_t at) {
  const uint32_t i = at >> s->shift, part = at & ((1u << s->shift) - 1);
  const float from = i ? s->block[side][i - 1] : s->last[side];
  const float weight = (float)(part + 1) / (float)(1u << s->shift);
  return from * (1.0f - weight) + s->block[side][i] * weight;
}

bool pmt_synth_render(PmtSynth* const s, float* const left, float* const right, const uint32_t n_frames) {
  if (s->asleep) {
    return false;
  }
  for (uint32_t i = 0; i < n_frames; ++i, ++s->at) {
    if (s->at == block_length(s)) {
      compute_block(s);
    }
    if (s->asleep) { /* silence begins with the block, however it is cut */
      memset(left + i, 0, (n_frames - i) * sizeof *left);
      memset(right + i, 0, (n_frames - i) * sizeof *right);
      break;
    }
    left[i] = frame_at(s, 0, s->at);
    right[i] = frame_at(s, 1, s->at);
  }
  return true;
}
