/* SPDX-License-Identifier: ISC */
/* One step of every kind of net, as the plugin runs it, with a full window; the widest kernels, one thread.

   "limit" is the time in which a bare loop of additions reads as many bytes as the step has to: weights, and the keys and
   values of the window; in the same process, turn about. Its ratio to the step compares the best tenth of both, which
   leaves out most of what the neighbours did. "evicted": 4 MiB of other memory were touched between steps, as a host's
   other plugins would.

   Then two of them with and without hints, turn about; what a listener takes to hear a token is part of the step.

     bench_arch hints                  these two alone
     bench_arch MODEL.safetensors      one step of this net, hints and all, as far as its tensors tell what it is told
     bench_arch --fp32 MODEL           the same, and turn about with its matrices of 16 bits widened to 32 at load */
#include "measure.h"

#include "base/random.h"
#include "music/listener.h"
#include "nn/kernel.h"
#include "nn/net.h"

#include <string.h>

enum { ROUNDS = 40, BURST = 5, VOCAB = 640 };

static const PmtTinyOptions tf_m = {.seed = 1, .arch = "tf", .d = 192, .layers = 4, .heads = 6, .ff = 768, .window = 512};
static const PmtTinyOptions tf_l = {.seed = 1, .arch = "tf", .d = 256, .layers = 6, .heads = 8, .ff = 1024, .window = 1024};

static PmtNet* new_net(const PmtTinyOptions* const options, const PmtHintShape* const hints) {
  PmtError error = {{0}};
  PmtTensors* const tensors = bench_tensors(options);
  PmtNet* net = NULL;
  CHECKF(!pmt_net_new(tensors, VOCAB, hints, &net, &error), "%s", error.text);
  pmt_tensors_free(tensors);
  return net;
}

static double now_us(void) { return 1e6 * bench_thread_seconds(); }

static double time_told(PmtNetState* const state, const uint32_t token, const PmtHints* const hints) {
  const double begin = now_us();
  uint64_t spent = 0;
  pmt_net_begin(state, token, hints);
  pmt_net_run(state, UINT64_MAX, &spent);
  return now_us() - begin;
}

static double time_step(PmtNetState* const state, const uint32_t token) {
  return time_told(state, token, NULL);
}

/* Eight chains of additions over `n` floats. */
static double time_reading(const float* const values, const size_t n) {
  typedef float Vec __attribute__((vector_size(16), aligned(4)));
  volatile float sink = 0.0f;
  const double begin = now_us();
  Vec sum[8] = {{0}};
  for (size_t i = 0; i + 32 <= n; i += 32) {
    for (int k = 0; k < 8; ++k) {
      sum[k] += *(const Vec*)(values + i + 4 * k);
    }
  }
  Vec all = {0};
  for (int k = 0; k < 8; ++k) {
    all += sum[k];
  }
  sink = all[0] + all[3];
  return now_us() - begin + 0.0 * (double)sink;
}

/* Floats that a step must read. With `sin`, on the average of its positions, both passes together read a window. */
static double floats_read(const PmtTinyOptions* const o) {
  const double d = o->d, h = o->h, ff = o->ff, n = o->layers;
  if (strcmp(o->arch, "tf")) {
    const double gates = !strcmp(o->arch, "lstm") ? 4 : !strcmp(o->arch, "gru") ? 3 : 1;
    return gates * h * h * (2 * n - 1) + VOCAB * h;
  }
  const double block = 4 * d * d + 2 * d * ff, window = n * 2 * d * o->window;
  const double rel = strcmp(o->pos, "rel") ? 0.0 : n * d * o->window;
  return n * block + VOCAB * d + window + rel;
}

