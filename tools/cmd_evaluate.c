/* SPDX-License-Identifier: ISC */
/* partimento evaluate. Above: main.c. Below: train/appraise.h (what a model predicts), evaluate.h (what it plays). */
#include "cli.h"
#include "cmd.h"
#include "evaluate.h"

#include "gen/model.h"
#include "train/listening.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  PmtAppraiseOptions appraise;
  PmtMusicOptions music;
  PmtJamOptions jam;
  const char* style; /* NULL: the folder's name */
  bool generated, listening, company, json;
} Evaluate;

static bool take_split(void* target, const char* value, PmtError* error) {
  static const struct { const char* name; PmtAppraisePart part; } parts[] = {
    {"train", PMT_PART_TRAIN}, {"valid", PMT_PART_VALID}, {"test", PMT_PART_TEST}, {"all", PMT_PART_ALL}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
    if (strcmp(value, parts[i].name)) { continue; }
    *(PmtAppraisePart*)target = parts[i].part;
    return true;
  }
  pmt_fail(error, PMT_BAD_ARG, "--split: \"%s\" is none of train, valid, test, all", value);
  return false;
}

static bool take_mode(void* target, const char* value, PmtError* error) {
  for (PmtMode mode = 0; mode < PMT_MODES; ++mode) {
    if (mode == PMT_MODE_ANSWER || strcmp(value, pmt_jam_mode_name(mode))) { continue; }
    *(PmtMode*)target = mode;
    return true;
  }
  pmt_fail(error, PMT_BAD_ARG, "--mode: \"%s\" is none of accompany, harmonise, generate", value);
  return false;
}

static bool take_you_play(void* target, const char* value, PmtError* error) {
  for (PmtYouPlay part = 0; part < PMT_YOU_OTHER; ++part) {
    if (strcmp(value, pmt_jam_you_play_name(part))) { continue; }
    *(PmtYouPlay*)target = part;
    return true;
  }
  pmt_fail(error, PMT_BAD_ARG, "--you-play: \"%s\" is none of melody, chords, second, third, bass", value);
  return false;
}

static void tell_refusal(void* handle, const char* file, const char* why) {
  (void)handle;
  fprintf(stderr, "%s refused: %s\n", file, why);
}

/** Last component of a path, trailing slashes aside. */
static void base_name(const char* path, char* name, size_t size) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') { --end; }
  size_t begin = end;
  while (begin > 0 && path[begin - 1] != '/') { --begin; }
  snprintf(name, size, "%.*s", (int)(end - begin), path + begin);
}

/** Row of the style asked for, or of the one called like the folder. */
static PmtStatus choose_style(const Evaluate* e, const PmtModel* model, int* style, PmtError* error) {
  char name[256], list[160] = "";
  base_name(e->appraise.folder, name, sizeof name);
  *style = pmt_model_style(model, e->style ? e->style : name);
  if (*style < 0 && !e->style && model->n_styles == 1) { *style = 0; }
  if (*style >= 0) { return PMT_OK; }
  for (uint32_t i = 0; i < model->n_styles; ++i) {
    const size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", model->style_name[i]);
  }
  return pmt_fail(error, PMT_BAD_ARG, "no style \"%.40s\" in the model%s; it has: %s", e->style ? e->style : name,
                  e->style ? "" : " (the folder's name; give --style)", list);
}

/** JSON has no NaN: null says "not measured". */
static json_t* number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/** The order that would have been best, with hindsight: a 6-gram is not the strongest n-gram on small folders. */
static uint32_t best_order(const PmtAppraisal* a) {
  uint32_t best = 0;
  for (uint32_t k = 1; k <= PMT_NGRAM_ORDER; ++k) {
    if (a->ngram[k] < a->ngram[best]) { best = k; }
  }
  return best;
}

