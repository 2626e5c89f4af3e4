/* SPDX-License-Identifier: ISC */
/** @file jsb16.c  See jsb16.h. */
#include "train/jsb16.h"

#include "train/jsb16_piece.h"
#include "train/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  VOICES = PMT_JSB_VOICES,
  PITCH_LO = 30, PITCH_HI = 87, PITCHES = PITCH_HI - PITCH_LO + 1, /* of the data, widened by the transpositions */
  SILENCE = PITCHES, BEGIN, VOCABULARY,
  HOLD_MAX = 16, MOTION_MAX = 12, INTERVAL_MAX = 36, LEAP_MAX = 16,
  BAR4 = 16, BAR3 = 12, RECENCIES = 8, SHARES = 8, MATCHES = 7, PHASES = 3,
  RECALLS = 7, TRUSTS = 3, AHEAD_MAX = 9,
  TRANSPOSE_LO = -6, TRANSPOSE_HI = 5,
};

typedef PmtJsbMatch Match;
typedef PmtJsbPiece Piece;

struct PmtJsb {
  uint32_t parts;
  Piece* pieces[PMT_SPLITS];
  size_t n_pieces[PMT_SPLITS], room[PMT_SPLITS];
  int lo[VOICES], hi[VOICES]; /* of the training set */
};

bool pmt_jsb_part_find(const char* name, PmtJsbParts* part) {
  static const char* const names[] = {"bar", "hold", "motion", "interval", "leap", "harmony", "return", "scale", "kind",
                                      "share", "copy", "octave", "range", "recall"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(name, names[i])) { continue; }
    *part = (PmtJsbParts)(1u << i);
    return true;
  }
  return false;
}

/* -- reading -------------------------------------------------------------------------------------------------- */

static void widen(int lo[VOICES], int hi[VOICES], const int8_t step[VOICES]) {
  for (int v = 0; v < VOICES; ++v) {
    if (step[v] < 0) { continue; }
    if (step[v] < lo[v]) { lo[v] = step[v]; }
    if (step[v] > hi[v]) { hi[v] = step[v]; }
  }
}

static bool same_chord(const int8_t a[VOICES], const int8_t b[VOICES]) { return !memcmp(a, b, VOICES); }
static bool same_melody(const int8_t a[VOICES], const int8_t b[VOICES]) { return a[0] == b[0]; }

/** For each step t the longest agreement of what ends there with what ended earlier, the latest of equals.
    @param run (n) scratch: steps that agree up to i and up to the step before t */
static void find_matches(const Piece* p, bool (*same)(const int8_t[VOICES], const int8_t[VOICES]), int32_t* run,
                         Match* match) {
  memset(run, 0, p->n_steps * sizeof *run);
  for (size_t t = 0; t < p->n_steps; ++t) {
    match[t] = (Match){-1, 0};
    for (size_t i = t; i-- > 0;) { /* downwards: run[i - 1] is still that of the step before */
      run[i] = same(p->steps[i], p->steps[t]) ? 1 + (i ? run[i - 1] : 0) : 0;
      if (run[i] > match[t].length) { match[t] = (Match){(int32_t)i, run[i]}; }
    }
  }
}

static PmtStatus match_piece(Piece* p, PmtError* error) {
  int32_t* run = malloc(p->n_steps * sizeof *run);
  p->chords = malloc(p->n_steps * sizeof *p->chords);
  p->melody = malloc(p->n_steps * sizeof *p->melody);
  const bool ok = run && p->chords && p->melody;
  if (ok) {
    find_matches(p, same_melody, run, p->melody);
    find_matches(p, same_chord, run, p->chords);
    for (size_t t = p->n_steps - 1; t > 0; --t) { /* known up to the step before: this one may be what followed there */
      p->chords[t] = p->chords[t - 1];
      p->chords[t].from += p->chords[t].from >= 0;
    }
    p->chords[0] = (Match){-1, 0};
  }
  free(run);
  return ok ? PMT_OK : pmt_fail(error, PMT_NO_MEM, "out of memory");
}

