/* SPDX-License-Identifier: ISC */
/** @file shape.h  Architecture and sizes of a net in training, as options say them and as model files do.

    Above: params.c (blocks), trainer.c, export.c, appraise.c. Below: body.h (the architectures), nn/tensors.h. */
#ifndef PMT_TRAIN_SHAPE_H
#define PMT_TRAIN_SHAPE_H

#include "base/status.h"
#include "nn/net.h"
#include "train/cell.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PMT_TRAIN_LAYERS_MAX = PMT_LAYERS_MAX,
  PMT_TRAIN_KEYS = 25,
  PMT_TRAIN_PHRASES = 9,
  PMT_TRAIN_DENSITIES = 9,
  PMT_TRAIN_METERS = 26,
  PMT_TRAIN_WINDOW_MAX = 8192,
};

enum { PMT_TRAIN_POSES = PMT_POS_REL + 1 };
const char* pmt_train_pos_name(PmtPos pos);
bool pmt_train_pos_find(const char* name, PmtPos* pos);

typedef struct { char name[32]; uint32_t rows; } PmtInputTable;

struct PmtBody;

typedef struct {
  const struct PmtBody* body;
  uint32_t vocab;  /**< V */
  uint32_t d;      /**< embedding width; a Transformer's width throughout */
  uint32_t layers; /**< 1..PMT_TRAIN_LAYERS_MAX */
  uint32_t h;      /**< recurrent: hidden width of each layer */
  uint32_t heads, ff; /**< Transformer */
  uint32_t window; /**< Transformer: a query sees so many keys, its own among them */
  uint32_t reach;  /**< Transformer, rel: rows of the distance table, 1..window */
  PmtPos pos;   /**< Transformer */
  PmtInputTable table[PMT_INPUTS_MAX];
  uint32_t n_tables;
  uint32_t n_anchors;   /**< 0..PMT_ANCHORS_MAX; above 0: tokens 0..leap_tokens-1 are pitches, and the logit of such a
                             token v has, beside its own weight row, one for v - anchor of each anchor (cell.h), while
                             that is within -leap..leap: music is heard as intervals */
  uint32_t leap_tokens, leap;
  uint32_t n_kinds;     /**< above 0: the logit of such a token also has a weight row for kind[v mod 12] of the cell */
} PmtTrainShape;

/** The five tables of music from MIDI. @param styles rows of style.weight */
void pmt_shape_music(PmtTrainShape* shape, uint32_t styles);

/** Rows of a table; 0 = no such table. */
uint32_t pmt_shape_rows(const PmtTrainShape* shape, const char* table);

/** Refuse sizes out of range with a line that names them. */
PmtStatus pmt_shape_check(const PmtTrainShape* shape, PmtError* error);

/** "lstm 2 x 384, d 192", "tf 6 x 256, heads 8, ff 1024, window 512, rope": architecture and sizes for people. */
void pmt_shape_describe(const PmtTrainShape* shape, char* text, size_t size);

/** From metadata and tensor shapes of a model file with the tables of music. */
PmtStatus pmt_shape_read(const PmtTensors* tensors, PmtTrainShape* shape, PmtError* error);

#endif
