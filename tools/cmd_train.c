/* SPDX-License-Identifier: ISC */
/* partimento train. Above: main.c. Below: train/trainer.h, train/verdict.h, train/card.h, train/peak.h,
   curve.h, style_option.h, cli.h. */
#include "cli.h"
#include "cmd.h"
#include "curve.h"
#include "style_option.h"

#include "train/body.h"
#include "train/card.h"
#include "train/peak.h"
#include "train/verdict.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BARS = 512, BARS_SHORT = 128, BARS_LEAST = 32, VERDICT_BYTES = 1 << 15 };

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

static bool take_hint(const char* option, const char** names, size_t* n, const char* value, PmtError* error) {
  if (*n < PMT_WITHOUT_MAX) {
    names[(*n)++] = value;
    return true;
  }
  pmt_fail(error, PMT_BAD_ARG, "%s: more than %d times", option, PMT_WITHOUT_MAX);
  return false;
}

static bool take_without(void* target, const char* value, PmtError* error) {
  PmtTrainOptions* o = target;
  return take_hint("--without", o->without, &o->n_without, value, error);
}

static bool take_with(void* target, const char* value, PmtError* error) {
  PmtTrainOptions* o = target;
  return take_hint("--with", o->with, &o->n_with, value, error);
}

/** X, or NAME=X: the name is a copy. */
static bool take_min_p(void* target, const char* value, PmtError* error) {
  PmtTrainOptions* o = target;
  const char* const equals = strrchr(value, '=');
  const char* const number = equals ? equals + 1 : value;
  char* end;
  const double x = strtod(number, &end);
  if (end == number || *end || !(x >= 0.0 && x <= 0.5)) {
    pmt_fail(error, PMT_BAD_ARG, "--min-p: \"%.40s\" is no number 0 to 0.5", number);
    return false;
  }
  if (o->n_min_p == sizeof o->min_p / sizeof *o->min_p) {
    pmt_fail(error, PMT_BAD_ARG, "--min-p: more often than there can be styles");
    return false;
  }
  char* const style = equals ? strndup(value, (size_t)(equals - value)) : NULL;
  if (equals && !style) {
    pmt_fail(error, PMT_NO_MEM, "out of memory");
    return false;
  }
  o->min_p[o->n_min_p++] = (PmtStyleMinP){.style = style, .value = x};
  return true;
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

/** Whether an argument says what --from takes from its model. */
static bool says_size(const char* argument) {
  static const char* const of_model[] = {"--arch", "--layers", "--d", "--h", "--heads", "--ff", "--window", "--pos", "--without"};
  for (size_t i = 0; i < sizeof of_model / sizeof *of_model; ++i) {
    const size_t n = strlen(of_model[i]);
    if (!strncmp(argument, of_model[i], n) && (!argument[n] || argument[n] == '=')) { return true; }
  }
  return false;
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
static PmtStatus check_writable(const char* path, const char* from, PmtError* error) {
  struct stat out, origin;
  if (from && !stat(path, &out) && !stat(from, &origin) && out.st_dev == origin.st_dev && out.st_ino == origin.st_ino) {
    return pmt_fail(error, PMT_BAD_ARG, "%s: this is the model to go on from: write another file", path);
  }
  return pmt_cli_writable(path, error);
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

/** Bars to play of each style for the search for copies: not longer than a short run took. */
static uint32_t bars_to_play(const PmtTrainOptions* o) {
  if (o->steps || o->minutes >= 1.0) { return o->steps || o->minutes < 5.0 ? BARS_SHORT : BARS; }
  return BARS_LEAST;
}

/** Picture, verdict, card. */
static PmtStatus describe(const PmtTrainOptions* o, PmtTrainResult* result, PmtError* error) {
  char* picture = path_beside(o->out, ".svg");
  char* card = path_beside(o->out, ".md");
  char* words = malloc(VERDICT_BYTES);
  PmtVerdict verdict = {NULL, 0};
  PmtStatus st = picture && card && words ? pmt_curve_draw(picture, result, error)
                                          : pmt_fail(error, PMT_NO_MEM, "out of memory");
  if (!st) { st = pmt_verdict_find(result, o->out, bars_to_play(o), &verdict, error); }
  if (!st) {
    const char* slash = strrchr(picture, '/');
    pmt_verdict_print(result, &verdict, words, VERDICT_BYTES);
    fputs(words, stderr);
    result->peak_mib = pmt_peak_mib();
    st = pmt_card_write(card, result, words, slash ? slash + 1 : picture, error);
  }
  pmt_verdict_free(&verdict);
  free(words);
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
  PmtStatus st = check_writable(o->out, o->from, &error);
  if (!st) { st = pmt_train(o, result, &error); }
  if (!st && result->finished) { st = describe(o, result, &error); }
  if (!st) { fprintf(stderr, "peak resident memory %.0f MiB\n", pmt_peak_mib()); }
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
    {"from", PMT_CLI_TEXT, &o.from, "MODEL", "go on from this model: its styles are kept, NAME is added, or refined\nif it is "
     "one of them", 0, 0, NULL},
    {"keep", PMT_CLI_REAL, &o.keep, "X", "with --from: share of training in which the styles it keeps are\nrehearsed, by "
     "what MODEL plays of them", 0, 0.95, NULL},
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
    {"without", PMT_CLI_CUSTOM, &o, "NAME", "leave out what the net is told beside the tokens: hints (all), tables, leaps,\n"
     "kinds, or one of near, far, motion, chord, scale, own, top, above, below,\nyou (the player); may be repeated", 0, 0, take_without},
    {"with", PMT_CLI_CUSTOM, &o, "NAME", "with --from: also tell the net what MODEL is not told, by the same names;\n"
     "may be repeated", 0, 0, take_with},
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
    {"min-p", PMT_CLI_CUSTOM, &o, "[NAME=]X", "min-p that the file suggests for playing, of one style or of all others\n"
     "(default 0.005, with --from as MODEL); may be repeated", 0, 0, take_min_p},
    {"half", PMT_CLI_FLAG, &o.half, NULL, "store matrices in 16 bits: half the size, nearly twice the speed", 0, 0, NULL},
    {"title", PMT_CLI_TEXT, &o.title, "TEXT", "shown to whoever loads the model", 0, 0, NULL},
    {"author", PMT_CLI_TEXT, &o.author, "TEXT", "of the model", 0, 0, NULL},
    {"license", PMT_CLI_TEXT, &o.license, "TEXT", "of the model", 0, 0, NULL},
  };
  const PmtCliCommand command = {
    .name = "train", .operands = "", .summary = "make a model from folders of MIDI files",
    .options = options, .n_options = sizeof options / sizeof *options,
    .notes = "A folder may say which file is for what in train.txt, valid.txt and test.txt, one name a line;\n"
             "else 80, 10 and 10 % are chosen by the names. Ctrl-C leaves a checkpoint.\n"
             "With --from the files of the old styles are not needed.\n",
  };
  int first;
  int status = pmt_cli_parse(&command, argc, argv, &first);
  if (status == PMT_CLI_RUN && !o.n_styles) { status = pmt_cli_misuse("train", "no --style NAME=DIR: nothing to learn from"); }
  if (status == PMT_CLI_RUN && o.n_with && !o.from) { status = pmt_cli_misuse("train", "--with: only with --from; from nothing all is told"); }
  if (status == PMT_CLI_RUN && !o.out) { status = pmt_cli_misuse("train", "no --out FILE: nowhere to write the model"); }
  for (int i = 0; status == PMT_CLI_RUN && i < argc; ++i) {
    if (o.from && says_size(argv[i])) {
      status = pmt_cli_misuse("train", "%s: --from takes architecture, sizes and hints from its model", argv[i]);
    } else if (!is_utf8(argv[i])) { status = pmt_cli_misuse("train", "argument %d is not UTF-8", i); }
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
