/* SPDX-License-Identifier: ISC */
/** @file shape.c  See shape.h. */
#include "train/shape.h"

#include "train/body.h"

#include <stdio.h>
#include <string.h>

static const char* const pos_names[PMT_TRAIN_POSES] = {"rope", "rope2", "sin", "alibi", "rel"};

const char* pmt_train_pos_name(PmtPos pos) { return pos_names[pos]; }

bool pmt_train_pos_find(const char* name, PmtPos* pos) {
  for (int i = 0; i < PMT_TRAIN_POSES; ++i) {
    if (strcmp(name, pos_names[i])) { continue; }
    *pos = (PmtPos)i;
    return true;
  }
  return false;
}

void pmt_shape_music(PmtTrainShape* shape, uint32_t styles) {
  static const PmtInputTable tables[PMT_INPUTS_MUSIC] = {
    {"style", 0}, {"meter", PMT_TRAIN_METERS}, {"key", PMT_TRAIN_KEYS}, {"phrase", PMT_TRAIN_PHRASES},
    {"density", PMT_TRAIN_DENSITIES}};
  memcpy(shape->table, tables, sizeof tables);
  shape->table[PMT_INPUT_STYLE].rows = styles;
  shape->n_tables = PMT_INPUTS_MUSIC;
}

uint32_t pmt_shape_rows(const PmtTrainShape* shape, const char* table) {
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    if (!strcmp(shape->table[i].name, table)) { return shape->table[i].rows; }
  }
  return 0;
}

PmtStatus pmt_shape_check(const PmtTrainShape* s, PmtError* error) {
  if (s->layers < 1 || s->layers > PMT_TRAIN_LAYERS_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "%u layers: 1 to %d are possible", s->layers, PMT_TRAIN_LAYERS_MAX);
  }
  if (s->d < 1 || s->d > PMT_NET_DIM_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "width %u: it must be 1 to %d", s->d, PMT_NET_DIM_MAX);
  }
  if (s->n_tables > PMT_INPUTS_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "%u input tables: up to %d are possible", s->n_tables, PMT_INPUTS_MAX);
  }
  for (uint32_t i = 0; i < s->n_tables; ++i) {
    if (s->table[i].rows < 1 || s->table[i].rows > INT16_MAX) {
      return pmt_fail(error, PMT_BAD_ARG, "table %s: %u rows, 1 to %d are possible", s->table[i].name, s->table[i].rows,
                      INT16_MAX);
    }
  }
  if (pmt_shape_rows(s, "style") > PMT_STYLES_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "%u styles: 1 to %d fit a model", pmt_shape_rows(s, "style"), PMT_STYLES_MAX);
  }
  return s->body->check(s, error);
}

void pmt_shape_describe(const PmtTrainShape* shape, char* text, size_t size) { shape->body->describe(shape, text, size); }

/* -- from a file ---------------------------------------------------------------------------------------------- */

static PmtStatus read_recurrent(const PmtTensors* file, PmtTrainShape* shape, PmtError* error) {
  const PmtTensor* out = pmt_tensors_find(file, "out.weight");
  if (!out) { return pmt_fail(error, PMT_BAD_SHAPE, "out.weight is missing"); }
  shape->h = out->shape[1];
  return PMT_OK;
}

static PmtStatus read_transformer(const PmtTensors* file, PmtTrainShape* shape, PmtError* error) {
  const char* pos = pmt_tensors_meta(file, "pos");
  const PmtTensor* rel = pmt_tensors_find(file, "blk.0.rel.weight");
  int heads, ff, window;
  PmtStatus st = pmt_tensors_meta_int(file, "heads", 1, PMT_NET_DIM_MAX, -1, &heads, error);
  if (!st) { st = pmt_tensors_meta_int(file, "ff", 1, 4 * PMT_NET_DIM_MAX, -1, &ff, error); }
  if (!st) { st = pmt_tensors_meta_int(file, "window", 1, PMT_TRAIN_WINDOW_MAX, -1, &window, error); }
  if (st) { return st; }
  shape->heads = (uint32_t)heads, shape->ff = (uint32_t)ff, shape->window = (uint32_t)window;
  shape->reach = rel ? rel->shape[0] : 0;
  if (pos && pmt_train_pos_find(pos, &shape->pos)) { return PMT_OK; }
  return pmt_fail(error, PMT_UNSUPPORTED, "pos \"%.20s\" is not known", pos ? pos : "");
}

PmtStatus pmt_shape_read(const PmtTensors* file, PmtTrainShape* shape, PmtError* error) {
  const PmtTensor *emb = pmt_tensors_find(file, "emb.weight"), *style = pmt_tensors_find(file, "style.weight");
  const char* arch = pmt_tensors_meta(file, "arch");
  const PmtBody* body = arch ? pmt_body_find(arch) : NULL;
  int layers;
  *shape = (PmtTrainShape){.body = body};
  if (!body) { return pmt_fail(error, PMT_UNSUPPORTED, "arch \"%.20s\" is not known", arch ? arch : ""); }
  if (!emb) { return pmt_fail(error, PMT_BAD_SHAPE, "emb.weight is missing"); }
  PmtStatus st = pmt_tensors_meta_int(file, "layers", 1, PMT_TRAIN_LAYERS_MAX, -1, &layers, error);
  if (st) { return st; }
  shape->vocab = emb->shape[0], shape->d = emb->shape[1], shape->layers = (uint32_t)layers;
  pmt_shape_music(shape, style ? style->shape[0] : 1);
  return body == &pmt_body_tf ? read_transformer(file, shape, error) : read_recurrent(file, shape, error);
}
