/* SPDX-License-Identifier: ISC */
/* See net_fixture.h. */
#include "support/net_fixture.h"

#include "base/file.h"
#include "base/random.h"
#include "check.h"
#include "support/scratch.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static char folder[4096], path[4200];

const char* pmt_fixture_path(void) {
  if (!path[0]) {
    pmt_scratch_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
  }
  return path;
}

void pmt_fixture_end(void) {
  unlink(path);
  CHECK(!rmdir(folder));
}

PmtTensors* pmt_fixture_tensors(const PmtTinyOptions* const options) {
  PmtError error = {{0}};
  PmtTensors* t = NULL;
  CHECKF(!pmt_tiny_model_write(pmt_fixture_path(), options, &error), "%s", error.text);
  CHECKF(!pmt_tensors_read(path, &t, &error), "%s", error.text);
  return t;
}

PmtNet* pmt_fixture_net_told(const PmtTensors* const t, const uint32_t vocab, const PmtHintShape* const hints) {
  PmtError error = {{0}};
  PmtNet* net = NULL;
  CHECKF(!pmt_net_new(t, vocab, hints, &net, &error), "%s", error.text);
  return net;
}

PmtNet* pmt_fixture_net(const PmtTensors* const t, const uint32_t vocab) {
  return pmt_fixture_net_told(t, vocab, NULL);
}

PmtNetState* pmt_fixture_state(const PmtNet* const net) {
  PmtNetState* state = NULL;
  CHECK(!pmt_net_state_new(net, &state));
  return state;
}

PmtNet* pmt_fixture_tiny(const PmtTinyOptions* const options) {
  PmtTensors* const t = pmt_fixture_tensors(options);
  PmtNet* const net = pmt_fixture_net_told(t, 128 + 128 * (options->parts ? options->parts : 4), options->hints);
  pmt_tensors_free(t);
  return net;
}

const float* pmt_fixture_step_told(PmtNetState* const state, const uint32_t token, const PmtHints* const hints) {
  uint64_t spent = 0;
  pmt_net_begin(state, token, hints);
  CHECK(pmt_net_run(state, UINT64_MAX, &spent));
  return pmt_net_logits(state);
}

const float* pmt_fixture_step(PmtNetState* const state, const uint32_t token) {
  return pmt_fixture_step_told(state, token, NULL);
}

uint32_t pmt_fixture_token(const uint64_t place, const uint32_t vocab) {
  const uint64_t draw = pmt_random_bits(11, place, 0);
  return draw >> 60 < 4 ? 4 + (uint32_t)(draw % 24) : (uint32_t)(draw % vocab);
}

PmtCondition pmt_fixture_condition(const uint64_t place) {
  const float blend = pmt_random_unit(12, place, 0);
  return (PmtCondition){.style = {blend, 1.0f - blend},
                        .meter = (uint8_t)(pmt_random_bits(12, place, 1) % 26),
                        .key = (uint8_t)(pmt_random_bits(12, place, 2) % 25),
                        .phrase = (uint8_t)(pmt_random_bits(12, place, 3) % 9),
                        .density = (uint8_t)(pmt_random_bits(12, place, 4) % 9)};
}

/* -2 .. n + 1, more often within 0 .. n - 1. */
static int16_t draw_index(const uint64_t place, const uint64_t which, const uint32_t n) {
  return (int16_t)((int)(pmt_random_bits(16, place, which) % (n + 4)) - 2);
}

PmtHints pmt_fixture_hints(const uint64_t place, const PmtHintShape* const shape) {
  PmtHints hints;
  uint64_t which = 0;
  for (uint32_t i = 0; i < PMT_HINTS_MAX; ++i) {
    hints.row[i] = draw_index(place, which++, i < shape->n_tables ? shape->table[i].rows : 0);
  }
  for (uint32_t i = 0; i < PMT_LEAPS_MAX; ++i) {
    hints.anchor[i] = draw_index(place, which++, i < shape->n_leaps ? shape->leap[i].count : 0);
  }
  for (uint32_t i = 0; i < PMT_CLASSES; ++i) {
    hints.kind[i] = (uint8_t)(pmt_random_bits(16, place, which++) % (shape->n_kinds + 1));
  }
  return hints;
}

void pmt_fixture_mutate(const uint32_t vocab, const uint64_t rounds) {
  unsigned char* bytes = NULL;
  size_t size = 0;
  PmtError error = {{0}};
  CHECKF(!pmt_file_read(path, 1 << 20, &bytes, &size, &error), "%s", error.text);
  const uint64_t header = (uint64_t)(bytes[0] | bytes[1] << 8);
  unsigned played = 0, refused = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    unsigned char* const hurt = malloc(size);
    CHECK(hurt);
    memcpy(hurt, bytes, size);
    for (uint64_t i = 0; i <= round % 2; ++i) {
      const uint64_t draw = pmt_random_bits(15, round, i);
      hurt[8 + draw % header] = (unsigned char)("0123456789abcdefilnstw,[]\""[(draw >> 32) % 26]);
    }
    PmtTensors* t = NULL;
    PmtNet* net = NULL;
    if (pmt_tensors_parse(hurt, size, &t, &error)) {
      continue;
    }
    error.text[0] = 0;
    if (pmt_net_new(t, vocab, NULL, &net, &error)) {
      CHECK(!net && error.text[0] && !strchr(error.text, '\n'));
      ++refused;
    } else {
      PmtNetState* const state = pmt_fixture_state(net);
      CHECK(isfinite(pmt_fixture_step(state, 1)[0]));
      pmt_net_state_free(state);
      ++played;
    }
    pmt_net_free(net);
    pmt_tensors_free(t);
  }
  free(bytes);
  printf("mutated headers: %u played, %u refused by the net\n", played, refused);
  CHECK(played > rounds / 200 && refused > rounds / 200);
}
