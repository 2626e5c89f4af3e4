/* SPDX-License-Identifier: ISC */
/** @file body_rnn.c  LSTM, GRU and RNN over T steps: one time loop, three cells. Above: network.c.
    Below: products.h for whole sequences, recurrent.c inside the time loop, pointwise.c for the cells.

    All inputs of a layer go through one product; only the recurrent one runs step by step. A GRU keeps the hidden side
    of its gates apart, because its reset gate multiplies the sum W_hn h + b_hn. */
#include "train/body.h"

#include "base/arena.h"
#include "train/pointwise.h"
#include "train/products.h"
#include "train/recurrent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What a cell reads and writes at one step of one stream. */
typedef struct {
  float* gates;       /* (G h) sums of the input side; activated by forward; d(sums) after backward */
  float* hidden;      /* (G h) GRU: sums of the hidden side; its gradients after backward */
  const float *bias, *hidden_bias; /* (G h) */
  const float *h_in, *c_in;        /* (h) state before the step */
  float *c, *tanh_c, *out;         /* (h) after it; c and tanh_c: LSTM */
} At;

typedef struct {
  const PmtBody* body;
  uint32_t gates;     /* G */
  bool apart;         /* hidden side apart, with a bias of its own */
  bool has_cell;      /* carries c beside h */
  void (*forward)(uint32_t h, const At* at);
  /* dh: gradient of out from above; d_rec: from the step after, of h_in on return as far as it takes no matrix;
     d_cell: of c from the step after, of c_in on return */
  void (*backward)(uint32_t h, const At* at, const float* dh, float* d_rec, float* d_cell);
} Kind;

static void lstm_forward(uint32_t h, const At* at) {
  pmt_point_lstm(h, at->gates, at->bias, at->c_in, at->c, at->tanh_c, at->out);
}
static void lstm_backward(uint32_t h, const At* at, const float* dh, float* d_rec, float* d_cell) {
  pmt_point_lstm_backward(h, at->gates, at->c_in, at->tanh_c, dh, d_rec, d_cell);
}
static void gru_forward(uint32_t h, const At* at) {
  pmt_point_gru(h, at->gates, at->hidden, at->bias, at->hidden_bias, at->h_in, at->out);
}
static void gru_backward(uint32_t h, const At* at, const float* dh, float* d_rec, float* d_cell) {
  (void)d_cell;
  pmt_point_gru_backward(h, at->gates, at->hidden, at->h_in, dh, d_rec);
}
static void rnn_forward(uint32_t h, const At* at) { pmt_point_rnn(h, at->gates, at->bias, at->out); }
static void rnn_backward(uint32_t h, const At* at, const float* dh, float* d_rec, float* d_cell) {
  (void)d_cell;
  pmt_point_rnn_backward(h, at->gates, at->out, dh, d_rec);
}

static const Kind kinds[] = {
  {&pmt_body_lstm, 4, false, true, lstm_forward, lstm_backward},
  {&pmt_body_gru, 3, true, false, gru_forward, gru_backward},
  {&pmt_body_rnn, 1, false, false, rnn_forward, rnn_backward},
};

static const Kind* kind_of(const PmtTrainShape* s) {
  const Kind* k = kinds;
  while (k->body != s->body) { ++k; }
  return k;
}

static uint32_t inputs_of(const PmtTrainShape* s, uint32_t layer) { return layer ? s->h : s->d; }

/* -- weights -------------------------------------------------------------------------------------------------- */

static PmtStatus check(const PmtTrainShape* s, PmtError* error) {
  if (s->h >= 1 && s->h <= PMT_NET_DIM_MAX) { return PMT_OK; }
  return pmt_fail(error, PMT_BAD_ARG, "hidden width %u: it must be 1 to %d", s->h, PMT_NET_DIM_MAX);
}

static uint32_t width(const PmtTrainShape* s) { return s->h; }

static void describe(const PmtTrainShape* s, char* text, size_t size) {
  snprintf(text, size, "%s %u x %u, d %u", s->body->name, s->layers, s->h, s->d);
}

static void layout(PmtParams* p) {
  const PmtTrainShape* s = &p->shape;
  const Kind* kind = kind_of(s);
  const float reach = 1.0f / __builtin_sqrtf((float)s->h);
  for (uint32_t l = 0; l < s->layers; ++l) {
    PmtBlock* ih = pmt_params_add(p, "rnn.weight_ih_l%u", l, kind->gates * s->h, inputs_of(s, l));
    PmtBlock* hh = pmt_params_add(p, "rnn.weight_hh_l%u", l, kind->gates * s->h, s->h);
    ih->decay = hh->decay = true;
    ih->reach = hh->reach = reach;
    pmt_params_add(p, "rnn.bias_ih_l%u", l, kind->gates * s->h, 1);
    if (kind->apart) { pmt_params_add(p, "rnn.bias_hh_l%u", l, kind->gates * s->h, 1); }
  }
}

