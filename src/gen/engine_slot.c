/* SPDX-License-Identifier: ISC */
/* One slot: frozen, made token by token within its pace, committed. Above: engine.c, engine_listen.c. Below: gen/reader,
   music/grammar, gen/sampler, gen/schedule; engine_listen.c where a player's notes are read first. */
#include "gen/engine_private.h"

#include "base/random.h"
#include "music/meter.h"
#include "music/ornament.h"

#include <string.h>

enum {
  DRUM_TICKS = 6,
  THEIRS = 4, /* what the player plays counts so often towards the key: they know it, we may have strayed */
};

static const float quiet_density = -0.95f; /* from here down silence is wanted */

/* ---- Begin ------------------------------------------------------------------------------------------------------- */

/** Where a slot's music comes from. */
typedef enum {
  FROM_PLAYED, /* goes on after the last slot played */
  FROM_TURN,   /* another style took the lead: a new piece, in the key of the old one */
  FROM_PLAYER, /* what they played is all there is */
  FROM_START,  /* a fresh performance: the start melody, if there is one, and nothing remembered */
} Origin;

static Origin origin_of(const PmtEngine* const e, const bool fresh) {
  return e->company.learns ? FROM_PLAYER : fresh ? FROM_START : e->slot.lead != e->played_lead ? FROM_TURN : FROM_PLAYED;
}

/** The state the slot is made from, and the velocity in force there. @return whether BOS is to be fed first */
static bool restore_state(PmtEngine* const e, const Origin origin) {
  PmtPlayer* const player = e->player;
  PmtGrammar* const grammar = &e->slot.grammar;
  pmt_grammar_reset(grammar);
  if (origin == FROM_PLAYED && pmt_reader_restore(player->reader, player->played)) {
    grammar->velocity = player->played_velocity;
    return false;
  }
  if (origin == FROM_PLAYER) {
    pmt_tonality_reset(&e->tonality);
  }
  if (origin == FROM_START) {
    pmt_repeats_reset(&e->repeats);
    pmt_tonality_reset(&e->tonality);
    if (player->primed && pmt_reader_restore(player->reader, player->start)) {
      grammar->velocity = player->start_velocity;
      return false;
    }
  }
  pmt_reader_reset(player->reader);
  return true;
}

static bool has_pitched(const PmtLimits* const limits) {
  uint64_t any = 0;
  for (uint32_t w = PMT_TOKEN_NOTE / 64; w < PMT_MASK_WORDS; ++w) {
    any |= limits->notes[w];
  }
  return any;
}

void pmt_slot_clear(PmtEngine* const e, const PmtPlace* const place, const PmtSlotPhase phase) {
  PmtSlotWork* const slot = &e->slot;
  slot->phase = phase;
  slot->role = PMT_ROLE_ALONE;
  slot->eager = slot->bos = slot->feed.on = false;
  e->company.told.open = false;
  e->company.told.at = e->company.told.n; /* what a slot that was late had not told yet is no longer news */
  slot->place = *place;
  slot->deadline = (double)place->start;
  slot->recalled = slot->awaits_jump = slot->open = slot->must_play = false;
  slot->ornament = PMT_PLAIN;
  slot->n_notes = slot->n_tokens = 0;
  slot->surprise = 0.0f;
  slot->done = 0;
}

void pmt_slot_recall(PmtEngine* const e, const PmtPlace* const place, const uint64_t number) {
  pmt_slot_clear(e, place, PMT_SLOT_READY);
  e->slot.recalled = true;
  e->slot.phrase = number;
}

/** What the player does is told, and heard as music as far as the key goes. */
static void listen(PmtEngine* const e) {
  PmtHearing* const hearing = &e->company.hearing;
  const PmtPlace* const place = &e->slot.place;
  const bool along = e->slot.role == PMT_ROLE_ALONG, with = along && pmt_listen_hears_with(e);
  const PmtEarMode mode = with ? PMT_EAR_WITH : along ? PMT_EAR_BEFORE : PMT_EAR_OFF;
  /* What is told as notes is not told once more as somebody else's. */
  const bool tells = pmt_listen_tells(e);
  pmt_hearing_slot(hearing, mode, along ? pmt_listen_taken(e) : 0, pmt_listen_start(e), e->clock.now, e->clock.rate,
                   tells ? NULL : e->player->reader);
  if (tells) {
    pmt_reader_listen_to(e->player->reader, NULL);
    pmt_listen_tell(e);
  }
  for (uint32_t k = 0; along && k < 128; ++k) {
    if (hearing->ear.down[k / 64] >> k % 64 & 1) {
      pmt_tonality_add(&e->tonality, k, THEIRS * place->length);
    }
  }
}

