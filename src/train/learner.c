/* SPDX-License-Identifier: ISC */
/** @file learner.c  See learner.h. */
#include "train/learner.h"

#include "train/pointwise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint32_t first, end; /* streams */
  PmtNetwork* network;
  PmtCell* cells;      /* rows of the network */
  float* gradient;
  double nats;         /* of this thread's streams */
  double squares;      /* of this thread's share of the summed gradient */
} Worker;

struct PmtLearner {
  PmtParams params;
  PmtLearnerOptions options;
  PmtPool* pool;
  uint32_t n;
  Worker* workers;
  float* prepared;
  float* array[PMT_ARRAYS];
  uint64_t step;
  uint64_t n_counted; /* targets of the step in hand */
  float rate;
  double norm;
};

void pmt_learner_free(PmtLearner* learner) {
  if (!learner) { return; }
  for (uint32_t i = 0; learner->workers && i < learner->n; ++i) {
    pmt_network_free(learner->workers[i].network);
    free(learner->workers[i].cells);
    free(learner->workers[i].gradient);
  }
  for (uint32_t i = 0; i < PMT_ARRAYS; ++i) { free(learner->array[i]); }
  free(learner->workers);
  free(learner->prepared);
  free(learner);
}

static PmtStatus build(PmtLearner* me) {
  const PmtLearnerOptions* o = &me->options;
  me->workers = calloc(me->n, sizeof *me->workers);
  if (!me->workers || !(me->prepared = pmt_prepared_new(&me->params, true))) { return PMT_NO_MEM; }
  for (uint32_t i = 0; i < PMT_ARRAYS; ++i) {
    if (!(me->array[i] = pmt_params_array(&me->params))) { return PMT_NO_MEM; }
  }
  for (uint32_t i = 0; i < me->n; ++i) {
    Worker* k = &me->workers[i];
    k->first = o->streams * i / me->n;
    k->end = o->streams * (i + 1) / me->n;
    k->cells = calloc((size_t)o->steps * (k->end - k->first), sizeof *k->cells);
    k->gradient = pmt_params_array(&me->params);
    if (!k->cells || !k->gradient) { return PMT_NO_MEM; }
    const PmtBodySize size = {.params = &me->params, .streams = k->end - k->first, .steps = o->steps, .past = o->past,
                              .part = i, .train = true};
    if (pmt_network_new(&size, &k->network)) { return PMT_NO_MEM; }
  }
  return PMT_OK;
}

PmtStatus pmt_learner_new(const PmtParams* params, const PmtLearnerOptions* options, PmtPool* pool, PmtLearner** learner,
                          PmtError* error) {
  *learner = NULL;
  if (options->streams < pmt_pool_size(pool)) {
    return pmt_fail(error, PMT_BAD_ARG, "batch %u is smaller than the number of threads, %u", options->streams,
                    pmt_pool_size(pool));
  }
  const PmtTrainShape* s = &params->shape;
  if (s->body == &pmt_body_tf && s->pos == PMT_POS_SIN && (options->past || options->steps > s->window)) {
    return pmt_fail(error, PMT_BAD_ARG, "sin: added positions end with the window of %u: no longer steps, nothing before",
                    s->window);
  }
  PmtLearner* me = calloc(1, sizeof *me);
  if (!me) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  *me = (PmtLearner){.params = *params, .options = *options, .pool = pool, .n = pmt_pool_size(pool)};
  if (build(me)) {
    pmt_learner_free(me);
    return pmt_fail(error, PMT_NO_MEM, "out of memory for a batch of %u streams of %u tokens", options->streams,
                    options->steps);
  }
  pmt_params_init(params, options->seed, me->array[PMT_ARRAY_WEIGHTS]);
  memcpy(me->array[PMT_ARRAY_AVERAGE], me->array[PMT_ARRAY_WEIGHTS], params->n_floats * sizeof(float));
  *learner = me;
  return PMT_OK;
}

const PmtParams* pmt_learner_params(const PmtLearner* learner) { return &learner->params; }

size_t pmt_learner_step_tokens(const PmtLearner* learner) {
  return (size_t)learner->options.streams * learner->options.steps;
}

PmtCell* pmt_learner_cell(PmtLearner* learner, uint32_t stream, uint32_t t) {
  uint32_t i = 0;
  while (learner->workers[i].end <= stream) { ++i; }
  const Worker* k = &learner->workers[i];
  return &k->cells[pmt_network_row(k->network, stream - k->first, t)];
}

float* pmt_learner_array(PmtLearner* learner, PmtArrayId id) { return learner->array[id]; }

/* -- carried state -------------------------------------------------------------------------------------------- */

size_t pmt_learner_state_floats(const PmtLearner* learner) {
  size_t sum = 0;
  for (uint32_t i = 0; i < learner->n; ++i) {
    size_t n;
    pmt_network_state(learner->workers[i].network, &n);
    sum += n;
  }
  return sum;
}

