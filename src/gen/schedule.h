/* SPDX-License-Identifier: ISC */
/** @file schedule.h  Notes that have been decided and wait for their tick.

    Above: gen/engine. Below: nothing. A binary heap of fixed size: adding and taking cost log n, nothing allocates. */
#ifndef PMT_GEN_SCHEDULE_H
#define PMT_GEN_SCHEDULE_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

enum { PMT_SCHEDULE_MAX = 1024 };

typedef struct {
  int64_t on, off;  /**< ticks */
  uint32_t order;   /**< among notes of one tick: grammar order */
  uint8_t part;     /**< or PMT_PART_DRUMS */
  uint8_t pitch;
  uint8_t velocity; /**< MIDI, 1..127 */
} PmtPending;

typedef struct {
  PmtPending heap[PMT_SCHEDULE_MAX];
  uint32_t n;
  uint32_t order; /**< given to the next note */
} PmtSchedule;

void pmt_schedule_clear(PmtSchedule* schedule) PMT_RT;
/** @return false when it is full; `note.order` is set here */
bool pmt_schedule_add(PmtSchedule* schedule, PmtPending note) PMT_RT;
/** The earliest note; NULL when there is none. */
const PmtPending* pmt_schedule_first(const PmtSchedule* schedule) PMT_RT;
void pmt_schedule_drop_first(PmtSchedule* schedule) PMT_RT;
/** Ticks are counted anew: add `shift` to all. */
void pmt_schedule_shift(PmtSchedule* schedule, int64_t shift) PMT_RT;
/** Notes that will have begun by `tick` and sound beyond it. */
uint32_t pmt_schedule_beyond(const PmtSchedule* schedule, int64_t tick) PMT_RT;

#endif
