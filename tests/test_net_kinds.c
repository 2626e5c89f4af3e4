/* SPDX-License-Identifier: ISC */
/* Every kind of net: its step against the equations in double; the same bits for every slicing and kernel; states
   that can be saved, restored and given up; memory that runs out. What only one kind has is in test_net.c (the file,
   LSTM) and test_net_tf.c. */
#include "base/random.h"
#include "check.h"
#include "support/fail_alloc.h"
#include "support/net_fixture.h"
#include "support/net_reference.h"

#include <math.h>
#include <string.h>

/* Padded and not, odd sizes, one unit, several panels, one layer and many. */
static const PmtTinyOptions cases[] = {
  {.seed = 1, .arch = "lstm", .parts = 1, .d = 16, .h = 32, .layers = 2},
  {.seed = 2, .arch = "lstm", .parts = 2, .d = 7, .h = 21, .layers = 3},
  {.seed = 3, .arch = "lstm", .parts = 3, .d = 40, .h = 1, .layers = 1},
  {.seed = 4, .arch = "gru", .parts = 1, .d = 16, .h = 64, .layers = 2},
  {.seed = 5, .arch = "gru", .parts = 2, .d = 19, .h = 150, .layers = 3},
  {.seed = 6, .arch = "gru", .parts = 1, .d = 5, .h = 1, .layers = 1},
  {.seed = 7, .arch = "rnn", .parts = 1, .d = 16, .h = 64, .layers = 2},
  {.seed = 8, .arch = "rnn", .parts = 2, .d = 9, .h = 130, .layers = 3},
  {.seed = 9, .arch = "tf", .pos = "rope", .parts = 1, .d = 16, .layers = 1, .heads = 1, .ff = 64, .window = 8},
  {.seed = 10, .arch = "tf", .pos = "rope", .parts = 2, .d = 72, .layers = 3, .heads = 3, .ff = 100, .window = 200},
  {.seed = 11, .arch = "tf", .pos = "rope2", .parts = 1, .d = 64, .layers = 2, .heads = 2, .ff = 64, .window = 33},
  {.seed = 12, .arch = "tf", .pos = "rope2", .parts = 2, .d = 12, .layers = 2, .heads = 3, .ff = 7, .window = 20},
  {.seed = 13, .arch = "tf", .pos = "sin", .parts = 1, .d = 32, .layers = 2, .heads = 2, .ff = 64, .window = 16},
  {.seed = 14, .arch = "tf", .pos = "sin", .parts = 2, .d = 50, .layers = 3, .heads = 5, .ff = 130, .window = 22},
  {.seed = 15, .arch = "tf", .pos = "alibi", .parts = 1, .d = 32, .layers = 2, .heads = 4, .ff = 64, .window = 24},
  {.seed = 16, .arch = "tf", .pos = "alibi", .parts = 2, .d = 15, .layers = 2, .heads = 3, .ff = 61, .window = 9},
  {.seed = 17, .arch = "tf", .pos = "rel", .parts = 1, .d = 32, .layers = 2, .heads = 2, .ff = 64, .window = 24},
  {.seed = 18, .arch = "tf", .pos = "rel", .parts = 2, .d = 35, .layers = 2, .heads = 5, .ff = 64, .window = 40, .rel = 11},
  {.seed = 19, .arch = "tf", .pos = "rel", .parts = 1, .d = 160, .layers = 2, .heads = 2, .ff = 90, .window = 30, .rel = 1},
};
enum { CASES = sizeof cases / sizeof *cases, STEPS = 60 };

static uint32_t vocab_of(const PmtTinyOptions* const o) {
  return 128 + 128 * o->parts;
}

static void describe(const PmtTinyOptions* const o, char* const text, const size_t size) {
  snprintf(text, size, "%s%s%s, %u layers, d %u", o->arch, o->pos ? " " : "", o->pos ? o->pos : "", o->layers, o->d);
}

/* ---- Equations --------------------------------------------------------------------------------------------------- */

