/* SPDX-License-Identifier: ISC */
/* Laying the road: automation, meters and jumps become frames once, before anything runs.
   Above: transport.h. Below: tools/automation.h. */
#include "transport.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAMP_QUARTERS 0.25 /* a ramp is sampled each 16th note, and the block is cut there */
#define FRAME_EPSILON 1e-6 /* a bar line that is a whole frame but for rounding must not slip to the next */

typedef struct {
  PmtTransport* t;
  PmtError* error;
} Setup;

static PmtStatus no_memory(PmtError* error) {
  return pmt_fail(error, PMT_NO_MEM, "out of memory for the transport");
}

static PmtStatus fail_item(const Setup* s, const PmtAutomate* item, const char* text) {
  if (!item->line) {
    return pmt_fail(s->error, PMT_BAD_ARG, "%s", text);
  }
  return pmt_fail(s->error, PMT_BAD_FILE, "%s:%u: %s", s->t->automation->path, item->line, text);
}

/* ---- the road: which bars, in which order ---- */

/* Jumps at work while the road is laid: uses left for each item. */
static const PmtAutomate* find_jump(const PmtAutomation* a, uint32_t* used, PmtAutomateKind kind, uint32_t bar) {
  for (size_t i = 0; i < a->n_items; ++i) {
    const PmtAutomate* item = &a->items[i];
    const uint32_t trigger = kind == PMT_AUTOMATE_LOCATE ? item->at.bar : item->to.bar;
    const bool worn = kind == PMT_AUTOMATE_LOCATE ? used[i] > 0 : item->times && used[i] + 1 >= item->times;
    if (item->kind == kind && trigger == bar && !worn) {
      ++used[i];
      return item;
    }
  }
  return NULL;
}

static PmtStatus add_stretch(PmtTransport* t, uint32_t first) {
  PmtStretch* stretches = realloc(t->stretches, (t->n_stretches + 1) * sizeof *stretches);
  if (!stretches) {
    return PMT_NO_MEM;
  }
  t->stretches = stretches;
  stretches[t->n_stretches++] = (PmtStretch){.first = first};
  return PMT_OK;
}

/* The bar we really come to when we would enter `bar`. Each locate works once, so this ends. */
static uint32_t follow_locates(const PmtAutomation* a, uint32_t* used, uint32_t bar) {
  for (const PmtAutomate* locate; (locate = find_jump(a, used, PMT_AUTOMATE_LOCATE, bar));) {
    bar = locate->to.bar;
  }
  return bar;
}

static PmtStatus lay_road(PmtTransport* t, uint32_t* used) {
  uint32_t bar = follow_locates(t->automation, used, 0);
  if (add_stretch(t, bar)) {
    return PMT_NO_MEM;
  }
  for (uint32_t played = 1;; ++played) {
    ++t->stretches[t->n_stretches - 1].count;
    if (played >= t->options.bars) {
      return PMT_OK;
    }
    const uint32_t last = bar;
    const PmtAutomate* loop = find_jump(t->automation, used, PMT_AUTOMATE_LOOP, last);
    bar = follow_locates(t->automation, used, loop ? loop->at.bar : last + 1);
    if (bar != last + 1 && add_stretch(t, bar)) {
      return PMT_NO_MEM;
    }
  }
}

static uint32_t road_end(const PmtTransport* t) {
  uint32_t end = 0;
  for (size_t i = 0; i < t->n_stretches; ++i) {
    const uint32_t last = t->stretches[i].first + t->stretches[i].count;
    end = last > end ? last : end;
  }
  return end;
}

/* ---- bars ---- */

static bool has_kind(const PmtAutomation* a, PmtAutomateKind kind) {
  for (size_t i = 0; i < a->n_items; ++i) {
    if (a->items[i].kind == kind) {
      return true;
    }
  }
  return false;
}

/* Bar after bar, from the first. */
typedef struct {
  const PmtAutomation* automation;
  const PmtTransportOptions* options;
  bool automated;   /* the automation says it */
  size_t next;      /* change of the song's */
  PmtCliMeter meter;
} MeterWalk;

static MeterWalk walk_meters(const PmtAutomation* automation, const PmtTransportOptions* options) {
  return (MeterWalk){automation, options, has_kind(automation, PMT_AUTOMATE_METER), 0, options->meter};
}

static PmtCliMeter meter_of(MeterWalk* w, uint32_t bar) {
  const PmtTransportOptions* o = w->options;
  for (; !w->automated && w->next < o->n_meters && o->meters[w->next].bar <= bar; ++w->next) {
    w->meter = o->meters[w->next].meter;
  }
  for (size_t k = 0; w->automated && k < w->automation->n_items; ++k) {
    const PmtAutomate* item = &w->automation->items[k];
    if (item->kind == PMT_AUTOMATE_METER && item->at.bar == bar) {
      w->meter = item->meter;
    }
  }
  return w->meter;
}

