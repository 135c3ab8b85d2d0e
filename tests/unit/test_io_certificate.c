/* The certificate container: back to the bit, every changed byte met by the checksum, and structure
 * refused where the checksum was computed again. */
#include <zlib.h>

#include "io_files.h"

static const double x[6] = {0, -0.0, 1.5, 2, 0x1p-1074, 3}, y[4] = {0.1, 1e300, -2, 7};
static const double a[3] = {0.25, 0.25, 0.5}, b[2] = {0.1, 0.9};
static const int64_t row[4] = {0, 1, 2, 2}, col[4] = {0, 1, 0, 1};
static const double mass[4] = {0.1, 0.2, 0.3, 0.4}, q[4] = {1, 0.5, 0.5, 1};
static const double f[3] = {-1, 0, 1}, g[2] = {0.3, 0.7};

static wg_certificate sample(void) {
  return (wg_certificate){.struct_size = sizeof(wg_certificate),
                          .n = 3,
                          .m = 2,
                          .d = 2,
                          .count = 4,
                          .x = x,
                          .a = a,
                          .y = y,
                          .b = b,
                          .gauge = "schatten:2",
                          .row = row,
                          .col = col,
                          .mass = mass,
                          .q = q,
                          .f = f,
                          .g = g,
                          .lower = 0.1 + 0.2,
                          .upper = 0x1.fffffffffffffp+0,
                          .tol = 1e-6};
}

static const char *write_sample(void) {
  const char *path = in_scratch("c.wgc");
  wg_certificate certificate = sample();
  assert_int_equal(wg_io_write_certificate(path, &certificate), WG_OK);
  return path;
}

static uint64_t little(const unsigned char *at, int width) {
  uint64_t word = 0;
  for (int k = 0; k < width; k++) word |= (uint64_t)at[k] << 8 * k;
  return word;
}

static void it_comes_back_to_the_bit(void **state) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_certificate found, wanted = sample();
  (void)state;
  assert_int_equal(wg_io_read_certificate(&mem, write_sample(), &found), WG_OK);
  assert_int_equal(found.struct_size, sizeof found);
  assert_true(found.n == 3 && found.m == 2 && found.d == 2 && found.count == 4);
  assert_string_equal(found.gauge, "schatten:2");
  assert_memory_equal(found.x, x, sizeof x);
  assert_memory_equal(found.a, a, sizeof a);
  assert_memory_equal(found.y, y, sizeof y);
  assert_memory_equal(found.b, b, sizeof b);
  assert_memory_equal(found.row, row, sizeof row);
  assert_memory_equal(found.col, col, sizeof col);
  assert_memory_equal(found.mass, mass, sizeof mass);
  assert_memory_equal(found.q, q, sizeof q);
  assert_memory_equal(found.f, f, sizeof f);
  assert_memory_equal(found.g, g, sizeof g);
  assert_memory_equal(&found.lower, &wanted.lower, sizeof(double));
  assert_memory_equal(&found.upper, &wanted.upper, sizeof(double));
  assert_memory_equal(&found.tol, &wanted.tol, sizeof(double));
  wg_mem_clear(&mem);
}

/* Second halves are written where one of them says something, and NULL otherwise. */
static void second_halves_come_back_to_the_bit(void **state) {
  static const double mass_low[4] = {0, 1e-18, -0.0, 0x1p-1074}, g_low[2] = {0, -1e-17};
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_certificate found, wanted = sample();
  (void)state;
  assert_int_equal(wg_io_read_certificate(&mem, write_sample(), &found), WG_OK);
  assert_true(!found.mass_low && !found.f_low && !found.g_low);
  wanted.mass_low = mass_low;
  wanted.g_low = g_low;
  const char *path = in_scratch("low.wgc");
  assert_int_equal(wg_io_write_certificate(path, &wanted), WG_OK);
  assert_int_equal(wg_io_read_certificate(&mem, path, &found), WG_OK);
  assert_memory_equal(found.mass_low, mass_low, sizeof mass_low);
  assert_memory_equal(found.g_low, g_low, sizeof g_low);
  for (int i = 0; i < 3; i++) assert_true(found.f_low[i] == 0.0);
  assert_memory_equal(&found.upper, &wanted.upper, sizeof(double));
  wg_mem_clear(&mem);
}

