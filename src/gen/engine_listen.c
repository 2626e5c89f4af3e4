/* SPDX-License-Identifier: ISC */
/* Somebody else: their MIDI, what is heard of it when, whose turn it is, and what they leave to us. Above: engine.c,
   engine_place.c, engine_slot.c. Below: gen/hearing (what is told to the net), gen/dictation (what is read by it),
   gen/thru.

   Alone, a slot is made while the one before it plays. With somebody else it waits, to hear as much as it can: until a
   moment after it began (what they begin with it is known then, and we are late by that moment), or until just before it
   begins (and we are on time). docs/live.md says what that is like to play with, docs/listening.md what it is worth. */
#include "gen/engine_private.h"

#include "gen/channels.h"
#include "music/meter.h"

enum {
  NOTE_OFF = 0x80, NOTE_ON = 0x90, CONTROL = 0xb0, PROGRAM = 0xc0, PRESSURE = 0xd0, SYSTEM = 0xf0,
  CC_MODES = 120, CC_ALL_SOUND_OFF = 120, CC_ALL_NOTES_OFF = 123, /* channel mode messages from 120 on */
  SILENT_SLOTS = 4,  /* two beats: the phrase is over */
  LOST_TICKS = 768,  /* nobody looked for so long: count slots anew */
  OCTAVE = 12, ANSWER_BELOW = 5, ANSWER_ABOVE = 7, /* semitones around the phrase that is answered */
  BUSY_NOTES = 8,    /* begun within two slots: as busy as can be told */
};

static const double before_ticks = 3.0;   /* in which a slot is made that hears what came before it */
static const double patience_ticks = 3.0; /* for a slot that is late anyway, until it is cut */
static const double soon_seconds = 0.1;   /* before a start: a note that was meant for it */
static const float plain_loudness = 80.0f;/* velocity of an ordinary note */
static const float give_way_range = 1.5f; /* of density */

static PmtMode mode_of(const PmtEngine* const e) { return (PmtMode)(int)e->controls.mode; }

static bool harmonises(const PmtEngine* const e) { return mode_of(e) == PMT_MODE_HARMONISE; }

bool pmt_listen_hears_with(const PmtEngine* const e) {
  return harmonises(e) || (mode_of(e) == PMT_MODE_ACCOMPANY && e->controls.wait > 0.0f);
}

/** The first part comes first in a slot, so what begins with the slot can stand where the net would have written it. Other
    parts come after ours: of them hints are told. Which is worth more in a style was measured when it was learned; a net
    that knows no hints of players still knows notes. */
bool pmt_listen_tells(const PmtEngine* const e) {
  const PmtModel* const model = e->player->model;
  const bool better = model->told[pmt_freeze_lead(model, &e->controls)] || !pmt_reader_hears_players(model);
  return better && e->slot.role == PMT_ROLE_ALONG && pmt_listen_hears_with(e) && pmt_listen_taken(e) == 1;
}

/** By octaves into the range that the part had in training. */
static bool fit(const PmtModel* const model, int* const key) {
  while (*key < model->pitch_lo[0]) {
    *key += OCTAVE;
  }
  while (*key > model->pitch_hi[0]) {
    *key -= OCTAVE;
  }
  return *key >= model->pitch_lo[0];
}

/** Where a key stands among those that the net takes to sound at a tick, or PMT_TOLD_MAX. */
static uint32_t place_among(const PmtTold* const told, const int key, const int64_t tick) {
  for (uint32_t i = 0; i < told->known; ++i) {
    if (told->of[i].key == key && told->of[i].ends > tick) {
      return i;
    }
  }
  return PMT_TOLD_MAX;
}

