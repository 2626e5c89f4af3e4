/* SPDX-License-Identifier: ISC */
/* Company, measured. Above: tools/evaluate_jam.c. Below: music/score.h. */
#include "measure/company.h"

#include "music/meter.h"

#include <math.h>
#include <stdlib.h>

enum {
  CLASSES = 12,
  ALL_CLASSES = 0xfff,
  MAJOR_SCALE = 0xab5, /* bit 0 = the root; the natural minors are the same twelve sets */
  SCALE_BARS = 8,
  CHORD_CLASSES_MIN = 3,
  VOICES = 2 * PMT_PARTS_MAX, /* the player's first */
  COMPOUND_UNIT = 8,
  FIFTH = 7,
  MIDDLE_TICKS_MIN = 2 * PMT_TICKS_PER_QUARTER,
  REST_TICKS_MAX = PMT_TICKS_PER_QUARTER, /* a rest as long separates what was before from what follows */
};

static const struct { const char *title, *key; } names[PMT_COMPANY_MEASURES] = {
  [PMT_COMPANY_CHORD] = {"chord tones, strong beats", "strong_beat_chord_tones"},
  [PMT_COMPANY_UNITED] = {"strong beats in a chord", "strong_beats_in_a_chord"},
  [PMT_COMPANY_SCALE] = {"in scale", "in_scale"},
  [PMT_COMPANY_FIFTHS] = {"parallel fifths a bar", "parallel_fifths_per_bar"},
  [PMT_COMPANY_OCTAVES] = {"parallel octaves a bar", "parallel_octaves_per_bar"},
  [PMT_COMPANY_SEMITONE] = {"against you: m2, M7", "semitones"},
  [PMT_COMPANY_TONE] = {"against you: M2, m7", "whole_tones"},
  [PMT_COMPANY_TRITONE] = {"against you: tritone", "tritones"},
  [PMT_COMPANY_DISSONANCE] = {"dissonance against you", "dissonance"},
  [PMT_COMPANY_ABOVE] = {"begun above you", "begun_above"},
  [PMT_COMPANY_DENSITY] = {"notes a quarter", "notes_per_quarter"},
  [PMT_COMPANY_EMPTY] = {"empty bars", "empty_bars"},
};

const char* pmt_company_title(const PmtCompanyMeasure measure) { return names[measure].title; }
const char* pmt_company_key(const PmtCompanyMeasure measure) { return names[measure].key; }

double pmt_company_value(const PmtCompany* const company, const PmtCompanyMeasure measure) {
  return company->whole[measure] > 0 ? company->part[measure] / company->whole[measure] : (double)NAN;
}

static void count(PmtCompany* const c, const PmtCompanyMeasure measure, const double part, const double whole) {
  c->part[measure] += part;
  c->whole[measure] += whole;
}

/* ---- Notes of a span of time ------------------------------------------------------------------------------------- */

typedef struct { const PmtNote *first, *end; } Notes; /* by onset */

static Notes the_player(const PmtTogether* const t) { return (Notes){t->player, t->player + t->n_player}; }
static Notes the_company(const PmtTogether* const t) { return (Notes){t->company, t->company + t->n_company}; }
static Notes the_piece(const PmtScore* const s) { return (Notes){s->notes, s->notes + s->n_notes}; }

/** Those with tick <= onset < end. */
static Notes begun(const Notes all, const uint32_t tick, const uint32_t end) {
  const uint32_t border[2] = {tick, end};
  size_t at[2];
  for (int i = 0; i < 2; ++i) {
    size_t lo = 0, hi = (size_t)(all.end - all.first);
    while (lo < hi) {
      const size_t mid = (lo + hi) / 2;
      if (all.first[mid].onset < border[i]) { lo = mid + 1; } else { hi = mid; }
    }
    at[i] = lo;
  }
  return (Notes){all.first + at[0], all.first + at[1]};
}

