/* npy: every dtype, order, byte order and version against bytes written here by hand; damaged and
 * lying headers; the bytes of the writer. */
#include "io_files.h"

/* An npy file of the given version; dict is padded with nothing but a newline. */
static size_t make_npy(unsigned char *out, int version, const char *dict, const void *data,
                       size_t size) {
  size_t length = strlen(dict) + 1, fixed = version == 1 ? 10 : 12;
  memcpy(out, "\x93NUMPY", 6);
  out[6] = (unsigned char)version;
  out[7] = 0;
  for (size_t k = 8; k < fixed; k++) out[k] = (unsigned char)(length >> 8 * (k - 8));
  memcpy(out + fixed, dict, length - 1);
  out[fixed + length - 1] = '\n';
  memcpy(out + fixed + length, data, size);
  return fixed + length + size;
}

static size_t make_simple(unsigned char *out, const char *descr, const char *shape,
                          const void *data, size_t size) {
  char dict[512];
  snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
           shape);
  return make_npy(out, 1, dict, data, size);
}

static void parse(wg_mem *mem, const unsigned char *data, size_t size, wg_io_array *array) {
  wg_io_bytes bytes = {.name = "some.file", .data = data, .size = size};
  int status = wg_io_parse(mem, bytes, NULL, array);
  if (status < 0) fail_msg("%s", wg_error_detail());
}

