/* Loading a file and recognising what it is.
 *
 * Why whole files in memory: every parser then works on bytes with a known end, so a header can be
 * held against the bytes that are really there before anything is allocated for it, and a fuzzer
 * needs no file system. The kind is decided by the first bytes, because names lie and standard
 * input has none. Cost O(bytes); memory: the file, next to the array it gives, while reading. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/parts.h"

static bool is_standard_input(const char *path) { return !strcmp(path, "-"); }

const char *wg_io_name(const char *path) {
  return is_standard_input(path) ? "standard input" : path;
}

const char *wg_io_quote(char *out, size_t size, const char *text, size_t length) {
  size_t kept = WG_MIN(length, size - 1);
  if (kept < length) {
    kept -= WG_MIN(kept, (size_t)3);
    while (kept > 0 && ((unsigned char)text[kept] & 0xC0) == 0x80) kept--; /* whole UTF-8 only */
  }
  for (size_t k = 0; k < kept; k++) {
    unsigned char c = (unsigned char)text[k];
    out[k] = c < 0x20 || c == 0x7F ? '?' : text[k];
  }
  snprintf(out + kept, size - kept, "%s", kept < length ? "..." : "");
  return out;
}

const char *wg_io_shape_text(char out[WG_IO_SHAPE_TEXT], int ndim, const int64_t *shape) {
  int used = snprintf(out, WG_IO_SHAPE_TEXT, "(");
  for (int k = 0; k < ndim; k++)
    used += snprintf(out + used, (size_t)(WG_IO_SHAPE_TEXT - used), "%s%" PRId64, k ? ", " : "",
                     shape[k]);
  snprintf(out + used, (size_t)(WG_IO_SHAPE_TEXT - used), ndim == 1 ? ",)" : ")");
  return out;
}

void wg_io_copy_words(unsigned char *out, const void *in, size_t count) {
  const unsigned char *at = in;
  for (size_t k = 0; k < count; k++) {
    uint64_t word;
    memcpy(&word, at + 8 * k, sizeof word);
    wg_io_put_little(out + 8 * k, 8, word);
  }
}

static int cannot_read(const char *path) {
  return wg_fail(WG_ERR_INPUT, "%.600s cannot be read: %s; check the path and its permissions",
                 wg_io_name(path), strerror(errno));
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
    return wg_fail(WG_ERR_INPUT, "%s is a directory; name a file in it", wg_io_name(path));
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
    return wg_fail(WG_ERR_INPUT, "%s is empty; it should hold numbers", wg_io_name(path));
  return WG_OK;
}

int wg_io_load(wg_mem *mem, const char *path, wg_io_bytes *bytes) {
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
  *bytes = (wg_io_bytes){.name = wg_io_name(path), .data = data, .size = used};
  return WG_OK;
}

static bool starts_with(wg_io_bytes bytes, const char *magic, size_t length) {
  return bytes.size >= length && !memcmp(bytes.data, magic, length);
}

wg_io_kind wg_io_recognise(wg_io_bytes bytes) {
  /* 0x93 begins no UTF-8 text, so a file cut inside numpy's magic is still called npy. */
  if (starts_with(bytes, "\x93", 1)) return WG_IO_NPY;
  if (starts_with(bytes, "PK\3\4", 4) || starts_with(bytes, "PK\5\6", 4)) return WG_IO_NPZ;
  if (starts_with(bytes, "WGCERT", 6)) return WG_IO_CERTIFICATE;
  return WG_IO_TEXT;
}

/* Containers often met in the place of an array: said by name, with the way out. */
static int refuse_foreign(wg_io_bytes bytes) {
  static const struct {
    const char *magic;
    size_t length;
    const char *what, *remedy;
  } foreign[] = {
      {"\x1F\x8B", 2, "gzip data", "unpack it first: gunzip"},
      {"BZh", 3, "bzip2 data", "unpack it first: bunzip2"},
      {"\xFD"
       "7zXZ",
       5, "xz data", "unpack it first: unxz"},
      {"\x89HDF", 4, "an HDF5 file", "save the array with np.save"},
      {"PAR1", 4, "a Parquet file", "save the array with np.save or as CSV"},
      {"MATLAB 5.0", 10, "a MATLAB file", "save the array with np.save or writematrix"},
      {"\x80\x04\x95", 3, "a Python pickle", "save the array with np.save"},
      {"\xFF\xFE", 2, "UTF-16 text", "save it as UTF-8"},
      {"\xFE\xFF", 2, "UTF-16 text", "save it as UTF-8"},
  };
  for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++)
    if (starts_with(bytes, foreign[k].magic, foreign[k].length))
      return wg_fail(WG_ERR_INPUT, "%s is %s, which wgamma does not read; %s", bytes.name,
                     foreign[k].what, foreign[k].remedy);
  return WG_OK;
}

int wg_io_parse(wg_mem *mem, wg_io_bytes bytes, const char *key, wg_io_array *array) {
  wg_io_kind kind = wg_io_recognise(bytes);
  if (kind == WG_IO_NPZ) return wg_io_parse_npz(mem, bytes, key, array);
  if (kind == WG_IO_CERTIFICATE)
    return wg_fail(WG_ERR_INPUT, "%s is a certificate, not an array; use: wgamma verify",
                   bytes.name);
  if (key)
    return wg_fail(WG_ERR_INPUT,
                   "%s is not an .npz file, so it has no member '%s'; leave out the key",
                   bytes.name, key);
  if (kind == WG_IO_NPY) return wg_io_parse_npy(mem, bytes, array);
  WG_TRY(refuse_foreign(bytes));
  return wg_io_parse_text(mem, bytes, array);
}

int wg_io_read(wg_mem *mem, const char *path, const char *key, wg_io_array *array) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_io_bytes bytes = {0};
  int status = wg_io_load(&scratch, path, &bytes);
  if (status == WG_OK) status = wg_io_parse(mem, bytes, key, array);
  wg_mem_clear(&scratch);
  return status;
}
