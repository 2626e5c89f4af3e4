/* SPDX-License-Identifier: ISC */
/** @file bench.c  See bench.h. */
#include "train/bench.h"

#include "base/random.h"
#include "train/checkpoint.h"
#include "train/export.h"
#include "train/scorer.h"

#include <cblas.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLACE_ORDER = 0x64656b6b, PLACE_KEY = 0x6b657973, PLACE_FORGET = 0x666f7267, PLACE_BEGIN = 0x62656769,
       PLACE_SPELL = 0x7370656c, PLACE_PARTS = 0x70617274, TEXT_BYTES = 1 << 16 };

/** One of the chains of pieces that are trained on side by side. Draw number i takes piece i mod n of pass i / n. */
typedef struct {
  uint64_t draw;
  size_t at, n_cells, room;
  PmtCell* cells;
} Chain;

typedef struct {
  const PmtBenchData* data;
  const PmtBenchOptions* options;
  PmtParams params;
  PmtPool* pool;
  PmtLearner* learner;
  PmtScorer* scorer;
  Chain* chains;
  uint64_t draws;
  uint32_t* order;  /* of the pass in hand */
  uint64_t pass;    /* UINT64_MAX = none yet */
  uint32_t part[PMT_HINTS_MAX]; /* of each table: the first one whose name begins like it */
  double last[PMT_ARRAYS];
  PmtCourse course;
} Bench;

PMT_PRINTF(2, 3) static void tell(const Bench* b, const char* format, ...) {
  if (!b->options->course.log) { return; }
  va_list args;
  va_start(args, format);
  vfprintf(b->options->course.log, format, args);
  va_end(args);
  fflush(b->options->course.log);
}

/* -- training cells ------------------------------------------------------------------------------------------- */

static void shuffle(Bench* b, uint64_t pass) {
  const size_t n = b->data->n_pieces[PMT_SPLIT_TRAIN];
  for (size_t i = 0; i < n; ++i) { b->order[i] = (uint32_t)i; }
  for (size_t i = n; i > 1; --i) {
    const size_t j = pmt_random_bits(b->options->seed ^ PLACE_ORDER, pass, i) % i;
    const uint32_t swap = b->order[i - 1];
    b->order[i - 1] = b->order[j];
    b->order[j] = swap;
  }
  b->pass = pass;
}

static PmtStatus open_draw(Bench* b, Chain* chain, uint64_t draw) {
  const size_t n = b->data->n_pieces[PMT_SPLIT_TRAIN];
  const int lo = b->data->transpose_lo, hi = b->data->transpose_hi;
  if (b->pass != draw / n) { shuffle(b, draw / n); }
  const int key = lo + (int)(pmt_random_bits(b->options->seed ^ PLACE_KEY, draw, 0) % (uint64_t)(hi - lo + 1));
  PmtBenchPiece piece = {.split = PMT_SPLIT_TRAIN, .number = b->order[draw % n], .transpose = key};
  if ((double)pmt_random_unit(b->options->seed ^ PLACE_BEGIN, draw, 0) < b->options->begin) {
    piece.begin = (double)pmt_random_unit(b->options->seed ^ PLACE_BEGIN, draw, 1);
  }
  if ((double)pmt_random_unit(b->options->seed ^ PLACE_SPELL, draw, 0) < b->options->orders) {
    piece.order = 1 + (uint32_t)(pmt_random_bits(b->options->seed ^ PLACE_SPELL, draw, 1) % PMT_BENCH_ORDERS);
  }
  chain->draw = draw;
  chain->at = 0;
  return b->data->open(b->data->handle, &piece, &chain->cells, &chain->room, &chain->n_cells);
}

static void forget_inputs(const Bench* b, const Chain* chain, PmtCell* cell) {
  const uint32_t limit = (uint32_t)(b->options->forget * 65536.0);
  uint64_t bits = 0;
  for (uint32_t i = 0; i < b->params.shape.hints.n_tables; ++i, bits >>= 16) {
    if (i % 4 == 0) { bits = pmt_random_bits(b->options->seed ^ PLACE_FORGET, chain->draw << 20 | chain->at, i); }
    if ((bits & 0xffff) < limit) { cell->hints.row[i] = -1; }
  }
}

