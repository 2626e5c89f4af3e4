/* SPDX-License-Identifier: ISC */
/* The benchmark: nothing that is fed knows what comes later, bad files are named, a run is repeatable and goes on from a
   checkpoint bit for bit, and memory that runs out is survived. */
#include "check.h"
#include "support/fail_alloc.h"

#include "base/file.h"
#include "base/random.h"
#include "train/body.h"
#include "train/frames.h"
#include "train/jsb16.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { VOICES = 4, STEPS = 30 };

static char root[64];

PMT_PRINTF(1, 2) static const char* path_of(const char* format, ...) {
  static char path[4][256];
  static int turn;
  char* p = path[turn++ % 4];
  const int n = snprintf(p, 256, "%s/", root);
  va_list args;
  va_start(args, format);
  vsnprintf(p + n, 256 - (size_t)n, format, args);
  va_end(args);
  return p;
}

static void write_text(const char* path, const char* text) {
  CHECK(pmt_file_write(path, text, strlen(text), NULL) == PMT_OK);
}

/** Four voices that move now and then; silence is rare. */
static void make_piece(uint64_t seed, int steps[STEPS][VOICES]) {
  static const int low[VOICES] = {64, 58, 52, 40};
  for (int t = 0; t < STEPS; ++t) {
    for (int v = 0; v < VOICES; ++v) {
      const uint64_t bits = pmt_random_bits(seed, (uint64_t)t, (uint64_t)v);
      steps[t][v] = t && bits % 3 ? steps[t - 1][v] : bits >> 60 == 0 ? -1 : low[v] + (int)((bits >> 8) % 9);
    }
  }
}

static void write_split(const char* name, uint64_t seed, int n_pieces, int changed_t, int changed_v) {
  char* text = calloc(1, (size_t)n_pieces * STEPS * 20 + 1);
  CHECK(text);
  for (int i = 0; i < n_pieces; ++i) {
    int steps[STEPS][VOICES];
    make_piece(seed + (uint64_t)i, steps);
    if (changed_t >= 0) { steps[changed_t][changed_v] = steps[changed_t][changed_v] == 60 ? 61 : 60; }
    for (int t = 0; t < STEPS; ++t) {
      sprintf(text + strlen(text), "%s%d,%d,%d,%d", t ? " " : "", steps[t][0], steps[t][1], steps[t][2], steps[t][3]);
    }
    strcat(text, "\n");
  }
  write_text(path_of("satb16_%s.txt", name), text);
  free(text);
}

static void write_data(void) {
  write_split("train", 1, 6, -1, 0);
  write_split("valid", 100, 2, -1, 0);
  write_split("test", 200, 2, -1, 0);
}

static PmtJsb* load(uint32_t parts) {
  PmtJsb* jsb;
  PmtError error = {""};
  CHECKF(pmt_jsb_load(root, parts, &jsb, &error) == PMT_OK, "%s", error.text);
  return jsb;
}

static bool open_cells(const PmtBenchData* data, PmtSplit split, size_t number, int transpose, PmtCell** cells,
                       size_t* room, size_t* n) {
  const PmtBenchPiece piece = {.split = split, .number = number, .transpose = transpose};
  return data->open(data->handle, &piece, cells, room, n) == PMT_OK;
}

/* -- cells ---------------------------------------------------------------------------------------------------- */

