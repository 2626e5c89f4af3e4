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
  PMT_TRAIN_LAYERS_MAX = PMT_TF_LAYERS_MAX, /**< of a Transformer; the engine has no room for so many of other nets */
  PMT_TRAIN_KEYS = 25,
  PMT_TRAIN_PHRASES = 9,
  PMT_TRAIN_DENSITIES = 9,
  PMT_TRAIN_METERS = 26,
  PMT_TRAIN_WINDOW_MAX = 8192,
};

enum { PMT_TRAIN_POSES = PMT_POS_REL + 1 };
const char* pmt_train_pos_name(PmtPos pos);
bool pmt_train_pos_find(const char* name, PmtPos* pos);

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
  PmtHintTable table[PMT_INPUTS_MUSIC]; /**< conditioning: rows of cell.input */
  uint32_t n_tables;
  PmtHintShape hints;   /**< of cell.hints. A table of no rows, a leap of count 0 and kinds of which there are none are
                             left out: no weights, and what the cells say of them is not heard */
} PmtTrainShape;

/** The five tables of music from MIDI. @param styles rows of style.weight */
void pmt_shape_music(PmtTrainShape* shape, uint32_t styles);
/** All hints of music/listener.h for the vocabulary of the shape. */
void pmt_shape_listen(PmtTrainShape* shape);
/** Leave hints out: "hints" all, "tables", "leaps", "kinds", or those of a name, "near", "own" ..., numbers left out.
    @return false when there are none */
bool pmt_shape_without(PmtTrainShape* shape, const char* name);
/** Put hints of music/listener.h back that are left out, by the same names. @return false when none is */
bool pmt_shape_with(PmtTrainShape* shape, const char* name);
/** The table of this very name is there. */
bool pmt_shape_has(const PmtTrainShape* shape, const char* table);
/** Something is told beside the conditioning tables. */
bool pmt_shape_is_hinted(const PmtTrainShape* shape);
/** Of the vocabulary slot-v1. */
uint32_t pmt_shape_parts(const PmtTrainShape* shape);

/** Rows of a conditioning table; 0 = no such table. */
uint32_t pmt_shape_rows(const PmtTrainShape* shape, const char* table);

/** Refuse sizes out of range with a line that names them. */
PmtStatus pmt_shape_check(const PmtTrainShape* shape, PmtError* error);

/** "lstm 2 x 384, d 192", "tf 6 x 256, heads 8, ff 1024, window 512, rope": architecture and sizes for people. */
void pmt_shape_describe(const PmtTrainShape* shape, char* text, size_t size);

/** From metadata and tensor shapes of a model file with the tables of music; hints as far as the file has them. */
PmtStatus pmt_shape_read(const PmtTensors* tensors, PmtTrainShape* shape, PmtError* error);

#endif
