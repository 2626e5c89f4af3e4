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

/* ---- For people -------------------------------------------------------------------------------------------------- */

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
  printf("\nillegal tokens         mean %.2e (%.2e on another slot's T), most %.2e; %zu predictions\n", r->illegal.mean,
         r->illegal.mean_slot, r->illegal.max, r->illegal.tokens);
  printf("\nverdict %s: %u of %u measures within twice the floor, %s two thirds; copying %s the bound\n",
         model->style_name[o->style], c->within, c->applied, measures_pass(c) ? "at least" : "LESS THAN",
         r->copying.within ? "within" : "ABOVE");
  return PMT_EXIT_OK;
}

/* ---- For programs ------------------------------------------------------------------------------------------------ */

/** An object that remembers whether all it was given could be put in. */
typedef struct {
  json_t* object;
  bool failed;
} Out;

static Out out_new(void) { return (Out){json_object(), false}; }

static void put(Out* const out, const char* const key, json_t* const value) {
  out->failed = json_object_set_new(out->object, key, value) || out->failed;
}

static void put_text(Out* const out, const char* const key, const char* const text) {
  put(out, key, json_string(text));
}

/** JSON has no NaN: null says "not measured". */
static void put_real(Out* const out, const char* const key, const double x) {
  put(out, key, isfinite(x) ? json_real(x) : json_null());
}

static void put_count(Out* const out, const char* const key, const uint64_t n) {
  put(out, key, json_integer((json_int_t)n));
}

static void put_flag(Out* const out, const char* const key, const bool on) { put(out, key, json_boolean(on)); }

static void put_object(Out* const out, const char* const key, const Out inner) {
  put(out, key, inner.object);
  out->failed = out->failed || inner.failed;
}

static Out measure_json(const PmtComparison* const c, const bool judged) {
  Out out = out_new();
  put_real(&out, "generated_mean", c->mean);
  put_real(&out, "generated_sd", c->sd);
  put_real(&out, "held_out_mean", c->held_mean);
  put_real(&out, "held_out_sd", c->held_sd);
  put_real(&out, "wasserstein", c->wasserstein);
  put_real(&out, "wasserstein_floor", c->wasserstein_floor);
  put_real(&out, "overlap", c->overlap);
  put_real(&out, "overlap_floor", c->overlap_floor);
  put_flag(&out, "judged", judged);
  put_flag(&out, "applies", c->applies);
  put_flag(&out, "within", c->applies && c->within);
  return out;
}

static Out measures_json(const PmtComparisons* const all) {
  Out out = out_new();
  for (PmtMeasure m = 0; m < PMT_MEASURES; ++m) {
    put_object(&out, pmt_measure_key(m), measure_json(&all->measure[m], m < PMT_MEASURES_JUDGED));
  }
  return out;
}

static Out share_json(const PmtCopyShare* const s) {
  Out out = out_new();
  put_real(&out, "generated", s->generated);
  put_real(&out, "held_out", s->held_out);
  put_real(&out, "bound", s->bound);
  put_flag(&out, "within", s->within);
  return out;
}

static Out copying_json(const PmtMusicReport* const r) {
  Out out = out_new();
  for (size_t i = 0; i < PMT_COPY_LENGTHS; ++i) {
    char key[24];
    snprintf(key, sizeof key, "ngrams_%u", pmt_copy_length[i]);
    put_object(&out, key, share_json(&r->copying.share[i]));
  }
  put_object(&out, "flagged", share_json(&r->copying.flagged));
  put_count(&out, "longest", r->copying.longest.n);
  put_count(&out, "longest_held_out", r->copying.held_longest.n);
  put_text(&out, "longest_from", r->copied_from);
  put_count(&out, "training_pieces", r->training_pieces);
  put_count(&out, "training_notes", r->training_notes);
  put_flag(&out, "within", r->copying.within);
  return out;
}

static Out illegal_json(const PmtIllegal* const i) {
  Out out = out_new();
  put_count(&out, "predictions", i->tokens);
  put_real(&out, "mean", i->mean);
  put_real(&out, "mean_slot", i->mean_slot);
  put_real(&out, "max", i->max);
  return out;
}

static Out report_json(const PmtModel* const model, const PmtMusicOptions* const o, const PmtMusicReport* const r) {
  Out out = out_new();
  put_text(&out, "model", o->model_path);
  put_text(&out, "folder", o->folder);
  put(&out, "instead", o->instead ? json_string(o->instead) : json_null());
  put_text(&out, "style", model->style_name[o->style]);
  put_text(&out, "split", split_name(o->split));
  put_real(&out, "temperature", r->temperature);
  put_real(&out, "min_p", r->min_p);
  put_real(&out, "tempo", r->bpm);
  put_text(&out, "meters", r->meters);
  put_count(&out, "seed", o->seed);
  put_count(&out, "pieces", r->pieces);
  put_count(&out, "excerpts", r->excerpts);
  put_count(&out, "notes", r->notes);
  put_count(&out, "tokens", r->tokens);
  put_count(&out, "late_slots", r->late_slots);
  put_count(&out, "held_out_pieces", r->held_pieces);
  put_count(&out, "held_out_excerpts", r->held_excerpts);
  put_count(&out, "excerpts_a_side", r->comparisons.n);
  put_object(&out, "measures", measures_json(&r->comparisons));
  put_count(&out, "measures_applied", r->comparisons.applied);
  put_count(&out, "measures_within", r->comparisons.within);
  put_object(&out, "copying", copying_json(r));
  put_object(&out, "illegal", illegal_json(&r->illegal));
  put_flag(&out, "passed", measures_pass(&r->comparisons) && r->copying.within);
  return out;
}

int pmt_evaluate_print_json(json_t* const result) {
  char* const text = result ? json_dumps(result, JSON_INDENT(2) | JSON_REAL_PRECISION(7)) : NULL;
  json_decref(result);
  if (!text) {
    const PmtError error = {"the result cannot be written as JSON (a name that is no UTF-8?)"};
    return pmt_cli_failure("evaluate", &error);
  }
  puts(text);
  free(text);
  return PMT_EXIT_OK;
}

int pmt_music_print_json(const PmtModel* const model, const PmtMusicOptions* const o, const PmtMusicReport* const r) {
  const Out out = report_json(model, o, r);
  if (out.failed) {
    json_decref(out.object);
  }
  return pmt_evaluate_print_json(out.failed ? NULL : out.object);
}
