/* SPDX-License-Identifier: ISC */
/* The step of a Transformer, chunk by chunk. Above: net.c. Below: net_tf_cache.c, the kernels in nn/kernel_*.c.

   A chunk is a panel of a matrix; or, in attention, the scores of one head over a span of the cache, or its values over
   such a span. What a chunk costs follows from the plan alone, and the plan from how many tokens there were. */
#include "base/random.h"
#include "nn/activation.h"
#include "nn/net_private.h"
#include "nn/phase.h"

#include <string.h>

enum { GELU_COST = 1024, WEIGH_COST = 8 }; /* a panel of gelu, an exponential: the time of so many multiply-adds */

static const float masked = -1e30f;

/* ---- Beginning --------------------------------------------------------------------------------------------------- */

void pmt_net_tf_condition(PmtNetState* const state) {
  uint64_t hash = 0;
  for (uint32_t i = 0; i < state->net->width; ++i) {
    hash = pmt_random_mix(hash ^ pmt_bits(state->u[i]));
  }
  state->tf.u_hash = hash;
}

static PmtTfPlace place_after(const PmtNetState* const state, const uint32_t token) {
  const PmtNetConfig* const c = &state->net->config;
  PmtTfPlace next = state->tf.at;
  ++next.n;
  next.slots += token >= c->tick_first && token <= c->tick_last;
  next.hash = pmt_random_bits(next.hash, state->tf.u_hash ^ pmt_net_hints_hash(state), token);
  return next;
}

static void begin_rotation(PmtNetState* const state) {
  const PmtTf* const tf = &state->net->tf;
  PmtTfState* const s = &state->tf;
  const uint64_t token = s->at.before + s->at.n - s->at.origin;
  for (uint32_t i = 0; i < tf->pairs; ++i) {
    const uint64_t count = i < tf->pairs_by_token ? token : s->next.slots;
    pmt_phase_rotation(count * tf->turn[i], &s->sine[i], &s->cosine[i]);
  }
}

/* E[token] + u, what is told, and its position where that is added. */
static void begin_input(PmtNetState* const state, const uint32_t token, const uint32_t pass) {
  const PmtNet* const net = state->net;
  const float* const row = net->token + (size_t)token * net->width;
  const float* const position =
      net->tf.position ? net->tf.position + (size_t)(state->tf.plan.view[pass].hi - 1) * net->width : NULL;
  float* const x = state->tf.lane[pass].x[0];
  for (uint32_t i = 0; i < net->width; ++i) {
    x[i] = row[i] + state->u[i];
  }
  pmt_net_hints_add(state, x);
  for (uint32_t i = 0; position && i < net->width; ++i) {
    x[i] += position[i];
  }
  for (uint32_t i = 0; i < net->width; i += PMT_PANEL) {
    net->kernel.settle(x + i);
  }
}

void pmt_net_tf_begin(PmtNetState* const state, const uint32_t token) {
  PmtTfState* const s = &state->tf;
  s->next = place_after(state, token);
  s->plan = pmt_net_tf_plan(state->net, s->at.n, s->at.origin);
  for (uint32_t pass = 0; pass < s->plan.n_passes; ++pass) {
    begin_input(state, token, pass);
  }
  s->plan.stage = s->recalling ? PMT_TF_RECALL : PMT_TF_NORM_IN;
  begin_rotation(state);
  pmt_net_tf_enter(state);
}

/* ---- The plan ---------------------------------------------------------------------------------------------------- */

/* How a head's attention is cut. */
typedef struct {
  uint32_t blocks, spans;         /* of the cache; once for the scores, once for the values */
  uint32_t rel_first, rel_spans;  /* panels of near enough distances */
} Cut;

static uint32_t divide_up(const uint32_t n, const uint32_t by) {
  return (n + by - 1) / by;
}

static Cut cut_of(const PmtNet* const net, const PmtTfView* const view) {
  const uint32_t count = view->hi - view->lo, rows = net->config.rel, span = net->tf.span;
  Cut cut = {.blocks = pmt_net_tf_blocks(view)};
  cut.spans = divide_up(cut.blocks, span);
  cut.rel_first = rows > count ? (rows - count) / PMT_PANEL : 0;
  cut.rel_spans = divide_up(net->tf.rel_panels - cut.rel_first, span);
  return cut;
}

typedef enum { PART_REL, PART_SCORE, PART_BLEND } Part;