void pmt_listen_tell(PmtEngine* const e) {
  const PmtHearing* const h = &e->company.hearing;
  const PmtTold before = e->company.told;
  const int64_t tick = e->slot.place.start;
  uint32_t kept[PMT_TOLD_MAX], n_kept = 0;
  PmtTold* const told = &e->company.told;
  *told = (PmtTold){.n = 0};
  for (int k = 127; k >= 0 && told->n + n_kept < PMT_TOLD_MAX; --k) {
    const bool sounds = h->ear.down[k / 64] >> k % 64 & 1, begins = h->begun[k / 64] >> k % 64 & 1;
    const uint32_t at = begins ? PMT_TOLD_MAX : place_among(&before, k, tick);
    int key = k;
    if (sounds && at < PMT_TOLD_MAX) {
      kept[n_kept++] = at;
    } else if (sounds && fit(e->player->model, &key)) {
      told->of[told->n].note = pmt_token_note(0, (uint32_t)key);
      told->of[told->n].ends = tick; /* until it is told */
      told->of[told->n++].key = (uint8_t)k;
    }
  }
  for (told->known = told->n; told->known < told->n + n_kept; ++told->known) {
    told->of[told->known] = before.of[kept[told->known - told->n]];
  }
}

/* ---- Slots of the player ----------------------------------------------------------------------------------------- */

/** The dictation's slots, up to the present tick. */
static void follow(PmtEngine* const e) {
  PmtDictation* const d = &e->company.dictation;
  const double tick = pmt_clock_tick(&e->clock);
  if (!e->clock.rolling) {
    return;
  }
  const PmtPlace* last = e->company.placed ? pmt_dictation_place(d, d->n_slots - 1) : NULL;
  if (!last || tick - (double)last->start > LOST_TICKS) {
    const PmtPlace here = pmt_clock_place(&e->clock, tick - 11.49); /* the first that begins in the last 12 ticks */
    pmt_dictation_begin_slot(d, &here);
    e->company.placed = true;
  }
  while ((last = pmt_dictation_place(d, d->n_slots - 1)) && tick >= (double)(last->start + last->length)) {
    const PmtPlace next = pmt_clock_place_after(&e->clock, last);
    pmt_dictation_begin_slot(d, &next);
  }
}

/** Number that a slot has, or will have, in the dictation. */
static uint64_t number_of(const PmtEngine* const e, const PmtPlace* const place) {
  const PmtDictation* const d = &e->company.dictation;
  const PmtPlace* const last = e->company.placed ? pmt_dictation_place(d, d->n_slots - 1) : NULL;
  return d->n_slots - (last && last->start >= place->start);
}

void pmt_listen_reset(PmtEngine* const e) {
  PmtCompany* const c = &e->company;
  *c = (PmtCompany){.passes = c->passes};
  pmt_hearing_reset(&c->hearing);
  pmt_leading_reset(&c->leading);
}

void pmt_listen_cut(PmtEngine* const e, const double tick, const bool began) {
  PmtCompany* const c = &e->company;
  const int64_t soon = began ? (int64_t)(soon_seconds * e->clock.rate) : 0;
  pmt_dictation_cut(&c->dictation, tick);
  pmt_hearing_cut(&c->hearing, e->clock.now - soon);
  c->told = (PmtTold){.n = 0};
  c->placed = false;
  if (began && !pmt_place_goes_on(e)) { /* the same song again: the same notes */
    pmt_leading_reset(&c->leading);
    pmt_hearing_begin(&c->hearing, e->clock.now);
    c->phrase_slots = 0;
  }
  if (began) {
    c->count_in = (uint32_t)e->controls.count_in;
    c->counted = c->ours = c->elsewhere = c->rested = false;
    c->turn_slots = 0;
    c->fed = c->phrase = c->turn_end = c->dictation.n_slots;
  }
}

/* ---- Parts ------------------------------------------------------------------------------------------------------- */

uint32_t pmt_listen_taken(const PmtEngine* const e) {
  const PmtModel* const model = e->player->model;
  const uint32_t n = model->parts_used[pmt_freeze_lead(model, &e->controls)];
  const uint32_t all = (1u << n) - 1;
  uint32_t taken = 0;
  if (!n || mode_of(e) == PMT_MODE_GENERATE) {
    return 0;
  }
  switch ((PmtYouPlay)(int)e->controls.you_play) {
  case PMT_YOU_MELODY: taken = 1; break;
  case PMT_YOU_CHORDS: taken = all & ~1u; break;
  case PMT_YOU_SECOND: taken = 1u << (n > 1 ? 1 : n - 1); break;
  case PMT_YOU_THIRD: taken = 1u << (n > 2 ? 2 : n - 1); break;
  case PMT_YOU_BASS: taken = 1u << (n - 1); break;
  default: break;
  }
  const bool drums = model->drums && model->style_drums[pmt_freeze_lead(model, &e->controls)];
  return taken == all && !drums ? 0 : taken; /* nothing would be left to play: beside them, then */
}

