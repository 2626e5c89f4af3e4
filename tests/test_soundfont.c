/* SPDX-License-Identifier: ISC */
/* What the instrument sounds with: programs and kits by style, SoundFonts that are missing, broken, chosen, swapped
   while it plays, saved; and how loud the shipped model is with the system's. The tests' SoundFont is one of sine tones,
   so that the pitch of the sound tells the preset. */
#include "check.h"

#include "ports.h"
#include "support/listen.h"
#include "support/tiny_model.h"
#include "uris.h"

#include <lv2/atom/atom.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RATE = PMT_LISTEN_RATE };

/* The tone heard most: index into pmt_listen_tones. */
static size_t tone_heard(const PmtSound* const sound, const uint64_t from, const uint64_t n) {
  size_t best = 0;
  double most = 0.0;
  for (size_t i = 0; i < 5; ++i) {
    const double amplitude = pmt_sound_tone(sound, from, n, (double)pmt_listen_tones[i].period);
    if (amplitude > most) {
      most = amplitude;
      best = i;
    }
  }
  CHECK(most > 1e-3);
  return best;
}

/* A model of one part, or of drums alone, with a program and a kit for each style. */
static void test_programs(void) {
  enum { FRAMES = 4 * RATE };
  static const struct { float channel, style; size_t tone; } cases[2][4] = {
      {{1, 0, 1}, {1, 1, 2}, {16, 1, 2}, {10, 0, 1}}, {{1, 0, 3}, {1, 1, 4}, {16, 1, 4}, {10, 0, 3}}};
  for (int drums = 0; drums < 2; ++drums) {
    const PmtMetaOut meta[] = {{"programs", "40;48"}, {"kits", "0,25"}, {"style_parts", drums ? "0,0" : "1,1"},
                               {"drums", drums ? "1" : "0"}, {"style_drums", drums ? "1,1" : "0,0"}};
    char folder[1024], model[1100], place[1100];
    snprintf(folder, sizeof folder, "%s/programs-%d", pmt_listen_folder(), drums);
    snprintf(model, sizeof model, "%s/programs.safetensors", pmt_listen_folder());
    CHECK(!pmt_tiny_model_write(
        model, &(PmtTinyOptions){.seed = 5, .parts = 1, .note_bias = 2, .meta = meta, .n_meta = 5}, NULL));
    CHECK(!mkdir(folder, 0700));
    pmt_host_copy_bundle(folder, model, place, sizeof place);
    for (size_t i = 0; i < 4; ++i) {
      PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = place, .uri = PMT_INSTRUMENT_URI});
      CHECK(host);
      pmt_host_activate(host);
      *pmt_host_port(host, PMT_PORT_CHANNEL) = cases[drums][i].channel;
      *pmt_host_port(host, PMT_PORT_STYLE) = cases[drums][i].style;
      PmtSound sound = pmt_sound_new(FRAMES);
      const uint64_t first = pmt_listen_roll(host, &sound, FRAMES);
      const size_t heard = tone_heard(&sound, first + 240, 960);
      CHECKF(heard == cases[drums][i].tone, "drums %d, case %zu: tone %zu", drums, i, heard);
      pmt_sound_free(&sound);
      pmt_host_free(host);
    }
  }
}

/* ---- SoundFonts that are not there, or broken, or others --------------------------------------------------------- */

static void play_without(const char* const why) {
  PmtSound sound = pmt_sound_new(2 * RATE);
  PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  CHECKF(strstr(pmt_host_log(host), why), "%s", pmt_host_log(host));
  CHECK(!strchr(pmt_host_log(host), '\n') || !strchr(pmt_host_log(host), '\n')[1]); /* one line */
  pmt_listen_roll(host, &sound, 2 * RATE);
  CHECKF(strstr(pmt_host_status(host), why), "%s", pmt_host_status(host));
  CHECK(pmt_sound_peak(&sound, 0, 2 * RATE) == 0.0f);
  pmt_sound_free(&sound);
  pmt_host_free(host);
}

static size_t read_all(const char* const path, char* const bytes, const size_t size) {
  FILE* const f = fopen(path, "rb");
  CHECK(f);
  const size_t n = fread(bytes, 1, size, f);
  CHECK(n < size && !fclose(f));
  return n;
}

static void write_all(const char* const path, const char* const bytes, const size_t size) {
  FILE* const f = fopen(path, "wb");
  CHECK(f && fwrite(bytes, 1, size, f) == size && !fclose(f));
}

