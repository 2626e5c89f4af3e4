/* SPDX-License-Identifier: ISC */
/** @file import_internal.h  The four steps of an import, for import.c alone: parts, bars, ornaments, grid. */
#ifndef PMT_MUSIC_IMPORT_INTERNAL_H
#define PMT_MUSIC_IMPORT_INTERNAL_H

#include "music/import.h"

/** A note in score ticks, not yet on the grid. */
typedef struct {
  double onset, duration;
  uint8_t part;     /**< 0..7 or PMT_PART_DRUMS */
  uint8_t pitch;
  uint8_t velocity; /**< bin */
  uint8_t ornament; /**< PmtOrnament */
} PmtRawNote;

enum { PMT_SMF_CHANNELS = 16, PMT_DRUM_CHANNEL = 9 };

/** Which part each voice (track, channel) plays.
    @param[out] part_of (n_tracks * 16) by track * 16 + channel, owned by the caller; drums are PMT_PART_DRUMS
    @param[out] parts how many there are @param[out] parts_merged voices that share a part with an older one */
PmtStatus pmt_import_parts(const PmtSmf* smf, uint32_t parts_max, uint8_t** part_of, uint32_t* parts,
                           uint32_t* parts_merged);

/** Lay bars over the meters up to and including the one in which `end` (score ticks of the file) lies.
    @param[out] shift ticks to add to every time: a pickup is aligned right */
PmtStatus pmt_import_bars(const PmtSmf* smf, double end, PmtScore* score, uint32_t* shift);

/** Turn written-out trills, turns and grace notes into ornaments, in place.
    @param notes sorted by onset; stay so @return how many notes are left, PmtImportReport.ornaments in *found;
    (size_t)-1 when there is no memory */
size_t pmt_import_ornaments(PmtRawNote* notes, size_t n_notes, uint32_t* found);

/** Write score->notes: the raw notes, moved by `offset` and put on the grid, in the order of `raw`.
    @param raw sorted by onset, at least one, all inside the bars of `score` @return PMT_NO_MEM */
PmtStatus pmt_import_quantise(const PmtRawNote* raw, size_t n_raw, double offset, PmtScore* score,
                              PmtImportReport* report);

/** File ticks to score ticks. */
static inline double pmt_import_ticks(const PmtSmf* const smf, const uint64_t tick) {
  return (double)tick * 24.0 / smf->ticks_per_quarter;
}

#endif
