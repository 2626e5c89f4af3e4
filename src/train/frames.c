/* SPDX-License-Identifier: ISC */
/** @file frames.c  See frames.h. */
#include "train/frames.h"

#include "train/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  PITCH_LO = 21, PITCHES = 88, END = PITCHES, BEGIN, VOCABULARY,
  NOTES_MAX = 15, SLOTS = 6, /* notes of a frame; of those before and of those here that are told one by one */
  BAR4 = 16, BAR3 = 12, HOLD_MAX = 16, INTERVAL_MAX = 24, LEAP_MAX = 24, TRANSPOSE_LO = -6, TRANSPOSE_HI = 5,
  LEAP_SLOTS = 4, MATCHES = 8, RECENCIES = 8,
};

/** Leaps: from the note of the last frame that is next to be kept or not, from all notes of the last frame, from those
    of this one, latest first, and from what a match says. */
enum { LEAP_NEXT, LEAP_BEFORE, LEAP_HERE = LEAP_BEFORE + LEAP_SLOTS, LEAP_MATCH = LEAP_HERE + LEAP_SLOTS, LEAPS };

typedef struct {
  uint8_t n;
  uint8_t token[NOTES_MAX]; /* from high to low */
} Frame;

/** Where a piece was before as it is now. */
typedef struct {
  int32_t from;   /* the earlier frame that this one may repeat, -1 = none */
  int32_t length; /* frames that agree up to the one before it */
} Match;

typedef struct {
  Frame* frames;
  Match* match; /* (n_frames) */
  size_t n_frames, room;
  int lo, hi; /* tokens */
} Piece;

struct PmtFrames {
  bool keys;
  Piece* pieces[PMT_SPLITS];
  size_t n_pieces[PMT_SPLITS], room[PMT_SPLITS];
};

/* -- reading -------------------------------------------------------------------------------------------------- */

/** Keep the order from high to low; a pitch said twice counts once. */
static bool add_note(Frame* f, uint8_t token) {
  uint32_t at = 0;
  while (at < f->n && f->token[at] > token) { ++at; }
  if (at < f->n && f->token[at] == token) { return true; }
  if (f->n == NOTES_MAX) { return false; }
  memmove(f->token + at + 1, f->token + at, f->n - at);
  f->token[at] = token;
  ++f->n;
  return true;
}

/** "60,64,67" or "-" */
static PmtStatus read_frame(const PmtLine* line, char* word, Frame* f, PmtError* error) {
  *f = (Frame){0};
  if (!strcmp(word, "-")) { return PMT_OK; }
  for (char* number; (number = strsep(&word, ","));) {
    char* end;
    const long pitch = strtol(number, &end, 10);
    if (end == number || *end || pitch < PITCH_LO || pitch >= PITCH_LO + PITCHES) {
      return pmt_line_bad(line, "a pitch is no number from 21 to 108", error);
    }
    if (!add_note(f, (uint8_t)(pitch - PITCH_LO))) { return pmt_line_bad(line, "a frame of more than 15 notes", error); }
  }
  return PMT_OK;
}

static bool same_frame(const Frame* a, const Frame* b) { return a->n == b->n && !memcmp(a->token, b->token, a->n); }

/** For each frame the longest agreement of what ends before it with what ended earlier, the latest of equals. */
static PmtStatus find_matches(Piece* p, PmtError* error) {
  int32_t* run = calloc(p->n_frames, sizeof *run); /* frames that agree up to i and up to the one before t */
  p->match = malloc(p->n_frames * sizeof *p->match);
  const bool ok = run && p->match;
  if (ok) { p->match[0] = (Match){-1, 0}; }
  for (size_t t = 1; ok && t < p->n_frames; ++t) {
    p->match[t] = (Match){-1, 0};
    for (size_t i = t - 1; i-- > 0;) { /* downwards: run[i - 1] is still that of the frame before */
      run[i] = same_frame(&p->frames[i], &p->frames[t - 1]) ? 1 + (i ? run[i - 1] : 0) : 0;
      if (run[i] > p->match[t].length) { p->match[t] = (Match){(int32_t)i + 1, run[i]}; }
    }
  }
  free(run);
  return ok ? PMT_OK : pmt_fail(error, PMT_NO_MEM, "out of memory");
}

