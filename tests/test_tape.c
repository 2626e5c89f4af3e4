/* SPDX-License-Identifier: ISC */
/* The tape: what is written is read, in order and whole, while it is being written too; the ring forgets from behind,
   but never tempo and meter. */
#include "check.h"
#include "gen/tape.h"
#include "support/fail_alloc.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

static const uint64_t wait_max = ((uint64_t)1 << 24) - 1;

static PmtTape* new_tape(void) {
  PmtTape* tape;
  CHECK(!pmt_tape_new(&tape));
  CHECK(pmt_tape_head(tape) == 0);
  return tape;
}

static PmtTapeRecord* new_records(void) {
  PmtTapeRecord* const records = malloc(PMT_TAPE_RECORDS * sizeof *records);
  CHECK(records);
  return records;
}

static void test_order(void) {
  static const PmtTapeRecord written[] = {
    {PMT_TAPE_START, 0, 0},
    {PMT_TAPE_TEMPO, 0, 500000},
    {PMT_TAPE_METER, 0, 4 * 64 << 8 | 4},
    {PMT_TAPE_BAR, 0, (uint32_t)-3},
    {PMT_TAPE_MIDI, 7, 0x90407f},
    {PMT_TAPE_SLOT, 240, ((uint64_t)1 << 36) - 1}, /* all bits there are */
    {PMT_TAPE_TOKENS, 240, (uint64_t)2047 << 22 | 2047 << 11 | 2047},
    {PMT_TAPE_JUMP, 100, 0},                       /* earlier than the last: counts as the last */
    {PMT_TAPE_MIDI, 241, 0x804000},
  };
  enum { N = sizeof written / sizeof *written };
  PmtTape* const tape = new_tape();
  PmtTapeRecord* const records = new_records();
  CHECK(pmt_tape_copy(tape, records) == 0);
  for (size_t i = 0; i < N; ++i) {
    pmt_tape_add(tape, written[i].kind, written[i].time, written[i].payload);
    CHECK(pmt_tape_head(tape) == i + 1);
  }
  CHECK(pmt_tape_copy(tape, records) == N);
  for (size_t i = 0; i < N; ++i) {
    const uint64_t time = written[i].kind == PMT_TAPE_JUMP ? 240 : written[i].time;
    CHECKF(records[i].kind == written[i].kind && records[i].payload == written[i].payload && records[i].time == time,
           "record %zu: kind %d, time %llu, payload %llx", i, records[i].kind, (unsigned long long)records[i].time,
           (unsigned long long)records[i].payload);
  }
  CHECK((int32_t)(uint32_t)records[3].payload == -3);
  free(records);
  pmt_tape_free(tape);
}

/** A day of rest is a shorter rest; what follows keeps its distances. */
static void test_long_wait(void) {
  PmtTape* const tape = new_tape();
  PmtTapeRecord* const records = new_records();
  const uint64_t time[] = {10, 10 + wait_max, 11 + 2 * wait_max, 12 + 2 * wait_max, UINT64_MAX - 1, UINT64_MAX};
  const uint64_t read[] = {10,                10 + wait_max,     10 + 2 * wait_max,
                           11 + 2 * wait_max, 11 + 3 * wait_max, 12 + 3 * wait_max};
  for (size_t i = 0; i < 6; ++i) {
    pmt_tape_add(tape, PMT_TAPE_MIDI, time[i], i);
  }
  CHECK(pmt_tape_copy(tape, records) == 6);
  for (size_t i = 0; i < 6; ++i) {
    CHECKF(records[i].time == read[i] && records[i].payload == i, "record %zu: %llu", i,
           (unsigned long long)records[i].time);
  }
  free(records);
  pmt_tape_free(tape);
}

static void test_slot(void) {
  const PmtTapeSlot most = {63, 63, 63, 63, 63, 63};
  CHECK(pmt_tape_slot(most) < (uint64_t)1 << 36);
  for (uint32_t field = 0; field < sizeof(PmtTapeSlot); ++field) { /* each in its own bits */
    uint8_t bytes[sizeof(PmtTapeSlot)] = {0};
    PmtTapeSlot slot;
    bytes[field] = 63;
    memcpy(&slot, bytes, sizeof slot);
    slot = pmt_tape_slot_of(pmt_tape_slot(slot));
    CHECK(!memcmp(&slot, bytes, sizeof slot));
  }
}

/** Consecutive MIDI records count upwards, `step` apart in time; tempo and meter may stand between them.
    @return how many there are */
static size_t check_count(const PmtTapeRecord* const records, const size_t n, const uint64_t step) {
  size_t counted = 0;
  const PmtTapeRecord* before = NULL;
  for (size_t i = 0; i < n; ++i) {
    const PmtTapeRecord* const r = &records[i];
    if (r->kind == PMT_TAPE_TEMPO || r->kind == PMT_TAPE_METER) {
      CHECK(r->payload == (r->kind == PMT_TAPE_TEMPO ? 437956u : 7 * 64u << 8 | 8));
      continue;
    }
    CHECKF(r->kind == PMT_TAPE_MIDI, "record %zu of %zu is of kind %d", i, n, r->kind);
    CHECKF(!before || (r->payload == before->payload + 1 && r->time == before->time + step),
           "record %zu of %zu: %llu at %llu after %llu at %llu", i, n, (unsigned long long)r->payload,
           (unsigned long long)r->time, (unsigned long long)before->payload, (unsigned long long)before->time);
    before = r;
    ++counted;
  }
  return counted;
}

