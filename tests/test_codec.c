/* SPDX-License-Identifier: ISC */
/* music/codec.h: the examples of docs/model.md token by token, decode(encode(x)) = x, and what may not be decoded. With
   ../shared/corpora there, every file of it (PMT_CORPUS_STEP=n takes each n-th). */
#include "music/codec.h"

#include "base/random.h"
#include "check.h"
#include "music/import.h"
#include "music/meter.h"
#include "support/fail_alloc.h"

#include <dirent.h>
#include <string.h>

/* Building scores */

enum { BARS_MAX = 64, NOTES_MAX = 4096 };

typedef struct {
  PmtBar bars[BARS_MAX];
  PmtNote notes[NOTES_MAX];
  PmtScore score;
} Music;

static void begin(Music* const m, const uint32_t parts) {
  m->score = (PmtScore){.notes = m->notes, .bars = m->bars, .parts = parts};
}

static void add_bar(Music* const m, const uint32_t beats, const uint32_t unit, const uint32_t skip) {
  m->bars[m->score.n_bars] = (PmtBar){.tick = pmt_score_ticks(&m->score),
                                      .ticks = (uint16_t)pmt_meter_bar_ticks((PmtMeter){(float)beats, (int)unit}),
                                      .skip = (uint16_t)skip,
                                      .beats = (uint8_t)beats,
                                      .unit = (uint8_t)unit};
  ++m->score.n_bars;
}

static PmtNote* add_note(Music* const m, const uint32_t onset, const uint32_t part, const uint32_t pitch,
                         const uint32_t duration) {
  PmtNote* const note = &m->notes[m->score.n_notes++];
  *note = (PmtNote){.onset = onset,
                    .duration = (uint16_t)duration,
                    .part = (uint8_t)part,
                    .pitch = (uint8_t)pitch,
                    .velocity = PMT_VELOCITY_START};
  return note;
}

static PmtSequence encode(const PmtScore* const score) {
  PmtSequence sequence;
  PmtError error = {{0}};
  CHECKF(!pmt_encode(score, &sequence, &error), "%s", error.text);
  return sequence;
}

/** The tokens by name, BOS and END left out. */
static void check_tokens(const Music* const m, const char* const wanted) {
  PmtSequence sequence = encode(&m->score);
  char text[2000] = "";
  CHECK(sequence.tokens[0] == PMT_BOS && sequence.tokens[sequence.n_tokens - 1] == PMT_END);
  for (size_t i = 1; i + 1 < sequence.n_tokens; ++i) {
    char name[24];
    pmt_token_name(sequence.tokens[i], name, sizeof name);
    strcat(text, i > 1 ? " " : "");
    strcat(text, name);
  }
  CHECKF(strcmp(text, wanted) == 0, "\n%s\n%s", text, wanted);
  pmt_sequence_free(&sequence);
}

/* Examples */

static void test_chorale_example(void) {
  static Music m;
  begin(&m, 4);
  add_bar(&m, 3, 4, 0);
  add_note(&m, 0, 0, 67, 48);
  add_note(&m, 0, 1, 62, 24);
  add_note(&m, 0, 2, 59, 24);
  add_note(&m, 0, 3, 55, 24);
  add_note(&m, 24, 1, 64, 24);
  add_note(&m, 24, 2, 60, 12);
  add_note(&m, 24, 3, 52, 24);
  add_note(&m, 36, 2, 59, 12);
  add_note(&m, 48, 0, 74, 24);
  add_note(&m, 48, 1, 62, 24);
  add_note(&m, 48, 2, 57, 24);
  add_note(&m, 48, 3, 54, 24);
  check_tokens(&m, "T0 P0:G4 D48 P1:D4 D24 P2:B3 D24 P3:G3 D24 T1 T2 P1:E4 D24 P2:C4 D12 P3:E3 D24 T3 P2:B3 D12 "
                   "T4 P0:D5 D24 P1:D4 D24 P2:A3 D24 P3:F#3 D24 T5");
}

