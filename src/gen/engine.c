/* SPDX-License-Identifier: ISC */
/* The player's event loop. Above: plugin run(), gen/render. Below: engine_slot.c, gen/clock, gen/held, gen/schedule.

   Everything happens at ticks: ends of notes, commits of slots, beginnings of notes, in this order at one tick. Between
   two of them there is only work, which is a function of the frame. docs/engine.md has the reasons. */
#include "gen/engine_private.h"

#include "music/meter.h"

enum { DRUM_CHANNEL = 9, CHANNELS = 16 };

/* ---- Small questions --------------------------------------------------------------------------------------------- */

static bool enabled(const PmtEngine* const e) { return e->controls.enabled > 0.0f; }

/** Parts take channels upwards from the first, around, and step over the drums' (index 9). */
static uint8_t channel_of(const PmtEngine* const e, const uint8_t part) {
  if (part == PMT_PART_DRUMS) {
    return DRUM_CHANNEL;
  }
  const uint32_t first = (uint32_t)(e->controls.channel + 0.5f) - 1;
  const uint32_t rank = ((first > DRUM_CHANNEL ? first - 1 : first) + part) % (CHANNELS - 1);
  return (uint8_t)(rank < DRUM_CHANNEL ? rank : rank + 1);
}

static int64_t floor_tick(const double tick) {
  const int64_t whole = (int64_t)tick;
  return whole - ((double)whole > tick);
}

static bool same_place(const PmtPlace* const a, const PmtPlace* const b) {
  return a->bar == b->bar && a->index == b->index && a->length == b->length && a->bar_ticks == b->bar_ticks;
}

/* ---- Entering ---------------------------------------------------------------------------------------------------- */

static void forget_notes(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  pmt_schedule_clear(&e->schedule);
  pmt_held_silence(&e->held, out, frame);
}

/** Hurry to make the slot: half a tick from now at the latest, or at its start when that is later. */
static void pace_entry(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  const double soon = pmt_clock_tick(&e->clock) + PMT_ENTRY_TICKS;
  slot->deadline = (double)slot->place.start;
  if (slot->phase == PMT_SLOT_MAKING && slot->deadline < soon) {
    slot->deadline = soon;
  }
  pmt_slot_pace(e, pmt_clock_frame(&e->clock, slot->deadline), PMT_BURST);
}

static bool can_make(const PmtEngine* const e) { return e->player && enabled(e); }

/** Rolling, with nothing under way: the first slot from here on, with the state of the last one played. */
static void enter(PmtEngine* const e, const double from_tick) {
  if (can_make(e)) {
    const PmtPlace place = pmt_clock_place(&e->clock, from_tick);
    pmt_slot_begin(e, &place, !e->has_played);
    pace_entry(e);
  }
}

/** The transport starts: a fresh performance, with the slot that was prepared while it stood if it starts there. */
static void start(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  const PmtPlace place = pmt_clock_place(&e->clock, pmt_clock_tick(&e->clock));
  const bool prepared = slot->phase == PMT_SLOT_READY ||
                        (slot->phase == PMT_SLOT_MAKING && pmt_controls_alike(&slot->frozen.controls, &e->controls));
  e->has_played = false;
  if (!can_make(e) || !prepared || !same_place(&slot->place, &place)) {
    slot->phase = PMT_SLOT_NONE;
    enter(e, pmt_clock_tick(&e->clock));
    return;
  }
  slot->place = place; /* ticks count anew */
  pace_entry(e);
}

/** Standing: keep the slot that a start would begin with in the making. */
static void prepare(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  const PmtPlace place = pmt_clock_place(&e->clock, pmt_clock_tick(&e->clock));
  if (slot->phase != PMT_SLOT_NONE && same_place(&slot->place, &place) &&
      pmt_controls_alike(&slot->frozen.controls, &e->controls)) {
    return;
  }
  pmt_slot_begin(e, &place, true);
  pmt_slot_pace(e, e->clock.now + (int64_t)(PMT_PREPARE_SECONDS * e->clock.rate), 1);
}

