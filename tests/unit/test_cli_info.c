/* wgamma info: text and JSON for each kind of file, exit statuses, messages. The subcommand is
 * compiled in, and its streams are caught in files. */
#include <fcntl.h>

#include "../../cli/common.c"
#include "../../cli/options.c"

#include "../../cli/info.c"
#include "io_files.h"

/* What the last run printed. */
static char out[8192], err[8192];

static int divert(FILE *stream, const char *path, int *saved) {
  fflush(stream);
  *saved = dup(fileno(stream));
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  dup2(file, fileno(stream));
  return file;
}

static void restore(FILE *stream, int file, int saved, char *text, size_t size) {
  fflush(stream);
  dup2(saved, fileno(stream));
  close(saved);
  ssize_t got = pread(file, text, size - 1, 0);
  text[got > 0 ? got : 0] = '\0';
  close(file);
}

/* Runs `info` with up to four arguments (NULL ends them). */
static int info(const char *one, const char *two, const char *three, const char *four) {
  char name[] = "info";
  char *argv[6] = {name, (char *)one, (char *)two, (char *)three, (char *)four, NULL};
  int argc = 1, saved_out, saved_err;
  while (argv[argc]) argc++;
  int file_out = divert(stdout, in_scratch(".out"), &saved_out);
  int file_err = divert(stderr, in_scratch(".err"), &saved_err);
  int status = wg_cli_info(argc, argv);
  restore(stderr, file_err, saved_err, err, sizeof err);
  restore(stdout, file_out, saved_out, out, sizeof out);
  return status;
}

static void assert_printed(const char *text, const char *words) {
  if (!strstr(text, words)) fail_msg("\"%s\" lacks \"%s\"", text, words);
}

static double real_at(const json_t *json, const char *key) {
  return json_number_value(json_object_get(json, key));
}

static json_t *parsed(const char *text) {
  json_t *json = json_loads(text, 0, NULL);
  assert_non_null(json);
  assert_string_equal(json_string_value(json_object_get(json, "command")), "info");
  assert_string_equal(json_string_value(json_object_get(json, "version")), WG_VERSION);
  assert_true(json_is_null(json_object_get(json, "outcome")));
  assert_true(real_at(json, "seconds") >= 0 && real_at(json, "peak_bytes") > 0);
  return json;
}

static const char *write_text(const char *name, const char *text) {
  return write_raw(name, text, strlen(text));
}

static void text_of_a_table(void **state) {
  const char *path = write_text("t.csv", "x,y\n1,2\n3,nan\n1,2\n-inf,0\n-0,0\n0,0\n");
  char expected[2048];
  (void)state;
  assert_int_equal(info(path, NULL, NULL, NULL), WG_EXIT_OK);
  snprintf(expected, sizeof expected,
           "%s: csv\n"
           "  shape         (6, 2)\n"
           "  header        yes\n"
           "  column 0      min 0  max 3  mean 1\n"
           "  column 1      min 0  max 2  mean 0.8\n"
           "  not finite    2 entries, the first in row 1, column 1\n"
           "  duplicates    2 of 6 rows equal an earlier one\n"
           "  weights       no: not a vector\n",
           path);
  assert_string_equal(out, expected);
  assert_string_equal(err, "");
}

static void text_of_an_array(void **state) {
  double data[3] = {0.25, 0.5, 0.25};
  const wg_io_member member = {"w", "<f8", 1, {3}, data};
  const char *path = in_scratch("w.npy");
  (void)state;
  assert_int_equal(wg_io_write_npy(path, &member), WG_OK);
  assert_int_equal(info(path, NULL, NULL, NULL), WG_EXIT_OK);
  assert_printed(out, ": npy\n  shape         (3,)\n  dtype         <f8, C order\n");
  assert_printed(out, "not finite    none\n");
  assert_printed(out, "duplicates    1 of 3 rows equal an earlier one\n");
  assert_printed(out, "weights       yes: non-negative, sum 1\n");
}