static void bench(const char* const name, const PmtTinyOptions* const options, unsigned char* const other) {
  PmtNet* const net = new_net(options, NULL);
  PmtNetState* state = NULL;
  CHECK(!pmt_net_state_new(net, &state));
  double warm[ROUNDS * BURST], evicted[ROUNDS], limit[ROUNDS * BURST];
  for (uint32_t i = 0; i < 2 * options->window; ++i) {
    time_step(state, i % VOCAB);
  }
  const size_t n = (size_t)floats_read(options);
  float* const values = aligned_alloc(64, n * sizeof *values / 64 * 64 + 64);
  CHECK(values);
  memset(values, 0, n * sizeof *values);
  for (uint32_t round = 0; round < ROUNDS; ++round) {
    time_step(state, round);
    for (uint32_t i = 0; i < BURST; ++i) {
      warm[round * BURST + i] = time_step(state, round + 7 * i);
    }
    time_reading(values, n);
    for (uint32_t i = 0; i < BURST; ++i) {
      limit[round * BURST + i] = time_reading(values, n);
    }
    bench_evict(other);
    evicted[round] = time_step(state, round);
  }
  const double best = bench_quantile(warm, ROUNDS * BURST, 0.1), least = bench_quantile(limit, ROUNDS * BURST, 0.1);
  printf("  %-37s %6.2f %8.1f %8.1f %8.1f %8.1f %6.2f %8.1f %7.1f\n", name, 1e-6 * (double)n, best,
         bench_quantile(warm, ROUNDS * BURST, 0.5), bench_quantile(evicted, ROUNDS, 0.5), least, best / least,
         1e-6 * (double)pmt_net_bytes(net), 1e-6 * (double)pmt_net_state_bytes(net));
  free(values);
  pmt_net_state_free(state);
  pmt_net_free(net);
}

/* ---- Hints ------------------------------------------------------------------------------------------------------- */

/* Slots of a bar, in each four notes with their durations, as a chorale has them. */
static PmtToken music_token(const uint32_t i) {
  const uint32_t in_slot = i % 9, slot = i / 9, part = (in_slot - 1) / 2;
  const uint32_t pitch = 72 - 7 * part + (uint32_t)(pmt_random_bits(2, slot, part) % 5);
  return in_slot == 0 ? pmt_token_slot(slot % 8) : in_slot % 2 ? pmt_token_note(part, pitch) : PMT_TOKEN_DUR + 7;
}

typedef struct {
  PmtNet* net;
  PmtNetState* state;
  double us[ROUNDS * BURST];
} Side;

static void open_side(Side* const side, const PmtTinyOptions* const options, const PmtHintShape* const hints) {
  side->net = new_net(options, hints);
  CHECK(!pmt_net_state_new(side->net, &side->state));
}

static void close_side(Side* const side) {
  pmt_net_state_free(side->state);
  pmt_net_free(side->net);
}

/* As gen/reader.c does it: a copy of what was heard, which hears. */
static double time_listening(Side* const side, PmtListener ear[2], const PmtToken token, double* const heard) {
  PmtHints hints;
  const double begin = now_us();
  ear[1] = ear[0];
  pmt_listener_hear(&ear[1], token, NULL, &hints);
  *heard = now_us() - begin;
  ear[0] = ear[1];
  return *heard + time_told(side->state, token, &hints);
}

static void bench_hints(const char* const name, PmtTinyOptions options) {
  PmtHintShape shape;
  PmtListener* const ear = malloc(2 * sizeof *ear);
  Side* const side = malloc(2 * sizeof *side);
  double heard[ROUNDS * BURST];
  CHECK(ear && side);
  pmt_listener_shape(4, &shape);
  pmt_listener_reset(&ear[0], 4);
  open_side(&side[0], &options, NULL);
  options.listens = true;
  open_side(&side[1], &options, &shape);
  CHECK(pmt_net_takes_hints(side[1].net));
  uint32_t token = 0;
  for (; token < 2100; ++token) { /* a listener remembers 2048 tokens */
    const bool last = token + 2 * options.window > 2100;
    time_listening(&side[1], ear, music_token(token), &heard[0]);
    if (last) { time_step(side[0].state, music_token(token)); }
  }
  for (uint32_t round = 0; round < ROUNDS; ++round) {
    time_step(side[0].state, 1);
    for (uint32_t i = 0; i < BURST; ++i) { side[0].us[round * BURST + i] = time_step(side[0].state, music_token(token + i)); }
    time_step(side[1].state, 1);
    for (uint32_t i = 0; i < BURST; ++i, ++token) {
      const uint32_t at = round * BURST + i;
      side[1].us[at] = time_listening(&side[1], ear, music_token(token), &heard[at]);
    }
  }
  const double plain = bench_quantile(side[0].us, ROUNDS * BURST, 0.1);
  const double told = bench_quantile(side[1].us, ROUNDS * BURST, 0.1);
  printf("  %-37s %8.1f %8.1f %8.1f %8.1f %6.2f %8.2f %8.1f %8.1f\n", name, plain,
         bench_quantile(side[0].us, ROUNDS * BURST, 0.5), told, bench_quantile(side[1].us, ROUNDS * BURST, 0.5),
         told / plain, bench_quantile(heard, ROUNDS * BURST, 0.5), 1e-6 * (double)pmt_net_bytes(side[0].net),
         1e-6 * (double)pmt_net_bytes(side[1].net));
  close_side(&side[0]);
  close_side(&side[1]);
  free(side);
  free(ear);
}

