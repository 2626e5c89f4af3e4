/* SPDX-License-Identifier: ISC */
/* music/import.h, music/ornament.h and the score behind them: bars, parts, grid, ornaments. */
#include "music/import.h"

#include "base/file.h"
#include "check.h"
#include "music/ornament.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"
#include "support/smf_build.h"

#include <string.h>
#include <unistd.h>

typedef struct {
  PmtScore score;
  PmtImportReport report;
} Imported;

static Imported import_as(PmtSmfBuild* const build, const PmtImportOptions options) {
  PmtSmf smf;
  PmtError error = {{0}};
  Imported got;
  CHECKF(!pmt_smf_parse(build->bytes, build->size, &smf, &error), "%s", error.text);
  CHECKF(!pmt_import(&smf, &options, &got.score, &got.report, &error), "%s", error.text);
  pmt_smf_free(&smf);
  pmt_build_free(build);
  return got;
}

static Imported import(PmtSmfBuild* const build) {
  return import_as(build, pmt_import_defaults());
}

static void begin(PmtSmfBuild* const b, const uint32_t division) {
  pmt_build_header(b, 0, 1, division);
  pmt_build_track(b);
}

static void check_note(const Imported* const got, const size_t i, const uint32_t onset, const uint32_t duration,
                       const uint32_t pitch) {
  CHECKF(i < got->score.n_notes, "there are only %zu notes", got->score.n_notes);
  const PmtNote* const note = &got->score.notes[i];
  CHECKF(note->onset == onset && note->duration == duration && note->pitch == pitch,
         "note %zu: onset %u duration %u pitch %u", i, note->onset, note->duration, note->pitch);
}

/* Bars */

static void check_bar(const Imported* const got, const size_t i, const uint32_t tick, const uint32_t ticks,
                      const uint32_t skip) {
  CHECK(i < got->score.n_bars);
  const PmtBar* const bar = &got->score.bars[i];
  CHECKF(bar->tick == tick && bar->ticks == ticks && bar->skip == skip, "bar %zu: tick %u ticks %u skip %u", i,
         bar->tick, bar->ticks, bar->skip);
}

static void test_meter_change_in_mid_bar_ends_the_bar(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  pmt_build_meter(&b, 0, 4, 2);
  pmt_build_note(&b, 0, 0, 60, 24);
  pmt_build_meter(&b, 96 + 36 - 24, 3, 2); /* after a bar and a half quarter */
  pmt_build_note(&b, 72, 0, 62, 24);
  pmt_build_end(&b, 5000);
  Imported got = import(&b);
  CHECK(got.score.n_bars == 4); /* the silence after the last note is gone */
  check_bar(&got, 0, 0, 96, 0);
  check_bar(&got, 1, 96, 36, 0);
  check_bar(&got, 2, 132, 72, 0);
  check_bar(&got, 3, 204, 72, 0);
  check_note(&got, 1, 204, 24, 62);
  CHECK(got.score.bars[1].beats == 4 && got.score.bars[2].beats == 3);
  CHECK(pmt_score_ticks(&got.score) == 276);
  pmt_score_free(&got.score);
}

static void test_pickup_is_aligned_right(void) {
  PmtSmfBuild b = {0};
  begin(&b, 48);
  pmt_build_meter(&b, 0, 1, 2);
  pmt_build_tempo(&b, 0, 1000000);
  pmt_build_note(&b, 0, 0, 60, 48);
  pmt_build_meter(&b, 0, 4, 2);
  pmt_build_tempo(&b, 0, 500000);
  pmt_build_note(&b, 0, 0, 62, 192);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  CHECK(got.score.n_bars == 2);
  check_bar(&got, 0, 0, 96, 72);
  check_bar(&got, 1, 96, 96, 0);
  check_note(&got, 0, 72, 24, 60);
  check_note(&got, 1, 96, 96, 62);
  CHECK(got.score.bars[0].beats == 4);
  CHECK(got.score.n_tempos == 2 && got.score.tempos[0].tick == 0 && got.score.tempos[0].bpm == 60);
  CHECK(got.score.tempos[1].tick == 96 && got.score.tempos[1].bpm == 120);
  pmt_score_free(&got.score);
}