/** The part that the player's notes count as. */
static uint32_t part_of_player(const PmtEngine* const e) {
  const uint32_t taken = pmt_listen_taken(e);
  return taken ? (uint32_t)__builtin_ctz(taken) : 0;
}

/* ---- MIDI -------------------------------------------------------------------------------------------------------- */

static bool is_channel_message(const uint8_t* const bytes, const uint32_t size) {
  if (size < 2 || size > 3 || bytes[0] < NOTE_OFF || bytes[0] >= SYSTEM || bytes[1] > 127) {
    return false;
  }
  const uint8_t kind = bytes[0] & 0xf0;
  return kind == PROGRAM || kind == PRESSURE ? size == 2 : size == 3 && bytes[2] <= 127;
}

static void hear(PmtEngine* const e, const uint8_t* const bytes, const bool on) {
  PmtCompany* const c = &e->company;
  const uint8_t kind = bytes[0] & 0xf0;
  const bool drum = (bytes[0] & 0x0f) == PMT_DRUM_CHANNEL;
  const double tick = pmt_clock_tick(&e->clock);
  e->stats.notes_heard += on;
  follow(e);
  if (on && e->clock.rolling) {
    pmt_dictation_press(&c->dictation, tick, bytes[1], bytes[2], drum);
  } else if ((kind == NOTE_ON || kind == NOTE_OFF) && !drum) {
    pmt_dictation_release(&c->dictation, tick, bytes[1]);
  }
  if (kind == NOTE_ON || kind == NOTE_OFF || kind == CONTROL) {
    pmt_hearing_take(&c->hearing, bytes, e->clock.now);
  }
}

/** Where the player's notes sound: as the part that they have. */
static uint8_t channel_for(const PmtEngine* const e, const uint8_t came) {
  if (mode_of(e) == PMT_MODE_GENERATE || came == PMT_DRUM_CHANNEL || !e->player) {
    return came;
  }
  return pmt_engine_channel(e, (uint8_t)part_of_player(e));
}

static void pass(PmtEngine* const e, const uint8_t* const bytes, const uint32_t size, const PmtMidiOut* const out,
                 const uint32_t frame, const bool on) {
  const uint8_t channel = channel_for(e, bytes[0] & 0x0f);
  if (e->controls.thru <= 0.0f) {
    return;
  }
  if (on) { /* ours gives way to theirs */
    pmt_held_end(&e->held, out, frame, channel, bytes[1]);
    if (pmt_held_has(&e->held, channel, bytes[1])) {
      ++e->held.refused;
      return;
    }
  }
  pmt_thru_pass(&e->company.thru, bytes, size, channel, out, frame);
  if (on) {
    pmt_hearing_sent(&e->company.hearing, channel, bytes[1], e->clock.now);
  }
}

void pmt_engine_midi(PmtEngine* const e, const uint8_t* const bytes, const uint32_t size, const PmtMidiOut* const out,
                     const uint32_t frame) {
  const PmtMidiOut through = pmt_tape_through(e, out);
  if (!is_channel_message(bytes, size)) {
    return;
  }
  const bool on = (bytes[0] & 0xf0) == NOTE_ON && bytes[2];
  const bool controls = (bytes[0] & 0xf0) == CONTROL;
  if (on && pmt_hearing_echoes(&e->company.hearing, bytes, e->clock.now, e->clock.rate)) {
    return;
  }
  if (controls && (bytes[1] == CC_ALL_SOUND_OFF || bytes[1] == CC_ALL_NOTES_OFF)) {
    pmt_engine_end_channel(e, bytes[0] & 0x0f, out, frame);
    pmt_thru_end_channel(&e->company.thru, bytes[0] & 0x0f, &through, frame);
  }
  if (on && e->own.waiting && e->controls.run == (float)PMT_RUN_PLAYED) {
    pmt_engine_roll_own(e, &through, frame);
  }
  hear(e, bytes, on);
  if (!controls || bytes[1] < CC_MODES) {
    pass(e, bytes, size, &through, frame, on);
  }
}

