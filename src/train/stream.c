/* SPDX-License-Identifier: ISC */
/** @file stream.c  See stream.h. */
#include "train/stream.h"

#include "base/random.h"
#include "nn/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  PLACE_STYLE = 0x7374796c, PLACE_ORDER = 0x6f726465, PLACE_VARY = 0x76617279, /* what a draw is for */
  TRANSPOSE_LO = -6, TRANSPOSE_HI = 5,
};

PmtVariation pmt_variation_plain(bool give_key) {
  return (PmtVariation){.velocity_scale = 1.0f, .give_style = true, .give_key = give_key};
}

/* -- one pass of a piece -------------------------------------------------------------------------------------- */

static uint8_t transpose_key(uint8_t key, int by) {
  if (!key) { return 0; }
  const int mode = (key - 1) / 12 * 12;
  return (uint8_t)(1 + mode + ((key - 1 - mode + by) % 12 + 12) % 12);
}

static uint32_t vary_velocity(uint32_t bin, const PmtVariation* v) {
  if (v->velocity_scale == 1.0f && v->velocity_shift == 0) { return bin; }
  const float midi = fminf(127.0f, (float)pmt_velocity_midi[bin] * v->velocity_scale + 0.5f);
  const int shifted = (int)pmt_velocity_bin((uint32_t)midi) + v->velocity_shift;
  return (uint32_t)(shifted < 0 ? 0 : shifted >= PMT_VELOCITIES ? PMT_VELOCITIES - 1 : shifted);
}

static PmtCell condition_of(const PmtSlot* slot, const PmtVariation* v, int style,
                            const uint16_t octiles[PMT_OCTILE_LIMITS]) {
  PmtCell cell = {.counts = true};
  cell.input[PMT_INPUT_STYLE] = (int16_t)(v->give_style ? style : -1);
  cell.input[PMT_INPUT_METER] = slot->meter;
  cell.input[PMT_INPUT_KEY] = v->give_key ? transpose_key(slot->key, v->transpose) : 0;
  cell.input[PMT_INPUT_PHRASE] = v->give_phrase ? slot->phrase : 0;
  cell.input[PMT_INPUT_DENSITY] = (int16_t)(v->give_density ? pmt_density_class(octiles, slot->bar_notes) : 0);
  return cell;
}

/** Writes tokens as cells; the target of a cell is known once the next token comes. */
typedef struct {
  PmtCell* cells;
  size_t n;
  PmtCell condition; /* in force for the tokens to come */
} Writer;

static void put(Writer* w, PmtToken token) {
  if (w->n) { w->cells[w->n - 1].target = token; }
  if (token == PMT_END) { return; } /* predicted, never fed */
  PmtCell cell = w->condition;
  cell.token = token;
  cell.reset = token == PMT_BOS;
  cell.beat = pmt_token_class(token) == PMT_CLASS_SLOT;
  w->cells[w->n++] = cell;
}

/** Velocities are written anew: the VEL in force in the source is followed, and said where what is due differs from what
    was said last. So shifted, merged and mid-piece velocities all obey the grammar. */
static void put_tokens(Writer* w, const PmtPiece* piece, const PmtVariation* v, int style,
                       const uint16_t octiles[PMT_OCTILE_LIMITS]) {
  const PmtSequence* s = &piece->sequence;
  const size_t begin = s->slots[v->first_slot].token;
  uint32_t source = PMT_VELOCITY_START, said = PMT_VELOCITY_START;
  size_t slot = v->first_slot;
  bool ornament = false;
  w->condition = condition_of(&s->slots[slot], v, style, octiles);
  put(w, PMT_BOS);
  for (size_t i = 1; i < s->n_tokens; ++i) {
    const PmtToken token = s->tokens[i];
    const PmtTokenClass class = pmt_token_class(token);
    if (class == PMT_CLASS_VEL) { source = token - PMT_TOKEN_VEL; }
    if (i < begin || class == PMT_CLASS_VEL) { continue; }
    if (slot < s->n_slots && s->slots[slot].token == i) { w->condition = condition_of(&s->slots[slot++], v, style, octiles); }
    const bool note = class == PMT_CLASS_NOTE || class == PMT_CLASS_DRUM;
    if ((note && !ornament) || class == PMT_CLASS_ORNAMENT) {
      const uint32_t due = vary_velocity(source, v);
      if (due != said) { put(w, pmt_token_vel(due)); }
      said = due;
    }
    ornament = class == PMT_CLASS_ORNAMENT;
    put(w, class == PMT_CLASS_NOTE ? (PmtToken)(token + v->transpose) : token);
  }
}

