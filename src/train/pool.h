/* SPDX-License-Identifier: ISC */
/** @file pool.h  A fixed team of threads that blocks between jobs and never spins: the machine is shared. */
#ifndef PMT_TRAIN_POOL_H
#define PMT_TRAIN_POOL_H

#include "base/status.h"

#include <stdint.h>

typedef struct PmtPool PmtPool;
/** @param index 0..n-1; index 0 is the calling thread */
typedef void (*PmtJob)(void* context, uint32_t index);

/** Start n - 1 threads. @return PMT_NO_MEM when threads or memory are refused */
PmtStatus pmt_pool_new(uint32_t n, PmtPool** pool);
void pmt_pool_free(PmtPool* pool); /**< NULL is fine */
uint32_t pmt_pool_size(const PmtPool* pool);

/** Run job(context, i) on every thread, denormals off, and return when all are done. */
void pmt_pool_run(PmtPool* pool, PmtJob job, void* context);

/** Inside a job: wait until every thread is here. */
void pmt_pool_barrier(PmtPool* pool);

#endif