static double length_of(PmtCliMeter meter) {
  return 4.0 * meter.beats / meter.unit;
}

uint32_t pmt_transport_bars_of(const PmtAutomation* automation, const PmtTransportOptions* options, double quarters) {
  MeterWalk walk = walk_meters(automation, options);
  uint32_t n = 0;
  double at = 0;
  do {
    at += length_of(meter_of(&walk, n++));
  } while (at < quarters && n <= PMT_AUTOMATION_BARS_MAX);
  return n;
}

static PmtStatus lay_bars(PmtTransport* t) {
  const uint32_t n = road_end(t) + 1; /* one more: its line is where the song ends */
  t->song_bars = calloc(n, sizeof *t->song_bars);
  if (!t->song_bars) {
    return PMT_NO_MEM;
  }
  t->n_song_bars = n;
  MeterWalk walk = walk_meters(t->automation, &t->options);
  for (uint32_t i = 0; i < n; ++i) {
    PmtSongBar* bar = &t->song_bars[i];
    const PmtCliMeter meter = meter_of(&walk, i);
    bar->quarter = i ? bar[-1].quarter + bar[-1].length : 0;
    bar->beats = meter.beats;
    bar->unit = meter.unit;
    bar->length = length_of(meter);
  }
  for (uint32_t i = n; i-- > 0;) {
    PmtSongBar* bar = &t->song_bars[i];
    const bool same = i + 1 < n && bar->beats == bar[1].beats && bar->unit == bar[1].unit;
    bar->meter_end = same ? bar[1].meter_end : i + 1;
  }
  return PMT_OK;
}

/* Quarters of a place; beyond the road's end is no error, it is never reached. */
static PmtStatus quarter_of(const Setup* s, const PmtAutomate* item, PmtSongPlace place, double* quarter) {
  const PmtTransport* t = s->t;
  const PmtSongBar* last = &t->song_bars[t->n_song_bars - 1];
  const PmtSongBar* bar = place.bar < t->n_song_bars ? &t->song_bars[place.bar] : last;
  if (place.beat >= bar->beats) {
    char text[96];
    snprintf(text, sizeof text, "beat %g: bar %u has %u beats", place.beat + 1, place.bar + 1, bar->beats);
    return fail_item(s, item, text);
  }
  *quarter = bar->quarter + place.beat * 4 / bar->unit;
  if (place.bar >= t->n_song_bars) {
    *quarter += (place.bar - (double)(t->n_song_bars - 1)) * last->length;
  }
  return PMT_OK;
}

/* ---- ramps ---- */

/* Give a change as steps. */
typedef PmtStatus (*TakeStep)(PmtTransport* t, uint32_t item, double quarter, double value);

static PmtStatus lay_steps(const Setup* s, uint32_t index, TakeStep take) {
  const PmtAutomate* item = &s->t->automation->items[index];
  double from = 0;
  PmtStatus status = quarter_of(s, item, item->at, &from);
  if (status || !item->ramp) {
    return status ? status : take(s->t, index, from, item->value);
  }
  double to = 0;
  status = quarter_of(s, item, item->to, &to);
  const double end = s->t->song_bars[s->t->n_song_bars - 1].quarter;
  const uint32_t steps = (uint32_t)ceil((to - from) / RAMP_QUARTERS - 1e-9);
  for (uint32_t i = 0; !status && i <= steps && from + i * RAMP_QUARTERS <= end; ++i) {
    const double at = i < steps ? from + i * RAMP_QUARTERS : to;
    status = take(s->t, index, at, item->value + (item->value_to - item->value) * (at - from) / (to - from));
  }
  return status;
}

static PmtStatus take_tempo(PmtTransport* t, uint32_t item, double quarter, double value) {
  PmtTempoPiece* pieces = realloc(t->pieces, (t->n_pieces + 1) * sizeof *pieces);
  if (!pieces) {
    return PMT_NO_MEM;
  }
  t->pieces = pieces;
  pieces[t->n_pieces++] = (PmtTempoPiece){.quarter = quarter, .bpm = value, .item = item};
  return PMT_OK;
}

static PmtStatus lay_song_tempos(PmtTransport* t) {
  PmtStatus status = PMT_OK;
  const bool automated = has_kind(t->automation, PMT_AUTOMATE_TEMPO);
  for (size_t i = 0; !status && !automated && i < t->options.n_tempos; ++i) {
    status = take_tempo(t, PMT_TEMPO_OF_SONG, t->options.tempos[i].quarter, t->options.tempos[i].bpm);
  }
  return status;
}

