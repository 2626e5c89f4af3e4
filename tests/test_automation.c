/* SPDX-License-Identifier: ISC */
/* Automation files and the transport's road. The tools are a program, not a library: their files are taken in whole. */
#include "../tools/automation.c"
#include "../tools/cli.c"
#include "../tools/transport.c"
#include "../tools/transport_setup.c"

#include "check.h"
#include "support/fail_alloc.h"

/* ---- reading ---- */

static bool resolve(void* handle, const char* symbol, const char* word, double* value, PmtError* error) {
  (void)handle;
  if (strcmp(symbol, "temperature") && strcmp(symbol, "style")) {
    pmt_fail(error, PMT_BAD_ARG, "no control \"%s\"", symbol);
    return false;
  }
  if (!strcmp(word, "ragtime")) {
    *value = 3;
    return true;
  }
  return pmt_cli_parse_real(symbol, word, -1e30, 1e30, value, error);
}

static void check_reading(void) {
  static const char text[] = "# a comment\n"
                             "\n"
                             "9 temperature 0.7 -> 25.3.5 1.3   # a ramp\r\n"
                             "\t17.2  style\tragtime\n"
                             "1 meter 6/8\n"
                             "4 tempo 90.5\n"
                             "5 loop 8 x3\n"
                             "5 loop 9\n"
                             "12 locate 2"; /* no newline at the end */
  PmtAutomation a = {.n_items = 0};
  PmtError error = {""};
  CHECKF(!pmt_automation_parse(&a, "x", text, resolve, NULL, &error), "%s", error.text);
  CHECK(a.n_items == 7);
  const PmtAutomate* i = a.items;
  CHECK(i[0].kind == PMT_AUTOMATE_CONTROL && i[0].ramp && i[0].line == 3 && !strcmp(i[0].symbol, "temperature"));
  CHECK(i[0].at.bar == 8 && i[0].at.beat == 0 && i[0].to.bar == 24 && i[0].to.beat == 2.5);
  CHECK(i[0].value == 0.7 && i[0].value_to == 1.3);
  CHECK(i[1].at.bar == 16 && i[1].at.beat == 1 && !i[1].ramp && i[1].value == 3);
  CHECK(i[2].kind == PMT_AUTOMATE_METER && i[2].meter.beats == 6 && i[2].meter.unit == 8);
  CHECK(i[3].kind == PMT_AUTOMATE_TEMPO && i[3].value == 90.5);
  CHECK(i[4].kind == PMT_AUTOMATE_LOOP && i[4].at.bar == 4 && i[4].to.bar == 7 && i[4].times == 3);
  CHECK(i[5].times == 0);
  CHECK(i[6].kind == PMT_AUTOMATE_LOCATE && i[6].at.bar == 11 && i[6].to.bar == 1);
  pmt_automation_free(&a);
}

/* Each with what the line must say; the bad line is always the second. */
static const struct { const char *line, *says; } bad_lines[] = {
  {"temperature 1 2", "\"temperature\" is not a place"},
  {"0 temperature 1", "outside 1 to"},
  {"1.0 temperature 1", "beat: 0 is outside"},
  {"1. temperature 1", "is not a number"},
  {"1x temperature 1", "is not a place"},
  {"999999999999999999999 temperature 1", "bar"},
  {"-1 temperature 1", "is not a place"},
  {"1 temperature", "expected: BAR"},
  {"1", "expected: BAR"},
  {"1 temperature warm", "temperature: \"warm\" is not a number"},
  {"1 temperature nan", "is not a number"},
  {"1 temperature 0x10", "is not a number"},
  {"1 temperature 1 2", "expected: BAR"},
  {"1 temperature 1 -> 2", "expected: BAR"},
  {"1 temperature 1 -> 2 2 2", "expected: BAR"},
  {"3 temperature 1 -> 3 2", "not after"},
  {"3.2 temperature 1 -> 3.1 2", "not after"},
  {"1 warmth 1", "no control \"warmth\""},
  {"1 tempo 0", "tempo: 0 is outside"},
  {"1 tempo fast", "is not a number"},
  {"1 meter 4", "is not a meter"},
  {"1 meter 4/3", "is not a meter"},
  {"1 meter 0/4", "is not a meter"},
  {"1 meter 4/4/4", "is not a meter"},
  {"1.2 meter 4/4", "at bar lines"},
  {"1 meter 4/4 5", "expected: BAR meter"},
  {"5 loop 4", "before it begins"},
  {"5 loop 8 x0", "outside 1 to"},
  {"5 loop 8 3", "expected: BAR loop"},
  {"5 locate x", "is not a whole number"},
  {"5 locate 0", "outside 1 to"},
  {"1 2 3 4 5 6 7 8 9", "too many words"},
};

