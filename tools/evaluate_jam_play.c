/* SPDX-License-Identifier: ISC */
/* The host in which a player and the engine play a piece together. Above: evaluate_jam.c. Below: gen/engine.h.

   As a host does: it stands, then rolls; it says at each block where it is, and where the meter changes; MIDI comes at
   its frame, and cuts the block. */
#include "evaluate.h"

#include "gen/channels.h"
#include "music/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, FILE_TICKS = 480, PLAYERS_CHANNEL = 15, NOTE_ON = 0x90, NOTE_OFF = 0x80, OFF_VELOCITY = 64 };

static const double sample_rate = 48000.0;

typedef struct {
  uint64_t frame;
  uint8_t bytes[3];
} KeyEvent;

typedef struct {
  PmtEngine* engine;
  const PmtJamPiece* piece;
  PmtMidiOut out;
  PmtMidiList* list;
  KeyEvent* keys;
  size_t n_keys, next_key;
  size_t bar;         /* that is played */
  double frames_per_tick;
  uint64_t block;     /* frame of the present block */
  bool failed;
} Jam;

static double frames_per_tick(const PmtJamPiece* const piece) {
  return sample_rate * 60.0 / (piece->bpm * PMT_TICKS_PER_QUARTER);
}

/** The first frame at which a tick has come. */
static uint64_t frame_of(const Jam* const jam, const uint32_t tick) {
  return (uint64_t)ceil((double)tick * jam->frames_per_tick - 1e-6);
}

static uint32_t end_tick(const PmtJamPiece* const piece) {
  const PmtBar* const last = &piece->score.bars[piece->bar + piece->n_bars - 1];
  return last->tick + last->ticks;
}

/* ---- The player's keys ------------------------------------------------------------------------------------------- */

static int compare_keys(const void* const left, const void* const right) {
  const KeyEvent *const a = left, *const b = right;
  if (a->frame != b->frame) { return a->frame < b->frame ? -1 : 1; }
  return memcmp(a->bytes, b->bytes, sizeof a->bytes); /* what goes up first */
}

static PmtStatus lay_keys(Jam* const jam) {
  const PmtJamPiece* const piece = jam->piece;
  jam->keys = malloc((2 * piece->n_player + 1) * sizeof *jam->keys);
  if (!jam->keys) { return PMT_NO_MEM; }
  for (size_t i = 0; i < piece->n_player; ++i) {
    const PmtNote* const n = &piece->player[i];
    jam->keys[jam->n_keys++] = (KeyEvent){
      frame_of(jam, n->onset), {NOTE_ON | PLAYERS_CHANNEL, n->pitch, pmt_velocity_midi[n->velocity]}};
    jam->keys[jam->n_keys++] = (KeyEvent){
      frame_of(jam, n->onset + n->duration), {NOTE_OFF | PLAYERS_CHANNEL, n->pitch, OFF_VELOCITY}};
  }
  qsort(jam->keys, jam->n_keys, sizeof *jam->keys, compare_keys);
  return PMT_OK;
}

/* ---- The host ---------------------------------------------------------------------------------------------------- */

static bool record(void* const handle, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  Jam* const jam = handle;
  jam->failed = jam->failed || pmt_midi_list_add(jam->list, jam->block + frame, bytes, size);
  return !jam->failed;
}

static void say_position(const Jam* const jam, const uint64_t now, const float speed) {
  const PmtBar* const bar = &jam->piece->score.bars[jam->bar];
  const double ticks_a_beat = (double)PMT_TICKS_PER_WHOLE / bar->unit;
  const double beat = ((double)now / jam->frames_per_tick - bar->tick) / ticks_a_beat;
  const PmtPosition position = {
    .frame = (int64_t)now,
    .speed = speed,
    .bar = (int64_t)jam->bar,
    .bar_beat = beat > 0.0 ? beat : 0.0,
    .beats_per_bar = (float)(bar->ticks / ticks_a_beat),
    .unit = bar->unit,
    .bpm = (float)(jam->piece->bpm * bar->unit / 4.0),
  };
  pmt_engine_position(jam->engine, &position, &jam->out, (uint32_t)(now - jam->block));
}

static bool same_meter(const PmtBar* const a, const PmtBar* const b) {
  return a->ticks == b->ticks && a->beats == b->beats && a->unit == b->unit;
}

