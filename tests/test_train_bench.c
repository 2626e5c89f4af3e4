/* SPDX-License-Identifier: ISC */
/* The benchmark: nothing that is fed knows what comes later, bad files are named, a run is repeatable and goes on from a
   checkpoint bit for bit, and memory that runs out is survived. */
#include "check.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"

#include "base/file.h"
#include "base/random.h"
#include "nn/net.h"
#include "train/body.h"
#include "train/frames.h"
#include "train/jsb16.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { VOICES = 4, STEPS = 30 };

enum { SEED_TRAIN = 1, SEED_VALID = 100, SEED_TEST = 200, SEED_TUNE = SEED_TRAIN + 2, SHARED = 24, MOVED = 2 };

/** Four voices that move now and then; silence is rare. The first valid piece begins as the third training piece does,
    higher. */
static void make_piece(uint64_t seed, int steps[STEPS][VOICES]) {
  static const int low[VOICES] = {64, 58, 52, 40};
  const bool shares = seed == SEED_VALID;
  for (int t = 0; t < STEPS; ++t) {
    for (int v = 0; v < VOICES; ++v) {
      const uint64_t bits = pmt_random_bits(shares && t < SHARED ? SEED_TUNE : seed, (uint64_t)t, (uint64_t)v);
      const int by = shares && t < SHARED ? MOVED : 0;
      const bool silent = v && bits >> 60 == 0;
      steps[t][v] = t && bits % 3 ? steps[t - 1][v] : silent ? -1 : low[v] + by + (int)((bits >> 8) % 9);
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
  pmt_scratch_write(pmt_scratch_path("satb16_%s.txt", name), text);
  free(text);
}

static void write_data(void) {
  write_split("train", SEED_TRAIN, 6, -1, 0);
  write_split("valid", SEED_VALID, 2, -1, 0);
  write_split("test", SEED_TEST, 2, -1, 0);
}

static PmtJsb* load(uint32_t parts) {
  PmtJsb* jsb;
  PmtError error = {""};
  CHECKF(pmt_jsb_load(pmt_scratch_folder(), parts, &jsb, &error) == PMT_OK, "%s", error.text);
  return jsb;
}

static bool open_cells(const PmtBenchData* data, PmtSplit split, size_t number, int transpose, PmtCell** cells,
                       size_t* room, size_t* n) {
  const PmtBenchPiece piece = {.split = split, .number = number, .transpose = transpose};
  return data->open(data->handle, &piece, cells, room, n) == PMT_OK;
}

/* -- cells ---------------------------------------------------------------------------------------------------- */

static bool open_order(const PmtBenchData* data, uint32_t order, PmtCell** cells, size_t* room, size_t* n) {
  const PmtBenchPiece piece = {.split = PMT_SPLIT_VALID, .order = order};
  return data->open(data->handle, &piece, cells, room, n) == PMT_OK;
}

static void check_same_input(const PmtCell* a, const PmtCell* b, size_t changed, size_t i) {
  PmtCell without = *a;
  without.target = b->target;
  CHECKF(!memcmp(&without, b, sizeof without), "note %zu is known to cell %zu", changed, i);
}

/** Another note at (t, v) changes no input up to there, and some input after. */
static void check_causal(uint32_t order) {
  PmtJsb* jsb = load(PMT_JSB_ALL);
  PmtBenchData data = pmt_jsb_data(jsb);
  PmtTrainShape shape = {.body = &pmt_body_lstm};
  PmtCell *before = NULL, *after = NULL;
  size_t room[2] = {0, 0}, n;
  pmt_jsb_shape(jsb, &shape);
  CHECK(data.n_pieces[PMT_SPLIT_VALID] == 2 && data.n_units[PMT_SPLIT_VALID] == 2 * STEPS * VOICES);
  CHECK(open_order(&data, order, &before, &room[0], &n) && n == STEPS * VOICES);
  for (int at = 0; at < STEPS * VOICES; ++at) {
    write_split("valid", SEED_VALID, 2, at / VOICES, at % VOICES);
    PmtJsb* changed = load(PMT_JSB_ALL);
    data = pmt_jsb_data(changed);
    CHECK(open_order(&data, order, &after, &room[1], &n));
    size_t first = 0;
    while (first < n && before[first].target == after[first].target) { ++first; }
    CHECK(order ? first / VOICES == (size_t)at / VOICES : first == (size_t)at);
    for (size_t i = 0; i <= first; ++i) { check_same_input(&before[i], &after[i], first, i); }
    for (size_t i = first + 1; i < n; ++i) { CHECK(before[i].target == after[i].target); }
    bool heard = false;
    for (size_t i = first + 1; i < n; ++i) {
      heard |= memcmp(before[i].hints.row, after[i].hints.row, sizeof before[i].hints.row) != 0;
    }
    CHECKF(heard || first + VOICES >= n, "note %zu is never heard of", first);
    pmt_jsb_free(changed);
  }
  for (size_t i = 0; i < n; ++i) {
    CHECK(before[i].target < shape.vocab && before[i].counts && before[i].reset == (i == 0));
    for (uint32_t k = 0; k < shape.hints.n_tables; ++k) { CHECK(before[i].hints.row[k] < (int)shape.hints.table[k].rows); }
  }
  write_data();
  free(before), free(after);
  pmt_jsb_free(jsb);
}

/** Where a piece ends is not known before. */
static void check_end_unknown(void) {
  PmtJsb* jsb = load(PMT_JSB_ALL);
  PmtBenchData data = pmt_jsb_data(jsb);
  PmtCell *whole = NULL, *part = NULL;
  size_t room[2] = {0, 0}, n, n_part;
  CHECK(open_order(&data, 0, &whole, &room[0], &n));
  for (int length = 1; length < STEPS; ++length) {
    char text[STEPS * 20] = "";
    int steps[STEPS][VOICES];
    make_piece(SEED_VALID, steps);
    for (int t = 0; t < length; ++t) {
      sprintf(text + strlen(text), "%d,%d,%d,%d ", steps[t][0], steps[t][1], steps[t][2], steps[t][3]);
    }
    pmt_scratch_write(pmt_scratch_path("satb16_valid.txt"), text);
    PmtJsb* begun = load(PMT_JSB_ALL);
    data = pmt_jsb_data(begun);
    CHECK(open_order(&data, 0, &part, &room[1], &n_part) && n_part == (size_t)length * VOICES);
    for (size_t i = 0; i < n_part; ++i) { check_same_input(&whole[i], &part[i], n_part, i); }
    pmt_jsb_free(begun);
  }
  write_data();
  free(whole), free(part);
  pmt_jsb_free(jsb);
}

static uint32_t table_of(const PmtTrainShape* shape, const char* name) {
  uint32_t i = 0;
  while (i < shape->hints.n_tables && strcmp(shape->hints.table[i].name, name)) { ++i; }
  CHECKF(i < shape->hints.n_tables, "no table %s", name);
  return i;
}

static uint32_t leap_of(const PmtTrainShape* shape, const char* name) {
  uint32_t i = 0;
  while (i < shape->hints.n_leaps && strcmp(shape->hints.leap[i].name, name)) { ++i; }
  CHECKF(i < shape->hints.n_leaps, "no leap %s", name);
  return i;
}

/** A piece that shares its beginning with a training piece is told, in its own key, what followed there; the training
    piece itself is not, nor is anything told of valid pieces. */
static void check_recall(void) {
  PmtJsb* jsb = load(PMT_JSB_ALL & ~(uint32_t)PMT_JSB_RANGE);
  const PmtBenchData data = pmt_jsb_data(jsb);
  PmtTrainShape shape = {.body = &pmt_body_lstm};
  PmtCell* cells = NULL;
  size_t room = 0, n, told = 0;
  pmt_jsb_shape(jsb, &shape);
  const uint32_t melody = table_of(&shape, "recall.s"), chords = table_of(&shape, "recall.satb");
  for (int transpose = 0; transpose <= 3; transpose += 3) {
    CHECK(open_cells(&data, PMT_SPLIT_VALID, 0, transpose, &cells, &room, &n));
    for (size_t i = 12 * VOICES + 1; i < SHARED * VOICES; ++i) { /* the soprano has sung for twelve steps */
      const int note = cells[i].target < 58 ? cells[i].target : -1;
      for (uint32_t k = 0; k < 2; ++k) {
        if (cells[i].hints.row[k ? chords : melody] < 0) { continue; }
        const int16_t* anchor = &cells[i].hints.anchor[leap_of(&shape, k ? "leap11" : "leap10")];
        CHECKF(*anchor == note, "cell %zu: %d is sung, recalled is %d", i, note, *anchor);
        ++told;
      }
    }
  }
  CHECKF(told > 2 * (SHARED - 13) * VOICES, "%zu cells were told", told);
  for (size_t piece = 0; piece < 6; ++piece) {
    CHECK(open_cells(&data, PMT_SPLIT_TRAIN, piece, 0, &cells, &room, &n));
    for (size_t i = 0; i < n; ++i) { CHECK(cells[i].hints.row[melody] < 0); }
  }
  free(cells);
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

enum { FRAMES = 12, NOTES = 5 };

/** From high to low, 0 ends a frame. Frames 4 to 6 repeat frames 0 to 2. */
static const int frames_tune[FRAMES][NOTES] = {{67, 64, 60}, {0}, {72, 67, 64, 48}, {72, 67, 64, 48}, {67, 64, 60}, {0},
                                               {72, 67, 64, 48}, {71, 67, 62, 47}, {90}, {95, 91, 90}, {67, 64, 60}, {0}};

/** The tune as far as frame n_frames - 1, of frame `cut` only the highest `left` notes. */
static void write_frames(int n_frames, int cut, int left) {
  char text[400] = "";
  for (int t = 0; t < n_frames; ++t) {
    int n = 0;
    for (; frames_tune[t][n] && (t != cut || n < left); ++n) {
      sprintf(text + strlen(text), "%s%d", n ? "," : " ", frames_tune[t][n]);
    }
    if (!n) { strcat(text, " -"); }
  }
  pmt_scratch_write(pmt_scratch_path("bl_x_train.txt"), text);
}

static PmtFrames* load_frames(PmtBenchData* data) {
  PmtFrames* frames;
  PmtError error = {""};
  CHECKF(pmt_frames_load(pmt_scratch_folder(), "x", true, &frames, &error) == PMT_OK, "%s", error.text);
  *data = pmt_frames_data(frames);
  return frames;
}

/** Cells 0 to `last` of the written piece are fed as those of the whole one; only the last may ask for something else. */
static void check_same_cells(const PmtCell* whole, size_t last, bool other_target) {
  PmtBenchData data;
  PmtFrames* frames = load_frames(&data);
  PmtCell* part = NULL;
  size_t room = 0, n;
  CHECK(open_cells(&data, PMT_SPLIT_TRAIN, 0, 0, &part, &room, &n) && n > last);
  for (size_t i = 0; i <= last; ++i) {
    CHECK((part[i].target == whole[i].target) == (i < last || !other_target));
    check_same_input(&part[i], &whole[i], last, i);
  }
  free(part);
  pmt_frames_free(frames);
}

/** What is fed while a piece is spelled does not depend on what follows: neither on lower notes of the frame nor on later
    frames. A match says what comes in another place. */
static void check_frames_causal(void) {
  PmtCell* whole = NULL;
  size_t room = 0, n, at = 0;
  PmtBenchData data;
  PmtTrainShape shape = {.body = &pmt_body_lstm};
  for (const char* const* split = (const char* const[]){"valid", "test", NULL}; *split; ++split) {
    pmt_scratch_write(pmt_scratch_path("bl_x_%s.txt", *split), "60 62,64");
  }
  write_frames(FRAMES, -1, 0);
  PmtFrames* frames = load_frames(&data);
  pmt_frames_shape(frames, &shape);
  CHECK(data.n_units[PMT_SPLIT_TRAIN] == FRAMES && data.n_first[PMT_SPLIT_TRAIN] == 1);
  CHECK(open_cells(&data, PMT_SPLIT_TRAIN, 0, 0, &whole, &room, &n));
  for (int t = 0; t < FRAMES; ++t) {
    int notes = 0;
    for (; frames_tune[t][notes]; ++notes) {
      write_frames(FRAMES, t, notes);
      check_same_cells(whole, at + (size_t)notes, true);
    }
    if (t == 6) { CHECK(whole[at].hints.anchor[leap_of(&shape, "leap9")] == 72 - 21); }
    at += (size_t)notes + 1;
    write_frames(t + 1, -1, 0);
    check_same_cells(whole, at - 1, false);
  }
  CHECK(n == at);
  for (size_t i = 0; i < n; ++i) {
    for (uint32_t k = 0; k < shape.hints.n_tables; ++k) { CHECK(whole[i].hints.row[k] < (int)shape.hints.table[k].rows); }
  }
  free(whole);
  pmt_frames_free(frames);
  PmtError error = {""};
  pmt_scratch_write(pmt_scratch_path("bl_x_train.txt"), "60,64x\n");
  CHECK(pmt_frames_load(pmt_scratch_folder(), "x", true, &frames, &error) == PMT_BAD_FILE &&
        strstr(error.text, "bl_x_train.txt:1"));
}

static void check_bad(const char* text, const char* why) {
  PmtJsb* jsb;
  PmtError error = {""};
  pmt_scratch_write(pmt_scratch_path("satb16_valid.txt"), text);
  CHECK(pmt_jsb_load(pmt_scratch_folder(), PMT_JSB_ALL, &jsb, &error) == PMT_BAD_FILE);
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
                       .begin = 0.5, .orders = 0.5, .forget = 0.2, .forget_parts = 0.1, .seed = 3, .test = true, .transpositions = true};
  pmt_jsb_shape(jsb, &o.shape);
  return o;
}

static PmtBenchResult must_run(const PmtBenchData* data, const PmtBenchOptions* o) {
  PmtBenchResult r;
  PmtError error = {""};
  CHECKF(pmt_bench_run(data, o, &r, &error) == PMT_OK, "%s", error.text);
  return r;
}

/** Nats a voice-step of the valid split by the plugin's own engine, reading the file at `path`. */
static double played_nats(const PmtBenchData* data, const char* path, const PmtTrainShape* shape) {
  PmtTensors* tensors = NULL;
  PmtNet* net = NULL;
  PmtNetState* state = NULL;
  PmtCell* cells = NULL;
  PmtError error = {""};
  size_t room = 0, n = 0;
  double nats = 0.0;
  CHECKF(!pmt_tensors_read(path, &tensors, &error), "%s", error.text);
  CHECKF(!pmt_net_new(tensors, shape->vocab, &shape->hints, &net, &error), "%s", error.text);
  CHECK(!pmt_net_state_new(net, &state));
  for (size_t i = 0; i < data->n_pieces[PMT_SPLIT_VALID]; ++i) {
    CHECK(!data->open(data->handle, &(PmtBenchPiece){.split = PMT_SPLIT_VALID, .number = i}, &cells, &room, &n));
    pmt_net_reset(state);
    for (size_t t = 0; t < n; ++t) {
      uint64_t spent = 0;
      double sum = 0.0;
      pmt_net_begin(state, cells[t].token, &cells[t].hints);
      CHECK(pmt_net_run(state, UINT64_MAX, &spent));
      const float* logits = pmt_net_logits(state);
      for (uint32_t k = 0; k < shape->vocab; ++k) { sum += exp((double)logits[k]); }
      nats += cells[t].counts ? log(sum) - (double)logits[cells[t].target] : 0.0;
    }
  }
  free(cells);
  pmt_net_state_free(state);
  pmt_net_free(net);
  pmt_tensors_free(tensors);
  return nats / data->n_units[PMT_SPLIT_VALID];
}

/** A finished run leaves a net that the engine reads as the trainer did. */
static void check_net(const PmtBenchData* data, PmtBenchOptions o, double nats) {
  char path[256];
  snprintf(path, sizeof path, "%s", pmt_scratch_path("net.safetensors"));
  o.out = path;
  must_run(data, &o);
  CHECKF(fabs(played_nats(data, path, &o.shape) - nats) < 1e-5, "%.7f, %.7f", played_nats(data, path, &o.shape), nats);
  o.half = true;
  const double rounded = must_run(data, &o).figure[PMT_SPLIT_VALID].nats;
  CHECKF(rounded != nats && fabs(rounded - nats) < 1e-2, "%.7f, %.7f", rounded, nats);
  CHECKF(fabs(played_nats(data, path, &o.shape) - rounded) < 1e-5, "%.7f", rounded);
  o.half = false;
  CHECK(must_run(data, &o).figure[PMT_SPLIT_VALID].nats == nats); /* the checkpoint has all the bits */
  o.out = "/nonexistent/net.safetensors";
  PmtBenchResult r;
  PmtError error = {""};
  CHECK(pmt_bench_run(data, &o, &r, &error) == PMT_IO && strstr(error.text, o.out));
}

static void check_runs(void) {
  PmtJsb* jsb = load(PMT_JSB_ALL & ~PMT_JSB_RANGE); /* that keeps these pieces from being transposed */
  const PmtBenchData data = pmt_jsb_data(jsb);
  PmtBenchOptions o = small_run(jsb);
  const PmtBenchResult whole = must_run(&data, &o);
  CHECK(whole.finished && whole.steps == 40 && whole.n_tokens == 40 * 60 && whole.figure[PMT_SPLIT_TEST].nats > 0.0);
  const PmtBenchFigure* valid = &whole.figure[PMT_SPLIT_VALID];
  CHECKF(valid->nats > 0.0 && valid->nats < 4.0, "valid %.3f: worse than a uniform guess", valid->nats);
  CHECK(isfinite(valid->in_keys) && valid->in_keys != valid->nats && isfinite(whole.figure[PMT_SPLIT_TEST].in_keys));
  CHECK(isfinite(valid->without_first) && valid->without_first != valid->nats);
  char path[256];
  snprintf(path, sizeof path, "%s", pmt_scratch_path("checkpoint"));
  o.checkpoint = path;
  o.course.pause_after = 15;
  CHECK(!must_run(&data, &o).finished);
  o.course.pause_after = 0;
  o.resume = true;
  PmtBenchResult resumed = must_run(&data, &o);
  CHECK(resumed.finished && !memcmp(resumed.figure + 1, whole.figure + 1, 2 * sizeof *whole.figure));
  resumed = must_run(&data, &o); /* a finished run is measured again */
  CHECK(resumed.finished && resumed.figure[PMT_SPLIT_VALID].nats == valid->nats && resumed.steps == 40);
  check_net(&data, o, valid->nats);
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
    PmtStatus st = pmt_jsb_load(pmt_scratch_folder(), PMT_JSB_ALL, &jsb, &error);
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
  pmt_scratch_begin();
  write_data();
  check_causal(0);
  check_causal(17);
  check_end_unknown();
  check_recall();
  check_transposed();
  check_files();
  check_frames_causal();
  check_runs();
  check_memory();
  pmt_scratch_end();
  return 0;
}
