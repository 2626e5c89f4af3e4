/* SPDX-License-Identifier: ISC */
/* See hearing.h. Above: gen/engine. Below: music/ear, gen/reader. */
#include "gen/hearing.h"

#include <string.h>

enum {
  NOTE_OFF = 0x80, NOTE_ON = 0x90, CONTROL = 0xb0,
  CC_SUSTAIN = 64, CC_ALL_SOUND_OFF = 120, CC_ALL_NOTES_OFF = 123, PEDAL_DOWN = 64, DRUM_CHANNEL = 9,
  RING_SLOTS = 16, /* a string has died away by then; so has a pedal that never comes up */
};

static const double echo_seconds = 0.03;
static const double early_seconds = 0.03; /* so much before a slot its first notes may come */
static const double head_seconds = 0.06;  /* and so much after its beginning they still count as that */
static const float newest = 0.3f;         /* share of the last note in `loudness` */

static void forget_reach(PmtHearing* const h) {
  for (uint32_t i = 0; i < PMT_REACH_SLOTS; ++i) {
    h->reach[i][0] = 127;
    h->reach[i][1] = 0;
  }
}

void pmt_hearing_reset(PmtHearing* const h) {
  memset(h, 0, sizeof *h);
  pmt_ear_reset(&h->ear);
  forget_reach(h);
}

void pmt_hearing_sent(PmtHearing* const h, const uint8_t channel, const uint8_t pitch, const int64_t now) {
  h->sent[h->n_sent % PMT_ECHOES].frame = now;
  h->sent[h->n_sent % PMT_ECHOES].channel = channel;
  h->sent[h->n_sent++ % PMT_ECHOES].pitch = pitch;
}

bool pmt_hearing_echoes(const PmtHearing* const h, const uint8_t* const bytes, const int64_t now, const double rate) {
  const uint32_t n = h->n_sent < PMT_ECHOES ? h->n_sent : PMT_ECHOES;
  for (uint32_t i = 0; i < n; ++i) {
    if (h->sent[i].channel == (bytes[0] & 0x0f) && h->sent[i].pitch == bytes[1] &&
        (double)(now - h->sent[i].frame) < echo_seconds * rate) {
      return true;
    }
  }
  return false;
}

static bool sounds(const PmtKey* const key) { return key->down || key->rings; }

static void press(PmtHearing* const h, const uint8_t pitch, const uint8_t velocity, const uint16_t channel,
                  const int64_t now) {
  PmtKey* const key = &h->key[pitch];
  key->struck = key->fresh ? key->struck : now;
  key->again = now;
  key->fresh = true;
  key->down |= channel;
  key->rings = (uint16_t)(key->rings & ~channel);
  key->rung = 0;
  h->loudness = h->loudness > 0.0f ? h->loudness + newest * ((float)velocity - h->loudness) : (float)velocity;
  ++h->notes;
}

/** Take channels from what holds a key; the moment at which nothing does any more counts. */
static void lift(PmtKey* const key, const uint16_t down, const uint16_t rings, const int64_t now) {
  const bool did = sounds(key);
  key->down = (uint16_t)(key->down & ~down);
  key->rings = (uint16_t)(key->rings & ~rings);
  key->left = did && !sounds(key) ? now : key->left;
}

static void release(PmtHearing* const h, const uint8_t pitch, const uint16_t channel, const int64_t now) {
  PmtKey* const key = &h->key[pitch];
  key->rings = (uint16_t)(key->rings | (key->down & channel & h->pedal));
  lift(key, channel, 0, now);
}

static void lift_all(PmtHearing* const h, const uint16_t down, const uint16_t rings, const int64_t now) {
  for (uint32_t k = 0; k < 128; ++k) {
    lift(&h->key[k], down, rings, now);
  }
}

