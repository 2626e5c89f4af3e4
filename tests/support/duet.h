/* SPDX-License-Identifier: ISC */
/** @file duet.h  Somebody plays along with the engine: what they play, well and as nobody should, and each manner in
    which the engine may keep them company.

    What they do is added to the script of the program (engine_script.h). Unless a test says otherwise their notes are
    not passed on: what is heard is ours.

    Above: test_company*.c, test_jam.c. Below: engine_script.h. */
#ifndef PMT_TESTS_SUPPORT_DUET_H
#define PMT_TESTS_SUPPORT_DUET_H

#include "support/engine_script.h"

/** Frames, at 120 in 4/4. Bar 0 begins at LEAD. */
enum { LEAD = PMT_SCRIPT_LEAD, SLOT = PMT_SCRIPT_SLOT, BAR = PMT_SCRIPT_BAR, TICK = SLOT / 12 };

/** Models that listen: of many notes, of at least one in each slot, of notes anywhere in it. */
extern const PmtTinyOptions pmt_duet_busy, pmt_duet_restless, pmt_duet_plain;

/* ---- The player -------------------------------------------------------------------------------------------------- */

/** A key goes down, and up after `length` frames. */
void pmt_duet_press(uint64_t frame, uint64_t length, uint8_t key, uint8_t velocity);
/** A tune of quavers, each a little late or early, from bar `first` of the song to before bar `end`. @param key of the
    dice */
void pmt_duet_tune(uint64_t key, uint64_t first, uint64_t end);

enum { PMT_DUET_BAD_KINDS = 6 };
/** All of a keyboard at once, a thousand notes a slot, ends of nothing, every channel, a pedal for ever, notes that
    nothing can say, notes in the frame of a jump: one of these a kind, within six bars. */
void pmt_duet_mistreat(uint32_t kind);

/* ---- The engine beside them -------------------------------------------------------------------------------------- */

PmtControls pmt_duet_mode(PmtMode mode);

/** All there is to be set up: the mode, and what makes it another one. BY_SILENCE: answers when the player is silent. */
enum { MANNERS = 9, BY_SILENCE = 5 };
PmtControls pmt_duet_manner(uint32_t i);

/** pmt_script_play() at some block sizes, or at so many: most tests need no more, and a few see the small ones.
    @return what was played; to be freed */
PmtMidiList pmt_duet_play(const PmtTinyOptions* options, uint64_t end);
PmtMidiList pmt_duet_play_at(uint32_t n_blocks, const PmtTinyOptions* options, uint64_t end);
#ifdef __SANITIZE_ADDRESS__
enum { PMT_DUET_SOME_BLOCKS = 1, PMT_DUET_ALL_BLOCKS = 2 }; /* ten times slower, and the plain build compares them */
#else
enum { PMT_DUET_SOME_BLOCKS = 3, PMT_DUET_ALL_BLOCKS = 4 };
#endif

/** Of the last script that was played. */
extern PmtEngineStats pmt_duet_stats;

#endif
