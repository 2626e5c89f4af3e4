/* SPDX-License-Identifier: ISC */
/* Above: gen/engine_slot.c. Below: base/random, nn/activation. */
#include "gen/sampler.h"

#include "base/random.h"
#include "nn/activation.h"

static const float log2_e = 1.44269504f;
static const float never = -1e30f; /* finite, so that differences stay finite */

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
  const bool outside = token >= PMT_TOKEN_NOTE && s->penalised >> token % 128 % 12 & 1;
  return outside ? logit - s->penalty : logit;
}

/** Biases into the logits. @return the likeliest token, or PMT_VOCAB_MAX when the model is broken */
static uint32_t find_best(const PmtSampling* const s, const uint64_t* const mask, const uint32_t vocab,
                          float* const logits) {
  uint32_t best = PMT_VOCAB_MAX;
  for (uint32_t t = next_allowed(mask, 0); t < vocab; t = next_allowed(mask, t + 1)) {
    const float l = biased(s, t, logits[t]);
    if (!(l < 1e30f)) {
      return PMT_VOCAB_MAX;
    }
    logits[t] = l > never ? l : never;
    if (best == PMT_VOCAB_MAX || logits[t] > logits[best]) {
      best = t;
    }
  }
  return best;
}

static PmtToken fallback(const PmtSampling* const s, const uint64_t* const mask) {
  return mask[s->end / 64] >> s->end % 64 & 1 ? s->end : (PmtToken)next_allowed(mask, 0);
}

PmtPick pmt_sampler_pick(const PmtSampling* const s, const uint64_t mask[PMT_MASK_WORDS], const uint32_t vocab,
                         float* const logits, const uint32_t index) {
  const uint32_t best = find_best(s, mask, vocab, logits);
  if (best == PMT_VOCAB_MAX) {
    return (PmtPick){.token = fallback(s, mask)};
  }
  /* Weights relative to the likeliest, so that min-p is a comparison and temperature does not depend on an offset. */
  const float top = logits[best];
  const float per_note = s->tau > 0.0f ? 1.0f / s->tau : 0.0f;
  const float per_rhythm = 1.0f / (1.0f + (s->tau - 1.0f) * 0.5f);
  float weight[PMT_VOCAB_MAX];
  float sum = 0.0f, mass = 0.0f;
  for (uint32_t t = next_allowed(mask, 0); t < vocab; t = next_allowed(mask, t + 1)) {
    const float below = logits[t] - top;
    const float w = pmt_exp(below * (is_note(t) ? per_note : per_rhythm));
    mass += pmt_exp(below);
    weight[t] = w < s->min_p ? 0.0f : w;
    sum += weight[t];
  }
  uint32_t chosen = best;
  if (s->tau > 0.0f) {
    float left = pmt_random_unit(s->seed, s->place, index) * sum;
    for (uint32_t t = next_allowed(mask, 0); t < vocab; t = next_allowed(mask, t + 1)) {
      if (weight[t] > 0.0f) {
        chosen = t; /* the last one catches what rounding leaves over */
        left -= weight[t];
        if (left < 0.0f) {
          break;
        }
      }
    }
  }
  return (PmtPick){.token = (PmtToken)chosen, .surprise = log2_about(mass) - (logits[chosen] - top) * log2_e};
}
