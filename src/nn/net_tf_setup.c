/* SPDX-License-Identifier: ISC */
/* The weights and states of Transformers. Above: net_setup.c. Below: nn/tensors, nn/kernel, nn/phase, base/arena. Never
   in the audio thread. */
#include "nn/activation.h"
#include "nn/net_private.h"
#include "nn/phase.h"

#include <math.h>

enum { CHUNK_ROWS = 64 * 1024 }; /* multiply-adds of a span of attention */

static const double ln_2 = 0.693147180559945309, ln_10000 = 9.210340371976182736, pi = 3.141592653589793238;

/* e^x from sums and products alone: libm's exp and pow may differ in the last bit from machine to machine. */
static double power_of_e(const double x) {
  const int whole = (int)floor(x / ln_2 + 0.5);
  const double r = x - whole * ln_2;
  double sum = 1.0;
  for (int i = 20; i > 0; --i) {
    sum = 1.0 + sum * r / i;
  }
  return ldexp(sum, whole);
}

/* ---- Sizes and shapes -------------------------------------------------------------------------------------------- */

static PmtStatus refuse(PmtError* const error, const char* const key, const int value, const char* const why,
                        const uint32_t what) {
  return pmt_fail(error, PMT_BAD_SHAPE, "metadata \"%s\" is %d, %s %u", key, value, why, what);
}

static PmtStatus check_heads(const PmtNetConfig* const c, PmtError* const error) {
  const uint32_t grain = c->pos == PMT_POS_ROPE ? 2 : c->pos == PMT_POS_ROPE2 ? 4 : 1;
  if (c->d % c->heads) {
    return refuse(error, "heads", (int)c->heads, "which does not divide d,", c->d);
  }
  if (c->d / c->heads > PMT_HEAD_MAX) {
    return refuse(error, "heads", (int)c->heads, "which makes heads wider than", PMT_HEAD_MAX);
  }
  if (c->d / c->heads % grain) {
    return refuse(error, "heads", (int)c->heads, "whose rotated heads must be a multiple of", grain);
  }
  if (c->pos == PMT_POS_SIN && c->d % 2) {
    return refuse(error, "d", (int)c->d, "with \"pos\" sin it must be a multiple of", 2);
  }
  if (c->pos == PMT_POS_SIN && c->window % 2) {
    return refuse(error, "window", (int)c->window, "with \"pos\" sin it must be a multiple of", 2);
  }
  return PMT_OK;
}

/* How many distances are told apart is what the first tensor says; the others must agree. */
static PmtStatus read_rel(const PmtTensors* const tensors, PmtNetConfig* const c, PmtError* const error) {
  const PmtNetName name = pmt_net_name("blk.", 0, ".rel.weight");
  const PmtTensor* const rel = pmt_tensors_find(tensors, name.text);
  if (c->pos != PMT_POS_REL) {
    return rel ? pmt_fail(error, PMT_BAD_SHAPE, "metadata \"pos\" is not \"rel\", but there is a tensor \"%s\"",
                          name.text)
               : PMT_OK;
  }
  if (!rel) {
    return pmt_fail(error, PMT_BAD_SHAPE, "tensor \"%s\" is missing", name.text);
  }
  c->rel = rel->shape[0];
  return c->rel > c->window ? refuse(error, "window", (int)c->window, "but distances are told apart up to", c->rel)
                            : PMT_OK;
}

static size_t place_bytes(const PmtNetConfig* const c, const PmtTf* const tf) {
  return (size_t)c->layers * c->heads * (tf->head + tf->strip * tf->strips) * sizeof(float);
}

/* Values side by side: whole vectors, at most a strip of them; wider heads take several strips. */
static void size_heads(const PmtNetConfig* const c, PmtTf* const tf) {
  tf->head = c->d / c->heads;
  tf->strip = tf->head > PMT_STRIP ? PMT_STRIP : pmt_net_round_up(tf->head, 16);
  tf->strips = (tf->head + tf->strip - 1) / tf->strip;
}

/* Segments: two in use, and what else can be afforded; never fewer than three, so that half a window can be taken
   back. */
static size_t size_segments(const PmtNetConfig* const c, PmtTf* const tf) {
  const uint32_t half = c->window / 2;
  tf->segment = pmt_net_round_up(c->window, PMT_PANEL);
  const size_t bytes = place_bytes(c, tf) * tf->segment, afforded = PMT_CACHE_USUAL / bytes;
  size_t n = 2 + (PMT_REWIND_USUAL + half - 1) / half;
  n = n > afforded ? afforded : n;
  n = n < 3 ? 3 : n;
  tf->entries = (uint32_t)n * half;
  tf->blocks = (uint32_t)n * tf->segment / PMT_PANEL;
  return n * bytes;
}

