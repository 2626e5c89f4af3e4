/* SPDX-License-Identifier: ISC */
/** @file baseline.h  What the 6-gram makes of pieces, trained on other pieces in twelve keys.

    Above: trainer.c, evaluate. Below: ngram.c. */
#ifndef PMT_TRAIN_BASELINE_H
#define PMT_TRAIN_BASELINE_H

#include "train/corpus.h"
#include "train/ngram.h"

/** Train on the `train` pieces, transposed by -6..+5 as far as every note stays within 21..108 (a piece without pitched
    notes counts once), and predict the `test` pieces untransposed, END included.
    @param[in,out] nats of all test pieces is added, by order: nats[6] is the 6-gram's (of 6 tokens of context) */
PmtStatus pmt_baseline_score(const PmtPiece* const* train, size_t n_train, const PmtPiece* const* test, size_t n_test,
                             uint32_t vocab, double nats[PMT_NGRAM_ORDER + 1]);

/** The same for each tenth of the pieces, by a baseline trained on the other nine: for folders without a split.
    @return PMT_BAD_ARG when there are fewer than two pieces */
PmtStatus pmt_baseline_tenfold(const PmtPiece* const* pieces, size_t n, uint32_t vocab, double nats[PMT_NGRAM_ORDER + 1]);

/** The pieces of one split, as pmt_baseline_score wants them; free() the list. NULL when memory is out. */
const PmtPiece** pmt_baseline_pieces(const PmtCorpus* corpus, PmtSplit split, size_t* n_pieces);

#endif
