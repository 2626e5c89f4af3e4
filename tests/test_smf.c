/* SPDX-License-Identifier: ISC */
/* music/smf.h: what files say, what damaged files still say, and what hostile files may not do. */
#include "music/smf.h"

#include "base/random.h"
#include "check.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"
#include "support/smf_build.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static PmtSmf parse(const PmtSmfBuild* const build) {
  PmtSmf smf;
  PmtError error = {{0}};
  CHECKF(!pmt_smf_parse(build->bytes, build->size, &smf, &error), "%s", error.text);
  return smf;
}

static PmtStatus refusal(const PmtSmfBuild* const build, const char* const word) {
  PmtSmf smf;
  PmtError error = {{0}};
  const PmtStatus status = pmt_smf_parse(build->bytes, build->size, &smf, &error);
  CHECK(status && !smf.notes);
  CHECKF(strstr(error.text, word), "\"%s\" not in \"%s\"", word, error.text);
  return status;
}

static bool is_note(const PmtSmf* const smf, const size_t i, const uint64_t start, const uint64_t end,
                    const uint32_t pitch) {
  return i < smf->n_notes && smf->notes[i].start == start && smf->notes[i].end == end && smf->notes[i].pitch == pitch;
}

/* Sound files */

static void test_type_1(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 3, 96);
  pmt_build_track(&b);
  pmt_build_meter(&b, 0, 3, 2);
  pmt_build_tempo(&b, 0, 600000);
  pmt_build_tempo(&b, 288, 300000);
  pmt_build_end(&b, 0);
  pmt_build_track(&b);
  BUILD_EVENT(&b, 0, 0xc0, 40);
  pmt_build_note(&b, 96, 0, 60, 48);
  pmt_build_end(&b, 1000);
  pmt_build_track(&b);
  pmt_build_note(&b, 0, 9, 36, 10);
  pmt_build_end(&b, 0);
  PmtSmf smf = parse(&b);
  CHECK(smf.ticks_per_quarter == 96 && smf.n_tracks == 3 && smf.n_ticks == 1144 && !smf.warnings[0]);
  CHECK(smf.n_tempos == 2 && smf.tempos[0].us_per_quarter == 600000 && smf.tempos[1].tick == 288);
  CHECK(smf.n_meters == 1 && smf.meters[0].beats == 3 && smf.meters[0].unit == 4);
  CHECK(smf.n_notes == 2 && is_note(&smf, 0, 0, 10, 36) && is_note(&smf, 1, 96, 144, 60));
  CHECK(smf.notes[0].track == 2 && smf.notes[0].channel == 9 && smf.notes[0].program == 0);
  CHECK(smf.notes[1].track == 1 && smf.notes[1].channel == 0 && smf.notes[1].program == 40);
  CHECK(smf.notes[1].velocity == 80);
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

static void test_type_0_running_status_and_zero_velocity(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 0, 1, 480);
  pmt_build_track(&b);
  BUILD_EVENT(&b, 0, 0x93, 60, 64);
  BUILD_EVENT(&b, 0, 64, 65);                                /* running status */
  BUILD_EVENT(&b, 10, 0xf0, 3, 0x7e, 1, 0xf7);               /* a system exclusive is skipped */
  BUILD_EVENT(&b, 10, 60, 0);                                /* and the running status lives on */
  BUILD_EVENT(&b, 10, 0xff, 0x05, 2, 'l', 'a');              /* a lyric is skipped */
  BUILD_EVENT(&b, 10, 0xb3, 64, 127);                        /* and so is a pedal */
  BUILD_EVENT(&b, 0, 0xd3, 5);
  BUILD_EVENT(&b, 0, 0xe3, 5, 6);
  BUILD_EVENT(&b, 0, 0xf2, 1, 2);
  BUILD_EVENT(&b, 10, 0x83, 64, 20);
  pmt_build_end(&b, 0);
  PmtSmf smf = parse(&b);
  CHECK(smf.n_notes == 2 && is_note(&smf, 0, 0, 50, 64) && is_note(&smf, 1, 0, 20, 60));
  CHECK(smf.notes[0].velocity == 65 && smf.notes[0].channel == 3);
  CHECK(smf.n_tempos == 1 && smf.tempos[0].us_per_quarter == 500000);
  CHECK(smf.n_meters == 1 && smf.meters[0].beats == 4 && smf.meters[0].unit == 4);
  CHECK(!smf.warnings[0]);
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

