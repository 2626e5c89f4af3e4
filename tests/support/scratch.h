/* SPDX-License-Identifier: ISC */
/** @file scratch.h  Folders and files of a test, in $TMPDIR, or in /tmp where that is not set.

    Above: tests, benchmarks, tests/support. Below: base/file, check.h. */
#ifndef PMT_TESTS_SUPPORT_SCRATCH_H
#define PMT_TESTS_SUPPORT_SCRATCH_H

#include "base/attributes.h"

#include <stddef.h>

/** @param[out] path of a new folder, of an empty file */
void pmt_scratch_make(char* path, size_t size);
void pmt_scratch_file(char* path, size_t size);
/** With all that is in it. */
void pmt_scratch_remove(const char* path);

/* The one folder of a program that needs no more. */
void pmt_scratch_begin(void);
void pmt_scratch_end(void);
const char* pmt_scratch_folder(void);
/** A path in it; good until 64 others were asked for. */
PMT_PRINTF(1, 2) const char* pmt_scratch_path(const char* format, ...);

/** A file of this text, wherever it is to be. */
void pmt_scratch_write(const char* path, const char* text);
/** Two files, byte for byte. */
void pmt_scratch_check_same(const char* a, const char* b);

#endif
