/* SPDX-License-Identifier: ISC */
/* The kernels themselves, in plain C on GCC's vector type, compiled once for each instruction set by kernel_*.c, which
   says how wide a vector is (LANES), the names (NAME) and, where there is an instruction for it, how LANES halves are widened
   (WIDEN). Above: net_rnn.c and net_tf.c, through nn/kernel.c's
   table. Below: nothing.

   An addition takes four cycles and a row's additions form one chain, so eight chains keep two adders busy. A panel has
   four (16 lanes), eight (8) or sixteen (4): with four the adders idle half of the time, but no memory feeds them
   faster; with sixteen the sums fill the registers, and still win over two passes of eight, which read memory in bits
   of 128 bytes. */
#include "nn/activation.h"
#include "nn/kernel.h"

#include <math.h>
#include <stdbool.h>

typedef float Vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));
typedef int32_t Bits __attribute__((vector_size(LANES * sizeof(float)), may_alias));

/* 2 KiB ahead hides the start of the next panel behind the cells of this one. Beyond the last panel it prefetches what
   nobody needs; that is allowed anywhere. */
enum { VECS = PMT_PANEL / LANES, AHEAD = 2048, LINE = 64 };

/* LANES weights, of 32 bits or of 16. */
static inline __attribute__((always_inline)) Vec weights(const unsigned char* const w, const bool half) {
#ifdef WIDEN
  return half ? (Vec)WIDEN(w) : *(const Vec*)w;
#else
  (void)half;
  return *(const Vec*)w;
#endif
}

/* One panel, columns ascending. @param half a constant */
static inline __attribute__((always_inline)) void run_panel(const unsigned char* restrict w, const bool half,
                                                            const uint32_t cols, const float* restrict b,
                                                            const float* restrict x, float* restrict y) {
  const size_t size = half ? sizeof(uint16_t) : sizeof(float);
  Vec sum[VECS];
  for (int k = 0; k < VECS; ++k) {
    sum[k] = *(const Vec*)(b + k * LANES);
  }
  for (uint32_t col = 0; col < cols; ++col, w += PMT_PANEL * size) {
    for (size_t line = 0; line < PMT_PANEL * size; line += LINE) {
      __builtin_prefetch(w + AHEAD + line);
    }
    for (int k = 0; k < VECS; ++k) {
      sum[k] += weights(w + (size_t)k * LANES * size, half) * x[col];
    }
  }
  for (int k = 0; k < VECS; ++k) {
    *(Vec*)(y + k * LANES) = sum[k];
  }
}

void NAME(panels_run)(const float* const packed, const uint32_t cols, const float* const b, const float* const x,
                      float* const y, const uint32_t first, const uint32_t n_panels) {
  for (uint32_t p = first; p < first + n_panels; ++p) {
    const size_t row = (size_t)p * PMT_PANEL;
    run_panel((const unsigned char*)(packed + row * cols), false, cols, b + row, x, y + row);
  }
}

#ifdef WIDEN
void NAME(halves_run)(const uint16_t* const packed, const uint32_t cols, const float* const b, const float* const x,
                      float* const y, const uint32_t first, const uint32_t n_panels) {
  for (uint32_t p = first; p < first + n_panels; ++p) {
    const size_t row = (size_t)p * PMT_PANEL;
    run_panel((const unsigned char*)(packed + row * cols), true, cols, b + row, x, y + row);
  }
}
#endif

void NAME(cell_run)(const float* const restrict gates, const float* const restrict c,
                    float* const restrict c_next, float* const restrict h) {
  for (int j = 0; j < PMT_CELL_UNITS; ++j) {
    const float in = pmt_sigmoid(gates[j]);
    const float forget = pmt_sigmoid(gates[PMT_CELL_UNITS + j]);
    const float candidate = pmt_tanh(gates[2 * PMT_CELL_UNITS + j]);
    const float out = pmt_sigmoid(gates[3 * PMT_CELL_UNITS + j]);
    c_next[j] = pmt_tame(forget * c[j] + in * candidate);
    h[j] = pmt_tame(out * pmt_tanh(c_next[j]));
  }
}

void NAME(gru_run)(const float* const restrict gates, const float* const restrict input,
                   const float* const restrict h, float* const restrict h_next) {
  for (int j = 0; j < PMT_PANEL; ++j) {
    const float reset = pmt_sigmoid(gates[j]);
    const float keep = pmt_sigmoid(gates[PMT_PANEL + j]);
    const float candidate = pmt_tanh(input[j] + reset * gates[2 * PMT_PANEL + j]);
    h_next[j] = pmt_tame((1.0f - keep) * candidate + keep * h[j]);
  }
}

