/* SPDX-License-Identifier: ISC */
/** @file rehearsal.h  What a model plays of its styles, as corpora: learned along with new music, so that the old is not
    forgotten although its files are not at hand (Robins, "Catastrophic forgetting, rehearsal and pseudorehearsal", 1995).

    Above: trainer.c. Below: playing.h, corpus.h. */
#ifndef PMT_TRAIN_REHEARSAL_H
#define PMT_TRAIN_REHEARSAL_H

#include "train/corpus.h"
#include "train/playing.h"
#include "train/pool.h"

#include <signal.h>

enum { PMT_REHEARSAL_BARS = 32 };

/** Let the model play `pieces` of each wanted style, of which an eighth, at least one, is valid, the rest trains.
    A pure function of model, seed and number: any number of threads makes the same.
    @param wanted (model->n_styles) @param pieces at least 2 @param stop set by a signal: fail at the next piece; may be NULL
    @param[out] corpora (model->n_styles) those wanted are filled, folder NULL. Free them in any case */
PmtStatus pmt_rehearse(PmtModel* model, const bool* wanted, size_t pieces, uint64_t seed,
                       const volatile sig_atomic_t* stop, PmtPool* pool, PmtCorpus* corpora,
                       PmtError* error);

#endif
