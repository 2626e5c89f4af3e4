/* SPDX-License-Identifier: ISC */
/* Making, priming and freeing: never in the audio thread. Above: plugin instantiate and worker, gen/render, tools.
   Below: gen/reader. */
#include "gen/context.h"
#include "gen/engine_private.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { SNAPSHOTS = 2 + PMT_MEMORY_MAX }; /* start, played, and those remembered */

/* ---- Players ----------------------------------------------------------------------------------------------------- */

PmtStatus pmt_player_new(PmtModel* const model, PmtPlayer** const player) {
  *player = NULL;
  const size_t n = pmt_reader_snapshot_floats(model);
  PmtPlayer* const p = calloc(1, sizeof *p);
  float* const snapshots = malloc(SNAPSHOTS * n * sizeof *snapshots);
  PmtReader* reader = NULL;
  if (!p || !snapshots || pmt_reader_new(model, &reader)) {
    free(snapshots);
    free(p);
    return PMT_NO_MEM;
  }
  memset(snapshots, 0, SNAPSHOTS * n * sizeof *snapshots); /* resident before the audio thread sees it */
  *p = (PmtPlayer){.model = model, .reader = reader, .start = snapshots, .played = snapshots + n};
  for (size_t i = 0; i < PMT_MEMORY_MAX; ++i) {
    p->memory.memo[i].state = snapshots + (2 + i) * n;
  }
  *player = p;
  return PMT_OK;
}

void pmt_player_free(PmtPlayer* const player) {
  if (player) {
    pmt_reader_free(player->reader);
    pmt_model_free(player->model);
    free(player->start);
    free(player);
  }
}

/* ---- The engine -------------------------------------------------------------------------------------------------- */

void pmt_engine_reset(PmtEngine* const e) {
  e->tape_time = pmt_tape_at(e, pmt_clock_tick(&e->clock)); /* the tape goes on */
  e->tape_tick = 0;
  pmt_clock_reset(&e->clock, e->clock.rate);
  pmt_schedule_clear(&e->schedule);
  pmt_held_reset(&e->held);
  pmt_repeats_reset(&e->repeats);
  e->slot.phase = PMT_SLOT_NONE;
  e->silenced = e->holding = e->has_last = e->host_rolling = e->host_known = false;
  e->pass = 0;
  e->loop = (PmtLoopPlace){0};
  e->frozen = (PmtFrozenBars){0};
  e->own = (PmtOwnTransport){0};
  pmt_listen_reset(e);
  e->stopped_at = -(int64_t)e->clock.rate;
  pmt_phrase_reset(&e->phrase);
  if (e->player) {
    pmt_memory_clear(&e->player->memory);
  }
  pmt_engine_resume(e);
  memset(&e->stats, 0, sizeof e->stats);
}

PmtStatus pmt_engine_new(const double sample_rate, PmtPlayer* const player, PmtEngine** const engine) {
  *engine = NULL;
  if (!(sample_rate >= 1000.0 && sample_rate <= 1e6)) {
    return PMT_BAD_ARG;
  }
  PmtEngine* const e = malloc(sizeof *e);
  PmtTape* tape = NULL;
  if (!e || pmt_tape_new(&tape)) {
    free(e);
    return PMT_NO_MEM;
  }
  memset(e, 0, sizeof *e); /* not calloc: every page is to be resident */
  e->tape = tape;
  e->clock.rate = sample_rate;
  e->work_per_frame = (uint64_t)(PMT_WORK_RATE / sample_rate);
  e->controls = pmt_controls_default();
  e->player = player;
  pmt_engine_reset(e);
  *engine = e;
  return PMT_OK;
}

void pmt_engine_free(PmtEngine* const e) {
  if (e) {
    pmt_player_free(e->player);
    pmt_player_free(e->offered);
    pmt_player_free(e->old);
    pmt_tape_free(e->tape);
    free(e);
  }
}

size_t pmt_engine_bytes(const PmtEngine* const e) {
  const size_t own = sizeof *e + pmt_tape_bytes();
  if (!e->player) {
    return own;
  }
  const PmtModel* const model = e->player->model;
  const size_t snapshots = SNAPSHOTS * pmt_reader_snapshot_floats(model) * sizeof(float);
  return own + sizeof *e->player + pmt_reader_bytes(model) + snapshots;
}

