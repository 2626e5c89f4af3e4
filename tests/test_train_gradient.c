/* SPDX-License-Identifier: ISC */
/* The trainer's gradients against finite differences, for every architecture, every way to know where and every block;
   and the packed product against the plain one. */
#include "check.h"

#include "base/random.h"
#include "train/network.h"
#include "train/recurrent.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { STREAMS = 3, STEPS_MAX = 80, VOCAB = 21 };

static float noise(uint64_t place, uint64_t i) { return 2.0f * pmt_random_unit(99, place, i) - 1.0f; }

/* -- the packed product --------------------------------------------------------------------------------------- */

static void check_product(uint32_t rows, uint32_t cols, int transpose, uint32_t n) {
  const uint32_t outputs = transpose ? cols : rows, inputs = transpose ? rows : cols;
  float* w = malloc(sizeof *w * rows * cols);
  float* x = malloc(sizeof *x * n * inputs);
  float* y = malloc(sizeof *y * n * outputs);
  float* packed = aligned_alloc(64, pmt_recurrent_floats(outputs, inputs) * sizeof *packed);
  CHECK(w && x && y && packed);
  for (uint32_t i = 0; i < rows * cols; ++i) { w[i] = noise(1, i); }
  for (uint32_t i = 0; i < n * inputs; ++i) { x[i] = noise(2, i); }
  for (uint32_t i = 0; i < n * outputs; ++i) { y[i] = 0.5f; }
  const uint32_t panels = pmt_recurrent_panels(outputs);
  pmt_recurrent_pack(packed, w, rows, cols, transpose, 0, panels / 2);
  pmt_recurrent_pack(packed, w, rows, cols, transpose, panels / 2, panels);
  for (int add = 1; add >= 0; --add) {
    pmt_recurrent_multiply(packed, outputs, inputs, x, y, n, add);
    for (uint32_t r = 0; r < n; ++r) {
      for (uint32_t j = 0; j < outputs; ++j) {
        double sum = add ? 0.5 : 0.0;
        for (uint32_t k = 0; k < inputs; ++k) {
          sum += (double)x[r * inputs + k] * (double)(transpose ? w[k * cols + j] : w[j * cols + k]);
        }
        CHECKF(fabs(sum - (double)y[r * outputs + j]) < 1e-4, "%ux%u row %u output %u: %g, want %g", rows, cols, r, j,
               (double)y[r * outputs + j], sum);
      }
    }
  }
  free(w), free(x), free(y), free(packed);
}

/* -- gradients ------------------------------------------------------------------------------------------------ */

enum { LEFT_OUT = 7 }; /* values of what the shape has no rows for: nobody may listen */

/** Rows, anchors and kinds of any value, "nothing" among them; also of what is left out of the shape. */
static void make_hints(const PmtHintShape* shape, uint64_t key, PmtHints* hints) {
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    hints->row[i] = (int16_t)(pmt_random_bits(key, 1, i) % ((shape->table[i].rows ? shape->table[i].rows : LEFT_OUT) + 1)) - 1;
  }
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    hints->anchor[i] = (int16_t)(pmt_random_bits(key, 2, i) % ((shape->leap[i].count ? shape->leap[i].count : LEFT_OUT) + 1)) - 1;
  }
  for (uint32_t i = 0; shape->n_kinds && i < PMT_CLASSES; ++i) {
    hints->kind[i] = (uint8_t)(pmt_random_bits(key, 3, i) % shape->n_kinds);
  }
}

/** Cells that touch several rows of each table, with beginnings in mid-sequence, beats and idle positions. */
static void make_cells(const PmtNetwork* net, uint32_t steps, const PmtTrainShape* s, uint64_t seed, PmtCell* cells) {
  for (uint32_t t = 0; t < steps; ++t) {
    for (uint32_t b = 0; b < STREAMS; ++b) {
      const uint64_t bits = pmt_random_bits(seed, t, b);
      PmtCell* c = &cells[pmt_network_row(net, b, t)];
      *c = (PmtCell){.token = (uint16_t)(bits % s->vocab), .target = (uint16_t)((bits >> 8) % s->vocab),
                     .reset = t == 3 && b == 1, .beat = bits >> 60 == 0, .counts = !(t == 4 && b == 2)};
      for (uint32_t i = 0; i < s->n_tables; ++i) {
        c->input[i] = (int16_t)(pmt_random_bits(seed + 1, t * STREAMS + b, i) % (s->table[i].rows + 1)) - 1;
      }
      make_hints(&s->hints, pmt_random_bits(seed + 2, t, b), &c->hints);
    }
  }
}

