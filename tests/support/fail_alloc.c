/* SPDX-License-Identifier: ISC */
/* Above: any test. Below: the C library's (or the sanitizer's) allocator by its other name. */
#include "support/fail_alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define UNDER_ASAN 1
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#  define UNDER_ASAN 1
#endif

#ifdef UNDER_ASAN
#  define NEXT(function) __interceptor_##function
#else
#  define NEXT(function) __libc_##function
#endif
#define EXPORT __attribute__((visibility("default")))

void* NEXT(malloc)(size_t size);
void* NEXT(calloc)(size_t count, size_t size);
void* NEXT(realloc)(void* old, size_t size);
void* NEXT(memalign)(size_t alignment, size_t size);
void NEXT(free)(void* block);

static _Thread_local size_t allocations;
static _Thread_local size_t left = SIZE_MAX; /* until failure */
static _Thread_local void (*watcher)(const char* function);

void pmt_fail_after(const size_t n) {
  allocations = 0;
  left = n;
}

void pmt_fail_never(void) {
  left = SIZE_MAX;
}

size_t pmt_alloc_count(void) {
  return allocations;
}

void pmt_alloc_count_reset(void) {
  allocations = 0;
}

void pmt_alloc_watch(void (*const new_watcher)(const char* function)) {
  watcher = new_watcher;
}

static void tell(const char* const function) {
  void (*const told)(const char*) = watcher;
  if (told) {
    watcher = NULL;
    told(function);
    watcher = told;
  }
}

/** @return false when this one has to fail. */
static bool allow(const char* const function) {
  tell(function);
  ++allocations;
  if (left == 0) {
    errno = ENOMEM;
    return false;
  }
  left -= left != SIZE_MAX;
  return true;
}

EXPORT void* malloc(const size_t size) {
  return allow("malloc") ? NEXT(malloc)(size) : NULL;
}

EXPORT void* calloc(const size_t count, const size_t size) {
  return allow("calloc") ? NEXT(calloc)(count, size) : NULL;
}

EXPORT void* realloc(void* const old, const size_t size) {
  return allow("realloc") ? NEXT(realloc)(old, size) : NULL;
}

EXPORT void* aligned_alloc(const size_t alignment, const size_t size) {
  return allow("aligned_alloc") ? NEXT(memalign)(alignment, size) : NULL;
}

EXPORT int posix_memalign(void** const block, const size_t alignment, const size_t size) {
  void* const fresh = allow("posix_memalign") ? NEXT(memalign)(alignment, size) : NULL;
  *block = fresh ? fresh : *block;
  return fresh ? 0 : ENOMEM;
}

EXPORT void free(void* const block) {
  tell("free");
  NEXT(free)(block);
}
