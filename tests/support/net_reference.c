/* SPDX-License-Identifier: ISC */
/* See net_reference.h. Plain loops over row-major matrices. */
#include "support/net_reference.h"

#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_MAX = 12, TABLES = 5 };

typedef struct {
  double *ih, *hh, *b_ih, *b_hh; /* recurrent */
  double *norm1, *qkv, *rel, *o, *norm2, *f1, *f1_b, *f2, *f2_b;
  double *h, *c;                 /* recurrent state */
  double *k, *v;                 /* (steps, d) of every token so far */
} Layer;

struct PmtReference {
  PmtTinyOptions o;
  uint32_t vocab, steps_max, n, tick_first, tick_last;
  double *emb, *table[TABLES], *out, *out_b, *norm;
  PmtHintShape shape; /* what the file has */
  double *hint[PMT_HINTS_MAX], *leap[PMT_LEAPS_MAX], *kind;
  bool is_told;
  PmtHints told;
  Layer layer[LAYERS_MAX];
  double *u, *logits;
  double *x;      /* (steps, d) E[token] + u of every token so far */
  uint32_t *slot; /* (steps) T tokens up to and including this one */
};

static const char* const table_names[TABLES] = {"style.weight", "meter.weight", "key.weight", "phrase.weight",
                                                "density.weight"};
static const uint32_t table_rows[TABLES] = {2, 26, 25, 9, 9};

static double* new_doubles(const size_t n) {
  double* const values = calloc(n ? n : 1, sizeof *values);
  CHECK(values);
  return values;
}

static double* load(const PmtTensors* const t, const char* const name, const uint32_t rows, const uint32_t cols) {
  const size_t n = (size_t)rows * cols;
  float* const values = malloc(n * sizeof *values);
  double* const wide = new_doubles(n);
  PmtError error = {{0}};
  CHECK(values);
  CHECKF(!pmt_tensors_load(t, name, rows, cols, values, &error), "%s", error.text);
  for (size_t i = 0; i < n; ++i) {
    wide[i] = (double)values[i];
  }
  free(values);
  return wide;
}

static bool is(const PmtReference* const r, const char* const arch) {
  return !strcmp(r->o.arch, arch);
}

static bool at(const PmtReference* const r, const char* const pos) {
  return !strcmp(r->o.pos, pos);
}

static double* load_of(const PmtTensors* const t, const char* const format, const uint32_t layer, const uint32_t rows,
                       const uint32_t cols) {
  char name[64];
  snprintf(name, sizeof name, format, layer);
  return load(t, name, rows, cols);
}

static void load_recurrent(PmtReference* const r, const PmtTensors* const t, const uint32_t i) {
  Layer* const l = &r->layer[i];
  const uint32_t h = r->o.h, rows = h * (is(r, "lstm") ? 4 : is(r, "gru") ? 3 : 1);
  l->ih = load_of(t, "rnn.weight_ih_l%u", i, rows, i ? h : r->o.d);
  l->hh = load_of(t, "rnn.weight_hh_l%u", i, rows, h);
  l->b_ih = load_of(t, "rnn.bias_ih_l%u", i, rows, 1);
  l->b_hh = load_of(t, "rnn.bias_hh_l%u", i, rows, 1);
  l->h = new_doubles(h);
  l->c = new_doubles(h);
}

static void load_block(PmtReference* const r, const PmtTensors* const t, const uint32_t i) {
  Layer* const l = &r->layer[i];
  const uint32_t d = r->o.d, ff = r->o.ff;
  l->norm1 = load_of(t, "blk.%u.norm1.weight", i, d, 1);
  l->qkv = load_of(t, "blk.%u.qkv.weight", i, 3 * d, d);
  l->rel = at(r, "rel") ? load_of(t, "blk.%u.rel.weight", i, r->o.rel, d) : NULL;
  l->o = load_of(t, "blk.%u.o.weight", i, d, d);
  l->norm2 = load_of(t, "blk.%u.norm2.weight", i, d, 1);
  l->f1 = load_of(t, "blk.%u.f1.weight", i, ff, d);
  l->f1_b = load_of(t, "blk.%u.f1.bias", i, ff, 1);
  l->f2 = load_of(t, "blk.%u.f2.weight", i, d, ff);
  l->f2_b = load_of(t, "blk.%u.f2.bias", i, d, 1);
  l->k = new_doubles((size_t)r->steps_max * d);
  l->v = new_doubles((size_t)r->steps_max * d);
}

