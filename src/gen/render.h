/* SPDX-License-Identifier: ISC */
/** @file render.h  A transport without a host: drives the engine as a DAW would, offline. Setup threads only. */
#ifndef PMT_GEN_RENDER_H
#define PMT_GEN_RENDER_H

#include "gen/engine.h"
#include "music/smf.h"

/** A MIDI message as it left the engine. */
typedef struct { uint64_t frame; uint8_t bytes[3]; uint8_t size; } PmtTimedMidi;

/** A growing list; a zeroed struct is empty. */
typedef struct { PmtTimedMidi* events; size_t n_events, capacity; } PmtMidiList;
PmtStatus pmt_midi_list_add(PmtMidiList* list, uint64_t frame, const uint8_t* bytes, uint32_t size);
void pmt_midi_list_free(PmtMidiList* list);

typedef struct {
  double sample_rate;      /**< default 48000 */
  uint32_t bars;
  double quarter_bpm;      /**< quarter notes a minute */
  uint32_t beats, unit;    /**< meter */
  uint32_t block;          /**< frames a call; 0 = random sizes 1..4096 from `block_seed` */
  uint32_t block_seed;
} PmtRenderOptions;

/** Frames of standstill before the transport rolls from bar 0, in which the first slot is made: as hosts do, and long
    enough that the first beat is never late. One place for the number: the renderer and `partimento play` use it. */
uint64_t pmt_preroll_frames(double sample_rate);

/** Stand for the pre-roll, roll for `bars`, stop, end all notes. Events carry frames counted from the roll's start. */
PmtStatus pmt_render(PmtEngine* engine, const PmtControls* controls, const PmtRenderOptions* options, PmtMidiList* list,
                     PmtError* error);

/** Frames to ticks of an SMF at this tempo and meter, and write it with program changes for the style.
    Shared by `generate` and `play` so that equal notes are equal bytes. A tempo at a file tick holds from there on. */
typedef struct {
  double sample_rate;
  uint32_t ticks_per_quarter; /**< 480 */
  const PmtSmfTempo* tempos; size_t n_tempos;   /**< in file ticks */
  const PmtSmfMeter* meters; size_t n_meters;
  const PmtModel* model;      /**< for programs; may be NULL */
  uint32_t channel;           /**< of part 0, 1..16, for programs; 0 = 1 */
  uint32_t style;
  const char* title;
  uint64_t end_frame;
} PmtMidiListOut;
PmtStatus pmt_midi_list_write(const PmtMidiList* list, const PmtMidiListOut* out, const char* path, PmtError* error);

#endif
