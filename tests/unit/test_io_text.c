/* Text tables: what is read, what is refused and in which words, what makes a header. */
#include "io_files.h"

static void tables_are_read(void **state) {
  static const struct {
    const char *text, *format;
    bool header;
    int rows, columns;
    double expected[6];
  } cases[] = {
      {"1,2\n3,4\n", "csv", false, 2, 2, {1, 2, 3, 4}},
      {"1,2\n3,4", "csv", false, 2, 2, {1, 2, 3, 4}},
      {"1;2\r\n3;4\r\n", "csv", false, 2, 2, {1, 2, 3, 4}},
      {"1\t2\n3\t4\n", "tsv", false, 2, 2, {1, 2, 3, 4}},
      {"  1   2 \n\t3\t \t4\n", "text", false, 2, 2, {1, 2, 3, 4}},
      {"x,y\n1,2\n", "csv", true, 1, 2, {1, 2}},
      {"x y\n1 2\n", "text", true, 1, 2, {1, 2}},
      {"\"x, left\",\"say \"\"y\"\"\"\n1,2\n", "csv", true, 1, 2, {1, 2}},
      {"\"a b\" c\n1 2\n", "text", true, 1, 2, {1, 2}},
      {",x,y\n0,1,2\n", "csv", true, 1, 3, {0, 1, 2}},
      {"1,y\n1,2\n", "csv", true, 1, 2, {1, 2}},
      {"e1 E2\n1 2\n", "text", true, 1, 2, {1, 2}},
      {"value\n1\n2\n", "text", true, 2, 1, {1, 2}},
      {"7\n", "text", false, 1, 1, {7}},
      {"# made by hand\n\n1,2\n   \n  # 5,6,7\n3,4\n\n", "csv", false, 2, 2, {1, 2, 3, 4}},
      {"\xEF\xBB\xBF"
       "1,2\n",
       "csv",
       false,
       1,
       2,
       {1, 2}},
      {"\xEF\xBB\xBF"
       "x,y\r\n1,2\r\n",
       "csv",
       true,
       1,
       2,
       {1, 2}},
      {"\"1\",\"2\"\n\" 3 \" , 4 \n", "csv", false, 2, 2, {1, 2, 3, 4}},
      {"-1e-3,+.5,1E+2\n", "csv", false, 1, 3, {-1e-3, .5, 100}},
      {"1e-400,4.9e-324\n", "csv", false, 1, 2, {0, 0x1p-1074}},
      {"0.1,0.30000000000000004441\n", "csv", false, 1, 2, {0.1, 0.30000000000000004}},
      {"1, 2,\t3\n", "csv", false, 1, 3, {1, 2, 3}},
  };
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_io_array array;
    wg_io_bytes bytes = {"some.file", (const unsigned char *)cases[k].text, strlen(cases[k].text)};
    if (wg_io_parse(&mem, bytes, NULL, &array) < 0) fail_msg("case %zu: %s", k, wg_error_detail());
    assert_string_equal(array.format, cases[k].format);
    assert_string_equal(array.dtype, "text");
    assert_int_equal(array.header, cases[k].header);
    assert_int_equal(array.ndim, 2);
    assert_int_equal(array.shape[0], cases[k].rows);
    assert_int_equal(array.shape[1], cases[k].columns);
    assert_int_equal(array.count, cases[k].rows * cases[k].columns);
    assert_memory_equal(array.data, cases[k].expected, (size_t)array.count * sizeof(double));
    wg_mem_clear(&mem);
  }
}

/* A NaN in the first line is a number, not a header: it is kept, and check_finite says where. */
static void nan_is_a_number(void **state) {
  static const char *const lines[] = {"nan,1\n2,3\n",  "NaN,1\n2,3\n",    "-nan,1\n2,3\n",
                                      "NA,1\n2,3\n",   "n/a,1\n2,3\n",    "null,1\n2,3\n",
                                      "None,1\n2,3\n", "\"NaN\",1\n2,3\n"};
  (void)state;
  for (size_t k = 0; k < sizeof lines / sizeof *lines; k++) {
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_io_array array;
    wg_io_bytes bytes = {"some.file", (const unsigned char *)lines[k], strlen(lines[k])};
    assert_int_equal(wg_io_parse(&mem, bytes, NULL, &array), WG_OK);
    assert_false(array.header);
    assert_int_equal(array.shape[0], 2);
    assert_true(isnan(array.data[0]) && array.data[1] == 1);
    assert_int_equal(wg_io_check_finite("some.file", &array), WG_ERR_INPUT);
    assert_detail("some.file: entry [0, 0] is nan", "remove or replace");
    wg_mem_clear(&mem);
  }
}

static void infinity_is_a_number(void **state) {
  static const char text[] = "inf,1\n-Infinity,-INF\n";
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  wg_io_bytes bytes = {"some.file", (const unsigned char *)text, strlen(text)};
  (void)state;
  assert_int_equal(wg_io_parse(&mem, bytes, NULL, &array), WG_OK);
  assert_false(array.header);
  assert_true(array.data[0] == INFINITY && array.data[2] == -INFINITY &&
              array.data[3] == -INFINITY);
  array.data[0] = 0;
  assert_int_equal(wg_io_check_finite("-", &array), WG_ERR_INPUT);
  assert_detail("standard input: entry [1, 0] is -inf", "");
  wg_mem_clear(&mem);
}

