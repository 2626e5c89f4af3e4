/* SPDX-License-Identifier: ISC */
/** @file tensors.h  safetensors in and out (docs/model.md, "Weights on disk").

    8 bytes N (little-endian), N bytes of JSON, data. A stranger's file: every rule is checked here, so that nothing
    after the load checks anything. Setup threads only. The reader uses little stack (a host may give its worker 64 KiB). */
#ifndef PMT_NN_TENSORS_H
#define PMT_NN_TENSORS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PMT_TENSORS_BYTES_MAX (512u << 20)
#define PMT_TENSORS_HEADER_MAX (1u << 20)
#define PMT_TENSORS_COUNT_MAX 4096u
#define PMT_TENSOR_NAME_MAX 255u

typedef enum { PMT_F32, PMT_F16, PMT_BF16, PMT_I8 } PmtDtype;

typedef struct {
  const char* name;
  PmtDtype dtype;
  uint32_t rank;               /**< 0..2 */
  uint32_t shape[2];           /**< rank 1: {n, 1}; rank 0: {1, 1} */
  const unsigned char* data;   /**< inside the file's bytes, not aligned */
  size_t size;                 /**< bytes */
} PmtTensor;

/** Opaque: owns the file's bytes, the tensor list and the metadata. */
typedef struct PmtTensors PmtTensors;

/** @return PMT_IO, PMT_TOO_BIG, PMT_NO_MEM, or PMT_BAD_FILE with one line that names path, rule and place. (When memory
    runs out inside a JSON string, jansson calls it a syntax error and so do we.) */
PmtStatus pmt_tensors_read(const char* path, PmtTensors** tensors, PmtError* error);
/** The same from memory. `bytes` (malloc'd) is taken over, on failure too. */
PmtStatus pmt_tensors_parse(unsigned char* bytes, size_t size, PmtTensors** tensors, PmtError* error);
void pmt_tensors_free(PmtTensors* tensors);

size_t pmt_tensors_count(const PmtTensors* tensors);
const PmtTensor* pmt_tensors_at(const PmtTensors* tensors, size_t index);
/** NULL when there is none of that name. */
const PmtTensor* pmt_tensors_find(const PmtTensors* tensors, const char* name);
/** Metadata value or NULL. */
const char* pmt_tensors_meta(const PmtTensors* tensors, const char* key);
/** Metadata as a number. @return PMT_BAD_FILE when absent (and `fallback` is negative), no number, or outside lo..hi. */
PmtStatus pmt_tensors_meta_int(const PmtTensors* tensors, const char* key, int lo, int hi, int fallback, int* value,
                               PmtError* error);
/** Walk the metadata: i-th key and value, false at the end. */
bool pmt_tensors_meta_at(const PmtTensors* tensors, size_t index, const char** key, const char** value);

/** Convert to float, row-major, into `out` (rows * cols); NULL only checks presence, shape and scale. Refuses NaN and
    Inf. I8 needs "{name}.scale".
    @return PMT_BAD_SHAPE when the shape is not rows x cols (rank 1: cols = 1), PMT_BAD_FILE on NaN or Inf. */
PmtStatus pmt_tensors_load(const PmtTensors* tensors, const char* name, uint32_t rows, uint32_t cols, float* out,
                           PmtError* error);

/** SHA-256-free content hash (64-bit FNV-1a of the whole file): names a model whatever its path. */
uint64_t pmt_tensors_hash(const PmtTensors* tensors);

typedef struct {
  const char* name;
  uint32_t rank;
  uint32_t shape[2];
  const float* data;
  PmtDtype dtype; /**< PMT_F32, or PMT_F16: rounded to the nearest, ties to even */
} PmtTensorOut;
typedef struct { const char* key; const char* value; } PmtMetaOut;

/** What a value is after it was written as F16 and read again. Beyond 65504: infinite. */
float pmt_half_rounded(float value);

/** Write tensors and metadata; data aligned to 8 bytes; whole or not at all. */
PmtStatus pmt_tensors_write(const char* path, const PmtTensorOut* tensors, size_t n_tensors, const PmtMetaOut* meta,
                            size_t n_meta, PmtError* error);

#endif
