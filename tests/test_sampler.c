/* SPDX-License-Identifier: ISC */
/* Sampler and freeze: shares follow the softmax, controls do what they say, a broken model breaks nothing. */
#include "base/random.h"
#include "check.h"
#include "gen/freeze.h"
#include "gen/sampler.h"

#include <math.h>
#include <stdlib.h>
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

/** Shares of 40000 draws against double: notes and rhythm get what a softmax at the rhythm's temperature gives each
    kind; temperature and min-p act within the kind. */
static void check_shares(const float tau, const float min_p, const double offset) {
  static const uint32_t tokens[] = {END, PMT_TOKEN_POS + 2, PMT_TOKEN_POS + 3, 200, 201, 300, PMT_TOKEN_DRUM};
  static const double values[] = {1.0, 0.3, -2.5, 1.5, -0.5, 0.9, -3.5};
  enum { N = 7, DRAWS = 40000 };
  static const double best[] = {1.0, 1.5}, of_min_p[] = {0.4, 1.0};
  const double temperature[] = {1.0 + ((double)tau - 1.0) / 2.0, (double)tau};
  uint64_t mask[PMT_MASK_WORDS] = {0};
  float logits[V];
  double weight[N], sum = 0.0, kept[2] = {0.0, 0.0}, mass[2] = {0.0, 0.0};
  for (uint32_t i = 0; i < V; ++i) {
    logits[i] = 50.0f; /* what is not allowed tempts */
  }
  for (uint32_t i = 0; i < N; ++i) {
    allow(mask, tokens[i]);
    logits[tokens[i]] = (float)(values[i] + offset);
    const int note = tokens[i] >= PMT_TOKEN_DRUM;
    weight[i] = exp((values[i] - best[note]) / temperature[note]);
    weight[i] = weight[i] < (double)min_p * of_min_p[note] ? 0.0 : weight[i];
    kept[note] += weight[i];
    mass[note] += exp(values[i]);
  }
  for (uint32_t i = 0; i < N; ++i) {
    const int note = tokens[i] >= PMT_TOKEN_DRUM;
    weight[i] *= pow(mass[note], 1.0 / temperature[0]) / kept[note];
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

/** A hundred notes of half a percent each, beside an end of one half: min-p compares notes with notes. */
static void test_many_notes(void) {
  uint64_t mask[PMT_MASK_WORDS] = {0};
  float logits[V] = {0};
  enum { NOTES = 100, DRAWS = 4000 };
  for (uint32_t i = 0; i < NOTES; ++i) {
    allow(mask, 200 + i);
  }
  allow(mask, END);
  logits[END] = logf((float)NOTES);
  PmtSampling s = plain();
  s.min_p = 0.5f;
  uint32_t ends = 0;
  for (uint32_t i = 0; i < DRAWS; ++i) {
    ends += pick(&s, mask, logits, i).token == END;
  }
  CHECKF(ends > DRAWS * 45 / 100 && ends < DRAWS * 55 / 100, "%u of %d draws end the slot", ends, DRAWS);
  s.tau = 0.0f; /* no draw: the likeliest of all */
  CHECK(pick(&s, mask, logits, 0).token == END);
}

/** A note that is as good as certain, others that are not, and a rhythm that may end: the shares when it is doubted. */
static void test_doubt(void) {
  static const uint32_t tokens[] = {200, 201, 202, 203, PMT_TOKEN_DRUM};
  static const float logits_of[] = {10.0f, 1.0f, 0.0f, -4.0f, -20.0f};
  enum { N = 5, DRAWS = 20000 };
  uint64_t mask[PMT_MASK_WORDS] = {0};
  float logits[V] = {0};
  for (uint32_t i = 0; i < N; ++i) {
    allow(mask, tokens[i]);
    logits[tokens[i]] = logits_of[i];
  }
  allow(mask, END);
  logits[END] = 10.0f;
  PmtSampling s = plain();
  s.min_p = 0.05f;
  for (uint32_t doubted = 0; doubted < 2; ++doubted) {
    s.doubt = doubted ? 0.2f : 0.0f;
    uint32_t count[N] = {0};
    for (uint32_t d = 0; d < DRAWS; ++d) {
      const PmtPick p = pick(&s, mask, logits, d);
      for (uint32_t i = 0; i < N; ++i) {
        count[i] += p.token == tokens[i];
      }
    }
    const uint32_t notes = count[0] + count[1] + count[2];
    CHECKF(notes > DRAWS * 48 / 100 && notes < DRAWS * 52 / 100, "%u notes of %d", notes, DRAWS);
    CHECK(count[3] == 0 && count[4] == 0); /* min-p, by the likeliest of the others: e^-5 */
    const double others = (double)(count[1] + count[2]) / notes;
    const double second = (double)count[1] / (count[1] + count[2] + 1e-9);
    CHECKF(doubted ? fabs(others - 0.2) < 0.02 : others == 0.0, "%g for others", others);
    CHECK(!doubted || fabs(second - 1.0 / (1.0 + exp(-1.0))) < 0.03);
  }
  logits[200] = 1.0f; /* not that sure: nothing changes */
  const PmtPick sure = pick(&s, mask, logits, 7);
  s.doubt = 0.0f;
  CHECK(pick(&s, mask, logits, 7).token == sure.token);
  uint64_t one[PMT_MASK_WORDS] = {0}; /* nothing else to play */
  allow(one, 200);
  s.doubt = 0.3f;
  CHECK(pick(&s, one, logits, 0).token == 200);
  allow(one, PMT_TOKEN_DRUM);
  logits[PMT_TOKEN_DRUM] = 12.0f; /* a groove may come again; a drummer alone must not for ever */
  uint32_t tune = 0, doubted_tune = 0;
  for (uint32_t d = 0; d < 1000; ++d) {
    s.doubt_drums = false;
    tune += pick(&s, one, logits, d).token == 200;
    s.doubt_drums = true;
    doubted_tune += pick(&s, one, logits, d).token == 200;
  }
  CHECK(tune == 0 && doubted_tune > 250 && doubted_tune < 350);
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

static const PmtRepeats novel = {.n_bars = 0}, looping = {.run = {2, 2, 2}};

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
  pmt_freeze(&m, &c, &place, 0, &looping, &f);
  CHECK(fabsf(f.sampling.doubt - 0.2f) < 1e-6f && !f.sampling.doubt_drums);
  CHECK(f.sampling.tau == 1.0f && f.sampling.penalised == 0 && f.scale == 0 && f.condition.style[0] == 1.0f);
  CHECK(f.condition.meter == 6 && f.condition.key == 0 && f.condition.phrase == 8 && f.condition.density == 5);
  CHECK(pmt_limits_has(&f.limits, pmt_token_note(3, 84)) && !pmt_limits_has(&f.limits, pmt_token_note(3, 85)));
  CHECK(!pmt_limits_has(&f.limits, pmt_token_drum(40)) && !f.limits.ornaments && f.limits.velocity);

  pmt_freeze(&m, &c, &place, 8, &novel, &f); /* the key that was heard, as long as no scale is set */
  CHECK(f.condition.key == 8 && f.sampling.doubt == 0.0f);

  c.style = 1.4f;
  c.style2 = 1.0f;
  c.blend = 0.25f;
  c.scale_mode = PMT_SCALE_DORIAN;
  c.scale_root = 2.0f;
  c.density = 0.5f;
  pmt_freeze(&m, &c, &place, 0, &novel, &f);
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
  pmt_freeze(&m, &c, &place, 0, &novel, &f);
  for (uint32_t n = 0; n < 128; ++n) {
    CHECK(pmt_limits_has(&f.limits, pmt_token_note(0, n)) == (n >= 50 && n <= 64 && (0xab5 >> n % 12 & 1)));
    CHECK(!pmt_limits_has(&f.limits, pmt_token_note(2, n)));
  }
  PmtModel with_drums = m;
  with_drums.drums = true;
  PmtModel picky = m; /* 0 is what the model suggests for the style that sounds */
  picky.min_p[0] = 0.25f, picky.min_p[1] = 0.0625f;
  PmtControls suggested = c;
  suggested.min_p = 0.0f, suggested.style = 0.0f, suggested.style2 = 1.0f;
  static const struct { float blend, said, is; } cases[] = {
      {0.0f, 0.0f, 0.25f}, {1.0f, 0.0f, 0.0625f}, {0.5f, 0.0f, 0.15625f}, {0.5f, 0.1f, 0.1f}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    suggested.blend = cases[i].blend;
    suggested.min_p = cases[i].said;
    pmt_freeze(&picky, &suggested, &place, 0, &novel, &f);
    CHECK(f.sampling.min_p == cases[i].is);
  }
  pmt_freeze(&with_drums, &c, &place, 0, &novel, &f);
  CHECK(pmt_limits_has(&f.limits, pmt_token_drum(40)));
  PmtControls no_drums = c;
  no_drums.style = no_drums.style2 = 0.0f;
  pmt_freeze(&with_drums, &no_drums, &place, 0, &novel, &f);
  CHECK(!pmt_limits_has(&f.limits, pmt_token_drum(40)));
  c.blend = 0.0f; /* drums alone, and the model has none: silence */
  pmt_freeze(&m, &c, &place, 0, &novel, &f);
  CHECK(!pmt_limits_has(&f.limits, pmt_token_note(0, 60)));
}

/** What a part is asked with is added to its notes, and to nobody else's; Density below the middle asks less. */
static void test_asked(void) {
  PmtModel m = model_of();
  memset(m.rests, PMT_RESTS_ANY, sizeof m.rests);
  m.rests[0][1] = 1;
  PmtRepeats quiet = {.rested = {9, 3, 9, 9}};
  PmtControls c = pmt_controls_default();
  static PmtFrozen f;
  static const struct { float density, asked; } cases[] = {{0.0f, 3.0f}, {1.0f, 3.0f}, {-0.5f, 1.5f}, {-1.0f, 0.0f}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    c.density = cases[i].density;
    pmt_freeze(&m, &c, &(PmtPlace){.length = 12, .bar_ticks = 96}, 0, &quiet, &f);
    CHECK(f.sampling.asked[1] == cases[i].asked && f.sampling.asked[0] == 0.0f && f.sampling.asked[2] == 0.0f);
  }
  c = pmt_controls_default();
  c.style = 1.0f; /* another style rests otherwise */
  pmt_freeze(&m, &c, &(PmtPlace){.length = 12, .bar_ticks = 96}, 0, &quiet, &f);
  CHECK(f.sampling.asked[1] == 0.0f);

  uint64_t mask[PMT_MASK_WORDS] = {0};
  float logits[V] = {0.0f};
  uint32_t count[3] = {0};
  const uint32_t token[] = {pmt_token_note(0, 60), pmt_token_note(1, 60), pmt_token_note(2, 60)};
  PmtSampling s = plain();
  s.asked[1] = logf(6.0f);
  for (uint32_t i = 0; i < 3; ++i) {
    allow(mask, token[i]);
  }
  for (uint32_t d = 0; d < 16000; ++d) {
    s.place = d;
    const PmtPick p = pick(&s, mask, logits, 0);
    for (uint32_t i = 0; i < 3; ++i) {
      count[i] += p.token == token[i];
    }
  }
  CHECKF(abs((int)count[1] - 12000) < 250 && abs((int)count[0] - 2000) < 190, "%u %u %u", count[0], count[1], count[2]);
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
    pmt_freeze(&m, &s, &(PmtPlace){.length = 12, .bar_ticks = 96}, 0, &novel, &f);
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
  test_many_notes();
  test_doubt();
  test_surprise();
  test_argmax_and_bias();
  test_broken();
  test_freeze();
  test_asked();
  test_sane();
  test_scales();
  return 0;
}
