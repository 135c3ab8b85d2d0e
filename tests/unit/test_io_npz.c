/* npz: archives written by numpy (the seeds of the fuzzer) and by libzip, keys, lies of the
 * archive, and the writer. */
#include <zip.h>

#include "io_files.h"

typedef struct entry {
  const char *name;
  const void *data; /* NULL: a directory */
  size_t size;
  int method; /* of libzip: ZIP_CM_STORE, ... */
} entry;

static const char *make_zip(const char *name, int count, const entry *entries) {
  const char *path = in_scratch(name);
  remove(path);
  zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
  assert_non_null(archive);
  for (int k = 0; k < count; k++) {
    bool directory = !entries[k].data;
    zip_source_t *source =
        directory ? NULL : zip_source_buffer(archive, entries[k].data, entries[k].size, 0);
    zip_int64_t index = directory ? zip_dir_add(archive, entries[k].name, 0)
                                  : zip_file_add(archive, entries[k].name, source, 0);
    assert_true(index >= 0);
    zip_set_file_compression(archive, (zip_uint64_t)index, entries[k].method, 0);
  }
  assert_int_equal(zip_close(archive), 0);
  return path;
}

/* An npy file of count float64, all 0.5, whose header claims `claimed`. */
static size_t make_npy(unsigned char *out, int64_t claimed, int count) {
  double half = 0.5;
  memset(out, ' ', 128);
  memcpy(out, "\x93NUMPY\1\0\x76\0", 10);
  int length =
      sprintf((char *)out + 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (%lld,), }",
              (long long)claimed);
  out[10 + length] = ' ';
  out[127] = '\n';
  for (int k = 0; k < count; k++) memcpy(out + 128 + 8 * k, &half, 8);
  return 128 + 8 * (size_t)count;
}

static const char *seed(const char *name) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", WG_SOURCE_DIR, name);
  return path;
}

static void numpy_archives_are_read(void **state) {
  static const struct {
    const char *file, *key, *dtype;
    int ndim, rows;
    double first, last;
  } cases[] = {{"stored.npz", NULL, "<f4", 2, 2, 1, 4},
               {"stored.npz", "pts", "<f4", 2, 2, 1, 4},
               {"stored.npz", "pts.npy", "<f4", 2, 2, 1, 4},
               {"deflated.npz", "x", "<f8", 2, 4, 0, 7},
               {"deflated.npz", "w", "<f8", 1, 4, .25, .25}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_io_array array;
    assert_int_equal(wg_io_read(&mem, seed(cases[k].file), cases[k].key, &array), WG_OK);
    assert_string_equal(array.format, "npz");
    assert_string_equal(array.dtype, cases[k].dtype);
    assert_int_equal(array.ndim, cases[k].ndim);
    assert_int_equal(array.shape[0], cases[k].rows);
    assert_true(array.data[0] == cases[k].first && array.data[array.count - 1] == cases[k].last);
    wg_mem_clear(&mem);
  }
}

static void refuse_file(const char *path, const char *key, const char *first, const char *second) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  assert_int_equal(wg_io_read(&mem, path, key, &array), WG_ERR_INPUT);
  assert_detail(path, first);
  assert_detail(second, "");
  assert_int_equal(ledger.now, 0);
  assert_true(ledger.peak < 1 << 20);
}

static void keys_choose_members(void **state) {
  unsigned char npy[256];
  size_t size = make_npy(npy, 2, 2);
  (void)state;
  refuse_file(seed("deflated.npz"), NULL, "has 2 members, choose one with a key: x, w", "");
  refuse_file(seed("deflated.npz"), "y", "has no member 'y'; it has: x, w", "");
  refuse_file(seed("f8.npy"), "x", "is not an .npz file", "leave out the key");
  refuse_file(seed("header.csv"), "x", "is not an .npz file", "leave out the key");
  const entry twice[] = {{"x", npy, size, ZIP_CM_STORE}, {"x.npy", npy, size, ZIP_CM_STORE}};
  refuse_file(make_zip("twice.npz", 2, twice), "x", "has 2 members named 'x'", "np.savez");
  const entry only_directory[] = {{"d", NULL, 0, ZIP_CM_STORE}};
  refuse_file(make_zip("dir.npz", 1, only_directory), NULL, "has no members", "np.savez");
  refuse_file(write_raw("none.npz", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22), "x",
              "has no members", "np.savez");
}

static void directories_in_an_archive_are_passed_over(void **state) {
  unsigned char npy[256];
  size_t size = make_npy(npy, 2, 2);
  const entry entries[] = {{"d", NULL, 0, ZIP_CM_STORE}, {"d/x.npy", npy, size, ZIP_CM_DEFLATE}};
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  (void)state;
  assert_int_equal(wg_io_read(&mem, make_zip("nested.npz", 2, entries), NULL, &array), WG_OK);
  assert_int_equal(array.count, 2);
  wg_mem_clear(&mem);
}

