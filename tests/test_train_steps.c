/* SPDX-License-Identifier: ISC */
/* What is trained is what is played: logits of the trainer's forward pass, from random weights written to a file and read
   back, are those of the run-time net step by step, for every architecture; and of the equations in double precision. */
#include "check.h"
#include "support/scratch.h"

#include "base/random.h"
#include "nn/net.h"
#include "support/net_reference.h"
#include "train/export.h"
#include "train/scorer.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { T = 150, STYLES = 2, PARTS = 2, VOCAB = 128 + 128 * PARTS };

typedef struct {
  PmtParams params;
  float* w;
  char path[4096];
  PmtTensors* file;
  PmtHintShape told; /* offered to both sides; the shape may have less */
  PmtCell cells[T];
  float logits[T][VOCAB];
  uint32_t n_seen;
} Fixture;

/* -- the trainer's side --------------------------------------------------------------------------------------- */

/** What a listener might say, and "nothing" among it. */
static void make_hints(uint32_t t, const PmtHintShape* shape, PmtHints* hints) {
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    hints->row[i] = (int16_t)(pmt_random_bits(7, t, i) % (shape->table[i].rows + 1)) - 1;
  }
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    hints->anchor[i] = (int16_t)(pmt_random_bits(8, t, i) % (shape->leap[i].count + 1)) - 1;
  }
  for (uint32_t i = 0; shape->n_kinds && i < PMT_CLASSES; ++i) {
    hints->kind[i] = (uint8_t)(pmt_random_bits(9, t, i) % shape->n_kinds);
  }
}

static void make_cells(Fixture* f) {
  for (uint32_t t = 0; t < T; ++t) {
    const uint64_t bits = pmt_random_bits(6, t, 0);
    const uint32_t token = t == 0 ? PMT_BOS : t % 5 == 1 ? PMT_TOKEN_SLOT + t / 5 % 8 : (uint32_t)(bits % f->params.shape.vocab);
    PmtCell* c = &f->cells[t];
    *c = (PmtCell){.token = (uint16_t)token, .reset = t == 0, .counts = true,
                   .beat = pmt_token_class((PmtToken)token) == PMT_CLASS_SLOT};
    make_hints(t, &f->told, &c->hints);
    c->input[PMT_INPUT_STYLE] = (int16_t)(t / 8 % (STYLES + 1)) - 1;
    c->input[PMT_INPUT_METER] = (int16_t)(t / 4 % PMT_TRAIN_METERS);
    c->input[PMT_INPUT_KEY] = (int16_t)(t / 4 % PMT_TRAIN_KEYS);
    c->input[PMT_INPUT_PHRASE] = (int16_t)(t / 4 % PMT_TRAIN_PHRASES);
    c->input[PMT_INPUT_DENSITY] = (int16_t)(t / 5 % PMT_TRAIN_DENSITIES);
  }
}

static PmtStatus open_run(void* handle, size_t i, PmtCell** cells, size_t* room, size_t* n_cells) {
  const Fixture* f = handle;
  (void)i;
  PmtCell* grown = *room < T ? realloc(*cells, sizeof f->cells) : *cells;
  CHECK(grown);
  memcpy(grown, f->cells, sizeof f->cells);
  *cells = grown;
  *room = *n_cells = T;
  return PMT_OK;
}

static void see_logits(void* handle, size_t i, const PmtCell* cell, const float* logits, float nats) {
  Fixture* f = handle;
  (void)nats;
  CHECK(i == 0 && f->n_seen < T && cell->token == f->cells[f->n_seen].token);
  memcpy(f->logits[f->n_seen++], logits, sizeof f->logits[0]);
}

static void run_trainer(Fixture* f) {
  PmtPool* pool;
  PmtScorer* scorer;
  double nats;
  CHECK(pmt_pool_new(1, &pool) == PMT_OK && pmt_scorer_new(&f->params, pool, &scorer) == PMT_OK);
  const PmtScoreRuns runs = {.n = 1, .open = open_run, .see = see_logits, .handle = f};
  CHECK(pmt_scorer_run(scorer, f->w, &runs, &nats) == PMT_OK && f->n_seen == T && nats > 0.0);
  pmt_scorer_free(scorer);
  pmt_pool_free(pool);
}

