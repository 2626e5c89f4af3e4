/* SPDX-License-Identifier: ISC */
/* The plugin through its real descriptor: block sizes, ports, models by patch, hosts that lack things. */
#include "check.h"

#include "base/file.h"
#include "ports.h"
#include "support/fail_alloc.h"
#include "support/lv2_host.h"
#include "support/scene.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include <lv2/atom/atom.h>
#include <math.h>
#include <string.h>

static char bundle_empty[1024];

static PmtHost* make_host(const PmtHostWorker worker) {
  PmtHost* const host = pmt_scene_host(worker);
  pmt_host_activate(host);
  return host;
}

static PmtPosition at(const int64_t frame, const float speed, const float bpm) {
  const double beats = (double)frame / 48000.0 * (double)bpm / 60.0;
  const double bar = floor(beats / 4.0);
  return (PmtPosition){.frame = frame, .speed = speed, .bar = (int64_t)bar, .bar_beat = beats - 4.0 * bar,
                       .beats_per_bar = 4, .unit = 4, .bpm = bpm};
}

/* A song with everything in it -------------------------------------------------------------------------------------- */

typedef struct { uint64_t frame; PmtPosition position; } Turn;

enum { SONG_FRAMES = 700000 };

/* Stand, roll, change tempo, jump, roll, stop, roll, stop. */
static size_t make_song(Turn turn[16]) {
  size_t n = 0;
  turn[n++] = (Turn){0, at(0, 0, 137)};
  turn[n++] = (Turn){50001, at(0, 1, 137)};
  PmtPosition faster = at(150007, 1, 137);
  faster.bpm = 181;
  turn[n++] = (Turn){200008, faster};
  turn[n++] = (Turn){300009, at(90000, 1, 181)};
  turn[n++] = (Turn){400010, at(190001, 0, 181)};
  PmtPosition waltz = at(0, 1, 240);
  waltz.beats_per_bar = 3;
  turn[n++] = (Turn){450011, waltz};
  PmtPosition sevens = waltz;
  sevens.frame = 100000;
  sevens.bar = 9;
  sevens.beats_per_bar = 7;
  sevens.unit = 8;
  turn[n++] = (Turn){550011, sevens};
  turn[n++] = (Turn){680000, at(0, 0, 240)};
  return n;
}

static uint32_t random_block(uint32_t* const state, const uint32_t max) {
  *state = *state * 1664525u + 1013904223u;
  return 1 + (*state >> 8) % max;
}

/* block 0: random sizes */
static void play_song(PmtHost* const host, const uint32_t block) {
  Turn turn[16];
  const size_t n = make_song(turn);
  uint32_t random = 7;
  for (uint64_t frame = 0, next = 0; frame < SONG_FRAMES;) {
    uint64_t size = block ? block : random_block(&random, 4096);
    size = size > SONG_FRAMES - frame ? SONG_FRAMES - frame : size;
    for (; next < n && turn[next].frame < frame + size; ++next) {
      pmt_host_send_position(host, (uint32_t)(turn[next].frame - frame), &turn[next].position, PMT_HOST_PLAIN);
    }
    pmt_host_run(host, (uint32_t)size);
    frame += size;
  }
}

static void check_equal(const PmtMidiList* const a, const PmtMidiList* const b, const char* const what) {
  for (size_t i = 0; i < a->n_events && i < b->n_events; ++i) {
    CHECKF(a->events[i].frame == b->events[i].frame && a->events[i].size == b->events[i].size &&
               !memcmp(a->events[i].bytes, b->events[i].bytes, a->events[i].size),
           "%s: event %zu at frame %llu, not %llu", what, i, (unsigned long long)b->events[i].frame,
           (unsigned long long)a->events[i].frame);
  }
  CHECKF(a->n_events == b->n_events, "%s: %zu events, not %zu", what, b->n_events, a->n_events);
}

