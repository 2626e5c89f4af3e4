/* SPDX-License-Identifier: ISC */
/** @file body_tf.c  The Transformer decoder: pre-norm, gelu by tanh, five ways to know where (docs/model.md, section 4).
    Above: network.c. Below: attention.c, products.h, pointwise.c.

    Streams are windows of T positions. What came before a window is seen through keys and values kept from earlier
    calls (`past` of them, no gradient), so that a chain of calls sees what the run time's ring of `window` entries sees.
    A position with `reset` begins anew: nothing before it is seen, and added positions count from it. */
#include "train/body.h"

#include "base/arena.h"
#include "train/attention.h"
#include "train/pointwise.h"
#include "train/products.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- weights -------------------------------------------------------------------------------------------------- */

static PmtStatus check(const PmtTrainShape* s, PmtError* error) {
  if (!s->heads || s->d % s->heads || s->d / s->heads % 2) {
    return pmt_fail(error, PMT_BAD_ARG, "width %u and %u heads: a head must be an even part of the width", s->d, s->heads);
  }
  if (s->ff < 1 || s->ff > 4 * PMT_NET_DIM_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "ff %u: it must be 1 to %d", s->ff, 4 * PMT_NET_DIM_MAX);
  }
  if (s->window < 2 || s->window > PMT_TRAIN_WINDOW_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "window %u: it must be 2 to %d", s->window, PMT_TRAIN_WINDOW_MAX);
  }
  if (s->pos == PMT_POS_REL && (s->reach < 1 || s->reach > s->window)) {
    return pmt_fail(error, PMT_BAD_ARG, "rel: %u rows of distances, 1 to the window of %u are possible", s->reach, s->window);
  }
  return PMT_OK;
}

static uint32_t width(const PmtTrainShape* s) { return s->d; }

static void describe(const PmtTrainShape* s, char* text, size_t size) {
  snprintf(text, size, "tf %u x %u, heads %u, ff %u, window %u, %s", s->layers, s->d, s->heads, s->ff, s->window,
           pmt_train_pos_name(s->pos));
  if (s->pos == PMT_POS_REL) {
    const size_t n = strlen(text);
    snprintf(text + n, size - n, " %u", s->reach);
  }
}

static void add_matrix(PmtParams* p, const char* format, uint32_t layer, uint32_t rows, uint32_t cols, float reach) {
  PmtBlock* b = pmt_params_add(p, format, layer, rows, cols);
  b->decay = true;
  b->reach = reach;
}

/** Uniform with variance 1 / inputs; what is added to the stream is smaller the more layers add to it. */
static void layout(PmtParams* p) {
  const PmtTrainShape* s = &p->shape;
  const float reach = sqrtf(3.0f / (float)s->d), depth = 1.0f / sqrtf(2.0f * (float)s->layers);
  for (uint32_t l = 0; l < s->layers; ++l) {
    pmt_params_add(p, "blk.%u.norm1.weight", l, s->d, 1)->centre = 1.0f;
    add_matrix(p, "blk.%u.qkv.weight", l, 3 * s->d, s->d, 0.7f * reach);
    if (s->pos == PMT_POS_REL) { pmt_params_add(p, "blk.%u.rel.weight", l, s->reach, s->d)->reach = 0.1f; }
    add_matrix(p, "blk.%u.o.weight", l, s->d, s->d, depth * reach);
    pmt_params_add(p, "blk.%u.norm2.weight", l, s->d, 1)->centre = 1.0f;
    add_matrix(p, "blk.%u.f1.weight", l, s->ff, s->d, reach);
    pmt_params_add(p, "blk.%u.f1.bias", l, s->ff, 1);
    add_matrix(p, "blk.%u.f2.weight", l, s->d, s->ff, depth * sqrtf(3.0f / (float)s->ff));
    pmt_params_add(p, "blk.%u.f2.bias", l, s->d, 1);
  }
  pmt_params_add(p, "norm.weight", 0, s->d, 1)->centre = 1.0f;
}

/** The distance tables in attention.h's order: by head, farthest first. */
static size_t distance_floats(const PmtTrainShape* s) {
  return s->pos == PMT_POS_REL ? (size_t)s->reach * s->d : 0;
}