/** "74,70,65,58 74,70,65,58 ...": one piece. */
static PmtStatus read_piece(const PmtLine* line, char* text, Piece* piece, PmtError* error) {
  size_t room = 0;
  char* save = NULL;
  *piece = (Piece){.lo = {127, 127, 127, 127}};
  for (char* word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    int x[VOICES], used = 0;
    if (sscanf(word, "%d,%d,%d,%d%n", &x[0], &x[1], &x[2], &x[3], &used) != VOICES || word[used]) {
      return pmt_line_bad(line, "a step is not four numbers", error);
    }
    int8_t(*grown)[VOICES] = pmt_lines_grow(piece->steps, piece->n_steps, &room, sizeof *grown);
    if (!grown) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
    piece->steps = grown;
    int8_t* step = piece->steps[piece->n_steps++];
    for (int v = 0; v < VOICES; ++v) {
      if (x[v] < -1 || (x[v] >= 0 && (x[v] < PITCH_LO || x[v] > PITCH_HI))) {
        return pmt_line_bad(line, "a pitch is out of range", error);
      }
      step[v] = (int8_t)x[v];
    }
    widen(piece->lo, piece->hi, step);
  }
  return piece->n_steps ? match_piece(piece, error) : pmt_line_bad(line, "empty", error);
}

typedef struct { PmtJsb* jsb; PmtSplit split; } Reading;

static PmtStatus take_line(void* handle, const PmtLine* line, char* text, PmtError* error) {
  const Reading* r = handle;
  PmtJsb* jsb = r->jsb;
  const size_t n = jsb->n_pieces[r->split];
  Piece* grown = pmt_lines_grow(jsb->pieces[r->split], n, &jsb->room[r->split], sizeof *grown);
  if (!grown) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  jsb->pieces[r->split] = grown;
  ++jsb->n_pieces[r->split];
  return read_piece(line, text, &grown[n], error);
}

static PmtStatus read_split(PmtJsb* jsb, const char* folder, PmtSplit split, PmtError* error) {
  static const char* const names[PMT_SPLITS] = {"train", "valid", "test"};
  char path[4096];
  Reading reading = {jsb, split};
  snprintf(path, sizeof path, "%s/satb16_%s.txt", folder, names[split]);
  return pmt_lines_read(path, take_line, &reading, error);
}

/** What every piece recalls of the training set. */
static PmtStatus recall_all(PmtJsb* jsb, PmtError* error) {
  PmtJsbIndex* index;
  PmtStatus st = pmt_jsb_index_new(jsb->pieces[PMT_SPLIT_TRAIN], jsb->n_pieces[PMT_SPLIT_TRAIN], &index);
  for (int split = 0; !st && split < PMT_SPLITS; ++split) {
    for (size_t i = 0; !st && i < jsb->n_pieces[split]; ++i) {
      st = pmt_jsb_recall(index, split == PMT_SPLIT_TRAIN ? (int32_t)i : -1, &jsb->pieces[split][i]);
    }
  }
  pmt_jsb_index_free(index);
  return st ? pmt_fail(error, st, "out of memory") : PMT_OK;
}

PmtStatus pmt_jsb_load(const char* folder, uint32_t parts, PmtJsb** jsb, PmtError* error) {
  *jsb = NULL;
  PmtJsb* me = calloc(1, sizeof *me);
  if (!me) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  *me = (PmtJsb){.parts = parts, .lo = {127, 127, 127, 127}};
  PmtStatus st = PMT_OK;
  for (int split = 0; !st && split < PMT_SPLITS; ++split) { st = read_split(me, folder, (PmtSplit)split, error); }
  if (!st && parts & PMT_JSB_RECALL) { st = recall_all(me, error); }
  if (st) {
    pmt_jsb_free(me);
    return st;
  }
  for (size_t i = 0; i < me->n_pieces[PMT_SPLIT_TRAIN]; ++i) {
    const Piece* p = &me->pieces[PMT_SPLIT_TRAIN][i];
    for (size_t t = 0; t < p->n_steps; ++t) { widen(me->lo, me->hi, p->steps[t]); }
  }
  *jsb = me;
  return PMT_OK;
}

