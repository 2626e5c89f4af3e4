/* SPDX-License-Identifier: ISC */
/** @file play.h  What `partimento play` is made of.

    cmd_play.c reads the options and puts the pieces together; play_run.c rolls; musician.c plays along; play_write.c,
    play_report.c and play_picture.c write what came out. */
#ifndef PMT_TOOLS_PLAY_H
#define PMT_TOOLS_PLAY_H

#include "automation.h"
#include "gen/model.h"
#include "gen/render.h"
#include "host.h"
#include "musician.h"
#include "transport.h"

enum { PMT_PLAY_SETS_MAX = 64, PMT_PLAY_BLOCK_RANDOM_MAX = 4096 };

typedef struct {
  const char *bundle, *uri, *model, *preset, *automate, *out, *picture, *curve;
  const char* sets[PMT_PLAY_SETS_MAX]; /**< "SYMBOL=VALUE" */
  size_t n_sets;
  int64_t bars, seed;                  /**< bars 0: not said; seed -1: leave the control alone */
  double tempo, sample_rate;           /**< tempo 0: not said */
  PmtCliMeter meter;                   /**< 0 beats: not said */
  PmtMusicianOptions player;           /**< path NULL: there is none */
  int64_t player_channel;              /**< 0: not said */
  uint32_t block;                      /**< frames a period; 0: random */
  bool realtime, json;
  bool sparse_positions;               /**< only when something changes, as jalv; else each run, as Ardour */
  PmtAutomation automation;
} PmtPlayArgs;

/** What each period cost. Owned arrays. */
typedef struct { float *us, *percent; size_t n, capacity; } PmtPlayCosts;

/** What came out. */
typedef struct {
  PmtMidiList list;        /**< frames since the roll began */
  uint64_t at;             /**< of the run at hand */
  bool held[16][128];
  uint32_t n_held;         /**< notes sounding now; at the end: hanging */
  uint64_t notes;
  bool failed;             /**< out of memory */
} PmtPlayRecord;

typedef struct {
  PmtPlayArgs args;
  PmtHost* host;
  PmtModel* model;         /**< for names and programs; may be NULL */
  char model_file[256];    /**< its name, without the folder */
  PmtMusician player;
  PmtTransport transport;
  PmtPlayRecord record;
  PmtPlayCosts costs;
  uint64_t runs;
} PmtPlay;

/** Send the model's path and wait until the plugin plays it. @return PMT_BAD_FILE with what the plugin said */
PmtStatus pmt_play_load_model(PmtPlay* play, const char* path, PmtError* error);

/** Stand, roll over the whole transport, stop, and wait for the note-offs. @return PMT_NO_MEM */
PmtStatus pmt_play_run(PmtPlay* play, PmtError* error);

/** For PmtHostOptions: `handle` is a PmtPlayRecord. */
void pmt_play_take_midi(void* handle, uint32_t frame, const uint8_t* bytes, uint32_t size);

/** What a control was at a song frame: as the last cue up to it said, else as set by hand; 0 when there is none such. */
double pmt_play_control_at(const PmtPlay* play, const char* symbol, uint64_t song_frame);

/** Name of a value of the style control, or NULL. */
const char* pmt_play_style_name(const PmtPlay* play, double value);

/** Write what --out and --picture ask for. */
PmtStatus pmt_play_write(PmtPlay* play, PmtError* error);
PmtStatus pmt_play_draw(const PmtPlay* play, PmtError* error);

/** Print the measurements. @return PMT_IO when standard output refuses */
PmtStatus pmt_play_print(PmtPlay* play, PmtError* error);

#endif
