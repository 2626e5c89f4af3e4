/* SPDX-License-Identifier: ISC */
/* The worker of lv2_host.h in all its kinds. */
#include "support/lv2_host_private.h"

#include "check.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { WORKER_STACK = 8 << 20 }; /* sanitizers put red zones on the stack */
#else
enum { WORKER_STACK = 64 << 10 };
#endif

static bool ring_put(HostRing* const ring, const uint32_t size, const void* const data) {
  const uint32_t head = atomic_load(&ring->head);
  if (size > HOST_MESSAGE || head - atomic_load(&ring->tail) == HOST_RING) {
    return false;
  }
  ring->message[head % HOST_RING].size = size;
  memcpy(ring->message[head % HOST_RING].bytes, data, size);
  atomic_store(&ring->head, head + 1);
  return true;
}

/* @return NULL when empty; the message stays valid until ring_drop() */
static const void* ring_peek(HostRing* const ring, uint32_t* const size) {
  const uint32_t tail = atomic_load(&ring->tail);
  if (atomic_load(&ring->head) == tail) {
    return NULL;
  }
  *size = ring->message[tail % HOST_RING].size;
  return ring->message[tail % HOST_RING].bytes;
}

static void ring_drop(HostRing* const ring) { atomic_fetch_add(&ring->tail, 1); }

static LV2_Worker_Status respond_later(LV2_Worker_Respond_Handle handle, uint32_t size, const void* data) {
  return ring_put(&((PmtHost*)handle)->responses, size, data) ? LV2_WORKER_SUCCESS : LV2_WORKER_ERR_NO_SPACE;
}

static LV2_Worker_Status respond_now(LV2_Worker_Respond_Handle handle, uint32_t size, const void* data) {
  PmtHost* const host = handle;
  return host->worker->work_response(host->handle, size, data);
}

/* The host's wish, not run()'s doing: nobody watches. */
static LV2_Worker_Status work_inside(PmtHost* const host, const uint32_t size, const void* const data) {
  if (host->running) {
    pmt_host_tell_watch(host, false);
  }
  const LV2_Worker_Status status = host->worker->work(host->handle, respond_now, host, size, data);
  if (host->running) {
    pmt_host_tell_watch(host, true);
  }
  return status;
}

static LV2_Worker_Status schedule(LV2_Worker_Schedule_Handle handle, uint32_t size, const void* data) {
  PmtHost* const host = handle;
  atomic_fetch_add(&host->n_requests, 1);
  switch (host->options.worker) {
  case PMT_HOST_REFUSING: return LV2_WORKER_ERR_NO_SPACE;
  case PMT_HOST_LOSING: return LV2_WORKER_SUCCESS;
  case PMT_HOST_INSIDE: return work_inside(host, size, data);
  default: return ring_put(&host->requests, size, data) ? LV2_WORKER_SUCCESS : LV2_WORKER_ERR_NO_SPACE;
  }
}

uint32_t pmt_host_work(PmtHost* const host) {
  uint32_t size = 0, count = 0;
  for (const void* data; (data = ring_peek(&host->requests, &size)); ++count) {
    CHECK(!host->worker->work(host->handle, respond_later, host, size, data));
    ring_drop(&host->requests);
  }
  return count;
}

static void* work_thread(void* const handle) {
  PmtHost* const host = handle;
  while (!atomic_load(&host->stop)) {
    if (!pmt_host_work(host)) {
      nanosleep(&(struct timespec){0, 200000}, NULL);
    }
  }
  return NULL;
}

void pmt_host_worker_start(PmtHost* const host) {
  host->schedule = (LV2_Worker_Schedule){host, schedule};
  host->worker = host->descriptor->extension_data(LV2_WORKER__interface);
  if (host->options.worker == PMT_HOST_THREAD) {
    pthread_attr_t attributes;
    CHECK(!pthread_attr_init(&attributes));
    CHECK(!pthread_attr_setstacksize(&attributes, WORKER_STACK));
    int failed = pthread_create(&host->thread, &attributes, work_thread, host);
    if (failed == EINVAL) { /* OpenBLAS, if the linker kept it, takes 60 KiB of every stack for its thread variables */
      CHECK(!pthread_attr_setstacksize(&attributes, WORKER_STACK + (64 << 10)));
      failed = pthread_create(&host->thread, &attributes, work_thread, host);
    }
    CHECKF(!failed, "%s", strerror(failed));
    pthread_attr_destroy(&attributes);
    host->threaded = true;
  }
}

void pmt_host_worker_stop(PmtHost* const host) {
  if (host->threaded) {
    atomic_store(&host->stop, true);
    pthread_join(host->thread, NULL);
  }
}

void pmt_host_worker_respond(PmtHost* const host) {
  uint32_t size = 0;
  for (const void* data; (data = ring_peek(&host->responses, &size)); ring_drop(&host->responses)) {
    CHECK(!host->worker->work_response(host->handle, size, data));
  }
  if (host->worker->end_run) {
    host->worker->end_run(host->handle);
  }
}

void pmt_host_accept(PmtHost* const host) { pmt_host_set_worker(host, PMT_HOST_POLLED); }

void pmt_host_set_worker(PmtHost* const host, const PmtHostWorker worker) {
  CHECK(!host->threaded && host->options.worker != PMT_HOST_NO_WORKER);
  CHECK(worker != PMT_HOST_THREAD && worker != PMT_HOST_NO_WORKER);
  host->options.worker = worker;
}
uint32_t pmt_host_requests(const PmtHost* const host) { return atomic_load(&host->n_requests); }
