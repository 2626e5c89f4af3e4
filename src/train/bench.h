/* SPDX-License-Identifier: ISC */
/** @file bench.h  A published benchmark: train a net on its training split, report nats a unit on valid, on test if asked.

    What a piece is and how it becomes cells is the benchmark's own (jsb16.c, frames.c); how a net is trained is the
    trainer's (course.h). Above: tools/cmd_benchmark.c. Below: learner.c, scorer.c, course.c, checkpoint.c. */
#ifndef PMT_TRAIN_BENCH_H
#define PMT_TRAIN_BENCH_H

#include "train/corpus.h"
#include "train/course.h"

enum { PMT_BENCH_ORDERS = 23 };

/** A piece, and what is done to it. */
typedef struct {
  PmtSplit split;
  size_t number;
  int transpose;   /**< as far as possible */
  uint32_t order;  /**< 0, or one of PMT_BENCH_ORDERS other orders in which it can be spelled: training only */
  double begin;    /**< 0, or the part of the piece that is left out at its beginning: training only */
} PmtBenchPiece;

/** The data of a benchmark, and how it is fed. */
typedef struct {
  void* handle;
  const char* name;                                   /**< of its vocabulary, in a file */
  const char* unit;                                   /**< "voice-step", "frame": what nats are divided by */
  size_t n_pieces[PMT_SPLITS];
  double n_units[PMT_SPLITS];
  double n_first[PMT_SPLITS];                         /**< of them, first ones of their pieces */
  int transpose_lo, transpose_hi;                     /**< asked of open() in training */
  /** Cells of a piece, cells grown as needed, the first one with `reset`. Any thread. @return PMT_NO_MEM */
  PmtStatus (*open)(void* handle, const PmtBenchPiece* which, PmtCell** cells, size_t* room, size_t* n_cells);
} PmtBenchData;

typedef struct {
  PmtCourseOptions course;
  PmtTrainShape shape;     /**< whole: vocabulary and tables too */
  uint32_t batch, length, past, threads; /**< threads 0 = processors online */
  double dropout, decay, average;
  double begin;            /**< share of pieces that begin somewhere in the middle in training */
  double orders;           /**< share of pieces that are spelled in some other order in training */
  double forget;           /**< share of hint rows left out in training: no single one can be leaned on */
  double forget_parts;     /**< the same of all rows of a name at once, numbers left out, and of leaps */
  uint64_t seed;
  const char* checkpoint;  /**< NULL = none */
  const char* out;         /**< the net goes there, NULL = nowhere; its time of a step: bench/bench_arch */
  bool half;               /**< matrices in 16 bits, and figures of these */
  bool resume;             /**< go on from the checkpoint; a finished run is measured again */
  bool test;               /**< read the test split, once, with the best weights */
  bool transpositions;     /**< also report the mean of the probabilities in all keys that fit */
} PmtBenchOptions;

/** Nats a unit; NaN = not measured. */
typedef struct {
  double nats;
  double without_first;      /**< first units of pieces, before which nothing is known, left out */
  double in_keys;            /**< mean of the probabilities in all keys */
} PmtBenchFigure;

typedef struct {
  size_t n_params, n_tokens; /**< weights; tokens trained on */
  uint32_t threads;
  uint64_t steps, best_step;
  double seconds;
  bool finished;             /**< else paused at the checkpoint */
  PmtBenchFigure figure[PMT_SPLITS];
} PmtBenchResult;

PmtStatus pmt_bench_run(const PmtBenchData* data, const PmtBenchOptions* options, PmtBenchResult* result,
                        PmtError* error);

#endif
