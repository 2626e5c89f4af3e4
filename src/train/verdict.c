/* SPDX-License-Identifier: ISC */
/** @file verdict.c  See verdict.h. */
#include "train/verdict.h"

#include "music/meter.h"
#include "train/playing.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRETCH_BARS = 32, SHARE_ROW = 1, /* of pmt_copy_length: 12 notes */ };

/* docs/training.md, "What is said in the end", has the measurements behind these. */
static const size_t notes_little = 5000; /* twenty folk tunes, alone and added to a model */
static const double by_heart = 1.5, partly_by_heart = 1.15, worse_at_end = 1.01;

void pmt_verdict_free(PmtVerdict* v) {
  free(v->styles);
  *v = (PmtVerdict){NULL, 0};
}

/* -- notes ---------------------------------------------------------------------------------------------------- */

static bool is_onset(PmtToken token) {
  const PmtTokenClass class = pmt_token_class(token);
  return class == PMT_CLASS_NOTE || class == PMT_CLASS_DRUM;
}

static size_t count_notes(const PmtPiece* piece) {
  size_t n = 0;
  for (size_t i = 0; i < piece->sequence.n_tokens; ++i) { n += is_onset(piece->sequence.tokens[i]); }
  return n;
}

static PmtNote note_of(PmtToken token, uint32_t onset) {
  const bool drum = token < PMT_TOKEN_NOTE;
  return (PmtNote){.onset = onset, .part = (uint8_t)(drum ? (uint32_t)PMT_PART_DRUMS : pmt_note_part(token)),
                   .pitch = (uint8_t)(drum ? token - PMT_TOKEN_DRUM + (uint32_t)PMT_DRUM_LO : pmt_note_pitch(token))};
}

/** Onsets, parts and pitches of the slots from..end-1: what copies are looked for by. @param notes room for all */
static size_t list_notes(const PmtSequence* s, size_t from, size_t end, PmtNote* notes) {
  size_t n = 0;
  for (size_t k = from; k < end; ++k) {
    const size_t stop = k + 1 < s->n_slots ? s->slots[k + 1].token : s->n_tokens;
    uint32_t pos = 0;
    for (size_t i = s->slots[k].token; i < stop; ++i) {
      const PmtToken token = s->tokens[i];
      if (pmt_token_class(token) == PMT_CLASS_POS) { pos = token - PMT_TOKEN_POS + 1u; }
      if (is_onset(token)) { notes[n++] = note_of(token, s->slots[k].tick + pos); }
    }
  }
  return n;
}

/* -- copies --------------------------------------------------------------------------------------------------- */

typedef struct {
  PmtSteps training, held, made;
  size_t* training_piece; /* [training.n_pieces] index in the corpus */
  uint32_t* held_piece;   /* [held.n_pieces] */
  uint32_t n_held;
} Sets;

static void free_sets(Sets* s) {
  pmt_steps_free(&s->training);
  pmt_steps_free(&s->held);
  pmt_steps_free(&s->made);
  free(s->training_piece);
  free(s->held_piece);
}

static PmtStatus add_held_out(Sets* s, const PmtSequence* sequence, PmtNote* notes) {
  for (size_t from = 0, end = 0; from < sequence->n_slots; from = end) {
    const uint32_t bar = sequence->slots[from].bar;
    while (end < sequence->n_slots && sequence->slots[end].bar < bar + STRETCH_BARS) { ++end; }
    uint32_t* grown = realloc(s->held_piece, (s->held.n_pieces + 1) * sizeof *grown);
    if (!grown) { return PMT_NO_MEM; }
    s->held_piece = grown;
    s->held_piece[s->held.n_pieces] = s->n_held;
    if (pmt_steps_add(&s->held, notes, list_notes(sequence, from, end, notes))) { return PMT_NO_MEM; }
  }
  ++s->n_held;
  return PMT_OK;
}

static PmtStatus add_piece(Sets* s, const PmtCorpus* corpus, size_t i) {
  const PmtPiece* piece = &corpus->pieces[i];
  const PmtSequence* sequence = &piece->sequence;
  PmtNote* notes = malloc((count_notes(piece) + 1) * sizeof *notes);
  if (!notes) { return PMT_NO_MEM; }
  PmtStatus st = PMT_OK;
  if (piece->split == PMT_SPLIT_TRAIN) {
    s->training_piece[s->training.n_pieces] = i;
    st = pmt_steps_add(&s->training, notes, list_notes(sequence, 0, sequence->n_slots, notes));
  } else {
    st = add_held_out(s, sequence, notes);
  }
  free(notes);
  return st;
}

static PmtStatus gather(Sets* s, const PmtCorpus* corpus) {
  s->training_piece = malloc((corpus->n_pieces + 1) * sizeof *s->training_piece);
  PmtStatus st = s->training_piece ? PMT_OK : PMT_NO_MEM;
  for (size_t i = 0; !st && i < corpus->n_pieces; ++i) { st = add_piece(s, corpus, i); }
  return st;
}

