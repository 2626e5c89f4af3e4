/* SPDX-License-Identifier: ISC */
/* See phrase.h. */
#include "gen/phrase.h"

void pmt_phrase_reset(PmtPhrase* const p) { p->n_slots = p->n_notes = 0; }

uint64_t pmt_phrase_begin(PmtPhrase* const p, const PmtPlace* const place) {
  p->slot[p->n_slots % PMT_PHRASE_SLOTS] = (PmtPhraseSlot){
    .index = place->index, .length = place->length, .bar_ticks = place->bar_ticks, .first = p->n_notes};
  return p->n_slots++;
}

void pmt_phrase_add(PmtPhrase* const p, const PmtPhraseNote note) {
  p->note[p->n_notes++ % PMT_PHRASE_NOTES] = note;
  ++p->slot[(p->n_slots - 1) % PMT_PHRASE_SLOTS].n;
}

const PmtPhraseSlot* pmt_phrase_slot(const PmtPhrase* const p, const uint64_t number) {
  if (number >= p->n_slots || number + PMT_PHRASE_SLOTS < p->n_slots) {
    return 0;
  }
  const PmtPhraseSlot* const slot = &p->slot[number % PMT_PHRASE_SLOTS];
  return slot->first + PMT_PHRASE_NOTES < p->n_notes ? 0 : slot;
}

const PmtPhraseNote* pmt_phrase_note(const PmtPhrase* const p, const PmtPhraseSlot* const slot, const uint32_t i) {
  return &p->note[(slot->first + i) % PMT_PHRASE_NOTES];
}

uint32_t pmt_phrase_last_bars(const PmtPhrase* const p, uint32_t bars, uint64_t* const first) {
  const PmtPhraseSlot* const newest = p->n_slots ? pmt_phrase_slot(p, p->n_slots - 1) : 0;
  const uint32_t bar_ticks = newest ? newest->bar_ticks : 0;
  uint32_t there = 0, ticks = 0, fit = 0;
  for (uint64_t number = p->n_slots; number-- > 0 && there < bars;) {
    const PmtPhraseSlot* const slot = pmt_phrase_slot(p, number);
    if (!slot) {
      break;
    }
    ticks += slot->length;
    if (ticks >= (there + 1) * bar_ticks) {
      ++there;
      if (there == 1 || there == 2 || there == 4 || there == 8) { /* the lengths of the port */
        *first = number;
        fit = (uint32_t)(p->n_slots - number);
      }
    }
  }
  return fit;
}
