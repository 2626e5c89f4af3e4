/* SPDX-License-Identifier: ISC */
/** @file rests.c  See rests.h. */
#include "train/rests.h"

#include <stdlib.h>
#include <string.h>

enum { RARE = 20 };

/** Bars of a piece by how many the part has rested up to there, itself included. */
typedef struct { size_t of[PMT_RESTS_ANY + 1], n; } Depths;

static void end_bar(uint32_t began, uint32_t rested[PMT_PARTS_MAX], Depths depth[PMT_PARTS_MAX]) {
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    rested[p] = began >> p & 1 ? 0 : rested[p] + (rested[p] < PMT_RESTS_ANY);
    ++depth[p].of[rested[p]];
    ++depth[p].n;
  }
}

static uint32_t began_in_slot(const PmtSequence* s, size_t k) {
  const size_t end = k + 1 < s->n_slots ? s->slots[k + 1].token : s->n_tokens;
  uint32_t began = 0;
  for (size_t i = s->slots[k].token; i < end; ++i) {
    if (pmt_token_class(s->tokens[i]) == PMT_CLASS_NOTE) { began |= 1u << pmt_note_part(s->tokens[i]); }
  }
  return began;
}

static void count_piece(const PmtSequence* s, Depths depth[PMT_PARTS_MAX]) {
  uint32_t rested[PMT_PARTS_MAX] = {0}, began = 0;
  memset(depth, 0, PMT_PARTS_MAX * sizeof *depth);
  for (size_t k = 0; k < s->n_slots; ++k) {
    began |= began_in_slot(s, k);
    if (k + 1 == s->n_slots || s->slots[k + 1].bar != s->slots[k].bar) {
      end_bar(began, rested, depth);
      began = 0;
    }
  }
}

static uint8_t usual_of(const Depths* d) {
  size_t deeper = d->n;
  for (uint32_t r = 0; r < PMT_RESTS_ANY; ++r) {
    deeper -= d->of[r];
    if (deeper * RARE <= d->n) { return (uint8_t)r; }
  }
  return PMT_RESTS_ANY;
}

static int by_byte(const void* a, const void* b) { return *(const uint8_t*)a - *(const uint8_t*)b; }

PmtStatus pmt_corpus_rests(const PmtCorpus* corpus, uint8_t rests[PMT_PARTS_MAX]) {
  uint8_t* usual = malloc(PMT_PARTS_MAX * (corpus->n_pieces + 1));
  size_t n[PMT_PARTS_MAX] = {0};
  if (!usual) { return PMT_NO_MEM; }
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    const PmtPiece* piece = &corpus->pieces[i];
    Depths depth[PMT_PARTS_MAX];
    if (piece->split != PMT_SPLIT_TRAIN) { continue; }
    count_piece(&piece->sequence, depth);
    for (uint32_t p = 0; p < piece->parts; ++p) { usual[p * corpus->n_pieces + n[p]++] = usual_of(&depth[p]); }
  }
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    uint8_t* of = usual + p * corpus->n_pieces;
    qsort(of, n[p], sizeof *of, by_byte);
    rests[p] = n[p] ? of[n[p] / 2] : 0;
  }
  free(usual);
  return PMT_OK;
}