static void begin_song(PmtTape* const tape) {
  pmt_tape_add(tape, PMT_TAPE_TEMPO, 0, 437956);
  pmt_tape_add(tape, PMT_TAPE_METER, 0, 7 * 64 << 8 | 8);
}

static void test_ring(void) {
  enum { WRITTEN = 3 * PMT_TAPE_RECORDS + 1000 };
  PmtTape* const tape = new_tape();
  PmtTapeRecord* const records = new_records();
  begin_song(tape);
  for (uint64_t i = 0; i < WRITTEN; ++i) {
    pmt_tape_add(tape, PMT_TAPE_MIDI, 5 * i, i);
    if (i % 54321 == 0) {
      check_count(records, pmt_tape_copy(tape, records), 5);
    }
  }
  const size_t n = pmt_tape_copy(tape, records);
  CHECKF(n == PMT_TAPE_RECORDS - 1, "%zu", n); /* the oldest may be under the pen already */
  CHECK(records[n - 1].payload == WRITTEN - 1 || records[n - 1].kind != PMT_TAPE_MIDI);
  const size_t said_again = n - check_count(records, n, 5);
  CHECKF(said_again >= 14 && said_again <= 16, "tempo and meter stand there %zu times", said_again);
  size_t silent = 0, longest = 0;
  for (size_t i = 0; i < n; ++i) {
    silent = records[i].kind == PMT_TAPE_TEMPO ? 0 : silent + 1;
    longest = silent > longest ? silent : longest;
  }
  CHECKF(longest <= PMT_TAPE_RECORDS / 8, "%zu records without a tempo", longest);
  CHECK(pmt_tape_head(tape) > WRITTEN);
  free(records);
  pmt_tape_free(tape);
}

/* ---- One writes, others read ------------------------------------------------------------------------------------- */

enum { READERS = 2, PASSES = 2 * PMT_TAPE_RECORDS };

typedef struct {
  PmtTape* tape;
  _Atomic bool done;
} Shared;

static void* write_on(void* const handle) {
  Shared* const shared = handle;
  begin_song(shared->tape);
  for (uint64_t i = 0; i < PASSES; ++i) {
    pmt_tape_add(shared->tape, PMT_TAPE_MIDI, 3 * i, i);
    if (i % 1024 == 0) { /* as a host's cycles: the readers shall see most of it, and sometimes be overtaken */
      sched_yield();
    }
  }
  atomic_store(&shared->done, true);
  return NULL;
}

static void* read_on(void* const handle) {
  Shared* const shared = handle;
  PmtTapeRecord* const records = new_records();
  uint64_t newest = 0;
  for (bool done = false; !done;) {
    done = atomic_load(&shared->done);
    const uint64_t head = pmt_tape_head(shared->tape);
    const size_t n = pmt_tape_copy(shared->tape, records);
    CHECK(check_count(records, n, 3) + 16 >= n);
    CHECK(n > 0 || head < 3 || pmt_tape_head(shared->tape) - head + 1 >= PMT_TAPE_RECORDS); /* overtaken altogether */
    if (n && records[n - 1].kind == PMT_TAPE_MIDI) {
      CHECK(records[n - 1].payload >= newest);
      newest = records[n - 1].payload;
    }
  }
  CHECKF(newest + 1 >= PASSES - 2, "the last record seen is %llu", (unsigned long long)newest);
  free(records);
  return NULL;
}

static void test_threads(void) {
  Shared shared = {.tape = new_tape()};
  pthread_t writer, reader[READERS];
  for (uint32_t i = 0; i < READERS; ++i) {
    CHECK(!pthread_create(&reader[i], NULL, read_on, &shared));
  }
  CHECK(!pthread_create(&writer, NULL, write_on, &shared));
  CHECK(!pthread_join(writer, NULL));
  for (uint32_t i = 0; i < READERS; ++i) {
    CHECK(!pthread_join(reader[i], NULL));
  }
  pmt_tape_free(shared.tape);
}

static void test_no_memory(void) {
  PmtTape* tape;
  pmt_fail_after(0);
  const PmtStatus status = pmt_tape_new(&tape);
  pmt_fail_never();
  CHECK(status == PMT_NO_MEM && !tape);
  pmt_tape_free(NULL);
}

int main(void) {
  test_order();
  test_long_wait();
  test_slot();
  test_ring();
  test_threads();
  test_no_memory();
  CHECK(pmt_tape_bytes() >= PMT_TAPE_RECORDS * sizeof(uint64_t));
  return 0;
}