void NAME(tanh_run)(const float* const restrict x, float* const restrict y) {
  for (int j = 0; j < PMT_PANEL; ++j) {
    y[j] = pmt_tame(pmt_tanh(x[j]));
  }
}

/* ---- Transformer ------------------------------------------------------------------------------------------------- */

enum { SUMS = 16 }; /* lanes of a sum, on every machine */

void NAME(norm_run)(const float* const restrict x, const float* const restrict gain, const uint32_t d,
                    const uint32_t d_pad, float* const restrict y) {
  Vec sum[SUMS / LANES] = {{0}};
  for (uint32_t i = 0; i < d_pad; i += SUMS) {
    for (int k = 0; k < SUMS / LANES; ++k) {
      const Vec v = *(const Vec*)(x + i + k * LANES);
      sum[k] += v * v;
    }
  }
  _Alignas(64) float lane[SUMS];
  for (int k = 0; k < SUMS / LANES; ++k) {
    *(Vec*)(lane + k * LANES) = sum[k];
  }
  for (int half = SUMS / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      lane[i] += lane[i + half];
    }
  }
  const float scale = 1.0f / sqrtf(lane[0] / (float)d + 1e-5f);
  for (uint32_t i = 0; i < d_pad; ++i) {
    y[i] = pmt_tame(x[i] * scale * gain[i]);
  }
}

static inline float settle(const float x) {
  return pmt_tame(pmt_clamp(x, -PMT_NET_LIMIT, PMT_NET_LIMIT));
}

void NAME(settle_run)(float* const x) {
  for (int j = 0; j < PMT_PANEL; ++j) {
    x[j] = settle(x[j]);
  }
}

/* (1 + tanh(y)) / 2 is the logistic of 2 y, which keeps its precision where the result is small. */
void NAME(gelu_run)(float* const x) {
  for (int j = 0; j < PMT_PANEL; ++j) {
    const float y = settle(x[j]);
    x[j] = settle(y * pmt_sigmoid(1.5957691216f * (y * (1.0f + 0.044715f * (y * y)))));
  }
}

static inline Vec greater(const Vec a, const Vec b) {
  const Bits mask = a > b;
  return (Vec)(((Bits)a & mask) | ((Bits)b & ~mask));
}

float NAME(top_run)(const float* const x, const uint32_t n, const float least) {
  Vec top[4];
  for (int k = 0; k < 4; ++k) {
    top[k] = (Vec){0} + least;
  }
  for (uint32_t i = 0; i < n; i += 4 * LANES) {
    for (int k = 0; k < 4; ++k) {
      top[k] = greater(*(const Vec*)(x + i + k * LANES), top[k]);
    }
  }
  const Vec all = greater(greater(top[0], top[1]), greater(top[2], top[3]));
  float greatest = least;
  for (int k = 0; k < LANES; ++k) {
    greatest = all[k] > greatest ? all[k] : greatest;
  }
  return greatest;
}

void NAME(weigh_run)(float* const x, const uint32_t n, const float top) {
  for (uint32_t i = 0; i < n; ++i) {
    x[i] = pmt_tame(pmt_exp(x[i] - top));
  }
}

/* With a constant number of vectors, so that the sums stay in registers. */
static inline __attribute__((always_inline)) void blend(const float* v, const int vecs, const float* const w,
                                                        const uint32_t n, float* const sum, float* const total) {
  Vec sums[PMT_PANEL / LANES];
  float all = *total;
  for (int k = 0; k < vecs; ++k) {
    sums[k] = *(const Vec*)(sum + k * LANES);
  }
  for (uint32_t j = 0; j < n; ++j, v += vecs * LANES) {
    for (int line = 0; line < vecs * LANES; line += LINE / (int)sizeof(float)) {
      __builtin_prefetch((const unsigned char*)(v + line) + AHEAD);
    }
    for (int k = 0; k < vecs; ++k) {
      sums[k] += *(const Vec*)(v + k * LANES) * w[j];
    }
    all += w[j];
  }
  for (int k = 0; k < vecs; ++k) {
    *(Vec*)(sum + k * LANES) = sums[k];
  }
  *total = all;
}

void NAME(blend_run)(const float* const v, const uint32_t width, const float* const w, const uint32_t n,
                     float* const sum, float* const total) {
  switch (width) {
  case 16: blend(v, 16 / LANES, w, n, sum, total); break;
  case 32: blend(v, 32 / LANES, w, n, sum, total); break;
  case 48: blend(v, 48 / LANES, w, n, sum, total); break;
  default: blend(v, 64 / LANES, w, n, sum, total); break;
  }
}
