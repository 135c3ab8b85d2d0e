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

static wg_ot *make_engine(wg_context *context, const problem *p) {
  wg_ot *ot;
  assert_int_equal(wg_ot_create(context, p->n, p->m, p->supply, p->demand, &ot), WG_OK);
  return ot;
}

static wg_ot_stats solve_again(wg_ot *ot, const problem *p) {
  assert_int_equal(wg_ot_set_cost(ot, p->r, p->z, p->w), WG_OK);
  assert_int_equal(wg_ot_solve(ot), WG_OK);
  return wg_ot_last_stats(ot);
}

static void stretch(problem *p, int64_t k, double factor) {
  for (int64_t i = 0; i < p->n; i++) p->z[i * p->r + k] *= factor;
  for (int64_t j = 0; j < p->m; j++) p->w[j * p->r + k] *= factor;
}

/* After a small change a solve goes on from the old tree; after a large one it does what a fresh
 * engine does, pivot for pivot, in the order of points that suits the new cost. Counts, no times:
 * the choice must not depend on the machine. */
static void a_far_cost_starts_cold(void **state) {
  (void)state;
  wg_rng rng = {12};
  for (int trial = 0; trial < 4; trial++) {
    const int64_t m = trial / 2 ? 1700 : 1300;
    problem p = make_problem(1300, m, trial % 2 ? 2 : 6);
    gaussian_points(&rng, &p);
    if (trial == 1 || trial == 2)
      spread_masses(&rng, &p, 1);
    else
      equal_masses(&p);
    wg_context context = {.threads = 1};
    wg_watch_start(&context.watch, INFINITY, NULL, NULL);
    wg_ot *ot = make_engine(&context, &p), *fresh = make_engine(&context, &p);
    solve_again(ot, &p);
    stretch(&p, 0, 1.001);
    assert_true(solve_again(ot, &p).pivots * 8 < 1300 + m);
    for (int64_t k = 0; k < p.r; k++) stretch(&p, k, k % 2 ? 0.05 : 1.0);
    const wg_ot_stats far = solve_again(ot, &p), cold = solve_again(fresh, &p);
    assert_int_equal(far.pivots, cold.pivots);
    assert_int_equal(far.arcs, cold.arcs);
    check_solution(&p, ot);
    wg_ot_free(ot);
    wg_ot_free(fresh);
    free_problem(&p);
  }
}

/* A small problem pivots sooner than it starts, however far the cost has gone; and the same cost
 * again is not far, though ties and rounding leave arcs on either side of zero. */
static void a_cost_not_far_stays_warm(void **state) {
  (void)state;
  wg_rng rng = {13};
  for (int trial = 0; trial < 2; trial++) {
    problem p = make_problem(trial ? 1200 : 290, trial ? 1100 : 270, 3);
    if (trial)
      grid_points(&rng, &p);
    else
      gaussian_points(&rng, &p);
    spread_masses(&rng, &p, 1);
    wg_context context = {.threads = 1};
    wg_watch_start(&context.watch, INFINITY, NULL, NULL);
    wg_ot *ot = make_engine(&context, &p), *fresh = make_engine(&context, &p);
    solve_again(ot, &p);
    for (int64_t k = 0; trial == 0 && k < 3; k++) stretch(&p, k, k % 2 ? 0.05 : 1.0);
    const wg_ot_stats warm = solve_again(ot, &p), cold = solve_again(fresh, &p);
    if (trial)
      assert_int_equal(warm.pivots, 0);
    else
      assert_true(warm.pivots > cold.pivots);
    check_solution(&p, ot);
    wg_ot_free(ot);
    wg_ot_free(fresh);
    free_problem(&p);
  }
}

/* Coupling and duals of wg_ot_solve_known are feasible and worth the same, on the arcs known: so
 * both are optimal there. */
