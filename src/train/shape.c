/* SPDX-License-Identifier: ISC */
/** @file shape.c  See shape.h. */
#include "train/shape.h"

#include "music/listener.h"
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
  static const PmtHintTable tables[PMT_INPUTS_MUSIC] = {
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

/* -- hints ------------------------------------------------------------------------------------------------------ */

uint32_t pmt_shape_parts(const PmtTrainShape* shape) { return (shape->vocab - PMT_TOKEN_NOTE) / 128; }

void pmt_shape_listen(PmtTrainShape* shape) { pmt_listener_shape(pmt_shape_parts(shape), &shape->hints); }

static uint32_t count_hints(const PmtTrainShape* shape) {
  const PmtHintShape* h = &shape->hints;
  uint32_t n = h->n_kinds != 0;
  for (uint32_t i = 0; i < h->n_tables; ++i) { n += h->table[i].rows != 0; }
  for (uint32_t i = 0; i < h->n_leaps; ++i) { n += h->leap[i].count != 0; }
  return n;
}

bool pmt_shape_is_hinted(const PmtTrainShape* shape) { return count_hints(shape) != 0; }

/** "near" means near and near.trust; "own" own.0 and all its sisters. */
static bool is_called(const char* hint, const char* name) {
  const size_t n = strlen(name);
  return !strncmp(hint, name, n) && (!hint[n] || hint[n] == '.');
}

bool pmt_shape_without(PmtTrainShape* shape, const char* name) {
  PmtHintShape* h = &shape->hints;
  const uint32_t before = count_hints(shape);
  const bool all = !strcmp(name, "hints");
  for (uint32_t i = 0; i < h->n_tables; ++i) {
    if (all || !strcmp(name, "tables") || is_called(h->table[i].name, name)) { h->table[i].rows = 0; }
  }
  for (uint32_t i = 0; i < h->n_leaps; ++i) {
    if (all || !strcmp(name, "leaps") || is_called(h->leap[i].name, name)) { h->leap[i].count = 0; }
  }
  if (all || !strcmp(name, "kinds")) { h->n_kinds = 0; }
  return count_hints(shape) < before;
}

bool pmt_shape_with(PmtTrainShape* shape, const char* name) {
  PmtTrainShape whole = *shape, less;
  const PmtHintShape *all = &whole.hints, *left = &less.hints;
  PmtHintShape* h = &shape->hints;
  const uint32_t before = count_hints(shape);
  pmt_shape_listen(&whole);
  less = whole;
  if (!pmt_shape_without(&less, name)) { return false; }
  if (!h->n_tables && !h->n_leaps) { *h = whole.hints, pmt_shape_without(shape, "hints"); } /* it had none: the names */
  for (uint32_t i = 0; i < h->n_tables; ++i) {
    if (!left->table[i].rows) { h->table[i].rows = all->table[i].rows; }
  }
  for (uint32_t i = 0; i < h->n_leaps; ++i) {
    if (!left->leap[i].count) { h->leap[i].count = all->leap[i].count; }
  }
  if (!left->n_kinds) { h->n_kinds = all->n_kinds; }
  return count_hints(shape) > before;
}

bool pmt_shape_has(const PmtTrainShape* shape, const char* table) {
  for (uint32_t i = 0; i < shape->hints.n_tables; ++i) {
    if (shape->hints.table[i].rows && !strcmp(shape->hints.table[i].name, table)) { return true; }
  }
  return false;
}

static PmtStatus check_hints(const PmtTrainShape* s, PmtError* error) {
  const PmtHintShape* h = &s->hints;
  for (uint32_t i = 0; i < h->n_tables; ++i) {
    if (h->table[i].rows > INT16_MAX) {
      return pmt_fail(error, PMT_BAD_ARG, "table %s: %u rows, up to %d are possible", h->table[i].name, h->table[i].rows,
                      INT16_MAX);
    }
  }
  for (uint32_t i = 0; i < h->n_leaps; ++i) {
    if (h->leap[i].first + h->leap[i].count > s->vocab || h->leap[i].reach > INT16_MAX) {
      return pmt_fail(error, PMT_BAD_ARG, "leap %s: %u tokens from %u on, reach %u, in a vocabulary of %u", h->leap[i].name,
                      h->leap[i].count, h->leap[i].first, h->leap[i].reach, s->vocab);
    }
  }
  if (h->n_kinds && (h->kind_first + h->kind_count > s->vocab || !h->kind_span || h->n_kinds > UINT8_MAX + 1)) {
    return pmt_fail(error, PMT_BAD_ARG, "%u kinds: %u tokens from %u on by %u, in a vocabulary of %u", h->n_kinds,
                    h->kind_count, h->kind_first, h->kind_span, s->vocab);
  }
  return PMT_OK;
}

/** What the file lacks is left out. */
static PmtStatus read_hints(const PmtTensors* file, PmtTrainShape* shape, PmtError* error) {
  const char* told = pmt_tensors_meta(file, "hints");
  PmtHintShape* h = &shape->hints;
  char name[48];
  if (!told) { return PMT_OK; }
  if (strcmp(told, PMT_LISTENER_NAME)) { return pmt_fail(error, PMT_UNSUPPORTED, "hints \"%.20s\" are not known", told); }
  pmt_shape_listen(shape);
  for (uint32_t i = 0; i < h->n_tables; ++i) {
    snprintf(name, sizeof name, "%s.weight", h->table[i].name);
    if (!pmt_tensors_find(file, name)) { h->table[i].rows = 0; }
  }
  for (uint32_t i = 0; i < h->n_leaps; ++i) {
    snprintf(name, sizeof name, "out.%s.weight", h->leap[i].name);
    if (!pmt_tensors_find(file, name)) { h->leap[i].count = 0; }
  }
  if (!pmt_tensors_find(file, "out.kind.weight")) { h->n_kinds = 0; }
  return PMT_OK;
}

/* -- checks ------------------------------------------------------------------------------------------------------ */

PmtStatus pmt_shape_check(const PmtTrainShape* s, PmtError* error) {
  if (s->layers < 1 || s->layers > PMT_TRAIN_LAYERS_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "%u layers: 1 to %d are possible", s->layers, PMT_TRAIN_LAYERS_MAX);
  }
  if (s->d < 1 || s->d > PMT_NET_DIM_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "width %u: it must be 1 to %d", s->d, PMT_NET_DIM_MAX);
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
  const PmtStatus st = check_hints(s, error);
  return st ? st : s->body->check(s, error);
}

void pmt_shape_describe(const PmtTrainShape* shape, char* text, size_t size) {
  shape->body->describe(shape, text, size);
  const size_t used = strlen(text);
  const uint32_t n = count_hints(shape);
  if (n) { snprintf(text + used, size - used, ", %u hints", n); }
}

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
  st = read_hints(file, shape, error);
  if (st) { return st; }
  return body == &pmt_body_tf ? read_transformer(file, shape, error) : read_recurrent(file, shape, error);
}
