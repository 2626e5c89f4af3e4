/* SPDX-License-Identifier: ISC */
/* The player of `partimento play --player`: what is laid out along the road, and when it is due. The tools are a program,
   not a library: their files are taken in whole. With arguments it is a tool of test_player.sh:

     test_musician write FILE           the song of these tests
     test_musician notes FILE TRACK     its notes: START END CHANNEL PITCH VELOCITY, in 1/96 quarters; at last PROGRAM  */
#include "../tools/automation.c"
#include "../tools/cli.c"
#include "../tools/musician.c"
#include "../tools/transport.c"
#include "../tools/transport_setup.c"

#include "check.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"
#include "support/smf_build.h"

#include <inttypes.h>

enum { TPQ = 96, BAR = 4 * TPQ };

/* ---- the song: two bars of 4/4, one beat more, two bars of 3/4; 132, then 90 from the middle of bar 2 on ---- */

static void build_note(PmtSmfBuild* b, uint32_t delta, uint32_t channel, uint32_t pitch, uint32_t velocity,
                       uint32_t length) {
  BUILD_EVENT(b, delta, (uint8_t)(0x90 | channel), (uint8_t)pitch, (uint8_t)velocity);
  BUILD_EVENT(b, length, (uint8_t)(0x80 | channel), (uint8_t)pitch, 0);
}

static void build_song(PmtSmfBuild* b) {
  pmt_build_header(b, 1, 4, TPQ);
  pmt_build_track(b);
  pmt_build_meter(b, 0, 4, 2);
  pmt_build_tempo(b, 0, 454545);
  pmt_build_tempo(b, BAR + 2 * TPQ, 666667);
  pmt_build_meter(b, 3 * TPQ, 3, 2); /* a beat after bar 3 begins */
  pmt_build_end(b, 6 * TPQ);
  pmt_build_track(b);
  BUILD_EVENT(b, 0, 0xff, 3, 6, 'M', 'e', 'l', 'o', 'd', 'y');
  BUILD_EVENT(b, 0, 0xc2, 40);
  build_note(b, 0, 2, 60, 80, TPQ);          /* 0, struck again as it ends */
  build_note(b, 0, 2, 60, 81, TPQ / 2 + 1);
  BUILD_EVENT(b, 10, 0xb2, 64, 127);         /* 155 */
  build_note(b, 130, 2, 64, 82, 3 * TPQ);    /* 285 to 573, over the bar line */
  BUILD_EVENT(b, 0, 0xb2, 64, 0);
  build_note(b, 5, 2, 65, 83, 0);            /* 578, of no length */
  BUILD_EVENT(b, 22, 0xb2, 64, 90);          /* 600, stays down */
  build_note(b, 263, 2, 67, 84, 190);        /* 863 to 1053 */
  build_note(b, 0, 2, 69, 85, 300);          /* 1053 to 1353, beyond the last bar of the loop */
  pmt_build_end(b, 87);
  pmt_build_track(b);
  BUILD_EVENT(b, 0, 0xff, 3, 5, 'L', 'o', 'w', 'e', 'r');
  build_note(b, 20, 3, 60, 70, 300);         /* 20 to 320: the key of the melody's first two */
  pmt_build_end(b, 0);
  pmt_build_track(b);
  build_note(b, 0, 9, 36, 100, 10);
  build_note(b, BAR - 10, 9, 36, 101, 10);
  pmt_build_end(b, 0);
}

static void write_song(const char* path) {
  PmtSmfBuild b = {0};
  build_song(&b);
  FILE* file = fopen(path, "wb");
  CHECK(file && fwrite(b.bytes, 1, b.size, file) == b.size && !fclose(file));
  pmt_build_free(&b);
}

/* ---- a transport for it ---- */

typedef struct {
  PmtAutomation automation;
  PmtMusician player;
  PmtTransport transport;
} Play;

static Play open_play(const PmtMusicianOptions* options, const char* automation, uint32_t bars) {
  Play play = {.automation = {.n_items = 0}};
  PmtError error = {""};
  CHECKF(!pmt_musician_open(options, &play.player, &error), "%s", error.text);
  CHECK(!pmt_automation_parse(&play.automation, "song", automation, NULL, NULL, &error));
  const PmtMusician* m = &play.player;
  PmtTransportOptions song = {.sample_rate = 48000, .bars = bars, .quarter_bpm = m->tempos[0].bpm,
                              .meter = m->meters[0].meter, .tempos = m->tempos + 1, .n_tempos = m->n_tempos - 1,
                              .meters = m->meters + 1, .n_meters = m->n_meters - 1};
  song.bars = bars ? bars : pmt_transport_bars_of(&play.automation, &song, m->quarters);
  CHECKF(!pmt_transport_new(&play.automation, &song, &play.transport, &error), "%s", error.text);
  CHECKF(!pmt_musician_lay(&play.player, &play.transport, &error), "%s", error.text);
  return play;
}

