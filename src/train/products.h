/* SPDX-License-Identifier: ISC */
/** @file products.h  The three matrix products of a linear layer, row-major, by a one-thread sgemm. */
#ifndef PMT_TRAIN_PRODUCTS_H
#define PMT_TRAIN_PRODUCTS_H

#include <cblas.h>
#include <stddef.h>
#include <stdint.h>

/** y[rows, out] = x[rows, in] W^T, W [out, in] */
static inline void pmt_product_forward(size_t rows, uint32_t in, uint32_t out, const float* x, const float* w, float* y) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)out, (int)in, 1.0f, x, (int)in, w, (int)in, 0.0f,
              y, (int)out);
}

/** dx[rows, in] = dy[rows, out] W */
static inline void pmt_product_input(size_t rows, uint32_t in, uint32_t out, const float* dy, const float* w, float* dx) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)in, (int)out, 1.0f, dy, (int)out, w, (int)in,
              0.0f, dx, (int)in);
}

/** The same, added to dx. */
static inline void pmt_product_input_add(size_t rows, uint32_t in, uint32_t out, const float* dy, const float* w,
                                         float* dx) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)in, (int)out, 1.0f, dy, (int)out, w, (int)in,
              1.0f, dx, (int)in);
}

/** dW[out, in] += dy^T x */
static inline void pmt_product_weights(size_t rows, uint32_t in, uint32_t out, const float* dy, const float* x,
                                       float* dw) {
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)out, (int)in, (int)rows, 1.0f, dy, (int)out, x, (int)in,
              1.0f, dw, (int)in);
}

#endif
