/* SPDX-License-Identifier: ISC */
/** @file rt_watch.h  Sees what an audio thread must not do: allocate, free, lock, call the system, fault a page in,
    wait, use much stack.

    Above: test_rt.c, test_soak.c; its functions are what pmt_host_watch() wants. Below: fail_alloc.h for malloc's
    family; pthread_mutex_lock is ours too (tests are linked with -rdynamic, so a plugin's calls come here); the kernel
    turns system calls into SIGSYS (user dispatch, Linux 5.11, x86-64); rusage counts page faults and waits; the stack
    below is painted. Everything is by thread. Under sanitizers, which do such things themselves, only allocations are
    seen. */
#ifndef PMT_TESTS_RT_WATCH_H
#define PMT_TESTS_RT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#    define PMT_SANITIZED 1
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define PMT_SANITIZED 1
#endif

/** What happened inside, summed. */
typedef struct {
  uint64_t allocations, locks, system_calls, faults, waits;
  int64_t first_call; /**< number of the first system call seen, -1 none */
  size_t stack;       /**< most bytes used */
} PmtTrespass;

/** For this thread, once: let the kernel tell of system calls. @return false when it does not */
bool pmt_rt_dispatch(void);

/** Begin or end to watch, for everything. Costs some ten microseconds. */
void pmt_rt_watch(bool inside);
/** The same for allocations, locks and system calls alone: next to nothing. */
void pmt_rt_watch_calls(bool inside);

/** What was seen by this thread since the last time. */
PmtTrespass pmt_rt_take(void);

#endif