static void check_known(const problem *p, const wg_ot *ot) {
  const int64_t arcs = wg_ot_last_stats(ot).arcs;
  int32_t *row = calloc((size_t)(arcs + p->n + p->m), sizeof *row);
  int32_t *col = calloc((size_t)(arcs + p->n + p->m), sizeof *col);
  int64_t *flow = masses(p->n + p->m), *left = masses(p->n + p->m);
  const double *u = wg_ot_row_duals(ot), *v = wg_ot_col_duals(ot);
  double value = 0.0, dual = 0.0, largest = 0.0, total = 0.0;
  assert_int_equal(wg_ot_arcs(ot, row, col), arcs);
  for (int64_t e = 0; e < arcs; e++) largest = fmax(largest, pair(p, row[e], col[e]));
  for (int64_t e = 0; e < arcs; e++)
    assert_true(pair(p, row[e], col[e]) - u[row[e]] - v[col[e]] >= -1e-12 * largest);
  for (int64_t i = 0; i < p->n; i++) left[i] = p->supply[i];
  for (int64_t j = 0; j < p->m; j++) left[p->n + j] = p->demand[j];
  for (int64_t k = 0; k < p->n + p->m; k++)
    dual += (double)left[k] * (k < p->n ? u[k] : v[k - p->n]);
  const int64_t count = wg_ot_coupling(ot, row, col, flow);
  for (int64_t e = 0; e < count; e++) {
    left[row[e]] -= flow[e];
    left[p->n + col[e]] -= flow[e];
    value += (double)flow[e] * pair(p, row[e], col[e]);
    total += (double)flow[e];
  }
  for (int64_t k = 0; k < p->n + p->m; k++) assert_int_equal(left[k], 0);
  assert_near(dual, value, 1e-12 * total * largest);
  free(row);
  free(col);
  free(flow);
  free(left);
}

static bool solve_known(wg_ot *ot, const problem *p) {
  bool solved = false;
  assert_int_equal(wg_ot_set_cost(ot, p->r, p->z, p->w), WG_OK);
  assert_int_equal(wg_ot_solve_known(ot, &solved), WG_OK);
  return solved;
}

static void known_arcs_are_solved_to_optimality(void **state) {
  (void)state;
  wg_rng rng = {19};
  for (int trial = 0; trial < 6; trial++) {
    problem p =
        make_problem(trial == 5 ? 4100 : 20 + 90 * trial, trial == 5 ? 3900 : 350, 2 + trial % 3);
    gaussian_points(&rng, &p);
    if (trial % 2)
      spread_masses(&rng, &p, 6);
    else
      equal_masses(&p);
    wg_context context = {.threads = 1};
    wg_watch_start(&context.watch, INFINITY, NULL, NULL);
    wg_ot *ot = make_engine(&context, &p);
    assert_false(solve_known(ot, &p)); /* none yet */
    const int64_t arcs = solve_again(ot, &p).arcs;
    stretch(&p, 0, 1.02);
    assert_true(solve_known(ot, &p));
    check_known(&p, ot);
    for (int64_t k = 0; k < p.r; k++) stretch(&p, k, k % 2 ? 0.05 : 1.0);
    assert_int_equal(solve_known(ot, &p), trial < 5); /* too far to be pivoted, for many points */
    if (trial < 5) check_known(&p, ot);
    assert_true(wg_ot_last_stats(ot).arcs <= arcs); /* none was looked for */
    solve_again(ot, &p);
    check_solution(&p, ot);
    wg_ot_free(ot);
    free_problem(&p);
  }
}

/* A cost of rank one is solved over all pairs by sorting; the arcs are still known afterwards. */
static void lines_have_no_known_arcs(void **state) {
  (void)state;
  wg_rng rng = {20};
  problem p = make_problem(40, 30, 2);
  gaussian_points(&rng, &p);
  equal_masses(&p);
  wg_context context = {.threads = 1};
  wg_watch_start(&context.watch, INFINITY, NULL, NULL);
  wg_ot *ot = make_engine(&context, &p);
  solve_again(ot, &p);
  p.r = 1;
  assert_false(solve_known(ot, &p));
  solve_again(ot, &p);
  p.r = 2;
  assert_true(solve_known(ot, &p));
  check_known(&p, ot);
  wg_ot_free(ot);
  free_problem(&p);
}

