/* SPDX-License-Identifier: ISC */
/** @file net.h  A net as constant weights, small state, and a plan of chunks with a cursor.

    Line of calls: gen/engine -> pmt_net_run -> net_rnn or net_tf -> kernel.

    PmtNet is immutable after pmt_net_new and may be shared by any number of states and threads. PmtNetState is one
    player's: state, scratch, cursor. Every function marked PMT_RT touches only memory that pmt_net_new or
    pmt_net_state_new made resident.

    Recurrent nets: a = E[token] + u for the first layer, h of the layer below for the others, logits = W_out h_top +
    b_out, PyTorch's layout and order of gates:
    LSTM (Hochreiter and Schmidhuber 1997 with forget gate, Gers et al. 2000):
      [i f g o] = W_ih a + b_ih + W_hh h + b_hh
      c' = sig(f) * c + sig(i) * tanh(g)     h' = sig(o) * tanh(c')
    GRU (Cho et al. 2014, the reset gate after the product as PyTorch has it):
      r = sig(W_ir a + b_ir + W_hr h + b_hr)     z likewise     n = tanh(W_in a + b_in + r * (W_hn h + b_hn))
      h' = (1 - z) * n + z * h
    RNN: h' = tanh(W_ih a + b_ih + W_hh h + b_hh)

    To both inputs and logits hints may add rows of their own: hints.h has the equations.

    Transformer (decoder only, pre-norm), H heads of e = d / H numbers, x = E[token] + u at first:
      r(x) = g * x / sqrt(mean(x^2) + 1e-5)
      [q k v] = W_qkv r1(x)     s_tj = q_t . k_j / sqrt(e) over the last C tokens, t itself included
      x += W_o concat(softmax(s) v)
      x += W_2 gelu(W_1 r2(x) + b_1) + b_2     logits = W_out r_f(x) + b_out
    t counts tokens from 0 at the reset. Positions:
      rope   pairs (2i, 2i+1) of q and k are turned by t * 10000^(-2i/e)
      rope2  so are the first e/4 pairs of a head; pair e/4 + i turns by 2 pi * slot / (2 * 64^(i / (e/4 - 1))), slot =
             tick tokens so far, this one included
      sin    x += PE[p], PE[p, 2i] = sin(p * 10000^(-2i/d)), PE[p, 2i+1] = cos. p = t for the first C tokens; then it
             goes through C/2 .. C-1 again and again, and what is attended stands at 0 .. p: the last C/2 + 1 to C
             tokens. Price: two caches, and from token C/2 on every token goes through the blocks twice (to prepare the
             window that comes next), never more; nothing is ever fed again.
      alibi  s_tj -= 2^(-8 (head + 1) / H) * (t - j)
      rel    s_tj += q_t . r_min(t-j, R-1) / sqrt(e), r = rel.weight [R, d], a row a distance, split by heads (Shaw et
             al. 2018, Huang et al. 2018)
    The state of a Transformer is a cache of keys and values, which holds more than a window: see pmt_net_restore. */
#ifndef PMT_NN_NET_H
#define PMT_NN_NET_H

#include "base/attributes.h"
#include "base/status.h"
#include "base/hints.h"
#include "nn/kernel.h"
#include "nn/tensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PMT_STYLES_MAX = 32,
  PMT_LAYERS_MAX = 8,
  PMT_NET_DIM_MAX = 4096, /**< d and h of a recurrent net */
};

/** Limits of a Transformer: they keep the largest chunk below 150 000 multiply-adds. */
enum {
  PMT_TF_LAYERS_MAX = 12,      /**< layers */
  PMT_TF_DIM_MAX = 1024,    /**< d */
  PMT_HEADS_MAX = 32,
  PMT_HEAD_MAX = 128,       /**< d / heads */
  PMT_FF_MAX = 2048,
  PMT_WINDOW_MIN = 2,
  PMT_WINDOW_MAX = 8192,
  PMT_REWIND_USUAL = 2048,  /**< tokens a state can be taken back by, unless that needs more than PMT_CACHE_USUAL */
  PMT_REWIND_MIN = 256,     /**< more than a slot and its successor; what is given even beyond PMT_CACHE_USUAL */
  PMT_TICK_FIRST = 4,       /**< slot-v1's T0 and T23, unless pmt_net_set_ticks says otherwise */
  PMT_TICK_LAST = 27,
};
#define PMT_CACHE_USUAL ((size_t)24 << 20) /**< bytes of keys and values in a state */
#define PMT_CACHE_MAX ((size_t)64 << 20)   /**< a net that needs more is refused */

typedef enum { PMT_ARCH_LSTM, PMT_ARCH_GRU, PMT_ARCH_RNN, PMT_ARCH_TF } PmtArch;
typedef enum { PMT_POS_ROPE, PMT_POS_ROPE2, PMT_POS_SIN, PMT_POS_ALIBI, PMT_POS_REL } PmtPos;

