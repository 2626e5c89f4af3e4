/* SPDX-License-Identifier: ISC */
/* Copied runs: found where they were put, in another key and at another time; counted as a slow search counts them. */
#include "check.h"
#include "support/fail_alloc.h"

#include "base/random.h"
#include "measure/copying.h"

#include <math.h>
#include <string.h>

enum { LONG = 400, PIECES = 6 };

/** A melody that nobody else sings. @param kinds of steps: few make chance repeats */
static void sing(uint64_t seed, size_t n, uint32_t kinds, PmtNote* notes) {
  uint32_t at = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t r = pmt_random_bits(seed, 7, i);
    at += 6 * (1 + (uint32_t)(r % kinds));
    notes[i] = (PmtNote){.onset = at, .duration = 6, .pitch = (uint8_t)(50 + (r >> 20) % kinds)};
  }
}

static void add(PmtSteps* steps, const PmtNote* notes, size_t n) { CHECK(!pmt_steps_add(steps, notes, n)); }

static void check_steps(void) {
  PmtSteps s = {0};
  const PmtNote chord[] = { /* in the score's order: by part */
    {.onset = 0, .part = 0, .pitch = 60}, {.onset = 0, .part = 1, .pitch = 67},
    {.onset = 12, .part = PMT_PART_DRUMS, .pitch = 36}, {.onset = 24, .part = 0, .pitch = 62}};
  PmtNote moved[4];
  for (int i = 0; i < 4; ++i) {
    moved[i] = chord[i];
    moved[i].onset += 960;
    moved[i].pitch = (uint8_t)(chord[i].pitch + (chord[i].part == PMT_PART_DRUMS ? 0 : 5));
  }
  add(&s, chord, 4);
  add(&s, moved, 4);
  add(&s, chord, 1);
  add(&s, chord, 0);
  CHECK(s.n_steps == 6 && s.n_pieces == 4 && s.end[1] == 6 && s.end[3] == 6);
  CHECK(!memcmp(s.steps, s.steps + 3, 3 * sizeof *s.steps)); /* later and higher, drums as they were: the same */
  PmtNote other[4];
  memcpy(other, chord, sizeof other);
  other[2].pitch = 38;
  add(&s, other, 4);
  CHECK(s.steps[7] != s.steps[1] && s.steps[6] == s.steps[0]); /* another drum is another step */
  add(&s, chord + 2, 2);
  const PmtNote line[] = {chord[0], chord[2], chord[3]};
  add(&s, line, 3);
  CHECK(s.steps[s.n_steps - 1] == s.steps[2]); /* 62 after 60: of a chord the lowest is last, a drum no matter */
  pmt_steps_free(&s);
}

static bool same(const PmtSteps* a, size_t i, const PmtSteps* b, size_t k, size_t n) {
  return !memcmp(a->steps + i, b->steps + k, n * sizeof *a->steps);
}

/** Both functions against a search of everything for everything. */
static void check_search(void) {
  PmtSteps training = {0}, asked = {0};
  PmtNote notes[LONG];
  for (uint64_t p = 0; p < PIECES; ++p) {
    sing(p, 90 + 10 * p, 2, notes);
    add(&training, notes, p == 3 ? 0 : 90 + 10 * p);
    sing(100 + p, 60, 2, notes);
    add(&asked, notes, p == 2 ? 4 : 60);
  }
  size_t longest = 0;
  bool found[PIECES * 60];
  for (size_t n = 1; n < 14; ++n) {
    CHECK(!pmt_copies_find(&training, &asked, n, found));
    for (size_t p = 0; p < asked.n_pieces; ++p) {
      for (size_t i = pmt_steps_begin(&asked, p); i < asked.end[p]; ++i) {
        bool want = false;
        for (size_t q = 0; q < training.n_pieces && i + n <= asked.end[p]; ++q) {
          for (size_t k = pmt_steps_begin(&training, q); k + n <= training.end[q]; ++k) {
            want = want || same(&asked, i, &training, k, n);
          }
        }
        CHECKF(found[i] == want, "run of %zu at %zu", n, i);
        longest = want ? n : longest;
      }
    }
  }
  CHECK(longest > 4 && longest < 13);
  PmtLongest got;
  CHECK(!pmt_copies_longest(&training, &asked, &got) && got.n == longest);
  bool there = false;
  const size_t at = pmt_steps_begin(&asked, got.piece) + got.step, q = got.training_piece;
  for (size_t k = pmt_steps_begin(&training, q); k + got.n <= training.end[q]; ++k) {
    there = there || same(&asked, at, &training, k, got.n);
  }
  CHECK(there && at + got.n <= asked.end[got.piece]);
  pmt_steps_free(&training);
  pmt_steps_free(&asked);
}

typedef struct {
  PmtSteps training, generated, held;
  uint32_t piece[2 * PIECES];
} Sets;

/** Training, held-out and generated melodies without anything in common; 50 notes of training piece 4, a fourth up, in
    generated piece 1 if asked for. */
