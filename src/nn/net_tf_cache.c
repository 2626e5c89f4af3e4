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
  PmtTfPlan plan = {.n_passes = 1};
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

/* Behind the line, so that what is there can still be gone back to. */
static void begin_anew(PmtNetState* const state) {
  PmtTfState* const s = &state->tf;
  const uint64_t grain = state->net->tf.segment ? state->net->config.window / 2 : 1;
  s->end = (s->end + grain - 1) / grain * grain;
  s->at = (PmtTfPlace){.n = s->end, .origin = s->end};
}

void pmt_net_tf_reset_at(PmtNetState* const state, const uint64_t tokens, const uint64_t slots) {
  begin_anew(state);
  state->tf.before = tokens;
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

bool pmt_net_tf_restore(PmtNetState* const state, const float* const snapshot) {
  PmtTfState* const s = &state->tf;
  PmtTfPlace place;
  memcpy(&place, snapshot, sizeof place);
  if (!fed(&place)) {
    begin_anew(state);
    return true;
  }
  if (place.n > s->end || oldest_read(state->net, &place) < s->begin || *hash_of(state, place.n - 1) != place.hash) {
    return false;
  }
  s->at = place;
  return true;
}