static size_t prepared_floats(const PmtParams* p, bool train) {
  (void)train;
  return p->shape.layers * distance_floats(&p->shape);
}

/** Row `distance` of head `h` in that order. */
static size_t turned(const PmtTrainShape* s, uint32_t h, uint32_t distance) {
  return ((size_t)h * s->reach + s->reach - 1 - distance) * (s->d / s->heads);
}

static void prepare(const PmtParams* p, bool train, const float* w, float* prepared, uint32_t part, uint32_t n_parts) {
  const PmtTrainShape* s = &p->shape;
  (void)train;
  if (s->pos != PMT_POS_REL) { return; }
  const uint32_t e = s->d / s->heads;
  for (uint32_t l = part; l < s->layers; l += n_parts) {
    const float* from = w + pmt_params_at(p, "blk.%u.rel.weight", l);
    float* to = prepared + l * distance_floats(s);
    for (uint32_t i = 0; i < s->reach; ++i) {
      for (uint32_t h = 0; h < s->heads; ++h) { memcpy(to + turned(s, h, i), from + (size_t)i * s->d + h * e, e * sizeof *to); }
    }
  }
}

/* -- work memory ---------------------------------------------------------------------------------------------- */

/** Offsets of a layer's weights. */
typedef struct { size_t norm1, qkv, rel, o, norm2, f1, f1_bias, f2, f2_bias; } Weights;

/** What a layer leaves for its way back. Without one all layers work in the same place. */
typedef struct {
  const float* x;      /* (rows, d) what enters: the caller's, or the layer below's out */
  float *scale1, *scale2; /* (rows) of the norms */
  float* a;            /* (rows, d) normed x */
  float *q, *k, *v;    /* (streams, H, T, e), (streams, H, K, e) twice; q and k turned */
  float* p;            /* (streams, H, T, K) */
  float* o;            /* (rows, d) of all heads */
  float* middle;       /* (rows, d) x and attention */
  float* b;            /* (rows, d) normed middle */
  float* slope;        /* (rows, ff) derivative of gelu */
  float* g;            /* (rows, ff) gelu */
  float* out;          /* (rows, d) middle and feed-forward */
  uint8_t *mask1, *mask2; /* (rows, d) */
} Layer;

/** Where a stream is, between calls. */
typedef struct { float have, steps, beats; } Place; /* keys kept; positions and beats since the beginning */
enum { PLACE_FLOATS = sizeof(Place) / sizeof(float) };

typedef struct {
  PmtBodySize size;
  PmtParams params;
  uint32_t streams;
  PmtArena arena;
  Weights weights[PMT_TRAIN_LAYERS_MAX];
  Layer layer[PMT_TRAIN_LAYERS_MAX];
  size_t norm;
  float* last_scale;   /* (rows) */
  float* y;            /* (rows, d) scratch */
  float* wide;         /* (rows, max(3 d, ff)) scratch */
  float* scratch;      /* of attention */
  float *dq, *dk, *dv; /* (H, T, e) of one stream */
  float* d_distance;   /* (H, reach, e) */
  float* slope;        /* (H) alibi */
  float* added;        /* (rows of the table, d) sinusoids */
  double* frequency;   /* (e / 2) angle a position, or a beat */
  float* turn;         /* (rows, e) cosine and sine of each pair */
  uint32_t* first;     /* (streams, T) first key seen */
  float* state;        /* (streams) of Place, then (layers, streams) of keys and values kept */
} Tf;

static size_t rows_of(const Tf* n) { return (size_t)n->streams * n->size.steps; }
static uint32_t keys_of(const Tf* n) { return n->size.past + n->size.steps; }
static uint32_t head_width(const Tf* n) { return n->params.shape.d / n->params.shape.heads; }
static bool turns(const Tf* n) { return n->params.shape.pos == PMT_POS_ROPE || n->params.shape.pos == PMT_POS_ROPE2; }
static bool adds(const Tf* n) { return n->params.shape.pos == PMT_POS_SIN; }

/** Positions that can be asked for: a window in training, or as many as it takes to fill the run time's. */
static uint32_t added_rows(const Tf* n) {
  return n->params.shape.window > n->size.steps ? n->params.shape.window : n->size.steps;
}