static void write_and_read(Fixture* f) {
  PmtError error = {""};
  PmtFacts* facts = calloc(1, sizeof *facts);
  PmtCorpus corpora[STYLES] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}};
  CHECK(facts);
  facts->parts = PARTS;
  const PmtExport about = {.facts = facts, .corpora = corpora, .valid = (double)NAN, .ngram = (double)NAN};
  pmt_scratch_file(f->path, sizeof f->path);
  CHECKF(pmt_export_model(f->path, &f->params, f->w, &about, &error) == PMT_OK, "%s", error.text);
  CHECKF(pmt_tensors_read(f->path, &f->file, &error) == PMT_OK, "%s", error.text);
  PmtTrainShape shape;
  PmtParams params;
  CHECKF(pmt_shape_read(f->file, &shape, &error) == PMT_OK && !pmt_params_layout(&shape, &params, &error), "%s", error.text);
  CHECK(params.n_floats == f->params.n_floats && params.n_blocks == f->params.n_blocks);
  float* again = pmt_params_array(&params);
  CHECKF(again && pmt_params_load(&params, f->file, again, &error) == PMT_OK, "%s", error.text);
  CHECK(!memcmp(f->w, again, params.n_floats * sizeof *again)); /* what was written is what is read */
  free(again);
  free(facts);
}

/* -- the other side ------------------------------------------------------------------------------------------- */

static PmtCondition condition_of(const PmtCell* c) {
  PmtCondition condition = {.meter = (uint8_t)c->input[PMT_INPUT_METER], .key = (uint8_t)c->input[PMT_INPUT_KEY],
                            .phrase = (uint8_t)c->input[PMT_INPUT_PHRASE], .density = (uint8_t)c->input[PMT_INPUT_DENSITY]};
  if (c->input[PMT_INPUT_STYLE] >= 0) { condition.style[c->input[PMT_INPUT_STYLE]] = 1.0f; }
  return condition;
}

static void check_run_time(const Fixture* f) {
  PmtNet* net;
  PmtNetState* state;
  PmtError error = {""};
  CHECKF(pmt_net_new(f->file, f->params.shape.vocab, &f->told, &net, &error) == PMT_OK, "%s", error.text);
  CHECK(pmt_net_state_new(net, &state) == PMT_OK);
  pmt_net_reset(state);
  for (uint32_t t = 0; t < T; ++t) {
    uint64_t spent = 0;
    const PmtCondition condition = condition_of(&f->cells[t]);
    pmt_net_condition(state, &condition);
    pmt_net_begin(state, f->cells[t].token, &f->cells[t].hints);
    while (!pmt_net_run(state, UINT64_MAX / 2, &spent)) {}
    const float* want = pmt_net_logits(state);
    for (uint32_t v = 0; v < f->params.shape.vocab; ++v) {
      CHECKF(fabsf(want[v] - f->logits[t][v]) < 2e-4f, "step %u logit %u: run time %g, training %g", t, v, (double)want[v],
             (double)f->logits[t][v]);
    }
  }
  pmt_net_state_free(state);
  pmt_net_free(net);
}

static void check_reference(const Fixture* f) {
  const PmtTrainShape* s = &f->params.shape;
  const PmtTinyOptions options = {.arch = s->body->name, .parts = PARTS, .layers = s->layers, .d = s->d, .h = s->h,
                                  .heads = s->heads, .ff = s->ff, .window = s->window, .rel = s->reach,
                                  .pos = pmt_train_pos_name(s->pos)};
  PmtReference* r = pmt_reference_new(f->file, &options, T);
  for (uint32_t t = 0; t < T; ++t) {
    const PmtCondition condition = condition_of(&f->cells[t]);
    pmt_reference_condition(r, &condition);
    const double* want = pmt_reference_step(r, f->cells[t].token);
    for (uint32_t v = 0; v < s->vocab; ++v) {
      CHECKF(fabs(want[v] - (double)f->logits[t][v]) < 2e-4, "%s step %u logit %u: equations %g, training %g",
             s->heads ? pmt_train_pos_name(s->pos) : s->body->name, t, v, want[v], (double)f->logits[t][v]);
    }
  }
  pmt_reference_free(r);
}

