/* SPDX-License-Identifier: ISC */
/** @file host_private.h  What the host's files share. */
#ifndef PMT_TOOLS_HOST_PRIVATE_H
#define PMT_TOOLS_HOST_PRIVATE_H

#include "host.h"
#include "host_worker.h"

#include <lilv/lilv.h>
#include <lv2/atom/atom.h>
#include <lv2/atom/forge.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/log/log.h>
#include <lv2/options/options.h>
#include <lv2/urid/urid.h>
#include <pthread.h>

enum { PMT_HOST_TEXT = 4096, PMT_HOST_OPTIONS = 6, PMT_HOST_FEATURES = 8 };

/** URIDs by order of asking. Locked: the worker's thread may ask too. */
typedef struct {
  char** uris;
  uint32_t n_uris;
  pthread_mutex_t lock;
} PmtUridTable;

typedef enum {
  PMT_HOST_CONTROL_IN,
  PMT_HOST_CONTROL_OUT,
  PMT_HOST_ATOM_IN,
  PMT_HOST_ATOM_OUT,
  PMT_HOST_AUDIO, /**< and CV: silence in, nobody listens */
} PmtHostPortKind;

typedef struct {
  PmtHostPortKind kind;
  const char* symbol;          /**< the world's */
  float value, kept;           /**< controls */
  LV2_Atom_Sequence* buffer;   /**< atoms, owned */
  uint32_t size;               /**< of buffer, bytes */
  float* samples;              /**< audio and CV, owned */
  LilvScalePoints* points;     /**< owned, may be NULL */
} PmtHostPort;

typedef struct {
  LV2_URID atom_chunk, atom_sequence, atom_object, atom_blank, atom_path, atom_string, atom_float, atom_int;
  LV2_URID midi_event, log_error, log_warning;
  LV2_URID patch_set, patch_property, patch_value;
  LV2_URID time_position, time_frame, time_speed, time_bar, time_bar_beat, time_beat, time_beats_per_bar,
    time_beat_unit, time_bpm;
} PmtHostUrids;

struct PmtHost {
  PmtHostOptions options;
  PmtUridTable table;
  PmtHostUrids urids;
  LilvWorld* world;
  const LilvPlugin* plugin;
  LilvInstance* instance;
  PmtHostPort* ports;
  uint32_t n_ports;
  uint32_t control_in;         /**< the atom input that takes positions; n_ports: none */
  bool takes_midi;             /**< that one, too */
  PmtHostWorker worker;
  /* features, alive as long as the instance */
  LV2_URID_Map map;
  LV2_URID_Unmap unmap;
  LV2_Log_Log log;
  LV2_Worker_Schedule schedule;
  int32_t block_min, block_max, sequence_size;
  float sample_rate;
  LV2_Options_Option option_list[PMT_HOST_OPTIONS];
  LV2_Feature feature[PMT_HOST_FEATURES];
  const LV2_Feature* features[PMT_HOST_FEATURES + 1];
  /* messages */
  LV2_Atom_Forge forge;
  LV2_Atom_Forge_Frame forge_frame;
  LV2_URID path_property;      /**< 0: the plugin has none */
  char* preset_model;          /**< owned; NULL: no preset, or one without a model */
  char told_path[PMT_HOST_TEXT], told_text[PMT_HOST_TEXT];
  char logged[PMT_HOST_TEXT];
  uint32_t faults;
};

LV2_URID pmt_host_map(LV2_URID_Map_Handle handle, const char* uri);

/** Empty the input sequences, offer the output buffers: before the first run and after each. */
void pmt_host_begin_cycle(PmtHost* host);

#endif
