/* SPDX-License-Identifier: ISC */
/* The picture of what was played, with the automation under the notes. Above: cmd_play.c. Below: roll.h. */
#include "play.h"
#include "roll.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SONG_TEMPOS_SHOWN = 12 };

typedef struct {
  const PmtPlay* play;
  PmtRoll roll;
  bool failed; /* out of memory, once and for all */
} Picture;

static void check(Picture* p, PmtStatus status) {
  p->failed |= status != PMT_OK;
}

static double played_quarter(const void* handle, uint64_t frame) {
  return pmt_transport_played_quarter(handle, frame);
}

/* ---- what the automation says, along played time ---- */

/* Called for each change of the control that is heard; `step` is false inside a ramp. */
typedef void (*TakeChange)(Picture* p, double at, double before, double value, bool step);

static double walk_stretch(Picture* p, const PmtStretch* stretch, const char* symbol, double value,
                           TakeChange take) {
  const PmtTransport* t = &p->play->transport;
  uint32_t item = UINT32_MAX;
  for (size_t i = 0; i < t->n_cues; ++i) {
    const PmtCue* cue = &t->cues[i];
    const bool inside = cue->frame > stretch->from && cue->frame < stretch->to;
    if (!inside || strcmp(t->automation->items[cue->item].symbol, symbol)) {
      continue;
    }
    const double at = stretch->quarter + cue->quarter - t->song_bars[stretch->first].quarter;
    take(p, at, value, cue->value, cue->item != item);
    value = cue->value;
    item = cue->item;
  }
  return value;
}

/* @return the last value */
static double walk_control(Picture* p, const char* symbol, TakeChange take) {
  const PmtTransport* t = &p->play->transport;
  double value = pmt_play_control_at(p->play, symbol, t->stretches[0].from);
  for (size_t i = 0; i < t->n_stretches; ++i) {
    const PmtStretch* stretch = &t->stretches[i];
    const double here = pmt_play_control_at(p->play, symbol, stretch->from);
    take(p, stretch->quarter, value, here, true);
    value = walk_stretch(p, stretch, symbol, here, take);
  }
  return value;
}

/* ---- curve ---- */

static void take_point(Picture* p, double at, double before, double value, bool step) {
  if (step && before != value) {
    check(p, pmt_roll_add_point(&p->roll, at, before));
  }
  check(p, pmt_roll_add_point(&p->roll, at, value));
}

/* The control to draw: as asked, else the first that is ramped. */
static const char* curve_symbol(const PmtPlay* play) {
  if (play->args.curve) {
    return play->args.curve;
  }
  const PmtAutomation* a = &play->args.automation;
  for (size_t i = 0; i < a->n_items; ++i) {
    if (a->items[i].kind == PMT_AUTOMATE_CONTROL && a->items[i].ramp) {
      return a->items[i].symbol;
    }
  }
  return NULL;
}

static void add_curve(Picture* p) {
  const char* symbol = curve_symbol(p->play);
  if (!symbol) {
    return;
  }
  const PmtTransport* t = &p->play->transport;
  snprintf(p->roll.curve_label, sizeof p->roll.curve_label, "%s", symbol);
  const double last = walk_control(p, symbol, take_point);
  check(p, pmt_roll_add_point(&p->roll, pmt_transport_played_quarter(t, pmt_transport_played_frames(t)), last));
}

/* ---- labels ---- */

static void take_style(Picture* p, double at, double before, double value, bool step) {
  (void)step;
  if (at > 0 && before == value) {
    return;
  }
  const char* name = pmt_play_style_name(p->play, value);
  if (name) {
    check(p, pmt_roll_add_mark(&p->roll, at, name));
  }
}

static void add_bars_and_jumps(Picture* p) {
  const PmtTransport* t = &p->play->transport;
  const PmtSongBar* before = &t->song_bars[t->stretches[0].first];
  char text[PMT_ROLL_TEXT];
  for (size_t i = 0; i < t->n_stretches; ++i) {
    const PmtStretch* stretch = &t->stretches[i];
    if (i) {
      snprintf(text, sizeof text, "to bar %u", stretch->first + 1);
      check(p, pmt_roll_add_mark(&p->roll, stretch->quarter, text));
    }
    for (uint32_t k = 0; k < stretch->count; ++k) {
      const PmtSongBar* bar = &t->song_bars[stretch->first + k];
      const double at = stretch->quarter + bar->quarter - t->song_bars[stretch->first].quarter;
      const PmtRollBar drawn = {at, bar->length, stretch->first + k + 1, bar->beats, bar->unit};
      check(p, pmt_roll_add_bar(&p->roll, drawn));
      if (bar->beats != before->beats || bar->unit != before->unit) {
        snprintf(text, sizeof text, "%u/%u", bar->beats, bar->unit);
        check(p, pmt_roll_add_mark(&p->roll, at, text));
      }
      before = bar;
    }
  }
}