PmtStatus pmt_vary(const PmtPiece* piece, const PmtVariation* variation, int style,
                   const uint16_t octiles[PMT_OCTILE_LIMITS], PmtCell** cells, size_t* room, size_t* n_cells) {
  const size_t most = 2 * piece->sequence.n_tokens + 2; /* at worst a VEL before each note */
  if (*room < most) {
    PmtCell* grown = realloc(*cells, most * sizeof *grown);
    if (!grown) { return PMT_NO_MEM; }
    *cells = grown;
    *room = most;
  }
  Writer w = {.cells = *cells};
  put_tokens(&w, piece, variation, style, octiles);
  *n_cells = w.n;
  return PMT_OK;
}

/* -- drawing -------------------------------------------------------------------------------------------------- */

typedef struct {
  uint32_t* train;  /* indices of training pieces */
  uint32_t* order;  /* the pass in hand, shuffled */
  size_t n;
  uint64_t count;   /* drawn so far */
  uint64_t pass;    /* that `order` stands for; UINT64_MAX = none yet */
  double up_to;     /* cumulative probability */
} Style;

typedef struct {
  PmtStreamPlace place;
  bool playing;
  PmtCell* cells;
  size_t room, n_cells;
} Stream;

struct PmtStreams {
  PmtStreamOptions options;
  uint64_t draws;
  uint32_t n;
  Stream* streams;
  Style* styles;
};

static void shuffle(const PmtStreams* me, size_t style, uint64_t pass) {
  Style* s = &me->styles[style];
  memcpy(s->order, s->train, s->n * sizeof *s->order);
  for (size_t i = s->n; i > 1; --i) {
    const size_t j = pmt_random_bits(me->options.seed ^ PLACE_ORDER, pass * PMT_STYLES_MAX + style, i) % i;
    const uint32_t swap = s->order[i - 1];
    s->order[i - 1] = s->order[j];
    s->order[j] = swap;
  }
  s->pass = pass;
}

/** Which piece draw number `draw` takes; advances the style's counter. */
static const PmtPiece* draw_piece(PmtStreams* me, uint64_t draw, size_t* style) {
  const double u = (double)pmt_random_unit(me->options.seed, PLACE_STYLE, draw);
  size_t k = 0;
  while (k + 1 < me->options.n_corpora && u >= me->styles[k].up_to) { ++k; }
  Style* s = &me->styles[k];
  if (s->pass != s->count / s->n) { shuffle(me, k, s->count / s->n); }
  *style = k;
  return &me->options.corpora[k].pieces[s->order[s->count++ % s->n]];
}

/** A transposition that keeps every part of the piece in its range; 0 always does. */
static int draw_transpose(const PmtStreams* me, const PmtPiece* piece, uint64_t bits) {
  int lo = TRANSPOSE_LO, hi = TRANSPOSE_HI;
  for (uint32_t p = 0; p < me->options.parts; ++p) {
    if (piece->pitch_lo[p] > piece->pitch_hi[p]) { continue; }
    const int down = me->options.pitch_lo[p] - piece->pitch_lo[p], up = me->options.pitch_hi[p] - piece->pitch_hi[p];
    if (down > lo) { lo = down > 0 ? 0 : down; }
    if (up < hi) { hi = up < 0 ? 0 : up; }
  }
  return lo + (int)(bits % (uint64_t)(hi - lo + 1));
}

/** The first slot of a bar drawn evenly. Bars without slots of their own cannot be drawn: a slot names its bar. */
static uint32_t draw_bar(const PmtSequence* s, uint64_t bits) {
  const uint32_t first = s->slots[0].bar, last = s->slots[s->n_slots - 1].bar;
  const uint32_t bar = first + (uint32_t)(bits % (last - first + 1));
  size_t lo = 0, hi = s->n_slots - 1; /* slots ascend by bar */
  while (lo < hi) {
    const size_t mid = (lo + hi) / 2;
    if (s->slots[mid].bar < bar) { lo = mid + 1; } else { hi = mid; }
  }
  return (uint32_t)lo;
}

static PmtVariation draw_variation(const PmtStreams* me, const PmtPiece* piece, uint64_t draw) {
  const uint64_t seed = me->options.seed ^ PLACE_VARY;
  PmtVariation v = {.velocity_scale = 1.0f};
  v.transpose = draw_transpose(me, piece, pmt_random_bits(seed, draw, 0));
  if (pmt_random_unit(seed, draw, 1) < 0.5f) { /* the other half keeps its velocities: pieces are played as they are */
    v.velocity_scale = 0.8f + 0.4f * pmt_random_unit(seed, draw, 2);
    v.velocity_shift = (int)(pmt_random_bits(seed, draw, 3) % 3) - 1;
  }
  if (pmt_random_unit(seed, draw, 4) < 0.3f) { v.first_slot = draw_bar(&piece->sequence, pmt_random_bits(seed, draw, 5)); }
  v.give_key = pmt_random_unit(seed, draw, 6) < 0.5f;
  v.give_phrase = pmt_random_unit(seed, draw, 7) < 0.5f;
  v.give_density = pmt_random_unit(seed, draw, 8) < 0.5f;
  v.give_style = pmt_random_unit(seed, draw, 9) >= 0.1f;
  return v;
}

