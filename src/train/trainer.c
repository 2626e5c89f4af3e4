/* SPDX-License-Identifier: ISC */
/** @file trainer.c  See trainer.h: import, the loop with its plan, evaluations, and the end. */
#include "train/trainer.h"

#include "train/baseline.h"
#include "train/export.h"
#include "train/run.h"

#include <cblas.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  PATIENCE = 5,           /* evaluations without gain, in the second half, that end the run */
  PIECES_MAX = 40,        /* a style on the way */
  TOKENS_MAX = 16000,     /* a style on the way: steps are worth more than a sharper estimate */
};
static const double SCORE_SPEED_GUESS = 20000.0, FINAL_SHARE = 0.1, NGRAM_TOKEN_SECONDS = 3e-7;

PMT_PRINTF(2, 3) static void tell(const PmtRun* run, const char* format, ...) {
  if (!run->options->log) { return; }
  va_list args;
  va_start(args, format);
  vfprintf(run->options->log, format, args);
  va_end(args);
  fflush(run->options->log);
}

/* -- data ----------------------------------------------------------------------------------------------------- */

typedef struct { const PmtRun* run; const char* style; } Refused;

static void tell_refusal(void* handle, const char* file, const char* why) {
  const Refused* r = handle;
  tell(r->run, "%s: %s refused: %s\n", r->style, file, why);
}

static PmtStatus load_corpora(PmtRun* run, PmtError* error) {
  const PmtTrainOptions* o = run->options;
  PmtTrainResult* r = run->result;
  r->corpora = calloc(o->n_styles, sizeof *r->corpora);
  if (!r->corpora) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  for (size_t k = 0; k < o->n_styles; ++k) {
    const double start = pmt_course_clock();
    PmtCorpus* c = &r->corpora[k];
    Refused refused = {run, o->styles[k].name};
    PmtStatus st = pmt_corpus_load(o->styles[k].name, o->styles[k].folder, PMT_CORPUS_PARTS_MAX, tell_refusal, &refused, c,
                                   error);
    if (st) { return st; }
    r->n_corpora = k + 1;
    const PmtCorpusCount train = pmt_corpus_count(c, PMT_SPLIT_TRAIN), valid = pmt_corpus_count(c, PMT_SPLIT_VALID),
                         test = pmt_corpus_count(c, PMT_SPLIT_TEST);
    tell(run, "%s: %zu pieces (%zu train, %zu valid, %zu test), %zu refused, %.2f M tokens, %.1f tokens/quarter, %.1f s\n",
         c->name, c->n_pieces, train.pieces, valid.pieces, test.pieces, c->n_refused,
         (double)(train.tokens + valid.tokens + test.tokens) * 1e-6,
         (double)train.tokens / (train.quarters > 0.0 ? train.quarters : 1.0), pmt_course_clock() - start);
    if (!train.pieces) { return pmt_fail(error, PMT_BAD_FILE, "%s: no piece to train on", c->folder); }
  }
  return PMT_OK;
}

/* -- building ------------------------------------------------------------------------------------------------- */

static PmtStatus build_net(PmtRun* run, PmtError* error) {
  const PmtTrainOptions* o = run->options;
  PmtTrainResult* r = run->result;
  PmtTrainShape shape = o->shape;
  shape.vocab = pmt_vocab_size(r->facts.parts);
  pmt_shape_music(&shape, (uint32_t)r->n_corpora);
  PmtStatus st = pmt_params_layout(&shape, &r->params, error);
  if (st) { return st; }
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  uint32_t threads = o->threads ? o->threads : (uint32_t)(online < 1 ? 1 : online);
  if (!o->threads && threads > o->batch) { threads = o->batch; }
  openblas_set_num_threads(1); /* each of our threads calls its own products */
  if (pmt_pool_new(threads, &run->pool)) { return pmt_fail(error, PMT_NO_MEM, "cannot start %u threads", threads); }
  const PmtLearnerOptions learner = {.streams = o->batch, .steps = o->length, .past = (uint32_t)o->past, .seed = o->seed,
                                     .drop = (float)o->dropout, .decay = 0.01f, .clip = 1.0f, .average = 0.999f};
  if ((st = pmt_learner_new(&r->params, &learner, run->pool, &run->learner, error))) { return st; }
  tell(run, "%zu parameters, %u threads, OpenBLAS core %s\n", pmt_params_count(&r->params), threads, openblas_get_corename());
  return PMT_OK;
}

