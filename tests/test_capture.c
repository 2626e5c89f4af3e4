/* SPDX-License-Identifier: ISC */
/* What was played, as a file: note for note, with bar lines, tempos and programs where they were heard; from tapes
   written by hand and from the engine's own. */
#include "check.h"
#include "gen/capture.h"

#include "gen/context.h"
#include "gen/render.h"
#include "support/engine_script.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { Q = PMT_TAPE_QUARTER, BAR = 4 * Q };

static char folder[400], path[500];
static PmtTape* tape;

/* ---- A tape by hand ---------------------------------------------------------------------------------------------- */

static void add(const PmtTapeKind kind, const uint64_t time, const uint64_t payload) {
  pmt_tape_add(tape, kind, time, payload);
}

static void add_meter(const uint64_t time, const double beats, const uint32_t unit) {
  add(PMT_TAPE_METER, time, (uint64_t)(beats * 64.0) << 8 | unit);
}

static void add_bar(const uint64_t time, const int32_t number) { add(PMT_TAPE_BAR, time, (uint32_t)number); }

static void add_on(const uint64_t time, const uint32_t channel, const uint32_t pitch) {
  add(PMT_TAPE_MIDI, time, (uint64_t)(0x90 | channel) << 16 | pitch << 8 | 90);
}

static void add_off(const uint64_t time, const uint32_t channel, const uint32_t pitch) {
  add(PMT_TAPE_MIDI, time, (uint64_t)(0x80 | channel) << 16 | pitch << 8 | 64);
}

/** A quarter's note. */
static void add_note(const uint64_t time, const uint32_t pitch) {
  add_on(time, 0, pitch);
  add_off(time + Q, 0, pitch);
}

static void begin_tape(const double beats, const uint32_t unit) {
  pmt_tape_free(tape);
  CHECK(!pmt_tape_new(&tape));
  add(PMT_TAPE_START, 0, 0);
  add(PMT_TAPE_TEMPO, 0, 500000);
  add_meter(0, beats, unit);
}

/** Bars of a quarter's note on each beat, its pitch rising from `pitch`. @return where they end */
static uint64_t add_bars(uint64_t time, const int32_t first, const uint32_t n, uint32_t pitch) {
  for (uint32_t bar = 0; bar < n; ++bar) {
    add_bar(time, first + (int32_t)bar);
    for (uint32_t beat = 0; beat < 4; ++beat, time += Q) {
      add_note(time, pitch++);
    }
  }
  return time;
}

/* ---- And read back ----------------------------------------------------------------------------------------------- */

static PmtCaptured captured;

static PmtSmf capture(const PmtTape* const from, const PmtCaptureOptions* const options) {
  PmtSmf smf;
  PmtError error = {""};
  CHECKF(!pmt_capture_write(from, options, path, &captured, &error), "%s", error.text);
  CHECKF(!pmt_smf_read(path, &smf, &error), "%s", error.text);
  CHECKF(!smf.warnings[0], "%s", smf.warnings);
  CHECK(smf.ticks_per_quarter == 480 && captured.notes == smf.n_notes);
  CHECK(!unlink(path));
  return smf;
}

static PmtSmf capture_bars(const uint32_t bars) { return capture(tape, &(PmtCaptureOptions){.bars = bars}); }

static void check_note(const PmtSmf* const smf, const size_t i, const uint64_t start, const uint64_t end,
                       const uint32_t pitch) {
  CHECKF(i < smf->n_notes, "note %zu of %zu", i, smf->n_notes);
  const PmtSmfNote* const n = &smf->notes[i];
  CHECKF(n->start == start && n->end == end && n->pitch == pitch && n->velocity == 90,
         "note %zu: pitch %u, %llu to %llu, velocity %u", i, n->pitch, (unsigned long long)n->start,
         (unsigned long long)n->end, n->velocity);
}

static void check_meters(const PmtSmf* const smf, const PmtSmfMeter* const wanted, const size_t n) {
  for (size_t i = 0; i < smf->n_meters && i < n; ++i) {
    const PmtSmfMeter* const m = &smf->meters[i];
    CHECKF(m->tick == wanted[i].tick && m->beats == wanted[i].beats && m->unit == wanted[i].unit,
           "meter %zu: %u/%u at %llu", i, m->beats, m->unit, (unsigned long long)m->tick);
  }
  CHECKF(smf->n_meters == n, "%zu meters", smf->n_meters);
}
#define CHECK_METERS(smf, ...) \
  check_meters(smf, (const PmtSmfMeter[])__VA_ARGS__, COUNT(((const PmtSmfMeter[])__VA_ARGS__)))

