/* SPDX-License-Identifier: ISC */
/* See memory.h. Linear searches: 320 entries, at jumps and once a slot. */
#include "gen/memory.h"

#include <string.h>

enum { HEAD_SLOTS = 2 };

void pmt_memory_clear(PmtMemory* const m) {
  for (uint32_t i = 0; i < PMT_MEMORY_MAX; ++i) {
    m->memo[i].used = false;
  }
  m->next_recent = m->next_bar = 0;
}

static bool is_of(const PmtMemo* const memo, const PmtPlace* const place) {
  return memo->used && memo->place.bar == place->bar && memo->place.index == place->index &&
         memo->place.length == place->length && memo->place.bar_ticks == place->bar_ticks;
}

/** @return index among `n` memos from `first`, or `n` */
static uint32_t find(const PmtMemory* const m, const uint32_t first, const uint32_t n, const PmtPlace* const place) {
  uint32_t i = 0;
  while (i < n && !is_of(&m->memo[first + i], place)) {
    ++i;
  }
  return i;
}

const PmtMemo* pmt_memory_find(const PmtMemory* const m, const PmtPlace* const place) {
  const uint32_t i = find(m, 0, PMT_MEMORY_MAX, place); /* what is in both parts is the same */
  return i < PMT_MEMORY_MAX ? &m->memo[i] : 0;
}

static void put(PmtMemory* const m, const uint32_t first, const uint32_t size, uint32_t* const next,
                const PmtMemo* const memo, const size_t n) {
  uint32_t i = find(m, first, size, &memo->place);
  if (i == size) {
    i = *next;
    *next = (*next + 1) % size;
  }
  PmtMemo* const kept = &m->memo[first + i];
  float* const state = kept->state;
  *kept = *memo;
  kept->used = true;
  kept->state = state;
  if (!memo->fresh) {
    memcpy(state, memo->state, n * sizeof *state);
  }
}

void pmt_memory_put(PmtMemory* const m, const PmtMemo* const memo, const size_t n) {
  put(m, 0, PMT_MEMORY_RECENT, &m->next_recent, memo, n);
  if (memo->place.index < HEAD_SLOTS) {
    put(m, PMT_MEMORY_RECENT, PMT_MEMORY_BARS, &m->next_bar, memo, n);
  }
}
