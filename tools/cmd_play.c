/* SPDX-License-Identifier: ISC */
/* partimento play: options in, pieces together. Above: main.c. Below: play_run.c, musician.c, play_write.c,
   play_report.c, play_picture.c. */
#include "cmd.h"

#include "cli.h"
#include "play.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_MAX = 65536, BARS = 32, TEMPO = 120, BEATS = 4, UNIT = 4 };

/* ---- options with a syntax of their own ---- */

static bool take_block(void* target, const char* text, PmtError* error) {
  int64_t block = 0;
  if (strcmp(text, "random") && !pmt_cli_parse_int("--block", text, 1, BLOCK_MAX, &block, error)) {
    return false;
  }
  *(uint32_t*)target = (uint32_t)block;
  return true;
}

static bool take_positions(void* target, const char* text, PmtError* error) {
  const bool sparse = !strcmp(text, "change");
  if (!sparse && strcmp(text, "every")) {
    pmt_fail(error, PMT_BAD_ARG, "--positions: \"%s\" is neither every nor change", text);
    return false;
  }
  *(bool*)target = sparse;
  return true;
}

static bool take_set(void* target, const char* text, PmtError* error) {
  PmtPlayArgs* args = target;
  const char* equals = strchr(text, '=');
  if (!equals || equals == text || !equals[1]) {
    pmt_fail(error, PMT_BAD_ARG, "--set: \"%s\" is not SYMBOL=VALUE", text);
    return false;
  }
  if (args->n_sets == PMT_PLAY_SETS_MAX) {
    pmt_fail(error, PMT_BAD_ARG, "--set: more than %d", PMT_PLAY_SETS_MAX);
    return false;
  }
  args->sets[args->n_sets++] = text;
  return true;
}

static bool take_track(void* target, const char* text, PmtError* error) {
  PmtMusicianOptions* player = target;
  if (player->n_tracks == PMT_MUSICIAN_TRACKS_MAX) {
    pmt_fail(error, PMT_BAD_ARG, "--player-track: more than %d", PMT_MUSICIAN_TRACKS_MAX);
    return false;
  }
  player->tracks[player->n_tracks++] = text;
  return true;
}

static bool add_item(PmtPlayArgs* args, PmtAutomate item, PmtError* error) {
  if (pmt_automation_add(&args->automation, item)) {
    pmt_fail(error, PMT_NO_MEM, "out of memory");
    return false;
  }
  return true;
}

static bool take_loop(void* target, const char* text, PmtError* error) {
  PmtAutomate item = {.kind = PMT_AUTOMATE_LOOP};
  uint32_t first = 0;
  uint32_t last = 0;
  if (!pmt_cli_parse_range("--loop", text, &first, &last, error)) {
    return false;
  }
  item.at.bar = first - 1;
  item.to.bar = last - 1;
  return add_item(target, item, error);
}

static bool take_locate(void* target, const char* text, PmtError* error) {
  PmtAutomate item = {.kind = PMT_AUTOMATE_LOCATE};
  uint32_t at = 0;
  uint32_t to = 0;
  if (!pmt_cli_parse_pair(text, ':', &at, &to) || at < 1 || to < 1) {
    pmt_fail(error, PMT_BAD_ARG, "--locate: \"%s\" is not a jump such as 9:3 (where bar 9 begins, go to bar 3)", text);
    return false;
  }
  item.at.bar = at - 1;
  item.to.bar = to - 1;
  return add_item(target, item, error);
}

/* ---- names ---- */

static bool is_style(const char* symbol) {
  return !strcmp(symbol, "style") || !strcmp(symbol, "style2");
}

/* A model's own names come before the port's labels, which are those of the shipped one. */
static bool resolve_value(void* handle, const char* symbol, const char* word, double* value, PmtError* error) {
  const PmtPlay* play = handle;
  const int style = is_style(symbol) && play->model ? pmt_model_style(play->model, word) : -1;
  if (style >= 0) {
    *value = style;
    return true;
  }
  return !pmt_host_value(play->host, symbol, word, value, error);
}

const char* pmt_play_style_name(const PmtPlay* play, double value) {
  if (play->model && value >= 0 && value < play->model->n_styles) {
    return play->model->style_name[(uint32_t)value];
  }
  return pmt_host_label(play->host, "style", value);
}

/* ---- putting it together ---- */

