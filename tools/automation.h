/* SPDX-License-Identifier: ISC */
/** @file automation.h  The automation file (docs/automation.md): what changes where, in bars and beats.

    Above: tools/cmd_play.c. Below: tools/cli.h for numbers. tools/transport.h turns the list into frames. */
#ifndef PMT_TOOLS_AUTOMATION_H
#define PMT_TOOLS_AUTOMATION_H

#include "base/status.h"
#include "cli.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PMT_AUTOMATION_BARS_MAX = 99999, PMT_AUTOMATION_SYMBOL = 64 };

/** The slowest and fastest transport, quarter notes a minute. */
#define PMT_TEMPO_MIN 5.0
#define PMT_TEMPO_MAX 1000.0

typedef enum {
  PMT_AUTOMATE_CONTROL,
  PMT_AUTOMATE_TEMPO,
  PMT_AUTOMATE_METER,  /**< from the start of `at` */
  PMT_AUTOMATE_LOCATE, /**< where `at` begins, jump to `to`, once */
  PMT_AUTOMATE_LOOP,   /**< bars `at` to `to` inclusive are played `times` times in all; 0: for ever */
} PmtAutomateKind;

/** Bars and beats from 0. */
typedef struct { uint32_t bar; double beat; } PmtSongPlace;

typedef struct {
  PmtAutomateKind kind;
  uint32_t line;                      /**< in the file; 0: from the command line */
  char symbol[PMT_AUTOMATION_SYMBOL]; /**< PMT_AUTOMATE_CONTROL */
  PmtSongPlace at, to;                    /**< `to`: the end of a ramp, the target of a jump */
  bool ramp;
  double value, value_to;             /**< control value, or quarter notes a minute */
  PmtCliMeter meter;
  uint32_t times;
} PmtAutomate;

/** Owned array; a zeroed struct is empty. */
typedef struct {
  PmtAutomate* items;
  size_t n_items;
  char path[160]; /**< for messages */
} PmtAutomation;

/** What a word means as the value of a control: a number, or a name the plugin knows.
    @return false with a line in `error` */
typedef bool (*PmtAutomateResolve)(void* handle, const char* symbol, const char* word, double* value, PmtError* error);

/** Append one thing. @return PMT_NO_MEM */
PmtStatus pmt_automation_add(PmtAutomation* automation, PmtAutomate item);

/** Parse a text, appending. @return PMT_BAD_FILE with "path:line: what is wrong"; PMT_NO_MEM */
PmtStatus pmt_automation_parse(PmtAutomation* automation, const char* path, const char* text,
                               PmtAutomateResolve resolve, void* handle, PmtError* error);

/** The same from a file. */
PmtStatus pmt_automation_read(PmtAutomation* automation, const char* path, PmtAutomateResolve resolve, void* handle,
                              PmtError* error);

void pmt_automation_free(PmtAutomation* automation);

#endif
