/* SPDX-License-Identifier: ISC */
/* partimento benchmark. Above: main.c. Below: train/bench.h, train/jsb16.h, train/peak.h, cli.h. */
#include "cli.h"
#include "cmd.h"

#include "train/body.h"
#include "train/frames.h"
#include "train/jsb16.h"
#include "train/peak.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
  (void)number;
  stopped = 1;
}

/** What is as the benchmark likes it best unless it is said: below 0 until then. */
typedef struct {
  int64_t layers, d, heads, window, batch, length;
  int64_t steps;     /* unless minutes are said */
  double dropout, begin, orders, forget, forget_parts, decay;
} Usual;

typedef struct {
  PmtBenchOptions bench;
  Usual said;
  uint32_t parts;    /* jsb16 */
  bool transposed;   /* frames */
} Options;

static bool take_arch(void* target, const char* value, PmtError* error) {
  Options* o = target;
  o->bench.shape.body = pmt_body_find(value);
  if (!o->bench.shape.body) { pmt_fail(error, PMT_BAD_ARG, "--arch: \"%.40s\" is not lstm, gru, rnn or tf", value); }
  return o->bench.shape.body != NULL;
}

static bool take_pos(void* target, const char* value, PmtError* error) {
  Options* o = target;
  if (pmt_train_pos_find(value, &o->bench.shape.pos)) { return true; }
  pmt_fail(error, PMT_BAD_ARG, "--pos: \"%.40s\" is not rope, rope2, sin, alibi or rel", value);
  return false;
}

static bool take_without(void* target, const char* value, PmtError* error) {
  Options* o = target;
  PmtJsbParts part;
  if (!pmt_jsb_part_find(value, &part)) {
    pmt_fail(error, PMT_BAD_ARG, "--without: \"%.40s\" is none of bar, hold, motion, interval, leap, harmony, return, scale, "
             "kind, share, copy, octave, range and recall", value);
    return false;
  }
  o->parts &= ~(uint32_t)part;
  return true;
}

static void print_figure(const char* split, const char* what, double nats, const char* unit) {
  char name[64];
  snprintf(name, sizeof name, "%s%s", split, what);
  if (isfinite(nats)) { printf("%-32s %.4f nats/%s\n", name, nats, unit); }
}

static int report(const PmtBenchData* data, const PmtBenchOptions* o, const PmtBenchResult* r) {
  static const char* const splits[PMT_SPLITS] = {"train", "valid", "test"};
  char shape[160];
  pmt_shape_describe(&o->shape, shape, sizeof shape);
  printf("%-32s %s\n%-32s %zu\n%-32s %.1f on %u threads\n%-32s %.2f M in %" PRIu64 " steps, best at %" PRIu64 "\n", "net",
         shape, "parameters", r->n_params, "minutes", r->seconds / 60.0, r->threads, "tokens",
         (double)r->n_tokens * 1e-6, r->steps, r->best_step);
  printf("%-32s %.0f MiB\n", "peak resident memory", pmt_peak_mib());
  for (int split = 0; split < PMT_SPLITS; ++split) {
    print_figure(splits[split], "", r->figure[split].nats, data->unit);
    print_figure(splits[split], ", first ones left out", r->figure[split].without_first, data->unit);
    print_figure(splits[split], ", mean of p over keys", r->figure[split].in_keys, data->unit);
  }
  if (!fflush(stdout)) { return PMT_EXIT_OK; }
  PmtError error;
  pmt_fail(&error, PMT_IO, "standard output: %m");
  return pmt_cli_failure("benchmark", &error);
}

static int run(const PmtBenchData* data, const PmtBenchOptions* o) {
  PmtError error = {""};
  PmtBenchResult result;
  if (o->out && pmt_cli_writable(o->out, &error)) { return pmt_cli_failure("benchmark", &error); }
  if (pmt_bench_run(data, o, &result, &error)) { return pmt_cli_failure("benchmark", &error); }
  if (result.finished) { return report(data, o, &result); }
  fprintf(stderr, "stopped%s\n", o->checkpoint ? " at a checkpoint; the same command with --resume goes on" : "");
  return PMT_EXIT_OK;
}

