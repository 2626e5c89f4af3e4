/* SPDX-License-Identifier: ISC */
/* The plugin in company, through its entry points: each mode with a player who plays, and with one who does what nobody
   should. The same notes at every block size, none that hangs, no slot lost, nothing in run() that an audio thread must
   not do. */
#include "check.h"

#include "base/random.h"
#include "ports.h"
#include "support/duet.h"
#include "support/lv2_host.h"
#include "support/rt_watch.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { END = LEAD + 7 * BAR, STACK_LIMIT = 64 << 10, CYCLE_MAX = 2048 };

static char scratch[512], bundle[1024];

/* ---- The player -------------------------------------------------------------------------------------------------- */

enum { KINDS = 1 + PMT_DUET_BAD_KINDS };

/** A tune, with pauses, the pedal, a wheel; the host loops, stops, starts. */
static void play_well(void) {
  for (uint64_t slot = 0; slot < 40; ++slot) {
    if (slot % 16 < 11) {
      pmt_duet_press(LEAD + slot * SLOT - 300 + 37 * slot, SLOT / 2, (uint8_t)(60 + slot * 5 % 17),
                     (uint8_t)(40 + slot));
    }
  }
  pmt_script_add(pmt_script_midi(LEAD + 2 * BAR, 0xb0, 64, 127));
  pmt_script_add(pmt_script_midi(LEAD + 2 * BAR + 5 * SLOT, 0xb0, 64, 0));
  pmt_script_add(pmt_script_midi(LEAD + 3 * BAR, 0xe0, 0, 70));
  pmt_script_say(LEAD + 4 * BAR + 100, 2 * BAR, 1.0f);
  pmt_script_say(LEAD + 5 * BAR, 3 * BAR - 100, 0.0f);
  pmt_script_say(LEAD + 5 * BAR + SLOT, 3 * BAR - 100, 1.0f);
}

static void play_kind(const uint32_t kind) {
  pmt_script.n = 0; /* (controls are ports here) */
  pmt_script_say(0, 0, 0.0f);
  pmt_script_say(LEAD, 0, 1.0f);
  if (kind == 0) {
    play_well();
  } else {
    pmt_duet_mistreat(kind - 1);
  }
  pmt_script_sort();
}

/* ---- The host ---------------------------------------------------------------------------------------------------- */

/** Those of pmt_duet_manner() that are tried through the ports: each mode, and what waits or takes turns otherwise.
    Here the player's notes are passed on. */
static const uint32_t manners[] = {0, 1, 2, 3, BY_SILENCE, 6};

static PmtHost* begin(const uint32_t manner) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .worker = PMT_HOST_NO_WORKER});
  CHECK(host);
  const PmtControls c = pmt_duet_manner(manners[manner]);
  *pmt_host_port(host, PMT_PORT_MODE) = c.mode;
  *pmt_host_port(host, PMT_PORT_WAIT) = c.wait;
  *pmt_host_port(host, PMT_PORT_TURN) = c.turn;
  pmt_host_activate(host);
  return host;
}

/** Play the script in cycles of `block` frames, 0 = of random sizes. */
static void run(PmtHost* const host, const uint32_t block) {
  size_t next = 0;
  for (uint64_t at = 0, i = 0; at < END; ++i) {
    const uint64_t wanted = block ? block : 1 + pmt_random_bits(5, 1, i) % CYCLE_MAX;
    const uint64_t n_frames = END - at < wanted ? END - at : wanted;
    for (; next < pmt_script.n && pmt_script.event[next].frame < at + n_frames; ++next) {
      const PmtScriptEvent* const e = &pmt_script.event[next];
      if (e->kind == PMT_SCRIPT_POSITION) {
        pmt_host_send_position(host, (uint32_t)(e->frame - at), &e->position, PMT_HOST_PLAIN);
      } else {
        pmt_host_send_midi(host, (uint32_t)(e->frame - at), e->bytes, e->size);
      }
    }
    pmt_host_run(host, (uint32_t)n_frames);
    at += n_frames;
  }
}

/** Switched off, with Thru too, all ends: nothing hangs. */
static void check_ends(PmtHost* const host) {
  *pmt_host_port(host, PMT_PORT_ENABLED) = 0.0f;
  *pmt_host_port(host, PMT_PORT_THRU) = 0.0f;
  for (uint32_t i = 0; i < 200 && (i < 2 || pmt_host_sounding(host)); ++i) {
    pmt_host_run(host, 64);
  }
  CHECKF(pmt_host_sounding(host) == 0, "%u notes sound on", pmt_host_sounding(host));
  CHECKF(!pmt_script_pedals(pmt_host_midi(host)), "the pedals of channels %x are down",
         pmt_script_pedals(pmt_host_midi(host)));
}

