/* SPDX-License-Identifier: ISC */
/** @file jackdrive.c  Rolls the JACK transport for a client that makes MIDI, and writes down what it emits, by frame.

    Above: tests/hosts/hosts.sh. Below: libjack, music/smf. It is the timebase master at a given tempo and meter,
    performs a script of transport actions, plays a MIDI file along with the song, and records every event of one port
    with its exact frame. Actions happen inside the process callback, in the cycle they fall into, so a script is the
    same in real time and freewheeling.

      jackdrive [options]
        -o PORT     MIDI output of the client under test     -i PORT   its MIDI input, for notes in the script
        -p FILE[:TRACK]  notes and pedal of a MIDI file, or of one of its tracks (from 1, of those that have notes), go
                    to -i while the transport rolls, each at its own frame of the song: the file begins where the song
                    does. They are quarters of the song, so of the file's tempi only the first counts, and that only
                    without -t. Where voices meet on a key it is struck again and let go once, as `partimento play
                    --player` does it. Wherever the transport stops or goes elsewhere, what is down comes up; what
                    began before is not begun again
        -t BPM      quarter notes a minute (120)             -m N -u N meter: N beats a bar (4) of unit N (4)
        -T N        ticks a beat that are published (1920)   -d SEC    how long, in seconds of frames (8)
        -l FILE     the list                                 -x        freewheel for the whole run
        -c NAME     the client that records is called so (jackdrive), the one that sends NAME-send. Clients that open at
                    the same time need different names, on whatever servers: JACK calls their sockets by that name alone
        -n          somebody else is timebase master         -k        leave the transport as it is, before and after
        -g N        every note-on lies on a grid of 1/N quarter, to within -e FRAMES (1), while the transport rolls
        -s SCRIPT   actions separated by commas, TIME in seconds from the start ("0.5:play"):
                      TIME:play  TIME:stop  TIME:locate=QUARTER  TIME:frame=FRAME  TIME:tempo=BPM
                      TIME:midi=HEXBYTES  TIME:loop=QUARTER-QUARTER  TIME:loop=off

    The list has a line an event: server frame from the start, transport frame, quarters by our own arithmetic,
    R rolling / S starting / - standing, tempo, bytes, and with -g the distance from the grid in frames.
    The last line on stdout: frames N events N note-ons N lost N xruns N [off-grid N worst X]. Exit status 0 when it ran
    and the grid held; 1 when not; 2 for wrong use. */
#include "music/smf.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jack/jack.h>
#include <jack/midiport.h>
#include <jack/transport.h>

enum { EVENTS_MAX = 1 << 17, ACTIONS_MAX = 256, STILL_MAX = 5000, CHANNELS = 16, KEYS = 128, CC_SUSTAIN = 64 };

typedef enum { ACT_PLAY, ACT_STOP, ACT_LOCATE, ACT_FRAME, ACT_TEMPO, ACT_MIDI, ACT_LOOP } ActionKind;

typedef struct {
  double time; /* seconds from the start */
  ActionKind kind;
  double value, end;
  uint8_t bytes[3];
  uint32_t size;
} Action;

typedef struct {
  int64_t frame;     /* of the server, from the first cycle */
  int64_t transport;
  double quarter;    /* at that transport frame */
  double bpm;
  uint32_t size;
  uint8_t bytes[4];
  char state;
} Event;

/* A key of the player, or the pedal, goes down or up; at one tick in this order. */
typedef enum { STROKE_OFF, STROKE_PEDAL, STROKE_ON, STROKE_OFF_AT_ONCE } StrokeKind;

typedef struct {
  uint64_t tick;
  StrokeKind kind;
  uint8_t bytes[3];
} Stroke;

typedef struct {
  uint32_t n_notes; /* that hold it */
  double struck;    /* frame of the song */
} Key;

/* The player's part of the song. */
typedef struct {
  Stroke* strokes; /* by tick */
  size_t n_strokes, next;
  double ticks_per_quarter, bpm; /* the file's; bpm of its beginning */
  bool rolls;                    /* did in the last cycle, */
  int64_t frame;                 /* which ended here */
  Key key[CHANNELS][KEYS];
  bool pedal[CHANNELS];
} Part;

