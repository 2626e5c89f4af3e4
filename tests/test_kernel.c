/* SPDX-License-Identifier: ISC */
/* Every dispatch level against a naive reference, bit by bit: sizes with and without padding, any split into panels,
   two matrices in one panel, and the cell. */
#include "base/random.h"
#include "check.h"
#include "nn/activation.h"
#include "nn/kernel.h"
#include "nn/tensors.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static float noise(const uint64_t place, const uint64_t index) {
  return 2.0f * pmt_random_unit(7, place, index) - 1.0f;
}

static float* new_floats(const size_t n) {
  const size_t bytes = (n * sizeof(float) + 63) / 64 * 64;
  float* const values = aligned_alloc(64, bytes ? bytes : 64);
  CHECK(values);
  memset(values, 0, bytes);
  return values;
}

static bool same_bits(const float* const a, const float* const b, const size_t n) {
  return !memcmp(a, b, n * sizeof *a);
}

/* The law of kernel.h, spelled out: bias first, columns ascending, product then sum, each rounded. */
static float naive_row(const float* const w, const uint32_t cols, const float b, const float* const x) {
  float sum = b;
  for (uint32_t col = 0; col < cols; ++col) {
    const volatile float product = w[col] * x[col];
    sum += product;
  }
  return sum;
}

typedef struct {
  uint32_t rows, cols;
  float *w, *b, *x;     /* row-major w */
  float *packed, *wanted;
} Case;

static Case new_case(const uint32_t rows, const uint32_t cols) {
  const uint32_t padded = pmt_panel_count(rows) * PMT_PANEL;
  Case c = {rows, cols, new_floats((size_t)rows * cols), new_floats(padded), new_floats(cols), NULL, NULL};
  c.packed = new_floats(pmt_packed_floats(rows, cols));
  c.wanted = new_floats(padded);
  for (size_t i = 0; i < (size_t)rows * cols; ++i) {
    c.w[i] = noise(1, i);
  }
  for (uint32_t i = 0; i < cols; ++i) {
    c.x[i] = noise(2, i);
  }
  for (uint32_t i = 0; i < rows; ++i) {
    c.b[i] = noise(3, i);
    c.wanted[i] = naive_row(c.w + (size_t)i * cols, cols, c.b[i], c.x);
  }
  pmt_panels_pack(c.packed, cols, 0, 0, c.w, rows, cols);
  return c;
}

static void free_case(Case* const c) {
  free(c->w);
  free(c->b);
  free(c->x);
  free(c->packed);
  free(c->wanted);
}

static void check_level(const PmtKernel* const kernel, const Case* const c) {
  const uint32_t panels = pmt_panel_count(c->rows);
  float* const whole = new_floats((size_t)panels * PMT_PANEL);
  float* const pieces = new_floats((size_t)panels * PMT_PANEL);
  kernel->run(c->packed, c->cols, c->b, c->x, whole, 0, panels);
  CHECKF(same_bits(whole, c->wanted, c->rows), "%s, %u x %u", kernel->name, c->rows, c->cols);
  for (uint32_t p = panels; p-- > 0;) {
    kernel->run(c->packed, c->cols, c->b, c->x, pieces, p, 1);
  }
  CHECKF(same_bits(whole, pieces, (size_t)panels * PMT_PANEL), "%s, panel by panel", kernel->name);
  for (uint32_t row = c->rows; row < panels * PMT_PANEL; ++row) {
    CHECKF(whole[row] == 0.0f, "%s: padded row %u", kernel->name, row);
  }
  free(whole);
  free(pieces);
}

/* The same weights, as near as 16 bits come, in both forms: every magnitude there is, subnormal ones and zeros too. */
static void check_halves(const PmtKernel* const kernel, const Case* const c) {
  const uint32_t panels = pmt_panel_count(c->rows);
  const size_t n = (size_t)c->rows * c->cols;
  float* const w = new_floats(n);
  float* const packed = new_floats(pmt_packed_floats(c->rows, c->cols));
  uint16_t* const halves = (uint16_t*)new_floats(pmt_packed_floats(c->rows, c->cols)); /* zeroed, and room enough */
  float* const wide = new_floats((size_t)panels * PMT_PANEL);
  float* const narrow = new_floats((size_t)panels * PMT_PANEL);
  for (size_t i = 0; i < n; ++i) {
    w[i] = i % 97 == 0 ? 65504.0f : i % 89 == 0 ? -0x1p-24f : pmt_half_rounded(ldexpf(c->w[i], (int)(i % 40) - 24));
  }
  pmt_panels_pack(packed, c->cols, 0, 0, w, c->rows, c->cols);
  pmt_panels_pack_half(halves, c->cols, 0, 0, w, c->rows, c->cols);
  kernel->run(packed, c->cols, c->b, c->x, wide, 0, panels);
  kernel->run_half(halves, c->cols, c->b, c->x, narrow, 0, panels);
  CHECKF(same_bits(wide, narrow, (size_t)panels * PMT_PANEL), "%s, %u x %u in 16 bits", kernel->name, c->rows, c->cols);
  for (uint32_t p = panels; p-- > 0;) {
    kernel->run_half(halves, c->cols, c->b, c->x, narrow, p, 1);
  }
  CHECKF(same_bits(wide, narrow, (size_t)panels * PMT_PANEL), "%s, panel by panel in 16 bits", kernel->name);
  free(w);
  free(packed);
  free(halves);
  free(wide);
  free(narrow);
}

