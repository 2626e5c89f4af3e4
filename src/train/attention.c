/* SPDX-License-Identifier: ISC */
/** @file attention.c  See attention.h. s_tj = (q_t . k_j + q_t . r_(t-j)) / sqrt(e) - slope (t - j), j <= t. */
#include "train/attention.h"

#include "train/pointwise.h"

#include <cblas.h>
#include <string.h>

enum { BLOCK = 64 };

/** Queries first .. first + n - 1 of a head, and the keys that any of them sees. */
typedef struct {
  uint32_t query, n;
  uint32_t key, n_keys;
  uint32_t far, n_far;  /* rows of the distance table in use: far .. far + n_far - 1, the last one is distance 0 */
} Block;

static Block block_at(const PmtAttention* a, uint32_t query) {
  Block b = {.query = query, .n = a->steps - query < BLOCK ? a->steps - query : BLOCK, .key = a->first[query]};
  b.n_keys = a->past + query + b.n - b.key;
  b.n_far = b.n_keys < a->reach ? b.n_keys : a->reach;
  b.far = a->reach - b.n_far;
  return b;
}

size_t pmt_attention_scratch(uint32_t steps, uint32_t past, uint32_t reach) {
  return (size_t)BLOCK * (steps + past + reach);
}

/** c[m, n] = alpha a[m, k] b[n, k]^T + beta c: rows by rows */
static void rows_by_rows(uint32_t m, uint32_t n, uint32_t k, float alpha, const float* a, uint32_t lda, const float* b,
                         uint32_t ldb, float beta, float* c, uint32_t ldc) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c,
              (int)ldc);
}

/** c[m, n] = a[m, k] b[k, n] + beta c */
static void rows_by_columns(uint32_t m, uint32_t n, uint32_t k, const float* a, uint32_t lda, const float* b, uint32_t ldb,
                            float beta, float* c, uint32_t ldc) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, a, (int)lda, b, (int)ldb, beta, c,
              (int)ldc);
}

/** c[m, n] += a[k, m]^T b[k, n] */
static void columns_by_columns(uint32_t m, uint32_t n, uint32_t k, const float* a, uint32_t lda, const float* b,
                               uint32_t ldb, float* c, uint32_t ldc) {
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, a, (int)lda, b, (int)ldb, 1.0f, c,
              (int)ldc);
}

/** The skew: of a row by distance, [far .. 0], the end lies over the keys up to the query's own; keys before it are as
    far as the first. */
typedef struct {
  uint32_t begin;  /* column of the first key that is seen */
  uint32_t n;      /* keys seen */
  uint32_t n_more; /* of them beyond the table */
} Skew;

/** @param i query of the block */
static Skew skew(const PmtAttention* a, const Block* b, uint32_t i) {
  const uint32_t seen = a->first[b->query + i], n = a->past + b->query + i + 1 - seen;
  return (Skew){.begin = seen - b->key, .n = n, .n_more = n > b->n_far ? n - b->n_far : 0};
}

static void add_distances(const PmtAttention* a, const Block* b, const float* by_distance, float* scores) {
  for (uint32_t i = 0; i < b->n; ++i) {
    const Skew s = skew(a, b, i);
    const float* from = by_distance + (size_t)i * b->n_far;
    float* row = scores + (size_t)i * (a->past + a->steps) + s.begin;
    for (uint32_t j = 0; j < s.n_more; ++j) { row[j] += from[0]; }
    pmt_point_add(s.n - s.n_more, row + s.n_more, from + b->n_far - (s.n - s.n_more));
  }
}

static void gather_distances(const PmtAttention* a, const Block* b, const float* d_scores, float* d_by_distance) {
  memset(d_by_distance, 0, (size_t)b->n * b->n_far * sizeof *d_by_distance);
  for (uint32_t i = 0; i < b->n; ++i) {
    const Skew s = skew(a, b, i);
    const float* row = d_scores + (size_t)i * (a->past + a->steps) + s.begin;
    float* to = d_by_distance + (size_t)i * b->n_far;
    memcpy(to + b->n_far - (s.n - s.n_more), row + s.n_more, (s.n - s.n_more) * sizeof *to);
    for (uint32_t j = 0; j < s.n_more; ++j) { to[0] += row[j]; }
  }
}

/** Scores of a block become its softmax; what a query does not see becomes zero. */
static void normalise(const PmtAttention* a, const Block* b, float slope, float* p) {
  for (uint32_t i = 0; i < b->n; ++i) {
    const uint32_t own = a->past + b->query + i, seen = a->first[b->query + i];
    float* row = p + (size_t)i * (a->past + a->steps);
    memset(row, 0, (seen - b->key) * sizeof *row);
    memset(row + (own + 1 - b->key), 0, (b->n_keys - (own + 1 - b->key)) * sizeof *row);
    row += seen - b->key;
    if (slope != 0.0f) { pmt_point_slope(own - seen + 1, row, slope); }
    pmt_point_softmax(own - seen + 1, row);
  }
}

