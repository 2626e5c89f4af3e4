/* SPDX-License-Identifier: ISC */
/** @file score.c  See score.h. Each thread runs some pieces side by side through the training forward. */
#include "train/score.h"

#include "music/meter.h"
#include "train/stream.h"

#include <stdlib.h>
#include <string.h>

enum { LANES_MAX = 8, STEPS = 64 };

typedef struct {
  PmtScoreTask* task; /* NULL: idle */
  PmtCell* cells;
  size_t room, n_cells, at;
} Lane;

typedef struct {
  PmtLstm* lstm;
  PmtCell* cells; /* (STEPS, lanes) */
  float* nats;    /* the same shape */
  Lane lane[LANES_MAX];
  uint32_t lanes; /* in use: few pieces leave no lane idle for long */
  PmtStatus status;
} Worker;

struct PmtScorer {
  PmtParams params;
  PmtPool* pool;
  PmtLstmPacked packed;
  Worker* workers;
  const float* w;
  PmtScoreTask** order; /* longest first */
  size_t n_tasks;
  bool give_key;
};

PmtStatus pmt_scorer_new(const PmtParams* params, PmtPool* pool, PmtScorer** scorer) {
  *scorer = NULL;
  PmtScorer* me = calloc(1, sizeof *me);
  if (!me) { return PMT_NO_MEM; }
  me->params = *params;
  me->pool = pool;
  me->workers = calloc(pmt_pool_size(pool), sizeof *me->workers);
  bool ok = me->workers && !pmt_lstm_packed_new(params, false, &me->packed);
  for (uint32_t i = 0; ok && i < pmt_pool_size(pool); ++i) {
    Worker* k = &me->workers[i];
    k->cells = calloc(STEPS * LANES_MAX, sizeof *k->cells);
    k->nats = calloc(STEPS * LANES_MAX, sizeof *k->nats);
    ok = k->cells && k->nats && !pmt_lstm_new(params, LANES_MAX, STEPS, false, i, &k->lstm);
  }
  if (!ok) {
    pmt_scorer_free(me);
    return PMT_NO_MEM;
  }
  *scorer = me;
  return PMT_OK;
}

void pmt_scorer_free(PmtScorer* scorer) {
  if (!scorer) { return; }
  for (uint32_t i = 0; scorer->workers && i < pmt_pool_size(scorer->pool); ++i) {
    Worker* k = &scorer->workers[i];
    for (uint32_t l = 0; l < LANES_MAX; ++l) { free(k->lane[l].cells); }
    pmt_lstm_free(k->lstm);
    free(k->cells);
    free(k->nats);
  }
  free(scorer->workers);
  pmt_lstm_packed_free(&scorer->packed);
  free(scorer);
}

/** Length in quarters of the first n_cells of a piece: whole when all are taken, else up to the slot reached. */
static double quarters_of(const PmtPiece* piece, size_t n_taken, size_t n_all) {
  const PmtSequence* s = &piece->sequence;
  if (n_taken == n_all) { return (double)piece->ticks / PMT_TICKS_PER_QUARTER; }
  size_t lo = 0, hi = s->n_slots - 1; /* the last slot whose T token is among the predicted */
  while (lo < hi) {
    const size_t mid = (lo + hi + 1) / 2;
    if (s->slots[mid].token <= n_taken) { lo = mid; } else { hi = mid - 1; }
  }
  return (double)s->slots[lo].tick / PMT_TICKS_PER_QUARTER;
}

static PmtStatus load_lane(Lane* lane, PmtScoreTask* task, bool give_key) {
  static const uint16_t no_octiles[PMT_OCTILE_LIMITS] = {0};
  const PmtVariation plain = pmt_variation_plain(give_key);
  const PmtStatus st = pmt_vary(task->piece, &plain, task->style, no_octiles, &lane->cells, &lane->room, &lane->n_cells);
  if (st) { return st; }
  const size_t all = lane->n_cells;
  if (task->tokens_max && lane->n_cells > task->tokens_max) { lane->n_cells = task->tokens_max; }
  lane->task = task;
  lane->at = 0;
  task->nats = 0.0;
  task->tokens = lane->n_cells;
  task->quarters = quarters_of(task->piece, lane->n_cells, all);
  return PMT_OK;
}

