/* SPDX-License-Identifier: ISC */
/* The last bars from the tape, to text and back: what was composed, all of it and no more; and no text does harm. */
#include "check.h"
#include "gen/context.h"

#include "base/random.h"
#include "music/grammar.h"
#include "music/meter.h"
#include "support/engine_script.h"
#include "support/fail_alloc.h"

#include <string.h>

enum { SLOT_TIME = 240, BAR_SLOTS = 8, ROUNDS = 30000 };

static char text[PMT_CONTEXT_TEXT_MAX];

/* ---- A tape by hand ---------------------------------------------------------------------------------------------- */

static PmtTape* tape;
static uint64_t now;

static void begin_tape(const uint32_t beats, const uint32_t unit) {
  pmt_tape_free(tape);
  CHECK(!pmt_tape_new(&tape));
  now = 0;
  pmt_tape_add(tape, PMT_TAPE_START, 0, 0);
  pmt_tape_add(tape, PMT_TAPE_TEMPO, 0, 500000);
  pmt_tape_add(tape, PMT_TAPE_METER, 0, (uint64_t)beats * 64 << 8 | unit);
}

static void add_bar(const int64_t number) { pmt_tape_add(tape, PMT_TAPE_BAR, now, (uint32_t)number); }

static void add_tokens(const PmtTapeSlot slot, const PmtToken* const tokens, const size_t n) {
  pmt_tape_add(tape, PMT_TAPE_SLOT, now, pmt_tape_slot(slot));
  for (size_t i = 0; i < n; i += 3) {
    uint64_t payload = 0;
    for (size_t j = i; j < n && j < i + 3; ++j) {
      payload |= (uint64_t)(tokens[j] + 1) << 11 * (j - i);
    }
    pmt_tape_add(tape, PMT_TAPE_TOKENS, now, payload);
  }
}

static PmtTapeSlot head_of(const uint32_t index, const uint32_t meter, const uint32_t style) {
  return (PmtTapeSlot){.index = (uint8_t)(index % 24), .meter = (uint8_t)meter, .key = 13, .phrase = 2, .density = 5,
                       .style = (uint8_t)style};
}

/** One note, its pitch telling which slot it is. */
static void add_slot(const uint32_t index, const uint32_t meter, const uint32_t style, const uint32_t pitch) {
  const PmtToken tokens[] = {pmt_token_slot(index % 24), pmt_token_note(1, pitch % 128), PMT_TOKEN_DUR + 7};
  add_tokens(head_of(index, meter, style), tokens, COUNT(tokens));
  pmt_tape_add(tape, PMT_TAPE_MIDI, now, 0x914040);
  now += SLOT_TIME;
}

/** `bars` bars of eighths in a regular meter. */
static void add_bars(const int64_t first, const uint32_t bars, const uint32_t style) {
  for (uint32_t bar = 0; bar < bars; ++bar) {
    add_bar(first + bar);
    for (uint32_t i = 0; i < BAR_SLOTS; ++i) {
      add_slot(i, BAR_SLOTS, style, BAR_SLOTS * bar + i);
    }
  }
}

static PmtContext read_context(void) {
  PmtContext context;
  PmtError error = {""};
  CHECKF(!pmt_context_read(tape, &context, &error), "%s", error.text);
  return context;
}

static bool same(const PmtContext* const a, const PmtContext* const b) {
  const PmtSequence *x = &a->sequence, *y = &b->sequence;
  bool equal = x->n_tokens == y->n_tokens && x->n_slots == y->n_slots && a->next_bar == b->next_bar &&
               a->next_index == b->next_index && !memcmp(x->tokens, y->tokens, x->n_tokens * sizeof *x->tokens) &&
               !memcmp(a->style, b->style, x->n_slots);
  for (size_t i = 0; equal && i < x->n_slots; ++i) {
    const PmtSlot *s = &x->slots[i], *t = &y->slots[i];
    equal = s->token == t->token && s->tick == t->tick && s->bar == t->bar && s->meter == t->meter &&
            s->key == t->key && s->phrase == t->phrase && s->length == t->length && s->bar_notes == t->bar_notes;
  }
  return equal;
}

