/* SPDX-License-Identifier: ISC */
/** @file params.h  The trainer's weights: one flat array of floats, cut into named blocks.

    One array so that gradient, moments and average are arrays of the same length and the optimiser is one loop.
    Names and shapes are those of docs/model.md, section 7, save that the two biases of an LSTM or RNN layer are trained
    as one. Input tables and output are laid out here, what lies between by the body (body.h). */
#ifndef PMT_TRAIN_PARAMS_H
#define PMT_TRAIN_PARAMS_H

#include "train/shape.h"

typedef struct {
  char name[40];
  size_t at;       /**< offset in floats, a multiple of 16 but for leaps and kinds, which follow each other gapless */
  uint32_t rows, cols;
  bool decay;      /**< weight decay applies: the matrices, neither tables nor biases nor gains */
  float reach;     /**< first values: uniform within +-reach around `centre` */
  float centre;
} PmtBlock;

enum { PMT_BLOCKS_MAX = 240 };

typedef struct {
  PmtTrainShape shape;
  PmtBlock block[PMT_BLOCKS_MAX]; /**< emb, the tables, those of hints, the body's, out.weight, out.bias, leaps, kinds */
  uint32_t n_blocks;
  size_t n_floats; /**< of the whole array, padding included */
} PmtParams;

/** Lay the blocks out. @return PMT_BAD_ARG with a line when a size is out of range. */
PmtStatus pmt_params_layout(const PmtTrainShape* shape, PmtParams* params, PmtError* error);

/** For bodies, while layout runs: append a block. `format` may name layer `i` by one %u. */
PmtBlock* pmt_params_add(PmtParams* params, const char* format, uint32_t i, uint32_t rows, uint32_t cols);

/** The block of a name, NULL when there is none. */
const PmtBlock* pmt_params_find(const PmtParams* params, const char* name);
/** Offset of a block that is known to be there; `format` as above. */
size_t pmt_params_at(const PmtParams* params, const char* format, uint32_t i);

/** Offset of the first leap or kind: all their rows from here on. */
size_t pmt_params_extra(const PmtParams* params);

/** Weights proper, padding left out. */
size_t pmt_params_count(const PmtParams* params);

/** First values. A pure function of seed. */
void pmt_params_init(const PmtParams* params, uint64_t seed, float* w);

/** Zeroed, 64-byte aligned array of n_floats; NULL when memory is out. free() it. */
float* pmt_params_array(const PmtParams* params);

/** Read every block from a model file into `w`. A table that is absent counts as zero. */
PmtStatus pmt_params_load(const PmtParams* params, const PmtTensors* tensors, float* w, PmtError* error);

#endif
