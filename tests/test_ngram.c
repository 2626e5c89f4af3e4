/* SPDX-License-Identifier: ISC */
/* The 6-gram against a slow one that counts everything, and the proof that it is a distribution. */
#include "check.h"
#include "support/fail_alloc.h"

#include "base/random.h"
#include "train/baseline.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { VOCAB = 9, TRAIN = 400, TEST = 60 };

static void make_tokens(PmtToken* tokens, size_t n, uint64_t place) {
  tokens[0] = PMT_BOS;
  for (size_t i = 1; i < n; ++i) { /* about half the tokens repeat the one three back: contexts matter */
    const uint64_t bits = pmt_random_bits(1, place, i);
    tokens[i] = bits & 1 && i > 3 ? tokens[i - 3] : (PmtToken)(2 + (bits >> 8) % (VOCAB - 2));
  }
}

static bool same_context(const PmtToken* a, const PmtToken* b, size_t order) {
  for (size_t o = 1; o <= order; ++o) {
    if (a[-(long)o] != b[-(long)o]) { return false; }
  }
  return true;
}

/** p(w | the `order` tokens before at) by the formula as written in docs/model.md, scanning all of the training text. */
static double slow_p(const PmtToken* train, size_t n_train, const PmtToken* at, size_t order, PmtToken w) {
  size_t total = 0, hits = 0, kinds = 0;
  bool seen[VOCAB] = {false};
  for (size_t i = order > 1 ? order : 1; i < n_train; ++i) {
    if (!same_context(&train[i], at, order)) { continue; }
    ++total;
    hits += train[i] == w;
    kinds += !seen[train[i]];
    seen[train[i]] = true;
  }
  const double lower = order ? slow_p(train, n_train, at, order - 1, w) : 1.0 / VOCAB;
  return total ? ((double)hits + (double)kinds * lower) / (double)(total + kinds) : lower;
}

static void check_formula(void) {
  PmtToken train[TRAIN], test[TEST];
  PmtNgram* ngram;
  make_tokens(train, TRAIN, 1);
  make_tokens(test, TEST, 2);
  CHECK(pmt_ngram_new(VOCAB, &ngram) == PMT_OK);
  CHECK(pmt_ngram_expect(ngram, test, TEST) == PMT_OK && pmt_ngram_count(ngram, train, TRAIN) == PMT_OK);
  double nats[PMT_NGRAM_ORDER + 1] = {0.0};
  pmt_ngram_nats(ngram, test, TEST, nats);
  for (size_t order = 0; order <= PMT_NGRAM_ORDER; ++order) {
    double want = 0.0;
    for (size_t i = 1; i < TEST; ++i) { want -= log(slow_p(train, TRAIN, &test[i], order < i ? order : i, test[i])); }
    CHECKF(fabs(want - nats[order]) < 1e-9 * want, "order %zu: %.9f, want %.9f", order, nats[order], want);
  }
  pmt_ngram_free(ngram);
}

/** Whatever came before, the probabilities of all continuations sum to 1. */
static void check_sum(void) {
  PmtToken train[TRAIN], context[8];
  make_tokens(train, TRAIN, 3);
  make_tokens(context, 8, 4);
  double sum[PMT_NGRAM_ORDER + 1] = {0.0};
  for (PmtToken w = 0; w < VOCAB; ++w) {
    PmtNgram* ngram;
    double before[PMT_NGRAM_ORDER + 1] = {0.0}, after[PMT_NGRAM_ORDER + 1] = {0.0};
    context[7] = w;
    CHECK(pmt_ngram_new(VOCAB, &ngram) == PMT_OK && pmt_ngram_expect(ngram, context, 8) == PMT_OK);
    CHECK(pmt_ngram_count(ngram, train, TRAIN) == PMT_OK);
    pmt_ngram_nats(ngram, context, 7, before);
    pmt_ngram_nats(ngram, context, 8, after);
    for (size_t o = 0; o <= PMT_NGRAM_ORDER; ++o) { sum[o] += exp(before[o] - after[o]); }
    pmt_ngram_free(ngram);
  }
  for (size_t o = 0; o <= PMT_NGRAM_ORDER; ++o) { CHECKF(fabs(sum[o] - 1.0) < 1e-9, "order %zu sums to %.12f", o, sum[o]); }
}

static void check_memory(void) {
  static PmtToken train[20000];
  make_tokens(train, 20000, 5);
  for (size_t n = 0;; ++n) {
    PmtNgram* ngram = NULL;
    pmt_fail_after(n);
    PmtStatus st = pmt_ngram_new(VOCAB, &ngram);
    if (!st) { st = pmt_ngram_expect(ngram, train, 20000); }
    if (!st) { st = pmt_ngram_count(ngram, train, 20000); }
    pmt_fail_never();
    pmt_ngram_free(ngram);
    if (!st) { break; }
    CHECK(st == PMT_NO_MEM);
  }
}

/** A melody known in one key is known in the next; drums count once whatever the key. */
static void check_transposition(void) {
  enum { N = 22 };
  PmtToken low[N] = {PMT_BOS}, high[N] = {PMT_BOS};
  for (size_t i = 1; i + 1 < N; ++i) {
    low[i] = i % 2 ? pmt_token_slot(i / 2 % 8) : pmt_token_note(0, 60 + (i * 5 % 7));
    high[i] = i % 2 ? low[i] : (PmtToken)(low[i] + 3);
  }
  low[N - 1] = high[N - 1] = PMT_END;
  PmtPiece a = {.sequence = {.tokens = low, .n_tokens = N}}, b = {.sequence = {.tokens = high, .n_tokens = N}};
  memset(a.pitch_lo, 255, sizeof a.pitch_lo);
  memset(b.pitch_lo, 255, sizeof b.pitch_lo);
  const PmtPiece *train[1] = {&a}, *test[1] = {&b};
  double alone[PMT_NGRAM_ORDER + 1] = {0.0}, moved[PMT_NGRAM_ORDER + 1] = {0.0};
  CHECK(pmt_baseline_score(train, 1, test, 1, 256, alone) == PMT_OK); /* no range: taken for drums, not transposed */
  a.pitch_lo[0] = 60, a.pitch_hi[0] = 66;
  CHECK(pmt_baseline_score(train, 1, test, 1, 256, moved) == PMT_OK);
  CHECKF(moved[6] < 0.75 * alone[6], "transposing brought %.2f from %.2f nats", moved[6], alone[6]);
  double fold[PMT_NGRAM_ORDER + 1] = {0.0};
  const PmtPiece* both[2] = {&a, &b};
  CHECK(pmt_baseline_tenfold(both, 1, 256, fold) == PMT_BAD_ARG);
  CHECK(pmt_baseline_tenfold(both, 2, 256, fold) == PMT_OK && fold[6] > 0.0);
}

int main(void) {
  check_formula();
  check_sum();
  check_memory();
  check_transposition();
  return 0;
}