static void load_hints(PmtReference* const r, const PmtTensors* const t, const uint32_t width) {
  char name[64];
  r->shape = *r->o.hints;
  for (uint32_t i = 0; i < r->shape.n_tables; ++i) {
    snprintf(name, sizeof name, "%s.weight", r->shape.table[i].name);
    r->hint[i] = r->shape.table[i].rows ? load(t, name, r->shape.table[i].rows, r->o.d) : NULL;
  }
  for (uint32_t i = 0; i < r->shape.n_leaps; ++i) {
    snprintf(name, sizeof name, "out.%s.weight", r->shape.leap[i].name);
    r->leap[i] = r->shape.leap[i].count ? load(t, name, 2 * r->shape.leap[i].reach + 1, width) : NULL;
  }
  r->kind = r->shape.n_kinds ? load(t, "out.kind.weight", r->shape.n_kinds, width) : NULL;
}

PmtReference* pmt_reference_new(const PmtTensors* const t, const PmtTinyOptions* const options,
                                const uint32_t steps_max) {
  PmtReference* const r = calloc(1, sizeof *r);
  CHECK(r);
  r->o = *options;
  r->o.rel = r->o.rel ? r->o.rel : r->o.window;
  r->vocab = 128 + 128 * r->o.parts;
  r->steps_max = steps_max;
  pmt_reference_ticks(r, 4, 27);
  const uint32_t d = r->o.d, width = is(r, "tf") ? d : r->o.h;
  r->emb = load(t, "emb.weight", r->vocab, d);
  for (unsigned i = 0; i < TABLES; ++i) {
    r->table[i] = load(t, table_names[i], table_rows[i], d);
  }
  for (uint32_t i = 0; i < r->o.layers; ++i) {
    if (is(r, "tf")) {
      load_block(r, t, i);
    } else {
      load_recurrent(r, t, i);
    }
  }
  r->norm = is(r, "tf") ? load(t, "norm.weight", d, 1) : NULL;
  r->out = load(t, "out.weight", r->vocab, width);
  r->out_b = load(t, "out.bias", r->vocab, 1);
  if (r->o.hints) {
    load_hints(r, t, width);
  }
  r->u = new_doubles(d);
  r->logits = new_doubles(r->vocab);
  r->x = new_doubles((size_t)steps_max * d);
  r->slot = calloc(steps_max, sizeof *r->slot);
  CHECK(r->slot);
  return r;
}

void pmt_reference_free(PmtReference* const r) {
  for (uint32_t i = 0; i < r->o.layers; ++i) {
    const Layer* const l = &r->layer[i];
    double* const all[] = {l->ih, l->hh, l->b_ih, l->b_hh, l->norm1, l->qkv, l->rel, l->o, l->norm2,
                           l->f1, l->f1_b, l->f2, l->f2_b, l->h, l->c, l->k, l->v};
    for (size_t k = 0; k < sizeof all / sizeof *all; ++k) {
      free(all[k]);
    }
  }
  for (unsigned i = 0; i < TABLES; ++i) {
    free(r->table[i]);
  }
  for (unsigned i = 0; i < PMT_HINTS_MAX; ++i) {
    free(r->hint[i]);
  }
  for (unsigned i = 0; i < PMT_LEAPS_MAX; ++i) {
    free(r->leap[i]);
  }
  free(r->kind);
  free(r->emb);
  free(r->norm);
  free(r->out);
  free(r->out_b);
  free(r->u);
  free(r->logits);
  free(r->x);
  free(r->slot);
  free(r);
}