static PmtStatus take_control(PmtTransport* t, uint32_t item, double quarter, double value) {
  PmtCue* cues = realloc(t->cues, (t->n_cues + 1) * sizeof *cues);
  if (!cues) {
    return PMT_NO_MEM;
  }
  t->cues = cues;
  cues[t->n_cues++] = (PmtCue){.quarter = quarter, .item = item, .value = value};
  return PMT_OK;
}

static PmtStatus lay_all(const Setup* s, PmtAutomateKind kind, TakeStep take) {
  PmtStatus status = PMT_OK;
  for (uint32_t i = 0; !status && i < s->t->automation->n_items; ++i) {
    if (s->t->automation->items[i].kind == kind) {
      status = lay_steps(s, i, take);
    }
  }
  return status;
}

/* ---- tempo: quarters to frames ---- */

/* By place, then by line: of two changes at one place the later line wins. */
static int compare_places(double quarter_a, uint32_t item_a, double quarter_b, uint32_t item_b) {
  if (quarter_a != quarter_b) {
    return quarter_a < quarter_b ? -1 : 1;
  }
  return (item_a > item_b) - (item_a < item_b);
}

static int compare_pieces(const void* a, const void* b) {
  const PmtTempoPiece* p = a;
  const PmtTempoPiece* q = b;
  return compare_places(p->quarter, p->item, q->quarter, q->item);
}

static int compare_cues(const void* a, const void* b) {
  const PmtCue* p = a;
  const PmtCue* q = b;
  return compare_places(p->quarter, p->item, q->quarter, q->item);
}

/* Of several tempos at one place the last holds. */
static void merge_pieces(PmtTransport* t) {
  size_t n = 0;
  for (size_t i = 0; i < t->n_pieces; ++i) {
    if (n && t->pieces[i].quarter - t->pieces[n - 1].quarter < 1e-9) {
      --n;
    }
    t->pieces[n++] = t->pieces[i];
  }
  t->n_pieces = n;
}

static void time_pieces(PmtTransport* t) {
  const double frames_a_minute = 60 * t->options.sample_rate;
  t->pieces[0].exact = 0;
  for (size_t i = 1; i < t->n_pieces; ++i) {
    const PmtTempoPiece* before = &t->pieces[i - 1];
    t->pieces[i].exact =
      before->exact + (t->pieces[i].quarter - before->quarter) * frames_a_minute / before->bpm;
  }
}

static double frame_of(const PmtTransport* t, double quarter) {
  size_t i = 0;
  size_t end = t->n_pieces;
  while (end - i > 1) {
    const size_t middle = i + (end - i) / 2;
    if (t->pieces[middle].quarter <= quarter) {
      i = middle;
    } else {
      end = middle;
    }
  }
  const PmtTempoPiece* piece = &t->pieces[i];
  return piece->exact + (quarter - piece->quarter) * 60 * t->options.sample_rate / piece->bpm;
}

static double snap(double frame) {
  const double whole = nearbyint(frame);
  return fabs(frame - whole) < FRAME_EPSILON ? whole : frame;
}

uint64_t pmt_transport_frame_of(const PmtTransport* t, double quarter) {
  return (uint64_t)ceil(snap(frame_of(t, quarter)));
}

static void time_everything(PmtTransport* t) {
  time_pieces(t);
  for (size_t i = 0; i < t->n_song_bars; ++i) {
    t->song_bars[i].exact = snap(frame_of(t, t->song_bars[i].quarter));
  }
  for (size_t i = 0; i < t->n_cues; ++i) {
    t->cues[i].frame = pmt_transport_frame_of(t, t->cues[i].quarter);
  }
  uint64_t played = 0;
  double quarter = 0;
  for (size_t i = 0; i < t->n_stretches; ++i) {
    PmtStretch* stretch = &t->stretches[i];
    const PmtSongBar* first = &t->song_bars[stretch->first];
    const PmtSongBar* end = first + stretch->count;
    stretch->from = (uint64_t)ceil(first->exact);
    stretch->to = (uint64_t)ceil(end->exact);
    stretch->played = played;
    stretch->quarter = quarter;
    played += stretch->to - stretch->from;
    quarter += end->quarter - first->quarter;
  }
}

/* ---- the whole ---- */

