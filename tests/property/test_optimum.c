/* What the optimum looks like (docs/theory/optimum.md): gradients against differences of solves for
 * every form of gauge, uniqueness and structure where they are known. Every solve goes through
 * wg_verify (support.h). */
#include "support.h"

static const char *const gauges[] = {"trace",
                                     "schatten:1.5",
                                     "frobenius",
                                     "schatten:4",
                                     "operator",
                                     "kyfan:2",
                                     "sum:operator@2,frobenius@1",
                                     "sum:trace@1,kyfan:1@2",
                                     "max:operator@2,frobenius@1/0.8",
                                     "max:schatten:3@1,operator@2/1.2"};
enum { GAUGES = sizeof gauges / sizeof *gauges };

typedef struct gradients {
  double *x, *y, *a, *b;
} gradients;

static gradients get_gradients(const test_clouds *c, const wg_solver *solver, wg_uniqueness *u) {
  gradients g = {test_numbers(c->n * c->d), test_numbers(c->m * c->d), test_numbers(c->n),
                 test_numbers(c->m)};
  if (wg_get_gradients(solver, g.x, g.y, g.a, g.b, u) != WG_OK) fail_msg("%s", wg_error_detail());
  return g;
}

static void free_gradients(gradients *g) {
  free(g->x);
  free(g->y);
  free(g->a);
  free(g->b);
}

static double dot(int64_t count, const double *a, const double *b) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

/* ---- differences ---- */

static double *moved(int64_t count, const double *from, double step, const double *direction) {
  double *to = test_numbers(count);
  for (int64_t i = 0; i < count; i++) to[i] = from[i] + step * direction[i];
  return to;
}

static double *uniform(int64_t count) {
  double *weights = test_numbers(count);
  for (int64_t i = 0; i < count; i++) weights[i] = 1.0 / (double)count;
  return weights;
}

static double value_at(const test_clouds *c, const gradients *h, double step, const char *gauge) {
  double *a = c->a ? NULL : uniform(c->n), *b = c->b ? NULL : uniform(c->m);
  test_clouds there = {c->n,
                       c->m,
                       c->d,
                       moved(c->n * c->d, c->x, step, h->x),
                       moved(c->n, c->a ? c->a : a, step, h->a),
                       moved(c->m * c->d, c->y, step, h->y),
                       moved(c->m, c->b ? c->b : b, step, h->b)};
  const wg_info info = test_distance(&there, gauge, 1e-12);
  assert_true(info.gap < 1e-9);
  test_free_clouds(&there);
  free(a);
  free(b);
  return 0.5 * (info.lower + info.upper);
}

/* A direction; of weights one that keeps the sum and leaves points without weight alone. */
static double *direction(wg_rng *rng, int64_t count, const double *weights, bool balanced) {
  double *h = test_numbers(count), sum = 0.0;
  int64_t free_ones = 0;
  for (int64_t i = 0; i < count; i++) {
    if (weights && weights[i] == 0.0) continue;
    sum += h[i] = wg_rng_normal(rng);
    free_ones++;
  }
  for (int64_t i = 0; i < count && balanced; i++)
    if (h[i] != 0.0) h[i] -= sum / (double)free_ones;
  return h;
}

