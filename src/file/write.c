/* Writing whole files: temporary name in the same directory, fsync, rename.
 *
 * Why: a run that is killed, or a disk that fills, must not leave half a plan under the name of a
 * whole one, nor destroy the file that was there. The temporary is made with open(2) rather than
 * mkstemp so that the umask decides its permissions, and it carries a name of its own so that a
 * long file name has no trouble with a suffix. What is not a regular file (a device, a pipe) is
 * written in place, for renaming over /dev/null would replace the device; a symbolic link is
 * followed. Cost O(bytes). */
#define _XOPEN_SOURCE 700 /* realpath; NOLINT(bugprone-reserved-identifier) */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/file.h"

int wg_file_cannot_write(const char *path, const char *why) {
  return wg_fail(WG_ERR_IO, "%.600s cannot be written: %s; choose another path", path, why);
}

int wg_file_examine(const char *path, wg_file_target *to) {
  struct stat about;
  size_t length = strlen(path);
  to->asked = path;
  if (length == 0) return wg_fail(WG_ERR_IO, "the output has an empty name; give it a path");
  if (length >= sizeof to->path) return wg_file_cannot_write(path, strerror(ENAMETOOLONG));
  memcpy(to->path, path, length + 1);
  to->exists = stat(path, &about) == 0;
  if (!to->exists && errno != ENOENT) return wg_file_cannot_write(path, strerror(errno));
  if (path[length - 1] == '/' || (to->exists && S_ISDIR(about.st_mode)))
    return wg_fail(WG_ERR_IO, "%s is a directory; name a file in it", path);
  if (!to->exists) return WG_OK;
  to->mode = about.st_mode & 07777;
  to->special = !S_ISREG(about.st_mode);
  if (access(path, W_OK) < 0) return wg_file_cannot_write(path, strerror(errno));
  if (!to->special && !realpath(path, to->path)) return wg_file_cannot_write(path, strerror(errno));
  return WG_OK;
}

int wg_file_create(wg_file_target *to) {
  enum { ATTEMPTS = 1000 };
  const char *slash = strrchr(to->path, '/');
  int directory = slash ? (int)(slash - to->path) + 1 : 0;
  for (int k = 0; k < ATTEMPTS; k++) {
    int length = snprintf(to->temporary, sizeof to->temporary, "%.*s.wgamma-%ld-%d.tmp", directory,
                          to->path, (long)getpid(), k);
    if ((size_t)length >= sizeof to->temporary)
      return wg_file_cannot_write(to->asked, strerror(ENAMETOOLONG));
    to->file = open(to->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (to->file >= 0) return WG_OK;
    if (errno != EEXIST && errno != EINTR) break;
  }
  return wg_file_cannot_write(to->asked,
                              errno == ENOENT ? "its directory does not exist" : strerror(errno));
}

bool wg_file_write_all(int file, const unsigned char *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(file, bytes, size);
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes += written, size -= (size_t)written;
  }
  return true;
}

/* To the disk, where there is one: some file systems have nothing to flush. */
bool wg_file_flush(int file) {
  int status;
  do status = fsync(file);
  while (status < 0 && errno == EINTR);
  return status == 0 || errno == EINVAL || errno == ENOTSUP;
}

static int write_directly(const char *path, int file, const void *bytes, size_t size) {
  return wg_file_write_all(file, bytes, size) ? WG_OK : wg_file_cannot_write(path, strerror(errno));
}

static int write_special(const char *path, const void *bytes, size_t size) {
  int file;
  do file = open(path, O_WRONLY | O_CLOEXEC);
  while (file < 0 && errno == EINTR);
  if (file < 0) return wg_file_cannot_write(path, strerror(errno));
  int status = write_directly(path, file, bytes, size);
  close(file);
  return status;
}

bool wg_file_settle(wg_file_target *to, bool filled) {
  bool written =
      filled && wg_file_flush(to->file) && (!to->exists || fchmod(to->file, to->mode) == 0);
  int trouble = errno;
  if (close(to->file) < 0 && written && errno != EINTR) {
    written = false;
    trouble = errno;
  }
  if (written && rename(to->temporary, to->path) == 0) return true;
  if (written) trouble = errno;
  unlink(to->temporary);
  errno = trouble;
  return false;
}

int wg_file_write(const char *path, const void *bytes, size_t size) {
  wg_file_target to = {.file = -1};
  if (!strcmp(path, "-")) {
    fflush(stdout); /* what was printed before comes before */
    return write_directly("standard output", STDOUT_FILENO, bytes, size);
  }
  WG_TRY(wg_file_examine(path, &to));
  if (to.special) return write_special(path, bytes, size);
  WG_TRY(wg_file_create(&to));
  return wg_file_settle(&to, wg_file_write_all(to.file, bytes, size))
             ? WG_OK
             : wg_file_cannot_write(path, strerror(errno));
}

int wg_file_check_writable(const char *path) {
  wg_file_target to = {.file = -1};
  if (!strcmp(path, "-")) return WG_OK;
  WG_TRY(wg_file_examine(path, &to));
  if (to.special) return WG_OK;
  WG_TRY(wg_file_create(&to));
  close(to.file);
  unlink(to.temporary);
  return WG_OK;
}