/* The bundle beside the executable (in the build), or where `make install` puts it. */
static const char* default_bundle(char path[PATH_MAX]) {
  static const char* const places[] = {"partimento.lv2", "../lib/lv2/partimento.lv2"};
  char own[PATH_MAX - 64];
  const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
  if (length <= 0) {
    return places[0];
  }
  own[length] = '\0';
  char* slash = strrchr(own, '/');
  *slash = '\0';
  for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
    snprintf(path, PATH_MAX, "%s/%s", own, places[i]);
    if (!access(path, R_OK)) {
      return path;
    }
  }
  snprintf(path, PATH_MAX, "%s/%s", own, places[0]);
  return path;
}

/* For names and programs. The plugin reads its own copy. @param path NULL: the one it begins with */
static PmtStatus read_model(PmtPlay* play, const char* path, PmtError* error) {
  char own[PATH_MAX + 32];
  if (!path) {
    snprintf(own, sizeof own, "%s/partimento.safetensors", play->args.bundle);
    if (access(own, R_OK)) {
      return PMT_OK; /* another bundle, or one without a model */
    }
    path = own;
  }
  const char* slash = strrchr(path, '/');
  snprintf(play->model_file, sizeof play->model_file, "%.255s", slash ? slash + 1 : path);
  return pmt_model_load(path, &play->model, error);
}

/* A preset may bring another model along, and the names are that one's then; --model comes after it. */
static PmtStatus apply_preset(PmtPlay* play, PmtError* error) {
  const PmtStatus status = pmt_host_preset(play->host, play->args.preset, error);
  if (status) {
    return status;
  }
  return read_model(play, play->args.model ? play->args.model : pmt_host_preset_model(play->host), error);
}

/* The player's notes are recorded as they are played: passed on by the plugin, they would be there twice. */
static PmtStatus end_thru(PmtPlay* play, PmtError* error) {
  float ignored = 0;
  const bool has_thru = pmt_host_get(play->host, "thru", &ignored);
  return has_thru && play->args.player.path ? pmt_host_set(play->host, "thru", 0, error) : PMT_OK;
}

static PmtStatus set_controls(PmtPlay* play, PmtError* error) {
  const PmtPlayArgs* args = &play->args;
  PmtStatus status = args->preset ? apply_preset(play, error) : PMT_OK;
  status = status ? status : end_thru(play, error);
  if (!status && args->seed >= 0) {
    status = pmt_host_set(play->host, "seed", (double)args->seed, error);
  }
  for (size_t i = 0; !status && i < args->n_sets; ++i) {
    char symbol[PMT_AUTOMATION_SYMBOL];
    const char* equals = strchr(args->sets[i], '=');
    snprintf(symbol, sizeof symbol, "%.*s", (int)(equals - args->sets[i]), args->sets[i]);
    double value = 0;
    if (!resolve_value(play, symbol, equals + 1, &value, error)) {
      return PMT_BAD_ARG;
    }
    status = pmt_host_set(play->host, symbol, value, error);
  }
  float ignored = 0;
  if (!status && args->curve && !pmt_host_get(play->host, args->curve, &ignored)) {
    status = pmt_host_set(play->host, args->curve, 0, error); /* for the list of those there are */
  }
  return status;
}

/* ---- the song: as said, else as the player's file has it, else as usual ---- */

static PmtTransportOptions find_song(const PmtPlay* play) {
  const PmtPlayArgs* args = &play->args;
  const PmtMusician* player = &play->player;
  PmtTransportOptions song = {
    .sample_rate = args->sample_rate,
    .bars = args->bars ? (uint32_t)args->bars : BARS,
    .quarter_bpm = args->tempo > 0 ? args->tempo : TEMPO,
    .meter = args->meter.beats ? args->meter : (PmtCliMeter){BEATS, UNIT},
  };
  if (pmt_musician_is_there(player) && args->tempo <= 0) {
    song.quarter_bpm = player->tempos[0].bpm;
    song.tempos = player->tempos + 1;
    song.n_tempos = player->n_tempos - 1;
  }
  if (pmt_musician_is_there(player) && !args->meter.beats) {
    song.meter = player->meters[0].meter;
    song.meters = player->meters + 1;
    song.n_meters = player->n_meters - 1;
  }
  return song;
}

