/* SPDX-License-Identifier: ISC */
/* Sampler and freeze: shares follow the softmax, controls do what they say, a broken model breaks nothing. */
#include "base/random.h"
#include "check.h"
#include "gen/freeze.h"
#include "gen/sampler.h"

#include <math.h>
#include <string.h>

enum { V = 640, END = PMT_TOKEN_SLOT + 1 };

static void allow(uint64_t* const mask, const uint32_t t) { mask[t / 64] |= 1ull << (t % 64); }

static PmtSampling plain(void) { return (PmtSampling){.tau = 1.0f, .end = END, .seed = 1}; }

static PmtPick pick(const PmtSampling* const s, const uint64_t* const mask, const float* const logits,
                    const uint32_t index) {
  float copy[V];
  memcpy(copy, logits, sizeof copy);
  return pmt_sampler_pick(s, mask, V, copy, index);
}

/** Shares of 40000 draws against a softmax in double, by temperature and class. */
static void check_shares(const float tau, const float min_p, const double offset) {
  static const uint32_t tokens[] = {END, PMT_TOKEN_POS + 2, 200, 201, 300, PMT_TOKEN_DRUM};
  static const double values[] = {1.0, 0.3, 1.5, -0.5, 0.9, -3.5};
  enum { N = 6, DRAWS = 40000 };
  uint64_t mask[PMT_MASK_WORDS] = {0};
  float logits[V];
  double weight[N], sum = 0.0;
  for (uint32_t i = 0; i < V; ++i) {
    logits[i] = 50.0f; /* what is not allowed tempts */
  }
  for (uint32_t i = 0; i < N; ++i) {
    allow(mask, tokens[i]);
    logits[tokens[i]] = (float)(values[i] + offset);
    const bool note = tokens[i] >= PMT_TOKEN_DRUM;
    weight[i] = exp((values[i] - 1.5) / (note ? (double)tau : 1.0 + ((double)tau - 1.0) / 2.0));
    weight[i] = weight[i] < (double)min_p ? 0.0 : weight[i];
    sum += weight[i];
  }
  uint32_t count[N] = {0};
  PmtSampling s = plain();
  s.tau = tau;
  s.min_p = min_p;
  for (uint32_t d = 0; d < DRAWS; ++d) {
    s.place = d / 40;
    const PmtPick p = pick(&s, mask, logits, d % 40);
    for (uint32_t i = 0; i < N; ++i) {
      count[i] += p.token == tokens[i];
    }
  }
  for (uint32_t i = 0; i < N; ++i) {
    const double expected = weight[i] / sum;
    const double sigma = sqrt(expected * (1.0 - expected) / DRAWS);
    CHECKF(fabs((double)count[i] / DRAWS - expected) <= 4.0 * sigma + 1e-6, "tau %g token %u: %g for %g", (double)tau,
           tokens[i], (double)count[i] / DRAWS, expected);
  }
}

static void test_surprise(void) {
  uint64_t mask[PMT_MASK_WORDS] = {0};
  float logits[V] = {0};
  for (uint32_t i = 0; i < 256; ++i) {
    allow(mask, 128 + i);
  }
  PmtSampling s = plain();
  s.tau = 0.7f; /* told before temperature */
  CHECK(fabsf(pick(&s, mask, logits, 0).surprise - 8.0f) < 1e-3f);
  uint64_t two[PMT_MASK_WORDS] = {0};
  allow(two, 128);
  allow(two, 129);
  logits[129] = -2.0f;
  for (uint32_t i = 0; i < 50; ++i) {
    const PmtPick p = pick(&s, two, logits, i);
    const double share = p.token == 128 ? 1.0 / (1.0 + exp(-2.0)) : exp(-2.0) / (1.0 + exp(-2.0));
    CHECK(fabs((double)p.surprise + log2(share)) < 1e-3);
  }
  uint64_t one[PMT_MASK_WORDS] = {0};
  allow(one, END);
  CHECK(pick(&s, one, logits, 0).token == END && fabsf(pick(&s, one, logits, 0).surprise) < 1e-3f);
}

