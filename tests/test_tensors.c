/* SPDX-License-Identifier: ISC */
/* safetensors: one malformed file for each rule of docs/model.md, section 7, each with its own line; truncation at
   every byte; mutation; conversion of every type; what is written is read back; memory that runs out. */
#include "base/file.h"
#include "base/random.h"
#include "check.h"
#include "nn/tensors.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---- Files in memory ---------------------------------------------------------------------------------------------- */

/* A copy that ends where the heap block ends, so that a sanitizer sees any step beyond. */
static unsigned char* copy_of(const void* const bytes, const size_t size) {
  unsigned char* const copy = malloc(size ? size : 1);
  CHECK(copy);
  memcpy(copy, bytes, size);
  return copy;
}

static unsigned char* new_file(const uint64_t claimed, const char* const header, const size_t header_size,
                               const unsigned char* const data, const size_t data_size, size_t* const size) {
  *size = 8 + header_size + data_size;
  unsigned char* const bytes = malloc(*size);
  CHECK(bytes);
  for (unsigned i = 0; i < 8; ++i) {
    bytes[i] = (unsigned char)(claimed >> (8 * i));
  }
  memcpy(bytes + 8, header, header_size);
  if (data_size) {
    memcpy(bytes + 8 + header_size, data, data_size);
  }
  return bytes;
}

static PmtStatus parse_data(const char* const header, const unsigned char* const data, const size_t data_size,
                            PmtTensors** const t, PmtError* const error) {
  size_t size = 0;
  unsigned char* const bytes = new_file(strlen(header), header, strlen(header), data, data_size, &size);
  return pmt_tensors_parse(bytes, size, t, error);
}

/* The same with zeros for data; the header may hold anything. */
static PmtStatus parse(const char* const header, const size_t header_size, const size_t data_size, PmtTensors** const t,
                       PmtError* const error) {
  unsigned char* const data = calloc(1, data_size + 1);
  CHECK(data);
  size_t size = 0;
  unsigned char* const bytes = new_file(header_size, header, header_size, data, data_size, &size);
  free(data);
  return pmt_tensors_parse(bytes, size, t, error);
}

/* ---- One malformed header for each rule --------------------------------------------------------------------------- */

#define T(dtype, shape, offsets) "{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define F32_2 T("\"F32\"", "[2]", "[0,8]")

typedef struct {
  const char* header;
  size_t data_size;
  const char* message; /* a part of the line */
} Malformed;

