/* SPDX-License-Identifier: ISC */
/* Voice leading: what is forbidden is what would move in parallel, and nothing else. */
#include "check.h"
#include "gen/leading.h"

#include <string.h>

enum { PARTS = 4 };

static PmtLeading l;

static void allow_all(uint64_t mask[PMT_MASK_WORDS]) {
  PmtLimits all;
  pmt_limits_all(&all, PARTS);
  memcpy(mask, all.notes, sizeof all.notes);
}

static bool allowed(const uint32_t pos, const uint32_t part, const uint32_t pitch) {
  uint64_t mask[PMT_MASK_WORDS];
  const PmtToken token = pmt_token_note(part, pitch);
  allow_all(mask);
  pmt_leading_forbid(&l, pos, PARTS, mask);
  return mask[token / 64] >> token % 64 & 1;
}

/** The bass was a fifth and an octave below the player's C, who goes up to D. */
static void test_player(void) {
  pmt_leading_reset(&l);
  pmt_leading_begin_slot(&l, -1, 72);
  pmt_leading_take(&l, 0, 1, 65);
  pmt_leading_take(&l, 0, 3, 48);
  pmt_leading_begin_slot(&l, 72, 74);
  CHECK(!allowed(0, 1, 67) && !allowed(0, 3, 50) && !allowed(0, 3, 62)); /* fifths; octaves, the same or another one */
  CHECK(allowed(0, 1, 64) && allowed(0, 1, 65) && allowed(0, 3, 47));
  CHECK(allowed(0, 3, 38));  /* against them */
  CHECK(allowed(0, 3, 55));  /* octave to fifth */
  CHECK(allowed(0, 1, 50));  /* down while they go up */
  CHECK(allowed(0, 2, 50));  /* nothing was there to move from */
  CHECK(allowed(6, 1, 67));  /* later they do not move */
}

/** Two voices of ours; a voice that stays moves with nobody. */
static void test_ours(void) {
  pmt_leading_reset(&l);
  pmt_leading_begin_slot(&l, 79, 79);
  pmt_leading_take(&l, 0, 1, 67);
  pmt_leading_take(&l, 0, 2, 60);
  pmt_leading_begin_slot(&l, 79, 79);
  CHECK(allowed(0, 1, 65) && allowed(0, 2, 58));
  pmt_leading_take(&l, 0, 1, 65);
  CHECK(!allowed(0, 2, 58) && allowed(0, 2, 60) && allowed(0, 2, 57) && allowed(0, 2, 62));
  pmt_leading_take(&l, 6, 2, 58); /* after it, not with it: not forbidden, and from here on its place */
  pmt_leading_take(&l, 8, 1, 67);
  CHECK(!allowed(8, 2, 60) && allowed(8, 2, 53));
}

/** Where it would leave nothing, it takes nothing. */
static void test_last_resort(void) {
  uint64_t mask[PMT_MASK_WORDS] = {0};
  const PmtToken only = pmt_token_note(1, 67);
  pmt_leading_reset(&l);
  pmt_leading_begin_slot(&l, -1, 72);
  pmt_leading_take(&l, 0, 1, 65);
  pmt_leading_begin_slot(&l, 72, 74);
  mask[only / 64] = 1ull << only % 64;
  pmt_leading_forbid(&l, 0, PARTS, mask);
  CHECK(mask[only / 64] == 1ull << only % 64);
}

int main(void) {
  test_player();
  test_ours();
  test_last_resort();
  return 0;
}
