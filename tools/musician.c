/* SPDX-License-Identifier: ISC */
/* The player: reading, choosing, laying out, taking. Above: musician.h. Below: music/smf.h, transport.h. */
#include "musician.h"

#include "gen/channels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CC_SUSTAIN = 64, BEATS_MAX = 99, FINEST_UNIT = 64, TICKS_WANTED = 480, KEYS = PMT_CHANNELS * 128 };

static PmtStatus fail_memory(const PmtMusician* m, PmtError* error) {
  return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", m->options.path);
}

/* ---- which tracks ---- */

static void mark_tracks(const PmtSmf* smf, bool* has_notes) {
  for (size_t i = 0; i < smf->n_notes; ++i) {
    has_notes[smf->notes[i].track] = true;
  }
}

static PmtStatus fail_track(const PmtMusician* m, const bool* has_notes, const char* word, PmtError* error) {
  char list[200] = "";
  size_t used = 0;
  uint32_t number = 0;
  for (uint32_t i = 0; i < m->smf.n_tracks && used < sizeof list; ++i) {
    if (has_notes[i]) {
      used += (size_t)snprintf(list + used, sizeof list - used, "%s %u \"%s\"", used ? "," : "", ++number,
                               m->smf.names[i].text);
    }
  }
  return pmt_fail(error, PMT_BAD_ARG, "--player-track: no \"%s\" in %s; there are:%s", word, m->options.path, list);
}

/* By name, all of that name; else by number. @return whether there is one */
static bool choose_track(PmtMusician* m, const bool* has_notes, const char* word) {
  bool found = false;
  for (uint32_t i = 0; i < m->smf.n_tracks; ++i) {
    if (has_notes[i] && !strcasecmp(m->smf.names[i].text, word)) {
      m->chosen[i] = found = true;
    }
  }
  int64_t number = 0;
  if (found || !pmt_cli_parse_int("", word, 1, m->smf.n_tracks, &number, NULL)) {
    return found;
  }
  for (uint32_t i = 0; i < m->smf.n_tracks; ++i) {
    number -= has_notes[i];
    if (number == 0) {
      m->chosen[i] = true;
      return true;
    }
  }
  return false;
}

static PmtStatus choose_tracks(PmtMusician* m, PmtError* error) {
  bool* has_notes = calloc(m->smf.n_tracks, sizeof *has_notes);
  m->chosen = calloc(m->smf.n_tracks, sizeof *m->chosen);
  PmtStatus status = has_notes && m->chosen ? PMT_OK : fail_memory(m, error);
  if (!status) {
    mark_tracks(&m->smf, has_notes);
  }
  for (size_t i = 0; !status && i < m->options.n_tracks; ++i) {
    const char* word = m->options.tracks[i];
    status = choose_track(m, has_notes, word) ? PMT_OK : fail_track(m, has_notes, word, error);
  }
  if (!status && !m->options.n_tracks) {
    memcpy(m->chosen, has_notes, m->smf.n_tracks * sizeof *has_notes);
  }
  free(has_notes);
  return status;
}

/* ---- tempo and meter ---- */

static PmtStatus read_tempos(PmtMusician* m, PmtError* error) {
  m->tempos = malloc(m->smf.n_tempos * sizeof *m->tempos);
  if (!m->tempos) {
    return fail_memory(m, error);
  }
  for (size_t i = 0; i < m->smf.n_tempos; ++i) {
    const PmtSmfTempo* t = &m->smf.tempos[i];
    m->tempos[i] = (PmtSongTempo){(double)t->tick / m->smf.ticks_per_quarter,
                                  fmin(PMT_TEMPO_MAX, fmax(PMT_TEMPO_MIN, 60e6 / t->us_per_quarter))};
  }
  m->n_tempos = m->smf.n_tempos;
  return PMT_OK;
}

static PmtCliMeter sane_meter(const PmtSmfMeter* meter) {
  const bool sane = meter->beats >= 1 && meter->beats <= BEATS_MAX && meter->unit >= 1 && meter->unit <= FINEST_UNIT;
  return sane ? (PmtCliMeter){meter->beats, meter->unit} : (PmtCliMeter){4, 4};
}

/* A change in mid-bar ends the bar there: what is left of it as a meter, in beats of the meter before if it can be.
   @return 0 beats: less than a 64th is left, which no meter says */
