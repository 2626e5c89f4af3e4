/* SPDX-License-Identifier: ISC */
/* The kernels themselves, in plain C on GCC's vector type, compiled once for each instruction set by kernel_*.c, which
   says how wide a vector is (LANES) and the names (NAME). Above: nn/recurrent.c, through nn/kernel.c's table. Below:
   nothing.

   An addition takes four cycles and a row's additions form one chain, so eight chains keep two adders busy. A panel has
   four (16 lanes), eight (8) or sixteen (4): with four the adders idle half of the time, but no memory feeds them
   faster; with sixteen the sums fill the registers, and still win over two passes of eight, which read memory in bits
   of 128 bytes. */
#include "nn/activation.h"
#include "nn/kernel.h"

typedef float Vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));

/* 2 KiB ahead hides the start of the next panel behind the cells of this one. Beyond the last panel it prefetches what
   nobody needs; that is allowed anywhere. */
enum { VECS = PMT_PANEL / LANES, AHEAD = 512, LINE = 16 };

/* One panel, columns ascending. */
static inline void run_panel(const float* restrict w, const uint32_t cols, const float* restrict b,
                             const float* restrict x, float* restrict y) {
  Vec sum[VECS];
  for (int k = 0; k < VECS; ++k) {
    sum[k] = *(const Vec*)(b + k * LANES);
  }
  for (uint32_t col = 0; col < cols; ++col, w += PMT_PANEL) {
    for (int line = 0; line < PMT_PANEL; line += LINE) {
      __builtin_prefetch(w + AHEAD + line);
    }
    for (int k = 0; k < VECS; ++k) {
      sum[k] += *(const Vec*)(w + k * LANES) * x[col];
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
    run_panel(packed + row * cols, cols, b + row, x, y + row);
  }
}

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
