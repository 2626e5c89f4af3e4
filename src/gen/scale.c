/* SPDX-License-Identifier: ISC */
/* Above: gen/freeze.c, tools. Below: nothing. */
#include "gen/scale.h"

typedef struct {
  const char* name;
  uint16_t bits;    /* on C, bit 0 = C */
  uint8_t key_base; /* row of the key table for root C; 0: none */
} Scale;

enum { MAJOR_ROW = 1, MINOR_ROW = 13 };

#define NOTE(n) (1u << (n))
static const Scale scales[PMT_SCALES] = {
  [PMT_SCALE_OFF] = {"off", 0xfff, 0},
  [PMT_SCALE_MAJOR] = {"major", NOTE(0) | NOTE(2) | NOTE(4) | NOTE(5) | NOTE(7) | NOTE(9) | NOTE(11), MAJOR_ROW},
  [PMT_SCALE_MINOR] = {"minor", NOTE(0) | NOTE(2) | NOTE(3) | NOTE(5) | NOTE(7) | NOTE(8) | NOTE(10), MINOR_ROW},
  [PMT_SCALE_DORIAN] = {"dorian", NOTE(0) | NOTE(2) | NOTE(3) | NOTE(5) | NOTE(7) | NOTE(9) | NOTE(10), MINOR_ROW},
  [PMT_SCALE_PHRYGIAN] = {"phrygian", NOTE(0) | NOTE(1) | NOTE(3) | NOTE(5) | NOTE(7) | NOTE(8) | NOTE(10), MINOR_ROW},
  [PMT_SCALE_LYDIAN] = {"lydian", NOTE(0) | NOTE(2) | NOTE(4) | NOTE(6) | NOTE(7) | NOTE(9) | NOTE(11), MAJOR_ROW},
  [PMT_SCALE_MIXOLYDIAN] = {"mixolydian", NOTE(0) | NOTE(2) | NOTE(4) | NOTE(5) | NOTE(7) | NOTE(9) | NOTE(10), MAJOR_ROW},
  [PMT_SCALE_LOCRIAN] = {"locrian", NOTE(0) | NOTE(1) | NOTE(3) | NOTE(5) | NOTE(6) | NOTE(8) | NOTE(10), MINOR_ROW},
  [PMT_SCALE_HARMONIC_MINOR] = {"harmonic minor", NOTE(0) | NOTE(2) | NOTE(3) | NOTE(5) | NOTE(7) | NOTE(8) | NOTE(11), MINOR_ROW},
  [PMT_SCALE_PENTATONIC_MAJOR] = {"pentatonic major", NOTE(0) | NOTE(2) | NOTE(4) | NOTE(7) | NOTE(9), MAJOR_ROW},
  [PMT_SCALE_PENTATONIC_MINOR] = {"pentatonic minor", NOTE(0) | NOTE(3) | NOTE(5) | NOTE(7) | NOTE(10), MINOR_ROW},
  [PMT_SCALE_BLUES] = {"blues", NOTE(0) | NOTE(3) | NOTE(5) | NOTE(6) | NOTE(7) | NOTE(10), MINOR_ROW},
  [PMT_SCALE_WHOLE_TONE] = {"whole tone", NOTE(0) | NOTE(2) | NOTE(4) | NOTE(6) | NOTE(8) | NOTE(10), 0},
};
#undef NOTE

static const Scale* find(const uint32_t mode) { return &scales[mode < PMT_SCALES ? mode : PMT_SCALE_OFF]; }

uint16_t pmt_scale_bits(const uint32_t mode, const uint32_t root) {
  const uint32_t bits = (uint32_t)find(mode)->bits << root % 12;
  return (uint16_t)((bits | bits >> 12) & 0xfff);
}

uint8_t pmt_scale_key(const uint32_t mode, const uint32_t root) {
  const uint8_t base = find(mode)->key_base;
  return base ? (uint8_t)(base + root % 12) : 0;
}

const char* pmt_scale_name(const uint32_t mode) { return mode < PMT_SCALES ? scales[mode].name : 0; }
