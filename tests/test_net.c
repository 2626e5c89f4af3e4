/* SPDX-License-Identifier: ISC */
/* Nets and the files they come from: neighbours on one net, conditioning, plain language models, files that must be
   refused, memory that runs out. The step of each kind is in test_net_kinds.c. */
#include "base/random.h"
#include "check.h"
#include "support/fail_alloc.h"
#include "support/net_fixture.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

enum { VOCAB = 384 };

static const PmtTinyOptions odd = {.seed = 5, .parts = 2, .d = 19, .h = 50, .layers = 3};

/* ---- Neighbours -------------------------------------------------------------------------------------------------- */

/* Two players on one net, their chunks interleaved: as if each were alone. */
static void check_neighbours(void) {
  PmtTensors* const t = pmt_fixture_tensors(&odd);
  PmtNet* const net = pmt_fixture_net(t, VOCAB);
  PmtNetState *const a = pmt_fixture_state(net), *const b = pmt_fixture_state(net), *const alone = pmt_fixture_state(net);
  for (uint64_t i = 0; i < 10; ++i) {
    float wanted_a[VOCAB], wanted_b[VOCAB];
    uint64_t spent = 0;
    pmt_net_begin(a, pmt_fixture_token(i, VOCAB), NULL);
    pmt_net_begin(b, pmt_fixture_token(100 + i, VOCAB), NULL);
    bool more = true;
    while (more) {
      const bool done = pmt_net_run(a, 1, &spent);
      more = !pmt_net_run(b, 3000, &spent) || !done;
    }
    memcpy(wanted_a, pmt_net_logits(a), sizeof wanted_a);
    memcpy(wanted_b, pmt_net_logits(b), sizeof wanted_b);
    pmt_net_reset(alone);
    for (uint64_t k = 0; k <= i; ++k) {
      pmt_fixture_step(alone, pmt_fixture_token(k, VOCAB));
    }
    CHECK(!memcmp(pmt_net_logits(alone), wanted_a, sizeof wanted_a));
    pmt_net_reset(alone);
    for (uint64_t k = 0; k <= i; ++k) {
      pmt_fixture_step(alone, pmt_fixture_token(100 + k, VOCAB));
    }
    CHECK(!memcmp(pmt_net_logits(alone), wanted_b, sizeof wanted_b));
  }
  pmt_net_state_free(a);
  pmt_net_state_free(b);
  pmt_net_state_free(alone);
  pmt_net_free(net);
  pmt_tensors_free(t);
}

/* ---- Conditioning ------------------------------------------------------------------------------------------------ */

static bool same_after(PmtNetState* const state, const PmtCondition* const x, const PmtCondition* const y) {
  float first[VOCAB];
  pmt_net_reset(state);
  pmt_net_condition(state, x);
  memcpy(first, pmt_fixture_step(state, 9), sizeof first);
  pmt_net_reset(state);
  pmt_net_condition(state, y);
  return !memcmp(first, pmt_fixture_step(state, 9), sizeof first);
}

