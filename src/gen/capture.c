/* SPDX-License-Identifier: ISC */
/* The tape cut into bars, the last of them written. Above: the plugin's worker. Below: gen/tape, gen/programs,
   music/smf.

   The tape says where bars begin, not how long they are: a loop, a locate or a stop may cut one short, and the next
   may be entered in its middle. What is shorter than the meter says becomes a bar of its own length in the file, so
   that all later bar lines are where they were heard. */
#include "gen/capture.h"

#include "gen/channels.h"
#include "gen/programs.h"
#include "music/meter.h"
#include "music/smf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
  TIME_A_TICK = PMT_TAPE_QUARTER / PMT_TICKS_PER_QUARTER,
  EIGHTH = PMT_TAPE_QUARTER / 2,
  SIXTYFOURTH = PMT_TAPE_QUARTER / 16, /* the shortest note that a meter of ours counts in */
  WHOLE = 4 * PMT_TAPE_QUARTER,
  BEATS_MAX = 255,
  TEMPO_MAX = 0xffffff,
  EVENTS_AT_ONCE = PMT_CHANNELS,
};

static const uint64_t tempo_unknown = 500000, meter_unknown = 4 * 64 << 8 | 4;

typedef struct {
  uint64_t time;      /* on the tape */
  uint64_t tick;      /* in the file */
  uint64_t meter;     /* as the tape has it */
  int64_t number;     /* the host's */
  size_t first;       /* record after its bar line */
  bool follows_start; /* nothing is joined to what was played before the transport stood */
} Bar;

typedef struct {
  PmtTapeRecord* records; /* owned */
  Bar* bars;              /* owned */
  size_t n, n_bars;
  bool overwritten, started; /* the tape's beginning is lost; there is a start on it */
} Reel;

/* ---- Meters ------------------------------------------------------------------------------------------------------ */

/** Length of a bar, 1/480 quarter. */
static uint64_t length_of(const uint64_t meter) {
  const PmtMeter m = {.beats = (float)(meter >> 8) / 64.0f, .unit = (int)(meter & 0xff)};
  return (uint64_t)pmt_meter_bar_ticks(m) * TIME_A_TICK;
}

static bool is_power_of_two(const uint64_t unit) { return unit && !(unit & (unit - 1)); }

/** A meter of that length, in the unit or shorter ones. */
static PmtSmfMeter meter_of_length(const uint64_t tick, const uint64_t length, const uint64_t unit_wanted) {
  uint64_t unit = is_power_of_two(unit_wanted) && unit_wanted < 64 ? unit_wanted : 4;
  while (unit < 64 && length % (WHOLE / unit)) {
    unit *= 2;
  }
  const uint64_t beats = (length * unit + WHOLE / 2) / WHOLE;
  return (PmtSmfMeter){.tick = tick, .beats = (uint8_t)(beats < 1 ? 1 : beats < BEATS_MAX ? beats : BEATS_MAX),
                       .unit = (uint8_t)unit};
}

/** The meter as the host gave it, if a file can say that. */
static PmtSmfMeter meter_of(const uint64_t tick, const uint64_t meter) {
  const uint64_t beats = meter >> 8, unit = meter & 0xff;
  if (is_power_of_two(unit) && beats % 64 == 0 && beats >= 64 && beats / 64 <= BEATS_MAX) {
    return (PmtSmfMeter){.tick = tick, .beats = (uint8_t)(beats / 64), .unit = (uint8_t)unit};
  }
  return meter_of_length(tick, length_of(meter), unit);
}

/* ---- Bars -------------------------------------------------------------------------------------------------------- */

/** A bar line. A piece of a bar that another piece completes is one bar with it: a stop and a start in the middle, or a
    loop that the host tells a little late. */
static void add_bar(Reel* const reel, const Bar* const bar) {
  Bar* const last = reel->n_bars ? &reel->bars[reel->n_bars - 1] : NULL;
  Bar* const before = reel->n_bars > 1 ? last - 1 : NULL;
  if (before && last->time - before->time < length_of(before->meter)) {
    const uint64_t joined = bar->time - before->time, whole = length_of(last->meter);
    if (joined == whole || (joined < whole && !last->follows_start)) {
      before->number = last->number;
      before->meter = last->meter;
      *last = *bar;
      return;
    }
  }
  reel->bars[reel->n_bars++] = *bar;
}

/** The same for the bar that plays, whose length nobody knows yet. */
static void join_last(Reel* const reel) {
  Bar* const last = &reel->bars[reel->n_bars - 1];
  const uint64_t end = reel->records[reel->n - 1].time;
  if (reel->n_bars > 1 && !last->follows_start && last->time - last[-1].time < length_of(last[-1].meter) &&
      end - last[-1].time <= length_of(last->meter)) {
    last[-1].number = last->number;
    last[-1].meter = last->meter;
    --reel->n_bars;
  }
}