static void broken_archives_are_refused(void **state) {
  size_t size;
  unsigned char *bytes = read_raw(seed("deflated.npz"), &size);
  (void)state;
  for (size_t cut = 4; cut < size; cut++)
    assert_refused_within(bytes, cut, "x", 1 << 12, "", "some.file");
  assert_refused_within(bytes, size / 2, "x", 0, "is a broken zip archive", "np.savez");
  free(bytes);
}

/* Any changed byte of the packed numbers is met by the checksum of the archive. */
static void changed_members_are_refused(void **state) {
  size_t size;
  unsigned char *bytes = read_raw(seed("stored.npz"), &size);
  (void)state;
  unsigned char *npy = memchr(bytes, 0x93, size);
  assert_non_null(npy);
  npy[128] ^= 1;
  assert_refused(bytes, size, "some.file[pts] cannot be unpacked", "np.savez");
  free(bytes);
}

static void members_that_are_no_arrays(void **state) {
  unsigned char npy[256];
  size_t size = make_npy(npy, 2, 2);
  const entry text[] = {{"note.txt", "hello, world", 12, ZIP_CM_STORE}};
  const entry cut[] = {{"x.npy", npy, size - 3, ZIP_CM_DEFLATE}};
  const entry more[] = {{"x.npy", npy, size + 5, ZIP_CM_DEFLATE}};
  const entry stub[] = {{"x.npy", npy, 7, ZIP_CM_STORE}};
  const entry head[] = {{"x.npy", npy, 60, ZIP_CM_STORE}};
  (void)state;
  refuse_file(make_zip("t.npz", 1, text), NULL, "[note.txt] is not an npy array", "np.save");
  refuse_file(make_zip("c.npz", 1, cut), NULL, "[x] is truncated", "makes 144 bytes, found 141");
  refuse_file(make_zip("m.npz", 1, more), NULL, "[x] has bytes after",
              "makes 144 bytes, found 149");
  refuse_file(make_zip("s.npz", 1, stub), NULL, "[x] is truncated", "expected 10 bytes, found 7");
  refuse_file(make_zip("h.npz", 1, head), NULL, "[x] is truncated", "expected 128 bytes, found 60");
  memcpy(npy + 6, "\2\0\xFF\xFF\xFF\x7F", 6);
  const entry huge[] = {{"x.npy", npy, size, ZIP_CM_STORE}};
  refuse_file(make_zip("g.npz", 1, huge), NULL, "[x] claims a header of 2147483659 bytes", "");
}

static void strange_compression_is_refused(void **state) {
  unsigned char npy[256];
  size_t size = make_npy(npy, 2, 2);
  const entry entries[] = {{"x.npy", npy, size, ZIP_CM_BZIP2}};
  (void)state;
  if (!zip_compression_method_supported(ZIP_CM_BZIP2, 1)) skip();
  refuse_file(make_zip("bz.npz", 1, entries), NULL, "is packed by method 12", "savez_compressed");
}

/* Writes `value` of `width` bytes at `at` bytes after every signature "PK" a b. */
static void patch(unsigned char *bytes, size_t size, char a, char b, size_t at, int width,
                  uint64_t value) {
  for (size_t k = 0; k + at + (size_t)width <= size; k++)
    if (bytes[k] == 'P' && bytes[k + 1] == 'K' && bytes[k + 2] == a && bytes[k + 3] == b)
      for (int w = 0; w < width; w++) bytes[k + at + (size_t)w] = (unsigned char)(value >> 8 * w);
}

/* The uncompressed size in the local and the central header. */
static void claim_size(unsigned char *bytes, size_t size, uint64_t claimed) {
  patch(bytes, size, 3, 4, 22, 4, claimed);
  patch(bytes, size, 1, 2, 24, 4, claimed);
}

/* An archive that claims more than it can hold costs nothing; one that claims a little more than it
 * does hold is found out at its end. */
static void bombs_are_refused_before_allocating(void **state) {
  enum { TRUE_COUNT = 4, SMALL_LIE = 1000, LARGE_LIE = 250000000 };
  unsigned char npy[256];
  (void)state;
  for (int large = 0; large < 2; large++) {
    int64_t lie = large ? LARGE_LIE : SMALL_LIE;
    const entry entries[] = {{"x.npy", npy, make_npy(npy, lie, TRUE_COUNT), ZIP_CM_DEFLATE}};
    size_t size;
    unsigned char *bytes = read_raw(make_zip("bomb.npz", 1, entries), &size);
    claim_size(bytes, size, 128 + 8 * (uint64_t)lie);
    if (large)
      assert_refused_within(bytes, size, NULL, 0, "claims 2000000128 bytes", "cannot hold them");
    else
      assert_refused_within(bytes, size, NULL, 32768, "is truncated", "found 160");
    free(bytes);
  }
}

static void encrypted_members_are_refused(void **state) {
  size_t size;
  unsigned char *bytes = read_raw(seed("deflated.npz"), &size);
  (void)state;
  patch(bytes, size, 3, 4, 6, 1, 1);
  patch(bytes, size, 1, 2, 8, 1, 1);
  assert_refused_within(bytes, size, "x", 0, "[x] is encrypted", "without a password");
  free(bytes);
}