/** Bars that have begun; a new meter is told where it begins. */
static void go_on_to(Jam* const jam, const uint64_t now) {
  const PmtScore* const score = &jam->piece->score;
  while (jam->bar + 1 < score->n_bars && frame_of(jam, score->bars[jam->bar + 1].tick) <= now) {
    ++jam->bar;
    if (!same_meter(&score->bars[jam->bar - 1], &score->bars[jam->bar])) { say_position(jam, now, 1.0f); }
  }
}

static void press_keys(Jam* const jam, const uint64_t now) {
  for (; jam->next_key < jam->n_keys && jam->keys[jam->next_key].frame <= now; ++jam->next_key) {
    const KeyEvent* const key = &jam->keys[jam->next_key];
    const uint32_t frame = (uint32_t)(now - jam->block);
    pmt_engine_midi(jam->engine, key->bytes, sizeof key->bytes, &jam->out, frame);
    record(jam, frame, key->bytes, sizeof key->bytes);
  }
}

/** Where the next thing happens. */
static uint64_t next_cut(const Jam* const jam, const uint64_t block_end) {
  const PmtScore* const score = &jam->piece->score;
  const uint64_t key = jam->next_key < jam->n_keys ? jam->keys[jam->next_key].frame : UINT64_MAX;
  const uint64_t bar = jam->bar + 1 < score->n_bars ? frame_of(jam, score->bars[jam->bar + 1].tick) : UINT64_MAX;
  const uint64_t first = key < bar ? key : bar;
  return first < block_end ? first : block_end;
}

static void roll(Jam* const jam, const uint64_t end) {
  for (uint64_t now = 0; now < end && !jam->failed;) {
    const uint64_t block_end = now + BLOCK < end ? now + BLOCK : end;
    jam->block = now;
    go_on_to(jam, now);
    say_position(jam, now, 1.0f);
    while (now < block_end) {
      go_on_to(jam, now);
      press_keys(jam, now);
      const uint64_t cut = next_cut(jam, block_end);
      pmt_engine_advance(jam->engine, (uint32_t)(cut - now), &jam->out, (uint32_t)(now - jam->block));
      now = cut;
    }
  }
  jam->block = end;
  say_position(jam, end, 0.0f);
  pmt_engine_silence(jam->engine, &jam->out, 0);
}

static void stand(Jam* const jam) {
  const uint64_t end = pmt_preroll_frames(sample_rate);
  for (uint64_t done = 0; done < end; done += BLOCK) {
    say_position(jam, 0, 0.0f);
    pmt_engine_advance(jam->engine, end - done < BLOCK ? (uint32_t)(end - done) : BLOCK, &jam->out, 0);
  }
}

/* ---- From messages to notes -------------------------------------------------------------------------------------- */

/** Reads frames as ticks. The engine plays on ticks, but for what it chose after the eighth had begun: that leaves as
    soon as it is complete, between two ticks, and was meant for the eighth. Frames do not fall. */
typedef struct {
  const Jam* jam;
  size_t bar;
} Ruler;

/** @param[out] late frames after the eighth, 0 for what comes on a tick */
static uint32_t tick_of(Ruler* const r, const uint64_t frame, double* const late) {
  const double slack = 3.0; /* frames: the engine has its own clock */
  const PmtScore* const score = &r->jam->piece->score;
  const double exact = (double)frame / r->jam->frames_per_tick;
  const uint32_t nearest = (uint32_t)llround(exact), tick = (uint32_t)exact;
  *late = 0;
  if (fabs((double)frame - (double)frame_of(r->jam, nearest)) <= slack) { return nearest; }
  while (r->bar + 1 < score->n_bars && score->bars[r->bar + 1].tick <= tick) { ++r->bar; }
  const uint32_t from = score->bars[r->bar].tick;
  const uint32_t slot = from + (tick - from) / PMT_SLOT_TICKS * PMT_SLOT_TICKS;
  *late = (exact - slot) * r->jam->frames_per_tick;
  return slot;
}

static void end_note(PmtNote* const note, const uint32_t tick) {
  uint32_t ticks = tick > note->onset ? tick - note->onset : 1;
  if (note->part == PMT_PART_DRUMS) { ticks = 0; }
  note->duration = (uint16_t)(ticks < PMT_COMPANY_TICKS_MAX ? ticks : PMT_COMPANY_TICKS_MAX);
}

static uint8_t part_of(const uint8_t channel) {
  return channel == PMT_DRUM_CHANNEL ? PMT_PART_DRUMS : (uint8_t)pmt_part_of_channel(0, channel);
}

