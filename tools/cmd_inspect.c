/* SPDX-License-Identifier: ISC */
/* partimento inspect: what a MIDI file or a model is. Above: main.c. Below: music/import.h, music/codec.h,
   inspect_model.c, roll.h. */
#include "cmd.h"

#include "cli.h"
#include "gm.h"
#include "inspect.h"
#include "music/codec.h"
#include "music/import.h"
#include "music/meter.h"
#include "roll.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what is known of the file ---- */

typedef struct {
  const PmtInspectArgs* args;
  PmtSmf smf;
  PmtScore score;
  PmtSequence sequence;
  PmtImportReport report;
} Piece;

static PmtStatus read_piece(Piece* piece, PmtError* error) {
  PmtImportOptions options = pmt_import_defaults();
  options.parts_max = (uint32_t)piece->args->parts;
  options.ornaments = piece->args->ornaments;
  PmtStatus status = pmt_smf_read(piece->args->path, &piece->smf, error);
  if (status) {
    return status;
  }
  status = pmt_import(&piece->smf, &options, &piece->score, &piece->report, error);
  status = status ? status : pmt_encode(&piece->score, &piece->sequence, error);
  if (status) {
    pmt_error_prefix(error, piece->args->path);
  }
  return status;
}

static void free_piece(Piece* piece) {
  pmt_sequence_free(&piece->sequence);
  pmt_score_free(&piece->score);
  pmt_smf_free(&piece->smf);
}

typedef struct { uint32_t notes; uint8_t lo, hi; } PartFacts;

static PartFacts find_part(const PmtScore* score, uint8_t part) {
  PartFacts facts = {0, 127, 0};
  for (size_t i = 0; i < score->n_notes; ++i) {
    const PmtNote* note = &score->notes[i];
    if (note->part == part) {
      ++facts.notes;
      facts.lo = note->pitch < facts.lo ? note->pitch : facts.lo;
      facts.hi = note->pitch > facts.hi ? note->pitch : facts.hi;
    }
  }
  return facts;
}

static double find_seconds(const PmtScore* score) {
  double seconds = 0;
  const uint32_t end = pmt_score_ticks(score);
  for (size_t i = 0; i < score->n_tempos; ++i) {
    const uint32_t to = i + 1 < score->n_tempos ? score->tempos[i + 1].tick : end;
    if (to > score->tempos[i].tick) {
      seconds += (to - score->tempos[i].tick) * 60.0 / (score->tempos[i].bpm * PMT_TICKS_PER_QUARTER);
    }
  }
  return seconds;
}

static double find_quarters(const PmtScore* score) {
  return (double)pmt_score_ticks(score) / PMT_TICKS_PER_QUARTER;
}

static void name_pitch(uint32_t pitch, char name[16]) {
  static const char* const classes[] = {"C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"};
  snprintf(name, 16, "%s%d", classes[pitch % 12], (int)pitch / 12 - 1);
}

/* ---- as lines ---- */

enum { CHANGES_SHOWN = 6 };

static void print_meters(const PmtScore* score) {
  uint32_t changes = 0;
  printf("meter       %u/%u", score->bars[0].beats, score->bars[0].unit);
  for (size_t i = 1; i < score->n_bars; ++i) {
    const PmtBar* bar = &score->bars[i];
    if ((bar->beats != bar[-1].beats || bar->unit != bar[-1].unit) && ++changes <= CHANGES_SHOWN) {
      printf(", %u/%u from bar %zu", bar->beats, bar->unit, i + 1);
    }
  }
  if (changes > CHANGES_SHOWN) {
    printf(", and %u more changes", changes - CHANGES_SHOWN);
  }
  printf("%s\n", score->bars[0].skip ? " (begins with a pickup)" : "");
}

static void print_tempos(const PmtScore* score) {
  if (!score->n_tempos) {
    return;
  }
  double lo = score->tempos[0].bpm;
  double hi = lo;
  for (size_t i = 1; i < score->n_tempos; ++i) {
    lo = score->tempos[i].bpm < lo ? score->tempos[i].bpm : lo;
    hi = score->tempos[i].bpm > hi ? score->tempos[i].bpm : hi;
  }
  printf("tempo       %.4g quarters a minute", score->tempos[0].bpm);
  if (hi > lo) {
    printf(", then %.4g to %.4g in %zu changes", lo, hi, score->n_tempos - 1);
  }
  putchar('\n');
}

