/* The transport engine against its dense twin, and its kernels against plain loops. */
#include "support.h"
#include "transport.h"

static void solve_and_compare(const problem *p) {
  wg_context context = {.threads = 2};
  wg_ot *ot = solve_cold(&context, p, INFINITY);
  double value = check_solution(p, ot), expected = dense_value(p);
  assert_near(value, expected, 1e-12 * fabs(expected));
  assert_true(wg_ot_last_stats(ot).rounds < 60);
  wg_ot_free(ot);
  assert_int_equal(context.ledger.now, 0);
}

static void gaussian_clouds_match_the_dense_twin(void **state) {
  (void)state;
  wg_rng rng = {1};
  for (int trial = 0; trial < 40; trial++) {
    problem p = make_problem(1 + trial, 1 + (7 * trial) % 45, 1 + trial % 6);
    gaussian_points(&rng, &p);
    if (trial % 2)
      spread_masses(&rng, &p, trial % 3 ? 12 : 1);
    else
      equal_masses(&p);
    solve_and_compare(&p);
    free_problem(&p);
  }
}

static void ties_and_duplicates_match_the_dense_twin(void **state) {
  (void)state;
  wg_rng rng = {2};
  for (int trial = 0; trial < 20; trial++) {
    problem p = make_problem(30, 20 + trial, 2 + trial % 2);
    grid_points(&rng, &p);
    if (trial % 2)
      spread_masses(&rng, &p, 6);
    else
      equal_masses(&p);
    solve_and_compare(&p);
    free_problem(&p);
  }
}

static void degenerate_clouds_are_solved(void **state) {
  (void)state;
  wg_rng rng = {3};
  const int64_t shapes[][3] = {{1, 1, 3},   {1, 40, 2},  {40, 1, 2}, {50, 2, 3},
                               {64, 64, 2}, {65, 63, 0}, {40, 40, 1}};
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
    problem p = make_problem(shapes[k][0], shapes[k][1], shapes[k][2]); /* all points zero */
    equal_masses(&p);
    solve_and_compare(&p);
    for (int64_t i = 0; i < p.n * p.r; i++) p.z[i] = wg_rng_normal(&rng);
    spread_masses(&rng, &p, 12);
    solve_and_compare(&p);
    free_problem(&p);
  }
}

/* n large enough for the coarse-to-fine start; optimality is checked by the duals. */
static void larger_problems_close_the_gap(void **state) {
  (void)state;
  wg_rng rng = {4};
  for (int trial = 0; trial < 6; trial++) {
    problem p = make_problem(700, 500 + 50 * trial, 2 + 2 * (trial % 3));
    if (trial == 5)
      grid_points(&rng, &p);
    else
      gaussian_points(&rng, &p);
    if (trial % 2)
      spread_masses(&rng, &p, 9);
    else
      equal_masses(&p);
    wg_context context = {.threads = 2};
    wg_ot *ot = solve_cold(&context, &p, INFINITY);
    check_solution(&p, ot);
    wg_ot_free(ot);
    free_problem(&p);
  }
}

/* n large enough for the tree of kdtree.c to price; all pairs are checked plainly. */
static void the_plane_is_priced_by_a_tree(void **state) {
  (void)state;
  wg_rng rng = {5};
  for (int weighted = 0; weighted < 2; weighted++) {
    problem p = make_problem(8200, 8100, 2);
    gaussian_points(&rng, &p);
    if (weighted)
      spread_masses(&rng, &p, 9);
    else
      equal_masses(&p);
    wg_context context = {.threads = 2};
    wg_ot *ot = solve_cold(&context, &p, INFINITY);
    check_solution(&p, ot);
    wg_ot_free(ot);
    free_problem(&p);
  }
}

/* Potentials are sums of thousands of shifts: their rounding must not make basic arcs enter again.
 */
static void rounding_is_not_chased(void **state) {
  (void)state;
  wg_rng rng = {42};
  problem p = make_problem(2000, 2000, 10);
  gaussian_points(&rng, &p);
  for (int64_t i = 0; i < 2000; i++) p.supply[i] = p.demand[i] = 1;
  wg_context context = {.threads = 2};
  wg_ot *ot = solve_cold(&context, &p, INFINITY);
  check_solution(&p, ot);
  assert_true(wg_ot_last_stats(ot).pivots < 25 * 4000);
  wg_ot_free(ot);
  free_problem(&p);
}

/* Warm starts under changing costs end where cold ones do, with far fewer pivots for small changes.
 */