void pmt_jsb_free(PmtJsb* jsb) {
  if (!jsb) { return; }
  for (int split = 0; split < PMT_SPLITS; ++split) {
    for (size_t i = 0; i < jsb->n_pieces[split]; ++i) {
      const Piece* p = &jsb->pieces[split][i];
      free(p->steps), free(p->chords), free(p->melody);
      for (int kind = 0; kind < PMT_JSB_RECALLS; ++kind) { free(p->recall[kind]); }
    }
    free(jsb->pieces[split]);
  }
  free(jsb);
}

/* -- cells ---------------------------------------------------------------------------------------------------- */

enum { PAIRS = 6 };
static const int pair_of[PAIRS][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};
static const char* const pair_names[PAIRS] = {"interval.sa", "interval.st", "interval.sb",
                                              "interval.at", "interval.ab", "interval.tb"};

static void add_table(PmtTrainShape* shape, const char* name, int voice, uint32_t rows) {
  PmtHintTable* t = &shape->hints.table[shape->hints.n_tables++];
  t->rows = rows;
  if (voice < 0) {
    snprintf(t->name, sizeof t->name, "%s", name);
  } else {
    snprintf(t->name, sizeof t->name, "%s.%d", name, voice);
  }
}

/** Leaps: from this voice's latest pitch, those of the others, the four before, what a match says and what the training
    set does. */
enum { LEAP_OTHERS = 1, LEAP_BEFORE = VOICES, LEAP_COPY = 2 * VOICES, LEAP_RECALL = LEAP_COPY + 2,
       LEAPS = LEAP_RECALL + PMT_JSB_RECALLS };

static uint32_t part_of_leap(uint32_t i) {
  return i >= LEAP_RECALL ? PMT_JSB_RECALL : i >= LEAP_COPY ? PMT_JSB_COPY : i >= LEAP_BEFORE ? PMT_JSB_RETURN
       : i >= LEAP_OTHERS ? PMT_JSB_HARMONY : PMT_JSB_LEAP;
}

static void add_outputs(uint32_t parts, PmtHintShape* hints) {
  *hints = (PmtHintShape){.kind_count = PITCHES, .kind_span = PITCHES, .n_leaps = LEAPS};
  hints->n_kinds = !(parts & PMT_JSB_KIND) ? 0 : parts & PMT_JSB_SHARE ? RECENCIES * SHARES : RECENCIES;
  for (uint32_t i = 0; i < LEAPS; ++i) {
    hints->leap[i] = (PmtLeap){.count = parts & part_of_leap(i) ? PITCHES : 0, .reach = INTERVAL_MAX};
    snprintf(hints->leap[i].name, sizeof hints->leap[i].name, "leap%u", i);
  }
}

/** A table for each of the two places that a match, or the training set, may offer. */
static void add_place_tables(PmtTrainShape* shape, const char* stem, int place, uint32_t rows) {
  char name[20];
  snprintf(name, sizeof name, "%s.%s", stem, place ? "s" : "satb");
  add_table(shape, name, -1, rows);
}

static void add_numbered(PmtTrainShape* shape, const char* stem, int n, uint32_t rows) {
  for (int i = 0; i < n; ++i) { add_table(shape, stem, i, rows); }
}

