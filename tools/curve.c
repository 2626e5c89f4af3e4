/* SPDX-License-Identifier: ISC */
/* Loss curves. Above: cmd_train.c. Below: cairo. */
#include "curve.h"

#include <cairo-svg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 760, HEIGHT = 620, LEFT = 64, RIGHT = 120, PANEL_HEIGHT = 230, PANEL_GAP = 60, TOP = 30, TICKS = 5,
       LABEL_HEIGHT = 13 };

/** A frame with its own vertical range; all frames share the steps. */
typedef struct {
  cairo_t* cr;
  double y0;             /* upper edge */
  double steps;          /* right end */
  double lo, hi;         /* value range */
} Panel;

static double x_of(const Panel* p, double step) { return LEFT + step / p->steps * (WIDTH - LEFT - RIGHT); }
static double y_of(const Panel* p, double v) { return p->y0 + (p->hi - v) / (p->hi - p->lo) * PANEL_HEIGHT; }

static void put_text(cairo_t* cr, double x, double y, double align, const char* text) {
  cairo_text_extents_t e;
  cairo_text_extents(cr, text, &e);
  cairo_move_to(cr, x - align * e.x_advance, y);
  cairo_show_text(cr, text);
}

/** 1, 2 or 5 times a power of ten, about a TICKS-th of the range. */
static double tick_distance(double range) {
  const double raw = range / TICKS, power = pow(10.0, floor(log10(raw)));
  const double rest = raw / power;
  return power * (rest < 1.5 ? 1.0 : rest < 3.5 ? 2.0 : rest < 7.5 ? 5.0 : 10.0);
}

static void draw_frame(const Panel* p, const char* title) {
  char text[32];
  cairo_set_line_width(p->cr, 1.0);
  cairo_set_source_rgb(p->cr, 0.2, 0.2, 0.2);
  cairo_rectangle(p->cr, LEFT, p->y0, WIDTH - LEFT - RIGHT, PANEL_HEIGHT);
  cairo_stroke(p->cr);
  put_text(p->cr, LEFT, p->y0 - 8, 0.0, title);
  const double dy = tick_distance(p->hi - p->lo), dx = tick_distance(p->steps);
  for (double v = ceil(p->lo / dy) * dy; v <= p->hi; v += dy) {
    snprintf(text, sizeof text, "%g", v);
    put_text(p->cr, LEFT - 6, y_of(p, v) + 4, 1.0, text);
    cairo_move_to(p->cr, LEFT, y_of(p, v));
    cairo_line_to(p->cr, LEFT + 5, y_of(p, v));
  }
  for (double s = 0.0; s <= p->steps; s += dx) {
    snprintf(text, sizeof text, "%g", s);
    put_text(p->cr, x_of(p, s), p->y0 + PANEL_HEIGHT + 16, 0.5, text);
    cairo_move_to(p->cr, x_of(p, s), p->y0 + PANEL_HEIGHT);
    cairo_line_to(p->cr, x_of(p, s), p->y0 + PANEL_HEIGHT - 5);
  }
  cairo_stroke(p->cr);
  put_text(p->cr, WIDTH - RIGHT, p->y0 + PANEL_HEIGHT + 32, 1.0, "step");
}

/** Series -2 = train, -1 = mean of valid, k = style. */
static double value_of(const PmtTrainPoint* point, int series) {
  return series == -2 ? point->train : series == -1 ? point->valid : point->style[series];
}

static void set_color(cairo_t* cr, int series) {
  static const double colors[7][3] = {{0.12, 0.47, 0.71}, {0.84, 0.35, 0.10}, {0.17, 0.55, 0.24}, {0.58, 0.40, 0.74},
                                      {0.55, 0.34, 0.29}, {0.80, 0.40, 0.65}, {0.45, 0.45, 0.10}};
  const double* c = colors[series < 0 ? 0 : series % 7];
  if (series < 0) { cairo_set_source_rgb(cr, 0.0, 0.0, 0.0); } else { cairo_set_source_rgb(cr, c[0], c[1], c[2]); }
}

/** A name at the right end of its curve. */
typedef struct { int series; double y; char text[96]; } Label;

