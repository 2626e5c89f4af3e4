/* SPDX-License-Identifier: ISC */
/** @file card.c  See card.h. */
#include "train/card.h"

#include "base/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CARD_BYTES = 1 << 16, LICENSE_BYTES_MAX = 1 << 20, INDEX_BYTES_MAX = 16 << 20, KINDS_MAX = 12, TITLE_LINES = 2 };

/* -- licences ------------------------------------------------------------------------------------------------- */

static char* read_text(const char* folder, const char* name, size_t size_max) {
  char path[4096];
  unsigned char* bytes;
  size_t size;
  if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) { return NULL; }
  return pmt_file_read(path, size_max, &bytes, &size, NULL) ? NULL : (char*)bytes;
}

static void append(char* text, size_t size, const char* format, ...) PMT_PRINTF(3, 4);
static void append(char* text, size_t size, const char* format, ...) {
  const size_t used = strlen(text);
  va_list args;
  va_start(args, format);
  vsnprintf(text + used, size - used, format, args);
  va_end(args);
}

/** The first lines that say something, joined. */
static void append_title(const char* folder, char* text, size_t size) {
  char* license = read_text(folder, "LICENSE.txt", LICENSE_BYTES_MAX);
  char* save = NULL;
  int n = 0;
  for (char* line = license ? strtok_r(license, "\r\n", &save) : NULL; line && n < TITLE_LINES;
       line = strtok_r(NULL, "\r\n", &save)) {
    line += strspn(line, " \t=-#*");
    if (!*line) { continue; }
    append(text, size, "%s%.100s", n++ ? ", " : "LICENSE.txt: ", line);
  }
  free(license);
}

/** Number of the column called "licence" or "license" in a header line; -1 when there is none. */
static int license_column(char* header) {
  int n = 0;
  for (char* field = strsep(&header, "\t"); field; field = strsep(&header, "\t"), ++n) {
    if (!strcasecmp(field, "licence") || !strcasecmp(field, "license")) { return n; }
  }
  return -1;
}

static void append_counts(const char* folder, char* text, size_t size) {
  struct { const char* name; size_t n; } kinds[KINDS_MAX];
  size_t n_kinds = 0;
  char* index = read_text(folder, "index.tsv", INDEX_BYTES_MAX);
  char* save = NULL;
  char* line = index ? strtok_r(index, "\r\n", &save) : NULL;
  const int column = line ? license_column(line) : -1;
  while (column >= 0 && (line = strtok_r(NULL, "\r\n", &save))) {
    char* field = strsep(&line, "\t");
    for (int i = 0; i < column && field; ++i) { field = strsep(&line, "\t"); }
    if (!field) { continue; }
    size_t k = 0;
    while (k < n_kinds && strcmp(kinds[k].name, field)) { ++k; }
    if (k == KINDS_MAX) { continue; }
    if (k == n_kinds) {
      kinds[k].name = field;
      kinds[n_kinds++].n = 0;
    }
    ++kinds[k].n;
  }
  for (size_t k = 0; k < n_kinds; ++k) {
    append(text, size, "%s%.60s %zu", k ? ", " : *text ? "; index.tsv: " : "index.tsv: ", kinds[k].name, kinds[k].n);
  }
  free(index);
}

void pmt_card_license(const char* folder, char* text, size_t size) {
  text[0] = '\0';
  append_title(folder, text, size);
  append_counts(folder, text, size);
  if (!*text) { append(text, size, "not stated"); }
}

/* -- the card ------------------------------------------------------------------------------------------------- */

/** A figure; a dash where there was nothing to measure. */
static void write_figure(char* card, double nats, double of) {
  if (!(of > 0.0)) {
    append(card, CARD_BYTES, " - |");
  } else if (isfinite(nats)) {
    append(card, CARD_BYTES, " %.3f |", nats / of);
  } else {
    append(card, CARD_BYTES, " not computed |");
  }
}

/** What the model it goes on from brought along: its licence holds for what is made of it, too. */
static void write_origin(char* card, const PmtTrainResult* r) {
  if (!r->options.from) { return; }
  append(card, CARD_BYTES, "\nThe training went on from the model \"%s\" (licence as it states it: %s; its own card says what it "
         "learned from).\n", *r->origin.title ? r->origin.title : r->options.from,
         *r->origin.license ? r->origin.license : "not stated");
  if (!r->origin.tokens) { return; }
  append(card, CARD_BYTES, "Styles kept, rehearsed by what that model plays of them (%zu tokens):", r->origin.tokens);
  for (size_t k = 0, n = 0; k < r->n_corpora; ++k) {
    if (r->origin.kept[k]) { append(card, CARD_BYTES, "%s %s", n++ ? "," : "", r->corpora[k].name); }
  }
  append(card, CARD_BYTES, ".\n\n| style kept | nats/quarter of what that model plays: before | after |\n|---|---|---|\n");
  for (size_t k = 0; k < r->n_corpora; ++k) {
    if (!r->origin.kept[k]) { continue; }
    append(card, CARD_BYTES, "| %s |", r->corpora[k].name);
    write_figure(card, r->origin.before[k], 1.0);
    write_figure(card, r->origin.after[k], 1.0);
    append(card, CARD_BYTES, "\n");
  }
}