/** To text and back is the same; in every smaller room there is none. */
static void check_round_trip(const PmtContext* const context) {
  PmtContext again;
  PmtError error = {""};
  const size_t length = pmt_context_print(context, text, sizeof text);
  CHECK(length > 0 && length == strlen(text));
  for (size_t i = 0; i < length; ++i) {
    CHECKF(text[i] >= ' ' && text[i] < 0x7f, "byte %zu is %d", i, text[i]);
  }
  CHECKF(!pmt_context_parse(text, &again, &error), "%s", error.text);
  CHECK(same(context, &again));
  pmt_context_free(&again);
  char* const small = malloc(length + 1);
  CHECK(small);
  for (size_t size = 0; size <= length; size = size < 40 ? size + 1 : size + 97) {
    CHECK(pmt_context_print(context, small, size) == 0);
  }
  CHECK(pmt_context_print(context, small, length + 1) == length && !strcmp(small, text));
  free(small);
}

static void test_last_bars(void) {
  begin_tape(4, 4);
  add_bars(100, 11, 1);
  add_bar(111);
  add_slot(0, BAR_SLOTS, 1, 88);
  add_slot(1, BAR_SLOTS, 1, 89);
  PmtContext c = read_context();
  CHECKF(c.sequence.n_slots == 7 * BAR_SLOTS + 2, "%zu slots", c.sequence.n_slots); /* the bar that plays counts */
  CHECK(c.sequence.n_tokens == 2 + 3 * c.sequence.n_slots && c.sequence.tokens[0] == PMT_BOS &&
        c.sequence.tokens[c.sequence.n_tokens - 1] == PMT_END);
  CHECK(c.next_bar == 111 && c.next_index == 2);
  for (uint32_t i = 0; i < c.sequence.n_slots; ++i) {
    const PmtSlot* const s = &c.sequence.slots[i];
    CHECK(s->token == 1 + 3 * i && s->tick == 12 * i && s->bar == i / 8 && s->meter == 8 && s->key == 13 &&
          s->phrase == 2 && s->length == 12 && s->bar_notes == (i < 56 ? 8 : 2) && c.style[i] == 1);
    CHECK(c.sequence.tokens[s->token] == pmt_token_slot(i % 8) &&
          pmt_note_pitch(c.sequence.tokens[s->token + 1]) == 32 + i);
  }
  check_round_trip(&c);
  pmt_context_free(&c);

  begin_tape(4, 4); /* fewer than there could be: all; whole bars: the next begins */
  add_bars(-2, 2, 31);
  c = read_context();
  CHECK(c.sequence.n_slots == 16 && c.next_bar == 0 && c.next_index == 0 && c.style[15] == 31);
  check_round_trip(&c);
  pmt_context_free(&c);
}

static void test_nothing(void) {
  PmtContext c;
  PmtError error = {""};
  begin_tape(4, 4);
  CHECK(pmt_context_read(tape, &c, &error) == PMT_BAD_ARG && strstr(error.text, "nothing was composed"));
  add_bar(0);
  pmt_tape_add(tape, PMT_TAPE_SLOT, 0, pmt_tape_slot(head_of(0, 8, 0))); /* its tokens are still to come */
  CHECK(pmt_context_read(tape, &c, NULL) == PMT_BAD_ARG && !c.sequence.tokens && !c.sequence.slots);
  pmt_context_free(&c);
}

/** Another style in the lead begins a new piece. */
static void test_turn(void) {
  begin_tape(4, 4);
  add_bars(0, 4, 0);
  add_bars(4, 3, 2);
  PmtContext c = read_context();
  CHECK(c.sequence.n_slots == 24 && c.style[0] == 2 && pmt_note_pitch(c.sequence.tokens[2]) == 0 && c.next_bar == 7);
  check_round_trip(&c);
  pmt_context_free(&c);
}

