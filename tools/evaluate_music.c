/* SPDX-License-Identifier: ISC */
/* Generated beside held-out music: the sets, and what is found. Above: cmd_evaluate.c. Below: evaluate_pieces.c,
   evaluate_illegal.c, src/measure. */
#include "cli.h"
#include "evaluate.h"

#include "gen/model.h"
#include "music/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METERS_MAX = 64, ILLEGAL_TOKENS = 8000 };

static const double meter_share_min = 0.05; /* rarer ones are not asked for */
static const double bpm_min = 4.0, bpm_usual = 120.0;

typedef struct { PmtMeterName name; size_t bars; } MeterCount;

/** One of the two sets: its pieces, their excerpts, their stretches as steps. */
typedef struct {
  PmtShown* pieces;   /* [measured.n_pieces] */
  PmtMeasured measured;
  PmtSteps steps;
  uint32_t* piece_of; /* [steps.n_pieces] that the stretch is of */
} Side;

typedef struct {
  PmtModel* model;
  const PmtMusicOptions* options;
  PmtMusicReport* report;
  PmtError* error;
  PmtCorpus corpus;
  Side held, made;
  PmtSteps training;
  size_t* training_piece; /* [training.n_pieces] index in the corpus */
  MeterCount meters[METERS_MAX];
  size_t n_meters;
  PmtMeterName* plan;     /* [n] */
  size_t n;               /* pieces to generate */
} Music;

static PmtStatus no_memory(const Music* const m) { return pmt_fail(m->error, PMT_NO_MEM, "out of memory"); }

/* ---- Either side ------------------------------------------------------------------------------------------------- */

static void free_side(Side* const side) {
  for (uint32_t i = 0; i < side->measured.n_pieces; ++i) { pmt_score_free(&side->pieces[i].score); }
  free(side->pieces);
  pmt_measured_free(&side->measured);
  pmt_steps_free(&side->steps);
  free(side->piece_of);
}

/** The steps of each stretch of a piece. */
static PmtStatus add_stretches(Side* const side, const PmtScore* const score) {
  const size_t first = pmt_measure_first_bar(score), n = pmt_measure_stretches(score);
  uint32_t* const grown = realloc(side->piece_of, (side->steps.n_pieces + n) * sizeof *grown);
  if (!grown) { return PMT_NO_MEM; }
  side->piece_of = grown;
  for (size_t i = 0, note = 0; i < n; ++i) {
    const size_t from = first + i * PMT_STRETCH_BARS;
    const size_t left = (score->n_bars - from) / PMT_EXCERPT_BARS * PMT_EXCERPT_BARS;
    const PmtBar* const last = &score->bars[from + (left < PMT_STRETCH_BARS ? left : PMT_STRETCH_BARS) - 1];
    while (note < score->n_notes && score->notes[note].onset < score->bars[from].tick) { ++note; }
    size_t end = note;
    while (end < score->n_notes && score->notes[end].onset < last->tick + last->ticks) { ++end; }
    side->piece_of[side->steps.n_pieces] = side->measured.n_pieces;
    if (pmt_steps_add(&side->steps, score->notes + note, end - note)) { return PMT_NO_MEM; }
  }
  return PMT_OK;
}

/** Takes the score over; pieces of less than an excerpt are passed over. */
static PmtStatus add_piece(const Music* const m, Side* const side, PmtScore* const score, const char* const name) {
  if (!pmt_measure_stretches(score)) {
    pmt_score_free(score);
    return PMT_OK;
  }
  const uint32_t n = side->measured.n_pieces;
  PmtShown* const grown = realloc(side->pieces, (n + 1) * sizeof *grown);
  side->pieces = grown ? grown : side->pieces;
  if (!grown || add_stretches(side, score) || pmt_measured_add(&side->measured, score)) {
    pmt_score_free(score);
    return no_memory(m);
  }
  side->pieces[n].score = *score;
  snprintf(side->pieces[n].name, sizeof side->pieces[n].name, "%s", name);
  *score = (PmtScore){0};
  return PMT_OK;
}

/* ---- Real pieces ------------------------------------------------------------------------------------------------- */

static PmtStatus import_piece(const Music* const m, const PmtCorpus* const corpus, const size_t i,
                              PmtScore* const score) {
  char path[4096];
  if ((size_t)snprintf(path, sizeof path, "%s/%s", corpus->folder, corpus->pieces[i].name) >= sizeof path) {
    return pmt_fail(m->error, PMT_TOO_BIG, "%.80s...: path too long", corpus->folder);
  }
  PmtImportOptions options = pmt_import_defaults();
  options.parts_max = m->model->parts;
  return pmt_import_file(path, &options, score, NULL, m->error);
}

