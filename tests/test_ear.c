/* SPDX-License-Identifier: ISC */
/* The player's stream: what an ear makes of keys, what a listener tells of it, and what training takes out of pieces. */
#include "base/random.h"
#include "check.h"
#include "gen/hearing.h"
#include "gen/reader_private.h" /* what it is told, before it is */
#include "music/ear.h"
#include "music/grammar.h"
#include "music/listener.h"
#include "support/engine_script.h"
#include "train/stream.h"
#include "train/taken.h"

#include <stdlib.h>
#include <string.h>

/* ---- The ear ----------------------------------------------------------------------------------------------------- */

/** As slow and plain as can be. */
typedef struct {
  bool down[128];
  uint32_t struck[12], last, slot, onsets[2];
  bool now[12], any_now;
  int top, low;
} Plain;

static void plain_ends(Plain* const p) {
  int top = -1, low = -1;
  for (int k = 0; k < 128; ++k) {
    if (p->down[k]) {
      low = low < 0 ? k : low;
      top = k;
    }
  }
  p->top = top < 0 ? p->top : top;
  p->low = low < 0 ? p->low : low;
}

static uint32_t plain_class(const Plain* const p, const uint32_t class) {
  const uint32_t ago = p->slot + 1 - p->struck[class];
  bool sounds = false;
  for (uint32_t k = class; k < 128; k += 12) {
    sounds |= p->down[k];
  }
  return !p->struck[class] ? 7 : p->now[class] ? 0 : sounds ? (ago < 2 ? 1 : 2) : ago < 2 ? 3 : ago < 5 ? 4 : ago < 9 ? 5 : ago < 33 ? 6 : 7;
}

static void test_keys(void) {
  PmtEar e;
  Plain p = {.top = -1, .low = -1};
  pmt_ear_reset(&e);
  for (uint64_t i = 0; i < 20000; ++i) {
    const uint64_t bits = pmt_random_bits(1, 2, i);
    const uint32_t pitch = (uint32_t)(bits >> 8) % 128;
    switch (bits % 8) {
    case 0:
    case 1:
    case 2: {
      const bool now = bits >> 20 & 1;
      pmt_ear_press(&e, pitch, now);
      p.down[pitch] = true;
      p.last = p.struck[pitch % 12] = p.slot + 1;
      p.now[pitch % 12] |= now;
      p.any_now |= now;
      ++p.onsets[0];
      break;
    }
    case 3:
    case 4:
    case 5:
      pmt_ear_release(&e, pitch);
      p.down[pitch] = false;
      break;
    default:
      if (bits >> 40 & 1) {
        pmt_ear_begin_slot(&e);
        ++p.slot;
        p.onsets[1] = p.onsets[0];
        p.onsets[0] = 0;
        memset(p.now, 0, sizeof p.now);
        p.any_now = false;
      } else if ((bits >> 41) % 60 == 0) { /* silence, and for how long */
        pmt_ear_release_all(&e);
        memset(p.down, 0, sizeof p.down);
        for (uint32_t k = 0; k < (bits >> 50) % 40; ++k) {
          pmt_ear_begin_slot(&e);
          ++p.slot;
          p.onsets[1] = p.onsets[0];
          p.onsets[0] = 0;
        }
        p.any_now = (bits >> 50) % 40 ? false : p.any_now;
        if ((bits >> 50) % 40) {
          memset(p.now, 0, sizeof p.now);
        }
      }
      break;
    }
    plain_ends(&p);
    uint32_t n = 0;
    for (uint32_t k = 0; k < 128; ++k) {
      n += p.down[k];
    }
    CHECK(e.n_down == n && e.top == p.top && e.low == p.low && e.onsets[0] == p.onsets[0] && e.onsets[1] == p.onsets[1]);
    for (uint32_t c = 0; c < 12; ++c) {
      CHECK(pmt_ear_class(&e, c) == plain_class(&p, c));
    }
    const uint32_t ago = p.slot + 1 - p.last;
    const PmtEarDoing doing = !p.last                ? PMT_EAR_NEVER
                              : n && p.any_now       ? PMT_EAR_STRIKES
                              : n                    ? (ago == 0   ? PMT_EAR_PLAYS
                                                        : ago == 1 ? PMT_EAR_PLAYED
                                                                   : PMT_EAR_HOLDS)
                              : ago >= 16            ? PMT_EAR_GONE
                              : ago >= 4             ? PMT_EAR_RESTS
                                                     : PMT_EAR_BREATHES;
    CHECK(pmt_ear_doing(&e) == doing);
  }
}

