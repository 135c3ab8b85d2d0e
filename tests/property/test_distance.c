/* The facts of theory 3.3 and 3.5 on random clouds, and the edge cases that break solvers. Every
 * solve goes through wg_verify (support.h). Intervals are compared, never single values. */
#include "support.h"

static const double tol = 1e-7;

static void assert_same_interval(wg_info a, wg_info b, double relative) {
  const double slack = relative * WG_MAX(a.upper, b.upper);
  if (!(a.lower <= b.upper + slack && b.lower <= a.upper + slack))
    fail_msg("[%.17g, %.17g] and [%.17g, %.17g] do not meet", a.lower, a.upper, b.lower, b.upper);
}

static wg_info certified(const test_clouds *c, const char *gauge) {
  wg_info info = test_distance(c, gauge, tol);
  assert_certified(info, tol);
  return info;
}

/* ---- closed forms ---- */

static void the_two_atom_example_splits_mass(void **state) {
  (void)state;
  double x[] = {-1, 0, 1, 0}, y[] = {0, -1, 0, 1};
  const test_clouds c = {2, 2, 2, x, NULL, y, NULL};
  const struct {
    const char *gauge;
    double w2;
    int64_t entries;
  } cases[] = {{"trace", 2.0, 0},    {"schatten:2", 1.4142135623730951, 4},
               {"operator", 1.0, 4}, {"schatten:4", 1.189207115002721, 4},
               {"kyfan:1", 1.0, 4},  {"kyfan:2", 2.0, 0}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    wg_solver *solver = test_setup(&c, cases[k].gauge, 1e-12);
    wg_info info = test_solve(solver);
    assert_near(info.upper, cases[k].w2, 1e-12);
    assert_near(info.lower, cases[k].w2, 1e-12);
    wg_plan plan;
    assert_int_equal(wg_get_plan(solver, &plan), WG_OK);
    if (cases[k].entries) assert_int_equal(plan.count, cases[k].entries);
    for (int64_t e = 0; e < plan.count && cases[k].entries; e++)
      assert_near(plan.mass[e], 0.25, 1e-6);
    wg_free(solver);
  }
}

static void two_diracs_are_as_far_as_their_points(void **state) {
  (void)state;
  wg_rng rng = {11};
  const char *gauges[] = {"trace",   "schatten:1.5", "frobenius",    "schatten:7",  "operator",
                          "kyfan:2", "kyfan:4",      "schatten:0.5", "schatten:0.7"};
  /* For p < 1 the rounding of the vanishing eigenvalues enters as its p-th power. */
  const size_t convex = 7;
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    test_clouds c = test_random_clouds(&rng, 1, 1, 4, false);
    double square = 0.0;
    for (int i = 0; i < 4; i++) square += (c.y[i] - c.x[i]) * (c.y[i] - c.x[i]);
    wg_info info = test_distance(&c, gauges[k], 1e-10);
    assert_near(info.upper, square, (k < convex ? 1e-12 : 1e-6) * square);
    assert_near(info.lower, square, 1e-11 * square);
    test_free_clouds(&c);
  }
}

static void every_gauge_is_w2_on_the_line(void **state) {
  (void)state;
  wg_rng rng = {12};
  test_clouds c = test_random_clouds(&rng, 30, 20, 1, true);
  wg_info w2 = certified(&c, "trace");
  const char *gauges[] = {"schatten:0.5", "schatten:1.5",   "frobenius",      "operator",
                          "kyfan:1",      "sum:operator@1", "max:frobenius@1"};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++)
    assert_same_interval(w2, certified(&c, gauges[k]), 1e-12);
  test_free_clouds(&c);
}

/* ---- order and comparison ---- */

static void w_decreases_in_p_and_increases_in_k(void **state) {
  (void)state;
  wg_rng rng = {13};
  const double p[] = {1, 1.2, 2, 3.5, 10, INFINITY};
  const char *schatten[] = {"schatten:1",   "schatten:1.2", "schatten:2",
                            "schatten:3.5", "schatten:10",  "schatten:inf"};
  const char *kyfan[] = {"kyfan:1", "kyfan:2", "kyfan:3"};
  for (int trial = 0; trial < 4; trial++) {
    test_clouds c = test_random_clouds(&rng, 40, 30 + trial, 3, trial % 2);
    wg_info w2 = certified(&c, "trace"), last = w2;
    for (size_t k = 0; k < sizeof p / sizeof *p; k++) {
      wg_info now = certified(&c, schatten[k]);
      assert_true(now.lower <= last.upper * (1 + 1e-14));
      assert_true(now.upper >= pow(3.0, 1.0 / p[k] - 1.0) * w2.lower * (1 - 1e-14));
      last = now;
    }
    last.lower = 0.0;
    for (size_t k = 0; k < 3; k++) {
      wg_info now = certified(&c, kyfan[k]);
      assert_true(now.upper >= last.lower * (1 - 1e-14));
      last = now;
    }
    assert_same_interval(last, w2, 1e-12);
    test_free_clouds(&c);
  }
}

