/* What the solver's tests share: random clouds, and solves whose bounds are always re-derived. */
#ifndef WG_TEST_SUPPORT_H
#define WG_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* after the headers it needs */

#include "base/base.h"

typedef struct test_clouds {
  int64_t n, m, d;
  double *x, *a, *y, *b; /* a, b: NULL for uniform */
} test_clouds;

static inline double *test_numbers(int64_t count) {
  double *numbers = calloc((size_t)count + 1, sizeof *numbers);
  assert_non_null(numbers);
  return numbers;
}

static inline double *test_weights(wg_rng *rng, int64_t count) {
  double *weights = test_numbers(count), sum = 0.0;
  for (int64_t i = 0; i < count; i++) sum += weights[i] = 0.05 + wg_rng_uniform(rng);
  for (int64_t i = 0; i < count; i++) weights[i] /= sum;
  return weights;
}

/* Two Gaussian clouds, the second stretched and shifted; weighted: random weights. */
static inline test_clouds test_random_clouds(wg_rng *rng, int64_t n, int64_t m, int64_t d,
                                             bool weighted) {
  test_clouds c = {n, m, d, test_numbers(n * d), NULL, test_numbers(m * d), NULL};
  for (int64_t i = 0; i < n * d; i++) c.x[i] = wg_rng_normal(rng);
  for (int64_t i = 0; i < m * d; i++)
    c.y[i] = wg_rng_normal(rng) * (1.0 + 0.3 * (double)(i % d)) + 0.4;
  if (weighted) {
    c.a = test_weights(rng, n);
    c.b = test_weights(rng, m);
  }
  return c;
}

static inline void test_free_clouds(test_clouds *c) {
  free(c->x);
  free(c->a);
  free(c->y);
  free(c->b);
}

static inline wg_solver *test_setup(const test_clouds *c, const char *gauge, double tol) {
  wg_settings settings;
  wg_solver *solver;
  wg_settings_init(&settings);
  settings.tol = tol;
  settings.threads = 1;
  int status = wg_setup(&solver, c->n, c->m, c->d, c->x, c->a, c->y, c->b, gauge, &settings);
  if (status < 0) fail_msg("setup: %s", wg_error_detail());
  return solver;
}

/* Solves, has certify/ re-derive the claim from the certificate, and returns what was claimed. */
static inline wg_info test_solve(wg_solver *solver) {
  wg_info info;
  wg_certificate certificate;
  wg_verdict verdict;
  if (wg_solve(solver, &info) < 0) fail_msg("solve: %s", wg_error_detail());
  assert_int_equal(wg_get_certificate(solver, &certificate), WG_OK);
  assert_int_equal(wg_verify(&certificate, 1, &verdict), WG_OK);
  if (!verdict.valid) fail_msg("the certificate is refused: %s", verdict.finding);
  assert_true(info.lower <= info.upper && info.lower >= 0);
  return info;
}

static inline wg_info test_distance(const test_clouds *c, const char *gauge, double tol) {
  wg_solver *solver = test_setup(c, gauge, tol);
  wg_info info = test_solve(solver);
  wg_free(solver);
  return info;
}

static inline void assert_certified(wg_info info, double tol) {
  if (info.outcome != WG_CERTIFIED || !(info.gap <= tol))
    fail_msg("outcome %s, gap %.3g after %lld calls (tolerance %.1e)",
             wg_outcome_text(info.outcome), info.gap, (long long)info.oracle_calls, tol);
}

/* cmocka's assert_float_equal compares in single precision: 1e-7 is the finest it sees. */
static inline void assert_near(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance))
    fail_msg("%.17g is not %.17g within %.1e", value, expected, tolerance);
}

#endif