void pmt_jsb_shape(const PmtJsb* jsb, PmtTrainShape* shape) {
  const uint32_t parts = jsb->parts;
  shape->vocab = VOCABULARY;
  add_outputs(parts, &shape->hints);
  add_table(shape, "voice", -1, VOICES << VOICES);
  if (parts & PMT_JSB_BAR) {
    add_table(shape, "bar4", -1, BAR4);
    add_table(shape, "bar3", -1, BAR3);
  }
  for (int u = 0; u < VOICES; ++u) {
    if (parts & PMT_JSB_HOLD) { add_table(shape, "hold", u, HOLD_MAX); }
    if (parts & PMT_JSB_MOTION) { add_table(shape, "motion", u, 2 * MOTION_MAX + 1); }
  }
  for (int pair = 0; parts & PMT_JSB_INTERVAL && pair < PAIRS; ++pair) {
    add_table(shape, pair_names[pair], -1, 2 * INTERVAL_MAX + 1);
    if (parts & PMT_JSB_OCTAVE) { add_table(shape, "octaves", pair, PMT_CLASSES); }
  }
  for (int i = 0; parts & PMT_JSB_COPY && i < 2; ++i) {
    add_place_tables(shape, "match", i, MATCHES * 2 * PHASES);
    add_place_tables(shape, "copy", i, 2 * MOTION_MAX + 1);
  }
  for (int i = PMT_JSB_RECALLS; parts & PMT_JSB_RECALL && i-- > 0;) {
    add_place_tables(shape, "recall", i, RECALLS * 2 * TRUSTS);
    add_place_tables(shape, "recalled", i, 2 * MOTION_MAX + 1);
    add_place_tables(shape, "ahead", i, 2 * MOTION_MAX + 1);
    add_place_tables(shape, "wait", i, AHEAD_MAX);
  }
  if (parts & PMT_JSB_SCALE) { add_numbered(shape, "scale", PMT_CLASSES, RECENCIES); }
  if (parts & PMT_JSB_SHARE) { add_numbered(shape, "share", PMT_CLASSES, SHARES); }
}

/** What is known of a voice as its notes go by. */
typedef struct {
  int token;   /* latest, -1 = none yet */
  int held;    /* steps */
  int pitch;   /* latest that was no silence, -1 = none yet */
  int before;  /* the pitch before that one, -1 = none */
} Voice;

typedef struct {
  Voice voice[VOICES];
  size_t heard[PMT_CLASSES]; /* 1 + the step when a pitch class last sounded; 0 = never */
  size_t count[PMT_CLASSES]; /* voice-steps it has sounded */
  size_t total;
  unsigned known;            /* bits of the voices that are spelled in this step */
  size_t begin;              /* the step when hearing began: nothing before it is known */
} Past;

static int clamp(int x, int most) { return x < -most ? -most : x > most ? most : x; }

static void hear(Past* past, int voice, size_t t, int token) {
  Voice* v = &past->voice[voice];
  past->known |= 1u << voice;
  v->held = token == v->token ? v->held + 1 : 1;
  v->token = token;
  if (token == SILENCE) { return; }
  past->heard[token % PMT_CLASSES] = t + 1;
  ++past->count[token % PMT_CLASSES];
  ++past->total;
  if (token == v->pitch) { return; }
  v->before = v->pitch;
  v->pitch = token;
}

/** How long ago a pitch class sounded: now, one step ago, 2-4, 5-8, 9-16, 17-32, 33-64, longer or never. */
static uint8_t recency(const Past* past, size_t t, int class) {
  static const size_t limits[RECENCIES - 1] = {0, 1, 4, 8, 16, 32, 64};
  uint8_t i = 0;
  if (!past->heard[class]) { return RECENCIES - 1; }
  while (i < RECENCIES - 1 && t + 1 - past->heard[class] > limits[i]) { ++i; }
  return i;
}

/** A pitch class' share of what has sounded so far, in halves: up to 1/128 or nothing, 1/64, 1/32 ... above 1/2. */
static uint8_t share(const Past* past, int class) {
  uint8_t i = 0;
  while (i < SHARES - 1 && past->count[class] << (SHARES - 1 - i) > past->total) { ++i; }
  return i;
}

