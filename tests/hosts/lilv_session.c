/* SPDX-License-Identifier: ISC */
/** @file lilv_session.c  A session's round trip through lilv's own state functions, as jalv and Ardour make it.

    Above: tests/hosts/test_lilv_state.sh, and test_jalv_state.sh, which opens the folder with `jalv -l`. Below: the
    lilv host of `partimento play` (tools/host.h).

      lilv_session BUNDLE URI FOLDER LIST MODEL [SYMBOL=VALUE]...

    A first instance is given another MODEL and the controls, plays bars 1 to 8, and is saved into FOLDER (state.ttl,
    manifest.ttl, the model linked in). A second one, fresh, is restored from there, and saved into FOLDER.again before
    it plays. Then the first (LIST.first), the second (LIST.second) and one that was not restored (LIST.fresh) play bars
    17 to 24. Lists are as jackdrive writes them. */
#include "gen/render.h"
#include "host_private.h"

#include <lv2/state/state.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RATE = 48000, BLOCK = 256, BEATS = 4, BARS = 8, SAVED_BAR = 0, LATER_BAR = 16 };
static const double BPM = 120;

typedef struct {
  FILE* file;
  int64_t place, passed; /* of this run's first frame: in the song, since the start */
  bool rolling;
} Recorder;

static void fail(const char* const what, const char* const why) {
  fprintf(stderr, "lilv_session: %s: %s\n", what, why);
  exit(1);
}

static void take_midi(void* const handle, const uint32_t frame, const uint8_t* const bytes, const uint32_t size) {
  const Recorder* const r = handle;
  if (!r->file || size != 3) {
    return;
  }
  const int64_t place = r->place + (r->rolling ? frame : 0);
  fprintf(r->file, "%lld %lld %.6f %c %.3f %02x %02x %02x\n", (long long)(r->passed + frame), (long long)place,
          (double)place * BPM / 60 / RATE, r->rolling ? 'R' : '-', BPM, bytes[0], bytes[1], bytes[2]);
}

static int64_t frame_of_bar(const int64_t bar) { return llround((double)(bar * BEATS) * 60 / BPM * RATE); }

/* Cycles over `n_frames`, standing or rolling from `place`. */
static void run(PmtHost* const host, Recorder* const r, const int64_t place, const int64_t n_frames, const bool rolling) {
  r->rolling = rolling;
  for (int64_t done = 0; done < n_frames; done += BLOCK) {
    r->place = place + (rolling ? done : 0);
    const double beat = (double)r->place * BPM / 60 / RATE;
    const PmtPosition position = {.frame = r->place,
                                  .speed = rolling ? 1 : 0,
                                  .bar = (int64_t)floor(beat / BEATS),
                                  .bar_beat = beat - floor(beat / BEATS) * BEATS,
                                  .beats_per_bar = BEATS,
                                  .unit = 4,
                                  .bpm = (float)BPM};
    pmt_host_position(host, &position, PMT_POSITION_EXACT);
    pmt_host_run(host, (uint32_t)(n_frames - done < BLOCK ? n_frames - done : BLOCK));
    r->passed += BLOCK;
  }
}

/* Stand, roll BARS bars from `bar`, stop. */
static void play(PmtHost* const host, Recorder* const r, const int64_t bar, const char* const list, const char* const name) {
  char path[4096];
  snprintf(path, sizeof path, "%s.%s", list, name);
  r->file = list ? fopen(path, "w") : NULL;
  if (list && !r->file) {
    fail(path, "cannot be written");
  }
  const int64_t length = frame_of_bar(BARS);
  run(host, r, frame_of_bar(bar), (int64_t)pmt_preroll_frames(RATE), false);
  run(host, r, frame_of_bar(bar), length, true);
  run(host, r, frame_of_bar(bar) + length, RATE / 4, false);
  if (r->file && fclose(r->file)) {
    fail(path, "cannot be written");
  }
  r->file = NULL;
}

static PmtHost* open_plugin(const char* const bundle, const char* const uri, Recorder* const recorder) {
  PmtHost* host = NULL;
  PmtError error;
  const PmtHostOptions options = {
      .bundle = bundle, .uri = uri, .sample_rate = RATE, .block_max = BLOCK, .take_midi = take_midi, .handle = recorder};
  if (pmt_host_new(&options, &host, &error)) {
    fail(bundle, error.text);
  }
  return host;
}

