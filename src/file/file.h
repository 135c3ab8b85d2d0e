/* file: whole files in and out, and the container of certificates. Includes base only. What is
 * wrong with an input (missing, a directory, damaged) is WG_ERR_INPUT; an output that cannot be
 * written is WG_ERR_IO. A reader that fails leaves its output and the owner `mem` as they were. */
#ifndef WG_FILE_H
#define WG_FILE_H

#include <limits.h>
#include <sys/types.h>

#include "base/base.h"

/* ---- read.c: whole files ---- */
typedef struct wg_file_bytes {
  const char *name; /* for messages: the path, "standard input", "clouds.npz[x]" */
  const unsigned char *data;
  size_t size;
} wg_file_bytes;
/* What messages call path: itself, or "standard input" for "-". */
const char *wg_file_name(const char *path);
/* The whole file (not empty), or standard input for "-". */
int wg_file_load(wg_mem *mem, const char *path, wg_file_bytes *bytes);

/* ---- write.c: a temporary name in the same directory, fsync, rename ---- */
/* Writes bytes to a temporary name beside path and renames it over path ("-": standard output; a
 * device or pipe is written directly). On failure what was at path is untouched. */
int wg_file_write(const char *path, const void *bytes, size_t size);
/* Can a file be created at path? WG_ERR_IO if not. Nothing is left behind. */
int wg_file_check_writable(const char *path);
/* The steps, for a writer that fills the temporary file itself. */
typedef struct wg_file_target {
  const char *asked;   /* the path as given, for messages */
  char path[PATH_MAX]; /* links resolved when it exists */
  char temporary[PATH_MAX];
  bool exists;  /* as a regular file: its permissions are kept */
  bool special; /* a device or a pipe */
  mode_t mode;
  int file;
} wg_file_target;
int wg_file_cannot_write(const char *path, const char *why);
/* Finds out what is at path. */
int wg_file_examine(const char *path, wg_file_target *to);
/* Creates the temporary file beside the path. */
int wg_file_create(wg_file_target *to);
/* Closes the temporary and moves it to its place; filled: all bytes are in it. */
bool wg_file_settle(wg_file_target *to, bool filled);
/* Descriptors; both set errno on failure. */
bool wg_file_write_all(int file, const unsigned char *bytes, size_t size);
bool wg_file_flush(int file); /* to the disk, where there is one */

/* ---- little-endian words, whatever the machine ---- */
static inline uint64_t wg_file_get_little(const unsigned char *at, int width) {
  uint64_t word = 0;
  for (int k = width - 1; k >= 0; k--) word = word << 8 | at[k];
  return word;
}
static inline void wg_file_put_little(unsigned char *at, int width, uint64_t word) {
  for (int k = 0; k < width; k++) at[k] = (unsigned char)(word >> 8 * k);
}
/* Copies count native 8-byte words to little-endian ones, or back: the map is its own inverse. */
void wg_file_copy_words(unsigned char *out, const void *in, size_t count);

/* ---- certificates (docs/user/certificate.md) ---- */
enum { WG_FILE_SIZES = 6, WG_FILE_ARRAYS = 17, WG_FILE_CLAIMS = 3 };
typedef struct wg_file_kind wg_file_kind; /* layout.c: its sizes, its arrays */
/* A certificate in memory. Its arrays are views of whoever made it. */
typedef struct wg_file_certificate {
  const wg_file_kind *kind;
  const char *gauge;
  int64_t sizes[WG_FILE_SIZES]; /* in the order of the kind */
  int count;                    /* of arrays                */
  wg_certificate_array arrays[WG_FILE_ARRAYS];
} wg_file_certificate;

/* layout.c. NULL for a name that is none. */
const wg_file_kind *wg_file_kind_of(const char *name);
const char *wg_file_kind_name(const wg_file_kind *kind);
/* The k-th size of a kind, NULL after the last. */
const char *wg_file_size_name(const wg_file_kind *kind, int k);
/* Finds the sizes in the shapes of the arrays, which may come in any order, and puts these into the
 * order of the file. WG_ERR_ARGUMENT naming an array that is missing, not known, or whose shape is
 * not that of the others. */
int wg_file_arrange(const char *kind, const char *gauge, int64_t count,
                    const wg_certificate_array *arrays, wg_file_certificate *certificate);
/* NULL if there is none of that name. */
const wg_certificate_array *wg_file_find(const wg_file_certificate *certificate, const char *name);

/* certificate.c. Parses bytes; the arrays live in mem. */
int wg_file_parse_certificate(wg_mem *mem, wg_file_bytes bytes, wg_file_certificate *certificate);
int wg_file_read_certificate(wg_mem *mem, const char *path, wg_file_certificate *certificate);
int wg_file_write_certificate(const char *path, const wg_file_certificate *certificate);

#endif
