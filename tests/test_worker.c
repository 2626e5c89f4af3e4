/* SPDX-License-Identifier: ISC */
/* What an instance leaves to its worker, in every kind of worker: models in quick succession, captures, folders; work
   that is refused, lost or runs inside run(); memory that runs out on the way. */
#include "check.h"

#include "ports.h"
#include "support/fail_alloc.h"
#include "support/scene.h"
#include "uris.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char music[1024];

static PmtHost* open_host(const PmtHostWorker worker) {
  PmtHost* const host = pmt_scene_host(worker);
  pmt_host_activate(host);
  return host;
}

static PmtHost* open_playing(const PmtHostWorker worker) {
  PmtHost* const host = open_host(worker);
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 300); /* three bars */
  CHECK(pmt_host_midi(host)->n_events > 50);
  return host;
}

/* A worker that came to its senses, or always had them. */
static void mend(PmtHost* const host, const PmtHostWorker worker) {
  if (worker == PMT_HOST_REFUSING || worker == PMT_HOST_LOSING) {
    pmt_scene_play(host, 20);
    pmt_host_set_worker(host, PMT_HOST_POLLED);
  }
  if (worker == PMT_HOST_LOSING) {
    pmt_scene_play(host, 1000); /* nobody answered: it knocks again */
  }
}

/* ---- Models ------------------------------------------------------------------------------------------------------ */

enum { MODELS = 50 };

static void model_path(char* const path, const size_t size, const int i) {
  snprintf(path, size, "%s/scroll-%02d.safetensors", pmt_scene.scratch, i);
}

/* Fifty names of two models, faster than any of them loads: the last one plays. */
static void test_scrolling(const PmtHostWorker worker) {
  PmtHost* const host = open_playing(worker);
  char path[1100];
  for (int i = 0; i < MODELS; ++i) {
    model_path(path, sizeof path, i);
    pmt_host_send_model(host, 0, path);
    pmt_scene_play(host, 1);
  }
  mend(host, worker);
  CHECKF(pmt_host_await(host, "scroll-49"), "%d: %s", worker, pmt_host_status(host));
  pmt_scene_play(host, 3);
  CHECKF(!strcmp(pmt_host_path(host), path), "%s", pmt_host_path(host));
  const size_t before = pmt_host_midi(host)->n_events;
  pmt_scene_play(host, 300);
  CHECK(pmt_host_midi(host)->n_events > before + 50);
  pmt_host_send_model(host, 0, pmt_scene.first); /* closed in the middle of it */
  pmt_scene_play(host, 1);
  pmt_host_free(host);
}

/* No more than one message is under way, however much there is to do. */
static void test_one_knock(void) {
  PmtHost* const host = open_playing(PMT_HOST_POLLED);
  for (int i = 0; i < 200; ++i) {
    pmt_host_send_model(host, 0, i % 2 ? pmt_scene.model_a : pmt_scene.model_b);
    *pmt_host_control(host, "capture") = (float)(i % 2);
    pmt_scene_play(host, 1);
  }
  CHECK(pmt_host_requests(host) == 1);
  CHECK(pmt_host_await(host, "model-a"));
  pmt_host_free(host);
}

static void test_no_worker(void) {
  PmtHost* const host = open_playing(PMT_HOST_NO_WORKER);
  pmt_host_send_model(host, 0, pmt_scene.model_a);
  pmt_scene_play(host, 1);
  CHECKF(strstr(pmt_host_status(host), "model not loaded: this host gives plugins no worker"), "%s",
         pmt_host_status(host));
  *pmt_host_control(host, "capture") = 1;
  pmt_scene_play(host, 1);
  CHECKF(strstr(pmt_host_status(host), "nothing captured: this host gives plugins no worker"), "%s",
         pmt_host_status(host));
  pmt_host_free(host);
}

/* ---- Captures ---------------------------------------------------------------------------------------------------- */

static int count_files(const char* const folder) {
  DIR* const dir = opendir(folder);
  CHECKF(dir, "%s", folder);
  int n = 0;
  for (const struct dirent* entry; (entry = readdir(dir));) {
    n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
  }
  closedir(dir);
  return n;
}

