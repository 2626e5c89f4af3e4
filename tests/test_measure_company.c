/* SPDX-License-Identifier: ISC */
/* Company in scores small enough to be counted by hand: one parallel fifth, one wrong note, one note above. */
#include "check.h"

#include "measure/company.h"

#include <math.h>
#include <string.h>

enum { BARS_MAX = 32, NOTES_MAX = 128, C_MAJOR = 0xab5, NO_CHORD = 0 };

/* ---- Scores by hand ---------------------------------------------------------------------------------------------- */

/** The player's notes and the company's; the piece is both together unless `harmony` gives another. */
typedef struct {
  PmtBar bars[BARS_MAX];
  PmtNote player[NOTES_MAX], company[NOTES_MAX], piece[2 * NOTES_MAX];
  PmtScore score;
  PmtTogether together;
} Sheet;

static void begin(Sheet* s, uint32_t n_bars, uint8_t beats, uint8_t unit) {
  memset(s, 0, sizeof *s);
  const uint16_t ticks = (uint16_t)(96 * beats / unit);
  for (uint32_t i = 0; i < n_bars; ++i) {
    s->bars[i] = (PmtBar){.tick = i * ticks, .ticks = ticks, .beats = beats, .unit = unit};
  }
  s->score = (PmtScore){.bars = s->bars, .n_bars = n_bars, .notes = s->piece};
  s->together = (PmtTogether){&s->score, s->player, 0, s->company, 0, 0, n_bars};
}

static PmtNote note(uint32_t onset, uint32_t duration, uint8_t part, uint8_t pitch) {
  return (PmtNote){.onset = onset, .duration = (uint16_t)duration, .part = part, .pitch = pitch, .velocity = 4};
}

/** Each in order of time. */
static void you(Sheet* s, uint32_t onset, uint32_t duration, uint8_t part, uint8_t pitch) {
  s->player[s->together.n_player++] = note(onset, duration, part, pitch);
}
static void we(Sheet* s, uint32_t onset, uint32_t duration, uint8_t part, uint8_t pitch) {
  s->company[s->together.n_company++] = note(onset, duration, part, pitch);
}
static void harmony(Sheet* s, uint32_t onset, uint32_t duration, uint8_t pitch) {
  s->piece[s->score.n_notes++] = note(onset, duration, 0, pitch);
}

/** The piece is what is played. */
static void unite(Sheet* s) {
  for (size_t i = 0; i < s->together.n_player; ++i) { s->piece[s->score.n_notes++] = s->player[i]; }
  for (size_t i = 0; i < s->together.n_company; ++i) { s->piece[s->score.n_notes++] = s->company[i]; }
  pmt_score_sort(&s->score);
}

static PmtCompany measure(const Sheet* s) {
  PmtCompany c = {{0}, {0}};
  pmt_company_add(&c, &s->together);
  return c;
}

static void counts(const PmtCompany* c, PmtCompanyMeasure m, double part, double whole) {
  CHECKF(fabs(c->part[m] - part) < 1e-9 && fabs(c->whole[m] - whole) < 1e-9, "%s: %g of %g, want %g of %g",
         pmt_company_title(m), c->part[m], c->whole[m], part, whole);
}

/* ---- Parallels --------------------------------------------------------------------------------------------------- */

/** Your line and ours in quarters; 0 is a rest. @return fifths, and octaves */
static void parallels(const uint8_t* yours, const uint8_t* ours, size_t n, double fifths, double octaves) {
  Sheet s;
  begin(&s, 2, 4, 4);
  for (size_t i = 0; i < n; ++i) {
    if (yours[i]) { you(&s, (uint32_t)(24 * i), 24, 0, yours[i]); }
    if (ours[i]) { we(&s, (uint32_t)(24 * i), 24, 1, ours[i]); }
  }
  const PmtCompany c = measure(&s);
  counts(&c, PMT_COMPANY_FIFTHS, fifths, 2);
  counts(&c, PMT_COMPANY_OCTAVES, octaves, 2);
}
#define PARALLELS(fifths, octaves, n, ...) \
  do { \
    const uint8_t line_[2][n] = __VA_ARGS__; \
    parallels(line_[0], line_[1], n, fifths, octaves); \
  } while (0)

