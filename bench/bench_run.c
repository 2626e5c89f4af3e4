/* SPDX-License-Identifier: ISC */
/* What the plugin costs a host: run() at 64 frames, 48 kHz, 240 BPM as a share of the period; instantiate; memory.
   Through the real descriptor, with the bundle's model; without one, with random weights of the same size. */
#include "check.h"

#include "gen/model.h"
#include "support/lv2_host_private.h"
#include "support/tiny_model.h"

#include <malloc.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 64, RATE = 48000, SECONDS = 30, CYCLES = SECONDS * RATE / FRAMES, MAKES = 11 };

static double cost[CYCLES]; /* seconds */
static size_t n_costs;
static double began;

/* This thread's time on a core: what else the machine does is not the plugin's cost. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void watch(const bool begin) {
  const double t = now();
  if (begin) {
    began = t;
  } else if (n_costs < CYCLES) {
    cost[n_costs++] = t - began;
  }
}

static int ascending(const void* const a, const void* const b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static double per_cent(const double share) {
  return 100.0 * cost[(size_t)(share * (double)(n_costs - 1))] / ((double)FRAMES / RATE);
}

static void bench_run(const char* const bundle, const float style, const char* const name) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .sample_rate = RATE});
  CHECK(host);
  *pmt_host_control(host, "style") = style;
  pmt_host_activate(host);
  PmtPosition position = {.frame = 0, .speed = 0, .bar_beat = 0, .beats_per_bar = 4, .unit = 4, .bpm = 240};
  pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
  for (int i = 0; i < RATE / FRAMES; ++i) {
    pmt_host_run(host, FRAMES);
  }
  position.speed = 1;
  pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
  n_costs = 0;
  pmt_host_watch(host, watch);
  for (int i = 0; i < CYCLES; ++i) {
    pmt_host_run(host, FRAMES);
  }
  qsort(cost, n_costs, sizeof *cost, ascending);
  printf("  %-12s p50 %5.2f %%   p99 %5.2f %%   p99.9 %5.2f %%   max %6.2f %%   %.0f of %.0f slots late, %zu events\n",
         name, per_cent(0.5), per_cent(0.99), per_cent(0.999), per_cent(1.0),
         (double)*pmt_host_control(host, "late_slots"), 8.0 * (double)*pmt_host_control(host, "bar"),
         pmt_host_midi(host)->n_events);
  pmt_host_free(host);
}

static size_t allocated(void) {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static void bench_instantiate(const char* const bundle, const size_t weights) {
  PmtHost* host[MAKES];
  size_t bytes = 0;
  for (int i = 0; i < MAKES; ++i) {
    const size_t before = allocated();
    const double t = now();
    host[i] = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .sample_rate = RATE});
    CHECK(host[i]);
    cost[i] = now() - t;
    bytes = allocated() - before - sizeof(PmtHost) - host[i]->out_capacity;
  }
  for (int i = 0; i < MAKES; ++i) {
    pmt_host_free(host[i]);
  }
  qsort(cost, MAKES, sizeof *cost, ascending);
  printf("instantiate: %.1f ms (median of %d, file in the page cache; slowest %.1f ms)\n", 1e3 * cost[MAKES / 2], MAKES,
         1e3 * cost[MAKES - 1]);
  printf("memory of an instance: %.2f MiB, of which weights %.2f MiB (%.0f %%)\n", (double)bytes / (1 << 20),
         (double)weights / (1 << 20), 100.0 * (double)weights / (double)bytes);
}

int main(void) {
  char scratch[512], bundle[1024], path[1100];
  pmt_host_make_scratch(scratch, sizeof scratch);
  pmt_host_find_bundle(bundle, sizeof bundle);
  snprintf(path, sizeof path, "%s/partimento.safetensors", bundle);
  if (access(path, R_OK)) {
    snprintf(path, sizeof path, "%s/random.safetensors", scratch);
    CHECK(!pmt_tiny_model_write(path, &(PmtTinyOptions){.seed = 1, .d = 192, .h = 384, .layers = 2}, NULL));
    pmt_host_copy_bundle(scratch, path, bundle, sizeof bundle);
    puts("no shipped model: random weights, d 192, 2 x 384");
  }
  PmtModel* model = NULL;
  PmtError error;
  CHECKF(!pmt_model_load(path, &model, &error), "%s", error.text);
  bench_instantiate(bundle, pmt_net_bytes(model->net));
  printf("run(), %d frames at %d Hz, 240 BPM, %d s each, CPU time as share of the period of %.0f us:\n", FRAMES, RATE, SECONDS,
         1e6 * FRAMES / RATE);
  for (uint32_t i = 0; i < model->n_styles; ++i) {
    bench_run(bundle, (float)i, model->style_name[i]);
  }
  pmt_model_free(model);
  pmt_host_remove_scratch(scratch);
  return 0;
}
