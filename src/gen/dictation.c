/* SPDX-License-Identifier: ISC */
/* See dictation.h. Above: gen/engine_listen.c. Below: music/vocab, music/grammar. */
#include "gen/dictation.h"

#include "music/grammar.h"

#include <string.h>

enum { SLOT_TICKS = 12, BAR_OLD_TICKS = 96, NOTE_TOKENS = 5 };

_Static_assert((int)PMT_DICTATION_TOKENS == (int)PMT_SLOT_TOKENS_MAX, "what is read is by the grammar");

void pmt_dictation_reset(PmtDictation* const d) { memset(d, 0, sizeof *d); }

void pmt_dictation_begin_slot(PmtDictation* const d, const PmtPlace* const place) {
  d->place[d->n_slots++ % PMT_DICTATION_SLOTS] = *place;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/** Ticks from a slot's beginning to the nearest 16th or triplet eighth; 12 is the next slot's beginning. */
static uint32_t quantised(const double into) {
  static const uint8_t grid[] = {0, 4, 6, 8, 12};
  static const double border[] = {2.0, 5.0, 7.0, 10.0};
  uint32_t i = 0;
  while (i < sizeof border / sizeof *border && into >= border[i]) {
    ++i;
  }
  return grid[i];
}

static PmtDictated* note_at(PmtDictation* const d, const uint64_t number) {
  return &d->note[number % PMT_DICTATION_NOTES];
}

void pmt_dictation_press(PmtDictation* const d, const double tick, const uint32_t pitch, const uint32_t velocity,
                         const bool drum) {
  if (!d->n_slots) {
    return;
  }
  const PmtPlace* const place = &d->place[(d->n_slots - 1) % PMT_DICTATION_SLOTS];
  uint64_t slot = d->n_slots - 1;
  double into = tick - (double)place->start;
  if (into >= (double)place->length) {
    into -= (double)place->length;
    ++slot;
  }
  uint32_t pos = quantised(into < 0.0 ? 0.0 : into);
  if (pos >= (slot == d->n_slots - 1 ? place->length : SLOT_TICKS)) {
    pos = 0;
    ++slot;
  }
  if (!drum) {
    pmt_dictation_release(d, tick, pitch);
  }
  *note_at(d, d->n_notes++) = (PmtDictated){.slot = slot, .on = tick, .pos = (uint8_t)pos, .pitch = (uint8_t)pitch,
                                            .velocity = (uint8_t)velocity, .drum = drum, .ticks = drum};
}

static uint16_t length_of(const PmtDictated* const note, const double now) {
  const double ticks = now - note->on + 0.5;
  const uint32_t whole = ticks < 1.0 ? 1 : ticks > PMT_DURATION_MAX ? PMT_DURATION_MAX : (uint32_t)ticks;
  return (uint16_t)pmt_duration_nearest(whole);
}

static uint64_t oldest_note(const PmtDictation* const d) {
  return d->n_notes > PMT_DICTATION_NOTES ? d->n_notes - PMT_DICTATION_NOTES : 0;
}

void pmt_dictation_release(PmtDictation* const d, const double tick, const uint32_t pitch) {
  for (uint64_t i = d->n_notes; i > oldest_note(d); --i) {
    PmtDictated* const note = note_at(d, i - 1);
    if (note->slot + PMT_DURATION_MAX / SLOT_TICKS + 1 < d->n_slots) {
      return; /* as long as a note can be */
    }
    if (note->pitch == pitch && !note->ticks) {
      note->ticks = length_of(note, tick);
      return;
    }
  }
}

void pmt_dictation_cut(PmtDictation* const d, const double tick) {
  for (uint64_t i = d->n_notes; i > oldest_note(d); --i) {
    PmtDictated* const note = note_at(d, i - 1);
    if (!note->ticks) {
      note->ticks = length_of(note, tick);
    }
  }
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

const PmtPlace* pmt_dictation_place(const PmtDictation* const d, const uint64_t slot) {
  return slot < d->n_slots && d->n_slots - slot <= PMT_DICTATION_SLOTS ? &d->place[slot % PMT_DICTATION_SLOTS] : NULL;
}

/** The first note of a slot or of one after it, from the newest down. */
static uint64_t first_note(const PmtDictation* const d, const uint64_t slot) {
  uint64_t i = d->n_notes;
  while (i > oldest_note(d) && d->note[(i - 1) % PMT_DICTATION_NOTES].slot >= slot) {
    --i;
  }
  return i;
}

bool pmt_dictation_settled(const PmtDictation* const d, const uint64_t slot, const double now) {
  for (uint64_t i = first_note(d, slot); i < d->n_notes; ++i) {
    const PmtDictated* const note = &d->note[i % PMT_DICTATION_NOTES];
    if (note->slot == slot && !note->ticks && now - note->on < BAR_OLD_TICKS) {
      return false;
    }
  }
  return true;
}

bool pmt_dictation_reach(const PmtDictation* const d, const uint64_t first, const uint64_t end, uint8_t* const lo,
                         uint8_t* const hi) {
  *lo = 127;
  *hi = 0;
  for (uint64_t i = first_note(d, first); i < d->n_notes && d->note[i % PMT_DICTATION_NOTES].slot < end; ++i) {
    const PmtDictated* const note = &d->note[i % PMT_DICTATION_NOTES];
    if (!note->drum) {
      *lo = note->pitch < *lo ? note->pitch : *lo;
      *hi = note->pitch > *hi ? note->pitch : *hi;
    }
  }
  return *lo <= *hi;
}

uint64_t pmt_dictation_first(const PmtDictation* const d, const uint64_t from) {
  const uint64_t i = first_note(d, from);
  return i < d->n_notes ? d->note[i % PMT_DICTATION_NOTES].slot : d->n_slots;
}

bool pmt_dictation_any(const PmtDictation* const d, const uint64_t first, const uint64_t end) {
  const uint64_t i = first_note(d, first);
  return i < d->n_notes && d->note[i % PMT_DICTATION_NOTES].slot < end;
}

/** A note with the token it is read as; 0 = it cannot be said. */
typedef struct {
  const PmtDictated* note;
  PmtToken token;
  uint32_t order; /* of the grammar, with the position */
} Said;

static PmtToken token_of(const PmtDictated* const note, const PmtReading* const r) {
  if (note->drum) {
    return r->drums && note->pitch >= PMT_DRUM_LO && note->pitch <= PMT_DRUM_HI ? pmt_token_drum(note->pitch) : 0;
  }
  int pitch = note->pitch;
  while (pitch < r->pitch_lo && pitch + 12 <= r->pitch_hi) {
    pitch += 12;
  }
  while (pitch > r->pitch_hi && pitch - 12 >= r->pitch_lo) {
    pitch -= 12;
  }
  const bool fits = r->pitched && pitch >= r->pitch_lo && pitch <= r->pitch_hi;
  return fits ? pmt_token_note(r->part, (uint32_t)pitch) : 0;
}

/** Put a note where it belongs; one that is said already is not said twice. */
static void insert(Said said[PMT_DICTATION_CHORD], uint32_t* const n, const Said one) {
  uint32_t at = *n;
  while (at && said[at - 1].order > one.order) {
    --at;
  }
  if (*n == PMT_DICTATION_CHORD || (at && said[at - 1].order == one.order)) {
    return;
  }
  memmove(&said[at + 1], &said[at], (*n - at) * sizeof *said);
  said[at] = one;
  ++*n;
}

static uint32_t collect(const PmtDictation* const d, const uint64_t slot, const PmtReading* const r,
                        Said said[PMT_DICTATION_CHORD]) {
  uint32_t n = 0;
  for (uint64_t i = first_note(d, slot); i < d->n_notes && d->note[i % PMT_DICTATION_NOTES].slot == slot; ++i) {
    const PmtDictated* const note = &d->note[i % PMT_DICTATION_NOTES];
    const PmtToken token = token_of(note, r);
    if (token) {
      insert(said, &n, (Said){.note = note, .token = token, .order = (uint32_t)note->pos << 16 | pmt_order_key(token)});
    }
  }
  return n;
}

uint32_t pmt_dictation_read(const PmtDictation* const d, const uint64_t slot, const PmtReading* const r,
                            uint8_t* const velocity, PmtToken* const token) {
  Said said[PMT_DICTATION_CHORD];
  const PmtPlace* const place = pmt_dictation_place(d, slot);
  if (!place) {
    return 0;
  }
  const uint32_t n = collect(d, slot, r, said);
  uint32_t written = 0, pos = 0;
  token[written++] = pmt_token_slot(place->index % 24);
  for (uint32_t i = 0; i < n && written + NOTE_TOKENS <= PMT_DICTATION_TOKENS; ++i) {
    const PmtDictated* const note = said[i].note;
    const uint8_t bin = (uint8_t)pmt_velocity_bin(note->velocity);
    if (note->pos != pos) {
      token[written++] = pmt_token_pos(pos = note->pos);
    }
    if (r->velocities && bin != *velocity) {
      token[written++] = pmt_token_vel(*velocity = bin);
    }
    token[written++] = said[i].token;
    if (!note->drum) {
      uint32_t index[2];
      const uint32_t durations = pmt_duration_split(note->ticks ? note->ticks : length_of(note, r->now), index);
      for (uint32_t k = 0; k < durations; ++k) {
        token[written++] = (PmtToken)(PMT_TOKEN_DUR + index[k]);
      }
    }
  }
  return written;
}

uint64_t pmt_dictation_last_bars(const PmtDictation* const d, const uint32_t bars) {
  uint64_t first = d->n_slots, from = d->n_slots ? d->n_slots - 1 : 0;
  uint32_t n = 0;
  for (uint64_t slot = from; slot > 0 && n < bars && pmt_dictation_place(d, slot - 1); --slot) {
    if (d->place[(slot - 1) % PMT_DICTATION_SLOTS].index == 0) {
      first = pmt_dictation_any(d, slot - 1, from) ? slot - 1 : first;
      from = slot - 1;
      ++n;
    }
  }
  return first;
}
