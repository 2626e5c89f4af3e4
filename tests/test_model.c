/* SPDX-License-Identifier: ISC */
/* Loading a model: what the metadata becomes, what is refused and in which words, one copy for all who load the same
   content, and no leak when memory is short. */
#include "check.h"
#include "gen/engine.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <locale.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static char folder[400], path[512];

static void write_with(const PmtMetaOut* const meta, const size_t n) {
  PmtError error = {""};
  const PmtTinyOptions options = {.meta = meta, .n_meta = n};
  CHECKF(!pmt_tiny_model_write(path, &options, &error), "%s", error.text);
}

static void check_refused(const PmtMetaOut meta, const PmtStatus wanted, const char* const words) {
  PmtModel* model;
  PmtError error = {""};
  write_with(&meta, 1);
  const PmtStatus status = pmt_model_load(path, &model, &error);
  CHECKF(status == wanted && !model, "%s=%s: status %d: %s", meta.key, meta.value, status, error.text);
  CHECKF(strstr(error.text, words) && strstr(error.text, path), "%s=%s: %s", meta.key, meta.value, error.text);
  CHECK(!strchr(error.text, '\n'));
}

static PmtModel* load_with(const PmtMetaOut* const meta, const size_t n) {
  PmtModel* model;
  PmtError error = {""};
  write_with(meta, n);
  CHECKF(!pmt_model_load(path, &model, &error), "%s", error.text);
  return model;
}

static void test_fields(void) {
  PmtModel* m = load_with(NULL, 0);
  CHECK(m->parts == 4 && m->vocab == 640 && m->n_styles == 2 && m->velocity && !m->drums && !m->ornaments);
  CHECK(m->pitch_lo[0] == 36 && m->pitch_hi[3] == 84 && m->parts_used[1] == 4 && m->hash);
  CHECK(!strcmp(m->style_name[1], "beta") && !strcmp(m->part_name[3], "Voice") && !strcmp(m->title, "Random weights"));
  CHECK(m->program[0][0] == 0 && m->program[1][3] == 48 && m->style_bpm[0] == 120.0f && m->style_bpm[1] == 90.0f);
  CHECK(m->kit[0] == 0 && m->kit[1] == 0);
  CHECK(m->temperature == 1.0f && fabsf(m->min_p[0] - 0.05f) < 1e-6f && m->min_p[1] == m->min_p[0]);
  CHECK(pmt_model_style(m, "BETA") == 1 && pmt_model_style(m, "gamma") == -1);
  pmt_model_free(m);
}

static void test_optional(void) {
  static const PmtMetaOut absent[] = {{"pitch_lo", NULL},   {"pitch_hi", NULL},    {"styles", NULL},
                                      {"part_names", NULL}, {"programs", NULL},    {"style_parts", NULL},
                                      {"style_bpm", NULL},  {"temperature", NULL}, {"min_p", NULL},
                                      {"title", NULL},      {"velocity", NULL}};
  PmtModel* m = load_with(absent, sizeof absent / sizeof *absent);
  CHECK(m->pitch_lo[0] == 0 && m->pitch_hi[0] == 127 && m->parts_used[0] == 4 && m->style_bpm[0] == 0.0f &&
        !m->velocity);
  CHECK(!strcmp(m->style_name[1], "Style 2") && !strcmp(m->part_name[0], "Part 1") && !m->title[0]);
  CHECK(m->rests[0][0] == PMT_RESTS_ANY && m->rests[1][3] == PMT_RESTS_ANY);
  CHECK(m->temperature == 1.0f && m->min_p[0] == 0.005f && m->min_p[1] == 0.005f);
  pmt_model_free(m);

  /* 40 bytes, cut before a character and not within it */
  static const PmtMetaOut other[] = {{"styles", "0123456789012345678901234567890123456789x,bach\xc3\xa9"},
                                     {"part_names", "0123456789012345678901234567890123456\xe2\x99\xad\xc3\xa9,b,c,"},
                                     {"style_parts", "0,2"},
                                     {"style_told", "0,1"},
                                     {"style_rests", "0,1,2,32;4,5,6,7"},
                                     {"kits", "0,25"},
                                     {"style_bpm", "66.25,0"},
                                     {"min_p", "0.125,0"}};
  m = load_with(other, sizeof other / sizeof *other);
  CHECK(strlen(m->style_name[0]) == 40 && !strcmp(m->style_name[1], "bach\xc3\xa9"));
  CHECK(strlen(m->part_name[0]) == 40 && !strcmp(m->part_name[3], "Part 4"));
  CHECK(m->parts_used[0] == 0 && m->parts_used[1] == 2 && m->style_bpm[0] == 66.25f && m->min_p[0] == 0.125f && m->min_p[1] == 0.0f);
  CHECK(m->kit[0] == 0 && m->kit[1] == 25);
  CHECK(!m->told[0] && m->told[1]);
  CHECK(m->rests[0][0] == 0 && m->rests[0][3] == PMT_RESTS_ANY && m->rests[1][0] == 4 && m->rests[1][3] == 7);
  pmt_model_free(m);
}