static void check_refused(const PmtCaptureOptions* const options, const char* const where, const PmtStatus wanted,
                          const char* const words) {
  PmtError error = {""};
  const PmtStatus status = pmt_capture_write(tape, options, where, &captured, &error);
  CHECKF(status == wanted && strstr(error.text, words), "%d: %s", status, error.text);
  CHECK(!captured.bars && !captured.notes && !captured.cut && access(where, F_OK));
  CHECK(pmt_capture_write(tape, options, where, &captured, NULL) == wanted);
}

/* ---- Bars -------------------------------------------------------------------------------------------------------- */

static void test_since_start(void) {
  begin_tape(4, 4);
  const uint64_t end = add_bars(0, 7, 2, 50); /* a performance before */
  add(PMT_TAPE_START, end, 0);
  add(PMT_TAPE_TEMPO, end, 400000);
  add_bars(end, -1, 3, 60);
  PmtSmf smf = capture_bars(0);
  CHECK(captured.bars == 3 && captured.notes == 12 && captured.first_bar == -1 && !captured.cut);
  for (uint32_t i = 0; i < 12; ++i) {
    check_note(&smf, i, i * Q, (i + 1) * Q, 60 + i);
  }
  CHECK(smf.n_tempos == 1 && smf.tempos[0].us_per_quarter == 400000 && smf.n_ticks == 3 * BAR);
  CHECK_METERS(&smf, {{0, 4, 4}});
  pmt_smf_free(&smf);

  smf = capture_bars(4); /* the last four, whatever started in between */
  CHECK(captured.bars == 4 && captured.first_bar == 8 && smf.n_notes == 16 && smf.n_tempos == 2);
  CHECK(smf.tempos[0].us_per_quarter == 500000 && smf.tempos[1].us_per_quarter == 400000 && smf.tempos[1].tick == BAR);
  check_note(&smf, 0, 0, Q, 54);
  pmt_smf_free(&smf);
}

static void test_last_bars(void) {
  begin_tape(4, 4);
  uint64_t time = add_bars(0, 0, 2, 40);
  add_bar(time, 2);
  add_on(time, 1, 30);            /* sounds through the next bar line */
  add_note(time + 2 * Q, 50);
  time += BAR;
  add_bar(time, 3);
  add_on(time, 0, 60);
  add_off(time + Q, 1, 30);       /* its beginning is not in the file */
  add_off(time + Q, 0, 60);
  PmtSmf smf = capture_bars(1);
  CHECK(captured.bars == 1 && captured.first_bar == 3 && captured.notes == 1 && !captured.cut);
  check_note(&smf, 0, 0, Q, 60);
  CHECK(smf.n_ticks == Q); /* ends with the eighth that plays */
  pmt_smf_free(&smf);
  smf = capture_bars(2);
  CHECK(captured.bars == 2 && captured.notes == 3);
  check_note(&smf, 0, 0, BAR + Q, 30);
  check_note(&smf, 1, 2 * Q, 3 * Q, 50);
  check_note(&smf, 2, BAR, BAR + Q, 60);
  pmt_smf_free(&smf);
  smf = capture_bars(100); /* as many as there are */
  CHECK(captured.bars == 4 && captured.notes == 11 && !captured.cut);
  pmt_smf_free(&smf);

  time += BAR; /* a bar has just begun: who wants the last two means the two before */
  add_bar(time, 4);
  add_on(time, 0, 70);
  add_on(time + Q / 2 - 1, 0, 71);
  smf = capture_bars(2);
  CHECK(captured.bars == 3 && captured.first_bar == 2 && captured.notes == 5);
  check_note(&smf, 3, 2 * BAR, 2 * BAR + Q / 2, 70); /* what sounds ends with the file */
  check_note(&smf, 4, 2 * BAR + Q / 2 - 1, 2 * BAR + Q / 2, 71);
  CHECK(smf.n_ticks == 2 * BAR + Q / 2);
  pmt_smf_free(&smf);
  add_on(time + Q / 2, 0, 72);
  smf = capture_bars(2);
  CHECK(captured.bars == 2 && captured.first_bar == 3);
  check_note(&smf, 3, BAR + Q / 2, BAR + Q, 72); /* begun at its very end: an eighth more */
  pmt_smf_free(&smf);
}

