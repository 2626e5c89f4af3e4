/* SPDX-License-Identifier: ISC */
/* From a checked file to packed weights, and states to run on them. Above: gen/model. Below: nn/tensors, nn/kernel,
   base/arena. Never in the audio thread. */
#include "nn/net.h"

#include "nn/net_private.h"

#include <stdio.h>
#include <string.h>

enum { CELL_COST = 1024 }; /* the 16 cells of a panel take the time of about so many multiply-adds */

const uint32_t pmt_table_rows[PMT_TABLES] = {
  [PMT_TABLE_METER] = 26, [PMT_TABLE_KEY] = 25, [PMT_TABLE_PHRASE] = 9, [PMT_TABLE_DENSITY] = 9};

static const char* const table_names[PMT_TABLES] = {
  [PMT_TABLE_METER] = "meter.weight",
  [PMT_TABLE_KEY] = "key.weight",
  [PMT_TABLE_PHRASE] = "phrase.weight",
  [PMT_TABLE_DENSITY] = "density.weight",
};

static uint32_t round_up(const uint32_t n, const uint32_t to) {
  return (n + to - 1) / to * to;
}

/* ---- What the file says ------------------------------------------------------------------------------------------- */

static PmtStatus check_text(const PmtTensors* const tensors, const char* const key, const char* const wanted,
                            PmtError* const error) {
  const char* const value = pmt_tensors_meta(tensors, key);
  if (!value) {
    return pmt_fail(error, PMT_BAD_FILE, "metadata \"%s\" is missing", key);
  }
  if (strcmp(value, wanted)) {
    return pmt_fail(error, PMT_UNSUPPORTED, "metadata \"%s\" is \"%.40s\", need \"%s\"", key, value, wanted);
  }
  return PMT_OK;
}

/* Tables that are there; their shapes are checked when they are loaded. */
static PmtStatus read_tables(const PmtTensors* const tensors, PmtNetConfig* const config, PmtError* const error) {
  const PmtTensor* const style = pmt_tensors_find(tensors, "style.weight");
  config->styles = style ? style->shape[0] : 0;
  if (config->styles > PMT_STYLES_MAX) {
    return pmt_fail(error, PMT_BAD_SHAPE, "tensor \"style.weight\" has %u rows, at most %d styles are supported",
                    config->styles, PMT_STYLES_MAX);
  }
  config->meter = pmt_tensors_find(tensors, table_names[PMT_TABLE_METER]);
  config->key = pmt_tensors_find(tensors, table_names[PMT_TABLE_KEY]);
  config->phrase = pmt_tensors_find(tensors, table_names[PMT_TABLE_PHRASE]);
  config->density = pmt_tensors_find(tensors, table_names[PMT_TABLE_DENSITY]);
  return PMT_OK;
}

static PmtStatus read_config(const PmtTensors* const tensors, const uint32_t vocab, PmtNetConfig* const config,
                             PmtError* const error) {
  int layers = 0, d = 0, h = 0;
  PmtStatus status = check_text(tensors, "format_version", "1", error);
  status = status ? status : check_text(tensors, "arch", "lstm", error);
  status = status ? status : pmt_tensors_meta_int(tensors, "layers", 1, PMT_LAYERS_MAX, -1, &layers, error);
  status = status ? status : pmt_tensors_meta_int(tensors, "d", 1, PMT_NET_DIM_MAX, -1, &d, error);
  status = status ? status : pmt_tensors_meta_int(tensors, "h", 1, PMT_NET_DIM_MAX, -1, &h, error);
  if (status) {
    return status;
  }
  *config = (PmtNetConfig){
    .arch = PMT_ARCH_LSTM, .vocab = vocab, .d = (uint32_t)d, .h = (uint32_t)h, .layers = (uint32_t)layers};
  char above[32]; /* too few layers are missed when loaded; a layer too many would go unread */
  snprintf(above, sizeof above, "rnn.weight_ih_l%d", layers);
  if (pmt_tensors_find(tensors, above)) {
    return pmt_fail(error, PMT_BAD_SHAPE, "metadata \"layers\" is %d, but there is a tensor \"%s\"", layers, above);
  }
  return read_tables(tensors, config, error);
}

