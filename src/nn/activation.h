/* SPDX-License-Identifier: ISC */
/** @file activation.h  exp, tanh and the logistic as polynomials: no libm, no table, no branch, so a loop over them
    vectorises; the same bits on every IEEE machine (nothing is fused; the build sets -ffp-contract=off).

    Above: the cell op of nn/kernel_body.h, the sampler, and the trainer, so that training forward over T tokens is T
    steps of playing. Below: nothing.

    Largest errors over the whole range, found by tests/test_activation.c: exp 1.01 ulp, logistic 2.32 ulp, tanh 2.49 ulp
    (tanh is exact in the limit: it reaches +-1 and, for small x, x). */
#ifndef PMT_NN_ACTIVATION_H
#define PMT_NN_ACTIVATION_H

#include "base/attributes.h"

#include <stdint.h>
#include <string.h>

static inline uint32_t pmt_bits(const float value) PMT_RT {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float pmt_float(const uint32_t bits) PMT_RT {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/** `condition ? a : b` by masking: GCC makes jumps of the operator, threads them, and then vectorises nothing. */
static inline float pmt_select(const int condition, const float a, const float b) PMT_RT {
  const uint32_t mask = 0u - (uint32_t)condition;
  return pmt_float((pmt_bits(a) & mask) | (pmt_bits(b) & ~mask));
}

/** x within lo..hi; NaN counts as lo. */
static inline float pmt_clamp(float x, const float lo, const float hi) PMT_RT {
  x = pmt_select(x > lo, x, lo);
  return pmt_select(x < hi, x, hi);
}

/** e^x = scale + scale * rest, |rest| < 0.42 and scale a power of two: the two ways to add 1 or to leave it out. */
typedef struct {
  float scale, rest;
} PmtExpParts;

/** @param x within -88..88 */
static inline PmtExpParts pmt_exp_parts(const float x) PMT_RT {
  const float shift = 0x1.8p23f; /* adding it rounds to a whole number, which then stands in the low bits */
  const float shifted = x * 0x1.715476p+0f + shift;
  const float n = shifted - shift;
  const float r = x - n * 0x1.62e4p-1f - n * 0x1.7f7d1cp-20f; /* ln 2 in two parts: the first product is exact */
  const float p = 0x1p-1f + r * (0x1.5554dcp-3f + r * (0x1.555518p-5f + r * (0x1.120cp-7f + r * 0x1.6d119ap-10f)));
  return (PmtExpParts){.scale = pmt_float((pmt_bits(shifted) + 127u) << 23), .rest = r + r * r * p};
}

/** e^x; x is clamped to -87..88, and NaN counts as -87. */
static inline float pmt_exp(const float x) PMT_RT {
  const PmtExpParts e = pmt_exp_parts(pmt_clamp(x, -87.0f, 88.0f));
  return e.scale + e.scale * e.rest;
}

/** 1 / (1 + e^-x), x clamped to -87..87: never denormal. */
static inline float pmt_sigmoid(const float x) PMT_RT {
  const PmtExpParts e = pmt_exp_parts(-pmt_clamp(x, -87.0f, 87.0f));
  return 1.0f / (1.0f + (e.scale + e.scale * e.rest));
}

/** From e^2x - 1, which keeps its relative precision near zero. */
static inline float pmt_tanh(const float x) PMT_RT {
  const PmtExpParts e = pmt_exp_parts(2.0f * pmt_clamp(x, -9.5f, 9.5f)); /* +-1 to the last bit from 9.02 on */
  const float minus_one = e.scale * e.rest + (e.scale - 1.0f);
  return minus_one / (minus_one + 2.0f);
}

/** Zero for what is below 2^-50. Weights, inputs and states pass through it, so no product of two of them is denormal
    (some CPUs take a hundred cycles for one): we need no control register that belongs to the host. Nobody hears
    2^-50. */
static inline float pmt_tame(const float value) PMT_RT {
  return pmt_select(pmt_select(value < 0.0f, -value, value) >= 0x1p-50f, value, 0.0f);
}

#endif
