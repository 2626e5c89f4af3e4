/* SPDX-License-Identifier: ISC */
/* Scores to tokens and back. Above: trainer, evaluation, priming, `inspect --tokens`. Below: grammar.c for decoding. */
#include "music/codec.h"

#include "music/meter.h"

#include <stdlib.h>

enum {
  TOKENS_PER_NOTE_MAX = 6, /* POS VEL ORN P DUR DUR */
  KEY_BARS_BEFORE = 4,
  KEY_BARS = 8,
};

void pmt_sequence_free(PmtSequence* const sequence) {
  free(sequence->tokens);
  free(sequence->slots);
  *sequence = (PmtSequence){0};
}

/* Scores that break the rules of score.h */

static const char* fault_of_bar(const PmtScore* const score, const size_t i) {
  const PmtBar* const bar = &score->bars[i];
  const uint32_t tick = i ? score->bars[i - 1].tick + score->bars[i - 1].ticks : 0;
  if (bar->tick != tick) {
    return "does not touch the bar before";
  }
  if (bar->ticks < 1 || bar->ticks > PMT_BAR_TICKS_MAX) {
    return "has no sane length";
  }
  return bar->skip % PMT_SLOT_TICKS || bar->skip >= bar->ticks || (i && bar->skip)
             ? "misses something else than whole slots of the first bar"
             : NULL;
}

static const char* fault_of_note(const PmtScore* const score, const size_t i) {
  const PmtNote* const note = &score->notes[i];
  if (i && pmt_note_compare(note - 1, note) >= 0) {
    return "is out of order";
  }
  if (note->velocity >= PMT_VELOCITIES) {
    return "has no velocity bin";
  }
  if (note->part == PMT_PART_DRUMS) {
    return note->duration || note->ornament || note->pitch < PMT_DRUM_LO || note->pitch > PMT_DRUM_HI
               ? "is no percussion key, or has a length or an ornament"
               : NULL;
  }
  if (note->part >= score->parts || note->pitch > 127 || note->ornament > PMT_GRACE) {
    return "is outside the parts, pitches or ornaments";
  }
  if (note->duration < 1 || note->duration > PMT_DURATION_MAX || pmt_duration_floor(note->duration) != note->duration) {
    return "has a length that no two tokens make";
  }
  return NULL;
}

static PmtStatus check_score(const PmtScore* const score, PmtError* const error) {
  if (score->parts > PMT_PARTS_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "%u parts", score->parts);
  }
  for (size_t i = 0; i < score->n_bars; ++i) {
    const char* const fault = fault_of_bar(score, i);
    if (fault) {
      return pmt_fail(error, PMT_BAD_ARG, "bar %zu %s", i, fault);
    }
  }
  for (size_t i = 0; i < score->n_notes; ++i) {
    const char* const fault = fault_of_note(score, i);
    if (fault) {
      return pmt_fail(error, PMT_BAD_ARG, "note %zu %s", i, fault);
    }
  }
  if (score->n_notes && (!score->n_bars || score->notes[score->n_notes - 1].onset >= pmt_score_ticks(score) ||
                         score->notes[0].onset < score->bars[0].skip)) {
    return pmt_fail(error, PMT_BAD_ARG, "notes outside the bars");
  }
  return PMT_OK;
}

/* Encoding */

typedef struct {
  const PmtScore* score;
  PmtSequence* sequence;
  size_t note;       /* next to be written */
  uint8_t velocity;  /* bin in force */
} Encoder;

static void put(PmtSequence* const sequence, const uint32_t token) {
  sequence->tokens[sequence->n_tokens++] = (PmtToken)token;
}

static void put_note(Encoder* const e, const PmtNote* const note) {
  PmtSequence* const to = e->sequence;
  if (note->velocity != e->velocity) {
    e->velocity = note->velocity;
    put(to, pmt_token_vel(note->velocity));
  }
  if (note->part == PMT_PART_DRUMS) {
    put(to, pmt_token_drum(note->pitch));
    return;
  }
  if (note->ornament != PMT_PLAIN) {
    put(to, PMT_TOKEN_TRILL - PMT_TRILL + note->ornament);
  }
  put(to, pmt_token_note(note->part, note->pitch));
  uint32_t index[2];
  const uint32_t n = pmt_duration_split(note->duration, index);
  for (uint32_t i = 0; i < n; ++i) {
    put(to, PMT_TOKEN_DUR + index[i]);
  }
}

