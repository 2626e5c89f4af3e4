/* SPDX-License-Identifier: ISC */
/** @file checkpoint.c  A run on disk: weights, moments, averages and carried state as tensors, counters as metadata.
    Doubles are written in hexadecimal, so that a resumed run has the same bits. Above: trainer.c. Below: nn/tensors.h. */
#include "train/run.h"

#include "nn/tensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1 << 18 };

static const char* const array_name[PMT_ARRAYS] = {"weights", "moment1", "moment2", "average"};

/** What must be equal for the bits to continue. */
static void describe_run(const PmtRun* run, char* text, size_t size) {
  const PmtTrainOptions* o = run->options;
  const PmtTrainShape* s = &run->result->params.shape;
  char shape[160];
  pmt_shape_describe(s, shape, sizeof shape);
  size_t n = (size_t)snprintf(text, size, "%s, V %u, batch %u length %u past %d threads %u dropout %a rate %a balance %a "
                              "seed %" PRIu64, shape, s->vocab, o->batch, o->length, o->past, pmt_pool_size(run->pool),
                              o->dropout, o->rate, o->balance, o->seed);
  for (size_t k = 0; k < run->result->n_corpora && n < size; ++k) {
    const PmtCorpusCount c = pmt_corpus_count(&run->result->corpora[k], PMT_SPLIT_TRAIN);
    n += (size_t)snprintf(text + n, size - n, " %s %zu/%zu", run->result->corpora[k].name, c.pieces, c.tokens);
  }
}

static void print_places(const PmtRun* run, char* text, size_t size) {
  size_t n = 0;
  text[0] = '\0';
  for (uint32_t i = 0; i < run->options->batch && n < size; ++i) {
    const PmtStreamPlace place = pmt_streams_place(run->streams, i);
    n += (size_t)snprintf(text + n, size - n, "%" PRIu64 " %" PRIu64 " ", place.draw, place.position);
  }
}

static void print_points(const PmtRun* run, char* text, size_t size) {
  size_t n = 0;
  text[0] = '\0';
  for (size_t i = 0; i < run->result->n_points && n < size; ++i) {
    const PmtTrainPoint* p = &run->result->points[i];
    n += (size_t)snprintf(text + n, size - n, "%" PRIu64 " %d %a %a ", p->step, p->averaged, p->train, p->valid);
    for (size_t k = 0; k < run->result->n_corpora && n < size; ++k) {
      n += (size_t)snprintf(text + n, size - n, "%a ", p->style[k]);
    }
  }
}

static void print_counters(const PmtRun* run, double seconds, char* text, size_t size) {
  snprintf(text, size, "%" PRIu64 " %a %u %a %u %a %" PRIu64 " %a %" PRIu64 " %" PRIu64, run->step, run->progress,
           run->n_evaluated, run->best_valid, run->n_stale, run->train_sum, run->train_n, seconds,
           pmt_streams_draws(run->streams), run->result->best_step);
}

PmtStatus pmt_checkpoint_write(const PmtRun* run, PmtError* error) {
  const PmtParams* p = &run->result->params;
  const size_t n_state = pmt_learner_state_floats(run->learner);
  char* text = malloc(4 * TEXT_BYTES);
  float* state = malloc((n_state + 1) * sizeof *state);
  PmtStatus st = PMT_NO_MEM;
  if (text && state) {
    char *description = text, *places = text + TEXT_BYTES, *points = text + 2 * TEXT_BYTES, *counters = text + 3 * TEXT_BYTES;
    PmtTensorOut out[PMT_ARRAYS + 2];
    for (uint32_t i = 0; i < PMT_ARRAYS; ++i) {
      out[i] = (PmtTensorOut){array_name[i], 1, {(uint32_t)p->n_floats, 1}, pmt_learner_array(run->learner, (PmtArrayId)i)};
    }
    pmt_learner_save_state(run->learner, state);
    out[PMT_ARRAYS] = (PmtTensorOut){"best", 1, {(uint32_t)p->n_floats, 1}, run->best};
    out[PMT_ARRAYS + 1] = (PmtTensorOut){"state", 1, {(uint32_t)n_state, 1}, state};
    describe_run(run, description, TEXT_BYTES);
    print_places(run, places, TEXT_BYTES);
    print_points(run, points, TEXT_BYTES);
    print_counters(run, run->seconds, counters, TEXT_BYTES);
    const PmtMetaOut meta[] = {{"format", "partimento-checkpoint-2"}, {"run", description}, {"places", places},
                               {"points", points}, {"counters", counters}};
    const size_t n_out = n_state ? PMT_ARRAYS + 2 : PMT_ARRAYS + 1;
    st = pmt_tensors_write(run->checkpoint, out, n_out, meta, sizeof meta / sizeof *meta, error);
  } else {
    pmt_fail(error, st, "%s: out of memory", run->checkpoint);
  }
  free(text);
  free(state);
  return st;
}

