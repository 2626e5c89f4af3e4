/* SPDX-License-Identifier: ISC */
/* Above: gen/engine_slot.c. Below: music/key. */
#include "gen/tonality.h"

#include "music/score.h"

#include <string.h>

static const float keep_per_bar = 0.88f; /* half forgotten after five and a half bars: a modulation is followed */
static const float enough_ticks = 192.0f; /* two bars of one voice */

void pmt_tonality_reset(PmtTonality* const tonality) { memset(tonality, 0, sizeof *tonality); }

void pmt_tonality_add(PmtTonality* const tonality, const uint32_t pitch, const uint32_t ticks) {
  tonality->weight[pitch % 12] += (float)ticks;
  tonality->total += tonality->total < enough_ticks ? (float)ticks : 0.0f;
}

void pmt_tonality_end_bar(PmtTonality* const tonality) {
  for (uint32_t i = 0; i < 12; ++i) {
    tonality->weight[i] *= keep_per_bar;
  }
}

uint32_t pmt_tonality_key(const PmtTonality* const tonality) {
  return tonality->total < enough_ticks ? 0 : pmt_key_of_weights(tonality->weight);
}
