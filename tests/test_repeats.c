/* SPDX-License-Identifier: ISC */
/* Loops raise the temperature, silence is noticed, grooves are left alone. */
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

int main(void) {
  test_tuneless();
  static const float lifts[] = {1.0f, 1.0f, 1.0f, 1.1f, 1.2f, 1.3f, 1.4f, 1.5f, 1.5f};
  PmtRepeats r;
  pmt_repeats_reset(&r);
  for (uint32_t i = 0; i < 9; ++i) {
    bar(&r, 60, 0);
    CHECKF(fabsf(pmt_repeats_lift(&r) - lifts[i]) < 1e-6f, "after %u bars: %g", i + 1, (double)pmt_repeats_lift(&r));
  }
  bar(&r, 61, 0);
  CHECK(pmt_repeats_lift(&r) == 1.0f);
  for (uint32_t i = 0; i < 3; ++i) {
    bar(&r, 61, 0);
  }
  CHECK(pmt_repeats_lift(&r) > 1.0f);
  pmt_repeats_add(&r, 48, 0, 62); /* the same pitches elsewhere in the bar are another bar */
  pmt_repeats_add(&r, 0, 0, 61);
  pmt_repeats_end_bar(&r);
  CHECK(pmt_repeats_lift(&r) == 1.0f);
  for (uint32_t i = 0; i < 9; ++i) {
    bar(&r, 40, PMT_PART_DRUMS);
    CHECK(pmt_repeats_lift(&r) == 1.0f && !pmt_repeats_starved(&r));
  }
  for (uint32_t i = 0; i < 9; ++i) { /* nor does silence loop */
    CHECK(pmt_repeats_starved(&r) == (i >= 2) && pmt_repeats_lift(&r) == 1.0f);
    pmt_repeats_end_bar(&r);
  }
  pmt_repeats_add(&r, 0, PMT_PART_DRUMS, 40);
  CHECK(!pmt_repeats_starved(&r));
  return 0;
}