static void control(PmtHearing* const h, const uint8_t number, const uint8_t value, const uint16_t channel,
                    const int64_t now) {
  switch (number) {
  case CC_SUSTAIN:
    h->pedal = (uint16_t)(value >= PEDAL_DOWN ? h->pedal | channel : h->pedal & ~channel);
    lift_all(h, 0, value < PEDAL_DOWN ? channel : 0, now);
    break;
  case CC_ALL_SOUND_OFF:
  case CC_ALL_NOTES_OFF: lift_all(h, channel, channel, now); break;
  default: break;
  }
}

void pmt_hearing_take(PmtHearing* const h, const uint8_t* const bytes, const int64_t now) {
  if ((bytes[0] & 0x0f) == DRUM_CHANNEL) {
    return;
  }
  const uint16_t channel = (uint16_t)(1u << (bytes[0] & 0x0f));
  switch (bytes[0] & 0xf0) {
  case NOTE_ON:
    if (bytes[2]) {
      press(h, bytes[1], bytes[2], channel, now);
    } else {
      release(h, bytes[1], channel, now);
    }
    break;
  case NOTE_OFF: release(h, bytes[1], channel, now); break;
  case CONTROL: control(h, bytes[1], bytes[2], channel, now); break;
  default: break;
  }
}

void pmt_hearing_cut(PmtHearing* const h, const int64_t before) {
  for (uint32_t k = 0; k < 128; ++k) {
    PmtKey* const key = &h->key[k];
    key->fresh = key->fresh && key->again >= before;
    key->struck = key->struck >= before ? key->struck : key->again;
  }
}

void pmt_hearing_begin(PmtHearing* const h, const int64_t now) {
  pmt_ear_reset(&h->ear);
  forget_reach(h);
  h->loudness = 0.0f;
  h->sounded = 0;
  h->slot_began = now;
  for (uint32_t k = 0; k < 128; ++k) {
    PmtKey* const key = &h->key[k];
    if (sounds(key) && !key->fresh) {
      key->struck = key->again = now;
      key->fresh = true;
    }
  }
}

void pmt_hearing_let_go(PmtHearing* const h, const int64_t now) {
  h->pedal = 0;
  lift_all(h, UINT16_MAX, UINT16_MAX, now);
}

/* ---- Slots ------------------------------------------------------------------------------------------------------- */

typedef struct {
  PmtHearing* hearing;
  PmtReader* reader; /* NULL: not heard as music */
  int64_t head_ends; /* frame */
  bool now;
  uint8_t* reach;
} Moment;

/** A key going down or up. */
typedef struct {
  int64_t frame;
  uint8_t pitch;
  bool down;
} Event;

enum { EVENTS_MAX = 3 * 128 };

static bool is_before(const Event* const a, const Event* const b) {
  return a->frame < b->frame || (a->frame == b->frame && (a->down < b->down || (a->down == b->down && a->pitch < b->pitch)));
}

/** What is put in late goes before it: few keys are played between two slots, and never more than there are. */
static void insert(Event* const events, uint32_t* const n, const Event event) {
  uint32_t at = (*n)++;
  for (; at && is_before(&event, &events[at - 1]); --at) {
    events[at] = events[at - 1];
  }
  events[at] = event;
}

/** What was played before a frame, in order of time: of a key its beginnings that are new, and its end. */
static uint32_t gather(PmtHearing* const h, const int64_t end, Event events[EVENTS_MAX]) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < 128; ++k) {
    PmtKey* const key = &h->key[k];
    const bool known = h->ear.down[k / 64] >> k % 64 & 1, begins = key->fresh && key->struck < end;
    if (begins) {
      insert(events, &n, (Event){key->struck, (uint8_t)k, true});
    }
    if (begins && key->again > key->struck && key->again < end) {
      insert(events, &n, (Event){key->again, (uint8_t)k, true});
    }
    key->fresh = key->fresh && key->again >= end;
    key->struck = begins ? key->again : key->struck;
    if ((known || begins) && !sounds(key) && !key->fresh && key->left < end) {
      insert(events, &n, (Event){key->left, (uint8_t)k, false});
    }
  }
  return n;
}

