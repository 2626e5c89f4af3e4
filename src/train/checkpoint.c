/* SPDX-License-Identifier: ISC */
/** @file checkpoint.c  See checkpoint.h. */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char format_name[] = "partimento-checkpoint-3";
static const char* const array_name[PMT_ARRAYS] = {"weights", "moment1", "moment2", "average"};

PmtStatus pmt_checkpoint_write(const char* path, const PmtCourse* c, const char* description, const PmtMetaOut* extras,
                               size_t n_extras, PmtError* error) {
  const uint32_t n = (uint32_t)pmt_learner_params(c->learner)->n_floats;
  const size_t n_state = pmt_learner_state_floats(c->learner);
  float* state = malloc((n_state + 1) * sizeof *state);
  if (!state) { return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path); }
  char counters[320];
  snprintf(counters, sizeof counters, "%" PRIu64 " %a %u %a %u %a %" PRIu64 " %a %" PRIu64, c->step, c->progress,
           c->n_evaluated, c->best_valid, c->n_stale, c->train_sum, c->train_n, c->seconds, c->best_step);
  PmtMetaOut meta[3 + PMT_CHECKPOINT_EXTRAS_MAX] = {{"format", format_name}, {"run", description}, {"counters", counters}};
  memcpy(meta + 3, extras, n_extras * sizeof *extras);
  PmtTensorOut out[PMT_ARRAYS + 2];
  size_t n_out = 0;
  for (; n_out < PMT_ARRAYS; ++n_out) {
    const float* array = pmt_learner_array(c->learner, (PmtArrayId)n_out);
    out[n_out] = (PmtTensorOut){array_name[n_out], 1, {n, 1}, array, PMT_F32};
  }
  out[n_out++] = (PmtTensorOut){"best", 1, {n, 1}, c->best, PMT_F32};
  pmt_learner_save_state(c->learner, state);
  if (n_state) { out[n_out++] = (PmtTensorOut){"state", 1, {(uint32_t)n_state, 1}, state, PMT_F32}; }
  const PmtStatus st = pmt_tensors_write(path, out, n_out, meta, 3 + n_extras, error);
  free(state);
  return st;
}

/* -- reading -------------------------------------------------------------------------------------------------- */

PmtStatus pmt_checkpoint_damaged(const char* path, const char* what, PmtError* error) {
  return pmt_fail(error, PMT_BAD_FILE, "%s: not a usable checkpoint: %s", path, what);
}

static bool parse_counters(PmtCourse* c, const char* text) {
  return text && sscanf(text, "%" SCNu64 " %la %u %la %u %la %" SCNu64 " %la %" SCNu64, &c->step, &c->progress,
                        &c->n_evaluated, &c->best_valid, &c->n_stale, &c->train_sum, &c->train_n, &c->seconds,
                        &c->best_step) == 9;
}

static PmtStatus load_arrays(PmtCourse* c, const PmtTensors* file, PmtError* error) {
  const uint32_t n = (uint32_t)pmt_learner_params(c->learner)->n_floats;
  const uint32_t n_state = (uint32_t)pmt_learner_state_floats(c->learner);
  PmtStatus st = pmt_tensors_load(file, "best", n, 1, c->best, error);
  for (uint32_t i = 0; !st && i < PMT_ARRAYS; ++i) {
    st = pmt_tensors_load(file, array_name[i], n, 1, pmt_learner_array(c->learner, (PmtArrayId)i), error);
  }
  if (st || !n_state) { return st; }
  float* state = malloc(n_state * sizeof *state);
  if (!state) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  st = pmt_tensors_load(file, "state", n_state, 1, state, error);
  if (!st) { pmt_learner_restore_state(c->learner, state); }
  free(state);
  return st;
}

PmtStatus pmt_checkpoint_read(const char* path, PmtCourse* c, const char* description, PmtTensors** file,
                              PmtError* error) {
  *file = NULL;
  PmtTensors* t;
  PmtStatus st = pmt_tensors_read(path, &t, error);
  if (st) { return st; }
  const char *format = pmt_tensors_meta(t, "format"), *run = pmt_tensors_meta(t, "run");
  if (!format || strcmp(format, format_name)) {
    st = pmt_checkpoint_damaged(path, "another format", error);
  } else if (!run || strcmp(run, description)) {
    st = pmt_fail(error, PMT_BAD_ARG, "%s: made by another run (%.110s); this one is %.110s", path, run ? run : "unknown",
                  description);
  } else if (!parse_counters(c, pmt_tensors_meta(t, "counters"))) {
    st = pmt_checkpoint_damaged(path, "the counters", error);
  }
  if (!st) { st = load_arrays(c, t, error); }
  if (st) {
    pmt_tensors_free(t);
    return st;
  }
  *file = t;
  return PMT_OK;
}
