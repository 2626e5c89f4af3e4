/* SPDX-License-Identifier: ISC */
/* safetensors in and out. Above: gen/model and nn/net_setup read, the trainer writes. Below: base/file and jansson.

   jansson parses recursively, so a scan of our own refuses deep nesting before it runs: a hostile header must not
   exhaust the small stack of a host's worker thread. Names and metadata stay where jansson put them: the parsed
   header lives as long as the tensors. */
#include "nn/tensors.h"

#include "base/file.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 4, LENGTH_BYTES = 8, SHOWN_MAX = 64 };

typedef struct {
  size_t begin, end; /* within the data */
} Span;

struct PmtTensors {
  unsigned char* bytes; /* the whole file */
  size_t size;
  json_t* header;
  PmtTensor* list; /* in the order of their data */
  size_t count;
  PmtMetaOut* meta;
  size_t n_meta;
};

static const struct {
  const char* name;
  size_t size;
} dtypes[] = {[PMT_F32] = {"F32", 4}, [PMT_F16] = {"F16", 2}, [PMT_BF16] = {"BF16", 2}, [PMT_I8] = {"I8", 1}};

/* A stranger's string made fit for one line on a terminal: no control characters, cut between UTF-8 characters. */
typedef struct {
  char text[SHOWN_MAX + 4];
} Shown;

static Shown show(const char* const string) {
  Shown shown;
  size_t length = strlen(string);
  const bool cut = length > SHOWN_MAX;
  if (cut) {
    length = SHOWN_MAX;
    while (length && ((unsigned char)string[length] & 0xc0) == 0x80) {
      --length;
    }
  }
  for (size_t i = 0; i < length; ++i) {
    const unsigned char c = (unsigned char)string[i];
    shown.text[i] = c < 0x20 || c == 0x7f ? '?' : string[i];
  }
  memcpy(shown.text + length, cut ? "..." : "", cut ? 4 : 1);
  return shown;
}

/* ---- The header ------------------------------------------------------------------------------------------------- */

static uint64_t read_le64(const unsigned char* const at) {
  uint64_t value = 0;
  for (unsigned i = 0; i < LENGTH_BYTES; ++i) {
    value |= (uint64_t)at[i] << (8 * i);
  }
  return value;
}

static PmtStatus check_frame(const unsigned char* const bytes, const size_t size, size_t* const length,
                             PmtError* const error) {
  if (size < LENGTH_BYTES) {
    return pmt_fail(error, PMT_BAD_FILE, "%zu bytes are too few for a safetensors file", size);
  }
  const uint64_t n = read_le64(bytes);
  if (n > PMT_TENSORS_HEADER_MAX) {
    return pmt_fail(error, PMT_BAD_FILE, "the header claims %llu bytes, more than the limit of %u",
                    (unsigned long long)n, PMT_TENSORS_HEADER_MAX);
  }
  if (n > size - LENGTH_BYTES) {
    return pmt_fail(error, PMT_BAD_FILE, "the header claims %llu bytes, the file ends after %zu",
                    (unsigned long long)n, size - LENGTH_BYTES);
  }
  if (size - LENGTH_BYTES - (size_t)n > PMT_TENSORS_BYTES_MAX) {
    return pmt_fail(error, PMT_TOO_BIG, "%zu bytes of data, more than the limit of %u",
                    size - LENGTH_BYTES - (size_t)n, PMT_TENSORS_BYTES_MAX);
  }
  if (n == 0 || bytes[LENGTH_BYTES] != '{') {
    return pmt_fail(error, PMT_BAD_FILE, "the header does not begin with '{' (no safetensors file?)");
  }
  *length = (size_t)n;
  return PMT_OK;
}

