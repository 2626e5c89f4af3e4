/* SPDX-License-Identifier: ISC */
/* The player's MIDI on its way through: whatever happens, what was passed on ends. First the module, then the engine
   around it. */
#include "check.h"

#include "base/random.h"
#include "gen/channels.h"
#include "gen/thru.h"
#include "support/engine_script.h"

#include <string.h>

/* ---- The module -------------------------------------------------------------------------------------------------- */

static PmtThru thru;

static void pass(const PmtMidiOut* const out, const uint8_t status, const uint8_t key, const uint8_t velocity,
                 const uint8_t channel) {
  const uint8_t bytes[3] = {status, key, velocity};
  pmt_thru_pass(&thru, bytes, 3, channel, out, 0);
}

static bool is(const PmtTimedMidi* const e, const uint8_t status, const uint8_t key) {
  return e->bytes[0] == status && e->bytes[1] == key;
}

static void test_pairs(void) {
  PmtScriptSink sink = {.n_frames = 1};
  const PmtMidiOut out = pmt_script_out(&sink);
  pmt_thru_reset(&thru);
  pass(&out, 0x80, 60, 0, 2); /* an end of nothing is not passed on */
  CHECK(sink.list.n_events == 0);
  pass(&out, 0x90, 60, 100, 2);
  pass(&out, 0x80, 60, 0, 5); /* it ends where it sounds, wherever its channel goes by now */
  CHECK(sink.list.n_events == 2 && is(&sink.list.events[0], 0x92, 60) && is(&sink.list.events[1], 0x82, 60));
  pass(&out, 0x90, 60, 100, 2);
  pass(&out, 0x90, 60, 0, 2); /* running status' note-off */
  CHECK(sink.list.n_events == 4 && sink.n_sounding == 0);
  pass(&out, 0x90, 60, 100, 2);
  pass(&out, 0x90, 60, 101, 3); /* struck again, elsewhere: the first ends */
  CHECK(sink.n_sounding == 1 && sink.sounding[3][60]);
  pass(&out, 0x80, 60, 0, 3);
  pass(&out, 0x90, 60, 100, 2);
  pass(&out, 0x91, 60, 100, 2); /* two keys that sound as one */
  CHECK(sink.n_sounding == 1);
  pass(&out, 0x80, 60, 0, 2);
  pass(&out, 0x81, 60, 0, 2);
  CHECK(sink.n_sounding == 0);
  pmt_midi_list_free(&sink.list);
}

static void test_others(void) {
  PmtScriptSink sink = {.n_frames = 1, .passes = true};
  const PmtMidiOut out = pmt_script_out(&sink);
  static const uint8_t messages[][3] = {{0xb0, 1, 99}, {0xe3, 0, 64}, {0xa0, 60, 3}, {0xc5, 7}, {0xd5, 8}};
  pmt_thru_reset(&thru);
  for (size_t i = 0; i < COUNT(messages); ++i) {
    const uint32_t size = (messages[i][0] & 0xe0) == 0xc0 ? 2 : 3;
    pmt_thru_pass(&thru, messages[i], size, 11, &out, 0);
    const PmtTimedMidi* const e = &sink.list.events[i];
    CHECK(sink.list.n_events == i + 1 && e->size == size && e->bytes[0] == ((messages[i][0] & 0xf0) | 11));
    CHECK(e->bytes[1] == messages[i][1] && e->bytes[2] == messages[i][2]);
  }
  CHECK(pmt_thru_end(&thru, &out, 0) == 0 && sink.list.n_events == COUNT(messages));
  pmt_midi_list_free(&sink.list);
}

/** A pedal that was passed on comes up with all else, on the channel where it is down; also when there is no space at
    first. */
