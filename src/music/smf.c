/* SPDX-License-Identifier: ISC */
/* Standard MIDI files, read. Above: import.c. Below: base/file.h.

   One pass over the bytes, one sort over the notes: linear time (times a logarithm) and at most some 40 bytes of memory
   a note whatever the file says. A track is read until its end or its first damage; what came before stays.

   Equal notes that overlap on a channel are paired first in, first out: a file that writes the new note-on before the
   old note-off of the same tick then still has both notes whole. */
#include "music/smf.h"

#include "base/file.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  CHANNELS = 16,
  KEYS = CHANNELS * 128,
  MAP_MAX = 1 << 20,     /* tempo, meter and program changes kept; and as many of the pedal */
  TRACKS_MAX = 65535,
  BEAT_UNIT_LOG_MAX = 6, /* finest beat: a 64th */
  CC_SUSTAIN = 64,
  DEFAULT_US_PER_QUARTER = 500000,
  FASTEST_US_PER_QUARTER = 20000, /* 3000 BPM */
};

#define NO_NOTE UINT32_MAX

typedef enum { MAP_TEMPO, MAP_METER, MAP_PROGRAM } MapKind;

/** A change that holds from its tick on, whatever track it stands in. */
typedef struct {
  uint64_t tick;
  uint32_t order; /* in the file: the later one wins at one tick */
  uint32_t value; /* microseconds a quarter */
  uint8_t kind;
  uint8_t a, b; /* beats, unit; channel, program */
} MapEvent;

typedef struct {
  const unsigned char* bytes;
  size_t at, end;
} Cursor;

typedef struct {
  PmtSmf* smf;
  PmtError* error;
  size_t notes_capacity, pedals_capacity, names_capacity;
  MapEvent* map;
  size_t n_map, map_capacity;
  uint64_t tick;         /* in the track being read */
  uint32_t tick_factor;  /* 2 when a second of SMPTE time has an odd number of ticks */
  uint32_t default_us;   /* a quarter, until the first tempo */
  bool smpte;
  uint8_t program[CHANNELS];         /* last seen in this track */
  uint32_t n_sounding;
  uint32_t first[KEYS], last[KEYS];  /* sounding notes of a key, oldest first, linked through PmtSmfNote.end */
  uint32_t damaged, clipped, unended, changes_ignored, pedals_ignored; /* what was forgiven */
  size_t damaged_at;
  uint32_t damaged_track;
} Parser;

static void warn(PmtSmf* const smf, const char* const format, ...) PMT_PRINTF(2, 3);
static void warn(PmtSmf* const smf, const char* const format, ...) {
  const size_t used = strlen(smf->warnings);
  const size_t left = sizeof smf->warnings - used;
  const int comma = snprintf(smf->warnings + used, left, "%s", used ? "; " : "");
  if ((size_t)comma < left) {
    va_list args;
    va_start(args, format);
    vsnprintf(smf->warnings + used + comma, left - (size_t)comma, format, args);
    va_end(args);
  }
}

/* Bytes */

static uint32_t big_endian(const unsigned char* const bytes, const uint32_t n) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < n; ++i) {
    value = value << 8 | bytes[i];
  }
  return value;
}