typedef struct {
  PmtArch arch;
  uint32_t vocab;   /**< V */
  uint32_t d;       /**< embedding width */
  uint32_t h;       /**< hidden width of each layer; d in a Transformer */
  uint32_t layers;  /**< 1..PMT_LAYERS_MAX or PMT_TF_LAYERS_MAX */
  uint32_t styles;  /**< rows of style.weight; 0 = no such tensor */
  bool meter, key, phrase, density; /**< which conditioning tables the file has */
  PmtPos pos;       /**< from here on: Transformers only */
  uint32_t heads, ff;
  uint32_t window;  /**< C: tokens attended, the new one included */
  uint32_t rel;     /**< R: distances that `rel` tells apart */
  uint32_t tick_first, tick_last; /**< tokens that advance musical time (`rope2`) */
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
    @param hints what the caller can tell beside tokens; what the file has of it is used. NULL = nothing
    @return PMT_BAD_ARG (hints outside the vocabulary), PMT_BAD_FILE, PMT_BAD_SHAPE, PMT_UNSUPPORTED, PMT_NO_MEM */
PmtStatus pmt_net_new(const PmtTensors* tensors, uint32_t vocab, const PmtHintShape* hints, PmtNet** net,
                      PmtError* error);
/** The same with a kernel of the caller's choice (one of pmt_kernels); pmt_net_new takes the widest. */
PmtStatus pmt_net_new_on(const PmtKernel* kernel, const PmtTensors* tensors, uint32_t vocab,
                         const PmtHintShape* hints, PmtNet** net, PmtError* error);
/** Which tokens, first..last, advance musical time (`rope2`). Before there are states. */
void pmt_net_set_ticks(PmtNet* net, uint32_t first, uint32_t last);
void pmt_net_free(PmtNet* net);
const PmtNetConfig* pmt_net_config(const PmtNet* net) PMT_RT;
/** What the net takes of the hints that were offered: a table with 0 rows, a leap with count 0 is not in the file. */
const PmtHintShape* pmt_net_hints(const PmtNet* net) PMT_RT;
bool pmt_net_takes_hints(const PmtNet* net) PMT_RT; /**< any */
size_t pmt_net_bytes(const PmtNet* net); /**< resident weights */
const char* pmt_net_kernel(const PmtNet* net); /**< "avx512", "avx2" or "portable" */

PmtStatus pmt_net_state_new(const PmtNet* net, PmtNetState** state);
void pmt_net_state_free(PmtNetState* state);
size_t pmt_net_state_bytes(const PmtNet* net);

/* A step in flight has no effect until it is complete: reset, restore and begin may give it up. */

/** As new: h = c = 0, u = 0, no step in flight. */
void pmt_net_reset(PmtNetState* state) PMT_RT;

/** Floats in a snapshot: layers * h, twice that for an LSTM; for a Transformer 10, whatever its size. They are bits:
    copy them, do not calculate with them. */
size_t pmt_net_snapshot_floats(const PmtNet* net) PMT_RT;
/** Copy the state out, as it was before a step in flight. */
void pmt_net_save(const PmtNetState* state, float* snapshot) PMT_RT;
/** Go back to where `save` was; a step in flight is given up, u stays as it is.
    A Transformer's snapshot only says where: it is good in the state it was taken from, resets in between or not, while
    the cache still holds that history. So not after more than PMT_REWIND_USUAL (for large nets fewer: what
    PMT_CACHE_USUAL affords, at least PMT_REWIND_MIN) other tokens, and not when since then another token, or the same
    under another u, was fed in the place of one of its own. Feeding the same again does no harm.
    @return false, and nothing has changed, when it is no longer there; a recurrent net always returns true */
bool pmt_net_restore(PmtNetState* state, const float* snapshot) PMT_RT;

/** Keep what there is now, so that a snapshot of this moment can be restored for good, whatever is fed after it: a
    Transformer puts a copy of its window aside, in place of what it kept before. Restoring it when it is no longer in
    the cache makes the step that follows dearer than pmt_net_step_cost: it copies the window back, in chunks like all
    else.
    Setup threads, while nobody runs the state. @return PMT_NO_MEM, and what was kept before still is */
PmtStatus pmt_net_keep(PmtNetState* state);

/** Set u for the steps to come (once a slot). A table the file does not have counts as zero, an index outside its
    table as 0. Bounded by (styles + 4) * 4 h additions (GRU 3 h, RNN h, Transformer d). */
void pmt_net_condition(PmtNetState* state, const PmtCondition* condition) PMT_RT;

/** Begin the step for one token: x = E[token] + u + what is told, as many additions a row as in pmt_net_condition, at
    most PMT_HINTS_MAX rows beside the token's; `rope` also takes e/2 sines.
    @param token below V @param hints told with it, copied; NULL = nothing. A row or anchor outside its table or leap
    counts as nothing told */
void pmt_net_begin(PmtNetState* state, uint32_t token, const PmtHints* hints) PMT_RT;

/** Run whole chunks until at least `budget` multiply-adds are spent or the step is complete (0 runs nothing). Chunk
    borders are fixed at load, so any sequence of budgets gives the same bits.
    @param[in,out] spent multiply-adds spent are added (may exceed the budget by less than the largest chunk)
    @return true when the step is complete and the logits stand (or none is in flight) */
bool pmt_net_run(PmtNetState* state, uint64_t budget, uint64_t* spent) PMT_RT;

/** Multiply-adds of one whole step, and of the largest chunk. A Transformer's steps cost less while its window fills,
    how much less is a function of how many tokens there were; this is the most. */
uint64_t pmt_net_step_cost(const PmtNet* net) PMT_RT;
uint64_t pmt_net_chunk_cost_max(const PmtNet* net) PMT_RT;

/** (V) logits of the last complete step; the caller may overwrite them until the next begin. */
float* pmt_net_logits(PmtNetState* state) PMT_RT;

#endif