typedef struct {
  Part part;
  uint32_t head, first, n; /* blocks of the cache, or panels of distances */
  bool last;               /* of the part */
} Piece;

static uint32_t pieces_of_head(const Cut* const cut) {
  return cut->rel_spans + 2 * cut->spans;
}

static Piece span_of(const Part part, const uint32_t head, const uint32_t begin, const uint32_t end,
                     const uint32_t span, const uint32_t index) {
  const uint32_t first = begin + index * span, left = end - first;
  return (Piece){part, head, first, left < span ? left : span, left <= span};
}

static Piece piece_at(const PmtNet* const net, const PmtTfView* const view, const uint32_t index) {
  const PmtTf* const tf = &net->tf;
  const Cut cut = cut_of(net, view);
  const uint32_t head = index / pieces_of_head(&cut), i = index % pieces_of_head(&cut);
  if (i < cut.rel_spans) {
    return span_of(PART_REL, head, cut.rel_first, tf->rel_panels, tf->span, i);
  }
  if (i < cut.rel_spans + cut.spans) {
    return span_of(PART_SCORE, head, 0, cut.blocks, tf->span, i - cut.rel_spans);
  }
  return span_of(PART_BLEND, head, 0, cut.blocks, tf->span, i - cut.rel_spans - cut.spans);
}

static uint64_t cost_of_piece(const PmtNet* const net, const Piece* const piece) {
  const uint64_t rows = (uint64_t)piece->n * PMT_PANEL;
  return piece->part == PART_BLEND ? rows * (net->tf.strip * net->tf.strips + WEIGH_COST) : rows * net->tf.head;
}

/* A pass that only prepares ends with the keys and values of the last block. */
static uint32_t first_pass(const PmtNet* const net, const PmtTfPlan* const plan) {
  return plan->layer + 1 == net->config.layers && plan->stage > PMT_TF_PLACE ? plan->n_passes - 1 : 0;
}

/* Recalling: as in attention, a head over a span of the cache, but of all layers. */
static PmtTfBlocks blocks_at(const PmtNet* const net, const PmtTfView* const view, const uint32_t pass,
                             const uint32_t index) {
  const Cut cut = cut_of(net, view);
  const uint32_t head = index / cut.spans;
  const Piece piece = span_of(PART_BLEND, head % net->config.heads, 0, cut.blocks, net->tf.span, index % cut.spans);
  return (PmtTfBlocks){pass, head / net->config.heads, piece.head, piece.first, piece.n};
}

/* Chunks of a pass in a stage that shares no weights. */
static uint32_t chunks_apart(const PmtNet* const net, const PmtTfPlan* const plan, const uint32_t pass) {
  const Cut cut = cut_of(net, &plan->view[pass]);
  return net->config.heads *
         (plan->stage == PMT_TF_RECALL ? net->config.layers * cut.spans : pieces_of_head(&cut));
}

static bool is_apart(const PmtTfPlan* const plan) {
  return plan->stage == PMT_TF_ATTEND || plan->stage == PMT_TF_RECALL;
}

static uint32_t panels_of(const PmtNet* const net, const PmtTfPlan* const plan) {
  const PmtTfBlock* const block = &net->tf.block[plan->layer];
  switch (plan->stage) {
  case PMT_TF_QKV: return block->qkv.panels;
  case PMT_TF_JOIN: return block->o.panels;
  case PMT_TF_WIDEN: return block->f1.panels;
  case PMT_TF_NARROW: return block->f2.panels;
  case PMT_TF_OUT: return net->out.panels;
  default: return 1;
  }
}

static uint32_t chunks_of(const PmtNet* const net, const PmtTfPlan* const plan) {
  uint32_t n = 0;
  for (uint32_t pass = first_pass(net, plan); pass < plan->n_passes; ++pass) {
    n += is_apart(plan) ? chunks_apart(net, plan, pass) : panels_of(net, plan);
  }
  return n;
}

/* The chunk at the cursor. Where there are no weights to share one pass follows the other. */
typedef struct {
  uint32_t pass, index;
} Chunk;

static Chunk chunk_at(const PmtNet* const net, const PmtTfPlan* const plan) {
  const uint32_t first = first_pass(net, plan), passes = plan->n_passes - first;
  if (!is_apart(plan)) {
    return (Chunk){first + plan->index % passes, plan->index / passes};
  }
  const uint32_t of_first = chunks_apart(net, plan, first);
  return plan->index < of_first ? (Chunk){first, plan->index} : (Chunk){first + 1, plan->index - of_first};
}

