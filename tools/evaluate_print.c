/* SPDX-License-Identifier: ISC */
/* The report on generated music, for people and for programs. Above: cmd_evaluate.c. Below: jansson. */
#include "evaluate.h"

#include "cli.h"
#include "gen/model.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/** The bar: two thirds of the measures. */
static bool measures_pass(const PmtComparisons* const c) { return 3 * c->within >= 2 * c->applied; }

static const char* split_name(const PmtSplit split) { return split == PMT_SPLIT_VALID ? "valid" : "test"; }

/* ---- For people ----------------------------------------------------------------------------------------------------- */

static void print_heads(const PmtModel* const model, const PmtMusicOptions* const o, const PmtMusicReport* const r) {
  printf("style        %s\n", model->style_name[o->style]);
  if (o->instead) {
    printf("generated    %zu pieces of %s, %zu excerpts\n", r->pieces, o->instead, r->excerpts);
  } else {
    printf("generated    %zu pieces of %d bars (%s), %.4g quarters a minute\n", r->pieces, PMT_STRETCH_BARS, r->meters,
           r->bpm);
    printf("             temperature %.3g, min-p %.3g, seeds from %u; %llu notes, %llu tokens, %llu late slots\n",
           r->temperature, r->min_p, o->seed, (unsigned long long)r->notes, (unsigned long long)r->tokens,
           (unsigned long long)r->late_slots);
  }
  printf("held out     %zu %s pieces, %zu excerpts of %d bars; distances between %zu excerpts a side\n", r->held_pieces,
         split_name(o->split), r->held_excerpts, PMT_EXCERPT_BARS, r->comparisons.n);
}

static void print_measure(const PmtMeasure m, const PmtComparison* const c) {
  if (!c->applies) {
    printf("%-22s does not apply\n", pmt_measure_title(m));
    return;
  }
  const double floors = c->wasserstein_floor > 0 ? c->wasserstein / c->wasserstein_floor : (double)NAN;
  printf("%-22s %7.3f +- %-6.3f %7.3f +- %-6.3f  %7.4f %7.4f ", pmt_measure_title(m), c->mean, c->sd, c->held_mean,
         c->held_sd, c->wasserstein, c->wasserstein_floor);
  if (isnan(floors)) { printf("%6s", "-"); } else { printf("%6.2f", floors); }
  printf("  %5.3f %5.3f  %s\n", c->overlap, c->overlap_floor, c->within ? "within" : "FARTHER");
}

static void print_share(const char* const what, const PmtCopyShare* const s) {
  if (isnan(s->generated)) {
    printf("%-22s too short to say\n", what);
    return;
  }
  printf("%-22s %7.3f %%        %7.3f %%        %7.3f %%  %s\n", what, 100 * s->generated, 100 * s->held_out,
         100 * s->bound, s->within ? "within" : "ABOVE");
}

static void print_copying(const PmtMusicReport* const r) {
  const PmtCopying* const c = &r->copying;
  printf("\ncopying                generated        held out      95 %% bound   (%zu training pieces, %zu notes)\n",
         r->training_pieces, r->training_notes);
  for (size_t i = 0; i < PMT_COPY_LENGTHS; ++i) {
    char what[32];
    snprintf(what, sizeof what, "%u notes in a row", pmt_copy_length[i]);
    print_share(what, &c->share[i]);
  }
  print_share("pieces with > 24", &c->flagged);
  printf("%-22s %7zu          %7zu\n", "longest run, notes", c->longest.n, c->held_longest.n);
  if (c->longest.n > PMT_COPY_FLAG) {
    printf("  piece %zu, from its note %zu on, as in %s\n", c->longest.piece, c->longest.step + 2, r->copied_from);
  }
}

int pmt_music_print(const PmtModel* const model, const PmtMusicOptions* const o, const PmtMusicReport* const r) {
  const PmtComparisons* const c = &r->comparisons;
  print_heads(model, o, r);
  printf("\n%-22s %-17s %-17s %8s %7s %6s  %5s %5s\n", "", "generated", "held out", "W1", "floor", "times", "OA",
         "floor");
  for (PmtMeasure m = 0; m < PMT_MEASURES; ++m) { print_measure(m, &c->measure[m]); }
  print_copying(r);
  printf("\nillegal tokens         mean %.2e, most %.2e of the probability, %zu predictions\n", r->illegal.mean,
         r->illegal.max, r->illegal.tokens);
  printf("\nverdict %s: %u of %u measures within twice the floor, %s two thirds; copying %s the bound\n",
         model->style_name[o->style], c->within, c->applied, measures_pass(c) ? "at least" : "LESS THAN",
         r->copying.within ? "within" : "ABOVE");
  return PMT_EXIT_OK;
}