static void find_parts(Bench* b) {
  const PmtHintShape* h = &b->params.shape.hints;
  for (uint32_t i = 0; i < h->n_tables; ++i) {
    const char* name = h->table[i].name;
    uint32_t k = 0;
    while (k < i && strncmp(h->table[k].name, name, strcspn(name, ".") + 1)) { ++k; }
    b->part[i] = k;
  }
}

/** Draws 0.. are for parts by their first table, the ones after that for leaps. The first table and the first leap stay:
    they say whose turn it is and where that voice is. */
static void forget_parts(const Bench* b, const Chain* chain, PmtCell* cell) {
  const PmtHintShape* h = &b->params.shape.hints;
  const uint64_t seed = b->options->seed ^ PLACE_PARTS, place = chain->draw << 20 | chain->at;
  bool gone[PMT_HINTS_MAX] = {false};
  for (uint32_t i = 1; i < h->n_tables; ++i) {
    gone[i] = b->part[i] == i ? (double)pmt_random_unit(seed, place, i) < b->options->forget_parts : gone[b->part[i]];
    if (gone[i]) { cell->hints.row[i] = -1; }
  }
  for (uint32_t i = 1; i < h->n_leaps; ++i) {
    if ((double)pmt_random_unit(seed, place, PMT_HINTS_MAX + i) < b->options->forget_parts) { cell->hints.anchor[i] = -1; }
  }
}

static bool fill(void* handle) {
  Bench* b = handle;
  for (uint32_t s = 0; s < b->options->batch; ++s) {
    Chain* chain = &b->chains[s];
    for (uint32_t t = 0; t < b->options->length; ++t) {
      if (chain->at == chain->n_cells && open_draw(b, chain, b->draws++)) { return false; }
      PmtCell* cell = pmt_learner_cell(b->learner, s, t);
      *cell = chain->cells[chain->at++];
      if (b->options->forget > 0.0) { forget_inputs(b, chain, cell); }
      if (b->options->forget_parts > 0.0) { forget_parts(b, chain, cell); }
    }
  }
  return true;
}

/* -- measuring ------------------------------------------------------------------------------------------------ */

typedef struct {
  const Bench* b;
  PmtSplit split;
  double* first;   /* [piece] nats of its first unit */
} Split;

static PmtStatus open_piece(void* handle, size_t i, PmtCell** cells, size_t* room, size_t* n_cells) {
  const Split* s = handle;
  const PmtBenchPiece piece = {.split = s->split, .number = i};
  return s->b->data->open(s->b->data->handle, &piece, cells, room, n_cells);
}

static void see_piece(void* handle, size_t i, const PmtCell* cell, const float* logits, float nats) {
  const Split* s = handle;
  (void)logits;
  if (cell->first) { s->first[i] += (double)nats; }
}

static PmtStatus measure(const Bench* b, PmtSplit split, const float* w, PmtBenchFigure* figure, PmtError* error) {
  const size_t n = b->data->n_pieces[split];
  double *nats = malloc((n + 1) * sizeof *nats), sum = 0.0, first = 0.0;
  Split s = {b, split, calloc(n + 1, sizeof *s.first)};
  const PmtScoreRuns runs = {.n = n, .open = open_piece, .see = see_piece, .handle = &s};
  const PmtStatus st = nats && s.first ? pmt_scorer_run(b->scorer, w, &runs, nats) : PMT_NO_MEM;
  for (size_t i = 0; !st && i < n; ++i) { sum += nats[i], first += s.first[i]; }
  figure->nats = sum / b->data->n_units[split];
  figure->without_first = (sum - first) / (b->data->n_units[split] - b->data->n_first[split]);
  free(nats);
  free(s.first);
  return st ? pmt_fail(error, st, "out of memory in the evaluation") : PMT_OK;
}

