/* SPDX-License-Identifier: ISC */
/* urn:partimento:instrument: what both plugins share, and a synth. Never in the audio thread. Above: the host. Below:
   partimento_setup.c, synth_setup.c */
#include "instrument.h"

#include <math.h>
#include <stdio.h>

static const char no_soundfont[] =
    "no sound: no SoundFont found. Install the Debian package timgm6mb-soundfont, or choose a .sf2 file";

static PmtStatus load(void* const user, const PmtWanted* const wanted, PmtParcel* const parcel, PmtError* const error) {
  const PmtInstrument* const self = user;
  PmtSynth* synth = NULL;
  const PmtStatus status = pmt_synth_new(self->rate, wanted->path, &synth, error);
  parcel->object = synth;
  snprintf(parcel->status, sizeof parcel->status, "sounding with %s", wanted->path);
  return status;
}

static void unload(void* const synth) { pmt_synth_free(synth); }

const PmtHandoverKind pmt_instrument_soundfont_kind = {
  .failed = "SoundFont not loaded",
  .property = true,
  .load = load,
  .unload = unload,
  .offer = pmt_instrument_offer,
  .take_old = pmt_instrument_take_old,
};

/* Without sound the notes play on: the music may go to another instrument. */
static void load_first(PmtInstrument* const self) {
  PmtWorker* const worker = &self->plugin.worker;
  const char* const path = pmt_synth_find_soundfont();
  if (!path) {
    lv2_log_error(&worker->log, "partimento: %s\n", no_soundfont);
    pmt_worker_say(worker, no_soundfont);
    return;
  }
  self->synth = pmt_handover_load_first(&self->soundfont, path);
  self->soundfont.saved_path[0] = '\0'; /* the system's choice is not the session's: another system has another */
}

static LV2_Handle instantiate(const LV2_Descriptor* descriptor, double rate, const char* bundle,
                              const LV2_Feature* const* features) {
  PmtInstrument* const self = pmt_plugin_new(sizeof *self, descriptor, rate, bundle, features);
  if (!self) {
    return NULL;
  }
  self->plugin.listener = (PmtListener){pmt_instrument_hear, self};
  self->rate = rate;
  self->glide = (float)(1.0 - exp(-1.0 / (0.005 * rate)));
  self->volume = NAN; /* not computed yet */
  pmt_worker_add(&self->plugin.worker, &self->soundfont, &pmt_instrument_soundfont_kind, self,
                 self->plugin.uris.soundfont);
  load_first(self);
  return self;
}

static void connect_port(LV2_Handle instance, uint32_t port, void* data) {
  PmtInstrument* const self = instance;
  if (port < PMT_PORT_COUNT) {
    pmt_plugin_connect_port(instance, port, data);
  } else if (port < PMT_INSTRUMENT_PORT_COUNT) {
    self->port[port - PMT_PORT_COUNT] = data;
  }
}

static void activate(LV2_Handle instance) {
  PmtInstrument* const self = instance;
  pmt_plugin_activate(instance);
  if (self->synth) {
    pmt_synth_reset(self->synth);
  }
}

static void cleanup(LV2_Handle instance) {
  PmtInstrument* const self = instance;
  pmt_synth_free(self->synth);
  pmt_synth_free(self->next);
  pmt_synth_free(self->old);
  pmt_plugin_free(instance);
}

LV2_SYMBOL_EXPORT const LV2_Descriptor* lv2_descriptor(uint32_t index) {
  static const LV2_Descriptor descriptor = {PMT_INSTRUMENT_URI,  instantiate,           connect_port, activate,
                                            pmt_instrument_run,  pmt_plugin_deactivate, cleanup,
                                            pmt_plugin_extension_data};
  return index ? NULL : &descriptor;
}
