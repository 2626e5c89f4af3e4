/* SPDX-License-Identifier: ISC */
/* Held-out pieces, a player who has a part of each, and who plays along: gathered and measured. Above: cmd_evaluate.c.
   Below: evaluate_jam_play.c, measure/company.h. */
#include "cli.h"
#include "evaluate.h"

#include "gen/model.h"
#include "gen/reader.h"
#include "measure/measure.h"
#include "music/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 65536 };

static const double sample_rate = 48000.0;
static const double bpm_min = 20.0, bpm_max = 300.0, bpm_usual = 96.0;

typedef struct {
  PmtModel* model;
  const PmtJamOptions* options;
  PmtJamReport* report;
  PmtError* error;
  PmtCorpus corpus;
  PmtControls controls;
  PmtEngine* engine;
  PmtJamPiece* pieces;
  size_t n;
} Session;

static PmtStatus no_memory(const Session* const s) { return pmt_fail(s->error, PMT_NO_MEM, "out of memory"); }

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

static void free_piece(PmtJamPiece* const piece) {
  pmt_score_free(&piece->score);
  free(piece->player);
  free(piece->own);
  free(piece->played);
}

/** The melodic parts with notes, from the top. @return how many */
static uint32_t list_parts(const PmtScore* const score, uint32_t parts[PMT_PARTS_MAX]) {
  bool has[PMT_PARTS_MAX] = {false};
  uint32_t n = 0;
  for (size_t i = 0; i < score->n_notes; ++i) {
    if (score->notes[i].part < PMT_PARTS_MAX) { has[score->notes[i].part] = true; }
  }
  for (uint32_t part = 0; part < PMT_PARTS_MAX; ++part) {
    if (has[part]) { parts[n++] = part; }
  }
  return n;
}

/** What the player has, as bits; of a piece with fewer parts its last. 0: no such part, or nobody else has any. */
static uint32_t players_parts(const PmtScore* const score, const PmtYouPlay you_play) {
  uint32_t parts[PMT_PARTS_MAX], all = 0;
  const uint32_t n = list_parts(score, parts);
  if (n < 2) { return n && score->has_drums && you_play != PMT_YOU_CHORDS ? 1u << parts[0] : 0; }
  for (uint32_t i = 0; i < n; ++i) { all |= 1u << parts[i]; }
  switch (you_play) {
    case PMT_YOU_MELODY: return 1u << parts[0];
    case PMT_YOU_CHORDS: return all & ~(1u << parts[0]);
    case PMT_YOU_SECOND: return 1u << parts[1];
    case PMT_YOU_THIRD: return 1u << parts[n > 2 ? 2 : n - 1];
    default: return 1u << parts[n - 1];
  }
}

static PmtStatus divide(const Session* const s, PmtJamPiece* const piece, const uint32_t players) {
  const PmtScore* const score = &piece->score;
  piece->player = malloc((score->n_notes + 1) * sizeof *piece->player);
  piece->own = malloc((score->n_notes + 1) * sizeof *piece->own);
  if (!piece->player || !piece->own) { return no_memory(s); }
  for (size_t i = 0; i < score->n_notes; ++i) {
    const PmtNote* const note = &score->notes[i];
    if (note->part < PMT_PARTS_MAX && players >> note->part & 1) {
      piece->player[piece->n_player++] = *note;
    } else {
      piece->own[piece->n_own++] = *note;
    }
  }
  return PMT_OK;
}

/** The piece's own tempo, where it is one that the engine follows. */
static double tempo_of(const PmtScore* const score) {
  const double own = score->n_tempos ? score->tempos[0].bpm : 0;
  return own >= bpm_min && own <= bpm_max ? own : bpm_usual;
}

/** Takes the score over; a piece without company is counted and left out. */
static PmtStatus add_piece(Session* const s, PmtScore* const score) {
  PmtJamPiece piece = {.score = *score, .bar = pmt_measure_first_bar(score), .bpm = tempo_of(score)};
  const uint32_t players = players_parts(score, s->options->you_play);
  const size_t bars = score->n_bars - piece.bar;
  piece.n_bars = bars < PMT_STRETCH_BARS ? bars : PMT_STRETCH_BARS;
  if (!players || !bars) {
    ++s->report->alone;
    free_piece(&piece);
    return PMT_OK;
  }
  PmtJamPiece* const grown = realloc(s->pieces, (s->n + 1) * sizeof *grown);
  s->pieces = grown ? grown : s->pieces;
  const PmtStatus status = grown ? divide(s, &piece, players) : no_memory(s);
  if (status) { free_piece(&piece); } else { s->pieces[s->n++] = piece; }
  return status;
}

