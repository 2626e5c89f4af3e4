/* SPDX-License-Identifier: ISC */
/* Making and unmaking what synth.h describes. Never in the audio thread. Above: instrument_setup.c. */
#include "synth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RATE_MIN = 8000, RATE_MAX = 96000 /* libfluidsynth's */, WARM_BLOCKS = 8 };

/* So that the loudest of the shipped model's styles stays below -3 dB: docs/instrument.md. */
static const double gain = 0.5;

static void set(fluid_settings_t* const settings, const char* const name, const int value) {
  fluid_settings_setint(settings, name, value);
}

/* One thread, no lock, no thread of its own, nothing read later on. No lock on memory: what a host may lock is little,
   and samples are read, that is, touched, when they are loaded. */
static fluid_settings_t* make_settings(const double rate) {
  fluid_settings_t* const settings = new_fluid_settings();
  if (settings) {
    set(settings, "synth.threadsafe-api", 0);
    set(settings, "synth.cpu-cores", 1);
    set(settings, "synth.dynamic-sample-loading", 0);
    set(settings, "synth.lock-memory", 0);
    set(settings, "synth.midi-channels", PMT_SYNTH_CHANNELS);
    set(settings, "synth.polyphony", 128);
    set(settings, "synth.min-note-length", 0);
    set(settings, "synth.chorus.active", 0);
    set(settings, "synth.reverb.active", 0); /* room.h says why */
    fluid_settings_setstr(settings, "synth.midi-bank-select", "gm"); /* channel 10 drums, the others not */
    fluid_settings_setnum(settings, "synth.gain", gain);
    fluid_settings_setnum(settings, "synth.sample-rate", rate);
  }
  return settings;
}

/* Sound on every channel, so that the first note played finds its code and its memory where they should be. */
static void warm(PmtSynth* const s) {
  float left[PMT_SYNTH_BLOCK], right[PMT_SYNTH_BLOCK];
  for (uint8_t key = 36; key < 84; key += 4) {
    for (uint8_t channel = 0; channel < PMT_SYNTH_CHANNELS; ++channel) {
      pmt_synth_play(s, (const uint8_t[]){0x90 | channel, key, 100}, 3);
    }
    pmt_synth_render(s, left, right, PMT_SYNTH_BLOCK);
  }
  for (int i = 0; i < WARM_BLOCKS; ++i) {
    pmt_synth_render(s, left, right, PMT_SYNTH_BLOCK);
  }
  pmt_synth_reset(s);
}

void pmt_synth_reset(PmtSynth* const s) {
  pmt_synth_silence(s);
  fluid_synth_system_reset(s->fluid);
  for (uint32_t channel = 0; channel < PMT_SYNTH_CHANNELS; ++channel) {
    s->program[channel] = 0;
    fluid_synth_program_change(s->fluid, (int)channel, 0);
  }
  float left[PMT_SYNTH_BLOCK], right[PMT_SYNTH_BLOCK]; /* what was said here waits for the next block */
  fluid_synth_write_float(s->fluid, PMT_SYNTH_BLOCK, left, 0, 1, right, 0, 1);
}

/* What is no SoundFont, or only the beginning of one, is not left to libfluidsynth: it would try it as another format,
   by a library that talks on the host's stderr. */
static PmtStatus check_file(const char* const path, PmtError* const error) {
  unsigned char head[12];
  FILE* const file = fopen(path, "rb");
  if (!file) {
    return pmt_fail(error, PMT_IO, "%s: cannot be read", path);
  }
  const bool whole = fread(head, 1, sizeof head, file) == sizeof head && !fseek(file, 0, SEEK_END);
  const long size = ftell(file);
  fclose(file);
  if (!whole || memcmp(head, "RIFF", 4) || memcmp(head + 8, "sfbk", 4)) {
    return pmt_fail(error, PMT_BAD_FILE, "%s: no SoundFont (.sf2, .sf3)", path);
  }
  const uint32_t told = head[4] | (uint32_t)head[5] << 8 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 24;
  if (size < 0 || (uint64_t)size < (uint64_t)told + 8) {
    return pmt_fail(error, PMT_BAD_FILE, "%s: cut short, %ld of %llu bytes", path, size, (unsigned long long)told + 8);
  }
  return PMT_OK;
}

static PmtStatus load(PmtSynth* const s, const double rate, const char* const path, PmtError* const error) {
  s->settings = make_settings(rate);
  s->fluid = s->settings ? new_fluid_synth(s->settings) : NULL;
  if (!s->fluid || pmt_room_init(&s->room, rate)) {
    return pmt_fail(error, PMT_NO_MEM, "%s: no memory for a synthesizer", path);
  }
  const PmtStatus status = check_file(path, error);
  if (status) {
    return status;
  }
  if (fluid_synth_sfload(s->fluid, path, 1) == FLUID_FAILED) {
    return pmt_fail(error, PMT_BAD_FILE, "%s: a damaged SoundFont", path);
  }
  return PMT_OK;
}

PmtStatus pmt_synth_new(const double sample_rate, const char* const soundfont, PmtSynth** const synth,
                        PmtError* const error) {
  double rate = sample_rate;
  unsigned shift = 0;
  for (; rate > (double)RATE_MAX && shift < 4; ++shift) {
    rate *= 0.5;
  }
  *synth = NULL;
  if (!(rate >= (double)RATE_MIN && rate <= (double)RATE_MAX)) {
    return pmt_fail(error, PMT_BAD_ARG, "no sound at a sample rate of %g", sample_rate);
  }
  for (int level = 0; level < LAST_LOG_LEVEL; ++level) { /* it would print in the audio thread */
    fluid_set_log_function(level, NULL, NULL);
  }
  PmtSynth* const s = calloc(1, sizeof *s);
  if (!s) {
    return pmt_fail(error, PMT_NO_MEM, "%s: no memory for a synthesizer", soundfont);
  }
  s->shift = shift;
  s->quiet_limit = (uint32_t)(0.1 * rate) / PMT_SYNTH_BLOCK;
  s->asleep = true;
  const PmtStatus status = load(s, rate, soundfont, error);
  if (status) {
    pmt_synth_free(s);
    return status;
  }
  warm(s);
  *synth = s;
  return PMT_OK;
}

void pmt_synth_free(PmtSynth* const s) {
  if (s) {
    pmt_room_destroy(&s->room);
    delete_fluid_synth(s->fluid);
    delete_fluid_settings(s->settings);
    free(s);
  }
}

const char* pmt_synth_find_soundfont(void) {
  static const char* const places[] = {
      "/usr/share/sounds/sf2/default-GM.sf2", "/usr/share/sounds/sf2/FluidR3_GM.sf2",
      "/usr/share/sounds/sf2/TimGM6mb.sf2",   "/usr/share/sounds/sf3/default-GM.sf3", /* slow to unpack: rather later */
      "/usr/share/sounds/sf2/GeneralUser.sf2", "/usr/share/soundfonts/default.sf2",
      "/usr/share/soundfonts/FluidR3_GM.sf2", "/usr/local/share/soundfonts/default.sf2",
  };
  const char* const chosen = getenv("PARTIMENTO_SOUNDFONT");
  if (chosen) {
    return *chosen ? chosen : NULL;
  }
  for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
    if (!access(places[i], R_OK)) {
      return places[i];
    }
  }
  return NULL;
}