/* Before any memory is taken, so that a small file which claims a huge net costs nothing. */
static PmtStatus check_shapes(const PmtTensors* const tensors, const PmtNetConfig* const config,
                              PmtError* const error) {
  PmtStatus status = pmt_tensors_load(tensors, "emb.weight", config->vocab, config->d, NULL, error);
  for (uint32_t l = 0; l < config->layers && !status; ++l) {
    char name[32];
    snprintf(name, sizeof name, "rnn.weight_ih_l%u", l);
    status = pmt_tensors_load(tensors, name, 4 * config->h, l ? config->h : config->d, NULL, error);
    snprintf(name, sizeof name, "rnn.weight_hh_l%u", l);
    status = status ? status : pmt_tensors_load(tensors, name, 4 * config->h, config->h, NULL, error);
  }
  return status ? status : pmt_tensors_load(tensors, "out.weight", config->vocab, config->h, NULL, error);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------- */

static void layout_matrix(PmtArena* const arena, PmtNetMatrix* const m, const uint32_t rows, const uint32_t cols,
                          const uint64_t extra_cost) {
  m->cols = cols;
  m->panels = pmt_panel_count(rows);
  m->w = pmt_arena_take(arena, pmt_packed_floats(rows, cols), sizeof *m->w);
  m->b = pmt_arena_take(arena, pmt_packed_floats(rows, 1), sizeof *m->b);
  m->cost = (uint64_t)PMT_PANEL * cols + extra_cost;
}

static float* layout_table(PmtArena* const arena, const uint32_t rows, const uint32_t cols) {
  return rows ? pmt_arena_take(arena, (size_t)rows * cols, sizeof(float)) : NULL;
}

/* Called twice, to measure and to carve. The weights lie in the order in which a step reads them. */
static PmtNet* layout_net(PmtArena* const arena, PmtNet* const net) {
  const PmtNetConfig* const config = &net->config;
  const bool present[PMT_TABLES] = {config->meter, config->key, config->phrase, config->density};
  PmtNet* const self = pmt_arena_take(arena, 1, sizeof *self);
  net->h_pad = round_up(config->h, PMT_CELL_UNITS);
  net->gates = 4 * net->h_pad;
  net->token = layout_table(arena, config->vocab, net->gates);
  net->style = layout_table(arena, config->styles, net->gates);
  for (unsigned i = 0; i < PMT_TABLES; ++i) {
    net->table[i] = layout_table(arena, present[i] ? pmt_table_rows[i] : 0, net->gates);
  }
  for (uint32_t l = 0; l < config->layers; ++l) {
    layout_matrix(arena, &net->matrix[l], net->gates, pmt_net_below(net, l) + net->h_pad, CELL_COST);
  }
  layout_matrix(arena, &net->matrix[config->layers], config->vocab, net->h_pad, 0);
  return self;
}

static void count_costs(PmtNet* const net) {
  for (uint32_t i = 0; i <= net->config.layers; ++i) {
    const PmtNetMatrix* const m = &net->matrix[i];
    net->step_cost += m->cost * m->panels;
    net->chunk_cost_max = m->cost > net->chunk_cost_max ? m->cost : net->chunk_cost_max;
  }
}

/* ---- Filling it --------------------------------------------------------------------------------------------------- */

/* What lives only while loading. */
typedef struct {
  const PmtTensors* tensors;
  PmtError* error;
  PmtArena arena;
  float* scratch; /* one tensor, converted */
  float* w;       /* W_ih of the first layer, packed (4 H, d) */
  float* zero;    /* (4 H) */
} Loader;

static size_t scratch_floats(const PmtNetConfig* const config) {
  const size_t widest = config->d > config->h ? config->d : config->h;
  const size_t most_rows = config->vocab > 4 * config->h ? config->vocab : 4 * config->h;
  return widest * most_rows;
}

static void layout_loader(Loader* const loader, const PmtNet* const net) {
  loader->scratch = pmt_arena_take(&loader->arena, scratch_floats(&net->config), sizeof(float));
  loader->w = pmt_arena_take(&loader->arena, pmt_packed_floats(net->gates, net->config.d), sizeof(float));
  loader->zero = pmt_arena_take(&loader->arena, net->gates, sizeof(float));
}

/* Row of unit j's gate g among the gates: 16 units' i, then their f, g, o, then the next 16 units'. */
static uint32_t gate_row(const uint32_t g, const uint32_t j) {
  return j / PMT_CELL_UNITS * PMT_PANEL + g * PMT_CELL_UNITS + j % PMT_CELL_UNITS;
}

/* rnn.weight_{kind}_l{layer} (4 h, cols) into columns col0.. of panels with cols_all columns. */
static PmtStatus load_gates(const Loader* const loader, const char* const kind, const uint32_t layer, const uint32_t h,
                            const uint32_t cols, float* const packed, const uint32_t cols_all, const uint32_t col0) {
  char name[32];
  snprintf(name, sizeof name, "rnn.weight_%s_l%u", kind, layer);
  const PmtStatus status = pmt_tensors_load(loader->tensors, name, 4 * h, cols, loader->scratch, loader->error);
  for (uint32_t row = 0; !status && row < 4 * h; ++row) {
    pmt_panels_pack(packed, cols_all, gate_row(row / h, row % h), col0, loader->scratch + (size_t)row * cols, 1, cols);
  }
  return status;
}

static PmtStatus add_bias(const Loader* const loader, const char* const kind, const uint32_t layer, const uint32_t h,
                          float* const b) {
  char name[32];
  snprintf(name, sizeof name, "rnn.bias_%s_l%u", kind, layer);
  const PmtStatus status = pmt_tensors_load(loader->tensors, name, 4 * h, 1, loader->scratch, loader->error);
  for (uint32_t row = 0; !status && row < 4 * h; ++row) {
    b[gate_row(row / h, row % h)] += loader->scratch[row];
  }
  return status;
}

static PmtStatus load_layer(const Loader* const loader, PmtNet* const net, const uint32_t layer) {
  PmtNetMatrix* const m = &net->matrix[layer];
  const uint32_t h = net->config.h;
  PmtStatus status = layer ? load_gates(loader, "ih", layer, h, h, m->w, m->cols, 0)
                           : load_gates(loader, "ih", 0, h, net->config.d, loader->w, net->config.d, 0);
  status = status ? status : load_gates(loader, "hh", layer, h, h, m->w, m->cols, pmt_net_below(net, layer));
  status = status ? status : add_bias(loader, "ih", layer, h, m->b);
  return status ? status : add_bias(loader, "hh", layer, h, m->b);
}

/* table = b + W_ih x for each row x of the tensor. Panel by panel, so that W_ih is read once. */
static PmtStatus load_table(const Loader* const loader, const PmtNet* const net, const char* const name,
                            const uint32_t rows, const float* const b, float* const table) {
  const uint32_t d = net->config.d;
  if (!table) {
    return PMT_OK;
  }
  const PmtStatus status = pmt_tensors_load(loader->tensors, name, rows, d, loader->scratch, loader->error);
  for (uint32_t panel = 0; !status && panel < net->matrix[0].panels; ++panel) {
    for (uint32_t row = 0; row < rows; ++row) {
      net->kernel.run(loader->w, d, b, loader->scratch + (size_t)row * d, table + (size_t)row * net->gates, panel, 1);
    }
  }
  return status;
}

/* After the first layer, whose W_ih and b they contain. */
static PmtStatus load_tables(const Loader* const loader, PmtNet* const net) {
  const PmtNetConfig* const c = &net->config;
  PmtStatus status = load_table(loader, net, "emb.weight", c->vocab, net->matrix[0].b, net->token);
  status = status ? status : load_table(loader, net, "style.weight", c->styles, loader->zero, net->style);
  for (unsigned i = 0; i < PMT_TABLES && !status; ++i) {
    status = load_table(loader, net, table_names[i], pmt_table_rows[i], loader->zero, net->table[i]);
  }
  return status;
}

static PmtStatus load_output(const Loader* const loader, PmtNet* const net) {
  PmtNetMatrix* const m = &net->matrix[net->config.layers];
  const uint32_t vocab = net->config.vocab, h = net->config.h;
  const PmtStatus status = pmt_tensors_load(loader->tensors, "out.weight", vocab, h, loader->scratch, loader->error);
  if (status) {
    return status;
  }
  pmt_panels_pack(m->w, m->cols, 0, 0, loader->scratch, vocab, h);
  return pmt_tensors_load(loader->tensors, "out.bias", vocab, 1, m->b, loader->error);
}

static PmtStatus load_all(const PmtTensors* const tensors, PmtNet* const net, PmtError* const error) {
  Loader loader = {.tensors = tensors, .error = error, .arena = pmt_arena_measure()};
  layout_loader(&loader, net);
  if (pmt_arena_allocate(&loader.arena)) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory while loading the weights");
  }
  layout_loader(&loader, net);
  PmtStatus status = PMT_OK;
  for (uint32_t l = 0; l < net->config.layers && !status; ++l) {
    status = load_layer(&loader, net, l);
  }
  status = status ? status : load_tables(&loader, net);
  status = status ? status : load_output(&loader, net);
  pmt_arena_release(&loader.arena);
  return status;
}

