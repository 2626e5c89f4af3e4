/* SPDX-License-Identifier: ISC */
/* One step of every kind of net, as the plugin runs it, with a full window; the widest kernels, one thread.

   "limit" is the time in which a bare loop of additions reads as many bytes as the step has to: weights, and the keys and
   values of the window; in the same process, turn about. Its ratio to the step compares the best tenth of both, which
   leaves out most of what the neighbours did. "evicted": 4 MiB of other memory were touched between steps, as a host's
   other plugins would. */
#include "measure.h"

#include "nn/net.h"
#include "scratch.h"

#include <string.h>

enum { ROUNDS = 40, BURST = 5, EVICT_BYTES = 4 << 20, VOCAB = 640 };

static const PmtTinyOptions tf_m = {.seed = 1, .arch = "tf", .d = 192, .layers = 4, .heads = 6, .ff = 768, .window = 512};
static const PmtTinyOptions tf_l = {.seed = 1, .arch = "tf", .d = 256, .layers = 6, .heads = 8, .ff = 1024, .window = 1024};

static PmtNet* new_net(const PmtTinyOptions* const options) {
  char path[4096];
  pmt_scratch_template(path, sizeof path, "partimento-bench");
  const int fd = mkstemp(path);
  CHECK(fd >= 0);
  close(fd);
  PmtError error = {{0}};
  PmtTensors* tensors = NULL;
  PmtNet* net = NULL;
  CHECKF(!pmt_tiny_model_write(path, options, &error), "%s", error.text);
  CHECKF(!pmt_tensors_read(path, &tensors, &error), "%s", error.text);
  CHECKF(!pmt_net_new(tensors, VOCAB, &net, &error), "%s", error.text);
  pmt_tensors_free(tensors);
  unlink(path);
  return net;
}

static double now_us(void) { return 1e6 * bench_thread_seconds(); }

static double time_step(PmtNetState* const state, const uint32_t token) {
  const double begin = now_us();
  uint64_t spent = 0;
  pmt_net_begin(state, token);
  pmt_net_run(state, UINT64_MAX, &spent);
  return now_us() - begin;
}

/* Eight chains of additions over `n` floats. */
static double time_reading(const float* const values, const size_t n) {
  typedef float Vec __attribute__((vector_size(16), aligned(4)));
  volatile float sink = 0.0f;
  const double begin = now_us();
  Vec sum[8] = {{0}};
  for (size_t i = 0; i + 32 <= n; i += 32) {
    for (int k = 0; k < 8; ++k) {
      sum[k] += *(const Vec*)(values + i + 4 * k);
    }
  }
  Vec all = {0};
  for (int k = 0; k < 8; ++k) {
    all += sum[k];
  }
  sink = all[0] + all[3];
  return now_us() - begin + 0.0 * (double)sink;
}

static void evict(unsigned char* const other) {
  for (size_t i = 0; i < EVICT_BYTES; i += 64) {
    other[i] = (unsigned char)(other[i] + 1);
  }
}

/* Floats that a step must read. With `sin`, on the average of its positions, both passes together read a window. */
static double floats_read(const PmtTinyOptions* const o) {
  const double d = o->d, h = o->h, ff = o->ff, n = o->layers;
  if (strcmp(o->arch, "tf")) {
    const double gates = !strcmp(o->arch, "lstm") ? 4 : !strcmp(o->arch, "gru") ? 3 : 1;
    return gates * h * h * (2 * n - 1) + VOCAB * h;
  }
  const double block = 4 * d * d + 2 * d * ff, window = n * 2 * d * o->window;
  const double rel = strcmp(o->pos, "rel") ? 0.0 : n * d * o->window;
  return n * block + VOCAB * d + window + rel;
}

static void bench(const char* const name, const PmtTinyOptions* const options, unsigned char* const other) {
  PmtNet* const net = new_net(options);
  PmtNetState* state = NULL;
  CHECK(!pmt_net_state_new(net, &state));
  double warm[ROUNDS * BURST], evicted[ROUNDS], limit[ROUNDS * BURST];
  for (uint32_t i = 0; i < 2 * options->window; ++i) {
    time_step(state, i % VOCAB);
  }
  const size_t n = (size_t)floats_read(options);
  float* const values = aligned_alloc(64, n * sizeof *values / 64 * 64 + 64);
  CHECK(values);
  memset(values, 0, n * sizeof *values);
  for (uint32_t round = 0; round < ROUNDS; ++round) {
    time_step(state, round);
    for (uint32_t i = 0; i < BURST; ++i) {
      warm[round * BURST + i] = time_step(state, round + 7 * i);
    }
    time_reading(values, n);
    for (uint32_t i = 0; i < BURST; ++i) {
      limit[round * BURST + i] = time_reading(values, n);
    }
    evict(other);
    evicted[round] = time_step(state, round);
  }
  const double best = bench_quantile(warm, ROUNDS * BURST, 0.1), least = bench_quantile(limit, ROUNDS * BURST, 0.1);
  printf("  %-37s %6.2f %8.1f %8.1f %8.1f %8.1f %6.2f %8.1f %7.1f\n", name, 1e-6 * (double)n, best,
         bench_quantile(warm, ROUNDS * BURST, 0.5), bench_quantile(evicted, ROUNDS, 0.5), least, best / least,
         1e-6 * (double)pmt_net_bytes(net), 1e-6 * (double)pmt_net_state_bytes(net));
  free(values);
  pmt_net_state_free(state);
  pmt_net_free(net);
}

int main(void) {
  static const char* const pos[] = {"rope", "rope2", "alibi", "rel", "sin"};
  unsigned char* const other = calloc(1, EVICT_BYTES);
  CHECK(other);
  printf("V %d; times in microseconds, sizes in MB, reads in floats\n", VOCAB);
  printf("  %-37s %6s %8s %8s %8s %8s %6s %8s %7s\n", "", "M read", "best 10%", "median", "evicted", "limit", "ratio",
         "weights", "state");
  bench("lstm 2 x 384, d 192", &(PmtTinyOptions){.seed = 1, .arch = "lstm", .d = 192, .h = 384, .layers = 2}, other);
  bench("gru 2 x 384, d 192", &(PmtTinyOptions){.seed = 1, .arch = "gru", .d = 192, .h = 384, .layers = 2}, other);
  bench("rnn 2 x 384, d 192", &(PmtTinyOptions){.seed = 1, .arch = "rnn", .d = 192, .h = 384, .layers = 2}, other);
  for (unsigned i = 0; i < 2 * sizeof pos / sizeof *pos; ++i) {
    PmtTinyOptions options = i % 2 ? tf_l : tf_m;
    char name[64];
    options.pos = pos[i / 2];
    snprintf(name, sizeof name, "tf d %u L %u H %u ff %u C %u %s", options.d, options.layers, options.heads, options.ff,
             options.window, options.pos);
    bench(name, &options, other);
  }
  free(other);
  return 0;
}
