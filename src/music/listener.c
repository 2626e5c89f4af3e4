/* SPDX-License-Identifier: ISC */
/* See listener.h. Above: gen/reader, train/stream. Below: vocab, grammar's order of notes. */
#include "music/listener.h"

#include "music/grammar.h"

#include <stdio.h>
#include <string.h>

/* Sizes of what is told. */
enum {
  RUNS = 8, AGREEMENTS = 3, TRUSTS = RUNS * AGREEMENTS,
  MOTION = 12,  /* semitones up and down */
  CHORD = 36,
  OWN = 14,     /* reach of leaps from a part's own notes ... */
  OTHER = 24,   /* ... and from another's */
  RECENCIES = 8, SHARES = 8,
  YOU = 36,     /* semitones from our last note to the player's keys ... */
  YOU_BUSY = 8, YOU_VOICES = 5, /* ... their notes in a slot, and at once */
  LEAN_AGO = 4, LEAN_OFTEN = 3, /* classes of recency() and share(): 5 to 8 slots; 1/32 to 1/16 */
};

/* Tables in front of those of which there is one a part, or one a pitch class. */
enum { TABLE_NEAR, TABLE_NEAR_TRUST, TABLE_FAR, TABLE_FAR_TRUST, TABLE_MOTION, TABLES };

static const int16_t nothing = -1;

/* ---- What is told ------------------------------------------------------------------------------------------------ */

static void add_table(PmtHintShape* const shape, const char* const name, const uint32_t rows) {
  PmtHintTable* const t = &shape->table[shape->n_tables++];
  snprintf(t->name, sizeof t->name, "%s", name);
  t->rows = rows;
}

static void add_tables(PmtHintShape* const shape, const char* const stem, const uint32_t n, const uint32_t rows) {
  for (uint32_t i = 0; i < n; ++i) {
    PmtHintTable* const t = &shape->table[shape->n_tables++];
    snprintf(t->name, sizeof t->name, "%s.%u", stem, i);
    t->rows = rows;
  }
}

/** One a part, first..end - 1: over that part's notes. */
static void add_leaps(PmtHintShape* const shape, const char* const stem, const uint32_t first, const uint32_t end,
                      const uint32_t reach) {
  for (uint32_t p = first; p < end; ++p) {
    PmtLeap* const leap = &shape->leap[shape->n_leaps++];
    *leap = (PmtLeap){.first = pmt_token_note(p, 0), .count = 128, .reach = reach};
    snprintf(leap->name, sizeof leap->name, "%s.%u", stem, p);
  }
}

static void add_pointer(PmtHintShape* const shape, const char* const name, const uint32_t vocab) {
  PmtLeap* const leap = &shape->leap[shape->n_leaps++];
  *leap = (PmtLeap){.count = vocab};
  snprintf(leap->name, sizeof leap->name, "%s", name);
}

void pmt_listener_shape(const uint32_t parts, PmtHintShape* const shape) {
  const uint32_t vocab = pmt_vocab_size(parts);
  memset(shape, 0, sizeof *shape);
  add_table(shape, "near", vocab);
  add_table(shape, "near.trust", TRUSTS);
  add_table(shape, "far", vocab);
  add_table(shape, "far.trust", TRUSTS);
  add_table(shape, "motion", 2 * MOTION + 1);
  add_tables(shape, "chord", parts, 2 * CHORD + 1);
  add_tables(shape, "scale", PMT_CLASSES, RECENCIES);
  add_table(shape, PMT_LISTENER_YOU, 2 * PMT_EAR_DOINGS);
  add_table(shape, "you.busy", YOU_BUSY);
  add_table(shape, "you.voices", YOU_VOICES);
  add_table(shape, "you.motion", 2 * MOTION + 1);
  add_table(shape, "you.top", 2 * YOU + 1);
  add_table(shape, "you.low", 2 * YOU + 1);
  add_tables(shape, "you.scale", PMT_CLASSES, PMT_EAR_STATES);
  add_table(shape, "you.tune", vocab);
  add_table(shape, "you.tune.trust", TRUSTS);
  add_leaps(shape, "own", 0, parts, OWN);
  add_leaps(shape, "top", 0, parts, OWN);
  add_leaps(shape, "above", 1, parts, OTHER);
  add_leaps(shape, "below", 0, parts - 1, OTHER);
  add_pointer(shape, "near", vocab);
  add_pointer(shape, "far", vocab);
  add_leaps(shape, "you", 0, parts, OTHER);
  add_pointer(shape, "you.tune", vocab);
  shape->n_kinds = RECENCIES * SHARES;
  shape->kind_first = PMT_TOKEN_NOTE;
  shape->kind_count = 128 * parts;
  shape->kind_span = 128;
}