/** The top that was there before stays known through repeated keys and rests. */
static void test_motion(void) {
  PmtEar e;
  pmt_ear_reset(&e);
  CHECK(e.top == -1 && e.before == -1 && pmt_ear_doing(&e) == PMT_EAR_NEVER);
  pmt_ear_press(&e, 60, false);
  CHECK(e.top == 60 && e.before == -1);
  pmt_ear_press(&e, 60, false);
  pmt_ear_release(&e, 60);
  CHECK(e.top == 60 && e.before == -1 && !e.n_down);
  pmt_ear_press(&e, 64, false);
  CHECK(e.top == 64 && e.before == 60);
  for (uint32_t k = 0; k < 128; ++k) { /* all at once */
    pmt_ear_press(&e, k, true);
  }
  CHECK(e.n_down == 128 && e.top == 127 && e.low == 0);
  for (uint32_t i = 0; i < 70000; ++i) {
    pmt_ear_press(&e, 5, false);
  }
  CHECK(e.onsets[0] == UINT16_MAX && e.n_down == 128);
}

/* ---- The listener ------------------------------------------------------------------------------------------------ */

static int find_table(const PmtHintShape* const shape, const char* const name) {
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    if (!strcmp(shape->table[i].name, name)) {
      return (int)i;
    }
  }
  CHECKF(false, "no table %s", name);
  return 0;
}

static int find_leap(const PmtHintShape* const shape, const char* const name) {
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    if (!strcmp(shape->leap[i].name, name)) {
      return (int)i;
    }
  }
  CHECKF(false, "no leap %s", name);
  return 0;
}

/** Without a player nothing is told of one, and with one nothing else changes that is not theirs. */
static void test_nobody(void) {
  enum { PARTS = 4 };
  PmtHintShape shape;
  pmt_listener_shape(PARTS, &shape);
  PmtListener a, b;
  PmtHints deaf, off;
  PmtEar ear;
  pmt_ear_reset(&ear);
  pmt_listener_reset(&a, PARTS);
  pmt_listener_reset(&b, PARTS);
  for (uint64_t i = 0; i < 4000; ++i) {
    const PmtToken token = (PmtToken)(pmt_random_bits(3, 4, i) % 640);
    pmt_listener_hear(&a, token, NULL, &deaf);
    pmt_listener_hear(&b, token, &ear, &off);
    CHECK(!memcmp(&deaf, &off, sizeof deaf));
    for (uint32_t t = 0; t < shape.n_tables; ++t) {
      CHECK(strncmp(shape.table[t].name, "you", 3) || deaf.row[t] == -1);
    }
  }
  CHECK(!strcmp(shape.table[find_table(&shape, PMT_LISTENER_YOU)].name, PMT_LISTENER_YOU));
}

static void hear(PmtListener* const l, PmtEar* const ear, const PmtToken token, PmtHints* const hints) {
  pmt_listener_hear(l, token, ear, hints);
}