static void test_argmax_and_bias(void) {
  uint64_t mask[PMT_MASK_WORDS] = {0};
  float logits[V] = {0};
  allow(mask, END);
  allow(mask, 128 + 60);
  allow(mask, 128 + 61);
  logits[END] = 1.0f;
  logits[128 + 60] = 2.0f;
  logits[128 + 61] = 3.0f;
  PmtSampling s = plain();
  s.tau = 0.0f;
  CHECK(pick(&s, mask, logits, 0).token == 128 + 61);
  s.penalised = (uint16_t)~(1u << 0); /* all but C */
  s.penalty = 1.5f;
  CHECK(pick(&s, mask, logits, 0).token == 128 + 60);
  s.end_bias = 1.5f;
  CHECK(pick(&s, mask, logits, 0).token == END);
}

static void test_broken(void) {
  uint64_t mask[PMT_MASK_WORDS] = {0};
  float logits[V] = {0};
  allow(mask, 128 + 60);
  allow(mask, 128 + 62);
  PmtSampling s = plain();
  static const float faults[] = {NAN, INFINITY};
  for (uint32_t i = 0; i < 2; ++i) {
    logits[128 + 62] = faults[i];
    CHECK(pick(&s, mask, logits, 0).token == 128 + 60);
    allow(mask, END);
    CHECK(pick(&s, mask, logits, 0).token == END);
    mask[END / 64] = 0;
  }
  logits[128 + 62] = -INFINITY;
  for (uint32_t i = 0; i < 100; ++i) {
    CHECK(pick(&s, mask, logits, i).token == 128 + 60);
  }
  logits[128 + 60] = -INFINITY;
  CHECK(pmt_token_class(pick(&s, mask, logits, 0).token) == PMT_CLASS_NOTE);
}

static PmtModel model_of(void) {
  PmtModel m = {
      .parts = 4, .vocab = V, .velocity = true, .n_styles = 3, .parts_used = {4, 2, 0}, .style_drums = {0, 1, 1}};
  memset(m.pitch_lo, 36, sizeof m.pitch_lo);
  memset(m.pitch_hi, 84, sizeof m.pitch_hi);
  return m;
}

static void test_freeze(void) {
  const PmtModel m = model_of();
  const PmtPlace place = {.bar = -1, .index = 3, .length = 12, .bar_ticks = 72, .start = 36};
  PmtControls c = pmt_controls_default();
  static PmtFrozen f;
  pmt_freeze(&m, &c, &place, 0, 1.25f, &f);
  CHECK(f.sampling.tau == 1.25f && f.sampling.penalised == 0 && f.scale == 0 && f.condition.style[0] == 1.0f);
  CHECK(f.condition.meter == 6 && f.condition.key == 0 && f.condition.phrase == 8 && f.condition.density == 5);
  CHECK(pmt_limits_has(&f.limits, pmt_token_note(3, 84)) && !pmt_limits_has(&f.limits, pmt_token_note(3, 85)));
  CHECK(!pmt_limits_has(&f.limits, pmt_token_drum(40)) && !f.limits.ornaments && f.limits.velocity);

  pmt_freeze(&m, &c, &place, 8, 1.0f, &f); /* the key that was heard, as long as no scale is set */
  CHECK(f.condition.key == 8);

  c.style = 1.4f;
  c.style2 = 1.0f;
  c.blend = 0.25f;
  c.scale_mode = PMT_SCALE_DORIAN;
  c.scale_root = 2.0f;
  c.density = 0.5f;
  pmt_freeze(&m, &c, &place, 0, 1.0f, &f);
  CHECK(f.condition.style[1] == 1.0f && f.condition.key == 15 && f.condition.density == 7);
  CHECK(f.sampling.penalised == (uint16_t)(~0xab5 & 0xfff) && f.sampling.penalty == 4.0f &&
        f.sampling.end_bias == -1.5f);
  CHECK(pmt_limits_has(&f.limits, pmt_token_note(1, 60)) && !pmt_limits_has(&f.limits, pmt_token_note(2, 60)));

  c.strictness = 1.0f;
  c.style = 2.0f;
  c.blend = 0.5f;
  c.register_lo = 64.0f;
  c.register_hi = 50.0f;
  c = pmt_controls_sane(&c);
  pmt_freeze(&m, &c, &place, 0, 1.0f, &f);
  for (uint32_t n = 0; n < 128; ++n) {
    CHECK(pmt_limits_has(&f.limits, pmt_token_note(0, n)) == (n >= 50 && n <= 64 && (0xab5 >> n % 12 & 1)));
    CHECK(!pmt_limits_has(&f.limits, pmt_token_note(2, n)));
  }
  PmtModel with_drums = m;
  with_drums.drums = true;
  pmt_freeze(&with_drums, &c, &place, 0, 1.0f, &f);
  CHECK(pmt_limits_has(&f.limits, pmt_token_drum(40)));
  PmtControls no_drums = c;
  no_drums.style = no_drums.style2 = 0.0f;
  pmt_freeze(&with_drums, &no_drums, &place, 0, 1.0f, &f);
  CHECK(!pmt_limits_has(&f.limits, pmt_token_drum(40)));
  c.blend = 0.0f; /* drums alone, and the model has none: silence */
  pmt_freeze(&m, &c, &place, 0, 1.0f, &f);
  CHECK(!pmt_limits_has(&f.limits, pmt_token_note(0, 60)));
}

