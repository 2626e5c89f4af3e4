/* SPDX-License-Identifier: ISC */
/** @file choices.c  What is not said on the command line, chosen by architecture and size of the corpus.

    The sizes are those of docs/model.md, sections 4 and 5: little data wants a small net and much dropout. Above: trainer.c. */
#include "train/body.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>

typedef struct {
  size_t tokens;          /* from so many training tokens on */
  double dropout;
  uint32_t h, d, layers;  /* recurrent */
  uint32_t tf_d, tf_layers, tf_heads, tf_ff, tf_window;
} Choice;

/* Largest first. */
static const Choice choices[] = {
  {1000000, 0.10, 384, 192, 2, 192, 4, 6, 768, 512},
  {200000, 0.25, 384, 192, 2, 192, 4, 6, 768, 512},
  {0, 0.40, 256, 128, 2, 128, 3, 4, 512, 256},
};

/* Going on from a model, whose weights are good already: smaller steps, less dropout. docs/training.md has the figures. */
static const double from_rate = 1.0 / 3.0, from_dropout = 0.2, from_keep = 0.5;

enum { STEP_TOKENS = 2048, TF_STEPS = 256, RNN_STEPS = 128 };

PmtTrainOptions pmt_train_defaults(void) {
  return (PmtTrainOptions){.minutes = 10.0, .balance = 0.6, .seed = 1, .dropout = -1.0, .past = -1, .keep = -1.0,
                           .shape = {.body = &pmt_body_lstm}};
}

static void choose(uint32_t* what, uint32_t value) {
  if (!*what) { *what = value; }
}

static void settle_shape(PmtTrainShape* s, const Choice* c) {
  const bool tf = s->body == &pmt_body_tf;
  choose(&s->layers, tf ? c->tf_layers : c->layers);
  choose(&s->d, tf ? c->tf_d : c->d);
  if (!tf) {
    choose(&s->h, c->h);
    return;
  }
  choose(&s->heads, s->d == c->tf_d ? c->tf_heads : s->d % 32 == 0 ? s->d / 32 : 1);
  choose(&s->ff, s->d == c->tf_d ? c->tf_ff : 4 * s->d);
  choose(&s->window, c->tf_window);
  if (s->pos == PMT_POS_REL) { choose(&s->reach, s->window); }
}

void pmt_train_settle(PmtTrainOptions* o, size_t tokens) {
  const Choice* c = choices;
  while (tokens < c->tokens) { ++c; }
  settle_shape(&o->shape, c);
  if (o->dropout < 0.0) { o->dropout = o->from ? fmin(c->dropout, from_dropout) : c->dropout; }
  const bool tf = o->shape.body == &pmt_body_tf;
  choose(&o->length, !tf ? RNN_STEPS : o->shape.window < TF_STEPS ? o->shape.window : TF_STEPS);
  choose(&o->batch, STEP_TOKENS / o->length ? STEP_TOKENS / o->length : 1);
  if (o->past < 0) { o->past = tf && o->shape.pos != PMT_POS_SIN ? (int32_t)o->shape.window - 1 : 0; }
  if (o->keep < 0.0) { o->keep = from_keep; }
  if (o->rate <= 0.0) { o->rate = (!tf ? 3e-3 : o->shape.d <= 256 ? 2e-3 : 1e-3) * (o->from ? from_rate : 1.0); }
}