static PmtCliMeter rest_of_bar(double quarters, uint32_t unit) {
  PmtCliMeter rest = {(uint32_t)llround(fmax(0, quarters) * FINEST_UNIT / 4), FINEST_UNIT};
  while (rest.beats && rest.unit > 1 && (rest.beats > BEATS_MAX || (rest.beats % 2 == 0 && rest.unit > unit))) {
    rest.beats /= 2;
    rest.unit /= 2;
  }
  return rest;
}

/* A meter that begins where another one would do so too replaces it. */
static void put_meter(PmtMusician* m, uint32_t bar, PmtCliMeter meter) {
  m->n_meters -= m->n_meters && m->meters[m->n_meters - 1].bar == bar;
  m->meters[m->n_meters++] = (PmtSongMeter){bar, meter};
}

/* Bar lines are where the file has them, to a 64th; that error is not carried on. */
static PmtStatus read_meters(PmtMusician* m, PmtError* error) {
  m->meters = malloc(2 * m->smf.n_meters * sizeof *m->meters);
  if (!m->meters) {
    return fail_memory(m, error);
  }
  double bar = 0;
  double at = 0; /* quarters of its line */
  for (size_t i = 0; i < m->smf.n_meters && bar <= PMT_AUTOMATION_BARS_MAX; ++i) {
    const PmtCliMeter meter = sane_meter(&m->smf.meters[i]);
    const double length = 4.0 * meter.beats / meter.unit;
    put_meter(m, (uint32_t)bar, meter);
    if (i + 1 == m->smf.n_meters) {
      break;
    }
    const double to = (double)m->smf.meters[i + 1].tick / m->smf.ticks_per_quarter;
    const double whole = floor(fmax(0, to - at) / length + 1e-9);
    bar += whole;
    at += whole * length;
    const PmtCliMeter rest = rest_of_bar(to - at, meter.unit);
    if (rest.beats && bar <= PMT_AUTOMATION_BARS_MAX) {
      put_meter(m, (uint32_t)bar++, rest);
      at += 4.0 * rest.beats / rest.unit;
    }
  }
  return PMT_OK;
}

PmtStatus pmt_musician_open(const PmtMusicianOptions* options, PmtMusician* m, PmtError* error) {
  *m = (PmtMusician){.options = *options};
  PmtStatus status = pmt_smf_read(options->path, &m->smf, error);
  if (!status && !m->smf.n_notes) {
    status = pmt_fail(error, PMT_BAD_FILE, "%s: no notes", options->path);
  }
  status = status ? status : choose_tracks(m, error);
  status = status ? status : read_tempos(m, error);
  status = status ? status : read_meters(m, error);
  if (status) {
    pmt_musician_free(m);
    return status;
  }
  const uint32_t ticks = m->smf.ticks_per_quarter;
  m->quarters = (double)m->smf.n_ticks / ticks;
  m->ticks_per_quarter = (TICKS_WANTED + ticks - 1) / ticks * ticks;
  return PMT_OK;
}

void pmt_musician_free(PmtMusician* m) {
  pmt_smf_free(&m->smf);
  free(m->chosen);
  free(m->tempos);
  free(m->meters);
  free(m->events);
  pmt_midi_list_free(&m->sent);
  memset(m, 0, sizeof *m);
}

/* ---- laying out ---- */

/* What comes first of what stands at one tick: the old note of a key ends before the new one begins. */
typedef enum { RANK_PROGRAM, RANK_OFF, RANK_PEDAL, RANK_ON, RANK_OFF_AT_ONCE } Rank;

typedef struct {
  uint64_t tick, frame; /* played */
  size_t order;
  Rank rank;
  uint8_t bytes[3], size;
} Laid;

typedef struct {
  PmtMusician* m;
  const PmtTransport* transport;
  const PmtStretch* stretch;
  double from, to;               /* of the stretch, in ticks of the file */
  uint8_t pedal[PMT_CHANNELS];   /* as sent last */
  Laid* laid;
  size_t n, capacity;
  bool failed;
} Layout;

static uint8_t channel_of(const PmtMusician* m, uint8_t channel) {
  return channel == PMT_DRUM_CHANNEL ? channel : (uint8_t)(m->options.channel - 1);
}

