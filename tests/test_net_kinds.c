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
#include <stdlib.h>
#include <string.h>

/* Long and short tables, leaps of notes and a pointer, one that reaches further than its tokens; kinds of one part. What
   is offered and not written stands in between. */
static PmtHintShape offered(void) {
  return (PmtHintShape){
    .table = {{"near", 256}, {"lacking", 7}, {"trust", 3}, {"one", 1}}, .n_tables = 4,
    .leap = {{"own", 128, 128, 14}, {"lacking", 0, 9, 2}, {"near", 0, 256, 0}, {"wide", 130, 5, 40}}, .n_leaps = 4,
    .n_kinds = 6, .kind_first = 128, .kind_count = 128, .kind_span = 100};
}

static PmtHintShape written;      /* not all of it */
static PmtHintShape plenty;       /* more rows of the output than tokens */
static PmtHintShape tables_alone;

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
  {.seed = 20, .arch = "lstm", .parts = 1, .d = 16, .h = 32, .layers = 2, .hints = &written},
  {.seed = 21, .arch = "lstm", .parts = 1, .d = 7, .h = 21, .layers = 3, .hints = &plenty},
  {.seed = 22, .arch = "lstm", .parts = 1, .d = 9, .h = 17, .layers = 1, .hints = &tables_alone},
  {.seed = 23, .arch = "gru", .parts = 1, .d = 19, .h = 70, .layers = 2, .hints = &written},
  {.seed = 24, .arch = "rnn", .parts = 1, .d = 9, .h = 130, .layers = 2, .hints = &written},
  {.seed = 25, .arch = "tf", .pos = "rope", .parts = 1, .d = 72, .layers = 2, .heads = 3, .ff = 100, .window = 40,
   .hints = &written},
  {.seed = 26, .arch = "tf", .pos = "sin", .parts = 1, .d = 50, .layers = 2, .heads = 5, .ff = 64, .window = 22,
   .hints = &plenty},
};
enum { CASES = sizeof cases / sizeof *cases, STEPS = 60 };

static uint32_t vocab_of(const PmtTinyOptions* const o) {
  return 128 + 128 * o->parts;
}

/* Offered more than the file has. */
static const PmtHintShape* offer_to(const PmtTinyOptions* const o) {
  static PmtHintShape more;
  more = offered();
  return o->hints == &written ? &more : o->hints;
}

/* What is told at a step: at some nothing. */
static const PmtHints* told_at(const PmtTinyOptions* const o, const uint64_t place, PmtHints* const hints) {
  if (!o->hints || place % 7 == 3) {
    return NULL;
  }
  *hints = pmt_fixture_hints(place, o->hints);
  return hints;
}

static void describe(const PmtTinyOptions* const o, char* const text, const size_t size) {
  snprintf(text, size, "%s%s%s, %u layers, d %u%s", o->arch, o->pos ? " " : "", o->pos ? o->pos : "", o->layers, o->d,
           o->hints ? ", told" : "");
}

/* ---- Equations --------------------------------------------------------------------------------------------------- */

