/* SPDX-License-Identifier: ISC */
/* Runs of notes that two sets share. Above: copying.c. Below: music/score.h, base/random.h. */
#include "measure/copies.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

enum { LATER_MAX = 4095, DRUM_STEP = 512, INTERVAL_ZERO = 128 };

void pmt_steps_free(PmtSteps* const steps) {
  free(steps->steps);
  free(steps->end);
  *steps = (PmtSteps){0};
}

static bool is_drum(const PmtNote* const note) { return note->part == PMT_PART_DRUMS; }

/** By time, pitched from high to low, then drums. */
static int in_order(const void* const left, const void* const right) {
  const PmtNote *const a = left, *const b = right;
  if (a->onset != b->onset) { return a->onset < b->onset ? -1 : 1; }
  if (is_drum(a) != is_drum(b)) { return is_drum(a) ? 1 : -1; }
  return b->pitch - a->pitch;
}

/** @param from last pitched note before, or NULL */
static PmtStep step(const PmtNote* const before, const PmtNote* const from, const PmtNote* const note) {
  const uint32_t gap = note->onset - before->onset;
  const uint32_t later = gap < LATER_MAX ? gap : LATER_MAX;
  const int what = is_drum(note) ? DRUM_STEP + note->pitch : from ? INTERVAL_ZERO + note->pitch - from->pitch : 0;
  return later << 10 | (uint32_t)what;
}

static PmtStatus make_room(PmtSteps* const steps, const size_t n) {
  size_t* const end = realloc(steps->end, (steps->n_pieces + 1) * sizeof *end);
  if (!end) { return PMT_NO_MEM; }
  steps->end = end;
  PmtStep* const grown = realloc(steps->steps, (steps->n_steps + n) * sizeof *grown);
  if (!grown) { return PMT_NO_MEM; }
  steps->steps = grown;
  return PMT_OK;
}

PmtStatus pmt_steps_add(PmtSteps* const steps, const PmtNote* const notes, const size_t n_notes) {
  PmtNote* const sorted = malloc((n_notes + 1) * sizeof *sorted);
  if (!sorted || make_room(steps, n_notes + 1)) {
    free(sorted);
    return PMT_NO_MEM;
  }
  if (n_notes) {
    memcpy(sorted, notes, n_notes * sizeof *sorted);
    qsort(sorted, n_notes, sizeof *sorted, in_order);
  }
  const PmtNote* from = n_notes && !is_drum(&sorted[0]) ? &sorted[0] : NULL;
  for (size_t i = 1; i < n_notes; ++i) {
    steps->steps[steps->n_steps++] = step(&sorted[i - 1], from, &sorted[i]);
    from = is_drum(&sorted[i]) ? from : &sorted[i];
  }
  free(sorted);
  steps->end[steps->n_pieces++] = steps->n_steps;
  return PMT_OK;
}

/* ---- Runs as hashes ---------------------------------------------------------------------------------------------- */

static const uint64_t base = 0x9e3779b97f4a7c15u;

/** All runs of n steps, one after the other, each in a few operations: the hash is a polynomial of mixed steps. */
typedef struct {
  const PmtSteps* set;
  size_t n;
  uint64_t top;  /* base^n */
  size_t piece, next; /* step that comes into the run */
  uint64_t hash;
} Runs;

static Runs runs_of(const PmtSteps* const set, const size_t n) {
  Runs r = {.set = set, .n = n, .top = 1};
  for (size_t i = 0; i < n; ++i) { r.top *= base; }
  return r;
}

/** @param[out] at index of the run's first step @return false at the end */
static bool next_run(Runs* const r, size_t* const at) {
  for (; r->piece < r->set->n_pieces; ++r->piece) {
    const size_t begin = pmt_steps_begin(r->set, r->piece);
    r->hash = r->next == begin ? 0 : r->hash;
    while (r->next < r->set->end[r->piece]) {
      r->hash = r->hash * base + pmt_random_mix(r->set->steps[r->next++]);
      const size_t length = r->next - begin;
      if (length > r->n) { r->hash -= pmt_random_mix(r->set->steps[r->next - 1 - r->n]) * r->top; }
      if (length < r->n) { continue; }
      *at = r->next - r->n;
      return true;
    }
  }
  return false;
}

