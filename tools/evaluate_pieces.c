/* SPDX-License-Identifier: ISC */
/* Pieces as the plugin would play them, read back as files are. Above: evaluate_music.c. Below: gen/render.h,
   music/import.h. */
#include "evaluate.h"

#include "gen/render.h"
#include "measure/measure.h"
#include "music/import.h"
#include "music/meter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 1024, FILE_TICKS = 480, CHANNELS = 16, SEEDS = 65536 };

static const double sample_rate = 48000.0;

typedef struct {
  const PmtPiecesPlan* plan;
  PmtModel* model;
  PmtEngine* engine;
  PmtError* error;
} Player;

static PmtRenderOptions render_options(const PmtPiecesPlan* const plan, const PmtMeterName meter) {
  return (PmtRenderOptions){.sample_rate = sample_rate, .bars = PMT_STRETCH_BARS, .quarter_bpm = plan->bpm,
                            .beats = meter.beats, .unit = meter.unit, .block = BLOCK};
}

static uint32_t bar_ticks(const PmtMeterName meter) {
  return pmt_meter_bar_ticks((PmtMeter){meter.beats, meter.unit});
}

/* ---- From messages to a score ------------------------------------------------------------------------------------ */

/** Note-ons with the note-offs that end them, in 1/24 quarters. @param notes room for n_events @return how many */
static size_t pair_notes(const PmtMidiList* const list, const double frames_per_tick, const uint64_t end,
                         PmtSmfNote* const notes) {
  PmtSmfNote* sounding[CHANNELS][128] = {{NULL}};
  size_t n = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    const PmtTimedMidi* const e = &list->events[i];
    const uint8_t kind = e->bytes[0] & 0xf0, channel = e->bytes[0] & 15, pitch = e->bytes[1] & 127;
    if (kind != 0x80 && kind != 0x90) { continue; }
    const uint64_t tick = (uint64_t)llround((double)e->frame / frames_per_tick);
    if (sounding[channel][pitch]) { sounding[channel][pitch]->end = tick; }
    sounding[channel][pitch] = NULL;
    if (kind == 0x90 && e->bytes[2]) {
      notes[n] = (PmtSmfNote){.start = tick, .end = end, .channel = channel, .pitch = pitch, .velocity = e->bytes[2]};
      sounding[channel][pitch] = &notes[n++];
    }
  }
  return n;
}

/** The importer leaves out silence before and after; here silence is part of what was played. */
static PmtStatus lay_all_bars(PmtScore* const score, const PmtMeterName meter, const uint64_t first_onset) {
  const uint32_t ticks = bar_ticks(meter);
  PmtBar* const bars = realloc(score->bars, PMT_STRETCH_BARS * sizeof *bars);
  if (!bars) { return PMT_NO_MEM; }
  score->bars = bars;
  score->n_bars = PMT_STRETCH_BARS;
  for (uint32_t i = 0; i < PMT_STRETCH_BARS; ++i) {
    bars[i] = (PmtBar){.tick = i * ticks, .ticks = (uint16_t)ticks, .beats = meter.beats, .unit = meter.unit};
  }
  const double moved = score->n_notes ? (double)first_onset - score->notes[0].onset : 0;
  const uint32_t bars_cut = (uint32_t)llround(fmax(moved, 0) / ticks); /* to whole bars: a grace note may be gone */
  for (size_t i = 0; i < score->n_notes; ++i) { score->notes[i].onset += bars_cut * ticks; }
  return PMT_OK;
}

/** The same importer with the same options that reads the held-out files: trills are folded here as there. */
static PmtStatus read_back(const Player* const p, const PmtMidiList* const list, const PmtMeterName meter,
                           PmtScore* const score) {
  const uint64_t end = (uint64_t)PMT_STRETCH_BARS * bar_ticks(meter);
  const double frames_per_tick = sample_rate * 60.0 / (p->plan->bpm * PMT_TICKS_PER_QUARTER);
  PmtSmfTempo tempo = {0, (uint32_t)(60e6 / p->plan->bpm + 0.5)};
  PmtSmfMeter meters = {0, meter.beats, meter.unit};
  PmtSmf smf = {.ticks_per_quarter = PMT_TICKS_PER_QUARTER, .tempos = &tempo, .n_tempos = 1, .meters = &meters,
                .n_meters = 1, .n_tracks = 1, .n_ticks = end};
  smf.notes = malloc((list->n_events + 1) * sizeof *smf.notes);
  if (!smf.notes) { return pmt_fail(p->error, PMT_NO_MEM, "out of memory"); }
  smf.n_notes = pair_notes(list, frames_per_tick, end, smf.notes);
  PmtImportOptions options = pmt_import_defaults();
  options.parts_max = p->model->parts;
  *score = (PmtScore){0};
  PmtStatus status = smf.n_notes ? pmt_import(&smf, &options, score, NULL, p->error) : PMT_OK;
  if (!status) { status = lay_all_bars(score, meter, smf.n_notes ? smf.notes[0].start : 0); }
  free(smf.notes);
  return status;
}

