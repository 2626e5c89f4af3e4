/* SPDX-License-Identifier: ISC */
/** @file origin.c  See origin.h. */
#include "train/origin.h"

#include <stdlib.h>
#include <string.h>

void pmt_origin_close(PmtOrigin* o) {
  pmt_tensors_free(o->file);
  pmt_model_free(o->model);
  *o = (PmtOrigin){0};
}

PmtStatus pmt_origin_open(const char* path, PmtOrigin* o, PmtError* error) {
  PmtParams params;
  *o = (PmtOrigin){0};
  PmtStatus st = pmt_model_load(path, &o->model, error);
  if (st) { return st; }
  st = pmt_tensors_read(path, &o->file, error);
  if (!st) { st = pmt_shape_read(o->file, &o->shape, error); }
  if (!st) { st = pmt_params_layout(&o->shape, &params, error); }
  if (st) {
    pmt_error_prefix(error, path);
    pmt_origin_close(o);
  }
  return st;
}

PmtStatus pmt_origin_rows(const PmtOrigin* o, const char* const* names, size_t n, uint32_t* rows, uint32_t* n_rows,
                          PmtError* error) {
  *n_rows = o->model->n_styles;
  for (size_t i = 0; i < n; ++i) {
    const int row = pmt_model_style(o->model, names[i]);
    rows[i] = row >= 0 ? (uint32_t)row : (*n_rows)++;
  }
  if (*n_rows > PMT_STYLES_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "the model has %u styles and %u would be new: %d fit a model", o->model->n_styles,
                    *n_rows - o->model->n_styles, PMT_STYLES_MAX);
  }
  return PMT_OK;
}

/* -- weights -------------------------------------------------------------------------------------------------- */

static void add_mean_rows(const PmtBlock* from, const float* old, const PmtBlock* to, float* w) {
  for (uint32_t c = 0; c < to->cols; ++c) {
    float mean = 0.0f;
    for (uint32_t r = 0; r < from->rows; ++r) { mean += old[(size_t)r * from->cols + c] / (float)from->rows; }
    for (uint32_t r = from->rows; r < to->rows; ++r) { w[(size_t)r * to->cols + c] = mean; }
  }
}

PmtStatus pmt_origin_weights(const PmtOrigin* o, const PmtParams* params, float* w, PmtError* error) {
  PmtParams old;
  PmtStatus st = pmt_params_layout(&o->shape, &old, error);
  if (st) { return st; }
  float* weights = pmt_params_array(&old);
  if (!weights) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  st = pmt_params_load(&old, o->file, weights, error);
  memset(w, 0, params->n_floats * sizeof *w);
  for (uint32_t i = 0; !st && i < old.n_blocks; ++i) {
    const PmtBlock *from = &old.block[i], *to = pmt_params_find(params, from->name);
    if (!to || to->cols != from->cols || to->rows < from->rows) {
      st = pmt_fail(error, PMT_BAD_SHAPE, "tensor \"%s\" does not fit", from->name);
      break;
    }
    memcpy(w + to->at, weights + from->at, (size_t)from->rows * from->cols * sizeof *w);
    if (to->rows > from->rows) { add_mean_rows(from, weights + from->at, to, w + to->at); }
  }
  free(weights);
  return st;
}

/* -- facts ---------------------------------------------------------------------------------------------------- */

/** Absent in models from elsewhere: then all limits are 0, and every bar with notes is of the highest class. */
static PmtStatus read_octiles(const PmtOrigin* o, PmtFacts* facts, PmtError* error) {
  const char* text = pmt_tensors_meta(o->file, "density_octiles");
  for (uint32_t i = 0; text && i < o->model->n_styles * PMT_OCTILE_LIMITS; ++i) {
    char* end;
    const unsigned long value = strtoul(text, &end, 10);
    if (end == text || value > UINT16_MAX) {
      return pmt_fail(error, PMT_BAD_FILE, "metadata \"density_octiles\" has no %d numbers for each style", PMT_OCTILE_LIMITS);
    }
    facts->octiles[i / PMT_OCTILE_LIMITS][i % PMT_OCTILE_LIMITS] = (uint16_t)value;
    text = end + (*end != '\0');
  }
  return PMT_OK;
}

static void take_model(const PmtModel* m, PmtFacts* facts) {
  *facts = (PmtFacts){.parts = m->parts, .velocity = m->velocity, .drums = m->drums, .ornaments = m->ornaments};
  memcpy(facts->pitch_lo, m->pitch_lo, sizeof facts->pitch_lo);
  memcpy(facts->pitch_hi, m->pitch_hi, sizeof facts->pitch_hi);
  for (uint32_t k = 0; k < m->n_styles; ++k) {
    memcpy(facts->program[k], m->program[k], sizeof facts->program[k]);
    facts->kit[k] = m->kit[k];
    facts->style_parts[k] = m->parts_used[k];
    memcpy(facts->rests[k], m->rests[k], sizeof facts->rests[k]);
    facts->style_drums[k] = m->style_drums[k] != 0;
    facts->told[k] = m->told[k] != 0;
    facts->style_bpm[k] = m->style_bpm[k];
  }
}

static void take_style(const PmtFacts* from, size_t i, PmtFacts* to, uint32_t row) {
  memcpy(to->program[row], from->program[i], sizeof to->program[row]);
  memcpy(to->octiles[row], from->octiles[i], sizeof to->octiles[row]);
  memcpy(to->rests[row], from->rests[i], sizeof to->rests[row]);
  to->kit[row] = from->kit[i];
  to->style_parts[row] = from->style_parts[i];
  to->style_drums[row] = from->style_drums[i];
  to->told[row] = from->told[i];
  to->style_bpm[row] = from->style_bpm[i];
}

PmtStatus pmt_origin_facts(const PmtOrigin* o, const PmtFacts* added, const uint32_t* rows, size_t n, PmtFacts* facts,
                           PmtError* error) {
  take_model(o->model, facts);
  PmtStatus st = read_octiles(o, facts, error);
  if (st) { return st; }
  facts->velocity |= added->velocity;
  facts->drums |= added->drums;
  facts->ornaments |= added->ornaments;
  for (uint32_t p = 0; p < added->parts && p < facts->parts; ++p) {
    if (added->pitch_lo[p] < facts->pitch_lo[p]) { facts->pitch_lo[p] = added->pitch_lo[p]; }
    if (added->pitch_hi[p] > facts->pitch_hi[p]) { facts->pitch_hi[p] = added->pitch_hi[p]; }
  }
  for (size_t i = 0; i < n; ++i) { take_style(added, i, facts, rows[i]); }
  return PMT_OK;
}
