/* SPDX-License-Identifier: ISC */
/** @file lines.c  See lines.h. */
#include "train/lines.h"

#include "base/file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 256 << 20 };

PmtStatus pmt_line_bad(const PmtLine* line, const char* what, PmtError* error) {
  return pmt_fail(error, PMT_BAD_FILE, "%s:%zu: %s", line->path, line->number, what);
}

PmtStatus pmt_lines_read(const char* path, PmtLineTake take, void* handle, PmtError* error) {
  unsigned char* bytes;
  size_t size, taken = 0;
  PmtStatus st = pmt_file_read(path, FILE_BYTES_MAX, &bytes, &size, error);
  if (st) { return st; }
  PmtLine line = {path, 0};
  char *rest = (char*)bytes, *text;
  while (!st && (text = strsep(&rest, "\n"))) {
    ++line.number;
    text[strcspn(text, "\r")] = '\0';
    if (!*text) { continue; }
    st = take(handle, &line, text, error);
    ++taken;
  }
  free(bytes);
  return st || taken ? st : pmt_fail(error, PMT_BAD_FILE, "%s: no piece", path);
}

void* pmt_lines_grow(void* items, size_t count, size_t* room, size_t size) {
  if (count < *room) { return items; }
  const size_t wanted = *room ? 2 * *room : 64;
  void* grown = realloc(items, wanted * size);
  if (grown) { *room = wanted; }
  return grown;
}