/** The meter of most bars of the pieces: what is played should be like them. */
static void commonest_meter(const PmtCorpus* corpus, PmtPlayed* ask) {
  size_t count[PMT_METER_CLASSES] = {0}, best = 8;
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    const PmtSequence* s = &corpus->pieces[i].sequence;
    for (size_t k = 0; k < s->n_slots; ++k) { ++count[s->slots[k].meter]; }
  }
  for (size_t m = 1; m < PMT_METER_CLASSES - 1; ++m) { best = count[m] > count[best] ? m : best; }
  ask->beats = (uint8_t)(best % 2 ? best : best / 2);
  ask->unit = best % 2 ? 8 : 4;
}

static PmtStatus play(Sets* s, PmtModel* model, const PmtCorpus* corpus, uint32_t style, uint32_t bars, PmtError* error) {
  PmtPlaying* playing;
  PmtPlayed ask = {.style = style, .bars = STRETCH_BARS, .temperature = model->temperature, .min_p = 0.0f};
  if (pmt_playing_new(model, &playing)) { return pmt_fail(error, PMT_NO_MEM, "out of memory to play what was learned"); }
  PmtStatus st = PMT_OK;
  commonest_meter(corpus, &ask);
  for (uint32_t bar = 0; !st && bar < bars; bar += STRETCH_BARS) {
    PmtScore score;
    ask.seed = bar / STRETCH_BARS;
    st = pmt_playing_piece(playing, &ask, &score, error);
    if (!st && pmt_steps_add(&s->made, score.notes, score.n_notes)) { st = pmt_fail(error, PMT_NO_MEM, "out of memory"); }
    pmt_score_free(&score);
  }
  pmt_playing_free(playing);
  return st;
}

static PmtStatus find_copies(PmtModel* model, const PmtCorpus* corpus, uint32_t bars, PmtStyleVerdict* v, PmtError* error) {
  Sets s = {.n_held = 0};
  PmtStatus st = gather(&s, corpus) ? pmt_fail(error, PMT_NO_MEM, "out of memory") : PMT_OK;
  if (!st) { st = play(&s, model, corpus, v->style, bars, error); }
  v->has_bound = s.n_held >= 2;
  if (!s.n_held) { /* nothing to compare with: an empty piece stands for it, whose shares are unknown */
    if (!st && (!(s.held_piece = calloc(1, sizeof *s.held_piece)) || pmt_steps_add(&s.held, NULL, 0))) {
      st = pmt_fail(error, PMT_NO_MEM, "out of memory");
    }
    s.n_held = 1;
  }
  if (!st && pmt_copying_measure(&s.training, &s.made, &s.held, s.held_piece, s.n_held, 1, &v->copying)) {
    st = pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  v->played = !st;
  if (!st && v->copying.longest.n) {
    snprintf(v->copied_from, sizeof v->copied_from, "%s",
             corpus->pieces[s.training_piece[v->copying.longest.training_piece]].name);
  }
  free_sets(&s);
  return st;
}

/* -- all of it ------------------------------------------------------------------------------------------------ */

static void count(const PmtTrainResult* r, PmtStyleVerdict* v) {
  const PmtCorpus* corpus = &r->corpora[v->style];
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    const PmtPiece* piece = &corpus->pieces[i];
    v->held_pieces += piece->split != PMT_SPLIT_TRAIN;
    if (piece->split != PMT_SPLIT_TRAIN) { continue; }
    ++v->pieces;
    v->notes += count_notes(piece);
    v->minutes += (double)piece->ticks / PMT_TICKS_PER_QUARTER / (piece->bpm > 0.0f ? (double)piece->bpm : 120.0);
  }
  const PmtScoreSum *learned = &r->learned[v->style], *held = &r->valid[v->style].sum;
  v->learned = learned->quarters > 0.0 ? learned->nats / learned->quarters : (double)NAN;
  v->held = held->quarters > 0.0 ? held->nats / held->quarters : (double)NAN;
}

