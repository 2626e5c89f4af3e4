/* SPDX-License-Identifier: ISC */
/** @file bench_train.c  Training speed beside its ceiling, the same matrix products and nothing else: the default LSTM,
    the two nets of issue and literature, LSTM 2 x 512 and decoder d 256, and a small decoder; the default LSTM and the small
    decoder also told what a listener hears. The last line is the most memory of all. PMT_BENCH_ONLY=2 measures the third
    alone, and its memory.

      bench_train --busy    the default LSTM alone, beside two processes that spin, and the ratio: threads that wait for
                            each other must not collapse when the machine is busy */
#include "measure.h"

#include "train/blas.h"
#include "train/learner.h"
#include "train/peak.h"

#include "base/random.h"

#include <cblas.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { ROUNDS = 5, BUSY_ROUNDS = 20, NEIGHBOURS = 2 };

typedef struct {
  const char* name;
  PmtTrainShape shape;
  uint32_t streams, steps;
  bool told;
  uint32_t extra; /* rows of the output for what is told */
} Case;

static double now(void) { return bench_seconds(CLOCK_MONOTONIC); }

/** Of all threads, a thread: what a step would take if nobody else were there. The pool sleeps while it waits. */
static double busy(const PmtPool* pool) { return bench_seconds(CLOCK_PROCESS_CPUTIME_ID) / pmt_pool_size(pool); }

/* -- products alone ------------------------------------------------------------------------------------------- */

/** y[m, n] = a[m, k] b[k, n], three times: forward, gradient of the input, gradient of the weights. */
static void three_products(int rows, int in, int out, float* a, float* b, float* c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, out, in, 1.0f, a, in, b, in, 0.0f, c, out);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, in, out, 1.0f, c, out, b, in, 0.0f, a, in);
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, rows, 1.0f, c, out, a, in, 0.0f, b, in);
}

typedef struct {
  const Case* c;
  uint32_t rows;  /* of one thread */
  size_t block;
  float** memory; /* three blocks a thread */
} Products;

/** Attention is left out of a decoder's: it is a tenth. The recurrent product as if it were one: the ceiling of any
    schedule. */
static void products_job(void* context, uint32_t index) {
  const Products* p = context;
  const PmtTrainShape* s = &p->c->shape;
  const int rows = (int)p->rows, d = (int)s->d, h = (int)s->h, ff = (int)s->ff;
  float *a = p->memory[index], *b = a + p->block, *c = b + p->block;
  for (uint32_t l = 0; l < s->layers; ++l) {
    if (h) {
      three_products(rows, l ? h : d, 4 * h, a, b, c);
      three_products(rows, h, 4 * h, a, b, c);
      continue;
    }
    three_products(rows, d, 3 * d, a, b, c);
    three_products(rows, d, d, a, b, c);
    three_products(rows, d, ff, a, b, c);
    three_products(rows, ff, d, a, b, c);
  }
  three_products(rows, h ? h : d, (int)(s->vocab + p->c->extra), a, b, c);
}

/** Busy seconds for one step's products on all threads, or a negative number when memory is out. */
static double time_products(const Case* c, PmtPool* pool) {
  const uint32_t n = pmt_pool_size(pool), rows = c->streams / n * c->steps;
  const uint32_t widest = 4 * (c->shape.h + c->shape.d) + c->shape.vocab + c->extra;
  Products p = {.c = c, .rows = rows, .block = (size_t)widest * (rows + widest), .memory = calloc(n, sizeof(float*))};
  double seconds[ROUNDS], result = -1.0;
  bool ok = p.memory != NULL;
  for (uint32_t i = 0; ok && i < n; ++i) { ok = (p.memory[i] = calloc(3 * p.block, sizeof(float))) != NULL; }
  if (ok) {
    pmt_pool_run(pool, products_job, &p);
    for (int r = 0; r < ROUNDS; ++r) {
      const double start = busy(pool);
      pmt_pool_run(pool, products_job, &p);
      seconds[r] = busy(pool) - start;
    }
    result = bench_quantile(seconds, ROUNDS, 0.5);
  }
  for (uint32_t i = 0; p.memory && i < n; ++i) { free(p.memory[i]); }
  free(p.memory);
  return result;
}