static void test_pedal(void) {
  PmtScriptSink sink = {.n_frames = 1, .passes = true};
  const PmtMidiOut out = pmt_script_out(&sink);
  pmt_thru_reset(&thru);
  pass(&out, 0xb0, 64, 127, 4);
  pass(&out, 0xb0, 64, 90, 4);
  CHECK(sink.list.n_events == 2);
  sink.refuse_one_in = 1;
  CHECK(pmt_thru_end(&thru, &out, 0) == 1);
  sink.refuse_one_in = 0;
  pmt_thru_retry(&thru, &out, 0);
  CHECK(sink.list.n_events == 3 && is(&sink.list.events[2], 0xb4, 64) && sink.list.events[2].bytes[2] == 0);
  CHECK(pmt_thru_end(&thru, &out, 0) == 0 && sink.list.n_events == 3);
  pass(&out, 0xb0, 64, 127, 4);
  pass(&out, 0xb0, 64, 0, 6); /* its channel goes elsewhere by now: it comes up where it is down */
  CHECK(sink.list.n_events == 5 && is(&sink.list.events[4], 0xb4, 64) && sink.list.events[4].bytes[2] == 0);
  pass(&out, 0xb0, 64, 127, 4);
  pass(&out, 0xb1, 64, 127, 4); /* two pedals, one channel: it is up when both are */
  pass(&out, 0xb0, 64, 0, 4);
  CHECK(sink.list.n_events == 7);
  pmt_thru_end_channel(&thru, 1, &out, 0);
  CHECK(sink.list.n_events == 8 && is(&sink.list.events[7], 0xb4, 64) && sink.list.events[7].bytes[2] == 0);
  sink.refuse_one_in = 1;
  pass(&out, 0xb0, 64, 127, 4); /* refused: it is not down */
  sink.refuse_one_in = 0;
  CHECK(pmt_thru_end(&thru, &out, 0) == 0 && sink.list.n_events == 8);
  pmt_midi_list_free(&sink.list);
}

/** More keys than the table holds, every channel, ends refused at first. */
static void test_crowd(void) {
  PmtScriptSink sink = {.n_frames = 1};
  const PmtMidiOut out = pmt_script_out(&sink);
  pmt_thru_reset(&thru);
  for (uint32_t i = 0; i < 16 * 128; ++i) {
    pass(&out, (uint8_t)(0x90 | i / 128), (uint8_t)(i % 128), 64, (uint8_t)((i / 128 + 3) % 16));
  }
  CHECK(sink.n_sounding == PMT_HELD_MAX);
  sink.refuse_one_in = 2;
  pmt_thru_end_channel(&thru, 0, &out, 0);
  CHECK(sink.n_sounding > 0 && sink.n_sounding < PMT_HELD_MAX);
  sink.refuse_one_in = 0;
  pmt_thru_retry(&thru, &out, 0);
  CHECK(sink.n_sounding == 0);
  CHECK(pmt_thru_end(&thru, &out, 0) == 0);
  pmt_midi_list_free(&sink.list);
}

static void test_random(void) {
  uint64_t n = 0;
#define DICE(sides) ((uint32_t)(pmt_random_bits(9, 1, n++) % (sides)))
  for (uint32_t song = 0; song < 200; ++song) {
    PmtScriptSink sink = {.n_frames = 1, .passes = true};
    sink.refuse_one_in = DICE(3) ? 1 + DICE(4) : 0;
    const PmtMidiOut out = pmt_script_out(&sink);
    pmt_thru_reset(&thru);
    for (uint32_t i = 0; i < 400; ++i) {
      const uint8_t came = (uint8_t)DICE(3), goes = (uint8_t)(i / 100 + came % 2);
      const uint32_t what = DICE(40);
      if (what == 0) {
        pmt_thru_end(&thru, &out, 0);
      } else if (what == 1) {
        pmt_thru_end_channel(&thru, came, &out, 0);
      } else if (what < 5) {
        const uint8_t value = (uint8_t)DICE(128);
        pass(&out, (uint8_t)(0xb0 | came), 64, value, goes);
      } else {
        const uint8_t status = (uint8_t)((what < 20 ? 0x80 : 0x90) | came), key = (uint8_t)(60 + DICE(6));
        const uint8_t velocity = (uint8_t)DICE(128);
        pass(&out, status, key, velocity, goes);
      }
      pmt_thru_retry(&thru, &out, 0);
    }
    sink.refuse_one_in = 0;
    CHECK(pmt_thru_end(&thru, &out, 0) == 0 && sink.n_sounding == 0);
    CHECK(!pmt_script_pedals(&sink.list));
    pmt_midi_list_free(&sink.list);
  }
#undef DICE
}

