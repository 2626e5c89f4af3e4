/* SPDX-License-Identifier: ISC */
/* urn:partimento:instrument through its descriptor: its notes are the generator's, its sound follows them, and neither
   depends on how the host cuts time. The SoundFont is one of sine tones, so that the pitch of the sound tells the preset. */
#include "check.h"

#include "ports.h"
#include "uris.h"
#include "support/lv2_host.h"
#include "support/tiny_model.h"
#include "support/tiny_soundfont.h"

#include <lv2/atom/atom.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RATE = 48000, PERIOD = 48 /* of the first tone: 1 kHz */ };

static char scratch[512], bundle[1024], tones[1024];

static PmtHost* make_host(const char* const uri, const double rate) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .uri = uri, .sample_rate = rate});
  CHECK(host);
  pmt_host_activate(host);
  return host;
}

static PmtPosition at(const int64_t frame, const float speed) {
  const double beats = (double)frame / (RATE / 2); /* 120 a minute */
  const double bar = floor(beats / 4.0);
  return (PmtPosition){.frame = frame, .speed = speed, .bar = (int64_t)bar, .bar_beat = beats - 4.0 * bar,
                       .beats_per_bar = 4, .unit = 4, .bpm = 120};
}

/* What was heard, beside what was played. */
typedef struct {
  float* side[2];
  uint64_t n_frames;
} Sound;

static Sound sound_new(const uint64_t n_frames) {
  const Sound s = {{calloc(n_frames, sizeof(float)), calloc(n_frames, sizeof(float))}, n_frames};
  CHECK(s.side[0] && s.side[1]);
  return s;
}

static void sound_free(Sound* const s) {
  free(s->side[0]);
  free(s->side[1]);
}

static void run(PmtHost* const host, Sound* const sound, const uint64_t frame, const uint32_t n) {
  pmt_host_run(host, n);
  for (int side = 0; sound && side < 2; ++side) {
    memcpy(sound->side[side] + frame, pmt_host_audio(host, side), n * sizeof(float));
  }
}

static float peak_of(const Sound* const s, const uint64_t from, const uint64_t to) {
  float peak = 0.0f;
  for (uint64_t i = from; i < to; ++i) {
    peak = fmaxf(peak, fmaxf(fabsf(s->side[0][i]), fabsf(s->side[1][i])));
  }
  return peak;
}

/* Amplitude of a tone of `period` frames in the sound (Goertzel's sum, by the definition). */
static double tone_of(const Sound* const s, const uint64_t from, const uint64_t n, const double period) {
  double re = 0.0, im = 0.0;
  for (uint64_t i = 0; i < n; ++i) {
    const double phase = 2.0 * M_PI * (double)i / period;
    re += (double)s->side[0][from + i] * cos(phase);
    im += (double)s->side[0][from + i] * sin(phase);
  }
  return 2.0 * hypot(re, im) / (double)n;
}

/* A song with everything in it --------------------------------------------------------------------------------------- */

enum { SONG = 12 * RATE };

typedef struct {
  uint64_t frame;
  PmtPosition position; /**< speed below 0: none */
  int port;             /**< -1 none; set to `value` */
  float value;
} Turn;

/* Stand, roll, jump, bypass, panic, other styles and channels, stop. */
static size_t make_song(Turn turn[32]) {
  const PmtPosition none = {.speed = -1};
  size_t n = 0;
  turn[n++] = (Turn){0, at(0, 0), -1, 0};
  turn[n++] = (Turn){24000, at(0, 1), -1, 0};
  turn[n++] = (Turn){100001, none, PMT_PORT_STYLE, 1};
  turn[n++] = (Turn){150003, at(30000, 1), -1, 0};
  turn[n++] = (Turn){200003, none, PMT_PORT_ENABLED, 0};
  turn[n++] = (Turn){202001, none, PMT_PORT_ENABLED, 1};
  turn[n++] = (Turn){250001, none, PMT_PORT_ENABLED, 0};
  turn[n++] = (Turn){280007, none, PMT_PORT_ENABLED, 1};
  turn[n++] = (Turn){330011, none, PMT_PORT_PANIC, 1};
  turn[n++] = (Turn){350000, none, PMT_PORT_CHANNEL, 8};
  turn[n++] = (Turn){400009, at(400009, 0), -1, 0};
  turn[n++] = (Turn){530000, at(0, 1), -1, 0}; /* long enough after to have gone to sleep */
  return n;
}

