/* SPDX-License-Identifier: ISC */
/** @file notelist.c  Brings what a host recorded into one form, so that lists of notes can be compared with cmp.

    Above: tests/hosts/hosts.sh. Below: music/smf. Reads jackdrive's list (Ardour's tap writes the same) or a MIDI file,
    pairs note-ons with their ends, and prints a line a note, sorted:

        TICK LENGTH CHANNEL KEY VELOCITY            ticks of 1/24 quarter, or what -q says

    Where the transport came from elsewhere than where it was (a start, a locate, a loop) a line "pass N TICK" begins a
    new part; ticks within it are the song's. It fails (status 1) when a note-on hits a note that sounds on the same
    channel, when an end ends nothing, when a note sounds at the end of the list, or when an onset is further than -e
    FRAMES from a tick, each said on stderr. That no end is missing is thus a property of every list compared.

      notelist [-a TICK] [-b TICK] [-q TICKS] [-w TRACK] [-e FRAMES] [-r RATE] [-j FRAMES] [-p] [-m] [-u] [-s] FILE
        -a -b   only notes that begin at or after a and before b; lengths are cut at b
        -q      ticks a quarter of what is printed, and of -a and -b (24); -e looks for 1/24 quarter whatever it is
        -w      of a MIDI file: without the tracks of this name
        -e      -1: do not look (1)          -r  sample rate (48000)
        -j      frames by which the transport may be off before it came from elsewhere (1)
        -p      print no "pass" lines        -m  merge: with -p, all passes sorted as one
        -u      an end that ends nothing is no fault
        -s      -e by frames that have passed since a pass began, not by what the host says of the place */
#include "music/smf.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GRID = 24, CHANNELS = 16, KEYS = 128 };

typedef struct {
  uint32_t pass;
  long tick, length;
  uint8_t channel, key, velocity;
} Note;

typedef struct {
  Note* notes;
  size_t n_notes, capacity;
  long from, until;
  double tolerance, slack, rate, ticks; /* a quarter */
  bool plain, merge, unasked, by_server, failed;
  const char* without;
  double pass_tick;        /* of the first note of this pass, and when it came */
  long long pass_server;
} List;

/* A note-on that waits for its end. */
typedef struct {
  bool sounds;
  size_t note;
  long long frame;
  double bpm;
} Open;

static void add_note(List* const list, const Note note) {
  if (list->n_notes == list->capacity) {
    list->capacity = list->capacity ? 2 * list->capacity : 1024;
    list->notes = realloc(list->notes, list->capacity * sizeof *list->notes);
    if (!list->notes) {
      perror("notelist");
      exit(2);
    }
  }
  list->notes[list->n_notes++] = note;
}

static int compare(const void* const va, const void* const vb) {
  const Note *const a = va, *const b = vb;
  const long key_a[] = {a->pass, a->tick, a->channel, a->key, a->velocity, a->length};
  const long key_b[] = {b->pass, b->tick, b->channel, b->key, b->velocity, b->length};
  for (size_t i = 0; i < sizeof key_a / sizeof *key_a; ++i) {
    if (key_a[i] != key_b[i]) {
      return key_a[i] < key_b[i] ? -1 : 1;
    }
  }
  return 0;
}

static void complain(List* const list, const long line, const char* const what) {
  fprintf(stderr, "notelist: line %ld: %s\n", line, what);
  list->failed = true;
}

/* ---- a recorded list ---- */

typedef struct {
  long long server, transport;
  double quarter, bpm;
  char state;
  unsigned bytes[3];
} Line;

/* Is an onset on a line of the grid? */
static void check_tick(List* const list, const Line* const e, const long line) {
  const double ticks_per_frame = e->bpm / 60 / list->rate * GRID;
  const double passed = list->pass_tick + (double)(e->server - list->pass_server) * ticks_per_frame;
  const double at = list->by_server ? passed : e->quarter * GRID;
  const double off = fabs(at - round(at)) / ticks_per_frame;
  const double printed = 1e-6 * GRID / ticks_per_frame; /* a list has its quarters to six places */
  if (list->tolerance >= 0 && off > list->tolerance + printed) {
    fprintf(stderr, "notelist: line %ld: %.2f frames from a tick\n", line, off);
    list->failed = true;
  }
}

static void take_event(List* const list, Open open[CHANNELS][KEYS], const Line* const e, const uint32_t pass,
                       const long line) {
  const unsigned kind = e->bytes[0] & 0xf0;
  if (kind != 0x80 && kind != 0x90) {
    return;
  }
  const uint8_t channel = e->bytes[0] & 0x0f, key = e->bytes[1] & 0x7f;
  Open* const o = &open[channel][key];
  if (kind == 0x90 && e->bytes[2]) {
    if (o->sounds) {
      complain(list, line, "a note that sounds begins again");
    }
    check_tick(list, e, line);
    add_note(list, (Note){pass, lround(e->quarter * list->ticks), 0, channel, key, (uint8_t)e->bytes[2]});
    *o = (Open){true, list->n_notes - 1, e->server, e->bpm};
    return;
  }
  if (!o->sounds) {
    if (!list->unasked) {
      complain(list, line, "the end of a note that does not sound");
    }
    return;
  }
  o->sounds = false;
  list->notes[o->note].length =
      lround((double)(e->server - o->frame) * o->bpm / 60 / list->rate * list->ticks);
}