static PmtStatus lay_song(PmtPlay* play, PmtError* error) {
  PmtPlayArgs* args = &play->args;
  PmtTransportOptions song = find_song(play);
  if (pmt_musician_is_there(&play->player) && !args->bars) {
    song.bars = pmt_transport_bars_of(&args->automation, &song, play->player.quarters);
  }
  if (song.bars > PMT_AUTOMATION_BARS_MAX) {
    return pmt_fail(error, PMT_TOO_BIG, "%s: more than %d bars; --bars says how many to play", args->player.path,
                    PMT_AUTOMATION_BARS_MAX);
  }
  args->bars = song.bars;
  const PmtStatus status = pmt_transport_new(&args->automation, &song, &play->transport, error);
  if (status || !pmt_musician_is_there(&play->player)) {
    return status;
  }
  return pmt_musician_lay(&play->player, &play->transport, error);
}

static PmtStatus open_player(PmtPlay* play, PmtError* error) {
  PmtMusicianOptions* player = &play->args.player;
  if (!player->path && (player->n_tracks || play->args.player_channel)) {
    return pmt_fail(error, PMT_BAD_ARG, "--player-%s without --player", player->n_tracks ? "track" : "channel");
  }
  if (!player->path) {
    return PMT_OK;
  }
  player->channel = play->args.player_channel ? (uint32_t)play->args.player_channel : 1;
  return pmt_musician_open(player, &play->player, error);
}

/* ---- the whole ---- */

static PmtStatus prepare(PmtPlay* play, PmtError* error) {
  PmtPlayArgs* args = &play->args;
  const PmtHostOptions options = {
    .bundle = args->bundle,
    .uri = args->uri,
    .sample_rate = args->sample_rate,
    .block_max = args->block ? args->block : PMT_PLAY_BLOCK_RANDOM_MAX,
    .realtime = args->realtime,
    .take_midi = pmt_play_take_midi,
    .handle = &play->record,
  };
  char* model = args->model ? realpath(args->model, NULL) : NULL;
  PmtStatus status = open_player(play, error);
  status = status || args->preset ? status : read_model(play, args->model, error);
  status = status ? status : pmt_host_new(&options, &play->host, error);
  if (!status && args->player.path && !pmt_host_midi_max(play->host)) {
    status = pmt_fail(error, PMT_UNSUPPORTED, "--player: the plugin takes no MIDI");
  }
  status = status ? status : set_controls(play, error);
  if (!status && args->automate) {
    status = pmt_automation_read(&args->automation, args->automate, resolve_value, play, error);
  }
  status = status ? status : lay_song(play, error);
  if (!status && model) {
    status = pmt_play_load_model(play, model, error);
  }
  free(model);
  return status;
}

static PmtStatus play_all(PmtPlay* play, PmtError* error) {
  PmtStatus status = prepare(play, error);
  status = status ? status : pmt_play_run(play, error);
  if (!status && play->args.out) {
    status = pmt_play_write(play, error);
  }
  status = status ? status : pmt_play_print(play, error);
  if (!status && play->args.picture) {
    status = pmt_play_draw(play, error);
  }
  return status;
}

static void free_play(PmtPlay* play) {
  pmt_host_free(play->host);
  pmt_model_free(play->model);
  pmt_musician_free(&play->player);
  pmt_transport_free(&play->transport);
  pmt_automation_free(&play->args.automation);
  pmt_midi_list_free(&play->record.list);
  free(play->costs.us);
  free(play->costs.percent);
}

/* A plugin that misbehaves is a failure, however fine the music. */
static PmtStatus judge(const PmtPlay* play, PmtError* error) {
  if (play->record.n_held) {
    return pmt_fail(error, PMT_BAD_FILE, "%u notes hang: no note-off came", play->record.n_held);
  }
  const uint32_t faults = pmt_host_faults(play->host);
  return faults ? pmt_fail(error, PMT_BAD_FILE, "%u output events out of order or outside their block", faults)
                : PMT_OK;
}

static int run(PmtPlay* play) {
  PmtError error = {""};
  PmtStatus status = play_all(play, &error);
  status = status ? status : judge(play, &error);
  free_play(play);
  if (status == PMT_BAD_ARG) {
    return pmt_cli_misuse("play", "%s", error.text);
  }
  return status ? pmt_cli_failure("play", &error) : PMT_EXIT_OK;
}