PmtStatus pmt_verdict_find(const PmtTrainResult* r, const char* model_path, uint32_t bars, PmtVerdict* verdict,
                           PmtError* error) {
  PmtModel* model = NULL;
  PmtStatus st = bars ? pmt_model_load(model_path, &model, error) : PMT_OK;
  *verdict = (PmtVerdict){.styles = calloc(r->n_corpora + 1, sizeof(PmtStyleVerdict))};
  if (!st && !verdict->styles) { st = pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  for (uint32_t k = 0; !st && k < r->n_corpora; ++k) {
    if (r->origin.kept[k]) { continue; }
    PmtStyleVerdict* v = &verdict->styles[verdict->n++];
    v->style = k;
    count(r, v);
    if (bars) { st = find_copies(model, &r->corpora[k], bars, v, error); }
  }
  pmt_model_free(model);
  return st;
}

/* -- in words ------------------------------------------------------------------------------------------------- */

typedef struct { char* text; size_t used, size; } Words;

PMT_PRINTF(2, 3) static void say(Words* w, const char* format, ...) {
  if (w->used >= w->size) { return; }
  va_list args;
  va_start(args, format);
  const int n = vsnprintf(w->text + w->used, w->size - w->used, format, args);
  va_end(args);
  w->used += n < 0 ? 0 : (size_t)n;
}

static void say_amount(Words* w, const PmtTrainResult* r, const PmtStyleVerdict* v, const char* name) {
  say(w, "%s: %zu pieces, %zu notes, %.0f minutes of music to learn from, %zu kept back.", name, v->pieces, v->notes,
      v->minutes, v->held_pieces);
  if (!r->options.from && v->notes < notes_little && r->n_corpora == 1) {
    say(w, " That is little: from so few notes a model of its own learned to expect other pieces of their kind, but what"
        " it played kept less to its scale than they do, and less came back. Try --from with a model that knows other music.");
  } else if (r->options.from && v->notes < notes_little) {
    say(w, " That is little even to add to a model: twenty folk tunes, 4818 notes, are the fewest that were tried.");
  }
  say(w, "\n");
}

static void say_held(Words* w, const PmtStyleVerdict* v, const char* name) {
  if (isnan(v->held)) {
    say(w, "%s: no piece was kept back, so nothing tells what was learned from what was learned by heart.\n", name);
    return;
  }
  const double ratio = v->held / v->learned;
  say(w, "%s: nats a quarter note %.2f on pieces kept back, %.2f on those learned from: ", name, v->held, v->learned);
  if (!(ratio > partly_by_heart)) {
    say(w, "it was learned, not learned by heart.\n");
  } else if (!(ratio > by_heart)) {
    say(w, "some of it was learned by heart.\n");
  } else {
    say(w, "much of it was learned by heart. More pieces help, or more --dropout, or --from.\n");
  }
}

static void say_copies(Words* w, const PmtStyleVerdict* v, const char* name) {
  if (!v->played) { return; }
  const PmtCopyShare* s = &v->copying.share[SHARE_ROW];
  const uint32_t n = pmt_copy_length[SHARE_ROW];
  if (isnan(s->generated)) {
    say(w, "%s: it plays too little to look for copies.\n", name);
    return;
  }
  say(w, "%s: of all runs of %" PRIu32 " notes that it plays, %.1f %% stand in your pieces", name, n, 100.0 * s->generated);
  if (!isnan(s->held_out)) { say(w, "; of those in the pieces kept back, %.1f %% do", 100.0 * s->held_out); }
  say(w, ".");
  if (v->copied_from[0]) { say(w, " The longest has %zu notes and is from %s.", v->copying.longest.n, v->copied_from); }
  if (!v->has_bound) {
    say(w, " Too few pieces were kept back to say how much is usual.\n");
  } else {
    say(w, v->copying.within ? " That is no more than pieces of this music share with each other.\n"
                             : " That is more than pieces of this music share with each other: it copies.\n");
  }
}

/** Whether the pieces kept back were predicted worse at the end than at the best evaluation. */
static void say_course(Words* w, const PmtTrainResult* r) {
  const PmtTrainPoint *best = NULL, *last = r->n_points ? &r->points[r->n_points - 1] : NULL;
  for (size_t i = 0; i < r->n_points; ++i) {
    if (r->points[i].step == r->best_step) { best = &r->points[i]; }
  }
  if (r->options.from && !r->best_step) {
    say(w, "No step made the pieces kept back more likely: the model is the one it began from.\n");
  } else if (best && last && best != last && last->valid > worse_at_end * best->valid) {
    say(w, "After step %" PRIu64 " the pieces kept back were no longer learned, only those trained on by heart (%.2f nats a "
        "quarter note then, %.2f at the end): the weights of that step were kept.\n", r->best_step, best->valid, last->valid);
  }
}

static void say_kept(Words* w, const PmtTrainResult* r) {
  double before = 0.0, after = 0.0, most = -INFINITY;
  size_t n = 0, worst = 0;
  for (size_t k = 0; k < r->n_corpora; ++k) {
    const double now = r->origin.after[k], more = now - r->origin.before[k];
    if (!r->origin.kept[k] || isnan(now)) { continue; }
    before += r->origin.before[k];
    after += now;
    ++n;
    if (more > most) {
      most = more;
      worst = k;
    }
  }
  if (!n) { return; }
  say(w, "Kept of the model it began from: %zu style%s. Nats a quarter note on what that model plays of them went from "
      "%.2f to %.2f, furthest in %s (%+.2f).\n", n, n == 1 ? "" : "s", before / (double)n, after / (double)n, r->corpora[worst].name, most);
}

void pmt_verdict_print(const PmtTrainResult* r, const PmtVerdict* verdict, char* text, size_t size) {
  Words w = {text, 0, size};
  text[0] = '\0';
  for (size_t i = 0; i < verdict->n; ++i) {
    const PmtStyleVerdict* v = &verdict->styles[i];
    const char* name = r->corpora[v->style].name;
    say_amount(&w, r, v, name);
    say_held(&w, v, name);
    say_copies(&w, v, name);
  }
  say_course(&w, r);
  say_kept(&w, r);
}
