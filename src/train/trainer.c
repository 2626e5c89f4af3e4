/* SPDX-License-Identifier: ISC */
/** @file trainer.c  See trainer.h: import, the loop with its plan, evaluations, and the end. */
#include "train/trainer.h"

#include "music/listener.h"
#include "train/baseline.h"
#include "train/export.h"
#include "train/listening.h"
#include "train/run.h"
#include "train/taken.h"

#include <cblas.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  PATIENCE = 5,           /* evaluations that are worse than the best, in the second half, end the run */
  PIECES_MAX = 40,        /* a style on the way */
  TOKENS_MAX = 16000,     /* a style on the way: steps are worth more than a sharper estimate */
  KEPT_TOKENS_MAX = 2000, /* the same of a style that is kept: there are many, and their mean is what counts */
};
static const double WORSE = 0.01, /* a plateau costs time, which was given; only what gets worse is over */
                    SCORE_SPEED_GUESS = 20000.0, FINAL_SHARE = 0.1, NGRAM_TOKEN_SECONDS = 3e-7;

void pmt_run_tell(const PmtRun* run, const char* format, ...) {
  if (!run->options->log) { return; }
  va_list args;
  va_start(args, format);
  vfprintf(run->options->log, format, args);
  va_end(args);
  fflush(run->options->log);
}

typedef struct { char text[32]; } Figure;

/** In words where there is none: a short run has no baseline, a small folder no piece to spare. */
static Figure figure(double x, int digits) {
  Figure f = {"not computed"};
  if (!isnan(x)) { snprintf(f.text, sizeof f.text, "%.*f", digits, x); }
  return f;
}

/* -- building ------------------------------------------------------------------------------------------------- */

/** Some piece has parts to take out and parts that remain: a player can be learned from. */
static bool has_company(const PmtTrainResult* r) {
  for (size_t k = 0; k < r->n_corpora; ++k) {
    for (size_t i = 0; i < r->corpora[k].n_pieces; ++i) {
      const PmtPiece* piece = &r->corpora[k].pieces[i];
      const uint32_t parts = pmt_piece_parts(piece);
      if (parts && ((parts & (parts - 1)) || piece->drums)) { return true; }
    }
  }
  return false;
}

static PmtStatus choose_hints(const PmtTrainResult* r, const PmtTrainOptions* o, PmtTrainShape* shape, PmtError* error) {
  pmt_shape_listen(shape);
  if (!has_company(r)) { pmt_shape_without(shape, PMT_LISTENER_YOU); }
  for (size_t i = 0; i < o->n_without; ++i) {
    if (!pmt_shape_without(shape, o->without[i])) {
      return pmt_fail(error, PMT_BAD_ARG, "--without: there are no hints \"%.40s\", or not any more", o->without[i]);
    }
  }
  return PMT_OK;
}

/** Hints that the model we go on from gets beside its own. */
static PmtStatus add_hints(const PmtTrainOptions* o, PmtTrainShape* shape, PmtError* error) {
  for (size_t i = 0; i < o->n_with; ++i) {
    if (!pmt_shape_with(shape, o->with[i])) {
      return pmt_fail(error, PMT_BAD_ARG, "--with: there are no hints \"%.40s\" that the model lacks", o->with[i]);
    }
  }
  return PMT_OK;
}

static PmtStatus start_threads(PmtRun* run, PmtError* error) {
  const PmtTrainOptions* o = run->options;
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  uint32_t threads = o->threads ? o->threads : (uint32_t)(online < 1 ? 1 : online);
  if (!o->threads && threads > o->batch) { threads = o->batch; }
  openblas_set_num_threads(1); /* each of our threads calls its own products */
  return pmt_pool_new(threads, &run->pool) ? pmt_fail(error, PMT_NO_MEM, "cannot start %u threads", threads) : PMT_OK;
}

