/* SPDX-License-Identifier: ISC */
/** @file instrument.h  urn:partimento:instrument: the generator, and a synth that plays what it writes.

    instrument.c runs it, instrument_setup.c makes and unmakes it. Below: plugin.h, synth.h. */
#ifndef PMT_PLUGIN_INSTRUMENT_H
#define PMT_PLUGIN_INSTRUMENT_H

#include "plugin.h"
#include "synth.h"

/** The generator comes first: a handle of one is a handle of the other. */
typedef struct {
  PmtPlugin plugin;
  float* port[PMT_INSTRUMENT_PORT_COUNT - PMT_PORT_COUNT]; /**< its own ports, from PMT_PORT_VOLUME on */
  PmtHandover soundfont;
  double rate;
  PmtSynth* synth;     /**< NULL: no SoundFont, silence */
  PmtSynth* next;      /**< takes over when the sound has faded */
  PmtSynth* old;       /**< has given up its place */
  uint32_t n_frames;   /**< of this cycle */
  uint32_t done;       /**< ... that have sounded */
  uint32_t grid;       /**< frame within the present 64 */
  float volume, pan;   /**< as the ports stood when `aim` was computed */
  float aim[2];        /**< gain, left and right, that `gain` goes to */
  float gain[2];
  float glide;         /**< share of the way to the aim that is gone in a frame */
} PmtInstrument;

/** One cycle: instrument.c. */
void pmt_instrument_run(LV2_Handle instance, uint32_t n_frames);

/** The SoundFont as a thing that is handed over: objects are PmtSynth*, the user is a PmtInstrument*. */
extern const PmtHandoverKind pmt_instrument_soundfont_kind;

/** Its audio thread's half. */
bool pmt_instrument_offer(void* instrument, void* synth) PMT_RT;
void* pmt_instrument_take_old(void* instrument) PMT_RT;

/** Hear what leaves the engine: PmtListener's function. */
void pmt_instrument_hear(void* instrument, uint32_t frame, const uint8_t* bytes, uint32_t size) PMT_RT;

#endif
