/* SPDX-License-Identifier: ISC */
/** @file simd.h  One attribute: compile a loop for each vector width the CPU may have and pick at start.

    Only the trainer uses it: it is never in a plugin, so the ifunc that target_clones makes is harmless. The clones
    give the same bits, as the build allows no fused multiply-add. Off under sanitizers, whose start-up an ifunc
    resolver would precede, and with clang, whose clones (14) other files cannot call. */
#ifndef PMT_TRAIN_SIMD_H
#define PMT_TRAIN_SIMD_H

#if defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#    define PMT_SANITIZED 1
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define PMT_SANITIZED 1
#endif

#if defined(__x86_64__) && defined(__ELF__) && defined(__GNUC__) && !defined(__clang__) && !defined(PMT_SANITIZED)
#  define PMT_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#  define PMT_WIDE
#endif

#endif
