/* SPDX-License-Identifier: ISC */
/* Above: gen/engine_slot.c. Below: base/random, nn/activation. */
#include "gen/sampler.h"

#include "base/random.h"
#include "nn/activation.h"

static const float log2_e = 1.44269504f;
static const float never = -1e30f; /* finite, so that differences stay finite */
static const float rhythm_min_p = 0.4f; /* of min-p: what is rare there is a triplet, not a wrong note */
static const float least = 1e-9f; /* of the likeliest; what is rarer never comes, and no denormal number is met */

/** log2 within 1e-4, for figures shown to people. @param x >= 1 */
static float log2_about(const float x) {
  const uint32_t bits = pmt_bits(x);
  const float exponent = (float)((int32_t)(bits >> 23) - 127);
  const float m = pmt_float((bits & 0x7fffffu) | 0x3f800000u); /* 1..2 */
  const float r = (m - 1.0f) / (m + 1.0f);
  const float r2 = r * r;
  return exponent + 2.0f * log2_e * r * (1.0f + r2 * (1.0f / 3.0f + r2 * (1.0f / 5.0f + r2 * (1.0f / 7.0f))));
}

/** Lowest allowed token from `from` on, or PMT_VOCAB_MAX. */
static uint32_t next_allowed(const uint64_t* const mask, const uint32_t from) {
  uint32_t word = from / 64;
  if (word >= PMT_MASK_WORDS) {
    return PMT_VOCAB_MAX;
  }
  uint64_t bits = mask[word] & (~0ull << from % 64);
  while (!bits) {
    if (++word == PMT_MASK_WORDS) {
      return PMT_VOCAB_MAX;
    }
    bits = mask[word];
  }
  return 64 * word + (uint32_t)__builtin_ctzll(bits);
}

static bool is_note(const uint32_t token) {
  return token >= PMT_TOKEN_NOTE || (token >= PMT_TOKEN_DRUM && token < PMT_TOKEN_DRUM + PMT_DRUMS);
}

static float biased(const PmtSampling* const s, const uint32_t token, const float logit) {
  if (token == s->end) {
    return logit + s->end_bias;
  }
  if (token < PMT_TOKEN_NOTE) {
    return logit;
  }
  const bool outside = s->penalised >> token % 128 % 12 & 1;
  return logit + s->asked[pmt_note_part((PmtToken)token)] - (outside ? s->penalty : 0.0f);
}

/** Two kinds of token compete: notes, and rhythm, which says where they are and how long. */
enum { RHYTHM, NOTE, KINDS };

static uint32_t kind_of(const uint32_t token) { return is_note(token) ? NOTE : RHYTHM; }

typedef struct {
  uint32_t best; /* likeliest token; PMT_VOCAB_MAX = none is allowed */
  float top;     /* its logit */
  float mass;    /* probability of all of the kind, before temperature; its likeliest has 1 */
  float kept;    /* sum of the weights that min-p leaves; the likeliest has 1 */
  float share;   /* of the draw */
} Kind;

/** Biases into the logits; the likeliest of each kind. @return false when the model is broken */
static bool find_best(const PmtSampling* const s, const uint64_t* const mask, const uint32_t vocab,
                      float* const logits, Kind kind[KINDS]) {
  for (uint32_t t = next_allowed(mask, 0); t < vocab; t = next_allowed(mask, t + 1)) {
    const float l = biased(s, t, logits[t]);
    if (!(l < 1e30f)) {
      return false;
    }
    Kind* const k = &kind[kind_of(t)];
    logits[t] = l > never ? l : never;
    if (k->best == PMT_VOCAB_MAX || logits[t] > k->top) {
      k->best = t;
      k->top = logits[t];
    }
  }
  return true;
}

static float at_least(const float x) { return x > least ? x : least; }

static float rhythm_tau(const PmtSampling* const s) { return 1.0f + (s->tau - 1.0f) * 0.5f; }

static bool doubts(const PmtSampling* const s, const uint32_t best) {
  return s->doubt > 0.0f && best != PMT_VOCAB_MAX && (best >= PMT_TOKEN_NOTE || s->doubt_drums);
}

/** Doubts the likeliest note. What it loses goes to the others in their proportions, and min-p measures them by the
    likeliest of them. @param weight of notes, as yet without min-p */