void pmt_attention_forward(const PmtAttention* a, const float* q, const float* k, const float* v, float* p, float* scratch,
                           float* out) {
  const uint32_t e = a->e, d = a->heads * e, keys = a->past + a->steps;
  const float scale = 1.0f / __builtin_sqrtf((float)e);
  for (uint32_t h = 0; h < a->heads; ++h) {
    const float *qh = q + (size_t)h * a->steps * e, *kh = k + (size_t)h * keys * e, *vh = v + (size_t)h * keys * e;
    for (uint32_t t = 0; t < a->steps; t += BLOCK) {
      const Block b = block_at(a, t);
      float* pb = p + ((size_t)h * a->steps + t) * keys + b.key;
      const float* qb = qh + (size_t)t * e;
      rows_by_rows(b.n, b.n_keys, e, scale, qb, e, kh + (size_t)b.key * e, e, 0.0f, pb, keys);
      if (a->distance) {
        rows_by_rows(b.n, b.n_far, e, scale, qb, e, a->distance + ((size_t)h * a->reach + b.far) * e, e, 0.0f, scratch,
                     b.n_far);
        add_distances(a, &b, scratch, pb);
      }
      normalise(a, &b, a->slope ? a->slope[h] : 0.0f, pb);
      rows_by_columns(b.n, e, b.n_keys, pb, keys, vh + (size_t)b.key * e, e, 0.0f, out + (size_t)t * d + h * e, d);
    }
  }
}

/** One block of one head. */
static void block_backward(const PmtAttention* a, const Block* b, uint32_t h, const float* q, const float* k, const float* v,
                           const float* p, const float* d_out, float* scratch, float* dq, float* dk, float* dv,
                           float* d_distance) {
  const uint32_t e = a->e, d = a->heads * e, keys = a->past + a->steps;
  const float scale = 1.0f / __builtin_sqrtf((float)e);
  const uint32_t fresh = b->key > a->past ? b->key : a->past; /* what came before takes no gradient */
  float *ds = scratch, *by_distance = scratch + (size_t)BLOCK * keys;
  rows_by_rows(b->n, b->n_keys, e, 1.0f, d_out, d, v + (size_t)b->key * e, e, 0.0f, ds, keys);
  const float* fresh_p = p + (fresh - b->key);
  const uint32_t n_fresh = b->n_keys - (fresh - b->key);
  columns_by_columns(n_fresh, e, b->n, fresh_p, keys, d_out, d, dv + (size_t)(fresh - a->past) * e, e);
  for (uint32_t i = 0; i < b->n; ++i) {
    pmt_point_softmax_backward(b->n_keys, p + (size_t)i * keys, ds + (size_t)i * keys, scale);
  }
  rows_by_columns(b->n, e, b->n_keys, ds, keys, k + (size_t)b->key * e, e, 0.0f, dq, e);
  columns_by_columns(n_fresh, e, b->n, ds + (fresh - b->key), keys, q, e, dk + (size_t)(fresh - a->past) * e, e);
  if (!a->distance) { return; }
  gather_distances(a, b, ds, by_distance);
  const size_t rows = ((size_t)h * a->reach + b->far) * e;
  rows_by_columns(b->n, e, b->n_far, by_distance, b->n_far, a->distance + rows, e, 1.0f, dq, e);
  columns_by_columns(b->n_far, e, b->n, by_distance, b->n_far, q, e, d_distance + rows, e);
}

void pmt_attention_backward(const PmtAttention* a, const float* q, const float* k, const float* v, const float* p,
                            const float* d_out, float* scratch, float* dq, float* dk, float* dv, float* d_distance) {
  const uint32_t e = a->e, d = a->heads * e, keys = a->past + a->steps;
  memset(dk, 0, (size_t)a->heads * a->steps * e * sizeof *dk);
  memset(dv, 0, (size_t)a->heads * a->steps * e * sizeof *dv);
  for (uint32_t h = 0; h < a->heads; ++h) {
    const size_t new_rows = (size_t)h * a->steps * e, all_rows = (size_t)h * keys * e;
    for (uint32_t t = 0; t < a->steps; t += BLOCK) {
      const Block b = block_at(a, t);
      block_backward(a, &b, h, q + new_rows + (size_t)t * e, k + all_rows, v + all_rows,
                     p + ((size_t)h * a->steps + t) * keys + b.key, d_out + (size_t)t * d + h * e, scratch,
                     dq + new_rows + (size_t)t * e, dk + new_rows, dv + new_rows, d_distance);
    }
  }
}