void pmt_reference_rewind(PmtReference* const r, const uint32_t n) {
  CHECK(n <= r->n && (!n || is(r, "tf")));
  r->n = n;
  for (uint32_t i = 0; i < r->o.layers && !is(r, "tf"); ++i) {
    memset(r->layer[i].h, 0, r->o.h * sizeof(double));
    memset(r->layer[i].c, 0, r->o.h * sizeof(double));
  }
}

void pmt_reference_ticks(PmtReference* const r, const uint32_t first, const uint32_t last) {
  r->tick_first = first;
  r->tick_last = last;
}

void pmt_reference_sharpen(PmtReference* const r, const double factor) {
  for (uint32_t i = 0; i < r->o.layers; ++i) {
    for (size_t k = 0; k < (size_t)3 * r->o.d * r->o.d; ++k) {
      r->layer[i].qkv[k] *= factor;
    }
  }
}

void pmt_reference_condition(PmtReference* const r, const PmtCondition* const c) {
  const uint32_t row[TABLES] = {0, c->meter, c->key, c->phrase, c->density};
  for (uint32_t i = 0; i < r->o.d; ++i) {
    r->u[i] = (double)c->style[0] * r->table[0][i] + (double)c->style[1] * r->table[0][r->o.d + i];
    for (unsigned k = 1; k < TABLES; ++k) {
      r->u[i] += r->table[k][row[k] * r->o.d + i];
    }
  }
}

void pmt_reference_tell(PmtReference* const r, const PmtHints* const hints) {
  r->is_told = hints;
  if (hints) {
    r->told = *hints;
  }
}

/* y = W x + b; b may be NULL */
static void affine(const double* const w, const double* const b, const uint32_t rows, const uint32_t cols,
                   const double* const x, double* const y) {
  for (uint32_t row = 0; row < rows; ++row) {
    double sum = b ? b[row] : 0.0;
    for (uint32_t col = 0; col < cols; ++col) {
      sum += w[(size_t)row * cols + col] * x[col];
    }
    y[row] = sum;
  }
}

/* ---- Recurrent --------------------------------------------------------------------------------------------------- */

static double sigmoid(const double x) {
  return 1.0 / (1.0 + exp(-x));
}

static void step_layer(const PmtReference* const r, Layer* const l, const uint32_t inputs, const double* const a) {
  const uint32_t h = r->o.h, rows = h * (is(r, "lstm") ? 4 : is(r, "gru") ? 3 : 1);
  double *const in = new_doubles(rows), *const back = new_doubles(rows);
  affine(l->ih, l->b_ih, rows, inputs, a, in);
  affine(l->hh, l->b_hh, rows, h, l->h, back);
  for (uint32_t j = 0; j < h; ++j) {
    if (is(r, "lstm")) {
      const double i = sigmoid(in[j] + back[j]), f = sigmoid(in[h + j] + back[h + j]);
      const double g = tanh(in[2 * h + j] + back[2 * h + j]), o = sigmoid(in[3 * h + j] + back[3 * h + j]);
      l->c[j] = f * l->c[j] + i * g;
      l->h[j] = o * tanh(l->c[j]);
    } else if (is(r, "gru")) {
      const double reset = sigmoid(in[j] + back[j]), z = sigmoid(in[h + j] + back[h + j]);
      const double n = tanh(in[2 * h + j] + reset * back[2 * h + j]);
      l->h[j] = (1.0 - z) * n + z * l->h[j];
    } else {
      l->h[j] = tanh(in[j] + back[j]);
    }
  }
  free(in);
  free(back);
}

/* ---- Transformer ------------------------------------------------------------------------------------------------- */

static void normalise(const double* const gain, const uint32_t d, const double* const x, double* const y) {
  double squares = 0.0;
  for (uint32_t i = 0; i < d; ++i) {
    squares += x[i] * x[i];
  }
  for (uint32_t i = 0; i < d; ++i) {
    y[i] = gain[i] * x[i] / sqrt(squares / d + 1e-5);
  }
}

