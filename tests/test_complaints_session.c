/* SPDX-License-Identifier: ISC */
/* What users of other generators and model players complained about, part two: sessions, exports, and hearing nothing.
   See test_complaints.c. */
#include "check.h"

#include "ports.h"
#include "support/stage.h"
#include "support/tiny_soundfont.h"
#include "uris.h"

#include <lv2/atom/atom.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

static const PmtHostPaths paths = {true, true, true};
static PmtHostState session; /* large */

/* Saved while the other model plays. */
static void save_session(void) {
  PmtStage s;
  pmt_stage_open(&s, PMT_HOST_POLLED);
  pmt_host_send_model(s.host, 0, pmt_stage_other_model());
  CHECK(pmt_host_await(s.host, "other"));
  pmt_host_save(s.host, &session, paths);
  pmt_stage_close(&s);
}

static void roll(PmtStage* const s, const double bars) {
  pmt_stage_wait(s);
  pmt_stage_roll(s, true);
  pmt_stage_play_bars(s, bars);
}

static void expect_path(PmtStage* const s, const char* const path) {
  pmt_host_send_get(s->host, 0, NULL);
  pmt_stage_cycle(s, 64);
  CHECKF(!strcmp(pmt_host_path(s->host), path), "%s", pmt_host_path(s->host));
}

static void c45_restored_twice(void) {
  PmtStage once, twice;
  for (PmtStage* s = &once; s; s = s == &once ? &twice : NULL) {
    pmt_stage_open_with(s, (PmtHostOptions){.worker = PMT_HOST_POLLED});
    pmt_host_restore(s->host, &session, paths);
    if (s == &twice) {
      pmt_host_restore(s->host, &session, paths);
    }
    pmt_host_activate(s->host);
    if (s == &twice) {
      pmt_host_restore(s->host, &session, paths);
    }
    roll(s, 8);
    expect_path(s, pmt_stage_other_model());
  }
  CHECK(once.n_onsets == twice.n_onsets && pmt_stage_check_same(&once, 0, &twice, 0) > 100);
  pmt_stage_close(&once);
  pmt_stage_close(&twice);
}

/* The host finds the file in its new place and says so; where it was is no more. */
static void c46_the_session_folder_was_moved(void) {
  char folder[1024], moved[1100];
  snprintf(folder, sizeof folder, "%s/moved", pmt_stage_folder());
  snprintf(moved, sizeof moved, "%s/model.bin", folder);
  CHECK(!mkdir(folder, 0777) && !rename(pmt_stage_other_model(), moved));
  PmtHostState* const elsewhere = malloc(sizeof *elsewhere);
  CHECK(elsewhere);
  memcpy(elsewhere, &session, sizeof session);
  PmtHostProperty* const model = pmt_host_find_property(elsewhere, PMT_PLUGIN_MODEL_URI);
  CHECK(model);
  model->size = (size_t)snprintf(model->value, sizeof model->value, "abstract:%s", moved) + 1;
  PmtStage s;
  pmt_stage_open(&s, PMT_HOST_POLLED);
  pmt_host_restore(s.host, elsewhere, paths);
  roll(&s, 4);
  CHECK(s.n_onsets > 50);
  expect_path(&s, moved);
  CHECKF(strstr(pmt_host_status(s.host), "playing"), "%s", pmt_host_status(s.host));
  pmt_stage_close(&s);
  CHECK(!rename(moved, pmt_stage_other_model()));
  free(elsewhere);
}

/* However slow or unwilling the worker is, the session's model plays from the first note on. */
static void c48_no_worker_is_too_slow_for_a_session(void) {
  PmtStage reference;
  pmt_stage_open(&reference, PMT_HOST_POLLED);
  pmt_host_restore(reference.host, &session, paths);
  roll(&reference, 4);
  static const PmtHostWorker workers[] = {PMT_HOST_NO_WORKER, PMT_HOST_THREAD, PMT_HOST_INSIDE, PMT_HOST_REFUSING,
                                          PMT_HOST_LOSING};
  for (int i = 0; i < 5; ++i) {
    PmtStage s;
    pmt_stage_open_with(&s, (PmtHostOptions){.worker = workers[i]});
    pmt_host_restore(s.host, &session, paths);
    pmt_host_activate(s.host);
    roll(&s, 4);
    CHECK(s.n_onsets == reference.n_onsets && pmt_stage_check_same(&reference, 0, &s, 0) > 50);
    pmt_stage_close(&s);
  }
  pmt_stage_close(&reference);
}