/** Of one stream and layer: keys (H, past, e), then values. */
static size_t kept_floats(const Tf* n) { return (size_t)n->size.past * 2 * n->params.shape.d; }

static size_t state_floats(const Tf* n, uint32_t streams) {
  return n->size.past ? streams * (PLACE_FLOATS + n->params.shape.layers * kept_floats(n)) : 0;
}

static float* kept_at(const Tf* n, uint32_t layer, uint32_t stream) {
  return n->state + PLACE_FLOATS * n->streams + ((size_t)layer * n->streams + stream) * kept_floats(n);
}

static void layout_layer(PmtArena* a, Tf* n, Layer* k) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = rows_of(n), d = s->d, f = sizeof(float), keys = (size_t)n->streams * keys_of(n) * d;
  k->scale1 = pmt_arena_take(a, rows, f);
  k->scale2 = pmt_arena_take(a, rows, f);
  k->a = pmt_arena_take(a, rows * d, f);
  k->q = pmt_arena_take(a, rows * d, f);
  k->k = pmt_arena_take(a, keys, f);
  k->v = pmt_arena_take(a, keys, f);
  k->p = pmt_arena_take(a, rows * s->heads, keys_of(n) * f);
  k->o = pmt_arena_take(a, rows * d, f);
  k->middle = pmt_arena_take(a, rows * d, f);
  k->b = pmt_arena_take(a, rows * d, f);
  k->slope = pmt_arena_take(a, rows * s->ff, f);
  k->g = pmt_arena_take(a, rows * s->ff, f);
  k->out = pmt_arena_take(a, rows * d, f);
  k->mask1 = n->size.train ? pmt_arena_take(a, rows * d, 1) : NULL;
  k->mask2 = n->size.train ? pmt_arena_take(a, rows * d, 1) : NULL;
}

static void layout_work(PmtArena* a, Tf* n) {
  const PmtTrainShape* s = &n->params.shape;
  const size_t rows = rows_of(n), d = s->d, f = sizeof(float), steps = n->size.steps;
  const bool rel = s->pos == PMT_POS_REL;
  for (uint32_t l = 0; l < s->layers; ++l) {
    if (l && !n->size.train) { n->layer[l] = n->layer[0]; }
    else { layout_layer(a, n, &n->layer[l]); }
  }
  n->last_scale = pmt_arena_take(a, rows, f);
  n->y = pmt_arena_take(a, rows * d, f);
  n->wide = pmt_arena_take(a, rows * (3 * d > s->ff ? 3 * d : s->ff), f);
  n->scratch = pmt_arena_take(a, pmt_attention_scratch(n->size.steps, n->size.past, rel ? s->reach : 0), f);
  n->dq = n->size.train ? pmt_arena_take(a, steps * d, f) : NULL;
  n->dk = n->size.train ? pmt_arena_take(a, steps * d, f) : NULL;
  n->dv = n->size.train ? pmt_arena_take(a, steps * d, f) : NULL;
  n->d_distance = n->size.train && rel ? pmt_arena_take(a, distance_floats(s), f) : NULL;
  n->slope = s->pos == PMT_POS_ALIBI ? pmt_arena_take(a, s->heads, f) : NULL;
  n->added = adds(n) ? pmt_arena_take(a, added_rows(n) * d, f) : NULL;
  n->frequency = turns(n) ? pmt_arena_take(a, head_width(n) / 2, sizeof(double)) : NULL;
  n->turn = turns(n) ? pmt_arena_take(a, rows * head_width(n), f) : NULL;
  n->first = pmt_arena_take(a, rows, sizeof(uint32_t));
  n->state = pmt_arena_take(a, state_floats(n, n->size.streams), f);
}

static void find_weights(Tf* n) {
  const PmtParams* p = &n->params;
  for (uint32_t l = 0; l < p->shape.layers; ++l) {
    n->weights[l] = (Weights){
      .norm1 = pmt_params_at(p, "blk.%u.norm1.weight", l), .qkv = pmt_params_at(p, "blk.%u.qkv.weight", l),
      .rel = p->shape.pos == PMT_POS_REL ? pmt_params_at(p, "blk.%u.rel.weight", l) : 0,
      .o = pmt_params_at(p, "blk.%u.o.weight", l), .norm2 = pmt_params_at(p, "blk.%u.norm2.weight", l),
      .f1 = pmt_params_at(p, "blk.%u.f1.weight", l), .f1_bias = pmt_params_at(p, "blk.%u.f1.bias", l),
      .f2 = pmt_params_at(p, "blk.%u.f2.weight", l), .f2_bias = pmt_params_at(p, "blk.%u.f2.bias", l)};
  }
  n->norm = pmt_params_at(p, "norm.weight", 0);
}

