/* The energy of a command line: each name with its options, JSON, and what is refused in which
 * words. The file is compiled in; energies are compared with those of the library. */
#include "../../cli/common.c"
#include "../../cli/files.c"
#include "../../cli/options.c"

#include "../../cli/energy.c"
#include "io_files.h"

static void write_numbers(const char *suffix, int ndim, const int64_t *shape,
                          const double *numbers) {
  wg_io_member array = {.dtype = "<f8", .ndim = ndim, .data = numbers};
  for (int k = 0; k < ndim; k++) array.shape[k] = shape[k];
  if (wg_io_write_npy(in_scratch(suffix), &array) != WG_OK) fail_msg("%s", wg_error_detail());
}

static const double numbers[12] = {0.3, -1, 2, 0.5, 1, 0.2, -0.7, 1.1, 0.4, -0.3, 0.9, 1.7};
static const double thirds[3] = {0.5, 0.25, 0.25}, form[4] = {2, 0.5, 0.5, 1};

static char paths[6][4096]; /* y (3 x 2), b (3), form (2 x 2), sequences, column, sum.json */

static int write_inputs(void **state) {
  if (make_scratch(state) != 0) return -1;
  static const char *const suffix[6] = {"y.npy", "b.npy", "m.npy", "s.npy", "c.npy", "sum.json"};
  for (int k = 0; k < 6; k++) snprintf(paths[k], sizeof paths[k], "%s", in_scratch(suffix[k]));
  write_numbers(suffix[0], 2, (int64_t[]){3, 2}, numbers);
  write_numbers(suffix[1], 1, (int64_t[]){3}, thirds);
  write_numbers(suffix[2], 2, (int64_t[]){2, 2}, form);
  write_numbers(suffix[3], 3, (int64_t[]){2, 3, 2}, numbers);
  write_numbers(suffix[4], 1, (int64_t[]){3}, numbers);
  return 0;
}

static wg_energy *made(const char *word, const wg_cli_energy_asked *asked) {
  wg_energy *energy;
  if (wg_cli_energy(word, asked, 1, &energy) != WG_OK) fail_msg("%s", wg_error_detail());
  return energy;
}

static double value_of(wg_energy *energy, int64_t n, int64_t d, bool keep) {
  double value;
  if (wg_energy_evaluate(energy, n, d, numbers + 2, NULL, &value, NULL) != WG_OK)
    fail_msg("%s", wg_error_detail());
  if (!keep) wg_energy_free(energy);
  return value;
}

static void assert_same(wg_energy *found, int status, wg_energy *expected, int64_t n, int64_t d) {
  assert_int_equal(status, WG_OK);
  const double value = value_of(expected, n, d, false);
  assert_true(value_of(found, n, d, false) == value);
  assert_true(value != 0.0);
}

static void test_each_energy(void **state) {
  (void)state;
  wg_energy *e;
  int status = wg_energy_potential(&e, "well:2", 3, numbers, NULL);
  assert_same(made("potential", &(wg_cli_energy_asked){.potential = "well:2", .centre = paths[4]}),
              status, e, 2, 3);
  status = wg_energy_potential(&e, "quadratic", 2, NULL, form);
  assert_same(made("potential", &(wg_cli_energy_asked){.form = paths[2]}), status, e, 2, 2);
  status = wg_energy_interaction(&e, "morse:2:0.5", NULL);
  assert_same(made("interaction", &(wg_cli_energy_asked){.kernel = "morse:2:0.5"}), status, e, 2,
              2);
  status = wg_energy_mmd(&e, "energy:0.01", 3, 2, numbers, thirds, NULL);
  assert_same(made("mmd", &(wg_cli_energy_asked){.target = paths[0], .target_weights = paths[1]}),
              status, e, 3, 2);
  status = wg_energy_network(&e, "tanh", 3, 2, 1, numbers, numbers, NULL);
  assert_same(
      made("network",
           &(wg_cli_energy_asked){.data = paths[0], .labels = paths[4], .activation = "tanh"}),
      status, e, 2, 3);
  status = wg_energy_attention(&e, 2, 3, 2, 1, numbers, numbers, NULL);
  assert_same(
      made("attention", &(wg_cli_energy_asked){.data = paths[3], .labels = paths[3], .head = 1}),
      status, e, 1, 8);
  status = wg_energy_linear(&e, 3, 2, numbers, form);
  assert_same(made("linear", &(wg_cli_energy_asked){.target = paths[0], .covariance = paths[2]}),
              status, e, 2, 5);
  status = wg_energy_w2(&e, "frobenius", 3, 2, numbers, NULL, NULL);
  assert_same(made("w2", &(wg_cli_energy_asked){.target = paths[0], .target_gauge = "frobenius"}),
              status, e, 3, 2);
}

