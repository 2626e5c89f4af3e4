/* SPDX-License-Identifier: ISC */
/* The held table and the schedule: notes may be refused, never left hanging. */
#include "base/random.h"
#include "check.h"
#include "gen/held.h"
#include "gen/schedule.h"

#include <string.h>

typedef struct {
  bool on[16][128];
  uint32_t space;  /* writes that still fit */
  uint32_t n;
  uint8_t last[64][3];
  uint32_t n_on, n_off;
} Sink;

static bool take(void* const handle, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  Sink* const s = handle;
  (void)frame;
  if (!s->space) {
    return false;
  }
  --s->space;
  CHECK(size == 3);
  bool* const on = &s->on[bytes[0] & 15][bytes[1]];
  if ((bytes[0] & 0xf0) == 0x90) {
    CHECK(!*on && bytes[2] >= 1 && bytes[2] <= 127);
    *on = true;
    ++s->n_on;
  } else {
    CHECK((bytes[0] & 0xf0) == 0x80 && *on);
    *on = false;
    ++s->n_off;
  }
  memcpy(s->last[s->n++ % 64], bytes, 3);
  return true;
}

static void test_order(void) {
  PmtHeld held;
  Sink sink = {.space = 100};
  const PmtMidiOut out = {take, &sink};
  pmt_held_reset(&held);
  CHECK(pmt_held_strike(&held, &out, 0, 1, 60, 80, 0, 12) && pmt_held_strike(&held, &out, 0, 0, 72, 80, 0, 12));
  CHECK(pmt_held_strike(&held, &out, 0, 0, 64, 80, 0, 24) && pmt_held_strike(&held, &out, 0, 0, 40, 80, 0, 12));
  CHECK(pmt_held_next(&held) == 12 && pmt_held_beyond(&held, 12) == 1 && pmt_held_beyond(&held, 11) == 4);
  pmt_held_release(&held, &out, 0, 11);
  CHECK(sink.n == 4);
  pmt_held_release(&held, &out, 0, 12);
  static const uint8_t expected[3][3] = {{0x80, 40, 64}, {0x80, 72, 64}, {0x81, 60, 64}};
  CHECK(sink.n == 7 && !memcmp(&sink.last[4], expected, sizeof expected));
  CHECK(pmt_held_strike(&held, &out, 0, 0, 64, 90, 0, 30)); /* struck again: its off comes first */
  static const uint8_t again[2][3] = {{0x80, 64, 64}, {0x90, 64, 90}};
  CHECK(sink.n == 9 && !memcmp(&sink.last[7], again, sizeof again));
  CHECK(pmt_held_silence(&held, &out, 0) == 0 && pmt_held_next(&held) == INT64_MAX);
}

static void test_full(void) {
  PmtHeld held;
  Sink sink = {.space = 10000};
  const PmtMidiOut out = {take, &sink};
  pmt_held_reset(&held);
  for (uint32_t i = 0; i < PMT_HELD_MAX + 5; ++i) {
    CHECK(pmt_held_strike(&held, &out, 0, (uint8_t)(i / 128), (uint8_t)(i % 128), 64, 0, 5) == (i < PMT_HELD_MAX));
  }
  CHECK(held.refused == 5);
  sink.space = 3;
  CHECK(pmt_held_silence(&held, &out, 0) == PMT_HELD_MAX - 3);
  CHECK(held.n_owed == PMT_HELD_MAX - 3 && pmt_held_next(&held) == INT64_MAX);
  CHECK(!pmt_held_strike(&held, &out, 0, 0, 100, 64, 0, 9)); /* its own off is still owed */
  sink.space = 10000;
  pmt_held_retry(&held, &out, 0);
  CHECK(held.n == 0 && held.n_owed == 0 && sink.n_on == sink.n_off);
}

static void test_random(void) {
  PmtHeld held;
  Sink sink = {.space = 0};
  const PmtMidiOut out = {take, &sink};
  pmt_held_reset(&held);
  for (uint64_t i = 0; i < 200000; ++i) {
    const uint64_t r = pmt_random_bits(3, 4, i);
    sink.space = (uint32_t)(r >> 8) % 4;
    switch (r % 8) {
    case 0: pmt_held_release(&held, &out, 0, (int64_t)(i / 8)); break;
    case 1: pmt_held_retry(&held, &out, 0); break;
    case 2:
      if ((r >> 40) % 64 == 0) {
        pmt_held_silence(&held, &out, 0);
      }
      break;
    default:
      pmt_held_strike(&held, &out, 0, (uint8_t)((r >> 16) % 16), (uint8_t)((r >> 24) % 128),
                      1 + (uint8_t)((r >> 32) % 127), 0, (int64_t)(i / 8 + (r >> 48) % 50));
    }
    uint32_t sounding = 0;
    for (uint32_t k = 1; k < held.n; ++k) {
      CHECK(128u * held.note[k - 1].channel + held.note[k - 1].pitch <
            128u * held.note[k].channel + held.note[k].pitch);
    }
    for (uint32_t k = 0; k < held.n; ++k) {
      CHECK(sink.on[held.note[k].channel][held.note[k].pitch]);
      sounding += held.note[k].owed;
    }
    CHECK(held.n == sink.n_on - sink.n_off && sounding == held.n_owed);
  }
  sink.space = 1000;
  CHECK(pmt_held_silence(&held, &out, 0) == 0 && sink.n_on == sink.n_off && sink.n_on == held.notes_on);
}

static void test_schedule(void) {
  static PmtSchedule s;
  pmt_schedule_clear(&s);
  CHECK(!pmt_schedule_first(&s));
  for (uint32_t i = 0; i < PMT_SCHEDULE_MAX + 3; ++i) {
    const int64_t on = (int64_t)(pmt_random_bits(9, 9, i) % 100);
    CHECK(pmt_schedule_add(&s, (PmtPending){.on = on, .off = on + 10, .pitch = (uint8_t)i}) == (i < PMT_SCHEDULE_MAX));
  }
  CHECK(pmt_schedule_beyond(&s, 0) == 0 && pmt_schedule_beyond(&s, 200) == 0 && pmt_schedule_beyond(&s, 105) > 0);
  int64_t last = -1;
  uint32_t order = 0, n = 0;
  for (const PmtPending* p; (p = pmt_schedule_first(&s)); ++n) {
    CHECK(p->on > last || (p->on == last && p->order > order));
    last = p->on;
    order = p->order;
    pmt_schedule_drop_first(&s);
  }
  CHECK(n == PMT_SCHEDULE_MAX);
}

int main(void) {
  test_order();
  test_full();
  test_random();
  test_schedule();
  return 0;
}
