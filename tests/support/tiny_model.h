/* SPDX-License-Identifier: ISC */
/** @file tiny_model.h  A small model file with random weights: loads and plays at once, knows no music.

    Above: any test that needs a model. Below: nn/tensors. Two styles, "alpha" and "beta", that differ; every
    conditioning table; the metadata of docs/model.md, section 7. */
#ifndef PMT_TESTS_SUPPORT_TINY_MODEL_H
#define PMT_TESTS_SUPPORT_TINY_MODEL_H

#include "base/status.h"
#include "base/hints.h"
#include "nn/tensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** All zero is fine: the defaults stand in parentheses. */
typedef struct {
  uint64_t seed;
  const char* arch; /**< lstm, gru, rnn or tf (lstm) */
  const char* pos;  /**< tf: rope, rope2, sin, alibi or rel (rope) */
  uint32_t parts;  /**< 1..8 (4) */
  uint32_t d;      /**< embedding width (16) */
  uint32_t h;      /**< hidden width of a recurrent net (32) */
  uint32_t layers; /**< 1..12, recurrent 1..8 (2) */
  uint32_t heads;  /**< tf (2) */
  uint32_t ff;     /**< tf: inner width (4 d) */
  uint32_t window; /**< tf (64) */
  uint32_t rel;    /**< tf with pos rel: distances told apart (the window) */
  float note_bias; /**< added to the output bias of every note: more notes in a slot */
  float slot_bias; /**< added to the output bias of every slot token: fewer notes (a few notes a slot at 0) */
  float pos_bias;  /**< added to the output bias of every POS token: fewer notes off the slot's head */
  const PmtHintShape* hints; /**< what it is told beside tokens; rows or count 0: not written (nothing) */
  bool listens;           /**< instead: what a listener tells (music/listener.h) */
  const PmtMetaOut* meta; /**< replaces the entry of the same key, or adds one; value NULL removes it */
  size_t n_meta;          /**< at most 16 */
} PmtTinyOptions;

/** Write the model. @param options may be NULL. */
PmtStatus pmt_tiny_model_write(const char* path, const PmtTinyOptions* options, PmtError* error);

#endif