static void weights_are_recognised(void **state) {
  static const struct {
    const char *text, *words;
  } cases[] = {
      {"0.5\n0.5\n", "yes: non-negative, sum 1\n"},    {"0.5 0.5\n", "yes: non-negative, sum 1\n"},
      {"0\n1\n", "yes: non-negative, sum 1\n"},        {"0.5\n0.6\n", "no: the sum is not one\n"},
      {"-0.5\n1.5\n", "no: entries are negative\n"},   {"nan\n1\n", "no: entries are not finite\n"},
      {"0.25 0.25\n0.25 0.25\n", "no: not a vector\n"}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    assert_int_equal(info(write_text("w.txt", cases[k].text), NULL, NULL, NULL), WG_EXIT_OK);
    assert_printed(out, cases[k].words);
  }
}

static void json_of_an_array(void **state) {
  const char *path = write_text("t.txt", "0.1 2\n0.2 nan\n0.1 2\n");
  (void)state;
  assert_int_equal(info(path, "--json", "-", NULL), WG_EXIT_OK);
  json_t *json = parsed(out);
  assert_int_equal(out[strlen(out) - 1], '\n');
  assert_string_equal(json_string_value(json_object_get(json, "file")), path);
  assert_string_equal(json_string_value(json_object_get(json, "format")), "text");
  assert_int_equal(json_integer_value(json_array_get(json_object_get(json, "shape"), 1)), 2);
  json_t *columns = json_object_get(json, "columns");
  assert_int_equal(json_array_size(columns), 2);
  assert_true(real_at(json_array_get(columns, 0), "min") == 0.1);
  assert_true(real_at(json_array_get(columns, 0), "max") == 0.2);
  assert_true(fabs(real_at(json_array_get(columns, 0), "mean") - 0.4 / 3) < 1e-16);
  assert_true(real_at(json_array_get(columns, 1), "finite") == 2);
  json_t *not_finite = json_object_get(json, "not_finite");
  assert_true(real_at(not_finite, "count") == 1);
  assert_int_equal(json_integer_value(json_array_get(json_object_get(not_finite, "first"), 0)), 1);
  assert_true(real_at(json, "duplicate_rows") == 1);
  assert_true(json_is_null(json_object_get(json, "sum")));
  assert_true(json_is_false(json_object_get(json, "weights")));
  assert_true(json_is_false(json_object_get(json, "header")));
  assert_true(json_is_null(json_object_get(json, "gauge")));
  json_decref(json);
}

static void json_goes_to_a_file_and_quiet_is_quiet(void **state) {
  const char *path = write_text("one.txt", "1\n"), *json_path = in_scratch("one.json");
  size_t size;
  (void)state;
  char option[1100];
  snprintf(option, sizeof option, "--json=%s", json_path);
  assert_int_equal(info(path, "--quiet", option, NULL), WG_EXIT_OK);
  assert_string_equal(out, "");
  unsigned char *bytes = read_raw(json_path, &size);
  bytes[size] = '\0';
  json_decref(parsed((char *)bytes));
  free(bytes);
  assert_int_equal(info(path, option, NULL, NULL), WG_EXIT_OK);
  assert_printed(out, "shape         (1, 1)");
}

static void many_columns_are_summed_up(void **state) {
  char text[256] = "";
  (void)state;
  for (int j = 0; j < 20; j++) sprintf(text + strlen(text), "%d%s", j, j < 19 ? " " : "\n");
  assert_int_equal(info(write_text("wide.txt", text), NULL, NULL, NULL), WG_EXIT_OK);
  assert_printed(out,
                 "  column 15     min 15  max 15  mean 15\n"
                 "  columns 16-19 min 16  max 19  mean 17.5\n");
  assert_int_equal(info(in_scratch("wide.txt"), "--json", "-", NULL), WG_EXIT_OK);
  json_t *json = parsed(out);
  assert_int_equal(json_array_size(json_object_get(json, "columns")), 16);
  assert_true(real_at(json_object_get(json, "other_columns"), "mean") == 17.5);
  json_decref(json);
}

