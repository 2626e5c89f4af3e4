/* SPDX-License-Identifier: ISC */
/* The plugin's buttons, and the little MIDI that it listens to: Panic, CC 120 and 123 in, and the host's own sweep of
   controllers at each stop and locate, which is no wish of the player's. */
#include "check.h"

#include "ports.h"
#include "support/lv2_host.h"
#include "support/tiny_model.h"

#include <string.h>

enum { RATE = 48000, BLOCK = 480, CHANNELS = 16, SUSTAIN = 64, SOUND_OFF = 120, NOTES_OFF = 123, DEAF = RATE / 20 };

static char scratch[512], bundle[1024];

static PmtPosition at(const int64_t frame, const float speed) {
  const double beats = (double)frame / (RATE / 2); /* 120 a minute */
  const int64_t bar = (int64_t)(beats / 4.0);
  return (PmtPosition){.frame = frame, .speed = speed, .bar = bar, .bar_beat = beats - 4.0 * (double)bar,
                       .beats_per_bar = 4, .unit = 4, .bpm = 120};
}

static void roll(PmtHost* const host, const int64_t from, const int cycles, const uint32_t block) {
  for (int i = 0; i < cycles; ++i) {
    const PmtPosition position = at(from + (int64_t)i * block, 1);
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    pmt_host_run(host, block);
  }
}

static PmtHost* start(void) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle});
  CHECK(host);
  pmt_host_activate(host);
  const PmtPosition stand = at(0, 0);
  pmt_host_send_position(host, 0, &stand, PMT_HOST_PLAIN);
  for (int i = 0; i < 50; ++i) {
    pmt_host_run(host, BLOCK);
  }
  return host;
}

/* Roll until something sounds. @return where the next cycle begins */
static int64_t roll_until_sounding(PmtHost* const host) {
  int64_t frame = 0;
  while (!pmt_host_sounding(host)) {
    CHECK(frame < 60 * RATE);
    roll(host, frame, 1, BLOCK);
    frame += BLOCK;
  }
  return frame;
}

/* The controllers among the events from `first` on, counted by channel and number. */
static void count_controllers(const PmtMidiList* const list, const size_t first, unsigned count[CHANNELS][128]) {
  memset(count, 0, CHANNELS * sizeof *count);
  for (size_t i = first; i < list->n_events; ++i) {
    const uint8_t* const bytes = list->events[i].bytes;
    if ((bytes[0] & 0xf0) == 0xb0) {
      CHECK(bytes[2] == 0);
      ++count[bytes[0] & 0x0f][bytes[1]];
    }
  }
}

static unsigned note_channels(const PmtMidiList* const list, const size_t until) {
  unsigned channels = 0;
  for (size_t i = 0; i < until; ++i) {
    channels |= (list->events[i].bytes[0] & 0xf0) == 0x90 ? 1u << (list->events[i].bytes[0] & 0x0f) : 0;
  }
  return channels;
}

/* @return channels that were told all three things once */
static unsigned swept(const PmtMidiList* const list, const size_t first) {
  unsigned count[CHANNELS][128], channels = 0;
  count_controllers(list, first, count);
  for (unsigned c = 0; c < CHANNELS; ++c) {
    unsigned all = 0;
    for (unsigned i = 0; i < 128; ++i) {
      all += count[c][i];
    }
    CHECKF(all == 0 || (all == 3 && count[c][SUSTAIN] == 1 && count[c][SOUND_OFF] == 1 && count[c][NOTES_OFF] == 1),
           "channel %u: %u controllers", c, all);
    channels |= all ? 1u << c : 0;
  }
  return channels;
}

static void test_panic(void) {
  PmtHost* const host = start();
  int64_t frame = roll_until_sounding(host);
  const size_t before = pmt_host_midi(host)->n_events;
  *pmt_host_port(host, PMT_PORT_PANIC) = 1;
  roll(host, frame, 1, 1); /* no slot begins in one frame */
  CHECK(!pmt_host_sounding(host));
  CHECK(swept(pmt_host_midi(host), before) == note_channels(pmt_host_midi(host), before));
  const size_t after = pmt_host_midi(host)->n_events;
  roll(host, ++frame, 100, BLOCK); /* kept pressed: once is enough, and the music goes on */
  CHECK(!swept(pmt_host_midi(host), after) && pmt_host_midi(host)->n_events > after);
  *pmt_host_port(host, PMT_PORT_PANIC) = 0;
  roll(host, frame += 100 * BLOCK, 1, 1);
  const size_t again = pmt_host_midi(host)->n_events;
  *pmt_host_port(host, PMT_PORT_PANIC) = 1;
  roll(host, ++frame, 1, 1);
  CHECK(swept(pmt_host_midi(host), again));
  pmt_host_free(host);
}

/* Room for one event a cycle: all of it comes, in the end, and nothing twice. */
static void test_panic_without_room(void) {
  PmtHost* const host = start();
  const int64_t frame = roll_until_sounding(host);
  const size_t before = pmt_host_midi(host)->n_events;
  const unsigned channels = note_channels(pmt_host_midi(host), before);
  pmt_host_set_out_capacity(host, 40);
  *pmt_host_port(host, PMT_PORT_PANIC) = 1;
  roll(host, frame, 200, 1);
  CHECK(swept(pmt_host_midi(host), before) == channels && !pmt_host_sounding(host));
  pmt_host_free(host);
}

/* A session that was saved with the button down does not begin with a panic. */
static void test_panic_at_start(void) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle});
  CHECK(host);
  pmt_host_activate(host);
  *pmt_host_port(host, PMT_PORT_PANIC) = 1;
  roll(host, 0, 200, BLOCK);
  CHECK(pmt_host_midi(host)->n_events > 0 && !swept(pmt_host_midi(host), 0));
  pmt_host_free(host);
}

