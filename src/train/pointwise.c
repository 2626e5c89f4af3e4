/* SPDX-License-Identifier: ISC */
/** @file pointwise.c  See pointwise.h. Loops are plain so that the compiler vectorises them; sums keep 16 lanes so that
    their order is the same whatever the width. */
#include "train/pointwise.h"

#include "base/random.h"
#include "nn/activation.h"
#include "train/simd.h"

#include <math.h>
#include <string.h>

enum { LANES = 16 };

PMT_WIDE void pmt_point_lstm(uint32_t h, float* restrict gates, const float* restrict bias, const float* restrict c_in,
                             float* restrict c, float* restrict tanh_c, float* restrict out) {
  for (uint32_t j = 0; j < h; ++j) {
    const float i = pmt_sigmoid(gates[j] + bias[j]);
    const float f = pmt_sigmoid(gates[h + j] + bias[h + j]);
    const float g = pmt_tanh(gates[2 * h + j] + bias[2 * h + j]);
    const float o = pmt_sigmoid(gates[3 * h + j] + bias[3 * h + j]);
    const float cell = f * c_in[j] + i * g;
    const float t = pmt_tanh(cell);
    gates[j] = i;
    gates[h + j] = f;
    gates[2 * h + j] = g;
    gates[3 * h + j] = o;
    c[j] = cell;
    tanh_c[j] = t;
    out[j] = o * t;
  }
}

PMT_WIDE void pmt_point_lstm_backward(uint32_t h, float* restrict gates, const float* restrict c_in,
                                      const float* restrict tanh_c, const float* restrict dh, float* restrict d_rec,
                                      float* restrict dc) {
  for (uint32_t j = 0; j < h; ++j) {
    const float i = gates[j], f = gates[h + j], g = gates[2 * h + j], o = gates[3 * h + j];
    const float dout = dh[j] + d_rec[j];
    const float t = tanh_c[j];
    const float dcell = dout * o * (1.0f - t * t) + dc[j];
    gates[j] = dcell * g * i * (1.0f - i);
    gates[h + j] = dcell * c_in[j] * f * (1.0f - f);
    gates[2 * h + j] = dcell * i * (1.0f - g * g);
    gates[3 * h + j] = dout * t * o * (1.0f - o);
    dc[j] = dcell * f;
    d_rec[j] = 0.0f;
  }
}

PMT_WIDE void pmt_point_gru(uint32_t h, float* restrict gates, float* restrict hidden, const float* restrict bias,
                            const float* restrict hidden_bias, const float* restrict h_in, float* restrict out) {
  for (uint32_t j = 0; j < h; ++j) {
    const float r = pmt_sigmoid(gates[j] + bias[j] + hidden[j] + hidden_bias[j]);
    const float z = pmt_sigmoid(gates[h + j] + bias[h + j] + hidden[h + j] + hidden_bias[h + j]);
    const float back = hidden[2 * h + j] + hidden_bias[2 * h + j];
    const float n = pmt_tanh(gates[2 * h + j] + bias[2 * h + j] + r * back);
    gates[j] = r;
    gates[h + j] = z;
    gates[2 * h + j] = n;
    hidden[2 * h + j] = back;
    out[j] = (1.0f - z) * n + z * h_in[j];
  }
}

PMT_WIDE void pmt_point_gru_backward(uint32_t h, float* restrict gates, float* restrict hidden,
                                     const float* restrict h_in, const float* restrict dh, float* restrict d_rec) {
  for (uint32_t j = 0; j < h; ++j) {
    const float r = gates[j], z = gates[h + j], n = gates[2 * h + j];
    const float dout = dh[j] + d_rec[j];
    const float dn = dout * (1.0f - z) * (1.0f - n * n);
    const float dz = dout * (h_in[j] - n) * z * (1.0f - z);
    const float dr = dn * hidden[2 * h + j] * r * (1.0f - r);
    gates[j] = hidden[j] = dr;
    gates[h + j] = hidden[h + j] = dz;
    gates[2 * h + j] = dn;
    hidden[2 * h + j] = dn * r;
    d_rec[j] = dout * z;
  }
}

PMT_WIDE void pmt_point_rnn(uint32_t h, const float* restrict sums, const float* restrict bias, float* restrict out) {
  for (uint32_t j = 0; j < h; ++j) { out[j] = pmt_tanh(sums[j] + bias[j]); }
}

PMT_WIDE void pmt_point_rnn_backward(uint32_t h, float* restrict sums, const float* restrict out,
                                     const float* restrict dh, float* restrict d_rec) {
  for (uint32_t j = 0; j < h; ++j) {
    sums[j] = (dh[j] + d_rec[j]) * (1.0f - out[j] * out[j]);
    d_rec[j] = 0.0f;
  }
}

