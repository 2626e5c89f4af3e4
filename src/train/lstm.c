/* SPDX-License-Identifier: ISC */
/** @file lstm.c  Forward and backward over T steps. Above: trainer.c (training), score.c (evaluation).
    Below: cblas_sgemm for whole sequences, recurrent.c inside the time loop, pointwise.c between. */
#include "train/lstm.h"

#include "base/arena.h"
#include "base/random.h"
#include "train/pointwise.h"
#include "train/recurrent.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  float* input;     /* (rows, in) after dropout: what the weights see */
  uint8_t* mask;    /* (rows, in) of that dropout; train only */
  float* gates;     /* (rows, 4h) sums, then activated gates, then their gradients */
  float* h_in;      /* (rows, h) state before the step */
  float* c_in;      /* (rows, h) */
  float* tanh_c;    /* (rows, h) */
  float* out;       /* (rows, h) */
} Layer;

struct PmtLstm {
  PmtParams params;
  uint32_t streams, steps, part;
  bool train, keep_logits;
  PmtArena arena;
  Layer layer[PMT_TRAIN_LAYERS_MAX];
  float* top;       /* (rows, h) top output after dropout */
  uint8_t* top_mask;
  float* logits;    /* (rows, V) logits, then probabilities */
  float* d_out;     /* (rows, max(h, d)) gradient that flows down; train only */
  float* d_rec;     /* (streams, h) */
  float* d_cell;    /* (streams, h) */
  float* cell;      /* (streams, h) c of the step in hand */
  float* state;     /* (layers, 2, streams, h) */
  float keep_scale; /* 1 / (1 - drop) of the last forward; 1 = no dropout was used */
};

static size_t rows_of(const PmtLstm* n) { return (size_t)n->streams * n->steps; }

static void layout(PmtArena* a, PmtLstm* n) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = rows_of(n), h = s->h, f = sizeof(float);
  for (uint32_t l = 0; l < s->layers; ++l) {
    const size_t in = pmt_layer_inputs(s, l);
    n->layer[l].input = pmt_arena_take(a, rows * in, f);
    n->layer[l].mask = n->train ? pmt_arena_take(a, rows * in, 1) : NULL;
    n->layer[l].gates = pmt_arena_take(a, rows * 4 * h, f);
    n->layer[l].h_in = pmt_arena_take(a, rows * h, f);
    n->layer[l].c_in = pmt_arena_take(a, rows * h, f);
    n->layer[l].tanh_c = pmt_arena_take(a, rows * h, f);
    n->layer[l].out = pmt_arena_take(a, rows * h, f);
  }
  n->top = pmt_arena_take(a, rows * h, f);
  n->top_mask = n->train ? pmt_arena_take(a, rows * h, 1) : NULL;
  n->logits = pmt_arena_take(a, rows * s->vocab, f);
  n->d_out = n->train ? pmt_arena_take(a, rows * (h > s->d ? h : s->d), f) : NULL;
  n->d_rec = pmt_arena_take(a, n->streams * h, f);
  n->d_cell = pmt_arena_take(a, n->streams * h, f);
  n->cell = pmt_arena_take(a, n->streams * h, f);
  n->state = pmt_arena_take(a, 2 * s->layers * n->streams * h, f);
}

PmtStatus pmt_lstm_new(const PmtParams* params, uint32_t streams, uint32_t steps, bool train, uint32_t part,
                       PmtLstm** lstm) {
  *lstm = NULL;
  PmtLstm* n = calloc(1, sizeof *n);
  if (!n) { return PMT_NO_MEM; }
  *n = (PmtLstm){.params = *params, .streams = streams, .steps = steps, .part = part, .train = train, .keep_scale = 1.0f};
  n->arena = pmt_arena_measure();
  layout(&n->arena, n);
  if (pmt_arena_allocate(&n->arena)) {
    free(n);
    return PMT_NO_MEM;
  }
  layout(&n->arena, n);
  *lstm = n;
  return PMT_OK;
}

void pmt_lstm_free(PmtLstm* lstm) {
  if (!lstm) { return; }
  pmt_arena_release(&lstm->arena);
  free(lstm);
}

void pmt_lstm_narrow(PmtLstm* lstm, uint32_t streams) {
  lstm->streams = streams; /* rows become shorter; every buffer still has room */
  memset(lstm->state, 0, (size_t)2 * lstm->params.shape.layers * streams * lstm->params.shape.h * sizeof(float));
}

float* pmt_lstm_state(PmtLstm* lstm, size_t* n_floats) {
  if (n_floats) { *n_floats = (size_t)2 * lstm->params.shape.layers * lstm->streams * lstm->params.shape.h; }
  return lstm->state;
}