/** @param notes room for one an event @param[out] piece what was late @return how many */
static size_t pair_notes(const Jam* const jam, PmtNote* const notes, PmtJamPiece* const piece) {
  PmtNote* sounding[PMT_CHANNELS][128] = {{NULL}};
  Ruler ruler = {.jam = jam};
  double late;
  size_t n = 0;
  for (size_t i = 0; i < jam->list->n_events; ++i) {
    const PmtTimedMidi* const e = &jam->list->events[i];
    const uint8_t kind = e->bytes[0] & 0xf0, channel = e->bytes[0] & 15, pitch = e->bytes[1] & 127;
    if (channel == PLAYERS_CHANNEL || (kind != NOTE_ON && kind != NOTE_OFF)) { continue; }
    const uint32_t tick = tick_of(&ruler, e->frame, &late);
    if (sounding[channel][pitch]) { end_note(sounding[channel][pitch], tick); }
    sounding[channel][pitch] = NULL;
    if (kind == NOTE_ON && e->bytes[2]) {
      notes[n] = (PmtNote){.onset = tick, .duration = 1, .part = part_of(channel), .pitch = pitch,
                           .velocity = (uint8_t)pmt_velocity_bin(e->bytes[2])};
      sounding[channel][pitch] = &notes[n++];
      piece->n_late += late > 0;
      piece->late_ms += 1000.0 * late / sample_rate;
    }
  }
  return n;
}

static PmtStatus take_notes(const Jam* const jam, PmtJamPiece* const piece) {
  PmtNote* const notes = malloc((jam->list->n_events + 1) * sizeof *notes);
  if (!notes) { return PMT_NO_MEM; }
  PmtScore sorted = {.notes = notes, .n_notes = pair_notes(jam, notes, piece)};
  pmt_score_sort(&sorted);
  piece->played = notes;
  piece->n_played = sorted.n_notes;
  return PMT_OK;
}

PmtStatus pmt_jam_play(PmtEngine* const engine, const PmtControls* const controls, PmtJamPiece* const piece,
                       PmtMidiList* const list, PmtError* const error) {
  Jam jam = {.engine = engine, .piece = piece, .list = list, .frames_per_tick = frames_per_tick(piece)};
  jam.out = (PmtMidiOut){record, &jam};
  PmtStatus status = lay_keys(&jam);
  if (!status) {
    pmt_engine_reset(engine);
    pmt_engine_controls(engine, controls);
    stand(&jam);
    roll(&jam, frame_of(&jam, end_tick(piece)));
    status = jam.failed ? PMT_NO_MEM : take_notes(&jam, piece);
  }
  free(jam.keys);
  return status ? pmt_fail(error, status, "%s", pmt_strerror(status)) : PMT_OK;
}

/* ---- To a file --------------------------------------------------------------------------------------------------- */

/** Meters where they change. @param meters room for all bars @return how many */
static size_t lay_meters(const PmtScore* const score, PmtSmfMeter* const meters) {
  size_t n = 0;
  for (size_t i = 0; i < score->n_bars; ++i) {
    const PmtBar* const bar = &score->bars[i];
    if (i && same_meter(bar - 1, bar)) { continue; }
    meters[n++] = (PmtSmfMeter){(uint64_t)bar->tick * FILE_TICKS / PMT_TICKS_PER_QUARTER, bar->beats, bar->unit};
  }
  return n;
}

PmtStatus pmt_jam_save(const PmtJamPiece* const piece, const PmtMidiList* const list, const PmtModel* const model,
                       const uint32_t style, const char* const path, PmtError* const error) {
  PmtSmfMeter* const meters = malloc((piece->score.n_bars + 1) * sizeof *meters);
  if (!meters) { return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path); }
  const PmtSmfTempo tempo = {0, (uint32_t)(60e6 / piece->bpm + 0.5)};
  const PmtMidiListOut out = {.sample_rate = sample_rate, .ticks_per_quarter = FILE_TICKS, .tempos = &tempo,
                              .n_tempos = 1, .meters = meters, .n_meters = lay_meters(&piece->score, meters),
                              .model = model, .style = style,
                              .end_frame = (uint64_t)(end_tick(piece) * frames_per_tick(piece) + 0.5)};
  const PmtStatus status = pmt_midi_list_write(list, &out, path, error);
  free(meters);
  return status;
}