/** Where the player's voice goes. */
static void lead(PmtEngine* const e) {
  const PmtEar* const ear = &e->company.hearing.ear;
  pmt_leading_begin_slot(&e->company.leading, ear->now ? ear->before : ear->top, ear->top);
}

/** Whether the slot may not end before it has a note. */
static bool must_play(const PmtEngine* const e, const Origin origin, const uint32_t sounding) {
  const bool starved = pmt_repeats_starved(&e->repeats) ||
                       (pmt_repeats_tuneless(&e->repeats) && has_pitched(&e->slot.frozen.limits));
  /* Music on paper often begins with a rest and a pickup; who presses play wants to hear something. */
  const bool begins = origin == FROM_START || origin == FROM_TURN || pmt_listen_replies(e);
  return (begins || starved || (pmt_listen_wants_chord(e) && !sounding)) && e->controls.density > quiet_density;
}

static void begin_grammar(PmtEngine* const e, const PmtPlace* const place, const uint32_t sounding) {
  PmtSlotWork* const slot = &e->slot;
  const uint32_t k_next = pmt_clock_place_after(&e->clock, place).index % PMT_SLOTS_MAX;
  pmt_grammar_begin_slot(&slot->grammar, place->index % PMT_SLOTS_MAX, place->length, k_next, sounding,
                         PMT_SLOT_TOKENS_MAX);
  slot->frozen.sampling.end = pmt_token_slot(k_next);
}

/** The first token, of what comes first: BOS, the player's, or our own. */
static void begin_reading(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  PmtReader* const reader = e->player->reader;
  if (slot->bos) {
    pmt_reader_begin(reader, PMT_BOS);
  } else if (slot->feed.on) {
    pmt_reader_begin(reader, slot->feed.token[0]);
  } else if (slot->role == PMT_ROLE_LISTEN) {
    slot->phase = PMT_SLOT_READY;
  } else {
    pmt_reader_condition(reader, &slot->frozen.condition);
    pmt_reader_begin(reader, pmt_token_slot(slot->grammar.k));
  }
}

void pmt_slot_begin(PmtEngine* const e, const PmtPlace* const place, const bool fresh, const PmtRole role) {
  PmtPlayer* const player = e->player;
  PmtSlotWork* const slot = &e->slot;
  pmt_slot_clear(e, place, PMT_SLOT_MAKING);
  slot->role = role;
  e->company.elsewhere = role != PMT_ROLE_LISTEN && role != PMT_ROLE_ANSWER;
  slot->fresh = fresh;
  slot->pass = fresh ? 0 : e->pass;
  slot->lead = pmt_freeze_lead(player->model, &e->controls);
  const Origin origin = origin_of(e, fresh);
  slot->bos = restore_state(e, origin);
  listen(e);
  lead(e);
  const PmtControls controls = pmt_listen_controls(e);
  pmt_freeze(player->model, &controls, place, pmt_tonality_key(&e->tonality), &e->repeats, &slot->frozen);
  pmt_listen_limit(e, &slot->frozen);
  if (slot->pass) {
    slot->frozen.sampling.place = pmt_random_mix(slot->frozen.sampling.place + slot->pass);
  }
  const uint32_t sounding = pmt_held_beyond(&e->held, place->start) + pmt_schedule_beyond(&e->schedule, place->start);
  slot->must_play = must_play(e, origin, sounding);
  begin_grammar(e, place, sounding);
  pmt_reader_condition(player->reader, &slot->frozen.condition);
  pmt_listen_feed(e);
  begin_reading(e);
}

/* ---- Make -------------------------------------------------------------------------------------------------------- */

void pmt_slot_pace(PmtEngine* const e, const int64_t frame_end, const uint32_t burst) {
  PmtSlotWork* const slot = &e->slot;
  const uint64_t total = pmt_net_step_cost(e->player->model->net) * (PMT_SLOT_STEPS_MAX + 1u);
  slot->pace = (PmtPace){
    .f0 = e->clock.now,
    .f1 = frame_end > e->clock.now ? frame_end : e->clock.now,
    .base = slot->done,
    .total = total > slot->done ? total : slot->done,
    .per_frame = e->work_per_frame * burst,
  };
  if (slot->feed.on) {
    pmt_slot_rush(e);
  }
}

void pmt_slot_rush(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  slot->pace = (PmtPace){.f0 = e->clock.now,
                         .f1 = e->clock.now,
                         .base = slot->done,
                         .total = UINT64_MAX,
                         .per_frame = e->work_per_frame * PMT_BURST};
}