static void test_every_kind_of_token(void) {
  static Music m;
  begin(&m, 2);
  add_bar(&m, 2, 4, 24); /* a pickup of one quarter */
  add_bar(&m, 7, 16, 0); /* slots of 12, 12, 12, 6 */
  add_note(&m, 24, 0, 60, 27)->velocity = 6;
  add_note(&m, 24, 0, 59, 384)->velocity = 6;
  add_note(&m, 28, 1, 60, 1)->velocity = 2;
  add_note(&m, 28, PMT_PART_DRUMS, 36, 0)->velocity = 2;
  add_note(&m, 28, PMT_PART_DRUMS, 42, 0)->velocity = 7;
  PmtNote* const trill = add_note(&m, 48 + 36 + 5, 0, 64, 48);
  trill->ornament = PMT_TRILL;
  trill->velocity = 7;
  check_tokens(&m, "T2 VEL6 P0:C4 D24 D3 P0:B3 D192 D192 POS4 VEL2 P1:C4 D1 drum36 VEL7 drum42 T3 "
                   "T0 T1 T2 T3 POS5 TRILL P0:E4 D48");
  PmtSequence sequence = encode(&m.score);
  CHECK(sequence.n_slots == 6);
  static const struct {
    uint32_t token, tick, bar, meter, phrase, length, notes;
  } slots[6] = {{1, 24, 0, 4, 1, 12, 5}, {16, 36, 0, 4, 1, 12, 5}, {17, 48, 1, 4, 2, 12, 1},
                {18, 60, 1, 4, 2, 12, 1}, {19, 72, 1, 4, 2, 12, 1}, {20, 84, 1, 4, 2, 6, 1}};
  for (size_t i = 0; i < 6; ++i) {
    const PmtSlot* const s = &sequence.slots[i];
    CHECKF(s->token == slots[i].token && s->tick == slots[i].tick && s->bar == slots[i].bar &&
               s->meter == slots[i].meter && s->phrase == slots[i].phrase && s->length == slots[i].length &&
               s->bar_notes == slots[i].notes,
           "slot %zu: token %u tick %u", i, s->token, s->tick);
  }
  pmt_sequence_free(&sequence);
}

static void test_long_bars_wrap(void) {
  static Music m;
  begin(&m, 1);
  add_bar(&m, 13, 4, 0); /* 26 slots */
  PmtSequence sequence = encode(&m.score);
  CHECK(sequence.n_slots == 26 && sequence.slots[0].meter == 25);
  CHECK(sequence.tokens[1 + 23] == pmt_token_slot(23) && sequence.tokens[1 + 24] == pmt_token_slot(0));
  pmt_sequence_free(&sequence);
}

static void test_empty_score(void) {
  const PmtScore empty = {0};
  PmtSequence sequence = encode(&empty);
  CHECK(sequence.n_tokens == 2 && sequence.n_slots == 0);
  PmtScore back;
  CHECK(!pmt_decode(sequence.tokens, 2, &empty, &back, NULL) && back.n_notes == 0);
  pmt_score_free(&back);
  pmt_sequence_free(&sequence);
}

/* Keys */

static void test_keys(void) {
  static const uint8_t major[7] = {0, 2, 4, 5, 7, 9, 11}, minor[7] = {0, 2, 3, 5, 7, 8, 11};
  for (uint32_t root = 0; root < 12; ++root) {
    PmtNote notes[16];
    for (uint32_t mode = 0; mode < 2; ++mode) {
      uint32_t n = 0;
      for (uint32_t i = 0; i < 7; ++i) {
        const uint32_t degree = mode ? minor[i] : major[i];
        const bool in_chord = i == 0 || i == 2 || i == 4;
        notes[n++] = (PmtNote){.pitch = (uint8_t)(60 + root + degree), .duration = in_chord ? 48 : 12};
      }
      notes[n++] = (PmtNote){.pitch = 36, .part = PMT_PART_DRUMS};
      CHECK(pmt_score_key(notes, n) == 1 + root + 12 * mode);
    }
  }
  PmtNote chromatic[12];
  for (uint8_t i = 0; i < 12; ++i) {
    chromatic[i] = (PmtNote){.pitch = (uint8_t)(60 + i), .duration = 12};
  }
  CHECK(pmt_score_key(chromatic, 12) == 0 && pmt_score_key(chromatic, 0) == 0);
}

/** A piece that turns from C major to F sharp major: slots know the key of the bars around them. */
static void test_keys_follow_the_music(void) {
  static Music m;
  static const uint8_t chords[4][3] = {{0, 4, 7}, {5, 9, 12}, {7, 11, 14}, {0, 4, 7}};
  begin(&m, 1);
  for (uint32_t bar = 0; bar < 40; ++bar) {
    add_bar(&m, 4, 4, 0);
    for (uint32_t beat = 0; beat < 4; ++beat) {
      for (int i = 2; i >= 0; --i) { /* close position, from the top down */
        add_note(&m, 96 * bar + 24 * beat, 0, 60 + chords[beat][i] + (bar < 20 ? 0u : 6u), 24);
      }
    }
  }
  PmtSequence sequence = encode(&m.score);
  CHECK(sequence.slots[0].key == 1 && sequence.slots[8 * 10].key == 1);
  CHECK(sequence.slots[8 * 30].key == 7 && sequence.slots[8 * 39].key == 7);
  pmt_sequence_free(&sequence);
}

