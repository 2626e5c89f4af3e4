/* SPDX-License-Identifier: ISC */
/* The step, chunk by chunk. Above: gen/engine. Below: the kernels in nn/kernel_*.c, through pointers chosen at load.

   A chunk is one panel: 64 rows of a matrix and, in a layer, the 16 cells they feed. */
#include "nn/net.h"

#include "nn/net_private.h"

#include <string.h>

const PmtNetConfig* pmt_net_config(const PmtNet* const net) {
  return &net->config;
}

uint64_t pmt_net_step_cost(const PmtNet* const net) {
  return net->step_cost;
}

uint64_t pmt_net_chunk_cost_max(const PmtNet* const net) {
  return net->chunk_cost_max;
}

float* pmt_net_logits(PmtNetState* const state) {
  return state->logits;
}

/* ---- Recurrent state ---------------------------------------------------------------------------------------------- */

/* h of a layer before the step. */
static float* hidden(const PmtNetState* const state, const uint32_t layer) {
  return state->input[layer] + pmt_net_below(state->net, layer);
}

static void drop_step(PmtNetState* const state) {
  state->stage = state->net->config.layers + 1;
}

void pmt_net_reset(PmtNetState* const state) {
  const PmtNet* const net = state->net;
  for (uint32_t l = 0; l < net->config.layers; ++l) {
    memset(hidden(state, l), 0, net->h_pad * sizeof(float));
    memset(state->c[l], 0, net->h_pad * sizeof(float));
  }
  memset(state->u, 0, net->gates * sizeof(float));
  drop_step(state);
}

size_t pmt_net_snapshot_floats(const PmtNet* const net) {
  return (size_t)2 * net->config.layers * net->config.h;
}

void pmt_net_save(const PmtNetState* const state, float* snapshot) {
  const uint32_t h = state->net->config.h;
  for (uint32_t l = 0; l < state->net->config.layers; ++l, snapshot += 2 * h) {
    memcpy(snapshot, hidden(state, l), h * sizeof(float));
    memcpy(snapshot + h, state->c[l], h * sizeof(float));
  }
}

void pmt_net_restore(PmtNetState* const state, const float* snapshot) {
  const uint32_t h = state->net->config.h;
  for (uint32_t l = 0; l < state->net->config.layers; ++l, snapshot += 2 * h) {
    memcpy(hidden(state, l), snapshot, h * sizeof(float));
    memcpy(state->c[l], snapshot + h, h * sizeof(float));
  }
  drop_step(state);
}

/* ---- Input -------------------------------------------------------------------------------------------------------- */

static void add_row(float* const u, const float* const row, const float weight, const uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    u[i] += weight * row[i];
  }
}

static void add_table(PmtNetState* const state, const PmtTable table, const uint32_t index) {
  const PmtNet* const net = state->net;
  if (net->table[table]) {
    const uint32_t row = index < pmt_table_rows[table] ? index : 0;
    add_row(state->u, net->table[table] + (size_t)row * net->gates, 1.0f, net->gates);
  }
}

void pmt_net_condition(PmtNetState* const state, const PmtCondition* const condition) {
  const PmtNet* const net = state->net;
  memset(state->u, 0, net->gates * sizeof(float));
  for (uint32_t i = 0; i < net->config.styles; ++i) {
    if (condition->style[i] > 0.0f) {
      add_row(state->u, net->style + (size_t)i * net->gates, condition->style[i], net->gates);
    }
  }
  add_table(state, PMT_TABLE_METER, condition->meter);
  add_table(state, PMT_TABLE_KEY, condition->key);
  add_table(state, PMT_TABLE_PHRASE, condition->phrase);
  add_table(state, PMT_TABLE_DENSITY, condition->density);
}

void pmt_net_begin(PmtNetState* const state, const uint32_t token) {
  const PmtNet* const net = state->net;
  const float* const row = net->token + (size_t)(token < net->config.vocab ? token : 0) * net->gates;
  for (uint32_t i = 0; i < net->gates; ++i) {
    state->first[i] = row[i] + state->u[i];
  }
  state->stage = 0;
  state->panel = 0;
}

/* ---- The step ----------------------------------------------------------------------------------------------------- */

static void run_chunk(PmtNetState* const state) {
  const PmtNet* const net = state->net;
  const uint32_t stage = state->stage, panel = state->panel;
  const PmtNetMatrix* const m = &net->matrix[stage];
  if (stage == net->config.layers) {
    net->kernel.run(m->w, m->cols, m->b, state->input[stage], state->logits, panel, 1);
    return;
  }
  const float* const bias = stage ? m->b : state->first;
  net->kernel.run(m->w, m->cols, bias, state->input[stage], state->gates, panel, 1);
  const size_t unit = (size_t)panel * PMT_CELL_UNITS;
  net->kernel.cell(state->gates + (size_t)panel * PMT_PANEL, state->c[stage] + unit, state->c_next[stage] + unit,
                   state->input[stage + 1] + unit);
}

/* The step is complete: what it left above becomes what the next one reads. */
static void commit_step(PmtNetState* const state) {
  for (uint32_t l = 0; l < state->net->config.layers; ++l) {
    memcpy(hidden(state, l), state->input[l + 1], state->net->h_pad * sizeof(float));
    float* const before = state->c[l];
    state->c[l] = state->c_next[l];
    state->c_next[l] = before;
  }
}

static void move_on(PmtNetState* const state) {
  if (++state->panel < state->net->matrix[state->stage].panels) {
    return;
  }
  state->panel = 0;
  if (state->stage++ == state->net->config.layers) {
    commit_step(state);
  }
}

bool pmt_net_run(PmtNetState* const state, const uint64_t budget, uint64_t* const spent) {
  const PmtNet* const net = state->net;
  uint64_t used = 0;
  while (state->stage <= net->config.layers && used < budget) {
    used += net->matrix[state->stage].cost;
    run_chunk(state);
    move_on(state);
  }
  *spent += used;
  return state->stage > net->config.layers;
}