static uint32_t random_block(uint32_t* const state, const uint32_t max) {
  *state = *state * 1664525u + 1013904223u;
  return 1 + (*state >> 8) % max;
}

/* @param block 0: random sizes */
static void play_song(PmtHost* const host, Sound* const sound, const uint32_t block) {
  Turn turn[32];
  const size_t n = make_song(turn);
  uint32_t random = 7;
  for (uint64_t frame = 0, next = 0; frame < SONG;) {
    for (; next < n && turn[next].frame == frame; ++next) {
      if (turn[next].position.speed >= 0) {
        pmt_host_send_position(host, 0, &turn[next].position, PMT_HOST_PLAIN);
      } else {
        *pmt_host_port(host, (uint32_t)turn[next].port) = turn[next].value;
      }
    }
    const uint64_t until = next < n ? turn[next].frame : SONG; /* ports count from a cycle's start */
    uint64_t size = block ? block : random_block(&random, 4096);
    size = size < until - frame ? size : until - frame;
    run(host, sound, frame, (uint32_t)size);
    frame += size;
  }
}

static void check_same_notes(const PmtMidiList* const a, const PmtMidiList* const b) {
  CHECKF(a->n_events == b->n_events, "%zu and %zu events", a->n_events, b->n_events);
  for (size_t i = 0; i < a->n_events; ++i) {
    const PmtTimedMidi *x = &a->events[i], *y = &b->events[i];
    CHECKF(x->frame == y->frame && x->size == y->size && !memcmp(x->bytes, y->bytes, x->size), "event %zu", i);
  }
}

static void test_same_notes_as_the_generator(void) {
  PmtHost* const generator = make_host(PMT_PLUGIN_URI, RATE);
  PmtHost* const instrument = make_host(PMT_INSTRUMENT_URI, RATE);
  play_song(generator, NULL, 256);
  play_song(instrument, NULL, 256);
  CHECK(pmt_host_midi(generator)->n_events > 100);
  check_same_notes(pmt_host_midi(generator), pmt_host_midi(instrument));
  pmt_host_free(generator);
  pmt_host_free(instrument);
}

static void test_block_sizes(void) {
  static const uint32_t blocks[] = {1, 7, 64, 1024, 0};
  PmtHost* const host = make_host(PMT_INSTRUMENT_URI, RATE);
  Sound reference = sound_new(SONG);
  play_song(host, &reference, 256);
  pmt_host_free(host);
  CHECK(peak_of(&reference, 0, SONG) > 0.05f);
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) {
    PmtHost* const other = make_host(PMT_INSTRUMENT_URI, RATE);
    Sound sound = sound_new(SONG);
    play_song(other, &sound, blocks[i]);
    for (int side = 0; side < 2; ++side) {
      for (uint64_t f = 0; f < SONG; ++f) {
        CHECKF(!memcmp(&sound.side[side][f], &reference.side[side][f], sizeof(float)), "block %u, frame %llu: %g, not %g",
               blocks[i], (unsigned long long)f, (double)sound.side[side][f], (double)reference.side[side][f]);
      }
    }
    sound_free(&sound);
    pmt_host_free(other);
  }
  sound_free(&reference);
}

/* Sound and notes ---------------------------------------------------------------------------------------------------- */

static const PmtTinySound scale[] = {{0, 0, 48}, {0, 40, 60}, {0, 48, 80}, {128, 0, 30}, {128, 25, 120}};