/** What the model file says its weights are from. */
static void name_sources(const PmtRun* run, char* text, size_t size) {
  const PmtTrainResult* r = run->result;
  size_t used = 0;
  text[0] = '\0';
  if (run->options->from) { used = (size_t)snprintf(text, size, "the model \"%s\"; ", r->origin.title); }
  for (size_t k = 0, n = 0; k < r->n_corpora && used < size; ++k) {
    const PmtCorpusCount c = pmt_corpus_count(&r->corpora[k], PMT_SPLIT_TRAIN);
    if (r->origin.kept[k]) { continue; }
    used += (size_t)snprintf(text + used, size - used, "%s%s: %zu pieces, %zu tokens", n++ ? "; " : "", r->corpora[k].name,
                             c.pieces, c.tokens);
  }
}

static double mean_min_p(const PmtModel* m) {
  double sum = 0.0;
  for (uint32_t k = 0; k < m->n_styles; ++k) { sum += (double)m->min_p[k] / (double)m->n_styles; }
  return sum;
}

/** Said of the style, said of all, that of the model it is from (a new style's is their mean), usual. */
static void choose_min_p(const PmtRun* run, double min_p[PMT_STYLES_MAX]) {
  static const double usual = 0.005; /* docs/measures.md, "How tokens are chosen" */
  const PmtTrainOptions* o = run->options;
  const PmtModel* from = run->origin.model;
  for (size_t k = 0; k < run->result->n_corpora; ++k) {
    double all = !from ? usual : k < from->n_styles ? (double)from->min_p[k] : mean_min_p(from), own = -1.0;
    for (size_t i = 0; i < o->n_min_p; ++i) {
      if (!o->min_p[i].style) { all = o->min_p[i].value; }
      else if (!strcmp(o->min_p[i].style, run->result->corpora[k].name)) { own = o->min_p[i].value; }
    }
    min_p[k] = own < 0.0 ? all : own;
  }
}

static PmtStatus write_weights(const PmtRun* run, const char* path, const float* w, double valid, double ngram,
                               PmtError* error) {
  const PmtTrainOptions* o = run->options;
  const PmtTrainResult* r = run->result;
  char sources[2048];
  name_sources(run, sources, sizeof sources);
  PmtExport about = {.facts = &r->facts, .corpora = r->corpora, .title = o->title, .author = o->author,
                           .license = o->license, .data_sources = sources, .data_license = "see the model card",
                           .command = o->command, .seed = o->seed, .steps = run->course.step, .valid = valid, .ngram = ngram,
                           .half = o->half};
  choose_min_p(run, about.min_p);
  return pmt_export_model(path, &r->params, w, &about, error);
}

/** What is to be trained for an hour must load in the end: written once untrained, and loaded as the plugin would. */
static PmtStatus check_plays(const PmtRun* run, PmtError* error) {
  const PmtParams* params = &run->result->params;
  char path[4096];
  PmtModel* model = NULL;
  float* w = pmt_params_array(params);
  if (!w) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  if ((size_t)snprintf(path, sizeof path, "%s.untrained", run->options->out) >= sizeof path) {
    free(w);
    return pmt_fail(error, PMT_IO, "%.80s...: path too long", run->options->out);
  }
  PmtStatus st = write_weights(run, path, w, (double)NAN, (double)NAN, error);
  free(w);
  if (st) { return st; }
  st = pmt_model_load(path, &model, error);
  unlink(path);
  if (st) { pmt_error_prefix(error, "a net like this could be trained, but not played"); }
  pmt_model_free(model);
  return st;
}

static PmtStatus check_min_p(const PmtTrainOptions* o, const PmtTrainResult* r, PmtError* error) {
  for (size_t i = 0; i < o->n_min_p; ++i) {
    bool known = !o->min_p[i].style;
    for (size_t k = 0; k < r->n_corpora; ++k) { known |= o->min_p[i].style && !strcmp(o->min_p[i].style, r->corpora[k].name); }
    if (!known) { return pmt_fail(error, PMT_BAD_ARG, "--min-p: there is no style \"%.40s\"", o->min_p[i].style); }
  }
  return PMT_OK;
}

