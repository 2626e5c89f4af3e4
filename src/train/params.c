/* SPDX-License-Identifier: ISC */
/** @file params.c  Layout and first values of the weights. Above: learner.c, network.c. Below: nn/tensors.h, body.h. */
#include "train/params.h"

#include "base/random.h"
#include "train/body.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const float TOKEN_REACH = 0.8f, TABLE_REACH = 0.2f;

/* One literal at each call, so the compiler cannot see it here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void print_name(char name[40], const char* format, uint32_t i) { snprintf(name, 40, format, i); }
#pragma GCC diagnostic pop

static PmtBlock* add_block(PmtParams* p, uint32_t rows, uint32_t cols) {
  assert(p->n_blocks < PMT_BLOCKS_MAX);
  PmtBlock* b = &p->block[p->n_blocks++];
  *b = (PmtBlock){.at = p->n_floats, .rows = rows, .cols = cols};
  p->n_floats += (size_t)rows * cols;
  return b;
}

static void pad(PmtParams* p) { p->n_floats = (p->n_floats + 15) / 16 * 16; }

PmtBlock* pmt_params_add(PmtParams* p, const char* format, uint32_t i, uint32_t rows, uint32_t cols) {
  PmtBlock* b = add_block(p, rows, cols);
  print_name(b->name, format, i);
  pad(p);
  return b;
}

static void add_table(PmtParams* p, const PmtHintTable* table) {
  if (!table->rows) { return; }
  PmtBlock* b = add_block(p, table->rows, p->shape.d);
  snprintf(b->name, sizeof b->name, "%s.weight", table->name);
  b->reach = TABLE_REACH;
  pad(p);
}

/** Rows of the output that read the same top, without gaps: one product takes them all. */
static void add_leaps(PmtParams* p, uint32_t width) {
  const PmtHintShape* hints = &p->shape.hints;
  for (uint32_t i = 0; i < hints->n_leaps; ++i) {
    if (!hints->leap[i].count) { continue; }
    PmtBlock* b = add_block(p, 2 * hints->leap[i].reach + 1, width);
    snprintf(b->name, sizeof b->name, "out.%s.weight", hints->leap[i].name);
    b->decay = true;
  }
  if (hints->n_kinds) {
    PmtBlock* b = add_block(p, hints->n_kinds, width);
    snprintf(b->name, sizeof b->name, "out.kind.weight");
    b->decay = true;
  }
  pad(p);
}

PmtStatus pmt_params_layout(const PmtTrainShape* shape, PmtParams* params, PmtError* error) {
  *params = (PmtParams){.shape = *shape};
  PmtStatus st = pmt_shape_check(shape, error);
  if (st) { return st; }
  const uint32_t width = shape->body->width(shape);
  pmt_params_add(params, "emb.weight", 0, shape->vocab, shape->d)->reach = TOKEN_REACH;
  for (uint32_t i = 0; i < shape->n_tables; ++i) { add_table(params, &shape->table[i]); }
  for (uint32_t i = 0; i < shape->hints.n_tables; ++i) { add_table(params, &shape->hints.table[i]); }
  shape->body->layout(params);
  PmtBlock* out = pmt_params_add(params, "out.weight", 0, shape->vocab, width);
  out->decay = true;
  out->reach = 1.0f / __builtin_sqrtf((float)width);
  pmt_params_add(params, "out.bias", 0, shape->vocab, 1);
  add_leaps(params, width);
  return PMT_OK;
}

const PmtBlock* pmt_params_find(const PmtParams* params, const char* name) {
  for (uint32_t i = 0; i < params->n_blocks; ++i) {
    if (!strcmp(params->block[i].name, name)) { return &params->block[i]; }
  }
  return NULL;
}

size_t pmt_params_at(const PmtParams* params, const char* format, uint32_t i) {
  char name[40];
  print_name(name, format, i);
  const PmtBlock* b = pmt_params_find(params, name);
  assert(b);
  return b->at;
}

size_t pmt_params_extra(const PmtParams* params) {
  const PmtBlock* b = pmt_params_find(params, "out.bias");
  assert(b && b + 1 < params->block + params->n_blocks);
  return b[1].at;
}

size_t pmt_params_count(const PmtParams* params) {
  size_t n = 0;
  for (uint32_t i = 0; i < params->n_blocks; ++i) { n += (size_t)params->block[i].rows * params->block[i].cols; }
  return n;
}

float* pmt_params_array(const PmtParams* params) {
  float* w = aligned_alloc(64, (params->n_floats * sizeof *w + 63) / 64 * 64);
  if (w) { memset(w, 0, params->n_floats * sizeof *w); }
  return w;
}

void pmt_params_init(const PmtParams* params, uint64_t seed, float* w) {
  memset(w, 0, params->n_floats * sizeof *w);
  for (uint32_t k = 0; k < params->n_blocks; ++k) {
    const PmtBlock* b = &params->block[k];
    for (size_t i = 0; i < (size_t)b->rows * b->cols; ++i) {
      w[b->at + i] = b->centre + b->reach * (2.0f * pmt_random_unit(seed, 0x696e6974u + k, i) - 1.0f);
    }
  }
  if (params->shape.body->init) { params->shape.body->init(params, w); }
}

static bool is_table(const PmtParams* params, uint32_t block) { return block >= 1 && block <= params->shape.n_tables; }

/** Where two biases are trained as one, their sum is what counts. */
static PmtStatus add_second_bias(const PmtParams* params, const PmtBlock* b, const PmtTensors* tensors, float* w,
                                 PmtError* error) {
  static const char first[] = "rnn.bias_ih_l";
  char name[40];
  if (strncmp(b->name, first, sizeof first - 1)) { return PMT_OK; }
  snprintf(name, sizeof name, "rnn.bias_hh_l%s", b->name + sizeof first - 1);
  if (pmt_params_find(params, name)) { return PMT_OK; }
  float* second = malloc((size_t)b->rows * sizeof *second);
  if (!second) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  const PmtStatus st = pmt_tensors_load(tensors, name, b->rows, 1, second, error);
  for (uint32_t j = 0; !st && j < b->rows; ++j) { w[b->at + j] += second[j]; }
  free(second);
  return st;
}

PmtStatus pmt_params_load(const PmtParams* params, const PmtTensors* tensors, float* w, PmtError* error) {
  memset(w, 0, params->n_floats * sizeof *w);
  for (uint32_t i = 0; i < params->n_blocks; ++i) {
    const PmtBlock* b = &params->block[i];
    if (is_table(params, i) && !pmt_tensors_find(tensors, b->name)) { continue; }
    PmtStatus st = pmt_tensors_load(tensors, b->name, b->rows, b->cols, w + b->at, error);
    if (!st) { st = add_second_bias(params, b, tensors, w, error); }
    if (st) { return st; }
  }
  return PMT_OK;
}