static void draw_series(const Panel* p, const PmtTrainResult* r, int series, const char* name, Label* label) {
  double last = (double)NAN;
  set_color(p->cr, series);
  cairo_set_line_width(p->cr, series < 0 ? 2.0 : 1.2);
  cairo_new_path(p->cr);
  for (size_t i = 0; i < r->n_points; ++i) {
    const double v = value_of(&r->points[i], series);
    if (!isfinite(v)) { continue; }
    cairo_line_to(p->cr, x_of(p, (double)r->points[i].step), y_of(p, v));
    last = v;
  }
  cairo_stroke(p->cr);
  *label = (Label){.series = series, .y = isfinite(last) ? y_of(p, last) + 4 : p->y0};
  if (isfinite(last)) { snprintf(label->text, sizeof label->text, "%s %.2f", name, last); }
}

static int from_above(const void* a, const void* b) {
  const double x = ((const Label*)a)->y, y = ((const Label*)b)->y;
  return (x > y) - (x < y);
}

/** Curves that end close together have their names moved apart: down first, then up again where the frame ends. */
static void draw_labels(const Panel* p, Label* labels, size_t n) {
  qsort(labels, n, sizeof *labels, from_above);
  for (size_t i = 1; i < n; ++i) { labels[i].y = fmax(labels[i].y, labels[i - 1].y + LABEL_HEIGHT); }
  double limit = p->y0 + PANEL_HEIGHT + LABEL_HEIGHT;
  for (size_t i = n; i-- > 0;) {
    labels[i].y = fmin(labels[i].y, limit);
    limit = labels[i].y - LABEL_HEIGHT;
  }
  for (size_t i = 0; i < n; ++i) {
    set_color(p->cr, labels[i].series);
    put_text(p->cr, WIDTH - RIGHT + 6, labels[i].y, 0.0, labels[i].text);
  }
}

/** Range over the series from first to end - 1, with a margin. @return false when there is nothing to show */
static bool find_range(Panel* p, const PmtTrainResult* r, int first, int end) {
  p->lo = (double)INFINITY;
  p->hi = -(double)INFINITY;
  for (int s = first; s < end; ++s) {
    for (size_t i = 0; i < r->n_points; ++i) {
      const double v = value_of(&r->points[i], s);
      if (!isfinite(v)) { continue; }
      p->lo = fmin(p->lo, v);
      p->hi = fmax(p->hi, v);
    }
  }
  const double margin = fmax(0.05 * (p->hi - p->lo), 0.01);
  p->lo -= margin;
  p->hi += margin;
  return isfinite(p->lo) && isfinite(p->hi);
}

static void draw(cairo_t* cr, const PmtTrainResult* r) {
  Label labels[PMT_STYLES_MAX + 1];
  const double steps = r->n_points ? (double)r->points[r->n_points - 1].step : 1.0;
  Panel train = {.cr = cr, .y0 = TOP, .steps = steps}, valid = {.cr = cr, .y0 = TOP + PANEL_HEIGHT + PANEL_GAP, .steps = steps};
  cairo_set_source_rgb(cr, 1.0, 1.0, 1.0);
  cairo_paint(cr);
  cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cr, 12.0);
  if (find_range(&train, r, -2, -1)) {
    draw_frame(&train, "training loss, nats a token (with dropout)");
    draw_series(&train, r, -2, "train", labels);
    draw_labels(&train, labels, 1);
  }
  if (!find_range(&valid, r, -1, (int)r->n_corpora)) { return; }
  draw_frame(&valid, "validation loss, nats a quarter note");
  for (size_t k = 0; k < r->n_corpora; ++k) { draw_series(&valid, r, (int)k, r->corpora[k].name, &labels[k]); }
  draw_series(&valid, r, -1, "mean", &labels[r->n_corpora]);
  draw_labels(&valid, labels, r->n_corpora + 1);
}

PmtStatus pmt_curve_draw(const char* path, const PmtTrainResult* result, PmtError* error) {
  cairo_surface_t* surface = cairo_svg_surface_create(path, WIDTH, HEIGHT);
  cairo_t* cr = cairo_create(surface);
  draw(cr, result);
  cairo_destroy(cr);
  cairo_surface_finish(surface);
  const cairo_status_t status = cairo_surface_status(surface);
  cairo_surface_destroy(surface);
  if (status) { return pmt_fail(error, PMT_IO, "%s: cannot draw: %s", path, cairo_status_to_string(status)); }
  return PMT_OK;
}
