/* SPDX-License-Identifier: ISC */
/* Drawing a PmtRoll. Above: roll.h. Below: cairo; the finished bytes go through base/file.h so that a picture is there
   whole or not at all. Units are points of a page WIDTH wide; PNG has SCALE pixels a point. */
#include "roll.h"

#include "base/file.h"
#include "gm.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- look ---- */

#define WIDTH 1180.0
#define MARGIN 22.0
#define GUTTER 62.0 /* left of the notes: octave names, drum names */
#define SCALE 1.6
#define MARK_HEIGHT 17.0
#define NUMBER_HEIGHT 14.0
#define DRUM_ROW 9.0
#define CURVE_HEIGHT 46.0
#define TRACK_GAP 7.0
#define ROW_GAP 24.0
#define HEIGHT_MAX 15000.0 /* cairo images end at 32767 pixels */

enum { BARS_A_ROW = 16, RANGE_MIN = 24 };

typedef struct { double r, g, b; } Colour;

static const Colour paper = {1, 1, 1}, black_key = {.951, .955, .965}, line_octave = {.80, .82, .85},
                    line_beat = {.885, .895, .915}, line_bar = {.56, .59, .64}, ink = {.13, .15, .19},
                    grey = {.42, .45, .50}, curve_ink = {.70, .26, .44}, drum_ink = {.22, .25, .31},
                    player_ink = {.84, .08, .18};

static const Colour part_colour[PMT_ROLL_PARTS] = {
  {.16, .42, .72}, {.90, .49, .13}, {.20, .60, .38}, {.66, .26, .55},
  {.45, .38, .78}, {.72, .58, .05}, {.12, .60, .68}, {.62, .32, .24},
};

static Colour colour_of(const uint8_t part) {
  return part == PMT_ROLL_PLAYER ? player_ink : part_colour[part % PMT_ROLL_PARTS];
}

static bool is_drum(const PmtRollNote* const note) {
  return note->part == PMT_ROLL_DRUMS || note->part == PMT_ROLL_PLAYER_DRUMS;
}

/* ---- layout ---- */

typedef struct { size_t first, count; double start, length; } Row; /* bars; quarters */

typedef struct {
  const PmtRoll* roll;
  cairo_t* cr;
  Row* rows;
  size_t n_rows;
  uint8_t pitch_lo, pitch_hi;
  uint8_t drum_keys[128];
  uint32_t n_drum_keys;
  double curve_lo, curve_hi;
  double quarter;       /* width of one */
  double semitone;      /* height of one */
  double header;        /* height of title and legend */
  double row_height;
  bool pitched, marks;
  uint32_t parts;       /* legend entries: one bit a part */
} Layout;

static void find_ranges(Layout* const l) {
  bool used[128] = {false};
  uint8_t lo = 127;
  uint8_t hi = 0;
  for (size_t i = 0; i < l->roll->n_notes; ++i) {
    const PmtRollNote* const note = &l->roll->notes[i];
    if (note->part >= PMT_ROLL_PLAYER) {
      l->parts |= 1u << PMT_ROLL_PLAYER;
    }
    if (is_drum(note)) {
      used[note->pitch & 127] = true;
      continue;
    }
    lo = note->pitch < lo ? note->pitch : lo;
    hi = note->pitch > hi ? note->pitch : hi;
    l->parts |= 1u << note->part;
  }
  for (int key = 127; key >= 0; --key) { /* cymbals on top, kick at the bottom */
    if (used[key]) {
      l->drum_keys[l->n_drum_keys++] = (uint8_t)key;
    }
  }
  l->pitched = lo <= hi || !l->n_drum_keys;
  if (lo > hi) {
    lo = hi = 60;
  }
  const int centre = (lo + hi) / 2;
  const int half = RANGE_MIN / 2;
  const int bottom = lo - 2 < centre - half ? lo - 2 : centre - half;
  const int top = hi + 2 > centre + half ? hi + 2 : centre + half;
  l->pitch_lo = (uint8_t)(bottom < 0 ? 0 : bottom);
  l->pitch_hi = (uint8_t)(top > 127 ? 127 : top);
}

