/* SPDX-License-Identifier: ISC */
/** @file network.c  See network.h. */
#include "train/network.h"

#include "base/arena.h"
#include "train/pointwise.h"
#include "train/products.h"

#include <stdlib.h>
#include <string.h>

struct PmtNetwork {
  PmtBodySize size;
  PmtParams params;
  uint32_t streams, width;
  bool keep_logits;
  PmtArena arena;
  PmtBodyWork* work;
  float* x;         /* (rows, d) */
  uint8_t* x_mask;  /* train only */
  float* top;       /* (rows, width) of the body */
  float* seen;      /* the same after dropout; where there is none, top itself */
  uint8_t* top_mask;
  float* logits;    /* (rows, V) logits, then probabilities, then their gradients */
  float* leaps;     /* (rows, 2 leap + 1) of one anchor, or NULL */
  float* kinds;     /* (rows, n_kinds), or NULL */
  float* d_rows;    /* (rows, max(width, d)); train only */
  size_t out, bias, leap[PMT_ANCHORS_MAX], kind;
};

enum { SITE_INPUT = 0, SITE_TOP = 63 };

size_t pmt_network_rows(const PmtNetwork* n) { return (size_t)n->streams * n->size.steps; }

size_t pmt_network_row(const PmtNetwork* n, uint32_t stream, uint32_t t) {
  return n->params.shape.body->by_stream ? (size_t)stream * n->size.steps + t : (size_t)t * n->streams + stream;
}

static uint32_t n_leaps(const PmtTrainShape* s) { return 2 * s->leap + 1; }

static void layout(PmtArena* a, PmtNetwork* n) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n), f = sizeof(float);
  const bool train = n->size.train;
  n->x = pmt_arena_take(a, rows * s->d, f);
  n->x_mask = train ? pmt_arena_take(a, rows * s->d, 1) : NULL;
  n->top = pmt_arena_take(a, rows * n->width, f);
  n->seen = train && s->body->drop_top ? pmt_arena_take(a, rows * n->width, f) : n->top;
  n->top_mask = train && s->body->drop_top ? pmt_arena_take(a, rows * n->width, 1) : NULL;
  n->logits = pmt_arena_take(a, rows * s->vocab, f);
  n->leaps = s->n_anchors ? pmt_arena_take(a, rows * n_leaps(s), f) : NULL;
  n->kinds = s->n_kinds ? pmt_arena_take(a, rows * s->n_kinds, f) : NULL;
  n->d_rows = train ? pmt_arena_take(a, rows * (n->width > s->d ? n->width : s->d), f) : NULL;
}

PmtStatus pmt_network_new(const PmtBodySize* size, PmtNetwork** network) {
  *network = NULL;
  const PmtTrainShape* s = &size->params->shape;
  PmtNetwork* n = calloc(1, sizeof *n);
  if (!n) { return PMT_NO_MEM; }
  *n = (PmtNetwork){.size = *size, .params = *size->params, .streams = size->streams, .width = s->body->width(s)};
  n->size.params = &n->params;
  n->out = pmt_params_at(&n->params, "out.weight", 0);
  n->bias = pmt_params_at(&n->params, "out.bias", 0);
  for (uint32_t i = 0; i < s->n_anchors; ++i) { n->leap[i] = pmt_params_at(&n->params, "out.leap%u.weight", i); }
  n->kind = s->n_kinds ? pmt_params_at(&n->params, "out.kind.weight", 0) : 0;
  n->arena = pmt_arena_measure();
  layout(&n->arena, n);
  if (pmt_arena_allocate(&n->arena) || s->body->work_new(&n->size, &n->work)) {
    pmt_network_free(n);
    return PMT_NO_MEM;
  }
  layout(&n->arena, n);
  *network = n;
  return PMT_OK;
}

void pmt_network_free(PmtNetwork* n) {
  if (!n) { return; }
  n->params.shape.body->work_free(n->work);
  pmt_arena_release(&n->arena);
  free(n);
}

void pmt_network_narrow(PmtNetwork* n, uint32_t streams) {
  n->streams = streams;
  n->params.shape.body->narrow(n->work, streams);
}

float* pmt_network_state(PmtNetwork* n, size_t* n_floats) { return n->params.shape.body->state(n->work, n_floats); }

const float* pmt_network_logits(const PmtNetwork* n) { return n->logits; }
void pmt_network_keep_logits(PmtNetwork* n, bool keep) { n->keep_logits = keep; }