void pmt_listener_reset(PmtListener* const l, const uint32_t parts) {
  memset(l, 0, sizeof *l);
  l->parts = parts;
  l->velocity = PMT_VELOCITY_START;
  l->last = PMT_CLASS_BOS;
  l->pitch = l->before = nothing;
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    l->latest[p] = l->top[p] = l->chord[p] = nothing;
  }
}

/* ---- Fingers ----------------------------------------------------------------------------------------------------- */

static PmtToken token_at(const PmtListener* const l, const uint32_t number) {
  return l->token[number % PMT_LISTENER_TOKENS];
}

static PmtHeardSlot* slot_at(PmtListener* const l, const uint32_t number) {
  return &l->slot[number % PMT_LISTENER_SLOTS];
}

/** The slot's tokens are still there. They may be overwritten while a finger is in it: see fetch(). */
static bool is_kept(const PmtListener* const l, const uint32_t at) {
  return l->n - at < PMT_LISTENER_TOKENS;
}

/** Durations after a note, two at most. */
static void fetch_durations(const PmtListener* const l, PmtFinger* const f) {
  for (uint32_t i = 0; i < 2 && f->next < f->end; ++i, ++f->next) {
    const PmtToken token = token_at(l, f->next);
    if (pmt_token_class(token) != PMT_CLASS_DUR) {
      return;
    }
    f->note.duration[i] = token;
  }
}

/** The next note of the earlier slot, as far as it has one. */
static void fetch(const PmtListener* const l, PmtFinger* const f) {
  f->note = (PmtHeardNote){0};
  f->more = false;
  if (!is_kept(l, f->next)) {
    f->next = f->end;
  }
  while (f->next < f->end && !f->more) {
    const PmtToken token = token_at(l, f->next++);
    switch (pmt_token_class(token)) {
    case PMT_CLASS_POS: f->pos = (uint8_t)(token - PMT_TOKEN_POS + 1); break;
    case PMT_CLASS_VEL: f->velocity = (uint8_t)(token - PMT_TOKEN_VEL); break;
    case PMT_CLASS_ORNAMENT: f->note.ornament = token; break;
    case PMT_CLASS_NOTE:
    case PMT_CLASS_DRUM:
      f->note.token = token;
      f->note.order = (uint16_t)pmt_order_key(token);
      f->more = true;
      break;
    default: break;
    }
  }
  f->note.pos = f->pos;
  f->note.velocity = f->velocity;
  fetch_durations(l, f);
}

static bool is_before(const PmtHeardNote* const note, const uint32_t pos, const uint32_t order) {
  return note->pos < pos || (note->pos == pos && note->order < order);
}

/** Past what stands before (pos, order): it was not written again. */
static void pass_over(const PmtListener* const l, PmtFinger* const f, const uint32_t pos, const uint32_t order) {
  while (f->more && is_before(&f->note, pos, order)) {
    fetch(l, f);
    f->agree = 2;
  }
}

static void agree(PmtFinger* const f, const bool as_there) {
  f->agree = !as_there ? 2 : f->agree ? f->agree : 1;
}

static void follow_note(const PmtListener* const l, PmtFinger* const f, const PmtToken token) {
  const uint32_t order = pmt_order_key(token);
  pass_over(l, f, l->pos, order);
  f->same = f->more && f->note.pos == l->pos && f->note.token == token;
  agree(f, f->same);
  if (f->same) {
    f->at_hand = f->note;
    fetch(l, f);
  }
}

