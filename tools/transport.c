/* SPDX-License-Identifier: ISC */
/* Walking the road that transport_setup.c laid. Above: transport.h. */
#include "transport.h"

#include <math.h>
#include <string.h>

static const PmtStretch* stretch_at(const PmtTransport* t) {
  return &t->stretches[t->stretch < t->n_stretches ? t->stretch : t->n_stretches - 1];
}

/* Which bar and tempo hold the present frame; both only move forward except after a jump. */
static void find_place(PmtTransport* t) {
  while (t->bar + 1 < t->n_song_bars && ceil(t->song_bars[t->bar + 1].exact) <= (double)t->frame) {
    ++t->bar;
  }
  while (t->piece + 1 < t->n_pieces && ceil(t->pieces[t->piece + 1].exact) <= (double)t->frame) {
    ++t->piece;
  }
}

static double next_change(const PmtTransport* t) {
  double next = (double)stretch_at(t)->to;
  if (t->piece + 1 < t->n_pieces) {
    next = fmin(next, ceil(t->pieces[t->piece + 1].exact));
  }
  const uint32_t meter_end = t->song_bars[t->bar].meter_end;
  if (meter_end < t->n_song_bars) {
    next = fmin(next, ceil(t->song_bars[meter_end].exact));
  }
  size_t cue = t->cue;
  while (cue < t->n_cues && t->cues[cue].frame <= t->frame) {
    ++cue; /* due, perhaps not taken yet */
  }
  return cue < t->n_cues ? fmin(next, (double)t->cues[cue].frame) : next;
}

uint32_t pmt_transport_span(const PmtTransport* t, uint32_t frames_max) {
  if (t->stretch == t->n_stretches) {
    return 0;
  }
  const double left = next_change(t) - (double)t->frame;
  return left < frames_max ? (uint32_t)left : frames_max;
}

bool pmt_transport_take_cue(PmtTransport* t, PmtCue* cue) {
  if (t->cue == t->n_cues || t->cues[t->cue].frame > t->frame) {
    return false;
  }
  *cue = t->cues[t->cue++];
  return true;
}

static double quarter_at(const PmtTransport* t, size_t piece, double frame) {
  const PmtTempoPiece* p = &t->pieces[piece];
  return p->quarter + (frame - p->exact) * p->bpm / (60 * t->options.sample_rate);
}

PmtPosition pmt_transport_position(const PmtTransport* t) {
  const PmtSongBar* bar = &t->song_bars[t->bar];
  const double beats_in_quarter = bar->unit / 4.0;
  const double into = (quarter_at(t, t->piece, (double)t->frame) - bar->quarter) * beats_in_quarter;
  return (PmtPosition){
    .frame = (int64_t)t->frame,
    .speed = t->stretch < t->n_stretches ? 1 : 0,
    .bar = (int64_t)t->bar,
    .bar_beat = fmax(0, into),
    .beats_per_bar = (float)bar->beats,
    .unit = (int)bar->unit,
    .bpm = (float)(t->pieces[t->piece].bpm * beats_in_quarter),
  };
}

static void jump(PmtTransport* t) {
  t->changed = true;
  if (++t->stretch == t->n_stretches) {
    return; /* the end: we stand where we came to */
  }
  t->jumped = true;
  t->frame = t->stretches[t->stretch].from;
  t->cue = t->bar = t->piece = 0;
}

void pmt_transport_advance(PmtTransport* t, uint32_t n_frames) {
  const size_t bar = t->bar;
  const size_t piece = t->piece;
  t->changed = t->jumped = false;
  t->frame += n_frames;
  if (t->frame >= stretch_at(t)->to) {
    jump(t);
  }
  find_place(t);
  t->changed |= t->piece != piece || t->song_bars[t->bar].beats != t->song_bars[bar].beats ||
                t->song_bars[t->bar].unit != t->song_bars[bar].unit;
}

/* ---- played time ---- */

uint64_t pmt_transport_played_frames(const PmtTransport* t) {
  const PmtStretch* last = &t->stretches[t->n_stretches - 1];
  return last->played + (last->to - last->from);
}

double pmt_transport_played_quarter(const PmtTransport* t, uint64_t played_frame) {
  size_t i = 0;
  while (i + 1 < t->n_stretches && t->stretches[i + 1].played <= played_frame) {
    ++i;
  }
  const PmtStretch* stretch = &t->stretches[i];
  const double frame = (double)(stretch->from + (played_frame - stretch->played));
  size_t piece = 0;
  while (piece + 1 < t->n_pieces && t->pieces[piece + 1].exact <= frame) {
    ++piece;
  }
  return stretch->quarter + quarter_at(t, piece, frame) - t->song_bars[stretch->first].quarter;
}
