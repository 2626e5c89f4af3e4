/* SPDX-License-Identifier: ISC */
/* What a Transformer remembers, which token stands where, and when it can be taken back. Above: net.c, net_tf.c.
   Below: nothing.

   The cache holds one line of tokens, begin .. end - 1. Going back leaves what comes after in place: if the same tokens
   are fed again under the same u, they leave the same numbers, and the line stays whole; the first that differs cuts
   it. Each token keeps a hash of its whole history, so one comparison tells whether a snapshot lies on the line. */
#include "base/random.h"
#include "nn/net_private.h"

#include <string.h>

_Static_assert(sizeof(PmtTfPlace) % sizeof(float) == 0, "a snapshot is counted in floats");

static uint64_t fed(const PmtTfPlace* const place) {
  return place->n - place->origin;
}

/* ---- Which token stands where ------------------------------------------------------------------------------------ */

static PmtTfView view_of_ring(const PmtNet* const net, const uint64_t n, const uint64_t origin) {
  const uint64_t window = net->config.window, before = n - origin;
  const uint32_t count = (uint32_t)(before < window ? before + 1 : window);
  const uint32_t first = (uint32_t)((n + 1 - count) % net->tf.entries), lo = first % PMT_PANEL;
  return (PmtTfView){
    .place = (uint32_t)(n % net->tf.entries), .block = first / PMT_PANEL, .lo = lo, .hi = lo + count};
}

/* The segment that begins with token `segment` * C / 2. */
static PmtTfView view_of_segment(const PmtNet* const net, const uint64_t n, const uint64_t segment) {
  const uint64_t half = net->config.window / 2, n_segments = net->tf.entries / half;
  const uint32_t base = (uint32_t)(segment % n_segments) * net->tf.segment, position = (uint32_t)(n - segment * half);
  return (PmtTfView){.place = base + position, .block = base / PMT_PANEL, .lo = 0, .hi = position + 1};
}

/* `sin`: the segment that token n is attended in. */
static uint64_t segment_of(const PmtNet* const net, const uint64_t n, const uint64_t origin) {
  const uint64_t half = net->config.window / 2, newest = n / half;
  return newest > origin / half ? newest - 1 : newest;
}

PmtTfPlan pmt_net_tf_plan(const PmtNet* const net, const uint64_t n, const uint64_t origin) {
  PmtTfPlan plan = {.n_passes = 1, .stage = PMT_TF_NORM_IN};
  if (!net->tf.segment) {
    plan.view[0] = view_of_ring(net, n, origin);
    return plan;
  }
  const uint64_t segment = segment_of(net, n, origin), newest = n / (net->config.window / 2);
  plan.n_passes = newest > segment ? 2 : 1;
  plan.view[0] = view_of_segment(net, n, newest);
  plan.view[plan.n_passes - 1] = view_of_segment(net, n, segment);
  return plan;
}

/* The oldest token whose keys and values are there once token n is. */
static uint64_t oldest_beside(const PmtNet* const net, const uint64_t n) {
  const uint64_t grain = net->tf.segment ? net->config.window / 2 : 1, last = (n / grain + 1) * grain;
  return last > net->tf.entries ? last - net->tf.entries : 0;
}