static void test_refusals(void) {
  check_refused((PmtMetaOut){"vocab", NULL}, PMT_BAD_FILE, "vocab");
  check_refused((PmtMetaOut){"vocab", "remi"}, PMT_UNSUPPORTED, "vocab is \"remi\", need \"slot-v1\"");
  check_refused((PmtMetaOut){"arch", "vae"}, PMT_UNSUPPORTED, "vae");
  check_refused((PmtMetaOut){"format_version", "2"}, PMT_UNSUPPORTED, "format_version");
  check_refused((PmtMetaOut){"parts", "9"}, PMT_BAD_FILE, "parts");
  check_refused((PmtMetaOut){"parts", NULL}, PMT_BAD_FILE, "parts");
  check_refused((PmtMetaOut){"parts", "3"}, PMT_BAD_FILE, "pitch_lo");
  check_refused((PmtMetaOut){"pitch_lo", "1,2,3"}, PMT_BAD_FILE, "pitch_lo");
  check_refused((PmtMetaOut){"pitch_lo", "1,2,3,4,5"}, PMT_BAD_FILE, "pitch_lo");
  check_refused((PmtMetaOut){"pitch_lo", "1,2,3,-4"}, PMT_BAD_FILE, "pitch_lo");
  check_refused((PmtMetaOut){"pitch_lo", "90,36,36,36"}, PMT_BAD_FILE, "above");
  check_refused((PmtMetaOut){"pitch_hi", "84,84,84,128"}, PMT_BAD_FILE, "pitch_hi");
  check_refused((PmtMetaOut){"styles", "one"}, PMT_BAD_SHAPE, "styles");
  check_refused((PmtMetaOut){"part_names", "a,b,c"}, PMT_BAD_SHAPE, "part_names");
  check_refused((PmtMetaOut){"programs", "0,0,0,0,0,0,0,0"}, PMT_BAD_FILE, "programs");
  check_refused((PmtMetaOut){"programs", "0,0,0,0;0,0,0,200"}, PMT_BAD_FILE, "programs");
  check_refused((PmtMetaOut){"style_parts", "5,1"}, PMT_BAD_FILE, "style_parts");
  check_refused((PmtMetaOut){"style_told", "0,2"}, PMT_BAD_FILE, "style_told");
  check_refused((PmtMetaOut){"style_rests", "0,0,0,0"}, PMT_BAD_FILE, "style_rests");
  check_refused((PmtMetaOut){"style_rests", "0,0,0,0;0,0,0,33"}, PMT_BAD_FILE, "style_rests");
  check_refused((PmtMetaOut){"kits", "0"}, PMT_BAD_FILE, "kits");
  check_refused((PmtMetaOut){"kits", "0,128"}, PMT_BAD_FILE, "kits");
  check_refused((PmtMetaOut){"style_bpm", "fast,slow"}, PMT_BAD_FILE, "style_bpm");
  check_refused((PmtMetaOut){"style_bpm", "1e3,90"}, PMT_BAD_FILE, "style_bpm");
  check_refused((PmtMetaOut){"velocity", "yes"}, PMT_BAD_FILE, "velocity");
  check_refused((PmtMetaOut){"temperature", "nan"}, PMT_BAD_FILE, "temperature");
  check_refused((PmtMetaOut){"min_p", "0.7"}, PMT_BAD_FILE, "min_p");
  check_refused((PmtMetaOut){"min_p", ""}, PMT_BAD_FILE, "min_p");
  check_refused((PmtMetaOut){"min_p", "0.1,0.7"}, PMT_BAD_FILE, "min_p");
  check_refused((PmtMetaOut){"min_p", "0.1,0.1,0.1"}, PMT_BAD_FILE, "min_p");
}

