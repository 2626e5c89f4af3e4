/* SPDX-License-Identifier: ISC */
/** @file lines.h  Text data of the benchmarks: a piece a line. Above: jsb16.c, frames.c. Below: base/file.h. */
#ifndef PMT_TRAIN_LINES_H
#define PMT_TRAIN_LINES_H

#include "base/status.h"

#include <stddef.h>

/** Where a line stands, for its error. */
typedef struct { const char* path; size_t number; } PmtLine;

/** Called for each line that is not empty; `text` may be written on. */
typedef PmtStatus (*PmtLineTake)(void* handle, const PmtLine* line, char* text, PmtError* error);

/** @return PMT_IO, PMT_NO_MEM, what `take` says, PMT_BAD_FILE for a file without lines */
PmtStatus pmt_lines_read(const char* path, PmtLineTake take, void* handle, PmtError* error);

/** PMT_BAD_FILE with "path:number: what". */
PmtStatus pmt_line_bad(const PmtLine* line, const char* what, PmtError* error);

/** Room for one more beside `count` items of `size` bytes. @return the items, moved perhaps; NULL when memory is out, then
    they are where they were */
void* pmt_lines_grow(void* items, size_t count, size_t* room, size_t size);

#endif
