/* SPDX-License-Identifier: ISC */
/* Piano rolls: what is collected, and where it lands on the page. The tools are a program, not a library: their files
   are taken in whole. Pixels are compared between pictures that differ in one thing, never with a stored picture. */
#include "../tools/gm.c"
#include "../tools/roll.c"
#include "../tools/roll_draw.c"

#include "check.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"

#include <unistd.h>

/* fontconfig keeps what it loaded for the life of the process. */
__attribute__((visibility("default"))) const char* __lsan_default_suppressions(void);
const char* __lsan_default_suppressions(void) {
  return "leak:libfontconfig\n";
}

/* ---- pictures ---- */

typedef struct { int width, height, stride; uint32_t* pixels; cairo_surface_t* surface; } Image;

static Image draw_image(const PmtRoll* roll) {
  PmtError error = {""};
  const char* path = pmt_scratch_path("a.png");
  CHECKF(!pmt_roll_draw(roll, path, &error), "%s", error.text);
  Image image = {.surface = cairo_image_surface_create_from_png(path)};
  CHECK(cairo_surface_status(image.surface) == CAIRO_STATUS_SUCCESS);
  image.width = cairo_image_surface_get_width(image.surface);
  image.height = cairo_image_surface_get_height(image.surface);
  image.stride = cairo_image_surface_get_stride(image.surface) / 4;
  image.pixels = (uint32_t*)(void*)cairo_image_surface_get_data(image.surface);
  unlink(path);
  return image;
}

typedef struct { int left, top, right, bottom; long n, darkness; } Spot;

/* Where two pictures of one size differ, and how dark the first is there. */
static Spot difference(const PmtRoll* with, const PmtRoll* without) {
  Image a = draw_image(with);
  Image b = draw_image(without);
  Spot spot = {1 << 20, 1 << 20, -1, -1, 0, 0};
  CHECK(a.width == b.width && a.height == b.height);
  for (int y = 0; y < a.height; ++y) {
    for (int x = 0; x < a.width; ++x) {
      const uint32_t pixel = a.pixels[y * a.stride + x];
      if ((pixel & 0xffffff) == (b.pixels[y * b.stride + x] & 0xffffff)) {
        continue;
      }
      spot.left = x < spot.left ? x : spot.left;
      spot.right = x > spot.right ? x : spot.right;
      spot.top = y < spot.top ? y : spot.top;
      spot.bottom = y > spot.bottom ? y : spot.bottom;
      ++spot.n;
      spot.darkness += 3 * 255 - (long)((pixel & 255) + (pixel >> 8 & 255) + (pixel >> 16 & 255));
    }
  }
  cairo_surface_destroy(a.surface);
  cairo_surface_destroy(b.surface);
  return spot;
}

static void add_bars(PmtRoll* roll, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    CHECK(!pmt_roll_add_bar(roll, (PmtRollBar){4.0 * i, 4, i + 1, 4, 4}));
  }
}

/* A page with two notes that fix its range, and one more. */
static PmtRoll make_page(const PmtRollNote* note) {
  PmtRoll roll = {.n_notes = 0};
  add_bars(&roll, 8);
  CHECK(!pmt_roll_add_note(&roll, (PmtRollNote){30, 31, 1, 36, 80}));
  CHECK(!pmt_roll_add_note(&roll, (PmtRollNote){30, 31, 2, 90, 80}));
  CHECK(!pmt_roll_add_note(&roll, (PmtRollNote){30, 30.1, PMT_ROLL_DRUMS, 36, 80}));
  CHECK(!pmt_roll_add_note(&roll, (PmtRollNote){30, 30.1, 0, 60, 80}));
  if (note) {
    CHECK(!pmt_roll_add_note(&roll, *note));
  }
  return roll;
}

static Spot spot_of(PmtRollNote note) {
  PmtRoll with = make_page(&note);
  PmtRoll without = make_page(NULL);
  const Spot spot = difference(&with, &without);
  pmt_roll_free(&with);
  pmt_roll_free(&without);
  CHECK(spot.n > 0);
  return spot;
}

