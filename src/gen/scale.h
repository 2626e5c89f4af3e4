/* SPDX-License-Identifier: ISC */
/** @file scale.h  Scales as twelve bits, and the key they suggest to the model.

    Above: gen/freeze.c. Below: nothing. */
#ifndef PMT_GEN_SCALE_H
#define PMT_GEN_SCALE_H

#include "base/attributes.h"

#include <stdint.h>

typedef enum { PMT_SCALE_OFF, PMT_SCALE_MAJOR, PMT_SCALE_MINOR, PMT_SCALE_DORIAN, PMT_SCALE_PHRYGIAN, PMT_SCALE_LYDIAN,
               PMT_SCALE_MIXOLYDIAN, PMT_SCALE_LOCRIAN, PMT_SCALE_HARMONIC_MINOR, PMT_SCALE_PENTATONIC_MAJOR,
               PMT_SCALE_PENTATONIC_MINOR, PMT_SCALE_BLUES, PMT_SCALE_WHOLE_TONE, PMT_SCALES } PmtScaleMode;

/** The pitch classes in the scale, bit 0 = C. All twelve when it is off. @param root 0..11 */
uint16_t pmt_scale_bits(uint32_t mode, uint32_t root) PMT_RT;

/** Row of the model's key table: 1..12 major on C..B, 13..24 minor, by the scale's third; 0 = none clear. */
uint8_t pmt_scale_key(uint32_t mode, uint32_t root) PMT_RT;

/** "major", "harmonic minor", ...; NULL when there is no such mode. For messages and --help. */
const char* pmt_scale_name(uint32_t mode);

#endif
