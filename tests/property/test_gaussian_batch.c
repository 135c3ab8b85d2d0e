/* Many Gaussian problems at once: each answer is that of the problem alone, whatever the workers;
 * small problems have a solver of their own, whose interval must meet the general one's. */
#include "normals.h"

enum { COUNT = 37 };

typedef struct stack {
  int64_t d;
  double *m0, *s0, *m1, *s1;
  double lower[COUNT], upper[COUNT];
  int outcome[COUNT];
  wg_gaussian_batch_info info;
} stack;

/* Every fifth pair is special: nearly singular, singular, equal, translated or commuting. */
static test_normals pair_of(wg_rng *rng, int64_t d, int k) {
  test_normals c = test_random_normals(rng, d);
  if (k % 10 == 1) test_covariance(rng, d, d, 1e8, c.s0);
  if (k % 10 == 3) test_covariance(rng, d, (d + 1) / 2, 10.0, c.s1);
  if (k % 10 == 5) c.s1[0] += c.s1[0];
  if (k % 10 == 7) memcpy(c.s1, c.s0, sizeof c.s0);
  for (int64_t i = 0; k % 10 == 9 && i < d * d; i++) c.s1[i] = 4.0 * c.s0[i];
  return c;
}

static stack random_stack(int64_t d, uint64_t seed) {
  wg_rng rng = {seed};
  stack s = {.d = d,
             .m0 = test_numbers(COUNT * d),
             .s0 = test_numbers(COUNT * d * d),
             .m1 = test_numbers(COUNT * d),
             .s1 = test_numbers(COUNT * d * d)};
  const size_t vector = (size_t)d * sizeof(double), square = (size_t)d * vector;
  for (int k = 0; k < COUNT; k++) {
    const test_normals c = pair_of(&rng, d, k);
    memcpy(s.m0 + k * d, c.m0, vector);
    memcpy(s.s0 + k * d * d, c.s0, square);
    memcpy(s.m1 + k * d, c.m1, vector);
    memcpy(s.s1 + k * d * d, c.s1, square);
  }
  return s;
}

static void drop(stack *s) {
  free(s->m0);
  free(s->s0);
  free(s->m1);
  free(s->s1);
}

static int solve(stack *s, const char *gauge, double tol, int threads) {
  wg_settings settings;
  wg_settings_init(&settings);
  settings.tol = tol;
  settings.threads = threads;
  return wg_gaussian_batch(COUNT, s->d, s->m0, s->s0, s->m1, s->s1, gauge, &settings, s->lower,
                           s->upper, s->outcome, &s->info);
}

static void compare_with_single(const stack *s, const char *gauge, double tol) {
  wg_settings settings;
  wg_settings_init(&settings);
  settings.tol = tol;
  for (int64_t k = 0; k < COUNT; k++) {
    const int64_t d = s->d, dd = d * d;
    wg_gaussian_info alone;
    assert_true(wg_gaussian(d, s->m0 + k * d, s->s0 + k * dd, s->m1 + k * d, s->s1 + k * dd, gauge,
                            &settings, &alone, NULL, NULL, NULL, NULL) >= 0);
    if (s->lower[k] > alone.upper || s->upper[k] < alone.lower)
      fail_msg("%s, d = %lld, problem %lld: [%.17g, %.17g] and alone [%.17g, %.17g]", gauge,
               (long long)d, (long long)k, s->lower[k], s->upper[k], alone.lower, alone.upper);
    if (alone.outcome == WG_CERTIFIED && s->outcome[k] != WG_CERTIFIED)
      fail_msg("%s, d = %lld, problem %lld: %s", gauge, (long long)d, (long long)k,
               wg_outcome_text(s->outcome[k]));
  }
}

static void many_are_as_one(void **state) {
  (void)state;
  const char *const gauges[] = {"trace",
                                "frobenius",
                                "operator",
                                "schatten:1.2",
                                "schatten:7.5",
                                "kyfan:1",
                                "max:operator@1/1,schatten:3@1/1.5"};
  const int64_t sizes[] = {1, 2, 3, 5, 8, 9};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
      const int64_t d = sizes[i];
      if (gauges[k][0] == 'm' && d != 2) continue;
      stack s = random_stack(d, (uint64_t)(100 * d) + k);
      if (solve(&s, gauges[k], 1e-9, 1) < 0) fail_msg("%s", wg_error_detail());
      compare_with_single(&s, gauges[k], 1e-9);
      assert_int_equal(s.info.solved, COUNT);
      drop(&s);
    }
}

/* The small solver must meet its tolerance by itself on regular pairs, not by luck of what follows
 * it: intervals of general and small code, both certified at 1e-11, overlap. */
