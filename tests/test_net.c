/* SPDX-License-Identifier: ISC */
/* The LSTM step against the equations in double; the same bits for every slicing, kernel and neighbour; states that
   can be saved, restored and given up; and the models that must be refused. */
#include "base/file.h"
#include "base/random.h"
#include "check.h"
#include "nn/net.h"
#include "support/fail_alloc.h"
#include "support/tiny_model.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static char model_path[96];

static PmtTensors* new_tensors(const PmtTinyOptions* const options) {
  PmtError error = {{0}};
  PmtTensors* t = NULL;
  CHECKF(!pmt_tiny_model_write(model_path, options, &error), "%s", error.text);
  CHECKF(!pmt_tensors_read(model_path, &t, &error), "%s", error.text);
  return t;
}

static PmtNet* new_net(const PmtTensors* const t, const uint32_t vocab) {
  PmtError error = {{0}};
  PmtNet* net = NULL;
  CHECKF(!pmt_net_new(t, vocab, &net, &error), "%s", error.text);
  return net;
}

static PmtNetState* new_state(const PmtNet* const net) {
  PmtNetState* state = NULL;
  CHECK(!pmt_net_state_new(net, &state));
  return state;
}

static const float* step(PmtNetState* const state, const uint32_t token) {
  uint64_t spent = 0;
  pmt_net_begin(state, token);
  CHECK(pmt_net_run(state, UINT64_MAX, &spent));
  return pmt_net_logits(state);
}

static uint32_t token_at(const uint64_t place, const uint32_t vocab) {
  return (uint32_t)(pmt_random_bits(11, place, 0) % vocab);
}

static PmtCondition some_condition(const uint64_t place) {
  const float blend = pmt_random_unit(12, place, 0);
  return (PmtCondition){.style = {blend, 1.0f - blend},
                        .meter = (uint8_t)(pmt_random_bits(12, place, 1) % 26),
                        .key = (uint8_t)(pmt_random_bits(12, place, 2) % 25),
                        .phrase = (uint8_t)(pmt_random_bits(12, place, 3) % 9),
                        .density = (uint8_t)(pmt_random_bits(12, place, 4) % 9)};
}

/* ---- The equations of net.h in double ------------------------------------------------------------------------------ */

enum { NAIVE_MAX = 512, NAIVE_LAYERS = 3 };

typedef struct {
  const PmtTensors* t;
  uint32_t vocab, d, h, layers;
  double hidden[NAIVE_LAYERS][NAIVE_MAX], cell[NAIVE_LAYERS][NAIVE_MAX], u[NAIVE_MAX], logits[2 * NAIVE_MAX];
} Naive;

static float* load(const PmtTensors* const t, const char* const name, const uint32_t rows, const uint32_t cols) {
  float* const values = malloc((size_t)rows * cols * sizeof *values);
  PmtError error = {{0}};
  CHECK(values);
  CHECKF(!pmt_tensors_load(t, name, rows, cols, values, &error), "%s", error.text);
  return values;
}

static void naive_add_row(Naive* const n, const char* const name, const uint32_t rows, const uint32_t row,
                          const double weight) {
  float* const table = load(n->t, name, rows, n->d);
  for (uint32_t i = 0; i < n->d; ++i) {
    n->u[i] += weight * (double)table[row * n->d + i];
  }
  free(table);
}

static void naive_condition(Naive* const n, const PmtCondition* const condition) {
  memset(n->u, 0, sizeof n->u);
  for (uint32_t i = 0; i < 2; ++i) {
    naive_add_row(n, "style.weight", 2, i, (double)condition->style[i]);
  }
  naive_add_row(n, "meter.weight", 26, condition->meter, 1.0);
  naive_add_row(n, "key.weight", 25, condition->key, 1.0);
  naive_add_row(n, "phrase.weight", 9, condition->phrase, 1.0);
  naive_add_row(n, "density.weight", 9, condition->density, 1.0);
}

/* y += W x + b */
static void naive_affine(const Naive* const n, const char* const weight, const char* const bias, const uint32_t rows,
                         const uint32_t cols, const double* const x, double* const y) {
  float* const w = load(n->t, weight, rows, cols);
  float* const b = load(n->t, bias, rows, 1);
  for (uint32_t row = 0; row < rows; ++row) {
    y[row] += (double)b[row];
    for (uint32_t col = 0; col < cols; ++col) {
      y[row] += (double)w[(size_t)row * cols + col] * x[col];
    }
  }
  free(w);
  free(b);
}