/* ---- Priming ----------------------------------------------------------------------------------------------------- */

static PmtStatus check_sequence(const PmtSequence* const sequence, const uint32_t vocab, PmtError* const error) {
  for (size_t i = 0; i < sequence->n_tokens; ++i) {
    if (sequence->tokens[i] >= vocab) {
      return pmt_fail(error, PMT_BAD_ARG, "token %zu of the start melody is %u, the model has %u", i,
                      (unsigned)sequence->tokens[i], vocab);
    }
  }
  return PMT_OK;
}

/** Feed tokens first..end - 1 under the condition that is set. */
static void feed(PmtReader* const reader, const PmtToken* const tokens, const size_t first, const size_t end,
                 uint8_t* const velocity) {
  uint64_t spent = 0;
  for (size_t i = first; i < end; ++i) {
    const PmtToken token = tokens[i];
    if (token == PMT_END) {
      continue; /* the music goes on */
    }
    if (pmt_token_class(token) == PMT_CLASS_VEL) {
      *velocity = (uint8_t)(token - PMT_TOKEN_VEL);
    }
    pmt_reader_begin(reader, token);
    pmt_reader_run(reader, UINT64_MAX, &spent);
  }
}

/** @param style one a slot; NULL = as the condition has it @return velocity in force at the end */
static uint8_t feed_sequence(PmtPlayer* const player, const PmtSequence* const sequence, PmtCondition condition,
                             const uint8_t* const style) {
  uint8_t velocity = PMT_VELOCITY_START;
  pmt_reader_reset(player->reader);
  for (size_t s = 0; s < sequence->n_slots; ++s) {
    const PmtSlot* const slot = &sequence->slots[s];
    condition.meter = slot->meter;
    condition.key = slot->key;
    condition.phrase = slot->phrase;
    if (style) {
      memset(condition.style, 0, sizeof condition.style);
      condition.style[style[s] < player->model->n_styles ? style[s] : 0] = 1.0f;
    }
    pmt_reader_condition(player->reader, &condition);
    const size_t end = s + 1 < sequence->n_slots ? sequence->slots[s + 1].token : sequence->n_tokens;
    feed(player->reader, sequence->tokens, s == 0 ? 0 : slot->token, end, &velocity); /* BOS goes with the first slot */
  }
  return velocity;
}

PmtStatus pmt_player_resume(PmtPlayer* const player, const PmtContext* const context, PmtError* const error) {
  const PmtSequence* const sequence = &context->sequence;
  const PmtStatus status = check_sequence(sequence, player->model->vocab, error);
  if (status) {
    return status;
  }
  player->played_velocity =
      feed_sequence(player, sequence, (PmtCondition){.density = pmt_freeze_density(0.0f)}, context->style);
  pmt_reader_save(player->reader, player->played);
  player->resumes = true;
  player->resume_bar = context->next_bar;
  player->resume_index = context->next_index;
  player->resume_lead = sequence->n_slots ? context->style[sequence->n_slots - 1] : 0;
  return PMT_OK;
}

PmtStatus pmt_engine_prime(PmtEngine* const e, const PmtSequence* const sequence, const PmtControls* const controls,
                           PmtError* const error) {
  PmtPlayer* const player = e->player;
  if (!player) {
    return pmt_fail(error, PMT_BAD_ARG, "there is no model to prime");
  }
  if (sequence && sequence->n_slots) {
    const PmtStatus status = check_sequence(sequence, player->model->vocab, error);
    if (status) {
      return status;
    }
    const PmtControls sane = pmt_controls_sane(controls);
    PmtCondition condition = {.density = pmt_freeze_density(sane.density)};
    pmt_freeze_styles(player->model, &sane, condition.style);
    player->start_velocity = feed_sequence(player, sequence, condition, NULL);
    pmt_reader_save(player->reader, player->start);
    const PmtStatus kept = pmt_reader_keep(player->reader);
    if (kept) {
      return pmt_fail(error, kept, "out of memory for the start melody");
    }
  }
  player->primed = sequence && sequence->n_slots;
  e->slot.phase = PMT_SLOT_NONE; /* what was prepared began elsewhere */
  e->has_played = e->resumes = false;
  return PMT_OK;
}