static void test_overlaps_pair_first_in_first_out(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 0, 1, 480);
  pmt_build_track(&b);
  BUILD_EVENT(&b, 0, 0x90, 60, 1);
  BUILD_EVENT(&b, 10, 0x90, 60, 2);
  BUILD_EVENT(&b, 0, 0x80, 60, 0); /* the older one's, written after the newer began */
  BUILD_EVENT(&b, 10, 0x80, 60, 0);
  BUILD_EVENT(&b, 10, 0x80, 60, 0); /* stray */
  BUILD_EVENT(&b, 0, 0x90, 61, 3);  /* without end */
  BUILD_EVENT(&b, 0, 0x90, 61, 4);
  pmt_build_end(&b, 70);
  PmtSmf smf = parse(&b);
  CHECK(smf.n_notes == 4 && is_note(&smf, 0, 0, 10, 60) && is_note(&smf, 1, 10, 20, 60));
  CHECK(is_note(&smf, 2, 30, 100, 61) && is_note(&smf, 3, 30, 100, 61));
  CHECK(strstr(smf.warnings, "2 notes without end"));
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

static void test_programs_belong_to_the_channel(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 2, 96);
  pmt_build_track(&b);
  pmt_build_note(&b, 10, 5, 60, 10);
  pmt_build_note(&b, 80, 5, 62, 10);
  pmt_build_end(&b, 0);
  pmt_build_track(&b);
  BUILD_EVENT(&b, 0, 0xc5, 10);
  BUILD_EVENT(&b, 50, 0xc5, 20);
  pmt_build_end(&b, 0);
  PmtSmf smf = parse(&b);
  CHECK(smf.n_notes == 2 && smf.notes[0].program == 10 && smf.notes[1].program == 20);
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

static void test_maps_are_sorted_and_sane(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 2, 96);
  pmt_build_track(&b);
  pmt_build_tempo(&b, 100, 400000);
  pmt_build_tempo(&b, 0, 450000);           /* the later of two at one tick holds */
  pmt_build_tempo(&b, 0, 0);                /* no tempo */
  pmt_build_meter(&b, 0, 3, 7);             /* 3/128 */
  pmt_build_meter(&b, 0, 0, 2);             /* 0/4 */
  BUILD_EVENT(&b, 0, 0xff, 0x58, 1, 3);     /* cut short */
  pmt_build_meter(&b, 100, 6, 3);
  pmt_build_end(&b, 0);
  pmt_build_track(&b);
  pmt_build_tempo(&b, 50, 1);               /* 60 million BPM */
  pmt_build_end(&b, 0);
  PmtSmf smf = parse(&b);
  CHECK(smf.n_tempos == 3 && smf.tempos[1].tick == 50 && smf.tempos[1].us_per_quarter == 20000);
  CHECK(smf.tempos[2].tick == 100 && smf.tempos[2].us_per_quarter == 450000);
  CHECK(smf.n_meters == 2 && smf.meters[1].tick == 200 && smf.meters[1].unit == 8);
  CHECK(strstr(smf.warnings, "4 impossible"));
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

static void test_smpte(void) {
  static const struct {
    uint32_t division, ticks_per_quarter, us;
    uint64_t end; /* of one second */
    uint32_t second;
  } cases[] = {{0xe728, 500, 500000, 1000, 1000},   /* -25, 40: milliseconds */
               {0xe850, 960, 500000, 1920, 1920},   /* -24, 80 */
               {0xe250, 1200, 500000, 2400, 2400},  /* -30, 80 */
               {0xe350, 1200, 500500, 2400, 2400},  /* -29, 80: 2400 ticks in 1.001 s */
               {0xe701, 25, 500000, 50, 25}};       /* -25, 1: odd, so ticks are doubled */
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    PmtSmfBuild b = {0};
    pmt_build_header(&b, 0, 1, cases[i].division);
    pmt_build_track(&b);
    pmt_build_tempo(&b, 0, 250000); /* means nothing here */
    pmt_build_note(&b, 0, 0, 60, cases[i].second);
    pmt_build_end(&b, 0);
    PmtSmf smf = parse(&b);
    CHECK(smf.ticks_per_quarter == cases[i].ticks_per_quarter);
    CHECK(smf.n_tempos == 1 && smf.tempos[0].us_per_quarter == cases[i].us);
    CHECK(smf.n_notes == 1 && smf.notes[0].end == cases[i].end);
    pmt_smf_free(&smf);
    pmt_build_free(&b);
  }
}