/** Those that may sound in [tick, end). */
static Notes heard(const Notes all, const uint32_t tick, const uint32_t end) {
  return begun(all, tick > PMT_COMPANY_TICKS_MAX ? tick - PMT_COMPANY_TICKS_MAX : 0, end);
}

static bool pitched(const PmtNote* const note) { return note->part != PMT_PART_DRUMS; }

/** Ticks of [tick, end) in which it sounds. */
static uint32_t sounds(const PmtNote* const note, const uint32_t tick, const uint32_t end) {
  const uint32_t from = note->onset > tick ? note->onset : tick;
  const uint32_t to = note->onset + note->duration < end ? note->onset + note->duration : end;
  return to > from ? to - from : 0;
}

static bool in(const uint16_t classes, const uint32_t pitch) { return classes >> pitch % CLASSES & 1; }

static uint32_t size(uint16_t classes) {
  uint32_t n = 0;
  for (; classes; classes &= (uint16_t)(classes - 1)) { ++n; }
  return n;
}

/** A set of intervals above a root. */
static uint16_t on_root(const uint16_t set, const uint32_t root) {
  return (uint16_t)((set << root | set >> (CLASSES - root)) & ALL_CLASSES);
}

/* ---- Scale ------------------------------------------------------------------------------------------------------- */

static void count_classes(const Notes notes, uint32_t n[CLASSES]) {
  for (const PmtNote* note = notes.first; note < notes.end; ++note) { n[note->pitch % CLASSES] += pitched(note); }
}

static uint32_t count_inside(const uint32_t n[CLASSES], const uint16_t classes) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < CLASSES; ++i) { sum += in(classes, i) ? n[i] : 0; }
  return sum;
}

uint16_t pmt_company_scale(const PmtScore* const piece, const size_t bar) {
  const size_t last = bar + SCALE_BARS < piece->n_bars ? bar + SCALE_BARS : piece->n_bars;
  const uint32_t end = piece->bars[last - 1].tick + piece->bars[last - 1].ticks;
  uint32_t here[CLASSES] = {0}, all[CLASSES] = {0}, best = 0, best_of_all = 0;
  uint16_t scale = 0;
  count_classes(begun(the_piece(piece), piece->bars[bar].tick, end), here);
  count_classes(the_piece(piece), all);
  for (uint32_t root = 0; root < CLASSES; ++root) {
    const uint16_t candidate = on_root(MAJOR_SCALE, root);
    const uint32_t inside = count_inside(here, candidate), of_all = count_inside(all, candidate);
    if (scale && (inside < best || (inside == best && of_all <= best_of_all))) { continue; }
    scale = candidate;
    best = inside;
    best_of_all = of_all;
  }
  return scale;
}

/** Scale of the eight bars that a bar is in. */
static uint16_t scale_at(const PmtTogether* const t, const size_t bar) {
  return pmt_company_scale(t->piece, t->bar + (bar - t->bar) / SCALE_BARS * SCALE_BARS);
}

/* ---- Harmony ----------------------------------------------------------------------------------------------------- */

static const uint16_t chords[] = { /* above the root: triads, then sevenths */
  1 | 1 << 4 | 1 << 7, 1 | 1 << 3 | 1 << 7, 1 | 1 << 3 | 1 << 6, 1 | 1 << 4 | 1 << 8,
  1 | 1 << 4 | 1 << 7 | 1 << 10, 1 | 1 << 3 | 1 << 7 | 1 << 10, 1 | 1 << 4 | 1 << 7 | 1 << 11,
  1 | 1 << 3 | 1 << 6 | 1 << 10, 1 | 1 << 3 | 1 << 6 | 1 << 9,
};
enum { CHORDS = sizeof chords / sizeof *chords, TRIAD = 3 };

/** What sounds for how long in a beat. */
typedef struct {
  uint32_t ticks[CLASSES];
  uint32_t n;      /* pitch classes */
  uint32_t lowest; /* pitch */
} Weights;