/** Constants of the way it knows where. */
static void fill_positions(Tf* n) {
  const PmtTrainShape* s = &n->params.shape;
  const uint32_t e = head_width(n), quarter = e / 4, n_beats = e / 2 - quarter;
  for (uint32_t i = 0; turns(n) && i < e / 2; ++i) {
    n->frequency[i] = pow(10000.0, -2.0 * i / e);
    if (s->pos == PMT_POS_ROPE || i < quarter) { continue; }
    n->frequency[i] = M_PI / pow(64.0, n_beats > 1 ? (double)(i - quarter) / (n_beats - 1) : 0.0); /* periods 2..128 */
  }
  for (uint32_t h = 0; n->slope && h < s->heads; ++h) { n->slope[h] = (float)pow(2.0, -8.0 * (h + 1) / s->heads); }
  for (uint32_t t = 0; n->added && t < added_rows(n); ++t) {
    for (uint32_t i = 0; i < s->d; ++i) {
      const double angle = t * pow(10000.0, -2.0 * (i / 2) / s->d);
      n->added[(size_t)t * s->d + i] = (float)(i % 2 ? cos(angle) : sin(angle));
    }
  }
}

static PmtStatus work_new(const PmtBodySize* size, PmtBodyWork** work) {
  *work = NULL;
  Tf* n = calloc(1, sizeof *n);
  if (!n) { return PMT_NO_MEM; }
  *n = (Tf){.size = *size, .params = *size->params, .streams = size->streams};
  n->arena = pmt_arena_measure();
  layout_work(&n->arena, n);
  if (pmt_arena_allocate(&n->arena)) {
    free(n);
    return PMT_NO_MEM;
  }
  layout_work(&n->arena, n);
  find_weights(n);
  fill_positions(n);
  *work = (PmtBodyWork*)n;
  return PMT_OK;
}

static void work_free(PmtBodyWork* work) {
  Tf* n = (Tf*)work;
  if (!n) { return; }
  pmt_arena_release(&n->arena);
  free(n);
}

static float* state(PmtBodyWork* work, size_t* n_floats) {
  const Tf* n = (Tf*)work;
  if (n_floats) { *n_floats = state_floats(n, n->streams); }
  return n->state;
}

static void narrow(PmtBodyWork* work, uint32_t streams) {
  Tf* n = (Tf*)work;
  n->streams = streams; /* rows become fewer; every buffer still has room */
  memset(n->state, 0, state_floats(n, streams) * sizeof *n->state);
}

/* -- where ------------------------------------------------------------------------------------------------------ */

static void find_turn(const Tf* n, size_t row, const Place* at) {
  const uint32_t e = head_width(n);
  float* turn = n->turn + row * e;
  for (uint32_t i = 0; i < e / 2; ++i) {
    const bool musical = n->params.shape.pos == PMT_POS_ROPE2 && i >= e / 4;
    const double angle = n->frequency[i] * (double)(musical ? at->beats : at->steps);
    turn[2 * i] = (float)cos(angle);
    turn[2 * i + 1] = (float)sin(angle);
  }
}

/** What each query sees, where it stands; sinusoids are added. */
static void enter(PmtBodyWork* work, const PmtPass* pass, float* x) {
  Tf* n = (Tf*)work;
  const PmtTrainShape* s = &n->params.shape;
  const uint32_t steps = n->size.steps, past = n->size.past;
  Place* places = (Place*)n->state;
  for (uint32_t k = 0; k < n->streams; ++k) {
    Place at = past ? places[k] : (Place){0};
    uint32_t begin = past - (uint32_t)at.have;
    for (uint32_t t = 0; t < steps; ++t) {
      const size_t row = (size_t)k * steps + t;
      const PmtCell* cell = &pass->cells[row];
      if (cell->reset) {
        begin = past + t;
        at = (Place){0};
      }
      at.beats += cell->beat;
      const uint32_t in_window = past + t + 1 > s->window ? past + t + 1 - s->window : 0;
      n->first[row] = begin > in_window ? begin : in_window;
      if (turns(n)) { find_turn(n, row, &at); }
      if (adds(n)) { pmt_point_add(s->d, x + row * s->d, n->added + (size_t)at.steps * s->d); }
      at.steps += 1.0f;
    }
    at.have = (float)(past + steps - begin < past ? past + steps - begin : past);
    if (past) { places[k] = at; }
  }
}

