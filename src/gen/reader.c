/* SPDX-License-Identifier: ISC */
/* See reader.h. Above: gen/engine_slot.c, gen/engine_setup.c, tools/evaluate_illegal.c. Below: music/listener, nn/net.

   Two listeners take turns: one is copied (7 KiB, a thousandth of what a step reads) before it hears the token of a step
   that may yet be given up. */
#include "gen/reader_private.h"

#include <string.h>

_Static_assert(sizeof(PmtListener) % sizeof(float) == 0, "a snapshot is counted in floats");

void pmt_reader_reset(PmtReader* const r) {
  pmt_net_reset(r->state);
  pmt_listener_reset(r->before, r->model->parts);
  r->key = 0;
  r->running = false;
}

size_t pmt_reader_snapshot_floats(const PmtModel* const model) {
  const size_t heard = pmt_net_takes_hints(model->net) ? sizeof(PmtListener) / sizeof(float) : 0;
  return pmt_net_snapshot_floats(model->net) + heard;
}

void pmt_reader_save(const PmtReader* const r, float* const snapshot) {
  pmt_net_save(r->state, snapshot);
  if (r->listens) { /* bits in floats' clothes: they are only ever copied */
    memcpy(snapshot + pmt_net_snapshot_floats(r->model->net), r->before, sizeof *r->before);
  }
}

bool pmt_reader_restore(PmtReader* const r, const float* const snapshot) {
  if (!pmt_net_restore(r->state, snapshot)) {
    return false;
  }
  if (r->listens) {
    memcpy(r->before, snapshot + pmt_net_snapshot_floats(r->model->net), sizeof *r->before);
  }
  r->running = false;
  return true;
}

void pmt_reader_condition(PmtReader* const r, const PmtCondition* const condition) {
  pmt_net_condition(r->state, condition);
  r->key = condition->key;
}

bool pmt_reader_hears_players(const PmtModel* const model) {
  const PmtHintShape* const told = pmt_net_hints(model->net);
  for (uint32_t i = 0; i < told->n_tables; ++i) {
    if (told->table[i].rows && !strcmp(told->table[i].name, PMT_LISTENER_YOU)) {
      return true;
    }
  }
  return false;
}

void pmt_reader_listen_to(PmtReader* const r, const PmtEar* const ear) { r->ear = r->hears_players ? ear : NULL; }

void pmt_reader_overhear(PmtReader* const r, const uint32_t pitch, const uint32_t pos, const bool ahead) {
  if (r->hears_players) {
    pmt_listener_overhear(r->before, pitch, pos, ahead);
  }
}

void pmt_reader_begin(PmtReader* const r, const PmtToken token) {
  PmtHints hints;
  if (r->listens) {
    *r->after = *r->before;
    pmt_listener_hear(r->after, token, r->ear, &hints);
    pmt_listener_lean(&hints, r->key);
  }
  pmt_net_begin(r->state, token, r->listens ? &hints : NULL);
  r->running = true;
}

bool pmt_reader_run(PmtReader* const r, const uint64_t budget, uint64_t* const spent) {
  const bool done = pmt_net_run(r->state, budget, spent);
  if (done && r->running) {
    PmtListener* const heard = r->after;
    r->after = r->before;
    r->before = heard;
    r->running = false;
  }
  return done;
}

float* pmt_reader_logits(PmtReader* const r) {
  return pmt_net_logits(r->state);
}
