/* SPDX-License-Identifier: ISC */
/* One cycle: events in, run(), worker, events out. Above: tools/cmd_play.c. Below: the plugin. */
#include "host_private.h"

#include <lv2/atom/util.h>
#include <lv2/midi/midi.h>
#include <lv2/time/time.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
  TICKS_PER_BEAT = 1920,
  MIDI_BYTES = sizeof(LV2_Atom_Event) + 8, /* a message in a sequence, padded */
  OTHER_BYTES = 256,                       /* kept free of MIDI: a position takes 208 */
};

/* ---- in ---- */

static void open_input(PmtHost* host, PmtHostPort* port) {
  lv2_atom_forge_set_buffer(&host->forge, (uint8_t*)port->buffer, port->size);
  lv2_atom_forge_sequence_head(&host->forge, &host->forge_frame, 0);
}

void pmt_host_begin_cycle(PmtHost* host) {
  for (uint32_t i = 0; i < host->n_ports; ++i) {
    PmtHostPort* port = &host->ports[i];
    if (port->kind == PMT_HOST_ATOM_OUT) {
      port->buffer->atom = (LV2_Atom){port->size - (uint32_t)sizeof(LV2_Atom), host->urids.atom_chunk};
    } else if (port->kind == PMT_HOST_ATOM_IN && i != host->control_in) {
      port->buffer->atom = (LV2_Atom){sizeof(LV2_Atom_Sequence_Body), host->urids.atom_sequence};
      port->buffer->body = (LV2_Atom_Sequence_Body){0, 0};
    }
  }
  if (host->control_in < host->n_ports) {
    open_input(host, &host->ports[host->control_in]);
  }
}

/* barBeat as a host with ticks has it; the last half tick of a bar is the next bar's first. */
static PmtPosition round_to_ticks(const PmtPosition* exact) {
  PmtPosition position = *exact;
  position.bar_beat = round(exact->bar_beat * TICKS_PER_BEAT) / TICKS_PER_BEAT;
  if (position.bar_beat >= exact->beats_per_bar) {
    position.bar_beat = 0;
    ++position.bar;
  }
  return position;
}

void pmt_host_position(PmtHost* host, const PmtPosition* position, PmtPositionForm form) {
  if (host->control_in == host->n_ports) {
    return;
  }
  const PmtPosition p = form == PMT_POSITION_TICKS ? round_to_ticks(position) : *position;
  const PmtHostUrids* u = &host->urids;
  LV2_Atom_Forge* forge = &host->forge;
  LV2_Atom_Forge_Frame frame;
  lv2_atom_forge_frame_time(forge, 0);
  lv2_atom_forge_object(forge, &frame, 0, u->time_position);
  lv2_atom_forge_key(forge, u->time_frame);
  lv2_atom_forge_long(forge, p.frame);
  lv2_atom_forge_key(forge, u->time_speed);
  lv2_atom_forge_float(forge, p.speed);
  lv2_atom_forge_key(forge, u->time_bar);
  lv2_atom_forge_long(forge, p.bar);
  lv2_atom_forge_key(forge, u->time_bar_beat);
  lv2_atom_forge_float(forge, (float)p.bar_beat);
  lv2_atom_forge_key(forge, u->time_beats_per_bar);
  lv2_atom_forge_float(forge, p.beats_per_bar);
  lv2_atom_forge_key(forge, u->time_beat_unit);
  lv2_atom_forge_int(forge, p.unit);
  lv2_atom_forge_key(forge, u->time_bpm);
  lv2_atom_forge_float(forge, p.bpm);
  lv2_atom_forge_pop(forge, &frame);
}

bool pmt_host_midi(PmtHost* host, uint32_t frame, const uint8_t* bytes, uint32_t size) {
  LV2_Atom_Forge* forge = &host->forge;
  if (!host->takes_midi || forge->size - forge->offset < MIDI_BYTES) {
    return false;
  }
  lv2_atom_forge_frame_time(forge, frame);
  lv2_atom_forge_atom(forge, size, host->urids.midi_event);
  lv2_atom_forge_write(forge, bytes, size);
  return true;
}

uint32_t pmt_host_midi_max(const PmtHost* host) {
  const uint32_t size = host->takes_midi ? host->ports[host->control_in].size : 0;
  return size > OTHER_BYTES ? (size - OTHER_BYTES) / MIDI_BYTES : 0;
}

