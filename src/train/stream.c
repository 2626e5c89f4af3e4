/* SPDX-License-Identifier: ISC */
/** @file stream.c  See stream.h. */
#include "train/stream.h"

#include "base/random.h"
#include "music/listener.h"
#include "nn/net.h"
#include "train/taken.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  PLACE_STYLE = 0x7374796c, PLACE_ORDER = 0x6f726465, PLACE_VARY = 0x76617279, /* what a draw is for */
  PLACE_SLIP = 0x736c6970, PLACE_FALL = 0x66616c6c, PLACE_LAPSE = 0x6c617073, PLACE_TAKE = 0x74616b65,
  TRANSPOSE_LO = -6, TRANSPOSE_HI = 5,
  SLIP_MOST = 7, /* semitones */
  TOLD_TOKENS_MOST = 3, /* a note and two durations */
};

/* A net that is told what stood here before learns to trust it: in real music it is always right. At play it hears its own
   mistakes there and plays them again (exposure bias: Bengio et al., "Scheduled sampling", 2015, eq. 1-3, where the cure is
   to feed what the net would have played; noise is that cure for those without time). So half of the passes mishear a few
   notes, and half remember only some slots; how many is drawn up to: */
static const float slips_most = 0.12f, lapses_most = 0.5f;

/* Of the pieces that parts are taken out of, some tell nothing of it: what the music is worth without the player has to be
   known to say what hearing them is worth. And of those that are whole some have a player who only listens. */
static const float taken_share = 0.5f, deaf_share = 0.15f, with_share = 0.4f, idle_share = 0.1f, late_share = 0.1f;

PmtVariation pmt_variation_plain(bool give_key) {
  return (PmtVariation){.velocity_scale = 1.0f, .give_style = true, .give_memory = true, .give_key = give_key};
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
  const PmtVariation* variation;
  PmtListener listener;
  PmtHintShape hints;
  bool lapsed; /* of this slot, what stood here before is not told */
  PmtEar ear;
  PmtKeyEvents keys;
  size_t next;   /* of keys */
  uint32_t slot_tick;
  bool telling; /* what comes is the player's: fed, not asked for */
} Writer;

static bool is_memory(const char* hint) {
  return !strncmp(hint, "near", 4) || !strncmp(hint, "far", 3) || !strncmp(hint, "you.tune", 8);
}

static void forget(const PmtHintShape* shape, PmtHints* hints) {
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    if (is_memory(shape->table[i].name)) { hints->row[i] = -1; }
  }
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    if (is_memory(shape->leap[i].name)) { hints->anchor[i] = -1; }
  }
}

static void listen(Writer* w, PmtCell* cell) {
  if (!w->variation->listen) { return; }
  pmt_listener_hear(&w->listener, cell->token, &w->ear, &cell->hints);
  if (cell->beat) { w->lapsed = pmt_random_unit(w->variation->chance, PLACE_LAPSE, w->n) < w->variation->lapses; }
  if (!w->variation->give_memory || w->lapsed) { forget(&w->hints, &cell->hints); }
}

/** What is heard of a token. */
static PmtToken slip(const Writer* w, PmtToken token) {
  const PmtVariation* v = w->variation;
  const PmtTokenClass class = pmt_token_class(token);
  const bool note = class == PMT_CLASS_NOTE;
  if (!note && class != PMT_CLASS_DRUM) { return token; }
  if (pmt_random_unit(v->chance, PLACE_SLIP, w->n) >= v->slips) { return token; }
  const uint32_t bits = (uint32_t)(pmt_random_bits(v->chance, PLACE_FALL, w->n) >> 32);
  if (!note) { return (PmtToken)(PMT_TOKEN_DRUM + bits % PMT_DRUMS); }
  const int by = (bits & 1 ? 1 : -1) * (1 + (int)((bits >> 1) % SLIP_MOST));
  const int pitch = (int)pmt_note_pitch(token) + by;
  return pitch < 0 || pitch > 127 ? token : (PmtToken)(token + by);
}

static void put(Writer* w, PmtToken token) {
  if (w->n) {
    w->cells[w->n - 1].target = token;
    w->cells[w->n - 1].counts = !w->telling;
  }
  if (token == PMT_END) { return; } /* predicted, never fed */
  token = slip(w, token);
  PmtCell cell = w->condition;
  cell.token = token;
  cell.reset = token == PMT_BOS;
  cell.beat = pmt_token_class(token) == PMT_CLASS_SLOT;
  listen(w, &cell);
  w->cells[w->n++] = cell;
}