/** The earlier slot's token that would come now; nothing where it has no answer. */
static int16_t told_by(const PmtListener* const l, const PmtFinger* const f) {
  const bool here = f->more && f->note.pos == l->pos;
  const int16_t note = !here ? nothing : (int16_t)f->note.token;
  const int16_t sounded = here && f->note.ornament ? (int16_t)f->note.ornament : note;
  if (!f->here) {
    return nothing;
  }
  switch (l->last) {
  case PMT_CLASS_NOTE: return f->same && f->at_hand.duration[0] ? (int16_t)f->at_hand.duration[0] : nothing;
  case PMT_CLASS_VEL: return sounded;
  case PMT_CLASS_ORNAMENT: return note;
  case PMT_CLASS_DUR:
    if (f->same && f->at_hand.duration[1]) {
      return (int16_t)f->at_hand.duration[1];
    }
    break;
  case PMT_CLASS_POS:
    if (!here) {
      return nothing;
    }
    break;
  default: break;
  }
  if (!f->more) {
    return is_kept(l, f->end) ? (int16_t)token_at(l, f->end) : nothing; /* the slot ends: the T token after it */
  }
  if (!here) {
    return (int16_t)pmt_token_pos(f->note.pos);
  }
  return f->note.velocity != l->velocity ? (int16_t)pmt_token_vel(f->note.velocity) : sounded;
}

/* ---- Slots ------------------------------------------------------------------------------------------------------- */

static uint8_t run_class(const uint32_t run) {
  uint8_t class = 0;
  while (class < RUNS - 1 && run >> class) {
    ++class;
  }
  return class; /* 0, 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64 and more */
}

static uint32_t oldest_slot(const PmtListener* const l) {
  return l->n_slots > PMT_LISTENER_SLOTS ? l->n_slots - PMT_LISTENER_SLOTS : 0;
}

static bool alike(const PmtHeardSlot* const a, const PmtHeardSlot* const b) {
  return a->k == b->k && a->notes == b->notes;
}

/** Slot n_slots is about to begin: how far does the past of each earlier slot agree with its own? From the latest down,
    so that the run of the one before is still that of a slot ago. */
static void update_runs(PmtListener* const l) {
  if (!l->n_slots) {
    return;
  }
  const PmtHeardSlot* const last = slot_at(l, l->n_slots - 1);
  const uint32_t oldest = oldest_slot(l);
  for (uint32_t j = l->n_slots - 1; j > oldest; --j) {
    const PmtHeardSlot* const before = slot_at(l, j - 1);
    PmtHeardSlot* const slot = slot_at(l, j);
    const bool longer = alike(before, last), on_tune = before->k == last->k && before->you == last->you;
    slot->run = (uint16_t)(!longer ? 0 : before->run < UINT16_MAX ? before->run + 1 : UINT16_MAX);
    slot->tune = (uint16_t)(!on_tune ? 0 : before->tune < UINT16_MAX ? before->tune + (last->you != 0) : UINT16_MAX);
  }
  slot_at(l, oldest)->run = slot_at(l, oldest)->tune = 0;
}

static void put_finger(PmtListener* const l, PmtFinger* const f, const uint32_t number, const uint32_t run) {
  const PmtHeardSlot* const slot = slot_at(l, number);
  *f = (PmtFinger){.here = true,
                   .trust = run_class(run),
                   .velocity = slot->velocity,
                   .next = slot->at + 1,
                   .end = number + 1 < l->n_slots ? slot_at(l, number + 1)->at : l->n};
  fetch(l, f);
}

/** How well the player's notes before an earlier slot agree with those before the one that begins. What they begin it with
    has to agree too, when that is known. */
static uint32_t tune_run(const PmtListener* const l, const PmtHeardSlot* const slot, const bool with) {
  return !with ? slot->tune : slot->head == l->ahead ? slot->tune + (uint32_t)(l->ahead != 0) : 0;
}

/** @param k of the slot that begins, whose T token has number l->n @param with what the player begins with it is known */
static void put_fingers(PmtListener* const l, const uint8_t k, const bool with) {
  uint32_t near = UINT32_MAX, far = UINT32_MAX, tune = UINT32_MAX, best = 0;
  for (uint32_t j = l->n_slots; j > oldest_slot(l) && is_kept(l, slot_at(l, j - 1)->at); --j) {
    const PmtHeardSlot* const slot = slot_at(l, j - 1);
    if (slot->k != k) {
      continue;
    }
    near = near == UINT32_MAX ? j - 1 : near;
    if (slot->run && (far == UINT32_MAX || slot->run > slot_at(l, far)->run)) {
      far = j - 1;
    }
    if (tune_run(l, slot, with) > best) {
      best = tune_run(l, slot, with);
      tune = j - 1;
    }
  }
  for (uint32_t i = 0; i < PMT_FINGERS; ++i) {
    l->finger[i].here = false;
  }
  if (near != UINT32_MAX) {
    put_finger(l, &l->finger[PMT_FINGER_NEAR], near, slot_at(l, near)->run);
  }
  if (far != UINT32_MAX) {
    put_finger(l, &l->finger[PMT_FINGER_FAR], far, slot_at(l, far)->run);
  }
  if (tune != UINT32_MAX) {
    put_finger(l, &l->finger[PMT_FINGER_TUNE], tune, best);
  }
}

