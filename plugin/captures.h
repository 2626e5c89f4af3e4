/* SPDX-License-Identifier: ISC */
/** @file captures.h  What was played becomes a file, by the worker. Above: worker.c. Below: gen/capture.h */
#ifndef PMT_PLUGIN_CAPTURES_H
#define PMT_PLUGIN_CAPTURES_H

#include "gen/model.h"
#include "gen/tape.h"
#include "handover.h"

/** What is asked for, in pmt_handover_ask(). All of it, for the model may be gone when the worker comes. */
typedef struct {
  const PmtTape* tape;
  uint32_t bars, channel, style;
  bool has_model;
  PmtModel model;      /**< without its net */
} PmtCaptureWish;

_Static_assert(sizeof(PmtCaptureWish) <= PMT_PATH_MAX, "a wish holds it");

/** Writes the file: no object, the path is where it went. The user is the PmtWorker. */
extern const PmtHandoverKind pmt_capture_kind;

/** The folder that the player chose: no object either. */
extern const PmtHandoverKind pmt_capture_folder_kind;

#endif