/** A slot in which the player begins some keys at its head: known at once (WITH), or once it is over. */
static void begin_slot(PmtListener* const l, PmtEar* const ear, const uint32_t k, const uint32_t* const keys,
                       const uint32_t n, PmtHints* const hints) {
  const bool with = ear->mode == PMT_EAR_WITH;
  pmt_ear_begin_slot(ear);
  for (uint32_t i = 0; i < n && with; ++i) {
    pmt_ear_press(ear, keys[i], true);
    pmt_listener_overhear(l, keys[i], 0, true);
  }
  hear(l, ear, pmt_token_slot(k), hints);
  for (uint32_t i = 0; i < n && !with; ++i) {
    pmt_ear_press(ear, keys[i], false);
    pmt_listener_overhear(l, keys[i], 0, false);
  }
}

/** Where the tune comes again, a finger lies on what was played to it. */
static void test_tune(void) {
  enum { PARTS = 2, BARS = 6 };
  static const uint32_t tune[BARS] = {72, 74, 76, 72, 74, 77}; /* one note a bar of eight slots; bars 3, 4 as 0, 1 */
  for (int with = 0; with < 2; ++with) {
    PmtHintShape shape;
    pmt_listener_shape(PARTS, &shape);
    const int row = find_table(&shape, "you.tune"), trust = find_table(&shape, "you.tune.trust");
    const int anchor = find_leap(&shape, "you.tune"), to_top = find_leap(&shape, "you.1");
    PmtListener l;
    PmtEar ear;
    PmtHints h;
    pmt_ear_reset(&ear);
    ear.mode = with ? PMT_EAR_WITH : PMT_EAR_BEFORE;
    ear.parts = 1;
    pmt_listener_reset(&l, PARTS);
    hear(&l, &ear, PMT_BOS, &h);
    CHECK(h.row[row] == -1 && h.anchor[anchor] == -1 && h.anchor[to_top] == -1);
    for (uint32_t bar = 0; bar < BARS; ++bar) {
      for (uint32_t k = 0; k < 8; ++k) {
        begin_slot(&l, &ear, k, &tune[bar], k == 0, &h);
        if (with || bar || k) {
          CHECK(h.anchor[to_top] == (int)(k || with ? tune[bar] : tune[bar - 1]));
        }
        /* Known with the slot: bar 3 is bar 0 again at once, and bar 5 is nothing that was. Else a bar is known when its
           note is over, which makes a slot of it. */
        const bool again = bar == 3 || bar == 4 || (!with && bar == 5 && k == 0);
        if (again && (with || k)) {
          const PmtToken there = pmt_token_note(1, 40 + tune[bar] % 12);
          const PmtToken told = k ? pmt_token_slot((k + 1) % 8) : there;
          CHECKF(h.row[row] == (int)told && h.anchor[anchor] == (int)told && h.row[trust] >= 0, "with %d, bar %u, slot %u: %d",
                 with, bar, k, h.row[row]);
        }
        if (with && bar == 5 && !k) {
          CHECK(h.row[row] == -1 && h.row[trust] == -1);
        }
        if (!k) {
          hear(&l, &ear, pmt_token_note(1, 40 + tune[bar] % 12), &h); /* the other player's note depends on the tune */
          hear(&l, &ear, PMT_TOKEN_DUR + 7, &h);
        }
      }
      pmt_ear_release(&ear, tune[bar]);
    }
  }
}

