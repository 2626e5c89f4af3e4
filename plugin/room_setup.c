/* SPDX-License-Identifier: ISC */
/* Making and unmaking what room.h describes. Never in the audio thread. Above: synth_setup.c. */
#include "room.h"

#include <math.h>
#include <stdlib.h>

static const double seconds_to_silence = 1.1; /* -60 dB */
static const double bright_hz = 4500.0;

PmtStatus pmt_room_init(PmtRoom* const r, const double sample_rate) {
  /* Milliseconds without a common measure, so that no pitch stands out. */
  static const double delay[PMT_ROOM_LINES] = {23.3, 29.9, 34.1, 38.9, 43.7, 49.3, 54.1, 60.7};
  size_t total = 0;
  for (uint32_t i = 0; i < PMT_ROOM_LINES; ++i) {
    r->length[i] = (uint32_t)(delay[i] * 1e-3 * sample_rate) + 1;
    r->gain[i] = (float)pow(1e-3, (double)r->length[i] / (seconds_to_silence * sample_rate));
    r->at[i] = 0;
    total += r->length[i];
  }
  r->bright = (float)(1.0 - exp(-2.0 * 3.14159265358979 * bright_hz / sample_rate));
  r->line[0] = malloc(total * sizeof *r->line[0]);
  if (!r->line[0]) {
    return PMT_NO_MEM;
  }
  for (uint32_t i = 1; i < PMT_ROOM_LINES; ++i) {
    r->line[i] = r->line[i - 1] + r->length[i - 1];
  }
  pmt_room_clear(r); /* and touched */
  return PMT_OK;
}

void pmt_room_destroy(PmtRoom* const r) {
  free(r->line[0]);
}
