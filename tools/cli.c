/* SPDX-License-Identifier: ISC */
/* Options as tables. Above: tools/cmd_*.c, tools/automation.c (numbers). Below: getopt_long. */
#include "cli.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELP_COLUMN = 26, HELP_OPTION = 1000 };

/* ---- values ---- */

static bool is_number_start(const char* text) {
  return (*text >= '0' && *text <= '9') || *text == '-' || *text == '+' || *text == '.';
}

bool pmt_cli_parse_real(const char* what, const char* text, double lo, double hi, double* value, PmtError* error) {
  char* end = NULL;
  const double x = is_number_start(text) && !strpbrk(text, "xX") ? strtod(text, &end) : NAN;
  if (!end || end == text || *end || !isfinite(x)) {
    pmt_fail(error, PMT_BAD_ARG, "%s: \"%s\" is not a number", what, text);
    return false;
  }
  if (x < lo || x > hi) {
    pmt_fail(error, PMT_BAD_ARG, "%s: %s is outside %g to %g", what, text, lo, hi);
    return false;
  }
  *value = x;
  return true;
}

bool pmt_cli_parse_int(const char* what, const char* text, int64_t lo, int64_t hi, int64_t* value, PmtError* error) {
  char* end = NULL;
  errno = 0;
  const long long x = is_number_start(text) ? strtoll(text, &end, 10) : 0;
  if (!end || end == text || *end) {
    pmt_fail(error, PMT_BAD_ARG, "%s: \"%s\" is not a whole number", what, text);
    return false;
  }
  if (errno || x < lo || x > hi) {
    pmt_fail(error, PMT_BAD_ARG, "%s: %s is outside %lld to %lld", what, text, (long long)lo, (long long)hi);
    return false;
  }
  *value = x;
  return true;
}

/* At most five digits, nothing else: sscanf would take signs and blanks. @return what follows, or NULL */
static const char* parse_digits(const char* text, uint32_t* value) {
  const size_t n = strspn(text, "0123456789");
  if (n < 1 || n > 5) {
    return NULL;
  }
  *value = (uint32_t)strtoul(text, NULL, 10);
  return text + n;
}

bool pmt_cli_parse_pair(const char* text, char separator, uint32_t* a, uint32_t* b) {
  const char* rest = parse_digits(text, a);
  rest = rest && *rest == separator ? parse_digits(rest + 1, b) : NULL;
  return rest && !*rest;
}

bool pmt_cli_parse_meter(const char* what, const char* text, PmtCliMeter* meter, PmtError* error) {
  uint32_t beats = 0;
  uint32_t unit = 0;
  const bool pair = pmt_cli_parse_pair(text, '/', &beats, &unit);
  if (!pair || beats < 1 || beats > 99 || unit < 1 || unit > 64 || (unit & (unit - 1))) {
    pmt_fail(error, PMT_BAD_ARG, "%s: \"%s\" is not a meter such as 4/4 or 6/8", what, text);
    return false;
  }
  *meter = (PmtCliMeter){beats, unit};
  return true;
}

bool pmt_cli_parse_range(const char* what, const char* text, uint32_t* first, uint32_t* last, PmtError* error) {
  uint32_t a = 0;
  uint32_t b = 0;
  const char* rest = parse_digits(text, &a);
  if (rest && !*rest) {
    b = a;
  } else if (!pmt_cli_parse_pair(text, '-', &a, &b)) {
    a = 0;
  }
  if (a < 1 || b < a) {
    pmt_fail(error, PMT_BAD_ARG, "%s: \"%s\" is not a range of bars such as 5-8", what, text);
    return false;
  }
  *first = a;
  *last = b;
  return true;
}

/* ---- messages ---- */

float pmt_cli_min_p(const double said) {
  static const float nothing = 1e-9f; /* in a control 0 is what the model suggests */
  return said < 0.0 ? 0.0f : said > 0.0 ? (float)said : nothing;
}

PmtStatus pmt_cli_writable(const char* path, PmtError* error) {
  char folder[4096];
  if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder) {
    return pmt_fail(error, PMT_IO, "%.80s...: path too long", path);
  }
  char* slash = strrchr(folder, '/');
  if (slash) { slash[slash == folder] = '\0'; }
  if (access(slash ? folder : ".", W_OK)) { return pmt_fail(error, PMT_IO, "%s: cannot write there: %m", path); }
  return PMT_OK;
}

int pmt_cli_misuse(const char* name, const char* format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "partimento %s: ", name);
  vfprintf(stderr, format, args);
  fprintf(stderr, "\nTry 'partimento %s --help' for more information.\n", name);
  va_end(args);
  return PMT_EXIT_USAGE;
}

