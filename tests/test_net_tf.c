/* SPDX-License-Identifier: ISC */
/* What only Transformers have: a cache that wraps, forgets and can be taken back, positions that run for days, musical
   time, attention cut into spans, and sizes that must be refused. The step itself is in test_net_kinds.c. */
#include "base/random.h"
#include "check.h"
#include "nn/net_private.h"
#include "nn/phase.h"
#include "support/fail_alloc.h"
#include "support/net_fixture.h"
#include "support/net_reference.h"

#include <math.h>
#include <string.h>

static const char* const all_pos[] = {"rope", "rope2", "sin", "alibi", "rel"};
enum { POS = sizeof all_pos / sizeof *all_pos, VOCAB = 256 };

static PmtTinyOptions small(const char* const pos) {
  return (PmtTinyOptions){
    .seed = 3, .arch = "tf", .pos = pos, .parts = 1, .d = 16, .layers = 2, .heads = 2, .ff = 24, .window = 24, .rel = 9};
}

static void feed(PmtNetState* const state, const uint64_t from, const uint64_t to) {
  for (uint64_t i = from; i < to; ++i) {
    pmt_fixture_step(state, pmt_fixture_token(i, VOCAB));
  }
}

static bool same_logits(const PmtNetState* const a, const PmtNetState* const b) {
  return !memcmp(a->logits, b->logits, VOCAB * sizeof *a->logits);
}

/* Worst error of `logits`, relative to the largest. */
static double error_of(const float* const logits, const double* const wanted) {
  double worst = 0.0, largest = 0.0;
  for (uint32_t i = 0; i < VOCAB; ++i) {
    worst = fmax(worst, fabs((double)logits[i] - wanted[i]));
    largest = fmax(largest, fabs(wanted[i]));
  }
  return worst / largest;
}

/* ---- The ring ---------------------------------------------------------------------------------------------------- */

/* Around and on: as if only the last tokens had ever been there. */
static void check_wrapping(const char* const pos) {
  PmtTinyOptions o = small(pos);
  PmtTensors* const t = pmt_fixture_tensors(&o);
  PmtNet* const net = pmt_fixture_net(t, VOCAB);
  const uint32_t steps = net->tf.entries + 600;
  PmtReference* const reference = pmt_reference_new(t, &o, steps);
  PmtNetState* const state = pmt_fixture_state(net);
  double worst = 0.0;
  for (uint32_t i = 0; i < steps; ++i) {
    const uint32_t token = pmt_fixture_token(i, VOCAB);
    const float* const logits = pmt_fixture_step(state, token);
    worst = fmax(worst, error_of(logits, pmt_reference_step(reference, token)));
  }
  CHECK(net->tf.entries >= o.window + PMT_REWIND_USUAL - o.window / 2);
  printf("%-5s %u tokens through a cache of %u: worst error %.1e\n", pos, steps, net->tf.entries, worst);
  CHECK(worst < 1e-5);
  pmt_net_state_free(state);
  pmt_net_free(net);
  pmt_reference_free(reference);
  pmt_tensors_free(t);
}

/* Long windows, in which a head's attention takes several chunks. */
static void check_spans(const char* const pos, const uint32_t heads) {
  PmtTinyOptions o = {.seed = 4, .arch = "tf", .pos = pos, .parts = 1, .d = 64, .layers = 1, .heads = heads, .ff = 16,
                      .window = 1150, .rel = 1100};
  PmtTensors* const t = pmt_fixture_tensors(&o);
  PmtReference* const reference = pmt_reference_new(t, &o, 1300);
  PmtNet* const net = pmt_fixture_net(t, VOCAB);
  for (uint32_t i = 0; i < net->tf.block[0].qkv.panels * PMT_PANEL * o.d; ++i) {
    net->tf.block[0].qkv.w[i] *= 9.0f; /* attention looks hard at few tokens: the greatest score matters */
  }
  pmt_reference_sharpen(reference, 9.0);
  PmtNetState *const state = pmt_fixture_state(net), *const sliced = pmt_fixture_state(net);
  double worst = 0.0;
  uint64_t most = 0;
  for (uint32_t i = 0; i < 1300; ++i) {
    const uint32_t token = pmt_fixture_token(i, VOCAB);
    const float* const logits = pmt_fixture_step(state, token);
    const double* const wanted = pmt_reference_step(reference, token);
    uint64_t spent = 0;
    pmt_net_begin(sliced, token, NULL);
    while (!pmt_net_run(sliced, 1 + pmt_random_bits(5, i, spent) % 60000, &spent)) {}
    CHECK(same_logits(state, sliced));
    most = spent > most ? spent : most;
    worst = i % 50 ? worst : fmax(worst, error_of(logits, wanted));
  }
  printf("%-5s window %u, %u heads: worst error %.1e, %.2f M of at most %.2f M multiply-adds\n", pos, o.window, heads,
         worst, 1e-6 * (double)most, 1e-6 * (double)pmt_net_step_cost(net));
  CHECK(worst < 1e-4 && most <= pmt_net_step_cost(net) && 10 * most > 9 * pmt_net_step_cost(net));
  pmt_net_state_free(state);
  pmt_net_state_free(sliced);
  pmt_net_free(net);
  pmt_reference_free(reference);
  pmt_tensors_free(t);
}