/* ---- Those asked for --------------------------------------------------------------------------------------------- */

/** Open addressing; a run's hash of 0 counts as 1. */
typedef struct {
  uint64_t* key;   /* 0 = free */
  bool* found;
  size_t mask;
} Table;

static bool table_new(Table* const t, const size_t n) {
  size_t size = 16;
  while (size < 2 * n) { size *= 2; }
  *t = (Table){calloc(size, sizeof *t->key), calloc(size, sizeof *t->found), size - 1};
  return t->key && t->found;
}

static void table_free(Table* const t) {
  free(t->key);
  free(t->found);
}

/** Place of a hash, or of where it would be. */
static size_t place_of(const Table* const t, const uint64_t hash) {
  const uint64_t key = hash ? hash : 1;
  size_t i = pmt_random_mix(key) & t->mask;
  while (t->key[i] && t->key[i] != key) { i = (i + 1) & t->mask; }
  return i;
}

static PmtStatus table_runs(const PmtSteps* const asked, const size_t n, Table* const t) {
  if (!table_new(t, asked->n_steps)) { return PMT_NO_MEM; }
  Runs runs = runs_of(asked, n);
  for (size_t at; next_run(&runs, &at);) { t->key[place_of(t, runs.hash)] = runs.hash ? runs.hash : 1; }
  return PMT_OK;
}

PmtStatus pmt_copies_find(const PmtSteps* const training, const PmtSteps* const asked, const size_t n,
                          bool* const found) {
  Table t = {0};
  const PmtStatus status = table_runs(asked, n, &t);
  if (!status) {
    Runs runs = runs_of(training, n);
    for (size_t at; next_run(&runs, &at);) { t.found[place_of(&t, runs.hash)] = true; }
    memset(found, 0, asked->n_steps * sizeof *found);
    runs = runs_of(asked, n);
    for (size_t at; next_run(&runs, &at);) { found[at] = t.found[place_of(&t, runs.hash)]; }
  }
  table_free(&t);
  return status;
}

/* ---- The longest ------------------------------------------------------------------------------------------------- */

static size_t piece_at(const PmtSteps* const set, const size_t step_index) {
  size_t lo = 0, hi = set->n_pieces;
  while (lo < hi) {
    const size_t mid = (lo + hi) / 2;
    if (set->end[mid] <= step_index) { lo = mid + 1; } else { hi = mid; }
  }
  return lo;
}

/** A run of n in both, if there is one: then `longest` says where. */
static PmtStatus try_length(const PmtSteps* const training, const PmtSteps* const asked, const size_t n,
                            PmtLongest* const longest, bool* const found) {
  Table t = {0};
  const PmtStatus status = table_runs(asked, n, &t);
  *found = false;
  Runs runs = runs_of(training, n);
  for (size_t at; !status && !*found && next_run(&runs, &at);) { *found = t.key[place_of(&t, runs.hash)] != 0; }
  if (*found) {
    const uint64_t hash = runs.hash;
    *longest = (PmtLongest){.n = n, .training_piece = runs.piece};
    runs = runs_of(asked, n);
    size_t at = 0;
    while (next_run(&runs, &at) && runs.hash != hash) {}
    longest->piece = piece_at(asked, at);
    longest->step = at - pmt_steps_begin(asked, longest->piece);
  }
  table_free(&t);
  return status;
}

PmtStatus pmt_copies_longest(const PmtSteps* const training, const PmtSteps* const asked, PmtLongest* const longest) {
  *longest = (PmtLongest){0};
  size_t too_long = 1; /* any part of a run is one: double until there is none, then halve what is between */
  PmtStatus status = PMT_OK;
  for (bool found = true; !status && found && too_long <= asked->n_steps;) {
    status = try_length(training, asked, too_long, longest, &found);
    too_long *= found ? 2 : 1;
  }
  while (!status && longest->n + 1 < too_long) {
    const size_t mid = (longest->n + too_long) / 2;
    bool found;
    status = try_length(training, asked, mid, longest, &found);
    too_long = found ? too_long : mid;
  }
  return status;
}