static void reach(const Moment* const m, const uint8_t pitch) {
  m->reach[0] = pitch < m->reach[0] ? pitch : m->reach[0];
  m->reach[1] = pitch > m->reach[1] ? pitch : m->reach[1];
}

static void hear_event(const Moment* const m, const Event* const event) {
  reach(m, event->pitch);
  if (!event->down) {
    pmt_ear_release(&m->hearing->ear, event->pitch);
    return;
  }
  pmt_ear_press(&m->hearing->ear, event->pitch, m->now);
  m->hearing->begun[event->pitch / 64] |= 1ull << event->pitch % 64;
  if (m->reader) {
    pmt_reader_overhear(m->reader, event->pitch, m->now || event->frame < m->head_ends ? 0 : 1, m->now);
  }
}

static void hear_until(const Moment* const m, const int64_t end) {
  Event events[EVENTS_MAX];
  const uint32_t n = gather(m->hearing, end, events);
  for (uint32_t i = 0; i < n; ++i) {
    hear_event(m, &events[i]);
  }
}

/** Keys that are still down, and those that only ring on and die away. */
static void hear_held(const Moment* const m) {
  PmtHearing* const h = m->hearing;
  for (uint32_t k = 0; k < 128; ++k) {
    PmtKey* const key = &h->key[k];
    if (h->ear.down[k / 64] >> k % 64 & 1) {
      reach(m, (uint8_t)k);
    }
    if (key->rings && !key->down && ++key->rung > RING_SLOTS) {
      key->rings = 0;
    }
    if (!sounds(key) && !key->fresh) {
      pmt_ear_release(&h->ear, k);
    }
  }
}

void pmt_hearing_slot(PmtHearing* const h, const PmtEarMode mode, const uint32_t parts, const int64_t start,
                      const int64_t now, const double rate, PmtReader* const reader) {
  Moment m = {.hearing = h,
              .reader = mode == PMT_EAR_OFF ? NULL : reader,
              .head_ends = h->slot_began + (int64_t)(head_seconds * rate),
              .reach = h->reach[(h->ear.slot + 1) % PMT_REACH_SLOTS]};
  const bool held = h->ear.n_down;
  h->ear.mode = mode;
  h->ear.parts = parts;
  m.reach[0] = 127;
  m.reach[1] = 0;
  h->begun[0] = h->begun[1] = 0;
  hear_until(&m, mode == PMT_EAR_WITH ? start - (int64_t)(early_seconds * rate) : now + 1);
  pmt_ear_begin_slot(&h->ear);
  if (mode == PMT_EAR_WITH) {
    m.now = true;
    hear_until(&m, now + 1);
  }
  hear_held(&m);
  h->sounded = held || h->ear.n_down ? h->ear.slot : h->sounded;
  h->slot_began = start < INT64_MAX / 2 ? start : now; /* while the song stands it never begins */
  if (reader) {
    pmt_reader_listen_to(reader, &h->ear);
  }
}

bool pmt_hearing_reach(const PmtHearing* const h, uint8_t* const lo, uint8_t* const hi) {
  *lo = 127;
  *hi = 0;
  for (uint32_t i = 0; i < PMT_REACH_SLOTS; ++i) {
    *lo = h->reach[i][0] < *lo ? h->reach[i][0] : *lo;
    *hi = h->reach[i][1] > *hi ? h->reach[i][1] : *hi;
  }
  return *lo <= *hi;
}

uint32_t pmt_hearing_silence(const PmtHearing* const h) {
  bool any = false;
  for (uint32_t k = 0; k < 128; ++k) {
    any = any || sounds(&h->key[k]) || h->key[k].fresh;
  }
  const uint32_t until = h->sounded > h->ear.last ? h->sounded : h->ear.last;
  return any ? 0 : until ? h->ear.slot + 1 - until : UINT32_MAX;
}