static void print_parts(const PmtScore* score) {
  char lo[16];
  char hi[16];
  printf("parts       %u%s\n", score->parts, score->has_drums ? " and drums" : "");
  for (uint32_t part = 0; part < score->parts; ++part) {
    const PartFacts facts = find_part(score, (uint8_t)part);
    name_pitch(facts.lo, lo);
    name_pitch(facts.hi, hi);
    printf("  %-8u  %-18s %6u notes  %s to %s\n", part + 1, pmt_gm_program_name(score->program[part]), facts.notes,
           facts.notes ? lo : "-", facts.notes ? hi : "-");
  }
  if (score->has_drums) {
    printf("  drums     %-18s %6u notes\n", "Percussion", find_part(score, PMT_PART_DRUMS).notes);
  }
}

static void print_losses(const PmtImportReport* r) {
  printf("quantised   %u of %u onsets moved, %.3f ticks in the mean (a tick is 1/24 quarter)\n", r->moved, r->notes_in,
         r->moved_mean_ticks);
  const struct { uint32_t n; const char* what; } list[] = {
    {r->merged, "notes merged with an equal one"},
    {r->cut, "notes cut short (over 384 ticks, or struck again)"},
    {r->folded, "notes folded by octaves"},
    {r->dropped_drums, "percussion notes outside 35..81 dropped"},
    {r->ornaments, "ornaments recognised"},
    {r->parts_merged, "voices merged into others"},
  };
  for (size_t i = 0; i < sizeof list / sizeof *list; ++i) {
    if (list[i].n) {
      printf("            %u %s\n", list[i].n, list[i].what);
    }
  }
}

static void print_piece(const Piece* piece) {
  const PmtScore* score = &piece->score;
  const double seconds = find_seconds(score);
  printf("file        %s\n", piece->args->path);
  printf("bars        %zu, %d:%02d\n", score->n_bars, (int)seconds / 60, (int)seconds % 60);
  print_meters(score);
  print_tempos(score);
  print_parts(score);
  printf("notes       %u of %u kept\n", piece->report.notes_out, piece->report.notes_in);
  printf("tokens      %zu, %.1f a quarter, %.1f a slot\n", piece->sequence.n_tokens,
         (double)piece->sequence.n_tokens / find_quarters(score),
         (double)piece->sequence.n_tokens / (double)(piece->sequence.n_slots ? piece->sequence.n_slots : 1));
  print_losses(&piece->report);
  if (*piece->smf.warnings) {
    printf("warnings    %s\n", piece->smf.warnings);
  }
}

/* ---- as JSON ---- */

static json_t* part_json(const PmtScore* score, uint8_t part, const char* name) {
  const PartFacts facts = find_part(score, part);
  return json_pack("{s:s, s:i, s:i, s:i}", "name", name, "notes", (int)facts.notes, "lowest",
                   facts.notes ? (int)facts.lo : 0, "highest", (int)facts.hi);
}

static json_t* parts_json(const PmtScore* score) {
  json_t* parts = json_array();
  for (uint32_t part = 0; part < score->parts; ++part) {
    json_t* one = part_json(score, (uint8_t)part, pmt_gm_program_name(score->program[part]));
    json_object_set_new(one, "program", json_integer(score->program[part]));
    json_array_append_new(parts, one);
  }
  return parts;
}

static json_t* meters_json(const PmtScore* score) {
  json_t* meters = json_array();
  for (size_t i = 0; i < score->n_bars; ++i) {
    const PmtBar* bar = &score->bars[i];
    if (!i || bar->beats != bar[-1].beats || bar->unit != bar[-1].unit) {
      json_array_append_new(meters, json_pack("{s:I, s:i, s:i}", "bar", (json_int_t)i + 1, "beats", (int)bar->beats,
                                              "unit", (int)bar->unit));
    }
  }
  return meters;
}

