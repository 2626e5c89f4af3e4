/* SPDX-License-Identifier: ISC */
/** @file stage.h  The plugin in a DAW: plays, and writes down when each note began and on which tick that was.

    Above: test_transport.c, test_complaints*.c. Below: daw.h (the transport), lv2_host.h (the plugin). */
#ifndef PMT_TESTS_SUPPORT_STAGE_H
#define PMT_TESTS_SUPPORT_STAGE_H

#include "support/daw.h"
#include "support/lv2_host.h"
#include "support/tiny_model.h"

typedef struct {
  uint64_t frame;
  double tick;  /**< the last whole one, by what the DAW said */
  double late;  /**< frames since */
  uint8_t channel, pitch, velocity;
} PmtOnset;

/** Change the fields of `daw` as you like; what must be said is said with the next cycle. */
typedef struct {
  PmtHost* host;
  PmtDaw daw;
  uint32_t block;
  bool every_cycle; /**< say it in each, else only on a change */
  float ramp;       /**< factor of the tempo a cycle; 0 = none */
  bool changed;
  PmtOnset* onsets;
  size_t n_onsets, capacity;
  size_t seen;      /**< of the host's events */
} PmtStage;

/** A bundle of models of many notes in a scratch folder: at least one note in each slot. Until pmt_stage_end(). */
void pmt_stage_begin(void);
void pmt_stage_end(void);
/** Another model to swap to, and the folder of both. */
const char* pmt_stage_other_model(void);
const char* pmt_stage_folder(void);

/** 256 frames a cycle, a position in each, standing at bar 0. */
void pmt_stage_open(PmtStage* stage, PmtHostWorker worker);
/** The same with any options but the bundle, not activated. */
void pmt_stage_open_with(PmtStage* stage, PmtHostOptions options);
void pmt_stage_close(PmtStage* stage);

/** Stop or roll, from the next cycle on; elsewhere, from the next cycle on. */
void pmt_stage_roll(PmtStage* stage, bool rolling);
void pmt_stage_locate(PmtStage* stage, int64_t frame);

/** Let so many frames pass, in cycles; the last may be shorter. */
void pmt_stage_play(PmtStage* stage, uint64_t n_frames);
/** So many bars of the present meter and tempo. */
void pmt_stage_play_bars(PmtStage* stage, double bars);
/** Half a second of standing: what comes first gets ready. */
void pmt_stage_wait(PmtStage* stage);
/** A cycle without anything said. */
void pmt_stage_cycle(PmtStage* stage, uint32_t n_frames);

/** Onsets from a frame (of the host's) on, below another. */
size_t pmt_stage_count(const PmtStage* stage, uint64_t from, uint64_t to);
/** All onsets from `from` on lie on the first frame of a tick. */
void pmt_stage_check_on_time(const PmtStage* stage, uint64_t from);
/** The same notes at the same ticks, from a frame of either on. @return how many */
size_t pmt_stage_check_same(const PmtStage* a, uint64_t from_a, const PmtStage* b, uint64_t from_b);
/** Of the note that begins first at or after the frame; UINT64_MAX none. */
uint64_t pmt_stage_first(const PmtStage* stage, uint64_t from);

#endif
