/* SPDX-License-Identifier: ISC */
/* Reading automation files. Above: tools/cmd_play.c. Below: tools/cli.h (numbers), base/file.h. */
#include "automation.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8, LINE_MAX_CHARS = 255, FILE_MAX = 1 << 20 };

/* One line being read. */
typedef struct {
  char text[LINE_MAX_CHARS + 1]; /* cut into words in place */
  char* words[WORDS_MAX];
  size_t n_words;
  PmtAutomateResolve resolve;
  void* handle;
} Line;

PmtStatus pmt_automation_add(PmtAutomation* automation, PmtAutomate item) {
  PmtAutomate* items = realloc(automation->items, (automation->n_items + 1) * sizeof *items);
  if (!items) {
    return PMT_NO_MEM;
  }
  automation->items = items;
  items[automation->n_items++] = item;
  return PMT_OK;
}

void pmt_automation_free(PmtAutomation* automation) {
  free(automation->items);
  memset(automation, 0, sizeof *automation);
}

/* ---- pieces of a line ---- */

/* "9", "9.3", "9.3.5": bar 9, beat 3, beat three and a half. */
static bool parse_place(const char* word, PmtSongPlace* place, PmtError* error) {
  char bar[16];
  const size_t digits = strspn(word, "0123456789");
  int64_t number = 0;
  snprintf(bar, sizeof bar, "%.*s", (int)(digits < 15 ? digits : 15), word);
  if (!digits || (word[digits] && word[digits] != '.')) {
    pmt_fail(error, PMT_BAD_FILE, "\"%s\" is not a place such as 9 or 9.3 (bar and beat, from 1)", word);
    return false;
  }
  if (!pmt_cli_parse_int("bar", bar, 1, PMT_AUTOMATION_BARS_MAX, &number, error)) {
    return false;
  }
  double beat = 1;
  if (word[digits] && !pmt_cli_parse_real("beat", word + digits + 1, 1, 999, &beat, error)) {
    return false;
  }
  *place = (PmtSongPlace){(uint32_t)number - 1, beat - 1};
  return true;
}

static bool parse_bar(const char* word, uint32_t* bar, PmtError* error) {
  int64_t number = 0;
  if (!pmt_cli_parse_int("bar", word, 1, PMT_AUTOMATION_BARS_MAX, &number, error)) {
    return false;
  }
  *bar = (uint32_t)number - 1;
  return true;
}

static bool parse_value(const Line* line, const PmtAutomate* item, const char* word, double* value, PmtError* error) {
  if (item->kind == PMT_AUTOMATE_TEMPO) {
    return pmt_cli_parse_real("tempo", word, PMT_TEMPO_MIN, PMT_TEMPO_MAX, value, error);
  }
  if (line->resolve) {
    return line->resolve(line->handle, item->symbol, word, value, error);
  }
  return pmt_cli_parse_real(item->symbol, word, -1e9, 1e9, value, error);
}

static bool wrong_form(const char* form, PmtError* error) {
  pmt_fail(error, PMT_BAD_FILE, "expected: %s", form);
  return false;
}

static bool after(PmtSongPlace a, PmtSongPlace b) {
  return a.bar > b.bar || (a.bar == b.bar && a.beat > b.beat);
}

/* PLACE SYMBOL VALUE [-> PLACE VALUE], with "tempo" as a symbol of the transport's own. */
static bool parse_change(const Line* line, PmtAutomate* item, PmtError* error) {
  item->ramp = line->n_words == 6 && !strcmp(line->words[3], "->");
  if (line->n_words != 3 && !item->ramp) {
    return wrong_form("BAR[.BEAT] SYMBOL VALUE [-> BAR[.BEAT] VALUE]", error);
  }
  if (!parse_value(line, item, line->words[2], &item->value, error)) {
    return false;
  }
  if (!item->ramp) {
    return true;
  }
  if (!parse_place(line->words[4], &item->to, error) ||
      !parse_value(line, item, line->words[5], &item->value_to, error)) {
    return false;
  }
  if (!after(item->to, item->at)) {
    pmt_fail(error, PMT_BAD_FILE, "the ramp ends at %s, not after it begins at %s", line->words[4], line->words[0]);
    return false;
  }
  return true;
}

static bool parse_meter(const Line* line, PmtAutomate* item, PmtError* error) {
  return line->n_words == 3 ? pmt_cli_parse_meter("meter", line->words[2], &item->meter, error)
                            : wrong_form("BAR meter BEATS/UNIT", error);
}

static bool parse_locate(const Line* line, PmtAutomate* item, PmtError* error) {
  return line->n_words == 3 ? parse_bar(line->words[2], &item->to.bar, error) : wrong_form("BAR locate BAR", error);
}

