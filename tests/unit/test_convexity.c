/* Second differences, energies along geodesics and Poincare constants against what is known by
 * hand, and against one-dimensional eigenvalue problems solved by finite differences. */
#include "support.h"

static const double pi = 3.141592653589793;

/* ---- second differences ---- */

static void parabolas_have_constant_second_differences(void **state) {
  (void)state;
  enum { COUNT = 17 };
  double energies[COUNT], second[COUNT - 2];
  wg_convexity_info info;
  for (int sign = -1; sign <= 1; sign += 2) {
    for (int k = 0; k < COUNT; k++) {
      const double t = (double)k / (COUNT - 1);
      energies[k] = 5.0 - 2.0 * t + sign * 1.5 * t * t;
    }
    assert_int_equal(wg_convexity(COUNT, energies, second, &info), WG_OK);
    for (int k = 0; k < COUNT - 2; k++) assert_near(second[k], 3.0 * sign, 1e-11);
    assert_near(info.least, 3.0 * sign, 1e-11);
    assert_int_equal(info.convex, sign > 0);
    assert_true(info.noise > 0.0 && info.noise < 1e-10);
  }
}

static void infinity_is_a_value(void **state) {
  (void)state;
  const double peak[5] = {0.0, 1.0, INFINITY, 1.0, 0.0}, wall[4] = {0.0, 1.0, 3.0, INFINITY};
  const double not_one[3] = {0.0, NAN, 0.0};
  wg_convexity_info info;
  assert_int_equal(wg_convexity(5, peak, NULL, &info), WG_OK);
  assert_true(info.least == -INFINITY && info.time == 0.5 && !info.convex);
  assert_int_equal(wg_convexity(4, wall, NULL, &info), WG_OK);
  assert_true(info.convex && fabs(info.least - 9.0) < 1e-12);
  assert_int_equal(wg_convexity(3, not_one, NULL, &info), WG_ERR_INPUT);
  assert_int_equal(wg_convexity(2, peak, NULL, &info), WG_ERR_ARGUMENT);
}

/* ---- along geodesics ---- */

/* int |x|^2 / 2 has second derivative tr Sigma_P, int <x, Mx> / 2 has tr M Sigma_P. */
static void quadratic_energies_bend_by_the_moment(void **state) {
  (void)state;
  enum { COUNT = 9, D = 3 };
  const double form[D * D] = {1.0, 0.5, 0.0, 0.5, -2.0, 0.25, 0.0, 0.25, 0.5};
  wg_rng rng = {3};
  test_clouds c = test_random_clouds(&rng, 14, 11, D, true);
  wg_solver *solver = test_setup(&c, "frobenius", 1e-8);
  double moment[D * D], energies[COUNT], second[COUNT - 2], trace = 0.0, bent = 0.0;
  wg_energy *round, *saddle;
  wg_convexity_info info;
  test_solve(solver);
  assert_int_equal(wg_get_moment(solver, moment), WG_OK);
  for (int k = 0; k < D * D; k++) bent += form[k] * moment[k];
  for (int k = 0; k < D; k++) trace += moment[k * D + k];
  assert_int_equal(wg_energy_potential(&round, "quadratic", D, NULL, NULL), WG_OK);
  assert_int_equal(wg_energy_potential(&saddle, "quadratic", D, NULL, form), WG_OK);
  assert_int_equal(wg_energy_along(round, solver, COUNT, energies), WG_OK);
  assert_int_equal(wg_convexity(COUNT, energies, second, &info), WG_OK);
  for (int k = 0; k < COUNT - 2; k++) assert_near(second[k], trace, 1e-9);
  assert_int_equal(wg_energy_along(saddle, solver, COUNT, energies), WG_OK);
  assert_int_equal(wg_convexity(COUNT, energies, second, &info), WG_OK);
  for (int k = 0; k < COUNT - 2; k++) assert_near(second[k], bent, 1e-9);
  wg_energy_free(round);
  wg_energy_free(saddle);
  wg_free(solver);
  test_free_clouds(&c);
}

static void potentials_and_interactions_are_convex(void **state) {
  (void)state;
  enum { COUNT = 17, D = 2 };
  static const char *const gauges[] = {"trace", "schatten:1.5", "operator"};
  wg_rng rng = {4};
  for (size_t g = 0; g < 3; g++) {
    test_clouds c = test_random_clouds(&rng, 12, 12, D, false);
    wg_solver *solver = test_setup(&c, gauges[g], 1e-6);
    wg_energy *energies[4];
    test_solve(solver);
    assert_int_equal(wg_energy_potential(&energies[0], "power:1.5", 0, NULL, NULL), WG_OK);
    assert_int_equal(wg_energy_potential(&energies[1], "power:4", 0, NULL, NULL), WG_OK);
    assert_int_equal(wg_energy_interaction(&energies[2], "power:3", NULL), WG_OK);
    assert_int_equal(wg_energy_potential(&energies[3], "well:3", 0, NULL, NULL), WG_OK);
    for (int e = 0; e < 4; e++) {
      double values[COUNT];
      wg_convexity_info info;
      assert_int_equal(wg_energy_along(energies[e], solver, COUNT, values), WG_OK);
      assert_int_equal(wg_convexity(COUNT, values, NULL, &info), WG_OK);
      assert_int_equal(info.convex, e < 3); /* a deep double well is concave in its middle */
      wg_energy_free(energies[e]);
    }
    wg_free(solver);
    test_free_clouds(&c);
  }
}

