/* SPDX-License-Identifier: ISC */
/* What the net would say if nobody kept it from it. Above: evaluate_music.c. Below: gen/reader.h, music/grammar.h.

   Held-out pieces are fed token by token, as in training: style and meter told, the rest unknown. Before each token the
   grammar says what may stand there in this model's range, the net what probably does; END counts as allowed where a
   slot may end, though it is never played. */
#include "evaluate.h"

#include "gen/reader.h"

#include <math.h>

typedef struct {
  const PmtModel* model;
  const PmtSequence* sequence;
  PmtReader* reader;
  PmtCondition condition;
  PmtLimits playable;   /* what the mask is made of ... */
  PmtLimits everything; /* ... and what a file may hold */
  PmtGrammar grammar;
  size_t slot;          /* the next to begin */
  PmtIllegal sum;       /* means: still sums */
} Look;

static void limit_to_model(const PmtModel* const model, PmtLimits* const limits) {
  pmt_limits_all(limits, model->parts);
  limits->ornaments = model->ornaments;
  limits->velocity = model->velocity;
  for (uint32_t part = 0; part < model->parts; ++part) {
    for (uint32_t pitch = 0; pitch < 128; ++pitch) {
      const bool in_range = pitch >= model->pitch_lo[part] && pitch <= model->pitch_hi[part];
      pmt_limits_set(limits, pmt_token_note(part, pitch), in_range);
    }
  }
  for (uint32_t key = PMT_DRUM_LO; key <= PMT_DRUM_HI; ++key) {
    pmt_limits_set(limits, pmt_token_drum(key), model->drums);
  }
}

/** Probability outside the mask. @param[out] slot the part of it on T tokens */
static double illegal_mass(const float* const logits, const uint32_t vocab, const uint64_t mask[PMT_MASK_WORDS],
                           double* const slot) {
  float top = logits[0];
  for (uint32_t t = 1; t < vocab; ++t) { top = logits[t] > top ? logits[t] : top; }
  double all = 0, illegal = 0, illegal_slot = 0;
  for (uint32_t t = 0; t < vocab; ++t) {
    const double p = exp((double)(logits[t] - top));
    const bool allowed = mask[t / 64] >> t % 64 & 1;
    all += p;
    illegal += allowed ? 0 : p;
    illegal_slot += !allowed && pmt_token_class((PmtToken)t) == PMT_CLASS_SLOT ? p : 0;
  }
  *slot = illegal_slot / all;
  return illegal / all;
}

/** Look at the prediction of what follows, if that is within a slot: where a slot begins only the host decides. */
static void look(Look* const r) {
  uint64_t mask[PMT_MASK_WORDS];
  if (r->grammar.state == PMT_AFTER_BOS) { return; }
  pmt_grammar_mask(&r->grammar, &r->playable, r->model->parts, mask);
  const uint32_t t_next = pmt_token_slot(r->grammar.k_next);
  mask[PMT_END / 64] |= (mask[t_next / 64] >> t_next % 64 & 1) << PMT_END;
  double slot;
  const double mass = illegal_mass(pmt_reader_logits(r->reader), r->model->vocab, mask, &slot);
  r->sum.mean += mass;
  r->sum.mean_slot += slot;
  r->sum.max = mass > r->sum.max ? mass : r->sum.max;
  ++r->sum.tokens;
}

static uint32_t slot_number(const PmtSequence* const s, const size_t slot) {
  return s->tokens[s->slots[slot].token] - PMT_TOKEN_SLOT;
}

static void begin_slot(Look* const r) {
  const PmtSequence* const s = r->sequence;
  const PmtSlot* const slot = &s->slots[r->slot];
  const uint32_t k = slot_number(s, r->slot);
  const uint32_t k_next = r->slot + 1 < s->n_slots ? slot_number(s, r->slot + 1) : 0; /* the last is a bar's last */
  r->condition.meter = slot->meter;
  pmt_reader_condition(r->reader, &r->condition);
  pmt_grammar_begin_slot(&r->grammar, k, slot->length, k_next, 0, PMT_SLOT_TOKENS_MAX);
  ++r->slot;
}

static void feed(Look* const r, const PmtToken token) {
  uint64_t spent = 0;
  pmt_reader_begin(r->reader, token);
  pmt_reader_run(r->reader, UINT64_MAX, &spent);
}

/** Tokens 0 .. n - 1 as input. */
static void read_piece(Look* const r, const PmtSequence* const sequence, const size_t n) {
  r->sequence = sequence;
  r->slot = 0;
  pmt_reader_reset(r->reader);
  pmt_grammar_reset(&r->grammar);
  for (size_t i = 0; i < n; ++i) {
    const PmtToken token = sequence->tokens[i];
    if (pmt_token_class(token) == PMT_CLASS_SLOT) {
      begin_slot(r);
    } else if (i) {
      pmt_grammar_accept(&r->grammar, &r->everything, PMT_PARTS_MAX, token);
    } else if (sequence->n_slots) { /* BOS goes with the first slot */
      r->condition.meter = sequence->slots[0].meter;
      pmt_reader_condition(r->reader, &r->condition);
    }
    feed(r, token);
    r->grammar.tokens = 1; /* the allowance binds the player; a file may be denser */
    look(r);
  }
}

PmtStatus pmt_illegal_measure(const PmtModel* const model, const uint32_t style, const PmtCorpus* const corpus,
                              const PmtSplit split, const size_t tokens_max, PmtIllegal* const illegal,
                              PmtError* const error) {
  Look r = {.model = model};
  if (pmt_reader_new(model, &r.reader)) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  const size_t n_pieces = pmt_corpus_count(corpus, split).pieces;
  limit_to_model(model, &r.playable);
  pmt_limits_all(&r.everything, PMT_PARTS_MAX);
  r.condition.style[style] = 1.0f;
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    const PmtPiece* const piece = &corpus->pieces[i];
    if (piece->split != split) { continue; }
    const size_t inputs = piece->sequence.n_tokens - 1, most = tokens_max / n_pieces + 1; /* nothing follows END */
    read_piece(&r, &piece->sequence, inputs < most ? inputs : most);
  }
  pmt_reader_free(r.reader);
  *illegal = r.sum;
  illegal->mean = r.sum.tokens ? r.sum.mean / (double)r.sum.tokens : (double)NAN;
  illegal->mean_slot = r.sum.tokens ? r.sum.mean_slot / (double)r.sum.tokens : (double)NAN;
  return PMT_OK;
}
