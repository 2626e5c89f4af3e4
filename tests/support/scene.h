/* SPDX-License-Identifier: ISC */
/** @file scene.h  What tests of the plugin, of sessions and of workers begin with: a scratch folder with three tiny
    models, and a bundle that has the first of them.

    Above: test_plugin.c, test_state.c, test_session.c, test_worker.c. Below: lv2_host.h, scratch.h, tiny_model.h. */
#ifndef PMT_TESTS_SUPPORT_SCENE_H
#define PMT_TESTS_SUPPORT_SCENE_H

#include "support/lv2_host.h"

/** Of the one scene of a program. `scratch` has no links in it. */
typedef struct {
  char scratch[512], bundle[1024];
  char first[1024], model_a[1024], model_b[1024]; /**< scratch/first.safetensors and so on */
} PmtScene;
extern PmtScene pmt_scene;

void pmt_scene_open(void);
void pmt_scene_close(void);

PmtHost* pmt_scene_host(PmtHostWorker worker);
/** Roll from bar 0 on. */
void pmt_scene_roll(PmtHost* host, float bpm);
/** Cycles of 512 frames. */
void pmt_scene_play(PmtHost* host, int cycles);

/** All that a host may do to paths. */
#define PMT_SCENE_PATHS {true, true, true}

/** patch:Get, and the answer. */
void pmt_scene_expect_path(PmtHost* host, const char* path);
/** What save() says is the model's path. */
void pmt_scene_expect_saved(PmtHost* host, const char* path);

#endif
