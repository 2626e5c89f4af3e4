/* SPDX-License-Identifier: ISC */
#include "support/engine_script.h"

#include "base/random.h"
#include "check.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

const PmtTinyOptions pmt_script_busy = {.note_bias = 3.0f, .slot_bias = -1.0f, .pos_bias = -12.0f};
const PmtTinyOptions pmt_script_restless = {.note_bias = 3.0f, .slot_bias = -12.0f, .pos_bias = -12.0f};

static bool take(void* const handle, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  PmtScriptSink* const sink = handle;
  const uint8_t kind = bytes[0] & 0xf0;
  const bool is_note = kind == 0x90 || kind == 0x80;
  CHECK(size == (kind == 0xc0 || kind == 0xd0 ? 2 : 3) && bytes[1] < 128 && (size == 2 || bytes[2] < 128));
  CHECK(is_note || (sink->passes && kind >= 0xa0 && kind < 0xf0));
  CHECK(frame < sink->n_frames || frame == 0);
  CHECK(sink->frame + frame >= sink->last);
  if (sink->refuse_one_in && pmt_random_bits(77, 0, sink->n_asked++) % sink->refuse_one_in == 0) {
    return false;
  }
  sink->last = sink->frame + frame;
  bool* const on = &sink->sounding[bytes[0] & 15][bytes[1]];
  if (kind == 0x90) {
    CHECKF(bytes[2] > 0 && !*on, "note %u of channel %u is begun twice at %d", bytes[1], bytes[0] & 15u,
           (int)sink->last);
    *on = true;
    ++sink->n_sounding;
  } else if (kind == 0x80) {
    CHECKF(*on, "note %u of channel %u is ended at %d and does not sound", bytes[1], bytes[0] & 15u, (int)sink->last);
    *on = false;
    --sink->n_sounding;
  }
  CHECK(!pmt_midi_list_add(&sink->list, sink->last, bytes, size));
  return true;
}

PmtMidiOut pmt_script_out(PmtScriptSink* const sink) { return (PmtMidiOut){take, sink}; }

static const char* listening;

void pmt_script_listen(const char* const arch) {
  listening = arch;
}

PmtModel* pmt_script_model(const PmtTinyOptions* const options) {
  PmtTinyOptions o = options ? *options : (PmtTinyOptions){.seed = 0};
  const char* const dir = getenv("TMPDIR");
  char path[512];
  PmtError error = {""};
  PmtModel* model;
  snprintf(path, sizeof path, "%.400s/pmt-engine-XXXXXX", dir ? dir : "/tmp");
  const int fd = mkstemp(path);
  CHECK(fd >= 0 && !close(fd));
  o.arch = listening ? listening : o.arch;
  o.listens = listening || o.listens;
  CHECKF(!pmt_tiny_model_write(path, &o, &error) && !pmt_model_load(path, &model, &error), "%s", error.text);
  unlink(path);
  return model;
}

PmtPlayer* pmt_script_player(const PmtTinyOptions* const options) {
  PmtPlayer* player;
  CHECK(!pmt_player_new(pmt_script_model(options), &player));
  return player;
}

PmtEngine* pmt_script_engine(const PmtTinyOptions* const options) {
  PmtEngine* engine;
  CHECK(!pmt_engine_new(48000.0, pmt_script_player(options), &engine));
  return engine;
}

static void act(PmtEngine* const engine, const PmtScriptEvent* const event, const PmtMidiOut* const out) {
  switch (event->kind) {
  case PMT_SCRIPT_CONTROLS: pmt_engine_controls(engine, &event->controls); break;
  case PMT_SCRIPT_POSITION: pmt_engine_position(engine, &event->position, out, 0); break;
  case PMT_SCRIPT_MIDI: pmt_engine_midi(engine, event->bytes, event->size, out, 0); break;
  case PMT_SCRIPT_LEARN: pmt_engine_learn(engine, event->bars); break;
  case PMT_SCRIPT_PANIC: pmt_engine_panic(engine, out, 0); break;
  case PMT_SCRIPT_SILENCE: pmt_engine_silence(engine, out, 0); break;
  case PMT_SCRIPT_SWAP: {
    PmtPlayer* const player = pmt_script_player(event->options);
    pmt_player_free(pmt_engine_take_old(engine));
    if (!pmt_engine_offer(engine, player)) {
      pmt_player_free(player);
    }
    break;
  }
  }
}

void pmt_script_run(PmtEngine* const engine, const PmtScriptEvent* const events, const size_t n_events,
                    const uint64_t end, const uint32_t block, PmtScriptSink* const sink) {
  const PmtMidiOut out = pmt_script_out(sink);
  size_t next = 0;
  for (uint64_t i = 0; sink->frame < end; ++i) {
    for (; next < n_events && events[next].frame <= sink->frame; ++next) {
      sink->n_frames = 0;
      act(engine, &events[next], &out);
    }
    const uint64_t until = next < n_events && events[next].frame < end ? events[next].frame : end;
    const uint64_t wanted = block ? block : 1 + pmt_random_bits(5, block, i) % 3000;
    sink->n_frames = (uint32_t)(until - sink->frame < wanted ? until - sink->frame : wanted);
    pmt_engine_advance(engine, sink->n_frames, &out, 0);
    sink->frame += sink->n_frames;
  }
}

PmtPosition pmt_script_position(const int64_t song_frame, const float speed) {
  const double beats = (double)song_frame / 24000.0;
  const double bar = floor(beats / 4.0);
  return (PmtPosition){.frame = song_frame, .speed = speed, .bar = (int64_t)bar, .bar_beat = beats - 4.0 * bar,
                       .beats_per_bar = 4.0f, .unit = 4, .bpm = 120.0f};
}

PmtScriptEvent pmt_script_at(const uint64_t frame, const PmtPosition position) {
  return (PmtScriptEvent){.frame = frame, .kind = PMT_SCRIPT_POSITION, .position = position};
}

PmtScriptEvent pmt_script_set(const uint64_t frame, const PmtControls controls) {
  return (PmtScriptEvent){.frame = frame, .controls = controls};
}

PmtScriptEvent pmt_script_midi(const uint64_t frame, const uint8_t status, const uint8_t second, const uint8_t third) {
  const bool two = (status & 0xe0) == 0xc0;
  return (PmtScriptEvent){
      .frame = frame, .kind = PMT_SCRIPT_MIDI, .bytes = {status, second, third}, .size = two ? 2 : 3};
}

uint32_t pmt_script_count_on(const PmtMidiList* const list, const uint64_t from, const uint64_t to) {
  uint32_t n = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    n += (list->events[i].bytes[0] & 0xf0) == 0x90 && list->events[i].frame >= from && list->events[i].frame < to;
  }
  return n;
}

int64_t pmt_script_first_on(const PmtMidiList* const list, const uint64_t from) {
  for (size_t i = 0; i < list->n_events; ++i) {
    if (list->events[i].frame >= from && (list->events[i].bytes[0] & 0xf0) == 0x90) {
      return (int64_t)(list->events[i].frame - from);
    }
  }
  return -1;
}

bool pmt_script_same(const PmtMidiList* const a, const PmtMidiList* const b) {
  if (a->n_events != b->n_events) {
    return false;
  }
  for (size_t i = 0; i < a->n_events; ++i) {
    if (a->events[i].frame != b->events[i].frame || a->events[i].size != b->events[i].size ||
        memcmp(a->events[i].bytes, b->events[i].bytes, a->events[i].size)) {
      return false;
    }
  }
  return true;
}
