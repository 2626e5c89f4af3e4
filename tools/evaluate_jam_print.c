/* SPDX-License-Identifier: ISC */
/* The report on music in company, for people and for programs. Above: cmd_evaluate.c. Below: jansson. */
#include "evaluate.h"

#include "cli.h"
#include "gen/model.h"
#include "measure/measure.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char* const mode_name[PMT_MODES] = {
  [PMT_MODE_GENERATE] = "generate", [PMT_MODE_ACCOMPANY] = "accompany", [PMT_MODE_ANSWER] = "answer",
  [PMT_MODE_HARMONISE] = "harmonise"};
static const char* const you_play_name[PMT_YOUS] = {
  [PMT_YOU_MELODY] = "melody", [PMT_YOU_CHORDS] = "chords", [PMT_YOU_SECOND] = "second", [PMT_YOU_THIRD] = "third",
  [PMT_YOU_BASS] = "bass", [PMT_YOU_OTHER] = "other"};
static const char* const jam_key[PMT_JAMS] = {
  [PMT_JAM_ENGINE] = "engine", [PMT_JAM_PIECE] = "piece", [PMT_JAM_DEAF] = "another_player",
  [PMT_JAM_MOVED] = "another_player_moved"};

const char* pmt_jam_mode_name(const PmtMode mode) { return mode_name[mode]; }
const char* pmt_jam_you_play_name(const PmtYouPlay part) { return you_play_name[part]; }

static const char* split_name(const PmtSplit split) { return split == PMT_SPLIT_VALID ? "valid" : "test"; }

/* ---- For people -------------------------------------------------------------------------------------------------- */

static void print_heads(const PmtModel* const model, const PmtJamOptions* const o, const PmtJamReport* const r) {
  printf("style        %s\n", model->style_name[o->style]);
  printf("player       %s of %zu %s pieces, %zu bars, at most %d of each; %zu pieces without company left out\n",
         you_play_name[o->you_play], r->pieces, split_name(o->split), r->bars, PMT_STRETCH_BARS, r->alone);
  printf("engine       mode %s, wait %.3g ms, temperature %.3g, min-p %.3g, seeds from %u\n", mode_name[o->mode],
         r->wait, r->temperature, r->min_p, o->seed);
  printf("             %llu notes, %llu tokens, %llu late slots; %zu notes %.1f ms after their eighth began\n",
         (unsigned long long)r->notes, (unsigned long long)r->tokens, (unsigned long long)r->late_slots, r->late_notes,
         r->late_ms);
  if (!r->listens) { printf("             the model was not taught to listen\n"); }
}

int pmt_jam_print(const PmtModel* const model, const PmtJamOptions* const o, const PmtJamReport* const r) {
  print_heads(model, o, r);
  printf("\n%-26s %14s %14s %14s %14s\n", "", "engine", "piece's own", "to another", "moved to key");
  for (PmtCompanyMeasure m = 0; m < PMT_COMPANY_MEASURES; ++m) {
    printf("%-26s", pmt_company_title(m));
    for (PmtJam who = 0; who < PMT_JAMS; ++who) {
      const double value = pmt_company_value(&r->company[who], m);
      if (isnan(value)) { printf(" %14s", "-"); } else { printf(" %14.4f", value); }
    }
    printf("\n");
  }
  return PMT_EXIT_OK;
}

/* ---- For programs ------------------------------------------------------------------------------------------------ */

/** JSON has no NaN: null says "nothing to measure". */
static json_t* company_json(const PmtCompany* const c, const PmtCompanyMeasure m) {
  const double value = pmt_company_value(c, m);
  return json_pack("{s:o, s:f, s:f}", "value", isnan(value) ? json_null() : json_real(value), "counted", c->part[m],
                   "of", c->whole[m]);
}

static json_t* measures_json(const PmtJamReport* const r) {
  json_t* const all = json_object();
  for (PmtCompanyMeasure m = 0; m < PMT_COMPANY_MEASURES; ++m) {
    json_t* const one = json_object();
    for (PmtJam who = 0; who < PMT_JAMS; ++who) {
      json_object_set_new(one, jam_key[who], company_json(&r->company[who], m));
    }
    json_object_set_new(all, pmt_company_key(m), one);
  }
  return all;
}

static json_t* report_json(const PmtModel* const model, const PmtJamOptions* const o, const PmtJamReport* const r) {
  return json_pack(
    "{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:I, s:f, s:f, s:f, s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "model",
    o->model_path, "folder", o->folder, "style", model->style_name[o->style], "split", split_name(o->split), "mode",
    mode_name[o->mode], "you_play", you_play_name[o->you_play], "wait_ms", r->wait, "late_notes",
    (json_int_t)r->late_notes, "late_ms", r->late_ms, "temperature", r->temperature, "min_p", r->min_p, "seed",
    (int)o->seed, "listens", (int)r->listens, "pieces", (json_int_t)r->pieces, "alone", (json_int_t)r->alone, "bars",
    (json_int_t)r->bars, "notes", (json_int_t)r->notes, "tokens", (json_int_t)r->tokens, "late_slots",
    (json_int_t)r->late_slots, "measures", measures_json(r));
}

int pmt_jam_print_json(const PmtModel* const model, const PmtJamOptions* const o, const PmtJamReport* const r) {
  return pmt_evaluate_print_json(report_json(model, o, r));
}