static double sigmoid(const double x) {
  return 1.0 / (1.0 + exp(-x));
}

static void naive_layer(Naive* const n, const uint32_t layer, const uint32_t inputs, const double* const a) {
  double gates[4 * NAIVE_MAX] = {0};
  char names[4][32];
  static const char* const kinds[4] = {"weight_ih", "bias_ih", "weight_hh", "bias_hh"};
  for (unsigned i = 0; i < 4; ++i) {
    snprintf(names[i], sizeof names[i], "rnn.%s_l%u", kinds[i], layer);
  }
  naive_affine(n, names[0], names[1], 4 * n->h, inputs, a, gates);
  naive_affine(n, names[2], names[3], 4 * n->h, n->h, n->hidden[layer], gates);
  for (uint32_t j = 0; j < n->h; ++j) {
    double* const c = &n->cell[layer][j];
    *c = sigmoid(gates[n->h + j]) * *c + sigmoid(gates[j]) * tanh(gates[2 * n->h + j]);
    n->hidden[layer][j] = sigmoid(gates[3 * n->h + j]) * tanh(*c);
  }
}

static void naive_step(Naive* const n, const uint32_t token) {
  double x[NAIVE_MAX];
  float* const embedding = load(n->t, "emb.weight", n->vocab, n->d);
  for (uint32_t i = 0; i < n->d; ++i) {
    x[i] = (double)embedding[(size_t)token * n->d + i] + n->u[i];
  }
  free(embedding);
  for (uint32_t l = 0; l < n->layers; ++l) {
    naive_layer(n, l, l ? n->h : n->d, l ? n->hidden[l - 1] : x);
  }
  memset(n->logits, 0, sizeof n->logits);
  naive_affine(n, "out.weight", "out.bias", n->vocab, n->h, n->hidden[n->layers - 1], n->logits);
}

static void check_equations(const PmtTinyOptions* const options) {
  PmtTensors* const t = new_tensors(options);
  Naive* const n = calloc(1, sizeof *n);
  CHECK(n);
  n->t = t;
  n->vocab = 128 + 128 * options->parts;
  n->d = options->d;
  n->h = options->h;
  n->layers = options->layers;
  PmtNet* const net = new_net(t, n->vocab);
  PmtNetState* const state = new_state(net);
  double worst = 0.0, largest = 0.0;
  for (uint64_t i = 0; i < 40; ++i) {
    if (i % 5 == 1) { /* the first step runs with u = 0 */
      const PmtCondition condition = some_condition(i);
      pmt_net_condition(state, &condition);
      naive_condition(n, &condition);
    }
    const uint32_t token = token_at(i, n->vocab);
    const float* const logits = step(state, token);
    naive_step(n, token);
    for (uint32_t k = 0; k < n->vocab; ++k) {
      worst = fmax(worst, fabs((double)logits[k] - n->logits[k]));
      largest = fmax(largest, fabs(n->logits[k]));
    }
  }
  printf("%u layers, h %u, d %u: logits up to %.1f, worst error %.1e\n", n->layers, n->h, n->d, largest, worst);
  CHECK(largest > 1.0 && worst < 1e-4);
  pmt_net_state_free(state);
  pmt_net_free(net);
  pmt_tensors_free(t);
  free(n);
}

/* ---- The same bits however the work is cut -------------------------------------------------------------------------- */

enum { STEPS = 60, VOCAB = 384 };

static const PmtTinyOptions odd = {.seed = 5, .parts = 2, .d = 19, .h = 50, .layers = 3};

/* All logits of STEPS steps, with budgets drawn from 1..budget_max (0: one run each). */
static void record(PmtNetState* const state, const PmtNet* const net, const uint64_t budget_max, float* const out) {
  pmt_net_reset(state);
  for (uint64_t i = 0; i < STEPS; ++i) {
    if (i % 6 == 0) {
      const PmtCondition condition = some_condition(i);
      pmt_net_condition(state, &condition);
    }
    pmt_net_begin(state, token_at(i, VOCAB));
    uint64_t spent = 0;
    for (uint64_t cut = 0;; ++cut) {
      const uint64_t before = spent;
      const uint64_t budget = budget_max ? 1 + pmt_random_bits(13, i, cut) % budget_max : UINT64_MAX;
      const bool done = pmt_net_run(state, budget, &spent);
      CHECK(spent > before);
      if (budget_max) {
        CHECK(spent - before < budget + pmt_net_chunk_cost_max(net));
        CHECK(done || spent - before >= budget);
      }
      if (done) {
        break;
      }
    }
    CHECK(spent == pmt_net_step_cost(net));
    memcpy(out + i * VOCAB, pmt_net_logits(state), VOCAB * sizeof *out);
  }
}

