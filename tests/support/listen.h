/* SPDX-License-Identifier: ISC */
/** @file listen.h  The instrument played for a while, and what was heard.

    Above: test_instrument.c, test_soundfont.c. Below: lv2_host.h, tiny_soundfont.h. */
#ifndef PMT_TESTS_SUPPORT_LISTEN_H
#define PMT_TESTS_SUPPORT_LISTEN_H

#include "support/lv2_host.h"
#include "support/tiny_soundfont.h"

enum { PMT_LISTEN_RATE = 48000 };

/** Frames of sound, both sides. */
typedef struct {
  float* side[2];
  uint64_t n_frames;
} PmtSound;

PmtSound pmt_sound_new(uint64_t n_frames); /**< silence */
void pmt_sound_free(PmtSound* sound);

float pmt_sound_peak(const PmtSound* sound, uint64_t from, uint64_t to);
/** Largest step from one frame to the next, left. */
float pmt_sound_steepest(const PmtSound* sound, uint64_t from, uint64_t to);
/** Sum of the squares of one side. */
double pmt_sound_power(const PmtSound* sound, int side);
/** Amplitude of a tone of `period` frames, left. */
double pmt_sound_tone(const PmtSound* sound, uint64_t from, uint64_t n, double period);

/** A bundle with a tiny model of many notes and five tones as $PARTIMENTO_SOUNDFONT, in a scratch folder. */
void pmt_listen_begin(void);
void pmt_listen_end(void);
const char* pmt_listen_bundle(void);
const char* pmt_listen_folder(void);
const char* pmt_listen_soundfont(void);
/** Its tones: programs 0, 40, 48, then kits 0 and 25. The first is 1 kHz. */
extern const PmtTinySound pmt_listen_tones[5];

/** The instrument or the generator, activated. */
PmtHost* pmt_listen_host(const char* uri, double rate);

/** A place at 120 BPM in 4/4. */
PmtPosition pmt_listen_at(int64_t frame, float speed);

/** One cycle, which becomes the sound's frames from `frame` on. @param sound may be NULL */
void pmt_listen_run(PmtHost* host, PmtSound* sound, uint64_t frame, uint32_t n_frames);

/** Stand for half a second, forget what was played, then roll from 0 in cycles of 480 frames. The host's events count
    from there. @return frame of the first note-on */
uint64_t pmt_listen_roll(PmtHost* host, PmtSound* sound, uint64_t n_frames);

#endif
