/* SPDX-License-Identifier: ISC */
/** @file plugin.h  One instance. partimento.c runs it, partimento_setup.c makes and unmakes it, state.c saves it. */
#ifndef PMT_PLUGIN_PLUGIN_H
#define PMT_PLUGIN_PLUGIN_H

#include "gen/engine.h"
#include "out.h"
#include "uris.h"
#include "worker.h"

#include <lv2/atom/forge.h>
#include <lv2/core/lv2.h>

enum {
  PMT_OWED_MAX = 16 * 128, /* each note of each channel once */
  PMT_MESSAGE_MAX = PMT_PATH_MAX + 256,
  PMT_SWEEP = 3, /* controllers that a panic sends to each channel */
};

/** Note-offs that could not be written when the host switched the plugin off: run() is not called any more then. */
typedef struct {
  uint8_t bytes[PMT_OWED_MAX][3];
  uint32_t count;
} PmtOwed;

typedef struct {
  PmtUris uris;
  LV2_Atom_Forge forge;
  void* port[PMT_PORT_COUNT]; /**< as connected; NULL: not connected */
  PmtEngine* engine;
  PmtOut out;
  PmtOwed owed;
  float speed; /**< of the transport as last told */
  int64_t frame_foreseen;   /**< what the host's next position should say; PMT_NO_FRAME unknown */
  uint32_t deaf;            /**< frames for which all-notes-off is still taken for the host's own */
  uint32_t deaf_after_jump; /**< 50 ms */
  uint16_t channels_used;   /**< since instantiate, a bit each */
  uint16_t sweep[PMT_SWEEP]; /**< channels that have still to be told, a bit each */
  bool panic_was;           /**< as the port stood in the last cycle */
  PmtWorker worker;
  _Alignas(8) uint8_t message[PMT_MESSAGE_MAX]; /**< where a patch message is put together */
} PmtPlugin;

/** One cycle: partimento.c. */
void pmt_plugin_run(LV2_Handle instance, uint32_t n_frames);

/** Take a patch:Set or patch:Get: patch.c. */
void pmt_plugin_patch(PmtPlugin* self, const LV2_Atom_Object* object) PMT_RT;

/** Tell the host what changed, from the room that the notes left: patch.c. What does not fit waits. */
void pmt_plugin_notify(PmtPlugin* self) PMT_RT;

#endif
