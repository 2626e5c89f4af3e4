/* SPDX-License-Identifier: ISC */
/* A host's part, played offline: stand, roll, stop. Above: tools/cmd_generate.c, tests. Below: gen/engine. */
#include "gen/render.h"

#include "base/random.h"
#include "gen/programs.h"
#include "music/meter.h"

#include <stdlib.h>
#include <string.h>

/* ---- What left the engine ---------------------------------------------------------------------------------------- */

PmtStatus pmt_midi_list_add(PmtMidiList* const list, const uint64_t frame, const uint8_t* const bytes,
                            const uint32_t size) {
  if (size < 1 || size > 3) {
    return PMT_BAD_ARG;
  }
  if (list->n_events == list->capacity) {
    const size_t capacity = list->capacity ? 2 * list->capacity : 256;
    PmtTimedMidi* const events = realloc(list->events, capacity * sizeof *events);
    if (!events) {
      return PMT_NO_MEM;
    }
    list->events = events;
    list->capacity = capacity;
  }
  PmtTimedMidi* const event = &list->events[list->n_events++];
  *event = (PmtTimedMidi){.frame = frame, .size = (uint8_t)size};
  memcpy(event->bytes, bytes, size);
  return PMT_OK;
}

void pmt_midi_list_free(PmtMidiList* const list) {
  free(list->events);
  *list = (PmtMidiList){NULL, 0, 0};
}

/* ---- Rolling ----------------------------------------------------------------------------------------------------- */

enum { BLOCK_RANDOM_MAX = 4096 };

uint64_t pmt_preroll_frames(const double sample_rate) {
  const uint64_t whole = (uint64_t)(0.5 * sample_rate);
  return whole + ((double)whole < 0.5 * sample_rate);
}

typedef struct {
  PmtMidiList* list;
  uint64_t frame; /* of the present block, from the roll's start */
  bool failed;
} Recorder;

static bool record(void* const handle, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  Recorder* const r = handle;
  r->failed = r->failed || pmt_midi_list_add(r->list, r->frame + frame, bytes, size);
  return !r->failed;
}

typedef struct {
  PmtEngine* engine;
  const PmtRenderOptions* options;
  PmtMidiOut out;
  Recorder recorder;
  uint64_t n_blocks;
} Roll;

static uint32_t next_block(Roll* const roll) {
  const PmtRenderOptions* const o = roll->options;
  return o->block ? o->block
                  : 1 + (uint32_t)(pmt_random_bits(o->block_seed, 0, roll->n_blocks++) % BLOCK_RANDOM_MAX);
}

/** Say where we are, `frame` frames into the song, at every block as many hosts do. */
static void say_position(Roll* const roll, const uint64_t frame, const float speed) {
  const PmtRenderOptions* const o = roll->options;
  const double beats_a_quarter = (double)o->unit / 4.0;
  const double beats = (double)frame / o->sample_rate / 60.0 * o->quarter_bpm * beats_a_quarter;
  const int64_t bar = (int64_t)(beats / (double)o->beats);
  const double bar_beat = beats - (double)bar * (double)o->beats;
  const PmtPosition position = {
    .frame = (int64_t)frame,
    .speed = speed,
    .bar = bar,
    .bar_beat = bar_beat > 0.0 ? bar_beat : 0.0,
    .beats_per_bar = (float)o->beats,
    .unit = (int)o->unit,
    .bpm = (float)(o->quarter_bpm * beats_a_quarter),
  };
  pmt_engine_position(roll->engine, &position, &roll->out, 0);
}

static void pass(Roll* const roll, const uint64_t n_frames, const bool rolling) {
  for (uint64_t done = 0; done < n_frames && !roll->recorder.failed;) {
    const uint32_t block = next_block(roll);
    const uint32_t n = n_frames - done < block ? (uint32_t)(n_frames - done) : block;
    roll->recorder.frame = rolling ? done : 0;
    say_position(roll, rolling ? done : 0, rolling ? 1.0f : 0.0f);
    pmt_engine_advance(roll->engine, n, &roll->out, 0);
    done += n;
  }
}

static PmtStatus check_options(const PmtRenderOptions* const o, PmtError* const error) {
  if (!(o->sample_rate >= 1000.0 && o->sample_rate <= 1e6)) {
    return pmt_fail(error, PMT_BAD_ARG, "sample rate %g is not in 1000..1000000", o->sample_rate);
  }
  if (!(o->quarter_bpm >= 1.0 && o->quarter_bpm <= 2000.0)) {
    return pmt_fail(error, PMT_BAD_ARG, "tempo %g is not in 1..2000 quarter notes a minute", o->quarter_bpm);
  }
  if (o->beats < 1 || o->beats > 99 || o->unit < 1 || o->unit > 64 || (o->unit & (o->unit - 1))) {
    return pmt_fail(error, PMT_BAD_ARG, "meter %u/%u: need 1..99 beats of a whole, half ... 64th", o->beats, o->unit);
  }
  return PMT_OK;
}

