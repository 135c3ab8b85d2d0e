/* What the barycentres' tests share: random Gaussians, and solves whose bounds are always
 * re-derived. */
#ifndef WG_TEST_BARYCENTRES_H
#define WG_TEST_BARYCENTRES_H

#include "normals.h"

enum { TEST_MOST_COUNT = 6, TEST_MOST_BARY = 6 };
enum { TEST_BARY_SQUARES = TEST_MOST_COUNT * TEST_MOST_BARY * TEST_MOST_BARY };

typedef struct test_gaussians {
  int64_t count, d;
  double weights[TEST_MOST_COUNT], means[TEST_MOST_COUNT * TEST_MOST_BARY];
  double covs[TEST_BARY_SQUARES];
} test_gaussians;

typedef struct test_barycentre {
  wg_barycentre_info info;
  double mean[TEST_MOST_BARY], cov[TEST_MOST_BARY * TEST_MOST_BARY];
  double contractions[TEST_BARY_SQUARES], q[TEST_BARY_SQUARES], y[TEST_BARY_SQUARES];
  double distances[2 * TEST_MOST_COUNT];
} test_barycentre;

static inline test_gaussians test_random_gaussians(wg_rng *rng, int64_t count, int64_t d,
                                                   int64_t rank) {
  test_gaussians g = {.count = count, .d = d};
  double sum = 0.0;
  for (int64_t k = 0; k < count; k++) sum += g.weights[k] = 0.2 + wg_rng_uniform(rng);
  for (int64_t k = 0; k < count; k++) {
    g.weights[k] /= sum;
    for (int64_t i = 0; i < d; i++) g.means[k * d + i] = 0.5 * wg_rng_normal(rng);
    test_covariance(rng, d, rank, 20.0, g.covs + k * d * d);
  }
  return g;
}

static inline int test_judge(const test_gaussians *g, const char *gauge, const test_barycentre *b,
                             double lower, double upper, wg_verdict *verdict) {
  return wg_gaussian_barycentre_verify(g->count, g->d, g->means, g->covs, g->weights, gauge,
                                       b->mean, b->cov, b->contractions, b->q, b->y, lower, upper,
                                       verdict);
}

/* Solves to tol and has the claim judged; fails the test unless it is certified. */
static inline void test_solve_barycentre(const test_gaussians *g, const char *gauge, double tol,
                                         test_barycentre *b) {
  wg_verdict verdict;
  wg_settings settings;
  wg_settings_init(&settings);
  settings.tol = tol;
  if (wg_gaussian_barycentre(g->count, g->d, g->means, g->covs, g->weights, gauge, &settings,
                             &b->info, b->mean, b->cov, b->contractions, b->q, b->y,
                             b->distances) < 0)
    fail_msg("%s: %s", gauge, wg_error_detail());
  if (test_judge(g, gauge, b, b->info.lower, b->info.upper, &verdict) < 0)
    fail_msg("%s: %s", gauge, wg_error_detail());
  if (!verdict.valid) fail_msg("%s: refused: %s", gauge, verdict.finding);
  if (b->info.outcome != WG_CERTIFIED || !(b->info.gap <= tol))
    fail_msg("%s, d = %lld: %s, gap %.3g after %lld steps", gauge, (long long)g->d,
             wg_outcome_text(b->info.outcome), b->info.gap, (long long)b->info.steps);
}

#endif
