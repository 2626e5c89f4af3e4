/* SPDX-License-Identifier: ISC */
/* Loading a model: what the metadata becomes, what is refused and in which words, and no leak when memory is short. */
#include "check.h"
#include "gen/model.h"
#include "support/fail_alloc.h"
#include "support/tiny_model.h"

#include <locale.h>
#include <math.h>
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
  CHECK(m->temperature == 1.0f && fabsf(m->min_p - 0.05f) < 1e-6f);
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
  CHECK(m->temperature == 1.0f && m->min_p == 0.05f);
  pmt_model_free(m);

  /* 40 bytes, cut before a character and not within it */
  static const PmtMetaOut other[] = {{"styles", "0123456789012345678901234567890123456789x,bach\xc3\xa9"},
                                     {"part_names", "0123456789012345678901234567890123456\xe2\x99\xad\xc3\xa9,b,c,"},
                                     {"style_parts", "0,2"},
                                     {"kits", "0,25"},
                                     {"style_bpm", "66.25,0"},
                                     {"min_p", "0.125"}};
  m = load_with(other, sizeof other / sizeof *other);
  CHECK(strlen(m->style_name[0]) == 40 && !strcmp(m->style_name[1], "bach\xc3\xa9"));
  CHECK(strlen(m->part_name[0]) == 40 && !strcmp(m->part_name[3], "Part 4"));
  CHECK(m->parts_used[0] == 0 && m->parts_used[1] == 2 && m->style_bpm[0] == 66.25f && m->min_p == 0.125f);
  CHECK(m->kit[0] == 0 && m->kit[1] == 25);
  pmt_model_free(m);
}

static void test_refusals(void) {
  check_refused((PmtMetaOut){"vocab", NULL}, PMT_BAD_FILE, "vocab");
  check_refused((PmtMetaOut){"vocab", "remi"}, PMT_UNSUPPORTED, "vocab is \"remi\", need \"slot-v1\"");
  check_refused((PmtMetaOut){"arch", "gru"}, PMT_UNSUPPORTED, "gru");
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
  check_refused((PmtMetaOut){"kits", "0"}, PMT_BAD_FILE, "kits");
  check_refused((PmtMetaOut){"kits", "0,128"}, PMT_BAD_FILE, "kits");
  check_refused((PmtMetaOut){"style_bpm", "fast,slow"}, PMT_BAD_FILE, "style_bpm");
  check_refused((PmtMetaOut){"style_bpm", "1e3,90"}, PMT_BAD_FILE, "style_bpm");
  check_refused((PmtMetaOut){"velocity", "yes"}, PMT_BAD_FILE, "velocity");
  check_refused((PmtMetaOut){"temperature", "nan"}, PMT_BAD_FILE, "temperature");
  check_refused((PmtMetaOut){"min_p", "0.7"}, PMT_BAD_FILE, "min_p");
  check_refused((PmtMetaOut){"min_p", ""}, PMT_BAD_FILE, "min_p");
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

int main(void) {
  const char* const tmp = getenv("TMPDIR");
  setlocale(LC_ALL, ""); /* a decimal comma must not matter */
  snprintf(folder, sizeof folder, "%.300s/pmt-model-XXXXXX", tmp ? tmp : "/tmp");
  CHECK(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  test_fields();
  test_optional();
  test_refusals();
  test_no_file();
  test_no_memory();
  CHECK(!unlink(path) && !rmdir(folder));
  return 0;
}
