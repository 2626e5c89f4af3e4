/* SPDX-License-Identifier: ISC */
/* What a session pays for generators and for instruments. run() of one instance and of twenty, one after the other in
   each period as a host calls them, at 64 and 256 frames, with a position from the host in every cycle: when there is
   nothing to generate (the transport stands; it rolls, but the plugin is bypassed or frozen) and when there is. Then
   what loading models does to the music that plays, and memory. Through the real descriptors, as in bench_run.c.

   Times are of this thread on its core. Between periods 4 MiB of other memory are touched, as a host's other plugins
   would. The same passage is played several times and each call counts with its median: what a neighbour on a shared
   machine took from one round is left out, what the plugin does is not. "ever" is the worst single call of all rounds,
   neighbours included; the line "nothing" is an empty call and says how much that means. */
#include "measure.h"

#include "ports.h"
#include "support/lv2_host_private.h"

#include <malloc.h>
#include <math.h>
#include <sched.h>
#include <string.h>

enum { RATE = 48000, BPM = 120, INSTANCES = 20, FRAMES_MIN = 64, OTHER_BYTES = 4 << 20 };
enum { ROUNDS = 5, ROUND_SECONDS = 3, WARM_SECONDS = 5, SETTLE_SECONDS = 1 };
enum { PERIODS_MAX = ROUND_SECONDS * RATE / FRAMES_MIN, CALLS_MAX = INSTANCES * PERIODS_MAX };
enum { LOAD_ROUNDS = 15, LOAD_SECONDS = 60, LOAD_CALLS = LOAD_SECONDS * RATE / FRAMES_MIN };
_Static_assert((int)LOAD_CALLS <= (int)CALLS_MAX, "make CALLS_MAX larger");
static const double idle_bar = 0.02, load_bar = 0.20;

typedef struct {
  const char *bundle, *uri;
  uint32_t n_styles;
} Plugin;

static PmtHost* hosts[INSTANCES];
static unsigned char other[OTHER_BYTES];

/* Calls ------------------------------------------------------------------------------------------------------------ */

static double calls[CALLS_MAX], walls[CALLS_MAX], call_began, wall_began; /* seconds */
static size_t n_calls;

static void watch(const bool begin) {
  if (begin) {
    wall_began = bench_seconds(CLOCK_MONOTONIC);
    call_began = bench_thread_seconds();
    return;
  }
  const double cpu = bench_thread_seconds() - call_began, wall = bench_seconds(CLOCK_MONOTONIC) - wall_began;
  if (n_calls < CALLS_MAX) {
    calls[n_calls] = cpu;
    walls[n_calls++] = wall;
  }
}

/* As Ardour and Carla tell it: each cycle, the beat rounded to a 1920th. */
static PmtPosition position_at(const int64_t frame, const float speed) {
  const int64_t tick = llround((double)frame * BPM * 1920.0 / (60.0 * RATE)), bar = 4 * 1920;
  return (PmtPosition){.frame = frame, .speed = speed, .bar = tick / bar, .bar_beat = (double)(tick % bar) / 1920.0,
                       .beats_per_bar = 4, .unit = 4, .bpm = BPM};
}

static void touch_other(void) {
  for (size_t i = 0; i < OTHER_BYTES; i += 64) {
    other[i] = (unsigned char)(other[i] + 1);
  }
}

static void run_period(const int n, const uint32_t frames, const PmtPosition* const position) {
  for (int i = 0; i < n; ++i) {
    pmt_host_send_position(hosts[i], 0, position, PMT_HOST_PLAIN);
    pmt_host_run(hosts[i], frames);
  }
}

/* Different music in each: styles, seeds. */
static void open_hosts(const int n, const Plugin* const plugin, const PmtHostWorker worker) {
  for (int i = 0; i < n; ++i) {
    hosts[i] = pmt_host_new(&(PmtHostOptions){
        .bundle = plugin->bundle, .uri = plugin->uri, .sample_rate = RATE, .worker = worker});
    CHECK(hosts[i]);
    *pmt_host_control(hosts[i], "style") = (float)((uint32_t)i % plugin->n_styles);
    *pmt_host_control(hosts[i], "seed") = (float)i;
    pmt_host_activate(hosts[i]);
    pmt_host_watch(hosts[i], watch);
  }
}