static uint32_t little_endian32(const unsigned char* const b) {
  return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

/** A variable-length quantity: at most four bytes. */
static bool take_length(Cursor* const c, uint32_t* const value) {
  *value = 0;
  for (int i = 0; i < 4 && c->at < c->end; ++i) {
    const unsigned char byte = c->bytes[c->at++];
    *value = *value << 7 | (byte & 0x7fu);
    if (byte < 0x80) {
      return true;
    }
  }
  return false;
}

/** Take n data bytes (all below 0x80). */
static bool take_data(Cursor* const c, const uint32_t n, unsigned char data[2]) {
  for (uint32_t i = 0; i < n; ++i) {
    if (c->at >= c->end || c->bytes[c->at] >= 0x80) {
      return false;
    }
    data[i] = c->bytes[c->at++];
  }
  return true;
}

/** Room for one more than n. @return the array, moved perhaps; NULL when there is no memory (it is then as before). */
static void* grow(void* const array, size_t* const capacity, const size_t n, const size_t size) {
  if (n < *capacity) {
    return array;
  }
  const size_t wanted = *capacity + *capacity / 2 + 64;
  void* const fresh = realloc(array, wanted * size);
  *capacity = fresh ? wanted : *capacity;
  return fresh;
}

/* Events of a track */

static PmtStatus add_change(Parser* const p, const MapEvent change) {
  if (p->n_map >= MAP_MAX) {
    ++p->changes_ignored;
    return PMT_OK;
  }
  MapEvent* const map = grow(p->map, &p->map_capacity, p->n_map, sizeof *map);
  if (!map) {
    return PMT_NO_MEM;
  }
  p->map = map;
  p->map[p->n_map] = change;
  p->map[p->n_map].tick = p->tick;
  p->map[p->n_map].order = (uint32_t)p->n_map;
  ++p->n_map;
  return PMT_OK;
}

static PmtStatus begin_note(Parser* const p, const uint32_t track, const uint32_t channel,
                            const unsigned char data[2]) {
  PmtSmf* const smf = p->smf;
  if (smf->n_notes >= PMT_SMF_NOTES_MAX) {
    return pmt_fail(p->error, PMT_TOO_BIG, "more than %u notes", PMT_SMF_NOTES_MAX);
  }
  PmtSmfNote* const notes = grow(smf->notes, &p->notes_capacity, smf->n_notes, sizeof *notes);
  if (!notes) {
    return PMT_NO_MEM;
  }
  smf->notes = notes;
  const uint32_t index = (uint32_t)smf->n_notes++;
  smf->notes[index] = (PmtSmfNote){.start = p->tick,
                                   .end = NO_NOTE,
                                   .track = (uint16_t)track,
                                   .channel = (uint8_t)channel,
                                   .pitch = data[0],
                                   .velocity = data[1]};
  const uint32_t key = channel * 128 + data[0];
  if (p->first[key] == NO_NOTE) {
    p->first[key] = index;
  } else {
    smf->notes[p->last[key]].end = index;
  }
  p->last[key] = index;
  ++p->n_sounding;
  return PMT_OK;
}

static void end_note(Parser* const p, const uint32_t key) {
  const uint32_t index = p->first[key];
  if (index == NO_NOTE) {
    return; /* a stray note-off */
  }
  PmtSmfNote* const note = &p->smf->notes[index];
  p->first[key] = (uint32_t)note->end;
  note->end = p->tick;
  --p->n_sounding;
}

/** Notes without a note-off end with their track. Leaves the lists empty for the next one. */
static void end_all_notes(Parser* const p) {
  p->unended += p->n_sounding;
  for (uint32_t key = 0; key < KEYS && p->n_sounding > 0; ++key) {
    while (p->first[key] != NO_NOTE) {
      end_note(p, key);
    }
  }
}

static PmtStatus add_pedal(Parser* const p, const uint32_t track, const uint32_t channel, const uint8_t value) {
  PmtSmf* const smf = p->smf;
  if (smf->n_pedals >= MAP_MAX) {
    ++p->pedals_ignored;
    return PMT_OK;
  }
  PmtSmfPedal* const pedals = grow(smf->pedals, &p->pedals_capacity, smf->n_pedals, sizeof *pedals);
  if (!pedals) {
    return PMT_NO_MEM;
  }
  smf->pedals = pedals;
  pedals[smf->n_pedals] = (PmtSmfPedal){.tick = p->tick,
                                        .order = (uint32_t)smf->n_pedals,
                                        .track = (uint16_t)track,
                                        .channel = (uint8_t)channel,
                                        .value = value};
  ++smf->n_pedals;
  return PMT_OK;
}

static PmtStatus add_name(Parser* const p, const uint32_t track) {
  PmtSmfName* const names = grow(p->smf->names, &p->names_capacity, track, sizeof *names);
  if (!names) {
    return PMT_NO_MEM;
  }
  p->smf->names = names;
  names[track] = (PmtSmfName){""};
  return PMT_OK;
}

/** The first name counts: later ones are of passages. */
static void set_name(PmtSmfName* const name, const unsigned char* const data, const uint32_t n) {
  for (uint32_t i = 0; !name->text[i] && i < n && i + 1 < PMT_SMF_NAME; ++i) {
    name->text[i] = (char)(data[i] < 0x20 || data[i] == 0x7f ? '?' : data[i]);
  }
}

static PmtStatus take_meta(Parser* const p, const uint32_t type, const unsigned char* const data, const uint32_t n) {
  if (type == 0x03) {
    set_name(&p->smf->names[p->smf->n_tracks - 1], data, n);
    return PMT_OK;
  }
  if (type == 0x51) {
    const uint32_t us = n >= 3 ? big_endian(data, 3) : 0;
    if (p->smpte) {
      return PMT_OK; /* time is in seconds already */
    }
    if (us == 0) {
      ++p->changes_ignored;
      return PMT_OK;
    }
    return add_change(p, (MapEvent){.kind = MAP_TEMPO,
                                    .value = us < FASTEST_US_PER_QUARTER ? FASTEST_US_PER_QUARTER : us});
  }
  if (type == 0x58) {
    if (n < 2 || data[0] == 0 || data[1] > BEAT_UNIT_LOG_MAX) {
      ++p->changes_ignored;
      return PMT_OK;
    }
    return add_change(p, (MapEvent){.kind = MAP_METER, .a = data[0], .b = (uint8_t)(1u << data[1])});
  }
  return PMT_OK;
}

static PmtStatus take_channel_message(Parser* const p, const uint32_t track, const unsigned char status,
                                      const unsigned char data[2]) {
  const uint32_t channel = status & 0x0f;
  switch (status & 0xf0) {
  case 0x90:
    if (data[1] > 0) {
      return begin_note(p, track, channel, data);
    }
    end_note(p, channel * 128 + data[0]);
    return PMT_OK;
  case 0x80: end_note(p, channel * 128 + data[0]); return PMT_OK;
  case 0xb0: return data[0] == CC_SUSTAIN ? add_pedal(p, track, channel, data[1]) : PMT_OK;
  case 0xc0:
    if (p->program[channel] == data[0]) {
      return PMT_OK;
    }
    p->program[channel] = data[0];
    return add_change(p, (MapEvent){.kind = MAP_PROGRAM, .a = (uint8_t)channel, .b = data[0]});
  default: return PMT_OK;
  }
}

/** Data bytes of a channel message, or of the system messages that have no business in a file but do no harm. */
static uint32_t data_bytes(const unsigned char status) {
  if (status < 0xf0) {
    return (status & 0xe0) == 0xc0 ? 1 : 2;
  }
  return status == 0xf2 ? 2 : status == 0xf1 || status == 0xf3 ? 1 : 0;
}

typedef enum { EVENT_TAKEN, EVENT_END, EVENT_DAMAGED, EVENT_FATAL } EventResult;

/** Meta events and system exclusives are as long as they say. */
static EventResult take_long_event(Parser* const p, Cursor* const c, const unsigned char status,
                                   PmtStatus* const failure) {
  const bool meta = status == 0xff;
  if (meta && c->at >= c->end) {
    return EVENT_DAMAGED;
  }
  const uint32_t type = meta ? c->bytes[c->at++] : 0;
  uint32_t length;
  if (!take_length(c, &length) || length > c->end - c->at) {
    return EVENT_DAMAGED;
  }
  if (meta && type == 0x2f) {
    return EVENT_END;
  }
  *failure = meta ? take_meta(p, type, c->bytes + c->at, length) : PMT_OK;
  c->at += length;
  return *failure ? EVENT_FATAL : EVENT_TAKEN;
}

static EventResult take_event(Parser* const p, Cursor* const c, const uint32_t track, unsigned char* const running,
                              PmtStatus* const failure) {
  uint32_t delta;
  if (!take_length(c, &delta) || c->at >= c->end) {
    return EVENT_DAMAGED;
  }
  p->tick += (uint64_t)delta * p->tick_factor;
  const unsigned char byte = c->bytes[c->at];
  if (byte >= 0x80) {
    ++c->at;
  }
  if (byte == 0xff || byte == 0xf0 || byte == 0xf7) {
    return take_long_event(p, c, byte, failure); /* many files go on with the running status after it: so do we */
  }
  const unsigned char status = byte >= 0x80 ? byte : *running;
  if (status < 0x80) {
    return EVENT_DAMAGED;
  }
  unsigned char data[2] = {0, 0};
  if (!take_data(c, data_bytes(status), data)) {
    return EVENT_DAMAGED;
  }
  if (status >= 0xf0) {
    return EVENT_TAKEN;
  }
  *running = status;
  *failure = take_channel_message(p, track, status, data);
  return *failure ? EVENT_FATAL : EVENT_TAKEN;
}

static PmtStatus read_track(Parser* const p, Cursor c) {
  const uint32_t track = p->smf->n_tracks;
  unsigned char running = 0;
  if (add_name(p, track)) {
    return PMT_NO_MEM;
  }
  ++p->smf->n_tracks;
  PmtStatus failure = PMT_OK;
  EventResult result = EVENT_TAKEN;
  p->tick = 0;
  memset(p->program, 0xff, sizeof p->program);
  while (result == EVENT_TAKEN && c.at < c.end) {
    result = take_event(p, &c, track, &running, &failure);
  }
  if (result == EVENT_DAMAGED && !p->damaged++) {
    p->damaged_at = c.at;
    p->damaged_track = track;
  }
  end_all_notes(p);
  if (p->tick > p->smf->n_ticks) {
    p->smf->n_ticks = p->tick;
  }
  return failure;
}

/* Chunks */

/** A RIFF file of type RMID wraps a MIDI file in its "data" chunk. */
static void unwrap_riff(Cursor* const c) {
  const unsigned char* const b = c->bytes;
  if (c->end < 12 || memcmp(b, "RIFF", 4) != 0 || memcmp(b + 8, "RMID", 4) != 0) {
    return;
  }
  for (size_t at = 12; c->end - at >= 8;) {
    const uint32_t length = little_endian32(b + at + 4);
    const size_t left = c->end - at - 8;
    if (memcmp(b + at, "data", 4) == 0) {
      c->at = at + 8;
      c->end = c->at + (length < left ? length : left);
      return;
    }
    if (length >= left) {
      return;
    }
    at += 8 + length + (length & 1 && length + 1u <= left);
  }
}

static PmtStatus set_division(Parser* const p, const unsigned char* const division) {
  if (division[0] < 0x80) {
    p->smf->ticks_per_quarter = big_endian(division, 2);
    return p->smf->ticks_per_quarter ? PMT_OK : pmt_fail(p->error, PMT_BAD_FILE, "0 ticks a quarter");
  }
  const uint32_t frames = 256u - division[0];
  const uint32_t ticks_per_frame = division[1];
  if ((frames != 24 && frames != 25 && frames != 29 && frames != 30) || ticks_per_frame == 0) {
    return pmt_fail(p->error, PMT_BAD_FILE, "SMPTE time of %u frames a second, %u ticks a frame", frames,
                    ticks_per_frame);
  }
  /* 29 stands for 30 frames in 1.001 seconds: the tempo carries that. */
  const uint32_t ticks_per_second = (frames == 29 ? 30 : frames) * ticks_per_frame;
  p->smpte = true;
  p->default_us = frames == 29 ? DEFAULT_US_PER_QUARTER / 1000 * 1001 : DEFAULT_US_PER_QUARTER;
  p->tick_factor = ticks_per_second % 2 ? 2 : 1;
  p->smf->ticks_per_quarter = ticks_per_second * p->tick_factor / 2;
  return PMT_OK;
}

static PmtStatus read_header(Parser* const p, Cursor* const c, uint32_t* const tracks_promised) {
  const size_t left = c->end - c->at;
  if (left < 4 || memcmp(c->bytes + c->at, "MThd", 4) != 0) {
    return pmt_fail(p->error, PMT_BAD_FILE, "no MIDI file: \"MThd\" not found at byte %zu", c->at);
  }
  const unsigned char* const b = c->bytes + c->at;
  const uint32_t length = left >= 14 ? big_endian(b + 4, 4) : 0;
  if (length < 6 || length > left - 8) {
    return pmt_fail(p->error, PMT_BAD_FILE, "header at byte %zu is cut short", c->at);
  }
  const uint32_t type = big_endian(b + 8, 2);
  if (type > 1) {
    return pmt_fail(p->error, PMT_UNSUPPORTED, "MIDI file of type %u at byte %zu: only 0 and 1 are music in one time",
                    type, c->at + 8);
  }
  *tracks_promised = big_endian(b + 10, 2);
  c->at += 8 + length;
  return set_division(p, b + 12);
}

static bool is_chunk_name(const unsigned char* const name) {
  for (int i = 0; i < 4; ++i) {
    if (name[i] < 0x20 || name[i] > 0x7e) {
      return false;
    }
  }
  return true;
}

/** After a chunk with a wrong length: on to the next track there is. The cursor only moves forward. */
static bool find_track(Cursor* const c) {
  const unsigned char* const found = memmem(c->bytes + c->at, c->end - c->at, "MTrk", 4);
  c->at = found ? (size_t)(found - c->bytes) : c->end;
  return found != NULL;
}

static PmtStatus read_chunks(Parser* const p, Cursor c) {
  while (c.end - c.at >= 8 && p->smf->n_tracks < TRACKS_MAX) {
    if (!is_chunk_name(c.bytes + c.at)) {
      ++p->clipped;
      if (!find_track(&c)) {
        break;
      }
      continue;
    }
    const bool is_track = memcmp(c.bytes + c.at, "MTrk", 4) == 0;
    const uint32_t said = big_endian(c.bytes + c.at + 4, 4);
    c.at += 8;
    const size_t left = c.end - c.at;
    const size_t length = said < left ? said : left;
    p->clipped += is_track && said > left;
    const PmtStatus status = is_track ? read_track(p, (Cursor){c.bytes, c.at, c.at + length}) : PMT_OK;
    if (status) {
      return status;
    }
    c.at += length;
  }
  return PMT_OK;
}

/* What was gathered, in order */

static int compare_changes(const void* const left, const void* const right) {
  const MapEvent* const a = left;
  const MapEvent* const b = right;
  if (a->tick != b->tick) {
    return a->tick < b->tick ? -1 : 1;
  }
  return a->order < b->order ? -1 : a->order > b->order;
}

static int compare_notes(const void* const left, const void* const right) {
  const PmtSmfNote* const a = left;
  const PmtSmfNote* const b = right;
  if (a->start != b->start) {
    return a->start < b->start ? -1 : 1;
  }
  if (a->track != b->track) {
    return a->track - b->track;
  }
  if (a->channel != b->channel) {
    return a->channel - b->channel;
  }
  if (a->pitch != b->pitch) {
    return b->pitch - a->pitch;
  }
  if (a->end != b->end) {
    return a->end < b->end ? -1 : 1;
  }
  return a->velocity - b->velocity;
}

static int compare_pedals(const void* const left, const void* const right) {
  const PmtSmfPedal* const a = left;
  const PmtSmfPedal* const b = right;
  if (a->tick != b->tick) {
    return a->tick < b->tick ? -1 : 1;
  }
  return a->order < b->order ? -1 : a->order > b->order;
}

/** Programs belong to the channel, whichever track sets them. */
static void assign_programs(const Parser* const p) {
  uint8_t program[CHANNELS] = {0};
  size_t at = 0;
  for (size_t i = 0; i < p->smf->n_notes; ++i) {
    PmtSmfNote* const note = &p->smf->notes[i];
    for (; at < p->n_map && p->map[at].tick <= note->start; ++at) {
      if (p->map[at].kind == MAP_PROGRAM) {
        program[p->map[at].a] = p->map[at].b;
      }
    }
    note->program = program[note->channel];
  }
}

/** One entry a tick, the first at tick 0. */
static PmtStatus build_tempos(Parser* const p) {
  PmtSmf* const smf = p->smf;
  size_t n = 1;
  for (size_t i = 0; i < p->n_map; ++i) {
    n += p->map[i].kind == MAP_TEMPO;
  }
  smf->tempos = malloc(n * sizeof *smf->tempos);
  if (!smf->tempos) {
    return PMT_NO_MEM;
  }
  smf->tempos[0] = (PmtSmfTempo){0, p->default_us};
  smf->n_tempos = 1;
  for (size_t i = 0; i < p->n_map; ++i) {
    const MapEvent* const change = &p->map[i];
    if (change->kind == MAP_TEMPO) {
      smf->n_tempos -= smf->tempos[smf->n_tempos - 1].tick == change->tick;
      smf->tempos[smf->n_tempos++] = (PmtSmfTempo){change->tick, change->value};
    }
  }
  return PMT_OK;
}

static PmtStatus build_meters(Parser* const p) {
  PmtSmf* const smf = p->smf;
  size_t n = 1;
  for (size_t i = 0; i < p->n_map; ++i) {
    n += p->map[i].kind == MAP_METER;
  }
  smf->meters = malloc(n * sizeof *smf->meters);
  if (!smf->meters) {
    return PMT_NO_MEM;
  }
  smf->meters[0] = (PmtSmfMeter){0, 4, 4};
  smf->n_meters = 1;
  for (size_t i = 0; i < p->n_map; ++i) {
    const MapEvent* const change = &p->map[i];
    if (change->kind == MAP_METER) {
      smf->n_meters -= smf->meters[smf->n_meters - 1].tick == change->tick;
      smf->meters[smf->n_meters++] = (PmtSmfMeter){change->tick, change->a, change->b};
    }
  }
  return PMT_OK;
}

static void say_what_was_forgiven(const Parser* const p, const uint32_t tracks_promised) {
  PmtSmf* const smf = p->smf;
  if (p->damaged) {
    warn(smf, "%u of %u tracks end in damage, the first (track %u) at byte %zu", p->damaged, smf->n_tracks,
         p->damaged_track, p->damaged_at);
  }
  if (p->clipped) {
    warn(smf, "%u chunks of wrong length", p->clipped);
  }
  if (smf->n_tracks != tracks_promised) {
    warn(smf, "%u tracks found, %u promised", smf->n_tracks, tracks_promised);
  }
  if (p->unended) {
    warn(smf, "%u notes without end", p->unended);
  }
  if (p->changes_ignored) {
    warn(smf, "%u impossible tempos or meters left out", p->changes_ignored);
  }
  if (p->pedals_ignored) {
    warn(smf, "%u pedal changes left out", p->pedals_ignored);
  }
}

static PmtStatus parse(Parser* const p, Cursor c) {
  uint32_t tracks_promised = 0;
  unwrap_riff(&c);
  PmtStatus status = read_header(p, &c, &tracks_promised);
  if (status || (status = read_chunks(p, c))) {
    return status;
  }
  if (p->smf->n_tracks == 0) {
    return pmt_fail(p->error, PMT_BAD_FILE, "no track after the header, at byte %zu", c.at);
  }
  if (p->n_map > 1) {
    qsort(p->map, p->n_map, sizeof *p->map, compare_changes);
  }
  if (p->smf->n_notes > 1) {
    qsort(p->smf->notes, p->smf->n_notes, sizeof *p->smf->notes, compare_notes);
  }
  if (p->smf->n_pedals > 1) {
    qsort(p->smf->pedals, p->smf->n_pedals, sizeof *p->smf->pedals, compare_pedals);
  }
  assign_programs(p);
  if ((status = build_tempos(p)) || (status = build_meters(p))) {
    return status;
  }
  say_what_was_forgiven(p, tracks_promised);
  return PMT_OK;
}

PmtStatus pmt_smf_parse(const unsigned char* const bytes, const size_t size, PmtSmf* const smf, PmtError* const error) {
  *smf = (PmtSmf){0};
  if (size > PMT_SMF_BYTES_MAX) {
    return pmt_fail(error, PMT_TOO_BIG, "%zu bytes, more than the limit of %u", size, PMT_SMF_BYTES_MAX);
  }
  Parser p = {.smf = smf, .error = error, .tick_factor = 1, .default_us = DEFAULT_US_PER_QUARTER};
  memset(p.first, 0xff, sizeof p.first); /* NO_NOTE */
  const PmtStatus status = parse(&p, (Cursor){bytes, 0, size});
  free(p.map);
  if (status) {
    pmt_smf_free(smf);
  }
  return status == PMT_NO_MEM ? pmt_fail(error, status, "out of memory") : status;
}

PmtStatus pmt_smf_read(const char* const path, PmtSmf* const smf, PmtError* const error) {
  *smf = (PmtSmf){0};
  unsigned char* bytes;
  size_t size;
  PmtStatus status = pmt_file_read(path, PMT_SMF_BYTES_MAX, &bytes, &size, error);
  if (status) {
    return status;
  }
  status = pmt_smf_parse(bytes, size, smf, error);
  free(bytes);
  if (status) {
    pmt_error_prefix(error, path);
  }
  return status;
}

void pmt_smf_free(PmtSmf* const smf) {
  free(smf->notes);
  free(smf->tempos);
  free(smf->meters);
  free(smf->pedals);
  free(smf->names);
  *smf = (PmtSmf){0};
}