/* ---- Going back -------------------------------------------------------------------------------------------------- */

enum { SNAPSHOT_MAX = 16 };

typedef struct { float at[SNAPSHOT_MAX]; } Snapshot;

static Snapshot save(const PmtNetState* const state) {
  Snapshot s;
  CHECK(pmt_net_snapshot_floats(state->net) <= SNAPSHOT_MAX);
  pmt_net_save(state, s.at);
  return s;
}

static void check_going_back(const char* const pos) {
  const PmtTinyOptions o = small(pos);
  PmtNet* const net = pmt_fixture_tiny(&o);
  PmtNetState *const state = pmt_fixture_state(net), *const plain = pmt_fixture_state(net);
  feed(state, 0, 100);
  const Snapshot at_100 = save(state);
  feed(state, 100, 150);
  const Snapshot at_150 = save(state);
  feed(state, 150, 700);
  const Snapshot at_700 = save(state);
  CHECK(pmt_net_restore(state, at_100.at) && pmt_net_restore(state, at_700.at)); /* there and back */
  CHECK(pmt_net_restore(state, at_100.at));
  feed(state, 100, 120); /* the same again: what came after is still true */
  CHECK(pmt_net_restore(state, at_700.at));
  feed(state, 700, 701);
  feed(plain, 0, 701);
  CHECK(same_logits(state, plain));

  CHECK(pmt_net_restore(state, at_100.at)); /* a reset begins elsewhere: it cuts nothing */
  pmt_net_reset(state);
  feed(state, 2000, 2060);
  CHECK(pmt_net_restore(state, at_700.at));
  feed(state, 700, 701);
  CHECK(same_logits(state, plain));

  CHECK(pmt_net_restore(state, at_100.at));
  feed(state, 1000, 1001); /* another token: the line is cut there */
  CHECK(!pmt_net_restore(state, at_150.at) && !pmt_net_restore(state, at_700.at));
  feed(state, 1001, 1500); /* a refusal leaves the state as it was */
  pmt_net_reset(plain);
  feed(plain, 0, 100);
  feed(plain, 1000, 1500);
  CHECK(same_logits(state, plain));
  CHECK(!pmt_net_restore(state, at_150.at)); /* the place is taken again, by another history */
  CHECK(pmt_net_restore(state, at_100.at));

  pmt_net_reset(state); /* nor does what a cut line leaves behind pass for a history */
  feed(state, 0, 26);
  const Snapshot at_26 = save(state);
  feed(state, 26, 30);
  const Snapshot at_30 = save(state);
  CHECK(pmt_net_restore(state, at_26.at));
  feed(state, 1000, 1001);
  pmt_net_reset(state);
  CHECK(!pmt_net_restore(state, at_30.at) && pmt_net_restore(state, at_26.at));
  CHECK(pmt_net_restore(state, at_100.at));

  uint64_t spent = 0; /* the same tokens under another u are another history, from the first one on */
  feed(state, 100, 160);
  const Snapshot at_160 = save(state);
  CHECK(pmt_net_restore(state, at_100.at));
  const PmtCondition condition = pmt_fixture_condition(1);
  pmt_net_condition(state, &condition);
  pmt_net_begin(state, pmt_fixture_token(100, VOCAB), NULL);
  pmt_net_run(state, 1, &spent); /* begun is enough: it writes */
  CHECK(!pmt_net_restore(state, at_160.at) && !pmt_net_run(state, 1, &spent)); /* and is not given up by a refusal */
  pmt_net_state_free(state);
  pmt_net_state_free(plain);
  pmt_net_free(net);
}