static void doubt(const PmtSampling* const s, const uint64_t* const mask, const uint32_t vocab, Kind* const note,
                  float* const weight) {
  float second = 0.0f, others = 0.0f;
  for (uint32_t t = next_allowed(mask, 0); t < vocab; t = next_allowed(mask, t + 1)) {
    second = kind_of(t) == NOTE && t != note->best && weight[t] > second ? weight[t] : second;
  }
  for (uint32_t t = next_allowed(mask, 0); t < vocab; t = next_allowed(mask, t + 1)) {
    if (kind_of(t) == NOTE && t != note->best) {
      weight[t] = weight[t] < s->min_p * second ? 0.0f : weight[t];
      others += weight[t];
    }
  }
  const float most = (1.0f - s->doubt) / s->doubt * others;
  if (others > 0.0f && most < 1.0f) {
    weight[note->best] = most;
    note->kept = most + others;
  }
}

/** Weights within each kind, relative to its likeliest: so that min-p is a comparison and no offset matters. */
static void weigh(const PmtSampling* const s, const uint64_t* const mask, const uint32_t vocab,
                  const float* const logits, Kind kind[KINDS], float* const weight) {
  const float per[KINDS] = {1.0f / rhythm_tau(s), s->tau > 0.0f ? 1.0f / s->tau : 0.0f};
  const bool doubted = doubts(s, kind[NOTE].best);
  const float min_p[KINDS] = {at_least(s->min_p * rhythm_min_p), doubted ? least : at_least(s->min_p)};
  for (uint32_t t = next_allowed(mask, 0); t < vocab; t = next_allowed(mask, t + 1)) {
    const uint32_t of = kind_of(t);
    const float below = logits[t] - kind[of].top;
    const float w = pmt_exp(below * per[of]);
    weight[t] = w < min_p[of] ? 0.0f : w;
    kind[of].mass += pmt_exp(below);
    kind[of].kept += weight[t];
  }
  if (doubted) {
    doubt(s, mask, vocab, &kind[NOTE], weight);
  }
}

/** What each kind gets is settled by all of its tokens, before any is dropped. Else min-p, which would measure each of
    many notes by the one token that ends the slot, takes from the notes alone and the music thins out
    (docs/measures.md). @return sum of the shares */
static float share_out(const PmtSampling* const s, const float top, Kind kind[KINDS]) {
  float sum = 0.0f;
  for (uint32_t k = 0; k < KINDS; ++k) {
    if (kind[k].best != PMT_VOCAB_MAX) {
      const float share = pmt_exp((kind[k].top - top + log2_about(kind[k].mass) / log2_e) / rhythm_tau(s));
      kind[k].share = share < least ? 0.0f : share;
      sum += kind[k].share;
    }
  }
  return sum;
}

/** @param left of the sum of the shares @param chosen takes what rounding leaves over */
static uint32_t draw(const uint64_t* const mask, const uint32_t vocab, const float* const weight,
                     const Kind kind[KINDS], float left, const uint32_t chosen) {
  float scale[KINDS];
  for (uint32_t k = 0; k < KINDS; ++k) {
    scale[k] = kind[k].kept > 0.0f ? kind[k].share / kind[k].kept : 0.0f;
  }
  for (uint32_t t = next_allowed(mask, 0); t < vocab; t = next_allowed(mask, t + 1)) {
    left -= weight[t] * scale[kind_of(t)];
    if (left < 0.0f) {
      return t;
    }
  }
  return chosen;
}

static PmtToken fallback(const PmtSampling* const s, const uint64_t* const mask) {
  return mask[s->end / 64] >> s->end % 64 & 1 ? s->end : (PmtToken)next_allowed(mask, 0);
}

PmtPick pmt_sampler_pick(const PmtSampling* const s, const uint64_t mask[PMT_MASK_WORDS], const uint32_t vocab,
                         float* const logits, const uint32_t index) {
  Kind kind[KINDS] = {{.best = PMT_VOCAB_MAX, .top = never}, {.best = PMT_VOCAB_MAX, .top = never}};
  if (!find_best(s, mask, vocab, logits, kind)) {
    return (PmtPick){.token = fallback(s, mask)};
  }
  const Kind* const likelier = &kind[kind[RHYTHM].best == PMT_VOCAB_MAX || kind[NOTE].top > kind[RHYTHM].top];
  const float top = likelier->top;
  float weight[PMT_VOCAB_MAX];
  weigh(s, mask, vocab, logits, kind, weight);
  const float sum = share_out(s, top, kind);
  uint32_t chosen = likelier->best;
  if (s->tau > 0.0f) {
    chosen = draw(mask, vocab, weight, kind, pmt_random_unit(s->seed, s->place, index) * sum, chosen);
  }
  float mass = 0.0f;
  for (uint32_t k = 0; k < KINDS; ++k) {
    mass += kind[k].mass * pmt_exp(kind[k].top - top);
  }
  return (PmtPick){.token = (PmtToken)chosen, .surprise = log2_about(mass) - (logits[chosen] - top) * log2_e};
}