static void cuts_come_back_to_the_bit(void **state) {
  static const double cut_q[8] = {1, 0, 0, 2, 3, -1, -1, 0.1}, cut_f[6] = {1, 2, 3, 4, 5, -6};
  static const double cut_g[4] = {0.5, -0.0, 1e-300, 7};
  const char *path = in_scratch("cuts.wgc");
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_certificate found, wanted = sample();
  (void)state;
  wanted.cuts = 2;
  wanted.cut_q = cut_q;
  wanted.cut_f = cut_f;
  wanted.cut_g = cut_g;
  assert_int_equal(wg_io_write_certificate(path, &wanted), WG_OK);
  assert_int_equal(wg_io_read_certificate(&mem, path, &found), WG_OK);
  assert_int_equal(found.cuts, 2);
  assert_memory_equal(found.cut_q, cut_q, sizeof cut_q);
  assert_memory_equal(found.cut_f, cut_f, sizeof cut_f);
  assert_memory_equal(found.cut_g, cut_g, sizeof cut_g);
  assert_memory_equal(found.g, g, sizeof g);
  assert_memory_equal(&found.tol, &wanted.tol, sizeof(double));
  assert_int_equal(wg_io_read_certificate(&mem, write_sample(), &found), WG_OK);
  assert_true(found.cuts == 0 && !found.cut_q && !found.cut_f && !found.cut_g);
  wg_mem_clear(&mem);
}

/* The frame as docs/user/certificate.md describes it, taken apart without the reader. */
static void the_frame_is_as_documented(void **state) {
  size_t size;
  unsigned char *bytes = read_raw(write_sample(), &size);
  (void)state;
  assert_memory_equal(bytes, "WGCERT1\n", 8);
  uint64_t start = 16 + little(bytes + 8, 8);
  assert_int_equal(start % 64, 0);
  assert_int_equal(size, start + 8 * (6 + 3 + 4 + 2 + 3 * 4 + 4 + 3 + 2 + 3) + 4);
  assert_int_equal(little(bytes + size - 4, 4), crc32(0, bytes, (uInt)(size - 4)));
  assert_memory_equal(bytes + start, x,
                      sizeof x); /* on a little-endian machine, as the tests run */
  assert_memory_equal(bytes + size - 4 - 24 - sizeof g, g, sizeof g);
  bytes[start - 1] = '\0';
  assert_non_null(strstr((char *)bytes + 16, "\"gauge\":\"schatten:2\""));
  assert_non_null(strstr((char *)bytes + 16,
                         "{\"name\":\"claim\",\"dtype\":\"<f8\",\"shape\":[3],"
                         "\"offset\":288,\"bytes\":24}"));
  free(bytes);
}

/* Parses bytes as a certificate and wants them refused, with nothing allocated. */
static void refuse(const unsigned char *data, size_t size, const char *first, const char *second) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_certificate certificate;
  memset(&certificate, 0x5A, sizeof certificate);
  wg_certificate before = certificate;
  wg_io_bytes bytes = {.name = "some.wgc", .data = data, .size = size};
  assert_int_equal(wg_io_parse_certificate(&mem, bytes, &certificate), WG_ERR_INPUT);
  assert_detail("some.wgc", first);
  assert_detail(second, "");
  assert_int_equal(ledger.peak, 0);
  assert_memory_equal(&certificate, &before, sizeof before);
}

static void every_changed_byte_is_met(void **state) {
  size_t size;
  unsigned char *bytes = read_raw(write_sample(), &size);
  (void)state;
  for (size_t k = 0; k < size; k++) {
    bytes[k] ^= 0x10;
    refuse(bytes, size, "", k < 8 ? "WGCERT1" : k < 16 ? "" : "its checksum says");
    bytes[k] ^= 0x10;
  }
  free(bytes);
}

static void cut_and_lengthened_files_are_refused(void **state) {
  size_t size;
  unsigned char *bytes = read_raw(write_sample(), &size);
  (void)state;
  unsigned char *longer = calloc(size + 1, 1);
  memcpy(longer, bytes, size);
  for (size_t cut = 1; cut < size; cut++) refuse(bytes, cut, "", "");
  refuse(bytes, 7, "is truncated: expected at least 20 bytes, found 7", "");
  refuse(bytes, 100, "is truncated: expected at least", "found 100");
  refuse(longer, size + 1, "its checksum says", "found");
  free(longer);
  free(bytes);
}

/* A certificate with the given header and data, sealed with a right checksum. */
static size_t seal(unsigned char *out, const char *header, size_t data_size) {
  size_t length = strlen(header);
  memcpy(out, "WGCERT1\n", 8);
  for (int k = 0; k < 8; k++) out[8 + k] = (unsigned char)((uint64_t)length >> 8 * k);
  memcpy(out + 16, header, length);
  memset(out + 16 + length, 0, data_size);
  size_t end = 16 + length + data_size;
  uint32_t checksum = (uint32_t)crc32(0, out, (uInt)end);
  for (int k = 0; k < 4; k++) out[end + (size_t)k] = (unsigned char)(checksum >> 8 * k);
  return end + 4;
}