static void block_gauges_agree_with_their_parts(void **state) {
  (void)state;
  wg_rng rng = {14};
  test_clouds c = test_random_clouds(&rng, 35, 35, 4, false);
  assert_same_interval(certified(&c, "sum:frobenius@4"), certified(&c, "frobenius"), 1e-12);
  assert_same_interval(certified(&c, "max:operator@4"), certified(&c, "operator"), 1e-12);
  assert_same_interval(certified(&c, "sum:trace@2,trace@2"), certified(&c, "trace"), 1e-12);
  wg_info whole = certified(&c, "max:operator@4/2"), plain = certified(&c, "operator");
  assert_near(whole.upper, plain.upper / 4.0, 1e-6 * plain.upper);
  /* max <= sum <= 2 max, and a larger rate lowers its block */
  wg_info sum = certified(&c, "sum:operator@2,schatten:3@2");
  wg_info max = certified(&c, "max:operator@2,schatten:3@2");
  wg_info rated = certified(&c, "max:operator@2,schatten:3@2/3");
  assert_true(max.lower <= sum.upper && sum.lower <= 2.0 * max.upper);
  assert_true(rated.lower <= max.upper);
  test_free_clouds(&c);
}

/* ---- metric ---- */

static void the_triangle_inequality_holds(void **state) {
  (void)state;
  wg_rng rng = {15};
  const char *gauges[] = {"trace",   "schatten:1.5",           "operator",
                          "kyfan:2", "sum:operator@2,trace@1", "max:frobenius@1,operator@2/2"};
  for (int trial = 0; trial < 12; trial++) {
    test_clouds xy = test_random_clouds(&rng, 15, 12, 3, trial % 2);
    test_clouds z = test_random_clouds(&rng, 14, 1, 3, trial % 2);
    test_clouds yz = {xy.m, z.n, 3, xy.y, xy.b, z.x, z.a};
    test_clouds xz = {xy.n, z.n, 3, xy.x, xy.a, z.x, z.a};
    const char *gauge = gauges[trial % 6];
    double a = sqrt(certified(&xy, gauge).upper), b = sqrt(certified(&yz, gauge).upper);
    assert_true(sqrt(certified(&xz, gauge).lower) <= a + b);
    test_free_clouds(&xy);
    test_free_clouds(&z);
  }
}

static void w_is_symmetric_and_homogeneous_and_moves_with_both(void **state) {
  (void)state;
  wg_rng rng = {16};
  const char *gauges[] = {"trace", "schatten:1.5", "operator", "kyfan:2",
                          "max:frobenius@1,operator@2/2"};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    test_clouds c = test_random_clouds(&rng, 25, 20, 3, true);
    wg_info base = certified(&c, gauges[k]);
    test_clouds back = {c.m, c.n, 3, c.y, c.b, c.x, c.a};
    assert_same_interval(base, certified(&back, gauges[k]), 1e-12);
    for (int64_t i = 0; i < c.n * 3; i++) c.x[i] = -3.0 * (c.x[i] + 7.25);
    for (int64_t i = 0; i < c.m * 3; i++) c.y[i] = -3.0 * (c.y[i] + 7.25);
    wg_info moved = certified(&c, gauges[k]);
    moved.lower /= 9.0;
    moved.upper /= 9.0;
    assert_same_interval(base, moved, 1e-12);
    test_free_clouds(&c);
  }
}

/* A product of plane rotations in every coordinate pair. */
static void rotate(wg_rng *rng, int64_t n, int64_t d, double *x, int64_t m, double *y) {
  for (int64_t a = 0; a < d; a++)
    for (int64_t b = a + 1; b < d; b++) {
      const double angle = 6.28 * wg_rng_uniform(rng), c = cos(angle), s = sin(angle);
      for (int64_t i = 0; i < n + m; i++) {
        double *point = i < n ? x + i * d : y + (i - n) * d;
        const double u = point[a], v = point[b];
        point[a] = c * u - s * v;
        point[b] = s * u + c * v;
      }
    }
}

