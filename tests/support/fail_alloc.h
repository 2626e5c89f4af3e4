/* SPDX-License-Identifier: ISC */
/** @file fail_alloc.h  Allocations that fail on purpose, and a window on all others.

    Linked into every test: malloc, calloc, realloc, aligned_alloc, posix_memalign and free of the program are ours and
    hand on to the C library (to the sanitizer under ASan). Counts and failures concern the calling thread alone.

    @code
    for (size_t n = 0; ; ++n) {
      pmt_fail_after(n);
      const PmtStatus status = pmt_thing_new(&thing);
      pmt_fail_never();
      if (!status) { break; }
      CHECK(status == PMT_NO_MEM);
    }
    @endcode */
#ifndef PMT_TESTS_FAIL_ALLOC_H
#define PMT_TESTS_FAIL_ALLOC_H

#include <stddef.h>

/** The next n allocations of this thread succeed, all after them return NULL (until pmt_fail_never). Resets the count.
    */
void pmt_fail_after(size_t n);
void pmt_fail_never(void);

/** Allocations asked for by this thread since pmt_fail_after or pmt_alloc_count_reset, failed ones included. */
size_t pmt_alloc_count(void);
void pmt_alloc_count_reset(void);

/** Called at each allocation and each free of this thread, with the function's name, before it happens. It may
    allocate: it is not called again meanwhile. NULL: nobody. */
void pmt_alloc_watch(void (*watcher)(const char* function));

#endif