/* The header of one point each side in one dimension: eleven arrays, thirteen numbers. */
static const char good_header[] =
    "{\"format\":\"wgamma certificate\",\"version\":1,\"gauge\":\"trace\",\"n\":1,\"m\":1,\"d\":1,"
    "\"count\":1,\"arrays\":["
    "{\"name\":\"x\",\"dtype\":\"<f8\",\"shape\":[1,1],\"offset\":0,\"bytes\":8},"
    "{\"name\":\"a\",\"dtype\":\"<f8\",\"shape\":[1],\"offset\":8,\"bytes\":8},"
    "{\"name\":\"y\",\"dtype\":\"<f8\",\"shape\":[1,1],\"offset\":16,\"bytes\":8},"
    "{\"name\":\"b\",\"dtype\":\"<f8\",\"shape\":[1],\"offset\":24,\"bytes\":8},"
    "{\"name\":\"row\",\"dtype\":\"<i8\",\"shape\":[1],\"offset\":32,\"bytes\":8},"
    "{\"name\":\"col\",\"dtype\":\"<i8\",\"shape\":[1],\"offset\":40,\"bytes\":8},"
    "{\"name\":\"mass\",\"dtype\":\"<f8\",\"shape\":[1],\"offset\":48,\"bytes\":8},"
    "{\"name\":\"q\",\"dtype\":\"<f8\",\"shape\":[1,1],\"offset\":56,\"bytes\":8},"
    "{\"name\":\"f\",\"dtype\":\"<f8\",\"shape\":[1],\"offset\":64,\"bytes\":8},"
    "{\"name\":\"g\",\"dtype\":\"<f8\",\"shape\":[1],\"offset\":72,\"bytes\":8},"
    "{\"name\":\"claim\",\"dtype\":\"<f8\",\"shape\":[3],\"offset\":80,\"bytes\":24}]}";
enum { GOOD_DATA = 104 };

static void a_certificate_made_elsewhere_is_read(void **state) {
  unsigned char bytes[4096];
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_certificate certificate;
  (void)state;
  wg_io_bytes made = {"some.wgc", bytes, seal(bytes, good_header, GOOD_DATA)};
  assert_int_equal(wg_io_parse_certificate(&mem, made, &certificate), WG_OK);
  assert_string_equal(certificate.gauge, "trace");
  assert_true(certificate.x[0] == 0 && certificate.upper == 0);
  wg_mem_clear(&mem);
}

/* good_header with the first `from` replaced. */
static void change(char *out, size_t size, const char *from, const char *to) {
  const char *at = strstr(good_header, from);
  assert_non_null(at);
  snprintf(out, size, "%.*s%s%s", (int)(at - good_header), good_header, to, at + strlen(from));
}

static void bad_structure_is_refused(void **state) {
  static const struct {
    const char *from, *to, *word;
  } cases[] = {
      {"{", "[", "not JSON"},
      {"\"format\"", "\"n\":1,\"format\"", "not JSON"},
      {"wgamma certificate", "wgamma", "not that of a certificate"},
      {"\"version\":1", "\"version\":2", "not that of a certificate"},
      {"\"gauge\":\"trace\",", "", "names no gauge"},
      {"\"trace\"", "7", "names no gauge"},
      {"\"trace\"", "\"\"", "names no gauge"},
      {"\"trace\"", "\"tr\\u001bace\"", "names no gauge"},
      {"\"trace\"", "\"tr\\u0000ace\"", "not JSON"},
      {"\"n\":1", "\"n\":1.0", "lacks n, m, d or count"},
      {"\"n\":1,", "", "lacks n, m, d or count"},
      {"\"n\":1", "\"n\":0", "absurd"},
      {"\"m\":1", "\"m\":-1", "absurd"},
      {"\"count\":1", "\"count\":0", "absurd"},
      {"\"d\":1", "\"d\":4611686018427387904", "absurd"},
      {"\"count\":1", "\"count\":9223372036854775807", "absurd"},
      {"\"count\":1", "\"count\":99999999999999999999", "not JSON"},
      {"\"count\":1", "\"count\":1000000000", "'row' has a shape"},
      {"\"n\":1", "\"n\":2", "'x' has a shape"},
      {"\"count\":1", "\"count\":1,\"cuts\":-1", "absurd"},
      {"\"count\":1", "\"count\":1,\"cuts\":\"1\"", "the number of cuts"},
      {"\"count\":1", "\"count\":1,\"cuts\":1", "'cut_q' is missing"},
      {"\"arrays\":[", "\"arrays\":{\"k\":[", "not JSON"},
      {"\"arrays\"", "\"others\"", "lists no arrays"},
      {"\"name\":\"x\"", "\"name\":\"X\"", "'x' is missing"},
      {"\"name\":\"x\"", "\"name\":\"a\"", "'x' is missing"},
      {"\"name\":\"a\"", "\"name\":\"x\"", "'x' comes twice"},
      {"{\"name\":\"claim\"", "{\"name\":\"g\"},{\"name\":\"claim\"", "'g' comes twice"},
      {"{\"name\":\"x\"", "{\"name\":\"w\"},{\"name\":\"x\"", "'x' is out of order"},
      {"\"bytes\":24}]", "\"bytes\":24},{\"name\":\"w\"}]", "more arrays"},
      {"<i8", "<f8", "'row' has the wrong dtype"},
      {"\"shape\":[1,1]", "\"shape\":[1]", "'x' has a shape"},
      {"\"shape\":[1],", "\"shape\":[2],", "'a' has a shape"},
      {"\"shape\":[1],", "", "'a' has a shape"},
      {"\"bytes\":8", "\"bytes\":16", "'x' has a number of bytes"},
      {"\"offset\":8,", "\"offset\":0,", "'a' has an offset"},
      {"\"offset\":8,", "\"offset\":-8,", "'a' has an offset"},
      {"\"offset\":80", "\"offset\":8000000", "'claim' has an offset"},
  };
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    char header[2048];
    unsigned char bytes[4096];
    change(header, sizeof header, cases[k].from, cases[k].to);
    refuse(bytes, seal(bytes, header, GOOD_DATA), cases[k].word, "");
  }
}