float* pmt_prepared_new(const PmtParams* params, bool train) {
  const size_t bytes = params->shape.body->prepared_floats(params, train) * sizeof(float);
  return aligned_alloc(64, bytes / 64 * 64 + 64); /* never of size 0 */
}

void pmt_prepare(const PmtParams* params, bool train, const float* w, float* prepared, uint32_t part, uint32_t n_parts) {
  params->shape.body->prepare(params, train, w, prepared, part, n_parts);
}

/* -- inputs --------------------------------------------------------------------------------------------------- */

/** Offsets of the rows that make x of a cell. @return how many */
static uint32_t input_rows(const PmtParams* p, const PmtCell* cell, size_t at[PMT_INPUTS_MAX + 1]) {
  const uint32_t d = p->shape.d;
  uint32_t n = 0;
  at[n++] = p->block[0].at + (size_t)cell->token * d;
  for (uint32_t i = 0; i < p->shape.n_tables; ++i) {
    if (cell->input[i] >= 0) { at[n++] = p->block[1 + i].at + (size_t)cell->input[i] * d; }
  }
  return n;
}

static void embed(const PmtNetwork* n, const PmtPass* pass) {
  const uint32_t d = n->params.shape.d;
  for (size_t r = 0; r < pmt_network_rows(n); ++r) {
    size_t at[PMT_INPUTS_MAX + 1];
    const uint32_t n_at = input_rows(&n->params, &pass->cells[r], at);
    memcpy(n->x + r * d, pass->w + at[0], d * sizeof(float));
    for (uint32_t i = 1; i < n_at; ++i) { pmt_point_add(d, n->x + r * d, pass->w + at[i]); }
  }
}

static void embed_backward(const PmtNetwork* n, const PmtPass* pass, float* gradient) {
  const uint32_t d = n->params.shape.d;
  for (size_t r = 0; r < pmt_network_rows(n); ++r) {
    size_t at[PMT_INPUTS_MAX + 1];
    const uint32_t n_at = input_rows(&n->params, &pass->cells[r], at);
    for (uint32_t i = 0; i < n_at; ++i) { pmt_point_add(d, gradient + at[i], n->d_rows + r * d); }
  }
}

/* -- output --------------------------------------------------------------------------------------------------- */

/** The run of tokens that leaps reach from an anchor: tokens first..end-1 have the leaps first - anchor + leap ... */
typedef struct { uint32_t first, end, leap; } Reach;

static Reach reach_of(const PmtTrainShape* s, int anchor) {
  const int lo = anchor - (int)s->leap, hi = anchor + (int)s->leap + 1;
  Reach r = {.first = lo > 0 ? (uint32_t)lo : 0, .end = hi < (int)s->leap_tokens ? (uint32_t)hi : s->leap_tokens};
  if (anchor < 0) { r.end = r.first = 0; }
  r.leap = (uint32_t)((int)r.first - lo);
  return r;
}

static void add_leaps(const PmtNetwork* n, const PmtPass* pass, uint32_t anchor) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n);
  pmt_product_forward(rows, n->width, n_leaps(s), n->seen, pass->w + n->leap[anchor], n->leaps);
  for (size_t r = 0; r < rows; ++r) {
    const Reach reach = reach_of(s, pass->cells[r].anchor[anchor]);
    if (reach.end > reach.first) {
      pmt_point_add(reach.end - reach.first, n->logits + r * s->vocab + reach.first, n->leaps + r * n_leaps(s) + reach.leap);
    }
  }
}

/** d(logits) stand in logits; the leaps' share is added to d_rows. */
static void leaps_backward(const PmtNetwork* n, const PmtPass* pass, uint32_t anchor, float* gradient) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n);
  memset(n->leaps, 0, rows * n_leaps(s) * sizeof(float));
  for (size_t r = 0; r < rows; ++r) {
    const Reach reach = reach_of(s, pass->cells[r].anchor[anchor]);
    if (reach.end > reach.first) {
      memcpy(n->leaps + r * n_leaps(s) + reach.leap, n->logits + r * s->vocab + reach.first,
             (reach.end - reach.first) * sizeof(float));
    }
  }
  pmt_product_weights(rows, n->width, n_leaps(s), n->leaps, n->seen, gradient + n->leap[anchor]);
  pmt_product_input_add(rows, n->width, n_leaps(s), n->leaps, pass->w + n->leap[anchor], n->d_rows);
}