static void find_curve_range(Layout* const l) {
  if (!l->roll->n_points) {
    return;
  }
  l->curve_lo = l->curve_hi = l->roll->points[0].value;
  for (size_t i = 1; i < l->roll->n_points; ++i) {
    l->curve_lo = fmin(l->curve_lo, l->roll->points[i].value);
    l->curve_hi = fmax(l->curve_hi, l->roll->points[i].value);
  }
  if (l->curve_hi - l->curve_lo < 1e-6) {
    l->curve_lo -= .5;
    l->curve_hi += .5;
  }
}

static double track_height(const Layout* const l) {
  return (l->pitched ? (l->pitch_hi - l->pitch_lo + 1) * l->semitone : 0) +
         (l->n_drum_keys ? TRACK_GAP * l->pitched + l->n_drum_keys * DRUM_ROW : 0) +
         (l->roll->n_points ? TRACK_GAP + CURVE_HEIGHT : 0);
}

/* Rows of equally many bars; a few rows more would not fit an image, so long pieces get longer rows. */
static PmtStatus find_rows(Layout* const l) {
  const size_t n_bars = l->roll->n_bars;
  const size_t rows_max = (size_t)fmax(1, (HEIGHT_MAX - l->header - 2 * MARGIN) / (l->row_height + ROW_GAP));
  size_t a_row = BARS_A_ROW;
  while ((n_bars + a_row - 1) / a_row > rows_max) {
    a_row *= 2;
  }
  l->n_rows = (n_bars + a_row - 1) / a_row;
  l->rows = calloc(l->n_rows ? l->n_rows : 1, sizeof *l->rows);
  if (!l->rows) {
    return PMT_NO_MEM;
  }
  double longest = 1;
  for (size_t i = 0; i < l->n_rows; ++i) {
    Row* const row = &l->rows[i];
    row->first = i * a_row;
    row->count = n_bars - row->first < a_row ? n_bars - row->first : a_row;
    const PmtRollBar* const last = &l->roll->bars[row->first + row->count - 1];
    row->start = l->roll->bars[row->first].start;
    row->length = last->start + last->length - row->start;
    longest = fmax(longest, row->length);
  }
  l->quarter = (WIDTH - 2 * MARGIN - GUTTER) / longest;
  return PMT_OK;
}

static PmtStatus lay_out(Layout* const l) {
  find_ranges(l);
  find_curve_range(l);
  const double range = l->pitch_hi - l->pitch_lo + 1;
  l->semitone = fmin(6.5, fmax(3.4, 210 / range));
  l->marks = l->roll->n_marks > 0;
  l->header = (*l->roll->title ? 26 : 0) + (*l->roll->subtitle || l->parts ? 20 : 0) + 4;
  l->row_height = NUMBER_HEIGHT + (l->marks ? MARK_HEIGHT : 0) + track_height(l);
  return find_rows(l);
}

static double page_height(const Layout* const l) {
  return 2 * MARGIN + l->header + (double)l->n_rows * (l->row_height + ROW_GAP) - (l->n_rows ? ROW_GAP : 0);
}

/* ---- pens ---- */

static void set_colour(const Layout* const l, const Colour c, const double alpha) {
  cairo_set_source_rgba(l->cr, c.r, c.g, c.b, alpha);
}

