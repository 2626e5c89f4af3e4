/* SPDX-License-Identifier: ISC */
/** @file context.h  The last bars as tokens: what a saved session keeps so that the music goes on in kind.

    Line: gen/tape -> pmt_context_read -> text in the session -> pmt_context_parse -> pmt_player_resume. Setup
    threads. */
#ifndef PMT_GEN_CONTEXT_H
#define PMT_GEN_CONTEXT_H

#include "gen/engine.h"

enum { PMT_CONTEXT_BARS = 8, PMT_CONTEXT_TEXT_MAX = 1 << 16 };

/** Tokens with their slots, and the place that comes after them. */
typedef struct {
  PmtSequence sequence; /**< owned; as music/codec.h has it */
  uint8_t style[PMT_CONTEXT_BARS * 24]; /**< lead of each slot */
  int64_t next_bar;     /**< where the music would go on: the host's bar ... */
  uint32_t next_index;  /**< ... and slot in it */
  bool whole;           /**< nothing was composed before on the tape it was read from. False when it was parsed */
  int64_t first_bar;    /**< when whole: where it begins */
  uint32_t first_index;
} PmtContext;

/** The last PMT_CONTEXT_BARS bars that were composed, the one that plays counting: BOS slot* END, whatever jumps lie
    between them, from a bar line on. They begin at the last change of the leading style, for that begins a new piece.
    What is repeated (frozen, or a loop that stays the same) was composed before.
    @return PMT_BAD_ARG when nothing was composed yet, PMT_NO_MEM; `context` is then empty */
PmtStatus pmt_context_read(const PmtTape* tape, PmtContext* context, PmtError* error);
/** As one line of printable words, of a stable format with a version in front.
    @param size PMT_CONTEXT_TEXT_MAX is enough for what pmt_context_read() made @return length, 0 = does not fit */
size_t pmt_context_print(const PmtContext* context, char* text, size_t size);
/** Any bytes up to the NUL. @return PMT_BAD_FILE with a line that says what is wrong and where, PMT_UNSUPPORTED for
    another version, PMT_TOO_BIG, PMT_NO_MEM; `context` is then empty */
PmtStatus pmt_context_parse(const char* text, PmtContext* context, PmtError* error);
/** A session that was opened, played a little and saved again: put what it came with before what was played since, as
    far as PMT_CONTEXT_BARS reach, if `later` is whole and begins where `earlier` ends, in its style. Else nothing
    happens.
    @return PMT_NO_MEM; `later` is then as it was */
PmtStatus pmt_context_join(const PmtContext* earlier, PmtContext* later, PmtError* error);
void pmt_context_free(PmtContext* context); /**< an empty one is fine */

/** Feed a context: a start of the transport at its place goes on from there, any other is a fresh performance. Before
    the player is handed to an engine. Slow: a step a token. The context is not kept.
    @return PMT_BAD_ARG for tokens outside the model's vocabulary; the player is then as it was */
PmtStatus pmt_player_resume(PmtPlayer* player, const PmtContext* context, PmtError* error);

#endif