/** Nothing is chosen in silence. */
static void settle(PmtRun* run) {
  PmtTrainOptions* o = &run->result->options;
  char shape[160];
  size_t tokens = 0;
  for (size_t k = 0; k < run->result->n_corpora; ++k) {
    tokens += pmt_corpus_count(&run->result->corpora[k], PMT_SPLIT_TRAIN).tokens;
  }
  pmt_train_settle(o, tokens);
  pmt_shape_describe(&o->shape, shape, sizeof shape);
  tell(run, "%s, dropout %g, batch %u x %u%s, rate %g (what was not said is chosen for %.2f M training tokens)\n", shape,
       o->dropout, o->batch, o->length, o->past ? " and what came before" : "", o->rate, (double)tokens * 1e-6);
}

/** Tokens of a style in an evaluation on the way: less in a short run, so that all take no more than a twelfth of it. */
static size_t waypoint_tokens(const PmtTrainOptions* o) {
  if (o->steps) { return TOKENS_MAX; }
  const double tokens = o->minutes * 60.0 / 12.0 * SCORE_SPEED_GUESS / (2.0 * PMT_EVALUATIONS * (double)o->n_styles);
  return tokens < TOKENS_MAX ? 1 + (size_t)tokens : TOKENS_MAX;
}

static PmtStatus build(PmtRun* run, PmtError* error) {
  const PmtTrainOptions* o = run->options;
  PmtTrainResult* r = run->result;
  PmtStatus st = build_net(run, error);
  if (st) { return st; }
  PmtStreamOptions streams = {.seed = o->seed, .balance = o->balance, .parts = r->facts.parts, .corpora = r->corpora,
                              .n_corpora = r->n_corpora, .octiles = (const uint16_t(*)[PMT_OCTILE_LIMITS])r->facts.octiles};
  memcpy(streams.pitch_lo, r->facts.pitch_lo, sizeof streams.pitch_lo);
  memcpy(streams.pitch_hi, r->facts.pitch_hi, sizeof streams.pitch_hi);
  st = pmt_streams_new(&streams, o->batch, &run->streams);
  if (!st) { st = pmt_scorer_new(&r->params, run->pool, &run->scorer); }
  for (size_t k = 0; !st && k < r->n_corpora; ++k) {
    st = pmt_score_tasks(&r->corpora[k], PMT_SPLIT_VALID, (int)k, PIECES_MAX, waypoint_tokens(o), &run->tasks, &run->n_tasks);
  }
  if (!st) { st = pmt_course_attach(&run->course, run->learner); }
  return st ? pmt_fail(error, PMT_NO_MEM, "out of memory") : PMT_OK;
}

static void dismantle(PmtRun* run) {
  pmt_learner_free(run->learner);
  pmt_streams_free(run->streams);
  pmt_scorer_free(run->scorer);
  pmt_pool_free(run->pool);
  pmt_course_end(&run->course);
  free(run->tasks);
}

/* -- time ----------------------------------------------------------------------------------------------------- */

/** Tokens of a style and split to score at the end: all, unless that would take more than a tenth of a short budget. */
static size_t final_tokens(const PmtRun* run) {
  const PmtTrainOptions* o = run->options;
  if (o->steps) { return SIZE_MAX; }
  return 1000 + (size_t)(FINAL_SHARE * o->minutes * 60.0 * run->score_speed / (2.0 * (double)o->n_styles));
}

/** Rough time of the 6-grams of all styles: each training token counts in twelve keys, for valid and for test. */
static double ngram_seconds(const PmtRun* run) {
  double tokens = 0.0;
  for (size_t k = 0; k < run->result->n_corpora; ++k) {
    tokens += (double)pmt_corpus_count(&run->result->corpora[k], PMT_SPLIT_TRAIN).tokens;
  }
  return tokens * 12.0 * 2.0 * NGRAM_TOKEN_SECONDS / pmt_pool_size(run->pool);
}