static void close_play(Play* play) {
  pmt_musician_free(&play->player);
  pmt_transport_free(&play->transport);
  pmt_automation_free(&play->automation);
}

/* Events as one line of text each, ticks of the song's own length. */
static void check_events(const PmtMusician* m, const char* wanted) {
  char text[4000] = "";
  size_t n = 0;
  const uint64_t factor = m->ticks_per_quarter / TPQ;
  for (size_t i = 0; i < m->n_events; ++i) {
    const PmtSmfEvent* e = &m->events[i];
    CHECK(e->tick % factor == 0);
    n += (size_t)snprintf(text + n, sizeof text - n, "%" PRIu64 " %02x %u %u\n", e->tick / factor, e->bytes[0],
                          e->bytes[1], e->bytes[2]);
  }
  CHECKF(!strcmp(text, wanted), "got\n%swanted\n%s", text, wanted);
}

static void check_straight(void) {
  const PmtMusicianOptions options = {.path = pmt_scratch_path("song.mid"), .tracks = {"melody", "3"}, .n_tracks = 2,
                                      .channel = 5};
  Play play = open_play(&options, "", 0);
  const PmtMusician* m = &play.player;
  CHECK(play.transport.options.bars == 5);
  CHECK(play.transport.song_bars[2].beats == 1 && play.transport.song_bars[2].unit == 4);
  CHECK(play.transport.song_bars[3].quarter == 9 && play.transport.song_bars[3].beats == 3);
  CHECK(m->ticks_per_quarter == 480 && m->n_notes == 8 && m->quarters == 15);
  check_events(m, "0 c4 40 0\n0 c9 0 0\n0 94 60 80\n0 99 36 100\n10 89 36 0\n96 84 60 0\n96 94 60 81\n145 84 60 0\n"
                  "155 b4 64 127\n285 94 64 82\n384 99 36 101\n394 89 36 0\n573 84 64 0\n573 b4 64 0\n578 94 65 83\n"
                  "578 84 65 0\n600 b4 64 90\n863 94 67 84\n1053 84 67 0\n1053 94 69 85\n1353 84 69 0\n1440 b4 64 0\n");
  for (size_t i = 2, k = 0; i < m->n_events; ++i, ++k) { /* each on the first frame that is not too early */
    const double quarter = (double)m->events[i].tick / m->ticks_per_quarter;
    const double seconds = quarter < 6 ? quarter * 0.454545 : 6 * 0.454545 + (quarter - 6) * 0.666667;
    CHECK(fabs((double)m->sent.events[k].frame - ceil(seconds * 48000 - 1e-6)) < 0.5);
    CHECK(!memcmp(m->sent.events[k].bytes, m->events[i].bytes, 3));
  }
  CHECK(m->sent.n_events == m->n_events - 2);
  close_play(&play);
}

/* Bar 2 thrice, then bar 4: what is held at a jump is let go there, the pedal too, and goes down again where it is. */
static void check_jumps(void) {
  const PmtMusicianOptions options = {.path = pmt_scratch_path("song.mid"), .tracks = {"Melody"}, .n_tracks = 1,
                                      .channel = 1};
  Play play = open_play(&options, "2 loop 2 x2\n3 locate 4\n", 4);
  check_events(&play.player,
               "0 c0 40 0\n0 90 60 80\n96 80 60 0\n96 90 60 81\n145 80 60 0\n155 b0 64 127\n285 90 64 82\n"
               "573 80 64 0\n573 b0 64 0\n578 90 65 83\n578 80 65 0\n600 b0 64 90\n"
               "768 b0 64 0\n768 b0 64 127\n957 b0 64 0\n962 90 65 83\n962 80 65 0\n984 b0 64 90\n"
               "1152 b0 64 0\n1152 b0 64 90\n1341 90 69 85\n1440 80 69 0\n1440 b0 64 0\n");
  close_play(&play);
}

static bool is_sent(const PmtMusician* m, size_t i, uint8_t status, uint8_t pitch, uint8_t velocity) {
  const uint8_t* b = m->sent.events[i].bytes;
  return i < m->sent.n_events && b[0] == status && b[1] == pitch && b[2] == velocity;
}

/* Two voices on one key: struck again for each, let go with the last; the file keeps both. */
static void check_one_key(void) {
  const PmtMusicianOptions options = {.path = pmt_scratch_path("song.mid"), .tracks = {"1", "lower"}, .n_tracks = 2,
                                      .channel = 1};
  Play play = open_play(&options, "", 1);
  const PmtMusician* m = &play.player;
  CHECK(m->n_notes == 4);
  CHECK(is_sent(m, 0, 0x90, 60, 80) && is_sent(m, 1, 0x80, 60, 0) && is_sent(m, 2, 0x90, 60, 70));
  CHECK(is_sent(m, 3, 0x80, 60, 0) && is_sent(m, 4, 0x90, 60, 81) && is_sent(m, 5, 0xb0, 64, 127));
  CHECK(is_sent(m, 6, 0x90, 64, 82) && is_sent(m, 7, 0x80, 60, 0));
  CHECK(is_sent(m, 8, 0x80, 64, 0) && is_sent(m, 9, 0xb0, 64, 0) && m->sent.n_events == 10);
  CHECK(m->sent.events[9].frame == pmt_transport_played_frames(&play.transport));
  close_play(&play);
}

