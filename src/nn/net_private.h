/* SPDX-License-Identifier: ISC */
/* What the files net*.c share: the shapes in memory. X.c runs in the audio thread, X_setup.c never does. Nobody else
   includes this, but for the tests that look inside.

   Rows that a step looks up (one of E, some of conditioning) have `width` numbers. A recurrent net's first layer reads
   nothing but such rows, so its products are taken at load: W_ih (E[token] + u) = (W_ih E)[token] + (W_ih S) w + ...
   They are added as its bias; W_ih of the first layer, an eighth of the weights of a 2 x 384 LSTM, is never read again.
   A Transformer normalises before it multiplies, so there a row is E's own.

   Everything is padded to whole panels (an LSTM's H to 16 units): zero weights and zero biases keep the padding at
   exactly 0, so it needs no masks. */
#ifndef PMT_NN_NET_PRIVATE_H
#define PMT_NN_NET_PRIVATE_H

#include "base/arena.h"
#include "nn/kernel.h"
#include "nn/net.h"

/* One matrix of the step. */
typedef struct {
  uint32_t cols;    /* padded where they are outputs of another matrix */
  uint32_t panels;
  float* w;         /* packed (panels * PMT_PANEL, cols); a GRU layer's: see PmtGruPanel */
  float* b;         /* (panels * PMT_PANEL) */
} PmtNetMatrix;

typedef enum { PMT_TABLE_METER, PMT_TABLE_KEY, PMT_TABLE_PHRASE, PMT_TABLE_DENSITY, PMT_TABLES } PmtTable;

extern const uint32_t pmt_table_rows[PMT_TABLES];
extern const char* const pmt_table_names[PMT_TABLES];

/* ---- Recurrent nets ------------------------------------------------------------------------------------------------

   A layer's matrix is [W_ih | W_hh] (the first layer's W_hh alone), its rows in an order that lets cells follow a panel:
   LSTM  a panel = i, f, g, o of 16 units
   GRU   64 units take three panels, r, z, and the hidden side of n, and above the first layer a fourth, n's input side
   RNN   a panel = 64 units
   A looked up row is in the same order; a GRU's is r, z, n (its input side) of 64 units. */

typedef struct {
  uint32_t h_pad;
  PmtNetMatrix matrix[PMT_LAYERS_MAX]; /* b of the first layer is in net->token already, but for a GRU's hidden side */
} PmtRnn;

typedef enum { PMT_GRU_RESET, PMT_GRU_KEEP, PMT_GRU_HIDDEN, PMT_GRU_INPUT, PMT_GRU_PANELS } PmtGruKind;

/* A panel of a GRU layer reads only the columns it needs. */
typedef struct {
  uint32_t col, cols; /* of [a | h] */
  size_t at;          /* floats from the weights of its 64 units */
} PmtGruPanel;

/* A step changes c_next and the inputs of the layers above only; h and c move on when it is complete. So a step in
   flight can be given up by beginning another, by a reset or by a restore. */
typedef struct {
  float* first;                      /* (width) what the first layer's gates start from in this step */
  float* input[PMT_LAYERS_MAX + 1];  /* first: (H) = h before the step; others (H, H) = [a | h]; last: (H) = h on top */
  float* c[PMT_LAYERS_MAX];          /* LSTM: (H) before the step */
  float* c_next[PMT_LAYERS_MAX];     /* LSTM: (H) after it */
  float* gates;                      /* what the panels of one layer leave for the cells */
  uint32_t stage;                    /* cursor: the layer now worked on; layers = the output */
  uint32_t panel;                    /* cursor: next panel of it */
} PmtRnnState;

/* ---- Both ---------------------------------------------------------------------------------------------------------- */

struct PmtNet {
  PmtNetConfig config;
  PmtArena arena;           /* holds all, this struct too */
  PmtKernel kernel;
  uint32_t width;           /* of a looked up row */
  float* token;             /* (V, width) */
  float* style;             /* (styles, width) or NULL */
  float* table[PMT_TABLES]; /* (pmt_table_rows, width) or NULL */
  PmtNetMatrix out;
  PmtRnn rnn;
  uint64_t step_cost, chunk_cost_max;
};