/** Jumps in between: what was heard last. And bars that were repeated tell the place, though they were not composed. */
static void test_jumps(void) {
  begin_tape(4, 4);
  add_bars(0, 2, 0);
  add_bar(2);
  add_slot(0, BAR_SLOTS, 0, 100);
  pmt_tape_add(tape, PMT_TAPE_JUMP, now, 0);
  add_bar(40);
  add_slot(5, BAR_SLOTS, 0, 101); /* entered in the middle */
  PmtContext c = read_context();
  CHECK(c.sequence.n_slots == 18 && c.next_bar == 40 && c.next_index == 6);
  CHECK(c.sequence.slots[16].bar == 2 && c.sequence.slots[17].bar == 2 && c.sequence.slots[17].tick == 204);
  check_round_trip(&c);
  pmt_context_free(&c);
  pmt_tape_add(tape, PMT_TAPE_JUMP, now, 0);
  add_bar(1);
  pmt_tape_add(tape, PMT_TAPE_MIDI, now, 0x904040);
  pmt_tape_add(tape, PMT_TAPE_MIDI, now + 3 * SLOT_TIME, 0x914040);
  pmt_tape_add(tape, PMT_TAPE_MIDI, now + 4 * SLOT_TIME, 0x814040); /* stopped as the next was due */
  c = read_context();
  CHECK(c.sequence.n_slots == 18 && c.next_bar == 1 && c.next_index == 4);
  pmt_context_free(&c);
}

/** A slot that was cut, being late, ends with its last complete note. */
static void test_cut_slots(void) {
  const PmtToken cut[][6] = {
    {4, pmt_token_note(0, 60), PMT_TOKEN_DUR, pmt_token_note(0, 50)},
    {4, pmt_token_note(0, 60), PMT_TOKEN_DUR, pmt_token_pos(6)},
    {4, pmt_token_note(0, 60), PMT_TOKEN_DUR, pmt_token_pos(6), pmt_token_vel(2)},
    {4, pmt_token_note(0, 60), PMT_TOKEN_DUR, pmt_token_vel(2), PMT_TOKEN_TRILL},
    {4, pmt_token_note(0, 60), PMT_TOKEN_DUR, PMT_TOKEN_TRILL, pmt_token_note(1, 60)},
  };
  for (size_t i = 0; i < COUNT(cut); ++i) {
    size_t n = 6;
    while (!cut[i][n - 1]) {
      --n;
    }
    begin_tape(4, 4);
    add_bar(0);
    add_tokens(head_of(0, 8, 0), cut[i], n);
    PmtContext c = read_context();
    CHECKF(c.sequence.n_tokens == 5 && c.sequence.tokens[4] == PMT_END, "case %zu: %zu tokens", i, c.sequence.n_tokens);
    check_round_trip(&c);
    pmt_context_free(&c);
  }
}

/** Music that begins in its middle says the velocity that was in force. */
static void test_velocity(void) {
  const PmtToken loud[] = {4, pmt_token_pos(6), pmt_token_vel(7), PMT_TOKEN_GRACE, pmt_token_note(0, 60),
                           PMT_TOKEN_DUR};
  begin_tape(4, 4);
  add_bar(0);
  add_tokens(head_of(0, 8, 0), loud, COUNT(loud));
  now += BAR_SLOTS * SLOT_TIME;
  add_bars(1, 8, 0);
  PmtContext c = read_context();
  CHECK(c.sequence.n_slots == 64 && c.sequence.tokens[1] == pmt_token_slot(0));
  CHECK(c.sequence.tokens[2] == pmt_token_vel(7) && pmt_token_class(c.sequence.tokens[3]) == PMT_CLASS_NOTE);
  CHECK(c.sequence.slots[1].token == 5 && c.sequence.n_tokens == 2 + 3 * 64 + 1);
  check_round_trip(&c);
  pmt_context_free(&c);

  begin_tape(4, 4); /* it says so itself: and before an ornament, after a position */
  add_bar(0);
  add_tokens(head_of(0, 8, 0), loud, COUNT(loud));
  now += SLOT_TIME;
  c = read_context();
  CHECK(c.sequence.n_tokens == 8);
  pmt_context_free(&c);
  const PmtToken ornament[] = {4, pmt_token_pos(6), PMT_TOKEN_GRACE, pmt_token_note(0, 60), PMT_TOKEN_DUR};
  for (int64_t bar = 1; bar < 9; ++bar) {
    add_bar(bar);
    for (uint32_t i = 0; i < BAR_SLOTS; ++i, now += SLOT_TIME) {
      const PmtToken slot = pmt_token_slot(i);
      add_tokens(head_of(i, 8, 0), bar == 1 && i == 0 ? ornament : &slot, bar == 1 && i == 0 ? COUNT(ornament) : 1);
    }
  }
  c = read_context();
  CHECK(c.sequence.tokens[2] == pmt_token_pos(6) && c.sequence.tokens[3] == pmt_token_vel(7) &&
        c.sequence.tokens[4] == PMT_TOKEN_GRACE);
  check_round_trip(&c);
  pmt_context_free(&c);
}