/* Angle by which pair (2i, 2i+1) of a head of size e turns for the token. */
static double angle(const PmtReference* const r, const uint32_t i, const uint32_t e, const uint32_t token) {
  if (at(r, "rope") || i < e / 4) {
    return token * pow(10000.0, -2.0 * i / e);
  }
  const uint32_t n = e / 2 - e / 4, k = i - e / 4;
  return 2.0 * M_PI * r->slot[token] / (2.0 * pow(64.0, n > 1 ? (double)k / (n - 1) : 0.0));
}

static void rotate(const PmtReference* const r, const uint32_t token, double* const x) {
  const uint32_t e = r->o.d / r->o.heads;
  for (uint32_t i = 0; (at(r, "rope") || at(r, "rope2")) && i < r->o.d / 2; ++i) {
    const double a = angle(r, i % (e / 2), e, token), left = x[2 * i], right = x[2 * i + 1];
    x[2 * i] = left * cos(a) - right * sin(a);
    x[2 * i + 1] = left * sin(a) + right * cos(a);
  }
}

static double score(const PmtReference* const r, const Layer* const l, const uint32_t head, const uint32_t t,
                    const uint32_t j, const double* const q) {
  const uint32_t e = r->o.d / r->o.heads, distance = t - j;
  const uint32_t row = distance < r->o.rel ? distance : r->o.rel - 1;
  double sum = 0.0;
  for (uint32_t i = head * e; i < (head + 1) * e; ++i) {
    sum += q[i] * (l->k[(size_t)j * r->o.d + i] + (l->rel ? l->rel[(size_t)row * r->o.d + i] : 0.0));
  }
  const double bias = at(r, "alibi") ? pow(2.0, -8.0 * (head + 1) / r->o.heads) * distance : 0.0;
  return sum / sqrt(e) - bias;
}

static void attend(const PmtReference* const r, const Layer* const l, const uint32_t head, const uint32_t first,
                   const uint32_t t, const double* const q, double* const y) {
  const uint32_t d = r->o.d, e = d / r->o.heads;
  double* const s = new_doubles(t - first + 1);
  double top = -INFINITY, total = 0.0;
  for (uint32_t j = first; j <= t; ++j) {
    s[j - first] = score(r, l, head, t, j, q);
    top = fmax(top, s[j - first]);
  }
  for (uint32_t j = first; j <= t; ++j) {
    total += s[j - first] = exp(s[j - first] - top);
  }
  for (uint32_t i = head * e; i < (head + 1) * e; ++i) {
    y[i] = 0.0;
    for (uint32_t j = first; j <= t; ++j) {
      y[i] += s[j - first] / total * l->v[(size_t)j * d + i];
    }
  }
  free(s);
}