/** A short run leaves the baseline to `partimento evaluate`. */
static bool wants_ngram(const PmtRun* run) {
  const PmtTrainOptions* o = run->options;
  return o->steps || ngram_seconds(run) < FINAL_SHARE * o->minutes * 60.0;
}

/** Scoring valid and test at the end. */
static double reserve(void* handle) {
  const PmtRun* run = handle;
  const PmtTrainResult* r = run->result;
  const size_t most = final_tokens(run);
  double tokens = 0.0;
  for (size_t k = 0; k < r->n_corpora; ++k) {
    for (PmtSplit s = PMT_SPLIT_VALID; s <= PMT_SPLIT_TEST; ++s) {
      const size_t n = pmt_corpus_count(&r->corpora[k], s).tokens;
      tokens += (double)(n < most ? n : most);
    }
  }
  return tokens / run->score_speed + (wants_ngram(run) ? ngram_seconds(run) : 0.0);
}

/* -- evaluation ----------------------------------------------------------------------------------------------- */

/** Mean over styles of nats a quarter; NaN when nothing is there to evaluate. */
static double mean_of_styles(const PmtRun* run, double style[PMT_STYLES_MAX]) {
  double sum = 0.0;
  size_t n = 0;
  for (size_t k = 0; k < run->result->n_corpora; ++k) {
    const PmtScoreSum s = pmt_score_sum(run->tasks, run->n_tasks, (int)k);
    style[k] = s.quarters > 0.0 ? s.nats / s.quarters : (double)NAN;
    if (s.quarters > 0.0) { sum += style[k]; }
    n += s.quarters > 0.0;
  }
  return n ? sum / (double)n : (double)NAN;
}

/** Of weights or average: @param[out] valid mean over styles of nats a quarter */
static PmtStatus evaluate(void* handle, PmtArrayId which, const float* w, double* valid, PmtError* error) {
  PmtRun* run = handle;
  const double start = pmt_course_clock();
  size_t tokens = 0;
  if (pmt_score_pieces(run->scorer, w, run->tasks, run->n_tasks, false)) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory in the evaluation");
  }
  *valid = mean_of_styles(run, run->styles[which]);
  for (size_t i = 0; i < run->n_tasks; ++i) { tokens += run->tasks[i].tokens; }
  if (tokens) { run->score_speed = (double)tokens / (pmt_course_clock() - start); }
  return PMT_OK;
}

static void note(void* handle, const PmtCoursePoint* at) {
  PmtRun* run = handle;
  PmtTrainResult* r = run->result;
  PmtTrainPoint point = {.step = at->step, .train = at->train, .valid = at->valid, .averaged = at->averaged};
  memcpy(point.style, run->styles[at->averaged ? PMT_ARRAY_AVERAGE : PMT_ARRAY_WEIGHTS], sizeof point.style);
  if (r->n_points < sizeof r->points / sizeof *r->points) { r->points[r->n_points++] = point; }
  tell(run, "evaluation %u of %d, step %" PRIu64 ": train %.3f nats/token; valid nats/quarter", run->course.n_evaluated,
       PMT_EVALUATIONS, point.step, point.train);
  for (size_t k = 0; k < r->n_corpora; ++k) { tell(run, " %s %.2f", r->corpora[k].name, point.style[k]); }
  tell(run, " mean %.3f%s%s\n", point.valid, point.averaged ? " (averaged weights)" : "", at->gained ? ", best so far" : "");
}

/* -- output --------------------------------------------------------------------------------------------------- */

/** Mean over styles of one column of figures; NaN when some style lacks it. */
static double mean_result(const PmtTrainResult* r, const PmtSplitResult* results, bool ngram) {
  double sum = 0.0;
  size_t n = 0;
  for (size_t k = 0; k < r->n_corpora; ++k) {
    if (!(results[k].sum.quarters > 0.0)) { continue; }
    sum += (ngram ? results[k].ngram : results[k].sum.nats) / results[k].sum.quarters;
    ++n;
  }
  return n ? sum / (double)n : (double)NAN;
}

