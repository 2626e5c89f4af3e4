/* SPDX-License-Identifier: ISC */
/* run() never allocates, frees, locks, calls the system, faults a page in, waits, or uses much stack.

   Means, around each run() and nothing else: malloc's family (support/fail_alloc.h) and pthread_mutex_lock are ours (the
   program is linked with -rdynamic, so the plugin's calls come here); the kernel turns every system call into SIGSYS (user dispatch, Linux 5.11,
   x86-64); rusage counts page faults and waits; the stack below is painted. The checker is first shown to see each of
   these done on purpose. Under sanitizers, which do such things themselves, only allocations and the music are checked. */
#include "check.h"

#include "base/random.h"
#include "ports.h"
#include "support/fail_alloc.h"
#include "support/lv2_host.h"
#include "support/tiny_model.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#    define SANITIZED 1
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define SANITIZED 1
#endif

/* The checker ------------------------------------------------------------------------------------------------------- */

enum { STACK_LIMIT = 64 << 10, STACK_PAINTED = 128 << 10, STACK_PAINT = 0xa5, STACK_SKIP = 512 };

/* What happened inside run(), summed over cycles. */
typedef struct {
  uint64_t allocations, locks, system_calls, faults, waits;
  int64_t first_call;  /**< number of the first system call seen, -1 none */
  size_t stack;        /**< most bytes used */
} Trespass;

static _Thread_local Trespass seen = {.first_call = -1};
static _Thread_local volatile bool inside;
static _Thread_local struct rusage usage;
static _Thread_local volatile char selector; /* 0 = system calls pass */
static bool dispatches;

#ifndef SANITIZED
static _Thread_local unsigned char* painted; /* lowest painted byte */

__attribute__((visibility("default"))) int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static int (*real)(pthread_mutex_t*);
  if (!real) {
    *(void**)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
  }
  if (inside) {
    ++seen.locks;
  }
  return real(mutex);
}

/* Everything below the caller's frame becomes paint; what run() wrote over is found by scanning from the far end. */
static __attribute__((noinline)) void paint_stack(void) {
  unsigned char* const here = __builtin_frame_address(0);
  painted = here - STACK_SKIP - STACK_PAINTED;
  for (volatile unsigned char* p = painted; p < here - STACK_SKIP; ++p) {
    *p = STACK_PAINT;
  }
}

static __attribute__((noinline)) size_t measure_stack(void) {
  const unsigned char* const end = painted + STACK_PAINTED;
  const volatile unsigned char* p = painted;
  while (p < end && *p == STACK_PAINT) {
    ++p;
  }
  return (size_t)(end - p) + STACK_SKIP;
}
#else
static void paint_stack(void) {}
static size_t measure_stack(void) { return 0; }
#endif

#if defined(__x86_64__) && !defined(SANITIZED) && defined(PR_SET_SYSCALL_USER_DISPATCH)
#  include <ucontext.h>

/* Count the call, let system calls pass again (the return from here is one), and do it. */
static void on_system_call(int number, siginfo_t* info, void* context) {
  ucontext_t* const c = context;
  greg_t* const r = c->uc_mcontext.gregs;
  (void)number;
  selector = 0;
  ++seen.system_calls;
  if (seen.first_call < 0) {
    seen.first_call = info->si_syscall;
  }
  const long result = syscall(info->si_syscall, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
  r[REG_RAX] = result == -1 ? -errno : result;
}

/* For this thread, from now on. */
static void dispatch_system_calls(void) {
  static _Thread_local char* alternative; /* the handler must not be taken for run()'s stack */
  alternative = malloc(64 << 10);          /* until the end of the test */
  const stack_t stack = {.ss_sp = alternative, .ss_size = 64 << 10};
  const struct sigaction action = {.sa_sigaction = on_system_call, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  CHECK(!sigaltstack(&stack, NULL));
  CHECK(!sigaction(SIGSYS, &action, NULL));
  dispatches = !prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0L, 0L, &selector);
}
#else
static void dispatch_system_calls(void) {}
#endif

static void count_allocation(const char* const function) {
  (void)function;
  ++seen.allocations;
}

static void watch(const bool begin) {
  struct rusage after;
  if (begin) {
    paint_stack();
    getrusage(RUSAGE_THREAD, &usage);
    pmt_alloc_watch(count_allocation);
    inside = true;
    selector = 1;
    return;
  }
  selector = 0;
  inside = false;
  pmt_alloc_watch(NULL);
  getrusage(RUSAGE_THREAD, &after);
  seen.faults += (uint64_t)(after.ru_minflt - usage.ru_minflt) + (uint64_t)(after.ru_majflt - usage.ru_majflt);
  seen.waits += (uint64_t)(after.ru_nvcsw - usage.ru_nvcsw);
  const size_t stack = measure_stack();
  seen.stack = stack > seen.stack ? stack : seen.stack;
}

static Trespass take_seen(void) {
  const Trespass result = seen;
  seen = (Trespass){.first_call = -1};
  return result;
}

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

static Trespass try(void (*const deed)(void)) {
  take_seen();
  deed(); /* code pages in, symbols bound */
  watch(true);
  deed();
  watch(false);
  return take_seen();
}

static void test_checker(void) {
  Trespass t = try(do_nothing);
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
  watch(true);
  do_fault();
  watch(false);
  CHECK(take_seen().faults >= 1);
  munmap(sink, 4096);
#ifndef SANITIZED
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
  Trespass trespass;
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
    pmt_host_run(host, n_frames);
    at += n_frames;
    if (cycle % 100 == 0) {
      usleep(1000); /* let the worker come in */
    }
  }
}

static void* audio_thread(void* const data) {
  Session* const session = data;
  dispatch_system_calls();
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .worker = session->worker});
  CHECK(host);
  pmt_host_activate(host);
  pmt_host_watch(host, watch);
  take_seen();
  const unsigned mode = float_mode();
  play_cycles(host, session);
  session->restored_mode = float_mode() == mode;
  session->trespass = take_seen();
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

static void print(const Trespass* const t) {
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
#ifdef SANITIZED
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
  pmt_host_make_scratch(scratch, sizeof scratch);
  snprintf(first, sizeof first, "%s/first.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(first, &(PmtTinyOptions){.seed = 1, .note_bias = 2}, NULL));
  for (unsigned i = 0; i < 2; ++i) {
    snprintf(model[i], sizeof model[i], "%s/model-%u.safetensors", scratch, i);
    CHECK(!pmt_tiny_model_write(model[i], &(PmtTinyOptions){.seed = 2 + i, .layers = 1 + i, .note_bias = 2}, NULL));
  }
  pmt_host_copy_bundle(scratch, first, bundle, sizeof bundle);
  void* const keep = dlopen(NULL, RTLD_NOW);
  char object[1100];
  snprintf(object, sizeof object, "%s/partimento.so", bundle);
  void* const plugin = dlopen(object, RTLD_NOW); /* stays in memory, so that its code pages do */
  CHECK(keep && plugin);

  dispatch_system_calls();
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
  pmt_host_remove_scratch(scratch);
  return 0;
}
