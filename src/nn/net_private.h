/* SPDX-License-Identifier: ISC */
/* What net.c (audio thread) and net_setup.c (never there) share: the shapes in memory. Nobody else includes this.

   The first layer reads one row of E and a sum of conditioning rows, so its products are taken at load:
   W_ih (E[token] + u) = (W_ih E)[token] + (W_ih S) w + ...  Rows of 4 H are looked up and added as its bias; W_ih of
   the first layer, an eighth of the weights of a 2 x 384 net, is never read again.

   h and V are padded: H to whole cells of 16 units, V to whole panels. Padding is zero weights and zero biases, which
   keep the padded units at exactly 0, so it needs no masks. "Gates" are 4 H numbers in the order of PmtCellRun: panel
   by panel the i, f, g, o of 16 units. */
#ifndef PMT_NN_NET_PRIVATE_H
#define PMT_NN_NET_PRIVATE_H

#include "base/arena.h"
#include "nn/kernel.h"
#include "nn/net.h"

/* One matrix of the step. A layer's is [W_ih | W_hh], the first layer's W_hh, with rows as gates. */
typedef struct {
  uint32_t cols;    /* padded */
  uint32_t panels;
  float* w;         /* packed (panels * PMT_PANEL, cols) */
  float* b;         /* (panels * PMT_PANEL); the first layer's is in token already */
  uint64_t cost;    /* multiply-adds of one chunk = one panel and, in a layer, its cell */
} PmtNetMatrix;

typedef enum { PMT_TABLE_METER, PMT_TABLE_KEY, PMT_TABLE_PHRASE, PMT_TABLE_DENSITY, PMT_TABLES } PmtTable;

struct PmtNet {
  PmtNetConfig config;
  PmtArena arena;           /* holds all, this struct too */
  PmtKernel kernel;
  uint32_t h_pad, gates;    /* H, 4 H */
  float* token;             /* (V, 4 H) = W_ih E + b_ih + b_hh */
  float* style;             /* (styles, 4 H) = W_ih S, or NULL */
  float* table[PMT_TABLES]; /* (pmt_table_rows, 4 H), likewise */
  PmtNetMatrix matrix[PMT_LAYERS_MAX + 1]; /* the layers', then the output's */
  uint64_t step_cost, chunk_cost_max;
};

/* A step changes c_next and the inputs of the layers above only; h and c move on when it is complete. So a step in
   flight can be given up by beginning another, by a reset or by a restore. */
struct PmtNetState {
  const PmtNet* net;
  PmtArena arena;                    /* holds all, this struct too */
  float* u;                          /* (4 H) = W_ih u */
  float* first;                      /* (4 H) what the first layer's gates start from in this step */
  float* input[PMT_LAYERS_MAX + 1];  /* first: (H) = h before the step; others (H, H) = [a | h]; last: (H) = h on top */
  float* c[PMT_LAYERS_MAX];          /* (H) before the step */
  float* c_next[PMT_LAYERS_MAX];     /* (H) after it */
  float* gates;                      /* (4 H) */
  float* logits;                     /* (padded V) */
  uint32_t stage;                    /* cursor: matrix now worked on; layers + 1 = no step in flight */
  uint32_t panel;                    /* cursor: next panel of it */
};

extern const uint32_t pmt_table_rows[PMT_TABLES];

/* Columns that layer l reads from below. */
static inline uint32_t pmt_net_below(const PmtNet* const net, const uint32_t layer) PMT_RT {
  return layer ? net->h_pad : 0;
}

#endif
