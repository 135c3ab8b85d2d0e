/* What the Gaussians' tests share: random pairs, and solves whose bounds are always re-derived. */
#ifndef WG_TEST_NORMALS_H
#define WG_TEST_NORMALS_H

#include "support.h"

enum { TEST_MOST = 60 };

typedef struct test_normals {
  int64_t d;
  double m0[TEST_MOST], m1[TEST_MOST];
  double s0[TEST_MOST * TEST_MOST], s1[TEST_MOST * TEST_MOST];
} test_normals;

/* s = a a', a d x rank, columns from 1 down to 1 / sqrt(condition). */
static inline void test_covariance(wg_rng *rng, int64_t d, int64_t rank, double condition,
                                   double *s) {
  for (int64_t i = 0; i < d * d; i++) s[i] = 0.0;
  for (int64_t k = 0; k < rank; k++) {
    double v[TEST_MOST];
    const double share = rank > 1 ? pow(condition, -(double)k / (double)(rank - 1)) : 1.0;
    for (int64_t i = 0; i < d; i++) v[i] = wg_rng_normal(rng);
    for (int64_t i = 0; i < d; i++)
      for (int64_t j = 0; j < d; j++) s[i * d + j] += share * v[i] * v[j];
  }
}

static inline test_normals test_random_normals(wg_rng *rng, int64_t d) {
  test_normals c = {.d = d};
  for (int64_t i = 0; i < d; i++) {
    c.m0[i] = 0.3 * wg_rng_normal(rng);
    c.m1[i] = 0.3 * wg_rng_normal(rng);
  }
  test_covariance(rng, d, d, 50.0, c.s0);
  test_covariance(rng, d, d, 50.0, c.s1);
  return c;
}

typedef struct test_coupling {
  double contraction[TEST_MOST * TEST_MOST], k[TEST_MOST * TEST_MOST];
  double q[TEST_MOST * TEST_MOST], map[TEST_MOST * TEST_MOST];
} test_coupling;

/* Solves to tol and has the claim judged; fails the test on an error or a refusal. */
static inline wg_gaussian_info test_gaussian(const test_normals *c, const char *gauge, double tol,
                                             test_coupling *out) {
  static test_coupling own;
  wg_gaussian_info info;
  wg_verdict verdict;
  wg_settings settings;
  if (!out) out = &own;
  wg_settings_init(&settings);
  settings.tol = tol;
  if (wg_gaussian(c->d, c->m0, c->s0, c->m1, c->s1, gauge, &settings, &info, out->contraction,
                  out->k, out->q, out->map) < 0)
    fail_msg("%s: %s", gauge, wg_error_detail());
  if (wg_gaussian_verify(c->d, c->m0, c->s0, c->m1, c->s1, gauge, out->contraction, out->q,
                         info.lower, info.upper, &verdict) < 0)
    fail_msg("%s: %s", gauge, wg_error_detail());
  if (!verdict.valid) fail_msg("%s: refused: %s", gauge, verdict.finding);
  return info;
}

static inline wg_gaussian_info test_gaussian_certified(const test_normals *c, const char *gauge,
                                                       double tol) {
  wg_gaussian_info info = test_gaussian(c, gauge, tol, NULL);
  if (info.outcome != WG_CERTIFIED || !(info.gap <= tol))
    fail_msg("%s, d = %lld: %s, gap %.3g after %lld steps", gauge, (long long)c->d,
             wg_outcome_text(info.outcome), info.gap, (long long)info.steps);
  return info;
}

#endif
