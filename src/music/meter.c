/* SPDX-License-Identifier: ISC */
#include "music/meter.h"

uint32_t pmt_meter_bar_ticks(const PmtMeter meter) {
  const float ticks = (float)PMT_TICKS_PER_WHOLE * meter.beats / (float)(meter.unit > 0 ? meter.unit : 4);
  if (!(ticks > 0.0f && ticks <= (float)PMT_BAR_TICKS_MAX) || meter.unit <= 0) {
    return PMT_TICKS_PER_WHOLE;
  }
  return ticks < 1.0f ? 1 : (uint32_t)(ticks + 0.5f);
}

uint32_t pmt_meter_class(const uint32_t bar_ticks) {
  const uint32_t slots = (bar_ticks + PMT_SLOT_TICKS - 1) / PMT_SLOT_TICKS;
  return slots < PMT_METER_CLASSES - 1 ? slots : PMT_METER_CLASSES - 1;
}