static void begin_slot(PmtListener* const l, const uint8_t k, const bool with) {
  update_runs(l);
  put_fingers(l, k, with);
  *slot_at(l, l->n_slots) =
      (PmtHeardSlot){.at = l->n, .k = k, .velocity = l->velocity, .you = l->ahead, .head = l->ahead};
  l->ahead = 0;
  ++l->n_slots;
}

/* ---- Notes ------------------------------------------------------------------------------------------------------- */

/** A new position: the chords of the one before are complete. */
static void move_to(PmtListener* const l, const uint8_t pos) {
  l->pos = pos;
  for (uint32_t p = 0; p < l->parts; ++p) {
    if (l->chord[p] >= 0) {
      l->top[p] = l->chord[p];
      l->chord[p] = nothing;
    }
  }
}

/* @param slots 1 + number of the slot; before any slot, never */
static void count_class(PmtListener* const l, const uint32_t class, const uint32_t slots) {
  l->heard[class] = slots;
  ++l->share[class];
  if (++l->n_shared < PMT_LISTENER_NOTES) {
    return;
  }
  l->n_shared = 0;
  for (uint32_t c = 0; c < PMT_CLASSES; ++c) {
    l->share[c] /= 2;
    l->n_shared = (uint16_t)(l->n_shared + l->share[c]);
  }
}

static void take_pitch(PmtListener* const l, const PmtToken token) {
  const uint32_t part = pmt_note_part(token) % PMT_PARTS_MAX, pitch = pmt_note_pitch(token);
  l->before = l->latest[part];
  l->latest[part] = l->pitch = (int16_t)pitch;
  l->part = (uint8_t)part;
  l->chord[part] = l->chord[part] >= 0 ? l->chord[part] : l->pitch;
  count_class(l, pitch % PMT_CLASSES, l->n_slots);
}

void pmt_listener_overhear(PmtListener* const l, const uint32_t pitch, const uint32_t pos, const bool ahead) {
  const uint32_t hash = (pitch + 1) * 0x9e3779b1u;
  count_class(l, pitch % PMT_CLASSES, l->n_slots + ahead);
  if (ahead) {
    l->ahead += hash;
  } else if (l->n_slots) {
    PmtHeardSlot* const slot = slot_at(l, l->n_slots - 1);
    slot->you += hash;
    slot->head += pos ? 0 : hash;
  }
}

static void take_note(PmtListener* const l, const PmtToken token) {
  for (uint32_t i = 0; i < PMT_FINGERS; ++i) {
    follow_note(l, &l->finger[i], token);
  }
  if (l->n_slots) {
    PmtHeardSlot* const slot = slot_at(l, l->n_slots - 1);
    slot->notes = (slot->notes ^ ((uint32_t)token << 4 | l->pos)) * 0x9e3779b1u;
  }
  if (token >= PMT_TOKEN_NOTE) {
    take_pitch(l, token);
  }
}

static void take_duration(PmtListener* const l, const PmtToken token) {
  const uint32_t which = l->last == PMT_CLASS_NOTE ? 0 : 1;
  for (uint32_t i = 0; i < PMT_FINGERS; ++i) {
    PmtFinger* const f = &l->finger[i];
    f->same = f->same && f->at_hand.duration[which] == token;
    agree(f, f->same);
  }
}