static void test_odd_pickup_and_short_bars(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  pmt_build_meter(&b, 0, 1, 5); /* three bars of 1/32 are a pickup of 9 ticks */
  pmt_build_note(&b, 0, 0, 60, 9);
  pmt_build_meter(&b, 0, 2, 2);
  pmt_build_note(&b, 0, 0, 62, 24);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  check_bar(&got, 0, 0, 48, 36);
  check_bar(&got, 1, 48, 48, 0);
  check_note(&got, 0, 39, 9, 60);
  check_note(&got, 1, 48, 24, 62);
  pmt_score_free(&got.score);
}

static void test_a_full_first_bar_is_no_pickup(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  pmt_build_meter(&b, 0, 2, 2);
  pmt_build_note(&b, 0, 0, 60, 24);
  pmt_build_note(&b, 60, 0, 62, 12); /* two bars of 2/4 */
  pmt_build_meter(&b, 0, 4, 2);
  pmt_build_note(&b, 0, 0, 64, 24);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  check_bar(&got, 0, 0, 48, 0);
  check_bar(&got, 2, 96, 96, 0);
  pmt_score_free(&got.score);
}

static void test_absurd_meters_become_common_time(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  pmt_build_meter(&b, 0, 255, 0); /* 255 whole notes */
  pmt_build_note(&b, 100, 0, 60, 24);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  CHECK(got.score.n_bars == 2 && got.score.bars[0].beats == 4 && got.score.bars[0].unit == 4);
  pmt_score_free(&got.score);

  begin(&b, 24);
  pmt_build_meter(&b, 0, 9, 6); /* 13.5 ticks: the bar lines do not drift */
  pmt_build_note(&b, 270, 0, 60, 24);
  pmt_build_end(&b, 0);
  got = import(&b);
  CHECK(got.score.n_bars == 3); /* of 20 silent bars one is kept, see below */
  check_bar(&got, 0, 0, 13, 0);
  check_bar(&got, 1, 13, 14, 0);
  check_note(&got, 0, 13, 24, 60);
  pmt_score_free(&got.score);
}

static void test_slivers_join_the_bar_before(void) {
  PmtSmfBuild b = {0};
  begin(&b, 480);
  pmt_build_meter(&b, 0, 2, 2);
  pmt_build_note(&b, 0, 0, 60, 480);
  pmt_build_meter(&b, 3 * 480 + 12, 3, 2); /* after two bars, 12/480 of a quarter late */
  pmt_build_note(&b, 0, 0, 62, 480);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  check_bar(&got, 1, 48, 49, 0);
  check_bar(&got, 2, 97, 72, 0);
  check_note(&got, 1, 97, 24, 62);
  pmt_score_free(&got.score);
}

static void test_leading_silence(void) {
  for (uint32_t bars = 0; bars < 6; ++bars) {
    PmtSmfBuild b = {0};
    begin(&b, 24);
    pmt_build_tempo(&b, 0, 1000000);
    pmt_build_note(&b, 96 * bars + 12, 0, 60, 24);
    pmt_build_end(&b, 0);
    Imported got = import(&b);
    const uint32_t kept = bars <= 2 ? bars : 1;
    CHECK(got.score.n_bars == kept + 1);
    check_note(&got, 0, 96 * kept + 12, 24, 60);
    CHECK(got.score.n_tempos == 1 && got.score.tempos[0].tick == 0 && got.score.tempos[0].bpm == 60);
    pmt_score_free(&got.score);
  }
}

/* Grid */

/** Import one quarter note at a file tick of 480 a quarter, behind enough notes on the grid to be a written file. */
static uint32_t snapped(const uint32_t file_tick) {
  PmtSmfBuild b = {0};
  begin(&b, 480);
  for (int i = 0; i < 8; ++i) {
    pmt_build_note(&b, 0, 0, 40, 240);
  }
  pmt_build_note(&b, file_tick, 0, 60, 480);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  CHECK(got.score.n_notes == 9);
  const uint32_t onset = got.score.notes[8].onset - 96;
  pmt_score_free(&got.score);
  return onset;
}

static void test_written_grid(void) {
  CHECK(snapped(0) == 0 && snapped(120) == 6 && snapped(160) == 8 && snapped(80) == 4 && snapped(320) == 16);
  CHECK(snapped(60) == 3 && snapped(180) == 9);    /* 32nds, exact */
  CHECK(snapped(65) == 3 && snapped(67) == 4);     /* a quarter of a tick counts as exact, more does not */
  CHECK(snapped(100) == 6 && snapped(99) == 4);    /* 5 ticks: a tie, the 16th wins */
  CHECK(snapped(140) == 6 && snapped(141) == 8);   /* 7 ticks */
  CHECK(snapped(39) == 0 && snapped(41) == 4);     /* 2 ticks */
  CHECK(snapped(40) == 0);
  CHECK(snapped(1919) == 96);                      /* into a bar that no onset lies in */
}

