/* SPDX-License-Identifier: ISC */
/* Generated excerpts beside real ones, a pair a row. Above: evaluate_music.c. Below: roll.h. */
#include "evaluate.h"

#include "measure/measure.h"
#include "roll.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAIRS = 8 };

typedef struct {
  const PmtShown* piece;
  size_t bar;
} Excerpt;

/** The k-th of all pairs: pieces evenly through the set, each somewhere else within the piece. */
static Excerpt excerpt_of(const PmtShown* const piece, const size_t k) {
  const size_t first = pmt_measure_first_bar(&piece->score);
  const size_t n = (piece->score.n_bars - first) / PMT_EXCERPT_BARS;
  return (Excerpt){piece, first + k * 3 % n * PMT_EXCERPT_BARS};
}

static bool same_meter(const Excerpt* const a, const Excerpt* const b) {
  const PmtBar *const x = &a->piece->score.bars[a->bar], *const y = &b->piece->score.bars[b->bar];
  return x->beats == y->beats && x->unit == y->unit;
}

/** A real excerpt for a generated one: of the pieces that were not shown yet one in the same meter, if there is one;
    else any. @param shown [n] marks what is taken */
static Excerpt partner(const Excerpt* const made, const PmtShown* const held_out, const size_t n, const size_t k,
                       bool* const shown) {
  size_t best = k * n / PAIRS;
  for (size_t i = 0, found = 0; i < n && found < 2; ++i) {
    const size_t at = (k * n / PAIRS + i) % n;
    const Excerpt candidate = excerpt_of(&held_out[at], k);
    const size_t good = shown[at] ? 0 : same_meter(made, &candidate) ? 2 : 1;
    best = good > found ? at : best;
    found = good > found ? good : found;
  }
  shown[best] = true;
  return excerpt_of(&held_out[best], k);
}

static PmtStatus add_excerpt(PmtRoll* const roll, const char* const kind, const Excerpt* const e) {
  char text[PMT_ROLL_TEXT];
  snprintf(text, sizeof text, "%s: %s", kind, e->piece->name);
  const PmtStatus status = pmt_roll_add_mark(roll, pmt_roll_end(roll), text);
  return status ? status : pmt_roll_add_score(roll, &e->piece->score, (uint32_t)e->bar,
                                              (uint32_t)e->bar + PMT_EXCERPT_BARS - 1);
}

PmtStatus pmt_music_draw(const char* const title, const PmtShown* const generated, const size_t n_generated,
                         const PmtShown* const held_out, const size_t n_held_out, const char* const path,
                         PmtError* const error) {
  PmtRoll roll = {.n_notes = 0};
  snprintf(roll.title, sizeof roll.title, "%s", title);
  snprintf(roll.subtitle, sizeof roll.subtitle, "left: generated; right: held-out pieces");
  bool* const shown = calloc(n_held_out, sizeof *shown);
  PmtStatus status = shown ? PMT_OK : PMT_NO_MEM;
  for (size_t k = 0; !status && k < PAIRS; ++k) {
    const Excerpt made = excerpt_of(&generated[k * n_generated / PAIRS], k);
    const Excerpt real = partner(&made, held_out, n_held_out, k, shown);
    status = add_excerpt(&roll, "generated", &made);
    status = status ? status : add_excerpt(&roll, "held out", &real);
  }
  status = status ? pmt_fail(error, status, "%s: out of memory", path) : pmt_roll_draw(&roll, path, error);
  pmt_roll_free(&roll);
  free(shown);
  return status;
}