static void check_bad_lines(void) {
  for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; ++i) {
    char text[400];
    PmtAutomation a = {.n_items = 0};
    PmtError error = {""};
    snprintf(text, sizeof text, "1 temperature 1\n%s\n1 temperature 1\n", bad_lines[i].line);
    CHECKF(pmt_automation_parse(&a, "song.automation", text, resolve, NULL, &error) == PMT_BAD_FILE, "accepted: %s",
           bad_lines[i].line);
    CHECKF(!strncmp(error.text, "song.automation:2: ", 19) && strstr(error.text, bad_lines[i].says),
           "\"%s\" gave \"%s\", not \"%s\"", bad_lines[i].line, error.text, bad_lines[i].says);
    pmt_automation_free(&a);
  }
  char lengthy[600];
  memset(lengthy, 'a', sizeof lengthy - 1);
  lengthy[sizeof lengthy - 1] = '\0';
  PmtAutomation a = {.n_items = 0};
  PmtError error = {""};
  CHECK(pmt_automation_parse(&a, "x", lengthy, resolve, NULL, &error) && strstr(error.text, "x:1: longer"));
  CHECK(pmt_automation_read(&a, "/nonexistent/file", resolve, NULL, &error) == PMT_IO);
  CHECK(pmt_automation_read(&a, "/dev", resolve, NULL, &error));
  pmt_automation_free(&a);
}

/* ---- the road ---- */

typedef struct {
  PmtAutomation automation;
  PmtTransport transport;
} Song;

static Song make_song(const char* text, uint32_t bars, double bpm, PmtCliMeter meter) {
  Song song = {.automation = {.n_items = 0}};
  PmtError error = {""};
  CHECKF(!pmt_automation_parse(&song.automation, "song", text, resolve, NULL, &error), "%s", error.text);
  const PmtTransportOptions options = {.sample_rate = 48000, .bars = bars, .quarter_bpm = bpm, .meter = meter};
  CHECKF(!pmt_transport_new(&song.automation, &options, &song.transport, &error), "%s", error.text);
  return song;
}

static void free_song(Song* song) {
  pmt_transport_free(&song->transport);
  pmt_automation_free(&song->automation);
}

enum { EVENTS_MAX = 8000 };

/* What a host sees, whatever its blocks: cues and changed positions at played frames. */
typedef struct { uint64_t played; int kind; double value; } Seen;
typedef struct { Seen seen[EVENTS_MAX]; size_t n; uint64_t end; } Trace;

static void see(Trace* trace, uint64_t played, int kind, double value) {
  CHECK(trace->n < EVENTS_MAX);
  trace->seen[trace->n++] = (Seen){played, kind, value};
}

static void see_position(Trace* trace, const PmtTransport* t, uint64_t played) {
  const PmtPosition p = pmt_transport_position(t);
  see(trace, played, 1, (double)p.frame);
  see(trace, played, 2, (double)p.bar);
  see(trace, played, 3, p.bar_beat);
  see(trace, played, 4, (double)p.bpm);
  see(trace, played, 5, (double)p.beats_per_bar + 100 * p.unit);
}

/* @param block 0: sizes that never repeat */
static void roll(PmtTransport* t, uint32_t block, Trace* trace) {
  uint64_t played = 0;
  uint32_t size = 1;
  PmtCue cue;
  trace->n = 0;
  for (;;) {
    size = block ? block : size * 7 % 5003 + 1;
    for (uint32_t left = size, n; left && (n = pmt_transport_span(t, left)); left -= n) {
      while (pmt_transport_take_cue(t, &cue)) {
        see(trace, played, 0, cue.value);
      }
      if (pmt_transport_changed(t)) {
        see_position(trace, t, played);
      }
      pmt_transport_advance(t, n);
      played += n;
    }
    if (!pmt_transport_span(t, 1)) {
      break;
    }
  }
  CHECK(pmt_transport_position(t).speed == 0);
  see_position(trace, t, played);
  trace->end = played;
}

