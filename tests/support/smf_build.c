/* SPDX-License-Identifier: ISC */
/* Above: test_smf.c, test_import.c, fuzz_smf.c. Below: the readers under test, in pmt_exercise_smf(). */
#include "support/smf_build.h"

#include "check.h"
#include "music/codec.h"
#include "music/import.h"

#include <string.h>

void pmt_build_free(PmtSmfBuild* const build) {
  free(build->bytes);
  *build = (PmtSmfBuild){0};
}

void pmt_build_bytes(PmtSmfBuild* const build, const void* const bytes, const size_t n) {
  if (n == 0) {
    return;
  }
  if (build->size + n > build->capacity) {
    build->capacity = (build->size + n) * 2;
    build->bytes = realloc(build->bytes, build->capacity);
    CHECK(build->bytes);
  }
  memcpy(build->bytes + build->size, bytes, n);
  build->size += n;
}

static void store(unsigned char* const to, const uint32_t value, const uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    to[i] = (unsigned char)(value >> 8 * (n - 1 - i));
  }
}

void pmt_build_header(PmtSmfBuild* const build, const uint32_t type, const uint32_t tracks, const uint32_t division) {
  unsigned char header[14] = "MThd\0\0\0\6";
  store(header + 8, type, 2);
  store(header + 10, tracks, 2);
  store(header + 12, division, 2);
  pmt_build_bytes(build, header, sizeof header);
}

void pmt_build_track(PmtSmfBuild* const build) {
  pmt_build_bytes(build, "MTrk\0\0\0\0", 8);
  build->track = build->size;
}

void pmt_build_event(PmtSmfBuild* const build, const uint32_t delta, const uint8_t* const bytes, const size_t n) {
  unsigned char length[4];
  size_t at = 0;
  for (int shift = 21; shift > 0; shift -= 7) {
    if (delta >> shift) {
      length[at++] = (unsigned char)((delta >> shift & 0x7f) | 0x80);
    }
  }
  length[at++] = delta & 0x7f;
  pmt_build_bytes(build, length, at);
  pmt_build_bytes(build, bytes, n);
}

void pmt_build_end(PmtSmfBuild* const build, const uint32_t delta) {
  BUILD_EVENT(build, delta, 0xff, 0x2f, 0);
  store(build->bytes + build->track - 4, (uint32_t)(build->size - build->track), 4);
  build->track = 0;
}

void pmt_build_tempo(PmtSmfBuild* const build, const uint32_t delta, const uint32_t us) {
  BUILD_EVENT(build, delta, 0xff, 0x51, 3, (uint8_t)(us >> 16), (uint8_t)(us >> 8), (uint8_t)us);
}

void pmt_build_meter(PmtSmfBuild* const build, const uint32_t delta, const uint32_t beats, const uint32_t log2_unit) {
  BUILD_EVENT(build, delta, 0xff, 0x58, 4, (uint8_t)beats, (uint8_t)log2_unit, 24, 8);
}

void pmt_build_note(PmtSmfBuild* const build, const uint32_t delta, const uint32_t channel, const uint32_t pitch,
                    const uint32_t length) {
  BUILD_EVENT(build, delta, (uint8_t)(0x90 | channel), (uint8_t)pitch, 80);
  BUILD_EVENT(build, length, (uint8_t)(0x80 | channel), (uint8_t)pitch, 0);
}

/* Everything that reads a file */

static void check_smf(const PmtSmf* const smf) {
  CHECK(smf->ticks_per_quarter > 0);
  CHECK(smf->n_tempos > 0 && smf->tempos[0].tick == 0);
  CHECK(smf->n_meters > 0 && smf->meters[0].tick == 0);
  for (size_t i = 0; i < smf->n_tempos; ++i) {
    CHECK(smf->tempos[i].us_per_quarter > 0);
    CHECK(i == 0 || smf->tempos[i - 1].tick < smf->tempos[i].tick);
  }
  for (size_t i = 0; i < smf->n_meters; ++i) {
    CHECK(smf->meters[i].beats > 0 && smf->meters[i].unit > 0 && smf->meters[i].unit <= 64);
    CHECK(i == 0 || smf->meters[i - 1].tick < smf->meters[i].tick);
  }
  for (size_t i = 0; i < smf->n_notes; ++i) {
    const PmtSmfNote* const note = &smf->notes[i];
    CHECK(i == 0 || smf->notes[i - 1].start <= note->start);
    CHECK(note->start <= note->end && note->end <= smf->n_ticks);
    CHECK(note->track < smf->n_tracks && note->channel < 16 && note->pitch < 128 && note->program < 128);
    CHECK(note->velocity > 0 && note->velocity < 128);
  }
}

static void check_import(const PmtSmf* const smf, const PmtImportOptions* const options) {
  PmtError error = {{0}};
  PmtScore score;
  PmtImportReport report;
  if (pmt_import(smf, options, &score, &report, &error)) {
    CHECK(error.text[0] && !score.notes);
    return;
  }
  CHECK(score.parts <= options->parts_max && report.notes_out == score.n_notes);
  PmtSequence sequence;
  CHECKF(!pmt_encode(&score, &sequence, &error), "%s", error.text);
  PmtScore again;
  CHECKF(!pmt_decode(sequence.tokens, sequence.n_tokens, &score, &again, &error), "%s", error.text);
  CHECKF(pmt_score_equal(&score, &again, &error), "%s", error.text);
  pmt_score_free(&again);
  pmt_sequence_free(&sequence);
  pmt_score_free(&score);
}

int pmt_exercise_smf(const unsigned char* const bytes, const size_t size) {
  PmtError error = {{0}};
  PmtSmf smf;
  if (pmt_smf_parse(bytes, size, &smf, &error)) {
    CHECK(error.text[0] && !smf.notes && !smf.tempos && !smf.meters);
    return 0;
  }
  check_smf(&smf);
  const PmtImportOptions many = {.parts_max = 8, .ornaments = true, .pitch_lo = 0, .pitch_hi = 127};
  const PmtImportOptions few = {.parts_max = 1, .ornaments = false, .pitch_lo = 60, .pitch_hi = 64};
  const PmtImportOptions usual = pmt_import_defaults();
  check_import(&smf, &usual);
  check_import(&smf, &many);
  check_import(&smf, &few);
  pmt_smf_free(&smf);
  return 1;
}
