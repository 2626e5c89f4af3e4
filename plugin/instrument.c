/* SPDX-License-Identifier: ISC */
/* One cycle with sound. Above: the host. Below: partimento.c, which says each message that leaves, and synth.c.

   Sound is computed up to a message's frame, then the message is played, then on. Everything that changes does so at
   frames that are counted here, not at the borders of the host's cycles. */
#include "instrument.h"

#include "base/float_mode.h"
#include "gen/channels.h"

#include <math.h>
#include <string.h>

enum { GRID = 64 };

#define MUTED 1e-4f /* -80 dB: what is cut off here is not heard */

/* ---- Gain -------------------------------------------------------------------------------------------------------- */

static float read_own_port(const PmtInstrument* const self, const PmtInstrumentPortIndex port, const float lo,
                           const float hi) {
  const float* const value = self->port[port - PMT_PORT_COUNT];
  if (!value || isnan(*value)) {
    return 0.0f; /* the default of both */
  }
  return fminf(fmaxf(*value, lo), hi);
}

static bool fades(const PmtInstrument* const self) {
  return self->next || !(pmt_plugin_read_controls(&self->plugin).enabled > 0.0f);
}

/* Equal power: as loud at the sides as in the middle, where it is the SoundFont's own level. */
static void take_aim(PmtInstrument* const self) {
  const float volume = fades(self) ? -INFINITY : read_own_port(self, PMT_PORT_VOLUME, -60.0f, 6.0f);
  const float pan = read_own_port(self, PMT_PORT_PAN, -1.0f, 1.0f);
  if (volume == self->volume && pan == self->pan) {
    return;
  }
  const float level = volume > -60.0f ? powf(10.0f, volume / 20.0f) : 0.0f;
  const float angle = (pan + 1.0f) * 0.785398163f; /* a quarter of pi */
  self->aim[0] = level * 1.41421356f * cosf(angle);
  self->aim[1] = level * 1.41421356f * sinf(angle);
  self->volume = volume;
  self->pan = pan;
}

static void apply_gain(PmtInstrument* const self, const int side, float* const sound, const uint32_t n) {
  float gain = self->gain[side];
  for (uint32_t i = 0; i < n; ++i) {
    gain += self->glide * (self->aim[side] - gain);
    sound[i] *= gain;
  }
  self->gain[side] = gain;
}

/* ---- Another SoundFont ------------------------------------------------------------------------------------------- */

bool pmt_instrument_offer(void* const instrument, void* const synth) {
  PmtInstrument* const self = instrument;
  if (self->next || self->old) {
    return false;
  }
  self->next = synth;
  return true;
}

void* pmt_instrument_take_old(void* const instrument) {
  PmtInstrument* const self = instrument;
  PmtSynth* const old = self->old;
  self->old = NULL;
  return old;
}

/* Nothing of the present synth is heard any more. */
static void settle(PmtInstrument* const self) {
  if (self->synth) {
    pmt_synth_silence(self->synth);
  }
  if (self->next) {
    self->old = self->synth;
    self->synth = self->next;
    self->next = NULL;
    take_aim(self);
  }
}

/* ---- Sound ------------------------------------------------------------------------------------------------------- */

static void put(PmtInstrument* const self, const PmtInstrumentPortIndex port, const float* const sound,
                const uint32_t n) {
  float* const out = self->port[port - PMT_PORT_COUNT];
  if (out && sound) {
    memcpy(out + self->done, sound, n * sizeof *out);
  } else if (out) {
    memset(out + self->done, 0, n * sizeof *out);
  }
}

/* At most to the next line of the grid. */
static void render_some(PmtInstrument* const self, const uint32_t n) {
  float left[GRID], right[GRID];
  const bool sounds = self->synth && pmt_synth_render(self->synth, left, right, n);
  if (sounds) {
    apply_gain(self, 0, left, n);
    apply_gain(self, 1, right, n);
  }
  put(self, PMT_PORT_OUT_LEFT, sounds ? left : NULL, n);
  put(self, PMT_PORT_OUT_RIGHT, sounds ? right : NULL, n);
  self->done += n;
  self->grid = (self->grid + n) % GRID;
  if (sounds && !self->grid && fades(self) && self->gain[0] < MUTED && self->gain[1] < MUTED) {
    settle(self);
  }
}

static void render_until(PmtInstrument* const self, uint32_t frame) {
  frame = frame < self->n_frames ? frame : self->n_frames;
  while (self->done < frame) {
    const uint32_t to_line = GRID - self->grid, left = frame - self->done;
    render_some(self, left < to_line ? left : to_line);
  }
}

/* The program of a channel is that of its part in the style that plays. @return -1: no part's */
static int find_program(const PmtInstrument* const self, const uint32_t channel) {
  const PmtModel* const model = pmt_engine_model(self->plugin.engine);
  const uint32_t style = pmt_engine_stats(self->plugin.engine)->style;
  if (!model || style >= model->n_styles) {
    return -1;
  }
  if (channel == PMT_DRUM_CHANNEL) {
    return model->kit[style];
  }
  const uint32_t first = (uint32_t)(self->plugin.controls.channel + 0.5f) - 1;
  const uint32_t part = pmt_part_of_channel(first, channel);
  return part < model->parts ? model->program[style][part] : -1;
}

/* On the other channels whoever plays there chooses. */
static void choose_program(PmtInstrument* const self, const uint8_t* const bytes) {
  const uint32_t channel = bytes[0] & 0x0f;
  const int parts = find_program(self, channel);
  if ((bytes[0] & 0xf0) == 0x90 && parts >= 0) {
    pmt_synth_program(self->synth, channel, parts);
  } else if ((bytes[0] & 0xf0) == 0xc0 && parts < 0) {
    pmt_synth_program(self->synth, channel, bytes[1]);
  }
}

void pmt_instrument_hear(void* const instrument, const uint32_t frame, const uint8_t* const bytes,
                         const uint32_t size) {
  PmtInstrument* const self = instrument;
  if (!self->synth) {
    return;
  }
  render_until(self, frame);
  choose_program(self, bytes);
  if ((bytes[0] & 0xf0) == 0x90 && self->synth->asleep) {
    memcpy(self->gain, self->aim, sizeof self->gain);
  }
  pmt_synth_play(self->synth, bytes, size);
}

void pmt_instrument_run(LV2_Handle instance, const uint32_t n_frames) {
  PmtInstrument* const self = instance;
  const uint64_t float_mode = pmt_float_mode_enter();
  self->n_frames = n_frames;
  self->done = 0;
  if (self->next && (!self->synth || self->synth->asleep)) {
    settle(self);
  }
  take_aim(self);
  pmt_plugin_run(instance, n_frames);
  render_until(self, n_frames);
  pmt_float_mode_leave(float_mode);
}