static float* new_record(void) {
  float* const out = calloc(STEPS * VOCAB, sizeof *out);
  CHECK(out);
  return out;
}

static bool same(const float* const a, const float* const b) {
  return !memcmp(a, b, STEPS * VOCAB * sizeof *a);
}

static void check_slicing(void) {
  PmtTensors* const t = new_tensors(&odd);
  PmtNet* const net = new_net(t, VOCAB);
  PmtNetState* const state = new_state(net);
  float *const whole = new_record(), *const cut = new_record();
  record(state, net, 0, whole);
  const uint64_t budgets[] = {1, 1000, 7000, 40000, pmt_net_step_cost(net)};
  for (unsigned i = 0; i < sizeof budgets / sizeof *budgets; ++i) {
    record(state, net, budgets[i], cut);
    CHECKF(same(whole, cut), "budgets up to %llu", (unsigned long long)budgets[i]);
  }
  uint64_t spent = 7;
  CHECK(pmt_net_run(state, UINT64_MAX, &spent) && spent == 7); /* no step in flight: nothing to do */
  pmt_net_begin(state, 1);
  CHECK(!pmt_net_run(state, 0, &spent) && spent == 7); /* no budget: nothing is done */
  free(whole);
  free(cut);
  pmt_net_state_free(state);
  pmt_net_free(net);
  pmt_tensors_free(t);
}

static void check_kernels_agree(void) {
  PmtTensors* const t = new_tensors(&odd);
  const PmtKernel* kernels = NULL;
  const size_t n = pmt_kernels(&kernels);
  float *const wanted = new_record(), *const got = new_record();
  for (size_t i = 0; i < n; ++i) {
    PmtNet* net = NULL;
    PmtError error = {{0}};
    CHECKF(!pmt_net_new_on(&kernels[i], t, VOCAB, &net, &error), "%s", error.text);
    CHECK(!strcmp(pmt_net_kernel(net), kernels[i].name));
    PmtNetState* const state = new_state(net);
    record(state, net, 0, i ? got : wanted);
    CHECKF(!i || same(wanted, got), "%s and %s", kernels[0].name, kernels[i].name);
    pmt_net_state_free(state);
    pmt_net_free(net);
  }
  free(wanted);
  free(got);
  pmt_tensors_free(t);
}

/* Two players on one net, their chunks interleaved: as if each were alone. */
static void check_neighbours(void) {
  PmtTensors* const t = new_tensors(&odd);
  PmtNet* const net = new_net(t, VOCAB);
  PmtNetState *const a = new_state(net), *const b = new_state(net), *const alone = new_state(net);
  for (uint64_t i = 0; i < 10; ++i) {
    float wanted_a[VOCAB], wanted_b[VOCAB];
    uint64_t spent = 0;
    pmt_net_begin(a, token_at(i, VOCAB));
    pmt_net_begin(b, token_at(100 + i, VOCAB));
    bool more = true;
    while (more) {
      const bool done = pmt_net_run(a, 1, &spent);
      more = !pmt_net_run(b, 3000, &spent) || !done;
    }
    memcpy(wanted_a, pmt_net_logits(a), sizeof wanted_a);
    memcpy(wanted_b, pmt_net_logits(b), sizeof wanted_b);
    pmt_net_reset(alone);
    for (uint64_t k = 0; k <= i; ++k) {
      step(alone, token_at(k, VOCAB));
    }
    CHECK(!memcmp(pmt_net_logits(alone), wanted_a, sizeof wanted_a));
    pmt_net_reset(alone);
    for (uint64_t k = 0; k <= i; ++k) {
      step(alone, token_at(100 + k, VOCAB));
    }
    CHECK(!memcmp(pmt_net_logits(alone), wanted_b, sizeof wanted_b));
  }
  pmt_net_state_free(a);
  pmt_net_state_free(b);
  pmt_net_state_free(alone);
  pmt_net_free(net);
  pmt_tensors_free(t);
}