static void warm_starts_reach_the_same_optimum(void **state) {
  (void)state;
  wg_rng rng = {5};
  problem p = make_problem(300, 260, 3);
  gaussian_points(&rng, &p);
  spread_masses(&rng, &p, 3);
  wg_context context = {.threads = 1};
  wg_ot *warm, *cold;
  wg_watch_start(&context.watch, INFINITY, NULL, NULL);
  assert_int_equal(wg_ot_create(&context, p.n, p.m, p.supply, p.demand, &warm), WG_OK);
  assert_int_equal(wg_ot_create(&context, p.n, p.m, p.supply, p.demand, &cold), WG_OK);
  for (int step = 0; step < 8; step++) {
    const double stretch = step < 4 ? 1.001 : 1.4;
    for (int64_t i = 0; i < p.n; i++) p.z[i * 3 + step % 3] *= stretch;
    for (int64_t j = 0; j < p.m; j++) p.w[j * 3 + step % 3] *= stretch;
    assert_int_equal(wg_ot_set_cost(warm, 3, p.z, p.w), WG_OK);
    assert_int_equal(wg_ot_solve(warm), WG_OK);
    wg_ot_forget(cold);
    assert_int_equal(wg_ot_set_cost(cold, 3, p.z, p.w), WG_OK);
    assert_int_equal(wg_ot_solve(cold), WG_OK);
    double value = check_solution(&p, cold);
    assert_near(check_solution(&p, warm), value, 1e-12 * value);
    if (step > 0 && step < 4)
      assert_true(wg_ot_last_stats(warm).pivots * 10 < wg_ot_last_stats(cold).pivots);
  }
  wg_ot_free(warm);
  wg_ot_free(cold);
  free_problem(&p);
}

/* An engine between two ranks of Q: a line, a plane, a line again. */
static void the_rank_of_the_cost_may_change(void **state) {
  (void)state;
  wg_rng rng = {6};
  problem p = make_problem(35, 30, 3);
  spread_masses(&rng, &p, 2);
  gaussian_points(&rng, &p);
  wg_context context = {.threads = 1};
  wg_ot *ot;
  wg_watch_start(&context.watch, INFINITY, NULL, NULL);
  assert_int_equal(wg_ot_create(&context, p.n, p.m, p.supply, p.demand, &ot), WG_OK);
  const int64_t ranks[] = {3, 1, 2, 0, 3, 1};
  for (size_t k = 0; k < sizeof ranks / sizeof *ranks; k++) {
    problem low = p;
    low.r = ranks[k];
    assert_int_equal(wg_ot_set_cost(ot, low.r, low.z, low.w), WG_OK);
    assert_int_equal(wg_ot_solve(ot), WG_OK);
    double expected = dense_value(&low);
    assert_near(check_solution(&low, ot), expected, 1e-12 * expected);
  }
  wg_ot_free(ot);
  free_problem(&p);
}

/* ---- kernels against plain loops ---- */

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void the_scan_finds_the_smallest_reduced_costs(void **state) {
  (void)state;
  wg_rng rng = {7};
  const int64_t shapes[][3] = {{1, 1, 1}, {3, 200, 2}, {130, 65, 7}, {70, 600, 33}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    problem p = make_problem(shapes[s][0], shapes[s][1], shapes[s][2]);
    gaussian_points(&rng, &p);
    equal_masses(&p);
    wg_context context = {.threads = 2};
    wg_mem mem = wg_mem_of(&context.ledger);
    wg_ot *ot;
    assert_int_equal(wg_ot_create(&context, p.n, p.m, p.supply, p.demand, &ot), WG_OK);
    assert_int_equal(wg_ot_set_cost(ot, p.r, p.z, p.w), WG_OK);
    for (int64_t i = 0; i < p.n; i++) ot->rows.dual[i] = wg_rng_normal(&rng);
    for (int64_t j = 0; j < p.m; j++) ot->cols.dual[j] = wg_rng_normal(&rng);
    const int64_t keep = WG_MIN(4, WG_MIN(p.n, p.m));
    wg_best rows, cols;
    assert_int_equal(wg_best_create(&mem, p.n, keep, INFINITY, &rows), WG_OK);
    assert_int_equal(wg_best_create(&mem, p.m, keep, INFINITY, &cols), WG_OK);
    assert_int_equal(wg_scan(ot, &rows, &cols, INFINITY), WG_OK);
    double *all = test_numbers(WG_MAX(p.n, p.m));
    for (int64_t i = 0; i < p.n; i++) {
      for (int64_t j = 0; j < p.m; j++)
        all[j] = pair(&p, i, j) - ot->rows.dual[i] - ot->cols.dual[j];
      qsort(all, (size_t)p.m, sizeof *all, compare_doubles);
      for (int64_t k = 0; k < keep; k++) assert_near(rows.value[i * keep + k], all[k], 1e-12);
    }
    for (int64_t j = 0; j < p.m; j++) {
      for (int64_t i = 0; i < p.n; i++)
        all[i] = pair(&p, i, j) - ot->rows.dual[i] - ot->cols.dual[j];
      qsort(all, (size_t)p.n, sizeof *all, compare_doubles);
      for (int64_t k = 0; k < keep; k++) assert_near(cols.value[j * keep + k], all[k], 1e-12);
    }
    free(all);
    wg_mem_clear(&mem);
    wg_ot_free(ot);
    free_problem(&p);
  }
}

