/* Every allocation of a Gaussian solve fails once: the call says so, nothing leaks, and the next
 * one works. */
#include "barycentres.h"

static int run(const test_normals *c, const char *gauge) {
  wg_settings settings;
  wg_settings_init(&settings);
  settings.tol = 1e-4;
  return wg_gaussian(c->d, c->m0, c->s0, c->m1, c->s1, gauge, &settings, NULL, NULL, NULL, NULL,
                     NULL);
}

static void fail_each(const test_normals *c, const char *gauge, long stride) {
  wg_fail_allocation(0);
  assert_true(run(c, gauge) >= 0);
  const long count = wg_allocation_count();
  assert_true(count > 20);
  for (long k = 1; k <= count; k += stride) {
    wg_fail_allocation(k);
    const int status = run(c, gauge);
    wg_fail_allocation(0);
    if (status != WG_ERR_MEMORY) fail_msg("%s: allocation %ld: status %d", gauge, k, status);
  }
  assert_true(run(c, gauge) >= 0);
}

static void every_failure_is_survived(void **state) {
  (void)state;
  wg_rng rng = {51};
  const test_normals c = test_random_normals(&rng, 3), line = test_random_normals(&rng, 2);
  fail_each(&c, "trace", 1);
  fail_each(&c, "kyfan:2", 1);
  fail_each(&c, "schatten:1.5", 1);
  fail_each(&c, "max:schatten:3@2/1,operator@1/2", 1);
  fail_each(&line, "schatten:0.5", 97);
}

static void verdicts_and_fits_survive(void **state) {
  (void)state;
  static test_coupling found;
  wg_rng rng = {52};
  const test_normals c = test_random_normals(&rng, 3);
  const wg_gaussian_info info = test_gaussian(&c, "operator", 1e-6, &found);
  double mean[3], cov[9];
  wg_verdict verdict;
  for (long k = 1;; k++) {
    wg_fail_allocation(k);
    const int status = wg_gaussian_verify(3, c.m0, c.s0, c.m1, c.s1, "operator", found.contraction,
                                          found.q, info.lower, info.upper, &verdict);
    wg_fail_allocation(0);
    if (status == WG_OK) break;
    assert_int_equal(status, WG_ERR_MEMORY);
  }
  assert_int_equal(verdict.valid, 1);
  wg_fail_allocation(1);
  assert_int_equal(wg_gaussian_fit(3, 3, c.s0, NULL, mean, cov), WG_ERR_MEMORY);
  wg_fail_allocation(0);
}

static void batches_survive(void **state) {
  (void)state;
  wg_rng rng = {53};
  const test_normals c = test_random_normals(&rng, 3);
  wg_settings settings;
  double lower, upper;
  int outcome;
  wg_settings_init(&settings);
  settings.threads = 1;
  for (long k = 1;; k++) {
    wg_fail_allocation(k);
    const int status = wg_gaussian_batch(1, 3, c.m0, c.s0, c.m1, c.s1, "kyfan:2", &settings, &lower,
                                         &upper, &outcome, NULL);
    wg_fail_allocation(0);
    if (status >= 0) break;
    assert_int_equal(status, WG_ERR_MEMORY);
  }
  assert_true(lower > 0.0 && lower <= upper);
}

/* The solve, and the verdict on what it found. */
static int run_barycentre(const test_gaussians *g, const char *gauge, test_barycentre *b) {
  wg_settings settings;
  wg_verdict verdict;
  wg_settings_init(&settings);
  settings.tol = 1e-3;
  const int status =
      wg_gaussian_barycentre(g->count, g->d, g->means, g->covs, g->weights, gauge, &settings,
                             &b->info, b->mean, b->cov, b->contractions, b->q, b->y, b->distances);
  if (status < 0) return status;
  return test_judge(g, gauge, b, b->info.lower, b->info.upper, &verdict);
}

static void barycentres_survive(void **state) {
  (void)state;
  static test_barycentre b;
  wg_rng rng = {54};
  const test_gaussians g = test_random_gaussians(&rng, 2, 3, 2);
  const char *const gauges[] = {"operator", "max:schatten:3@2/1,operator@1/2"};
  for (int k = 0; k < 2; k++) {
    wg_fail_allocation(0);
    assert_int_equal(run_barycentre(&g, gauges[k], &b), WG_OK);
    const long count = wg_allocation_count(), stride = WG_MAX(count / 400, 1);
    for (long at = 1; at <= count; at += at < 300 ? 1 : stride) {
      wg_fail_allocation(at);
      const int status = run_barycentre(&g, gauges[k], &b);
      wg_fail_allocation(0);
      if (status != WG_ERR_MEMORY) fail_msg("%s: allocation %ld: %d", gauges[k], at, status);
    }
    assert_int_equal(run_barycentre(&g, gauges[k], &b), WG_OK);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_failure_is_survived), cmocka_unit_test(batches_survive),
      cmocka_unit_test(barycentres_survive), cmocka_unit_test(verdicts_and_fits_survive)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
