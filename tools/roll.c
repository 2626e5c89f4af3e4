/* SPDX-License-Identifier: ISC */
/* What is drawn: filling a PmtRoll from a score or a recording. Above: cmd_inspect.c, play_picture.c.
   Beside it: roll_draw.c. */
#include "roll.h"

#include "music/meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pmt_roll_free(PmtRoll* const roll) {
  free(roll->notes);
  free(roll->bars);
  free(roll->marks);
  free(roll->points);
  memset(roll, 0, sizeof *roll);
}

/* Room for one more: capacities are powers of two, so they need no field of their own. */
static void* grown(void* const items, const size_t n, const size_t size) {
  const int full = n >= 16 ? (n & (n - 1)) == 0 : n == 0;
  return full ? realloc(items, (n ? 2 * n : 16) * size) : items;
}

PmtStatus pmt_roll_add_note(PmtRoll* const roll, const PmtRollNote note) {
  PmtRollNote* const notes = grown(roll->notes, roll->n_notes, sizeof note);
  if (!notes) {
    return PMT_NO_MEM;
  }
  roll->notes = notes;
  notes[roll->n_notes++] = note;
  return PMT_OK;
}

PmtStatus pmt_roll_add_bar(PmtRoll* const roll, const PmtRollBar bar) {
  PmtRollBar* const bars = grown(roll->bars, roll->n_bars, sizeof bar);
  if (!bars) {
    return PMT_NO_MEM;
  }
  roll->bars = bars;
  bars[roll->n_bars++] = bar;
  return PMT_OK;
}

PmtStatus pmt_roll_add_mark(PmtRoll* const roll, const double at, const char* const text) {
  PmtRollMark* const marks = grown(roll->marks, roll->n_marks, sizeof *marks);
  if (!marks) {
    return PMT_NO_MEM;
  }
  roll->marks = marks;
  PmtRollMark* mark = &marks[roll->n_marks++];
  for (; mark > marks && mark[-1].at > at; --mark) {
    mark[0] = mark[-1];
  }
  mark->at = at;
  snprintf(mark->text, sizeof mark->text, "%s", text);
  return PMT_OK;
}

PmtStatus pmt_roll_add_point(PmtRoll* const roll, const double at, const double value) {
  PmtRollPoint* const points = grown(roll->points, roll->n_points, sizeof *points);
  if (!points) {
    return PMT_NO_MEM;
  }
  roll->points = points;
  points[roll->n_points++] = (PmtRollPoint){at, value};
  return PMT_OK;
}

/* ---- from a score ---- */

static double quarters(const double ticks) {
  return ticks / PMT_TICKS_PER_QUARTER;
}

/** The notes of [from, to), what hangs over cut off. @param at quarter at which they are drawn */
static PmtStatus add_score_notes(PmtRoll* const roll, const PmtScore* const score, const uint32_t from,
                                 const uint32_t to, const double at) {
  for (size_t i = 0; i < score->n_notes; ++i) {
    const PmtNote* const note = &score->notes[i];
    const bool drum = note->part == PMT_PART_DRUMS;
    const uint32_t end = note->onset + (drum ? 3 : note->duration);
    if (note->onset >= to || end <= from) {
      continue;
    }
    const PmtRollNote drawn = {
      .start = at + quarters(note->onset > from ? note->onset - from : 0),
      .end = at + quarters((end < to ? end : to) - from),
      .part = drum ? PMT_ROLL_DRUMS : note->part,
      .pitch = note->pitch,
      .velocity = pmt_velocity_midi[note->velocity],
    };
    if (pmt_roll_add_note(roll, drawn)) {
      return PMT_NO_MEM;
    }
  }
  return PMT_OK;
}

double pmt_roll_end(const PmtRoll* const roll) {
  const PmtRollBar* const last = roll->n_bars ? &roll->bars[roll->n_bars - 1] : NULL;
  return last ? last->start + last->length : 0;
}

