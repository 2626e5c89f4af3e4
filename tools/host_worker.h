/* SPDX-License-Identifier: ISC */
/** @file host_worker.h  The worker of one plugin: a thread in real time, a plain call otherwise.

    The thread is fed by a ring that never waits; a full ring refuses, as Ardour's does. */
#ifndef PMT_TOOLS_HOST_WORKER_H
#define PMT_TOOLS_HOST_WORKER_H

#include "base/status.h"

#include <lv2/worker/worker.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { PMT_HOST_RING = 4096 }; /* bytes, a power of two; jalv has as many */

/** One writer, one reader: messages of a size word and a body. */
typedef struct {
  unsigned char bytes[PMT_HOST_RING];
  _Atomic uint32_t head, tail; /**< written, read; both run on and wrap */
} PmtHostRing;

typedef struct {
  const LV2_Worker_Interface* iface; /**< NULL: the plugin has no worker */
  LV2_Handle instance;
  bool threaded;
  pthread_t thread;
  sem_t wake;
  atomic_bool quit;
  PmtHostRing requests, responses;
} PmtHostWorker;

/** Once the instance is there. @param iface may be NULL */
PmtStatus pmt_host_worker_start(PmtHostWorker* worker, const LV2_Worker_Interface* iface, LV2_Handle instance,
                                bool threaded);
/** Ends the thread, after the work at hand. */
void pmt_host_worker_stop(PmtHostWorker* worker);

/** For the work:schedule feature; `handle` is the PmtHostWorker. Called by the plugin in run(). */
LV2_Worker_Status pmt_host_worker_schedule(LV2_Worker_Schedule_Handle handle, uint32_t size, const void* data);

/** After run(): hand over responses, then end_run(). */
void pmt_host_worker_deliver(PmtHostWorker* worker);

#endif