/** Fill the block of cells; a lane that ends takes the thread's next task in mid-block. @return some lane is busy */
static bool fill_block(PmtScorer* me, Worker* k, size_t* next, PmtScoreTask* owner[STEPS * LANES_MAX]) {
  bool busy = false;
  for (uint32_t l = 0; l < k->lanes; ++l) {
    Lane* lane = &k->lane[l];
    for (uint32_t t = 0; t < STEPS; ++t) {
      const size_t r = (size_t)t * k->lanes + l;
      if ((!lane->task || lane->at == lane->n_cells) && *next < me->n_tasks && !k->status) {
        k->status = load_lane(lane, me->order[*next], me->give_key);
        *next += pmt_pool_size(me->pool);
      }
      if (!lane->task || lane->at == lane->n_cells || k->status) {
        lane->task = NULL;
        owner[r] = NULL;
        k->cells[r] = (PmtCell){.style = -1, .reset = true};
        continue;
      }
      owner[r] = lane->task;
      k->cells[r] = lane->cells[lane->at++];
      busy = true;
    }
  }
  return busy;
}

static void score_job(void* context, uint32_t index) {
  PmtScorer* me = context;
  Worker* k = &me->workers[index];
  PmtScoreTask* owner[STEPS * LANES_MAX];
  size_t next = index;
  k->status = PMT_OK;
  const uint32_t n_threads = pmt_pool_size(me->pool);
  const size_t n_mine = (me->n_tasks + n_threads - 1 - index) / n_threads;
  k->lanes = n_mine < LANES_MAX ? (n_mine ? (uint32_t)n_mine : 1) : LANES_MAX;
  pmt_lstm_narrow(k->lstm, k->lanes);
  for (uint32_t l = 0; l < LANES_MAX; ++l) { k->lane[l].task = NULL; }
  pmt_lstm_pack(&me->params, me->w, &me->packed, index, n_threads);
  pmt_pool_barrier(me->pool);
  while (fill_block(me, k, &next, owner)) {
    pmt_lstm_forward(k->lstm, me->w, &me->packed, k->cells, NULL, NULL, k->nats);
    for (size_t r = 0; r < (size_t)STEPS * k->lanes; ++r) {
      if (owner[r]) { owner[r]->nats += (double)k->nats[r]; }
    }
  }
}

static int longest_first(const void* a, const void* b) {
  const PmtScoreTask *x = *(PmtScoreTask* const*)a, *y = *(PmtScoreTask* const*)b;
  const size_t n = x->piece->sequence.n_tokens, m = y->piece->sequence.n_tokens;
  return n != m ? (n < m ? 1 : -1) : (x > y) - (x < y);
}

PmtStatus pmt_scorer_run(PmtScorer* scorer, const float* w, PmtScoreTask* tasks, size_t n_tasks, bool give_key) {
  scorer->order = malloc((n_tasks + 1) * sizeof(PmtScoreTask*));
  if (!scorer->order) { return PMT_NO_MEM; }
  for (size_t i = 0; i < n_tasks; ++i) { scorer->order[i] = &tasks[i]; }
  qsort(scorer->order, n_tasks, sizeof(PmtScoreTask*), longest_first);
  scorer->w = w;
  scorer->n_tasks = n_tasks;
  scorer->give_key = give_key;
  pmt_pool_run(scorer->pool, score_job, scorer);
  free(scorer->order);
  scorer->order = NULL;
  for (uint32_t i = 0; i < pmt_pool_size(scorer->pool); ++i) {
    if (scorer->workers[i].status) { return scorer->workers[i].status; }
  }
  return PMT_OK;
}

PmtScoreSum pmt_score_sum(const PmtScoreTask* tasks, size_t n_tasks, int style) {
  PmtScoreSum sum = {0, 0, 0.0, 0.0};
  for (size_t i = 0; i < n_tasks; ++i) {
    if (tasks[i].style != style) { continue; }
    ++sum.pieces;
    sum.tokens += tasks[i].tokens;
    sum.quarters += tasks[i].quarters;
    sum.nats += tasks[i].nats;
  }
  return sum;
}

PmtStatus pmt_score_tasks(const PmtCorpus* corpus, PmtSplit split, int style, size_t pieces_max, size_t tokens_max,
                          PmtScoreTask** tasks, size_t* n_tasks) {
  const size_t n_all = pmt_corpus_count(corpus, split).pieces;
  const size_t n = pieces_max && n_all > pieces_max ? pieces_max : n_all;
  PmtScoreTask* grown = realloc(*tasks, (*n_tasks + n + 1) * sizeof *grown);
  if (!grown) { return PMT_NO_MEM; }
  *tasks = grown;
  size_t seen = 0, taken = 0;
  for (size_t i = 0; i < corpus->n_pieces && taken < n; ++i) {
    if (corpus->pieces[i].split != split) { continue; }
    if (seen++ * n / n_all != taken) { continue; } /* evenly through the sorted names */
    grown[(*n_tasks)++] = (PmtScoreTask){.piece = &corpus->pieces[i], .style = style,
                                         .tokens_max = tokens_max && n ? tokens_max / n + 1 : 0};
    ++taken;
  }
  return PMT_OK;
}