/* ---- Through the engine ------------------------------------------------------------------------------------------ */

static PmtControls with_mode(const PmtMode mode) {
  PmtControls c = pmt_controls_default();
  c.mode = (float)mode;
  return c;
}

enum { A = 96000, B = 110000, C = 150000 };

/** A key goes down at A, something happens at B, the key comes up at C: its note began, ended once and no later than B
    (when `at_once`) or C. */
static void check_path(const PmtScriptEvent* const happens, const size_t n_happen, const PmtMode mode,
                       const bool at_once) {
  for (uint32_t refuse = 0; refuse <= 3; refuse += 3) {
    PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
    PmtScriptSink sink = {.passes = true};
    PmtScriptEvent e[16] = {pmt_script_set(0, with_mode(mode)), pmt_script_at(0, pmt_script_position(0, 0.0f)),
                            pmt_script_at(24000, pmt_script_position(0, 1.0f)), pmt_script_midi(A, 0x90, 20, 100)};
    size_t n = 4;
    for (size_t i = 0; i < n_happen; ++i) {
      e[n++] = happens[i]; /* (20 is below what the models play: it is the player's alone) */
    }
    e[n++] = pmt_script_midi(C, 0x80, 20, 0);
    pmt_script_run(engine, e, n, B, 64, &sink);
    uint32_t sounding = 0;
    for (uint32_t c = 0; c < 16; ++c) {
      sounding += sink.sounding[c][20];
    }
    CHECK(sounding == 1);
    sink.refuse_one_in = refuse;
    pmt_script_run(engine, e + 4, n - 5, B + 9600, 64, &sink);
    if (at_once) {
      for (uint32_t c = 0; c < 16; ++c) {
        CHECK(!sink.sounding[c][20]);
      }
    }
    pmt_script_run(engine, e + n - 1, 1, C + 9600, 64, &sink);
    uint32_t ons = 0, offs = 0;
    for (size_t i = 0; i < sink.list.n_events; ++i) {
      const PmtTimedMidi* const m = &sink.list.events[i];
      ons += m->bytes[1] == 20 && (m->bytes[0] & 0xf0) == 0x90;
      offs += m->bytes[1] == 20 && (m->bytes[0] & 0xf0) == 0x80;
    }
    CHECKF(ons == 1 && offs == 1, "%u begun, %u ended", ons, offs);
    pmt_midi_list_free(&sink.list);
    pmt_engine_free(engine);
  }
}

