/* SPDX-License-Identifier: ISC */
/* A plugin that plays what it hears, for tests/test_player.sh: each MIDI message comes out on its frame while the control
   "thru" is on. A host that tells a position after MIDI, or MIDI out of order or outside the block, is answered with an
   event that no host may accept. */
#include "plain_plugin.h"

typedef struct {
  const LV2_Atom_Sequence* in;
  LV2_Atom_Sequence* out;
  const float* thru;
  Urids urids;
} Echo;

static LV2_Handle instantiate(const LV2_Descriptor* descriptor, double rate, const char* path,
                              const LV2_Feature* const* features) {
  Echo* self = calloc(1, sizeof *self);
  (void)descriptor;
  (void)rate;
  (void)path;
  if (self) {
    self->urids = map_urids(features);
  }
  return self;
}

static void connect_port(LV2_Handle instance, uint32_t port, void* data) {
  Echo* self = instance;
  if (port == 0) {
    self->in = data;
  } else if (port == 1) {
    self->out = data;
  } else {
    self->thru = data;
  }
}

static void put(Echo* self, int64_t frame, const uint8_t* bytes, uint32_t size) {
  put_midi(self->out, &self->urids, frame, bytes, size);
}

static void run(LV2_Handle instance, uint32_t n_frames) {
  Echo* self = instance;
  begin_output(self->out, &self->urids);
  int64_t last = -1;
  LV2_ATOM_SEQUENCE_FOREACH (self->in, event) {
    const int64_t at = event->time.frames;
    if (event->body.type == self->urids.midi && at >= last && at < n_frames) {
      last = at;
      if (*self->thru > 0) {
        put(self, at, (const uint8_t*)(event + 1), event->body.size);
      }
    } else if (event->body.type == self->urids.midi || last >= 0) {
      put(self, n_frames, (const uint8_t[]){0xb0, 7, 0}, 3);
    }
  }
}

static const LV2_Descriptor plugin = {"urn:echo", instantiate, connect_port, NULL, run, NULL, free, NULL};

LV2_SYMBOL_EXPORT const LV2_Descriptor* lv2_descriptor(uint32_t index) {
  return index ? NULL : &plugin;
}