static const Malformed malformed[] = {
  {"", 0, "does not begin with '{'"},
  {" {}", 0, "does not begin with '{'"},
  {"[]", 0, "does not begin with '{'"},
  {"{", 0, "header byte"},
  {"{\"a\":" F32_2, 8, "header byte"},
  {"{\"a\":" F32_2 "} x", 8, "header byte"},
  {"{\"a\":" F32_2 ",}", 8, "header byte"},
  {"{\"\xff\":" F32_2 "}", 8, "unable to decode byte"},
  {"{\"\xed\xa0\x80\":" F32_2 "}", 8, "unable to decode byte"},
  {"{\"\\u0000\":" F32_2 "}", 8, "header byte"},
  {"{\"a\":[[[[]]]]}", 0, "header byte 8: nested deeper than 4"},
  {"{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}", 0, "nested deeper than 4"},
  {"{\"a\":" F32_2 ",\"a\":" F32_2 "}", 8, "duplicate"},
  {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "duplicate"},
  {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "duplicate"},
  {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
  {"{\"__metadata__\":\"x\"}", 0, "__metadata__ is not an object"},
  {"{\"__metadata__\":{\"k\":1}}", 0, "__metadata__: \"k\" is not a string"},
  {"{\"__metadata__\":{\"k\":{}}}", 0, "__metadata__: \"k\" is not a string"},
  {"{\"a\":7}", 0, "\"a\": its entry is not an object"},
  {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "\"a\": no dtype"},
  {"{\"a\":" T("4", "[2]", "[0,8]") "}", 8, "\"a\": no dtype"},
  {"{\"a\":" T("\"F64\"", "[1]", "[0,8]") "}", 8, "dtype \"F64\" is none of"},
  {"{\"a\":" T("\"f32\"", "[2]", "[0,8]") "}", 8, "dtype \"f32\" is none of"},
  {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "\"a\": no shape"},
  {"{\"a\":" T("\"F32\"", "2", "[0,8]") "}", 8, "\"a\": no shape"},
  {"{\"a\":" T("\"F32\"", "[1,1,2]", "[0,8]") "}", 8, "rank 3, at most 2"},
  {"{\"a\":" T("\"F32\"", "[2.0]", "[0,8]") "}", 8, "dimension 0 is not a plain integer"},
  {"{\"a\":" T("\"F32\"", "[1,2e0]", "[0,8]") "}", 8, "dimension 1 is not a plain integer"},
  {"{\"a\":" T("\"F32\"", "[\"2\"]", "[0,8]") "}", 8, "dimension 0 is not a plain integer"},
  {"{\"a\":" T("\"F32\"", "[true]", "[0,4]") "}", 4, "dimension 0 is not a plain integer"},
  {"{\"a\":" T("\"F32\"", "[null]", "[0,4]") "}", 4, "dimension 0 is not a plain integer"},
  {"{\"a\":" T("\"F32\"", "[0]", "[0,0]") "}", 0, "dimension 0 is 0, at least 1"},
  {"{\"a\":" T("\"F32\"", "[-2,-1]", "[0,8]") "}", 8, "dimension 0 is -2, at least 1"},
  {"{\"a\":" T("\"F32\"", "[99999999999999999999]", "[0,8]") "}", 8, "too big integer"},
  {"{\"a\":" T("\"F32\"", "[134217729]", "[0,8]") "}", 8, "more than 536870912 bytes"},
  {"{\"a\":" T("\"F32\"", "[4294967296,4294967296]", "[0,0]") "}", 0, "more than 536870912 bytes"},
  {"{\"a\":" T("\"F32\"", "[9223372036854775807,2]", "[0,8]") "}", 8, "more than 536870912 bytes"},
  {"{\"a\":" T("\"I8\"", "[65536,65536]", "[0,0]") "}", 0, "more than 536870912 bytes"},
  {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "data_offsets are not two integers"},
  {"{\"a\":" T("\"F32\"", "[2]", "[0]") "}", 8, "data_offsets are not two integers"},
  {"{\"a\":" T("\"F32\"", "[2]", "[0,4,8]") "}", 8, "data_offsets are not two integers"},
  {"{\"a\":" T("\"F32\"", "[2]", "[0.0,8]") "}", 8, "data_offsets are not two integers"},
  {"{\"a\":" T("\"F32\"", "[2]", "{}") "}", 8, "data_offsets are not two integers"},
  {"{\"a\":" T("\"F32\"", "[2]", "[8,0]") "}", 8, "data_offsets 8..0 run backwards"},
  {"{\"a\":" T("\"F32\"", "[2]", "[-8,0]") "}", 8, "data_offsets -8..0 run backwards"},
  {"{\"a\":" T("\"F32\"", "[2]", "[0,16]") "}", 8, "data_offsets 0..16 leave the file's 8 data bytes"},
  {"{\"a\":" T("\"F32\"", "[2]", "[9223372036854775799,9223372036854775807]") "}", 8, "leave the file's"},
  {"{\"a\":" T("\"F32\"", "[2]", "[0,4]") "}", 8, "4 bytes at offset 0, its shape makes 8"},
  {"{\"a\":" T("\"F16\"", "[3]", "[0,8]") "}", 8, "8 bytes at offset 0, its shape makes 6"},
  {"{\"a\":" T("\"F32\"", "[]", "[0,8]") "}", 8, "8 bytes at offset 0, its shape makes 4"},
  {"{\"a\":" T("\"F32\"", "[2]", "[4,12]") "}", 12, "\"a\": hole between offsets 0 and 4"},
  {"{\"a\":" F32_2 ",\"b\":" T("\"F32\"", "[2]", "[12,20]") "}", 20, "\"b\": hole between offsets 8 and 12"},
  {"{\"a\":" F32_2 ",\"b\":" T("\"F32\"", "[2]", "[4,12]") "}", 12, "\"b\": overlap between offsets 4 and 8"},
  {"{\"a\":" F32_2 ",\"b\":" F32_2 "}", 8, "overlap between offsets 0 and 8"},
  {"{\"a\":" F32_2 "}", 9, "1 bytes after the last tensor, at offset 8"},
  {"{}", 5, "5 bytes after the last tensor, at offset 0"},
  {"{\"\\u001b[31m\":7}", 0, "tensor \"?[31m\""},
};

static void check_malformed(void) {
  for (unsigned i = 0; i < sizeof malformed / sizeof *malformed; ++i) {
    const Malformed* const m = &malformed[i];
    PmtTensors* t = NULL;
    PmtError error = {{0}};
    const PmtStatus status = parse(m->header, strlen(m->header), m->data_size, &t, &error);
    CHECKF(status == PMT_BAD_FILE && !t, "%s", m->header);
    CHECKF(strstr(error.text, m->message), "%s\n  says: %s\n  not:  %s", m->header, error.text, m->message);
  }
}

/* ---- The frame around the header ---------------------------------------------------------------------------------- */

static void expect_frame(const uint64_t claimed, const char* const text, const size_t size, const char* const message) {
  size_t whole = 0;
  unsigned char* const bytes = new_file(claimed, text, size, NULL, 0, &whole);
  PmtTensors* t = NULL;
  PmtError error = {{0}};
  CHECK(pmt_tensors_parse(bytes, whole, &t, &error) == PMT_BAD_FILE && !t);
  CHECKF(strstr(error.text, message), "%s", error.text);
}

static void check_frames(void) {
  expect_frame(UINT64_MAX, "{}", 2, "claims 18446744073709551615 bytes");
  expect_frame(UINT64_MAX - 7, "{}", 2, "more than the limit");
  expect_frame(PMT_TENSORS_HEADER_MAX + 1, "{}", 2, "more than the limit");
  expect_frame(PMT_TENSORS_HEADER_MAX, "{}", 2, "the file ends after 2");
  expect_frame(3, "{}", 2, "claims 3 bytes, the file ends after 2");
  expect_frame(1, "{}", 2, "header byte");
  for (size_t size = 0; size < 8; ++size) {
    PmtTensors* t = NULL;
    PmtError error = {{0}};
    CHECK(pmt_tensors_parse(copy_of("12345678", size), size, &t, &error) == PMT_BAD_FILE);
    CHECK(strstr(error.text, "too few"));
  }
}

/* ---- Limits -------------------------------------------------------------------------------------------------------- */

/* `n` one-byte tensors with names of `name_size` bytes. */
static PmtStatus parse_many(const size_t n, const size_t name_size, PmtError* const error) {
  const size_t room = n * (name_size + 80) + 16;
  char* const header = malloc(room);
  CHECK(header);
  size_t at = (size_t)snprintf(header, room, "{");
  for (size_t i = 0; i < n; ++i) {
    at += (size_t)snprintf(header + at, room - at, "%s\"%0*zu\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
                           i ? "," : "", (int)name_size, i, i, i + 1);
  }
  at += (size_t)snprintf(header + at, room - at, "}");
  PmtTensors* t = NULL;
  const PmtStatus status = parse(header, at, n, &t, error);
  CHECK(status || pmt_tensors_count(t) == n);
  pmt_tensors_free(t);
  free(header);
  return status;
}

static void check_limits(void) {
  PmtError error = {{0}};
  CHECK(!parse_many(PMT_TENSORS_COUNT_MAX, 4, &error));
  CHECK(parse_many(PMT_TENSORS_COUNT_MAX + 1, 4, &error) == PMT_BAD_FILE && strstr(error.text, "4097 tensors"));
  CHECK(!parse_many(1, PMT_TENSOR_NAME_MAX, &error));
  CHECK(parse_many(1, PMT_TENSOR_NAME_MAX + 1, &error) == PMT_BAD_FILE && strstr(error.text, "longer than 255"));
}

/* A megabyte of brackets must not reach the recursive parser; brackets in strings are no nesting. */
static void check_nesting(void) {
  char* const deep = malloc(PMT_TENSORS_HEADER_MAX);
  CHECK(deep);
  memset(deep, '[', PMT_TENSORS_HEADER_MAX);
  deep[0] = '{';
  PmtTensors* t = NULL;
  PmtError error = {{0}};
  CHECK(parse(deep, PMT_TENSORS_HEADER_MAX, 0, &t, &error) == PMT_BAD_FILE && strstr(error.text, "nested"));
  free(deep);
  const char* const strings = "{\"__metadata__\":{\"[[[[[[\":\"{{{{{{\\\"[[[[[\\\\\"}}   ";
  CHECK(!parse(strings, strlen(strings), 0, &t, &error));
  CHECK(!strcmp(pmt_tensors_meta(t, "[[[[[["), "{{{{{{\"[[[[[\\"));
  pmt_tensors_free(t);
}

/* ---- What is well-formed ------------------------------------------------------------------------------------------- */

static void check_entries(void) {
  const char* const header = "{\"b\":" T("\"F32\"", "[]", "[12,16]") ",\"__metadata__\":{\"n\":\"12\",\"x\":\"1.5\","
                             "\"neg\":\"-3\",\"plus\":\"+3\",\"space\":\" 3\",\"big\":\"99999999999999999999\",\"\":\"\"}"
                             ",\"a\":" T("\"F16\"", "[2,3]", "[0,12]") "}  ";
  PmtTensors* t = NULL;
  PmtError error = {{0}};
  CHECKF(!parse(header, strlen(header), 16, &t, &error), "%s", error.text);
  CHECK(pmt_tensors_count(t) == 2 && !pmt_tensors_at(t, 2) && !pmt_tensors_find(t, "c"));
  const PmtTensor* const a = pmt_tensors_at(t, 0); /* in the order of the data */
  CHECK(a == pmt_tensors_find(t, "a") && a->dtype == PMT_F16 && a->rank == 2 && a->shape[0] == 2 && a->shape[1] == 3);
  CHECK(a->size == 12);
  const PmtTensor* const b = pmt_tensors_find(t, "b");
  CHECK(b->rank == 0 && b->shape[0] == 1 && b->shape[1] == 1 && b->size == 4 && b->data == a->data + 12);

  int value = 0;
  CHECK(!pmt_tensors_meta_int(t, "n", 0, 12, -1, &value, &error) && value == 12);
  CHECK(!pmt_tensors_meta_int(t, "neg", -3, 12, -1, &value, &error) && value == -3);
  CHECK(!pmt_tensors_meta_int(t, "absent", 0, 12, 5, &value, &error) && value == 5);
  CHECK(pmt_tensors_meta_int(t, "absent", 0, 12, -1, &value, &error) && strstr(error.text, "missing"));
  CHECK(pmt_tensors_meta_int(t, "n", 0, 11, -1, &value, &error) && strstr(error.text, "not in 0..11"));
  CHECK(pmt_tensors_meta_int(t, "n", 13, 20, -1, &value, &error) && strstr(error.text, "not in 13..20"));
  CHECK(pmt_tensors_meta_int(t, "big", 0, 9, -1, &value, &error) && strstr(error.text, "not in 0..9"));
  static const char* const no_numbers[] = {"x", "plus", "space", ""};
  for (unsigned i = 0; i < 4; ++i) {
    CHECK(pmt_tensors_meta_int(t, no_numbers[i], 0, 9, 7, &value, &error) == PMT_BAD_FILE);
    CHECK(strstr(error.text, "no whole number"));
  }
  const char *key = NULL, *text = NULL;
  size_t n = 0;
  while (pmt_tensors_meta_at(t, n, &key, &text)) {
    CHECK(pmt_tensors_meta(t, key) == text);
    ++n;
  }
  CHECK(n == 7 && !pmt_tensors_meta(t, "absent"));
  pmt_tensors_free(t);

  CHECK(!parse("{}", 2, 0, &t, &error) && pmt_tensors_count(t) == 0 && !pmt_tensors_meta_at(t, 0, &key, &text));
  pmt_tensors_free(t);
  pmt_tensors_free(NULL);
}

/* ---- Conversion ---------------------------------------------------------------------------------------------------- */

static double exact_half(const uint32_t half) {
  const int exponent = (int)(half >> 10 & 31), mantissa = (int)(half & 1023);
  const double magnitude = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
  return half & 0x8000u ? -magnitude : magnitude;
}

/* One tensor "w" of 2-byte values, loaded. */
static PmtStatus load_halves(const char* const header, const uint32_t first, const uint32_t n, float* const out,
                             PmtError* const error) {
  unsigned char* const data = malloc(2 * n);
  CHECK(data);
  for (uint32_t i = 0; i < n; ++i) {
    data[2 * i] = (unsigned char)(first + i);
    data[2 * i + 1] = (unsigned char)((first + i) >> 8);
  }
  PmtTensors* t = NULL;
  CHECK(!parse_data(header, data, 2 * n, &t, error));
  const PmtStatus status = pmt_tensors_load(t, "w", n, 1, out, error);
  pmt_tensors_free(t);
  free(data);
  return status;
}

static void check_halves(void) {
  enum { FINITE = 0x7c00 };
  static float out[FINITE];
  PmtError error = {{0}};
  const char* const f16 = "{\"w\":" T("\"F16\"", "[31744]", "[0,63488]") "}";
  const char* const bf16 = "{\"w\":" T("\"BF16\"", "[31744]", "[0,63488]") "}";
  for (uint32_t sign = 0; sign <= 0x8000u; sign += 0x8000u) {
    CHECK(!load_halves(f16, sign, FINITE, out, &error));
    for (uint32_t i = 0; i < FINITE; ++i) {
      CHECKF((double)out[i] == exact_half(sign | i), "half %x", sign | i);
      CHECK(!signbit(out[i]) == !sign);
    }
    CHECK(!load_halves(bf16, sign, FINITE, out, &error));
    for (uint32_t i = 0; i < FINITE; ++i) {
      uint32_t bits;
      memcpy(&bits, &out[i], 4);
      CHECK(bits == (sign | i) << 16);
    }
  }
  const char* const one_f16 = "{\"w\":" T("\"F16\"", "[1]", "[0,2]") "}";
  const char* const one_bf16 = "{\"w\":" T("\"BF16\"", "[1]", "[0,2]") "}";
  static const uint32_t no_halves[] = {0x7c00, 0xfc00, 0x7c01, 0x7fff, 0xfe00}; /* Inf and NaN */
  static const uint32_t no_brains[] = {0x7f80, 0xff80, 0x7f81, 0x7fff, 0xffc0};
  for (unsigned i = 0; i < 5; ++i) {
    CHECK(load_halves(one_f16, no_halves[i], 1, out, &error) == PMT_BAD_FILE && strstr(error.text, "NaN or Inf"));
    CHECK(load_halves(one_bf16, no_brains[i], 1, out, &error) == PMT_BAD_FILE && strstr(error.text, "NaN or Inf"));
  }
}

/* Every half comes back from a file as it was; what lies between two goes to the nearer one, or the even one. */
static void check_written_halves(const char* const path) {
  enum { FINITE = 0x7c00 };
  static float values[4 * FINITE], out[4 * FINITE];
  for (uint32_t i = 0; i < FINITE; ++i) {
    const double x = exact_half(i), step = (i + 1 < FINITE ? exact_half(i + 1) : 65536.0) - x;
    values[i] = (float)x;
    values[FINITE + i] = (float)-x;
    values[2 * FINITE + i] = (float)(x + (i % 2 ? -0.5 : 0.5) * (i % 2 ? x - exact_half(i - 1) : step)); /* a tie */
    values[3 * FINITE + i] = (float)(x + 0.499 * step);
  }
  const PmtTensorOut w = {.name = "w", .rank = 1, .shape = {4 * FINITE, 1}, .data = values, .dtype = PMT_F16};
  PmtTensors* t = NULL;
  PmtError error = {{0}};
  values[2 * FINITE + FINITE - 1] = values[3 * FINITE + FINITE - 1] = 1.0f;
  CHECKF(!pmt_tensors_write(path, &w, 1, NULL, 0, &error), "%s", error.text);
  CHECKF(!pmt_tensors_read(path, &t, &error), "%s", error.text);
  CHECK(!pmt_tensors_load(t, "w", 4 * FINITE, 1, out, &error));
  for (uint32_t i = 0; i + 1 < FINITE; ++i) {
    CHECK(out[i] == values[i] && out[FINITE + i] == values[FINITE + i]);
    CHECKF(out[2 * FINITE + i] == values[i % 2 ? i - 1 : i], "tie at half %x", i);
    CHECKF(out[3 * FINITE + i] == values[i], "above half %x", i);
    CHECK(pmt_half_rounded(values[3 * FINITE + i]) == values[i]);
  }
  pmt_tensors_free(t);
  values[0] = 65520.0f;
  CHECK(pmt_tensors_write(path, &w, 1, NULL, 0, &error) == PMT_BAD_ARG && strstr(error.text, "too large for 16 bits"));
  values[0] = 65519.0f; /* rounds down to the largest */
  CHECK(!pmt_tensors_write(path, &w, 1, NULL, 0, &error));
  unlink(path);
}

static void check_floats(void) {
  const char* const header = "{\"w\":" T("\"F32\"", "[2,2]", "[0,16]") "}";
  const float values[4] = {1.0f, -0.25f, 3e38f, 1e-42f};
  unsigned char data[16];
  PmtTensors* t = NULL;
  PmtError error = {{0}};
  float out[4];
  memcpy(data, values, sizeof data);
  CHECK(!parse_data(header, data, 16, &t, &error));
  CHECK(!pmt_tensors_load(t, "w", 2, 2, out, &error) && !memcmp(out, values, sizeof out));
  CHECK(!pmt_tensors_load(t, "w", 2, 2, NULL, &error));
  CHECK(pmt_tensors_load(t, "w", 4, 1, out, &error) == PMT_BAD_SHAPE);
  CHECK(strstr(error.text, "tensor \"w\" is [2, 2], need [4, 1]"));
  CHECK(pmt_tensors_load(t, "v", 4, 1, NULL, &error) == PMT_BAD_SHAPE && strstr(error.text, "\"v\" is missing"));
  pmt_tensors_free(t);
  memcpy(data + 8, (const float[]){NAN}, 4);
  CHECK(!parse_data(header, data, 16, &t, &error));
  CHECK(pmt_tensors_load(t, "w", 2, 2, out, &error) == PMT_BAD_FILE);
  CHECK(strstr(error.text, "NaN or Inf at row 1, column 0"));
  pmt_tensors_free(t);
}

/* w [2,3] in int8 with the given scale entry, if any. */
static PmtStatus load_bytes(const char* const scale_entry, const float s0, const float s1, float* const out,
                            PmtError* const error) {
  char header[256];
  snprintf(header, sizeof header, "{\"w\":" T("\"I8\"", "[2,3]", "[0,6]") "%s}", scale_entry);
  unsigned char data[14] = {0x80, 0xff, 0, 1, 2, 127};
  memcpy(data + 6, (const float[]){s0, s1}, 8);
  PmtTensors* t = NULL;
  CHECKF(!parse_data(header, data, *scale_entry ? 14 : 6, &t, error), "%s", error->text);
  const PmtStatus status = pmt_tensors_load(t, "w", 2, 3, out, error);
  pmt_tensors_free(t);
  return status;
}

static void check_bytes(void) {
  const char* const scale = ",\"w.scale\":" T("\"F32\"", "[2]", "[6,14]");
  const float wanted[6] = {-64.0f, -0.5f, 0.0f, 2.0f, 4.0f, 254.0f};
  float out[6];
  PmtError error = {{0}};
  CHECK(!load_bytes(scale, 0.5f, 2.0f, out, &error) && !memcmp(out, wanted, sizeof out));
  CHECK(load_bytes("", 0, 0, out, &error) == PMT_BAD_SHAPE && strstr(error.text, "\"w.scale\" is missing"));
  CHECK(load_bytes(scale, INFINITY, 1.0f, out, &error) == PMT_BAD_FILE && strstr(error.text, "row 0"));
  CHECK(load_bytes(scale, 1.0f, 3e38f, out, &error) == PMT_BAD_FILE && strstr(error.text, "row 1"));
  const char* const other = ",\"w.scale\":" T("\"F16\"", "[2,2]", "[6,14]");
  CHECK(load_bytes(other, 1.0f, 1.0f, out, &error) == PMT_BAD_SHAPE && strstr(error.text, "need [2, 1]"));
  const char* const half = ",\"w.scale\":" T("\"F16\"", "[2]", "[6,10]") ",\"x\":" T("\"F32\"", "[]", "[10,14]");
  CHECK(load_bytes(half, 1.0f, 1.0f, out, &error) == PMT_BAD_FILE && strstr(error.text, "must be F32"));
}

/* ---- Writing ------------------------------------------------------------------------------------------------------- */

static void check_round_trip(const char* const path) {
  const float values[6] = {1.0f, -2.0f, 1e-42f, 3e38f, -0.0f, 0.1f};
  const PmtTensorOut tensors[] = {
    {"matrix", 2, {2, 3}, values, PMT_F32},
    {"vector \xc3\xa9\"\\", 1, {5, 1}, values + 1, PMT_F32},
    {"scalar", 0, {1, 1}, values, PMT_F32}};
  const PmtMetaOut meta[] = {{"key", "line\nbreak"}, {"", ""}};
  PmtError error = {{0}};
  CHECKF(!pmt_tensors_write(path, tensors, 3, meta, 2, &error), "%s", error.text);
  PmtTensors* t = NULL;
  CHECKF(!pmt_tensors_read(path, &t, &error), "%s", error.text);
  CHECK(pmt_tensors_count(t) == 3 && !strcmp(pmt_tensors_meta(t, "key"), "line\nbreak"));
  float out[6];
  CHECK(!pmt_tensors_load(t, "matrix", 2, 3, out, &error) && !memcmp(out, values, 24));
  CHECK(!pmt_tensors_load(t, tensors[1].name, 5, 1, out, &error) && !memcmp(out, values + 1, 20));
  CHECK(!pmt_tensors_load(t, "scalar", 1, 1, out, &error) && out[0] == 1.0f);
  const uint64_t hash = pmt_tensors_hash(t);
  pmt_tensors_free(t);

  unsigned char* bytes = NULL;
  size_t size = 0;
  CHECK(!pmt_file_read(path, 1 << 20, &bytes, &size, &error));
  CHECK((bytes[0] | bytes[1] << 8) % 8 == 0); /* the data starts aligned */
  bytes[size - 1] ^= 1;
  CHECK(!pmt_tensors_parse(bytes, size, &t, &error) && pmt_tensors_hash(t) != hash);
  pmt_tensors_free(t);
}

static void check_refused_writes(const char* const path) {
  const float good[4] = {0}, bad[2] = {1.0f, NAN};
  char longest[PMT_TENSOR_NAME_MAX + 2];
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  const struct {
    PmtTensorOut tensor[2];
    size_t n;
    PmtMetaOut meta;
    const char* message;
  } cases[] = {
    {{{"w", 1, {2, 1}, bad, PMT_F32}}, 1, {"k", "v"}, "value 1 is NaN or Inf"},
    {{{"w", 1, {2, 1}, good, PMT_F32}, {"w", 1, {2, 1}, good, PMT_F32}}, 2, {"k", "v"}, "two tensors are called \"w\""},
    {{{"w", 1, {0, 1}, good, PMT_F32}}, 1, {"k", "v"}, "cannot be written"},
    {{{"w", 3, {1, 1}, good, PMT_F32}}, 1, {"k", "v"}, "cannot be written"},
    {{{longest, 1, {2, 1}, good, PMT_F32}}, 1, {"k", "v"}, "cannot be written"},
    {{{"w", 1, {2, 1}, good, PMT_F32}}, 1, {"k", "\xff"}, "metadata \"k\" cannot be written"},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; ++i) {
    PmtError error = {{0}};
    CHECK(pmt_tensors_write(path, cases[i].tensor, cases[i].n, &cases[i].meta, 1, &error) == PMT_BAD_ARG);
    CHECKF(strstr(error.text, cases[i].message), "%s", error.text);
    CHECK(access(path, F_OK)); /* not even an empty file */
  }
  PmtError error = {{0}};
  CHECK(pmt_tensors_write("/nonexistent/x", NULL, 0, NULL, 0, &error) == PMT_IO && strstr(error.text, "/nonexistent"));
}

/* ---- Whole files, hurt --------------------------------------------------------------------------------------------- */

static void load_all(const PmtTensors* const t) {
  for (size_t i = 0; i < pmt_tensors_count(t); ++i) {
    const PmtTensor* const tensor = pmt_tensors_at(t, i);
    float* const out = malloc((size_t)tensor->shape[0] * tensor->shape[1] * sizeof *out);
    CHECK(out);
    PmtError error = {{0}};
    CHECK(!pmt_tensors_load(t, tensor->name, tensor->shape[0], tensor->shape[1], out, &error) || error.text[0]);
    free(out);
  }
}

static void check_hurt_files(const char* const path) {
  PmtError error = {{0}};
  const PmtTinyOptions options = {.seed = 3, .parts = 1, .d = 1, .h = 1, .layers = 1};
  CHECKF(!pmt_tiny_model_write(path, &options, &error), "%s", error.text);
  unsigned char* bytes = NULL;
  size_t size = 0;
  CHECK(!pmt_file_read(path, 1 << 20, &bytes, &size, &error));
  const size_t header_end = 8 + (size_t)(bytes[0] | bytes[1] << 8);
  PmtTensors* t = NULL;
  for (size_t length = 0; length < size; ++length) {
    error.text[0] = 0;
    CHECKF(pmt_tensors_parse(copy_of(bytes, length), length, &t, &error) == PMT_BAD_FILE && !t && error.text[0],
           "cut after %zu of %zu bytes", length, size);
  }
  static const char lively[] = "{}[]\",:0123456789-.eE\\u \x80\xff";
  unsigned loaded = 0;
  for (uint64_t round = 0; round < 20000; ++round) {
    unsigned char* const hurt = copy_of(bytes, size);
    const uint64_t n = 1 + pmt_random_bits(5, round, 0) % 3;
    for (uint64_t i = 1; i <= n; ++i) {
      const uint64_t draw = pmt_random_bits(5, round, i);
      hurt[draw % header_end] = (draw >> 32) % 4 ? (unsigned char)lively[(draw >> 40) % (sizeof lively - 1)]
                                                  : (unsigned char)(draw >> 40);
    }
    error.text[0] = 0;
    const PmtStatus status = pmt_tensors_parse(hurt, size, &t, &error);
    CHECKF(status ? !t && error.text[0] : t != NULL, "round %llu", (unsigned long long)round);
    if (!status) {
      ++loaded;
      load_all(t);
      pmt_tensors_free(t);
    }
  }
  printf("mutations that are still well-formed: %u of 20000\n", loaded);
  CHECK(loaded > 100 && loaded < 19000); /* both sides of the parser were tried */
  free(bytes);
}

/* Files that are not there, not files, or empty. */
static void check_read_errors(const char* const folder, const char* const path) {
  PmtTensors* t = NULL;
  PmtError error = {{0}};
  CHECK(pmt_tensors_read(folder, &t, &error) == PMT_IO && !t && strstr(error.text, folder));
  CHECK(pmt_tensors_read("/nonexistent/x", &t, &error) == PMT_IO && strstr(error.text, "/nonexistent/x"));
  CHECK(!pmt_file_write(path, "", 0, &error));
  CHECK(pmt_tensors_read(path, &t, &error) == PMT_BAD_FILE && strstr(error.text, path) && strstr(error.text, "too few"));
}

/* Reading and writing when each allocation in turn fails: no leak (a sanitizer sees it), no crash, no half file. */
static void check_no_memory(const char* const path) {
  const float values[2] = {1.0f, 2.0f};
  const PmtTensorOut tensors[] = {{"a", 1, {2, 1}, values, PMT_F32}, {"b", 2, {1, 2}, values, PMT_F32}};
  const PmtMetaOut meta = {"key", "value"};
  PmtStatus status = PMT_NO_MEM;
  for (size_t n = 0; status; ++n) {
    PmtError error = {{0}};
    unlink(path);
    pmt_fail_after(n);
    status = pmt_tensors_write(path, tensors, 2, &meta, 1, &error);
    pmt_fail_never();
    CHECKF(!status || (error.text[0] && access(path, F_OK)), "allocation %zu", n);
  }
  for (size_t n = 0; n == 0 || status; ++n) {
    PmtTensors* t = NULL;
    PmtError error = {{0}};
    pmt_fail_after(n);
    status = pmt_tensors_read(path, &t, &error);
    pmt_fail_never();
    const bool refused = (status == PMT_NO_MEM || status == PMT_BAD_FILE) && !t; /* see tensors.h: jansson cannot tell */
    CHECKF(status ? refused : t != NULL, "allocation %zu: status %d, %s", n, status, error.text);
    pmt_tensors_free(t);
  }
}

int main(void) {
  char folder[64], path[96];
  pmt_scratch_make(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/x.safetensors", folder);
  check_malformed();
  check_frames();
  check_limits();
  check_nesting();
  check_entries();
  check_halves();
  check_written_halves(path);
  check_floats();
  check_bytes();
  check_refused_writes(path);
  check_round_trip(path);
  check_hurt_files(path);
  check_read_errors(folder, path);
  check_no_memory(path);
  unlink(path);
  CHECK(!rmdir(folder));
  return 0;
}
