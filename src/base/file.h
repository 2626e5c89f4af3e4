/* SPDX-License-Identifier: ISC */
/** @file file.h  Whole files in, whole files out. Never in the audio thread. */
#ifndef PMT_BASE_FILE_H
#define PMT_BASE_FILE_H

#include "base/status.h"

#include <stddef.h>

/** Read a regular file whole.
    @param size_max refuse more than this many bytes with PMT_TOO_BIG before allocating anything
    @param[out] bytes owned by the caller, free() it; one zero byte beyond *size for convenience
    @return PMT_OK, PMT_IO, PMT_TOO_BIG or PMT_NO_MEM; error text names the path and the reason. */
PmtStatus pmt_file_read(const char* path, size_t size_max, unsigned char** bytes, size_t* size, PmtError* error);

/** Write a file so that it is there whole or not at all: a temporary beside it, fsync, rename. */
PmtStatus pmt_file_write(const char* path, const void* bytes, size_t size, PmtError* error);

#endif
