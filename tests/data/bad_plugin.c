/* SPDX-License-Identifier: ISC */
/* A plugin that does what no plugin may, for tests/test_play.sh: a note without an end, events outside the block, events
   out of order. Which of them: the control port "sin" (1, 2, 3; 0 = none). */
#include "plain_plugin.h"

typedef struct {
  LV2_Atom_Sequence* out;
  const float* sin;
  Urids urids;
  int n_runs;
} Bad;

static LV2_Handle instantiate(const LV2_Descriptor* descriptor, double rate, const char* path,
                              const LV2_Feature* const* features) {
  Bad* self = calloc(1, sizeof *self);
  (void)descriptor;
  (void)rate;
  (void)path;
  if (self) {
    self->urids = map_urids(features);
  }
  return self;
}

static void connect_port(LV2_Handle instance, uint32_t port, void* data) {
  Bad* self = instance;
  if (port) {
    self->sin = data;
  } else {
    self->out = data;
  }
}

static void put(Bad* self, int64_t frame, uint8_t status, uint8_t pitch) {
  put_midi(self->out, &self->urids, frame, (const uint8_t[]){status, pitch, 64}, 3);
}

static void run(LV2_Handle instance, uint32_t n_frames) {
  Bad* self = instance;
  begin_output(self->out, &self->urids);
  if (++self->n_runs != 200) {
    return;
  }
  put(self, n_frames / 2, 0x90, 60);
  put(self, n_frames - 1, *self->sin == 1 ? 0x90 : 0x80, *self->sin == 1 ? 61 : 60);
  if (*self->sin == 1) {
    put(self, n_frames - 1, 0x80, 61);
  } else if (*self->sin == 2) {
    put(self, n_frames, 0xb0, 7);
  } else if (*self->sin == 3) {
    put(self, 0, 0xb0, 7);
  }
}

static const LV2_Descriptor plugin = {"urn:bad", instantiate, connect_port, NULL, run, NULL, free, NULL};

LV2_SYMBOL_EXPORT const LV2_Descriptor* lv2_descriptor(uint32_t index) {
  return index ? NULL : &plugin;
}
