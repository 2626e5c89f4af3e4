/* SPDX-License-Identifier: ISC */
/* See tape.h. A record: kind in 4 bits, time since the record before in 24, payload in 36.

   Tempo and meter are written when they change, and a song may never change them: they are said again in each eighth of
   the ring, or after an hour nobody would know them. */
#include "gen/tape.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { PAYLOAD_BITS = 36, WAIT_BITS = 24, SAY_AGAIN = PMT_TAPE_RECORDS / 8 };

static const uint64_t payload_mask = ((uint64_t)1 << PAYLOAD_BITS) - 1;
static const uint64_t wait_mask = ((uint64_t)1 << WAIT_BITS) - 1;

struct PmtTape {
  _Atomic uint64_t head; /* records ever appended */
  uint64_t time;         /* of the last one; the writer's own, as the next two */
  uint64_t tempo, meter; /* payloads in force; 0 = none was written */
  _Atomic uint64_t record[PMT_TAPE_RECORDS];
};

PmtStatus pmt_tape_new(PmtTape** const tape) {
  *tape = malloc(sizeof **tape);
  if (!*tape) {
    return PMT_NO_MEM;
  }
  atomic_init(&(*tape)->head, 0);
  (*tape)->time = (*tape)->tempo = (*tape)->meter = 0;
  for (size_t i = 0; i < PMT_TAPE_RECORDS; ++i) { /* every page is to be resident */
    atomic_init(&(*tape)->record[i], 0);
  }
  return PMT_OK;
}

void pmt_tape_free(PmtTape* const tape) { free(tape); }

size_t pmt_tape_bytes(void) { return sizeof(PmtTape); }

static void put(PmtTape* const tape, const PmtTapeKind kind, const uint64_t wait, const uint64_t payload) {
  const uint64_t head = atomic_load_explicit(&tape->head, memory_order_relaxed);
  const uint64_t word = (uint64_t)kind << (PAYLOAD_BITS + WAIT_BITS) |
                        (wait < wait_mask ? wait : wait_mask) << PAYLOAD_BITS | (payload & payload_mask);
  atomic_store_explicit(&tape->record[head % PMT_TAPE_RECORDS], word, memory_order_release);
  atomic_store_explicit(&tape->head, head + 1, memory_order_release);
}

static void say_again(PmtTape* const tape) {
  if (tape->tempo) {
    put(tape, PMT_TAPE_TEMPO, 0, tape->tempo);
  }
  if (tape->meter) {
    put(tape, PMT_TAPE_METER, 0, tape->meter);
  }
}

void pmt_tape_add(PmtTape* const tape, const PmtTapeKind kind, const uint64_t time, const uint64_t payload) {
  const uint64_t wait = time > tape->time ? time - tape->time : 0;
  tape->time += wait;
  tape->tempo = kind == PMT_TAPE_TEMPO ? payload : tape->tempo;
  tape->meter = kind == PMT_TAPE_METER ? payload : tape->meter;
  put(tape, kind, wait, payload);
  if (atomic_load_explicit(&tape->head, memory_order_relaxed) % SAY_AGAIN == 0) {
    say_again(tape);
  }
}

uint64_t pmt_tape_head(const PmtTape* const tape) { return atomic_load_explicit(&tape->head, memory_order_acquire); }

/* One record more than the ring's size may be under way when the head is read again: it is counted as overwritten. */
size_t pmt_tape_copy(const PmtTape* const tape, PmtTapeRecord* const records) {
  const uint64_t end = pmt_tape_head(tape);
  const uint64_t begin = end > PMT_TAPE_RECORDS ? end - PMT_TAPE_RECORDS : 0;
  uint64_t time = 0;
  for (uint64_t i = begin; i < end; ++i) {
    const uint64_t word = atomic_load_explicit(&tape->record[i % PMT_TAPE_RECORDS], memory_order_acquire);
    time += word >> PAYLOAD_BITS & wait_mask;
    records[i - begin] = (PmtTapeRecord){
      .kind = (PmtTapeKind)(word >> (PAYLOAD_BITS + WAIT_BITS)), .time = time, .payload = word & payload_mask};
  }
  const uint64_t now = pmt_tape_head(tape);
  const uint64_t whole = now >= PMT_TAPE_RECORDS ? now + 1 - PMT_TAPE_RECORDS : 0;
  const size_t lost = whole > begin ? (size_t)(whole < end ? whole - begin : end - begin) : 0;
  for (size_t i = lost; lost && i < (size_t)(end - begin); ++i) {
    records[i - lost] = records[i];
  }
  return (size_t)(end - begin) - lost;
}