static void check_parallels(void) {
  PARALLELS(1, 0, 4, {{67, 69, 71, 72}, {60, 62, 67, 64}});     /* G-C to A-D; then a third and a sixth */
  PARALLELS(1, 0, 2, {{79, 81}, {60, 62}});                     /* a twelfth is a fifth */
  PARALLELS(1, 0, 2, {{60, 62}, {67, 69}});                     /* whoever is above */
  PARALLELS(0, 2, 3, {{72, 74, 76}, {60, 62, 64}});
  PARALLELS(0, 1, 2, {{60, 62}, {60, 62}});                     /* unisons */
  PARALLELS(0, 0, 3, {{67, 67, 67}, {60, 60, 60}});             /* nothing moves */
  PARALLELS(0, 0, 2, {{67, 79}, {60, 60}});                     /* one moves */
  PARALLELS(0, 0, 2, {{67, 74}, {60, 55}});                     /* against each other, fifth to twelfth */
  PARALLELS(0, 0, 2, {{67, 69}, {60, 63}});                     /* a tritone is none */
  PARALLELS(0, 0, 3, {{67, 0, 69}, {60, 0, 62}});               /* a rest of a beat separates */
  PARALLELS(0, 0, 2, {{67, 74}, {60, 62}});                     /* fifth to octave */
}

/** Voices of ours among each other count, your own do not; a chord is one voice, its highest; a held note is no
    step. */
static void check_voices(void) {
  Sheet s;
  begin(&s, 1, 4, 4);
  for (uint32_t i = 0; i < 2; ++i) {
    const uint8_t up = (uint8_t)(2 * i);
    you(&s, 24 * i, 24, 0, (uint8_t)(76 + up));
    you(&s, 24 * i, 24, 1, (uint8_t)(69 + up)); /* a fifth below */
    we(&s, 24 * i, 24, 2, (uint8_t)(64 + up)); /* would be an octave with your first */
    we(&s, 24 * i, 24, 2, (uint8_t)(67 + up));
    we(&s, 24 * i, 24, 3, (uint8_t)(60 + up)); /* a fifth below our own */
    we(&s, 24 * i, 0, PMT_PART_DRUMS, 36);
  }
  PmtCompany c = measure(&s);
  counts(&c, PMT_COMPANY_FIFTHS, 1, 1);
  counts(&c, PMT_COMPANY_OCTAVES, 0, 1);

  begin(&s, 1, 4, 4);
  you(&s, 0, 12, 0, 67);
  you(&s, 12, 12, 0, 72); /* between the fifths */
  you(&s, 24, 24, 0, 69);
  we(&s, 0, 24, 0, 60);   /* of the same part as you, and a voice of its own */
  we(&s, 24, 24, 0, 62);
  c = measure(&s);
  counts(&c, PMT_COMPANY_FIFTHS, 0, 1);
  s.player[1] = s.player[2];
  s.together.n_player = 2; /* now an eighth's rest is between, which separates nothing */
  c = measure(&s);
  counts(&c, PMT_COMPANY_FIFTHS, 1, 1);
}

/* ---- Intervals --------------------------------------------------------------------------------------------------- */

/** You hold G4 and then C5, two quarters each. */
static void check_intervals(void) {
  Sheet s;
  begin(&s, 1, 4, 4);
  you(&s, 0, 48, 0, 67);
  you(&s, 48, 48, 0, 72);
  we(&s, 0, 12, 1, 66);   /* minor second */
  we(&s, 12, 24, 1, 65);  /* major second */
  we(&s, 36, 24, 1, 61);  /* tritone, 12 ticks; then a major seventh, 12 */
  we(&s, 60, 12, 1, 60);  /* octave */
  we(&s, 72, 12, 1, 86);  /* ninth: a whole tone, above you */
  we(&s, 84, 0, PMT_PART_DRUMS, 36);
  const PmtCompany c = measure(&s);
  counts(&c, PMT_COMPANY_SEMITONE, 12 + 12, 84);
  counts(&c, PMT_COMPANY_TONE, 24 + 12, 84);
  counts(&c, PMT_COMPANY_TRITONE, 12, 84);
  counts(&c, PMT_COMPANY_DISSONANCE, 72, 84);
  counts(&c, PMT_COMPANY_ABOVE, 1, 5);
  counts(&c, PMT_COMPANY_DENSITY, 6, 4);
}

/** Two keys are two notes to be against; where you are silent, nothing is. Above means above the highest. */
static void check_many(void) {
  Sheet s;
  begin(&s, 2, 2, 4);
  you(&s, 0, 24, 0, 72);
  you(&s, 0, 24, 1, 60);
  we(&s, 0, 48, 2, 66);  /* tritones */
  we(&s, 24, 24, 2, 90); /* nobody is there */
  const PmtCompany c = measure(&s);
  counts(&c, PMT_COMPANY_TRITONE, 48, 48);
  counts(&c, PMT_COMPANY_ABOVE, 0, 1);
  counts(&c, PMT_COMPANY_EMPTY, 1, 2);
}

/** A note held into a bar fills it; a drum fills the bar where it is struck; what lies outside of the bars asked for is
    not measured, but what you began before them is there. */
