/* SPDX-License-Identifier: ISC */
/* See style_option.h. */
#include "style_option.h"

#include <stdlib.h>
#include <string.h>

/** Names become lists in metadata. */
static bool check_name(const char* value, size_t n, PmtError* error) {
  if (n > 40 || strcspn(value, ",;") < n) {
    pmt_fail(error, PMT_BAD_ARG, "--style: a name has up to 40 bytes and neither ',' nor ';': \"%s\"", value);
    return false;
  }
  return true;
}

static bool is_new(const PmtTrainOptions* o, const char* name, PmtError* error) {
  for (size_t k = 0; k < o->n_styles; ++k) {
    if (!strcasecmp(o->styles[k].name, name)) {
      pmt_fail(error, PMT_BAD_ARG, "--style: \"%s\" is given twice", name);
      return false;
    }
  }
  return true;
}

bool pmt_style_option_take(void* target, const char* value, PmtError* error) {
  PmtTrainOptions* o = target;
  const char* equals = strchr(value, '=');
  if (!equals || equals == value || !equals[1]) {
    pmt_fail(error, PMT_BAD_ARG, "--style: \"%s\" is not NAME=DIR", value);
    return false;
  }
  if (!check_name(value, (size_t)(equals - value), error)) { return false; }
  if (o->n_styles == PMT_STYLES_MAX) {
    pmt_fail(error, PMT_BAD_ARG, "--style: more than %d styles", PMT_STYLES_MAX);
    return false;
  }
  char* name = strndup(value, (size_t)(equals - value));
  if (!name) {
    pmt_fail(error, PMT_NO_MEM, "out of memory");
    return false;
  }
  if (!is_new(o, name, error)) {
    free(name);
    return false;
  }
  o->styles[o->n_styles++] = (PmtStyleSource){name, equals + 1};
  return true;
}

void pmt_style_option_free(PmtTrainOptions* o) {
  for (size_t k = 0; k < o->n_styles; ++k) { free((char*)(uintptr_t)o->styles[k].name); }
  for (size_t i = 0; i < o->n_min_p; ++i) { free((char*)(uintptr_t)o->min_p[i].style); }
  o->n_styles = o->n_min_p = 0;
}
