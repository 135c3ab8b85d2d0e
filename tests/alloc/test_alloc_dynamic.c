/* Every allocation of a solve on a grid fails once: the call says so, nothing leaks, and the next
 * one works. */
#include "grids.h"

static int run(const test_grid *g, const char *gauge, int64_t memory_limit) {
  wg_dynamic_settings settings;
  wg_dynamic_solution *solution = NULL;
  wg_dynamic_settings_init(&settings);
  settings.steps = 3;
  settings.max_iterations = 2;
  settings.threads = 1;
  settings.memory_limit = memory_limit;
  const int status = wg_dynamic(g->d, g->shape, g->spacing, g->mass[0], g->mass[1], gauge,
                                &settings, NULL, &solution);
  wg_dynamic_free(solution);
  return status;
}

static void every_failure_is_survived(void **state) {
  (void)state;
  const char *const gauges[] = {"trace", "operator", "max:trace@1/1,trace@1/0.5"};
  const double here[2] = {2, 3}, there[2] = {4, 3}, wide[2] = {1, 1};
  test_grid g = test_gaussians(2, 5, 6.0, here, wide, there, wide);
  for (int n = 0; n < 3; n++) {
    wg_fail_allocation(0);
    assert_true(run(&g, gauges[n], 0) >= 0);
    const long count = wg_allocation_count();
    assert_true(count > 15);
    for (long k = 1; k <= count; k++) {
      wg_fail_allocation(k);
      const int status = run(&g, gauges[n], 0);
      wg_fail_allocation(0);
      if (status != WG_ERR_MEMORY) fail_msg("%s: allocation %ld: status %d", gauges[n], k, status);
    }
    assert_true(run(&g, gauges[n], 0) >= 0);
  }
  assert_int_equal(run(&g, "trace", 20000), WG_ERR_MEMORY_LIMIT);
  test_free_grid(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_is_survived)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
