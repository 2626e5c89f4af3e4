/* SPDX-License-Identifier: ISC */
/* base: the arena's two passes, and sizes that do not fit; files whole or not at all. */
#include "base/arena.h"
#include "base/file.h"
#include "base/random.h"
#include "check.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char* text;
  double* numbers;
} Thing;

static void layout(PmtArena* const arena, Thing* const thing) {
  thing->text = pmt_arena_take(arena, 5, 1);
  thing->numbers = pmt_arena_take(arena, 100, sizeof *thing->numbers);
}

static void check_two_passes(void) {
  PmtArena arena = pmt_arena_measure();
  Thing thing = {NULL, NULL};
  layout(&arena, &thing);
  CHECK(!thing.text && !thing.numbers && arena.used == 64 + 832);
  CHECK(!pmt_arena_allocate(&arena));
  layout(&arena, &thing);
  CHECK((uintptr_t)thing.text % PMT_ARENA_ALIGN == 0 && (uintptr_t)thing.numbers % PMT_ARENA_ALIGN == 0);
  CHECK((char*)thing.numbers == thing.text + 64 && arena.used == arena.size);
  for (int i = 0; i < 100; ++i) {
    CHECK(thing.numbers[i] == 0.0);
  }
  memset(thing.text, 1, 5);
  memset(thing.numbers, 1, 800);
  pmt_arena_release(&arena);
  CHECK(!arena.base && !arena.size && !arena.used);
  pmt_arena_release(&arena); /* twice is harmless */
}

static void check_nothing(void) {
  PmtArena arena = pmt_arena_measure();
  CHECK(!pmt_arena_take(&arena, 0, 8) && arena.used == 0);
  CHECK(!pmt_arena_allocate(&arena) && arena.base);
  pmt_arena_release(&arena);
}

static void check_overflow(void) {
  static const size_t counts[][2] = {{SIZE_MAX, 2}, {SIZE_MAX / 2, 3}, {SIZE_MAX, 1}, {1, SIZE_MAX - 10}};
  for (unsigned i = 0; i < sizeof counts / sizeof *counts; ++i) {
    PmtArena arena = pmt_arena_measure();
    pmt_arena_take(&arena, 10, 10);
    pmt_arena_take(&arena, counts[i][0], counts[i][1]);
    pmt_arena_take(&arena, 1, 1); /* does not make it well again */
    CHECK(pmt_arena_allocate(&arena) == PMT_NO_MEM && !arena.base);
    pmt_arena_release(&arena);
  }
  PmtArena sum = pmt_arena_measure(); /* each fits, together they do not */
  pmt_arena_take(&sum, SIZE_MAX / 2, 1);
  pmt_arena_take(&sum, SIZE_MAX / 2, 1);
  CHECK(pmt_arena_allocate(&sum) == PMT_NO_MEM);
}

static void path_in(char* const path, const size_t size, const char* const folder, const char* const name) {
  snprintf(path, size, "%s/%s", folder, name);
}

static void check_files(void) {
  char folder[200], path[256], missing[256]; /* an error line has room for the whole path */
  pmt_scratch_make(folder, sizeof folder);
  path_in(path, sizeof path, folder, "file");
  path_in(missing, sizeof missing, folder, "none/file");
  unsigned char* bytes = NULL;
  size_t size = 0;
  PmtError error = {{0}};
  CHECK(pmt_file_read(path, 100, &bytes, &size, &error) == PMT_IO && strstr(error.text, path) && !bytes);
  CHECK(!pmt_file_write(path, "hello", 5, &error));
  CHECK(!pmt_file_read(path, 5, &bytes, &size, &error) && size == 5 && !memcmp(bytes, "hello", 6));
  free(bytes);
  CHECK(pmt_file_read(path, 4, &bytes, &size, &error) == PMT_TOO_BIG && strstr(error.text, path) && !bytes);
  CHECK(pmt_file_read(folder, 100, &bytes, &size, &error) == PMT_IO && !bytes);
  CHECK(pmt_file_write(missing, "x", 1, &error) == PMT_IO && strstr(error.text, missing));
  CHECK(pmt_file_write(folder, "x", 1, &error) == PMT_IO);
  CHECK(!pmt_file_write("/dev/null", "x", 1, &error));
  CHECK(!pmt_file_write(path, "", 0, &error) && !pmt_file_read(path, 0, &bytes, &size, &error) && size == 0);
  free(bytes);
  CHECK(!unlink(path) && !rmdir(folder)); /* fails if a temporary was left behind */
}

static void check_no_memory(void) {
  PmtArena arena = pmt_arena_measure();
  pmt_arena_take(&arena, 100, 100);
  pmt_fail_after(0);
  const PmtStatus status = pmt_arena_allocate(&arena);
  pmt_fail_never();
  CHECK(status == PMT_NO_MEM && !arena.base);
  pmt_arena_release(&arena);
}

static void check_errors(void) {
  PmtError error = {{0}};
  CHECK(pmt_fail(&error, PMT_IO, "number %d", 7) == PMT_IO && !strcmp(error.text, "number 7"));
  pmt_error_prefix(&error, "file");
  CHECK(!strcmp(error.text, "file: number 7"));
  CHECK(pmt_fail(NULL, PMT_NO_MEM, "nobody listens") == PMT_NO_MEM);
  for (int status = PMT_OK; status <= PMT_TOO_BIG + 1; ++status) {
    CHECK(pmt_strerror((PmtStatus)status)[0]);
  }
}

/* Draws depend on all three words and fill the unit interval evenly. */
static void check_random(void) {
  double sum = 0.0;
  for (uint64_t i = 0; i < 10000; ++i) {
    const float u = pmt_random_unit(1, 2, i);
    CHECK(u >= 0.0f && u < 1.0f);
    sum += (double)u;
  }
  CHECK(sum > 4850.0 && sum < 5150.0);
  CHECK(pmt_random_bits(1, 2, 3) != pmt_random_bits(1, 3, 2) && pmt_random_bits(1, 2, 3) != pmt_random_bits(2, 2, 3));
  CHECK(pmt_random_bits(0, 0, 0) == pmt_random_bits(0, 0, 0));
}

int main(void) {
  check_two_passes();
  check_nothing();
  check_overflow();
  check_no_memory();
  check_files();
  check_errors();
  check_random();
  return 0;
}