/* How far back it goes is what the cache holds beside a window, and a reset in between does not matter. */
static void check_reach(const char* const pos) {
  const PmtTinyOptions o = small(pos);
  PmtNet* const net = pmt_fixture_tiny(&o);
  PmtNetState *const state = pmt_fixture_state(net), *const plain = pmt_fixture_state(net);
  const uint32_t reach = net->tf.entries - o.window - (net->tf.segment ? o.window / 2 : 0);
  for (uint32_t reset = 0; reset < 2; ++reset) {
    feed(state, 0, 77);
    const Snapshot early = save(state);
    feed(state, 77, 200);
    if (reset) {
      pmt_net_reset(state);
      const Snapshot empty = save(state);
      CHECK(pmt_net_restore(state, empty.at));
    }
    feed(state, 200, reach);
    CHECK(pmt_net_restore(state, early.at));
    feed(state, 77, 90);
    pmt_net_reset(plain);
    feed(plain, 0, 90);
    CHECK(same_logits(state, plain));
    feed(state, 90, 90 + net->tf.entries);
    CHECK(!pmt_net_restore(state, early.at));
    pmt_net_reset(state);
    feed(state, 0, 40);
    pmt_net_reset(plain);
    feed(plain, 0, 40);
    CHECK(same_logits(state, plain));
    pmt_net_reset(state);
  }
  PmtNetState* const other = pmt_fixture_state(net); /* a snapshot is of one state */
  feed(state, 0, 10);
  const Snapshot foreign = save(state);
  CHECK(!pmt_net_restore(other, foreign.at));
  pmt_net_state_free(other);
  pmt_net_state_free(state);
  pmt_net_state_free(plain);
  pmt_net_free(net);
}

/* To the token: while all that a snapshot's next token reads is there. */
static void check_edge(const char* const pos) {
  const PmtTinyOptions o = small(pos);
  PmtNet* const net = pmt_fixture_tiny(&o);
  PmtNetState* const state = pmt_fixture_state(net);
  const uint32_t oldest = net->tf.segment ? 84 : 77; /* of 100 with a window of 24: its segment's first, or its 24th */
  feed(state, 0, 100);
  const Snapshot at_100 = save(state);
  feed(state, 100, oldest + net->tf.entries);
  const Snapshot last = save(state);
  CHECK(pmt_net_restore(state, at_100.at) && pmt_net_restore(state, last.at));
  pmt_net_begin(state, 1, NULL);
  CHECK(!pmt_net_restore(state, at_100.at) && pmt_net_restore(state, last.at));
  pmt_net_state_free(state);
  pmt_net_free(net);
}