static PmtStatus build_net(PmtRun* run, PmtError* error) {
  const PmtTrainOptions* o = run->options;
  PmtTrainResult* r = run->result;
  PmtTrainShape shape = o->shape;
  shape.vocab = pmt_vocab_size(r->facts.parts);
  pmt_shape_music(&shape, (uint32_t)r->n_corpora);
  PmtStatus st = o->from ? add_hints(o, &shape, error) : choose_hints(r, o, &shape, error);
  if (!st) { st = check_min_p(o, r, error); }
  if (!st) { st = pmt_params_layout(&shape, &r->params, error); }
  if (!st) { st = check_plays(run, error); }
  if (st) { return st; }
  const PmtLearnerOptions learner = {.streams = o->batch, .steps = o->length, .past = (uint32_t)o->past, .seed = o->seed,
                                     .drop = (float)o->dropout, .decay = 0.01f, .clip = 1.0f, .average = 0.999f};
  if ((st = pmt_learner_new(&r->params, &learner, run->pool, &run->learner, error))) { return st; }
  if (o->from) {
    float* w = pmt_learner_array(run->learner, PMT_ARRAY_WEIGHTS);
    if ((st = pmt_origin_weights(&run->origin, &r->params, w, error))) { return st; }
    memcpy(pmt_learner_array(run->learner, PMT_ARRAY_AVERAGE), w, r->params.n_floats * sizeof *w);
  }
  pmt_run_tell(run, "%zu parameters, %u threads, OpenBLAS core %s\n", pmt_params_count(&r->params), pmt_pool_size(run->pool),
       openblas_get_corename());
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
  if (o->from) {
    o->shape = run->origin.shape;
  }
  pmt_train_settle(o, tokens);
  pmt_shape_describe(&o->shape, shape, sizeof shape);
  pmt_run_tell(run, "%s, dropout %g, batch %u x %u%s, rate %g (what was not said is chosen for %.2f M training tokens)\n", shape,
       o->dropout, o->batch, o->length, o->past ? " and what came before" : "", o->rate, (double)tokens * 1e-6);
}

/** Tokens of a style in an evaluation on the way: less in a short run, so that all take no more than a twelfth of it. */
static size_t waypoint_tokens(const PmtTrainOptions* o, size_t n_styles) {
  if (o->steps) { return TOKENS_MAX; }
  const double tokens = o->minutes * 60.0 / 12.0 * SCORE_SPEED_GUESS / (2.0 * PMT_EVALUATIONS * (double)n_styles);
  return tokens < TOKENS_MAX ? 1 + (size_t)tokens : TOKENS_MAX;
}

static PmtStatus build(PmtRun* run, PmtError* error) {
  const PmtTrainOptions* o = run->options;
  PmtTrainResult* r = run->result;
  double share[PMT_STYLES_MAX];
  PmtStatus st = build_net(run, error);
  if (st) { return st; }
  pmt_run_shares(run, share);
  PmtStreamOptions streams = {.seed = o->seed, .balance = o->balance, .share = o->from ? share : NULL,
                              .parts = r->facts.parts, .corpora = r->corpora, .n_corpora = r->n_corpora,
                              .hinted = pmt_shape_is_hinted(&r->params.shape),
                              .player = pmt_shape_has(&r->params.shape, PMT_LISTENER_YOU),
                              .octiles = (const uint16_t(*)[PMT_OCTILE_LIMITS])r->facts.octiles};
  memcpy(streams.pitch_lo, r->facts.pitch_lo, sizeof streams.pitch_lo);
  memcpy(streams.pitch_hi, r->facts.pitch_hi, sizeof streams.pitch_hi);
  st = pmt_streams_new(&streams, o->batch, &run->streams);
  if (!st) { st = pmt_scorer_new(&r->params, run->pool, &run->scorer); }
  for (size_t k = 0; !st && k < r->n_corpora; ++k) {
    const size_t most = waypoint_tokens(o, r->n_corpora);
    st = pmt_score_tasks(&r->corpora[k], PMT_SPLIT_VALID, (int)k, PIECES_MAX,
                         r->origin.kept[k] && most > KEPT_TOKENS_MAX ? KEPT_TOKENS_MAX : most, &run->tasks, &run->n_tasks);
  }
  if (!st) { st = pmt_course_attach(&run->course, run->learner); }
  return st ? pmt_fail(error, PMT_NO_MEM, "out of memory") : PMT_OK;
}