static void make_folder(char* const path, const size_t size, const char* const name) {
  snprintf(path, size, "%s/%s", pmt_scene.scratch, name);
  CHECK(!mkdir(path, 0777));
}

/* The button, once. @return where the file is */
static const char* press(PmtHost* const host) {
  *pmt_host_control(host, "capture") = 0;
  pmt_scene_play(host, 1);
  *pmt_host_control(host, "capture") = 1;
  pmt_scene_play(host, 1);
  return pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI);
}

static void expect_captured(PmtHost* const host, const char* const folder) {
  CHECKF(pmt_host_await(host, " notes: /"), "%s", pmt_host_status(host));
  const char* const path = pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI);
  const size_t length = strlen(folder);
  CHECKF(!strncmp(path, folder, length) && !strncmp(path + length, "/partimento-20", 14), "%s", path);
  CHECKF(strstr(path, "-bar-1") && strstr(pmt_host_status(host), path), "%s", pmt_host_status(host));
  char head[5] = "";
  FILE* const file = fopen(path, "rb");
  CHECKF(file && fread(head, 1, 4, file) == 4 && !strcmp(head, "MThd"), "%s", path);
  fclose(file);
}

static void test_capture(const PmtHostWorker worker) {
  PmtHost* const host = open_playing(worker);
  const int before = count_files(music);
  pmt_scene_play(host, 20);
  CHECK(!pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI)[0] && count_files(music) == before); /* nobody asked */
  press(host);
  mend(host, worker);
  expect_captured(host, music);
  CHECK(count_files(music) == before + 1);
  char last[4200];
  for (int i = 2; i < 5; ++i) { /* within a second: names must not collide */
    snprintf(last, sizeof last, "%s", pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI));
    press(host);
    for (int n = 0; n < 2000 && !strcmp(pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI), last); ++n) {
      if (worker == PMT_HOST_THREAD) {
        usleep(1000);
      } else {
        pmt_host_work(host);
      }
      pmt_scene_play(host, 1);
    }
    expect_captured(host, music);
    CHECK(count_files(music) == before + i);
  }
  pmt_host_send_get(host, 0, PMT_PLUGIN_CAPTURED_URI);
  const uint32_t messages = pmt_host_messages(host);
  pmt_scene_play(host, 1);
  CHECK(pmt_host_messages(host) == messages + 1);
  pmt_host_free(host);
}

static void test_nothing_to_capture(void) {
  PmtHost* const host = open_host(PMT_HOST_POLLED);
  const int before = count_files(music);
  press(host);
  CHECK(pmt_host_await(host, "nothing captured: "));
  CHECKF(strstr(pmt_host_log(host), "nothing captured: "), "%s", pmt_host_log(host));
  CHECK(!pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI)[0] && count_files(music) == before);
  pmt_host_free(host);
}

/* A button that the session saved as pressed is not pressed by loading it. */
static void test_saved_pressed(void) {
  PmtHost* const host = pmt_scene_host(PMT_HOST_POLLED);
  *pmt_host_control(host, "capture") = 1;
  pmt_host_activate(host);
  pmt_scene_play(host, 10);
  CHECK(pmt_host_requests(host) == 0);
  pmt_host_free(host);
}

static void set_folder(PmtHost* const host, const char* const path) {
  pmt_host_send_set(host, 0, PMT_PLUGIN_CAPTURES_URI, LV2_ATOM__Path, path, (uint32_t)strlen(path) + 1);
}