static void read_list(List* const list, FILE* const f) {
  static Open open[CHANNELS][KEYS];
  char text[256];
  uint32_t pass = 0;
  long long place = 0; /* transport less server frame: stays while it rolls */
  long n = 0;
  while (fgets(text, sizeof text, f)) {
    Line e = {.state = 0};
    ++n;
    const int got = sscanf(text, "%lld %lld %lf %c %lf %x %x %x", &e.server, &e.transport, &e.quarter, &e.state, &e.bpm,
                           &e.bytes[0], &e.bytes[1], &e.bytes[2]);
    if (got < 6) {
      complain(list, n, "not an event");
      return;
    }
    const bool begins = (e.bytes[0] & 0xf0) == 0x90 && e.bytes[2];
    if (begins && (!pass || (double)llabs(e.transport - e.server - place) > list->slack)) {
      ++pass;
      place = e.transport - e.server;
      list->pass_tick = round(e.quarter * GRID);
      list->pass_server = e.server;
    }
    take_event(list, open, &e, pass, n);
  }
  for (int i = 0; i < CHANNELS * KEYS; ++i) {
    if (open[i / KEYS][i % KEYS].sounds) {
      fprintf(stderr, "notelist: channel %d key %d is left sounding\n", i / KEYS + 1, i % KEYS);
      list->failed = true;
    }
  }
}

/* ---- a MIDI file ---- */

static bool read_smf(List* const list, const char* const path) {
  PmtSmf smf;
  PmtError error;
  if (pmt_smf_read(path, &smf, &error)) {
    fprintf(stderr, "notelist: %s\n", error.text);
    return false;
  }
  for (size_t i = 0; i < smf.n_notes; ++i) {
    const PmtSmfNote* const n = &smf.notes[i];
    if (list->without && !strcmp(smf.names[n->track].text, list->without)) {
      continue;
    }
    const double scale = list->ticks / smf.ticks_per_quarter;
    add_note(list, (Note){1, lround((double)n->start * scale), lround((double)(n->end - n->start) * scale), n->channel,
                          n->pitch, n->velocity});
  }
  pmt_smf_free(&smf);
  return true;
}

static void print(List* const list) {
  for (size_t i = 0; i < list->n_notes && list->merge; ++i) {
    list->notes[i].pass = 1;
  }
  if (list->n_notes) {
    qsort(list->notes, list->n_notes, sizeof *list->notes, compare);
  }
  uint32_t pass = 0;
  for (size_t i = 0; i < list->n_notes; ++i) {
    const Note* const n = &list->notes[i];
    if (n->tick < list->from || n->tick >= list->until) {
      continue;
    }
    if (n->pass != pass && !list->plain) {
      printf("pass %u %ld\n", n->pass, n->tick);
    }
    pass = n->pass;
    const long length = n->tick + n->length > list->until ? list->until - n->tick : n->length;
    printf("%ld %ld %d %d %d\n", n->tick, length, n->channel + 1, n->key, n->velocity);
  }
}

int main(int argc, char** argv) {
  List list = {.from = -1000000000, .until = 1000000000, .tolerance = 1, .slack = 1, .rate = 48000, .ticks = GRID};
  for (int c; (c = getopt(argc, argv, "a:b:q:w:e:r:j:pmus")) != -1;) {
    switch (c) {
      case 'a': list.from = atol(optarg); break;
      case 'b': list.until = atol(optarg); break;
      case 'q': list.ticks = atof(optarg); break;
      case 'w': list.without = optarg; break;
      case 'e': list.tolerance = atof(optarg); break;
      case 'r': list.rate = atof(optarg); break;
      case 'j': list.slack = atof(optarg); break;
      case 'p': list.plain = true; break;
      case 'm': list.merge = true; break;
      case 's': list.by_server = true; break;
      case 'u': list.unasked = true; break;
      default: return 2;
    }
  }
  FILE* const f = optind == argc - 1 ? fopen(argv[optind], "r") : NULL;
  if (!f) {
    fputs("usage: notelist [-a TICK] [-b TICK] [-q TICKS] [-w TRACK] [-e FRAMES] [-r RATE] [-j FRAMES] [-p] [-m] [-u]\n"
          "                [-s] FILE\n", stderr);
    return 2;
  }
  char magic[4] = "";
  const bool is_smf = fread(magic, 1, 4, f) == 4 && !memcmp(magic, "MThd", 4);
  rewind(f);
  if (!is_smf) {
    read_list(&list, f);
  } else if (!read_smf(&list, argv[optind])) {
    fclose(f);
    return 2;
  }
  fclose(f);
  print(&list);
  free(list.notes);
  return list.failed;
}