/* Brackets outside strings; wrong pairs are the parser's business. */
static PmtStatus check_nesting(const unsigned char* const json, const size_t length, PmtError* const error) {
  unsigned depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < length; ++i) {
    const unsigned char c = json[i];
    if (in_string) {
      i += c == '\\';
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > NESTING_MAX) {
        return pmt_fail(error, PMT_BAD_FILE, "header byte %zu: nested deeper than %d", i, NESTING_MAX);
      }
    } else if ((c == '}' || c == ']') && depth) {
      --depth;
    }
  }
  return PMT_OK;
}

static PmtStatus parse_header(PmtTensors* const t, PmtError* const error) {
  size_t length = 0;
  PmtStatus status = check_frame(t->bytes, t->size, &length, error);
  status = status ? status : check_nesting(t->bytes + LENGTH_BYTES, length, error);
  if (status) {
    return status;
  }
  json_error_t why;
  t->header = json_loadb((const char*)t->bytes + LENGTH_BYTES, length, JSON_REJECT_DUPLICATES, &why);
  if (!t->header) {
    if (!why.text[0] || json_error_code(&why) == json_error_out_of_memory) {
      return pmt_fail(error, PMT_NO_MEM, "out of memory while parsing the header");
    }
    return pmt_fail(error, PMT_BAD_FILE, "header byte %d: %s", why.position, show(why.text).text);
  }
  return PMT_OK;
}

static PmtStatus parse_metadata(PmtTensors* const t, const json_t* const meta, PmtError* const error) {
  if (!json_is_object(meta)) {
    return pmt_fail(error, PMT_BAD_FILE, "__metadata__ is not an object");
  }
  t->meta = calloc(json_object_size(meta) + 1, sizeof *t->meta);
  if (!t->meta) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the metadata");
  }
  json_t* const object = (json_t*)meta; /* jansson's iteration wants it writable and writes nothing */
  const char* key = NULL;
  json_t* value = NULL;
  json_object_foreach (object, key, value) {
    if (!json_is_string(value)) {
      return pmt_fail(error, PMT_BAD_FILE, "__metadata__: \"%s\" is not a string", show(key).text);
    }
    t->meta[t->n_meta++] = (PmtMetaOut){key, json_string_value(value)};
  }
  return PMT_OK;
}

/* ---- One tensor's entry ----------------------------------------------------------------------------------------- */

static PmtStatus parse_dtype(const json_t* const entry, const char* const shown, PmtTensor* const tensor,
                             PmtError* const error) {
  const json_t* const dtype = json_object_get(entry, "dtype");
  if (!json_is_string(dtype)) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": no dtype", shown);
  }
  for (unsigned i = 0; i < sizeof dtypes / sizeof *dtypes; ++i) {
    if (!strcmp(json_string_value(dtype), dtypes[i].name)) {
      tensor->dtype = (PmtDtype)i;
      return PMT_OK;
    }
  }
  return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": dtype \"%s\" is none of F32, F16, BF16, I8", shown,
                  show(json_string_value(dtype)).text);
}

static PmtStatus parse_shape(const json_t* const entry, const char* const shown, PmtTensor* const tensor,
                             PmtError* const error) {
  const json_t* const shape = json_object_get(entry, "shape");
  if (!json_is_array(shape)) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": no shape", shown);
  }
  const size_t rank = json_array_size(shape);
  if (rank > 2) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": rank %zu, at most 2 allowed", shown, rank);
  }
  tensor->rank = (uint32_t)rank;
  tensor->shape[0] = tensor->shape[1] = 1;
  uint64_t size = dtypes[tensor->dtype].size;
  for (size_t i = 0; i < rank; ++i) {
    const json_t* const dimension = json_array_get(shape, i);
    if (!json_is_integer(dimension)) {
      return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": dimension %zu is not a plain integer", shown, i);
    }
    const json_int_t n = json_integer_value(dimension);
    if (n < 1) {
      return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": dimension %zu is %lld, at least 1 needed", shown, i,
                      (long long)n);
    }
    if ((uint64_t)n > PMT_TENSORS_BYTES_MAX / size) { /* size <= the limit: no product can overflow */
      return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": its shape makes more than %u bytes", shown,
                      PMT_TENSORS_BYTES_MAX);
    }
    size *= (uint64_t)n;
    tensor->shape[i] = (uint32_t)n;
  }
  tensor->size = (size_t)size;
  return PMT_OK;
}