/* ---- Snapshots, and steps given up ---------------------------------------------------------------------------------- */

static void check_snapshots(void) {
  PmtTensors* const t = new_tensors(&odd);
  PmtNet* const net = new_net(t, VOCAB);
  PmtNetState *const state = new_state(net), *const other = new_state(net);
  const size_t n = pmt_net_snapshot_floats(net);
  CHECK(n == 2 * 3 * 50);
  float snapshot[2 * 3 * 50], again[2 * 3 * 50], wanted[VOCAB];
  for (uint64_t i = 0; i < 5; ++i) {
    step(state, token_at(i, VOCAB));
  }
  pmt_net_save(state, snapshot);
  memcpy(wanted, step(state, 3), sizeof wanted);

  pmt_net_restore(other, snapshot); /* another state goes on where the first one was */
  CHECK(!memcmp(step(other, 3), wanted, sizeof wanted));

  pmt_net_restore(state, snapshot);
  for (uint64_t budget = 1; budget < pmt_net_step_cost(net); budget += 9000) { /* given up at many places */
    uint64_t spent = 0;
    pmt_net_begin(state, 77);
    CHECK(!pmt_net_run(state, budget, &spent) || spent == pmt_net_step_cost(net));
    if (spent == pmt_net_step_cost(net)) {
      break;
    }
    pmt_net_save(state, again);
    CHECK(!memcmp(again, snapshot, sizeof snapshot));
    if (budget % 2) {
      pmt_net_restore(state, snapshot);
    }
  }
  pmt_net_restore(state, snapshot);
  CHECK(!memcmp(step(state, 3), wanted, sizeof wanted));

  pmt_net_reset(state);
  pmt_net_save(state, again);
  for (size_t i = 0; i < n; ++i) {
    CHECK(again[i] == 0.0f);
  }
  pmt_net_state_free(state);
  pmt_net_state_free(other);
  pmt_net_free(net);
  pmt_tensors_free(t);
}

/* ---- Conditioning --------------------------------------------------------------------------------------------------- */

static bool same_after(PmtNetState* const state, const PmtCondition* const x, const PmtCondition* const y) {
  float first[VOCAB];
  pmt_net_reset(state);
  pmt_net_condition(state, x);
  memcpy(first, step(state, 9), sizeof first);
  pmt_net_reset(state);
  pmt_net_condition(state, y);
  return !memcmp(first, step(state, 9), sizeof first);
}

static void check_condition(void) {
  PmtTensors* const t = new_tensors(&odd);
  PmtNet* const net = new_net(t, VOCAB);
  PmtNetState* const state = new_state(net);
  const PmtNetConfig* const c = pmt_net_config(net);
  CHECK(c->styles == 2 && c->meter && c->key && c->phrase && c->density && c->layers == 3 && c->d == 19 && c->h == 50);
  const PmtCondition base = {.style = {1.0f}, .meter = 8, .key = 1, .phrase = 1, .density = 4};
  PmtCondition other = base;
  CHECK(same_after(state, &base, &other));
  other.style[0] = 0.5f;
  CHECK(!same_after(state, &base, &other));
  other = base;
  other.key = 2;
  CHECK(!same_after(state, &base, &other));
  other = base;
  other.style[5] = 1.0f; /* a style the model does not have */
  CHECK(same_after(state, &base, &other));
  other.style[0] = NAN; /* counts as nothing, and does no harm */
  const PmtCondition none = {.style = {0}, .meter = 8, .key = 1, .phrase = 1, .density = 4};
  CHECK(same_after(state, &other, &none));
  const PmtCondition wild = {.meter = 26, .key = 25, .phrase = 9, .density = 255};
  const PmtCondition unknown = {.meter = 0};
  CHECK(same_after(state, &wild, &unknown));
  pmt_net_state_free(state);
  pmt_net_free(net);
  pmt_tensors_free(t);
}

/* ---- Files built by hand: absent tables, faults ------------------------------------------------------------------------ */

enum { HAND_VOCAB = 8, D = 2, H = 3 };

typedef struct {
  PmtTensorOut tensor[16];
  size_t n;
  PmtMetaOut meta[8];
  size_t n_meta;
} Hand;

static float hand_values[4096];

