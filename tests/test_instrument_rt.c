/* SPDX-License-Identifier: ISC */
/* The instrument's run() never allocates, frees, locks, calls the system, faults a page in, waits, or uses much stack:
   the same proof as tests/test_rt.c's, which also shows that the checker sees each of these, with what only the
   instrument has: sound, programs, volume and pan, panic, and other SoundFonts while it plays. */
#include "check.h"

#include "base/random.h"
#include "ports.h"
#include "support/lv2_host.h"
#include "support/rt_watch.h"
#include "support/scratch.h"
#include "support/tiny_model.h"
#include "support/tiny_soundfont.h"
#include "uris.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { CYCLES = 2500, JUMP = 311, SWAP = 397, STACK_LIMIT = 64 << 10 };

static char scratch[512], bundle[1024], soundfont[2][1024];

typedef struct {
  PmtTrespass trespass;
  size_t n_events;
  float peak;
} Session;

static void turn_knobs(PmtHost* const host, const uint64_t cycle) {
  *pmt_host_port(host, PMT_PORT_STYLE) = (float)(cycle / 150 % 2);
  *pmt_host_port(host, PMT_PORT_CHANNEL) = 1.0f + floorf(16.0f * pmt_random_unit(1, cycle / 200, 5));
  *pmt_host_port(host, PMT_PORT_ENABLED) = cycle % 500 < 460;
  *pmt_host_port(host, PMT_PORT_PANIC) = cycle % 170 == 60;
  *pmt_host_port(host, PMT_PORT_VOLUME) = -20.0f * pmt_random_unit(1, cycle, 6);
  *pmt_host_port(host, PMT_PORT_PAN) = 2.0f * pmt_random_unit(1, cycle, 7) - 1.0f;
}

/* All that a player may send to the synth, what it does not take included. */
static void play_along(PmtHost* const host, const uint64_t cycle) {
  static const uint8_t numbers[] = {0, 1, 6, 7, 10, 11, 32, 38, 64, 65, 66, 67, 84, 98, 99, 100, 101};
  const uint8_t channel = cycle % 7 ? 0 : 12, value = (uint8_t)(127.0f * pmt_random_unit(3, cycle, 0));
  const uint8_t pitch = (uint8_t)(48.0f + 36.0f * pmt_random_unit(3, cycle, 1));
  pmt_host_send_midi(host, 0, (const uint8_t[]){0x90 | channel, pitch, cycle % 3 ? 100 : 0}, 3);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xb0 | channel, numbers[cycle % sizeof numbers], value}, 3);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xe0 | channel, value, value}, 3);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xa0 | channel, pitch, value}, 3);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xc0 | channel, value}, 2);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xd0 | channel, value}, 2);
}

static void play_cycles(PmtHost* const host, Session* const session) {
  int64_t at = 0;
  for (uint64_t cycle = 0; cycle < CYCLES; ++cycle) {
    const uint32_t n_frames = 32 + (uint32_t)(480.0f * pmt_random_unit(2, cycle, 0));
    at = cycle % JUMP ? at : (int64_t)(1e6f * pmt_random_unit(2, cycle, 1));
    const double beats = (double)at / 48000.0 * 150.0 / 60.0, bar = floor(beats / 4.0);
    const PmtPosition position = {.frame = at, .speed = 1, .bar = (int64_t)bar, .bar_beat = beats - 4.0 * bar,
                                  .beats_per_bar = 4, .unit = 4, .bpm = 150};
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    if (cycle % SWAP == 5) {
      const char* const path = soundfont[cycle / SWAP % 2];
      pmt_host_send_set(host, 0, PMT_PLUGIN_SOUNDFONT_URI, LV2_ATOM__Path, path, (uint32_t)strlen(path) + 1);
      pmt_host_send_get(host, 0, NULL);
    }
    turn_knobs(host, cycle);
    play_along(host, cycle);
    pmt_host_run(host, n_frames);
    for (uint32_t i = 0; i < n_frames; ++i) {
      session->peak = fmaxf(session->peak, fabsf(pmt_host_audio(host, 0)[i]));
    }
    at += n_frames;
    if (cycle % 100 == 0 || cycle % SWAP == 6) {
      usleep(cycle % SWAP == 6 ? 50000 : 1000); /* let the worker come in */
    }
  }
}

