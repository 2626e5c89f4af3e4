/* SPDX-License-Identifier: ISC */
/* See tiny_soundfont.h. The format is the SoundFont Technical Specification 2.01: RIFF, with the presets, instruments,
   samples and the lists they point into each closed by a terminal record. */
#include "support/tiny_soundfont.h"

#include "check.h"

#include <math.h>
#include <string.h>

enum {
  SOUNDS_MAX = 64,
  RATE = 48000,
  GUARD = 46, /* frames of silence that the specification wants behind each sample */
  LEVEL = 8000,
  GEN_INSTRUMENT = 41, GEN_SAMPLE = 53, GEN_LOOPS = 54, GEN_SCALE_TUNING = 56,
};

/* A file in the making. */
typedef struct {
  uint8_t* bytes;
  size_t size, capacity;
} Riff;

static void put(Riff* const r, const void* const bytes, const size_t size) {
  if (r->size + size > r->capacity) {
    r->capacity = 2 * (r->size + size);
    r->bytes = realloc(r->bytes, r->capacity);
    CHECK(r->bytes);
  }
  memcpy(r->bytes + r->size, bytes, size);
  r->size += size;
}

static void put_number(Riff* const r, const uint32_t number, const size_t size) {
  const uint8_t bytes[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
  put(r, bytes, size);
}

static void put_16(Riff* const r, const uint32_t number) { put_number(r, number, 2); }
static void put_32(Riff* const r, const uint32_t number) { put_number(r, number, 4); }

static void put_name(Riff* const r, const char* const name) {
  char field[20] = {0};
  snprintf(field, sizeof field, "%s", name);
  put(r, field, sizeof field);
}

/* @return what end() needs to fill in the size */
static size_t begin(Riff* const r, const char* const tag, const char* const form) {
  put(r, tag, 4);
  put_32(r, 0);
  const size_t at = r->size;
  if (form) {
    put(r, form, 4);
  }
  return at;
}

static void end(Riff* const r, const size_t at) {
  const size_t size = r->size - at;
  for (int i = 0; i < 4; ++i) {
    r->bytes[at - 4 + (size_t)i] = (uint8_t)(size >> (8 * i));
  }
  if (size % 2) {
    put_number(r, 0, 1);
  }
}

static void put_info(Riff* const r) {
  const size_t list = begin(r, "LIST", "INFO");
  size_t chunk = begin(r, "ifil", NULL);
  put_16(r, 2);
  put_16(r, 1);
  end(r, chunk);
  chunk = begin(r, "isng", NULL);
  put(r, "EMU8000", 8);
  end(r, chunk);
  chunk = begin(r, "INAM", NULL);
  put(r, "Tones", 6);
  end(r, chunk);
  end(r, list);
}

/* A second or so of tone: a whole number of periods, looped. */
static uint32_t tone_frames(const PmtTinySound* const sound) { return sound->period * (4096u / sound->period + 1); }

static void put_samples(Riff* const r, const PmtTinySound* const sounds, const size_t n) {
  const size_t list = begin(r, "LIST", "sdta");
  const size_t chunk = begin(r, "smpl", NULL);
  for (size_t i = 0; i < n; ++i) {
    for (uint32_t f = 0; f < tone_frames(&sounds[i]); ++f) {
      const double phase = 2.0 * M_PI * (double)(f % sounds[i].period) / (double)sounds[i].period;
      put_16(r, (uint32_t)(int32_t)lrint((double)LEVEL * sin(phase)));
    }
    for (int f = 0; f < GUARD; ++f) {
      put_16(r, 0);
    }
  }
  end(r, chunk);
  end(r, list);
}

static void put_presets(Riff* const r, const PmtTinySound* const sounds, const size_t n) {
  size_t chunk = begin(r, "phdr", NULL);
  for (size_t i = 0; i <= n; ++i) {
    put_name(r, i < n ? "tone" : "EOP");
    put_16(r, i < n ? sounds[i].program : 0);
    put_16(r, i < n ? sounds[i].bank : 0);
    put_16(r, (uint32_t)i);
    put_32(r, 0);
    put_32(r, 0);
    put_32(r, 0);
  }
  end(r, chunk);
  chunk = begin(r, "pbag", NULL); /* one zone each, of one generator: the instrument */
  for (size_t i = 0; i <= n; ++i) {
    put_16(r, (uint32_t)i);
    put_16(r, 0);
  }
  end(r, chunk);
  chunk = begin(r, "pmod", NULL);
  put(r, (const uint8_t[10]){0}, 10);
  end(r, chunk);
  chunk = begin(r, "pgen", NULL);
  for (size_t i = 0; i <= n; ++i) {
    put_16(r, i < n ? GEN_INSTRUMENT : 0);
    put_16(r, i < n ? (uint32_t)i : 0);
  }
  end(r, chunk);
}

static void put_instruments(Riff* const r, const size_t n) {
  enum { GENS = 3 };
  size_t chunk = begin(r, "inst", NULL);
  for (size_t i = 0; i <= n; ++i) {
    put_name(r, i < n ? "tone" : "EOI");
    put_16(r, (uint32_t)i);
  }
  end(r, chunk);
  chunk = begin(r, "ibag", NULL);
  for (size_t i = 0; i <= n; ++i) {
    put_16(r, (uint32_t)(GENS * i));
    put_16(r, 0);
  }
  end(r, chunk);
  chunk = begin(r, "imod", NULL);
  put(r, (const uint8_t[10]){0}, 10);
  end(r, chunk);
  chunk = begin(r, "igen", NULL);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t gens[GENS][2] = {{GEN_LOOPS, 1}, {GEN_SCALE_TUNING, 0}, {GEN_SAMPLE, (uint32_t)i}};
    for (size_t g = 0; g < GENS; ++g) {
      put_16(r, gens[g][0]);
      put_16(r, gens[g][1]);
    }
  }
  put_32(r, 0);
  end(r, chunk);
}

static void put_headers(Riff* const r, const PmtTinySound* const sounds, const size_t n) {
  const size_t chunk = begin(r, "shdr", NULL);
  uint32_t start = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t frames = tone_frames(&sounds[i]);
    put_name(r, "tone");
    put_32(r, start);
    put_32(r, start + frames);
    put_32(r, start + sounds[i].period);
    put_32(r, start + frames - sounds[i].period);
    put_32(r, RATE);
    put_number(r, 60, 1);
    put_number(r, 0, 1);
    put_16(r, 0);
    put_16(r, 1); /* mono */
    start += frames + GUARD;
  }
  put_name(r, "EOS");
  put(r, (const uint8_t[26]){0}, 26);
  end(r, chunk);
}

void pmt_tiny_soundfont_write(const char* const path, const PmtTinySound* const sounds, const size_t n) {
  Riff r = {NULL, 0, 0};
  CHECK(n > 0 && n <= SOUNDS_MAX);
  const size_t file = begin(&r, "RIFF", "sfbk");
  put_info(&r);
  put_samples(&r, sounds, n);
  const size_t list = begin(&r, "LIST", "pdta");
  put_presets(&r, sounds, n);
  put_instruments(&r, n);
  put_headers(&r, sounds, n);
  end(&r, list);
  end(&r, file);
  FILE* const f = fopen(path, "wb");
  CHECK(f && fwrite(r.bytes, 1, r.size, f) == r.size && !fclose(f));
  free(r.bytes);
}