static void spectral_gauges_do_not_see_rotations(void **state) {
  (void)state;
  wg_rng rng = {17};
  const char *gauges[] = {"trace", "schatten:1.5", "frobenius", "operator", "kyfan:2"};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    test_clouds c = test_random_clouds(&rng, 30, 25, 4, true);
    wg_info base = certified(&c, gauges[k]);
    rotate(&rng, c.n, 4, c.x, c.m, c.y);
    assert_same_interval(base, certified(&c, gauges[k]), 1e-12);
    test_free_clouds(&c);
  }
}

/* Means R u apart: p = 1: R^2 + W_2^2 of the centred clouds, p >= 2: R^2 + W^2 of their shadows on
 * u + O(R^(2-2p)). */
static void far_clouds_follow_their_means(void **state) {
  (void)state;
  wg_rng rng = {18};
  const double far = 300.0;
  test_clouds c = test_random_clouds(&rng, 20, 20, 2, false);
  for (int k = 0; k < 2; k++) {
    double mean_x = 0, mean_y = 0;
    for (int i = 0; i < 20; i++) {
      mean_x += c.x[2 * i + k] / 20;
      mean_y += c.y[2 * i + k] / 20;
    }
    for (int i = 0; i < 20; i++) {
      c.x[2 * i + k] -= mean_x;
      c.y[2 * i + k] -= mean_y;
    }
  }
  wg_info centred = certified(&c, "trace");
  double shadow_x[20], shadow_y[20];
  for (int i = 0; i < 20; i++) {
    shadow_x[i] = 0.6 * c.x[2 * i] + 0.8 * c.x[2 * i + 1];
    shadow_y[i] = 0.6 * c.y[2 * i] + 0.8 * c.y[2 * i + 1];
    c.y[2 * i] += 0.6 * far;
    c.y[2 * i + 1] += 0.8 * far;
  }
  const test_clouds shadow = {20, 20, 1, shadow_x, NULL, shadow_y, NULL};
  wg_info line = certified(&shadow, "trace");
  assert_near(test_distance(&c, "trace", 1e-9).upper, far * far + centred.upper, 1e-3);
  const char *gauges[] = {"frobenius", "schatten:4", "operator", "kyfan:1"};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    wg_info info = test_distance(&c, gauges[k], 1e-9);
    assert_certified(info, 1e-9);
    assert_near(info.upper - far * far, line.upper, 3e-3);
  }
  test_free_clouds(&c);
}

/* ---- p < 1 ---- */

/* In the plane a plain gauge is solved: see test_global.c. */
static void below_one_the_interval_is_honest(void **state) {
  (void)state;
  wg_rng rng = {19};
  for (int trial = 0; trial < 4; trial++) {
    test_clouds c = test_random_clouds(&rng, 25, 25, 3 + trial % 2, trial % 2);
    wg_info w2 = certified(&c, "trace");
    wg_info half = test_distance(&c, "schatten:0.5", tol);
    assert_int_equal(half.outcome, WG_LOCAL);
    assert_true(half.gap > tol);
    assert_near(half.lower, w2.lower, 1e-9 * w2.upper);
    wg_info block =
        test_distance(&c, trial % 2 ? "sum:schatten:0.5@2,operator@2" : "max:schatten:0.6@3", tol);
    assert_int_equal(block.outcome, WG_LOCAL);
    assert_true(block.lower <= block.upper);
    test_clouds dirac = {1, 1, c.d, c.x, NULL, c.y, NULL}; /* there is one coupling only */
    assert_certified(test_distance(&dirac, "schatten:0.5", 1e-5), 1e-5);
    test_free_clouds(&c);
  }
}

/* ---- exact truth ---- */

/* A number of that many bits in (0, 1). */
static double short_number(wg_rng *rng, int bits) {
  return ldexp((double)(1 + wg_rng_bits(rng) % ((UINT64_C(1) << bits) - 1)), -bits);
}

/* X = {0, 0, L}, Y = {1, L + 1}, a = (w1, w2, w3), b = s (w1 + w2, w3), all exact: everything moves
 * by 1, so W2 = 1 for every gauge, whatever the sums of the weights are. */