static void data_must_end_where_the_checksum_begins(void **state) {
  unsigned char bytes[4096];
  (void)state;
  refuse(bytes, seal(bytes, good_header, GOOD_DATA - 8), "is truncated: its arrays take 104 bytes",
         "found 96");
  refuse(bytes, seal(bytes, good_header, GOOD_DATA + 1), "has bytes after its arrays", "found 105");
  refuse(bytes, seal(bytes, "", 0), "not JSON", "");
}

static void the_length_of_the_header_is_not_trusted(void **state) {
  unsigned char bytes[4096];
  size_t size = seal(bytes, good_header, GOOD_DATA);
  (void)state;
  memset(bytes + 8, 0xFF, 8);
  refuse(bytes, size, "the length of its header is absurd", "");
  memcpy(bytes + 8, "\0\0\1\0\0\0\0\0", 8);
  refuse(bytes, size, "is truncated: expected at least 65556 bytes", "");
}

static void certificates_and_arrays_are_told_apart(void **state) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  (void)state;
  assert_int_equal(wg_io_read(&mem, write_sample(), NULL, &array), WG_ERR_INPUT);
  assert_detail("c.wgc is a certificate, not an array", "wgamma verify");
  refuse((const unsigned char *)"\x93NUMPY", 6, "is not a certificate", "WGCERT1");
  refuse((const unsigned char *)"WGCERT2\n000000000000", 20, "is not a certificate of this version",
         "--certificate");
  wg_certificate certificate;
  assert_int_equal(wg_io_read_certificate(&mem, in_scratch("none.wgc"), &certificate),
                   WG_ERR_INPUT);
  assert_detail("none.wgc cannot be read", "No such file");
  assert_int_equal(ledger.now, 0);
}

static void nothing_to_certify_is_not_written(void **state) {
  wg_certificate certificate = sample();
  (void)state;
  certificate.count = 0;
  assert_int_equal(wg_io_write_certificate(in_scratch("e.wgc"), &certificate), WG_ERR_INTERNAL);
  assert_int_equal(access(in_scratch("e.wgc"), F_OK), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_comes_back_to_the_bit),
      cmocka_unit_test(second_halves_come_back_to_the_bit),
      cmocka_unit_test(cuts_come_back_to_the_bit),
      cmocka_unit_test(the_frame_is_as_documented),
      cmocka_unit_test(every_changed_byte_is_met),
      cmocka_unit_test(cut_and_lengthened_files_are_refused),
      cmocka_unit_test(a_certificate_made_elsewhere_is_read),
      cmocka_unit_test(bad_structure_is_refused),
      cmocka_unit_test(data_must_end_where_the_checksum_begins),
      cmocka_unit_test(the_length_of_the_header_is_not_trusted),
      cmocka_unit_test(certificates_and_arrays_are_told_apart),
      cmocka_unit_test(nothing_to_certify_is_not_written),
  };
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
