/* The distance of Gaussians: closed forms, the properties of a distance, geodesics, certificates.
 */
#include "normals.h"

static const char *const gauges[] = {"trace",
                                     "frobenius",
                                     "schatten:1.5",
                                     "schatten:1.1",
                                     "schatten:4",
                                     "operator",
                                     "kyfan:2",
                                     "sum:schatten:2@2,operator@1",
                                     "max:operator@2/1,schatten:3@1/1.5",
                                     "max:schatten:1.5@1/1,kyfan:1@2/0.8"};
enum { GAUGES = sizeof gauges / sizeof *gauges };

static double tr(int64_t d, const double *s) {
  double sum = 0.0;
  for (int64_t i = 0; i < d; i++) sum += s[i * d + i];
  return sum;
}

/* ---- closed forms ---- */

/* d = 2: |S0^(1/2) S1^(1/2)|_* = sqrt(tr(S0 S1) + 2 sqrt(det S0 det S1)). */
static void trace_is_bures(void **state) {
  (void)state;
  wg_rng rng = {1};
  for (int round = 0; round < 20; round++) {
    test_normals c = test_random_normals(&rng, 2);
    double cross = 0.0, shift = 0.0;
    for (int i = 0; i < 4; i++) cross += c.s0[i] * c.s1[i];
    for (int i = 0; i < 2; i++) shift += (c.m1[i] - c.m0[i]) * (c.m1[i] - c.m0[i]);
    const double det0 = c.s0[0] * c.s0[3] - c.s0[1] * c.s0[2];
    const double det1 = c.s1[0] * c.s1[3] - c.s1[1] * c.s1[2];
    const double expected =
        shift + tr(2, c.s0) + tr(2, c.s1) - 2.0 * sqrt(cross + 2.0 * sqrt(det0 * det1));
    const wg_gaussian_info info = test_gaussian_certified(&c, "trace", 1e-11);
    assert_near(info.w2, expected, 1e-13 * (tr(2, c.s0) + tr(2, c.s1)));
    assert_true(info.closed_form && info.steps == 0);
  }
}

static test_normals diagonal_pair(int64_t d, const double *a, const double *b) {
  test_normals c = {.d = d};
  for (int64_t i = 0; i < d; i++) {
    c.s0[i * d + i] = a[i];
    c.s1[i * d + i] = b[i];
  }
  return c;
}

static void commuting_covariances_have_a_closed_form(void **state) {
  (void)state;
  const double a[3] = {4.0, 1.0, 0.25}, b[3] = {0.0, 9.0, 2.25};
  test_normals c = diagonal_pair(3, a, b);
  const double power[] = {1.0, 1.5, 2.0, 7.0};
  for (int k = 0; k < 4; k++) {
    char gauge[40];
    double sum = 0.0;
    for (int i = 0; i < 3; i++) sum += pow(fabs(sqrt(a[i]) - sqrt(b[i])), 2.0 * power[k]);
    snprintf(gauge, sizeof gauge, "schatten:%g", power[k]);
    const wg_gaussian_info info = test_gaussian_certified(&c, gauge, 1e-11);
    assert_near(info.w2, pow(sum, 1.0 / power[k]), 1e-13);
    assert_int_equal(info.closed_form, 1);
    assert_int_equal(info.rank1, 2);
  }
  assert_near(test_gaussian_certified(&c, "operator", 1e-11).w2, 4.0, 1e-13);
  assert_near(test_gaussian_certified(&c, "kyfan:2", 1e-11).w2, 8.0, 1e-13);
}

static void one_dimension_is_the_line(void **state) {
  (void)state;
  const double m0 = 1.0, s0 = 4.0, m1 = -2.0, s1 = 0.25;
  for (int k = 0; k < 3; k++) {
    const char *const one[] = {"schatten:0.5", "operator", "trace"};
    wg_gaussian_info info;
    double map;
    assert_int_equal(
        wg_gaussian(1, &m0, &s0, &m1, &s1, one[k], NULL, &info, NULL, NULL, NULL, &map),
        WG_CERTIFIED);
    assert_near(info.w2, 9.0 + 2.25, 1e-12);
    assert_near(map, 0.25, 1e-14);
    assert_int_equal(info.is_map, 1);
  }
}