/* @return frame of the first note-on; the host has rolled on from 0 for `n_frames` */
static uint64_t roll(PmtHost* const host, Sound* const sound, const uint64_t n_frames) {
  enum { BLOCK = 480 };
  const PmtPosition stand = at(0, 0);
  pmt_host_send_position(host, 0, &stand, PMT_HOST_PLAIN);
  pmt_host_run(host, RATE / 2);
  pmt_midi_list_free(pmt_host_midi(host));
  const uint64_t start = pmt_host_frame(host);
  for (uint64_t frame = 0; frame + BLOCK <= n_frames; frame += BLOCK) {
    const PmtPosition position = at((int64_t)frame, 1);
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    run(host, sound, frame, BLOCK);
  }
  const PmtMidiList* const list = pmt_host_midi(host);
  for (size_t i = 0; i < list->n_events; ++i) {
    list->events[i].frame -= start;
  }
  CHECK(list->n_events > 0 && (list->events[0].bytes[0] & 0xf0) == 0x90);
  return list->events[0].frame;
}

/* Nothing before the first note; something at once after each; silence, and exactly so, after the last. */
static void test_sound_follows_notes(void) {
  enum { FRAMES = 8 * RATE, SOON = 480 };
  PmtHost* const host = make_host(PMT_INSTRUMENT_URI, RATE);
  Sound sound = sound_new(FRAMES);
  const uint64_t first = roll(host, &sound, FRAMES);
  CHECK(peak_of(&sound, 0, first) == 0.0f);
  const PmtMidiList* const list = pmt_host_midi(host);
  size_t notes = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    const uint64_t frame = list->events[i].frame;
    if ((list->events[i].bytes[0] & 0xf0) == 0x90 && frame + SOON < FRAMES) {
      CHECKF(peak_of(&sound, frame, frame + SOON) > 1e-3f, "nothing sounds at %llu", (unsigned long long)frame);
      ++notes;
    }
  }
  CHECK(notes > 20);
  const PmtPosition stop = at(FRAMES, 0);
  pmt_host_send_position(host, 0, &stop, PMT_HOST_PLAIN);
  Sound after = sound_new(4 * RATE);
  run(host, &after, 0, 4 * RATE / 4);
  for (uint64_t i = 1; i < 4; ++i) {
    run(host, &after, i * RATE, RATE);
  }
  CHECK(!pmt_host_sounding(host));
  CHECK(peak_of(&after, 3 * RATE, 4 * RATE) == 0.0f);
  printf("%zu notes, each heard; peak %.3f\n", notes, (double)peak_of(&sound, 0, FRAMES));
  sound_free(&after);
  sound_free(&sound);
  pmt_host_free(host);
}

/* The tone heard most: index into `scale`. */
static size_t tone_heard(const Sound* const sound, const uint64_t from, const uint64_t n) {
  size_t best = 0;
  double most = 0.0;
  for (size_t i = 0; i < sizeof scale / sizeof *scale; ++i) {
    const double amplitude = tone_of(sound, from, n, (double)scale[i].period);
    if (amplitude > most) {
      most = amplitude;
      best = i;
    }
  }
  CHECK(most > 1e-3);
  return best;
}

/* A model of one part, or of drums alone, with a program and a kit for each style. */
static void test_programs(void) {
  enum { FRAMES = 4 * RATE };
  static const struct { float channel, style; size_t tone; } cases[2][4] = {
      {{1, 0, 1}, {1, 1, 2}, {16, 1, 2}, {10, 0, 1}}, {{1, 0, 3}, {1, 1, 4}, {16, 1, 4}, {10, 0, 3}}};
  for (int drums = 0; drums < 2; ++drums) {
    const PmtMetaOut meta[] = {{"programs", "40;48"}, {"kits", "0,25"}, {"style_parts", drums ? "0,0" : "1,1"},
                               {"drums", drums ? "1" : "0"}, {"style_drums", drums ? "1,1" : "0,0"}};
    char folder[1024], model[1100], place[1100];
    snprintf(folder, sizeof folder, "%s/programs-%d", scratch, drums);
    snprintf(model, sizeof model, "%s/programs.safetensors", scratch);
    CHECK(!pmt_tiny_model_write(
        model, &(PmtTinyOptions){.seed = 5, .parts = 1, .note_bias = 2, .meta = meta, .n_meta = 5}, NULL));
    CHECK(!mkdir(folder, 0700));
    pmt_host_copy_bundle(folder, model, place, sizeof place);
    for (size_t i = 0; i < 4; ++i) {
      PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = place, .uri = PMT_INSTRUMENT_URI});
      CHECK(host);
      pmt_host_activate(host);
      *pmt_host_port(host, PMT_PORT_CHANNEL) = cases[drums][i].channel;
      *pmt_host_port(host, PMT_PORT_STYLE) = cases[drums][i].style;
      Sound sound = sound_new(FRAMES);
      const uint64_t first = roll(host, &sound, FRAMES);
      const size_t heard = tone_heard(&sound, first + 240, 960);
      CHECKF(heard == cases[drums][i].tone, "drums %d, case %zu: tone %zu", drums, i, heard);
      sound_free(&sound);
      pmt_host_free(host);
    }
  }
}

