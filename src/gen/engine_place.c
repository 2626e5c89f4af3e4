/* SPDX-License-Identifier: ISC */
/* Where the music of the next slot comes from: made anew, carried on, or played again. Above: engine.c. Below:
   engine_slot.c, gen/memory, gen/phrase. docs/engine.md sections 3 and 4 have the rules as a player sees them. */
#include "gen/engine_private.h"

#include "music/meter.h"

#include <string.h>

static const double aligned_ticks = 0.25; /* two places count as equally far into their slots */
static const double late_ticks = 6.0;     /* a host's word of its loop comes at most so late: an eighth of a second at 120 */

static double distance(const double a, const double b) { return a > b ? a - b : b - a; }

/* ---- Pace -------------------------------------------------------------------------------------------------------- */

/** Hurry to make the slot: half a tick from now at the latest, or at its start when that is later. One that waits for a
    player will find its pace when it opens. */
static void pace_entry(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  if (slot->phase == PMT_SLOT_WAITING) {
    return;
  }
  const double soon = pmt_clock_tick(&e->clock) + PMT_ENTRY_TICKS;
  slot->deadline = (double)slot->place.start;
  if (slot->phase == PMT_SLOT_MAKING && slot->deadline < soon) {
    slot->deadline = soon;
  }
  pmt_slot_pace(e, pmt_clock_frame(&e->clock, slot->deadline), PMT_BURST);
}

static void pace_standing(PmtEngine* const e) {
  pmt_slot_pace(e, e->clock.now + (int64_t)(PMT_PREPARE_SECONDS * e->clock.rate), 1);
}

/* ---- Freeze ------------------------------------------------------------------------------------------------------ */

/** Take, keep or let go the bars that are repeated. @return whether there are any */
static bool freeze(PmtEngine* const e) {
  PmtFrozenBars* const f = &e->frozen;
  const float bars = e->controls.freeze;
  if (bars <= 0.0f) {
    f->bars = 0.0f;
    return false;
  }
  if (f->bars != bars || !f->n) {
    f->n = pmt_phrase_last_bars(&e->phrase, (uint32_t)bars, &f->first);
    f->next = 0;
    f->bars = bars;
  }
  return f->n > 0;
}

/** The next of the frozen slots that is the same slot of its bar: what is repeated stays in phase with the bar. */
static bool recall_frozen(PmtEngine* const e, const PmtPlace* const place) {
  PmtFrozenBars* const f = &e->frozen;
  if (!freeze(e)) {
    return false;
  }
  for (uint32_t i = 0; i < f->n; ++i) {
    const uint32_t at = (f->next + i) % f->n;
    const PmtPhraseSlot* const slot = pmt_phrase_slot(&e->phrase, f->first + at);
    if (slot && slot->index == place->index) {
      f->next = (at + 1) % f->n;
      pmt_slot_recall(e, place, f->first + at);
      return true;
    }
  }
  pmt_slot_recall(e, place, PMT_PHRASE_NONE); /* another meter, with more slots in a bar */
  return true;
}

/* ---- Loop = same ------------------------------------------------------------------------------------------------- */

/** Not with a player: they do not do the same again. */
static bool same_again(const PmtEngine* const e) {
  return e->controls.loop == (float)PMT_LOOP_SAME && !pmt_listen_waits(e);
}

static const PmtMemo* memo_of(const PmtEngine* const e, const PmtPlace* const place) {
  return e->player ? pmt_memory_find(&e->player->memory, place) : NULL;
}

/** As if the slot before the memo's had just been played. */
static void remember(PmtEngine* const e, const PmtMemo* const memo) {
  PmtPlayer* const player = e->player;
  if (!memo->fresh) {
    memcpy(player->played, memo->state, pmt_reader_snapshot_floats(player->model) * sizeof *player->played);
  }
  player->played_velocity = memo->velocity;
  e->has_played = !memo->fresh;
  e->played_lead = memo->lead;
  e->pass = memo->pass;
  e->repeats = memo->repeats;
  e->tonality = memo->tonality;
}

/** The state before the slot in the making, which may not come to be played. */
static void memorise_next(PmtEngine* const e) {
  const PmtMemo memo = {.place = e->slot.place,
                        .state = e->player->played,
                        .velocity = e->player->played_velocity,
                        .lead = e->played_lead,
                        .pass = e->pass,
                        .repeats = e->repeats,
                        .tonality = e->tonality,
                        .phrase = PMT_PHRASE_NONE};
  pmt_memory_put(&e->player->memory, &memo, pmt_reader_snapshot_floats(e->player->model));
}

