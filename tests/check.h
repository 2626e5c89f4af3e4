/* SPDX-License-Identifier: ISC */
/** @file check.h  A test is a program that exits 0 or says where it failed. Never compiled out. */
#ifndef PMT_TESTS_CHECK_H
#define PMT_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

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

#endif