/* -- forward ---------------------------------------------------------------------------------------------------- */

static void norm_rows(const Tf* n, const float* x, const float* gain, float* y, float* scale) {
  const size_t d = n->params.shape.d;
  for (size_t r = 0; r < rows_of(n); ++r) { scale[r] = pmt_point_rms((uint32_t)d, x + r * d, gain, y + r * d); }
}

/** Rows of q, k, v go to their heads, q and k turned. */
static void split_heads(const Tf* n, const Layer* layer, uint32_t stream) {
  const uint32_t d = n->params.shape.d, e = head_width(n), steps = n->size.steps, keys = keys_of(n), past = n->size.past;
  float *q = layer->q + (size_t)stream * steps * d, *k = layer->k + (size_t)stream * keys * d,
        *v = layer->v + (size_t)stream * keys * d;
  for (uint32_t t = 0; t < steps; ++t) {
    const size_t row = (size_t)stream * steps + t;
    const float* from = n->wide + row * 3 * d;
    for (uint32_t h = 0; h < n->params.shape.heads; ++h, from += e) {
      float *qt = q + ((size_t)h * steps + t) * e, *kt = k + ((size_t)h * keys + past + t) * e;
      if (turns(n)) {
        pmt_point_turn(e, n->turn + row * e, 1.0f, from, qt);
        pmt_point_turn(e, n->turn + row * e, 1.0f, from + d, kt);
      } else {
        memcpy(qt, from, e * sizeof *qt);
        memcpy(kt, from + d, e * sizeof *kt);
      }
      memcpy(v + ((size_t)h * keys + past + t) * e, from + 2 * d, e * sizeof *v);
    }
  }
}

/** Keys and values of earlier calls come before the new ones; of all these the last are kept for the next call. */
static void join_past(const Tf* n, const Layer* layer, uint32_t l, uint32_t stream) {
  const uint32_t e = head_width(n), keys = keys_of(n), steps = n->size.steps, heads = n->params.shape.heads;
  const size_t past = (size_t)n->size.past * e;
  float* kept = kept_at(n, l, stream);
  for (uint32_t h = 0; h < 2 * heads; ++h, kept += past) {
    float* head = (h < heads ? layer->k : layer->v) + ((size_t)stream * heads + h % heads) * keys * e;
    memcpy(head, kept, past * sizeof *head);
    memcpy(kept, head + (size_t)steps * e, past * sizeof *head);
  }
}

static PmtAttention attention_of(const Tf* n, const PmtPass* pass, uint32_t l, uint32_t stream) {
  const PmtTrainShape* s = &n->params.shape;
  const bool rel = s->pos == PMT_POS_REL;
  return (PmtAttention){.steps = n->size.steps, .past = n->size.past, .heads = s->heads, .e = head_width(n),
                        .first = n->first + (size_t)stream * n->size.steps, .slope = n->slope,
                        .distance = rel ? pass->prepared + l * distance_floats(s) : NULL, .reach = rel ? s->reach : 0};
}

static void attend(const Tf* n, const PmtPass* pass, uint32_t l) {
  const PmtTrainShape* s = &n->params.shape;
  const Layer* layer = &n->layer[l];
  const size_t steps = n->size.steps, keys = keys_of(n);
  for (uint32_t k = 0; k < n->streams; ++k) {
    const PmtAttention a = attention_of(n, pass, l, k);
    split_heads(n, layer, k);
    if (n->size.past) { join_past(n, layer, l, k); }
    pmt_attention_forward(&a, layer->q + k * steps * s->d, layer->k + k * keys * s->d, layer->v + k * keys * s->d,
                          layer->p + k * s->heads * steps * keys, n->scratch, layer->o + k * steps * s->d);
  }
}