void pmt_listen_settle(PmtEngine* const e, const PmtMidiOut* const out, const uint32_t frame) {
  const bool passes = e->controls.thru > 0.0f;
  pmt_thru_retry(&e->company.thru, out, frame);
  if (e->company.passes && !passes) {
    pmt_thru_end(&e->company.thru, out, frame);
  }
  e->company.passes = passes;
  if (e->controls.enabled <= 0.0f) { /* nobody listens */
    pmt_hearing_cut(&e->company.hearing, e->clock.now + 1);
  }
}

void pmt_engine_learn(PmtEngine* const e, const uint32_t bars) {
  PmtCompany* const c = &e->company;
  const uint32_t most = bars < 1 ? 1 : bars > PMT_LEARN_BARS_MAX ? PMT_LEARN_BARS_MAX : bars;
  follow(e);
  const uint64_t first = pmt_dictation_last_bars(&c->dictation, most);
  if (first < c->dictation.n_slots) {
    c->learns = true;
    c->learnt = first;
  }
}

/* ---- What the player leaves to us -------------------------------------------------------------------------------- */

PmtControls pmt_listen_controls(const PmtEngine* const e) {
  const PmtEar* const ear = &e->company.hearing.ear;
  PmtControls c = e->controls;
  if (e->slot.role == PMT_ROLE_ALONG && !harmonises(e)) {
    const uint32_t begun = (uint32_t)ear->onsets[0] + ear->onsets[1];
    const float busy = begun < BUSY_NOTES ? (float)begun / (float)BUSY_NOTES : 1.0f;
    c.density -= give_way_range * c.give_way * busy;
    c.density = c.density < -1.0f ? -1.0f : c.density;
  }
  return c;
}

static void forbid(PmtLimits* const limits, const uint32_t part, const int lo, const int hi) {
  for (int n = lo < 0 ? 0 : lo; n <= hi && n < 128; ++n) {
    pmt_limits_set(limits, pmt_token_note(part, (uint32_t)n), false);
  }
}

static void forbid_all(const PmtEngine* const e, PmtLimits* const limits, const int lo, const int hi) {
  for (uint32_t p = 0; p < e->player->model->parts; ++p) {
    forbid(limits, p, lo, hi);
  }
}

static void limit_along(const PmtEngine* const e, PmtLimits* const limits) {
  const PmtHearing* const hearing = &e->company.hearing;
  const uint32_t taken = pmt_listen_taken(e);
  uint8_t lo, hi;
  for (uint32_t p = 0; p < e->player->model->parts; ++p) {
    if (taken >> p & 1) {
      forbid(limits, p, 0, 127);
    }
  }
  if (harmonises(e)) {
    if (hearing->ear.n_down) {
      forbid_all(e, limits, hearing->ear.top + 1, 127); /* the tune stays on top */
    }
  } else if (e->controls.room != (float)PMT_MANNER_FREE && pmt_hearing_reach(hearing, &lo, &hi)) {
    if (e->controls.room == (float)PMT_MANNER_OUT) {
      forbid_all(e, limits, lo, hi);
    } else {
      forbid_all(e, limits, 0, lo - OCTAVE - 1);
      forbid_all(e, limits, hi + OCTAVE + 1, 127);
    }
  }
}

static void limit_answer(const PmtEngine* const e, PmtLimits* const limits) {
  const PmtCompany* const c = &e->company;
  const uint32_t part = part_of_player(e);
  uint8_t lo, hi;
  if (pmt_dictation_reach(&c->dictation, c->phrase, c->turn_end, &lo, &hi)) {
    forbid(limits, part, 0, lo - ANSWER_BELOW - 1);
    forbid(limits, part, hi + ANSWER_ABOVE + 1, 127);
  }
}

bool pmt_listen_replies(const PmtEngine* const e) {
  return e->slot.role == PMT_ROLE_ANSWER && e->company.turn_slots == 1;
}

bool pmt_listen_leads(const PmtEngine* const e) { return e->slot.role == PMT_ROLE_ALONG && harmonises(e); }

bool pmt_listen_wants_chord(const PmtEngine* const e) {
  return pmt_listen_leads(e) && e->company.hearing.ear.n_down;
}