static void check_plain_road(void) {
  Song song = make_song("", 3, 120, (PmtCliMeter){4, 4});
  static Trace trace;
  const PmtPosition start = pmt_transport_position(&song.transport);
  CHECK(start.frame == 0 && start.bar == 0 && start.bar_beat == 0 && start.bpm == 120 && start.unit == 4);
  CHECK(pmt_transport_played_frames(&song.transport) == 3 * 96000);
  CHECK(pmt_transport_played_quarter(&song.transport, 24000) == 1);
  roll(&song.transport, 1000, &trace);
  CHECK(trace.end == 3 * 96000 && trace.n == 10); /* the first position and the last */
  free_song(&song);

  song = make_song("", 2, 90, (PmtCliMeter){6, 8}); /* an eighth is a beat: 180 of them a minute */
  const PmtPosition eighths = pmt_transport_position(&song.transport);
  CHECK(eighths.bpm == 180 && eighths.unit == 8 && eighths.beats_per_bar == 6);
  CHECK(pmt_transport_played_frames(&song.transport) == 2 * 96000);
  free_song(&song);
}

static bool trace_has(const Trace* trace, uint64_t played, int kind, double value) {
  for (size_t i = 0; i < trace->n; ++i) {
    const Seen* s = &trace->seen[i];
    if (s->played == played && s->kind == kind && fabs(s->value - value) < 1e-6) {
      return true;
    }
  }
  return false;
}

static void check_ramp(void) {
  Song song = make_song("2 temperature 0 -> 3 1\n1 temperature 0.5\n3.2 style ragtime\n", 4, 120, (PmtCliMeter){4, 4});
  static Trace trace;
  roll(&song.transport, 0, &trace);
  CHECK(trace_has(&trace, 0, 0, 0.5));
  for (uint32_t k = 0; k <= 16; ++k) {
    CHECK(trace_has(&trace, 96000 + 6000 * k, 0, k / 16.0));
  }
  CHECK(trace_has(&trace, 2 * 96000 + 24000, 0, 3));
  size_t cues = 0;
  for (size_t i = 0; i < trace.n; ++i) {
    cues += trace.seen[i].kind == 0;
  }
  CHECK(cues == 19);
  free_song(&song);
}

static void check_meters_and_tempos(void) {
  Song song = make_song("2 meter 3/4\n3 meter 6/8\n4 meter 4/4\n2.2 tempo 60\n4 tempo 60 -> 5 120\n", 5, 120,
                        (PmtCliMeter){4, 4});
  static Trace trace;
  roll(&song.transport, 64, &trace);
  const uint64_t bar2 = 96000;
  const uint64_t bar3 = bar2 + 24000 + 2 * 48000;
  const uint64_t bar4 = bar3 + 3 * 48000;
  CHECK(trace_has(&trace, bar2, 5, 403) && trace_has(&trace, bar2 + 24000, 4, 60));
  CHECK(trace_has(&trace, bar3, 5, 806) && trace_has(&trace, bar3, 4, 120));
  CHECK(trace_has(&trace, bar4, 5, 404) && trace_has(&trace, bar4, 2, 3));
  CHECK(trace_has(&trace, bar4 + 12000, 4, 60 + 60 / 16.0));
  PmtSmfTempo* tempos = NULL;
  PmtSmfMeter* meters = NULL;
  size_t n_tempos = 0;
  size_t n_meters = 0;
  CHECK(!pmt_transport_maps(&song.transport, 480, &tempos, &n_tempos, &meters, &n_meters));
  CHECK(n_meters == 4 && meters[0].tick == 0 && meters[1].tick == 1920 && meters[1].beats == 3);
  CHECK(meters[2].tick == 1920 + 1440 && meters[2].unit == 8 && meters[3].tick == 1920 + 2 * 1440);
  CHECK(n_tempos == 2 + 16 && tempos[0].us_per_quarter == 500000 && tempos[1].tick == 1920 + 480);
  CHECK(tempos[n_tempos - 1].us_per_quarter == 500000);
  free(tempos);
  free(meters);
  free_song(&song);
}

