/* SPDX-License-Identifier: ISC */
/** @file score.c  See score.h. */
#include "train/score.h"

#include "music/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  PmtScoreTask** order; /* longest first */
  uint32_t listen;      /* parts of a hinted model, else 0 */
  uint32_t parts;       /* of the model */
  bool give_key;
} Pieces;

/** Length in quarters of the first n cells of a piece: whole when all are taken, else up to the last slot that is predicted. */
static double quarters_of(const PmtPiece* piece, const PmtCell* cells, size_t n_taken, size_t n_all) {
  size_t slots = pmt_token_class(cells[n_taken - 1].target) == PMT_CLASS_SLOT;
  if (n_taken == n_all) { return (double)piece->ticks / PMT_TICKS_PER_QUARTER; }
  for (size_t i = 0; i < n_taken; ++i) { slots += cells[i].beat; }
  return slots ? (double)piece->sequence.slots[slots - 1].tick / PMT_TICKS_PER_QUARTER : 0.0;
}

static PmtStatus open_piece(void* handle, size_t i, PmtCell** cells, size_t* room, size_t* n_cells) {
  static const uint16_t no_octiles[PMT_OCTILE_LIMITS] = {0};
  const Pieces* pieces = handle;
  PmtScoreTask* task = pieces->order[i];
  PmtVariation plain = pmt_variation_plain(pieces->give_key);
  plain.listen = pieces->listen;
  plain.taken = task->taken;
  const PmtStatus st = pmt_vary(task->piece, &plain, task->style, no_octiles, cells, room, n_cells);
  if (st) { return st; }
  const size_t all = *n_cells;
  if (task->tokens_max && *n_cells > task->tokens_max) { *n_cells = task->tokens_max; }
  task->tokens = *n_cells;
  memset(task->class_nats, 0, sizeof task->class_nats);
  task->nats = 0.0;
  task->quarters = quarters_of(task->piece, *cells, *n_cells, all);
  return PMT_OK;
}

/** -log p of a target where no note of some parts can come. */
static double masked_nats(const float* logits, uint32_t parts, uint32_t masked, PmtToken target) {
  double sum = 0.0;
  for (uint32_t t = 0; t < pmt_vocab_size(parts); ++t) {
    if (t >= PMT_TOKEN_NOTE && masked >> pmt_note_part((PmtToken)t) & 1) { continue; }
    sum += exp((double)logits[t] - (double)logits[target]);
  }
  return log(sum);
}

static void see_token(void* handle, size_t i, const PmtCell* cell, const float* logits, float nats) {
  const Pieces* pieces = handle;
  PmtScoreTask* task = pieces->order[i];
  const double cost = task->masked ? masked_nats(logits, pieces->parts, task->taken.parts, cell->target) : (double)nats;
  task->nats += cost;
  task->class_nats[pmt_token_class(cell->target)] += cost;
}

static int longest_first(const void* a, const void* b) {
  const PmtScoreTask *x = *(PmtScoreTask* const*)a, *y = *(PmtScoreTask* const*)b;
  const size_t n = x->piece->sequence.n_tokens, m = y->piece->sequence.n_tokens;
  return n != m ? (n < m ? 1 : -1) : (x > y) - (x < y);
}

PmtStatus pmt_score_pieces(PmtScorer* scorer, const float* w, PmtScoreTask* tasks, size_t n_tasks, bool give_key) {
  const PmtTrainShape* shape = pmt_scorer_shape(scorer);
  Pieces pieces = {.order = malloc((n_tasks + 1) * sizeof(PmtScoreTask*)), .give_key = give_key,
                   .listen = pmt_shape_is_hinted(shape) ? pmt_shape_parts(shape) : 0,
                   .parts = pmt_shape_parts(shape)};
  double* nats = malloc((n_tasks + 1) * sizeof *nats);
  PmtStatus st = PMT_NO_MEM;
  if (pieces.order && nats) {
    for (size_t i = 0; i < n_tasks; ++i) { pieces.order[i] = &tasks[i]; }
    qsort(pieces.order, n_tasks, sizeof(PmtScoreTask*), longest_first);
    const PmtScoreRuns runs = {.n = n_tasks, .open = open_piece, .see = see_token, .handle = &pieces};
    st = pmt_scorer_run(scorer, w, &runs, nats);
  }
  free(pieces.order);
  free(nats);
  return st;
}

PmtScoreSum pmt_score_sum(const PmtScoreTask* tasks, size_t n_tasks, int style) {
  PmtScoreSum sum = {.pieces = 0};
  for (size_t i = 0; i < n_tasks; ++i) {
    if (tasks[i].style != style) { continue; }
    ++sum.pieces;
    sum.tokens += tasks[i].tokens;
    sum.quarters += tasks[i].quarters;
    sum.nats += tasks[i].nats;
    for (uint32_t c = 0; c < PMT_SCORE_CLASSES; ++c) { sum.class_nats[c] += tasks[i].class_nats[c]; }
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
