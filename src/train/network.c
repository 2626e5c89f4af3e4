/* SPDX-License-Identifier: ISC */
/** @file network.c  See network.h. */
#include "train/network.h"

#include "base/arena.h"
#include "train/pointwise.h"
#include "train/products.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** One that the shape has, and where its rows stand among the columns of `extra`. */
typedef struct {
  PmtLeap leap;
  uint32_t index, column;
} Leap;

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
  float* extra;     /* (rows, n_extra) of leaps and kinds, then their gradients */
  float* spread;    /* (kind_span) */
  float* d_rows;    /* (rows, max(width, d)); train only */
  size_t out, bias;
  size_t table[PMT_INPUTS_MUSIC], hint[PMT_HINTS_MAX]; /* offsets of the input tables; NOWHERE = left out */
  Leap leap[PMT_LEAPS_MAX];
  uint32_t n_leaps, n_extra, kinds; /* kinds: column of the first */
  size_t extra_at;  /* offset of their weights */
};

static const size_t NOWHERE = SIZE_MAX;

enum { SITE_INPUT = 0, SITE_TOP = 63 };

size_t pmt_network_rows(const PmtNetwork* n) { return (size_t)n->streams * n->size.steps; }

size_t pmt_network_row(const PmtNetwork* n, uint32_t stream, uint32_t t) {
  return n->params.shape.body->by_stream ? (size_t)stream * n->size.steps + t : (size_t)t * n->streams + stream;
}

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
  n->extra = pmt_arena_take(a, rows * n->n_extra, f);
  n->spread = pmt_arena_take(a, s->hints.kind_span, f);
  n->d_rows = train ? pmt_arena_take(a, rows * (n->width > s->d ? n->width : s->d), f) : NULL;
}

static size_t table_at(const PmtParams* params, const PmtHintTable* table) {
  char name[40];
  snprintf(name, sizeof name, "%s.weight", table->name);
  return table->rows ? pmt_params_find(params, name)->at : NOWHERE;
}

/** Where everything stands that depends on which hints there are. */
static void find_hints(PmtNetwork* n) {
  const PmtTrainShape* s = &n->params.shape;
  for (uint32_t i = 0; i < s->n_tables; ++i) { n->table[i] = table_at(&n->params, &s->table[i]); }
  for (uint32_t i = 0; i < s->hints.n_tables; ++i) { n->hint[i] = table_at(&n->params, &s->hints.table[i]); }
  for (uint32_t i = 0; i < s->hints.n_leaps; ++i) {
    const PmtLeap* leap = &s->hints.leap[i];
    if (!leap->count) { continue; }
    n->leap[n->n_leaps++] = (Leap){.leap = *leap, .index = i, .column = n->n_extra};
    n->n_extra += 2 * leap->reach + 1;
  }
  n->kinds = n->n_extra;
  n->n_extra += s->hints.n_kinds;
  n->extra_at = n->n_extra ? pmt_params_extra(&n->params) : 0;
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
  find_hints(n);
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

enum { ROWS_MAX = 1 + PMT_INPUTS_MUSIC + PMT_HINTS_MAX };

static uint32_t add_rows(uint32_t d, const size_t* table, uint32_t n_tables, const int16_t* row, size_t* at) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < n_tables; ++i) {
    if (row[i] >= 0 && table[i] != NOWHERE) { at[n++] = table[i] + (size_t)row[i] * d; }
  }
  return n;
}

/** Offsets of the rows that make x of a cell. @return how many */
static uint32_t input_rows(const PmtNetwork* net, const PmtCell* cell, size_t at[ROWS_MAX]) {
  const PmtTrainShape* s = &net->params.shape;
  uint32_t n = 0;
  at[n++] = net->params.block[0].at + (size_t)cell->token * s->d;
  n += add_rows(s->d, net->table, s->n_tables, cell->input, at + n);
  return n + add_rows(s->d, net->hint, s->hints.n_tables, cell->hints.row, at + n);
}

static void embed(const PmtNetwork* n, const PmtPass* pass) {
  const uint32_t d = n->params.shape.d;
  for (size_t r = 0; r < pmt_network_rows(n); ++r) {
    size_t at[ROWS_MAX];
    const uint32_t n_at = input_rows(n, &pass->cells[r], at);
    memcpy(n->x + r * d, pass->w + at[0], d * sizeof(float));
    for (uint32_t i = 1; i < n_at; ++i) { pmt_point_add(d, n->x + r * d, pass->w + at[i]); }
  }
}

