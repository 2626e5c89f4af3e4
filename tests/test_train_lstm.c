/* SPDX-License-Identifier: ISC */
/* The trainer's network: gradients against finite differences for every block, forward over T against T run-time steps,
   and the packed product against the plain one. */
#include "scratch.h"

#include "base/random.h"
#include "nn/net.h"
#include "train/export.h"
#include "train/lstm.h"
#include "train/recurrent.h"

#include <cblas.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { STREAMS = 3, STEPS = 7 };

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

/** Cells that touch several rows of each table, with beginnings in mid-sequence and idle positions. */
static void make_cells(PmtCell cells[STEPS * STREAMS], const PmtTrainShape* s) {
  for (uint32_t t = 0; t < STEPS; ++t) {
    for (uint32_t b = 0; b < STREAMS; ++b) {
      const uint64_t bits = pmt_random_bits(5, t, b);
      cells[t * STREAMS + b] = (PmtCell){
        .token = (uint16_t)(bits % s->vocab), .target = (uint16_t)((bits >> 8) % s->vocab),
        .style = (int8_t)((bits >> 16) % (s->styles + 1)) - 1, .meter = (uint8_t)((bits >> 20) % PMT_TRAIN_METERS),
        .key = (uint8_t)((bits >> 26) % PMT_TRAIN_KEYS), .phrase = (uint8_t)((bits >> 32) % PMT_TRAIN_PHRASES),
        .density = (uint8_t)((bits >> 40) % PMT_TRAIN_DENSITIES), .reset = t == 3 && b == 1, .counts = !(t == 4 && b == 2)};
    }
  }
}

typedef struct {
  PmtParams params;
  PmtLstm* lstm;
  PmtLstmPacked packed;
  float *w, *gradient, *state;
  size_t n_state;
  PmtCell cells[STEPS * STREAMS];
  PmtDropout dropout;
} Fixture;

static void set_up(Fixture* f, uint32_t layers, float drop) {
  const PmtTrainShape shape = {.vocab = 21, .d = 8, .h = 16, .layers = layers, .styles = 2};
  CHECK(pmt_params_layout(&shape, &f->params, NULL) == PMT_OK);
  CHECK(pmt_lstm_new(&f->params, STREAMS, STEPS, true, 0, &f->lstm) == PMT_OK);
  CHECK(pmt_lstm_packed_new(&f->params, true, &f->packed) == PMT_OK);
  CHECK((f->w = pmt_params_array(&f->params)) && (f->gradient = pmt_params_array(&f->params)));
  for (uint32_t i = 0; i < f->params.n_blocks; ++i) { /* larger than at the start: every nonlinearity is felt */
    const PmtBlock* b = &f->params.block[i];
    for (size_t k = 0; k < (size_t)b->rows * b->cols; ++k) { f->w[b->at + k] = 0.6f * noise(10 + i, k); }
  }
  make_cells(f->cells, &shape);
  pmt_lstm_state(f->lstm, &f->n_state);
  CHECK((f->state = malloc(f->n_state * sizeof *f->state)));
  for (size_t i = 0; i < f->n_state; ++i) { f->state[i] = 0.3f * noise(3, i); }
  f->dropout = (PmtDropout){.drop = drop, .seed = 4, .step = 5};
}

static void tear_down(Fixture* f) {
  pmt_lstm_free(f->lstm);
  pmt_lstm_packed_free(&f->packed);
  free(f->w), free(f->gradient), free(f->state);
}

static double loss(Fixture* f) {
  float row_nats[STEPS * STREAMS];
  double total = 0.0;
  memcpy(pmt_lstm_state(f->lstm, NULL), f->state, f->n_state * sizeof *f->state);
  pmt_lstm_pack(&f->params, f->w, &f->packed, 0, 1);
  pmt_lstm_forward(f->lstm, f->w, &f->packed, f->cells, &f->dropout, NULL, row_nats);
  for (size_t r = 0; r < STEPS * STREAMS; ++r) { total += (double)row_nats[r]; }
  return total;
}

/** Along the gradient's own direction within a block the difference quotient must be its length (float arithmetic is
    then far below the signal); and along a few single weights it must be the weight's gradient. */
static void check_block(Fixture* f, const PmtBlock* b) {
  const size_t n = (size_t)b->rows * b->cols;
  float* w = f->w + b->at;
  const float* g = f->gradient + b->at;
  float* kept = malloc(n * sizeof *kept);
  double squares = 0.0;
  CHECK(kept);
  memcpy(kept, w, n * sizeof *kept);
  for (size_t i = 0; i < n; ++i) { squares += (double)g[i] * (double)g[i]; }
  const double length = sqrt(squares), eps = 4e-3;
  CHECKF(length > 1e-3, "%s has no gradient", b->name);
  double difference = 0.0;
  for (int sign = -1; sign <= 1; sign += 2) {
    for (size_t i = 0; i < n; ++i) { w[i] = kept[i] + (float)(sign * eps * (double)g[i] / length); }
    difference += sign * loss(f);
  }
  memcpy(w, kept, n * sizeof *kept);
  CHECKF(fabs(difference / (2.0 * eps) - length) < 2e-3 * length + 2e-3, "%s: %.6f along the gradient, its length is %.6f",
         b->name, difference / (2.0 * eps), length);
  for (uint32_t k = 0; k < 12; ++k) {
    const size_t i = pmt_random_bits(7, b->at, k) % n;
    w[i] = kept[i] + (float)eps;
    const double up = loss(f);
    w[i] = kept[i] - (float)eps;
    const double quotient = (up - loss(f)) / (2.0 * eps);
    w[i] = kept[i];
    CHECKF(fabs(quotient - (double)g[i]) < 5e-3 * fabs((double)g[i]) + 4e-3, "%s[%zu]: %.6f, gradient %.6f", b->name, i,
           quotient, (double)g[i]);
  }
  free(kept);
}