static Sets make_sets(bool copy) {
  Sets s = {.training = {0}};
  PmtNote notes[LONG], source[LONG];
  for (uint64_t p = 0; p < PIECES; ++p) {
    sing(p, LONG, 30, notes);
    add(&s.training, notes, LONG);
    if (p == 4) { memcpy(source, notes, sizeof notes); }
  }
  for (uint64_t p = 0; p < 2 * PIECES; ++p) {
    sing(200 + p, LONG, 30, notes);
    add(&s.held, notes, LONG);
    s.piece[p] = (uint32_t)p / 2;
  }
  for (uint64_t p = 0; p < PIECES; ++p) {
    sing(300 + p, LONG, 30, notes);
    for (size_t i = 0; copy && p == 1 && i < 50; ++i) {
      notes[100 + i] = source[20 + i];
      notes[100 + i].pitch = (uint8_t)(source[20 + i].pitch + 5);
      notes[100 + i].onset = notes[99].onset + 12 + source[20 + i].onset - source[20].onset;
    }
    for (size_t i = 150; copy && p == 1 && i < LONG; ++i) { notes[i].onset += LONG * 300; }
    add(&s.generated, notes, LONG);
  }
  return s;
}

static void free_sets(Sets* s) {
  pmt_steps_free(&s->training);
  pmt_steps_free(&s->generated);
  pmt_steps_free(&s->held);
}

static PmtCopying measure(const Sets* s) {
  PmtCopying c;
  CHECK(!pmt_copying_measure(&s->training, &s->generated, &s->held, s->piece, PIECES, 1, &c));
  return c;
}

static void check_copied(void) {
  Sets s = make_sets(false);
  PmtCopying c = measure(&s);
  CHECK(c.within && c.flagged.within && c.flagged.generated == 0.0 && c.longest.n < 8);
  free_sets(&s);

  s = make_sets(true);
  c = measure(&s);
  CHECK(!c.within && !c.flagged.within && !c.share[0].within && !c.share[3].within);
  CHECK(c.longest.n == 49 && c.longest.piece == 1 && c.longest.step == 100 && c.longest.training_piece == 4);
  CHECK(fabs(c.flagged.generated - 1.0 / PIECES) < 1e-12 && c.flagged.bound == 0.0);
  const double runs = PIECES * (LONG - 1 - 24 + 1.0);
  CHECKF(fabs(c.share[3].generated - 26 / runs) < 1e-12, "%g of the 24-grams", c.share[3].generated); /* 49 - 24 + 1 */
  free_sets(&s);
}

/** Where real music repeats the training set too, so may ours; the bound lies above the mean and is no more than the
    most that a stretch has. */
static void check_bound(void) {
  Sets s = make_sets(true);
  PmtSteps held = {0};
  PmtNote notes[LONG];
  uint32_t piece[2 * PIECES];
  for (uint64_t p = 0; p < 2 * PIECES; ++p) { /* every other piece begins with 40 p notes of a training piece */
    PmtNote known[LONG];
    sing(400 + p, LONG, 30, notes);
    sing(p / 4, LONG, 30, known);
    const size_t n = p / 2 % 2 ? 30 * p : 0;
    memcpy(notes, known, n * sizeof *notes);
    for (size_t i = n; n && i < LONG; ++i) { notes[i].onset += known[n - 1].onset; }
    add(&held, notes, LONG);
    piece[p] = (uint32_t)p / 2;
  }
  PmtCopying c;
  CHECK(!pmt_copying_measure(&s.training, &s.generated, &held, piece, PIECES, 1, &c));
  CHECK(c.within && c.flagged.within);
  for (size_t i = 0; i < PMT_COPY_LENGTHS; ++i) {
    CHECK(c.share[i].held_out > 0.2 && c.share[i].bound > c.share[i].held_out && c.share[i].bound < 0.9);
  }
  CHECK(fabs(c.flagged.held_out - 0.5) < 1e-12 && c.held_longest.n > 250);
  pmt_steps_free(&held);
  free_sets(&s);
}

static void check_short(void) {
  Sets s = make_sets(false);
  PmtSteps few = {0};
  PmtNote notes[10];
  sing(9, 10, 30, notes);
  add(&few, notes, 10);
  const uint32_t piece = 0;
  PmtCopying c;
  CHECK(!pmt_copying_measure(&s.training, &few, &few, &piece, 1, 1, &c));
  CHECK(c.share[0].generated == 0.0 && isnan(c.share[1].generated) && c.share[1].within && c.within);
  PmtSteps none = {0};
  CHECK(!pmt_copying_measure(&none, &few, &few, &piece, 1, 1, &c) && c.longest.n == 0 && c.within);
  pmt_steps_free(&few);
  free_sets(&s);
}

static void check_memory(void) {
  PmtNote notes[LONG];
  for (size_t n = 0;; ++n) {
    PmtSteps s = {0};
    const uint32_t piece[2] = {0, 1};
    PmtCopying c;
    sing(1, LONG, 30, notes);
    pmt_fail_after(n);
    PmtStatus status = pmt_steps_add(&s, notes, LONG);
    status = status ? status : pmt_steps_add(&s, notes, LONG / 2);
    status = status ? status : pmt_copying_measure(&s, &s, &s, piece, 2, 1, &c);
    pmt_fail_never();
    pmt_steps_free(&s);
    if (!status) { break; }
    CHECK(status == PMT_NO_MEM);
  }
}

int main(void) {
  check_steps();
  check_search();
  check_copied();
  check_bound();
  check_short();
  check_memory();
  return 0;
}