static void close_hosts(const int n) {
  for (int i = 0; i < n; ++i) {
    pmt_host_free(hosts[i]);
  }
}

/* The transport ---------------------------------------------------------------------------------------------------- */

typedef struct {
  const char* name;
  bool rolls;
  bool generates, sounds;
  const char* control; /* set to `value` after a while of music; NULL: none */
  float value;
} Scene;

/* Shares of the period. */
typedef struct {
  double mean, p99, worst, ever;
} Cost;

static double rounds[ROUNDS][CALLS_MAX]; /* seconds of the same call in each */

/* @return where the transport is then */
static int64_t roll(const Scene* const scene, const int n, const uint32_t frames, const int seconds, int64_t frame,
                    const bool among_others) {
  n_calls = 0;
  for (int64_t left = (int64_t)seconds * RATE / frames; left > 0; --left) {
    if (among_others) {
      touch_other();
    }
    const PmtPosition position = position_at(frame, scene->rolls ? 1.0f : 0.0f);
    run_period(n, frames, &position);
    frame += scene->rolls ? frames : 0;
  }
  return frame;
}

/* From the beginning, so that each round is the same: the calls of `n` instances in a passage of three seconds. */
static void play_round(const Scene* const scene, const int n, const uint32_t frames, double* const seconds) {
  static const Scene standing = {.rolls = false};
  for (int i = 0; i < n; ++i) {
    pmt_host_activate(hosts[i]);
  }
  roll(&standing, n, frames, SETTLE_SECONDS, 0, false);
  int64_t frame = roll(scene, n, frames, WARM_SECONDS, 0, false);
  const float before = scene->control ? *pmt_host_control(hosts[0], scene->control) : 0.0f;
  for (int i = 0; scene->control && i < n; ++i) {
    *pmt_host_control(hosts[i], scene->control) = scene->value;
  }
  frame = roll(scene, n, frames, SETTLE_SECONDS, frame, false);
  roll(scene, n, frames, ROUND_SECONDS, frame, true);
  memcpy(seconds, calls, n_calls * sizeof *calls);
  for (int i = 0; i < n; ++i) {
    pmt_host_deactivate(hosts[i]);
    if (scene->control) {
      *pmt_host_control(hosts[i], scene->control) = before;
    }
  }
}

/* Of calls, or with n instances together of whole periods. Wants n_calls as play_round() left it. */
static Cost cost_of_rounds(const int together, const uint32_t frames) {
  static double middle[CALLS_MAX];
  const size_t n = n_calls / (size_t)together;
  double sum = 0.0, ever = 0.0;
  for (size_t i = 0; i < n; ++i) {
    double same[ROUNDS] = {0};
    for (int round = 0; round < ROUNDS; ++round) {
      for (int k = 0; k < together; ++k) {
        same[round] += rounds[round][i * (size_t)together + (size_t)k];
      }
      ever = fmax(ever, same[round]);
    }
    middle[i] = bench_quantile(same, ROUNDS, 0.5);
    sum += middle[i];
  }
  const double period = (double)frames / RATE;
  return (Cost){.mean = sum / (double)n / period,
                .p99 = bench_quantile(middle, n, 0.99) / period,
                .worst = bench_quantile(middle, n, 1.0) / period,
                .ever = ever / period};
}

static void print_cost(const Cost* const cost) {
  printf("   %6.2f %6.2f %6.2f %6.2f", 100.0 * cost->mean, 100.0 * cost->p99, 100.0 * cost->worst, 100.0 * cost->ever);
}

/* @return the worst of one call */
static double bench_scene(const Scene* const scene, const Plugin* const plugin, const int n, const uint32_t frames) {
  open_hosts(n, plugin, PMT_HOST_NO_WORKER);
  for (int round = 0; round < ROUNDS; ++round) {
    play_round(scene, n, frames, rounds[round]);
  }
  close_hosts(n);
  const Cost each = cost_of_rounds(1, frames);
  print_cost(&each);
  if (n > 1) {
    const Cost together = cost_of_rounds(n, frames);
    print_cost(&together);
  }
  fflush(stdout);
  return each.worst;
}