static void test_folder(const PmtHostWorker worker) {
  char chosen[1100], name[64], missing[1100], link[1100];
  snprintf(name, sizeof name, "chosen-%d", worker);
  make_folder(chosen, sizeof chosen, name);
  snprintf(missing, sizeof missing, "%s/missing", pmt_scene.scratch);
  snprintf(link, sizeof link, "%s/link-%d", pmt_scene.scratch, worker);
  CHECK(!symlink(chosen, link));
  PmtHost* const host = open_playing(worker);
  set_folder(host, link);
  pmt_scene_play(host, 1);
  mend(host, worker);
  CHECK(pmt_host_await(host, "captures go to"));
  CHECKF(!strcmp(pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI), chosen), "%s",
         pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI));
  press(host);
  expect_captured(host, chosen);
  char file[1200];
  snprintf(file, sizeof file, "%s", pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI));
  set_folder(host, pmt_scene.scratch);
  pmt_scene_play(host, 1);
  CHECK(pmt_host_await(host, "captures go to"));
  set_folder(host, file); /* a host's chooser finds files alone */
  for (int n = 0; n < 100 && strcmp(pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI), chosen); ++n) {
    if (worker != PMT_HOST_THREAD) {
      pmt_host_work(host);
    }
    pmt_scene_play(host, 1);
    usleep(1000);
  }
  CHECKF(!strcmp(pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI), chosen), "%s",
         pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI));
  const char* const bad[] = {missing, "/dev/null", "relative", ""};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    set_folder(host, bad[i]);
    pmt_scene_play(host, 1);
    CHECKF(pmt_host_await(host, "capture folder not changed: "), "%s: %s", bad[i], pmt_host_status(host));
    CHECK(!strcmp(pmt_host_told(host, PMT_PLUGIN_CAPTURES_URI), chosen));
    pmt_host_send_model(host, 0, i % 2 ? pmt_scene.model_a : pmt_scene.model_b); /* something else in the status */
    CHECK(pmt_host_await(host, i % 2 ? "model-a" : "model-b"));
  }
  CHECK(!rename(chosen, missing)); /* it went away later */
  press(host);
  CHECKF(pmt_host_await(host, "cannot be written to; captured"), "%s", pmt_host_status(host));
  CHECKF(strstr(pmt_host_status(host), chosen), "%s", pmt_host_status(host));
  CHECKF(!strncmp(pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI), music, strlen(music)), "%s",
         pmt_host_told(host, PMT_PLUGIN_CAPTURED_URI));
  pmt_host_send_model(host, 0, pmt_scene.first);
  CHECK(pmt_host_await(host, "first"));
  CHECK(!rename(missing, chosen));
  press(host);
  expect_captured(host, chosen);
  pmt_host_free(host);
}

/* ---- Where captures go when nobody said -------------------------------------------------------------------------- */

static void expect_folder(const char* const session, const char* const folder) {
  PmtHost* const host =
      pmt_host_new(&(PmtHostOptions){.bundle = pmt_scene.bundle, .worker = PMT_HOST_POLLED, .session = session});
  CHECK(host);
  pmt_host_activate(host);
  pmt_scene_roll(host, 240);
  pmt_scene_play(host, 200);
  press(host);
  if (folder) {
    expect_captured(host, folder);
  } else {
    CHECK(pmt_host_await(host, "nothing captured: there is no folder"));
  }
  pmt_host_free(host);
}

static void write_user_dirs(const char* const config, const char* const line) {
  char path[2200];
  snprintf(path, sizeof path, "%s/user-dirs.dirs", config);
  FILE* const file = fopen(path, "w");
  CHECK(file);
  fprintf(file, "# a comment\nXDG_DESKTOP_DIR=\"$HOME/Desktop\"\n%s\nXDG_VIDEOS_DIR=\"$HOME\"\n", line);
  CHECK(!fclose(file));
}

