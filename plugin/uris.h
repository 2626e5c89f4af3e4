/* SPDX-License-Identifier: ISC */
/** @file uris.h  Every URI the plugin speaks, mapped once at instantiate. */
#ifndef PMT_PLUGIN_URIS_H
#define PMT_PLUGIN_URIS_H

#include "ports.h"

#include <lv2/atom/atom.h>
#include <lv2/midi/midi.h>
#include <lv2/patch/patch.h>
#include <lv2/time/time.h>
#include <lv2/urid/urid.h>

/* Properties beside ports.h's: what patch:Set and the state speak of. tests use the names too. */
#define PMT_PLUGIN_HASH_URI "urn:partimento:model-hash" /**< state, atom:String: 16 hex digits, the model's content */
#define PMT_PLUGIN_CONTEXT_URI "urn:partimento:context" /**< state, atom:String: gen/context.h's text */
/** Parameter, atom:Path: the folder for captures. Behind the model in the alphabet: Carla's file
    button sets the first that lilv tells of, and lilv goes by addresses, which mostly lie in that order. */
#define PMT_PLUGIN_CAPTURES_URI "urn:partimento:output-folder"
#define PMT_PLUGIN_CAPTURED_URI "urn:partimento:captured" /**< parameter, atom:Path: the last capture; read only */
#define PMT_PLUGIN_SOUNDFONT_URI "urn:partimento:soundfont" /**< parameter, atom:Path, of the instrument */

/** X(field, URI) */
#define PMT_URIS(X)                               \
  X(atom_double, LV2_ATOM__Double)                \
  X(atom_float, LV2_ATOM__Float)                  \
  X(atom_int, LV2_ATOM__Int)                      \
  X(atom_long, LV2_ATOM__Long)                    \
  X(atom_object, LV2_ATOM__Object)                \
  X(atom_blank, LV2_ATOM__Blank)                  \
  X(atom_path, LV2_ATOM__Path)                    \
  X(atom_sequence, LV2_ATOM__Sequence)            \
  X(atom_string, LV2_ATOM__String)                \
  X(atom_urid, LV2_ATOM__URID)                    \
  X(midi_event, LV2_MIDI__MidiEvent)              \
  X(patch_get, LV2_PATCH__Get)                    \
  X(patch_property, LV2_PATCH__property)          \
  X(patch_set, LV2_PATCH__Set)                    \
  X(patch_subject, LV2_PATCH__subject)            \
  X(patch_value, LV2_PATCH__value)                \
  X(time_bar, LV2_TIME__bar)                      \
  X(time_bar_beat, LV2_TIME__barBeat)             \
  X(time_beat_unit, LV2_TIME__beatUnit)           \
  X(time_beats_per_bar, LV2_TIME__beatsPerBar)    \
  X(time_bpm, LV2_TIME__beatsPerMinute)           \
  X(time_frame, LV2_TIME__frame)                  \
  X(time_position, LV2_TIME__Position)            \
  X(time_speed, LV2_TIME__speed)                  \
  X(plugin, PMT_PLUGIN_URI)                       \
  X(model, PMT_PLUGIN_MODEL_URI)                  \
  X(status, PMT_PLUGIN_STATUS_URI)                \
  X(model_hash, PMT_PLUGIN_HASH_URI)              \
  X(context, PMT_PLUGIN_CONTEXT_URI)              \
  X(captures, PMT_PLUGIN_CAPTURES_URI)            \
  X(captured, PMT_PLUGIN_CAPTURED_URI)            \
  X(soundfont, PMT_PLUGIN_SOUNDFONT_URI)

#define PMT_URI_FIELD(field, uri) LV2_URID field;
typedef struct { PMT_URIS(PMT_URI_FIELD) } PmtUris;
#undef PMT_URI_FIELD

static inline void pmt_uris_map(PmtUris* const uris, LV2_URID_Map* const map) {
#define PMT_URI_MAP(field, uri) uris->field = map->map(map->handle, uri);
  PMT_URIS(PMT_URI_MAP)
#undef PMT_URI_MAP
}

#endif