/** A part that the player has taken is where they are. */
static void test_part_taken(void) {
  enum { PARTS = 4 };
  PmtHintShape shape;
  pmt_listener_shape(PARTS, &shape);
  PmtListener l;
  PmtEar ear;
  PmtHints h;
  pmt_ear_reset(&ear);
  ear.mode = PMT_EAR_WITH;
  ear.parts = 1 | 4;
  pmt_listener_reset(&l, PARTS);
  static const uint32_t keys[] = {50, 62, 71};
  begin_slot(&l, &ear, 0, keys, 3, &h);
  CHECK(h.anchor[find_leap(&shape, "above.1")] == 71 && h.anchor[find_leap(&shape, "above.3")] == 50);
  CHECK(h.anchor[find_leap(&shape, "below.1")] == 50 && h.anchor[find_leap(&shape, "own.0")] == -1);
  CHECK(h.row[find_table(&shape, "you.voices")] == 3 && h.row[find_table(&shape, PMT_LISTENER_YOU)] == PMT_EAR_DOINGS + PMT_EAR_STRIKES);
  CHECK(h.kind[50 % 12] / 8 == 0 && h.kind[11] / 8 == 0); /* their notes are music heard in this slot */
  ear.parts = 0;
  hear(&l, &ear, pmt_token_note(1, 64), &h);
  CHECK(h.anchor[find_leap(&shape, "above.1")] == -1);
  CHECK(h.row[find_table(&shape, "you.top")] == 36 + 71 - 64 && h.row[find_table(&shape, "you.low")] == 36 + 50 - 64);
  CHECK(h.row[find_table(&shape, "you.scale.0")] == PMT_EAR_STATES - 1 && h.row[find_table(&shape, "you.scale.7")] == 0);
}

/* ---- What training takes out ------------------------------------------------------------------------------------- */

enum { TAKEN_PARTS = 3, TAKEN_BARS = 24 };

static PmtPiece make_piece(const uint64_t seed, const bool drums) {
  static PmtNote notes[TAKEN_BARS * 64];
  static PmtBar bars[TAKEN_BARS];
  size_t n = 0;
  for (uint32_t b = 0; b < TAKEN_BARS; ++b) {
    bars[b] = (PmtBar){.tick = b * 96, .ticks = 96, .beats = 4, .unit = 4};
    for (uint32_t t = 0; t < 96; t += 6) {
      for (uint32_t p = 0; p < TAKEN_PARTS; ++p) {
        const uint64_t bits = pmt_random_bits(seed, b * 96 + t, p);
        if (bits % 3 == 0) {
          notes[n++] = (PmtNote){.onset = b * 96 + t, .duration = 6, .part = (uint8_t)p, .velocity = (uint8_t)(bits >> 8 & 7),
                                 .pitch = (uint8_t)(80 - 16 * p + (bits >> 16) % 12),
                                 .ornament = (uint8_t)((bits >> 30) % 9 == 0 ? PMT_TURN : PMT_PLAIN)};
        }
      }
      if (drums && t % 24 == 0) {
        notes[n++] = (PmtNote){.onset = b * 96 + t, .part = PMT_PART_DRUMS, .pitch = 36, .velocity = 5};
      }
    }
  }
  const PmtScore score = {.notes = notes, .n_notes = n, .bars = bars, .n_bars = TAKEN_BARS, .parts = TAKEN_PARTS, .has_drums = drums};
  PmtPiece piece = {.name = NULL};
  PmtError error = {""};
  CHECKF(!pmt_piece_of_score(&score, &piece, &error), "%s", error.text);
  return piece;
}

typedef struct { PmtCell* cells; size_t room, n; } Cells;

static Cells vary(const PmtPiece* const piece, const PmtTaken taken, const int transpose) {
  static const uint16_t octiles[PMT_OCTILE_LIMITS] = {0};
  PmtVariation v = pmt_variation_plain(false);
  v.listen = 4;
  v.transpose = transpose;
  v.taken = taken;
  v.chance = 7;
  Cells c = {NULL, 0, 0};
  CHECK(!pmt_vary(piece, &v, 0, octiles, &c.cells, &c.room, &c.n));
  return c;
}