static void add_kinds(const PmtNetwork* n, const PmtPass* pass) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n);
  pmt_product_forward(rows, n->width, s->n_kinds, n->seen, pass->w + n->kind, n->kinds);
  for (size_t r = 0; r < rows; ++r) {
    for (uint32_t v = 0; v < s->leap_tokens; ++v) {
      n->logits[r * s->vocab + v] += n->kinds[r * s->n_kinds + pass->cells[r].kind[v % PMT_CLASSES]];
    }
  }
}

static void kinds_backward(const PmtNetwork* n, const PmtPass* pass, float* gradient) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n);
  memset(n->kinds, 0, rows * s->n_kinds * sizeof(float));
  for (size_t r = 0; r < rows; ++r) {
    for (uint32_t v = 0; v < s->leap_tokens; ++v) {
      n->kinds[r * s->n_kinds + pass->cells[r].kind[v % PMT_CLASSES]] += n->logits[r * s->vocab + v];
    }
  }
  pmt_product_weights(rows, n->width, s->n_kinds, n->kinds, n->seen, gradient + n->kind);
  pmt_product_input_add(rows, n->width, s->n_kinds, n->kinds, pass->w + n->kind, n->d_rows);
}

static double losses(PmtNetwork* n, const PmtPass* pass, float* row_nats) {
  const uint32_t v = n->params.shape.vocab;
  double total = 0.0;
  for (size_t r = 0; r < pmt_network_rows(n); ++r) {
    const PmtCell* cell = &pass->cells[r];
    float* logits = n->logits + r * v;
    const float wanted = logits[cell->target];
    const float log_sum = n->size.train && !n->keep_logits ? pmt_point_softmax(v, logits) : pmt_point_log_sum(v, logits);
    const float cost = cell->counts ? log_sum - wanted : 0.0f;
    if (row_nats) { row_nats[r] = cost; }
    total += (double)cost;
  }
  return total;
}

double pmt_network_forward(PmtNetwork* n, const PmtPass* pass, float* row_nats) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n);
  embed(n, pass);
  if (s->body->enter) { s->body->enter(n->work, pass, n->x); }
  pmt_drop_out(pass->dropout, n->size.part, SITE_INPUT, rows * s->d, n->x, n->x_mask, n->x);
  s->body->forward(n->work, pass, n->x, n->top);
  if (s->body->drop_top && n->size.train) {
    pmt_drop_out(pass->dropout, n->size.part, SITE_TOP, rows * n->width, n->top, n->top_mask, n->seen);
  }
  pmt_product_forward(rows, n->width, s->vocab, n->seen, pass->w + n->out, n->logits);
  for (size_t r = 0; r < rows; ++r) { pmt_point_add(s->vocab, n->logits + r * s->vocab, pass->w + n->bias); }
  for (uint32_t i = 0; i < s->n_anchors; ++i) { add_leaps(n, pass, i); }
  if (n->kinds) { add_kinds(n, pass); }
  return losses(n, pass, row_nats);
}

/** Probabilities become d(logits); the output's weights get their gradients; d_rows becomes d(top). */
static void output_backward(PmtNetwork* n, const PmtPass* pass, float scale, float* gradient) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n);
  for (size_t r = 0; r < rows; ++r) {
    float* row = n->logits + r * s->vocab;
    row[pass->cells[r].target] -= 1.0f;
    pmt_point_scale(s->vocab, row, pass->cells[r].counts ? scale : 0.0f);
    pmt_point_add(s->vocab, gradient + n->bias, row);
  }
  pmt_product_weights(rows, n->width, s->vocab, n->logits, n->seen, gradient + n->out);
  pmt_product_input(rows, n->width, s->vocab, n->logits, pass->w + n->out, n->d_rows);
  for (uint32_t i = 0; i < s->n_anchors; ++i) { leaps_backward(n, pass, i, gradient); }
  if (n->kinds) { kinds_backward(n, pass, gradient); }
  if (n->top_mask) { pmt_drop_out_backward(pass->dropout, rows * n->width, n->top_mask, n->d_rows); }
}

void pmt_network_backward(PmtNetwork* n, const PmtPass* pass, float scale, float* gradient) {
  const PmtTrainShape* s = &n->params.shape;
  memset(gradient, 0, n->params.n_floats * sizeof *gradient);
  output_backward(n, pass, scale, gradient);
  s->body->backward(n->work, pass, n->d_rows, gradient);
  pmt_drop_out_backward(pass->dropout, pmt_network_rows(n) * s->d, n->x_mask, n->d_rows);
  embed_backward(n, pass, gradient);
}
