/* SPDX-License-Identifier: ISC */
/* The player's tune told as notes: which keys, when, for how long; and that a net which knows nothing else of players hears it. */
#include "check.h"
#include "gen/engine_private.h" /* what is told */
#include "gen/reader_private.h"
#include "support/engine_script.h"

#include <string.h>

enum { SLOT = 12000, LEAD = 24000, MIDDLE = LEAD + SLOT / 2 };

static const PmtMetaOut first_told[] = {{"style_told", "1,0"}};
static const PmtTinyOptions deaf = {.note_bias = 1.0f, .slot_bias = 1.0f, .pos_bias = -9.0f};

typedef struct {
  PmtEngine* engine;
  PmtScriptSink sink;
  PmtScriptEvent event[400];
  size_t n, done;
} Jam;

static PmtControls harmonise(void) {
  PmtControls c = pmt_controls_default();
  c.mode = (float)PMT_MODE_HARMONISE;
  c.thru = 0.0f;
  return c;
}

static void begin(Jam* const j, const PmtTinyOptions* const options, const PmtControls c) {
  *j = (Jam){.engine = pmt_script_engine(options)};
  j->event[j->n++] = pmt_script_set(0, c);
  j->event[j->n++] = pmt_script_at(0, pmt_script_position(0, 0.0f));
  j->event[j->n++] = pmt_script_at(LEAD, pmt_script_position(0, 1.0f));
}

static void end(Jam* const j) {
  pmt_midi_list_free(&j->sink.list);
  pmt_engine_free(j->engine);
}

static void key(Jam* const j, const uint64_t frame, const uint8_t pitch, const bool down) {
  j->event[j->n++] = pmt_script_midi(frame, down ? 0x90 : 0x80, pitch, down ? 80 : 0);
}

/** Events are given in order. */
static void run(Jam* const j, const uint64_t to) {
  const size_t first = j->done;
  while (j->done < j->n && j->event[j->done].frame < to) {
    ++j->done;
  }
  pmt_script_run(j->engine, j->event + first, j->done - first, to, 480, &j->sink);
}

/** What was told in a slot, as keys, highest first. */
static void check_told(Jam* const j, const uint64_t slot, const char* const what, const uint32_t n, const uint8_t keys[]) {
  run(j, MIDDLE + slot * SLOT);
  const PmtTold* const told = &j->engine->company.told;
  CHECKF(told->n == n && told->at == n && !told->open, "%s: %u told of %u, not %u", what, told->at, told->n, n);
  for (uint32_t i = 0; i < n; ++i) {
    CHECKF(told->of[i].key == keys[i], "%s: key %u is told, not %u", what, told->of[i].key, keys[i]);
    CHECK(told->of[i].ends > j->engine->last.start); /* it got a length */
  }
}

/** With its slot, a moment late, in the middle of the slot before; not twice; and not what has ended by then. */
static void test_when(void) {
  Jam j;
  begin(&j, &deaf, harmonise());
  key(&j, LEAD + 100, 67, true);
  check_told(&j, 0, "with the start", 1, (uint8_t[]){67});
  key(&j, LEAD + SLOT + 500, 67, false);
  key(&j, LEAD + SLOT + 600, 69, true);
  check_told(&j, 1, "within Wait", 1, (uint8_t[]){69});
  key(&j, LEAD + 2 * SLOT - 2000, 69, false);
  key(&j, LEAD + 2 * SLOT - 2000, 71, true);
  check_told(&j, 2, "a moment early", 1, (uint8_t[]){71});
  key(&j, LEAD + 3 * SLOT - 4000, 71, false);
  check_told(&j, 3, "nothing sounds", 0, NULL);
  key(&j, LEAD + 4 * SLOT + 4000, 72, true);
  check_told(&j, 4, "too late for this one", 0, NULL);
  check_told(&j, 5, "so with the next", 1, (uint8_t[]){72});
  key(&j, LEAD + 6 * SLOT - 5000, 72, false);
  key(&j, LEAD + 6 * SLOT + 4000, 74, true);
  key(&j, LEAD + 6 * SLOT + 7000, 74, false);
  check_told(&j, 6, "an off-beat", 0, NULL);
  check_told(&j, 7, "which ended before anybody could tell it", 0, NULL);
  end(&j);
}

/** One that is held is told again when the net takes it to be over, and not before. */
static void test_held(void) {
  Jam j;
  uint32_t told = 0;
  int64_t ends = 0;
  begin(&j, &deaf, harmonise());
  key(&j, LEAD + 100, 67, true);
  for (uint64_t slot = 0; slot < 64; ++slot) {
    run(&j, MIDDLE + slot * SLOT);
    const PmtTold* const t = &j.engine->company.told;
    const bool due = ends <= j.engine->last.start;
    CHECKF(t->known == 1 && t->n == due, "slot %u: told %u, known %u", (unsigned)slot, t->n, t->known);
    ends = t->of[0].ends;
    told += t->n;
  }
  CHECKF(told > 1 && told < 64, "told %u times", told);
  key(&j, LEAD + 64 * SLOT - 3000, 67, false);
  run(&j, MIDDLE + 64 * SLOT);
  CHECK(j.engine->company.told.known == 0);
  end(&j);
}