static void check_places(void) {
  const Spot note = spot_of((PmtRollNote){4, 5, 0, 60, 80});
  const Spot later = spot_of((PmtRollNote){8, 9, 0, 60, 80});
  const Spot latest = spot_of((PmtRollNote){12, 13, 0, 60, 80});
  CHECK(later.left > note.right && abs((later.left - note.left) - (latest.left - later.left)) <= 1);
  const Spot longer = spot_of((PmtRollNote){4, 7, 0, 60, 80});
  CHECK(abs(longer.left - note.left) <= 1 && longer.right - longer.left > 2 * (note.right - note.left));
  const Spot higher = spot_of((PmtRollNote){4, 5, 0, 72, 80});
  CHECK(higher.bottom < note.top && abs(higher.left - note.left) <= 1);
  const Spot drum = spot_of((PmtRollNote){4, 4.1, PMT_ROLL_DRUMS, 36, 80});
  const Spot lowest = spot_of((PmtRollNote){4, 5, 0, 36, 80});
  CHECK(drum.top > lowest.bottom && lowest.top > note.bottom);
  const Spot loud = spot_of((PmtRollNote){4, 5, 0, 60, 127});
  const Spot soft = spot_of((PmtRollNote){4, 5, 0, 60, 20});
  CHECK(loud.darkness / loud.n > soft.darkness / soft.n + 50);
}

/* Two parts on one key both show: the page changes when either goes. */
static void check_unison(void) {
  PmtRoll both = make_page(&(PmtRollNote){4, 6, 0, 60, 80});
  PmtRoll upper = make_page(&(PmtRollNote){4, 6, 0, 60, 80});
  PmtRoll lower = make_page(&(PmtRollNote){4, 6, 3, 60, 80});
  CHECK(!pmt_roll_add_note(&both, (PmtRollNote){4, 6, 3, 60, 80}));
  CHECK(!pmt_roll_add_note(&upper, (PmtRollNote){26, 27, 3, 60, 80})); /* the same legend */
  CHECK(!pmt_roll_add_note(&both, (PmtRollNote){26, 27, 3, 60, 80}));
  CHECK(!pmt_roll_add_note(&lower, (PmtRollNote){26, 27, 3, 60, 80}));
  CHECK(difference(&both, &upper).n > 20 && difference(&both, &lower).n > 20);
  pmt_roll_free(&both);
  pmt_roll_free(&upper);
  pmt_roll_free(&lower);
}

static int height_of(uint32_t bars, bool curve, bool mark) {
  PmtRoll roll = {.n_notes = 0};
  add_bars(&roll, bars);
  if (curve) {
    CHECK(!pmt_roll_add_point(&roll, 0, 1));
  }
  if (mark) {
    CHECK(!pmt_roll_add_mark(&roll, 0, "style"));
  }
  const Image image = draw_image(&roll);
  cairo_surface_destroy(image.surface);
  pmt_roll_free(&roll);
  return image.height;
}

static void check_rows(void) {
  const int one = height_of(16, false, false);
  const int two = height_of(17, false, false);
  CHECK(height_of(1, false, false) == one && two > one * 3 / 2);
  CHECK(height_of(32, false, false) == two);
  CHECK(height_of(16, true, false) > one && height_of(16, false, true) > one);
  CHECK(height_of(20000, false, false) < 32767); /* cairo's limit */
  CHECK(height_of(0, false, false) > 0);
}

/* ---- collecting ---- */

static double frame_quarter(const void* handle, uint64_t frame) {
  return (double)frame / *(const double*)handle;
}

