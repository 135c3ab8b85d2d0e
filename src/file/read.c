/* Loading whole files, and words as they lie in them.
 *
 * Why whole files in memory: every parser then works on bytes with a known end, so a header can be
 * held against the bytes that are really there before anything is allocated for it, and a fuzzer
 * needs no file system. Cost and memory O(bytes). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/file.h"

static bool is_standard_input(const char *path) { return !strcmp(path, "-"); }

const char *wg_file_name(const char *path) {
  return is_standard_input(path) ? "standard input" : path;
}

void wg_file_copy_words(unsigned char *out, const void *in, size_t count) {
  const unsigned char *at = in;
  for (size_t k = 0; k < count; k++) {
    uint64_t word;
    memcpy(&word, at + 8 * k, sizeof word);
    wg_file_put_little(out + 8 * k, 8, word);
  }
}

static int cannot_read(const char *path) {
  return wg_fail(WG_ERR_INPUT, "%.600s cannot be read: %s; check the path and its permissions",
                 wg_file_name(path), strerror(errno));
}

/* Opens path and refuses what would not end (a device) or has no bytes of its own (a directory). */
static int open_input(const char *path, int *file, off_t *size) {
  struct stat about;
  if (is_standard_input(path)) {
    *file = STDIN_FILENO;
  } else {
    do *file = open(path, O_RDONLY | O_CLOEXEC);
    while (*file < 0 && errno == EINTR);
  }
  if (*file < 0 || fstat(*file, &about) < 0) return cannot_read(path);
  *size = S_ISREG(about.st_mode) ? about.st_size : 0;
  if (S_ISDIR(about.st_mode))
    return wg_fail(WG_ERR_INPUT, "%s is a directory; name a file in it", wg_file_name(path));
  if (!is_standard_input(path) && (S_ISCHR(about.st_mode) || S_ISBLK(about.st_mode)))
    return wg_fail(WG_ERR_INPUT, "%s is a device; name a file, a pipe, or - for standard input",
                   path);
  return WG_OK;
}

/* Reads to the end of file into a block that grows. The size a regular file reports is a guess
 * only: it may change meanwhile. On failure *data is what the caller drops. */
static int read_to_end(wg_mem *mem, const char *path, int file, size_t capacity,
                       unsigned char **data, size_t *used) {
  *data = WG_NEW(mem, unsigned char, capacity);
  if (!*data) return wg_no_memory();
  for (*used = 0;;) {
    if (*used == capacity) {
      unsigned char *larger = WG_GROW(mem, *data, unsigned char, 2 * capacity);
      if (!larger) return wg_no_memory();
      *data = larger;
      capacity *= 2;
    }
    ssize_t got = read(file, *data + *used, capacity - *used);
    if (got < 0 && errno != EINTR) return cannot_read(path);
    if (got == 0) break;
    if (got > 0) *used += (size_t)got;
  }
  if (*used == 0)
    return wg_fail(WG_ERR_INPUT, "%s is empty; it should hold numbers", wg_file_name(path));
  return WG_OK;
}

int wg_file_load(wg_mem *mem, const char *path, wg_file_bytes *bytes) {
  enum { PIPE_GUESS = 65536 };
  int file = -1;
  off_t size = 0;
  unsigned char *data = NULL;
  size_t used = 0;
  int status = open_input(path, &file, &size);
  if (status == WG_OK) /* one more than the size, so that the end is seen without growing */
    status = read_to_end(mem, path, file, size > 0 ? (size_t)size + 1 : PIPE_GUESS, &data, &used);
  if (file >= 0 && !is_standard_input(path)) close(file);
  if (status < 0) {
    wg_drop(mem, data);
    return status;
  }
  *bytes = (wg_file_bytes){.name = wg_file_name(path), .data = data, .size = used};
  return WG_OK;
}
