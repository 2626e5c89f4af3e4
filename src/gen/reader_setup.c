/* SPDX-License-Identifier: ISC */
/* Making and freeing readers: never in the audio thread. Above: gen/engine_setup.c, tools/evaluate_illegal.c. Below:
   nn/net. */
#include "gen/reader_private.h"

#include <stdlib.h>
#include <string.h>

PmtStatus pmt_reader_new(const PmtModel* const model, PmtReader** const reader) {
  *reader = NULL;
  PmtReader* const r = malloc(sizeof *r);
  if (!r || pmt_net_state_new(model->net, &r->state)) {
    free(r);
    return PMT_NO_MEM;
  }
  PmtNetState* const state = r->state;
  memset(r, 0, sizeof *r); /* not calloc: every page is to be resident */
  r->model = model;
  r->state = state;
  r->listens = pmt_net_takes_hints(model->net);
  r->hears_players = pmt_reader_hears_players(model);
  r->before = &r->listener[0];
  r->after = &r->listener[1];
  pmt_reader_reset(r);
  *reader = r;
  return PMT_OK;
}

void pmt_reader_free(PmtReader* const r) {
  if (r) {
    pmt_net_state_free(r->state);
    free(r);
  }
}

size_t pmt_reader_bytes(const PmtModel* const model) {
  return sizeof(PmtReader) + pmt_net_state_bytes(model->net);
}

PmtStatus pmt_reader_keep(PmtReader* const r) {
  return pmt_net_keep(r->state);
}