/** The notes that begin in [tick, tick + length). */
static void put_slot_notes(Encoder* const e, const uint32_t tick, const uint32_t length) {
  uint32_t pos = 0;
  for (; e->note < e->score->n_notes && e->score->notes[e->note].onset < tick + length; ++e->note) {
    const PmtNote* const note = &e->score->notes[e->note];
    if (note->onset - tick != pos) {
      pos = note->onset - tick;
      put(e->sequence, pmt_token_pos(pos));
    }
    put_note(e, note);
  }
}

static void put_bar(Encoder* const e, const size_t bar_index, PmtSlot like) {
  const PmtBar* const bar = &e->score->bars[bar_index];
  for (uint32_t at = bar->skip; at < bar->ticks; at += PMT_SLOT_TICKS) {
    like.token = (uint32_t)e->sequence->n_tokens;
    like.tick = bar->tick + at;
    like.length = (uint8_t)pmt_slot_length(at, bar->ticks);
    e->sequence->slots[e->sequence->n_slots++] = like;
    put(e->sequence, pmt_token_slot(pmt_slot_number(at)));
    put_slot_notes(e, like.tick, like.length);
  }
}

static size_t count_slots(const PmtScore* const score) {
  size_t n = 0;
  for (size_t i = 0; i < score->n_bars; ++i) {
    n += (score->bars[i].ticks - score->bars[i].skip + PMT_SLOT_TICKS - 1u) / PMT_SLOT_TICKS;
  }
  return n;
}

/** first[b] = index of the first note of bar b; first[n_bars] = n_notes. */
static size_t* index_bars(const PmtScore* const score) {
  size_t* const first = malloc((score->n_bars + 1) * sizeof *first);
  if (first) {
    size_t note = 0;
    for (size_t bar = 0; bar < score->n_bars; ++bar) {
      while (note < score->n_notes && score->notes[note].onset < score->bars[bar].tick) {
        ++note;
      }
      first[bar] = note;
    }
    first[score->n_bars] = score->n_notes;
  }
  return first;
}

/** Each note is weighed in at most 8 windows: linear. */
static uint32_t key_around(const PmtScore* const score, const size_t* const first, const size_t bar) {
  const size_t from = bar > KEY_BARS_BEFORE ? bar - KEY_BARS_BEFORE : 0;
  const size_t end = bar + KEY_BARS - KEY_BARS_BEFORE < score->n_bars ? bar + KEY_BARS - KEY_BARS_BEFORE : score->n_bars;
  return pmt_score_key(score->notes + first[from], first[end] - first[from]);
}

static void encode_bars(Encoder* const e, const size_t* const first) {
  for (size_t bar = 0; bar < e->score->n_bars; ++bar) {
    const size_t onsets = first[bar + 1] - first[bar];
    put_bar(e, bar, (PmtSlot){.bar = (uint32_t)bar,
                              .meter = (uint8_t)pmt_meter_class(e->score->bars[bar].ticks),
                              .key = (uint8_t)key_around(e->score, first, bar),
                              .phrase = (uint8_t)(1 + bar % 8),
                              .bar_notes = (uint16_t)(onsets < UINT16_MAX ? onsets : UINT16_MAX)});
  }
}

PmtStatus pmt_encode(const PmtScore* const score, PmtSequence* const sequence, PmtError* const error) {
  *sequence = (PmtSequence){0};
  const PmtStatus status = check_score(score, error);
  if (status) {
    return status;
  }
  const size_t n_slots = count_slots(score);
  const size_t n_tokens_max = 2 + n_slots + TOKENS_PER_NOTE_MAX * score->n_notes;
  size_t* const first = index_bars(score);
  sequence->tokens = malloc(n_tokens_max * sizeof *sequence->tokens);
  sequence->slots = malloc((n_slots + 1) * sizeof *sequence->slots);
  if (!first || !sequence->tokens || !sequence->slots) {
    free(first);
    pmt_sequence_free(sequence);
    return pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  put(sequence, PMT_BOS);
  encode_bars(&(Encoder){.score = score, .sequence = sequence, .velocity = PMT_VELOCITY_START}, first);
  put(sequence, PMT_END);
  free(first);
  PmtToken* const trimmed = realloc(sequence->tokens, sequence->n_tokens * sizeof *trimmed); /* often a third of it */
  sequence->tokens = trimmed ? trimmed : sequence->tokens;
  return PMT_OK;
}