/* ---- A file ------------------------------------------------------------------------------------------------------ */

/* Between a prefix and ".weight", if it fits a hint's name. */
static bool name_between(const char* const tensor, const char* const prefix, char name[24]) {
  const size_t head = strlen(prefix), n = strlen(tensor), tail = strlen(".weight");
  if (n < head + tail + 1 || n - head - tail > 23 || strncmp(tensor, prefix, head) || strcmp(tensor + n - tail, ".weight")) {
    return false;
  }
  memcpy(name, tensor + head, n - head - tail);
  name[n - head - tail] = 0;
  return true;
}

static bool is_common(const char* const name) {
  static const char* const common[] = {"emb", "style", "meter", "key", "phrase", "density", "out", "norm"};
  for (size_t i = 0; i < sizeof common / sizeof *common; ++i) {
    if (!strcmp(name, common[i])) { return true; }
  }
  return !strncmp(name, "blk.", 4) || !strncmp(name, "rnn.", 4);
}

/* What is told may be anything: for the time of a step it is enough that there are so many rows. */
static void guess_hints(const PmtTensors* const tensors, const uint32_t vocab, PmtHintShape* const shape) {
  char name[24];
  memset(shape, 0, sizeof *shape);
  for (size_t i = 0; i < pmt_tensors_count(tensors); ++i) {
    const PmtTensor* const t = pmt_tensors_at(tensors, i);
    if (!strcmp(t->name, "out.kind.weight")) {
      shape->n_kinds = t->shape[0];
      shape->kind_count = shape->kind_span = vocab;
    } else if (name_between(t->name, "out.", name)) {
      CHECK(shape->n_leaps < PMT_LEAPS_MAX);
      PmtLeap* const leap = &shape->leap[shape->n_leaps++];
      *leap = (PmtLeap){.count = vocab, .reach = t->shape[0] / 2};
      memcpy(leap->name, name, sizeof name);
    } else if (name_between(t->name, "", name) && !is_common(name)) {
      CHECK(shape->n_tables < PMT_HINTS_MAX);
      PmtHintTable* const table = &shape->table[shape->n_tables++];
      table->rows = t->shape[0];
      memcpy(table->name, name, sizeof name);
    }
  }
}

static PmtHints draw_hints(const PmtHintShape* const shape, const uint64_t place) {
  PmtHints hints;
  memset(&hints, -1, sizeof hints);
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    hints.row[i] = (int16_t)(pmt_random_bits(3, place, i) % shape->table[i].rows);
  }
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    hints.anchor[i] = (int16_t)(pmt_random_bits(4, place, i) % shape->leap[i].count);
  }
  for (uint32_t i = 0; i < PMT_CLASSES && shape->n_kinds; ++i) {
    hints.kind[i] = (uint8_t)(pmt_random_bits(5, place, i) % shape->n_kinds);
  }
  return hints;
}

/* A net of the file that is timed: as it is, or widened. */
typedef struct {
  PmtNet* net;
  PmtNetState* state;
  double us[ROUNDS * BURST];
} Width;

/* A kernel that cannot read 16 bits makes the net widen them at load, exactly. */
static Width* open_width(const char* const path, const PmtTensors* const tensors, const uint32_t vocab,
                         const PmtHintShape* const shape, const bool widened) {
  const PmtKernel* kernels = NULL;
  PmtError error = {{0}};
  Width* const w = malloc(sizeof *w);
  CHECK(w && pmt_kernels(&kernels));
  PmtKernel kernel = kernels[0];
  kernel.run_half = widened ? NULL : kernel.run_half;
  CHECKF(!pmt_net_new_on(&kernel, tensors, vocab, shape, &w->net, &error), "%s: %s", path, error.text);
  CHECK(!pmt_net_state_new(w->net, &w->state));
  for (uint32_t i = 0; i < 2 * pmt_net_config(w->net)->window + 100; ++i) {
    const PmtHints hints = draw_hints(shape, i);
    time_told(w->state, i % vocab, &hints);
  }
  return w;
}

static void close_width(Width* const w) {
  pmt_net_state_free(w->state);
  pmt_net_free(w->net);
  free(w);
}

/* The first step of a burst, during which the other net's weights are pushed out, does not count. */
static void time_width(Width* const w, const PmtHintShape* const shape, const uint32_t vocab, const uint32_t round) {
  for (uint32_t i = 0; i <= BURST; ++i) {
    const uint32_t at = round * BURST + i;
    const PmtHints hints = draw_hints(shape, at);
    const double us = time_told(w->state, at % vocab, &hints);
    if (i) { w->us[at - 1] = us; }
  }
}