static void test_sane(void) {
  PmtControls c;
  float* const field = (float*)&c;
  static const float faults[] = {NAN, 1e30f, -1e30f, INFINITY, -INFINITY};
  for (uint32_t i = 0; i < 5; ++i) {
    for (size_t k = 0; k < sizeof c / sizeof *field; ++k) {
      field[k] = faults[i];
    }
    const PmtControls s = pmt_controls_sane(&c);
    CHECK(s.temperature >= 0.0f && s.temperature <= 2.0f && s.seed >= 0.0f && s.seed <= 65535.0f);
    CHECK(s.register_lo <= s.register_hi && s.channel >= 1.0f && s.channel <= 16.0f);
    const PmtModel m = model_of();
    static PmtFrozen f;
    pmt_freeze(&m, &s, &(PmtPlace){.length = 12, .bar_ticks = 96}, 0, 1.0f, &f);
  }
  const PmtControls d = pmt_controls_default(), s = pmt_controls_sane(&d);
  CHECK(!memcmp(&d, &s, sizeof d) && pmt_controls_alike(&d, &s));
}

static void test_scales(void) {
  CHECK(pmt_scale_bits(PMT_SCALE_MAJOR, 0) == 0xab5 && pmt_scale_bits(PMT_SCALE_MINOR, 9) == 0xab5);
  CHECK(pmt_scale_bits(PMT_SCALE_OFF, 5) == 0xfff && pmt_scale_bits(99, 0) == 0xfff);
  CHECK(pmt_scale_key(PMT_SCALE_MAJOR, 7) == 8 && pmt_scale_key(PMT_SCALE_MINOR, 0) == 13 &&
        pmt_scale_key(PMT_SCALE_WHOLE_TONE, 3) == 0 && pmt_scale_key(PMT_SCALE_OFF, 3) == 0);
  for (uint32_t m = 0; m < PMT_SCALES; ++m) {
    CHECK(pmt_scale_name(m) && (pmt_scale_bits(m, 4) >> 4 & 1)); /* the root is in its scale */
  }
  CHECK(!pmt_scale_name(PMT_SCALES));
}

int main(void) {
  check_shares(1.0f, 0.0f, 0.0);
  check_shares(1.0f, 0.05f, 0.0);
  check_shares(0.6f, 0.05f, -20.0); /* an offset changes nothing */
  check_shares(1.7f, 0.2f, 30.0);
  test_surprise();
  test_argmax_and_bias();
  test_broken();
  test_freeze();
  test_sane();
  test_scales();
  return 0;
}
