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
#include <time.h>
#include <unistd.h>

enum {
  WARM_UP = 100,          /* steps of linear warm-up, less in a short run */
  PATIENCE = 5,           /* evaluations without gain, in the second half, that end the run */
  PIECES_MAX = 40,        /* a style on the way */
  TOKENS_MAX = 16000,     /* a style on the way: steps are worth more than a sharper estimate */
  MEASURE_STEPS = 10,     /* before the first plan by time */
  PLAN_UNKNOWN = 1000000,
};
static const double REPORT_SECONDS = 5.0, RATE_END = 0.05, SMOOTH = 0.95, SCORE_SPEED_GUESS = 20000.0,
                    RATE_TOKENS = 2048.0 /* a step: what --rate is meant for */, FINAL_SHARE = 0.1, NGRAM_TOKEN_SECONDS = 3e-7;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

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
    const double start = now();
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
         (double)train.tokens / (train.quarters > 0.0 ? train.quarters : 1.0), now() - start);
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
  run->best = pmt_params_array(&r->params);
  if (st || !run->best) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  memcpy(run->best, pmt_learner_array(run->learner, PMT_ARRAY_WEIGHTS), r->params.n_floats * sizeof(float));
  return PMT_OK;
}

static void dismantle(PmtRun* run) {
  pmt_learner_free(run->learner);
  pmt_streams_free(run->streams);
  pmt_scorer_free(run->scorer);
  pmt_pool_free(run->pool);
  free(run->tasks);
  free(run->best);
}

/* -- the plan ------------------------------------------------------------------------------------------------- */

static double elapsed(const PmtRun* run) { return run->seconds + now() - run->started; }

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

/** Seconds to keep for what is still to come beside the steps: evaluations, and scoring valid and test at the end. */
static double reserve(const PmtRun* run) {
  const PmtTrainResult* r = run->result;
  const size_t most = final_tokens(run);
  double tokens = 0.0;
  for (size_t k = 0; k < r->n_corpora; ++k) {
    for (PmtSplit s = PMT_SPLIT_VALID; s <= PMT_SPLIT_TEST; ++s) {
      const size_t n = pmt_corpus_count(&r->corpora[k], s).tokens;
      tokens += (double)(n < most ? n : most);
    }
  }
  return tokens / run->score_speed + (PMT_EVALUATIONS - run->n_evaluated) * run->evaluation_seconds +
         (wants_ngram(run) ? ngram_seconds(run) : 0.0);
}

/** By time: as many steps as the rest of the budget allows at the present speed. */
static void make_plan(PmtRun* run) {
  const PmtTrainOptions* o = run->options;
  if (o->steps) {
    run->plan = o->steps;
    return;
  }
  const double left = o->minutes * 60.0 - elapsed(run) - reserve(run);
  if (run->step_seconds <= 0.0) {
    run->plan = run->step + PLAN_UNKNOWN;
  } else {
    run->plan = run->step + (left > 0.0 ? (uint64_t)(left / run->step_seconds) : 0);
  }
}

/** Linear warm-up, then a cosine down to 5 %. The position advances by an equal share of what is left, so a new plan
    bends the curve and never makes it jump. */