static void take(PmtListener* const l, const PmtToken token, const PmtTokenClass class, const bool with) {
  switch (class) {
  case PMT_CLASS_SLOT:
    move_to(l, 0);
    begin_slot(l, (uint8_t)(token - PMT_TOKEN_SLOT), with);
    break;
  case PMT_CLASS_POS:
    move_to(l, (uint8_t)(token - PMT_TOKEN_POS + 1));
    for (uint32_t i = 0; i < PMT_FINGERS; ++i) {
      pass_over(l, &l->finger[i], l->pos, 0);
    }
    break;
  case PMT_CLASS_VEL: l->velocity = (uint8_t)(token - PMT_TOKEN_VEL); break;
  case PMT_CLASS_DUR: take_duration(l, token); break;
  case PMT_CLASS_NOTE:
  case PMT_CLASS_DRUM: take_note(l, token); break;
  default: break;
  }
}

/* ---- Telling ----------------------------------------------------------------------------------------------------- */

/** How many slots ago a pitch class began: this one, the last, 2, 3-4, 5-8, 9-16, 17-32, longer or never. */
static uint8_t recency(const PmtListener* const l, const uint32_t class) {
  if (!l->heard[class]) {
    return RECENCIES - 1;
  }
  const uint32_t ago = l->n_slots - l->heard[class];
  uint8_t i = ago < 2 ? (uint8_t)ago : 2;
  while (i >= 2 && i < RECENCIES - 1 && ago > 1u << (i - 1)) {
    ++i;
  }
  return i;
}

/** Its share of the notes in halves: up to 1/128 or nothing, 1/64, 1/32 ... above 1/2. */
static uint8_t share(const PmtListener* const l, const uint32_t class) {
  uint8_t i = 0;
  while (i < SHARES - 1 && (uint32_t)l->share[class] << (SHARES - 1 - i) > l->n_shared) {
    ++i;
  }
  return i;
}

static int16_t interval(const int16_t from, const int16_t to, const int most) {
  if (from < 0 || to < 0) {
    return nothing;
  }
  const int by = to - from;
  return (int16_t)((by < -most ? -most : by > most ? most : by) + most);
}

static int16_t* tell_finger(const PmtListener* const l, const PmtFinger* const f, int16_t* row) {
  *row++ = told_by(l, f);
  *row++ = f->here ? (int16_t)(f->trust * AGREEMENTS + f->agree) : nothing;
  return row;
}

/* @param last last pitch of each part */
static int16_t* tell_tables(const PmtListener* const l, const int16_t* const last, int16_t* row) {
  row = tell_finger(l, &l->finger[PMT_FINGER_NEAR], row);
  row = tell_finger(l, &l->finger[PMT_FINGER_FAR], row);
  *row++ = interval(l->before, l->pitch, MOTION);
  for (uint32_t p = 0; p < l->parts; ++p) {
    *row++ = interval(last[p], l->pitch, CHORD);
  }
  for (uint32_t c = 0; c < PMT_CLASSES; ++c) {
    *row++ = l->pitch < 0 ? nothing : (int16_t)recency(l, ((uint32_t)l->pitch + c) % PMT_CLASSES);
  }
  return row;
}

static int16_t at_most(const uint32_t n, const uint32_t most) { return (int16_t)(n < most ? n : most); }

/* Pitch classes are told from our last note on; before there is one, from their lowest. @return what the tune says */
static int16_t tell_you(const PmtListener* const l, const PmtEar* const ear, int16_t* row) {
  const int16_t from = l->pitch < 0 ? ear->low : l->pitch;
  *row++ = (int16_t)((ear->mode - PMT_EAR_BEFORE) * PMT_EAR_DOINGS + (uint32_t)pmt_ear_doing(ear));
  *row++ = at_most((uint32_t)ear->onsets[0] + ear->onsets[1], YOU_BUSY - 1);
  *row++ = at_most(ear->n_down, YOU_VOICES - 1);
  *row++ = interval(ear->before, ear->top, MOTION);
  *row++ = interval(l->pitch, ear->top, YOU);
  *row++ = interval(l->pitch, ear->low, YOU);
  for (uint32_t c = 0; c < PMT_CLASSES; ++c) {
    *row++ = from < 0 ? nothing : (int16_t)pmt_ear_class(ear, ((uint32_t)from + c) % PMT_CLASSES);
  }
  tell_finger(l, &l->finger[PMT_FINGER_TUNE], row);
  return *row;
}

/** The last pitch of the nearest part above. */
static int16_t above(const int16_t* const last, const uint32_t part) {
  uint32_t p = part;
  while (p > 0 && last[p - 1] < 0) {
    --p;
  }
  return p ? last[p - 1] : nothing;
}

