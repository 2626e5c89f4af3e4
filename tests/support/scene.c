/* SPDX-License-Identifier: ISC */
/* See scene.h. */
#include "support/scene.h"

#include "check.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <stdlib.h>
#include <string.h>

PmtScene pmt_scene;

static void make_model(char* const path, const size_t size, const char* const name, const uint64_t seed) {
  snprintf(path, size, "%s/%s.safetensors", pmt_scene.scratch, name);
  CHECK(!pmt_tiny_model_write(path, &(PmtTinyOptions){.seed = seed, .note_bias = 2}, NULL));
}

void pmt_scene_open(void) {
  PmtScene* const s = &pmt_scene;
  pmt_scratch_make(s->scratch, sizeof s->scratch);
  char* const real = realpath(s->scratch, NULL);
  CHECK(real && strlen(real) < sizeof s->scratch);
  snprintf(s->scratch, sizeof s->scratch, "%s", real);
  free(real);
  make_model(s->first, sizeof s->first, "first", 1);
  make_model(s->model_a, sizeof s->model_a, "model-a", 2);
  make_model(s->model_b, sizeof s->model_b, "model-b", 3);
  pmt_host_copy_bundle(s->scratch, s->first, s->bundle, sizeof s->bundle);
}

void pmt_scene_close(void) { pmt_scratch_remove(pmt_scene.scratch); }

PmtHost* pmt_scene_host(const PmtHostWorker worker) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = pmt_scene.bundle, .worker = worker});
  CHECK(host);
  return host;
}

void pmt_scene_roll(PmtHost* const host, const float bpm) {
  const PmtPosition position = {.frame = 0, .speed = 1, .bar = 0, .bar_beat = 0, .bpm = bpm};
  pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
}

void pmt_scene_play(PmtHost* const host, const int cycles) {
  for (int i = 0; i < cycles; ++i) {
    pmt_host_run(host, 512);
  }
}

void pmt_scene_expect_path(PmtHost* const host, const char* const path) {
  pmt_host_send_get(host, 0, NULL);
  pmt_host_run(host, 64);
  pmt_host_run(host, 64);
  CHECKF(!strcmp(pmt_host_path(host), path), "%s, not %s", pmt_host_path(host), path);
}

void pmt_scene_expect_saved(PmtHost* const host, const char* const path) {
  PmtHostState state;
  pmt_host_save(host, &state, (PmtHostPaths)PMT_SCENE_PATHS);
  CHECKF(state.size && !strncmp(state.value, "abstract:", 9) && !strcmp(state.value + 9, path), "%s, not %s",
         state.value, path);
  CHECK(pmt_host_paths_out(host) == 0);
}