/** Played: straight drumming that comes a quarter of a 16th early or late has no triplets; a shuffle keeps them. */
static void test_played_grid(void) {
  static const int8_t jitter[8] = {-30, 25, 15, -28, 10, -20, 31, -12}; /* of 480 */
  for (int shuffle = 0; shuffle < 2; ++shuffle) {
    PmtSmfBuild b = {0};
    begin(&b, 480);
    uint32_t now = 0;
    uint32_t wanted[64];
    for (uint32_t i = 0; i < 64; ++i) {
      const uint32_t beat = 480 * (i / 2 + 1);
      const uint32_t meant = shuffle ? beat + (i % 2 ? 320 : 0) : beat + (i % 2 ? 120 * (1 + i / 2 % 3) : 0);
      const uint32_t at = meant + (uint32_t)jitter[i * 5 % 8];
      wanted[i] = meant / 20;
      BUILD_EVENT(&b, at - now, 0x99, 42, 90);
      now = at;
    }
    pmt_build_end(&b, 0);
    Imported got = import(&b);
    CHECK(got.score.n_notes == 64 && got.score.has_drums && got.score.parts == 0);
    CHECK(got.report.moved == 64);
    for (size_t i = 0; i < 64; ++i) {
      CHECKF(got.score.notes[i].onset == wanted[i], "hit %zu: %u, meant %u", i, got.score.notes[i].onset, wanted[i]);
    }
    pmt_score_free(&got.score);
  }
}

static void test_durations(void) {
  PmtSmfBuild b = {0};
  begin(&b, 480);
  pmt_build_note(&b, 0, 0, 60, 480 * 20);  /* cut at 384 */
  pmt_build_note(&b, 0, 0, 60, 100);       /* 5 = 4 + 1 */
  pmt_build_note(&b, 860, 0, 60, 1);       /* at least 1 */
  pmt_build_note(&b, 959, 0, 60, 456);     /* 95 % of a quarter is a quarter */
  pmt_build_note(&b, 504, 0, 60, 540);     /* 27 = 24 + 3 as written */
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  check_note(&got, 0, 0, 384, 60);
  check_note(&got, 1, 480, 5, 60);
  check_note(&got, 2, 528, 1, 60);
  check_note(&got, 3, 576, 24, 60);
  check_note(&got, 4, 624, 27, 60);
  CHECK(got.report.cut == 1);
  pmt_score_free(&got.score);
}

static void test_doubles_and_restrikes(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  BUILD_EVENT(&b, 0, 0x90, 60, 40);
  BUILD_EVENT(&b, 0, 0x90, 60, 100); /* the same once more */
  BUILD_EVENT(&b, 0, 0x90, 64, 80);
  BUILD_EVENT(&b, 12, 0x80, 60, 0);
  BUILD_EVENT(&b, 12, 0x80, 60, 0);
  BUILD_EVENT(&b, 5, 0x90, 64, 80); /* struck again at 29, snapped to 30, while it sounds */
  BUILD_EVENT(&b, 1, 0x80, 64, 0);
  BUILD_EVENT(&b, 6, 0x80, 64, 0);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  CHECK(got.score.n_notes == 3 && got.report.notes_in == 4 && got.report.notes_out == 3);
  check_note(&got, 0, 0, 30, 64);
  check_note(&got, 1, 0, 24, 60);
  CHECK(got.score.notes[1].velocity == pmt_velocity_bin(100) && got.report.merged == 1);
  check_note(&got, 2, 30, 7, 64);
  pmt_score_free(&got.score);

  begin(&b, 24); /* a re-strike after 117 ticks, which no two tokens make */
  BUILD_EVENT(&b, 0, 0x90, 64, 80);
  BUILD_EVENT(&b, 117, 0x90, 64, 80);
  BUILD_EVENT(&b, 24, 0x80, 64, 0);
  BUILD_EVENT(&b, 6, 0x80, 64, 0);
  pmt_build_end(&b, 0);
  got = import(&b);
  check_note(&got, 0, 0, 116, 64);
  CHECK(got.report.cut == 1);
  pmt_score_free(&got.score);
}

