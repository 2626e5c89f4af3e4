/* SPDX-License-Identifier: ISC */
/** @file scorer.c  See scorer.h. */
#include "train/scorer.h"

#include <stdlib.h>
#include <string.h>

enum { LANES_MAX = 8, STEPS = 64, NOBODY = -1 };

typedef struct {
  bool busy;
  size_t run;
  PmtCell* cells;
  size_t room, n_cells, at;
} Lane;

typedef struct {
  PmtNetwork* network;
  PmtCell* cells;      /* (rows) */
  float* nats;         /* (rows) */
  int64_t* owner;      /* (rows) run a row belongs to, or NOBODY */
  Lane lane[LANES_MAX];
  uint32_t lanes;      /* in use: few runs leave no lane idle for long */
  PmtStatus status;
} Worker;

struct PmtScorer {
  PmtParams params;
  PmtPool* pool;
  float* prepared;
  Worker* workers;
  const float* w;
  const PmtScoreRuns* runs;
  double* sums;
};

PmtStatus pmt_scorer_new(const PmtParams* params, PmtPool* pool, PmtScorer** scorer) {
  *scorer = NULL;
  PmtScorer* me = calloc(1, sizeof *me);
  if (!me) { return PMT_NO_MEM; }
  me->params = *params;
  me->pool = pool;
  me->workers = calloc(pmt_pool_size(pool), sizeof *me->workers);
  me->prepared = pmt_prepared_new(params, false);
  bool ok = me->workers && me->prepared;
  for (uint32_t i = 0; ok && i < pmt_pool_size(pool); ++i) {
    const PmtBodySize size = {.params = params, .streams = LANES_MAX, .steps = STEPS, .part = i,
                              .past = params->shape.window ? params->shape.window - 1 : 0};
    Worker* k = &me->workers[i];
    k->cells = calloc(STEPS * LANES_MAX, sizeof *k->cells);
    k->nats = calloc(STEPS * LANES_MAX, sizeof *k->nats);
    k->owner = calloc(STEPS * LANES_MAX, sizeof *k->owner);
    ok = k->cells && k->nats && k->owner && !pmt_network_new(&size, &k->network);
    if (ok) { pmt_network_keep_logits(k->network, true); }
  }
  if (!ok) {
    pmt_scorer_free(me);
    return PMT_NO_MEM;
  }
  *scorer = me;
  return PMT_OK;
}

const PmtTrainShape* pmt_scorer_shape(const PmtScorer* scorer) { return &scorer->params.shape; }

void pmt_scorer_free(PmtScorer* scorer) {
  if (!scorer) { return; }
  for (uint32_t i = 0; scorer->workers && i < pmt_pool_size(scorer->pool); ++i) {
    Worker* k = &scorer->workers[i];
    for (uint32_t l = 0; l < LANES_MAX; ++l) { free(k->lane[l].cells); }
    pmt_network_free(k->network);
    free(k->cells);
    free(k->nats);
    free(k->owner);
  }
  free(scorer->workers);
  free(scorer->prepared);
  free(scorer);
}

/* -- added positions: the window that fills --------------------------------------------------------------------- */

/** Where position `at` of a run is seen from: with sinusoids a full window is fed again from its newer half on, so that
    no position lies beyond it. @return the first position of its window */
static size_t window_begin(size_t at, size_t window) {
  const size_t half = window / 2;
  return at < window ? 0 : (at - window) / half * half + half;
}

/** Spell the feeding out: each window's cells follow the last one's, those fed again do not count. */
static PmtStatus feed_again(Lane* lane, size_t window) {
  size_t n = 0;
  for (size_t t = 0; t < lane->n_cells; ++t) {
    const size_t begin = window_begin(t, window);
    n += t && begin != window_begin(t - 1, window) ? t - begin + 1 : 1;
  }
  PmtCell* fed = malloc(n * sizeof *fed);
  if (!fed) { return PMT_NO_MEM; }
  size_t used = 0;
  for (size_t t = 0; t < lane->n_cells; ++t) {
    const size_t begin = window_begin(t, window);
    if (t && begin != window_begin(t - 1, window)) {
      for (size_t k = begin; k < t; ++k) {
        fed[used] = lane->cells[k];
        fed[used].counts = false;
        fed[used++].reset = k == begin;
      }
    }
    fed[used++] = lane->cells[t];
  }
  free(lane->cells);
  lane->cells = fed;
  lane->n_cells = lane->room = n;
  return PMT_OK;
}

