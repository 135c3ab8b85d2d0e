/* Barycentres of Gaussians: certified gaps under every kind of gauge, closed forms, what a
 * barycentre of two has to be, symmetries, certificates that are wrong. */
#include "barycentres.h"

#include "linalg/la.h"

static const char *const gauges[] = {"trace",
                                     "frobenius",
                                     "schatten:1.5",
                                     "schatten:1.1",
                                     "schatten:3",
                                     "schatten:8",
                                     "operator",
                                     "kyfan:2",
                                     "sum:schatten:2@2,operator@1",
                                     "max:operator@2/1,schatten:3@1/1.5",
                                     "max:schatten:1.5@1/1,kyfan:1@2/0.8"};
enum { GAUGES = sizeof gauges / sizeof *gauges, MOST_STEPS = 90 };

static test_gaussians g;
static test_barycentre b, other;

static void every_gauge_is_certified(void **state) {
  (void)state;
  wg_rng rng = {1};
  for (int64_t rank = 1; rank <= 3; rank++) {
    g = test_random_gaussians(&rng, 4, 3, rank);
    for (int k = 0; k < GAUGES; k++) {
      double lower = 0.0, upper = 0.0;
      test_solve_barycentre(&g, gauges[k], 1e-7, &b);
      for (int64_t i = 0; i < 4; i++) {
        lower += g.weights[i] * b.distances[2 * i];
        upper += g.weights[i] * b.distances[2 * i + 1];
      }
      assert_true(lower <= b.info.upper && b.info.lower <= b.info.upper);
      assert_near(upper, b.info.upper, 1e-12 * upper);
      if (b.info.steps > MOST_STEPS) /* Newton's method with a wrong Hessian still arrives */
        fail_msg("%s: %lld steps", gauges[k], (long long)b.info.steps);
    }
  }
}

/* ---- the trace ---- */

static void symmetric_power(int64_t d, const double *s, double exponent, double *out) {
  double values[TEST_MOST_BARY], vectors[TEST_MOST_BARY * TEST_MOST_BARY];
  assert_int_equal(wg_la_eigh(d, s, values, vectors), WG_OK);
  for (int64_t i = 0; i < d * d; i++) {
    out[i] = 0.0;
    for (int64_t k = 0; k < d; k++)
      out[i] += pow(values[k], exponent) * vectors[k * d + i / d] * vectors[k * d + i % d];
  }
}

/* out = a m a, symmetric. */
static void sandwich(int64_t d, const double *a, const double *m, double *out) {
  double half[TEST_MOST_BARY * TEST_MOST_BARY];
  wg_la_gemm(false, false, d, d, d, 1.0, a, d, m, d, 0.0, half, d);
  wg_la_gemm(false, false, d, d, d, 1.0, half, d, a, d, 0.0, out, d);
}

/* S <- S^(-1/2) (sum w (S^(1/2) S_k S^(1/2))^(1/2))^2 S^(-1/2). */
static void fixed_point(const test_gaussians *from, double *s) {
  const int64_t d = from->d;
  enum { SQUARE = TEST_MOST_BARY * TEST_MOST_BARY };
  double root[SQUARE], inverse[SQUARE], inner[SQUARE], power[SQUARE], sum[SQUARE];
  for (int64_t i = 0; i < d * d; i++) s[i] = i % (d + 1) == 0;
  for (int round = 0; round < 500; round++) {
    symmetric_power(d, s, 0.5, root);
    symmetric_power(d, s, -0.5, inverse);
    for (int64_t i = 0; i < d * d; i++) sum[i] = 0.0;
    for (int64_t k = 0; k < from->count; k++) {
      sandwich(d, root, from->covs + k * d * d, inner);
      symmetric_power(d, inner, 0.5, power);
      for (int64_t i = 0; i < d * d; i++) sum[i] += from->weights[k] * power[i];
    }
    wg_la_gemm(false, false, d, d, d, 1.0, sum, d, sum, d, 0.0, inner, d);
    sandwich(d, inverse, inner, s);
  }
}

