/* SPDX-License-Identifier: ISC */
/* Above: gen/freeze.c, tools. Below: nothing. */
#include "gen/scale.h"

typedef struct {
  const char* name;
  uint16_t bits;    /* on C, bit 0 = C */
  uint8_t key_base; /* row of the key table for root C; 0: none */
} Scale;

enum { MAJOR_ROW = 1, MINOR_ROW = 13 };

/* Steps above the root as bits; up to seven of them, the root written again where there are fewer. */
#define STEPS(a, b, c, d, e, f, g) (1u << (a) | 1u << (b) | 1u << (c) | 1u << (d) | 1u << (e) | 1u << (f) | 1u << (g))
static const Scale scales[PMT_SCALES] = {
  [PMT_SCALE_OFF] = {"off", 0xfff, 0},
  [PMT_SCALE_MAJOR] = {"major", STEPS(0, 2, 4, 5, 7, 9, 11), MAJOR_ROW},
  [PMT_SCALE_MINOR] = {"minor", STEPS(0, 2, 3, 5, 7, 8, 10), MINOR_ROW},
  [PMT_SCALE_DORIAN] = {"dorian", STEPS(0, 2, 3, 5, 7, 9, 10), MINOR_ROW},
  [PMT_SCALE_PHRYGIAN] = {"phrygian", STEPS(0, 1, 3, 5, 7, 8, 10), MINOR_ROW},
  [PMT_SCALE_LYDIAN] = {"lydian", STEPS(0, 2, 4, 6, 7, 9, 11), MAJOR_ROW},
  [PMT_SCALE_MIXOLYDIAN] = {"mixolydian", STEPS(0, 2, 4, 5, 7, 9, 10), MAJOR_ROW},
  [PMT_SCALE_LOCRIAN] = {"locrian", STEPS(0, 1, 3, 5, 6, 8, 10), MINOR_ROW},
  [PMT_SCALE_HARMONIC_MINOR] = {"harmonic minor", STEPS(0, 2, 3, 5, 7, 8, 11), MINOR_ROW},
  [PMT_SCALE_PENTATONIC_MAJOR] = {"pentatonic major", STEPS(0, 2, 4, 7, 9, 0, 0), MAJOR_ROW},
  [PMT_SCALE_PENTATONIC_MINOR] = {"pentatonic minor", STEPS(0, 3, 5, 7, 10, 0, 0), MINOR_ROW},
  [PMT_SCALE_BLUES] = {"blues", STEPS(0, 3, 5, 6, 7, 10, 0), MINOR_ROW},
  [PMT_SCALE_WHOLE_TONE] = {"whole tone", STEPS(0, 2, 4, 6, 8, 10, 0), 0},
};
#undef STEPS

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