/** Play a slot as it was, with no work at all: only if what comes after it is known too, and no knob was turned. */
static bool recall(PmtEngine* const e, const PmtMemo* const memo, const PmtPlace* const place) {
  const PmtPlace after = pmt_place_successor(&memo->place);
  if (!pmt_phrase_slot(&e->phrase, memo->phrase) || !memo_of(e, &after) ||
      !pmt_controls_near(&memo->heard, &e->controls)) {
    return false;
  }
  pmt_slot_recall(e, place, memo->phrase);
  return true;
}

/* ---- Entering ---------------------------------------------------------------------------------------------------- */

/** Make the slot at `place`, now or when a player was heard. */
static void make(PmtEngine* const e, const PmtPlace* const place, const bool fresh) {
  if (pmt_listen_waits(e)) {
    pmt_listen_wait(e, place, fresh);
  } else {
    pmt_slot_begin(e, place, fresh, PMT_ROLE_ALONE);
  }
}

/** Begin the slot at `place` after what was played last. */
static void begin(PmtEngine* const e, const PmtPlace* const place) {
  if (!recall_frozen(e, place)) {
    make(e, place, !e->has_played);
  }
}

void pmt_place_enter(PmtEngine* const e, const double from_tick) {
  if (pmt_engine_can_make(e)) {
    const PmtPlace place = pmt_clock_place(&e->clock, from_tick);
    begin(e, &place);
    pace_entry(e);
  }
}

/** Nothing sounds: the slot to begin with at another place, in mid-performance. */
static void land(PmtEngine* const e, const PmtPlace* const place) {
  PmtSlotWork* const slot = &e->slot;
  const PmtMemo* const memo = same_again(e) ? memo_of(e, place) : NULL;
  const bool fits = slot->phase > PMT_SLOT_WAITING && slot->role == PMT_ROLE_ALONE && !slot->recalled && pmt_place_fits(&slot->place, place) &&
                    slot->fresh == !e->has_played;
  e->pass += !same_again(e);
  if (recall_frozen(e, place)) {
    return;
  }
  if (memo && recall(e, memo, place)) {
    return;
  }
  if (memo) {
    remember(e, memo);
    begin(e, place);
  } else if (fits) {
    slot->place = *place; /* made for another bar, but as good here, and ready */
  } else {
    pmt_repeats_reset(&e->repeats);
    begin(e, place);
  }
}

/* ---- Standing and starting --------------------------------------------------------------------------------------- */

/** Stood so shortly, and then rolls elsewhere: that was a locate. */
static bool is_brief(const PmtEngine* const e) {
  return e->has_played && (double)(e->clock.now - e->stopped_at) < PMT_BRIEF_SECONDS * e->clock.rate;
}

static bool is_resumed(const PmtEngine* const e, const PmtPlace* const place) {
  return e->has_played && e->resumes && e->resume.bar == place->bar && e->resume.index == place->index;
}

void pmt_place_stop(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  e->stopped_at = e->clock.now;
  e->resumes = e->has_played && slot->phase != PMT_SLOT_NONE;
  if (!e->resumes) {
    slot->phase = PMT_SLOT_NONE;
    return;
  }
  e->resume = slot->place;
  memorise_next(e);
  if (slot->recalled) { /* of a phrase that may be let go while standing */
    slot->phase = PMT_SLOT_NONE;
  }
}

/** Begin what a start at `place` would play. */
static void begin_standing(PmtEngine* const e, const PmtPlace* const place) {
  if (recall_frozen(e, place)) {
    return;
  }
  if (is_resumed(e, place)) {
    const PmtMemo* const memo = memo_of(e, place);
    if (memo) { /* none: the state is that of a saved session */
      remember(e, memo);
    }
    make(e, place, false);
  } else if (is_brief(e)) {
    land(e, place);
  } else {
    make(e, place, true);
  }
}

void pmt_place_prepare(PmtEngine* const e) {
  const PmtSlotWork* const slot = &e->slot;
  const PmtPlace place = pmt_clock_place(&e->clock, pmt_clock_tick(&e->clock));
  const bool fresh = !is_resumed(e, &place) && !is_brief(e);
  const bool frozen = freeze(e);
  if (pmt_listen_waits(e) && !frozen) { /* who knows what they will begin with */
    e->slot.phase = PMT_SLOT_NONE;
    return;
  }
  if (slot->phase != PMT_SLOT_NONE && pmt_place_same(&slot->place, &place) && slot->recalled == frozen &&
      (frozen || (slot->fresh == fresh && pmt_controls_alike(&slot->frozen.controls, &e->controls)))) {
    return;
  }
  begin_standing(e, &place);
  pace_standing(e);
}