/* The maximum and the sum run in 16 lanes: without -ffast-math the compiler may not reorder a single sum itself. */
static inline __attribute__((always_inline)) float max_of(uint32_t n, const float* x) {
  float lane[LANES];
  for (uint32_t k = 0; k < LANES; ++k) { lane[k] = -3.0e38f; }
  uint32_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (uint32_t k = 0; k < LANES; ++k) { lane[k] = x[i + k] > lane[k] ? x[i + k] : lane[k]; }
  }
  for (; i < n; ++i) { lane[0] = x[i] > lane[0] ? x[i] : lane[0]; }
  for (uint32_t k = 1; k < LANES; ++k) { lane[0] = lane[k] > lane[0] ? lane[k] : lane[0]; }
  return lane[0];
}

static inline __attribute__((always_inline)) float fold(const float lane[LANES]) {
  float sum = 0.0f;
  for (uint32_t k = 0; k < LANES; ++k) { sum += lane[k]; }
  return sum;
}

/** y = exp(x - top) for whole blocks of 16. A loop of its own, of a length unknown here: unrolled into what surrounds it the
    compiler would take it number by number. */
PMT_WIDE static __attribute__((noinline)) void exp_blocks(uint32_t n_blocks, const float* x, float top, float* y) {
  for (uint32_t i = 0; i < n_blocks * LANES; ++i) { y[i] = pmt_exp(x[i] - top); }
}

static inline __attribute__((always_inline)) void add_blocks(uint32_t n_blocks, const float* y, float* lane) {
  for (uint32_t i = 0; i < n_blocks * LANES; i += LANES) {
    for (uint32_t k = 0; k < LANES; ++k) { lane[k] += y[i + k]; }
  }
}

/** y = exp(x - top), in place allowed. @return the sum. The last, broken block is filled up and goes the same way. */
static inline __attribute__((always_inline)) float exp_row(uint32_t n, const float* x, float top, float* y) {
  const uint32_t whole = n / LANES, done = whole * LANES;
  float lane[LANES] = {0}, tail[LANES];
  exp_blocks(whole, x, top, y);
  add_blocks(whole, y, lane);
  if (done < n) {
    for (uint32_t k = 0; k < LANES; ++k) { tail[k] = done + k < n ? x[done + k] : top - 100.0f; }
    exp_blocks(1, tail, top, tail);
    add_blocks(1, tail, lane);
    memcpy(y + done, tail, (n - done) * sizeof *y);
  }
  return fold(lane);
}

PMT_WIDE float pmt_point_softmax(uint32_t n, float* logits) {
  const float top = max_of(n, logits);
  const float sum = exp_row(n, logits, top, logits);
  const float inverse = 1.0f / sum;
  for (uint32_t i = 0; i < n; ++i) { logits[i] *= inverse; }
  return top + logf(sum);
}

PMT_WIDE float pmt_point_log_sum(uint32_t n, const float* logits) {
  enum { PART = 512 };
  float part[PART], sum = 0.0f;
  const float top = max_of(n, logits);
  for (uint32_t i = 0; i < n; i += PART) { sum += exp_row(n - i < PART ? n - i : PART, logits + i, top, part); }
  return top + logf(sum);
}

PMT_WIDE void pmt_point_softmax_backward(uint32_t n, const float* restrict p, float* restrict ds, float a) {
  float lane[LANES] = {0};
  uint32_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (uint32_t k = 0; k < LANES; ++k) { lane[k] += p[i + k] * ds[i + k]; }
  }
  for (; i < n; ++i) { lane[0] += p[i] * ds[i]; }
  const float mean = fold(lane);
  for (i = 0; i < n; ++i) { ds[i] = a * p[i] * (ds[i] - mean); }
}

PMT_WIDE void pmt_point_slope(uint32_t n, float* scores, float slope) {
  for (uint32_t i = 0; i < n; ++i) { scores[i] -= slope * (float)(int32_t)(n - 1 - i); }
}

PMT_WIDE float pmt_point_rms(uint32_t n, const float* restrict x, const float* restrict gain, float* restrict y) {
  float lane[LANES] = {0};
  uint32_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (uint32_t k = 0; k < LANES; ++k) { lane[k] += x[i + k] * x[i + k]; }
  }
  for (; i < n; ++i) { lane[0] += x[i] * x[i]; }
  const float scale = 1.0f / __builtin_sqrtf(fold(lane) / (float)n + 1e-5f);
  for (i = 0; i < n; ++i) { y[i] = gain[i] * x[i] * scale; }
  return scale;
}

