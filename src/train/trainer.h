/* SPDX-License-Identifier: ISC */
/** @file trainer.h  A whole training run: folders in, model file and checkpoint out.

    Above: tools/cmd_train.c. Below: course.c, corpus.c, stream.c, score.c, checkpoint.c, export.c. */
#ifndef PMT_TRAIN_TRAINER_H
#define PMT_TRAIN_TRAINER_H

#include "train/course.h"
#include "train/facts.h"
#include "train/score.h"

typedef struct {
  const char* name;
  const char* folder;
} PmtStyleSource;

/** What a file suggests. */
typedef struct {
  const char* style; /**< NULL: all that no other speaks of */
  double value;
} PmtStyleMinP;

enum { PMT_WITHOUT_MAX = 16 };

typedef struct {
  PmtStyleSource styles[PMT_STYLES_MAX];
  size_t n_styles;
  const char* out;         /**< model file */
  const char* checkpoint;  /**< NULL: out + ".checkpoint" */
  bool resume;             /**< continue from the checkpoint, which must be there */
  const char* from;        /**< a model to go on from: its sizes and styles are kept, a style of the same name is refined,
                                others are added. NULL = from nothing */
  double keep;             /**< with `from`: share of what is learned that the model itself plays of the styles it keeps;
                                0 = none, below 0 = chosen */
  double minutes;          /**< budget; used when steps is 0 */
  uint64_t steps;          /**< exact number of steps; 0 = by time */
  uint64_t pause_after;    /**< write a checkpoint and return after this step, unfinished; 0 = never */
  uint32_t threads;        /**< 0 = processors online */
  PmtTrainShape shape;     /**< the body; sizes that are 0 are chosen by the size of the corpus; vocabulary and tables are
                                not the caller's business */
  const char* without[PMT_WITHOUT_MAX]; /**< hints that are left out, see pmt_shape_without; by default none is */
  size_t n_without;
  const char* with[PMT_WITHOUT_MAX]; /**< with `from`: hints that are added to the model's, untaught */
  size_t n_with;
  uint32_t batch, length;  /**< streams, and tokens a step of each; 0 = chosen */
  int32_t past;            /**< Transformer: positions of earlier steps seen without gradient; below 0 = chosen */
  double dropout, rate;    /**< below 0, and 0: chosen */
  double balance;
  uint64_t seed;
  PmtStyleMinP min_p[PMT_STYLES_MAX + 1]; /**< suggested for playing; of a style that none speaks of it is chosen */
  size_t n_min_p;
  bool half;               /**< write matrices in 16 bits; the final figures are of these */
  const char *title, *author, *license; /**< may be NULL */
  const char* command;     /**< the command line, for the card */
  FILE* log;               /**< progress; NULL = silent */
  const volatile sig_atomic_t* stop; /**< set by a signal: write a checkpoint and return, unfinished; may be NULL */
} PmtTrainOptions;

PmtTrainOptions pmt_train_defaults(void);
/** Choose what is left open. @param tokens to train on */
void pmt_train_settle(PmtTrainOptions* options, size_t tokens);

/** One evaluation: a point of the curves. */
typedef struct {
  uint64_t step;
  double train;            /**< mean nats a token since the last */
  double valid;            /**< nats a quarter, mean over styles; NaN without valid pieces */
  double style[PMT_STYLES_MAX];
  bool averaged;           /**< the moving average was the better of the two */
} PmtTrainPoint;

/** How one split was predicted. */
typedef struct {
  PmtScoreSum sum;
  double ngram;            /**< nats of the 6-gram over the same tokens; NaN = not measured */
} PmtSplitResult;

/** What is known of the model that a run went on from. */
typedef struct {
  char title[128], license[128];
  size_t tokens;                  /**< that it played of the styles it keeps */
  bool kept[PMT_STYLES_MAX];      /**< no folder was given: the corpus of this style is what the model played */
  double before[PMT_STYLES_MAX], after[PMT_STYLES_MAX]; /**< nats a quarter of an evaluation on the way, before the first
                                                             step and of what is written */
} PmtTrainOrigin;

/** What a finished run leaves for the card and the curve. */
typedef struct {
  PmtTrainOptions options; /**< with nothing left open */
  PmtFacts facts;
  PmtTrainOrigin origin;   /**< with options.from; else zero */
  PmtCorpus* corpora;      /**< one a style, in order of rows. Owned */
  size_t n_corpora;
  PmtParams params;
  PmtTrainPoint points[4 * PMT_EVALUATIONS];
  size_t n_points;
  uint64_t steps, best_step;
  bool finished;           /**< false: paused, the checkpoint goes on from here and no model was written */
  double seconds;          /**< of training, evaluations included */
  uint32_t threads;
  double peak_mib;         /**< the most memory of the process; 0 until the caller says it, who knows the end */
  bool sampled;            /**< a short run: the final figures are of the beginnings of pieces */
  PmtSplitResult valid[PMT_STYLES_MAX], test[PMT_STYLES_MAX]; /**< of styles that a folder was given for */
  PmtScoreSum learned[PMT_STYLES_MAX]; /**< the same of some of the pieces that were learned from, as they are */
} PmtTrainResult;

/** Run. Blocks for minutes. @return PMT_BAD_FILE, PMT_BAD_ARG, PMT_IO, PMT_NO_MEM with one clear line */
PmtStatus pmt_train(const PmtTrainOptions* options, PmtTrainResult* result, PmtError* error);
void pmt_train_result_free(PmtTrainResult* result);

#endif