static void test_no_file(void) {
  PmtModel* model;
  PmtError error = {""};
  char nowhere[512];
  snprintf(nowhere, sizeof nowhere, "%s/nowhere", folder);
  CHECK(pmt_model_load(nowhere, &model, &error) == PMT_IO && !model && strstr(error.text, "nowhere"));
  CHECK(pmt_model_load(folder, &model, &error) && !model && error.text[0]);
  pmt_model_free(NULL);
}

static void test_no_memory(void) {
  PmtStatus status = PMT_NO_MEM;
  size_t n = 0;
  write_with(NULL, 0);
  for (; status; ++n) {
    PmtModel* model;
    PmtError error = {""};
    pmt_fail_after(n);
    status = pmt_model_load(path, &model, &error);
    pmt_fail_never();
    CHECKF(!status || (!model && error.text[0]), "allocation %zu: %s", n, error.text);
    pmt_model_free(model);
  }
  CHECK(n > 5);
}

/* ---- One copy for all -------------------------------------------------------------------------------------------- */

static void name_file(char* const name, const size_t size, const uint32_t i) {
  snprintf(name, size, "%s/other-%u.safetensors", folder, i);
}

/** A file of its own, of the content that the seed makes. */
static void write_other(const uint32_t i, const uint64_t seed) {
  char name[512];
  PmtError error = {""};
  name_file(name, sizeof name, i);
  const PmtTinyOptions options = {.seed = seed, .h = 64};
  CHECKF(!pmt_tiny_model_write(name, &options, &error), "%s", error.text);
}

static PmtModel* load_other(const uint32_t i) {
  char name[512];
  PmtModel* model;
  PmtError error = {""};
  name_file(name, sizeof name, i);
  CHECKF(!pmt_model_load(name, &model, &error), "%s", error.text);
  return model;
}

static void remove_other(const uint32_t i) {
  char name[512];
  name_file(name, sizeof name, i);
  CHECK(!unlink(name));
}