static void check_bars(void) {
  Sheet s;
  begin(&s, 6, 2, 4);
  you(&s, 0, 96, 0, 60);
  we(&s, 24, 48, 1, 61);
  we(&s, 60, 24, 1, 62);
  we(&s, 96, 0, PMT_PART_DRUMS, 36);
  we(&s, 192, 60, 1, 64);
  PmtCompany c = measure(&s);
  counts(&c, PMT_COMPANY_EMPTY, 1, 6);
  counts(&c, PMT_COMPANY_DENSITY, 4, 12);
  s.together.bar = 1, s.together.n_bars = 2;
  c = measure(&s);
  counts(&c, PMT_COMPANY_EMPTY, 0, 2);
  counts(&c, PMT_COMPANY_DENSITY, 2, 4);
  counts(&c, PMT_COMPANY_SEMITONE, 0, 24); /* not that of bar 0 */
  counts(&c, PMT_COMPANY_TONE, 24, 24);
  pmt_company_add(&c, &s.together); /* of two pieces */
  counts(&c, PMT_COMPANY_TONE, 48, 48);
  CHECK(pmt_company_value(&c, PMT_COMPANY_TONE) == 1 && isnan(pmt_company_value(&c, PMT_COMPANY_CHORD)));
  s.together.n_bars = 0;
  pmt_company_add(&c, &s.together);
  counts(&c, PMT_COMPANY_EMPTY, 0, 4);
}

/* ---- Scale ------------------------------------------------------------------------------------------------------- */

static void check_scale(void) {
  static const uint8_t c_major[] = {60, 62, 64, 65, 67, 69, 71}, e_major[] = {64, 66, 68, 69, 71, 73, 75};
  Sheet s;
  begin(&s, 10, 4, 4);
  for (uint32_t i = 0; i < 7; ++i) { harmony(&s, 96 + 12 * i, 12, c_major[i]); }
  for (uint32_t i = 0; i < 7; ++i) { harmony(&s, 8 * 96 + 12 * i, 12, e_major[i]); }
  CHECK(pmt_company_scale(&s.score, 0) == C_MAJOR);
  CHECK(pmt_company_scale(&s.score, 8) == (0xfff & (C_MAJOR << 4 | C_MAJOR >> 8)));
  we(&s, 0, 24, 1, 65);      /* F: in */
  we(&s, 24, 24, 1, 66);     /* F#: out */
  we(&s, 48, 0, PMT_PART_DRUMS, 42);
  we(&s, 9 * 96, 24, 1, 66); /* F#: in */
  PmtCompany c = measure(&s);
  counts(&c, PMT_COMPANY_SCALE, 2, 3);

  begin(&s, 16, 4, 4); /* C and G alone lie in six scales: the whole piece has a B flat */
  harmony(&s, 0, 24, 60);
  harmony(&s, 24, 24, 67);
  harmony(&s, 8 * 96, 24, 70);
  harmony(&s, 9 * 96, 24, 65);
  harmony(&s, 10 * 96, 24, 64);
  CHECK(pmt_company_scale(&s.score, 0) == (0xfff & (C_MAJOR << 5 | C_MAJOR >> 7)));
}

/* ---- Harmony ----------------------------------------------------------------------------------------------------- */

static uint16_t classes(uint32_t n, const uint8_t* class) {
  uint16_t set = 0;
  for (uint32_t i = 0; i < n; ++i) { set |= (uint16_t)(1 << class[i]); }
  return set;
}
#define CLASSES(...) classes(sizeof (const uint8_t[]){__VA_ARGS__}, (const uint8_t[]){__VA_ARGS__})

static uint16_t chord(const Sheet* s) { return pmt_company_chord(&s->together, 0, 24, C_MAJOR); }

