/* SPDX-License-Identifier: ISC */
/* One cycle. Above: the host. Below: gen/engine. run() computes nothing itself: events cut the block, the engine is
   brought forward to each of them, and every note leaves through it. */
#include "base/float_mode.h"
#include "gen/freeze.h"
#include "plugin.h"
#include "position.h"

#include <lv2/atom/util.h>

enum { NOTE_OFF = 0x80, NOTE_ON = 0x90, CONTROL = 0xb0, MIDI_MAX = 3, /* bytes */
       CC_SUSTAIN = 64, CC_ALL_SOUND_OFF = 120, CC_MODES = 120, CC_ALL_NOTES_OFF = 123 };

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

PmtControls pmt_plugin_read_controls(const PmtPlugin* const self) {
  const PmtControls controls = {
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
      .mode = read_port(self, PMT_PORT_MODE),
      .you_play = read_port(self, PMT_PORT_YOU_PLAY),
      .wait = read_port(self, PMT_PORT_WAIT),
      .turn = read_port(self, PMT_PORT_TURN),
      .give_way = read_port(self, PMT_PORT_GIVE_WAY),
      .follow = read_port(self, PMT_PORT_FOLLOW),
      .room = read_port(self, PMT_PORT_ROOM),
      .rest = read_port(self, PMT_PORT_REST),
      .count_in = read_port(self, PMT_PORT_COUNT_IN),
      .thru = read_port(self, PMT_PORT_THRU),
  };
  return pmt_controls_sane(&controls);
}

static void tell_listener(const PmtPlugin* const self, const uint32_t frame, const uint8_t* const bytes,
                          const uint32_t size) {
  if (self->listener.hear) {
    self->listener.hear(self->listener.handle, frame, bytes, size);
  }
}

/* What the engine writes to. An instrument whose MIDI goes nowhere sounds all the same. */
static bool emit(void* const handle, const uint32_t frame, const uint8_t* const bytes,
                 const uint32_t size) PMT_RT {
  PmtPlugin* const self = handle;
  const uint8_t kind = bytes[0] & 0xf0;
  const bool begins = kind == NOTE_ON;
  const bool alone = self->listener.hear && !self->port[PMT_PORT_MIDI_OUT];
  if (!begins) {
    tell_listener(self, frame, bytes, size);
  }
  if (!alone && !pmt_out_write(&self->out, frame, bytes, size)) {
    return false;
  }
  if (begins) {
    tell_listener(self, frame, bytes, size);
  }
  if (kind != NOTE_OFF) { /* a pedal passed on hangs as well as a note */
    self->channels_used |= (uint16_t)(1u << (bytes[0] & 0x0f)); /* the ones that a panic is for */
  }
  return true;
}

/* Note-offs left over from before the last deactivation come before anything else. */
static void write_owed(PmtPlugin* const self) {
  PmtOwed* const owed = &self->owed;
  while (owed->count && emit(self, 0, owed->bytes[owed->count - 1], 3)) {
    --owed->count;
  }
}

/* ---- Triggers ---------------------------------------------------------------------------------------------------- */

static bool pressed(PmtPlugin* const self, const PmtPortIndex port, bool* const was) {
  const bool is = read_port(self, port) > 0.0f;
  const bool edge = is && !*was;
  *was = is;
  return edge;
}

/* Tell whoever listens, too: he may have lost a note-off that we did write. What finds no space is written first thing
   in the next cycle. No note can come between: it would have found none either. */
static void write_sweep(PmtPlugin* const self) {
  static const uint8_t controller[PMT_SWEEP] = {CC_SUSTAIN, CC_ALL_SOUND_OFF, CC_ALL_NOTES_OFF};
  for (uint32_t i = 0; i < PMT_SWEEP; ++i) {
    for (uint32_t channel = 0; self->sweep[i]; ++channel) {
      const uint16_t bit = (uint16_t)(1u << channel);
      const uint8_t bytes[3] = {(uint8_t)(0xb0 | channel), controller[i], 0};
      if ((self->sweep[i] & bit) && !emit(self, 0, bytes, sizeof bytes)) {
        return;
      }
      self->sweep[i] &= (uint16_t)~bit;
    }
  }
}

static void panic(PmtPlugin* const self, const PmtMidiOut* const out) {
  pmt_engine_panic(self->engine, out, 0);
  for (uint32_t i = 0; i < PMT_SWEEP; ++i) {
    self->sweep[i] = self->channels_used;
  }
}