static Weights weigh(const Notes all, const uint32_t tick, const uint32_t end) {
  Weights w = {.lowest = UINT32_MAX};
  const Notes notes = heard(all, tick, end);
  for (const PmtNote* n = notes.first; n < notes.end; ++n) {
    const uint32_t ticks = pitched(n) ? sounds(n, tick, end) : 0;
    w.n += ticks && !w.ticks[n->pitch % CLASSES];
    w.ticks[n->pitch % CLASSES] += ticks;
    w.lowest = ticks && n->pitch < w.lowest ? n->pitch : w.lowest;
  }
  return w;
}

/** How well a chord fits, the more important in front. */
static int64_t fitness(const Weights* const w, const uint16_t chord, const uint32_t root, const uint32_t beat,
                       const uint16_t scale) {
  const uint32_t notes = size(chord), outside = size((uint16_t)(chord & ~scale));
  int64_t fit = 2 * (int64_t)count_inside(w->ticks, chord) - (notes > TRIAD ? (int64_t)beat : 0);
  fit = fit * CLASSES - outside;
  fit = fit * CLASSES - notes;
  return fit * 2 + (w->lowest % CLASSES == root);
}

uint16_t pmt_company_chord(const PmtTogether* const t, const uint32_t tick, const uint32_t ticks,
                           const uint16_t scale) {
  const bool theirs = weigh(the_player(t), tick, tick + 1).n >= CHORD_CLASSES_MIN;
  const Weights w = weigh(theirs ? the_player(t) : the_piece(t->piece), tick, tick + ticks);
  uint16_t best = 0;
  int64_t best_fit = INT64_MIN;
  for (uint32_t root = 0; root < CLASSES && w.n >= CHORD_CLASSES_MIN; ++root) {
    for (uint32_t i = 0; i < CHORDS; ++i) {
      const uint16_t chord = on_root(chords[i], root);
      const int64_t fit = fitness(&w, chord, root, ticks, scale);
      best = fit > best_fit ? chord : best;
      best_fit = fit > best_fit ? fit : best_fit;
    }
  }
  return best;
}

bool pmt_company_strong(const PmtBar* const bar, const uint32_t at) {
  return at == 0 || (bar->beats % 2 == 0 && bar->ticks > MIDDLE_TICKS_MIN && 2 * at == bar->ticks);
}

/** Length of a beat from a strong place on, which is never longer than what is left of the bar. */
static uint32_t beat_ticks(const PmtBar* const bar, const uint32_t at) {
  const bool compound = bar->unit >= COMPOUND_UNIT && bar->beats % 3 == 0;
  const uint32_t beat = compound ? 3u * PMT_TICKS_PER_WHOLE / bar->unit : PMT_TICKS_PER_QUARTER;
  return beat < bar->ticks - at ? beat : bar->ticks - at;
}

static void measure_chord_tones(PmtCompany* const c, const PmtTogether* const t, const uint32_t tick,
                                const uint16_t chord) {
  const Notes notes = heard(the_company(t), tick, tick + 1);
  for (const PmtNote* n = notes.first; chord && n < notes.end; ++n) {
    if (pitched(n) && sounds(n, tick, tick + 1)) { count(c, PMT_COMPANY_CHORD, in(chord, n->pitch), 1); }
  }
}

static bool in_one_chord(const uint16_t classes) {
  for (uint32_t root = 0; root < CLASSES; ++root) {
    for (uint32_t i = 0; i < CHORDS; ++i) {
      if (!(classes & ~on_root(chords[i], root))) { return true; }
    }
  }
  return false;
}

static uint16_t classes_at(const Notes all, const uint32_t tick) {
  const Weights w = weigh(all, tick, tick + 1);
  uint16_t classes = 0;
  for (uint32_t i = 0; i < CLASSES; ++i) { classes |= (uint16_t)((w.ticks[i] > 0) << i); }
  return classes;
}