static void hand_add(Hand* const hand, const char* const name, const uint32_t rows, const uint32_t cols) {
  hand->tensor[hand->n++] = (PmtTensorOut){name, cols ? 2 : 1, {rows, cols ? cols : 1}, hand_values + 16 * hand->n};
}

/* A plain language model: no table but the embedding. */
static Hand hand_model(void) {
  Hand hand = {.meta = {{"format_version", "1"}, {"arch", "lstm"}, {"layers", "1"}, {"d", "2"}, {"h", "3"}}, .n_meta = 5};
  hand_add(&hand, "emb.weight", HAND_VOCAB, D);
  hand_add(&hand, "rnn.weight_ih_l0", 4 * H, D);
  hand_add(&hand, "rnn.weight_hh_l0", 4 * H, H);
  hand_add(&hand, "rnn.bias_ih_l0", 4 * H, 0);
  hand_add(&hand, "rnn.bias_hh_l0", 4 * H, 0);
  hand_add(&hand, "out.weight", HAND_VOCAB, H);
  hand_add(&hand, "out.bias", HAND_VOCAB, 0);
  return hand;
}

static PmtStatus open_hand(const Hand* const hand, PmtNet** const net, PmtError* const error) {
  PmtTensors* t = NULL;
  CHECKF(!pmt_tensors_write(model_path, hand->tensor, hand->n, hand->meta, hand->n_meta, error), "%s", error->text);
  CHECKF(!pmt_tensors_read(model_path, &t, error), "%s", error->text);
  const PmtStatus status = pmt_net_new(t, HAND_VOCAB, net, error);
  pmt_tensors_free(t);
  return status;
}

static void refuse(const Hand* const hand, const PmtStatus wanted, const char* const message) {
  PmtNet* net = NULL;
  PmtError error = {{0}};
  const PmtStatus status = open_hand(hand, &net, &error);
  CHECKF(status == wanted && !net, "%s: status %d, %s", message, status, error.text);
  CHECKF(strstr(error.text, message), "wanted \"%s\", got \"%s\"", message, error.text);
}

static void check_plain_model(void) {
  const Hand hand = hand_model();
  PmtNet* net = NULL;
  PmtError error = {{0}};
  CHECKF(!open_hand(&hand, &net, &error), "%s", error.text);
  const PmtNetConfig* const c = pmt_net_config(net);
  CHECK(!c->styles && !c->meter && !c->key && !c->phrase && !c->density);
  PmtNetState* const state = new_state(net);
  const PmtCondition condition = {.style = {1.0f}, .meter = 3, .key = 3, .phrase = 3, .density = 3};
  float before[HAND_VOCAB];
  memcpy(before, step(state, 5), sizeof before);
  pmt_net_reset(state);
  pmt_net_condition(state, &condition);
  CHECK(!memcmp(before, step(state, 5), sizeof before));
  CHECK(pmt_net_bytes(net) > 0 && pmt_net_bytes(net) < 65536 && pmt_net_state_bytes(net) < 8192);
  pmt_net_state_free(state);
  pmt_net_free(net);
  pmt_net_free(NULL);
  pmt_net_state_free(NULL);
}

/* A cell that only forgets: c halves each step and becomes 0, never denormal. */
static void check_fading(void) {
  Hand hand = hand_model();
  static const float zeros[64];
  for (size_t i = 0; i < hand.n; ++i) {
    hand.tensor[i].data = zeros;
  }
  PmtNet* net = NULL;
  PmtError error = {{0}};
  CHECKF(!open_hand(&hand, &net, &error), "%s", error.text);
  PmtNetState* const state = new_state(net);
  float snapshot[2 * H] = {0, 0, 0, 1.0f, -1.0f, 1e-12f};
  pmt_net_restore(state, snapshot);
  for (int i = 0; i < 51; ++i) {
    CHECK(snapshot[H] != 0.0f);
    step(state, 0);
    pmt_net_save(state, snapshot);
    for (unsigned k = 0; k < 2 * H; ++k) {
      CHECK(snapshot[k] == 0.0f || fabsf(snapshot[k]) >= 0x1p-50f);
    }
  }
  CHECK(snapshot[H] == 0.0f && snapshot[H + 1] == 0.0f);
  pmt_net_state_free(state);
  pmt_net_free(net);
}

