/* SPDX-License-Identifier: ISC */
/** @file trainer_checkpoint.c  What a run on music keeps beside its course: the places of its streams, the points of its
    curve. Above: trainer.c. Below: checkpoint.h. */
#include "train/checkpoint.h"
#include "train/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1 << 18 };

/** What must be equal for the bits to continue. */
static void describe_run(const PmtRun* run, char* text, size_t size) {
  const PmtTrainOptions* o = run->options;
  const PmtTrainShape* s = &run->result->params.shape;
  char shape[160];
  pmt_shape_describe(s, shape, sizeof shape);
  size_t n = (size_t)snprintf(text, size, "%s, V %u, batch %u length %u past %d threads %u dropout %a rate %a balance %a "
                              "seed %" PRIu64, shape, s->vocab, o->batch, o->length, o->past, pmt_pool_size(run->pool),
                              o->dropout, o->rate, o->balance, o->seed);
  if (run->origin.model) {
    n += (size_t)snprintf(text + n, size - n, " from %016" PRIx64 " keep %a", run->origin.model->hash, o->keep);
  }
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

PmtStatus pmt_run_keep(const PmtRun* run, PmtError* error) {
  char* text = malloc(4 * TEXT_BYTES);
  if (!text) { return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", run->checkpoint); }
  char *description = text, *places = text + TEXT_BYTES, *points = text + 2 * TEXT_BYTES, *draws = text + 3 * TEXT_BYTES;
  describe_run(run, description, TEXT_BYTES);
  print_places(run, places, TEXT_BYTES);
  print_points(run, points, TEXT_BYTES);
  snprintf(draws, TEXT_BYTES, "%" PRIu64, pmt_streams_draws(run->streams));
  const PmtMetaOut extras[] = {{"draws", draws}, {"places", places}, {"points", points}};
  const PmtStatus st = pmt_checkpoint_write(run->checkpoint, &run->course, description, extras,
                                            sizeof extras / sizeof *extras, error);
  free(text);
  return st;
}

/* -- reading -------------------------------------------------------------------------------------------------- */

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
  return st ? pmt_checkpoint_damaged(run->checkpoint, "the places of the streams", error) : PMT_OK;
}

PmtStatus pmt_run_resume(PmtRun* run, PmtError* error) {
  PmtTensors* file = NULL;
  uint64_t draws;
  char* description = malloc(TEXT_BYTES);
  if (!description) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  describe_run(run, description, TEXT_BYTES);
  PmtStatus st = pmt_checkpoint_read(run->checkpoint, &run->course, description, &file, error);
  free(description);
  if (st) { return st; }
  const char* number = pmt_tensors_meta(file, "draws");
  if (!number || sscanf(number, "%" SCNu64, &draws) != 1) {
    st = pmt_checkpoint_damaged(run->checkpoint, "the number of draws", error);
  }
  if (!st && !parse_points(run, pmt_tensors_meta(file, "points"))) {
    st = pmt_checkpoint_damaged(run->checkpoint, "the curve", error);
  }
  if (!st) { st = parse_places(run, pmt_tensors_meta(file, "places"), draws, error); }
  pmt_tensors_free(file);
  return st;
}
