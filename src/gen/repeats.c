/* SPDX-License-Identifier: ISC */
/* Above: gen/engine_slot.c. Below: base/random. */
#include "gen/repeats.h"

#include "base/random.h"
#include "music/score.h"

#include <string.h>

void pmt_repeats_reset(PmtRepeats* const repeats) { memset(repeats, 0, sizeof *repeats); }

void pmt_repeats_add(PmtRepeats* const repeats, const uint32_t tick_in_bar, const uint32_t part, const uint32_t pitch) {
  ++repeats->notes;
  if (part != PMT_PART_DRUMS) {
    ++repeats->pitched;
    repeats->hash = pmt_random_mix(repeats->hash ^ ((uint64_t)tick_in_bar << 16 | part << 8 | pitch));
  }
}

void pmt_repeats_end_bar(PmtRepeats* const repeats) {
  const bool same = repeats->pitched && repeats->equal && repeats->hash == repeats->last;
  repeats->equal = !repeats->pitched ? 0 : same ? repeats->equal + 1 : 1;
  repeats->empty = repeats->notes ? 0 : repeats->empty + 1;
  repeats->tuneless = repeats->pitched ? 0 : repeats->tuneless + 1;
  repeats->last = repeats->hash;
  repeats->hash = 0;
  repeats->pitched = repeats->notes = 0;
}

float pmt_repeats_lift(const PmtRepeats* const repeats) {
  if (repeats->equal < 4) {
    return 1.0f;
  }
  const float lift = 1.0f + 0.1f * (float)(repeats->equal - 3);
  return lift < 1.5f ? lift : 1.5f;
}

bool pmt_repeats_starved(const PmtRepeats* const repeats) { return repeats->empty >= 2 && !repeats->notes; }

bool pmt_repeats_tuneless(const PmtRepeats* const repeats) { return repeats->tuneless >= 2 && !repeats->pitched; }