/** The host's word on a new meter may come a cycle after the bar line. */
static void take_meter(Reel* const reel, const PmtTapeRecord* const record) {
  Bar* const bar = reel->n_bars ? &reel->bars[reel->n_bars - 1] : NULL;
  if (bar && record->time - bar->time < length_of(bar->meter) / 2) {
    bar->meter = record->payload;
  }
}

/** First payload of a kind, for what comes before it. */
static uint64_t first_of(const Reel* const reel, const PmtTapeKind kind, const uint64_t otherwise) {
  for (size_t i = 0; i < reel->n; ++i) {
    if (reel->records[i].kind == kind) {
      return reel->records[i].payload;
    }
  }
  return otherwise;
}

/** All bars on the tape, or those since the last start. */
static void find_bars(Reel* const reel, const bool since_start) {
  uint64_t meter = first_of(reel, PMT_TAPE_METER, meter_unknown);
  bool follows_start = false;
  for (size_t i = 0; i < reel->n; ++i) {
    const PmtTapeRecord* const r = &reel->records[i];
    if (r->kind == PMT_TAPE_START) {
      reel->started = follows_start = true;
      reel->n_bars = since_start ? 0 : reel->n_bars;
    } else if (r->kind == PMT_TAPE_METER) {
      meter = r->payload;
      take_meter(reel, r);
    } else if (r->kind == PMT_TAPE_BAR) {
      add_bar(reel, &(Bar){.time = r->time, .meter = meter, .number = (int32_t)(uint32_t)r->payload, .first = i + 1,
                           .follows_start = follows_start});
      follows_start = false;
    }
  }
  if (reel->n_bars) {
    join_last(reel);
  }
}

/** Where the bars from `first` on lie in the file. A piece is as long as a meter can say: the next may come a trifle
    late. */
static void lay_out(Reel* const reel, const size_t first) {
  reel->bars[first].tick = 0;
  for (size_t i = first; i + 1 < reel->n_bars; ++i) {
    const uint64_t length = reel->bars[i + 1].time - reel->bars[i].time;
    const uint64_t rounded = (length + SIXTYFOURTH - 1) / SIXTYFOURTH * SIXTYFOURTH;
    const bool whole = length == length_of(reel->bars[i].meter);
    reel->bars[i + 1].tick = reel->bars[i].tick + (whole ? length : rounded);
  }
}

/** The bar that has just begun does not count: who presses the button on the beat means the bars before. */
static size_t first_wanted(const Reel* const reel, const uint32_t bars) {
  const bool begun = reel->records[reel->n - 1].time - reel->bars[reel->n_bars - 1].time < EIGHTH;
  const size_t wanted = (size_t)bars + begun;
  return bars && wanted < reel->n_bars ? reel->n_bars - wanted : 0;
}

static PmtStatus load_reel(const PmtTape* const tape, Reel* const reel, PmtError* const error) {
  *reel = (Reel){.records = malloc(PMT_TAPE_RECORDS * sizeof *reel->records)};
  if (!reel->records) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for what was played");
  }
  reel->n = pmt_tape_copy(tape, reel->records);
  reel->overwritten = pmt_tape_head(tape) > reel->n;
  size_t n_bars = 0;
  for (size_t i = 0; i < reel->n; ++i) {
    n_bars += reel->records[i].kind == PMT_TAPE_BAR;
  }
  reel->bars = malloc((n_bars + 1) * sizeof *reel->bars);
  return reel->bars ? PMT_OK : pmt_fail(error, PMT_NO_MEM, "out of memory for %zu bars", n_bars);
}

