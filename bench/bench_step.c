/* SPDX-License-Identifier: ISC */
/* One LSTM step with each kernel beside cblas_sgemv over the matrices of the same net, whole, one thread.

   All contenders take turns in one process, so that weather (neighbours, clock speed) hits all alike. "warm": the
   contender ran just before; "evicted": 4 MiB of other memory were touched between steps, as a host's other plugins
   would. BLAS does the products [W_ih | W_hh] of each layer and of the output, and nothing else; of row-major and
   column-major the faster is taken. "products" is our kernel on exactly those matrices; "step" is the whole step as the
   plugin runs it, with its cells, and with the first layer's input products looked up (docs/kernels.md). The last
   columns are our median over the best BLAS median. */
#include "measure.h"

#include "nn/kernel.h"
#include "nn/net.h"

#include <cblas.h>
#include <string.h>

enum { ROUNDS = 60, BURST = 6, CONTENDERS_MAX = 2 * 4 + 2, VOCAB = 640, MATRICES_MAX = 8 };

typedef struct {
  uint32_t layers, h, d;
} Size;

/* The matrices of one net: [W_ih | W_hh] of each layer, then the output's. Packed for `kernel`; NULL: for BLAS. */
typedef struct {
  const PmtKernel* kernel;
  CBLAS_ORDER order;
  uint32_t n, rows[MATRICES_MAX], cols[MATRICES_MAX];
  float *w[MATRICES_MAX], *x, *y, *b;
} Products;

typedef struct {
  char name[32];
  PmtNet* net;
  PmtNetState* state;
  Products products; /* used when net is NULL */
  double warm[ROUNDS * BURST], evicted[ROUNDS];
} Contender;

static double now_us(void) { return 1e6 * bench_seconds(CLOCK_MONOTONIC); }

static float* new_floats(const size_t n) {
  float* const values = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
  CHECK(values);
  for (size_t i = 0; i < n; ++i) {
    values[i] = (float)(i * 2654435761u % 1000u) * 1e-3f - 0.5f;
  }
  return values;
}

static Products new_products(const Size size, const PmtKernel* const kernel, const CBLAS_ORDER order) {
  Products p = {.kernel = kernel, .order = order, .n = size.layers + 1};
  for (uint32_t i = 0; i < p.n; ++i) {
    const bool output = i == size.layers;
    p.rows[i] = output ? VOCAB : 4 * size.h; /* whole panels */
    p.cols[i] = output ? size.h : (i ? size.h : size.d) + size.h;
    p.w[i] = new_floats((size_t)p.rows[i] * p.cols[i]);
  }
  p.x = new_floats(2 * size.h + size.d);
  p.y = new_floats(4 * size.h + VOCAB);
  p.b = new_floats(4 * size.h + VOCAB);
  return p;
}

static void run_products(const Products* const p) {
  for (uint32_t i = 0; i < p->n; ++i) {
    const uint32_t rows = p->rows[i], cols = p->cols[i];
    if (p->kernel) {
      p->kernel->run(p->w[i], cols, p->b, p->x, p->y, 0, pmt_panel_count(rows));
    } else {
      const int leading = (int)(p->order == CblasRowMajor ? cols : rows);
      cblas_sgemv(p->order, CblasNoTrans, (int)rows, (int)cols, 1.0f, p->w[i], leading, p->x, 1, 0.0f, p->y, 1);
    }
  }
}

static double time_step(Contender* const c, const uint32_t token) {
  const double begin = now_us();
  if (c->net) {
    uint64_t spent = 0;
    pmt_net_begin(c->state, token, NULL);
    pmt_net_run(c->state, UINT64_MAX, &spent);
  } else {
    run_products(&c->products);
  }
  return now_us() - begin;
}

static size_t new_contenders(Contender* const list, const Size size) {
  PmtTensors* const tensors =
      bench_tensors(&(PmtTinyOptions){.seed = 1, .d = size.d, .h = size.h, .layers = size.layers});
  const PmtKernel* kernels = NULL;
  const size_t n = pmt_kernels(&kernels);
  PmtError error = {{0}};
  Contender* c = list;
  for (size_t i = 0; i < n; ++i, ++c) {
    snprintf(c->name, sizeof c->name, "step %s", kernels[i].name);
    CHECKF(!pmt_net_new_on(&kernels[i], tensors, VOCAB, NULL, &c->net, &error), "%s", error.text);
    CHECK(!pmt_net_state_new(c->net, &c->state));
  }
  pmt_tensors_free(tensors);
  for (size_t i = 0; i < n; ++i, ++c) {
    snprintf(c->name, sizeof c->name, "products %s", kernels[i].name);
    c->products = new_products(size, &kernels[i], CblasRowMajor);
  }
  for (int row_major = 1; row_major >= 0; --row_major, ++c) {
    snprintf(c->name, sizeof c->name, "sgemv %s-major", row_major ? "row" : "column");
    c->products = new_products(size, NULL, row_major ? CblasRowMajor : CblasColMajor);
  }
  return (size_t)(c - list);
}

static void free_contender(Contender* const c) {
  pmt_net_state_free(c->state);
  pmt_net_free(c->net);
  for (uint32_t i = 0; i < c->products.n; ++i) {
    free(c->products.w[i]);
  }
  free(c->products.x);
  free(c->products.y);
  free(c->products.b);
}

static void race(Contender* const list, const size_t n, unsigned char* const other) {
  for (unsigned round = 0; round < ROUNDS; ++round) {
    for (size_t i = 0; i < n; ++i) {
      time_step(&list[i], round);
      for (unsigned k = 0; k < BURST; ++k) {
        list[i].warm[round * BURST + k] = time_step(&list[i], round + k);
      }
      bench_evict(other);
      list[i].evicted[round] = time_step(&list[i], round);
    }
  }
}

static bool is_blas(const Contender* const c) {
  return !c->net && !c->products.kernel;
}

static void print_results(Contender* const list, const size_t n, const Size size) {
  double warm[CONTENDERS_MAX], evicted[CONTENDERS_MAX], best_warm = 1e9, best_evicted = 1e9;
  for (size_t i = 0; i < n; ++i) {
    warm[i] = bench_quantile(list[i].warm, ROUNDS * BURST, 0.5);
    evicted[i] = bench_quantile(list[i].evicted, ROUNDS, 0.5);
    if (is_blas(&list[i])) {
      best_warm = warm[i] < best_warm ? warm[i] : best_warm;
      best_evicted = evicted[i] < best_evicted ? evicted[i] : best_evicted;
    }
  }
  printf("\nLSTM %u x %u, d %u          warm median     p99   evicted median     p99   over sgemv: warm  evicted\n",
         size.layers, size.h, size.d);
  for (size_t i = 0; i < n; ++i) {
    printf("  %-22s %14.1f %7.1f %16.1f %7.1f %18.2f %8.2f\n", list[i].name, warm[i],
           bench_quantile(list[i].warm, ROUNDS * BURST, 0.99), evicted[i],
           bench_quantile(list[i].evicted, ROUNDS, 0.99), warm[i] / best_warm, evicted[i] / best_evicted);
  }
}

int main(void) {
  static const Size sizes[] = {{2, 256, 128}, {2, 384, 192}, {2, 512, 256}};
  openblas_set_num_threads(1);
  printf("OpenBLAS core type %s, 1 thread; V %d; times in microseconds\n", openblas_get_corename(), VOCAB);
  unsigned char* const other = calloc(1, BENCH_EVICT_BYTES);
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