/** What can come, in the order of the vocabulary. */
static const struct { PmtTokenClass class; const char* name; } classes[] = {
  {PMT_CLASS_END, "end"}, {PMT_CLASS_SLOT, "slot"}, {PMT_CLASS_POS, "position"}, {PMT_CLASS_VEL, "velocity"},
  {PMT_CLASS_DUR, "duration"}, {PMT_CLASS_DRUM, "drum"}, {PMT_CLASS_ORNAMENT, "ornament"}, {PMT_CLASS_NOTE, "note"}};
enum { CLASSES = sizeof classes / sizeof *classes };

static json_t* classes_json(const PmtAppraisal* a) {
  json_t* o = json_object();
  for (size_t i = 0; i < CLASSES; ++i) {
    json_object_set_new(o, classes[i].name, number_or_null(a->class_nats[classes[i].class] / a->quarters));
  }
  return o;
}

static int print_json(const Evaluate* e, const char* style, const PmtAppraisal* a) {
  const double q = a->quarters;
  json_t* ngram = a->ngram_training[0] ? json_string(a->ngram_training) : json_null();
  json_t* order = a->ngram_training[0] ? json_integer(best_order(a)) : json_null();
  json_t* o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "model",
                        e->appraise.model, "folder", e->appraise.folder, "style", style, "split", a->part, "pieces",
                        (json_int_t)a->pieces, "refused", (json_int_t)a->refused, "tokens", (json_int_t)a->tokens,
                        "quarters", q, "nats_per_token", a->nats / (double)a->tokens, "nats_per_quarter", a->nats / q,
                        "nats_per_quarter_key_given", a->nats_key_given / q, "nats_per_quarter_by_class",
                        classes_json(a), "ngram_nats_per_quarter",
                        number_or_null(a->ngram[PMT_NGRAM_ORDER] / q), "ngram_training", ngram,
                        "ngram_best_nats_per_quarter", number_or_null(a->ngram[best_order(a)] / q), "ngram_best_order",
                        order);
  return pmt_evaluate_print_json(o);
}

static int print_figures(const Evaluate* e, const char* style, const PmtAppraisal* a) {
  (void)e;
  const double q = a->quarters;
  printf("style            %s\npieces           %zu (%s), %zu files refused\ntokens           %zu, %.1f a quarter note\n\n",
         style, a->pieces, a->part, a->refused, a->tokens, (double)a->tokens / q);
  printf("                 nats/token  nats/quarter\n");
  printf("model            %10.3f  %12.3f\n", a->nats / (double)a->tokens, a->nats / q);
  printf("  key given      %10.3f  %12.3f\n", a->nats_key_given / (double)a->tokens, a->nats_key_given / q);
  for (size_t i = 0; i < CLASSES; ++i) {
    if (a->class_nats[classes[i].class] > 0.0) {
      printf("  of that, %-10s          %8.3f\n", classes[i].name, a->class_nats[classes[i].class] / q);
    }
  }
  if (!a->ngram_training[0]) { return PMT_EXIT_OK; }
  const uint32_t best = best_order(a);
  printf("6-gram           %10.3f  %12.3f\n", a->ngram[PMT_NGRAM_ORDER] / (double)a->tokens, a->ngram[PMT_NGRAM_ORDER] / q);
  printf("  best order, %u  %10.3f  %12.3f\n", best, a->ngram[best] / (double)a->tokens, a->ngram[best] / q);
  printf("\nThe 6-gram learned from %s.\n", a->ngram_training);
  return PMT_EXIT_OK;
}

/** How well it predicts. @param[out] status of the printing */
static PmtStatus predict(Evaluate* e, PmtModel* model, int* status, PmtError* error) {
  PmtAppraisal appraisal;
  e->appraise.style = (int)e->music.style;
  e->appraise.parts = model->parts;
  const PmtStatus st = pmt_appraise(&e->appraise, &appraisal, error);
  if (st) { return st; }
  *status = (e->json ? print_json : print_figures)(e, model->style_name[e->music.style], &appraisal);
  return PMT_OK;
}

