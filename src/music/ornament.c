/* SPDX-License-Identifier: ISC */
/* Ornaments, played. Above: gen's engine, when a slot's tokens become notes. Runs in the audio thread. */
#include "music/ornament.h"

enum { TRILL_TICKS = 3, TURN_TICKS = 3, GRACE_TICKS = 2 };

/** The next note of the scale above (direction 1) or below (-1): two semitones away, or one where the scale has none
    there. */
static uint8_t neighbour(const uint8_t pitch, const uint16_t scale, const int direction) {
  const int whole = pitch + 2 * direction;
  const int half = pitch + direction;
  const bool half_fits = scale >> ((half + 12) % 12) & 1;
  const bool whole_fits = scale >> ((whole + 12) % 12) & 1;
  const int wanted = scale && (half_fits || !whole_fits) ? half : whole;
  if (wanted < 0 || wanted > 127) {
    return pitch;
  }
  return (uint8_t)wanted;
}

static uint32_t expand_trill(const PmtNote* const note, const uint16_t scale, PmtOrnamentNote* const out) {
  const uint8_t above = neighbour(note->pitch, scale, 1);
  const uint32_t n = note->duration < 2 * TRILL_TICKS ? 1 : note->duration / TRILL_TICKS;
  for (uint32_t i = 0; i < n; ++i) {
    out[i] = (PmtOrnamentNote){(int32_t)(i * TRILL_TICKS), TRILL_TICKS, i % 2 ? above : note->pitch};
  }
  out[n - 1].duration = (uint16_t)(note->duration - (n - 1) * TRILL_TICKS); /* the last one holds the rest */
  return n;
}

static uint32_t expand_turn(const PmtNote* const note, const uint16_t scale, PmtOrnamentNote* const out) {
  const uint8_t pitch[4] = {neighbour(note->pitch, scale, 1), note->pitch, neighbour(note->pitch, scale, -1),
                            note->pitch};
  const uint16_t each = note->duration >= 4 * TURN_TICKS ? TURN_TICKS : note->duration / 4;
  if (each == 0) {
    out[0] = (PmtOrnamentNote){0, note->duration, note->pitch};
    return 1;
  }
  for (uint32_t i = 0; i < 4; ++i) {
    out[i] = (PmtOrnamentNote){(int32_t)i * each, each, pitch[i]};
  }
  out[3].duration = (uint16_t)(note->duration - 3 * each);
  return 4;
}

uint32_t pmt_ornament_expand(const PmtNote* const note, const uint16_t scale,
                             PmtOrnamentNote out[PMT_ORNAMENT_NOTES_MAX]) {
  switch (note->ornament) {
  case PMT_TRILL: return expand_trill(note, scale, out);
  case PMT_TURN: return expand_turn(note, scale, out);
  case PMT_GRACE:
    out[0] = (PmtOrnamentNote){-GRACE_TICKS, GRACE_TICKS, neighbour(note->pitch, scale, 1)};
    out[1] = (PmtOrnamentNote){0, note->duration, note->pitch};
    return 2;
  default: out[0] = (PmtOrnamentNote){0, note->duration, note->pitch}; return 1;
  }
}