/* There and back */

static void check_round_trip(const PmtScore* const score, const char* const name) {
  PmtError error = {{0}};
  PmtSequence sequence;
  CHECKF(!pmt_encode(score, &sequence, &error), "%s: %s", name, error.text);
  PmtScore back;
  CHECKF(!pmt_decode(sequence.tokens, sequence.n_tokens, score, &back, &error), "%s: %s", name, error.text);
  CHECKF(pmt_score_equal(score, &back, &error), "%s: %s", name, error.text);
  CHECK(back.parts == score->parts && back.n_tempos == score->n_tempos);
  pmt_score_free(&back);
  pmt_sequence_free(&sequence);
}

/** A score of random bars full of random notes, made legal by the functions that import uses. */
static void test_random_scores(void) {
  static Music m;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    uint64_t n = 0;
    begin(&m, 8);
    const uint32_t n_bars = 1 + pmt_random_bits(seed, 0, n++) % 6;
    for (uint32_t i = 0; i < n_bars; ++i) {
      const uint64_t r = pmt_random_bits(seed, 0, n++);
      add_bar(&m, 1 + r % 17, 1u << (2 + (r >> 32) % 3), 0);
    }
    const uint32_t n_notes = pmt_random_bits(seed, 0, n++) % 2000;
    for (uint32_t i = 0; i < n_notes; ++i) {
      const uint64_t r = pmt_random_bits(seed, 1, i);
      const uint32_t onset = (uint32_t)(r % pmt_score_ticks(&m.score));
      const bool drum = (r >> 60) == 0;
      PmtNote* const note =
          drum ? add_note(&m, onset, PMT_PART_DRUMS, 35 + (r >> 24) % 47, 0)
               : add_note(&m, onset, r >> 20 & 7, r >> 24 & 127, pmt_duration_nearest(1 + (r >> 32) % 400));
      note->velocity = r >> 50 & 7;
      note->ornament = drum ? PMT_PLAIN : r >> 54 & 3;
    }
    pmt_score_sort(&m.score);
    size_t kept = 0;
    for (size_t i = 0; i < m.score.n_notes; ++i) {
      if (i == 0 || pmt_note_compare(&m.notes[kept - 1], &m.notes[i]) != 0) {
        m.notes[kept++] = m.notes[i];
      }
    }
    m.score.n_notes = kept;
    pmt_score_cut_restruck(&m.score);
    check_round_trip(&m.score, "random score");
  }
}

typedef struct {
  size_t n_files, n_tokens;
  double n_quarters;
} Tally;

static void take_corpus_file(const char* const path, Tally* const tally) {
  PmtScore score;
  PmtError error = {{0}};
  const PmtImportOptions options = pmt_import_defaults();
  CHECKF(!pmt_import_file(path, &options, &score, NULL, &error), "%s", error.text);
  check_round_trip(&score, path);
  PmtSequence sequence = encode(&score);
  ++tally->n_files;
  tally->n_tokens += sequence.n_tokens;
  tally->n_quarters += pmt_score_ticks(&score) / 24.0;
  pmt_sequence_free(&sequence);
  pmt_score_free(&score);
}

static void take_corpus_folder(const char* const folder, const size_t step, Tally* const tally) {
  DIR* const dir = opendir(folder);
  size_t n = 0;
  for (struct dirent* entry; dir && (entry = readdir(dir));) {
    const size_t length = strlen(entry->d_name);
    if (length > 4 && strcmp(entry->d_name + length - 4, ".mid") == 0 && n++ % step == 0) {
      char path[1000];
      snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
      take_corpus_file(path, tally);
    }
  }
  if (dir) {
    closedir(dir);
  }
}

