/* SPDX-License-Identifier: ISC */
/** @file held.h  The one table of sounding notes: every note leaves and ends through it.

    Above: gen/engine. Below: PmtMidiOut.

    A note-on that was written stays in the table until its note-off was written, whatever happens in between: an off
    that finds no space is *owed* and tried again. So a note can be lost, but never hang. */
#ifndef PMT_GEN_HELD_H
#define PMT_GEN_HELD_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

enum { PMT_HELD_MAX = 128 };

/** Where MIDI goes. @param frame offset within the present call of pmt_engine_advance
    @return false when there is no space: the engine keeps note-offs and tries again, and drops a refused note-on. */
typedef struct {
  /** Real-time safe in the plugin; renderers allocate. */
  bool (*write)(void* handle, uint32_t frame, const uint8_t* bytes, uint32_t size) PMT_RT;
  void* handle;
} PmtMidiOut;

typedef struct {
  int64_t on;   /**< tick at which it was due */
  int64_t off;  /**< tick at which it ends */
  uint8_t channel, pitch;
  bool owed;    /**< its end has come, its note-off found no space yet */
} PmtHeldNote;

typedef struct {
  PmtHeldNote note[PMT_HELD_MAX]; /**< by channel, then pitch: the order in which offs of one frame leave */
  uint32_t n;
  uint32_t n_owed;
  uint64_t notes_on, notes_off;   /**< written */
  uint64_t refused;               /**< note-ons that found no space in `out` or in the table */
} PmtHeld;

void pmt_held_reset(PmtHeld* held) PMT_RT;

/** Begin a note. The same pitch sounding on that channel ends first, at the same frame.
    @param velocity 1..127 @param on, off ticks of its beginning and its end @return false when it was refused (and counted) */
bool pmt_held_strike(PmtHeld* held, const PmtMidiOut* out, uint32_t frame, uint8_t channel, uint8_t pitch,
                     uint8_t velocity, int64_t on, int64_t off) PMT_RT;

/** End what is due at `tick`, and what is owed. */
void pmt_held_release(PmtHeld* held, const PmtMidiOut* out, uint32_t frame, int64_t tick) PMT_RT;

/** Try what is owed again. */
void pmt_held_retry(PmtHeld* held, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/** End everything. @return notes still held because their offs are owed */
uint32_t pmt_held_silence(PmtHeld* held, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/** End what sounds on one channel, 0..15. What finds no space is owed. */
void pmt_held_end_channel(PmtHeld* held, const PmtMidiOut* out, uint32_t frame, uint8_t channel) PMT_RT;

/** End one note; nothing when it does not sound. */
void pmt_held_end(PmtHeld* held, const PmtMidiOut* out, uint32_t frame, uint8_t channel, uint8_t pitch) PMT_RT;

/** Whether a note sounds, or its end is owed. */
bool pmt_held_has(const PmtHeld* held, uint8_t channel, uint8_t pitch) PMT_RT;

/** End what was begun before `tick`. */
void pmt_held_end_before(PmtHeld* held, const PmtMidiOut* out, uint32_t frame, int64_t tick) PMT_RT;

/** Ticks are counted anew: add `shift` to all. */
void pmt_held_shift(PmtHeld* held, int64_t shift) PMT_RT;

/** Earliest end of a note that is not owed; INT64_MAX when there is none. */
int64_t pmt_held_next(const PmtHeld* held) PMT_RT;

/** Notes that sound beyond `tick`. */
uint32_t pmt_held_beyond(const PmtHeld* held, int64_t tick) PMT_RT;

#endif
