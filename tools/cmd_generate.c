/* SPDX-License-Identifier: ISC */
/* partimento generate: a model, the engine the plugin uses, a file. Above: main.c. Below: gen/render.h, roll.h. */
#include "cli.h"
#include "cmd.h"
#include "roll.h"

#include "gen/render.h"
#include "music/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TICKS_PER_QUARTER = 480, BARS_MAX = 100000, ROLL_BARS_MAX = 512 };

static const double from_model = -1.0; /* no such option given: what the model suggests */
static const double sample_rate = 48000.0;

typedef struct {
  const char *style, *style2, *prime, *out, *picture;
  int64_t bars, seed;
  double tempo, temperature, min_p, blend, density, strictness, velocity;
  PmtCliMeter meter;
  uint32_t scale_root, scale_mode;
  uint32_t lo, hi;
} Args;

typedef struct {
  Args args;
  PmtModel* model; /* owned by the engine once that exists */
  PmtEngine* engine;
  PmtControls controls;
  double tempo;
  PmtMidiList list;
} Generate;

/* ---- Options with a syntax of their own -------------------------------------------------------------------------- */

/** @return the text after a note name such as "F#" or "Eb"; NULL when there is none */
static const char* parse_root(const char* const text, uint32_t* const root) {
  static const char letters[] = "CDEFGAB";
  static const uint8_t classes[] = {0, 2, 4, 5, 7, 9, 11};
  const char* const letter = *text ? strchr(letters, *text & ~0x20) : NULL;
  if (!letter) {
    return NULL;
  }
  const bool sharp = text[1] == '#', flat = text[1] == 'b';
  *root = (classes[letter - letters] + (sharp ? 1u : flat ? 11u : 0u)) % 12;
  return text + 1 + (sharp || flat);
}

static bool take_scale(void* const target, const char* const value, PmtError* const error) {
  Args* const args = target;
  const char* const mode = parse_root(value, &args->scale_root);
  for (uint32_t m = PMT_SCALE_OFF + 1; mode && *mode == ' ' && m < PMT_SCALES; ++m) {
    if (!strcasecmp(mode + 1, pmt_scale_name(m))) {
      args->scale_mode = m;
      return true;
    }
  }
  pmt_fail(error, PMT_BAD_ARG, "--scale: \"%s\" is not a root and a scale such as \"D minor\"", value);
  return false;
}