static json_t* tempos_json(const PmtScore* score) {
  json_t* tempos = json_array();
  for (size_t i = 0; i < score->n_tempos; ++i) {
    json_array_append_new(tempos, json_pack("{s:f, s:f}", "quarter",
                                            (double)score->tempos[i].tick / PMT_TICKS_PER_QUARTER, "bpm",
                                            score->tempos[i].bpm));
  }
  return tempos;
}

static json_t* losses_json(const PmtImportReport* r) {
  return json_pack("{s:i, s:f, s:i, s:i, s:i, s:i, s:i, s:i}", "moved", (int)r->moved, "moved_mean_ticks",
                   r->moved_mean_ticks, "merged", (int)r->merged, "cut", (int)r->cut, "folded", (int)r->folded,
                   "dropped_drums", (int)r->dropped_drums, "ornaments", (int)r->ornaments, "parts_merged",
                   (int)r->parts_merged);
}

static PmtStatus print_piece_json(const Piece* piece, PmtError* error) {
  const PmtScore* score = &piece->score;
  json_t* root = json_pack(
    "{s:s, s:I, s:f, s:f, s:o, s:o, s:o, s:i, s:I, s:I, s:I, s:I, s:f, s:o, s:s}", "file", piece->args->path,
    "bars", (json_int_t)score->n_bars, "quarters", find_quarters(score), "seconds", find_seconds(score), "meters", meters_json(score), "tempos", tempos_json(score), "parts", parts_json(score),
    "drum_notes", (int)find_part(score, PMT_PART_DRUMS).notes, "notes_in", (json_int_t)piece->report.notes_in,
    "notes", (json_int_t)piece->report.notes_out, "tokens", (json_int_t)piece->sequence.n_tokens, "slots",
    (json_int_t)piece->sequence.n_slots, "tokens_per_quarter",
    (double)piece->sequence.n_tokens / find_quarters(score), "quantised", losses_json(&piece->report), "warnings",
    piece->smf.warnings);
  char* text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
  json_decref(root);
  if (!text) {
    return pmt_fail(error, PMT_UNSUPPORTED, "%s: no JSON can be made of this", piece->args->path);
  }
  puts(text);
  free(text);
  return PMT_OK;
}

/* ---- tokens and picture ---- */

static void print_tokens(const Piece* piece) {
  const PmtSequence* s = &piece->sequence;
  for (size_t i = 0; i < s->n_slots; ++i) {
    if (s->slots[i].bar + 1 < piece->args->first_bar || s->slots[i].bar >= piece->args->last_bar) {
      continue;
    }
    const size_t end = i + 1 < s->n_slots ? s->slots[i + 1].token : s->n_tokens;
    printf("%u", s->slots[i].bar + 1);
    for (size_t k = s->slots[i].token; k < end; ++k) {
      char name[24];
      pmt_token_name(s->tokens[k], name, sizeof name);
      printf("%c%s", k == s->slots[i].token ? '\t' : ' ', name);
    }
    putchar('\n');
  }
}

static PmtStatus draw_piece(const Piece* piece, PmtError* error) {
  const PmtInspectArgs* args = piece->args;
  const PmtScore* score = &piece->score;
  const char* slash = strrchr(args->path, '/');
  PmtRoll roll = {.n_notes = 0};
  snprintf(roll.title, sizeof roll.title, "%s", slash ? slash + 1 : args->path);
  char bars[48];
  if (args->first_bar > 1 || args->last_bar < score->n_bars) {
    snprintf(bars, sizeof bars, "bars %u to %zu of %zu", args->first_bar,
             args->last_bar < score->n_bars ? args->last_bar : score->n_bars, score->n_bars);
  } else {
    snprintf(bars, sizeof bars, "%zu bars", score->n_bars);
  }
  snprintf(roll.subtitle, sizeof roll.subtitle, "%s, %u/%u, %.4g quarters a minute, %zu notes in all", bars,
           score->bars[0].beats, score->bars[0].unit, score->n_tempos ? score->tempos[0].bpm : 120.0, score->n_notes);
  for (uint32_t part = 0; part < score->parts && part < PMT_ROLL_PARTS; ++part) {
    snprintf(roll.part_name[part], sizeof roll.part_name[part], "%s", pmt_gm_program_name(score->program[part]));
  }
  const PmtStatus status = pmt_roll_add_score(&roll, score, args->first_bar - 1, args->last_bar - 1)
                             ? pmt_fail(error, PMT_NO_MEM, "%s: out of memory", args->picture)
                             : pmt_roll_draw(&roll, args->picture, error);
  pmt_roll_free(&roll);
  return status;
}