static void check_refusals(void) {
  Hand hand = hand_model();
  for (size_t i = 0; i < hand.n; ++i) { /* each tensor missing, then too small */
    Hand hurt = hand;
    char missing[64];
    snprintf(missing, sizeof missing, "\"%s\" is missing", hand.tensor[i].name);
    hurt.tensor[i].name = "elsewhere";
    refuse(&hurt, PMT_BAD_SHAPE, missing);
    hurt = hand;
    --hurt.tensor[i].shape[0];
    refuse(&hurt, PMT_BAD_SHAPE, hand.tensor[i].name);
  }
  static const struct {
    size_t at;
    const char* value;
    PmtStatus status;
    const char* message;
  } metas[] = {
    {0, "2", PMT_UNSUPPORTED, "\"format_version\" is \"2\", need \"1\""},
    {1, "gru", PMT_UNSUPPORTED, "\"arch\" is \"gru\", need \"lstm\""},
    {2, "0", PMT_BAD_FILE, "\"layers\": 0 is not in 1..8"},
    {2, "9", PMT_BAD_FILE, "\"layers\": 9 is not in 1..8"},
    {2, "2", PMT_BAD_SHAPE, "\"rnn.weight_ih_l1\" is missing"},
    {2, "x", PMT_BAD_FILE, "no whole number"},
    {3, "3", PMT_BAD_SHAPE, "\"emb.weight\" is [8, 2], need [8, 3]"},
    {3, "4097", PMT_BAD_FILE, "not in 1..4096"},
    {4, "4", PMT_BAD_SHAPE, "\"rnn.weight_ih_l0\" is [12, 2], need [16, 2]"},
    {4, "4096", PMT_BAD_SHAPE, "need [16384, 2]"},
  };
  for (unsigned i = 0; i < sizeof metas / sizeof *metas; ++i) {
    Hand hurt = hand;
    hurt.meta[metas[i].at].value = metas[i].value;
    refuse(&hurt, metas[i].status, metas[i].message);
  }
  for (size_t i = 0; i < hand.n_meta; ++i) {
    Hand hurt = hand;
    hurt.meta[i].key = "elsewhere";
    refuse(&hurt, PMT_BAD_FILE, "is missing");
  }
  Hand extra = hand;
  hand_add(&extra, "rnn.weight_ih_l1", 4 * H, H);
  refuse(&extra, PMT_BAD_SHAPE, "\"layers\" is 1, but there is a tensor \"rnn.weight_ih_l1\"");
  static const struct {
    const char* name;
    uint32_t rows;
    const char* message;
  } tables[] = {
    {"meter.weight", 25, "need [26, 2]"}, {"key.weight", 24, "need [25, 2]"}, {"phrase.weight", 8, "need [9, 2]"},
    {"density.weight", 10, "need [9, 2]"}, {"style.weight", 33, "at most 32 styles"},
  };
  for (unsigned i = 0; i < sizeof tables / sizeof *tables; ++i) {
    Hand hurt = hand;
    hand_add(&hurt, tables[i].name, tables[i].rows, D);
    refuse(&hurt, PMT_BAD_SHAPE, tables[i].message);
  }
  Hand wide = hand;
  hand_add(&wide, "style.weight", 2, D + 1);
  refuse(&wide, PMT_BAD_SHAPE, "\"style.weight\" is [2, 3], need [2, 2]");
}

/* Headers with bytes changed at random: what the reader lets through, the net refuses with a line or plays. */
static void check_mutations(void) {
  const Hand hand = hand_model();
  PmtError error = {{0}};
  CHECK(!pmt_tensors_write(model_path, hand.tensor, hand.n, hand.meta, hand.n_meta, &error));
  unsigned char* bytes = NULL;
  size_t size = 0;
  CHECK(!pmt_file_read(model_path, 1 << 20, &bytes, &size, &error));
  const uint64_t header = (uint64_t)(bytes[0] | bytes[1] << 8);
  unsigned played = 0, refused = 0;
  for (uint64_t round = 0; round < 20000; ++round) {
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
    if (pmt_net_new(t, HAND_VOCAB, &net, &error)) {
      CHECK(!net && error.text[0]);
      ++refused;
    } else {
      PmtNetState* const state = new_state(net);
      CHECK(isfinite(step(state, 1)[0]));
      pmt_net_state_free(state);
      ++played;
    }
    pmt_net_free(net);
    pmt_tensors_free(t);
  }
  free(bytes);
  printf("mutated headers: %u played, %u refused by the net\n", played, refused);
  CHECK(played > 100 && refused > 100);
}

