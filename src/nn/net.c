/* SPDX-License-Identifier: ISC */
/* A step, whatever kind of net takes it. Above: gen/engine. Below: net_rnn.c,
   net_tf.c. */
#include "nn/net.h"

#include "nn/net_private.h"

#include <string.h>

const PmtNetConfig* pmt_net_config(const PmtNet* const net) {
  return &net->config;
}

const PmtHintShape* pmt_net_hints(const PmtNet* const net) {
  return &net->hints;
}

bool pmt_net_takes_hints(const PmtNet* const net) {
  return net->takes_hints;
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

/* ---- State ------------------------------------------------------------------------------------------------------- */

void pmt_net_reset(PmtNetState* const state) {
  state->running = false;
  memset(state->u, 0, state->net->width * sizeof(float));
  if (pmt_net_is_tf(state->net)) {
    pmt_net_tf_reset(state);
    pmt_net_tf_condition(state);
  } else {
    pmt_net_rnn_reset(state);
  }
}

size_t pmt_net_snapshot_floats(const PmtNet* const net) {
  return pmt_net_is_tf(net) ? pmt_net_tf_snapshot_floats() : pmt_net_rnn_snapshot_floats(net);
}

void pmt_net_save(const PmtNetState* const state, float* const snapshot) {
  if (pmt_net_is_tf(state->net)) {
    pmt_net_tf_save(state, snapshot);
  } else {
    pmt_net_rnn_save(state, snapshot);
  }
}

bool pmt_net_restore(PmtNetState* const state, const float* const snapshot) {
  if (pmt_net_is_tf(state->net)) {
    if (!pmt_net_tf_restore(state, snapshot)) {
      return false;
    }
  } else {
    pmt_net_rnn_restore(state, snapshot);
  }
  state->running = false;
  return true;
}

/* ---- Input ------------------------------------------------------------------------------------------------------- */

static void add_row(float* const u, const float* const row, const float weight, const uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    u[i] += weight * row[i];
  }
}

static void add_table(PmtNetState* const state, const PmtTable table, const uint32_t index) {
  const PmtNet* const net = state->net;
  if (net->table[table]) {
    const uint32_t row = index < pmt_table_rows[table] ? index : 0;
    add_row(state->u, net->table[table] + (size_t)row * net->width, 1.0f, net->width);
  }
}

void pmt_net_condition(PmtNetState* const state, const PmtCondition* const condition) {
  const PmtNet* const net = state->net;
  memset(state->u, 0, net->width * sizeof(float));
  for (uint32_t i = 0; i < net->config.styles; ++i) {
    if (condition->style[i] > 0.0f) {
      add_row(state->u, net->style + (size_t)i * net->width, condition->style[i], net->width);
    }
  }
  add_table(state, PMT_TABLE_METER, condition->meter);
  add_table(state, PMT_TABLE_KEY, condition->key);
  add_table(state, PMT_TABLE_PHRASE, condition->phrase);
  add_table(state, PMT_TABLE_DENSITY, condition->density);
  if (pmt_net_is_tf(net)) {
    pmt_net_tf_condition(state);
  }
}

void pmt_net_begin(PmtNetState* const state, uint32_t token, const PmtHints* const hints) {
  token = token < state->net->config.vocab ? token : 0;
  pmt_net_hints_tell(state, hints);
  if (pmt_net_is_tf(state->net)) {
    pmt_net_tf_begin(state, token);
  } else {
    pmt_net_rnn_begin(state, token);
  }
  state->running = true;
}

/* ---- The step ---------------------------------------------------------------------------------------------------- */

bool pmt_net_run(PmtNetState* const state, const uint64_t budget, uint64_t* const spent) {
  uint64_t used = 0;
  while (state->running && used < budget) {
    used += pmt_net_is_tf(state->net) ? pmt_net_tf_run(state) : pmt_net_rnn_run(state);
  }
  *spent += used;
  return !state->running;
}