typedef struct { PmtFrames* frames; PmtSplit split; } Reading;

static PmtStatus take_line(void* handle, const PmtLine* line, char* text, PmtError* error) {
  const Reading* r = handle;
  PmtFrames* me = r->frames;
  char* save = NULL;
  Piece* grown = pmt_lines_grow(me->pieces[r->split], me->n_pieces[r->split], &me->room[r->split], sizeof *grown);
  if (!grown) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  me->pieces[r->split] = grown;
  Piece* p = &grown[me->n_pieces[r->split]++];
  *p = (Piece){.lo = PITCHES, .hi = -1};
  for (char* word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    Frame* more = pmt_lines_grow(p->frames, p->n_frames, &p->room, sizeof *more);
    if (!more) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
    p->frames = more;
    Frame* f = &more[p->n_frames++];
    const PmtStatus st = read_frame(line, word, f, error);
    if (st) { return st; }
    if (f->n && f->token[0] > p->hi) { p->hi = f->token[0]; }
    if (f->n && f->token[f->n - 1] < p->lo) { p->lo = f->token[f->n - 1]; }
  }
  return p->n_frames ? find_matches(p, error) : pmt_line_bad(line, "empty", error);
}

PmtStatus pmt_frames_load(const char* folder, const char* name, bool keys, PmtFrames** frames, PmtError* error) {
  static const char* const splits[PMT_SPLITS] = {"train", "valid", "test"};
  *frames = NULL;
  PmtFrames* me = calloc(1, sizeof *me);
  if (!me) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  me->keys = keys;
  for (int split = 0; split < PMT_SPLITS; ++split) {
    char path[4096];
    Reading reading = {me, (PmtSplit)split};
    snprintf(path, sizeof path, "%s/bl_%s_%s.txt", folder, name, splits[split]);
    const PmtStatus st = pmt_lines_read(path, take_line, &reading, error);
    if (!st) { continue; }
    pmt_frames_free(me);
    return st;
  }
  *frames = me;
  return PMT_OK;
}

void pmt_frames_free(PmtFrames* frames) {
  if (!frames) { return; }
  for (int split = 0; split < PMT_SPLITS; ++split) {
    for (size_t i = 0; i < frames->n_pieces[split]; ++i) {
      free(frames->pieces[split][i].frames), free(frames->pieces[split][i].match);
    }
    free(frames->pieces[split]);
  }
  free(frames);
}

/* -- cells ---------------------------------------------------------------------------------------------------- */

static void add_table(PmtTrainShape* s, const char* name, int number, uint32_t rows) {
  PmtHintTable* t = &s->hints.table[s->hints.n_tables++];
  t->rows = rows;
  if (number < 0) {
    snprintf(t->name, sizeof t->name, "%s", name);
  } else {
    snprintf(t->name, sizeof t->name, "%s.%d", name, number);
  }
}

void pmt_frames_shape(const PmtFrames* frames, PmtTrainShape* s) {
  s->vocab = VOCABULARY;
  s->hints = (PmtHintShape){.n_leaps = LEAPS, .n_kinds = RECENCIES, .kind_count = PITCHES, .kind_span = PITCHES};
  for (uint32_t i = 0; i < LEAPS; ++i) {
    s->hints.leap[i] = (PmtLeap){.count = PITCHES, .reach = LEAP_MAX};
    snprintf(s->hints.leap[i].name, sizeof s->hints.leap[i].name, "leap%u", i);
  }
  add_table(s, "count", -1, NOTES_MAX + 1);
  add_table(s, "bar4", -1, BAR4);
  add_table(s, "bar3", -1, BAR3);
  add_table(s, "next", -1, PITCHES);
  add_table(s, "step", -1, INTERVAL_MAX + 1);
  add_table(s, "hold", -1, HOLD_MAX);
  add_table(s, "match", -1, MATCHES * 4);
  add_table(s, "copy", -1, INTERVAL_MAX + 1);
  if (frames->keys) { add_table(s, "key", -1, TRANSPOSE_HI - TRANSPOSE_LO + 1); }
  for (int i = 0; i < SLOTS; ++i) {
    add_table(s, "before", i, PITCHES);
    add_table(s, "here", i, PITCHES);
  }
}