/* Odd and damaged files */

static void build_small(PmtSmfBuild* const b) {
  pmt_build_header(b, 1, 2, 96);
  pmt_build_track(b);
  pmt_build_meter(b, 0, 3, 2);
  pmt_build_tempo(b, 0, 500000);
  pmt_build_end(b, 0);
  pmt_build_track(b);
  BUILD_EVENT(b, 0, 0xff, 0x03, 4, 'n', 'a', 'm', 'e');
  BUILD_EVENT(b, 0, 0xc0, 5);
  pmt_build_note(b, 0, 0, 60, 48);
  pmt_build_note(b, 200, 0, 62, 300);
  pmt_build_note(b, 0, 9, 40, 12);
  pmt_build_end(b, 20);
}

static void test_wrappings(void) {
  PmtSmfBuild small = {0}, b = {0};
  build_small(&small);
  const uint8_t size = (uint8_t)small.size;
  CHECK(small.size < 200);
  pmt_build_bytes(&b, "RIFF\0\0\0\0RMIDINFO\3\0\0\0abc\0data", 28);
  pmt_build_bytes(&b, (const uint8_t[]){size, 0, 0, 0}, 4);
  pmt_build_bytes(&b, small.bytes, small.size);
  pmt_build_bytes(&b, "LIST", 4);
  PmtSmf smf = parse(&b);
  CHECK(smf.n_notes == 3 && !smf.warnings[0]);
  pmt_smf_free(&smf);

  b.size = 0; /* a header of 8 bytes, an alien chunk, the track */
  pmt_build_bytes(&b, "MThd\0\0\0\x8\0\1\0\2\0\x60??XFIH\0\0\0\3abc", 27);
  pmt_build_bytes(&b, small.bytes + 14, small.size - 14);
  smf = parse(&b);
  CHECK(smf.n_notes == 3 && smf.ticks_per_quarter == 96 && !smf.warnings[0]);
  pmt_smf_free(&smf);
  pmt_build_free(&b);
  pmt_build_free(&small);
}

static void test_refusals(void) {
  PmtSmfBuild b = {0};
  pmt_build_bytes(&b, "", 0);
  CHECK(refusal(&b, "MThd") == PMT_BAD_FILE);
  pmt_build_bytes(&b, "MTrk", 4);
  CHECK(refusal(&b, "MThd") == PMT_BAD_FILE);
  b.size = 0;
  pmt_build_header(&b, 2, 1, 96);
  CHECK(refusal(&b, "type 2") == PMT_UNSUPPORTED);
  b.size = 0;
  pmt_build_header(&b, 1, 1, 0);
  CHECK(refusal(&b, "0 ticks") == PMT_BAD_FILE);
  b.size = 0;
  pmt_build_header(&b, 1, 1, 0x8005); /* -128 frames a second */
  CHECK(refusal(&b, "SMPTE") == PMT_BAD_FILE);
  b.size = 0;
  pmt_build_header(&b, 1, 1, 0xe700); /* no ticks a frame */
  CHECK(refusal(&b, "SMPTE") == PMT_BAD_FILE);
  b.size = 0;
  pmt_build_header(&b, 1, 1, 96);
  CHECK(refusal(&b, "no track") == PMT_BAD_FILE);
  b.size = 10;
  CHECK(refusal(&b, "cut short") == PMT_BAD_FILE);
  PmtSmf smf;
  PmtError error = {{0}};
  CHECK(pmt_smf_parse(b.bytes, PMT_SMF_BYTES_MAX + 1u, &smf, &error) == PMT_TOO_BIG);
  CHECK(pmt_smf_read("/nonexistent/x.mid", &smf, &error) == PMT_IO && strstr(error.text, "x.mid"));
  pmt_build_free(&b);
}

