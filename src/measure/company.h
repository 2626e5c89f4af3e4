/* SPDX-License-Identifier: ISC */
/** @file company.h  Somebody plays and somebody plays along: how well the two fit (docs/measures.md, "In company").

    Above: tools/evaluate_jam.c. Below: music/score.h. Beside it: measure.h looks at music alone.

    Everything is counted, part of whole, so that the counts of pieces can be added up and no piece weighs more than it
    is long. What the company is held against, harmony and scale, is of the real piece and so the same for all who play
    along: between two measurements only the company differs. */
#ifndef PMT_MEASURE_COMPANY_H
#define PMT_MEASURE_COMPANY_H

#include "music/score.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  PMT_COMPANY_CHORD,      /**< notes that are of the chord of the strong beat they sound on / that sound on one */
  PMT_COMPANY_UNITED,     /**< strong beats on which both together sound a chord, or a part of one / those on which
                               they sound three pitch classes or more. Whatever the piece's harmony is */
  PMT_COMPANY_SCALE,      /**< notes within the scale of the piece's eight bars / pitched notes */
  PMT_COMPANY_FIFTHS,     /**< parallel fifths of two voices, one of them at least the company's / bars */
  PMT_COMPANY_OCTAVES,    /**< ... and parallel octaves and unisons */
  PMT_COMPANY_SEMITONE,   /**< time against the player's notes as minor second or major seventh / time against them */
  PMT_COMPANY_TONE,       /**< ... as major second or minor seventh */
  PMT_COMPANY_TRITONE,    /**< ... as tritone */
  PMT_COMPANY_DISSONANCE, /**< ... all three */
  PMT_COMPANY_ABOVE,      /**< notes begun above the player's highest / begun while the player sounds */
  PMT_COMPANY_DENSITY,    /**< notes, drums included / quarters */
  PMT_COMPANY_EMPTY,      /**< bars in which the company is silent / bars */
  PMT_COMPANY_MEASURES,
} PmtCompanyMeasure;

/** For people ("parallel fifths a bar") and for programs ("parallel_fifths_per_bar"). */
const char* pmt_company_title(PmtCompanyMeasure measure);
const char* pmt_company_key(PmtCompanyMeasure measure);

typedef struct {
  double part[PMT_COMPANY_MEASURES], whole[PMT_COMPANY_MEASURES];
} PmtCompany;

/** part / whole; NaN where there was nothing to count. */
double pmt_company_value(const PmtCompany* company, PmtCompanyMeasure measure);

enum { PMT_COMPANY_TICKS_MAX = 2 * PMT_DURATION_MAX };

/** Who plays what. All share the piece's bars; ticks count alike. No note lasts longer than PMT_COMPANY_TICKS_MAX. */
typedef struct {
  const PmtScore* piece;     /**< as it is: bars, harmony, scale */
  const PmtNote* player;     /**< [n_player] by onset: of any parts */
  size_t n_player;
  const PmtNote* company;    /**< [n_company] by onset: of any parts, the player's too */
  size_t n_company;
  size_t bar, n_bars;        /**< of the piece, to be measured: n_bars of them from `bar` on */
} PmtTogether;

/** Add one piece's counts. */
void pmt_company_add(PmtCompany* company, const PmtTogether* together);

/* ---- What it is held against: for tests, and for whoever wants to see it ----------------------------------------- */

/** Whether a place of a bar is strong: its start, and its middle where the number of beats is even and the bar longer
    than a half note. So 4/4, 2/2 and 6/8 have two, 2/4, 3/4, 5/4 and 9/8 one. @param at ticks from the bar's start */
bool pmt_company_strong(const PmtBar* bar, uint32_t at);

/** The harmony of a beat as bits of pitch classes, C lowest; 0 = fewer than three pitch classes sound in it.

    Where the player sounds three pitch classes at `tick`, theirs is the harmony, else the whole piece's. It is the
    triad or seventh chord that has most of what sounds from `tick` to the end of the beat, counted by time; the fourth
    note must be worth more than half a beat, so that passing notes make none. Of equal ones, the one with fewer notes
    outside the scale, then with fewer notes, then over the lowest note that sounds, then with the lower root.
    @param ticks of the beat @param scale bits */
uint16_t pmt_company_chord(const PmtTogether* together, uint32_t tick, uint32_t ticks, uint16_t scale);

/** The diatonic scale, as bits, of the eight bars from `bar` on, or as many as there are: most of the piece's notes
    that begin there lie in it, then most of all of the piece's; then the lower root. */
uint16_t pmt_company_scale(const PmtScore* piece, size_t bar);

#endif
