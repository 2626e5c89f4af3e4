/* SPDX-License-Identifier: ISC */
/* What the host of soak_host.h does beside rolling. */
#include "support/soak_host.h"

#include "check.h"
#include "ports.h"
#include "uris.h"

#include <lv2/atom/atom.h>
#include <math.h>
#include <string.h>

static PmtHostState saved;
static uint64_t saved_in; /* the scene, + 1 */

static float* port(PmtSoak* const s, const PmtPortIndex index) { return pmt_host_port(s->host, index); }

void pmt_soak_reset_ports(PmtSoak* const s) {
#define RESET(name, symbol, kind, def, min, max) *port(s, PMT_PORT_##name) = def;
  PMT_PORTS(RESET)
#undef RESET
}

/* ---- Ports ------------------------------------------------------------------------------------------------------- */

static void turn_sound(PmtSoak* const s) {
  *pmt_host_port(s->host, PMT_PORT_VOLUME) = pmt_soak_one_in(s, 8) ? NAN : (float)pmt_soak_chance(s, 70) - 62.0f;
  *pmt_host_port(s->host, PMT_PORT_PAN) = (float)pmt_soak_chance(s, 21) / 10.0f - 1.0f;
}

static void turn_knob(PmtSoak* const s) {
  static const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 1e-42f, -1, 1e9f};
#define RANGE(name, symbol, kind, def, min, max) {min, max},
  static const float range[][2] = {PMT_PORTS(RANGE)};
#undef RANGE
  static const PmtPortIndex knobs[] = {
      PMT_PORT_TEMPERATURE, PMT_PORT_STYLE,      PMT_PORT_STYLE2,     PMT_PORT_BLEND,      PMT_PORT_DENSITY,
      PMT_PORT_MIN_P,       PMT_PORT_SEED,       PMT_PORT_REGISTER_LOW, PMT_PORT_REGISTER_HIGH, PMT_PORT_SCALE_ROOT,
      PMT_PORT_SCALE_MODE,  PMT_PORT_STRICTNESS, PMT_PORT_VELOCITY,   PMT_PORT_CHANNEL,    PMT_PORT_TEMPO,
      PMT_PORT_CAPTURE_BARS, PMT_PORT_HOLD,      PMT_PORT_LOOP,       PMT_PORT_MODE,       PMT_PORT_YOU_PLAY,
      PMT_PORT_WAIT,        PMT_PORT_TURN,       PMT_PORT_GIVE_WAY,   PMT_PORT_FOLLOW,     PMT_PORT_ROOM,
      PMT_PORT_REST,        PMT_PORT_COUNT_IN,   PMT_PORT_THRU,       PMT_PORT_LEARN_BARS};
  const PmtPortIndex which = knobs[pmt_soak_chance(s, sizeof knobs / sizeof *knobs)];
  const float share = (float)pmt_soak_chance(s, 1001) / 1000.0f;
  *port(s, which) = pmt_soak_one_in(s, 8) ? odd[pmt_soak_chance(s, sizeof odd / sizeof *odd)]
                                          : range[which][0] + share * (range[which][1] - range[which][0]);
  if (s->sounds && pmt_soak_one_in(s, 3)) {
    turn_sound(s);
  }
  ++s->count.knobs;
}

static void freeze(PmtSoak* const s) {
  static const float bars[] = {0, 0, 1, 2, 4, 8, 3, NAN};
  *port(s, PMT_PORT_FREEZE) = bars[pmt_soak_chance(s, 8)];
  ++s->count.freezes;
}

static void press(PmtSoak* const s) {
  float* const panic = port(s, PMT_PORT_PANIC);
  *panic = *panic > 0.0f ? 0.0f : 1.0f;
  s->pressed |= *panic > 0.0f;
  s->count.panics += *panic > 0.0f;
}

static void capture(PmtSoak* const s, const uint32_t frame) {
  float* const button = port(s, PMT_PORT_CAPTURE);
  if (pmt_soak_one_in(s, 2)) {
    pmt_host_send_set(s->host, frame, PMT_PLUGIN_CAPTURES_URI, LV2_ATOM__Path, s->captures,
                      (uint32_t)strlen(s->captures) + 1);
  }
  *button = *button > 0.0f ? 0.0f : 1.0f;
  s->count.presses += *button > 0.0f;
}

