/* SPDX-License-Identifier: ISC */
/* The roll: periods are filled with runs, and runs end where the transport or a control changes.
   Above: cmd_play.c. Below: host.h, transport.h, musician.h. */
#include "play.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NS_PER_S = 1000000000, MODEL_WAIT_S = 20 };
#define TAIL_SECONDS 0.25 /* after the stop, for the last note-offs */

typedef enum { STANDING, ROLLING, STOPPED } Phase;

typedef struct {
  PmtPlay* play;
  Phase phase;
  uint64_t left;        /* frames of the phase, unless it rolls */
  bool announced;       /* the standing position of this phase was sent */
  uint64_t n_periods;
  uint64_t frames;      /* all phases: the driver's clock */
  struct timespec start;
} Roll;

/* ---- record ---- */

static void track_note(PmtPlayRecord* record, const uint8_t* bytes) {
  bool* held = &record->held[bytes[0] & 15][bytes[1] & 127];
  const bool on = (bytes[0] & 0xf0) == 0x90 && bytes[2];
  record->notes += on;
  record->n_held += (uint32_t)(on && !*held);
  record->n_held -= (uint32_t)(!on && *held);
  *held = on;
}

void pmt_play_take_midi(void* handle, uint32_t frame, const uint8_t* bytes, uint32_t size) {
  PmtPlayRecord* record = handle;
  if (size == 3 && (bytes[0] & 0xe0) == 0x80) {
    track_note(record, bytes);
  }
  if (size <= 3 && pmt_midi_list_add(&record->list, record->at + frame, bytes, size)) {
    record->failed = true;
  }
}

static bool add_cost(PmtPlayCosts* costs, uint64_t ns, double period_us) {
  if (costs->n == costs->capacity) {
    const size_t capacity = costs->capacity ? 2 * costs->capacity : 4096;
    float* us = realloc(costs->us, capacity * sizeof *us);
    costs->us = us ? us : costs->us;
    float* percent = realloc(costs->percent, capacity * sizeof *percent);
    costs->percent = percent ? percent : costs->percent;
    if (!us || !percent) {
      return false;
    }
    costs->capacity = capacity;
  }
  costs->us[costs->n] = (float)ns / 1000;
  costs->percent[costs->n++] = (float)(100 * (double)ns / 1000 / period_us);
  return true;
}

/* ---- phases ---- */

static uint32_t phase_span(const Roll* roll, uint32_t frames_max) {
  if (roll->phase == ROLLING) {
    return pmt_transport_span(&roll->play->transport, frames_max);
  }
  return roll->left < frames_max ? (uint32_t)roll->left : frames_max;
}

/* The player begins with the roll, and is still there when it stops, to let go. */
static uint32_t span_of(const Roll* roll, uint32_t frames_max) {
  const PmtPlay* play = roll->play;
  const uint32_t span = phase_span(roll, frames_max);
  if (roll->phase == STANDING || !span) {
    return span;
  }
  return pmt_musician_span(&play->player, play->record.at, span, pmt_host_midi_max(play->host));
}

/* Go on to the next phase where one ends. @return false at the end of all */
static bool find_phase(Roll* roll) {
  while (phase_span(roll, 1) == 0) {
    if (roll->phase == STOPPED) {
      return false;
    }
    roll->announced = false;
    if (roll->phase == ROLLING) {
      roll->left = (uint64_t)ceil(TAIL_SECONDS * roll->play->args.sample_rate);
    }
    ++roll->phase;
  }
  return true;
}

static void give_controls(PmtPlay* play) {
  PmtCue cue;
  if (pmt_transport_jumped(&play->transport)) {
    pmt_host_recall_controls(play->host);
  }
  while (pmt_transport_take_cue(&play->transport, &cue)) {
    pmt_host_set(play->host, play->args.automation.items[cue.item].symbol, cue.value, NULL);
  }
}

static void give_position(Roll* roll) {
  PmtPlay* play = roll->play;
  const bool rolling = roll->phase == ROLLING;
  const bool sparse = play->args.sparse_positions;
  const bool due = rolling ? !sparse || pmt_transport_changed(&play->transport) : !roll->announced;
  if (!due) {
    return;
  }
  PmtPosition position = pmt_transport_position(&play->transport);
  position.speed = rolling ? 1 : 0;
  pmt_host_position(play->host, &position, sparse ? PMT_POSITION_EXACT : PMT_POSITION_TICKS);
  roll->announced = true;
}

/* What no longer fits, many notes at one frame, is first in the next run. */
static void give_player(Roll* roll, uint32_t n_frames) {
  PmtPlay* play = roll->play;
  const uint64_t at = play->record.at;
  const uint32_t n_max = pmt_host_midi_max(play->host);
  const PmtTimedMidi* event;
  for (uint32_t n = 0; n < n_max && (event = pmt_musician_take(&play->player, at + n_frames)); ++n) {
    pmt_host_midi(play->host, event->frame > at ? (uint32_t)(event->frame - at) : 0, event->bytes, event->size);
  }
}

