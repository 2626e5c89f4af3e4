/* SPDX-License-Identifier: ISC */
/** @file channels.h  Which part plays on which MIDI channel, and back.

    Parts take channels upwards from the first one, around, and step over the drums'. Above: gen/engine, gen/render,
    gen/capture, the instrument. Below: nothing. */
#ifndef PMT_GEN_CHANNELS_H
#define PMT_GEN_CHANNELS_H

#include "base/attributes.h"

#include <stdint.h>

enum { PMT_CHANNELS = 16, PMT_DRUM_CHANNEL = 9 };

/** Place of a channel among the fifteen that are not the drums'. The drums' own counts as the one after it. */
static inline uint32_t pmt_channel_rank(const uint32_t channel) PMT_RT {
  return channel > PMT_DRUM_CHANNEL ? channel - 1 : channel;
}

/** @param first of part 0, 0..15 @return 0..15 */
static inline uint32_t pmt_channel_of_part(const uint32_t first, const uint32_t part) PMT_RT {
  const uint32_t rank = (pmt_channel_rank(first) + part) % (PMT_CHANNELS - 1);
  return rank < PMT_DRUM_CHANNEL ? rank : rank + 1;
}

/** @param channel not the drums' @return 0..14, not always a part that there is */
static inline uint32_t pmt_part_of_channel(const uint32_t first, const uint32_t channel) PMT_RT {
  return (pmt_channel_rank(channel) + PMT_CHANNELS - 1 - pmt_channel_rank(first)) % (PMT_CHANNELS - 1);
}

#endif
