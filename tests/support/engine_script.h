/* SPDX-License-Identifier: ISC */
/** @file engine_script.h  Drives an engine by a script, in blocks of any size, and checks every message that leaves it:
    what is a script, how it is played, what is asked about what was heard.

    Above: tests of gen/engine, duet.h. Below: gen/engine, tests/support/tiny_model. */
#ifndef PMT_TESTS_SUPPORT_ENGINE_SCRIPT_H
#define PMT_TESTS_SUPPORT_ENGINE_SCRIPT_H

#include "gen/render.h"
#include "support/tiny_model.h"

#include <stdbool.h>

typedef enum {
  PMT_SCRIPT_CONTROLS,
  PMT_SCRIPT_POSITION,
  PMT_SCRIPT_MIDI,
  PMT_SCRIPT_LEARN,
  PMT_SCRIPT_PANIC,
  PMT_SCRIPT_SILENCE, /**< as deactivate() does */
  PMT_SCRIPT_SWAP,    /**< offers pmt_script_player(options); what an earlier one replaced is freed */
} PmtScriptKind;

/** What happens at `frame`. */
typedef struct {
  uint64_t frame;
  PmtScriptKind kind;
  PmtPosition position;
  PmtControls controls;
  uint8_t bytes[4];
  uint32_t size;                 /**< of the message */
  uint32_t bars;                 /**< to be learnt */
  const PmtTinyOptions* options; /**< of the other model */
} PmtScriptEvent;

/** Checks as it records: no note begun twice, none ended that does not sound, frames never fall. */
typedef struct {
  PmtMidiList list;
  uint64_t frame;         /**< of the present call */
  uint64_t last;
  uint32_t n_frames;      /**< of the present call: offsets stay below (0 for a call of no frames) */
  bool sounding[16][128];
  uint32_t n_sounding;
  uint32_t refuse_one_in; /**< 0 = takes everything */
  bool passes;            /**< other messages than notes may come */
  uint64_t n_asked;
} PmtScriptSink;

PmtMidiOut pmt_script_out(PmtScriptSink* sink);

/** From now on every model is of this architecture and is told what a listener hears, whatever its options say. NULL:
    as they say. */
void pmt_script_listen(const char* arch);

/** A model of random weights, the same in a fresh player, and that in a fresh engine. End the test when they cannot. */
PmtModel* pmt_script_model(const PmtTinyOptions* options);
PmtPlayer* pmt_script_player(const PmtTinyOptions* options);
PmtEngine* pmt_script_engine(const PmtTinyOptions* options);

/** Run to `end` from sink->frame on. Events cut blocks. @param block 0 = random sizes, 1..3000 */
void pmt_script_run(PmtEngine* engine, const PmtScriptEvent* events, size_t n_events, uint64_t end, uint32_t block,
                    PmtScriptSink* sink);

/** A position at a tempo of 120 in 4/4 at 48 kHz, by frames from the song's start. */
PmtPosition pmt_script_position(int64_t song_frame, float speed);
PmtScriptEvent pmt_script_at(uint64_t frame, PmtPosition position);
PmtScriptEvent pmt_script_set(uint64_t frame, PmtControls controls);
/** A message of the player. @param third left out of those of two bytes */
PmtScriptEvent pmt_script_midi(uint64_t frame, uint8_t status, uint8_t second, uint8_t third);

/** Models of many notes, and of at least one in each slot; all on the slot's head. */
extern const PmtTinyOptions pmt_script_busy, pmt_script_restless;

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- The script of a program ------------------------------------------------------------------------------------- */

/** Frames: the script's transport stands for so long, then rolls; a slot and a bar of pmt_script_position(). */
enum { PMT_SCRIPT_LEAD = 24000, PMT_SCRIPT_SLOT = 12000, PMT_SCRIPT_BAR = 8 * PMT_SCRIPT_SLOT };

enum { PMT_SCRIPT_MAX = 40000 };

/** Events in any order; those of one frame happen in the order in which they were added. */
typedef struct {
  PmtScriptEvent event[PMT_SCRIPT_MAX];
  size_t n;
} PmtScript;
/** There is one in a program: tests are written as a list of what happens. */
extern PmtScript pmt_script;

void pmt_script_add(PmtScriptEvent event);
/** The host says where the song is, at 120 in 4/4. */
void pmt_script_say(uint64_t frame, int64_t song_frame, float speed);
/** Begin it anew: stand, so that the first slot is made, then roll from `song_frame` at PMT_SCRIPT_LEAD. */
void pmt_script_begin(PmtControls controls, int64_t song_frame);
/** Put it in order, for who runs it otherwise than by pmt_script_play(). */
void pmt_script_sort(void);

/** Play it to `end` in a fresh engine at each of these block sizes (0 = random): no slot late, all notes ended, the
    same music and the same figures each time. @param[out] stats may be NULL. @return what was played; to be freed */
PmtMidiList pmt_script_play(const PmtTinyOptions* options, uint64_t end, const uint32_t* blocks, size_t n_blocks,
                            PmtEngineStats* stats);

/** Silence the engine, and refuse nothing of it: no note sounds on, and none is owed. */
void pmt_script_check_ends(PmtEngine* engine, PmtScriptSink* sink);

/* ---- What was heard ---------------------------------------------------------------------------------------------- */

/** Note-ons in frames from .. to - 1. */
uint32_t pmt_script_count_on(const PmtMidiList* list, uint64_t from, uint64_t to);
/** Frames from `from` to the first note-on; -1: none. */
int64_t pmt_script_first_on(const PmtMidiList* list, uint64_t from);

/** Something begins in each slot from the one at `from` to the one before `to`. */
void pmt_script_check_no_gap(const PmtMidiList* list, uint64_t from, uint64_t to);
/** Notes begun and not ended by the messages of frames 0 .. frame. */
uint32_t pmt_script_sounding(const PmtMidiList* list, uint64_t frame);
/** Channels, one a bit, whose sustain pedal is down in the end. */
uint32_t pmt_script_pedals(const PmtMidiList* list);

bool pmt_script_same(const PmtMidiList* a, const PmtMidiList* b);
/** Frame of the first message in which they differ; UINT64_MAX: they are the same. */
uint64_t pmt_script_first_difference(const PmtMidiList* a, const PmtMidiList* b);

#endif
