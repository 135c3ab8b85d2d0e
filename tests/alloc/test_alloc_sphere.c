/* Every allocation of a solve on the sphere fails once: the call says so, nothing leaks, and the
 * next one works. */
#include "measures.h"

static int run(const test_measure *a, const test_measure *b, const char *gauge) {
  wg_settings settings;
  wg_sphere_solution *solution = NULL;
  wg_settings_init(&settings);
  settings.tol = 1e-3;
  settings.threads = 1;
  const int status = wg_sphere(a->n, b->n, a->d, a->w, a->mass, b->w, b->mass, gauge, 0, &settings,
                               NULL, &solution);
  wg_sphere_free(solution);
  return status;
}

static void fail_each(const test_measure *a, const test_measure *b, const char *gauge,
                      long stride) {
  wg_fail_allocation(0);
  assert_true(run(a, b, gauge) >= 0);
  const long count = wg_allocation_count();
  assert_true(count > 20);
  for (long k = 1; k <= count; k += stride) {
    wg_fail_allocation(k);
    const int status = run(a, b, gauge);
    wg_fail_allocation(0);
    if (status != WG_ERR_MEMORY) fail_msg("%s: allocation %ld: status %d", gauge, k, status);
  }
  assert_true(run(a, b, gauge) >= 0);
}

static void every_failure_is_survived(void **state) {
  (void)state;
  wg_rng rng = {61};
  test_measure a = test_atoms(&rng, 5, 3, 1.0), b = test_atoms(&rng, 6, 3, 1.5);
  test_measure c = test_atoms(&rng, 105, 3, 1.0), e = test_atoms(&rng, 100, 3, 1.5);
  fail_each(&a, &b, "trace", 1);
  fail_each(&a, &b, "operator", 3);
  fail_each(&c, &e, "frobenius", 61); /* the pool grows */
  test_free_measure(&a);
  test_free_measure(&b);
  test_free_measure(&c);
  test_free_measure(&e);
}

static void a_limit_is_kept(void **state) {
  (void)state;
  wg_rng rng = {62};
  test_measure a = test_atoms(&rng, 50, 3, 1.0);
  wg_settings settings;
  wg_settings_init(&settings);
  settings.memory_limit = 20000;
  assert_int_equal(
      wg_sphere(a.n, a.n, 3, a.w, a.mass, a.w, a.mass, "trace", 0, &settings, NULL, NULL),
      WG_ERR_MEMORY_LIMIT);
  test_free_measure(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_is_survived),
                                     cmocka_unit_test(a_limit_is_kept)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
