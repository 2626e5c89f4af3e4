/* SPDX-License-Identifier: ISC */
/** @file arena.h  Measure, then carve one block.

    The same layout function runs twice: first over a measuring arena, which only adds up sizes and returns NULL,
    then over the allocated one, which returns real pointers. So one malloc serves a whole object, and what is
    resident (and touched, hence never faulted in by the audio thread) is one block.

    @code
    PmtArena a = pmt_arena_measure();
    layout(&a, config, NULL);
    if (pmt_arena_allocate(&a)) { return PMT_NO_MEM; }
    layout(&a, config, net);
    @endcode */
#ifndef PMT_BASE_ARENA_H
#define PMT_BASE_ARENA_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

#define PMT_ARENA_ALIGN 64u /**< every carved block starts on a cache line (and an AVX-512 vector) */

typedef struct {
  unsigned char* base; /**< owned; NULL while measuring */
  size_t used;
  size_t size;     /**< 0 while measuring */
  bool overflowed; /**< a request did not fit size_t: allocate() refuses */
} PmtArena;

/** A measuring arena. */
PmtArena pmt_arena_measure(void);

/** Allocate what was measured, zeroed and written (so that every page is resident), and rewind.
    @return PMT_NO_MEM when malloc fails or the measure overflowed; the arena is then empty and safe to release. */
PmtStatus pmt_arena_allocate(PmtArena* arena);

/** Carve `count` objects of `size` bytes, zeroed, 64-byte aligned. NULL while measuring. */
void* pmt_arena_take(PmtArena* arena, size_t count, size_t size);

/** Free the block. The arena may be measured again. */
void pmt_arena_release(PmtArena* arena);

#endif