static void hear_key(Writer* w, bool now, bool ahead) {
  const PmtKeyEvent* e = &w->keys.event[w->next++];
  if (!e->down) {
    pmt_ear_release(&w->ear, e->pitch);
    return;
  }
  pmt_ear_press(&w->ear, e->pitch, now);
  pmt_listener_overhear(&w->listener, e->pitch, ahead ? 0 : e->tick - w->slot_tick, ahead);
}

/** What is known of the player when a slot begins, before its token is heard: docs/model.md, section 3. */
static void hear_player(Writer* w, uint32_t tick) {
  if (w->ear.mode == PMT_EAR_OFF) { return; }
  while (w->next < w->keys.n && w->keys.event[w->next].tick < tick) { hear_key(w, false, false); }
  pmt_ear_begin_slot(&w->ear);
  while (w->ear.mode == PMT_EAR_WITH && w->next < w->keys.n && w->keys.event[w->next].tick <= tick) { hear_key(w, true, true); }
}

/** The player's notes as tokens, in front of all others of the slot; and how long they are, which at play the net
    guesses. */
static void tell_player(Writer* w, uint32_t tick) {
  PmtToldNote told[PMT_TOLD_MAX];
  const uint32_t part = (uint32_t)__builtin_ctz(w->variation->taken.parts);
  const uint32_t n = pmt_tell_keys(&w->keys, &w->next, tick, told);
  w->telling = true;
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t index[2];
    const uint32_t n_durations = pmt_duration_split(told[i].ticks, index);
    put(w, pmt_token_note(part, told[i].pitch));
    for (uint32_t d = 0; d < n_durations; ++d) { put(w, (PmtToken)(PMT_TOKEN_DUR + index[d])); }
  }
  w->telling = false;
}

/** Where in the source a note stands, and what of it is still to be written. */
typedef struct {
  const PmtPiece* piece;
  const uint16_t* octiles;
  int style;
  size_t slot;
  uint32_t source, said;      /* velocity in force there, and here */
  PmtToken pos, ornament;     /* to be written before the next note; 0 = none */
  bool dropped;               /* the last note was: so are its durations */
} Source;

static void put_slot(Writer* w, Source* s, PmtToken token) {
  const PmtSlot* slot = &s->piece->sequence.slots[s->slot++];
  w->condition = condition_of(slot, w->variation, s->style, s->octiles);
  s->pos = s->ornament = 0;
  hear_player(w, slot->tick);
  w->slot_tick = slot->tick;
  put(w, token);
  if (w->variation->taken.told) { tell_player(w, slot->tick); }
}

/** Velocities are written anew: the VEL in force in the source is followed, and said where what is due differs from what
    was said last. So shifted, merged and mid-piece velocities all obey the grammar. */
static void put_note(Writer* w, Source* s, PmtToken token, bool drum) {
  const PmtVariation* v = w->variation;
  s->dropped = !drum && v->taken.parts >> pmt_note_part(token) & 1;
  if (!s->dropped) {
    const uint32_t due = vary_velocity(s->source, v);
    if (s->pos) {
      put(w, s->pos);
      s->pos = 0;
    }
    if (due != s->said) { put(w, pmt_token_vel(due)); }
    s->said = due;
    if (s->ornament) { put(w, s->ornament); }
    put(w, drum ? token : (PmtToken)(token + v->transpose));
  }
  s->ornament = 0;
}

static void put_tokens(Writer* w, const PmtPiece* piece, int style, const uint16_t octiles[PMT_OCTILE_LIMITS]) {
  const PmtSequence* s = &piece->sequence;
  Source from = {.piece = piece, .octiles = octiles, .style = style, .slot = w->variation->first_slot,
                 .source = PMT_VELOCITY_START, .said = PMT_VELOCITY_START};
  const size_t begin = s->slots[from.slot].token;
  w->condition = condition_of(&s->slots[from.slot], w->variation, style, octiles);
  put(w, PMT_BOS);
  for (size_t i = 1; i < s->n_tokens; ++i) {
    const PmtToken token = s->tokens[i];
    const PmtTokenClass class = pmt_token_class(token);
    if (class == PMT_CLASS_VEL) { from.source = token - PMT_TOKEN_VEL; }
    if (i < begin) { continue; }
    switch (class) {
    case PMT_CLASS_VEL: break;
    case PMT_CLASS_SLOT: put_slot(w, &from, token); break;
    case PMT_CLASS_POS: from.pos = token; break;
    case PMT_CLASS_ORNAMENT: from.ornament = token; break;
    case PMT_CLASS_NOTE: put_note(w, &from, token, false); break;
    case PMT_CLASS_DRUM: put_note(w, &from, token, true); break;
    case PMT_CLASS_DUR:
      if (!from.dropped) { put(w, token); }
      break;
    default: put(w, token); break;
    }
  }
}