static void print_width(Width* const w, const char* const how) {
  printf("  %-30s %8.1f us a step (best tenth) %8.1f (median) %7.2f MB\n", how,
         bench_quantile(w->us, ROUNDS * BURST, 0.1), bench_quantile(w->us, ROUNDS * BURST, 0.5),
         1e-6 * (double)pmt_net_bytes(w->net));
}

static int bench_file(const char* const path, const bool both) {
  PmtError error = {{0}};
  PmtTensors* tensors = NULL;
  PmtHintShape shape;
  CHECKF(!pmt_tensors_read(path, &tensors, &error), "%s", error.text);
  const PmtTensor* const emb = pmt_tensors_find(tensors, "emb.weight");
  CHECK(emb);
  const uint32_t vocab = emb->shape[0];
  guess_hints(tensors, vocab, &shape);
  Width* const own = open_width(path, tensors, vocab, &shape, false);
  Width* wide = both ? open_width(path, tensors, vocab, &shape, true) : NULL;
  printf("%s: V %u, %u tables, %u leaps, %u kinds told, %.2f M multiply-adds\n", path, vocab, shape.n_tables,
         shape.n_leaps, shape.n_kinds, 1e-6 * (double)pmt_net_step_cost(own->net));
  const bool halves = wide && pmt_net_bytes(own->net) < pmt_net_bytes(wide->net);
  for (uint32_t round = 0; round < ROUNDS; ++round) {
    time_width(own, &shape, vocab, round);
    if (halves) { time_width(wide, &shape, vocab, round); }
  }
  print_width(own, halves ? "16 bits, as it is stored" : "as it is");
  if (halves) { print_width(wide, "widened to 32 bits"); }
  else if (both) { puts("  no matrices in 16 bits are read here: 32 bits is what it has"); }
  if (wide) { close_width(wide); }
  close_width(own);
  pmt_tensors_free(tensors);
  return 0;
}

static void bench_all_hints(void) {
  PmtTinyOptions tf = tf_m;
  tf.pos = "rope";
  printf("V %d, with hints for four parts; \"hears\": of that, to hear the token (median)\n", VOCAB);
  printf("  %-37s %8s %8s %8s %8s %6s %8s %8s %8s\n", "", "without", "median", "with", "median", "ratio", "hears", "weights",
         "with");
  bench_hints("lstm 2 x 384, d 192", (PmtTinyOptions){.seed = 1, .arch = "lstm", .d = 192, .h = 384, .layers = 2});
  bench_hints("tf d 192 L 4 H 6 ff 768 C 512 rope", tf);
}

int main(int argc, char** argv) {
  static const char* const pos[] = {"rope", "rope2", "alibi", "rel", "sin"};
  const bool both = argc > 2 && !strcmp(argv[1], "--fp32");
  if (argc > 1 && strcmp(argv[1], "hints")) {
    return bench_file(argv[both ? 2 : 1], both);
  }
  if (argc > 1) {
    bench_all_hints();
    return 0;
  }
  unsigned char* const other = calloc(1, BENCH_EVICT_BYTES);
  CHECK(other);
  printf("V %d; times in microseconds, sizes in MB, reads in floats\n", VOCAB);
  printf("  %-37s %6s %8s %8s %8s %8s %6s %8s %7s\n", "", "M read", "best 10%", "median", "evicted", "limit", "ratio",
         "weights", "state");
  bench("lstm 2 x 384, d 192", &(PmtTinyOptions){.seed = 1, .arch = "lstm", .d = 192, .h = 384, .layers = 2}, other);
  bench("gru 2 x 384, d 192", &(PmtTinyOptions){.seed = 1, .arch = "gru", .d = 192, .h = 384, .layers = 2}, other);
  bench("rnn 2 x 384, d 192", &(PmtTinyOptions){.seed = 1, .arch = "rnn", .d = 192, .h = 384, .layers = 2}, other);
  for (unsigned i = 0; i < 2 * sizeof pos / sizeof *pos; ++i) {
    PmtTinyOptions options = i % 2 ? tf_l : tf_m;
    char name[64];
    options.pos = pos[i / 2];
    snprintf(name, sizeof name, "tf d %u L %u H %u ff %u C %u %s", options.d, options.layers, options.heads, options.ff,
             options.window, options.pos);
    bench(name, &options, other);
  }
  bench_all_hints();
  free(other);
  return 0;
}
