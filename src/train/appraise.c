/* SPDX-License-Identifier: ISC */
/** @file appraise.c  See appraise.h. */
#include "train/appraise.h"

#include "train/baseline.h"
#include "train/score.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char* const part_name[] = {"", "train", "valid", "test", "all"};

/** The net of a checked model file: sizes from metadata and shapes, weights from the tensors. */
static PmtStatus load_weights(const char* path, PmtParams* params, float** w, PmtError* error) {
  PmtTensors* file;
  PmtTrainShape shape;
  PmtStatus st = pmt_tensors_read(path, &file, error);
  if (st) { return st; }
  st = pmt_shape_read(file, &shape, error);
  if (!st) { st = pmt_params_layout(&shape, params, error); }
  if (!st && !(*w = pmt_params_array(params))) { st = pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  if (!st) { st = pmt_params_load(params, file, *w, error); }
  pmt_tensors_free(file);
  if (st) { pmt_error_prefix(error, path); }
  return st;
}

/** Put the pieces that are asked for into the test split, all others out of it: what follows reads one split.
    @return how many there are */
static size_t choose_pieces(PmtCorpus* corpus, PmtAppraisePart part) {
  size_t n = 0;
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    PmtPiece* piece = &corpus->pieces[i];
    const bool wanted = part == PMT_PART_ALL || piece->split == (PmtSplit)(part - PMT_PART_TRAIN);
    if (wanted) { piece->split = PMT_SPLIT_TEST; }
    else if (piece->split != PMT_SPLIT_TRAIN) { piece->split = PMT_SPLIT_VALID; }
    n += wanted;
  }
  return n;
}

static PmtStatus check_vocabulary(const PmtCorpus* corpus, uint32_t vocab, PmtError* error) {
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    const PmtSequence* s = &corpus->pieces[i].sequence;
    for (size_t k = 0; k < s->n_tokens; ++k) {
      if (s->tokens[k] >= vocab) {
        return pmt_fail(error, PMT_UNSUPPORTED, "%s/%s: token %u is outside the model's vocabulary of %u", corpus->folder,
                        corpus->pieces[i].name, s->tokens[k], vocab);
      }
    }
  }
  return PMT_OK;
}

uint32_t pmt_appraise_threads(const PmtAppraiseOptions* options) {
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return options->threads ? options->threads : (uint32_t)(online < 1 ? 1 : online);
}

/** Predict the pieces twice: without and with the key. */
static PmtStatus predict(const PmtAppraiseOptions* o, const PmtCorpus* corpus, const PmtParams* params, const float* w,
                         PmtAppraisal* a, PmtError* error) {
  const uint32_t threads = pmt_appraise_threads(o);
  PmtPool* pool = NULL;
  PmtScorer* scorer = NULL;
  PmtScoreTask* tasks = NULL;
  size_t n = 0;
  openblas_set_num_threads(1);
  PmtStatus st = pmt_pool_new(threads, &pool);
  if (!st) { st = pmt_scorer_new(params, pool, &scorer); }
  if (!st) { st = pmt_score_tasks(corpus, PMT_SPLIT_TEST, o->style, 0, 0, &tasks, &n); }
  for (int give_key = 0; !st && give_key < 2; ++give_key) {
    st = pmt_score_pieces(scorer, w, tasks, n, give_key != 0);
    const PmtScoreSum sum = pmt_score_sum(tasks, n, o->style);
    a->pieces = sum.pieces;
    a->tokens = sum.tokens;
    a->quarters = sum.quarters;
    *(give_key ? &a->nats_key_given : &a->nats) = sum.nats;
    if (!give_key) { memcpy(a->class_nats, sum.class_nats, sizeof a->class_nats); }
  }
  free(tasks);
  pmt_scorer_free(scorer);
  pmt_pool_free(pool);
  return st ? pmt_fail(error, st, "out of memory, or no room for %u threads", threads) : PMT_OK;
}