static const char* const heard_name[PMT_HEARDS] = {"nothing", "silence", "another piece's", "the part itself"};
static const char* const listening_name[PMT_LISTENING_MODES] = {"before", "with", "told"};

static int print_listening_json(const Evaluate* e, const char* style, const PmtListening* l) {
  static const char* const keys[] = {"nothing", "silence", "wrong", "true"};
  json_t* o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:f}", "model", e->appraise.model, "folder", e->appraise.folder,
                        "style", style, "split", l->part, "you_play", pmt_jam_you_play_name(e->jam.you_play), "pieces",
                        (json_int_t)l->pieces, "quarters", l->quarters);
  for (int mode = 0; o && mode < PMT_LISTENING_MODES; ++mode) {
    if (!l->measured[mode]) { continue; }
    json_t* of = json_object();
    for (int k = 0; k < PMT_HEARDS; ++k) {
      json_object_set_new(of, keys[k], number_or_null(l->nats[mode][k] / l->quarters));
    }
    json_object_set_new(o, listening_name[mode], of);
  }
  return pmt_evaluate_print_json(o);
}

/** What the part is worth beside the better of no player and a silent one. */
static double worth_of(const double nats[PMT_HEARDS]) {
  return 100.0 * (1.0 - nats[PMT_HEARD_TRUE] / fmin(nats[PMT_HEARD_NOTHING], nats[PMT_HEARD_SILENCE]));
}

/** One line, a column for each way of hearing that was measured. @param heard PMT_HEARDS: names, after that: worth */
static void print_listening_line(const PmtListening* l, int heard) {
  printf("  %-17s", heard < PMT_HEARDS ? heard_name[heard] : heard == PMT_HEARDS ? "" : "the part is worth");
  for (int mode = 0; mode < PMT_LISTENING_MODES; ++mode) {
    if (!l->measured[mode]) { continue; }
    if (heard == PMT_HEARDS) { printf("  %10s", listening_name[mode]); }
    else if (heard > PMT_HEARDS) { printf("  %8.1f %%", worth_of(l->nats[mode])); }
    else if (isnan(l->nats[mode][heard])) { printf("  %10s", "-"); }
    else { printf("  %10.3f", l->nats[mode][heard] / l->quarters); }
  }
  printf("\n");
}

static int print_listening(const Evaluate* e, const char* style, const PmtListening* l) {
  printf("style            %s\npieces           %zu with company (%s), %zu files refused\n"
         "heard            %s; the other parts are predicted\n",
         style, l->pieces, l->part, l->refused, pmt_jam_you_play_name(e->jam.you_play));
  if (!l->measured[PMT_LISTENING_WITH]) {
    printf("                 the model was not taught to listen: the part is told as tokens\n");
  }
  printf("\nnats/quarter\n");
  print_listening_line(l, PMT_HEARDS);
  for (int k = 0; k < PMT_HEARDS; ++k) { print_listening_line(l, k); }
  print_listening_line(l, PMT_HEARDS + 1);
  return PMT_EXIT_OK;
}

/** How well it listens. */
static PmtStatus listen(Evaluate* e, PmtModel* model, int* status, PmtError* error) {
  PmtListening listening;
  e->appraise.style = (int)e->music.style;
  e->appraise.parts = model->parts;
  const PmtStatus st = pmt_listening_measure(&e->appraise, e->jam.you_play, &listening, error);
  if (st) { return st; }
  *status = (e->json ? print_listening_json : print_listening)(e, model->style_name[e->music.style], &listening);
  return PMT_OK;
}

/** What it plays. */
static PmtStatus play(Evaluate* e, PmtModel* model, int* status, PmtError* error) {
  PmtMusicReport* report = malloc(sizeof *report);
  if (!report) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  e->music.model_path = e->appraise.model;
  e->music.folder = e->appraise.folder;
  e->music.split = e->appraise.part == PMT_PART_VALID ? PMT_SPLIT_VALID : PMT_SPLIT_TEST;
  const PmtStatus st = pmt_music_measure(model, &e->music, report, error);
  if (!st) { *status = (e->json ? pmt_music_print_json : pmt_music_print)(model, &e->music, report); }
  free(report);
  return st;
}

