/* SPDX-License-Identifier: ISC */
/* The worker. Above: host.c (after run) and the plugin (schedule_work). Below: the plugin's work(). */
#include "host_worker.h"

#include <errno.h>
#include <string.h>

/* ---- ring ---- */

static void ring_copy_in(PmtHostRing* ring, uint32_t at, const void* data, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) {
    ring->bytes[(at + i) % PMT_HOST_RING] = ((const unsigned char*)data)[i];
  }
}

static void ring_copy_out(const PmtHostRing* ring, uint32_t at, void* data, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) {
    ((unsigned char*)data)[i] = ring->bytes[(at + i) % PMT_HOST_RING];
  }
}

static bool ring_write(PmtHostRing* ring, uint32_t size, const void* data) {
  const uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  const uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
  if (size > PMT_HOST_RING - sizeof size || PMT_HOST_RING - (head - tail) < size + sizeof size) {
    return false;
  }
  ring_copy_in(ring, head, &size, sizeof size);
  ring_copy_in(ring, head + sizeof size, data, size);
  atomic_store_explicit(&ring->head, head + (uint32_t)sizeof size + size, memory_order_release);
  return true;
}

/* @param data holds PMT_HOST_RING bytes */
static bool ring_read(PmtHostRing* ring, uint32_t* size, void* data) {
  const uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
  if (atomic_load_explicit(&ring->head, memory_order_acquire) == tail) {
    return false;
  }
  ring_copy_out(ring, tail, size, sizeof *size);
  ring_copy_out(ring, tail + sizeof *size, data, *size);
  atomic_store_explicit(&ring->tail, tail + (uint32_t)sizeof *size + *size, memory_order_release);
  return true;
}

/* ---- work ---- */

static LV2_Worker_Status respond_later(LV2_Worker_Respond_Handle handle, uint32_t size, const void* data) {
  PmtHostWorker* worker = handle;
  return ring_write(&worker->responses, size, data) ? LV2_WORKER_SUCCESS : LV2_WORKER_ERR_NO_SPACE;
}

static LV2_Worker_Status respond_now(LV2_Worker_Respond_Handle handle, uint32_t size, const void* data) {
  PmtHostWorker* worker = handle;
  return worker->iface->work_response ? worker->iface->work_response(worker->instance, size, data)
                                      : LV2_WORKER_ERR_UNKNOWN;
}

static void* serve(void* handle) {
  PmtHostWorker* worker = handle;
  unsigned char data[PMT_HOST_RING];
  uint32_t size = 0;
  for (;;) {
    while (sem_wait(&worker->wake) && errno == EINTR) {
    }
    if (atomic_load(&worker->quit)) {
      return NULL;
    }
    if (ring_read(&worker->requests, &size, data)) {
      worker->iface->work(worker->instance, respond_later, worker, size, data);
    }
  }
}

LV2_Worker_Status pmt_host_worker_schedule(LV2_Worker_Schedule_Handle handle, uint32_t size, const void* data) {
  PmtHostWorker* worker = handle;
  if (!worker->iface) {
    return LV2_WORKER_ERR_UNKNOWN; /* still inside instantiate() */
  }
  if (!worker->threaded) {
    return worker->iface->work(worker->instance, respond_now, worker, size, data);
  }
  if (!ring_write(&worker->requests, size, data)) {
    return LV2_WORKER_ERR_NO_SPACE;
  }
  sem_post(&worker->wake);
  return LV2_WORKER_SUCCESS;
}

void pmt_host_worker_deliver(PmtHostWorker* worker) {
  unsigned char data[PMT_HOST_RING];
  uint32_t size = 0;
  if (!worker->iface) {
    return;
  }
  while (worker->threaded && ring_read(&worker->responses, &size, data)) {
    respond_now(worker, size, data);
  }
  if (worker->iface->end_run) {
    worker->iface->end_run(worker->instance);
  }
}

PmtStatus pmt_host_worker_start(PmtHostWorker* worker, const LV2_Worker_Interface* iface, LV2_Handle instance,
                                bool threaded) {
  memset(worker, 0, sizeof *worker);
  worker->instance = instance;
  worker->iface = iface;
  if (!iface || !threaded) {
    return PMT_OK;
  }
  if (sem_init(&worker->wake, 0, 0)) {
    return PMT_NO_MEM;
  }
  if (pthread_create(&worker->thread, NULL, serve, worker)) {
    sem_destroy(&worker->wake);
    return PMT_NO_MEM;
  }
  worker->threaded = true;
  return PMT_OK;
}

void pmt_host_worker_stop(PmtHostWorker* worker) {
  if (!worker->threaded) {
    return;
  }
  atomic_store(&worker->quit, true);
  sem_post(&worker->wake);
  pthread_join(worker->thread, NULL);
  sem_destroy(&worker->wake);
  worker->threaded = false;
}
