/* SPDX-License-Identifier: ISC */
/* The listener points at what stood here before, finds its way back after a change, and stands any tokens. */
#include "base/random.h"
#include "check.h"
#include "music/grammar.h"
#include "music/listener.h"

#include <string.h>

enum { PARTS = 4, SLOTS = 8, NOTES = 5, LINE = 1 << 15 };
enum { NEAR = 0, NEAR_TRUST = 1, FAR = 2, FAR_TRUST = 3, MOTION = 4, CHORD = 5, SCALE = CHORD + PARTS };

typedef struct { uint64_t key, n; } Dice;
static uint32_t roll(Dice* const d, const uint32_t sides) {
  return (uint32_t)(pmt_random_bits(d->key, 1, d->n++) % sides);
}

/* ---- Writing music ----------------------------------------------------------------------------------------------- */

typedef struct { uint32_t pos, velocity, duration[2]; PmtToken ornament, token; } Note;
typedef struct { Note note[NOTES]; uint32_t n; } Slot;
typedef struct { Slot slot[SLOTS]; } Bar;

static bool precedes(const Note* const a, const Note* const b) {
  return a->pos < b->pos || (a->pos == b->pos && pmt_order_key(a->token) < pmt_order_key(b->token));
}

static Note random_note(Dice* const d) {
  Note note = {.pos = 3 * roll(d, 4), .velocity = roll(d, 8)};
  if (roll(d, 5) == 0) {
    note.token = pmt_token_drum(PMT_DRUM_LO + roll(d, PMT_DRUMS));
    return note;
  }
  note.token = pmt_token_note(roll(d, PARTS), 40 + roll(d, 40));
  note.ornament = roll(d, 6) ? 0 : (PmtToken)(PMT_TOKEN_TRILL + roll(d, 3));
  note.duration[0] = 1 + roll(d, PMT_DURATIONS - 1);
  note.duration[1] = roll(d, 3) ? UINT32_MAX : roll(d, note.duration[0]);
  return note;
}

static void add_note(Slot* const slot, const Note note) {
  uint32_t i = 0;
  while (i < slot->n && precedes(&slot->note[i], &note)) {
    ++i;
  }
  if (slot->n == NOTES || (i < slot->n && !precedes(&note, &slot->note[i]))) {
    return;
  }
  memmove(&slot->note[i + 1], &slot->note[i], (slot->n - i) * sizeof note);
  slot->note[i] = note;
  ++slot->n;
}

static Bar random_bar(Dice* const d) {
  Bar bar = {0};
  for (uint32_t k = 0; k < SLOTS; ++k) {
    for (uint32_t i = roll(d, NOTES); i > 0; --i) {
      add_note(&bar.slot[k], random_note(d));
    }
  }
  return bar;
}

typedef struct {
  PmtToken token[LINE];
  size_t n;
  uint32_t velocity;
} Line;

static void put(Line* const line, const PmtToken token) {
  CHECK(line->n < LINE);
  line->token[line->n++] = token;
}

static void put_slot(Line* const line, const Slot* const slot, const uint32_t k) {
  uint32_t pos = 0;
  put(line, pmt_token_slot(k));
  for (uint32_t i = 0; i < slot->n; ++i) {
    const Note* const note = &slot->note[i];
    if (note->pos != pos) {
      put(line, pmt_token_pos(pos = note->pos));
    }
    if (note->velocity != line->velocity) {
      put(line, pmt_token_vel(line->velocity = note->velocity));
    }
    if (note->ornament) {
      put(line, note->ornament);
    }
    put(line, note->token);
    for (uint32_t j = 0; note->token >= PMT_TOKEN_NOTE && j < 2 && note->duration[j] != UINT32_MAX; ++j) {
      put(line, (PmtToken)(PMT_TOKEN_DUR + note->duration[j]));
    }
  }
}

static void put_bar(Line* const line, const Bar* const bar) {
  for (uint32_t k = 0; k < SLOTS; ++k) {
    put_slot(line, &bar->slot[k], k);
  }
}

static Line new_line(void) {
  Line line = {.velocity = PMT_VELOCITY_START};
  put(&line, PMT_BOS);
  return line;
}

/* Hear all of it. @param[out] hints (line->n), those given with each token */
static void hear(const Line* const line, PmtHints* const hints) {
  PmtListener l;
  pmt_listener_reset(&l, PARTS);
  for (size_t i = 0; i < line->n; ++i) {
    pmt_listener_hear(&l, line->token[i], NULL, &hints[i]);
  }
}

static PmtHints hints[LINE];

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