/* ---- Volume and pan ------------------------------------------------------------------------------------------------ */

static Sound play_with(const float volume, const float pan, const uint64_t n_frames) {
  PmtHost* const host = make_host(PMT_INSTRUMENT_URI, RATE);
  *pmt_host_port(host, PMT_PORT_VOLUME) = volume;
  *pmt_host_port(host, PMT_PORT_PAN) = pan;
  Sound sound = sound_new(n_frames);
  roll(host, &sound, n_frames);
  pmt_host_free(host);
  return sound;
}

static double power(const Sound* const s, const int side) {
  double sum = 0.0;
  for (uint64_t i = 0; i < s->n_frames; ++i) {
    sum += (double)s->side[side][i] * (double)s->side[side][i];
  }
  return sum;
}

static void test_volume_and_pan(void) {
  enum { FRAMES = 2 * RATE };
  static const struct { float volume, pan; double left, right; } cases[] = {
      {-6.0206f, 0, 0.5, 0.5}, {6, 0, 1.99526, 1.99526}, {60, 0, 1.99526, 1.99526}, {-60, 0, 0, 0}, {NAN, 0, 1, 1},
      {0, -1, M_SQRT2, 0},     {0, 1, 0, M_SQRT2},       {0, -9, M_SQRT2, 0},       {0, NAN, 1, 1},
  };
  Sound plain = play_with(0, 0, FRAMES);
  CHECK(power(&plain, 0) > 1.0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    Sound sound = play_with(cases[i].volume, cases[i].pan, FRAMES);
    const double left = sqrt(power(&sound, 0) / power(&plain, 0)), right = sqrt(power(&sound, 1) / power(&plain, 1));
    CHECKF(fabs(left - cases[i].left) < 1e-3 && fabs(right - cases[i].right) < 1e-3, "case %zu: %g, %g", i, left, right);
    sound_free(&sound);
  }
  sound_free(&plain);
}

/* A knob turned in one cycle is heard as a glide: no step between two frames beyond what the tones themselves do. */
static void test_no_zipper(void) {
  enum { FRAMES = 4 * RATE, BLOCK = 480 };
  PmtHost* const host = make_host(PMT_INSTRUMENT_URI, RATE);
  Sound sound = sound_new(FRAMES);
  roll(host, &sound, FRAMES);
  float steepest[2] = {0, 0}, level = 0; /* while the knobs rest, while they turn */
  for (int64_t turn = 0; turn < 2; ++turn) {
    Sound more = sound_new(FRAMES);
    for (int64_t frame = 0; frame < FRAMES; frame += BLOCK) {
      const PmtPosition position = at(FRAMES * (turn + 1) + frame, 1);
      pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
      *pmt_host_port(host, PMT_PORT_PAN) = turn && frame / BLOCK % 2 ? -1.0f : 0.0f;
      run(host, &more, (uint64_t)frame, BLOCK);
      for (int64_t i = frame > 0 ? frame : 1; i < frame + BLOCK && i <= frame + 8; ++i) {
        steepest[turn] = fmaxf(steepest[turn], fabsf(more.side[1][i] - more.side[1][i - 1]));
        level = fmaxf(level, fabsf(more.side[1][i]));
      }
    }
    sound_free(&more);
  }
  CHECKF(steepest[1] < steepest[0] + 0.02f * level && steepest[0] > 0.0f, "%g beside %g", (double)steepest[1],
         (double)steepest[0]);
  sound_free(&sound);
  pmt_host_free(host);
}

/* ---- Silence when it is wanted ------------------------------------------------------------------------------------- */