static void the_trace_has_its_fixed_point(void **state) {
  (void)state;
  wg_rng rng = {2};
  for (int64_t d = 2; d <= 4; d++) {
    double s[TEST_MOST_BARY * TEST_MOST_BARY];
    g = test_random_gaussians(&rng, 3, d, d);
    fixed_point(&g, s);
    test_solve_barycentre(&g, "trace", 1e-9, &b);
    for (int64_t i = 0; i < d * d; i++) assert_near(b.cov[i], s[i], 1e-6);
    for (int64_t i = 0; i < d; i++) {
      double mean = 0.0;
      for (int64_t k = 0; k < 3; k++) mean += g.weights[k] * g.means[k * d + i];
      assert_near(b.mean[i], mean, 1e-7);
    }
  }
}

/* ---- commuting covariances ---- */

/* sum w |(r_k - s)^2|_p over diagonal roots r_k: averaging over changes of sign shows that the best
 * S is diagonal too, and then K_k is the product of the roots. */
static double diagonal_value(const test_gaussians *from, double p, const double s[2]) {
  double sum = 0.0;
  for (int64_t k = 0; k < from->count; k++) {
    double x = fabs(sqrt(from->covs[4 * k]) - s[0]), y = fabs(sqrt(from->covs[4 * k + 3]) - s[1]);
    const double top = fmax(x, y);
    const double norm = top > 0.0 && isfinite(p)
                            ? top * pow(pow(x / top, 2.0 * p) + pow(y / top, 2.0 * p), 0.5 / p)
                            : top;
    sum += from->weights[k] * norm * norm;
  }
  return sum;
}

/* The least value along an axis of a convex function, the other axis minimised first. */
static double nested_search(const test_gaussians *from, double p, int axis, double s[2]) {
  double low = 0.0, high = 4.0, value = 0.0;
  for (int round = 0; round < 90; round++) {
    double values[2];
    for (int side = 0; side < 2; side++) {
      s[axis] = low + (high - low) * (side ? 0.6 : 0.4);
      values[side] = axis ? diagonal_value(from, p, s) : nested_search(from, p, 1, s);
    }
    if (values[0] < values[1])
      high = low + (high - low) * 0.6;
    else
      low = low + (high - low) * 0.4;
    value = fmin(values[0], values[1]);
  }
  return value;
}

static void commuting_covariances_are_two_numbers(void **state) {
  (void)state;
  static const struct {
    const char *gauge;
    double p;
  } cases[] = {{"trace", 1}, {"frobenius", 2}, {"schatten:3", 3}, {"operator", INFINITY}};
  g = (test_gaussians){.count = 3,
                       .d = 2,
                       .weights = {0.5, 0.2, 0.3},
                       .covs = {1.0, 0, 0, 4.0, 9.0, 0, 0, 0.25, 2.0, 0, 0, 6.25}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    double s[2];
    const double value = nested_search(&g, cases[k].p, 0, s);
    test_solve_barycentre(&g, cases[k].gauge, 1e-8, &b);
    assert_near(b.info.value, value, 1e-7 * value);
    assert_near(b.cov[1], 0.0, 1e-6);
  }
}

/* ---- two Gaussians ---- */

/* The point at time t of a geodesic is a barycentre for weights 1 - t, t, by the triangle
 * inequality: its value is t (1 - t) W^2. */
static void two_have_a_geodesic(void **state) {
  (void)state;
  wg_rng rng = {3};
  g = test_random_gaussians(&rng, 2, 3, 3);
  for (int k = 0; k < GAUGES; k++) {
    wg_gaussian_info info;
    const double t = 0.3;
    g.weights[0] = 1.0 - t;
    g.weights[1] = t;
    test_solve_barycentre(&g, gauges[k], 1e-8, &b);
    assert_true(wg_gaussian(3, g.means, g.covs, g.means + 3, g.covs + 9, gauges[k], NULL, &info,
                            NULL, NULL, NULL, NULL) >= 0);
    assert_near(b.info.value, t * (1.0 - t) * info.w2, 2e-8 * info.w2);
    assert_near(b.distances[1], t * t * info.w2, 1e-3 * info.w2);
  }
}

