/* SPDX-License-Identifier: ISC */
/** @file params.h  The trainer's weights: one flat array of floats, cut into named blocks.

    One array so that gradient, moments and average are arrays of the same length and the optimiser is one loop.
    Names and shapes are those of docs/model.md, section 7, save that the two biases of a layer are trained as one. */
#ifndef PMT_TRAIN_PARAMS_H
#define PMT_TRAIN_PARAMS_H

#include "base/status.h"
#include "nn/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PMT_TRAIN_LAYERS_MAX = PMT_LAYERS_MAX, /**< of a file; the command trains up to 3 */
  PMT_TRAIN_KEYS = 25,
  PMT_TRAIN_PHRASES = 9,
  PMT_TRAIN_DENSITIES = 9,
  PMT_TRAIN_METERS = 26,
};

typedef struct {
  uint32_t vocab;  /**< V */
  uint32_t d;      /**< embedding width */
  uint32_t h;      /**< hidden width of each layer */
  uint32_t layers; /**< 1..PMT_TRAIN_LAYERS_MAX */
  uint32_t styles; /**< 1..PMT_STYLES_MAX */
} PmtTrainShape;

/** Block numbers. Layer l has three: pmt_block_ih(l), + 1 = W_hh, + 2 = b; then out.weight and out.bias. */
typedef enum {
  PMT_BLOCK_EMB,
  PMT_BLOCK_STYLE,
  PMT_BLOCK_METER,
  PMT_BLOCK_KEY,
  PMT_BLOCK_PHRASE,
  PMT_BLOCK_DENSITY,
  PMT_BLOCK_LAYERS,
} PmtBlockId;

enum { PMT_BLOCKS_MAX = PMT_BLOCK_LAYERS + 3 * PMT_TRAIN_LAYERS_MAX + 2 };

typedef struct {
  char name[32];
  size_t at;       /**< offset in floats, a multiple of 16 */
  uint32_t rows, cols;
  bool decay;      /**< weight decay applies: the matrices, neither tables nor biases */
} PmtBlock;

typedef struct {
  PmtTrainShape shape;
  PmtBlock block[PMT_BLOCKS_MAX];
  uint32_t n_blocks;
  size_t n_floats; /**< of the whole array, padding included */
} PmtParams;

static inline uint32_t pmt_block_ih(uint32_t layer) { return (uint32_t)PMT_BLOCK_LAYERS + 3 * layer; }
static inline uint32_t pmt_block_out(const PmtParams* p) { return pmt_block_ih(p->shape.layers); }
static inline uint32_t pmt_layer_inputs(const PmtTrainShape* s, uint32_t layer) { return layer ? s->h : s->d; }

/** Lay the blocks out. @return PMT_BAD_ARG with a line when a size is out of range. */
PmtStatus pmt_params_layout(const PmtTrainShape* shape, PmtParams* params, PmtError* error);

/** Fill `w` (n_floats): uniform within 1/sqrt(h) for matrices, forget bias 1, small tables. A pure function of seed. */
void pmt_params_init(const PmtParams* params, uint64_t seed, float* w);

/** Zeroed, 64-byte aligned array of n_floats; NULL when memory is out. free() it. */
float* pmt_params_array(const PmtParams* params);

/** Read every block from a model file into `w`. */
PmtStatus pmt_params_load(const PmtParams* params, const PmtTensors* tensors, float* w, PmtError* error);

#endif
