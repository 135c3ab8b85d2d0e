/* UW is a metric on finite measures of the sphere: zero, symmetry, triangle inequality, with the
 * proved bounds; and how it scales, turns and compares with Wasserstein-Fisher-Rao. */
#include "measures.h"

static const char *const gauges[] = {"trace", "frobenius", "operator", "kyfan:2",
                                     "max:operator@2/1,trace@1/0.8"};
enum { GAUGES = sizeof gauges / sizeof *gauges };

static void equal_measures_are_at_distance_zero(void **state) {
  (void)state;
  wg_rng rng = {21};
  for (int g = 0; g < GAUGES; g++) {
    test_measure a = test_atoms(&rng, 12, 3, 1.7);
    assert_true(test_sphere(&a, &a, gauges[g], 1e-6).upper <= 1e-12 * 1.7 * 4.0);
    test_free_measure(&a);
  }
}

static void the_distance_is_symmetric(void **state) {
  (void)state;
  wg_rng rng = {22};
  for (int g = 0; g < GAUGES; g++) {
    test_measure a = test_atoms(&rng, 9, 3, 1.0), b = test_atoms(&rng, 14, 3, 2.2);
    const wg_sphere_info one = test_sphere(&a, &b, gauges[g], 1e-8);
    const wg_sphere_info other = test_sphere(&b, &a, gauges[g], 1e-8);
    assert_true(one.lower <= other.upper && other.lower <= one.upper);
    test_free_measure(&a);
    test_free_measure(&b);
  }
}

static void the_triangle_inequality_holds(void **state) {
  (void)state;
  wg_rng rng = {23};
  for (int g = 0; g < GAUGES; g++)
    for (int trial = 0; trial < 4; trial++) {
      test_measure m[3];
      for (int k = 0; k < 3; k++) m[k] = test_atoms(&rng, 4 + 2 * k, 3, 0.3 + (double)k);
      double low[3], high[3]; /* of the side opposite to k */
      for (int k = 0; k < 3; k++) {
        const wg_sphere_info info = test_sphere(&m[(k + 1) % 3], &m[(k + 2) % 3], gauges[g], 1e-7);
        low[k] = sqrt(info.lower);
        high[k] = sqrt(info.upper);
      }
      for (int k = 0; k < 3; k++) assert_true(low[k] <= high[(k + 1) % 3] + high[(k + 2) % 3]);
      for (int k = 0; k < 3; k++) test_free_measure(&m[k]);
    }
}

static void the_value_is_between_its_multiples_of_wfr(void **state) {
  (void)state;
  wg_rng rng = {24};
  for (int g = 0; g < GAUGES; g++) {
    test_measure a = test_atoms(&rng, 8, 3, 1.0), b = test_atoms(&rng, 8, 3, 0.4);
    const wg_sphere_info info = test_sphere(&a, &b, gauges[g], 1e-8);
    const wg_sphere_info wfr = test_sphere(&a, &b, "trace", 1e-8);
    assert_true(info.least_ratio * wfr.lower <= info.upper);
    assert_true(info.lower <= info.most_ratio * wfr.upper);
    assert_true(info.least_ratio > 0.0 && info.least_ratio <= info.most_ratio);
    test_free_measure(&a);
    test_free_measure(&b);
  }
}

