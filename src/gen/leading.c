/* SPDX-License-Identifier: ISC */
/* See leading.h. Above: gen/engine_slot.c. Below: music/grammar. */
#include "gen/leading.h"

#include <string.h>

void pmt_leading_reset(PmtLeading* const l) {
  memset(l, 0, sizeof *l);
  for (uint32_t v = 0; v < PMT_VOICES; ++v) {
    l->before[v] = l->now[v] = -1;
  }
}

/** What moved has moved. */
static void move_on(PmtLeading* const l, const uint32_t pos) {
  memcpy(l->before, l->now, sizeof l->before);
  l->moved = 0;
  l->pos = (uint8_t)pos;
}

void pmt_leading_begin_slot(PmtLeading* const l, const int16_t before, const int16_t now) {
  move_on(l, 0);
  l->before[PMT_VOICE_PLAYER] = before;
  l->now[PMT_VOICE_PLAYER] = now;
}

void pmt_leading_take(PmtLeading* const l, const uint32_t pos, const uint32_t part, const uint32_t pitch) {
  if (pos != l->pos) {
    move_on(l, pos);
  }
  if (!(l->moved >> part & 1)) {
    l->now[part] = (int16_t)pitch;
    l->moved |= (uint16_t)(1u << part);
  }
}

static bool is_perfect(const int interval) {
  const int class = (interval < 0 ? -interval : interval) % 12;
  return class == 0 || class == 7;
}

static bool is_parallel(const int from, const int to, const int other_from, const int other_to) {
  const bool same_way = (to > from && other_to > other_from) || (to < from && other_to < other_from);
  return same_way && is_perfect(from - other_from) && is_perfect(to - other_to) &&
         ((from - other_from) % 12 + 12) % 12 == ((to - other_to) % 12 + 12) % 12;
}

/** Notes of one part, by one other voice that moves at this moment. */
static void forbid(const int from, const int other_from, const int other_to, const uint32_t part,
                   uint64_t mask[PMT_MASK_WORDS]) {
  for (uint32_t n = 0; n < 128; ++n) {
    const PmtToken token = pmt_token_note(part, n);
    if (is_parallel(from, (int)n, other_from, other_to)) {
      mask[token / 64] &= ~(1ull << token % 64);
    }
  }
}

void pmt_leading_forbid(const PmtLeading* const l, const uint32_t pos, const uint32_t parts,
                        uint64_t mask[PMT_MASK_WORDS]) {
  uint64_t left[PMT_MASK_WORDS], any = 0;
  if (pos != l->pos) {
    return; /* the first note of its moment: nobody else moves yet */
  }
  memcpy(left, mask, sizeof left);
  for (uint32_t p = 0; p < parts; ++p) {
    for (uint32_t v = 0; v < PMT_VOICES; ++v) {
      const bool moves = l->before[v] >= 0 && l->now[v] >= 0 && l->before[v] != l->now[v];
      if (moves && v != p && l->before[p] >= 0) {
        forbid(l->before[p], l->before[v], l->now[v], p, left);
      }
    }
  }
  for (uint32_t w = 0; w < PMT_MASK_WORDS; ++w) {
    any |= left[w];
  }
  if (any) {
    memcpy(mask, left, sizeof left);
  }
}
