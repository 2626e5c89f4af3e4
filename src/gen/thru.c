/* SPDX-License-Identifier: ISC */
/* See thru.h. Above: gen/engine_listen.c. Below: gen/held. */
#include "gen/thru.h"

#include <string.h>

enum { NOTE_OFF = 0x80, NOTE_ON = 0x90, CONTROL = 0xb0, CC_SUSTAIN = 64, PEDAL_DOWN = 64 };

void pmt_thru_reset(PmtThru* const thru) { memset(thru, 0, sizeof *thru); }

static void lift_owed(PmtThru* const thru, const PmtMidiOut* const out, const uint32_t frame) {
  for (uint8_t channel = 0; thru->lifts >> channel; ++channel) {
    const uint8_t message[3] = {(uint8_t)(CONTROL | channel), CC_SUSTAIN, 0};
    if ((thru->lifts >> channel & 1) && out->write(out->handle, frame, message, sizeof message)) {
      thru->lifts = (uint16_t)(thru->lifts & ~(1u << channel));
    }
  }
}

/** A pedal comes up: where it is down, when no other is down there. */
static void lift(PmtThru* const thru, const uint8_t came, const PmtMidiOut* const out, const uint32_t frame) {
  const uint8_t down = thru->pedal[came];
  bool other = false;
  thru->pedal[came] = 0;
  for (uint32_t i = 0; i < 16; ++i) {
    other = other || thru->pedal[i] == down;
  }
  if (down && !other) {
    thru->lifts = (uint16_t)(thru->lifts | 1u << (down - 1));
    lift_owed(thru, out, frame);
  }
}

static void pass_pedal(PmtThru* const thru, const uint8_t* const bytes, const uint8_t channel,
                       const PmtMidiOut* const out, const uint32_t frame) {
  const uint8_t came = bytes[0] & 0x0f;
  const uint8_t message[3] = {(uint8_t)(CONTROL | channel), CC_SUSTAIN, bytes[2]};
  if (bytes[2] < PEDAL_DOWN || (thru->pedal[came] && thru->pedal[came] != channel + 1)) {
    lift(thru, came, out, frame);
  }
  if (bytes[2] >= PEDAL_DOWN && out->write(out->handle, frame, message, sizeof message)) {
    thru->pedal[came] = (uint8_t)(channel + 1);
    thru->lifts = (uint16_t)(thru->lifts & ~(1u << channel));
  }
}

void pmt_thru_pass(PmtThru* const thru, const uint8_t* const bytes, const uint32_t size, const uint8_t channel,
                   const PmtMidiOut* const out, const uint32_t frame) {
  const uint8_t kind = bytes[0] & 0xf0, came = bytes[0] & 0x0f;
  if (kind == CONTROL && bytes[1] == CC_SUSTAIN) {
    pass_pedal(thru, bytes, channel, out, frame);
    return;
  }
  if (kind != NOTE_ON && kind != NOTE_OFF) {
    const uint8_t message[3] = {(uint8_t)(kind | channel), bytes[1], size > 2 ? bytes[2] : 0};
    out->write(out->handle, frame, message, size);
    return;
  }
  uint8_t* const sounds = &thru->out[came][bytes[1]];
  if (kind == NOTE_ON && bytes[2]) {
    if (*sounds && *sounds != channel + 1) {
      pmt_held_end(&thru->held, out, frame, (uint8_t)(*sounds - 1), bytes[1]);
    }
    const bool on = pmt_held_strike(&thru->held, out, frame, channel, bytes[1], bytes[2], 0, INT64_MAX);
    *sounds = on ? (uint8_t)(channel + 1) : 0;
  } else if (*sounds) {
    pmt_held_end(&thru->held, out, frame, (uint8_t)(*sounds - 1), bytes[1]);
    *sounds = 0;
  }
}

void pmt_thru_retry(PmtThru* const thru, const PmtMidiOut* const out, const uint32_t frame) {
  pmt_held_retry(&thru->held, out, frame);
  lift_owed(thru, out, frame);
}

bool pmt_thru_sounds(const PmtThru* const thru, const uint8_t channel, const uint8_t pitch) {
  return pmt_held_has(&thru->held, channel, pitch);
}

uint32_t pmt_thru_end(PmtThru* const thru, const PmtMidiOut* const out, const uint32_t frame) {
  memset(thru->out, 0, sizeof thru->out);
  for (uint8_t came = 0; came < 16; ++came) {
    lift(thru, came, out, frame);
  }
  lift_owed(thru, out, frame);
  const uint32_t notes = thru->held.n ? pmt_held_silence(&thru->held, out, frame) : 0;
  uint32_t lifts = 0;
  for (uint32_t channel = 0; channel < 16; ++channel) { /* popcount is a call on old processors */
    lifts += thru->lifts >> channel & 1;
  }
  return notes + lifts;
}

void pmt_thru_end_channel(PmtThru* const thru, const uint8_t channel, const PmtMidiOut* const out, const uint32_t frame) {
  for (uint32_t key = 0; key < 128; ++key) {
    uint8_t* const sounds = &thru->out[channel][key];
    if (*sounds) {
      pmt_held_end(&thru->held, out, frame, (uint8_t)(*sounds - 1), (uint8_t)key);
      *sounds = 0;
    }
  }
  lift(thru, channel, out, frame);
}
