/* SPDX-License-Identifier: ISC */
/* The step of LSTM, GRU and RNN, panel by panel. Above: net.c. Below: the kernels in nn/kernel_*.c, through pointers
   chosen at load.

   A chunk is one panel: 64 rows of a matrix and, in a layer, the cells that it completes. */
#include "nn/net_private.h"

#include <string.h>

/* A panel's cells take the time of so many multiply-adds. */
enum { CELL_COST = 1024, GRU_COST = 2560, TANH_COST = 832 };

/* ---- State ------------------------------------------------------------------------------------------------------- */

static bool has_cells(const PmtNet* const net) {
  return net->config.arch == PMT_ARCH_LSTM;
}

/* h of a layer before the step. */
static float* hidden(const PmtNetState* const state, const uint32_t layer) {
  return state->rnn.input[layer] + pmt_net_below(state->net, layer);
}

void pmt_net_rnn_reset(PmtNetState* const state) {
  const PmtNet* const net = state->net;
  for (uint32_t l = 0; l < net->config.layers; ++l) {
    memset(hidden(state, l), 0, net->rnn.h_pad * sizeof(float));
    if (has_cells(net)) {
      memset(state->rnn.c[l], 0, net->rnn.h_pad * sizeof(float));
    }
  }
}

size_t pmt_net_rnn_snapshot_floats(const PmtNet* const net) {
  return (size_t)(has_cells(net) ? 2 : 1) * net->config.layers * net->config.h;
}

void pmt_net_rnn_save(const PmtNetState* const state, float* snapshot) {
  const uint32_t h = state->net->config.h;
  for (uint32_t l = 0; l < state->net->config.layers; ++l, snapshot += h) {
    memcpy(snapshot, hidden(state, l), h * sizeof(float));
    if (has_cells(state->net)) {
      snapshot += h;
      memcpy(snapshot, state->rnn.c[l], h * sizeof(float));
    }
  }
}

void pmt_net_rnn_restore(PmtNetState* const state, const float* snapshot) {
  const uint32_t h = state->net->config.h;
  for (uint32_t l = 0; l < state->net->config.layers; ++l, snapshot += h) {
    memcpy(hidden(state, l), snapshot, h * sizeof(float));
    if (has_cells(state->net)) {
      snapshot += h;
      memcpy(state->rnn.c[l], snapshot, h * sizeof(float));
    }
  }
}

void pmt_net_rnn_begin(PmtNetState* const state, const uint32_t token) {
  const PmtNet* const net = state->net;
  const float* const row = net->token + (size_t)token * net->width;
  for (uint32_t i = 0; i < net->width; ++i) {
    state->rnn.first[i] = row[i] + state->u[i];
  }
  pmt_net_hints_add(state, state->rnn.first);
  state->rnn.stage = 0;
  state->rnn.panel = 0;
}

/* ---- Panels ------------------------------------------------------------------------------------------------------ */

static void run_lstm(PmtNetState* const state, const uint32_t layer, const uint32_t panel) {
  const PmtNet* const net = state->net;
  PmtRnnState* const s = &state->rnn;
  const PmtNetMatrix* const m = &net->rnn.matrix[layer];
  const size_t unit = (size_t)panel * PMT_CELL_UNITS;
  pmt_net_multiply(net, m, 0, m->cols, layer ? m->b : s->first, s->input[layer], s->gates, panel);
  net->kernel.cell(s->gates + (size_t)panel * PMT_PANEL, s->c[layer] + unit, s->c_next[layer] + unit,
                   s->input[layer + 1] + unit);
}