/* Loudest of the last half of one second after `port` was set to `value`. */
static float after_setting(const uint32_t port, const float value) {
  PmtHost* const host = make_host(PMT_INSTRUMENT_URI, RATE);
  Sound sound = sound_new(4 * RATE);
  roll(host, &sound, 4 * RATE);
  CHECK(peak_of(&sound, 3 * RATE, 4 * RATE) > 0.01f);
  pmt_host_run(host, 5000); /* into an eighth */
  *pmt_host_port(host, port) = value;
  pmt_host_run(host, 1);
  if (port == PMT_PORT_PANIC) { /* and the song ends, else the next eighth sounds */
    const PmtPosition stop = at(4 * RATE + 5001, 0);
    pmt_host_send_position(host, 0, &stop, PMT_HOST_PLAIN);
  }
  run(host, &sound, 0, RATE);
  const float peak = peak_of(&sound, RATE / 2, RATE);
  sound_free(&sound);
  pmt_host_free(host);
  return peak;
}

static void test_silence(void) {
  CHECK(after_setting(PMT_PORT_ENABLED, 0) == 0.0f);
  CHECK(after_setting(PMT_PORT_PANIC, 1) == 0.0f);
  CHECK(after_setting(PMT_PORT_PAN, 0) > 0.01f); /* and would be heard */

  PmtHost* const host = make_host(PMT_INSTRUMENT_URI, RATE);
  Sound sound = sound_new(4 * RATE);
  roll(host, &sound, 4 * RATE);
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  run(host, &sound, 0, RATE);
  CHECK(peak_of(&sound, 0, RATE) == 0.0f && !pmt_host_sounding(host));
  sound_free(&sound);
  pmt_host_free(host);
}

/* ---- Hosts that lack things ---------------------------------------------------------------------------------------- */

/* No MIDI port: sound alone. No audio port, or one: notes alone. A cycle of no frames: nothing. No room: no note hangs. */
static void test_unconnected(void) {
  Sound sound = sound_new(2 * RATE);
  PmtHost* host = make_host(PMT_INSTRUMENT_URI, RATE);
  pmt_host_connect(host, PMT_PORT_MIDI_OUT, NULL);
  for (int64_t frame = 0; frame < 2 * RATE; frame += 480) {
    const PmtPosition position = at(frame, 1);
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    run(host, &sound, (uint64_t)frame, 480);
    pmt_host_run(host, 0);
  }
  CHECK(peak_of(&sound, 0, 2 * RATE) > 0.01f);
  pmt_host_free(host);

  host = make_host(PMT_INSTRUMENT_URI, RATE);
  pmt_host_connect(host, PMT_PORT_OUT_LEFT, NULL);
  roll(host, NULL, 2 * RATE);
  pmt_host_connect(host, PMT_PORT_OUT_RIGHT, NULL);
  pmt_host_connect(host, PMT_PORT_VOLUME, NULL);
  pmt_host_connect(host, PMT_PORT_PAN, NULL);
  for (int64_t frame = 2 * RATE; frame < 4 * RATE; frame += 480) {
    pmt_host_run(host, 480);
  }
  CHECK(pmt_host_midi(host)->n_events > 20);
  pmt_host_free(host);

  host = make_host(PMT_INSTRUMENT_URI, RATE);
  pmt_host_set_out_capacity(host, 40); /* one event a cycle */
  roll(host, NULL, 4 * RATE);
  const PmtPosition stop = at(4 * RATE, 0);
  pmt_host_send_position(host, 0, &stop, PMT_HOST_PLAIN);
  for (int i = 0; i < 300; ++i) {
    run(host, &sound, (uint64_t)i * 480 % RATE, 480);
  }
  CHECK(!pmt_host_sounding(host) && peak_of(&sound, 0, RATE) == 0.0f);
  pmt_host_free(host);
  sound_free(&sound);
}