static bool take_register(void* const target, const char* const value, PmtError* const error) {
  Args* const args = target;
  unsigned lo = 0, hi = 0;
  int used = 0;
  if (sscanf(value, "%3u-%3u%n", &lo, &hi, &used) != 2 || value[used] || lo > hi || hi > 127) {
    pmt_fail(error, PMT_BAD_ARG, "--register: \"%s\" is not a range of pitches such as 48-84", value);
    return false;
  }
  args->lo = lo;
  args->hi = hi;
  return true;
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

/** @return PMT_BAD_ARG with a list of those there are */
static PmtStatus find_style(const PmtModel* const model, const char* const name, float* const style,
                            PmtError* const error) {
  const int found = name ? pmt_model_style(model, name) : 0;
  if (found >= 0) {
    *style = (float)found;
    return PMT_OK;
  }
  pmt_fail(error, PMT_BAD_ARG, "no style \"%.40s\"; the model has", name);
  size_t used = strlen(error->text);
  for (uint32_t i = 0; i < model->n_styles && used < sizeof error->text; ++i) {
    used +=
        (size_t)snprintf(error->text + used, sizeof error->text - used, "%s %s", i ? "," : "", model->style_name[i]);
  }
  return PMT_BAD_ARG;
}

static PmtStatus make_controls(Generate* const g, PmtError* const error) {
  const Args* const a = &g->args;
  const PmtModel* const model = g->model;
  PmtControls* const c = &g->controls;
  *c = pmt_controls_default();
  PmtStatus status = find_style(model, a->style, &c->style, error);
  status = status ? status : find_style(model, a->style2 ? a->style2 : a->style, &c->style2, error);
  if (status) {
    return status;
  }
  c->temperature = a->temperature < 0 ? model->temperature : (float)a->temperature;
  c->min_p = pmt_cli_min_p(a->min_p);
  c->blend = (float)a->blend;
  c->density = (float)a->density;
  c->seed = (float)a->seed;
  c->strictness = (float)a->strictness;
  c->velocity = (float)a->velocity;
  c->scale_root = (float)a->scale_root;
  c->scale_mode = (float)a->scale_mode;
  c->register_lo = (float)a->lo;
  c->register_hi = (float)a->hi;
  const float own = model->style_bpm[(uint32_t)c->style];
  g->tempo = a->tempo > 0 ? a->tempo : own >= 4 ? (double)own : 120.0;
  return PMT_OK;
}

static PmtStatus make_engine(Generate* const g, PmtError* const error) {
  PmtPlayer* player = NULL;
  PmtStatus status = pmt_player_new(g->model, &player);
  status = status ? status : pmt_engine_new(sample_rate, player, &g->engine);
  if (status) {
    if (player) {
      pmt_player_free(player);
      g->model = NULL;
    }
    return pmt_fail(error, status, "%s", pmt_strerror(status));
  }
  return PMT_OK;
}

static uint8_t lowest(const PmtModel* const model) {
  uint8_t lo = 127;
  for (uint32_t p = 0; p < model->parts; ++p) {
    lo = model->pitch_lo[p] < lo ? model->pitch_lo[p] : lo;
  }
  return lo;
}

static uint8_t highest(const PmtModel* const model) {
  uint8_t hi = 0;
  for (uint32_t p = 0; p < model->parts; ++p) {
    hi = model->pitch_hi[p] > hi ? model->pitch_hi[p] : hi;
  }
  return hi;
}

static PmtStatus prime(Generate* const g, PmtError* const error) {
  if (!g->args.prime) {
    return PMT_OK;
  }
  PmtImportOptions options = pmt_import_defaults();
  options.parts_max = g->model->parts;
  options.ornaments = g->model->ornaments;
  if (highest(g->model) >= lowest(g->model) + 11) { /* folding by octaves needs one */
    options.pitch_lo = lowest(g->model);
    options.pitch_hi = highest(g->model);
  }
  PmtScore score = {0};
  PmtSequence sequence = {0};
  PmtStatus status = pmt_import_file(g->args.prime, &options, &score, NULL, error);
  status = status ? status : pmt_encode(&score, &sequence, error);
  status = status ? status : pmt_engine_prime(g->engine, &sequence, &g->controls, error);
  pmt_sequence_free(&sequence);
  pmt_score_free(&score);
  return status;
}

static PmtStatus render(Generate* const g, PmtError* const error) {
  const PmtRenderOptions options = {
    .sample_rate = sample_rate,
    .bars = (uint32_t)g->args.bars,
    .quarter_bpm = g->tempo,
    .beats = g->args.meter.beats,
    .unit = g->args.meter.unit,
    .block = 1024,
  };
  return pmt_render(g->engine, &g->controls, &options, &g->list, error);
}

static double quarters(const Generate* const g) {
  return (double)g->args.bars * g->args.meter.beats * 4.0 / g->args.meter.unit;
}

static PmtStatus write_midi(const Generate* const g, PmtError* const error) {
  if (!g->args.out) {
    return PMT_OK;
  }
  const PmtSmfTempo tempo = {0, (uint32_t)(60e6 / g->tempo + 0.5)};
  const PmtSmfMeter meter = {0, (uint8_t)g->args.meter.beats, (uint8_t)g->args.meter.unit};
  const PmtMidiListOut out = {
    .sample_rate = sample_rate,
    .ticks_per_quarter = TICKS_PER_QUARTER,
    .tempos = &tempo,
    .n_tempos = 1,
    .meters = &meter,
    .n_meters = 1,
    .model = g->model,
    .style = (uint32_t)g->controls.style,
    .end_frame = (uint64_t)(quarters(g) * 60.0 / g->tempo * sample_rate + 0.5),
  };
  return pmt_midi_list_write(&g->list, &out, g->args.out, error);
}

/* ---- Picture ----------------------------------------------------------------------------------------------------- */

static double quarter_at(const void* const handle, const uint64_t frame) {
  const Generate* const g = handle;
  return (double)frame / sample_rate / 60.0 * g->tempo;
}

static PmtStatus fill_roll(const Generate* const g, PmtRoll* const roll) {
  const double length = g->args.meter.beats * 4.0 / g->args.meter.unit;
  snprintf(roll->title, sizeof roll->title, "%s", g->model->title[0] ? g->model->title : "Partimento");
  snprintf(roll->subtitle, sizeof roll->subtitle, "%s, %.4g quarters a minute, temperature %.3g, seed %d",
           g->model->style_name[(uint32_t)g->controls.style], g->tempo, (double)g->controls.temperature,
           (int)g->args.seed);
  for (uint32_t p = 0; p < g->model->parts && p < PMT_ROLL_PARTS; ++p) {
    snprintf(roll->part_name[p], sizeof roll->part_name[p], "%s", g->model->part_name[p]);
  }
  PmtStatus status = PMT_OK;
  for (uint32_t i = 0; !status && i < (uint32_t)g->args.bars; ++i) {
    status = pmt_roll_add_bar(roll, (PmtRollBar){i * length, length, i + 1, g->args.meter.beats, g->args.meter.unit});
  }
  return status ? status : pmt_roll_add_midi(roll, &g->list, 0, quarter_at, g);
}

static PmtStatus draw(const Generate* const g, PmtError* const error) {
  if (!g->args.picture) {
    return PMT_OK;
  }
  if (g->args.bars > ROLL_BARS_MAX) {
    return pmt_fail(error, PMT_TOO_BIG, "%s: a picture holds up to %d bars", g->args.picture, ROLL_BARS_MAX);
  }
  PmtRoll roll = {0};
  PmtStatus status = fill_roll(g, &roll);
  status = status ? pmt_fail(error, status, "%s: %s", g->args.picture, pmt_strerror(status))
                  : pmt_roll_draw(&roll, g->args.picture, error);
  pmt_roll_free(&roll);
  return status;
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

static PmtStatus print_figures(const Generate* const g, PmtError* const error) {
  const PmtEngineStats* const s = pmt_engine_stats(g->engine);
  printf("bars         %lld\ntempo        %.6g\n", (long long)g->args.bars, g->tempo);
  printf("notes        %llu\nslots        %llu\ntokens       %llu\nlate slots   %llu\n",
         (unsigned long long)s->notes_on, (unsigned long long)s->slots, (unsigned long long)s->tokens,
         (unsigned long long)s->late_slots);
  return fflush(stdout) ? pmt_fail(error, PMT_IO, "standard output: %s", strerror(errno)) : PMT_OK;
}

static int run(Generate* const g, const char* const path) {
  PmtError error = {""};
  PmtStatus status = pmt_model_load(path, &g->model, &error);
  status = status ? status : make_controls(g, &error);
  status = status ? status : make_engine(g, &error);
  status = status ? status : prime(g, &error);
  status = status ? status : render(g, &error);
  status = status ? status : write_midi(g, &error);
  status = status ? status : draw(g, &error);
  status = status ? status : print_figures(g, &error);
  if (g->engine) {
    pmt_engine_free(g->engine);
  } else {
    pmt_model_free(g->model);
  }
  pmt_midi_list_free(&g->list);
  if (status == PMT_BAD_ARG) { /* no such style */
    return pmt_cli_misuse("generate", "%s", error.text);
  }
  return status ? pmt_cli_failure("generate", &error) : PMT_EXIT_OK;
}

static const char notes[] =
  "The notes come from the engine that the plugin runs, rolled from bar 1 without a\n"
  "host. The same options give the same notes. --prime feeds a file to the model\n"
  "first: what is written goes on from there and does not repeat it.\n\n"
  "A scale is a root and one of major, minor, dorian, phrygian, lydian, mixolydian,\n"
  "locrian, harmonic minor, pentatonic major, pentatonic minor, blues, whole tone.\n";

int pmt_cmd_generate(int argc, char** argv) {
  Generate g = {.args = {.bars = 16, .temperature = from_model, .min_p = from_model, .strictness = 0.5, .velocity = 1.0,
                         .meter = {4, 4}, .hi = 127}};
  Args* const a = &g.args;
  const PmtCliOption options[] = {
      {"style", PMT_CLI_TEXT, &a->style, "NAME", "style (the model's first)", .take = NULL},
      {"style2", PMT_CLI_TEXT, &a->style2, "NAME", "style to blend with", .take = NULL},
      {"blend", PMT_CLI_REAL, &a->blend, "X", "0 = style, 1 = style2 (0)", 0, 1, NULL},
      {"bars", PMT_CLI_INT, &a->bars, "N", "bars to write (16)", 1, BARS_MAX, NULL},
      {"tempo", PMT_CLI_REAL, &a->tempo, "BPM", "quarter notes a minute (the style's own, or 120)", 4, 2000, NULL},
      {"meter", PMT_CLI_METER, &a->meter, "B/U", "meter (4/4)", .take = NULL},
      {"temperature", PMT_CLI_REAL, &a->temperature, "X",
       "0 = likeliest only, 1 = as learnt, 2 = wild\n(the model's own)", 0, 2, NULL},
      {"min-p", PMT_CLI_REAL, &a->min_p, "X", "drop what is less likely than X times the likeliest\n(the model's own)",
       0, 0.5, NULL},
      {"seed", PMT_CLI_INT, &a->seed, "N", "0..65535 (0)", 0, 65535, NULL},
      {"density", PMT_CLI_REAL, &a->density, "X", "-1 = few notes, 1 = many (0)", -1, 1, NULL},
      {"scale", PMT_CLI_CUSTOM, a, "SCALE", "stay near a scale, such as \"D minor\"", .take = take_scale},
      {"strictness", PMT_CLI_REAL, &a->strictness, "X", "0 = only tell the model the key, 1 = no note outside (0.5)", 0,
       1, NULL},
      {"register", PMT_CLI_CUSTOM, a, "LO-HI", "MIDI pitches that may be played (0-127)", .take = take_register},
      {"velocity", PMT_CLI_REAL, &a->velocity, "X", "factor on velocities (1)", 0, 2, NULL},
      {"prime", PMT_CLI_TEXT, &a->prime, "FILE", "MIDI file to go on from", .take = NULL},
      {"out", PMT_CLI_TEXT, &a->out, "FILE.mid", "write the music", .take = NULL},
      {"picture", PMT_CLI_TEXT, &a->picture, "FILE", "draw it, .png or .svg", .take = NULL},
  };
  const PmtCliCommand command = {
    .name = "generate",
    .operands = "MODEL",
    .summary = "write music with a model, offline",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .operands_min = 1,
    .operands_max = 1,
    .notes = notes,
  };
  int operand = 0;
  const int status = pmt_cli_parse(&command, argc, argv, &operand);
  return status == PMT_CLI_RUN ? run(&g, argv[operand]) : status;
}
