/* SPDX-License-Identifier: ISC */
/* urn:partimento:instrument through its descriptor: its notes are the generator's, its sound follows them, and neither
   depends on how the host cuts time. What it sounds with: tests/test_soundfont.c. */
#include "check.h"

#include "ports.h"
#include "support/listen.h"

#include <math.h>
#include <string.h>

enum { RATE = PMT_LISTEN_RATE, PERIOD = 48 /* of the first tone: 1 kHz */ };

/* A song with everything in it ------------------------------------------------------------------------------------- */

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
  turn[n++] = (Turn){0, pmt_listen_at(0, 0), -1, 0};
  turn[n++] = (Turn){24000, pmt_listen_at(0, 1), -1, 0};
  turn[n++] = (Turn){100001, none, PMT_PORT_STYLE, 1};
  turn[n++] = (Turn){150003, pmt_listen_at(30000, 1), -1, 0};
  turn[n++] = (Turn){200003, none, PMT_PORT_ENABLED, 0};
  turn[n++] = (Turn){202001, none, PMT_PORT_ENABLED, 1};
  turn[n++] = (Turn){250001, none, PMT_PORT_ENABLED, 0};
  turn[n++] = (Turn){280007, none, PMT_PORT_ENABLED, 1};
  turn[n++] = (Turn){330011, none, PMT_PORT_PANIC, 1};
  turn[n++] = (Turn){350000, none, PMT_PORT_CHANNEL, 8};
  turn[n++] = (Turn){400009, pmt_listen_at(400009, 0), -1, 0};
  turn[n++] = (Turn){530000, pmt_listen_at(0, 1), -1, 0}; /* long enough after to have gone to sleep */
  return n;
}

static uint32_t random_block(uint32_t* const state, const uint32_t max) {
  *state = *state * 1664525u + 1013904223u;
  return 1 + (*state >> 8) % max;
}

/* @param block 0: random sizes */
static void play_song(PmtHost* const host, PmtSound* const sound, const uint32_t block) {
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
    pmt_listen_run(host, sound, frame, (uint32_t)size);
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
  PmtHost* const generator = pmt_listen_host(PMT_PLUGIN_URI, RATE);
  PmtHost* const instrument = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  play_song(generator, NULL, 256);
  play_song(instrument, NULL, 256);
  CHECK(pmt_host_midi(generator)->n_events > 100);
  check_same_notes(pmt_host_midi(generator), pmt_host_midi(instrument));
  pmt_host_free(generator);
  pmt_host_free(instrument);
}

static void test_block_sizes(void) {
  static const uint32_t blocks[] = {1, 7, 64, 1024, 0};
  PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  PmtSound reference = pmt_sound_new(SONG);
  play_song(host, &reference, 256);
  pmt_host_free(host);
  CHECK(pmt_sound_peak(&reference, 0, SONG) > 0.05f);
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) {
    PmtHost* const other = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
    PmtSound sound = pmt_sound_new(SONG);
    play_song(other, &sound, blocks[i]);
    for (int side = 0; side < 2; ++side) {
      for (uint64_t f = 0; f < SONG; ++f) {
        const float is = sound.side[side][f], should = reference.side[side][f];
        CHECKF(!memcmp(&is, &should, sizeof is), "block %u, frame %llu: %g, not %g", blocks[i], (unsigned long long)f,
               (double)is, (double)should);
      }
    }
    pmt_sound_free(&sound);
    pmt_host_free(other);
  }
  pmt_sound_free(&reference);
}

/* Sound and notes -------------------------------------------------------------------------------------------------- */

