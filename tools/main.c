/* SPDX-License-Identifier: ISC */
/* partimento: picks the subcommand. Below: tools/cmd_*.c. */
#include "cli.h"
#include "cmd.h"
#include "train/blas.h"

#include <stdio.h>
#include <string.h>

typedef struct {
  const char* name;
  int (*run)(int argc, char** argv);
  const char* summary;
} Command;

static const Command commands[] = {
  {"train", pmt_cmd_train, "make a model from folders of MIDI files"},
  {"benchmark", pmt_cmd_benchmark, "train and measure on a published data set"},
  {"evaluate", pmt_cmd_evaluate, "measure a model on a folder of MIDI files"},
  {"generate", pmt_cmd_generate, "write music with a model, offline"},
  {"play", pmt_cmd_play, "run the plugin in a host and record what it plays"},
  {"inspect", pmt_cmd_inspect, "describe and draw a MIDI file; describe a model"},
  {"tokens", pmt_cmd_tokens, "print folders of MIDI files as tokens, for other trainers"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE* out) {
  fprintf(out, "Usage: partimento COMMAND [OPTION]... [OPERAND]...\n"
               "Teach a small neural network from MIDI files and let it play in time.\n\nCommands:\n");
  for (size_t i = 0; i < N_COMMANDS; ++i) {
    fprintf(out, "  %-22s  %s\n", commands[i].name, commands[i].summary);
  }
  fprintf(out, "  %-22s  %s\n\nOptions:\n      --help              display this help and exit\n"
               "      --version           output version information and exit\n\n"
               "Exit status: 0 fine, 1 failed, 2 wrong use. Results go to standard output, messages to standard "
               "error.\n",
          "help COMMAND", "the same as COMMAND --help");
}

/* What was asked for and cannot be written is a failure. */
static int finish(void) {
  return fflush(stdout) ? PMT_EXIT_FAILED : PMT_EXIT_OK;
}

static int print_version(void) {
  printf("partimento %s\nLicense ISC. There is no warranty.\n", PMT_VERSION);
  return finish();
}

static int misuse(const char* what, const char* word) {
  fprintf(stderr, "partimento: %s \"%s\"\nTry 'partimento --help' for more information.\n", what, word);
  return PMT_EXIT_USAGE;
}

static const Command* find_command(const char* name) {
  for (size_t i = 0; i < N_COMMANDS; ++i) {
    if (!strcmp(commands[i].name, name)) {
      return &commands[i];
    }
  }
  return NULL;
}

static int run_help(int argc, char** argv) {
  if (argc < 3) {
    print_usage(stdout);
    return finish();
  }
  const Command* command = find_command(argv[2]);
  if (!command) {
    return misuse("no such command:", argv[2]);
  }
  char help[] = "--help";
  char* arguments[] = {argv[2], help, NULL};
  return command->run(2, arguments);
}

int main(int argc, char** argv) {
  pmt_blas_settle(argv);
  if (argc < 2) {
    print_usage(stderr);
    return PMT_EXIT_USAGE;
  }
  const char* word = argv[1];
  if (!strcmp(word, "--help")) {
    print_usage(stdout);
    return finish();
  }
  if (!strcmp(word, "--version")) {
    return print_version();
  }
  if (!strcmp(word, "help")) {
    return run_help(argc, argv);
  }
  if (*word == '-') {
    return misuse("unknown option", word);
  }
  const Command* command = find_command(word);
  return command ? command->run(argc - 1, argv + 1) : misuse("no such command:", word);
}
