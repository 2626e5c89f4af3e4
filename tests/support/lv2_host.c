/* SPDX-License-Identifier: ISC */
/* See lv2_host.h. */
#include "support/lv2_host.h"

#include "support/lv2_host_private.h"

#include "check.h"
#include "ports.h"
#include "support/fail_alloc.h"

#include <dlfcn.h>
#include <lv2/atom/util.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/midi/midi.h>
#include <lv2/options/options.h>
#include <lv2/patch/patch.h>
#include <lv2/time/time.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* URIs ------------------------------------------------------------------------------------------------------------- */

LV2_URID pmt_host_map(void* const handle, const char* const uri) {
  PmtHost* const host = handle;
  for (uint32_t i = 0; i < host->n_uris; ++i) {
    if (!strcmp(host->uri[i], uri)) {
      return i + 1;
    }
  }
  CHECK(host->n_uris < HOST_URIS && strlen(uri) < sizeof *host->uri);
  memcpy(host->uri[host->n_uris], uri, strlen(uri) + 1);
  return ++host->n_uris;
}

static void map_keys(PmtHost* const host) {
  host->key = (HostKeys){.midi = pmt_host_map(host, LV2_MIDI__MidiEvent),
                         .position = pmt_host_map(host, LV2_TIME__Position),
                         .frame = pmt_host_map(host, LV2_TIME__frame),
                         .speed = pmt_host_map(host, LV2_TIME__speed),
                         .bar = pmt_host_map(host, LV2_TIME__bar),
                         .bar_beat = pmt_host_map(host, LV2_TIME__barBeat),
                         .beats_per_bar = pmt_host_map(host, LV2_TIME__beatsPerBar),
                         .beat_unit = pmt_host_map(host, LV2_TIME__beatUnit),
                         .bpm = pmt_host_map(host, LV2_TIME__beatsPerMinute),
                         .set = pmt_host_map(host, LV2_PATCH__Set),
                         .get = pmt_host_map(host, LV2_PATCH__Get),
                         .property = pmt_host_map(host, LV2_PATCH__property),
                         .value = pmt_host_map(host, LV2_PATCH__value)};
}

/* Log -------------------------------------------------------------------------------------------------------------- */

static int log_vprintf(LV2_Log_Handle handle, LV2_URID type, const char* format, va_list arguments) {
  PmtHost* const host = handle;
  (void)type;
  ++host->n_log_lines;
  return vsnprintf(host->log, sizeof host->log, format, arguments);
}

static int log_printf(LV2_Log_Handle handle, LV2_URID type, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int n = log_vprintf(handle, type, format, arguments);
  va_end(arguments);
  return n;
}

_Static_assert((int)PMT_INSTRUMENT_PORT_COUNT <= (int)HOST_PORTS, "make HOST_PORTS larger");

/* Making ----------------------------------------------------------------------------------------------------------- */

static bool sounds(const PmtHost* const host) { return !strcmp(host->options.uri, PMT_INSTRUMENT_URI); }

static const LV2_Descriptor* load_descriptor(PmtHost* const host) {
  char path[4200];
  snprintf(path, sizeof path, "%s/partimento%s.so", host->options.bundle, sounds(host) ? "-instrument" : "");
  host->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECKF(host->library, "%s", dlerror());
  LV2_Descriptor_Function find = NULL;
  *(void**)&find = dlsym(host->library, "lv2_descriptor");
  CHECK(find);
  const LV2_Descriptor* const descriptor = find(0);
  CHECK(descriptor && !find(1));
  CHECK(!strcmp(descriptor->URI, host->options.uri));
  return descriptor;
}

static void connect_ports(PmtHost* const host) {
#define PORT_DEFAULT(name, symbol, kind, def, min, max) def,
  static const float value[] = {PMT_PORTS(PORT_DEFAULT) PMT_INSTRUMENT_PORTS(PORT_DEFAULT)};
  const uint32_t n_controls = sounds(host) ? PMT_PORT_OUT_LEFT : PMT_PORT_COUNT;
  memcpy(host->port, value, sizeof value);
  for (uint32_t i = PMT_PORT_TEMPERATURE; i < n_controls && !host->options.no_ports; ++i) {
    pmt_host_connect(host, i, &host->port[i]);
  }
  for (uint32_t side = 0; side < 2 && sounds(host); ++side) {
    host->audio[side] = calloc(HOST_FRAMES + 1, sizeof *host->audio[side]);
    CHECK(host->audio[side]);
    pmt_host_connect(host, PMT_PORT_OUT_LEFT + side, host->audio[side]);
  }
  pmt_host_connect(host, PMT_PORT_CONTROL, host->in);
  pmt_host_set_out_capacity(host, host->options.out_capacity ? host->options.out_capacity : 65536);
}