/* Each of the four gradients by itself along a random direction. */
static void compare(wg_rng *rng, const test_clouds *c, const gradients *g, const char *gauge,
                    double scale) {
  const int64_t counts[] = {c->n * c->d, c->m * c->d, c->n, c->m};
  const double *parts[] = {g->x, g->y, g->a, g->b}, step = 1e-4;
  const char *const names[] = {"x", "y", "a", "b"};
  for (int part = 0; part < 4; part++) {
    gradients h = {test_numbers(counts[0]), test_numbers(counts[1]), test_numbers(counts[2]),
                   test_numbers(counts[3])};
    double **slots[] = {&h.x, &h.y, &h.a, &h.b};
    free(*slots[part]);
    *slots[part] = direction(rng, counts[part],
                             part == 2   ? c->a
                             : part == 3 ? c->b
                                         : NULL,
                             part >= 2);
    /* weights move by a small part of the least of them */
    const double along = part >= 2 ? 0.1 * step : step;
    const double difference =
        (value_at(c, &h, along, gauge) - value_at(c, &h, -along, gauge)) / (2.0 * along);
    const double expected = dot(counts[part], parts[part], *slots[part]);
    if (!(fabs(difference - expected) <= 2e-4 * scale))
      fail_msg("%s, n = %lld, m = %lld: along %s the difference is %.10g, the gradient %.10g",
               gauge, (long long)c->n, (long long)c->m, names[part], difference, expected);
    free_gradients(&h);
  }
}

static void check_gradients(wg_rng *rng, const test_clouds *c, const char *gauge, int *compared) {
  wg_uniqueness u;
  wg_solver *solver = test_setup(c, gauge, 1e-12);
  const wg_info info = test_solve(solver);
  gradients g = get_gradients(c, solver, &u);
  assert_true(u.resolution > 0.0 && u.resolution < 1e-4);
  if (u.point_gradients == WG_UNIQUE_YES && u.weight_gradients == WG_UNIQUE_YES) {
    compare(rng, c, &g, gauge, info.upper);
    ++*compared;
  }
  free_gradients(&g);
  wg_free(solver);
}

static void gradients_are_limits_of_differences(void **state) {
  (void)state;
  wg_rng rng = {71};
  for (size_t k = 0; k < GAUGES; k++) {
    int compared = 0;
    for (int trial = 0; trial < 4; trial++) {
      test_clouds c = test_random_clouds(&rng, 7 + trial, 9, 3, trial % 2 == 1);
      if (!c.a) c.a = test_weights(&rng, c.n); /* uniform on one side only: n m would tie */
      check_gradients(&rng, &c, gauges[k], &compared);
      test_free_clouds(&c);
    }
    if (compared < 3) fail_msg("%s: only %d of 4 said to be differentiable", gauges[k], compared);
  }
}

/* Uniform weights: potentials may be loose, the points' gradient need not be. */
static void gradients_in_the_points_with_uniform_weights(void **state) {
  (void)state;
  wg_rng rng = {72};
  for (size_t k = 0; k < GAUGES; k++) {
    test_clouds c = test_random_clouds(&rng, 8, 8, 3, false);
    wg_uniqueness u;
    wg_solver *solver = test_setup(&c, gauges[k], 1e-12);
    const wg_info info = test_solve(solver);
    gradients g = get_gradients(&c, solver, &u);
    gradients h = {direction(&rng, 24, NULL, false), direction(&rng, 24, NULL, false),
                   test_numbers(8), test_numbers(8)};
    assert_int_equal(u.point_gradients, WG_UNIQUE_YES);
    const double step = 1e-4, ahead = value_at(&c, &h, step, gauges[k]),
                 back = value_at(&c, &h, -step, gauges[k]);
    assert_near((ahead - back) / (2.0 * step), dot(24, g.x, h.x) + dot(24, g.y, h.y),
                2e-4 * info.upper);
    free_gradients(&g);
    free_gradients(&h);
    wg_free(solver);
    test_free_clouds(&c);
  }
}

/* A point without weight keeps its zero; mass that arrives at it has the price of its c-transform.
 * Equal points move together. */