static int run_jsb16(Options* o, const char* name, const char* folder) {
  PmtError error = {""};
  PmtJsb* jsb;
  (void)name;
  if (pmt_jsb_load(folder, o->parts, &jsb, &error)) { return pmt_cli_failure("benchmark", &error); }
  const PmtBenchData data = pmt_jsb_data(jsb);
  pmt_jsb_shape(jsb, &o->bench.shape);
  const int status = run(&data, &o->bench);
  pmt_jsb_free(jsb);
  return status;
}

static int run_frames(Options* o, const char* name, const char* folder) {
  PmtError error = {""};
  PmtFrames* frames;
  char stem[32];
  snprintf(stem, sizeof stem, "%.*s", (int)strcspn(name, "-"), name);
  if (pmt_frames_load(folder, stem, o->transposed, &frames, &error)) { return pmt_cli_failure("benchmark", &error); }
  const PmtBenchData data = pmt_frames_data(frames);
  pmt_frames_shape(frames, &o->bench.shape);
  const int status = run(&data, &o->bench);
  pmt_frames_free(frames);
  return status;
}

typedef struct {
  const char* name;
  int (*run)(Options* o, const char* name, const char* folder);
  Usual usual; /* docs/benchmarks.md has what was tried */
} Benchmark;

static const Benchmark benchmarks[] = {
  {"jsb16", run_jsb16,
   {.layers = 3, .d = 160, .heads = 5, .window = 64, .batch = 8, .length = 256, .steps = 2200, .dropout = 0.2, .begin = 0.7,
    .orders = 0.5, .forget = 0.1, .forget_parts = 0.1, .decay = 1}},
  {"jsb-frames", run_frames,
   {.layers = 2, .d = 96, .heads = 4, .window = 128, .batch = 16, .length = 128, .steps = 1500, .dropout = 0.3, .begin = 0.5,
    .forget = 0.15, .forget_parts = 0.1, .decay = 1}},
  {"nottingham-frames", run_frames,
   {.layers = 2, .d = 96, .heads = 4, .window = 128, .batch = 8, .length = 256, .steps = 2500, .dropout = 0.2, .begin = 0.3,
    .forget = 0.1, .forget_parts = 0.1, .decay = 1}},
  {.name = NULL}};

static void prefer_int(int64_t* said, int64_t usual) { *said = *said < 0 ? usual : *said; }
static void prefer_real(double* said, double usual) { *said = *said < 0.0 ? usual : *said; }

static void prefer_usual(Usual* said, const Usual* usual) {
  prefer_int(&said->layers, usual->layers), prefer_int(&said->d, usual->d), prefer_int(&said->heads, usual->heads);
  prefer_int(&said->window, usual->window), prefer_int(&said->batch, usual->batch);
  prefer_int(&said->length, usual->length), prefer_int(&said->steps, usual->steps);
  prefer_real(&said->dropout, usual->dropout);
  prefer_real(&said->begin, usual->begin), prefer_real(&said->orders, usual->orders);
  prefer_real(&said->forget, usual->forget), prefer_real(&said->forget_parts, usual->forget_parts);
  prefer_real(&said->decay, usual->decay);
}

static void take_usual(const Usual* u, PmtBenchOptions* o) {
  o->shape.layers = (uint32_t)u->layers, o->shape.d = (uint32_t)u->d;
  o->batch = (uint32_t)u->batch, o->length = (uint32_t)u->length;
  o->course.steps = o->course.minutes > 0.0 ? 0 : (uint64_t)u->steps;
  o->dropout = u->dropout, o->begin = u->begin, o->orders = u->orders, o->decay = u->decay;
  o->forget = u->forget, o->forget_parts = u->forget_parts;
}