/* Groups of up to four hold every point once: masses and means stay. */
static void groups_keep_mass_and_mean(void **state) {
  (void)state;
  wg_rng rng = {21};
  problem p = make_problem(403, 1, 3);
  gaussian_points(&rng, &p);
  spread_masses(&rng, &p, 6);
  wg_context context = {.threads = 1};
  wg_mem mem = wg_mem_of(&context.ledger);
  int64_t groups, *mass, total = 0;
  double *centre, mean[3] = {0};
  assert_int_equal(wg_ot_group(&context, 3, p.n, p.z, p.supply, &mem, &groups, &centre, &mass),
                   WG_OK);
  assert_true(4 * groups >= p.n && 2 * groups <= p.n);
  for (int64_t i = 0; i < p.n; i++) {
    total += p.supply[i];
    for (int k = 0; k < 3; k++) mean[k] += (double)p.supply[i] * p.z[3 * i + k];
  }
  const double weight = (double)total;
  for (int64_t g = 0; g < groups; g++) {
    total -= mass[g];
    for (int k = 0; k < 3; k++) mean[k] -= (double)mass[g] * centre[3 * g + k];
  }
  assert_int_equal(total, 0);
  for (int k = 0; k < 3; k++) assert_near(mean[k], 0.0, 1e-12 * weight);
  wg_mem_clear(&mem);
  free_problem(&p);
}

/* Memory that runs out anywhere in a solve of a far cost leaves an engine that can solve it. */
static void a_far_start_survives_failed_allocations(void **state) {
  (void)state;
  wg_rng rng = {18};
  problem p = make_problem(1010, 1050, 2);
  gaussian_points(&rng, &p);
  spread_masses(&rng, &p, 1);
  bool failed = true;
  for (long k = 1; failed; k += k) {
    wg_context context = {.threads = 1};
    wg_watch_start(&context.watch, INFINITY, NULL, NULL);
    wg_ot *ot = make_engine(&context, &p);
    solve_again(ot, &p);
    problem q = p;
    q.z = test_numbers(p.n * p.r);
    for (int64_t i = 0; i < p.n * p.r; i++) q.z[i] = p.z[i] * (i % 2 ? 0.01 : 1.0);
    assert_int_equal(wg_ot_set_cost(ot, q.r, q.z, q.w), WG_OK);
    wg_fail_allocation(k);
    const int status = wg_ot_solve(ot);
    wg_fail_allocation(0);
    failed = status != WG_OK;
    assert_true(!failed || status == WG_ERR_MEMORY);
    if (failed) solve_again(ot, &q);
    check_solution(&q, ot);
    free(q.z);
    wg_ot_free(ot);
    assert_int_equal(context.ledger.now, 0);
  }
  free_problem(&p);
}

/* Few against many, either way round: auctions have the many bid. */
static void few_may_meet_many(void **state) {
  (void)state;
  wg_rng rng = {14};
  for (int trial = 0; trial < 8; trial++) {
    const int64_t few = 1 + 20 * (trial / 2), many = 900 + trial;
    problem p = trial % 2 ? make_problem(few, many, 3) : make_problem(many, few, 3);
    gaussian_points(&rng, &p);
    if (trial / 2 % 2)
      spread_masses(&rng, &p, 3);
    else
      equal_masses(&p);
    solve_and_compare(&p);
    free_problem(&p);
  }
}

/* A pool of all pairs: pricing has nothing to add unless the search for entering arcs misses some.
 * One point a solve moves, so that few arcs are violated, anywhere in the pool. */