PmtStatus pmt_vary(const PmtPiece* piece, const PmtVariation* variation, int style,
                   const uint16_t octiles[PMT_OCTILE_LIMITS], PmtCell** cells, size_t* room, size_t* n_cells) {
  const PmtTaken* taken = &variation->taken;
  const size_t told = taken->told ? TOLD_TOKENS_MOST * PMT_TOLD_MAX * piece->sequence.n_slots : 0;
  const size_t most = 2 * piece->sequence.n_tokens + 2 + told; /* at worst a VEL before each note */
  if (*room < most) {
    PmtCell* grown = realloc(*cells, most * sizeof *grown);
    if (!grown) { return PMT_NO_MEM; }
    *cells = grown;
    *room = most;
  }
  Writer w = {.cells = *cells, .variation = variation};
  pmt_ear_reset(&w.ear);
  if (variation->listen) {
    pmt_listener_reset(&w.listener, variation->listen);
    pmt_listener_shape(variation->listen, &w.hints);
    w.ear.mode = taken->told ? PMT_EAR_OFF : taken->ear;
    w.ear.parts = taken->told ? 0 : taken->parts;
  }
  const bool plays = (w.ear.mode != PMT_EAR_OFF || taken->told) && !taken->silent;
  PmtStatus st = PMT_OK;
  if (plays) {
    st = pmt_take_parts(taken->other ? taken->other : &piece->sequence, taken->parts, variation->transpose, taken->late,
                        variation->chance, &w.keys);
  }
  if (!st) { put_tokens(&w, piece, style, octiles); }
  free(w.keys.event);
  *n_cells = w.n;
  return st;
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

/** One of the bits that are set. */
static uint32_t draw_bit(uint32_t bits, uint64_t chance) {
  uint32_t n = (uint32_t)(chance % (uint64_t)__builtin_popcount(bits));
  while (n--) { bits &= bits - 1; }
  return bits & -bits;
}

/** Which parts somebody else plays: the tune, any one, all but one, some; never all that there is. */
static uint32_t draw_parts(const PmtPiece* piece, uint64_t seed, uint64_t draw) {
  enum { DRUMS = 1 << PMT_PARTS_MAX };
  const uint32_t parts = pmt_piece_parts(piece), all = parts | (piece->drums ? DRUMS : 0);
  const float u = pmt_random_unit(seed, draw, 0);
  const uint64_t bits = pmt_random_bits(seed, draw, 1);
  if (!parts || all == (all & -all)) { return 0; }
  const uint32_t one = u < 0.45f ? parts & -parts : draw_bit(parts, bits);
  const uint32_t kept = draw_bit(all, bits >> 20), some = (uint32_t)(bits >> 40) & parts;
  if (u < 0.7f) { return one; }
  return u < 0.85f || !some || some == all ? parts & ~kept : some;
}

static PmtTaken draw_taken(const PmtStreams* me, const PmtPiece* piece, uint64_t draw) {
  const uint64_t seed = me->options.seed ^ PLACE_TAKE;
  const float u = pmt_random_unit(seed, draw, 2);
  const PmtEarMode mode = pmt_random_unit(seed, draw, 3) < with_share ? PMT_EAR_WITH : PMT_EAR_BEFORE;
  if (pmt_random_unit(seed, draw, 4) >= taken_share) {
    return (PmtTaken){.ear = u < idle_share ? mode : PMT_EAR_OFF, .silent = true};
  }
  const uint32_t parts = draw_parts(piece, seed, draw);
  return (PmtTaken){.ear = !parts || u < deaf_share ? PMT_EAR_OFF : mode, .parts = parts, .late = late_share};
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
  v.give_memory = pmt_random_unit(seed, draw, 10) >= 0.1f;
  if (me->options.hinted) {
    v.slips = slips_most * fmaxf(0.0f, 2.0f * pmt_random_unit(seed, draw, 11) - 1.0f);
    v.lapses = lapses_most * fmaxf(0.0f, 2.0f * pmt_random_unit(seed, draw, 12) - 1.0f);
    v.chance = pmt_random_bits(seed, draw, 13);
  }
  v.listen = me->options.hinted ? me->options.parts : 0;
  if (me->options.player) { v.taken = draw_taken(me, piece, draw); }
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
    const double share = o->share ? o->share[k] : pow((double)count.tokens, o->balance);
    total += share * (double)count.pieces / (double)count.tokens; /* in pieces: long ones are drawn less often */
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