static void test_same(void) {
#ifdef __SANITIZE_ADDRESS__
  static const uint32_t blocks[] = {1024, 64}; /* ten times slower, and the plain build compares the others */
#else
  static const uint32_t blocks[] = {1024, 64, 0, 7};
#endif
  for (uint32_t kind = 0; kind < KINDS; ++kind) {
    play_kind(kind);
    for (uint32_t manner = 0; manner < COUNT(manners); ++manner) {
      PmtMidiList first = {0};
      for (size_t i = 0; i < COUNT(blocks) - (kind > 0); ++i) { /* the small ones take their time */
        PmtHost* const host = begin(manner);
        run(host, blocks[i]);
        CHECK(*pmt_host_control(host, "late_slots") == 0.0f);
        PmtMidiList list = *pmt_host_midi(host);
        if (i == 0) {
          first = list;
          CHECK(first.n_events > 20);
          *pmt_host_midi(host) = (PmtMidiList){0};
        } else {
          CHECKF(pmt_script_same(&first, &list), "kind %u, manner %u: blocks of %u sound different", kind, manner,
                 blocks[i]);
          check_ends(host);
        }
        pmt_host_free(host);
      }
      pmt_midi_list_free(&first);
    }
  }
}

/** Room for a few messages a cycle: some notes are lost, no end is. */
static void test_little_room(void) {
  for (uint32_t kind = 0; kind < KINDS; ++kind) {
    play_kind(kind);
    for (uint32_t manner = 0; manner < COUNT(manners); ++manner) {
      PmtHost* const host = begin(manner);
      pmt_host_set_out_capacity(host, 128);
      run(host, 256);
      check_ends(host);
      pmt_host_free(host);
    }
  }
}

/** Deactivated with keys down, activated again: what was passed on has ended with the first cycle. */
static void test_deactivated(void) {
  for (uint32_t manner = 0; manner < COUNT(manners); ++manner) {
    PmtHost* const host = begin(manner);
    const uint8_t on[3] = {0x90, 64, 90}, pedal[3] = {0xb0, 64, 127};
    pmt_host_send_midi(host, 0, on, 3);
    pmt_host_send_midi(host, 1, pedal, 3);
    pmt_host_run(host, 64);
    CHECK(pmt_host_sounding(host) == 1);
    pmt_host_deactivate(host);
    pmt_host_activate(host);
    pmt_host_run(host, 64);
    CHECKF(pmt_host_sounding(host) == 0, "manner %u", manner);
    check_ends(host);
    pmt_host_free(host);
  }
}

/* ---- The audio thread -------------------------------------------------------------------------------------------- */

static PmtTrespass trespass;

static void* audio_thread(void* const data) {
  (void)data;
  pmt_rt_dispatch();
  for (uint32_t manner = 0; manner < COUNT(manners); ++manner) {
    PmtHost* const host = begin(manner);
    pmt_host_watch(host, pmt_rt_watch);
    run(host, 480);
    pmt_host_watch(host, NULL);
    pmt_host_free(host);
  }
  trespass = pmt_rt_take();
  return NULL;
}

static void watch(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK(!pthread_attr_init(&attributes));
  CHECK(!pthread_attr_setstacksize(&attributes, 512 << 10));
  CHECK(!pthread_create(&thread, &attributes, audio_thread, NULL));
  pthread_attr_destroy(&attributes);
  pthread_join(thread, NULL);
}

/* Page faults can be the machine's doing: ours would come every time. */
static void test_rt(void) {
  for (uint32_t kind = 0; kind < KINDS; ++kind) {
    play_kind(kind);
    for (int attempt = 0;; ++attempt) {
      watch();
      CHECKF(!trespass.allocations && !trespass.locks && !trespass.system_calls,
             "kind %u: %d allocations, %d locks, %d calls", kind, (int)trespass.allocations, (int)trespass.locks,
             (int)trespass.system_calls);
      CHECKF(trespass.stack < STACK_LIMIT, "%zu bytes of stack", trespass.stack);
#ifdef PMT_SANITIZED
      break;
#endif
      if (attempt && !trespass.faults && !trespass.waits) { /* the first pages the code in */
        break;
      }
      CHECKF(attempt < 5, "kind %u: page faults or waits in each attempt", kind);
    }
  }
}

int main(void) {
  char model[1024];
  pmt_scratch_make(scratch, sizeof scratch);
  snprintf(model, sizeof model, "%s/first.safetensors", scratch);
  const PmtTinyOptions options = {.seed = 1, .note_bias = 3.0f, .slot_bias = -2.0f, .listens = true};
  CHECK(!pmt_tiny_model_write(model, &options, NULL));
  pmt_host_copy_bundle(scratch, model, bundle, sizeof bundle);
  char object[1100];
  snprintf(object, sizeof object, "%s/partimento.so", bundle);
  void* const plugin = dlopen(object, RTLD_NOW); /* stays in memory, so that its code pages do */
  CHECK(plugin);
  test_same();
  test_little_room();
  test_deactivated();
  test_rt();
  dlclose(plugin);
  pmt_scratch_remove(scratch);
  return 0;
}