uint64_t pmt_net_tf_cost(const PmtNet* const net, const PmtTfPlan* const plan) {
  const uint64_t d = net->config.d;
  const Chunk chunk = chunk_at(net, plan);
  switch (plan->stage) {
  case PMT_TF_RECALL: {
    const uint64_t rows = (uint64_t)PMT_PANEL * blocks_at(net, &plan->view[chunk.pass], chunk.pass, chunk.index).n;
    return rows * (net->tf.head + net->tf.strip * net->tf.strips);
  }
  case PMT_TF_NORM_IN:
  case PMT_TF_NORM_FF:
  case PMT_TF_NORM_OUT: return 4 * d;
  case PMT_TF_PLACE: return 16 * d;
  case PMT_TF_ATTEND: {
    const Piece piece = piece_at(net, &plan->view[chunk.pass], chunk.index);
    return cost_of_piece(net, &piece);
  }
  case PMT_TF_WIDEN: return PMT_PANEL * d + GELU_COST;
  case PMT_TF_NARROW: return PMT_PANEL * (uint64_t)net->config.ff;
  case PMT_TF_OUT: return pmt_net_out_cost(net, chunk.index);
  default: return PMT_PANEL * d;
  }
}

bool pmt_net_tf_move_on(const PmtNet* const net, PmtTfPlan* const plan) {
  if (++plan->index < chunks_of(net, plan)) {
    return true;
  }
  plan->index = 0;
  if (plan->stage == PMT_TF_NARROW && plan->layer + 1 < net->config.layers) {
    plan->stage = PMT_TF_NORM_IN;
    ++plan->layer;
    return true;
  }
  return plan->stage++ < PMT_TF_OUT;
}

/* ---- Attention --------------------------------------------------------------------------------------------------- */

/* Pairs of neighbours, the same in each head. */
static void rotate(const PmtNetState* const state, float* x) {
  const PmtTf* const tf = &state->net->tf;
  for (uint32_t head = 0; head < state->net->config.heads; ++head, x += tf->head) {
    for (uint32_t i = 0; i < tf->pairs; ++i) {
      const float c = state->tf.cosine[i], s = state->tf.sine[i], left = x[2 * i], right = x[2 * i + 1];
      x[2 * i] = left * c - right * s;
      x[2 * i + 1] = left * s + right * c;
    }
  }
}

static void place_token(PmtNetState* const state, const uint32_t pass) {
  const PmtNetConfig* const c = &state->net->config;
  const PmtTf* const tf = &state->net->tf;
  const PmtTfPlan* const plan = &state->tf.plan;
  const uint32_t place = plan->view[pass].place;
  float *const q = state->tf.lane[pass].qkv, *const k = q + c->d, *const v = k + c->d;
  rotate(state, q);
  rotate(state, k);
  for (uint32_t i = 0; i < c->d; ++i) {
    q[i] = pmt_tame(q[i] * tf->scale);
  }
  for (uint32_t head = 0; head < c->heads; ++head) {
    float* const keys = pmt_net_tf_keys(state, plan->layer, head, place / PMT_PANEL) + place % PMT_PANEL;
    for (uint32_t i = 0; i < tf->head; ++i) {
      keys[(size_t)i * PMT_PANEL] = pmt_tame(k[head * tf->head + i]);
    }
    for (uint32_t i = 0; i < tf->head; i += tf->strip) {
      const uint32_t n = tf->head - i < tf->strip ? tf->head - i : tf->strip;
      memcpy(pmt_net_tf_values(state, plan->layer, head, i / tf->strip, place), v + head * tf->head + i, n * sizeof *v);
    }
  }
}

/* q . r of each distance near enough to matter. */
static void run_rel(PmtNetState* const state, const uint32_t pass, const Piece* const piece) {
  const PmtNet* const net = state->net;
  const uint32_t e = net->tf.head;
  const float* const r = net->tf.block[state->tf.plan.layer].rel +
                         ((size_t)piece->head * net->tf.rel_panels + piece->first) * PMT_PANEL * e;
  const size_t row = (size_t)piece->first * PMT_PANEL;
  net->kernel.run(r, e, state->tf.zero, state->tf.lane[pass].qkv + piece->head * e, state->tf.near + row, 0, piece->n);
}