/* The ratios are attained: at moments I and w w'. */
static void the_ratios_are_sharp(void **state) {
  (void)state;
  wg_rng rng = {25};
  double axes[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, opposite[] = {-1, 0, 0, 0, -1, 0, 0, 0, -1};
  double even[] = {0.5, 0.5, 0.5};
  const test_measure a = {3, 3, axes, even}, b = {3, 3, opposite, even};
  for (int g = 0; g + 1 < GAUGES; g++) { /* A = I: nothing can be carried */
    const wg_sphere_info info = test_sphere(&a, &b, gauges[g], 1e-9);
    assert_near(info.uw2, info.least_ratio * 3.0, 1e-8);
  }
  test_measure x = test_atoms(&rng, 1, 3, 1.0), y = test_atoms(&rng, 1, 3, 0.25);
  memcpy(y.w, x.w, 3 * sizeof(double)); /* A = (1 - 1/2)^2 w w' */
  for (int g = 0; g + 1 < GAUGES; g++)
    assert_near(test_sphere(&x, &y, gauges[g], 1e-9).uw2, 0.25, 1e-8);
  test_free_measure(&x);
  test_free_measure(&y);
}

static void it_scales_with_the_mass(void **state) {
  (void)state;
  wg_rng rng = {26};
  test_measure a = test_atoms(&rng, 10, 4, 1.0), b = test_atoms(&rng, 11, 4, 1.5);
  for (int g = 0; g + 1 < GAUGES; g++) {
    const wg_sphere_info one = test_sphere(&a, &b, gauges[g], 1e-8);
    for (int64_t i = 0; i < a.n; i++) a.mass[i] *= 1024.0;
    for (int64_t i = 0; i < b.n; i++) b.mass[i] *= 1024.0;
    const wg_sphere_info large = test_sphere(&a, &b, gauges[g], 1e-8);
    assert_near(large.uw2 / 1024.0, one.uw2, 2e-8 * one.uw2);
    for (int64_t i = 0; i < a.n; i++) a.mass[i] /= 1024.0;
    for (int64_t i = 0; i < b.n; i++) b.mass[i] /= 1024.0;
  }
  test_free_measure(&a);
  test_free_measure(&b);
}

static void an_atom_may_be_split(void **state) {
  (void)state;
  wg_rng rng = {27};
  test_measure a = test_atoms(&rng, 6, 3, 1.0), b = test_atoms(&rng, 5, 3, 1.0);
  test_measure twice = {12, 3, test_numbers(36), test_numbers(12)};
  for (int64_t i = 0; i < 12; i++) {
    memcpy(twice.w + 3 * i, a.w + 3 * (i / 2), 3 * sizeof(double));
    twice.mass[i] = a.mass[i / 2] * (i % 2 ? 0.25 : 0.75);
  }
  for (int g = 0; g < GAUGES; g++) {
    const wg_sphere_info one = test_sphere(&a, &b, gauges[g], 1e-8);
    const wg_sphere_info two = test_sphere(&twice, &b, gauges[g], 1e-8);
    assert_true(one.lower <= two.upper && two.lower <= one.upper);
  }
  test_free_measure(&a);
  test_free_measure(&b);
  test_free_measure(&twice);
}

/* More pairs than all are tried at once: the pool and its pricing. */
static void many_atoms_are_certified(void **state) {
  (void)state;
  wg_rng rng = {28};
  test_measure a = test_atoms(&rng, 160, 3, 1.0), b = test_atoms(&rng, 130, 3, 1.4);
  test_measure c = test_atoms(&rng, 120, 2, 1.0), e = test_atoms(&rng, 120, 2, 1.1);
  test_sphere(&a, &b, "operator", 1e-6);
  test_sphere(&a, &b, "schatten:3", 1e-6);
  test_sphere(&b, &a, "trace", 1e-9);
  test_sphere(&c, &e, "operator", 1e-7);
  test_free_measure(&a);
  test_free_measure(&b);
  test_free_measure(&c);
  test_free_measure(&e);
}

/* A maximum over one block is the block's gauge, but goes by cutting planes: the two solvers share
 * the pool and nothing else. */
static void two_solvers_agree(void **state) {
  (void)state;
  const char *const one_block[][2] = {{"operator", "max:operator@4/1"},
                                      {"kyfan:2", "max:kyfan:2@4/1"},
                                      {"schatten:1.5", "max:schatten:1.5@4/1"},
                                      {"schatten:5", "max:schatten:5@4/1"}};
  const int64_t sizes[][2] = {{20, 31}, {120, 105}}; /* all pairs, and some that are priced */
  wg_rng rng = {25};
  for (size_t g = 0; g < sizeof one_block / sizeof *one_block; g++)
    for (int s = 0; s < 2; s++) {
      test_measure a = test_atoms(&rng, sizes[s][0], 4, 1.0);
      test_measure b = test_atoms(&rng, sizes[s][1], 4, 1.6);
      const wg_sphere_info one = test_sphere(&a, &b, one_block[g][0], 1e-8);
      const wg_sphere_info other = test_sphere(&a, &b, one_block[g][1], 1e-7);
      assert_true(one.lower <= other.upper && other.lower <= one.upper);
      assert_near(one.uw2, other.uw2, 1e-7 * other.upper);
      if (one.calls > 12 || one.steps > 70)
        fail_msg("%s: %lld calls, %lld steps", one_block[g][0], (long long)one.calls,
                 (long long)one.steps);
      test_free_measure(&a);
      test_free_measure(&b);
    }
}

/* Atoms around a direction. */
static test_measure cluster(wg_rng *rng, int64_t n, const double *centre, double total) {
  test_measure m = test_atoms(rng, n, 3, total);
  for (int64_t i = 0; i < n; i++) {
    double length = 0.0;
    for (int64_t k = 0; k < 3; k++) {
      m.w[3 * i + k] = centre[k] + 0.5 * wg_rng_normal(rng);
      length += m.w[3 * i + k] * m.w[3 * i + k];
    }
    for (int64_t k = 0; k < 3; k++) m.w[3 * i + k] /= sqrt(length);
  }
  return m;
}

/* Far clusters make Q nearly singular, some atoms next to worthless and the first pool a bad one;
 * near ones with a tight tolerance need the last digits of the steps. Without what serves either,
 * or with cutting planes in its place, many more steps are taken. */
static void few_steps_are_enough(void **state) {
  (void)state;
  const double east[] = {1.0, 0.0, 0.3}, north[] = {0.5, 0.8, 0.0};
  wg_rng rng = {26};
  test_measure a = cluster(&rng, 200, east, 1.0), b = cluster(&rng, 210, north, 1.5);
  test_measure near = cluster(&rng, 190, east, 1.0);
  const struct {
    const test_measure *other;
    const char *gauge;
    double tol;
    int64_t most_calls, most_steps;
  } cases[] = {{&b, "operator", 1e-8, 12, 60},
               {&b, "frobenius", 1e-8, 12, 45},
               {&near, "operator", 1e-9, 14, 45},
               {&near, "kyfan:2", 1e-9, 14, 45}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const wg_sphere_info info = test_sphere(&a, cases[k].other, cases[k].gauge, cases[k].tol);
    if (info.calls > cases[k].most_calls || info.steps > cases[k].most_steps)
      fail_msg("case %d: %lld calls, %lld steps", (int)k, (long long)info.calls,
               (long long)info.steps);
  }
  test_free_measure(&a);
  test_free_measure(&b);
  test_free_measure(&near);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equal_measures_are_at_distance_zero),
                                     cmocka_unit_test(the_distance_is_symmetric),
                                     cmocka_unit_test(the_triangle_inequality_holds),
                                     cmocka_unit_test(the_value_is_between_its_multiples_of_wfr),
                                     cmocka_unit_test(two_solvers_agree),
                                     cmocka_unit_test(few_steps_are_enough),
                                     cmocka_unit_test(the_ratios_are_sharp),
                                     cmocka_unit_test(it_scales_with_the_mass),
                                     cmocka_unit_test(an_atom_may_be_split),
                                     cmocka_unit_test(many_atoms_are_certified)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