/** A memory that lasts at first: forget gates begin open. */
static void open_forget_gates(const PmtParams* p, float* w) {
  const uint32_t h = p->shape.h;
  for (uint32_t l = 0; l < p->shape.layers; ++l) {
    float* forget = w + pmt_params_at(p, "rnn.bias_ih_l%u", l) + h;
    for (uint32_t j = 0; j < h; ++j) { forget[j] = 1.0f; }
  }
}

/** Where a layer's packed W_hh stands: for recurrent.h, h -> G h, and in training G h -> h behind it. */
static size_t packed_at(const PmtParams* p, bool train, uint32_t layer, bool backward) {
  const uint32_t h = p->shape.h, rows = kind_of(&p->shape)->gates * h;
  const size_t forward = pmt_recurrent_floats(rows, h), one = forward + (train ? pmt_recurrent_floats(h, rows) : 0);
  return layer * one + (backward ? forward : 0);
}

static size_t prepared_floats(const PmtParams* p, bool train) { return packed_at(p, train, p->shape.layers, false); }

static void prepare(const PmtParams* p, bool train, const float* w, float* prepared, uint32_t part, uint32_t n_parts) {
  const uint32_t h = p->shape.h, rows = kind_of(&p->shape)->gates * h;
  const uint32_t wide = pmt_recurrent_panels(rows), narrow = pmt_recurrent_panels(h);
  for (uint32_t l = 0; l < p->shape.layers; ++l) {
    const float* hh = w + pmt_params_at(p, "rnn.weight_hh_l%u", l);
    pmt_recurrent_pack(prepared + packed_at(p, train, l, false), hh, rows, h, 0, wide * part / n_parts,
                       wide * (part + 1) / n_parts);
    if (!train) { continue; }
    pmt_recurrent_pack(prepared + packed_at(p, train, l, true), hh, rows, h, 1, narrow * part / n_parts,
                       narrow * (part + 1) / n_parts);
  }
}

/* -- work memory ---------------------------------------------------------------------------------------------- */

typedef struct {
  size_t ih, hh, bias, hidden_bias; /* offsets of the weights */
  float* input;     /* (rows, in) after dropout: what the weights see; the first layer's is the caller's */
  uint8_t* mask;    /* (rows, in) of that dropout; train only */
  float* gates;     /* (rows, G h) */
  float* hidden;    /* (rows, G h) GRU */
  float *h_in, *c_in, *tanh_c, *out; /* (rows, h) */
} Layer;

typedef struct {
  PmtBodySize size;
  PmtParams params;
  const Kind* kind;
  uint32_t streams;
  PmtArena arena;
  Layer layer[PMT_TRAIN_LAYERS_MAX];
  float* d_rec;     /* (streams, h) */
  float* d_cell;    /* (streams, h) */
  float* cell;      /* (streams, h) c of the step in hand */
  float* state;     /* (layers, 1 or 2, streams, h): h, then c */
} Rnn;

static size_t rows_of(const Rnn* n) { return (size_t)n->streams * n->size.steps; }
static uint32_t states_of(const Rnn* n) { return n->kind->has_cell ? 2 : 1; }

static void layout_work(PmtArena* a, Rnn* n) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = rows_of(n), h = s->h, f = sizeof(float), gates = n->kind->gates * h;
  for (uint32_t l = 0; l < s->layers; ++l) {
    Layer* k = &n->layer[l];
    k->input = l ? pmt_arena_take(a, rows * h, f) : NULL;
    k->mask = l && n->size.train ? pmt_arena_take(a, rows * h, 1) : NULL;
    k->gates = pmt_arena_take(a, rows * gates, f);
    k->hidden = n->kind->apart ? pmt_arena_take(a, rows * gates, f) : NULL;
    k->h_in = pmt_arena_take(a, rows * h, f);
    k->c_in = n->kind->has_cell ? pmt_arena_take(a, rows * h, f) : NULL;
    k->tanh_c = n->kind->has_cell ? pmt_arena_take(a, rows * h, f) : NULL;
    k->out = l + 1 < s->layers ? pmt_arena_take(a, rows * h, f) : NULL; /* the last layer's is the caller's */
  }
  n->d_rec = pmt_arena_take(a, n->streams * h, f);
  n->d_cell = pmt_arena_take(a, n->streams * h, f);
  n->cell = pmt_arena_take(a, n->streams * h, f);
  n->state = pmt_arena_take(a, (size_t)states_of(n) * s->layers * n->streams * h, f);
}

