/* SPDX-License-Identifier: ISC */
/** @file roll.h  Piano-roll pictures, PNG or SVG, through cairo.

    Above: tools/cmd_inspect.c (a score), tools/cmd_play.c (what the plugin played). Below: cairo, base/file.h.
    Time is in quarter notes from the left edge; bars must touch and are drawn in the order given, wrapped into rows. */
#ifndef PMT_TOOLS_ROLL_H
#define PMT_TOOLS_ROLL_H

#include "base/status.h"
#include "gen/render.h"
#include "music/score.h"

enum {
  PMT_ROLL_TEXT = 64,
  PMT_ROLL_PARTS = PMT_PARTS_MAX,
  PMT_ROLL_DRUMS = PMT_PARTS_MAX, /**< drawn in the lane below, by key */
  PMT_ROLL_PLAYER,                /**< who plays along: in a colour of their own */
  PMT_ROLL_PLAYER_DRUMS,
  PMT_ROLL_KINDS
};

typedef struct {
  double start, end; /**< quarters */
  uint8_t part;      /**< 0..7, or PMT_ROLL_DRUMS to PMT_ROLL_PLAYER_DRUMS */
  uint8_t pitch;
  uint8_t velocity;  /**< 1..127: opacity */
} PmtRollNote;

typedef struct {
  double start, length; /**< quarters */
  uint32_t number;      /**< as musicians count; after a jump not one more than before */
  uint32_t beats, unit;
} PmtRollBar;

/** A label along the top: a style, a tempo, a jump. */
typedef struct { double at; char text[PMT_ROLL_TEXT]; } PmtRollMark;

/** One point of the curve under the notes; a step is two points at one place. */
typedef struct { double at, value; } PmtRollPoint;

/** Owned arrays; a zeroed struct is an empty picture. */
typedef struct {
  char title[2 * PMT_ROLL_TEXT], subtitle[4 * PMT_ROLL_TEXT];
  char part_name[PMT_ROLL_PARTS][PMT_ROLL_TEXT]; /**< for the legend; empty: "part N" */
  PmtRollNote* notes;
  PmtRollBar* bars;
  PmtRollMark* marks;
  PmtRollPoint* points;
  size_t n_notes, n_bars, n_marks, n_points;
  char curve_label[PMT_ROLL_TEXT];
} PmtRoll;

void pmt_roll_free(PmtRoll* roll);

/** Append one thing (marks are kept in order of time). @return PMT_NO_MEM; the roll is then unchanged */
PmtStatus pmt_roll_add_note(PmtRoll* roll, PmtRollNote note);
PmtStatus pmt_roll_add_bar(PmtRoll* roll, PmtRollBar bar);
PmtStatus pmt_roll_add_mark(PmtRoll* roll, double at, const char* text);
PmtStatus pmt_roll_add_point(PmtRoll* roll, double at, double value);

/** Where the last bar ends, in quarters. */
double pmt_roll_end(const PmtRoll* roll);

/** Bars first_bar .. last_bar (from 0, inclusive) of a score and what of its notes sounds in them, after the bars that
    there are. */
PmtStatus pmt_roll_add_score(PmtRoll* roll, const PmtScore* score, uint32_t first_bar, uint32_t last_bar);

/** Time of a frame in quarters from the left edge. */
typedef double (*PmtRollTime)(const void* handle, uint64_t frame);

/** The notes of a recording: channel 10 is drums, the others are parts, counted upwards from the channel of part 0.
    @param first_channel 0..15 */
PmtStatus pmt_roll_add_midi(PmtRoll* roll, const PmtMidiList* list, uint32_t first_channel, PmtRollTime quarter_at,
                            const void* handle);

/** The notes of somebody who plays along. */
PmtStatus pmt_roll_add_player(PmtRoll* roll, const PmtMidiList* list, PmtRollTime quarter_at, const void* handle);

/** Draw. The ending of `path` picks the format: .png or .svg; any other is PMT_UNSUPPORTED. Whole or not at all. */
PmtStatus pmt_roll_draw(const PmtRoll* roll, const char* path, PmtError* error);

#endif