static void small_and_general_agree(void **state) {
  (void)state;
  const char *const pairs[][2] = {
      {"operator", "kyfan:1"}, {"frobenius", "schatten:2"}, {"schatten:3", "sum:schatten:3@4"}};
  stack s = random_stack(4, 77), t = random_stack(4, 77);
  for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
    assert_true(solve(&s, pairs[k][0], 1e-9, 1) >= 0);
    assert_true(solve(&t, pairs[k][1], 1e-9, 1) >= 0);
    for (int i = 0; i < COUNT; i++)
      assert_true(s.lower[i] <= t.upper[i] && t.lower[i] <= s.upper[i]);
  }
  drop(&s);
  drop(&t);
}

static void workers_change_no_bit(void **state) {
  (void)state;
  stack one = random_stack(3, 5), three = random_stack(3, 5);
  assert_true(solve(&one, "operator", 1e-9, 1) >= 0);
  assert_true(solve(&three, "operator", 1e-9, 3) >= 0);
  assert_int_equal(three.info.workers, 3);
  assert_memory_equal(one.lower, three.lower, sizeof one.lower);
  assert_memory_equal(one.upper, three.upper, sizeof one.upper);
  assert_memory_equal(one.outcome, three.outcome, sizeof one.outcome);
  drop(&one);
  drop(&three);
}

static void the_summary_tells(void **state) {
  (void)state;
  stack s = random_stack(2, 9);
  double largest = 0.0;
  int64_t certified = 0;
  assert_int_equal(solve(&s, "operator", 1e-9, 1), s.info.outcome);
  for (int k = 0; k < COUNT; k++) {
    certified += s.outcome[k] == WG_CERTIFIED;
    if (s.upper[k] > 0.0) largest = fmax(largest, (s.upper[k] - s.lower[k]) / s.upper[k]);
  }
  assert_int_equal(certified, s.info.certified);
  assert_true(largest == s.info.largest_gap && s.info.seconds > 0.0 && s.info.peak_bytes > 0);
  assert_int_equal(solve(&s, "schatten:0.5", 1e-9, 1), WG_LOCAL);
  drop(&s);
}

static void limits_leave_honest_bounds(void **state) {
  (void)state;
  wg_settings settings;
  stack s = random_stack(9, 11);
  wg_settings_init(&settings);
  settings.tol = 1e-9;
  settings.threads = 1;
  settings.time_limit = 1e-4;
  const int status = wg_gaussian_batch(COUNT, 9, s.m0, s.s0, s.m1, s.s1, "operator", &settings,
                                       s.lower, s.upper, s.outcome, &s.info);
  assert_int_equal(status, WG_TIME_LIMIT);
  assert_true(s.info.solved < COUNT);
  assert_int_equal(s.outcome[COUNT - 1], WG_TIME_LIMIT);
  assert_true(s.lower[COUNT - 1] == 0.0 && isinf(s.upper[COUNT - 1]));
  drop(&s);
}

static void the_first_bad_problem_is_named(void **state) {
  (void)state;
  stack s = random_stack(3, 13);
  s.s1[30 * 9 + 1] += 1.0;
  s.s0[33 * 9] = NAN;
  for (int threads = 1; threads <= 3; threads += 2) {
    assert_int_equal(solve(&s, "operator", 1e-9, threads), WG_ERR_INPUT);
    if (!strstr(wg_error_detail(), "problem 30: cov1 is not symmetric"))
      fail_msg("%s", wg_error_detail());
  }
  assert_int_equal(wg_gaussian_batch(0, 3, s.m0, s.s0, s.m1, s.s1, "operator", NULL, s.lower,
                                     s.upper, s.outcome, NULL),
                   WG_ERR_ARGUMENT);
  assert_int_equal(wg_gaussian_batch(COUNT, 3, s.m0, NULL, s.m1, s.s1, "operator", NULL, s.lower,
                                     s.upper, s.outcome, NULL),
                   WG_ERR_ARGUMENT);
  assert_int_equal(wg_gaussian_batch(COUNT, 3, s.m0, s.s0, s.m1, s.s1, "kyfan:4", NULL, s.lower,
                                     s.upper, s.outcome, NULL),
                   WG_ERR_INPUT);
  assert_int_equal(wg_gaussian_batch(COUNT, 3, s.m0, s.s0, s.m1, s.s1, "operator", NULL, s.lower,
                                     NULL, s.outcome, NULL),
                   WG_ERR_ARGUMENT);
  drop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(many_are_as_one),
                                     cmocka_unit_test(small_and_general_agree),
                                     cmocka_unit_test(workers_change_no_bit),
                                     cmocka_unit_test(the_summary_tells),
                                     cmocka_unit_test(limits_leave_honest_bounds),
                                     cmocka_unit_test(the_first_bad_problem_is_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