static void test_block_sizes(void) {
  PmtHost* const reference = make_host(PMT_HOST_POLLED);
  play_song(reference, 256);
  CHECK(pmt_host_midi(reference)->n_events > 200);
  CHECK(!pmt_host_sounding(reference));
  static const uint32_t blocks[] = {1, 7, 64, 1024, 0};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) {
    PmtHost* const host = make_host(PMT_HOST_POLLED);
    play_song(host, blocks[i]);
    char what[32];
    snprintf(what, sizeof what, "block %u", blocks[i]);
    check_equal(pmt_host_midi(reference), pmt_host_midi(host), what);
    pmt_host_free(host);
  }
  printf("block sizes 1, 7, 64, 1024 and random: the same %zu events\n", pmt_host_midi(reference)->n_events);
  pmt_host_free(reference);
}

/* The renderer (`partimento generate`) and a host hear the same. */
static void test_renderer(void) {
  enum { BARS = 12 };
  const PmtRenderOptions options = {.sample_rate = 48000, .bars = BARS, .quarter_bpm = 150, .beats = 4, .unit = 4,
                                    .block = 333};
  const PmtControls controls = pmt_controls_default();
  PmtModel* model = NULL;
  PmtPlayer* player = NULL;
  PmtEngine* engine = NULL;
  PmtMidiList rendered = {0};
  CHECK(!pmt_model_load(pmt_scene.first, &model, NULL) && !pmt_player_new(model, &player));
  CHECK(!pmt_engine_new(48000, player, &engine) && !pmt_render(engine, &controls, &options, &rendered, NULL));
  pmt_engine_free(engine);

  PmtHost* const host = make_host(PMT_HOST_NO_WORKER);
  const uint64_t preroll = pmt_preroll_frames(48000), end = BARS * 4 * 60 * 48000 / 150;
  PmtPosition position = at(0, 0, 150);
  pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
  pmt_host_run(host, (uint32_t)preroll);
  for (uint64_t frame = 0, n; frame <= end; frame += n) {
    position = at((int64_t)frame, frame < end, 150);
    n = frame < end && end - frame < 1000 ? end - frame : 1000;
    pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
    pmt_host_run(host, (uint32_t)n);
  }
  CHECK(!pmt_host_sounding(host));
  for (size_t i = 0; i < pmt_host_midi(host)->n_events; ++i) {
    pmt_host_midi(host)->events[i].frame -= preroll;
  }
  CHECK(rendered.n_events > 100);
  check_equal(&rendered, pmt_host_midi(host), "renderer");
  pmt_midi_list_free(&rendered);
  pmt_host_free(host);
}

/* What does not change the music: options, activation again, MIDI in, unconnected ports, number types. */
static void test_same_music(void) {
  PmtHost* const reference = make_host(PMT_HOST_POLLED);
  play_song(reference, 512);

  PmtHost* host = pmt_host_new(&(PmtHostOptions){.bundle = pmt_scene.bundle, .options = true, .no_ports = true});
  CHECK(host);
  pmt_host_activate(host);
  play_song(host, 512);
  check_equal(pmt_host_midi(reference), pmt_host_midi(host), "no control port connected, options, no worker");
  pmt_host_free(host);

  host = make_host(PMT_HOST_INSIDE);
  for (int i = 0; i < 48; ++i) {
    pmt_host_send_midi(host, 0, (const uint8_t[]){(uint8_t)(0xb0 + i % 16), i < 16 ? 64 : i < 32 ? 123 : 121, 0}, 3);
  }
  play_song(host, 512);
  check_equal(pmt_host_midi(reference), pmt_host_midi(host), "a flood of controllers");
  pmt_host_free(host);

  host = make_host(PMT_HOST_INSIDE); /* alone it does not listen, and what is not passed on is not there */
  *pmt_host_port(host, PMT_PORT_THRU) = 0;
  for (uint8_t i = 0; i < 48; ++i) {
    pmt_host_send_midi(host, 0, (const uint8_t[]){0x90, i, 100}, 3);
    pmt_host_send_midi(host, 0, (const uint8_t[]){0xb0, i, 100}, 3);
  }
  play_song(host, 512);
  check_equal(pmt_host_midi(reference), pmt_host_midi(host), "somebody else");
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  PmtMidiList once = *pmt_host_midi(host);
  *pmt_host_midi(host) = (PmtMidiList){0};
  play_song(host, 512);
  CHECK(pmt_host_midi(host)->n_events == once.n_events);
  for (size_t i = 0; i < once.n_events; ++i) {
    pmt_host_midi(host)->events[i].frame -= SONG_FRAMES;
  }
  check_equal(&once, pmt_host_midi(host), "activated again");
  pmt_midi_list_free(&once);
  pmt_host_free(host);
  pmt_host_free(reference);
}

