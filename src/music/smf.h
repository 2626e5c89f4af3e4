/* SPDX-License-Identifier: ISC */
/** @file smf.h  Standard MIDI files in and out (SMF 1.0; types 0 and 1, running status, SMPTE division, damaged tails).

    Reading is forgiving where music survives (a truncated track keeps what came before; missing note-offs end at the
    track's end) and says what it forgave in `warnings`; it refuses what is no MIDI file. */
#ifndef PMT_MUSIC_SMF_H
#define PMT_MUSIC_SMF_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define PMT_SMF_BYTES_MAX (64u << 20)  /**< larger files are refused */
#define PMT_SMF_NOTES_MAX (4u << 20)

typedef struct {
  uint64_t start, end; /**< file ticks; end > start is not promised */
  uint16_t track;
  uint8_t channel;     /**< 0..15 */
  uint8_t pitch;
  uint8_t velocity;    /**< 1..127 */
  uint8_t program;     /**< in force on the channel at the onset */
} PmtSmfNote;

typedef struct { uint64_t tick; uint32_t us_per_quarter; } PmtSmfTempo;
typedef struct { uint64_t tick; uint8_t beats; uint8_t unit; } PmtSmfMeter;

/** Controller 64 of a channel. */
typedef struct {
  uint64_t tick;
  uint32_t order;      /**< in the file: that of two at one tick */
  uint16_t track;
  uint8_t channel;     /**< 0..15 */
  uint8_t value;       /**< 0..127: down from 64 on */
} PmtSmfPedal;

/** What a track is called: its first name event, cut short; control characters are '?'. Empty when it has none. */
enum { PMT_SMF_NAME = 40 };
typedef struct { char text[PMT_SMF_NAME]; } PmtSmfName;

typedef struct {
  uint32_t ticks_per_quarter; /**< with SMPTE division: ticks a second halved, so that 120 BPM makes quarters */
  PmtSmfNote* notes;          /**< sorted by start */
  size_t n_notes;
  PmtSmfTempo* tempos;        /**< sorted; never empty, the first at tick 0 */
  size_t n_tempos;
  PmtSmfMeter* meters;        /**< sorted; never empty, the first at tick 0 */
  size_t n_meters;
  PmtSmfPedal* pedals;        /**< sorted */
  size_t n_pedals;
  PmtSmfName* names;          /**< of the tracks: n_tracks */
  uint32_t n_tracks;
  uint64_t n_ticks;           /**< end of the longest track */
  char warnings[256];         /**< what was forgiven, one line; empty when nothing was */
} PmtSmf;

/** Parse bytes. @return PMT_BAD_FILE, PMT_UNSUPPORTED (type 2), PMT_TOO_BIG, PMT_NO_MEM with the byte offset in the
    error line. */
PmtStatus pmt_smf_parse(const unsigned char* bytes, size_t size, PmtSmf* smf, PmtError* error);
PmtStatus pmt_smf_read(const char* path, PmtSmf* smf, PmtError* error);
void pmt_smf_free(PmtSmf* smf);

/** One channel message to be written. */
typedef struct {
  uint64_t tick;
  uint8_t bytes[3];
  uint8_t size; /**< 2 or 3 */
} PmtSmfEvent;

/** A track of its own, whatever its channels. */
typedef struct {
  const char* name;          /**< may be NULL */
  const PmtSmfEvent* events; /**< sorted by tick; order at one tick is kept */
  size_t n_events;
} PmtSmfTrack;

typedef struct {
  uint32_t ticks_per_quarter;
  const char* title;            /**< may be NULL */
  const char* const* names;     /**< of the tracks, by channel 0..15; may be NULL, as each of them */
  const PmtSmfTempo* tempos;
  size_t n_tempos;
  const PmtSmfMeter* meters;
  size_t n_meters;
  const PmtSmfEvent* events;    /**< sorted by tick; order at one tick is kept */
  size_t n_events;
  const PmtSmfTrack* tracks;    /**< come before those of the channels */
  size_t n_tracks;
  uint64_t end_tick;            /**< where the tracks end; at least the last event */
} PmtSmfOut;

/** Write a type 1 file: track 0 with tempo and meter, `tracks`, then one track per channel that `events` use. Written
    whole or not at all.
    @return PMT_BAD_ARG (the line says which event, tempo or meter), PMT_IO, PMT_NO_MEM */
PmtStatus pmt_smf_write(const char* path, const PmtSmfOut* out, PmtError* error);

#endif
