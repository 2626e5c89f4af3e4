/* SPDX-License-Identifier: ISC */
/** @file notefile.c  Makes a MIDI file of a list of notes: notelist's way back, so that a test can write its player.

    Above: tests/hosts/hosts.sh, bench/reaction.sh. Below: music/smf. Reads lines on stdin, in any order:

        TICK LENGTH CHANNEL KEY VELOCITY            ticks of 1/24 quarter, channel 1..16

      notefile [-q TICKS] [-t BPM] [-m BEATS/UNIT] FILE.mid
        -q  ticks a quarter, of the list and of the file (24)     -t  (120)     -m  (4/4)

    Exit status 0 when it is written; 1 when not; 2 for wrong use, a line that is no note among it. */
#include "music/smf.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  PmtSmfEvent* events;
  size_t n_events, capacity;
} List;

static bool add_event(List* const list, const uint64_t tick, const unsigned status, const unsigned key,
                      const unsigned velocity) {
  if (list->n_events == list->capacity) {
    list->capacity = list->capacity ? 2 * list->capacity : 1024;
    PmtSmfEvent* const events = realloc(list->events, list->capacity * sizeof *events);
    if (!events) {
      return false;
    }
    list->events = events;
  }
  list->events[list->n_events++] =
      (PmtSmfEvent){.tick = tick, .bytes = {(uint8_t)status, (uint8_t)key, (uint8_t)velocity}, .size = 3};
  return true;
}

static int compare(const void* const va, const void* const vb) {
  const PmtSmfEvent *const a = va, *const b = vb;
  if (a->tick != b->tick) {
    return a->tick < b->tick ? -1 : 1;
  }
  return memcmp(a->bytes, b->bytes, sizeof a->bytes); /* ends (8x) before beginnings (9x) */
}

static bool read_notes(List* const list) {
  char text[256];
  for (long line = 1; fgets(text, sizeof text, stdin); ++line) {
    long tick, length, channel, key, velocity;
    if (sscanf(text, "%ld %ld %ld %ld %ld", &tick, &length, &channel, &key, &velocity) != 5 || tick < 0 || length < 1
        || channel < 1 || channel > 16 || key < 0 || key > 127 || velocity < 1 || velocity > 127) {
      fprintf(stderr, "notefile: line %ld: not a note\n", line);
      return false;
    }
    const unsigned c = (unsigned)channel - 1;
    if (!add_event(list, (uint64_t)tick, 0x90 | c, (unsigned)key, (unsigned)velocity)
        || !add_event(list, (uint64_t)(tick + length), 0x80 | c, (unsigned)key, 0)) {
      perror("notefile");
      return false;
    }
  }
  return true;
}

int main(int argc, char** argv) {
  uint32_t ticks = 24;
  PmtSmfTempo tempo = {0, 500000};
  PmtSmfMeter meter = {0, 4, 4};
  for (int c; (c = getopt(argc, argv, "q:t:m:")) != -1;) {
    switch (c) {
      case 'q': ticks = (uint32_t)atol(optarg); break;
      case 't': tempo.us_per_quarter = (uint32_t)lround(60e6 / fmax(atof(optarg), 4)); break;
      case 'm':
        if (sscanf(optarg, "%hhu/%hhu", &meter.beats, &meter.unit) == 2) {
          break;
        }
        /* fallthrough */
      default: return 2;
    }
  }
  if (optind != argc - 1) {
    fputs("usage: notefile [-q TICKS] [-t BPM] [-m BEATS/UNIT] FILE.mid\n", stderr);
    return 2;
  }
  List list = {.events = NULL};
  if (!read_notes(&list)) {
    free(list.events);
    return 2;
  }
  if (list.n_events) {
    qsort(list.events, list.n_events, sizeof *list.events, compare);
  }
  const PmtSmfOut out = {.ticks_per_quarter = ticks, .tempos = &tempo, .n_tempos = 1, .meters = &meter, .n_meters = 1,
                         .events = list.events, .n_events = list.n_events,
                         .end_tick = list.n_events ? list.events[list.n_events - 1].tick : 0};
  PmtError error = {""};
  const PmtStatus status = pmt_smf_write(argv[optind], &out, &error);
  if (status) {
    fprintf(stderr, "notefile: %s\n", error.text);
  }
  free(list.events);
  return status != PMT_OK;
}