static void test_sample_rates(void) {
  static const double rates[] = {8000, 44100, 88200, 96000, 176400, 192000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; ++i) {
    PmtHost* const host = make_host(PMT_INSTRUMENT_URI, rates[i]);
    const uint64_t n = 4 * (uint64_t)rates[i];
    Sound sound = sound_new(n);
    PmtPosition position = {.frame = 0, .speed = 1, .bar_beat = 0, .beats_per_bar = 4, .unit = 4, .bpm = 120};
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    for (uint64_t frame = 0; frame + 1000 <= n; frame += 1000) {
      run(host, &sound, frame, 1000);
    }
    const double period = (double)PERIOD * rates[i] / (double)RATE;
    double most = 0.0; /* of the tone, within any tenth of a second: pitch and speed are right */
    for (uint64_t from = 0; from + (uint64_t)rates[i] / 10 <= n; from += (uint64_t)rates[i] / 10) {
      most = fmax(most, tone_of(&sound, from, (uint64_t)rates[i] / 10, period));
    }
    CHECKF(most > 0.005, "%g Hz: %g", rates[i], most);
    sound_free(&sound);
    pmt_host_free(host);
  }
  PmtHost* const slow = make_host(PMT_INSTRUMENT_URI, 4000); /* no sound, but notes */
  CHECKF(strstr(pmt_host_log(slow), "no sound at a sample rate of 4000"), "%s", pmt_host_log(slow));
  pmt_host_free(slow);
}

/* ---- SoundFonts that are not there, or broken, or others ------------------------------------------------------------ */

static void play_without(const char* const why) {
  Sound sound = sound_new(2 * RATE);
  PmtHost* const host = make_host(PMT_INSTRUMENT_URI, RATE);
  CHECKF(strstr(pmt_host_log(host), why), "%s", pmt_host_log(host));
  CHECK(!strchr(pmt_host_log(host), '\n') || !strchr(pmt_host_log(host), '\n')[1]); /* one line */
  roll(host, &sound, 2 * RATE);
  CHECKF(strstr(pmt_host_status(host), why), "%s", pmt_host_status(host));
  CHECK(peak_of(&sound, 0, 2 * RATE) == 0.0f);
  sound_free(&sound);
  pmt_host_free(host);
}

static size_t read_all(const char* const path, char* const bytes, const size_t size) {
  FILE* const f = fopen(path, "rb");
  CHECK(f);
  const size_t n = fread(bytes, 1, size, f);
  CHECK(n < size && !fclose(f));
  return n;
}

static void write_all(const char* const path, const char* const bytes, const size_t size) {
  FILE* const f = fopen(path, "wb");
  CHECK(f && fwrite(bytes, 1, size, f) == size && !fclose(f));
}

static void test_broken(void) {
  static char bytes[1 << 18], other[1 << 18];
  char broken[1024];
  const size_t size = read_all(tones, bytes, sizeof bytes);
  snprintf(broken, sizeof broken, "%s/broken.sf2", scratch);
  setenv("PARTIMENTO_SOUNDFONT", "", 1);
  play_without("Debian package timgm6mb-soundfont");
  setenv("PARTIMENTO_SOUNDFONT", "/nowhere/at/all.sf2", 1);
  play_without("/nowhere/at/all.sf2: cannot be read");
  setenv("PARTIMENTO_SOUNDFONT", broken, 1);
  memset(other, 'x', sizeof other);
  write_all(broken, other, 5000);
  play_without("no SoundFont (.sf2, .sf3)");
  write_all(broken, bytes, 7);
  play_without("no SoundFont (.sf2, .sf3)");
  for (size_t i = 1; i < 8; ++i) {
    write_all(broken, bytes, size - (i == 7 ? 1 : size * i / 8));
    play_without("cut short");
  }
  memcpy(other, bytes, size);
  memset(other + size - 1000, 'x', 1000); /* whole, but the lists at the end are not */
  write_all(broken, other, size);
  play_without("a damaged SoundFont");
  for (uint32_t i = 0, random = 3; i < 24; ++i) { /* bytes changed, half of them in the lists at the end */
    memcpy(other, bytes, size);
    const size_t lists = 2000, base = i % 2 ? size - lists : 0, span = i % 2 ? lists : size;
    for (int k = 0; k < 4; ++k) {
      random = random * 1664525u + 1013904223u;
      other[base + (random >> 8) % span] = (char)(random >> 3);
    }
    write_all(broken, other, size);
    PmtHost* const host = make_host(PMT_INSTRUMENT_URI, RATE);
    roll(host, NULL, RATE / 2);
    pmt_host_free(host);
  }
  setenv("PARTIMENTO_SOUNDFONT", tones, 1);
}

