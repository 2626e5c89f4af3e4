/* SPDX-License-Identifier: ISC */
/** @file taken.h  Parts that are taken out of a piece: what a player would play on their keys.

    Above: stream.c. Below: corpus.h, music/vocab.h. */
#ifndef PMT_TRAIN_TAKEN_H
#define PMT_TRAIN_TAKEN_H

#include "base/status.h"
#include "music/ear.h"
#include "train/corpus.h"

/** A key goes down or up. */
typedef struct {
  uint32_t tick; /**< of the score */
  uint8_t pitch;
  bool down;
} PmtKeyEvent;

typedef struct {
  PmtKeyEvent* event; /**< by tick; at one tick what goes up first */
  size_t n, room;
} PmtKeyEvents;

/** The notes of some parts. Ornaments are left out: their main note is played.
    @param parts bits @param transpose semitones; what leaves 0..127 is dropped
    @param late share of the beginnings that come one to three ticks late @param chance of these
    @param[in,out] events what was in it is replaced; free event @return PMT_NO_MEM */
PmtStatus pmt_take_parts(const PmtSequence* sequence, uint32_t parts, int transpose, float late, uint64_t chance,
                         PmtKeyEvents* events);

/** A note of the player, told as a token at the head of a slot. */
typedef struct {
  uint8_t pitch;
  uint32_t ticks; /**< from the head to its end */
} PmtToldNote;

/** What was begun since the last slot's head and by `tick`, where this slot begins, and sounds now: what comes within a
    slot has to wait for the next one, and what has ended by then is never told.
    @param[in,out] next of the events: those up to `tick` are passed @param[out] told the highest, from the top
    @return how many */
uint32_t pmt_tell_keys(const PmtKeyEvents* events, size_t* next, uint32_t tick, PmtToldNote told[PMT_TOLD_MAX]);

/** Bits of the melodic parts that have notes. */
uint32_t pmt_piece_parts(const PmtPiece* piece);

#endif