/** a * b / c rounded up, b <= c, without leaving 64 bits: the quotient first. */
static uint64_t share(const uint64_t a, const uint64_t b, const uint64_t c) {
  return a / c * b + (a % c * b + c - 1) / c;
}

/** 28 of the worst case's 51 steps in the first four fifths of the time, the rest in the last. Few slots in a hundred
    need the rest, so nearly every period costs 0.69 of what an even spread would, and those few 2.25 times that. */
static uint64_t planned_share(const uint64_t left, const uint64_t passed, const uint64_t span) {
  const uint64_t most = left / 20 * 11, knee = span - span / 5;
  if (passed >= span) {
    return left;
  }
  return passed < knee ? share(most, passed, knee) : most + share(left - most, passed - knee, span - knee);
}

static uint64_t work_due(const PmtPace* const pace, const int64_t frame) {
  const uint64_t passed = frame > pace->f0 ? (uint64_t)(frame - pace->f0) : 0;
  const uint64_t span = (uint64_t)(pace->f1 - pace->f0);
  const uint64_t planned = planned_share(pace->total - pace->base, passed, span);
  const uint64_t most = passed < UINT64_MAX / pace->per_frame ? pace->per_frame * passed : UINT64_MAX;
  return pace->base + (planned < most ? planned : most);
}

static void take_note(PmtEngine* const e, const PmtToken token) {
  PmtSlotWork* const slot = &e->slot;
  PmtNote* const note = &slot->notes[slot->n_notes++];
  const bool drum = token < PMT_TOKEN_NOTE;
  *note = (PmtNote){
    .onset = slot->grammar.pos,
    .part = (uint8_t)(drum ? (uint32_t)PMT_PART_DRUMS : pmt_note_part(token)),
    .pitch = (uint8_t)(drum ? (uint32_t)(token - PMT_TOKEN_DRUM + PMT_DRUM_LO) : pmt_note_pitch(token)),
    .velocity = slot->grammar.velocity,
    .ornament = slot->ornament,
  };
  if (!drum) {
    slot->frozen.sampling.asked[note->part] = 0.0f; /* here it is */
    pmt_leading_take(&e->company.leading, slot->grammar.pos, note->part, note->pitch);
  }
  slot->open = !drum;
  slot->ornament = PMT_PLAIN;
  slot->must_play = false;
}

static void take_token(PmtEngine* const e, const PmtToken token) {
  PmtSlotWork* const slot = &e->slot;
  switch (pmt_token_class(token)) {
  case PMT_CLASS_NOTE:
  case PMT_CLASS_DRUM: take_note(e, token); break;
  case PMT_CLASS_DUR:
    slot->notes[slot->n_notes - 1].duration =
      (uint16_t)(slot->notes[slot->n_notes - 1].duration + pmt_duration_ticks[token - PMT_TOKEN_DUR]);
    slot->open = false;
    break;
  case PMT_CLASS_ORNAMENT: slot->ornament = (uint8_t)(PMT_TRILL + (token - PMT_TOKEN_TRILL)); break;
  case PMT_CLASS_SLOT: slot->phase = PMT_SLOT_READY; break;
  default: break; /* POS and VEL: the grammar keeps them */
  }
}

/** The slot may not end yet; nor do drums count as the note to come where pitched notes are to be had: a band that begins
    with its drummer alone stayed that way for sixteen bars. */
static void forbid_end(const PmtToken end, uint64_t mask[PMT_MASK_WORDS]) {
  uint64_t pitched = 0, others = 0;
  for (uint32_t i = 0; i < PMT_MASK_WORDS; ++i) {
    pitched |= i >= PMT_TOKEN_NOTE / 64 ? mask[i] : 0;
    others |= i == end / 64u ? mask[i] & ~(1ull << end % 64) : mask[i];
  }
  for (uint32_t drum = 0; pitched && drum < PMT_DRUMS; ++drum) {
    mask[(PMT_TOKEN_DRUM + drum) / 64] &= ~(1ull << (PMT_TOKEN_DRUM + drum) % 64);
  }
  if (others) {
    mask[end / 64] &= ~(1ull << end % 64);
  }
}

/** The next of the player's notes, which the limits forbid to us. @return false when none is left */
static bool tell(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  PmtTold* const told = &e->company.told;
  PmtLimits limits = slot->frozen.limits;
  while (told->at < told->n) {
    const PmtToken note = told->of[told->at].note;
    pmt_limits_set(&limits, note, true);
    ++told->at;
    if (pmt_grammar_accept(&slot->grammar, &limits, e->player->model->parts, note)) {
      slot->token[slot->n_tokens++] = note;
      told->open = true;
      pmt_reader_begin(e->player->reader, note);
      return true;
    }
  }
  return false;
}

