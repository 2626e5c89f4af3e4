/* SPDX-License-Identifier: ISC */
/* See ear.h. Above: music/listener, gen/hearing, train/stream. Below: nothing. */
#include "music/ear.h"

#include <string.h>

void pmt_ear_reset(PmtEar* const e) {
  memset(e, 0, sizeof *e);
  e->top = e->low = e->before = -1;
}

void pmt_ear_begin_slot(PmtEar* const e) {
  ++e->slot;
  e->onsets[1] = e->onsets[0];
  e->onsets[0] = 0;
  e->now = 0;
}

static bool is_down(const PmtEar* const e, const uint32_t pitch) { return e->down[pitch / 64] >> pitch % 64 & 1; }

/* What sounded last stays in mind when nothing sounds. */
static void find_ends(PmtEar* const e) {
  const int16_t top = e->top;
  if (!e->n_down) {
    return;
  }
  e->top = (int16_t)(e->down[1] ? 127 - __builtin_clzll(e->down[1]) : 63 - __builtin_clzll(e->down[0]));
  e->low = (int16_t)(e->down[0] ? __builtin_ctzll(e->down[0]) : 64 + __builtin_ctzll(e->down[1]));
  e->before = e->top == top ? e->before : top;
}

void pmt_ear_press(PmtEar* const e, const uint32_t pitch, const bool now) {
  const uint32_t class = pitch % PMT_EAR_CLASSES;
  e->n_down += !is_down(e, pitch);
  e->down[pitch / 64] |= (uint64_t)1 << pitch % 64;
  e->last = e->struck[class] = e->slot + 1;
  e->now = (uint16_t)(e->now | (now ? 1u << class : 0u));
  e->onsets[0] = (uint16_t)(e->onsets[0] + (e->onsets[0] < UINT16_MAX));
  find_ends(e);
}

void pmt_ear_release(PmtEar* const e, const uint32_t pitch) {
  e->n_down -= is_down(e, pitch);
  e->down[pitch / 64] &= ~((uint64_t)1 << pitch % 64);
  find_ends(e);
}

void pmt_ear_release_all(PmtEar* const e) {
  e->down[0] = e->down[1] = 0;
  e->n_down = 0;
}

PmtEarDoing pmt_ear_doing(const PmtEar* const e) {
  const uint32_t ago = e->slot + 1 - e->last;
  if (!e->last) {
    return PMT_EAR_NEVER;
  }
  if (e->n_down) {
    return e->now ? PMT_EAR_STRIKES : ago == 0 ? PMT_EAR_PLAYS : ago == 1 ? PMT_EAR_PLAYED : PMT_EAR_HOLDS;
  }
  return ago >= 16 ? PMT_EAR_GONE : ago >= 4 ? PMT_EAR_RESTS : PMT_EAR_BREATHES;
}

static bool class_sounds(const PmtEar* const e, const uint32_t class) {
  /* Every twelfth bit; 64 is 4 above a multiple of 12. */
  const uint64_t twelfths = 0x1001001001001001u;
  return (e->down[0] & twelfths << class) || (e->down[1] & twelfths << (class + 8) % PMT_EAR_CLASSES);
}

uint32_t pmt_ear_class(const PmtEar* const e, const uint32_t class) {
  const uint32_t ago = e->slot + 1 - e->struck[class];
  if (!e->struck[class]) {
    return PMT_EAR_STATES - 1;
  }
  if (e->now >> class & 1) {
    return 0;
  }
  if (class_sounds(e, class)) {
    return ago <= 1 ? 1 : 2;
  }
  return ago <= 1 ? 3 : ago <= 4 ? 4 : ago <= 8 ? 5 : ago <= 32 ? 6 : 7;
}
