/* SPDX-License-Identifier: ISC */
/* run() never allocates, frees, locks, calls the system, faults a page in, waits, or uses much stack. support/rt_watch.h
   says how that is seen; here it is first shown to see each of these done on purpose. Under sanitizers only allocations
   and the music are checked. */
#include "check.h"

#include "base/random.h"
#include "ports.h"
#include "support/lv2_host.h"
#include "support/rt_watch.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STACK_LIMIT = 64 << 10 };

static bool dispatches;

/* The checker sees what it should see -------------------------------------------------------------------------------- */

static void* volatile sink;

static void do_nothing(void) {}
static void do_malloc(void) {
  static void* last;
  sink = last;
  last = malloc(24);
}
static void do_free(void) {
  free(sink);
  sink = NULL;
}
static void do_lock(void) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
}
static void do_system_call(void) { CHECK(syscall(SYS_getpid) > 1); }
static void do_sleep(void) { usleep(1000); }
static void do_fault(void) { ((volatile char*)sink)[0] = 1; }
static __attribute__((noinline)) void do_stack(void) {
  volatile char big[70000];
  for (size_t i = 0; i < sizeof big; i += 256) {
    big[i] = 1;
  }
}

static PmtTrespass try(void (*const deed)(void)) {
  pmt_rt_take();
  deed(); /* code pages in, symbols bound */
  pmt_rt_watch(true);
  deed();
  pmt_rt_watch(false);
  return pmt_rt_take();
}

static void test_checker(void) {
  PmtTrespass t = try(do_nothing);
  CHECK(!t.allocations && !t.locks && !t.system_calls && !t.waits && t.stack < 4096);
  CHECK(try(do_malloc).allocations == 1);
  CHECK(try(do_free).allocations == 1);
  CHECK(try(do_sleep).waits >= 1);
  if (dispatches) {
    t = try(do_system_call);
    CHECK(t.system_calls == 1 && t.first_call == SYS_getpid);
  }
  sink = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(sink != MAP_FAILED);
  pmt_rt_watch(true);
  do_fault();
  pmt_rt_watch(false);
  CHECK(pmt_rt_take().faults >= 1);
  munmap(sink, 4096);
#ifndef PMT_SANITIZED
  CHECK(try(do_lock).locks == 1);
  int (*found)(pthread_mutex_t*) = NULL; /* what the plugin's calls are bound to */
  *(void**)&found = dlsym(RTLD_DEFAULT, "pthread_mutex_lock");
  CHECK(found == pthread_mutex_lock);
  CHECK(try(do_stack).stack > STACK_LIMIT);
#else
  (void)do_lock, (void)do_stack;
#endif
}

/* The audio thread --------------------------------------------------------------------------------------------------- */

enum { CYCLES = 2500, JUMP = 311, SWAP = 97 };

static char scratch[512], bundle[1024], model[2][1024];

typedef struct {
  PmtHostWorker worker;
  bool swaps;
  PmtTrespass trespass;
  PmtMidiList midi;
  uint32_t loads;
  bool restored_mode; /**< the host's floating point mode came back */
} Session;

static unsigned float_mode(void) {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr() & 0xffc0u;
#else
  return 0;
#endif
}

/* As Ardour: a position each cycle, rounded to 1/1920 beat. */
static void send_position(PmtHost* const host, const int64_t frame, const float bpm) {
  const double beats = round((double)frame / 48000.0 * (double)bpm / 60.0 * 1920.0) / 1920.0;
  const double bar = floor(beats / 4.0);
  const PmtPosition position = {.frame = frame, .speed = 1, .bar = (int64_t)bar, .bar_beat = beats - 4.0 * bar,
                                .beats_per_bar = 4, .unit = 4, .bpm = bpm};
  pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
}