/** Another note at (t, v) changes no input up to there, and some input after. */
static void check_causal(void) {
  PmtJsb* jsb = load(PMT_JSB_ALL);
  PmtBenchData data = pmt_jsb_data(jsb);
  PmtTrainShape shape = {.body = &pmt_body_lstm};
  PmtCell *before = NULL, *after = NULL;
  size_t room[2] = {0, 0}, n;
  pmt_jsb_shape(jsb, &shape);
  CHECK(data.n_pieces[PMT_SPLIT_VALID] == 2 && data.n_units[PMT_SPLIT_VALID] == 2 * STEPS * VOICES);
  CHECK(open_cells(&data, PMT_SPLIT_VALID, 0, 0, &before, &room[0], &n) && n == STEPS * VOICES);
  for (int at = 0; at < STEPS * VOICES; ++at) {
    write_split("valid", 100, 2, at / VOICES, at % VOICES);
    PmtJsb* changed = load(PMT_JSB_ALL);
    data = pmt_jsb_data(changed);
    CHECK(open_cells(&data, PMT_SPLIT_VALID, 0, 0, &after, &room[1], &n));
    for (int i = 0; i <= at; ++i) {
      PmtCell without = before[i];
      without.target = after[i].target;
      CHECKF(!memcmp(&without, &after[i], sizeof without), "note %d is known to cell %d", at, i);
      CHECK((before[i].target == after[i].target) == (i < at));
    }
    if (at + 1 < STEPS * VOICES) { CHECK(memcmp(before[at + 1].input, after[at + 1].input, sizeof before[0].input)); }
    pmt_jsb_free(changed);
  }
  for (size_t i = 0; i < n; ++i) {
    CHECK(before[i].target < shape.vocab && before[i].counts && before[i].reset == (i == 0));
    for (uint32_t k = 0; k < shape.n_tables; ++k) { CHECK(before[i].input[k] < (int)shape.table[k].rows); }
  }
  write_data();
  free(before), free(after);
  pmt_jsb_free(jsb);
}

/** A transposed piece has its pitches moved and its intervals not; each voice stays in the training set's range. */
static void check_transposed(void) {
  PmtJsb *jsb = load(PMT_JSB_ALL), *wide = load(PMT_JSB_ALL & ~(uint32_t)PMT_JSB_RANGE);
  PmtCell *cells = NULL, *other = NULL;
  size_t room[2] = {0, 0}, n;
  const PmtBenchData data = pmt_jsb_data(jsb);
  const PmtBenchData all = pmt_jsb_data(wide);
  CHECK(open_cells(&all, PMT_SPLIT_TRAIN, 0, 0, &cells, &room[0], &n));
  CHECK(open_cells(&all, PMT_SPLIT_TRAIN, 0, 4, &other, &room[1], &n));
  int silence = -1;
  for (size_t i = 0; i < n; ++i) {
    if (cells[i].target == other[i].target) { silence = cells[i].target; }
    CHECK(cells[i].target == other[i].target || other[i].target == cells[i].target + 4);
  }
  int lowest = 999, reached = 999;
  for (size_t p = 0; p < data.n_pieces[PMT_SPLIT_TRAIN]; ++p) {
    CHECK(open_cells(&data, PMT_SPLIT_TRAIN, p, 0, &cells, &room[0], &n));
    CHECK(open_cells(&data, PMT_SPLIT_TRAIN, p, -6, &other, &room[1], &n));
    for (size_t i = 0; i < n; ++i) {
      if (cells[i].target != silence && cells[i].target < lowest) { lowest = cells[i].target; }
      if (other[i].target != silence && other[i].target < reached) { reached = other[i].target; }
    }
  }
  CHECKF(reached == lowest, "lowest pitch %d, transposed %d", lowest, reached);
  free(cells), free(other);
  pmt_jsb_free(jsb), pmt_jsb_free(wide);
}

/** What is fed while a piece is spelled does not depend on what follows: any beginning of it, down to a part of a frame,
    is fed the same. */