/** The voices that are spelled in this step are as in that one of `other`, `by` semitones higher. */
static bool agrees_so_far(const Piece* piece, size_t t, unsigned known, const Piece* other, size_t from, int by) {
  for (int v = 0; v < VOICES; ++v) {
    if (known >> v & 1 && !pmt_jsb_same_pitch(piece->steps[t][v], other->steps[from][v], by)) { return false; }
  }
  return true;
}

/** The class of a length: how many limits it reaches. */
static int length_class(int32_t length, const int32_t* limits, int n) {
  int i = 0;
  while (i < n && length >= limits[i]) { ++i; }
  return i;
}

/** What a match is worth: its length, whether the voices spelled in this step agree with it, whether it lies whole bars
    or whole beats back. */
static int match_row(const Piece* piece, size_t t, const Past* past, const Match* m) {
  static const int32_t limits[MATCHES - 1] = {4, 8, 16, 24, 32, 64};
  const size_t from = (size_t)m->from, back = t - from;
  const int32_t heard = m->from - (int32_t)past->begin + 1;
  const int length = length_class(m->length < heard ? m->length : heard, limits, MATCHES - 1);
  const int agree = agrees_so_far(piece, t, past->known, piece, from, 0);
  return (length * 2 + agree) * PHASES + (back % BAR4 == 0 ? 2 : back % 4 == 0 ? 1 : 0);
}

static int16_t motion_row(int by) { return (int16_t)(clamp(by, MOTION_MAX) + MOTION_MAX); }

/** @return the pitch's token that voice `own` had there, -1 = none or silence */
static int describe_match(const Piece* piece, size_t t, int own, int by, const Match* m, const Past* past,
                          int16_t* input) {
  input[0] = input[1] = -1;
  if (m->from < (int32_t)past->begin) { return -1; }
  input[0] = (int16_t)match_row(piece, t, past, m);
  const int pitch = piece->steps[m->from][own], last = past->voice[own].pitch;
  if (pitch < 0) { return -1; }
  const int token = pitch + by - PITCH_LO;
  if (last >= 0) { input[1] = motion_row(token - last); }
  return token;
}

/** The melody up to this step is known once the soprano is; to her, up to the step before. */
static Match melody_match(const Piece* piece, size_t t, unsigned known) {
  if (known & 1) { return piece->melody[t]; }
  if (!t) { return (Match){-1, 0}; }
  Match m = piece->melody[t - 1];
  m.from += m.from >= 0;
  return m;
}

/** How the melody goes on at a place: the next interval, if it comes within two quarters, and when. */
static void describe_ahead(const Piece* p, size_t at, int16_t* input) {
  size_t wait = 1;
  while (wait < AHEAD_MAX && at + wait < p->n_steps && p->steps[at + wait][0] == p->steps[at][0]) { ++wait; }
  if (at + wait >= p->n_steps) { return; }
  const int now = p->steps[at][0], next = p->steps[at + wait][0];
  if (wait < AHEAD_MAX && now >= 0 && next >= 0) { input[0] = motion_row(next - now); }
  input[1] = (int16_t)(wait - 1);
}

/** What the training set had here: how well it agrees, what this voice sang there, how the melody went on.
    @return that pitch's token, -1 = none or silence */