PmtStatus pmt_host_send_path(PmtHost* host, const char* path, PmtError* error) {
  LV2_Atom_Forge* forge = &host->forge;
  const size_t length = strlen(path);
  if (!host->path_property || host->control_in == host->n_ports) {
    return pmt_fail(error, PMT_UNSUPPORTED, "the plugin has no property that takes a file");
  }
  if (forge->size - forge->offset < length + 128) {
    return pmt_fail(error, PMT_BAD_ARG, "%s: too long for the plugin's input", path);
  }
  *host->told_path = *host->told_text = '\0'; /* what comes from now on is the answer */
  LV2_Atom_Forge_Frame frame;
  lv2_atom_forge_frame_time(forge, 0);
  lv2_atom_forge_object(forge, &frame, 0, host->urids.patch_set);
  lv2_atom_forge_key(forge, host->urids.patch_property);
  lv2_atom_forge_urid(forge, host->path_property);
  lv2_atom_forge_key(forge, host->urids.patch_value);
  lv2_atom_forge_path(forge, path, (uint32_t)length);
  lv2_atom_forge_pop(forge, &frame);
  return PMT_OK;
}

/* ---- out ---- */

/* @param text PMT_HOST_TEXT bytes */
static void copy_text(char* text, const LV2_Atom* value) {
  snprintf(text, PMT_HOST_TEXT, "%.*s", (int)value->size, (const char*)LV2_ATOM_BODY_CONST(value));
}

static void take_object(PmtHost* host, const LV2_Atom_Object* object) {
  const LV2_Atom* property = NULL;
  const LV2_Atom* value = NULL;
  if (object->body.otype != host->urids.patch_set) {
    return;
  }
  lv2_atom_object_get(object, host->urids.patch_property, &property, host->urids.patch_value, &value, 0);
  if (!property || property->type != host->forge.URID || !value) {
    return;
  }
  const bool is_ours = ((const LV2_Atom_URID*)property)->body == host->path_property;
  if (is_ours && value->type == host->urids.atom_path) {
    copy_text(host->told_path, value);
  } else if (!is_ours && value->type == host->urids.atom_string) {
    copy_text(host->told_text, value);
  }
}

static void take_event(PmtHost* host, const LV2_Atom_Event* event) {
  const PmtHostUrids* u = &host->urids;
  if (event->body.type == u->midi_event) {
    host->options.take_midi(host->options.handle, (uint32_t)event->time.frames,
                            (const uint8_t*)LV2_ATOM_BODY_CONST(&event->body), event->body.size);
  } else if (event->body.type == u->atom_object || event->body.type == u->atom_blank) {
    take_object(host, (const LV2_Atom_Object*)&event->body);
  }
}

static void take_output(PmtHost* host, const PmtHostPort* port, uint32_t n_frames) {
  const LV2_Atom_Sequence* sequence = port->buffer;
  if (sequence->atom.type != host->urids.atom_sequence) {
    return; /* untouched: nothing was written */
  }
  if (sequence->atom.size > port->size - sizeof(LV2_Atom)) {
    ++host->faults;
    return;
  }
  int64_t last = 0;
  LV2_ATOM_SEQUENCE_FOREACH (sequence, event) {
    const int64_t at = event->time.frames;
    if (at < last || at >= n_frames) {
      ++host->faults;
    } else {
      last = at;
      take_event(host, event);
    }
  }
}

/* In real time what counts is when run() is done; else what it costs, whoever else uses the processor. */
static uint64_t read_clock(const PmtHost* host) {
  struct timespec now;
  clock_gettime(host->options.realtime ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t pmt_host_run(PmtHost* host, uint32_t n_frames) {
  if (host->control_in < host->n_ports) {
    lv2_atom_forge_pop(&host->forge, &host->forge_frame);
  }
  const uint64_t before = read_clock(host);
  lilv_instance_run(host->instance, n_frames);
  const uint64_t cost = read_clock(host) - before;
  pmt_host_worker_deliver(&host->worker);
  for (uint32_t i = 0; i < host->n_ports; ++i) {
    if (host->ports[i].kind == PMT_HOST_ATOM_OUT) {
      take_output(host, &host->ports[i], n_frames);
    }
  }
  pmt_host_begin_cycle(host);
  return cost;
}

const char* pmt_host_told_path(const PmtHost* host) {
  return host->told_path;
}

const char* pmt_host_told_text(const PmtHost* host) {
  return host->told_text;
}

const char* pmt_host_log(const PmtHost* host) {
  return host->logged;
}

uint32_t pmt_host_faults(const PmtHost* host) {
  return host->faults;
}
