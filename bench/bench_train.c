/* SPDX-License-Identifier: ISC */
/** @file bench_train.c  Training speed of lstm-m beside its ceiling: the same matrix products and nothing else. */
#include "measure.h"

#include "train/learner.h"

#include "base/random.h"

#include <cblas.h>

enum { STREAMS = 16, STEPS = 128, ROUNDS = 5 };

static double now(void) { return bench_seconds(CLOCK_MONOTONIC); }
static double median(double* seconds) { return bench_quantile(seconds, ROUNDS, 0.5); }

typedef struct {
  const PmtTrainShape* shape;
  uint32_t rows;  /* of one thread */
  float** memory; /* one scratch block a thread */
} Products;

/** y[m, n] = a[m, k] b[k, n], three times: forward, gradient of the input, gradient of the weights. */
static void three_products(int rows, int in, int out, float* a, float* b, float* c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, out, in, 1.0f, a, in, b, in, 0.0f, c, out);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, in, out, 1.0f, c, out, b, in, 0.0f, a, in);
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, rows, 1.0f, c, out, a, in, 0.0f, b, in);
}

static void products_job(void* context, uint32_t index) {
  const Products* p = context;
  const PmtTrainShape* s = p->shape;
  const int rows = (int)p->rows, h = (int)s->h;
  const size_t block = (size_t)p->rows * (4 * s->h > s->vocab ? 4 * s->h : s->vocab) + (size_t)4 * s->h * s->h;
  float *a = p->memory[index], *b = a + block, *c = b + block;
  for (uint32_t l = 0; l < s->layers; ++l) {
    three_products(rows, (int)pmt_layer_inputs(s, l), 4 * h, a, b, c);
    three_products(rows, h, 4 * h, a, b, c); /* the recurrent product as if it were one: the ceiling of any schedule */
  }
  three_products(rows, h, (int)s->vocab, a, b, c);
}

/** Seconds for one step's products on all threads, or a negative number when memory is out. */
static double time_products(const PmtTrainShape* shape, PmtPool* pool) {
  const uint32_t n = pmt_pool_size(pool);
  const uint32_t rows = STREAMS / n * STEPS;
  const size_t block = (size_t)rows * (4 * shape->h > shape->vocab ? 4 * shape->h : shape->vocab) +
                       (size_t)4 * shape->h * shape->h;
  float** memory = calloc(n, sizeof *memory);
  double seconds[ROUNDS], result = -1.0;
  bool ok = memory != NULL;
  for (uint32_t i = 0; ok && i < n; ++i) { ok = (memory[i] = calloc(3 * block, sizeof(float))) != NULL; }
  if (ok) {
    Products p = {.shape = shape, .rows = rows, .memory = memory};
    pmt_pool_run(pool, products_job, &p);
    for (int r = 0; r < ROUNDS; ++r) {
      const double start = now();
      pmt_pool_run(pool, products_job, &p);
      seconds[r] = now() - start;
    }
    result = median(seconds);
  }
  for (uint32_t i = 0; memory && i < n; ++i) { free(memory[i]); }
  free(memory);
  return result;
}

static void fill_cells(PmtLearner* learner, uint32_t vocab) {
  for (uint32_t s = 0; s < STREAMS; ++s) {
    for (uint32_t t = 0; t < STEPS; ++t) {
      const uint64_t bits = pmt_random_bits(1, s, t);
      *pmt_learner_cell(learner, s, t) = (PmtCell){.token = (uint16_t)(bits % vocab),
                                                   .target = (uint16_t)((bits >> 20) % vocab), .counts = true};
    }
  }
}

int main(void) {
  const PmtTrainShape shape = {.vocab = 640, .d = 192, .h = 384, .layers = 2, .styles = 7};
  const uint32_t threads = sysconf(_SC_NPROCESSORS_ONLN) >= 2 ? 2 : 1;
  const PmtLearnerOptions options = {.streams = STREAMS, .steps = STEPS, .seed = 1, .drop = 0.1f, .decay = 0.01f,
                                     .clip = 1.0f, .average = 0.999f};
  PmtParams params;
  PmtPool* pool;
  PmtLearner* learner;
  PmtError error;
  openblas_set_num_threads(1);
  if (pmt_params_layout(&shape, &params, &error) || pmt_pool_new(threads, &pool)) { return 1; }
  if (pmt_learner_new(&params, &options, pool, &learner, &error)) {
    fprintf(stderr, "bench_train: %s\n", error.text);
    return 1;
  }
  fill_cells(learner, shape.vocab);
  double seconds[ROUNDS];
  pmt_learner_step(learner, 0, 1e-3f, NULL);
  for (int r = 0; r < ROUNDS; ++r) {
    const double start = now();
    pmt_learner_step(learner, (uint64_t)r + 1, 1e-3f, NULL);
    seconds[r] = now() - start;
  }
  const double tokens = (double)STREAMS * STEPS;
  const double speed = tokens / median(seconds), ceiling = tokens / time_products(&shape, pool);
  printf("trainer, LSTM 2 x 384, d 192, V 640, batch %d x %d, %u threads, OpenBLAS core %s\n", STREAMS, STEPS, threads,
         openblas_get_corename());
  printf("tokens/s %.0f   matrix products alone %.0f   share %.0f %%\n", speed, ceiling, 100.0 * speed / ceiling);
  pmt_learner_free(learner);
  pmt_pool_free(pool);
  return 0;
}
