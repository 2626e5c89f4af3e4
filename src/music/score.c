/* SPDX-License-Identifier: ISC */
/* A score as data: release, order, comparison. Above: import.c, codec.c. */
#include "music/score.h"

#include <stdlib.h>
#include <string.h>

void pmt_score_free(PmtScore* const score) {
  free(score->notes);
  free(score->bars);
  free(score->tempos);
  *score = (PmtScore){0};
}

uint32_t pmt_score_ticks(const PmtScore* const score) {
  if (!score->n_bars) {
    return 0;
  }
  const PmtBar* const last = &score->bars[score->n_bars - 1];
  return last->tick + last->ticks;
}

/** Place among notes of one onset: part up, pitch down, drums last and up. */
static int place(const PmtNote* const note) {
  return note->part == PMT_PART_DRUMS ? 128 * PMT_PARTS_MAX + note->pitch : 128 * note->part + 127 - note->pitch;
}

int pmt_note_compare(const PmtNote* const a, const PmtNote* const b) {
  if (a->onset != b->onset) {
    return a->onset < b->onset ? -1 : 1;
  }
  return place(a) - place(b);
}

/** Doubles exist only inside import: a total order keeps the result the same under every qsort. */
static int compare_totally(const void* const left, const void* const right) {
  const PmtNote* const a = left;
  const PmtNote* const b = right;
  const int order = pmt_note_compare(a, b);
  if (order || a->duration != b->duration) {
    return order ? order : b->duration - a->duration;
  }
  return a->velocity != b->velocity ? b->velocity - a->velocity : b->ornament - a->ornament;
}

void pmt_score_sort(PmtScore* const score) {
  if (score->n_notes > 1) {
    qsort(score->notes, score->n_notes, sizeof *score->notes, compare_totally);
  }
}

uint32_t pmt_score_cut_restruck(PmtScore* const score) {
  size_t last[PMT_PARTS_MAX][128]; /* 1 + index of the note last begun */
  memset(last, 0, sizeof last);
  uint32_t n_cut = 0;
  for (size_t i = 0; i < score->n_notes; ++i) {
    const PmtNote* const note = &score->notes[i];
    if (note->part == PMT_PART_DRUMS) {
      continue;
    }
    size_t* const slot = &last[note->part][note->pitch];
    PmtNote* const older = *slot ? &score->notes[*slot - 1] : NULL;
    if (older && older->onset + older->duration > note->onset) {
      older->duration = (uint16_t)pmt_duration_floor(note->onset - older->onset);
      ++n_cut;
    }
    *slot = i + 1;
  }
  return n_cut;
}

static bool notes_equal(const PmtNote* const a, const PmtNote* const b) {
  return a->onset == b->onset && a->duration == b->duration && a->part == b->part && a->pitch == b->pitch &&
         a->velocity == b->velocity && a->ornament == b->ornament;
}

static bool bars_equal(const PmtBar* const a, const PmtBar* const b) {
  return a->tick == b->tick && a->ticks == b->ticks && a->skip == b->skip && a->beats == b->beats &&
         a->unit == b->unit;
}

bool pmt_score_equal(const PmtScore* const a, const PmtScore* const b, PmtError* const error) {
  if (a->n_bars != b->n_bars || a->n_notes != b->n_notes) {
    pmt_fail(error, PMT_BAD_ARG, "%zu bars and %zu notes against %zu and %zu", a->n_bars, a->n_notes, b->n_bars,
             b->n_notes);
    return false;
  }
  for (size_t i = 0; i < a->n_bars; ++i) {
    if (!bars_equal(&a->bars[i], &b->bars[i])) {
      pmt_fail(error, PMT_BAD_ARG, "bar %zu: %u/%u, %u ticks at %u against %u/%u, %u ticks at %u", i, a->bars[i].beats,
               a->bars[i].unit, a->bars[i].ticks, a->bars[i].tick, b->bars[i].beats, b->bars[i].unit, b->bars[i].ticks,
               b->bars[i].tick);
      return false;
    }
  }
  for (size_t i = 0; i < a->n_notes; ++i) {
    const PmtNote* const x = &a->notes[i];
    const PmtNote* const y = &b->notes[i];
    if (!notes_equal(x, y)) {
      pmt_fail(error, PMT_BAD_ARG,
               "note %zu: tick %u part %u pitch %u length %u velocity %u ornament %u against %u %u %u %u %u %u", i,
               x->onset, x->part, x->pitch, x->duration, x->velocity, x->ornament, y->onset, y->part, y->pitch,
               y->duration, y->velocity, y->ornament);
      return false;
    }
  }
  return true;
}
