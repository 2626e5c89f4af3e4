/* SPDX-License-Identifier: ISC */
/* From a MIDI file to a score on the grid. Above: the trainer, `inspect`, priming. Below: smf.c, import_*.c.

   parts -> raw notes in score ticks -> bars -> ornaments -> grid -> doubles and re-strikes. Linear in the file but for
   the sorting. */
#include "music/import.h"

#include "music/import_internal.h"
#include "music/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double grid_reach = 3; /* ticks an onset may move to the right, into a bar of its own perhaps */

PmtImportOptions pmt_import_defaults(void) {
  return (PmtImportOptions){.parts_max = 4, .ornaments = true, .pitch_lo = 21, .pitch_hi = 108};
}

typedef struct {
  const PmtSmf* smf;
  const PmtImportOptions* options;
  PmtScore* score;
  PmtImportReport* report;
  PmtError* error;
  uint8_t* part_of; /* by voice */
  PmtRawNote* raw;
  size_t n_raw;
  double offset;    /* to add to file time: pickup aligned, silence trimmed */
} Import;

static PmtStatus no_memory(PmtError* const error) {
  return pmt_fail(error, PMT_NO_MEM, "out of memory");
}

/* Raw notes */

/** Octaves up or down into the range. @return false when no octave of the note is in it */
static bool fold(Import* const im, PmtRawNote* const note) {
  const int lo = im->options->pitch_lo, hi = im->options->pitch_hi;
  int pitch = note->pitch;
  while (pitch < lo) {
    pitch += 12;
  }
  while (pitch > hi) {
    pitch -= 12;
  }
  im->report->folded += pitch != note->pitch && pitch >= lo;
  note->pitch = (uint8_t)pitch;
  return pitch >= lo;
}

static void add_raw_note(Import* const im, const PmtSmfNote* const from) {
  const uint64_t length = from->end > from->start ? from->end - from->start : 0;
  PmtRawNote note = {.onset = pmt_import_ticks(im->smf, from->start),
                     .duration = pmt_import_ticks(im->smf, length),
                     .part = im->part_of[from->track * PMT_SMF_CHANNELS + from->channel],
                     .pitch = from->pitch,
                     .velocity = (uint8_t)pmt_velocity_bin(from->velocity)};
  if (note.part == PMT_PART_DRUMS) {
    note.duration = 0;
    if (note.pitch < PMT_DRUM_LO || note.pitch > PMT_DRUM_HI) {
      im->report->dropped_drums++;
      return;
    }
  } else if (!fold(im, &note)) {
    return;
  }
  if (note.duration > PMT_DURATION_MAX) {
    im->report->cut++;
    note.duration = PMT_DURATION_MAX;
  }
  im->raw[im->n_raw++] = note;
}

static PmtStatus gather_notes(Import* const im) {
  im->raw = malloc((im->smf->n_notes + 1) * sizeof *im->raw);
  if (!im->raw) {
    return no_memory(im->error);
  }
  for (size_t i = 0; i < im->smf->n_notes; ++i) {
    add_raw_note(im, &im->smf->notes[i]);
  }
  if (im->n_raw == 0) {
    return pmt_fail(im->error, PMT_BAD_FILE, im->smf->n_notes ? "none of its notes can be played" : "has no notes");
  }
  return PMT_OK;
}

/* Bars */

static PmtStatus lay_bars(Import* const im) {
  double end = 0;
  for (size_t i = 0; i < im->n_raw; ++i) {
    end = fmax(end, im->raw[i].onset + im->raw[i].duration);
  }
  if (end > PMT_SCORE_TICKS_MAX) {
    return pmt_fail(im->error, PMT_TOO_BIG, "spans %.0f quarter notes, more than %d", end / PMT_TICKS_PER_QUARTER,
                    PMT_SCORE_TICKS_MAX / PMT_TICKS_PER_QUARTER);
  }
  uint32_t shift;
  if (pmt_import_bars(im->smf, end + grid_reach, im->score, &shift)) {
    return no_memory(im->error);
  }
  im->offset = shift;
  return PMT_OK;
}

/** Of more than two silent bars at the start, one is kept. */
static void trim_leading_silence(Import* const im) {
  PmtScore* const score = im->score;
  const double first = im->raw[0].onset + im->offset;
  size_t bar = 0;
  while (bar + 1 < score->n_bars && score->bars[bar + 1].tick <= first) {
    ++bar;
  }
  if (bar <= 2) {
    return;
  }
  const size_t n_cut = bar - 1;
  const uint32_t ticks_cut = score->bars[n_cut].tick;
  score->n_bars -= n_cut;
  memmove(score->bars, score->bars + n_cut, score->n_bars * sizeof *score->bars);
  for (size_t i = 0; i < score->n_bars; ++i) {
    score->bars[i].tick -= ticks_cut;
  }
  im->offset -= ticks_cut;
}

/** Empty bars at the end go; a bar into which a note rings stays. */
static void drop_trailing_bars(PmtScore* const score) {
  uint32_t end = 0;
  for (size_t i = 0; i < score->n_notes; ++i) {
    const PmtNote* const note = &score->notes[i];
    const uint32_t until = note->onset + (note->duration ? note->duration : 1);
    end = until > end ? until : end;
  }
  while (score->n_bars > 1 && score->bars[score->n_bars - 1].tick >= end) {
    --score->n_bars;
  }
}

/* Order */