static void dismantle(PmtRun* run) {
  pmt_origin_close(&run->origin);
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
    if (run->result->origin.kept[k]) { continue; }
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
    for (PmtSplit s = PMT_SPLIT_VALID; s <= PMT_SPLIT_TEST && !r->origin.kept[k]; ++s) {
      const size_t n = pmt_corpus_count(&r->corpora[k], s).tokens;
      tokens += (double)(n < most ? n : most);
    }
  }
  return tokens / run->score_speed + (wants_ngram(run) ? ngram_seconds(run) : 0.0);
}

/* -- evaluation ----------------------------------------------------------------------------------------------- */

static double mean_where(const PmtRun* run, const double style[PMT_STYLES_MAX], bool kept) {
  double sum = 0.0;
  size_t n = 0;
  for (size_t k = 0; k < run->result->n_corpora; ++k) {
    if (isnan(style[k]) || run->result->origin.kept[k] != kept) { continue; }
    sum += style[k];
    ++n;
  }
  return n ? sum / (double)n : (double)NAN;
}

/** Mean over styles of nats a quarter; NaN when nothing is there to evaluate. New styles and those that are kept count for
    half each: neither is to be had at the cost of the other. */
static double mean_of_styles(const PmtRun* run, const PmtScoreTask* tasks, size_t n_tasks, double style[PMT_STYLES_MAX]) {
  for (size_t k = 0; k < run->result->n_corpora; ++k) {
    const PmtScoreSum s = pmt_score_sum(tasks, n_tasks, (int)k);
    style[k] = s.quarters > 0.0 ? s.nats / s.quarters : (double)NAN;
  }
  const double added = mean_where(run, style, false), kept = mean_where(run, style, true);
  return isnan(kept) ? added : 0.5 * (added + kept);
}

/** The same of what accompanies the highest part, which is heard; NaN where nothing can be. A net that is told of players is
    to be good at both: by what it plays alone nobody sees whether it listens. */
static PmtStatus evaluate_heard(PmtRun* run, const float* w, PmtListeningMode mode, double style[PMT_STYLES_MAX],
                                double* valid) {
  *valid = (double)NAN;
  if (!pmt_shape_has(&run->result->params.shape, PMT_LISTENER_YOU)) { return PMT_OK; }
  PmtScoreTask* tasks = malloc((run->n_tasks + 1) * sizeof *tasks);
  if (!tasks) { return PMT_NO_MEM; }
  memcpy(tasks, run->tasks, run->n_tasks * sizeof *tasks);
  const size_t n = pmt_listening_take(tasks, run->n_tasks, PMT_YOU_MELODY);
  pmt_listening_set(tasks, n, mode, PMT_HEARD_TRUE);
  const PmtStatus st = pmt_score_pieces(run->scorer, w, tasks, n, false);
  if (!st) { *valid = mean_of_styles(run, tasks, n, style); }
  free(tasks);
  return st;
}

/** Of weights or average: @param[out] valid mean over styles of nats a quarter, half of it heard where the net hears */
static PmtStatus evaluate(void* handle, PmtArrayId which, const float* w, double* valid, PmtError* error) {
  PmtRun* run = handle;
  const double start = pmt_course_clock();
  size_t tokens = 0;
  double heard = (double)NAN, style[PMT_STYLES_MAX];
  PmtStatus st = pmt_score_pieces(run->scorer, w, run->tasks, run->n_tasks, false);
  for (size_t i = 0; i < run->n_tasks; ++i) { tokens += run->tasks[i].tokens; }
  if (!st && tokens) { run->score_speed = (double)tokens / (pmt_course_clock() - start); }
  if (!st) { st = evaluate_heard(run, w, PMT_LISTENING_WITH, style, &heard); }
  if (st) { return pmt_fail(error, PMT_NO_MEM, "out of memory in the evaluation"); }
  *valid = mean_of_styles(run, run->tasks, run->n_tasks, run->styles[which]);
  *valid = isnan(heard) ? *valid : 0.5 * (*valid + heard);
  return PMT_OK;
}