static void dtypes_convert_exactly(void **state) {
  static const struct {
    const char *descr;
    size_t size;
    const char *bytes; /* two entries */
    double expected[2];
  } cases[] = {
      {"|b1", 2, "\0\1", {0, 1}},
      {"|i1", 2, "\x80\x7F", {-128, 127}},
      {"|u1", 2, "\x80\xFF", {128, 255}},
      {"<i1", 2, "\xFF\x01", {-1, 1}},
      {"<i2", 4, "\xFE\xFF\x01\x02", {-2, 513}},
      {">i2", 4, "\xFF\xFE\x01\x02", {-2, 258}},
      {"<u2", 4, "\xFE\xFF\x01\x02", {65534, 513}},
      {">u2", 4, "\xFF\xFE\x01\x02", {65534, 258}},
      {"<i4", 8, "\0\0\0\x80\1\0\0\0", {-2147483648.0, 1}},
      {">i4", 8, "\x80\0\0\0\0\0\0\1", {-2147483648.0, 1}},
      {"<u4", 8, "\0\0\0\x80\1\0\0\0", {2147483648.0, 1}},
      {">u4", 8, "\xFF\xFF\xFF\xFF\0\0\1\0", {4294967295.0, 256}},
      {"<i8", 16, "\0\0\0\0\0\0\0\x80\1\0\0\0\0\0\x20\0", {-0x1p63, 0x1p53}}, /* 2^53 + 1 rounds */
      {">i8", 16, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFD\0\0\0\0\0\0\0\7", {-3, 7}},
      {"<u8", 16, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\3\0\0\0\0\0\0\0", {0x1p64, 3}},
      {">u8", 16, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0", {0x1p63, 256}},
      {"<f2", 4, "\x00\x3C\x01\x80", {1, -0x1p-24}},
      {">f2", 4, "\x7B\xFF\xC2\x00", {65504, -3}},
      {"<f4", 8, "\xCD\xCC\xCC\x3D\0\0\x80\xBF", {0.1f, -1}},
      {">f4", 8, "\x3D\xCC\xCC\xCD\0\0\0\1", {0.1f, 0x1p-149}},
      {"<f8", 16, "\x9A\x99\x99\x99\x99\x99\xB9\x3F\0\0\0\0\0\0\0\x80", {0.1, -0.0}},
      {">f8", 16, "\x3F\xB9\x99\x99\x99\x99\x99\x9A\0\0\0\0\0\0\0\1", {0.1, 0x1p-1074}},
  };
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    unsigned char file[512];
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_io_array array;
    parse(&mem, file, make_simple(file, cases[k].descr, "(2,)", cases[k].bytes, cases[k].size),
          &array);
    assert_memory_equal(array.data, cases[k].expected, sizeof cases[k].expected);
    assert_string_equal(array.dtype, cases[k].descr);
    assert_string_equal(array.format, "npy");
    assert_int_equal(array.ndim, 1);
    assert_int_equal(array.count, 2);
    wg_mem_clear(&mem);
  }
}

static void infinities_and_nan_are_read(void **state) {
  static const char halves[] = "\x00\x7C\x00\xFC\x01\x7E";
  unsigned char file[512];
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  (void)state;
  parse(&mem, file, make_simple(file, "<f2", "(3,)", halves, 6), &array);
  assert_true(array.data[0] == INFINITY && array.data[1] == -INFINITY && isnan(array.data[2]));
  assert_int_equal(wg_io_check_finite("some.file", &array), WG_ERR_INPUT);
  assert_detail("some.file", "entry [0] is inf");
  wg_mem_clear(&mem);
}

/* Entry (i, j, k) of a 2 x 3 x 2 array is 100 i + 10 j + k in both orders. */
static void orders_agree(void **state) {
  static const char *const dicts[2] = {
      "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 2), }",
      "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }"};
  (void)state;
  for (int fortran = 0; fortran < 2; fortran++) {
    unsigned char data[12], file[512];
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_io_array array;
    for (int i = 0; i < 2; i++)
      for (int j = 0; j < 3; j++)
        for (int k = 0; k < 2; k++)
          data[fortran ? i + 2 * j + 6 * k : 6 * i + 2 * j + k] =
              (unsigned char)(100 * i + 10 * j + k);
    parse(&mem, file, make_npy(file, 1, dicts[fortran], data, 12), &array);
    assert_int_equal(array.fortran_order, fortran);
    assert_int_equal(array.ndim, 3);
    for (int c = 0; c < 12; c++)
      assert_true(array.data[c] == 100 * (c / 6) + 10 * (c / 2 % 3) + c % 2);
    wg_mem_clear(&mem);
  }
}

static void versions_and_spellings(void **state) {
  static const char *const dicts[] = {
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }",
      "{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f8\"}",
      "{ 'shape' : ( 1L , 2L, ) , 'descr' : '<f8' ,'fortran_order' : False }       ",
  };
  const double data[2] = {1.5, -2};
  (void)state;
  for (int version = 1; version <= 3; version++)
    for (size_t k = 0; k < sizeof dicts / sizeof *dicts; k++) {
      unsigned char file[512];
      wg_ledger ledger = {0};
      wg_mem mem = wg_mem_of(&ledger);
      wg_io_array array;
      parse(&mem, file, make_npy(file, version, dicts[k], data, sizeof data), &array);
      assert_int_equal(array.shape[0], 1);
      assert_int_equal(array.shape[1], 2);
      assert_memory_equal(array.data, data, sizeof data);
      wg_mem_clear(&mem);
    }
}

static void any_number_of_dimensions(void **state) {
  static const struct {
    const char *shape;
    int ndim, count;
  } cases[] = {{"()", 0, 1},
               {"(3,)", 1, 3},
               {"(0, 7)", 2, 0},
               {"(0, 4611686018427387904)", 2, 0},
               {"(1, 1, 1, 1, 1, 1, 1, 4)", 8, 4}};
  const unsigned char data[4] = {1, 2, 3, 4};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    unsigned char file[512];
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_io_array array;
    parse(&mem, file, make_simple(file, "|u1", cases[k].shape, data, (size_t)cases[k].count),
          &array);
    assert_int_equal(array.ndim, cases[k].ndim);
    assert_int_equal(array.count, cases[k].count);
    for (int c = 0; c < cases[k].count; c++) assert_true(array.data[c] == c + 1);
    wg_mem_clear(&mem);
  }
}