/** Bar lines lie elsewhere now, time ran on. A slot that still fits is kept; else another is made in a hurry. */
static void rebar(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  if (slot->phase == PMT_SLOT_NONE) {
    return;
  }
  const double tick = pmt_clock_tick(&e->clock);
  const double after = (double)e->last_start + 1.0; /* not the slot that is playing once more */
  const double from = e->has_played && after > tick ? after : tick;
  const PmtPlace place = pmt_clock_place(&e->clock, from);
  if (place.start != slot->place.start || (place.index - slot->place.index) % PMT_SLOTS_MAX) {
    slot->phase = PMT_SLOT_NONE;
    enter(e, from);
    return;
  }
  slot->place = place;
  if (slot->phase == PMT_SLOT_MAKING) {
    slot->grammar.k_next = (uint8_t)(pmt_clock_place_after(&e->clock, &place).index % PMT_SLOTS_MAX);
    slot->frozen.sampling.end = pmt_token_slot(slot->grammar.k_next);
  }
  pmt_slot_pace(e, pmt_clock_frame(&e->clock, slot->deadline),
                slot->pace.per_frame > e->work_per_frame ? PMT_BURST : 1);
}

/* ---- Players ----------------------------------------------------------------------------------------------------- */

/** @return whether another player is in use now; it begins from its start state */
static bool adopt(PmtEngine* const e) {
  if (!e->offered || e->old) {
    return false;
  }
  e->old = e->player;
  e->player = e->offered;
  e->offered = NULL;
  e->slot.phase = PMT_SLOT_NONE;
  e->has_played = false;
  return true;
}

bool pmt_engine_offer(PmtEngine* const e, PmtPlayer* const player) {
  if (!player || e->offered || e->old) {
    return false;
  }
  e->offered = player;
  return true;
}

PmtPlayer* pmt_engine_take_old(PmtEngine* const e) {
  PmtPlayer* const old = e->old;
  e->old = NULL;
  return old;
}

const PmtModel* pmt_engine_model(const PmtEngine* const e) { return e->player ? e->player->model : NULL; }

const PmtModel* pmt_player_model(const PmtPlayer* const player) { return player->model; }

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static void commit(PmtEngine* const e) {
  const PmtPlace played = e->slot.place;
  pmt_slot_commit(e);
  const PmtPlace next = pmt_clock_place_after(&e->clock, &played);
  if (next.bar != played.bar) {
    pmt_repeats_end_bar(&e->repeats);
    pmt_tonality_end_bar(&e->tonality);
  }
  adopt(e);
  pmt_slot_begin(e, &next, !e->has_played);
  pmt_slot_pace(e, pmt_clock_frame(&e->clock, e->slot.deadline), 1);
}

/** Begin all notes due at `tick`. While holding they are let go. */
static void strike(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame, const double tick) {
  const int64_t sooner = floor_tick(pmt_clock_tick(&e->clock)) + 1; /* a late note still sounds for a moment */
  const PmtPending* note;
  while ((note = pmt_schedule_first(&e->schedule)) && (double)note->on <= tick) {
    if (!e->holding) {
      const int64_t off = note->off > sooner ? note->off : sooner;
      pmt_held_strike(&e->held, out, frame, channel_of(e, note->part), note->pitch, note->velocity, off);
    }
    pmt_schedule_drop_first(&e->schedule);
  }
}

/** Tick of what comes next. @return false when nothing is to come */
static bool next_event(const PmtEngine* const e, double* const tick) {
  const PmtPending* const note = pmt_schedule_first(&e->schedule);
  const int64_t off = e->holding ? INT64_MAX : pmt_held_next(&e->held);
  const int64_t on = note ? note->on : INT64_MAX;
  const int64_t first = off < on ? off : on;
  bool any = first != INT64_MAX;
  *tick = (double)first;
  if (e->slot.phase != PMT_SLOT_NONE && (!any || e->slot.deadline < *tick)) {
    *tick = e->slot.deadline;
    any = true;
  }
  return any;
}

static void handle(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame, const double tick) {
  if (!e->holding) {
    pmt_held_release(&e->held, out, frame, floor_tick(tick));
  }
  if (e->slot.phase != PMT_SLOT_NONE && e->slot.deadline <= tick) {
    pmt_slot_work(e);
    commit(e);
  }
  strike(e, out, frame, tick);
}

