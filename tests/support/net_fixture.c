/* SPDX-License-Identifier: ISC */
/* See net_fixture.h. */
#include "support/net_fixture.h"

#include "base/file.h"
#include "base/random.h"
#include "check.h"
#include "scratch.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static char folder[4096], path[4200];

const char* pmt_fixture_path(void) {
  if (!path[0]) {
    pmt_scratch_template(folder, sizeof folder, "partimento-net");
    CHECK(mkdtemp(folder));
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

PmtNet* pmt_fixture_net(const PmtTensors* const t, const uint32_t vocab) {
  PmtError error = {{0}};
  PmtNet* net = NULL;
  CHECKF(!pmt_net_new(t, vocab, &net, &error), "%s", error.text);
  return net;
}

PmtNetState* pmt_fixture_state(const PmtNet* const net) {
  PmtNetState* state = NULL;
  CHECK(!pmt_net_state_new(net, &state));
  return state;
}

PmtNet* pmt_fixture_tiny(const PmtTinyOptions* const options) {
  PmtTensors* const t = pmt_fixture_tensors(options);
  PmtNet* const net = pmt_fixture_net(t, 128 + 128 * (options->parts ? options->parts : 4));
  pmt_tensors_free(t);
  return net;
}

const float* pmt_fixture_step(PmtNetState* const state, const uint32_t token) {
  uint64_t spent = 0;
  pmt_net_begin(state, token);
  CHECK(pmt_net_run(state, UINT64_MAX, &spent));
  return pmt_net_logits(state);
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
    if (pmt_net_new(t, vocab, &net, &error)) {
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
