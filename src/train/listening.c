/* SPDX-License-Identifier: ISC */
/** @file listening.c  See listening.h. */
#include "train/listening.h"

#include "music/listener.h"
#include "train/taken.h"

#include <cblas.h>
#include <math.h>
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

bool pmt_listening_is_heard(PmtListeningMode mode, PmtYouPlay you, bool taught) {
  return mode == PMT_LISTENING_TOLD ? you == PMT_YOU_MELODY : taught;
}

void pmt_listening_set(PmtScoreTask* tasks, size_t n, PmtListeningMode mode, PmtHeard heard) {
  const bool told = mode == PMT_LISTENING_TOLD, plays = heard == PMT_HEARD_WRONG || heard == PMT_HEARD_TRUE;
  for (size_t i = 0; i < n; ++i) {
    PmtTaken* t = &tasks[i].taken;
    t->told = told && plays; /* one who does not play is for hints alone to tell */
    t->ear = heard == PMT_HEARD_NOTHING || t->told ? PMT_EAR_OFF
           : mode == PMT_LISTENING_BEFORE          ? PMT_EAR_BEFORE
                                                   : PMT_EAR_WITH;
    t->silent = heard == PMT_HEARD_SILENCE;
    t->other = heard == PMT_HEARD_WRONG ? &tasks[(i + 1) % n].piece->sequence : NULL;
    tasks[i].masked = told;
  }
}

typedef struct {
  PmtScorer* scorer;
  const float* w;
  PmtScoreTask* tasks;
  size_t n;
  int style;
  PmtYouPlay you;
  bool taught;
} Measuring;

static PmtStatus measure_one(const Measuring* m, PmtListeningMode mode, PmtHeard heard, PmtListening* l) {
  l->nats[mode][heard] = (double)NAN;
  if (!l->measured[mode] || (heard == PMT_HEARD_SILENCE && !m->taught)) { return PMT_OK; }
  if (mode == PMT_LISTENING_WITH && heard == PMT_HEARD_NOTHING) {
    l->nats[mode][heard] = l->nats[PMT_LISTENING_BEFORE][heard];
    return PMT_OK;
  }
  pmt_listening_set(m->tasks, m->n, mode, heard);
  const PmtStatus st = pmt_score_pieces(m->scorer, m->w, m->tasks, m->n, false);
  const PmtScoreSum sum = pmt_score_sum(m->tasks, m->n, m->style);
  l->nats[mode][heard] = sum.nats;
  l->quarters = sum.quarters;
  l->pieces = sum.pieces;
  return st;
}

static PmtStatus measure(const Measuring* m, PmtListening* l) {
  PmtStatus st = PMT_OK;
  for (PmtListeningMode mode = 0; !st && mode < PMT_LISTENING_MODES; ++mode) {
    l->measured[mode] = pmt_listening_is_heard(mode, m->you, m->taught);
    for (PmtHeard heard = 0; !st && heard < PMT_HEARDS; ++heard) { st = measure_one(m, mode, heard, l); }
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
  const bool taught = !st && pmt_shape_has(&on.params.shape, PMT_LISTENER_YOU);
  if (!st && !taught && !pmt_listening_is_heard(PMT_LISTENING_TOLD, you, taught)) {
    st = pmt_fail(error, PMT_UNSUPPORTED, "%s: was not taught to listen to a player; only a melody can be told to it",
                  options->model);
  }
  openblas_set_num_threads(1);
  if (!st && (pmt_pool_new(pmt_appraise_threads(options), &pool) || pmt_scorer_new(&on.params, pool, &scorer) ||
              pmt_score_tasks(&on.corpus, PMT_SPLIT_TEST, options->style, 0, 0, &tasks, &n))) {
    st = pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  if (!st && !(n = pmt_listening_take(tasks, n, you))) {
    st = pmt_fail(error, PMT_BAD_FILE, "%s: no piece in its %s split has two parts", options->folder, on.part);
  }
  const Measuring m = {scorer, on.w, tasks, n, options->style, you, taught};
  if (!st && measure(&m, listening)) { st = pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  free(tasks);
  pmt_scorer_free(scorer);
  pmt_pool_free(pool);
  pmt_appraise_close(&on);
  return st;
}
