/* SPDX-License-Identifier: ISC */
/* partimento train. Above: main.c. Below: train/trainer.h, train/card.h, curve.h, style_option.h, cli.h. */
#include "cli.h"
#include "cmd.h"
#include "curve.h"
#include "style_option.h"

#include "train/body.h"
#include "train/card.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
  (void)number;
  stopped = 1;
}

static bool take_arch(void* target, const char* value, PmtError* error) {
  PmtTrainOptions* o = target;
  const PmtBody* body = pmt_body_find(value);
  if (body) { o->shape.body = body; }
  else { pmt_fail(error, PMT_BAD_ARG, "--arch: \"%.40s\" is not lstm, gru, rnn or tf", value); }
  return body != NULL;
}

static bool take_pos(void* target, const char* value, PmtError* error) {
  PmtTrainOptions* o = target;
  if (pmt_train_pos_find(value, &o->shape.pos)) { return true; }
  pmt_fail(error, PMT_BAD_ARG, "--pos: \"%.40s\" is not rope, rope2, sin, alibi or rel", value);
  return false;
}

/** Options that say how a run is cut up, not what comes of it: @return how many arguments this one takes, 0 = none of these. */
static int arguments_of_cutting(const char* argument) {
  static const char* const with_value[] = {"--checkpoint", "--pause-after"};
  if (!strcmp(argument, "--resume")) { return 1; }
  for (size_t i = 0; i < sizeof with_value / sizeof *with_value; ++i) {
    const size_t n = strlen(with_value[i]);
    if (!strncmp(argument, with_value[i], n) && (!argument[n] || argument[n] == '=')) { return argument[n] ? 1 : 2; }
  }
  return 0;
}

/** The command line, for the card: what would make the same model in one go. */
static char* join_command(int argc, char** argv) {
  size_t size = sizeof "partimento";
  for (int i = 0; i < argc; ++i) { size += strlen(argv[i]) + 3; }
  char* line = malloc(size);
  if (!line) { return NULL; }
  char* at = stpcpy(line, "partimento");
  for (int i = 0; i < argc; ++i) {
    const int skip = arguments_of_cutting(argv[i]);
    if (skip) {
      i += skip - 1;
      continue;
    }
    const char* quote = strpbrk(argv[i], " \t*?$&;()<>|\"") ? "'" : "";
    at += sprintf(at, " %s%s%s", quote, argv[i], quote);
  }
  return line;
}

/** The command line becomes metadata, which is UTF-8: jansson knows. Said before an hour of training, not after. */
static bool is_utf8(const char* text) {
  json_t* string = json_string(text);
  const bool good = string != NULL;
  json_decref(string);
  return good;
}

/** The same for the place to write. */
static PmtStatus check_writable(const char* path, PmtError* error) {
  char folder[4096];
  if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder) {
    return pmt_fail(error, PMT_IO, "%.80s...: path too long", path);
  }
  char* slash = strrchr(folder, '/');
  if (slash) { slash[slash == folder] = '\0'; }
  if (access(slash ? folder : ".", W_OK)) { return pmt_fail(error, PMT_IO, "%s: cannot write there: %m", path); }
  return PMT_OK;
}

/** OUT with its ending replaced: "x.safetensors" -> "x.svg". NULL when memory is out. */
static char* path_beside(const char* out, const char* ending) {
  static const char usual[] = ".safetensors";
  const size_t n = strlen(out);
  const size_t stem = n > sizeof usual - 1 && !strcmp(out + n - (sizeof usual - 1), usual) ? n - (sizeof usual - 1) : n;
  char* path = malloc(stem + strlen(ending) + 1);
  if (path) { sprintf(path, "%.*s%s", (int)stem, out, ending); }
  return path;
}

static PmtStatus describe(const PmtTrainOptions* o, const PmtTrainResult* result, PmtError* error) {
  char* picture = path_beside(o->out, ".svg");
  char* card = path_beside(o->out, ".md");
  PmtStatus st = picture && card ? pmt_curve_draw(picture, result, error) : pmt_fail(error, PMT_NO_MEM, "out of memory");
  if (!st) {
    const char* slash = strrchr(picture, '/');
    st = pmt_card_write(card, result, slash ? slash + 1 : picture, error);
  }
  free(picture);
  free(card);
  return st;
}

static int run(PmtTrainOptions* o) {
  PmtError error = {""};
  PmtTrainResult* result = malloc(sizeof *result);
  if (!result) {
    pmt_fail(&error, PMT_NO_MEM, "out of memory");
    return pmt_cli_failure("train", &error);
  }
  *result = (PmtTrainResult){0};
  PmtStatus st = check_writable(o->out, &error);
  if (!st) { st = pmt_train(o, result, &error); }
  if (!st && result->finished) { st = describe(o, result, &error); }
  if (!st && !result->finished) {
    fprintf(stderr, "stopped at a checkpoint; the same command with --resume goes on\n");
  }
  pmt_train_result_free(result);
  free(result);
  return st ? pmt_cli_failure("train", &error) : PMT_EXIT_OK;
}

