/* SPDX-License-Identifier: ISC */
/** @file plain_plugin.h  What the plugins of the tests have in common: their URIDs, and an output of MIDI.

    Above: bad_plugin.c, echo_plugin.c. Below: LV2 alone, as these are built without the project. */
#ifndef PMT_TESTS_DATA_PLAIN_PLUGIN_H
#define PMT_TESTS_DATA_PLAIN_PLUGIN_H

#include <lv2/atom/atom.h>
#include <lv2/atom/util.h>
#include <lv2/core/lv2.h>
#include <lv2/midi/midi.h>
#include <lv2/urid/urid.h>

#include <stdlib.h>
#include <string.h>

typedef struct { LV2_URID sequence, midi; } Urids;

static Urids map_urids(const LV2_Feature* const* features) {
  Urids urids = {0, 0};
  for (; *features; ++features) {
    if (!strcmp((*features)->URI, LV2_URID__map)) {
      const LV2_URID_Map* map = (*features)->data;
      urids.sequence = map->map(map->handle, LV2_ATOM__Sequence);
      urids.midi = map->map(map->handle, LV2_MIDI__MidiEvent);
    }
  }
  return urids;
}

static void begin_output(LV2_Atom_Sequence* out, const Urids* urids) {
  out->atom = (LV2_Atom){sizeof(LV2_Atom_Sequence_Body), urids->sequence};
  out->body = (LV2_Atom_Sequence_Body){0, 0};
}

/** Unchecked: the tests' plugins may do what no plugin may. */
static void put_midi(LV2_Atom_Sequence* out, const Urids* urids, int64_t frame, const uint8_t* bytes, uint32_t size) {
  struct { LV2_Atom_Event event; uint8_t bytes[8]; } note = {{{frame}, {size, urids->midi}}, {0}};
  memcpy(note.bytes, bytes, size);
  memcpy(lv2_atom_sequence_end(&out->body, out->atom.size), &note, sizeof note);
  out->atom.size += sizeof note;
}

#endif