static void count_meter(Music* const m, const PmtBar* const bar) {
  size_t i = 0;
  while (i < m->n_meters && (m->meters[i].name.beats != bar->beats || m->meters[i].name.unit != bar->unit)) { ++i; }
  if (i == METERS_MAX) { return; }
  if (i == m->n_meters) { m->meters[m->n_meters++] = (MeterCount){{bar->beats, bar->unit}, 0}; }
  ++m->meters[i].bars;
}

static PmtStatus add_held_out(Music* const m, PmtScore* const score, const char* const name) {
  const size_t n = pmt_measure_stretches(score) ? score->n_bars : 0;
  for (size_t i = pmt_measure_first_bar(score); i < n; ++i) { count_meter(m, &score->bars[i]); }
  return add_piece(m, &m->held, score, name);
}

static PmtStatus add_training(Music* const m, const size_t piece, const PmtScore* const score) {
  size_t* const grown = realloc(m->training_piece, (m->training.n_pieces + 1) * sizeof *grown);
  if (!grown) { return no_memory(m); }
  m->training_piece = grown;
  m->training_piece[m->training.n_pieces] = piece;
  m->report->training_notes += score->n_notes;
  return pmt_steps_add(&m->training, score->notes, score->n_notes) ? no_memory(m) : PMT_OK;
}

static PmtStatus read_corpus(Music* const m) {
  const PmtMusicOptions* const o = m->options;
  PmtStatus status = pmt_corpus_load(m->model->style_name[o->style], o->folder, m->model->parts, o->refusal, o->handle,
                                     &m->corpus, m->error);
  for (size_t i = 0; !status && i < m->corpus.n_pieces; ++i) {
    const PmtPiece* const piece = &m->corpus.pieces[i];
    if (piece->split != o->split && piece->split != PMT_SPLIT_TRAIN) { continue; }
    PmtScore score;
    status = import_piece(m, &m->corpus, i, &score);
    if (!status) {
      status = piece->split == o->split ? add_held_out(m, &score, piece->name) : add_training(m, i, &score);
      pmt_score_free(&score);
    }
  }
  if (!status && m->held.measured.n_pieces < 2) {
    status = pmt_fail(m->error, PMT_BAD_FILE, "%s: %u %s pieces of %d bars or more: it takes two to say how far real"
                      " ones are apart", o->folder, m->held.measured.n_pieces, o->split == PMT_SPLIT_VALID ? "valid" : "test",
                      PMT_EXCERPT_BARS);
  }
  return status;
}

/* ---- Generated pieces -------------------------------------------------------------------------------------------- */

static int commonest_first(const void* const a, const void* const b) {
  const MeterCount *const x = a, *const y = b;
  if (x->bars != y->bars) { return x->bars < y->bars ? 1 : -1; }
  return x->name.beats != y->name.beats ? x->name.beats - y->name.beats : x->name.unit - y->name.unit;
}

/** Meters in the shares that the held-out bars have, so that a difference in meter is not taken for one in music: each
    piece goes to the meter that has most left of what it is due. */
static PmtStatus plan_meters(Music* const m) {
  double all = 0, due[METERS_MAX];
  qsort(m->meters, m->n_meters, sizeof *m->meters, commonest_first);
  size_t bars = 0, kept = 0, pieces[METERS_MAX] = {0};
  for (size_t i = 0; i < m->n_meters; ++i) { bars += m->meters[i].bars; }
  while (kept < m->n_meters && (!kept || (double)m->meters[kept].bars >= meter_share_min * (double)bars)) {
    all += (double)m->meters[kept++].bars;
  }
  m->n = (m->options->bars + PMT_STRETCH_BARS - 1) / PMT_STRETCH_BARS;
  m->plan = malloc(m->n * sizeof *m->plan);
  if (!m->plan) { return no_memory(m); }
  for (size_t i = 0; i < m->n; ++i) {
    size_t most = 0;
    for (size_t k = 0; k < kept; ++k) {
      due[k] = (double)m->meters[k].bars / all * (double)(i + 1) - (double)pieces[k];
      most = due[k] > due[most] ? k : most;
    }
    m->plan[i] = m->meters[most].name;
    ++pieces[most];
  }
  char* const text = m->report->meters;
  for (size_t k = 0; k < kept; ++k) {
    const size_t used = strlen(text);
    if (!pieces[k]) { continue; }
    snprintf(text + used, sizeof m->report->meters - used, "%s%u/%u x %zu", used ? ", " : "", m->meters[k].name.beats,
             m->meters[k].name.unit, pieces[k]);
  }
  return PMT_OK;
}