static double gelu(const double x) {
  return 0.5 * x * (1.0 + tanh(sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
}

static void add(double* const x, const double* const y, const uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    x[i] += y[i];
  }
}

/* Token t, which attends from `first` on and stands at `position` of its window, through all layers; x becomes the
   output of the last. */
static void run_token(PmtReference* const r, const uint32_t t, const uint32_t position, const uint32_t first,
                      double* const x) {
  const uint32_t d = r->o.d, ff = r->o.ff;
  double *const n = new_doubles(d), *const qkv = new_doubles(3 * d), *const y = new_doubles(d);
  double* const wide = new_doubles(ff);
  memcpy(x, r->x + (size_t)t * d, d * sizeof *x);
  for (uint32_t i = 0; at(r, "sin") && i < d / 2; ++i) {
    const double a = position * pow(10000.0, -2.0 * i / d);
    x[2 * i] += sin(a);
    x[2 * i + 1] += cos(a);
  }
  for (uint32_t k = 0; k < r->o.layers; ++k) {
    Layer* const l = &r->layer[k];
    normalise(l->norm1, d, x, n);
    affine(l->qkv, NULL, 3 * d, d, n, qkv);
    rotate(r, t, qkv);
    rotate(r, t, qkv + d);
    memcpy(l->k + (size_t)t * d, qkv + d, d * sizeof *x);
    memcpy(l->v + (size_t)t * d, qkv + 2 * d, d * sizeof *x);
    for (uint32_t head = 0; head < r->o.heads; ++head) {
      attend(r, l, head, first, t, qkv, n);
    }
    affine(l->o, NULL, d, d, n, y);
    add(x, y, d);
    normalise(l->norm2, d, x, n);
    affine(l->f1, l->f1_b, ff, d, n, wide);
    for (uint32_t i = 0; i < ff; ++i) {
      wide[i] = gelu(wide[i]);
    }
    affine(l->f2, l->f2_b, d, ff, wide, y);
    add(x, y, d);
  }
  free(n);
  free(qkv);
  free(y);
  free(wide);
}

/* `sin`: the tokens of the window from its first position on, all again; else the token alone. */
static void step_tf(PmtReference* const r, double* const x) {
  const uint32_t t = r->n, window = r->o.window, half = window / 2;
  if (!at(r, "sin")) {
    run_token(r, t, 0, t >= window ? t - window + 1 : 0, x);
    return;
  }
  const uint32_t begin = t < window ? 0 : (t - window) / half * half + half;
  for (uint32_t j = begin; j <= t; ++j) {
    run_token(r, j, j - begin, begin, x);
  }
}

/* ---- Hints ------------------------------------------------------------------------------------------------------- */

static void add_told(const PmtReference* const r, double* const x) {
  for (uint32_t t = 0; r->is_told && t < r->shape.n_tables; ++t) {
    const int row = r->told.row[t];
    if (row >= 0 && row < (int)r->shape.table[t].rows) {
      add(x, r->hint[t] + (size_t)row * r->o.d, r->o.d);
    }
  }
}

static double dot(const double* const x, const double* const y, const uint32_t n) {
  double sum = 0.0;
  for (uint32_t i = 0; i < n; ++i) {
    sum += x[i] * y[i];
  }
  return sum;
}

/* What a token's logit gets beside its own row's. */
static double told_of(const PmtReference* const r, const int token, const double* const top, const uint32_t width) {
  double sum = 0.0;
  for (uint32_t k = 0; k < r->shape.n_leaps; ++k) {
    const PmtLeap* const leap = &r->shape.leap[k];
    const int i = token - (int)leap->first, by = i - r->told.anchor[k];
    if (i >= 0 && i < (int)leap->count && r->told.anchor[k] >= 0 && abs(by) <= (int)leap->reach) {
      sum += dot(r->leap[k] + (size_t)(by + (int)leap->reach) * width, top, width);
    }
  }
  const int i = token - (int)r->shape.kind_first;
  if (r->kind && i >= 0 && i < (int)r->shape.kind_count) {
    const uint32_t kind = r->told.kind[i % (int)r->shape.kind_span % 12];
    sum += kind < r->shape.n_kinds ? dot(r->kind + (size_t)kind * width, top, width) : 0.0;
  }
  return sum;
}

const double* pmt_reference_step(PmtReference* const r, const uint32_t token) {
  const uint32_t d = r->o.d, h = r->o.h;
  CHECK(r->n < r->steps_max);
  double* const x = r->x + (size_t)r->n * d;
  for (uint32_t i = 0; i < d; ++i) {
    x[i] = r->emb[(size_t)token * d + i] + r->u[i];
  }
  add_told(r, x);
  const bool tick = token >= r->tick_first && token <= r->tick_last;
  r->slot[r->n] = (r->n ? r->slot[r->n - 1] : 0) + tick;
  double *const last = new_doubles(d), *const top = new_doubles(d);
  if (is(r, "tf")) {
    step_tf(r, last);
    normalise(r->norm, d, last, top);
  }
  for (uint32_t i = 0; !is(r, "tf") && i < r->o.layers; ++i) {
    step_layer(r, &r->layer[i], i ? h : d, i ? r->layer[i - 1].h : x);
  }
  const double* const output = is(r, "tf") ? top : r->layer[r->o.layers - 1].h;
  const uint32_t width = is(r, "tf") ? d : h;
  affine(r->out, r->out_b, r->vocab, width, output, r->logits);
  for (uint32_t i = 0; r->is_told && i < r->vocab; ++i) {
    r->logits[i] += told_of(r, (int)i, output, width);
  }
  free(last);
  free(top);
  ++r->n;
  return r->logits;
}