static void refusals(void **state) {
  (void)state;
  wg_rng rng = {5};
  double values[3];
  wg_energy *energy;
  wg_poincare_info info;
  test_clouds c = test_random_clouds(&rng, 4, 4, 2, false);
  wg_solver *solver = test_setup(&c, "operator", 1e-6);
  assert_int_equal(wg_energy_potential(&energy, "quadratic", 0, NULL, NULL), WG_OK);
  assert_int_equal(wg_energy_along(energy, solver, 3, values), WG_ERR_STATE);
  assert_int_equal(wg_energy_along(energy, NULL, 3, values), WG_ERR_ARGUMENT);
  assert_int_equal(wg_energy_along(energy, solver, 1, values), WG_ERR_ARGUMENT);
  assert_int_equal(wg_poincare(1.0, "trace", 1e-3, &info), WG_ERR_ARGUMENT);
  assert_int_equal(wg_poincare(4.0, "trace", 0.0, &info), WG_ERR_ARGUMENT);
  assert_int_equal(wg_poincare(4.0, "schatten:0.5", 1e-3, &info), WG_ERR_INPUT);
  assert_int_equal(wg_poincare(4.0, "sum:trace@1,trace@1", 1e-3, &info), WG_ERR_INPUT);
  wg_energy_free(energy);
  wg_free(solver);
  test_free_clouds(&c);
}

/* ---- Poincare ---- */

/* Least l of -(w u')' + v u = l w u on a grid of n cells of length h with u = 0 at 0: by bisection
 * on the signs of the pivots. w: at the 2n + 1 multiples of h/2; v: at the nodes. */
static double least_eigenvalue(int n, double h, const double *w, const double *v) {
  double low = 0.0, high = 100.0;
  for (int step = 0; step < 60; step++) {
    const double middle = 0.5 * (low + high);
    double pivot = INFINITY;
    bool below = false; /* an eigenvalue is below middle */
    for (int k = 1; k <= n && !below; k++) {
      const double left = w[2 * k - 1] / h, right = k < n ? w[2 * k + 1] / h : 0.0;
      const double mass = k < n ? h : 0.5 * h;
      pivot =
          left + right + mass * (v[k] - middle * w[2 * k]) - (k > 1 ? left * left / pivot : 0.0);
      below = pivot < 0.0;
    }
    if (below)
      high = middle;
    else
      low = middle;
  }
  return 0.5 * (low + high);
}

enum { CELLS = 3000 };
static const double far = 3.2; /* exp(-far^4) and less is nothing */

/* u = f(|x|) x_1 / |x|. */
static double radial_eigenvalue(double r, double end) {
  static double w[2 * CELLS + 1], v[CELLS + 1];
  const double h = end / CELLS;
  for (int k = 0; k <= 2 * CELLS; k++) w[k] = 0.5 * k * h * exp(-pow(0.5 * k * h, r));
  for (int k = 1; k <= CELLS; k++) v[k] = w[2 * k] / (k * h * k * h);
  return least_eigenvalue(CELLS, h, w, v);
}

/* u = f(x_1), odd, for r = 4. */
static double marginal_eigenvalue(void) {
  static double w[2 * CELLS + 1], v[CELLS + 1];
  const double h = far / CELLS;
  for (int k = 0; k <= 2 * CELLS; k++) {
    const double x = 0.5 * k * h;
    for (double y = 0.5e-2; y < far; y += 1e-2) w[k] += 1e-2 * exp(-pow(x * x + y * y, 2.0));
  }
  return least_eigenvalue(CELLS, h, w, v);
}

static void poincare_constants_of_the_fourth_power(void **state) {
  (void)state;
  wg_poincare_info one, two, infinite;
  const double variance = tgamma(1.0) / tgamma(0.5) / 2.0; /* of x_1 */
  assert_int_equal(wg_poincare(4.0, "trace", 1e-3, &one), WG_OK);
  assert_int_equal(wg_poincare(4.0, "frobenius", 1e-3, &two), WG_OK);
  assert_int_equal(wg_poincare(4.0, "operator", 1e-3, &infinite), WG_OK);
  const double radial = radial_eigenvalue(4.0, far), marginal = marginal_eigenvalue();
  assert_near(one.upper, radial, 1e-5 * radial);
  assert_true(one.lower <= radial * (1.0 + 1e-6) && one.upper - one.lower < 1e-5 * radial);
  assert_true(one.upper < two.lower && two.lower < infinite.upper); /* the gain is strict */
  assert_near(infinite.upper, marginal, 1e-5 * marginal);
  assert_true(infinite.lower > (1.0 - 1.1e-3) * infinite.upper);
  assert_true(infinite.upper < 1.0 / variance);
  assert_true(infinite.q[1] < 1e-5 && fabs(infinite.q[0] - 1.0) < 1e-5);
}

