/* SPDX-License-Identifier: ISC */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static PmtStatus system_error(PmtError* const error, const char* const path) {
  return pmt_fail(error, PMT_IO, "%s: %s", path, strerror(errno));
}

static PmtStatus read_all(const int fd, const char* const path, const size_t size_max, unsigned char** const bytes,
                          size_t* const size, PmtError* const error) {
  struct stat st;
  if (fstat(fd, &st)) {
    return system_error(error, path);
  }
  if (!S_ISREG(st.st_mode)) {
    return pmt_fail(error, PMT_IO, "%s: not a regular file", path);
  }
  if (st.st_size < 0 || (size_t)st.st_size > size_max) {
    return pmt_fail(error, PMT_TOO_BIG, "%s: %lld bytes, more than the limit of %zu", path, (long long)st.st_size,
                    size_max);
  }
  const size_t wanted = (size_t)st.st_size;
  unsigned char* const buffer = malloc(wanted + 1);
  if (!buffer) {
    return pmt_fail(error, PMT_NO_MEM, "%s: out of memory for %zu bytes", path, wanted);
  }
  size_t got = 0;
  while (got < wanted) {
    const ssize_t n = read(fd, buffer + got, wanted - got);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      free(buffer);
      return system_error(error, path);
    }
    if (n == 0) {
      break; /* it shrank while we read: what is there is what it is */
    }
    got += (size_t)n;
  }
  buffer[got] = 0;
  *bytes = buffer;
  *size = got;
  return PMT_OK;
}

PmtStatus pmt_file_read(const char* const path, const size_t size_max, unsigned char** const bytes, size_t* const size,
                        PmtError* const error) {
  *bytes = NULL;
  *size = 0;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* NONBLOCK: a fifo must not hang us */
  if (fd < 0) {
    return system_error(error, path);
  }
  const PmtStatus status = read_all(fd, path, size_max, bytes, size, error);
  close(fd);
  return status;
}

static PmtStatus write_all(const int fd, const void* const bytes, const size_t size) {
  size_t put = 0;
  while (put < size) {
    const ssize_t n = write(fd, (const char*)bytes + put, size - put);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return PMT_IO;
    }
    put += (size_t)n;
  }
  return fsync(fd) && errno != EINVAL && errno != EROFS ? PMT_IO : PMT_OK; /* pipes and /dev/null cannot sync */
}

PmtStatus pmt_file_write(const char* const path, const void* const bytes, const size_t size, PmtError* const error) {
  struct stat st;
  if (!stat(path, &st) && !S_ISREG(st.st_mode)) { /* /dev/stdout, a pipe: nothing to rename onto */
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
      return system_error(error, path);
    }
    const PmtStatus status = write_all(fd, bytes, size);
    const PmtStatus said = status ? system_error(error, path) : PMT_OK;
    close(fd);
    return said;
  }
  const size_t length = strlen(path) + sizeof ".XXXXXX";
  char* const temporary = malloc(length);
  if (!temporary) {
    return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", path);
  }
  snprintf(temporary, length, "%s.XXXXXX", path);
  const int fd = mkstemp(temporary);
  if (fd < 0) {
    free(temporary);
    return system_error(error, path);
  }
  const mode_t mask = umask(0);
  umask(mask);
  PmtStatus status = write_all(fd, bytes, size);
  if (!status && (fchmod(fd, 0666 & ~mask) || rename(temporary, path))) {
    status = PMT_IO;
  }
  if (status) {
    status = system_error(error, path);
    unlink(temporary);
  }
  close(fd);
  free(temporary);
  return status;
}
