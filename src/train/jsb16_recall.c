/* SPDX-License-Identifier: ISC */
/** @file jsb16_recall.c  See jsb16_piece.h. Places are found by a hash of the last steps, as intervals from the soprano. */
#include "train/jsb16_piece.h"

#include <stdlib.h>
#include <string.h>

enum { VOICES = PMT_JSB_VOICES, BUCKETS = 1 << 16, LENGTH_MAX = 64, BAR = 16 };

typedef struct { int32_t piece, step, next; } Place;

typedef struct {
  int32_t first[BUCKETS]; /* place, -1 = none */
  Place* place;
  int32_t n;
} Chains;

struct PmtJsbIndex {
  const PmtJsbPiece* train;
  Chains chains[PMT_JSB_RECALLS];
};

static int n_voices(int kind) { return kind == PMT_JSB_CHORDS ? VOICES : 1; }

static uint32_t hash_steps(const PmtJsbPiece* p, int32_t t, int kind) {
  uint32_t hash = 0;
  for (int32_t k = 0; k < pmt_jsb_recall_least[kind]; ++k) {
    for (int v = 0; v < n_voices(kind); ++v) {
      const int pitch = p->steps[t - k][v];
      hash = (hash ^ (uint32_t)(pitch < 0 ? 255 : pitch - p->steps[t][0] + 128)) * 16777619u;
    }
  }
  return (hash ^ hash >> 16) % BUCKETS;
}

static void add_places(PmtJsbIndex* ix, int32_t number, int kind) {
  const PmtJsbPiece* p = &ix->train[number];
  Chains* c = &ix->chains[kind];
  for (int32_t t = pmt_jsb_recall_least[kind] - 1; t + 1 < (int32_t)p->n_steps; ++t) { /* the last step leads nowhere */
    if (p->steps[t][0] < 0) { continue; }
    const uint32_t hash = hash_steps(p, t, kind);
    c->place[c->n] = (Place){number, t, c->first[hash]};
    c->first[hash] = c->n++;
  }
}

PmtStatus pmt_jsb_index_new(const PmtJsbPiece* train, size_t n_train, PmtJsbIndex** index) {
  size_t n = 0;
  for (size_t i = 0; i < n_train; ++i) { n += train[i].n_steps; }
  PmtJsbIndex* ix = *index = calloc(1, sizeof *ix);
  if (!ix) { return PMT_NO_MEM; }
  ix->train = train;
  for (int kind = 0; kind < PMT_JSB_RECALLS; ++kind) {
    Chains* c = &ix->chains[kind];
    memset(c->first, -1, sizeof c->first);
    if (!(c->place = malloc((n + 1) * sizeof *c->place))) { return PMT_NO_MEM; }
    for (size_t i = 0; i < n_train; ++i) { add_places(ix, (int32_t)i, kind); }
  }
  return PMT_OK;
}

void pmt_jsb_index_free(PmtJsbIndex* ix) {
  if (!ix) { return; }
  for (int kind = 0; kind < PMT_JSB_RECALLS; ++kind) { free(ix->chains[kind].place); }
  free(ix);
}

/* -- looking up ----------------------------------------------------------------------------------------------- */

static bool same_step(const int8_t a[VOICES], const int8_t b[VOICES], int first, int end, int by) {
  for (int v = first; v < end; ++v) {
    if (!pmt_jsb_same_pitch(a[v], b[v], by)) { return false; }
  }
  return true;
}

static int32_t agreement(const PmtJsbPiece* p, int32_t t, const PmtJsbPiece* q, int32_t f, int by, int kind) {
  const int32_t most = t < f ? t + 1 : f + 1;
  int32_t n = 0;
  while (n < LENGTH_MAX && n < most && same_step(p->steps[t - n], q->steps[f - n], 0, n_voices(kind), by)) { ++n; }
  return n;
}

static int32_t chords_before(const PmtJsbPiece* p, int32_t t, const PmtJsbPiece* q, int32_t f, int by) {
  int32_t n = 0;
  for (int32_t k = 1; k <= BAR && k <= t && k <= f; ++k) {
    for (int v = 1; v < VOICES; ++v) { n += pmt_jsb_same_pitch(p->steps[t - k][v], q->steps[f - k][v], by); }
  }
  return n;
}

/** The melody: where it agrees long and the voices below it did in the last bar; of several harmonisations of a tune
    the one that this one has followed. Chords: where the voices above `own` agree in the next step too; then the
    longest. */
static PmtJsbRecall best_place(const PmtJsbIndex* ix, const PmtJsbPiece* p, int32_t self, int32_t t, int kind,
                               int own) {
  PmtJsbRecall best = {.piece = -1};
  int32_t best_score = -1;
  const Chains* c = &ix->chains[kind];
  if (t + 1 < pmt_jsb_recall_least[kind] || p->steps[t][0] < 0) { return best; }
  if (kind == PMT_JSB_CHORDS && t + 1 >= (int32_t)p->n_steps) { return best; } /* nobody asks */
  for (int32_t i = c->first[hash_steps(p, t, kind)]; i >= 0; i = c->place[i].next) {
    const Place* at = &c->place[i];
    const PmtJsbPiece* q = &ix->train[at->piece];
    const int by = p->steps[t][0] - q->steps[at->step][0];
    const int32_t n = at->piece == self ? 0 : agreement(p, t, q, at->step, by, kind);
    if (n < pmt_jsb_recall_least[kind]) { continue; } /* another hash than it seemed */
    const int32_t chords = chords_before(p, t, q, at->step, by);
    const bool follows = kind == PMT_JSB_CHORDS && same_step(p->steps[t + 1], q->steps[at->step + 1], 0, own, by);
    const int32_t score = kind == PMT_JSB_MELODY ? n + 2 * chords : (follows << 16) + (n << 8) + chords;
    if (score <= best_score) { continue; }
    best_score = score;
    best = (PmtJsbRecall){at->piece, at->step, n, chords};
  }
  return best;
}

PmtStatus pmt_jsb_recall(const PmtJsbIndex* ix, int32_t self, PmtJsbPiece* p) {
  for (int kind = 0; kind < PMT_JSB_RECALLS; ++kind) {
    PmtJsbRecall* r = p->recall[kind] = malloc(p->n_steps * VOICES * sizeof *r);
    if (!r) { return PMT_NO_MEM; }
    for (int32_t t = 0; t < (int32_t)p->n_steps; ++t) {
      for (int v = 0; v < VOICES; ++v) {
        const bool again = v && kind == PMT_JSB_MELODY;
        r[t * VOICES + v] = again ? r[t * VOICES] : best_place(ix, p, self, t, kind, v);
      }
    }
  }
  return PMT_OK;
}
