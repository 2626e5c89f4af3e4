/* SPDX-License-Identifier: ISC */
/** @file capture.h  What was played becomes a MIDI file. Setup threads only (the plugin calls it in its worker).

    Line: gen/tape -> pmt_capture_write -> music/smf_write. */
#ifndef PMT_GEN_CAPTURE_H
#define PMT_GEN_CAPTURE_H

#include "base/status.h"
#include "gen/model.h"
#include "gen/tape.h"

typedef struct {
  uint32_t bars;         /**< the last so many, whole, the one that plays counting too; 0 = all since the last start */
  const PmtModel* model; /**< for programs and track names; may be NULL */
  uint32_t channel;      /**< of part 0, 1..16; 0 = 1 */
  uint32_t style;        /**< for programs */
  const char* title;     /**< may be NULL */
} PmtCaptureOptions;

typedef struct {
  uint32_t bars, notes;
  int64_t first_bar;  /**< the host's number */
  bool cut;           /**< the beginning was no longer on the tape */
} PmtCaptured;

/** Write the last bars as an SMF of 480 ticks a quarter with its tempos, meters and programs. A note that began before the
    first bar is left out; one that still sounds ends with the file. The file appears whole or not at all.
    @return PMT_BAD_ARG when nothing was played yet ("nothing was played since the last start"); what smf_write returns */
PmtStatus pmt_capture_write(const PmtTape* tape, const PmtCaptureOptions* options, const char* path,
                            PmtCaptured* captured, PmtError* error);

#endif
