/* SPDX-License-Identifier: ISC */
/* The figures of `partimento play`. Above: cmd_play.c. Below: jansson. */
#include "play.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { double mean, p99, worst; } Spread;

static int compare_floats(const void* a, const void* b) {
  const float x = *(const float*)a;
  const float y = *(const float*)b;
  return (x > y) - (x < y);
}

/* Sorts the values. */
static Spread find_spread(float* values, size_t n) {
  Spread spread = {0, 0, 0};
  if (!n) {
    return spread;
  }
  qsort(values, n, sizeof *values, compare_floats);
  for (size_t i = 0; i < n; ++i) {
    spread.mean += (double)values[i] / (double)n;
  }
  spread.p99 = (double)values[(n - 1) * 99 / 100];
  spread.worst = (double)values[n - 1];
  return spread;
}

static size_t count_overruns(const PmtPlayCosts* costs) {
  size_t n = 0;
  for (size_t i = 0; i < costs->n; ++i) {
    n += costs->percent[i] > 100;
  }
  return n;
}

static json_t* spread_json(Spread s) {
  return json_pack("{s:f, s:f, s:f}", "mean", s.mean, "p99", s.p99, "worst", s.worst);
}

static PmtStatus print_json(const PmtPlay* play, Spread us, Spread percent, PmtError* error) {
  const PmtPlayArgs* args = &play->args;
  float late = 0;
  const bool has_late = pmt_host_get(play->host, "late_slots", &late);
  json_t* root = json_pack(
    "{s:I, s:I, s:i, s:i, s:I, s:I, s:I, s:f, s:I, s:b, s:o, s:o, s:I}", "bars", (json_int_t)args->bars, "notes",
    (json_int_t)play->record.notes, "hanging_notes", (int)play->record.n_held, "faults",
    (int)pmt_host_faults(play->host), "frames", (json_int_t)pmt_transport_played_frames(&play->transport), "runs",
    (json_int_t)play->runs, "periods", (json_int_t)play->costs.n, "sample_rate", args->sample_rate, "block",
    (json_int_t)args->block, "realtime", args->realtime, "us", spread_json(us), "percent", spread_json(percent),
    "overruns", (json_int_t)count_overruns(&play->costs));
  if (root && play->model) {
    json_object_set_new(root, "model", json_string(play->model_file));
  }
  if (root && pmt_musician_is_there(&play->player)) {
    json_object_set_new(root, "player_notes", json_integer((json_int_t)play->player.n_notes));
  }
  if (root && has_late) {
    json_object_set_new(root, "late_slots", json_integer((json_int_t)late));
  }
  char* text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
  json_decref(root);
  if (!text) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the report");
  }
  puts(text);
  free(text);
  return PMT_OK;
}

static void print_lines(const PmtPlay* play, Spread us, Spread percent) {
  float late = 0;
  if (play->model) {
    printf("model         %s (%s)\n", play->model->title[0] ? play->model->title : "without a title", play->model_file);
  }
  printf("bars          %lld\n", (long long)play->args.bars);
  printf("notes         %llu (%u hanging)\n", (unsigned long long)play->record.notes, play->record.n_held);
  if (pmt_musician_is_there(&play->player)) {
    const char* forgiven = play->player.smf.warnings;
    printf("player        %llu notes%s%s\n", (unsigned long long)play->player.n_notes, *forgiven ? "; " : "", forgiven);
  }
  if (pmt_host_get(play->host, "late_slots", &late)) {
    printf("late slots    %.0f\n", (double)late);
  }
  printf("run() calls   %llu in %zu periods\n", (unsigned long long)play->runs, play->costs.n);
  printf("cost, us      mean %.2f, p99 %.2f, worst %.2f a period\n", us.mean, us.p99, us.worst);
  printf("cost, %%       mean %.2f, p99 %.2f, worst %.2f of the period\n", percent.mean, percent.p99, percent.worst);
  if (play->args.realtime) {
    printf("overruns      %zu\n", count_overruns(&play->costs));
  }
}

PmtStatus pmt_play_print(PmtPlay* play, PmtError* error) {
  /* The lists are sorted apart: which period was which no longer matters. */
  const Spread us = find_spread(play->costs.us, play->costs.n);
  const Spread percent = find_spread(play->costs.percent, play->costs.n);
  if (play->args.json) {
    const PmtStatus status = print_json(play, us, percent, error);
    if (status) {
      return status;
    }
  } else {
    print_lines(play, us, percent);
  }
  return fflush(stdout) ? pmt_fail(error, PMT_IO, "standard output: %s", strerror(errno)) : PMT_OK;
}