static void write_data(char* card, const PmtTrainResult* r) {
  append(card, CARD_BYTES, "\n## Training data\n\n| style | pieces train / valid / test | refused | tokens | licence as the "
         "folder states it |\n|---|---|---|---|---|\n");
  for (size_t k = 0; k < r->n_corpora; ++k) {
    const PmtCorpus* c = &r->corpora[k];
    if (r->origin.kept[k]) { continue; }
    const PmtCorpusCount train = pmt_corpus_count(c, PMT_SPLIT_TRAIN), valid = pmt_corpus_count(c, PMT_SPLIT_VALID),
                         test = pmt_corpus_count(c, PMT_SPLIT_TEST);
    char license[600];
    pmt_card_license(c->folder, license, sizeof license);
    append(card, CARD_BYTES, "| %s | %zu / %zu / %zu | %zu | %zu | %s |\n", c->name, train.pieces, valid.pieces, test.pieces,
           c->n_refused, train.tokens + valid.tokens + test.tokens, license);
  }
  write_origin(card, r);
}

static void write_figures(char* card, const PmtTrainResult* r) {
  append(card, CARD_BYTES,
         "\n## Figures\n\nNegative log-likelihood in nats, lower is better; nats a quarter note compare across vocabularies. "
         "Style and meter are\nknown to the model; key, density and phrase are not. The 6-gram (Witten-Bell, interpolated) "
         "learned from the same training\npieces in twelve keys.\n\n| style | valid nats/token | valid nats/quarter | "
         "6-gram | test nats/token | test nats/quarter | 6-gram |\n|---|---|---|---|---|---|---|\n");
  for (size_t k = 0; k < r->n_corpora; ++k) {
    const PmtSplitResult* both[2] = {&r->valid[k], &r->test[k]};
    if (r->origin.kept[k]) { continue; }
    append(card, CARD_BYTES, "| %s |", r->corpora[k].name);
    for (int i = 0; i < 2; ++i) {
      write_figure(card, both[i]->sum.nats, (double)both[i]->sum.tokens);
      write_figure(card, both[i]->sum.nats, both[i]->sum.quarters);
      write_figure(card, both[i]->ngram, both[i]->sum.quarters);
    }
    append(card, CARD_BYTES, "\n");
  }
  if (r->sampled) {
    append(card, CARD_BYTES, "\nThe run was short: these figures are of the beginnings of pieces. `partimento evaluate` "
           "measures them whole.\n");
  }
}

static void write_how(char* card, const PmtTrainResult* r) {
  const PmtTrainOptions* o = &r->options;
  char shape[160];
  pmt_shape_describe(&r->params.shape, shape, sizeof shape);
  append(card, CARD_BYTES,
         "\n## How it was trained\n\n    %s\n\n- %s, vocabulary slot-v1 with %u parts (%u tokens), %zu parameters\n- seed %"
         PRIu64 ", %" PRIu64 " steps of %u x %u tokens (%.1f M), %.0f minutes on %u threads; the weights are those of step %"
         PRIu64 "\n- AdamW, rate %g, cosine to 5 %%, dropout %g, gradient clipped at 1\n- each piece transposed by -6..+5 "
         "semitones, velocities varied, sometimes begun in the middle\n- shares of the styles: tokens to the power %g\n",
         o->command ? o->command : "(not known)", shape, r->facts.parts, r->params.shape.vocab,
         pmt_params_count(&r->params), o->seed, r->steps, o->batch, o->length, (double)r->steps * o->batch * o->length * 1e-6,
         r->seconds / 60.0, r->threads, r->best_step, o->rate, o->dropout, o->balance);
  if (r->peak_mib > 0.0) { append(card, CARD_BYTES, "- peak resident memory %.0f MiB\n", r->peak_mib); }
}

/** The sentences as a list. */
static void write_verdict(char* card, const char* verdict) {
  append(card, CARD_BYTES, "\n## What it came to\n\n");
  while (*verdict) {
    const size_t n = strcspn(verdict, "\n");
    append(card, CARD_BYTES, "- %.*s\n", (int)n, verdict);
    verdict += n + (verdict[n] == '\n');
  }
}

PmtStatus pmt_card_write(const char* path, const PmtTrainResult* result, const char* verdict, const char* curve,
                         PmtError* error) {
  const PmtTrainOptions* options = &result->options;
  char* card = malloc(CARD_BYTES);
  if (!card) { return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path); }
  card[0] = '\0';
  append(card, CARD_BYTES, "# %s\n\nA model for Partimento, trained by `partimento train` " PMT_VERSION ".\n\n",
         options->title && *options->title ? options->title : "Untitled model");
  append(card, CARD_BYTES, "- author: %s\n- licence of the weights: %s\n", options->author ? options->author : "not stated",
         options->license ? options->license : "not stated");
  write_data(card, result);
  write_figures(card, result);
  if (verdict) { write_verdict(card, verdict); }
  write_how(card, result);
  if (curve) { append(card, CARD_BYTES, "\n![Loss over training](%s)\n", curve); }
  const PmtStatus st = pmt_file_write(path, card, strlen(card), error);
  free(card);
  return st;
}
