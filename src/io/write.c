/* Writing whole files: temporary name in the same directory, fsync, rename.
 *
 * Why: a run that is killed, or a disk that fills, must not leave half a plan under the name of a
 * whole one, nor destroy the file that was there. The temporary is made with open(2) rather than
 * mkstemp so that the umask decides its permissions, and it carries a name of its own so that a
 * long file name has no trouble with a suffix. What is not a regular file (a device, a pipe) is
 * written in place, for renaming over /dev/null would replace the device; a symbolic link is
 * followed. Cost O(bytes).
 *
 * A matrix larger than memory is filled through a mapping of its temporary file. */
#define _XOPEN_SOURCE 700 /* realpath; NOLINT(bugprone-reserved-identifier) */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/parts.h"

typedef struct target {
  const char *asked;   /* the path as given, for messages */
  char path[PATH_MAX]; /* links resolved when it exists */
  char temporary[PATH_MAX];
  bool exists;  /* as a regular file: its permissions are kept */
  bool special; /* a device or a pipe */
  mode_t mode;
  int file;
} target;

static int cannot_write(const char *path, const char *why) {
  return wg_fail(WG_ERR_IO, "%.600s cannot be written: %s; choose another path", path, why);
}

/* Finds out what is at path. */
static int examine(const char *path, target *to) {
  struct stat about;
  size_t length = strlen(path);
  to->asked = path;
  if (length == 0) return wg_fail(WG_ERR_IO, "the output has an empty name; give it a path");
  if (length >= sizeof to->path) return cannot_write(path, strerror(ENAMETOOLONG));
  memcpy(to->path, path, length + 1);
  to->exists = stat(path, &about) == 0;
  if (!to->exists && errno != ENOENT) return cannot_write(path, strerror(errno));
  if (path[length - 1] == '/' || (to->exists && S_ISDIR(about.st_mode)))
    return wg_fail(WG_ERR_IO, "%s is a directory; name a file in it", path);
  if (!to->exists) return WG_OK;
  to->mode = about.st_mode & 07777;
  to->special = !S_ISREG(about.st_mode);
  if (access(path, W_OK) < 0) return cannot_write(path, strerror(errno));
  if (!to->special && !realpath(path, to->path)) return cannot_write(path, strerror(errno));
  return WG_OK;
}

/* Creates the temporary file beside the path. */
static int create_temporary(target *to) {
  enum { ATTEMPTS = 1000 };
  const char *slash = strrchr(to->path, '/');
  int directory = slash ? (int)(slash - to->path) + 1 : 0;
  for (int k = 0; k < ATTEMPTS; k++) {
    int length = snprintf(to->temporary, sizeof to->temporary, "%.*s.wgamma-%ld-%d.tmp", directory,
                          to->path, (long)getpid(), k);
    if ((size_t)length >= sizeof to->temporary)
      return cannot_write(to->asked, strerror(ENAMETOOLONG));
    to->file = open(to->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (to->file >= 0) return WG_OK;
    if (errno != EEXIST && errno != EINTR) break;
  }
  return cannot_write(to->asked,
                      errno == ENOENT ? "its directory does not exist" : strerror(errno));
}

bool wg_io_write_all(int file, const unsigned char *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(file, bytes, size);
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes += written, size -= (size_t)written;
  }
  return true;
}

/* To the disk, where there is one: some file systems have nothing to flush. */
bool wg_io_flush(int file) {
  int status;
  do status = fsync(file);
  while (status < 0 && errno == EINTR);
  return status == 0 || errno == EINVAL || errno == ENOTSUP;
}

static int write_directly(const char *path, int file, const void *bytes, size_t size) {
  return wg_io_write_all(file, bytes, size) ? WG_OK : cannot_write(path, strerror(errno));
}

static int write_special(const char *path, const void *bytes, size_t size) {
  int file;
  do file = open(path, O_WRONLY | O_CLOEXEC);
  while (file < 0 && errno == EINTR);
  if (file < 0) return cannot_write(path, strerror(errno));
  int status = write_directly(path, file, bytes, size);
  close(file);
  return status;
}