static void find_weights(Rnn* n) {
  for (uint32_t l = 0; l < n->params.shape.layers; ++l) {
    n->layer[l].ih = pmt_params_at(&n->params, "rnn.weight_ih_l%u", l);
    n->layer[l].hh = pmt_params_at(&n->params, "rnn.weight_hh_l%u", l);
    n->layer[l].bias = pmt_params_at(&n->params, "rnn.bias_ih_l%u", l);
    n->layer[l].hidden_bias = n->kind->apart ? pmt_params_at(&n->params, "rnn.bias_hh_l%u", l) : 0;
  }
}

static PmtStatus work_new(const PmtBodySize* size, PmtBodyWork** work) {
  *work = NULL;
  Rnn* n = calloc(1, sizeof *n);
  if (!n) { return PMT_NO_MEM; }
  *n = (Rnn){.size = *size, .params = *size->params, .kind = kind_of(&size->params->shape), .streams = size->streams};
  n->arena = pmt_arena_measure();
  layout_work(&n->arena, n);
  if (pmt_arena_allocate(&n->arena)) {
    free(n);
    return PMT_NO_MEM;
  }
  layout_work(&n->arena, n);
  find_weights(n);
  *work = (PmtBodyWork*)n;
  return PMT_OK;
}

static void work_free(PmtBodyWork* work) {
  Rnn* n = (Rnn*)work;
  if (!n) { return; }
  pmt_arena_release(&n->arena);
  free(n);
}

static float* state(PmtBodyWork* work, size_t* n_floats) {
  Rnn* n = (Rnn*)work;
  if (n_floats) { *n_floats = (size_t)states_of(n) * n->params.shape.layers * n->streams * n->params.shape.h; }
  return n->state;
}

static void narrow(PmtBodyWork* work, uint32_t streams) {
  Rnn* n = (Rnn*)work;
  size_t n_floats;
  n->streams = streams; /* rows become fewer; every buffer still has room */
  float* all = state(work, &n_floats);
  memset(all, 0, n_floats * sizeof *all);
}

/* -- forward -------------------------------------------------------------------------------------------------- */

/** `layer` of the state: h, or c behind it. */
static float* state_at(const Rnn* n, uint32_t layer, uint32_t which) {
  return n->state + ((size_t)states_of(n) * layer + which) * n->streams * n->params.shape.h;
}

/** State before a step: carried over, or zero for a stream that begins anew. */
static void enter_step(const Rnn* n, float* to, const float* from, size_t row, const PmtCell* cells) {
  const size_t h = n->params.shape.h;
  for (uint32_t s = 0; s < n->streams; ++s) {
    if (cells[row + s].reset) {
      memset(to + (row + s) * h, 0, h * sizeof *to);
    } else {
      memcpy(to + (row + s) * h, from + s * h, h * sizeof *to);
    }
  }
}

static At place_at(const Rnn* n, const Layer* layer, const float* w, size_t row, uint32_t stream, float* out) {
  const size_t h = n->params.shape.h, r = row + stream, gates = n->kind->gates * h;
  At at = {.gates = layer->gates + r * gates, .bias = w + layer->bias, .h_in = layer->h_in + r * h, .out = out + r * h};
  if (n->kind->apart) {
    at.hidden = layer->hidden + r * gates;
    at.hidden_bias = w + layer->hidden_bias;
  }
  if (n->kind->has_cell) {
    at.c_in = layer->c_in + r * h;
    at.tanh_c = layer->tanh_c + r * h;
    at.c = n->cell + stream * h;
  }
  return at;
}

static void layer_forward(Rnn* n, uint32_t l, const PmtPass* pass, const float* input, float* out) {
  const PmtTrainShape* s = &n->params.shape;
  const uint32_t h = s->h, rows = n->kind->gates * h;
  const size_t state_bytes = (size_t)n->streams * h * sizeof(float);
  const float* packed = pass->prepared + packed_at(&n->params, n->size.train, l, false);
  Layer* layer = &n->layer[l];
  pmt_product_forward(rows_of(n), inputs_of(s, l), rows, input, pass->w + layer->ih, layer->gates);
  const float* before = state_at(n, l, 0);
  if (n->kind->has_cell) { memcpy(n->cell, state_at(n, l, 1), state_bytes); }
  for (uint32_t t = 0; t < n->size.steps; ++t) {
    const size_t row = (size_t)t * n->streams;
    enter_step(n, layer->h_in, before, row, pass->cells);
    if (n->kind->has_cell) { enter_step(n, layer->c_in, n->cell, row, pass->cells); }
    pmt_recurrent_multiply(packed, rows, h, layer->h_in + row * h, (n->kind->apart ? layer->hidden : layer->gates) + row * rows,
                           n->streams, !n->kind->apart);
    for (uint32_t k = 0; k < n->streams; ++k) {
      const At at = place_at(n, layer, pass->w, row, k, out);
      n->kind->forward(h, &at);
    }
    before = out + row * h;
  }
  memcpy(state_at(n, l, 0), before, state_bytes);
  if (n->kind->has_cell) { memcpy(state_at(n, l, 1), n->cell, state_bytes); }
}