/** The tokens that stay are those of the piece without the parts: the same as if it had been written so. */
static void test_tokens(void) {
  PmtPiece piece = make_piece(1, true);
  for (uint32_t parts = 0; parts < 1 << TAKEN_PARTS; ++parts) {
    const Cells cells = vary(&piece, (PmtTaken){.ear = PMT_EAR_BEFORE, .parts = parts}, 2);
    const PmtSequence* const s = &piece.sequence;
    size_t at = 0, notes = 0, taken = 0;
    for (size_t i = 0; i < s->n_tokens; ++i) {
      const PmtTokenClass class = pmt_token_class(s->tokens[i]);
      taken += class == PMT_CLASS_NOTE && parts >> pmt_note_part(s->tokens[i]) & 1;
      if (class != PMT_CLASS_NOTE || parts >> pmt_note_part(s->tokens[i]) & 1) {
        continue;
      }
      while (at < cells.n && pmt_token_class(cells.cells[at].token) != PMT_CLASS_NOTE) {
        ++at;
      }
      CHECK(at + 1 < cells.n && cells.cells[at].token == s->tokens[i] + 2);
      CHECK(cells.cells[at].target == s->tokens[i + 1]); /* its duration stays with it */
      ++at;
      ++notes;
    }
    PmtGrammar grammar; /* and the whole is grammatical: nothing dangles */
    PmtLimits limits;
    pmt_limits_clear(&limits);
    for (uint32_t t = PMT_TOKEN_DRUM; t < 640; ++t) {
      if (pmt_token_class((PmtToken)t) == PMT_CLASS_NOTE || pmt_token_class((PmtToken)t) == PMT_CLASS_DRUM) {
        pmt_limits_set(&limits, (PmtToken)t, true);
      }
    }
    limits.ornaments = limits.velocity = true;
    limits.polyphony = 128;
    pmt_grammar_reset(&grammar);
    uint32_t k = 0;
    for (size_t i = 1; i < cells.n; ++i) {
      const PmtToken token = cells.cells[i].token;
      if (pmt_token_class(token) == PMT_CLASS_SLOT) {
        CHECK(token == pmt_token_slot(k % 8));
        pmt_grammar_begin_slot(&grammar, k % 8, 12, (k + 1) % 8, 0, 100);
        ++k;
        continue;
      }
      uint64_t mask[PMT_MASK_WORDS];
      pmt_grammar_mask(&grammar, &limits, 4, mask);
      CHECKF(mask[token / 64] >> token % 64 & 1, "parts %u, token %zu, %u, is not allowed", parts, i, token);
      pmt_grammar_accept(&grammar, &limits, 4, token);
    }
    CHECK(notes + taken > 100 && (parts ? taken > 0 : !taken));
    free(cells.cells);
  }
  free(piece.sequence.tokens);
  free(piece.sequence.slots);
}

static uint32_t slot_of(const Cells* const cells, const size_t i) {
  uint32_t slots = 0;
  for (size_t k = 0; k <= i; ++k) {
    slots += cells->cells[k].beat;
  }
  return slots;
}

static bool tells_alike(const PmtCell* const a, const PmtCell* const b) { return !memcmp(&a->hints, &b->hints, sizeof a->hints); }

/** Nothing is told of notes that have not come: what the player does from some slot on changes nothing before it, and with
    PMT_EAR_WITH something at once. */