/** Trills stay written out, here as in what the engine plays. */
static PmtStatus import_piece(const Session* const s, const PmtPiece* const piece, PmtScore* const score) {
  char path[4096];
  if ((size_t)snprintf(path, sizeof path, "%s/%s", s->corpus.folder, piece->name) >= sizeof path) {
    return pmt_fail(s->error, PMT_TOO_BIG, "%.80s...: path too long", s->corpus.folder);
  }
  PmtImportOptions options = pmt_import_defaults();
  options.parts_max = s->model->parts;
  options.ornaments = false;
  return pmt_import_file(path, &options, score, NULL, s->error);
}

/** As many as are asked for, from all over the split: neighbours in a folder are often of one work. */
static void thin_out(Session* const s) {
  const size_t wanted = s->options->pieces;
  if (!wanted || wanted >= s->n) { return; }
  size_t kept = 0;
  for (size_t i = 0; i < s->n; ++i) {
    if (kept < wanted && i == kept * s->n / wanted) {
      s->pieces[kept++] = s->pieces[i];
    } else {
      free_piece(&s->pieces[i]);
    }
  }
  s->n = kept;
}

static PmtStatus read_pieces(Session* const s) {
  const PmtJamOptions* const o = s->options;
  PmtStatus status = pmt_corpus_load(s->model->style_name[o->style], o->folder, s->model->parts, o->refusal, o->handle,
                                     &s->corpus, s->error);
  for (size_t i = 0; !status && i < s->corpus.n_pieces; ++i) {
    PmtScore score;
    if (s->corpus.pieces[i].split != o->split) { continue; }
    status = import_piece(s, &s->corpus.pieces[i], &score);
    status = status ? status : add_piece(s, &score);
  }
  if (!status && !s->n) {
    status = pmt_fail(s->error, PMT_BAD_FILE, "%s: no piece in its %s split has %s and company", o->folder,
                      o->split == PMT_SPLIT_VALID ? "valid" : "test", pmt_jam_you_play_name(o->you_play));
  }
  if (!status) { thin_out(s); }
  return status;
}

/* ---- Playing ----------------------------------------------------------------------------------------------------- */

static void set_controls(Session* const s) {
  const PmtJamOptions* const o = s->options;
  PmtControls* const c = &s->controls;
  *c = pmt_controls_default();
  c->style = c->style2 = (float)o->style;
  c->temperature = o->temperature < 0 ? s->model->temperature : (float)o->temperature;
  c->min_p = pmt_cli_min_p(o->min_p);
  c->mode = (float)o->mode;
  c->you_play = (float)o->you_play;
  c->wait = o->wait < 0 ? c->wait : (float)o->wait;
  c->thru = 0;
}

static void count(Session* const s) {
  const PmtEngineStats* const stats = pmt_engine_stats(s->engine);
  s->report->notes += stats->notes_on;
  s->report->tokens += stats->tokens;
  s->report->late_slots += stats->late_slots;
}

static PmtStatus save(const Session* const s, const size_t i, const PmtMidiList* const list) {
  char path[4096];
  if (!s->options->save) { return PMT_OK; }
  if ((size_t)snprintf(path, sizeof path, "%s/%03zu.mid", s->options->save, i) >= sizeof path) {
    return pmt_fail(s->error, PMT_TOO_BIG, "%.80s...: path too long", s->options->save);
  }
  return pmt_jam_save(&s->pieces[i], list, s->model, s->options->style, path, s->error);
}

static PmtStatus play(Session* const s) {
  set_controls(s);
  PmtStatus status = pmt_pieces_engine(s->model, sample_rate, &s->engine, s->error);
  for (size_t i = 0; !status && i < s->n; ++i) {
    PmtMidiList list = {NULL, 0, 0};
    s->controls.seed = (float)((s->options->seed + i) % SEEDS);
    status = pmt_jam_play(s->engine, &s->controls, &s->pieces[i], &list, s->error);
    if (!status) { count(s); }
    status = status ? status : save(s, i, &list);
    pmt_midi_list_free(&list);
  }
  return status;
}

/* ---- Measuring --------------------------------------------------------------------------------------------------- */

static PmtTogether together(const PmtJamPiece* const p, const PmtNote* const company, const size_t n) {
  return (PmtTogether){&p->score, p->player, p->n_player, company, n, p->bar, p->n_bars};
}

