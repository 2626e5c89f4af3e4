/* SPDX-License-Identifier: ISC */
/* Which key do these notes speak for? Above: codec.c, once a bar; gen/tonality.c, of what was just played. */
#include "music/score.h"

#include <math.h>

/* Krumhansl and Kessler's probe-tone ratings; Krumhansl 1990, table 2.1. */
static const float profiles[2][12] = {
    {6.35f, 2.23f, 3.48f, 2.33f, 4.38f, 4.09f, 2.52f, 5.19f, 2.39f, 3.66f, 2.29f, 2.88f},
    {6.33f, 2.68f, 3.52f, 5.38f, 2.60f, 3.53f, 2.54f, 4.75f, 3.98f, 2.69f, 3.34f, 3.17f},
};

/** Pearson's r between the weights, read from `root` on, and one profile. 0 when the weights are flat. */
static float correlate(const float weight[12], const float profile[12], const uint32_t root) {
  float mean_w = 0, mean_p = 0;
  for (uint32_t i = 0; i < 12; ++i) {
    mean_w += weight[i] / 12;
    mean_p += profile[i] / 12;
  }
  float wp = 0, ww = 0, pp = 0;
  for (uint32_t i = 0; i < 12; ++i) {
    const float w = weight[(root + i) % 12] - mean_w;
    const float p = profile[i] - mean_p;
    wp += w * p;
    ww += w * w;
    pp += p * p;
  }
  return ww > 0 ? wp / sqrtf(ww * pp) : 0;
}

uint32_t pmt_key_of_weights(const float weight[12]) {
  uint32_t key = 0;
  float best = PMT_KEY_CONFIDENCE;
  for (uint32_t i = 0; i < 24; ++i) {
    const float r = correlate(weight, profiles[i / 12], i % 12);
    if (r > best) {
      best = r;
      key = 1 + i;
    }
  }
  return key;
}

uint32_t pmt_score_key(const PmtNote* const notes, const size_t n_notes) {
  float weight[12] = {0};
  for (size_t i = 0; i < n_notes; ++i) {
    if (notes[i].part != PMT_PART_DRUMS) {
      weight[notes[i].pitch % 12] += (float)notes[i].duration;
    }
  }
  return pmt_key_of_weights(weight);
}