static void weights_are_taken_as_given(void **state) {
  (void)state;
  const char *gauges[] = {"trace", "operator", "frobenius", "schatten:3"};
  wg_rng rng = {1877};
  int certified_ones = 0;
  for (int trial = 0; trial < 500; trial++) {
    const int bits = trial % 2 ? 24 : 50;
    const double far = trial % 3 ? ldexp(1.0, (int)(wg_rng_bits(&rng) % 26)) : 638413.0;
    const double total = bits == 24 ? 1.0 + ldexp(1.0, -23) : 1.0;
    const double first = 0.5 * short_number(&rng, bits), second = 0.25 * short_number(&rng, bits);
    const double a[3] = {first, second, 1.0 - first - second};
    const double b[2] = {(first + second) * total, a[2] * total};
    const double x[3] = {0, 0, far}, y[2] = {1, far + 1};
    double lower, upper;
    const int outcome = wg_distance(3, 2, 1, x, a, y, b, gauges[trial % 4], 1e-6, &lower, &upper);
    assert_true(outcome >= 0);
    certified_ones += outcome == WG_CERTIFIED;
    if (!(lower <= 1.0 && upper >= 1.0))
      fail_msg("instance %d, L = %g: 1 is not in [%.17g, %.17g]", trial, far, lower, upper);
  }
  print_message("%d of 500 certified\n", certified_ones);
  assert_true(certified_ones >= 450);
}

/* Equal weights, given and not, mean the same measure; equal measures are at distance zero. */
static void equal_weights_are_uniform(void **state) {
  (void)state;
  const double third = 1.0 / 3.0, x[3] = {0, 1, 1e8}, y[3] = {1e8, 0, 1};
  const double a[3] = {third, third, third}, more = third * (1 + 1e-7), b[3] = {more, more, more};
  const double *weights[3] = {NULL, a, b};
  for (int k = 0; k < 9; k++) {
    double lower, upper;
    const int outcome =
        wg_distance(3, 3, 1, x, weights[k / 3], y, weights[k % 3], "trace", 1e-6, &lower, &upper);
    if (outcome != WG_CERTIFIED || lower != 0.0 || upper != 0.0)
      fail_msg("%d, %d: [%g, %g]", k / 3, k % 3, lower, upper);
  }
}

/* ---- geodesics ---- */

static void geodesics_have_constant_speed(void **state) {
  (void)state;
  wg_rng rng = {20};
  const char *gauges[] = {"trace", "frobenius", "operator", "kyfan:2"};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    test_clouds c = test_random_clouds(&rng, 12, 10, 3, true);
    wg_solver *solver = test_setup(&c, gauges[k], 1e-8);
    wg_info info = test_solve(solver);
    wg_plan plan;
    assert_int_equal(wg_get_plan(solver, &plan), WG_OK);
    const double s = 0.25, t = 0.7;
    test_clouds between = {plan.count,
                           plan.count,
                           3,
                           test_numbers(plan.count * 3),
                           test_numbers(plan.count),
                           test_numbers(plan.count * 3),
                           test_numbers(plan.count)};
    assert_int_equal(wg_geodesic(solver, s, between.x, between.a), WG_OK);
    assert_int_equal(wg_geodesic(solver, t, between.y, between.b), WG_OK);
    const double w = sqrt(test_distance(&between, gauges[k], 1e-8).upper);
    assert_near(w, (t - s) * info.w, 1e-7 * info.w);
    wg_free(solver);
    test_free_clouds(&between);
    test_free_clouds(&c);
  }
}

/* ---- edge cases ---- */

static void equal_clouds_are_at_distance_zero(void **state) {
  (void)state;
  wg_rng rng = {21};
  const char *gauges[] = {"trace", "frobenius", "operator", "kyfan:2", "sum:operator@2,trace@1"};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    const int64_t n = 20 + 300 * (int64_t)(k % 2); /* many weights: no rounding may be left */
    test_clouds c = test_random_clouds(&rng, n, n, 3, k % 2);
    test_clouds same = {n, n, 3, c.x, c.a, c.x, c.a};
    wg_info info = certified(&same, gauges[k]);
    assert_true(info.upper == 0.0 && info.lower == 0.0 && info.gap == 0.0);
    test_free_clouds(&c);
  }
}

