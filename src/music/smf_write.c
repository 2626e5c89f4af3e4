/* SPDX-License-Identifier: ISC */
/* Standard MIDI files, written. Above: gen/render, tools. Below: base/file.h. The file is built in memory, then put
   there whole or not at all. */
#include "music/smf.h"

#include "base/file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 16, DELTA_MAX = 0x0fffffff };

typedef struct {
  unsigned char* bytes;
  size_t size, capacity;
  uint64_t tick;       /* of the track being written */
  size_t track_begin;  /* of its first event */
  bool failed;         /* no memory: all else is ignored */
} Buffer;

static void put(Buffer* const b, const void* const bytes, const size_t n) {
  if (b->size + n > b->capacity && !b->failed) {
    const size_t wanted = (b->size + n) * 2 + 256;
    unsigned char* const fresh = realloc(b->bytes, wanted);
    b->failed = !fresh;
    b->bytes = fresh ? fresh : b->bytes;
    b->capacity = fresh ? wanted : b->capacity;
  }
  if (!b->failed && n) {
    memcpy(b->bytes + b->size, bytes, n);
    b->size += n;
  }
}

static void store_big_endian(unsigned char* const to, const uint32_t value, const uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    to[i] = (unsigned char)(value >> (8 * (n - 1 - i)));
  }
}

static void put_number(Buffer* const b, const uint32_t value, const uint32_t n) {
  unsigned char bytes[4];
  store_big_endian(bytes, value, n);
  put(b, bytes, n);
}

static void put_length(Buffer* const b, const uint32_t value) {
  for (int shift = 21; shift > 0; shift -= 7) {
    if (value >> shift) {
      put_number(b, (value >> shift & 0x7f) | 0x80, 1);
    }
  }
  put_number(b, value & 0x7f, 1);
}

static void put_meta(Buffer* const b, const uint8_t type, const void* const data, const size_t n) {
  const unsigned char head[2] = {0xff, type};
  put(b, head, 2);
  put_length(b, (uint32_t)n);
  put(b, data, n);
}

/** Time to the next event. A delta has 28 bits: a longer one is walked in empty text events. */
static void put_delta(Buffer* const b, const uint64_t tick) {
  while (tick - b->tick > DELTA_MAX) {
    put_length(b, DELTA_MAX);
    put_meta(b, 0x01, "", 0);
    b->tick += DELTA_MAX;
  }
  put_length(b, (uint32_t)(tick - b->tick));
  b->tick = tick;
}

static void begin_track(Buffer* const b) {
  put(b, "MTrk\0\0\0\0", 8);
  b->track_begin = b->size;
  b->tick = 0;
}

static void end_track(Buffer* const b, const uint64_t end_tick) {
  put_delta(b, end_tick > b->tick ? end_tick : b->tick);
  put_meta(b, 0x2f, "", 0);
  if (!b->failed) {
    store_big_endian(b->bytes + b->track_begin - 4, (uint32_t)(b->size - b->track_begin), 4);
  }
}

static void put_tempo(Buffer* const b, const PmtSmfTempo* const tempo) {
  unsigned char data[3];
  store_big_endian(data, tempo->us_per_quarter, 3);
  put_delta(b, tempo->tick);
  put_meta(b, 0x51, data, 3);
}

static void put_meter(Buffer* const b, const PmtSmfMeter* const meter) {
  uint8_t log2_unit = 0;
  while (1u << log2_unit < meter->unit) {
    ++log2_unit;
  }
  const unsigned char data[4] = {meter->beats, log2_unit, 24, 8}; /* a metronome click a quarter, eight 32nds to it */
  put_delta(b, meter->tick);
  put_meta(b, 0x58, data, 4);
}

/** At the beginning of a track. NULL = it has none. */
static void put_name(Buffer* const b, const char* const name) {
  if (name) {
    put_delta(b, 0);
    put_meta(b, 0x03, name, strlen(name));
  }
}

/** Title, tempo and meter: merged by time, meter first. */
static void put_conductor(Buffer* const b, const PmtSmfOut* const out) {
  begin_track(b);
  put_name(b, out->title);
  size_t tempo = 0, meter = 0;
  while (tempo < out->n_tempos || meter < out->n_meters) {
    if (tempo == out->n_tempos || (meter < out->n_meters && out->meters[meter].tick <= out->tempos[tempo].tick)) {
      put_meter(b, &out->meters[meter++]);
    } else {
      put_tempo(b, &out->tempos[tempo++]);
    }
  }
  end_track(b, out->end_tick);
}

