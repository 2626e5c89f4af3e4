/* SPDX-License-Identifier: ISC */
/** @file scratch.h  A template for mkstemp and mkdtemp in $TMPDIR, or in /tmp where that is not set. */
#ifndef PMT_TESTS_SCRATCH_H
#define PMT_TESTS_SCRATCH_H

#include "check.h"

/** @param[out] path "DIR/name-XXXXXX" */
static inline void pmt_scratch_template(char* path, size_t size, const char* name) {
  const char* const dir = getenv("TMPDIR");
  const int length = snprintf(path, size, "%s/%s-XXXXXX", dir && *dir ? dir : "/tmp", name);
  CHECK(length > 0 && (size_t)length < size);
}

#endif
