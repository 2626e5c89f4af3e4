/* SPDX-License-Identifier: ISC */
/** @file attention.h  Causal attention of all heads of one stream, forward and backward.

    Above: body_tf.c. Below: sgemm on blocks of queries, pointwise.c. Keys that no query of a block may see are never
    multiplied: of a triangle little more than half is worked on. Letters: T queries, P keys before them, K = P + T keys,
    H heads of e numbers, d = H e. Query t stands at key P + t. */
#ifndef PMT_TRAIN_ATTENTION_H
#define PMT_TRAIN_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t steps, past, heads, e;
  const uint32_t* first; /**< (T) first key that query t sees; never falls as t rises */
  const float* slope;    /**< (H) what a distance of one costs a score (alibi); NULL = nothing */
  const float* distance; /**< (H, reach, e) weights of distances, reach - 1 first and 0 last (rel); NULL = none */
  uint32_t reach;        /**< rows of it; what is farther counts as reach - 1 */
} PmtAttention;

/** @param q (H, T, e) @param k, v (H, K, e) @param[out] p (H, T, K) softmax; unwritten where a block sees nothing
    @param scratch (pmt_attention_scratch) @param[out] out (T, d) */
void pmt_attention_forward(const PmtAttention* a, const float* q, const float* k, const float* v, float* p, float* scratch,
                           float* out);

/** @param p of forward @param d_out (T, d) @param[out] dq (H, T, e) @param[out] dk, dv (H, T, e) of the new keys alone
    @param[in,out] d_distance (H, reach, e) gradients are added */
void pmt_attention_backward(const PmtAttention* a, const float* q, const float* k, const float* v, const float* p,
                            const float* d_out, float* scratch, float* dq, float* dk, float* dv, float* d_distance);

/** Floats of scratch: a block's scores and its scores by distance. */
size_t pmt_attention_scratch(uint32_t steps, uint32_t past, uint32_t reach);

#endif