static void* audio_thread(void* const data) {
  Session* const session = data;
  pmt_rt_dispatch();
  PmtHost* const host =
      pmt_host_new(&(PmtHostOptions){.bundle = bundle, .uri = PMT_INSTRUMENT_URI, .worker = PMT_HOST_THREAD});
  CHECK(host);
  pmt_host_activate(host);
  pmt_host_watch(host, pmt_rt_watch);
  pmt_rt_take();
  play_cycles(host, session);
  session->trespass = pmt_rt_take();
  session->n_events = pmt_host_midi(host)->n_events;
  CHECKF(strstr(pmt_host_status(host), "sounding with"), "%s", pmt_host_status(host));
  pmt_host_watch(host, NULL);
  pmt_host_free(host);
  return NULL;
}

static Session play(void) {
  Session session = {.peak = 0};
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK(!pthread_attr_init(&attributes));
  CHECK(!pthread_attr_setstacksize(&attributes, 512 << 10)); /* as every host's */
  CHECK(!pthread_create(&thread, &attributes, audio_thread, &session));
  pthread_attr_destroy(&attributes);
  pthread_join(thread, NULL);
  return session;
}

/* Page faults can be the machine's doing (memory given back under pressure): ours would come every time. */
static void test_session(void) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Session s = play();
    const PmtTrespass* const t = &s.trespass;
    printf("%d cycles, %zu events, peak %.2f: %llu allocations, %llu locks, %llu system calls (first %lld), "
           "%llu page faults, %llu waits, %zu bytes of stack\n",
           CYCLES, s.n_events, (double)s.peak, (unsigned long long)t->allocations, (unsigned long long)t->locks,
           (unsigned long long)t->system_calls, (long long)t->first_call, (unsigned long long)t->faults,
           (unsigned long long)t->waits, t->stack);
    CHECK(s.n_events > 200 && s.peak > 0.01f);
    CHECK(!t->allocations && !t->locks && !t->system_calls && t->stack < STACK_LIMIT);
#ifdef PMT_SANITIZED
    return; /* its shadow memory is paged in when it likes */
#endif
    if (!t->faults && !t->waits) {
      return;
    }
  }
  CHECKF(false, "page faults or waits in each of three attempts");
}

int main(void) {
  static const PmtTinySound tones[] = {{0, 0, 48}, {0, 40, 60}, {0, 48, 80}, {128, 0, 30}, {128, 25, 120}};
  char model[1024], object[1100];
  setvbuf(stdout, NULL, _IOLBF, 0);
  pmt_scratch_make(scratch, sizeof scratch);
  snprintf(model, sizeof model, "%s/model.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(model, &(PmtTinyOptions){.seed = 1, .note_bias = 2}, NULL));
  for (int i = 0; i < 2; ++i) {
    snprintf(soundfont[i], sizeof soundfont[i], "%s/tones-%d.sf2", scratch, i);
    pmt_tiny_soundfont_write(soundfont[i], tones, 3 + 2 * (size_t)i);
  }
  const char* const real = "/usr/share/sounds/sf2/TimGM6mb.sf2"; /* a whole General MIDI set, where there is one */
  if (!access(real, R_OK)) {
    snprintf(soundfont[1], sizeof soundfont[1], "%s", real);
  }
  setenv("PARTIMENTO_SOUNDFONT", soundfont[1], 1);
  pmt_host_copy_bundle(scratch, model, bundle, sizeof bundle);
  snprintf(object, sizeof object, "%s/partimento-instrument.so", bundle);
  void* const plugin = dlopen(object, RTLD_NOW); /* stays in memory, so that its code pages do */
  CHECK(plugin);
  if (!pmt_rt_dispatch()) {
    puts("SKIP system calls: the kernel (or valgrind, or a sanitizer) does not turn them into signals");
  }
  play(); /* every path once: code pages in */
  test_session();
  dlclose(plugin);
  pmt_scratch_remove(scratch);
  return 0;
}