static void test_nothing(void) {
  const PmtCaptureOptions all = {0}, two = {.bars = 2};
  pmt_tape_free(tape);
  CHECK(!pmt_tape_new(&tape));
  check_refused(&all, path, PMT_BAD_ARG, "nothing was played since the last start");
  check_refused(&two, path, PMT_BAD_ARG, "nothing was played yet");
  begin_tape(4, 4);
  check_refused(&all, path, PMT_BAD_ARG, "nothing was played");
  add_bar(0, 0);
  add_bar(BAR, 1);
  check_refused(&all, path, PMT_BAD_ARG, "no note was played since the last start");
  check_refused(&two, path, PMT_BAD_ARG, "no note was played in these bars");
  add_on(BAR, 0, 60);
  add(PMT_TAPE_START, 2 * BAR, 0);
  check_refused(&all, path, PMT_BAD_ARG, "nothing was played since the last start");
}

/** Ends without a beginning, beginnings without an end, and messages that are no notes. */
static void test_odd_messages(void) {
  begin_tape(4, 4);
  add_bar(0, 0);
  add_off(0, 3, 60);
  add_on(Q, 3, 60);
  add_on(2 * Q, 3, 60); /* struck again: the first ends */
  add(PMT_TAPE_MIDI, 2 * Q, 0xb37b00);
  add(PMT_TAPE_MIDI, 2 * Q, 0x000000);
  add_off(3 * Q, 3, 60);
  add_off(3 * Q, 3, 60);
  add_on(3 * Q, 9, 36);
  PmtSmf smf = capture_bars(0);
  CHECK(smf.n_notes == 3);
  check_note(&smf, 0, Q, 2 * Q, 60);
  check_note(&smf, 1, 2 * Q, 3 * Q, 60);
  check_note(&smf, 2, 3 * Q, 3 * Q + Q / 2, 36);
  pmt_smf_free(&smf);
}

/* ---- Tempo and meter --------------------------------------------------------------------------------------------- */

static void test_tempos(void) {
  begin_tape(4, 4);
  add_bars(0, 0, 1, 60);
  add(PMT_TAPE_TEMPO, 3 * Q + 7, 600000); /* before the bars that are wanted: in force at their beginning */
  add_bar(BAR, 1);
  add_note(BAR, 60);
  add(PMT_TAPE_TEMPO, BAR + Q, 700000);
  add(PMT_TAPE_TEMPO, BAR + Q, 800000); /* the last word at a time counts */
  add(PMT_TAPE_TEMPO, BAR + 2 * Q, 800000);
  add(PMT_TAPE_TEMPO, BAR + 3 * Q, (uint64_t)1 << 27); /* more than a file can say */
  add(PMT_TAPE_MIDI, BAR + 3 * Q, 0);
  PmtSmf smf = capture_bars(1);
  CHECK(smf.n_tempos == 3 && smf.tempos[0].us_per_quarter == 600000 && smf.tempos[1].us_per_quarter == 800000);
  CHECK(smf.tempos[1].tick == Q && smf.tempos[2].tick == 3 * Q && smf.tempos[2].us_per_quarter == 0xffffff);
  pmt_smf_free(&smf);
}

