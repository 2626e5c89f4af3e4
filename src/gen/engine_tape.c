/* SPDX-License-Identifier: ISC */
/* What the engine writes to the tape. Above: engine.c, engine_place.c. Below: gen/tape.

   Ticks begin anew at starts and jumps, time on the tape does not: it goes on from the whole tick where it was cut, so that
   notes stay on the grid. */
#include "gen/engine_private.h"

#include "music/meter.h"

enum { TIME_A_TICK = PMT_TAPE_QUARTER / PMT_TICKS_PER_QUARTER, TOKENS_A_RECORD = 3, TOKEN_BITS = 11 };

static int64_t nearest(const double x) {
  const int64_t whole = (int64_t)(x + 0.5);
  return whole - ((double)whole > x + 0.5);
}

uint64_t pmt_tape_at(const PmtEngine* const e, const double tick) {
  const int64_t time = (int64_t)e->tape_time + nearest((tick - (double)e->tape_tick) * TIME_A_TICK);
  return time > 0 ? (uint64_t)time : 0;
}

static bool write_both(void* const handle, const uint32_t frame, const uint8_t* const bytes,
                       const uint32_t size) PMT_RT {
  PmtEngine* const e = handle;
  if (!e->sink->write(e->sink->handle, frame, bytes, size)) {
    return false;
  }
  pmt_tape_add(e->tape, PMT_TAPE_MIDI, pmt_tape_at(e, pmt_clock_tick(&e->clock)),
               (uint64_t)bytes[0] << 16 | (uint64_t)bytes[1] << 8 | bytes[2]);
  return true;
}

PmtMidiOut pmt_tape_through(PmtEngine* const e, const PmtMidiOut* const out) {
  e->sink = out;
  return (PmtMidiOut){write_both, e};
}

void pmt_tape_cut(PmtEngine* const e, const PmtTapeKind kind, const uint64_t time) {
  e->tape_time = (time + TIME_A_TICK / 2) / TIME_A_TICK * TIME_A_TICK;
  e->tape_tick = nearest(pmt_clock_tick(&e->clock));
  if (kind == PMT_TAPE_NOTHING) {
    return;
  }
  e->tape_bar = true;
  pmt_tape_add(e->tape, kind, e->tape_time, 0);
  if (kind == PMT_TAPE_START) { /* whoever reads from here on knows nothing of before */
    e->tape_tempo = e->tape_meter = 0;
  }
  pmt_tape_clock(e);
}

/** A ramp changes the tempo in every cycle: steps below a thousandth are left out, and never add up to more. */
static bool differs(const uint64_t tempo, const uint64_t written) {
  return (tempo > written ? tempo - written : written - tempo) * 1000 > written;
}

void pmt_tape_clock(PmtEngine* const e) {
  const uint64_t time = pmt_tape_at(e, pmt_clock_tick(&e->clock));
  const double quarters = (double)e->clock.bpm * 4.0 / (double)e->clock.unit * (double)e->clock.speed;
  const uint64_t tempo = (uint64_t)(60e6 / quarters + 0.5);
  const uint64_t meter = (uint64_t)((double)e->clock.beats * 64.0 + 0.5) << 8 | (uint64_t)e->clock.unit;
  if (differs(tempo, e->tape_tempo)) {
    pmt_tape_add(e->tape, PMT_TAPE_TEMPO, time, tempo);
    e->tape_tempo = tempo;
  }
  if (meter != e->tape_meter) {
    pmt_tape_add(e->tape, PMT_TAPE_METER, time, meter);
  }
  e->tape_meter = meter;
}

static void add_tokens(PmtEngine* const e, const uint64_t time) {
  const PmtSlotWork* const slot = &e->slot;
  uint64_t payload = pmt_token_slot(slot->grammar.k) + 1u;
  uint32_t n = 1;
  for (uint32_t i = 0; i < slot->n_tokens; ++i) {
    if (i + 1 == slot->n_tokens && slot->phase == PMT_SLOT_READY) {
      break; /* the T that ends this slot is the next one's first */
    }
    payload |= (slot->token[i] + (uint64_t)1) << TOKEN_BITS * n;
    if (++n == TOKENS_A_RECORD) {
      pmt_tape_add(e->tape, PMT_TAPE_TOKENS, time, payload);
      payload = n = 0;
    }
  }
  if (n) {
    pmt_tape_add(e->tape, PMT_TAPE_TOKENS, time, payload);
  }
}

void pmt_tape_commit(PmtEngine* const e, const bool made) {
  const PmtSlotWork* const slot = &e->slot;
  const uint64_t time = pmt_tape_at(e, (double)slot->place.start);
  if (slot->place.index == 0 || e->tape_bar) {
    pmt_tape_add(e->tape, PMT_TAPE_BAR, time, (uint32_t)slot->place.bar);
    e->tape_bar = false;
  }
  if (!made) {
    return;
  }
  const PmtCondition* const c = &slot->frozen.condition;
  const PmtTapeSlot record = {.index = (uint8_t)(slot->place.index % PMT_SLOTS_MAX), .meter = c->meter, .key = c->key,
                              .phrase = c->phrase, .density = c->density, .style = (uint8_t)slot->lead};
  pmt_tape_add(e->tape, PMT_TAPE_SLOT, time, pmt_tape_slot(record));
  add_tokens(e, time);
}