const float* pmt_lstm_logits(const PmtLstm* lstm) { return lstm->logits; }
void pmt_lstm_keep_logits(PmtLstm* lstm, bool keep) { lstm->keep_logits = keep; }

/* -- packed weights ------------------------------------------------------------------------------------------- */

PmtStatus pmt_lstm_packed_new(const PmtParams* params, bool backward, PmtLstmPacked* packed) {
  const PmtTrainShape* s = &params->shape;
  *packed = (PmtLstmPacked){{0}, {0}};
  for (uint32_t l = 0; l < s->layers; ++l) {
    packed->forward[l] = aligned_alloc(64, pmt_recurrent_floats(4 * s->h, s->h) * sizeof(float));
    packed->backward[l] = backward ? aligned_alloc(64, pmt_recurrent_floats(s->h, 4 * s->h) * sizeof(float)) : NULL;
    if (!packed->forward[l] || (backward && !packed->backward[l])) {
      pmt_lstm_packed_free(packed);
      return PMT_NO_MEM;
    }
  }
  return PMT_OK;
}

void pmt_lstm_packed_free(PmtLstmPacked* packed) {
  for (uint32_t l = 0; l < PMT_TRAIN_LAYERS_MAX; ++l) {
    free(packed->forward[l]);
    free(packed->backward[l]);
  }
  *packed = (PmtLstmPacked){{0}, {0}};
}

void pmt_lstm_pack(const PmtParams* params, const float* w, PmtLstmPacked* packed, uint32_t part, uint32_t n_parts) {
  const uint32_t h = params->shape.h;
  const uint32_t wide = pmt_recurrent_panels(4 * h), narrow = pmt_recurrent_panels(h);
  for (uint32_t l = 0; l < params->shape.layers; ++l) {
    const float* hh = w + params->block[pmt_block_ih(l) + 1].at;
    pmt_recurrent_pack(packed->forward[l], hh, 4 * h, h, 0, wide * part / n_parts, wide * (part + 1) / n_parts);
    if (!packed->backward[l]) { continue; }
    pmt_recurrent_pack(packed->backward[l], hh, 4 * h, h, 1, narrow * part / n_parts, narrow * (part + 1) / n_parts);
  }
}

/* -- matrix products ------------------------------------------------------------------------------------------ */

/** y[rows, out] = x[rows, in] W^T */
static void times_transposed(size_t rows, uint32_t in, uint32_t out, const float* x, const float* w, float* y) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)out, (int)in, 1.0f, x, (int)in, w, (int)in, 0.0f,
              y, (int)out);
}

/** dx[rows, in] = dy[rows, out] W */
static void times_matrix(size_t rows, uint32_t in, uint32_t out, const float* dy, const float* w, float* dx) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)in, (int)out, 1.0f, dy, (int)out, w, (int)in,
              0.0f, dx, (int)in);
}

/** dW[out, in] = dy^T x */
static void outer_sum(size_t rows, uint32_t in, uint32_t out, const float* dy, const float* x, float* dw) {
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)out, (int)in, (int)rows, 1.0f, dy, (int)out, x, (int)in,
              0.0f, dw, (int)in);
}

/* -- inputs --------------------------------------------------------------------------------------------------- */

/** The table rows that make x of a cell; style may be missing. @return how many */
static uint32_t input_rows(const PmtParams* p, const PmtCell* cell, size_t at[6]) {
  const uint32_t d = p->shape.d;
  const uint32_t index[6] = {cell->token, cell->style < 0 ? 0 : (uint32_t)cell->style, cell->meter, cell->key,
                             cell->phrase, cell->density};
  uint32_t n = 0;
  for (uint32_t i = 0; i < 6; ++i) {
    if (i == PMT_BLOCK_STYLE && cell->style < 0) { continue; }
    at[n++] = p->block[i].at + (size_t)index[i] * d;
  }
  return n;
}

static void embed(const PmtLstm* n, const float* w, const PmtCell* cells, float* x) {
  const uint32_t d = n->params.shape.d;
  for (size_t r = 0; r < rows_of(n); ++r) {
    size_t at[6];
    const uint32_t n_at = input_rows(&n->params, &cells[r], at);
    memcpy(x + r * d, w + at[0], d * sizeof *x);
    for (uint32_t i = 1; i < n_at; ++i) { pmt_point_add(d, x + r * d, w + at[i]); }
  }
}

static void embed_backward(const PmtLstm* n, const PmtCell* cells, const float* dx, float* gradient) {
  const uint32_t d = n->params.shape.d;
  memset(gradient, 0, n->params.block[PMT_BLOCK_LAYERS].at * sizeof *gradient);
  for (size_t r = 0; r < rows_of(n); ++r) {
    size_t at[6];
    const uint32_t n_at = input_rows(&n->params, &cells[r], at);
    for (uint32_t i = 0; i < n_at; ++i) { pmt_point_add(d, gradient + at[i], dx + r * d); }
  }
}