static void run_gru(PmtNetState* const state, const uint32_t layer, const uint32_t panel) {
  const PmtNet* const net = state->net;
  PmtRnnState* const s = &state->rnn;
  const PmtNetMatrix* const m = &net->rnn.matrix[layer];
  const uint32_t n_kinds = pmt_net_gru_panels(layer), group = panel / n_kinds, kind = panel % n_kinds;
  const PmtGruPanel p = pmt_net_gru_panel(net, layer, (PmtGruKind)kind);
  const size_t at = (size_t)group * 3 * PMT_PANEL * m->cols + p.at;
  const float* const looked_up = s->first + (size_t)group * 3 * PMT_PANEL; /* r, z, n */
  const float* const own = m->b + (size_t)group * PMT_GRU_PANELS * PMT_PANEL + (size_t)kind * PMT_PANEL;
  const float* const b = layer || kind == PMT_GRU_HIDDEN ? own : looked_up + (size_t)kind * PMT_PANEL;
  pmt_net_multiply(net, m, at, p.cols, b, s->input[layer] + p.col, s->gates + (size_t)kind * PMT_PANEL, 0);
  if (kind + 1 == n_kinds) {
    const float* const input = layer ? s->gates + PMT_GRU_INPUT * PMT_PANEL : looked_up + 2 * PMT_PANEL;
    const size_t unit = (size_t)group * PMT_PANEL;
    net->kernel.gru(s->gates, input, hidden(state, layer) + unit, s->input[layer + 1] + unit);
  }
}

static void run_tanh(PmtNetState* const state, const uint32_t layer, const uint32_t panel) {
  const PmtNet* const net = state->net;
  PmtRnnState* const s = &state->rnn;
  const PmtNetMatrix* const m = &net->rnn.matrix[layer];
  const size_t unit = (size_t)panel * PMT_PANEL;
  pmt_net_multiply(net, m, 0, m->cols, layer ? m->b : s->first, s->input[layer], s->gates, panel);
  net->kernel.tanh(s->gates + unit, s->input[layer + 1] + unit);
}

uint64_t pmt_net_rnn_cost(const PmtNet* const net, const uint32_t stage, const uint32_t panel) {
  if (stage == net->config.layers) {
    return pmt_net_out_cost(net, panel);
  }
  const uint64_t whole = (uint64_t)PMT_PANEL * net->rnn.matrix[stage].cols;
  if (net->config.arch != PMT_ARCH_GRU) {
    return whole + (has_cells(net) ? CELL_COST : TANH_COST);
  }
  const uint32_t n_kinds = pmt_net_gru_panels(stage), kind = panel % n_kinds;
  const uint64_t cells = kind + 1 == n_kinds ? GRU_COST : 0;
  return (uint64_t)PMT_PANEL * pmt_net_gru_panel(net, stage, (PmtGruKind)kind).cols + cells;
}

/* The step is complete: what it left above becomes what the next one reads. */
static void commit_step(PmtNetState* const state) {
  PmtRnnState* const s = &state->rnn;
  for (uint32_t l = 0; l < state->net->config.layers; ++l) {
    memcpy(hidden(state, l), s->input[l + 1], state->net->rnn.h_pad * sizeof(float));
    float* const before = s->c[l];
    s->c[l] = s->c_next[l];
    s->c_next[l] = before;
  }
  state->running = false;
}

static void move_on(PmtNetState* const state) {
  const PmtNet* const net = state->net;
  PmtRnnState* const s = &state->rnn;
  const bool output = s->stage == net->config.layers;
  if (++s->panel < (output ? net->out.panels : net->rnn.matrix[s->stage].panels)) {
    return;
  }
  s->panel = 0;
  ++s->stage;
  if (output) {
    commit_step(state);
  }
}

uint64_t pmt_net_rnn_run(PmtNetState* const state) {
  const PmtNet* const net = state->net;
  const uint32_t stage = state->rnn.stage, panel = state->rnn.panel;
  if (stage == net->config.layers) {
    pmt_net_run_out(state, state->rnn.input[stage], panel);
  } else if (net->config.arch == PMT_ARCH_LSTM) {
    run_lstm(state, stage, panel);
  } else if (net->config.arch == PMT_ARCH_GRU) {
    run_gru(state, stage, panel);
  } else {
    run_tanh(state, stage, panel);
  }
  move_on(state);
  return pmt_net_rnn_cost(net, stage, panel);
}