/** Takes what was chosen, unless it is the length of a note of theirs. */
static void take_pick(PmtEngine* const e, const PmtPick* const pick) {
  PmtSlotWork* const slot = &e->slot;
  PmtTold* const told = &e->company.told;
  slot->token[slot->n_tokens++] = pick->token;
  told->open = told->open && pmt_token_class(pick->token) == PMT_CLASS_DUR;
  if (told->open) {
    told->of[told->at - 1].ends += pmt_duration_ticks[pick->token - PMT_TOKEN_DUR];
    return;
  }
  slot->surprise += pick->surprise;
  take_token(e, pick->token);
}

/** A step is complete: choose the next token and begin its step. */
static void choose_token(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  PmtPlayer* const player = e->player;
  if (slot->bos || slot->feed.on) {
    const bool bos = slot->bos;
    slot->bos = false;
    if (bos || !pmt_listen_feed_next(e)) {
      begin_reading(e);
    }
    return;
  }
  if (slot->grammar.state != PMT_AFTER_NOTE && tell(e)) {
    return;
  }
  uint64_t mask[PMT_MASK_WORDS];
  pmt_grammar_mask(&slot->grammar, &slot->frozen.limits, player->model->parts, mask);
  if (slot->must_play) {
    forbid_end(slot->frozen.sampling.end, mask);
  }
  if (pmt_listen_leads(e)) {
    pmt_leading_forbid(&e->company.leading, slot->grammar.pos, player->model->parts, mask);
  }
  const PmtPick pick = pmt_sampler_pick(&slot->frozen.sampling, mask, player->model->vocab,
                                        pmt_reader_logits(player->reader), slot->n_tokens);
  pmt_grammar_accept(&slot->grammar, &slot->frozen.limits, player->model->parts, pick.token);
  take_pick(e, &pick);
  if (slot->phase == PMT_SLOT_MAKING) {
    pmt_reader_begin(player->reader, pick.token);
  }
}

void pmt_slot_keep(PmtEngine* const e, const uint8_t velocity) {
  PmtPlayer* const player = e->player;
  pmt_reader_save(player->reader, player->played);
  player->played_velocity = e->slot.grammar.velocity = velocity;
  player->resumes = false;
  e->has_played = true;
  e->played_lead = e->slot.lead;
}

void pmt_slot_work(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  if (slot->phase != PMT_SLOT_MAKING) {
    return;
  }
  const uint64_t due = work_due(&slot->pace, e->clock.now);
  while (slot->phase == PMT_SLOT_MAKING && slot->done < due) {
    if (!pmt_reader_run(e->player->reader, due - slot->done, &slot->done)) {
      return;
    }
    choose_token(e);
  }
}

/* ---- Commit ------------------------------------------------------------------------------------------------------ */

static uint8_t velocity_of(const PmtSlotWork* const slot, const PmtNote* const note) {
  const float velocity = (float)pmt_velocity_midi[note->velocity] * slot->frozen.velocity + 0.5f;
  return velocity < 1.0f ? 1 : velocity > 127.0f ? 127 : (uint8_t)velocity;
}

/** Off to the schedule, and to the phrase, from which it can be had again. */
static void schedule(PmtEngine* const e, const PmtPhraseNote note) {
  const int64_t start = e->slot.place.start;
  const PmtPending pending = {
      .on = start + note.on, .off = start + note.off, .part = note.part, .pitch = note.pitch, .velocity = note.velocity};
  e->held.refused += !pmt_schedule_add(&e->schedule, pending);
}

static void schedule_new(PmtEngine* const e, const PmtNote* const note, const int32_t on, const int32_t off,
                         const uint8_t pitch) {
  const int64_t left = pmt_listen_leaves(e) - e->slot.place.start;
  const PmtPhraseNote final = {
      .on = on, .off = left < off && left > on ? (int32_t)left : off, .part = note->part, .pitch = pitch, .velocity = velocity_of(&e->slot, note)};
  pmt_phrase_add(&e->phrase, final);
  schedule(e, final);
}

