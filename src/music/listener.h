/* SPDX-License-Identifier: ISC */
/** @file listener.h  Follows a line of tokens and tells the net what a musician would notice (base/hints.h).

    Everything heard is a function of the tokens since BOS, so the trainer and the engine, which both call this, hear the
    same; the engine then leans on the key (pmt_listener_lean). Two things are told that a state of a few hundred numbers does not keep:

    What stood here before. At each T_k two earlier slots of the same k are looked up: `near`, the latest one (the bar
    before), and `far`, the one whose past agrees longest with what was just played (a verse ago, a strain ago; agreement
    means the same onsets and pitches, slot by slot). A finger in each follows the notes as they are written: it rests on
    the token that would come next if this slot went on as that one did.

    How far it is from here to there. Intervals, not pitches: from the last notes of each part to what comes.

    And, when somebody else plays too, what they do (ear.h): how busy they are, how far their keys are from our last note,
    which pitch classes sound. Their notes also count as music heard, and stand for the parts that they have taken. A third
    finger, `tune`, lies where their notes were longest as they were now: the same tune, the same chords.

    Runs in the audio thread: a flat struct without pointers, copied to be saved; every call is bounded (a T token costs
    PMT_LISTENER_SLOTS comparisons, any other a handful).

    Above: gen/reader.h, train/stream.c. Below: vocab.h, base/hints.h. */
#ifndef PMT_MUSIC_LISTENER_H
#define PMT_MUSIC_LISTENER_H

#include "base/attributes.h"
#include "base/hints.h"
#include "music/ear.h"
#include "music/vocab.h"

#include <stdbool.h>

/** Metadata "hints" of a model that is told what this listener hears. */
#define PMT_LISTENER_NAME "slot-1"

enum {
  PMT_LISTENER_TOKENS = 2048, /**< remembered */
  PMT_LISTENER_SLOTS = 256,   /**< remembered: 32 bars of 4/4 */
  PMT_LISTENER_NOTES = 512,   /**< what each pitch class' share is taken of: a minute or two of music */
};

/** A slot that was heard. */
typedef struct {
  uint32_t at;    /**< number of its T token since BOS */
  uint32_t notes; /**< hash of onsets and pitches */
  uint16_t run;   /**< slots before this one that agree with those before the slot now written */
  uint16_t tune;  /**< the same of the player's notes: slots in which they began some */
  uint32_t you;   /**< hash of the pitches that the player began, in any order; 0 = none */
  uint32_t head;  /**< of these, at its start */
  uint8_t k;
  uint8_t velocity; /**< in force at its T token */
} PmtHeardSlot;

/** A note of the vocabulary, as it is written. */
typedef struct {
  uint8_t pos, velocity;
  uint16_t order;     /**< pmt_order_key() */
  PmtToken ornament;  /**< 0 = none */
  PmtToken token;
  PmtToken duration[2]; /**< 0 = none */
} PmtHeardNote;

/** A finger in an earlier slot. */
typedef struct {
  bool here;          /**< there is such a slot */
  bool more;          /**< `note` is yet to come */
  bool same;          /**< the note being written is `at_hand` */
  uint8_t agree;      /**< 0 nothing written yet, 1 all as it was there, 2 not all */
  uint8_t trust;      /**< class of the run of agreement that leads here, 0..7 */
  uint8_t velocity;   /**< in force at `next` */
  uint8_t pos;        /**< the same */
  uint32_t next, end; /**< numbers of tokens: after `note`, end of the slot */
  PmtHeardNote note, at_hand;
} PmtFinger;

enum { PMT_FINGER_NEAR, PMT_FINGER_FAR, PMT_FINGER_TUNE, PMT_FINGERS };

typedef struct {
  uint32_t parts;
  uint32_t n;                           /**< tokens since BOS, which is number 0 */
  uint32_t n_slots;                     /**< T tokens since BOS */
  PmtToken token[PMT_LISTENER_TOKENS];  /**< number i stands at i mod PMT_LISTENER_TOKENS */
  PmtHeardSlot slot[PMT_LISTENER_SLOTS]; /**< likewise */
  PmtFinger finger[PMT_FINGERS];
  uint8_t pos, velocity;                /**< of the slot being written */
  uint16_t order;                       /**< 1 + that of its last note at pos, 0 = none */
  PmtTokenClass last;                   /**< of the last token; DRUM also when a second DUR has completed a note */
  int16_t latest[PMT_PARTS_MAX];        /**< last pitch written of each part, -1 = none yet */
  int16_t top[PMT_PARTS_MAX];           /**< first pitch of the part's latest chord before this position, -1 = none */
  int16_t chord[PMT_PARTS_MAX];         /**< first pitch of its chord at this position, -1 = none */
  int16_t pitch, before;                /**< last pitch written, and in its part the one before; -1 = none */
  uint8_t part;                         /**< of `pitch` */
  uint32_t ahead;                       /**< `you` and `head` of the slot to come, as far as they are known */
  uint32_t heard[PMT_CLASSES];          /**< 1 + number of the slot when a pitch class last began, 0 = never */
  uint16_t share[PMT_CLASSES], n_shared; /**< notes of it, and of all; halved when there are PMT_LISTENER_NOTES */
} PmtListener;

/** Names and sizes of what is told to a model of so many parts. Setup threads. */
void pmt_listener_shape(uint32_t parts, PmtHintShape* shape);
/** Table of what a model must have to be told of a player. */
#define PMT_LISTENER_YOU "you"

/** As before BOS. @param parts 1..PMT_PARTS_MAX */
void pmt_listener_reset(PmtListener* listener, uint32_t parts) PMT_RT;

/** Hear a token, which is now fed, and tell what goes with it: hints for the choice of the token after it.
    Anything may come, grammatical or not. BOS resets.
    @param ear the player as of this moment; NULL or PMT_EAR_OFF = nothing is told of one */
void pmt_listener_hear(PmtListener* listener, PmtToken token, const PmtEar* ear, PmtHints* hints) PMT_RT;

/** A note that the player began, as music. Call it for notes that are heard now, before the token that is.
    @param pitch 0..127 @param pos ticks into its slot @param ahead the next token begins that slot, and pos is 0 */
void pmt_listener_overhear(PmtListener* listener, uint32_t pitch, uint32_t pos, bool ahead) PMT_RT;

/** At play: believe the key rather than the ear. In written music the pitch classes heard are the right ones, and a net
    learns to keep to them; of its own playing it hears the wrong ones too, keeps to those and forgets the others. So
    each class of the key is told as heard a bar ago at the latest and not seldom, each other one as heard long ago and
    seldom. docs/measures.md has what that is worth.
    @param key 1..12 major on C..B, 13..24 minor; anything else changes nothing */
void pmt_listener_lean(PmtHints* hints, uint32_t key) PMT_RT;

#endif
