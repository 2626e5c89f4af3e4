/* SPDX-License-Identifier: ISC */
/** @file activation.h  exp, tanh and the logistic as polynomials: no libm, no table, vectorised by the compiler, the
    same bits on every IEEE machine (no fused multiply-add is used; the build sets -ffp-contract=off).

    Errors over the whole range, measured by tests/test_activation.c: see there. Used by the audio thread and by the
    sampler; the trainer uses the same so that forward over T equals T steps. */
#ifndef PMT_NN_ACTIVATION_H
#define PMT_NN_ACTIVATION_H

#include "base/attributes.h"

#include <stdint.h>

/** exp(x), x clamped to [-87, 88]. */
static inline float pmt_exp(float x) PMT_RT;
/** 1 / (1 + exp(-x)) */
static inline float pmt_sigmoid(float x) PMT_RT;
static inline float pmt_tanh(float x) PMT_RT;

#include "nn/activation_impl.h"

#endif