static PmtStatus lay_out(const Setup* s) {
  PmtTransport* t = s->t;
  uint32_t* used = calloc(t->automation->n_items + 1, sizeof *used);
  PmtStatus status = used ? lay_road(t, used) : PMT_NO_MEM;
  free(used);
  status = status ? status : lay_bars(t);
  status = status ? status : take_tempo(t, 0, 0, t->options.quarter_bpm);
  status = status ? status : lay_song_tempos(t);
  status = status ? status : lay_all(s, PMT_AUTOMATE_TEMPO, take_tempo);
  status = status ? status : lay_all(s, PMT_AUTOMATE_CONTROL, take_control);
  if (status) {
    return status;
  }
  qsort(t->pieces + 1, t->n_pieces - 1, sizeof *t->pieces, compare_pieces); /* the first is the options' */
  merge_pieces(t);
  if (t->n_cues) {
    qsort(t->cues, t->n_cues, sizeof *t->cues, compare_cues);
  }
  time_everything(t);
  t->frame = t->stretches[0].from;
  t->bar = t->stretches[0].first;
  while (t->piece + 1 < t->n_pieces && ceil(t->pieces[t->piece + 1].exact) <= (double)t->frame) {
    ++t->piece;
  }
  t->changed = true;
  return PMT_OK;
}

PmtStatus pmt_transport_new(const PmtAutomation* automation, const PmtTransportOptions* options,
                            PmtTransport* transport, PmtError* error) {
  *transport = (PmtTransport){.automation = automation, .options = *options};
  const Setup setup = {transport, error};
  const PmtStatus status = lay_out(&setup);
  if (status == PMT_NO_MEM) {
    no_memory(error);
  }
  if (status) {
    pmt_transport_free(transport);
  }
  return status;
}

void pmt_transport_free(PmtTransport* transport) {
  free(transport->song_bars);
  free(transport->pieces);
  free(transport->cues);
  free(transport->stretches);
  memset(transport, 0, sizeof *transport);
}

/* ---- maps for files ---- */

static uint64_t tick_of(double quarter, uint32_t ticks_per_quarter) {
  return (uint64_t)llround(quarter * ticks_per_quarter);
}

static size_t add_tempos(const PmtTransport* t, const PmtStretch* stretch, uint32_t tpq, PmtSmfTempo* tempos,
                         size_t n) {
  const double from = t->song_bars[stretch->first].quarter;
  const double to = t->song_bars[stretch->first + stretch->count].quarter;
  for (size_t i = 0; i < t->n_pieces; ++i) {
    const bool over = i + 1 < t->n_pieces && t->pieces[i + 1].quarter <= from;
    if (over || t->pieces[i].quarter >= to) {
      continue;
    }
    const double at = stretch->quarter + fmax(0, t->pieces[i].quarter - from);
    tempos[n++] = (PmtSmfTempo){tick_of(at, tpq), (uint32_t)llround(60e6 / t->pieces[i].bpm)};
    if (n > 1 && tempos[n - 1].us_per_quarter == tempos[n - 2].us_per_quarter) {
      --n;
    }
  }
  return n;
}

static size_t add_meters(const PmtTransport* t, const PmtStretch* stretch, uint32_t tpq, PmtSmfMeter* meters,
                         size_t n) {
  const PmtSongBar* first = &t->song_bars[stretch->first];
  for (uint32_t i = 0; i < stretch->count; ++i) {
    const PmtSmfMeter meter = {tick_of(stretch->quarter + first[i].quarter - first->quarter, tpq),
                               (uint8_t)first[i].beats, (uint8_t)first[i].unit};
    if (!n || meters[n - 1].beats != meter.beats || meters[n - 1].unit != meter.unit) {
      meters[n++] = meter;
    }
  }
  return n;
}

PmtStatus pmt_transport_maps(const PmtTransport* t, uint32_t ticks_per_quarter, PmtSmfTempo** tempos,
                             size_t* n_tempos, PmtSmfMeter** meters, size_t* n_meters) {
  size_t tempos_max = t->n_stretches;
  size_t meters_max = 0;
  for (size_t i = 0; i < t->n_stretches; ++i) {
    tempos_max += t->n_pieces;
    meters_max += t->stretches[i].count;
  }
  *n_tempos = *n_meters = 0;
  *tempos = malloc(tempos_max * sizeof **tempos);
  *meters = malloc(meters_max * sizeof **meters);
  if (!*tempos || !*meters) {
    free(*tempos);
    free(*meters);
    *tempos = NULL;
    *meters = NULL;
    return PMT_NO_MEM;
  }
  for (size_t i = 0; i < t->n_stretches; ++i) {
    *n_tempos = add_tempos(t, &t->stretches[i], ticks_per_quarter, *tempos, *n_tempos);
    *n_meters = add_meters(t, &t->stretches[i], ticks_per_quarter, *meters, *n_meters);
  }
  return PMT_OK;
}