static void test_causality(void) {
  PmtPiece piece = make_piece(1, false), other = make_piece(1, false);
  const uint32_t from = 60; /* slot */
  const PmtSequence* const s = &piece.sequence;
  for (size_t i = 0; i < s->n_tokens; ++i) { /* another tune from there on */
    if (i >= s->slots[from].token && pmt_token_class(s->tokens[i]) == PMT_CLASS_NOTE && !pmt_note_part(s->tokens[i])) {
      other.sequence.tokens[i] = (PmtToken)(s->tokens[i] - 5);
    }
  }
  for (int mode = PMT_EAR_BEFORE; mode <= PMT_EAR_WITH; ++mode) {
    const PmtTaken taken = {.ear = (PmtEarMode)mode, .parts = 1};
    PmtTaken wrong = taken;
    wrong.other = &other.sequence;
    const Cells a = vary(&piece, taken, 0), b = vary(&piece, wrong, 0);
    uint32_t first = UINT32_MAX;
    CHECK(a.n == b.n);
    for (size_t i = 0; i < a.n && first == UINT32_MAX; ++i) {
      CHECK(a.cells[i].token == b.cells[i].token && a.cells[i].target == b.cells[i].target);
      first = tells_alike(&a.cells[i], &b.cells[i]) ? first : slot_of(&a, i) - 1;
    }
    CHECKF(first >= from + (mode == PMT_EAR_BEFORE) && first <= from + 8, "mode %d: told in slot %u", mode, first);
    free(a.cells);
    free(b.cells);
  }
  /* Silence and deafness: no table of the player is told, or only that they do nothing. */
  PmtHintShape shape;
  pmt_listener_shape(4, &shape);
  const int you = find_table(&shape, PMT_LISTENER_YOU);
  const Cells deaf = vary(&piece, (PmtTaken){.ear = PMT_EAR_OFF, .parts = 1}, 0);
  const Cells idle = vary(&piece, (PmtTaken){.ear = PMT_EAR_BEFORE, .parts = 1, .silent = true}, 0);
  CHECK(deaf.n == idle.n);
  for (size_t i = 0; i < deaf.n; ++i) {
    CHECK(deaf.cells[i].token == idle.cells[i].token);
    CHECK(deaf.cells[i].hints.row[you] == -1 && idle.cells[i].hints.row[you] == PMT_EAR_NEVER);
  }
  free(deaf.cells);
  free(idle.cells);
  free(piece.sequence.tokens), free(piece.sequence.slots);
  free(other.sequence.tokens), free(other.sequence.slots);
}

/** Keys go down and up as often, in time, each for as long as it was written. */
static void test_events(void) {
  PmtPiece piece = make_piece(3, true);
  CHECK(pmt_piece_parts(&piece) == 7);
  PmtKeyEvents e = {NULL, 0, 0};
  for (int late = 0; late < 2; ++late) {
    CHECK(!pmt_take_parts(&piece.sequence, 5, -1, late ? 0.5f : 0.0f, 4, &e));
    int balance = 0;
    size_t downs = 0, tardy = 0;
    for (size_t i = 0; i < e.n; ++i) {
      CHECK(!i || e.event[i - 1].tick < e.event[i].tick || (e.event[i - 1].tick == e.event[i].tick && e.event[i - 1].down <= e.event[i].down));
      balance += e.event[i].down ? 1 : -1;
      downs += e.event[i].down;
      tardy += e.event[i].down && e.event[i].tick % 6;
      CHECK(balance >= 0);
      CHECK((e.event[i].pitch >= 79 && e.event[i].pitch < 91) || (e.event[i].pitch >= 47 && e.event[i].pitch < 59));
    }
    CHECK(!balance && downs > 100 && (late ? tardy > downs / 3 : !tardy));
  }
  CHECK(!pmt_take_parts(&piece.sequence, 0, 0, 0.0f, 4, &e) && !e.n);
  free(e.event);
  free(piece.sequence.tokens), free(piece.sequence.slots);
}

enum { TOLD_BARS = 2 };

/** A tune that does all that can be asked of it, and what accompanies it. */
static PmtPiece make_told(void) {
  static PmtBar bars[TOLD_BARS] = {{0, 96, 0, 4, 4}, {96, 96, 0, 4, 4}};
  static PmtNote notes[] = {
    {0, 12, 0, 72, 6, PMT_TRILL}, {0, 24, 1, 60, 6, 0}, /* with a slot, and someone below */
    {18, 12, 0, 74, 4, 0},                              /* within a slot: at the next one's head, for what is left */
    {30, 3, 0, 76, 4, 0},                               /* ended by then: never */
    {36, 24, 0, 81, 4, 0}, {36, 24, 0, 79, 4, 0}, {36, 24, 0, 77, 4, 0}, {36, 24, 0, 76, 4, 0}, {36, 24, 0, 74, 4, 0},
    {42, 6, 1, 55, 4, 0},                               /* a chord of five, of which four; then another, behind them */
    {66, 6, 0, 72, 4, 0}, {72, 12, 0, 72, 4, 0},        /* ends with the slot, and is struck again: once */
    {72, 12, 1, 57, 4, 0},
    {85, 18, 0, 71, 4, 0},                              /* over the bar line: seven ticks are left, two tokens */
    {103, 1, 1, 62, 4, 0},
  };
  const PmtScore score = {.notes = notes, .n_notes = sizeof notes / sizeof *notes, .bars = bars, .n_bars = TOLD_BARS,
                          .parts = 2};
  PmtPiece piece = {.name = NULL};
  PmtError error = {""};
  CHECKF(!pmt_piece_of_score(&score, &piece, &error), "%s", error.text);
  return piece;
}

