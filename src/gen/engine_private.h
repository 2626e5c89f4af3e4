/* SPDX-License-Identifier: ISC */
/** @file engine_private.h  What engine.c, engine_listen.c, engine_place.c, engine_slot.c, engine_tape.c and engine_setup.c share. Nobody
    else includes this. */
#ifndef PMT_GEN_ENGINE_PRIVATE_H
#define PMT_GEN_ENGINE_PRIVATE_H

#include "gen/dictation.h"
#include "gen/engine.h"
#include "gen/freeze.h"
#include "gen/hearing.h"
#include "gen/leading.h"
#include "gen/memory.h"
#include "gen/phrase.h"
#include "gen/reader.h"
#include "gen/repeats.h"
#include "gen/schedule.h"
#include "gen/thru.h"
#include "gen/tonality.h"
#include "music/score.h"

enum { PMT_SLOT_NOTES_MAX = PMT_SLOT_STEPS_MAX, PMT_BURST = 5 };

/** Multiply-adds a second that regular work may take: 48 tokens of the default model (2.4 million each) in an eighth at
    300 quarters a minute. An entry in mid-performance takes PMT_BURST times as much, for half a tick. */
#define PMT_WORK_RATE (48.0 * 2.4e6 / 0.1)
/** Seconds over which the first slot is made while the transport stands. */
#define PMT_PREPARE_SECONDS 0.2
/** Ticks after a jump when what starts there sounds, if it could not be foreseen. */
#define PMT_ENTRY_TICKS 0.5
/** Between looks whether a slot that is overdue is complete. */
#define PMT_LOOK_TICKS 0.25
/** Standing for less than this and then rolling elsewhere is a locate: JACK's transport stands while clients get ready. */
#define PMT_BRIEF_SECONDS 0.1
/** From Run = always to the first note of our own: the first slot has to be made. */
#define PMT_OWN_SECONDS 0.25

struct PmtPlayer {
  PmtModel* model;
  PmtReader* reader;
  float* start;           /**< its state at every start of the transport, when primed */
  float* played;          /**< after the last slot that was played */
  PmtMemory memory;
  uint8_t start_velocity; /**< bin in force then */
  uint8_t played_velocity;
  bool primed;
  bool resumes;           /**< `played` is that of a saved session, which would go on ... */
  int64_t resume_bar;     /**< ... here */
  uint32_t resume_index;
  uint32_t resume_lead;
};

typedef enum {
  PMT_SLOT_NONE,
  PMT_SLOT_WAITING, /**< for what a player does until it `opens` */
  PMT_SLOT_MAKING,
  PMT_SLOT_READY
} PmtSlotPhase;

/** What a slot is for. */
typedef enum {
  PMT_ROLE_ALONE,
  PMT_ROLE_ALONG,  /**< played with somebody */
  PMT_ROLE_LISTEN, /**< the player's turn: what they play becomes the music so far */
  PMT_ROLE_ANSWER, /**< our turn */
  PMT_ROLE_REST,
} PmtRole;

/** What a player played, on its way into the net before a slot of our own. */
typedef struct {
  bool on;
  uint64_t slot;       /**< in the dictation: its tokens are being fed */
  uint64_t end;        /**< one past the last */
  double now;          /**< tick at which all of it is looked at, however long it takes to read */
  uint32_t at, n;      /**< of `token`: the one in flight, and how many there are */
  uint8_t velocity;    /**< bin in force */
  PmtToken token[PMT_DICTATION_TOKENS];
} PmtFeed;

/** work(f) = base + min(plan(f), per_frame * (f - f0)), plan rising from 0 at f0 to total - base at f1 in two straight
    pieces (engine_slot.c): a function of the frame alone, so that how the host cuts its blocks is never audible. In
    multiply-adds. */
typedef struct {
  int64_t f0, f1;
  uint64_t base, total, per_frame;
} PmtPace;

/** The player's notes that are told to the net as if it had played them: at the head of the slot, each before its length,
    which is the net's guess. One that is held for longer is told again. */
typedef struct {
  struct { PmtToken note; uint8_t key; int64_t ends; /**< tick, as guessed */ } of[PMT_TOLD_MAX];
  uint32_t n, known;   /**< the first `n` are of this slot; those up to `known` are from before and taken to sound still */
  uint32_t at;         /**< so many of `n` are told */
  bool open;           /**< the next length is of the last that was told */
} PmtTold;

