/* SPDX-License-Identifier: ISC */
/* What the engine plays: controls, channels, guards, other players, start melodies, and the plain way of making slots
   that it is held to. When it plays is tests/test_engine.c. */
#include "check.h"
#include "gen/freeze.h"
#include "music/listener.h"
#include "support/engine_script.h"

#include <string.h>

/* ---- Controls ---------------------------------------------------------------------------------------------------- */

static void test_channels(void) {
  static const uint8_t expected[][4] = {{0, 1, 2, 3}, {7, 8, 10, 11}, {10, 11, 12, 13}, {15, 0, 1, 2}};
  static const float channel[] = {1.0f, 8.0f, 10.0f, 16.0f};
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  const PmtRenderOptions o = {
      .sample_rate = 48000.0, .bars = 8, .quarter_bpm = 150.0, .beats = 4, .unit = 4, .block = 512};
  for (size_t i = 0; i < COUNT(channel); ++i) {
    PmtControls c = pmt_controls_default();
    PmtMidiList list = {0};
    c.channel = channel[i];
    CHECK(!pmt_render(engine, &c, &o, &list, NULL));
    uint32_t used = 0, wanted = 0;
    for (size_t k = 0; k < list.n_events; ++k) {
      used |= 1u << (list.events[k].bytes[0] & 15);
    }
    for (size_t k = 0; k < 4; ++k) {
      wanted |= 1u << expected[i][k];
    }
    CHECKF(used == wanted, "channel %g: %x for %x", (double)channel[i], used, wanted);
    pmt_midi_list_free(&list);
  }
  pmt_engine_free(engine);
}

static PmtMidiList render_with(PmtEngine* const engine, const PmtControls* const c) {
  const PmtRenderOptions o = {
      .sample_rate = 48000.0, .bars = 8, .quarter_bpm = 120.0, .beats = 4, .unit = 4, .block = 512};
  PmtMidiList list = {0};
  CHECK(!pmt_render(engine, c, &o, &list, NULL));
  return list;
}

static void test_controls(void) {
  PmtEngine* const engine = pmt_script_engine(&(PmtTinyOptions){.note_bias = 2.0f});
  const PmtControls plain = pmt_controls_default();
  PmtMidiList base = render_with(engine, &plain), other;
  const uint32_t notes = pmt_script_count_on(&base, 0, UINT64_MAX);

  PmtControls c = plain;
  c.seed = 9.0f;
  other = render_with(engine, &c);
  CHECK(!pmt_script_same(&base, &other));
  pmt_midi_list_free(&other);
  other = render_with(engine, &plain);
  CHECK(pmt_script_same(&base, &other));
  pmt_midi_list_free(&other);

  c = plain;
  c.density = 1.0f;
  other = render_with(engine, &c);
  CHECK(pmt_script_count_on(&other, 0, UINT64_MAX) > notes * 3 / 2);
  pmt_midi_list_free(&other);

  c = plain;
  c.scale_mode = PMT_SCALE_MAJOR;
  c.strictness = 1.0f;
  c.register_lo = 70.0f;
  c.register_hi = 60.0f;
  c.velocity = 0.0f;
  other = render_with(engine, &c);
  CHECK(other.n_events > 20);
  for (size_t i = 0; i < other.n_events; ++i) {
    const uint8_t* const b = other.events[i].bytes;
    CHECK(b[1] >= 60 && b[1] <= 70 && (0xab5 >> b[1] % 12 & 1) && ((b[0] & 0xf0) == 0x80 || b[2] == 1));
  }
  pmt_midi_list_free(&other);

  c.register_lo = c.register_hi = 20.0f; /* nothing can be played: silence, and no harm */
  other = render_with(engine, &c);
  CHECK(other.n_events == 0);
  pmt_midi_list_free(&other);
  pmt_midi_list_free(&base);
  pmt_engine_free(engine);
}

/** A model that would rather be silent is made to play when the transport starts and in every third bar after;
    unless silence is wanted. */