/* -- whole steps ---------------------------------------------------------------------------------------------- */

/** As much as a listener says at most. */
static void fill_hints(const PmtHintShape* shape, uint64_t key, PmtHints* hints) {
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    hints->row[i] = (int16_t)(pmt_random_bits(key, 1, i) % shape->table[i].rows);
  }
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    hints->anchor[i] = (int16_t)(pmt_random_bits(key, 2, i) % shape->leap[i].count);
  }
  for (uint32_t i = 0; shape->n_kinds && i < PMT_CLASSES; ++i) {
    hints->kind[i] = (uint8_t)(pmt_random_bits(key, 3, i) % shape->n_kinds);
  }
}

static void fill_cells(PmtLearner* learner, const Case* c) {
  for (uint32_t s = 0; s < c->streams; ++s) {
    for (uint32_t t = 0; t < c->steps; ++t) {
      const uint64_t bits = pmt_random_bits(1, s, t);
      PmtCell* cell = pmt_learner_cell(learner, s, t);
      *cell = (PmtCell){.token = (uint16_t)(bits % c->shape.vocab), .counts = true,
                        .target = (uint16_t)((bits >> 20) % c->shape.vocab)};
      fill_hints(&c->shape.hints, bits, &cell->hints);
    }
  }
}

static PmtLearner* new_learner(const Case* c, PmtPool* pool, PmtParams* params) {
  const PmtLearnerOptions options = {.streams = c->streams, .steps = c->steps, .seed = 1, .drop = 0.1f, .decay = 0.01f,
                                     .clip = 1.0f, .average = 0.999f};
  PmtLearner* learner;
  PmtError error = {""};
  if (pmt_params_layout(&c->shape, params, &error) || pmt_learner_new(params, &options, pool, &learner, &error)) {
    fprintf(stderr, "bench_train: %s\n", error.text);
    exit(1);
  }
  fill_cells(learner, c);
  pmt_learner_step(learner, 0, 1e-3f, NULL);
  return learner;
}

static void measure(const Case* c, PmtPool* pool) {
  PmtParams params;
  PmtLearner* learner = new_learner(c, pool, &params);
  double seconds[ROUNDS], busy_seconds[ROUNDS];
  for (int r = 0; r < ROUNDS; ++r) {
    const double start = now(), busy_start = busy(pool);
    pmt_learner_step(learner, (uint64_t)r + 1, 1e-3f, NULL);
    seconds[r] = now() - start;
    busy_seconds[r] = busy(pool) - busy_start;
  }
  pmt_learner_free(learner);
  const double tokens = (double)c->streams * c->steps, speed = tokens / bench_quantile(seconds, ROUNDS, 0.5),
               unhindered = tokens / bench_quantile(busy_seconds, ROUNDS, 0.5), ceiling = tokens / time_products(c, pool);
  printf("%-30s %2u x %3u  %5.2f M  %6.0f tokens/s  by busy time %6.0f  products alone %6.0f  share %3.0f %%\n", c->name,
         c->streams, c->steps, (double)pmt_params_count(&params) * 1e-6, speed, unhindered, ceiling,
         100.0 * unhindered / ceiling);
}

/* -- beside neighbours ---------------------------------------------------------------------------------------- */

/** A process that spins until it is killed, at the latest when this one ends. */
static pid_t start_neighbour(void) {
  const pid_t self = getpid(), pid = fork();
  CHECK(pid >= 0);
  if (pid) { return pid; }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (volatile uint64_t n = 0; getppid() == self;) {
    for (uint32_t i = 0; i < 1u << 24; ++i) { ++n; }
  }
  _exit(0);
}

