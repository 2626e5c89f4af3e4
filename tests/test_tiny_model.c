/* SPDX-License-Identifier: ISC */
/* The model that other tests play with is a model. With a path: write it there, for shell tests (a number after it is
   the seed of its weights). */
#include "check.h"
#include "gen/model.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <string.h>
#include <unistd.h>

static void write_model(const char* path, uint64_t seed) {
  const PmtTinyOptions options = {.seed = seed};
  PmtError error = {""};
  CHECKF(!pmt_tiny_model_write(path, &options, &error), "%s", error.text);
}

static void check_model(void) {
  char folder[200];
  char path[256];
  pmt_scratch_make(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/tiny.safetensors", folder);
  write_model(path, 1);
  PmtModel* model = NULL;
  PmtError error = {""};
  CHECKF(!pmt_model_load(path, &model, &error), "%s", error.text);
  CHECK(model->n_styles == 2 && pmt_model_style(model, "ALPHA") == 0 && pmt_model_style(model, "beta") == 1);
  CHECK(pmt_model_style(model, "gamma") == -1 && model->parts == 4);
  const uint64_t hash = model->hash;
  pmt_model_free(model);
  write_model(path, 2);
  CHECKF(!pmt_model_load(path, &model, &error), "%s", error.text);
  CHECK(model->hash != hash);
  pmt_model_free(model);
  CHECK(!unlink(path) && !rmdir(folder));
}

int main(int argc, char** argv) {
  if (argc > 1) {
    write_model(argv[1], argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    return 0;
  }
  check_model();
  return 0;
}
