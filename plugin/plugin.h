/* SPDX-License-Identifier: ISC */
/** @file plugin.h  One instance of what both plugins share. partimento.c runs it, partimento_setup.c makes and unmakes
    it, state.c saves it. Above: generator_setup.c and instrument_setup.c, a descriptor each. */
#ifndef PMT_PLUGIN_PLUGIN_H
#define PMT_PLUGIN_PLUGIN_H

#include "gen/engine.h"
#include "out.h"
#include "uris.h"
#include "worker.h"

#include <lv2/atom/forge.h>
#include <lv2/core/lv2.h>

enum {
  PMT_OWED_MAX = 16 * 128, /* each note of each channel once: more than ours and the player's that can sound together */
  PMT_MESSAGE_MAX = PMT_PATH_MAX + 256,
  PMT_SWEEP = 3, /* controllers that a panic sends to each channel */
};

/** Ends that could not be written when the host switched the plugin off: run() is not called any more then. */
typedef struct {
  uint8_t bytes[PMT_OWED_MAX][3];
  uint32_t count;
} PmtOwed;

/** Somebody in here who hears what leaves: the instrument's synth. An end may be said twice (when the host's buffer was
    full); a beginning is said when it was written. */
typedef struct {
  void (*hear)(void* handle, uint32_t frame, const uint8_t* bytes, uint32_t size) PMT_RT; /**< NULL: nobody */
  void* handle;
} PmtListener;

typedef struct {
  PmtUris uris;
  LV2_Atom_Forge forge;
  void* port[PMT_PORT_COUNT]; /**< as connected; NULL: not connected */
  PmtEngine* engine;
  PmtControls controls; /**< of this cycle, sane */
  PmtOut out;
  PmtListener listener;
  PmtOwed owed;
  float speed; /**< of the transport as last told */
  int64_t frame_foreseen;   /**< what the host's next position should say; PMT_NO_FRAME unknown */
  uint32_t deaf;            /**< frames for which all-notes-off is still taken for the host's own */
  uint32_t deaf_after_jump; /**< 50 ms */
  uint16_t channels_used;   /**< since instantiate, a bit each */
  uint16_t sweep[PMT_SWEEP]; /**< channels that have still to be told, a bit each */
  bool panic_was, capture_was, learn_was; /**< as the ports stood in the last cycle */
  PmtWorker worker;
  _Alignas(8) uint8_t message[PMT_MESSAGE_MAX]; /**< where a patch message is put together */
} PmtPlugin;

/** One cycle: partimento.c. */
void pmt_plugin_run(LV2_Handle instance, uint32_t n_frames);

/** The controls as the ports stand now, sane: partimento.c. */
PmtControls pmt_plugin_read_controls(const PmtPlugin* self) PMT_RT;

/** Make an instance in `size` bytes, a PmtPlugin first and the rest zeroed, all resident. partimento_setup.c, as are
    the next ones. @return NULL when that failed, which is logged */
void* pmt_plugin_new(size_t size, const LV2_Descriptor* descriptor, double rate, const char* bundle,
                     const LV2_Feature* const* features);
void pmt_plugin_free(LV2_Handle instance);

/* For the descriptors. */
void pmt_plugin_connect_port(LV2_Handle instance, uint32_t port, void* data);
void pmt_plugin_activate(LV2_Handle instance);
void pmt_plugin_deactivate(LV2_Handle instance);
const void* pmt_plugin_extension_data(const char* uri);

/** Take a patch:Set or patch:Get: patch.c. */
void pmt_plugin_patch(PmtPlugin* self, const LV2_Atom_Object* object) PMT_RT;

/** Tell the host what changed, from the room that the notes left: patch.c. What does not fit waits. */
void pmt_plugin_notify(PmtPlugin* self) PMT_RT;

#endif
