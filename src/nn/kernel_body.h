/* SPDX-License-Identifier: ISC */
/* The kernels themselves, in plain C on GCC's vector type, compiled once for each instruction set by kernel_*.c, which
   says how wide a vector is (LANES), how many rows are summed side by side (ROWS), and the names.

   An addition takes four cycles and a row's additions form one chain, so ROWS / LANES chains must be in flight to keep
   two adders busy: eight. */
#include "nn/activation.h"
#include "nn/kernel.h"

typedef float Vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));

enum { VECS = ROWS / LANES, AHEAD_BYTES = 2048 };

_Static_assert(PMT_PANEL % ROWS == 0, "a panel is a whole number of passes");

/* ROWS rows of a panel: y = b + W x, columns ascending. */
static inline void run_rows(const float* restrict w, const uint32_t cols, const float* restrict b,
                            const float* restrict x, float* restrict y) {
  Vec sum[VECS];
  for (int k = 0; k < VECS; ++k) {
    sum[k] = *(const Vec*)(b + k * LANES);
  }
  for (uint32_t col = 0; col < cols; ++col, w += PMT_PANEL) {
    for (int line = 0; line < ROWS; line += 16) {
      __builtin_prefetch((const char*)(w + line) + AHEAD_BYTES);
    }
    for (int k = 0; k < VECS; ++k) {
      sum[k] += *(const Vec*)(w + k * LANES) * x[col];
    }
  }
  for (int k = 0; k < VECS; ++k) {
    *(Vec*)(y + k * LANES) = sum[k];
  }
}

void RUN_NAME(const float* const packed, const uint32_t cols, const float* const b, const float* const x,
              float* const y, const uint32_t first, const uint32_t n_panels) {
  for (uint32_t p = first; p < first + n_panels; ++p) {
    for (uint32_t row = 0; row < PMT_PANEL; row += ROWS) {
      const size_t at = (size_t)p * PMT_PANEL + row;
      run_rows(packed + (size_t)p * PMT_PANEL * cols + row, cols, b + at, x, y + at);
    }
  }
}

void CELL_NAME(const float* const restrict gates, const float* const restrict c, float* const restrict c_next,
               float* const restrict h) {
  for (int j = 0; j < PMT_CELL_UNITS; ++j) {
    const float in = pmt_sigmoid(gates[j]);
    const float forget = pmt_sigmoid(gates[PMT_CELL_UNITS + j]);
    const float candidate = pmt_tanh(gates[2 * PMT_CELL_UNITS + j]);
    const float out = pmt_sigmoid(gates[3 * PMT_CELL_UNITS + j]);
    c_next[j] = pmt_tame(forget * c[j] + in * candidate);
    h[j] = pmt_tame(out * pmt_tanh(c_next[j]));
  }
}