/** Tokens a second of many steps, by the clock: a mean, for one step that takes seconds must count. */
static double time_steps(const Case* c, PmtLearner* learner) {
  const double start = now();
  for (uint64_t r = 1; r <= BUSY_ROUNDS; ++r) { pmt_learner_step(learner, r, 1e-3f, NULL); }
  return BUSY_ROUNDS * (double)c->streams * c->steps / (now() - start);
}

/** What is fair: on n processors our threads and the neighbours share, ours had all that they could use before. */
static void measure_beside(const Case* c, PmtPool* pool) {
  const double threads = pmt_pool_size(pool), processors = (double)sysconf(_SC_NPROCESSORS_ONLN);
  const double fair = processors / (threads + NEIGHBOURS);
  PmtParams params;
  PmtLearner* learner = new_learner(c, pool, &params);
  pid_t neighbour[NEIGHBOURS];
  const double alone = time_steps(c, learner);
  for (int i = 0; i < NEIGHBOURS; ++i) { neighbour[i] = start_neighbour(); }
  const double beside = time_steps(c, learner);
  for (int i = 0; i < NEIGHBOURS; ++i) {
    kill(neighbour[i], SIGKILL);
    waitpid(neighbour[i], NULL, 0);
  }
  pmt_learner_free(learner);
  printf("%-30s alone %6.0f tokens/s  beside %d that spin %6.0f  ratio %.2f, fair were %.2f\n", c->name, alone,
         NEIGHBOURS, beside, beside / alone, fair < 1.0 ? fair : 1.0);
}

static void tell(Case* c) {
  pmt_shape_listen(&c->shape);
  for (uint32_t i = 0; i < c->shape.hints.n_leaps; ++i) { c->extra += 2 * c->shape.hints.leap[i].reach + 1; }
  c->extra += c->shape.hints.n_kinds;
}

int main(int argc, char** argv) {
  pmt_blas_settle(argv);
  Case cases[] = {
    {"lstm 2 x 384, d 192", {.body = &pmt_body_lstm, .vocab = 640, .d = 192, .h = 384, .layers = 2}, 16, 128, false, 0},
    {"lstm 2 x 512, d 512", {.body = &pmt_body_lstm, .vocab = 400, .d = 512, .h = 512, .layers = 2}, 32, 256, false, 0},
    {"tf 6 x 256, heads 8, ff 1024", {.body = &pmt_body_tf, .vocab = 400, .d = 256, .heads = 8, .ff = 1024, .layers = 6,
                                      .window = 256, .pos = PMT_POS_ROPE}, 32, 256, false, 0},
    {"lstm 2 x 384, d 192, told", {.body = &pmt_body_lstm, .vocab = 640, .d = 192, .h = 384, .layers = 2}, 16, 128, true, 0},
    {"tf 4 x 192, heads 6, ff 768", {.body = &pmt_body_tf, .vocab = 640, .d = 192, .heads = 6, .ff = 768, .layers = 4,
                                     .window = 512, .pos = PMT_POS_ROPE}, 8, 256, false, 0},
    {"tf 4 x 192, told", {.body = &pmt_body_tf, .vocab = 640, .d = 192, .heads = 6, .ff = 768, .layers = 4,
                          .window = 512, .pos = PMT_POS_ROPE}, 8, 256, true, 0},
  };
  const char* only = getenv("PMT_BENCH_ONLY");
  const uint32_t threads = sysconf(_SC_NPROCESSORS_ONLN) >= 2 ? 2 : 1;
  PmtPool* pool;
  openblas_set_num_threads(1);
  if (pmt_pool_new(threads, &pool)) { return 1; }
  printf("trainer, forward, backward and AdamW, %u threads, OpenBLAS core %s\n", threads, openblas_get_corename());
  if (argc > 1 && !strcmp(argv[1], "--busy")) {
    measure_beside(&cases[0], pool);
    pmt_pool_free(pool);
    return 0;
  }
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    if (cases[i].told) { tell(&cases[i]); }
    if (!only || (size_t)atoi(only) == i) { measure(&cases[i], pool); }
  }
  pmt_pool_free(pool);
  printf("peak resident memory %.0f MiB\n", pmt_peak_mib());
  return 0;
}
