/* SPDX-License-Identifier: ISC */
/** @file ngram.c  See ngram.h. Two open-addressing tables: contexts by hash, and (context, token) pairs. */
#include "train/ngram.h"

#include "base/random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct {
  uint64_t hash;  /* 0 = free */
  uint32_t total; /* n(c) */
  uint32_t kinds; /* T(c) */
} Context;

typedef struct {
  uint64_t key;   /* 1 + place of the context * 4096 + token; 0 = free */
  uint32_t count; /* n(cw) */
} Pair;

typedef struct {
  Context* at;
  size_t size, used; /* size is a power of two */
} Contexts;

typedef struct {
  Pair* at;
  size_t size, used;
} Pairs;

struct PmtNgram {
  uint32_t vocab;
  Contexts contexts;
  Pairs pairs;
};

enum { TOKEN_BITS = 12, SIZE_START = 1 << 12 };

/** Hash of the `order` tokens before position i, from the hash of one token less. */
static uint64_t extend_hash(uint64_t hash, PmtToken token) { return pmt_random_mix(hash ^ (token + 1u)) | 1u; }

static size_t find_context(const Contexts* t, uint64_t hash) {
  size_t i = pmt_random_mix(hash) & (t->size - 1);
  while (t->at[i].hash && t->at[i].hash != hash) { i = (i + 1) & (t->size - 1); }
  return i;
}

static size_t find_pair(const Pairs* t, uint64_t key) {
  size_t i = pmt_random_mix(key) & (t->size - 1);
  while (t->at[i].key && t->at[i].key != key) { i = (i + 1) & (t->size - 1); }
  return i;
}

static PmtStatus grow_contexts(Contexts* t) {
  Contexts next = {calloc(2 * t->size, sizeof *next.at), 2 * t->size, t->used};
  if (!next.at) { return PMT_NO_MEM; }
  for (size_t i = 0; i < t->size; ++i) {
    if (t->at[i].hash) { next.at[find_context(&next, t->at[i].hash)] = t->at[i]; }
  }
  free(t->at);
  *t = next;
  return PMT_OK;
}

static PmtStatus grow_pairs(Pairs* t) {
  Pairs next = {calloc(2 * t->size, sizeof *next.at), 2 * t->size, t->used};
  if (!next.at) { return PMT_NO_MEM; }
  for (size_t i = 0; i < t->size; ++i) {
    if (t->at[i].key) { next.at[find_pair(&next, t->at[i].key)] = t->at[i]; }
  }
  free(t->at);
  *t = next;
  return PMT_OK;
}

PmtStatus pmt_ngram_new(uint32_t vocab, PmtNgram** ngram) {
  *ngram = calloc(1, sizeof **ngram);
  if (!*ngram) { return PMT_NO_MEM; }
  PmtNgram* n = *ngram;
  n->vocab = vocab;
  n->contexts = (Contexts){calloc(SIZE_START, sizeof(Context)), SIZE_START, 0};
  n->pairs = (Pairs){calloc(SIZE_START, sizeof(Pair)), SIZE_START, 0};
  if (n->contexts.at && n->pairs.at) { return PMT_OK; }
  pmt_ngram_free(n);
  *ngram = NULL;
  return PMT_NO_MEM;
}

void pmt_ngram_free(PmtNgram* ngram) {
  if (!ngram) { return; }
  free(ngram->contexts.at);
  free(ngram->pairs.at);
  free(ngram);
}

PmtStatus pmt_ngram_expect(PmtNgram* ngram, const PmtToken* tokens, size_t n_tokens) {
  Contexts* t = &ngram->contexts;
  for (size_t i = 1; i < n_tokens; ++i) {
    uint64_t hash = 1;
    for (size_t o = 0; o <= PMT_NGRAM_ORDER && o <= i; ++o) {
      if (o) { hash = extend_hash(hash, tokens[i - o]); }
      if (2 * (t->used + 1) > t->size && grow_contexts(t)) { return PMT_NO_MEM; }
      Context* c = &t->at[find_context(t, hash)];
      t->used += !c->hash;
      c->hash = hash;
    }
  }
  return PMT_OK;
}

/** Expected contexts are closed under shortening, so the first unexpected one ends the search. */
PmtStatus pmt_ngram_count(PmtNgram* ngram, const PmtToken* tokens, size_t n_tokens) {
  Pairs* p = &ngram->pairs;
  for (size_t i = 1; i < n_tokens; ++i) {
    uint64_t hash = 1;
    for (size_t o = 0; o <= PMT_NGRAM_ORDER && o <= i; ++o) {
      if (o) { hash = extend_hash(hash, tokens[i - o]); }
      const size_t place = find_context(&ngram->contexts, hash);
      Context* c = &ngram->contexts.at[place];
      if (!c->hash) { break; }
      if (2 * (p->used + 1) > p->size && grow_pairs(p)) { return PMT_NO_MEM; }
      const uint64_t key = 1 + ((uint64_t)place << TOKEN_BITS | tokens[i]);
      Pair* pair = &p->at[find_pair(p, key)];
      if (!pair->key) {
        pair->key = key;
        ++p->used;
        ++c->kinds;
      }
      ++pair->count;
      ++c->total;
    }
  }
  return PMT_OK;
}

void pmt_ngram_nats(const PmtNgram* ngram, const PmtToken* tokens, size_t n_tokens, double nats[PMT_NGRAM_ORDER + 1]) {
  for (size_t i = 1; i < n_tokens; ++i) {
    double p = 1.0 / ngram->vocab;
    uint64_t hash = 1;
    bool known = true; /* a context never seen says nothing, nor does any longer one */
    for (size_t o = 0; o <= PMT_NGRAM_ORDER; ++o) {
      if (o && o <= i && known) { hash = extend_hash(hash, tokens[i - o]); }
      const size_t place = known && o <= i ? find_context(&ngram->contexts, hash) : 0;
      const Context* c = &ngram->contexts.at[place];
      known = known && o <= i && c->total;
      if (known) {
        const uint64_t key = 1 + ((uint64_t)place << TOKEN_BITS | tokens[i]);
        const double n = ngram->pairs.at[find_pair(&ngram->pairs, key)].count;
        p = (n + c->kinds * p) / ((double)c->total + c->kinds);
      }
      nats[o] -= log(p);
    }
  }
}