static const char notes[] =
  "Prints notes, late slots and what run() cost. Fails when a note hangs. The same\n"
  "options give the same notes whatever --block is.\n\n"
  "With --player the control thru is 0 unless --set says otherwise: what is passed on\n"
  "would be recorded twice.\n\n"
  "VALUE is a number or the name of a choice, such as style=Ragtime. The automation\n"
  "file changes controls, tempo and meter in mid-song; docs/automation.md describes it.\n";

int pmt_cmd_play(int argc, char** argv) {
  char bundle[PATH_MAX];
  PmtPlay play = {.args = {.block = 256, .sample_rate = 48000, .seed = -1}};
  PmtPlayArgs* args = &play.args;
  const PmtCliOption options[] = {
    {"bundle", PMT_CLI_TEXT, &args->bundle, "DIR", "LV2 bundle (default: partimento.lv2 beside this program)",
     .take = NULL},
    {"uri", PMT_CLI_TEXT, &args->uri, "URI", "plugin (default: the first in the bundle)", .take = NULL},
    {"bars", PMT_CLI_INT, &args->bars, "N", "bars to play (32)", 1, PMT_AUTOMATION_BARS_MAX, NULL},
    {"tempo", PMT_CLI_REAL, &args->tempo, "BPM", "quarter notes a minute (120)", PMT_TEMPO_MIN, PMT_TEMPO_MAX, NULL},
    {"meter", PMT_CLI_METER, &args->meter, "B/U", "meter (4/4)", .take = NULL},
    {"block", PMT_CLI_CUSTOM, &args->block, "FRAMES", "frames a period, or random (256)", .take = take_block},
    {"rate", PMT_CLI_REAL, &args->sample_rate, "HZ", "sample rate (48000)", 8000, 384000, NULL},
    {"seed", PMT_CLI_INT, &args->seed, "N", "value of the seed control", 0, 65535, NULL},
    {"set", PMT_CLI_CUSTOM, args, "SYMBOL=VALUE", "set a control; may be repeated", .take = take_set},
    {"preset", PMT_CLI_TEXT, &args->preset, "URI", "apply a preset first", .take = NULL},
    {"model", PMT_CLI_TEXT, &args->model, "FILE", "let the plugin load another model before the roll", .take = NULL},
    {"automate", PMT_CLI_TEXT, &args->automate, "FILE", "automation of controls and transport", .take = NULL},
    {"loop", PMT_CLI_CUSTOM, args, "A-B", "go back to bar A after bar B", .take = take_loop},
    {"locate", PMT_CLI_CUSTOM, args, "A:B", "where bar A begins, jump to bar B, once", .take = take_locate},
    {"player", PMT_CLI_TEXT, &args->player.path, "FILE.mid",
     "play this into the plugin; tempo, meter and bars are its\nown unless said otherwise", .take = NULL},
    {"player-track", PMT_CLI_CUSTOM, &args->player, "TRACK",
     "only this track of it, by name, or by number from 1 of\nthose that have notes; may be repeated",
     .take = take_track},
    {"player-channel", PMT_CLI_INT, &args->player_channel, "N", "on this MIDI channel (1); drums stay on 10", 1, 16,
     NULL},
    {"positions", PMT_CLI_CUSTOM, &args->sparse_positions, "WHEN",
     "tell the plugin where we are every run (as Ardour, to\n1/1920 beat) or on each change (as jalv)",
     .take = take_positions},
    {"realtime", PMT_CLI_FLAG, &args->realtime, NULL, "keep time by the clock, with a worker thread", .take = NULL},
    {"out", PMT_CLI_TEXT, &args->out, "FILE.mid", "write what was played", .take = NULL},
    {"picture", PMT_CLI_TEXT, &args->picture, "FILE", "draw it, .png or .svg", .take = NULL},
    {"curve", PMT_CLI_TEXT, &args->curve, "SYMBOL", "control to draw under the notes (the first ramp)", .take = NULL},
    {"json", PMT_CLI_FLAG, &args->json, NULL, "print one JSON object", .take = NULL},
  };
  const PmtCliCommand command = {
    .name = "play",
    .summary = "run the plugin in a host and record what it plays",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .notes = notes,
  };
  int operand = 0;
  const int status = pmt_cli_parse(&command, argc, argv, &operand);
  if (status != PMT_CLI_RUN) {
    pmt_automation_free(&args->automation);
    return status;
  }
  if (!args->bundle) {
    args->bundle = default_bundle(bundle);
  }
  return run(&play);
}
