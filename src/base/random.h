/* SPDX-License-Identifier: ISC */
/** @file random.h  Chance is handed in: draws are a pure function of a key, so the same place gives the same draw.

    No state, no time, no `rand`. SplitMix64 finaliser over the mixed words (Steele, Lea and Flood, "Fast
    splittable pseudorandom number generators", OOPSLA 2014). Not for secrets. */
#ifndef PMT_BASE_RANDOM_H
#define PMT_BASE_RANDOM_H

#include "base/attributes.h"

#include <stdint.h>

static inline uint64_t pmt_random_mix(uint64_t z) PMT_RT {
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/** 64 bits that depend on seed, place and index alone. */
static inline uint64_t pmt_random_bits(uint64_t seed, uint64_t place, uint64_t index) PMT_RT {
  return pmt_random_mix(pmt_random_mix(pmt_random_mix(seed) ^ place) ^ index);
}

/** Uniform in [0, 1), 24 bits: exact in a float on every machine. */
static inline float pmt_random_unit(uint64_t seed, uint64_t place, uint64_t index) PMT_RT {
  return (float)(pmt_random_bits(seed, place, index) >> 40) * 0x1p-24f;
}

#endif