/* ---- symmetries ---- */

static void order_does_not_matter(void **state) {
  (void)state;
  wg_rng rng = {4};
  const int64_t d = 3, order[3] = {2, 0, 1};
  g = test_random_gaussians(&rng, 3, d, d);
  test_gaussians turned = g;
  for (int64_t k = 0; k < 3; k++) {
    turned.weights[k] = g.weights[order[k]];
    memcpy(turned.means + k * d, g.means + order[k] * d, (size_t)d * sizeof(double));
    memcpy(turned.covs + k * d * d, g.covs + order[k] * d * d, (size_t)(d * d) * sizeof(double));
  }
  for (int k = 0; k < GAUGES; k++) {
    test_solve_barycentre(&g, gauges[k], 1e-7, &b);
    test_solve_barycentre(&turned, gauges[k], 1e-7, &other);
    assert_near(b.info.value, other.info.value, 1e-7 * b.info.value);
    for (int64_t i = 0; i < d * d; i++) assert_near(b.cov[i], other.cov[i], 1e-4);
  }
}

static void scale_and_place_do_not_matter(void **state) {
  (void)state;
  wg_rng rng = {5};
  const double scales[] = {1e-120, 3.0, 1e120};
  g = test_random_gaussians(&rng, 3, 2, 2);
  test_solve_barycentre(&g, "operator", 1e-7, &b);
  for (int k = 0; k < 3; k++) {
    test_gaussians moved = g;
    for (int i = 0; i < 6; i++) moved.means[i] = scales[k] * (g.means[i] + (i % 2 ? 5.0 : -7.0));
    for (int i = 0; i < 12; i++) moved.covs[i] = scales[k] * g.covs[i] * scales[k];
    test_solve_barycentre(&moved, "operator", 1e-7, &other);
    assert_near(other.info.value / scales[k] / scales[k], b.info.value, 2e-7 * b.info.value);
    assert_near(other.mean[0] / scales[k], b.mean[0] - 7.0, 1e-3);
  }
}

/* ---- the edges ---- */

static void equal_gaussians_are_their_own(void **state) {
  (void)state;
  wg_rng rng = {6};
  g = test_random_gaussians(&rng, 1, 3, 2);
  test_solve_barycentre(&g, "operator", 1e-9, &b);
  assert_true(b.info.upper == 0.0 && b.info.lower == 0.0 && b.info.gap == 0.0);
  for (int i = 0; i < 9; i++) assert_true(b.cov[i] == g.covs[i]);
}

/* gamma(v v') = |v|^2 for Ky Fan and Schatten, so Diracs have the weighted mean. */
static void diracs_have_their_mean(void **state) {
  (void)state;
  g = (test_gaussians){
      .count = 3, .d = 2, .weights = {0.25, 0.25, 0.5}, .means = {0, 0, 4, 0, 0, 2}};
  for (int k = 0; k < 2; k++) {
    test_solve_barycentre(&g, k ? "operator" : "frobenius", 1e-7, &b);
    assert_near(b.info.value, 0.25 * 2.0 + 0.25 * 10.0 + 0.5 * 2.0, 1e-6);
    assert_near(b.mean[0], 1.0, 1e-3);
    assert_near(b.mean[1], 1.0, 1e-3);
  }
  g.means[2] = g.means[5] = 0.0;
  test_solve_barycentre(&g, "operator", 1e-7, &b);
  assert_true(b.info.upper == 0.0);
}