static void check_jumps(void) {
  Song song = make_song("2 loop 3 x2\n4 locate 8\n1 temperature 0.5\n3 temperature 1\n9 meter 3/4\n", 8, 120,
                        (PmtCliMeter){4, 4});
  static Trace trace;
  const PmtTransport* t = &song.transport; /* 1 2 3 | 2 3 | 8 9 10 */
  CHECK(t->n_stretches == 3 && t->stretches[1].first == 1 && t->stretches[1].count == 2 && t->stretches[2].first == 7);
  CHECK(pmt_transport_played_frames(t) == 6 * 96000 + 2 * 72000);
  CHECK(fabs(pmt_transport_played_quarter(t, 5 * 96000) - 20) < 1e-9);
  CHECK(fabs(pmt_transport_played_quarter(t, 6 * 96000 + 72000) - 27) < 1e-9);
  roll(&song.transport, 100, &trace);
  CHECK(trace_has(&trace, 2 * 96000, 0, 1));
  CHECK(trace_has(&trace, 3 * 96000, 2, 1) && trace_has(&trace, 3 * 96000, 1, 96000));
  CHECK(trace_has(&trace, 3 * 96000, 0, 0.5)); /* chased back */
  CHECK(trace_has(&trace, 5 * 96000, 2, 7) && trace_has(&trace, 5 * 96000, 0, 1));
  CHECK(trace_has(&trace, 6 * 96000, 5, 403));
  free_song(&song);

  song = make_song("1 locate 5\n", 2, 97, (PmtCliMeter){4, 4}); /* a song may begin in its middle */
  CHECK(song.transport.n_stretches == 1 && pmt_transport_position(&song.transport).bar == 4);
  CHECK(pmt_transport_position(&song.transport).bar_beat < 0.001);
  free_song(&song);

  song = make_song("1 loop 1\n", 1000, 333.3, (PmtCliMeter){7, 8}); /* no drift: a jump costs less than a frame */
  CHECK(song.transport.n_stretches == 1000);
  const double exact = 1000 * 3.5 * 60 / 333.3 * 48000;
  CHECK(fabs((double)pmt_transport_played_frames(&song.transport) - exact) <= 1000);
  roll(&song.transport, 5000, &trace);
  free_song(&song);
}

/* The same song, the same events, whatever the blocks. */
static void check_blocks(void) {
  static const char text[] = "1 temperature 0.7 -> 6.2.5 1.3\n3 tempo 90 -> 5 150\n4 meter 7/8\n2 loop 5 x2\n7 locate 1\n"
                             "2.3 style ragtime\n";
  static const uint32_t blocks[] = {1, 7, 64, 1000, 4096, 100000};
  static Trace wanted;
  static Trace got;
  Song song = make_song(text, 14, 133.7, (PmtCliMeter){4, 4});
  roll(&song.transport, 0, &wanted);
  free_song(&song);
  CHECK(wanted.n > 200);
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) {
    song = make_song(text, 14, 133.7, (PmtCliMeter){4, 4});
    roll(&song.transport, blocks[i], &got);
    free_song(&song);
    CHECK(got.n == wanted.n && got.end == wanted.end);
    CHECK(!memcmp(got.seen, wanted.seen, got.n * sizeof *got.seen));
  }
}

/* Played time never stands or runs back, and a bar's length comes out to within a frame. */
static void check_played_time(void) {
  Song song = make_song("3 tempo 60 -> 7 240\n2 loop 3 x3\n", 12, 120, (PmtCliMeter){4, 4});
  const uint64_t end = pmt_transport_played_frames(&song.transport);
  double last = -1;
  for (uint64_t frame = 0; frame <= end; frame += 97) {
    const double quarter = pmt_transport_played_quarter(&song.transport, frame);
    CHECK(quarter > last);
    last = quarter;
  }
  CHECK(fabs(pmt_transport_played_quarter(&song.transport, end) - 48) < 1e-3);
  free_song(&song);
}

