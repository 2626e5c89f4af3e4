/* SPDX-License-Identifier: ISC */
/* The weights and states of LSTM, GRU and RNN. Above: net_setup.c. Below: nn/tensors, nn/kernel, base/arena. Never in
   the audio thread. */
#include "nn/net_private.h"

static const char weight_ih[] = "rnn.weight_ih_l", weight_hh[] = "rnn.weight_hh_l";

/* Gates, each with a row a unit in the file's matrices. */
static uint32_t count_gates(const PmtArch arch) {
  return arch == PMT_ARCH_LSTM ? 4 : arch == PMT_ARCH_GRU ? 3 : 1;
}

/* ---- Sizes and shapes -------------------------------------------------------------------------------------------- */

PmtStatus pmt_net_rnn_config(const PmtTensors* const tensors, PmtNetConfig* const config, PmtError* const error) {
  int layers = 0, h = 0;
  PmtStatus status = pmt_tensors_meta_int(tensors, "layers", 1, PMT_LAYERS_MAX, -1, &layers, error);
  status = status ? status : pmt_tensors_meta_int(tensors, "h", 1, PMT_NET_DIM_MAX, -1, &h, error);
  if (status) {
    return status;
  }
  config->layers = (uint32_t)layers;
  config->h = (uint32_t)h;
  const PmtNetName above = pmt_net_name(weight_ih, config->layers, ""); /* a layer too many would go unread */
  if (pmt_tensors_find(tensors, above.text)) {
    return pmt_fail(error, PMT_BAD_SHAPE, "metadata \"layers\" is %d, but there is a tensor \"%s\"", layers,
                    above.text);
  }
  return PMT_OK;
}

PmtStatus pmt_net_rnn_check(const PmtTensors* const tensors, const PmtNetConfig* const config, PmtError* const error) {
  const uint32_t rows = count_gates(config->arch) * config->h;
  PmtStatus status = PMT_OK;
  for (uint32_t l = 0; l < config->layers && !status; ++l) {
    const uint32_t inputs = l ? config->h : config->d;
    status = pmt_tensors_load(tensors, pmt_net_name(weight_ih, l, "").text, rows, inputs, NULL, error);
    status = status ? status
                    : pmt_tensors_load(tensors, pmt_net_name(weight_hh, l, "").text, rows, config->h, NULL, error);
  }
  return status;
}