static void test_meters(void) {
  static const struct { double beats; uint32_t unit, ticks; PmtSmfMeter wanted; } meters[] = {
    {3, 4, 1440, {0, 3, 4}},   {6, 8, 1440, {0, 6, 8}},     {7, 8, 1680, {0, 7, 8}},   {5, 4, 2400, {0, 5, 4}},
    {3.5, 4, 1680, {0, 7, 8}}, {2.25, 4, 1080, {0, 9, 16}}, {5, 16, 600, {0, 5, 16}},  {2, 1, 3840, {0, 2, 1}},
    {1.5, 2, 1440, {0, 3, 4}}, {9, 6, 2880, {0, 6, 4}},     {0.25, 4, 120, {0, 1, 16}}};
  for (size_t m = 0; m < COUNT(meters); ++m) {
    begin_tape(meters[m].beats, meters[m].unit);
    for (uint32_t bar = 0; bar < 5; ++bar) {
      add_bar((uint64_t)bar * meters[m].ticks, (int32_t)bar);
      add_on((uint64_t)bar * meters[m].ticks, 0, 60 + bar);
    }
    PmtSmf smf = capture_bars(0);
    CHECK(captured.bars == 5);
    check_meters(&smf, &meters[m].wanted, 1);
    for (uint32_t bar = 0; bar < 5; ++bar) {
      CHECK(smf.notes[bar].start == (uint64_t)bar * meters[m].ticks);
    }
    pmt_smf_free(&smf);
  }
  begin_tape(4, 4); /* changes, told before the bar line, upon it and a cycle later */
  add_bars(0, 0, 1, 60);
  add_meter(BAR, 3, 4);
  add_bar(BAR, 1);
  add_on(BAR, 0, 60);
  add_bar(BAR + 3 * Q, 2);
  add_on(BAR + 3 * Q, 0, 61);
  add_meter(BAR + 3 * Q + 300, 7, 8);
  add_bar(BAR + 3 * Q + 1680, 3);
  add_on(BAR + 3 * Q + 1680, 0, 62);
  add_meter(BAR + 3 * Q + 2 * 1680 - 20, 4, 4);
  add_bars(BAR + 3 * Q + 2 * 1680, 4, 2, 63);
  PmtSmf smf = capture_bars(0);
  CHECK(captured.bars == 6);
  CHECK_METERS(&smf, {{0, 4, 4}, {BAR, 3, 4}, {BAR + 3 * Q, 7, 8}, {BAR + 3 * Q + 2 * 1680, 4, 4}});
  pmt_smf_free(&smf);
  begin_tape(4, 4); /* of the bar that plays, only the word tells */
  add_bars(0, 0, 1, 60);
  add_bar(BAR, 1);
  add_meter(BAR + 300, 3, 4);
  add_note(BAR + 300, 60);
  smf = capture_bars(0);
  CHECK_METERS(&smf, {{0, 4, 4}, {BAR, 3, 4}});
  pmt_smf_free(&smf);
}

/* ---- Starts, stops, jumps ---------------------------------------------------------------------------------------- */

static void test_pickup(void) {
  begin_tape(4, 4);
  add_bar(100, 8); /* rolled from a little before the last beat */
  add_note(100, 59);
  add_bars(100 + Q, 9, 2, 60);
  PmtSmf smf = capture_bars(0);
  CHECK(captured.bars == 3 && captured.first_bar == 8);
  CHECK_METERS(&smf, {{0, 1, 4}, {Q, 4, 4}});
  check_note(&smf, 0, 0, Q, 59);
  check_note(&smf, 1, Q, 2 * Q, 60);
  pmt_smf_free(&smf);
}

/** A loop of three beats in 4/4, as it was heard: in 3/4. The pass that plays is not known to be short. */
static void test_short_loop(void) {
  begin_tape(4, 4);
  for (uint32_t pass = 0; pass < 4; ++pass) {
    const uint64_t time = 3 * Q * pass;
    if (pass) {
      add(PMT_TAPE_JUMP, time, 0);
    }
    add_bar(time, 20);
    add_note(time, 60);
    add_note(time + 2 * Q, 62);
  }
  PmtSmf smf = capture_bars(0);
  CHECK(captured.bars == 4 && captured.first_bar == 20);
  CHECK_METERS(&smf, {{0, 3, 4}, {9 * Q, 4, 4}});
  check_note(&smf, 7, 11 * Q, 12 * Q, 62);
  pmt_smf_free(&smf);
  smf = capture_bars(2);
  CHECK(captured.bars == 2 && smf.n_notes == 4);
  CHECK_METERS(&smf, {{0, 3, 4}, {3 * Q, 4, 4}});
  pmt_smf_free(&smf);
}

/** Hosts with latency tell a loop after its first slot: an eighth of the bar that would have come, seven of the
    loop's. */
static void test_late_loop(void) {
  begin_tape(4, 4);
  uint64_t time = add_bars(0, 4, 2, 60);
  for (uint32_t pass = 0; pass < 3; ++pass) {
    add_bar(time, 6); /* not yet told */
    add_on(time, 0, 80 + pass);
    add(PMT_TAPE_JUMP, time + 2, 0);
    add_bar(time + Q / 2, 4);
    add_off(time + Q, 0, 80 + pass);
    if (pass < 2) {
      time = add_bars(time + BAR, 5, 1, 90);
    }
  }
  PmtSmf smf = capture_bars(0);
  CHECKF(captured.bars == 7 && captured.first_bar == 4, "%u bars", captured.bars);
  CHECK_METERS(&smf, {{0, 4, 4}});
  pmt_smf_free(&smf);
  smf = capture_bars(2); /* the bar that plays is one, though it lies there in two pieces */
  CHECK(captured.bars == 2 && captured.first_bar == 5 && smf.n_notes == 5);
  check_note(&smf, 4, BAR, BAR + Q, 82);
  pmt_smf_free(&smf);
}