void pmt_listen_limit(const PmtEngine* const e, PmtFrozen* const frozen) {
  const float loudness = e->company.hearing.loudness;
  if (e->slot.role == PMT_ROLE_ALONG) {
    limit_along(e, &frozen->limits);
  } else if (e->slot.role == PMT_ROLE_ANSWER) {
    limit_answer(e, &frozen->limits);
  } else {
    return;
  }
  if (loudness > 0.0f) {
    frozen->velocity *= 1.0f + e->controls.follow * (loudness / plain_loudness - 1.0f);
  }
}

/* ---- Turns ------------------------------------------------------------------------------------------------------- */

static uint32_t slots_of_bar(const PmtPlace* const place) {
  return (place->bar_ticks + PMT_SLOT_TICKS - 1) / PMT_SLOT_TICKS;
}

static bool is_silent_for(const PmtEngine* const e, const uint32_t slots) {
  return pmt_hearing_silence(&e->company.hearing) >= slots;
}

/** Turns of so many bars, theirs first, counted from bar 0 of the song: a place always belongs to the same. */
static bool is_ours_by_bars(const PmtEngine* const e, const PmtPlace* const place) {
  const int64_t turn = (int64_t)e->controls.turn;
  const int64_t n = place->bar >= 0 ? place->bar / turn : (place->bar - turn + 1) / turn;
  return n & 1;
}

int64_t pmt_listen_leaves(const PmtEngine* const e) {
  const PmtPlace* const place = &e->slot.place;
  const int64_t turn = (int64_t)e->controls.turn;
  if (e->slot.role != PMT_ROLE_ANSWER || !turn) {
    return INT64_MAX;
  }
  const int64_t in_turn = (place->bar % turn + turn) % turn;
  return place->start - (int64_t)place->index * PMT_SLOT_TICKS + (turn - in_turn) * (int64_t)place->bar_ticks;
}

/** Ours when they have paused, until it was as long as theirs or they play again. */
static bool is_ours_by_silence(PmtEngine* const e, const PmtPlace* const place) {
  PmtCompany* const c = &e->company;
  const uint64_t now = number_of(e, place);
  if (c->ours) {
    return c->turn_slots < c->phrase_slots && is_silent_for(e, 1);
  }
  if (!pmt_dictation_any(&c->dictation, c->phrase, now) || !is_silent_for(e, SILENT_SLOTS)) {
    return false;
  }
  const uint32_t bar = slots_of_bar(place);
  const uint64_t began = pmt_dictation_first(&c->dictation, c->phrase);
  const uint32_t slots = (uint32_t)(now - began < SILENT_SLOTS + 1 ? 1 : now - began - SILENT_SLOTS);
  c->phrase_slots = (slots + bar - 1) / bar * bar;
  return true;
}

static PmtRole take_turn(PmtEngine* const e, const PmtPlace* const place) {
  PmtCompany* const c = &e->company;
  if (c->elsewhere || c->rested) { /* what they played until now was heard then; but the note that woke us was not */
    const uint64_t next = number_of(e, place), woke = pmt_dictation_first(&c->dictation, c->turn_end);
    c->ours = false;
    c->turn_slots = 0;
    c->fed = c->phrase = c->rested && woke < next ? woke : next;
    c->rested = false;
  }
  const bool ours = e->controls.turn > 0.0f ? is_ours_by_bars(e, place) : is_ours_by_silence(e, place);
  if (ours != c->ours) {
    c->ours = ours;
    c->turn_slots = 0;
    if (ours) {
      c->turn_end = number_of(e, place);
    } else {
      /* What they played in our turn was not their phrase; unless by playing they took it. */
      const uint64_t next = number_of(e, place), took = pmt_dictation_first(&c->dictation, c->turn_end);
      c->fed = c->phrase = e->controls.turn <= 0.0f && took < next ? took : next;
    }
  }
  c->turn_slots += ours;
  return !ours ? PMT_ROLE_LISTEN : c->dictation.n_notes ? PMT_ROLE_ANSWER : PMT_ROLE_REST;
}

/** They have gone. There is nothing to harmonise then, whatever the port says. */
static bool rests(const PmtEngine* const e, const PmtPlace* const place) {
  const uint32_t bars = e->controls.rest > 0.0f ? (uint32_t)e->controls.rest : harmonises(e);
  return bars && is_silent_for(e, bars * slots_of_bar(place));
}