static void check_products(void) {
  static const uint32_t rows[] = {1, 63, 64, 65, 200, 640};
  static const uint32_t cols[] = {1, 2, 17, 96, 255, 576};
  const PmtKernel* kernels = NULL;
  const size_t n = pmt_kernels(&kernels);
  for (unsigned r = 0; r < sizeof rows / sizeof *rows; ++r) {
    for (unsigned k = 0; k < sizeof cols / sizeof *cols; ++k) {
      Case c = new_case(rows[r], cols[k]);
      for (size_t i = 0; i < n; ++i) {
        check_level(&kernels[i], &c);
        if (kernels[i].run_half) {
          check_halves(&kernels[i], &c);
        }
      }
      free_case(&c);
    }
  }
}

/* The comparison above means something only if another order gives other bits. */
static void check_order_is_audible_to_the_test(void) {
  Case c = new_case(64, 255);
  unsigned differ = 0;
  for (uint32_t row = 0; row < c.rows; ++row) {
    float sum = c.b[row];
    for (uint32_t col = c.cols; col-- > 0;) {
      const volatile float product = c.w[row * c.cols + col] * c.x[col];
      sum += product;
    }
    differ += sum != c.wanted[row];
  }
  CHECK(differ > 16);
  free_case(&c);
}

/* [A | B] in shared panels, with B's rows put in pieces: as if it were one matrix. */
static void check_shared_panels(void) {
  enum { ROWS = 100, LEFT = 5, RIGHT = 8, COLS = LEFT + RIGHT };
  Case c = new_case(ROWS, COLS);
  float* const left = new_floats(ROWS * LEFT);
  float* const right = new_floats(ROWS * RIGHT);
  for (uint32_t row = 0; row < ROWS; ++row) {
    memcpy(left + row * LEFT, c.w + row * COLS, LEFT * sizeof(float));
    memcpy(right + row * RIGHT, c.w + row * COLS + LEFT, RIGHT * sizeof(float));
  }
  float* const packed = new_floats(pmt_packed_floats(ROWS, COLS));
  pmt_panels_pack(packed, COLS, 0, 0, left, ROWS, LEFT);
  pmt_panels_pack(packed, COLS, 0, LEFT, right, 70, RIGHT);
  pmt_panels_pack(packed, COLS, 70, LEFT, right + 70 * RIGHT, ROWS - 70, RIGHT);
  CHECK(same_bits(packed, c.packed, pmt_packed_floats(ROWS, COLS)));
  free(left);
  free(right);
  free(packed);
  free_case(&c);
}

static void check_cells(void) {
  const PmtKernel* kernels = NULL;
  const size_t n = pmt_kernels(&kernels);
  enum { UNITS = PMT_CELL_UNITS };
  for (uint64_t round = 0; round < 2000; ++round) {
    _Alignas(64) float gates[PMT_PANEL], c[UNITS], c_next[UNITS], h[UNITS], wanted_c[UNITS], wanted_h[UNITS];
    const float range = round % 4 ? 4.0f : 200.0f;
    for (uint64_t j = 0; j < PMT_PANEL; ++j) {
      gates[j] = range * noise(round, j);
    }
    for (uint64_t j = 0; j < UNITS; ++j) {
      c[j] = round % 8 == 1 ? 1e-25f : 3.0f * noise(round, 100 + j);
      wanted_c[j] = pmt_tame(pmt_sigmoid(gates[UNITS + j]) * c[j] +
                             pmt_sigmoid(gates[j]) * pmt_tanh(gates[2 * UNITS + j]));
      wanted_h[j] = pmt_tame(pmt_sigmoid(gates[3 * UNITS + j]) * pmt_tanh(wanted_c[j]));
    }
    for (size_t i = 0; i < n; ++i) {
      kernels[i].cell(gates, c, c_next, h);
      CHECKF(same_bits(c_next, wanted_c, UNITS) && same_bits(h, wanted_h, UNITS), "%s, round %llu", kernels[i].name,
             (unsigned long long)round);
    }
  }
}

/* No product of two tamed numbers is denormal, and taming changes nothing audible. */
static void check_tame(void) {
  CHECK(pmt_tame(0x1p-51f) == 0.0f && pmt_tame(-0x1p-51f) == 0.0f && pmt_tame(-0x1p-50f) == -0x1p-50f);
  CHECK(pmt_tame(1.5f) == 1.5f && pmt_tame(-1e30f) == -1e30f);
  const float w[1] = {1e-30f};
  float* const packed = new_floats(pmt_packed_floats(1, 1));
  packed[0] = 1.0f;
  pmt_panels_pack(packed, 1, 0, 0, w, 1, 1);
  CHECK(packed[0] == 0.0f);
  free(packed);
}

int main(void) {
  const PmtKernel* kernels = NULL;
  const size_t n = pmt_kernels(&kernels);
  CHECK(n >= 1 && !strcmp(kernels[n - 1].name, "portable"));
  for (size_t i = 0; i < n; ++i) {
    printf("%s%s", i ? ", " : "kernels: ", kernels[i].name);
  }
  printf("\n");
  check_products();
  check_order_is_audible_to_the_test();
  check_shared_panels();
  check_cells();
  check_tame();
  return 0;
}
