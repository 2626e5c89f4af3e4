/* SPDX-License-Identifier: ISC */
/* Scores to tokens and back. Above: trainer, evaluation, priming, `inspect --tokens`. Below: grammar.c for decoding. */
#include "music/codec.h"

#include "music/grammar.h"
#include "music/meter.h"

#include <stdlib.h>
#include <string.h>

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

/** Index of the first note that begins while an older one of its part and pitch sounds; n_notes when there is none. */
static size_t find_overlap(const PmtScore* const score) {
  uint32_t end[PMT_PARTS_MAX][128] = {{0}};
  for (size_t i = 0; i < score->n_notes; ++i) {
    const PmtNote* const note = &score->notes[i];
    if (note->part != PMT_PART_DRUMS) {
      if (end[note->part][note->pitch] > note->onset) {
        return i;
      }
      end[note->part][note->pitch] = note->onset + note->duration;
    }
  }
  return score->n_notes;
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
  const size_t overlap = find_overlap(score);
  if (overlap < score->n_notes) {
    return pmt_fail(error, PMT_BAD_ARG, "note %zu begins while an older one of its part and pitch sounds", overlap);
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
  const size_t wanted = bar + KEY_BARS - KEY_BARS_BEFORE;
  const size_t end = wanted < score->n_bars ? wanted : score->n_bars;
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

/* Decoding */

typedef struct {
  const PmtToken* tokens;
  size_t n_tokens, at;
  PmtScore* score;
  PmtGrammar grammar;
  PmtLimits limits;
  PmtNote next; /* what VEL, ORN and POS have said of the note to come */
  PmtError* error;
} Decoder;

static PmtStatus refuse(const Decoder* const d) {
  char name[24];
  pmt_token_name(d->tokens[d->at], name, sizeof name);
  return pmt_fail(d->error, PMT_BAD_FILE, "token %zu: %s may not stand here", d->at, name);
}

/** Add to the score what an accepted token says. Room for a note a token is there. */
static void take_token(Decoder* const d, const PmtToken token, const uint32_t slot_tick) {
  PmtScore* const score = d->score;
  switch (pmt_token_class(token)) {
  case PMT_CLASS_POS: d->next.onset = slot_tick + token - PMT_TOKEN_POS + 1; break;
  case PMT_CLASS_VEL: d->next.velocity = (uint8_t)(token - PMT_TOKEN_VEL); break;
  case PMT_CLASS_ORNAMENT: d->next.ornament = (uint8_t)(token - PMT_TOKEN_TRILL + PMT_TRILL); break;
  case PMT_CLASS_DUR: score->notes[score->n_notes - 1].duration += pmt_duration_ticks[token - PMT_TOKEN_DUR]; break;
  case PMT_CLASS_NOTE:
    d->next.part = (uint8_t)pmt_note_part(token);
    d->next.pitch = (uint8_t)pmt_note_pitch(token);
    score->parts = d->next.part >= score->parts ? d->next.part + 1u : score->parts;
    score->notes[score->n_notes++] = d->next;
    d->next.ornament = PMT_PLAIN;
    break;
  case PMT_CLASS_DRUM: {
    PmtNote drum = d->next;
    drum.part = PMT_PART_DRUMS;
    drum.pitch = (uint8_t)(token - PMT_TOKEN_DRUM + PMT_DRUM_LO);
    score->notes[score->n_notes++] = drum;
    score->has_drums = true;
    break;
  }
  default: break;
  }
}

static bool at_end(const Decoder* const d) {
  return d->at == d->n_tokens || d->tokens[d->at] == PMT_END;
}

/** One slot, from its T token to the next one or the end. */
static PmtStatus take_slot(Decoder* const d, const PmtBar* const bar, const uint32_t in_bar) {
  if (d->tokens[d->at] != pmt_token_slot(pmt_slot_number(in_bar))) {
    return refuse(d);
  }
  /* Any k_next does: every T ends the slot here, and the next take_slot() compares it. */
  const uint32_t k_next = PMT_SLOTS_MAX - 1 - pmt_slot_number(in_bar);
  pmt_grammar_begin_slot(&d->grammar, pmt_slot_number(in_bar), pmt_slot_length(in_bar, bar->ticks), k_next, 0,
                         PMT_SLOT_TOKENS_MAX);
  d->next.onset = bar->tick + in_bar;
  for (++d->at; !at_end(d) && pmt_token_class(d->tokens[d->at]) != PMT_CLASS_SLOT; ++d->at) {
    d->grammar.tokens = 1; /* the allowance binds the player; a file may be denser */
    if (!pmt_grammar_accept(&d->grammar, &d->limits, PMT_PARTS_MAX, d->tokens[d->at])) {
      return refuse(d);
    }
    take_token(d, d->tokens[d->at], bar->tick + in_bar);
  }
  return PMT_OK;
}

/** Does the grammar let a slot end here? */
static bool slot_is_complete(const Decoder* const d) {
  PmtGrammar ending = d->grammar;
  return pmt_grammar_accept(&ending, &d->limits, PMT_PARTS_MAX, pmt_token_slot(ending.k_next));
}

static PmtStatus decode_bars(Decoder* const d) {
  for (size_t i = 0; i < d->score->n_bars; ++i) {
    const PmtBar* const bar = &d->score->bars[i];
    for (uint32_t in_bar = bar->skip; in_bar < bar->ticks; in_bar += PMT_SLOT_TICKS) {
      if (at_end(d)) {
        return PMT_OK;
      }
      const PmtStatus status = take_slot(d, bar, in_bar);
      if (status) {
        return status;
      }
      if (!slot_is_complete(d)) {
        return d->at < d->n_tokens ? refuse(d) : pmt_fail(d->error, PMT_BAD_FILE, "the last note has no duration");
      }
    }
  }
  return PMT_OK;
}

static PmtStatus decode_tokens(Decoder* const d) {
  if (d->n_tokens == 0 || d->tokens[0] != PMT_BOS) {
    return pmt_fail(d->error, PMT_BAD_FILE, "token 0: not BOS");
  }
  d->at = 1;
  const PmtStatus status = decode_bars(d);
  if (status) {
    return status;
  }
  if (d->at < d->n_tokens && d->tokens[d->at] == PMT_END) {
    ++d->at;
  }
  return d->at < d->n_tokens ? refuse(d) : PMT_OK;
}

/** Bars and what tokens do not carry. */
static PmtStatus copy_frame(const PmtScore* const like, const size_t n_notes_max, PmtScore* const score) {
  *score = *like;
  score->notes = malloc((n_notes_max + 1) * sizeof *score->notes);
  score->bars = malloc((like->n_bars + 1) * sizeof *score->bars);
  score->tempos = malloc((like->n_tempos + 1) * sizeof *score->tempos);
  score->n_notes = 0;
  score->has_drums = false;
  if (!score->notes || !score->bars || !score->tempos) {
    return PMT_NO_MEM;
  }
  if (like->n_bars) {
    memcpy(score->bars, like->bars, like->n_bars * sizeof *like->bars);
  }
  if (like->n_tempos) {
    memcpy(score->tempos, like->tempos, like->n_tempos * sizeof *like->tempos);
  }
  return PMT_OK;
}

static size_t count_notes(const PmtToken* const tokens, const size_t n_tokens) {
  size_t n = 0;
  for (size_t i = 0; i < n_tokens; ++i) {
    const PmtTokenClass c = pmt_token_class(tokens[i]);
    n += c == PMT_CLASS_NOTE || c == PMT_CLASS_DRUM;
  }
  return n;
}

PmtStatus pmt_decode(const PmtToken* const tokens, const size_t n_tokens, const PmtScore* const like,
                     PmtScore* const score, PmtError* const error) {
  Decoder d = {.tokens = tokens, .n_tokens = n_tokens, .score = score, .error = error};
  d.next.velocity = PMT_VELOCITY_START;
  pmt_grammar_reset(&d.grammar);
  pmt_limits_all(&d.limits, PMT_PARTS_MAX);
  PmtStatus status = copy_frame(like, count_notes(tokens, n_tokens), score);
  if (status) {
    pmt_score_free(score);
    return pmt_fail(error, status, "out of memory");
  }
  status = decode_tokens(&d);
  if (status) {
    pmt_score_free(score);
    return status;
  }
  pmt_score_cut_restruck(score);
  return PMT_OK;
}