/** Cut at every byte: what came before stays, and stays the same. */
static void test_truncation(void) {
  PmtSmfBuild b = {0};
  build_small(&b);
  size_t most = 0;
  for (size_t size = 0; size <= b.size; ++size) {
    PmtSmf smf;
    PmtError error = {{0}};
    unsigned char* const exact = malloc(size + (size == 0)); /* so that a sanitizer sees the end */
    CHECK(exact);
    memcpy(exact, b.bytes, size);
    const PmtStatus status = pmt_smf_parse(exact, size, &smf, &error);
    CHECK(status == (size < 22 ? PMT_BAD_FILE : PMT_OK));
    if (!status) {
      CHECK(smf.n_notes >= most);
      CHECK(size == b.size || smf.warnings[0]);
      CHECK(smf.n_notes == 0 || (smf.notes[0].start == 0 && smf.notes[0].pitch == 60));
      most = smf.n_notes;
    }
    pmt_exercise_smf(exact, size);
    pmt_smf_free(&smf);
    free(exact);
  }
  CHECK(most == 3);
  pmt_build_free(&b);
}

static void test_damage_in_one_track_spares_the_next(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 3, 96);
  pmt_build_track(&b);
  pmt_build_note(&b, 0, 0, 60, 10);
  BUILD_EVENT(&b, 0, 0x90, 0xff); /* a status byte where data must be */
  pmt_build_note(&b, 0, 0, 61, 10);
  pmt_build_end(&b, 0);
  pmt_build_track(&b);
  pmt_build_note(&b, 0, 1, 62, 10);
  pmt_build_end(&b, 0);
  PmtSmf smf = parse(&b);
  CHECK(smf.n_notes == 2 && is_note(&smf, 0, 0, 10, 60) && is_note(&smf, 1, 0, 10, 62));
  CHECK(strstr(smf.warnings, "1 of 2 tracks end in damage") && strstr(smf.warnings, "3 promised"));
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

static void test_wrong_chunk_length_finds_the_next_track(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 2, 96);
  pmt_build_track(&b);
  const size_t length_at = b.size - 1;
  pmt_build_note(&b, 0, 0, 60, 10);
  pmt_build_end(&b, 0);
  b.bytes[length_at] = 8; /* just the note */
  pmt_build_track(&b);
  pmt_build_note(&b, 0, 1, 62, 10);
  pmt_build_end(&b, 0);
  PmtSmf smf = parse(&b);
  CHECK(smf.n_notes == 2 && smf.n_tracks == 2);
  CHECK(strstr(smf.warnings, "wrong length"));
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

/* Hostile files */

static void test_mutations(void) {
  PmtSmfBuild b = {0};
  build_small(&b);
  int music = 0;
  for (uint64_t variant = 0; variant < 6000; ++variant) {
    unsigned char bytes[256];
    size_t size = b.size;
    memcpy(bytes, b.bytes, size);
    const uint32_t n_changes = 1 + (uint32_t)(pmt_random_bits(1, variant, 0) % 6);
    for (uint32_t i = 1; i <= n_changes; ++i) {
      const uint64_t r = pmt_random_bits(1, variant, i);
      const size_t at = r % size;
      switch (r >> 32 & 3) {
      case 0: bytes[at] = (unsigned char)(r >> 40); break;
      case 1: bytes[at] ^= (unsigned char)(1u << (r >> 40 & 7)); break;
      case 2: memmove(bytes + at, bytes + at + 1, --size - at); break;
      default: bytes[at] = (r >> 40 & 1) ? 0xff : 0x7f; break;
      }
    }
    music += pmt_exercise_smf(bytes, size);
  }
  CHECKF(music > 1000, "only %d of the variants still parse: too wild to mean anything", music);
  pmt_build_free(&b);
}

