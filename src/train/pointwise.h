/* SPDX-License-Identifier: ISC */
/** @file pointwise.h  The loops between the matrix products, each compiled for every vector width (train/simd.h).

    Above: network.c and the bodies. Below: nn/activation.h, the same polynomials as the run time. */
#ifndef PMT_TRAIN_POINTWISE_H
#define PMT_TRAIN_POINTWISE_H

#include <stdint.h>
#include <stddef.h>

/** One stream, one step of an LSTM. @param gates (4h) sums in, activated i f g o out @param bias (4h) @param c_in (h)
    @param[out] c (h) @param[out] tanh_c (h) @param[out] out (h) */
void pmt_point_lstm(uint32_t h, float* gates, const float* bias, const float* c_in, float* c, float* tanh_c, float* out);

/** The reverse. @param gates (4h) activated in, d(sums) out @param dh (h) gradient of out from above, plus
    @param[in,out] d_rec (h) from the step after; what reaches h_in beside the matrix on return: nothing
    @param[in,out] dc (h) gradient of c from the step after, of c_in on return */
void pmt_point_lstm_backward(uint32_t h, float* gates, const float* c_in, const float* tanh_c, const float* dh,
                             float* d_rec, float* dc);

/** GRU. @param gates (3h) W_i a in, r z n out @param hidden (3h) W_h h in; its n part plus bias out */
void pmt_point_gru(uint32_t h, float* gates, float* hidden, const float* bias, const float* hidden_bias,
                   const float* h_in, float* out);
/** @param gates, hidden: of the input and the hidden sums on return @param[in,out] d_rec as above: z times the gradient */
void pmt_point_gru_backward(uint32_t h, float* gates, float* hidden, const float* h_in, const float* dh, float* d_rec);

/** RNN: out = tanh(sums + bias). */
void pmt_point_rnn(uint32_t h, const float* sums, const float* bias, float* out);
void pmt_point_rnn_backward(uint32_t h, float* sums, const float* out, const float* dh, float* d_rec);

/** y = gain * x / sqrt(mean of squares + 1e-5). @return 1 / that root */
float pmt_point_rms(uint32_t n, const float* x, const float* gain, float* y);
/** @param scale what forward returned @param[in,out] dx, d_gain are added to */
void pmt_point_rms_backward(uint32_t n, const float* x, const float* gain, float scale, const float* dy, float* dx,
                            float* d_gain);

/** g = gelu(u + bias) by tanh; u becomes the derivative there. */
void pmt_point_gelu(uint32_t n, const float* bias, float* u, float* g);

/** Turn pairs (2i, 2i+1) by the angles of `turn` (cosine, sine), or back with sign -1. */
void pmt_point_turn(uint32_t n, const float* turn, float sign, const float* x, float* y);

/** Softmax in place. @return log of the sum of exp, so that -log p(i) = return - logits[i] (before the call) */
float pmt_point_softmax(uint32_t n, float* logits);
/** The same without writing probabilities. */
float pmt_point_log_sum(uint32_t n, const float* logits);

/** d(softmax) stand in ds; they become d(scores) * a. */
void pmt_point_softmax_backward(uint32_t n, const float* p, float* ds, float a);
/** scores[n-1-i] -= slope * i */
void pmt_point_slope(uint32_t n, float* scores, float slope);

/** y = a + b, y *= x */
void pmt_point_sum(size_t n, float* y, const float* a, const float* b);
void pmt_point_multiply(size_t n, float* y, const float* x);
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
