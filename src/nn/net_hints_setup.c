/* SPDX-License-Identifier: ISC */
/* Hint tables, leaps and kinds of a file: which it has, and where they go. Above: net_setup.c, net_rnn_setup.c,
   net_tf_setup.c. Below: nn/tensors, nn/kernel. Never in the audio thread. */
#include "nn/net_private.h"

#include <stdio.h>

static const char kind_tensor[] = "out.kind.weight";

static PmtNetHintName named(const char* const before, const char* const name) {
  PmtNetHintName tensor;
  snprintf(tensor.text, sizeof tensor.text, "%s%s.weight", before, name);
  return tensor;
}

PmtNetHintName pmt_net_hint_name(const PmtNet* const net, const uint32_t table) {
  return named("", net->hints.table[table].name);
}

/* ---- What the caller offers -------------------------------------------------------------------------------------- */

static bool fits(const uint32_t first, const uint32_t count, const uint32_t vocab) {
  return first <= vocab && count <= vocab - first;
}

/* So that nothing is checked in the audio thread. */
static bool is_sound(const PmtHintShape* const s, const uint32_t vocab) {
  bool sound = s->n_tables <= PMT_HINTS_MAX && s->n_leaps <= PMT_LEAPS_MAX && s->n_kinds <= UINT8_MAX + 1u;
  for (uint32_t i = 0; sound && i < s->n_tables; ++i) {
    sound = s->table[i].rows <= INT16_MAX + 1u;
  }
  for (uint32_t i = 0; sound && i < s->n_leaps; ++i) {
    sound = fits(s->leap[i].first, s->leap[i].count, vocab) && s->leap[i].reach <= INT16_MAX;
  }
  return sound && (!s->n_kinds || (s->kind_span && fits(s->kind_first, s->kind_count, vocab)));
}

/* ---- What the file has ------------------------------------------------------------------------------------------- */

/* @param rows 0 = it is not offered @return whether it is there; of a wrong shape: an error in *status */
static bool has(const PmtTensors* const tensors, const char* const name, const uint32_t rows, const uint32_t cols,
                PmtStatus* const status, PmtError* const error) {
  if (*status || !rows || !pmt_tensors_find(tensors, name)) {
    return false;
  }
  *status = pmt_tensors_load(tensors, name, rows, cols, NULL, error);
  return true;
}

/* Rows of the output's matrix, after the tokens'. */
static uint32_t take_rows(PmtNet* const net, const uint32_t n) {
  const uint32_t first = net->out_rows;
  net->out_rows += n;
  return first;
}

PmtStatus pmt_net_hints_config(const PmtTensors* const tensors, const PmtHintShape* const offer, PmtNet* const net,
                               PmtError* const error) {
  const PmtNetConfig* const c = &net->config;
  PmtHintShape* const s = &net->hints;
  PmtStatus status = PMT_OK;
  net->out_rows = c->vocab;
  if (!offer) {
    return PMT_OK;
  }
  if (!is_sound(offer, c->vocab)) {
    return pmt_fail(error, PMT_BAD_ARG, "hints do not fit a vocabulary of %u", c->vocab);
  }
  *s = *offer;
  for (uint32_t i = 0; i < s->n_tables; ++i) {
    PmtHintTable* const t = &s->table[i];
    t->rows = has(tensors, named("", t->name).text, t->rows, c->d, &status, error) ? t->rows : 0;
    net->takes_hints |= t->rows;
  }
  for (uint32_t i = 0; i < s->n_leaps; ++i) {
    PmtLeap* const leap = &s->leap[i];
    const uint32_t rows = 2 * leap->reach + 1;
    const bool there = has(tensors, named("out.", leap->name).text, leap->count ? rows : 0, c->h, &status, error);
    leap->count = there ? leap->count : 0;
    net->leap_row[i] = take_rows(net, there ? rows : 0);
  }
  s->n_kinds = has(tensors, kind_tensor, s->n_kinds, c->h, &status, error) ? s->n_kinds : 0;
  net->kind_row = take_rows(net, s->n_kinds);
  net->takes_hints |= net->out_rows > c->vocab;
  return status;
}

uint32_t pmt_net_hints_rows(const PmtNet* const net) {
  uint32_t most = net->out_rows - net->config.vocab;
  for (uint32_t i = 0; i < net->hints.n_tables; ++i) {
    most = net->hints.table[i].rows > most ? net->hints.table[i].rows : most;
  }
  return most;
}

uint64_t pmt_net_hints_cost(const PmtNet* const net) {
  const PmtHintShape* const s = &net->hints;
  uint64_t cost = s->n_kinds ? s->kind_count : 0;
  for (uint32_t i = 0; i < s->n_leaps; ++i) {
    const uint32_t rows = 2 * s->leap[i].reach + 1;
    cost += s->leap[i].count < rows ? s->leap[i].count : rows;
  }
  return cost;
}

/* ---- Filling it -------------------------------------------------------------------------------------------------- */

void pmt_net_hints_layout(PmtArena* const arena, PmtNet* const net) {
  for (uint32_t i = 0; i < net->hints.n_tables; ++i) {
    const size_t rows = net->hints.table[i].rows;
    net->hint[i] = rows ? pmt_arena_take(arena, rows * net->width, sizeof(float)) : NULL;
  }
}

static PmtStatus load_rows(const PmtNetLoader* const loader, const PmtNet* const net, const char* const name,
                           const uint32_t first, const uint32_t rows) {
  const uint32_t h = net->config.h;
  const PmtStatus status = pmt_tensors_load(loader->tensors, name, rows, h, loader->scratch, loader->error);
  if (!status) {
    pmt_net_pack(&net->out, 0, net->out.cols, first, 0, loader->scratch, rows, h);
  }
  return status;
}

PmtStatus pmt_net_hints_load_output(const PmtNetLoader* const loader, const PmtNet* const net) {
  const PmtHintShape* const s = &net->hints;
  PmtStatus status = PMT_OK;
  for (uint32_t i = 0; i < s->n_leaps && !status; ++i) {
    const PmtLeap* const leap = &s->leap[i];
    status = leap->count
                 ? load_rows(loader, net, named("out.", leap->name).text, net->leap_row[i], 2 * leap->reach + 1)
                 : PMT_OK;
  }
  return status || !s->n_kinds ? status : load_rows(loader, net, kind_tensor, net->kind_row, s->n_kinds);
}