/** A million notes that never end, then as many ends: linear lists or bust. */
static void test_many_notes_without_end(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 0, 1, 96);
  pmt_build_track(&b);
  BUILD_EVENT(&b, 0, 0x90, 60, 1);
  for (int i = 0; i < 1000000; ++i) {
    pmt_build_bytes(&b, (const uint8_t[]){0, 60, 1}, 3);
  }
  for (int i = 0; i < 1000000; ++i) {
    pmt_build_bytes(&b, (const uint8_t[]){1, 60, 0}, 3);
  }
  pmt_build_end(&b, 0);
  PmtSmf smf = parse(&b);
  CHECK(smf.n_notes == 1000001);
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

static void test_caps(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 0xffff, 96);
  for (int i = 0; i < 70000; ++i) {
    pmt_build_bytes(&b, "MTrk\0\0\0\0", 8);
  }
  PmtSmf smf = parse(&b);
  CHECK(smf.n_tracks == 65535);
  pmt_smf_free(&smf);

  b.size = 0; /* 1.2 million changes of tempo */
  pmt_build_header(&b, 0, 1, 96);
  pmt_build_track(&b);
  for (int i = 0; i < 1200000; ++i) {
    pmt_build_bytes(&b, (const uint8_t[]){1, 0xff, 0x51, 3, 1, 1, (uint8_t)i}, 7);
  }
  pmt_build_end(&b, 0);
  smf = parse(&b);
  CHECK(smf.n_tempos == 1 + (1 << 20) && smf.warnings[0]);
  pmt_smf_free(&smf);

  b.size = 0; /* more notes than we take */
  pmt_build_header(&b, 0, 1, 96);
  pmt_build_track(&b);
  BUILD_EVENT(&b, 0, 0x90, 60, 1);
  for (uint32_t i = 0; i < PMT_SMF_NOTES_MAX; ++i) {
    pmt_build_bytes(&b, (const uint8_t[]){0, 60, 1}, 3);
  }
  pmt_build_end(&b, 0);
  CHECK(refusal(&b, "notes") == PMT_TOO_BIG);
  pmt_build_free(&b);
}

static void test_out_of_memory(void) {
  PmtSmfBuild b = {0};
  build_small(&b);
  size_t n = 0;
  for (;; ++n) {
    PmtSmf smf;
    PmtError error = {{0}};
    pmt_fail_after(n);
    const PmtStatus status = pmt_smf_parse(b.bytes, b.size, &smf, &error);
    pmt_fail_never();
    if (!status) {
      pmt_smf_free(&smf);
      break;
    }
    CHECK(status == PMT_NO_MEM && error.text[0] && !smf.notes && !smf.tempos);
  }
  CHECKF(n == 5, "%zu allocations: the test no longer sees them", n); /* name, map, notes, tempos, meters */
  pmt_build_free(&b);
}

/** Files that fuzzing found worth keeping. */
static void test_fuzz_corpus(void) {
  DIR* const dir = opendir("tests/data/smf");
  CHECKF(dir, "run from the repository root");
  int n = 0;
  for (struct dirent* entry; (entry = readdir(dir));) {
    char path[600];
    unsigned char bytes[8192];
    snprintf(path, sizeof path, "tests/data/smf/%s", entry->d_name);
    FILE* const file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
    if (file) {
      const size_t size = fread(bytes, 1, sizeof bytes, file);
      fclose(file);
      pmt_exercise_smf(bytes, size);
      ++n;
    }
  }
  closedir(dir);
  CHECK(n > 20);
}

