/* SPDX-License-Identifier: ISC */
/** @file ornament.h  Expanding an ornament when it is played. */
#ifndef PMT_MUSIC_ORNAMENT_H
#define PMT_MUSIC_ORNAMENT_H

#include "base/attributes.h"
#include "music/score.h"

enum { PMT_ORNAMENT_NOTES_MAX = 128 };

typedef struct {
  int32_t onset;     /**< ticks, relative to the ornamented note; a grace note is before it: -2 */
  uint16_t duration;
  uint8_t pitch;
} PmtOrnamentNote;

/** Expand one note: a trill alternates with the next scale note each 3 ticks, a turn is up, main, down, main, a grace
    note takes 2 ticks before the note. PLAIN gives the note itself.
    @param scale 12 bits, bit 0 = C: the scale the neighbour is taken from; 0: the neighbour is a whole tone away
    @return notes written, 1..PMT_ORNAMENT_NOTES_MAX */
uint32_t pmt_ornament_expand(const PmtNote* note, uint16_t scale, PmtOrnamentNote out[PMT_ORNAMENT_NOTES_MAX]) PMT_RT;

#endif
