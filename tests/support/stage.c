/* SPDX-License-Identifier: ISC */
/* See stage.h. */
#include "support/stage.h"

#include "check.h"
#include "support/scratch.h"

#include <math.h>
#include <string.h>

static char scratch[512], bundle[1024], other[1024];

void pmt_stage_begin(void) {
  char first[1024];
  pmt_scratch_make(scratch, sizeof scratch);
  snprintf(first, sizeof first, "%s/first.safetensors", scratch);
  snprintf(other, sizeof other, "%s/other.safetensors", scratch);
  /* A note in each slot, and never as many at once as may sound: what sounded before a stop would count. */
  const PmtTinyOptions restless = {.seed = 4, .d = 8, .h = 16, .layers = 1, .note_bias = 1.5f, .slot_bias = -5};
  PmtTinyOptions different = restless;
  different.seed = 5;
  CHECK(!pmt_tiny_model_write(first, &restless, NULL) && !pmt_tiny_model_write(other, &different, NULL));
  pmt_host_copy_bundle(scratch, first, bundle, sizeof bundle);
}

void pmt_stage_end(void) { pmt_scratch_remove(scratch); }

const char* pmt_stage_other_model(void) { return other; }
const char* pmt_stage_folder(void) { return scratch; }

void pmt_stage_open_with(PmtStage* const s, PmtHostOptions options) {
  *s = (PmtStage){.block = 256, .every_cycle = true, .changed = true};
  options.bundle = bundle;
  pmt_daw_init(&s->daw, options.sample_rate == 0.0 ? 48000.0 : options.sample_rate, 1);
  s->host = pmt_host_new(&options);
  CHECK(s->host);
}

void pmt_stage_open(PmtStage* const s, const PmtHostWorker worker) {
  pmt_stage_open_with(s, (PmtHostOptions){.worker = worker});
  pmt_host_activate(s->host);
}

void pmt_stage_close(PmtStage* const s) {
  pmt_host_free(s->host);
  free(s->onsets);
}

void pmt_stage_roll(PmtStage* const s, const bool rolling) {
  s->daw.rolling = rolling;
  s->changed = true;
}

void pmt_stage_locate(PmtStage* const s, const int64_t frame) {
  pmt_daw_locate(&s->daw, frame);
  s->changed = true;
}

static void note(PmtStage* const s, const PmtTimedMidi* const e) {
  if (s->n_onsets == s->capacity) {
    s->capacity = s->capacity ? 2 * s->capacity : 1024;
    s->onsets = realloc(s->onsets, s->capacity * sizeof *s->onsets);
    CHECK(s->onsets);
  }
  const double late = s->daw.clock.rolling ? pmt_daw_lateness(&s->daw.clock, e->frame) : 0.0;
  s->onsets[s->n_onsets++] = (PmtOnset){.frame = e->frame,
                                        .tick = round(pmt_daw_clock_tick(&s->daw.clock, e->frame) -
                                                      late * s->daw.clock.per_frame),
                                        .late = late,
                                        .channel = e->bytes[0] & 15,
                                        .pitch = e->bytes[1],
                                        .velocity = e->bytes[2]};
}

void pmt_stage_cycle(PmtStage* const s, const uint32_t n_frames) {
  if (s->ramp != 0.0f && s->daw.rolling) {
    pmt_daw_ramp(&s->daw, n_frames, s->daw.bpm * s->ramp);
  } else {
    pmt_daw_pass(&s->daw, n_frames);
  }
  pmt_host_run(s->host, n_frames);
  const PmtMidiList* const list = pmt_host_midi(s->host);
  for (; s->seen < list->n_events; ++s->seen) {
    if ((list->events[s->seen].bytes[0] & 0xf0) == 0x90) {
      note(s, &list->events[s->seen]);
    }
  }
}

void pmt_stage_play(PmtStage* const s, const uint64_t n_frames) {
  for (uint64_t done = 0; done < n_frames;) {
    const uint32_t n = n_frames - done < s->block ? (uint32_t)(n_frames - done) : s->block;
    if (s->every_cycle || s->changed) {
      const PmtPosition position = pmt_daw_say(&s->daw, pmt_host_frame(s->host));
      pmt_host_send_position(s->host, 0, &position, PMT_HOST_PLAIN);
      s->changed = false;
    }
    pmt_stage_cycle(s, n);
    done += n;
  }
}

void pmt_stage_play_bars(PmtStage* const s, const double bars) {
  pmt_stage_play(s, (uint64_t)(bars * pmt_daw_bar_ticks(&s->daw) * pmt_daw_frames_per_tick(&s->daw)));
}

void pmt_stage_wait(PmtStage* const s) { pmt_stage_play(s, 24000); }

size_t pmt_stage_count(const PmtStage* const s, const uint64_t from, const uint64_t to) {
  size_t n = 0;
  for (size_t i = 0; i < s->n_onsets; ++i) {
    n += s->onsets[i].frame >= from && s->onsets[i].frame < to;
  }
  return n;
}

static size_t find(const PmtStage* const s, const uint64_t from) {
  size_t i = 0;
  while (i < s->n_onsets && s->onsets[i].frame < from) {
    ++i;
  }
  return i;
}

uint64_t pmt_stage_first(const PmtStage* const s, const uint64_t from) {
  const size_t i = find(s, from);
  return i < s->n_onsets ? s->onsets[i].frame : UINT64_MAX;
}

void pmt_stage_check_on_time(const PmtStage* const s, const uint64_t from) {
  for (size_t i = find(s, from); i < s->n_onsets; ++i) {
    const PmtOnset* const o = &s->onsets[i];
    CHECKF(o->late < 1.002, "frame %llu: note %u is %.3f frames after tick %.0f", (unsigned long long)o->frame,
           o->pitch, o->late, o->tick);
  }
}

size_t pmt_stage_check_same(const PmtStage* const a, const uint64_t from_a, const PmtStage* const b,
                            const uint64_t from_b) {
  const size_t i = find(a, from_a), j = find(b, from_b);
  const size_t n = a->n_onsets - i < b->n_onsets - j ? a->n_onsets - i : b->n_onsets - j;
  for (size_t k = 0; k < n; ++k) {
    const PmtOnset *x = &a->onsets[i + k], *y = &b->onsets[j + k];
    CHECKF(x->tick == y->tick && x->channel == y->channel && x->pitch == y->pitch && x->velocity == y->velocity,
           "onset %zu: tick %.0f channel %u note %u, and tick %.0f channel %u note %u", k, x->tick, x->channel,
           x->pitch, y->tick, y->channel, y->pitch);
  }
  return n;
}