static void free_reel(Reel* const reel) {
  free(reel->records);
  free(reel->bars);
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */

typedef struct {
  const Reel* reel;
  const PmtCaptureOptions* options;
  size_t bar;          /* that plays */
  uint64_t tick, tempo;
  uint32_t used, style;
  bool sounds[PMT_CHANNELS][128];
  uint32_t n_sounding, n_notes;
  PmtSmfEvent* events; /* owned, as the next two */
  PmtSmfTempo* tempos;
  PmtSmfMeter* meters;
  size_t n_events, events_capacity, n_tempos, n_meters;
  bool failed; /* no memory */
} Writing;

/** @return room for some events more; NULL = no memory */
static PmtSmfEvent* room(Writing* const w) {
  if (w->n_events + EVENTS_AT_ONCE > w->events_capacity && !w->failed) {
    const size_t capacity = 2 * w->events_capacity + 256;
    PmtSmfEvent* const events = realloc(w->events, capacity * sizeof *events);
    w->failed = !events;
    w->events = events ? events : w->events;
    w->events_capacity = events ? capacity : w->events_capacity;
  }
  return w->failed ? NULL : &w->events[w->n_events];
}

static void put_message(Writing* const w, const uint32_t status, const uint32_t pitch, const uint32_t velocity) {
  PmtSmfEvent* const event = room(w);
  if (event) {
    *event = (PmtSmfEvent){.tick = w->tick, .bytes = {(uint8_t)status, (uint8_t)pitch, (uint8_t)velocity}, .size = 3};
    ++w->n_events;
  }
}

static void put_programs(Writing* const w, const uint32_t style) {
  const PmtCaptureOptions* const o = w->options;
  PmtSmfEvent* const events = o->model && style != w->style ? room(w) : NULL;
  w->style = style;
  if (events) {
    w->n_events += pmt_programs_put(o->model, style, o->channel, w->used, w->tick, events);
  }
}

static void put_tempo(Writing* const w, const uint64_t tempo) {
  const uint32_t us = (uint32_t)(tempo < 1 ? 1 : tempo < TEMPO_MAX ? tempo : TEMPO_MAX);
  PmtSmfTempo* const last = w->n_tempos ? &w->tempos[w->n_tempos - 1] : NULL;
  if (last && last->us_per_quarter == us) {
    return;
  }
  if (last && last->tick == w->tick) {
    last->us_per_quarter = us;
    return;
  }
  w->tempos[w->n_tempos++] = (PmtSmfTempo){.tick = w->tick, .us_per_quarter = us};
}

static void put_meter(Writing* const w, const Bar* const bar) {
  const bool last_bar = bar + 1 == w->reel->bars + w->reel->n_bars;
  const bool whole = last_bar || bar[1].time - bar->time == length_of(bar->meter);
  const PmtSmfMeter meter = whole ? meter_of(bar->tick, bar->meter)
                                  : meter_of_length(bar->tick, bar[1].tick - bar->tick, bar->meter & 0xff);
  const PmtSmfMeter* const last = w->n_meters ? &w->meters[w->n_meters - 1] : NULL;
  if (!last || last->beats != meter.beats || last->unit != meter.unit) {
    w->meters[w->n_meters++] = meter;
  }
}

/** A note-off whose note began before is not for this file. */
static void put_note(Writing* const w, const uint64_t payload) {
  const uint32_t status = payload >> 16 & 0xff, pitch = payload >> 8 & 0x7f, velocity = payload & 0x7f;
  const uint32_t kind = status & 0xf0, channel = status & 0x0f;
  bool* const sounds = &w->sounds[channel][pitch];
  if (kind != 0x80 && kind != 0x90) {
    return;
  }
  if (*sounds) {
    put_message(w, 0x80 | channel, pitch, kind == 0x80 ? velocity : 64);
    *sounds = false;
    --w->n_sounding;
  }
  if (kind == 0x90) {
    put_message(w, status, pitch, velocity);
    *sounds = true;
    ++w->n_sounding;
    ++w->n_notes;
  }
}

static void put_record(Writing* const w, const PmtTapeRecord* const record) {
  const Bar* const bar = &w->reel->bars[w->bar];
  w->tick = bar->tick + (record->time - bar->time);
  switch (record->kind) {
  case PMT_TAPE_TEMPO: put_tempo(w, record->payload); break;
  case PMT_TAPE_MIDI: put_note(w, record->payload); break;
  case PMT_TAPE_SLOT: put_programs(w, pmt_tape_slot_of(record->payload).style); break;
  default: break;
  }
}

/** The end of the eighth that plays: what sounds until then ends there. @return that tick */
static uint64_t put_end(Writing* const w) {
  const Reel* const reel = w->reel;
  const Bar* const bar = &reel->bars[reel->n_bars - 1];
  const uint64_t passed = reel->records[reel->n - 1].time - bar->time;
  const uint64_t eighths = (passed + (w->n_sounding ? EIGHTH : EIGHTH - 1)) / EIGHTH;
  w->tick = bar->tick + (eighths ? eighths : 1) * EIGHTH;
  for (uint32_t i = 0; w->n_sounding && i < PMT_CHANNELS * 128; ++i) {
    if (w->sounds[i / 128][i % 128]) {
      put_note(w, (uint64_t)(0x80 | i / 128) << 16 | (i % 128) << 8 | 64);
    }
  }
  return w->tick;
}

static uint32_t used_channels(const Reel* const reel, const size_t first) {
  uint32_t used = 0;
  for (size_t i = first; i < reel->n; ++i) {
    const PmtTapeRecord* const r = &reel->records[i];
    used |= r->kind == PMT_TAPE_MIDI && (r->payload >> 20 & 0xf) == 9 ? 1u << (r->payload >> 16 & 0xf) : 0;
  }
  return used;
}

/** The last word of a kind before record `end`. */
static uint64_t in_force(const Reel* const reel, const size_t end, const PmtTapeKind kind, const uint64_t otherwise) {
  for (size_t i = end; i-- > 0;) {
    if (reel->records[i].kind == kind) {
      return reel->records[i].payload;
    }
  }
  return first_of(reel, kind, otherwise);
}

/** Styles as they took the lead; a bar that was repeated does not say, and then it is the caller's word that counts. */
static uint32_t first_style(const Writing* const w, const size_t from) {
  for (size_t i = from; i < w->reel->n; ++i) {
    if (w->reel->records[i].kind == PMT_TAPE_SLOT) {
      return pmt_tape_slot_of(w->reel->records[i].payload).style;
    }
  }
  return w->options->style;
}

static bool reserve(Writing* const w, const size_t first_bar) {
  const Reel* const reel = w->reel;
  size_t n_tempos = 1;
  for (size_t i = reel->bars[first_bar].first; i < reel->n; ++i) {
    n_tempos += reel->records[i].kind == PMT_TAPE_TEMPO;
  }
  w->tempos = malloc(n_tempos * sizeof *w->tempos);
  w->meters = malloc((reel->n_bars - first_bar) * sizeof *w->meters);
  return w->tempos && w->meters;
}

/** @return the file's end */
static uint64_t put_all(Writing* const w, const size_t first_bar) {
  const Reel* const reel = w->reel;
  const size_t from = reel->bars[first_bar].first;
  w->bar = first_bar;
  w->used = used_channels(reel, from);
  w->style = UINT32_MAX;
  put_programs(w, first_style(w, from));
  put_tempo(w, in_force(reel, from, PMT_TAPE_TEMPO, tempo_unknown));
  put_meter(w, &reel->bars[first_bar]);
  for (size_t i = from; i < reel->n; ++i) {
    if (w->bar + 1 < reel->n_bars && reel->bars[w->bar + 1].first == i) {
      put_meter(w, &reel->bars[++w->bar]);
    }
    put_record(w, &reel->records[i]);
  }
  return put_end(w);
}

static PmtStatus write_file(const Writing* const w, const uint64_t end, const char* const path, PmtError* const error) {
  const PmtCaptureOptions* const o = w->options;
  const char* names[PMT_CHANNELS] = {NULL};
  for (uint32_t channel = 0; o->model && channel < PMT_CHANNELS; ++channel) {
    names[channel] = pmt_programs_name(o->model, o->channel, channel);
  }
  const PmtSmfOut smf = {
    .ticks_per_quarter = PMT_TAPE_QUARTER,
    .title = o->title,
    .names = names,
    .tempos = w->tempos,
    .n_tempos = w->n_tempos,
    .meters = w->meters,
    .n_meters = w->n_meters,
    .events = w->events,
    .n_events = w->n_events,
    .end_tick = end,
  };
  return pmt_smf_write(path, &smf, error);
}

static PmtStatus write_bars(Reel* const reel, const PmtCaptureOptions* const options, const char* const path,
                            PmtCaptured* const captured, PmtError* const error) {
  const size_t first = first_wanted(reel, options->bars);
  Writing* const w = calloc(1, sizeof *w); /* a worker's stack may be small */
  if (!w) {
    return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path);
  }
  w->reel = reel;
  w->options = options;
  lay_out(reel, first);
  w->failed = !reserve(w, first);
  const uint64_t end = w->failed ? 0 : put_all(w, first);
  PmtStatus status = PMT_OK;
  if (w->failed) {
    status = pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path);
  } else if (!w->n_notes) {
    status = pmt_fail(error, PMT_BAD_ARG, "no note was played %s",
                      options->bars ? "in these bars" : "since the last start");
  } else {
    status = write_file(w, end, path, error);
  }
  if (!status) {
    const uint32_t bars = (uint32_t)(reel->n_bars - first);
    *captured = (PmtCaptured){
      .bars = bars,
      .notes = w->n_notes,
      .first_bar = reel->bars[first].number,
      .cut = reel->overwritten && (options->bars ? bars < options->bars : !reel->started),
    };
  }
  free(w->events);
  free(w->tempos);
  free(w->meters);
  free(w);
  return status;
}

PmtStatus pmt_capture_write(const PmtTape* const tape, const PmtCaptureOptions* const options, const char* const path,
                            PmtCaptured* const captured, PmtError* const error) {
  Reel reel;
  *captured = (PmtCaptured){0};
  PmtStatus status = load_reel(tape, &reel, error);
  if (!status) {
    find_bars(&reel, options->bars == 0);
    status = reel.n_bars ? write_bars(&reel, options, path, captured, error)
                         : pmt_fail(error, PMT_BAD_ARG, options->bars ? "nothing was played yet"
                                                                      : "nothing was played since the last start");
  }
  free_reel(&reel);
  return status;
}
