/* SPDX-License-Identifier: ISC */
/** @file body.c  The list of architectures, and the dropout they share. Above: shape.c, network.c. Below: pointwise.c. */
#include "train/body.h"

#include "base/random.h"
#include "train/pointwise.h"

#include <string.h>

static const PmtBody* const bodies[] = {&pmt_body_lstm, &pmt_body_gru, &pmt_body_rnn, &pmt_body_tf, NULL};
enum { SITES_MAX = 64 };

const PmtBody* pmt_body_at(size_t index) { return bodies[index]; }

const PmtBody* pmt_body_find(const char* name) {
  for (size_t i = 0; bodies[i]; ++i) {
    if (!strcmp(bodies[i]->name, name)) { return bodies[i]; }
  }
  return NULL;
}

static bool drops(const PmtDropout* dropout) { return dropout && dropout->drop > 0.0f; }

void pmt_drop_out(const PmtDropout* dropout, uint32_t part, uint32_t site, size_t n, const float* x, uint8_t* mask,
                  float* y) {
  if (!drops(dropout)) {
    if (x != y) { memcpy(y, x, n * sizeof *y); }
    return;
  }
  pmt_point_draw_mask(n, mask, dropout->drop, pmt_random_bits(dropout->seed, dropout->step, part * SITES_MAX + site));
  pmt_point_mask(n, y, x, mask, 1.0f / (1.0f - dropout->drop));
}

void pmt_drop_out_backward(const PmtDropout* dropout, size_t n, const uint8_t* mask, float* dy) {
  if (drops(dropout)) { pmt_point_mask(n, dy, dy, mask, 1.0f / (1.0f - dropout->drop)); }
}
