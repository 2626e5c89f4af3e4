/* SPDX-License-Identifier: ISC */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

const char* pmt_strerror(const PmtStatus status) {
  switch (status) {
  case PMT_OK: return "fine";
  case PMT_NO_MEM: return "out of memory";
  case PMT_BAD_ARG: return "invalid argument";
  case PMT_IO: return "cannot read or write";
  case PMT_BAD_FILE: return "damaged file";
  case PMT_BAD_SHAPE: return "tensor missing or of another shape";
  case PMT_UNSUPPORTED: return "not supported";
  case PMT_TOO_BIG: return "too big";
  }
  return "unknown status";
}

PmtStatus pmt_fail(PmtError* const error, const PmtStatus status, const char* const format, ...) {
  if (error) {
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
  }
  return status;
}

void pmt_error_prefix(PmtError* const error, const char* const prefix) {
  if (error) {
    char line[sizeof error->text];
    snprintf(line, sizeof line, "%.120s: %.190s", prefix, error->text);
    snprintf(error->text, sizeof error->text, "%s", line);
  }
}
