/* SPDX-License-Identifier: ISC */
/** @file check.h  A test is a program that exits 0 or says where it failed. Never compiled out. */
#ifndef PMT_TESTS_CHECK_H
#define PMT_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Fail with a place unless `condition` holds. */
#define CHECK(condition)                                                                  \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      fprintf(stderr, "%s:%d: %s: CHECK(%s)\n", __FILE__, __LINE__, __func__, #condition); \
      exit(1);                                                                            \
    }                                                                                     \
  } while (0)

/** The same with a line of explanation in printf form. */
#define CHECKF(condition, ...)                                                            \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      fprintf(stderr, "%s:%d: %s: CHECK(%s): ", __FILE__, __LINE__, __func__, #condition); \
      fprintf(stderr, __VA_ARGS__);                                                       \
      fputc('\n', stderr);                                                                \
      exit(1);                                                                            \
    }                                                                                     \
  } while (0)

/** A test that can be run alone. */
typedef struct {
  const char* name;
  void (*run)(void);
} CheckTest;
#define TEST(name) {#name, test_##name}

/** Run all of them, or that one which the command line names. */
static inline void check_run(const CheckTest* const tests, const size_t n, const int argc, char** const argv) {
  size_t n_run = 0;
  for (size_t i = 0; i < n; ++i) {
    if (argc < 2 || !strcmp(argv[1], tests[i].name)) {
      tests[i].run();
      ++n_run;
    }
  }
  CHECKF(n_run > 0, "there is no test %s", argc < 2 ? "at all" : argv[1]);
}

#endif