/* What is kept can be had again after the cache has long forgotten it, however the copying is cut or given up. */
static void check_keeping(const char* const pos, const uint64_t length) {
  const PmtTinyOptions o = small(pos);
  PmtNet* const net = pmt_fixture_tiny(&o);
  PmtNetState *const state = pmt_fixture_state(net), *const plain = pmt_fixture_state(net);
  const PmtCondition condition = pmt_fixture_condition(5);
  pmt_net_condition(state, &condition);
  pmt_net_condition(plain, &condition);
  feed(state, 0, length);
  feed(plain, 0, length + 120);
  CHECK(!pmt_net_keep(state));
  const Snapshot start = save(state);
  feed(state, 5000, 5001);
  const Snapshot elsewhere = save(state);
  for (uint64_t round = 0; round < 3; ++round) {
    feed(state, 6000, 6000 + net->tf.entries + 7 * round);
    CHECK(!pmt_net_restore(state, elsewhere.at) && pmt_net_restore(state, start.at));
    uint64_t spent = 0;
    pmt_net_begin(state, 3, NULL); /* given up half way, and begun again */
    CHECK(!pmt_net_run(state, round * pmt_net_step_cost(net) / 8, &spent));
    CHECK(!pmt_net_restore(state, elsewhere.at));
    CHECK(round % 2 || pmt_net_restore(state, start.at));
    CHECK(!pmt_net_keep(state));
    pmt_net_begin(state, pmt_fixture_token(length, VOCAB), NULL);
    for (uint64_t cut = 0; !pmt_net_run(state, 1 + pmt_random_bits(3, round, cut) % 5000, &spent); ++cut) {}
    const Snapshot after = save(state);
    feed(state, length + 1, length + 120);
    CHECKF(same_logits(state, plain), "%s, %u tokens, round %u", pos, (unsigned)length, (unsigned)round);
    CHECK(pmt_net_restore(state, after.at)); /* the line goes on as any other */
    feed(state, length + 1, length + 120);
    CHECK(same_logits(state, plain));
    CHECK(pmt_net_restore(state, start.at)); /* still in the cache: nothing to copy */
    spent = 0;
    pmt_net_begin(state, pmt_fixture_token(length, VOCAB), NULL);
    CHECK(pmt_net_run(state, UINT64_MAX, &spent) && spent <= pmt_net_step_cost(net));
    feed(state, length + 1, length + 120);
    CHECK(same_logits(state, plain));
  }
  pmt_fail_after(0); /* what was kept still is */
  const PmtStatus status = pmt_net_keep(state);
  pmt_fail_never();
  CHECK(status == PMT_NO_MEM);
  feed(state, 6000, 6000 + net->tf.entries);
  CHECK(pmt_net_restore(state, start.at));
  feed(state, length, length + 120);
  CHECK(same_logits(state, plain));
  pmt_net_state_free(state);
  pmt_net_state_free(plain);
  pmt_net_free(net);
}

/* Back and forth at random, beside a state that is fed each history from its beginning. */
static void check_random_walk(const char* const pos) {
  enum { SNAPSHOTS = 12, LONGEST = 250 };
  PmtTinyOptions o = small(pos);
  o.layers = 1;
  PmtNet* const net = pmt_fixture_tiny(&o);
  PmtNetState *const state = pmt_fixture_state(net), *const plain = pmt_fixture_state(net);
  static uint32_t history[SNAPSHOTS + 2][LONGEST]; /* of the snapshots, of the state, of what is kept */
  uint32_t length[SNAPSHOTS + 2] = {0}, refused = 0, taken = 0;
  Snapshot kept[SNAPSHOTS], keeps = {{0}};
  bool known[SNAPSHOTS] = {false};
  for (uint64_t round = 0; round < 600; ++round) {
    const uint64_t draw = pmt_random_bits(9, round, 0);
    const uint32_t which = (uint32_t)(draw % SNAPSHOTS), n = (uint32_t)(draw >> 20) % 30;
    uint32_t *const now = history[SNAPSHOTS], *const now_n = &length[SNAPSHOTS];
    if ((draw >> 8) % 64 == 3) {
      CHECK(!pmt_net_keep(state));
      keeps = save(state);
      memcpy(history[SNAPSHOTS + 1], now, sizeof history[0]);
      length[SNAPSHOTS + 1] = *now_n;
    }
    if ((draw >> 8) % 16 == 7 && length[SNAPSHOTS + 1]) {
      CHECK(pmt_net_restore(state, keeps.at));
      memcpy(now, history[SNAPSHOTS + 1], sizeof history[0]);
      *now_n = length[SNAPSHOTS + 1];
    } else if ((draw >> 8) % 4 == 0 && known[which]) {
      if (pmt_net_restore(state, kept[which].at)) {
        memcpy(now, history[which], sizeof history[which]);
        *now_n = length[which];
        ++taken;
      } else {
        ++refused;
      }
    } else if ((draw >> 8) % 4 == 1) {
      kept[which] = save(state);
      memcpy(history[which], now, sizeof history[which]);
      length[which] = *now_n;
      known[which] = true;
    } else if ((draw >> 8) % 40 == 2 || *now_n + n > LONGEST) {
      pmt_net_reset(state);
      *now_n = 0;
    }
    for (uint32_t i = 0; i < n && *now_n < LONGEST; ++i, ++*now_n) {
      const uint32_t variant = (draw >> 40) % 3; /* often the same continuation again */
      now[*now_n] = pmt_fixture_token(1000 * variant + *now_n, VOCAB);
      pmt_fixture_step(state, now[*now_n]);
    }
    if (round % 5 == 0 && *now_n) {
      pmt_net_reset(plain);
      for (uint32_t i = 0; i < *now_n; ++i) {
        pmt_fixture_step(plain, now[i]);
      }
      pmt_fixture_step(plain, 7);
      const Snapshot before = save(state);
      pmt_fixture_step(state, 7);
      CHECKF(same_logits(state, plain), "%s, round %u", pos, (unsigned)round);
      CHECK(pmt_net_restore(state, before.at));
    }
  }
  CHECK(taken > 30 && refused > 10);
  pmt_net_state_free(state);
  pmt_net_state_free(plain);
  pmt_net_free(net);
}

