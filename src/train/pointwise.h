/* SPDX-License-Identifier: ISC */
/** @file pointwise.h  The loops between the matrix products, each compiled for every vector width (train/simd.h).

    Above: lstm.c. Below: nn/activation.h, the same polynomials as the run time. */
#ifndef PMT_TRAIN_POINTWISE_H
#define PMT_TRAIN_POINTWISE_H

#include <stdint.h>
#include <stddef.h>

/** One stream, one step. @param gates (4h) sums in, activated i f g o out @param bias (4h) @param c_in (h)
    @param[out] c (h) @param[out] tanh_c (h) @param[out] out (h) */
void pmt_point_forward(uint32_t h, float* gates, const float* bias, const float* c_in, float* c, float* tanh_c,
                       float* out);

/** The reverse. @param gates (4h) activated in, d(sums) out @param dh (h) gradient of out from above, plus
    @param dh_rec (h) from the step after @param[in,out] dc (h) gradient of c from the step after, of c_in on return */
void pmt_point_backward(uint32_t h, float* gates, const float* c_in, const float* tanh_c, const float* dh,
                        const float* dh_rec, float* dc);

/** Softmax in place. @return log of the sum of exp, so that -log p(i) = return - logits[i] (before the call) */
float pmt_point_softmax(uint32_t n, float* logits);
/** The same without writing probabilities. */
float pmt_point_log_sum(uint32_t n, const float* logits);

/** y += x, y *= a, y = x * (mask ? a : 0) */
void pmt_point_add(size_t n, float* y, const float* x);
void pmt_point_scale(size_t n, float* y, float a);
void pmt_point_mask(size_t n, float* y, const float* x, const uint8_t* mask, float a);

/** mask[i] = 0 with probability about drop (1/65536 steps), keyed by `key`. */
void pmt_point_draw_mask(size_t n, uint8_t* mask, float drop, uint64_t key);

/** Sum of squares in 16 interleaved double sums: the order is fixed by n alone. */
double pmt_point_square_sum(size_t n, const float* x);

/** AdamW on a range, decoupled decay. correct1/2 = 1 / (1 - beta^t). */
typedef struct { float rate, beta1, beta2, eps, decay, correct1, correct2, gradient_scale; } PmtAdam;
void pmt_point_adam(size_t n, float* w, const float* gradient, float* m, float* v, const PmtAdam* adam);

/** average = keep * average + (1 - keep) * w */
void pmt_point_average(size_t n, float* average, const float* w, float keep);

#endif