/** The mean of p over keys. */
typedef struct {
  const Bench* b;
  PmtSplit split;
  int n_keys;
  double** p;      /* [run] sums of p of each counted cell, grown as they come; the runs of a piece follow each other */
  size_t *n, *room;
  bool failed;
} Keys;

static PmtStatus open_key(void* handle, size_t i, PmtCell** cells, size_t* room, size_t* n_cells) {
  const Keys* k = handle;
  const PmtBenchPiece piece = {.split = k->split, .number = i / (size_t)k->n_keys,
                               .transpose = k->b->data->transpose_lo + (int)(i % (size_t)k->n_keys)};
  return k->b->data->open(k->b->data->handle, &piece, cells, room, n_cells);
}

static void see_key(void* handle, size_t i, const PmtCell* cell, const float* logits, float nats) {
  Keys* k = handle;
  (void)cell, (void)logits;
  if (k->n[i] == k->room[i]) {
    const size_t room = k->room[i] ? 2 * k->room[i] : 1024;
    double* grown = realloc(k->p[i], room * sizeof *grown);
    if (!grown) {
      k->failed = true;
      return;
    }
    k->p[i] = grown;
    k->room[i] = room;
  }
  k->p[i][k->n[i]++] = exp(-(double)nats);
}

static double nats_of_means(const Keys* k) {
  double nats = 0.0;
  const size_t keys = (size_t)k->n_keys;
  for (size_t piece = 0; piece < k->b->data->n_pieces[k->split]; ++piece) {
    for (size_t t = 0; t < k->n[piece * keys]; ++t) {
      double p = 0.0;
      for (size_t i = 0; i < keys; ++i) { p += k->p[piece * keys + i][t]; }
      nats -= log(p / (double)keys);
    }
  }
  return nats;
}

static PmtStatus measure_keys(const Bench* b, PmtSplit split, const float* w, PmtBenchFigure* figure, PmtError* error) {
  Keys k = {.b = b, .split = split, .n_keys = b->data->transpose_hi - b->data->transpose_lo + 1};
  const size_t n = b->data->n_pieces[split] * (size_t)k.n_keys;
  const PmtScoreRuns runs = {.n = n, .open = open_key, .see = see_key, .handle = &k};
  double* nats = malloc((n + 1) * sizeof *nats);
  k.p = calloc(n + 1, sizeof *k.p), k.n = calloc(n + 1, sizeof *k.n), k.room = calloc(n + 1, sizeof *k.room);
  PmtStatus st = nats && k.p && k.n && k.room ? pmt_scorer_run(b->scorer, w, &runs, nats) : PMT_NO_MEM;
  if (k.failed) { st = PMT_NO_MEM; }
  figure->in_keys = st ? (double)NAN : nats_of_means(&k) / b->data->n_units[split];
  for (size_t i = 0; k.p && i < n; ++i) { free(k.p[i]); }
  free(k.p), free(k.n), free(k.room), free(nats);
  return st ? pmt_fail(error, st, "out of memory in the evaluation") : PMT_OK;
}

static PmtStatus evaluate(void* handle, PmtArrayId which, const float* w, double* valid, PmtError* error) {
  Bench* b = handle;
  PmtBenchFigure figure;
  const PmtStatus st = measure(b, PMT_SPLIT_VALID, w, &figure, error);
  b->last[which] = *valid = figure.nats;
  return st;
}

static void note(void* handle, const PmtCoursePoint* point) {
  const Bench* b = handle;
  const size_t tokens = point->step * pmt_learner_step_tokens(b->learner);
  tell(b, "evaluation %u of %u, step %" PRIu64 " (%.2f M tokens, %.1f min): train %.4f nats/token, valid %.4f nats/%s "
       "(weights %.4f)%s\n", b->course.n_evaluated, b->options->course.evaluations, point->step, (double)tokens * 1e-6,
       pmt_course_elapsed(&b->course) / 60.0, point->train, b->last[PMT_ARRAY_AVERAGE], b->data->unit,
       b->last[PMT_ARRAY_WEIGHTS], point->gained ? ", best so far" : "");
}