PmtStatus pmt_roll_add_score(PmtRoll* const roll, const PmtScore* const score, const uint32_t first_bar,
                             uint32_t last_bar) {
  if (first_bar >= score->n_bars) {
    return PMT_OK;
  }
  if (last_bar >= score->n_bars) {
    last_bar = (uint32_t)score->n_bars - 1;
  }
  const double at = pmt_roll_end(roll);
  const uint32_t from = score->bars[first_bar].tick;
  for (uint32_t i = first_bar; i <= last_bar; ++i) {
    const PmtBar* const bar = &score->bars[i];
    const double start = at + quarters((double)bar->tick - from);
    if (pmt_roll_add_bar(roll, (PmtRollBar){start, quarters(bar->ticks), i + 1, bar->beats, bar->unit})) {
      return PMT_NO_MEM;
    }
  }
  return add_score_notes(roll, score, from, score->bars[last_bar].tick + score->bars[last_bar].ticks, at);
}

/* ---- from a recording ---- */

typedef struct { double start; uint8_t velocity; } Sounding; /* velocity 0: silent */

enum { CHANNELS = 16, DRUM_CHANNEL = 9 };

/* Channels upwards from the first, without that of the drums; more than eight share the last part. */
static void number_parts(const uint32_t first_channel, uint8_t part[CHANNELS]) {
  uint8_t next = 0;
  for (uint32_t i = 0; i < CHANNELS; ++i) {
    const uint32_t channel = (first_channel + i) % CHANNELS;
    part[channel] = channel == DRUM_CHANNEL ? PMT_ROLL_DRUMS : next;
    next = (uint8_t)(next + (channel != DRUM_CHANNEL && next < PMT_ROLL_PARTS - 1));
  }
}

static PmtStatus close_note(PmtRoll* const roll, Sounding* const sounding, const uint8_t part, const uint8_t pitch,
                            const double end) {
  if (!sounding->velocity) {
    return PMT_OK;
  }
  const PmtRollNote note = {sounding->start, end, part, pitch, sounding->velocity};
  sounding->velocity = 0;
  return pmt_roll_add_note(roll, note);
}

static PmtStatus add_midi(PmtRoll* const roll, const PmtMidiList* const list, const uint8_t part[CHANNELS],
                          const PmtRollTime quarter_at, const void* const handle) {
  Sounding sounding[CHANNELS][128];
  memset(sounding, 0, sizeof sounding);
  double at = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    const PmtTimedMidi* const event = &list->events[i];
    const uint8_t kind = event->bytes[0] & 0xf0;
    if (kind != 0x80 && kind != 0x90) {
      continue;
    }
    const uint8_t channel = event->bytes[0] & 15;
    const uint8_t pitch = event->bytes[1] & 127;
    at = quarter_at(handle, event->frame);
    if (close_note(roll, &sounding[channel][pitch], part[channel], pitch, at)) {
      return PMT_NO_MEM;
    }
    if (kind == 0x90 && event->bytes[2]) {
      sounding[channel][pitch] = (Sounding){at, event->bytes[2] & 127};
    }
  }
  for (uint32_t i = 0; i < CHANNELS * 128; ++i) { /* what hangs is drawn to the end, where it can be seen */
    if (close_note(roll, &sounding[i / 128][i % 128], part[i / 128], i % 128, at)) {
      return PMT_NO_MEM;
    }
  }
  return PMT_OK;
}

PmtStatus pmt_roll_add_midi(PmtRoll* const roll, const PmtMidiList* const list, const uint32_t first_channel,
                            const PmtRollTime quarter_at, const void* const handle) {
  uint8_t part[CHANNELS];
  number_parts(first_channel, part);
  return add_midi(roll, list, part, quarter_at, handle);
}

PmtStatus pmt_roll_add_player(PmtRoll* const roll, const PmtMidiList* const list, const PmtRollTime quarter_at,
                              const void* const handle) {
  uint8_t part[CHANNELS];
  memset(part, PMT_ROLL_PLAYER, sizeof part);
  part[DRUM_CHANNEL] = PMT_ROLL_PLAYER_DRUMS;
  return add_midi(roll, list, part, quarter_at, handle);
}