static void check_midi(void) {
  static const struct { uint64_t frame; uint8_t bytes[3]; } events[] = {
    {0, {0x92, 60, 100}},  {0, {0xc2, 5, 0}},     {100, {0x92, 60, 90}}, /* struck again: the first ends */
    {200, {0x82, 60, 0}},  {200, {0x93, 50, 1}},  {300, {0x93, 50, 0}},
    {300, {0x99, 36, 70}}, {350, {0x89, 36, 0}},  {350, {0x82, 61, 0}}, /* a stray off */
    {400, {0x92, 70, 64}}, {500, {0x92, 71, 64}}, {500, {0x82, 71, 0}}, /* 70 hangs */
  };
  const double frames_a_quarter = 100;
  PmtMidiList list = {.n_events = 0};
  PmtTimedMidi stored[sizeof events / sizeof *events];
  for (size_t i = 0; i < sizeof events / sizeof *events; ++i) {
    stored[i].frame = events[i].frame;
    stored[i].size = 3;
    memcpy(stored[i].bytes, events[i].bytes, 3);
  }
  list.events = stored;
  list.n_events = sizeof events / sizeof *events;
  PmtRoll roll = {.n_notes = 0};
  CHECK(!pmt_roll_add_midi(&roll, &list, 2, frame_quarter, &frames_a_quarter));
  CHECK(roll.n_notes == 6);
  const PmtRollNote* n = roll.notes;
  CHECK(n[0].start == 0 && n[0].end == 1 && n[0].part == 0 && n[0].pitch == 60 && n[0].velocity == 100);
  CHECK(n[1].start == 1 && n[1].end == 2 && n[1].velocity == 90);
  CHECK(n[2].part == 1 && n[2].pitch == 50 && n[2].end == 3);
  CHECK(n[3].part == PMT_ROLL_DRUMS && n[3].pitch == 36);
  CHECK(n[4].pitch == 71 && n[5].pitch == 70 && n[5].end == 5);
  pmt_roll_free(&roll);
  CHECK(!pmt_roll_add_player(&roll, &list, frame_quarter, &frames_a_quarter));
  CHECK(roll.n_notes == 6 && roll.notes[2].part == PMT_ROLL_PLAYER && roll.notes[2].pitch == 50);
  CHECK(roll.notes[3].part == PMT_ROLL_PLAYER_DRUMS && roll.notes[3].pitch == 36);
  pmt_roll_free(&roll);
}

/* The player's notes lie where another's would, in another colour, and the legend tells of them. */
static void check_player(void) {
  PmtRoll none = make_page(NULL);
  PmtRoll ours = make_page(&(PmtRollNote){4, 6, 0, 60, 80});
  PmtRoll theirs = make_page(&(PmtRollNote){4, 6, PMT_ROLL_PLAYER, 60, 80});
  const Spot note = difference(&ours, &none);
  CHECK(difference(&theirs, &none).top < note.top - 20);
  CHECK(!pmt_roll_add_note(&ours, (PmtRollNote){26, 26.1, PMT_ROLL_PLAYER_DRUMS, 36, 80}));
  CHECK(!pmt_roll_add_note(&theirs, (PmtRollNote){26, 26.1, PMT_ROLL_PLAYER_DRUMS, 36, 80}));
  const Spot colour = difference(&theirs, &ours); /* the legend is the same now */
  CHECK(colour.top == note.top && colour.bottom == note.bottom && colour.left == note.left);
  pmt_roll_free(&none);
  pmt_roll_free(&ours);
  pmt_roll_free(&theirs);
  const Spot drum = spot_of((PmtRollNote){4, 4.1, PMT_ROLL_PLAYER_DRUMS, 36, 80});
  CHECK(drum.bottom == spot_of((PmtRollNote){4, 4.1, PMT_ROLL_DRUMS, 36, 80}).bottom);
}

