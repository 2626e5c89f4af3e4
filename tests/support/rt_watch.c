/* SPDX-License-Identifier: ISC */
/* See rt_watch.h. */
#include "support/rt_watch.h"

#include "check.h"
#include "support/fail_alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static _Thread_local PmtTrespass seen = {.first_call = -1};
static _Thread_local struct rusage usage;
static _Thread_local volatile char selector; /* 0 = system calls pass */

#ifndef PMT_SANITIZED
enum { STACK_PAINTED = 128 << 10, STACK_PAINT = 0xa5, STACK_SKIP = 512 };

static _Thread_local volatile bool watching;
static _Thread_local unsigned char* painted; /* lowest painted byte */

__attribute__((visibility("default"))) int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static int (*_Atomic known)(pthread_mutex_t*);
  int (*real)(pthread_mutex_t*) = atomic_load_explicit(&known, memory_order_relaxed);
  if (!real) {
    *(void**)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    atomic_store_explicit(&known, real, memory_order_relaxed);
  }
  seen.locks += watching;
  return real(mutex);
}

/* Everything below the caller's frame becomes paint; what run() wrote over is found by scanning from the far end. */
static __attribute__((noinline)) void paint_stack(void) {
  unsigned char* const here = __builtin_frame_address(0);
  painted = here - STACK_SKIP - STACK_PAINTED;
  for (volatile unsigned char* p = painted; p < here - STACK_SKIP; ++p) {
    *p = STACK_PAINT;
  }
}

static __attribute__((noinline)) size_t measure_stack(void) {
  const unsigned char* const end = painted + STACK_PAINTED;
  const volatile unsigned char* p = painted;
  while (p < end && *p == STACK_PAINT) {
    ++p;
  }
  return (size_t)(end - p) + STACK_SKIP;
}

static void watch_locks(const bool inside) { watching = inside; }
#else
static void paint_stack(void) {}
static size_t measure_stack(void) { return 0; }
static void watch_locks(const bool inside) { (void)inside; }
#endif

#if defined(__x86_64__) && !defined(PMT_SANITIZED) && defined(PR_SET_SYSCALL_USER_DISPATCH)
#  include <ucontext.h>

/* Count the call, let system calls pass again (the return from here is one), and do it. */
static void on_system_call(int number, siginfo_t* info, void* context) {
  ucontext_t* const c = context;
  greg_t* const r = c->uc_mcontext.gregs;
  (void)number;
  selector = 0;
  ++seen.system_calls;
  if (seen.first_call < 0) {
    seen.first_call = info->si_syscall;
  }
  const long result = syscall(info->si_syscall, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
  r[REG_RAX] = result == -1 ? -errno : result;
}

bool pmt_rt_dispatch(void) {
  static _Thread_local char* alternative; /* the handler must not be taken for run()'s stack */
  alternative = malloc(64 << 10);          /* until the end of the test */
  const stack_t stack = {.ss_sp = alternative, .ss_size = 64 << 10};
  const struct sigaction action = {.sa_sigaction = on_system_call, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  CHECK(!sigaltstack(&stack, NULL));
  CHECK(!sigaction(SIGSYS, &action, NULL));
  return !prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0L, 0L, &selector);
}
#else
bool pmt_rt_dispatch(void) { return false; }
#endif

static void count_allocation(const char* const function) {
  (void)function;
  ++seen.allocations;
}

void pmt_rt_watch_calls(const bool inside) {
  if (inside) {
    pmt_alloc_watch(count_allocation);
    watch_locks(true);
    selector = 1;
    return;
  }
  selector = 0;
  watch_locks(false);
  pmt_alloc_watch(NULL);
}

void pmt_rt_watch(const bool inside) {
  if (inside) {
    paint_stack();
    getrusage(RUSAGE_THREAD, &usage);
    pmt_rt_watch_calls(true);
    return;
  }
  pmt_rt_watch_calls(false);
  struct rusage after;
  getrusage(RUSAGE_THREAD, &after);
  seen.faults += (uint64_t)(after.ru_minflt - usage.ru_minflt) + (uint64_t)(after.ru_majflt - usage.ru_majflt);
  seen.waits += (uint64_t)(after.ru_nvcsw - usage.ru_nvcsw);
  const size_t stack = measure_stack();
  seen.stack = stack > seen.stack ? stack : seen.stack;
}

PmtTrespass pmt_rt_take(void) {
  const PmtTrespass result = seen;
  seen = (PmtTrespass){.first_call = -1};
  return result;
}
