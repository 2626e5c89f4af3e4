/* SPDX-License-Identifier: ISC */
/** @file playing.c  See playing.h. */
#include "train/playing.h"

#include "gen/render.h"
#include "music/codec.h"
#include "music/meter.h"

#include <stdlib.h>

enum { BLOCK = 4096, TOKEN_BITS = 11, TOKENS_A_RECORD = 3 };

/* Slow, so that no slot is late whatever the model's size: nobody listens. */
static const double sample_rate = 48000.0, quarter_bpm = 60.0;

struct PmtPlaying {
  PmtModel* model;
  PmtEngine* engine;
  PmtTapeRecord* records; /* room for a tape */
  PmtToken* tokens;
  size_t n_tokens, room;
};

void pmt_playing_free(PmtPlaying* p) {
  if (!p) { return; }
  pmt_engine_free(p->engine);
  free(p->records);
  free(p->tokens);
  free(p);
}

/** An engine owns its player, and that its model. */
static PmtStatus make_engine(PmtPlaying* p) {
  PmtModel* own = pmt_model_borrow(p->model->hash);
  PmtPlayer* player = NULL;
  if (!own) { return PMT_NO_MEM; }
  PmtStatus st = pmt_player_new(own, &player);
  if (st) {
    pmt_model_free(own);
    return st;
  }
  st = pmt_engine_new(sample_rate, player, &p->engine);
  if (st) { pmt_player_free(player); }
  return st;
}

PmtStatus pmt_playing_new(PmtModel* model, PmtPlaying** playing) {
  *playing = NULL;
  PmtPlaying* p = calloc(1, sizeof *p);
  if (!p) { return PMT_NO_MEM; }
  p->model = model;
  p->records = malloc(PMT_TAPE_RECORDS * sizeof *p->records);
  if (!p->records || make_engine(p)) {
    pmt_playing_free(p);
    return PMT_NO_MEM;
  }
  *playing = p;
  return PMT_OK;
}

/* -- from the tape -------------------------------------------------------------------------------------------- */

static bool put(PmtPlaying* p, PmtToken token) {
  if (p->n_tokens == p->room) {
    const size_t room = p->room ? 2 * p->room : 4096;
    PmtToken* grown = realloc(p->tokens, room * sizeof *grown);
    if (!grown) { return false; }
    p->tokens = grown;
    p->room = room;
  }
  p->tokens[p->n_tokens++] = token;
  return true;
}

/** BOS, and what was composed since the last start. */
static bool read_tape(PmtPlaying* p) {
  const size_t n = pmt_tape_copy(pmt_engine_tape(p->engine), p->records);
  size_t i = n;
  while (i > 0 && p->records[i - 1].kind != PMT_TAPE_START) { --i; }
  p->n_tokens = 0;
  if (!put(p, PMT_BOS)) { return false; }
  for (; i < n; ++i) {
    if (p->records[i].kind != PMT_TAPE_TOKENS) { continue; }
    for (uint32_t j = 0; j < TOKENS_A_RECORD; ++j) {
      const uint64_t word = p->records[i].payload >> TOKEN_BITS * j & ((1u << TOKEN_BITS) - 1);
      if (word && !put(p, (PmtToken)(word - 1))) { return false; }
    }
  }
  return true;
}

static PmtStatus lay_bars(const PmtPlayed* ask, uint32_t parts, PmtScore* like) {
  const uint32_t ticks = pmt_meter_bar_ticks((PmtMeter){ask->beats, ask->unit});
  like->bars = calloc(ask->bars, sizeof *like->bars);
  if (!like->bars) { return PMT_NO_MEM; }
  like->n_bars = ask->bars;
  like->parts = parts;
  for (uint32_t i = 0; i < ask->bars; ++i) {
    like->bars[i] = (PmtBar){.tick = i * ticks, .ticks = (uint16_t)ticks, .beats = ask->beats, .unit = ask->unit};
  }
  return PMT_OK;
}

/** A net may add two lengths as no importer would, 42 and 16: the codec has 57 for that. */
static void trim(PmtScore* score) {
  for (size_t i = 0; i < score->n_notes; ++i) {
    PmtNote* note = &score->notes[i];
    if (note->part != PMT_PART_DRUMS) { note->duration = (uint16_t)pmt_duration_floor(note->duration); }
  }
}

PmtStatus pmt_playing_piece(PmtPlaying* p, const PmtPlayed* ask, PmtScore* score, PmtError* error) {
  PmtControls controls = pmt_controls_default();
  controls.style = controls.style2 = (float)ask->style;
  controls.temperature = ask->temperature;
  controls.min_p = ask->min_p;
  controls.seed = (float)ask->seed;
  const PmtRenderOptions options = {.sample_rate = sample_rate, .bars = ask->bars, .quarter_bpm = quarter_bpm,
                                    .beats = ask->beats, .unit = ask->unit, .block = BLOCK};
  PmtMidiList list = {NULL, 0, 0};
  PmtScore like = {0};
  *score = (PmtScore){0};
  pmt_engine_reset(p->engine);
  PmtStatus st = pmt_render(p->engine, &controls, &options, &list, error);
  if (!st && (!read_tape(p) || lay_bars(ask, p->model->parts, &like))) { st = pmt_fail(error, PMT_NO_MEM, "out of memory for what is played"); }
  if (!st) { st = pmt_decode(p->tokens, p->n_tokens, &like, score, error); }
  if (!st) {
    trim(score);
    for (uint32_t i = 0; i < score->parts; ++i) { score->program[i] = p->model->program[ask->style][i]; }
    score->kit = p->model->kit[ask->style];
  }
  pmt_score_free(&like);
  pmt_midi_list_free(&list);
  return st;
}