static LV2_Handle instantiate(PmtHost* const host) {
  host->log_feature = (LV2_Log_Log){host, log_printf, log_vprintf};
  const int32_t block_max = 8192, block_nominal = 256;
  const LV2_URID type_int = pmt_host_map(host, LV2_ATOM__Int);
  const LV2_Options_Option options[] = {
      {LV2_OPTIONS_INSTANCE, 0, pmt_host_map(host, LV2_BUF_SIZE__maxBlockLength), 4, type_int, &block_max},
      {LV2_OPTIONS_INSTANCE, 0, pmt_host_map(host, LV2_BUF_SIZE__nominalBlockLength), 4, type_int, &block_nominal},
      {LV2_OPTIONS_INSTANCE, 0, 0, 0, 0, NULL}};
  LV2_State_Make_Path make = {host, pmt_host_make_path};
  const LV2_Feature features[] = {{LV2_URID__map, &host->map_feature},
                                  {LV2_LOG__log, &host->log_feature},
                                  {LV2_WORKER__schedule, &host->schedule},
                                  {LV2_OPTIONS__options, (void*)(uintptr_t)options},
                                  {LV2_STATE__makePath, &make}};
  const bool pass[] = {!host->options.no_urid_map, true, host->options.worker != PMT_HOST_NO_WORKER,
                       host->options.options, host->options.session != NULL};
  const LV2_Feature* list[6] = {NULL};
  for (size_t i = 0, n = 0; i < 5; ++i) {
    if (pass[i]) {
      list[n++] = &features[i];
    }
  }
  char bundle[4200]; /* hosts end it with a slash */
  snprintf(bundle, sizeof bundle, "%s/", host->options.bundle);
  if (host->options.fail_after) {
    pmt_fail_after(host->options.fail_after - 1);
  }
  const LV2_Handle handle =
      host->descriptor->instantiate(host->descriptor, host->options.sample_rate, bundle, list);
  pmt_fail_never();
  return handle;
}

PmtHost* pmt_host_new(const PmtHostOptions* const options) {
  PmtHost* const host = calloc(1, sizeof *host);
  CHECK(host);
  host->options = *options;
  host->options.uri = options->uri ? options->uri : PMT_PLUGIN_URI;
  if (host->options.sample_rate == 0.0) {
    host->options.sample_rate = 48000.0;
  }
  host->map_feature = (LV2_URID_Map){host, pmt_host_map};
  lv2_atom_forge_init(&host->forge, &host->map_feature);
  map_keys(host);
  host->descriptor = load_descriptor(host);
  pmt_host_worker_start(host);
  host->handle = instantiate(host);
  if (!host->handle) {
    pmt_host_free(host);
    return NULL;
  }
  host->worker = host->descriptor->extension_data(LV2_WORKER__interface);
  host->state = host->descriptor->extension_data(LV2_STATE__interface);
  CHECK(host->worker && host->state);
  CHECK(!host->descriptor->extension_data("urn:nothing"));
  connect_ports(host);
  pmt_host_begin(host);
  return host;
}

void pmt_host_free(PmtHost* const host) {
  pmt_host_worker_stop(host);
  if (host->handle) {
    host->descriptor->cleanup(host->handle);
  }
  dlclose(host->library);
  pmt_midi_list_free(&host->midi);
  free(host->audio[0]);
  free(host->audio[1]);
  free(host->out);
  free(host);
}

void pmt_host_activate(PmtHost* const host) { host->descriptor->activate(host->handle); }
void pmt_host_deactivate(PmtHost* const host) { host->descriptor->deactivate(host->handle); }

float* pmt_host_port(PmtHost* const host, const uint32_t port) { return &host->port[port]; }

float* pmt_host_control(PmtHost* const host, const char* const symbol) {
#define PORT_SYMBOL(name, text, kind, def, min, max) text,
  static const char* const symbols[] = {PMT_PORTS(PORT_SYMBOL) PMT_INSTRUMENT_PORTS(PORT_SYMBOL)};
  for (uint32_t i = 0; i < sizeof symbols / sizeof *symbols; ++i) {
    if (!strcmp(symbols[i], symbol)) {
      return &host->port[i];
    }
  }
  CHECKF(false, "no port %s", symbol);
  return NULL;
}