static void forward(PmtBodyWork* work, const PmtPass* pass, const float* x, float* top) {
  Rnn* n = (Rnn*)work;
  const uint32_t layers = n->params.shape.layers;
  n->layer[0].input = (float*)(uintptr_t)x; /* read only: kept for the gradient of W_ih */
  n->layer[layers - 1].out = top;
  for (uint32_t l = 0; l < layers; ++l) {
    layer_forward(n, l, pass, n->layer[l].input, n->layer[l].out);
    if (l + 1 == layers) { break; }
    pmt_drop_out(pass->dropout, n->size.part, l + 1, rows_of(n) * n->params.shape.h, n->layer[l].out,
                 n->layer[l + 1].mask, n->layer[l + 1].input);
  }
}

/* -- backward ------------------------------------------------------------------------------------------------- */

static void layer_backward(Rnn* n, uint32_t l, const PmtPass* pass, float* d_rows, float* gradient) {
  const PmtTrainShape* s = &n->params.shape;
  const uint32_t h = s->h, wide = n->kind->gates * h, in = inputs_of(s, l);
  const size_t rows = rows_of(n);
  Layer* layer = &n->layer[l];
  const float* packed = pass->prepared + packed_at(&n->params, true, l, true);
  float* recurrent = n->kind->apart ? layer->hidden : layer->gates; /* gradient of what W_hh gave */
  memset(n->d_rec, 0, (size_t)n->streams * h * sizeof(float)); /* truncated: nothing comes from beyond T */
  memset(n->d_cell, 0, (size_t)n->streams * h * sizeof(float));
  for (uint32_t t = n->size.steps; t-- > 0;) {
    const size_t row = (size_t)t * n->streams;
    for (uint32_t k = 0; k < n->streams; ++k) {
      const size_t r = row + k;
      const At at = place_at(n, layer, pass->w, row, k, layer->out);
      n->kind->backward(h, &at, d_rows + r * h, n->d_rec + (size_t)k * h, n->d_cell + (size_t)k * h);
      pmt_point_add(wide, gradient + layer->bias, at.gates);
      if (n->kind->apart) { pmt_point_add(wide, gradient + layer->hidden_bias, at.hidden); }
    }
    if (t == 0) { break; }
    pmt_recurrent_multiply(packed, h, wide, recurrent + row * wide, n->d_rec, n->streams, 1);
    for (uint32_t k = 0; k < n->streams; ++k) {
      if (!pass->cells[row + k].reset) { continue; }
      memset(n->d_rec + (size_t)k * h, 0, h * sizeof(float));
      memset(n->d_cell + (size_t)k * h, 0, h * sizeof(float));
    }
  }
  pmt_product_weights(rows, in, wide, layer->gates, layer->input, gradient + layer->ih);
  pmt_product_weights(rows, h, wide, recurrent, layer->h_in, gradient + layer->hh);
  pmt_product_input(rows, in, wide, layer->gates, pass->w + layer->ih, d_rows);
  if (l) { pmt_drop_out_backward(pass->dropout, rows * in, layer->mask, d_rows); }
}

static void backward(PmtBodyWork* work, const PmtPass* pass, float* gradient_rows, float* gradient) {
  Rnn* n = (Rnn*)work;
  for (uint32_t l = n->params.shape.layers; l-- > 0;) { layer_backward(n, l, pass, gradient_rows, gradient); }
}

#define RECURRENT_BODY                                                                                                    \
  .drop_top = true, .check = check, .width = width, .describe = describe, .layout = layout,                               \
  .prepared_floats = prepared_floats, .prepare = prepare, .work_new = work_new, .work_free = work_free, .narrow = narrow, \
  .state = state, .forward = forward, .backward = backward

const PmtBody pmt_body_lstm = {.name = "lstm", .title = "LSTM", .init = open_forget_gates, RECURRENT_BODY};
const PmtBody pmt_body_gru = {.name = "gru", .title = "GRU", RECURRENT_BODY};
const PmtBody pmt_body_rnn = {.name = "rnn", .title = "RNN", RECURRENT_BODY};