/** Of many keys the highest four, from the top; what is out of the part's range comes in by octaves. */
static void test_many(void) {
  Jam j;
  begin(&j, &deaf, harmonise());
  for (uint8_t k = 0; k < 128; ++k) {
    key(&j, LEAD + 100, k, true);
  }
  run(&j, MIDDLE);
  const PmtTold* const told = &j.engine->company.told;
  CHECK(told->n == PMT_TOLD_MAX && told->of[0].key == 127 && told->of[3].key == 124);
  const PmtModel* const model = pmt_player_model(j.engine->player);
  for (uint32_t i = 0; i < told->n; ++i) {
    const uint32_t pitch = pmt_note_pitch(told->of[i].note);
    CHECK(pmt_note_part(told->of[i].note) == 0 && pitch % 12 == told->of[i].key % 12u);
    CHECK(pitch >= model->pitch_lo[0] && pitch <= model->pitch_hi[0]);
  }
  end(&j);
}

/** Elsewhere nothing is known to sound, and what is held is told anew. */
static void test_jump(void) {
  Jam j;
  begin(&j, &deaf, harmonise());
  key(&j, LEAD + 100, 67, true);
  run(&j, MIDDLE + 3 * SLOT);
  j.event[j.n++] = pmt_script_at(MIDDLE + 3 * SLOT, pmt_script_position(80 * SLOT, 1.0f));
  run(&j, MIDDLE + 3 * SLOT + 2 * SLOT);
  CHECK(j.engine->company.told.known == 1 && j.engine->company.told.of[0].key == 67);
  end(&j);
}

/** As notes or as hints, never both. */
static void check_way(const PmtTinyOptions* const options, const PmtControls c, const bool notes, const bool hints) {
  Jam j;
  begin(&j, options, c);
  key(&j, LEAD + 100, 67, true);
  run(&j, MIDDLE);
  CHECKF((j.engine->company.told.n == 1) == notes && (j.engine->player->reader->ear != NULL) == hints,
         "mode %g, style %g, wait %g, you play %g: told %u", (double)c.mode, (double)c.style, (double)c.wait,
         (double)c.you_play, j.engine->company.told.n);
  end(&j);
}

static void test_way(void) {
  const PmtTinyOptions hinted = {.listens = true, .meta = first_told, .n_meta = 1};
  PmtControls c = harmonise();
  check_way(&hinted, c, true, false);
  check_way(&deaf, c, true, false);
  c.style = 1.0f;
  check_way(&hinted, c, false, true);
  c = harmonise();
  c.mode = (float)PMT_MODE_ACCOMPANY;
  check_way(&hinted, c, true, false);
  c.wait = 0.0f; /* it is not known when we choose */
  check_way(&hinted, c, false, true);
  check_way(&deaf, c, false, false);
  c = harmonise();
  c.you_play = (float)PMT_YOU_BASS; /* its place in a slot is after ours */
  check_way(&hinted, c, false, true);
  c = harmonise();
  c.mode = (float)PMT_MODE_GENERATE;
  check_way(&deaf, c, false, false);
}

/** A net that was never taught to listen harmonises another tune otherwise; told of nothing, the same. */
static void test_heard(void) {
  for (uint32_t told = 0; told < 2; ++told) {
    PmtMidiList list[2];
    for (uint8_t tune = 0; tune < 2; ++tune) {
      PmtControls c = harmonise();
      c.mode = (float)PMT_MODE_ACCOMPANY;
      c.wait = told ? 15.0f : 0.0f;
      c.follow = c.give_way = 0.0f;
      Jam j;
      begin(&j, &deaf, c);
      for (uint64_t slot = 0; slot < 32; ++slot) { /* the same notes of a scale, of which the key is made out, in other order */
        const uint8_t pitch = (uint8_t)(72 + (tune ? slot * 5 : slot * 7) % 12);
        key(&j, LEAD + slot * SLOT + 100, pitch, true);
        key(&j, LEAD + slot * SLOT + SLOT - 5000, pitch, false);
      }
      run(&j, LEAD + 8 * SLOT);
      list[tune] = j.sink.list;
      pmt_engine_free(j.engine);
    }
    CHECKF(pmt_script_same(&list[0], &list[1]) == !told, "told %u", told);
    CHECK(list[0].n_events > 8);
    pmt_midi_list_free(&list[0]);
    pmt_midi_list_free(&list[1]);
  }
}

/** What a slot that was cut short had not told yet is not told in the next, which may be of another mode. */
static void test_left_over(void) {
  Jam j;
  PmtControls c = harmonise();
  c.mode = (float)PMT_MODE_GENERATE;
  begin(&j, &deaf, c);
  run(&j, MIDDLE);
  PmtTold* const told = &j.engine->company.told;
  *told = (PmtTold){.n = 1, .known = 1};
  told->of[0].note = pmt_token_note(0, 67);
  told->of[0].ends = -1000000;
  run(&j, MIDDLE + 3 * SLOT);
  CHECK(told->of[0].ends == -1000000);
  end(&j);
}

int main(void) {
  test_left_over();
  test_when();
  test_held();
  test_many();
  test_jump();
  test_way();
  test_heard();
  return 0;
}
