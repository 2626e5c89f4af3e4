/* SPDX-License-Identifier: ISC */
#include "gen/programs.h"

#include "gen/channels.h"

static uint32_t part_of(const uint32_t first, const uint32_t channel) {
  return pmt_part_of_channel(first ? first - 1 : 0, channel);
}

size_t pmt_programs_put(const PmtModel* const model, const uint32_t style, const uint32_t first, const uint32_t used,
                        const uint64_t tick, PmtSmfEvent* const events) {
  size_t n = 0;
  for (uint32_t channel = 0; style < model->n_styles && channel < PMT_CHANNELS; ++channel) {
    const bool drums = channel == PMT_DRUM_CHANNEL;
    const uint32_t part = drums ? 0 : part_of(first, channel);
    if ((used >> channel & 1) && part < model->parts) {
      const uint8_t program = drums ? model->kit[style] : model->program[style][part];
      events[n++] = (PmtSmfEvent){.tick = tick, .bytes = {(uint8_t)(0xc0 | channel), program}, .size = 2};
    }
  }
  return n;
}

const char* pmt_programs_name(const PmtModel* const model, const uint32_t first, const uint32_t channel) {
  if (channel == PMT_DRUM_CHANNEL) {
    return "Drums";
  }
  const uint32_t part = part_of(first, channel);
  return part < model->parts ? model->part_name[part] : NULL;
}