/** What is known when the next token of a frame is due. */
typedef struct {
  size_t t;
  int by;              /* transposition */
  Frame before, here;  /* the last frame; this one as far as it is spelled */
  uint8_t held[PITCHES + 1]; /* frames that each pitch of `before` has sounded */
  size_t begin;        /* the frame when hearing began */
  size_t heard[PMT_CLASSES]; /* 1 + the frame when a pitch class last sounded; 0 = never */
} Known;

/** The highest note of a frame, moved by as much, that may come now: below all that is spelled. @return -1 = none */
static int next_of(const Known* k, const Frame* f, int by) {
  uint32_t i = 0;
  while (k->here.n && i < f->n && f->token[i] + by >= k->here.token[k->here.n - 1]) { ++i; }
  return i < f->n ? f->token[i] + by : -1;
}

/** How long ago a pitch class sounded: now, one frame ago, 2, 3-4, 5-8, 9-16, 17-32, longer or never. */
static uint8_t recency(const Known* k, int class) {
  static const size_t limits[RECENCIES - 1] = {0, 1, 2, 4, 8, 16, 32};
  uint8_t i = 0;
  if (!k->heard[class]) { return RECENCIES - 1; }
  while (i < RECENCIES - 1 && k->t + 1 - k->heard[class] > limits[i]) { ++i; }
  return i;
}

/** How long the match is, whether what is spelled agrees with it, whether it has more to spell; and how far down that is.
    @return the next note of the match, -1 = none */
static int describe_match(const Piece* p, const Known* k, int16_t* input) {
  static const int32_t limits[MATCHES - 1] = {2, 3, 4, 6, 8, 16, 32};
  const Match* m = &p->match[k->t];
  const int32_t heard = m->from - (int32_t)k->begin, agreed = m->length < heard ? m->length : heard;
  input[0] = input[1] = -1;
  if (m->from < 0 || agreed < 1) { return -1; }
  const Frame* f = &p->frames[m->from];
  const int next = next_of(k, f, k->by);
  int length = 0, agree = k->here.n <= f->n;
  while (length < MATCHES - 1 && agreed >= limits[length]) { ++length; }
  for (uint32_t i = 0; i < k->here.n && i < f->n; ++i) { agree &= f->token[i] + k->by == k->here.token[i]; }
  input[0] = (int16_t)((length * 2 + agree) * 2 + (next >= 0));
  const int step = next >= 0 && k->here.n ? k->here.token[k->here.n - 1] - next : -1;
  input[1] = (int16_t)(step > INTERVAL_MAX ? INTERVAL_MAX : step);
  return next;
}

static void describe_leaps(const Known* k, int next, int copy, PmtHints* hints) {
  hints->anchor[LEAP_NEXT] = (int16_t)next;
  hints->anchor[LEAP_MATCH] = (int16_t)copy;
  for (uint32_t i = 0; i < LEAP_SLOTS; ++i) {
    hints->anchor[LEAP_BEFORE + i] = (int16_t)(i < k->before.n ? k->before.token[i] : -1);
    hints->anchor[LEAP_HERE + i] = (int16_t)(i < k->here.n ? k->here.token[k->here.n - 1 - i] : -1);
  }
  for (int i = 0; i < PMT_CLASSES; ++i) { hints->kind[i] = recency(k, i); }
}

