/* SPDX-License-Identifier: ISC */
/* See room.h. Above: synth.c. */
#include "room.h"

#include <string.h>

static const float wet = 0.11f;

/* One frame into each line, one out. They feed each other by I - 2/N, a reflection, which keeps the energy. */
static void turn(PmtRoom* const r, const float in[2], float out[2]) {
  float echo[PMT_ROOM_LINES], sum = 0.0f;
  for (uint32_t i = 0; i < PMT_ROOM_LINES; ++i) {
    r->low[i] += r->bright * (r->line[i][r->at[i]] - r->low[i]);
    echo[i] = r->low[i] * r->gain[i];
    sum += echo[i];
    out[i % 2] += echo[i];
  }
  for (uint32_t i = 0; i < PMT_ROOM_LINES; ++i) {
    r->line[i][r->at[i]] = in[i % 2] + echo[i] - sum * (2.0f / (float)PMT_ROOM_LINES);
    r->at[i] = r->at[i] + 1 < r->length[i] ? r->at[i] + 1 : 0;
  }
}

void pmt_room_add(PmtRoom* const r, float* const left, float* const right, const uint32_t n_frames) {
  for (uint32_t i = 0; i < n_frames; ++i) {
    const float in[2] = {left[i], right[i]};
    float out[2] = {0.0f, 0.0f};
    turn(r, in, out);
    left[i] += wet * out[0];
    right[i] += wet * out[1];
  }
}

void pmt_room_clear(PmtRoom* const r) {
  for (uint32_t i = 0; i < PMT_ROOM_LINES; ++i) {
    memset(r->line[i], 0, r->length[i] * sizeof *r->line[i]);
    r->low[i] = 0.0f;
  }
}