static void layer_forward(Tf* n, uint32_t l, const PmtPass* pass) {
  const PmtTrainShape* s = &n->params.shape;
  const Weights* at = &n->weights[l];
  const Layer* layer = &n->layer[l];
  const float* w = pass->w;
  const size_t rows = rows_of(n), d = s->d;
  norm_rows(n, layer->x, w + at->norm1, layer->a, layer->scale1);
  pmt_product_forward(rows, s->d, 3 * s->d, layer->a, w + at->qkv, n->wide);
  attend(n, pass, l);
  pmt_product_forward(rows, s->d, s->d, layer->o, w + at->o, n->y);
  pmt_drop_out(pass->dropout, n->size.part, 2 * l + 1, rows * d, n->y, layer->mask1, n->y);
  pmt_point_sum(rows * d, layer->middle, layer->x, n->y);
  norm_rows(n, layer->middle, w + at->norm2, layer->b, layer->scale2);
  pmt_product_forward(rows, s->d, s->ff, layer->b, w + at->f1, layer->slope);
  for (size_t r = 0; r < rows; ++r) { pmt_point_gelu(s->ff, w + at->f1_bias, layer->slope + r * s->ff, layer->g + r * s->ff); }
  pmt_product_forward(rows, s->ff, s->d, layer->g, w + at->f2, n->y);
  for (size_t r = 0; r < rows; ++r) { pmt_point_add(d, n->y + r * d, w + at->f2_bias); }
  pmt_drop_out(pass->dropout, n->size.part, 2 * l + 2, rows * d, n->y, layer->mask2, n->y);
  pmt_point_sum(rows * d, layer->out, layer->middle, n->y);
}

static void forward(PmtBodyWork* work, const PmtPass* pass, const float* x, float* top) {
  Tf* n = (Tf*)work;
  const uint32_t layers = n->params.shape.layers;
  for (uint32_t l = 0; l < layers; ++l) {
    n->layer[l].x = l ? n->layer[l - 1].out : x;
    layer_forward(n, l, pass);
  }
  norm_rows(n, n->layer[layers - 1].out, pass->w + n->norm, top, n->last_scale);
}

/* -- backward --------------------------------------------------------------------------------------------------- */

/** @param dy (rows, d) of the normed rows @param[in,out] dx (rows, d) is added to */
static void norm_rows_backward(const Tf* n, const float* x, const float* gain, const float* scale, const float* dy,
                               float* dx, float* d_gain) {
  const size_t d = n->params.shape.d;
  for (size_t r = 0; r < rows_of(n); ++r) {
    pmt_point_rms_backward((uint32_t)d, x + r * d, gain, scale[r], dy + r * d, dx + r * d, d_gain);
  }
}

/** The reverse of split_heads: gradients of one stream's heads become rows of wide. */
static void join_heads(const Tf* n, uint32_t stream) {
  const uint32_t d = n->params.shape.d, e = head_width(n), steps = n->size.steps;
  for (uint32_t t = 0; t < steps; ++t) {
    const size_t row = (size_t)stream * steps + t;
    float* to = n->wide + row * 3 * d;
    for (uint32_t h = 0; h < n->params.shape.heads; ++h, to += e) {
      const size_t at = ((size_t)h * steps + t) * e;
      if (turns(n)) {
        pmt_point_turn(e, n->turn + row * e, -1.0f, n->dq + at, to);
        pmt_point_turn(e, n->turn + row * e, -1.0f, n->dk + at, to + d);
      } else {
        memcpy(to, n->dq + at, e * sizeof *to);
        memcpy(to + d, n->dk + at, e * sizeof *to);
      }
      memcpy(to + 2 * d, n->dv + at, e * sizeof *to);
    }
  }
}

