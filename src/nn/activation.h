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

/** e^x = scale + scale * rest, |rest| < 0.42 and scale a power of two: the two ways to add 1 or to leave it out. */
typedef struct {
  float scale, rest;
} PmtExpParts;

/** @param x within -87..88 */
static inline PmtExpParts pmt_exp_parts(const float x) PMT_RT {
  const float shift = 0x1.8p23f; /* adding it rounds to a whole number, which then stands in the low bits */
  const float shifted = x * 0x1.715476p+0f + shift;
  const float n = shifted - shift;
  const float r = x - n * 0x1.62e4p-1f - n * 0x1.7f7d1cp-20f; /* ln 2 in two parts: the first product is exact */
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127u) << 23;
  PmtExpParts e;
  memcpy(&e.scale, &bits, sizeof bits);
  const float p = 0x1p-1f + r * (0x1.5554dcp-3f + r * (0x1.555518p-5f + r * (0x1.120cp-7f + r * 0x1.6d119ap-10f)));
  e.rest = r + r * r * p;
  return e;
}

/** e^x; x is clamped to -87..88, and NaN counts as -87. */
static inline float pmt_exp(float x) PMT_RT {
  x = x > -87.0f ? x : -87.0f;
  x = x < 88.0f ? x : 88.0f;
  const PmtExpParts e = pmt_exp_parts(x);
  return e.scale + e.scale * e.rest;
}

/** 1 / (1 + e^-x); never below e^-87, so never denormal. */
static inline float pmt_sigmoid(const float x) PMT_RT {
  return 1.0f / (1.0f + pmt_exp(x > -87.0f ? -x : 87.0f));
}

/** From e^2x - 1, which keeps its relative precision near zero. */
static inline float pmt_tanh(float x) PMT_RT {
  x = x > -9.5f ? x : -9.5f; /* +-1 to the last bit from 9.02 on */
  x = x < 9.5f ? x : 9.5f;
  const PmtExpParts e = pmt_exp_parts(2.0f * x);
  const float minus_one = e.scale * e.rest + (e.scale - 1.0f);
  return minus_one / (minus_one + 2.0f);
}

#endif