/* The maps of a MIDI file, and an automation that has its own. */
static void check_song_maps(void) {
  static const PmtSongTempo tempos[] = {{4, 60}, {5.5, 240}};
  static const PmtSongMeter meters[] = {{1, {3, 4}}, {2, {1, 8}}, {3, {4, 4}}};
  const PmtTransportOptions options = {.sample_rate = 48000, .bars = 4, .quarter_bpm = 120, .meter = {4, 4},
                                       .tempos = tempos, .n_tempos = 2, .meters = meters, .n_meters = 3};
  PmtAutomation a = {.n_items = 0};
  PmtTransport t;
  PmtError error = {""};
  CHECK(!pmt_transport_new(&a, &options, &t, &error));
  CHECK(t.song_bars[1].quarter == 4 && t.song_bars[2].quarter == 7 && t.song_bars[3].quarter == 7.5);
  CHECK(t.song_bars[3].beats == 4 && t.n_pieces == 3 && t.pieces[2].bpm == 240);
  CHECK(pmt_transport_frame_of(&t, 4) == 96000 && pmt_transport_frame_of(&t, 5.5) == 96000 + 72000);
  CHECK(pmt_transport_frame_of(&t, 7.5) == 96000 + 72000 + 24000);
  pmt_transport_free(&t);
  CHECK(pmt_transport_bars_of(&a, &options, 0) == 1 && pmt_transport_bars_of(&a, &options, 4) == 1);
  CHECK(pmt_transport_bars_of(&a, &options, 7.5) == 3 && pmt_transport_bars_of(&a, &options, 7.6) == 4);
  CHECK(pmt_transport_bars_of(&a, &options, 1e12) == PMT_AUTOMATION_BARS_MAX + 1);
  CHECK(!pmt_automation_parse(&a, "song", "2 tempo 90\n3 meter 2/4\n", resolve, NULL, &error));
  CHECK(!pmt_transport_new(&a, &options, &t, &error));
  CHECK(t.song_bars[2].quarter == 8 && t.song_bars[3].quarter == 10 && t.n_pieces == 2 && t.pieces[1].bpm == 90);
  CHECK(pmt_transport_bars_of(&a, &options, 12) == 4);
  pmt_transport_free(&t);
  pmt_automation_free(&a);
}

static void check_bad_places(void) {
  PmtAutomation a = {.n_items = 0};
  PmtTransport t;
  PmtError error = {""};
  const PmtTransportOptions options = {.sample_rate = 48000, .bars = 4, .quarter_bpm = 120, .meter = {3, 4}};
  CHECK(!pmt_automation_parse(&a, "song", "# three beats\n2.4 temperature 1\n", resolve, NULL, &error));
  CHECK(pmt_transport_new(&a, &options, &t, &error) == PMT_BAD_FILE);
  CHECKF(!strcmp(error.text, "song:2: beat 4: bar 2 has 3 beats"), "%s", error.text);
  pmt_automation_free(&a);
}

static void check_no_memory(void) {
  const PmtTransportOptions options = {.sample_rate = 48000, .bars = 6, .quarter_bpm = 120, .meter = {4, 4}};
  for (size_t n = 0;; ++n) {
    PmtAutomation a = {.n_items = 0};
    PmtTransport t = {.n_cues = 0};
    PmtError error = {""};
    pmt_fail_after(n);
    PmtStatus status = pmt_automation_parse(&a, "song", "1 temperature 0 -> 2 1\n2 tempo 90\n2 loop 3\n", resolve, NULL,
                                            &error);
    status = status ? status : pmt_transport_new(&a, &options, &t, &error);
    pmt_fail_never();
    if (!status) {
      pmt_transport_free(&t);
    }
    pmt_automation_free(&a);
    if (!status) {
      CHECK(n > 10);
      return;
    }
    CHECKF(status == PMT_NO_MEM && strstr(error.text, "out of memory"), "allocation %zu: %d %s", n, status, error.text);
  }
}

int main(void) {
  check_reading();
  check_bad_lines();
  check_plain_road();
  check_ramp();
  check_meters_and_tempos();
  check_jumps();
  check_blocks();
  check_played_time();
  check_song_maps();
  check_bad_places();
  check_no_memory();
  return 0;
}
