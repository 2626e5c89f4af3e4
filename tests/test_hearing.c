/* SPDX-License-Identifier: ISC */
/* From a player's MIDI to what a slot hears: which slot a key belongs to, pedals, echoes, cuts, silence. */
#include "check.h"

#include "base/random.h"
#include "gen/hearing.h"

#include <string.h>

#define RATE 48000.0
enum { SLOT = 12000, EARLY = 1440, ECHO = 1440 };

static PmtHearing h;

static void take(const uint8_t status, const uint8_t a, const uint8_t b, const int64_t now) {
  const uint8_t bytes[3] = {status, a, b};
  pmt_hearing_take(&h, bytes, now);
}

static bool is_down(const uint32_t key) { return h.ear.down[key / 64] >> key % 64 & 1; }

static void slot(const PmtEarMode mode, const int64_t start, const int64_t now) {
  pmt_hearing_slot(&h, mode, 0, start, now, RATE, NULL);
}

static void next(int64_t* const at) {
  *at += SLOT;
  slot(PMT_EAR_BEFORE, *at, *at);
}

/** Nothing but the notes that may: with a slot, those of its first moment and a moment before; before it, none of
    them. */
static void test_when(void) {
  for (int64_t struck = -4000; struck < 800; struck += 37) {
    pmt_hearing_reset(&h);
    take(0x90, 60, 100, SLOT + struck);
    slot(PMT_EAR_WITH, SLOT, SLOT + 720);
    const bool now = struck >= -EARLY && struck <= 720, before = struck < -EARLY;
    CHECKF((h.ear.now == 1) == now, "struck %d before", (int)-struck);
    CHECK(h.ear.onsets[0] == now && h.ear.onsets[1] == before && is_down(60) == (now || before));
    slot(PMT_EAR_WITH, 2 * SLOT, 2 * SLOT + 720);
    CHECK(is_down(60) && h.ear.now == 0 && h.ear.onsets[1] == (struck > 720 || now));

    pmt_hearing_reset(&h);
    take(0x90, 60, 100, SLOT + struck);
    slot(PMT_EAR_BEFORE, SLOT, SLOT - 3000);
    CHECK(h.ear.now == 0 && (h.ear.onsets[1] == 1) == (struck <= -3000));
    CHECK(is_down(60) == (struck <= -3000));
  }
}

/** A key that went down and up between two slots was played, and sounds no more. Twice: counts twice. */
static void test_short(void) {
  pmt_hearing_reset(&h);
  take(0x90, 60, 100, 100);
  take(0x80, 60, 0, 200);
  slot(PMT_EAR_BEFORE, SLOT, SLOT);
  CHECK(h.ear.onsets[1] == 1 && !is_down(60) && h.ear.n_down == 0 && h.notes == 1);
  take(0x90, 60, 100, SLOT + 100);
  take(0x90, 60, 0, SLOT + 200);
  take(0x90, 60, 100, SLOT + 300);
  slot(PMT_EAR_WITH, 2 * SLOT, 2 * SLOT);
  CHECK(h.ear.onsets[1] == 2 && is_down(60));
  for (uint32_t i = 0; i < 50; ++i) {
    take(0x90, 64, 100, 2 * SLOT + 100);
    take(0x80, 64, 0, 2 * SLOT + 200);
  }
  take(0x90, 64, 100, 3 * SLOT);
  slot(PMT_EAR_WITH, 3 * SLOT, 3 * SLOT);
  CHECK(h.ear.onsets[1] == 1 && h.ear.onsets[0] == 1 && h.ear.now == 1 << 4);
}

/** The same key on two channels sounds until both let it go. Ends of nothing are nothing. Drums and others are not
    heard. */