/* ---- Positions --------------------------------------------------------------------------------------------------- */

static void check_phases(void) {
  double worst = 0.0, drift = 0.0;
  for (uint64_t i = 0; i < 200000; ++i) {
    const uint64_t phase = i < 64 ? i << 58 : pmt_random_bits(1, i, 0);
    const double angle = 2.0 * M_PI * (double)phase * 0x1p-64;
    float sine = 0.0f, cosine = 0.0f;
    pmt_phase_rotation(phase, &sine, &cosine);
    worst = fmax(worst, fmax(fabs((double)sine - sin(angle)), fabs((double)cosine - cos(angle))));
  }
  for (uint64_t i = 0; i < 1000; ++i) { /* between neighbours, after 10^9 tokens and more than anybody will hear */
    const uint64_t turn = pmt_phase_turn(pow(10000.0, -(double)i / 1000.0) / (2.0 * M_PI));
    const uint64_t counts[] = {0, 1000000000, 1000000000000000};
    for (unsigned k = 0; k < 3; ++k) {
      float s[2], c[2];
      pmt_phase_rotation(counts[k] * turn, &s[0], &c[0]);
      pmt_phase_rotation((counts[k] + 1) * turn, &s[1], &c[1]);
      const double between = atan2((double)s[1] * (double)c[0] - (double)c[1] * (double)s[0],
                                   (double)c[1] * (double)c[0] + (double)s[1] * (double)s[0]);
      drift = fmax(drift, fabs(between - pow(10000.0, -(double)i / 1000.0)));
    }
  }
  printf("rotations: worst error %.1e, worst angle between neighbours %.1e\n", worst, drift);
  CHECK(worst < 3.1e-8 && drift < 2e-7); /* half a unit in the last place below 1 is 3.0e-8 */
}

/* After days the same music, to rounding; and the very same where positions are relative by construction. */
static void check_days(const char* const pos) {
  const PmtTinyOptions o = small(pos);
  PmtNet* const net = pmt_fixture_tiny(&o);
  PmtNetState *const young = pmt_fixture_state(net), *const old = pmt_fixture_state(net);
  static const uint64_t ages[] = {1000000000, 1ull << 52};
  for (unsigned k = 0; k < 2; ++k) {
    pmt_net_reset(young);
    pmt_net_tf_reset_at(old, ages[k], ages[k] / 5);
    double worst = 0.0;
    for (uint64_t i = 0; i < 200; ++i) {
      double wanted[VOCAB];
      const float* const logits = pmt_fixture_step(young, pmt_fixture_token(i, VOCAB));
      for (uint32_t v = 0; v < VOCAB; ++v) {
        wanted[v] = (double)logits[v];
      }
      worst = fmax(worst, error_of(pmt_fixture_step(old, pmt_fixture_token(i, VOCAB)), wanted));
    }
    CHECKF(worst < 2e-6, "%s at %llu: %.1e", pos, (unsigned long long)ages[k], worst);
    CHECK(pos[0] == 'r' && pos[1] == 'o' ? worst > 0.0 : worst == 0.0); /* rope does turn by the count */
  }
  pmt_net_state_free(young);
  pmt_net_state_free(old);
  pmt_net_free(net);
}