/** Leaps and kinds begin as zero: give them something to say. */
static void fill_hints(Fixture* f) {
  for (uint32_t b = 0; b < f->params.n_blocks; ++b) {
    const PmtBlock* block = &f->params.block[b];
    const bool mute = !strncmp(block->name, "out.", 4) && !block->reach;
    for (size_t i = 0; mute && i < (size_t)block->rows * block->cols; ++i) {
      f->w[block->at + i] = 0.3f * pmt_random_unit(4, b, i) - 0.15f;
    }
  }
}

/** @param hints are told @param without what the net has no rows for, NULL = nothing */
static void check_told(PmtTrainShape shape, bool hints, const char* without) {
  Fixture* f = calloc(1, sizeof *f);
  PmtError error;
  CHECK(f);
  shape.vocab = VOCAB;
  pmt_shape_music(&shape, STYLES);
  if (hints) { pmt_shape_listen(&shape); }
  f->told = shape.hints;
  CHECK(!without || pmt_shape_without(&shape, without));
  CHECK(pmt_shape_is_hinted(&shape) == hints && pmt_shape_parts(&shape) == PARTS);
  CHECKF(pmt_params_layout(&shape, &f->params, &error) == PMT_OK, "%s", error.text);
  CHECK((f->w = pmt_params_array(&f->params)));
  pmt_params_init(&f->params, 3, f->w);
  for (size_t i = 0; i < f->params.n_floats; ++i) { f->w[i] *= 1.5f; }
  fill_hints(f);
  make_cells(f);
  run_trainer(f);
  write_and_read(f);
  if (!hints) { check_reference(f); }
  check_run_time(f);
  unlink(f->path);
  pmt_tensors_free(f->file);
  free(f->w);
  free(f);
}

static void check_shape(PmtTrainShape shape) {
  check_told(shape, false, NULL);
  check_told(shape, true, NULL);
}

/** A model may lack some of what can be told: nobody hears it then. */
static void check_partly_told(void) {
  static const char* const names[] = {"near", "far", "motion", "chord", "scale", "own", "top", "above", "below", "tables", "leaps", "kinds"};
  const PmtTrainShape shape = {.body = pmt_body_find("lstm"), .d = 8, .h = 8, .layers = 1};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) { check_told(shape, true, names[i]); }
  PmtTrainShape full = {.vocab = VOCAB};
  pmt_shape_listen(&full);
  CHECK(!pmt_shape_without(&full, "nea") && !pmt_shape_without(&full, "style") && pmt_shape_is_hinted(&full));
  CHECK(pmt_shape_without(&full, "hints") && !pmt_shape_is_hinted(&full));
}

static void divide_smallest(void* context, uint32_t index) {
  volatile float* const x = (volatile float*)context + index;
  *x *= 0.5f;
}

/** A sharp softmax is full of denormals: products with them took three times as long as without (a Transformer, 4 x 192).
    The caller's own numbers are as before. */
static void check_denormals(void) {
#if defined(__SSE2__) || defined(__aarch64__)
  enum { THREADS = 3 };
  PmtPool* pool;
  float x[THREADS] = {FLT_MIN, FLT_MIN, FLT_MIN};
  CHECK(pmt_pool_new(THREADS, &pool) == PMT_OK);
  pmt_pool_run(pool, divide_smallest, x);
  for (uint32_t i = 0; i < THREADS; ++i) { CHECKF(x[i] == 0.0f, "thread %u: %g", i, (double)x[i]); }
  volatile float mine = FLT_MIN;
  mine *= 0.5f;
  CHECK(mine > 0.0f);
  pmt_pool_free(pool);
#endif
}

int main(void) {
  openblas_set_num_threads(1);
  check_denormals();
  for (const char* const* arch = (const char* const[]){"lstm", "gru", "rnn", NULL}; *arch; ++arch) {
    check_shape((PmtTrainShape){.body = pmt_body_find(*arch), .d = 24, .h = 40, .layers = 2});
  }
  for (int pos = 0; pos < PMT_TRAIN_POSES; ++pos) {
    PmtTrainShape s = {.body = pmt_body_find("tf"), .d = 24, .heads = 3, .ff = 40, .window = 36, .layers = 2,
                       .pos = (PmtPos)pos};
    check_shape((s.reach = s.pos == PMT_POS_REL ? 36 : 0, s));
    s.window = 400; /* never full */
    check_shape((s.reach = s.pos == PMT_POS_REL ? 20 : 0, s));
  }
  check_partly_told();
  return 0;
}