/* ---- MIDI in ----------------------------------------------------------------------------------------------------- */

void pmt_soak_flood(PmtSoak* const s, const uint32_t frame) {
  static const uint8_t controllers[] = {64, 123, 121};
  for (unsigned i = 0; i < 48; ++i) {
    pmt_host_send_midi(s->host, frame, (const uint8_t[]){(uint8_t)(0xb0 + i / 3), controllers[i % 3], 0}, 3);
  }
  ++s->count.floods;
}

static void send3(PmtSoak* const s, const uint32_t frame, const unsigned status, const uint32_t first,
                  const uint32_t second) {
  pmt_host_send_midi(s->host, frame, (const uint8_t[]){(uint8_t)status, (uint8_t)first, (uint8_t)second}, 3);
}

static void strike(PmtSoak* const s, const uint32_t frame, const unsigned channel, const uint32_t pitch) {
  const uint64_t at = pmt_host_frame(s->host) + frame;
  send3(s, frame, 0x90 | channel, pitch, 1 + pmt_soak_chance(s, 127));
  PMT_SOAK_TRACE(s, "%llu: key %u %u", (unsigned long long)at, channel, pitch);
  s->key[channel][pitch] = true;
  if (s->key_at[pitch][0] != at + 1) {
    s->key_at[pitch][1] = s->key_at[pitch][0];
    s->key_at[pitch][0] = at + 1;
  }
  ++s->count.keys;
}

static void let_go(PmtSoak* const s, const uint32_t frame, const unsigned channel, const uint32_t pitch) {
  const bool as_strike = pmt_soak_one_in(s, 2);
  send3(s, frame, (as_strike ? 0x90 : 0x80) | channel, pitch, as_strike ? 0 : pmt_soak_chance(s, 128));
  s->key[channel][pitch] = false;
}

bool pmt_soak_let_go(PmtSoak* const s, const uint32_t frame) {
  uint32_t n = 0;
  for (unsigned i = 0; i < 16 * 128 && n < 500; ++i) { /* what fits into the host's buffer */
    if (s->key[i / 128][i % 128]) {
      let_go(s, frame, i / 128, i % 128);
      ++n;
    }
  }
  return n;
}

static void sweep_keys(PmtSoak* const s, const uint32_t frame, const unsigned channel) { /* an arm, a cat */
  const uint32_t first = pmt_soak_chance(s, 128), n = pmt_soak_one_in(s, 4) ? 128 : 1 + pmt_soak_chance(s, 12);
  for (uint32_t i = 0; i < n; ++i) {
    strike(s, frame, channel, (first + i) % 128);
  }
}

/* Wheels, pedals, programs, banks, tunings, mono. All notes off ends keys that we go on believing in. */
static void control(PmtSoak* const s, const uint32_t frame, const unsigned channel) {
  static const uint8_t numbers[] = {0, 1, 5, 6, 7, 10, 11, 32, 38, 64, 64, 64, 64, 65, 66, 67, 68, 84, 98, 99, 100, 101,
                                    120, 121, 122, 123, 124, 125, 126, 127};
  static const uint8_t kinds[] = {0xa0, 0xb0, 0xb0, 0xb0, 0xc0, 0xd0, 0xe0};
  const uint8_t kind = kinds[pmt_soak_chance(s, sizeof kinds)];
  const uint32_t first = kind == 0xb0 ? numbers[pmt_soak_chance(s, sizeof numbers)] : pmt_soak_chance(s, 128);
  const uint8_t bytes[3] = {(uint8_t)(kind | channel), (uint8_t)first, (uint8_t)pmt_soak_chance(s, 128)};
  pmt_host_send_midi(s->host, frame, bytes, kind == 0xc0 || kind == 0xd0 ? 2 : 3);
}