/* What the scores of places from..to - 1 start from. */
static void fill_bias(PmtNetState* const state, const PmtTfView* const view, const uint32_t head, const uint32_t from,
                      const uint32_t to) {
  const PmtNet* const net = state->net;
  PmtTfState* const s = &state->tf;
  const int64_t self = (int64_t)view->hi - 1; /* its distance is 0 */
  if (net->config.pos == PMT_POS_ALIBI) {
    for (int64_t i = from; i < to; ++i) {
      s->bias[i] = net->tf.slope[head] * (float)(i - self);
    }
  }
  if (net->config.pos == PMT_POS_REL) { /* row r of `near` is distance R - 1 - r; what is farther counts as R - 1 */
    const int64_t shift = self - ((int64_t)net->config.rel - 1);
    const int64_t near = shift < from ? from : shift > to ? to : shift;
    for (int64_t i = from; i < near; ++i) {
      s->bias[i] = s->near[0];
    }
    for (int64_t i = near; i < to; ++i) {
      s->bias[i] = s->near[i - shift];
    }
  }
}

/* Whole blocks are computed; what lies outside the window gets a weight of exactly 0. */
static void mask(float* const scores, const PmtTfView* const view, const uint32_t from, const uint32_t to) {
  for (uint32_t i = from; i < view->lo; ++i) {
    scores[i] = masked;
  }
  for (uint32_t i = view->hi > from ? view->hi : from; i < to; ++i) {
    scores[i] = masked;
  }
}

static void run_score(PmtNetState* const state, const uint32_t pass, const Piece* const piece) {
  const PmtNet* const net = state->net;
  PmtTfState* const s = &state->tf;
  const PmtTfView* const view = &s->plan.view[pass];
  const uint32_t from = piece->first * PMT_PANEL, to = from + piece->n * PMT_PANEL, e = net->tf.head;
  fill_bias(state, view, piece->head, from, to);
  for (uint32_t i = 0, run = 0; i < piece->n; i += run) { /* in two runs where the ring wraps */
    const uint32_t block = (view->block + piece->first + i) % net->tf.blocks, at = from + i * PMT_PANEL;
    run = piece->n - i < net->tf.blocks - block ? piece->n - i : net->tf.blocks - block;
    net->kernel.run(pmt_net_tf_keys(state, s->plan.layer, piece->head, block), e, s->bias + at,
                    s->lane[pass].qkv + piece->head * e, s->scores + at, 0, run);
  }
  mask(s->scores, view, from, to);
  s->top = net->kernel.top(s->scores + from, to - from, piece->first ? s->top : masked);
}

static void blend_strip(PmtNetState* const state, const PmtTfView* const view, const uint32_t head,
                        const uint32_t strip, const uint32_t from, const uint32_t to) {
  const PmtTf* const tf = &state->net->tf;
  PmtTfState* const s = &state->tf;
  const uint32_t places = tf->blocks * PMT_PANEL, base = view->block * PMT_PANEL;
  float unused = 0.0f;
  for (uint32_t i = from, run = 0; i < to; i += run) {
    const uint32_t place = (base + i) % places;
    run = to - i < places - place ? to - i : places - place;
    state->net->kernel.blend(pmt_net_tf_values(state, s->plan.layer, head, strip, place), tf->strip, s->scores + i, run,
                             s->blended + (size_t)strip * tf->strip, strip ? &unused : &s->total);
  }
}

static void run_blend(PmtNetState* const state, const uint32_t pass, const Piece* const piece) {
  const PmtTf* const tf = &state->net->tf;
  PmtTfState* const s = &state->tf;
  const PmtTfView* const view = &s->plan.view[pass];
  const uint32_t from = piece->first * PMT_PANEL, to = from + piece->n * PMT_PANEL;
  if (!piece->first) {
    s->total = 0.0f;
    memset(s->blended, 0, (size_t)tf->strips * tf->strip * sizeof *s->blended);
  }
  state->net->kernel.weigh(s->scores + from, to - from, s->top);
  for (uint32_t strip = 0; strip < tf->strips; ++strip) {
    blend_strip(state, view, piece->head, strip, from > view->lo ? from : view->lo, to < view->hi ? to : view->hi);
  }
  for (uint32_t i = 0; piece->last && i < tf->head; ++i) {
    s->lane[pass].attended[piece->head * tf->head + i] = pmt_tame(s->blended[i] / s->total);
  }
}