static void set_soundfont(PmtHost* const host, const char* const path) {
  pmt_host_send_set(host, 0, PMT_PLUGIN_SOUNDFONT_URI, LV2_ATOM__Path, path, (uint32_t)strlen(path) + 1);
}

static float steepest(const Sound* const s, const uint64_t from, const uint64_t to) {
  float step = 0.0f;
  for (uint64_t i = from + 1; i < to; ++i) {
    step = fmaxf(step, fabsf(s->side[0][i] - s->side[0][i - 1]));
  }
  return step;
}

/* The other one is heard, no note changes, nothing clicks harder than notes do; a wrong one is refused by a line. */
static void test_swap(void) {
  static const PmtTinySound second[] = {{0, 0, 96}};
  static const PmtHostWorker workers[] = {PMT_HOST_THREAD, PMT_HOST_POLLED, PMT_HOST_INSIDE};
  enum { BLOCK = 480, FRAMES = 8 * RATE };
  char other[1024];
  snprintf(other, sizeof other, "%s/second.sf2", scratch);
  pmt_tiny_soundfont_write(other, second, 1);
  PmtHost* const plain = make_host(PMT_INSTRUMENT_URI, RATE);
  roll(plain, NULL, FRAMES);
  for (size_t w = 0; w < 3; ++w) {
    PmtHost* const host =
        pmt_host_new(&(PmtHostOptions){.bundle = bundle, .uri = PMT_INSTRUMENT_URI, .worker = workers[w]});
    Sound sound = sound_new(FRAMES);
    CHECK(host);
    pmt_host_activate(host);
    const PmtPosition stand = at(0, 0);
    pmt_host_send_position(host, 0, &stand, PMT_HOST_PLAIN);
    pmt_host_run(host, RATE / 2);
    pmt_midi_list_free(pmt_host_midi(host));
    for (int64_t frame = 0; frame < FRAMES; frame += BLOCK) {
      const PmtPosition position = at(frame, 1);
      pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
      if (frame == 3 * RATE) {
        set_soundfont(host, other);
      } else if (frame == 6 * RATE) {
        set_soundfont(host, "/nowhere/at/all.sf2");
      }
      run(host, &sound, (uint64_t)frame, BLOCK);
      if (workers[w] == PMT_HOST_POLLED) {
        pmt_host_work(host);
      } else if (workers[w] == PMT_HOST_THREAD) {
        usleep(300);
      }
    }
    CHECK(tone_of(&sound, 0, 3 * RATE, 48) > 10 * tone_of(&sound, 0, 3 * RATE, 96));
    CHECKF(tone_of(&sound, 4 * RATE, 4 * RATE, 96) > 10 * tone_of(&sound, 4 * RATE, 4 * RATE, 48), "worker %zu: %g, %g", w,
           tone_of(&sound, 4 * RATE, 4 * RATE, 96), tone_of(&sound, 4 * RATE, 4 * RATE, 48));
    CHECKF(strstr(pmt_host_status(host), "/nowhere/at/all.sf2: cannot be read"), "%s", pmt_host_status(host));
    CHECK(steepest(&sound, 3 * RATE, 3 * RATE + RATE / 2) < 1.1f * steepest(&sound, RATE, 3 * RATE));
    CHECK(pmt_host_midi(host)->n_events == pmt_host_midi(plain)->n_events);
    sound_free(&sound);
    pmt_host_free(host);
  }
  pmt_host_free(plain);
}