/* Nothing before the first note; something at once after each; silence, and exactly so, after the last. */
static void test_sound_follows_notes(void) {
  enum { FRAMES = 8 * RATE, SOON = 480 };
  PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  PmtSound sound = pmt_sound_new(FRAMES);
  const uint64_t first = pmt_listen_roll(host, &sound, FRAMES);
  CHECK(pmt_sound_peak(&sound, 0, first) == 0.0f);
  const PmtMidiList* const list = pmt_host_midi(host);
  size_t notes = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    const uint64_t frame = list->events[i].frame;
    if ((list->events[i].bytes[0] & 0xf0) == 0x90 && frame + SOON < FRAMES) {
      CHECKF(pmt_sound_peak(&sound, frame, frame + SOON) > 1e-3f, "nothing sounds at %llu", (unsigned long long)frame);
      ++notes;
    }
  }
  CHECK(notes > 20);
  const PmtPosition stop = pmt_listen_at(FRAMES, 0);
  pmt_host_send_position(host, 0, &stop, PMT_HOST_PLAIN);
  PmtSound after = pmt_sound_new(4 * RATE);
  pmt_listen_run(host, &after, 0, 4 * RATE / 4);
  for (uint64_t i = 1; i < 4; ++i) {
    pmt_listen_run(host, &after, i * RATE, RATE);
  }
  CHECK(!pmt_host_sounding(host));
  CHECK(pmt_sound_peak(&after, 3 * RATE, 4 * RATE) == 0.0f);
  printf("%zu notes, each heard; peak %.3f\n", notes, (double)pmt_sound_peak(&sound, 0, FRAMES));
  pmt_sound_free(&after);
  pmt_sound_free(&sound);
  pmt_host_free(host);
}

/* ---- Volume and pan ---------------------------------------------------------------------------------------------- */

static PmtSound play_with(const float volume, const float pan, const uint64_t n_frames) {
  PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  *pmt_host_port(host, PMT_PORT_VOLUME) = volume;
  *pmt_host_port(host, PMT_PORT_PAN) = pan;
  PmtSound sound = pmt_sound_new(n_frames);
  pmt_listen_roll(host, &sound, n_frames);
  pmt_host_free(host);
  return sound;
}

static void test_volume_and_pan(void) {
  enum { FRAMES = 2 * RATE };
  static const struct { float volume, pan; double left, right; } cases[] = {
      {-6.0206f, 0, 0.5, 0.5}, {6, 0, 1.99526, 1.99526}, {60, 0, 1.99526, 1.99526}, {-60, 0, 0, 0}, {NAN, 0, 1, 1},
      {0, -1, M_SQRT2, 0},     {0, 1, 0, M_SQRT2},       {0, -9, M_SQRT2, 0},       {0, NAN, 1, 1},
  };
  PmtSound plain = play_with(0, 0, FRAMES);
  CHECK(pmt_sound_power(&plain, 0) > 1.0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    PmtSound sound = play_with(cases[i].volume, cases[i].pan, FRAMES);
    const double left = sqrt(pmt_sound_power(&sound, 0) / pmt_sound_power(&plain, 0));
    const double right = sqrt(pmt_sound_power(&sound, 1) / pmt_sound_power(&plain, 1));
    CHECKF(fabs(left - cases[i].left) < 1e-3, "case %zu: left %g", i, left);
    CHECKF(fabs(right - cases[i].right) < 1e-3, "case %zu: right %g", i, right);
    pmt_sound_free(&sound);
  }
  pmt_sound_free(&plain);
}

/* A knob turned in one cycle is heard as a glide: no step between two frames beyond what the tones themselves do. */
static void test_no_zipper(void) {
  enum { FRAMES = 4 * RATE, BLOCK = 480 };
  PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  PmtSound sound = pmt_sound_new(FRAMES);
  pmt_listen_roll(host, &sound, FRAMES);
  float steepest[2] = {0, 0}, level = 0; /* while the knobs rest, while they turn */
  for (int64_t turn = 0; turn < 2; ++turn) {
    PmtSound more = pmt_sound_new(FRAMES);
    for (int64_t frame = 0; frame < FRAMES; frame += BLOCK) {
      const PmtPosition position = pmt_listen_at(FRAMES * (turn + 1) + frame, 1);
      pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
      *pmt_host_port(host, PMT_PORT_PAN) = turn && frame / BLOCK % 2 ? -1.0f : 0.0f;
      pmt_listen_run(host, &more, (uint64_t)frame, BLOCK);
      for (int64_t i = frame > 0 ? frame : 1; i < frame + BLOCK && i <= frame + 8; ++i) {
        steepest[turn] = fmaxf(steepest[turn], fabsf(more.side[1][i] - more.side[1][i - 1]));
        level = fmaxf(level, fabsf(more.side[1][i]));
      }
    }
    pmt_sound_free(&more);
  }
  CHECKF(steepest[1] < steepest[0] + 0.02f * level && steepest[0] > 0.0f, "%g beside %g", (double)steepest[1],
         (double)steepest[0]);
  pmt_sound_free(&sound);
  pmt_host_free(host);
}