/* Steps, not ramps. Of a song's own tempos those that are few: hundreds were played, not written. */
static bool is_tempo_step(const PmtTransport* t, const PmtTempoPiece* piece) {
  return piece->item == PMT_TEMPO_OF_SONG ? t->options.n_tempos <= SONG_TEMPOS_SHOWN
                                          : !t->automation->items[piece->item].ramp;
}

/* Tempo steps in mid-song; ramps are left to the ear. */
static void add_tempos(Picture* p) {
  const PmtTransport* t = &p->play->transport;
  char text[PMT_ROLL_TEXT];
  for (size_t i = 0; i < t->n_stretches; ++i) {
    const PmtStretch* stretch = &t->stretches[i];
    const double from = t->song_bars[stretch->first].quarter;
    const double to = t->song_bars[stretch->first + stretch->count].quarter;
    for (size_t k = 1; k < t->n_pieces; ++k) {
      const PmtTempoPiece* piece = &t->pieces[k];
      if (piece->quarter > from && piece->quarter < to && is_tempo_step(t, piece)) {
        snprintf(text, sizeof text, "%.4g bpm", piece->bpm);
        check(p, pmt_roll_add_mark(&p->roll, stretch->quarter + piece->quarter - from, text));
      }
    }
  }
}

/* The tempo at the start, and where it goes. */
static void print_tempo(const PmtTransport* t, char* text, size_t size) {
  const double start = t->song_bars[t->stretches[0].first].quarter;
  double lo = PMT_TEMPO_MAX;
  double hi = PMT_TEMPO_MIN;
  for (size_t i = 0; i < t->n_pieces; ++i) {
    const bool over = i + 1 < t->n_pieces && t->pieces[i + 1].quarter <= start;
    if (!over && t->pieces[i].quarter < t->song_bars[t->n_song_bars - 1].quarter) {
      lo = fmin(lo, t->pieces[i].bpm);
      hi = fmax(hi, t->pieces[i].bpm);
    }
  }
  if (hi > lo) {
    snprintf(text, size, "%.4g to %.4g", lo, hi);
  } else {
    snprintf(text, size, "%.4g", lo);
  }
}

static void add_titles(Picture* p) {
  const PmtPlay* play = p->play;
  const PmtSongBar* first = &play->transport.song_bars[play->transport.stretches[0].first];
  float seed = 0;
  char by_player[40] = "";
  char tail[40] = "";
  char tempo[40];
  print_tempo(&play->transport, tempo, sizeof tempo);
  snprintf(p->roll.title, sizeof p->roll.title, "%s",
           play->model && *play->model->title ? play->model->title : "Partimento");
  if (pmt_host_get(play->host, "seed", &seed)) {
    snprintf(tail, sizeof tail, ", seed %.0f", (double)seed);
  }
  if (pmt_musician_is_there(&play->player)) {
    snprintf(by_player, sizeof by_player, " to %llu of the player", (unsigned long long)play->player.n_notes);
  }
  snprintf(p->roll.subtitle, sizeof p->roll.subtitle, "%lld bars, %u/%u, %s quarters a minute, %llu notes%s%s",
           (long long)play->args.bars, first->beats, first->unit, tempo, (unsigned long long)play->record.notes,
           by_player, tail);
  for (uint32_t i = 0; play->model && i < play->model->parts && i < PMT_ROLL_PARTS; ++i) {
    snprintf(p->roll.part_name[i], sizeof p->roll.part_name[i], "%s", play->model->part_name[i]);
  }
}

PmtStatus pmt_play_draw(const PmtPlay* play, PmtError* error) {
  Picture picture = {.play = play};
  const double channel = fmin(16, fmax(1, pmt_play_control_at(play, "channel", play->transport.stretches[0].from)));
  add_titles(&picture);
  add_bars_and_jumps(&picture);
  add_tempos(&picture);
  walk_control(&picture, "style", take_style);
  add_curve(&picture);
  check(&picture, pmt_roll_add_midi(&picture.roll, &play->record.list, (uint32_t)channel - 1, played_quarter,
                                    &play->transport));
  check(&picture, pmt_roll_add_player(&picture.roll, &play->player.sent, played_quarter, &play->transport));
  const PmtStatus status = picture.failed ? pmt_fail(error, PMT_NO_MEM, "%s: out of memory", play->args.picture)
                                          : pmt_roll_draw(&picture.roll, play->args.picture, error);
  pmt_roll_free(&picture.roll);
  return status;
}
