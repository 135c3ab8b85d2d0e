/* Every allocation of an energy along a geodesic, of a Poincare constant and of a flow on the
 * sphere fails once. */
#include "support.h"

/* An energy keeps its scratch, so each run begins with a new one. */
static int along(const wg_solver *solver) {
  double energies[3], rounding;
  wg_energy *energy;
  int status = wg_energy_potential(&energy, "quadratic", 0, NULL, NULL);
  if (status == WG_OK) status = wg_energy_along(energy, solver, 3, energies);
  if (status == WG_OK) status = wg_energy_rounding(energy, solver, &rounding);
  wg_energy_free(energy);
  return status;
}

static int poincare(const wg_solver *solver) {
  wg_poincare_info info;
  (void)solver;
  return wg_poincare(4.0, "frobenius", 0.1, &info);
}

static int on_sphere(const wg_solver *solver) {
  double w[4] = {1.0, 0.0, 0.6, 0.8}, mass[2] = {1.0, 2.0};
  wg_energy *energy;
  (void)solver;
  int status = wg_energy_potential(&energy, "quadratic", 0, NULL, NULL);
  if (status == WG_OK)
    status = wg_sphere_flow(energy, 2, 2, w, mass, "operator", 0.1, 0.1, NULL, NULL);
  wg_energy_free(energy);
  return status;
}

static void fail_each(int (*run)(const wg_solver *solver), const wg_solver *solver) {
  wg_fail_allocation(0);
  assert_int_equal(run(solver), WG_OK);
  const long count = wg_allocation_count();
  assert_true(count >= 2);
  for (long k = 1; k <= count; k++) {
    wg_fail_allocation(k);
    const int status = run(solver);
    wg_fail_allocation(0);
    if (status != WG_ERR_MEMORY) fail_msg("allocation %ld: status %d", k, status);
  }
  assert_int_equal(run(solver), WG_OK);
}

static void every_failure_is_survived(void **state) {
  (void)state;
  wg_rng rng = {71};
  test_clouds c = test_random_clouds(&rng, 5, 6, 2, false);
  wg_solver *solver = test_setup(&c, "operator", 1e-6);
  test_solve(solver);
  fail_each(along, solver);
  fail_each(poincare, solver);
  fail_each(on_sphere, solver);
  wg_free(solver);
  test_free_clouds(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_is_survived)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