static PmtStatus parse_offsets(const json_t* const entry, const char* const shown, const PmtTensor* const tensor,
                               const size_t data_size, Span* const span, PmtError* const error) {
  const json_t* const offsets = json_object_get(entry, "data_offsets");
  const json_t* const begin = json_array_get(offsets, 0);
  const json_t* const end = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end)) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": data_offsets are not two integers", shown);
  }
  const json_int_t b = json_integer_value(begin);
  const json_int_t e = json_integer_value(end);
  if (b < 0 || b > e) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": data_offsets %lld..%lld run backwards", shown, (long long)b,
                    (long long)e);
  }
  if ((uint64_t)e > data_size) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": data_offsets %lld..%lld leave the file's %zu data bytes",
                    shown, (long long)b, (long long)e, data_size);
  }
  if ((uint64_t)(e - b) != tensor->size) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": %lld bytes at offset %lld, its shape makes %zu", shown,
                    (long long)(e - b), (long long)b, tensor->size);
  }
  *span = (Span){(size_t)b, (size_t)e};
  return PMT_OK;
}

static PmtStatus parse_entry(PmtTensors* const t, const char* const name, const json_t* const entry,
                             const size_t data_at, PmtError* const error) {
  const Shown shown = show(name);
  if (strlen(name) > PMT_TENSOR_NAME_MAX) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor name longer than %u bytes: \"%s\"", PMT_TENSOR_NAME_MAX, shown.text);
  }
  if (!json_is_object(entry)) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": its entry is not an object", shown.text);
  }
  PmtTensor* const tensor = &t->list[t->count];
  Span span = {0, 0};
  PmtStatus status = parse_dtype(entry, shown.text, tensor, error);
  status = status ? status : parse_shape(entry, shown.text, tensor, error);
  status = status ? status : parse_offsets(entry, shown.text, tensor, t->size - data_at, &span, error);
  if (status) {
    return status;
  }
  tensor->name = name;
  tensor->data = t->bytes + data_at + span.begin;
  ++t->count;
  return PMT_OK;
}

static int compare_places(const void* const a, const void* const b) {
  const unsigned char* const x = ((const PmtTensor*)a)->data;
  const unsigned char* const y = ((const PmtTensor*)b)->data;
  return (x > y) - (x < y);
}

/* No hole, no overlap: sorted, each begins where the one before ended, and the last ends the file. */
static PmtStatus check_tiling(const PmtTensors* const t, const size_t data_at, PmtError* const error) {
  size_t at = data_at;
  for (size_t i = 0; i < t->count; ++i) {
    const size_t begin = (size_t)(t->list[i].data - t->bytes);
    if (begin != at) {
      return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": %s between offsets %zu and %zu",
                      show(t->list[i].name).text, begin < at ? "overlap" : "hole",
                      (begin < at ? begin : at) - data_at, (begin < at ? at : begin) - data_at);
    }
    at = begin + t->list[i].size;
  }
  if (at != t->size) {
    return pmt_fail(error, PMT_BAD_FILE, "%zu bytes after the last tensor, at offset %zu", t->size - at, at - data_at);
  }
  return PMT_OK;
}

