/* SPDX-License-Identifier: ISC */
/** @file pool.c  See pool.h. Above: learner.c, score.c, ngram.c. Below: pthread. */
#include "train/pool.h"

#include "base/float_mode.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct {
  PmtPool* pool;
  uint32_t index;
  pthread_t thread;
} Member;

struct PmtPool {
  uint32_t n;
  bool abandoned; /* not all threads could be started: those that were leave at the gate */
  pthread_mutex_t gate; /* held while threads are being started */
  PmtJob job; /* NULL asks the threads to leave; written before `start` is reached */
  void* context;
  pthread_barrier_t start, middle, end;
  Member* members;
};

static void do_share(const PmtPool* pool, uint32_t index) {
  const uint64_t mode = pmt_float_mode_enter();
  pool->job(pool->context, index);
  pmt_float_mode_leave(mode);
}

static void* work(void* handle) {
  const Member* me = handle;
  PmtPool* pool = me->pool;
  pthread_mutex_lock(&pool->gate);
  const bool leave = pool->abandoned;
  pthread_mutex_unlock(&pool->gate);
  while (!leave) {
    pthread_barrier_wait(&pool->start);
    if (!pool->job) { return NULL; }
    do_share(pool, me->index);
    pthread_barrier_wait(&pool->end);
  }
  return NULL;
}

static void join(PmtPool* pool, uint32_t n) {
  for (uint32_t i = 1; i < n; ++i) { pthread_join(pool->members[i].thread, NULL); }
  pthread_barrier_destroy(&pool->start);
  pthread_barrier_destroy(&pool->middle);
  pthread_barrier_destroy(&pool->end);
  pthread_mutex_destroy(&pool->gate);
  free(pool->members);
  free(pool);
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
  pthread_mutex_init(&p->gate, NULL);
  pthread_mutex_lock(&p->gate);
  uint32_t started = 1;
  for (; started < n; ++started) {
    members[started] = (Member){.pool = p, .index = started};
    if (pthread_create(&members[started].thread, NULL, work, &members[started])) { break; }
  }
  p->abandoned = started < n;
  pthread_mutex_unlock(&p->gate);
  if (p->abandoned) {
    join(p, started);
    return PMT_NO_MEM;
  }
  *pool = p;
  return PMT_OK;
}

void pmt_pool_free(PmtPool* pool) {
  if (!pool) { return; }
  pool->job = NULL;
  pthread_barrier_wait(&pool->start);
  join(pool, pool->n);
}

uint32_t pmt_pool_size(const PmtPool* pool) { return pool->n; }

void pmt_pool_run(PmtPool* pool, PmtJob job, void* context) {
  pool->job = job;
  pool->context = context;
  pthread_barrier_wait(&pool->start);
  do_share(pool, 0);
  pthread_barrier_wait(&pool->end);
}

void pmt_pool_barrier(PmtPool* pool) { pthread_barrier_wait(&pool->middle); }
