/* SPDX-License-Identifier: ISC */
/* See tiny_model.h. Ids and table sizes are written as numbers: a test must not take them from what it tests. */
#include "support/tiny_model.h"

#include "base/random.h"
#include "music/listener.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENSORS_MAX = 9 + 10 * 12 + PMT_HINTS_MAX + PMT_LEAPS_MAX + 1, META_MAX = 64, NAME_MAX_BYTES = 40 };

enum { ID_SLOT = 4, N_SLOTS = 24, ID_POS = 28, N_POS = 11, ID_NOTE = 128, STYLES = 2, METERS = 26, KEYS = 25,
       PHRASES = 9, DENSITIES = 9 };

typedef struct {
  PmtTinyOptions o;
  PmtHintShape listener;
  PmtTensorOut tensor[TENSORS_MAX];
  char name[TENSORS_MAX][NAME_MAX_BYTES];
  float* data[TENSORS_MAX];
  size_t n;
  PmtMetaOut meta[META_MAX];
  size_t n_meta;
} Builder;

/* A tensor of uniform values in +-range; cols 0 makes it rank 1. NULL when out of memory (then build fails). */
static float* add(Builder* const b, const char* const name, const uint32_t rows, const uint32_t cols,
                  const float range) {
  const size_t count = (size_t)rows * (cols ? cols : 1);
  float* const values = malloc(count * sizeof *values);
  const size_t place = b->n++;
  b->data[place] = values;
  snprintf(b->name[place], NAME_MAX_BYTES, "%s", name);
  b->tensor[place] = (PmtTensorOut){b->name[place], cols ? 2 : 1, {rows, cols ? cols : 1}, values, PMT_F32};
  for (size_t i = 0; values && i < count; ++i) {
    values[i] = range * (2.0f * pmt_random_unit(b->o.seed, place, i) - 1.0f);
  }
  return values;
}

static bool is_tf(const Builder* const b) {
  return !strcmp(b->o.arch, "tf");
}

static void add_layer(Builder* const b, const uint32_t layer) {
  const uint32_t inputs = layer ? b->o.h : b->o.d;
  const uint32_t gates = !strcmp(b->o.arch, "lstm") ? 4 : !strcmp(b->o.arch, "gru") ? 3 : 1;
  const float range = 2.0f / (float)(1 + b->o.h / 16); /* lively: a random net should not fall asleep */
  char name[NAME_MAX_BYTES];
  snprintf(name, sizeof name, "rnn.weight_ih_l%u", layer);
  add(b, name, gates * b->o.h, inputs, range);
  snprintf(name, sizeof name, "rnn.weight_hh_l%u", layer);
  add(b, name, gates * b->o.h, b->o.h, range);
  snprintf(name, sizeof name, "rnn.bias_ih_l%u", layer);
  add(b, name, gates * b->o.h, 0, 0.5f);
  snprintf(name, sizeof name, "rnn.bias_hh_l%u", layer);
  add(b, name, gates * b->o.h, 0, 0.5f);
}

static void add_named(Builder* const b, const uint32_t layer, const char* const rest, const uint32_t rows,
                      const uint32_t cols, const float range, const float centre) {
  char name[NAME_MAX_BYTES];
  snprintf(name, sizeof name, "blk.%u.%s", layer, rest);
  float* const values = add(b, name, rows, cols, range);
  for (uint32_t i = 0; values && centre != 0.0f && i < rows; ++i) {
    values[i] += centre;
  }
}

static void add_block(Builder* const b, const uint32_t layer) {
  const uint32_t d = b->o.d, ff = b->o.ff;
  const float by_d = 1.7f / sqrtf((float)d), by_ff = 1.7f / sqrtf((float)ff); /* uniform, of variance 1 / columns */
  add_named(b, layer, "norm1.weight", d, 0, 0.5f, 1.0f);
  add_named(b, layer, "qkv.weight", 3 * d, d, 1.5f * by_d, 0.0f);
  if (!strcmp(b->o.pos, "rel")) {
    add_named(b, layer, "rel.weight", b->o.rel, d, 1.7f, 0.0f);
  }
  add_named(b, layer, "o.weight", d, d, by_d, 0.0f);
  add_named(b, layer, "norm2.weight", d, 0, 0.5f, 1.0f);
  add_named(b, layer, "f1.weight", ff, d, by_d, 0.0f);
  add_named(b, layer, "f1.bias", ff, 0, 0.5f, 0.0f);
  add_named(b, layer, "f2.weight", d, ff, by_ff, 0.0f);
  add_named(b, layer, "f2.bias", d, 0, 0.5f, 0.0f);
}

