/* SPDX-License-Identifier: ISC */
/* Written-out ornaments back into signs (docs/model.md, "Ornaments on import"). Above: import.c, before the grid: a
   trill in 64ths would not survive it.

   Notes of an ornament follow each other without a gap in one part, a step (1 or 2 semitones) apart; other notes of the
   part may sound meanwhile. A grace note that leaps stays a plain short note: the sign only says "led into by a
   neighbour". */
#include "music/import_internal.h"

enum {
  LOOK_AHEAD = 32, /* notes searched for a successor: bounds the work on dense files */
  TRILL_NOTES_MIN = 4,
};

static const double short_max = 3.25;  /* ticks: a 32nd and a little */
static const double grace_max = 2.5;
static const double grace_main_min = 6;
static const double gap_max = 0.75;
static const double removed = -1;      /* as a duration */

static double end_of(const PmtRawNote* const note) {
  return note->onset + note->duration;
}

static bool is_short(const PmtRawNote* const note) {
  return note->duration <= short_max;
}

static bool is_step(const int from, const int to) {
  const int step = from < to ? to - from : from - to;
  return step == 1 || step == 2;
}

/** The note of the same part that begins where notes[i] ends, with this pitch, or a step away when pitch < 0.
    @return its index or 0 (no note follows itself) */
static size_t successor(const PmtRawNote* const notes, const size_t n_notes, const size_t i, const int pitch) {
  const PmtRawNote* const note = &notes[i];
  for (size_t j = i + 1; j < n_notes && j <= i + LOOK_AHEAD && notes[j].onset <= end_of(note) + gap_max; ++j) {
    const PmtRawNote* const next = &notes[j];
    if (next->part == note->part && next->duration != removed && next->ornament == PMT_PLAIN &&
        next->onset >= end_of(note) - gap_max && next->onset > note->onset &&
        (pitch < 0 ? is_step(note->pitch, next->pitch) : next->pitch == pitch)) {
      return j;
    }
  }
  return 0;
}

/** Four or more short notes in alternation become the lower one with the length of all. */
static bool take_trill(PmtRawNote* const notes, const size_t n_notes, const size_t first) {
  const size_t second = successor(notes, n_notes, first, -1);
  if (!second || !is_short(&notes[second])) {
    return false;
  }
  const int pitch[2] = {notes[first].pitch, notes[second].pitch};
  size_t n = 2;
  size_t last = second;
  for (size_t next; (next = successor(notes, n_notes, last, pitch[n % 2])) && is_short(&notes[next]); ++n) {
    last = next;
  }
  if (n < TRILL_NOTES_MIN) {
    return false;
  }
  const double end = end_of(&notes[last]);
  for (size_t k = 2, at = second; k <= n; ++k) { /* the same walk again; a note is taken once its successor is known */
    const size_t next = k < n ? successor(notes, n_notes, at, pitch[k % 2]) : 0;
    notes[at].duration = removed;
    at = next;
  }
  notes[first].pitch = (uint8_t)(pitch[0] < pitch[1] ? pitch[0] : pitch[1]);
  notes[first].duration = end - notes[first].onset;
  notes[first].ornament = PMT_TRILL;
  return true;
}

/** Up, main, down, main: the first three short. */
static bool take_turn(PmtRawNote* const notes, const size_t n_notes, const size_t up) {
  const size_t main1 = successor(notes, n_notes, up, -1);
  if (!main1 || notes[main1].pitch > notes[up].pitch || !is_short(&notes[main1])) {
    return false;
  }
  const size_t down = successor(notes, n_notes, main1, -1);
  if (!down || notes[down].pitch > notes[main1].pitch || !is_short(&notes[down])) {
    return false;
  }
  const size_t main2 = successor(notes, n_notes, down, notes[main1].pitch);
  if (!main2) {
    return false;
  }
  notes[up].pitch = notes[main1].pitch;
  notes[up].duration = end_of(&notes[main2]) - notes[up].onset;
  notes[up].ornament = PMT_TURN;
  notes[main1].duration = notes[down].duration = notes[main2].duration = removed;
  return true;
}

static bool take_grace(PmtRawNote* const notes, const size_t n_notes, const size_t grace) {
  if (notes[grace].duration > grace_max) {
    return false;
  }
  const size_t next = successor(notes, n_notes, grace, -1);
  if (!next || notes[next].duration < grace_main_min) {
    return false;
  }
  notes[next].ornament = PMT_GRACE;
  notes[grace].duration = removed;
  return true;
}

size_t pmt_import_ornaments(PmtRawNote* const notes, const size_t n_notes, uint32_t* const found) {
  *found = 0;
  for (size_t i = 0; i < n_notes; ++i) {
    const PmtRawNote* const note = &notes[i];
    if (note->part != PMT_PART_DRUMS && note->ornament == PMT_PLAIN && note->duration != removed && is_short(note)) {
      *found += take_trill(notes, n_notes, i) || take_turn(notes, n_notes, i) || take_grace(notes, n_notes, i);
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < n_notes; ++i) {
    if (notes[i].duration != removed) {
      notes[kept++] = notes[i];
    }
  }
  return kept;
}
