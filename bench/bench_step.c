/* SPDX-License-Identifier: ISC */
/* One LSTM step with each kernel beside cblas_sgemv over the same matrices, whole, one thread.

   All contenders take turns in one process, so that weather (neighbours, clock speed) hits all alike. "warm": the
   contender ran just before; "evicted": 4 MiB of other memory were touched between steps, as a host's other plugins
   would. Our steps include the cells and the copying, BLAS does its products only; of row-major and column-major the
   faster is taken. The last column is our median over the best BLAS median. */
#include "check.h"
#include "nn/kernel.h"
#include "nn/net.h"
#include "support/tiny_model.h"

#include <cblas.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 60, BURST = 6, EVICT_BYTES = 4 << 20, CONTENDERS_MAX = 8, VOCAB = 640, MATRICES_MAX = 8 };

typedef struct {
  uint32_t layers, h, d;
} Size;

/* The matrices of one net as BLAS likes them: [W_ih | W_hh] of each layer, then the output's. */
typedef struct {
  uint32_t n, rows[MATRICES_MAX], cols[MATRICES_MAX];
  float* w[MATRICES_MAX];
  float *x, *y;
  CBLAS_ORDER order;
} Blas;

typedef struct {
  const char* name;
  PmtNet* net;
  PmtNetState* state;
  Blas blas; /* used when net is NULL */
  double warm[ROUNDS * BURST], evicted[ROUNDS];
} Contender;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static float* new_floats(const size_t n) {
  float* const values = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
  CHECK(values);
  for (size_t i = 0; i < n; ++i) {
    values[i] = (float)(i * 2654435761u % 1000u) * 1e-3f - 0.5f;
  }
  return values;
}

static Blas new_blas(const Size size, const CBLAS_ORDER order) {
  Blas blas = {.n = size.layers + 1, .order = order};
  for (uint32_t i = 0; i < blas.n; ++i) {
    const bool output = i == size.layers;
    blas.rows[i] = output ? VOCAB : 4 * size.h;
    blas.cols[i] = output ? size.h : (i ? size.h : size.d) + size.h;
    blas.w[i] = new_floats((size_t)blas.rows[i] * blas.cols[i]);
  }
  blas.x = new_floats(2 * size.h + size.d);
  blas.y = new_floats(4 * size.h + VOCAB);
  return blas;
}

static void step_blas(const Blas* const b) {
  for (uint32_t i = 0; i < b->n; ++i) {
    const uint32_t leading = b->order == CblasRowMajor ? b->cols[i] : b->rows[i];
    cblas_sgemv(b->order, CblasNoTrans, (int)b->rows[i], (int)b->cols[i], 1.0f, b->w[i], (int)leading, b->x, 1, 0.0f,
                b->y, 1);
  }
}

static double time_step(Contender* const c, const uint32_t token) {
  const double begin = now_us();
  if (c->net) {
    uint64_t spent = 0;
    pmt_net_begin(c->state, token);
    pmt_net_run(c->state, UINT64_MAX, &spent);
  } else {
    step_blas(&c->blas);
  }
  return now_us() - begin;
}

static void evict(unsigned char* const other) {
  for (size_t i = 0; i < EVICT_BYTES; i += 64) {
    other[i] = (unsigned char)(other[i] + 1);
  }
}

static int compare_doubles(const void* const a, const void* const b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static double quantile(double* const values, const size_t n, const double q) {
  qsort(values, n, sizeof *values, compare_doubles);
  return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

static size_t new_contenders(Contender* const list, const Size size) {
  char path[] = "/tmp/partimento-bench-XXXXXX";
  const int fd = mkstemp(path);
  CHECK(fd >= 0);
  close(fd);
  PmtError error = {{0}};
  const PmtTinyOptions options = {.seed = 1, .d = size.d, .h = size.h, .layers = size.layers};
  CHECKF(!pmt_tiny_model_write(path, &options, &error), "%s", error.text);
  PmtTensors* tensors = NULL;
  CHECKF(!pmt_tensors_read(path, &tensors, &error), "%s", error.text);
  unlink(path);
  const PmtKernel* kernels = NULL;
  const size_t n = pmt_kernels(&kernels);
  for (size_t i = 0; i < n; ++i) {
    list[i].name = kernels[i].name;
    CHECKF(!pmt_net_new_on(&kernels[i], tensors, VOCAB, &list[i].net, &error), "%s", error.text);
    CHECK(!pmt_net_state_new(list[i].net, &list[i].state));
  }
  pmt_tensors_free(tensors);
  list[n] = (Contender){.name = "sgemv row-major", .blas = new_blas(size, CblasRowMajor)};
  list[n + 1] = (Contender){.name = "sgemv column-major", .blas = new_blas(size, CblasColMajor)};
  return n + 2;
}

static void free_contender(Contender* const c) {
  pmt_net_state_free(c->state);
  pmt_net_free(c->net);
  for (uint32_t i = 0; i < c->blas.n; ++i) {
    free(c->blas.w[i]);
  }
  free(c->blas.x);
  free(c->blas.y);
}

static void race(Contender* const list, const size_t n, unsigned char* const other) {
  for (unsigned round = 0; round < ROUNDS; ++round) {
    for (size_t i = 0; i < n; ++i) {
      time_step(&list[i], round);
      for (unsigned k = 0; k < BURST; ++k) {
        list[i].warm[round * BURST + k] = time_step(&list[i], round + k);
      }
      evict(other);
      list[i].evicted[round] = time_step(&list[i], round);
    }
  }
}

static void print_results(Contender* const list, const size_t n, const Size size) {
  double warm[CONTENDERS_MAX], evicted[CONTENDERS_MAX], best_warm = 1e9, best_evicted = 1e9;
  for (size_t i = 0; i < n; ++i) {
    warm[i] = quantile(list[i].warm, ROUNDS * BURST, 0.5);
    evicted[i] = quantile(list[i].evicted, ROUNDS, 0.5);
    if (!list[i].net) {
      best_warm = warm[i] < best_warm ? warm[i] : best_warm;
      best_evicted = evicted[i] < best_evicted ? evicted[i] : best_evicted;
    }
  }
  for (size_t i = 0; i < n; ++i) {
    printf("%ux%u d %u  %-18s  warm %7.1f us (p99 %7.1f)  evicted %7.1f us (p99 %7.1f)  ratio to sgemv %.2f evicted %.2f\n",
           size.layers, size.h, size.d, list[i].name, warm[i], quantile(list[i].warm, ROUNDS * BURST, 0.99),
           evicted[i], quantile(list[i].evicted, ROUNDS, 0.99), warm[i] / best_warm, evicted[i] / best_evicted);
  }
}

int main(void) {
  static const Size sizes[] = {{2, 256, 128}, {2, 384, 192}, {2, 512, 256}};
  openblas_set_num_threads(1);
  printf("OpenBLAS core type: %s, 1 thread; V %d\n", openblas_get_corename(), VOCAB);
  unsigned char* const other = calloc(1, EVICT_BYTES);
  CHECK(other);
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    Contender* const list = calloc(CONTENDERS_MAX, sizeof *list);
    CHECK(list);
    const size_t n = new_contenders(list, sizes[i]);
    race(list, n, other);
    print_results(list, n, sizes[i]);
    for (size_t k = 0; k < n; ++k) {
      free_contender(&list[k]);
    }
    free(list);
  }
  free(other);
  return 0;
}
