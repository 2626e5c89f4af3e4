/* SPDX-License-Identifier: ISC */
/* The tables and name rules of `slot-v1`. Above: codec.c, grammar.c and everything that prints tokens. */
#include "music/vocab.h"

#include <stdio.h>

const uint16_t pmt_duration_ticks[PMT_DURATIONS] = {1,  2,  3,  4,  6,  8,  9,  12, 15, 16, 18,  20,
                                                    24, 30, 36, 42, 48, 60, 72, 84, 96, 120, 144, 192};
const uint8_t pmt_velocity_midi[PMT_VELOCITIES] = {16, 32, 48, 64, 80, 96, 112, 127};

PmtTokenClass pmt_token_class(const PmtToken token) {
  if (token >= PMT_TOKEN_NOTE) {
    return token < PMT_VOCAB_MAX ? PMT_CLASS_NOTE : PMT_CLASS_RESERVED;
  }
  if (token > PMT_TOKEN_GRACE) {
    return PMT_CLASS_RESERVED;
  }
  if (token >= PMT_TOKEN_TRILL) {
    return PMT_CLASS_ORNAMENT;
  }
  if (token >= PMT_TOKEN_DRUM) {
    return PMT_CLASS_DRUM;
  }
  if (token >= PMT_TOKEN_DUR) {
    return PMT_CLASS_DUR;
  }
  if (token >= PMT_TOKEN_VEL) {
    return PMT_CLASS_VEL;
  }
  if (token >= PMT_TOKEN_POS) {
    return PMT_CLASS_POS;
  }
  if (token >= PMT_TOKEN_SLOT) {
    return PMT_CLASS_SLOT;
  }
  return token == PMT_BOS ? PMT_CLASS_BOS : token == PMT_END ? PMT_CLASS_END : PMT_CLASS_RESERVED;
}

uint32_t pmt_velocity_bin(const uint32_t midi_velocity) {
  const uint32_t bin = (midi_velocity + 8) / 16;
  return bin < 1 ? 0 : bin > PMT_VELOCITIES ? PMT_VELOCITIES - 1 : bin - 1;
}

/** Index of the largest table value <= ticks, among the first n. ticks >= 1. */
static uint32_t largest_within(const uint32_t ticks, const uint32_t n) {
  uint32_t i = n - 1;
  while (i > 0 && pmt_duration_ticks[i] > ticks) {
    --i;
  }
  return i;
}

uint32_t pmt_duration_split(const uint32_t ticks, uint32_t index[2]) {
  if (ticks >= PMT_DURATION_MAX) {
    index[0] = index[1] = PMT_DURATIONS - 1;
    return 2;
  }
  index[0] = largest_within(ticks > 0 ? ticks : 1, PMT_DURATIONS);
  if (ticks <= pmt_duration_ticks[index[0]]) {
    return 1;
  }
  /* No value is more than twice its neighbour, so the rest is below the first. */
  index[1] = largest_within(ticks - pmt_duration_ticks[index[0]], index[0]);
  return 2;
}

uint32_t pmt_duration_floor(const uint32_t ticks) {
  uint32_t index[2];
  const uint32_t n = pmt_duration_split(ticks, index);
  return pmt_duration_ticks[index[0]] + (n == 2 ? pmt_duration_ticks[index[1]] : 0u);
}

uint32_t pmt_duration_nearest(const uint32_t ticks) {
  const uint32_t below = pmt_duration_floor(ticks);
  if (ticks >= PMT_DURATION_MAX || ticks <= below) {
    return below;
  }
  uint32_t above = ticks + 1; /* 384 is representable, so this ends; gaps are at most 47 ticks wide */
  while (pmt_duration_floor(above) != above) {
    ++above;
  }
  return above - ticks < ticks - below ? above : below;
}

static void note_name(const PmtToken token, char* const name, const size_t size) {
  static const char* const names[12] = {"C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"};
  const uint32_t pitch = pmt_note_pitch(token);
  snprintf(name, size, "P%u:%s%d", pmt_note_part(token), names[pitch % 12], (int)(pitch / 12) - 1);
}

void pmt_token_name(const PmtToken token, char* const name, const size_t size) {
  static const char* const ornaments[3] = {"TRILL", "TURN", "GRACE"};
  switch (pmt_token_class(token)) {
  case PMT_CLASS_RESERVED: snprintf(name, size, token == PMT_PAD ? "PAD" : "RSV%u", token); break;
  case PMT_CLASS_BOS: snprintf(name, size, "BOS"); break;
  case PMT_CLASS_END: snprintf(name, size, "END"); break;
  case PMT_CLASS_SLOT: snprintf(name, size, "T%d", token - PMT_TOKEN_SLOT); break;
  case PMT_CLASS_POS: snprintf(name, size, "POS%d", token - PMT_TOKEN_POS + 1); break;
  case PMT_CLASS_VEL: snprintf(name, size, "VEL%d", token - PMT_TOKEN_VEL); break;
  case PMT_CLASS_DUR: snprintf(name, size, "D%d", pmt_duration_ticks[token - PMT_TOKEN_DUR]); break;
  case PMT_CLASS_DRUM: snprintf(name, size, "drum%d", token - PMT_TOKEN_DRUM + PMT_DRUM_LO); break;
  case PMT_CLASS_ORNAMENT: snprintf(name, size, "%s", ornaments[token - PMT_TOKEN_TRILL]); break;
  case PMT_CLASS_NOTE: note_name(token, name, size); break;
  }
}
