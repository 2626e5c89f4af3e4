/* SPDX-License-Identifier: ISC */
/* Loops raise doubts, silence is noticed, parts are asked back, grooves and strains are left alone. */
#include "check.h"
#include "gen/repeats.h"
#include "music/score.h"

#include <math.h>

static void bar(PmtRepeats* const r, const uint32_t pitch, const uint32_t part) {
  pmt_repeats_add(r, 0, part, pitch);
  pmt_repeats_add(r, 48, part, pitch + 1);
  pmt_repeats_end_bar(r);
}

/** A drummer alone is no silence, but no tune. */
static void test_tuneless(void) {
  PmtRepeats r;
  pmt_repeats_reset(&r);
  for (uint32_t bar = 0; bar < 3; ++bar) {
    CHECK(pmt_repeats_tuneless(&r) == (bar >= 2) && !pmt_repeats_starved(&r));
    pmt_repeats_add(&r, 0, PMT_PART_DRUMS, 36);
    CHECK(pmt_repeats_tuneless(&r) == (bar >= 2));
    pmt_repeats_end_bar(&r);
  }
  pmt_repeats_add(&r, 0, 1, 60);
  CHECK(!pmt_repeats_tuneless(&r));
  pmt_repeats_end_bar(&r);
  CHECK(!pmt_repeats_tuneless(&r));
}

/** Bars of a loop, numbered from 0, that go by before there is a doubt. */
static uint32_t patience(PmtRepeats* const r, const uint32_t period, const uint32_t part) {
  pmt_repeats_reset(r);
  for (uint32_t i = 0; i < 200; ++i) {
    bar(r, 40 + i % period, part);
    if (pmt_repeats_doubt(r) > 0.0f) {
      return i;
    }
  }
  return UINT32_MAX;
}

/** A loop of any length is noticed, the later the longer; one that takes more bars than are remembered is a form. */
static void test_loops(void) {
  PmtRepeats r;
  CHECK(patience(&r, 1, 0) == 1);
  for (uint32_t period = 2; period <= 8; ++period) {
    CHECKF(patience(&r, period, 0) == period + 2, "a loop of %u bars", period);
  }
  CHECK(patience(&r, 9, 0) == 9 + 16 && patience(&r, 32, 0) == 32 + 16 && patience(&r, 33, 0) == UINT32_MAX);
  CHECK(patience(&r, 1, PMT_PART_DRUMS) == 3 && patience(&r, 2, PMT_PART_DRUMS) == 6);
}

/** A strain of sixteen bars that is played twice, over and over: no loop. */
static void test_form(void) {
  PmtRepeats r;
  pmt_repeats_reset(&r);
  for (uint32_t i = 0; i < 400; ++i) {
    bar(&r, i / 32 * 16 % 80 + i % 16, 0);
    CHECKF(pmt_repeats_doubt(&r) == 0.0f, "bar %u", i);
  }
}

/** Doubt grows and is bounded. A rest does not end a loop of several bars, nor does one new bar; several do. */
static void test_breaks(void) {
  PmtRepeats r;
  CHECK(patience(&r, 4, 0) == 6);
  float before = pmt_repeats_doubt(&r);
  for (uint32_t i = 7; i < 60; ++i) {
    bar(&r, 40 + i % 4, 0);
    pmt_repeats_end_bar(&r);
    const float doubt = pmt_repeats_doubt(&r);
    CHECK(doubt > before || (i > 20 && doubt == before));
    before = doubt;
  }
  CHECK(before == 0.3f);
  uint32_t news = 0;
  for (; pmt_repeats_doubt(&r) > 0.0f; ++news) {
    bar(&r, 80 + news, 0);
  }
  CHECKF(news > 1 && news < 16, "%u new bars", news);
}

/** The same bar over and over: one new bar ends it. */
static void test_stutter(void) {
  PmtRepeats r;
  static const float doubts[] = {0.0f, 0.1f, 0.2f, 0.3f, 0.3f};
  pmt_repeats_reset(&r);
  for (uint32_t i = 0; i < 5; ++i) {
    bar(&r, 60, 0);
    CHECKF(fabsf(pmt_repeats_doubt(&r) - doubts[i]) < 1e-6f, "after %u bars: %g", i + 1, (double)pmt_repeats_doubt(&r));
  }
  bar(&r, 61, 0);
  CHECK(pmt_repeats_doubt(&r) == 0.0f);
  bar(&r, 61, 0);
  CHECK(pmt_repeats_doubt(&r) > 0.0f);
  pmt_repeats_add(&r, 48, 0, 62); /* the same pitches elsewhere in the bar are another bar */
  pmt_repeats_add(&r, 0, 0, 61);
  pmt_repeats_end_bar(&r);
  CHECK(pmt_repeats_doubt(&r) == 0.0f);
}

static void test_silence(void) {
  PmtRepeats r;
  pmt_repeats_reset(&r);
  for (uint32_t i = 0; i < 9; ++i) { /* silence does not loop */
    CHECK(pmt_repeats_starved(&r) == (i >= 2) && pmt_repeats_doubt(&r) == 0.0f);
    pmt_repeats_end_bar(&r);
  }
  pmt_repeats_add(&r, 0, PMT_PART_DRUMS, 40);
  CHECK(!pmt_repeats_starved(&r));
}

static void check_asked(const PmtRepeats* const r, const float first, const float second) {
  static const uint8_t longest[PMT_PARTS_MAX] = {0, 2, PMT_RESTS_ANY};
  float bias[PMT_PARTS_MAX];
  pmt_repeats_ask_back(r, longest, bias);
  CHECKF(bias[0] == first && bias[1] == second && bias[2] == 0.0f, "%g for %g, %g for %g, %g", (double)bias[0], (double)first,
         (double)bias[1], (double)second, (double)bias[2]);
}

/** A part that rests longer than is usual is asked for: from the start, more each bar, not beyond a bound, not while it is
    there, and for a while after it came back, half as much each bar. */
static void test_rests(void) {
  PmtRepeats r;
  pmt_repeats_reset(&r);
  for (uint32_t i = 0; i < 300; ++i) {
    check_asked(&r, fminf(1.5f * (float)(i + 2), 8.0f), fminf(1.5f * (float)i, 8.0f));
    pmt_repeats_add(&r, 0, PMT_PART_DRUMS, 40); /* drums are no part of these */
    pmt_repeats_end_bar(&r);
  }
  pmt_repeats_reset(&r);
  for (uint32_t i = 0; i < 6; ++i) { /* they have rested for eight */
    pmt_repeats_end_bar(&r);
  }
  pmt_repeats_add(&r, 24, 1, 60);
  check_asked(&r, 8.0f, 0.0f);
  pmt_repeats_end_bar(&r);
  check_asked(&r, 8.0f, 3.0f); /* as if for four */
  pmt_repeats_add(&r, 24, 1, 60);
  pmt_repeats_end_bar(&r);
  check_asked(&r, 8.0f, 0.0f);
  pmt_repeats_end_bar(&r);
  check_asked(&r, 8.0f, 1.5f);
}

int main(void) {
  test_rests();
  test_loops();
  test_form();
  test_breaks();
  test_stutter();
  test_tuneless();
  test_silence();
  return 0;
}
