/* SPDX-License-Identifier: ISC */
/** @file net_logits.c  The engine's logits, for comparison with what other programs make of the same file.

      net_logits MODEL < steps > logits

    A line of steps is a token and what it is fed under, "TOKEN METER KEY PHRASE DENSITY [STYLE_WEIGHT]..."; as many
    weights as the model has styles, or none. The word "reset" begins anew. For each token one line of V numbers, exact.
    A model with metadata "hints" is told what a listener hears; it needs "parts", too.

    Above: tools/torch/check_logits.py. Below: music/listener.h, nn/net.h. */
#include "music/listener.h"
#include "nn/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(const char* const what, const char* const line) {
  fprintf(stderr, "net_logits: %s%s\n", what, line);
  return 1;
}

typedef struct {
  PmtNet* net;
  PmtNetState* state;
  PmtListener listener;
  uint32_t parts; /* 0: it is told nothing */
} Model;

static PmtStatus load_net(const PmtTensors* const tensors, const uint32_t vocab, Model* const model,
                          PmtError* const error) {
  PmtHintShape hints;
  int parts = 0;
  if (!pmt_tensors_meta(tensors, "hints")) {
    return pmt_net_new(tensors, vocab, NULL, &model->net, error);
  }
  const PmtStatus status = pmt_tensors_meta_int(tensors, "parts", 1, PMT_PARTS_MAX, -1, &parts, error);
  if (status) {
    return status;
  }
  model->parts = (uint32_t)parts;
  pmt_listener_shape(model->parts, &hints);
  return pmt_net_new(tensors, vocab, &hints, &model->net, error);
}

static PmtStatus load(const char* const path, Model* const model, PmtError* const error) {
  PmtTensors* tensors = NULL;
  PmtStatus status = pmt_tensors_read(path, &tensors, error);
  if (status) {
    return status;
  }
  const PmtTensor* const emb = pmt_tensors_find(tensors, "emb.weight");
  status = emb ? load_net(tensors, emb->shape[0], model, error) : pmt_fail(error, PMT_BAD_SHAPE, "no emb.weight");
  pmt_tensors_free(tensors);
  return status;
}

/** The next whole number of a line, moved past; anything else is -1, which is nobody's index. */
static long take_index(char** const at) {
  char* end = NULL;
  const long value = strtol(*at, &end, 10);
  const long found = end == *at ? -1 : value;
  *at = end;
  return found;
}

/** @return false when the line is none, or leads outside the tables */
static bool parse_step(char* at, const PmtNetConfig* const config, uint32_t* const token, PmtCondition* const u) {
  uint8_t* const rows[] = {&u->meter, &u->key, &u->phrase, &u->density};
  const long first = take_index(&at);
  bool good = first >= 0 && first < (long)config->vocab;
  *token = (uint32_t)first;
  *u = (PmtCondition){.meter = 0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    const long row = take_index(&at);
    good = good && row >= 0 && row <= UINT8_MAX;
    *rows[i] = (uint8_t)row;
  }
  for (uint32_t i = 0; i < config->styles && at[strspn(at, " \n")]; ++i) {
    u->style[i] = strtof(at, &at);
  }
  return good && !at[strspn(at, " \n")];
}

static void print_step(Model* const m, const uint32_t vocab, const uint32_t token, const PmtCondition* const u) {
  uint64_t spent = 0;
  PmtHints hints;
  if (m->parts) {
    pmt_listener_hear(&m->listener, (PmtToken)token, NULL, &hints);
  }
  pmt_net_condition(m->state, u);
  pmt_net_begin(m->state, token, m->parts ? &hints : NULL);
  pmt_net_run(m->state, UINT64_MAX, &spent);
  const float* const logits = pmt_net_logits(m->state);
  for (uint32_t i = 0; i < vocab; ++i) {
    printf("%.9g%c", (double)logits[i], i + 1 < vocab ? ' ' : '\n');
  }
}

static void reset(Model* const m) {
  pmt_net_reset(m->state);
  pmt_listener_reset(&m->listener, m->parts ? m->parts : 1);
}

static int run(Model* const m) {
  const PmtNetConfig* const config = pmt_net_config(m->net);
  char line[4096];
  reset(m);
  while (fgets(line, sizeof line, stdin)) {
    uint32_t token;
    PmtCondition u;
    if (!strcmp(line, "reset\n")) {
      reset(m);
    } else if (parse_step(line, config, &token, &u)) {
      print_step(m, config->vocab, token, &u);
    } else {
      return complain("not a step: ", line);
    }
  }
  return fflush(stdout) ? complain("cannot write", "") : 0;
}

int main(int argc, char** argv) {
  PmtError error = {""};
  static Model model;
  if (argc != 2) {
    return complain("usage: net_logits MODEL < steps", "");
  }
  if (load(argv[1], &model, &error)) {
    return complain("", error.text);
  }
  const int status = pmt_net_state_new(model.net, &model.state) ? complain("out of memory", "") : run(&model);
  pmt_net_state_free(model.state);
  pmt_net_free(model.net);
  return status;
}
