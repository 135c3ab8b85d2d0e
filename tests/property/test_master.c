/* The master on random moments, every gauge form: its two values close, its Q is in K and its
 * weights are a distribution, and no simple point does better. */
#include "linalg/la.h"
#include "spectral/master.h"
#include "support.h"

enum { D = 5, MOST = 30 };

static void random_moments(wg_rng *rng, int count, int rank, double *columns) {
  for (int k = 0; k < count; k++) {
    double factor[D * D] = {0};
    for (int i = 0; i < D; i++)
      for (int j = 0; j < rank; j++) factor[i * D + j] = wg_rng_normal(rng) * (j == k % D ? 2 : .5);
    wg_la_gemm(false, true, D, D, D, 1.0, factor, D, factor, D, 0.0, columns + k * D * D, D);
  }
}

static void check(const char *gauge, int count, int rank, double tol, wg_rng *rng) {
  wg_context context = {.threads = 1};
  wg_mem mem = wg_mem_of(&context.ledger);
  wg_gauge_spec spec;
  double columns[MOST * D * D], weights[MOST], q[D * D], moment[D * D] = {0};
  double lower, upper, value, dual, sum = 0.0, least = INFINITY;
  assert_int_equal(wg_gauge_parse(gauge, &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, D), WG_OK);
  random_moments(rng, count, rank, columns);
  assert_int_equal(
      wg_master_solve(&context, &spec, count, columns, tol, weights, q, &lower, &upper), WG_OK);
  if (!(upper - lower <= 10 * tol * upper && lower <= upper * (1 + 1e-13)))
    fail_msg("%s with %d columns of rank %d: [%.12g, %.12g]", gauge, count, rank, lower, upper);
  for (int k = 0; k < count; k++) {
    assert_true(weights[k] >= 0);
    sum += weights[k];
    for (int i = 0; i < D * D; i++) moment[i] += weights[k] * columns[k * D * D + i];
    least = WG_MIN(least, wg_la_dot(D * D, q, columns + k * D * D));
    assert_int_equal(wg_gauge_value(&spec, columns + k * D * D, &mem, &value), WG_OK);
    assert_true(value >= lower * (1 - 1e-12));
  }
  assert_near(sum, 1.0, 1e-13);
  assert_int_equal(wg_gauge_value(&spec, moment, &mem, &value), WG_OK);
  assert_near(value, upper, 1e-12 * upper);
  assert_near(least, lower, 1e-12 * upper);
  assert_int_equal(wg_gauge_dual(&spec, q, &mem, &dual), WG_OK);
  assert_true(dual <= 1.0 + 1e-12);
  wg_mem_clear(&mem);
  assert_int_equal(context.ledger.now, 0);
}

static void every_gauge_closes_its_gap(void **state) {
  (void)state;
  wg_rng rng = {51};
  const char *gauges[] = {"trace",
                          "frobenius",
                          "operator",
                          "schatten:1.05",
                          "schatten:1.2",
                          "schatten:10",
                          "schatten:80",
                          "kyfan:2",
                          "kyfan:4",
                          "kyfan:5",
                          "sum:operator@3,operator@2",
                          "max:operator@3,operator@2",
                          "max:frobenius@2/0.5,kyfan:2@3/2",
                          "sum:schatten:3@3,kyfan:1@2",
                          "max:trace@1,trace@4",
                          "max:schatten:4@3,schatten:1.5@2/1.3",
                          "max:operator@1/1e-3,operator@4/1e3"};
  for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++)
    for (int count = 1; count <= MOST; count = 2 * count + 1) {
      check(gauges[g], count, D, 1e-8, &rng);
      check(gauges[g], count, 2, 1e-7, &rng);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_gauge_closes_its_gap)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
