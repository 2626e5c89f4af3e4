/* SPDX-License-Identifier: ISC */
/* partimento tokens: what the trainer sees of folders of MIDI files, for trainers that are not written in C. Above: main.c.
   Below: train/corpus.h, train/facts.h, train/card.h.

   JSON, one object a line. The first says what the tokens mean and what is known of all training pieces; then one a
   piece. Whoever reads it needs neither the vocabulary's numbers nor the rules of splits. */
#include "cli.h"
#include "cmd.h"
#include "style_option.h"

#include "train/card.h"
#include "train/facts.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LICENSE_BYTES = 600 };

typedef struct {
  const char* name; /* of the style */
} Refused;

static void tell_refusal(void* handle, const char* file, const char* why) {
  const Refused* refused = handle;
  fprintf(stderr, "%s: %s refused: %s\n", refused->name, file, why);
}

/* ---- JSON of one thing each; NULL when memory is out ---- */

/** A list that lacks anything is none. */
static json_t* whole(json_t* list, size_t n) {
  if (json_array_size(list) == n) { return list; }
  json_decref(list);
  return NULL;
}

static json_t* bytes_json(const uint8_t* values, size_t n) {
  json_t* list = json_array();
  for (size_t i = 0; i < n; ++i) { json_array_append_new(list, json_integer(values[i])); }
  return whole(list, n);
}

static json_t* numbers_json(const uint16_t* values, size_t n) {
  json_t* list = json_array();
  for (size_t i = 0; i < n; ++i) { json_array_append_new(list, json_integer(values[i])); }
  return whole(list, n);
}

/** For people alone: a name that is not UTF-8 is left out. */
static json_t* name_json(const char* name) {
  json_t* text = json_string(name);
  return text ? text : json_string("");
}

/** Ids first .. end-1 of each class that a trainer has to tell apart. */
static json_t* vocabulary_json(uint32_t parts) {
  return json_pack("{s:s, s:i, s:i, s:i, s:[i,i], s:[i,i], s:[i,i], s:[i,i], s:[i,i], s:o, s:i}", "name", PMT_VOCAB_NAME,
                   "size", (int)pmt_vocab_size(parts), "bos", PMT_BOS, "end", PMT_END, "slot", PMT_TOKEN_SLOT,
                   PMT_TOKEN_POS, "velocity", PMT_TOKEN_VEL, PMT_TOKEN_DUR, "drum", PMT_TOKEN_DRUM, PMT_TOKEN_TRILL,
                   "ornament", PMT_TOKEN_TRILL, PMT_TOKEN_GRACE + 1, "note", PMT_TOKEN_NOTE, (int)pmt_vocab_size(parts),
                   "velocity_midi", bytes_json(pmt_velocity_midi, PMT_VELOCITIES), "velocity_start", PMT_VELOCITY_START);
}

static json_t* style_json(const PmtCorpus* corpus, const PmtFacts* f, size_t k) {
  char license[LICENSE_BYTES];
  pmt_card_license(corpus->folder, license, sizeof license);
  return json_pack("{s:s, s:o, s:I, s:o, s:i, s:i, s:o, s:b, s:f, s:o}", "name", corpus->name, "license", name_json(license), "refused",
                   (json_int_t)corpus->n_refused, "programs", bytes_json(f->program[k], f->parts), "kit", (int)f->kit[k],
                   "parts", (int)f->style_parts[k], "rests", bytes_json(f->rests[k], f->parts), "drums", (int)f->style_drums[k], "bpm", (double)f->style_bpm[k],
                   "octiles", numbers_json(f->octiles[k], PMT_OCTILE_LIMITS));
}

static json_t* tables_json(void) {
  return json_pack("{s:i, s:i, s:i, s:i}", "meter", PMT_TRAIN_METERS, "key", PMT_TRAIN_KEYS, "phrase", PMT_TRAIN_PHRASES,
                   "density", PMT_TRAIN_DENSITIES);
}

static json_t* header_json(const PmtCorpus* corpora, size_t n, const PmtFacts* f) {
  json_t* styles = json_array();
  for (size_t k = 0; k < n; ++k) { json_array_append_new(styles, style_json(&corpora[k], f, k)); }
  return json_pack("{s:s, s:s, s:o, s:o, s:i, s:o, s:o, s:b, s:b, s:b, s:o}", "format", "partimento tokens 1", "version",
                   PMT_VERSION, "vocabulary", vocabulary_json(f->parts), "tables", tables_json(), "parts", (int)f->parts,
                   "pitch_lo", bytes_json(f->pitch_lo, f->parts), "pitch_hi", bytes_json(f->pitch_hi, f->parts),
                   "velocity", (int)f->velocity, "drums", (int)f->drums, "ornaments", (int)f->ornaments, "styles", whole(styles, n));
}