void pmt_host_connect(PmtHost* const host, const uint32_t port, void* const data) {
  host->descriptor->connect_port(host->handle, port, data);
  host->out_connected = port == PMT_PORT_MIDI_OUT ? data != NULL : host->out_connected;
  for (uint32_t side = 0; side < 2; ++side) {
    if (port == PMT_PORT_OUT_LEFT + side && data != host->audio[side]) { /* nothing comes here any more */
      free(host->audio[side]);
      host->audio[side] = NULL;
    }
  }
}

void pmt_host_set_out_capacity(PmtHost* const host, const uint32_t capacity) {
  free(host->out);
  host->out_capacity = capacity;
  host->out = malloc(sizeof(LV2_Atom) + capacity + HOST_CANARY);
  CHECK(host->out);
  memset(host->out, 0, sizeof(LV2_Atom) + capacity);
  memset(host->out + sizeof(LV2_Atom) + capacity, HOST_CANARY_BYTE, HOST_CANARY);
  pmt_host_connect(host, PMT_PORT_MIDI_OUT, host->out);
}

/* Events in -------------------------------------------------------------------------------------------------------- */

void pmt_host_begin(PmtHost* const host) {
  lv2_atom_forge_set_buffer(&host->forge, host->in, sizeof host->in);
  lv2_atom_forge_sequence_head(&host->forge, &host->in_frame, 0);
}

void pmt_host_send_midi(PmtHost* const host, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  CHECK(lv2_atom_forge_frame_time(&host->forge, frame));
  CHECK(lv2_atom_forge_atom(&host->forge, size, host->key.midi));
  CHECK(lv2_atom_forge_write(&host->forge, bytes, size));
}

static void send_number(PmtHost* const host, const LV2_URID key, const double value, const PmtHostNumbers numbers) {
  LV2_Atom_Forge* const forge = &host->forge;
  lv2_atom_forge_key(forge, key);
  switch (numbers) {
  case PMT_HOST_DOUBLES: CHECK(lv2_atom_forge_double(forge, value)); break;
  case PMT_HOST_FLOATS: CHECK(lv2_atom_forge_float(forge, (float)value)); break;
  case PMT_HOST_INTS: CHECK(lv2_atom_forge_int(forge, (int32_t)value)); break;
  default: CHECK(lv2_atom_forge_long(forge, (int64_t)value)); break;
  }
}

void pmt_host_send_position(PmtHost* const host, const uint32_t frame, const PmtPosition* const p,
                            const PmtHostNumbers numbers) {
  const bool plain = numbers == PMT_HOST_PLAIN;
  const PmtHostNumbers whole = plain ? PMT_HOST_NUMBERS : numbers;
  const PmtHostNumbers part = plain ? PMT_HOST_FLOATS : numbers == PMT_HOST_INTS ? PMT_HOST_DOUBLES : numbers;
  LV2_Atom_Forge_Frame object;
  CHECK(lv2_atom_forge_frame_time(&host->forge, frame));
  CHECK(lv2_atom_forge_object(&host->forge, &object, 0, host->key.position));
  if (p->frame != PMT_NO_FRAME) {
    send_number(host, host->key.frame, (double)p->frame, whole);
  }
  send_number(host, host->key.speed, (double)p->speed, part);
  if (p->bar_beat >= 0.0) {
    send_number(host, host->key.bar, (double)p->bar, whole);
    send_number(host, host->key.bar_beat, p->bar_beat, plain ? PMT_HOST_FLOATS : part);
  }
  if (p->beats_per_bar > 0.0f) {
    send_number(host, host->key.beats_per_bar, (double)p->beats_per_bar, part);
  }
  if (p->unit > 0) {
    send_number(host, host->key.beat_unit, (double)p->unit, plain ? PMT_HOST_INTS : whole);
  }
  if (p->bpm > 0.0f) {
    send_number(host, host->key.bpm, (double)p->bpm, part);
  }
  lv2_atom_forge_pop(&host->forge, &object);
}

void pmt_host_send_atom(PmtHost* const host, const uint32_t frame, const char* const type, const void* const value,
                        const uint32_t size) {
  CHECK(lv2_atom_forge_frame_time(&host->forge, frame));
  CHECK(lv2_atom_forge_atom(&host->forge, size, pmt_host_map(host, type)));
  CHECK(!size || lv2_atom_forge_write(&host->forge, value, size));
}