static size_t size_ring(const PmtNetConfig* const c, PmtTf* const tf) {
  const size_t bytes = place_bytes(c, tf), afforded = PMT_CACHE_USUAL / bytes / PMT_PANEL * PMT_PANEL;
  const uint32_t usual = pmt_net_round_up(c->window + PMT_REWIND_USUAL, PMT_PANEL);
  const uint32_t least = pmt_net_round_up(c->window + PMT_REWIND_MIN, PMT_PANEL);
  tf->entries = usual > afforded ? (uint32_t)afforded : usual;
  tf->entries = tf->entries < least ? least : tf->entries;
  tf->blocks = tf->entries / PMT_PANEL;
  return tf->entries * bytes;
}

/* @return bytes of keys and values */
static size_t size_cache(const PmtNetConfig* const c, PmtTf* const tf) {
  size_heads(c, tf);
  return c->pos == PMT_POS_SIN ? size_segments(c, tf) : size_ring(c, tf);
}

PmtStatus pmt_net_tf_config(const PmtTensors* const tensors, PmtNetConfig* const c, PmtError* const error) {
  static const char* const names[] = {[PMT_POS_ROPE] = "rope",   [PMT_POS_ROPE2] = "rope2", [PMT_POS_SIN] = "sin",
                                      [PMT_POS_ALIBI] = "alibi", [PMT_POS_REL] = "rel"};
  int d = 0, layers = 0, heads = 0, ff = 0, window = 0;
  size_t pos = 0;
  PmtStatus status = pmt_tensors_meta_int(tensors, "d", 1, PMT_TF_DIM_MAX, -1, &d, error);
  status = status ? status : pmt_tensors_meta_int(tensors, "layers", 1, PMT_TF_LAYERS_MAX, -1, &layers, error);
  status = status ? status : pmt_tensors_meta_int(tensors, "heads", 1, PMT_HEADS_MAX, -1, &heads, error);
  status = status ? status : pmt_tensors_meta_int(tensors, "ff", 1, PMT_FF_MAX, -1, &ff, error);
  status = status ? status
                  : pmt_tensors_meta_int(tensors, "window", PMT_WINDOW_MIN, PMT_WINDOW_MAX, -1, &window, error);
  status = status ? status : pmt_net_read_word(tensors, "pos", names, sizeof names / sizeof *names, &pos, error);
  if (status) {
    return status;
  }
  c->h = c->d;
  c->layers = (uint32_t)layers;
  c->heads = (uint32_t)heads;
  c->ff = (uint32_t)ff;
  c->window = (uint32_t)window;
  c->pos = (PmtPos)pos;
  c->tick_first = PMT_TICK_FIRST;
  c->tick_last = PMT_TICK_LAST;
  status = check_heads(c, error);
  status = status ? status : read_rel(tensors, c, error);
  PmtTf sizes = {0};
  const size_t bytes = status ? 0 : size_cache(c, &sizes);
  if (bytes > PMT_CACHE_MAX) {
    return refuse(error, "window", window, "its keys and values need more MiB than", PMT_CACHE_MAX >> 20);
  }
  const PmtNetName above = pmt_net_name("blk.", c->layers, ".qkv.weight"); /* a block too many would go unread */
  if (!status && pmt_tensors_find(tensors, above.text)) {
    return pmt_fail(error, PMT_BAD_SHAPE, "metadata \"layers\" is %d, but there is a tensor \"%s\"", layers,
                    above.text);
  }
  return status;
}

static PmtStatus check_matrix(const PmtTensors* const tensors, const uint32_t layer, const char* const rest,
                              const uint32_t rows, const uint32_t cols, PmtError* const error) {
  return pmt_tensors_load(tensors, pmt_net_name("blk.", layer, rest).text, rows, cols, NULL, error);
}

