/* SPDX-License-Identifier: ISC */
/** @file engine.h  The player: host time in, MIDI out, one network step cut into slices in between.

    Line: plugin run / renderer -> pmt_engine_advance -> slot -> pmt_net_run, sampler -> notes -> held -> PmtMidiOut.

    Pipeline. At the start of slot s (host's time) the notes of s, complete by then, are committed; what slot s + 1
    depends on (controls, meter) is frozen; its tokens are generated in slices until s + 1 starts. The work done up to
    frame f after the freeze is a function of f alone (work(f) = ceil(total * (f - f0) / (f1 - f0)), whole chunks), and
    everything is decided at ticks, so the notes do not depend on how the host cuts its blocks.

    Threads. pmt_engine_new/free/prime: setup, never while the audio thread is inside. All functions marked PMT_RT:
    the audio thread, one at a time. No function locks. */
#ifndef PMT_GEN_ENGINE_H
#define PMT_GEN_ENGINE_H

#include "base/attributes.h"
#include "base/status.h"
#include "gen/clock.h"
#include "gen/held.h"
#include "gen/model.h"
#include "gen/scale.h"
#include "gen/tape.h"
#include "music/codec.h"

#include <stdbool.h>
#include <stdint.h>

/** What happens when a rolling transport comes back to a place (a loop, a locate). */
typedef enum {
  PMT_LOOP_NEW,  /**< the music goes on: another pass, other notes */
  PMT_LOOP_SAME, /**< recurrent state and draws of that place are restored: the same notes, if the controls are the same */
} PmtLoop;

/** Whether, and how, somebody else is listened to: docs/live.md. */
typedef enum {
  PMT_MODE_GENERATE,  /**< alone */
  PMT_MODE_ACCOMPANY, /**< plays with the player, whose part of the music is theirs */
  PMT_MODE_ANSWER,    /**< takes turns: their phrase becomes the music so far, and goes on */
  PMT_MODE_HARMONISE, /**< the voices below theirs, chord by chord */
  PMT_MODES
} PmtMode;

/** Which part of the music the player has: nobody else plays it in PMT_MODE_ACCOMPANY and PMT_MODE_HARMONISE, and what they
    play in PMT_MODE_ANSWER is read as this. A style with fewer parts: its last. */
typedef enum {
  PMT_YOU_MELODY, /**< the highest part */
  PMT_YOU_CHORDS, /**< all parts but the highest */
  PMT_YOU_SECOND, PMT_YOU_THIRD, PMT_YOU_BASS, /**< the second, third, lowest */
  PMT_YOU_OTHER,  /**< none of them: something of their own */
  PMT_YOUS
} PmtYouPlay;

/** Which notes the player leaves us in PMT_MODE_ACCOMPANY. */
typedef enum {
  PMT_MANNER_FREE,
  PMT_MANNER_OUT,  /**< none between their lowest and highest of late */
  PMT_MANNER_MEET, /**< none further than an octave from those */
  PMT_MANNERS
} PmtManner;

/** When a transport of our own rolls while the host's stands. */
typedef enum {
  PMT_RUN_SONG,   /**< never */
  PMT_RUN_ALWAYS,
  PMT_RUN_PLAYED, /**< from the player's first note on, which is the first beat of bar 0 */
  PMT_RUNS
} PmtRunMode;

/** What the engine is doing, for whoever plays with it. */
typedef enum { PMT_DOING_RESTS, PMT_DOING_PLAYS, PMT_DOING_LISTENS } PmtDoing;

/** The controls, in port units. Any float is accepted: NaN becomes the default, the rest is clamped. */
typedef struct {
  float temperature;   /**< 0..2, 0 = argmax; default 1 */
  float style, style2; /**< index into the model's styles; default 0, 0 */
  float blend;         /**< 0..1 from style to style2; default 0 */
  float density;       /**< -1..1, 0 = as the style usually is */
  float min_p;         /**< 0..0.5; 0 = what the model suggests for the style; default 0 */
  float seed;          /**< 0..65535 */
  float register_lo, register_hi; /**< MIDI pitches 0..127, default 0, 127 */
  float scale_root;    /**< 0..11, C = 0 */
  float scale_mode;    /**< PmtScaleMode; default off */
  float strictness;    /**< 0..1: 1 masks notes outside the scale, less penalises them; default 0.5 */
  float velocity;      /**< 0..2, scales velocities; default 1 */
  float channel;       /**< 1..16: channel of part 0; default 1 */
  float enabled;       /**< <= 0: bypassed: everything sounding ends; default 1 */
  float hold;          /**< > 0: sounding notes are kept, none is begun; default 0 */
  float loop;          /**< PmtLoop: what a place played before sounds like when the transport comes back; default new */
  float freeze;        /**< bars to repeat, cut down to 1, 2, 4 or 8; 0 = none; default 0 */
  float run;           /**< PmtRunMode: while the host stands, play at a tempo of our own; default PMT_RUN_SONG */
  float tempo;         /**< 20..300 quarters a minute: that tempo; default 120 */
  float mode;          /**< PmtMode; default PMT_MODE_GENERATE */
  float you_play;      /**< PmtYouPlay; default PMT_YOU_MELODY */
  float wait;          /**< 0..60 ms after an eighth begins until we choose what to play with it, in accompany and harmonise.
                            Accompany 0: before it begins, from what was played until then; default 15 */
  float turn;          /**< bars of a turn in answer, cut down to 1, 2, 4 or 8; 0 = when the player is silent; default 2 */
  float give_way;      /**< 0..1: fewer notes the busier the player is, in accompany; default 0.5 */
  float follow;        /**< 0..1: how far velocities follow the player's; default 0.5 */
  float room;          /**< PmtManner; default PMT_MANNER_FREE */
  float rest;          /**< bars of the player's silence after which we rest too, 0 = never, 0..16; default 0 */
  float count_in;      /**< bars of silence after each start, 0..8; default 0 */
  float thru;          /**< > 0: the player's MIDI is passed on; default 1 */
} PmtControls;
PmtControls pmt_controls_default(void);

