/* SPDX-License-Identifier: ISC */
/* A model file made ready to play, once in a process. Above: plugin worker, tools. Below: nn/tensors, nn/net. Little
   stack: a host may give its worker 64 KiB. Numbers are parsed here and not by strtof, which asks the host's locale for
   its decimal point. */
#include "gen/model.h"

#include "music/listener.h"
#include "nn/tensors.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** @return the character after a decimal number in lo..hi; NULL when there is none */
static const char* parse_number(const char* text, const double lo, const double hi, double* const value) {
  double number = 0.0, unit = 1.0;
  bool fraction = false;
  const char* const start = text;
  for (; isdigit((unsigned char)*text) || (*text == '.' && !fraction); ++text) {
    if (*text == '.') {
      fraction = true;
    } else {
      number = number * 10.0 + (*text - '0');
      unit *= fraction ? 10.0 : 1.0;
    }
  }
  *value = number / unit;
  return text > start && unit < 1e15 && *value >= lo && *value <= hi ? text : NULL;
}

typedef struct {
  const PmtTensors* tensors;
  PmtError* error;
} Meta;

static PmtStatus bad_value(const Meta* const m, const char* const key, const char* const wanted) {
  return pmt_fail(m->error, PMT_BAD_FILE, "metadata \"%s\" is \"%.60s\", need %s", key,
                  pmt_tensors_meta(m->tensors, key), wanted);
}

/** `rows` lists of `n` numbers, separated by ',' and ';'. An absent key leaves the values alone. */
static PmtStatus read_numbers(const Meta* const m, const char* const key, const uint32_t rows, const uint32_t n,
                              const double lo, const double hi, const char* const wanted, double* const values) {
  const char* text = pmt_tensors_meta(m->tensors, key);
  if (!text) {
    return PMT_OK;
  }
  for (uint32_t i = 0; i < rows * n; ++i) {
    if (i > 0 && *text++ != (i % n ? ',' : ';')) {
      return bad_value(m, key, wanted);
    }
    text = parse_number(text, lo, hi, &values[i]);
    if (!text) {
      return bad_value(m, key, wanted);
    }
  }
  return *text ? bad_value(m, key, wanted) : PMT_OK;
}

/** A list of `n` bytes, at most `max` (which also tells the compiler that they fit). */
static PmtStatus read_bytes(const Meta* const m, const char* const key, uint32_t n, const uint32_t max, const double hi,
                            const char* const wanted, const uint8_t otherwise, uint8_t* const bytes) {
  double values[PMT_STYLES_MAX];
  n = n < max ? n : max;
  for (uint32_t i = 0; i < n; ++i) {
    values[i] = otherwise;
  }
  const PmtStatus status = read_numbers(m, key, 1, n, 0.0, hi, wanted, values);
  for (uint32_t i = 0; i < n; ++i) {
    bytes[i] = (uint8_t)values[i];
  }
  return status;
}

static PmtStatus read_float(const Meta* const m, const char* const key, const double hi, const char* const wanted,
                            float* const value) {
  double number = (double)*value;
  const PmtStatus status = read_numbers(m, key, 1, 1, 0.0, hi, wanted, &number);
  *value = (float)number;
  return status;
}

static PmtStatus read_flag(const Meta* const m, const char* const key, bool* const flag) {
  uint8_t byte;
  const PmtStatus status = read_bytes(m, key, 1, 1, 1.0, "0 or 1", 0, &byte);
  *flag = byte;
  return status;
}

/** Cut at `max` bytes, but not within a UTF-8 character. */
static void copy_text(char* const to, const size_t max, const char* const from, size_t length) {
  if (length > max) {
    length = max;
    while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80) {
      --length;
    }
  }
  memcpy(to, from, length);
  to[length] = '\0';
}

/** Names separated by commas. @return how many there are, even beyond `max` */
static uint32_t split_names(const char* text, const uint32_t max, char names[][PMT_NAME_MAX + 1]) {
  uint32_t n = 0;
  for (bool more = true; more; ++n) {
    const size_t length = strcspn(text, ",");
    if (n < max) {
      copy_text(names[n], PMT_NAME_MAX, text, length);
    }
    more = text[length] == ',';
    text += length + more;
  }
  return n;
}

