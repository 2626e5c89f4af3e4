/* SPDX-License-Identifier: ISC */
/* The plugin's buttons, and MIDI in as far as it is the shell's: Panic and Learn, CC 120 and 123, what is passed on,
   and the host's own sweep of controllers at each stop and locate, which is no wish of the player's. */
#include "check.h"

#include "ports.h"
#include "support/lv2_host.h"
#include "support/scratch.h"
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

/* ---- The player's MIDI ------------------------------------------------------------------------------------------- */

static void send3(PmtHost* const host, const uint8_t status, const uint8_t first, const uint8_t second) {
  pmt_host_send_midi(host, 0, (const uint8_t[]){status, first, second}, 3);
}

/* @return how often this left since event `first` */
static unsigned count_sent(const PmtMidiList* const list, const size_t first, const uint8_t status, const uint8_t one,
                           const uint8_t two) {
  unsigned n = 0;
  for (size_t i = first; i < list->n_events; ++i) {
    const PmtTimedMidi* const e = &list->events[i];
    n += e->bytes[0] == status && e->bytes[1] == one && (e->size < 3 || e->bytes[2] == two);
  }
  return n;
}

/* Played alone, what comes in goes out as it is, if it is a channel's; with Thru off it does not, and what sounds
   ends. */
static void test_thru(void) {
  static const uint8_t sysex[8] = {0xf0, 0x7e, 0x7f, 9, 1, 0x95, 60, 0xf7};
  PmtHost* const host = start();
  const PmtMidiList* const list = pmt_host_midi(host);
  send3(host, 0x95, 60, 77);
  send3(host, 0xb5, 7, 99);
  send3(host, 0xb5, 0, 3);
  send3(host, 0xe5, 1, 2);
  send3(host, 0xa5, 60, 5);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xc5, 3}, 2);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xd5, 4}, 2);
  CHECK(list->n_events == 0);
  pmt_host_run(host, BLOCK);
  CHECK(list->n_events == 7 && pmt_host_sounding(host) == 1);
  CHECK(count_sent(list, 0, 0x95, 60, 77) && count_sent(list, 0, 0xb5, 7, 99) && count_sent(list, 0, 0xb5, 0, 3));
  CHECK(count_sent(list, 0, 0xe5, 1, 2) && count_sent(list, 0, 0xa5, 60, 5) && count_sent(list, 0, 0xc5, 3, 0) &&
        count_sent(list, 0, 0xd5, 4, 0));
  pmt_host_send_midi(host, 0, sysex, sizeof sysex);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xf8}, 1);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0x95, 61}, 2);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0}, 0);
  send3(host, 60, 100, 1);
  pmt_host_run(host, BLOCK);
  CHECK(list->n_events == 7);
  *pmt_host_port(host, PMT_PORT_THRU) = 0;
  pmt_host_run(host, BLOCK);
  CHECK(pmt_host_sounding(host) == 0);
  send3(host, 0x95, 62, 77);
  pmt_host_run(host, BLOCK);
  CHECK(pmt_host_sounding(host) == 0);
  pmt_host_free(host);
}

/* Switched off while a player's note sounds and the pedal is down: both end first thing when it is on again. */
static void test_thru_deactivated(void) {
  PmtHost* const host = start();
  send3(host, 0x90, 60, 77);
  send3(host, 0xb0, SUSTAIN, 127);
  pmt_host_run(host, BLOCK);
  CHECK(pmt_host_sounding(host) == 1);
  const size_t before = pmt_host_midi(host)->n_events;
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  pmt_host_run(host, BLOCK);
  CHECK(pmt_host_sounding(host) == 0);
  CHECK(count_sent(pmt_host_midi(host), before, 0xb0, SUSTAIN, 0) == 1);
  pmt_host_free(host);
}

/* A pedal that was passed on is a reason for a panic, too. */
static void test_panic_of_pedals(void) {
  PmtHost* const host = start();
  send3(host, 0xb7, SUSTAIN, 127);
  pmt_host_run(host, BLOCK);
  const size_t before = pmt_host_midi(host)->n_events;
  *pmt_host_port(host, PMT_PORT_PANIC) = 1;
  pmt_host_run(host, BLOCK);
  CHECK(count_sent(pmt_host_midi(host), before, 0xb7, SUSTAIN, 0) >= 1);
  CHECK(count_sent(pmt_host_midi(host), before, 0xb7, SOUND_OFF, 0) == 1);
  pmt_host_free(host);
}

