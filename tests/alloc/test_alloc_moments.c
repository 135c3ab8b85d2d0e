/* Every allocation of a flow of moments fails once: the call says so, nothing leaks, and the next
 * one works. */
#include "support.h"

static int run(int which, wg_moments **flow) {
  const double mean[2] = {1, 0}, cov[4] = {2, 0.3, 0.3, 1}, other[4] = {1, 0, 0, 3};
  const double s = 1.0, r = 0.1, beta = 5.0, target = 0.7, times[2] = {0.0, 0.02};
  switch (which) {
    case 0: return wg_moments_kl(2, mean, cov, mean, other, "schatten:1.5", 2, times, NULL, flow);
    case 1: return wg_moments_linear(1, 1, NULL, cov, &target, "operator", 2, times, NULL, flow);
    case 2: return wg_moments_affine(2, mean, cov, other, mean, "trace", 2, times, NULL, flow);
    default: return wg_moments_modal(1, &s, &r, &beta, "operator", 2, times, NULL, flow);
  }
}

static void every_failure_is_survived(void **state) {
  (void)state;
  for (int which = 0; which < 4; which++) {
    wg_moments *flow;
    wg_fail_allocation(0);
    assert_int_equal(run(which, &flow), WG_CERTIFIED);
    wg_moments_free(flow);
    const long count = wg_allocation_count();
    assert_true(count > 10);
    for (long k = 1; k <= count; k++) {
      wg_fail_allocation(k);
      const int status = run(which, &flow);
      wg_fail_allocation(0);
      if (status != WG_ERR_MEMORY) fail_msg("flow %d, allocation %ld: status %d", which, k, status);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_is_survived)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
