/* SPDX-License-Identifier: ISC */
/** @file weights.h  The model as a thing that is handed over. Above: worker_setup.c. Below: gen/model, gen/engine */
#ifndef PMT_PLUGIN_WEIGHTS_H
#define PMT_PLUGIN_WEIGHTS_H

#include "handover.h"

/** Objects are PmtPlayer*, the user is a PmtEngine**. A context is gen/context.h's text. */
extern const PmtHandoverKind pmt_weights_kind;

/** Its audio thread's half: weights.c. */
bool pmt_weights_offer(void* user, void* player) PMT_RT;
void* pmt_weights_take_old(void* user) PMT_RT;

#endif