void pmt_host_send_set(PmtHost* const host, const uint32_t frame, const char* const property, const char* const type,
                       const void* const value, const uint32_t size) {
  LV2_Atom_Forge_Frame object;
  CHECK(lv2_atom_forge_frame_time(&host->forge, frame));
  CHECK(lv2_atom_forge_object(&host->forge, &object, 0, host->key.set));
  lv2_atom_forge_key(&host->forge, host->key.property);
  lv2_atom_forge_urid(&host->forge, pmt_host_map(host, property));
  lv2_atom_forge_key(&host->forge, host->key.value);
  CHECK(lv2_atom_forge_atom(&host->forge, size, pmt_host_map(host, type)));
  CHECK(!size || lv2_atom_forge_write(&host->forge, value, size));
  lv2_atom_forge_pop(&host->forge, &object);
}

void pmt_host_send_model(PmtHost* const host, const uint32_t frame, const char* const path) {
  pmt_host_send_set(host, frame, PMT_PLUGIN_MODEL_URI, LV2_ATOM__Path, path, (uint32_t)strlen(path) + 1);
}

void pmt_host_send_get(PmtHost* const host, const uint32_t frame, const char* const property) {
  LV2_Atom_Forge_Frame object;
  CHECK(lv2_atom_forge_frame_time(&host->forge, frame));
  CHECK(lv2_atom_forge_object(&host->forge, &object, 0, host->key.get));
  if (property) {
    lv2_atom_forge_key(&host->forge, host->key.property);
    lv2_atom_forge_urid(&host->forge, pmt_host_map(host, property));
  }
  lv2_atom_forge_pop(&host->forge, &object);
}

/* One cycle -------------------------------------------------------------------------------------------------------- */

static void take_midi(PmtHost* const host, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  CHECK(size >= 2 && size <= 3);
  const unsigned kind = bytes[0] & 0xf0u, channel = bytes[0] & 0x0fu;
  CHECKF(bytes[0] >= 0x80 && bytes[0] < 0xf0 && bytes[1] < 128 && bytes[size - 1] < 128, "%02x", bytes[0]);
  bool* const sounds = &host->sounds[channel][bytes[1]];
  if (kind == 0x90 && bytes[2]) {
    CHECKF(!*sounds, "channel %u note %u begun twice", channel, bytes[1]);
    *sounds = true;
    ++host->n_sounding;
  } else if (kind == 0x80 || kind == 0x90) {
    CHECKF(*sounds, "channel %u note %u ended without beginning", channel, bytes[1]);
    *sounds = false;
    --host->n_sounding;
  }
  CHECK(!pmt_midi_list_add(&host->midi, host->frame + frame, bytes, size));
}

static void take_message(PmtHost* const host, const LV2_Atom_Object* const object) {
  const LV2_Atom *property = NULL, *value = NULL;
  LV2_Atom_Object_Query query[] = {{host->key.property, &property},
                                   {host->key.value, &value},
                                   LV2_ATOM_OBJECT_QUERY_END};
  lv2_atom_object_query(object, query);
  CHECK(object->body.otype == host->key.set);
  CHECK(property && property->type == host->forge.URID && value);
  const char* const text = (const char*)(value + 1);
  CHECK(value->size && text[value->size - 1] == 0);
  ++host->n_messages;
  const LV2_URID key = ((const LV2_Atom_URID*)property)->body;
  const bool is_status = key == pmt_host_map(host, PMT_PLUGIN_STATUS_URI);
  CHECK(value->type == (is_status ? host->forge.String : host->forge.Path));
  uint32_t i = 0;
  while (host->told[i].property && host->told[i].property != key) {
    CHECK(++i < HOST_TOLD);
  }
  host->told[i].property = key;
  snprintf(host->told[i].text, sizeof host->told[i].text, "%s", text);
}

/* The sound of a cycle is all written, and nothing behind it. */
static void check_sound(const PmtHost* const host, const uint32_t n_frames) {
  for (int side = 0; side < 2 && host->audio[side]; ++side) {
    const float* const sound = host->audio[side];
    for (uint32_t i = 0; i < n_frames; ++i) {
      CHECKF(isfinite(sound[i]), "side %d, frame %u of %u", side, i, n_frames);
    }
    CHECKF(isnan(sound[n_frames]), "side %d: more than %u frames", side, n_frames);
  }
}