static void diracs_and_translates(void **state) {
  (void)state;
  wg_rng rng = {3};
  test_normals c = test_random_normals(&rng, 3), still;
  double shift = 0.0;
  for (int i = 0; i < 3; i++) shift += (c.m1[i] - c.m0[i]) * (c.m1[i] - c.m0[i]);
  test_normals translate = c;
  memcpy(translate.s1, c.s0, sizeof c.s0);
  memset(c.s0, 0, sizeof c.s0);
  memset(c.s1, 0, sizeof c.s1);
  for (int k = 0; k < GAUGES; k++) {
    double value, moment[9];
    for (int i = 0; i < 9; i++)
      moment[i] = (c.m1[i / 3] - c.m0[i / 3]) * (c.m1[i % 3] - c.m0[i % 3]);
    assert_int_equal(wg_gauge(gauges[k], 3, moment, &value, NULL, NULL), WG_OK);
    assert_near(test_gaussian_certified(&c, gauges[k], 1e-11).w2, value, 1e-13 * shift);
    assert_near(test_gaussian_certified(&translate, gauges[k], 1e-11).w2, value, 1e-12 * shift);
  }
  still = translate;
  memcpy(still.m1, still.m0, sizeof still.m0);
  assert_true(test_gaussian_certified(&still, "operator", 1e-11).upper == 0.0);
  assert_near(test_gaussian(&c, "schatten:0.5", 1e-11, NULL).w2, shift, 1e-6 * shift);
}

/* ---- a distance ---- */

static void every_gauge_is_certified(void **state) {
  (void)state;
  wg_rng rng = {5};
  for (int round = 0; round < 6; round++) {
    test_normals c = test_random_normals(&rng, 3);
    for (int k = 0; k < GAUGES; k++) test_gaussian_certified(&c, gauges[k], 1e-9);
  }
}

static void singular_covariances_are_certified(void **state) {
  (void)state;
  wg_rng rng = {6};
  for (int64_t rank = 1; rank <= 6; rank++) {
    test_normals c = test_random_normals(&rng, 6);
    test_covariance(&rng, 6, rank, 1e3, c.s0);
    test_covariance(&rng, 6, 4, 1e3, c.s1);
    const char *const some[] = {"frobenius", "operator", "kyfan:3", "schatten:1.5",
                                "max:operator@3/1,frobenius@3/2"};
    for (int k = 0; k < 5; k++) {
      const wg_gaussian_info info = test_gaussian_certified(&c, some[k], 1e-9);
      assert_int_equal(info.rank0, rank);
    }
  }
}

static void symmetric_scaled_and_rotated(void **state) {
  (void)state;
  wg_rng rng = {7};
  test_normals c = test_random_normals(&rng, 3), swapped = c, scaled = c, turned = c;
  memcpy(swapped.s0, c.s1, sizeof c.s1);
  memcpy(swapped.s1, c.s0, sizeof c.s0);
  memcpy(swapped.m0, c.m1, sizeof c.m1);
  memcpy(swapped.m1, c.m0, sizeof c.m0);
  const double far = 1e150, cosine = 0.6, sine = 0.8;
  for (int i = 0; i < 9; i++) {
    scaled.s0[i] *= far * far;
    scaled.s1[i] *= far * far;
  }
  for (int i = 0; i < 3; i++) {
    scaled.m0[i] *= far;
    scaled.m1[i] *= far;
  }
  const double turn[9] = {cosine, -sine, 0, sine, cosine, 0, 0, 0, 1};
  for (int which = 0; which < 2; which++) {
    const double *from = which ? c.s1 : c.s0, *mean = which ? c.m1 : c.m0;
    double *to = which ? turned.s1 : turned.s0, *moved = which ? turned.m1 : turned.m0;
    for (int i = 0; i < 3; i++) {
      moved[i] = 0.0;
      for (int k = 0; k < 3; k++) moved[i] += turn[3 * i + k] * mean[k];
      for (int j = 0; j < 3; j++) {
        to[3 * i + j] = 0.0;
        for (int k = 0; k < 9; k++)
          to[3 * i + j] += turn[3 * i + k / 3] * from[k] * turn[3 * j + k % 3];
      }
    }
  }
  const char *const spectral[] = {"trace", "schatten:1.5", "frobenius", "operator", "kyfan:2"};
  for (int k = 0; k < 5; k++) {
    const double w2 = test_gaussian_certified(&c, spectral[k], 1e-10).w2;
    assert_near(test_gaussian_certified(&swapped, spectral[k], 1e-10).w2, w2, 2e-10 * w2);
    assert_near(test_gaussian_certified(&scaled, spectral[k], 1e-10).w2 / far / far, w2,
                2e-10 * w2);
    assert_near(test_gaussian_certified(&turned, spectral[k], 1e-10).w2, w2, 2e-10 * w2);
  }
}