static PmtStatus begin_piece(PmtStreams* me, Stream* stream, const PmtPiece* piece, size_t style, uint64_t draw) {
  const PmtVariation v = draw_variation(me, piece, draw);
  stream->place = (PmtStreamPlace){.draw = draw, .position = 0};
  stream->playing = true;
  return pmt_vary(piece, &v, (int)style, me->options.octiles[style], &stream->cells, &stream->room, &stream->n_cells);
}

bool pmt_streams_next(PmtStreams* streams, uint32_t stream, PmtCell* cell) {
  Stream* s = &streams->streams[stream];
  if (!s->playing || s->place.position == s->n_cells) {
    size_t style;
    const uint64_t draw = streams->draws++;
    const PmtPiece* piece = draw_piece(streams, draw, &style);
    if (begin_piece(streams, s, piece, style, draw)) { return false; }
  }
  *cell = s->cells[s->place.position++];
  return true;
}

/* -- building, places ----------------------------------------------------------------------------------------- */

static PmtStatus build(PmtStreams* me) {
  const PmtStreamOptions* o = &me->options;
  double total = 0.0;
  me->streams = calloc(me->n, sizeof *me->streams);
  me->styles = calloc(o->n_corpora, sizeof *me->styles);
  if (!me->streams || !me->styles) { return PMT_NO_MEM; }
  for (size_t k = 0; k < o->n_corpora; ++k) {
    Style* s = &me->styles[k];
    const PmtCorpusCount count = pmt_corpus_count(&o->corpora[k], PMT_SPLIT_TRAIN);
    if (!count.pieces) { return PMT_BAD_ARG; }
    s->train = malloc(count.pieces * sizeof *s->train);
    s->order = malloc(count.pieces * sizeof *s->order);
    s->pass = UINT64_MAX;
    if (!s->train || !s->order) { return PMT_NO_MEM; }
    for (size_t i = 0; i < o->corpora[k].n_pieces; ++i) {
      if (o->corpora[k].pieces[i].split == PMT_SPLIT_TRAIN) { s->train[s->n++] = (uint32_t)i; }
    }
    /* a share of tokens^balance in tokens is this in pieces: long pieces are drawn less often */
    total += pow((double)count.tokens, o->balance) * (double)count.pieces / (double)count.tokens;
    s->up_to = total;
  }
  for (size_t k = 0; k < o->n_corpora; ++k) { me->styles[k].up_to /= total; }
  return PMT_OK;
}

PmtStatus pmt_streams_new(const PmtStreamOptions* options, uint32_t n, PmtStreams** streams) {
  *streams = NULL;
  PmtStreams* me = calloc(1, sizeof *me);
  if (!me) { return PMT_NO_MEM; }
  me->options = *options;
  me->n = n;
  const PmtStatus st = build(me);
  if (st) {
    pmt_streams_free(me);
    return st;
  }
  *streams = me;
  return PMT_OK;
}

void pmt_streams_free(PmtStreams* streams) {
  if (!streams) { return; }
  for (uint32_t i = 0; streams->streams && i < streams->n; ++i) { free(streams->streams[i].cells); }
  for (size_t k = 0; streams->styles && k < streams->options.n_corpora; ++k) {
    free(streams->styles[k].train);
    free(streams->styles[k].order);
  }
  free(streams->streams);
  free(streams->styles);
  free(streams);
}

uint64_t pmt_streams_draws(const PmtStreams* streams) { return streams->draws; }
PmtStreamPlace pmt_streams_place(const PmtStreams* streams, uint32_t stream) { return streams->streams[stream].place; }

PmtStatus pmt_streams_seek(PmtStreams* streams, uint64_t draws, const PmtStreamPlace* places) {
  for (size_t k = 0; k < streams->options.n_corpora; ++k) { streams->styles[k].count = 0; }
  for (uint32_t i = 0; i < streams->n; ++i) { streams->streams[i].playing = false; }
  for (uint64_t draw = 0; draw < draws; ++draw) { /* drawn again from the first: quick, and nothing more need be stored */
    size_t style;
    const PmtPiece* piece = draw_piece(streams, draw, &style);
    for (uint32_t i = 0; i < streams->n; ++i) {
      if (places[i].draw != draw) { continue; }
      const PmtStatus st = begin_piece(streams, &streams->streams[i], piece, style, draw);
      if (st) { return st; }
      if (places[i].position > streams->streams[i].n_cells) { return PMT_BAD_ARG; }
      streams->streams[i].place = places[i];
    }
  }
  streams->draws = draws;
  return PMT_OK;
}
