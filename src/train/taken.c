/* SPDX-License-Identifier: ISC */
/** @file taken.c  See taken.h. */
#include "train/taken.h"

#include "base/random.h"

#include <stdlib.h>

enum { PLACE_LATE = 0x6c617465, LATE_MOST = 3 };

uint32_t pmt_piece_parts(const PmtPiece* piece) {
  uint32_t parts = 0;
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) { parts |= (uint32_t)(piece->pitch_lo[p] <= piece->pitch_hi[p]) << p; }
  return parts;
}

static bool append(PmtKeyEvents* e, uint32_t tick, uint32_t pitch, bool down) {
  if (e->n == e->room) {
    const size_t room = e->room ? 2 * e->room : 256;
    PmtKeyEvent* grown = realloc(e->event, room * sizeof *grown);
    if (!grown) { return false; }
    e->event = grown;
    e->room = room;
  }
  e->event[e->n++] = (PmtKeyEvent){.tick = tick, .pitch = (uint8_t)pitch, .down = down};
  return true;
}

static int by_tick(const void* left, const void* right) {
  const PmtKeyEvent *a = left, *b = right;
  if (a->tick != b->tick) { return a->tick < b->tick ? -1 : 1; }
  return a->down != b->down ? (a->down ? 1 : -1) : (int)a->pitch - (int)b->pitch;
}

PmtStatus pmt_take_parts(const PmtSequence* s, uint32_t parts, int transpose, float late, uint64_t chance,
                         PmtKeyEvents* events) {
  size_t slot = 0;
  uint32_t pos = 0;
  events->n = 0;
  for (size_t i = 1; i < s->n_tokens; ++i) {
    const PmtToken token = s->tokens[i];
    const PmtTokenClass class = pmt_token_class(token);
    if (slot < s->n_slots && s->slots[slot].token == i) {
      ++slot;
      pos = 0;
    }
    if (class == PMT_CLASS_POS) { pos = (uint32_t)(token - PMT_TOKEN_POS + 1); }
    if (class != PMT_CLASS_NOTE || !(parts >> pmt_note_part(token) & 1) || !slot) { continue; }
    const int pitch = (int)pmt_note_pitch(token) + transpose;
    uint32_t ticks = 0;
    for (size_t d = i + 1; d < s->n_tokens && pmt_token_class(s->tokens[d]) == PMT_CLASS_DUR; ++d) {
      ticks += pmt_duration_ticks[s->tokens[d] - PMT_TOKEN_DUR];
    }
    if (pitch < 0 || pitch > 127) { continue; }
    const uint32_t begin = s->slots[slot - 1].tick + pos;
    const bool tardy = pmt_random_unit(chance, PLACE_LATE, i) < late;
    const uint32_t by = tardy ? 1 + (uint32_t)(pmt_random_bits(chance, PLACE_LATE, ~i) % LATE_MOST) : 0;
    if (!append(events, begin + by, (uint32_t)pitch, true) ||
        !append(events, begin + (ticks > by ? ticks : by + 1), (uint32_t)pitch, false)) {
      return PMT_NO_MEM;
    }
  }
  if (events->n) { qsort(events->event, events->n, sizeof *events->event, by_tick); }
  return PMT_OK;
}

/** Ticks from `tick` until a key that is down goes up. */
static uint32_t rest_of(const PmtKeyEvents* events, size_t next, uint32_t tick, uint32_t pitch) {
  for (; next < events->n; ++next) {
    if (!events->event[next].down && events->event[next].pitch == pitch) { return events->event[next].tick - tick; }
  }
  return 1;
}

uint32_t pmt_tell_keys(const PmtKeyEvents* events, size_t* next, uint32_t tick, PmtToldNote told[PMT_TOLD_MAX]) {
  bool begun[128] = {false};
  uint32_t n = 0;
  for (; *next < events->n && events->event[*next].tick <= tick; ++*next) {
    begun[events->event[*next].pitch] = events->event[*next].down;
  }
  for (uint32_t pitch = 128; pitch-- && n < PMT_TOLD_MAX;) {
    if (begun[pitch]) { told[n++] = (PmtToldNote){(uint8_t)pitch, rest_of(events, *next, tick, pitch)}; }
  }
  return n;
}
