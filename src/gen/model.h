/* SPDX-License-Identifier: ISC */
/** @file model.h  A model file made ready to play: net, vocabulary, what the metadata promises. Constant, shared. */
#ifndef PMT_GEN_MODEL_H
#define PMT_GEN_MODEL_H

#include "base/status.h"
#include "gen/repeats.h"
#include "music/grammar.h"
#include "nn/net.h"

enum { PMT_NAME_MAX = 40 };

typedef struct {
  PmtNet* net;                                 /**< owned */
  uint32_t parts;                              /**< 1..8 */
  uint32_t vocab;                              /**< 128 + 128 * parts */
  uint8_t pitch_lo[PMT_PARTS_MAX], pitch_hi[PMT_PARTS_MAX];
  bool velocity, drums, ornaments;             /**< what the training data had */
  uint32_t n_styles;                           /**< 1..32 */
  char style_name[PMT_STYLES_MAX][PMT_NAME_MAX + 1];
  char part_name[PMT_PARTS_MAX][PMT_NAME_MAX + 1];
  uint8_t program[PMT_STYLES_MAX][PMT_PARTS_MAX]; /**< General MIDI program by style and part (metadata "programs") */
  uint8_t kit[PMT_STYLES_MAX];                 /**< General MIDI program of the drums' channel (metadata "kits"), else 0 */
  uint8_t parts_used[PMT_STYLES_MAX];          /**< melodic parts each style had in training, 0 = drums alone
                                                    (metadata "style_parts"; all parts when it does not say) */
  uint8_t rests[PMT_STYLES_MAX][PMT_PARTS_MAX]; /**< bars a part usually rests at most, PMT_RESTS_ANY = as long as it
                                                    likes (metadata "style_rests"; that when it does not say) */
  uint8_t style_drums[PMT_STYLES_MAX];         /**< 1 = it had drums (metadata "style_drums"; 1 when it does not say) */
  uint8_t told[PMT_STYLES_MAX];                /**< 1 = a player's melody is told as notes, 0 = as hints, where there are any
                                                    (metadata "style_told"; 0 when it does not say) */
  float style_bpm[PMT_STYLES_MAX];             /**< median tempo of the style, 0 unknown (metadata "style_bpm") */
  float temperature;                           /**< suggested */
  float min_p[PMT_STYLES_MAX];                 /**< suggested for each style */
  uint64_t hash;                               /**< of the file's content */
  char title[128], license[128];
} PmtModel;

/** Load, check, pack and touch everything; or, when a model of the same content lives in this process already, whatever
    its path was, return that one. So all instances share one copy of the weights: nobody writes into a loaded model.
    (The two plugins of the bundle are two objects of the linker, and do not share with each other.)

    Setup threads, any number at once; a mutex is held for moments. Never in the audio thread. Under 32 KiB of stack.
    @return any PmtStatus; the line names file and fault ("x.safetensors: vocab is \"remi\", need \"slot-v1\"") */
PmtStatus pmt_model_load(const char* path, PmtModel** model, PmtError* error);

/** The model of that content, if one lives in this process, wherever it was read from. NULL: none does. Setup
    threads. */
PmtModel* pmt_model_borrow(uint64_t hash);

/** Give back what pmt_model_load() or pmt_model_borrow() returned, once for each time: the last frees it. Setup
    threads; NULL is fine. */
void pmt_model_free(PmtModel* model);

/** Index of a style by name (case-insensitive), or -1. */
int pmt_model_style(const PmtModel* model, const char* name);

/* Metadata formats beyond docs/model.md's table, all optional:
   "programs"    "48,48,42,42;0,0;..."   per style, separated by ';', General MIDI program of each part
   "kits"        "0,0,25,..."            per style, General MIDI drum kit (program of channel 10)
   "style_parts" "4,3,2,..."             per style, melodic parts in use
   "style_rests" "2,2,1,3;0,..."         per style, separated by ';', bars that each part usually rests at most, 0..32
   "style_drums" "0,0,1,..."             per style, 1 = it had drums in training
   "style_told"  "1,0,..."               per style, 1 = it predicts better what goes with a melody that is told as notes
   "style_bpm"   "120,96,..."            per style, median opening tempo in quarter notes a minute
   "min_p"       "0.005,0.01,..."        per style; one number speaks for all */

#endif