/** The 6-gram: from --baseline, else from the folder's own training split, else tenfold within the folder. */
static PmtStatus measure_ngram(const PmtAppraiseOptions* o, const PmtCorpus* corpus, uint32_t vocab, PmtAppraisal* a,
                               PmtError* error) {
  PmtCorpus other = {0};
  size_t n_train = 0, n_test = 0;
  PmtStatus st = PMT_OK;
  if (o->baseline) {
    st = pmt_corpus_load("baseline", o->baseline, o->parts, o->refusal, o->handle, &other, error);
    if (st) { return st; }
    for (size_t i = 0; !other.has_split && i < other.n_pieces; ++i) { other.pieces[i].split = PMT_SPLIT_TRAIN; }
  }
  const PmtPiece** test = pmt_baseline_pieces(corpus, PMT_SPLIT_TEST, &n_test);
  const PmtPiece** train = pmt_baseline_pieces(o->baseline ? &other : corpus, PMT_SPLIT_TRAIN, &n_train);
  double nats[PMT_NGRAM_ORDER + 1] = {0.0};
  if (!test || !train) {
    st = PMT_NO_MEM;
  } else if (n_train) {
    snprintf(a->ngram_training, sizeof a->ngram_training, "%zu pieces: train split of %s", n_train,
             o->baseline ? "the --baseline folder" : "this folder");
    st = pmt_baseline_score(train, n_train, test, n_test, vocab, nats);
  } else if (n_test >= 2) {
    snprintf(a->ngram_training, sizeof a->ngram_training, "the other pieces of this folder, tenfold");
    st = pmt_baseline_tenfold(test, n_test, vocab, nats);
  }
  for (uint32_t k = 0; !st && a->ngram_training[0] && k <= PMT_NGRAM_ORDER; ++k) { a->ngram[k] = nats[k]; }
  free(test);
  free(train);
  pmt_corpus_free(&other);
  return st ? pmt_fail(error, st, "out of memory for the 6-gram") : PMT_OK;
}

PmtStatus pmt_appraise_open(const PmtAppraiseOptions* options, PmtAppraised* a, PmtError* error) {
  *a = (PmtAppraised){.w = NULL};
  PmtStatus st = load_weights(options->model, &a->params, &a->w, error);
  if (!st) {
    st = pmt_corpus_load("", options->folder, options->parts, options->refusal, options->handle, &a->corpus, error);
  }
  if (!st) {
    PmtAppraisePart part = options->part;
    if (part == PMT_PART_AUTO) { part = a->corpus.has_split ? PMT_PART_TEST : PMT_PART_ALL; }
    a->part = part_name[part];
    if (!choose_pieces(&a->corpus, part)) {
      st = pmt_fail(error, PMT_BAD_FILE, "%s: no piece in its %s split", options->folder, part_name[part]);
    }
  }
  return st ? st : check_vocabulary(&a->corpus, a->params.shape.vocab, error);
}

void pmt_appraise_close(PmtAppraised* a) {
  free(a->w);
  pmt_corpus_free(&a->corpus);
}

PmtStatus pmt_appraise(const PmtAppraiseOptions* options, PmtAppraisal* appraisal, PmtError* error) {
  *appraisal = (PmtAppraisal){.nats = 0.0};
  for (uint32_t k = 0; k <= PMT_NGRAM_ORDER; ++k) { appraisal->ngram[k] = (double)NAN; }
  PmtAppraised on;
  PmtStatus st = pmt_appraise_open(options, &on, error);
  appraisal->part = on.part;
  appraisal->refused = on.corpus.n_refused;
  if (!st) { st = predict(options, &on.corpus, &on.params, on.w, appraisal, error); }
  if (!st && !options->no_ngram) { st = measure_ngram(options, &on.corpus, on.params.shape.vocab, appraisal, error); }
  pmt_appraise_close(&on);
  return st;
}
