/* SPDX-License-Identifier: ISC */
/** @file reader.h  Reads a line of tokens: a net's state, and the listener that tells the net what it hears.

    Everybody who feeds a model's net its tokens does it here, so that none is fed without what goes with it. A model
    whose file has no hints costs nothing more than its net: no listener is copied, snapshots are the net's.

    Line: gen/engine_slot, tools/evaluate_illegal -> pmt_reader_begin -> music/listener, nn/net. */
#ifndef PMT_GEN_READER_H
#define PMT_GEN_READER_H

#include "base/attributes.h"
#include "base/status.h"
#include "gen/model.h"
#include "music/ear.h"

typedef struct PmtReader PmtReader;

/** Setup threads. @param model must outlive the reader @return PMT_NO_MEM */
PmtStatus pmt_reader_new(const PmtModel* model, PmtReader** reader);
void pmt_reader_free(PmtReader* reader); /**< NULL is fine */
size_t pmt_reader_bytes(const PmtModel* model);

/* The rest is as in nn/net.h, where the contracts stand: a step in flight has no effect until it is complete, neither on
   the net nor on what was heard. So what is played does not depend on how far a step had come when it was given up. */

void pmt_reader_reset(PmtReader* reader) PMT_RT;
size_t pmt_reader_snapshot_floats(const PmtModel* model) PMT_RT; /**< the net's, then the listener's bits */
void pmt_reader_save(const PmtReader* reader, float* snapshot) PMT_RT;
bool pmt_reader_restore(PmtReader* reader, const float* snapshot) PMT_RT;
PmtStatus pmt_reader_keep(PmtReader* reader); /**< setup threads */
void pmt_reader_condition(PmtReader* reader, const PmtCondition* condition) PMT_RT;
/** Whether a model was taught to listen to somebody else. */
bool pmt_reader_hears_players(const PmtModel* model) PMT_RT;
/** What is told from now on is of this ear too; it must outlive that. NULL: of nobody. A model that was not taught to listen to
    players is told nothing of them. */
void pmt_reader_listen_to(PmtReader* reader, const PmtEar* ear) PMT_RT;
/** pmt_listener_overhear; not while a step is in flight. */
void pmt_reader_overhear(PmtReader* reader, uint32_t pitch, uint32_t pos, bool ahead) PMT_RT;
/** The listener hears the token, the net begins its step with what is told: in the key of the condition, where that
    has one (pmt_listener_lean). */
void pmt_reader_begin(PmtReader* reader, PmtToken token) PMT_RT;
bool pmt_reader_run(PmtReader* reader, uint64_t budget, uint64_t* spent) PMT_RT;
float* pmt_reader_logits(PmtReader* reader) PMT_RT;

#endif
