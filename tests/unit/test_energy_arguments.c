/* What the public door of energies refuses, in which words, and what it leaves behind. */
#include "support.h"

static const double y[6] = {0, 1, 2, 3, 4, 5};
static wg_energy *energy;

/* The call failed with this status, says these words, and set energy to NULL. */
static void assert_refused(int status, int expected, const char *words) {
  assert_int_equal(status, expected);
  if (!strstr(wg_error_detail(), words)) fail_msg("\"%s\" lacks \"%s\"", wg_error_detail(), words);
  assert_null(energy);
}

static void test_names(void **state) {
  (void)state;
  assert_refused(wg_energy_potential(&energy, "cubic", 2, NULL, NULL), WG_ERR_ARGUMENT, "well:R");
  assert_refused(wg_energy_potential(&energy, "power:-1", 2, NULL, NULL), WG_ERR_ARGUMENT,
                 "above 0");
  assert_refused(wg_energy_potential(&energy, "well:1x", 2, NULL, NULL), WG_ERR_ARGUMENT,
                 "well:1x");
  assert_refused(wg_energy_potential(&energy, "well:1", 1, NULL, y), WG_ERR_ARGUMENT, "form");
  static const char *const kernels[] = {
      "energy",    "energy:-1", "gaussian:0",  "laplace:nan",  "imq:1:2", "morse:1",
      "morse:1:0", "power:inf", "gaussian:1x", "energies:0.1", ""};
  for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
    assert_refused(wg_energy_interaction(&energy, kernels[k], NULL), WG_ERR_ARGUMENT, "energy:E");
  assert_refused(wg_energy_mmd(&energy, "morse:1:2", 3, 2, y, NULL, NULL), WG_ERR_ARGUMENT,
                 "not positive definite");
  assert_refused(wg_energy_network(&energy, "sigmoid", 3, 1, 1, y, y, NULL), WG_ERR_ARGUMENT,
                 "softplus");
  assert_refused(wg_energy_w2(&energy, "schatten:0.5", 3, 2, y, NULL, NULL), WG_ERR_INPUT, "p < 1");
  assert_refused(wg_energy_w2(&energy, "nonsense", 3, 2, y, NULL, NULL), WG_ERR_ARGUMENT, "");
  assert_refused(wg_energy_interaction(&energy, NULL, NULL), WG_ERR_ARGUMENT, "no kernel");
}

static void test_numbers_refused(void **state) {
  (void)state;
  const double bad[6] = {0, 1, NAN, 3, 4, 5}, skew[4] = {1, 2, 3, 1}, negative[4] = {1, 2, 2, 1};
  const double b[3] = {0.5, 0.6, -0.1};
  assert_refused(wg_energy_mmd(&energy, "imq:1", 3, 2, bad, NULL, NULL), WG_ERR_INPUT, "y[1, 0]");
  assert_refused(wg_energy_mmd(&energy, "imq:1", 3, 2, y, b, NULL), WG_ERR_INPUT, "b[2]");
  assert_refused(wg_energy_mmd(&energy, "imq:1", 0, 2, y, NULL, NULL), WG_ERR_ARGUMENT, "(0, 2)");
  assert_refused(wg_energy_network(&energy, "relu", 6, 1, 1, bad, y, NULL), WG_ERR_INPUT,
                 "z[2, 0]");
  assert_refused(wg_energy_network(&energy, "relu", 6, 1, 1, y, bad, NULL), WG_ERR_INPUT,
                 "y[2, 0]");
  assert_refused(wg_energy_attention(&energy, 1, 3, 2, 1, y, bad, NULL), WG_ERR_INPUT, "y[1, 0]");
  assert_refused(wg_energy_attention(&energy, 1, 3, 2, 0, y, y, NULL), WG_ERR_ARGUMENT, "head");
  assert_refused(wg_energy_linear(&energy, 3, 2, y, skew), WG_ERR_INPUT, "not symmetric");
  assert_refused(wg_energy_linear(&energy, 3, 2, y, negative), WG_ERR_INPUT, "semidefinite");
  assert_refused(wg_energy_linear(&energy, 3, 2, bad, NULL), WG_ERR_INPUT, "target[1, 0]");
  assert_refused(wg_energy_potential(&energy, "quadratic", 2, NULL, skew), WG_ERR_INPUT, "form");
  assert_refused(wg_energy_potential(&energy, "quadratic", 0, y, NULL), WG_ERR_ARGUMENT, "d = 0");
  assert_refused(wg_energy_w2(&energy, "trace", 3, 2, bad, NULL, NULL), WG_ERR_INPUT, "y[1, 0]");
}