PmtStatus pmt_render(PmtEngine* const engine, const PmtControls* const controls, const PmtRenderOptions* const options,
                     PmtMidiList* const list, PmtError* const error) {
  const PmtStatus status = check_options(options, error);
  if (status) {
    return status;
  }
  Roll roll = {.engine = engine, .options = options, .recorder = {.list = list}};
  roll.out = (PmtMidiOut){record, &roll.recorder};
  const double quarters = (double)options->bars * (double)options->beats * 4.0 / (double)options->unit;
  const double exact = quarters * 60.0 / options->quarter_bpm * options->sample_rate;
  const uint64_t end = (uint64_t)(exact + 0.5);
  pmt_engine_controls(engine, controls);
  pass(&roll, pmt_preroll_frames(options->sample_rate), false);
  pass(&roll, end, true);
  roll.recorder.frame = end;
  say_position(&roll, end, 0.0f);
  pmt_engine_silence(engine, &roll.out, 0);
  return roll.recorder.failed ? pmt_fail(error, PMT_NO_MEM, "out of memory for what is played") : PMT_OK;
}

/* ---- To a file --------------------------------------------------------------------------------------------------- */

/** Frames of one file tick at a tempo. */
static double frames_a_tick(const PmtMidiListOut* const out, const uint32_t us_per_quarter) {
  return (double)us_per_quarter * 1e-6 * out->sample_rate / (double)out->ticks_per_quarter;
}

typedef struct {
  const PmtMidiListOut* out;
  size_t tempo;      /* in force */
  double tick_frame; /* where that tempo begins */
} Ruler;

/** Nearest file tick of a frame. Frames must not fall from call to call. */
static uint64_t tick_at(Ruler* const r, const uint64_t frame) {
  const PmtMidiListOut* const out = r->out;
  const PmtSmfTempo* t = &out->tempos[r->tempo];
  while (r->tempo + 1 < out->n_tempos) {
    const double next = r->tick_frame + (double)(t[1].tick - t->tick) * frames_a_tick(out, t->us_per_quarter);
    if (next > (double)frame) {
      break;
    }
    r->tick_frame = next;
    ++r->tempo;
    ++t;
  }
  const double ticks = ((double)frame - r->tick_frame) / frames_a_tick(out, t->us_per_quarter);
  return t->tick + (uint64_t)(ticks > 0.0 ? ticks + 0.5 : 0.0);
}

static uint32_t used_channels(const PmtMidiList* const list) {
  uint32_t used = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    used |= 1u << (list->events[i].bytes[0] & 0x0f);
  }
  return used;
}

PmtStatus pmt_midi_list_write(const PmtMidiList* const list, const PmtMidiListOut* const out, const char* const path,
                              PmtError* const error) {
  if (!out->n_tempos || !out->n_meters || !out->ticks_per_quarter || out->tempos[0].tick ||
      (out->model && out->style >= out->model->n_styles)) {
    return pmt_fail(error, PMT_BAD_ARG, "%s: no tempo or meter at the start, or no such style", path);
  }
  PmtSmfEvent* const events = malloc((list->n_events + 16) * sizeof *events);
  if (!events) {
    return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path);
  }
  size_t n = out->model ? pmt_programs_put(out->model, out->style, out->channel, used_channels(list), 0, events) : 0;
  Ruler ruler = {.out = out};
  for (size_t i = 0; i < list->n_events; ++i) {
    const PmtTimedMidi* const event = &list->events[i];
    events[n] = (PmtSmfEvent){.tick = tick_at(&ruler, event->frame), .size = event->size};
    memcpy(events[n++].bytes, event->bytes, event->size);
  }
  const PmtSmfOut smf = {
    .ticks_per_quarter = out->ticks_per_quarter,
    .title = out->title,
    .tempos = out->tempos,
    .n_tempos = out->n_tempos,
    .meters = out->meters,
    .n_meters = out->n_meters,
    .events = events,
    .n_events = n,
    .end_tick = tick_at(&ruler, out->end_frame),
  };
  const PmtStatus status = pmt_smf_write(path, &smf, error);
  free(events);
  return status;
}