/** The slot that is being made, or waits to be played. */
typedef struct {
  PmtSlotPhase phase;
  PmtPlace place;
  double opens;        /**< tick at which it is begun, when it waits */
  double deadline;     /**< tick at which it is committed: its start, later after a jump */
  bool eager;          /**< it is committed as soon as it is complete, looked for at `deadline` and then again ... */
  double last;         /**< ... until here */
  PmtRole role;
  PmtFeed feed;
  uint32_t lead;       /**< the style with most weight */
  bool fresh;          /**< begun from the start state */
  uint64_t pass;       /**< in force when it was begun */
  bool recalled;       /**< not made but known: `phrase` has its notes */
  uint64_t phrase;     /**< number; PMT_PHRASE_NONE = silence */
  bool awaits_jump;    /**< recalled before the loop wraps, because it is known to */
  bool bos;            /**< BOS is in flight, the slot's own T token still to be fed */
  bool open;           /**< the last note waits for its duration */
  bool must_play;      /**< may not end before its first note */
  PmtFrozen frozen;
  PmtGrammar grammar;
  uint8_t ornament;    /**< of the next note */
  uint32_t n_notes;
  PmtNote notes[PMT_SLOT_NOTES_MAX]; /**< onset: ticks into the slot */
  uint32_t n_tokens;   /**< chosen */
  PmtToken token[PMT_SLOT_STEPS_MAX];
  float surprise;      /**< their sum, bits */
  uint64_t done;       /**< multiply-adds spent */
  PmtPace pace;
} PmtSlotWork;

#define PMT_PHRASE_NONE UINT64_MAX

/** The slots that Freeze repeats: numbers in the phrase, which does not grow meanwhile. */
typedef struct {
  float bars;    /**< as asked for; 0 = not frozen */
  uint64_t first;
  uint32_t n, next;
} PmtFrozenBars;

/** Where the host's loop wraps, once it did: Ardour's positions are late by its latency, so the wrap is known only after the
    loop's first slot should have begun. */
typedef struct {
  bool known, awaited; /**< awaited: played as if it had wrapped, the host's word is to come */
  PmtPlace from, to;
} PmtLoopPlace;

/** A transport of our own while the host's stands: Run. */
typedef struct {
  bool waiting, rolling;
  bool on_note;        /**< waits for the player's first */
  int64_t begins;      /**< frame, when waiting */
  float tempo;
} PmtOwnTransport;

/** Somebody else. */
typedef struct {
  PmtHearing hearing;
  PmtDictation dictation;
  PmtThru thru;
  PmtLeading leading;
  PmtTold told;
  bool passes;             /**< thru was on */
  bool placed;             /**< the dictation's last slot lies in the present count of ticks */
  bool learns;             /**< their slots from `learnt` on shall replace the music so far ... */
  bool learning;           /**< ... and have begun to */
  uint64_t learnt;
  uint64_t fed;            /**< slots of the dictation that the net has read, or never will */
  uint64_t phrase;         /**< the first slot of their last turn ... */
  uint64_t turn_end;       /**< ... and one past its last, when it is over */
  bool rested;             /**< the last slot of turns was a rest; nothing was played before `turn_end` since it began */
  bool elsewhere;          /**< the last slot was of another mode: turns begin anew */
  bool ours;               /**< the turn */
  uint32_t turn_slots;     /**< so long has it lasted */
  uint32_t phrase_slots;   /**< so long was theirs, from its first note to its last */
  uint32_t count_in;       /**< bars still to be counted */
  bool counted;            /**< a slot was, since the start */
} PmtCompany;