/** @param channels one bit each: the others are left out */
static void put_track(Buffer* const b, const PmtSmfTrack* const track, const uint32_t channels,
                      const uint64_t end_tick) {
  begin_track(b);
  put_name(b, track->name);
  for (size_t i = 0; i < track->n_events; ++i) {
    const PmtSmfEvent* const event = &track->events[i];
    if (channels >> (event->bytes[0] & 0x0f) & 1) {
      put_delta(b, event->tick);
      put(b, event->bytes, event->size);
    }
  }
  end_track(b, end_tick);
}

static PmtStatus check_event(const PmtSmfEvent* const events, const size_t i, PmtError* const error) {
  const PmtSmfEvent* const event = &events[i];
  const uint8_t status = event->bytes[0];
  const uint8_t size = (status & 0xe0) == 0xc0 ? 2 : 3;
  if (status < 0x80 || status >= 0xf0 || event->size != size || event->bytes[1] > 127 ||
      (size == 3 && event->bytes[2] > 127)) {
    return pmt_fail(error, PMT_BAD_ARG, "event %zu is no channel message", i);
  }
  if (i && events[i - 1].tick > event->tick) {
    return pmt_fail(error, PMT_BAD_ARG, "event %zu is out of order", i);
  }
  return PMT_OK;
}

static PmtStatus check_maps(const PmtSmfOut* const out, PmtError* const error) {
  for (size_t i = 0; i < out->n_tempos; ++i) {
    const uint32_t us = out->tempos[i].us_per_quarter;
    if (us == 0 || us > 0xffffff || (i && out->tempos[i - 1].tick > out->tempos[i].tick)) {
      return pmt_fail(error, PMT_BAD_ARG, "tempo %zu cannot be written", i);
    }
  }
  for (size_t i = 0; i < out->n_meters; ++i) {
    const uint8_t unit = out->meters[i].unit;
    if (unit == 0 || (unit & (unit - 1)) || (i && out->meters[i - 1].tick > out->meters[i].tick)) {
      return pmt_fail(error, PMT_BAD_ARG, "meter %zu cannot be written", i);
    }
  }
  return out->ticks_per_quarter < 1 || out->ticks_per_quarter > 0x7fff
             ? pmt_fail(error, PMT_BAD_ARG, "%u ticks a quarter cannot be written", out->ticks_per_quarter)
             : PMT_OK;
}

/** @param used one bit a channel */
static PmtStatus find_channels(const PmtSmfEvent* const events, const size_t n_events, uint32_t* const used,
                               PmtError* const error) {
  *used = 0;
  for (size_t i = 0; i < n_events; ++i) {
    const PmtStatus status = check_event(events, i, error);
    if (status) {
      return status;
    }
    *used |= 1u << (events[i].bytes[0] & 0x0f);
  }
  return PMT_OK;
}

static PmtStatus check_tracks(const PmtSmfOut* const out, PmtError* const error) {
  PmtStatus status = PMT_OK;
  for (size_t i = 0; !status && i < out->n_tracks; ++i) {
    uint32_t any;
    status = find_channels(out->tracks[i].events, out->tracks[i].n_events, &any, error);
  }
  return status;
}

static void put_file(Buffer* const b, const PmtSmfOut* const out, const uint32_t used) {
  uint32_t n_tracks = 1 + (uint32_t)out->n_tracks;
  for (uint32_t channel = 0; channel < CHANNELS; ++channel) {
    n_tracks += used >> channel & 1;
  }
  put(b, "MThd\0\0\0\6\0\1", 10);
  put_number(b, n_tracks, 2);
  put_number(b, out->ticks_per_quarter, 2);
  put_conductor(b, out);
  for (size_t i = 0; i < out->n_tracks; ++i) {
    put_track(b, &out->tracks[i], UINT32_MAX, out->end_tick);
  }
  for (uint32_t channel = 0; channel < CHANNELS; ++channel) {
    const PmtSmfTrack track = {out->names ? out->names[channel] : NULL, out->events, out->n_events};
    if (used >> channel & 1) {
      put_track(b, &track, 1u << channel, out->end_tick);
    }
  }
}

PmtStatus pmt_smf_write(const char* const path, const PmtSmfOut* const out, PmtError* const error) {
  uint32_t used;
  PmtStatus status;
  if ((status = check_maps(out, error)) || (status = check_tracks(out, error)) ||
      (status = find_channels(out->events, out->n_events, &used, error))) {
    pmt_error_prefix(error, path);
    return status;
  }
  Buffer b = {0};
  put_file(&b, out, used);
  status = b.failed ? pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path)
                    : pmt_file_write(path, b.bytes, b.size, error);
  free(b.bytes);
  return status;
}