/** @param d_out (rows, d) of the heads' output; wide becomes the gradient of q, k and v before they were turned */
static void attend_backward(const Tf* n, const PmtPass* pass, uint32_t l, const float* d_out, float* gradient) {
  const PmtTrainShape* s = &n->params.shape;
  const Layer* layer = &n->layer[l];
  const size_t steps = n->size.steps, keys = keys_of(n), e = head_width(n);
  if (n->d_distance) { memset(n->d_distance, 0, distance_floats(s) * sizeof(float)); }
  for (uint32_t k = 0; k < n->streams; ++k) {
    const PmtAttention a = attention_of(n, pass, l, k);
    pmt_attention_backward(&a, layer->q + k * steps * s->d, layer->k + k * keys * s->d, layer->v + k * keys * s->d,
                           layer->p + k * s->heads * steps * keys, d_out + k * steps * s->d, n->scratch, n->dq, n->dk, n->dv,
                           n->d_distance);
    join_heads(n, k);
  }
  for (uint32_t i = 0; n->d_distance && i < s->reach; ++i) {
    for (uint32_t h = 0; h < s->heads; ++h) {
      pmt_point_add(e, gradient + n->weights[l].rel + (size_t)i * s->d + h * e, n->d_distance + turned(s, h, i));
    }
  }
}

/** @param[in,out] dx (rows, d) of what the layer gives, then of what it gets */
static void layer_backward(Tf* n, uint32_t l, const PmtPass* pass, float* dx, float* gradient) {
  const PmtTrainShape* s = &n->params.shape;
  const Weights* at = &n->weights[l];
  const Layer* layer = &n->layer[l];
  const float* w = pass->w;
  const size_t rows = rows_of(n), d = s->d;
  memcpy(n->y, dx, rows * d * sizeof *dx);
  pmt_drop_out_backward(pass->dropout, rows * d, layer->mask2, n->y);
  for (size_t r = 0; r < rows; ++r) { pmt_point_add(d, gradient + at->f2_bias, n->y + r * d); }
  pmt_product_weights(rows, s->ff, s->d, n->y, layer->g, gradient + at->f2);
  pmt_product_input(rows, s->ff, s->d, n->y, w + at->f2, n->wide);
  pmt_point_multiply(rows * s->ff, n->wide, layer->slope);
  for (size_t r = 0; r < rows; ++r) { pmt_point_add(s->ff, gradient + at->f1_bias, n->wide + r * s->ff); }
  pmt_product_weights(rows, s->d, s->ff, n->wide, layer->b, gradient + at->f1);
  pmt_product_input(rows, s->d, s->ff, n->wide, w + at->f1, n->y);
  norm_rows_backward(n, layer->middle, w + at->norm2, layer->scale2, n->y, dx, gradient + at->norm2);

  memcpy(n->y, dx, rows * d * sizeof *dx);
  pmt_drop_out_backward(pass->dropout, rows * d, layer->mask1, n->y);
  pmt_product_weights(rows, s->d, s->d, n->y, layer->o, gradient + at->o);
  pmt_product_input(rows, s->d, s->d, n->y, w + at->o, layer->o); /* read for the last time: its place is free */
  attend_backward(n, pass, l, layer->o, gradient);
  pmt_product_weights(rows, s->d, 3 * s->d, n->wide, layer->a, gradient + at->qkv);
  pmt_product_input(rows, s->d, 3 * s->d, n->wide, w + at->qkv, n->y);
  norm_rows_backward(n, layer->x, w + at->norm1, layer->scale1, n->y, dx, gradient + at->norm1);
}

static void backward(PmtBodyWork* work, const PmtPass* pass, float* gradient_rows, float* gradient) {
  Tf* n = (Tf*)work;
  const uint32_t layers = n->params.shape.layers;
  const size_t bytes = rows_of(n) * n->params.shape.d * sizeof(float);
  memcpy(n->y, gradient_rows, bytes);
  memset(gradient_rows, 0, bytes);
  norm_rows_backward(n, n->layer[layers - 1].out, pass->w + n->norm, n->last_scale, n->y, gradient_rows,
                     gradient + n->norm);
  for (uint32_t l = layers; l-- > 0;) { layer_backward(n, l, pass, gradient_rows, gradient); }
}

const PmtBody pmt_body_tf = {.name = "tf", .title = "Transformer", .by_stream = true, .check = check, .width = width,
                             .describe = describe, .layout = layout, .prepared_floats = prepared_floats,
                             .prepare = prepare, .work_new = work_new, .work_free = work_free, .narrow = narrow,
                             .state = state, .enter = enter, .forward = forward, .backward = backward};