/* One call of run(). @return its cost */
static uint64_t run_span(Roll* roll, uint32_t n_frames) {
  PmtPlay* play = roll->play;
  if (roll->phase != STOPPED) { /* at a standstill too: the first notes are made before the roll */
    give_controls(play);
  }
  give_position(roll);
  if (roll->phase != STANDING) {
    give_player(roll, n_frames);
  }
  const uint64_t ns = pmt_host_run(play->host, n_frames);
  ++play->runs;
  if (roll->phase == ROLLING) {
    pmt_transport_advance(&play->transport, n_frames);
  } else {
    roll->left -= n_frames;
  }
  if (roll->phase != STANDING) {
    play->record.at += n_frames;
  }
  return ns;
}

/* ---- periods ---- */

static uint32_t period_of(const Roll* roll) {
  const uint32_t block = roll->play->args.block;
  return block ? block : 1 + (uint32_t)(pmt_random_bits(0, 0, roll->n_periods) % PMT_PLAY_BLOCK_RANDOM_MAX);
}

/* As a driver does: the next period is due when its first frame is. */
static void wait_for_period(const Roll* roll) {
  const double seconds = (double)roll->frames / roll->play->args.sample_rate;
  struct timespec due = roll->start;
  due.tv_sec += (time_t)seconds;
  due.tv_nsec += (long)((seconds - floor(seconds)) * NS_PER_S);
  if (due.tv_nsec >= NS_PER_S) {
    due.tv_nsec -= NS_PER_S;
    ++due.tv_sec;
  }
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL)) {
  }
}

/* @return frames run; fewer than the period at the end of all */
static uint32_t run_period(Roll* roll, uint32_t period) {
  uint32_t done = 0;
  uint64_t ns = 0;
  while (done < period && find_phase(roll)) {
    const uint32_t n_frames = span_of(roll, period - done);
    ns += run_span(roll, n_frames);
    done += n_frames;
  }
  if (done && !add_cost(&roll->play->costs, ns, 1e6 * done / roll->play->args.sample_rate)) {
    roll->play->record.failed = true;
  }
  return done;
}

PmtStatus pmt_play_run(PmtPlay* play, PmtError* error) {
  Roll roll = {.play = play, .left = pmt_preroll_frames(play->args.sample_rate)};
  clock_gettime(CLOCK_MONOTONIC, &roll.start);
  pmt_host_keep_controls(play->host);
  for (;;) {
    const uint32_t period = period_of(&roll);
    if (play->args.realtime) {
      wait_for_period(&roll);
    }
    const uint32_t done = run_period(&roll, period);
    ++roll.n_periods;
    roll.frames += done;
    if (play->record.failed) {
      return pmt_fail(error, PMT_NO_MEM, "out of memory for what is played");
    }
    if (done < period) {
      return PMT_OK;
    }
  }
}

double pmt_play_control_at(const PmtPlay* play, const char* symbol, uint64_t song_frame) {
  const PmtTransport* t = &play->transport;
  double value = pmt_host_kept(play->host, symbol);
  for (size_t i = 0; i < t->n_cues && t->cues[i].frame <= song_frame; ++i) {
    if (!strcmp(t->automation->items[t->cues[i].item].symbol, symbol)) {
      value = t->cues[i].value;
    }
  }
  return value;
}

/* ---- another model ---- */

static void stand(PmtPlay* play, uint32_t n_frames) {
  PmtPosition position = pmt_transport_position(&play->transport);
  position.speed = 0;
  pmt_host_position(play->host, &position, PMT_POSITION_EXACT);
  pmt_host_run(play->host, n_frames);
}

PmtStatus pmt_play_load_model(PmtPlay* play, const char* path, PmtError* error) {
  const uint32_t n_frames = play->args.block ? play->args.block : PMT_PLAY_BLOCK_RANDOM_MAX;
  stand(play, n_frames); /* what it has to say of its own model comes first */
  const PmtStatus sent = pmt_host_send_path(play->host, path, error);
  if (sent) {
    return sent;
  }
  for (int ms = 0; ms < 1000 * MODEL_WAIT_S; ++ms) {
    stand(play, n_frames);
    if (!strcmp(pmt_host_told_path(play->host), path)) {
      return PMT_OK;
    }
    if (*pmt_host_told_text(play->host)) {
      return pmt_fail(error, PMT_BAD_FILE, "%s", pmt_host_told_text(play->host));
    }
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  return pmt_fail(error, PMT_BAD_FILE, "%s: the plugin did not take it within %d s", path, MODEL_WAIT_S);
}