static void the_triangle_inequality_holds(void **state) {
  (void)state;
  wg_rng rng = {8};
  for (int round = 0; round < 8; round++) {
    test_normals ab = test_random_normals(&rng, 3), bc = test_random_normals(&rng, 3), ac = ab;
    memcpy(bc.s0, ab.s1, sizeof ab.s1);
    memcpy(bc.m0, ab.m1, sizeof ab.m1);
    memcpy(ac.s1, bc.s1, sizeof bc.s1);
    memcpy(ac.m1, bc.m1, sizeof bc.m1);
    for (int k = 0; k < GAUGES; k++) {
      const double one = test_gaussian(&ab, gauges[k], 1e-9, NULL).w;
      const double two = test_gaussian(&bc, gauges[k], 1e-9, NULL).w;
      assert_true(test_gaussian(&ac, gauges[k], 1e-9, NULL).w <= (one + two) * (1.0 + 1e-8));
    }
  }
}

static void it_decreases_in_p_and_increases_in_k(void **state) {
  (void)state;
  wg_rng rng = {9};
  test_normals c = test_random_normals(&rng, 5);
  const char *const order[] = {"trace",      "schatten:1.2", "schatten:1.9", "frobenius",
                               "schatten:3", "schatten:20",  "operator"};
  double last = INFINITY;
  for (int k = 0; k < 7; k++) {
    const wg_gaussian_info info = test_gaussian_certified(&c, order[k], 1e-9);
    assert_true(info.lower <= last); /* from p = 20 on they all but agree */
    last = info.upper;
  }
  last = 0.0;
  for (int k = 1; k <= 5; k++) {
    char gauge[20];
    snprintf(gauge, sizeof gauge, "kyfan:%d", k);
    const wg_gaussian_info info = test_gaussian_certified(&c, gauge, 1e-9);
    assert_true(info.lower > last);
    last = info.upper;
  }
}

/* W of two points of the geodesic is the difference of their times. */
static void geodesics_have_constant_speed(void **state) {
  (void)state;
  static test_coupling coupling;
  wg_rng rng = {10};
  test_normals c = test_random_normals(&rng, 3);
  for (int k = 0; k < GAUGES; k++) {
    const double w = test_gaussian(&c, gauges[k], 1e-10, &coupling).w;
    test_normals part = {.d = 3};
    assert_int_equal(
        wg_gaussian_geodesic(3, c.m0, c.s0, c.m1, c.s1, coupling.k, 0.25, part.m0, part.s0), WG_OK);
    assert_int_equal(
        wg_gaussian_geodesic(3, c.m0, c.s0, c.m1, c.s1, coupling.k, 0.75, part.m1, part.s1), WG_OK);
    assert_near(test_gaussian(&part, gauges[k], 1e-9, NULL).w, 0.5 * w, 1e-8 * w);
  }
}