struct PmtNetState {
  const PmtNet* net;
  PmtArena arena;  /* holds all, this struct too */
  float* u;        /* (width) */
  float* logits;   /* (padded V) */
  bool running;    /* a step is in flight */
  PmtRnnState rnn;
};

/* Columns that layer l reads from below. */
static inline uint32_t pmt_net_below(const PmtNet* const net, const uint32_t layer) PMT_RT {
  return layer ? net->rnn.h_pad : 0;
}

static inline PmtGruPanel pmt_net_gru_panel(const PmtNet* const net, const uint32_t layer,
                                            const PmtGruKind kind) PMT_RT {
  const uint32_t below = pmt_net_below(net, layer), h = net->rnn.h_pad, both = below + h;
  switch (kind) {
  case PMT_GRU_RESET: return (PmtGruPanel){0, both, 0};
  case PMT_GRU_KEEP: return (PmtGruPanel){0, both, (size_t)PMT_PANEL * both};
  case PMT_GRU_HIDDEN: return (PmtGruPanel){below, h, (size_t)2 * PMT_PANEL * both};
  default: return (PmtGruPanel){0, below, (size_t)PMT_PANEL * (2 * both + h)};
  }
}

static inline uint32_t pmt_net_gru_panels(const uint32_t layer) PMT_RT {
  return layer ? PMT_GRU_PANELS : PMT_GRU_INPUT;
}

/* One kind of net each; net.c and net_setup.c choose. */

void pmt_net_rnn_reset(PmtNetState* state) PMT_RT;
size_t pmt_net_rnn_snapshot_floats(const PmtNet* net) PMT_RT;
void pmt_net_rnn_save(const PmtNetState* state, float* snapshot) PMT_RT;
void pmt_net_rnn_restore(PmtNetState* state, const float* snapshot) PMT_RT;
void pmt_net_rnn_begin(PmtNetState* state, uint32_t token) PMT_RT;
/* Multiply-adds of the chunk at the cursor. */
uint64_t pmt_net_rnn_cost(const PmtNet* net, uint32_t stage, uint32_t panel) PMT_RT;
/* Run it and move on; the last one ends the step. @return its cost */
uint64_t pmt_net_rnn_run(PmtNetState* state) PMT_RT;

/* What lives only while loading. */
typedef struct {
  const PmtTensors* tensors;
  PmtError* error;
  PmtArena arena;
  float* scratch; /* one tensor, converted */
  float* w;       /* recurrent: W_ih of the first layer, packed (width, d) */
  float* bias;    /* (width) the first layer's, as a looked up row */
  float* zero;    /* (width) */
} PmtNetLoader;

/* Read the kind's own sizes; refuse those that are not there or do not fit. The common ones are read already. */
PmtStatus pmt_net_rnn_config(const PmtTensors* tensors, PmtNetConfig* config, PmtError* error);
PmtStatus pmt_net_rnn_check(const PmtTensors* tensors, const PmtNetConfig* config, PmtError* error);
/* Sizes; then, between the lookups and the output, the kind's own weights. Run twice, to measure and to carve. */
void pmt_net_rnn_size(PmtNet* net);
void pmt_net_rnn_layout(PmtArena* arena, PmtNet* net);
size_t pmt_net_rnn_scratch(const PmtNetConfig* config);
PmtStatus pmt_net_rnn_load(const PmtNetLoader* loader, PmtNet* net);
void pmt_net_rnn_state_layout(PmtArena* arena, PmtNetState* state);

/* For all kinds, in net_setup.c. */
void pmt_net_layout_matrix(PmtArena* arena, PmtNetMatrix* m, uint32_t rows, uint32_t cols);
/* The tensor `prefix`{i}`suffix`. */
typedef struct { char text[32]; } PmtNetName;
PmtNetName pmt_net_name(const char* prefix, uint32_t i, const char* suffix);
uint32_t pmt_net_round_up(uint32_t n, uint32_t to);

#endif