static void load_model(PmtHost* const host, Recorder* const r, const char* const model) {
  PmtError error;
  host->path_property = pmt_host_map(&host->table, "urn:partimento:model"); /* the instrument's first one is the SoundFont */
  run(host, r, 0, RATE / 10, false); /* what it has to say of its own model comes first */
  if (pmt_host_send_path(host, model, &error)) {
    fail(model, error.text);
  }
  for (int i = 0; i < 100 && strcmp(pmt_host_told_path(host), model); ++i) {
    run(host, r, 0, RATE / 10, false);
  }
  if (strcmp(pmt_host_told_path(host), model)) {
    fail(model, pmt_host_told_text(host));
  }
}

/* ---- lilv's state ---- */

static PmtHostPort* find_port(PmtHost* const host, const char* const symbol) {
  for (uint32_t i = 0; i < host->n_ports; ++i) {
    if (host->ports[i].kind == PMT_HOST_CONTROL_IN && !strcmp(host->ports[i].symbol, symbol)) {
      return &host->ports[i];
    }
  }
  return NULL;
}

static const void* get_port(const char* const symbol, void* const data, uint32_t* const size, uint32_t* const type) {
  PmtHost* const host = data;
  const PmtHostPort* const port = find_port(host, symbol);
  *size = port ? sizeof port->value : 0;
  *type = port ? host->urids.atom_float : 0;
  return port ? &port->value : NULL;
}

static void set_port(const char* const symbol, void* const data, const void* const value, const uint32_t size,
                     const uint32_t type) {
  PmtHost* const host = data;
  PmtHostPort* const port = find_port(host, symbol);
  if (!port || type != host->urids.atom_float || size != sizeof(float)) {
    fail(symbol, "a state sets it");
  }
  port->value = *(const float*)value;
}

static void save(PmtHost* const host, const char* const folder, const char* const suffix) {
  char path[4096];
  snprintf(path, sizeof path, "%s%s", folder, suffix);
  LilvState* const state =
      lilv_state_new_from_instance(host->plugin, host->instance, &host->map, path, NULL, path, path, get_port, host,
                                   LV2_STATE_IS_POD | LV2_STATE_IS_PORTABLE, NULL);
  if (!state || lilv_state_save(host->world, &host->map, &host->unmap, state, NULL, path, "state.ttl")) {
    fail(path, "cannot be saved");
  }
  lilv_state_free(state);
}

static void restore(PmtHost* const host, const char* const folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/state.ttl", folder);
  LilvState* const state = lilv_state_new_from_file(host->world, &host->map, NULL, path);
  if (!state) {
    fail(path, "cannot be read");
  }
  lilv_state_restore(state, host->instance, set_port, host, 0, host->features);
  lilv_state_free(state);
}

static void set_control(PmtHost* const host, const char* const word) {
  char symbol[64], value[64];
  PmtError error;
  if (sscanf(word, "%63[^=]=%63s", symbol, value) != 2 || pmt_host_set(host, symbol, atof(value), &error)) {
    fail(word, "no such control");
  }
}

int main(int argc, char** argv) {
  if (argc < 6) {
    fputs("usage: lilv_session BUNDLE URI FOLDER LIST MODEL [SYMBOL=VALUE]...\n", stderr);
    return 2;
  }
  const char *const folder = argv[3], *const list = argv[4];
  Recorder first = {0}, second = {0}, third = {0};
  PmtHost* const a = open_plugin(argv[1], argv[2], &first);
  for (int i = 6; i < argc; ++i) {
    set_control(a, argv[i]);
  }
  load_model(a, &first, argv[5]);
  play(a, &first, SAVED_BAR, NULL, "");
  save(a, folder, "");
  PmtHost* const b = open_plugin(argv[1], argv[2], &second);
  restore(b, folder);
  save(b, folder, ".again");
  play(a, &first, LATER_BAR, list, "first");
  play(b, &second, LATER_BAR, list, "second");
  PmtHost* const c = open_plugin(argv[1], argv[2], &third);
  play(c, &third, LATER_BAR, list, "fresh");
  const uint32_t faults = pmt_host_faults(a) + pmt_host_faults(b) + pmt_host_faults(c);
  pmt_host_free(a);
  pmt_host_free(b);
  pmt_host_free(c);
  return faults != 0;
}
