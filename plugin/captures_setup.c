/* SPDX-License-Identifier: ISC */
/* See captures.h. In the worker, with little stack: paths and tape lie on the heap. Above: handover_setup.c. Below:
   gen/capture.h */
#include "captures.h"

#include "base/file.h"
#include "gen/capture.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAMES_MAX = 1000, USER_DIRS_MAX = 1 << 16 };

/* ---- Folders ----------------------------------------------------------------------------------------------------- */

/* @return false when it does not fit */
PMT_PRINTF(2, 3) static bool put(char* const path, const char* const format, ...) {
  va_list args;
  va_start(args, format);
  const int length = vsnprintf(path, PMT_PATH_MAX, format, args);
  va_end(args);
  return length >= 0 && length < PMT_PATH_MAX;
}

/* Also strips slashes at its end: users read it. */
static bool usable(char* const folder) {
  for (size_t length = strlen(folder); length > 1 && folder[length - 1] == '/';) {
    folder[--length] = '\0';
  }
  struct stat st;
  return folder[0] == '/' && !stat(folder, &st) && S_ISDIR(st.st_mode) && !access(folder, W_OK | X_OK);
}

static const char* environment(const char* const name) {
  const char* const value = getenv(name);
  return value ? value : "";
}

static bool below(const char* const path, const char* const folder) {
  size_t length = strlen(folder);
  while (length && folder[length - 1] == '/') {
    --length;
  }
  return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static bool lasts(const char* const path) {
  return !below(path, "/tmp") && !below(path, "/var/tmp") && !below(path, environment("TMPDIR"));
}

/* Where the host would have a file of ours that belongs to the session: Ardour in it, jalv where nothing lasts. */
static bool ask_host(const PmtWorker* const w, char* const folder) {
  char* const path = w->make_path.path ? w->make_path.path(w->make_path.handle, "partimento.mid") : NULL;
  char* const slash = path ? strrchr(path, '/') : NULL;
  bool good = false;
  if (slash && lasts(path)) {
    *slash = '\0';
    good = put(folder, "%s", path) && usable(folder);
  }
  if (path && w->free_path.free_path) {
    w->free_path.free_path(w->free_path.handle, path);
  } else {
    free(path);
  }
  return good;
}

/* A line XDG_MUSIC_DIR="$HOME/Music" of the desktop's file. @return false when there is none */
static bool parse_user_dirs(const char* text, const char* const home, char* const folder) {
  static const char key[] = "XDG_MUSIC_DIR=\"", from_home[] = "$HOME";
  while (text && strncmp(text, key, sizeof key - 1)) {
    text = strchr(text, '\n');
    text = text ? text + strspn(text, "\n \t") : NULL;
  }
  if (!text) {
    return false;
  }
  text += sizeof key - 1;
  size_t length = 0;
  if (!strncmp(text, from_home, sizeof from_home - 1)) {
    text += sizeof from_home - 1;
    length = strlen(home);
    memcpy(folder, home, length < PMT_PATH_MAX ? length : 0);
  }
  for (; *text && *text != '"' && *text != '\n' && length < PMT_PATH_MAX - 1; ++text) {
    text += *text == '\\' && text[1];
    folder[length++] = *text;
  }
  folder[length < PMT_PATH_MAX ? length : 0] = '\0';
  return *text == '"';
}

static bool find_user_dir(const char* const home, char* const folder) {
  const char* const config = environment("XDG_CONFIG_HOME");
  unsigned char* text = NULL;
  size_t size = 0;
  const bool fits = config[0] == '/' ? put(folder, "%s/user-dirs.dirs", config)
                                     : put(folder, "%s/.config/user-dirs.dirs", home);
  if (!fits || pmt_file_read(folder, USER_DIRS_MAX, &text, &size, NULL)) {
    return false;
  }
  const bool found = parse_user_dirs((const char*)text, home, folder);
  free(text);
  return found && usable(folder);
}

/* Where a player looks for music when nobody said where to put it. */
static bool find_music_folder(char* const folder) {
  const char* const home = environment("HOME");
  return (put(folder, "%s", environment("XDG_MUSIC_DIR")) && usable(folder)) ||
         (home[0] == '/' && find_user_dir(home, folder)) || (put(folder, "%s/Music", home) && usable(folder)) ||
         (put(folder, "%s", home) && usable(folder));
}

/* @param[out] parcel hears of a chosen folder that is gone: a capture goes elsewhere then, rather than nowhere */
static PmtStatus find_folder(PmtWorker* const w, char* const folder, PmtParcel* const parcel, PmtError* const error) {
  pmt_handover_copy_path(&w->captures, folder);
  if (folder[0] && usable(folder)) {
    return PMT_OK;
  }
  if (folder[0]) {
    parcel->flawed = true;
    snprintf(parcel->status, sizeof parcel->status, "%.400s cannot be written to; ", folder);
  }
  if (ask_host(w, folder) || find_music_folder(folder)) {
    return PMT_OK;
  }
  return pmt_fail(error, PMT_IO, "there is no folder to write to: set HOME, or choose a capture folder");
}

/* Hosts' choosers find files and no folders: any file stands for the folder that it is in. */
static void cut_file(char* const path) {
  struct stat st;
  char* const slash = strrchr(path, '/');
  if (slash > path && !stat(path, &st) && S_ISREG(st.st_mode)) {
    *slash = '\0';
  }
}

/* A host hands over a link in its session: the place itself is told and kept. */
static PmtStatus load_folder(void* const user, const PmtWanted* const wanted, PmtParcel* const parcel,
                             PmtError* const error) {
  (void)user;
  char* const real = wanted->path[0] == '/' ? realpath(wanted->path, NULL) : NULL;
  if (!real) {
    return pmt_fail(error, PMT_IO, "%s: there is no such folder", wanted->path);
  }
  cut_file(real);
  PmtStatus status = PMT_OK;
  if (!usable(real)) {
    status = pmt_fail(error, PMT_IO, "%s: not a folder that can be written to", real);
  } else {
    put(parcel->path, "%s", real);
    snprintf(parcel->status, sizeof parcel->status, "captures go to %.900s", real);
  }
  free(real);
  return status;
}

const PmtHandoverKind pmt_capture_folder_kind = {.failed = "capture folder not changed", .property = true,
                                                 .load = load_folder};

/* ---- Files ------------------------------------------------------------------------------------------------------- */

typedef struct {
  char folder[PMT_PATH_MAX], temporary[PMT_PATH_MAX], path[PMT_PATH_MAX];
  PmtCaptureWish wish;
  PmtCaptured captured;
} Job;

static PmtStatus too_long(PmtError* const error) {
  return pmt_fail(error, PMT_TOO_BIG, "the folder's path is longer than %d bytes", PMT_PATH_MAX - 64);
}

static PmtStatus system_error(PmtError* const error, const char* const path) {
  return pmt_fail(error, PMT_IO, "%s: %s", path, strerror(errno));
}

/* Make an empty file of a name that nobody has. Named by the moment and by the first bar as players count. */
static PmtStatus reserve_name(Job* const job, PmtError* const error) {
  const time_t now = time(NULL);
  struct tm tm;
  char date[32] = "";
  if (localtime_r(&now, &tm)) {
    strftime(date, sizeof date, "%Y-%m-%d-%H%M%S", &tm);
  }
  for (int n = 1; n <= NAMES_MAX; ++n) {
    char again[16] = "";
    if (n > 1) {
      snprintf(again, sizeof again, "-%d", n);
    }
    if (!put(job->path, "%s/partimento-%s-bar-%lld%s.mid", job->folder, date, (long long)job->captured.first_bar + 1,
             again)) {
      return too_long(error);
    }
    const int fd = open(job->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
      close(fd);
      return PMT_OK;
    }
    if (errno != EEXIST) {
      return system_error(error, job->path);
    }
  }
  return pmt_fail(error, PMT_IO, "%s: there are %d such files", job->path, NAMES_MAX);
}

/* Under its own name only when it is whole: which bar it begins with is known after it was written. */
static PmtStatus write_file(Job* const job, PmtError* const error) {
  const PmtCaptureWish* const wish = &job->wish;
  const PmtCaptureOptions options = {.bars = wish->bars,
                                     .model = wish->has_model ? &wish->model : NULL,
                                     .channel = wish->channel,
                                     .style = wish->style,
                                     .title = wish->has_model ? wish->model.title : NULL};
  if (!put(job->temporary, "%s/.partimento-XXXXXX", job->folder)) {
    return too_long(error);
  }
  const int fd = mkstemp(job->temporary);
  if (fd < 0) {
    return system_error(error, job->folder);
  }
  close(fd);
  PmtStatus status = pmt_capture_write(wish->tape, &options, job->temporary, &job->captured, error);
  status = status ? status : reserve_name(job, error);
  if (!status && rename(job->temporary, job->path)) {
    status = system_error(error, job->path);
    unlink(job->path);
  }
  if (status) {
    unlink(job->temporary);
  }
  return status;
}

static void say_captured(const Job* const job, PmtParcel* const parcel) {
  const PmtCaptured* const c = &job->captured;
  const size_t length = strlen(parcel->status);
  snprintf(parcel->status + length, sizeof parcel->status - length, "captured %u bar%s%s, %u notes: %s", c->bars,
           c->bars == 1 ? "" : "s", c->cut ? " (the beginning was gone)" : "", c->notes, job->path);
}

static PmtStatus capture(void* const user, const PmtWanted* const wanted, PmtParcel* const parcel,
                         PmtError* const error) {
  PmtWorker* const w = user;
  Job* const job = calloc(1, sizeof *job);
  if (!job) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  memcpy(&job->wish, wanted->path, sizeof job->wish);
  PmtStatus status = find_folder(w, job->folder, parcel, error);
  status = status ? status : write_file(job, error);
  if (!status) {
    put(parcel->path, "%s", job->path);
    say_captured(job, parcel);
    if (!parcel->flawed) {
      lv2_log_note(&w->log, "partimento: %s\n", parcel->status);
    }
  } else if (!error->text[0]) {
    pmt_fail(error, status, "%s", pmt_strerror(status));
  }
  free(job);
  return status;
}

const PmtHandoverKind pmt_capture_kind = {.failed = "nothing captured", .load = capture};