/* B S0 B' = S1, and K = S0 B'. */
static void the_map_carries_one_to_the_other(void **state) {
  (void)state;
  static test_coupling coupling;
  wg_rng rng = {11};
  test_normals c = test_random_normals(&rng, 4);
  const wg_gaussian_info info = test_gaussian(&c, "frobenius", 1e-11, &coupling);
  assert_int_equal(info.is_map, 1);
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      double image = 0.0, cross = 0.0;
      for (int a = 0; a < 4; a++) {
        cross += c.s0[4 * i + a] * coupling.map[4 * j + a];
        for (int b = 0; b < 4; b++)
          image += coupling.map[4 * i + a] * c.s0[4 * a + b] * coupling.map[4 * j + b];
      }
      assert_near(image, c.s1[4 * i + j], 1e-8);
      assert_near(cross, coupling.k[4 * i + j], 1e-8);
    }
}

/* ---- p < 1 ---- */

static void below_one_is_an_honest_interval(void **state) {
  (void)state;
  const double a[2] = {4.0, 1.0}, b[2] = {1.0, 4.0};
  test_normals c = diagonal_pair(2, a, b);
  wg_gaussian_info info = test_gaussian(&c, "schatten:0.5", 1e-9, NULL);
  assert_int_equal(info.outcome, WG_LOCAL);
  assert_true(info.w2 <= 3.6 + 1e-6); /* theory 4: the commuting coupling only gives 4 */
  assert_near(info.lower, 2.0, 1e-9);
  wg_rng rng = {12};
  c = test_random_normals(&rng, 4);
  info = test_gaussian(&c, "schatten:0.7", 1e-9, NULL);
  assert_int_equal(info.outcome, WG_LOCAL);
  assert_true(info.lower < info.upper);
  assert_near(info.lower, test_gaussian(&c, "trace", 1e-9, NULL).lower, 1e-12);
}

/* ---- certificates ---- */

static int judged(const test_normals *c, const char *gauge, const test_coupling *found,
                  double lower, double upper) {
  wg_verdict verdict;
  assert_int_equal(wg_gaussian_verify(c->d, c->m0, c->s0, c->m1, c->s1, gauge, found->contraction,
                                      found->q, lower, upper, &verdict),
                   WG_OK);
  assert_true(verdict.valid || verdict.finding[0]);
  return verdict.valid;
}

static void tampered_claims_are_refused(void **state) {
  (void)state;
  static test_coupling found, changed;
  wg_rng rng = {13};
  test_normals c = test_random_normals(&rng, 3);
  const wg_gaussian_info info = test_gaussian(&c, "operator", 1e-10, &found);
  assert_true(judged(&c, "operator", &found, info.lower, info.upper));
  assert_false(judged(&c, "operator", &found, info.lower, info.w2 * (1.0 - 1e-9)));
  assert_false(judged(&c, "operator", &found, info.w2 * (1.0 + 1e-9), info.upper));
  assert_false(judged(&c, "operator", &found, info.lower * (1.0 + 1e-6), info.upper));
  changed = found; /* twice Q is outside the dual ball: no better bound follows */
  for (int i = 0; i < 9; i++) changed.q[i] *= 2.0;
  assert_false(judged(&c, "operator", &changed, 1.5 * info.lower, info.upper));
  changed = found; /* more than a contraction is shrunk, and loses */
  for (int i = 0; i < 9; i++) changed.contraction[i] *= 1.5;
  assert_false(judged(&c, "operator", &changed, info.lower, info.upper * (1.0 - 1e-6)));
  changed = found;
  changed.q[0] += 0.05;
  assert_false(judged(&c, "operator", &changed, info.lower, info.upper));
  changed = found;
  changed.contraction[1] += 0.05;
  assert_false(judged(&c, "operator", &changed, info.lower, info.upper));
  c.m1[0] += 1e-6;
  assert_false(judged(&c, "operator", &found, info.lower, info.upper));
}

