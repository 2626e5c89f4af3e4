/* SPDX-License-Identifier: ISC */
/** @file course.c  See course.h. */
#include "train/course.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  WARM_UP = 100,     /* steps of linear warm-up, less in a short run */
  MEASURE_STEPS = 10, /* before the first plan by time */
  PLAN_UNKNOWN = 1000000,
};
static const double REPORT_SECONDS = 5.0, RATE_END = 0.05, SMOOTH = 0.95, RATE_TOKENS = 2048.0;

double pmt_course_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

PMT_PRINTF(2, 3) static void tell(const PmtCourse* c, const char* format, ...) {
  if (!c->options.log) { return; }
  va_list args;
  va_start(args, format);
  vfprintf(c->options.log, format, args);
  va_end(args);
  fflush(c->options.log);
}

void pmt_course_begin(PmtCourse* c) { *c = (PmtCourse){.best_valid = (double)INFINITY, .started = pmt_course_clock()}; }

static size_t weights_bytes(const PmtCourse* c) {
  return pmt_learner_params(c->learner)->n_floats * sizeof *c->best;
}

PmtStatus pmt_course_attach(PmtCourse* c, PmtLearner* learner) {
  c->learner = learner;
  c->best = pmt_params_array(pmt_learner_params(learner));
  if (!c->best) { return PMT_NO_MEM; }
  memcpy(c->best, pmt_learner_array(learner, PMT_ARRAY_WEIGHTS), weights_bytes(c));
  return PMT_OK;
}

void pmt_course_end(PmtCourse* c) {
  free(c->best);
  c->best = NULL;
}

double pmt_course_elapsed(const PmtCourse* c) { return c->seconds + pmt_course_clock() - c->started; }

static uint32_t evaluations_of(const PmtCourse* c) {
  return c->options.evaluations ? c->options.evaluations : PMT_EVALUATIONS;
}

/* -- the plan ------------------------------------------------------------------------------------------------- */

/** By time: as many steps as the rest of the budget allows at the present speed. */
static void make_plan(PmtCourse* c) {
  if (c->options.steps) {
    c->plan = c->options.steps;
    return;
  }
  const double evaluations = (evaluations_of(c) - c->n_evaluated) * c->evaluation_seconds;
  const double left = c->options.minutes * 60.0 - pmt_course_elapsed(c) - evaluations - c->tasks.reserve(c->tasks.handle);
  if (c->step_seconds <= 0.0) {
    c->plan = c->step + PLAN_UNKNOWN;
  } else {
    c->plan = c->step + (left > 0.0 ? (uint64_t)(left / c->step_seconds) : 0);
  }
}

/** Linear warm-up, then a cosine down to 5 %. The position advances by an equal share of what is left, so a new plan
    bends the curve and never makes it jump. */
static float rate_now(const PmtCourse* c) {
  const double warm = c->plan / 10 < WARM_UP ? (double)(c->plan / 10) : (double)WARM_UP;
  const double begin = (double)c->step + 1.0 < warm ? ((double)c->step + 1.0) / warm : 1.0;
  const double cosine = RATE_END + (1.0 - RATE_END) * 0.5 * (1.0 + cos(M_PI * c->progress));
  return (float)(c->options.rate * sqrt((double)pmt_learner_step_tokens(c->learner) / RATE_TOKENS) * begin * cosine);
}

/* -- evaluation ----------------------------------------------------------------------------------------------- */