static void bench_nothing(const uint32_t frames) {
  for (int round = 0; round < ROUNDS; ++round) {
    n_calls = 0;
    for (int i = 0; i < PERIODS_MAX; ++i) {
      touch_other();
      watch(true);
      watch(false);
    }
    memcpy(rounds[round], calls, n_calls * sizeof *calls);
  }
  const Cost cost = cost_of_rounds(1, frames);
  printf("  %-22s", "nothing");
  print_cost(&cost);
  puts("");
}

static void bench_transport(const Plugin* const plugin, const uint32_t frames) {
  static const Scene scenes[] = {
      {.name = "standing"},
      {.name = "rolling, Enabled off", .rolls = true, .control = "enabled", .value = 0},
      {.name = "rolling, Freeze 2 bars", .rolls = true, .sounds = true, .control = "freeze", .value = 2},
      {.name = "rolling, playing", .rolls = true, .generates = true, .sounds = true}};
  printf("\n%s\n%3u frames, %4.0f us%10sone instance%18seach of %d%20sthe %d together\n", plugin->uri, frames,
         1e6 * frames / RATE, "", "", INSTANCES, "", INSTANCES);
  printf("  %% of the period");
  for (int i = 0; i < 3; ++i) {
    printf("%*smean    p99  worst   ever", i ? 6 : 12, "");
  }
  puts("");
  bench_nothing(frames);
  const bool has_synth = !strcmp(plugin->uri, PMT_INSTRUMENT_URI); /* whose sound is work, too */
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; ++i) {
    printf("  %-22s", scenes[i].name);
    const double one = bench_scene(&scenes[i], plugin, 1, frames);
    const double worst = fmax(one, bench_scene(&scenes[i], plugin, INSTANCES, frames));
    if (frames == FRAMES_MIN && !scenes[i].generates && !(scenes[i].sounds && has_synth)) {
      printf("   worst %.2f, bar %.0f: %s", 100.0 * worst, 100.0 * idle_bar, worst <= idle_bar ? "met" : "MISSED");
    }
    puts("");
  }
}

/* Loading ---------------------------------------------------------------------------------------------------------- */

/* The model once more with another title: another file, hash and load, the same music and cost. */
static void copy_model(const char* const from, const char* const to) {
  FILE* const in = fopen(from, "rb");
  FILE* const out = fopen(to, "wb");
  CHECK(in && out);
  enum { BYTES_MAX = 64 << 20 };
  char* const bytes = malloc(BYTES_MAX);
  CHECK(bytes);
  const size_t n = fread(bytes, 1, BYTES_MAX, in);
  CHECK(n > 0 && n < BYTES_MAX);
  char* const title = memmem(bytes, n, "\"title\":\"", 9);
  CHECK(title);
  title[9] = title[9] == 'X' ? 'Y' : 'X';
  CHECK(fwrite(bytes, 1, n, out) == n && !fclose(out) && !fclose(in));
  free(bytes);
}

typedef struct {
  double cpu[LOAD_ROUNDS], wall[LOAD_ROUNDS];
} LoadCost;

/* A minute of music; with `files`, their models are loaded in turn, each when the one before has come. */
static int64_t play_loading(char (*const files)[1100], const int round, int64_t frame, LoadCost* const cost,
                            uint32_t* const loads) {
  n_calls = 0;
  uint32_t answers = 0;
  for (int i = 0; i < LOAD_CALLS; ++i, frame += FRAMES_MIN) {
    if (files && (!i || pmt_host_messages(hosts[0]) >= answers + 2)) { /* path and status */
      answers = pmt_host_messages(hosts[0]);
      pmt_host_send_model(hosts[0], 0, files[++*loads % 2]);
    }
    const PmtPosition position = position_at(frame, 1.0f);
    run_period(1, FRAMES_MIN, &position);
  }
  cost->cpu[round] = bench_quantile(calls, n_calls, 0.99);
  cost->wall[round] = bench_quantile(walls, n_calls, 0.99);
  for (int i = 0; files && i < RATE && pmt_host_messages(hosts[0]) < answers + 2; ++i, frame += FRAMES_MIN) {
    const PmtPosition position = position_at(frame, 1.0f);
    run_period(1, FRAMES_MIN, &position);
  }
  return frame;
}