static void put(Layout* l, Laid laid) {
  if (l->n == l->capacity) {
    const size_t capacity = l->capacity ? 2 * l->capacity : 1024;
    Laid* const fresh = realloc(l->laid, capacity * sizeof *fresh);
    if (!fresh) {
      l->failed = true;
      return;
    }
    l->laid = fresh;
    l->capacity = capacity;
  }
  laid.order = l->n;
  l->laid[l->n++] = laid;
}

/* @param tick of the file. What is at the stretch's end or later is at the first frame after it, all else before. */
static void put_at(Layout* l, double tick, Rank rank, uint8_t status, uint8_t a, uint8_t b) {
  const PmtMusician* m = l->m;
  const PmtStretch* s = l->stretch;
  const double at = fmin(tick, l->to);
  uint64_t frame = s->to;
  if (at < l->to) {
    frame = pmt_transport_frame_of(l->transport, at / m->smf.ticks_per_quarter);
    frame = frame < s->to ? frame : s->to - 1;
  }
  const double ticks = (at - l->from) * m->ticks_per_quarter / m->smf.ticks_per_quarter;
  put(l, (Laid){.tick = (uint64_t)llround(s->quarter * m->ticks_per_quarter + ticks),
                .frame = s->played + (frame - s->from),
                .rank = rank, .bytes = {status, a, b}, .size = 3});
}

static void lay_note(Layout* l, const PmtSmfNote* note) {
  const uint8_t channel = channel_of(l->m, note->channel);
  const bool at_once = note->end <= note->start;
  put_at(l, (double)note->start, RANK_ON, 0x90 | channel, note->pitch, note->velocity);
  put_at(l, (double)(at_once ? note->start : note->end), at_once ? RANK_OFF_AT_ONCE : RANK_OFF, 0x80 | channel,
         note->pitch, 0);
  ++l->m->n_notes;
}

/* The first note at or after a tick. */
static size_t find_note(const PmtSmf* smf, double tick) {
  size_t lo = 0;
  size_t hi = smf->n_notes;
  while (lo < hi) {
    const size_t middle = lo + (hi - lo) / 2;
    if ((double)smf->notes[middle].start < tick) {
      lo = middle + 1;
    } else {
      hi = middle;
    }
  }
  return lo;
}

static void lay_notes(Layout* l) {
  const PmtSmf* smf = &l->m->smf;
  for (size_t i = find_note(smf, l->from); i < smf->n_notes && (double)smf->notes[i].start < l->to; ++i) {
    if (l->m->chosen[smf->notes[i].track]) {
      lay_note(l, &smf->notes[i]);
    }
  }
}

static void put_pedal(Layout* l, double tick, uint8_t channel, uint8_t value) {
  l->pedal[channel] = value;
  put_at(l, tick, RANK_PEDAL, 0xb0 | channel, CC_SUSTAIN, value);
}

/* A foot that is down where we come to goes down there; at the end it comes up, as the fingers do. */
static void lay_pedals(Layout* l) {
  const PmtSmf* smf = &l->m->smf;
  uint8_t before[PMT_CHANNELS] = {0};
  size_t i = 0;
  for (; i < smf->n_pedals && (double)smf->pedals[i].tick < l->from; ++i) {
    if (l->m->chosen[smf->pedals[i].track]) {
      before[channel_of(l->m, smf->pedals[i].channel)] = smf->pedals[i].value;
    }
  }
  for (uint8_t channel = 0; channel < PMT_CHANNELS; ++channel) {
    if (before[channel]) {
      put_pedal(l, l->from, channel, before[channel]);
    }
  }
  for (; i < smf->n_pedals && (double)smf->pedals[i].tick < l->to; ++i) {
    if (l->m->chosen[smf->pedals[i].track]) {
      put_pedal(l, (double)smf->pedals[i].tick, channel_of(l->m, smf->pedals[i].channel), smf->pedals[i].value);
    }
  }
  for (uint8_t channel = 0; channel < PMT_CHANNELS; ++channel) {
    if (l->pedal[channel]) {
      put_pedal(l, l->to, channel, 0);
    }
  }
}

/* Each channel's first. */
static void lay_programs(Layout* l) {
  const PmtSmf* smf = &l->m->smf;
  bool done[PMT_CHANNELS] = {false};
  for (size_t i = 0; i < smf->n_notes; ++i) {
    const uint8_t channel = channel_of(l->m, smf->notes[i].channel);
    if (l->m->chosen[smf->notes[i].track] && !done[channel]) {
      done[channel] = true;
      put(l, (Laid){.rank = RANK_PROGRAM, .bytes = {0xc0 | channel, smf->notes[i].program}, .size = 2});
    }
  }
}