/* What is no message, or none of a channel: cut short, running status, high bits, clock, system exclusive. */
static void send_mess(PmtSoak* const s, const uint32_t frame) {
  static const uint8_t sysex[12] = {0xf0, 0x7e, 0x7f, 9, 1, 0x90, 60, 100, 0xb0, 64, 127, 0xf7};
  static const struct { uint8_t bytes[4]; uint32_t size; } messes[] = {
      {{0}, 0},          {{0x90}, 1},         {{0x90, 60}, 2},      {{60, 100}, 2},      {{60, 100, 0x90}, 3},
      {{0x90, 200, 100}, 3}, {{0x90, 60, 200}, 3}, {{0xb0, 123}, 2}, {{0xc0, 1, 2}, 3},  {{0xf8}, 1},
      {{0xff}, 1},       {{0xf2, 1, 2}, 3},   {{0xf0, 0xf7}, 2},    {{0x90, 60, 100, 0}, 4}, {{0xe0, 0xff, 0xff}, 3}};
  const uint32_t which = pmt_soak_chance(s, 1 + sizeof messes / sizeof *messes);
  if (which) {
    pmt_host_send_midi(s->host, frame, messes[which - 1].bytes, messes[which - 1].size);
  } else {
    pmt_host_send_midi(s->host, frame, sysex, sizeof sysex);
  }
  ++s->count.messes;
}

void pmt_soak_play(PmtSoak* const s, const uint32_t frame) {
  const unsigned channel = pmt_soak_one_in(s, 4) ? pmt_soak_chance(s, 16) : 0;
  const uint32_t pitch = pmt_soak_one_in(s, 8) ? pmt_soak_chance(s, 128) : 48 + pmt_soak_chance(s, 36);
  const uint32_t which = pmt_soak_chance(s, 40);
  switch (which) {
  case 0: sweep_keys(s, frame, channel); break;
  case 1: case 2: case 3: pmt_soak_let_go(s, frame); break;
  case 4: case 5: control(s, frame, channel); break;
  case 6: send_mess(s, frame); break;
  case 7: send3(s, frame, 0xb0 | channel, 64, pmt_soak_one_in(s, 2) ? 127 : 0); break;
  case 8: case 9: case 10: case 11: case 12: case 13: let_go(s, frame, channel, pitch); break; /* struck or not */
  default:
    if (which % 4 == 0) {
      strike(s, frame, channel, pitch); /* held or not */
    }
    break;
  }
}

bool pmt_soak_player_holds(const PmtSoak* const s, const unsigned pitch) {
  bool holds = false;
  for (unsigned channel = 0; channel < 16; ++channel) {
    holds |= s->key[channel][pitch];
  }
  return holds;
}

static void sit_down(PmtSoak* const s) { s->playing_left = 20 + pmt_soak_chance(s, 2000); }

static void jam(PmtSoak* const s) {
  *port(s, PMT_PORT_MODE) = (float)pmt_soak_chance(s, 4);
  *port(s, PMT_PORT_YOU_PLAY) = (float)pmt_soak_chance(s, 6);
  *port(s, PMT_PORT_WAIT) = (float)pmt_soak_chance(s, 3) * 20.0f;
  *port(s, PMT_PORT_THRU) = (float)pmt_soak_chance(s, 2);
  ++s->count.jams;
}

static void learn(PmtSoak* const s) {
  float* const button = port(s, PMT_PORT_LEARN);
  *button = *button > 0.0f ? 0.0f : 1.0f;
  s->count.learns += *button > 0.0f;
}

/* ---- The output -------------------------------------------------------------------------------------------------- */

void pmt_soak_give_room(PmtSoak* const s) {
  pmt_host_set_out_capacity(s->host, 65536);
  s->tight_left = 0;
}

static void take_room(PmtSoak* const s) {
  static const uint32_t rooms[] = {0, 7, 8, 16, 32, 40, 64, 88, 112, 200, 1000};
  const uint32_t which = pmt_soak_chance(s, s->sounds ? 11 : 12); /* an instrument without MIDI out plays to itself */
  if (which < 11) {
    pmt_host_set_out_capacity(s->host, rooms[which]);
  } else {
    pmt_host_connect(s->host, PMT_PORT_MIDI_OUT, NULL);
  }
  s->tight_left = 2 + pmt_soak_chance(s, 60);
  ++s->count.tight_rooms;
}

/* ---- Models and the worker --------------------------------------------------------------------------------------- */

static void send_model(PmtSoak* const s, const uint32_t frame) {
  for (uint32_t n = pmt_soak_one_in(s, 5) ? 6 : 1; n; --n) { /* sometimes somebody scrolls through a folder */
    pmt_host_send_model(s->host, frame, s->model[pmt_soak_chance(s, PMT_SOAK_MODELS)]);
    ++s->count.models;
  }
}

