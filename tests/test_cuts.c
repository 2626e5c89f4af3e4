/* SPDX-License-Identifier: ISC */
/* The same script of everything, cut into cycles in another way, gives the same bytes at the same frames. Positions and
   MIDI come within cycles; knobs, models, sessions and activations, which hosts can only change between two, at frames
   where each cutting has a seam.

     test_cuts [SCRIPT]     that one alone */
#include "check.h"

#include "base/random.h"
#include "ports.h"
#include "support/daw.h"
#include "support/lv2_host.h"
#include "support/rt_watch.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <math.h>
#include <string.h>

#ifdef PMT_SANITIZED
enum { SCRIPTS = 4 };
#else
enum { SCRIPTS = 20 };
#endif

enum { END = 48000 * 60, EVENTS_MAX = 20000, DEAF = 12000, WORK_LATER = 20000 };

typedef enum { SAY, CONTROLLER, TURN, MODEL, WORK, RESTORE, SAVE, ACTIVATE } Kind;

typedef struct {
  uint64_t frame;
  Kind kind;
  PmtPosition position;
  uint32_t port;
  float value;
} Event;

static Event event[EVENTS_MAX];
static size_t n_events;
static uint64_t script, draws;
static char scratch[512], bundle[1024], model[2][1024];
static PmtHostState session; /* large */

static uint32_t chance(const uint32_t n) { return (uint32_t)(pmt_random_bits(77, script, draws++) >> 32) % n; }

/* ---- Writing a script -------------------------------------------------------------------------------------------- */

static Event* add(const uint64_t frame, const Kind kind) {
  CHECK(n_events < EVENTS_MAX);
  event[n_events] = (Event){.frame = frame, .kind = kind};
  return &event[n_events++];
}

static void add_position(PmtDaw* const daw, const uint64_t frame) {
  add(frame, SAY)->position = pmt_daw_say(daw, frame);
}

static void add_turn(const uint64_t frame) {
  static const struct { uint32_t port; float values[4]; } knobs[] = {
      {PMT_PORT_LOOP, {0, 1, 1, 0}},        {PMT_PORT_FREEZE, {0, 1, 2, 0}},     {PMT_PORT_RUN, {0, 1, 0, 0}},
      {PMT_PORT_HOLD, {0, 1, 0, 0}},        {PMT_PORT_ENABLED, {1, 0, 1, 1}},    {PMT_PORT_PANIC, {0, 1, 0, 1}},
      {PMT_PORT_CHANNEL, {1, 9, 12, 1}},    {PMT_PORT_TEMPERATURE, {1, 0.5f, 1.5f, NAN}},
      {PMT_PORT_STYLE, {0, 1, 0, 1}},       {PMT_PORT_SEED, {0, 7, 8, 9}},       {PMT_PORT_TEMPO, {90, 120, 180, 300}},
      {PMT_PORT_DENSITY, {0, 0.5f, 0, 1}},  {PMT_PORT_SCALE_MODE, {0, 1, 5, 0}}};
  const uint32_t which = chance(sizeof knobs / sizeof *knobs);
  Event* const e = add(frame, TURN);
  e->port = knobs[which].port;
  e->value = knobs[which].values[chance(4)];
}

/* @return whether it was a jump, a start or a stop */
static bool move(PmtDaw* const daw) {
  switch (chance(6)) {
  case 0: daw->rolling = !daw->rolling; return true;
  case 1: pmt_daw_tempo(daw, 60.0f + (float)chance(200)); return false;
  case 2: pmt_daw_meter(daw, (float)(3 + chance(5)), 4); return false;
  case 3: pmt_daw_locate(daw, (int64_t)chance(3000000)); return true;
  default: pmt_daw_locate(daw, pmt_daw_bar_start(daw, (int64_t)chance(6))); return true;
  }
}

/* One model at a time: which cycle takes in a second one, that waits for the first, depends on how many there are. */
static void change_model(const uint64_t frame, uint64_t* const model_at) {
  if (frame - *model_at < 2 * WORK_LATER) {
    return;
  }
  *model_at = frame;
  if (chance(2)) {
    add(frame, MODEL)->port = chance(2);
  } else {
    add(frame, RESTORE);
  }
}

static void act(const uint64_t frame, uint64_t* const model_at) {
  switch (chance(10)) {
  case 0: case 1: change_model(frame, model_at); break;
  case 2: add(frame, SAVE); break;
  case 3: add(frame, ACTIVATE); break;
  default: add_turn(frame); break;
  }
}

static void write_script(void) {
  PmtDaw daw;
  uint64_t jumped = 0, model_at = 0;
  bool worked = true;
  n_events = draws = 0;
  pmt_daw_init(&daw, 48000.0, script);
  daw.rounding = 1920;
  daw.jitter = 12;
  add(0, SAVE);
  add_position(&daw, 0);
  daw.rolling = true;
  for (uint64_t frame = 24000; frame < END;) {
    if (!worked && frame - model_at >= WORK_LATER) {
      add(frame, WORK);
      worked = true;
    }
    if (!chance(12)) {
      act(frame, &model_at);
      worked = worked && model_at != frame;
      jumped = event[n_events - 1].kind == ACTIVATE ? frame : jumped;
    }
    if (!chance(40) && move(&daw)) {
      jumped = frame;
    }
    add_position(&daw, frame);
    if (!chance(30) && frame - jumped > DEAF) { /* sooner, how long the plugin is deaf depends on the cycle */
      add(frame, CONTROLLER)->port = chance(16);
    }
    const uint32_t n = 100 + chance(4000);
    pmt_daw_pass(&daw, n);
    frame += n;
  }
}