/** The last pitch of the lowest part, which is not this one. */
static int16_t below(const int16_t* const last, const uint32_t parts, const uint32_t part) {
  uint32_t p = parts - 1;
  while (p > part && last[p] < 0) {
    --p;
  }
  return p > part ? last[p] : nothing;
}

static int16_t* tell_anchors(const PmtListener* const l, const int16_t* const last, const PmtHints* const told,
                             int16_t* anchor) {
  for (uint32_t p = 0; p < l->parts; ++p) {
    *anchor++ = l->latest[p];
  }
  for (uint32_t p = 0; p < l->parts; ++p) {
    *anchor++ = l->top[p];
  }
  for (uint32_t p = 1; p < l->parts; ++p) {
    *anchor++ = above(last, p);
  }
  for (uint32_t p = 0; p + 1 < l->parts; ++p) {
    *anchor++ = below(last, l->parts, p);
  }
  *anchor++ = told->row[TABLE_NEAR];
  *anchor++ = told->row[TABLE_FAR];
  return anchor;
}

/** The last pitch of each part. Of those that the player has taken, the first has their highest key, the others have the
    lowest. */
static void find_last(const PmtListener* const l, const PmtEar* const ear, int16_t last[PMT_PARTS_MAX]) {
  memcpy(last, l->latest, sizeof l->latest);
  if (!ear || ear->top < 0) {
    return;
  }
  bool first = true;
  for (uint32_t p = 0; p < l->parts; ++p) {
    if (ear->parts >> p & 1) {
      last[p] = first ? ear->top : ear->low;
      first = false;
    }
  }
}

void pmt_listener_hear(PmtListener* const l, const PmtToken token, const PmtEar* const ear, PmtHints* const hints) {
  const PmtTokenClass class = pmt_token_class(token);
  const PmtEar* const you = ear && ear->mode != PMT_EAR_OFF ? ear : NULL;
  int16_t last[PMT_PARTS_MAX];
  if (class == PMT_CLASS_BOS) {
    pmt_listener_reset(l, l->parts);
  }
  take(l, token, class, you && you->mode == PMT_EAR_WITH);
  l->last = class == PMT_CLASS_DUR && l->last != PMT_CLASS_NOTE ? PMT_CLASS_DRUM : class;
  l->token[l->n++ % PMT_LISTENER_TOKENS] = token;
  memset(hints->row, -1, sizeof hints->row);
  memset(hints->anchor, -1, sizeof hints->anchor);
  find_last(l, you, last);
  int16_t* const row = tell_tables(l, last, hints->row);
  int16_t* anchor = tell_anchors(l, last, hints, hints->anchor);
  if (you) {
    const int16_t tune = tell_you(l, you, row);
    for (uint32_t p = 0; p < l->parts; ++p) {
      *anchor++ = you->top;
    }
    *anchor = tune;
  }
  for (uint32_t c = 0; c < PMT_CLASSES; ++c) {
    hints->kind[c] = (uint8_t)(recency(l, c) * SHARES + share(l, c));
  }
}

/* Steps of major; of minor, with both sevenths. */
static const uint16_t scale[] = {0xab5, 0xdad};

void pmt_listener_lean(PmtHints* const hints, const uint32_t key) {
  if (key < 1 || key > 2 * PMT_CLASSES) {
    return;
  }
  const uint32_t root = (key - 1) % PMT_CLASSES;
  for (uint32_t c = 0; c < PMT_CLASSES; ++c) {
    const bool in_key = scale[(key - 1) / PMT_CLASSES] >> ((c + PMT_CLASSES - root) % PMT_CLASSES) & 1;
    uint32_t ago = hints->kind[c] / SHARES, often = hints->kind[c] % SHARES;
    if (in_key) {
      ago = ago > LEAN_AGO ? LEAN_AGO : ago;
      often = often < LEAN_OFTEN ? LEAN_OFTEN : often;
    } else {
      ago = ago <= LEAN_AGO ? LEAN_AGO + 1 : ago;
      often = often >= LEAN_OFTEN ? LEAN_OFTEN - 1 : often;
    }
    hints->kind[c] = (uint8_t)(ago * SHARES + often);
  }
}