/* Slots are counted by the tokens that advance them, and by nothing else. */
static void check_musical_time(void) {
  const PmtTinyOptions o = small("rope2");
  PmtTensors* const t = pmt_fixture_tensors(&o);
  PmtNet* const net = pmt_fixture_net(t, VOCAB);
  CHECK(pmt_net_config(net)->tick_first == 4 && pmt_net_config(net)->tick_last == 27);
  static const uint32_t ranges[][2] = {{4, 27}, {0, 255}, {100, 99}};
  float first[VOCAB];
  for (unsigned k = 0; k < 3; ++k) {
    PmtReference* const reference = pmt_reference_new(t, &o, 60);
    pmt_reference_ticks(reference, ranges[k][0], ranges[k][1]);
    pmt_net_set_ticks(net, ranges[k][0], ranges[k][1]);
    PmtNetState* const state = pmt_fixture_state(net);
    for (uint64_t i = 0; i < 60; ++i) {
      const uint32_t token = pmt_fixture_token(i, VOCAB);
      const float* const logits = pmt_fixture_step(state, token);
      CHECK(error_of(logits, pmt_reference_step(reference, token)) < 1e-5);
    }
    CHECK(!k || memcmp(first, state->logits, sizeof first));
    memcpy(first, state->logits, sizeof first);
    pmt_net_state_free(state);
    pmt_reference_free(reference);
  }
  pmt_net_free(net);
  pmt_tensors_free(t);
}

/* ---- Work -------------------------------------------------------------------------------------------------------- */

/* What a step costs depends on how many tokens there were and on nothing else. */
static void check_costs(const char* const pos) {
  const PmtTinyOptions o = small(pos);
  PmtNet* const net = pmt_fixture_tiny(&o);
  PmtNetState *const a = pmt_fixture_state(net), *const b = pmt_fixture_state(net);
  uint64_t most = 0, least = UINT64_MAX;
  for (uint64_t i = 0; i < 400; ++i) {
    uint64_t cost[2] = {0, 0};
    pmt_net_begin(a, pmt_fixture_token(i, VOCAB), NULL);
    pmt_net_begin(b, pmt_fixture_token(500 + i, VOCAB), NULL);
    CHECK(pmt_net_run(a, UINT64_MAX, &cost[0]));
    while (!pmt_net_run(b, 1, &cost[1])) {}
    CHECK(cost[0] == cost[1]);
    most = cost[0] > most ? cost[0] : most;
    least = cost[0] < least ? cost[0] : least;
  }
  CHECK(most == pmt_net_step_cost(net) && (least < most || o.window < 64));
  pmt_net_state_free(a);
  pmt_net_state_free(b);
  pmt_net_free(net);
}