static void check_equations(const PmtTinyOptions* const o) {
  char name[64];
  describe(o, name, sizeof name);
  PmtTensors* const t = pmt_fixture_tensors(o);
  PmtReference* const reference = pmt_reference_new(t, o, STEPS);
  PmtNet* const net = pmt_fixture_net(t, vocab_of(o));
  PmtNetState* const state = pmt_fixture_state(net);
  double worst = 0.0, largest = 0.0;
  for (uint64_t i = 0; i < STEPS; ++i) {
    if (i % 5 == 1) { /* the first step runs with u = 0 */
      const PmtCondition condition = pmt_fixture_condition(i);
      pmt_net_condition(state, &condition);
      pmt_reference_condition(reference, &condition);
    }
    const uint32_t token = pmt_fixture_token(i, vocab_of(o));
    const float* const logits = pmt_fixture_step(state, token);
    const double* const wanted = pmt_reference_step(reference, token);
    for (uint32_t k = 0; k < vocab_of(o); ++k) {
      worst = fmax(worst, fabs((double)logits[k] - wanted[k]));
      largest = fmax(largest, fabs(wanted[k]));
    }
  }
  printf("%-28s logits up to %4.1f, worst error %.1e of that\n", name, largest, worst / largest);
  CHECK(largest > 1.0 && worst < 1e-5 * largest);
  pmt_net_state_free(state);
  pmt_net_free(net);
  pmt_reference_free(reference);
  pmt_tensors_free(t);
}

/* ---- The same bits however the work is cut ----------------------------------------------------------------------- */

/* All logits of STEPS steps, with budgets drawn from 1..budget_max (0: one run each). */
static float* record(const PmtNet* const net, const uint64_t budget_max) {
  const uint32_t vocab = pmt_net_config(net)->vocab;
  PmtNetState* const state = pmt_fixture_state(net);
  float* const out = calloc((size_t)STEPS * vocab, sizeof *out);
  CHECK(out);
  for (uint64_t i = 0; i < STEPS; ++i) {
    if (i % 6 == 0) {
      const PmtCondition condition = pmt_fixture_condition(i);
      pmt_net_condition(state, &condition);
    }
    pmt_net_begin(state, pmt_fixture_token(i, vocab));
    uint64_t spent = 0;
    for (uint64_t cut = 0, before = 0; spent == 0 || !pmt_net_run(state, 0, &spent); ++cut, before = spent) {
      const uint64_t budget = budget_max ? 1 + pmt_random_bits(13, i, cut) % budget_max : UINT64_MAX;
      const bool done = pmt_net_run(state, budget, &spent);
      CHECK(spent > before && (done || spent - before >= budget));
      CHECK(!budget_max || spent - before < budget + pmt_net_chunk_cost_max(net));
    }
    CHECK(spent <= pmt_net_step_cost(net));
    memcpy(out + i * vocab, pmt_net_logits(state), vocab * sizeof *out);
  }
  pmt_net_state_free(state);
  return out;
}

static void check_cuts(const PmtTinyOptions* const o) {
  char name[64];
  describe(o, name, sizeof name);
  PmtTensors* const t = pmt_fixture_tensors(o);
  const size_t bytes = (size_t)STEPS * vocab_of(o) * sizeof(float);
  const PmtKernel* kernels = NULL;
  const size_t n = pmt_kernels(&kernels);
  float* wanted = NULL;
  for (size_t i = 0; i < n; ++i) {
    PmtNet* net = NULL;
    PmtError error = {{0}};
    CHECKF(!pmt_net_new_on(&kernels[i], t, vocab_of(o), &net, &error), "%s", error.text);
    const uint64_t budgets[] = {0, 1, 3000, pmt_net_step_cost(net)};
    for (unsigned k = 0; k < sizeof budgets / sizeof *budgets; ++k) {
      float* const got = record(net, budgets[k]);
      CHECKF(!wanted || !memcmp(wanted, got, bytes), "%s: %s, budgets up to %llu", name, kernels[i].name,
             (unsigned long long)budgets[k]);
      if (wanted) {
        free(got);
      } else {
        wanted = got;
      }
    }
    pmt_net_free(net);
  }
  free(wanted);
  pmt_tensors_free(t);
}

/* ---- Snapshots, and steps given up ------------------------------------------------------------------------------- */