static void rare_violations_are_found(void **state) {
  (void)state;
  wg_rng rng = {15};
  enum { ROWS = 50, COLS = 47 };
  problem p = make_problem(ROWS, COLS, 2);
  gaussian_points(&rng, &p);
  spread_masses(&rng, &p, 2);
  wg_context context = {.threads = 1};
  wg_watch_start(&context.watch, INFINITY, NULL, NULL);
  wg_ot *ot = make_engine(&context, &p);
  solve_again(ot, &p);
  for (int32_t i = 0; i < ROWS; i++)
    for (int32_t j = 0; j < COLS; j++) {
      bool is_there = false;
      for (int64_t e = 0; e < ot->pool.count && !is_there; e++)
        is_there = ot->pool.row[e] == i && ot->pool.col[e] == j;
      if (!is_there) assert_int_equal(wg_pool_add(&ot->mem, &ot->pool, i, j, 0.0), WG_OK);
    }
  assert_int_equal(ot->pool.count, ROWS * COLS);
  int64_t most = 0;
  for (int64_t moved = 0; moved < ROWS; moved++) {
    for (int64_t k = 0; k < 2; k++) p.z[2 * moved + k] += 0.3 * wg_rng_normal(&rng);
    const wg_ot_stats stats = solve_again(ot, &p);
    const double value = check_solution(&p, ot), expected = dense_value(&p);
    assert_near(value, expected, 1e-12 * expected);
    assert_int_equal(stats.rounds, 1);
    assert_int_equal(stats.arcs, ROWS * COLS);
    most = WG_MAX(most, stats.pivots);
  }
  assert_true(most > 0 && most < ROWS);
  wg_ot_free(ot);
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

/* ---- interruption ---- */

/* Stops at the given look at the watch: no clock is involved. */
typedef struct stopper {
  wg_watch *watch;
  int64_t polls, stop_at;
} stopper;

static int stop_at_poll(const wg_progress *progress, void *data) {
  (void)progress;
  stopper *s = data;
  s->watch->last_report = -INFINITY; /* the next look asks again */
  return ++s->polls >= s->stop_at;
}

static void start_stopper(wg_context *context, stopper *s, int64_t stop_at) {
  *s = (stopper){.watch = &context->watch, .stop_at = stop_at};
  wg_watch_start(&context->watch, INFINITY, stop_at_poll, s);
  context->watch.last_report = -INFINITY;
}

/* A stopped solve still holds a coupling, and duals that are feasible to single precision. */
static void check_unfinished(const problem *p, const wg_ot *ot) {
  int32_t *row = calloc((size_t)(p->n + p->m), sizeof *row);
  int32_t *col = calloc((size_t)(p->n + p->m), sizeof *col);
  int64_t *flow = masses(p->n + p->m), *rows = masses(p->n), *cols = masses(p->m);
  const int64_t count = wg_ot_coupling(ot, row, col, flow);
  for (int64_t e = 0; e < count; e++) {
    rows[row[e]] += flow[e];
    cols[col[e]] += flow[e];
  }
  assert_memory_equal(rows, p->supply, (size_t)p->n * sizeof *rows);
  assert_memory_equal(cols, p->demand, (size_t)p->m * sizeof *cols);
  const double *u = wg_ot_row_duals(ot), *v = wg_ot_col_duals(ot);
  for (int64_t i = 0; i < p->n; i++)
    for (int64_t j = 0; j < p->m; j++) assert_true(u[i] + v[j] <= pair(p, i, j) + 1e-3);
  free(row);
  free(col);
  free(flow);
  free(rows);
  free(cols);
}

/* Stops a solve at its first look at the watch, its `factor`-th, and so on until it ends. */
static void interrupt(const problem *p, int threads, int64_t factor) {
  for (int64_t stop_at = 1, stopped = WG_STOPPED; stopped; stop_at *= factor) {
    wg_context context = {.threads = threads};
    stopper s;
    wg_ot *ot = make_engine(&context, p);
    start_stopper(&context, &s, stop_at);
    solve_again(ot, p);
    stopped = context.watch.stopped;
    assert_true(s.polls <= stop_at); /* nobody asks again after a stop */
    assert_true(stopped || s.polls < stop_at);
    if (stopped)
      check_unfinished(p, ot);
    else
      check_solution(p, ot);
    wg_ot_free(ot);
  }
}

static void an_interrupted_solve_keeps_exact_marginals(void **state) {
  (void)state;
  wg_rng rng = {9};
  problem p = make_problem(400, 400, 4);
  gaussian_points(&rng, &p);
  spread_masses(&rng, &p, 4);
  interrupt(&p, 1, 2);
  free_problem(&p);
  p = make_problem(8200, 8100, 2); /* by the tree of kdtree.c */
  gaussian_points(&rng, &p);
  spread_masses(&rng, &p, 1);
  interrupt(&p, 2, 19);
  free_problem(&p);
}

static void a_time_limit_stops(void **state) {
  (void)state;
  wg_rng rng = {16};
  problem p = make_problem(400, 400, 4);
  gaussian_points(&rng, &p);
  equal_masses(&p);
  wg_context context = {.threads = 1};
  wg_ot *ot = solve_cold(&context, &p, 1e-9);
  assert_int_equal(context.watch.stopped, WG_TIME_LIMIT);
  check_unfinished(&p, ot);
  wg_ot_free(ot);
  free_problem(&p);
}

/* Of the rows' lists, how many are full; the others are untouched. */
static int64_t count_full(const wg_best *best) {
  int64_t full = 0;
  for (int64_t i = 0; i < best->count; i++) {
    int64_t filled = 0;
    for (int64_t k = 0; k < best->keep; k++) {
      const int64_t slot = i * best->keep + k;
      assert_true(best->index[slot] >= 0 ? best->value[slot] < INFINITY
                                         : best->value[slot] == INFINITY);
      filled += best->index[slot] >= 0;
    }
    assert_true(filled == 0 || filled == best->keep);
    full += filled > 0;
  }
  return full;
}

/* Queries end a few hundred rows after the watch has stopped; lists are full or untouched, and
 * duals are numbers. */
static void stopped_queries_end_soon(void **state) {
  (void)state;
  wg_rng rng = {17};
  problem p = make_problem(9000, 9000, 2);
  gaussian_points(&rng, &p);
  double *v = test_numbers(p.m), *u = test_numbers(p.n);
  const wg_side rows = {.count = p.n, .points = p.z},
                columns = {.count = p.m, .points = p.w, .dual = v};
  int64_t before = 0;
  for (int64_t trial = 0; trial < 12; trial++) {
    wg_context context = {.threads = trial < 8 ? 1 : 2};
    wg_mem mem = wg_mem_of(&context.ledger);
    wg_best best;
    stopper s;
    assert_int_equal(wg_best_create(&mem, p.n, 3, INFINITY, &best), WG_OK);
    start_stopper(&context, &s, 1 + trial % 8);
    assert_int_equal(wg_nearest(&context, p.r, &rows, &columns, &best), WG_OK);
    const int64_t full = count_full(&best);
    if (trial == 0) assert_int_equal(full, 0);
    if (trial > 2 && trial < 8) assert_in_range(full - before, 1, 500);
    if (trial < 8) assert_true(full < p.n / 2);
    before = full;
    start_stopper(&context, &s, 1 + trial % 8);
    assert_int_equal(wg_c_transform(&context, p.r, &rows, &columns, u), WG_OK);
    for (int64_t i = 0; i < p.n; i++) assert_true(isfinite(u[i]));
    wg_mem_clear(&mem);
  }
  free(u);
  free(v);
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
      cmocka_unit_test(a_far_cost_starts_cold),
      cmocka_unit_test(a_cost_not_far_stays_warm),
      cmocka_unit_test(known_arcs_are_solved_to_optimality),
      cmocka_unit_test(lines_have_no_known_arcs),
      cmocka_unit_test(groups_keep_mass_and_mean),
      cmocka_unit_test(a_far_start_survives_failed_allocations),
      cmocka_unit_test(few_may_meet_many),
      cmocka_unit_test(rare_violations_are_found),
      cmocka_unit_test(the_rank_of_the_cost_may_change),
      cmocka_unit_test(the_scan_finds_the_smallest_reduced_costs),
      cmocka_unit_test(the_c_transform_is_the_least_reduced_cost),
      cmocka_unit_test(an_interrupted_solve_keeps_exact_marginals),
      cmocka_unit_test(a_time_limit_stops),
      cmocka_unit_test(stopped_queries_end_soon),
      cmocka_unit_test(a_watched_solve_tells_its_rounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