/* Quarters at transport frames: a line through an anchor; a change of tempo moves the anchor there. */
typedef struct { double quarter, frame, bpm; } TempoLine;

typedef struct {
  const char *name, *source, *sink, *list, *script, *part;
  double bpm, beats, unit, ticks_per_beat, seconds, grid, tolerance;
  bool freewheel, no_master, keep_transport;
} Options;

typedef struct {
  Options options;
  jack_client_t* client; /* records, and is the timebase master */
  jack_client_t* sender; /* of its own: in a single client JACK would see a loop and delay one way by a period */
  jack_port_t *in, *out;
  double rate;
  TempoLine line;
  double next_bpm;
  double loop_from, loop_to; /* quarters; loop_to <= loop_from: no loop */
  bool loop_asked;
  int64_t base;              /* server frame where the script begins; set before `ready` */
  atomic_bool ready, started;
  _Atomic uint32_t first_cycle; /* JACK's frame time of the first cycle */
  Action actions[ACTIONS_MAX];
  size_t n_actions, next_transport, next_midi;
  Part part; /* the sender's */
  Event* events;
  _Atomic uint32_t n_events, lost, xruns;
  _Atomic int64_t now; /* end of the latest cycle */
  atomic_bool gone;
} Drive;

static volatile sig_atomic_t interrupted;

/* ---- audio thread ---- */

static double quarter_at(const TempoLine* const line, const double frame, const double rate) {
  return line->quarter + (frame - line->frame) * line->bpm / 60.0 / rate;
}

static double frame_at(const TempoLine* const line, const double quarter, const double rate) {
  return line->frame + (quarter - line->quarter) * 60.0 * rate / line->bpm;
}

/* JACK calls this at the end of a cycle, for the next one: the first that can have another tempo. */
static void timebase(jack_transport_state_t state, jack_nframes_t n_frames, jack_position_t* const pos, int is_new,
                     void* const data) {
  (void)state, (void)n_frames, (void)is_new;
  Drive* const d = data;
  const Options* const o = &d->options;
  if (d->next_bpm != d->line.bpm) {
    d->line = (TempoLine){quarter_at(&d->line, pos->frame, d->rate), pos->frame, d->next_bpm};
  }
  const double beat = quarter_at(&d->line, pos->frame, d->rate) * o->unit / 4;
  const double bar = floor(beat / o->beats);
  const double in_bar = beat - bar * o->beats;
  pos->valid = JackPositionBBT;
  pos->bar = (int32_t)bar + 1;
  pos->beat = (int32_t)floor(in_bar) + 1;
  pos->tick = (int32_t)floor((in_bar - floor(in_bar)) * o->ticks_per_beat);
  pos->bar_start_tick = bar * o->beats * o->ticks_per_beat;
  pos->beats_per_bar = (float)o->beats;
  pos->beat_type = (float)o->unit;
  pos->ticks_per_beat = o->ticks_per_beat;
  pos->beats_per_minute = d->line.bpm * o->unit / 4;
}

static void locate(Drive* const d, const double quarter) {
  jack_transport_locate(d->client, (jack_nframes_t)llround(frame_at(&d->line, quarter, d->rate)));
}

static void act(Drive* const d, const Action* const action) {
  switch (action->kind) {
    case ACT_PLAY: jack_transport_start(d->client); break;
    case ACT_STOP: jack_transport_stop(d->client); break;
    case ACT_LOCATE: locate(d, action->value); break;
    case ACT_FRAME: jack_transport_locate(d->client, (jack_nframes_t)action->value); break;
    case ACT_TEMPO: d->next_bpm = action->value; break;
    case ACT_LOOP:
      d->loop_from = action->value;
      d->loop_to = action->end;
      d->loop_asked = false;
      break;
    case ACT_MIDI: break; /* the sender's */
  }
}

/* A loop is taken at the first cycle that reaches its end, as JACK's clients do it. */
static void wrap_loop(Drive* const d, const jack_position_t* const pos, const jack_nframes_t n_frames) {
  if (d->loop_to <= d->loop_from) {
    return;
  }
  const bool reached = pos->frame + n_frames >= frame_at(&d->line, d->loop_to, d->rate);
  if (reached && !d->loop_asked) {
    locate(d, d->loop_from);
  }
  d->loop_asked = reached;
}