static void take_triggers(PmtPlugin* const self, const PmtMidiOut* const out) {
  if (pressed(self, PMT_PORT_PANIC, &self->panic_was)) {
    panic(self, out);
  }
  if (pressed(self, PMT_PORT_CAPTURE, &self->capture_was)) {
    const float bars = read_port(self, PMT_PORT_CAPTURE_BARS);
    pmt_worker_capture(&self->worker, self->engine, &self->controls,
                       bars >= 1.0f ? (uint32_t)(bars < 999.0f ? bars : 999.0f) : 0);
  }
  if (pressed(self, PMT_PORT_LEARN, &self->learn_was)) {
    const float bars = read_port(self, PMT_PORT_LEARN_BARS);
    const float most = PMT_LEARN_BARS_MAX;
    pmt_engine_learn(self->engine, bars >= 1.0f ? (uint32_t)(bars < most ? bars : most) : 1);
  }
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

/* Ardour puts 48 controllers into the input at each stop and locate, all-notes-off among them, at the last frame of the
   cycle. What sounded has ended by then; what began since shall not. */
static void watch_transport(PmtPlugin* const self, const PmtPosition* const position, const uint32_t frames_left) {
  const bool stopped = self->speed > 0.0f && !(position->speed > 0.0f);
  const bool jumped = position->frame != self->frame_foreseen;
  if (stopped || jumped) {
    self->deaf = self->deaf_after_jump > frames_left ? self->deaf_after_jump : frames_left;
  }
  self->frame_foreseen = position->frame;
  self->speed = position->speed;
}

/* What hosts send of their own at a stop or a jump: all notes off and its like. It is nobody's wish, so it is not obeyed.
   Pedals up, which they send too, are taken at their word: they let go of what a player holds, and of nothing else. */
static bool is_hosts_own(const PmtPlugin* const self, const uint8_t* const bytes, const uint32_t size) {
  return self->deaf && size == MIDI_MAX && (bytes[0] & 0xf0) == CONTROL && bytes[1] >= CC_MODES;
}

/* The player's; system exclusive is for somebody else. */
static void take_midi(PmtPlugin* const self, const LV2_Atom* const atom, const PmtMidiOut* const out,
                      const uint32_t frame) {
  const uint8_t* const bytes = (const uint8_t*)(atom + 1);
  if (!atom->size || atom->size > MIDI_MAX || is_hosts_own(self, bytes, atom->size)) {
    return;
  }
  pmt_engine_midi(self->engine, bytes, atom->size, out, frame);
}

static void take_event(PmtPlugin* const self, const LV2_Atom* const atom, const PmtMidiOut* const out,
                       const uint32_t frame, const uint32_t frames_left) {
  const PmtUris* const uris = &self->uris;
  if (atom->type == uris->midi_event) {
    take_midi(self, atom, out, frame);
    return;
  }
  if (atom->type != uris->atom_object && atom->type != uris->atom_blank) {
    return;
  }
  const LV2_Atom_Object* const object = (const LV2_Atom_Object*)atom;
  const LV2_URID what = object->body.otype;
  if (what == uris->time_position) {
    const PmtPosition position = pmt_position_read(uris, object, self->speed);
    watch_transport(self, &position, frames_left);
    pmt_engine_position(self->engine, &position, out, frame);
  } else if (what == uris->patch_set || what == uris->patch_get) {
    pmt_plugin_patch(self, object);
  }
}

static void pass(PmtPlugin* const self, const uint32_t n_frames, const PmtMidiOut* const out, const uint32_t frame) {
  pmt_engine_advance(self->engine, n_frames, out, frame);
  self->deaf -= n_frames < self->deaf ? n_frames : self->deaf;
  if (self->speed > 0.0f && self->frame_foreseen != PMT_NO_FRAME) {
    self->frame_foreseen += n_frames;
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
      pass(self, (uint32_t)at - done, out, done);
      done = (uint32_t)at;
    }
    take_event(self, &event->body, out, done, n_frames - done);
  }
  return done;
}

void pmt_plugin_run(LV2_Handle instance, const uint32_t n_frames) {
  PmtPlugin* const self = instance;
  const uint64_t float_mode = pmt_float_mode_enter();
  const PmtMidiOut out = {emit, self};
  pmt_out_begin(&self->out, &self->uris, self->port[PMT_PORT_MIDI_OUT], n_frames);
  write_owed(self);

  self->controls = pmt_plugin_read_controls(self);
  pmt_engine_controls(self->engine, &self->controls);
  take_triggers(self, &out);
  write_sweep(self);
  pmt_worker_exchange(&self->worker);
  const uint32_t done = play_events(self, n_frames, &out);
  pass(self, n_frames - done, &out, done);
  pmt_plugin_notify(self);

  const PmtEngineStats* const stats = pmt_engine_stats(self->engine);
  write_port(self, PMT_PORT_BAR, (float)stats->bar);
  write_port(self, PMT_PORT_LATE_SLOTS, (float)stats->late_slots);
  write_port(self, PMT_PORT_SURPRISE, stats->surprise);
  write_port(self, PMT_PORT_DOING, (float)stats->doing);
  pmt_float_mode_leave(float_mode);
}