/* However it is taken, everything comes on its frame; where there is no room for all, the run is cut. */
static void check_taking(void) {
  const PmtMusicianOptions options = {.path = pmt_scratch_path("song.mid"), .channel = 1};
  Play play = open_play(&options, "2 loop 2 x3\n", 8);
  PmtMusician* m = &play.player;
  for (uint32_t room = 1; room < 5; ++room) {
    for (uint32_t block = 1; block < 100000; block = block * 9 + 2) {
      size_t n = 0;
      uint64_t late = 0;
      m->next = 0;
      for (uint64_t at = 0; n < m->sent.n_events;) {
        const uint32_t span = pmt_musician_span(m, at, block, room);
        CHECK(span >= 1 && span <= block);
        const PmtTimedMidi* event;
        for (uint32_t k = 0; k < room && (event = pmt_musician_take(m, at + span)); ++k) {
          CHECK(event == &m->sent.events[n++]);
          late += event->frame < at ? at - event->frame : 0;
        }
        at += span;
      }
      CHECKF(room < 3 || !late, "room %u, block %u: %" PRIu64 " frames late", room, block, late);
      CHECK(late < 60);
      CHECK(!pmt_musician_take(m, UINT64_MAX));
    }
  }
  close_play(&play);
}

static void refuse(const PmtMusicianOptions* options, PmtStatus wanted, const char* word) {
  PmtMusician m;
  PmtError error = {""};
  const PmtStatus status = pmt_musician_open(options, &m, &error);
  CHECKF(status == wanted && strstr(error.text, word), "%d %s", status, error.text);
  CHECK(!pmt_musician_is_there(&m));
}

static void check_refusals(void) {
  PmtMusicianOptions options = {.path = pmt_scratch_path("song.mid"), .tracks = {"Bass"}, .n_tracks = 1, .channel = 1};
  refuse(&options, PMT_BAD_ARG, "no \"Bass\" in ");
  refuse(&options, PMT_BAD_ARG, "there are: 1 \"Melody\", 2 \"Lower\", 3 \"\"");
  static const char* const wrong[] = {"0", "4", "-1", "1.0", "99999999999"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
    options.tracks[0] = wrong[i];
    refuse(&options, PMT_BAD_ARG, "there are: ");
  }
  options.path = "/nonexistent/x.mid";
  refuse(&options, PMT_IO, "/nonexistent/x.mid: ");
}

static void check_no_memory(void) {
  const PmtMusicianOptions options = {.path = pmt_scratch_path("song.mid"), .channel = 1};
  Play play = open_play(&options, "", 0);
  for (size_t n = 0;; ++n) {
    PmtMusician m;
    PmtError error = {""};
    pmt_fail_after(n);
    PmtStatus status = pmt_musician_open(&options, &m, &error);
    status = status ? status : pmt_musician_lay(&m, &play.transport, &error);
    pmt_fail_never();
    pmt_musician_free(&m);
    if (!status) {
      CHECK(n > 8);
      break;
    }
    CHECKF(status == PMT_NO_MEM || status == PMT_IO, "allocation %zu: %d %s", n, status, error.text);
  }
  close_play(&play);
}

/* ---- for test_player.sh ---- */

static int print_notes(const char* path, const char* track) {
  PmtSmf smf;
  PmtError error = {""};
  CHECKF(!pmt_smf_read(path, &smf, &error), "%s", error.text);
  uint32_t program = 0;
  for (size_t i = 0; i < smf.n_notes; ++i) {
    const PmtSmfNote* n = &smf.notes[i];
    if (!strcmp(smf.names[n->track].text, track)) {
      const double unit = (double)smf.ticks_per_quarter / TPQ;
      printf("%g %g %u %u %u\n", (double)n->start / unit, (double)n->end / unit, n->channel + 1u, n->pitch,
             n->velocity);
      program = n->program;
    }
  }
  printf("program %u\n", program);
  pmt_smf_free(&smf);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 4 && !strcmp(argv[1], "notes")) {
    return print_notes(argv[2], argv[3]);
  }
  if (argc == 3 && !strcmp(argv[1], "write")) {
    write_song(argv[2]);
    return 0;
  }
  pmt_scratch_begin();
  write_song(pmt_scratch_path("song.mid"));
  check_straight();
  check_jumps();
  check_one_key();
  check_taking();
  check_refusals();
  check_no_memory();
  CHECK(!unlink(pmt_scratch_path("song.mid")) && !rmdir(pmt_scratch_folder()));
  return 0;
}
