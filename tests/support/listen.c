/* SPDX-License-Identifier: ISC */
/* See listen.h. */
#include "support/listen.h"

#include "check.h"

#include "ports.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <math.h>
#include <string.h>

enum { RATE = PMT_LISTEN_RATE };

const PmtTinySound pmt_listen_tones[5] = {{0, 0, 48}, {0, 40, 60}, {0, 48, 80}, {128, 0, 30}, {128, 25, 120}};

static char scratch[512], bundle[1024], soundfont[1024];

void pmt_listen_begin(void) {
  char model[1024];
  pmt_scratch_make(scratch, sizeof scratch);
  snprintf(model, sizeof model, "%s/tiny.safetensors", scratch);
  snprintf(soundfont, sizeof soundfont, "%s/tones.sf2", scratch);
  CHECK(!pmt_tiny_model_write(model, &(PmtTinyOptions){.seed = 3, .note_bias = 2}, NULL));
  pmt_host_copy_bundle(scratch, model, bundle, sizeof bundle);
  pmt_tiny_soundfont_write(soundfont, pmt_listen_tones, 5);
  setenv("PARTIMENTO_SOUNDFONT", soundfont, 1);
}

void pmt_listen_end(void) { pmt_scratch_remove(scratch); }
const char* pmt_listen_bundle(void) { return bundle; }
const char* pmt_listen_folder(void) { return scratch; }
const char* pmt_listen_soundfont(void) { return soundfont; }

PmtHost* pmt_listen_host(const char* const uri, const double rate) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .uri = uri, .sample_rate = rate});
  CHECK(host);
  pmt_host_activate(host);
  return host;
}

PmtPosition pmt_listen_at(const int64_t frame, const float speed) {
  const double beats = (double)frame / (RATE / 2); /* 120 a minute */
  const double bar = floor(beats / 4.0);
  return (PmtPosition){.frame = frame, .speed = speed, .bar = (int64_t)bar, .bar_beat = beats - 4.0 * bar,
                       .beats_per_bar = 4, .unit = 4, .bpm = 120};
}

PmtSound pmt_sound_new(const uint64_t n_frames) {
  const PmtSound s = {{calloc(n_frames, sizeof(float)), calloc(n_frames, sizeof(float))}, n_frames};
  CHECK(s.side[0] && s.side[1]);
  return s;
}

void pmt_sound_free(PmtSound* const s) {
  free(s->side[0]);
  free(s->side[1]);
}

void pmt_listen_run(PmtHost* const host, PmtSound* const sound, const uint64_t frame, const uint32_t n) {
  pmt_host_run(host, n);
  for (int side = 0; sound && side < 2; ++side) {
    memcpy(sound->side[side] + frame, pmt_host_audio(host, side), n * sizeof(float));
  }
}

float pmt_sound_peak(const PmtSound* const s, const uint64_t from, const uint64_t to) {
  float peak = 0.0f;
  for (uint64_t i = from; i < to; ++i) {
    peak = fmaxf(peak, fmaxf(fabsf(s->side[0][i]), fabsf(s->side[1][i])));
  }
  return peak;
}

/* By the definition. */
double pmt_sound_tone(const PmtSound* const s, const uint64_t from, const uint64_t n, const double period) {
  double re = 0.0, im = 0.0;
  for (uint64_t i = 0; i < n; ++i) {
    const double phase = 2.0 * M_PI * (double)i / period;
    re += (double)s->side[0][from + i] * cos(phase);
    im += (double)s->side[0][from + i] * sin(phase);
  }
  return 2.0 * hypot(re, im) / (double)n;
}

float pmt_sound_steepest(const PmtSound* const s, const uint64_t from, const uint64_t to) {
  float step = 0.0f;
  for (uint64_t i = from + 1; i < to; ++i) {
    step = fmaxf(step, fabsf(s->side[0][i] - s->side[0][i - 1]));
  }
  return step;
}

double pmt_sound_power(const PmtSound* const s, const int side) {
  double sum = 0.0;
  for (uint64_t i = 0; i < s->n_frames; ++i) {
    sum += (double)s->side[side][i] * (double)s->side[side][i];
  }
  return sum;
}

uint64_t pmt_listen_roll(PmtHost* const host, PmtSound* const sound, const uint64_t n_frames) {
  enum { BLOCK = 480 };
  const PmtPosition stand = pmt_listen_at(0, 0);
  pmt_host_send_position(host, 0, &stand, PMT_HOST_PLAIN);
  pmt_host_run(host, RATE / 2);
  pmt_midi_list_free(pmt_host_midi(host));
  const uint64_t start = pmt_host_frame(host);
  for (uint64_t frame = 0; frame + BLOCK <= n_frames; frame += BLOCK) {
    const PmtPosition position = pmt_listen_at((int64_t)frame, 1);
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    pmt_listen_run(host, sound, frame, BLOCK);
  }
  const PmtMidiList* const list = pmt_host_midi(host);
  for (size_t i = 0; i < list->n_events; ++i) {
    list->events[i].frame -= start;
  }
  CHECK(list->n_events > 0 && (list->events[0].bytes[0] & 0xf0) == 0x90);
  return list->events[0].frame;
}
