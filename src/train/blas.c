/* SPDX-License-Identifier: ISC */
/** @file blas.c  See blas.h. */
#include "train/blas.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** The newest kernels that this processor can run, by the name that OpenBLAS 0.3 has for them; NULL = no better. */
static const char* better_core(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return "SkylakeX";
  }
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "Haswell" : NULL;
#else
  return NULL;
#endif
}

void pmt_blas_settle(char** argv) {
  static const char variable[] = "OPENBLAS_CORETYPE";
  if (getenv(variable) || strcmp(openblas_get_corename(), "Prescott")) { return; }
  const char* core = better_core();
  if (!core || setenv(variable, core, 1)) { return; }
  execv("/proc/self/exe", argv);
  unsetenv(variable);
}