typedef struct {
  PmtParams params;
  PmtNetwork* net;
  uint32_t steps;
  float *w, *prepared, *gradient, *state;
  size_t n_state;
  PmtCell cells[STEPS_MAX * STREAMS];
  PmtDropout dropout;
} Fixture;

static double loss(Fixture* f) {
  float row_nats[STEPS_MAX * STREAMS];
  double total = 0.0;
  const PmtPass pass = {.w = f->w, .prepared = f->prepared, .cells = f->cells, .dropout = &f->dropout};
  if (f->n_state) { memcpy(pmt_network_state(f->net, NULL), f->state, f->n_state * sizeof *f->state); }
  pmt_prepare(&f->params, true, f->w, f->prepared, 0, 2);
  pmt_prepare(&f->params, true, f->w, f->prepared, 1, 2);
  pmt_network_forward(f->net, &pass, row_nats);
  for (size_t r = 0; r < (size_t)f->steps * STREAMS; ++r) { total += (double)row_nats[r]; }
  return total;
}

static void set_up(Fixture* f, const PmtTrainShape* shape, uint32_t steps, uint32_t past, float drop) {
  PmtError error;
  CHECKF(pmt_params_layout(shape, &f->params, &error) == PMT_OK, "%s", error.text);
  const PmtBodySize size = {.params = &f->params, .streams = STREAMS, .steps = steps, .past = past, .train = true};
  f->steps = steps;
  CHECK(pmt_network_new(&size, &f->net) == PMT_OK && (f->prepared = pmt_prepared_new(&f->params, true)));
  CHECK((f->w = pmt_params_array(&f->params)) && (f->gradient = pmt_params_array(&f->params)));
  for (uint32_t i = 0; i < f->params.n_blocks; ++i) { /* larger than at the start: every nonlinearity is felt */
    const PmtBlock* b = &f->params.block[i];
    for (size_t k = 0; k < (size_t)b->rows * b->cols; ++k) { f->w[b->at + k] = b->centre + 0.6f * noise(10 + i, k); }
  }
  pmt_network_state(f->net, &f->n_state);
  CHECK((f->state = calloc(f->n_state + 1, sizeof *f->state)));
  make_cells(f->net, steps, shape, 15, f->cells);
  loss(f); /* what is carried comes from a pass before */
  if (f->n_state) { memcpy(f->state, pmt_network_state(f->net, NULL), f->n_state * sizeof *f->state); }
  make_cells(f->net, steps, shape, 5, f->cells);
  f->dropout = (PmtDropout){.drop = drop, .seed = 4, .step = 5};
}

static void tear_down(Fixture* f) {
  pmt_network_free(f->net);
  free(f->w), free(f->prepared), free(f->gradient), free(f->state);
}

static double quotient_at(Fixture* f, float* weight, double eps) {
  const float kept = *weight;
  *weight = kept + (float)eps;
  const double up = loss(f);
  *weight = kept - (float)eps;
  const double down = loss(f);
  *weight = kept;
  return (up - down) / (2.0 * eps);
}

/** Along the gradient's own direction within a block the difference quotient must be its length (float arithmetic is
    then far below the signal); and along a few single weights it must be the weight's gradient, two steps being taken
    so that the curvature's error goes out. */
static void check_block(Fixture* f, const PmtBlock* b) {
  const size_t n = (size_t)b->rows * b->cols;
  float* w = f->w + b->at;
  const float* g = f->gradient + b->at;
  float* kept = malloc(n * sizeof *kept);
  double squares = 0.0;
  CHECK(kept);
  memcpy(kept, w, n * sizeof *kept);
  for (size_t i = 0; i < n; ++i) { squares += (double)g[i] * (double)g[i]; }
  const double length = sqrt(squares), eps = 4e-3, noise_level = 1e-4 * f->steps + 3e-3;
  CHECKF(length > 1e-3, "%s has no gradient", b->name);
  double difference = 0.0;
  for (int sign = -1; sign <= 1; sign += 2) {
    for (size_t i = 0; i < n; ++i) { w[i] = kept[i] + (float)(sign * eps * (double)g[i] / length); }
    difference += sign * loss(f);
  }
  memcpy(w, kept, n * sizeof *kept);
  CHECKF(fabs(difference / (2.0 * eps) - length) < 2e-3 * length + noise_level,
         "%s: %.6f along the gradient, its length is %.6f", b->name, difference / (2.0 * eps), length);
  for (uint32_t k = 0; k < 12; ++k) {
    const size_t i = pmt_random_bits(7, b->at, k) % n;
    const double quotient = (4.0 * quotient_at(f, &w[i], eps) - quotient_at(f, &w[i], 2.0 * eps)) / 3.0;
    CHECKF(fabs(quotient - (double)g[i]) < 5e-3 * fabs((double)g[i]) + noise_level, "%s[%zu]: %.6f, gradient %.6f", b->name,
           i, quotient, (double)g[i]);
  }
  free(kept);
}

