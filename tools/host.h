/* SPDX-License-Identifier: ISC */
/** @file host.h  An LV2 host for one plugin, on lilv: loads a bundle as a DAW would and calls run().

    Above: tools/cmd_play.c. Below: lilv, and the plugin. Files: host_setup.c opens and closes, host_controls.c sets
    ports by name, host_worker.c is the worker, host.c runs.

    What it offers: urid:map and unmap, options (block lengths, sequence size, sample rate), boundedBlockLength,
    work:schedule, log, state:threadSafeRestore, the lv2:freeWheeling port. A plugin that requires more is refused, as
    real hosts do. Not in real time, work() runs inside schedule_work() and its response comes at once, as in Ardour's
    export; in real time it has a thread of its own. */
#ifndef PMT_TOOLS_HOST_H
#define PMT_TOOLS_HOST_H

#include "base/status.h"
#include "gen/engine.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  const char* bundle;     /**< folder */
  const char* uri;        /**< NULL: the bundle's first plugin */
  double sample_rate;
  uint32_t block_max;
  bool realtime;
  /** Takes each MIDI message of run(). @param frame offset within the call */
  void (*take_midi)(void* handle, uint32_t frame, const uint8_t* bytes, uint32_t size);
  void* handle;
} PmtHostOptions;

typedef struct PmtHost PmtHost;

/** Load, instantiate, connect every port, activate. Controls stand at their defaults. */
PmtStatus pmt_host_new(const PmtHostOptions* options, PmtHost** host, PmtError* error);
void pmt_host_free(PmtHost* host); /**< NULL is fine */

/* ---- controls ---- */

/** Set a control input. @return PMT_BAD_ARG when there is none of that symbol: the line lists those there are */
PmtStatus pmt_host_set(PmtHost* host, const char* symbol, double value, PmtError* error);

/** What `word` means for a control: a number, or the label of a scale point (case does not matter, '_' stands for a blank).
    @return PMT_BAD_ARG: no such control, or neither of the two */
PmtStatus pmt_host_value(const PmtHost* host, const char* symbol, const char* word, double* value, PmtError* error);

/** The label of the scale point at `value`, or NULL. Valid as long as the host. */
const char* pmt_host_label(const PmtHost* host, const char* symbol, double value);

/** Present value of a control, input or output. @return false when there is none of that symbol */
bool pmt_host_get(const PmtHost* host, const char* symbol, float* value);

/** Remember all control inputs; take them back. For chasing after a jump. */
void pmt_host_keep_controls(PmtHost* host);
void pmt_host_recall_controls(PmtHost* host);
/** What was remembered of one; 0 when there is none of that symbol. */
double pmt_host_kept(const PmtHost* host, const char* symbol);

/** Apply a preset of the bundle by its URI. @return PMT_BAD_ARG: none such; the line lists those there are */
PmtStatus pmt_host_preset(PmtHost* host, const char* uri, PmtError* error);

/** The model file that the preset applied last names, or NULL. Valid until the next one. */
const char* pmt_host_preset_model(const PmtHost* host);

/* ---- running ---- */

/** How much is in the next run()'s position. */
typedef enum {
  PMT_POSITION_EXACT,
  PMT_POSITION_TICKS, /**< barBeat rounded to 1/1920 beat, as Ardour sends it */
} PmtPositionForm;

/** Tell the plugin where we are, at the first frame of the next run. */
void pmt_host_position(PmtHost* host, const PmtPosition* position, PmtPositionForm form);

/** Send MIDI with the next run: after its position, in order of frames.
    @param size 1..3 @return false: there is no room, or nothing that takes MIDI */
bool pmt_host_midi(PmtHost* host, uint32_t frame, const uint8_t* bytes, uint32_t size);

/** How many such messages one run has room for beside a position; 0: the plugin takes no MIDI. */
uint32_t pmt_host_midi_max(const PmtHost* host);

/** Set the plugin's first writable path property (patch:writable with range atom:Path) with the next run, and forget
    what the plugin told so far. @return PMT_UNSUPPORTED: it has none; PMT_BAD_ARG: no room in the port's buffer */
PmtStatus pmt_host_send_path(PmtHost* host, const char* path, PmtError* error);

/** Call run() once. @return nanoseconds it took: of the clock in real time, else of the processor */
uint64_t pmt_host_run(PmtHost* host, uint32_t n_frames);

/** The path the plugin last told for that property, and the last text it told for any; empty when it told none. */
const char* pmt_host_told_path(const PmtHost* host);
const char* pmt_host_told_text(const PmtHost* host);

/** Last line the plugin logged as an error, or an empty string. */
const char* pmt_host_log(const PmtHost* host);

/** Output events that no host must accept: outside the block, out of order, or beyond the buffer. */
uint32_t pmt_host_faults(const PmtHost* host);

#endif
