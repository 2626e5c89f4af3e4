/* SPDX-License-Identifier: ISC */
/* All that hosts do (docs/engine.md, docs/plugin.md), at random and at once, for a long time, through the plugin's own
   entry points.

     test_soak [CYCLES [SEED [SCENE]]]     SCENE: that one alone, told event by event

   A scene is one instance in one kind of host, for some thousand cycles (support/soak_host.h). Tame scenes have a
   transport that a clock of the test's own (support/daw.h) can follow: each note-on must then lie on the first frame of
   a tick, but in the half tick after a jump or a start (docs/engine.md, section 4). Wild scenes say anything. In both
   nothing may hang, nothing may sound twice at a loop point, run() may not do what an audio thread must not
   (support/rt_watch.h), and support/lv2_host.h checks every event of every cycle. */
#include "check.h"

#include "ports.h"
#include "support/rt_watch.h"
#include "support/soak_host.h"

#include <dirent.h>
#include <dlfcn.h>
#include <math.h>
#include <string.h>

#ifdef PMT_SANITIZED
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { CYCLES = 200000, STACK_LIMIT = 64 << 10, SCENE_CYCLES = 6000, WATCH_ALL_EVERY = 1009 };

static PmtSoak soak;
static uint64_t cycle;
static bool dispatches, finished;
static size_t stack;

static void say_where(void) {
  if (!finished) {
    fprintf(stderr, "soak: seed %llu, scene %llu, its cycle %llu\n", (unsigned long long)soak.seed,
            (unsigned long long)soak.scene, (unsigned long long)cycle);
  }
}

static void check_real_time(void) {
  const PmtTrespass t = pmt_rt_take();
  CHECKF(!t.allocations && !t.locks && !t.system_calls, "%llu allocations, %llu locks, %llu system calls (first %lld)",
         (unsigned long long)t.allocations, (unsigned long long)t.locks, (unsigned long long)t.system_calls,
         (long long)t.first_call);
  CHECKF(t.stack < STACK_LIMIT, "%zu bytes of stack", t.stack);
  stack = t.stack > stack ? t.stack : stack;
}

static void play_scene(const uint64_t n_cycles) {
  pmt_soak_open(&soak);
  for (cycle = 0; cycle < n_cycles; ++cycle) {
    pmt_host_watch(soak.host, cycle % WATCH_ALL_EVERY == 500 ? pmt_rt_watch : pmt_rt_watch_calls);
    pmt_soak_cycle(&soak);
    check_real_time();
  }
  pmt_soak_close(&soak);
}

static uint32_t count_captures(void) {
  DIR* const folder = opendir(soak.captures);
  CHECK(folder);
  uint32_t n = 0;
  for (const struct dirent* entry; (entry = readdir(folder));) {
    n += strstr(entry->d_name, ".mid") != NULL;
  }
  closedir(folder);
  return n;
}

static void print_counters(void) {
  const PmtSoakCounters* const c = &soak.count;
  printf("%llu cycles in %llu scenes (%llu of the instrument), %.1f hours; %llu notes, %llu held to their frame\n",
         (unsigned long long)c->cycles, (unsigned long long)c->scenes, (unsigned long long)c->sounding_scenes,
         c->seconds / 3600.0, (unsigned long long)c->notes, (unsigned long long)c->timed);
#define PRINT(name) printf("%s%llu " #name, n++ ? ", " : "", (unsigned long long)c->name);
  int n = 0;
  PMT_SOAK_COUNTERS(PRINT)
#undef PRINT
  printf(", %u captures written\n", count_captures());
  printf("no hanging, early, late or doubled note; no allocation%s%s in run()\n", SANITIZED ? "" : ", no lock",
         dispatches ? ", no system call" : "");
  if (!SANITIZED) {
    printf("at most %zu bytes of stack\n", stack);
  }
}

int main(const int argc, char** const argv) {
  const uint64_t cycles = argc > 1 ? strtoull(argv[1], NULL, 10) : CYCLES;
  soak.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  setvbuf(stdout, NULL, _IOLBF, 0);
  atexit(say_where);
  pmt_soak_begin(&soak);
  void* const keep = dlopen(soak.object[0], RTLD_NOW); /* stay in memory, so that their code pages do */
  void* const keep_too = dlopen(soak.object[1], RTLD_NOW);
  CHECK(keep && keep_too);
  dispatches = pmt_rt_dispatch();
  if (argc > 3) {
    soak.scene = strtoull(argv[3], NULL, 10);
    soak.traces = true;
    play_scene(SCENE_CYCLES);
  }
  for (uint64_t done = 0; argc <= 3 && done < cycles; done += SCENE_CYCLES, ++soak.scene) {
    play_scene(cycles - done < SCENE_CYCLES ? cycles - done : SCENE_CYCLES);
  }
  print_counters();
  CHECK(argc > 2 || cycles < CYCLES || (soak.count.seamless > 5 && soak.count.timed > 10000 && soak.count.swaps > 10));
  dlclose(keep);
  dlclose(keep_too);
  pmt_soak_end(&soak);
  finished = true;
  return 0;
}