static int describe_recall(const PmtJsb* jsb, const Piece* piece, size_t t, int own, int by, int kind, const Past* past,
                           int16_t* input) {
  static const int32_t limits[RECALLS - 1] = {8, 12, 16, 24, 32, 48};
  memset(input, -1, 4 * sizeof *input);
  const bool sung = kind == PMT_JSB_MELODY && past->known & 1; /* the soprano's note of this step is known */
  if (!t && !sung) { return -1; }
  const size_t until = sung ? t : t - 1;
  const bool usual = past->known == (1u << own) - 1;           /* only for the usual order is it known who follows */
  const PmtJsbRecall* r = &piece->recall[kind][until * VOICES + (usual ? (size_t)own : 0)];
  const int32_t heard = (int32_t)(until + 1 - past->begin), agreed = r->length < heard ? r->length : heard;
  if (r->piece < 0 || agreed < pmt_jsb_recall_least[kind]) { return -1; }
  const Piece* other = &jsb->pieces[PMT_SPLIT_TRAIN][r->piece];
  const size_t from = (size_t)r->from + !sung;
  const int move = piece->steps[until][0] - other->steps[r->from][0], last = past->voice[own].pitch;
  const int agree = agrees_so_far(piece, t, past->known, other, from, move);
  const int trust = r->chords >= 40 ? 2 : r->chords >= 20;
  input[0] = (int16_t)((length_class(agreed, limits, RECALLS - 1) * 2 + agree) * TRUSTS + trust);
  describe_ahead(other, from, input + 2);
  const int pitch = other->steps[from][own], token = pitch + move + by - PITCH_LO;
  if (pitch < 0 || token < 0 || token >= PITCHES) { return -1; }
  if (last >= 0) { input[1] = motion_row(token - last); }
  return token;
}

static void describe_cell(const PmtJsb* jsb, const Piece* piece, size_t t, int own, int by, const Past* past,
                          PmtCell* c) {
  const uint32_t parts = jsb->parts;
  const Match melody = melody_match(piece, t, past->known);
  int16_t* input = c->hints.row;
  *input++ = (int16_t)(own << VOICES | (int)past->known);
  if (parts & PMT_JSB_BAR) {
    *input++ = (int16_t)(t % BAR4);
    *input++ = (int16_t)(t % BAR3);
  }
  for (int u = 0; u < VOICES; ++u) {
    const Voice* v = &past->voice[u];
    if (parts & PMT_JSB_HOLD) {
      *input++ = (int16_t)(v->token < 0 ? -1 : v->held < HOLD_MAX ? v->held - 1 : HOLD_MAX - 1);
    }
    if (parts & PMT_JSB_MOTION) {
      *input++ = v->before < 0 ? (int16_t)-1 : motion_row(v->pitch - v->before);
    }
  }
  for (int pair = 0; parts & PMT_JSB_INTERVAL && pair < PAIRS; ++pair) {
    const int a = past->voice[pair_of[pair][0]].pitch, b = past->voice[pair_of[pair][1]].pitch;
    const bool both = a >= 0 && b >= 0;
    *input++ = (int16_t)(both ? clamp(a - b, INTERVAL_MAX) + INTERVAL_MAX : -1);
    if (parts & PMT_JSB_OCTAVE) { *input++ = (int16_t)(both ? (a - b + 5 * PMT_CLASSES) % PMT_CLASSES : -1); }
  }
  if (parts & PMT_JSB_COPY) {
    c->hints.anchor[LEAP_COPY] = (int16_t)describe_match(piece, t, own, by, &piece->chords[t], past, input);
    c->hints.anchor[LEAP_COPY + 1] = (int16_t)describe_match(piece, t, own, by, &melody, past, input + 2);
    input += 4;
  }
  for (int kind = 0; parts & PMT_JSB_RECALL && kind < PMT_JSB_RECALLS; ++kind, input += 4) {
    c->hints.anchor[LEAP_RECALL + kind] = (int16_t)describe_recall(jsb, piece, t, own, by, kind, past, input);
  }
  const int pitch = past->voice[own].pitch;
  for (int i = 0; parts & PMT_JSB_SCALE && i < PMT_CLASSES; ++i) {
    *input++ = (int16_t)(pitch < 0 ? -1 : recency(past, t, (pitch + i) % PMT_CLASSES));
  }
  for (int i = 0; parts & PMT_JSB_SHARE && i < PMT_CLASSES; ++i) {
    *input++ = (int16_t)(pitch < 0 ? -1 : share(past, (pitch + i) % PMT_CLASSES));
  }
  for (int i = 0; i < PMT_CLASSES; ++i) {
    c->hints.kind[i] = recency(past, t, i);
    if (parts & PMT_JSB_SHARE) { c->hints.kind[i] = (uint8_t)(c->hints.kind[i] * SHARES + share(past, i)); }
  }
  for (int k = 0; k < VOICES; ++k) {
    c->hints.anchor[k] = (int16_t)past->voice[(own + k) % VOICES].pitch;
    c->hints.anchor[LEAP_BEFORE + k] = (int16_t)past->voice[(own + k) % VOICES].before;
  }
}