static PmtStatus parse_entries(PmtTensors* const t, PmtError* const error) {
  const size_t data_at = LENGTH_BYTES + (size_t)read_le64(t->bytes);
  const json_t* const meta = json_object_get(t->header, "__metadata__");
  const size_t n_tensors = json_object_size(t->header) - (meta ? 1 : 0);
  if (n_tensors > PMT_TENSORS_COUNT_MAX) {
    return pmt_fail(error, PMT_BAD_FILE, "%zu tensors, more than the limit of %u", n_tensors, PMT_TENSORS_COUNT_MAX);
  }
  t->list = calloc(n_tensors + 1, sizeof *t->list);
  if (!t->list) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for %zu tensors", n_tensors);
  }
  const char* name = NULL;
  json_t* entry = NULL;
  json_object_foreach (t->header, name, entry) {
    const PmtStatus status =
      entry == meta ? parse_metadata(t, meta, error) : parse_entry(t, name, entry, data_at, error);
    if (status) {
      return status;
    }
  }
  qsort(t->list, t->count, sizeof *t->list, compare_places);
  return check_tiling(t, data_at, error);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

PmtStatus pmt_tensors_parse(unsigned char* const bytes, const size_t size, PmtTensors** const tensors,
                            PmtError* const error) {
  *tensors = NULL;
  PmtTensors* const t = calloc(1, sizeof *t);
  if (!t) {
    free(bytes);
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the tensor list");
  }
  t->bytes = bytes;
  t->size = size;
  PmtStatus status = parse_header(t, error);
  status = status ? status : parse_entries(t, error);
  if (status) {
    pmt_tensors_free(t);
    return status;
  }
  *tensors = t;
  return PMT_OK;
}

PmtStatus pmt_tensors_read(const char* const path, PmtTensors** const tensors, PmtError* const error) {
  *tensors = NULL;
  unsigned char* bytes = NULL;
  size_t size = 0;
  const size_t size_max = LENGTH_BYTES + PMT_TENSORS_HEADER_MAX + (size_t)PMT_TENSORS_BYTES_MAX;
  PmtStatus status = pmt_file_read(path, size_max, &bytes, &size, error);
  if (status) {
    return status;
  }
  status = pmt_tensors_parse(bytes, size, tensors, error);
  if (status) {
    pmt_error_prefix(error, path);
  }
  return status;
}

void pmt_tensors_free(PmtTensors* const tensors) {
  if (tensors) {
    json_decref(tensors->header);
    free(tensors->list);
    free(tensors->meta);
    free(tensors->bytes);
    free(tensors);
  }
}

size_t pmt_tensors_count(const PmtTensors* const tensors) {
  return tensors->count;
}

const PmtTensor* pmt_tensors_at(const PmtTensors* const tensors, const size_t index) {
  return index < tensors->count ? &tensors->list[index] : NULL;
}

const PmtTensor* pmt_tensors_find(const PmtTensors* const tensors, const char* const name) {
  for (size_t i = 0; i < tensors->count; ++i) {
    if (!strcmp(tensors->list[i].name, name)) {
      return &tensors->list[i];
    }
  }
  return NULL;
}

const char* pmt_tensors_meta(const PmtTensors* const tensors, const char* const key) {
  for (size_t i = 0; i < tensors->n_meta; ++i) {
    if (!strcmp(tensors->meta[i].key, key)) {
      return tensors->meta[i].value;
    }
  }
  return NULL;
}

bool pmt_tensors_meta_at(const PmtTensors* const tensors, const size_t index, const char** const key,
                         const char** const value) {
  if (index >= tensors->n_meta) {
    return false;
  }
  *key = tensors->meta[index].key;
  *value = tensors->meta[index].value;
  return true;
}