/* A bar played again is told token by token, velocities, ornaments and second durations too. */
static void test_near(void) {
  for (uint32_t trial = 0; trial < 200; ++trial) {
    Dice d = {trial, 0};
    Line line = new_line();
    const Bar bar = random_bar(&d);
    put_bar(&line, &bar);
    const size_t again = line.n;
    put_bar(&line, &bar);
    put(&line, pmt_token_slot(0));
    hear(&line, hints);
    for (size_t i = 1; i < again; ++i) {
      CHECK(hints[i].row[NEAR] == -1 && hints[i].row[NEAR_TRUST] == -1);
    }
    for (size_t i = again; i + 1 < line.n; ++i) {
      CHECKF(hints[i].row[NEAR] == line.token[i + 1], "trial %u, token %zu: %d, not %u", trial, i, hints[i].row[NEAR],
             line.token[i + 1]);
      CHECK(hints[i].row[NEAR_TRUST] % 3 != 2);
    }
  }
}

/* A A B A A: what follows is B, which `far` knows and `near` does not. */
static void test_far(void) {
  for (uint32_t trial = 0; trial < 100; ++trial) {
    Dice d = {trial, 1};
    Line line = new_line();
    const Bar a = random_bar(&d), b = random_bar(&d);
    const Bar* const song[] = {&a, &a, &b, &a, &a};
    for (size_t i = 0; i < sizeof song / sizeof *song; ++i) {
      put_bar(&line, song[i]);
    }
    const size_t last = line.n;
    put_bar(&line, &b);
    put(&line, pmt_token_slot(0));
    hear(&line, hints);
    bool near_wrong = false;
    for (size_t i = last; i + 1 < line.n; ++i) {
      CHECKF(hints[i].row[FAR] == line.token[i + 1], "trial %u, token %zu: %d, not %u", trial, i, hints[i].row[FAR],
             line.token[i + 1]);
      CHECK(hints[i].row[FAR_TRUST] / 3 == 5); /* 16 to 31 slots agree */
      near_wrong |= hints[i].row[NEAR] != line.token[i + 1];
    }
    CHECK(near_wrong);
  }
}

/* A note left out, one too many, one changed: from the next note on the finger is right again, and says so no more. */
static void test_rejoins(void) {
  const Note c = {.velocity = PMT_VELOCITY_START, .token = pmt_token_note(0, 60), .duration = {12, UINT32_MAX}};
  Note e = c, g = c, f = c, h = c;
  e.token = pmt_token_note(0, 64), e.pos = 3;
  g.token = pmt_token_note(1, 55), g.pos = 6;
  f.token = pmt_token_note(0, 65), f.pos = 3;
  h.token = pmt_token_note(1, 57), h.pos = 3, h.duration[0] = 9;
  Bar there = {0};
  there.slot[0] = (Slot){{c, e, h, g}, 4};
  const Slot changed[] = {{{c, g}, 2}, {{c, f, e, h, g}, 5}, {{c, f, g}, 3}, {{e, g}, 2}, {{c, h, g}, 3}};
  for (size_t i = 0; i < sizeof changed / sizeof *changed; ++i) {
    Line line = new_line();
    put_bar(&line, &there);
    put_slot(&line, &changed[i], 0);
    hear(&line, hints);
    const size_t last = line.n - 1; /* the duration of g */
    CHECK(hints[last - 1].row[NEAR] == line.token[last]);
    CHECK(hints[last].row[NEAR] == pmt_token_slot(1));
    CHECK(hints[last].row[NEAR_TRUST] % 3 == 2);
    for (size_t t = line.n - 1; line.token[t] != pmt_token_slot(0); --t) {
      CHECK(line.token[t] != h.token || hints[t].row[NEAR] == line.token[t + 1]); /* below what was left out or put in */
    }
  }
}

/* Numbers by hand: C4 in part 0, then E3 in part 3, then D4 in part 0. */
static void test_intervals(void) {
  Line line = new_line();
  const Note c = {.velocity = PMT_VELOCITY_START, .token = pmt_token_note(0, 60), .duration = {12, UINT32_MAX}};
  Note e = c, d = c;
  e.token = pmt_token_note(3, 52);
  d.token = pmt_token_note(0, 62), d.pos = 6;
  put_slot(&line, &(Slot){{c, e, d}, 3}, 0);
  hear(&line, hints);
  const PmtHints* const h = &hints[line.n - 1];
  CHECK(h->row[MOTION] == 12 + 2);
  CHECK(h->row[CHORD] == 36 && h->row[CHORD + 1] == -1 && h->row[CHORD + 3] == 36 + 10);
  CHECK(h->row[SCALE] == 0 && h->row[SCALE + 1] == 7 && h->row[SCALE + 2] == 0 && h->row[SCALE + 10] == 0);
  const int16_t own[PARTS] = {62, -1, -1, 52}, top[PARTS] = {60, -1, -1, 52};
  CHECK(!memcmp(h->anchor, own, sizeof own) && !memcmp(h->anchor + PARTS, top, sizeof top));
  const int16_t above[PARTS - 1] = {62, 62, 62}, below[PARTS - 1] = {52, 52, 52};
  CHECK(!memcmp(h->anchor + 2 * PARTS, above, sizeof above));
  CHECK(!memcmp(h->anchor + 3 * PARTS - 1, below, sizeof below));
  CHECK(h->kind[0] == 6 && h->kind[1] == 56); /* 1 of 3 notes, just now; none ever */
}