/* A cloud written twice is the same measure as the cloud once. */
static void duplicates_change_nothing(void **state) {
  (void)state;
  wg_rng rng = {22};
  test_clouds c = test_random_clouds(&rng, 15, 10, 3, false);
  double *twice = test_numbers(2 * 15 * 3);
  memcpy(twice, c.x, 45 * sizeof *twice);
  memcpy(twice + 45, c.x, 45 * sizeof *twice);
  test_clouds doubled = {30, 10, 3, twice, NULL, c.y, NULL};
  assert_same_interval(certified(&c, "operator"), certified(&doubled, "operator"), 1e-12);
  const int64_t times[] = {2, 3, 7, 10, 30};
  for (size_t k = 0; k < sizeof times / sizeof *times; k++) { /* exactly zero, not nearly */
    double *again = test_numbers(times[k] * 45);
    for (int64_t i = 0; i < times[k] * 45; i++) again[i] = c.x[i % 45];
    test_clouds itself = {times[k] * 15, 15, 3, again, NULL, c.x, NULL};
    assert_true(certified(&itself, "operator").upper == 0.0);
    test_clouds apart = {times[k] * 15, 10, 3, again, NULL, c.y, NULL};
    assert_same_interval(certified(&c, "frobenius"), certified(&apart, "frobenius"), 1e-12);
    free(again);
  }
  free(twice);
  test_free_clouds(&c);
}

static void points_without_weight_are_dropped_and_restored(void **state) {
  (void)state;
  wg_rng rng = {23};
  test_clouds c = test_random_clouds(&rng, 12, 11, 2, true);
  wg_info base = certified(&c, "operator");
  test_clouds more = {
      14, 12, 2, test_numbers(28), test_numbers(14), test_numbers(24), test_numbers(12)};
  more.x[0] = 50.0; /* row 0 and row 13 carry nothing */
  more.x[27] = -9.0;
  more.y[10] = 4.0; /* column 5 carries nothing */
  memcpy(more.x + 2, c.x, 24 * sizeof(double));
  memcpy(more.a + 1, c.a, 12 * sizeof(double));
  memcpy(more.y, c.y, 10 * sizeof(double));
  memcpy(more.b, c.b, 5 * sizeof(double));
  memcpy(more.y + 12, c.y + 10, 12 * sizeof(double));
  memcpy(more.b + 6, c.b + 5, 6 * sizeof(double));
  wg_solver *solver = test_setup(&more, "operator", tol);
  wg_info info = test_solve(solver);
  assert_same_interval(base, info, 1e-12);
  assert_int_equal(info.dropped_x, 2);
  assert_int_equal(info.dropped_y, 1);
  double f[14], g[12];
  assert_int_equal(wg_get_potentials(solver, f, g), WG_OK);
  for (int i = 0; i < 14; i++) assert_true(isfinite(f[i]));
  for (int j = 0; j < 12; j++) assert_true(isfinite(g[j]));
  wg_free(solver);
  test_free_clouds(&more);
  test_free_clouds(&c);
}

static void scales_and_offsets_do_not_matter(void **state) {
  (void)state;
  wg_rng rng = {24};
  test_clouds c = test_random_clouds(&rng, 20, 18, 3, true);
  wg_info base = certified(&c, "operator");
  const double scales[] = {1e-8, 1e8, 0x1p-400, 0x1p400};
  for (size_t k = 0; k < 4; k++) {
    test_clouds s = {20, 18, 3, test_numbers(60), c.a, test_numbers(54), c.b};
    for (int i = 0; i < 60; i++) s.x[i] = c.x[i] * scales[k];
    for (int i = 0; i < 54; i++) s.y[i] = c.y[i] * scales[k];
    wg_info info = certified(&s, "operator");
    info.lower = info.lower / scales[k] / scales[k];
    info.upper = info.upper / scales[k] / scales[k];
    assert_same_interval(base, info, 1e-12);
    free(s.x);
    free(s.y);
  }
  test_clouds away = {20, 18, 3, test_numbers(60), c.a, test_numbers(54), c.b};
  for (int i = 0; i < 60; i++) away.x[i] = c.x[i] + 1e6;
  for (int i = 0; i < 54; i++) away.y[i] = c.y[i] + 1e6;
  assert_same_interval(base, certified(&away, "operator"), 1e-8);
  free(away.x);
  free(away.y);
  test_free_clouds(&c);
}

static void values_out_of_range_are_refused(void **state) {
  (void)state;
  double x[] = {1e200, 0}, y[] = {0, 1e200};
  wg_solver *solver;
  assert_int_equal(wg_setup(&solver, 1, 1, 2, x, NULL, y, NULL, "trace", NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "leave the range of double"));
  x[0] = y[1] = 1e-200;
  assert_int_equal(wg_setup(&solver, 1, 1, 2, x, NULL, y, NULL, "trace", NULL), WG_ERR_INPUT);
}