static void record(Drive* const d, const jack_midi_event_t* const event, const jack_transport_state_t state,
                   const jack_position_t* const pos, const int64_t now) {
  const uint32_t at = atomic_load(&d->n_events);
  if (at == EVENTS_MAX) {
    atomic_fetch_add(&d->lost, 1);
    return;
  }
  const bool rolling = state == JackTransportRolling;
  Event* const e = &d->events[at];
  e->frame = now + event->time;
  e->transport = (int64_t)pos->frame + (rolling ? event->time : 0);
  e->quarter = quarter_at(&d->line, (double)e->transport, d->rate);
  e->bpm = d->line.bpm;
  e->state = rolling ? 'R' : state == JackTransportStarting ? 'S' : '-';
  e->size = (uint32_t)event->size;
  memset(e->bytes, 0, sizeof e->bytes);
  memcpy(e->bytes, event->buffer, event->size < sizeof e->bytes ? event->size : sizeof e->bytes);
  atomic_store(&d->n_events, at + 1);
}

static int process(const jack_nframes_t n_frames, void* const data) {
  Drive* const d = data;
  jack_position_t pos;
  const jack_transport_state_t state = jack_transport_query(d->client, &pos);
  const jack_nframes_t time = jack_last_frame_time(d->client);
  if (!atomic_load(&d->started)) {
    atomic_store(&d->first_cycle, time);
    atomic_store(&d->started, true);
  }
  const int64_t now = (uint32_t)(time - atomic_load(&d->first_cycle));

  void* const buffer = jack_port_get_buffer(d->in, n_frames);
  const uint32_t n = jack_midi_get_event_count(buffer);
  for (uint32_t i = 0; i < n; ++i) {
    jack_midi_event_t event;
    if (!jack_midi_event_get(&event, buffer, i)) {
      record(d, &event, state, &pos, now);
    }
  }
  atomic_fetch_add(&d->lost, jack_midi_get_lost_event_count(buffer));

  if (atomic_load(&d->ready)) {
    while (d->next_transport < d->n_actions
           && d->base + d->actions[d->next_transport].time * d->rate < (double)(now + n_frames)) {
      act(d, &d->actions[d->next_transport++]);
    }
    if (state == JackTransportRolling) {
      wrap_loop(d, &pos, n_frames);
    }
  }
  atomic_store(&d->now, now + n_frames);
  return 0;
}

static void put_some(Drive* const d, void* const buffer, const uint32_t offset, const uint8_t* const bytes,
                     const uint32_t size) {
  if (jack_midi_event_write(buffer, offset, bytes, size)) {
    atomic_fetch_add(&d->lost, 1);
  }
}

static void put(Drive* const d, void* const buffer, const uint32_t offset, const uint8_t bytes[3]) {
  put_some(d, buffer, offset, bytes, 3);
}

/* The song is elsewhere: nobody plays there yet. */
static void let_go(Drive* const d, void* const buffer) {
  for (uint8_t channel = 0; channel < CHANNELS; ++channel) {
    for (uint8_t key = 0; key < KEYS; ++key) {
      Key* const k = &d->part.key[channel][key];
      if (k->n_notes) {
        k->n_notes = 0;
        put(d, buffer, 0, (uint8_t[]){0x80 | channel, key, 0});
      }
    }
    if (d->part.pedal[channel]) {
      d->part.pedal[channel] = false;
      put(d, buffer, 0, (uint8_t[]){0xb0 | channel, CC_SUSTAIN, 0});
    }
  }
}

/* As everything at a tick: at the first frame at which it has come. */
static double stroke_frame(const Drive* const d, const size_t i) {
  const Part* const p = &d->part;
  return ceil(frame_at(&d->line, (double)p->strokes[i].tick / p->ticks_per_quarter, d->rate) - 1e-6);
}

/* Where the part is at the beginning of a cycle. @return whether it rolls */
static bool follow_song(Drive* const d, void* const buffer, const jack_nframes_t n_frames, int64_t* const frame) {
  Part* const p = &d->part;
  jack_position_t pos;
  const bool rolls = jack_transport_query(d->sender, &pos) == JackTransportRolling;
  *frame = pos.frame;
  if (p->rolls && (!rolls || p->frame != *frame)) {
    let_go(d, buffer);
  }
  if (rolls && (!p->rolls || p->frame != *frame)) {
    for (p->next = 0; p->next < p->n_strokes && stroke_frame(d, p->next) < (double)*frame;) {
      ++p->next;
    }
  }
  p->rolls = rolls;
  p->frame = *frame + n_frames;
  return rolls;
}