static void bad_tables_are_refused(void **state) {
  static const struct {
    const char *text, *first, *second;
  } cases[] = {
      {"1,2\n3\n", "line 2 has 1 field, expected 2 as in line 1", "same number"},
      {"# c\n\n1 2\n3 4\n5 6 7\n", "line 5 has 3 fields, expected 2 as in line 3", ""},
      {"x,y,z\n1,2\n", "line 2 has 2 fields, expected 3 as in line 1", ""},
      {"1,2,\n3,4\n", "line 2 has 2 fields, expected 3", ""},
      {"1,2\n3,abc\n", "line 2, column 2: 'abc' is not a number", ""},
      {"x,y\n1,2\nx,y\n", "line 3, column 1: 'x' is not a number", ""},
      {"1,2\n,4\n", "line 2, column 1: '' is empty; write nan", ""},
      {"1,,3\n", "line 1, column 2: '' is empty; write nan", ""},
      {"1\t\t3\n", "line 1, column 2: '' is empty", ""},
      {"1,2,\n", "line 1, column 3: '' is empty", ""},
      {"\"\",2\n", "line 1, column 1: '\"\"' is empty", ""},
      {"0x1p3,0x2\n", "line 1, column 1: '0x1p3' is hexadecimal", "decimal"},
      {"1,2\n3,0X4\n", "line 2, column 2: '0X4' is hexadecimal", ""},
      {"1,5;2,5\n", "line 1, column 1: '1,5' is not a number; write a decimal point", ""},
      {"1,5 2,5\n", "line 1, column 2: '5 2' is not a number", ""},
      {"1.2.3 4\n", "line 1, column 1: '1.2.3' is not a number as it is written", ""},
      {"1'000 4\n", "line 1, column 1: '1'000' is not a number as it is written", ""},
      {"2020-01-01,4\n", "line 1, column 1: '2020-01-01' is not a number as", ""},
      {"1,1e999\n", "line 1, column 2: '1e999' is beyond the range", ""},
      {"1 2\t3\n", "line 1, column 1: '1 2' is not a number", ""},
      {"1,2\n3,\"4\n", "line 2, column 2: '\"4' is not a number", ""},
      {"1,2\n3,4 # note\n", "line 2, column 2: '4 # note' is not a number", ""},
      {"1,2\n3,\x1B[31m4\n", "line 2, column 2: '?[31m4' is not a number", ""},
      {"1,2\n3,aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee\n",
       "'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd", "...' is not a number"},
      {"# only\n\n#comments\n", "holds no numbers", "comments or blank lines"},
      {"\n \n", "holds no numbers", "comments or blank lines"},
      {"\xEF\xBB\xBF", "holds no numbers", ""},
      {"x,y\n", "holds no numbers: line 1 is a header", "nothing follows"},
      {"\x1F\x8B\x08", "gzip", "gunzip"},
      {"BZh91AY", "bzip2", "bunzip2"},
      {"\x89HDF\r\n\x1A\n", "HDF5", "np.save"},
      {"PAR1", "Parquet", "np.save"},
      {"MATLAB 5.0 MAT-file", "MATLAB", "np.save"},
      {"\x80\x04\x95", "pickle", "np.save"},
      {"\xFF\xFE"
       "1",
       "UTF-16", "UTF-8"},
  };
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    assert_refused(cases[k].text, strlen(cases[k].text), cases[k].first, cases[k].second);
}

static void zero_bytes_are_not_text(void **state) {
  (void)state;
  assert_refused("1,2\n3\0,4\n", 9, "byte 5 is zero", "np.save");
}

/* A field of megabytes is neither copied nor shown whole. */
static void long_fields_are_refused(void **state) {
  enum { SIZE = 1 << 20 };
  char *text = malloc(SIZE);
  (void)state;
  memset(text, '1', SIZE);
  memcpy(text, "1\n", 2);
  assert_refused(text, SIZE, "line 2, column 1: '1111", "...' is not a number");
  free(text);
}

static void long_numbers_are_exact(void **state) {
  char text[1024];
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  (void)state;
  /* The midpoint of 1 and its successor, and a digit far away that decides. */
  int length =
      snprintf(text, sizeof text, "1.00000000000000011102230246251565404236316680908203125");
  memset(text + length, '0', 700);
  strcpy(text + length + 700, "1\n");
  wg_io_bytes bytes = {"some.file", (const unsigned char *)text, strlen(text)};
  assert_int_equal(wg_io_parse(&mem, bytes, NULL, &array), WG_OK);
  assert_true(array.data[0] == 1 + 0x1p-52);
  wg_mem_clear(&mem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_are_read),         cmocka_unit_test(nan_is_a_number),
      cmocka_unit_test(infinity_is_a_number),    cmocka_unit_test(bad_tables_are_refused),
      cmocka_unit_test(zero_bytes_are_not_text), cmocka_unit_test(long_fields_are_refused),
      cmocka_unit_test(long_numbers_are_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