/** Slots `from` to `to` of a piece in 4/4 that becomes louder now and then. */
static void add_piece(const uint32_t from, const uint32_t to) {
  begin_tape(4, 4);
  for (uint32_t i = from; i < to; ++i, now += SLOT_TIME) {
    const PmtToken loud[] = {pmt_token_slot(i % 8), pmt_token_vel(i % 7), pmt_token_note(0, i % 128), PMT_TOKEN_DUR};
    const PmtToken plain[] = {pmt_token_slot(i % 8), pmt_token_note(0, i % 128), PMT_TOKEN_DUR};
    if (i == from || i % 8 == 0) {
      add_bar(i / 8);
    }
    add_tokens(head_of(i % 8, 8, 0), i % 5 == 2 ? loud : plain, i % 5 == 2 ? COUNT(loud) : COUNT(plain));
  }
}

/** Saved, opened, played on and saved again is as if it had never been closed. */
static void test_join(void) {
  static const uint32_t ends[] = {1, 2, 8, 9, 30, 63, 64, 65, 70, 100, 131};
  uint32_t joined = 0;
  for (size_t e = 0; e < COUNT(ends); ++e) {
    for (uint32_t cut = 1; cut < ends[e]; cut += 1 + cut % 4) {
      PmtContext a, b, all;
      PmtError error = {""};
      add_piece(0, ends[e]);
      all = read_context();
      add_piece(0, cut);
      a = read_context();
      CHECK(pmt_context_print(&a, text, sizeof text));
      pmt_context_free(&a);
      CHECK(!pmt_context_parse(text, &a, &error));
      add_piece(cut, ends[e]);
      b = read_context();
      const size_t alone = b.sequence.n_slots;
      CHECK(!pmt_context_join(&a, &b, &error));
      joined += b.sequence.n_slots > alone;
      if (alone <= 7 * BAR_SLOTS) { /* else there is no room for a bar line before it */
        CHECKF(same(&b, &all), "%u of %u: %zu slots, not %zu", cut, ends[e], b.sequence.n_slots, all.sequence.n_slots);
      }
      check_round_trip(&b);
      pmt_context_free(&a);
      pmt_context_free(&b);
      pmt_context_free(&all);
    }
  }
  printf("%u joined\n", joined);
  CHECK(joined > 80);
}

/** Only what goes on from there is joined. */
static void test_join_not(void) {
  add_piece(0, 20);
  PmtContext a = read_context();
  for (uint32_t fault = 0; fault < 5; ++fault) {
    add_piece(20, 24);
    PmtContext b = read_context(), c = {.next_bar = 2, .next_index = 4};
    b.first_bar += fault == 1;
    b.first_index += fault == 2;
    b.whole = fault != 3;
    b.style[0] = fault == 4;
    CHECK(!pmt_context_join(&c, &b, NULL)); /* an empty one */
    CHECK(b.sequence.n_slots == 4);
    pmt_fail_after(0);
    const PmtStatus status = pmt_context_join(&a, &b, NULL);
    pmt_fail_never();
    CHECK(status == (fault ? PMT_OK : PMT_NO_MEM) && b.sequence.n_slots == 4);
    CHECK(b.sequence.tokens[1] == pmt_token_slot(4));
    CHECK(!pmt_context_join(&a, &b, NULL) && b.sequence.n_slots == (fault ? 4 : 24));
    pmt_context_free(&b);
  }
  pmt_context_free(&a);
}

