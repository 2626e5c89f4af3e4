/* SPDX-License-Identifier: ISC */
/* Above: gen/engine. Below: nothing. */
#include "gen/schedule.h"

static bool before(const PmtPending* const a, const PmtPending* const b) {
  return a->on != b->on ? a->on < b->on : (int32_t)(a->order - b->order) < 0; /* the count may wrap */
}

void pmt_schedule_clear(PmtSchedule* const schedule) { schedule->n = 0; }

bool pmt_schedule_add(PmtSchedule* const schedule, PmtPending note) {
  if (schedule->n == PMT_SCHEDULE_MAX) {
    return false;
  }
  note.order = schedule->order++;
  uint32_t i = schedule->n++;
  while (i > 0 && before(&note, &schedule->heap[(i - 1) / 2])) {
    schedule->heap[i] = schedule->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  schedule->heap[i] = note;
  return true;
}

const PmtPending* pmt_schedule_first(const PmtSchedule* const schedule) {
  return schedule->n ? &schedule->heap[0] : 0;
}

void pmt_schedule_drop_first(PmtSchedule* const schedule) {
  const uint32_t n = --schedule->n;
  const PmtPending last = schedule->heap[n];
  uint32_t i = 0;
  for (;;) {
    uint32_t child = 2 * i + 1;
    if (child + 1 < n && before(&schedule->heap[child + 1], &schedule->heap[child])) {
      ++child;
    }
    if (child >= n || !before(&schedule->heap[child], &last)) {
      break;
    }
    schedule->heap[i] = schedule->heap[child];
    i = child;
  }
  schedule->heap[i] = last;
}

void pmt_schedule_shift(PmtSchedule* const schedule, const int64_t shift) {
  for (uint32_t i = 0; i < schedule->n; ++i) {
    schedule->heap[i].on += shift;
    schedule->heap[i].off += shift;
  }
}

uint32_t pmt_schedule_beyond(const PmtSchedule* const schedule, const int64_t tick) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < schedule->n; ++i) {
    count += schedule->heap[i].on < tick && schedule->heap[i].off > tick;
  }
  return count;
}
