/* The dense twin itself: against all permutations, against values of two other exact solvers, and
 * where every tie there can be is one. What agrees with the twin elsewhere agrees with these. */
#include "support.h"
#include "transport.h"

#include <jansson.h>

#include "io/io.h"
#include "measure/measure.h"

enum { MOST_UNITS = 7 };

/* ---- all permutations ---- */

/* The least cost of giving each unit of mass in units[at..count) a column unit of its own. */
static double try_all(const double *cost, int64_t m, int64_t count, const int64_t *row_of,
                      int64_t *col_of, int64_t at) {
  if (at == count) return 0.0;
  double least = INFINITY;
  for (int64_t k = at; k < count; k++) {
    const int64_t taken = col_of[k];
    col_of[k] = col_of[at];
    col_of[at] = taken;
    least = WG_MIN(least,
                   cost[row_of[at] * m + taken] + try_all(cost, m, count, row_of, col_of, at + 1));
    col_of[at] = col_of[k];
    col_of[k] = taken;
  }
  return least;
}

/* Splits `units` into masses of at least one; of[k]: whose unit k is. */
static void split_units(wg_rng *rng, int64_t units, int64_t count, int64_t *mass, int64_t *of) {
  for (int64_t k = 0; k < units; k++) {
    of[k] = k < count ? k : (int64_t)((double)count * wg_rng_uniform(rng));
    mass[of[k]]++;
  }
}

static void permutations_find_nothing_better(void **state) {
  (void)state;
  wg_rng rng = {1};
  for (int trial = 0; trial < 200; trial++) {
    const int64_t units = 1 + trial % MOST_UNITS;
    const bool is_split = trial % 2;
    const int64_t n = is_split ? 1 + (int64_t)((double)units * wg_rng_uniform(&rng)) : units;
    const int64_t m = is_split ? 1 + (int64_t)((double)units * wg_rng_uniform(&rng)) : units;
    int64_t row_of[MOST_UNITS], col_of[MOST_UNITS];
    problem p = make_problem(n, m, 2);
    double cost[MOST_UNITS * MOST_UNITS];
    if (trial % 3)
      gaussian_points(&rng, &p);
    else
      grid_points(&rng, &p);
    split_units(&rng, units, n, p.supply, row_of);
    split_units(&rng, units, m, p.demand, col_of);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < m; j++) cost[i * m + j] = pair(&p, i, j);
    const double least = try_all(cost, m, units, row_of, col_of, 0);
    assert_near(dense_value(&p), least, 1e-13 * least);
    free_problem(&p);
  }
}

/* ---- the golden clouds ---- */

static wg_io_array load(wg_mem *mem, const char *instance, const char *name) {
  char path[4096];
  wg_io_array array;
  snprintf(path, sizeof path, WG_SOURCE_DIR "/tests/golden/clouds/%s/%s.npy", instance, name);
  if (wg_io_read(mem, path, NULL, &array) < 0) fail_msg("%s", wg_error_detail());
  return array;
}

static void check_golden(const char *instance, double pot, double scipy) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  const wg_io_array x = load(&mem, instance, "x"), y = load(&mem, instance, "y");
  const wg_io_array a = load(&mem, instance, "a"), b = load(&mem, instance, "b");
  wg_cloud cx, cy;
  wg_masses total;
  assert_int_equal(wg_measure_pair(&mem, x.shape[0], y.shape[0], x.shape[1], x.data, a.data, y.data,
                                   b.data, &cx, &cy, &total),
                   WG_OK);
  const problem p = {cx.n, cy.n, cx.d, cx.points, cy.points, cx.mass, cy.mass};
  const double value = dense_value(&p) / (double)total.total;
  assert_near(value, pot, 1e-13 * pot);
  assert_near(value, scipy, 1e-13 * scipy);
  wg_mem_clear(&mem);
}

static void the_golden_values_are_met(void **state) {
  (void)state;
  json_error_t error;
  json_t *file = json_load_file(WG_SOURCE_DIR "/tests/golden/transport.json", 0, &error), *value;
  assert_non_null(file);
  size_t index;
  const json_t *values = json_object_get(file, "values");
  assert_int_equal(json_array_size(values), 5);
  json_array_foreach(values, index, value) {
    check_golden(json_string_value(json_object_get(value, "instance")),
                 json_number_value(json_object_get(value, "pot")),
                 json_number_value(json_object_get(value, "scipy")));
  }
  json_decref(file);
}

/* ---- ties ---- */

/* Equal masses on a grid of three points a side: nearly all pivots would move no mass, but for the
 * infinitesimals. Sums of costs are exact, and marginals come out to the last unit. */
static void ties_do_not_cycle(void **state) {
  (void)state;
  wg_rng rng = {2};
  for (int trial = 0; trial < 50; trial++) {
    const int64_t n = 2 + trial, m = trial % 3 ? n : 52 - trial;
    problem p = make_problem(n, m, 3);
    double *cost = test_numbers(n * m);
    int64_t *flow = masses(n * m), *cols = masses(m);
    grid_points(&rng, &p);
    equal_masses(&p);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < m; j++) cost[i * m + j] = pair(&p, i, j);
    dense_transport(n, m, cost, p.supply, p.demand, flow);
    for (int64_t i = 0; i < n; i++) {
      int64_t row = 0;
      for (int64_t j = 0; j < m; j++) {
        assert_true(flow[i * m + j] >= 0);
        row += flow[i * m + j];
        cols[j] += flow[i * m + j];
      }
      assert_int_equal(row, p.supply[i]);
    }
    assert_memory_equal(cols, p.demand, (size_t)m * sizeof *cols);
    free(cost);
    free(flow);
    free(cols);
    free_problem(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(permutations_find_nothing_better),
      cmocka_unit_test(the_golden_values_are_met),
      cmocka_unit_test(ties_do_not_cycle),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