/* -- reading -------------------------------------------------------------------------------------------------- */

static PmtStatus damaged(const PmtRun* run, const char* what, PmtError* error) {
  return pmt_fail(error, PMT_BAD_FILE, "%s: not a usable checkpoint: %s", run->checkpoint, what);
}

static bool parse_counters(PmtRun* run, const char* text, uint64_t* draws) {
  return text && sscanf(text, "%" SCNu64 " %la %u %la %u %la %" SCNu64 " %la %" SCNu64 " %" SCNu64, &run->step,
                        &run->progress, &run->n_evaluated, &run->best_valid, &run->n_stale, &run->train_sum,
                        &run->train_n, &run->seconds, draws, &run->result->best_step) == 10;
}

static bool parse_points(PmtRun* run, const char* text) {
  PmtTrainResult* r = run->result;
  const size_t room = sizeof r->points / sizeof *r->points;
  int used = 0;
  r->n_points = 0;
  if (!text) { return false; }
  while (text[strspn(text, " ")]) {
    PmtTrainPoint* p = &r->points[r->n_points];
    int averaged;
    if (r->n_points == room) { return false; }
    if (sscanf(text, "%" SCNu64 " %d %la %la%n", &p->step, &averaged, &p->train, &p->valid, &used) != 4) { return false; }
    p->averaged = averaged != 0;
    text += used;
    for (size_t k = 0; k < r->n_corpora; ++k) {
      if (sscanf(text, "%la%n", &p->style[k], &used) != 1) { return false; }
      text += used;
    }
    ++r->n_points;
  }
  return true;
}

static PmtStatus parse_places(PmtRun* run, const char* text, uint64_t draws, PmtError* error) {
  PmtStreamPlace* places = calloc(run->options->batch, sizeof *places);
  if (!places) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  bool ok = text != NULL;
  for (uint32_t i = 0; ok && i < run->options->batch; ++i) {
    int used = 0;
    ok = sscanf(text, "%" SCNu64 " %" SCNu64 "%n", &places[i].draw, &places[i].position, &used) == 2;
    text += used;
  }
  PmtStatus st = ok ? pmt_streams_seek(run->streams, draws, places) : PMT_BAD_FILE;
  free(places);
  return st ? damaged(run, "the places of the streams", error) : PMT_OK;
}

static PmtStatus load_arrays(PmtRun* run, const PmtTensors* file, PmtError* error) {
  const uint32_t n = (uint32_t)run->result->params.n_floats, n_state = (uint32_t)pmt_learner_state_floats(run->learner);
  PmtStatus st = pmt_tensors_load(file, "best", n, 1, run->best, error);
  for (uint32_t i = 0; !st && i < PMT_ARRAYS; ++i) {
    st = pmt_tensors_load(file, array_name[i], n, 1, pmt_learner_array(run->learner, (PmtArrayId)i), error);
  }
  if (st || !n_state) { return st; }
  float* state = malloc(n_state * sizeof *state);
  if (!state) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  st = pmt_tensors_load(file, "state", n_state, 1, state, error);
  if (!st) { pmt_learner_restore_state(run->learner, state); }
  free(state);
  return st;
}

static PmtStatus check_same(const PmtRun* run, const char* theirs, PmtError* error) {
  char* ours = malloc(TEXT_BYTES);
  if (!ours) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  describe_run(run, ours, TEXT_BYTES);
  PmtStatus st = PMT_OK;
  if (!theirs || strcmp(ours, theirs)) {
    st = pmt_fail(error, PMT_BAD_ARG, "%s: made by another run (%.110s); this one is %.110s", run->checkpoint,
                  theirs ? theirs : "unknown", ours);
  }
  free(ours);
  return st;
}

PmtStatus pmt_checkpoint_read(PmtRun* run, PmtError* error) {
  PmtTensors* file;
  PmtStatus st = pmt_tensors_read(run->checkpoint, &file, error);
  if (st) { return st; }
  const char* format = pmt_tensors_meta(file, "format");
  uint64_t draws;
  if (!format || strcmp(format, "partimento-checkpoint-2")) { st = damaged(run, "another format", error); }
  if (!st) { st = check_same(run, pmt_tensors_meta(file, "run"), error); }
  if (!st && !parse_counters(run, pmt_tensors_meta(file, "counters"), &draws)) { st = damaged(run, "the counters", error); }
  if (!st && !parse_points(run, pmt_tensors_meta(file, "points"))) { st = damaged(run, "the curve", error); }
  if (!st) { st = parse_places(run, pmt_tensors_meta(file, "places"), draws, error); }
  if (!st) { st = load_arrays(run, file, error); }
  pmt_tensors_free(file);
  return st;
}
