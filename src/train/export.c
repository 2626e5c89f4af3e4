/* SPDX-License-Identifier: ISC */
/** @file export.c  See export.h. */
#include "train/export.h"

#include "music/listener.h"
#include "nn/tensors.h"
#include "train/body.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { META_MAX = 48, TEXT_BYTES = 1 << 16, TENSORS_MAX = PMT_BLOCKS_MAX + PMT_TRAIN_LAYERS_MAX };

/** Metadata in the making: values live in one text buffer. */
typedef struct {
  PmtMetaOut meta[META_MAX];
  size_t n;
  char* text;
  size_t used;
  bool full;
} Meta;

/** Append to the value being written. */
PMT_PRINTF(2, 3) static void say(Meta* m, const char* format, ...) {
  va_list args;
  va_start(args, format);
  const int n = vsnprintf(m->text + m->used, TEXT_BYTES - m->used, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= TEXT_BYTES - m->used) {
    m->full = true;
    return;
  }
  m->used += (size_t)n;
}

/** Begin a value; what say() writes next belongs to it. */
static void key(Meta* m, const char* name) {
  if (m->n == META_MAX || m->used + 2 >= TEXT_BYTES) {
    m->full = true;
    return;
  }
  if (m->n) { m->text[m->used++] = '\0'; }
  m->meta[m->n++] = (PmtMetaOut){name, m->text + m->used};
  m->text[m->used] = '\0';
}

static void text(Meta* m, const char* name, const char* value) {
  key(m, name);
  say(m, "%s", value ? value : "");
}

static void number(Meta* m, const char* name, double value) {
  key(m, name);
  say(m, "%.10g", value);
}

static void describe_parts(Meta* m, const PmtFacts* f) {
  number(m, "parts", f->parts);
  key(m, "pitch_lo");
  for (uint32_t p = 0; p < f->parts; ++p) { say(m, "%s%u", p ? "," : "", f->pitch_lo[p]); }
  key(m, "pitch_hi");
  for (uint32_t p = 0; p < f->parts; ++p) { say(m, "%s%u", p ? "," : "", f->pitch_hi[p]); }
  key(m, "part_names");
  for (uint32_t p = 0; p < f->parts; ++p) { say(m, "%sPart %u", p ? "," : "", p + 1); }
}

static void describe_styles(Meta* m, const PmtExport* about, uint32_t styles) {
  const PmtFacts* f = about->facts;
  key(m, "styles");
  for (uint32_t k = 0; k < styles; ++k) { say(m, "%s%s", k ? "," : "", about->corpora[k].name); }
  key(m, "programs");
  for (uint32_t k = 0; k < styles; ++k) {
    for (uint32_t p = 0; p < f->parts; ++p) { say(m, "%s%u", p ? "," : k ? ";" : "", f->program[k][p]); }
  }
  key(m, "kits");
  for (uint32_t k = 0; k < styles; ++k) { say(m, "%s%u", k ? "," : "", f->kit[k]); }
  key(m, "style_parts");
  for (uint32_t k = 0; k < styles; ++k) { say(m, "%s%u", k ? "," : "", f->style_parts[k]); }
  key(m, "style_rests");
  for (uint32_t k = 0; k < styles; ++k) {
    for (uint32_t p = 0; p < f->parts; ++p) { say(m, "%s%u", p ? "," : k ? ";" : "", f->rests[k][p]); }
  }
  key(m, "style_drums");
  for (uint32_t k = 0; k < styles; ++k) { say(m, "%s%u", k ? "," : "", f->style_drums[k]); }
  key(m, "style_told");
  for (uint32_t k = 0; k < styles; ++k) { say(m, "%s%u", k ? "," : "", f->told[k]); }
  key(m, "style_bpm");
  for (uint32_t k = 0; k < styles; ++k) { say(m, "%s%.4g", k ? "," : "", (double)f->style_bpm[k]); }
  key(m, "density_octiles");
  for (uint32_t k = 0; k < styles; ++k) {
    for (uint32_t i = 0; i < PMT_OCTILE_LIMITS; ++i) { say(m, "%s%u", i ? "," : k ? ";" : "", f->octiles[k][i]); }
  }
}

static void describe_net(Meta* m, const PmtTrainShape* s) {
  text(m, "arch", s->body->name);
  number(m, "layers", s->layers);
  number(m, "d", s->d);
  if (s->body != &pmt_body_tf) {
    number(m, "h", s->h);
    return;
  }
  number(m, "heads", s->heads);
  number(m, "ff", s->ff);
  number(m, "window", s->window);
  text(m, "pos", pmt_train_pos_name(s->pos));
}

/** That it is told what the listener hears; which of it, its tensors say. */
static void describe_hints(Meta* m, const PmtTrainShape* s) {
  if (pmt_shape_is_hinted(s)) { text(m, "hints", PMT_LISTENER_NAME); }
}