static void test_silence_guard(void) {
  PmtEngine* const engine = pmt_script_engine(&(PmtTinyOptions){.slot_bias = 30.0f});
  PmtControls c = pmt_controls_default();
  PmtMidiList list = render_with(engine, &c);
  CHECK(pmt_script_count_on(&list, 0, 96000) == 1 && pmt_script_count_on(&list, 96000, 3 * 96000) == 0);
  CHECK(pmt_script_count_on(&list, 3 * 96000, 4 * 96000) == 1);
  CHECK(pmt_script_count_on(&list, 0, UINT64_MAX) == 3);
  pmt_midi_list_free(&list);
  c.density = -1.0f;
  list = render_with(engine, &c);
  CHECK(list.n_events == 0);
  pmt_midi_list_free(&list);
  pmt_engine_free(engine);
}

static void test_hold(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  PmtControls c = pmt_controls_default(), held = c;
  held.hold = 1.0f;
  const PmtScriptEvent events[] = {pmt_script_set(0, c), pmt_script_at(0, pmt_script_position(0, 0.0f)),
                                   pmt_script_at(24000, pmt_script_position(0, 1.0f)), pmt_script_set(72100, held),
                                   pmt_script_set(300000, c)};
  PmtScriptSink sink = {0};
  pmt_script_run(engine, events, COUNT(events), 72100, 64, &sink);
  const uint32_t kept = sink.n_sounding;
  const size_t n = sink.list.n_events;
  CHECK(kept > 0);
  pmt_script_run(engine, events + 3, 2, 300000, 64, &sink);
  CHECK(sink.n_sounding == kept && sink.list.n_events == n); /* neither begun nor ended */
  pmt_script_run(engine, events + 4, 1, 320000, 64, &sink);
  CHECK(sink.list.events[n].frame == 300000 && (sink.list.events[n].bytes[0] & 0xf0) == 0x80);
  CHECK(pmt_script_count_on(&sink.list, 300000, 320000) > 0);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

/** Eight parts that never rest do not pile up. */
static void test_polyphony(void) {
  PmtEngine* const engine = pmt_script_engine(&(PmtTinyOptions){.parts = 8, .note_bias = 3.0f, .slot_bias = -12.0f});
  PmtControls c = pmt_controls_default();
  c.temperature = 2.0f;
  PmtMidiList list = render_with(engine, &c);
  int sounding = 0, most = 0;
  for (size_t i = 0; i < list.n_events; ++i) {
    sounding += (list.events[i].bytes[0] & 0xf0) == 0x90 ? 1 : -1;
    most = sounding > most ? sounding : most;
  }
  CHECKF(most <= 48 && most > 40, "%d", most);
  const PmtEngineStats* const s = pmt_engine_stats(engine);
  CHECK(s->surprise > 0.0f && s->surprise < 11.0f && s->tokens > s->slots && s->refused == 0);
  pmt_midi_list_free(&list);
  pmt_engine_free(engine);
}

/** Ends that found no space leave as soon as there is some, even in a call of no frames. */
static void test_owed(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_restless);
  PmtScriptSink sink = {0};
  const PmtMidiOut out = pmt_script_out(&sink);
  const PmtScriptEvent start[] = {pmt_script_at(0, pmt_script_position(0, 1.0f))};
  pmt_script_run(engine, start, 1, 60000, 64, &sink);
  CHECK(sink.n_sounding > 0);
  sink.refuse_one_in = 1;
  const PmtPosition stop = pmt_script_position(60000, 0.0f);
  pmt_engine_position(engine, &stop, &out, 0);
  pmt_engine_advance(engine, 64, &out, 0);
  CHECK(sink.n_sounding > 0);
  sink.refuse_one_in = 0;
  sink.n_frames = 0;
  pmt_engine_advance(engine, 0, &out, 0);
  CHECK(sink.n_sounding == 0);
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine);
}

/* ---- Players ----------------------------------------------------------------------------------------------------- */