static void note(void* handle, const PmtCoursePoint* at) {
  PmtRun* run = handle;
  PmtTrainResult* r = run->result;
  PmtTrainPoint point = {.step = at->step, .train = at->train, .valid = at->valid, .averaged = at->averaged};
  memcpy(point.style, run->styles[at->averaged ? PMT_ARRAY_AVERAGE : PMT_ARRAY_WEIGHTS], sizeof point.style);
  if (r->n_points < sizeof r->points / sizeof *r->points) { r->points[r->n_points++] = point; }
  pmt_run_tell(run, "evaluation %u of %d, step %" PRIu64 ": train %s nats/token; valid nats/quarter",
       run->course.n_evaluated, PMT_EVALUATIONS, point.step, figure(point.train, 3).text);
  for (size_t k = 0; k < r->n_corpora; ++k) {
    pmt_run_tell(run, " %s %s", r->corpora[k].name, figure(point.style[k], 2).text);
  }
  pmt_run_tell(run, " mean %s%s%s\n", figure(point.valid, 3).text, point.averaged ? " (averaged weights)" : "",
       at->gained ? ", best so far" : "");
}

/* -- output --------------------------------------------------------------------------------------------------- */

/** Mean over styles of one column of figures; NaN when some style lacks it. */
static double mean_result(const PmtTrainResult* r, const PmtSplitResult* results, bool ngram) {
  double sum = 0.0;
  size_t n = 0;
  for (size_t k = 0; k < r->n_corpora; ++k) {
    if (!(results[k].sum.quarters > 0.0) || r->origin.kept[k]) { continue; }
    sum += (ngram ? results[k].ngram : results[k].sum.nats) / results[k].sum.quarters;
    ++n;
  }
  return n ? sum / (double)n : (double)NAN;
}

static PmtStatus write_model(const PmtRun* run, double valid, double ngram, PmtError* error) {
  return write_weights(run, run->options->out, run->course.best, valid, ngram, error);
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
    if (r->origin.kept[k]) { continue; }
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

/** Pieces that were learned from: how much closer they are than those kept back tells what was learned by heart. */
static PmtStatus score_learned(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  PmtScoreTask* tasks = NULL;
  size_t n = 0, most = final_tokens(run);
  PmtStatus st = PMT_OK;
  most = most < TOKENS_MAX ? most : TOKENS_MAX;
  for (size_t k = 0; !st && k < r->n_corpora; ++k) {
    if (r->origin.kept[k]) { continue; }
    st = pmt_score_tasks(&r->corpora[k], PMT_SPLIT_TRAIN, (int)k, PIECES_MAX, most, &tasks, &n);
  }
  if (!st) { st = pmt_score_pieces(run->scorer, run->course.best, tasks, n, false); }
  for (size_t k = 0; !st && k < r->n_corpora; ++k) { r->learned[k] = pmt_score_sum(tasks, n, (int)k); }
  free(tasks);
  return st ? pmt_fail(error, st, "out of memory in the evaluation") : PMT_OK;
}

/** Of the styles kept, what is written beside what was begun from. */
static PmtStatus score_kept(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  double valid;
  if (!run->options->from) { return PMT_OK; }
  const PmtStatus st = evaluate(run, PMT_ARRAY_WEIGHTS, run->course.best, &valid, error);
  if (!st) { memcpy(r->origin.after, run->styles[PMT_ARRAY_WEIGHTS], sizeof r->origin.after); }
  return st;
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
    if (r->origin.kept[k]) { continue; }
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
    if (r->origin.kept[k]) {
      pmt_run_tell(run, "%s: kept; nats/quarter of what the model had played %s, before %s\n", r->corpora[k].name,
           figure(r->origin.after[k], 3).text, figure(r->origin.before[k], 3).text);
      continue;
    }
    pmt_run_tell(run, "%s: nats/quarter valid %s (6-gram %s), test %s (6-gram %s)\n", r->corpora[k].name,
         figure(v->sum.nats / v->sum.quarters, 3).text, figure(v->ngram / v->sum.quarters, 3).text,
         figure(t->sum.nats / t->sum.quarters, 3).text, figure(t->ngram / t->sum.quarters, 3).text);
  }
}

