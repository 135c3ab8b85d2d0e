/* Every allocation of a solve fails once: the call says so, nothing leaks, and what existed before
 * still works. */
#include "support.h"

static int run_to(const test_clouds *c, const char *gauge, double tol) {
  wg_settings settings;
  wg_solver *solver;
  wg_settings_init(&settings);
  settings.threads = 2;
  settings.tol = tol;
  int status = wg_setup(&solver, c->n, c->m, c->d, c->x, c->a, c->y, c->b, gauge, &settings);
  if (status < 0) return status;
  status = wg_solve(solver, NULL);
  wg_free(solver);
  return status;
}

static void fail_each_to(const test_clouds *c, const char *gauge, double tol, long stride) {
  wg_fail_allocation(0);
  assert_true(run_to(c, gauge, tol) >= 0);
  const long count = wg_allocation_count();
  assert_true(count > 20);
  for (long k = 1; k <= count; k += stride) {
    wg_fail_allocation(k);
    int status = run_to(c, gauge, tol);
    wg_fail_allocation(0);
    if (status != WG_ERR_MEMORY) fail_msg("allocation %ld of %ld: status %d", k, count, status);
  }
  assert_true(run_to(c, gauge, tol) >= 0);
}

static void fail_each(const test_clouds *c, const char *gauge, long stride) {
  fail_each_to(c, gauge, 1e-4, stride);
}

static void small_solves_survive_every_failure(void **state) {
  (void)state;
  wg_rng rng = {41};
  test_clouds c = test_random_clouds(&rng, 9, 8, 2, true);
  memcpy(c.x, c.x + 2, 2 * sizeof(double)); /* a duplicate */
  fail_each(&c, "operator", 1);
  fail_each(&c, "max:schatten:3@1,operator@1/2", 1);
  fail_each(&c, "schatten:0.5", 1);
  test_free_clouds(&c);
}

/* Large enough for the coarse-to-fine start. */
static void larger_solves_survive_failures(void **state) {
  (void)state;
  wg_rng rng = {42};
  test_clouds c = test_random_clouds(&rng, 350, 310, 2, true);
  fail_each(&c, "frobenius", 13);
  test_free_clouds(&c);
}

/* Enough columns for the interior point on arcs. */
static void solves_on_arcs_survive_failures(void **state) {
  (void)state;
  wg_rng rng = {44};
  test_clouds c = test_random_clouds(&rng, 40, 35, 20, false);
  fail_each_to(&c, "kyfan:10", 1e-9, 7919);
  test_free_clouds(&c);
}

/* Enough points for a coarser problem to say where Q is. */
static void coarse_starts_survive_failures(void **state) {
  (void)state;
  wg_rng rng = {45};
  test_clouds c = test_random_clouds(&rng, 420, 410, 2, true);
  fail_each(&c, "operator", 101);
  test_free_clouds(&c);
}

static int solve_pairs(const test_clouds *c, int threads) {
  const wg_points clouds[] = {{c->n, c->x, c->a}, {c->m, c->y, c->b}, {c->n, c->x, NULL}};
  wg_settings settings;
  wg_settings_init(&settings);
  settings.threads = threads;
  settings.tol = 1e-4;
  return wg_pairwise(3, c->d, clouds, "operator", &settings, NULL, NULL, NULL, NULL);
}

/* Whichever of two workers is refused, the call says so. */
static void pairs_survive_failures(void **state) {
  (void)state;
  wg_rng rng = {45};
  test_clouds c = test_random_clouds(&rng, 9, 8, 2, true);
  for (int threads = 1; threads <= 2; threads++) {
    wg_fail_allocation(0);
    assert_int_equal(solve_pairs(&c, threads), WG_CERTIFIED);
    const long count = wg_allocation_count();
    for (long k = 1; k <= count; k += 7) {
      wg_fail_allocation(k);
      assert_int_equal(solve_pairs(&c, threads), WG_ERR_MEMORY);
      assert_non_null(strstr(wg_error_detail(), "out of memory"));
      wg_fail_allocation(0);
    }
  }
  test_free_clouds(&c);
}

static void a_failed_change_leaves_the_solver_as_it_was(void **state) {
  (void)state;
  wg_rng rng = {43};
  test_clouds c = test_random_clouds(&rng, 20, 20, 3, false);
  wg_solver *solver = test_setup(&c, "operator", 1e-6);
  wg_info before = test_solve(solver);
  for (int64_t i = 0; i < 60; i++) c.y[i] += 1.0;
  for (long k = 1;; k++) {
    wg_fail_allocation(k);
    int status = wg_set_points(solver, c.x, c.y);
    wg_fail_allocation(0);
    if (status == WG_OK) break;
    assert_int_equal(status, WG_ERR_MEMORY);
    wg_plan plan;
    assert_int_equal(wg_get_plan(solver, &plan), WG_OK);
    wg_info again = test_solve(solver);
    assert_true(again.lower <= before.upper && before.lower <= again.upper);
  }
  wg_info after = test_solve(solver);
  assert_true(after.lower > before.upper);
  wg_free(solver);
  test_free_clouds(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_solves_survive_every_failure),
      cmocka_unit_test(larger_solves_survive_failures),
      cmocka_unit_test(solves_on_arcs_survive_failures),
      cmocka_unit_test(coarse_starts_survive_failures),
      cmocka_unit_test(pairs_survive_failures),
      cmocka_unit_test(a_failed_change_leaves_the_solver_as_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