static void test_channels(void) {
  pmt_hearing_reset(&h);
  take(0x80, 60, 0, 0);
  take(0x91, 60, 90, 0);
  take(0x92, 60, 90, 1);
  take(0x81, 60, 0, 2);
  take(0x85, 60, 0, 2);
  slot(PMT_EAR_BEFORE, SLOT, SLOT);
  CHECK(is_down(60));
  take(0x82, 60, 0, SLOT);
  slot(PMT_EAR_BEFORE, 2 * SLOT, 2 * SLOT);
  CHECK(!is_down(60));
  const uint64_t notes = h.notes;
  take(0x99, 40, 90, 2 * SLOT);
  take(0xe0, 40, 90, 2 * SLOT);
  take(0xb0, 1, 90, 2 * SLOT);
  slot(PMT_EAR_BEFORE, 3 * SLOT, 3 * SLOT);
  CHECK(h.notes == notes && h.ear.n_down == 0 && h.ear.onsets[1] == 0);
}

static void test_pedal(void) {
  pmt_hearing_reset(&h);
  take(0xb0, 64, 127, 0);
  take(0x90, 60, 90, 1);
  take(0x80, 60, 0, 2);
  take(0x91, 64, 90, 2); /* another channel's pedal is up */
  take(0x81, 64, 0, 3);
  int64_t at = SLOT;
  slot(PMT_EAR_BEFORE, at, at);
  CHECK(is_down(60) && !is_down(64));
  take(0xb0, 64, 63, at);
  next(&at);
  CHECK(!is_down(60));
  /* It never comes up: what nothing but the pedal holds dies away; a key that is held does not. */
  take(0xb0, 64, 64, at);
  take(0x90, 50, 90, at);
  take(0x90, 60, 90, at);
  take(0x80, 60, 0, at);
  uint32_t rang = 0;
  for (uint32_t i = 0; i < 40; ++i) {
    next(&at);
    rang += is_down(60);
    CHECK(is_down(50));
  }
  CHECKF(rang >= 12 && rang <= 18, "%u slots", rang);
  /* struck again under the pedal: anew */
  take(0x90, 60, 90, at);
  take(0x80, 60, 0, at);
  next(&at);
  CHECK(is_down(60));
  for (uint32_t i = 0; i < 2; ++i) { /* all notes off, all sound off: pedal or not */
    take(0x90, 60, 90, at);
    take(0xb0, i ? 120 : 123, 0, at);
    next(&at);
    CHECK(h.ear.n_down == 0);
    take(0x90, 50, 90, at);
    next(&at);
  }
  pmt_hearing_let_go(&h, 0);
  next(&at);
  CHECK(h.ear.n_down == 0 && h.pedal == 0);
}

/** Our own notes come back within 30 ms, on their channel and pitch. However many we sent, the last 64 are known. */
static void test_echo(void) {
  pmt_hearing_reset(&h);
  const uint8_t same[3] = {0x93, 60, 90}, channel[3] = {0x94, 60, 90}, pitch[3] = {0x93, 61, 90};
  CHECK(!pmt_hearing_echoes(&h, same, 0, RATE));
  pmt_hearing_sent(&h, 3, 60, 1000);
  CHECK(pmt_hearing_echoes(&h, same, 1000, RATE) && pmt_hearing_echoes(&h, same, 999 + ECHO, RATE));
  CHECK(!pmt_hearing_echoes(&h, same, 1000 + ECHO, RATE));
  CHECK(!pmt_hearing_echoes(&h, channel, 1001, RATE) && !pmt_hearing_echoes(&h, pitch, 1001, RATE));
  for (uint32_t i = 0; i < PMT_ECHOES - 1; ++i) {
    pmt_hearing_sent(&h, 3, 100, 1001);
  }
  CHECK(pmt_hearing_echoes(&h, same, 1001, RATE));
  for (uint32_t i = 0; i < PMT_ECHOES; ++i) {
    pmt_hearing_sent(&h, 3, 100, 1001);
  }
  CHECK(!pmt_hearing_echoes(&h, same, 1001, RATE));
}

