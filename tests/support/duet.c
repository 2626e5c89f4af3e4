/* SPDX-License-Identifier: ISC */
/* See duet.h. */
#include "support/duet.h"

#include "base/random.h"
#include "check.h"

const PmtTinyOptions pmt_duet_busy = {.listens = true, .note_bias = 3.0f, .slot_bias = -1.0f, .pos_bias = -12.0f};
const PmtTinyOptions pmt_duet_restless = {.listens = true, .note_bias = 3.0f, .slot_bias = -12.0f, .pos_bias = -12.0f};
const PmtTinyOptions pmt_duet_plain = {.listens = true, .note_bias = 2.0f};

PmtEngineStats pmt_duet_stats;

/* ---- The player -------------------------------------------------------------------------------------------------- */

void pmt_duet_press(const uint64_t frame, const uint64_t length, const uint8_t key, const uint8_t velocity) {
  pmt_script_add(pmt_script_midi(frame, 0x90, key, velocity));
  pmt_script_add(pmt_script_midi(frame + length, 0x80, key, 0));
}

void pmt_duet_tune(const uint64_t key, const uint64_t first, const uint64_t end) {
  for (uint64_t slot = 8 * first; slot < 8 * end; ++slot) {
    const uint64_t late = pmt_random_bits(key, 1, slot) % 1400;
    pmt_duet_press(LEAD + slot * SLOT - 700 + late, SLOT / 2 + pmt_random_bits(key, 2, slot) % SLOT,
                   (uint8_t)(60 + pmt_random_bits(key, 3, slot) % 20),
                   (uint8_t)(50 + pmt_random_bits(key, 4, slot) % 60));
  }
}

void pmt_duet_mistreat(const uint32_t kind) {
  switch (kind) {
  case 0: /* clusters, held and not; some are struck again before they are up */
    for (uint64_t i = 0; i < 6; ++i) {
      for (uint32_t key = 0; key < 128; ++key) {
        pmt_duet_press(LEAD + i * BAR + (i % 2 ? 700 : 0), i % 3 ? 500 : BAR, (uint8_t)key, 127);
      }
    }
    break;
  case 1: /* a thousand notes a slot */
    for (uint64_t i = 0; i < 8000; ++i) {
      pmt_duet_press(LEAD + BAR + i * 12, 11 + i % 3, (uint8_t)(i * 37 % 128), (uint8_t)(1 + i % 127));
    }
    break;
  case 2: /* ends of nothing, beginnings without ends, every channel, every message */
    for (uint64_t i = 0; i < 3000; ++i) {
      const uint64_t dice = pmt_random_bits(22, 0, i);
      pmt_script_add(pmt_script_midi(LEAD + i * 190, (uint8_t)(0x80 + dice % 0x70), (uint8_t)(dice >> 8 & 127),
                                     (uint8_t)(dice >> 16 & 127)));
    }
    break;
  case 3: /* a pedal that never comes up */
    pmt_script_add(pmt_script_midi(LEAD + 5, 0xb0, 64, 127));
    for (uint64_t i = 0; i < 200; ++i) {
      pmt_duet_press(LEAD + i * 2500, 600, (uint8_t)(20 + i * 7 % 100), 90);
    }
    break;
  case 4: /* what no part has */
    for (uint64_t i = 0; i < 48; ++i) {
      pmt_duet_press(LEAD + i * SLOT, SLOT / 2, i % 2 ? 0 : 127, 1);
      pmt_script_add(pmt_script_midi(LEAD + i * SLOT, 0x99, i % 2 ? 0 : 127, 127));
    }
    break;
  default: /* in the frame of a jump, before and after it */
    for (uint64_t i = 1; i < 6; ++i) {
      const uint64_t at = LEAD + i * BAR;
      pmt_duet_press(at, 3 * SLOT, (uint8_t)(50 + i), 90);
      pmt_script_say(at, (int64_t)(i % 2 ? 9 * BAR : 2 * BAR), 1.0f);
      pmt_duet_press(at, SLOT, (uint8_t)(60 + i), 90);
      pmt_script_add(pmt_script_midi(at, 0x80, (uint8_t)(50 + i), 0));
    }
    break;
  }
}

/* ---- The engine beside them -------------------------------------------------------------------------------------- */

PmtControls pmt_duet_mode(const PmtMode mode) {
  PmtControls c = pmt_controls_default();
  c.mode = (float)mode;
  c.thru = 0.0f;
  return c;
}

PmtControls pmt_duet_manner(const uint32_t i) {
  static const struct { PmtMode mode; float wait, turn; } manners[MANNERS] = {
      {PMT_MODE_GENERATE, 15.0f, 2.0f}, {PMT_MODE_ACCOMPANY, 15.0f, 2.0f}, {PMT_MODE_ACCOMPANY, 0.0f, 2.0f},
      {PMT_MODE_ANSWER, 15.0f, 1.0f},   {PMT_MODE_ANSWER, 15.0f, 2.0f},    {PMT_MODE_ANSWER, 15.0f, 0.0f},
      {PMT_MODE_HARMONISE, 15.0f, 2.0f}, {PMT_MODE_ACCOMPANY, 60.0f, 2.0f}, {PMT_MODE_HARMONISE, 0.0f, 2.0f}};
  PmtControls c = pmt_duet_mode(manners[i].mode);
  c.wait = manners[i].wait;
  c.turn = manners[i].turn;
  return c;
}

PmtMidiList pmt_duet_play_at(const uint32_t n_blocks, const PmtTinyOptions* const options, const uint64_t end) {
  static const uint32_t blocks[] = {1024, 64, 0, 7}; /* the small ones take their time */
  CHECK(n_blocks <= COUNT(blocks));
  return pmt_script_play(options, end, blocks, n_blocks, &pmt_duet_stats);
}

PmtMidiList pmt_duet_play(const PmtTinyOptions* const options, const uint64_t end) {
  return pmt_duet_play_at(PMT_DUET_SOME_BLOCKS, options, end);
}
