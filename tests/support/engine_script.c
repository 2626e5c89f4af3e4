/* SPDX-License-Identifier: ISC */
#include "support/engine_script.h"

#include "base/random.h"
#include "check.h"
#include "support/scratch.h"

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
  char path[512];
  PmtError error = {""};
  PmtModel* model;
  pmt_scratch_file(path, sizeof path);
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

void pmt_script_check_no_gap(const PmtMidiList* const list, const uint64_t from, const uint64_t to) {
  for (uint64_t slot = from; slot < to; slot += PMT_SCRIPT_SLOT) {
    CHECKF(pmt_script_count_on(list, slot, slot + PMT_SCRIPT_SLOT) > 0, "nothing begins in the slot at %d", (int)slot);
  }
}

uint32_t pmt_script_sounding(const PmtMidiList* const list, const uint64_t frame) {
  uint32_t n = 0;
  for (size_t i = 0; i < list->n_events && list->events[i].frame <= frame; ++i) {
    const uint8_t kind = list->events[i].bytes[0] & 0xf0;
    n += kind == 0x90 ? 1u : kind == 0x80 ? UINT32_MAX : 0;
  }
  return n;
}

uint32_t pmt_script_pedals(const PmtMidiList* const list) {
  uint32_t down = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    const uint8_t* const bytes = list->events[i].bytes;
    const uint32_t channel = 1u << (bytes[0] & 15);
    if ((bytes[0] & 0xf0) == 0xb0 && bytes[1] == 64) {
      down = bytes[2] >= 64 ? down | channel : down & ~channel;
    }
  }
  return down;
}

uint64_t pmt_script_first_difference(const PmtMidiList* const a, const PmtMidiList* const b) {
  const size_t n = a->n_events < b->n_events ? a->n_events : b->n_events;
  for (size_t i = 0; i < n; ++i) {
    const PmtTimedMidi* const x = &a->events[i], *const y = &b->events[i];
    if (x->frame != y->frame || x->size != y->size || memcmp(x->bytes, y->bytes, x->size)) {
      return x->frame < y->frame ? x->frame : y->frame;
    }
  }
  return n < a->n_events ? a->events[n].frame : n < b->n_events ? b->events[n].frame : UINT64_MAX;
}

bool pmt_script_same(const PmtMidiList* const a, const PmtMidiList* const b) {
  return pmt_script_first_difference(a, b) == UINT64_MAX;
}

/* ---- The script of a program ------------------------------------------------------------------------------------- */

PmtScript pmt_script;

void pmt_script_add(const PmtScriptEvent event) {
  CHECK(pmt_script.n < PMT_SCRIPT_MAX);
  pmt_script.event[pmt_script.n++] = event;
}

void pmt_script_say(const uint64_t frame, const int64_t song_frame, const float speed) {
  pmt_script_add(pmt_script_at(frame, pmt_script_position(song_frame, speed)));
}

void pmt_script_begin(const PmtControls controls, const int64_t song_frame) {
  pmt_script.n = 0;
  pmt_script_add(pmt_script_set(0, controls));
  pmt_script_say(0, song_frame, 0.0f);
  pmt_script_say(PMT_SCRIPT_LEAD, song_frame, 1.0f);
}

void pmt_script_sort(void) {
  PmtScriptEvent* const e = pmt_script.event;
  for (size_t i = 1; i < pmt_script.n; ++i) { /* what stands at one frame keeps its order */
    const PmtScriptEvent event = e[i];
    size_t at = i;
    while (at && e[at - 1].frame > event.frame) {
      e[at] = e[at - 1];
      --at;
    }
    e[at] = event;
  }
}

void pmt_script_check_ends(PmtEngine* const engine, PmtScriptSink* const sink) {
  const PmtMidiOut out = pmt_script_out(sink);
  sink->refuse_one_in = 0;
  sink->n_frames = 0;
  CHECK(pmt_engine_silence(engine, &out, 0) == 0);
  CHECKF(sink->n_sounding == 0, "%u notes sound on", sink->n_sounding);
}

PmtMidiList pmt_script_play(const PmtTinyOptions* const options, const uint64_t end, const uint32_t* const blocks,
                            const size_t n_blocks, PmtEngineStats* const stats) {
  PmtMidiList first = {0};
  PmtEngineStats figures = {0};
  bool has_player = false; /* without one, nothing but our notes comes out */
  pmt_script_sort();
  for (size_t i = 0; i < pmt_script.n; ++i) {
    has_player = has_player || pmt_script.event[i].kind == PMT_SCRIPT_MIDI;
  }
  for (size_t i = 0; i < n_blocks; ++i) {
    PmtEngine* const engine = pmt_script_engine(options);
    PmtScriptSink sink = {.passes = has_player};
    pmt_script_run(engine, pmt_script.event, pmt_script.n, end, blocks[i], &sink);
    pmt_script_check_ends(engine, &sink);
    const PmtEngineStats* const s = pmt_engine_stats(engine);
    CHECKF(s->late_slots == 0, "%d late", (int)s->late_slots);
    if (i == 0) {
      figures = *s;
      first = sink.list;
    } else {
      CHECKF(pmt_script_same(&first, &sink.list), "mode %g: blocks of %u frames sound different from %d on",
             (double)pmt_script.event[0].controls.mode, blocks[i],
             (int)pmt_script_first_difference(&first, &sink.list));
      CHECK(!memcmp(&figures, s, sizeof figures));
      pmt_midi_list_free(&sink.list);
    }
    pmt_engine_free(engine);
  }
  if (stats) {
    *stats = figures;
  }
  return first;
}