static bool parse_loop(const Line* line, PmtAutomate* item, PmtError* error) {
  if (line->n_words != 3 && !(line->n_words == 4 && *line->words[3] == 'x')) {
    return wrong_form("BAR loop LASTBAR [xTIMES]", error);
  }
  int64_t times = 0;
  if (!parse_bar(line->words[2], &item->to.bar, error) ||
      (line->n_words == 4 && !pmt_cli_parse_int("times", line->words[3] + 1, 1, 99999, &times, error))) {
    return false;
  }
  item->times = (uint32_t)times;
  if (item->to.bar < item->at.bar) {
    pmt_fail(error, PMT_BAD_FILE, "the loop ends in bar %s, before it begins in bar %s", line->words[2],
             line->words[0]);
    return false;
  }
  return true;
}

/* ---- lines ---- */

typedef bool (*ParseLine)(const Line* line, PmtAutomate* item, PmtError* error);

/* What the second word may be; anything else is a control of the plugin. */
static const struct { const char* word; PmtAutomateKind kind; ParseLine parse; } forms[] = {
  {"tempo", PMT_AUTOMATE_TEMPO, parse_change},
  {"meter", PMT_AUTOMATE_METER, parse_meter},
  {"locate", PMT_AUTOMATE_LOCATE, parse_locate},
  {"loop", PMT_AUTOMATE_LOOP, parse_loop},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

static bool parse_line(const Line* line, PmtAutomate* item, PmtError* error) {
  if (line->n_words < 3) {
    return wrong_form("BAR[.BEAT] SYMBOL VALUE [-> BAR[.BEAT] VALUE]", error);
  }
  if (!parse_place(line->words[0], &item->at, error)) {
    return false;
  }
  const char* word = line->words[1];
  for (size_t i = 0; i < N_FORMS; ++i) {
    if (strcmp(word, forms[i].word)) {
      continue;
    }
    item->kind = forms[i].kind;
    if (item->kind != PMT_AUTOMATE_TEMPO && item->at.beat > 0) {
      pmt_fail(error, PMT_BAD_FILE, "%s happens at bar lines: give a bar without a beat", word);
      return false;
    }
    return forms[i].parse(line, item, error);
  }
  if (strlen(word) >= sizeof item->symbol) {
    return wrong_form("a symbol of under 64 characters", error);
  }
  item->kind = PMT_AUTOMATE_CONTROL;
  snprintf(item->symbol, sizeof item->symbol, "%s", word);
  return parse_change(line, item, error);
}

/* Copy one line without its comment and cut it at blanks. */
static bool split_line(Line* line, const char* text, size_t length, PmtError* error) {
  const char* comment = memchr(text, '#', length);
  const size_t used = comment ? (size_t)(comment - text) : length;
  if (used > LINE_MAX_CHARS) {
    pmt_fail(error, PMT_BAD_FILE, "longer than %d characters", LINE_MAX_CHARS);
    return false;
  }
  memcpy(line->text, text, used);
  line->text[used] = '\0';
  line->n_words = 0;
  char* rest = NULL;
  for (char* word = strtok_r(line->text, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
    if (line->n_words == WORDS_MAX) {
      pmt_fail(error, PMT_BAD_FILE, "too many words");
      return false;
    }
    line->words[line->n_words++] = word;
  }
  return true;
}

static PmtStatus fail_at(const PmtAutomation* automation, uint32_t number, PmtError* error) {
  char prefix[200];
  snprintf(prefix, sizeof prefix, "%s:%u", automation->path, number);
  pmt_error_prefix(error, prefix);
  return PMT_BAD_FILE;
}

PmtStatus pmt_automation_parse(PmtAutomation* automation, const char* path, const char* text,
                               PmtAutomateResolve resolve, void* handle, PmtError* error) {
  snprintf(automation->path, sizeof automation->path, "%s", path);
  Line line = {.resolve = resolve, .handle = handle};
  PmtError reason = {""};
  uint32_t number = 0;
  for (const char* at = text; *at;) {
    const size_t length = strcspn(at, "\n");
    PmtAutomate item = {.line = ++number};
    if (!split_line(&line, at, length, &reason) || (line.n_words && !parse_line(&line, &item, &reason))) {
      if (error) {
        *error = reason;
      }
      return fail_at(automation, number, error);
    }
    if (line.n_words && pmt_automation_add(automation, item)) {
      return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path);
    }
    at += length + (at[length] == '\n');
  }
  return PMT_OK;
}

PmtStatus pmt_automation_read(PmtAutomation* automation, const char* path, PmtAutomateResolve resolve, void* handle,
                              PmtError* error) {
  unsigned char* bytes = NULL;
  size_t size = 0;
  PmtStatus status = pmt_file_read(path, FILE_MAX, &bytes, &size, error);
  if (status) {
    return status;
  }
  status = memchr(bytes, '\0', size) ? pmt_fail(error, PMT_BAD_FILE, "%s: not a text file", path)
                                     : pmt_automation_parse(automation, path, (char*)bytes, resolve, handle, error);
  free(bytes);
  return status;
}