static void the_c_transform_is_the_least_reduced_cost(void **state) {
  (void)state;
  wg_rng rng = {8};
  problem p = make_problem(37, 150, 5);
  gaussian_points(&rng, &p);
  wg_context context = {.threads = 2};
  double *v = test_numbers(p.m), *u = test_numbers(p.n);
  for (int64_t j = 0; j < p.m; j++) v[j] = wg_rng_normal(&rng);
  const wg_side rows = {.count = p.n, .points = p.z},
                columns = {.count = p.m, .points = p.w, .dual = v};
  assert_int_equal(wg_c_transform(&context, p.r, &rows, &columns, u), WG_OK);
  for (int64_t i = 0; i < p.n; i++) {
    double least = INFINITY;
    for (int64_t j = 0; j < p.m; j++) least = WG_MIN(least, pair(&p, i, j) - v[j]);
    assert_near(u[i], least, 1e-4); /* single precision */
  }
  free(u);
  free(v);
  free_problem(&p);
}

/* An interrupted solve still holds a coupling, and duals that are feasible to single precision. */
static void an_interrupted_solve_keeps_exact_marginals(void **state) {
  (void)state;
  wg_rng rng = {9};
  problem p = make_problem(400, 400, 4);
  gaussian_points(&rng, &p);
  spread_masses(&rng, &p, 4);
  wg_context context = {.threads = 1};
  wg_ot *ot = solve_cold(&context, &p, 1e-9);
  assert_int_equal(context.watch.stopped, WG_TIME_LIMIT);
  int32_t *row = calloc(800, sizeof *row), *col = calloc(800, sizeof *col);
  int64_t *flow = masses(800), *rows = masses(400), *cols = masses(400);
  const int64_t count = wg_ot_coupling(ot, row, col, flow);
  for (int64_t e = 0; e < count; e++) {
    rows[row[e]] += flow[e];
    cols[col[e]] += flow[e];
  }
  assert_memory_equal(rows, p.supply, 400 * sizeof *rows);
  assert_memory_equal(cols, p.demand, 400 * sizeof *cols);
  const double *u = wg_ot_row_duals(ot), *v = wg_ot_col_duals(ot);
  for (int64_t i = 0; i < p.n; i++)
    for (int64_t j = 0; j < p.m; j++) assert_true(u[i] + v[j] <= pair(&p, i, j) + 1e-3);
  free(row);
  free(col);
  free(flow);
  free(rows);
  free(cols);
  wg_ot_free(ot);
  free_problem(&p);
}

static int look_on(const wg_progress *progress, void *data) {
  (void)progress;
  (void)data;
  return 0;
}

/* The last round's sentence stays in the watch: no violated arc, and the gap at the optimum. */
static void a_watched_solve_tells_its_rounds(void **state) {
  (void)state;
  wg_rng rng = {10};
  problem p = make_problem(400, 380, 3);
  gaussian_points(&rng, &p);
  spread_masses(&rng, &p, 4);
  wg_context context = {.threads = 1};
  wg_ot *ot;
  int round;
  double gap;
  wg_watch_start(&context.watch, INFINITY, look_on, NULL);
  assert_int_equal(wg_ot_create(&context, p.n, p.m, p.supply, p.demand, &ot), WG_OK);
  assert_int_equal(wg_ot_set_cost(ot, p.r, p.z, p.w), WG_OK);
  assert_int_equal(wg_ot_solve(ot), WG_OK);
  assert_int_equal(
      sscanf(context.watch.text, "transport, round %d: 0 arcs violated, gap %lg", &round, &gap), 2);
  assert_true(round >= 1 && gap < 1e-12);
  wg_ot_free(ot);
  free_problem(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gaussian_clouds_match_the_dense_twin),
      cmocka_unit_test(ties_and_duplicates_match_the_dense_twin),
      cmocka_unit_test(degenerate_clouds_are_solved),
      cmocka_unit_test(larger_problems_close_the_gap),
      cmocka_unit_test(the_plane_is_priced_by_a_tree),
      cmocka_unit_test(rounding_is_not_chased),
      cmocka_unit_test(warm_starts_reach_the_same_optimum),
      cmocka_unit_test(the_rank_of_the_cost_may_change),
      cmocka_unit_test(the_scan_finds_the_smallest_reduced_costs),
      cmocka_unit_test(the_c_transform_is_the_least_reduced_cost),
      cmocka_unit_test(an_interrupted_solve_keeps_exact_marginals),
      cmocka_unit_test(a_watched_solve_tells_its_rounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