/* Right after a locate the host's sweep is dropped, but notes, wheels and a pedal that moves are the player's. */
static void test_deaf(void) {
  PmtHost* const host = start();
  const PmtMidiList* const list = pmt_host_midi(host);
  for (int i = 0; i < 2; ++i) { /* deaf, then not any more */
    const PmtPosition place = at(12 * RATE, 0);
    if (!i) {
      pmt_host_send_position(host, 0, &place, PMT_HOST_PLAIN);
    }
    const size_t before = list->n_events;
    send3(host, 0x92, 60, 77);
    send_sweep(host, 0);
    send3(host, 0xb2, 1, 0);
    pmt_host_run(host, BLOCK);
    CHECK(count_sent(list, before, 0x92, 60, 77) == 1 && count_sent(list, before, 0xb2, 1, 0) == 1);
    CHECK(!count_sent(list, before, 0xb2, SUSTAIN, 0)); /* no pedal was down */
    CHECK(pmt_host_sounding(host) == (i ? 0u : 1u)); /* all notes off is obeyed again */
    send3(host, 0x82, 60, 0);
    send3(host, 0xb2, SUSTAIN, 127);
    pmt_host_run(host, BLOCK);
    send_sweep(host, 0);
    pmt_host_run(host, BLOCK);
    CHECK(count_sent(list, before, 0xb2, SUSTAIN, 127) == 1);
    CHECK(count_sent(list, before, 0xb2, SUSTAIN, 0) == 1);
    pmt_host_run(host, DEAF);
  }
  pmt_host_free(host);
}

/* ---- Learn, Doing ------------------------------------------------------------------------------------------------ */

/* Two bars with a tune that is played, then two more. @param press Learn after the first two @return the last two */
static PmtMidiList play_after_tune(const bool press) {
  PmtHost* const host = start();
  *pmt_host_port(host, PMT_PORT_THRU) = 0;
  int64_t frame = 0;
  for (int i = 0; i < 16; ++i) {
    send3(host, 0x90, (uint8_t)(60 + i * 7 % 12), 100);
    roll(host, frame, 20, BLOCK);
    send3(host, 0x80, (uint8_t)(60 + i * 7 % 12), 0);
    roll(host, frame + 20 * BLOCK, 5, BLOCK);
    frame += 25 * BLOCK;
  }
  pmt_midi_list_free(pmt_host_midi(host));
  *pmt_host_port(host, PMT_PORT_LEARN_BARS) = 2;
  *pmt_host_port(host, PMT_PORT_LEARN) = press;
  roll(host, frame, 400, BLOCK);
  PmtMidiList list = *pmt_host_midi(host);
  *pmt_host_midi(host) = (PmtMidiList){0};
  pmt_host_free(host);
  return list;
}

static void test_learn(void) {
  PmtMidiList plain = play_after_tune(false), again = play_after_tune(false), learnt = play_after_tune(true);
  CHECK(plain.n_events > 20 && same(&plain, &again));
  CHECK(!same(&plain, &learnt));
  pmt_midi_list_free(&plain);
  pmt_midi_list_free(&again);
  pmt_midi_list_free(&learnt);
}

/* In turns of a bar, theirs first. */
static void test_doing(void) {
  PmtHost* const host = start();
  CHECK(*pmt_host_port(host, PMT_PORT_DOING) == (float)PMT_DOING_RESTS);
  roll(host, 0, 100, BLOCK);
  CHECK(*pmt_host_port(host, PMT_PORT_DOING) == (float)PMT_DOING_PLAYS);
  pmt_host_free(host);

  PmtHost* const other = start();
  *pmt_host_port(other, PMT_PORT_MODE) = (float)PMT_MODE_ANSWER;
  *pmt_host_port(other, PMT_PORT_TURN) = 1;
  roll(other, 0, 1, BLOCK);
  send3(other, 0x90, 60, 100);
  roll(other, BLOCK, 99, BLOCK);
  CHECK(*pmt_host_port(other, PMT_PORT_DOING) == (float)PMT_DOING_LISTENS);
  send3(other, 0x80, 60, 0);
  roll(other, 100 * BLOCK, 200, BLOCK);
  CHECK(*pmt_host_port(other, PMT_PORT_DOING) == (float)PMT_DOING_PLAYS);
  pmt_host_free(other);
}

int main(void) {
  char model[1024];
  pmt_scratch_make(scratch, sizeof scratch);
  snprintf(model, sizeof model, "%s/tiny.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(model, &(PmtTinyOptions){.seed = 3, .note_bias = 2}, NULL));
  pmt_host_copy_bundle(scratch, model, bundle, sizeof bundle);
  test_panic();
  test_panic_without_room();
  test_panic_at_start();
  test_controllers_in();
  test_sweep_in();
  test_thru();
  test_thru_deactivated();
  test_panic_of_pedals();
  test_deaf();
  test_learn();
  test_doing();
  pmt_scratch_remove(scratch);
  return 0;
}