static float rate_now(const PmtRun* run) {
  const PmtTrainOptions* o = run->options;
  const double warm = run->plan / 10 < WARM_UP ? (double)(run->plan / 10) : (double)WARM_UP;
  const double begin = (double)run->step + 1.0 < warm ? ((double)run->step + 1.0) / warm : 1.0;
  const double cosine = RATE_END + (1.0 - RATE_END) * 0.5 * (1.0 + cos(M_PI * run->progress));
  return (float)(o->rate * sqrt((double)o->batch * o->length / RATE_TOKENS) * begin * cosine);
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

/** Evaluate the weights and their moving average; the point keeps the better of the two. */
static PmtStatus evaluate_both(PmtRun* run, PmtTrainPoint* point, PmtArrayId* better, PmtError* error) {
  static const PmtArrayId both[2] = {PMT_ARRAY_AVERAGE, PMT_ARRAY_WEIGHTS};
  *better = PMT_ARRAY_AVERAGE;
  for (int i = 0; i < 2; ++i) {
    double style[PMT_STYLES_MAX];
    if (pmt_score_pieces(run->scorer, pmt_learner_array(run->learner, both[i]), run->tasks, run->n_tasks, false)) {
      return pmt_fail(error, PMT_NO_MEM, "out of memory in the evaluation");
    }
    const double valid = mean_of_styles(run, style);
    if (i && !(valid < point->valid)) { continue; }
    point->valid = valid;
    memcpy(point->style, style, sizeof style);
    *better = both[i];
  }
  point->averaged = *better == PMT_ARRAY_AVERAGE;
  return PMT_OK;
}

static void tell_point(const PmtRun* run, const PmtTrainPoint* point, bool gained) {
  tell(run, "evaluation %u of %d, step %" PRIu64 ": train %.3f nats/token; valid nats/quarter", run->n_evaluated,
       PMT_EVALUATIONS, point->step, point->train);
  for (size_t k = 0; k < run->result->n_corpora; ++k) { tell(run, " %s %.2f", run->result->corpora[k].name, point->style[k]); }
  tell(run, " mean %.3f%s%s\n", point->valid, point->averaged ? " (averaged weights)" : "", gained ? ", best so far" : "");
}

static PmtStatus evaluate(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  const double start = now();
  PmtTrainPoint point = {.step = run->step, .train = run->train_n ? run->train_sum / (double)run->train_n : (double)NAN};
  PmtArrayId better;
  PmtStatus st = evaluate_both(run, &point, &better, error);
  if (st) { return st; }
  ++run->n_evaluated;
  const bool gained = !(point.valid >= run->best_valid);
  if (gained) {
    run->best_valid = isnan(point.valid) ? (double)INFINITY : point.valid;
    r->best_step = run->step;
    memcpy(run->best, pmt_learner_array(run->learner, better), r->params.n_floats * sizeof(float));
  }
  run->n_stale = gained ? 0 : run->n_stale + 1;
  if (r->n_points < sizeof r->points / sizeof *r->points) { r->points[r->n_points++] = point; }
  run->train_sum = 0.0;
  run->train_n = 0;
  run->evaluation_seconds = now() - start;
  size_t tokens = 0;
  for (size_t i = 0; i < run->n_tasks; ++i) { tokens += run->tasks[i].tokens; }
  if (tokens) { run->score_speed = 2.0 * (double)tokens / run->evaluation_seconds; }
  tell_point(run, &point, gained);
  return PMT_OK;
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
                           .command = o->command, .seed = o->seed, .steps = run->step, .valid = valid, .ngram = ngram};
  return pmt_export_model(o->out, &r->params, run->best, &about, error);
}

/** Checkpoint, and the best model so far, so that it can be heard while training goes on. */
static PmtStatus keep(PmtRun* run, PmtError* error) {
  run->seconds = elapsed(run);
  run->started = now();
  PmtStatus st = pmt_checkpoint_write(run, error);
  return st ? st : write_model(run, run->best_valid, (double)NAN, error);
}

/* -- the loop ------------------------------------------------------------------------------------------------- */

static bool fill_batch(PmtRun* run) {
  for (uint32_t s = 0; s < run->options->batch; ++s) {
    for (uint32_t t = 0; t < run->options->length; ++t) {
      if (!pmt_streams_next(run->streams, s, pmt_learner_cell(run->learner, s, t))) { return false; }
    }
  }
  return true;
}

static PmtStatus take_step(PmtRun* run, double* loss, PmtError* error) {
  const double start = now();
  if (!fill_batch(run)) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  *loss = pmt_learner_step(run->learner, run->step, rate_now(run), NULL);
  if (!isfinite(*loss)) {
    return pmt_fail(error, PMT_BAD_ARG, "the loss is no number any more at step %" PRIu64 ": try a lower --rate", run->step);
  }
  run->progress += (1.0 - run->progress) / (double)(run->plan - run->step);
  ++run->step;
  run->train_sum += *loss;
  ++run->train_n;
  const double took = now() - start;
  run->step_seconds = run->step_seconds > 0.0 ? SMOOTH * run->step_seconds + (1.0 - SMOOTH) * took : took;
  return PMT_OK;
}

