/* SPDX-License-Identifier: ISC */
/* For libFuzzer: every promise of the MIDI reader, the import and the codec, on bytes that mean harm.

     clang -std=c11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -Isrc -Itests -o fuzz_smf tests/fuzz_smf.c \
       tests/support/smf_build.c src/music/[a-z]*.c src/base/[a-z]*.c -lm
     ./fuzz_smf -max_len=4096 CORPUS tests/data/smf

   What it found, and the smallest set of files that reaches all the code, lies in tests/data/smf; test_smf.c replays it. */
#include "support/smf_build.h"

int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* const bytes, const size_t size) {
  pmt_exercise_smf(bytes, size);
  return 0;
}