static void test_broken(void) {
  static char bytes[1 << 18], other[1 << 18];
  char broken[1024];
  const size_t size = read_all(pmt_listen_soundfont(), bytes, sizeof bytes);
  snprintf(broken, sizeof broken, "%s/broken.sf2", pmt_listen_folder());
  setenv("PARTIMENTO_SOUNDFONT", "", 1);
  play_without("Debian package timgm6mb-soundfont");
  setenv("PARTIMENTO_SOUNDFONT", "/nowhere/at/all.sf2", 1);
  play_without("/nowhere/at/all.sf2: cannot be read");
  setenv("PARTIMENTO_SOUNDFONT", broken, 1);
  memset(other, 'x', sizeof other);
  write_all(broken, other, 5000);
  play_without("no SoundFont (.sf2, .sf3)");
  write_all(broken, bytes, 7);
  play_without("no SoundFont (.sf2, .sf3)");
  for (size_t i = 1; i < 8; ++i) {
    write_all(broken, bytes, size - (i == 7 ? 1 : size * i / 8));
    play_without("cut short");
  }
  memcpy(other, bytes, size);
  memset(other + size - 1000, 'x', 1000); /* whole, but the lists at the end are not */
  write_all(broken, other, size);
  play_without("a damaged SoundFont");
  for (uint32_t i = 0, random = 3; i < 24; ++i) { /* bytes changed, half of them in the lists at the end */
    memcpy(other, bytes, size);
    const size_t lists = 2000, base = i % 2 ? size - lists : 0, span = i % 2 ? lists : size;
    for (int k = 0; k < 4; ++k) {
      random = random * 1664525u + 1013904223u;
      other[base + (random >> 8) % span] = (char)(random >> 3);
    }
    write_all(broken, other, size);
    PmtHost* const host = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
    pmt_listen_roll(host, NULL, RATE / 2);
    pmt_host_free(host);
  }
  setenv("PARTIMENTO_SOUNDFONT", pmt_listen_soundfont(), 1);
}

static void set_soundfont(PmtHost* const host, const char* const path) {
  pmt_host_send_set(host, 0, PMT_PLUGIN_SOUNDFONT_URI, LV2_ATOM__Path, path, (uint32_t)strlen(path) + 1);
}

/* The other one is heard, no note changes, nothing clicks harder than notes do; a wrong one is refused by a line. */
static void test_swap(void) {
  static const PmtTinySound second[] = {{0, 0, 96}};
  static const PmtHostWorker workers[] = {PMT_HOST_THREAD, PMT_HOST_POLLED, PMT_HOST_INSIDE};
  enum { BLOCK = 480, FRAMES = 8 * RATE };
  char other[1024];
  snprintf(other, sizeof other, "%s/second.sf2", pmt_listen_folder());
  pmt_tiny_soundfont_write(other, second, 1);
  PmtHost* const plain = pmt_listen_host(PMT_INSTRUMENT_URI, RATE);
  pmt_listen_roll(plain, NULL, FRAMES);
  for (size_t w = 0; w < 3; ++w) {
    PmtHost* const host =
        pmt_host_new(&(PmtHostOptions){.bundle = pmt_listen_bundle(), .uri = PMT_INSTRUMENT_URI, .worker = workers[w]});
    PmtSound sound = pmt_sound_new(FRAMES);
    CHECK(host);
    pmt_host_activate(host);
    const PmtPosition stand = pmt_listen_at(0, 0);
    pmt_host_send_position(host, 0, &stand, PMT_HOST_PLAIN);
    pmt_host_run(host, RATE / 2);
    pmt_midi_list_free(pmt_host_midi(host));
    for (int64_t frame = 0; frame < FRAMES; frame += BLOCK) {
      const PmtPosition position = pmt_listen_at(frame, 1);
      pmt_host_send_position(host, 0, &position, PMT_HOST_PLAIN);
      if (frame == 3 * RATE) {
        set_soundfont(host, other);
      } else if (frame == 6 * RATE) {
        set_soundfont(host, "/nowhere/at/all.sf2");
      }
      pmt_listen_run(host, &sound, (uint64_t)frame, BLOCK);
      if (workers[w] == PMT_HOST_POLLED) {
        pmt_host_work(host);
      } else if (workers[w] == PMT_HOST_THREAD) {
        usleep(300);
      }
    }
    CHECK(pmt_sound_tone(&sound, 0, 3 * RATE, 48) > 10 * pmt_sound_tone(&sound, 0, 3 * RATE, 96));
    const double chosen = pmt_sound_tone(&sound, 4 * RATE, 4 * RATE, 96);
    const double usual = pmt_sound_tone(&sound, 4 * RATE, 4 * RATE, 48);
    CHECKF(chosen > 10 * usual, "worker %zu: %g, %g", w, chosen, usual);
    CHECKF(strstr(pmt_host_status(host), "/nowhere/at/all.sf2: cannot be read"), "%s", pmt_host_status(host));
    /* When the other one takes over is the worker's affair. It is steeper by itself, and so may the moment be. */
    const float before = pmt_sound_steepest(&sound, RATE, 3 * RATE);
    const float after = pmt_sound_steepest(&sound, 5 * RATE, FRAMES);
    const float step = pmt_sound_steepest(&sound, 3 * RATE, 5 * RATE);
    CHECKF(step < 1.1f * fmaxf(before, after), "worker %zu: %g; %g before, %g after", w, step, before, after);
    CHECK(pmt_host_midi(host)->n_events == pmt_host_midi(plain)->n_events);
    pmt_sound_free(&sound);
    pmt_host_free(host);
  }
  pmt_host_free(plain);
}