static void check_ranges(const PmtHints* const h, const PmtHintShape* const shape) {
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    CHECK(h->row[i] >= -1 && h->row[i] < (int)shape->table[i].rows);
  }
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    CHECK(h->anchor[i] >= -1 && h->anchor[i] < (int)shape->leap[i].count);
  }
  for (uint32_t c = 0; c < PMT_CLASSES; ++c) {
    CHECK(h->kind[c] < shape->n_kinds);
  }
}

/* Whatever comes, in whatever order, for longer than anything is remembered. */
static void test_anything(void) {
  for (uint32_t parts = 1; parts <= PMT_PARTS_MAX; ++parts) {
    PmtHintShape shape;
    PmtListener l;
    PmtHints h;
    Dice d = {parts, 2};
    pmt_listener_shape(parts, &shape);
    pmt_listener_reset(&l, parts);
    for (uint32_t i = 0; i < 30000; ++i) {
      const uint32_t any = roll(&d, pmt_vocab_size(parts)), slot = pmt_token_slot(roll(&d, 24));
      const uint32_t token = roll(&d, 6) ? any : slot;
      if (token == PMT_BOS && roll(&d, 20)) {
        continue;
      }
      pmt_listener_hear(&l, (PmtToken)token, NULL, &h);
      check_ranges(&h, &shape);
    }
  }
}

/* Music for longer than the memory: what is pointed at is always music of the last 2048 tokens and 256 slots. */
static void test_forgets(void) {
  Dice d = {7, 3};
  Line line = new_line();
  const Bar once = random_bar(&d);
  PmtHintShape shape;
  pmt_listener_shape(PARTS, &shape);
  put_bar(&line, &once);
  while (line.n < LINE - 2000) {
    const Bar bar = random_bar(&d);
    put_bar(&line, &bar);
  }
  put_bar(&line, &once);
  const size_t again = line.n;
  put_bar(&line, &once);
  hear(&line, hints);
  for (size_t i = 0; i < line.n; ++i) {
    check_ranges(&hints[i], &shape);
  }
  for (size_t i = again; i + 1 < line.n; ++i) {
    CHECK(hints[i].row[NEAR] == line.token[i + 1]);
  }
}

/* A copy goes on as the original does, and BOS begins anew. */
static void test_copy(void) {
  Dice d = {9, 4};
  Line line = new_line();
  for (uint32_t i = 0; i < 6; ++i) {
    const Bar bar = random_bar(&d);
    put_bar(&line, &bar);
    put_bar(&line, &bar);
  }
  hear(&line, hints);
  PmtListener l, copy;
  PmtHints h;
  pmt_listener_reset(&l, PARTS);
  for (size_t i = 0; i < line.n; ++i) {
    copy = l;
    pmt_listener_hear(&l, pmt_token_slot(3), NULL, &h);
    l = copy;
    pmt_listener_hear(&l, line.token[i], NULL, &h);
    CHECK(!memcmp(&h, &hints[i], sizeof h));
  }
  for (size_t i = 0; i < line.n; ++i) {
    pmt_listener_hear(&l, line.token[i], NULL, &h);
    CHECK(!memcmp(&h, &hints[i], sizeof h));
  }
}

/* Each class of the key is told as heard lately and not seldom, each other one as heard long ago and seldom. */
static void test_lean(void) {
  static const bool c_major[12] = {1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1}; /* C D E F G A B */
  static const bool a_minor[12] = {1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1}; /* the same and G sharp */
  for (uint32_t key = 0; key < 26; ++key) {
    for (uint32_t told = 0; told < 64; ++told) { /* 8 times how long ago, and how often */
      PmtHints h;
      memset(&h, 7, sizeof h);
      memset(h.kind, (int)told, sizeof h.kind);
      const PmtHints was = h;
      pmt_listener_lean(&h, key);
      CHECK(!memcmp(h.row, was.row, sizeof h.row) && !memcmp(h.anchor, was.anchor, sizeof h.anchor));
      CHECK((key >= 1 && key <= 24) || !memcmp(&h, &was, sizeof h));
      for (uint32_t c = 0; c < 12 && key >= 1 && key <= 24; ++c) {
        const bool in_key = key <= 12 ? c_major[(c + 13 - key) % 12] : a_minor[(c + 9 + 25 - key) % 12];
        const uint32_t ago = h.kind[c] / 8, often = h.kind[c] % 8;
        CHECKF(in_key ? ago <= 4 && often >= 3 : ago >= 5 && often <= 2, "key %u, class %u, %u", key, c, told);
        CHECK((in_key ? ago <= told / 8 && often >= told % 8 : ago >= told / 8 && often <= told % 8));
        const bool fits = in_key ? told / 8 <= 4 && told % 8 >= 3 : told / 8 >= 5 && told % 8 <= 2;
        CHECK(!fits || h.kind[c] == told);
      }
    }
  }
}

int main(void) {
  test_lean();
  test_near();
  test_far();
  test_rejoins();
  test_intervals();
  test_anything();
  test_forgets();
  test_copy();
  return 0;
}