static size_t play_simply(PmtHost* const host, const PmtPosition* const position, const PmtHostNumbers numbers) {
  PmtPosition standing = *position;
  standing.speed = 0;
  pmt_midi_list_free(pmt_host_midi(host));
  pmt_host_send_position(host, 0, &standing, numbers);
  pmt_host_run(host, 48000);
  pmt_host_send_position(host, 0, position, numbers);
  for (int i = 0; i < 200; ++i) {
    pmt_host_run(host, 1024);
  }
  const size_t n = pmt_host_midi(host)->n_events;
  standing.frame += 200 * 1024;
  pmt_host_send_position(host, 0, &standing, numbers);
  pmt_host_run(host, 256);
  CHECK(!pmt_host_sounding(host));
  return n;
}

/* Every numeric atom type; then hosts that know less and less. */
static void test_positions(void) {
  const PmtPosition whole = at(0, 1, 120);
  PmtHost* const reference = make_host(PMT_HOST_NO_WORKER);
  CHECK(play_simply(reference, &whole, PMT_HOST_PLAIN) > 20);
  for (PmtHostNumbers numbers = PMT_HOST_DOUBLES; numbers <= PMT_HOST_NUMBERS; ++numbers) {
    PmtHost* const host = make_host(PMT_HOST_NO_WORKER);
    play_simply(host, &whole, numbers);
    check_equal(pmt_host_midi(reference), pmt_host_midi(host), "number types");
    pmt_host_free(host);
  }
  PmtPosition poor = {.frame = 0, .speed = 1, .bar_beat = -1};
  PmtHost* const jalv = make_host(PMT_HOST_NO_WORKER); /* no timebase master: 120 BPM in 4/4 is assumed */
  play_simply(jalv, &poor, PMT_HOST_PLAIN);
  check_equal(pmt_host_midi(reference), pmt_host_midi(jalv), "speed and frame alone");
  pmt_host_free(jalv);
  pmt_host_free(reference);

  PmtHost* const told = make_host(PMT_HOST_NO_WORKER); /* not from the beginning: the frame says where */
  PmtHost* const frames = make_host(PMT_HOST_NO_WORKER);
  const PmtPosition later = at(100000, 1, 120);
  poor.frame = 100000;
  CHECK(play_simply(told, &later, PMT_HOST_DOUBLES) > 20);
  play_simply(frames, &poor, PMT_HOST_PLAIN);
  check_equal(pmt_host_midi(told), pmt_host_midi(frames), "frame alone, later");
  pmt_host_free(told);
  pmt_host_free(frames);

  static const double odd[] = {(double)NAN, (double)INFINITY, -1e30, 1e30, -5, 0};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; ++i) {
    PmtHost* const host = make_host(PMT_HOST_NO_WORKER);
    PmtPosition absurd = {.frame = -176, .speed = (float)odd[i], .bar = 3, .bar_beat = odd[i], .bpm = (float)odd[i],
                          .beats_per_bar = (float)odd[i], .unit = 5};
    pmt_host_send_position(host, 0, &absurd, PMT_HOST_DOUBLES);
    pmt_host_run(host, 4096);
    CHECK(play_simply(host, &whole, PMT_HOST_PLAIN) > 10);
    pmt_host_free(host);
  }
}

/* Ports ------------------------------------------------------------------------------------------------------------- */

static void test_absurd_ports(void) {
  static const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 1e-42f};
  const PmtPosition position = at(0, 1, 200);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; ++i) {
    PmtHost* const host = make_host(PMT_HOST_POLLED);
    for (uint32_t port = PMT_PORT_TEMPERATURE; port <= PMT_PORT_LEARN_BARS; ++port) {
      if (port <= PMT_PORT_HOLD || port == PMT_PORT_FREEZE || port >= PMT_PORT_CAPTURE_BARS) {
        *pmt_host_port(host, port) = odd[i];
      }
    }
    pmt_host_send_midi(host, 0, (const uint8_t[]){0x90, 60, 100}, 3);
    pmt_host_run(host, 64);
    *pmt_host_port(host, PMT_PORT_LEARN) = 0;
    pmt_host_run(host, 64);
    *pmt_host_port(host, PMT_PORT_LEARN) = 1;
    pmt_host_send_midi(host, 0, (const uint8_t[]){0x80, 60, 100}, 3);
    play_simply(host, &position, PMT_HOST_PLAIN);
    pmt_host_free(host);
  }
}