/** The same where turns are taken: their silence in our turn does not count. */
static bool rests_between_turns(PmtEngine* const e, const PmtPlace* const place) {
  PmtCompany* const c = &e->company;
  const uint32_t bar = slots_of_bar(place), bars = (uint32_t)e->controls.rest;
  const uint32_t ours = e->controls.turn > 0.0f ? (uint32_t)e->controls.turn * bar : c->phrase_slots;
  if (!bars || !is_silent_for(e, bars * bar + ours)) {
    return false;
  }
  c->rested = true;
  c->turn_end = number_of(e, place);
  return true;
}

static PmtRole role_of(PmtEngine* const e, const PmtPlace* const place) {
  PmtCompany* const c = &e->company;
  c->count_in -= c->count_in && c->counted && place->index == 0;
  c->counted = true;
  if (c->count_in) {
    return PMT_ROLE_REST;
  }
  switch (mode_of(e)) {
  case PMT_MODE_ANSWER: return rests_between_turns(e, place) ? PMT_ROLE_REST : take_turn(e, place);
  case PMT_MODE_ACCOMPANY:
  case PMT_MODE_HARMONISE: return rests(e, place) ? PMT_ROLE_REST : PMT_ROLE_ALONG;
  default: return PMT_ROLE_ALONE;
  }
}

/* ---- Waiting and opening ----------------------------------------------------------------------------------------- */

bool pmt_listen_waits(const PmtEngine* const e) {
  const bool counts = e->clock.rolling ? e->company.count_in > 0 : e->controls.count_in >= 1.0f;
  return mode_of(e) != PMT_MODE_GENERATE || counts;
}

void pmt_listen_aim(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  const double half = 0.5 * (double)slot->place.length;
  const double wait = (double)e->controls.wait * 1e-3 * e->clock.rate * e->clock.ticks_per_frame;
  if (slot->phase == PMT_SLOT_WAITING) {
    slot->opens = (double)slot->place.start + (pmt_listen_hears_with(e) ? (wait < half ? wait : half) : -before_ticks);
    slot->deadline = (double)(slot->place.start + slot->place.length);
  }
}

void pmt_listen_wait(PmtEngine* const e, const PmtPlace* const place, const bool fresh) {
  pmt_slot_clear(e, place, PMT_SLOT_WAITING);
  e->slot.fresh = fresh;
  e->slot.pass = fresh ? 0 : e->pass;
  pmt_listen_aim(e);
}

int64_t pmt_listen_start(const PmtEngine* const e) {
  return e->clock.rolling ? pmt_clock_frame(&e->clock, (double)e->slot.place.start) : e->clock.now;
}

void pmt_listen_pass_over(PmtEngine* const e) {
  pmt_hearing_slot(&e->company.hearing, PMT_EAR_OFF, 0, pmt_listen_start(e), e->clock.now, e->clock.rate, NULL);
}

/** A slot with nothing in it. */
static void rest(PmtEngine* const e, const PmtPlace* const place) {
  pmt_slot_clear(e, place, PMT_SLOT_READY);
  e->slot.role = PMT_ROLE_REST;
  pmt_listen_pass_over(e);
}

void pmt_listen_open(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  const PmtPlace place = slot->place;
  const bool fresh = !e->has_played;
  const double now = pmt_clock_tick(&e->clock);
  const double start = (double)place.start, soon = now + PMT_ENTRY_TICKS;
  follow(e);
  const PmtRole role = role_of(e, &place);
  if (role == PMT_ROLE_REST) {
    rest(e, &place);
    return;
  }
  pmt_slot_begin(e, &place, fresh, role);
  if (role == PMT_ROLE_LISTEN) {
    slot->deadline = start + 0.5 * (double)place.length;
  } else if (role == PMT_ROLE_ALONG && pmt_listen_hears_with(e)) {
    slot->deadline = now + PMT_LOOK_TICKS;
    slot->last = start + (double)place.length - PMT_LOOK_TICKS;
    slot->last = slot->opens + patience_ticks < slot->last ? slot->opens + patience_ticks : slot->last;
    slot->eager = true;
  } else {
    slot->deadline = start > soon ? start : soon;
  }
  if (slot->eager) {
    pmt_slot_rush(e);
  } else {
    pmt_slot_pace(e, pmt_clock_frame(&e->clock, slot->deadline), PMT_BURST);
  }
}