static PmtPiecesPlan plan_pieces(const Music* const m) {
  const PmtMusicOptions* const o = m->options;
  PmtControls controls = pmt_controls_default();
  controls.style = controls.style2 = (float)o->style;
  controls.temperature = o->temperature < 0 ? m->model->temperature : (float)o->temperature;
  controls.min_p = pmt_cli_min_p(o->min_p);
  const double own = (double)m->model->style_bpm[o->style];
  return (PmtPiecesPlan){.controls = controls, .bpm = own >= bpm_min ? own : bpm_usual, .meters = m->plan, .n = m->n,
                         .seed = o->seed, .save = o->save};
}

static PmtStatus generate(Music* const m) {
  PmtStatus status = plan_meters(m);
  if (status) { return status; }
  const PmtPiecesPlan plan = plan_pieces(m);
  PmtPieces pieces;
  status = pmt_pieces_play(m->model, &plan, &pieces, m->error);
  if (status) { return status; }
  for (size_t i = 0; !status && i < m->n; ++i) {
    char name[24];
    snprintf(name, sizeof name, "seed %zu", m->options->seed + i);
    status = add_piece(m, &m->made, &pieces.scores[i], name);
  }
  PmtMusicReport* const r = m->report;
  r->temperature = (double)plan.controls.temperature;
  r->min_p = (double)(plan.controls.min_p > 0.0f ? plan.controls.min_p : m->model->min_p[m->options->style]);
  r->bpm = plan.bpm;
  r->notes = pieces.notes;
  r->tokens = pieces.tokens;
  r->late_slots = pieces.late_slots;
  pmt_pieces_free(&pieces, m->n);
  return status;
}

/** Somebody else's music in the place of the model's. */
static PmtStatus read_instead(Music* const m) {
  PmtCorpus corpus;
  PmtStatus status = pmt_corpus_load("", m->options->instead, m->model->parts, m->options->refusal, m->options->handle,
                                     &corpus, m->error);
  if (status) { return status; }
  for (size_t i = 0; !status && i < corpus.n_pieces; ++i) {
    PmtScore score;
    status = import_piece(m, &corpus, i, &score);
    if (!status) { status = add_piece(m, &m->made, &score, corpus.pieces[i].name); }
  }
  pmt_corpus_free(&corpus);
  return status;
}

/* ---- What is found ----------------------------------------------------------------------------------------------- */

static PmtStatus compare(Music* const m) {
  PmtMusicReport* const r = m->report;
  r->pieces = m->made.measured.n_pieces;
  r->excerpts = m->made.measured.n_excerpts;
  r->held_pieces = m->held.measured.n_pieces;
  r->held_excerpts = m->held.measured.n_excerpts;
  r->training_pieces = m->training.n_pieces;
  PmtStatus status = pmt_compare(&m->made.measured, &m->held.measured, m->options->seed, &r->comparisons, m->error);
  if (!status && pmt_copying_measure(&m->training, &m->made.steps, &m->held.steps, m->held.piece_of,
                                     m->held.measured.n_pieces, m->options->seed, &r->copying)) {
    status = no_memory(m);
  }
  if (!status && r->copying.longest.n) {
    snprintf(r->copied_from, sizeof r->copied_from, "%s",
             m->corpus.pieces[m->training_piece[r->copying.longest.training_piece]].name);
  }
  return status;
}

PmtStatus pmt_music_measure(PmtModel* const model, const PmtMusicOptions* const options, PmtMusicReport* const report,
                            PmtError* const error) {
  Music m = {.model = model, .options = options, .report = report, .error = error};
  *report = (PmtMusicReport){.bpm = 0};
  PmtStatus status = read_corpus(&m);
  status = status ? status : options->instead ? read_instead(&m) : generate(&m);
  status = status ? status : compare(&m);
  status = status ? status : pmt_illegal_measure(model, options->style, &m.corpus, options->split, ILLEGAL_TOKENS,
                                                 &report->illegal, error);
  if (!status && options->picture) {
    status = pmt_music_draw(model->style_name[options->style], m.made.pieces, m.made.measured.n_pieces, m.held.pieces,
                            m.held.measured.n_pieces, options->picture, error);
  }
  pmt_corpus_free(&m.corpus);
  free_side(&m.held);
  free_side(&m.made);
  pmt_steps_free(&m.training);
  free(m.training_piece);
  free(m.plan);
  return status;
}
