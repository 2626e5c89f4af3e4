/* SPDX-License-Identifier: ISC */
/* From a checked file to packed weights, and states to run on them: what all kinds of nets share. Above: gen/model.
   Below: net_rnn_setup.c, net_tf_setup.c, nn/tensors, nn/kernel, base/arena. Never in the audio thread. */
#include "nn/net.h"

#include "nn/net_private.h"

#include <stdio.h>
#include <string.h>

const uint32_t pmt_table_rows[PMT_TABLES] = {
  [PMT_TABLE_METER] = 26, [PMT_TABLE_KEY] = 25, [PMT_TABLE_PHRASE] = 9, [PMT_TABLE_DENSITY] = 9};

const char* const pmt_table_names[PMT_TABLES] = {
  [PMT_TABLE_METER] = "meter.weight",
  [PMT_TABLE_KEY] = "key.weight",
  [PMT_TABLE_PHRASE] = "phrase.weight",
  [PMT_TABLE_DENSITY] = "density.weight",
};

uint32_t pmt_net_round_up(const uint32_t n, const uint32_t to) {
  return (n + to - 1) / to * to;
}

PmtNetName pmt_net_name(const char* const prefix, const uint32_t i, const char* const suffix) {
  PmtNetName name;
  snprintf(name.text, sizeof name.text, "%s%u%s", prefix, i, suffix);
  return name;
}

/* ---- What the file says ------------------------------------------------------------------------------------------ */

PmtStatus pmt_net_read_word(const PmtTensors* const tensors, const char* const key, const char* const* const words,
                            const size_t n, size_t* const index, PmtError* const error) {
  const char* const value = pmt_tensors_meta(tensors, key);
  if (!value) {
    return pmt_fail(error, PMT_BAD_FILE, "metadata \"%s\" is missing", key);
  }
  char all[64] = "";
  for (*index = 0; *index < n; ++*index) {
    if (!strcmp(value, words[*index])) {
      return PMT_OK;
    }
    const size_t at = strlen(all);
    snprintf(all + at, sizeof all - at, "%s\"%s\"", *index ? ", " : "", words[*index]);
  }
  return pmt_fail(error, PMT_UNSUPPORTED, "metadata \"%s\" is \"%.40s\", need %s", key, value, all);
}

/* Tables that are there; their shapes are checked when they are loaded. */
static PmtStatus read_tables(const PmtTensors* const tensors, PmtNetConfig* const config, PmtError* const error) {
  const PmtTensor* const style = pmt_tensors_find(tensors, "style.weight");
  config->styles = style ? style->shape[0] : 0;
  if (config->styles > PMT_STYLES_MAX) {
    return pmt_fail(error, PMT_BAD_SHAPE, "tensor \"style.weight\" has %u rows, at most %d styles are supported",
                    config->styles, PMT_STYLES_MAX);
  }
  config->meter = pmt_tensors_find(tensors, pmt_table_names[PMT_TABLE_METER]);
  config->key = pmt_tensors_find(tensors, pmt_table_names[PMT_TABLE_KEY]);
  config->phrase = pmt_tensors_find(tensors, pmt_table_names[PMT_TABLE_PHRASE]);
  config->density = pmt_tensors_find(tensors, pmt_table_names[PMT_TABLE_DENSITY]);
  return PMT_OK;
}

