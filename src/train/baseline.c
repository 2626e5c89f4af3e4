/* SPDX-License-Identifier: ISC */
/** @file baseline.c  See baseline.h. */
#include "train/baseline.h"

#include <stdlib.h>

enum { TRANSPOSE_LO = -6, TRANSPOSE_HI = 5, PITCH_LO = 21, PITCH_HI = 108, FOLDS = 10 };

/** Lowest and highest pitch of all parts. @return false when the piece has no pitched note */
static bool pitch_range(const PmtPiece* piece, int* lo, int* hi) {
  *lo = 127;
  *hi = 0;
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    if (piece->pitch_lo[p] > piece->pitch_hi[p]) { continue; }
    if (piece->pitch_lo[p] < *lo) { *lo = piece->pitch_lo[p]; }
    if (piece->pitch_hi[p] > *hi) { *hi = piece->pitch_hi[p]; }
  }
  return *lo <= *hi;
}

static PmtStatus count_piece(PmtNgram* ngram, const PmtPiece* piece) {
  const PmtSequence* s = &piece->sequence;
  int lo, hi;
  if (!pitch_range(piece, &lo, &hi)) { return pmt_ngram_count(ngram, s->tokens, s->n_tokens); }
  PmtToken* moved = malloc(s->n_tokens * sizeof *moved);
  PmtStatus st = moved ? PMT_OK : PMT_NO_MEM;
  for (int by = TRANSPOSE_LO; !st && by <= TRANSPOSE_HI; ++by) {
    if (by && (lo + by < PITCH_LO || hi + by > PITCH_HI)) { continue; }
    for (size_t i = 0; i < s->n_tokens; ++i) {
      moved[i] = s->tokens[i] < PMT_TOKEN_NOTE ? s->tokens[i] : (PmtToken)(s->tokens[i] + by);
    }
    st = pmt_ngram_count(ngram, moved, s->n_tokens);
  }
  free(moved);
  return st;
}

PmtStatus pmt_baseline_score(const PmtPiece* const* train, size_t n_train, const PmtPiece* const* test, size_t n_test,
                             uint32_t vocab, double nats[PMT_NGRAM_ORDER + 1]) {
  PmtNgram* ngram;
  PmtStatus st = pmt_ngram_new(vocab, &ngram);
  for (size_t i = 0; !st && i < n_test; ++i) {
    st = pmt_ngram_expect(ngram, test[i]->sequence.tokens, test[i]->sequence.n_tokens);
  }
  for (size_t i = 0; !st && i < n_train; ++i) { st = count_piece(ngram, train[i]); }
  for (size_t i = 0; !st && i < n_test; ++i) {
    pmt_ngram_nats(ngram, test[i]->sequence.tokens, test[i]->sequence.n_tokens, nats);
  }
  pmt_ngram_free(ngram);
  return st;
}

PmtStatus pmt_baseline_tenfold(const PmtPiece* const* pieces, size_t n, uint32_t vocab, double nats[PMT_NGRAM_ORDER + 1]) {
  if (n < 2) { return PMT_BAD_ARG; }
  const size_t folds = n < FOLDS ? n : FOLDS;
  const PmtPiece** train = malloc(n * sizeof *train);
  const PmtPiece** test = malloc(n * sizeof *test);
  PmtStatus st = train && test ? PMT_OK : PMT_NO_MEM;
  for (size_t fold = 0; !st && fold < folds; ++fold) {
    size_t n_train = 0, n_test = 0;
    for (size_t i = 0; i < n; ++i) {
      if (i % folds == fold) { test[n_test++] = pieces[i]; } else { train[n_train++] = pieces[i]; }
    }
    st = pmt_baseline_score(train, n_train, test, n_test, vocab, nats);
  }
  free(train);
  free(test);
  return st;
}

const PmtPiece** pmt_baseline_pieces(const PmtCorpus* corpus, PmtSplit split, size_t* n_pieces) {
  const PmtPiece** list = malloc((corpus->n_pieces + 1) * sizeof *list);
  *n_pieces = 0;
  for (size_t i = 0; list && i < corpus->n_pieces; ++i) {
    if (corpus->pieces[i].split == split) { list[(*n_pieces)++] = &corpus->pieces[i]; }
  }
  return list;
}