static void flat_clouds_are_solved(void **state) {
  (void)state;
  wg_rng rng = {25};
  test_clouds c = test_random_clouds(&rng, 25, 20, 4, true);
  for (int i = 0; i < 25; i++) c.x[4 * i + 2] = c.x[4 * i + 3] = c.x[4 * i] + c.x[4 * i + 1];
  for (int i = 0; i < 20; i++) c.y[4 * i + 2] = c.y[4 * i + 3] = c.y[4 * i] + c.y[4 * i + 1];
  const char *gauges[] = {"trace",
                          "schatten:1.2",
                          "schatten:10",
                          "operator",
                          "kyfan:2",
                          "kyfan:3",
                          "sum:operator@2,kyfan:1@2",
                          "max:schatten:3@2,operator@2"};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) certified(&c, gauges[k]);
  for (int i = 0; i < 100; i++) c.x[i] = 3.0; /* all points of x in one place */
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) certified(&c, gauges[k]);
  for (int i = 0; i < 80; i++) c.y[i] = 5.0;
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) certified(&c, gauges[k]);
  test_free_clouds(&c);
}

/* Clouds much closer to each other than their size keep their relative accuracy; with a singular Q
 * (operator) neighbours in the null direction cost nothing and less of it can be kept. */
static void close_clouds_keep_relative_accuracy(void **state) {
  (void)state;
  wg_rng rng = {26};
  const struct {
    const char *gauge;
    double distance;
  } cases[] = {{"trace", 1e-6}, {"frobenius", 1e-6}, {"schatten:4", 1e-5}, {"operator", 1e-3}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    test_clouds c = test_random_clouds(&rng, 40, 40, 2, false);
    for (int i = 0; i < 80; i++) c.y[i] = c.x[i] + cases[k].distance * wg_rng_normal(&rng);
    wg_info info = certified(&c, cases[k].gauge);
    assert_true(info.upper < 10 * cases[k].distance * cases[k].distance && info.lower > 0);
    test_free_clouds(&c);
  }
}

/* W2 is below the rounding of a single cost: no bound is sharp, but there are both. */
static void clouds_on_a_line_may_nearly_coincide(void **state) {
  (void)state;
  wg_rng rng = {28};
  for (int turn = 0; turn < 20; turn++) {
    test_clouds c = test_random_clouds(&rng, 6, 6, 1, false);
    for (int i = 0; i < 6; i++) c.y[i] = c.x[i] * (1.0 + 1e-9 * wg_rng_normal(&rng));
    assert_true(test_distance(&c, "operator", 1e-6).upper < 1e-16);
    test_free_clouds(&c);
  }
}

static void heavy_tailed_weights_are_solved(void **state) {
  (void)state;
  wg_rng rng = {27};
  test_clouds c = test_random_clouds(&rng, 40, 30, 3, true);
  double sum = 0;
  for (int i = 0; i < 40; i++) sum += c.a[i] = pow(10, -12 * wg_rng_uniform(&rng));
  for (int i = 0; i < 40; i++) c.a[i] /= sum;
  certified(&c, "operator");
  certified(&c, "trace");
  test_free_clouds(&c);
}

/* ---- warm starts and determinism ---- */

static void warm_solves_equal_cold_ones(void **state) {
  (void)state;
  wg_rng rng = {28};
  test_clouds c = test_random_clouds(&rng, 40, 35, 3, true);
  const char *gauges[] = {"operator",     "frobenius", "kyfan:2",
                          "schatten:0.5", "trace",     "max:operator@2,operator@1",
                          "operator"};
  wg_solver *solver = test_setup(&c, "trace", tol);
  test_solve(solver);
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    assert_int_equal(wg_set_gauge(solver, gauges[k]), WG_OK);
    wg_info warm = test_solve(solver);
    assert_same_interval(warm, test_distance(&c, gauges[k], tol), 1e-12);
    for (int64_t i = 0; i < c.m * 3; i++) c.y[i] += 0.05 * wg_rng_normal(&rng);
    assert_int_equal(wg_set_points(solver, c.x, c.y), WG_OK);
  }
  /* two points that meet change the groups: the search starts afresh */
  memcpy(c.x, c.x + 3, 3 * sizeof(double));
  assert_int_equal(wg_set_points(solver, c.x, c.y), WG_OK);
  assert_same_interval(test_solve(solver), test_distance(&c, "operator", tol), 1e-12);
  wg_free(solver);
  test_free_clouds(&c);
}