static void unusable_dtypes_are_refused(void **state) {
  static const struct {
    const char *descr, *word;
  } cases[] = {{"|O", "Python objects"}, {"<c8", "complex"},     {">c16", "complex"},
               {"<U5", "text"},          {"|S3", "text"},        {"|V8", "raw bytes"},
               {"<M8[ns]", "dates"},     {"<f16", "extended"},   {"<f12", "extended"},
               {"<i3", "unknown"},       {"<f", "unknown"},      {"", "unknown"},
               {"=f8", "unknown"},       {"|f8", "unknown"},     {"<f8x", "unknown"},
               {"<b2", "unknown"},       {"float64", "unknown"}, {"<m8", "dates"}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    unsigned char file[512];
    size_t size = make_simple(file, cases[k].descr, "(2,)", "0123456789abcdef", 16);
    assert_refused(file, size, cases[k].word, "save as float64: np.save(f, a");
  }
  unsigned char file[512];
  size_t size = make_npy(
      file, 1, "{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (1,), }", "12345678", 8);
  assert_refused(file, size, "structured", "np.column_stack");
}

static void damaged_headers_are_refused(void **state) {
  static const struct {
    const char *dict, *word;
  } cases[] = {
      {"", "not a dict"},
      {"{", "a string is missing"},
      {"{}", "missing"},
      {"{'descr': '<f8', 'fortran_order': False}", "missing"},
      {"{'descr': '<f8', 'shape': (1,)}", "missing"},
      {"{'fortran_order': False, 'shape': (1,)}", "missing"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}", "unknown key"},
      {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", "twice"},
      {"{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", "neither True nor False"},
      {"{'descr': '<f8' 'fortran_order': False, 'shape': (1,)}", "a comma is missing"},
      {"{'descr' '<f8', 'fortran_order': False, 'shape': (1,)}", "a colon is missing"},
      {"{'descr': '<f8, 'fortran_order': False, 'shape': (1,)}", "unknown"},
      {"{'descr': 5, 'fortran_order': False, 'shape': (1,)}", "a string is missing"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': 1}", "not a tuple"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1)}", "not a tuple"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1 1)}", "lacks a comma"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", "not a tuple of sizes"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1.5,)}", "lacks a comma"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,", "not a tuple of sizes"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} + 1", "follows the dict"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}", "2^63"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "8 dimensions"},
  };
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    unsigned char file[512];
    size_t size = make_npy(file, 1, cases[k].dict, "12345678", 8);
    assert_refused(file, size, cases[k].word, "");
  }
}

/* Refused from the header alone: nothing is allocated. */
static void absurd_shapes_are_refused_before_allocating(void **state) {
  static const struct {
    const char *shape, *word;
  } cases[] = {{"(4611686018427387904, 4)", "more than any file holds"},
               {"(9223372036854775807,)", "more than any file holds"},
               {"(1152921504606846976,)", "more than any file holds"},
               {"(1152921504606846975,)", "more than any file holds"},
               {"(3037000500, 3037000500)", "more than any file holds"},
               {"(1000000000000,)", "is truncated"},
               {"(100000, 100000)", "makes 80000000078 bytes, found 94"}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    unsigned char file[512];
    char dict[256];
    snprintf(dict, sizeof dict, "{'descr': '<f8', 'fortran_order': False, 'shape': %s}",
             cases[k].shape);
    size_t size = make_npy(file, 1, dict, "0123456789abcdef", 16);
    assert_refused_within(file, size, NULL, 0, cases[k].word, "");
  }
}

static void sizes_must_agree_to_the_byte(void **state) {
  const double data[4] = {1, 2, 3, 4};
  unsigned char file[512];
  (void)state;
  size_t size = make_simple(file, "<f8", "(3,)", data, sizeof data), exact = size - sizeof *data;
  char words[64];
  snprintf(words, sizeof words, "makes %zu bytes, found %zu", exact, exact + 1);
  assert_refused_within(file, exact + 1, NULL, 0, "bytes after its data", words);
  for (size_t cut = 1; cut < exact; cut++)
    assert_refused_within(file, cut, NULL, 0, "truncated", "");
  snprintf(words, sizeof words, "makes %zu bytes, found %zu", exact, exact - 1);
  assert_refused_within(file, exact - 1, NULL, 0, "is truncated", words);
}

static void other_files_are_not_npy(void **state) {
  (void)state;
  unsigned char file[512];
  size_t size = make_simple(file, "<f8", "(1,)", "12345678", 8);
  file[6] = 4;
  assert_refused(file, size, "npy version 4.0", "np.save");
  file[6] = 0;
  assert_refused(file, size, "npy version 0.0", "np.save");
  file[6] = 1;
  file[7] = 1;
  assert_refused(file, size, "npy version 1.1", "np.save");
  assert_refused("\x93NUMPX\1\0\0\0", 10, "magic", "np.save");
  memcpy(file, "\x93NUMPY\2\0\xFF\xFF\xFF\xFF", 12); /* a header of 4 GiB */
  assert_refused_within(file, size, NULL, 0, "truncated: expected 4294967307 bytes", "");
}

/* What np.save writes for the same array, byte for byte. */
static void writer_writes_what_numpy_writes(void **state) {
  static const char dict[] = "{'descr': '<i8', 'fortran_order': False, 'shape': (3, 2), }";
  const int64_t data[6] = {1, -2, 3, INT64_MAX, INT64_MIN, 258};
  unsigned char expected[128 + 48];
  (void)state;
  memset(expected, ' ', 128);
  memcpy(expected, "\x93NUMPY\1\0\x76\0", 10);
  memcpy(expected + 10, dict, sizeof dict - 1);
  expected[127] = '\n';
  memcpy(expected + 128,
         "\1\0\0\0\0\0\0\0"
         "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
         "\3\0\0\0\0\0\0\0"
         "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"
         "\0\0\0\0\0\0\0\x80"
         "\2\1\0\0\0\0\0\0",
         48);
  wg_io_member array = {.name = "x", .dtype = "<i8", .ndim = 2, .shape = {3, 2}, .data = data};
  const char *path = in_scratch("out.npy");
  assert_int_equal(wg_io_write_npy(path, &array), WG_OK);
  size_t size;
  unsigned char *found = read_raw(path, &size);
  assert_int_equal(size, sizeof expected);
  assert_memory_equal(found, expected, sizeof expected);
  free(found);
}

static void writer_pads_for_every_length_of_header(void **state) {
  const double data[1] = {0.1};
  (void)state;
  for (int ndim = 0; ndim <= WG_IO_MAX_NDIM; ndim++) {
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_io_array array;
    wg_io_member member = {
        .name = "x", .dtype = "<f8", .ndim = ndim, .shape = {1, 1, 1, 1, 1, 1, 1, 1}, .data = data};
    const char *path = in_scratch("padded.npy");
    assert_int_equal(wg_io_write_npy(path, &member), WG_OK);
    size_t size;
    free(read_raw(path, &size));
    assert_int_equal(size % 64, 8);
    assert_int_equal(wg_io_read(&mem, path, NULL, &array), WG_OK);
    assert_int_equal(array.ndim, ndim);
    assert_memory_equal(array.data, data, sizeof data);
    wg_mem_clear(&mem);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dtypes_convert_exactly),
      cmocka_unit_test(infinities_and_nan_are_read),
      cmocka_unit_test(orders_agree),
      cmocka_unit_test(versions_and_spellings),
      cmocka_unit_test(any_number_of_dimensions),
      cmocka_unit_test(unusable_dtypes_are_refused),
      cmocka_unit_test(damaged_headers_are_refused),
      cmocka_unit_test(absurd_shapes_are_refused_before_allocating),
      cmocka_unit_test(sizes_must_agree_to_the_byte),
      cmocka_unit_test(other_files_are_not_npy),
      cmocka_unit_test(writer_writes_what_numpy_writes),
      cmocka_unit_test(writer_pads_for_every_length_of_header),
  };
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