static void test_pedals_and_names(void) {
  PmtSmfBuild b = {0};
  pmt_build_header(&b, 1, 3, 96);
  pmt_build_track(&b);
  pmt_build_end(&b, 0);
  pmt_build_track(&b);
  BUILD_EVENT(&b, 0, 0xff, 3, 4, 'L', 'e', '\n', 't');
  BUILD_EVENT(&b, 0, 0xff, 3, 1, 'x');
  BUILD_EVENT(&b, 48, 0xb2, 64, 127);
  BUILD_EVENT(&b, 48, 0xb2, 64, 0);
  BUILD_EVENT(&b, 0, 0xb2, 7, 100);
  BUILD_EVENT(&b, 0, 0xb2, 64, 80);
  pmt_build_end(&b, 0);
  pmt_build_track(&b);
  BUILD_EVENT(&b, 0, 0xff, 3, 50, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'a', 'b', 'c', 'd', 'e', 'f', 'g',
              'h', 'i', 'j', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h',
              'i', 'j', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j');
  BUILD_EVENT(&b, 50, 0xb0, 64, 1);
  pmt_build_end(&b, 0);
  PmtSmf smf = parse(&b);
  CHECK(!*smf.names[0].text && !strcmp(smf.names[1].text, "Le?t"));
  CHECK(strlen(smf.names[2].text) == PMT_SMF_NAME - 1 && !strncmp(smf.names[2].text, "abcdefghijabc", 13));
  CHECK(smf.n_pedals == 4 && smf.pedals[0].tick == 48 && smf.pedals[0].value == 127 && smf.pedals[0].track == 1);
  CHECK(smf.pedals[0].channel == 2 && smf.pedals[1].tick == 50 && smf.pedals[1].track == 2);
  CHECK(smf.pedals[2].value == 0 && smf.pedals[3].value == 80 && smf.pedals[3].tick == 96);
  pmt_smf_free(&smf);
  pmt_build_free(&b);
}

/* Writing */

static const PmtSmfTempo tempos[] = {{0, 500000}, {960, 400000}};
static const PmtSmfMeter meters[] = {{0, 4, 4}, {960, 6, 8}};
static const PmtSmfEvent events[] = {
    {0, {0xc0, 7, 0}, 2},  {0, {0x90, 60, 100}, 3},  {0, {0x99, 36, 90}, 3},          {10, {0x89, 36, 0}, 3},
    {480, {0x80, 60, 0}, 3}, {480, {0x90, 62, 1}, 3}, {0x30000000, {0x80, 62, 0}, 3},
};

static PmtSmfOut some_output(void) {
  return (PmtSmfOut){.ticks_per_quarter = 480,
                     .title = "t",
                     .tempos = tempos,
                     .n_tempos = 2,
                     .meters = meters,
                     .n_meters = 2,
                     .events = events,
                     .n_events = sizeof events / sizeof *events,
                     .end_tick = 5000};
}

static void test_what_is_written_reads_back(void) {
  const PmtSmfOut out = some_output();
  const char* const path = pmt_scratch_path("a.mid");
  PmtError error = {{0}};
  CHECKF(!pmt_smf_write(path, &out, &error), "%s", error.text);
  PmtSmf smf;
  CHECKF(!pmt_smf_read(path, &smf, &error), "%s", error.text);
  CHECK(smf.ticks_per_quarter == 480 && smf.n_tracks == 3 && !smf.warnings[0]);
  CHECK(smf.n_notes == 3 && is_note(&smf, 0, 0, 480, 60) && is_note(&smf, 1, 0, 10, 36));
  CHECK(is_note(&smf, 2, 480, 0x30000000, 62) && smf.n_ticks == 0x30000000);
  CHECK(smf.notes[0].program == 7 && smf.notes[1].program == 0 && smf.notes[0].velocity == 100);
  CHECK(smf.n_tempos == 2 && smf.tempos[1].tick == 960 && smf.tempos[1].us_per_quarter == 400000);
  CHECK(smf.n_meters == 2 && smf.meters[1].tick == 960 && smf.meters[1].beats == 6 && smf.meters[1].unit == 8);
  pmt_smf_free(&smf);
  unlink(path);
}

/* A track of its own stays apart from another one on the same channel. */
static void test_tracks_of_their_own(void) {
  static const PmtSmfEvent other[] = {{0, {0x90, 72, 50}, 3}, {100, {0x80, 72, 0}, 3}, {100, {0x99, 40, 9}, 3}};
  const PmtSmfTrack tracks[] = {{"Other", other, 3}, {NULL, NULL, 0}};
  const char* const path = pmt_scratch_path("t.mid");
  PmtSmfOut out = some_output();
  out.tracks = tracks;
  out.n_tracks = 2;
  PmtError error = {{0}};
  CHECKF(!pmt_smf_write(path, &out, &error), "%s", error.text);
  PmtSmf smf;
  CHECKF(!pmt_smf_read(path, &smf, &error), "%s", error.text);
  CHECK(smf.n_tracks == 5 && !strcmp(smf.names[0].text, "t") && !strcmp(smf.names[1].text, "Other"));
  CHECK(smf.n_notes == 5 && is_note(&smf, 0, 0, 100, 72) && smf.notes[0].track == 1 && smf.notes[0].velocity == 50);
  CHECK(is_note(&smf, 1, 0, 480, 60) && smf.notes[1].track == 3 && smf.notes[1].channel == 0);
  CHECK(smf.notes[3].track == 1 && smf.notes[3].channel == 9);
  pmt_smf_free(&smf);
  unlink(path);
}

static void check_refused(const PmtSmfOut out, const char* const word) {
  PmtError error = {{0}};
  CHECK(pmt_smf_write(pmt_scratch_path("b.mid"), &out, &error) == PMT_BAD_ARG);
  CHECKF(strstr(error.text, word), "\"%s\" not in \"%s\"", word, error.text);
  CHECK(access(pmt_scratch_path("b.mid"), F_OK) != 0);
}

static void test_writing_refuses_nonsense(void) {
  PmtSmfOut out = some_output();
  out.ticks_per_quarter = 0x8000;
  check_refused(out, "ticks a quarter");
  out = some_output();
  out.events = (const PmtSmfEvent[]){{0, {0xf8, 0, 0}, 2}};
  out.n_events = 1;
  check_refused(out, "event 0");
  out.events = (const PmtSmfEvent[]){{5, {0x90, 60, 1}, 3}, {4, {0x80, 60, 1}, 3}};
  out.n_events = 2;
  check_refused(out, "event 1 is out of order");
  out.events = (const PmtSmfEvent[]){{5, {0x90, 60, 128}, 3}};
  out.n_events = 1;
  check_refused(out, "event 0");
  out = some_output();
  out.tracks = (const PmtSmfTrack[]){{NULL, (const PmtSmfEvent[]){{5, {0x90, 60, 1}, 3}, {4, {0x80, 60, 1}, 3}}, 2}};
  out.n_tracks = 1;
  check_refused(out, "event 1 is out of order");
  out = some_output();
  out.tempos = (const PmtSmfTempo[]){{0, 0x1000000}};
  out.n_tempos = 1;
  check_refused(out, "tempo 0");
  out = some_output();
  out.meters = (const PmtSmfMeter[]){{0, 3, 5}};
  out.n_meters = 1;
  check_refused(out, "meter 0");
}

static void test_unwritable_output(void) {
  const PmtSmfOut out = some_output();
  PmtError error = {{0}};
  CHECK(pmt_smf_write(pmt_scratch_path("no/such/folder.mid"), &out, &error) == PMT_IO &&
        strstr(error.text, "folder.mid"));
  const char* const path = pmt_scratch_path("c.mid");
  size_t n = 0;
  for (;; ++n) {
    pmt_fail_after(n);
    const PmtStatus status = pmt_smf_write(path, &out, &error);
    pmt_fail_never();
    if (!status) {
      break;
    }
    CHECK(status == PMT_NO_MEM && access(path, F_OK) != 0);
  }
  CHECK(n >= 2);
  unlink(path);
}

int main(void) {
  pmt_scratch_begin();
  test_type_1();
  test_type_0_running_status_and_zero_velocity();
  test_overlaps_pair_first_in_first_out();
  test_programs_belong_to_the_channel();
  test_maps_are_sorted_and_sane();
  test_smpte();
  test_wrappings();
  test_refusals();
  test_truncation();
  test_damage_in_one_track_spares_the_next();
  test_wrong_chunk_length_finds_the_next_track();
  test_mutations();
  test_many_notes_without_end();
  test_caps();
  test_out_of_memory();
  test_fuzz_corpus();
  test_pedals_and_names();
  test_what_is_written_reads_back();
  test_tracks_of_their_own();
  test_writing_refuses_nonsense();
  test_unwritable_output();
  rmdir(pmt_scratch_folder());
  return 0;
}