/* ---- For programs --------------------------------------------------------------------------------------------------- */

/** JSON has no NaN: null says "not measured". */
static json_t* real(const double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t* measures_json(const PmtComparisons* const all) {
  json_t* const o = json_object();
  for (PmtMeasure m = 0; m < PMT_MEASURES; ++m) {
    const PmtComparison* const c = &all->measure[m];
    json_object_set_new(o, pmt_measure_key(m),
                        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "generated_mean", real(c->mean),
                                  "generated_sd", real(c->sd), "held_out_mean", real(c->held_mean), "held_out_sd",
                                  real(c->held_sd), "wasserstein", real(c->wasserstein), "wasserstein_floor",
                                  real(c->wasserstein_floor), "overlap", real(c->overlap), "overlap_floor",
                                  real(c->overlap_floor), "judged", m < PMT_MEASURES_JUDGED, "applies", c->applies,
                                  "within", c->applies && c->within));
  }
  return o;
}

static json_t* share_json(const PmtCopyShare* const s) {
  return json_pack("{s:o, s:o, s:o, s:b}", "generated", real(s->generated), "held_out", real(s->held_out), "bound",
                   real(s->bound), "within", s->within);
}

static json_t* copying_json(const PmtMusicReport* const r) {
  const PmtCopying* const c = &r->copying;
  json_t* const o = json_object();
  for (size_t i = 0; i < PMT_COPY_LENGTHS; ++i) {
    char key[24];
    snprintf(key, sizeof key, "ngrams_%u", pmt_copy_length[i]);
    json_object_set_new(o, key, share_json(&c->share[i]));
  }
  json_object_set_new(o, "flagged", share_json(&c->flagged));
  json_object_set_new(o, "longest", json_integer((json_int_t)c->longest.n));
  json_object_set_new(o, "longest_held_out", json_integer((json_int_t)c->held_longest.n));
  json_object_set_new(o, "longest_from", json_string(r->copied_from));
  json_object_set_new(o, "within", json_boolean(c->within));
  return o;
}

int pmt_music_print_json(const PmtModel* const model, const PmtMusicOptions* const o, const PmtMusicReport* const r) {
  json_t* const json = json_pack(
    "{s:s, s:s, s:s?, s:s, s:s, s:f, s:f, s:f, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:f, "
    "s:f, s:i, s:i, s:b}",
    "model", o->model_path, "folder", o->folder, "instead", o->instead, "style", model->style_name[o->style], "split", split_name(o->split),
    "temperature", r->temperature, "min_p", r->min_p, "tempo", r->bpm, "meters", r->meters, "seed", (int)o->seed, "pieces",
    (json_int_t)r->pieces, "excerpts", (json_int_t)r->excerpts, "notes", (json_int_t)r->notes, "tokens", (json_int_t)r->tokens,
    "late_slots", (json_int_t)r->late_slots, "held_out_pieces", (json_int_t)r->held_pieces, "held_out_excerpts",
    (json_int_t)r->held_excerpts, "excerpts_a_side", (json_int_t)r->comparisons.n, "training_pieces",
    (json_int_t)r->training_pieces, "training_notes", (json_int_t)r->training_notes, "measures",
    measures_json(&r->comparisons), "copying", copying_json(r), "illegal_mean", r->illegal.mean, "illegal_max",
    r->illegal.max, "measures_applied", (int)r->comparisons.applied, "measures_within", (int)r->comparisons.within,
    "passed", measures_pass(&r->comparisons) && r->copying.within);
  char* const text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(7)) : NULL;
  json_decref(json);
  if (!text) {
    const PmtError error = {"the result cannot be written as JSON (a name that is no UTF-8?)"};
    return pmt_cli_failure("evaluate", &error);
  }
  puts(text);
  free(text);
  return PMT_EXIT_OK;
}