static void check_condition(void) {
  PmtTensors* const t = pmt_fixture_tensors(&odd);
  PmtNet* const net = pmt_fixture_net(t, VOCAB);
  PmtNetState* const state = pmt_fixture_state(net);
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

/* ---- Files built by hand: absent tables, faults ------------------------------------------------------------------ */

enum { HAND_VOCAB = 8, D = 2, H = 3 };

typedef struct {
  PmtTensorOut tensor[16];
  size_t n;
  PmtMetaOut meta[8];
  size_t n_meta;
} Hand;

static float hand_values[4096];

static void hand_add(Hand* const hand, const char* const name, const uint32_t rows, const uint32_t cols) {
  const PmtTensorOut out = {name, cols ? 2 : 1, {rows, cols ? cols : 1}, hand_values + 16 * hand->n, PMT_F32};
  hand->tensor[hand->n++] = out;
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

static PmtStatus open_hand_told(const Hand* const hand, const PmtHintShape* const hints, PmtNet** const net,
                                PmtError* const error) {
  PmtTensors* t = NULL;
  CHECKF(!pmt_tensors_write(pmt_fixture_path(), hand->tensor, hand->n, hand->meta, hand->n_meta, error), "%s", error->text);
  CHECKF(!pmt_tensors_read(pmt_fixture_path(), &t, error), "%s", error->text);
  const PmtStatus status = pmt_net_new(t, HAND_VOCAB, hints, net, error);
  pmt_tensors_free(t);
  return status;
}

static PmtStatus open_hand(const Hand* const hand, PmtNet** const net, PmtError* const error) {
  return open_hand_told(hand, NULL, net, error);
}

static void refuse_told(const Hand* const hand, const PmtHintShape* const hints, const PmtStatus wanted,
                        const char* const message) {
  PmtNet* net = NULL;
  PmtError error = {{0}};
  const PmtStatus status = open_hand_told(hand, hints, &net, &error);
  CHECKF(status == wanted && !net, "%s: status %d, %s", message, status, error.text);
  CHECKF(strstr(error.text, message), "wanted \"%s\", got \"%s\"", message, error.text);
}

static void refuse(const Hand* const hand, const PmtStatus wanted, const char* const message) {
  refuse_told(hand, NULL, wanted, message);
}

static void check_plain_model(void) {
  const Hand hand = hand_model();
  PmtNet* net = NULL;
  PmtError error = {{0}};
  CHECKF(!open_hand(&hand, &net, &error), "%s", error.text);
  const PmtNetConfig* const c = pmt_net_config(net);
  CHECK(!c->styles && !c->meter && !c->key && !c->phrase && !c->density);
  PmtNetState* const state = pmt_fixture_state(net);
  const PmtCondition condition = {.style = {1.0f}, .meter = 3, .key = 3, .phrase = 3, .density = 3};
  float before[HAND_VOCAB];
  memcpy(before, pmt_fixture_step(state, 5), sizeof before);
  pmt_net_reset(state);
  pmt_net_condition(state, &condition);
  CHECK(!memcmp(before, pmt_fixture_step(state, 5), sizeof before));
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
  PmtNetState* const state = pmt_fixture_state(net);
  float snapshot[2 * H] = {0, 0, 0, 1.0f, -1.0f, 1e-12f};
  pmt_net_restore(state, snapshot);
  for (int i = 0; i < 51; ++i) {
    CHECK(snapshot[H] != 0.0f);
    pmt_fixture_step(state, 0);
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
    {1, "gru2", PMT_UNSUPPORTED, "\"arch\" is \"gru2\", need \"lstm\", \"gru\", \"rnn\""},
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

/* Hints of another shape than the caller's; and what the caller cannot mean. */
static void check_hint_refusals(void) {
  const PmtHintShape hints = {.table = {{"heard", 5}}, .n_tables = 1, .leap = {{"leap", 2, 6, 3}}, .n_leaps = 1,
                              .n_kinds = 4, .kind_first = 0, .kind_count = HAND_VOCAB, .kind_span = 4};
  static const struct {
    const char* name;
    uint32_t rows, cols;
    const char* message;
  } tensors[] = {
    {"heard.weight", 4, D, "\"heard.weight\" is [4, 2], need [5, 2]"},
    {"heard.weight", 5, H, "\"heard.weight\" is [5, 3], need [5, 2]"},
    {"out.leap.weight", 6, H, "\"out.leap.weight\" is [6, 3], need [7, 3]"},
    {"out.leap.weight", 7, D, "\"out.leap.weight\" is [7, 2], need [7, 3]"},
    {"out.kind.weight", 5, H, "\"out.kind.weight\" is [5, 3], need [4, 3]"},
    {"out.kind.weight", 4, D, "\"out.kind.weight\" is [4, 2], need [4, 3]"},
  };
  for (unsigned i = 0; i < sizeof tensors / sizeof *tensors; ++i) {
    Hand hurt = hand_model();
    hand_add(&hurt, tensors[i].name, tensors[i].rows, tensors[i].cols);
    refuse_told(&hurt, &hints, PMT_BAD_SHAPE, tensors[i].message);
    PmtNet* net = NULL;
    PmtError error = {{0}};
    CHECKF(!open_hand(&hurt, &net, &error), "%s", error.text); /* nobody tells anything: nobody looks */
    pmt_net_free(net);
  }
  const Hand hand = hand_model();
  PmtHintShape wrong[5] = {hints, hints, hints, hints, hints};
  wrong[0].leap[0].first = 3;
  wrong[1].leap[0].first = UINT32_MAX;
  wrong[2].kind_first = 1;
  wrong[3].kind_span = 0;
  wrong[4].n_tables = PMT_HINTS_MAX + 1;
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
    refuse_told(&hand, &wrong[i], PMT_BAD_ARG, "hints do not fit a vocabulary of 8");
  }
}

static void check_mutations(void) {
  const Hand hand = hand_model();
  PmtError error = {{0}};
  CHECK(!pmt_tensors_write(pmt_fixture_path(), hand.tensor, hand.n, hand.meta, hand.n_meta, &error));
  pmt_fixture_mutate(HAND_VOCAB, 20000);
}

/* ---- Memory that runs out ---------------------------------------------------------------------------------------- */

static void check_no_memory(void) {
  pmt_tensors_free(pmt_fixture_tensors(&odd));
  size_t failures = 0;
  for (bool done = false; !done;) {
    PmtTensors* t = NULL;
    PmtNet* net = NULL;
    PmtNetState* state = NULL;
    PmtError error = {{0}};
    pmt_fail_after(failures);
    PmtStatus status = pmt_tensors_read(pmt_fixture_path(), &t, &error);
    status = status ? status : pmt_net_new(t, VOCAB, NULL, &net, &error);
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

/* A host's worker may have 64 KiB. Tests link OpenBLAS, whose 60 KiB of thread-local variables lie on each stack too. */
enum { STACK_BYTES = (64 + 60) << 10 };

static void* load_in_thread(void* const status) {
  PmtTensors* t = NULL;
  PmtNet* net = NULL;
  PmtError error = {{0}};
  PmtStatus* const result = status;
  *result = pmt_tensors_read(pmt_fixture_path(), &t, &error);
  *result = *result ? *result : pmt_net_new(t, VOCAB, NULL, &net, &error);
  pmt_net_free(net);
  pmt_tensors_free(t);
  return NULL;
}

static void check_small_stack(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  PmtStatus status = PMT_BAD_ARG;
  pmt_tensors_free(pmt_fixture_tensors(&odd));
  CHECK(!pthread_attr_init(&attributes) && !pthread_attr_setstacksize(&attributes, STACK_BYTES));
  CHECK(!pthread_create(&thread, &attributes, load_in_thread, &status) && !pthread_join(thread, NULL));
  pthread_attr_destroy(&attributes);
  CHECK(status == PMT_OK);
}

int main(void) {
  for (size_t i = 0; i < sizeof hand_values / sizeof *hand_values; ++i) {
    hand_values[i] = 2.0f * pmt_random_unit(14, 0, i) - 1.0f;
  }
  check_neighbours();
  check_condition();
  check_plain_model();
  check_fading();
  check_refusals();
  check_hint_refusals();
  check_mutations();
  check_no_memory();
  check_small_stack();
  pmt_fixture_end();
  return 0;
}
