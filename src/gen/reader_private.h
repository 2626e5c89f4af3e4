/* SPDX-License-Identifier: ISC */
/** @file reader_private.h  What reader.c and reader_setup.c share. Nobody else includes this. */
#ifndef PMT_GEN_READER_PRIVATE_H
#define PMT_GEN_READER_PRIVATE_H

#include "gen/reader.h"
#include "music/listener.h"

struct PmtReader {
  const PmtModel* model;
  PmtNetState* state;
  bool listens;          /**< the net takes hints ... */
  bool hears_players;    /**< ... of players, too */
  bool running;          /**< `after` has heard a token whose step is not complete */
  const PmtEar* ear;     /**< of a player; NULL = none, or the net is not told of one */
  uint8_t key;           /**< of the condition in force; 0 = not told */
  PmtListener* before;   /**< has heard the tokens of complete steps */
  PmtListener* after;
  PmtListener listener[2];
};

#endif
