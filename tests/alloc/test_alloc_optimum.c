/* Every allocation of the questions about an optimum fails once: the call says so, leaves nothing
 * behind, and the next one has the answer. */
#include "support.h"

typedef struct answers {
  wg_structure structure;
  wg_uniqueness uniqueness;
  wg_block_structure block;
  double values[8], rows[8], x[8], y[8];
} answers;

static int ask(const wg_solver *solver, answers *found) {
  memset(found, 0, sizeof *found);
  WG_TRY(wg_get_structure(solver, &found->structure));
  WG_TRY(wg_get_block(solver, 0, &found->block));
  WG_TRY(wg_get_spectra(solver, NULL, found->values, found->rows));
  WG_TRY(wg_project(solver, 2, found->x, found->y));
  return wg_get_gradients(solver, found->x, found->y, found->values, found->rows,
                          &found->uniqueness);
}

static void fail_each(const test_clouds *c, const char *gauge) {
  wg_solver *solver = test_setup(c, gauge, 1e-9);
  answers expected, found;
  test_solve(solver);
  wg_fail_allocation(0);
  assert_int_equal(ask(solver, &expected), WG_OK);
  const long count = wg_allocation_count();
  assert_true(count > 20);
  for (long k = 1; k <= count; k++) {
    wg_fail_allocation(k);
    const int status = ask(solver, &found);
    wg_fail_allocation(0);
    if (status != WG_ERR_MEMORY) fail_msg("%s: allocation %ld: status %d", gauge, k, status);
  }
  assert_int_equal(ask(solver, &found), WG_OK);
  assert_memory_equal(&found.uniqueness, &expected.uniqueness, sizeof found.uniqueness);
  wg_free(solver);
}

static void questions_survive_every_failure(void **state) {
  (void)state;
  double corners[] = {1, 1, -1, 1, -1, -1, 1, -1}, axes[] = {1, 0, 0, 1, -1, 0, 0, -1};
  const test_clouds square = {4, 4, 2, corners, NULL, axes, NULL};
  fail_each(&square, "operator");
  fail_each(&square, "trace");
  fail_each(&square, "max:frobenius@1,operator@1");
  double x[] = {0, 0}, y[] = {1, 1, 1, -1, -1, 1, -1, -1};
  const test_clouds fan = {1, 4, 2, x, NULL, y, NULL};
  fail_each(&fan, "operator");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(questions_survive_every_failure)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