static PmtStatus read_config(const PmtTensors* const tensors, const uint32_t vocab, PmtNetConfig* const config,
                             PmtError* const error) {
  static const char* const versions[] = {"1"};
  static const char* const archs[] = {
    [PMT_ARCH_LSTM] = "lstm", [PMT_ARCH_GRU] = "gru", [PMT_ARCH_RNN] = "rnn", [PMT_ARCH_TF] = "tf"};
  size_t version = 0, arch = 0;
  int d = 0;
  PmtStatus status = pmt_net_read_word(tensors, "format_version", versions, 1, &version, error);
  status = status ? status : pmt_net_read_word(tensors, "arch", archs, sizeof archs / sizeof *archs, &arch, error);
  status = status ? status : pmt_tensors_meta_int(tensors, "d", 1, PMT_NET_DIM_MAX, -1, &d, error);
  if (status) {
    return status;
  }
  *config = (PmtNetConfig){.arch = (PmtArch)arch, .vocab = vocab, .d = (uint32_t)d};
  status = arch == PMT_ARCH_TF ? pmt_net_tf_config(tensors, config, error) : pmt_net_rnn_config(tensors, config, error);
  return status ? status : read_tables(tensors, config, error);
}

/* Before any memory is taken, so that a small file which claims a huge net costs nothing. */
static PmtStatus check_shapes(const PmtTensors* const tensors, const PmtNetConfig* const config,
                              PmtError* const error) {
  PmtStatus status = pmt_tensors_load(tensors, "emb.weight", config->vocab, config->d, NULL, error);
  status = status                        ? status
           : config->arch == PMT_ARCH_TF ? pmt_net_tf_check(tensors, config, error)
                                         : pmt_net_rnn_check(tensors, config, error);
  return status ? status : pmt_tensors_load(tensors, "out.weight", config->vocab, config->h, NULL, error);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* Every matrix that a step reads is in 16 bits. Rows that are looked up are not read whole, and stay as they are. */
static bool has_halves(const PmtTensors* const tensors) {
  bool halves = true;
  for (size_t i = 0; i < pmt_tensors_count(tensors); ++i) {
    const PmtTensor* const t = pmt_tensors_at(tensors, i);
    const bool vector = t->rank < 2;
    const bool read = !strncmp(t->name, "rnn.", 4) || !strncmp(t->name, "blk.", 4) || !strncmp(t->name, "out.", 4);
    halves = halves && (vector || !read || t->dtype == PMT_F16);
  }
  return halves;
}

void pmt_net_layout_weights(PmtArena* const arena, PmtNetMatrix* const m, const size_t n, const bool half) {
  m->w = half ? NULL : pmt_arena_take(arena, n, sizeof *m->w);
  m->half = half ? pmt_arena_take(arena, n, sizeof *m->half) : NULL;
}

void pmt_net_pack(const PmtNetMatrix* const m, const size_t at, const uint32_t cols_all, const uint32_t row0,
                  const uint32_t col0, const float* const w, const uint32_t rows, const uint32_t cols) {
  if (m->half) {
    pmt_panels_pack_half(m->half + at, cols_all, row0, col0, w, rows, cols);
  } else {
    pmt_panels_pack(m->w + at, cols_all, row0, col0, w, rows, cols);
  }
}

void pmt_net_layout_matrix(PmtArena* const arena, PmtNetMatrix* const m, const uint32_t rows, const uint32_t cols,
                           const bool half) {
  m->cols = cols;
  m->panels = pmt_panel_count(rows);
  pmt_net_layout_weights(arena, m, pmt_packed_floats(rows, cols), half);
  m->b = pmt_arena_take(arena, pmt_packed_floats(rows, 1), sizeof *m->b);
}

static float* layout_table(PmtArena* const arena, const uint32_t rows, const uint32_t cols) {
  return rows ? pmt_arena_take(arena, (size_t)rows * cols, sizeof(float)) : NULL;
}

/* Called twice, to measure and to carve. The weights lie in the order in which a step reads them. */
static PmtNet* layout_net(PmtArena* const arena, PmtNet* const net) {
  const PmtNetConfig* const config = &net->config;
  const bool present[PMT_TABLES] = {config->meter, config->key, config->phrase, config->density};
  PmtNet* const self = pmt_arena_take(arena, 1, sizeof *self);
  if (pmt_net_is_tf(net)) {
    pmt_net_tf_size(net);
  } else {
    pmt_net_rnn_size(net);
  }
  net->token = layout_table(arena, config->vocab, net->width);
  net->style = layout_table(arena, config->styles, net->width);
  for (unsigned i = 0; i < PMT_TABLES; ++i) {
    net->table[i] = layout_table(arena, present[i] ? pmt_table_rows[i] : 0, net->width);
  }
  pmt_net_hints_layout(arena, net);
  if (pmt_net_is_tf(net)) {
    pmt_net_tf_layout(arena, net);
  } else {
    pmt_net_rnn_layout(arena, net);
  }
  pmt_net_layout_matrix(arena, &net->out, net->out_rows, pmt_net_is_tf(net) ? config->d : net->rnn.h_pad, net->half);
  return self;
}

static void count_chunk(PmtNet* const net, const uint64_t cost) {
  net->step_cost += cost;
  net->chunk_cost_max = cost > net->chunk_cost_max ? cost : net->chunk_cost_max;
}

/* Walks the plan as a step would; a Transformer's as a step with a full window does, which begins in the last place of
   a block and so touches most blocks, or with `sin` is about to change segments. */
static void count_costs(PmtNet* const net) {
  net->finish_cost = pmt_net_hints_cost(net);
  if (pmt_net_is_tf(net)) {
    const uint64_t last = net->config.window - 1;
    PmtTfPlan plan = pmt_net_tf_plan(net, net->tf.segment ? last : last + PMT_PANEL - 1, 0);
    do {
      count_chunk(net, pmt_net_tf_cost(net, &plan));
    } while (pmt_net_tf_move_on(net, &plan));
    return;
  }
  for (uint32_t stage = 0; stage <= net->config.layers; ++stage) {
    const uint32_t panels = stage < net->config.layers ? net->rnn.matrix[stage].panels : net->out.panels;
    for (uint32_t panel = 0; panel < panels; ++panel) {
      count_chunk(net, pmt_net_rnn_cost(net, stage, panel));
    }
  }
}

/* ---- Filling it -------------------------------------------------------------------------------------------------- */

static void layout_loader(PmtNetLoader* const loader, const PmtNet* const net) {
  const PmtNetConfig* const c = &net->config;
  const uint32_t told = pmt_net_hints_rows(net), said = c->vocab > PMT_STYLES_MAX ? c->vocab : PMT_STYLES_MAX;
  const uint32_t rows = said > told ? said : told; /* no table has more */
  const size_t own = pmt_net_is_tf(net) ? pmt_net_tf_scratch(c) : pmt_net_rnn_scratch(c);
  const size_t common = (size_t)rows * (c->h > c->d ? c->h : c->d);
  loader->scratch = pmt_arena_take(&loader->arena, own > common ? own : common, sizeof(float));
  if (!pmt_net_is_tf(net)) {
    pmt_net_rnn_loader_layout(loader, net);
  }
}

static PmtStatus load_output(const PmtNetLoader* const loader, PmtNet* const net) {
  PmtNetMatrix* const m = &net->out;
  const uint32_t vocab = net->config.vocab, h = net->config.h;
  const PmtStatus status = pmt_tensors_load(loader->tensors, "out.weight", vocab, h, loader->scratch, loader->error);
  if (status) {
    return status;
  }
  pmt_net_pack(m, 0, m->cols, 0, 0, loader->scratch, vocab, h);
  const PmtStatus others = pmt_net_hints_load_output(loader, net);
  return others ? others : pmt_tensors_load(loader->tensors, "out.bias", vocab, 1, m->b, loader->error);
}

static PmtStatus load_all(const PmtTensors* const tensors, PmtNet* const net, PmtError* const error) {
  PmtNetLoader loader = {.tensors = tensors, .error = error, .arena = pmt_arena_measure()};
  layout_loader(&loader, net);
  if (pmt_arena_allocate(&loader.arena)) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory while loading the weights");
  }
  layout_loader(&loader, net);
  PmtStatus status = pmt_net_is_tf(net) ? pmt_net_tf_load(&loader, net) : pmt_net_rnn_load(&loader, net);
  status = status ? status : load_output(&loader, net);
  pmt_arena_release(&loader.arena);
  return status;
}

