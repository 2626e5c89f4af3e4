/* SPDX-License-Identifier: ISC */
/* What the files net*.c share: the shapes in memory. X.c runs in the audio thread, X_setup.c never does. Nobody else
   includes this, but for the tests that look inside.

   Rows that a step looks up (one of E, some of conditioning) have `width` numbers. A recurrent net's first layer reads
   nothing but such rows, so its products are taken at load: W_ih (E[token] + u) = (W_ih E)[token] + (W_ih S) w + ...
   They are added as its bias; W_ih of the first layer, an eighth of the weights of a 2 x 384 LSTM, is never read again.
   A Transformer normalises before it multiplies, so there a row is E's or the table's own.

   Everything is padded to whole panels (an LSTM's H to 16 units): zero weights and zero biases keep the padding at
   exactly 0, so it needs no masks. */
#ifndef PMT_NN_NET_PRIVATE_H
#define PMT_NN_NET_PRIVATE_H

#include "base/arena.h"
#include "base/hints.h"
#include "nn/kernel.h"
#include "nn/net.h"

/* One matrix of the step. */
typedef struct {
  uint32_t cols;    /* padded where they are outputs of another matrix */
  uint32_t panels;
  float* w;         /* packed (panels * PMT_PANEL, cols); a GRU layer's: see PmtGruPanel. NULL: see `half` */
  uint16_t* half;   /* the same in 16 bits, when net->half */
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

/* ---- Transformer --------------------------------------------------------------------------------------------------

   What attention reads is packed like weights: 64 keys of a head make a panel, a place is a row of it, and its scores
   are a product like any other. Values lie row after row, in strips of at most 64 columns.

   Tokens are numbered n = 0, 1, ... as they enter the cache; a reset does not begin at 0 again, it moves `origin`, so
   that what was played before it can be gone back to while it is still there. Without `sin` the place of token n is
   n % entries. With `sin` the cache is cut into segments of a window each; segment g holds tokens g C/2 .. g C/2 + C - 1
   at positions 0 .. C - 1, and every token enters two: it is attended in the older and prepares the newer. */

enum {
  PMT_STRIP = 64,
  PMT_PASSES = 2, /* `sin` takes a token through the blocks twice */
};

typedef struct {
  float *norm1, *norm2;     /* (d_pad) */
  PmtNetMatrix qkv, o, f1, f2;
  float* rel;               /* a panel matrix (rel_rows, e) a head, farthest distance first, or NULL */
} PmtTfBlock;

typedef struct {
  uint32_t d_pad, ff_pad;
  uint32_t head;            /* e, the size of one */
  uint32_t strip, strips;   /* a head's values: e padded to so many columns side by side, so many times */
  uint32_t rel_panels;      /* of 64 distances */
  uint32_t blocks;          /* of 64 places, of a head in a layer */
  uint32_t segment;         /* `sin`: places of a segment; else 0 */
  uint32_t entries;         /* tokens told apart: newer ones take their place */
  uint32_t span;            /* blocks in a chunk of attention */
  uint32_t pairs;           /* of a head that are rotated ... */
  uint32_t pairs_by_token;  /* ... so many of them by the token's number, the others by the slot's */
  uint64_t turn[PMT_HEAD_MAX / 2];
  float slope[PMT_HEADS_MAX];
  float scale;              /* 1 / sqrt(e) */
  float* norm;              /* (d_pad) */
  float* position;          /* `sin`: (C, d_pad) */
  PmtTfBlock block[PMT_TF_LAYERS_MAX];
} PmtTf;

/* What a token reads of the cache: places lo..hi - 1 from the first of `block` on, around the ring. The last is its
   own. */
typedef struct {
  uint32_t place;           /* of itself */
  uint32_t block, lo, hi;
} PmtTfView;

typedef enum {
  PMT_TF_RECALL,            /* what was kept, back into the cache: only after restoring it */
  PMT_TF_NORM_IN,
  PMT_TF_QKV,
  PMT_TF_PLACE,             /* rotate, into the cache */
  PMT_TF_ATTEND,
  PMT_TF_JOIN,              /* W_o */
  PMT_TF_NORM_FF,
  PMT_TF_WIDEN,
  PMT_TF_NARROW,            /* and on to the next block */
  PMT_TF_NORM_OUT,
  PMT_TF_OUT,
} PmtTfStage;

/* The work of one step, a function of n and origin, and the cursor in it. Passes go side by side, panel by panel, so that
   weights are fetched once for both. */
typedef struct {
  uint32_t n_passes;        /* the last one makes the logits, one before it only keys and values */
  PmtTfView view[PMT_PASSES];
  uint32_t layer;
  PmtTfStage stage;
  uint32_t index;           /* next chunk of the stage */
} PmtTfPlan;

/* What a pass works on. */
typedef struct {
  float* x[2];              /* (d_pad) before and after attention; at first E + u, and the position with `sin` */
  float* normed;            /* (d_pad) */
  float* qkv;               /* (padded 3 d) */
  float* attended;          /* (d) */
  float* wide;              /* (ff_pad) */
} PmtTfLane;

/* Where a player is. A snapshot is nothing else. */
typedef struct {
  uint64_t n;               /* the token to come */
  uint64_t origin;          /* the first one since the reset that is in the cache ... */
  uint64_t before;          /* ... and how many were before it: 0, unless kept ones were recalled */
  uint64_t slots;           /* slot tokens since the reset */
  uint64_t hash;            /* of all tokens and u since then */
} PmtTfPlace;

/* A copy of all that the token after `place` reads. */
typedef struct {
  PmtArena arena;           /* holds the copies; empty: nothing is kept */
  PmtTfPlace place;         /* as it was then */
  PmtTfPlace recalled;      /* where it was last put back */
  PmtTfView view[PMT_PASSES];
  float *k[PMT_PASSES], *v[PMT_PASSES]; /* as in the cache, but only the blocks of the view */
} PmtTfKept;

typedef struct {
  PmtTfPlan plan;
  PmtTfPlace at, next;      /* before and after the step in flight */
  uint64_t begin, end;      /* the cache holds tokens begin .. end - 1, of one line */
  PmtTfKept kept;
  bool recalling;           /* `at` is in what is kept and not yet in the cache */
  uint64_t u_hash;
  PmtTfLane lane[PMT_PASSES];
  float* start;             /* (d_pad) what f2's product starts from */
  float* zero;              /* (rel_panels * 64) */
  float* scores;            /* (places) of one head, then weights */
  float* bias;              /* (places) what scores start from */
  float* near;              /* (rel_panels * 64 + 64) q . r, farthest first */
  float* blended;           /* (strips * strip) */
  float top, total;
  float sine[PMT_HEAD_MAX / 2], cosine[PMT_HEAD_MAX / 2];
  float* k;                 /* (layers, heads, blocks, e, 64) */
  float* v;                 /* (layers, heads, strips, places, strip) */
  uint64_t* history;        /* (entries) hash up to and including the token */
} PmtTfState;

/* ---- Both -------------------------------------------------------------------------------------------------------- */

struct PmtNet {
  PmtNetConfig config;
  PmtArena arena;           /* holds all, this struct too */
  PmtKernel kernel;
  bool half;                /* matrices are packed in 16 bits: the file has no more, and the kernel reads them */
  uint32_t width;           /* of a looked up row */
  float* token;             /* (V, width) */
  float* style;             /* (styles, width) or NULL */
  float* table[PMT_TABLES]; /* (pmt_table_rows, width) or NULL */
  PmtHintShape hints;       /* rows, count or n_kinds 0 where the file has nothing */
  float* hint[PMT_HINTS_MAX]; /* (rows, width) or NULL */
  uint32_t leap_row[PMT_LEAPS_MAX], kind_row; /* where they begin in `out` */
  bool takes_hints;
  uint32_t out_rows;        /* V, and those of leaps and kinds */
  PmtNetMatrix out;
  PmtRnn rnn;
  PmtTf tf;
  uint64_t finish_cost;     /* of hints, in the output's last panel */
  uint64_t step_cost, chunk_cost_max;
};

struct PmtNetState {
  const PmtNet* net;
  PmtArena arena;  /* holds all, this struct too */
  float* u;        /* (width) */
  float* logits;   /* (padded out_rows) */
  bool running;    /* a step is in flight */
  bool is_told;    /* ... of which this is told: */
  PmtHints told;
  PmtRnnState rnn;
  PmtTfState tf;
};

static inline bool pmt_net_is_tf(const PmtNet* const net) PMT_RT {
  return net->config.arch == PMT_ARCH_TF;
}

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

/* What is told beside a token, in net_hints.c. */

/* Of the step that begins; NULL = nothing. It is copied. */
void pmt_net_hints_tell(PmtNetState* state, const PmtHints* hints) PMT_RT;
/* x += what is told. @param x (width) */
void pmt_net_hints_add(const PmtNetState* state, float* x) PMT_RT;
/* Of what is added to the input. */
uint64_t pmt_net_hints_hash(const PmtNetState* state) PMT_RT;
/* The output's last panel is done: leaps and kinds to the logits. */
void pmt_net_hints_finish(PmtNetState* state) PMT_RT;

/* Multiply-adds of a panel of the output. */
static inline uint64_t pmt_net_out_cost(const PmtNet* const net, const uint32_t panel) PMT_RT {
  return (uint64_t)PMT_PANEL * net->out.cols + (panel + 1 == net->out.panels ? net->finish_cost : 0);
}

/* y = b + W x of one panel. @param at floats or halves from the beginning of the matrix */
static inline void pmt_net_multiply(const PmtNet* const net, const PmtNetMatrix* const m, const size_t at,
                                    const uint32_t cols, const float* const b, const float* const x, float* const y,
                                    const uint32_t panel) PMT_RT {
  if (m->half) {
    net->kernel.run_half(m->half + at, cols, b, x, y, panel, 1);
  } else {
    net->kernel.run(m->w + at, cols, b, x, y, panel, 1);
  }
}

static inline void pmt_net_run_out(PmtNetState* const state, const float* const h, const uint32_t panel) PMT_RT {
  const PmtNet* const net = state->net;
  pmt_net_multiply(net, &net->out, 0, net->out.cols, net->out.b, h, state->logits, panel);
  if (panel + 1 == net->out.panels) {
    pmt_net_hints_finish(state);
  }
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

/* Blocks of 64 places that a view touches. */
static inline uint32_t pmt_net_tf_blocks(const PmtTfView* const view) PMT_RT {
  return (view->hi + PMT_PANEL - 1) / PMT_PANEL;
}

static inline float* pmt_net_tf_keys(const PmtNetState* const state, const uint32_t layer, const uint32_t head,
                                     const uint32_t block) PMT_RT {
  const PmtTf* const tf = &state->net->tf;
  const size_t of_head = ((size_t)layer * state->net->config.heads + head) * tf->blocks;
  return state->tf.k + (of_head + block) * tf->head * PMT_PANEL;
}

static inline float* pmt_net_tf_values(const PmtNetState* const state, const uint32_t layer, const uint32_t head,
                                       const uint32_t strip, const uint32_t place) PMT_RT {
  const PmtTf* const tf = &state->net->tf;
  const size_t of_strip = ((size_t)layer * state->net->config.heads + head) * tf->strips + strip;
  return state->tf.v + (of_strip * tf->blocks * PMT_PANEL + place) * tf->strip;
}

void pmt_net_tf_condition(PmtNetState* state) PMT_RT; /* u has changed */
void pmt_net_tf_begin(PmtNetState* state, uint32_t token) PMT_RT;
uint64_t pmt_net_tf_run(PmtNetState* state) PMT_RT;
/* The plan alone: multiply-adds of the chunk at its cursor; one chunk on, false behind the last. */
uint64_t pmt_net_tf_cost(const PmtNet* net, const PmtTfPlan* plan) PMT_RT;
bool pmt_net_tf_move_on(const PmtNet* net, PmtTfPlan* plan) PMT_RT;

/* The cache, in net_tf_cache.c. */
void pmt_net_tf_reset(PmtNetState* state) PMT_RT;
/* As if so many tokens, slot tokens among them, had come before: what a host that plays for days gets to. For tests. */
void pmt_net_tf_reset_at(PmtNetState* state, uint64_t tokens, uint64_t slots) PMT_RT;
size_t pmt_net_tf_snapshot_floats(void) PMT_RT;
void pmt_net_tf_save(const PmtNetState* state, float* snapshot) PMT_RT;
bool pmt_net_tf_restore(PmtNetState* state, const float* snapshot) PMT_RT;
/* The plan for token n of a player who began at `origin`. */
PmtTfPlan pmt_net_tf_plan(const PmtNet* net, uint64_t n, uint64_t origin) PMT_RT;
/* A step begins to write at n, then has written all. */
void pmt_net_tf_enter(PmtNetState* state) PMT_RT;
void pmt_net_tf_commit(PmtNetState* state) PMT_RT;
/* Copy n blocks of a head in a layer, from the first-th of a view on, aside or back. */
typedef enum { PMT_TF_ASIDE, PMT_TF_BACK } PmtTfWay;
typedef struct {
  uint32_t pass, layer, head, first, n;
} PmtTfBlocks;
void pmt_net_tf_copy(const PmtNetState* state, const PmtTfKept* kept, const PmtTfView* view, PmtTfBlocks what,
                     PmtTfWay way) PMT_RT;
/* All of it is back. */
void pmt_net_tf_recalled(PmtNetState* state) PMT_RT;

/* What lives only while loading. */
typedef struct {
  const PmtTensors* tensors;
  PmtError* error;
  PmtArena arena;
  float* scratch; /* one tensor, converted */
  float* w;       /* recurrent: W_ih of the first layer, packed (width, d) */
  float* bias;    /* recurrent: (width) the first layer's, as a looked up row */
  float* zero;    /* recurrent: (width) */
} PmtNetLoader;

/* Hints, in net_hints_setup.c. */
typedef struct { char text[40]; } PmtNetHintName;
/* The table's tensor. */
PmtNetHintName pmt_net_hint_name(const PmtNet* net, uint32_t table);
/* Which of the offered the file has; refuse those that do not fit. */
PmtStatus pmt_net_hints_config(const PmtTensors* tensors, const PmtHintShape* offer, PmtNet* net, PmtError* error);
/* Rows of the largest tensor. */
uint32_t pmt_net_hints_rows(const PmtNet* net);
/* Additions of pmt_net_hints_finish, at most. */
uint64_t pmt_net_hints_cost(const PmtNet* net);
void pmt_net_hints_layout(PmtArena* arena, PmtNet* net);
PmtStatus pmt_net_hints_load_output(const PmtNetLoader* loader, const PmtNet* net);

/* Read the kind's own sizes; refuse those that are not there or do not fit. The common ones are read already. */
PmtStatus pmt_net_rnn_config(const PmtTensors* tensors, PmtNetConfig* config, PmtError* error);
PmtStatus pmt_net_rnn_check(const PmtTensors* tensors, const PmtNetConfig* config, PmtError* error);
/* Sizes; then, between the lookups and the output, the kind's own weights. Run twice, to measure and to carve. */
void pmt_net_rnn_size(PmtNet* net);
void pmt_net_rnn_layout(PmtArena* arena, PmtNet* net);
/* Floats of the largest tensor of its own; what else loading needs. */
size_t pmt_net_rnn_scratch(const PmtNetConfig* config);
void pmt_net_rnn_loader_layout(PmtNetLoader* loader, const PmtNet* net);
PmtStatus pmt_net_rnn_load(const PmtNetLoader* loader, PmtNet* net);
void pmt_net_rnn_state_layout(PmtArena* arena, PmtNetState* state);

PmtStatus pmt_net_tf_config(const PmtTensors* tensors, PmtNetConfig* config, PmtError* error);
PmtStatus pmt_net_tf_check(const PmtTensors* tensors, const PmtNetConfig* config, PmtError* error);
void pmt_net_tf_size(PmtNet* net);
void pmt_net_tf_layout(PmtArena* arena, PmtNet* net);
size_t pmt_net_tf_scratch(const PmtNetConfig* config);
PmtStatus pmt_net_tf_load(const PmtNetLoader* loader, PmtNet* net);
void pmt_net_tf_state_layout(PmtArena* arena, PmtNetState* state);
PmtStatus pmt_net_tf_keep(PmtNetState* state);

/* For all kinds, in net_setup.c. */
/* A word of the metadata, which must be one of `words`. */
PmtStatus pmt_net_read_word(const PmtTensors* tensors, const char* key, const char* const* words, size_t n,
                            size_t* index, PmtError* error);
void pmt_net_layout_matrix(PmtArena* arena, PmtNetMatrix* m, uint32_t rows, uint32_t cols, bool half);
/* Room for the weights alone. @param n of them */
void pmt_net_layout_weights(PmtArena* arena, PmtNetMatrix* m, size_t n, bool half);
/* As pmt_panels_pack, `at` weights from the beginning of the matrix. */
void pmt_net_pack(const PmtNetMatrix* m, size_t at, uint32_t cols_all, uint32_t row0, uint32_t col0, const float* w,
                  uint32_t rows, uint32_t cols);
/* The tensor `prefix`{i}`suffix`. */
typedef struct { char text[32]; } PmtNetName;
PmtNetName pmt_net_name(const char* prefix, uint32_t i, const char* suffix);
uint32_t pmt_net_round_up(uint32_t n, uint32_t to);

#endif