PmtStatus pmt_tensors_meta_int(const PmtTensors* const tensors, const char* const key, const int lo, const int hi,
                               const int fallback, int* const value, PmtError* const error) {
  const char* const text = pmt_tensors_meta(tensors, key);
  if (!text) {
    *value = fallback;
    return fallback >= 0 ? PMT_OK : pmt_fail(error, PMT_BAD_FILE, "metadata \"%s\" is missing", key);
  }
  char* end = NULL;
  errno = 0;
  const long number = strtol(text, &end, 10);
  const bool plain = (*text >= '0' && *text <= '9') || *text == '-'; /* strtol would take spaces and a plus sign */
  if (!plain || end == text || *end) {
    return pmt_fail(error, PMT_BAD_FILE, "metadata \"%s\": \"%s\" is no whole number", key, show(text).text);
  }
  if (errno == ERANGE || number < lo || number > hi) {
    return pmt_fail(error, PMT_BAD_FILE, "metadata \"%s\": %s is not in %d..%d", key, show(text).text, lo, hi);
  }
  *value = (int)number;
  return PMT_OK;
}

uint64_t pmt_tensors_hash(const PmtTensors* const tensors) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < tensors->size; ++i) {
    hash = (hash ^ tensors->bytes[i]) * 0x100000001b3u;
  }
  return hash;
}

/* ---- Conversion ------------------------------------------------------------------------------------------------- */

static uint32_t read_le(const unsigned char* const at, const size_t size) {
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value |= (uint32_t)at[i] << (8 * i);
  }
  return value;
}

static float float_of_bits(const uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* IEEE half: shift exponent and mantissa into place, then correct the bias by an exact product; denormals come out
   right because the product normalises them. */
static float float_of_half(const uint32_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  if ((half & 0x7c00u) == 0x7c00u) {
    return float_of_bits(sign | 0x7f800000u | (half & 0x3ffu) << 13);
  }
  const float magnitude = float_of_bits((half & 0x7fffu) << 13) * 0x1p112f;
  return sign ? -magnitude : magnitude;
}

/* The nearest half, ties to even. An exact product moves the exponent down; what is left below a half's last bit is rounded
   by adding half of it, less one where the last bit is 0. Denormals are rounded by the product itself. */
static uint32_t half_of_float(const float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x477ff000u) { /* 65520 and beyond, NaN too */
    return sign | 0x7c00u;
  }
  if (magnitude < 0x38800000u) { /* below 2^-14: a half counts in units of 2^-24 */
    return sign | (uint32_t)lrintf(float_of_bits(magnitude) * 0x1p24f);
  }
  const uint32_t rebiased = magnitude - (112u << 23);
  return sign | (rebiased + 0xfffu + (rebiased >> 13 & 1)) >> 13;
}

float pmt_half_rounded(const float value) {
  return float_of_half(half_of_float(value));
}

static float element(const PmtTensor* const tensor, const size_t index) {
  const size_t size = dtypes[tensor->dtype].size;
  const uint32_t raw = read_le(tensor->data + index * size, size);
  switch (tensor->dtype) {
  case PMT_F32: return float_of_bits(raw);
  case PMT_F16: return float_of_half(raw);
  case PMT_BF16: return float_of_bits(raw << 16);
  case PMT_I8: return (float)(raw < 128 ? (int)raw : (int)raw - 256);
  }
  return 0.0f;
}

static PmtStatus find_of_shape(const PmtTensors* const tensors, const char* const name, const uint32_t rows,
                               const uint32_t cols, const PmtTensor** const tensor, PmtError* const error) {
  *tensor = pmt_tensors_find(tensors, name);
  if (!*tensor) {
    return pmt_fail(error, PMT_BAD_SHAPE, "tensor \"%s\" is missing", show(name).text);
  }
  if ((*tensor)->shape[0] != rows || (*tensor)->shape[1] != cols) {
    return pmt_fail(error, PMT_BAD_SHAPE, "tensor \"%s\" is [%u, %u], need [%u, %u]", show(name).text,
                    (*tensor)->shape[0], (*tensor)->shape[1], rows, cols);
  }
  return PMT_OK;
}

