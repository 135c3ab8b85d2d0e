/* Shared by the tests of io: a scratch directory, raw files in it, and refusals by their words. */
#ifndef WG_TEST_IO_FILES_H
#define WG_TEST_IO_FILES_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka.h wants the standard headers before it: kept out of the sorting. */
// clang-format off
#include <cmocka.h>
// clang-format on

#include "io/io.h"

static char scratch_directory[256];

static inline int make_scratch(void **state) {
  const char *base = getenv("TMPDIR");
  (void)state;
  snprintf(scratch_directory, sizeof scratch_directory, "%.200s/wgamma-io-XXXXXX",
           base ? base : "/tmp");
  return mkdtemp(scratch_directory) ? 0 : -1;
}

/* The path of a name in the scratch directory; sixteen may be in use at once. */
static inline const char *in_scratch(const char *name) {
  static char paths[16][1024];
  static int next;
  char *path = paths[next++ % 16];
  snprintf(path, sizeof paths[0], "%s/%s", scratch_directory, name);
  return path;
}

/* Names in the scratch directory, hidden ones too. */
static inline int count_scratch(void) {
  DIR *open_directory = opendir(scratch_directory);
  int count = -2; /* . and .. */
  assert_non_null(open_directory);
  while (readdir(open_directory)) count++;
  closedir(open_directory);
  return count;
}

static inline void empty_scratch(void) {
  DIR *open_directory = opendir(scratch_directory);
  assert_non_null(open_directory);
  for (struct dirent *entry; (entry = readdir(open_directory));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
      remove(in_scratch(entry->d_name));
  closedir(open_directory);
}

static inline int remove_scratch(void **state) {
  (void)state;
  empty_scratch();
  return rmdir(scratch_directory);
}

static inline const char *write_raw(const char *name, const void *bytes, size_t size) {
  const char *path = in_scratch(name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  return path;
}

/* The bytes of a file; freed by the caller. */
static inline unsigned char *read_raw(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(*size + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

/* The detail names the file and holds every word. */
static inline void assert_detail(const char *first, const char *second) {
  char detail[1024];
  snprintf(detail, sizeof detail, "%s", wg_error_detail());
  if (strstr(detail, first) && strstr(detail, second)) return;
  fail_msg("\"%s\" lacks \"%s\" or \"%s\"", detail, first, second);
}

/* Bytes that no reader takes: WG_ERR_INPUT, the words, nothing left behind, and never more memory
 * than `most` bytes asked for. */
static inline void assert_refused_within(const void *data, size_t size, const char *key,
                                         size_t most, const char *first, const char *second) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  memset(&array, 0x5A, sizeof array);
  wg_io_array before = array;
  wg_io_bytes bytes = {.name = "some.file", .data = data, .size = size};
  assert_int_equal(wg_io_parse(&mem, bytes, key, &array), WG_ERR_INPUT);
  assert_detail("some.file", first);
  assert_detail(second, "");
  assert_int_equal(ledger.now, 0);
  assert_true(ledger.peak <= most);
  assert_memory_equal(&array, &before, sizeof array);
}

static inline void assert_refused(const void *data, size_t size, const char *first,
                                  const char *second) {
  assert_refused_within(data, size, NULL, 1 << 16, first, second);
}

#endif
