/* Clouds: checks, merging, integer masses. */
#include "measure/measure.h"
#include "support.h"

static void check_sums(const wg_cloud *c, int64_t total) {
  int64_t mass = 0, members = 0;
  for (int64_t i = 0; i < c->n; i++) {
    int64_t own = 0;
    assert_true(c->mass[i] > 0);
    for (int64_t at = c->first[i]; at < c->first[i + 1]; at++, members++)
      own += c->given_mass[c->members[at]];
    assert_int_equal(own, c->mass[i]);
    mass += own;
  }
  assert_int_equal(mass, total);
  assert_int_equal(members, c->given - c->dropped);
}

static void equal_points_merge_in_the_order_given(void **state) {
  (void)state;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double x[] = {5, 1, 2, 2, 5, 1, 0, 0, 2, 2}, y[] = {1, 1, -0.0, 0};
  double a[] = {0.125, 0.25, 0.125, 0, 0.5}, b[] = {0.3, 0.7};
  wg_cloud cx, cy;
  wg_masses masses;
  assert_int_equal(wg_measure_pair(&mem, 5, 2, 2, x, a, y, b, &cx, &cy, &masses), WG_OK);
  assert_int_equal(cx.n, 2);
  assert_int_equal(cx.dropped, 1);
  assert_true(cx.points[0] == 5 && cx.points[1] == 1 && cx.points[2] == 2 && cx.points[3] == 2);
  assert_int_equal(cx.members[cx.first[0]], 0);
  assert_int_equal(cx.members[cx.first[0] + 1], 2);
  assert_int_equal(cx.mass[0] * 3, cx.mass[1]);
  check_sums(&cx, masses.total);
  check_sums(&cy, masses.total);
  wg_mem_clear(&mem);
  assert_int_equal(ledger.now, 0);
}

static void uniform_clouds_get_small_integers(void **state) {
  (void)state;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double x[12], y[12], b[8] = {0.25, 0, 0.25, 0, 0.25, 0, 0.25, 0};
  for (int i = 0; i < 12; i++) x[i] = y[i] = i;
  wg_cloud cx, cy;
  wg_masses masses;
  assert_int_equal(wg_measure_pair(&mem, 12, 12, 1, x, NULL, y, NULL, &cx, &cy, &masses), WG_OK);
  const int64_t unit = (INT64_C(1) << 53) / 12;
  assert_int_equal(masses.total, 12 * unit);
  assert_true(masses.quantum == 0x1p-53);
  assert_int_equal(cx.mass[3], unit);
  assert_int_equal(wg_measure_pair(&mem, 12, 8, 1, x, NULL, y, b, &cx, &cy, &masses), WG_OK);
  assert_int_equal(masses.total, 12 * unit); /* 12 points against 4 with weight */
  assert_int_equal(cx.mass[0], unit);
  assert_int_equal(cy.mass[0], 3 * unit);
  assert_int_equal(cy.n, 4);
  check_sums(&cy, masses.total);
  wg_mem_clear(&mem);
}

static void tiny_weights_keep_mass(void **state) {
  (void)state;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double x[] = {0, 1, 2}, a[] = {1e-300, 0.5, 0.5}, y[] = {3};
  wg_cloud cx, cy;
  wg_masses masses;
  assert_int_equal(wg_measure_pair(&mem, 3, 1, 1, x, a, y, NULL, &cx, &cy, &masses), WG_OK);
  assert_int_equal(cx.n, 3);
  check_sums(&cx, masses.total);
  check_sums(&cy, masses.total);
  wg_mem_clear(&mem);
}

static void unusable_clouds_are_named(void **state) {
  (void)state;
  const double ok[] = {0, 1}, nan_point[] = {0, NAN}, infinite[] = {INFINITY, 0};
  const double negative[] = {1.5, -0.5}, nothing[] = {0, 0}, heavy[] = {0.5, 0.51};
  const struct {
    const double *points, *weights;
    const char *text;
  } cases[] = {{nan_point, NULL, "x[1, 0] = nan"},
               {infinite, NULL, "x[0, 0] = inf"},
               {ok, negative, "a[1] = -0.5 is negative"},
               {ok, nothing, "a sums to zero"},
               {ok, heavy, "a sums to 1.01"},
               {ok, nan_point, "a[1] = nan"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    assert_int_equal(wg_measure_check("x", "a", 2, 1, cases[k].points, cases[k].weights),
                     WG_ERR_INPUT);
    if (!strstr(wg_error_detail(), cases[k].text)) fail_msg("%s", wg_error_detail());
  }
  assert_int_equal(wg_measure_check("x", "a", 0, 1, ok, NULL), WG_ERR_INPUT);
  const double nearly[] = {0.5, 0.5 + 9e-7};
  assert_int_equal(wg_measure_check("x", "a", 2, 1, ok, nearly), WG_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_points_merge_in_the_order_given),
      cmocka_unit_test(uniform_clouds_get_small_integers),
      cmocka_unit_test(tiny_weights_keep_mass),
      cmocka_unit_test(unusable_clouds_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
