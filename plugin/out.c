/* SPDX-License-Identifier: ISC */
/* See out.h. */
#include "out.h"

#include <lv2/atom/util.h>

#include <string.h>

void pmt_out_begin(PmtOut* const out, const PmtUris* const uris, void* const port, const uint32_t n_frames) {
  *out = (PmtOut){.n_frames = n_frames, .midi_event = uris->midi_event};
  LV2_Atom_Sequence* const sequence = port;
  if (!sequence) {
    return;
  }
  const uint32_t size = sequence->atom.size;
  if (size < sizeof(LV2_Atom_Sequence)) { /* not even an empty sequence: say "nothing" */
    sequence->atom = (LV2_Atom){0, 0};
    return;
  }
  out->sequence = sequence;
  out->capacity = size - (uint32_t)sizeof(LV2_Atom); /* hosts disagree whether the header counts: assume it does */
  sequence->atom = (LV2_Atom){sizeof(LV2_Atom_Sequence_Body), uris->atom_sequence};
  sequence->body = (LV2_Atom_Sequence_Body){0, 0};
}

bool pmt_out_append(PmtOut* const out, uint32_t frame, const LV2_Atom* const atom, const void* const body) {
  if (!out->sequence) {
    return false;
  }
  const uint64_t size = (uint64_t)sizeof(LV2_Atom_Event) + lv2_atom_pad_size(atom->size);
  if (size > out->capacity - out->sequence->atom.size) {
    return false;
  }
  if (frame >= out->n_frames) {
    frame = out->n_frames ? out->n_frames - 1 : 0;
  }
  if (frame > out->frame) {
    out->frame = frame;
  }
  LV2_Atom_Event* const event = lv2_atom_sequence_end(&out->sequence->body, out->sequence->atom.size);
  event->time.frames = out->frame;
  event->body = *atom;
  memcpy(event + 1, body, atom->size);
  memset((unsigned char*)(event + 1) + atom->size, 0, lv2_atom_pad_size(atom->size) - atom->size);
  out->sequence->atom.size += (uint32_t)size;
  return true;
}

bool pmt_out_write(void* const handle, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  PmtOut* const out = handle;
  const LV2_Atom atom = {size, out->midi_event};
  return pmt_out_append(out, frame, &atom, bytes);
}