/** Whether a player's melody shall be told as notes or as hints: what predicts its company better, style by style. */
static PmtStatus choose_told(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  double with[PMT_STYLES_MAX], told[PMT_STYLES_MAX], mean;
  if (!pmt_shape_has(&r->params.shape, PMT_LISTENER_YOU)) { return PMT_OK; }
  PmtStatus st = evaluate_heard(run, run->course.best, PMT_LISTENING_WITH, with, &mean);
  if (!st) { st = evaluate_heard(run, run->course.best, PMT_LISTENING_TOLD, told, &mean); }
  if (st) { return pmt_fail(error, PMT_NO_MEM, "out of memory in the evaluation"); }
  for (size_t k = 0; k < r->n_corpora; ++k) {
    if (isnan(with[k]) || isnan(told[k])) { continue; }
    r->facts.told[k] = told[k] < with[k];
    pmt_run_tell(run, "%s: what goes with a melody, nats/quarter %s hinted, %s told as notes\n", r->corpora[k].name,
         figure(with[k], 3).text, figure(told[k], 3).text);
  }
  return PMT_OK;
}

static PmtStatus finish(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  if (run->options->half) { pmt_export_round(&r->params, run->course.best); }
  PmtStatus st = score_split(run, PMT_SPLIT_VALID, r->valid, error);
  if (!st) { st = score_split(run, PMT_SPLIT_TEST, r->test, error); }
  if (!st) { st = score_learned(run, error); }
  if (!st) { st = score_kept(run, error); }
  if (!st) { st = score_ngrams(run, error); }
  if (!st) { st = choose_told(run, error); }
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
                                    .patience = PATIENCE, .patience_margin = WORSE, .log = o->log, .stop = o->stop};
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

static PmtStatus open_origin(PmtRun* run, PmtError* error) {
  PmtTrainOrigin* about = &run->result->origin;
  const PmtStatus st = pmt_origin_open(run->options->from, &run->origin, error);
  if (st) { return st; }
  snprintf(about->title, sizeof about->title, "%s", run->origin.model->title);
  snprintf(about->license, sizeof about->license, "%s", run->origin.model->license);
  return PMT_OK;
}

/** How well the model that is gone on from predicts: unless something better comes, it is what is written. */
static PmtStatus evaluate_origin(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  double valid;
  const PmtStatus st = evaluate(run, PMT_ARRAY_WEIGHTS, pmt_learner_array(run->learner, PMT_ARRAY_WEIGHTS), &valid, error);
  if (st) { return st; }
  memcpy(r->origin.before, run->styles[PMT_ARRAY_WEIGHTS], sizeof r->origin.before);
  if (!isnan(valid)) { run->course.best_valid = valid; }
  pmt_run_tell(run, "before the first step: valid nats/quarter");
  for (size_t k = 0; k < r->n_corpora; ++k) {
    pmt_run_tell(run, " %s %s", r->corpora[k].name, figure(r->origin.before[k], 2).text);
  }
  pmt_run_tell(run, " mean %s\n", figure(valid, 3).text);
  return PMT_OK;
}

/** Everything up to the first step. */
static PmtStatus prepare(PmtRun* run, PmtError* error) {
  const bool from = run->options->from != NULL;
  PmtStatus st = from ? open_origin(run, error) : PMT_OK;
  if (!st) { st = pmt_run_load(run, error); }
  if (!st) { st = pmt_run_facts(run, error); }
  if (st) { return st; }
  settle(run);
  begin_course(run);
  st = start_threads(run, error);
  if (!st && from) { st = pmt_run_rehearse(run, error); }
  if (!st) { st = build(run, error); }
  if (!st && from) { st = evaluate_origin(run, error); }
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
  PmtStatus st = prepare(run, error);
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
