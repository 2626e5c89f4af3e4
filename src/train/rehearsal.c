/* SPDX-License-Identifier: ISC */
/** @file rehearsal.c  See rehearsal.h. */
#include "train/rehearsal.h"

#include "base/random.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_SEED = 0x72656865, SEEDS = 65536, VALID_EACH = 8 };

/* A file does not say in which meters a style is at home; these are what music is mostly in. */
static const struct { uint8_t beats, unit; } meters[] = {{4, 4}, {3, 4}, {4, 4}, {2, 4}, {4, 4}, {6, 8}, {3, 4}, {2, 4}};

typedef struct {
  PmtModel* model;
  PmtCorpus* corpora;
  uint32_t row[PMT_STYLES_MAX]; /* styles that are wanted */
  size_t n_rows, pieces;
  uint64_t seed;
  const volatile sig_atomic_t* stop;
  atomic_size_t next;
  atomic_int status;
  PmtError* error;              /* of whoever fails first */
} Work;

static const float NOTHING = 1e-9f; /* is dropped: as learned */

static PmtStatus play(Work* work, PmtPlaying* playing, uint32_t row, size_t i, PmtError* error) {
  const bool band = work->model->parts_used[row] > 0;
  const size_t meter = band ? i % (sizeof meters / sizeof *meters) : 0;
  const PmtPlayed ask = {.style = row, .bars = PMT_REHEARSAL_BARS, .beats = meters[meter].beats, .unit = meters[meter].unit,
                         .temperature = 1.0f, .min_p = NOTHING,
                         .seed = (uint32_t)(pmt_random_bits(work->seed ^ PLACE_SEED, row, i) % SEEDS)};
  PmtPiece* piece = &work->corpora[row].pieces[i];
  PmtScore score;
  char name[32];
  PmtStatus st = pmt_playing_piece(playing, &ask, &score, error);
  if (st) { return st; }
  snprintf(name, sizeof name, "seed %u", ask.seed);
  piece->name = strdup(name);
  piece->split = i % VALID_EACH == 1 ? PMT_SPLIT_VALID : PMT_SPLIT_TRAIN;
  st = piece->name ? pmt_piece_of_score(&score, piece, error) : pmt_fail(error, PMT_NO_MEM, "out of memory");
  pmt_score_free(&score);
  return st;
}

static void job(void* context, uint32_t index) {
  Work* work = context;
  PmtPlaying* playing = NULL;
  PmtError error = {""};
  (void)index;
  PmtStatus st = pmt_playing_new(work->model, &playing);
  if (st) { pmt_fail(&error, st, "out of memory to play the old styles"); }
  for (size_t i; !st && !atomic_load(&work->status) && (i = atomic_fetch_add(&work->next, 1)) < work->n_rows * work->pieces;) {
    st = work->stop && *work->stop ? pmt_fail(&error, PMT_BAD_ARG, "stopped before the first step: there is nothing to go on from")
                                   : play(work, playing, work->row[i / work->pieces], i % work->pieces, &error);
  }
  int none = PMT_OK;
  if (st && atomic_compare_exchange_strong(&work->status, &none, (int)st)) { *work->error = error; }
  pmt_playing_free(playing);
}

static PmtStatus make_room(Work* work, uint32_t row) {
  PmtCorpus* c = &work->corpora[row];
  c->name = strdup(work->model->style_name[row]);
  c->pieces = calloc(work->pieces, sizeof *c->pieces);
  if (!c->name || !c->pieces) { return PMT_NO_MEM; }
  c->n_pieces = work->pieces;
  work->row[work->n_rows++] = row;
  return PMT_OK;
}

PmtStatus pmt_rehearse(PmtModel* model, const bool* wanted, size_t pieces, uint64_t seed,
                       const volatile sig_atomic_t* stop, PmtPool* pool, PmtCorpus* corpora,
                       PmtError* error) {
  PmtError unused;
  Work work = {.model = model, .corpora = corpora, .pieces = pieces, .seed = seed, .stop = stop,
               .error = error ? error : &unused};
  for (uint32_t k = 0; k < model->n_styles; ++k) {
    if (wanted[k] && make_room(&work, k)) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  }
  pmt_pool_run(pool, job, &work);
  return (PmtStatus)atomic_load(&work.status);
}