/* The system's choice is not saved, the player's is; it comes back, and is kept when the file is gone. */
static void test_state(void) {
  static const PmtTinySound second[] = {{0, 0, 96}};
  char other[1024];
  PmtHostState* const state = calloc(1, sizeof *state);
  CHECK(state);
  snprintf(other, sizeof other, "%s/chosen.sf2", scratch);
  pmt_tiny_soundfont_write(other, second, 1);
  PmtHost* host =
      pmt_host_new(&(PmtHostOptions){.bundle = bundle, .uri = PMT_INSTRUMENT_URI, .worker = PMT_HOST_POLLED});
  CHECK(host);
  pmt_host_activate(host);
  pmt_host_save(host, state, (PmtHostPaths){true, true, true});
  CHECK(!pmt_host_find_property(state, PMT_PLUGIN_SOUNDFONT_URI));
  set_soundfont(host, other);
  CHECK(pmt_host_await(host, "chosen.sf2"));
  pmt_host_save(host, state, (PmtHostPaths){true, true, true});
  CHECK(pmt_host_find_property(state, PMT_PLUGIN_SOUNDFONT_URI));
  pmt_host_free(host);
  for (int gone = 0; gone < 2; ++gone) {
    host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .uri = PMT_INSTRUMENT_URI, .worker = PMT_HOST_POLLED});
    CHECK(host);
    pmt_host_restore(host, state, (PmtHostPaths){true, true, true});
    pmt_host_activate(host);
    Sound sound = sound_new(2 * RATE);
    roll(host, &sound, 2 * RATE);
    const double chosen = tone_of(&sound, 0, 2 * RATE, 96), usual = tone_of(&sound, 0, 2 * RATE, 48);
    CHECKF(gone ? usual > 10 * chosen : chosen > 10 * usual, "gone %d: %g, %g", gone, chosen, usual);
    pmt_host_save(host, state, (PmtHostPaths){true, true, true});
    CHECK(pmt_host_find_property(state, PMT_PLUGIN_SOUNDFONT_URI));
    sound_free(&sound);
    pmt_host_free(host);
    CHECK(gone || !unlink(other));
  }
  free(state);
}

/* The shipped model with the system's sounds: each style is heard, and none comes near full scale. */
static void test_levels(void) {
  enum { FRAMES = 6 * RATE };
  char shipped[1024], file[1100];
  unsetenv("PARTIMENTO_SOUNDFONT");
  pmt_host_find_bundle(shipped, sizeof shipped);
  snprintf(file, sizeof file, "%s/partimento.safetensors", shipped);
  if (access(file, R_OK) || access("/usr/share/sounds/sf2/TimGM6mb.sf2", R_OK)) {
    puts("SKIP levels: no shipped model or no timgm6mb-soundfont");
    return;
  }
  setenv("PARTIMENTO_SOUNDFONT", "/usr/share/sounds/sf2/TimGM6mb.sf2", 1);
  for (int style = 0; style < 7; ++style) {
    PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = shipped, .uri = PMT_INSTRUMENT_URI});
    CHECK(host);
    pmt_host_activate(host);
    *pmt_host_port(host, PMT_PORT_STYLE) = (float)style;
    Sound sound = sound_new(FRAMES);
    roll(host, &sound, FRAMES);
    const double peak = (double)peak_of(&sound, 0, FRAMES);
    printf("style %d: peak %.1f dB, rms %.1f dB\n", style, 20.0 * log10(peak),
           10.0 * log10((power(&sound, 0) + power(&sound, 1)) / (2.0 * FRAMES)));
    CHECKF(peak > 0.01 && peak < 0.708, "style %d: %g", style, peak); /* -40 and -3 dB */
    sound_free(&sound);
    pmt_host_free(host);
  }
}

int main(void) {
  char model[1024];
  pmt_host_make_scratch(scratch, sizeof scratch);
  snprintf(model, sizeof model, "%s/tiny.safetensors", scratch);
  snprintf(tones, sizeof tones, "%s/tones.sf2", scratch);
  CHECK(!pmt_tiny_model_write(model, &(PmtTinyOptions){.seed = 3, .note_bias = 2}, NULL));
  pmt_host_copy_bundle(scratch, model, bundle, sizeof bundle);
  pmt_tiny_soundfont_write(tones, scale, sizeof scale / sizeof *scale);
  setenv("PARTIMENTO_SOUNDFONT", tones, 1);
  test_same_notes_as_the_generator();
  test_block_sizes();
  test_sound_follows_notes();
  test_programs();
  test_volume_and_pan();
  test_no_zipper();
  test_silence();
  test_unconnected();
  test_sample_rates();
  test_broken();
  test_swap();
  test_state();
  test_levels();
  pmt_host_remove_scratch(scratch);
  return 0;
}