static void test_corpora(void) {
  static const char* const root = "../shared/corpora";
  const char* const wanted = getenv("PMT_CORPUS_STEP");
  const size_t step = wanted && atoi(wanted) > 0 ? (size_t)atoi(wanted) : 1;
  DIR* const dir = opendir(root);
  if (!dir) {
    printf("no %s: round trips over real music are skipped\n", root);
    return;
  }
  size_t n_files = 0;
  for (struct dirent* entry; (entry = readdir(dir));) {
    char folder[600];
    Tally tally = {0};
    snprintf(folder, sizeof folder, "%s/%s", root, entry->d_name);
    if (entry->d_name[0] != '.') {
      take_corpus_folder(folder, step, &tally);
    }
    if (tally.n_files) {
      printf("%-10s %5zu files, %5.2f tokens a quarter\n", entry->d_name, tally.n_files,
             (double)tally.n_tokens / tally.n_quarters);
    }
    n_files += tally.n_files;
  }
  closedir(dir);
  printf("%zu corpus files there and back\n", n_files);
}

/* What may not be */

static void check_not_encoded(const Music* const m, const char* const word) {
  PmtSequence sequence;
  PmtError error = {{0}};
  CHECK(pmt_encode(&m->score, &sequence, &error) == PMT_BAD_ARG && !sequence.tokens && !sequence.slots);
  CHECKF(strstr(error.text, word), "\"%s\" not in \"%s\"", word, error.text);
}

static Music* two_bars(void) {
  static Music m;
  begin(&m, 1);
  add_bar(&m, 4, 4, 0);
  add_bar(&m, 4, 4, 0);
  return &m;
}

static void test_scores_that_break_the_rules(void) {
  Music* m = two_bars();
  m->bars[1].tick = 95;
  check_not_encoded(m, "bar 1 does not touch");
  m = two_bars();
  m->bars[1].ticks = 0;
  check_not_encoded(m, "bar 1 has no sane length");
  m = two_bars();
  m->bars[0].skip = 6;
  check_not_encoded(m, "bar 0 misses");
  m = two_bars();
  m->bars[1].skip = 12;
  check_not_encoded(m, "bar 1 misses");
  m = two_bars();
  m->bars[0].skip = 24;
  add_note(m, 12, 0, 60, 12);
  check_not_encoded(m, "outside the bars");
  m = two_bars();
  add_note(m, 192, 0, 60, 12);
  check_not_encoded(m, "outside the bars");
  m = two_bars();
  add_note(m, 0, 0, 60, 12);
  add_note(m, 0, 0, 62, 12);
  check_not_encoded(m, "note 1 is out of order");
  m = two_bars();
  add_note(m, 0, 0, 60, 12);
  add_note(m, 0, 0, 60, 12);
  check_not_encoded(m, "note 1 is out of order");
  m = two_bars();
  add_note(m, 0, 0, 60, 24);
  add_note(m, 12, 0, 60, 12);
  check_not_encoded(m, "note 1 begins while");
  m = two_bars();
  add_note(m, 0, 1, 60, 24);
  check_not_encoded(m, "note 0 is outside the parts");
  m = two_bars();
  add_note(m, 0, 0, 60, 29);
  check_not_encoded(m, "note 0 has a length");
  m = two_bars();
  add_note(m, 0, 0, 60, 24)->velocity = 8;
  check_not_encoded(m, "note 0 has no velocity");
  m = two_bars();
  add_note(m, 0, PMT_PART_DRUMS, 82, 0);
  check_not_encoded(m, "note 0 is no percussion");
}

static void check_not_decoded(const char* const word, const size_t n, const PmtToken* const tokens) {
  PmtScore back;
  PmtError error = {{0}};
  CHECK(pmt_decode(tokens, n, &two_bars()->score, &back, &error) == PMT_BAD_FILE);
  CHECK(!back.notes && !back.bars);
  CHECKF(strstr(error.text, word), "\"%s\" not in \"%s\"", word, error.text);
}
#define NOT_DECODED(word, ...) \
  check_not_decoded(word, sizeof(const PmtToken[]){__VA_ARGS__} / sizeof(PmtToken), (const PmtToken[]){__VA_ARGS__})

