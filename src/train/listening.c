/* SPDX-License-Identifier: ISC */
/** @file listening.c  See listening.h. */
#include "train/listening.h"

#include "music/listener.h"
#include "train/taken.h"

#include <cblas.h>
#include <stdlib.h>

/** Part number n of those in `parts`, or the lowest there is. */
static uint32_t nth(uint32_t parts, uint32_t n) {
  while (n-- && parts & (parts - 1)) { parts &= parts - 1; }
  return parts & -parts;
}

/** What the player has. @return bits; 0 when nothing would remain, or nobody plays it */
static uint32_t parts_of(const PmtPiece* piece, PmtYouPlay you) {
  const uint32_t parts = pmt_piece_parts(piece);
  const uint32_t taken = you == PMT_YOU_CHORDS   ? parts & (parts - 1)
                         : you == PMT_YOU_SECOND ? nth(parts, 1)
                         : you == PMT_YOU_THIRD  ? nth(parts, 2)
                         : you == PMT_YOU_BASS   ? nth(parts, PMT_PARTS_MAX)
                                                 : nth(parts, 0);
  return taken != parts || piece->drums ? taken : 0;
}

size_t pmt_listening_take(PmtScoreTask* tasks, size_t n, PmtYouPlay you) {
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    tasks[i].taken.parts = parts_of(tasks[i].piece, you);
    if (tasks[i].taken.parts) { tasks[kept++] = tasks[i]; }
  }
  return kept;
}

static void set_up(PmtScoreTask* tasks, size_t n, PmtEarMode ear, PmtHeard heard) {
  for (size_t i = 0; i < n; ++i) {
    PmtTaken* t = &tasks[i].taken;
    t->ear = heard == PMT_HEARD_NOTHING ? PMT_EAR_OFF : ear;
    t->silent = heard == PMT_HEARD_SILENCE;
    t->other = heard == PMT_HEARD_WRONG ? &tasks[(i + 1) % n].piece->sequence : NULL;
  }
}

static PmtStatus measure(PmtScorer* scorer, const float* w, PmtScoreTask* tasks, size_t n, int style, PmtListening* l) {
  PmtStatus st = PMT_OK;
  for (int mode = 0; !st && mode < 2; ++mode) {
    for (int heard = PMT_HEARD_NOTHING; !st && heard < PMT_HEARDS; ++heard) {
      if (mode && heard == PMT_HEARD_NOTHING) {
        l->nats[1][heard] = l->nats[0][heard];
        continue;
      }
      set_up(tasks, n, mode ? PMT_EAR_WITH : PMT_EAR_BEFORE, (PmtHeard)heard);
      st = pmt_score_pieces(scorer, w, tasks, n, false);
      const PmtScoreSum sum = pmt_score_sum(tasks, n, style);
      l->nats[mode][heard] = sum.nats;
      l->quarters = sum.quarters;
      l->pieces = sum.pieces;
    }
  }
  return st;
}

PmtStatus pmt_listening_measure(const PmtAppraiseOptions* options, PmtYouPlay you, PmtListening* listening, PmtError* error) {
  PmtAppraised on;
  PmtPool* pool = NULL;
  PmtScorer* scorer = NULL;
  PmtScoreTask* tasks = NULL;
  size_t n = 0;
  *listening = (PmtListening){.part = ""};
  PmtStatus st = pmt_appraise_open(options, &on, error);
  listening->part = on.part;
  listening->refused = on.corpus.n_refused;
  if (!st && !pmt_shape_has(&on.params.shape, PMT_LISTENER_YOU)) {
    st = pmt_fail(error, PMT_UNSUPPORTED, "%s: was not taught to listen to a player", options->model);
  }
  openblas_set_num_threads(1);
  if (!st && (pmt_pool_new(pmt_appraise_threads(options), &pool) || pmt_scorer_new(&on.params, pool, &scorer) ||
              pmt_score_tasks(&on.corpus, PMT_SPLIT_TEST, options->style, 0, 0, &tasks, &n))) {
    st = pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  if (!st && !(n = pmt_listening_take(tasks, n, you))) {
    st = pmt_fail(error, PMT_BAD_FILE, "%s: no piece in its %s split has two parts", options->folder, on.part);
  }
  if (!st && measure(scorer, on.w, tasks, n, options->style, listening)) { st = pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  free(tasks);
  pmt_scorer_free(scorer);
  pmt_pool_free(pool);
  pmt_appraise_close(&on);
  return st;
}