PmtStatus pmt_net_tf_check(const PmtTensors* const tensors, const PmtNetConfig* const c, PmtError* const error) {
  PmtStatus status = PMT_OK;
  for (uint32_t l = 0; l < c->layers && !status; ++l) {
    status = check_matrix(tensors, l, ".qkv.weight", 3 * c->d, c->d, error);
    status = status || !c->rel ? status : check_matrix(tensors, l, ".rel.weight", c->rel, c->d, error);
    status = status ? status : check_matrix(tensors, l, ".o.weight", c->d, c->d, error);
    status = status ? status : check_matrix(tensors, l, ".f1.weight", c->ff, c->d, error);
    status = status ? status : check_matrix(tensors, l, ".f2.weight", c->d, c->ff, error);
  }
  return status;
}

size_t pmt_net_tf_scratch(const PmtNetConfig* const c) {
  const uint32_t widest = c->ff > 3 * c->d ? c->ff : 3 * c->d;
  return (size_t)c->d * (widest > c->rel ? widest : c->rel);
}

/* ---- Positions --------------------------------------------------------------------------------------------------- */

/* Turns a token of pair i of a rope over `size` numbers. */
static uint64_t rope_turn(const uint32_t i, const uint32_t size) {
  return pmt_phase_turn(power_of_e(-2.0 * i / size * ln_10000) / (2.0 * pi));
}

/* Turns a slot of the i-th of n pairs: periods from 2 to 128 slots, geometric. */
static uint64_t slot_turn(const uint32_t i, const uint32_t n) {
  return pmt_phase_turn(0.5 * power_of_e(n > 1 ? -6.0 * ln_2 * i / (n - 1) : 0.0));
}

static void size_positions(const PmtNetConfig* const c, PmtTf* const tf) {
  const bool rope2 = c->pos == PMT_POS_ROPE2;
  tf->scale = 1.0f / sqrtf((float)tf->head);
  tf->pairs = rope2 || c->pos == PMT_POS_ROPE ? tf->head / 2 : 0;
  tf->pairs_by_token = rope2 ? tf->pairs / 2 : tf->pairs;
  for (uint32_t i = 0; i < tf->pairs; ++i) {
    tf->turn[i] = i < tf->pairs_by_token ? rope_turn(i, tf->head)
                                         : slot_turn(i - tf->pairs_by_token, tf->pairs - tf->pairs_by_token);
  }
  for (uint32_t head = 0; head < c->heads; ++head) {
    tf->slope[head] = (float)power_of_e(-8.0 * ln_2 * (head + 1) / c->heads);
  }
}