/* ---- Silence when it is wanted ----------------------------------------------------------------------------------- */

/* Loudest of the last half of one second after `port` was set to `value`. */
static float after_setting(const uint32_t port, const float value) {
  PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  PmtSound sound = pmt_sound_new(4 * RATE);
  pmt_listen_roll(host, &sound, 4 * RATE);
  CHECK(pmt_sound_peak(&sound, 3 * RATE, 4 * RATE) > 0.01f);
  pmt_host_run(host, 5000); /* into an eighth */
  *pmt_host_port(host, port) = value;
  pmt_host_run(host, 1);
  if (port == PMT_PORT_PANIC) { /* and the song ends, else the next eighth sounds */
    const PmtPosition stop = pmt_listen_at(4 * RATE + 5001, 0);
    pmt_host_send_position(host, 0, &stop, PMT_HOST_PLAIN);
  }
  pmt_listen_run(host, &sound, 0, RATE);
  const float peak = pmt_sound_peak(&sound, RATE / 2, RATE);
  pmt_sound_free(&sound);
  pmt_host_free(host);
  return peak;
}

static void test_silence(void) {
  CHECK(after_setting(PMT_PORT_ENABLED, 0) == 0.0f);
  CHECK(after_setting(PMT_PORT_PANIC, 1) == 0.0f);
  CHECK(after_setting(PMT_PORT_PAN, 0) > 0.01f); /* and would be heard */

  PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  PmtSound sound = pmt_sound_new(4 * RATE);
  pmt_listen_roll(host, &sound, 4 * RATE);
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  pmt_listen_run(host, &sound, 0, RATE);
  CHECK(pmt_sound_peak(&sound, 0, RATE) == 0.0f && !pmt_host_sounding(host));
  pmt_sound_free(&sound);
  pmt_host_free(host);
}

/* ---- Somebody else ----------------------------------------------------------------------------------------------- */

static void send(PmtHost* const host, const uint8_t status, const uint8_t first, const uint8_t second) {
  const uint8_t kind = status & 0xf0;
  pmt_host_send_midi(host, 0, (const uint8_t[]){status, first, second}, kind == 0xc0 || kind == 0xd0 ? 2 : 3);
}

/* A tenth of a second. @return amplitude of a tone in its second half */
static double tone_after(PmtHost* const host, PmtSound* const sound, const double period) {
  pmt_listen_run(host, sound, 0, RATE / 10);
  return pmt_sound_tone(sound, RATE / 20, RATE / 20, period);
}

/* The player is heard, with the part's program whatever is asked for, and with one of their own where no part plays. */
static void test_player_sounds(void) {
  enum { OWN = 12 };
  PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  PmtSound sound = pmt_sound_new(RATE);
  const PmtPosition stand = pmt_listen_at(0, 0);
  pmt_host_send_position(host, 0, &stand, PMT_HOST_PLAIN);
  pmt_host_run(host, RATE / 2);

  send(host, 0xb0, 0, 1); /* a bank of its own, and a program: not for the parts */
  send(host, 0xc0, 48, 0);
  send(host, 0x90, 60, 100);
  CHECK(tone_after(host, &sound, PERIOD) > 0.01);
  send(host, 0xe0, 127, 127); /* up by two semitones */
  const double bent = tone_after(host, &sound, (double)PERIOD / pow(2.0, 1.0 / 6.0));
  CHECK(bent > 0.01 && tone_after(host, &sound, PERIOD) < 0.2 * bent);
  send(host, 0xe0, 0, 64);
  send(host, 0xb0, 64, 127);
  send(host, 0x80, 60, 0);
  pmt_host_run(host, RATE / 2);
  CHECK(tone_after(host, &sound, PERIOD) > 0.01); /* the pedal holds it */
  CHECK(!pmt_host_sounding(host));
  send(host, 0xb0, 64, 0);
  pmt_host_run(host, 2 * RATE / 3);
  pmt_host_run(host, RATE / 2);
  CHECK(tone_after(host, &sound, PERIOD) < 1e-4);

  send(host, 0xc0 | OWN, 48, 0);
  send(host, 0x90 | OWN, 60, 100);
  CHECK(tone_after(host, &sound, pmt_listen_tones[2].period) > 0.01);
  send(host, 0x80 | OWN, 60, 0);
  pmt_host_run(host, 10);

  send(host, 0xb0, 64, 127); /* a pedal does not outlive a deactivation */
  pmt_host_run(host, 64);
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  pmt_host_run(host, RATE / 2);
  send(host, 0x90, 60, 100);
  pmt_host_run(host, 4800);
  send(host, 0x80, 60, 0);
  pmt_host_run(host, RATE);
  CHECK(tone_after(host, &sound, PERIOD) < 1e-4);
  pmt_sound_free(&sound);
  pmt_host_free(host);
}