static void press(Drive* const d, void* const buffer, const uint32_t offset, const Stroke* const on,
                  const double frame) {
  Key* const key = &d->part.key[on->bytes[0] & 0x0f][on->bytes[1]];
  if (key->n_notes++) {
    if (key->struck == frame) {
      return;
    }
    put(d, buffer, offset, (uint8_t[]){on->bytes[0] ^ 0x10, on->bytes[1], 0});
  }
  put(d, buffer, offset, on->bytes);
  key->struck = frame;
}

static void strike(Drive* const d, void* const buffer, const uint32_t offset, const Stroke* const stroke,
                   const double frame) {
  const uint8_t channel = stroke->bytes[0] & 0x0f;
  Key* const key = &d->part.key[channel][stroke->bytes[1]];
  switch (stroke->kind) {
    case STROKE_ON: press(d, buffer, offset, stroke, frame); break;
    case STROKE_PEDAL:
      d->part.pedal[channel] = stroke->bytes[2];
      put(d, buffer, offset, stroke->bytes);
      break;
    case STROKE_OFF:
    case STROKE_OFF_AT_ONCE:
      if (key->n_notes && !--key->n_notes) { /* no end without its beginning */
        put(d, buffer, offset, stroke->bytes);
      }
      break;
  }
}

/* The script's notes and the part's, in one order: JACK takes no event before the last one. */
static int send_process(const jack_nframes_t n_frames, void* const data) {
  Drive* const d = data;
  void* const buffer = jack_port_get_buffer(d->out, n_frames);
  jack_midi_clear_buffer(buffer);
  if (!atomic_load(&d->ready)) {
    return 0;
  }
  const double now = (uint32_t)(jack_last_frame_time(d->sender) - atomic_load(&d->first_cycle));
  Part* const p = &d->part;
  int64_t song = 0;
  const bool rolls = follow_song(d, buffer, n_frames, &song);
  for (;;) {
    while (d->next_midi < d->n_actions && d->actions[d->next_midi].kind != ACT_MIDI) {
      ++d->next_midi;
    }
    const Action* const action = &d->actions[d->next_midi];
    const double scripted = d->next_midi < d->n_actions ? d->base + action->time * d->rate - now : INFINITY;
    const double played = rolls && p->next < p->n_strokes ? stroke_frame(d, p->next) - (double)song : INFINITY;
    const double first = fmax(0, fmin(scripted, played));
    if (first >= n_frames) {
      return 0;
    }
    if (scripted <= played) {
      put_some(d, buffer, (uint32_t)first, action->bytes, action->size);
      ++d->next_midi;
    } else {
      strike(d, buffer, (uint32_t)first, &p->strokes[p->next++], (double)song + first);
    }
  }
}

static int on_xrun(void* const data) {
  atomic_fetch_add(&((Drive*)data)->xruns, 1);
  return 0;
}

static void on_gone(void* const data) {
  atomic_store(&((Drive*)data)->gone, true);
}

/* ---- set up ---- */

static void on_signal(const int signal_number) {
  (void)signal_number;
  interrupted = 1;
}

static bool parse_bytes(Action* const action, const char* const hex) {
  unsigned b[3] = {0, 0, 0};
  action->size = (uint32_t)strlen(hex) / 2;
  if (action->size < 1 || action->size > 3 || sscanf(hex, "%2x%2x%2x", &b[0], &b[1], &b[2]) < (int)action->size) {
    return false;
  }
  for (int i = 0; i < 3; ++i) {
    action->bytes[i] = (uint8_t)b[i];
  }
  return true;
}

static bool parse_action(Action* const action, const char* const word) {
  static const char* const names[] = {"play", "stop", "locate", "frame", "tempo", "midi", "loop"};
  char name[16], value[32] = "";
  if (sscanf(word, " %lf:%15[a-z]=%31s", &action->time, name, value) < 2) {
    return false;
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (!strcmp(name, names[i])) {
      action->kind = (ActionKind)i;
      action->value = atof(value);
      if (action->kind == ACT_MIDI) {
        return parse_bytes(action, value);
      }
      return action->kind != ACT_LOOP || !strcmp(value, "off")
             || sscanf(value, "%lf-%lf", &action->value, &action->end) == 2;
    }
  }
  return false;
}