static void check_frames_causal(void) {
  static const char* const notes[] = {"60,64,67", "-", "48,64,67,72", "48,64,67,72", "47,62,67,71", "90", "90,91,95", NULL};
  char text[200] = "", begun[200];
  PmtCell *whole = NULL, *part = NULL;
  size_t room[2] = {0, 0}, n, n_part;
  PmtFrames *all, *some;
  PmtError error = {""};
  PmtTrainShape shape = {.body = &pmt_body_lstm};
  for (size_t i = 0; notes[i]; ++i) { sprintf(text + strlen(text), "%s%s", i ? " " : "", notes[i]); }
  for (const char* const* split = (const char* const[]){"train", "valid", "test", NULL}; *split; ++split) {
    write_text(path_of("bl_x_%s.txt", *split), text);
  }
  CHECKF(pmt_frames_load(root, "x", true, &all, &error) == PMT_OK, "%s", error.text);
  PmtBenchData data = pmt_frames_data(all);
  pmt_frames_shape(all, &shape);
  CHECK(data.n_units[PMT_SPLIT_TRAIN] == 7 && data.n_first[PMT_SPLIT_TRAIN] == 1);
  CHECK(open_cells(&data, PMT_SPLIT_TRAIN, 0, 0, &whole, &room[0], &n) && n == 3 + 0 + 4 + 4 + 4 + 1 + 3 + 7);
  for (size_t cut = 2; cut <= strlen(text); ++cut) {
    if (text[cut] && text[cut] != ' ' && text[cut] != ',') { continue; }
    snprintf(begun, sizeof begun, "%.*s", (int)cut, text);
    write_text(path_of("bl_x_train.txt"), begun);
    CHECKF(pmt_frames_load(root, "x", true, &some, &error) == PMT_OK, "%s", error.text);
    data = pmt_frames_data(some);
    CHECK(open_cells(&data, PMT_SPLIT_TRAIN, 0, 0, &part, &room[1], &n_part) && n_part <= n);
    const bool in_chord = text[cut] == ','; /* the notes cut off are higher: they are spelled before those that stay */
    for (size_t i = 0; !in_chord && i < n_part; ++i) {
      CHECK(part[i].token == whole[i].token && part[i].target == whole[i].target && part[i].anchor[0] == whole[i].anchor[0]);
      CHECK(!memcmp(part[i].input, whole[i].input, sizeof part[i].input) && part[i].first == whole[i].first);
    }
    pmt_frames_free(some);
  }
  /* lower notes of a frame are not known to the higher ones */
  write_text(path_of("bl_x_train.txt"), "60,64,67 - 48,64,67,72 48,64,67,72 47,62,67,71 90 95");
  CHECK(pmt_frames_load(root, "x", true, &some, &error) == PMT_OK);
  data = pmt_frames_data(some);
  CHECK(open_cells(&data, PMT_SPLIT_TRAIN, 0, 0, &part, &room[1], &n_part) && n_part == n - 2);
  const PmtCell *end = &part[n_part - 1], *more = &whole[n - 3]; /* END is due, and the next note */
  CHECK(end->token == more->token && !memcmp(end->input, more->input, sizeof end->input) && end->target != more->target);
  for (size_t i = 0; i < n; ++i) {
    for (uint32_t k = 0; k < shape.n_tables; ++k) { CHECK(whole[i].input[k] < (int)shape.table[k].rows); }
  }
  pmt_frames_free(some), pmt_frames_free(all);
  write_text(path_of("bl_x_train.txt"), "60,64x\n");
  CHECK(pmt_frames_load(root, "x", true, &some, &error) == PMT_BAD_FILE && strstr(error.text, "bl_x_train.txt:1"));
  free(whole), free(part);
}

static void check_bad(const char* text, const char* why) {
  PmtJsb* jsb;
  PmtError error = {""};
  write_text(path_of("satb16_valid.txt"), text);
  CHECK(pmt_jsb_load(root, PMT_JSB_ALL, &jsb, &error) == PMT_BAD_FILE);
  CHECKF(strstr(error.text, why) && strstr(error.text, "satb16_valid.txt"), "%s", error.text);
}

static void check_files(void) {
  PmtJsb* jsb;
  PmtError error = {""};
  check_bad("60,55,50,45 60,55,50\n", ":1: a step is not four");
  check_bad("60,55,50,45\n60,55,50,45x\n", ":2: a step is not four");
  check_bad("60,55,50,200\n", "out of range");
  check_bad("   \n", "empty");
  check_bad("\n", "no piece");
  CHECK(pmt_jsb_load("/nonexistent", PMT_JSB_ALL, &jsb, &error) == PMT_IO);
  write_data();
}

/* -- runs ----------------------------------------------------------------------------------------------------- */

static PmtBenchOptions small_run(const PmtJsb* jsb) {
  PmtBenchOptions o = {.course = {.steps = 40, .evaluations = 3, .rate = 5e-2, .patience = 99},
                       .shape = {.body = &pmt_body_tf, .d = 16, .layers = 1, .heads = 2, .ff = 20, .window = 24, .reach = 24,
                                 .pos = PMT_POS_REL},
                       .batch = 3, .length = 20, .past = 23, .threads = 2, .dropout = 0.1, .decay = 0.01, .average = 0.9,
                       .begin = 0.5, .forget = 0.2, .seed = 3, .test = true, .transpositions = true};
  pmt_jsb_shape(jsb, &o.shape);
  return o;
}