static unsigned sounding_channels(const PmtMidiList* const list) {
  unsigned count[CHANNELS] = {0}, channels = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    const uint8_t* const bytes = list->events[i].bytes;
    count[bytes[0] & 0x0f] += (bytes[0] & 0xf0) == 0x90;
    count[bytes[0] & 0x0f] -= (bytes[0] & 0xf0) == 0x80;
  }
  for (unsigned c = 0; c < CHANNELS; ++c) {
    channels |= count[c] ? 1u << c : 0;
  }
  return channels;
}

/* One channel ends, the others sound on; any other message changes nothing. */
static void test_controllers_in(void) {
  static const uint8_t controllers[] = {SOUND_OFF, NOTES_OFF};
  for (int which = 0; which < 2; ++which) {
    PmtHost* const host = start();
    int64_t frame = roll_until_sounding(host);
    while (frame < DEAF || !(sounding_channels(pmt_host_midi(host)) & (sounding_channels(pmt_host_midi(host)) - 1))) {
      roll(host, frame, 1, BLOCK); /* until two channels sound, long after the start */
      frame += BLOCK;
      CHECK(frame < 60 * RATE);
    }
    const unsigned before = sounding_channels(pmt_host_midi(host));
    uint8_t channel = 0;
    while (!(before >> channel & 1)) {
      ++channel;
    }
    const uint8_t others[][3] = {{0x90 | channel, 60, 100}, {0x80 | channel, 60, 0}, {0xb0 | channel, SUSTAIN, 0},
                                 {0xb0 | channel, 121, 0},  {0xe0 | channel, 0, 0}};
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i) {
      pmt_host_send_midi(host, 0, others[i], 3);
    }
    pmt_host_send_midi(host, 0, (const uint8_t[]){0xc0 | channel, 3}, 2);
    pmt_host_send_midi(host, 0, (const uint8_t[]){0xb0 | channel, controllers[which]}, 2); /* cut short: no wish */
    pmt_host_run(host, 0);
    CHECK(sounding_channels(pmt_host_midi(host)) == before);
    pmt_host_send_midi(host, 0, (const uint8_t[]){0xb0 | channel, controllers[which], 0}, 3);
    pmt_host_run(host, 0);
    CHECK(sounding_channels(pmt_host_midi(host)) == (before & ~(1u << channel)));
    pmt_host_free(host);
  }
}

/* CC 64, 123 and 121 on all channels at the last frame of the cycle: Ardour's, at each stop and locate. */
static void send_sweep(PmtHost* const host, const uint32_t frame) {
  static const uint8_t controllers[] = {SUSTAIN, NOTES_OFF, 121};
  for (uint8_t channel = 0; channel < CHANNELS; ++channel) {
    for (size_t i = 0; i < sizeof controllers; ++i) {
      pmt_host_send_midi(host, frame, (const uint8_t[]){0xb0 | channel, controllers[i], 0}, 3);
    }
  }
}

/* Locate in cycles of `block` frames, with or without the sweep `delay` frames after. @return all that was played */
static PmtMidiList locate(const uint32_t block, const int64_t delay) {
  PmtHost* const host = start();
  roll(host, 0, (int)(2 * RATE / block), block);
  int64_t left = delay;
  for (int64_t to = 12 * RATE, end = to + 2 * RATE; to < end; to += block) {
    const PmtPosition position = at(to, 1);
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    if (left >= 0 && left < block) {
      send_sweep(host, (uint32_t)left);
    }
    left -= block;
    pmt_host_run(host, block);
  }
  PmtMidiList list = *pmt_host_midi(host);
  *pmt_host_midi(host) = (PmtMidiList){0};
  pmt_host_free(host);
  return list;
}

static bool same(const PmtMidiList* const a, const PmtMidiList* const b) {
  bool equal = a->n_events == b->n_events;
  for (size_t i = 0; equal && i < a->n_events; ++i) {
    equal = a->events[i].frame == b->events[i].frame && !memcmp(a->events[i].bytes, b->events[i].bytes, 3);
  }
  return equal;
}

static void test_sweep_in(void) {
  static const uint32_t blocks[] = {32, 480, 1920, 9600};
  PmtMidiList plain = locate(480, -1);
  CHECK(plain.n_events > 20);
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) {
    PmtMidiList after_locate = locate(blocks[i], blocks[i] - 1);
    CHECKF(same(&plain, &after_locate), "cycles of %u", blocks[i]);
    pmt_midi_list_free(&after_locate);
    PmtMidiList deaf = locate(blocks[i], DEAF - 1);
    CHECKF(same(&plain, &deaf), "cycles of %u", blocks[i]);
    pmt_midi_list_free(&deaf);
  }
  PmtMidiList wish = locate(480, RATE); /* a second later somebody means it */
  CHECK(!same(&plain, &wish));
  pmt_midi_list_free(&wish);
  pmt_midi_list_free(&plain);
}

int main(void) {
  char model[1024];
  pmt_host_make_scratch(scratch, sizeof scratch);
  snprintf(model, sizeof model, "%s/tiny.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(model, &(PmtTinyOptions){.seed = 3, .note_bias = 2}, NULL));
  pmt_host_copy_bundle(scratch, model, bundle, sizeof bundle);
  test_panic();
  test_panic_without_room();
  test_panic_at_start();
  test_controllers_in();
  test_sweep_in();
  pmt_host_remove_scratch(scratch);
  return 0;
}