PmtStatus pmt_net_new_on(const PmtKernel* const kernel, const PmtTensors* const tensors, const uint32_t vocab,
                         const PmtHintShape* const hints, PmtNet** const net, PmtError* const error) {
  *net = NULL;
  PmtNet plan = {.kernel = *kernel};
  PmtStatus status = read_config(tensors, vocab, &plan.config, error);
  status = status ? status : check_shapes(tensors, &plan.config, error);
  status = status ? status : pmt_net_hints_config(tensors, hints, &plan, error);
  if (status) {
    return status;
  }
  plan.half = kernel->run_half && has_halves(tensors);
  PmtArena arena = pmt_arena_measure();
  layout_net(&arena, &plan);
  if (pmt_arena_allocate(&arena)) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the weights");
  }
  PmtNet* const self = layout_net(&arena, &plan);
  count_costs(&plan);
  plan.arena = arena;
  *self = plan;
  status = load_all(tensors, self, error);
  if (status) {
    pmt_net_free(self);
    return status;
  }
  *net = self;
  return PMT_OK;
}

PmtStatus pmt_net_new(const PmtTensors* const tensors, const uint32_t vocab, const PmtHintShape* const hints,
                      PmtNet** const net, PmtError* const error) {
  const PmtKernel* kernels = NULL;
  pmt_kernels(&kernels);
  return pmt_net_new_on(&kernels[0], tensors, vocab, hints, net, error);
}