static void empty_and_odd_shapes_are_described(void **state) {
  double data[8] = {1, 2, 3, 4, 1, 2, 7, 8};
  const wg_io_member empty = {"x", "<f8", 2, {0, 3}, data}, cube = {"x", "<f8", 3, {2, 2, 2}, data};
  const char *path = in_scratch("odd.npy");
  (void)state;
  assert_int_equal(wg_io_write_npy(path, &empty), WG_OK);
  assert_int_equal(info(path, NULL, NULL, NULL), WG_EXIT_OK);
  assert_printed(out, "shape         (0, 3)\n  dtype         <f8, C order\n  not finite    none\n");
  assert_printed(out, "duplicates    0 of 0 rows");
  assert_int_equal(wg_io_write_npy(path, &cube), WG_OK);
  assert_int_equal(info(path, NULL, NULL, NULL), WG_EXIT_OK);
  assert_printed(out, "shape         (2, 2, 2)\n");
  assert_printed(out, "column 1      min 2  max 8  mean 4\n");
  assert_printed(out, "duplicates    1 of 4 rows");
}

static void archives_are_listed(void **state) {
  double data[2] = {1, 2};
  const wg_io_member members[3] = {
      {"x", "<f8", 2, {1, 2}, data}, {"w", "<f8", 1, {2}, data}, {"kind", "|S3", 0, {0}, "coo"}};
  const char *path = in_scratch("a.npz");
  (void)state;
  assert_int_equal(wg_io_write_npz(path, 3, members), WG_OK);
  assert_int_equal(info(path, NULL, NULL, NULL), WG_EXIT_OK);
  assert_printed(out,
                 "a.npz: npz, 3 members; describe one with --key\n"
                 "  x             <f8 (1, 2)\n"
                 "  w             <f8 (2,)\n"
                 "  kind          not an array of numbers\n");
  assert_int_equal(info(path, "--key", "w", NULL), WG_EXIT_OK);
  assert_printed(out, "a.npz: npz\n  shape         (2,)\n");
  assert_int_equal(info(path, "--json", "-", NULL), WG_EXIT_OK);
  json_t *json = parsed(out), *list = json_object_get(json, "members");
  assert_int_equal(json_array_size(list), 3);
  assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "name")), "w");
  assert_true(json_is_null(json_object_get(json_array_get(list, 2), "dtype")));
  json_decref(json);
  assert_int_equal(wg_io_write_npz(path, 1, members), WG_OK);
  assert_int_equal(info(path, NULL, NULL, NULL), WG_EXIT_OK);
  assert_printed(out, "a.npz: npz\n  shape         (1, 2)\n");
  assert_int_equal(info(path, "--key", "y", NULL), WG_EXIT_INPUT);
  assert_printed(err, "a.npz has no member 'y'; it has: x\n");
}

static void certificates_are_described(void **state) {
  const double one[1] = {1};
  const int64_t zero[1] = {0};
  const wg_certificate certificate = {.n = 1,
                                      .m = 1,
                                      .d = 1,
                                      .count = 1,
                                      .x = one,
                                      .a = one,
                                      .y = one,
                                      .b = one,
                                      .gauge = "operator",
                                      .row = zero,
                                      .col = zero,
                                      .mass = one,
                                      .q = one,
                                      .f = one,
                                      .g = one,
                                      .lower = 0.1,
                                      .upper = 0.5,
                                      .tol = 1e-6};
  const char *path = in_scratch("c.wgc");
  (void)state;
  wg_certificate_file *file = NULL;
  assert_int_equal(wg_certificate_of_clouds(&certificate, &file), WG_OK);
  assert_int_equal(wg_certificate_write(file, path), WG_OK);
  wg_certificate_free(file);
  assert_int_equal(info(path, NULL, NULL, NULL), WG_EXIT_OK);
  assert_printed(out,
                 "c.wgc: certificate, its checksum holds\n"
                 "  kind          clouds\n"
                 "  gauge         operator\n"
                 "  sizes         n = 1, m = 1, d = 1, count = 1\n"
                 "  claim         [0.10000000000000001, 0.5], tolerance 1e-06\n");
  assert_int_equal(info(path, "--json", "-", NULL), WG_EXIT_OK);
  json_t *json = parsed(out);
  const json_t *claimed = json_object_get(json, "claimed");
  assert_true(real_at(claimed, "lower") == 0.1 && real_at(claimed, "upper") == 0.5);
  assert_true(real_at(claimed, "gap") == 0.8);
  assert_string_equal(json_string_value(json_object_get(json, "gauge")), "operator");
  json_decref(json);
  assert_int_equal(info(path, "--key", "x", NULL), WG_EXIT_INPUT);
  assert_printed(err, "is a certificate, not an array");
}