/** Meters with a short last slot, with as many slots as a bar can number, and with more. */
static void test_meters(void) {
  static const struct { uint32_t beats, unit, slots, last; } meters[] = {
    {3, 4, 6, 12}, {7, 8, 7, 12}, {5, 16, 3, 6}, {1, 16, 1, 6}, {12, 4, 24, 12}, {33, 8, 33, 12}};
  for (size_t m = 0; m < COUNT(meters); ++m) {
    const uint32_t slots = meters[m].slots;
    const uint32_t ticks = pmt_meter_bar_ticks((PmtMeter){(float)meters[m].beats, (int)meters[m].unit});
    begin_tape(meters[m].beats, meters[m].unit);
    for (int64_t bar = 0; bar < 10; ++bar) {
      const uint64_t start = now;
      add_bar(bar);
      for (uint32_t i = 0; i < slots; ++i) {
        add_slot(i, pmt_meter_class(ticks), 0, 60);
      }
      now = start + 20 * ticks;
    }
    PmtContext c = read_context();
    const size_t kept = slots <= 24 ? 8 * slots : 192;
    CHECKF(c.sequence.n_slots <= kept && c.sequence.n_slots + slots >= kept, "%u slots a bar: %zu", slots,
           c.sequence.n_slots);
    CHECK(c.next_bar == 10 && c.next_index == 0);
    CHECK(c.sequence.slots[c.sequence.n_slots - 1].length == meters[m].last);
    CHECK(slots > 24 || c.sequence.slots[c.sequence.n_slots - 1].tick + meters[m].last == 8 * ticks);
    check_round_trip(&c);
    pmt_context_free(&c);
  }
  begin_tape(33, 8); /* beyond slot 24, the place is still known */
  add_bar(5);
  for (uint32_t i = 0; i < 27; ++i) {
    add_slot(i, 25, 0, 60);
  }
  PmtContext c = read_context();
  CHECK(c.next_bar == 5 && c.next_index == 27);
  pmt_context_free(&c);
}

/** The longest there can be fits into the room that the header promises. */
static void test_largest(void) {
  begin_tape(12, 4);
  for (int64_t bar = -2147483640; bar < -2147483630; ++bar) {
    add_bar(bar);
    for (uint32_t i = 0; i < 24; ++i, now += SLOT_TIME) {
      PmtToken tokens[PMT_SLOT_STEPS_MAX + 1] = {pmt_token_slot(i)};
      for (uint32_t t = 1; t < COUNT(tokens); ++t) {
        tokens[t] = t % 2 ? pmt_token_note(7, 127 - t) : (PmtToken)(PMT_TOKEN_DUR + 20);
      }
      add_tokens((PmtTapeSlot){.index = (uint8_t)i, .meter = 24, .key = 24, .phrase = 8, .style = 31}, tokens,
                 COUNT(tokens));
    }
  }
  PmtContext c = read_context();
  CHECK(c.sequence.n_slots == 192 && c.sequence.n_tokens == 2 + 192 * (PMT_SLOT_STEPS_MAX + 1));
  check_round_trip(&c);
  printf("the longest text is %zu bytes of %d\n", strlen(text), PMT_CONTEXT_TEXT_MAX);
  pmt_context_free(&c);
}

/* ---- What the engine plays --------------------------------------------------------------------------------------- */