/** y = dropout(x); in place allowed. The mask is kept for the backward pass. */
static void drop_out(PmtLstm* n, const PmtDropout* dropout, uint32_t site, size_t count, const float* x, uint8_t* mask,
                     float* y) {
  if (n->keep_scale == 1.0f) {
    if (x != y) { memcpy(y, x, count * sizeof *y); }
    return;
  }
  pmt_point_draw_mask(count, mask, dropout->drop, pmt_random_bits(dropout->seed, dropout->step, n->part * 8u + site));
  pmt_point_mask(count, y, x, mask, n->keep_scale);
}

static void drop_out_backward(const PmtLstm* n, size_t count, const uint8_t* mask, float* dx) {
  if (n->keep_scale != 1.0f) { pmt_point_mask(count, dx, dx, mask, n->keep_scale); }
}

/* -- forward -------------------------------------------------------------------------------------------------- */

/** State before a step: carried over, or zero for a stream that begins anew. */
static void enter_step(const PmtLstm* n, Layer* layer, size_t row, const PmtCell* cells, const float* h, const float* c) {
  const size_t width = n->params.shape.h;
  for (uint32_t s = 0; s < n->streams; ++s) {
    const size_t to = (row + s) * width, from = s * width;
    if (cells[row + s].reset) {
      memset(layer->h_in + to, 0, width * sizeof(float));
      memset(layer->c_in + to, 0, width * sizeof(float));
    } else {
      memcpy(layer->h_in + to, h + from, width * sizeof(float));
      memcpy(layer->c_in + to, c + from, width * sizeof(float));
    }
  }
}

static void layer_forward(PmtLstm* n, uint32_t l, const float* w, const PmtLstmPacked* packed, const PmtCell* cells) {
  const PmtParams* p = &n->params;
  const uint32_t h = p->shape.h, in = pmt_layer_inputs(&p->shape, l), ih = pmt_block_ih(l);
  const float* bias = w + p->block[ih + 2].at;
  Layer* layer = &n->layer[l];
  float* h_state = n->state + (size_t)2 * l * n->streams * h;
  float* c_state = h_state + (size_t)n->streams * h;
  times_transposed(rows_of(n), in, 4 * h, layer->input, w + p->block[ih].at, layer->gates);
  const float* h_before = h_state;
  memcpy(n->cell, c_state, (size_t)n->streams * h * sizeof(float));
  for (uint32_t t = 0; t < n->steps; ++t) {
    const size_t row = (size_t)t * n->streams;
    enter_step(n, layer, row, cells, h_before, n->cell);
    pmt_recurrent_multiply(packed->forward[l], 4 * h, h, layer->h_in + row * h, layer->gates + row * 4 * h, n->streams, 1);
    for (uint32_t s = 0; s < n->streams; ++s) {
      const size_t r = row + s;
      pmt_point_forward(h, layer->gates + r * 4 * h, bias, layer->c_in + r * h, n->cell + (size_t)s * h,
                        layer->tanh_c + r * h, layer->out + r * h);
    }
    h_before = layer->out + row * h;
  }
  memcpy(h_state, h_before, (size_t)n->streams * h * sizeof(float));
  memcpy(c_state, n->cell, (size_t)n->streams * h * sizeof(float));
}

static double losses(PmtLstm* n, const PmtCell* cells, double* nats, float* row_nats) {
  const uint32_t v = n->params.shape.vocab;
  double total = 0.0;
  for (size_t r = 0; r < rows_of(n); ++r) {
    float* logits = n->logits + r * v;
    const float wanted = logits[cells[r].target];
    const float log_sum = n->train && !n->keep_logits ? pmt_point_softmax(v, logits) : pmt_point_log_sum(v, logits);
    const float cost = cells[r].counts ? log_sum - wanted : 0.0f;
    if (nats) { nats[r % n->streams] += cost; }
    if (row_nats) { row_nats[r] = cost; }
    total += cost;
  }
  return total;
}