static void test_folding_and_drum_keys(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  pmt_build_note(&b, 0, 0, 5, 24);
  pmt_build_note(&b, 0, 0, 127, 24);
  pmt_build_note(&b, 0, 9, 34, 24);
  pmt_build_note(&b, 0, 9, 35, 24);
  pmt_build_note(&b, 0, 9, 82, 24);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  CHECK(got.score.n_notes == 3 && got.report.folded == 2 && got.report.dropped_drums == 2);
  check_note(&got, 0, 0, 24, 29);
  check_note(&got, 1, 24, 24, 103);
  check_note(&got, 2, 72, 0, 35);
  CHECK(got.score.notes[2].part == PMT_PART_DRUMS && got.score.has_drums);
  pmt_score_free(&got.score);
}

/* Parts */

/** One track a voice: `n` notes at `pitch` on a channel. */
static void add_voice(PmtSmfBuild* const b, const uint32_t channel, const uint32_t program, const uint32_t pitch,
                      const uint32_t n) {
  pmt_build_track(b);
  BUILD_EVENT(b, 0, (uint8_t)(0xc0 | channel), (uint8_t)program);
  for (uint32_t i = 0; i < n; ++i) {
    pmt_build_note(b, 0, channel, pitch, 24);
  }
  pmt_build_end(b, 0);
}

static void test_few_voices_keep_the_files_order(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 3, 24);
  add_voice(&b, 3, 10, 40, 2);
  add_voice(&b, 9, 25, 36, 2);
  add_voice(&b, 1, 20, 80, 2);
  Imported got = import(&b);
  CHECK(got.score.parts == 2 && got.report.parts_merged == 0);
  CHECK(got.score.program[0] == 10 && got.score.program[1] == 20 && got.score.kit == 25);
  CHECK(got.score.notes[0].part == 0 && got.score.notes[0].pitch == 40);
  CHECK(got.score.notes[1].part == 1 && got.score.notes[1].pitch == 80);
  CHECK(got.score.notes[2].part == PMT_PART_DRUMS);
  pmt_score_free(&got.score);
}

static void test_many_voices_are_merged_by_register(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 6, 24);
  add_voice(&b, 0, 1, 40, 50);
  add_voice(&b, 1, 2, 84, 50);
  add_voice(&b, 2, 3, 60, 50);
  add_voice(&b, 3, 4, 83, 2);  /* few notes, right below the top: joins it */
  add_voice(&b, 4, 5, 62, 40); /* near 60: joins it */
  add_voice(&b, 5, 6, 72, 50);
  Imported got = import(&b);
  CHECK(got.score.parts == 4 && got.report.parts_merged == 2);
  static const uint8_t programs[4] = {2, 6, 3, 1};
  CHECK(memcmp(got.score.program, programs, 4) == 0);
  for (size_t i = 0; i < got.score.n_notes; ++i) {
    const PmtNote* const note = &got.score.notes[i];
    CHECK(note->part == (note->pitch > 80 ? 0 : note->pitch > 70 ? 1 : note->pitch > 50 ? 2 : 3));
  }
  pmt_score_free(&got.score);
}

static void test_hundreds_of_voices(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 300, 24);
  for (uint32_t i = 0; i < 300; ++i) {
    add_voice(&b, i % 9, 0, 30 + i % 60, 1 + i % 3);
  }
  Imported got = import_as(&b, (PmtImportOptions){.parts_max = 8, .pitch_lo = 0, .pitch_hi = 127});
  CHECK(got.score.parts == 8 && got.report.parts_merged == 292);
  uint8_t lowest[8], highest[8] = {0};
  memset(lowest, 127, sizeof lowest);
  for (size_t i = 0; i < got.score.n_notes; ++i) {
    const PmtNote* const note = &got.score.notes[i];
    lowest[note->part] = note->pitch < lowest[note->part] ? note->pitch : lowest[note->part];
    highest[note->part] = note->pitch > highest[note->part] ? note->pitch : highest[note->part];
  }
  for (int part = 1; part < 8; ++part) {
    CHECK(highest[part] < lowest[part - 1]);
  }
  pmt_score_free(&got.score);
}

/* Ornaments */

static void add_run(PmtSmfBuild* const b, const char* const pitches, const uint32_t each) {
  for (const char* p = pitches; *p; ++p) {
    pmt_build_note(b, 0, 0, 60 + (uint32_t)(*p - 'a'), each);
  }
}