/** From the first bar on, how many bars of two pieces are of equal length. */
static size_t bars_in_common(const PmtJamPiece* const a, const PmtJamPiece* const b) {
  const size_t most = a->n_bars < b->n_bars ? a->n_bars : b->n_bars;
  size_t n = 0;
  while (n < most && a->score.bars[a->bar + n].ticks == b->score.bars[b->bar + n].ticks) { ++n; }
  return n;
}

/** The piece after this one that begins in the same meter; NULL when there is none. */
static const PmtJamPiece* another(const Session* const s, const size_t i) {
  for (size_t k = 1; k < s->n; ++k) {
    const PmtJamPiece* const other = &s->pieces[(i + k) % s->n];
    if (bars_in_common(&s->pieces[i], other)) { return other; }
  }
  return NULL;
}

/** Semitones, -5 to 6, from the scale of what is played in the first bars to that of another piece. */
static int way_to_scale(const PmtJamPiece* const from, const PmtJamPiece* const to) {
  PmtScore played = from->score; /* a view: its bars, and what the engine plays */
  played.notes = from->played;
  played.n_notes = from->n_played;
  const uint32_t here = pmt_company_scale(&played, from->bar), there = pmt_company_scale(&to->score, to->bar);
  int up = 0;
  while (((here << up | here >> (12 - up)) & 0xfff) != there) { ++up; }
  return up > 6 ? up - 12 : up;
}

/** In time to the other piece's first bar. @param semitones higher; what leaves 0..127 is dropped @return notes */
static size_t move_notes(const PmtJamPiece* const from, const PmtJamPiece* const to, const int semitones,
                         PmtNote* const moved) {
  const uint32_t begins = from->score.bars[from->bar].tick, there = to->score.bars[to->bar].tick;
  size_t n = 0;
  for (size_t k = 0; k < from->n_played; ++k) {
    const PmtNote* const note = &from->played[k];
    const int pitch = note->pitch + (note->part == PMT_PART_DRUMS ? 0 : semitones);
    if (note->onset < begins || pitch < 0 || pitch > 127) { continue; }
    moved[n] = *note;
    moved[n].pitch = (uint8_t)pitch;
    moved[n++].onset = note->onset - begins + there;
  }
  return n;
}

/** What was played to one player, as if it had been played to another. */
static PmtStatus measure_deaf(const Session* const s, const size_t i) {
  const PmtJamPiece *const from = &s->pieces[i], *const to = another(s, i);
  if (!to) { return PMT_OK; }
  PmtNote* const moved = malloc((from->n_played + 1) * sizeof *moved);
  if (!moved) { return no_memory(s); }
  for (PmtJam who = PMT_JAM_DEAF; who <= PMT_JAM_MOVED; ++who) {
    const int semitones = who == PMT_JAM_MOVED ? way_to_scale(from, to) : 0;
    PmtTogether t = together(to, moved, move_notes(from, to, semitones, moved));
    t.n_bars = bars_in_common(from, to);
    pmt_company_add(&s->report->company[who], &t);
  }
  free(moved);
  return PMT_OK;
}

static PmtStatus measure(Session* const s) {
  PmtJamReport* const r = s->report;
  PmtStatus status = PMT_OK;
  for (size_t i = 0; !status && i < s->n; ++i) {
    const PmtJamPiece* const p = &s->pieces[i];
    const PmtTogether engine = together(p, p->played, p->n_played), own = together(p, p->own, p->n_own);
    pmt_company_add(&r->company[PMT_JAM_ENGINE], &engine);
    pmt_company_add(&r->company[PMT_JAM_PIECE], &own);
    status = measure_deaf(s, i);
    r->bars += p->n_bars;
    r->late_ms += p->late_ms;
    r->late_notes += p->n_late;
  }
  r->late_ms /= r->late_notes ? (double)r->late_notes : 1;
  r->pieces = s->n;
  r->listens = pmt_reader_hears_players(s->model);
  r->temperature = (double)s->controls.temperature;
  r->min_p = (double)(s->controls.min_p > 0.0f ? s->controls.min_p : s->model->min_p[s->options->style]);
  r->wait = (double)s->controls.wait;
  return status;
}

PmtStatus pmt_jam_measure(PmtModel* const model, const PmtJamOptions* const options, PmtJamReport* const report,
                          PmtError* const error) {
  Session s = {.model = model, .options = options, .report = report, .error = error};
  *report = (PmtJamReport){.pieces = 0};
  PmtStatus status = read_pieces(&s);
  status = status ? status : play(&s);
  status = status ? status : measure(&s);
  pmt_engine_free(s.engine);
  for (size_t i = 0; i < s.n; ++i) { free_piece(&s.pieces[i]); }
  free(s.pieces);
  pmt_corpus_free(&s.corpus);
  return status;
}
