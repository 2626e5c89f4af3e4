/* SPDX-License-Identifier: ISC */
/** @file transport.h  The host's clock: tempo and meter map, loops and jumps, and what the automation wants when.

    Above: tools/cmd_play.c. Below: tools/automation.h. No LV2, no engine: frames and bars only.

    Two times. *Song* frames count along the song, as time:frame does: they jump. *Played* frames count what was heard
    since the roll began: they do not. The road through the song is known beforehand, so every cut of a block (a tempo
    step, a control, a jump) falls on the same frame whatever the period is. */
#ifndef PMT_TOOLS_TRANSPORT_H
#define PMT_TOOLS_TRANSPORT_H

#include "automation.h"
#include "gen/engine.h"
#include "music/smf.h"

/** A bar of the song. */
typedef struct {
  double exact;         /**< song frame of its bar line */
  double quarter;       /**< quarters from the song's start */
  double length;        /**< quarters */
  uint32_t beats, unit;
  uint32_t meter_end;   /**< the next bar of another meter, or one past the last */
} PmtSongBar;

/** The tempo from one place on. */
typedef struct {
  double exact, quarter; /**< song frame, quarters from the song's start */
  double bpm;            /**< quarters a minute */
  uint32_t item;         /**< index into the automation, or PMT_TEMPO_OF_SONG */
} PmtTempoPiece;
enum { PMT_TEMPO_OF_SONG = 0x7fffffff };

/** A control to be set, at a song frame. */
typedef struct {
  uint64_t frame;
  double quarter;
  uint32_t item;  /**< index into the automation */
  double value;
} PmtCue;

/** Bars played one after the other without a jump. */
typedef struct {
  uint32_t first, count;  /**< bars of the song */
  uint64_t from, to;      /**< song frames, first and one past */
  uint64_t played;        /**< played frame of its start */
  double quarter;         /**< played quarters of its start */
} PmtStretch;

/** What a MIDI file says of the song. */
typedef struct { double quarter, bpm; } PmtSongTempo;
typedef struct { uint32_t bar; PmtCliMeter meter; } PmtSongMeter;

typedef struct {
  double sample_rate;
  uint32_t bars;          /**< to play, jumps included */
  double quarter_bpm;
  PmtCliMeter meter;
  /* Changes on the way, sorted, each place once; not owned. An automation that has tempos of its own, or meters, has
     them alone. */
  const PmtSongTempo* tempos;
  size_t n_tempos;
  const PmtSongMeter* meters;
  size_t n_meters;
} PmtTransportOptions;

/** Owned arrays. */
typedef struct {
  const PmtAutomation* automation;
  PmtTransportOptions options;
  PmtSongBar* song_bars;
  PmtTempoPiece* pieces;
  PmtCue* cues;
  PmtStretch* stretches;
  size_t n_song_bars, n_pieces, n_cues, n_stretches;
  /* where we are */
  uint64_t frame;         /**< song frame */
  size_t stretch, cue, bar, piece;
  bool changed, jumped;
} PmtTransport;

/** Lay the road. `automation` must outlive the transport.
    @return PMT_BAD_FILE naming the automation's line; PMT_NO_MEM */
PmtStatus pmt_transport_new(const PmtAutomation* automation, const PmtTransportOptions* options,
                            PmtTransport* transport, PmtError* error);
void pmt_transport_free(PmtTransport* transport);

/** How many bars of the song, from its first one, hold so many quarters: 1 to PMT_AUTOMATION_BARS_MAX + 1. Of the options all but `bars` count. */
uint32_t pmt_transport_bars_of(const PmtAutomation* automation, const PmtTransportOptions* options, double quarters);

/** Frames until something changes, at most `frames_max`; 0 at the end of the song. */
uint32_t pmt_transport_span(const PmtTransport* transport, uint32_t frames_max);

/** Controls due at the present frame, one a call; false when there are no more. After a jump all that came before the
    target are given again, in order, as hosts chase them. */
bool pmt_transport_take_cue(PmtTransport* transport, PmtCue* cue);

/** Whether the present frame begins the song, a tempo, a meter, or follows a jump. */
static inline bool pmt_transport_changed(const PmtTransport* transport) { return transport->changed; }
/** Whether the present frame follows a jump. */
static inline bool pmt_transport_jumped(const PmtTransport* transport) { return transport->jumped; }

/** Where we are. At the end of the song too. */
PmtPosition pmt_transport_position(const PmtTransport* transport);

/** Let frames pass: at most pmt_transport_span(). */
void pmt_transport_advance(PmtTransport* transport, uint32_t n_frames);

/** Song frame at which something begins that stands at a quarter of the song. */
uint64_t pmt_transport_frame_of(const PmtTransport* transport, double quarter);

/* ---- what was played, for files and pictures ---- */

uint64_t pmt_transport_played_frames(const PmtTransport* transport);
/** Quarters from the roll's start of a played frame. */
double pmt_transport_played_quarter(const PmtTransport* transport, uint64_t played_frame);

/** Tempo and meter map along played time, in file ticks. Arrays are the caller's to free.
    @return PMT_NO_MEM: both are NULL */
PmtStatus pmt_transport_maps(const PmtTransport* transport, uint32_t ticks_per_quarter, PmtSmfTempo** tempos,
                             size_t* n_tempos, PmtSmfMeter** meters, size_t* n_meters);

#endif
