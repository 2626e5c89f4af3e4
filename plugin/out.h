/* SPDX-License-Identifier: ISC */
/** @file out.h  The output sequence of one cycle: whole events in frame order, or none.

    Above: the engine (through PmtMidiOut) and notify(). Below: the host's buffer. */
#ifndef PMT_PLUGIN_OUT_H
#define PMT_PLUGIN_OUT_H

#include "gen/engine.h"
#include "uris.h"

typedef struct {
  LV2_Atom_Sequence* sequence; /**< NULL: nothing fits */
  uint32_t capacity;           /**< bytes of its body */
  uint32_t n_frames;
  int64_t frame;               /**< of the last event: later ones are not before it */
  LV2_URID midi_event;
} PmtOut;

/** Open the sequence. The capacity stands in atom.size, whatever atom.type says (Carla's is not Chunk). */
void pmt_out_begin(PmtOut* out, const PmtUris* uris, void* port, uint32_t n_frames) PMT_RT;

/** Append an event, whole. @return false when there is no room: nothing was written */
bool pmt_out_append(PmtOut* out, uint32_t frame, const LV2_Atom* atom, const void* body) PMT_RT;

/** The same for MIDI bytes, in the form the engine calls: `handle` is a PmtOut. */
bool pmt_out_write(void* handle, uint32_t frame, const uint8_t* bytes, uint32_t size) PMT_RT;

#endif
