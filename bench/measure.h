/* SPDX-License-Identifier: ISC */
/** @file measure.h  What the benchmarks share: clocks, quantiles, nets of random weights, memory that pushes them out
    of the caches, the bundle that is measured. */
#ifndef PMT_BENCH_MEASURE_H
#define PMT_BENCH_MEASURE_H

#include "check.h"

#include "gen/model.h"
#include "nn/tensors.h"
#include "support/lv2_host.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static inline double bench_seconds(const clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/** This thread's time on a core: what else the machine does is not the plugin's cost. */
static inline double bench_thread_seconds(void) { return bench_seconds(CLOCK_THREAD_CPUTIME_ID); }

static inline int bench_ascending(const void* const a, const void* const b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

/** Sorts the values. @param q 0 the least, 0.5 the median, 1 the greatest */
static inline double bench_quantile(double* const values, const size_t n, const double q) {
  CHECK(n);
  qsort(values, n, sizeof *values, bench_ascending);
  return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

enum { BENCH_EVICT_BYTES = 4 << 20 };

/** Touch so much memory, as a host's other plugins would between our cycles. */
static inline void bench_evict(unsigned char* const other) {
  for (size_t i = 0; i < BENCH_EVICT_BYTES; i += 64) {
    other[i] = (unsigned char)(other[i] + 1);
  }
}

/** Random weights of a shape. */
static inline PmtTensors* bench_tensors(const PmtTinyOptions* const options) {
  char path[4096];
  PmtError error = {{0}};
  PmtTensors* tensors = NULL;
  pmt_scratch_file(path, sizeof path);
  CHECKF(!pmt_tiny_model_write(path, options, &error), "%s", error.text);
  CHECKF(!pmt_tensors_read(path, &tensors, &error), "%s", error.text);
  unlink(path);
  return tensors;
}

/** The built bundle; when no model ships, one in `scratch` with random weights of the same size. */
static inline void bench_find_bundle(const char* const scratch, char* const bundle, const size_t size) {
  char path[1100];
  pmt_host_find_bundle(bundle, size);
  snprintf(path, sizeof path, "%s/partimento.safetensors", bundle);
  if (!access(path, R_OK)) {
    return;
  }
  snprintf(path, sizeof path, "%s/random.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(path, &(PmtTinyOptions){.seed = 1, .d = 192, .h = 384, .layers = 2}, NULL));
  pmt_host_copy_bundle(scratch, path, bundle, size);
  puts("no shipped model: random weights, d 192, 2 x 384");
}

/** That bundle's model, for those who want to know its styles or its size. */
static inline PmtModel* bench_load_model(const char* const bundle) {
  char path[1100];
  PmtModel* model = NULL;
  PmtError error;
  snprintf(path, sizeof path, "%s/partimento.safetensors", bundle);
  CHECKF(!pmt_model_load(path, &model, &error), "%s", error.text);
  return model;
}

#endif