/** A fresh performance: nothing is remembered but what is frozen. */
static void forget(PmtEngine* const e) {
  e->has_played = e->resumes = false;
  e->pass = 0;
  e->loop.known = e->loop.awaited = false;
  if (e->player) {
    pmt_memory_clear(&e->player->memory);
  }
  if (e->controls.freeze <= 0.0f) {
    pmt_phrase_reset(&e->phrase);
    e->frozen = (PmtFrozenBars){0};
  }
}

bool pmt_place_goes_on(const PmtEngine* const e) {
  const PmtPlace place = pmt_clock_place(&e->clock, pmt_clock_tick(&e->clock));
  return is_resumed(e, &place) || is_brief(e);
}

void pmt_place_start(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  const PmtPlace place = pmt_clock_place(&e->clock, pmt_clock_tick(&e->clock));
  const bool goes_on = pmt_place_goes_on(e);
  e->has_last = false;
  if (!goes_on) {
    forget(e);
  }
  if (!pmt_engine_can_make(e)) {
    slot->phase = PMT_SLOT_NONE;
    return;
  }
  const bool prepared =
    slot->phase == PMT_SLOT_READY ||
    (slot->phase == PMT_SLOT_MAKING && pmt_controls_alike(&slot->frozen.controls, &e->controls));
  if (prepared && pmt_place_same(&slot->place, &place) && (slot->recalled || slot->fresh == !goes_on)) {
    slot->place = place; /* ticks count anew */
  } else {
    begin_standing(e, &place);
  }
  e->resumes = false;
  pace_entry(e);
}

/* ---- Jumps ------------------------------------------------------------------------------------------------------- */

/** Ticks are counted from elsewhere, but time ran on: a loop wrapped some frames ago, and what sounds since is its first slot.
    @param place where that slot lies by the new count */
static void slide(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame, const PmtPlace* const place) {
  PmtSlotWork* const slot = &e->slot;
  const int64_t shift = place->start - e->last.start;
  pmt_held_end_before(&e->held, out, frame, e->last.start);
  pmt_held_shift(&e->held, shift);
  pmt_schedule_shift(&e->schedule, shift);
  e->last = *place;
  slot->place = pmt_place_successor(place);
  slot->deadline = (double)slot->place.start;
  pmt_listen_aim(e);
  pmt_slot_pace(e, pmt_clock_frame(&e->clock, slot->deadline), 1);
  e->pass += !same_again(e);
}

static void learn_loop(PmtEngine* const e, const PmtPlace* const from, const PmtPlace* const to) {
  e->loop = (PmtLoopPlace){.known = pmt_place_fits(from, to), .from = *from, .to = *to};
}

/** A slot that waits for the player, or was just chosen with them, has begun: at `place` by the new count, if the loop
    wrapped some frames ago. */
static bool has_begun(const PmtEngine* const e, const double tick, const double now, PmtPlace* const place) {
  const PmtSlotWork* const slot = &e->slot;
  const double into = tick - (double)slot->place.start;
  const bool waits = slot->phase == PMT_SLOT_WAITING || (slot->phase != PMT_SLOT_NONE && slot->eager);
  const PmtPlace there = pmt_clock_place(&e->clock, now - into);
  if (!waits || into < 0.0 || into > late_ticks || !pmt_place_fits(&there, &slot->place) ||
      distance((double)there.start, now - into) > aligned_ticks) {
    return false;
  }
  *place = there;
  return true;
}

