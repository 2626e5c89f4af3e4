/* SPDX-License-Identifier: ISC */
/** @file tiny_soundfont.h  A small SoundFont of sine tones: one a preset, the same for all keys, so that what sounds says
    which preset it was. Above: tests of the instrument. Below: nothing. */
#ifndef PMT_TESTS_SUPPORT_TINY_SOUNDFONT_H
#define PMT_TESTS_SUPPORT_TINY_SOUNDFONT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint16_t bank, program; /**< bank 128: a drum kit */
  uint16_t period;        /**< of the tone, in frames at 48 kHz: 8..2000 */
} PmtTinySound;

/** Write it. @param sounds rising by bank, then program; at most 64 */
void pmt_tiny_soundfont_write(const char* path, const PmtTinySound* sounds, size_t n);

#endif
