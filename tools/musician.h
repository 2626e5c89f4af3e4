/* SPDX-License-Identifier: ISC */
/** @file musician.h  The player of `partimento play --player`: a MIDI file, played into the plugin as the song rolls.

    Above: cmd_play.c, play_run.c, play_write.c, play_report.c, play_picture.c. Below: music/smf.h, transport.h.
    (PmtPlayer, in gen/engine.h, is a model with its state.)

    The road through the song is known before it rolls, so all that will be played is laid out along played time at
    once: who rolls only takes what is due. What is sent and what is written are two lists. On a keyboard a key is down
    or it is not: where voices meet on one key it is struck again and let go once. The file keeps every note. */
#ifndef PMT_TOOLS_MUSICIAN_H
#define PMT_TOOLS_MUSICIAN_H

#include "gen/render.h"
#include "music/smf.h"
#include "transport.h"

enum { PMT_MUSICIAN_TRACKS_MAX = 64 };

typedef struct {
  const char* path;
  const char* tracks[PMT_MUSICIAN_TRACKS_MAX]; /**< names, or numbers from 1 among the tracks that have notes */
  size_t n_tracks;                             /**< 0: all */
  uint32_t channel;                            /**< 1..16; what is on channel 10 in the file stays there */
} PmtMusicianOptions;

/** Owned arrays; a zeroed struct is nobody. */
typedef struct {
  PmtMusicianOptions options;
  PmtSmf smf;
  bool* chosen;                  /**< of the file's tracks */
  PmtSongTempo* tempos;          /**< of the song; the first stands at its start */
  PmtSongMeter* meters;          /**< the same */
  size_t n_tempos, n_meters;
  double quarters;               /**< the file's length */
  uint32_t ticks_per_quarter;    /**< of `events`: a multiple of the file's, so that nothing is rounded */
  PmtSmfEvent* events;           /**< as they are written, along played time: programs, notes, pedal */
  size_t n_events;
  PmtMidiList sent;              /**< as they are sent, in played frames */
  size_t next;                   /**< of `sent` */
  uint64_t n_notes;              /**< played, whole or cut off by a jump */
} PmtMusician;

/** Read the file, choose the tracks, find tempo and meter.
    @return what pmt_smf_read says; PMT_BAD_FILE: no notes; PMT_BAD_ARG: no such track, with those there are */
PmtStatus pmt_musician_open(const PmtMusicianOptions* options, PmtMusician* musician, PmtError* error);
void pmt_musician_free(PmtMusician* musician);

static inline bool pmt_musician_is_there(const PmtMusician* musician) { return musician->chosen; }

/** Lay out what is played along the transport's road. Once. @return PMT_NO_MEM */
PmtStatus pmt_musician_lay(PmtMusician* musician, const PmtTransport* transport, PmtError* error);

/** How far a run may go that begins at a played frame, at most `frames_max`, so that it has at most `events_max`
    messages: no less than one frame. */
uint32_t pmt_musician_span(const PmtMusician* musician, uint64_t frame, uint32_t frames_max, uint32_t events_max);

/** The next message before a played frame; NULL when there is none. */
const PmtTimedMidi* pmt_musician_take(PmtMusician* musician, uint64_t before);

#endif