static void more_than_what_follows_is_refused(void **state) {
  (void)state;
  wg_rng rng = {7};
  wg_verdict verdict;
  g = test_random_gaussians(&rng, 3, 3, 3);
  test_solve_barycentre(&g, "schatten:3", 1e-7, &b);
  const double lower = b.info.lower, upper = b.info.upper;
  assert_int_equal(test_judge(&g, "schatten:3", &b, upper * 1.001, upper * 1.002, &verdict), WG_OK);
  assert_true(!verdict.valid && verdict.lower_excess > 0.0 && strstr(verdict.finding, "lower"));
  assert_int_equal(test_judge(&g, "schatten:3", &b, lower, 0.999 * lower, &verdict), WG_OK);
  assert_true(!verdict.valid && verdict.upper_excess > 0.0);
  other = b;
  for (int i = 0; i < 9; i++) other.y[i] *= 1.0 + 1e-4;
  assert_int_equal(test_judge(&g, "schatten:3", &other, lower, upper, &verdict), WG_OK);
  assert_true(!verdict.valid); /* Q and Y do not balance */
  other = b;
  for (int i = 0; i < 27; i++) {
    other.q[i] *= 2.0;
    other.y[i] *= 2.0;
  }
  assert_int_equal(test_judge(&g, "schatten:3", &other, lower, upper, &verdict), WG_OK);
  assert_true(verdict.lower <= lower * (1.0 + 1e-10)); /* divided by their dual gauge */
  other = b;
  for (int i = 0; i < 9; i++) {
    other.y[9 + i] += g.weights[0] / g.weights[1] * other.y[i];
    other.y[i] = 0.0;
  }
  assert_int_equal(test_judge(&g, "schatten:3", &other, lower, upper, &verdict), WG_OK);
  assert_true(!verdict.valid && verdict.lower < 0.9 * lower); /* balanced, but Q_0 is not met */
  other = b;
  other.mean[0] += 0.05; /* the lower bound does not rest on the mean */
  assert_int_equal(test_judge(&g, "schatten:3", &other, lower, upper, &verdict), WG_OK);
  assert_true(verdict.upper > upper && verdict.lower > lower * (1.0 - 1e-9));
  other = b;
  for (int i = 0; i < 9; i++) other.contractions[i] = 0.0;
  assert_int_equal(test_judge(&g, "schatten:3", &other, lower, upper, &verdict), WG_OK);
  assert_true(!verdict.valid && verdict.upper > upper);
}

static void expect(int status, const char *words) {
  assert_true(status < 0);
  if (!strstr(wg_error_detail(), words)) fail_msg("\"%s\" is not in: %s", words, wg_error_detail());
}

static int try_gauge(const char *gauge) {
  return wg_gaussian_barycentre(g.count, g.d, g.means, g.covs, g.weights, gauge, NULL, NULL, NULL,
                                NULL, NULL, NULL, NULL, NULL);
}

static void bad_input_is_named(void **state) {
  (void)state;
  wg_rng rng = {8};
  g = test_random_gaussians(&rng, 3, 2, 2);
  const test_gaussians good = g;
  expect(try_gauge("schatten:0.5"), "convex");
  g.covs[4 * 2 + 1] += 1.0;
  expect(try_gauge("operator"), "covs[2] is not symmetric");
  g = good;
  g.means[3] = NAN;
  expect(try_gauge("operator"), "means[1]");
  g = good;
  g.weights[1] = 0.0;
  expect(try_gauge("operator"), "weights[1] = 0");
  g.weights[1] = 2.0;
  expect(try_gauge("operator"), "weights sum to");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_gauge_is_certified),
                                     cmocka_unit_test(the_trace_has_its_fixed_point),
                                     cmocka_unit_test(commuting_covariances_are_two_numbers),
                                     cmocka_unit_test(two_have_a_geodesic),
                                     cmocka_unit_test(order_does_not_matter),
                                     cmocka_unit_test(scale_and_place_do_not_matter),
                                     cmocka_unit_test(equal_gaussians_are_their_own),
                                     cmocka_unit_test(diracs_have_their_mean),
                                     cmocka_unit_test(more_than_what_follows_is_refused),
                                     cmocka_unit_test(bad_input_is_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