/** Is this what is fed, with "you" in front of what is not asked for? And nobody is heard beside. */
static void check_told(const PmtPiece* const piece, const PmtTaken taken, const char* const expected) {
  const Cells c = vary(piece, taken, 0);
  PmtHintShape shape;
  char text[1024] = "";
  pmt_listener_shape(4, &shape);
  const int you = find_table(&shape, PMT_LISTENER_YOU);
  for (size_t i = 0; i < c.n; ++i) {
    const size_t used = strlen(text);
    char name[24];
    pmt_token_name(c.cells[i].target, name, sizeof name);
    snprintf(text + used, sizeof text - used, "%s%s%s", i ? " " : "", c.cells[i].counts ? "" : "you ", name);
    CHECK(!i || c.cells[i].token == c.cells[i - 1].target);
    CHECK(c.cells[i].hints.row[you] == -1);
  }
  CHECKF(!strcmp(text, expected), "\n%s\nand not\n%s", text, expected);
  free(c.cells);
}

/** Told as tokens: what begins with a slot at once, what begins within it at the next head if it sounds then. */
static void test_told(void) {
  PmtPiece piece = make_told(), other = make_told();
  const PmtTaken taken = {.told = true, .parts = 1};
  check_told(&piece, taken,
             "T0 you P0:C5 you D12 VEL6 P1:C4 D24 T1 T2 you P0:D5 you D6 "
             "T3 you P0:A5 you D24 you P0:G5 you D24 you P0:F5 you D24 you P0:E5 you D24 POS6 VEL4 P1:G3 D6 T4 T5 "
             "T6 you P0:C5 you D12 P1:A3 D12 T7 T0 you P0:B4 you D6 you D1 POS7 P1:D4 D1 T1 T2 T3 T4 T5 T6 T7 END");
  const char* const alone = "T0 VEL6 P1:C4 D24 T1 T2 T3 POS6 VEL4 P1:G3 D6 T4 T5 T6 P1:A3 D12 T7 "
                            "T0 POS7 P1:D4 D1 T1 T2 T3 T4 T5 T6 T7 END";
  PmtTaken idle = taken, wrong = taken;
  uint32_t tunes = 0;
  idle.silent = true;
  check_told(&piece, idle, alone);
  for (size_t i = 0; i < other.sequence.n_tokens; ++i) { /* another's part: A4 and no note else */
    const PmtToken token = other.sequence.tokens[i];
    if (pmt_token_class(token) == PMT_CLASS_NOTE) {
      other.sequence.tokens[i] = pmt_token_note(tunes++ > 0, 69);
    }
  }
  wrong.other = &other.sequence;
  check_told(&piece, wrong,
             "T0 you P0:A4 you D12 VEL6 P1:C4 D24 T1 T2 T3 POS6 VEL4 P1:G3 D6 T4 T5 T6 P1:A3 D12 T7 T0 POS7 P1:D4 D1 "
             "T1 T2 T3 T4 T5 T6 T7 END");
  free(piece.sequence.tokens), free(piece.sequence.slots);
  free(other.sequence.tokens), free(other.sequence.slots);
}