/* The scale of each row of an int8 matrix; NULL in *scale for the other types. */
static PmtStatus find_scale(const PmtTensors* const tensors, const PmtTensor* const tensor,
                            const PmtTensor** const scale, PmtError* const error) {
  *scale = NULL;
  if (tensor->dtype != PMT_I8) {
    return PMT_OK;
  }
  char name[PMT_TENSOR_NAME_MAX + sizeof ".scale"];
  snprintf(name, sizeof name, "%s.scale", tensor->name);
  const PmtStatus status = find_of_shape(tensors, name, tensor->shape[0], 1, scale, error);
  if (!status && (*scale)->dtype != PMT_F32) {
    return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": a scale must be F32", show(name).text);
  }
  return status;
}

PmtStatus pmt_tensors_load(const PmtTensors* const tensors, const char* const name, const uint32_t rows,
                           const uint32_t cols, float* const out, PmtError* const error) {
  const PmtTensor* tensor = NULL;
  const PmtTensor* scale = NULL;
  PmtStatus status = find_of_shape(tensors, name, rows, cols, &tensor, error);
  status = status ? status : find_scale(tensors, tensor, &scale, error);
  if (status) {
    return status;
  }
  for (size_t row = 0; out && row < rows; ++row) {
    const float factor = scale ? element(scale, row) : 1.0f;
    for (size_t col = 0; col < cols; ++col) {
      const float value = element(tensor, row * cols + col) * factor;
      if (!isfinite(value)) {
        return pmt_fail(error, PMT_BAD_FILE, "tensor \"%s\": NaN or Inf at row %zu, column %zu", show(name).text, row,
                        col);
      }
      out[row * cols + col] = value;
    }
  }
  return PMT_OK;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static size_t count_values(const PmtTensorOut* const tensor) {
  size_t n = 1;
  for (uint32_t i = 0; i < tensor->rank && i < 2; ++i) {
    n *= tensor->shape[i];
  }
  return n;
}

static size_t count_bytes(const PmtTensorOut* const tensor) {
  return count_values(tensor) * dtypes[tensor->dtype].size;
}

/* What we write, we must be able to read. */
static PmtStatus check_out(const PmtTensorOut* const tensor, PmtError* const error) {
  const bool known = tensor->dtype == PMT_F32 || tensor->dtype == PMT_F16;
  if (!known || tensor->rank > 2 || strlen(tensor->name) > PMT_TENSOR_NAME_MAX || !count_values(tensor) ||
      count_values(tensor) > PMT_TENSORS_BYTES_MAX / sizeof(float)) {
    return pmt_fail(error, PMT_BAD_ARG, "tensor \"%s\": name or shape cannot be written", show(tensor->name).text);
  }
  for (size_t i = 0; i < count_values(tensor); ++i) {
    if (!isfinite(tensor->data[i])) {
      return pmt_fail(error, PMT_BAD_ARG, "tensor \"%s\": value %zu is NaN or Inf", show(tensor->name).text, i);
    }
    if (tensor->dtype == PMT_F16 && !isfinite(pmt_half_rounded(tensor->data[i]))) {
      return pmt_fail(error, PMT_BAD_ARG, "tensor \"%s\": value %zu is too large for 16 bits", show(tensor->name).text, i);
    }
  }
  return PMT_OK;
}

/* NULL when out of memory, or when a name is not UTF-8. */
static json_t* entry_of(const PmtTensorOut* const tensor, const size_t begin) {
  json_t* const shape = json_array();
  for (uint32_t i = 0; i < tensor->rank; ++i) {
    if (json_array_append_new(shape, json_integer(tensor->shape[i]))) {
      json_decref(shape);
      return NULL;
    }
  }
  const size_t end = begin + count_bytes(tensor);
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtypes[tensor->dtype].name, "shape", shape, "data_offsets",
                   (json_int_t)begin, (json_int_t)end);
}

