/* SPDX-License-Identifier: ISC */
/* The audio thread's half of weights.h. Above: handover.c. Below: gen/engine */
#include "weights.h"

#include "gen/engine.h"

bool pmt_weights_offer(void* const user, void* const player) {
  PmtEngine* const* const engine = user;
  return pmt_engine_offer(*engine, player);
}

void* pmt_weights_take_old(void* const user) {
  PmtEngine* const* const engine = user;
  return pmt_engine_take_old(*engine);
}
