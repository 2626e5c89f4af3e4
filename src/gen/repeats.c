/* SPDX-License-Identifier: ISC */
/* Above: gen/engine_slot.c. Below: base/random. */
#include "gen/repeats.h"

#include "base/random.h"
#include "music/score.h"

#include <string.h>

enum { FORGIVEN = 4, /* repeated bars, for one that is new */ RUN_MAX = 48, RESTED_AT_FIRST = 2 /* bars: so that all come in */ };

static const float doubt_most = 0.3f;
static const float asked_a_bar = 1.5f, asked_most = 8.0f; /* logits */

/** How far back a bar is looked for, how many in a row may be found there, and what doubt each more brings. In
    the corpora, by style, 1 to 3 bars of 100 equal the last one; three alike in a row are rare outside of bands. Of 100
    bars 5 to 34 equal one of the eight before, but 0.3 to 11 have four such in a row behind them. Longer runs, from
    farther back, are strains and verses played again. Drummers alone keep time. */
static const struct { uint32_t bars, run, run_of_drums; float step; } usual[PMT_REPEATS_REACHES] = {
    {1, 0, 2, 0.1f}, {8, 2, 4, 0.02f}, {PMT_REPEATS_BARS, 16, 16, 0.01f}};

void pmt_repeats_reset(PmtRepeats* const repeats) {
  memset(repeats, 0, sizeof *repeats);
  memset(repeats->rested, RESTED_AT_FIRST, sizeof repeats->rested);
}

void pmt_repeats_add(PmtRepeats* const repeats, const uint32_t tick_in_bar, const uint32_t part, const uint32_t pitch) {
  const bool drum = part == PMT_PART_DRUMS;
  uint64_t* const hash = drum ? &repeats->groove : &repeats->hash;
  *hash = pmt_random_mix(*hash ^ ((uint64_t)tick_in_bar << 16 | part << 8 | pitch));
  ++repeats->notes;
  repeats->pitched += !drum;
  repeats->began |= drum ? 0 : (uint8_t)(1u << part);
}

/** Bars back to the nearest one that is the same; UINT32_MAX = none. */
static uint32_t lag_of(const PmtRepeats* const r, const uint32_t hash) {
  for (uint32_t lag = 1; lag <= PMT_REPEATS_BARS && lag <= r->n_bars; ++lag) {
    if (r->bar[(r->n_bars - lag) % PMT_REPEATS_BARS] == hash) {
      return lag;
    }
  }
  return UINT32_MAX;
}

/** One new bar does not make up for many old ones: what returns to its loop at once is still in it. But a bar unlike
    the one before is no longer the same bar over and over. */
static uint32_t forgive(const uint32_t run, const uint32_t reach) {
  return run > FORGIVEN && reach > 1 ? run - FORGIVEN : 0;
}

static void count_bar(PmtRepeats* const r) {
  const uint32_t hash = (uint32_t)(r->pitched ? r->hash : r->groove);
  const uint32_t lag = lag_of(r, hash);
  for (uint32_t i = 0; i < PMT_REPEATS_REACHES; ++i) {
    const uint32_t run = lag <= usual[i].bars ? r->run[i] + 1 : forgive(r->run[i], usual[i].bars);
    r->run[i] = run < RUN_MAX ? run : RUN_MAX;
  }
  r->bar[r->n_bars % PMT_REPEATS_BARS] = hash;
  ++r->n_bars;
  r->drums_alone = !r->pitched;
}

static void count_rests(PmtRepeats* const r) {
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    const uint32_t rested = r->began >> p & 1 ? r->rested[p] / 2u : r->rested[p] + 1u;
    r->rested[p] = (uint8_t)(rested < UINT8_MAX ? rested : UINT8_MAX);
  }
  r->began = 0;
}

void pmt_repeats_end_bar(PmtRepeats* const repeats) {
  count_rests(repeats);
  if (repeats->notes) {
    count_bar(repeats);
  }
  repeats->empty = repeats->notes ? 0 : repeats->empty + 1;
  repeats->tuneless = repeats->pitched ? 0 : repeats->tuneless + 1;
  repeats->hash = repeats->groove = 0;
  repeats->pitched = repeats->notes = 0;
}

float pmt_repeats_doubt(const PmtRepeats* const repeats) {
  float doubt = 0.0f;
  for (uint32_t i = 0; i < PMT_REPEATS_REACHES; ++i) {
    const uint32_t most = repeats->drums_alone ? usual[i].run_of_drums : usual[i].run;
    const float here = usual[i].step * (float)(repeats->run[i] > most ? repeats->run[i] - most : 0);
    doubt = here > doubt ? here : doubt;
  }
  return doubt < doubt_most ? doubt : doubt_most;
}

bool pmt_repeats_starved(const PmtRepeats* const repeats) { return repeats->empty >= 2 && !repeats->notes; }

bool pmt_repeats_tuneless(const PmtRepeats* const repeats) { return repeats->tuneless >= 2 && !repeats->pitched; }

void pmt_repeats_ask_back(const PmtRepeats* const r, const uint8_t longest[PMT_PARTS_MAX], float bias[PMT_PARTS_MAX]) {
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    const bool away = longest[p] < PMT_RESTS_ANY && r->rested[p] > longest[p] && !(r->began >> p & 1);
    const float asked = away ? asked_a_bar * (float)(r->rested[p] - longest[p]) : 0.0f;
    bias[p] = asked < asked_most ? asked : asked_most;
  }
}
