/* SPDX-License-Identifier: ISC */
/** @file trainer_data.c  What a run learns from: the folders, and what the model it goes on from plays of the styles it keeps.
    Above: trainer.c. Below: corpus.h, facts.h, origin.h, rehearsal.h. */
#include "train/rehearsal.h"
#include "train/run.h"

#include <math.h>
#include <stdlib.h>

enum { REHEARSAL_PIECES_MIN = 2 }; /* one to learn, one to keep back */
static const double PLAY_SPEED = 6e9, /* multiply-adds a second and thread of a net that plays */
                    REHEARSAL_TOKENS = 200000.0, BAR_TOKENS = 40.0;

/* -- folders -------------------------------------------------------------------------------------------------- */

typedef struct { const PmtRun* run; const char* style; } Refused;

static void tell_refusal(void* handle, const char* file, const char* why) {
  const Refused* r = handle;
  pmt_run_tell(r->run, "%s: %s refused: %s\n", r->style, file, why);
}

static void tell_corpus(const PmtRun* run, const PmtCorpus* c, double seconds) {
  const PmtCorpusCount train = pmt_corpus_count(c, PMT_SPLIT_TRAIN), valid = pmt_corpus_count(c, PMT_SPLIT_VALID),
                       test = pmt_corpus_count(c, PMT_SPLIT_TEST);
  pmt_run_tell(run, "%s: %zu pieces (%zu train, %zu valid, %zu test), %zu refused, %.2f M tokens, %.1f tokens/quarter, %.1f s\n",
       c->name, c->n_pieces, train.pieces, valid.pieces, test.pieces, c->n_refused,
       (double)(train.tokens + valid.tokens + test.tokens) * 1e-6,
       (double)train.tokens / (train.quarters > 0.0 ? train.quarters : 1.0), seconds);
}

static PmtStatus load_folder(PmtRun* run, size_t i, uint32_t parts_max, PmtError* error) {
  const PmtStyleSource* source = &run->options->styles[i];
  PmtCorpus* c = &run->result->corpora[run->row[i]];
  const double start = pmt_course_clock();
  Refused refused = {run, source->name};
  const PmtStatus st = pmt_corpus_load(source->name, source->folder, parts_max, tell_refusal, &refused, c, error);
  if (st) { return st; }
  tell_corpus(run, c, pmt_course_clock() - start);
  return pmt_corpus_count(c, PMT_SPLIT_TRAIN).pieces ? PMT_OK
                                                     : pmt_fail(error, PMT_BAD_FILE, "%s: no piece to train on", c->folder);
}

/** Most pieces must fit the parts that the model has; the few that have more are merged, as files with too many are.
    @param[out] again whether there are such */
static PmtStatus check_parts(const PmtCorpus* c, const PmtModel* model, bool* again, PmtError* error) {
  size_t n_more = 0;
  uint32_t most = 0;
  for (size_t i = 0; i < c->n_pieces; ++i) {
    n_more += c->pieces[i].parts > model->parts;
    most = c->pieces[i].parts > most ? c->pieces[i].parts : most;
  }
  *again = n_more > 0;
  if (2 * n_more <= c->n_pieces) { return PMT_OK; }
  return pmt_fail(error, PMT_UNSUPPORTED, "%s: most pieces have up to %u parts, the model has %u: train without --from",
                  c->folder, most, model->parts);
}

PmtStatus pmt_run_load(PmtRun* run, PmtError* error) {
  const PmtTrainOptions* o = run->options;
  PmtTrainResult* r = run->result;
  const PmtModel* model = run->origin.model;
  const uint32_t parts = model && model->parts > PMT_CORPUS_PARTS_MAX ? model->parts : PMT_CORPUS_PARTS_MAX;
  uint32_t n_rows = (uint32_t)o->n_styles;
  const char* names[PMT_STYLES_MAX];
  PmtStatus st = PMT_OK;
  for (uint32_t i = 0; i < o->n_styles; ++i) {
    names[i] = o->styles[i].name;
    run->row[i] = i;
  }
  if (model && (st = pmt_origin_rows(&run->origin, names, o->n_styles, run->row, &n_rows, error))) { return st; }
  r->corpora = calloc(n_rows, sizeof *r->corpora);
  if (!r->corpora) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  r->n_corpora = n_rows;
  for (size_t i = 0; !st && i < o->n_styles; ++i) {
    PmtCorpus* c = &r->corpora[run->row[i]];
    bool again = false;
    st = load_folder(run, i, parts, error);
    if (!st && model) { st = check_parts(c, model, &again, error); }
    if (st || !again) { continue; }
    pmt_corpus_free(c);
    *c = (PmtCorpus){0};
    st = load_folder(run, i, model->parts, error);
  }
  return st;
}