/** Bytes that are allocated; always the same under a sanitizer, which does not say. */
static size_t bytes_in_use(void) {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static void test_shared(void) {
  enum { INSTANCES = 20 };
  PmtModel* model[INSTANCES];
  write_other(0, 5);
  write_other(1, 5);
  const size_t empty = bytes_in_use();
  model[0] = load_other(0);
  const size_t one = bytes_in_use() - empty;
  CHECKF(one == 0 || one > pmt_net_bytes(model[0]->net), "%zu bytes", one);
  for (uint32_t i = 1; i < INSTANCES; ++i) {
    model[i] = load_other(i % 2); /* the name does not matter */
    CHECK(model[i]->net == model[0]->net);
  }
  const size_t twenty = bytes_in_use() - empty;
  printf("one model: %zu bytes, the same twenty times: %zu\n", one, twenty);
  CHECKF(twenty <= one + 16384, "%zu bytes, then %zu", one, twenty);
  for (uint32_t i = 0; i + 1 < INSTANCES; ++i) {
    pmt_model_free(model[i]);
  }
  const PmtModel* const last = model[INSTANCES - 1];
  CHECK(last->vocab == 640 && pmt_net_config(last->net)->h == 64);
  pmt_model_free(model[INSTANCES - 1]);
  CHECKF(bytes_in_use() <= empty + 16384, "%zu bytes, then %zu", empty, bytes_in_use());
  remove_other(0);
  remove_other(1);
}

static void test_other_content(void) {
  write_other(0, 5);
  write_other(1, 6);
  PmtModel* const a = load_other(0);
  PmtModel* const b = load_other(1);
  CHECK(a != b && a->net != b->net && a->hash != b->hash);
  write_other(0, 6); /* the same path, other content */
  PmtModel* const c = load_other(0);
  CHECK(c == b);
  const uint64_t hash_a = a->hash;
  PmtModel* const d = pmt_model_borrow(c->hash); /* by content alone */
  CHECK(d == c && !pmt_model_borrow(a->hash ^ 1));
  pmt_model_free(d);
  pmt_model_free(b);
  pmt_model_free(a);
  CHECK(!pmt_model_borrow(hash_a));
  CHECK(c->n_styles == 2);
  pmt_model_free(c);
  remove_other(0);
  remove_other(1);
}

/** Files that are refused, and loads that run out of memory, leave those who have a model alone. */
static void test_undisturbed(void) {
  write_other(0, 5);
  PmtModel* const kept = load_other(0);
  test_no_file();
  check_refused((PmtMetaOut){"vocab", "remi"}, PMT_UNSUPPORTED, "vocab");
  check_refused((PmtMetaOut){"min_p", "0.7"}, PMT_BAD_FILE, "min_p");
  test_no_memory(); /* of another content, and now of the same: */
  PmtStatus status = PMT_NO_MEM;
  for (size_t n = 0; status; ++n) {
    char name[512];
    PmtModel* again;
    PmtError error = {""};
    name_file(name, sizeof name, 0);
    pmt_fail_after(n);
    status = pmt_model_load(name, &again, &error);
    pmt_fail_never();
    CHECK(status ? !again : again == kept);
    pmt_model_free(again);
  }
  PmtModel* const again = load_other(0);
  CHECK(again == kept);
  pmt_model_free(again);
  pmt_model_free(kept);
  remove_other(0);
}

/** Players own references: each is whole whatever becomes of the others. */
static void test_players(void) {
  PmtPlayer *a, *b;
  write_other(0, 5);
  CHECK(!pmt_player_new(load_other(0), &a) && !pmt_player_new(load_other(0), &b));
  CHECK(pmt_player_model(a)->net == pmt_player_model(b)->net);
  pmt_player_free(a);
  CHECK(pmt_player_model(b)->parts == 4);
  pmt_player_free(b);
  remove_other(0);
}

enum { THREADS = 8, FILES = 3, ROUNDS = 60, HELD = 6 };

/** Load and free at random. What is held must be the file's own all the while. */
static void* load_at_random(void* const seed) {
  uint32_t draw = (uint32_t)(uintptr_t)seed;
  PmtModel* held[HELD] = {NULL};
  uint32_t file[HELD] = {0};
  for (uint32_t round = 0; round < ROUNDS; ++round) {
    draw = draw * 1664525u + 1013904223u;
    const uint32_t i = draw >> 16 & 0xff, at = i % HELD;
    if (held[at]) {
      CHECK(pmt_net_config(held[at]->net)->h == 64 && held[at]->hash);
      for (uint32_t j = 0; j < HELD; ++j) {
        CHECK(!held[j] || (held[j] == held[at]) == (file[j] == file[at]));
      }
      pmt_model_free(held[at]);
      held[at] = NULL;
    } else {
      file[at] = i / HELD % FILES;
      held[at] = load_other(file[at]);
    }
  }
  for (uint32_t i = 0; i < HELD; ++i) {
    pmt_model_free(held[i]);
  }
  return NULL;
}

static void test_threads(void) {
  pthread_t thread[THREADS];
  for (uint32_t i = 0; i < FILES; ++i) {
    write_other(i, 5 + i);
  }
  const size_t before = bytes_in_use();
  for (uintptr_t i = 0; i < THREADS; ++i) {
    CHECK(!pthread_create(&thread[i], NULL, load_at_random, (void*)(i + 1)));
  }
  for (uint32_t i = 0; i < THREADS; ++i) {
    CHECK(!pthread_join(thread[i], NULL));
  }
  const size_t after = bytes_in_use();
  CHECKF(after <= before + 65536, "%zu bytes before, %zu after", before, after); /* a model is more */
  for (uint32_t i = 0; i < FILES; ++i) {
    remove_other(i);
  }
}

int main(void) {
  setlocale(LC_ALL, ""); /* a decimal comma must not matter */
  pmt_scratch_make(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  test_fields();
  test_optional();
  test_refusals();
  test_no_file();
  test_no_memory();
  test_shared();
  test_other_content();
  test_undisturbed();
  test_players();
  test_threads();
  CHECK(!unlink(path) && !rmdir(folder));
  return 0;
}