struct PmtEngine {
  PmtCompany company;
  PmtClock clock;
  PmtControls controls;    /**< sane */
  PmtPlayer* player;       /**< may be NULL */
  PmtPlayer* offered;
  PmtPlayer* old;
  PmtSlotWork slot;
  bool has_played;         /**< a slot since the start state: player->played holds */
  uint32_t played_lead;    /**< lead of the last slot played, when has_played */
  bool has_last;           /**< a slot since the transport started ... */
  PmtPlace last;           /**< ... this one */
  uint64_t pass;           /**< how often the music came by since the start: part of the key of chance */
  PmtLoopPlace loop;
  PmtPhrase phrase;
  PmtFrozenBars frozen;
  int64_t stopped_at;      /**< frame */
  bool resumes;            /**< a start at `resume` goes on */
  PmtPlace resume;
  bool host_rolling;
  bool host_known;
  PmtPosition host;        /**< its last word while it stood, when host_known */
  PmtOwnTransport own;
  bool silenced;           /**< enabled <= 0 was acted upon */
  bool holding;
  PmtRepeats repeats;
  PmtTonality tonality;
  PmtSchedule schedule;
  PmtHeld held;
  PmtTape* tape;
  uint64_t tape_time;      /**< at tick `tape_tick` */
  int64_t tape_tick;
  bool tape_bar;           /**< the next slot says which bar it is in, wherever in it */
  uint64_t tape_tempo, tape_meter; /**< last written */
  const PmtMidiOut* sink;  /**< the caller's, for the length of a call */
  uint64_t work_per_frame;
  PmtEngineStats stats;
};

/* engine.c */

/** Whether there is a model and the plugin is switched on. */
bool pmt_engine_can_make(const PmtEngine* engine) PMT_RT;
/** End what sounds and drop what waits. */
void pmt_engine_forget_notes(PmtEngine* engine, const PmtMidiOut* out, uint32_t frame) PMT_RT;
/** Begin a transport of our own, which stood waiting. */
void pmt_engine_roll_own(PmtEngine* engine, const PmtMidiOut* out, uint32_t frame) PMT_RT;
/** Channel on which a part sounds, 0..15. */
uint8_t pmt_engine_channel(const PmtEngine* engine, uint8_t part) PMT_RT;
/** Put an offered player in place of the one in use. */
void pmt_engine_adopt(PmtEngine* engine) PMT_RT;
/** Begin with the player's saved session, if it has one, else afresh. */
void pmt_engine_resume(PmtEngine* engine) PMT_RT;

/* engine_place.c: where the music of the next slot comes from. All PMT_RT. */

/** Whether a start at the present place goes on with what was played, or begins afresh. */
bool pmt_place_goes_on(const PmtEngine* engine) PMT_RT;
/** The transport starts. */
void pmt_place_start(PmtEngine* engine) PMT_RT;
/** The transport stopped. */
void pmt_place_stop(PmtEngine* engine) PMT_RT;
/** Standing, once a call: keep the slot that a start would begin with in the making. */
void pmt_place_prepare(PmtEngine* engine) PMT_RT;
/** Rolling with nothing under way: the first slot from a tick on. */
void pmt_place_enter(PmtEngine* engine, double from_tick) PMT_RT;
/** A rolling transport is elsewhere: what sounds ends, unless it is a loop's first slot, told late. @param tick before */
void pmt_place_jump(PmtEngine* engine, const PmtMidiOut* out, uint32_t frame, double tick) PMT_RT;
/** Bar lines lie elsewhere, time ran on. */
void pmt_place_rebar(PmtEngine* engine) PMT_RT;
/** A slot was committed: the next one. */
void pmt_place_go_on(PmtEngine* engine) PMT_RT;

/* engine_tape.c: all PMT_RT. */

/** The caller's out, with what is written also going to the tape. */
PmtMidiOut pmt_tape_through(PmtEngine* engine, const PmtMidiOut* out) PMT_RT;
/** Time on the tape of a tick. */
uint64_t pmt_tape_at(const PmtEngine* engine, double tick) PMT_RT;
/** Ticks begin anew at the present one. @param time on the tape of this moment @param kind START, JUMP or NOTHING */
void pmt_tape_cut(PmtEngine* engine, PmtTapeKind kind, uint64_t time) PMT_RT;
/** The clock's tempo and meter, if they changed. */
void pmt_tape_clock(PmtEngine* engine) PMT_RT;
/** The slot that is committed: its bar line, and its tokens. @param made it has some */
void pmt_tape_commit(PmtEngine* engine, bool made) PMT_RT;

/* engine_listen.c: all PMT_RT. */

/** Nobody was ever there. */
void pmt_listen_reset(PmtEngine* engine) PMT_RT;
/** The transport starts, stopped, or is elsewhere: ticks are counted anew. @param tick the present one as it was counted
    before @param began a start */
