/* Every allocation of making and evaluating an energy fails once: the call says so, nothing is left
 * behind, and what exists still works. */
#include "support.h"

static const double numbers[24] = {0.3, -1, 2, 0.5, 1, 0.2, -0.7, 1.1, 0.4, -0.3, 0.9, 1.7,
                                   0.1, 2,  1, 0.6, 2, 0.8, -0.1, 1.3, 0.7, -0.9, 0.2, 1.9};

static int potential(wg_energy **e) {
  const double form[4] = {2, 0.5, 0.5, 1};
  return wg_energy_potential(e, "quadratic", 2, numbers, form);
}

static int mmd(wg_energy **e) { return wg_energy_mmd(e, "gaussian:1", 6, 2, numbers, NULL, NULL); }

static int tree(wg_energy **e) {
  wg_energy_settings settings;
  wg_energy_settings_init(&settings);
  settings.method = WG_ENERGY_TREE;
  settings.accuracy = 1e-4;
  return wg_energy_mmd(e, "energy:0.1", 12, 2, numbers, NULL, &settings);
}

static int network(wg_energy **e) {
  return wg_energy_network(e, "tanh", 5, 1, 1, numbers, numbers + 6, NULL);
}

static int wide_network(wg_energy **e) {
  static double wide[2000];
  for (int k = 0; k < 2000; k++) wide[k] = 0.01 * numbers[k % 24];
  return wg_energy_network(e, "relu", 1, 2000 - 1, 1, wide, numbers, NULL);
}

static int minibatch(wg_energy **e) {
  const int status = network(e);
  return status == WG_OK ? wg_energy_draw(*e, 3, 1) : status;
}

static int attention(wg_energy **e) {
  return wg_energy_attention(e, 2, 3, 1, 1, numbers, numbers + 6, NULL);
}

static int attention_in_float(wg_energy **e) {
  wg_energy_settings settings;
  wg_energy_settings_init(&settings);
  settings.accuracy = 1e-4;
  return wg_energy_attention(e, 2, 3, 1, 1, numbers, numbers + 6, &settings);
}

static int linear(wg_energy **e) {
  const double one = 1.0;
  return wg_energy_linear(e, 1, 1, numbers, &one);
}

static int w2(wg_energy **e) { return wg_energy_w2(e, "operator", 6, 2, numbers, NULL, NULL); }

static int sum(wg_energy **e) {
  const double weights[2] = {1.0, 2.0};
  wg_energy *parts[2] = {NULL, NULL};
  int status = mmd(&parts[0]);
  if (status == WG_OK) status = potential(&parts[1]);
  if (status == WG_OK) status = wg_energy_sum(e, 2, parts, weights);
  if (status != WG_OK) wg_energy_free(parts[0]);
  if (status != WG_OK) wg_energy_free(parts[1]);
  return status;
}

/* Makes one and evaluates it twice, the second time with more particles. */
static int make_and_use(int (*make)(wg_energy **), const double *x) {
  wg_energy *e = NULL;
  double value, force[8192];
  int status = make(&e);
  if (status != WG_OK) {
    wg_energy_free(e);
    return status;
  }
  const int64_t d = wg_energy_dimension(e);
  for (int64_t n = 1; n <= 2 && status == WG_OK; n++)
    status = wg_energy_evaluate(e, n, d, x, NULL, &value, force);
  wg_energy_free(e);
  return status;
}

static void test_each_allocation(void **state) {
  (void)state;
  static double x[8192];
  int (*const makes[])(wg_energy **) = {potential,         mmd,    tree, network, wide_network,
                                        attention,         linear, w2,   sum,     minibatch,
                                        attention_in_float};
  for (int k = 0; k < 8192; k++) x[k] = numbers[(7 * k) % 24] + 0.001 * k;
  for (size_t m = 0; m < sizeof makes / sizeof *makes; m++) {
    wg_fail_allocation(0);
    assert_int_equal(make_and_use(makes[m], x), WG_OK);
    const long count = wg_allocation_count();
    assert_true(count > 3);
    for (long k = 1; k <= count; k++) {
      wg_fail_allocation(k);
      const int status = make_and_use(makes[m], x);
      wg_fail_allocation(0);
      if (status != WG_ERR_MEMORY)
        fail_msg("energy %zu, allocation %ld of %ld: status %d", m, k, count, status);
    }
  }
}

/* After a failed evaluation the same energy evaluates to what it would have been. */
static void test_energy_survives(void **state) {
  (void)state;
  wg_energy *e;
  double expected, value, force[24];
  assert_int_equal(sum(&e), WG_OK);
  assert_int_equal(wg_energy_evaluate(e, 5, 2, numbers, NULL, &expected, force), WG_OK);
  for (long k = 1; k < 8; k++) {
    wg_fail_allocation(k);
    const int status = wg_energy_evaluate(e, 6 + k % 2, 2, numbers, NULL, &value, force);
    wg_fail_allocation(0);
    assert_true(status == WG_ERR_MEMORY || status == WG_OK);
    assert_int_equal(wg_energy_evaluate(e, 5, 2, numbers, NULL, &value, force), WG_OK);
    assert_true(value == expected);
  }
  wg_energy_free(e);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation),
                                     cmocka_unit_test(test_energy_survives)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