static void test_settings(void **state) {
  (void)state;
  wg_energy_settings s;
  wg_energy_settings_init(&s);
  s.method = WG_ENERGY_TREE;
  double far[4] = {0};
  assert_refused(wg_energy_mmd(&energy, "imq:1", 1, 4, far, NULL, &s), WG_ERR_INPUT, "d <= 3");
  s.accuracy = 1e-12;
  assert_refused(wg_energy_mmd(&energy, "imq:1", 3, 2, y, NULL, &s), WG_ERR_ARGUMENT, "beyond");
  s.accuracy = 0.5;
  assert_refused(wg_energy_interaction(&energy, "imq:1", &s), WG_ERR_ARGUMENT, "accuracy");
  s.accuracy = 0.0;
  s.method = 9;
  assert_refused(wg_energy_interaction(&energy, "imq:1", &s), WG_ERR_ARGUMENT, "method");
  s.method = 0;
  s.threads = -1;
  assert_refused(wg_energy_interaction(&energy, "imq:1", &s), WG_ERR_ARGUMENT, "threads");
  s.struct_size = 1;
  assert_refused(wg_energy_interaction(&energy, "imq:1", &s), WG_ERR_ARGUMENT, "settings_init");
}

static int nothing(void *data, int64_t n, int64_t d, const double *x, const double *a,
                   double *value, double *force) {
  (void)n, (void)d, (void)x, (void)a;
  if (value) *value = data ? NAN : 0.0;
  if (force) force[0] = data ? INFINITY : 0.0;
  return 0;
}

static void test_sums_and_evaluation(void **state) {
  (void)state;
  const double weights[2] = {1, 2}, a[3] = {0.5, 0.5, 0}, bad_weights[2] = {1, NAN};
  double value = 7.0, force[6];
  wg_energy *parts[2], *sum;
  assert_int_equal(wg_energy_mmd(&parts[0], "imq:1", 3, 2, y, NULL, NULL), WG_OK);
  assert_int_equal(wg_energy_linear(&parts[1], 1, 2, y, NULL), WG_OK);
  assert_refused(wg_energy_sum(&energy, 2, parts, weights), WG_ERR_INPUT, "parts[0] (mmd)");
  assert_refused(wg_energy_sum(&energy, 1, parts, bad_weights + 1), WG_ERR_INPUT, "weights[0, 0]");
  assert_refused(wg_energy_sum(&energy, 0, parts, weights), WG_ERR_ARGUMENT, "at least one");
  wg_energy *twice[2] = {parts[0], parts[0]};
  assert_refused(wg_energy_sum(&energy, 2, twice, weights), WG_ERR_ARGUMENT, "one energy");
  /* Refused parts are still the caller's. */
  assert_int_equal(wg_energy_sum(&sum, 1, parts, weights), WG_OK);
  assert_string_equal(wg_energy_name(sum), "sum");
  assert_int_equal(wg_energy_evaluate(sum, 2, 3, y, NULL, &value, force), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "x has 3 columns"));
  assert_int_equal(wg_energy_evaluate(sum, 3, 2, y, a, &value, force), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "a[2] = 0 is not positive"));
  assert_int_equal(wg_energy_evaluate(sum, 3, 2, NULL, NULL, &value, force), WG_ERR_ARGUMENT);
  assert_int_equal(wg_energy_evaluate(NULL, 3, 2, y, NULL, &value, force), WG_ERR_ARGUMENT);
  assert_true(value == 7.0);
  wg_energy_free(sum);
  wg_energy_free(parts[1]);
  wg_energy_free(NULL);
  assert_refused(wg_energy_callback(&energy, 2, NAN, NULL, NULL), WG_ERR_ARGUMENT, "evaluate");
  assert_int_equal(wg_energy_callback(&energy, 0, NAN, nothing, &value), WG_OK);
  assert_int_equal(wg_energy_evaluate(energy, 3, 2, y, NULL, &value, NULL), WG_ERR_INPUT);
  assert_int_equal(wg_energy_evaluate(energy, 3, 2, y, NULL, NULL, force), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "force[0, 0] = inf"));
  wg_energy_free(energy);
  energy = NULL;
  assert_int_equal(wg_energy_mmd(NULL, "imq:1", 3, 2, y, NULL, NULL), WG_ERR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names), cmocka_unit_test(test_numbers_refused),
      cmocka_unit_test(test_settings), cmocka_unit_test(test_sums_and_evaluation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