/* The system's choice is not saved, the player's is; it comes back, and is kept when the file is gone. */
static void test_state(void) {
  static const PmtTinySound second[] = {{0, 0, 96}};
  char other[1024];
  PmtHostState* const state = calloc(1, sizeof *state);
  CHECK(state);
  snprintf(other, sizeof other, "%s/chosen.sf2", pmt_listen_folder());
  pmt_tiny_soundfont_write(other, second, 1);
  const PmtHostOptions options = {
      .bundle = pmt_listen_bundle(), .uri = PMT_INSTRUMENT_URI, .worker = PMT_HOST_POLLED};
  PmtHost* host = pmt_host_new(&options);
  CHECK(host);
  pmt_host_activate(host);
  pmt_host_save(host, state, (PmtHostPaths){true, true, true});
  CHECK(!pmt_host_find_property(state, PMT_PLUGIN_SOUNDFONT_URI));
  set_soundfont(host, other);
  CHECK(pmt_host_await(host, "chosen.sf2"));
  pmt_host_save(host, state, (PmtHostPaths){true, true, true});
  CHECK(pmt_host_find_property(state, PMT_PLUGIN_SOUNDFONT_URI));
  pmt_host_free(host);
  for (int gone = 0; gone < 2; ++gone) {
    host = pmt_host_new(&options);
    CHECK(host);
    pmt_host_restore(host, state, (PmtHostPaths){true, true, true});
    pmt_host_activate(host);
    PmtSound sound = pmt_sound_new(2 * RATE);
    pmt_listen_roll(host, &sound, 2 * RATE);
    const double chosen = pmt_sound_tone(&sound, 0, 2 * RATE, 96), usual = pmt_sound_tone(&sound, 0, 2 * RATE, 48);
    CHECKF(gone ? usual > 10 * chosen : chosen > 10 * usual, "gone %d: %g, %g", gone, chosen, usual);
    pmt_host_save(host, state, (PmtHostPaths){true, true, true});
    CHECK(pmt_host_find_property(state, PMT_PLUGIN_SOUNDFONT_URI));
    pmt_sound_free(&sound);
    pmt_host_free(host);
    CHECK(gone || !unlink(other));
  }
  free(state);
}

/* The shipped model with the system's sounds: each style is heard, and none comes near full scale. */
static void test_levels(void) {
  enum { FRAMES = 6 * RATE };
  char shipped[1024], file[1100];
  unsetenv("PARTIMENTO_SOUNDFONT");
  pmt_host_find_bundle(shipped, sizeof shipped);
  snprintf(file, sizeof file, "%s/partimento.safetensors", shipped);
  if (access(file, R_OK) || access("/usr/share/sounds/sf2/TimGM6mb.sf2", R_OK)) {
    puts("SKIP levels: no shipped model or no timgm6mb-soundfont");
    return;
  }
  setenv("PARTIMENTO_SOUNDFONT", "/usr/share/sounds/sf2/TimGM6mb.sf2", 1);
  for (int style = 0; style < 7; ++style) {
    PmtHost* const host = pmt_host_new(&(PmtHostOptions){.bundle = shipped, .uri = PMT_INSTRUMENT_URI});
    CHECK(host);
    pmt_host_activate(host);
    *pmt_host_port(host, PMT_PORT_STYLE) = (float)style;
    PmtSound sound = pmt_sound_new(FRAMES);
    pmt_listen_roll(host, &sound, FRAMES);
    const double peak = (double)pmt_sound_peak(&sound, 0, FRAMES);
    printf("style %d: peak %.1f dB, rms %.1f dB\n", style, 20.0 * log10(peak),
           10.0 * log10((pmt_sound_power(&sound, 0) + pmt_sound_power(&sound, 1)) / (2.0 * FRAMES)));
    CHECKF(peak > 0.01 && peak < 0.708, "style %d: %g", style, peak); /* -40 and -3 dB */
    pmt_sound_free(&sound);
    pmt_host_free(host);
  }
}

int main(void) {
  pmt_listen_begin();
  test_programs();
  test_broken();
  test_swap();
  test_state();
  test_levels();
  pmt_listen_end();
  return 0;
}
