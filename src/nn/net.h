/* SPDX-License-Identifier: ISC */
/** @file net.h  A net as constant weights, small state, and a plan of chunks with a cursor.

    Line of calls: gen/engine -> pmt_net_run -> net_rnn -> kernel.

    PmtNet is immutable after pmt_net_new and may be shared by any number of states and threads. PmtNetState is one
    player's: state, scratch, cursor. Every function marked PMT_RT touches only memory that pmt_net_new or
    pmt_net_state_new made resident.

    With a = E[token] + u for the first layer, h of the layer below for the others, logits = W_out h_top + b_out, and
    PyTorch's layout and order of gates:
    LSTM (Hochreiter and Schmidhuber 1997 with forget gate, Gers et al. 2000):
      [i f g o] = W_ih a + b_ih + W_hh h + b_hh
      c' = sig(f) * c + sig(i) * tanh(g)     h' = sig(o) * tanh(c')
    GRU (Cho et al. 2014, the reset gate after the product as PyTorch has it):
      r = sig(W_ir a + b_ir + W_hr h + b_hr)     z likewise     n = tanh(W_in a + b_in + r * (W_hn h + b_hn))
      h' = (1 - z) * n + z * h
    RNN: h' = tanh(W_ih a + b_ih + W_hh h + b_hh) */
#ifndef PMT_NN_NET_H
#define PMT_NN_NET_H

#include "base/attributes.h"
#include "base/status.h"
#include "nn/kernel.h"
#include "nn/tensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PMT_STYLES_MAX = 32,
  PMT_LAYERS_MAX = 8,
  PMT_NET_DIM_MAX = 4096,
};

typedef enum { PMT_ARCH_LSTM, PMT_ARCH_GRU, PMT_ARCH_RNN } PmtArch;

typedef struct {
  PmtArch arch;
  uint32_t vocab;   /**< V */
  uint32_t d;       /**< embedding width */
  uint32_t h;       /**< hidden width of each layer */
  uint32_t layers;  /**< 1..PMT_LAYERS_MAX */
  uint32_t styles;  /**< rows of style.weight; 0 = no such tensor */
  bool meter, key, phrase, density; /**< which conditioning tables the file has */
} PmtNetConfig;

typedef struct PmtNet PmtNet;
typedef struct PmtNetState PmtNetState;

/** What u_s is made from: u = sum_i w_i S[i] + M[meter] + K[key] + B[phrase] + G[density]. Index 0 = unknown. */
typedef struct {
  float style[PMT_STYLES_MAX]; /**< weights >= 0, sum 1 (or all 0: unconditional) */
  uint8_t meter, key, phrase, density;
} PmtCondition;

/** Read arch, sizes and tables from the file's metadata and shapes, check every tensor, pack the weights.
    `vocab` is what the caller's vocabulary demands. `tensors` may be freed afterwards.
    @return PMT_BAD_FILE, PMT_BAD_SHAPE, PMT_UNSUPPORTED, PMT_NO_MEM */
PmtStatus pmt_net_new(const PmtTensors* tensors, uint32_t vocab, PmtNet** net, PmtError* error);
/** The same with a kernel of the caller's choice (one of pmt_kernels); pmt_net_new takes the widest. */
PmtStatus pmt_net_new_on(const PmtKernel* kernel, const PmtTensors* tensors, uint32_t vocab, PmtNet** net,
                         PmtError* error);
void pmt_net_free(PmtNet* net);
const PmtNetConfig* pmt_net_config(const PmtNet* net) PMT_RT;
size_t pmt_net_bytes(const PmtNet* net); /**< resident weights */
const char* pmt_net_kernel(const PmtNet* net); /**< "avx512", "avx2" or "portable" */

PmtStatus pmt_net_state_new(const PmtNet* net, PmtNetState** state);
void pmt_net_state_free(PmtNetState* state);
size_t pmt_net_state_bytes(const PmtNet* net);

/* A step in flight has no effect until it is complete: reset, restore and begin may give it up. */

/** As new: h = c = 0, u = 0, no step in flight. */
void pmt_net_reset(PmtNetState* state) PMT_RT;

/** Floats in a snapshot: layers * h, twice that for an LSTM. */
size_t pmt_net_snapshot_floats(const PmtNet* net) PMT_RT;
/** Copy the state out, as it was before a step in flight. */
void pmt_net_save(const PmtNetState* state, float* snapshot) PMT_RT;
/** Go back (or elsewhere); a step in flight is given up, u stays as it is. @return false, and nothing has changed, when
    that is not possible: never for a recurrent net */
bool pmt_net_restore(PmtNetState* state, const float* snapshot) PMT_RT;

/** Set u for the steps to come (once a slot). A table the file does not have counts as zero, an index outside its
    table as 0. Bounded by (styles + 4) * 4 h additions. */
void pmt_net_condition(PmtNetState* state, const PmtCondition* condition) PMT_RT;

/** Begin the step for one token: x = E[token] + u (4 h additions). @param token below V */
void pmt_net_begin(PmtNetState* state, uint32_t token) PMT_RT;

/** Run whole chunks until at least `budget` multiply-adds are spent or the step is complete (0 runs nothing). Chunk
    borders are fixed at load, so any sequence of budgets gives the same bits.
    @param[in,out] spent multiply-adds spent are added (may exceed the budget by less than the largest chunk)
    @return true when the step is complete and the logits stand (or none is in flight) */
bool pmt_net_run(PmtNetState* state, uint64_t budget, uint64_t* spent) PMT_RT;

/** Multiply-adds of one whole step, and of the largest chunk. */
uint64_t pmt_net_step_cost(const PmtNet* net) PMT_RT;
uint64_t pmt_net_chunk_cost_max(const PmtNet* net) PMT_RT;

/** (V) logits of the last complete step; the caller may overwrite them until the next begin. */
float* pmt_net_logits(PmtNetState* state) PMT_RT;

#endif