void pmt_net_set_ticks(PmtNet* const net, const uint32_t first, const uint32_t last) {
  net->config.tick_first = first;
  net->config.tick_last = last;
}

void pmt_net_free(PmtNet* const net) {
  if (net) {
    PmtArena arena = net->arena;
    pmt_arena_release(&arena);
  }
}

size_t pmt_net_bytes(const PmtNet* const net) {
  return net->arena.size;
}

const char* pmt_net_kernel(const PmtNet* const net) {
  return net->kernel.name;
}

/* ---- States ------------------------------------------------------------------------------------------------------ */

static PmtNetState* layout_state(PmtArena* const arena, PmtNetState* const state) {
  const PmtNet* const net = state->net;
  PmtNetState* const self = pmt_arena_take(arena, 1, sizeof *self);
  state->u = pmt_arena_take(arena, net->width, sizeof(float));
  if (pmt_net_is_tf(net)) {
    pmt_net_tf_state_layout(arena, state);
  } else {
    pmt_net_rnn_state_layout(arena, state);
  }
  state->logits = pmt_arena_take(arena, (size_t)net->out.panels * PMT_PANEL, sizeof(float));
  return self;
}

size_t pmt_net_state_bytes(const PmtNet* const net) {
  PmtNetState plan = {.net = net};
  PmtArena arena = pmt_arena_measure();
  layout_state(&arena, &plan);
  return arena.used;
}

PmtStatus pmt_net_state_new(const PmtNet* const net, PmtNetState** const state) {
  *state = NULL;
  PmtNetState plan = {.net = net};
  PmtArena arena = pmt_arena_measure();
  layout_state(&arena, &plan);
  if (pmt_arena_allocate(&arena)) {
    return PMT_NO_MEM;
  }
  PmtNetState* const self = layout_state(&arena, &plan);
  plan.arena = arena;
  *self = plan;
  pmt_net_reset(self);
  *state = self;
  return PMT_OK;
}

void pmt_net_state_free(PmtNetState* const state) {
  if (state) {
    PmtArena arena = state->arena;
    pmt_arena_release(&state->tf.kept.arena);
    pmt_arena_release(&arena);
  }
}

PmtStatus pmt_net_keep(PmtNetState* const state) {
  return pmt_net_is_tf(state->net) ? pmt_net_tf_keep(state) : PMT_OK;
}
