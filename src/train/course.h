/* SPDX-License-Identifier: ISC */
/** @file course.h  The course of a training run over any source of cells: how many steps, at which rate, when to look up
    and evaluate, which weights were the best.

    By steps a course is exact and repeatable. By minutes it is planned from the measured speed and planned anew every few
    seconds. Above: trainer.c (music), bench_jsb.c; checkpoint.c keeps it on disk. Below: learner.c. */
#ifndef PMT_TRAIN_COURSE_H
#define PMT_TRAIN_COURSE_H

#include "train/learner.h"

#include <signal.h>
#include <stdio.h>

enum { PMT_EVALUATIONS = 20 };

typedef struct {
  double minutes;          /**< budget; used when steps is 0 */
  uint64_t steps;          /**< exact number of steps; 0 = by time */
  uint64_t pause_after;    /**< pause after this step; 0 = never */
  double rate;             /**< at its height, for 2048 tokens a step */
  uint32_t evaluations;    /**< on the way; 0 = PMT_EVALUATIONS */
  uint32_t patience;       /**< evaluations without gain, in the second half, that end the run */
  double patience_margin;  /**< those that are worse than the best by less than this share of it do not count */
  FILE* log;               /**< progress; NULL = silent */
  const volatile sig_atomic_t* stop; /**< set by a signal: pause; may be NULL */
} PmtCourseOptions;

/** One evaluation. */
typedef struct {
  uint64_t step;
  double train;            /**< mean nats a token since the last */
  double valid;            /**< what evaluate() said of the better of weights and average; NaN = nothing to evaluate */
  bool averaged;           /**< the moving average was the better of the two */
  bool gained;             /**< the best so far */
} PmtCoursePoint;

/** What differs between runs. */
typedef struct {
  void* handle;
  bool (*fill)(void* handle);             /**< the learner's cells for the next step; false = memory is out */
  PmtStatus (*evaluate)(void* handle, PmtArrayId which, const float* w, double* valid, PmtError* error);
  void (*note)(void* handle, const PmtCoursePoint* point); /**< both were evaluated */
  PmtStatus (*keep)(void* handle, PmtError* error);        /**< after an evaluation and on pausing: write to disk */
  double (*reserve)(void* handle);        /**< seconds that what follows the last step will take */
} PmtCourseTasks;

typedef struct {
  PmtCourseOptions options;
  PmtCourseTasks tasks;
  PmtLearner* learner;       /* not owned */
  float* best;               /* weights of the best evaluation; owned */
  double best_valid;         /* INFINITY before the first */
  uint64_t best_step;
  uint32_t n_stale;          /* evaluations since the best */
  uint64_t step;
  double progress;           /* 0..1: position on the cosine; never goes back */
  uint32_t n_evaluated;      /* of options.evaluations */
  double train_sum;          /* nats a token summed since the last evaluation */
  uint64_t train_n;
  double seconds;            /* spent by earlier parts of the run */
  double started;            /* clock when this part began */
  double step_seconds;       /* smoothed; 0 = not known */
  double evaluation_seconds; /* of the last one */
  uint64_t plan;             /* steps in all, as planned now */
  bool finished;             /* else paused */
} PmtCourse;

/** The clock starts; options and tasks are the caller's to fill in before pmt_course_run. */
void pmt_course_begin(PmtCourse* course);
/** Once there is a learner, which outlives the course; its weights are the best so far. @return PMT_NO_MEM */
PmtStatus pmt_course_attach(PmtCourse* course, PmtLearner* learner);
void pmt_course_end(PmtCourse* course); /**< a course that only began is fine, and a zeroed one */

/** Run to the end or to a pause. */
PmtStatus pmt_course_run(PmtCourse* course, PmtError* error);

double pmt_course_clock(void);                      /**< seconds, monotonic */
double pmt_course_elapsed(const PmtCourse* course); /**< seconds, earlier parts included */

#endif