/* ---- Playing ----------------------------------------------------------------------------------------------------- */

static PmtStatus save(const Player* const p, const PmtMidiList* const list, const PmtMeterName meter, const size_t i) {
  char path[4096];
  if (!p->plan->save) { return PMT_OK; }
  if ((size_t)snprintf(path, sizeof path, "%s/%03zu.mid", p->plan->save, i) >= sizeof path) {
    return pmt_fail(p->error, PMT_TOO_BIG, "%.80s...: path too long", p->plan->save);
  }
  const PmtSmfTempo tempo = {0, (uint32_t)(60e6 / p->plan->bpm + 0.5)};
  const PmtSmfMeter meters = {0, meter.beats, meter.unit};
  const double seconds = (double)PMT_STRETCH_BARS * bar_ticks(meter) / PMT_TICKS_PER_QUARTER * 60.0 / p->plan->bpm;
  const PmtMidiListOut out = {.sample_rate = sample_rate, .ticks_per_quarter = FILE_TICKS, .tempos = &tempo,
                              .n_tempos = 1, .meters = &meters, .n_meters = 1, .model = p->model,
                              .style = (uint32_t)p->plan->controls.style,
                              .end_frame = (uint64_t)(seconds * sample_rate + 0.5)};
  return pmt_midi_list_write(list, &out, path, p->error);
}

static void count(const Player* const p, PmtPieces* const pieces) {
  const PmtEngineStats* const s = pmt_engine_stats(p->engine);
  pieces->notes += s->notes_on;
  pieces->tokens += s->tokens;
  pieces->late_slots += s->late_slots;
}

static PmtStatus play_piece(const Player* const p, const size_t i, PmtPieces* const pieces) {
  const PmtMeterName meter = p->plan->meters[i];
  const PmtRenderOptions options = render_options(p->plan, meter);
  PmtControls controls = p->plan->controls;
  controls.seed = (float)((p->plan->seed + i) % SEEDS);
  PmtMidiList list = {NULL, 0, 0};
  pmt_engine_reset(p->engine);
  PmtStatus status = pmt_render(p->engine, &controls, &options, &list, p->error);
  count(p, pieces);
  status = status ? status : save(p, &list, meter, i);
  status = status ? status : read_back(p, &list, meter, &pieces->scores[i]);
  pmt_midi_list_free(&list);
  return status;
}

PmtStatus pmt_pieces_engine(const PmtModel* const model, const double rate, PmtEngine** const engine,
                            PmtError* const error) {
  PmtModel* const own = pmt_model_borrow(model->hash);
  PmtPlayer* player = NULL;
  PmtStatus status = own ? pmt_player_new(own, &player) : PMT_NO_MEM;
  if (status) {
    pmt_model_free(own);
  } else if ((status = pmt_engine_new(rate, player, engine))) {
    pmt_player_free(player);
  }
  return status ? pmt_fail(error, status, "%s", pmt_strerror(status)) : PMT_OK;
}

PmtStatus pmt_pieces_play(PmtModel* const model, const PmtPiecesPlan* const plan, PmtPieces* const pieces,
                          PmtError* const error) {
  Player p = {.plan = plan, .model = model, .error = error};
  *pieces = (PmtPieces){.scores = calloc(plan->n, sizeof(PmtScore))};
  PmtStatus status = pieces->scores ? pmt_pieces_engine(model, sample_rate, &p.engine, error)
                                    : pmt_fail(error, PMT_NO_MEM, "out of memory");
  for (size_t i = 0; !status && i < plan->n; ++i) { status = play_piece(&p, i, pieces); }
  pmt_engine_free(p.engine);
  if (status) { pmt_pieces_free(pieces, plan->n); }
  return status;
}

void pmt_pieces_free(PmtPieces* const pieces, const size_t n) {
  for (size_t i = 0; pieces->scores && i < n; ++i) { pmt_score_free(&pieces->scores[i]); }
  free(pieces->scores);
  pieces->scores = NULL;
}