/** A grace note at the head of a slot has no time before it: the pair moves in, and the main note pays. */
static void schedule_ornamented(PmtEngine* const e, const PmtNote* const note) {
  PmtOrnamentNote expanded[PMT_ORNAMENT_NOTES_MAX];
  const uint32_t n = pmt_ornament_expand(note, e->slot.frozen.scale, expanded);
  const int32_t onset = (int32_t)note->onset;
  const int32_t shift = n && onset + expanded[0].onset < 0 ? -(onset + expanded[0].onset) : 0;
  for (uint32_t i = 0; i < n; ++i) {
    const int32_t on = onset + expanded[i].onset + shift;
    const int32_t end = onset + expanded[i].onset + (int32_t)expanded[i].duration + (i + 1 < n ? shift : 0);
    schedule_new(e, note, on, end > on ? end : on + 1, expanded[i].pitch);
  }
}

static void schedule_made(PmtEngine* const e) {
  const PmtSlotWork* const slot = &e->slot;
  for (uint32_t i = 0; i < slot->n_notes; ++i) {
    const PmtNote* const note = &slot->notes[i];
    const int32_t on = (int32_t)note->onset;
    pmt_repeats_add(&e->repeats, slot->place.index * PMT_SLOT_TICKS + note->onset, note->part, note->pitch);
    if (note->part == PMT_PART_DRUMS) {
      schedule_new(e, note, on, on + DRUM_TICKS, note->pitch);
      continue;
    }
    pmt_tonality_add(&e->tonality, note->pitch, note->duration);
    if (note->ornament == PMT_PLAIN) {
      schedule_new(e, note, on, on + note->duration, note->pitch);
    } else {
      schedule_ornamented(e, note);
    }
  }
}

static void schedule_recalled(PmtEngine* const e) {
  const PmtSlotWork* const slot = &e->slot;
  const PmtPhraseSlot* const phrase = pmt_phrase_slot(&e->phrase, slot->phrase);
  for (uint32_t i = 0; phrase && i < phrase->n; ++i) {
    const PmtPhraseNote* const note = pmt_phrase_note(&e->phrase, phrase, i);
    if (note->on < (int32_t)slot->place.length) { /* the bar may have become shorter */
      schedule(e, *note);
    }
  }
}

/** The state before this slot, for when the transport comes back here. */
static void memorise(PmtEngine* const e) {
  PmtPlayer* const player = e->player;
  const PmtSlotWork* const slot = &e->slot;
  const PmtMemo memo = {.place = slot->place,
                        .fresh = slot->fresh,
                        .state = player->played,
                        .velocity = player->played_velocity,
                        .lead = e->played_lead,
                        .pass = slot->pass,
                        .repeats = e->repeats,
                        .tonality = e->tonality,
                        .heard = e->controls,
                        .phrase = pmt_phrase_begin(&e->phrase, &slot->place)};
  pmt_memory_put(&player->memory, &memo, pmt_reader_snapshot_floats(player->model));
}

static void commit_made(PmtEngine* const e) {
  PmtSlotWork* const slot = &e->slot;
  if (slot->phase == PMT_SLOT_MAKING) { /* late: an unfinished note is dropped; a step in flight leaves no trace */
    slot->n_notes -= slot->open;
    ++e->stats.late_slots;
  }
  memorise(e);
  schedule_made(e);
  e->stats.tokens += slot->n_tokens;
  e->stats.surprise = slot->n_tokens ? slot->surprise / (float)slot->n_tokens : 0.0f;
  pmt_slot_keep(e, slot->grammar.velocity);
}

void pmt_slot_commit(PmtEngine* const e) {
  static const PmtDoing doing[] = {[PMT_ROLE_LISTEN] = PMT_DOING_LISTENS, [PMT_ROLE_REST] = PMT_DOING_RESTS,
                                   [PMT_ROLE_ALONE] = PMT_DOING_PLAYS,    [PMT_ROLE_ALONG] = PMT_DOING_PLAYS,
                                   [PMT_ROLE_ANSWER] = PMT_DOING_PLAYS};
  PmtSlotWork* const slot = &e->slot;
  /* Of a slot that was still reading the player's, what was read whole is kept already, and there is nothing else. */
  const bool silent = slot->role == PMT_ROLE_REST || slot->role == PMT_ROLE_LISTEN || slot->feed.on;
  pmt_tape_commit(e, !silent && !slot->recalled);
  if (slot->recalled) {
    pmt_listen_pass_over(e);
    schedule_recalled(e);
  } else if (!silent) {
    e->stats.style = slot->lead;
    commit_made(e);
  }
  ++e->stats.slots;
  e->stats.bar = slot->place.bar;
  e->stats.doing = doing[slot->role];
  e->has_last = true;
  e->last = slot->place;
  slot->phase = PMT_SLOT_NONE;
}
