/* SPDX-License-Identifier: ISC */
/* The player's event loop. Above: plugin run(), gen/render. Below: engine_place.c, engine_slot.c, engine_listen.c, gen/clock,
   gen/held, gen/schedule.

   Everything happens at ticks: ends of notes, commits of slots, beginnings of notes, in this order at one tick. Between
   two of them there is only work, which is a function of the frame. docs/engine.md has the reasons. */
#include "gen/engine_private.h"

#include "gen/channels.h"
#include "music/meter.h"

/* ---- Small questions --------------------------------------------------------------------------------------------- */

static bool enabled(const PmtEngine* const e) { return e->controls.enabled > 0.0f; }

uint8_t pmt_engine_channel(const PmtEngine* const e, const uint8_t part) {
  const uint32_t first = (uint32_t)(e->controls.channel + 0.5f) - 1;
  return (uint8_t)(part == PMT_PART_DRUMS ? PMT_DRUM_CHANNEL : pmt_channel_of_part(first, part));
}

static int64_t floor_tick(const double tick) {
  const int64_t whole = (int64_t)tick;
  return whole - ((double)whole > tick);
}

bool pmt_engine_can_make(const PmtEngine* const e) { return e->player && enabled(e); }

void pmt_engine_forget_notes(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  pmt_schedule_clear(&e->schedule);
  pmt_held_silence(&e->held, out, frame);
}

/* ---- Players ----------------------------------------------------------------------------------------------------- */

void pmt_engine_resume(PmtEngine* const e) {
  const PmtPlayer* const player = e->player;
  e->has_played = e->resumes = player && player->resumes;
  if (e->resumes) {
    e->resume = (PmtPlace){.bar = player->resume_bar, .index = player->resume_index};
    e->played_lead = player->resume_lead;
  }
}