/** Columns: index of the T token, tick, bar, meter, key, phrase, notes of the whole bar. */
static json_t* slots_json(const PmtSequence* s) {
  json_t* list = json_array();
  for (size_t i = 0; i < s->n_slots; ++i) {
    const PmtSlot* slot = &s->slots[i];
    json_array_append_new(list, json_pack("[i,i,i,i,i,i,i]", (int)slot->token, (int)slot->tick, (int)slot->bar,
                                          (int)slot->meter, (int)slot->key, (int)slot->phrase, (int)slot->bar_notes));
  }
  return whole(list, s->n_slots);
}

static json_t* piece_json(const PmtPiece* piece, size_t style) {
  static const char* const splits[PMT_SPLITS] = {"train", "valid", "test"};
  const PmtSequence* s = &piece->sequence;
  return json_pack("{s:i, s:o, s:s, s:I, s:o, s:o, s:o, s:o}", "style", (int)style, "name",
                   name_json(piece->name), "split", splits[piece->split], "ticks", (json_int_t)piece->ticks, "pitch_lo",
                   bytes_json(piece->pitch_lo, piece->parts), "pitch_hi", bytes_json(piece->pitch_hi, piece->parts),
                   "tokens", numbers_json(s->tokens, s->n_tokens), "slots", slots_json(s));
}

/* ---- the whole ---- */

static PmtStatus print_line(json_t* line, PmtError* error) {
  if (!line) { return pmt_fail(error, PMT_NO_MEM, "out of memory, or a style's name that is not UTF-8"); }
  const int failed = json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
  json_decref(line);
  return failed || putchar('\n') == EOF ? pmt_fail(error, PMT_IO, "standard output: %s", strerror(errno)) : PMT_OK;
}

static PmtStatus print_corpora(const PmtCorpus* corpora, size_t n, PmtError* error) {
  PmtFacts* facts = malloc(sizeof *facts);
  if (!facts || pmt_facts_collect(corpora, n, facts)) {
    free(facts);
    return pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  PmtStatus status = print_line(header_json(corpora, n, facts), error);
  free(facts);
  for (size_t k = 0; k < n; ++k) {
    for (size_t i = 0; i < corpora[k].n_pieces && !status; ++i) {
      status = print_line(piece_json(&corpora[k].pieces[i], k), error);
    }
  }
  return status;
}

static PmtStatus run(const PmtTrainOptions* o, PmtError* error) {
  PmtCorpus corpora[PMT_STYLES_MAX] = {{0}};
  PmtStatus status = PMT_OK;
  for (size_t k = 0; k < o->n_styles && !status; ++k) {
    Refused refused = {o->styles[k].name};
    status = pmt_corpus_load(o->styles[k].name, o->styles[k].folder, PMT_CORPUS_PARTS_MAX, tell_refusal, &refused,
                             &corpora[k], error);
  }
  status = status ? status : print_corpora(corpora, o->n_styles, error);
  for (size_t k = 0; k < o->n_styles; ++k) { pmt_corpus_free(&corpora[k]); }
  if (!status && fflush(stdout)) { status = pmt_fail(error, PMT_IO, "standard output: %s", strerror(errno)); }
  return status;
}

static const char notes[] =
  "For trainers that are not this one (tools/torch). One JSON object a line: what the tokens mean and\n"
  "what is known of the training pieces; then each piece with its split, tokens and slots.\n";

int pmt_cmd_tokens(int argc, char** argv) {
  PmtTrainOptions o = pmt_train_defaults();
  const PmtCliOption options[] = {
    {"style", PMT_CLI_CUSTOM, &o, "NAME=DIR", "a style of this name from the *.mid in DIR; may be repeated", 0, 0,
     pmt_style_option_take},
  };
  const PmtCliCommand command = {
    .name = "tokens",
    .operands = "",
    .summary = "print folders of MIDI files as the tokens that a model is trained on",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .notes = notes,
  };
  int first;
  int status = pmt_cli_parse(&command, argc, argv, &first);
  if (status == PMT_CLI_RUN && !o.n_styles) { status = pmt_cli_misuse("tokens", "no --style NAME=DIR: nothing to print"); }
  PmtError error = {""};
  if (status == PMT_CLI_RUN) { status = run(&o, &error) ? pmt_cli_failure("tokens", &error) : PMT_EXIT_OK; }
  pmt_style_option_free(&o);
  return status;
}