static void turn_knobs(PmtHost* const host, const uint64_t cycle) {
  *pmt_host_port(host, PMT_PORT_TEMPERATURE) = 2.0f * pmt_random_unit(1, cycle, 0);
  *pmt_host_port(host, PMT_PORT_BLEND) = pmt_random_unit(1, cycle, 1);
  *pmt_host_port(host, PMT_PORT_DENSITY) = 2.0f * pmt_random_unit(1, cycle, 2) - 1.0f;
  *pmt_host_port(host, PMT_PORT_SCALE_MODE) = floorf(13.0f * pmt_random_unit(1, cycle / 50, 3));
  *pmt_host_port(host, PMT_PORT_STRICTNESS) = pmt_random_unit(1, cycle, 4);
  *pmt_host_port(host, PMT_PORT_CHANNEL) = 1.0f + floorf(16.0f * pmt_random_unit(1, cycle / 200, 5));
  *pmt_host_port(host, PMT_PORT_ENABLED) = cycle % 500 < 490;
  *pmt_host_port(host, PMT_PORT_HOLD) = cycle % 400 > 380;
}

/* Somebody who changes what they want of us now and then, with ten fingers and a foot. */
static void play_along(PmtHost* const host, const uint64_t cycle) {
  const uint8_t pitch = (uint8_t)(48.0f + 36.0f * pmt_random_unit(3, cycle, 0));
  const uint8_t pedal = cycle % 80 < 40 ? 127 : 0;
  *pmt_host_port(host, PMT_PORT_MODE) = (float)(cycle / 120 % 4);
  *pmt_host_port(host, PMT_PORT_YOU_PLAY) = (float)(cycle / 90 % 6);
  *pmt_host_port(host, PMT_PORT_ROOM) = (float)(cycle / 70 % 3);
  *pmt_host_port(host, PMT_PORT_WAIT) = (float)(cycle / 110 % 3) * 15.0f;
  *pmt_host_port(host, PMT_PORT_TURN) = (float)(cycle / 130 % 3);
  *pmt_host_port(host, PMT_PORT_LEARN) = cycle % 60 == 50;
  pmt_host_send_midi(host, 0, (const uint8_t[]){0x90, pitch, cycle % 3 ? 100 : 0}, 3);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xb0, 64, pedal}, 3);
  pmt_host_send_midi(host, 0, (const uint8_t[]){0xe0, 0, (uint8_t)(cycle % 128)}, 3);
}

static void play_cycles(PmtHost* const host, Session* const session) {
  int64_t at = 0;
  for (uint64_t cycle = 0; cycle < CYCLES; ++cycle) {
    const uint32_t n_frames = 32 + (uint32_t)(480.0f * pmt_random_unit(2, cycle, 0));
    at = cycle % JUMP ? at : (int64_t)(1e6f * pmt_random_unit(2, cycle, 1));
    send_position(host, at, cycle < CYCLES / 2 ? 137.0f : 240.0f);
    if (session->swaps && cycle % SWAP == 5) {
      pmt_host_send_model(host, n_frames / 2, model[cycle / SWAP % 2]);
      pmt_host_send_get(host, n_frames / 2, NULL);
    }
    turn_knobs(host, cycle);
    play_along(host, cycle);
    pmt_host_run(host, n_frames);
    at += n_frames;
    if (cycle % 100 == 0) {
      usleep(1000); /* let the worker come in */
    }
  }
}

static void* audio_thread(void* const data) {
  Session* const session = data;
  pmt_rt_dispatch();
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .worker = session->worker});
  CHECK(host);
  pmt_host_activate(host);
  pmt_host_watch(host, pmt_rt_watch);
  pmt_rt_take();
  const unsigned mode = float_mode();
  play_cycles(host, session);
  session->restored_mode = float_mode() == mode;
  session->trespass = pmt_rt_take();
  session->loads = pmt_host_messages(host);
  session->midi = *pmt_host_midi(host);
  *pmt_host_midi(host) = (PmtMidiList){0};
  pmt_host_watch(host, NULL);
  pmt_host_free(host);
  return NULL;
}

static pthread_t start(Session* const session) {
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK(!pthread_attr_init(&attributes));
  CHECK(!pthread_attr_setstacksize(&attributes, 512 << 10)); /* as every host's */
  CHECK(!pthread_create(&thread, &attributes, audio_thread, session));
  pthread_attr_destroy(&attributes);
  return thread;
}