int pmt_cmd_train(int argc, char** argv) {
  PmtTrainOptions o = pmt_train_defaults();
  int64_t steps = 0, layers = 0, h = 0, d = 0, heads = 0, ff = 0, window = 0, batch = 0, length = 0, past = o.past,
          threads = 0, seed = (int64_t)o.seed, pause = 0;
  const PmtCliOption options[] = {
    {"style", PMT_CLI_CUSTOM, &o, "NAME=DIR", "learn a style of this name from the *.mid in DIR; may be repeated", 0, 0,
     pmt_style_option_take},
    {"out", PMT_CLI_TEXT, &o.out, "FILE", "write the model there (.safetensors), its card and curve beside it", 0, 0, NULL},
    {"minutes", PMT_CLI_REAL, &o.minutes, "N", "train so long, all told (default 10)", 0.05, 100000, NULL},
    {"steps", PMT_CLI_INT, &steps, "N", "train exactly so many steps instead: repeatable", 1, 1e9, NULL},
    {"arch", PMT_CLI_CUSTOM, &o, "NAME", "lstm, gru, rnn or tf, a Transformer (default lstm)", 0, 0, take_arch},
    {"layers", PMT_CLI_INT, &layers, "N", "layers; this and what follows, if not said, is chosen by the size\nof the corpus "
     "and printed", 1, PMT_TRAIN_LAYERS_MAX, NULL},
    {"d", PMT_CLI_INT, &d, "D", "width of the embedding; of a Transformer throughout", 8, 2048, NULL},
    {"h", PMT_CLI_INT, &h, "H", "lstm, gru, rnn: units of a layer", 8, 2048, NULL},
    {"heads", PMT_CLI_INT, &heads, "N", "tf: attention heads; D divided by them is even", 1, 64, NULL},
    {"ff", PMT_CLI_INT, &ff, "N", "tf: inner width of the feed-forward part", 8, 8192, NULL},
    {"window", PMT_CLI_INT, &window, "C", "tf: tokens that a token sees, itself among them", 2, PMT_TRAIN_WINDOW_MAX, NULL},
    {"pos", PMT_CLI_CUSTOM, &o, "NAME", "tf: rope, rope2 (musical time), sin, alibi or rel (default rope)", 0, 0, take_pos},
    {"past", PMT_CLI_INT, &past, "N", "tf: earlier tokens seen in training beside those of the step", 0,
     PMT_TRAIN_WINDOW_MAX, NULL},
    {"dropout", PMT_CLI_REAL, &o.dropout, "X", "share of units dropped in training", 0, 0.9, NULL},
    {"rate", PMT_CLI_REAL, &o.rate, "X", "learning rate at its height, for 2048 tokens a step", 1e-7, 1, NULL},
    {"batch", PMT_CLI_INT, &batch, "B", "streams side by side", 1, 1024, NULL},
    {"length", PMT_CLI_INT, &length, "T", "tokens a step and stream", 2, 4096, NULL},
    {"balance", PMT_CLI_REAL, &o.balance, "X", "share of a style = its tokens to this power (default 0.6)", 0, 1, NULL},
    {"seed", PMT_CLI_INT, &seed, "N", "of all chance (default 1)", 0, 1e15, NULL},
    {"threads", PMT_CLI_INT, &threads, "N", "threads (default: the processors online)", 1, 256, NULL},
    {"checkpoint", PMT_CLI_TEXT, &o.checkpoint, "FILE", "keep the state of the run there (default FILE.checkpoint)", 0, 0,
     NULL},
    {"resume", PMT_CLI_FLAG, &o.resume, NULL, "go on from the checkpoint, bit for bit", 0, 0, NULL},
    {"pause-after", PMT_CLI_INT, &pause, "N", "stop after step N, leaving a checkpoint", 1, 1e9, NULL},
    {"title", PMT_CLI_TEXT, &o.title, "TEXT", "shown to whoever loads the model", 0, 0, NULL},
    {"author", PMT_CLI_TEXT, &o.author, "TEXT", "of the model", 0, 0, NULL},
    {"license", PMT_CLI_TEXT, &o.license, "TEXT", "of the model", 0, 0, NULL},
  };
  const PmtCliCommand command = {
    .name = "train", .operands = "", .summary = "make a model from folders of MIDI files",
    .options = options, .n_options = sizeof options / sizeof *options,
    .notes = "A folder may say which file is for what in train.txt, valid.txt and test.txt, one name a line;\n"
             "else 80, 10 and 10 % are chosen by the names. Ctrl-C leaves a checkpoint.\n",
  };
  int first;
  int status = pmt_cli_parse(&command, argc, argv, &first);
  if (status == PMT_CLI_RUN && !o.n_styles) { status = pmt_cli_misuse("train", "no --style NAME=DIR: nothing to learn from"); }
  if (status == PMT_CLI_RUN && !o.out) { status = pmt_cli_misuse("train", "no --out FILE: nowhere to write the model"); }
  for (int i = 0; status == PMT_CLI_RUN && i < argc; ++i) {
    if (!is_utf8(argv[i])) { status = pmt_cli_misuse("train", "argument %d is not UTF-8", i); }
  }
  if (status != PMT_CLI_RUN) {
    pmt_style_option_free(&o);
    return status;
  }
  o.steps = (uint64_t)steps, o.pause_after = (uint64_t)pause, o.seed = (uint64_t)seed;
  o.shape.layers = (uint32_t)layers, o.shape.d = (uint32_t)d, o.shape.h = (uint32_t)h;
  o.shape.heads = (uint32_t)heads, o.shape.ff = (uint32_t)ff, o.shape.window = (uint32_t)window;
  o.batch = (uint32_t)batch, o.length = (uint32_t)length, o.past = (int32_t)past, o.threads = (uint32_t)threads;
  o.log = stderr;
  o.stop = &stopped;
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  char* line = join_command(argc, argv);
  o.command = line;
  status = run(&o);
  free(line);
  pmt_style_option_free(&o);
  return status;
}