/** Stopped in the middle of a bar and resumed there: one bar. Started elsewhere: two. */
static void test_stops(void) {
  for (uint32_t resumed = 0; resumed < 2; ++resumed) {
    begin_tape(4, 4);
    add_bar(0, 0);
    add_on(0, 0, 60);
    add_off(2 * Q + 40, 0, 60); /* the stop */
    add(PMT_TAPE_START, 2 * Q + 40, 0);
    const uint64_t time = 2 * Q + (resumed ? Q / 2 : 40);
    add_bar(time, resumed ? 0 : 3);
    add_note(time, 61);
    add_bars(resumed ? BAR : time + BAR, 4, 1, 62);
    PmtSmf smf = capture_bars(9);
    if (resumed) {
      CHECKF(captured.bars == 2, "%u bars", captured.bars);
      CHECK_METERS(&smf, {{0, 4, 4}});
      check_note(&smf, 1, 2 * Q + Q / 2, 3 * Q + Q / 2, 61);
    } else { /* 1000 is no length that a meter can say: 1020 is, 34 64ths */
      CHECK(captured.bars == 3);
      CHECK_METERS(&smf, {{0, 17, 32}, {1020, 4, 4}});
      check_note(&smf, 0, 0, 1000, 60);
      check_note(&smf, 1, 1020, 1020 + Q, 61);
      check_note(&smf, 2, 1020 + BAR, 1020 + BAR + Q, 62);
    }
    pmt_smf_free(&smf);
    smf = capture_bars(0);
    CHECK(captured.bars == 2 && captured.first_bar == (resumed ? 0 : 3));
    check_note(&smf, 0, 0, Q, 61);
    pmt_smf_free(&smf);
  }
}

/** Two pieces that a start lies between are one bar only if they make it whole. */
static void test_restart(void) {
  begin_tape(4, 4);
  add_bar(0, 0);
  add_note(0, 60);
  add(PMT_TAPE_START, Q, 0);
  add_bar(Q, 7); /* from the last beat of a bar on */
  add_note(Q, 61);
  add_bars(2 * Q, 8, 1, 62);
  PmtSmf smf = capture_bars(9);
  CHECK(captured.bars == 3);
  CHECK_METERS(&smf, {{0, 1, 4}, {2 * Q, 4, 4}});
  pmt_smf_free(&smf);
}

/* ---- Programs and names ------------------------------------------------------------------------------------------ */

static bool file_has(const char* const words) {
  static char bytes[4096];
  FILE* const file = fopen(path, "rb");
  CHECK(file);
  const size_t n = fread(bytes, 1, sizeof bytes, file);
  CHECK(!fclose(file) && n < sizeof bytes);
  const size_t length = strlen(words);
  for (size_t i = 0; i + length <= n; ++i) {
    if (!memcmp(bytes + i, words, length)) {
      return true;
    }
  }
  return false;
}

static void test_programs(void) {
  const PmtMetaOut meta[] = {{"programs", "1,2,3,4;11,12,13,14"}, {"part_names", "Flute,Oboe,Horn,Bassoon"}};
  PmtModel* const model = pmt_script_model(&(PmtTinyOptions){.meta = meta, .n_meta = COUNT(meta)});
  begin_tape(4, 4);
  add_bar(0, 0);
  add(PMT_TAPE_SLOT, 0, pmt_tape_slot((PmtTapeSlot){.style = 1}));
  for (uint32_t channel = 8; channel < 14; ++channel) { /* parts from channel 9 on step over the drums' */
    add_on(0, channel, 60);
  }
  add(PMT_TAPE_SLOT, 2 * Q, pmt_tape_slot((PmtTapeSlot){.style = 0, .index = 4}));
  add_on(2 * Q, 8, 61);
  add(PMT_TAPE_SLOT, 3 * Q, pmt_tape_slot((PmtTapeSlot){.style = 7, .index = 6})); /* another model's */
  add_on(3 * Q, 8, 62);
  PmtCaptureOptions options = {.model = model, .channel = 9, .style = 1, .title = "A title"};
  PmtSmf smf = capture(tape, &options);
  static const uint8_t wanted[] = {11, 0, 12, 13, 14, 0}; /* drums, and a channel of no part, are left alone */
  for (uint32_t i = 0; i < 6; ++i) {
    CHECK(smf.notes[i].channel == 8 + i && smf.notes[i].program == wanted[i]);
  }
  CHECK(smf.notes[6].program == 1 && smf.notes[7].program == 1 && smf.n_tracks == 7);
  pmt_smf_free(&smf);
  CHECK(!pmt_capture_write(tape, &options, path, &captured, NULL));
  CHECK(file_has("A title") && file_has("Flute") && file_has("Bassoon") && file_has("Drums"));
  options.model = NULL;
  CHECK(!pmt_capture_write(tape, &options, path, &captured, NULL));
  CHECK(!file_has("Flute") && !file_has("Drums") && !unlink(path));

  begin_tape(4, 4); /* the tape does not say which style leads */
  add_bars(0, 0, 1, 60);
  smf = capture(tape, &(PmtCaptureOptions){.model = model, .style = 1});
  CHECK(smf.notes[0].program == 11);
  pmt_smf_free(&smf);
  smf = capture(tape, &(PmtCaptureOptions){.model = model, .style = 2}); /* there is none such */
  CHECK(smf.notes[0].program == 0);
  pmt_smf_free(&smf);
  pmt_model_free(model);
}