static void write_json(const char *text) {
  FILE *file = fopen(paths[5], "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* Paths in the file begin at its folder. */
static void test_json(void **state) {
  (void)state;
  const char *name = strrchr(paths[0], '/') ? strrchr(paths[0], '/') + 1 : paths[0];
  char text[8192];
  snprintf(text, sizeof text,
           "{\"sum\": [{\"weight\": 2, \"energy\": \"mmd\", \"target\": \"%s\", \"kernel\": "
           "\"imq:1\"}, {\"energy\": \"potential\", \"potential\": \"power:3\"}]}",
           name);
  write_json(text);
  wg_energy *parts[2];
  assert_int_equal(wg_energy_mmd(&parts[0], "imq:1", 3, 2, numbers, NULL, NULL), WG_OK);
  assert_int_equal(wg_energy_potential(&parts[1], "power:3", 0, NULL, NULL), WG_OK);
  const double expected = 2.0 * value_of(parts[0], 3, 2, false) + value_of(parts[1], 3, 2, false);
  wg_energy *sum = made(paths[5], &(wg_cli_energy_asked){0});
  assert_int_equal(wg_energy_dimension(sum), 2);
  assert_true(fabs(value_of(sum, 3, 2, false) - expected) <= 1e-15);
  write_json("{\"energy\": \"interaction\", \"kernel\": \"gaussian:1\"}");
  assert_string_equal(wg_energy_name(sum = made(paths[5], &(wg_cli_energy_asked){0})),
                      "interaction");
  wg_energy_free(sum);
}

static void refuse(const char *word, wg_cli_energy_asked asked, int expected, const char *words) {
  wg_energy *energy;
  assert_int_equal(wg_cli_energy(word, &asked, 1, &energy), expected);
  assert_null(energy);
  if (!strstr(wg_error_detail(), words)) fail_msg("\"%s\" lacks \"%s\"", wg_error_detail(), words);
}

static void test_refusals(void **state) {
  (void)state;
  const wg_cli_energy_asked none = {0};
  refuse("entropy", none, WG_ERR_ARGUMENT, "'entropy' is not known");
  refuse("mmd", none, WG_ERR_ARGUMENT, "energy mmd: the energy mmd needs --target");
  refuse("linear", (wg_cli_energy_asked){.target = paths[0], .kernel = "imq:1"}, WG_ERR_ARGUMENT,
         "has no --kernel");
  refuse("mmd", (wg_cli_energy_asked){.target = "absent.npy"}, WG_ERR_INPUT, "absent.npy");
  refuse("mmd", (wg_cli_energy_asked){.target = paths[2], .target_weights = paths[1]}, WG_ERR_INPUT,
         "has 2 rows");
  refuse("network", (wg_cli_energy_asked){.data = paths[2], .labels = paths[0]}, WG_ERR_INPUT,
         "3 rows");
  refuse("attention", (wg_cli_energy_asked){.data = paths[3], .labels = paths[0], .head = 1},
         WG_ERR_INPUT, "same shape");
  refuse("linear", (wg_cli_energy_asked){.target = paths[4], .covariance = paths[2]}, WG_ERR_INPUT,
         "of the particles' size");
}

static void test_json_refusals(void **state) {
  (void)state;
  static const struct {
    const char *text, *words;
  } known[] = {{"{", "line 1"},
               {"[]", "its name"},
               {"{\"sum\": []}", "not empty"},
               {"{\"sum\": [{\"energy\": \"mmd\"}], \"more\": 1}", "beside"},
               {"{\"energy\": \"mmd\", \"colour\": 1}", "\"colour\" is no option"},
               {"{\"energy\": \"mmd\", \"target\": 1}", "\"target\" must be a text"},
               {"{\"sum\": [{\"weight\": \"2\", \"energy\": \"mmd\"}]}", "must be a number"},
               {"{\"energy\": \"attention\", \"head\": 0}", "from 1 up"},
               {"{\"sum\": [{\"energy\": \"potential\"}, {\"energy\": \"mmd\"}]}", "needs"}};
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    write_json(known[k].text);
    wg_energy *energy;
    assert_true(wg_cli_energy(paths[5], &(wg_cli_energy_asked){0}, 1, &energy) < 0);
    if (!strstr(wg_error_detail(), known[k].words) || !strstr(wg_error_detail(), paths[5]))
      fail_msg("\"%s\" lacks \"%s\"", wg_error_detail(), known[k].words);
  }
  write_json("{\"energy\": \"potential\"}");
  refuse(paths[5], (wg_cli_energy_asked){.head = 3}, WG_ERR_ARGUMENT, "--head");
}

static void test_options(void **state) {
  (void)state;
  wg_cli_energy_asked asked = {0};
  wg_cli_option options[WG_CLI_ENERGY_OPTIONS];
  wg_cli_path inputs[WG_CLI_ENERGY_OPTIONS];
  char *argv[] = {"flow",  "--target",         "y.npy", "--head", "3", "--data",
                  "z.npy", "--force-accuracy", "1e-4",  NULL};
  bool help;
  wg_cli_energy_options(&asked, options);
  assert_int_equal(wg_cli_read_options("flow", 9, argv, WG_CLI_ENERGY_OPTIONS, options, &help),
                   WG_EXIT_OK);
  assert_string_equal(asked.target, "y.npy");
  assert_true(asked.head == 3 && asked.accuracy == 1e-4 && !asked.kernel);
  assert_int_equal(wg_cli_energy_inputs("mmd", &asked, inputs), 2);
  assert_string_equal(inputs[1].option, "--data");
  assert_string_equal(inputs[1].path, "z.npy");
  assert_int_equal(wg_cli_energy_inputs("a.json", &asked, inputs), 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_energy),
                                     cmocka_unit_test(test_json), cmocka_unit_test(test_refusals),
                                     cmocka_unit_test(test_json_refusals),
                                     cmocka_unit_test(test_options)};
  return cmocka_run_group_tests(tests, write_inputs, remove_scratch);
}
