/* SPDX-License-Identifier: ISC */
/* partimento inspect for models. Above: cmd_inspect.c. Below: nn/tensors.h, gen/model.h. */
#include "inspect.h"

#include "gen/model.h"
#include "nn/tensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char* dtype_name(PmtDtype dtype) {
  static const char* const names[] = {"F32", "F16", "BF16", "I8"};
  return names[dtype];
}

static uint64_t count_parameters(const PmtTensors* tensors) {
  uint64_t n = 0;
  for (size_t i = 0; i < pmt_tensors_count(tensors); ++i) {
    const PmtTensor* t = pmt_tensors_at(tensors, i);
    n += (uint64_t)t->shape[0] * t->shape[1];
  }
  return n;
}

static void print_tensors(const char* path, const PmtTensors* tensors) {
  const char* key = NULL;
  const char* value = NULL;
  printf("file        %s\nparameters  %llu\nmetadata\n", path, (unsigned long long)count_parameters(tensors));
  for (size_t i = 0; pmt_tensors_meta_at(tensors, i, &key, &value); ++i) {
    printf("  %-24s %s\n", key, value);
  }
  printf("tensors\n");
  for (size_t i = 0; i < pmt_tensors_count(tensors); ++i) {
    const PmtTensor* t = pmt_tensors_at(tensors, i);
    char shape[40] = "[]";
    if (t->rank == 1) {
      snprintf(shape, sizeof shape, "[%u]", t->shape[0]);
    } else if (t->rank == 2) {
      snprintf(shape, sizeof shape, "[%u, %u]", t->shape[0], t->shape[1]);
    }
    printf("  %-24s %-4s %s\n", t->name, dtype_name(t->dtype), shape);
  }
}

static json_t* tensor_json(const PmtTensor* t) {
  json_t* shape = json_array();
  for (uint32_t i = 0; i < t->rank; ++i) {
    json_array_append_new(shape, json_integer(t->shape[i]));
  }
  return json_pack("{s:s, s:s, s:o}", "name", t->name, "dtype", dtype_name(t->dtype), "shape", shape);
}

static void print_tensors_json(const char* path, const PmtTensors* tensors) {
  json_t* meta = json_object();
  json_t* list = json_array();
  const char* key = NULL;
  const char* value = NULL;
  for (size_t i = 0; pmt_tensors_meta_at(tensors, i, &key, &value); ++i) {
    json_object_set_new(meta, key, json_string(value));
  }
  for (size_t i = 0; i < pmt_tensors_count(tensors); ++i) {
    json_array_append_new(list, tensor_json(pmt_tensors_at(tensors, i)));
  }
  json_t* root = json_pack("{s:I, s:o, s:o}", "parameters", (json_int_t)count_parameters(tensors), "metadata", meta,
                           "tensors", list);
  json_object_set_new(root, "file", json_string(path));
  char* text = json_dumps(root, JSON_INDENT(2));
  puts(text ? text : "{}");
  free(text);
  json_decref(root);
}

PmtStatus pmt_inspect_model(const PmtInspectArgs* args, PmtError* error) {
  PmtTensors* tensors = NULL;
  if (args->picture || args->tokens) {
    return pmt_fail(error, PMT_BAD_ARG, "%s: a model has no tokens and no picture", args->path);
  }
  PmtStatus status = pmt_tensors_read(args->path, &tensors, error);
  if (status) {
    return status;
  }
  (args->json ? print_tensors_json : print_tensors)(args->path, tensors);
  pmt_tensors_free(tensors);
  PmtModel* model = NULL;
  status = pmt_model_load(args->path, &model, error);
  pmt_model_free(model);
  return status;
}