PmtStatus pmt_run_facts(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  const size_t n = run->options->n_styles;
  PmtCorpus given[PMT_STYLES_MAX];
  PmtFacts* added = malloc(sizeof *added);
  for (size_t i = 0; i < n; ++i) { given[i] = r->corpora[run->row[i]]; }
  PmtStatus st = added ? pmt_facts_collect(given, n, added) : PMT_NO_MEM;
  if (st) { pmt_fail(error, st, "out of memory"); }
  if (!st && run->origin.model) { st = pmt_origin_facts(&run->origin, added, run->row, n, &r->facts, error); }
  else if (!st) { r->facts = *added; }
  free(added);
  return st;
}

/* -- the styles that are kept --------------------------------------------------------------------------------- */

/** Pieces a style: as many as pass the time in a twelfth of a short run, and no more than are of use in a long one. */
static size_t rehearsal_pieces(const PmtRun* run, size_t n_kept) {
  const PmtTrainOptions* o = run->options;
  const double speed = PLAY_SPEED / (double)pmt_net_step_cost(run->origin.model->net) * pmt_pool_size(run->pool);
  const double affordable = o->steps ? (double)o->steps * o->batch * o->length * o->keep : o->minutes * 60.0 / 12.0 * speed;
  const double tokens = fmin(affordable, REHEARSAL_TOKENS);
  const double pieces = tokens / ((double)n_kept * PMT_REHEARSAL_BARS * BAR_TOKENS);
  return pieces < REHEARSAL_PIECES_MIN ? REHEARSAL_PIECES_MIN : (size_t)pieces;
}

PmtStatus pmt_run_rehearse(PmtRun* run, PmtError* error) {
  PmtTrainResult* r = run->result;
  const double start = pmt_course_clock();
  size_t n_kept = 0, pieces = 0;
  for (uint32_t k = 0; k < run->origin.model->n_styles; ++k) { n_kept += r->origin.kept[k] = !r->corpora[k].pieces; }
  if (!n_kept) { return PMT_OK; }
  pieces = rehearsal_pieces(run, n_kept);
  PmtStatus st = pmt_rehearse(run->origin.model, r->origin.kept, pieces, run->options->seed, run->options->stop,
                              run->pool, r->corpora, error);
  for (size_t k = 0; !st && k < r->n_corpora; ++k) {
    if (!r->origin.kept[k]) { continue; }
    r->origin.tokens += pmt_corpus_count(&r->corpora[k], PMT_SPLIT_TRAIN).tokens;
  }
  if (!st) {
    pmt_run_tell(run, "%zu style%s of the model %s kept: it played %zu pieces of each, %.2f M tokens, %.1f s\n", n_kept,
                 n_kept == 1 ? "" : "s", n_kept == 1 ? "is" : "are", pieces,
         (double)r->origin.tokens * 1e-6, pmt_course_clock() - start);
  }
  return st;
}

void pmt_run_shares(const PmtRun* run, double share[PMT_STYLES_MAX]) {
  const PmtTrainResult* r = run->result;
  double all_new = 0.0;
  size_t n_kept = 0;
  for (size_t k = 0; k < r->n_corpora; ++k) {
    share[k] = pow((double)pmt_corpus_count(&r->corpora[k], PMT_SPLIT_TRAIN).tokens, run->options->balance);
    if (r->origin.kept[k]) { ++n_kept; } else { all_new += share[k]; }
  }
  const double keep = fmax(run->options->keep, 1e-9); /* a style has some share */
  for (size_t k = 0; n_kept && k < r->n_corpora; ++k) {
    share[k] = r->origin.kept[k] ? keep / (double)n_kept : (1.0 - keep) * share[k] / all_new;
  }
}