static void add_layers(Builder* const b) {
  for (uint32_t layer = 0; layer < b->o.layers; ++layer) {
    if (is_tf(b)) {
      add_block(b, layer);
    } else {
      add_layer(b, layer);
    }
  }
  float* const gain = is_tf(b) ? add(b, "norm.weight", b->o.d, 0, 0.5f) : NULL;
  for (uint32_t i = 0; gain && i < b->o.d; ++i) {
    gain[i] += 1.0f;
  }
}

static void add_hints(Builder* const b, const PmtHintShape* const shape) {
  const uint32_t h = is_tf(b) ? b->o.d : b->o.h;
  const float by_h = 1.7f / sqrtf((float)h);
  char name[NAME_MAX_BYTES];
  for (uint32_t i = 0; i < shape->n_tables; ++i) {
    if (shape->table[i].rows) {
      snprintf(name, sizeof name, "%s.weight", shape->table[i].name);
      add(b, name, shape->table[i].rows, b->o.d, 0.5f);
    }
  }
  for (uint32_t i = 0; i < shape->n_leaps; ++i) {
    if (shape->leap[i].count) {
      snprintf(name, sizeof name, "out.%s.weight", shape->leap[i].name);
      add(b, name, 2 * shape->leap[i].reach + 1, h, by_h);
    }
  }
  if (shape->n_kinds) {
    add(b, "out.kind.weight", shape->n_kinds, h, by_h);
  }
}

static void add_tensors(Builder* const b) {
  const uint32_t vocab = 128 + 128 * b->o.parts;
  add(b, "emb.weight", vocab, b->o.d, 1.0f);
  add(b, "style.weight", STYLES, b->o.d, 1.0f);
  add(b, "meter.weight", METERS, b->o.d, 0.5f);
  add(b, "key.weight", KEYS, b->o.d, 0.5f);
  add(b, "phrase.weight", PHRASES, b->o.d, 0.5f);
  add(b, "density.weight", DENSITIES, b->o.d, 0.5f);
  add_layers(b);
  add(b, "out.weight", vocab, is_tf(b) ? b->o.d : b->o.h, is_tf(b) ? 4.0f / sqrtf((float)b->o.d) : 1.0f);
  float* const bias = add(b, "out.bias", vocab, 0, 0.5f);
  for (uint32_t i = 0; bias && i < vocab; ++i) {
    const bool slot = i >= ID_SLOT && i < ID_SLOT + N_SLOTS;
    const bool pos = i >= ID_POS && i < ID_POS + N_POS;
    bias[i] += slot ? 4.0f + b->o.slot_bias : pos ? b->o.pos_bias : i >= ID_NOTE ? b->o.note_bias : 0.0f;
  }
  if (b->o.hints) {
    add_hints(b, b->o.hints);
  }
}

static void set_meta(Builder* const b, const char* const key, const char* const value) {
  for (size_t i = 0; i < b->n_meta; ++i) {
    if (!strcmp(b->meta[i].key, key)) {
      b->meta[i].value = value;
      return;
    }
  }
  b->meta[b->n_meta++] = (PmtMetaOut){key, value};
}

/* `item` once for each part, separated by commas. */
static const char* per_part(char* const text, const size_t size, const char* const item, const uint32_t parts) {
  size_t at = 0;
  for (uint32_t i = 0; i < parts && at < size; ++i) {
    at += (size_t)snprintf(text + at, size - at, "%s%s", i ? "," : "", item);
  }
  return text;
}

static size_t drop_removed(PmtMetaOut* const meta, const size_t n) {
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    if (meta[i].value) {
      meta[kept++] = meta[i];
    }
  }
  return kept;
}