int pmt_cli_failure(const char* name, const PmtError* error) {
  fprintf(stderr, "partimento %s: %s\n", name, error->text);
  return PMT_EXIT_FAILED;
}

static void print_option(const char* name, const char* argument, const char* help) {
  int column = printf("      --%s%s%s", name, argument ? "=" : "", argument ? argument : "");
  if (column >= HELP_COLUMN) {
    putchar('\n');
    column = 0;
  }
  printf("%*s", HELP_COLUMN + 2 - column, "");
  for (const char* c = help; *c; ++c) {
    putchar(*c);
    if (*c == '\n') {
      printf("%*s", HELP_COLUMN + 4, "");
    }
  }
  putchar('\n');
}

static int print_help(const PmtCliCommand* command) {
  const char* operands = command->operands ? command->operands : "";
  printf("Usage: partimento %s [OPTION]...%s%s\n%s\n\n", command->name, *operands ? " " : "", operands,
         command->summary);
  for (size_t i = 0; i < command->n_options; ++i) {
    print_option(command->options[i].name, command->options[i].argument, command->options[i].help);
  }
  print_option("help", NULL, "display this help and exit");
  if (command->notes) {
    printf("\n%s", command->notes);
  }
  return fflush(stdout) == 0 ? PMT_EXIT_OK : PMT_EXIT_FAILED;
}

/* ---- parsing ---- */

static bool take_value(const PmtCliOption* option, const char* text, PmtError* error) {
  char what[64];
  snprintf(what, sizeof what, "--%s", option->name);
  switch (option->kind) {
    case PMT_CLI_FLAG:
      *(bool*)option->target = true;
      return true;
    case PMT_CLI_TEXT:
      *(const char**)option->target = text;
      return true;
    case PMT_CLI_INT:
      return pmt_cli_parse_int(what, text, (int64_t)option->lo, (int64_t)option->hi, option->target, error);
    case PMT_CLI_REAL:
      return pmt_cli_parse_real(what, text, option->lo, option->hi, option->target, error);
    case PMT_CLI_METER:
      return pmt_cli_parse_meter(what, text, option->target, error);
    case PMT_CLI_CUSTOM:
      return option->take(option->target, text, error);
  }
  return false;
}

static void fill_getopt(const PmtCliCommand* command, struct option* table) {
  assert(command->n_options <= PMT_CLI_OPTIONS_MAX);
  for (size_t i = 0; i < command->n_options; ++i) {
    const bool flag = command->options[i].kind == PMT_CLI_FLAG;
    table[i] = (struct option){command->options[i].name, flag ? no_argument : required_argument, NULL, (int)i};
  }
  table[command->n_options] = (struct option){"help", no_argument, NULL, HELP_OPTION};
  table[command->n_options + 1] = (struct option){NULL, 0, NULL, 0};
}

/* getopt's own lines begin with argv[0]: make that "partimento play" for the time of the parse. */
static int parse_options(const PmtCliCommand* command, int argc, char** argv) {
  struct option table[PMT_CLI_OPTIONS_MAX + 2];
  fill_getopt(command, table);
  optind = 0;
  for (;;) {
    const int at = getopt_long(argc, argv, "", table, NULL);
    if (at == -1) {
      return PMT_CLI_RUN;
    }
    if (at == HELP_OPTION) {
      return print_help(command);
    }
    if (at == '?') {
      fprintf(stderr, "Try 'partimento %s --help' for more information.\n", command->name);
      return PMT_EXIT_USAGE;
    }
    PmtError error = {""};
    if (!take_value(&command->options[at], optarg, &error)) {
      return pmt_cli_misuse(command->name, "%s", error.text);
    }
  }
}

int pmt_cli_parse(const PmtCliCommand* command, int argc, char** argv, int* first_operand) {
  char full_name[64];
  snprintf(full_name, sizeof full_name, "partimento %s", command->name);
  char* const own_name = argv[0];
  argv[0] = full_name;
  const int status = parse_options(command, argc, argv);
  argv[0] = own_name;
  if (status != PMT_CLI_RUN) {
    return status;
  }
  const size_t n_operands = (size_t)(argc - optind);
  if (n_operands < command->operands_min) {
    return pmt_cli_misuse(command->name, "missing operand (%s)", command->operands);
  }
  if (n_operands > command->operands_max) {
    return pmt_cli_misuse(command->name, "unexpected operand \"%s\"", argv[optind + (int)command->operands_max]);
  }
  *first_operand = optind;
  return PMT_CLI_RUN;
}