static PmtStatus write_model(const PmtRun* run, double valid, double ngram, PmtError* error) {
  const PmtTrainOptions* o = run->options;
  const PmtTrainResult* r = run->result;
  char sources[2048];
  size_t used = 0;
  sources[0] = '\0';
  for (size_t k = 0; k < r->n_corpora && used < sizeof sources; ++k) {
    const PmtCorpusCount c = pmt_corpus_count(&r->corpora[k], PMT_SPLIT_TRAIN);
    used += (size_t)snprintf(sources + used, sizeof sources - used, "%s%s: %zu pieces, %zu tokens", k ? "; " : "",
                             r->corpora[k].name, c.pieces, c.tokens);
  }
  const PmtExport about = {.facts = &r->facts, .corpora = r->corpora, .title = o->title, .author = o->author,
                           .license = o->license, .data_sources = sources, .data_license = "see the model card",
                           .command = o->command, .seed = o->seed, .steps = run->course.step, .valid = valid, .ngram = ngram};
  return pmt_export_model(o->out, &r->params, run->course.best, &about, error);
}

/** Checkpoint, and the best model so far, so that it can be heard while training goes on. */
static PmtStatus keep(void* handle, PmtError* error) {
  const PmtRun* run = handle;
  PmtStatus st = pmt_run_keep(run, error);
  return st ? st : write_model(run, run->course.best_valid, (double)NAN, error);
}

static bool fill_batch(void* handle) {
  const PmtRun* run = handle;
  for (uint32_t s = 0; s < run->options->batch; ++s) {
    for (uint32_t t = 0; t < run->options->length; ++t) {
      if (!pmt_streams_next(run->streams, s, pmt_learner_cell(run->learner, s, t))) { return false; }
    }
  }
  return true;
}

/* -- the end -------------------------------------------------------------------------------------------------- */

static PmtStatus score_split(PmtRun* run, PmtSplit split, PmtSplitResult results[PMT_STYLES_MAX], PmtError* error) {
  PmtTrainResult* r = run->result;
  PmtScoreTask* tasks = NULL;
  size_t n = 0;
  PmtStatus st = PMT_OK;
  for (size_t k = 0; !st && k < r->n_corpora; ++k) {
    const size_t most = final_tokens(run);
    const bool all = pmt_corpus_count(&r->corpora[k], split).tokens <= most;
    st = pmt_score_tasks(&r->corpora[k], split, (int)k, 0, all ? 0 : most, &tasks, &n);
    r->sampled |= !all;
  }
  if (!st) { st = pmt_score_pieces(run->scorer, run->course.best, tasks, n, false); }
  for (size_t k = 0; !st && k < r->n_corpora; ++k) {
    results[k] = (PmtSplitResult){.sum = pmt_score_sum(tasks, n, (int)k), .ngram = (double)NAN};
  }
  free(tasks);
  return st ? pmt_fail(error, st, "out of memory in the evaluation") : PMT_OK;
}

/** Styles are taken one by one by whichever thread is free; their sums do not depend on which. */
typedef struct {
  PmtRun* run;
  atomic_size_t next;
  atomic_int status;
} NgramWork;

static PmtStatus ngram_style(PmtTrainResult* r, size_t k, PmtSplit split, PmtSplitResult* result) {
  double nats[PMT_NGRAM_ORDER + 1] = {0.0};
  size_t n_train, n_test;
  const PmtPiece** train = pmt_baseline_pieces(&r->corpora[k], PMT_SPLIT_TRAIN, &n_train);
  const PmtPiece** test = pmt_baseline_pieces(&r->corpora[k], split, &n_test);
  PmtStatus st = train && test ? PMT_OK : PMT_NO_MEM;
  if (!st && n_test) {
    st = pmt_baseline_score(train, n_train, test, n_test, r->params.shape.vocab, nats);
    if (!st) { result->ngram = nats[PMT_NGRAM_ORDER]; }
  }
  free(train);
  free(test);
  return st;
}