/* Roll until so many notes sound. */
static void roll_until(PmtHost* const host, const uint32_t sounding) {
  const PmtPosition position = at(0, 1, 160);
  pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
  for (int i = 0; i < 20000 && pmt_host_sounding(host) < sounding; ++i) {
    pmt_host_run(host, 64);
  }
  CHECKF(pmt_host_sounding(host) >= sounding, "%u", pmt_host_sounding(host));
}

static void test_ports_act(void) {
  const PmtPosition position = at(0, 1, 160);
  PmtHost* host = make_host(PMT_HOST_POLLED);
  *pmt_host_port(host, PMT_PORT_CHANNEL) = 5;
  *pmt_host_port(host, PMT_PORT_REGISTER_LOW) = 60;
  *pmt_host_port(host, PMT_PORT_REGISTER_HIGH) = 72;
  CHECK(play_simply(host, &position, PMT_HOST_PLAIN) > 20);
  for (size_t i = 0; i < pmt_host_midi(host)->n_events; ++i) {
    const PmtTimedMidi* const event = &pmt_host_midi(host)->events[i];
    const unsigned channel = event->bytes[0] & 15u;
    CHECKF(channel >= 4, "channel %u", channel);
    CHECKF(channel == 9 || (event->bytes[1] >= 60 && event->bytes[1] <= 72), "note %u", event->bytes[1]);
  }
  CHECKF(*pmt_host_port(host, PMT_PORT_BAR) >= 2.0f, "%g", (double)*pmt_host_port(host, PMT_PORT_BAR));
  CHECK(*pmt_host_port(host, PMT_PORT_SURPRISE) > 0.0f);
  CHECK(*pmt_host_port(host, PMT_PORT_LATE_SLOTS) == 0.0f);
  pmt_host_free(host);

  host = make_host(PMT_HOST_POLLED);
  roll_until(host, 2);
  *pmt_host_port(host, PMT_PORT_HOLD) = 1; /* kept, none begun */
  const uint32_t sounding = pmt_host_sounding(host);
  for (int i = 0; i < 100; ++i) {
    pmt_host_run(host, 1024);
    CHECK(pmt_host_sounding(host) == sounding);
  }
  *pmt_host_port(host, PMT_PORT_ENABLED) = 0;
  pmt_host_run(host, 64);
  CHECK(!pmt_host_sounding(host));
  const size_t n = pmt_host_midi(host)->n_events;
  *pmt_host_port(host, PMT_PORT_HOLD) = 0;
  pmt_host_run(host, 100000);
  CHECK(pmt_host_midi(host)->n_events == n);
  *pmt_host_port(host, PMT_PORT_ENABLED) = 1;
  pmt_host_run(host, 100000);
  CHECK(pmt_host_midi(host)->n_events > n);
  pmt_host_free(host);
}

/* Switched off while notes sound: the host calls run() no more, so the first cycle after the next switching on ends
   them, before anything else, however little room there is. */
static void test_deactivate(void) {
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  roll_until(host, 3);
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  pmt_host_deactivate(host);
  pmt_host_activate(host);
  pmt_host_set_out_capacity(host, sizeof(LV2_Atom) + 8 + 24); /* one event at a time */
  uint32_t cycles = 0;
  for (uint32_t left = pmt_host_sounding(host); left; --left, ++cycles) {
    CHECK(pmt_host_sounding(host) == left);
    pmt_host_run(host, cycles % 2 ? 0 : 64);
  }
  CHECK(!pmt_host_sounding(host) && cycles >= 3);
  pmt_host_set_out_capacity(host, 65536);
  pmt_host_run(host, 48000); /* the transport is forgotten: silence */
  CHECK(!pmt_host_sounding(host));
  pmt_host_free(host);
}

/* Models ------------------------------------------------------------------------------------------------------------ */