static void check_snapshots(const PmtTinyOptions* const o) {
  PmtNet* const net = pmt_fixture_tiny(o);
  PmtNetState* const state = pmt_fixture_state(net);
  const uint32_t vocab = vocab_of(o);
  const size_t n = pmt_net_snapshot_floats(net), bytes = n * sizeof(float), logits = vocab * sizeof(float);
  float *const snapshot = calloc(n, sizeof *snapshot), *const again = calloc(n, sizeof *again);
  float* const wanted = calloc(vocab, sizeof *wanted);
  CHECK(snapshot && again && wanted);
  const PmtCondition condition = pmt_fixture_condition(3);
  pmt_net_condition(state, &condition);
  for (uint64_t i = 0; i < 25; ++i) {
    pmt_fixture_step(state, pmt_fixture_token(i, vocab));
  }
  pmt_net_save(state, snapshot);
  pmt_fixture_step(state, 3);
  memcpy(wanted, pmt_fixture_step(state, 5), logits);
  CHECK(pmt_net_restore(state, snapshot)); /* go on, go back, go on the same */
  pmt_net_save(state, again);
  CHECK(!memcmp(again, snapshot, bytes));
  pmt_fixture_step(state, 3);
  CHECK(!memcmp(wanted, pmt_fixture_step(state, 5), logits));

  CHECK(pmt_net_restore(state, snapshot));
  for (uint64_t budget = 1; budget < pmt_net_step_cost(net); budget += 1 + pmt_net_step_cost(net) / 50) { /* given up */
    uint64_t spent = 0;
    pmt_net_begin(state, 77);
    if (pmt_net_run(state, budget, &spent)) {
      break;
    }
    pmt_net_save(state, again);
    CHECK(!memcmp(again, snapshot, bytes));
    if (budget % 2) {
      CHECK(pmt_net_restore(state, snapshot));
      CHECK(pmt_net_run(state, 0, &spent)); /* nothing is in flight */
    }
  }
  CHECK(pmt_net_restore(state, snapshot));
  pmt_fixture_step(state, 3);
  CHECK(!memcmp(wanted, pmt_fixture_step(state, 5), logits));

  pmt_net_reset(state); /* as new */
  memcpy(wanted, pmt_fixture_step(state, 9), logits);
  PmtNetState* const other = pmt_fixture_state(net);
  CHECK(!memcmp(wanted, pmt_fixture_step(other, 9), logits));
  pmt_net_state_free(other);
  pmt_net_state_free(state);
  pmt_net_free(net);
  free(snapshot);
  free(again);
  free(wanted);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static void check_no_memory(const PmtTinyOptions* const o) {
  PmtTensors* const t = pmt_fixture_tensors(o);
  size_t failures = 0;
  for (bool done = false; !done; failures += !done) {
    PmtNet* net = NULL;
    PmtNetState* state = NULL;
    PmtError error = {{0}};
    pmt_fail_after(failures);
    PmtStatus status = pmt_net_new(t, vocab_of(o), &net, &error);
    status = status ? status : pmt_net_state_new(net, &state);
    pmt_fail_never();
    done = !status;
    CHECKF(done || (status == PMT_NO_MEM && !state), "allocation %zu: %s", failures, error.text);
    pmt_net_state_free(state);
    pmt_net_free(net);
  }
  CHECK(failures == 3); /* the weights, what loads them, the state */
  pmt_tensors_free(t);
}

static void count_allocation(const char* const function) {
  CHECKF(false, "%s after the setup", function);
}

/* All that an audio thread calls, from the first call on. */
static void check_no_allocation(const PmtTinyOptions* const o) {
  PmtNet* const net = pmt_fixture_tiny(o);
  PmtNetState* const state = pmt_fixture_state(net);
  const PmtCondition condition = pmt_fixture_condition(1);
  float* const snapshot = calloc(pmt_net_snapshot_floats(net), sizeof *snapshot);
  CHECK(snapshot);
  pmt_alloc_watch(count_allocation);
  pmt_net_condition(state, &condition);
  for (uint64_t i = 0; i < STEPS; ++i) {
    pmt_fixture_step(state, pmt_fixture_token(i, vocab_of(o)));
  }
  pmt_net_save(state, snapshot);
  CHECK(pmt_net_restore(state, snapshot));
  pmt_net_reset(state);
  pmt_alloc_watch(NULL);
  free(snapshot);
  pmt_net_state_free(state);
  pmt_net_free(net);
}

int main(void) {
  for (unsigned i = 0; i < CASES; ++i) {
    check_equations(&cases[i]);
    check_cuts(&cases[i]);
    check_snapshots(&cases[i]);
    check_no_memory(&cases[i]);
    check_no_allocation(&cases[i]);
  }
  pmt_fixture_end();
  return 0;
}
