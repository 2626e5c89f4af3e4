/* SPDX-License-Identifier: ISC */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

PmtArena pmt_arena_measure(void) {
  return (PmtArena){0};
}

PmtStatus pmt_arena_allocate(PmtArena* const arena) {
  assert(!arena->base);
  const size_t size = arena->used ? arena->used : PMT_ARENA_ALIGN;
  arena->used = 0;
  if (arena->overflowed) {
    return PMT_NO_MEM;
  }
  arena->base = aligned_alloc(PMT_ARENA_ALIGN, size);
  if (!arena->base) {
    return PMT_NO_MEM;
  }
  memset(arena->base, 0, size); /* not calloc: the pages must be there before run() */
  arena->size = size;
  return PMT_OK;
}

void* pmt_arena_take(PmtArena* const arena, const size_t count, const size_t size) {
  if (arena->overflowed || (count && size > (SIZE_MAX - arena->used - PMT_ARENA_ALIGN) / count)) {
    arena->overflowed = true;
    return NULL;
  }
  const size_t bytes = (count * size + PMT_ARENA_ALIGN - 1) / PMT_ARENA_ALIGN * PMT_ARENA_ALIGN;
  void* const at = arena->base ? arena->base + arena->used : NULL;
  arena->used += bytes;
  assert(!arena->base || arena->used <= arena->size);
  return at;
}

void pmt_arena_release(PmtArena* const arena) {
  free(arena->base);
  *arena = pmt_arena_measure();
}