void pmt_engine_adopt(PmtEngine* const e) {
  if (!e->offered || e->old) {
    return;
  }
  e->old = e->player;
  e->player = e->offered;
  e->offered = NULL;
  e->slot.phase = PMT_SLOT_NONE;
  pmt_engine_resume(e);
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

/** Begin all notes due at `tick`. While holding they are let go; so is one that the player sounds on the same channel: it is
    theirs, and ends with their key. */
static void strike(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame, const double tick) {
  const int64_t sooner = floor_tick(pmt_clock_tick(&e->clock)) + 1; /* a late note still sounds for a moment */
  const PmtPending* note;
  while ((note = pmt_schedule_first(&e->schedule)) && (double)note->on <= tick) {
    const int64_t off = note->off > sooner ? note->off : sooner;
    const uint8_t channel = pmt_engine_channel(e, note->part);
    if (!e->holding && !pmt_thru_sounds(&e->company.thru, channel, note->pitch) &&
        pmt_held_strike(&e->held, out, frame, channel, note->pitch, note->velocity, note->on, off)) {
      pmt_hearing_sent(&e->company.hearing, channel, note->pitch, e->clock.now);
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
  const double due = e->slot.phase == PMT_SLOT_WAITING ? e->slot.opens : e->slot.deadline;
  if (e->slot.phase != PMT_SLOT_NONE && (!any || due < *tick)) {
    *tick = due;
    any = true;
  }
  return any;
}

/* ---- The transport ----------------------------------------------------------------------------------------------- */

/** Take a position, the host's or our own. */
static void move(PmtEngine* const e, const PmtPosition* const position, const PmtMidiOut* const out,
                 const uint32_t frame) {
  const double tick = pmt_clock_tick(&e->clock);
  const uint64_t time = pmt_tape_at(e, tick);
  switch (pmt_clock_position(&e->clock, position)) {
  case PMT_CLOCK_STEADY: break;
  case PMT_CLOCK_PLACED: pmt_tape_cut(e, PMT_TAPE_NOTHING, time); break; /* the next advance prepares */
  case PMT_CLOCK_BENT:
    pmt_tape_clock(e);
    pmt_listen_aim(e);
    if (e->slot.phase == PMT_SLOT_MAKING) {
      pmt_slot_pace(e, pmt_clock_frame(&e->clock, e->slot.deadline),
                    e->slot.pace.per_frame > e->work_per_frame ? PMT_BURST : 1);
    }
    break;
  case PMT_CLOCK_REBARRED:
    pmt_tape_clock(e);
    pmt_place_rebar(e);
    break;
  case PMT_CLOCK_JUMPED:
    pmt_tape_cut(e, PMT_TAPE_JUMP, time);
    pmt_listen_cut(e, tick, false);
    pmt_place_jump(e, out, frame, tick);
    break;
  case PMT_CLOCK_STARTED:
    pmt_tape_cut(e, pmt_place_goes_on(e) ? PMT_TAPE_JUMP : PMT_TAPE_START, time);
    pmt_engine_forget_notes(e, out, frame);
    pmt_listen_cut(e, tick, true);
    pmt_place_start(e);
    break;
  case PMT_CLOCK_STOPPED:
    pmt_tape_cut(e, PMT_TAPE_NOTHING, time);
    pmt_engine_forget_notes(e, out, frame);
    pmt_listen_cut(e, tick, false);
    pmt_place_stop(e);
    break;
  }
}

static void roll_own(PmtEngine* e, float speed, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/** Stand at the beginning of bar 0 of our own time, until its first slot is made or the player begins. */
static void wait_for_own(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  const PmtPosition place = {.frame = PMT_NO_FRAME, .bar = 0, .bar_beat = 0.0};
  const bool on_note = e->controls.run == (float)PMT_RUN_PLAYED;
  if (e->own.rolling) {
    roll_own(e, 0.0f, out, frame);
  }
  e->stopped_at = e->clock.now - (int64_t)e->clock.rate; /* no locate */
  e->resumes = false;
  move(e, &place, out, frame);
  e->own = (PmtOwnTransport){.waiting = true,
                             .on_note = on_note,
                             .begins = on_note ? PMT_NEVER : e->clock.now + (int64_t)(PMT_OWN_SECONDS * e->clock.rate)};
}

static void roll_own(PmtEngine* const e, const float speed, const PmtMidiOut* const out, const uint32_t frame) {
  const PmtPosition position = {.frame = PMT_NO_FRAME,
                                .speed = speed,
                                .bar_beat = -1.0,
                                .bpm = e->controls.tempo * (float)e->clock.unit / 4.0f};
  move(e, &position, out, frame);
  e->own = (PmtOwnTransport){.rolling = speed > 0.0f, .tempo = e->controls.tempo};
}

void pmt_engine_roll_own(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  roll_own(e, 1.0f, out, frame);
}

/** Our own transport ends; the host's place is ours again. */
static void leave_own(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  if (e->own.rolling) {
    roll_own(e, 0.0f, out, frame);
  }
  e->own = (PmtOwnTransport){0};
  e->stopped_at = e->clock.now - (int64_t)e->clock.rate;
  e->resumes = false;
  if (e->host_known) {
    move(e, &e->host, out, frame);
  }
}

static void settle_own(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  const bool wanted = e->controls.run > 0.0f && !e->host_rolling;
  const bool on_note = e->controls.run == (float)PMT_RUN_PLAYED;
  if (!wanted && (e->own.waiting || e->own.rolling)) {
    leave_own(e, out, frame);
  } else if (wanted && !e->own.rolling && (!e->own.waiting || e->own.on_note != on_note)) {
    wait_for_own(e, out, frame);
  } else if (e->own.rolling && e->own.tempo != e->controls.tempo) {
    roll_own(e, 1.0f, out, frame);
  }
}

/** Act on what changed since the last call, as of the present frame. */
static void settle(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  pmt_held_retry(&e->held, out, frame);
  settle_own(e, out, frame);
  pmt_listen_settle(e, out, frame);
  if (!enabled(e) && !e->silenced) {
    pmt_engine_forget_notes(e, out, frame);
    e->slot.phase = PMT_SLOT_NONE;
  }
  e->silenced = !enabled(e);
  e->holding = e->controls.hold > 0.0f; /* let go, ends that are overdue are the next events */
  if (!e->clock.rolling || e->slot.phase == PMT_SLOT_NONE) {
    pmt_engine_adopt(e);
  }
  if (!e->clock.rolling && pmt_engine_can_make(e)) {
    pmt_place_prepare(e);
  } else if (e->slot.phase == PMT_SLOT_NONE) {
    pmt_place_enter(e, pmt_clock_tick(&e->clock));
  }
}

/** The slot's time has come, as far as it is complete or can wait no longer. */
static void end_slot(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  PmtSlotWork* const slot = &e->slot;
  pmt_slot_work(e);
  if (slot->eager && slot->phase == PMT_SLOT_MAKING && slot->deadline < slot->last) {
    slot->deadline += PMT_LOOK_TICKS;
    return;
  }
  if (slot->awaits_jump) { /* the loop wraps here, whenever the host says so */
    pmt_held_silence(&e->held, out, frame);
  }
  const bool rests = slot->role == PMT_ROLE_REST;
  pmt_slot_commit(e);
  if (rests && e->own.rolling && e->controls.run == (float)PMT_RUN_PLAYED && !e->company.count_in) {
    wait_for_own(e, out, frame); /* they have gone: until they play again */
  } else {
    pmt_place_go_on(e);
  }
}

static void handle(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame, const double tick) {
  if (!e->holding) {
    pmt_held_release(&e->held, out, frame, floor_tick(tick));
  }
  if (e->slot.phase == PMT_SLOT_WAITING && e->slot.opens <= tick) {
    pmt_listen_open(e);
  } else if (e->slot.phase > PMT_SLOT_WAITING && e->slot.deadline <= tick) {
    end_slot(e, out, frame);
  }
  strike(e, out, frame, tick);
}

/** Let frames pass up to `end`, with all that happens at ticks. */
static void play(PmtEngine* const e, const int64_t begin, const int64_t end, const PmtMidiOut* const out,
                 const uint32_t frame) {
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
}

/* ---- The header's functions -------------------------------------------------------------------------------------- */

void pmt_engine_controls(PmtEngine* const e, const PmtControls* const controls) {
  e->controls = pmt_controls_sane(controls);
}

void pmt_engine_position(PmtEngine* const e, const PmtPosition* const position, const PmtMidiOut* const out,
                         const uint32_t frame) {
  const PmtMidiOut through = pmt_tape_through(e, out);
  e->host_rolling = position->speed == position->speed ? position->speed > 0.0f : e->host_rolling;
  if (!e->host_rolling) {
    e->host = *position;
    e->host.speed = 0.0f;
    e->host_known = true;
  }
  if (e->own.waiting || e->own.rolling) {
    if (!e->host_rolling) {
      return; /* it stands: our own time rules */
    }
    leave_own(e, &through, frame);
  }
  move(e, position, &through, frame);
}

void pmt_engine_advance(PmtEngine* const e, const uint32_t n_frames, const PmtMidiOut* const out,
                        const uint32_t frame) {
  const PmtMidiOut through = pmt_tape_through(e, out);
  const int64_t begin = e->clock.now;
  const int64_t end = begin + n_frames;
  settle(e, &through, frame);
  if (e->own.waiting && e->own.begins < end) {
    play(e, begin, e->own.begins, &through, frame);
    roll_own(e, 1.0f, &through, frame + (uint32_t)(e->own.begins - begin));
  }
  play(e, begin, end, &through, frame);
  e->stats.notes_on = e->held.notes_on;
  e->stats.notes_off = e->held.notes_off;
  e->stats.refused = e->held.refused;
}

uint32_t pmt_engine_silence(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  const PmtMidiOut through = pmt_tape_through(e, out);
  pmt_engine_forget_notes(e, &through, frame);
  const uint32_t passed = pmt_thru_end(&e->company.thru, &through, frame);
  e->stats.notes_off = e->held.notes_off;
  return e->held.n + passed;
}

void pmt_engine_panic(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  const PmtMidiOut through = pmt_tape_through(e, out);
  pmt_engine_forget_notes(e, &through, frame);
  pmt_thru_end(&e->company.thru, &through, frame);
  pmt_hearing_let_go(&e->company.hearing, e->clock.now);
  e->stats.notes_off = e->held.notes_off;
}

void pmt_engine_end_channel(PmtEngine* const e, const uint32_t channel, const PmtMidiOut* const out,
                            const uint32_t frame) {
  const PmtMidiOut through = pmt_tape_through(e, out);
  pmt_held_end_channel(&e->held, &through, frame, (uint8_t)channel);
  e->stats.notes_off = e->held.notes_off;
}

const PmtTape* pmt_engine_tape(const PmtEngine* const e) { return e->tape; }

const PmtEngineStats* pmt_engine_stats(const PmtEngine* const e) { return &e->stats; }