double pmt_lstm_forward(PmtLstm* lstm, const float* w, const PmtLstmPacked* packed, const PmtCell* cells,
                        const PmtDropout* dropout, double* nats, float* row_nats) {
  const PmtParams* p = &lstm->params;
  const uint32_t h = p->shape.h, layers = p->shape.layers, out = pmt_block_out(p), v = p->shape.vocab;
  const size_t rows = rows_of(lstm);
  lstm->keep_scale = dropout && dropout->drop > 0.0f ? 1.0f / (1.0f - dropout->drop) : 1.0f;
  embed(lstm, w, cells, lstm->layer[0].input);
  drop_out(lstm, dropout, 0, rows * p->shape.d, lstm->layer[0].input, lstm->layer[0].mask, lstm->layer[0].input);
  for (uint32_t l = 0; l < layers; ++l) {
    layer_forward(lstm, l, w, packed, cells);
    const bool last = l + 1 == layers;
    drop_out(lstm, dropout, l + 1, rows * h, lstm->layer[l].out, last ? lstm->top_mask : lstm->layer[l + 1].mask,
             last ? lstm->top : lstm->layer[l + 1].input);
  }
  const float* bias = w + p->block[out + 1].at;
  times_transposed(rows, h, v, lstm->top, w + p->block[out].at, lstm->logits);
  for (size_t r = 0; r < rows; ++r) { pmt_point_add(v, lstm->logits + r * v, bias); }
  return losses(lstm, cells, nats, row_nats);
}

/* -- backward ------------------------------------------------------------------------------------------------- */

/** Probabilities become d(logits); out.weight and out.bias get their gradients; d_out becomes d(top). */
static void output_backward(PmtLstm* n, const float* w, const PmtCell* cells, float scale, float* gradient) {
  const PmtParams* p = &n->params;
  const uint32_t v = p->shape.vocab, h = p->shape.h, out = pmt_block_out(p);
  float* bias = gradient + p->block[out + 1].at;
  memset(bias, 0, v * sizeof *bias);
  for (size_t r = 0; r < rows_of(n); ++r) {
    float* row = n->logits + r * v;
    row[cells[r].target] -= 1.0f;
    pmt_point_scale(v, row, cells[r].counts ? scale : 0.0f);
    pmt_point_add(v, bias, row);
  }
  outer_sum(rows_of(n), h, v, n->logits, n->top, gradient + p->block[out].at);
  times_matrix(rows_of(n), h, v, n->logits, w + p->block[out].at, n->d_out);
  drop_out_backward(n, rows_of(n) * h, n->top_mask, n->d_out);
}

static void layer_backward(PmtLstm* n, uint32_t l, const float* w, const PmtLstmPacked* packed, const PmtCell* cells,
                           float* gradient) {
  const PmtParams* p = &n->params;
  const uint32_t h = p->shape.h, in = pmt_layer_inputs(&p->shape, l), ih = pmt_block_ih(l);
  const size_t rows = rows_of(n);
  Layer* layer = &n->layer[l];
  float* bias = gradient + p->block[ih + 2].at;
  memset(bias, 0, 4 * h * sizeof *bias);
  memset(n->d_rec, 0, (size_t)n->streams * h * sizeof(float)); /* truncated: nothing comes from beyond T */
  memset(n->d_cell, 0, (size_t)n->streams * h * sizeof(float));
  for (uint32_t t = n->steps; t-- > 0;) {
    const size_t row = (size_t)t * n->streams;
    for (uint32_t s = 0; s < n->streams; ++s) {
      const size_t r = row + s;
      pmt_point_backward(h, layer->gates + r * 4 * h, layer->c_in + r * h, layer->tanh_c + r * h, n->d_out + r * h,
                         n->d_rec + (size_t)s * h, n->d_cell + (size_t)s * h);
      pmt_point_add(4 * h, bias, layer->gates + r * 4 * h);
    }
    if (t == 0) { break; }
    pmt_recurrent_multiply(packed->backward[l], h, 4 * h, layer->gates + row * 4 * h, n->d_rec, n->streams, 0);
    for (uint32_t s = 0; s < n->streams; ++s) {
      if (!cells[row + s].reset) { continue; }
      memset(n->d_rec + (size_t)s * h, 0, h * sizeof(float));
      memset(n->d_cell + (size_t)s * h, 0, h * sizeof(float));
    }
  }
  outer_sum(rows, in, 4 * h, layer->gates, layer->input, gradient + p->block[ih].at);
  outer_sum(rows, h, 4 * h, layer->gates, layer->h_in, gradient + p->block[ih + 1].at);
  times_matrix(rows, in, 4 * h, layer->gates, w + p->block[ih].at, n->d_out);
  drop_out_backward(n, rows * in, layer->mask, n->d_out);
}

void pmt_lstm_backward(PmtLstm* lstm, const float* w, const PmtLstmPacked* packed, const PmtCell* cells, float scale,
                       float* gradient) {
  output_backward(lstm, w, cells, scale, gradient);
  for (uint32_t l = lstm->params.shape.layers; l-- > 0;) { layer_backward(lstm, l, w, packed, cells, gradient); }
  embed_backward(lstm, cells, lstm->d_out, gradient);
}