static void test_swap(void) {
  PmtEngine* engine;
  PmtScriptSink sink = {0};
  CHECK(!pmt_engine_new(48000.0, NULL, &engine) && !pmt_engine_model(engine));
  const PmtScriptEvent start[] = {pmt_script_at(0, pmt_script_position(0, 1.0f))};
  pmt_script_run(engine, start, 1, 48000, 100, &sink);
  CHECK(sink.list.n_events == 0 && pmt_engine_bytes(engine) > 0);
  PmtPlayer* const a = pmt_script_player(&pmt_script_restless);
  PmtPlayer* const b =
      pmt_script_player(&(PmtTinyOptions){.seed = 5, .note_bias = 3.0f, .parts = 2, .slot_bias = -12.0f});
  CHECK(pmt_engine_offer(engine, a) && !pmt_engine_offer(engine, b) && !pmt_engine_take_old(engine));
  pmt_script_run(engine, NULL, 0, 96000, 100, &sink);
  CHECK(pmt_engine_model(engine) == pmt_player_model(a) && !pmt_engine_take_old(engine));
  CHECK(pmt_script_first_on(&sink.list, 48000) == 500); /* a slot begins there: entered like a jump */
  pmt_script_run(engine, NULL, 0, 100000, 100, &sink);
  CHECK(pmt_engine_offer(engine, b));
  const size_t n = sink.list.n_events;
  pmt_script_run(engine, NULL, 0, 108000, 100, &sink);
  CHECK(pmt_engine_model(engine) == pmt_player_model(a)); /* the slot is played to its end */
  pmt_script_run(engine, NULL, 0, 300000, 100, &sink);
  CHECK(pmt_engine_model(engine) == pmt_player_model(b) && sink.list.n_events > n);
  for (uint64_t slot = 96000; slot < 300000; slot += 12000) {
    CHECK(pmt_script_count_on(&sink.list, slot, slot + 12000) > 0); /* never interrupted */
  }
  CHECK(!pmt_engine_offer(engine, a) && pmt_engine_take_old(engine) == a && !pmt_engine_take_old(engine));
  CHECK(pmt_engine_offer(engine, a));
  const PmtScriptEvent stop[] = {pmt_script_at(300000, pmt_script_position(300000, 0.0f))};
  pmt_script_run(engine, stop, 1, 300100, 100, &sink);
  CHECK(pmt_engine_model(engine) == pmt_player_model(a) && sink.n_sounding == 0); /* at once when standing */
  CHECK(pmt_engine_take_old(engine) == b);
  pmt_script_run(engine, NULL, 0, 320000, 100, &sink); /* a's first slot is ready */
  CHECK(pmt_engine_offer(engine, b));
  pmt_script_run(engine, NULL, 0, 320001, 100, &sink);
  CHECK(pmt_engine_model(engine) == pmt_player_model(b));
  pmt_midi_list_free(&sink.list);
  pmt_engine_free(engine); /* and a, not taken back, with it */
}

/* ---- The plain way ----------------------------------------------------------------------------------------------- */

typedef struct {
  const PmtModel* model;
  PmtNetState* state;
  PmtListener listener;
  PmtGrammar grammar;
  uint8_t key;     /* of the condition */
  PmtMidiList ons; /* frame: tick */
} Plain;

static void step(Plain* const p, const uint32_t token) {
  uint64_t spent = 0;
  PmtHints hints;
  pmt_listener_hear(&p->listener, (PmtToken)token, NULL, &hints);
  pmt_listener_lean(&hints, p->key);
  pmt_net_begin(p->state, token, pmt_net_takes_hints(p->model->net) ? &hints : NULL);
  CHECK(pmt_net_run(p->state, UINT64_MAX, &spent));
}