static void members_are_listed(void **state) {
  unsigned char npy[256];
  const entry entries[] = {{"x.npy", npy, make_npy(npy, 2, 2), ZIP_CM_STORE},
                           {"d", NULL, 0, ZIP_CM_STORE},
                           {"note", "hello, world", 12, ZIP_CM_STORE}};
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_bytes bytes;
  wg_io_listing listing;
  (void)state;
  assert_int_equal(wg_io_load(&mem, make_zip("list.npz", 3, entries), &bytes), WG_OK);
  assert_int_equal(wg_io_list(&mem, bytes, &listing), WG_OK);
  assert_int_equal(listing.count, 2);
  assert_string_equal(listing.entries[0].name, "x");
  assert_string_equal(listing.entries[0].dtype, "<f8");
  assert_int_equal(listing.entries[0].ndim, 1);
  assert_int_equal(listing.entries[0].shape[0], 2);
  assert_string_equal(listing.entries[1].name, "note");
  assert_string_equal(listing.entries[1].dtype, "");
  wg_mem_clear(&mem);
}

/* A sparse plan in the convention of SciPy, read back member by member with libzip alone. */
static void written_archives_hold_npy_members(void **state) {
  const int64_t row[2] = {0, 1}, col[2] = {2, 0}, shape[2] = {2, 3};
  const double mass[2] = {0.1, 0.9};
  const wg_io_member members[] = {{"row", "<i8", 1, {2}, row},
                                  {"col", "<i8", 1, {2}, col},
                                  {"format", "|S3", 0, {0}, "coo"},
                                  {"shape", "<i8", 1, {2}, shape},
                                  {"data", "<f8", 1, {2}, mass}};
  static const struct {
    const char *name, *dict;
    size_t tail;
  } expected[] = {{"row.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), } ", 16},
                  {"col.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), } ", 16},
                  {"format.npy", "{'descr': '|S3', 'fortran_order': False, 'shape': (), } ", 3},
                  {"shape.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), } ", 16},
                  {"data.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), } ", 16}};
  (void)state;
  const char *path = in_scratch("plan.npz");
  assert_int_equal(wg_io_write_npz(path, 5, members), WG_OK);
  zip_t *archive = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, NULL);
  assert_non_null(archive);
  assert_int_equal(zip_get_num_entries(archive, 0), 5);
  for (int k = 0; k < 5; k++) {
    unsigned char bytes[256] = {0};
    assert_string_equal(zip_get_name(archive, (zip_uint64_t)k, 0), expected[k].name);
    zip_file_t *file = zip_fopen_index(archive, (zip_uint64_t)k, 0);
    assert_int_equal(zip_fread(file, bytes, sizeof bytes), 128 + expected[k].tail);
    assert_memory_equal(bytes, "\x93NUMPY\1\0\x76\0", 10);
    assert_memory_equal(bytes + 10, expected[k].dict, strlen(expected[k].dict));
    if (k == 2) assert_memory_equal(bytes + 128, "coo", 3);
    if (k == 1) assert_memory_equal(bytes + 128, "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    if (k == 4) assert_memory_equal(bytes + 128, "\x9A\x99\x99\x99\x99\x99\xB9\x3F", 8);
    zip_fclose(file);
  }
  zip_discard(archive);
}

static void same_members_give_the_same_bytes(void **state) {
  const double mass[2] = {0.1, 0.9};
  const wg_io_member member = {"data", "<f8", 1, {2}, mass};
  size_t size[2];
  unsigned char *bytes[2];
  (void)state;
  for (int k = 0; k < 2; k++) {
    const char *path = in_scratch(k ? "one.npz" : "other.npz");
    assert_int_equal(wg_io_write_npz(path, 1, &member), WG_OK);
    bytes[k] = read_raw(path, &size[k]);
  }
  assert_int_equal(size[0], size[1]);
  assert_memory_equal(bytes[0], bytes[1], size[0]);
  /* The time in the local header is the zip epoch, so tomorrow's bytes are the same too. */
  assert_memory_equal(bytes[0] + 10, "\0\0\x21\0", 4);
  free(bytes[0]);
  free(bytes[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numpy_archives_are_read),
      cmocka_unit_test(keys_choose_members),
      cmocka_unit_test(directories_in_an_archive_are_passed_over),
      cmocka_unit_test(broken_archives_are_refused),
      cmocka_unit_test(changed_members_are_refused),
      cmocka_unit_test(members_that_are_no_arrays),
      cmocka_unit_test(strange_compression_is_refused),
      cmocka_unit_test(bombs_are_refused_before_allocating),
      cmocka_unit_test(encrypted_members_are_refused),
      cmocka_unit_test(members_are_listed),
      cmocka_unit_test(written_archives_hold_npy_members),
      cmocka_unit_test(same_members_give_the_same_bytes),
  };
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