/* Closes the temporary and moves it to its place; filled: all bytes are in it. */
static bool settle(target *to, bool filled) {
  bool written =
      filled && wg_io_flush(to->file) && (!to->exists || fchmod(to->file, to->mode) == 0);
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

int wg_io_write_bytes(const char *path, const void *bytes, size_t size) {
  target to = {.file = -1};
  if (!strcmp(path, "-")) {
    fflush(stdout); /* what was printed before comes before */
    return write_directly("standard output", STDOUT_FILENO, bytes, size);
  }
  WG_TRY(examine(path, &to));
  if (to.special) return write_special(path, bytes, size);
  WG_TRY(create_temporary(&to));
  return settle(&to, wg_io_write_all(to.file, bytes, size)) ? WG_OK
                                                            : cannot_write(path, strerror(errno));
}

int wg_io_check_writable(const char *path) {
  target to = {.file = -1};
  if (!strcmp(path, "-")) return WG_OK;
  WG_TRY(examine(path, &to));
  if (to.special) return WG_OK;
  WG_TRY(create_temporary(&to));
  close(to.file);
  unlink(to.temporary);
  return WG_OK;
}

int wg_io_write_npy(const char *path, const wg_io_member *array) {
  wg_ledger ledger = {0};
  wg_mem scratch = wg_mem_of(&ledger);
  wg_io_bytes bytes = {0};
  int status = wg_io_encode_npy(&scratch, array, &bytes);
  if (status == WG_OK) status = wg_io_write_bytes(path, bytes.data, bytes.size);
  wg_mem_clear(&scratch);
  return status;
}

/* ---- outputs that are filled where they lie ---- */

struct wg_io_output {
  target to;
  bool mapped, open;
  unsigned char *bytes; /* the whole file */
  size_t size;
};

/* The space is taken beforehand: a disk that fills would otherwise show as a signal. */
static int map_temporary(wg_io_output *output) {
  int trouble = posix_fallocate(output->to.file, 0, (off_t)output->size);
  if (trouble == EOPNOTSUPP || trouble == EINVAL)
    trouble = ftruncate(output->to.file, (off_t)output->size) == 0 ? 0 : errno;
  void *bytes = MAP_FAILED;
  if (!trouble) {
    bytes = mmap(NULL, output->size, PROT_READ | PROT_WRITE, MAP_SHARED, output->to.file, 0);
    if (bytes == MAP_FAILED) trouble = errno;
  }
  if (!trouble) {
    output->bytes = bytes;
    output->mapped = output->open = true;
    return WG_OK;
  }
  close(output->to.file);
  unlink(output->to.temporary);
  return cannot_write(output->to.asked, strerror(trouble));
}

static int open_output(wg_mem *mem, const char *path, wg_io_output *output) {
  bool stream = !strcmp(path, "-");
  output->to.asked = path;
  if (!stream) WG_TRY(examine(path, &output->to));
  if (stream || output->to.special) {
    output->bytes = WG_NEW(mem, unsigned char, output->size);
    output->open = true;
    return output->bytes ? WG_OK : wg_no_memory();
  }
  WG_TRY(create_temporary(&output->to));
  return map_temporary(output);
}

int wg_io_output_begin(wg_mem *mem, const char *path, const wg_io_member *array,
                       wg_io_output **output, void **data) {
  unsigned char head[WG_IO_NPY_HEAD];
  size_t offset = wg_io_npy_head(array, head), size = array->dtype[2] == '4' ? 4 : 8;
  for (int k = 0; k < array->ndim; k++) size *= (size_t)array->shape[k];
  wg_io_output *made = WG_NEW(mem, wg_io_output, 1);
  if (!made) return wg_no_memory();
  made->size = offset + size;
  WG_TRY(open_output(mem, path, made));
  memcpy(made->bytes, head, offset);
  *data = made->bytes + offset;
  *output = made;
  return WG_OK;
}

int wg_io_output_finish(wg_io_output *output) {
  output->open = false;
  if (!output->mapped) return wg_io_write_bytes(output->to.asked, output->bytes, output->size);
  bool filled = munmap(output->bytes, output->size) == 0;
  return settle(&output->to, filled) ? WG_OK : cannot_write(output->to.asked, strerror(errno));
}

void wg_io_output_discard(wg_io_output *output) {
  if (!output || !output->open || !output->mapped) return;
  output->open = false;
  munmap(output->bytes, output->size);
  close(output->to.file);
  unlink(output->to.temporary);
}