static void check_chords(void) {
  Sheet s;
  begin(&s, 1, 4, 4);
  harmony(&s, 0, 24, 48);
  harmony(&s, 0, 24, 64);
  CHECK(chord(&s) == NO_CHORD); /* two are no chord */
  harmony(&s, 0, 24, 67);
  CHECK(chord(&s) == CLASSES(0, 4, 7));
  harmony(&s, 12, 12, 69); /* a passing A makes no seventh chord of it ... */
  CHECK(chord(&s) == CLASSES(0, 4, 7));
  s.piece[3].onset = 0, s.piece[3].duration = 24; /* ... one that stays does */
  CHECK(chord(&s) == CLASSES(9, 0, 4, 7));

  begin(&s, 1, 4, 4); /* a C that goes to A in the bass while C major sounds: no A minor seventh */
  harmony(&s, 0, 24, 60);
  harmony(&s, 0, 24, 64);
  harmony(&s, 0, 24, 67);
  harmony(&s, 12, 12, 45);
  CHECK(chord(&s) == CLASSES(0, 4, 7));

  begin(&s, 1, 4, 4); /* 4-3 over G: C is no chord tone, though C major has as much of it */
  harmony(&s, 0, 24, 43);
  harmony(&s, 0, 24, 50);
  harmony(&s, 0, 24, 60);
  harmony(&s, 0, 24, 67);
  CHECK(chord(&s) == CLASSES(7, 11, 2));
  s.piece[2].duration = 12;
  harmony(&s, 12, 12, 59);
  CHECK(chord(&s) == CLASSES(7, 11, 2));

  begin(&s, 1, 4, 4); /* no third: C, E flat and B flat are outside or not; the scale says which */
  harmony(&s, 0, 24, 50);
  harmony(&s, 0, 24, 57);
  harmony(&s, 0, 6, 67);
  CHECK(chord(&s) == CLASSES(2, 5, 9));
  CHECK(pmt_company_chord(&s.together, 0, 24, 0xfff & (C_MAJOR << 2 | C_MAJOR >> 10)) == CLASSES(2, 6, 9));

  you(&s, 0, 24, 0, 60); /* your chord is the harmony, not the piece's; your two keys are not */
  you(&s, 0, 24, 0, 65);
  CHECK(chord(&s) == CLASSES(2, 5, 9));
  you(&s, 0, 24, 0, 69);
  CHECK(chord(&s) == CLASSES(5, 9, 0));
}

static void check_strong(void) {
  static const struct { uint8_t beats, unit; bool middle; } meters[] = {
    {4, 4, true}, {2, 2, true}, {6, 8, true}, {12, 8, true}, {6, 4, true},
    {2, 4, false}, {3, 4, false}, {5, 4, false}, {9, 8, false}, {3, 8, false}};
  for (size_t i = 0; i < sizeof meters / sizeof *meters; ++i) {
    const PmtBar bar = {.ticks = (uint16_t)(96 * meters[i].beats / meters[i].unit), .beats = meters[i].beats,
                        .unit = meters[i].unit};
    CHECK(pmt_company_strong(&bar, 0) && !pmt_company_strong(&bar, 12));
    CHECK(pmt_company_strong(&bar, bar.ticks / 2) == meters[i].middle);
  }
}

/** C major, then G seven under your tune; ours has one note of six on strong beats that is not of it. */
static void check_chord_tones(void) {
  Sheet s;
  begin(&s, 1, 4, 4);
  you(&s, 0, 48, 0, 76);
  you(&s, 48, 48, 0, 77);
  we(&s, 0, 48, 1, 72);
  we(&s, 0, 96, 2, 67);
  we(&s, 0, 48, 3, 60);
  we(&s, 48, 48, 1, 71);
  we(&s, 48, 24, 3, 62);
  unite(&s);
  PmtCompany c = measure(&s);
  counts(&c, PMT_COMPANY_CHORD, 6, 6); /* G twice: begun, and held */
  counts(&c, PMT_COMPANY_UNITED, 2, 2);
  s.company[4].pitch = 63;             /* D sharp; the piece goes on having a D */
  c = measure(&s);
  counts(&c, PMT_COMPANY_CHORD, 5, 6);
  counts(&c, PMT_COMPANY_UNITED, 1, 2);
  s.company[4].onset = 49;             /* not on the beat */
  c = measure(&s);
  counts(&c, PMT_COMPANY_CHORD, 5, 5);
  counts(&c, PMT_COMPANY_UNITED, 2, 2);
  s.player[1].pitch = 71;              /* B over B and G: two pitch classes say nothing */
  c = measure(&s);
  counts(&c, PMT_COMPANY_UNITED, 1, 1);
  for (size_t i = 0; i < s.together.n_player; ++i) { s.player[i].pitch = 77; } /* F major is no chord of the piece's, */
  for (size_t i = 0; i < s.together.n_company; ++i) { s.company[i].pitch = i == 1 ? 69 : 60; } /* and a chord */
  c = measure(&s);
  counts(&c, PMT_COMPANY_UNITED, 2, 2);
  CHECK(c.part[PMT_COMPANY_CHORD] < c.whole[PMT_COMPANY_CHORD]);
  s.together.n_player = 0;             /* a chord without you is not with you */
  c = measure(&s);
  counts(&c, PMT_COMPANY_UNITED, 0, 0);
}

/** Every title and key is another's. */
static void check_names(void) {
  for (PmtCompanyMeasure a = 0; a < PMT_COMPANY_MEASURES; ++a) {
    for (PmtCompanyMeasure b = 0; b < a; ++b) {
      CHECK(strcmp(pmt_company_title(a), pmt_company_title(b)) && strcmp(pmt_company_key(a), pmt_company_key(b)));
    }
  }
}

int main(void) {
  check_parallels();
  check_voices();
  check_intervals();
  check_many();
  check_bars();
  check_scale();
  check_chords();
  check_strong();
  check_chord_tones();
  check_names();
  return 0;
}