static void usage_errors_exit_2(void **state) {
  static const struct {
    const char *arguments[3], *words;
  } cases[] = {{{NULL}, "wgamma info: one FILE is wanted, got 0; see wgamma info --help\n"},
               {{"a", "b"}, "wgamma info: one FILE is wanted, got 2"},
               {{"a", "--wrong"}, "wgamma info: option --wrong is not known"},
               {{"a", "-x"}, "wgamma info: option -x is not known"},
               {{"a", "--quiet=1"}, "option --quiet=1 is not known or takes no value"},
               {{"a", "--key"}, "wgamma info: option --key needs a value"},
               {{"a", "-k"}, "wgamma info: option -k needs a value"},
               {{"a", "--key="}, "wgamma info: --key '' is not usable: give a text"},
               {{"a", "-kx", "--key=y"}, "wgamma info: option --key is given twice; keep one"}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const char *const *with = cases[k].arguments;
    assert_int_equal(info(with[0], with[1], with[2], NULL), WG_EXIT_USAGE);
    assert_printed(err, cases[k].words);
    assert_string_equal(out, "");
  }
  assert_int_equal(info("--help", NULL, NULL, NULL), WG_EXIT_OK);
  assert_printed(out, "usage: wgamma info FILE");
}

static void bad_files_exit_3(void **state) {
  (void)state;
  assert_int_equal(info(in_scratch("absent"), NULL, NULL, NULL), WG_EXIT_INPUT);
  assert_printed(err, "wgamma: ");
  assert_printed(err, "absent cannot be read: No such file");
  assert_int_equal(info(write_text("r.csv", "1,2\n3\n"), NULL, NULL, NULL), WG_EXIT_INPUT);
  assert_printed(err, "r.csv: line 2 has 1 field");
  assert_int_equal(info(write_text("g.csv", "1,2\n"), "--json", "/nowhere/x.json", NULL),
                   WG_EXIT_INPUT);
  assert_printed(err, "/nowhere/x.json cannot be written: its directory does not exist");
  assert_string_equal(out, ""); /* said before the file is described */
}

static void statuses_map_to_exits(void **state) {
  (void)state;
  assert_int_equal(wg_cli_exit(WG_OK), 0);
  assert_int_equal(wg_cli_exit(WG_ERR_ARGUMENT), 2);
  assert_int_equal(wg_cli_exit(WG_ERR_INPUT), 3);
  assert_int_equal(wg_cli_exit(WG_ERR_IO), 3);
  assert_int_equal(wg_cli_exit(WG_ERR_MEMORY), 4);
  assert_int_equal(wg_cli_exit(WG_ERR_MEMORY_LIMIT), 4);
  assert_int_equal(wg_cli_exit(WG_ERR_INTERNAL), 5);
  assert_int_equal(wg_cli_exit(WG_ERR_STATE), 5);
}

static void json_keeps_what_it_can(void **state) {
  json_t *text = wg_cli_text("caf\xE9"), *infinite = wg_cli_real(INFINITY);
  (void)state;
  assert_string_equal(json_string_value(text), "caf?");
  assert_true(json_is_null(infinite));
  json_decref(text);
  json_decref(infinite);
  assert_int_equal(wg_cli_write_json("-", NULL), WG_ERR_MEMORY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_of_a_table),
      cmocka_unit_test(text_of_an_array),
      cmocka_unit_test(weights_are_recognised),
      cmocka_unit_test(json_of_an_array),
      cmocka_unit_test(json_goes_to_a_file_and_quiet_is_quiet),
      cmocka_unit_test(many_columns_are_summed_up),
      cmocka_unit_test(empty_and_odd_shapes_are_described),
      cmocka_unit_test(archives_are_listed),
      cmocka_unit_test(certificates_are_described),
      cmocka_unit_test(usage_errors_exit_2),
      cmocka_unit_test(bad_files_exit_3),
      cmocka_unit_test(statuses_map_to_exits),
      cmocka_unit_test(json_keeps_what_it_can),
  };
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
