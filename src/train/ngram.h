/* SPDX-License-Identifier: ISC */
/** @file ngram.h  The baseline: an interpolated Witten-Bell 6-gram over the same tokens (docs/model.md, section 9).

    p_o(w|c) = (n(cw) + T(c) p_{o-1}(w|c')) / (n(c) + T(c)),  T = distinct successors,  p_-1 = 1/V,  o = 0..6
    (Witten and Bell, "The zero-frequency problem", IEEE Trans. Inf. Theory 37(4), 1991).

    A count of every context in millions of transposed tokens would not fit memory. What is to be predicted is known
    beforehand, so only contexts that occur in it are counted: expect() first, then count(), then nats().

    Above: baseline.c. Below: nothing. Contexts are named by 64-bit hashes; a clash is one in 10^7 runs. */
#ifndef PMT_TRAIN_NGRAM_H
#define PMT_TRAIN_NGRAM_H

#include "base/status.h"
#include "music/vocab.h"

#include <stddef.h>
#include <stdint.h>

enum { PMT_NGRAM_ORDER = 6 };

typedef struct PmtNgram PmtNgram;

PmtStatus pmt_ngram_new(uint32_t vocab, PmtNgram** ngram);
void pmt_ngram_free(PmtNgram* ngram); /**< NULL is fine */

/** Tokens that will be asked for; tokens[0] is BOS and is only context. All calls come before the first count. */
PmtStatus pmt_ngram_expect(PmtNgram* ngram, const PmtToken* tokens, size_t n_tokens);

/** Learn from tokens; tokens[0] is BOS. */
PmtStatus pmt_ngram_count(PmtNgram* ngram, const PmtToken* tokens, size_t n_tokens);

/** Add the sum of -ln p of tokens[1..] to nats[o], for each order o: o tokens of context. The tokens must have been
    expected. */
void pmt_ngram_nats(const PmtNgram* ngram, const PmtToken* tokens, size_t n_tokens, double nats[PMT_NGRAM_ORDER + 1]);

#endif