static void gradients_at_points_without_weight_and_at_equal_points(void **state) {
  (void)state;
  wg_rng rng = {73};
  test_clouds c = test_random_clouds(&rng, 9, 7, 2, true);
  c.a[0] += c.a[4];
  c.a[4] = 0.0;
  memcpy(c.x + 2 * 2, c.x + 5 * 2, 2 * sizeof(double)); /* 2 and 5 are equal */
  for (size_t k = 1; k < 6; k++) {
    wg_uniqueness u;
    wg_solver *solver = test_setup(&c, gauges[k], 1e-12);
    const wg_info info = test_solve(solver);
    gradients g = get_gradients(&c, solver, &u);
    assert_true(g.x[8] == 0.0 && g.x[9] == 0.0);
    assert_near(g.x[4] / c.a[2], g.x[10] / c.a[5], 1e-9 * info.upper);
    assert_near(dot(9, g.a, c.a), 0.0, 1e-9 * info.upper);
    assert_near(dot(7, g.b, c.b), 0.0, 1e-9 * info.upper);
    gradients h = {test_numbers(18), test_numbers(14), test_numbers(9), test_numbers(7)};
    h.x[4] = h.x[10] = 1.0; /* both of the equal points */
    double step = 1e-4;
    assert_near((value_at(&c, &h, step, gauges[k]) - value_at(&c, &h, -step, gauges[k])) / 2e-4,
                g.x[4] + g.x[10], 2e-4 * info.upper);
    h.x[4] = h.x[10] = 0.0;
    h.a[4] = 1.0; /* one-sided */
    h.a[1] = -1.0;
    step = 1e-6;
    assert_near((value_at(&c, &h, step, gauges[k]) - 0.5 * (info.lower + info.upper)) / step,
                g.a[4] - g.a[1], 1e-3 * info.upper);
    free_gradients(&h);
    free_gradients(&g);
    wg_free(solver);
  }
  test_free_clouds(&c);
}

static void there_is_no_gradient_for_p_below_one(void **state) {
  (void)state;
  wg_rng rng = {74};
  test_clouds c = test_random_clouds(&rng, 5, 5, 3, false);
  wg_solver *solver = test_setup(&c, "schatten:0.5", 1e-6);
  wg_uniqueness u;
  double grad[15];
  test_solve(solver);
  assert_int_equal(wg_get_gradients(solver, grad, NULL, NULL, NULL, NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "p < 1"));
  assert_int_equal(wg_get_uniqueness(solver, &u), WG_OK);
  assert_true(u.plan == WG_UNIQUE_UNKNOWN && u.q == WG_UNIQUE_UNKNOWN && isinf(u.q_radius));
  wg_free(solver);
  test_free_clouds(&c);
}

/* ---- uniqueness where it is known ---- */

static wg_uniqueness judged(const test_clouds *c, const char *gauge) {
  wg_uniqueness u;
  wg_solver *solver = test_setup(c, gauge, 1e-12);
  test_solve(solver);
  assert_int_equal(wg_get_uniqueness(solver, &u), WG_OK);
  wg_free(solver);
  return u;
}

/* trace: every coupling is optimal; otherwise only the one that makes Sigma the identity. Under
 * every diagonal Q all four pairs cost the same, so the operator gauge leaves those open. */
static void the_two_atom_example(void **state) {
  (void)state;
  double x[] = {-1, 0, 1, 0}, y[] = {0, -1, 0, 1};
  const test_clouds c = {2, 2, 2, x, NULL, y, NULL};
  wg_uniqueness u = judged(&c, "trace");
  assert_int_equal(u.plan, WG_UNIQUE_NO);
  assert_int_equal(u.q, WG_UNIQUE_YES);
  assert_int_equal(u.point_gradients, WG_UNIQUE_NO);
  assert_true(u.q_radius == 0.0);
  const char *const split[] = {"schatten:1.5", "frobenius", "schatten:4", "operator"};
  for (size_t k = 0; k < 4; k++) {
    u = judged(&c, split[k]);
    assert_int_equal(u.plan, WG_UNIQUE_YES);
    assert_int_equal(u.q, k < 3 ? WG_UNIQUE_YES : WG_UNIQUE_NO);
    assert_int_equal(u.point_gradients, k < 3 ? WG_UNIQUE_YES : WG_UNIQUE_NO);
  }
}

/* One point to the corners of a square: Sigma is the identity, so every density matrix is a dual
 * optimum of the operator gauge, and no other plan exists. */