/** Valid and test at the end take about what an evaluation of one of two arrays takes, each. */
static double reserve(void* handle) {
  const Bench* b = handle;
  return b->course.evaluation_seconds * (b->options->test ? 1.0 : 0.5);
}

/* -- keeping -------------------------------------------------------------------------------------------------- */

static void describe(const Bench* b, char* text, size_t size) {
  const PmtBenchOptions* o = b->options;
  char shape[160];
  pmt_shape_describe(&b->params.shape, shape, sizeof shape);
  snprintf(text, size, "%s, %s, %zu weights, batch %u length %u past %u threads %u dropout %a begin %a orders %a forget %a %a "
           "decay %a average %a rate %a seed %" PRIu64, b->data->unit, shape, b->params.n_floats, o->batch, o->length, o->past,
           pmt_pool_size(b->pool), o->dropout, o->begin, o->orders, o->forget, o->forget_parts, o->decay, o->average, o->course.rate, o->seed);
}

static PmtStatus keep(void* handle, PmtError* error) {
  const Bench* b = handle;
  char description[640], places[TEXT_BYTES], draws[32];
  if (!b->options->checkpoint) { return PMT_OK; }
  describe(b, description, sizeof description);
  size_t n = 0;
  places[0] = '\0';
  for (uint32_t s = 0; s < b->options->batch && n < sizeof places; ++s) {
    n += (size_t)snprintf(places + n, sizeof places - n, "%" PRIu64 " %zu ", b->chains[s].draw, b->chains[s].at);
  }
  snprintf(draws, sizeof draws, "%" PRIu64, b->draws);
  const PmtMetaOut extras[] = {{"draws", draws}, {"places", places}};
  return pmt_checkpoint_write(b->options->checkpoint, &b->course, description, extras, 2, error);
}

static bool seek(Bench* b, const char* draws, const char* places) {
  if (!draws || !places || sscanf(draws, "%" SCNu64, &b->draws) != 1) { return false; }
  for (uint32_t s = 0; s < b->options->batch; ++s) {
    uint64_t draw;
    size_t at;
    int used;
    if (sscanf(places, "%" SCNu64 " %zu%n", &draw, &at, &used) != 2) { return false; }
    places += used;
    if (open_draw(b, &b->chains[s], draw) || at > b->chains[s].n_cells) { return false; }
    b->chains[s].at = at;
  }
  return true;
}

static PmtStatus resume(Bench* b, PmtError* error) {
  const char* path = b->options->checkpoint;
  char description[640];
  PmtTensors* file;
  describe(b, description, sizeof description);
  PmtStatus st = pmt_checkpoint_read(path, &b->course, description, &file, error);
  if (st) { return st; }
  if (!seek(b, pmt_tensors_meta(file, "draws"), pmt_tensors_meta(file, "places"))) {
    st = pmt_checkpoint_damaged(path, "the places", error);
  }
  pmt_tensors_free(file);
  return st;
}

/* -- the run -------------------------------------------------------------------------------------------------- */

/** Benchmarks are small: rows of hints that are seldom asked for should not keep what chance taught them. */
static void decay_tables(PmtParams* p) {
  for (uint32_t i = 0; i < p->n_blocks; ++i) {
    for (uint32_t k = 0; k < p->shape.hints.n_tables; ++k) {
      const char* name = p->shape.hints.table[k].name;
      const size_t n = strlen(name);
      p->block[i].decay |= !strncmp(p->block[i].name, name, n) && !strcmp(p->block[i].name + n, ".weight");
    }
  }
}