/* 4 I and I, C = 1.25 I: tr(4 I + I - 4 C) would be zero, but no coupling has that K. */
static void an_expansion_proves_nothing(void **state) {
  (void)state;
  static test_coupling claim;
  const double four[2] = {4.0, 4.0}, one[2] = {1.0, 1.0};
  const test_normals c = diagonal_pair(2, four, one);
  memset(&claim, 0, sizeof claim);
  claim.contraction[0] = claim.contraction[3] = 1.25;
  assert_false(judged(&c, "trace", &claim, 0.0, 1.0));
  assert_true(judged(&c, "trace", &claim, 0.0, 2.0 + 1e-12));
}

/* ---- clouds ---- */

/* The clouds' distance approaches that of the Gaussians; both are lower than with the fit's error.
 */
static void samples_agree_within_sampling_error(void **state) {
  (void)state;
  wg_rng rng = {14};
  test_clouds clouds = test_random_clouds(&rng, 400, 400, 2, false);
  for (int64_t i = 0; i < 400; i++) clouds.y[2 * i] = 2.0 * clouds.y[2 * i] + 1.0;
  test_normals c = {.d = 2};
  assert_int_equal(wg_gaussian_fit(400, 2, clouds.x, NULL, c.m0, c.s0), WG_OK);
  assert_int_equal(wg_gaussian_fit(400, 2, clouds.y, NULL, c.m1, c.s1), WG_OK);
  const char *const some[] = {"trace", "frobenius", "operator"};
  for (int k = 0; k < 3; k++) {
    const double fitted = test_gaussian_certified(&c, some[k], 1e-10).w;
    const double sampled = test_distance(&clouds, some[k], 1e-5).w;
    assert_true(fitted <= sampled * (1.0 + 1e-5)); /* Gelbrich: the moments' part is less */
    assert_near(sampled, fitted, 0.15 * fitted);
  }
  test_free_clouds(&clouds);
}

/* ---- bad inputs ---- */

static void refuse(test_normals c, const char *gauge, int status, const char *words) {
  const int found =
      wg_gaussian(c.d, c.m0, c.s0, c.m1, c.s1, gauge, NULL, NULL, NULL, NULL, NULL, NULL);
  if (found != status || !strstr(wg_error_detail(), words))
    fail_msg("status %d, not %d: %s", found, status, wg_error_detail());
}

static void bad_inputs_are_named(void **state) {
  (void)state;
  wg_rng rng = {15};
  const test_normals good = test_random_normals(&rng, 3);
  test_normals c = good;
  c.s0[1] += 1e-3;
  refuse(c, "operator", WG_ERR_INPUT, "cov0 is not symmetric: entry [1, 0]");
  c = good;
  c.s1[0] = -1.0;
  refuse(c, "operator", WG_ERR_INPUT, "cov1 is not positive semidefinite");
  c = good;
  c.s1[4] = NAN;
  refuse(c, "operator", WG_ERR_INPUT, "cov1[1, 1] = nan");
  c = good;
  c.m1[2] = INFINITY;
  refuse(c, "operator", WG_ERR_INPUT, "mean1[2] = inf");
  refuse(good, "kyfan:7", WG_ERR_INPUT, "7");
  refuse(good, "cone", WG_ERR_ARGUMENT, "cone");
  c = good;
  c.d = 0;
  refuse(c, "operator", WG_ERR_INPUT, "d = 0");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trace_is_bures),
      cmocka_unit_test(commuting_covariances_have_a_closed_form),
      cmocka_unit_test(one_dimension_is_the_line),
      cmocka_unit_test(diracs_and_translates),
      cmocka_unit_test(every_gauge_is_certified),
      cmocka_unit_test(singular_covariances_are_certified),
      cmocka_unit_test(symmetric_scaled_and_rotated),
      cmocka_unit_test(the_triangle_inequality_holds),
      cmocka_unit_test(it_decreases_in_p_and_increases_in_k),
      cmocka_unit_test(geodesics_have_constant_speed),
      cmocka_unit_test(the_map_carries_one_to_the_other),
      cmocka_unit_test(below_one_is_an_honest_interval),
      cmocka_unit_test(tampered_claims_are_refused),
      cmocka_unit_test(an_expansion_proves_nothing),
      cmocka_unit_test(samples_agree_within_sampling_error),
      cmocka_unit_test(bad_inputs_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