static PmtStatus read_names(const Meta* const m, const char* const key, const char* const word, const uint32_t n,
                            char names[][PMT_NAME_MAX + 1]) {
  const char* const text = pmt_tensors_meta(m->tensors, key);
  if (text) {
    const uint32_t found = split_names(text, n, names);
    if (found != n) {
      return pmt_fail(m->error, PMT_BAD_SHAPE, "metadata \"%s\" has %u names, need %u", key, found, n);
    }
  }
  for (uint32_t i = 0; i < n; ++i) {
    if (!text || !names[i][0]) {
      snprintf(names[i], sizeof names[i], "%s %u", word, i + 1);
    }
  }
  return PMT_OK;
}

static PmtStatus read_vocabulary(const Meta* const m, PmtModel* const model) {
  const char* const vocab = pmt_tensors_meta(m->tensors, "vocab");
  int parts = 0;
  if (!vocab) {
    return pmt_fail(m->error, PMT_BAD_FILE, "metadata \"vocab\" is missing: no Partimento model");
  }
  if (strcmp(vocab, PMT_VOCAB_NAME)) {
    return pmt_fail(m->error, PMT_UNSUPPORTED, "vocab is \"%.40s\", need \"%s\"", vocab, PMT_VOCAB_NAME);
  }
  const PmtStatus status = pmt_tensors_meta_int(m->tensors, "parts", 1, PMT_PARTS_MAX, -1, &parts, m->error);
  model->parts = (uint32_t)parts;
  model->vocab = pmt_vocab_size(model->parts);
  return status;
}

static PmtStatus read_ranges(const Meta* const m, PmtModel* const model) {
  static const char wanted[] = "one pitch 0..127 a part";
  PmtStatus status = read_bytes(m, "pitch_lo", model->parts, PMT_PARTS_MAX, 127.0, wanted, 0, model->pitch_lo);
  status =
      status ? status : read_bytes(m, "pitch_hi", model->parts, PMT_PARTS_MAX, 127.0, wanted, 127, model->pitch_hi);
  for (uint32_t p = 0; !status && p < model->parts; ++p) {
    if (model->pitch_lo[p] > model->pitch_hi[p]) {
      return pmt_fail(m->error, PMT_BAD_FILE, "metadata \"pitch_lo\" lies above \"pitch_hi\" in part %u", p + 1);
    }
  }
  return status;
}

static PmtStatus read_programs(const Meta* const m, PmtModel* const model) {
  double values[PMT_STYLES_MAX * PMT_PARTS_MAX] = {0};
  const PmtStatus status = read_numbers(m, "programs", model->n_styles, model->parts, 0.0, 127.0,
                                        "a program 0..127 for each part of each style", values);
  for (uint32_t s = 0; s < model->n_styles; ++s) {
    for (uint32_t p = 0; p < model->parts; ++p) {
      model->program[s][p] = (uint8_t)values[s * model->parts + p];
    }
  }
  return status;
}

static PmtStatus read_rests(const Meta* const m, PmtModel* const model) {
  double values[PMT_STYLES_MAX * PMT_PARTS_MAX];
  for (uint32_t i = 0; i < PMT_STYLES_MAX * PMT_PARTS_MAX; ++i) {
    values[i] = PMT_RESTS_ANY;
  }
  const PmtStatus status = read_numbers(m, "style_rests", model->n_styles, model->parts, 0.0, PMT_RESTS_ANY,
                                        "a number of bars 0..32 for each part of each style", values);
  for (uint32_t s = 0; s < model->n_styles; ++s) {
    for (uint32_t p = 0; p < model->parts; ++p) {
      model->rests[s][p] = (uint8_t)values[s * model->parts + p];
    }
  }
  return status;
}