/** One slot without slices, snapshots or schedule. `head`: tokens before its own. */
static void plain_slot(Plain* const p, const PmtControls* const c, const uint32_t slot, const PmtToken* const head,
                       const size_t n_head) {
  static PmtFrozen f;
  const PmtPlace place = {.bar = slot / 8, .index = slot % 8, .length = 12, .bar_ticks = 96, .start = 12 * slot};
  pmt_freeze(p->model, c, &place, 0, &(PmtRepeats){.n_bars = 0}, &f); /* a scale is set: the key heard is not asked for */
  f.sampling.end = pmt_token_slot((slot + 1) % 8);
  pmt_grammar_begin_slot(&p->grammar, slot % 8, 12, (slot + 1) % 8, 0, PMT_SLOT_TOKENS_MAX);
  pmt_net_condition(p->state, &f.condition);
  p->key = f.condition.key;
  for (size_t i = 0; i < n_head; ++i) {
    step(p, head[i]);
  }
  step(p, pmt_token_slot(slot % 8));
  bool silent = slot == 0; /* the first may not stay so */
  for (uint32_t i = 0;; ++i) {
    uint64_t mask[PMT_MASK_WORDS];
    pmt_grammar_mask(&p->grammar, &f.limits, p->model->parts, mask);
    mask[0] &= silent ? ~(1ull << f.sampling.end) : ~0ull;
    const PmtToken t = pmt_sampler_pick(&f.sampling, mask, p->model->vocab, pmt_net_logits(p->state), i).token;
    CHECK(pmt_grammar_accept(&p->grammar, &f.limits, p->model->parts, t));
    if (t == f.sampling.end) {
      return;
    }
    if (pmt_token_class(t) == PMT_CLASS_NOTE) {
      const uint8_t bytes[3] = {(uint8_t)(0x90 | pmt_note_part(t)), (uint8_t)pmt_note_pitch(t),
                                pmt_velocity_midi[p->grammar.velocity]};
      CHECK(!pmt_midi_list_add(&p->ons, (uint64_t)12 * slot + p->grammar.pos, bytes, 3));
      silent = false;
    }
    step(p, t);
  }
}

/** The engine's notes are those of the plain way, from BOS and from a start melody. */
static void check_plain(PmtEngine* const engine, const PmtControls* const c, const PmtToken* const head,
                        const size_t n_head) {
  enum { SLOTS = 64 };
  Plain p = {.model = pmt_engine_model(engine)};
  CHECK(!pmt_net_state_new(p.model->net, &p.state));
  pmt_grammar_reset(&p.grammar);
  pmt_net_reset(p.state);
  pmt_listener_reset(&p.listener, p.model->parts);
  for (uint32_t slot = 0; slot < SLOTS; ++slot) {
    plain_slot(&p, c, slot, head, slot ? 0 : n_head);
  }
  PmtMidiList list = render_with(engine, c);
  size_t k = 0;
  for (size_t i = 0; i < list.n_events; ++i) {
    if ((list.events[i].bytes[0] & 0xf0) == 0x90) {
      CHECK(k < p.ons.n_events && list.events[i].frame == p.ons.events[k].frame * 1000 &&
            !memcmp(list.events[i].bytes, p.ons.events[k].bytes, 3));
      ++k;
    }
  }
  CHECK(k == p.ons.n_events && k > 40);
  pmt_midi_list_free(&list);
  pmt_midi_list_free(&p.ons);
  pmt_net_state_free(p.state);
}

static void test_plain(void) {
  PmtEngine* const engine =
      pmt_script_engine(&(PmtTinyOptions){.slot_bias = 1.0f}); /* the plain way knows no polyphony cap: few notes */
  PmtControls c = pmt_controls_default();
  c.scale_mode = PMT_SCALE_MINOR;
  c.scale_root = 9.0f;
  c.strictness = 0.2f;
  c.temperature = 1.2f;
  static const PmtToken bos[] = {PMT_BOS};
  for (uint32_t seed = 0; seed < 10; ++seed) {
    c.seed = (float)seed;
    check_plain(engine, &c, bos, 1);
  }
  /* one slot of melody under the same conditioning as the first slot: the plain way feeds both together */
  PmtToken melody[] = {PMT_BOS, pmt_token_slot(7), pmt_token_note(0, 72), PMT_TOKEN_DUR + 7, PMT_END};
  PmtSlot slots[] = {{.token = 1, .meter = 8, .phrase = 1, .key = 22, .length = 12}};
  const PmtSequence sequence = {melody, COUNT(melody), slots, 1};
  CHECK(!pmt_engine_prime(engine, &sequence, &c, NULL));
  check_plain(engine, &c, melody, COUNT(melody) - 1);
  pmt_engine_free(engine);
}

