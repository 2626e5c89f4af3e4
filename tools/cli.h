/* SPDX-License-Identifier: ISC */
/** @file cli.h  Options of the subcommands as tables: one list serves parsing, range checks and --help.

    Above: tools/cmd_*.c. Below: getopt_long. */
#ifndef PMT_TOOLS_CLI_H
#define PMT_TOOLS_CLI_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PMT_EXIT_OK = 0, PMT_EXIT_FAILED = 1, PMT_EXIT_USAGE = 2 };

/** Marks "parsed, go on" apart from the exit statuses. */
enum { PMT_CLI_RUN = -1, PMT_CLI_OPTIONS_MAX = 48 };

typedef struct { uint32_t beats, unit; } PmtCliMeter;

/** Takes the value of an option that may come several times or has a syntax of its own.
    @return false with a line in `error`: wrong use */
typedef bool (*PmtCliTake)(void* target, const char* value, PmtError* error);

typedef enum {
  PMT_CLI_FLAG,   /**< bool* */
  PMT_CLI_TEXT,   /**< const char** */
  PMT_CLI_INT,    /**< int64_t*, within lo..hi */
  PMT_CLI_REAL,   /**< double*, within lo..hi */
  PMT_CLI_METER,  /**< PmtCliMeter*, "6/8" */
  PMT_CLI_CUSTOM, /**< anything, through `take` */
} PmtCliKind;

typedef struct {
  const char* name;     /**< long name without dashes */
  PmtCliKind kind;
  void* target;         /**< holds the default before, the value after */
  const char* argument; /**< shown in --help: "N"; NULL for a flag */
  const char* help;     /**< one sentence fragment; '\n' breaks the line */
  double lo, hi;        /**< PMT_CLI_INT and PMT_CLI_REAL */
  PmtCliTake take;      /**< PMT_CLI_CUSTOM */
} PmtCliOption;

typedef struct {
  const char* name;       /**< "play" */
  const char* operands;   /**< usage after the options: "FILE", "" */
  const char* summary;    /**< the sentence under the usage line */
  const PmtCliOption* options;
  size_t n_options;
  size_t operands_min, operands_max;
  const char* notes;      /**< text after the options, whole lines; may be NULL */
} PmtCliCommand;

/** Parse argv (argv[0] is the subcommand's name) with GNU rules: options anywhere, "--", "--name=value", prefixes.
    Operands end up in argv[*first_operand .. argc - 1]. --help is handled here.
    @return PMT_CLI_RUN, or the exit status to return at once (help printed, or wrong use told on stderr) */
int pmt_cli_parse(const PmtCliCommand* command, int argc, char** argv, int* first_operand);

/** What the controls want of a --min-p: below 0 it was not given, and 0 drops nothing. */
float pmt_cli_min_p(double said);

/** Before an hour of work: can a file be made at `path`? @return PMT_IO with a line */
PmtStatus pmt_cli_writable(const char* path, PmtError* error);

/** Say "partimento NAME: line" and "Try 'partimento NAME --help'". @return PMT_EXIT_USAGE */
int pmt_cli_misuse(const char* name, const char* format, ...) PMT_PRINTF(2, 3);

/** Say "partimento NAME: line". @return PMT_EXIT_FAILED */
int pmt_cli_failure(const char* name, const PmtError* error);

/** Whole string as a number within lo..hi. NaN, hex, blanks and trailing text are refused.
    @param what names the value in the error line: "--bars" */
bool pmt_cli_parse_int(const char* what, const char* text, int64_t lo, int64_t hi, int64_t* value, PmtError* error);
bool pmt_cli_parse_real(const char* what, const char* text, double lo, double hi, double* value, PmtError* error);

/** Two numbers of at most five digits with `separator` between them. */
bool pmt_cli_parse_pair(const char* text, char separator, uint32_t* a, uint32_t* b);

/** "BEATS/UNIT": 1..99 beats of a whole, half ... 64th. */
bool pmt_cli_parse_meter(const char* what, const char* text, PmtCliMeter* meter, PmtError* error);

/** "A-B", from 1, A <= B; "A" alone is A-A. */
bool pmt_cli_parse_range(const char* what, const char* text, uint32_t* first, uint32_t* last, PmtError* error);

#endif
