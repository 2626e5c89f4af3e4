/* SPDX-License-Identifier: ISC */
/* partimento evaluate. Above: main.c. Below: train/appraise.h, gen/model.h, cli.h. */
#include "cli.h"
#include "cmd.h"

#include "gen/model.h"
#include "train/appraise.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  PmtAppraiseOptions appraise;
  const char* style; /* NULL: the folder's name */
  bool json;
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

static int print_json(const Evaluate* e, const char* style, const PmtAppraisal* a) {
  const double q = a->quarters;
  json_t* ngram = a->ngram_training[0] ? json_string(a->ngram_training) : json_null();
  json_t* order = a->ngram_training[0] ? json_integer(best_order(a)) : json_null();
  json_t* o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o}", "model",
                        e->appraise.model, "folder", e->appraise.folder, "style", style, "split", a->part, "pieces",
                        (json_int_t)a->pieces, "refused", (json_int_t)a->refused, "tokens", (json_int_t)a->tokens,
                        "quarters", q, "nats_per_token", a->nats / (double)a->tokens, "nats_per_quarter", a->nats / q,
                        "nats_per_quarter_key_given", a->nats_key_given / q, "ngram_nats_per_quarter",
                        number_or_null(a->ngram[PMT_NGRAM_ORDER] / q), "ngram_training", ngram,
                        "ngram_best_nats_per_quarter", number_or_null(a->ngram[best_order(a)] / q), "ngram_best_order",
                        order);
  char* text = o ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(7)) : NULL;
  json_decref(o);
  if (!text) {
    const PmtError error = {"the result cannot be written as JSON (a name that is no UTF-8?)"};
    return pmt_cli_failure("evaluate", &error);
  }
  puts(text);
  free(text);
  return PMT_EXIT_OK;
}

static int print_table(const char* style, const PmtAppraisal* a) {
  const double q = a->quarters;
  printf("style            %s\npieces           %zu (%s), %zu files refused\ntokens           %zu, %.1f a quarter note\n\n",
         style, a->pieces, a->part, a->refused, a->tokens, (double)a->tokens / q);
  printf("                 nats/token  nats/quarter\n");
  printf("model            %10.3f  %12.3f\n", a->nats / (double)a->tokens, a->nats / q);
  printf("  key given      %10.3f  %12.3f\n", a->nats_key_given / (double)a->tokens, a->nats_key_given / q);
  if (!a->ngram_training[0]) { return PMT_EXIT_OK; }
  const uint32_t best = best_order(a);
  printf("6-gram           %10.3f  %12.3f\n", a->ngram[PMT_NGRAM_ORDER] / (double)a->tokens, a->ngram[PMT_NGRAM_ORDER] / q);
  printf("  best order, %u  %10.3f  %12.3f\n", best, a->ngram[best] / (double)a->tokens, a->ngram[best] / q);
  printf("\nThe 6-gram learned from %s.\n", a->ngram_training);
  return PMT_EXIT_OK;
}

static int run(Evaluate* e) {
  PmtError error = {""};
  PmtModel* model = NULL;
  PmtAppraisal appraisal;
  int style = -1;
  PmtStatus st = pmt_model_load(e->appraise.model, &model, &error);
  if (!st) { st = choose_style(e, model, &style, &error); }
  if (!st) {
    e->appraise.style = style;
    e->appraise.parts = model->parts;
    st = pmt_appraise(&e->appraise, &appraisal, &error);
  }
  int status = PMT_EXIT_OK;
  if (st) {
    status = pmt_cli_failure("evaluate", &error);
  } else if (e->json) {
    status = print_json(e, model->style_name[style], &appraisal);
  } else {
    status = print_table(model->style_name[style], &appraisal);
  }
  pmt_model_free(model);
  if (!status && fflush(stdout)) {
    pmt_fail(&error, PMT_IO, "standard output: %s", strerror(errno));
    status = pmt_cli_failure("evaluate", &error);
  }
  return status;
}

int pmt_cmd_evaluate(int argc, char** argv) {
  Evaluate e = {.appraise = {.refusal = tell_refusal}};
  int64_t threads = 0;
  const PmtCliOption options[] = {
    {"style", PMT_CLI_TEXT, &e.style, "NAME", "condition on this style (default: the folder's name)", 0, 0, NULL},
    {"split", PMT_CLI_CUSTOM, &e.appraise.part, "PART", "train, valid, test or all (default: test where DIR has split\n"
     "files, else all)", 0, 0, take_split},
    {"baseline", PMT_CLI_TEXT, &e.appraise.baseline, "DIR", "train the 6-gram on this folder's training pieces", 0, 0, NULL},
    {"no-ngram", PMT_CLI_FLAG, &e.appraise.no_ngram, NULL, "leave the 6-gram out", 0, 0, NULL},
    {"threads", PMT_CLI_INT, &threads, "N", "threads (default: the processors online)", 1, 256, NULL},
    {"json", PMT_CLI_FLAG, &e.json, NULL, "print one JSON object", 0, 0, NULL},
  };
  const PmtCliCommand command = {
    .name = "evaluate", .operands = "MODEL DIR", .summary = "measure a model on a folder of MIDI files",
    .options = options, .n_options = sizeof options / sizeof *options, .operands_min = 2, .operands_max = 2,
    .notes = "Figures are negative log-likelihoods in nats: lower is better. Style and meter are told to the model, key,\n"
             "density and phrase are not. The 6-gram is trained on the training split of DIR, or of --baseline, or,\n"
             "without either, on the other nine tenths of the pieces.\n",
  };
  int first;
  const int status = pmt_cli_parse(&command, argc, argv, &first);
  if (status != PMT_CLI_RUN) { return status; }
  e.appraise.model = argv[first];
  e.appraise.folder = argv[first + 1];
  e.appraise.threads = (uint32_t)threads;
  return run(&e);
}