static void test_folders(void) {
  char home[1100], home_music[1200], config[1200], own[1100], lieder[1200], session[1100];
  make_folder(home, sizeof home, "home");
  make_folder(home_music, sizeof home_music, "home/Music");
  make_folder(config, sizeof config, "home/.config");
  make_folder(lieder, sizeof lieder, "home/Lieder \"1\"");
  make_folder(own, sizeof own, "own-config");
  make_folder(session, sizeof session, "session");
  unsetenv("XDG_CONFIG_HOME");
  setenv("HOME", home, 1);

  expect_folder(session, music);          /* below the folder for what does not last */
  CHECK(!rmdir(session) && !mkdir(session, 0777)); /* and left empty */
  expect_folder("ID", music);             /* no place at all */
  setenv("XDG_MUSIC_DIR", "/nonexistent", 1);
  expect_folder(NULL, home_music);
  unsetenv("XDG_MUSIC_DIR");
  expect_folder(NULL, home_music);
  write_user_dirs(config, "XDG_MUSIC_DIR=\"$HOME/Lieder \\\"1\\\"\"");
  expect_folder(NULL, lieder);
  write_user_dirs(config, "XDG_MUSIC_DIR=\"$HOME/nowhere\"");
  expect_folder(NULL, home_music);
  write_user_dirs(own, "XDG_MUSIC_DIR=\"$HOME/\"");
  setenv("XDG_CONFIG_HOME", own, 1);
  expect_folder(NULL, home);
  char absolute[1200];
  snprintf(absolute, sizeof absolute, "XDG_MUSIC_DIR=\"%s\"", music);
  write_user_dirs(own, absolute);
  expect_folder(NULL, music);
  write_user_dirs(own, "XDG_MUSIC_DIR=\"never ends");
  expect_folder(NULL, home_music);
  unsetenv("HOME");
  unsetenv("XDG_CONFIG_HOME");
  expect_folder(NULL, NULL);
  setenv("XDG_MUSIC_DIR", music, 1);
}

/* The session's own folder, if it lasts. The test's is below $TMPDIR, so that must be elsewhere for a moment; and not
   in /tmp, where nothing lasts. */
static void test_session_folder(void) {
  if (!strncmp(pmt_scene.scratch, "/tmp/", 5) || !strncmp(pmt_scene.scratch, "/var/tmp/", 9)) {
    return;
  }
  char session[1100];
  make_folder(session, sizeof session, "kept");
  const char* const old = getenv("TMPDIR");
  char* const copy = old ? strdup(old) : NULL;
  setenv("TMPDIR", "/nonexistent", 1);
  expect_folder(session, session);
  if (copy) {
    setenv("TMPDIR", copy, 1);
  } else {
    unsetenv("TMPDIR");
  }
  free(copy);
}

/* ---- Memory that runs out ---------------------------------------------------------------------------------------- */

/* The n-th allocation of a load or a capture fails: a line says so if anything can, what plays goes on, nothing leaks,
   and the next one works. */
static void test_memory(void) {
  PmtHost* const host = open_playing(PMT_HOST_POLLED);
  for (size_t n = 0;; ++n) {
    const int files = count_files(music);
    const size_t before = pmt_host_midi(host)->n_events;
    pmt_host_send_model(host, 0, n % 2 ? pmt_scene.model_a : pmt_scene.model_b);
    *pmt_host_control(host, "capture") = 0;
    pmt_scene_play(host, 1);
    *pmt_host_control(host, "capture") = 1;
    pmt_scene_play(host, 1);
    pmt_fail_after(n);
    pmt_host_work(host);
    const size_t asked = pmt_alloc_count();
    pmt_fail_never();
    pmt_scene_play(host, 40);
    CHECK(pmt_host_midi(host)->n_events > before);
    CHECK(!n || strstr(pmt_host_log(host), "partimento: ")); /* the last to fail has said so */
    if (asked <= n) {
      CHECK(count_files(music) == files + 1 && strstr(pmt_host_status(host), "captured"));
      break;
    }
    CHECK(count_files(music) <= files + 1);
    CHECK(n < 10000);
  }
  pmt_host_send_model(host, 0, pmt_scene.first);
  CHECK(pmt_host_await(host, "first"));
  pmt_host_free(host);
}

int main(void) {
  pmt_scene_open();
  for (int i = 0; i < MODELS; ++i) {
    char path[1100];
    model_path(path, sizeof path, i);
    CHECK(!symlink(i % 2 ? pmt_scene.model_a : pmt_scene.model_b, path));
  }
  make_folder(music, sizeof music, "music");
  setenv("XDG_MUSIC_DIR", music, 1);
  for (PmtHostWorker worker = PMT_HOST_THREAD; worker <= PMT_HOST_LOSING; ++worker) {
    test_scrolling(worker);
    test_capture(worker);
    test_folder(worker);
  }
  test_one_knock();
  test_no_worker();
  test_nothing_to_capture();
  test_saved_pressed();
  test_folders();
  test_session_folder();
  test_memory();
  pmt_scene_close();
  return 0;
}