static void tied_eigenvalues_leave_q_open(void **state) {
  (void)state;
  double x[] = {0, 0}, y[] = {1, 1, 1, -1, -1, 1, -1, -1};
  const test_clouds c = {1, 4, 2, x, NULL, y, NULL};
  const char *const open[] = {"operator", "kyfan:1"};
  for (size_t k = 0; k < 2; k++) {
    const wg_uniqueness u = judged(&c, open[k]);
    assert_int_equal(u.q, WG_UNIQUE_NO);
    assert_int_equal(u.plan, WG_UNIQUE_YES);
    assert_int_equal(u.point_gradients, WG_UNIQUE_NO);
    assert_true(u.q_radius >= 0.5);
  }
  assert_int_equal(judged(&c, "frobenius").q, WG_UNIQUE_YES);
  assert_int_equal(judged(&c, "kyfan:2").q, WG_UNIQUE_YES);
  assert_int_equal(judged(&c, "max:trace@1,trace@1").q, WG_UNIQUE_NO); /* blocks tie as well */
  assert_int_equal(judged(&c, "max:trace@1,trace@1/1.1").q, WG_UNIQUE_YES);
  y[0] = y[2] = 2.0; /* no tie */
  y[4] = y[6] = -2.0;
  const wg_uniqueness u = judged(&c, "operator");
  assert_int_equal(u.q, WG_UNIQUE_YES);
  assert_int_equal(u.point_gradients, WG_UNIQUE_YES);
  assert_true(u.q_radius < 1e-4);
}

/* In three dimensions Ky Fan 2 cuts through the tie of the axes with four and four corners. */
static void ky_fan_cuts_through_a_tie(void **state) {
  (void)state;
  double x[] = {0, 0, 0}, y[] = {2, 0, 0, -2, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1};
  const test_clouds c = {1, 6, 3, x, NULL, y, NULL};
  assert_int_equal(judged(&c, "kyfan:2").q, WG_UNIQUE_NO);
  assert_int_equal(judged(&c, "kyfan:1").q, WG_UNIQUE_YES);
  assert_int_equal(judged(&c, "kyfan:3").q, WG_UNIQUE_YES);
  assert_int_equal(judged(&c, "max:operator@1,operator@2/0.5").q, WG_UNIQUE_NO);
}

static void single_points_have_one_of_everything(void **state) {
  (void)state;
  double x[] = {0, 0}, y[] = {3, 4};
  const test_clouds c = {1, 1, 2, x, NULL, y, NULL};
  for (size_t k = 0; k < 5; k++) {
    const wg_uniqueness u = judged(&c, gauges[k]);
    assert_int_equal(u.plan, WG_UNIQUE_YES);
    assert_int_equal(u.potentials, WG_UNIQUE_YES);
    assert_int_equal(u.q, WG_UNIQUE_YES);
  }
}

/* On a line, as many points a side: one plan, potentials that can slide. Twice the same square, one
 * diagonal turned: two matchings cost the same. */
static void lines_and_squares(void **state) {
  (void)state;
  double x[] = {0, 1, 2, 3}, y[] = {0.1, 1.2, 2.3, 3.4};
  const test_clouds line = {4, 4, 1, x, NULL, y, NULL};
  wg_uniqueness u = judged(&line, "operator");
  assert_int_equal(u.plan, WG_UNIQUE_YES);
  assert_int_equal(u.potentials, WG_UNIQUE_NO);
  assert_int_equal(u.weight_gradients, WG_UNIQUE_NO);
  assert_int_equal(u.point_gradients, WG_UNIQUE_YES);
  double corners[] = {1, 1, -1, 1, -1, -1, 1, -1}, axes[] = {1, 0, 0, 1, -1, 0, 0, -1};
  const test_clouds square = {4, 4, 2, corners, NULL, axes, NULL};
  u = judged(&square, "trace");
  assert_int_equal(u.plan, WG_UNIQUE_NO);
  assert_int_equal(u.point_gradients, WG_UNIQUE_NO);
  u = judged(&square, "frobenius");
  assert_int_equal(u.plan, WG_UNIQUE_NO); /* both rotations have Sigma a multiple of I */
  double grid[50], shifted[50];
  for (int i = 0; i < 25; i++) {
    grid[2 * i] = i % 5;
    grid[2 * i + 1] = i / 5;
    shifted[2 * i] = i % 5 + 0.5;
    shifted[2 * i + 1] = i / 5 + 0.5;
  }
  const test_clouds grids = {25, 25, 2, grid, NULL, shifted, NULL};
  assert_int_equal(judged(&grids, "trace").plan, WG_UNIQUE_YES); /* the translation */
}