/* The largest nets there may be are still cut small. */
static void check_largest_chunk(void) {
  const PmtTinyOptions widest = {.seed = 1, .arch = "tf", .pos = "rel", .parts = 1, .d = PMT_TF_DIM_MAX, .layers = 1,
                                 .heads = 8, .ff = PMT_FF_MAX, .window = 1500};
  const PmtTinyOptions longest = {.seed = 1, .arch = "tf", .pos = "rel", .parts = 1, .d = 128, .layers = 1, .heads = 1,
                                  .ff = 8, .window = PMT_WINDOW_MAX};
  PmtNet *const wide = pmt_fixture_tiny(&widest), *const far = pmt_fixture_tiny(&longest);
  CHECK(pmt_net_chunk_cost_max(wide) < 150000 && pmt_net_chunk_cost_max(far) < 150000);
  CHECK(pmt_net_state_bytes(wide) < PMT_CACHE_USUAL + (1u << 20) && pmt_net_state_bytes(far) < PMT_CACHE_USUAL);
  pmt_net_free(wide);
  pmt_net_free(far);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static void refuse(const PmtTinyOptions* const o, const PmtStatus wanted, const char* const message) {
  PmtTensors* const t = pmt_fixture_tensors(o);
  PmtNet* net = NULL;
  PmtError error = {{0}};
  const PmtStatus status = pmt_net_new(t, VOCAB, NULL, &net, &error);
  CHECKF(status == wanted && !net, "%s: status %d, %s", message, (int)status, error.text);
  CHECKF(strstr(error.text, message) && !strchr(error.text, '\n'), "wanted \"%s\", got \"%s\"", message, error.text);
  pmt_tensors_free(t);
}

/* With one metadata entry replaced, or removed. */
static void refuse_meta(const char* const pos, const char* const key, const char* const value, const PmtStatus wanted,
                        const char* const message) {
  const PmtMetaOut meta = {key, value};
  PmtTinyOptions o = small(pos);
  o.meta = &meta;
  o.n_meta = 1;
  refuse(&o, wanted, message);
}

static void check_refusals(void) {
  refuse_meta("rope", "heads", "3", PMT_BAD_SHAPE, "\"heads\" is 3, which does not divide d, 16");
  refuse_meta("rope", "heads", "16", PMT_BAD_SHAPE, "must be a multiple of 2");
  refuse_meta("rope2", "heads", "8", PMT_BAD_SHAPE, "must be a multiple of 4");
  refuse_meta("rope", "heads", "0", PMT_BAD_FILE, "\"heads\": 0 is not in 1..32");
  refuse_meta("rope", "heads", "33", PMT_BAD_FILE, "not in 1..32");
  refuse_meta("rope", "ff", "2049", PMT_BAD_FILE, "not in 1..2048");
  refuse_meta("rope", "ff", "25", PMT_BAD_SHAPE, "\"blk.0.f1.weight\" is [24, 16], need [25, 16]");
  refuse_meta("rope", "window", "1", PMT_BAD_FILE, "not in 2..8192");
  refuse_meta("rope", "window", "8193", PMT_BAD_FILE, "not in 2..8192");
  refuse_meta("sin", "window", "25", PMT_BAD_SHAPE, "must be a multiple of 2");
  refuse_meta("rel", "window", "8", PMT_BAD_SHAPE, "told apart up to 9");
  refuse_meta("rope", "layers", "13", PMT_BAD_FILE, "not in 1..12");
  refuse_meta("rope", "layers", "3", PMT_BAD_SHAPE, "\"blk.2.qkv.weight\" is missing");
  refuse_meta("rope", "layers", "1", PMT_BAD_SHAPE, "\"layers\" is 1, but there is a tensor \"blk.1.qkv.weight\"");
  refuse_meta("rope", "d", "1025", PMT_BAD_FILE, "not in 1..1024");
  refuse_meta("rope", "d", "20", PMT_BAD_SHAPE, "\"emb.weight\" is [256, 16], need [256, 20]");
  refuse_meta("rope", "pos", "absolute", PMT_UNSUPPORTED, "need \"rope\", \"rope2\", \"sin\", \"alibi\", \"rel\"");
  refuse_meta("rope", "pos", "rel", PMT_BAD_SHAPE, "\"blk.0.rel.weight\" is missing");
  refuse_meta("rel", "pos", "alibi", PMT_BAD_SHAPE, "\"pos\" is not \"rel\", but there is a tensor \"blk.0.rel.weight\"");
  refuse_meta("rope", "arch", "lstm", PMT_BAD_FILE, "\"h\" is missing");
  static const char* const keys[] = {"d", "layers", "heads", "ff", "window", "pos"};
  for (unsigned i = 0; i < sizeof keys / sizeof *keys; ++i) {
    refuse_meta("rope", keys[i], NULL, PMT_BAD_FILE, "is missing");
  }
  PmtTinyOptions wide_heads = small("alibi");
  wide_heads.d = 129;
  wide_heads.heads = 1;
  refuse(&wide_heads, PMT_BAD_SHAPE, "wider than 128");
  PmtTinyOptions odd = small("sin");
  odd.d = 17;
  odd.heads = 1;
  refuse(&odd, PMT_BAD_SHAPE, "\"d\" is 17");
  PmtTinyOptions greedy = small("rope"); /* 12 layers of 256 numbers, twice, for 8192 tokens: 200 MB */
  greedy.d = 256;
  greedy.layers = 12;
  greedy.window = 8192;
  refuse(&greedy, PMT_BAD_SHAPE, "\"window\" is 8192, its keys and values need more MiB than 64");
}

/* Every tensor of a file is needed, and needed in its shape. */
static void check_tensors(const char* const pos) {
  const PmtTinyOptions o = small(pos);
  PmtTensors* const t = pmt_fixture_tensors(&o);
  PmtMetaOut meta[64];
  size_t n_meta = 0;
  while (pmt_tensors_meta_at(t, n_meta, &meta[n_meta].key, &meta[n_meta].value)) {
    ++n_meta;
  }
  PmtTensorOut out[64];
  const size_t n = pmt_tensors_count(t);
  CHECK(n <= 64);
  for (size_t i = 0; i < n; ++i) {
    const PmtTensor* const tensor = pmt_tensors_at(t, i);
    float* const values = malloc(tensor->size);
    CHECK(values && tensor->dtype == PMT_F32);
    memcpy(values, tensor->data, tensor->size);
    out[i] = (PmtTensorOut){tensor->name, tensor->rank, {tensor->shape[0], tensor->shape[1]}, values, PMT_F32};
  }
  for (size_t i = 0; i < 2 * n; ++i) {
    const PmtTensorOut whole = out[i / 2];
    PmtError error = {{0}};
    PmtTensors* hurt = NULL;
    PmtNet* net = NULL;
    if (i % 2) {
      --out[i / 2].shape[0];
    } else {
      out[i / 2].name = "elsewhere";
    }
    CHECK(!pmt_tensors_write(pmt_fixture_path(), out, n, meta, n_meta, &error));
    CHECK(!pmt_tensors_read(pmt_fixture_path(), &hurt, &error));
    const bool table = strstr("style.weight meter.weight key.weight phrase.weight density.weight", whole.name);
    const PmtStatus status = pmt_net_new(hurt, VOCAB, NULL, &net, &error);
    const bool shorter_rel = i % 2 && !strcmp(whole.name, "blk.0.rel.weight"); /* then the other block's is too long */
    CHECKF(status == (table && (i % 2 == 0 || whole.name[0] == 's') ? PMT_OK : PMT_BAD_SHAPE), "%s: %s", whole.name,
           error.text);
    CHECK(!status || shorter_rel || strstr(error.text, whole.name));
    pmt_net_free(net);
    pmt_tensors_free(hurt);
    out[i / 2] = whole;
  }
  for (size_t i = 0; i < n; ++i) {
    free((void*)(uintptr_t)out[i].data);
  }
  pmt_tensors_free(t);
}

static void check_mutations(void) {
  const PmtMetaOut meta[] = {{"title", NULL}, {"data_sources", NULL}, {"license", NULL}, {"data_license", NULL},
                             {"author", NULL}, {"trained_with", NULL}, {"part_names", NULL}, {"programs", NULL}};
  PmtTinyOptions o = {.seed = 3, .arch = "tf", .pos = "rel", .parts = 1, .d = 8, .layers = 1, .ff = 9, .window = 16};
  o.meta = meta;
  o.n_meta = sizeof meta / sizeof *meta;
  pmt_tensors_free(pmt_fixture_tensors(&o));
  pmt_fixture_mutate(VOCAB, 3000);
}

/* Weights as large as floats go: nothing that is kept becomes NaN or infinite. */
static void check_absurd_weights(const char* const pos) {
  const PmtTinyOptions o = small(pos);
  PmtNet* const net = pmt_fixture_tiny(&o);
  for (uint32_t l = 0; l < o.layers; ++l) {
    const PmtTfBlock* const block = &net->tf.block[l];
    for (uint32_t i = 0; i < PMT_PANEL * 16; ++i) {
      block->qkv.w[i] *= 1e38f;
      block->o.w[i] *= 1e38f;
      block->f1.w[i] *= 1e38f;
    }
  }
  PmtNetState* const state = pmt_fixture_state(net);
  for (uint64_t i = 0; i < 60; ++i) {
    const float* const logits = pmt_fixture_step(state, pmt_fixture_token(i, VOCAB));
    for (uint32_t v = 0; v < VOCAB; ++v) {
      CHECK(isfinite(logits[v]));
    }
  }
  pmt_net_state_free(state);
  pmt_net_free(net);
}

int main(void) {
  check_phases();
  for (unsigned i = 0; i < POS; ++i) {
    check_wrapping(all_pos[i]);
    check_going_back(all_pos[i]);
    check_reach(all_pos[i]);
    check_edge(all_pos[i]);
    check_keeping(all_pos[i], 24);
    check_keeping(all_pos[i], 101);
    check_random_walk(all_pos[i]);
    check_days(all_pos[i]);
    check_costs(all_pos[i]);
    check_tensors(all_pos[i]);
    check_absurd_weights(all_pos[i]);
  }
  check_spans("rope", 1);
  check_spans("rel", 1);
  check_spans("alibi", 4);
  check_musical_time();
  check_largest_chunk();
  check_refusals();
  check_mutations();
  pmt_fixture_end();
  return 0;
}