/** What it plays with somebody. */
static PmtStatus jam(Evaluate* e, PmtModel* model, int* status, PmtError* error) {
  PmtJamReport report;
  e->jam.model_path = e->appraise.model;
  e->jam.folder = e->appraise.folder;
  e->jam.style = e->music.style;
  e->jam.split = e->appraise.part == PMT_PART_VALID ? PMT_SPLIT_VALID : PMT_SPLIT_TEST;
  e->jam.temperature = e->music.temperature;
  e->jam.min_p = e->music.min_p;
  e->jam.save = e->music.save;
  const PmtStatus st = pmt_jam_measure(model, &e->jam, &report, error);
  if (!st) { *status = (e->json ? pmt_jam_print_json : pmt_jam_print)(model, &e->jam, &report); }
  return st;
}

static int run(Evaluate* e) {
  PmtError error = {""};
  PmtModel* model = NULL;
  int style = -1, status = PMT_EXIT_OK;
  PmtStatus st = pmt_model_load(e->appraise.model, &model, &error);
  st = st ? st : choose_style(e, model, &style, &error);
  e->music.style = (uint32_t)style;
  PmtStatus (*const measurement)(Evaluate*, PmtModel*, int*, PmtError*) = e->generated ? play : e->company ? jam
                                                                        : e->listening ? listen : predict;
  st = st ? st : measurement(e, model, &status, &error);
  if (st) { status = pmt_cli_failure("evaluate", &error); }
  pmt_model_free(model);
  if (!status && fflush(stdout)) {
    pmt_fail(&error, PMT_IO, "standard output: %s", strerror(errno));
    status = pmt_cli_failure("evaluate", &error);
  }
  return status;
}