/** When another style takes the lead a new piece begins: what was played before has no say, but the start melody neither. */
static void test_turn(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  PmtMidiList after[3] = {{0}};
  const uint64_t turn = 96000, heard = turn + 24000, end = 4 * 96000;
  for (uint32_t i = 0; i < 3; ++i) {
    PmtControls before = pmt_controls_default(), then;
    before.scale_mode = PMT_SCALE_MAJOR; /* the key heard is not asked for */
    then = before;
    before.seed = (float)i;
    then.style = i < 2 ? 1.0f : 0.0f;
    const PmtScriptEvent events[] = {pmt_script_set(0, before), pmt_script_at(0, pmt_script_position(0, 1.0f)),
                                     pmt_script_set(turn, then)};
    PmtScriptSink sink = {0};
    pmt_engine_reset(engine);
    pmt_script_run(engine, events, COUNT(events), end, 100, &sink);
    for (size_t k = 0; k < sink.list.n_events; ++k) {
      const PmtTimedMidi* const event = &sink.list.events[k];
      if (event->frame >= heard && (event->bytes[0] & 0xf0) == 0x90) {
        CHECK(!pmt_midi_list_add(&after[i], event->frame, event->bytes, event->size));
      }
    }
    pmt_midi_list_free(&sink.list);
  }
  CHECK(after[0].n_events > 50 && pmt_script_same(&after[0], &after[1]));
  CHECK(!pmt_script_same(&after[0], &after[2]));
  for (uint32_t i = 0; i < 3; ++i) {
    pmt_midi_list_free(&after[i]);
  }
  pmt_engine_free(engine);
}

static void test_prime(void) {
  PmtEngine* const engine = pmt_script_engine(&pmt_script_busy);
  const PmtControls c = pmt_controls_default();
  PmtMidiList plain = render_with(engine, &c);
  PmtToken tokens[] = {PMT_BOS, pmt_token_slot(0), pmt_token_vel(7), pmt_token_note(0, 72), PMT_TOKEN_DUR + 12,
                       pmt_token_slot(1), pmt_token_slot(2), pmt_token_note(0, 74), PMT_TOKEN_DUR + 12, PMT_END};
  PmtSlot slots[] = {{.token = 1, .meter = 8, .phrase = 1, .length = 12},
                     {.token = 5, .meter = 8, .phrase = 1, .length = 12},
                     {.token = 6, .meter = 8, .phrase = 1, .length = 12}};
  const PmtSequence sequence = {tokens, COUNT(tokens), slots, COUNT(slots)};
  PmtError error = {""};
  CHECK(!pmt_engine_prime(engine, &sequence, &c, &error));
  PmtMidiList primed = render_with(engine, &c), again = render_with(engine, &c);
  CHECK(pmt_script_same(&primed, &again) && !pmt_script_same(&primed, &plain));
  pmt_midi_list_free(&again);
  tokens[3] = 640;
  CHECK(pmt_engine_prime(engine, &sequence, &c, &error) == PMT_BAD_ARG && error.text[0]);
  again = render_with(engine, &c);
  CHECK(pmt_script_same(&primed, &again)); /* refused: as it was */
  pmt_midi_list_free(&again);
  CHECK(!pmt_engine_prime(engine, NULL, &c, &error));
  again = render_with(engine, &c);
  CHECK(pmt_script_same(&plain, &again));
  pmt_midi_list_free(&again);
  pmt_midi_list_free(&primed);
  pmt_midi_list_free(&plain);
  pmt_engine_free(engine);
}

int main(void) {
  static const char* const listening[] = {NULL, "lstm", "tf"};
  test_channels();
  test_controls();
  test_silence_guard();
  test_hold();
  test_polyphony();
  test_owed();
  test_swap();
  for (size_t i = 0; i < COUNT(listening); ++i) {
    pmt_script_listen(listening[i]);
    test_plain();
    test_turn();
    test_prime();
  }
  return 0;
}
