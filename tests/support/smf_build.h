/* SPDX-License-Identifier: ISC */
/** @file smf_build.h  MIDI files byte by byte, so that tests write their own; and one call that runs a file through
    everything that reads it. */
#ifndef PMT_TESTS_SMF_BUILD_H
#define PMT_TESTS_SMF_BUILD_H

#include <stddef.h>
#include <stdint.h>

/** Owned bytes; a zeroed struct is empty. */
typedef struct {
  unsigned char* bytes;
  size_t size, capacity;
  size_t track; /**< where the open track's events begin; 0 = none is open */
} PmtSmfBuild;

void pmt_build_free(PmtSmfBuild* build);
void pmt_build_bytes(PmtSmfBuild* build, const void* bytes, size_t n);
void pmt_build_header(PmtSmfBuild* build, uint32_t type, uint32_t tracks, uint32_t division);
void pmt_build_track(PmtSmfBuild* build);
/** A delta time and the bytes of an event. */
void pmt_build_event(PmtSmfBuild* build, uint32_t delta, const uint8_t* bytes, size_t n);
#define BUILD_EVENT(build, delta, ...) \
  pmt_build_event(build, delta, (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})
/** End of track and the track's length. */
void pmt_build_end(PmtSmfBuild* build, uint32_t delta);

void pmt_build_tempo(PmtSmfBuild* build, uint32_t delta, uint32_t us_per_quarter);
void pmt_build_meter(PmtSmfBuild* build, uint32_t delta, uint32_t beats, uint32_t log2_unit);
/** Note-on after `delta`, note-off after `length`. */
void pmt_build_note(PmtSmfBuild* build, uint32_t delta, uint32_t channel, uint32_t pitch, uint32_t length);

/** Parse, import, encode, decode, compare: whatever the bytes, each step succeeds or says no; CHECKs the promises of
    the headers in between. @return whether it was music */
int pmt_exercise_smf(const unsigned char* bytes, size_t size);

#endif