static void test_swap(const PmtHostWorker worker) {
  PmtHost* const reference = make_host(PMT_HOST_NO_WORKER);
  PmtHost* const host = make_host(worker);
  const PmtPosition rolling = at(0, 1, 240);
  for (PmtHost* h = reference; h; h = h == reference ? host : NULL) {
    pmt_host_send_position(h, 0, &rolling, PMT_HOST_PLAIN);
    for (int i = 0; i < 100; ++i) {
      pmt_host_run(h, 512);
    }
  }
  check_equal(pmt_host_midi(reference), pmt_host_midi(host), "before the swap");
  pmt_host_send_model(host, 100, pmt_scene.model_b);
  pmt_host_run(host, 512);
  CHECK(pmt_host_await(host, "model-b"));
  CHECK(!strcmp(pmt_host_path(host), pmt_scene.model_b));
  for (int i = 0; i < 300; ++i) {
    pmt_host_run(host, 512);
    pmt_host_run(reference, 512);
  }
  const PmtMidiList *a = pmt_host_midi(reference), *b = pmt_host_midi(host);
  const size_t n = a->n_events < b->n_events ? a->n_events : b->n_events;
  bool differ = false;
  for (size_t i = 0; i < n; ++i) {
    differ |= memcmp(a->events[i].bytes, b->events[i].bytes, 3) != 0;
  }
  CHECK(n > 200 && differ); /* the other model plays, and never paused */
  CHECK(pmt_host_requests(host) >= 2); /* the load, and then the old model's way out */
  pmt_host_free(host);
  pmt_host_free(reference);
}

static void expect_refusal(PmtHost* const host, const char* const property_type, const char* const value,
                           const uint32_t size, const char* const message) {
  pmt_host_send_set(host, 0, PMT_PLUGIN_MODEL_URI, property_type, value, size);
  CHECKF(pmt_host_await(host, message), "\"%s\" is not in \"%s\"", message, pmt_host_status(host));
  CHECKF(!strcmp(pmt_host_path(host), pmt_scene.model_a), "%s", pmt_host_path(host));
  pmt_host_send_model(host, 0, pmt_scene.model_a); /* something else in the status again */
  CHECK(pmt_host_await(host, "model-a"));
}

static void test_bad_models(void) {
  char missing[1100], empty[1100], text[1100], folder[1100], cut[1100], vocab[1100];
  snprintf(missing, sizeof missing, "%s/missing.safetensors", pmt_scene.scratch);
  snprintf(empty, sizeof empty, "%s/empty.safetensors", pmt_scene.scratch);
  snprintf(text, sizeof text, "%s/text.safetensors", pmt_scene.scratch);
  snprintf(folder, sizeof folder, "%s", pmt_scene.scratch);
  snprintf(cut, sizeof cut, "%s/cut.safetensors", pmt_scene.scratch);
  snprintf(vocab, sizeof vocab, "%s/vocab.safetensors", pmt_scene.scratch);
  pmt_scratch_write(empty, "");
  pmt_scratch_write(text, "this is no model, but it is long enough to be one");
  unsigned char* bytes = NULL;
  size_t size = 0;
  CHECK(!pmt_file_read(pmt_scene.model_b, 1u << 30, &bytes, &size, NULL));
  CHECK(!pmt_file_write(cut, bytes, size / 2, NULL));
  free(bytes);
  const PmtMetaOut meta[] = {{"vocab", "remi"}};
  CHECK(!pmt_tiny_model_write(vocab, &(PmtTinyOptions){.meta = meta, .n_meta = 1}, NULL));

  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_send_model(host, 0, pmt_scene.model_a);
  CHECK(pmt_host_await(host, "model-a"));
  const PmtPosition rolling = at(0, 1, 240);
  pmt_host_send_position(host, 0, &rolling, PMT_HOST_PLAIN);
  const char* const files[] = {missing, empty, text, folder, cut, vocab};
  for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
    const size_t before = pmt_host_midi(host)->n_events;
    expect_refusal(host, LV2_ATOM__Path, files[i], (uint32_t)strlen(files[i]) + 1, files[i]);
    CHECKF(strstr(pmt_host_log(host), "partimento: model not loaded"), "%s", pmt_host_log(host));
    pmt_host_run(host, 24000);
    CHECK(pmt_host_midi(host)->n_events > before); /* plays on */
  }
  char* const longest = malloc(70000);
  CHECK(longest);
  memset(longest, 'x', 70000);
  longest[0] = '/';
  expect_refusal(host, LV2_ATOM__Path, longest, 4096, "longer than 4095");
  expect_refusal(host, LV2_ATOM__Path, longest, 60000, "longer than 4095");
  expect_refusal(host, LV2_ATOM__Path, longest, 4095, "model not loaded: /xxx"); /* just short enough to try */
  expect_refusal(host, LV2_ATOM__Path, "", 1, "empty");
  expect_refusal(host, LV2_ATOM__Path, "", 0, "empty");
  expect_refusal(host, LV2_ATOM__Path, "a.safetensors", 14, "does not begin with /");
  expect_refusal(host, LV2_ATOM__Int, "abcd", 4, "did not bring a path");
  free(longest);
  pmt_host_free(host);
}