/* ---- Feeding ----------------------------------------------------------------------------------------------------- */

static bool is_readable(const PmtEngine* const e, const uint64_t slot) {
  return e->slot.role != PMT_ROLE_LISTEN ||
         pmt_dictation_settled(&e->company.dictation, slot, e->slot.feed.now);
}

/** The next of the player's slots as tokens, and its condition. */
static bool load(PmtEngine* const e) {
  const PmtCompany* const c = &e->company;
  const PmtModel* const model = e->player->model;
  PmtFeed* const feed = &e->slot.feed;
  const uint32_t part = part_of_player(e);
  const PmtPlace* const place = pmt_dictation_place(&c->dictation, feed->slot);
  if (feed->slot >= feed->end || !place || !is_readable(e, feed->slot)) {
    return false;
  }
  const PmtReading reading = {.part = part,
                              .pitch_lo = model->pitch_lo[part],
                              .pitch_hi = model->pitch_hi[part],
                              .pitched = model->parts_used[e->slot.lead] > 0,
                              .drums = model->drums && model->style_drums[e->slot.lead],
                              .velocities = model->velocity,
                              .now = feed->now};
  PmtCondition condition = e->slot.frozen.condition;
  condition.meter = (uint8_t)pmt_meter_class(place->bar_ticks);
  condition.phrase = 0;
  pmt_reader_condition(e->player->reader, &condition);
  feed->n = pmt_dictation_read(&c->dictation, feed->slot, &reading, &feed->velocity, feed->token);
  feed->at = 0;
  return feed->n > 0;
}

bool pmt_listen_feed(PmtEngine* const e) {
  PmtCompany* const c = &e->company;
  PmtFeed* const feed = &e->slot.feed;
  const uint64_t kept = c->dictation.n_slots > PMT_DICTATION_SLOTS ? c->dictation.n_slots - PMT_DICTATION_SLOTS : 0;
  const PmtRole role = e->slot.role;
  const bool turn = role == PMT_ROLE_LISTEN || role == PMT_ROLE_ANSWER;
  if (c->learns) {
    c->fed = c->learnt;
  } else if (!turn && !c->learning) {
    return false;
  }
  c->fed = c->fed < kept ? kept : c->fed;
  feed->slot = c->fed;
  feed->end = number_of(e, &e->slot.place);
  if (role == PMT_ROLE_LISTEN) {
    feed->end = c->dictation.n_slots ? c->dictation.n_slots - 1 : 0; /* the last is still being written */
  } else if (role == PMT_ROLE_ANSWER && !c->learns && !c->learning) {
    feed->end = c->turn_end;
  }
  feed->now = pmt_clock_tick(&e->clock);
  feed->velocity = e->slot.grammar.velocity;
  feed->on = load(e);
  c->learning = c->learning && feed->on;
  return feed->on;
}

/** Their notes are music heard, as far as the key goes. */
static void add_tonality(PmtEngine* const e) {
  const PmtFeed* const feed = &e->slot.feed;
  for (uint32_t i = 0; i < feed->n; ++i) {
    if (pmt_token_class(feed->token[i]) == PMT_CLASS_NOTE) {
      const PmtToken duration = i + 1 < feed->n ? feed->token[i + 1] : PMT_TOKEN_DUR;
      pmt_tonality_add(&e->tonality, pmt_note_pitch(feed->token[i]), pmt_duration_ticks[duration - PMT_TOKEN_DUR]);
    }
  }
}

bool pmt_listen_feed_next(PmtEngine* const e) {
  PmtCompany* const c = &e->company;
  PmtFeed* const feed = &e->slot.feed;
  if (++feed->at < feed->n) {
    pmt_reader_begin(e->player->reader, feed->token[feed->at]);
    return true;
  }
  add_tonality(e);
  pmt_slot_keep(e, feed->velocity);
  c->learning = c->learning || c->learns; /* until all of it was read, in however many slots */
  c->learns = false;
  c->fed = ++feed->slot;
  feed->on = load(e);
  if (feed->on) {
    pmt_reader_begin(e->player->reader, feed->token[0]);
  } else {
    c->learning = false;
  }
  return feed->on;
}
