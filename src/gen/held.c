/* SPDX-License-Identifier: ISC */
/* Above: gen/engine. Below: PmtMidiOut. */
#include "gen/held.h"

#include <string.h>

enum { NOTE_ON = 0x90, NOTE_OFF = 0x80, OFF_VELOCITY = 64 };

static const int64_t past = INT64_MIN / 2; /* far enough, and can be shifted */

void pmt_held_reset(PmtHeld* const held) { memset(held, 0, sizeof *held); }

/** Write one note-off. @return whether it left; else the note is owed */
static bool write_off(PmtHeld* const held, PmtHeldNote* const note, const PmtMidiOut* const out, const uint32_t frame) {
  const uint8_t bytes[3] = {NOTE_OFF | note->channel, note->pitch, OFF_VELOCITY};
  const bool written = out->write(out->handle, frame, bytes, sizeof bytes);
  held->notes_off += written;
  held->n_owed += !written && !note->owed;
  held->n_owed -= written && note->owed;
  note->owed = !written;
  return written;
}

/** End all notes that are owed, or due at `tick`. Keeps the order of those that stay. */
static void sweep(PmtHeld* const held, const PmtMidiOut* const out, const uint32_t frame, const int64_t tick) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < held->n; ++i) {
    PmtHeldNote note = held->note[i];
    if ((note.owed || note.off <= tick) && write_off(held, &note, out, frame)) {
      continue;
    }
    held->note[kept++] = note;
  }
  held->n = kept;
}

void pmt_held_release(PmtHeld* const held, const PmtMidiOut* const out, const uint32_t frame, const int64_t tick) {
  sweep(held, out, frame, tick);
}

void pmt_held_retry(PmtHeld* const held, const PmtMidiOut* const out, const uint32_t frame) {
  if (held->n_owed) {
    sweep(held, out, frame, past);
  }
}

uint32_t pmt_held_silence(PmtHeld* const held, const PmtMidiOut* const out, const uint32_t frame) {
  sweep(held, out, frame, INT64_MAX);
  return held->n;
}

void pmt_held_end_channel(PmtHeld* const held, const PmtMidiOut* const out, const uint32_t frame,
                          const uint8_t channel) {
  for (uint32_t i = 0; i < held->n; ++i) {
    if (held->note[i].channel == channel) {
      held->note[i].off = past;
    }
  }
  sweep(held, out, frame, past);
}

void pmt_held_end_before(PmtHeld* const held, const PmtMidiOut* const out, const uint32_t frame, const int64_t tick) {
  for (uint32_t i = 0; i < held->n; ++i) {
    if (held->note[i].on < tick) {
      held->note[i].off = past;
    }
  }
  sweep(held, out, frame, past);
}

void pmt_held_shift(PmtHeld* const held, const int64_t shift) {
  for (uint32_t i = 0; i < held->n; ++i) {
    held->note[i].on += shift;
    held->note[i].off += shift;
  }
}

/** Index of the first entry not before channel and pitch. */
static uint32_t find(const PmtHeld* const held, const uint8_t channel, const uint8_t pitch) {
  const uint32_t key = 128u * channel + pitch;
  uint32_t i = 0;
  while (i < held->n && 128u * held->note[i].channel + held->note[i].pitch < key) {
    ++i;
  }
  return i;
}

static void remove_at(PmtHeld* const held, const uint32_t i) {
  --held->n;
  memmove(&held->note[i], &held->note[i + 1], (held->n - i) * sizeof held->note[0]);
}

static bool is_at(const PmtHeld* const held, const uint32_t i, const uint8_t channel, const uint8_t pitch) {
  return i < held->n && held->note[i].channel == channel && held->note[i].pitch == pitch;
}

bool pmt_held_has(const PmtHeld* const held, const uint8_t channel, const uint8_t pitch) {
  return is_at(held, find(held, channel, pitch), channel, pitch);
}

void pmt_held_end(PmtHeld* const held, const PmtMidiOut* const out, const uint32_t frame, const uint8_t channel,
                  const uint8_t pitch) {
  const uint32_t i = find(held, channel, pitch);
  if (!is_at(held, i, channel, pitch)) {
    return;
  }
  held->note[i].off = past;
  if (write_off(held, &held->note[i], out, frame)) {
    remove_at(held, i);
  }
}

bool pmt_held_strike(PmtHeld* const held, const PmtMidiOut* const out, const uint32_t frame, const uint8_t channel,
                     const uint8_t pitch, const uint8_t velocity, const int64_t on, const int64_t off) {
  const uint32_t i = find(held, channel, pitch);
  const bool sounding = is_at(held, i, channel, pitch);
  if (sounding && write_off(held, &held->note[i], out, frame)) {
    remove_at(held, i);
  } else if (sounding || held->n == PMT_HELD_MAX) {
    ++held->refused;
    return false;
  }
  const uint8_t bytes[3] = {(uint8_t)(NOTE_ON | channel), pitch, velocity};
  if (!out->write(out->handle, frame, bytes, sizeof bytes)) {
    ++held->refused;
    return false;
  }
  memmove(&held->note[i + 1], &held->note[i], (held->n - i) * sizeof held->note[0]);
  held->note[i] = (PmtHeldNote){.on = on, .off = off, .channel = channel, .pitch = pitch};
  ++held->n;
  ++held->notes_on;
  return true;
}

int64_t pmt_held_next(const PmtHeld* const held) {
  int64_t next = INT64_MAX;
  for (uint32_t i = 0; i < held->n; ++i) {
    if (!held->note[i].owed && held->note[i].off < next) {
      next = held->note[i].off;
    }
  }
  return next;
}

uint32_t pmt_held_beyond(const PmtHeld* const held, const int64_t tick) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < held->n; ++i) {
    n += held->note[i].off > tick;
  }
  return n;
}