static void threads_do_not_change_a_bit(void **state) {
  (void)state;
  wg_rng rng = {29};
  test_clouds c = test_random_clouds(&rng, 500, 450, 3, true);
  double bounds[2][2];
  for (int threads = 1; threads <= 2; threads++) {
    wg_settings settings;
    wg_solver *solver;
    wg_info info;
    wg_settings_init(&settings);
    settings.threads = threads;
    assert_int_equal(wg_setup(&solver, c.n, c.m, 3, c.x, c.a, c.y, c.b, "operator", &settings),
                     WG_OK);
    assert_int_equal(wg_solve(solver, &info), WG_CERTIFIED);
    bounds[threads - 1][0] = info.lower;
    bounds[threads - 1][1] = info.upper;
    wg_free(solver);
  }
  assert_memory_equal(bounds[0], bounds[1], sizeof bounds[0]);
  test_free_clouds(&c);
}

/* ---- limits ---- */

static int stop_at_once(const wg_progress *progress, void *data) {
  assert_true(progress->lower <= progress->upper);
  ++*(int *)data;
  return 1;
}

/* Exact solves over all pairs, warm or cold; the rest is done on the arcs they have met. */
static void thirty_exact_solves_are_enough(void **state) {
  (void)state;
  static const char *const gauges[] = {"operator",
                                       "schatten:1.3",
                                       "schatten:7",
                                       "kyfan:2",
                                       "sum:operator@1,kyfan:2@3",
                                       "max:operator@2,trace@2/1.5"};
  wg_rng rng = {31};
  for (int trial = 0; trial < 18; trial++) {
    const bool many = trial >= 12; /* enough for a coarser problem to begin with */
    test_clouds c =
        test_random_clouds(&rng, many ? 430 : 60 + trial, many ? 401 : 75, 4, trial % 2);
    const wg_info info = test_distance(&c, gauges[trial % 6], 1e-9);
    assert_certified(info, 1e-9);
    assert_in_range(info.oracle_calls, 2, 30);
    test_free_clouds(&c);
  }
}

static void limits_leave_an_honest_interval(void **state) {
  (void)state;
  wg_rng rng = {30};
  test_clouds c = test_random_clouds(&rng, 600, 600, 8, true);
  wg_settings settings;
  wg_solver *solver;
  int reports = 0;
  wg_settings_init(&settings);
  settings.max_calls = 3;
  assert_int_equal(wg_setup(&solver, c.n, c.m, 8, c.x, c.a, c.y, c.b, "operator", &settings),
                   WG_OK);
  wg_info info = test_solve(solver);
  assert_int_equal(info.outcome, WG_CALL_LIMIT);
  assert_int_equal(info.oracle_calls, 3);
  assert_true(info.gap > 1e-6 && info.gap < 1 && info.lower > 0);
  wg_free(solver);
  settings.max_calls = 1000;
  settings.time_limit = 1e-9;
  assert_int_equal(wg_setup(&solver, c.n, c.m, 8, c.x, c.a, c.y, c.b, "operator", &settings),
                   WG_OK);
  info = test_solve(solver);
  assert_int_equal(info.outcome, WG_TIME_LIMIT);
  assert_true(isfinite(info.upper) && info.upper > 0);
  wg_free(solver);
  settings.time_limit = INFINITY;
  settings.progress = stop_at_once;
  settings.progress_data = &reports;
  assert_int_equal(wg_setup(&solver, c.n, c.m, 8, c.x, c.a, c.y, c.b, "operator", &settings),
                   WG_OK);
  info = test_solve(solver);
  assert_int_equal(info.outcome, WG_STOPPED);
  assert_int_equal(reports, 1);
  wg_free(solver);
  settings.progress = NULL;
  settings.memory_limit = 100000;
  assert_int_equal(wg_setup(&solver, c.n, c.m, 8, c.x, c.a, c.y, c.b, "operator", &settings),
                   WG_ERR_MEMORY_LIMIT);
  assert_non_null(strstr(wg_error_detail(), "the limit is 100000"));
  test_free_clouds(&c);
}

/* What the solve will take is known before it starts, and refused in the first moment. */
static void memory_is_estimated(void **state) {
  (void)state;
  wg_rng rng = {21};
  test_clouds c = test_random_clouds(&rng, 2000, 1800, 8, true);
  wg_settings settings;
  wg_settings_init(&settings);
  wg_solver *solver;
  assert_int_equal(wg_setup(&solver, c.n, c.m, 8, c.x, c.a, c.y, c.b, "trace", &settings), WG_OK);
  const wg_info info = test_solve(solver);
  wg_free(solver);
  const double estimate = (double)wg_memory_estimate(c.n, c.m, 8);
  assert_true(estimate > 0.67 * (double)info.peak_bytes);
  assert_true(estimate < 1.5 * (double)info.peak_bytes);
  settings.memory_limit = (int64_t)(0.45 * estimate);
  assert_int_equal(wg_setup(&solver, c.n, c.m, 8, c.x, c.a, c.y, c.b, "trace", &settings), WG_OK);
  assert_int_equal(wg_solve(solver, NULL), WG_ERR_MEMORY_LIMIT);
  assert_non_null(strstr(wg_error_detail(), "raise it, or draw a sample"));
  wg_free(solver);
  test_free_clouds(&c);
}