static PmtStatus read_tempos(const Meta* const m, PmtModel* const model) {
  double values[PMT_STYLES_MAX] = {0};
  const PmtStatus status =
    read_numbers(m, "style_bpm", 1, model->n_styles, 0.0, 2000.0, "one tempo 0..2000 a style", values);
  for (uint32_t s = 0; s < model->n_styles; ++s) {
    model->style_bpm[s] = (float)values[s];
  }
  return status;
}

/** One for all, or one each. */
static PmtStatus read_min_p(const Meta* const m, PmtModel* const model) {
  static const double usual = 0.005;
  const char* const text = pmt_tensors_meta(m->tensors, "min_p");
  const bool each = text && strchr(text, ',');
  double values[PMT_STYLES_MAX];
  for (uint32_t s = 0; s < PMT_STYLES_MAX; ++s) {
    values[s] = usual;
  }
  const PmtStatus status = read_numbers(m, "min_p", 1, each ? model->n_styles : 1, 0.0, 0.5,
                                        "a number 0..0.5, or one for each style", values);
  for (uint32_t s = 0; s < PMT_STYLES_MAX; ++s) {
    model->min_p[s] = (float)values[each ? s : 0];
  }
  return status;
}

static PmtStatus read_styles(const Meta* const m, PmtModel* const model) {
  const PmtTensor* const table = pmt_tensors_find(m->tensors, "style.weight");
  const char* const names = pmt_tensors_meta(m->tensors, "styles");
  model->n_styles = table ? table->shape[0] : names ? split_names(names, 0, NULL) : 1;
  if (model->n_styles < 1 || model->n_styles > PMT_STYLES_MAX) {
    return pmt_fail(m->error, PMT_UNSUPPORTED, "%u styles, 1 to %d are supported", model->n_styles, PMT_STYLES_MAX);
  }
  PmtStatus status = read_names(m, "styles", "Style", model->n_styles, model->style_name);
  status = status ? status : read_names(m, "part_names", "Part", model->parts, model->part_name);
  status = status ? status : read_programs(m, model);
  status = status ? status : read_bytes(m, "kits", model->n_styles, PMT_STYLES_MAX, 127.0,
                                        "a drum kit 0..127 for each style", 0, model->kit);
  status = status ? status : read_bytes(m, "style_parts", model->n_styles, PMT_STYLES_MAX, (double)model->parts,
                                        "the melodic parts of each style", (uint8_t)model->parts, model->parts_used);
  status = status ? status : read_rests(m, model);
  status = status ? status : read_bytes(m, "style_drums", model->n_styles, PMT_STYLES_MAX, 1.0, "0 or 1 for each style",
                                        1, model->style_drums);
  status = status ? status : read_bytes(m, "style_told", model->n_styles, PMT_STYLES_MAX, 1.0, "0 or 1 for each style",
                                        0, model->told);
  return status ? status : read_tempos(m, model);
}

static void read_text(const Meta* const m, const char* const key, char* const to, const size_t size) {
  const char* const text = pmt_tensors_meta(m->tensors, key);
  copy_text(to, size - 1, text ? text : "", text ? strlen(text) : 0);
}

/** A net that learned to be told what a listener hears says so; another is told nothing, whatever its tensors are
    called. */
static PmtStatus read_net(const Meta* const m, PmtModel* const model) {
  const char* const told = pmt_tensors_meta(m->tensors, "hints");
  PmtHintShape hints;
  if (told && strcmp(told, PMT_LISTENER_NAME)) {
    return pmt_fail(m->error, PMT_UNSUPPORTED, "metadata \"hints\" is \"%.40s\", need \"%s\"", told, PMT_LISTENER_NAME);
  }
  pmt_listener_shape(model->parts, &hints);
  return pmt_net_new(m->tensors, model->vocab, told ? &hints : NULL, &model->net, m->error);
}

