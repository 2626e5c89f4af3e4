/* SPDX-License-Identifier: ISC */
/** @file ear.h  What somebody else is playing just now, as far as it has been heard: the player's stream.

    The player's notes are inputs, not tokens: any number of keys costs the same, and no grammar applies. An ear is told of
    keys as they go down and up, and of slots as they begin; what it makes of that is told to the net by music/listener.h,
    which also hears the player's notes as music.

    When something counts as heard is the caller's matter (gen/hearing at play, train/stream in training), and both keep
    to the same rule: PmtEarMode. A flat struct without pointers; runs in the audio thread, every call is bounded. */
#ifndef PMT_MUSIC_EAR_H
#define PMT_MUSIC_EAR_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

/** What is known of the player when the notes of a slot are chosen. */
typedef enum {
  PMT_EAR_OFF,    /**< nothing: nobody is connected */
  PMT_EAR_BEFORE, /**< what began before the slot: to play along */
  PMT_EAR_WITH,   /**< and what begins with it: to harmonise */
} PmtEarMode;

enum {
  PMT_EAR_CLASSES = 12,
  PMT_TOLD_MAX = 4, /**< notes of a slot, from the top, where a melody is told as notes and not by an ear: gen/engine_listen at
                         play, train/taken in training */
};

typedef struct {
  PmtEarMode mode;
  uint32_t parts;                    /**< bits: melodic parts that the player has taken */
  uint64_t down[2];                  /**< keys that sound */
  uint32_t n_down;
  int16_t top, low;                  /**< highest and lowest of what sounds, or of what sounded last; -1 = never any */
  int16_t before;                    /**< `top` before the last change of it; -1 = none */
  uint32_t slot;                     /**< counts */
  uint32_t last;                     /**< 1 + slot of the last beginning, 0 = never any */
  uint32_t struck[PMT_EAR_CLASSES];  /**< the same of each pitch class */
  uint16_t now;                      /**< pitch classes that begin with the slot (PMT_EAR_WITH) */
  uint16_t onsets[2];                /**< beginnings in this slot and in the one before */
} PmtEar;

/** Nobody there, nothing ever heard. */
void pmt_ear_reset(PmtEar* ear) PMT_RT;

/** A slot begins: what began with the last one is no longer new. */
void pmt_ear_begin_slot(PmtEar* ear) PMT_RT;

/** A key goes down, or again. @param pitch 0..127 @param now with the slot */
void pmt_ear_press(PmtEar* ear, uint32_t pitch, bool now) PMT_RT;
/** A key goes up; one that was not down changes nothing. */
void pmt_ear_release(PmtEar* ear, uint32_t pitch) PMT_RT;
void pmt_ear_release_all(PmtEar* ear) PMT_RT;

/** How the player is doing. */
typedef enum {
  PMT_EAR_NEVER,   /**< nothing was ever played */
  PMT_EAR_GONE,    /**< nothing sounds, nothing has begun for 16 slots */
  PMT_EAR_RESTS,   /**< for 4 slots */
  PMT_EAR_BREATHES,
  PMT_EAR_HOLDS,   /**< something sounds that began before the last slot */
  PMT_EAR_PLAYED,  /**< ... in the last slot */
  PMT_EAR_PLAYS,   /**< ... in this slot */
  PMT_EAR_STRIKES, /**< ... with its beginning, which is now */
  PMT_EAR_DOINGS
} PmtEarDoing;
PmtEarDoing pmt_ear_doing(const PmtEar* ear) PMT_RT;

/** What a pitch class is doing, 0..7: begins now; sounds and began in this or the last slot; sounds for longer; sounds no
    more, but began in this or the last slot; up to 4 slots ago; up to 8; up to 32; longer ago or never. */
enum { PMT_EAR_STATES = 8 };
uint32_t pmt_ear_class(const PmtEar* ear, uint32_t class) PMT_RT;

#endif