static void print(const PmtTrespass* const t) {
  printf("%d cycles: %llu allocations, %llu locks, %llu system calls (first %lld), %llu page faults, %llu waits, "
         "%zu bytes of stack\n",
         CYCLES, (unsigned long long)t->allocations, (unsigned long long)t->locks, (unsigned long long)t->system_calls,
         (long long)t->first_call, (unsigned long long)t->faults, (unsigned long long)t->waits, t->stack);
}

/* Page faults can be the machine's doing (memory given back under pressure): ours would come every time. */
static void test_session(void) {
  Session session;
  for (int attempt = 0; attempt < 3; ++attempt) {
    session = (Session){.worker = PMT_HOST_THREAD, .swaps = true};
    pthread_join(start(&session), NULL);
    const size_t n_events = session.midi.n_events;
    pmt_midi_list_free(&session.midi);
    print(&session.trespass);
    CHECK(n_events > 200 && session.loads > 20 && session.restored_mode);
    CHECK(!session.trespass.allocations);
    CHECK(!session.trespass.locks);
    CHECK(!session.trespass.system_calls);
    CHECK(session.trespass.stack < STACK_LIMIT);
#ifdef PMT_SANITIZED
    return; /* its shadow memory is paged in when it likes */
#endif
    if (!session.trespass.faults && !session.trespass.waits) {
      return;
    }
  }
  CHECKF(false, "page faults or waits in each of three attempts");
}

/* Two instances side by side play what one alone plays: nothing is shared. */
static void test_two_threads(void) {
  Session alone = {.worker = PMT_HOST_NO_WORKER}, pair[2] = {alone, alone};
  pthread_join(start(&alone), NULL);
  pthread_t first = start(&pair[0]), second = start(&pair[1]);
  pthread_join(first, NULL);
  pthread_join(second, NULL);
  CHECK(alone.midi.n_events > 200);
  for (int i = 0; i < 2; ++i) {
    CHECK(pair[i].midi.n_events == alone.midi.n_events);
    for (size_t j = 0; j < alone.midi.n_events; ++j) {
      const PmtTimedMidi *a = &alone.midi.events[j], *b = &pair[i].midi.events[j];
      CHECK(a->frame == b->frame && a->size == b->size && !memcmp(a->bytes, b->bytes, a->size));
    }
    pmt_midi_list_free(&pair[i].midi);
  }
  pmt_midi_list_free(&alone.midi);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  char first[1024];
  pmt_scratch_make(scratch, sizeof scratch);
  snprintf(first, sizeof first, "%s/first.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(first, &(PmtTinyOptions){.seed = 1, .note_bias = 2, .listens = true}, NULL));
  for (unsigned i = 0; i < 2; ++i) {
    snprintf(model[i], sizeof model[i], "%s/model-%u.safetensors", scratch, i);
    const PmtTinyOptions options = {.seed = 2 + i, .arch = i ? "tf" : "lstm", .layers = 1 + i, .note_bias = 2, .listens = i};
    CHECK(!pmt_tiny_model_write(model[i], &options, NULL));
  }
  pmt_host_copy_bundle(scratch, first, bundle, sizeof bundle);
  void* const keep = dlopen(NULL, RTLD_NOW);
  char object[1100];
  snprintf(object, sizeof object, "%s/partimento.so", bundle);
  void* const plugin = dlopen(object, RTLD_NOW); /* stays in memory, so that its code pages do */
  CHECK(keep && plugin);

  dispatches = pmt_rt_dispatch();
  if (!dispatches) {
    puts("SKIP system calls: the kernel (or valgrind, or a sanitizer) does not turn them into signals");
  }
  test_checker();
  Session warm = {.worker = PMT_HOST_THREAD, .swaps = true}; /* every path once: code pages in */
  pthread_join(start(&warm), NULL);
  pmt_midi_list_free(&warm.midi);
  test_session();
  test_two_threads();
  dlclose(plugin);
  dlclose(keep);
  pmt_scratch_remove(scratch);
  return 0;
}
