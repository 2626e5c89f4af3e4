/* SPDX-License-Identifier: ISC */
/* See scratch.h. */
#include "support/scratch.h"

#include "base/file.h"
#include "check.h"

#include <ftw.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static void make_template(char* const path, const size_t size) {
  const char* const dir = getenv("TMPDIR");
  CHECK((size_t)snprintf(path, size, "%s/partimento-XXXXXX", dir && *dir ? dir : "/tmp") < size);
}

void pmt_scratch_make(char* const path, const size_t size) {
  make_template(path, size);
  CHECK(mkdtemp(path));
}

void pmt_scratch_file(char* const path, const size_t size) {
  make_template(path, size);
  const int fd = mkstemp(path);
  CHECK(fd >= 0 && !close(fd));
}

static int remove_one(const char* const path, const struct stat* const st, const int type, struct FTW* const ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

void pmt_scratch_remove(const char* const path) {
  CHECK(!nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

static char folder[256];

void pmt_scratch_begin(void) { pmt_scratch_make(folder, sizeof folder); }
void pmt_scratch_end(void) { pmt_scratch_remove(folder); }
const char* pmt_scratch_folder(void) { return folder; }

const char* pmt_scratch_path(const char* const format, ...) {
  static char path[64][512];
  static int turn;
  char* const p = path[turn++ % 64];
  const size_t n = (size_t)snprintf(p, sizeof path[0], "%s/", folder);
  va_list args;
  va_start(args, format);
  CHECK((size_t)vsnprintf(p + n, sizeof path[0] - n, format, args) < sizeof path[0] - n);
  va_end(args);
  return p;
}

void pmt_scratch_write(const char* const path, const char* const text) {
  CHECK(!pmt_file_write(path, text, strlen(text), NULL));
}

void pmt_scratch_check_same(const char* const a, const char* const b) {
  unsigned char *x, *y;
  size_t n, m;
  CHECK(!pmt_file_read(a, 1 << 26, &x, &n, NULL) && !pmt_file_read(b, 1 << 26, &y, &m, NULL));
  CHECKF(n == m && !memcmp(x, y, n), "%s and %s differ", a, b);
  free(x);
  free(y);
}