int pmt_cmd_benchmark(int argc, char** argv) {
  Options o = {.parts = PMT_JSB_ALL,
               .said = {-1, -1, -1, -1, -1, -1, -1, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0},
               .bench = {.course = {.rate = 2e-3, .patience = PMT_EVALUATIONS, .log = stderr, .stop = &stopped},
                         .shape = {.body = &pmt_body_tf, .pos = PMT_POS_ROPE2},
                         .average = 0.999}};
  Usual* u = &o.said;
  int64_t h = 256, ff = 0, reach = 0, past = -1, threads = 0, seed = 1, pause = 0, evaluations = PMT_EVALUATIONS;
  const PmtCliOption options[] = {
    {"minutes", PMT_CLI_REAL, &o.bench.course.minutes, "N", "train so long, whatever --steps says", 0.05, 100000, NULL},
    {"steps", PMT_CLI_INT, &u->steps, "N", "train exactly so many steps: repeatable (default 2200, jsb-frames 1500,\n"
     "nottingham-frames 2500)", 1, 1e9, NULL},
    {"arch", PMT_CLI_CUSTOM, &o, "NAME", "lstm, gru, rnn or tf, a Transformer (default tf)", 0, 0, take_arch},
    {"layers", PMT_CLI_INT, &u->layers, "N", "layers (default 3, frames 2)", 1, PMT_TRAIN_LAYERS_MAX, NULL},
    {"d", PMT_CLI_INT, &u->d, "D", "width of the embedding; of a Transformer throughout (default 160, frames 96)", 8, 2048,
     NULL},
    {"h", PMT_CLI_INT, &h, "H", "lstm, gru, rnn: units of a layer (default 256)", 8, 2048, NULL},
    {"heads", PMT_CLI_INT, &u->heads, "N", "tf: attention heads (default 5, frames 4)", 1, 64, NULL},
    {"ff", PMT_CLI_INT, &ff, "N", "tf: inner width of the feed-forward part (default 4 D)", 8, 8192, NULL},
    {"window", PMT_CLI_INT, &u->window, "C", "tf: tokens that a token sees (default 64, frames 128)", 2, PMT_TRAIN_WINDOW_MAX,
     NULL},
    {"pos", PMT_CLI_CUSTOM, &o, "NAME", "tf: rope, rope2, sin, alibi or rel (default rope2)", 0, 0, take_pos},
    {"reach", PMT_CLI_INT, &reach, "R", "tf with rel: distances told apart (default C)", 1, PMT_TRAIN_WINDOW_MAX, NULL},
    {"past", PMT_CLI_INT, &past, "N", "tf: earlier tokens seen in training (default C - 1)", 0, PMT_TRAIN_WINDOW_MAX, NULL},
    {"dropout", PMT_CLI_REAL, &u->dropout, "X", "share of units dropped in training", 0, 0.9, NULL},
    {"begin", PMT_CLI_REAL, &u->begin, "X", "share of pieces begun in the middle in training", 0, 1, NULL},
    {"orders", PMT_CLI_REAL, &u->orders, "X", "jsb16: share of pieces spelled in another order of voices in training", 0, 1,
     NULL},
    {"forget", PMT_CLI_REAL, &u->forget, "X", "share of hint rows left out in training", 0, 0.9, NULL},
    {"forget-parts", PMT_CLI_REAL, &u->forget_parts, "X", "share of all rows of a kind left out at once", 0, 0.9, NULL},
    {"decay", PMT_CLI_REAL, &u->decay, "X", "weight decay of matrices and tables", 0, 100, NULL},
    {"average", PMT_CLI_REAL, &o.bench.average, "X", "of the moving average of the weights (default 0.999)", 0, 1, NULL},
    {"rate", PMT_CLI_REAL, &o.bench.course.rate, "X", "learning rate at its height, for 2048 tokens a step (default 0.002)",
     1e-7, 1, NULL},
    {"batch", PMT_CLI_INT, &u->batch, "B", "streams side by side (default 8, jsb-frames 16)", 1, 1024, NULL},
    {"length", PMT_CLI_INT, &u->length, "T", "tokens a step and stream (default 256, jsb-frames 128)", 2, 4096, NULL},
    {"evaluations", PMT_CLI_INT, &evaluations, "N", "on the way (default 20)", 1, 1000, NULL},
    {"seed", PMT_CLI_INT, &seed, "N", "of all chance (default 1)", 0, 1e15, NULL},
    {"threads", PMT_CLI_INT, &threads, "N", "threads (default: the processors online)", 1, 256, NULL},
    {"without", PMT_CLI_CUSTOM, &o, "PART", "jsb16: leave out bar, hold, motion, interval, leap, harmony,\n"
     "return, scale, kind, share, copy, octave, range or recall; may be repeated", 0, 0, take_without},
    {"transposed", PMT_CLI_FLAG, &o.transposed, NULL, "frames: learn other keys too, told by how much they are transposed",
     0, 0, NULL},
    {"test", PMT_CLI_FLAG, &o.bench.test, NULL, "at the end, read the test split too", 0, 0, NULL},
    {"keys", PMT_CLI_FLAG, &o.bench.transpositions, NULL, "at the end, also average the probabilities over twelve keys", 0, 0,
     NULL},
    {"out", PMT_CLI_TEXT, &o.bench.out, "FILE", "at the end, write the net there (.safetensors)", 0, 0, NULL},
    {"half", PMT_CLI_FLAG, &o.bench.half, NULL, "store matrices in 16 bits; figures are of these", 0, 0, NULL},
    {"checkpoint", PMT_CLI_TEXT, &o.bench.checkpoint, "FILE", "keep the state of the run there", 0, 0, NULL},
    {"resume", PMT_CLI_FLAG, &o.bench.resume, NULL, "go on from the checkpoint, bit for bit; a finished run is measured",
     0, 0, NULL},
    {"pause-after", PMT_CLI_INT, &pause, "N", "stop after step N, leaving a checkpoint", 1, 1e9, NULL},
  };
  const PmtCliCommand command = {
    .name = "benchmark", .operands = "NAME DIR", .summary = "train and measure on a published data set",
    .options = options, .n_options = sizeof options / sizeof *options, .operands_min = 2, .operands_max = 2,
    .notes = "jsb16: JSB chorales on a grid of sixteenths, four voices; DIR holds satb16_train.txt, satb16_valid.txt and\n"
             "satb16_test.txt, a piece a line, each step \"S,A,T,B\" in MIDI pitches, -1 = silent.\n"
             "jsb-frames, nottingham-frames: piano rolls of 88 keys, each frame spelled as a chain; DIR holds\n"
             "bl_jsb_train.txt and so on, a piece a line, each frame \"60,64,67\", - = silence.\n"
             "What is not said is as was found best; docs/benchmarks.md has the figures.\n"
             "Progress goes to standard error, figures to standard output.\n",
  };
  int first;
  const int status = pmt_cli_parse(&command, argc, argv, &first);
  if (status != PMT_CLI_RUN) { return status; }
  const Benchmark* benchmark = benchmarks;
  while (benchmark->name && strcmp(argv[first], benchmark->name)) { ++benchmark; }
  if (!benchmark->name) { return pmt_cli_misuse("benchmark", "no such benchmark: \"%s\"", argv[first]); }
  if (o.bench.resume && !o.bench.checkpoint) { return pmt_cli_misuse("benchmark", "--resume without --checkpoint FILE"); }
  prefer_usual(u, &benchmark->usual);
  take_usual(u, &o.bench);
  PmtTrainShape* s = &o.bench.shape;
  const bool tf = s->body == &pmt_body_tf;
  if (tf) {
    s->heads = (uint32_t)u->heads, s->ff = (uint32_t)(ff ? ff : 4 * u->d), s->window = (uint32_t)u->window;
    s->reach = s->pos == PMT_POS_REL ? (uint32_t)(reach ? reach : u->window) : 0;
    o.bench.past = s->pos == PMT_POS_SIN ? 0 : (uint32_t)(past < 0 ? u->window - 1 : past);
  } else {
    s->h = (uint32_t)h;
  }
  o.bench.course.evaluations = (uint32_t)evaluations;
  o.bench.course.pause_after = (uint64_t)pause, o.bench.seed = (uint64_t)seed;
  o.bench.threads = (uint32_t)threads;
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  return benchmark->run(&o, benchmark->name, argv[first + 1]);
}
