/* SPDX-License-Identifier: ISC */
/* The error of each polynomial against libm in double, over a dense walk through all floats of its range. */
#include "check.h"
#include "nn/activation.h"

#include <math.h>

static float float_of(const uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Error in units of the last place of the exact value. */
static double ulps(const float got, const double exact) {
  int exponent = 0;
  frexp(exact, &exponent);
  return fabs((double)got - exact) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

static double exact_sigmoid(const double x) {
  return 1.0 / (1.0 + exp(-x));
}

typedef struct {
  const char* name;
  float (*approximate)(float);
  double (*exact)(double);
  float lo, hi;     /* where it is held to the bound */
  double ulps_max;
} Case;

static float call_exp(const float x) {
  return pmt_exp(x);
}
static float call_sigmoid(const float x) {
  return pmt_sigmoid(x);
}
static float call_tanh(const float x) {
  return pmt_tanh(x);
}

static const Case cases[] = {
  {"exp", call_exp, exp, -87.0f, 88.0f, 1.02},
  {"sigmoid", call_sigmoid, exact_sigmoid, -87.0f, 100.0f, 2.5},
  {"tanh", call_tanh, tanh, -100.0f, 100.0f, 2.5},
};

/* Every 97th float between 2^-40 and the end of the range, both signs. */
static void check_errors(const Case* const c) {
  double worst = 0.0;
  float at = 0.0f;
  for (uint32_t bits = 0x2b800000u; bits < 0x43000000u; bits += 97) {
    for (int sign = 0; sign < 2; ++sign) {
      const float x = float_of(bits | (uint32_t)sign << 31);
      const double error = x < c->lo || x > c->hi ? 0.0 : ulps(c->approximate(x), c->exact((double)x));
      at = error > worst ? x : at;
      worst = error > worst ? error : worst;
    }
  }
  printf("%-8s at most %.2f ulp (at %a)\n", c->name, worst, (double)at);
  CHECKF(worst <= c->ulps_max, "%s: %.3f ulp at %a", c->name, worst, (double)at);
}

static void check_limits(void) {
  const float big[] = {88.0f, 100.0f, 1e30f, INFINITY};
  for (unsigned i = 0; i < sizeof big / sizeof *big; ++i) {
    CHECK(pmt_exp(big[i]) == pmt_exp(88.0f) && isfinite(pmt_exp(big[i])));
    CHECK(pmt_exp(-big[i]) == pmt_exp(-87.0f) || big[i] < 87.0f);
    CHECK(isnormal(pmt_exp(-big[i])));
    CHECK(pmt_sigmoid(big[i]) == 1.0f);
    CHECK(isnormal(pmt_sigmoid(-big[i])) && pmt_sigmoid(-big[i]) < 1e-37f);
    CHECK(pmt_tanh(big[i]) == 1.0f && pmt_tanh(-big[i]) == -1.0f);
  }
  CHECK(pmt_exp(0.0f) == 1.0f && pmt_sigmoid(0.0f) == 0.5f && pmt_tanh(0.0f) == 0.0f);
  CHECK(isfinite(pmt_exp(NAN)) && isfinite(pmt_sigmoid(NAN)) && isfinite(pmt_tanh(NAN))); /* a net cannot hang on it */
  CHECK(pmt_tanh(0x1p-60f) == 0x1p-60f && pmt_tanh(-0x1p-60f) == -0x1p-60f);
}

/* A sampler relies on it: what is likelier stays likelier. */
static void check_exp_is_monotonic(void) {
  float before = 0.0f;
  for (float x = -87.0f; x < 88.0f; x += 0.0007f) {
    CHECKF(pmt_exp(x) >= before, "at %a", (double)x);
    before = pmt_exp(x);
  }
}

int main(void) {
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; ++i) {
    check_errors(&cases[i]);
  }
  check_limits();
  check_exp_is_monotonic();
  return 0;
}