/** Evaluate the weights and their moving average; keep the better of the two if it is the best so far. */
static PmtStatus evaluate(PmtCourse* c, PmtError* error) {
  static const PmtArrayId both[2] = {PMT_ARRAY_AVERAGE, PMT_ARRAY_WEIGHTS};
  const double start = pmt_course_clock();
  double valid[2];
  for (int i = 0; i < 2; ++i) {
    PmtStatus st = c->tasks.evaluate(c->tasks.handle, both[i], pmt_learner_array(c->learner, both[i]), &valid[i], error);
    if (st) { return st; }
  }
  const int better = valid[1] < valid[0];
  PmtCoursePoint point = {.step = c->step, .train = c->train_n ? c->train_sum / (double)c->train_n : (double)NAN,
                          .valid = valid[better], .averaged = !better, .gained = !(valid[better] >= c->best_valid)};
  if (point.gained) {
    c->best_valid = isnan(point.valid) ? (double)INFINITY : point.valid;
    c->best_step = c->step;
    memcpy(c->best, pmt_learner_array(c->learner, both[better]), weights_bytes(c));
  }
  ++c->n_evaluated;
  const bool worse = !(point.valid < c->best_valid * (1.0 + c->options.patience_margin));
  c->n_stale = point.gained ? 0 : c->n_stale + worse;
  c->train_sum = 0.0;
  c->train_n = 0;
  c->evaluation_seconds = pmt_course_clock() - start;
  c->tasks.note(c->tasks.handle, &point);
  return PMT_OK;
}

static PmtStatus keep(PmtCourse* c, PmtError* error) {
  c->seconds = pmt_course_elapsed(c);
  c->started = pmt_course_clock();
  return c->tasks.keep(c->tasks.handle, error);
}

/* -- the loop ------------------------------------------------------------------------------------------------- */

static PmtStatus take_step(PmtCourse* c, double* loss, PmtError* error) {
  const double start = pmt_course_clock();
  if (!c->tasks.fill(c->tasks.handle)) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  *loss = pmt_learner_step(c->learner, c->step, rate_now(c), NULL);
  if (!isfinite(*loss)) {
    return pmt_fail(error, PMT_BAD_ARG, "the loss is no number any more at step %" PRIu64 ": try a lower --rate", c->step);
  }
  c->progress += (1.0 - c->progress) / (double)(c->plan - c->step);
  ++c->step;
  c->train_sum += *loss;
  ++c->train_n;
  const double took = pmt_course_clock() - start;
  c->step_seconds = c->step_seconds > 0.0 ? SMOOTH * c->step_seconds + (1.0 - SMOOTH) * took : took;
  return PMT_OK;
}

static void report(const PmtCourse* c, double loss) {
  const double left = (double)(c->plan - c->step) * c->step_seconds + c->tasks.reserve(c->tasks.handle) +
                      (evaluations_of(c) - c->n_evaluated) * c->evaluation_seconds;
  tell(c, "step %" PRIu64 "/%" PRIu64 "  loss %.3f  rate %.2e  %.0f tokens/s  %d:%02d left\n", c->step, c->plan, loss,
       (double)rate_now(c), (double)pmt_learner_step_tokens(c->learner) / c->step_seconds, (int)(left / 60.0), (int)left % 60);
}

static bool must_pause(const PmtCourse* c) {
  return (c->options.pause_after && c->step >= c->options.pause_after) || (c->options.stop && *c->options.stop);
}

static bool is_over(const PmtCourse* c) {
  return c->step >= c->plan || c->progress >= 1.0 || (c->n_stale >= c->options.patience && c->progress > 0.5);
}

PmtStatus pmt_course_run(PmtCourse* c, PmtError* error) {
  double reported = pmt_course_clock(), smooth_loss = 0.0;
  make_plan(c);
  while (!is_over(c) && !must_pause(c)) {
    double loss = 0.0;
    PmtStatus st = take_step(c, &loss, error);
    if (st) { return st; }
    smooth_loss = smooth_loss > 0.0 ? SMOOTH * smooth_loss + (1.0 - SMOOTH) * loss : loss;
    if (c->plan > c->step + PLAN_UNKNOWN / 2 && c->step % MEASURE_STEPS == 0) { make_plan(c); }
    if (pmt_course_clock() - reported >= REPORT_SECONDS) {
      make_plan(c);
      report(c, smooth_loss);
      reported = pmt_course_clock();
    }
    if (c->progress + 1e-9 < (double)(c->n_evaluated + 1) / evaluations_of(c)) { continue; }
    if ((st = evaluate(c, error)) || (st = keep(c, error))) { return st; }
    make_plan(c);
  }
  c->finished = is_over(c);
  if (!c->finished) { return keep(c, error); }
  return c->train_n ? evaluate(c, error) : PMT_OK; /* time ran out between two evaluations */
}