static void test_get(void) {
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  pmt_host_run(host, 64);
  CHECK(pmt_host_messages(host) == 0); /* nobody asked */
  pmt_host_send_get(host, 3, PMT_PLUGIN_MODEL_URI);
  pmt_host_run(host, 64);
  CHECK(pmt_host_messages(host) == 1 && strstr(pmt_host_path(host), "partimento.lv2/partimento.safetensors"));
  pmt_host_send_get(host, 3, PMT_PLUGIN_STATUS_URI);
  pmt_host_run(host, 64);
  CHECK(pmt_host_messages(host) == 2 && strstr(pmt_host_status(host), "playing "));
  pmt_host_send_get(host, 3, NULL);
  pmt_host_set_out_capacity(host, 64); /* no room: the answer waits */
  pmt_host_run(host, 64);
  CHECK(pmt_host_messages(host) == 2);
  pmt_host_set_out_capacity(host, 65536);
  pmt_host_run(host, 0);
  CHECK(pmt_host_messages(host) == 4);
  pmt_host_send_get(host, 3, "urn:partimento:nothing");
  pmt_host_send_set(host, 3, "urn:partimento:nothing", LV2_ATOM__Path, "/x", 3);
  pmt_host_run(host, 64);
  CHECK(pmt_host_messages(host) == 4);
  pmt_host_free(host);
}

/* Refused knocks are tried again; of many wishes the newest comes true; one load at a time. */
static void test_scrolling(void) {
  PmtHost* host = make_host(PMT_HOST_REFUSING);
  pmt_host_send_model(host, 0, pmt_scene.model_b);
  for (int i = 0; i < 20; ++i) {
    pmt_host_run(host, 64);
  }
  CHECK(pmt_host_requests(host) >= 20);
  CHECK(!pmt_host_messages(host) || !strstr(pmt_host_path(host), "model-b"));
  pmt_host_accept(host);
  CHECK(pmt_host_await(host, "model-b"));
  pmt_host_free(host);

  host = make_host(PMT_HOST_POLLED);
  for (int i = 0; i < 31; ++i) {
    pmt_host_send_model(host, 0, i % 2 ? pmt_scene.model_b : pmt_scene.model_a);
    pmt_host_send_model(host, 1, i % 2 ? pmt_scene.model_a : pmt_scene.model_b);
    pmt_host_run(host, 64);
  }
  CHECK(pmt_host_requests(host) == 1);
  CHECK(pmt_host_await(host, "model-b"));
  for (int i = 0; i < 8; ++i) {
    pmt_host_work(host);
    pmt_host_run(host, 64);
  }
  CHECK(strstr(pmt_host_status(host), "model-b") && !strcmp(pmt_host_path(host), pmt_scene.model_b));
  pmt_host_send_model(host, 0, pmt_scene.model_a); /* closed in the middle of a load: nothing leaks */
  pmt_host_run(host, 64);
  pmt_host_work(host);
  pmt_host_free(host);

  host = make_host(PMT_HOST_THREAD);
  const PmtPosition rolling = at(0, 1, 240);
  pmt_host_send_position(host, 0, &rolling, PMT_HOST_PLAIN);
  for (int i = 0; i < 500; ++i) {
    pmt_host_send_model(host, 0, i % 2 ? pmt_scene.model_b : pmt_scene.model_a);
    pmt_host_run(host, 256);
  }
  CHECK(pmt_host_await(host, "model-b"));
  pmt_host_free(host);
}