static void test_trill(void) {
  PmtSmfBuild b = {0};
  begin(&b, 48);
  pmt_build_note(&b, 0, 0, 50, 48);
  BUILD_EVENT(&b, 0, 0x90, 45, 80); /* a note held below, in the same part */
  add_run(&b, "cacacaca", 3);       /* 64ths: the grid alone would crush them */
  BUILD_EVENT(&b, 0, 0x80, 45, 0);
  pmt_build_note(&b, 0, 0, 59, 24);
  pmt_build_end(&b, 0);
  PmtSmfBuild copy = {0};
  pmt_build_bytes(&copy, b.bytes, b.size);
  Imported got = import(&b);
  CHECK(got.score.n_notes == 4 && got.report.ornaments == 1);
  check_note(&got, 1, 24, 12, 60);
  CHECK(got.score.notes[1].ornament == PMT_TRILL);
  check_note(&got, 2, 24, 12, 45);
  pmt_score_free(&got.score);

  PmtImportOptions plain = pmt_import_defaults();
  plain.ornaments = false;
  got = import_as(&copy, plain);
  CHECK(got.report.ornaments == 0 && got.score.n_notes > 4);
  for (size_t i = 0; i < got.score.n_notes; ++i) {
    CHECK(got.score.notes[i].ornament == PMT_PLAIN);
  }
  pmt_score_free(&got.score);
}

static void test_turn_and_grace(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  add_run(&b, "cab", 3); /* up, main, down by a semitone? no: b lies above a, this is no turn */
  add_run(&b, "h", 24);
  pmt_build_note(&b, 15, 0, 64, 3); /* at 48: up, main, down, main */
  pmt_build_note(&b, 0, 0, 62, 3);
  pmt_build_note(&b, 0, 0, 61, 3);
  pmt_build_note(&b, 0, 0, 62, 15);
  pmt_build_note(&b, 22, 0, 65, 2); /* at 94: leads into the next by a step */
  pmt_build_note(&b, 0, 0, 64, 24);
  pmt_build_note(&b, 22, 0, 76, 2); /* at 142: leaps */
  pmt_build_note(&b, 0, 0, 64, 24);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  CHECK(got.report.ornaments == 2 && got.score.n_notes == 8);
  check_note(&got, 4, 48, 24, 62);
  CHECK(got.score.notes[4].ornament == PMT_TURN);
  check_note(&got, 5, 96, 24, 64);
  CHECK(got.score.notes[5].ornament == PMT_GRACE);
  check_note(&got, 6, 144, 2, 76);
  CHECK(got.score.notes[6].ornament == PMT_PLAIN && got.score.notes[7].ornament == PMT_PLAIN);
  pmt_score_free(&got.score);
}

static void test_slow_alternation_is_no_trill(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  add_run(&b, "cacacaca", 6);
  add_run(&b, "cac", 3);
  pmt_build_end(&b, 0);
  Imported got = import(&b);
  CHECK(got.report.ornaments == 0 && got.score.n_notes == 11);
  pmt_score_free(&got.score);
}

static void test_expansion(void) {
  PmtOrnamentNote out[PMT_ORNAMENT_NOTES_MAX];
  const uint16_t c_major = 0xab5;
  PmtNote note = {.pitch = 64, .duration = 13, .ornament = PMT_TRILL};
  CHECK(pmt_ornament_expand(&note, c_major, out) == 4);
  CHECK(out[0].onset == 0 && out[0].pitch == 64 && out[1].onset == 3 && out[1].pitch == 65);
  CHECK(out[3].onset == 9 && out[3].duration == 4);
  CHECK(pmt_ornament_expand(&note, 0, out) == 4 && out[1].pitch == 66); /* no scale: a whole tone */
  note.pitch = 127;
  CHECK(pmt_ornament_expand(&note, c_major, out) == 4 && out[1].pitch == 127);
  note.ornament = PMT_TURN;
  note.pitch = 60;
  CHECK(pmt_ornament_expand(&note, c_major, out) == 4);
  CHECK(out[0].pitch == 62 && out[1].pitch == 60 && out[2].pitch == 59 && out[3].pitch == 60);
  CHECK(out[3].onset == 9 && out[3].duration == 4);
  note.pitch = 0;
  CHECK(pmt_ornament_expand(&note, 0, out) == 4 && out[2].pitch == 0);
  note.ornament = PMT_GRACE;
  CHECK(pmt_ornament_expand(&note, c_major, out) == 2 && out[0].onset == -2 && out[0].duration == 2);
  note.ornament = PMT_PLAIN;
  CHECK(pmt_ornament_expand(&note, c_major, out) == 1 && out[0].duration == 13 && out[0].onset == 0);

  for (uint16_t duration = 1; duration <= PMT_DURATION_MAX; ++duration) { /* seamless, and never too many */
    for (note.ornament = PMT_PLAIN; note.ornament <= PMT_GRACE; ++note.ornament) {
      note.duration = duration;
      const uint32_t n = pmt_ornament_expand(&note, c_major, out);
      CHECK(n >= 1 && n <= PMT_ORNAMENT_NOTES_MAX);
      for (uint32_t i = 1; i < n; ++i) {
        CHECK(out[i].onset == out[i - 1].onset + out[i - 1].duration);
      }
      CHECK(out[n - 1].onset + out[n - 1].duration == duration);
    }
  }
}