static void report(const PmtRun* run, double loss) {
  const PmtTrainOptions* o = run->options;
  const double left = (double)(run->plan - run->step) * run->step_seconds + reserve(run);
  tell(run, "step %" PRIu64 "/%" PRIu64 "  loss %.3f  rate %.2e  %.0f tokens/s  %d:%02d left\n", run->step, run->plan, loss,
       (double)rate_now(run), (double)o->batch * o->length / run->step_seconds, (int)(left / 60.0), (int)left % 60);
}

static bool must_pause(const PmtRun* run) {
  const PmtTrainOptions* o = run->options;
  return (o->pause_after && run->step >= o->pause_after) || (o->stop && *o->stop);
}

static bool is_over(const PmtRun* run) {
  return run->step >= run->plan || run->progress >= 1.0 || (run->n_stale >= PATIENCE && run->progress > 0.5);
}

static PmtStatus train(PmtRun* run, PmtError* error) {
  double reported = now(), smooth_loss = 0.0;
  make_plan(run);
  while (!is_over(run) && !must_pause(run)) {
    double loss = 0.0;
    PmtStatus st = take_step(run, &loss, error);
    if (st) { return st; }
    smooth_loss = smooth_loss > 0.0 ? SMOOTH * smooth_loss + (1.0 - SMOOTH) * loss : loss;
    if (run->plan > run->step + PLAN_UNKNOWN / 2 && run->step % MEASURE_STEPS == 0) { make_plan(run); }
    if (now() - reported >= REPORT_SECONDS) {
      make_plan(run);
      report(run, smooth_loss);
      reported = now();
    }
    if (run->progress + 1e-9 < (double)(run->n_evaluated + 1) / PMT_EVALUATIONS) { continue; }
    if ((st = evaluate(run, error)) || (st = keep(run, error))) { return st; }
    make_plan(run);
  }
  run->result->finished = is_over(run);
  if (run->result->finished) { /* time ran out between two evaluations */
    return run->train_n ? evaluate(run, error) : PMT_OK;
  }
  return keep(run, error);
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
  if (!st) { st = pmt_score_pieces(run->scorer, run->best, tasks, n, false); }
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
  if (!st) { st = keep(run, error); }
  if (!st) { st = write_model(run, mean_result(r, r->valid, false), mean_result(r, r->valid, true), error); }
  r->steps = run->step;
  r->threads = pmt_pool_size(run->pool);
  r->seconds = run->seconds;
  return st;
}

PmtStatus pmt_train(const PmtTrainOptions* options, PmtTrainResult* result, PmtError* error) {
  *result = (PmtTrainResult){.options = *options};
  PmtRun* run = calloc(1, sizeof *run);
  if (!run) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  *run = (PmtRun){.options = &result->options, .result = result, .best_valid = (double)INFINITY, .started = now(),
                  .score_speed = SCORE_SPEED_GUESS};
  snprintf(run->checkpoint, sizeof run->checkpoint, "%s%s", options->checkpoint ? options->checkpoint : options->out,
           options->checkpoint ? "" : ".checkpoint");
  PmtStatus st = load_corpora(run, error);
  if (!st && pmt_facts_collect(result->corpora, result->n_corpora, &result->facts)) {
    st = pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  if (!st) {
    settle(run);
    st = build(run, error);
  }
  if (!st && options->resume) { st = pmt_checkpoint_read(run, error); }
  if (!st) { st = train(run, error); }
  if (!st && result->finished) { st = finish(run, error); }
  dismantle(run);
  free(run);
  return st;
}

void pmt_train_result_free(PmtTrainResult* result) {
  for (size_t k = 0; k < result->n_corpora; ++k) { pmt_corpus_free(&result->corpora[k]); }
  free(result->corpora);
  *result = (PmtTrainResult){0};
}
