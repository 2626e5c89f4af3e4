/* SPDX-License-Identifier: ISC */
/* What the plugin costs a host: run() at 64 frames, 48 kHz, 240 BPM as a share of the period; instantiate.
   Through the real descriptor, with the bundle's model; without one, with random weights of the same size. */
#include "measure.h"

#include "support/lv2_host_private.h"

enum { FRAMES = 64, RATE = 48000, SECONDS = 30, CYCLES = SECONDS * RATE / FRAMES, MAKES = 11 };

static double cost[CYCLES]; /* seconds */
static size_t n_costs;
static double began;

static void watch(const bool begin) {
  const double t = bench_thread_seconds();
  if (begin) {
    began = t;
  } else if (n_costs < CYCLES) {
    cost[n_costs++] = t - began;
  }
}

static double per_cent(const double share) {
  return 100.0 * bench_quantile(cost, n_costs, share) / ((double)FRAMES / RATE);
}

static PmtHost* open_host(const char* const bundle) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .sample_rate = RATE});
  CHECK(host);
  return host;
}

static void bench_run(const char* const bundle, const float style, const char* const name) {
  PmtHost* const host = open_host(bundle);
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
  printf("  %-12s p50 %5.2f %%   p99 %5.2f %%   p99.9 %5.2f %%   max %6.2f %%   %.0f of %.0f slots late, %zu events\n",
         name, per_cent(0.5), per_cent(0.99), per_cent(0.999), per_cent(1.0),
         (double)*pmt_host_control(host, "late_slots"), 8.0 * (double)*pmt_host_control(host, "bar"),
         pmt_host_midi(host)->n_events);
  pmt_host_free(host);
}

/* Alone, and with another instance of the session there already. */
static void bench_instantiate(const char* const bundle, const char* const when) {
  for (int i = 0; i < MAKES; ++i) {
    const double t = bench_thread_seconds();
    PmtHost* const host = open_host(bundle);
    cost[i] = bench_thread_seconds() - t;
    pmt_host_free(host);
  }
  printf("instantiate %-12s %.1f ms (median of %d, file in the page cache; slowest %.1f ms)\n", when,
         1e3 * bench_quantile(cost, MAKES, 0.5), MAKES, 1e3 * bench_quantile(cost, MAKES, 1.0));
}

int main(void) {
  char scratch[512], bundle[1024];
  pmt_scratch_make(scratch, sizeof scratch);
  bench_find_bundle(scratch, bundle, sizeof bundle);
  PmtModel* const model = bench_load_model(bundle);
  bench_instantiate(bundle, "the first:");
  PmtHost* const present = open_host(bundle);
  bench_instantiate(bundle, "another:");
  pmt_host_free(present);
  printf("run(), %d frames at %d Hz, 240 BPM, %d s each, CPU time as share of the period of %.0f us:\n", FRAMES, RATE,
         SECONDS, 1e6 * FRAMES / RATE);
  for (uint32_t i = 0; i < model->n_styles; ++i) {
    bench_run(bundle, (float)i, model->style_name[i]);
  }
  pmt_model_free(model);
  pmt_scratch_remove(scratch);
  return 0;
}
