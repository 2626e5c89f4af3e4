/* SPDX-License-Identifier: ISC */
/** @file status.h  How setup code fails: a status to branch on and one line to show.

    The audio thread never fails this way; it counts. */
#ifndef PMT_BASE_STATUS_H
#define PMT_BASE_STATUS_H

#include "base/attributes.h"

typedef enum {
  PMT_OK = 0,
  PMT_NO_MEM,      /**< an allocation failed */
  PMT_BAD_ARG,     /**< the caller asked for something undefined */
  PMT_IO,          /**< the system refused to open, read or write */
  PMT_BAD_FILE,    /**< the bytes are not what the format allows */
  PMT_BAD_SHAPE,   /**< a tensor is missing or of another shape */
  PMT_UNSUPPORTED, /**< well-formed, but not something we can use */
  PMT_TOO_BIG,     /**< above a limit stated in the header that returns it */
} PmtStatus;

/** One clear line: what is wrong and where. Never ends in a newline. */
typedef struct {
  char text[320];
} PmtError;

/** A fixed sentence for the status; never NULL. */
const char* pmt_strerror(PmtStatus status);

/** Write a line into `error` (which may be NULL) and return `status`, so that a check is one statement. */
PmtStatus pmt_fail(PmtError* error, PmtStatus status, const char* format, ...) PMT_PRINTF(3, 4);

/** Put "prefix: " before the line in `error`, once the file name is known. */
void pmt_error_prefix(PmtError* error, const char* prefix);

#endif