static void run_attention(PmtNetState* const state, const Chunk chunk) {
  const Piece piece = piece_at(state->net, &state->tf.plan.view[chunk.pass], chunk.index);
  switch (piece.part) {
  case PART_REL: run_rel(state, chunk.pass, &piece); break;
  case PART_SCORE: run_score(state, chunk.pass, &piece); break;
  case PART_BLEND: run_blend(state, chunk.pass, &piece); break;
  }
}

/* ---- The step ---------------------------------------------------------------------------------------------------- */

static void run_norm(const PmtNet* const net, const PmtTfLane* const lane, const float* const gain,
                     const float* const x) {
  net->kernel.norm(x, gain, net->config.d, net->tf.d_pad, lane->normed);
}

static void run_panel(const PmtNet* const net, const PmtNetMatrix* const m, const uint32_t panel, const float* const b,
                      const float* const x, float* const y) {
  pmt_net_multiply(net, m, 0, m->cols, b, x, y, panel);
  net->kernel.settle(y + (size_t)panel * PMT_PANEL);
}

static void run_widen(const PmtNet* const net, const PmtNetMatrix* const m, const uint32_t panel,
                      const PmtTfLane* const lane) {
  pmt_net_multiply(net, m, 0, m->cols, m->b, lane->normed, lane->wide, panel);
  net->kernel.gelu(lane->wide + (size_t)panel * PMT_PANEL);
}

static void run_narrow(const PmtNet* const net, const PmtNetMatrix* const m, const uint32_t panel,
                       const PmtTfLane* const lane, float* const start) {
  const uint32_t row = panel * PMT_PANEL;
  for (uint32_t i = row; i < row + PMT_PANEL; ++i) {
    start[i] = lane->x[1][i] + m->b[i];
  }
  run_panel(net, m, panel, start, lane->wide, lane->x[0]);
}

static void run_recall(PmtNetState* const state, const Chunk chunk) {
  const PmtTfView* const view = &state->tf.plan.view[chunk.pass];
  const PmtTfBlocks blocks = blocks_at(state->net, view, chunk.pass, chunk.index);
  pmt_net_tf_copy(state, &state->tf.kept, view, blocks, PMT_TF_BACK);
}

static void run_chunk(PmtNetState* const state, const Chunk chunk) {
  const PmtNet* const net = state->net;
  PmtTfState* const s = &state->tf;
  const PmtTfBlock* const block = &net->tf.block[s->plan.layer];
  const PmtTfLane* const lane = &s->lane[chunk.pass];
  const uint32_t panel = chunk.index;
  switch (s->plan.stage) {
  case PMT_TF_RECALL: run_recall(state, chunk); break;
  case PMT_TF_NORM_IN: run_norm(net, lane, block->norm1, lane->x[0]); break;
  case PMT_TF_QKV: run_panel(net, &block->qkv, panel, block->qkv.b, lane->normed, lane->qkv); break;
  case PMT_TF_PLACE: place_token(state, chunk.pass); break;
  case PMT_TF_ATTEND: run_attention(state, chunk); break;
  case PMT_TF_JOIN: run_panel(net, &block->o, panel, lane->x[0], lane->attended, lane->x[1]); break;
  case PMT_TF_NORM_FF: run_norm(net, lane, block->norm2, lane->x[1]); break;
  case PMT_TF_WIDEN: run_widen(net, &block->f1, panel, lane); break;
  case PMT_TF_NARROW: run_narrow(net, &block->f2, panel, lane, s->start); break;
  case PMT_TF_NORM_OUT: run_norm(net, lane, net->tf.norm, lane->x[0]); break;
  case PMT_TF_OUT: pmt_net_run_out(state, lane->normed, panel);
  }
}

uint64_t pmt_net_tf_run(PmtNetState* const state) {
  const uint64_t cost = pmt_net_tf_cost(state->net, &state->tf.plan);
  run_chunk(state, chunk_at(state->net, &state->tf.plan));
  if (!pmt_net_tf_move_on(state->net, &state->tf.plan)) {
    pmt_net_tf_commit(state);
    state->running = false;
  } else if (state->tf.recalling && state->tf.plan.stage != PMT_TF_RECALL) {
    pmt_net_tf_recalled(state);
  }
  return cost;
}
