/* SPDX-License-Identifier: ISC */
/* See position.h. Above: partimento.c, for each time:Position. Below: atoms. */
#include "position.h"

#include <lv2/atom/util.h>

#include <math.h>
#include <stdbool.h>

/* A number of any atom type. @return false, and *value as it was, when it is absent, no number or not finite */
static bool read_number(const PmtUris* const uris, const LV2_Atom* const atom, double* const value) {
  double number = NAN;
  if (!atom) {
    return false;
  }
  if (atom->type == uris->atom_float && atom->size == sizeof(float)) {
    number = (double)((const LV2_Atom_Float*)atom)->body;
  } else if (atom->type == uris->atom_double && atom->size == sizeof(double)) {
    number = ((const LV2_Atom_Double*)atom)->body;
  } else if (atom->type == uris->atom_int && atom->size == sizeof(int32_t)) {
    number = (double)((const LV2_Atom_Int*)atom)->body;
  } else if (atom->type == uris->atom_long && atom->size == sizeof(int64_t)) {
    number = (double)((const LV2_Atom_Long*)atom)->body;
  }
  if (!isfinite(number)) {
    return false;
  }
  *value = number;
  return true;
}

/* The same, only taken when lo <= value <= hi. */
static double read_within(const PmtUris* const uris, const LV2_Atom* const atom, const double lo, const double hi,
                          const double otherwise) {
  double value = otherwise;
  return read_number(uris, atom, &value) && value >= lo && value <= hi ? value : otherwise;
}

/* Below 2^53 (six thousand years) a double holds every frame. */
static int64_t read_frame(const PmtUris* const uris, const LV2_Atom* const atom) {
  const int64_t limit = (int64_t)1 << 53;
  const double frame = read_within(uris, atom, -(double)limit, (double)limit, NAN);
  return isnan(frame) ? PMT_NO_FRAME : (int64_t)frame;
}

PmtPosition pmt_position_read(const PmtUris* const uris, const LV2_Atom_Object* const object, const float speed_last) {
  const LV2_Atom *frame = NULL, *speed = NULL, *bar = NULL, *bar_beat = NULL;
  const LV2_Atom *beats = NULL, *unit = NULL, *bpm = NULL;
  LV2_Atom_Object_Query query[] = {
      {uris->time_frame, &frame},     {uris->time_speed, &speed},         {uris->time_bar, &bar},
      {uris->time_bar_beat, &bar_beat}, {uris->time_beats_per_bar, &beats}, {uris->time_beat_unit, &unit},
      {uris->time_bpm, &bpm},         LV2_ATOM_OBJECT_QUERY_END,
  };
  lv2_atom_object_query(object, query);

  PmtPosition position = {
      .frame = read_frame(uris, frame),
      .speed = (float)read_within(uris, speed, -1e3, 1e3, (double)speed_last),
      .bar_beat = -1.0,
      .beats_per_bar = (float)read_within(uris, beats, 1e-2, 1e3, 0.0),
      .unit = (int)read_within(uris, unit, 1.0, 128.0, 0.0),
      .bpm = (float)read_within(uris, bpm, 1.0, 1e4, 0.0),
  };
  const double whole_bar = read_within(uris, bar, -1e9, 1e9, NAN);
  const double beat = read_within(uris, bar_beat, 0.0, 1e6, NAN);
  if (!isnan(whole_bar) && !isnan(beat)) { /* one without the other says nothing about the phase of the bar */
    position.bar = (int64_t)floor(whole_bar);
    position.bar_beat = beat;
  }
  return position;
}