void pmt_learner_save_state(const PmtLearner* learner, float* state) {
  for (uint32_t i = 0; i < learner->n; ++i) {
    size_t n;
    const float* from = pmt_network_state(learner->workers[i].network, &n);
    if (n) { memcpy(state, from, n * sizeof *state); }
    state += n;
  }
}

void pmt_learner_restore_state(PmtLearner* learner, const float* state) {
  for (uint32_t i = 0; i < learner->n; ++i) {
    size_t n;
    float* to = pmt_network_state(learner->workers[i].network, &n);
    if (n) { memcpy(to, state, n * sizeof *state); }
    state += n;
  }
}

/* -- one step ------------------------------------------------------------------------------------------------- */

/** This thread's share of the flat arrays, on a cache line's border. */
static size_t share_at(const PmtLearner* me, uint32_t i) {
  return i == me->n ? me->params.n_floats : me->params.n_floats / 16 * i / me->n * 16;
}

static void sum_gradients(PmtLearner* me, uint32_t index) {
  const size_t at = share_at(me, index), n = share_at(me, index + 1) - at;
  float* sum = me->workers[0].gradient + at;
  for (uint32_t i = 1; i < me->n; ++i) { pmt_point_add(n, sum, me->workers[i].gradient + at); }
  me->workers[index].squares = pmt_point_square_sum(n, sum);
}

static void update_share(PmtLearner* me, uint32_t index) {
  const PmtLearnerOptions* o = &me->options;
  const double t = (double)me->step + 1.0;
  double squares = 0.0;
  for (uint32_t i = 0; i < me->n; ++i) { squares += me->workers[i].squares; }
  const double norm = sqrt(squares);
  if (index == 0) { me->norm = norm; }
  PmtAdam adam = {.rate = me->rate, .beta1 = 0.9f, .beta2 = 0.98f, .eps = 1e-8f,
                  .correct1 = (float)(1.0 / (1.0 - pow(0.9, t))), .correct2 = (float)(1.0 / (1.0 - pow(0.98, t))),
                  .gradient_scale = norm > (double)o->clip ? (float)((double)o->clip / norm) : 1.0f};
  const size_t begin = share_at(me, index), end = share_at(me, index + 1);
  for (uint32_t b = 0; b < me->params.n_blocks; ++b) {
    const size_t next = b + 1 < me->params.n_blocks ? me->params.block[b + 1].at : me->params.n_floats;
    const size_t from = me->params.block[b].at > begin ? me->params.block[b].at : begin;
    const size_t to = next < end ? next : end;
    if (from >= to) { continue; }
    adam.decay = me->params.block[b].decay ? o->decay : 0.0f;
    pmt_point_adam(to - from, me->array[PMT_ARRAY_WEIGHTS] + from, me->workers[0].gradient + from,
                   me->array[PMT_ARRAY_M] + from, me->array[PMT_ARRAY_V] + from, &adam);
  }
  /* the average follows faster at first, so that it never remembers the random beginning */
  const float keep = fminf(o->average, (float)(t / (t + 10.0)));
  pmt_point_average(end - begin, me->array[PMT_ARRAY_AVERAGE] + begin, me->array[PMT_ARRAY_WEIGHTS] + begin, keep);
}

static void step_job(void* context, uint32_t index) {
  PmtLearner* me = context;
  Worker* k = &me->workers[index];
  const float* w = me->array[PMT_ARRAY_WEIGHTS];
  const PmtDropout dropout = {.drop = me->options.drop, .seed = me->options.seed ^ 0x64726f70u, .step = me->step};
  const PmtPass pass = {.w = w, .prepared = me->prepared, .cells = k->cells, .dropout = &dropout};
  pmt_prepare(&me->params, true, w, me->prepared, index, me->n);
  pmt_pool_barrier(me->pool);
  k->nats = pmt_network_forward(k->network, &pass, NULL);
  pmt_network_backward(k->network, &pass, 1.0f / (float)me->n_counted, k->gradient);
  pmt_pool_barrier(me->pool);
  sum_gradients(me, index);
  pmt_pool_barrier(me->pool);
  update_share(me, index);
}

static uint64_t count_targets(const PmtLearner* me) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < me->n; ++i) {
    for (size_t c = 0; c < pmt_network_rows(me->workers[i].network); ++c) { n += me->workers[i].cells[c].counts; }
  }
  return n ? n : 1;
}

double pmt_learner_step(PmtLearner* learner, uint64_t step, float rate, double* norm) {
  learner->step = step;
  learner->rate = rate;
  learner->n_counted = count_targets(learner);
  pmt_pool_run(learner->pool, step_job, learner);
  double nats = 0.0;
  for (uint32_t i = 0; i < learner->n; ++i) { nats += learner->workers[i].nats; }
  if (norm) { *norm = learner->norm; }
  return nats / (double)learner->n_counted;
}