static bool parse_script(Drive* const d, const char* const text) {
  char* const copy = strdup(text);
  bool good = copy;
  char* rest = NULL;
  for (char* word = copy ? strtok_r(copy, ",", &rest) : NULL; word && good; word = strtok_r(NULL, ",", &rest)) {
    Action* const action = &d->actions[d->n_actions];
    good = d->n_actions < ACTIONS_MAX && parse_action(action, word)
           && (!d->n_actions || action->time >= d->actions[d->n_actions - 1].time);
    if (!good) {
      fprintf(stderr, "jackdrive: cannot read action '%s', or it is out of order\n", word);
    }
    d->n_actions += good;
  }
  free(copy);
  return good;
}

static int compare_strokes(const void* const va, const void* const vb) {
  const Stroke *const a = va, *const b = vb;
  if (a->tick != b->tick) {
    return a->tick < b->tick ? -1 : 1;
  }
  return a->kind != b->kind ? (int)a->kind - (int)b->kind : memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* @param number of a track, from 1, of those that have notes; 0: all @return one a track, to be freed */
static bool* choose_tracks(const PmtSmf* const smf, const unsigned long number) {
  bool* const chosen = calloc(smf->n_tracks + 1, sizeof *chosen);
  unsigned long n = 0;
  for (size_t i = 0; i < smf->n_notes && chosen; ++i) {
    chosen[smf->notes[i].track] = true;
  }
  for (uint32_t t = 0; t < smf->n_tracks && chosen; ++t) {
    n += chosen[t];
    chosen[t] = chosen[t] && (!number || n == number);
  }
  return chosen;
}

static bool take_strokes(Part* const p, const PmtSmf* const smf, const unsigned long number) {
  p->strokes = calloc(2 * smf->n_notes + smf->n_pedals + 1, sizeof *p->strokes);
  bool* const chosen = choose_tracks(smf, number);
  for (size_t i = 0; i < smf->n_notes && p->strokes && chosen; ++i) {
    const PmtSmfNote* const n = &smf->notes[i];
    const bool at_once = n->end <= n->start;
    if (chosen[n->track]) {
      p->strokes[p->n_strokes++] = (Stroke){n->start, STROKE_ON, {0x90 | n->channel, n->pitch, n->velocity}};
      p->strokes[p->n_strokes++] = (Stroke){at_once ? n->start : n->end, at_once ? STROKE_OFF_AT_ONCE : STROKE_OFF,
                                            {0x80 | n->channel, n->pitch, 0}};
    }
  }
  for (size_t i = 0; i < smf->n_pedals && p->n_strokes; ++i) {
    const PmtSmfPedal* const pedal = &smf->pedals[i];
    if (chosen[pedal->track]) {
      p->strokes[p->n_strokes++] =
          (Stroke){pedal->tick, STROKE_PEDAL, {0xb0 | pedal->channel, CC_SUSTAIN, pedal->value}};
    }
  }
  free(chosen);
  if (p->n_strokes) {
    qsort(p->strokes, p->n_strokes, sizeof *p->strokes, compare_strokes);
  }
  return p->n_strokes > 0;
}

/* @param text FILE or FILE:TRACK */
static bool read_part(Part* const p, const char* const text) {
  char path[4096];
  unsigned long track = 0;
  const int length = snprintf(path, sizeof path, "%s", text);
  char* const colon = strrchr(path, ':');
  if (colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
    track = strtoul(colon + 1, NULL, 10);
    *colon = '\0';
  }
  PmtSmf smf;
  PmtError error;
  if (length >= (int)sizeof path || pmt_smf_read(path, &smf, &error)) {
    fprintf(stderr, "jackdrive: %s\n", length >= (int)sizeof path ? "a long path" : error.text);
    return false;
  }
  p->ticks_per_quarter = smf.ticks_per_quarter;
  p->bpm = 60e6 / smf.tempos[0].us_per_quarter;
  const bool good = take_strokes(p, &smf, track);
  pmt_smf_free(&smf);
  if (!good) {
    fprintf(stderr, "jackdrive: %s: no notes there\n", text);
  }
  return good;
}

static bool parse_options(Options* const o, const int argc, char** const argv) {
  *o = (Options){.name = "jackdrive", .script = "0.5:play", .beats = 4, .unit = 4, .ticks_per_beat = 1920, .seconds = 8,
                 .tolerance = 1};
  for (int c; (c = getopt(argc, argv, "o:i:p:c:t:m:u:T:d:l:xnkg:e:s:")) != -1;) {
    switch (c) {
      case 'o': o->source = optarg; break;
      case 'i': o->sink = optarg; break;
      case 'p': o->part = optarg; break;
      case 't':
        o->bpm = atof(optarg);
        if (!(o->bpm > 0)) {
          return false;
        }
        break;
      case 'm': o->beats = atof(optarg); break;
      case 'u': o->unit = atof(optarg); break;
      case 'T': o->ticks_per_beat = atof(optarg); break;
      case 'd': o->seconds = atof(optarg); break;
      case 'l': o->list = optarg; break;
      case 'x': o->freewheel = true; break;
      case 'n': o->no_master = true; break;
      case 'k': o->keep_transport = true; break;
      case 'g': o->grid = atof(optarg); break;
      case 'e': o->tolerance = atof(optarg); break;
      case 's': o->script = optarg; break;
      case 'c': o->name = optarg; break;
      default: return false;
    }
  }
  return o->beats > 0 && o->unit > 0;
}

static bool has_midi(const Drive* const d) {
  if (d->part.n_strokes) {
    return true;
  }
  for (size_t i = 0; i < d->n_actions; ++i) {
    if (d->actions[i].kind == ACT_MIDI) {
      return true;
    }
  }
  return false;
}

static bool open_clients(Drive* const d) {
  d->events = calloc(EVENTS_MAX, sizeof *d->events);
  d->client = jack_client_open(d->options.name, JackNoStartServer, NULL);
  if (!d->client || !d->events) {
    fputs("jackdrive: no JACK server\n", stderr);
    return false;
  }
  d->rate = jack_get_sample_rate(d->client);
  d->line = (TempoLine){0, 0, d->options.bpm};
  d->next_bpm = d->options.bpm;
  d->in = jack_port_register(d->client, "in", JACK_DEFAULT_MIDI_TYPE, JackPortIsInput, 0);
  jack_set_process_callback(d->client, process, d);
  jack_set_xrun_callback(d->client, on_xrun, d);
  jack_on_shutdown(d->client, on_gone, d);
  if (!d->options.keep_transport) {
    jack_transport_stop(d->client);
    jack_transport_locate(d->client, 0);
  }
  if (!d->options.no_master && jack_set_timebase_callback(d->client, 0, timebase, d)) {
    fputs("jackdrive: cannot become timebase master\n", stderr);
    return false;
  }
  if (d->options.sink && has_midi(d)) {
    char name[64];
    snprintf(name, sizeof name, "%s-send", d->options.name);
    d->sender = jack_client_open(name, JackNoStartServer, NULL);
    if (!d->sender) {
      fputs("jackdrive: the server takes no second client\n", stderr);
      return false;
    }
    d->out = jack_port_register(d->sender, "out", JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput, 0);
    jack_set_process_callback(d->sender, send_process, d);
  }
  return !jack_activate(d->client) && (!d->sender || !jack_activate(d->sender));
}

/* The other side's ports may take a moment to appear. */
static bool connect_ports(Drive* const d, const char* const from, const char* const to) {
  for (int i = 0; i < 50 && !interrupted; ++i) {
    const int status = jack_connect(d->client, from, to);
    if (!status || status == EEXIST) {
      return true;
    }
    usleep(100000);
  }
  fprintf(stderr, "jackdrive: cannot connect %s to %s\n", from, to);
  return false;
}

/* ---- the run ---- */

static void run(Drive* const d) {
  const bool freewheel = d->options.freewheel;
  usleep(100000);
  d->base = atomic_load(&d->now);
  atomic_store(&d->ready, true);
  if (freewheel) {
    jack_set_freewheel(d->client, 1);
  }
  const double end = (double)d->base + d->options.seconds * d->rate;
  int64_t seen = 0;
  for (int still = 0; still < STILL_MAX; ++still) {
    const int64_t now = atomic_load(&d->now);
    if ((double)now >= end || interrupted || atomic_load(&d->gone)) {
      break;
    }
    still = now == seen ? still : 0;
    seen = now;
    usleep(freewheel ? 200 : 2000);
  }
  if ((double)seen < end && (double)atomic_load(&d->now) < end && !interrupted) {
    fputs("jackdrive: the server stands still\n", stderr);
    interrupted = 1;
  }
  if (freewheel) {
    jack_set_freewheel(d->client, 0);
  }
  if (!d->options.keep_transport) {
    jack_transport_stop(d->client);
  }
  usleep(50000); /* what ends at the stop */
}

static void close_clients(Drive* const d) {
  if (atomic_load(&d->gone)) {
    return;
  }
  if (d->sender) {
    jack_deactivate(d->sender);
    jack_client_close(d->sender);
  }
  jack_deactivate(d->client);
  jack_client_close(d->client);
}

static bool is_note_on(const Event* const e) {
  return (e->bytes[0] & 0xf0) == 0x90 && e->bytes[2] > 0;
}

/* Distance from the nearest line of the grid, in frames. */
static double deviation(const Drive* const d, const Event* const e) {
  const double at = e->quarter * d->options.grid;
  return (at - round(at)) * 60.0 / e->bpm * d->rate / d->options.grid;
}

static bool write_list(const Drive* const d) {
  FILE* const f = fopen(d->options.list, "w");
  if (!f) {
    return false;
  }
  const uint32_t n = atomic_load(&d->n_events);
  for (uint32_t i = 0; i < n; ++i) {
    const Event* const e = &d->events[i];
    fprintf(f, "%lld %lld %.6f %c %.3f", (long long)(e->frame - d->base), (long long)e->transport, e->quarter, e->state,
            e->bpm);
    for (uint32_t k = 0; k < e->size && k < sizeof e->bytes; ++k) {
      fprintf(f, " %02x", e->bytes[k]);
    }
    if (d->options.grid > 0 && is_note_on(e)) {
      fprintf(f, " dev=%+.3f", deviation(d, e));
    }
    fputc('\n', f);
  }
  return !fclose(f);
}

/* @return whether the grid held */
static bool print_summary(const Drive* const d) {
  const uint32_t n = atomic_load(&d->n_events);
  uint32_t ons = 0, off_grid = 0;
  double worst = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const Event* const e = &d->events[i];
    if (!is_note_on(e)) {
      continue;
    }
    ++ons;
    if (d->options.grid > 0) {
      const double distance = fabs(deviation(d, e));
      worst = fmax(worst, distance);
      off_grid += distance > d->options.tolerance || e->state != 'R';
    }
  }
  printf("frames %lld events %u note-ons %u lost %u xruns %u", (long long)(atomic_load(&d->now) - d->base), n, ons,
         atomic_load(&d->lost), atomic_load(&d->xruns));
  if (d->options.grid > 0) {
    printf(" off-grid %u worst %.3f", off_grid, worst);
  }
  putchar('\n');
  return d->options.grid <= 0 || (ons && !off_grid);
}

int main(int argc, char** argv) {
  static Drive drive;
  Drive* const d = &drive;
  Options* const o = &d->options;
  if (!parse_options(o, argc, argv) || !parse_script(d, o->script) || (o->part && !read_part(&d->part, o->part))) {
    return 2;
  }
  o->bpm = o->bpm > 0 ? o->bpm : o->part ? d->part.bpm : 120;
  signal(SIGINT, on_signal); /* so that the server is left properly */
  signal(SIGTERM, on_signal);
  if (!open_clients(d) || (o->source && !connect_ports(d, o->source, jack_port_name(d->in)))
      || (d->sender && !connect_ports(d, jack_port_name(d->out), o->sink))) {
    return 1;
  }
  run(d);
  close_clients(d);
  const bool listed = !d->options.list || write_list(d);
  if (!listed) {
    fprintf(stderr, "jackdrive: cannot write %s\n", d->options.list);
  }
  const bool held = print_summary(d);
  free(d->events);
  free(d->part.strokes);
  return interrupted || atomic_load(&d->gone) || !listed || !held;
}