static void test_tokens_that_break_the_grammar(void) {
  enum { T0 = PMT_TOKEN_SLOT, T1, T2, D12 = PMT_TOKEN_DUR + 7, D24 = PMT_TOKEN_DUR + 12, C4 = PMT_TOKEN_NOTE + 60 };
  NOT_DECODED("token 0", T0, T1);
  NOT_DECODED("token 1: T1", PMT_BOS, T1);
  NOT_DECODED("token 2: T2", PMT_BOS, T0, T2);
  NOT_DECODED("token 2: D12", PMT_BOS, T0, D12);
  NOT_DECODED("token 3: T1", PMT_BOS, T0, C4, T1);
  NOT_DECODED("token 3: END", PMT_BOS, T0, C4, PMT_END);
  NOT_DECODED("no duration", PMT_BOS, T0, C4);
  NOT_DECODED("token 3: T1", PMT_BOS, T0, PMT_TOKEN_POS, T1);
  NOT_DECODED("token 2: VEL4", PMT_BOS, T0, PMT_TOKEN_VEL + 4);
  NOT_DECODED("token 4: D24", PMT_BOS, T0, C4, D12, D24);
  NOT_DECODED("token 4: P0:D4", PMT_BOS, T0, C4, D12, C4 + 2, D12);
  NOT_DECODED("token 2: RSV125", PMT_BOS, T0, 125);
  NOT_DECODED("token 2: RSV", PMT_BOS, T0, 2000);
  NOT_DECODED("token 3: T1", PMT_BOS, T0, PMT_END, T1);
  NOT_DECODED("token 17", PMT_BOS, T0, T1, T2, 7, 8, 9, 10, 11, T0, T1, T2, 7, 8, 9, 10, 11, T0);
}

/** Tokens may end at any slot; and they may strike a note again, which ends the older one. */
static void test_decoding_of_fragments(void) {
  const PmtToken c4 = pmt_token_note(3, 60);
  const PmtToken tokens[] = {PMT_BOS, PMT_TOKEN_SLOT, c4, PMT_TOKEN_DUR + 15, PMT_TOKEN_SLOT + 1, c4, PMT_TOKEN_DUR};
  PmtScore back;
  CHECK(!pmt_decode(tokens, sizeof tokens / sizeof *tokens, &two_bars()->score, &back, NULL));
  CHECK(back.n_notes == 2 && back.notes[0].duration == 12 && back.notes[1].onset == 12 && back.notes[1].duration == 1);
  CHECK(back.n_bars == 2 && back.parts == 4);
  pmt_score_free(&back);
}

static void test_comparison_finds_differences(void) {
  static Music a, b;
  Music* const both[2] = {&a, &b};
  for (int i = 0; i < 2; ++i) {
    begin(both[i], 1);
    add_bar(both[i], 4, 4, 0);
    add_note(both[i], 0, 0, 60, 12);
  }
  PmtError error = {{0}};
  CHECK(pmt_score_equal(&a.score, &b.score, &error));
  b.notes[0].ornament = PMT_TURN;
  CHECK(!pmt_score_equal(&a.score, &b.score, &error) && strstr(error.text, "note 0"));
  b.notes[0].ornament = PMT_PLAIN;
  b.bars[0].skip = 12;
  CHECK(!pmt_score_equal(&a.score, &b.score, &error) && strstr(error.text, "bar 0"));
  b.score.n_bars = 0;
  CHECK(!pmt_score_equal(&a.score, &b.score, &error));
}

static void test_out_of_memory(void) {
  Music* const m = two_bars();
  add_note(m, 0, 0, 60, 24);
  PmtError error = {{0}};
  PmtSequence sequence;
  size_t n = 0;
  for (;; ++n) {
    pmt_fail_after(n);
    const PmtStatus status = pmt_encode(&m->score, &sequence, &error);
    pmt_fail_never();
    if (!status) {
      break;
    }
    CHECK(status == PMT_NO_MEM && !sequence.tokens && !sequence.slots);
  }
  CHECK(n == 3); /* the last one, giving memory back, may fail unnoticed */
  for (n = 0;; ++n) {
    PmtScore back;
    pmt_fail_after(n);
    const PmtStatus status = pmt_decode(sequence.tokens, sequence.n_tokens, &m->score, &back, &error);
    pmt_fail_never();
    if (!status) {
      pmt_score_free(&back);
      break;
    }
    CHECK(status == PMT_NO_MEM && !back.notes && !back.bars && !back.tempos);
  }
  CHECK(n == 3);
  pmt_sequence_free(&sequence);
}

int main(void) {
  test_chorale_example();
  test_every_kind_of_token();
  test_long_bars_wrap();
  test_empty_score();
  test_keys();
  test_keys_follow_the_music();
  test_random_scores();
  test_scores_that_break_the_rules();
  test_tokens_that_break_the_grammar();
  test_decoding_of_fragments();
  test_comparison_finds_differences();
  test_out_of_memory();
  test_corpora();
  return 0;
}
