/* SPDX-License-Identifier: ISC */
/* What is told beside a token, and the rows of the output that it needs (hints.h). Above: net_rnn.c, net_tf.c. Below:
   nothing.

   Leaps and kinds are rows of the output's matrix behind those of the tokens, so that one product serves all. Once its
   last panel is done, what they came to is added to the logits: leaps in order, then kinds, always the same. */
#include "base/random.h"
#include "nn/net_private.h"

#include <string.h>

void pmt_net_hints_tell(PmtNetState* const state, const PmtHints* const hints) {
  state->is_told = hints;
  if (hints) {
    state->told = *hints;
  }
}

/* NULL: the file has no such table, or nothing is told of it. */
static const float* row_told(const PmtNetState* const state, const uint32_t table) {
  const PmtNet* const net = state->net;
  const int row = state->told.row[table];
  return net->hint[table] && row >= 0 && (uint32_t)row < net->hints.table[table].rows
             ? net->hint[table] + (size_t)row * net->width
             : NULL;
}

void pmt_net_hints_add(const PmtNetState* const state, float* const x) {
  for (uint32_t t = 0; state->is_told && t < state->net->hints.n_tables; ++t) {
    const float* const row = row_told(state, t);
    for (uint32_t i = 0; row && i < state->net->width; ++i) {
      x[i] += row[i];
    }
  }
}

uint64_t pmt_net_hints_hash(const PmtNetState* const state) {
  uint64_t hash = 0;
  for (uint32_t t = 0; state->is_told && t < state->net->hints.n_tables; ++t) {
    hash = row_told(state, t) ? pmt_random_bits(hash, t, (uint64_t)state->told.row[t]) : hash;
  }
  return hash;
}

/* @param by (2 reach + 1) */
static void add_leap(const PmtLeap* const leap, const int anchor, const float* const by, float* const logits) {
  const int reach = (int)leap->reach, count = (int)leap->count;
  const int first = anchor - reach > 0 ? anchor - reach : 0;
  const int end = anchor + reach + 1 < count ? anchor + reach + 1 : count;
  for (int i = first; i < end; ++i) {
    logits[i] += by[i - anchor + reach];
  }
}

/* @param by (n_kinds) */
static void add_kinds(const PmtHintShape* const shape, const uint8_t* const kind, const float* const by,
                      float* const logits) {
  float of_class[PMT_CLASSES];
  for (uint32_t class = 0; class < PMT_CLASSES; ++class) {
    of_class[class] = kind[class] < shape->n_kinds ? by[kind[class]] : 0.0f;
  }
  for (uint32_t first = 0; first < shape->kind_count; first += shape->kind_span) {
    for (uint32_t i = 0; i < shape->kind_span && first + i < shape->kind_count; ++i) {
      logits[first + i] += of_class[i % PMT_CLASSES];
    }
  }
}

void pmt_net_hints_finish(PmtNetState* const state) {
  const PmtNet* const net = state->net;
  const PmtHintShape* const shape = &net->hints;
  float* const logits = state->logits;
  if (!state->is_told) {
    return;
  }
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    if (shape->leap[i].count && state->told.anchor[i] >= 0) {
      add_leap(&shape->leap[i], state->told.anchor[i], logits + net->leap_row[i], logits + shape->leap[i].first);
    }
  }
  if (shape->n_kinds) {
    add_kinds(shape, state->told.kind, logits + net->kind_row, logits + shape->kind_first);
  }
}