/* ---- The ring, and failures -------------------------------------------------------------------------------------- */

/** So much was played that the beginning is lost. Tempo and meter are not. */
static void test_overwritten(void) {
  pmt_tape_free(tape);
  CHECK(!pmt_tape_new(&tape));
  add(PMT_TAPE_START, 0, 0);
  add(PMT_TAPE_TEMPO, 0, 437956);
  add_meter(0, 3, 4);
  const uint32_t bars = PMT_TAPE_RECORDS / 7 + 5000;
  for (uint32_t bar = 0; bar < bars; ++bar) {
    const uint64_t time = (uint64_t)bar * 3 * Q;
    add_bar(time, (int32_t)bar);
    for (uint32_t beat = 0; beat < 3; ++beat) {
      add_note(time + beat * Q, 60 + bar % 60);
    }
  }
  PmtSmf smf = capture_bars(0);
  CHECK(captured.cut && captured.first_bar == (int64_t)(bars - captured.bars) && captured.bars > bars / 2);
  CHECK(captured.notes == 3 * captured.bars && smf.n_ticks == (uint64_t)captured.bars * 3 * Q);
  CHECK(smf.n_tempos == 1 && smf.tempos[0].us_per_quarter == 437956);
  CHECK_METERS(&smf, {{0, 3, 4}});
  for (uint32_t i = 0; i < 50; ++i) {
    check_note(&smf, i, i * Q, (i + 1) * Q, 60 + (uint32_t)(captured.first_bar + i / 3) % 60);
  }
  pmt_smf_free(&smf);
  smf = capture_bars(bars);
  CHECK(captured.cut && captured.bars < bars);
  pmt_smf_free(&smf);
  smf = capture_bars(64);
  CHECK(!captured.cut && captured.bars == 64 && captured.first_bar == (int64_t)bars - 64 && captured.notes == 192);
  CHECK(smf.tempos[0].us_per_quarter == 437956);
  pmt_smf_free(&smf);
}

static uint32_t count_files(void) {
  uint32_t n = 0;
  DIR* const dir = opendir(folder);
  CHECK(dir);
  while (readdir(dir)) {
    ++n;
  }
  CHECK(!closedir(dir));
  return n - 2;
}

static void test_failures(void) {
  char nowhere[600];
  const PmtCaptureOptions options = {0};
  begin_tape(4, 4);
  add_bars(0, 0, 2, 60);
  snprintf(nowhere, sizeof nowhere, "%s/none/x.mid", folder);
  check_refused(&options, nowhere, PMT_IO, "none/x.mid");
  CHECK(!chmod(folder, 0500));
  if (access(folder, W_OK)) { /* not for root */
    check_refused(&options, path, PMT_IO, path);
  }
  CHECK(!chmod(folder, 0700));
  CHECK(count_files() == 0);
  PmtModel* const model = pmt_script_model(NULL);
  PmtStatus status = PMT_NO_MEM;
  size_t n = 0;
  for (; status; ++n) {
    PmtError error = {""};
    pmt_fail_after(n);
    status = pmt_capture_write(tape, &(PmtCaptureOptions){.model = model}, path, &captured, &error);
    pmt_fail_never();
    CHECKF(status ? status == PMT_NO_MEM && error.text[0] && !count_files() && !captured.notes
                  : count_files() == 1 && captured.notes == 8, "allocation %zu: %s", n, error.text);
  }
  CHECK(n > 6 && !unlink(path));
  pmt_model_free(model);
}