static void embed_backward(const PmtNetwork* n, const PmtPass* pass, float* gradient) {
  const uint32_t d = n->params.shape.d;
  for (size_t r = 0; r < pmt_network_rows(n); ++r) {
    size_t at[ROWS_MAX];
    const uint32_t n_at = input_rows(n, &pass->cells[r], at);
    for (uint32_t i = 0; i < n_at; ++i) { pmt_point_add(d, gradient + at[i], n->d_rows + r * d); }
  }
}

/* -- output --------------------------------------------------------------------------------------------------- */

/** The tokens that a leap reaches from an anchor, a run of the vocabulary, and which column of `extra` the first one has. */
typedef struct { uint32_t token, column, n; } Reach;

static Reach reach_of(const Leap* l, const PmtCell* cell) {
  const int anchor = cell->hints.anchor[l->index], reach = (int)l->leap.reach, count = (int)l->leap.count;
  const int lo = anchor - reach, hi = anchor + reach + 1;
  const int first = lo > 0 ? lo : 0, end = hi < count ? hi : count;
  if (anchor < 0 || end <= first) { return (Reach){0, 0, 0}; }
  return (Reach){l->leap.first + (uint32_t)first, l->column + (uint32_t)(first - lo), (uint32_t)(end - first)};
}

static void add_leaps(const PmtNetwork* n, const PmtCell* cell, const float* extra, float* logits) {
  for (uint32_t i = 0; i < n->n_leaps; ++i) {
    const Reach reach = reach_of(&n->leap[i], cell);
    if (reach.n) { pmt_point_add(reach.n, logits + reach.token, extra + reach.column); }
  }
}

/** @param d gradients of the logits @param[in,out] d_extra zero before the first */
static void take_leaps(const PmtNetwork* n, const PmtCell* cell, const float* d, float* d_extra) {
  for (uint32_t i = 0; i < n->n_leaps; ++i) {
    const Reach reach = reach_of(&n->leap[i], cell);
    if (reach.n) { memcpy(d_extra + reach.column, d + reach.token, reach.n * sizeof *d); }
  }
}

/** @param spread (kind_span) scratch: what each token of a span is given */
static void add_kinds(const PmtHintShape* hints, const PmtCell* cell, const float* kinds, float* spread, float* logits) {
  const uint32_t span = hints->kind_span;
  for (uint32_t i = 0; i < span; ++i) { spread[i] = kinds[cell->hints.kind[i % PMT_CLASSES]]; }
  for (uint32_t i = 0; i < hints->kind_count; i += span) {
    pmt_point_add(hints->kind_count - i < span ? hints->kind_count - i : span, logits + hints->kind_first + i, spread);
  }
}

static void take_kinds(const PmtHintShape* hints, const PmtCell* cell, const float* d, float* spread, float* d_kinds) {
  const uint32_t span = hints->kind_span;
  memset(spread, 0, span * sizeof *spread);
  for (uint32_t i = 0; i < hints->kind_count; i += span) {
    pmt_point_add(hints->kind_count - i < span ? hints->kind_count - i : span, spread, d + hints->kind_first + i);
  }
  for (uint32_t i = 0; i < span; ++i) { d_kinds[cell->hints.kind[i % PMT_CLASSES]] += spread[i]; }
}

/** Leaps and kinds: one product for all their rows, then each to the tokens that it speaks of. */
static void add_hints(const PmtNetwork* n, const PmtPass* pass) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n);
  if (!n->n_extra) { return; }
  pmt_product_forward(rows, n->width, n->n_extra, n->seen, pass->w + n->extra_at, n->extra);
  for (size_t r = 0; r < rows; ++r) {
    float *logits = n->logits + r * s->vocab, *extra = n->extra + r * n->n_extra;
    add_leaps(n, &pass->cells[r], extra, logits);
    if (s->hints.n_kinds) { add_kinds(&s->hints, &pass->cells[r], extra + n->kinds, n->spread, logits); }
  }
}

/** d(logits) stand in logits; what comes through the hints is added to d_rows. */
static void hints_backward(const PmtNetwork* n, const PmtPass* pass, float* gradient) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = pmt_network_rows(n);
  if (!n->n_extra) { return; }
  memset(n->extra, 0, rows * n->n_extra * sizeof(float));
  for (size_t r = 0; r < rows; ++r) {
    float *d = n->logits + r * s->vocab, *d_extra = n->extra + r * n->n_extra;
    take_leaps(n, &pass->cells[r], d, d_extra);
    if (s->hints.n_kinds) { take_kinds(&s->hints, &pass->cells[r], d, n->spread, d_extra + n->kinds); }
  }
  pmt_product_weights(rows, n->width, n->n_extra, n->extra, n->seen, gradient + n->extra_at);
  pmt_product_input_add(rows, n->width, n->n_extra, n->extra, pass->w + n->extra_at, n->d_rows);
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
  add_hints(n, pass);
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
  hints_backward(n, pass, gradient);
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