static PmtStatus read_model(const Meta* const m, PmtModel* const model) {
  model->temperature = 1.0f;
  PmtStatus status = read_vocabulary(m, model);
  status = status ? status : read_ranges(m, model);
  status = status ? status : read_styles(m, model);
  status = status ? status : read_flag(m, "velocity", &model->velocity);
  status = status ? status : read_flag(m, "drums", &model->drums);
  status = status ? status : read_flag(m, "ornaments", &model->ornaments);
  status = status ? status : read_float(m, "temperature", 2.0, "a number 0..2", &model->temperature);
  status = status ? status : read_min_p(m, model);
  read_text(m, "title", model->title, sizeof model->title);
  read_text(m, "license", model->license, sizeof model->license);
  model->hash = pmt_tensors_hash(m->tensors);
  return status ? status : read_net(m, model);
}

/* ---- One copy for all ---------------------------------------------------------------------------------------------

   Sessions have twenty instances of one model. Its weights are constant, so they are there once, found by the content
   of the file whatever its path. The mutex guards a short list and the counts in it, nothing that takes time: models
   are read, packed and freed outside it. So two threads that load the same new file at once both pack it, and one of
   them throws its own away. run() never comes here: it gets a model ready, and hands it back to a setup thread. */

typedef struct Shared {
  PmtModel model; /* first: what is given out is its address */
  size_t references;
  struct Shared* next;
} Shared;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Shared* all;

/** @return one reference more to the living model of that content; NULL when there is none */
static Shared* find_again(const uint64_t hash) {
  Shared* s = all;
  while (s && s->model.hash != hash) {
    s = s->next;
  }
  if (s) {
    ++s->references;
  }
  return s;
}

static Shared* borrow(const uint64_t hash) {
  pthread_mutex_lock(&mutex);
  Shared* const found = find_again(hash);
  pthread_mutex_unlock(&mutex);
  return found;
}

static void destroy(Shared* const s) {
  if (s) {
    pmt_net_free(s->model.net);
    free(s);
  }
}

/** Add `fresh`, with its one reference, unless another thread was quicker. @return what is to be used */
static Shared* share(Shared* const fresh) {
  pthread_mutex_lock(&mutex);
  Shared* const found = find_again(fresh->model.hash);
  if (!found) {
    fresh->next = all;
    all = fresh;
  }
  pthread_mutex_unlock(&mutex);
  if (found) {
    destroy(fresh);
  }
  return found ? found : fresh;
}

static PmtStatus make(const PmtTensors* const tensors, Shared** const made, PmtError* const error) {
  Shared* const fresh = calloc(1, sizeof *fresh);
  if (!fresh) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the model");
  }
  fresh->references = 1;
  const PmtStatus status = read_model(&(Meta){tensors, error}, &fresh->model);
  if (status) {
    destroy(fresh);
    return status;
  }
  *made = share(fresh);
  return PMT_OK;
}

PmtStatus pmt_model_load(const char* const path, PmtModel** const model, PmtError* const error) {
  *model = NULL;
  PmtTensors* tensors = NULL;
  PmtStatus status = pmt_tensors_read(path, &tensors, error);
  if (status) {
    return status;
  }
  Shared* s = borrow(pmt_tensors_hash(tensors));
  status = s ? PMT_OK : make(tensors, &s, error);
  pmt_tensors_free(tensors);
  if (status) {
    pmt_error_prefix(error, path);
    return status;
  }
  *model = &s->model;
  return PMT_OK;
}

PmtModel* pmt_model_borrow(const uint64_t hash) {
  Shared* const s = borrow(hash);
  return s ? &s->model : NULL;
}

void pmt_model_free(PmtModel* const model) {
  if (!model) {
    return;
  }
  Shared* const s = (Shared*)model;
  pthread_mutex_lock(&mutex);
  const bool last = --s->references == 0;
  if (last) {
    Shared** link = &all;
    while (*link != s) {
      link = &(*link)->next;
    }
    *link = s->next;
  }
  pthread_mutex_unlock(&mutex);
  if (last) {
    destroy(s);
  }
}

int pmt_model_style(const PmtModel* const model, const char* const name) {
  for (uint32_t i = 0; i < model->n_styles; ++i) {
    if (!strcasecmp(model->style_name[i], name)) {
      return (int)i;
    }
  }
  return -1;
}