static void describe_cell(const PmtFrames* frames, const Piece* p, const Known* k, PmtCell* c) {
  const int next = next_of(k, &k->before, 0), last = k->here.n ? k->here.token[k->here.n - 1] : -1;
  const int step = next >= 0 && last >= 0 ? last - next : -1;
  int16_t* input = c->hints.row;
  *input++ = k->here.n;
  *input++ = (int16_t)(k->t % BAR4);
  *input++ = (int16_t)(k->t % BAR3);
  *input++ = (int16_t)next;
  *input++ = (int16_t)(step > INTERVAL_MAX ? INTERVAL_MAX : step);
  *input++ = (int16_t)(next < 0 ? -1 : k->held[next] < HOLD_MAX ? k->held[next] - 1 : HOLD_MAX - 1);
  describe_leaps(k, next, describe_match(p, k, input), &c->hints);
  input += 2;
  if (frames->keys) { *input++ = (int16_t)(k->by - TRANSPOSE_LO); }
  for (uint32_t i = 0; i < SLOTS; ++i) {
    *input++ = (int16_t)(i < k->before.n ? k->before.token[i] : -1);
    *input++ = (int16_t)(i < k->here.n ? k->here.token[i] : -1);
  }
}

/** The frame is whole: it is the last one now. */
static void close_frame(Known* k) {
  uint8_t held[PITCHES + 1] = {0};
  for (uint32_t i = 0; i < k->here.n; ++i) {
    const uint8_t token = k->here.token[i];
    k->heard[token % PMT_CLASSES] = k->t + 1;
    held[token] = (uint8_t)(k->held[token] < HOLD_MAX ? k->held[token] + 1 : HOLD_MAX);
  }
  memcpy(k->held, held, sizeof held);
  k->before = k->here;
  k->here = (Frame){0};
  ++k->t;
}

static int fit_transpose(const Piece* p, int by) {
  if (p->hi < 0) { return 0; }
  if (by < -p->lo) { by = -p->lo; }
  return by > PITCHES - 1 - p->hi ? PITCHES - 1 - p->hi : by;
}

static PmtStatus open_piece(void* handle, const PmtBenchPiece* which, PmtCell** cells, size_t* room, size_t* n_cells) {
  const PmtFrames* frames = handle;
  const Piece* p = &frames->pieces[which->split][which->number];
  const size_t begin = (size_t)(which->begin * (double)p->n_frames);
  size_t n = 0;
  for (size_t t = begin; t < p->n_frames; ++t) { n += p->frames[t].n + 1u; }
  *n_cells = n;
  if (*room < n) {
    PmtCell* grown = realloc(*cells, n * sizeof *grown);
    if (!grown) { return PMT_NO_MEM; }
    *cells = grown;
    *room = n;
  }
  Known k = {.t = begin, .begin = begin, .by = fit_transpose(p, which->transpose)};
  PmtCell* c = *cells;
  uint16_t token = BEGIN;
  for (size_t t = begin; t < p->n_frames; ++t) {
    const Frame* f = &p->frames[t];
    for (uint32_t note = 0; note <= f->n; ++note, ++c) {
      const uint16_t target = note < f->n ? (uint16_t)(f->token[note] + k.by) : END;
      *c = (PmtCell){.token = token, .target = target, .reset = t == begin && note == 0, .counts = true, .beat = note == 0,
                     .first = t == begin};
      describe_cell(frames, p, &k, c);
      if (note < f->n) { k.here.token[k.here.n++] = (uint8_t)target; }
      token = target;
    }
    close_frame(&k);
  }
  return PMT_OK;
}

PmtBenchData pmt_frames_data(PmtFrames* frames) {
  PmtBenchData data = {.handle = frames, .name = "88 keys", .unit = "frame", .open = open_piece};
  if (frames->keys) { data.transpose_lo = TRANSPOSE_LO, data.transpose_hi = TRANSPOSE_HI; }
  for (int split = 0; split < PMT_SPLITS; ++split) {
    data.n_pieces[split] = frames->n_pieces[split];
    data.n_first[split] = (double)frames->n_pieces[split];
    for (size_t i = 0; i < frames->n_pieces[split]; ++i) { data.n_units[split] += (double)frames->pieces[split][i].n_frames; }
  }
  return data;
}
