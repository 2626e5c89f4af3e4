/* SPDX-License-Identifier: ISC */
/** @file net_fixture.h  What the tests of nets share: nets from tiny models, tokens and conditions drawn from a place.

    Above: tests/test_net*.c. Below: tiny_model. Whatever fails, fails the test. */
#ifndef PMT_TESTS_SUPPORT_NET_FIXTURE_H
#define PMT_TESTS_SUPPORT_NET_FIXTURE_H

#include "nn/net.h"
#include "support/tiny_model.h"

/** The one file in use, in a folder of its own; removed by pmt_fixture_end. */
const char* pmt_fixture_path(void);
void pmt_fixture_end(void);

PmtTensors* pmt_fixture_tensors(const PmtTinyOptions* options);
PmtNet* pmt_fixture_net(const PmtTensors* tensors, uint32_t vocab);
PmtNetState* pmt_fixture_state(const PmtNet* net);
/** The same, and what it may be told is offered. */
PmtNet* pmt_fixture_net_told(const PmtTensors* tensors, uint32_t vocab, const PmtHintShape* hints);
/** From a tiny model, whose tensors are not kept. */
PmtNet* pmt_fixture_tiny(const PmtTinyOptions* options);

/** A whole step. @return its logits */
const float* pmt_fixture_step(PmtNetState* state, uint32_t token);
const float* pmt_fixture_step_told(PmtNetState* state, uint32_t token, const PmtHints* hints);

/** A token below `vocab`; one in four a slot token, as in music. */
uint32_t pmt_fixture_token(uint64_t place, uint32_t vocab);
PmtCondition pmt_fixture_condition(uint64_t place);
/** Some of it told, some not, some outside what there is. */
PmtHints pmt_fixture_hints(uint64_t place, const PmtHintShape* shape);

/** The header of the file in use with bytes changed at random, again and again: what the reader lets through, the net
    refuses with a line or plays. */
void pmt_fixture_mutate(uint32_t vocab, uint64_t rounds);

#endif