/* Where polynomials are slow the bounds are wide, and hold. */
static void bounds_hold_where_they_are_wide(void **state) {
  (void)state;
  wg_poincare_info info;
  const double exact = radial_eigenvalue(1.5, 12.0);
  assert_int_equal(wg_poincare(1.5, "trace", 1e-3, &info), WG_OK);
  assert_true(info.lower < exact && exact < info.upper - 5e-5);
  assert_true(info.upper - info.lower < 1e-2);
}

static void gaussians_gain_nothing(void **state) {
  (void)state;
  static const char *const gauges[] = {"trace", "schatten:1.25", "frobenius", "kyfan:1",
                                       "operator"};
  wg_poincare_info info;
  for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++) { /* covariance I/2 */
    assert_int_equal(wg_poincare(2.0, gauges[g], 1e-3, &info), WG_OK);
    assert_near(info.upper, 2.0, 1e-5);
    assert_near(info.lower, 2.0, 2.1e-3);
  }
}

static void constants_grow_with_p(void **state) {
  (void)state;
  static const char *const gauges[] = {"trace", "schatten:1.2", "schatten:1.5", "frobenius",
                                       "operator"};
  double before = 0.0;
  for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++) {
    wg_poincare_info info;
    assert_int_equal(wg_poincare(6.0, gauges[g], 1e-4, &info), WG_OK);
    assert_true(info.lower <= info.upper && info.lower > before);
    before = info.lower;
  }
}

/* The geodesics of p = infinity that branch are geodesics: theory 3.5. */
static void geodesics_branch(void **state) {
  (void)state;
  for (int k = 0; k <= 6; k++)
    for (int l = 0; l < k; l++) {
      double points[2][4], low, high;
      const double times[2] = {l / 6.0, k / 6.0};
      for (int side = 0; side < 2; side++) {
        const double t = times[side], away = t < 0.5 ? 0.0 : sin(2.0 * pi * (t - 0.5)) / (2.0 * pi);
        const double atoms[4] = {t, away, t, -away};
        memcpy(points[side], atoms, sizeof atoms);
      }
      assert_true(wg_distance(2, 2, 2, points[0], NULL, points[1], NULL, "operator", 1e-11, &low,
                              &high) >= 0);
      assert_near(sqrt(high), times[1] - times[0], 1e-13);
      assert_near(sqrt(low), times[1] - times[0], 1e-13);
    }
}

/* MMD^2 of clouds that nearly coincide and spread over 1e8: terms of 1e8 cancel to 1e-8, and what
 * is left of the second differences is rounding, not a refutation. */
static void cancelling_energies_refute_nothing(void **state) {
  enum { COUNT = 33 };
  const double x[2] = {0, 1e8}, y[2] = {1e-5, 1e8 + 1e-5};
  double values[COUNT], rounding;
  wg_energy_settings settings;
  wg_convexity_info info;
  wg_energy *energy = NULL;
  wg_solver *solver = NULL;
  (void)state;
  wg_energy_settings_init(&settings);
  assert_int_equal(wg_setup(&solver, 2, 2, 1, x, NULL, y, NULL, "operator", NULL), WG_OK);
  assert_true(wg_solve(solver, NULL) >= 0);
  assert_int_equal(wg_energy_mmd(&energy, "energy:0.01", 2, 1, x, NULL, &settings), WG_OK);
  assert_int_equal(wg_energy_along(energy, solver, COUNT, values), WG_OK);
  assert_int_equal(wg_convexity(COUNT, values, NULL, &info), WG_OK);
  assert_int_equal(info.convex, 0); /* what the values alone would say */
  assert_int_equal(wg_energy_rounding(energy, solver, &rounding), WG_OK);
  assert_int_equal(wg_convexity_within(COUNT, values, rounding, NULL, &info), WG_OK);
  assert_int_equal(info.convex, 1);
  assert_int_equal(wg_convexity_within(COUNT, values, NAN, NULL, &info), WG_ERR_ARGUMENT);
  assert_int_equal(wg_energy_rounding(energy, NULL, &rounding), WG_ERR_ARGUMENT);
  wg_energy_free(energy);
  wg_free(solver);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(parabolas_have_constant_second_differences),
                                     cmocka_unit_test(infinity_is_a_value),
                                     cmocka_unit_test(quadratic_energies_bend_by_the_moment),
                                     cmocka_unit_test(potentials_and_interactions_are_convex),
                                     cmocka_unit_test(cancelling_energies_refute_nothing),
                                     cmocka_unit_test(refusals),
                                     cmocka_unit_test(poincare_constants_of_the_fourth_power),
                                     cmocka_unit_test(bounds_hold_where_they_are_wide),
                                     cmocka_unit_test(gaussians_gain_nothing),
                                     cmocka_unit_test(constants_grow_with_p),
                                     cmocka_unit_test(geodesics_branch)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
