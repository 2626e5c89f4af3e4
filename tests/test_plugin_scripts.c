/* SPDX-License-Identifier: ISC */
/* Every note-on has its note-off: 10,000 short random transports through the real descriptor, with all that hosts do to
   a plugin at once. The host (support/lv2_host.h) checks each cycle's events; here nothing may sound on at the end. */
#include "check.h"

#include "base/random.h"
#include "ports.h"
#include "support/lv2_host.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <math.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SCRIPTS = 1000 };
#else
enum { SCRIPTS = 10000 };
#endif

static char scratch[512], bundle[1024], first[1024], model_b[1024], broken[1024];
static uint64_t script, draw;

/* 0 .. n - 1 */
static uint32_t chance(const uint32_t n) { return (uint32_t)(pmt_random_bits(99, script, draw++) >> 32) % n; }

static PmtPosition random_position(void) {
  static const double beats[] = {-1, 0, 0, 0.25, 1.5, 3.999, 11, 1e9, (double)NAN};
  static const float speeds[] = {1, 1, 1, 1, 1, 1, 0, 0, -1, 0.5f, 2};
  static const float tempos[] = {0, 60, 120, 137, 240, 480, 960, 2000, 1e9f, NAN};
  static const float meters[] = {0, 4, 3, 5, 7, 6, 1, 13, 0.5f, 31, -2};
  static const int units[] = {0, 4, 4, 8, 2, 16, 1, 3};
  return (PmtPosition){.frame = chance(8) ? (int64_t)chance(1000000) - 1000 : PMT_NO_FRAME,
                       .speed = speeds[chance(11)],
                       .bar = (int64_t)chance(50) - 2,
                       .bar_beat = beats[chance(9)],
                       .beats_per_bar = meters[chance(11)],
                       .unit = units[chance(8)],
                       .bpm = tempos[chance(10)]};
}

static void turn_a_knob(PmtHost* const host) {
  static const float values[] = {0, 1, -1, 0.5f, 2, 7, 12, 64, 127, 1e30f, -1e30f, NAN, INFINITY};
  const uint32_t port = PMT_PORT_TEMPERATURE + chance(PMT_PORT_HOLD - PMT_PORT_TEMPERATURE + 1);
  *pmt_host_port(host, port) = values[chance(13)];
}

static void flood(PmtHost* const host, const uint32_t frame) {
  static const uint8_t controllers[] = {64, 123, 121};
  for (unsigned i = 0; i < 48; ++i) {
    const uint8_t bytes[] = {(uint8_t)(0xb0 + i / 3), controllers[i % 3], 0};
    pmt_host_send_midi(host, frame, bytes, 3);
  }
}

static void set_room(PmtHost* const host) {
  static const uint32_t rooms[] = {0, 7, 8, 16, 40, 64, 88, 112, 200, 65536, 65536};
  const uint32_t which = chance(12);
  if (which < 11) {
    pmt_host_set_out_capacity(host, rooms[which]);
  } else {
    pmt_host_connect(host, PMT_PORT_MIDI_OUT, NULL);
  }
}

static void act(PmtHost* const host, const uint32_t frame) {
  PmtPosition position;
  switch (chance(14)) {
  case 0: turn_a_knob(host); break;
  case 1: *pmt_host_port(host, PMT_PORT_ENABLED) = (float)chance(2); break;
  case 2: *pmt_host_port(host, PMT_PORT_HOLD) = (float)chance(2); break;
  case 3: flood(host, frame); break;
  case 4: set_room(host); break;
  case 5: pmt_host_send_model(host, frame, chance(3) ? chance(2) ? first : model_b : broken); break;
  case 6: pmt_host_work(host); break;
  case 7: pmt_host_deactivate(host); pmt_host_activate(host); break;
  case 8: pmt_host_send_get(host, frame, NULL); break;
  case 9: pmt_host_run(host, 0); break;
  default:
    position = random_position();
    pmt_host_send_position(host, frame, &position, (PmtHostNumbers)chance(PMT_HOST_NUMBERS + 1));
    break;
  }
}

static void play_script(PmtHost* const host) {
  PmtPosition position = random_position();
  position.speed = 1;
  position.bpm = 240 + (float)chance(720);
  pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
  for (uint32_t cycle = 4 + chance(10); cycle; --cycle) {
    const uint32_t n_frames = chance(4) ? 1 + chance(512) : 1 + chance(8192);
    act(host, chance(n_frames));
    pmt_host_run(host, n_frames);
  }
}

/* However the script ended, there is room again now: stop by the transport, by the bypass, or by switching off. */
static void end_script(PmtHost* const host) {
  const PmtPosition stop = {.frame = 0, .speed = 0, .bar_beat = -1};
  pmt_host_set_out_capacity(host, 65536);
  *pmt_host_port(host, PMT_PORT_HOLD) = 0;
  switch (chance(3)) {
  case 0: pmt_host_send_position(host, 0, &stop, PMT_HOST_PLAIN); break;
  case 1: *pmt_host_port(host, PMT_PORT_ENABLED) = 0; break;
  default: pmt_host_deactivate(host); pmt_host_activate(host); break;
  }
  pmt_host_run(host, chance(2) ? 64 : 0);
  pmt_host_run(host, 64);
  CHECKF(!pmt_host_sounding(host), "script %llu: %u notes sound on", (unsigned long long)script, pmt_host_sounding(host));
#define RESET(name, symbol, kind, def, min, max) *pmt_host_port(host, PMT_PORT_##name) = def;
  PMT_PORTS(RESET)
  pmt_host_deactivate(host);
  pmt_host_activate(host);
}

int main(void) {
  static const PmtHostWorker workers[] = {PMT_HOST_POLLED, PMT_HOST_INSIDE, PMT_HOST_NO_WORKER, PMT_HOST_REFUSING};
  pmt_scratch_make(scratch, sizeof scratch);
  snprintf(first, sizeof first, "%s/first.safetensors", scratch);
  snprintf(model_b, sizeof model_b, "%s/model-b.safetensors", scratch);
  snprintf(broken, sizeof broken, "%s/broken.safetensors", scratch);
  CHECK(!pmt_tiny_model_write(first, &(PmtTinyOptions){.seed = 5, .note_bias = 2}, NULL));
  CHECK(!pmt_tiny_model_write(model_b, &(PmtTinyOptions){.seed = 6, .parts = 2, .layers = 1, .note_bias = 3}, NULL));
  pmt_host_copy_bundle(scratch, first, bundle, sizeof bundle);
  uint64_t notes = 0;
  for (size_t w = 0; w < 4; ++w) {
    PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle, .worker = workers[w]});
    CHECK(host);
    pmt_host_activate(host);
    for (uint64_t i = 0; i < SCRIPTS / 4; ++i) {
      script = w * SCRIPTS / 4 + i;
      draw = 0;
      play_script(host);
      end_script(host);
      notes += pmt_host_midi(host)->n_events;
      pmt_midi_list_free(pmt_host_midi(host));
    }
    pmt_host_free(host);
  }
  CHECKF(notes > 10 * SCRIPTS, "%llu", (unsigned long long)notes);
  printf("%d scripts, %llu events, none left over\n", SCRIPTS, (unsigned long long)notes);
  pmt_scratch_remove(scratch);
  return 0;
}
