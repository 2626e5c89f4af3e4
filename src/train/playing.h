/* SPDX-License-Identifier: ISC */
/** @file playing.h  Pieces that a model plays, as the plugin would, for the trainer to read: what it plays of its old styles
    is rehearsed, what it plays of new ones is searched for copies.

    Above: rehearsal.c, verdict.c. Below: gen/render.h; the tokens come from the engine's tape, so nothing is lost on the way
    through MIDI. */
#ifndef PMT_TRAIN_PLAYING_H
#define PMT_TRAIN_PLAYING_H

#include "gen/engine.h"
#include "music/score.h"

typedef struct {
  uint32_t style;
  uint32_t bars;
  uint8_t beats, unit;
  float temperature, min_p;
  uint32_t seed;           /**< 0..65535 */
} PmtPlayed;

/** One engine; one thread. */
typedef struct PmtPlaying PmtPlaying;
/** @param model borrowed, lives as long. @return PMT_NO_MEM */
PmtStatus pmt_playing_new(PmtModel* model, PmtPlaying** playing);
void pmt_playing_free(PmtPlaying* playing);

/** @param[out] score as many bars as asked for; may be without notes. Free it. @return PMT_NO_MEM, PMT_BAD_ARG */
PmtStatus pmt_playing_piece(PmtPlaying* playing, const PmtPlayed* ask, PmtScore* score, PmtError* error);

#endif
