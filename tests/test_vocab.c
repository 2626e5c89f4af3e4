/* SPDX-License-Identifier: ISC */
/* music/vocab.h: the table of docs/model.md, row by row. */
#include "music/vocab.h"

#include "check.h"

#include <string.h>

static void test_classes_cover_the_table(void) {
  static const struct {
    uint32_t first, last;
    PmtTokenClass class;
  } rows[] = {
      {0, 0, PMT_CLASS_RESERVED}, {1, 1, PMT_CLASS_BOS},       {2, 2, PMT_CLASS_END},      {3, 3, PMT_CLASS_RESERVED},
      {4, 27, PMT_CLASS_SLOT},    {28, 38, PMT_CLASS_POS},     {39, 46, PMT_CLASS_VEL},    {47, 70, PMT_CLASS_DUR},
      {71, 117, PMT_CLASS_DRUM},  {118, 120, PMT_CLASS_ORNAMENT}, {121, 127, PMT_CLASS_RESERVED},
      {128, 1151, PMT_CLASS_NOTE}, {1152, 65535, PMT_CLASS_RESERVED}};
  uint32_t next = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    CHECK(rows[i].first == next);
    for (uint32_t token = rows[i].first; token <= rows[i].last; ++token) {
      CHECKF(pmt_token_class((PmtToken)token) == rows[i].class, "token %u", token);
    }
    next = rows[i].last + 1;
  }
  CHECK(pmt_vocab_size(1) == 256 && pmt_vocab_size(4) == 640 && pmt_vocab_size(8) == PMT_VOCAB_MAX);
}

static void test_makers_and_readers_agree(void) {
  CHECK(pmt_token_slot(0) == 4 && pmt_token_slot(23) == 27);
  CHECK(pmt_token_pos(1) == 28 && pmt_token_pos(11) == 38);
  CHECK(pmt_token_vel(7) == 46);
  CHECK(pmt_token_drum(35) == 71 && pmt_token_drum(81) == 117);
  for (uint32_t part = 0; part < PMT_PARTS_MAX; ++part) {
    for (uint32_t pitch = 0; pitch < 128; ++pitch) {
      const PmtToken token = pmt_token_note(part, pitch);
      CHECK(token == 128 + 128 * part + pitch && pmt_note_part(token) == part && pmt_note_pitch(token) == pitch);
    }
  }
}

static void test_velocity_bins(void) {
  for (uint32_t v = 0; v < 300; ++v) {
    const int wanted = ((int)v + 8) / 16 - 1;
    CHECK((int)pmt_velocity_bin(v) == (wanted < 0 ? 0 : wanted > 7 ? 7 : wanted));
  }
  for (uint32_t bin = 0; bin < PMT_VELOCITIES; ++bin) {
    CHECK(pmt_velocity_bin(pmt_velocity_midi[bin]) == bin);
  }
}

/** Is `ticks` one table value, or a value and a smaller one found greedily? By brute force. */
static bool is_sum(const uint32_t ticks) {
  uint32_t i = PMT_DURATIONS - 1;
  while (pmt_duration_ticks[i] > ticks) {
    --i;
  }
  const uint32_t rest = ticks - pmt_duration_ticks[i];
  bool found = rest == 0 || ticks == PMT_DURATION_MAX;
  for (uint32_t j = 0; j < i; ++j) {
    found = found || pmt_duration_ticks[j] == rest;
  }
  return found;
}

static void test_durations(void) {
  static const uint16_t table[PMT_DURATIONS] = {1,  2,  3,  4,  6,  8,  9,  12, 15, 16,  18,  20,
                                                24, 30, 36, 42, 48, 60, 72, 84, 96, 120, 144, 192};
  CHECK(memcmp(table, pmt_duration_ticks, sizeof table) == 0);
  for (uint32_t ticks = 1; ticks <= 1000; ++ticks) {
    uint32_t index[2];
    const uint32_t n = pmt_duration_split(ticks, index);
    const uint32_t sum = table[index[0]] + (n == 2 ? table[index[1]] : 0u);
    CHECK(n == 1 || n == 2);
    CHECK(n == 1 || index[1] < index[0] || sum == 384);
    CHECK(sum == pmt_duration_floor(ticks) && sum <= ticks);
    CHECK((sum == ticks) == (ticks <= PMT_DURATION_MAX && is_sum(ticks)));
    uint32_t below = ticks < PMT_DURATION_MAX ? ticks : PMT_DURATION_MAX, above = below;
    while (!is_sum(below)) {
      --below;
    }
    while (!is_sum(above)) {
      ++above;
    }
    const bool up = ticks < PMT_DURATION_MAX && above - ticks < ticks - below;
    const uint32_t wanted = up ? above : below;
    CHECKF(pmt_duration_nearest(ticks) == wanted, "%u: %u, not %u", ticks, pmt_duration_nearest(ticks), wanted);
  }
}

static void test_names(void) {
  static const struct {
    uint32_t token;
    const char* name;
  } cases[] = {{0, "PAD"},     {1, "BOS"},  {2, "END"},       {4, "T0"},           {27, "T23"},         {33, "POS6"},
               {43, "VEL4"},   {54, "D12"}, {70, "D192"},     {72, "drum36"},      {118, "TRILL"},      {119, "TURN"},
               {120, "GRACE"}, {125, "RSV125"}, {128 + 60, "P0:C4"}, {128 + 7 * 128 + 127, "P7:G9"}, {128, "P0:C-1"}};
  char name[32];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    pmt_token_name((PmtToken)cases[i].token, name, sizeof name);
    CHECKF(strcmp(name, cases[i].name) == 0, "%u: %s", cases[i].token, name);
  }
  char small[4];
  pmt_token_name(128 + 61, small, sizeof small);
  CHECK(strcmp(small, "P0:") == 0);
}

int main(void) {
  test_classes_cover_the_table();
  test_makers_and_readers_agree();
  test_velocity_bins();
  test_durations();
  test_names();
  return 0;
}