static void bad_arguments_are_named(void **state) {
  (void)state;
  double x[] = {0, 0, 1, 1}, y[] = {0, NAN, 1, 1}, a[] = {0.5, -0.5}, b[] = {0.5, 0.4};
  wg_solver *solver;
  assert_int_equal(wg_setup(&solver, 2, 2, 2, x, NULL, y, NULL, "trace", NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "y[0, 1]"));
  assert_int_equal(wg_setup(&solver, 2, 2, 2, x, a, x, NULL, "trace", NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "a[1] = -0.5 is negative"));
  assert_int_equal(wg_setup(&solver, 2, 2, 2, x, NULL, x, b, "trace", NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "b sums to 0.9"));
  assert_int_equal(wg_setup(&solver, 0, 2, 2, x, NULL, x, NULL, "trace", NULL), WG_ERR_INPUT);
  assert_int_equal(wg_setup(&solver, 2, 2, 2, x, NULL, x, NULL, "tracee", NULL), WG_ERR_ARGUMENT);
  assert_int_equal(wg_setup(&solver, 2, 2, 2, x, NULL, x, NULL, "kyfan:3", NULL), WG_ERR_INPUT);
  assert_int_equal(wg_setup(&solver, 2, 2, 2, NULL, NULL, x, NULL, "trace", NULL), WG_ERR_ARGUMENT);
  assert_int_equal(wg_setup(&solver, 2, 2, 2, x, NULL, x, NULL, "trace", NULL), WG_OK);
  wg_plan plan;
  assert_int_equal(wg_get_plan(solver, &plan), WG_ERR_STATE);
  assert_int_equal(wg_set_gauge(solver, "kyfan:9"), WG_ERR_INPUT);
  assert_int_equal(wg_set_tol(solver, -1), WG_ERR_ARGUMENT);
  assert_int_equal(wg_set_points(solver, x, y), WG_ERR_INPUT);
  assert_int_equal(wg_solve(solver, NULL), WG_CERTIFIED); /* failed calls changed nothing */
  wg_free(solver);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_two_atom_example_splits_mass),
      cmocka_unit_test(two_diracs_are_as_far_as_their_points),
      cmocka_unit_test(every_gauge_is_w2_on_the_line),
      cmocka_unit_test(w_decreases_in_p_and_increases_in_k),
      cmocka_unit_test(block_gauges_agree_with_their_parts),
      cmocka_unit_test(the_triangle_inequality_holds),
      cmocka_unit_test(w_is_symmetric_and_homogeneous_and_moves_with_both),
      cmocka_unit_test(spectral_gauges_do_not_see_rotations),
      cmocka_unit_test(far_clouds_follow_their_means),
      cmocka_unit_test(below_one_the_interval_is_honest),
      cmocka_unit_test(weights_are_taken_as_given),
      cmocka_unit_test(equal_weights_are_uniform),
      cmocka_unit_test(geodesics_have_constant_speed),
      cmocka_unit_test(equal_clouds_are_at_distance_zero),
      cmocka_unit_test(duplicates_change_nothing),
      cmocka_unit_test(points_without_weight_are_dropped_and_restored),
      cmocka_unit_test(scales_and_offsets_do_not_matter),
      cmocka_unit_test(values_out_of_range_are_refused),
      cmocka_unit_test(flat_clouds_are_solved),
      cmocka_unit_test(close_clouds_keep_relative_accuracy),
      cmocka_unit_test(clouds_on_a_line_may_nearly_coincide),
      cmocka_unit_test(heavy_tailed_weights_are_solved),
      cmocka_unit_test(warm_solves_equal_cold_ones),
      cmocka_unit_test(threads_do_not_change_a_bit),
      cmocka_unit_test(thirty_exact_solves_are_enough),
      cmocka_unit_test(limits_leave_an_honest_interval),
      cmocka_unit_test(memory_is_estimated),
      cmocka_unit_test(bad_arguments_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