int pmt_cmd_evaluate(int argc, char** argv) {
  Evaluate e = {.appraise = {.refusal = tell_refusal},
                .music = {.temperature = -1, .min_p = -1, .refusal = tell_refusal},
                .jam = {.mode = PMT_MODE_ACCOMPANY, .wait = -1, .refusal = tell_refusal}};
  int64_t threads = 0, bars = 512, seed = 1, pieces = 0;
  const PmtCliOption options[] = {
    {"style", PMT_CLI_TEXT, &e.style, "NAME", "condition on this style (default: the folder's name)", 0, 0, NULL},
    {"split", PMT_CLI_CUSTOM, &e.appraise.part, "PART", "train, valid, test or all (default: test where DIR has split\n"
     "files, else all)", 0, 0, take_split},
    {"baseline", PMT_CLI_TEXT, &e.appraise.baseline, "DIR", "train the 6-gram on this folder's training pieces", 0, 0, NULL},
    {"no-ngram", PMT_CLI_FLAG, &e.appraise.no_ngram, NULL, "leave the 6-gram out", 0, 0, NULL},
    {"threads", PMT_CLI_INT, &threads, "N", "threads (default: the processors online)", 1, 256, NULL},
    {"json", PMT_CLI_FLAG, &e.json, NULL, "print one JSON object", 0, 0, NULL},
    {"generated", PMT_CLI_FLAG, &e.generated, NULL, "let the model play, and measure that beside DIR's test pieces\n"
     "(with --split=valid, beside the valid ones)", 0, 0, NULL},
    {"listening", PMT_CLI_FLAG, &e.listening, NULL, "let the model hear a part and predict the others", 0, 0, NULL},
    {"jam", PMT_CLI_FLAG, &e.company, NULL, "let somebody play a part of each piece and the model play along, and\n"
     "measure how it fits, beside the piece's other parts", 0, 0, NULL},
    {"mode", PMT_CLI_CUSTOM, &e.jam.mode, "MODE", "accompany, harmonise, or generate: without listening (accompany)", 0,
     0, take_mode},
    {"you-play", PMT_CLI_CUSTOM, &e.jam.you_play, "PART", "melody, chords, second, third or bass (melody)", 0, 0,
     take_you_play},
    {"wait", PMT_CLI_REAL, &e.jam.wait, "MS", "after an eighth begins until we choose what to play with it (15)", 0, 60,
     NULL},
    {"pieces", PMT_CLI_INT, &pieces, "N", "so many, spread over the split (all)", 1, PMT_CORPUS_FILES_MAX, NULL},
    {"bars", PMT_CLI_INT, &bars, "N", "generate so many, in pieces of 32 (512)", 32, 100000, NULL},
    {"seed", PMT_CLI_INT, &seed, "N", "of the first piece; the next one has the next (1)", 0, 65535, NULL},
    {"temperature", PMT_CLI_REAL, &e.music.temperature, "X", "of the pieces (the model's own)", 0, 2, NULL},
    {"min-p", PMT_CLI_REAL, &e.music.min_p, "X", "of the pieces (the model's own)", 0, 0.5, NULL},
    {"instead", PMT_CLI_TEXT, &e.music.instead, "FOLDER", "measure the MIDI files there and not what MODEL plays", 0, 0,
     NULL},
    {"picture", PMT_CLI_TEXT, &e.music.picture, "FILE", "draw eight excerpts beside eight held-out ones, .png or .svg", 0,
     0, NULL},
    {"save", PMT_CLI_TEXT, &e.music.save, "FOLDER", "write the pieces there, 000.mid and on", 0, 0, NULL},
  };
  const PmtCliCommand command = {
    .name = "evaluate", .operands = "MODEL DIR", .summary = "measure a model on a folder of MIDI files",
    .options = options, .n_options = sizeof options / sizeof *options, .operands_min = 2, .operands_max = 2,
    .notes = "Figures are negative log-likelihoods in nats: lower is better. Style and meter are told to the model, key,\n"
             "density and phrase are not. The 6-gram is trained on the training split of DIR, or of --baseline, or,\n"
             "without either, on the other nine tenths of the pieces.\n\n"
             "--generated: distances (Wasserstein-1, overlap of histograms) of generated from held-out excerpts of 8\n"
             "bars, beside those between two halves of the held-out pieces, the floor; and how many runs of notes\n"
             "stand in DIR's training pieces, beside how many of the held-out ones do. docs/measures.md explains.\n\n"
             "--listening: how well what accompanies a part is predicted, hearing no player, one who is silent, another\n"
             "piece's part, and the part itself. Before: what was played before a slot is known when its notes are chosen\n"
             "(to accompany, with Wait at 0); with: also what begins together with it (to accompany, to harmonise);\n"
             "told: the same of a melody, as tokens; in all its rows the model cannot choose notes of the melody.\n"
             "A model that was not taught to listen can only be told.\n\n"
             "--jam: the first 32 bars of each piece. Harmony and scale are the piece's. Beside what the engine plays\n"
             "stand the piece's own other parts and, as a floor, what it played to another piece's player, as it is\n"
             "and moved to the key.\n",
  };
  int first;
  const int status = pmt_cli_parse(&command, argc, argv, &first);
  if (status != PMT_CLI_RUN) { return status; }
  if ((e.generated || e.company) && (e.appraise.part == PMT_PART_TRAIN || e.appraise.part == PMT_PART_ALL)) {
    return pmt_cli_misuse("evaluate", "%s: --split is test or valid", e.generated ? "--generated" : "--jam");
  }
  if (e.generated + e.listening + e.company > 1) {
    return pmt_cli_misuse("evaluate", "--generated, --listening and --jam are several measurements");
  }
  e.appraise.model = argv[first];
  e.appraise.folder = argv[first + 1];
  e.appraise.threads = (uint32_t)threads;
  e.music.bars = (uint32_t)bars;
  e.music.seed = e.jam.seed = (uint32_t)seed;
  e.jam.pieces = (uint32_t)pieces;
  return run(&e);
}