/** Struck before the cut and not heard: never was. Struck since: will be. What is down stays. */
static void test_cut(void) {
  pmt_hearing_reset(&h);
  take(0x90, 60, 90, 100);
  slot(PMT_EAR_BEFORE, SLOT, SLOT);
  take(0x90, 62, 90, SLOT + 100);
  take(0x90, 64, 90, SLOT + 100);
  take(0x90, 64, 90, SLOT + 900);
  take(0x90, 66, 90, SLOT + 900);
  pmt_hearing_cut(&h, SLOT + 500);
  slot(PMT_EAR_BEFORE, 2 * SLOT, 2 * SLOT);
  CHECK(is_down(60) && h.ear.onsets[1] == 2 && is_down(64) && is_down(66));
  CHECK(!h.key[62].fresh);
}

static void test_silence(void) {
  pmt_hearing_reset(&h);
  CHECK(pmt_hearing_silence(&h) == UINT32_MAX);
  int64_t at = 0;
  next(&at);
  CHECK(pmt_hearing_silence(&h) == UINT32_MAX);
  take(0x90, 60, 90, at);
  CHECK(pmt_hearing_silence(&h) == 0);
  for (uint32_t i = 0; i < 20; ++i) {
    next(&at);
    CHECK(pmt_hearing_silence(&h) == 0); /* held */
  }
  take(0x80, 60, 0, at);
  for (uint32_t i = 0; i < 20; ++i) { /* counted from its end, not from when it was struck */
    next(&at);
    CHECKF(pmt_hearing_silence(&h) == i + 1, "%u slots after its end: %u", i, pmt_hearing_silence(&h));
  }
}

static void test_reach(void) {
  uint8_t lo, hi;
  int64_t at = 0;
  pmt_hearing_reset(&h);
  CHECK(!pmt_hearing_reach(&h, &lo, &hi));
  take(0x90, 40, 90, at);
  take(0x80, 40, 90, at + 10);
  take(0x90, 100, 90, at);
  next(&at);
  CHECK(pmt_hearing_reach(&h, &lo, &hi) && lo == 40 && hi == 100);
  take(0x80, 100, 90, at);
  take(0x90, 50, 90, at);
  take(0x80, 50, 90, at);
  for (uint32_t i = 1; i < PMT_REACH_SLOTS; ++i) {
    next(&at);
    CHECK(pmt_hearing_reach(&h, &lo, &hi) && lo == 40);
  }
  next(&at);
  next(&at);
  CHECK(!pmt_hearing_reach(&h, &lo, &hi));
}

static void test_loudness(void) {
  pmt_hearing_reset(&h);
  CHECK(h.loudness == 0.0f);
  take(0x90, 60, 40, 0);
  CHECK(h.loudness == 40.0f);
  for (uint32_t i = 0; i < 50; ++i) {
    take(0x90, 60, 110, 0);
  }
  CHECK(h.loudness > 109.0f && h.loudness <= 110.0f);
}

/** Whatever comes: the ear's keys are those that are held, as long as no pedal is down. */
static void test_random(void) {
  bool down[16][128] = {{false}};
  uint64_t n = 0;
  int64_t at = 0;
  pmt_hearing_reset(&h);
  for (uint32_t s = 0; s < 2000; ++s) {
    for (uint64_t i = pmt_random_bits(8, 0, s) % 60; i > 0; --i) {
      const uint32_t channel = (uint32_t)(pmt_random_bits(8, 1, n++) % 16),
                     key = (uint32_t)(pmt_random_bits(8, 2, n++) % 128);
      const bool on = pmt_random_bits(8, 3, n++) % 3 == 0;
      take((uint8_t)((on ? 0x90 : 0x80) | channel), (uint8_t)key, 77, at += 100);
      down[channel][key] = on;
    }
    slot(s % 3 ? PMT_EAR_WITH : PMT_EAR_BEFORE, at, at);
    uint32_t n_down = 0;
    for (uint32_t key = 0; key < 128; ++key) {
      bool any = false;
      for (uint32_t channel = 0; channel < 16; ++channel) {
        any = any || (channel != 9 && down[channel][key]);
      }
      CHECK(any == is_down(key));
      n_down += any;
    }
    CHECK(h.ear.n_down == n_down);
  }
}

int main(void) {
  test_when();
  test_short();
  test_channels();
  test_pedal();
  test_echo();
  test_cut();
  test_silence();
  test_reach();
  test_loudness();
  test_random();
  return 0;
}