/* Equal measures. */
static void no_distance(void **state) {
  (void)state;
  wg_rng rng = {75};
  test_clouds c = test_random_clouds(&rng, 6, 6, 2, false);
  memcpy(c.y, c.x, 12 * sizeof(double));
  const wg_uniqueness u = judged(&c, "operator");
  assert_int_equal(u.plan, WG_UNIQUE_YES);
  assert_int_equal(u.q, WG_UNIQUE_NO);
  test_free_clouds(&c);
}

/* What is said to be unique is: another start (the clouds exchanged and reversed) finds it again.
 */
static void what_is_unique_is_found_again(void **state) {
  (void)state;
  wg_rng rng = {76};
  int said = 0;
  for (size_t k = 0; k < 3 * GAUGES; k++) {
    test_clouds c = test_random_clouds(&rng, 11, 8, 3, true);
    double first[9], again[9];
    wg_uniqueness u;
    wg_solver *solver = test_setup(&c, gauges[k % GAUGES], 1e-11);
    test_solve(solver);
    assert_int_equal(wg_get_q(solver, first), WG_OK);
    assert_int_equal(wg_get_uniqueness(solver, &u), WG_OK);
    wg_free(solver);
    test_clouds back = {c.m, c.n, 3, c.y, c.b, c.x, c.a};
    solver = test_setup(&back, gauges[k % GAUGES], 1e-9);
    test_solve(solver);
    assert_int_equal(wg_get_q(solver, again), WG_OK);
    wg_free(solver);
    double apart = 0.0;
    for (int i = 0; i < 9; i++) apart += (first[i] - again[i]) * (first[i] - again[i]);
    if (u.q == WG_UNIQUE_YES) assert_true(sqrt(apart) < 1e-2);
    said += u.q == WG_UNIQUE_YES && u.plan == WG_UNIQUE_YES;
    test_free_clouds(&c);
  }
  assert_true(said >= 2 * GAUGES);
}

/* ---- structure ---- */

static wg_structure structure_of(const test_clouds *c, const char *gauge) {
  wg_structure found;
  wg_solver *solver = test_setup(c, gauge, 1e-10);
  test_solve(solver);
  assert_int_equal(wg_get_structure(solver, &found), WG_OK);
  wg_free(solver);
  return found;
}

static void maps_and_splits(void **state) {
  (void)state;
  double x[] = {-1, 0, 1, 0}, y[] = {0, -1, 0, 1};
  const test_clouds two = {2, 2, 2, x, NULL, y, NULL};
  wg_structure s = structure_of(&two, "operator");
  assert_true(!s.is_map && !s.is_map_back && s.q_rank == 2);
  assert_true(s.split_x == 2 && s.split_y == 2);
  assert_near(s.split_mass_x, 0.5, 1e-6);
  double from[] = {0, 0}, to[] = {1, 1, 1, -1, -1, 1};
  const double weights[] = {0.5, 0.3, 0.2};
  const test_clouds fan = {1, 3, 2, from, NULL, to, (double *)weights};
  s = structure_of(&fan, "frobenius");
  assert_true(!s.is_map && s.is_map_back && s.split_x == 1 && s.split_y == 0);
  assert_near(s.split_mass_x, 0.5, 1e-12);
  /* the same point given twice, each half shipped elsewhere, is a split; received twice is none */
  double twice[] = {0, 0, 0, 0}, apart[] = {1, 0, 0, 2};
  const test_clouds doubled = {2, 2, 2, twice, NULL, apart, NULL};
  s = structure_of(&doubled, "trace");
  assert_true(!s.is_map && s.is_map_back && s.split_x == 1);
  const double uneven[] = {0.75, 0.25};
  const test_clouds shared = {2, 2, 2, twice, NULL, apart, (double *)uneven};
  assert_near(structure_of(&shared, "trace").split_mass_x, 0.25, 1e-12);
  const test_clouds gathered = {2, 2, 2, apart, NULL, twice, NULL};
  s = structure_of(&gathered, "trace");
  assert_true(s.is_map && !s.is_map_back);
}