static PmtStatus build_header(const PmtTensorOut* const tensors, const size_t n_tensors, const PmtMetaOut* const meta,
                              const size_t n_meta, json_t* const header, size_t* const data_size,
                              PmtError* const error) {
  json_t* const map = json_object();
  for (size_t i = 0; i < n_meta; ++i) {
    if (json_object_set_new(map, meta[i].key, json_string(meta[i].value))) {
      json_decref(map);
      return pmt_fail(error, PMT_BAD_ARG, "metadata \"%s\" cannot be written (not UTF-8, or out of memory)",
                      show(meta[i].key).text);
    }
  }
  if (json_object_set_new(header, "__metadata__", map)) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the header");
  }
  for (size_t i = 0; i < n_tensors; ++i) {
    const PmtStatus status = check_out(&tensors[i], error);
    if (status) {
      return status;
    }
    if (json_object_get(header, tensors[i].name)) {
      return pmt_fail(error, PMT_BAD_ARG, "two tensors are called \"%s\"", show(tensors[i].name).text);
    }
    if (json_object_set_new(header, tensors[i].name, entry_of(&tensors[i], *data_size))) {
      return pmt_fail(error, PMT_NO_MEM, "out of memory for the header");
    }
    *data_size += count_bytes(&tensors[i]);
  }
  return PMT_OK;
}

static void put_le(unsigned char* const at, const uint64_t value, const unsigned size) {
  for (unsigned i = 0; i < size; ++i) {
    at[i] = (unsigned char)(value >> (8 * i));
  }
}

static void put_values(unsigned char* at, const PmtTensorOut* const tensor) {
  const unsigned size = (unsigned)dtypes[tensor->dtype].size;
  for (size_t i = 0; i < count_values(tensor); ++i, at += size) {
    uint32_t bits;
    memcpy(&bits, &tensor->data[i], sizeof bits);
    put_le(at, tensor->dtype == PMT_F16 ? half_of_float(tensor->data[i]) : bits, size);
  }
}

static PmtStatus write_file(const char* const path, const json_t* const header, const PmtTensorOut* const tensors,
                            const size_t n_tensors, const size_t data_size, PmtError* const error) {
  const size_t text = json_dumpb(header, NULL, 0, JSON_COMPACT);
  const size_t length = (text + 7) / 8 * 8; /* spaces align the data */
  if (!text || length > PMT_TENSORS_HEADER_MAX || n_tensors > PMT_TENSORS_COUNT_MAX ||
      data_size > PMT_TENSORS_BYTES_MAX) {
    return pmt_fail(error, PMT_BAD_ARG, "%zu tensors, a header of %zu bytes, data of %zu: over a limit", n_tensors,
                    length, data_size);
  }
  const size_t size = LENGTH_BYTES + length + data_size;
  unsigned char* const bytes = malloc(size);
  if (!bytes) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for %zu bytes", size);
  }
  put_le(bytes, length, LENGTH_BYTES);
  memset(bytes + LENGTH_BYTES, ' ', length);
  PmtStatus status = PMT_OK;
  if (json_dumpb(header, (char*)bytes + LENGTH_BYTES, text, JSON_COMPACT) != text) {
    status = pmt_fail(error, PMT_NO_MEM, "out of memory for the header");
  }
  unsigned char* at = bytes + LENGTH_BYTES + length;
  for (size_t i = 0; i < n_tensors; ++i) {
    put_values(at, &tensors[i]);
    at += count_bytes(&tensors[i]);
  }
  status = status ? status : pmt_file_write(path, bytes, size, error);
  free(bytes);
  return status;
}

PmtStatus pmt_tensors_write(const char* const path, const PmtTensorOut* const tensors, const size_t n_tensors,
                            const PmtMetaOut* const meta, const size_t n_meta, PmtError* const error) {
  json_t* const header = json_object();
  if (!header) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the header");
  }
  size_t data_size = 0;
  PmtStatus status = build_header(tensors, n_tensors, meta, n_meta, header, &data_size, error);
  status = status ? status : write_file(path, header, tensors, n_tensors, data_size, error);
  json_decref(header);
  return status;
}
