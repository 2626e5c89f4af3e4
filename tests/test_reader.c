/* SPDX-License-Identifier: ISC */
/* A reader is its net fed with what its listener tells; steps that are given up leave no trace in either; a session that
   is read again stands where it stopped. */
#include "check.h"
#include "gen/context.h"
#include "gen/engine_private.h" /* one look inside: check_resumed() */
#include "music/listener.h"
#include "support/engine_script.h"
#include "support/net_fixture.h"
#include "support/scratch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOKENS = 400, VOCAB = 384 };

static const PmtTinyOptions models[] = {
  {.seed = 1, .parts = 2, .listens = true},
  {.seed = 2, .parts = 2, .listens = true, .arch = "tf", .pos = "rope2"},
  {.seed = 3, .parts = 2},
};

static const float* step(PmtReader* const r, const uint64_t place) {
  uint64_t spent = 0;
  pmt_reader_begin(r, (PmtToken)pmt_fixture_token(place, VOCAB));
  while (!pmt_reader_run(r, 1000, &spent)) {}
  return pmt_reader_logits(r);
}

static PmtReader* new_reader(const PmtModel* const model) {
  PmtReader* r;
  CHECK(!pmt_reader_new(model, &r));
  return r;
}

/** Where it is told something it is told the right thing: as a net with a listener of its own. */
static void check_same(const PmtModel* const model, const bool listens) {
  PmtReader* const r = new_reader(model);
  PmtNetState* const state = pmt_fixture_state(model->net);
  PmtListener listener;
  PmtHints hints;
  PmtCondition condition = pmt_fixture_condition(1);
  uint32_t told = 0;
  CHECK(pmt_net_takes_hints(model->net) == listens);
  pmt_listener_reset(&listener, model->parts);
  pmt_reader_condition(r, &condition);
  pmt_net_condition(state, &condition);
  for (uint64_t i = 0; i < TOKENS; ++i) {
    const PmtToken token = (PmtToken)pmt_fixture_token(i, VOCAB);
    if (i % 50 == 20) { /* another key, none among them */
      condition.key = (uint8_t)(i / 50 % 4 * 8);
      pmt_reader_condition(r, &condition);
      pmt_net_condition(state, &condition);
    }
    pmt_listener_hear(&listener, token, NULL, &hints);
    pmt_listener_lean(&hints, condition.key);
    const float* const wanted = pmt_fixture_step_told(state, token, listens ? &hints : NULL);
    CHECK(!memcmp(step(r, i), wanted, VOCAB * sizeof(float)));
    told += hints.row[0] >= 0;
  }
  CHECK(told > TOKENS / 8);
  pmt_net_state_free(state);
  pmt_reader_free(r);
}

static void check_given_up(const PmtModel* const model) {
  const size_t n = pmt_reader_snapshot_floats(model), bytes = n * sizeof(float);
  PmtReader *const r = new_reader(model), *const plain = new_reader(model);
  float *const before = malloc(bytes), *const after = malloc(bytes);
  CHECK(before && after);
  for (uint64_t i = 0; i < TOKENS; ++i) {
    pmt_reader_save(r, before);
    for (uint64_t k = 0; k < i % 4; ++k) { /* other tokens, given up by going back or by the next one */
      uint64_t spent = 0;
      pmt_reader_begin(r, (PmtToken)pmt_fixture_token(1000 * i + k, VOCAB));
      CHECK(!pmt_reader_run(r, 1 + 5000 * k, &spent));
      pmt_reader_save(r, after);
      CHECK(!memcmp(before, after, bytes));
      CHECK(i % 3 || pmt_reader_restore(r, before));
    }
    CHECK(!memcmp(step(plain, i), step(r, i), VOCAB * sizeof(float)));
  }
  free(before);
  free(after);
  pmt_reader_free(plain);
  pmt_reader_free(r);
}