static PmtStatus write_model(Builder* const b, const char* const path, PmtError* const error) {
  char number[7][16], lo[64], hi[64], names[128], programs[64], style_parts[16];
  const uint32_t values[7] = {b->o.parts, b->o.layers, b->o.d, b->o.h, b->o.heads, b->o.ff, b->o.window};
  const char* const keys[7] = {"parts", "layers", "d", "h", "heads", "ff", "window"};
  set_meta(b, "format_version", "1");
  set_meta(b, "arch", b->o.arch);
  set_meta(b, "vocab", "slot-v1");
  for (unsigned i = 0; i < 7; ++i) {
    if (i < 3 || (i > 3) == is_tf(b)) {
      snprintf(number[i], sizeof number[i], "%u", values[i]);
      set_meta(b, keys[i], number[i]);
    }
  }
  if (is_tf(b)) {
    set_meta(b, "pos", b->o.pos);
  }
  set_meta(b, "pitch_lo", per_part(lo, sizeof lo, "36", b->o.parts));
  set_meta(b, "pitch_hi", per_part(hi, sizeof hi, "84", b->o.parts));
  set_meta(b, "part_names", per_part(names, sizeof names, "Voice", b->o.parts));
  per_part(programs, sizeof programs / 2, "0", b->o.parts);
  const size_t one = strlen(programs);
  programs[one] = ';';
  per_part(programs + one + 1, sizeof programs - one - 1, "48", b->o.parts);
  set_meta(b, "programs", programs);
  snprintf(style_parts, sizeof style_parts, "%u,%u", b->o.parts, b->o.parts);
  set_meta(b, "style_parts", style_parts);
  set_meta(b, "style_bpm", "120,90");
  set_meta(b, "styles", "alpha,beta");
  set_meta(b, "lag", "1");
  set_meta(b, "velocity", "1");
  set_meta(b, "drums", "0");
  set_meta(b, "ornaments", "0");
  set_meta(b, "microtiming", "0");
  set_meta(b, "temperature", "1.0");
  set_meta(b, "min_p", "0.05");
  set_meta(b, "valid_nats_per_quarter", "99.0");
  set_meta(b, "ngram_nats_per_quarter", "99.0");
  set_meta(b, "title", "Random weights");
  set_meta(b, "author", "tests");
  set_meta(b, "license", "ISC");
  set_meta(b, "data_license", "none");
  set_meta(b, "data_sources", "none");
  set_meta(b, "trained_with", "nothing");
  for (size_t i = 0; i < b->o.n_meta; ++i) {
    set_meta(b, b->o.meta[i].key, b->o.meta[i].value);
  }
  b->n_meta = drop_removed(b->meta, b->n_meta);
  for (size_t i = 0; i < b->n; ++i) {
    if (!b->data[i]) {
      return pmt_fail(error, PMT_NO_MEM, "out of memory for a tiny model");
    }
  }
  return pmt_tensors_write(path, b->tensor, b->n, b->meta, b->n_meta, error);
}

PmtStatus pmt_tiny_model_write(const char* const path, const PmtTinyOptions* const options, PmtError* const error) {
  Builder* const b = calloc(1, sizeof *b);
  if (!b) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for a tiny model");
  }
  b->o = options ? *options : (PmtTinyOptions){0};
  b->o.parts = b->o.parts ? b->o.parts : 4;
  b->o.d = b->o.d ? b->o.d : 16;
  b->o.h = b->o.h ? b->o.h : 32;
  b->o.layers = b->o.layers ? b->o.layers : 2;
  b->o.arch = b->o.arch ? b->o.arch : "lstm";
  b->o.pos = b->o.pos ? b->o.pos : "rope";
  b->o.heads = b->o.heads ? b->o.heads : 2;
  b->o.ff = b->o.ff ? b->o.ff : 4 * b->o.d;
  b->o.window = b->o.window ? b->o.window : 64;
  b->o.rel = b->o.rel ? b->o.rel : b->o.window;
  if (b->o.listens) {
    pmt_listener_shape(b->o.parts, &b->listener);
    b->o.hints = &b->listener;
    set_meta(b, "hints", PMT_LISTENER_NAME);
  }
  PmtStatus status = PMT_BAD_ARG;
  if (b->o.parts <= 8 && b->o.layers <= (is_tf(b) ? 12u : 8u) && b->o.n_meta <= 16) {
    add_tensors(b);
    status = write_model(b, path, error);
  }
  for (size_t i = 0; i < b->n; ++i) {
    free(b->data[i]);
  }
  free(b);
  return status;
}
