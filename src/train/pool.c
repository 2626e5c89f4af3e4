/* SPDX-License-Identifier: ISC */
/** @file pool.c  See pool.h. Above: learner.c, score.c, ngram.c. Below: pthread. */
#include "train/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct {
  PmtPool* pool;
  uint32_t index;
  pthread_t thread;
} Member;

struct PmtPool {
  uint32_t n, n_started;
  PmtJob job; /* NULL asks the threads to leave; written before `start` is reached */
  void* context;
  pthread_barrier_t start, middle, end;
  Member* members;
};

static void* work(void* handle) {
  const Member* me = handle;
  PmtPool* pool = me->pool;
  for (;;) {
    pthread_barrier_wait(&pool->start);
    if (!pool->job) { return NULL; }
    pool->job(pool->context, me->index);
    pthread_barrier_wait(&pool->end);
  }
}

/** Threads already waiting at `start` would wait for ever for those that could not be started: cancel them there. */
static void abandon(PmtPool* pool) {
  for (uint32_t i = 1; i <= pool->n_started; ++i) {
    pthread_cancel(pool->members[i].thread);
    pthread_detach(pool->members[i].thread);
  }
}

PmtStatus pmt_pool_new(uint32_t n, PmtPool** pool) {
  *pool = NULL;
  if (n < 1) { return PMT_BAD_ARG; }
  PmtPool* p = calloc(1, sizeof *p);
  Member* members = calloc(n, sizeof *members);
  if (!p || !members) {
    free(p);
    free(members);
    return PMT_NO_MEM;
  }
  p->n = n;
  p->members = members;
  pthread_barrier_init(&p->start, NULL, n);
  pthread_barrier_init(&p->middle, NULL, n);
  pthread_barrier_init(&p->end, NULL, n);
  for (uint32_t i = 1; i < n; ++i) {
    members[i] = (Member){.pool = p, .index = i};
    if (pthread_create(&members[i].thread, NULL, work, &members[i])) {
      abandon(p); /* leaks the little that they stand on: the process is about to end with a message */
      return PMT_NO_MEM;
    }
    p->n_started = i;
  }
  *pool = p;
  return PMT_OK;
}

void pmt_pool_free(PmtPool* pool) {
  if (!pool) { return; }
  pool->job = NULL;
  pthread_barrier_wait(&pool->start);
  for (uint32_t i = 1; i < pool->n; ++i) { pthread_join(pool->members[i].thread, NULL); }
  pthread_barrier_destroy(&pool->start);
  pthread_barrier_destroy(&pool->middle);
  pthread_barrier_destroy(&pool->end);
  free(pool->members);
  free(pool);
}

uint32_t pmt_pool_size(const PmtPool* pool) { return pool->n; }

void pmt_pool_run(PmtPool* pool, PmtJob job, void* context) {
  pool->job = job;
  pool->context = context;
  pthread_barrier_wait(&pool->start);
  job(context, 0);
  pthread_barrier_wait(&pool->end);
}

void pmt_pool_barrier(PmtPool* pool) { pthread_barrier_wait(&pool->middle); }