static void change_worker(PmtSoak* const s) {
  static const PmtHostWorker kinds[] = {PMT_HOST_POLLED, PMT_HOST_POLLED, PMT_HOST_INSIDE, PMT_HOST_REFUSING,
                                        PMT_HOST_LOSING};
  if (s->worker != PMT_HOST_THREAD && s->worker != PMT_HOST_NO_WORKER) {
    s->worker = kinds[pmt_soak_chance(s, 5)];
    pmt_host_set_worker(s->host, s->worker);
    ++s->count.worker_modes;
  }
}

/* ---- The session ------------------------------------------------------------------------------------------------- */

static PmtHostPaths some_paths(PmtSoak* const s) {
  return (PmtHostPaths){.map = true, .release = pmt_soak_one_in(s, 2), .make = pmt_soak_one_in(s, 2)};
}

static void save(PmtSoak* const s) {
  pmt_host_save(s->host, &saved, some_paths(s));
  saved_in = s->scene + 1;
  ++s->count.saves;
}

/* As it was; from a version that knew less; text cut short. */
static void restore(PmtSoak* const s) {
  if (saved_in != s->scene + 1) { /* a failing scene must be able to stand alone */
    return;
  }
  const uint32_t which = pmt_soak_chance(s, PMT_HOST_PROPERTIES);
  const size_t size = saved.property[which].size;
  switch (pmt_soak_chance(s, 4)) {
  case 0: saved.property[which].size = 0; break;
  case 1: saved.property[which].size = strcmp(saved.property[which].type, LV2_ATOM__Path) ? size / 2 : size; break;
  default: break;
  }
  pmt_host_restore(s->host, &saved, some_paths(s));
  saved.property[which].size = size;
  CHECK(pmt_host_paths_out(s->host) == 0);
  ++s->count.restores;
}

static void reactivate(PmtSoak* const s) {
  for (uint32_t n = 1 + pmt_soak_one_in(s, 4); n; --n) {
    pmt_host_deactivate(s->host);
    pmt_host_activate(s->host);
  }
  s->daw.clock.rolling = false; /* the transport is forgotten */
  s->changed = true;
  ++s->count.activations;
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static void bypass(PmtSoak* const s) {
  static const float values[] = {0, 1, 1, NAN, -1};
  *port(s, PMT_PORT_ENABLED) = values[pmt_soak_chance(s, 5)];
  pmt_soak_excuse(s, pmt_host_frame(s->host));
  ++s->count.bypasses;
}

static void run_alone(PmtSoak* const s) {
  if (pmt_daw_says_tempo(&s->daw)) { /* for hosts that say none, its own stays in force */
    *port(s, PMT_PORT_RUN) = (float)pmt_soak_chance(s, 3);
    ++s->count.runs;
  }
}

void pmt_soak_act(PmtSoak* const s, const uint32_t frame) {
  const uint32_t which = pmt_soak_chance(s, 32);
  s->trouble = pmt_host_frame(s->host);
  PMT_SOAK_TRACE(s, "%llu: act %u", (unsigned long long)s->trouble, which);
  switch (which) {
  case 0: case 1: case 2: case 3: turn_knob(s); break;
  case 4: case 5: *port(s, PMT_PORT_LOOP) = (float)pmt_soak_chance(s, 2); break;
  case 6: freeze(s); break;
  case 7: run_alone(s); break;
  case 8: bypass(s); break;
  case 9: *port(s, PMT_PORT_HOLD) = (float)pmt_soak_chance(s, 2); break;
  case 10: case 11: press(s); break;
  case 12: capture(s, frame); break;
  case 13: sit_down(s); break;
  case 14: pmt_soak_flood(s, frame); break;
  case 15: case 16: take_room(s); break;
  case 17: case 18: send_model(s, frame); break;
  case 19: change_worker(s); break;
  case 20: pmt_host_send_get(s->host, frame, NULL); ++s->count.gets; break;
  case 21: save(s); break;
  case 22: restore(s); break;
  case 23: reactivate(s); break;
  case 24: case 25: jam(s); break;
  case 26: learn(s); break;
  default: /* and mostly: nothing odd for a while, with the knobs where they are or as they were at first */
    if (pmt_soak_one_in(s, 2)) {
      pmt_soak_reset_ports(s);
      pmt_soak_excuse(s, s->trouble);
    }
    break;
  }
}