static void set_font(const Layout* const l, const double size, const bool bold) {
  cairo_select_font_face(l->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(l->cr, size);
}

static double text_width(const Layout* const l, const char* const text) {
  cairo_text_extents_t extents;
  cairo_text_extents(l->cr, text, &extents);
  return extents.x_advance;
}

/* @param align 0 left, 1 right of x */
static void draw_text(const Layout* const l, const double x, const double y, const double align,
                      const char* const text) {
  cairo_move_to(l->cr, x - align * text_width(l, text), y);
  cairo_show_text(l->cr, text);
}

static void draw_line(const Layout* const l, const double x0, const double y0, const double x1, const double y1,
                      const double width) {
  cairo_set_line_width(l->cr, width);
  cairo_move_to(l->cr, x0, y0);
  cairo_line_to(l->cr, x1, y1);
  cairo_stroke(l->cr);
}

static void fill_box(const Layout* const l, const double x, const double y, const double w, const double h) {
  cairo_rectangle(l->cr, x, y, w, h);
  cairo_fill(l->cr);
}

static void round_box(const Layout* const l, const double x, const double y, const double w, const double h,
                      const double radius) {
  const double r = fmin(radius, fmin(w, h) / 2);
  cairo_new_sub_path(l->cr);
  cairo_arc(l->cr, x + w - r, y + r, r, -M_PI / 2, 0);
  cairo_arc(l->cr, x + w - r, y + h - r, r, 0, M_PI / 2);
  cairo_arc(l->cr, x + r, y + h - r, r, M_PI / 2, M_PI);
  cairo_arc(l->cr, x + r, y + r, r, M_PI, 3 * M_PI / 2);
  cairo_close_path(l->cr);
}

/* ---- one row ---- */

static double x_of(const Layout* const l, const Row* const row, const double at) {
  return MARGIN + GUTTER + (at - row->start) * l->quarter;
}

static double y_of_pitch(const Layout* const l, const double top, const int pitch) {
  return top + (l->pitch_hi - pitch) * l->semitone;
}

static bool is_black(const int pitch) {
  return 0x54a >> pitch % 12 & 1; /* C# D# F# G# A# */
}

static void draw_keys(const Layout* const l, const Row* const row, const double top) {
  const double x = x_of(l, row, row->start);
  const double w = row->length * l->quarter;
  set_colour(l, black_key, 1);
  for (int pitch = l->pitch_lo; pitch <= l->pitch_hi; ++pitch) {
    if (is_black(pitch)) {
      fill_box(l, x, y_of_pitch(l, top, pitch), w, l->semitone);
    }
  }
  set_font(l, 9.5, false);
  for (int pitch = (l->pitch_lo + 11) / 12 * 12; pitch <= l->pitch_hi; pitch += 12) {
    const double y = y_of_pitch(l, top, pitch) + l->semitone;
    set_colour(l, line_octave, 1);
    draw_line(l, x, y, x + w, y, .7);
    char name[16];
    snprintf(name, sizeof name, "C%d", pitch / 12 - 1);
    set_colour(l, grey, 1);
    draw_text(l, x - 6, y, 1, name);
  }
}

static void draw_drum_lanes(const Layout* const l, const Row* const row, const double top) {
  const double x = x_of(l, row, row->start);
  const double w = row->length * l->quarter;
  set_font(l, 7.5, false);
  for (uint32_t i = 0; i < l->n_drum_keys; ++i) {
    const double y = top + i * DRUM_ROW;
    if (i % 2 == 0) {
      set_colour(l, black_key, 1);
      fill_box(l, x, y, w, DRUM_ROW);
    }
    const uint8_t key = l->drum_keys[i];
    char number[8];
    snprintf(number, sizeof number, "%u", key);
    const char* const name = pmt_gm_drum_name(key);
    set_colour(l, grey, 1);
    draw_text(l, x - 6, y + DRUM_ROW - 2, 1, name ? name : number);
  }
}

/* The bar's number, unless its neighbours' would touch. */
static bool shows_number(const Layout* const l, const Row* const row, const size_t i) {
  const double wide = row->length / (double)row->count * l->quarter;
  const size_t step = wide >= 26 ? 1 : wide >= 13 ? 2 : 4;
  return i == 0 || (l->roll->bars[row->first + i].number - 1) % step == 0;
}

static void draw_time_grid(const Layout* const l, const Row* const row, const double top, const double height) {
  for (size_t i = 0; i < row->count; ++i) {
    const PmtRollBar* const bar = &l->roll->bars[row->first + i];
    const double beat = bar->unit ? 4.0 / bar->unit : 1;
    set_colour(l, line_beat, 1);
    for (double at = beat; beat * l->quarter >= 5 && at < bar->length - 1e-6; at += beat) {
      const double x = x_of(l, row, bar->start + at);
      draw_line(l, x, top, x, top + height, .7);
    }
    const double x = x_of(l, row, bar->start);
    set_colour(l, line_bar, 1);
    draw_line(l, x, top - 4, x, top + height, .9);
    if (shows_number(l, row, i)) {
      char number[16];
      snprintf(number, sizeof number, "%u", bar->number);
      set_font(l, 9.5, false);
      set_colour(l, grey, 1);
      draw_text(l, x + 3, top - 4, 0, number);
    }
  }
  const double end = x_of(l, row, row->start + row->length);
  set_colour(l, line_bar, 1);
  draw_line(l, end, top - 4, end, top + height, .9);
}

/* Whether a lower part plays the same key meanwhile: the upper one is then drawn thin, so that both show. */
static bool has_unison(const Layout* const l, const size_t index) {
  const PmtRollNote* const note = &l->roll->notes[index];
  for (size_t i = 0; i < l->roll->n_notes; ++i) {
    const PmtRollNote* const other = &l->roll->notes[i];
    if (other->pitch == note->pitch && other->part > note->part && !is_drum(other) &&
        other->start < note->end && other->end > note->start) {
      return true;
    }
  }
  return false;
}

/* Loudness as a mix with the paper, not as transparency: parts that meet must not make a third colour. */
static Colour faded(const Colour c, const double strength) {
  return (Colour){c.r * strength + 1 - strength, c.g * strength + 1 - strength, c.b * strength + 1 - strength};
}

static void draw_pitched(const Layout* const l, const Row* const row, const size_t index, const double top) {
  const PmtRollNote* const note = &l->roll->notes[index];
  const double from = fmax(note->start, row->start);
  const double to = fmin(note->end, row->start + row->length);
  const double x = x_of(l, row, from) + .4;
  const double w = fmax(1.6, (to - from) * l->quarter - .9);
  const double y = y_of_pitch(l, top, note->pitch) - .3;
  const double h = (l->semitone + .6) * (has_unison(l, index) ? .5 : 1);
  const Colour colour = colour_of(note->part);
  round_box(l, x, y, w, h, 1.7);
  set_colour(l, faded(colour, .36 + .6 * note->velocity / 127.0), 1);
  cairo_fill_preserve(l->cr);
  set_colour(l, (Colour){colour.r * .7, colour.g * .7, colour.b * .7}, .85);
  cairo_set_line_width(l->cr, .5);
  cairo_stroke(l->cr);
}

static void draw_drum(const Layout* const l, const Row* const row, const PmtRollNote* const note, const double top) {
  uint32_t lane = 0;
  while (lane < l->n_drum_keys && l->drum_keys[lane] != note->pitch) {
    ++lane;
  }
  const double r = DRUM_ROW / 2 - 1.1;
  const double x = x_of(l, row, note->start) + r * .8;
  const double y = top + (lane + .5) * DRUM_ROW;
  cairo_move_to(l->cr, x, y - r);
  cairo_line_to(l->cr, x + r, y);
  cairo_line_to(l->cr, x, y + r);
  cairo_line_to(l->cr, x - r, y);
  cairo_close_path(l->cr);
  set_colour(l, note->part == PMT_ROLL_DRUMS ? drum_ink : player_ink, .25 + .75 * note->velocity / 127.0);
  cairo_fill(l->cr);
}

static bool is_in_row(const Row* const row, const PmtRollNote* const note) {
  const bool drum = is_drum(note);
  return note->start < row->start + row->length && (drum ? note->start >= row->start - 1e-9 : note->end > row->start);
}

/* Lower parts first, and the player before them: where notes meet, the upper one lies on top. */
static void draw_notes(const Layout* const l, const Row* const row, const double pitched_top, const double drum_top) {
  for (int part = PMT_ROLL_KINDS - 1; part >= 0; --part) {
    for (size_t i = 0; i < l->roll->n_notes; ++i) {
      const PmtRollNote* const note = &l->roll->notes[i];
      if (note->part != part || !is_in_row(row, note)) {
        continue;
      }
      if (is_drum(note)) {
        draw_drum(l, row, note, drum_top);
      } else {
        draw_pitched(l, row, i, pitched_top);
      }
    }
  }
}

static double curve_value_at(const PmtRoll* const roll, const double at) {
  size_t i = 0;
  while (i + 1 < roll->n_points && roll->points[i + 1].at <= at) {
    ++i;
  }
  const PmtRollPoint* const a = &roll->points[i];
  if (at <= a->at || i + 1 == roll->n_points) {
    return a->value;
  }
  const PmtRollPoint* const b = a + 1;
  return a->value + (b->value - a->value) * (at - a->at) / (b->at - a->at);
}

static void draw_curve_scale(const Layout* const l, const Row* const row, const double top) {
  const double x = x_of(l, row, row->start);
  char text[32];
  set_font(l, 7.5, false);
  set_colour(l, grey, 1);
  snprintf(text, sizeof text, "%.4g", l->curve_hi);
  draw_text(l, x - 6, top + 8, 1, text);
  snprintf(text, sizeof text, "%.4g", l->curve_lo);
  draw_text(l, x - 6, top + CURVE_HEIGHT - 2, 1, text);
  set_font(l, 8.5, false);
  set_colour(l, curve_ink, 1);
  draw_text(l, x - 6, top + CURVE_HEIGHT / 2 + 3, 1, l->roll->curve_label);
}

static void draw_curve(const Layout* const l, const Row* const row, const double top) {
  const PmtRoll* const roll = l->roll;
  const double x0 = x_of(l, row, row->start);
  const double end = row->start + row->length;
  const double bottom = top + CURVE_HEIGHT;
  const double tall = (CURVE_HEIGHT - 8) / (l->curve_hi - l->curve_lo);
  set_colour(l, line_octave, 1);
  draw_line(l, x0, bottom, x_of(l, row, end), bottom, .7);
  cairo_move_to(l->cr, x0, bottom - 4 - (curve_value_at(roll, row->start) - l->curve_lo) * tall);
  for (size_t i = 0; i < roll->n_points; ++i) {
    if (roll->points[i].at > row->start && roll->points[i].at < end) {
      cairo_line_to(l->cr, x_of(l, row, roll->points[i].at),
                    bottom - 4 - (roll->points[i].value - l->curve_lo) * tall);
    }
  }
  cairo_line_to(l->cr, x_of(l, row, end), bottom - 4 - (curve_value_at(roll, end - 1e-6) - l->curve_lo) * tall);
  set_colour(l, curve_ink, 1);
  cairo_set_line_width(l->cr, 1.5);
  cairo_stroke_preserve(l->cr);
  cairo_line_to(l->cr, x_of(l, row, end), bottom);
  cairo_line_to(l->cr, x0, bottom);
  cairo_close_path(l->cr);
  set_colour(l, curve_ink, .12);
  cairo_fill(l->cr);
  draw_curve_scale(l, row, top);
}

/* Labels keep clear of each other: one that would touch the last is moved to the right of it. */
static void draw_marks(const Layout* const l, const Row* const row, const double top) {
  double free_from = 0;
  set_font(l, 9.5, true);
  for (size_t i = 0; i < l->roll->n_marks; ++i) {
    const PmtRollMark* const mark = &l->roll->marks[i];
    if (mark->at < row->start - 1e-6 || mark->at >= row->start + row->length - 1e-6) {
      continue;
    }
    const double x = fmax(x_of(l, row, mark->at), free_from);
    const double w = text_width(l, mark->text) + 10;
    round_box(l, x, top, w, MARK_HEIGHT - 4, 3);
    set_colour(l, ink, .88);
    cairo_fill(l->cr);
    set_colour(l, paper, 1);
    draw_text(l, x + 5, top + MARK_HEIGHT - 7.5, 0, mark->text);
    free_from = x + w + 4;
  }
}

static void draw_row(const Layout* const l, const Row* const row, const double y) {
  const double marks_top = y;
  const double top = marks_top + (l->marks ? MARK_HEIGHT : 0) + NUMBER_HEIGHT;
  const double pitched = l->pitched ? (l->pitch_hi - l->pitch_lo + 1) * l->semitone : 0;
  const double drum_top = top + pitched + (l->pitched && l->n_drum_keys ? TRACK_GAP : 0);
  const double notes_height = drum_top - top + l->n_drum_keys * DRUM_ROW;
  if (l->pitched) {
    draw_keys(l, row, top);
  }
  draw_drum_lanes(l, row, drum_top);
  draw_time_grid(l, row, top, notes_height);
  draw_notes(l, row, top, drum_top);
  if (l->roll->n_points) {
    draw_curve(l, row, top + notes_height + TRACK_GAP);
  }
  draw_marks(l, row, marks_top);
}

/* ---- page ---- */

static const char* name_part(const PmtRoll* const roll, const uint8_t part, char own[16]) {
  if (part < PMT_ROLL_PARTS && *roll->part_name[part]) {
    return roll->part_name[part];
  }
  snprintf(own, 16, part == PMT_ROLL_PLAYER ? "player" : "part %u", part + 1u);
  return own;
}

static void draw_legend(const Layout* const l, const double y) {
  double x = WIDTH - MARGIN;
  set_font(l, 10.5, false);
  for (uint8_t part = PMT_ROLL_KINDS; part-- > 0;) {
    if (!(l->parts >> part & 1)) {
      continue;
    }
    char own[16];
    const char* const name = name_part(l->roll, part, own);
    set_colour(l, grey, 1);
    draw_text(l, x, y, 1, name);
    x -= text_width(l, name) + 16;
    round_box(l, x, y - 8, 12, 8, 2);
    set_colour(l, colour_of(part), .85);
    cairo_fill(l->cr);
    x -= 14;
  }
}

static void draw_page(const Layout* const l) {
  set_colour(l, paper, 1);
  cairo_paint(l->cr);
  double y = MARGIN;
  if (*l->roll->title) {
    set_font(l, 17, true);
    set_colour(l, ink, 1);
    draw_text(l, MARGIN, y + 14, 0, l->roll->title);
    y += 26;
  }
  if (*l->roll->subtitle) {
    set_font(l, 11, false);
    set_colour(l, grey, 1);
    draw_text(l, MARGIN, y + 9, 0, l->roll->subtitle);
  }
  if (l->parts & (l->parts - 1) || l->parts >> PMT_ROLL_PLAYER) { /* one part alone needs no legend */
    draw_legend(l, y + 9);
  }
  y = MARGIN + l->header;
  for (size_t i = 0; i < l->n_rows; ++i) {
    draw_row(l, &l->rows[i], y);
    y += l->row_height + ROW_GAP;
  }
}

/* ---- files ---- */

typedef struct { unsigned char* bytes; size_t size, capacity; } Buffer;

static cairo_status_t buffer_write(void* const closure, const unsigned char* const data, const unsigned int length) {
  Buffer* const buffer = closure;
  if (buffer->size + length > buffer->capacity) {
    const size_t capacity = 2 * (buffer->size + length);
    unsigned char* const bytes = realloc(buffer->bytes, capacity);
    if (!bytes) {
      return CAIRO_STATUS_NO_MEMORY;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
  }
  memcpy(buffer->bytes + buffer->size, data, length);
  buffer->size += length;
  return CAIRO_STATUS_SUCCESS;
}

static cairo_status_t draw_on(Layout* const l, cairo_surface_t* const surface, const double scale) {
  l->cr = cairo_create(surface);
  cairo_scale(l->cr, scale, scale);
  draw_page(l);
  const cairo_status_t status = cairo_status(l->cr);
  cairo_destroy(l->cr);
  return status;
}

static cairo_status_t draw_png(Layout* const l, Buffer* const buffer) {
  cairo_surface_t* const surface =
    cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(WIDTH * SCALE), (int)ceil(page_height(l) * SCALE));
  cairo_status_t status = draw_on(l, surface, SCALE);
  if (!status) {
    status = cairo_surface_write_to_png_stream(surface, buffer_write, buffer);
  }
  cairo_surface_destroy(surface);
  return status;
}

static cairo_status_t draw_svg(Layout* const l, Buffer* const buffer) {
  cairo_surface_t* const surface = cairo_svg_surface_create_for_stream(buffer_write, buffer, WIDTH, page_height(l));
  const cairo_status_t drawn = draw_on(l, surface, 1);
  cairo_surface_finish(surface);
  const cairo_status_t written = cairo_surface_status(surface);
  cairo_surface_destroy(surface);
  return drawn ? drawn : written;
}

PmtStatus pmt_roll_draw(const PmtRoll* const roll, const char* const path, PmtError* const error) {
  const char* const dot = strrchr(path, '.');
  const bool png = dot && !strcasecmp(dot, ".png");
  if (!png && !(dot && !strcasecmp(dot, ".svg"))) {
    return pmt_fail(error, PMT_UNSUPPORTED, "%s: a picture's name ends in .png or .svg", path);
  }
  Layout layout = {.roll = roll};
  if (lay_out(&layout)) {
    return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path);
  }
  Buffer buffer = {NULL, 0, 0};
  const cairo_status_t drawn = (png ? draw_png : draw_svg)(&layout, &buffer);
  const PmtStatus status = drawn ? pmt_fail(error, PMT_NO_MEM, "%s: %s", path, cairo_status_to_string(drawn))
                                 : pmt_file_write(path, buffer.bytes, buffer.size, error);
  free(buffer.bytes);
  free(layout.rows);
  return status;
}