static void take_output(PmtHost* const host, const uint32_t n_frames) {
  const LV2_Atom_Sequence* const out = (const LV2_Atom_Sequence*)host->out;
  const LV2_URID midi = host->key.midi;
  for (size_t i = 0; i < HOST_CANARY; ++i) {
    CHECKF(host->out[sizeof(LV2_Atom) + host->out_capacity + i] == HOST_CANARY_BYTE, "%zu", i);
  }
  if (!out->atom.type) {
    CHECK(!out->atom.size && host->out_capacity < sizeof *out);
    return;
  }
  CHECK(out->atom.type == host->forge.Sequence && out->atom.size >= sizeof out->body);
  CHECK(out->atom.size <= host->out_capacity && out->atom.size % 8 == 0);
  int64_t last = 0;
  LV2_ATOM_SEQUENCE_FOREACH (out, event) {
    CHECKF(event->time.frames >= last && event->time.frames < (int64_t)(n_frames ? n_frames : 1), "frame %lld of %u",
           (long long)event->time.frames, n_frames);
    last = event->time.frames;
    const uint8_t* const body = (const uint8_t*)(event + 1);
    CHECK(body + event->body.size <= (const uint8_t*)&out->body + out->atom.size);
    if (event->body.type == midi) {
      take_midi(host, (uint32_t)last, body, event->body.size);
    } else {
      CHECK(event->body.type == host->forge.Object);
      take_message(host, (const LV2_Atom_Object*)&event->body);
    }
  }
}

void pmt_host_watch(PmtHost* const host, void (*const watch)(bool inside)) { host->watch = watch; }

void pmt_host_tell_watch(PmtHost* const host, const bool inside) {
  if (host->watch) {
    host->watch(inside);
  }
}

void pmt_host_run(PmtHost* const host, const uint32_t n_frames) {
  CHECK(!host->audio[0] || n_frames <= HOST_FRAMES);
  lv2_atom_forge_pop(&host->forge, &host->in_frame);
  *(LV2_Atom*)host->out = (LV2_Atom){host->out_capacity, 0}; /* the type is not Chunk in Carla */
  for (int side = 0; side < 2 && host->audio[side]; ++side) {
    for (uint32_t i = 0; i <= n_frames; ++i) {
      host->audio[side][i] = NAN;
    }
  }
  host->running = true;
  pmt_host_tell_watch(host, true);
  host->descriptor->run(host->handle, n_frames);
  pmt_host_tell_watch(host, false);
  host->running = false;
  if (host->out_connected) {
    take_output(host, n_frames);
  }
  check_sound(host, n_frames);
  host->frame += n_frames;
  pmt_host_worker_respond(host);
  pmt_host_begin(host);
}

bool pmt_host_await(PmtHost* const host, const char* const text) {
  for (int i = 0; i < 400; ++i) {
    pmt_host_run(host, 64);
    if (strstr(pmt_host_status(host), text)) {
      return true;
    }
    if (host->options.worker == PMT_HOST_POLLED) {
      pmt_host_work(host);
    } else {
      nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
  }
  return false;
}

const float* pmt_host_audio(const PmtHost* const host, const int side) { return host->audio[side]; }
const char* pmt_host_told(PmtHost* const host, const char* const property) {
  const LV2_URID key = pmt_host_map(host, property);
  for (uint32_t i = 0; i < HOST_TOLD; ++i) {
    if (host->told[i].property == key) {
      return host->told[i].text;
    }
  }
  return "";
}

PmtMidiList* pmt_host_midi(PmtHost* const host) { return &host->midi; }
uint64_t pmt_host_frame(const PmtHost* const host) { return host->frame; }
uint32_t pmt_host_sounding(const PmtHost* const host) { return host->n_sounding; }
const char* pmt_host_status(PmtHost* const host) { return pmt_host_told(host, PMT_PLUGIN_STATUS_URI); }
const char* pmt_host_path(PmtHost* const host) { return pmt_host_told(host, PMT_PLUGIN_MODEL_URI); }
uint32_t pmt_host_messages(const PmtHost* const host) { return host->n_messages; }
const char* pmt_host_log(const PmtHost* const host) { return host->log; }
uint32_t pmt_host_log_lines(const PmtHost* const host) { return atomic_load(&host->n_log_lines); }
LV2_Handle pmt_host_handle(const PmtHost* const host) { return host->handle; }