/* -- running ------------------------------------------------------------------------------------------------------ */

static PmtStatus load_lane(const PmtScorer* me, Lane* lane, size_t run) {
  const PmtTrainShape* s = &me->params.shape;
  PmtStatus st = me->runs->open(me->runs->handle, run, &lane->cells, &lane->room, &lane->n_cells);
  if (!st && s->window && s->pos == PMT_POS_SIN) { st = feed_again(lane, s->window); }
  lane->busy = !st;
  lane->run = run;
  lane->at = 0;
  me->sums[run] = 0.0;
  return st;
}

/** Fill the block of cells; a lane that ends takes the thread's next run in mid-block. @return some lane is busy */
static bool fill_block(PmtScorer* me, Worker* k, size_t* next) {
  bool busy = false;
  for (uint32_t l = 0; l < k->lanes; ++l) {
    Lane* lane = &k->lane[l];
    for (uint32_t t = 0; t < STEPS; ++t) {
      const size_t r = pmt_network_row(k->network, l, t);
      while ((!lane->busy || lane->at == lane->n_cells) && *next < me->runs->n && !k->status) {
        k->status = load_lane(me, lane, *next);
        *next += pmt_pool_size(me->pool);
      }
      if (!lane->busy || lane->at == lane->n_cells || k->status) {
        lane->busy = false;
        k->owner[r] = NOBODY;
        k->cells[r] = (PmtCell){.reset = true};
        memset(k->cells[r].input, -1, sizeof k->cells[r].input);
        memset(k->cells[r].hints.row, -1, sizeof k->cells[r].hints.row);
        memset(k->cells[r].hints.anchor, -1, sizeof k->cells[r].hints.anchor);
        continue;
      }
      k->owner[r] = (int64_t)lane->run;
      k->cells[r] = lane->cells[lane->at++];
      busy = true;
    }
  }
  return busy;
}

/** Streams one after the other: the cells of a run in order. */
static void take_block(PmtScorer* me, Worker* k) {
  for (uint32_t l = 0; l < k->lanes; ++l) {
    for (uint32_t t = 0; t < STEPS; ++t) {
      const size_t r = pmt_network_row(k->network, l, t);
      if (k->owner[r] == NOBODY || !k->cells[r].counts) { continue; }
      me->sums[k->owner[r]] += (double)k->nats[r];
      if (!me->runs->see) { continue; }
      me->runs->see(me->runs->handle, (size_t)k->owner[r], &k->cells[r],
                    pmt_network_logits(k->network) + r * me->params.shape.vocab, k->nats[r]);
    }
  }
}

static void score_job(void* context, uint32_t index) {
  PmtScorer* me = context;
  Worker* k = &me->workers[index];
  const uint32_t n_threads = pmt_pool_size(me->pool);
  const size_t n_mine = (me->runs->n + n_threads - 1 - index) / n_threads;
  size_t next = index;
  k->status = PMT_OK;
  k->lanes = n_mine < LANES_MAX ? (n_mine ? (uint32_t)n_mine : 1) : LANES_MAX;
  pmt_network_narrow(k->network, k->lanes);
  for (uint32_t l = 0; l < LANES_MAX; ++l) { k->lane[l].busy = false; }
  pmt_prepare(&me->params, false, me->w, me->prepared, index, n_threads);
  pmt_pool_barrier(me->pool);
  const PmtPass pass = {.w = me->w, .prepared = me->prepared, .cells = k->cells};
  while (fill_block(me, k, &next)) {
    pmt_network_forward(k->network, &pass, k->nats);
    take_block(me, k);
  }
}

PmtStatus pmt_scorer_run(PmtScorer* scorer, const float* w, const PmtScoreRuns* runs, double* nats) {
  scorer->w = w;
  scorer->runs = runs;
  scorer->sums = nats;
  pmt_pool_run(scorer->pool, score_job, scorer);
  for (uint32_t i = 0; i < pmt_pool_size(scorer->pool); ++i) {
    if (scorer->workers[i].status) { return scorer->workers[i].status; }
  }
  return PMT_OK;
}