static void measure_unity(PmtCompany* const c, const PmtTogether* const t, const uint32_t tick) {
  const uint16_t player = classes_at(the_player(t), tick), company = classes_at(the_company(t), tick);
  const uint16_t both = player | company;
  if (player && company && size(both) >= CHORD_CLASSES_MIN) { count(c, PMT_COMPANY_UNITED, in_one_chord(both), 1); }
}

static void measure_strong_beats(PmtCompany* const c, const PmtTogether* const t, const size_t bar) {
  const PmtBar* const b = &t->piece->bars[bar];
  const uint32_t places[] = {0, b->ticks / 2};
  for (int i = 0; i < 2; ++i) {
    const uint32_t tick = b->tick + places[i];
    if (!pmt_company_strong(b, places[i]) || (i && !places[i])) { continue; }
    measure_chord_tones(c, t, tick, pmt_company_chord(t, tick, beat_ticks(b, places[i]), scale_at(t, bar)));
    measure_unity(c, t, tick);
  }
}

/* ---- Parallels --------------------------------------------------------------------------------------------------- */

/** What a voice plays: the highest of the notes that its part begins at a moment. */
typedef struct { const PmtNote *before, *now; } Voice;

/** A part's voice takes the notes that it begins at the moment, which stand at the front of `notes`. */
static void take_moment(Voice* const voices, Notes* const notes, const uint32_t tick) {
  for (; notes->first < notes->end && notes->first->onset == tick; ++notes->first) {
    const PmtNote* const n = notes->first;
    if (n->part >= PMT_PARTS_MAX) { continue; }
    Voice* const v = &voices[n->part];
    if (!v->now || n->pitch > v->now->pitch) { v->now = n; }
  }
}

static uint32_t end_of(const PmtNote* const n) { return n->onset + n->duration; }

/** Whether two voices go on together from notes that sounded together. */
static bool together(const Voice* const a, const Voice* const b) {
  if (!a->now || !b->now || !a->before || !b->before) { return false; }
  const uint32_t now = a->now->onset, end_a = end_of(a->before), end_b = end_of(b->before);
  const uint32_t ended = end_a < end_b ? end_a : end_b;
  return ended + REST_TICKS_MAX > now && a->before->onset < ended && b->before->onset < ended;
}

/** Interval modulo the octave, if both move there in one direction from the same; else -1. */
static int parallel(const Voice* const a, const Voice* const b) {
  if (!together(a, b)) { return -1; }
  const int step_a = a->now->pitch - a->before->pitch, step_b = b->now->pitch - b->before->pitch;
  const int from = abs(a->before->pitch - b->before->pitch) % CLASSES;
  const int to = abs(a->now->pitch - b->now->pitch) % CLASSES;
  return step_a && step_b && (step_a > 0) == (step_b > 0) && from == to ? to : -1;
}

/** Two voices of the player are the player's affair. */
static void count_parallels(PmtCompany* const c, const Voice voices[VOICES]) {
  for (uint32_t b = PMT_PARTS_MAX; b < VOICES; ++b) {
    for (uint32_t a = 0; a < b; ++a) {
      const int interval = parallel(&voices[a], &voices[b]);
      count(c, PMT_COMPANY_FIFTHS, interval == FIFTH, 0);
      count(c, PMT_COMPANY_OCTAVES, interval == 0, 0);
    }
  }
}

static void measure_parallels(PmtCompany* const c, const PmtTogether* const t, const uint32_t tick,
                              const uint32_t end) {
  Voice voices[VOICES] = {{NULL, NULL}};
  Notes player = begun(the_player(t), tick, end), company = begun(the_company(t), tick, end);
  while (player.first < player.end || company.first < company.end) {
    const uint32_t of_player = player.first < player.end ? player.first->onset : UINT32_MAX;
    const uint32_t of_company = company.first < company.end ? company.first->onset : UINT32_MAX;
    const uint32_t now = of_player < of_company ? of_player : of_company;
    take_moment(voices, &player, now);
    take_moment(voices + PMT_PARTS_MAX, &company, now);
    count_parallels(c, voices);
    for (uint32_t i = 0; i < VOICES; ++i) {
      voices[i].before = voices[i].now ? voices[i].now : voices[i].before;
      voices[i].now = NULL;
    }
  }
}