/** The notes that the tokens say are those that were heard. */
static void test_engine(void) {
  enum { FIRST = 3, BARS = 11, LEAD = 24000, BAR = 96000, SLOT = 12000 };
  const uint64_t end = LEAD + BARS * BAR + 2 * SLOT + SLOT / 2;
  const PmtScriptEvent events[] = {pmt_script_at(0, pmt_script_position(FIRST * BAR, 0.0f)),
                                   pmt_script_at(LEAD, pmt_script_position(FIRST * BAR, 1.0f)),
                                   pmt_script_at(end, pmt_script_position(FIRST * BAR + end - LEAD, 0.0f))};
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  PmtScriptSink sink = {0};
  pmt_script_run(engine, events, COUNT(events), end + 1, 256, &sink);
  PmtContext c;
  PmtError error = {""};
  CHECKF(!pmt_context_read(pmt_engine_tape(engine), &c, &error), "%s", error.text);
  CHECK(c.sequence.n_slots == 7 * BAR_SLOTS + 3 && c.next_bar == FIRST + BARS && c.next_index == 3);
  check_round_trip(&c);

  PmtBar bars[PMT_CONTEXT_BARS];
  for (uint32_t i = 0; i < PMT_CONTEXT_BARS; ++i) {
    bars[i] = (PmtBar){.tick = 96 * i, .ticks = 96, .beats = 4, .unit = 4};
  }
  const PmtScore like = {.bars = bars, .n_bars = PMT_CONTEXT_BARS};
  PmtScore score;
  CHECKF(!pmt_decode(c.sequence.tokens, c.sequence.n_tokens, &like, &score, &error), "%s", error.text);
  const uint64_t from = LEAD + (BARS - 7) * BAR;
  size_t heard = 0;
  for (size_t i = 0; i < sink.list.n_events; ++i) {
    const PmtTimedMidi* const e = &sink.list.events[i];
    if ((e->bytes[0] & 0xf0) != 0x90 || e->frame < from) {
      continue;
    }
    CHECK(heard < score.n_notes);
    const PmtNote* const note = &score.notes[heard++]; /* at one tick they leave in the score's order */
    CHECKF(note->onset == (e->frame - from) / 1000 && note->pitch == e->bytes[1] &&
             pmt_velocity_midi[note->velocity] == e->bytes[2] && note->part == (e->bytes[0] & 15),
           "note %zu at tick %d", heard, (int)((e->frame - from) / 1000));
  }
  printf("%zu notes heard, %zu in the context\n", heard, score.n_notes);
  CHECK(heard > 50 && score.n_notes >= heard); /* the stop cut the last slot in its middle */
  for (size_t i = heard; i < score.n_notes; ++i) {
    CHECK(score.notes[i].onset > (end - from) / 1000);
  }

  PmtPlayer* const player = pmt_script_player(&pmt_script_busy);
  CHECKF(!pmt_player_resume(player, &c, &error), "%s", error.text);
  c.sequence.tokens[5] = PMT_VOCAB_MAX - 1;
  CHECK(pmt_player_resume(player, &c, &error) == PMT_BAD_ARG);
  pmt_player_free(player);
  pmt_context_free(&c);
  pmt_score_free(&score);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

/* ---- Strangers --------------------------------------------------------------------------------------------------- */

static void check_error_line(const PmtError* const error) {
  CHECK(error->text[0]);
  for (const char* c = error->text; *c; ++c) {
    CHECKF(*c >= ' ' && *c < 0x7f, "byte %d in \"%s\"", *c, error->text);
  }
}

static void check_refused(const char* const bytes, const PmtStatus wanted, const char* const words) {
  PmtContext c;
  PmtError error = {""};
  const PmtStatus status = pmt_context_parse(bytes, &c, &error);
  CHECKF(status == wanted && strstr(error.text, words), "\"%.60s\": %d, %s", bytes, status, error.text);
  CHECK(!c.sequence.tokens && !c.sequence.slots);
  check_error_line(&error);
  CHECK(pmt_context_parse(bytes, &c, NULL) == wanted);
}

#define HEAD "partimento-context 1 next 0 0 "

static void test_refusals(void) {
  check_refused("", PMT_BAD_FILE, "end at word 1, need partimento-context");
  check_refused("  \n ", PMT_BAD_FILE, "end at word 1");
  check_refused("partimento-contexts 1", PMT_BAD_FILE, "word 1 is \"partimento-contexts\"");
  check_refused("\x01\x80\xff.", PMT_BAD_FILE, "word 1 is \"???.\"");
  check_refused("an-endless-word-of-a-stranger-who-never-stops", PMT_BAD_FILE, "\"an-endless-word-of-a-str...\"");
  check_refused("partimento-context", PMT_BAD_FILE, "end at word 2, need a version");
  check_refused("partimento-context one", PMT_BAD_FILE, "word 2 is \"one\"");
  check_refused("partimento-context 2 whatever", PMT_UNSUPPORTED, "version 2, need 1");
  check_refused("partimento-context 1 next 0.5 0", PMT_BAD_FILE, "word 4 is \"0.5\", need a bar");
  check_refused("partimento-context 1 next 2147483648 0", PMT_BAD_FILE, "need a bar");
  check_refused("partimento-context 1 next 99999999999999999999999 0", PMT_BAD_FILE, "need a bar");
  check_refused("partimento-context 1 next - 0", PMT_BAD_FILE, "need a bar");
  check_refused("partimento-context 1 next 0 768", PMT_BAD_FILE, "need a slot of the bar");
  check_refused(HEAD, PMT_BAD_FILE, "need slot");
  check_refused(HEAD "end", PMT_BAD_FILE, "word 6 is \"end\", need slot");
  check_refused(HEAD "slot 32 8 0 1 12 4 end", PMT_BAD_FILE, "need a style");
  check_refused(HEAD "slot 0 26 0 1 12 4 end", PMT_BAD_FILE, "need a meter");
  check_refused(HEAD "slot 0 8 25 1 12 4 end", PMT_BAD_FILE, "need a key");
  check_refused(HEAD "slot 0 8 0 9 12 4 end", PMT_BAD_FILE, "need a bar of the phrase");
  check_refused(HEAD "slot 0 8 0 1 0 4 end", PMT_BAD_FILE, "need a length");
  check_refused(HEAD "slot 0 8 0 1 13 4 end", PMT_BAD_FILE, "need a length");
  check_refused(HEAD "slot 0 8 0 1 12 end", PMT_BAD_FILE, "word 12 is \"end\", need a slot token");
  check_refused(HEAD "slot 0 8 0 1 12 28 end", PMT_BAD_FILE, "need a slot token");
  check_refused(HEAD "slot 0 8 0 1 12 4 1152 end", PMT_BAD_FILE, "need a token");
  check_refused(HEAD "slot 0 8 0 1 12 4 -1 end", PMT_BAD_FILE, "need a token");
  check_refused(HEAD "slot 0 8 0 1 12 4 5 end", PMT_BAD_FILE, "slot 1 is no music from token 2 on, T1");
  check_refused(HEAD "slot 0 8 0 1 12 4 188 end", PMT_BAD_FILE, "slot 1 is no music from token 2 on, P0:C4");
  check_refused(HEAD "slot 0 8 0 1 12 4 188 47 188 47 end", PMT_BAD_FILE, "slot 1 is no music from token 4 on, P0:C4");
  check_refused(HEAD "slot 0 8 0 1 12 4", PMT_BAD_FILE, "need end");
  check_refused(HEAD "slot 0 8 0 1 12 4 end end", PMT_BAD_FILE, "word 14 is \"end\", need nothing more");

  PmtContext c;
  PmtError error = {""};
  CHECKF(!pmt_context_parse("\tpartimento-context\n1 next -7 3\r\nslot 0 8 0 1 12 4 188 47  slot 1 0 0 0 1 5 end\n",
  &c, &error), "%s", error.text); CHECK(c.sequence.n_slots == 2 && c.next_bar == -7 && c.next_index == 3 && c.style[1]
  == 1 && c.sequence.n_tokens == 6); pmt_context_free(&c);

  size_t n = (size_t)snprintf(text, sizeof text, HEAD "slot 0 8 0 1 12 4"); /* more tokens than a slot has */
  for (uint32_t i = 0; i < 70; ++i) {
    n += (size_t)snprintf(text + n, sizeof text - n, " %u 47", 128 + 127 - i);
  }
  check_refused(text, PMT_BAD_FILE, "no slot has so many tokens");
  n = (size_t)snprintf(text, sizeof text, HEAD); /* more slots than eight bars have */
  for (uint32_t i = 0; i < 193; ++i) {
    n += (size_t)snprintf(text + n, sizeof text - n, "slot 0 8 0 1 12 4 ");
  }
  check_refused(text, PMT_BAD_FILE, "too many slots");
  memset(text, ' ', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  check_refused(text, PMT_BAD_FILE, "end at word 1");
  char* const longer = malloc(PMT_CONTEXT_TEXT_MAX + 2);
  CHECK(longer);
  memset(longer, ' ', PMT_CONTEXT_TEXT_MAX + 1);
  longer[PMT_CONTEXT_TEXT_MAX + 1] = '\0';
  check_refused(longer, PMT_TOO_BIG, "65536 bytes or more");
  free(longer);
}

/** Hurt a good text in a few places: it is refused in words, or it is another good one. */
static void test_fuzz(void) {
  static const char lively[] = "0123456789 -slotend\n\t\x01\x7f\x80\xff";
  begin_tape(7, 8);
  for (int64_t bar = 0; bar < 2; ++bar) {
    add_bar(bar);
    for (uint32_t i = 0; i < 7; ++i) {
      add_slot(i, 7, 1, 60 + i);
    }
  }
  PmtContext c = read_context();
  const size_t length = pmt_context_print(&c, text, sizeof text);
  pmt_context_free(&c);
  char* const good = malloc(length + 1);
  CHECK(good);
  memcpy(good, text, length + 1);
  uint32_t survived = 0;
  for (uint64_t round = 0; round < ROUNDS; ++round) {
    char* const hurt = malloc(length + 1); /* so that a sanitizer sees a step too far */
    CHECK(hurt);
    memcpy(hurt, good, length + 1);
    for (uint64_t i = 1; i <= 1 + pmt_random_bits(9, round, 0) % 3; ++i) {
      const uint64_t draw = pmt_random_bits(9, round, i);
      hurt[draw % length] = draw >> 32 & 7 ? lively[(draw >> 40) % (sizeof lively - 1)] : (char)(draw >> 40);
    }
    PmtError error = {""};
    const PmtStatus status = pmt_context_parse(hurt, &c, &error);
    if (status) {
      check_error_line(&error);
    } else {
      check_round_trip(&c);
      ++survived;
    }
    pmt_context_free(&c);
    free(hurt);
  }
  for (size_t cut = 0; cut < length; ++cut) {
    good[length - 1 - cut] = '\0';
    PmtError error = {""};
    CHECK(pmt_context_parse(good, &c, &error) == PMT_BAD_FILE);
    check_error_line(&error);
  }
  free(good);
  printf("texts that are still music: %u of %d\n", survived, ROUNDS);
  CHECK(survived > ROUNDS / 100 && survived < ROUNDS / 2);
}

static void test_no_memory(void) {
  begin_tape(4, 4);
  add_bars(0, 9, 0);
  PmtContext c = read_context(), again;
  CHECK(pmt_context_print(&c, text, sizeof text));
  pmt_context_free(&c);
  PmtStatus read = PMT_NO_MEM, parsed = PMT_NO_MEM;
  for (size_t n = 0; read || parsed; ++n) {
    PmtError error = {""};
    pmt_fail_after(n);
    read = pmt_context_read(tape, &c, &error);
    pmt_fail_never();
    CHECKF(!read || (read == PMT_NO_MEM && !c.sequence.tokens && !c.sequence.slots && error.text[0]), "%zu", n);
    pmt_fail_after(n);
    parsed = pmt_context_parse(text, &again, &error);
    pmt_fail_never();
    CHECKF(!parsed || (parsed == PMT_NO_MEM && !again.sequence.tokens && !again.sequence.slots), "%zu", n);
    CHECK(n >= 2 || (read && parsed));
    pmt_context_free(&c);
    pmt_context_free(&again);
  }
}

int main(void) {
  test_last_bars();
  test_nothing();
  test_turn();
  test_jumps();
  test_cut_slots();
  test_velocity();
  test_join();
  test_join_not();
  test_meters();
  test_largest();
  test_engine();
  test_refusals();
  test_fuzz();
  test_no_memory();
  pmt_tape_free(tape);
  return 0;
}