/** One number where it holds for all. They are floats, when they are from a model. */
static void describe_min_p(Meta* m, const double* min_p, uint32_t styles) {
  bool same = true;
  for (uint32_t k = 1; k < styles; ++k) { same &= min_p[k] == min_p[0]; }
  key(m, "min_p"), say(m, "%.6g", min_p[0]);
  for (uint32_t k = 1; !same && k < styles; ++k) { say(m, ",%.6g", min_p[k]); }
}

static void describe(Meta* m, const PmtParams* params, const PmtExport* about) {
  const PmtTrainShape* s = &params->shape;
  text(m, "format_version", "1");
  text(m, "vocab", PMT_VOCAB_NAME);
  describe_net(m, s);
  describe_hints(m, s);
  describe_parts(m, about->facts);
  describe_styles(m, about, pmt_shape_rows(s, "style"));
  text(m, "lag", "1");
  text(m, "velocity", about->facts->velocity ? "1" : "0");
  text(m, "drums", about->facts->drums ? "1" : "0");
  text(m, "ornaments", about->facts->ornaments ? "1" : "0");
  text(m, "microtiming", "0");
  text(m, "temperature", "1.0");
  describe_min_p(m, about->min_p, pmt_shape_rows(s, "style"));
  if (isfinite(about->valid)) { key(m, "valid_nats_per_quarter"), say(m, "%.3f", about->valid); }
  if (isfinite(about->ngram)) { key(m, "ngram_nats_per_quarter"), say(m, "%.3f", about->ngram); }
  text(m, "title", about->title);
  text(m, "author", about->author);
  text(m, "license", about->license);
  text(m, "data_license", about->data_license);
  text(m, "data_sources", about->data_sources);
  text(m, "trained_with", "partimento " PMT_VERSION);
  text(m, "command", about->command);
  number(m, "seed", (double)about->seed);
  number(m, "steps", (double)about->steps);
}

/** Where two biases were trained as one, the second is zero. `zeros` is as long as the longest block has rows. */
static size_t list_tensors(const PmtParams* params, const float* w, const float* zeros, bool half,
                           char names[PMT_TRAIN_LAYERS_MAX][32], PmtTensorOut out[TENSORS_MAX]) {
  size_t n = 0;
  uint32_t rows = 0;
  for (uint32_t i = 0; i < params->n_blocks; ++i) {
    const PmtBlock* b = &params->block[i];
    const bool matrix = b->cols > 1;
    out[n++] = (PmtTensorOut){.name = b->name, .rank = matrix ? 2 : 1, .shape = {b->rows, b->cols}, .data = w + b->at,
                              .dtype = half && matrix ? PMT_F16 : PMT_F32};
    if (!strcmp(b->name, "rnn.bias_ih_l0")) { rows = b->rows; }
  }
  if (!rows || pmt_params_find(params, "rnn.bias_hh_l0")) { return n; }
  for (uint32_t l = 0; l < params->shape.layers; ++l) {
    snprintf(names[l], sizeof names[l], "rnn.bias_hh_l%u", l);
    out[n++] = (PmtTensorOut){.name = names[l], .rank = 1, .shape = {rows, 1}, .data = zeros};
  }
  return n;
}

void pmt_export_round(const PmtParams* params, float* w) {
  for (uint32_t i = 0; i < params->n_blocks; ++i) {
    const PmtBlock* b = &params->block[i];
    for (size_t k = 0; b->cols > 1 && k < (size_t)b->rows * b->cols; ++k) { w[b->at + k] = pmt_half_rounded(w[b->at + k]); }
  }
}

static PmtStatus write_with(const char* path, const PmtParams* params, const float* w, const Meta* m, bool half,
                            PmtError* error) {
  float* zeros = calloc((size_t)4 * PMT_NET_DIM_MAX, sizeof *zeros);
  char names[PMT_TRAIN_LAYERS_MAX][32];
  PmtTensorOut tensors[TENSORS_MAX];
  PmtStatus st = PMT_OK;
  if (m->full) {
    st = pmt_fail(error, PMT_TOO_BIG, "%s: the metadata exceeds %d bytes", path, TEXT_BYTES);
  } else if (!zeros) {
    st = pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path);
  } else {
    const size_t n = list_tensors(params, w, zeros, half, names, tensors);
    st = pmt_tensors_write(path, tensors, n, m->meta, m->n, error);
  }
  free(zeros);
  return st;
}

PmtStatus pmt_export_net(const char* path, const PmtParams* params, const float* w, const char* vocab, bool half,
                         PmtError* error) {
  Meta m = {.text = malloc(TEXT_BYTES)};
  if (!m.text) { return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path); }
  text(&m, "format_version", "1");
  text(&m, "vocab", vocab);
  describe_net(&m, &params->shape);
  text(&m, "trained_with", "partimento " PMT_VERSION);
  const PmtStatus st = write_with(path, params, w, &m, half, error);
  free(m.text);
  return st;
}

PmtStatus pmt_export_model(const char* path, const PmtParams* params, const float* w, const PmtExport* about,
                           PmtError* error) {
  Meta m = {.text = malloc(TEXT_BYTES)};
  if (!m.text) { return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path); }
  describe(&m, params, about);
  const PmtStatus st = write_with(path, params, w, &m, about->half, error);
  free(m.text);
  return st;
}