/* ---- Note by note ------------------------------------------------------------------------------------------------ */

static void count_interval(PmtCompany* const c, const uint32_t interval, const uint32_t ticks) {
  static const uint8_t least[CLASSES] = {0, 1, 2, 0, 0, 0, 6, 0, 0, 0, 2, 1}; /* inversions are the same dissonance */
  const uint32_t kind = least[interval % CLASSES];
  count(c, PMT_COMPANY_SEMITONE, kind == 1 ? ticks : 0, ticks);
  count(c, PMT_COMPANY_TONE, kind == 2 ? ticks : 0, ticks);
  count(c, PMT_COMPANY_TRITONE, kind == 6 ? ticks : 0, ticks);
  count(c, PMT_COMPANY_DISSONANCE, kind ? ticks : 0, ticks);
}

/** One note of the company against what the player sounds, up to `end`. */
static void measure_against(PmtCompany* const c, const PmtTogether* const t, const PmtNote* const note, uint32_t end) {
  uint32_t highest = 0;
  bool there = false;
  end = end_of(note) < end ? end_of(note) : end;
  const Notes player = heard(the_player(t), note->onset, end);
  for (const PmtNote* p = player.first; p < player.end; ++p) {
    if (!pitched(p)) { continue; }
    count_interval(c, (uint32_t)abs(p->pitch - note->pitch), sounds(p, note->onset, end));
    if (!sounds(p, note->onset, note->onset + 1)) { continue; }
    highest = !there || p->pitch > highest ? p->pitch : highest;
    there = true;
  }
  count(c, PMT_COMPANY_ABOVE, there && note->pitch > highest, there);
}

/** Whether a bar is without a sound: a drum has one where it is struck. */
static bool empty(const PmtTogether* const t, const uint32_t tick, const uint32_t end) {
  const Notes notes = heard(the_company(t), tick, end);
  for (const PmtNote* n = notes.first; n < notes.end; ++n) {
    if (n->onset >= tick || sounds(n, tick, end)) { return false; }
  }
  return true;
}

static void measure_bar(PmtCompany* const c, const PmtTogether* const t, const size_t bar, const uint32_t end) {
  const PmtBar* const b = &t->piece->bars[bar];
  const Notes notes = begun(the_company(t), b->tick, b->tick + b->ticks);
  const uint16_t scale = scale_at(t, bar);
  for (const PmtNote* n = notes.first; n < notes.end; ++n) {
    count(c, PMT_COMPANY_DENSITY, 1, 0);
    if (!pitched(n)) { continue; }
    count(c, PMT_COMPANY_SCALE, in(scale, n->pitch), 1);
    measure_against(c, t, n, end);
  }
  count(c, PMT_COMPANY_DENSITY, 0, (double)b->ticks / PMT_TICKS_PER_QUARTER);
  count(c, PMT_COMPANY_EMPTY, empty(t, b->tick, b->tick + b->ticks), 1);
  count(c, PMT_COMPANY_FIFTHS, 0, 1);
  count(c, PMT_COMPANY_OCTAVES, 0, 1);
  measure_strong_beats(c, t, bar);
}

void pmt_company_add(PmtCompany* const company, const PmtTogether* const t) {
  if (!t->n_bars) { return; }
  const PmtBar *const first = &t->piece->bars[t->bar], *const last = first + t->n_bars - 1;
  const uint32_t end = last->tick + last->ticks;
  for (size_t i = t->bar; i < t->bar + t->n_bars; ++i) { measure_bar(company, t, i, end); }
  measure_parallels(company, t, first->tick, end);
}