/* Blocks: values add up or attain the maximum; directions diagonalise Q; projections follow. */
static void blocks_spectra_and_projections(void **state) {
  (void)state;
  wg_rng rng = {77};
  test_clouds c = test_random_clouds(&rng, 14, 10, 3, true);
  wg_solver *solver = test_setup(&c, "max:operator@2,frobenius@1/0.2", 1e-10);
  const wg_info info = test_solve(solver);
  wg_block_structure b0, b1;
  assert_int_equal(wg_get_block(solver, 0, &b0), WG_OK);
  assert_int_equal(wg_get_block(solver, 1, &b1), WG_OK);
  assert_int_equal(wg_get_block(solver, 2, &b1), WG_ERR_ARGUMENT);
  assert_true(b0.size == 2 && b0.cut == 1 && b1.start == 2 && b1.cut == 0);
  assert_near(WG_MAX(b0.value, b1.value), info.upper, 1e-9 * info.upper);
  assert_near(b0.share + b1.share, 1.0, 1e-8);
  assert_true(b1.active && b1.rank == 1);
  double moments[3], values[3], rows[9], q[9], x[28], y[20];
  assert_int_equal(wg_get_spectra(solver, moments, values, rows), WG_OK);
  assert_int_equal(wg_get_q(solver, q), WG_OK);
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < 3; i++)
      assert_near(dot(3, q + 3 * i, rows + 3 * k), values[k] * rows[3 * k + i], 1e-9 * values[0]);
  assert_true(moments[0] >= moments[1] && moments[1] >= moments[2]);
  assert_int_equal(wg_project(solver, 2, x, y), WG_OK);
  for (int i = 0; i < 14; i++)
    for (int k = 0; k < 2; k++) assert_near(x[2 * i + k], dot(3, c.x + 3 * i, rows + 3 * k), 1e-12);
  for (int i = 0; i < 10; i++)
    for (int k = 0; k < 2; k++) assert_near(y[2 * i + k], dot(3, c.y + 3 * i, rows + 3 * k), 1e-12);
  assert_int_equal(wg_project(solver, 4, x, y), WG_ERR_INPUT);
  assert_int_equal(wg_project(solver, 0, x, y), WG_ERR_INPUT);
  wg_free(solver);
  test_free_clouds(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_are_limits_of_differences),
      cmocka_unit_test(gradients_in_the_points_with_uniform_weights),
      cmocka_unit_test(gradients_at_points_without_weight_and_at_equal_points),
      cmocka_unit_test(there_is_no_gradient_for_p_below_one),
      cmocka_unit_test(the_two_atom_example),
      cmocka_unit_test(tied_eigenvalues_leave_q_open),
      cmocka_unit_test(ky_fan_cuts_through_a_tie),
      cmocka_unit_test(single_points_have_one_of_everything),
      cmocka_unit_test(lines_and_squares),
      cmocka_unit_test(no_distance),
      cmocka_unit_test(what_is_unique_is_found_again),
      cmocka_unit_test(maps_and_splits),
      cmocka_unit_test(blocks_spectra_and_projections),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