/** Act on what changed since the last call, as of the present frame. */
static void settle(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  pmt_held_retry(&e->held, out, frame);
  if (!enabled(e) && !e->silenced) {
    forget_notes(e, out, frame);
    e->slot.phase = PMT_SLOT_NONE;
  }
  e->silenced = !enabled(e);
  e->holding = e->controls.hold > 0.0f; /* let go, ends that are overdue are the next events */
  if (!e->clock.rolling || e->slot.phase == PMT_SLOT_NONE) {
    adopt(e);
  }
  if (!e->clock.rolling && can_make(e)) {
    prepare(e);
  } else if (e->slot.phase == PMT_SLOT_NONE) {
    enter(e, pmt_clock_tick(&e->clock));
  }
}

/* ---- The header's functions -------------------------------------------------------------------------------------- */

void pmt_engine_controls(PmtEngine* const e, const PmtControls* const controls) {
  e->controls = pmt_controls_sane(controls);
}

void pmt_engine_position(PmtEngine* const e, const PmtPosition* const position, const PmtMidiOut* const out,
                         const uint32_t frame) {
  switch (pmt_clock_position(&e->clock, position)) {
  case PMT_CLOCK_STEADY: break;
  case PMT_CLOCK_PLACED: break; /* the next advance prepares */
  case PMT_CLOCK_BENT:
    if (e->slot.phase != PMT_SLOT_NONE) {
      pmt_slot_pace(e, pmt_clock_frame(&e->clock, e->slot.deadline),
                    e->slot.pace.per_frame > e->work_per_frame ? PMT_BURST : 1);
    }
    break;
  case PMT_CLOCK_REBARRED: rebar(e); break;
  case PMT_CLOCK_JUMPED:
    forget_notes(e, out, frame);
    pmt_repeats_reset(&e->repeats);
    e->slot.phase = PMT_SLOT_NONE;
    enter(e, pmt_clock_tick(&e->clock));
    break;
  case PMT_CLOCK_STARTED:
    forget_notes(e, out, frame);
    start(e);
    break;
  case PMT_CLOCK_STOPPED:
    forget_notes(e, out, frame);
    e->slot.phase = PMT_SLOT_NONE;
    e->has_played = false;
    break;
  }
}

void pmt_engine_advance(PmtEngine* const e, const uint32_t n_frames, const PmtMidiOut* const out,
                        const uint32_t frame) {
  const int64_t begin = e->clock.now;
  const int64_t end = begin + n_frames;
  settle(e, out, frame);
  double tick;
  while (e->clock.rolling && next_event(e, &tick)) {
    const int64_t due = pmt_clock_frame(&e->clock, tick);
    if (due >= end) {
      break;
    }
    if (due > e->clock.now) {
      pmt_clock_pass(&e->clock, (uint32_t)(due - e->clock.now));
    }
    if (e->clock.now >= end) { /* overdue in a call of no frames: in the next */
      break;
    }
    handle(e, out, frame + (uint32_t)(e->clock.now - begin), tick);
  }
  pmt_clock_pass(&e->clock, (uint32_t)(end - e->clock.now));
  pmt_slot_work(e);
  e->stats.notes_on = e->held.notes_on;
  e->stats.notes_off = e->held.notes_off;
  e->stats.refused = e->held.refused;
}

uint32_t pmt_engine_silence(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  forget_notes(e, out, frame);
  e->stats.notes_off = e->held.notes_off;
  return e->held.n;
}

void pmt_engine_panic(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  forget_notes(e, out, frame);
  e->stats.notes_off = e->held.notes_off;
}

void pmt_engine_end_channel(PmtEngine* const e, const uint32_t channel, const PmtMidiOut* const out,
                            const uint32_t frame) {
  pmt_held_end_channel(&e->held, out, frame, (uint8_t)channel);
  e->stats.notes_off = e->held.notes_off;
}

const PmtTape* pmt_engine_tape(const PmtEngine* const e) { return e->tape; }

const PmtEngineStats* pmt_engine_stats(const PmtEngine* const e) { return &e->stats; }