PmtStatus pmt_net_new_on(const PmtKernel* const kernel, const PmtTensors* const tensors, const uint32_t vocab,
                         PmtNet** const net, PmtError* const error) {
  *net = NULL;
  PmtNet plan = {.kernel = *kernel};
  PmtStatus status = read_config(tensors, vocab, &plan.config, error);
  status = status ? status : check_shapes(tensors, &plan.config, error);
  if (status) {
    return status;
  }
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

PmtStatus pmt_net_new(const PmtTensors* const tensors, const uint32_t vocab, PmtNet** const net,
                      PmtError* const error) {
  const PmtKernel* kernels = NULL;
  pmt_kernels(&kernels);
  return pmt_net_new_on(&kernels[0], tensors, vocab, net, error);
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

/* ---- States ------------------------------------------------------------------------------------------------------- */

static PmtNetState* layout_state(PmtArena* const arena, PmtNetState* const state) {
  const PmtNet* const net = state->net;
  const uint32_t layers = net->config.layers;
  PmtNetState* const self = pmt_arena_take(arena, 1, sizeof *self);
  state->u = pmt_arena_take(arena, net->gates, sizeof(float));
  state->first = pmt_arena_take(arena, net->gates, sizeof(float));
  for (uint32_t l = 0; l < layers; ++l) {
    state->input[l] = pmt_arena_take(arena, (size_t)pmt_net_below(net, l) + net->h_pad, sizeof(float));
    state->c[l] = pmt_arena_take(arena, net->h_pad, sizeof(float));
    state->c_next[l] = pmt_arena_take(arena, net->h_pad, sizeof(float));
  }
  state->input[layers] = pmt_arena_take(arena, net->h_pad, sizeof(float));
  state->gates = pmt_arena_take(arena, net->gates, sizeof(float));
  state->logits = pmt_arena_take(arena, (size_t)net->matrix[layers].panels * PMT_PANEL, sizeof(float));
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
    pmt_arena_release(&arena);
  }
}
