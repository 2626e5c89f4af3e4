/* SPDX-License-Identifier: ISC */
/** @file inspect.h  The two halves of `partimento inspect`: cmd_inspect.c for music, inspect_model.c for models. */
#ifndef PMT_TOOLS_INSPECT_H
#define PMT_TOOLS_INSPECT_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  const char *path, *picture;
  bool tokens, json, ornaments;
  int64_t parts;
  uint32_t first_bar, last_bar; /**< from 1, inclusive */
} PmtInspectArgs;

/** Print metadata and tensors, and say whether the file can play. @return what pmt_model_load() returns */
PmtStatus pmt_inspect_model(const PmtInspectArgs* args, PmtError* error);

#endif
