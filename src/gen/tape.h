/* SPDX-License-Identifier: ISC */
/** @file tape.h  What was played: the audio thread appends, any other thread copies, nobody waits.

    Above: gen/engine (writes), gen/capture and gen/context (read). Below: nothing.

    A ring of atomic 64-bit words, overwritten from behind. The writer stores a record and then moves the head; a reader
    copies, looks at the head again, and drops what may have been overwritten meanwhile. Time on the tape is musical and
    only ever grows: 1/480 quarter since the tape was made, whatever the transport does, standstill not counted. So a
    loop played three times lies there three times, one after the other, as it was heard. */
#ifndef PMT_GEN_TAPE_H
#define PMT_GEN_TAPE_H

#include "base/attributes.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
  PMT_TAPE_RECORDS = 1 << 17, /* 1 MiB: about an hour */
  PMT_TAPE_QUARTER = 480,     /* units of time in a quarter */
};

typedef enum {
  PMT_TAPE_NOTHING,
  PMT_TAPE_START,  /**< a performance begins; payload 0. Tempo, meter and bar follow */
  PMT_TAPE_TEMPO,  /**< payload: microseconds a quarter, below 2^28. The tape repeats this and the next by itself */
  PMT_TAPE_METER,  /**< payload: beats in a bar * 64 (8 bits of unit below): beats64 << 8 | unit */
  PMT_TAPE_BAR,    /**< a bar line; payload: the host's number of the bar, 32 bits, two's complement */
  PMT_TAPE_JUMP,   /**< located or looped: the place that follows is another; payload 0 */
  PMT_TAPE_MIDI,   /**< a message that was written to the host; payload: status << 16 | data1 << 8 | data2 */
  PMT_TAPE_SLOT,   /**< a slot was composed, its tokens follow; payload: pmt_tape_slot() */
  PMT_TAPE_TOKENS, /**< up to 3 tokens of 11 bits, first lowest, each + 1; 0 = none */
} PmtTapeKind;

typedef struct {
  PmtTapeKind kind;
  uint64_t time;    /**< 1/480 quarter, rising */
  uint64_t payload; /**< below 2^36 */
} PmtTapeRecord;

typedef struct PmtTape PmtTape;

/** Resident at once. Setup threads. */
PmtStatus pmt_tape_new(PmtTape** tape);
void pmt_tape_free(PmtTape* tape); /**< NULL is fine; no reader may be inside */
size_t pmt_tape_bytes(void);

/** Append. @param time 1/480 quarter; an earlier one than the last counts as the last. Audio thread */
void pmt_tape_add(PmtTape* tape, PmtTapeKind kind, uint64_t time, uint64_t payload) PMT_RT;

/** Copy all that is there, oldest first. Any thread but the audio thread, also while it writes.
    @param records room for PMT_TAPE_RECORDS @return how many there are; the first may be in the middle of anything */
size_t pmt_tape_copy(const PmtTape* tape, PmtTapeRecord* records);

/** Number of records ever appended: tells whether there is anything new. Any thread. */
uint64_t pmt_tape_head(const PmtTape* tape) PMT_RT;

/** PMT_TAPE_SLOT's payload. */
typedef struct { uint8_t index, meter, key, phrase, density, style; } PmtTapeSlot;
static inline uint64_t pmt_tape_slot(const PmtTapeSlot s) {
  return (uint64_t)s.index << 30 | (uint64_t)s.meter << 24 | (uint64_t)s.key << 18 | (uint64_t)s.phrase << 12 |
         (uint64_t)s.density << 6 | s.style;
}
static inline PmtTapeSlot pmt_tape_slot_of(const uint64_t p) {
  return (PmtTapeSlot){.index = (uint8_t)(p >> 30 & 63), .meter = (uint8_t)(p >> 24 & 63), .key = (uint8_t)(p >> 18 & 63),
                       .phrase = (uint8_t)(p >> 12 & 63), .density = (uint8_t)(p >> 6 & 63), .style = (uint8_t)(p & 63)};
}

#endif