static void test_paths(void) {
  for (uint32_t m = 0; m < PMT_MODES; ++m) {
    const PmtMode mode = (PmtMode)m;
    PmtControls c = with_mode(mode);
    check_path(NULL, 0, mode, false);
    c.thru = 0.0f;
    const PmtScriptEvent off = pmt_script_set(B, c);
    check_path(&off, 1, mode, true);
    c.thru = 1.0f;
    const PmtScriptEvent twice[] = {off, pmt_script_set(B + 64, c)};
    check_path(twice, 2, mode, true);
    c.channel = 7.0f;
    PmtScriptEvent happens = pmt_script_set(B, c);
    check_path(&happens, 1, mode, false);
    c.channel = 1.0f;
    c.you_play = (float)PMT_YOU_BASS;
    happens = pmt_script_set(B, c);
    check_path(&happens, 1, mode, false);
    for (uint32_t other = 0; other < PMT_MODES; ++other) {
      happens = pmt_script_set(B, with_mode((PmtMode)other));
      check_path(&happens, 1, mode, false);
    }
    c = with_mode(mode);
    c.enabled = 0.0f;
    happens = pmt_script_set(B, c);
    check_path(&happens, 1, mode, false); /* a bypassed instrument passes on */
    happens = (PmtScriptEvent){.frame = B, .kind = PMT_SCRIPT_PANIC};
    check_path(&happens, 1, mode, true);
    happens = (PmtScriptEvent){.frame = B, .kind = PMT_SCRIPT_SILENCE};
    check_path(&happens, 1, mode, true);
    happens = pmt_script_midi(B, 0xb0, 123, 0);
    check_path(&happens, 1, mode, true);
    happens = pmt_script_midi(B, 0xb0, 120, 0);
    check_path(&happens, 1, mode, true);
    happens = pmt_script_midi(B, 0xb5, 123, 0); /* another channel's */
    check_path(&happens, 1, mode, false);
    happens = pmt_script_at(B, pmt_script_position(40 * 96000, 1.0f));
    check_path(&happens, 1, mode, false);
    happens = pmt_script_at(B, pmt_script_position(B - 24000, 0.0f));
    check_path(&happens, 1, mode, false);
    const PmtTinyOptions one = {.parts = 1};
    happens = (PmtScriptEvent){.frame = B, .kind = PMT_SCRIPT_SWAP, .options = &one};
    check_path(&happens, 1, mode, false);
  }
}

/** Where it goes: as it came when we play alone, else on the channel of the part that the player has; drums on
    theirs. */
static void test_channels(void) {
  static const struct {
    PmtYouPlay you;
    uint8_t part;
  } yours[] = {{PMT_YOU_MELODY, 0}, {PMT_YOU_CHORDS, 1}, {PMT_YOU_SECOND, 1},
               {PMT_YOU_THIRD, 2},  {PMT_YOU_BASS, 3},   {PMT_YOU_OTHER, 0}};
  for (uint32_t mode = 0; mode < PMT_MODES; ++mode) {
    for (size_t i = 0; i < COUNT(yours); ++i) {
      PmtControls c = with_mode((PmtMode)mode);
      c.you_play = (float)yours[i].you;
      c.channel = 9.0f; /* parts on 9, 11, 12, 13 */
      const PmtScriptEvent e[] = {pmt_script_set(0, c),
                                  pmt_script_midi(100, 0x95, 20, 100),
                                  pmt_script_midi(200, 0x99, 36, 100),
                                  pmt_script_midi(300, 0xb5, 7, 100),
                                  pmt_script_midi(400, 0xc5, 7, 0),
                                  pmt_script_midi(500, 0xb5, 123, 0)};
      PmtEngine* const engine = pmt_script_engine(NULL);
      PmtScriptSink sink = {.passes = true};
      pmt_script_run(engine, e, COUNT(e), 4800, 64, &sink);
      const uint8_t to = mode == PMT_MODE_GENERATE ? 5 : (uint8_t)pmt_channel_of_part(8, yours[i].part);
      const PmtTimedMidi* const m = sink.list.events;
      CHECK(sink.list.n_events == 5 && m[0].bytes[0] == (0x90 | to) && m[0].frame == 100 && m[0].bytes[2] == 100);
      CHECK(m[1].bytes[0] == 0x99 && m[2].bytes[0] == (0xb0 | to) && m[3].bytes[0] == (0xc0 | to) && m[3].size == 2);
      /* All notes off ends it, and is not told. */
      CHECK(m[4].bytes[0] == (0x80 | to) && m[4].bytes[1] == 20 && m[4].frame == 500);
      pmt_midi_list_free(&sink.list);
      pmt_engine_free(engine);
    }
  }
}

