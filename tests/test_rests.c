/* SPDX-License-Identifier: ISC */
/* How long parts rest: counted in a corpus; and at play, with the shipped model, no longer than it tells of its styles. */
#include "base/file.h"
#include "check.h"
#include "gen/render.h"
#include "support/scratch.h"
#include "train/rests.h"

#include <stdlib.h>
#include <string.h>

/* ---- in a corpus ---- */

/** Bars of one slot; of each bar the parts that begin a note in it, as letters. */
static PmtSequence sequence_of(const char* const bars) {
  PmtSequence s = {.tokens = calloc(4 * strlen(bars) + 2, sizeof *s.tokens),
                   .slots = calloc(strlen(bars) + 1, sizeof *s.slots)};
  s.tokens[s.n_tokens++] = PMT_BOS;
  for (const char* c = bars;; ++c) {
    s.slots[s.n_slots] = (PmtSlot){.token = (uint32_t)s.n_tokens, .bar = (uint32_t)s.n_slots};
    s.tokens[s.n_tokens++] = pmt_token_slot(0);
    ++s.n_slots;
    for (; *c >= 'a' && *c <= 'd'; ++c) {
      s.tokens[s.n_tokens++] = pmt_token_note((uint32_t)(*c - 'a'), 60);
      s.tokens[s.n_tokens++] = PMT_TOKEN_DUR;
    }
    if (!*c) {
      break;
    }
  }
  s.tokens[s.n_tokens++] = PMT_END;
  return s;
}

static void check_rests(const char* const pieces[], const size_t n, const uint8_t parts, const char* const expected) {
  PmtCorpus corpus = {.pieces = calloc(n, sizeof *corpus.pieces), .n_pieces = n};
  for (size_t i = 0; i < n; ++i) {
    corpus.pieces[i] = (PmtPiece){.sequence = sequence_of(pieces[i]), .parts = parts};
  }
  uint8_t rests[PMT_PARTS_MAX];
  CHECK(!pmt_corpus_rests(&corpus, rests));
  for (uint32_t p = 0; p < parts; ++p) {
    CHECKF((char)('0' + rests[p]) == expected[p], "%s..., part %u: %u, not %c", pieces[0], p, rests[p], expected[p]);
  }
  CHECK(parts == PMT_PARTS_MAX || rests[parts] == 0);
  for (size_t i = 0; i < n; ++i) {
    pmt_sequence_free(&corpus.pieces[i].sequence);
  }
  free(corpus.pieces);
}

static void test_counted(void) {
  static const char* const always[] = {"ab,ab,ab,ab,ab,ab,ab,ab"};
  check_rests(always, 1, 2, "00");
  /* 20 bars: one in twenty may lie deeper. b rests three bars once; c two bars once, and one. */
  static const char* const now_and_then[] = {"abc,abc,ac,ac,ac,ab,ab,abc,abc,abc,abc,abc,abc,ab,abc,abc,abc,abc,abc,abc"};
  check_rests(now_and_then, 1, 3, "021");
  /* In half of the pieces: what one piece does is not the style. */
  static const char* const three[] = {"a,a,a,a,a,a,a,a", "ab,ab,ab,ab,ab,ab,ab,ab", "ab,ab,ab,ab,ab,ab,ab,ab"};
  check_rests(three, 3, 2, "00");
  static const char* const two_of_three[] = {"ab,a,a,a,a,ab,ab,ab", "ab,a,a,a,a,ab,ab,ab", "ab,ab,ab,ab,ab,ab,ab,ab"};
  check_rests(two_of_three, 3, 2, "04");
  char far[200] = "b";
  for (int i = 0; i < 80; ++i) {
    strcat(far, ",a");
  }
  const char* const never_again[] = {far};
  check_rests(never_again, 1, 2, (char[]){'0', '0' + PMT_RESTS_ANY, 0});
}

/* ---- at play ---- */

enum { BARS = 48, SEEDS = 4 };

/** The same file but for what it tells of rests. */
static PmtModel* load(const char* const path, const bool tells) {
  unsigned char* bytes;
  size_t size;
  CHECK(!pmt_file_read(path, (size_t)1 << 28, &bytes, &size, NULL));
  char* const name = memmem(bytes, size, "\"style_rests\"", 13);
  CHECK(name);
  if (!tells) {
    memcpy(name, "\"other_thing\"", 13);
  }
  const char* const copy = pmt_scratch_path("rests.safetensors");
  FILE* const f = fopen(copy, "wb");
  CHECK(f && fwrite(bytes, 1, size, f) == size && !fclose(f));
  free(bytes);
  PmtModel* model;
  CHECK(!pmt_model_load(copy, &model, NULL));
  return model;
}

/** Bars in which a part of the style begins no note, deeper in a rest than `from`. */
static uint32_t rested(const bool tells, const char* const style, const uint32_t parts, const uint32_t from) {
  PmtPlayer* player;
  PmtEngine* engine;
  uint32_t total = 0;
  PmtModel* const model = load("models/partimento.safetensors", tells);
  CHECK(!pmt_player_new(model, &player) && !pmt_engine_new(48000.0, player, &engine));
  for (uint32_t seed = 1; seed <= SEEDS; ++seed) {
    PmtControls c = pmt_controls_default();
    c.style = (float)pmt_model_style(model, style);
    c.seed = (float)seed;
    const PmtRenderOptions o = {
      .sample_rate = 48000.0, .bars = BARS, .quarter_bpm = 120.0, .beats = 4, .unit = 4, .block = 1024};
    PmtMidiList list = {0};
    bool began[BARS + 1][PMT_PARTS_MAX] = {{false}};
    CHECK(!pmt_render(engine, &c, &o, &list, NULL));
    for (size_t i = 0; i < list.n_events; ++i) {
      const uint8_t* const b = list.events[i].bytes;
      const uint64_t bar = list.events[i].frame / 96000;
      if ((b[0] & 0xf0) == 0x90 && (b[0] & 0x0fu) < parts && bar < BARS) {
        began[bar][b[0] & 0x0f] = true;
      }
    }
    pmt_midi_list_free(&list);
    for (uint32_t p = 0; p < parts; ++p) {
      for (uint32_t bar = 0, rest = 0; bar < BARS; ++bar) {
        rest = began[bar][p] ? 0 : rest + 1;
        total += rest > from;
      }
    }
  }
  pmt_engine_free(engine);
  return total;
}

/** A net that hears itself rest goes on resting: before parts were asked back, songs went without a bass for sixteen bars. */
static void test_played(void) {
  static const struct { const char* style; uint32_t parts; } of[] = {{"quartet", 4}, {"songbook", 3}, {"ragtime", 2}};
  for (size_t i = 0; i < sizeof of / sizeof *of; ++i) {
    const uint32_t with = rested(true, of[i].style, of[i].parts, 3);
    const uint32_t without = rested(false, of[i].style, of[i].parts, 3);
    CHECKF(with * 3 <= without && without > 0, "%s: %u bars of %u deep in a rest, and %u when nothing is told of rests",
           of[i].style, with, of[i].parts * BARS * SEEDS, without);
    CHECKF(with * 50 <= of[i].parts * BARS * SEEDS, "%s: %u bars", of[i].style, with);
  }
}

int main(void) {
  pmt_scratch_begin();
  test_counted();
  test_played();
  pmt_scratch_end();
  return 0;
}