void pmt_listen_cut(PmtEngine* engine, double tick, bool began) PMT_RT;
/** Whether the next slot waits for a player, or rests, rather than being made a slot ahead. */
bool pmt_listen_waits(const PmtEngine* engine) PMT_RT;
/** Let the slot at `place` wait. @param fresh from the start state */
void pmt_listen_wait(PmtEngine* engine, const PmtPlace* place, bool fresh) PMT_RT;
/** Its place or the tempo changed: when does it open? */
void pmt_listen_aim(PmtEngine* engine) PMT_RT;
/** The slot that waits opens: hear, settle what it is for, begin it. */
void pmt_listen_open(PmtEngine* engine) PMT_RT;
/** Frame at which the slot begins; while standing the present one. */
int64_t pmt_listen_start(const PmtEngine* engine) PMT_RT;
/** A slot that is not made passes: what was played is heard, but not told. */
void pmt_listen_pass_over(PmtEngine* engine) PMT_RT;
/** Whether what begins with a slot is heard before its notes are chosen. */
bool pmt_listen_hears_with(const PmtEngine* engine) PMT_RT;
/** Whether the player's notes are told as notes, and not as hints. */
bool pmt_listen_tells(const PmtEngine* engine) PMT_RT;
/** Which are told in the slot that begins: those that began with it or since the last, and still sound. */
void pmt_listen_tell(PmtEngine* engine) PMT_RT;
/** The first slot of our turn. */
bool pmt_listen_replies(const PmtEngine* engine) PMT_RT;
/** Voices are led by the book. */
bool pmt_listen_leads(const PmtEngine* engine) PMT_RT;
/** The player holds a note that has to be harmonised. */
bool pmt_listen_wants_chord(const PmtEngine* engine) PMT_RT;
/** Tick at which our turn is over, and with it what we play; INT64_MAX = it has no end that is known. */
int64_t pmt_listen_leaves(const PmtEngine* engine) PMT_RT;
/** Controls as the player makes them: fewer notes beside who plays many. */
PmtControls pmt_listen_controls(const PmtEngine* engine) PMT_RT;
/** What the player leaves to us of what was frozen. */
void pmt_listen_limit(const PmtEngine* engine, PmtFrozen* frozen) PMT_RT;
/** Parts that the player has, as bits. */
uint32_t pmt_listen_taken(const PmtEngine* engine) PMT_RT;
/** Whether there is something to be fed before the slot's own tokens. It is then begun. */
bool pmt_listen_feed(PmtEngine* engine) PMT_RT;
/** A token of it was fed: the next one. @return false when all is fed */
bool pmt_listen_feed_next(PmtEngine* engine) PMT_RT;
/** Pass on or end what is passed on, as the port stands. */
void pmt_listen_settle(PmtEngine* engine, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/* engine_slot.c: all PMT_RT. */

/** Freeze what `place` depends on and feed the first token.
    @param fresh from the start state, else from player->played @param role not PMT_ROLE_REST */
void pmt_slot_begin(PmtEngine* engine, const PmtPlace* place, bool fresh, PmtRole role) PMT_RT;
/** What every slot begins with. */
void pmt_slot_clear(PmtEngine* engine, const PmtPlace* place, PmtSlotPhase phase) PMT_RT;
/** Nothing to make: the slot's notes are known. @param number in the phrase, or PMT_PHRASE_NONE for silence */
void pmt_slot_recall(PmtEngine* engine, const PmtPlace* place, uint64_t number) PMT_RT;
/** Hurry from now on: as fast as the bound allows, until it is done. */
void pmt_slot_rush(PmtEngine* engine) PMT_RT;
/** Spread what is left to do from the present frame to `frame_end`.
    @param burst how many times the regular rate is allowed */
void pmt_slot_pace(PmtEngine* engine, int64_t frame_end, uint32_t burst) PMT_RT;
/** One of the player's slots was fed whole: what was heard so far can be gone on from. */
void pmt_slot_keep(PmtEngine* engine, uint8_t velocity) PMT_RT;
/** Work up to the present frame. */
void pmt_slot_work(PmtEngine* engine) PMT_RT;
/** Its time has come: what is complete is scheduled, the rest is cut. The recurrent state becomes player->played. */
void pmt_slot_commit(PmtEngine* engine) PMT_RT;

#endif