/** The player and we on one channel, the same keys, in every mode: no note is begun twice, none ended that does not
    sound (the sink looks), and no note of theirs is cut by ours. */
static void test_shared(void) {
  for (uint32_t mode = 0; mode < PMT_MODES; ++mode) {
    for (uint32_t refuse = 0; refuse < 4; refuse += 3) {
      PmtControls c = with_mode((PmtMode)mode);
      c.you_play = (float)PMT_YOU_OTHER;
      PmtScriptEvent e[700];
      size_t n = 0;
      e[n++] = pmt_script_set(0, c);
      e[n++] = pmt_script_at(0, pmt_script_position(0, 1.0f));
      for (uint32_t i = 0; i < 300; ++i) {
        const uint64_t at = 2000 + 3000 * i;
        const uint8_t key = (uint8_t)(36 + i * 7 % 49);
        e[n++] = pmt_script_midi(at, 0x90, key, 90);
        e[n++] = pmt_script_midi(at + 2900, 0x80, key, 0);
      }
      PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
      PmtScriptSink sink = {.refuse_one_in = refuse};
      pmt_script_run(engine, e, n, 910000, 480, &sink);
      const uint32_t ours = (uint32_t)pmt_engine_stats(engine)->notes_on;
      CHECKF(ours > (mode == PMT_MODE_ANSWER ? 20 : 60), "mode %u, refused 1 in %u: %u notes", mode, refuse, ours);
      pmt_script_check_ends(engine, &sink);
      uint32_t theirs = 0;
      for (size_t i = 0; i < sink.list.n_events && !refuse; ++i) { /* theirs sound for as long as their keys are down */
        const PmtTimedMidi* const on = &sink.list.events[i];
        if (on->bytes[0] != 0x90 || on->bytes[2] != 90 || on->frame % 3000 != 2000) {
          continue;
        }
        size_t k = i + 1;
        while (sink.list.events[k].bytes[0] != 0x80 || sink.list.events[k].bytes[1] != on->bytes[1]) {
          ++k;
        }
        theirs += sink.list.events[k].frame == on->frame + 2900;
      }
      CHECKF(refuse || theirs > 280, "%u of 300", theirs); /* (a few are taken for echoes of ours) */
      pmt_midi_list_free(&sink.list);
      pmt_engine_free(engine);
    }
  }
}

/** What is no message of the player's is neither passed on nor heard. */
static void test_broken(void) {
  static const struct { uint8_t bytes[4]; uint32_t size; } broken[] = {
      {{0x90, 60, 100}, 0}, {{0x90, 60, 100}, 1}, {{0x90, 60, 100}, 2}, {{0x90, 60, 100, 1}, 4}, {{0x90, 128, 100}, 3},
      {{0x90, 60, 128}, 3}, {{60, 100, 1}, 3},    {{0xf0, 1, 0xf7}, 3}, {{0xf8}, 1},             {{0xc0, 1, 2}, 3},
      {{0xc0, 200}, 2},     {{0xb0, 64}, 2},      {{0xff, 0, 0}, 3}};
  PmtEngine* const engine = pmt_script_engine(NULL);
  PmtScriptSink sink = {.passes = true, .n_frames = 1};
  const PmtMidiOut out = pmt_script_out(&sink);
  pmt_script_run(engine, NULL, 0, 64, 64, &sink);
  for (size_t i = 0; i < COUNT(broken); ++i) {
    pmt_engine_midi(engine, broken[i].bytes, broken[i].size, &out, 0);
  }
  CHECK(sink.list.n_events == 0 && pmt_engine_stats(engine)->notes_heard == 0);
  pmt_engine_midi(engine, NULL, 0, &out, 0);
  pmt_engine_free(engine);
}

int main(void) {
  test_pairs();
  test_others();
  test_pedal();
  test_crowd();
  test_random();
  test_paths();
  test_channels();
  test_shared();
  test_broken();
  return 0;
}