static void check_snapshots(const PmtModel* const model, const bool recurrent) {
  const size_t n = pmt_reader_snapshot_floats(model);
  PmtReader *const r = new_reader(model), *const other = new_reader(model);
  float* const snapshot = malloc(n * sizeof *snapshot);
  float wanted[VOCAB];
  CHECK(snapshot);
  for (uint64_t i = 0; i < TOKENS; ++i) {
    step(r, i);
  }
  pmt_reader_save(r, snapshot);
  for (uint64_t i = TOKENS; i < TOKENS + 30; ++i) {
    memcpy(wanted, step(r, i), sizeof wanted);
  }
  for (uint32_t k = 0; k < (recurrent ? 2 : 1); ++k) { /* a Transformer's is good where it was taken */
    PmtReader* const reader = k ? other : r;
    CHECK(pmt_reader_restore(reader, snapshot));
    for (uint64_t i = TOKENS; i < TOKENS + 29; ++i) {
      step(reader, i);
    }
    CHECK(!memcmp(wanted, step(reader, TOKENS + 29), sizeof wanted));
  }
  pmt_reader_reset(r);
  pmt_reader_reset(other);
  CHECK(!memcmp(step(r, 1), step(other, 1), sizeof wanted));
  free(snapshot);
  pmt_reader_free(other);
  pmt_reader_free(r);
}

/** Played, saved as tokens, opened: the same state, down to what was heard. */
static void check_resumed(void) {
  enum { LEAD = 24000, BAR = 96000 };
  const PmtScriptEvent events[] = {pmt_script_at(0, pmt_script_position(0, 0.0f)),
                                   pmt_script_at(LEAD, pmt_script_position(0, 1.0f)),
                                   pmt_script_at(LEAD + 4 * BAR, pmt_script_position(4 * BAR, 0.0f))};
  pmt_script_listen("lstm");
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  PmtPlayer* const player = pmt_script_player(&pmt_script_busy);
  PmtScriptSink sink = {0};
  PmtContext context;
  PmtError error = {""};
  pmt_script_run(engine, events, COUNT(events), LEAD + 4 * BAR + 1, 256, &sink);
  CHECKF(!pmt_context_read(pmt_engine_tape(engine), &context, &error), "%s", error.text);
  CHECKF(!pmt_player_resume(player, &context, &error), "%s", error.text);
  const size_t bytes = pmt_reader_snapshot_floats(player->model) * sizeof(float);
  CHECK(bytes > sizeof(PmtListener) && context.sequence.n_tokens > 200);
  CHECK(!memcmp(engine->player->played, player->played, bytes));
  pmt_context_free(&context);
  pmt_midi_list_free(&sink.list);
  pmt_player_free(player);
  pmt_engine_free(engine);
  pmt_script_listen(NULL);
}

/** A file says what it is told; what nobody knows is refused, and what it does not say is not told. */
static void check_metadata(void) {
  static const PmtMetaOut unknown = {"hints", "slot-2"}, unsaid = {"hints", NULL};
  PmtError error = {""};
  PmtModel* model;
  char path[512];
  pmt_scratch_file(path, sizeof path);
  CHECK(!pmt_tiny_model_write(path, &(PmtTinyOptions){.listens = true, .meta = &unknown, .n_meta = 1}, &error));
  CHECK(pmt_model_load(path, &model, &error) == PMT_UNSUPPORTED);
  CHECKF(strstr(error.text, "\"hints\" is \"slot-2\", need \"slot-1\""), "%s", error.text);
  CHECK(!pmt_tiny_model_write(path, &(PmtTinyOptions){.listens = true, .meta = &unsaid, .n_meta = 1}, &error));
  CHECKF(!pmt_model_load(path, &model, &error), "%s", error.text);
  CHECK(!pmt_net_takes_hints(model->net));
  pmt_model_free(model);
  unlink(path);
}

int main(void) {
  for (size_t i = 0; i < COUNT(models); ++i) {
    PmtModel* const model = pmt_script_model(&models[i]);
    check_same(model, models[i].listens);
    check_given_up(model);
    check_snapshots(model, !models[i].arch);
    const size_t own = pmt_reader_snapshot_floats(model) - pmt_net_snapshot_floats(model->net);
    CHECK(own == (models[i].listens ? sizeof(PmtListener) / sizeof(float) : 0));
    pmt_model_free(model);
  }
  check_resumed();
  check_metadata();
  pmt_reader_free(NULL);
  return 0;
}