/* ---- What the engine plays --------------------------------------------------------------------------------------- */

enum { FRAMES = 48000 / 2 / Q, LEAD = 24000, BAR_FRAMES = 96000 }; /* at 120 */

/** Play the script to `end`. Ends all notes. @return what was played */
static PmtMidiList play(PmtEngine* const engine, const uint64_t end) {
  PmtScriptSink sink = {0};
  pmt_script_run(engine, pmt_script.event, pmt_script.n, end, 480, &sink);
  pmt_script_check_ends(engine, &sink);
  CHECK(sink.list.n_events > 200);
  return sink.list;
}

/** The file's notes are those that left the engine since `from`, at 120 quarters a minute. */
static void check_list(const PmtSmf* const smf, const PmtMidiList* const list, const uint64_t from) {
  PmtSmf other;
  PmtError error = {""};
  PmtMidiList part = {0};
  for (size_t i = 0; i < list->n_events; ++i) {
    if (list->events[i].frame >= from) {
      CHECK(!pmt_midi_list_add(&part, list->events[i].frame - from, list->events[i].bytes, 3));
    }
  }
  const PmtSmfTempo tempo = {0, 500000};
  const PmtSmfMeter meter = {0, 4, 4};
  const PmtMidiListOut out = {.sample_rate = 48000.0, .ticks_per_quarter = 480, .tempos = &tempo, .n_tempos = 1,
                              .meters = &meter, .n_meters = 1};
  CHECKF(!pmt_midi_list_write(&part, &out, path, &error) && !pmt_smf_read(path, &other, &error), "%s", error.text);
  CHECKF(other.n_notes == smf->n_notes, "%zu notes were played, %zu captured", other.n_notes, smf->n_notes);
  for (size_t i = 0; i < smf->n_notes; ++i) {
    const PmtSmfNote *a = &smf->notes[i], *b = &other.notes[i];
    CHECKF(a->start == b->start && a->end == b->end && a->channel == b->channel && a->pitch == b->pitch &&
             a->velocity == b->velocity, "note %zu: %llu to %llu, %llu to %llu were played", i,
           (unsigned long long)a->start, (unsigned long long)a->end, (unsigned long long)b->start,
           (unsigned long long)b->end);
  }
  CHECK(!unlink(path));
  pmt_smf_free(&other);
  pmt_midi_list_free(&part);
}

static void test_engine(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
  pmt_script_begin(pmt_controls_default(), 0);
  PmtMidiList list = play(engine, LEAD + 10 * BAR_FRAMES + 12345);
  PmtSmf smf = capture(pmt_engine_tape(engine), &(PmtCaptureOptions){0});
  CHECKF(captured.bars == 11 && captured.first_bar == 0, "%u bars", captured.bars);
  CHECK(smf.n_tempos == 1 && smf.tempos[0].us_per_quarter == 500000);
  CHECK_METERS(&smf, {{0, 4, 4}});
  check_list(&smf, &list, LEAD);
  pmt_smf_free(&smf);
  smf = capture(pmt_engine_tape(engine), &(PmtCaptureOptions){.bars = 3});
  CHECK(captured.bars == 3 && captured.first_bar == 8 && smf.notes[0].start == 0);
  printf("%u notes in three bars\n", captured.notes);
  CHECK(captured.notes > 30);
  pmt_smf_free(&smf);
  pmt_midi_list_free(&list);
  pmt_engine_free(engine);
}

/** Passes of a loop of two bars, told at once or late, are bars one after the other. */
static void test_engine_loop(void) {
  for (uint64_t late = 0; late <= 80; late += 80) {
    PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
    pmt_script_begin(pmt_controls_default(), 0);
    for (uint64_t pass = 1; pass < 4; ++pass) {
      pmt_script_say(LEAD + pass * 2 * BAR_FRAMES + late, (int64_t)late, 1.0f);
    }
    PmtMidiList list = play(engine, LEAD + 8 * BAR_FRAMES);
    PmtSmf smf = capture(pmt_engine_tape(engine), &(PmtCaptureOptions){0});
    CHECKF(captured.bars == 8 && captured.first_bar == 0, "%u bars", captured.bars);
    CHECK_METERS(&smf, {{0, 4, 4}});
    CHECK(smf.n_notes == pmt_script_count_on(&list, LEAD, UINT64_MAX));
    if (!late) { /* the ends that a late word brings lie between two of the file's ticks */
      check_list(&smf, &list, LEAD);
    }
    pmt_smf_free(&smf);
    pmt_midi_list_free(&list);
    pmt_engine_free(engine);
  }
}