/** Of notes with the same onset, part and pitch the longest stays, as loud as the loudest. */
static void merge_doubles(PmtScore* const score, PmtImportReport* const report) {
  size_t kept = 0;
  for (size_t i = 1; i < score->n_notes; ++i) {
    PmtNote* const last = &score->notes[kept];
    const PmtNote* const note = &score->notes[i];
    if (pmt_note_compare(last, note) != 0) {
      score->notes[++kept] = *note;
      continue;
    }
    last->velocity = note->velocity > last->velocity ? note->velocity : last->velocity;
    last->ornament = note->ornament > last->ornament ? note->ornament : last->ornament;
    report->merged++;
  }
  score->n_notes = kept + 1;
}

/* What else a score knows */

static uint8_t commonest(const uint32_t count[128]) {
  uint8_t best = 0;
  for (uint8_t i = 1; i < 128; ++i) {
    best = count[i] > count[best] ? i : best;
  }
  return best;
}

static void choose_programs(const Import* const im) {
  uint32_t used[PMT_PARTS_MAX][128], kits[128];
  memset(used, 0, sizeof used);
  memset(kits, 0, sizeof kits);
  for (size_t i = 0; i < im->smf->n_notes; ++i) {
    const PmtSmfNote* const note = &im->smf->notes[i];
    const uint8_t part = im->part_of[note->track * PMT_SMF_CHANNELS + note->channel];
    ++(part == PMT_PART_DRUMS ? kits : used[part])[note->program & 127];
  }
  for (uint32_t part = 0; part < im->score->parts; ++part) {
    im->score->program[part] = commonest(used[part]);
  }
  im->score->kit = commonest(kits);
}

static PmtStatus copy_tempos(const Import* const im) {
  PmtScore* const score = im->score;
  score->tempos = malloc(im->smf->n_tempos * sizeof *score->tempos);
  if (!score->tempos) {
    return no_memory(im->error);
  }
  const uint32_t end = pmt_score_ticks(score);
  for (size_t i = 0; i < im->smf->n_tempos; ++i) {
    const PmtSmfTempo* const tempo = &im->smf->tempos[i];
    const double at = round(pmt_import_ticks(im->smf, tempo->tick) + im->offset);
    if (at >= end && i > 0) {
      break;
    }
    const uint32_t tick = at > 0 && i > 0 ? (uint32_t)at : 0;
    if (score->n_tempos && score->tempos[score->n_tempos - 1].tick == tick) {
      --score->n_tempos; /* of several at one tick, or before the start, the last one holds */
    }
    score->tempos[score->n_tempos++] = (PmtTempo){tick, 6e7 / tempo->us_per_quarter};
  }
  return PMT_OK;
}

static void find_drums(PmtScore* const score) {
  for (size_t i = 0; i < score->n_notes && !score->has_drums; ++i) {
    score->has_drums = score->notes[i].part == PMT_PART_DRUMS;
  }
}

static PmtStatus import(Import* const im) {
  PmtStatus status;
  if (pmt_import_parts(im->smf, im->options->parts_max, &im->part_of, &im->score->parts, &im->report->parts_merged)) {
    return no_memory(im->error);
  }
  im->report->notes_in = (uint32_t)im->smf->n_notes;
  if ((status = gather_notes(im)) || (status = lay_bars(im))) {
    return status;
  }
  trim_leading_silence(im);
  if (im->options->ornaments) {
    im->n_raw = pmt_import_ornaments(im->raw, im->n_raw, &im->report->ornaments);
  }
  if (pmt_import_quantise(im->raw, im->n_raw, im->offset, im->score, im->report)) {
    return no_memory(im->error);
  }
  pmt_score_sort(im->score);
  merge_doubles(im->score, im->report);
  im->report->cut += pmt_score_cut_restruck(im->score);
  im->report->notes_out = (uint32_t)im->score->n_notes;
  drop_trailing_bars(im->score);
  find_drums(im->score);
  choose_programs(im);
  return copy_tempos(im);
}

PmtStatus pmt_import(const PmtSmf* const smf, const PmtImportOptions* const options, PmtScore* const score,
                     PmtImportReport* const report, PmtError* const error) {
  PmtImportReport own_report;
  PmtImportReport* const r = report ? report : &own_report;
  *score = (PmtScore){0};
  *r = (PmtImportReport){0};
  if (options->parts_max < 1 || options->parts_max > PMT_PARTS_MAX || options->pitch_lo > options->pitch_hi ||
      options->pitch_hi > 127) {
    return pmt_fail(error, PMT_BAD_ARG, "cannot import into %u parts of pitches %u..%u", options->parts_max,
                    options->pitch_lo, options->pitch_hi);
  }
  Import im = {.smf = smf, .options = options, .score = score, .report = r, .error = error};
  const PmtStatus status = import(&im);
  free(im.part_of);
  free(im.raw);
  if (status) {
    pmt_score_free(score);
  }
  return status;
}

PmtStatus pmt_import_file(const char* const path, const PmtImportOptions* const options, PmtScore* const score,
                          PmtImportReport* const report, PmtError* const error) {
  *score = (PmtScore){0};
  PmtSmf smf;
  PmtStatus status = pmt_smf_read(path, &smf, error);
  if (status) {
    return status;
  }
  status = pmt_import(&smf, options, score, report, error);
  pmt_smf_free(&smf);
  if (status) {
    pmt_error_prefix(error, path);
  }
  return status;
}
