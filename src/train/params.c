/* SPDX-License-Identifier: ISC */
/** @file params.c  Layout and first values of the weights. Above: trainer.c, lstm.c. Below: nn/tensors.h. */
#include "train/params.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_block(PmtParams* p, const char* name, uint32_t rows, uint32_t cols, bool decay) {
  PmtBlock* b = &p->block[p->n_blocks++];
  *b = (PmtBlock){.at = p->n_floats, .rows = rows, .cols = cols, .decay = decay};
  snprintf(b->name, sizeof b->name, "%s", name);
  p->n_floats += ((size_t)rows * cols + 15) / 16 * 16;
}

PmtStatus pmt_params_layout(const PmtTrainShape* shape, PmtParams* params, PmtError* error) {
  const PmtTrainShape s = *shape;
  *params = (PmtParams){.shape = s};
  if (s.layers < 1 || s.layers > PMT_TRAIN_LAYERS_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "%u layers: 1 to %d are possible", s.layers, PMT_TRAIN_LAYERS_MAX);
  }
  if (s.h < 1 || s.h > PMT_NET_DIM_MAX || s.d < 1 || s.d > PMT_NET_DIM_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "hidden %u, embedding %u: both must be 1 to %d", s.h, s.d, PMT_NET_DIM_MAX);
  }
  if (s.styles < 1 || s.styles > PMT_STYLES_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "%u styles: 1 to %d fit a model", s.styles, PMT_STYLES_MAX);
  }
  add_block(params, "emb.weight", s.vocab, s.d, false);
  add_block(params, "style.weight", s.styles, s.d, false);
  add_block(params, "meter.weight", PMT_TRAIN_METERS, s.d, false);
  add_block(params, "key.weight", PMT_TRAIN_KEYS, s.d, false);
  add_block(params, "phrase.weight", PMT_TRAIN_PHRASES, s.d, false);
  add_block(params, "density.weight", PMT_TRAIN_DENSITIES, s.d, false);
  for (uint32_t l = 0; l < s.layers; ++l) {
    char name[32];
    snprintf(name, sizeof name, "rnn.weight_ih_l%u", l);
    add_block(params, name, 4 * s.h, pmt_layer_inputs(&s, l), true);
    snprintf(name, sizeof name, "rnn.weight_hh_l%u", l);
    add_block(params, name, 4 * s.h, s.h, true);
    snprintf(name, sizeof name, "rnn.bias_ih_l%u", l);
    add_block(params, name, 4 * s.h, 1, false);
  }
  add_block(params, "out.weight", s.vocab, s.h, true);
  add_block(params, "out.bias", s.vocab, 1, false);
  return PMT_OK;
}

float* pmt_params_array(const PmtParams* params) {
  float* w = aligned_alloc(64, (params->n_floats * sizeof *w + 63) / 64 * 64);
  if (w) { memset(w, 0, params->n_floats * sizeof *w); }
  return w;
}

static void fill_uniform(const PmtBlock* b, uint32_t number, uint64_t seed, float reach, float* w) {
  for (size_t i = 0; i < (size_t)b->rows * b->cols; ++i) {
    w[b->at + i] = reach * (2.0f * pmt_random_unit(seed, 0x696e6974u + number, i) - 1.0f);
  }
}

void pmt_params_init(const PmtParams* params, uint64_t seed, float* w) {
  const uint32_t h = params->shape.h;
  const uint32_t out = pmt_block_out(params);
  const float reach = 1.0f / sqrtf((float)h);
  memset(w, 0, params->n_floats * sizeof *w);
  fill_uniform(&params->block[PMT_BLOCK_EMB], PMT_BLOCK_EMB, seed, 0.8f, w);
  for (uint32_t i = PMT_BLOCK_STYLE; i < PMT_BLOCK_LAYERS; ++i) { fill_uniform(&params->block[i], i, seed, 0.2f, w); }
  for (uint32_t l = 0; l < params->shape.layers; ++l) {
    const uint32_t ih = pmt_block_ih(l);
    fill_uniform(&params->block[ih], ih, seed, reach, w);
    fill_uniform(&params->block[ih + 1], ih + 1, seed, reach, w);
    for (uint32_t j = 0; j < h; ++j) { w[params->block[ih + 2].at + h + j] = 1.0f; }
  }
  fill_uniform(&params->block[out], out, seed, reach, w);
}

PmtStatus pmt_params_load(const PmtParams* params, const PmtTensors* tensors, float* w, PmtError* error) {
  memset(w, 0, params->n_floats * sizeof *w);
  for (uint32_t i = 0; i < params->n_blocks; ++i) {
    const PmtBlock* b = &params->block[i];
    const bool table = i >= PMT_BLOCK_STYLE && i < PMT_BLOCK_LAYERS;
    if (table && !pmt_tensors_find(tensors, b->name)) { continue; } /* an absent table counts as zero */
    PmtStatus st = pmt_tensors_load(tensors, b->name, b->rows, b->cols, w + b->at, error);
    if (st) { return st; }
  }
  for (uint32_t l = 0; l < params->shape.layers; ++l) { /* the file has two biases a layer; their sum is what counts */
    const PmtBlock* b = &params->block[pmt_block_ih(l) + 2];
    char name[40];
    snprintf(name, sizeof name, "rnn.bias_hh_l%u", l);
    float* second = malloc((size_t)b->rows * sizeof *second);
    if (!second) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
    PmtStatus st = pmt_tensors_load(tensors, name, b->rows, 1, second, error);
    for (uint32_t j = 0; !st && j < b->rows; ++j) { w[b->at + j] += second[j]; }
    free(second);
    if (st) { return st; }
  }
  return PMT_OK;
}