static void check_equations(const PmtTinyOptions* const o) {
  char name[64];
  describe(o, name, sizeof name);
  PmtTensors* const t = pmt_fixture_tensors(o);
  PmtReference* const reference = pmt_reference_new(t, o, STEPS);
  PmtNet* const net = pmt_fixture_net_told(t, vocab_of(o), offer_to(o));
  PmtNetState* const state = pmt_fixture_state(net);
  CHECK(!o->hints || !memcmp(pmt_net_hints(net), o->hints, sizeof *o->hints));
  double worst = 0.0, largest = 0.0;
  for (uint64_t i = 0; i < STEPS; ++i) {
    if (i % 5 == 1) { /* the first step runs with u = 0 */
      const PmtCondition condition = pmt_fixture_condition(i);
      pmt_net_condition(state, &condition);
      pmt_reference_condition(reference, &condition);
    }
    const uint32_t token = pmt_fixture_token(i, vocab_of(o));
    PmtHints hints;
    const PmtHints* const told = told_at(o, i, &hints);
    pmt_reference_tell(reference, told);
    const float* const logits = pmt_fixture_step_told(state, token, told);
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
static float* record(const PmtNet* const net, const PmtTinyOptions* const o, const uint64_t budget_max) {
  const uint32_t vocab = pmt_net_config(net)->vocab;
  PmtNetState* const state = pmt_fixture_state(net);
  float* const out = calloc((size_t)STEPS * vocab, sizeof *out);
  CHECK(out);
  for (uint64_t i = 0; i < STEPS; ++i) {
    if (i % 6 == 0) {
      const PmtCondition condition = pmt_fixture_condition(i);
      pmt_net_condition(state, &condition);
    }
    PmtHints hints;
    pmt_net_begin(state, pmt_fixture_token(i, vocab), told_at(o, i, &hints));
    memset(&hints, -1, sizeof hints); /* they were copied */
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
    CHECKF(!pmt_net_new_on(&kernels[i], t, vocab_of(o), offer_to(o), &net, &error), "%s", error.text);
    const uint64_t budgets[] = {0, 1, 3000, pmt_net_step_cost(net)};
    for (unsigned k = 0; k < sizeof budgets / sizeof *budgets; ++k) {
      float* const got = record(net, o, budgets[k]);
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
    pmt_net_begin(state, 77, NULL);
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

/* ---- Hints ------------------------------------------------------------------------------------------------------- */

enum { TOLD_VOCAB = 256 };

/* Logits of a step from a snapshot on. */
static void step_from(PmtNetState* const state, const float* const snapshot, const PmtHints* const hints,
                      float logits[TOLD_VOCAB]) {
  CHECK(pmt_net_restore(state, snapshot));
  memcpy(logits, pmt_fixture_step_told(state, 140, hints), TOLD_VOCAB * sizeof *logits);
}

static void check_rows(PmtNetState* const state, const PmtHintShape* const shape, const float* const snapshot,
                       const float nothing[TOLD_VOCAB], PmtHints hints) {
  float got[TOLD_VOCAB];
  for (uint32_t t = 0; t < shape->n_tables; ++t) {
    const int rows = (int)shape->table[t].rows;
    for (int row = 0; row <= rows; ++row) {
      hints.row[t] = (int16_t)row;
      step_from(state, snapshot, &hints, got);
      CHECKF(!memcmp(got, nothing, sizeof got) == (row == rows), "table %u, row %d", t, row);
    }
    hints.row[t] = -1;
  }
}

static void check_anchors(PmtNetState* const state, const PmtHintShape* const shape, const float* const snapshot,
                          const float nothing[TOLD_VOCAB], PmtHints hints) {
  float got[TOLD_VOCAB];
  for (uint32_t k = 0; k < shape->n_leaps; ++k) {
    const PmtLeap* const leap = &shape->leap[k];
    for (int anchor = 0; anchor < 400; ++anchor) {
      hints.anchor[k] = (int16_t)anchor;
      step_from(state, snapshot, &hints, got);
      for (int i = 0; i < TOLD_VOCAB; ++i) {
        const int at = i - (int)leap->first;
        const bool in_reach = at >= 0 && at < (int)leap->count && abs(at - anchor) <= (int)leap->reach;
        CHECKF((got[i] == nothing[i]) == !in_reach, "leap %u, anchor %d, token %d", k, anchor, i);
      }
    }
    hints.anchor[k] = -1;
  }
}

/* Each row of each table has a say, each leap on the tokens in its reach; what lies outside is as if it were not told. */
static void check_told(const PmtTinyOptions* const o) {
  PmtNet* const net = pmt_fixture_tiny(o);
  PmtNetState* const state = pmt_fixture_state(net);
  float* const snapshot = calloc(pmt_net_snapshot_floats(net), sizeof *snapshot);
  float nothing[TOLD_VOCAB], got[TOLD_VOCAB];
  PmtHints hints;
  CHECK(snapshot && vocab_of(o) == TOLD_VOCAB);
  pmt_fixture_step(state, 4);
  pmt_net_save(state, snapshot);
  step_from(state, snapshot, NULL, nothing);
  memset(&hints, -1, sizeof hints); /* there is no kind 255 either */
  step_from(state, snapshot, &hints, got);
  CHECK(!memcmp(got, nothing, sizeof got));
  check_rows(state, o->hints, snapshot, nothing, hints);
  check_anchors(state, o->hints, snapshot, nothing, hints);
  free(snapshot);
  pmt_net_state_free(state);
  pmt_net_free(net);
}

/* A Transformer goes back only to what was fed under the same hints. */
static void check_told_history(const PmtTinyOptions* const o) {
  PmtNet* const net = pmt_fixture_tiny(o);
  PmtNetState* const state = pmt_fixture_state(net);
  const size_t n = pmt_net_snapshot_floats(net);
  float *const before = calloc(n, sizeof *before), *const after = calloc(n, sizeof *after);
  CHECK(before && after);
  PmtHints hints = pmt_fixture_hints(1, o->hints);
  hints.row[0] = 5;
  pmt_fixture_step_told(state, 4, &hints);
  pmt_net_save(state, before);
  pmt_fixture_step_told(state, 140, &hints);
  pmt_net_save(state, after);
  CHECK(pmt_net_restore(state, before));
  pmt_fixture_step_told(state, 140, &hints);
  CHECK(pmt_net_restore(state, before) && pmt_net_restore(state, after) && pmt_net_restore(state, before));
  hints.row[0] = 6;
  pmt_fixture_step_told(state, 140, &hints);
  CHECK(!pmt_net_restore(state, after) && pmt_net_restore(state, before));
  free(before);
  free(after);
  pmt_net_state_free(state);
  pmt_net_free(net);
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
    PmtStatus status = pmt_net_new(t, vocab_of(o), o->hints, &net, &error);
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
    PmtHints hints;
    pmt_fixture_step_told(state, pmt_fixture_token(i, vocab_of(o)), told_at(o, i, &hints));
  }
  pmt_net_save(state, snapshot);
  CHECK(pmt_net_restore(state, snapshot));
  pmt_net_reset(state);
  pmt_alloc_watch(NULL);
  free(snapshot);
  pmt_net_state_free(state);
  pmt_net_free(net);
}

/* ---- Weights in 16 bits ------------------------------------------------------------------------------------------ */

/* The tiny model again, rounded to half precision, its matrices stored in 16 bits or in 32.
   @param except one matrix that stays in 32 bits; NULL = none */
static PmtNet* rounded_net(const PmtTinyOptions* const o, const PmtKernel* const kernel, const PmtDtype dtype,
                           const char* const except) {
  PmtTensors* const t = pmt_fixture_tensors(o);
  const size_t n = pmt_tensors_count(t);
  PmtTensorOut* const out = calloc(n, sizeof *out);
  PmtMetaOut meta[64];
  size_t n_meta = 0;
  CHECK(out);
  while (n_meta < 64 && pmt_tensors_meta_at(t, n_meta, &meta[n_meta].key, &meta[n_meta].value)) {
    ++n_meta;
  }
  for (size_t i = 0; i < n; ++i) {
    const PmtTensor* const from = pmt_tensors_at(t, i);
    const size_t count = (size_t)from->shape[0] * from->shape[1];
    float* const data = calloc(count, sizeof *data);
    CHECK(data && !pmt_tensors_load(t, from->name, from->shape[0], from->shape[1], data, NULL));
    for (size_t k = 0; k < count && from->rank == 2; ++k) {
      data[k] = k % 5 == 4 ? 3e-6f * data[k] : data[k]; /* some of them subnormal in 16 bits */
      data[k] = pmt_half_rounded(data[k]);
    }
    const bool wide = from->rank < 2 || (except && !strcmp(from->name, except));
    out[i] = (PmtTensorOut){.name = from->name, .rank = from->rank, .shape = {from->shape[0], from->shape[1]},
                            .data = data, .dtype = wide ? PMT_F32 : dtype};
  }
  PmtError error = {""};
  CHECK(!pmt_tensors_write(pmt_fixture_path(), out, n, meta, n_meta, &error));
  for (size_t i = 0; i < n; ++i) {
    free((float*)(uintptr_t)out[i].data);
  }
  free(out);
  pmt_tensors_free(t);
  PmtTensors* rounded = NULL;
  PmtNet* net = NULL;
  CHECK(!pmt_tensors_read(pmt_fixture_path(), &rounded, &error));
  CHECKF(!pmt_net_new_on(kernel, rounded, vocab_of(o), offer_to(o), &net, &error), "%s", error.text);
  pmt_tensors_free(rounded);
  return net;
}

/* Half of the memory, and not a bit of difference. */
static void check_halves(const PmtTinyOptions* const o) {
  const PmtKernel* kernels = NULL;
  const size_t n = pmt_kernels(&kernels), floats = (size_t)STEPS * vocab_of(o);
  for (size_t i = 0; i < n; ++i) {
    PmtNet* const wide = rounded_net(o, &kernels[i], PMT_F32, NULL);
    PmtNet* const narrow = rounded_net(o, &kernels[i], PMT_F16, NULL);
    PmtNet* const mixed = rounded_net(o, &kernels[i], PMT_F16, "out.weight");
    float *const a = record(wide, o, 0), *const b = record(narrow, o, 0), *const c = record(mixed, o, 0);
    CHECKF(!memcmp(a, b, floats * sizeof *a) && !memcmp(a, c, floats * sizeof *a), "%s", kernels[i].name);
    CHECK(pmt_net_bytes(mixed) == pmt_net_bytes(wide));
    CHECK(kernels[i].run_half ? pmt_net_bytes(narrow) < pmt_net_bytes(wide) : pmt_net_bytes(narrow) == pmt_net_bytes(wide));
    free(a);
    free(b);
    free(c);
    pmt_net_free(wide);
    pmt_net_free(narrow);
    pmt_net_free(mixed);
  }
}

int main(void) {
  written = plenty = tables_alone = offered();
  written.table[1].rows = written.leap[1].count = 0;
  plenty.leap[0].reach = 128;
  plenty.n_kinds = 200;
  tables_alone.n_leaps = tables_alone.n_kinds = 0;
  for (unsigned i = 0; i < CASES; ++i) {
    check_equations(&cases[i]);
    check_cuts(&cases[i]);
    check_snapshots(&cases[i]);
    check_no_memory(&cases[i]);
    check_no_allocation(&cases[i]);
    check_halves(&cases[i]);
    if (cases[i].hints) {
      check_told(&cases[i]);
    }
    if (cases[i].hints && cases[i].pos) {
      check_told_history(&cases[i]);
    }
  }
  pmt_fixture_end();
  return 0;
}
