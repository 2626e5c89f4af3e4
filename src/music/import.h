/* SPDX-License-Identifier: ISC */
/** @file import.h  From a MIDI file to quantised parts (docs/model.md, "Quantising MIDI"). */
#ifndef PMT_MUSIC_IMPORT_H
#define PMT_MUSIC_IMPORT_H

#include "music/score.h"
#include "music/smf.h"

typedef struct {
  uint32_t parts_max;   /**< melodic parts to keep, 1..8: more voices are merged by register. Default 4 */
  bool ornaments;       /**< turn written-out trills, turns and grace notes into ornament tokens */
  uint8_t pitch_lo, pitch_hi; /**< fold by octaves into this range. Default 21..108 */
} PmtImportOptions;

PmtImportOptions pmt_import_defaults(void);

/** What quantising took away, for reports. */
typedef struct {
  uint32_t notes_in, notes_out;
  uint32_t merged;        /**< onset, part and pitch equal after quantising */
  uint32_t moved;         /**< onsets moved by more than 1/4 tick */
  double moved_mean_ticks;/**< over all notes */
  uint32_t cut;           /**< longer than 384 ticks, or re-struck while sounding */
  uint32_t folded;        /**< octave-folded */
  uint32_t dropped_drums; /**< percussion keys outside 35..81 */
  uint32_t ornaments;
  uint32_t parts_merged;  /**< voices beyond parts_max */
} PmtImportReport;

/** @param report may be NULL @return PMT_BAD_FILE when no note is left; PMT_NO_MEM. The score is empty on failure. */
PmtStatus pmt_import(const PmtSmf* smf, const PmtImportOptions* options, PmtScore* score, PmtImportReport* report,
                     PmtError* error);

/** pmt_smf_read + pmt_import; error lines carry the path. */
PmtStatus pmt_import_file(const char* path, const PmtImportOptions* options, PmtScore* score, PmtImportReport* report,
                          PmtError* error);

#endif