/* Failures */

static void check_refused(PmtSmfBuild* const b, const PmtImportOptions options, const PmtStatus wanted,
                          const char* const word) {
  PmtSmf smf;
  PmtScore score;
  PmtError error = {{0}};
  CHECK(!pmt_smf_parse(b->bytes, b->size, &smf, &error));
  CHECK(pmt_import(&smf, &options, &score, NULL, &error) == wanted && !score.notes && !score.bars);
  CHECKF(strstr(error.text, word), "\"%s\" not in \"%s\"", word, error.text);
  pmt_smf_free(&smf);
  b->size = 0;
}

static void test_refusals(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  pmt_build_end(&b, 0);
  check_refused(&b, pmt_import_defaults(), PMT_BAD_FILE, "no notes");
  begin(&b, 24);
  pmt_build_note(&b, 0, 9, 100, 1);
  pmt_build_end(&b, 0);
  check_refused(&b, pmt_import_defaults(), PMT_BAD_FILE, "none of its notes");
  begin(&b, 1);
  pmt_build_note(&b, 0x0fffffff, 0, 60, 1);
  pmt_build_end(&b, 0);
  check_refused(&b, pmt_import_defaults(), PMT_TOO_BIG, "quarter notes");
  begin(&b, 24);
  pmt_build_end(&b, 0);
  PmtImportOptions options = pmt_import_defaults();
  options.parts_max = 9;
  check_refused(&b, options, PMT_BAD_ARG, "9 parts");
  pmt_build_free(&b);
}

static void test_files(void) {
  PmtScore score;
  PmtError error = {{0}};
  const PmtImportOptions options = pmt_import_defaults();
  CHECK(pmt_import_file("/nonexistent/a.mid", &options, &score, NULL, &error) == PMT_IO);
  CHECK(strstr(error.text, "a.mid"));
  char path[300];
  pmt_scratch_file(path, sizeof path);
  CHECK(!pmt_file_write(path, "MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\0", 22, NULL));
  CHECK(pmt_import_file(path, &options, &score, NULL, &error) == PMT_BAD_FILE);
  CHECKF(strstr(error.text, path) && strstr(error.text, "no notes"), "%s", error.text);
  unlink(path);
}

static void test_out_of_memory(void) {
  PmtSmfBuild b = {0};
  begin(&b, 24);
  for (uint32_t i = 0; i < 300; ++i) {
    pmt_build_note(&b, 96, i % 9, 60, 24);
  }
  pmt_build_end(&b, 0);
  PmtSmf smf;
  PmtError error = {{0}};
  CHECK(!pmt_smf_parse(b.bytes, b.size, &smf, &error));
  const PmtImportOptions options = pmt_import_defaults();
  size_t n = 0;
  for (;; ++n) {
    PmtScore score;
    pmt_fail_after(n);
    const PmtStatus status = pmt_import(&smf, &options, &score, NULL, &error);
    pmt_fail_never();
    if (!status) {
      pmt_score_free(&score);
      break;
    }
    CHECK(status == PMT_NO_MEM && !score.notes && !score.bars && !score.tempos);
  }
  CHECK(n >= 6);
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

int main(void) {
  test_meter_change_in_mid_bar_ends_the_bar();
  test_pickup_is_aligned_right();
  test_odd_pickup_and_short_bars();
  test_a_full_first_bar_is_no_pickup();
  test_absurd_meters_become_common_time();
  test_slivers_join_the_bar_before();
  test_leading_silence();
  test_written_grid();
  test_played_grid();
  test_durations();
  test_doubles_and_restrikes();
  test_folding_and_drum_keys();
  test_few_voices_keep_the_files_order();
  test_many_voices_are_merged_by_register();
  test_hundreds_of_voices();
  test_trill();
  test_turn_and_grace();
  test_slow_alternation_is_no_trill();
  test_expansion();
  test_refusals();
  test_files();
  test_out_of_memory();
  return 0;
}