/** Tempo and meter as the host changes them. */
static void test_engine_changes(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
  pmt_script_begin(pmt_controls_default(), 0);
  PmtPosition p = pmt_script_position(2 * BAR_FRAMES, 1.0f);
  p.bpm = 60.0f; /* from bar 2 on twice as slow */
  pmt_script_add(pmt_script_at(LEAD + 2 * BAR_FRAMES, p));
  p.frame += 2 * BAR_FRAMES;
  p.bar = 3;
  p.beats_per_bar = 3.0f; /* from bar 3 on in three */
  pmt_script_add(pmt_script_at(LEAD + 4 * BAR_FRAMES, p));
  PmtMidiList list = play(engine, LEAD + 7 * BAR_FRAMES);
  PmtSmf smf = capture(pmt_engine_tape(engine), &(PmtCaptureOptions){0});
  CHECKF(captured.bars == 5, "%u bars", captured.bars);
  CHECK(smf.n_tempos == 2 && smf.tempos[1].tick == 2 * BAR && smf.tempos[1].us_per_quarter == 1000000);
  CHECK_METERS(&smf, {{0, 4, 4}, {3 * BAR, 3, 4}});
  size_t n = 0;
  for (size_t i = 0; i < list.n_events; ++i) {
    const PmtTimedMidi* const e = &list.events[i];
    if ((e->bytes[0] & 0xf0) == 0x90) {
      const uint64_t frame = e->frame - LEAD, slow = frame > 2 * BAR_FRAMES ? frame - 2 * BAR_FRAMES : 0;
      CHECKF(smf.notes[n].start == (frame - slow) / FRAMES + slow / (2 * FRAMES), "note %zu", n);
      ++n;
    }
  }
  CHECK(n == smf.n_notes);
  pmt_smf_free(&smf);
  pmt_midi_list_free(&list);
  pmt_engine_free(engine);
}

/* ---- While it plays ---------------------------------------------------------------------------------------------- */

typedef struct {
  PmtEngine* engine;
  _Atomic bool done;
} Playing;

static void* play_on(void* const handle) {
  Playing* const playing = handle;
  pmt_script_begin(pmt_controls_default(), 0);
  PmtMidiList list = play(playing->engine, LEAD + 40 * BAR_FRAMES);
  pmt_midi_list_free(&list);
  atomic_store(&playing->done, true);
  return NULL;
}

/** Captures and contexts are whole while the audio thread plays on. */
static void test_meanwhile(void) {
  Playing playing = {.engine = pmt_script_engine(&pmt_script_restless)};
  const PmtTape* const its = pmt_engine_tape(playing.engine);
  pthread_t thread;
  uint32_t bars = 0, n = 0;
  CHECK(!pthread_create(&thread, NULL, play_on, &playing));
  for (bool done = false; !done;) {
    PmtContext context;
    done = atomic_load(&playing.done);
    if (pmt_tape_head(its) < 200) { /* nothing yet */
      continue;
    }
    PmtSmf smf = capture(its, &(PmtCaptureOptions){.bars = 4});
    CHECK(captured.bars <= 5 && smf.n_ticks <= 5 * BAR);
    CHECK_METERS(&smf, {{0, 4, 4}});
    pmt_smf_free(&smf);
    smf = capture(its, &(PmtCaptureOptions){0});
    CHECK(captured.bars >= bars && captured.first_bar == 0);
    bars = captured.bars;
    pmt_smf_free(&smf);
    CHECK(!pmt_context_read(its, &context, NULL));
    pmt_context_free(&context);
    ++n;
  }
  CHECK(!pthread_join(thread, NULL));
  printf("%u captures and contexts while it played\n", n);
  CHECK(bars == 40);
  pmt_engine_free(playing.engine);
}

int main(void) {
  pmt_scratch_make(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/capture.mid", folder);
  test_since_start();
  test_last_bars();
  test_nothing();
  test_odd_messages();
  test_tempos();
  test_meters();
  test_pickup();
  test_short_loop();
  test_late_loop();
  test_stops();
  test_restart();
  test_programs();
  test_overwritten();
  test_failures();
  test_engine();
  test_engine_loop();
  test_engine_changes();
  test_meanwhile();
  pmt_tape_free(tape);
  CHECK(!rmdir(folder));
  return 0;
}
