/* SPDX-License-Identifier: ISC */
/** @file attributes.h  Compiler attributes, in one place so that no other header names a compiler. */
#ifndef PMT_BASE_ATTRIBUTES_H
#define PMT_BASE_ATTRIBUTES_H

/** PMT_RT: the function may run in the audio thread: it never allocates, locks, waits or does I/O.
    clang 20 and newer check the promise (-Wfunction-effects, -fsanitize=realtime); others read it. */
#if defined(__clang__) && __clang_major__ >= 20
#  define PMT_RT __attribute__((nonblocking))
#else
#  define PMT_RT
#endif

#if defined(__GNUC__)
#  define PMT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#  define PMT_PRINTF(fmt, args)
#endif

#endif