static void check_score(void) {
  PmtNote notes[] = {{0, 96, 0, 60, 4, 0}, {90, 12, 1, 50, 4, 0}, {96, 0, PMT_PART_DRUMS, 38, 7, 0}, {200, 12, 0, 62, 0, 0}};
  PmtBar bars[] = {{0, 96, 0, 4, 4}, {96, 96, 0, 4, 4}, {192, 72, 0, 3, 4}};
  const PmtScore score = {.notes = notes, .n_notes = 4, .bars = bars, .n_bars = 3, .parts = 2, .has_drums = true};
  PmtRoll roll = {.n_notes = 0};
  CHECK(!pmt_roll_add_score(&roll, &score, 0, UINT32_MAX));
  CHECK(roll.n_bars == 3 && roll.n_notes == 4 && roll.bars[2].length == 3 && roll.bars[2].number == 3);
  CHECK(roll.notes[0].end == 4 && roll.notes[2].part == PMT_ROLL_DRUMS && roll.notes[2].velocity == 127);
  pmt_roll_free(&roll);
  CHECK(!pmt_roll_add_score(&roll, &score, 1, 1)); /* the second note hangs over into it */
  CHECK(roll.n_bars == 1 && roll.bars[0].number == 2 && roll.n_notes == 2 && roll.notes[0].start == 0);
  CHECK(roll.notes[0].end == 0.25);
  CHECK(!pmt_roll_add_score(&roll, &score, 0, 0)); /* goes on where that ends; the note is cut at the bar's end */
  CHECK(roll.n_bars == 2 && roll.bars[1].start == 4 && roll.bars[1].number == 1 && pmt_roll_end(&roll) == 8);
  CHECK(roll.n_notes == 4 && roll.notes[2].start == 4 && roll.notes[3].start == 7.75 && roll.notes[3].end == 8);
  pmt_roll_free(&roll);
  CHECK(!pmt_roll_add_score(&roll, &score, 3, 5) && !roll.n_bars);
}

static void check_marks_in_order(void) {
  PmtRoll roll = {.n_notes = 0};
  for (uint32_t i = 0; i < 100; ++i) {
    CHECK(!pmt_roll_add_mark(&roll, i * 37 % 100, "x"));
  }
  for (uint32_t i = 0; i < 100; ++i) {
    CHECK(roll.marks[i].at == i);
  }
  pmt_roll_free(&roll);
}

/* ---- files ---- */

static void check_files(void) {
  PmtRoll roll = make_page(NULL);
  PmtError error = {""};
  CHECK(pmt_roll_draw(&roll, pmt_scratch_path("a.gif"), &error) == PMT_UNSUPPORTED &&
        strstr(error.text, ".png or .svg"));
  CHECK(pmt_roll_draw(&roll, "noending", &error) == PMT_UNSUPPORTED);
  CHECK(pmt_roll_draw(&roll, "/nonexistent/folder/a.png", &error) == PMT_IO);
  CHECK(strstr(error.text, "/nonexistent/folder/a.png"));
  CHECK(!pmt_roll_draw(&roll, pmt_scratch_path("a.SVG"), &error));
  FILE* file = fopen(pmt_scratch_path("a.SVG"), "r");
  char head[64] = "";
  CHECK(file && fread(head, 1, sizeof head - 1, file) > 0 && strstr(head, "<?xml"));
  fclose(file);
  unlink(pmt_scratch_path("a.SVG"));
  pmt_roll_free(&roll);
}

static void check_no_memory(void) {
  PmtRoll roll = {.n_notes = 0};
  size_t added = 0;
  for (size_t i = 0; i < 100; ++i) {
    pmt_fail_after(0);
    const PmtStatus refused = pmt_roll_add_note(&roll, (PmtRollNote){(double)i, (double)i + 1, 0, 60, 80});
    pmt_fail_never();
    CHECK(!refused || refused == PMT_NO_MEM);
    if (refused) {
      CHECK(!pmt_roll_add_note(&roll, (PmtRollNote){(double)i, (double)i + 1, 0, 60, 80}));
      ++added;
    }
    CHECK(roll.n_notes == i + 1 && roll.notes[i].start == (double)i);
  }
  CHECK(added == 4); /* at 0, 16, 32 and 64 */
  pmt_roll_free(&roll);
}

int main(void) {
  pmt_scratch_begin();
  check_places();
  check_unison();
  check_rows();
  check_midi();
  check_player();
  check_score();
  check_marks_in_order();
  check_files();
  check_no_memory();
  cairo_debug_reset_static_data(); /* so that a leak checker sees only ours */
  CHECK(!rmdir(pmt_scratch_folder()));
  return 0;
}
