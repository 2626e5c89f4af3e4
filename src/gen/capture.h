/* SPDX-License-Identifier: ISC */
/** @file capture.h  What was played becomes a MIDI file. Setup threads only (the plugin calls it in its worker).

    Line: gen/tape -> pmt_capture_write -> music/smf_write. Under 16 KiB of stack. */
#ifndef PMT_GEN_CAPTURE_H
#define PMT_GEN_CAPTURE_H

#include "base/status.h"
#include "gen/model.h"
#include "gen/tape.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint32_t bars;         /**< the last so many, the one that plays counting from its second eighth on; 0 = all since the
                              last start */
  const PmtModel* model; /**< for programs and track names; may be NULL */
  uint32_t channel;      /**< of part 0, 1..16; 0 = 1 */
  uint32_t style;        /**< for programs, where the tape does not say which style led */
  const char* title;     /**< may be NULL */
} PmtCaptureOptions;

typedef struct {
  uint32_t bars, notes;
  int64_t first_bar;  /**< the host's number */
  bool cut;           /**< the beginning was no longer on the tape */
} PmtCaptured;

/** Write the last bars as an SMF of 480 ticks a quarter with their tempos, meters and programs, as they were heard:
    three passes of a loop are there one after the other. The file begins with a bar line, or where the transport
    started within a bar. A bar that was cut short, or entered within, is one of its own meter (a loop of three beats
    in 4/4 gives bars of 3/4; odd lengths are rounded up to a 64th), unless the next piece completes it. A note that
    began before is left out; the file ends with the eighth that plays, and so does what still sounds. It appears
    whole or not at all.
    @param[out] captured zeros on failure
    @return PMT_BAD_ARG when nothing was played ("nothing was played since the last start"), PMT_NO_MEM, what
    pmt_smf_write() returns */
PmtStatus pmt_capture_write(const PmtTape* tape, const PmtCaptureOptions* options, const char* path,
                            PmtCaptured* captured, PmtError* error);

#endif