typedef struct {
  uint64_t notes_on, notes_off;  /**< written */
  uint64_t slots;                /**< generated and played */
  uint64_t late_slots;           /**< cut short: their work did not fit before their time */
  uint64_t tokens;
  uint64_t refused;              /**< note-ons that found no space or no slot in the held table */
  int64_t bar;                   /**< bar that plays */
  float surprise;                /**< mean -log2 p of the last slot's tokens, bits */
  uint64_t notes_heard;          /**< the player's */
  PmtDoing doing;                /**< in the slot that plays */
  uint32_t style;                /**< style with most weight in the slot that plays: set before its first note leaves */
} PmtEngineStats;

typedef struct PmtEngine PmtEngine;

/** One model with the state to play it: the unit that is swapped. Built by a worker, handed to the audio thread. */
typedef struct PmtPlayer PmtPlayer;
/** Takes over `model` on success (and frees it with the player). */
PmtStatus pmt_player_new(PmtModel* model, PmtPlayer** player);
void pmt_player_free(PmtPlayer* player); /**< NULL is fine */
const PmtModel* pmt_player_model(const PmtPlayer* player) PMT_RT;

/** All memory the engine will ever use. @param player taken over; may be NULL (the engine is then silent). */
PmtStatus pmt_engine_new(double sample_rate, PmtPlayer* player, PmtEngine** engine);
/** Frees the player in use too, and one still on offer. */
void pmt_engine_free(PmtEngine* engine);
size_t pmt_engine_bytes(const PmtEngine* engine); /**< without weights */

/** Back to the state after pmt_engine_new: transport unknown, nothing sounding (the caller has sent its note-offs),
    recurrent state at its start. Keeps player, prime and controls. For activate(). */
void pmt_engine_reset(PmtEngine* engine);

/** Feed a start melody without sampling: every start of the transport begins from the state after these tokens instead
    of after BOS. NULL or 0 slots: back to BOS. Slow; setup only.
    @return PMT_BAD_ARG for tokens outside the model's vocabulary */
PmtStatus pmt_engine_prime(PmtEngine* engine, const PmtSequence* sequence, const PmtControls* controls,
                           PmtError* error);

/** Offer another player. It is adopted at the next slot boundary (at once when the transport stands).
    @return false when an earlier offer was not adopted yet or its predecessor not taken back: keep it, try later */
bool pmt_engine_offer(PmtEngine* engine, PmtPlayer* player) PMT_RT;
/** The player that was replaced, to be freed elsewhere; NULL when there is none. Ownership goes to the caller. */
PmtPlayer* pmt_engine_take_old(PmtEngine* engine) PMT_RT;
const PmtModel* pmt_engine_model(const PmtEngine* engine) PMT_RT;

/** Controls from this frame on. Read when a slot is frozen; enabled, hold and channel act at once. */
void pmt_engine_controls(PmtEngine* engine, const PmtControls* controls) PMT_RT;

/** The host says where it is, as of the present frame. Jitter below 1/100 beat is ignored; a real jump re-enters. */
void pmt_engine_position(PmtEngine* engine, const PmtPosition* position, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/** The player's MIDI, as of the present frame. Notes and the sustain pedal are heard, unless the mode is to generate; with
    `thru` everything but system messages is passed on: in accompany, answer and harmonise on the channel of the part that
    the player has, drums (channel 10) on theirs. All sound off and all notes off end what sounds on their channel.
    A note like one that was sent less than 30 ms before, of that channel and pitch, is our own come back and is ignored.
    @param size of `bytes`; broken messages, and any of more than 3 bytes, are ignored */
void pmt_engine_midi(PmtEngine* engine, const uint8_t* bytes, uint32_t size, const PmtMidiOut* out,
                     uint32_t frame) PMT_RT;

/** The player's last bars, as many as there are up to `bars`, become the music so far: from the next slot on it goes on from
    them. Nothing was heard: nothing happens. @param bars 1..PMT_LEARN_BARS_MAX, clamped */
void pmt_engine_learn(PmtEngine* engine, uint32_t bars) PMT_RT;
enum { PMT_LEARN_BARS_MAX = 8 };

/** Let n_frames pass: generate, end and begin notes. @param frame offset of the first of them, for `out` */
void pmt_engine_advance(PmtEngine* engine, uint32_t n_frames, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/** End everything that sounds, now. What `out` refuses stays in the held table for the next advance.
    @return notes still held */
uint32_t pmt_engine_silence(PmtEngine* engine, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/** Panic: end everything that sounds and drop what is scheduled; the music goes on with the next slot. What `out` refuses
    stays in the held table for the next advance. */
void pmt_engine_panic(PmtEngine* engine, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/** All notes off, CC 120 or 123 from outside: end what sounds on one channel. @param channel 0..15 */
void pmt_engine_end_channel(PmtEngine* engine, uint32_t channel, const PmtMidiOut* out, uint32_t frame) PMT_RT;

/** What was played, for capture and for the session: tape.h. Any thread may read it while the engine lives. */
const PmtTape* pmt_engine_tape(const PmtEngine* engine) PMT_RT;

const PmtEngineStats* pmt_engine_stats(const PmtEngine* engine) PMT_RT;

#endif
