/* SPDX-License-Identifier: ISC */
/* One cycle. Above: the host. Below: gen/engine. run() computes nothing itself: events cut the block, the engine is
   brought forward to each of them, and every note leaves through it. */
#include "float_mode.h"
#include "plugin.h"
#include "position.h"

#include <lv2/atom/util.h>

#define PMT_PORT_DEFAULT(name, symbol, kind, def, min, max) def,
static const float port_default[PMT_PORT_COUNT] = {PMT_PORTS(PMT_PORT_DEFAULT)};
#undef PMT_PORT_DEFAULT

static float read_port(const PmtPlugin* const self, const PmtPortIndex port) {
  const float* const value = self->port[port];
  return value ? *value : port_default[port];
}

static void write_port(PmtPlugin* const self, const PmtPortIndex port, const float value) {
  float* const place = self->port[port];
  if (place) {
    *place = value;
  }
}

static PmtControls read_controls(const PmtPlugin* const self) {
  return (PmtControls){
      .temperature = read_port(self, PMT_PORT_TEMPERATURE),
      .style = read_port(self, PMT_PORT_STYLE),
      .style2 = read_port(self, PMT_PORT_STYLE2),
      .blend = read_port(self, PMT_PORT_BLEND),
      .density = read_port(self, PMT_PORT_DENSITY),
      .min_p = read_port(self, PMT_PORT_MIN_P),
      .seed = read_port(self, PMT_PORT_SEED),
      .register_lo = read_port(self, PMT_PORT_REGISTER_LOW),
      .register_hi = read_port(self, PMT_PORT_REGISTER_HIGH),
      .scale_root = read_port(self, PMT_PORT_SCALE_ROOT),
      .scale_mode = read_port(self, PMT_PORT_SCALE_MODE),
      .strictness = read_port(self, PMT_PORT_STRICTNESS),
      .velocity = read_port(self, PMT_PORT_VELOCITY),
      .channel = read_port(self, PMT_PORT_CHANNEL),
      .enabled = read_port(self, PMT_PORT_ENABLED),
      .hold = read_port(self, PMT_PORT_HOLD),
      .loop = read_port(self, PMT_PORT_LOOP),
      .freeze = read_port(self, PMT_PORT_FREEZE),
      .run = read_port(self, PMT_PORT_RUN),
      .tempo = read_port(self, PMT_PORT_TEMPO),
  };
}

/* Note-offs left over from before the last deactivation come before anything else. */
static void write_owed(PmtPlugin* const self) {
  PmtOwed* const owed = &self->owed;
  while (owed->count && pmt_out_write(&self->out, 0, owed->bytes[owed->count - 1], 3)) {
    --owed->count;
  }
}

static void take_event(PmtPlugin* const self, const LV2_Atom* const atom, const PmtMidiOut* const out,
                       const uint32_t frame) {
  const PmtUris* const uris = &self->uris;
  if (atom->type != uris->atom_object && atom->type != uris->atom_blank) {
    return; /* MIDI comes too, 48 controllers at every stop in Ardour: not listened to */
  }
  const LV2_Atom_Object* const object = (const LV2_Atom_Object*)atom;
  const LV2_URID what = object->body.otype;
  if (what == uris->time_position) {
    const PmtPosition position = pmt_position_read(uris, object, self->speed);
    self->speed = position.speed;
    pmt_engine_position(self->engine, &position, out, frame);
  } else if (what == uris->patch_set || what == uris->patch_get) {
    pmt_plugin_patch(self, object);
  }
}

/* @return frames done */
static uint32_t play_events(PmtPlugin* const self, const uint32_t n_frames, const PmtMidiOut* const out) {
  const LV2_Atom_Sequence* const sequence = self->port[PMT_PORT_CONTROL];
  uint32_t done = 0;
  if (!sequence || sequence->atom.type != self->uris.atom_sequence) {
    return 0;
  }
  LV2_ATOM_SEQUENCE_FOREACH(sequence, event) {
    const int64_t at = event->time.frames;
    if (at > (int64_t)done && at <= (int64_t)n_frames) { /* otherwise the host is muddled: take it where we are */
      pmt_engine_advance(self->engine, (uint32_t)at - done, out, done);
      done = (uint32_t)at;
    }
    take_event(self, &event->body, out, done);
  }
  return done;
}

void pmt_plugin_run(LV2_Handle instance, const uint32_t n_frames) {
  PmtPlugin* const self = instance;
  const uint64_t float_mode = pmt_float_mode_enter();
  const PmtMidiOut out = {pmt_out_write, &self->out};
  pmt_out_begin(&self->out, &self->uris, self->port[PMT_PORT_MIDI_OUT], n_frames);
  write_owed(self);

  const PmtControls controls = read_controls(self);
  pmt_engine_controls(self->engine, &controls);
  pmt_worker_exchange(&self->worker, self->engine);
  const uint32_t done = play_events(self, n_frames, &out);
  pmt_engine_advance(self->engine, n_frames - done, &out, done);
  pmt_plugin_notify(self);

  const PmtEngineStats* const stats = pmt_engine_stats(self->engine);
  write_port(self, PMT_PORT_BAR, (float)stats->bar);
  write_port(self, PMT_PORT_LATE_SLOTS, (float)stats->late_slots);
  write_port(self, PMT_PORT_SURPRISE, stats->surprise);
  pmt_float_mode_leave(float_mode);
}