/* ---- At play ----------------------------------------------------------------------------------------------------- */

enum { TICK = 1000, RATE = 48000 };

/** The keys of before a slot, or up to its beginning, as MIDI. */
static void play_keys(PmtHearing* const hearing, const PmtKeyEvents* const keys, size_t* const next, const uint32_t end) {
  for (; *next < keys->n && keys->event[*next].tick < end; ++*next) {
    const PmtKeyEvent* const e = &keys->event[*next];
    const uint8_t bytes[3] = {e->down ? 0x90 : 0x80, e->pitch, 80};
    pmt_hearing_take(hearing, bytes, (int64_t)e->tick * TICK);
  }
}

static void check_hints(const PmtReader* const reader, const PmtCell* const cell, const size_t i) {
  PmtListener copy = *reader->before;
  PmtHints hints;
  pmt_listener_hear(&copy, cell->token, reader->ear, &hints);
  const PmtHintShape* const told = pmt_net_hints(reader->model->net);
  for (uint32_t k = 0; k < told->n_tables; ++k) {
    CHECKF(hints.row[k] == cell->hints.row[k], "cell %zu, %s: %d at play, %d in training", i, told->table[k].name, hints.row[k],
           cell->hints.row[k]);
  }
  CHECK(!memcmp(hints.anchor, cell->hints.anchor, told->n_leaps * sizeof *hints.anchor));
  CHECK(!memcmp(hints.kind, cell->hints.kind, sizeof hints.kind));
}

/** Whoever plays with a model is heard as it learned to hear: the same is told of keys that come as MIDI as of parts that were
    taken out of the piece. */
static void check_at_play(const PmtEarMode mode, const uint32_t parts) {
  static const PmtTinyOptions options = {.seed = 5, .parts = 4, .listens = true};
  PmtPiece piece = make_piece(9, true);
  const Cells c = vary(&piece, (PmtTaken){.ear = mode, .parts = parts}, 0);
  PmtModel* const model = pmt_script_model(&options);
  PmtReader* reader;
  PmtHearing hearing;
  PmtKeyEvents keys = {NULL, 0, 0};
  size_t next = 0, slot = 0, told = 0;
  CHECK(!pmt_reader_new(model, &reader) && !pmt_take_parts(&piece.sequence, parts, 0, 0.0f, 0, &keys));
  pmt_hearing_reset(&hearing);
  for (size_t i = 0; i < c.n; ++i) {
    uint64_t spent = 0;
    if (c.cells[i].beat) {
      const uint32_t tick = piece.sequence.slots[slot++].tick;
      play_keys(&hearing, &keys, &next, mode == PMT_EAR_WITH ? tick + 1 : tick);
      pmt_hearing_slot(&hearing, mode, parts, (int64_t)tick * TICK, (int64_t)tick * TICK, RATE, reader);
    }
    if (slot) { /* BOS is fed when the first slot was heard, at play */
      check_hints(reader, &c.cells[i], i);
      told += reader->ear && reader->ear->n_down > 0;
    }
    pmt_reader_begin(reader, c.cells[i].token);
    CHECK(pmt_reader_run(reader, UINT64_MAX, &spent));
  }
  CHECKF(told > c.n / 4, "a player in %zu of %zu cells", told, c.n);
  pmt_reader_free(reader);
  pmt_model_free(model);
  free(keys.event);
  free(c.cells);
  free(piece.sequence.tokens), free(piece.sequence.slots);
}

static void test_at_play(void) {
  check_at_play(PMT_EAR_BEFORE, 1);
  check_at_play(PMT_EAR_WITH, 1);
  check_at_play(PMT_EAR_WITH, 4);
}

int main(void) {
  test_at_play();
  test_keys();
  test_motion();
  test_nobody();
  test_tune();
  test_part_taken();
  test_tokens();
  test_causality();
  test_events();
  test_told();
  return 0;
}