static void check_gradients(uint32_t layers, float drop) {
  Fixture* f = calloc(1, sizeof *f);
  CHECK(f);
  set_up(f, layers, drop);
  loss(f);
  pmt_lstm_backward(f->lstm, f->w, &f->packed, f->cells, 1.0f, f->gradient);
  for (uint32_t i = 0; i < f->params.n_blocks; ++i) { check_block(f, &f->params.block[i]); }
  tear_down(f);
  free(f);
}

/* -- forward against the run time ------------------------------------------------------------------------------ */

static PmtCondition condition_of(const PmtCell* c) {
  PmtCondition condition = {.meter = c->meter, .key = c->key, .phrase = c->phrase, .density = c->density};
  if (c->style >= 0) { condition.style[c->style] = 1.0f; }
  return condition;
}

static void check_steps(void) {
  enum { T = 40 };
  const PmtTrainShape shape = {.vocab = pmt_vocab_size(1), .d = 24, .h = 40, .layers = 2, .styles = 3};
  PmtParams params;
  PmtLstm* lstm;
  PmtLstmPacked packed;
  PmtTensors* file;
  PmtNet* net;
  PmtNetState* state;
  PmtError error = {""};
  PmtCell cells[T];
  CHECK(pmt_params_layout(&shape, &params, NULL) == PMT_OK);
  CHECK(pmt_lstm_new(&params, 1, T, false, 0, &lstm) == PMT_OK && pmt_lstm_packed_new(&params, false, &packed) == PMT_OK);
  float* w = pmt_params_array(&params);
  CHECK(w);
  pmt_params_init(&params, 3, w);
  for (size_t i = 0; i < params.n_floats; ++i) { w[i] *= 2.0f; }
  for (uint32_t t = 0; t < T; ++t) {
    const uint64_t bits = pmt_random_bits(6, t, 0);
    cells[t] = (PmtCell){.token = t ? (uint16_t)(bits % shape.vocab) : (uint16_t)PMT_BOS, .style = (int8_t)(t / 8 % 4) - 1,
                         .meter = (uint8_t)(t / 4 % 26), .key = (uint8_t)(t / 4 % 25), .phrase = (uint8_t)(t / 4 % 9),
                         .density = (uint8_t)(t / 5 % 9), .reset = t == 0, .counts = true};
  }
  pmt_lstm_pack(&params, w, &packed, 0, 1);
  pmt_lstm_keep_logits(lstm, true);
  pmt_lstm_forward(lstm, w, &packed, cells, NULL, NULL, NULL);

  char path[4096];
  pmt_scratch_template(path, sizeof path, "pmt-train");
  const int fd = mkstemp(path);
  CHECK(fd >= 0);
  close(fd);
  PmtFacts* facts = calloc(1, sizeof *facts);
  PmtCorpus corpora[3] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}, {.name = (char[]){"c"}}};
  CHECK(facts);
  facts->parts = 1;
  const PmtExport about = {.facts = facts, .corpora = corpora, .valid = (double)NAN, .ngram = (double)NAN};
  CHECKF(pmt_export_model(path, &params, w, &about, &error) == PMT_OK, "%s", error.text);
  CHECKF(pmt_tensors_read(path, &file, &error) == PMT_OK, "%s", error.text);
  float* again = pmt_params_array(&params);
  CHECK(again && pmt_params_load(&params, file, again, &error) == PMT_OK);
  CHECK(!memcmp(w, again, params.n_floats * sizeof *w)); /* what was written is what is read */
  CHECKF(pmt_net_new(file, shape.vocab, &net, &error) == PMT_OK, "%s", error.text);
  CHECK(pmt_net_state_new(net, &state) == PMT_OK);
  pmt_net_reset(state);
  for (uint32_t t = 0; t < T; ++t) {
    uint64_t spent = 0;
    const PmtCondition condition = condition_of(&cells[t]);
    pmt_net_condition(state, &condition);
    pmt_net_begin(state, cells[t].token);
    while (!pmt_net_run(state, UINT64_MAX / 2, &spent)) {}
    const float* want = pmt_net_logits(state);
    const float* got = pmt_lstm_logits(lstm) + (size_t)t * shape.vocab;
    for (uint32_t v = 0; v < shape.vocab; ++v) {
      CHECKF(fabsf(want[v] - got[v]) < 1e-4f, "step %u logit %u: run time %g, training %g", t, v, (double)want[v],
             (double)got[v]);
    }
  }
  unlink(path);
  pmt_net_state_free(state), pmt_net_free(net), pmt_tensors_free(file);
  pmt_lstm_free(lstm), pmt_lstm_packed_free(&packed);
  free(w), free(again), free(facts);
}

int main(void) {
  openblas_set_num_threads(1);
  for (uint32_t n = 1; n <= 17; ++n) { check_product(48, 40, 0, n), check_product(48, 40, 1, n); }
  check_product(1536, 384, 0, 8), check_product(1536, 384, 1, 8);
  check_gradients(1, 0.0f);
  check_gradients(2, 0.0f);
  check_gradients(3, 0.0f);
  check_gradients(2, 0.3f);
  check_steps();
  return 0;
}