size_t pmt_net_rnn_scratch(const PmtNetConfig* const config) {
  return (size_t)count_gates(config->arch) * config->h * (config->h > config->d ? config->h : config->d);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

void pmt_net_rnn_size(PmtNet* const net) {
  const PmtArch arch = net->config.arch;
  net->rnn.h_pad = pmt_net_round_up(net->config.h, arch == PMT_ARCH_LSTM ? PMT_CELL_UNITS : PMT_PANEL);
  net->width = count_gates(arch) * net->rnn.h_pad;
}

/* 64 units: three panels' weights, which four panels share, and four panels' biases. */
static void layout_gru(PmtArena* const arena, PmtNet* const net, const uint32_t layer) {
  PmtNetMatrix* const m = &net->rnn.matrix[layer];
  const uint32_t groups = net->rnn.h_pad / PMT_PANEL;
  m->cols = pmt_net_below(net, layer) + net->rnn.h_pad;
  m->panels = groups * pmt_net_gru_panels(layer);
  pmt_net_layout_weights(arena, m, pmt_packed_floats(net->width, m->cols), net->half);
  m->b = pmt_arena_take(arena, (size_t)groups * PMT_GRU_PANELS * PMT_PANEL, sizeof *m->b);
}

void pmt_net_rnn_layout(PmtArena* const arena, PmtNet* const net) {
  for (uint32_t l = 0; l < net->config.layers; ++l) {
    if (net->config.arch == PMT_ARCH_GRU) {
      layout_gru(arena, net, l);
    } else {
      pmt_net_layout_matrix(arena, &net->rnn.matrix[l], net->width, pmt_net_below(net, l) + net->rnn.h_pad,
                            net->half);
    }
  }
}

void pmt_net_rnn_state_layout(PmtArena* const arena, PmtNetState* const state) {
  const PmtNet* const net = state->net;
  PmtRnnState* const s = &state->rnn;
  const uint32_t layers = net->config.layers, h = net->rnn.h_pad;
  const bool gru = net->config.arch == PMT_ARCH_GRU, lstm = net->config.arch == PMT_ARCH_LSTM;
  s->first = pmt_arena_take(arena, net->width, sizeof(float));
  for (uint32_t l = 0; l < layers; ++l) {
    s->input[l] = pmt_arena_take(arena, (size_t)pmt_net_below(net, l) + h, sizeof(float));
    s->c[l] = lstm ? pmt_arena_take(arena, h, sizeof(float)) : NULL;
    s->c_next[l] = lstm ? pmt_arena_take(arena, h, sizeof(float)) : NULL;
  }
  s->input[layers] = pmt_arena_take(arena, h, sizeof(float));
  s->gates = pmt_arena_take(arena, gru ? PMT_GRU_PANELS * PMT_PANEL : net->width, sizeof(float));
}

void pmt_net_rnn_loader_layout(PmtNetLoader* const loader, const PmtNet* const net) {
  loader->w = pmt_arena_take(&loader->arena, pmt_packed_floats(net->width, net->config.d), sizeof(float));
  loader->bias = pmt_arena_take(&loader->arena, net->width, sizeof(float));
  loader->zero = pmt_arena_take(&loader->arena, net->width, sizeof(float));
}

/* ---- Where a row of the file goes -------------------------------------------------------------------------------- */

typedef enum { FROM_INPUT, FROM_HIDDEN } Side;

static const char* const bias_names[] = {[FROM_INPUT] = "rnn.bias_ih_l", [FROM_HIDDEN] = "rnn.bias_hh_l"};

/* Row of a gate of unit j in a looked up row, which is also its row in an LSTM's or RNN's matrix. */
static uint32_t row_of(const PmtArch arch, const uint32_t gate, const uint32_t j) {
  const uint32_t units = arch == PMT_ARCH_LSTM ? PMT_CELL_UNITS : PMT_PANEL;
  return j / units * units * count_gates(arch) + gate * units + j % units;
}

static PmtGruKind gru_kind(const uint32_t gate, const Side side) {
  return gate < 2 ? (PmtGruKind)gate : side == FROM_HIDDEN ? PMT_GRU_HIDDEN : PMT_GRU_INPUT;
}

static void put_weights(const PmtNet* const net, const uint32_t layer, const Side side, const uint32_t gate,
                        const uint32_t j, const float* const row) {
  const PmtNetMatrix* const m = &net->rnn.matrix[layer];
  const uint32_t below = pmt_net_below(net, layer), col = side == FROM_INPUT ? 0 : below;
  const uint32_t n = side == FROM_INPUT && !layer ? net->config.d : net->config.h;
  if (net->config.arch != PMT_ARCH_GRU) {
    pmt_net_pack(m, 0, m->cols, row_of(net->config.arch, gate, j), col, row, 1, n);
    return;
  }
  const PmtGruPanel p = pmt_net_gru_panel(net, layer, gru_kind(gate, side));
  const size_t at = (size_t)(j / PMT_PANEL) * 3 * PMT_PANEL * m->cols + p.at;
  pmt_net_pack(m, at, p.cols, j % PMT_PANEL, col - p.col, row, 1, n);
}

static float* bias_of(const PmtNet* const net, const uint32_t layer, const Side side, const uint32_t gate,
                      const uint32_t j) {
  float* const b = net->rnn.matrix[layer].b;
  if (net->config.arch != PMT_ARCH_GRU) {
    return b + row_of(net->config.arch, gate, j);
  }
  return b + ((size_t)(j / PMT_PANEL) * PMT_GRU_PANELS + gru_kind(gate, side)) * PMT_PANEL + j % PMT_PANEL;
}

/* ---- Filling it -------------------------------------------------------------------------------------------------- */

static PmtStatus load_weights(const PmtNetLoader* const loader, const PmtNet* const net, const uint32_t layer,
                              const Side side) {
  const uint32_t h = net->config.h, gates = count_gates(net->config.arch), rows = gates * h;
  const bool first = side == FROM_INPUT && !layer;
  const uint32_t cols = first ? net->config.d : h;
  const PmtNetName name = pmt_net_name(side == FROM_INPUT ? weight_ih : weight_hh, layer, "");
  const PmtStatus status = pmt_tensors_load(loader->tensors, name.text, rows, cols, loader->scratch, loader->error);
  for (uint32_t row = 0; !status && row < rows; ++row) {
    const float* const values = loader->scratch + (size_t)row * cols;
    if (first) {
      pmt_panels_pack(loader->w, cols, row_of(net->config.arch, row / h, row % h), 0, values, 1, cols);
    } else {
      put_weights(net, layer, side, row / h, row % h, values);
    }
  }
  return status;
}

static PmtStatus add_bias(const PmtNetLoader* const loader, const PmtNet* const net, const uint32_t layer,
                          const Side side) {
  const uint32_t h = net->config.h, rows = count_gates(net->config.arch) * h;
  const PmtNetName name = pmt_net_name(bias_names[side], layer, "");
  const PmtStatus status = pmt_tensors_load(loader->tensors, name.text, rows, 1, loader->scratch, loader->error);
  for (uint32_t row = 0; !status && row < rows; ++row) {
    *bias_of(net, layer, side, row / h, row % h) += loader->scratch[row];
  }
  return status;
}

static PmtStatus load_layer(const PmtNetLoader* const loader, const PmtNet* const net, const uint32_t layer) {
  PmtStatus status = load_weights(loader, net, layer, FROM_INPUT);
  status = status ? status : load_weights(loader, net, layer, FROM_HIDDEN);
  status = status ? status : add_bias(loader, net, layer, FROM_INPUT);
  return status ? status : add_bias(loader, net, layer, FROM_HIDDEN);
}

/* The first layer's bias in the order of a looked up row, which drops a GRU's hidden side: that stays a bias. */
static void gather_bias(const PmtNet* const net, float* const b) {
  const uint32_t h = net->config.h, rows = count_gates(net->config.arch) * h;
  for (uint32_t row = 0; row < rows; ++row) {
    b[row_of(net->config.arch, row / h, row % h)] = *bias_of(net, 0, FROM_INPUT, row / h, row % h);
  }
}

/* table = b + W_ih x for each row x of the tensor. Panel by panel, so that W_ih is read once. */
static PmtStatus load_table(const PmtNetLoader* const loader, const PmtNet* const net, const char* const name,
                            const uint32_t rows, const float* const b, float* const table) {
  const uint32_t d = net->config.d;
  if (!table) {
    return PMT_OK;
  }
  const PmtStatus status = pmt_tensors_load(loader->tensors, name, rows, d, loader->scratch, loader->error);
  for (uint32_t panel = 0; !status && panel < net->width / PMT_PANEL; ++panel) {
    for (uint32_t row = 0; row < rows; ++row) {
      net->kernel.run(loader->w, d, b, loader->scratch + (size_t)row * d, table + (size_t)row * net->width, panel, 1);
    }
  }
  return status;
}

/* After the first layer, whose W_ih and b they contain. */
static PmtStatus load_tables(const PmtNetLoader* const loader, const PmtNet* const net) {
  const PmtNetConfig* const c = &net->config;
  gather_bias(net, loader->bias);
  PmtStatus status = load_table(loader, net, "emb.weight", c->vocab, loader->bias, net->token);
  status = status ? status : load_table(loader, net, "style.weight", c->styles, loader->zero, net->style);
  for (unsigned i = 0; i < PMT_TABLES && !status; ++i) {
    status = load_table(loader, net, pmt_table_names[i], pmt_table_rows[i], loader->zero, net->table[i]);
  }
  for (uint32_t i = 0; i < net->hints.n_tables && !status; ++i) {
    status = load_table(loader, net, pmt_net_hint_name(net, i).text, net->hints.table[i].rows, loader->zero,
                        net->hint[i]);
  }
  return status;
}

PmtStatus pmt_net_rnn_load(const PmtNetLoader* const loader, PmtNet* const net) {
  PmtStatus status = PMT_OK;
  for (uint32_t l = 0; l < net->config.layers && !status; ++l) {
    status = load_layer(loader, net, l);
  }
  return status ? status : load_tables(loader, net);
}