static PmtBenchResult must_run(const PmtBenchData* data, const PmtBenchOptions* o) {
  PmtBenchResult r;
  PmtError error = {""};
  CHECKF(pmt_bench_run(data, o, &r, &error) == PMT_OK, "%s", error.text);
  return r;
}

static void check_runs(void) {
  PmtJsb* jsb = load(PMT_JSB_ALL);
  const PmtBenchData data = pmt_jsb_data(jsb);
  PmtBenchOptions o = small_run(jsb);
  const PmtBenchResult whole = must_run(&data, &o);
  CHECK(whole.finished && whole.steps == 40 && whole.n_tokens == 40 * 60 && whole.figure[PMT_SPLIT_TEST].nats > 0.0);
  const PmtBenchFigure* valid = &whole.figure[PMT_SPLIT_VALID];
  CHECKF(valid->nats > 0.0 && valid->nats < 4.0, "valid %.3f: worse than a uniform guess", valid->nats);
  CHECK(isfinite(valid->in_keys) && valid->in_keys != valid->nats && isfinite(whole.figure[PMT_SPLIT_TEST].in_keys));
  CHECK(isfinite(valid->without_first) && valid->without_first != valid->nats);
  char path[256];
  snprintf(path, sizeof path, "%s", path_of("checkpoint"));
  o.checkpoint = path;
  o.course.pause_after = 15;
  CHECK(!must_run(&data, &o).finished);
  o.course.pause_after = 0;
  o.resume = true;
  PmtBenchResult resumed = must_run(&data, &o);
  CHECK(resumed.finished && !memcmp(resumed.figure + 1, whole.figure + 1, 2 * sizeof *whole.figure));
  resumed = must_run(&data, &o); /* a finished run is measured again */
  CHECK(resumed.finished && resumed.figure[PMT_SPLIT_VALID].nats == valid->nats && resumed.steps == 40);
  PmtError error = {""};
  o.seed = 4;
  CHECK(pmt_bench_run(&data, &o, &resumed, &error) == PMT_BAD_ARG && strstr(error.text, "another run"));
  pmt_jsb_free(jsb);
}

/** With an LSTM: for some small products OpenBLAS 0.3.21 itself allocates, and does not ask whether it got anything. */
static void check_memory(void) {
  for (size_t n = 0;; n += 1 + n / 8) {
    PmtJsb* jsb = NULL;
    PmtBenchResult r;
    PmtError error = {""};
    pmt_fail_after(n);
    PmtStatus st = pmt_jsb_load(root, PMT_JSB_ALL, &jsb, &error);
    if (!st) {
      const PmtBenchData data = pmt_jsb_data(jsb);
      PmtBenchOptions o = small_run(jsb);
      o.course.steps = 1;
      o.shape.body = &pmt_body_lstm;
      o.shape.h = 16, o.shape.window = 0, o.past = 0;
      st = pmt_bench_run(&data, &o, &r, &error);
    }
    pmt_fail_never();
    pmt_jsb_free(jsb);
    if (!st) { break; }
    CHECKF(error.text[0], "allocation %zu: status %d without a line", n, (int)st);
  }
}

int main(void) {
  const char* tmp = getenv("TMPDIR");
  snprintf(root, sizeof root, "%.40s/pmt-bench-XXXXXX", tmp ? tmp : "/tmp");
  CHECK(mkdtemp(root));
  write_data();
  check_causal();
  check_transposed();
  check_files();
  check_frames_causal();
  check_runs();
  check_memory();
  static const char* const names[] = {"satb16_train.txt", "satb16_valid.txt", "satb16_test.txt", "bl_x_train.txt",
                                      "bl_x_valid.txt", "bl_x_test.txt", "checkpoint"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) { unlink(path_of("%s", names[i])); }
  rmdir(root);
  return 0;
}