static PmtStatus build(Bench* b, PmtError* error) {
  const PmtBenchOptions* o = b->options;
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  const uint32_t threads = o->threads ? o->threads : (uint32_t)(online < 1 ? 1 : online);
  PmtStatus st = pmt_params_layout(&o->shape, &b->params, error);
  if (st) { return st; }
  decay_tables(&b->params);
  find_parts(b);
  openblas_set_num_threads(1);
  if (pmt_pool_new(threads, &b->pool)) { return pmt_fail(error, PMT_NO_MEM, "cannot start %u threads", threads); }
  const PmtLearnerOptions learner = {.streams = o->batch, .steps = o->length, .past = o->past, .seed = o->seed,
                                     .drop = (float)o->dropout, .decay = (float)o->decay, .clip = 1.0f,
                                     .average = (float)o->average};
  if ((st = pmt_learner_new(&b->params, &learner, b->pool, &b->learner, error))) { return st; }
  b->chains = calloc(o->batch, sizeof *b->chains);
  b->order = calloc(b->data->n_pieces[PMT_SPLIT_TRAIN], sizeof *b->order);
  if (!b->chains || !b->order || pmt_scorer_new(&b->params, b->pool, &b->scorer) ||
      pmt_course_attach(&b->course, b->learner)) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  char shape[160];
  pmt_shape_describe(&o->shape, shape, sizeof shape);
  tell(b, "%s, %zu parameters, %u threads, OpenBLAS core %s\n", shape, pmt_params_count(&b->params), threads,
       openblas_get_corename());
  return PMT_OK;
}

static void dismantle(Bench* b) {
  for (uint32_t s = 0; b->chains && s < b->options->batch; ++s) { free(b->chains[s].cells); }
  free(b->chains);
  free(b->order);
  pmt_course_end(&b->course);
  pmt_scorer_free(b->scorer);
  pmt_learner_free(b->learner);
  pmt_pool_free(b->pool);
  free(b);
}

static PmtStatus finish(Bench* b, PmtBenchResult* r, PmtError* error) {
  PmtStatus st = keep(b, error);
  if (b->options->half) { pmt_export_round(&b->params, b->course.best); }
  for (PmtSplit split = PMT_SPLIT_VALID; !st && split <= (b->options->test ? PMT_SPLIT_TEST : PMT_SPLIT_VALID); ++split) {
    st = measure(b, split, b->course.best, &r->figure[split], error);
    if (!st && b->options->transpositions) { st = measure_keys(b, split, b->course.best, &r->figure[split], error); }
  }
  if (!st && b->options->out) {
    st = pmt_export_net(b->options->out, &b->params, b->course.best, b->data->name, b->options->half, error);
  }
  return st;
}

PmtStatus pmt_bench_run(const PmtBenchData* data, const PmtBenchOptions* options, PmtBenchResult* r, PmtError* error) {
  *r = (PmtBenchResult){0};
  for (int split = 0; split < PMT_SPLITS; ++split) {
    r->figure[split] = (PmtBenchFigure){(double)NAN, (double)NAN, (double)NAN};
  }
  Bench* b = calloc(1, sizeof *b);
  if (!b) { return pmt_fail(error, PMT_NO_MEM, "out of memory"); }
  *b = (Bench){.data = data, .options = options, .pass = UINT64_MAX};
  pmt_course_begin(&b->course);
  b->course.options = options->course;
  b->course.tasks = (PmtCourseTasks){.handle = b, .fill = fill, .evaluate = evaluate, .note = note, .keep = keep,
                                     .reserve = reserve};
  PmtStatus st = build(b, error);
  if (!st && options->resume) { st = resume(b, error); }
  if (!st) { st = pmt_course_run(&b->course, error); }
  if (!st && b->course.finished) { st = finish(b, r, error); }
  if (!st) {
    r->n_params = pmt_params_count(&b->params);
    r->n_tokens = b->course.step * pmt_learner_step_tokens(b->learner);
    r->threads = pmt_pool_size(b->pool);
    r->steps = b->course.step, r->best_step = b->course.best_step;
    r->seconds = pmt_course_elapsed(&b->course);
    r->finished = b->course.finished;
  }
  dismantle(b);
  return st;
}