void pmt_place_jump(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame, const double tick) {
  PmtSlotWork* const slot = &e->slot;
  const double now = pmt_clock_tick(&e->clock);
  const double into = tick - (double)e->last.start;
  PmtPlace place = pmt_clock_place(&e->clock, now);
  if (!pmt_engine_can_make(e)) {
    pmt_engine_forget_notes(e, out, frame);
    slot->phase = PMT_SLOT_NONE;
    return;
  }
  if (e->has_last && into >= 0.0 && into <= late_ticks) {
    const PmtPlace there = pmt_clock_place(&e->clock, now - into);
    const PmtPlace after = pmt_place_successor(&there);
    const bool aligned = distance((double)there.start, now - into) <= aligned_ticks && pmt_place_fits(&there, &e->last) &&
                         slot->phase != PMT_SLOT_NONE && pmt_place_fits(&slot->place, &after);
    if (aligned && (!same_again(e) || pmt_place_same(&there, &e->last) || !memo_of(e, &there))) {
      if (!e->loop.awaited) {
        learn_loop(e, &e->last, &there);
      }
      e->loop.awaited = false;
      slide(e, out, frame, &there);
      return;
    }
    if (aligned) {
      learn_loop(e, &e->last, &there);
      place = there; /* its notes are due already: late, but not lost */
    }
  } else if (has_begun(e, tick, now, &place) ||
             (slot->phase != PMT_SLOT_NONE && distance((double)slot->place.start, tick) <= PMT_ENTRY_TICKS &&
              distance((double)place.start, now) <= PMT_ENTRY_TICKS && !slot->awaits_jump)) {
    learn_loop(e, &slot->place, &place);
  }
  e->loop.awaited = false;
  if (slot->phase != PMT_SLOT_NONE && !slot->recalled && e->has_played) {
    const PmtMemo* const memo = memo_of(e, &slot->place);
    if (!memo || memo->pass != e->pass) { /* a loop of a single slot needs it at once */
      memorise_next(e);
    }
  }
  pmt_engine_forget_notes(e, out, frame);
  e->has_last = false; /* its start is counted in ticks that are no more */
  land(e, &place);
  pace_entry(e);
}

/** Bar lines lie elsewhere now, time ran on. A slot that still fits is kept; else another is made in a hurry. */
void pmt_place_rebar(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  if (slot->phase == PMT_SLOT_NONE) {
    return;
  }
  const double tick = pmt_clock_tick(&e->clock);
  const double after = (double)e->last.start + 1.0; /* not the slot that is playing once more */
  const double from = e->has_last && after > tick ? after : tick;
  const double next = (double)slot->place.start; /* it has begun, when it waits for the player or is late */
  const PmtPlace place = pmt_clock_place(&e->clock, next < from ? next : from);
  e->loop.known = e->loop.awaited = false;
  if (place.start != slot->place.start || (place.index - slot->place.index) % PMT_SLOTS_MAX) {
    slot->phase = PMT_SLOT_NONE;
    pmt_place_enter(e, from);
    return;
  }
  slot->place = place;
  pmt_listen_aim(e);
  if (slot->phase == PMT_SLOT_MAKING) {
    slot->grammar.k_next = (uint8_t)(pmt_clock_place_after(&e->clock, &place).index % PMT_SLOTS_MAX);
    slot->frozen.sampling.end = pmt_token_slot(slot->grammar.k_next);
  }
  pmt_slot_pace(e, pmt_clock_frame(&e->clock, slot->deadline),
                slot->pace.per_frame > e->work_per_frame ? PMT_BURST : 1);
}

/* ---- Going on ---------------------------------------------------------------------------------------------------- */

/** The loop is about to wrap: play its first slot as it was, before the host says so. */
static bool foresee_wrap(PmtEngine* const e, const PmtPlace* const place) {
  const PmtLoopPlace* const loop = &e->loop;
  const PmtMemo* const memo = same_again(e) && loop->known && pmt_place_same(place, &loop->from) ? memo_of(e, &loop->to) : NULL;
  PmtPlace there = loop->to;
  there.start = place->start;
  if (!memo || !recall(e, memo, &there)) {
    return false;
  }
  e->slot.awaits_jump = true;
  return true;
}

void pmt_place_go_on(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  const bool recalled = slot->recalled, awaits = slot->awaits_jump;
  const bool rested = slot->role == PMT_ROLE_REST || slot->role == PMT_ROLE_LISTEN;
  PmtPlace next = pmt_clock_place_after(&e->clock, &e->last);
  if (e->loop.awaited) { /* a slot ago: it did not wrap, the loop is no more */
    e->loop.known = e->loop.awaited = false;
  }
  if (awaits) {
    e->loop.awaited = true;
    next.bar += e->loop.to.bar - e->loop.from.bar;
  }
  if (next.index == 0 && !recalled && !rested) {
    pmt_repeats_end_bar(&e->repeats);
    pmt_tonality_end_bar(&e->tonality);
  }
  pmt_engine_adopt(e);
  const PmtMemo* const memo = recalled && e->frozen.bars <= 0.0f && !pmt_listen_waits(e) ? memo_of(e, &next) : NULL;
  if (memo) {
    remember(e, memo);
  }
  if (!foresee_wrap(e, &next)) {
    begin(e, &next);
  }
  pmt_slot_pace(e, pmt_clock_frame(&e->clock, slot->deadline), 1);
}