/* As hosts run it: before everything else. Without the right to, wall times say what the neighbours do. */
static void prefer_this_thread(const bool prefer) {
  const struct sched_param priority = {.sched_priority = prefer ? 50 : 0};
  if (sched_setscheduler(0, prefer ? SCHED_FIFO : SCHED_OTHER, &priority) && prefer) {
    puts("(no right to real-time priority: the wall time below is not the plugin's alone)");
  }
}

static void print_load(const char* const clock, double* const without, double* const with) {
  const double a = bench_quantile(without, LOAD_ROUNDS, 0.5), b = bench_quantile(with, LOAD_ROUNDS, 0.5);
  const double period = (double)FRAMES_MIN / RATE;
  printf("  %-9s p99 %5.2f %% of the period, while loading %5.2f %%: %+.0f %%, bar %.0f %%: %s\n", clock,
         100.0 * a / period, 100.0 * b / period, 100.0 * (b / a - 1.0), 100.0 * load_bar,
         b / a - 1.0 < load_bar ? "met" : "MISSED");
}

static void bench_loads(const Plugin* const plugin, const char* const scratch) {
  char model[1100], files[2][1100];
  snprintf(model, sizeof model, "%s/partimento.safetensors", plugin->bundle);
  snprintf(files[0], sizeof files[0], "%s/one.safetensors", scratch);
  snprintf(files[1], sizeof files[1], "%s/two.safetensors", scratch);
  copy_model(model, files[0]);
  copy_model(files[0], files[1]);
  open_hosts(1, plugin, PMT_HOST_THREAD);
  prefer_this_thread(true);
  static LoadCost with, without;
  uint32_t loads = 0;
  int64_t frame = 0;
  for (int round = 0; round < LOAD_ROUNDS; ++round) {
    frame = play_loading(NULL, round, frame, &without, &loads);
    frame = play_loading(files, round, frame, &with, &loads);
  }
  prefer_this_thread(false);
  close_hosts(1);
  printf("\nloading models while playing, %d frames, %d times %d s with and without in turn, %u loads\n", FRAMES_MIN,
         LOAD_ROUNDS, LOAD_SECONDS, loads);
  print_load("CPU time", without.cpu, with.cpu);
  print_load("wall time", without.wall, with.wall);
}

/* Memory ----------------------------------------------------------------------------------------------------------- */

static double allocated(void) {
  const struct mallinfo2 info = mallinfo2();
  return (double)(info.uordblks + info.hblkhd) / (1 << 20);
}

/* @return MiB of heap that `n` instances take, the host's own left out */
static double memory_of(const int n, const Plugin* const plugin) {
  const double before = allocated();
  open_hosts(n, plugin, PMT_HOST_NO_WORKER);
  const double hosts_own = (double)n * (double)(sizeof(PmtHost) + hosts[0]->out_capacity) / (1 << 20);
  const double taken = allocated() - before - hosts_own;
  close_hosts(n);
  return taken;
}

static void bench_memory(const Plugin* const plugin, const double weights) {
  const double one = memory_of(1, plugin), all = memory_of(INSTANCES, plugin);
  printf("%s: memory of one instance %.2f MiB, weights %.2f MiB of it; %d instances %.2f MiB, each more %.2f MiB\n",
         plugin->uri, one, weights, INSTANCES, all, (all - one) / (INSTANCES - 1));
}

int main(void) {
  char scratch[512], bundle[1024];
  pmt_scratch_make(scratch, sizeof scratch);
  bench_find_bundle(scratch, bundle, sizeof bundle);
  PmtModel* const model = bench_load_model(bundle);
  const Plugin generator = {bundle, PMT_PLUGIN_URI, model->n_styles};
  const Plugin instrument = {bundle, PMT_INSTRUMENT_URI, model->n_styles};
  const double weights = (double)pmt_net_bytes(model->net) / (1 << 20);
  pmt_model_free(model);
  bench_memory(&generator, weights);
  bench_memory(&instrument, weights);
  printf("\nrun(), %d BPM, a position in every cycle, CPU time, a passage of %d s, each call's median of %d rounds\n",
         BPM, ROUND_SECONDS, ROUNDS);
  bench_transport(&generator, FRAMES_MIN);
  bench_transport(&generator, 256);
  bench_transport(&instrument, FRAMES_MIN);
  bench_loads(&generator, scratch);
  pmt_scratch_remove(scratch);
  return 0;
}