/** As far as asked while every voice keeps its range, or the vocabulary's. */
static int fit_transpose(const PmtJsb* jsb, const Piece* piece, int transpose) {
  for (int v = 0; v < VOICES; ++v) {
    if (piece->lo[v] > piece->hi[v]) { continue; }
    const bool range = jsb->parts & PMT_JSB_RANGE;
    const int down = (range ? jsb->lo[v] : PITCH_LO) - piece->lo[v];
    const int up = (range ? jsb->hi[v] : PITCH_HI) - piece->hi[v];
    if (transpose < down) { transpose = down < 0 ? down : 0; }
    if (transpose > up) { transpose = up > 0 ? up : 0; }
  }
  return transpose;
}

/** Order number 0 is soprano to bass. */
static void order_voices(uint32_t number, int order[VOICES]) {
  for (int i = 0; i < VOICES; ++i) { order[i] = i; }
  for (int i = VOICES; i > 1; number /= (uint32_t)i, --i) {
    const int j = i - 1 - (int)(number % (uint32_t)i), swap = order[i - 1];
    order[i - 1] = order[j], order[j] = swap;
  }
}

static PmtStatus open_piece(void* handle, const PmtBenchPiece* which, PmtCell** cells, size_t* room, size_t* n_cells) {
  const PmtJsb* jsb = handle;
  const Piece* piece = &jsb->pieces[which->split][which->number];
  const size_t begin = (size_t)(which->begin * (double)piece->n_steps);
  *n_cells = (piece->n_steps - begin) * VOICES;
  if (*room < *n_cells) {
    PmtCell* grown = realloc(*cells, *n_cells * sizeof *grown);
    if (!grown) { return PMT_NO_MEM; }
    *cells = grown;
    *room = *n_cells;
  }
  Past past = {.begin = begin};
  for (int v = 0; v < VOICES; ++v) { past.voice[v] = (Voice){.token = -1, .pitch = -1, .before = -1}; }
  const int by = fit_transpose(jsb, piece, which->transpose);
  uint16_t before = BEGIN;
  int order[VOICES];
  order_voices(which->order, order);
  PmtCell* c = *cells;
  for (size_t t = begin; t < piece->n_steps; ++t) {
    past.known = 0;
    for (int i = 0; i < VOICES; ++i, ++c) {
      const int v = order[i], pitch = piece->steps[t][v], token = pitch < 0 ? SILENCE : pitch + by - PITCH_LO;
      *c = (PmtCell){.token = before, .target = (uint16_t)token, .reset = t == begin && i == 0, .counts = true,
                     .beat = i == 0, .first = t == begin};
      describe_cell(jsb, piece, t, v, by, &past, c);
      hear(&past, v, t, token);
      before = c->target;
    }
  }
  return PMT_OK;
}

PmtBenchData pmt_jsb_data(PmtJsb* jsb) {
  PmtBenchData data = {.handle = jsb, .name = "jsb16", .unit = "voice-step", .transpose_lo = TRANSPOSE_LO,
                       .transpose_hi = TRANSPOSE_HI, .open = open_piece};
  for (int split = 0; split < PMT_SPLITS; ++split) {
    data.n_pieces[split] = jsb->n_pieces[split];
    data.n_first[split] = (double)(jsb->n_pieces[split] * VOICES);
    for (size_t i = 0; i < jsb->n_pieces[split]; ++i) {
      data.n_units[split] += (double)(jsb->pieces[split][i].n_steps * VOICES);
    }
  }
  return data;
}