PMT_WIDE void pmt_point_rms_backward(uint32_t n, const float* restrict x, const float* restrict gain, float scale,
                                     const float* restrict dy, float* restrict dx, float* restrict d_gain) {
  float lane[LANES] = {0};
  uint32_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (uint32_t k = 0; k < LANES; ++k) { lane[k] += x[i + k] * gain[i + k] * dy[i + k]; }
  }
  for (; i < n; ++i) { lane[0] += x[i] * gain[i] * dy[i]; }
  const float along = fold(lane) * scale * scale * scale / (float)n;
  for (i = 0; i < n; ++i) {
    dx[i] += gain[i] * dy[i] * scale - x[i] * along;
    d_gain[i] += dy[i] * x[i] * scale;
  }
}

PMT_WIDE void pmt_point_gelu(uint32_t n, const float* restrict bias, float* restrict u, float* restrict g) {
  const float a = 0.7978845608f, b = 0.044715f; /* sqrt(2 / pi) */
  for (uint32_t i = 0; i < n; ++i) {
    const float x = u[i] + bias[i];
    const float t = pmt_tanh(a * (x + b * x * x * x));
    g[i] = 0.5f * x * (1.0f + t);
    u[i] = 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * a * (1.0f + 3.0f * b * x * x);
  }
}

PMT_WIDE void pmt_point_turn(uint32_t n, const float* restrict turn, float sign, const float* restrict x,
                             float* restrict y) {
  for (uint32_t i = 0; i < n; i += 2) {
    const float c = turn[i], s = sign * turn[i + 1];
    y[i] = x[i] * c - x[i + 1] * s;
    y[i + 1] = x[i] * s + x[i + 1] * c;
  }
}

PMT_WIDE void pmt_point_sum(size_t n, float* restrict y, const float* restrict a, const float* restrict b) {
  for (size_t i = 0; i < n; ++i) { y[i] = a[i] + b[i]; }
}

PMT_WIDE void pmt_point_multiply(size_t n, float* restrict y, const float* restrict x) {
  for (size_t i = 0; i < n; ++i) { y[i] *= x[i]; }
}

PMT_WIDE void pmt_point_add(size_t n, float* restrict y, const float* restrict x) {
  for (size_t i = 0; i < n; ++i) { y[i] += x[i]; }
}

PMT_WIDE void pmt_point_scale(size_t n, float* y, float a) {
  for (size_t i = 0; i < n; ++i) { y[i] *= a; }
}

PMT_WIDE void pmt_point_mask(size_t n, float* y, const float* x, const uint8_t* restrict mask, float a) {
  for (size_t i = 0; i < n; ++i) { y[i] = x[i] * ((float)mask[i] * a); }
}

PMT_WIDE void pmt_point_draw_mask(size_t n, uint8_t* restrict mask, float drop, uint64_t key) {
  const uint32_t limit = (uint32_t)(drop * 65536.0f);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const uint64_t bits = pmt_random_mix(key + i);
    mask[i] = (bits & 0xffff) >= limit;
    mask[i + 1] = (bits >> 16 & 0xffff) >= limit;
    mask[i + 2] = (bits >> 32 & 0xffff) >= limit;
    mask[i + 3] = bits >> 48 >= limit;
  }
  for (; i < n; ++i) { mask[i] = (pmt_random_mix(key + i) & 0xffff) >= limit; }
}

PMT_WIDE double pmt_point_square_sum(size_t n, const float* x) {
  double lane[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (size_t k = 0; k < LANES; ++k) { lane[k] += (double)x[i + k] * (double)x[i + k]; }
  }
  for (; i < n; ++i) { lane[0] += (double)x[i] * (double)x[i]; }
  double sum = 0.0;
  for (size_t k = 0; k < LANES; ++k) { sum += lane[k]; }
  return sum;
}

PMT_WIDE void pmt_point_adam(size_t n, float* restrict w, const float* restrict gradient, float* restrict m,
                             float* restrict v, const PmtAdam* adam) {
  const PmtAdam a = *adam;
  for (size_t i = 0; i < n; ++i) {
    const float g = gradient[i] * a.gradient_scale;
    m[i] = a.beta1 * m[i] + (1.0f - a.beta1) * g;
    v[i] = a.beta2 * v[i] + (1.0f - a.beta2) * g * g;
    const float step = m[i] * a.correct1 / (__builtin_sqrtf(v[i] * a.correct2) + a.eps);
    w[i] -= a.rate * (step + a.decay * w[i]);
  }
}

PMT_WIDE void pmt_point_average(size_t n, float* restrict average, const float* restrict w, float keep) {
  for (size_t i = 0; i < n; ++i) { average[i] = keep * average[i] + (1.0f - keep) * w[i]; }
}