static void fill_positions(const PmtNet* const net) {
  const PmtNetConfig* const c = &net->config;
  for (uint32_t i = 0; net->tf.position && i < c->d / 2; ++i) {
    const uint64_t turn = rope_turn(i, c->d);
    for (uint32_t t = 0; t < c->window; ++t) {
      float* const row = net->tf.position + (size_t)t * net->width;
      pmt_phase_rotation(t * turn, &row[2 * i], &row[2 * i + 1]);
    }
  }
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

void pmt_net_tf_size(PmtNet* const net) {
  const PmtNetConfig* const c = &net->config;
  PmtTf* const tf = &net->tf;
  size_cache(c, tf);
  size_positions(c, tf);
  net->width = tf->d_pad = pmt_net_round_up(c->d, PMT_PANEL);
  tf->ff_pad = pmt_net_round_up(c->ff, PMT_PANEL);
  tf->rel_panels = pmt_panel_count(c->rel);
  tf->span = CHUNK_ROWS / PMT_PANEL / (tf->strip * tf->strips);
}

static float* layout_gain(PmtArena* const arena, const PmtNet* const net) {
  return pmt_arena_take(arena, net->width, sizeof(float));
}

void pmt_net_tf_layout(PmtArena* const arena, PmtNet* const net) {
  const PmtNetConfig* const c = &net->config;
  for (uint32_t l = 0; l < c->layers; ++l) {
    PmtTfBlock* const block = &net->tf.block[l];
    block->norm1 = layout_gain(arena, net);
    pmt_net_layout_matrix(arena, &block->qkv, 3 * c->d, c->d, net->half);
    const size_t rel = c->heads * pmt_packed_floats(c->rel, net->tf.head);
    block->rel = rel ? pmt_arena_take(arena, rel, sizeof(float)) : NULL;
    pmt_net_layout_matrix(arena, &block->o, c->d, c->d, net->half);
    block->norm2 = layout_gain(arena, net);
    pmt_net_layout_matrix(arena, &block->f1, c->ff, c->d, net->half);
    pmt_net_layout_matrix(arena, &block->f2, c->d, c->ff, net->half);
  }
  net->tf.norm = layout_gain(arena, net);
  const size_t positions = c->pos == PMT_POS_SIN ? (size_t)c->window * net->width : 0;
  net->tf.position = positions ? pmt_arena_take(arena, positions, sizeof(float)) : NULL;
}

void pmt_net_tf_state_layout(PmtArena* const arena, PmtNetState* const state) {
  const PmtNetConfig* const c = &state->net->config;
  const PmtTf* const tf = &state->net->tf;
  PmtTfState* const s = &state->tf;
  const size_t f = sizeof(float), places = (size_t)tf->blocks * PMT_PANEL;
  const uint32_t attended = pmt_net_round_up(c->window + PMT_PANEL, PMT_PANEL); /* from a block's first place on */
  for (unsigned i = 0; i < (tf->segment ? PMT_PASSES : 1); ++i) {
    PmtTfLane* const lane = &s->lane[i];
    lane->x[0] = pmt_arena_take(arena, tf->d_pad, f);
    lane->x[1] = pmt_arena_take(arena, tf->d_pad, f);
    lane->normed = pmt_arena_take(arena, tf->d_pad, f);
    lane->qkv = pmt_arena_take(arena, pmt_net_round_up(3 * c->d, PMT_PANEL), f);
    lane->attended = pmt_arena_take(arena, c->d, f);
    lane->wide = pmt_arena_take(arena, tf->ff_pad, f);
  }
  s->start = pmt_arena_take(arena, tf->d_pad, f);
  s->scores = pmt_arena_take(arena, attended, f);
  s->bias = pmt_arena_take(arena, attended, f);
  s->near = pmt_arena_take(arena, ((size_t)tf->rel_panels + 1) * PMT_PANEL, f);
  s->zero = pmt_arena_take(arena, (size_t)tf->rel_panels * PMT_PANEL, f);
  s->blended = pmt_arena_take(arena, (size_t)tf->strips * tf->strip, f);
  s->k = pmt_arena_take(arena, (size_t)c->layers * c->heads * places * tf->head, f);
  s->v = pmt_arena_take(arena, (size_t)c->layers * c->heads * places * tf->strip * tf->strips, f);
  s->history = pmt_arena_take(arena, tf->entries, sizeof *s->history);
}

/* ---- Keeping ----------------------------------------------------------------------------------------------------- */

static void layout_kept(PmtArena* const arena, const PmtNet* const net, PmtTfKept* const kept,
                        const uint32_t n_passes) {
  const size_t heads = (size_t)net->config.layers * net->config.heads;
  for (uint32_t pass = 0; pass < n_passes; ++pass) {
    const size_t rows = heads * pmt_net_tf_blocks(&kept->view[pass]) * PMT_PANEL;
    kept->k[pass] = pmt_arena_take(arena, rows * net->tf.head, sizeof(float));
    kept->v[pass] = pmt_arena_take(arena, rows * net->tf.strip * net->tf.strips, sizeof(float));
  }
}

PmtStatus pmt_net_tf_keep(PmtNetState* const state) {
  const PmtNetConfig* const c = &state->net->config;
  PmtTfState* const s = &state->tf;
  if (s->recalling) {
    return PMT_OK; /* it is what is kept already */
  }
  const PmtTfPlan plan = pmt_net_tf_plan(state->net, s->at.n, s->at.origin);
  PmtTfKept kept = {.place = s->at, .recalled = s->at, .view = {plan.view[0], plan.view[1]}};
  PmtArena arena = pmt_arena_measure();
  layout_kept(&arena, state->net, &kept, plan.n_passes);
  if (pmt_arena_allocate(&arena)) {
    return PMT_NO_MEM;
  }
  layout_kept(&arena, state->net, &kept, plan.n_passes);
  kept.arena = arena;
  for (uint32_t pass = 0; pass < plan.n_passes; ++pass) {
    for (uint32_t head = 0; head < c->layers * c->heads; ++head) {
      const PmtTfBlocks all = {pass, head / c->heads, head % c->heads, 0, pmt_net_tf_blocks(&kept.view[pass])};
      pmt_net_tf_copy(state, &kept, &kept.view[pass], all, PMT_TF_ASIDE);
    }
  }
  pmt_arena_release(&s->kept.arena);
  s->kept = kept;
  return PMT_OK;
}

/* ---- Filling it -------------------------------------------------------------------------------------------------- */

static PmtStatus load_vector(const PmtNetLoader* const loader, const char* const name, const uint32_t n,
                             float* const out) {
  const PmtStatus status = pmt_tensors_load(loader->tensors, name, n, 1, out, loader->error);
  for (uint32_t i = 0; i < n && !status; ++i) {
    out[i] = pmt_tame(out[i]);
  }
  return status;
}

static PmtStatus load_matrix(const PmtNetLoader* const loader, const uint32_t layer, const char* const rest,
                             const uint32_t rows, const PmtNetMatrix* const m) {
  const PmtNetName name = pmt_net_name("blk.", layer, rest);
  const PmtStatus status = pmt_tensors_load(loader->tensors, name.text, rows, m->cols, loader->scratch, loader->error);
  if (!status) {
    pmt_net_pack(m, 0, m->cols, 0, 0, loader->scratch, rows, m->cols);
  }
  return status;
}

/* Distance r of each head becomes row R - 1 - r of a matrix of its own. */
static PmtStatus load_rel(const PmtNetLoader* const loader, const PmtNet* const net, const uint32_t layer) {
  const uint32_t d = net->config.d, e = net->tf.head, rows = net->config.rel;
  float* const packed = net->tf.block[layer].rel;
  if (!packed) {
    return PMT_OK;
  }
  const PmtNetName name = pmt_net_name("blk.", layer, ".rel.weight");
  const PmtStatus status = pmt_tensors_load(loader->tensors, name.text, rows, d, loader->scratch, loader->error);
  for (uint32_t r = 0; r < rows && !status; ++r) {
    for (uint32_t head = 0; head < net->config.heads; ++head) {
      float* const of_head = packed + head * pmt_packed_floats(rows, e);
      pmt_panels_pack(of_head, e, rows - 1 - r, 0, loader->scratch + (size_t)r * d + (size_t)head * e, 1, e);
    }
  }
  return status;
}

static PmtStatus load_block(const PmtNetLoader* const loader, const PmtNet* const net, const uint32_t l) {
  const PmtTfBlock* const block = &net->tf.block[l];
  const uint32_t d = net->config.d, ff = net->config.ff;
  PmtStatus status = load_vector(loader, pmt_net_name("blk.", l, ".norm1.weight").text, d, block->norm1);
  status = status ? status : load_matrix(loader, l, ".qkv.weight", 3 * d, &block->qkv);
  status = status ? status : load_rel(loader, net, l);
  status = status ? status : load_matrix(loader, l, ".o.weight", d, &block->o);
  status = status ? status : load_vector(loader, pmt_net_name("blk.", l, ".norm2.weight").text, d, block->norm2);
  status = status ? status : load_matrix(loader, l, ".f1.weight", ff, &block->f1);
  status = status ? status : load_vector(loader, pmt_net_name("blk.", l, ".f1.bias").text, ff, block->f1.b);
  status = status ? status : load_matrix(loader, l, ".f2.weight", d, &block->f2);
  return status ? status : load_vector(loader, pmt_net_name("blk.", l, ".f2.bias").text, d, block->f2.b);
}

/* Rows as they are, padded. */
static PmtStatus load_rows(const PmtNetLoader* const loader, const PmtNet* const net, const char* const name,
                           const uint32_t rows, float* const table) {
  const uint32_t d = net->config.d;
  if (!table) {
    return PMT_OK;
  }
  const PmtStatus status = pmt_tensors_load(loader->tensors, name, rows, d, loader->scratch, loader->error);
  for (size_t i = 0; i < (size_t)rows * d && !status; ++i) {
    table[i / d * net->width + i % d] = pmt_tame(loader->scratch[i]);
  }
  return status;
}

PmtStatus pmt_net_tf_load(const PmtNetLoader* const loader, PmtNet* const net) {
  const PmtNetConfig* const c = &net->config;
  PmtStatus status = load_rows(loader, net, "emb.weight", c->vocab, net->token);
  status = status ? status : load_rows(loader, net, "style.weight", c->styles, net->style);
  for (unsigned i = 0; i < PMT_TABLES && !status; ++i) {
    status = load_rows(loader, net, pmt_table_names[i], pmt_table_rows[i], net->table[i]);
  }
  for (uint32_t i = 0; i < net->hints.n_tables && !status; ++i) {
    status = load_rows(loader, net, pmt_net_hint_name(net, i).text, net->hints.table[i].rows, net->hint[i]);
  }
  for (uint32_t l = 0; l < c->layers && !status; ++l) {
    status = load_block(loader, net, l);
  }
  fill_positions(net);
  return status ? status : load_vector(loader, "norm.weight", c->d, net->tf.norm);
}
