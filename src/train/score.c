/* SPDX-License-Identifier: ISC */
/** @file score.c  See score.h. */
#include "train/score.h"

#include "music/meter.h"
#include "train/stream.h"

#include <stdlib.h>

typedef struct {
  PmtScoreTask** order; /* longest first */
  bool give_key;
} Pieces;

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

static PmtStatus open_piece(void* handle, size_t i, PmtCell** cells, size_t* room, size_t* n_cells) {
  static const uint16_t no_octiles[PMT_OCTILE_LIMITS] = {0};
  const Pieces* pieces = handle;
  PmtScoreTask* task = pieces->order[i];
  const PmtVariation plain = pmt_variation_plain(pieces->give_key);
  const PmtStatus st = pmt_vary(task->piece, &plain, task->style, no_octiles, cells, room, n_cells);
  if (st) { return st; }
  const size_t all = *n_cells;
  if (task->tokens_max && *n_cells > task->tokens_max) { *n_cells = task->tokens_max; }
  task->tokens = *n_cells;
  task->quarters = quarters_of(task->piece, *n_cells, all);
  return PMT_OK;
}

static int longest_first(const void* a, const void* b) {
  const PmtScoreTask *x = *(PmtScoreTask* const*)a, *y = *(PmtScoreTask* const*)b;
  const size_t n = x->piece->sequence.n_tokens, m = y->piece->sequence.n_tokens;
  return n != m ? (n < m ? 1 : -1) : (x > y) - (x < y);
}

PmtStatus pmt_score_pieces(PmtScorer* scorer, const float* w, PmtScoreTask* tasks, size_t n_tasks, bool give_key) {
  Pieces pieces = {.order = malloc((n_tasks + 1) * sizeof(PmtScoreTask*)), .give_key = give_key};
  double* nats = malloc((n_tasks + 1) * sizeof *nats);
  PmtStatus st = PMT_NO_MEM;
  if (pieces.order && nats) {
    for (size_t i = 0; i < n_tasks; ++i) { pieces.order[i] = &tasks[i]; }
    qsort(pieces.order, n_tasks, sizeof(PmtScoreTask*), longest_first);
    const PmtScoreRuns runs = {.n = n_tasks, .open = open_piece, .handle = &pieces};
    st = pmt_scorer_run(scorer, w, &runs, nats);
    for (size_t i = 0; !st && i < n_tasks; ++i) { pieces.order[i]->nats = nats[i]; }
  }
  free(pieces.order);
  free(nats);
  return st;
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