static void ngram_job(void* context, uint32_t index) {
  NgramWork* work = context;
  PmtTrainResult* r = work->run->result;
  (void)index;
  for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < 2 * r->n_corpora;) {
    const size_t k = i / 2;
    const PmtStatus st = i % 2 ? ngram_style(r, k, PMT_SPLIT_TEST, &r->test[k])
                               : ngram_style(r, k, PMT_SPLIT_VALID, &r->valid[k]);
    if (st) { atomic_store(&work->status, (int)st); }
  }
}

static PmtStatus score_ngrams(PmtRun* run, PmtError* error) {
  NgramWork work = {.run = run};
  if (!wants_ngram(run) || run->result->sampled) { return PMT_OK; }
  pmt_pool_run(run->pool, ngram_job, &work);
  return atomic_load(&work.status) ? pmt_fail(error, PMT_NO_MEM, "out of memory for the 6-gram") : PMT_OK;
}

static void tell_results(const PmtRun* run) {
  const PmtTrainResult* r = run->result;
  for (size_t k = 0; k < r->n_corpora; ++k) {
    const PmtSplitResult *v = &r->valid[k], *t = &r->test[k];
    tell(run, "%s: nats/quarter valid %.3f (6-gram %.3f), test %.3f (6-gram %.3f)\n", r->corpora[k].name,
         v->sum.nats / v->sum.quarters, v->ngram / v->sum.quarters, t->sum.nats / t->sum.quarters,
         t->ngram / t->sum.quarters);
  }
}

static PmtStatus finish(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  PmtStatus st = score_split(run, PMT_SPLIT_VALID, r->valid, error);
  if (!st) { st = score_split(run, PMT_SPLIT_TEST, r->test, error); }
  if (!st) { st = score_ngrams(run, error); }
  if (!st) { tell_results(run); }
  run->course.seconds = pmt_course_elapsed(&run->course);
  run->course.started = pmt_course_clock();
  if (!st) { st = keep(run, error); }
  if (!st) { st = write_model(run, mean_result(r, r->valid, false), mean_result(r, r->valid, true), error); }
  return st;
}

static void begin_course(PmtRun* run) {
  const PmtTrainOptions* o = run->options;
  const PmtCourseOptions options = {.minutes = o->minutes, .steps = o->steps, .pause_after = o->pause_after, .rate = o->rate,
                                    .patience = PATIENCE, .log = o->log, .stop = o->stop};
  const PmtCourseTasks tasks = {.handle = run, .fill = fill_batch, .evaluate = evaluate, .note = note, .keep = keep,
                                .reserve = reserve};
  run->course.options = options;
  run->course.tasks = tasks;
}

static PmtStatus run_course(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  PmtStatus st = pmt_course_run(&run->course, error);
  r->finished = run->course.finished;
  r->best_step = run->course.best_step;
  r->steps = run->course.step;
  r->threads = pmt_pool_size(run->pool);
  if (!st && r->finished) { st = finish(run, error); }
  r->seconds = run->course.seconds;
  return st;
}

PmtStatus pmt_train(const PmtTrainOptions* options, PmtTrainResult* result, PmtError* error) {
  *result = (PmtTrainResult){.options = *options};
  PmtRun* run = calloc(1, sizeof *run);
  if (!run) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  *run = (PmtRun){.options = &result->options, .result = result, .score_speed = SCORE_SPEED_GUESS};
  pmt_course_begin(&run->course);
  snprintf(run->checkpoint, sizeof run->checkpoint, "%s%s", options->checkpoint ? options->checkpoint : options->out,
           options->checkpoint ? "" : ".checkpoint");
  PmtStatus st = load_corpora(run, error);
  if (!st && pmt_facts_collect(result->corpora, result->n_corpora, &result->facts)) {
    st = pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  if (!st) {
    settle(run);
    begin_course(run);
    st = build(run, error);
  }
  if (!st && options->resume) { st = pmt_run_resume(run, error); }
  if (!st) { st = run_course(run, error); }
  dismantle(run);
  free(run);
  return st;
}

void pmt_train_result_free(PmtTrainResult* result) {
  for (size_t k = 0; k < result->n_corpora; ++k) { pmt_corpus_free(&result->corpora[k]); }
  free(result->corpora);
  *result = (PmtTrainResult){0};
}