/* ---- Memory that runs out ---------------------------------------------------------------------------------------------- */

static void check_no_memory(void) {
  size_t failures = 0;
  for (bool done = false; !done;) {
    PmtTensors* t = NULL;
    PmtNet* net = NULL;
    PmtNetState* state = NULL;
    PmtError error = {{0}};
    pmt_fail_after(failures);
    PmtStatus status = pmt_tensors_read(model_path, &t, &error);
    status = status ? status : pmt_net_new(t, VOCAB, &net, &error);
    status = status ? status : pmt_net_state_new(net, &state);
    pmt_fail_never();
    done = !status;
    const PmtStatus wanted = t ? PMT_NO_MEM : status; /* test_tensors.c looks at the reader */
    CHECKF(done || (status == wanted && !state), "allocation %zu: %s", failures, error.text);
    failures += !done;
    pmt_net_state_free(state);
    pmt_net_free(net);
    pmt_tensors_free(t);
  }
  printf("allocations that may fail: %zu\n", failures);
  CHECK(failures > 5);
}

static void count_allocation(const char* const function) {
  CHECKF(false, "%s after the setup", function);
}

/* All that an audio thread calls, from the first call on. */
static void check_no_allocation(void) {
  PmtTensors* const t = new_tensors(&odd);
  PmtNet* const net = new_net(t, VOCAB);
  PmtNetState* const state = new_state(net);
  const PmtCondition condition = some_condition(1);
  float snapshot[2 * 3 * 50];
  pmt_alloc_watch(count_allocation);
  pmt_net_condition(state, &condition);
  step(state, 1);
  pmt_net_save(state, snapshot);
  pmt_net_restore(state, snapshot);
  pmt_net_reset(state);
  pmt_alloc_watch(NULL);
  pmt_net_state_free(state);
  pmt_net_free(net);
  pmt_tensors_free(t);
}

/* A host's worker may have 64 KiB. Tests link OpenBLAS, whose 60 KiB of thread-local variables lie on each stack too. */
enum { STACK_BYTES = (64 + 60) << 10 };

static void* load_in_thread(void* const status) {
  PmtTensors* t = NULL;
  PmtNet* net = NULL;
  PmtError error = {{0}};
  PmtStatus* const result = status;
  *result = pmt_tensors_read(model_path, &t, &error);
  *result = *result ? *result : pmt_net_new(t, VOCAB, &net, &error);
  pmt_net_free(net);
  pmt_tensors_free(t);
  return NULL;
}

static void check_small_stack(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  PmtStatus status = PMT_BAD_ARG;
  pmt_tensors_free(new_tensors(&odd));
  CHECK(!pthread_attr_init(&attributes) && !pthread_attr_setstacksize(&attributes, STACK_BYTES));
  CHECK(!pthread_create(&thread, &attributes, load_in_thread, &status) && !pthread_join(thread, NULL));
  pthread_attr_destroy(&attributes);
  CHECK(status == PMT_OK);
}

int main(void) {
  char folder[64];
  const char* const tmp = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%.32s/partimento-XXXXXX", tmp ? tmp : "/tmp");
  CHECK(mkdtemp(folder));
  snprintf(model_path, sizeof model_path, "%s/x.safetensors", folder);
  for (size_t i = 0; i < sizeof hand_values / sizeof *hand_values; ++i) {
    hand_values[i] = 2.0f * pmt_random_unit(14, 0, i) - 1.0f;
  }
  check_equations(&(PmtTinyOptions){.seed = 1, .parts = 1, .d = 16, .h = 32, .layers = 2});
  check_equations(&(PmtTinyOptions){.seed = 2, .parts = 2, .d = 7, .h = 21, .layers = 3});
  check_equations(&(PmtTinyOptions){.seed = 3, .parts = 3, .d = 40, .h = 1, .layers = 1});
  check_slicing();
  check_kernels_agree();
  check_neighbours();
  check_snapshots();
  check_condition();
  check_plain_model();
  check_fading();
  check_refusals();
  check_mutations();
  check_no_allocation(); /* leaves the file that the next one reads */
  check_no_memory();
  check_small_stack();
  unlink(model_path);
  CHECK(!rmdir(folder));
  return 0;
}