/** The rows of distances that no pair of positions is apart have none. */
static bool is_reached(const PmtTrainShape* s, uint32_t steps, uint32_t past) {
  return s->reach <= steps + past && s->reach <= s->window;
}

static void check_gradients(const PmtTrainShape* shape, uint32_t steps, uint32_t past, float drop) {
  Fixture* f = calloc(1, sizeof *f);
  CHECK(f && is_reached(shape, steps, past));
  set_up(f, shape, steps, past, drop);
  loss(f);
  const PmtPass pass = {.w = f->w, .prepared = f->prepared, .cells = f->cells, .dropout = &f->dropout};
  pmt_network_backward(f->net, &pass, 1.0f, f->gradient);
  for (uint32_t i = 0; i < f->params.n_blocks; ++i) { check_block(f, &f->params.block[i]); }
  tear_down(f);
  free(f);
}

static PmtTrainShape shape_of(const char* arch, uint32_t layers) {
  PmtTrainShape s = {.body = pmt_body_find(arch), .vocab = VOCAB, .d = 8, .h = 16, .layers = layers};
  CHECK(s.body);
  pmt_shape_music(&s, 2);
  return s;
}

/** Two leaps over ranges that overlap, one of them wider than its range, a row for one token of all, one that is left out;
    kinds over a span that is no multiple of twelve, and a part of another; tables, the second left out. */
static void give_hints(PmtTrainShape* s) {
  s->hints = (PmtHintShape){
    .n_tables = 3, .table = {{"one", 5}, {"none", 0}, {"two", 3}},
    .n_leaps = 4, .leap = {{"low", 2, 9, 5}, {"none", 4, 0, 4}, {"high", 6, VOCAB - 6, 20}, {"there", 0, VOCAB, 0}},
    .n_kinds = 4, .kind_first = 1, .kind_count = 18, .kind_span = 14};
}

static void check_recurrent(const char* arch) {
  PmtTrainShape s = shape_of(arch, 1);
  check_gradients(&s, 7, 0, 0.0f);
  s = shape_of(arch, 3);
  check_gradients(&s, 7, 0, 0.0f);
  s = shape_of(arch, 2);
  give_hints(&s);
  check_gradients(&s, 7, 0, 0.3f);
}

static void check_transformer(PmtPos pos) {
  PmtTrainShape s = shape_of("tf", 2);
  s.d = 16, s.heads = 2, s.ff = 24, s.h = 0, s.pos = pos, s.window = 40;
  s.reach = pos == PMT_POS_REL ? 6 : 0;
  check_gradients(&s, 7, 0, 0.0f);
  give_hints(&s);
  check_gradients(&s, 7, 0, 0.3f);
  s.layers = 1; /* several blocks of queries, a window that slides, keys from before */
  check_gradients(&s, STEPS_MAX, 0, 0.0f);
  s.window = 75;
  if (s.reach) { s.reach = 70; }
  check_gradients(&s, STEPS_MAX, 30, 0.0f);
}

int main(void) {
  openblas_set_num_threads(1);
  for (uint32_t n = 1; n <= 17; ++n) { check_product(48, 40, 0, n), check_product(48, 40, 1, n); }
  check_product(1536, 384, 0, 8), check_product(1536, 384, 1, 8);
  check_recurrent("lstm");
  check_recurrent("gru");
  check_recurrent("rnn");
  for (int pos = 0; pos < PMT_TRAIN_POSES; ++pos) { check_transformer((PmtPos)pos); }
  return 0;
}