/* ---- the whole ---- */

static PmtStatus show_piece(const Piece* piece, PmtError* error) {
  PmtStatus status = PMT_OK;
  if (piece->args->first_bar > piece->score.n_bars) {
    return pmt_fail(error, PMT_BAD_ARG, "--bars: the piece has %zu bars", piece->score.n_bars);
  }
  if (piece->args->json) {
    status = print_piece_json(piece, error);
  } else if (!piece->args->tokens) {
    print_piece(piece);
  }
  if (piece->args->tokens && !piece->args->json) {
    print_tokens(piece);
  }
  if (!status && piece->args->picture) {
    status = draw_piece(piece, error);
  }
  return status;
}

static PmtStatus inspect_piece(const PmtInspectArgs* args, PmtError* error) {
  Piece piece = {.args = args};
  PmtStatus status = read_piece(&piece, error);
  status = status ? status : show_piece(&piece, error);
  free_piece(&piece);
  return status;
}

static bool take_bars(void* target, const char* text, PmtError* error) {
  PmtInspectArgs* args = target;
  return pmt_cli_parse_range("--bars", text, &args->first_bar, &args->last_bar, error);
}

static const char notes[] =
  "FILE is a MIDI file, or a model (.safetensors): then its metadata and tensors are\n"
  "printed. Bars count from 1, a pickup included.\n";

int pmt_cmd_inspect(int argc, char** argv) {
  PmtInspectArgs args = {.first_bar = 1, .last_bar = UINT32_MAX, .parts = 4};
  const PmtCliOption options[] = {
    {"tokens", PMT_CLI_FLAG, &args.tokens, NULL, "print the tokens instead: bar, tab, one slot a line",
     .take = NULL},
    {"picture", PMT_CLI_TEXT, &args.picture, "FILE", "draw the piano roll, .png or .svg", .take = NULL},
    {"bars", PMT_CLI_CUSTOM, &args, "A-B", "only these bars in --tokens and --picture", .take = take_bars},
    {"parts", PMT_CLI_INT, &args.parts, "N", "melodic parts to keep (4)", 1, PMT_PARTS_MAX, NULL},
    {"ornaments", PMT_CLI_FLAG, &args.ornaments, NULL, "recognise trills, turns and grace notes", .take = NULL},
    {"json", PMT_CLI_FLAG, &args.json, NULL, "print one JSON object", .take = NULL},
  };
  const PmtCliCommand command = {
    .name = "inspect",
    .operands = "FILE",
    .summary = "describe and draw a MIDI file; describe a model",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .operands_min = 1,
    .operands_max = 1,
    .notes = notes,
  };
  int operand = 0;
  const int parsed = pmt_cli_parse(&command, argc, argv, &operand);
  if (parsed != PMT_CLI_RUN) {
    return parsed;
  }
  args.path = argv[operand];
  PmtError error = {""};
  const char* dot = strrchr(args.path, '.');
  const bool model = dot && !strcasecmp(dot, ".safetensors");
  PmtStatus status = model ? pmt_inspect_model(&args, &error) : inspect_piece(&args, &error);
  if (!status && fflush(stdout)) {
    status = pmt_fail(&error, PMT_IO, "standard output: %s", strerror(errno));
  }
  if (status == PMT_BAD_ARG) {
    return pmt_cli_misuse("inspect", "%s", error.text);
  }
  return status ? pmt_cli_failure("inspect", &error) : PMT_EXIT_OK;
}