/* The oldest that token n reads. */
static uint64_t oldest_read(const PmtNet* const net, const PmtTfPlace* const place) {
  const uint64_t window = net->config.window;
  if (net->tf.segment) {
    return segment_of(net, place->n, place->origin) * (window / 2);
  }
  return place->n - (fed(place) < window ? fed(place) : window - 1);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static uint64_t* hash_of(const PmtNetState* const state, const uint64_t n) {
  return state->tf.history + n % state->net->tf.entries;
}

void pmt_net_tf_enter(PmtNetState* const state) {
  PmtTfState* const s = &state->tf;
  const uint64_t n = s->at.n, oldest = oldest_beside(state->net, n);
  s->begin = oldest > s->begin ? oldest : s->begin;
  if (n >= s->end || *hash_of(state, n) != s->next.hash) {
    s->end = n;
  }
}

void pmt_net_tf_commit(PmtNetState* const state) {
  PmtTfState* const s = &state->tf;
  *hash_of(state, s->at.n) = s->next.hash;
  s->at = s->next;
  s->end = s->at.n > s->end ? s->at.n : s->end;
}

/* ---- Going elsewhere --------------------------------------------------------------------------------------------- */

/* The next number at which a segment, or a block, begins. */
static uint64_t round_up(const PmtNetState* const state, const uint64_t n) {
  const uint64_t grain = state->net->tf.segment ? state->net->config.window / 2 : PMT_PANEL;
  return (n + grain - 1) / grain * grain;
}

static void go_to(PmtNetState* const state, const PmtTfPlace place) {
  state->tf.at = place;
  state->tf.recalling = false;
}

/* Tokens up to n are passed over: hashes left there by lines that were cut must not be taken for a history. */
static void skip_to(PmtNetState* const state, const uint64_t n) {
  PmtTfState* const s = &state->tf;
  for (uint32_t i = (uint32_t)(s->end % state->net->tf.entries); s->end < n; ++s->end) {
    s->history[i] = 0;
    i = i + 1 < state->net->tf.entries ? i + 1 : 0;
  }
}

/* Behind the line, so that what is there can still be gone back to. At the beginning of a block: how many blocks a window
   lies in decides what a step costs, and so which slot is late where all is too slow; that must not depend on what was
   played before. */
static void begin_anew(PmtNetState* const state) {
  PmtTfState* const s = &state->tf;
  skip_to(state, round_up(state, s->end));
  go_to(state, (PmtTfPlace){.n = s->end, .origin = s->end});
}

void pmt_net_tf_reset_at(PmtNetState* const state, const uint64_t tokens, const uint64_t slots) {
  begin_anew(state);
  state->tf.at.before = tokens;
  state->tf.at.slots = slots;
}

void pmt_net_tf_reset(PmtNetState* const state) {
  pmt_net_tf_reset_at(state, 0, 0);
}

size_t pmt_net_tf_snapshot_floats(void) {
  return sizeof(PmtTfPlace) / sizeof(float);
}

void pmt_net_tf_save(const PmtNetState* const state, float* const snapshot) {
  memcpy(snapshot, &state->tf.at, sizeof state->tf.at); /* bits in floats' clothes: they are only ever copied */
}

/* The cache has all that the token after `place` reads. */
static bool holds(const PmtNetState* const state, const PmtTfPlace* const place) {
  const PmtTfState* const s = &state->tf;
  return place->n <= s->end && fed(place) && oldest_read(state->net, place) >= s->begin &&
         *hash_of(state, place->n - 1) == place->hash;
}

/* ---- What is kept ------------------------------------------------------------------------------------------------ */

void pmt_net_tf_copy(const PmtNetState* const state, const PmtTfKept* const kept, const PmtTfView* const view,
                     const PmtTfBlocks what, const PmtTfWay way) {
  const PmtTf* const tf = &state->net->tf;
  const uint32_t blocks = pmt_net_tf_blocks(view);
  const size_t of_head = (size_t)what.layer * state->net->config.heads + what.head;
  const size_t keys = (size_t)tf->head * PMT_PANEL, values = (size_t)tf->strip * PMT_PANEL;
  for (uint32_t i = what.first; i < what.first + what.n; ++i) {
    const uint32_t block = (view->block + i) % tf->blocks;
    float* const k = kept->k[what.pass] + (of_head * blocks + i) * keys;
    float* const in_cache = pmt_net_tf_keys(state, what.layer, what.head, block);
    memcpy(way == PMT_TF_BACK ? in_cache : k, way == PMT_TF_BACK ? k : in_cache, keys * sizeof *k);
    for (uint32_t strip = 0; strip < tf->strips; ++strip) {
      float* const v = kept->v[what.pass] + ((of_head * tf->strips + strip) * blocks + i) * values;
      float* const there = pmt_net_tf_values(state, what.layer, what.head, strip, block * PMT_PANEL);
      memcpy(way == PMT_TF_BACK ? there : v, way == PMT_TF_BACK ? v : there, values * sizeof *v);
    }
  }
}

/* Behind the line, at the same place in a block or segment. The next step copies before it reads. */
static void begin_recall(PmtNetState* const state) {
  PmtTfState* const s = &state->tf;
  const PmtTfView* const view = &s->kept.view[0]; /* of two passes the newer segment's */
  const PmtTfPlace kept = s->kept.place;
  const uint64_t oldest = oldest_read(state->net, &kept), begin = round_up(state, s->end) + view->lo;
  const uint64_t n = begin + (kept.n - oldest), left_out = fed(&kept) - (kept.n - oldest);
  const uint64_t last = state->net->tf.segment ? n : n | (PMT_PANEL - 1); /* whole blocks are copied */
  const uint64_t overwritten = oldest_beside(state->net, last);
  go_to(state, (PmtTfPlace){n, begin, kept.before + left_out, kept.slots, kept.hash});
  s->begin = overwritten > s->begin ? overwritten : s->begin;
  skip_to(state, n);
  s->kept.recalled = s->at;
  s->recalling = true;
}

void pmt_net_tf_recalled(PmtNetState* const state) {
  *hash_of(state, state->tf.at.n - 1) = state->tf.at.hash;
  state->tf.recalling = false;
}

bool pmt_net_tf_restore(PmtNetState* const state, const float* const snapshot) {
  PmtTfState* const s = &state->tf;
  const PmtTfKept* const kept = &s->kept;
  PmtTfPlace place;
  memcpy(&place, snapshot, sizeof place);
  const uint64_t count = place.before + fed(&place);
  if (!count) {
    begin_anew(state);
  } else if (holds(state, &place)) {
    go_to(state, place);
  } else if (!kept->arena.base || kept->place.hash != place.hash || kept->place.before + fed(&kept->place) != count) {
    return false;
  } else if (holds(state, &kept->recalled)) {
    go_to(state, kept->recalled);
  } else {
    begin_recall(state);
  }
  return true;
}
