/* SPDX-License-Identifier: ISC */
/* The key of what was played: heard after two bars, followed when the music moves, none where there is none. */
#include "check.h"
#include "gen/tonality.h"

#include <stdbool.h>

/** A bar of the tonic chord and its scale; minor with its leading note. */
static void play_bar(PmtTonality* const t, const uint32_t root, const bool minor) {
  static const uint8_t major_steps[] = {0, 4, 7, 0, 2, 4, 5, 7, 9, 11, 0, 7};
  static const uint8_t minor_steps[] = {0, 3, 7, 0, 2, 3, 5, 7, 8, 11, 0, 7};
  for (uint32_t i = 0; i < 12; ++i) {
    pmt_tonality_add(t, 48 + root + (minor ? minor_steps[i] : major_steps[i]), i < 4 || i > 9 ? 24 : 12);
  }
  pmt_tonality_end_bar(t);
}

int main(void) {
  PmtTonality t;
  pmt_tonality_reset(&t);
  CHECK(pmt_tonality_key(&t) == 0);
  pmt_tonality_add(&t, 60, 96);
  CHECK(pmt_tonality_key(&t) == 0); /* one note is no key */
  for (uint32_t root = 0; root < 12; ++root) {
    for (uint32_t minor = 0; minor < 2; ++minor) {
      for (uint32_t bar = 0; bar < 8; ++bar) { /* eight bars of another key are enough to follow, from any before */
        play_bar(&t, root, minor);
      }
      CHECKF(pmt_tonality_key(&t) == (minor ? 13 : 1) + root, "root %u: %u", root, pmt_tonality_key(&t));
    }
  }
  pmt_tonality_reset(&t);
  for (uint32_t bar = 0; bar < 8; ++bar) {
    for (uint32_t pitch = 60; pitch < 72; ++pitch) {
      pmt_tonality_add(&t, pitch, 12);
    }
    pmt_tonality_end_bar(&t);
  }
  CHECK(pmt_tonality_key(&t) == 0); /* all twelve alike */
  return 0;
}