/* ---- Hosts that lack things -------------------------------------------------------------------------------------- */

/* No MIDI port: sound alone. No audio port, or one: notes alone. A cycle of no frames: nothing. No room: nothing hangs. */
static void test_unconnected(void) {
  PmtSound sound = pmt_sound_new(2 * RATE);
  PmtHost* host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  pmt_host_connect(host, PMT_PORT_MIDI_OUT, NULL);
  for (int64_t frame = 0; frame < 2 * RATE; frame += 480) {
    const PmtPosition position = pmt_listen_at(frame, 1);
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    pmt_listen_run(host, &sound, (uint64_t)frame, 480);
    pmt_host_run(host, 0);
  }
  CHECK(pmt_sound_peak(&sound, 0, 2 * RATE) > 0.01f);
  pmt_host_free(host);

  host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  pmt_host_connect(host, PMT_PORT_OUT_LEFT, NULL);
  pmt_listen_roll(host, NULL, 2 * RATE);
  pmt_host_connect(host, PMT_PORT_OUT_RIGHT, NULL);
  pmt_host_connect(host, PMT_PORT_VOLUME, NULL);
  pmt_host_connect(host, PMT_PORT_PAN, NULL);
  for (int64_t frame = 2 * RATE; frame < 4 * RATE; frame += 480) {
    pmt_host_run(host, 480);
  }
  CHECK(pmt_host_midi(host)->n_events > 20);
  pmt_host_free(host);

  host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  pmt_host_set_out_capacity(host, 40); /* one event a cycle */
  pmt_listen_roll(host, NULL, 4 * RATE);
  const PmtPosition stop = pmt_listen_at(4 * RATE, 0);
  pmt_host_send_position(host, 0, &stop, PMT_HOST_PLAIN);
  for (int i = 0; i < 300; ++i) {
    pmt_listen_run(host, &sound, (uint64_t)i * 480 % RATE, 480);
  }
  CHECK(!pmt_host_sounding(host) && pmt_sound_peak(&sound, 0, RATE) == 0.0f);
  pmt_host_free(host);
  pmt_sound_free(&sound);
}

static void test_sample_rates(void) {
  static const double rates[] = {8000, 44100, 88200, 96000, 176400, 192000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; ++i) {
    PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, rates[i]);
    const uint64_t n = 4 * (uint64_t)rates[i];
    PmtSound sound = pmt_sound_new(n);
    PmtPosition position = {.frame = 0, .speed = 1, .bar_beat = 0, .beats_per_bar = 4, .unit = 4, .bpm = 120};
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    for (uint64_t frame = 0; frame + 1000 <= n; frame += 1000) {
      pmt_listen_run(host, &sound, frame, 1000);
    }
    const double period = (double)PERIOD * rates[i] / (double)RATE;
    double most = 0.0; /* of the tone, within any tenth of a second: pitch and speed are right */
    for (uint64_t from = 0; from + (uint64_t)rates[i] / 10 <= n; from += (uint64_t)rates[i] / 10) {
      most = fmax(most, pmt_sound_tone(&sound, from, (uint64_t)rates[i] / 10, period));
    }
    CHECKF(most > 0.005, "%g Hz: %g", rates[i], most);
    pmt_sound_free(&sound);
    pmt_host_free(host);
  }
  PmtHost* const slow = pmt_listen_host(PMT_INSTRUMENT_URI, 4000); /* no sound, but notes */
  CHECKF(strstr(pmt_host_log(slow), "no sound at a sample rate of 4000"), "%s", pmt_host_log(slow));
  pmt_host_free(slow);
}

int main(void) {
  pmt_listen_begin();
  test_same_notes_as_the_generator();
  test_block_sizes();
  test_sound_follows_notes();
  test_volume_and_pan();
  test_no_zipper();
  test_silence();
  test_player_sounds();
  test_unconnected();
  test_sample_rates();
  pmt_listen_end();
  return 0;
}