static int compare_laid(const void* a, const void* b) {
  const Laid* p = a;
  const Laid* q = b;
  if (p->tick != q->tick) {
    return p->tick < q->tick ? -1 : 1;
  }
  if (p->rank != q->rank) {
    return p->rank < q->rank ? -1 : 1;
  }
  return p->order < q->order ? -1 : p->order > q->order;
}

/* ---- what is written, and what is sent ---- */

static PmtStatus keep_events(Layout* l) {
  PmtSmfEvent* events = malloc(l->n * sizeof *events);
  if (!events) {
    return PMT_NO_MEM;
  }
  for (size_t i = 0; i < l->n; ++i) {
    events[i] = (PmtSmfEvent){.tick = l->laid[i].tick, .size = l->laid[i].size};
    memcpy(events[i].bytes, l->laid[i].bytes, sizeof events[i].bytes);
  }
  l->m->events = events;
  l->m->n_events = l->n;
  return PMT_OK;
}

/* A key as a finger knows it. */
typedef struct { uint32_t n_notes; uint64_t struck; } Key;

static PmtStatus strike(PmtMidiList* sent, Key* key, const Laid* on) {
  const bool again = key->n_notes++;
  const uint8_t off[3] = {(uint8_t)(on->bytes[0] ^ 0x10), on->bytes[1], 0};
  if (again && key->struck == on->frame) {
    return PMT_OK;
  }
  key->struck = on->frame;
  return again && pmt_midi_list_add(sent, on->frame, off, 3) ? PMT_NO_MEM
                                                             : pmt_midi_list_add(sent, on->frame, on->bytes, 3);
}

static PmtStatus send_all(const Layout* l) {
  Key* keys = calloc(KEYS, sizeof *keys);
  PmtStatus status = keys ? PMT_OK : PMT_NO_MEM;
  for (size_t i = 0; !status && i < l->n; ++i) {
    const Laid* laid = &l->laid[i];
    Key* key = &keys[(laid->bytes[0] & 15) * 128 + laid->bytes[1]];
    if (laid->rank == RANK_ON) {
      status = strike(&l->m->sent, key, laid);
    } else if (laid->rank == RANK_PEDAL || (laid->rank != RANK_PROGRAM && --key->n_notes == 0)) {
      status = pmt_midi_list_add(&l->m->sent, laid->frame, laid->bytes, 3);
    }
  }
  free(keys);
  return status;
}

PmtStatus pmt_musician_lay(PmtMusician* m, const PmtTransport* transport, PmtError* error) {
  Layout l = {.m = m, .transport = transport};
  lay_programs(&l);
  for (size_t i = 0; i < transport->n_stretches; ++i) {
    const PmtStretch* s = l.stretch = &transport->stretches[i];
    l.from = transport->song_bars[s->first].quarter * m->smf.ticks_per_quarter;
    l.to = transport->song_bars[s->first + s->count].quarter * m->smf.ticks_per_quarter;
    lay_pedals(&l);
    lay_notes(&l);
  }
  PmtStatus status = l.failed ? PMT_NO_MEM : PMT_OK;
  if (!status && l.n) {
    qsort(l.laid, l.n, sizeof *l.laid, compare_laid);
    status = keep_events(&l);
    status = status ? status : send_all(&l);
  }
  free(l.laid);
  return status ? fail_memory(m, error) : PMT_OK;
}

/* ---- taking ---- */

uint32_t pmt_musician_span(const PmtMusician* m, uint64_t frame, uint32_t frames_max, uint32_t events_max) {
  const size_t beyond = m->next + events_max;
  if (beyond >= m->sent.n_events || m->sent.events[beyond].frame >= frame + frames_max) {
    return frames_max;
  }
  const uint64_t at = m->sent.events[beyond].frame;
  return at > frame ? (uint32_t)(at - frame) : 1;
}

const PmtTimedMidi* pmt_musician_take(PmtMusician* m, uint64_t before) {
  const bool due = m->next < m->sent.n_events && m->sent.events[m->next].frame < before;
  return due ? &m->sent.events[m->next++] : NULL;
}
