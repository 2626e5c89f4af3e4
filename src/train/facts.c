/* SPDX-License-Identifier: ISC */
/** @file facts.c  See facts.h. */
#include "train/facts.h"

#include "train/rests.h"

#include <stdlib.h>
#include <string.h>

enum { PIANO_LO = 21, PIANO_HI = 108, WIDEN_DOWN = 6, WIDEN_UP = 5 };

static uint32_t commonest(const uint32_t* count, uint32_t n) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < n; ++i) {
    if (count[i] > count[best]) { best = i; }
  }
  return best;
}

static int by_value(const void* a, const void* b) {
  const float x = *(const float*)a, y = *(const float*)b;
  return (x > y) - (x < y);
}

static PmtStatus describe_style(const PmtCorpus* corpus, size_t k, PmtFacts* facts) {
  uint32_t parts[PMT_PARTS_MAX + 1] = {0};
  uint32_t programs[PMT_PARTS_MAX][128] = {{0}}, kits[128] = {0};
  float* bpm = malloc((corpus->n_pieces + 1) * sizeof *bpm);
  size_t n = 0, n_train = 0, n_drums = 0;
  if (!bpm) { return PMT_NO_MEM; }
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    const PmtPiece* piece = &corpus->pieces[i];
    if (piece->split != PMT_SPLIT_TRAIN) { continue; }
    ++n_train;
    n_drums += piece->drums;
    kits[piece->kit & 127] += piece->drums;
    ++parts[piece->parts];
    for (uint32_t p = 0; p < piece->parts; ++p) { ++programs[p][piece->program[p] & 127]; }
    if (piece->bpm > 0.0f) { bpm[n++] = piece->bpm; }
  }
  qsort(bpm, n, sizeof *bpm, by_value);
  facts->style_bpm[k] = n ? bpm[n / 2] : 0.0f;
  free(bpm);
  facts->style_drums[k] = n_drums * 10 >= n_train && n_drums;
  facts->style_parts[k] = (uint8_t)commonest(parts, PMT_PARTS_MAX + 1);
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) { facts->program[k][p] = (uint8_t)commonest(programs[p], 128); }
  facts->kit[k] = (uint8_t)commonest(kits, 128);
  const PmtStatus st = pmt_corpus_rests(corpus, facts->rests[k]);
  return st ? st : pmt_corpus_octiles(corpus, facts->octiles[k]);
}

static void widen(PmtFacts* facts, const PmtPiece* piece) {
  if (piece->parts > facts->parts) { facts->parts = piece->parts; }
  facts->velocity |= piece->velocity;
  facts->drums |= piece->drums;
  facts->ornaments |= piece->ornaments;
  for (uint32_t p = 0; p < piece->parts; ++p) {
    if (piece->pitch_lo[p] < facts->pitch_lo[p]) { facts->pitch_lo[p] = piece->pitch_lo[p]; }
    if (piece->pitch_hi[p] > facts->pitch_hi[p]) { facts->pitch_hi[p] = piece->pitch_hi[p]; }
  }
}

static uint8_t clamp_pitch(int pitch) { return (uint8_t)(pitch < PIANO_LO ? PIANO_LO : pitch > PIANO_HI ? PIANO_HI : pitch); }

PmtStatus pmt_facts_collect(const PmtCorpus* corpora, size_t n_corpora, PmtFacts* facts) {
  *facts = (PmtFacts){.parts = 1};
  memset(facts->pitch_lo, 255, sizeof facts->pitch_lo);
  for (size_t k = 0; k < n_corpora; ++k) {
    const PmtStatus st = describe_style(&corpora[k], k, facts);
    if (st) { return st; }
    for (size_t i = 0; i < corpora[k].n_pieces; ++i) {
      if (corpora[k].pieces[i].split == PMT_SPLIT_TRAIN) { widen(facts, &corpora[k].pieces[i]); }
    }
  }
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    if (facts->pitch_lo[p] > facts->pitch_hi[p]) { /* an empty part: nothing to say, nothing to forbid */
      facts->pitch_lo[p] = PIANO_LO;
      facts->pitch_hi[p] = PIANO_HI;
      continue;
    }
    facts->pitch_lo[p] = clamp_pitch(facts->pitch_lo[p] - WIDEN_DOWN);
    facts->pitch_hi[p] = clamp_pitch(facts->pitch_hi[p] + WIDEN_UP);
  }
  return PMT_OK;
}