static void test_no_worker(void) {
  PmtHost* const host = make_host(PMT_HOST_NO_WORKER);
  const PmtPosition position = at(0, 1, 160);
  pmt_host_send_model(host, 0, pmt_scene.model_b);
  pmt_host_run(host, 64);
  CHECKF(strstr(pmt_host_status(host), "no worker"), "%s", pmt_host_status(host));
  CHECK(play_simply(host, &position, PMT_HOST_PLAIN) > 20);
  pmt_host_free(host);
}

/* Without a model the plugin is there and silent; a model can come later. */
static void test_missing_bundle_model(void) {
  PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = bundle_empty, .worker = PMT_HOST_POLLED});
  CHECK(host);
  CHECKF(strstr(pmt_host_log(host), "partimento.safetensors"), "%s", pmt_host_log(host));
  pmt_host_activate(host);
  const PmtPosition position = at(0, 1, 160);
  CHECK(play_simply(host, &position, PMT_HOST_PLAIN) == 0);
  CHECK(strstr(pmt_host_status(host), "model not loaded"));
  CHECK(!pmt_host_path(host)[0]);
  pmt_host_send_model(host, 0, pmt_scene.model_b);
  CHECK(pmt_host_await(host, "model-b"));
  CHECK(play_simply(host, &position, PMT_HOST_PLAIN) > 20);
  pmt_host_send_model(host, 0, pmt_scene.model_a);
  CHECK(pmt_host_await(host, "model-a"));
  CHECK(play_simply(host, &position, PMT_HOST_PLAIN) > 20);
  pmt_host_free(host);
}

/* Out of memory: no instance, or one without a model; a load that fails leaves the old model. */
static void test_no_memory(void) {
  bool complete = false;
  for (size_t n = 1; !complete; ++n) {
    CHECK(n < 1000);
    PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = pmt_scene.bundle, .fail_after = n});
    if (host) {
      pmt_host_activate(host);
      pmt_host_send_get(host, 0, NULL);
      pmt_host_run(host, 64);
      complete = strstr(pmt_host_status(host), "playing ") != NULL;
      CHECKF(complete || strstr(pmt_host_log(host), "partimento: "), "%s", pmt_host_log(host));
      pmt_host_free(host);
    }
  }
  PmtHost* const host = make_host(PMT_HOST_POLLED);
  const PmtPosition position = at(0, 1, 160);
  complete = false;
  for (size_t n = 0; !complete; ++n) {
    CHECK(n < 1000);
    pmt_host_send_model(host, 0, pmt_scene.model_b);
    pmt_host_run(host, 64);
    pmt_fail_after(n);
    pmt_host_work(host);
    pmt_fail_never();
    pmt_host_run(host, 64);
    complete = strstr(pmt_host_status(host), "model-b") && strstr(pmt_host_status(host), "playing");
    CHECK(complete || !strstr(pmt_host_path(host), "model-b"));
  }
  CHECK(play_simply(host, &position, PMT_HOST_PLAIN) > 20);
  pmt_host_free(host);
}

int main(void) {
  char folder[1024];
  pmt_scene_open();
  pmt_scratch_make(folder, sizeof folder);
  pmt_host_copy_bundle(folder, NULL, bundle_empty, sizeof bundle_empty);
  test_block_sizes();
  test_renderer();
  test_same_music();
  test_positions();
  test_absurd_ports();
  test_ports_act();
  test_deactivate();
  for (PmtHostWorker worker = PMT_HOST_THREAD; worker <= PMT_HOST_INSIDE; ++worker) {
    test_swap(worker);
  }
  test_bad_models();
  test_get();
  test_scrolling();
  test_no_worker();
  test_missing_bundle_model();
  test_no_memory();
  CHECK(!pmt_host_new(&(PmtHostOptions){.bundle = pmt_scene.bundle, .no_urid_map = true}));
  pmt_scratch_remove(folder);
  pmt_scene_close();
  return 0;
}