/* ---- Playing it -------------------------------------------------------------------------------------------------- */

static bool needs_a_seam(const Event* const e) { return e->kind != SAY && e->kind != CONTROLLER; }

static void happen(PmtHost* const host, const Event* const e, const uint32_t frame) {
  static const PmtHostPaths paths = {true, true, true};
  switch (e->kind) {
  case SAY: pmt_host_send_position(host, frame, &e->position, PMT_HOST_PLAIN); break;
  case CONTROLLER: pmt_host_send_midi(host, frame, (const uint8_t[]){(uint8_t)(0xb0 | e->port), 123, 0}, 3); break;
  case TURN: *pmt_host_port(host, e->port) = e->value; break;
  case MODEL: pmt_host_send_model(host, frame, model[e->port]); break;
  case WORK: pmt_host_work(host); break;
  case SAVE: pmt_host_save(host, &session, paths); break;
  case RESTORE: pmt_host_restore(host, &session, paths); break;
  case ACTIVATE:
    pmt_host_deactivate(host);
    pmt_host_activate(host);
    break;
  }
}

/* Frames up to the next event that a cycle may not span. */
static uint64_t seam_after(const size_t next) {
  size_t i = next;
  while (i < n_events && !needs_a_seam(&event[i])) {
    ++i;
  }
  return i < n_events ? event[i].frame : END;
}

/* @param block 0 = random, and empty ones among them */
static PmtMidiList play(const uint32_t block) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .worker = PMT_HOST_POLLED});
  CHECK(host);
  pmt_host_activate(host);
  for (size_t next = 0; pmt_host_frame(host) < END;) {
    const uint64_t now = pmt_host_frame(host);
    while (next < n_events && event[next].frame == now) {
      happen(host, &event[next++], 0);
    }
    const uint64_t seam = seam_after(next), wanted = block ? block : chance(5) ? chance(3000) : 0;
    const uint32_t n = (uint32_t)(seam - now < wanted ? seam - now : wanted);
    for (; next < n_events && event[next].frame < now + n; ++next) {
      happen(host, &event[next], (uint32_t)(event[next].frame - now));
    }
    pmt_host_run(host, n);
  }
  const PmtMidiList list = *pmt_host_midi(host);
  *pmt_host_midi(host) = (PmtMidiList){0};
  pmt_host_free(host);
  return list;
}

static void check_same(const PmtMidiList* const a, const PmtMidiList* const b, const uint32_t block) {
  for (size_t i = 0; i < a->n_events && i < b->n_events; ++i) {
    const PmtTimedMidi *x = &a->events[i], *y = &b->events[i];
    CHECKF(x->frame == y->frame && x->size == y->size && !memcmp(x->bytes, y->bytes, x->size),
           "script %llu in cycles of %u: event %zu is %02x %u at %llu, not %02x %u at %llu", (unsigned long long)script,
           block, i, y->bytes[0], y->bytes[1], (unsigned long long)y->frame, x->bytes[0], x->bytes[1],
           (unsigned long long)x->frame);
  }
  CHECKF(a->n_events == b->n_events, "script %llu in cycles of %u: %zu events, not %zu", (unsigned long long)script,
         block, b->n_events, a->n_events);
}

int main(const int argc, char** const argv) {
  static const uint32_t blocks[] = {16, 64, 441, 1024, 0};
  uint64_t bytes = 0;
  pmt_scratch_make(scratch, sizeof scratch);
  for (unsigned i = 0; i < 2; ++i) {
    snprintf(model[i], sizeof model[i], "%s/model-%u.safetensors", scratch, i);
    CHECK(!pmt_tiny_model_write(model[i], &(PmtTinyOptions){.seed = 3 + i, .d = 8, .h = 16, .note_bias = 1.5f}, NULL));
  }
  pmt_host_copy_bundle(scratch, model[0], bundle, sizeof bundle);
  const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, end = argc > 1 ? first + 1 : SCRIPTS;
  for (script = first; script < end; ++script) {
    write_script();
    PmtMidiList whole = play(8192);
    bytes += 3 * whole.n_events;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) {
      PmtMidiList cut = play(blocks[i]);
      check_same(&whole, &cut, blocks[i]);
      pmt_midi_list_free(&cut);
    }
    pmt_midi_list_free(&whole);
  }
  printf("%llu scripts of %d s, in cycles of 8192, 16, 64, 441, 1024 and any size: the same %llu bytes\n",
         (unsigned long long)(end - first), END / 48000, (unsigned long long)bytes);
  CHECK(argc > 1 || bytes > 10000);
  pmt_scratch_remove(scratch);
  return 0;
}