/* Another rate, other cycles: off and on again, a new instance with the old state, cycles longer than any before. */
static void c49_after_a_change_of_the_engine(void) {
  static const double rates[] = {44100, 96000, 22050, 48000};
  static const uint32_t blocks[] = {32, 8192, 100000, 1};
  for (int i = 0; i < 4; ++i) {
    PmtStage s;
    pmt_stage_open_with(&s, (PmtHostOptions){.worker = PMT_HOST_POLLED, .sample_rate = rates[i], .options = true});
    pmt_host_restore(s.host, &session, paths);
    pmt_host_activate(s.host);
    roll(&s, 2);
    pmt_host_deactivate(s.host);
    pmt_host_activate(s.host);
    s.block = blocks[i];
    const uint64_t again = pmt_host_frame(s.host);
    pmt_stage_play_bars(&s, 4);
    CHECK(pmt_stage_count(&s, again, UINT64_MAX) > 30);
    pmt_stage_check_on_time(&s, again + (uint64_t)pmt_daw_frames_per_tick(&s.daw));
    CHECKF(strstr(pmt_host_status(s.host), "playing") || !*pmt_host_status(s.host), "%s", pmt_host_status(s.host));
    pmt_stage_close(&s);
  }
}

/* Freewheeling: work inside schedule_work(), long cycles, switched off and on before: the notes of real time. */
static void c74_an_export_has_the_notes_of_real_time(void) {
  PmtStage live, export;
  pmt_stage_open(&live, PMT_HOST_THREAD);
  live.block = 64;
  roll(&live, 16);
  pmt_stage_open(&export, PMT_HOST_INSIDE);
  roll(&export, 2); /* it was played before it was exported */
  pmt_host_deactivate(export.host);
  pmt_host_activate(export.host);
  pmt_stage_roll(&export, false);
  pmt_stage_locate(&export, 0);
  export.block = 8192;
  const uint64_t from = pmt_host_frame(export.host);
  roll(&export, 16);
  CHECK(pmt_stage_count(&export, from, UINT64_MAX) == live.n_onsets);
  CHECK(pmt_stage_check_same(&live, 0, &export, from) > 200);
  pmt_stage_close(&live);
  pmt_stage_close(&export);
}

/* The instrument is put on a track and play is pressed: there is sound within a beat, no port connected by hand. */
static void c76_play_is_pressed_and_there_is_music(void) {
  static const PmtTinySound sounds[] = {{0, 0, 48}, {128, 0, 96}};
  char tones[1024];
  snprintf(tones, sizeof tones, "%s/tones.sf2", pmt_stage_folder());
  pmt_tiny_soundfont_write(tones, sounds, 2);
  CHECK(!setenv("PARTIMENTO_SOUNDFONT", tones, 1));
  PmtStage s;
  pmt_stage_open_with(&s, (PmtHostOptions){.uri = PMT_INSTRUMENT_URI});
  pmt_host_activate(s.host);
  pmt_stage_roll(&s, true); /* at once: no host waits for us */
  float loudest = 0.0f;
  for (int i = 0; i < 24000 / 256; ++i) {
    pmt_stage_play(&s, 256);
    for (int k = 0; k < 256; ++k) {
      loudest = fmaxf(loudest, fabsf(pmt_host_audio(s.host, 0)[k]));
    }
  }
  CHECKF(loudest > 1e-3f, "%g", (double)loudest);
  pmt_stage_close(&s);
}

int main(void) {
  pmt_stage_begin();
  save_session();
  c45_restored_twice();
  c46_the_session_folder_was_moved();
  c48_no_worker_is_too_slow_for_a_session();
  c49_after_a_change_of_the_engine();
  c74_an_export_has_the_notes_of_real_time();
  c76_play_is_pressed_and_there_is_music();
  pmt_stage_end();
  return 0;
}
