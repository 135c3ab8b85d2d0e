/* Densities on grids: closed forms, translations, the static value, invariances, bad input. */
#include "grids.h"

static wg_dynamic_settings settings_of(int64_t steps, double tol, int64_t iterations) {
  wg_dynamic_settings settings;
  wg_dynamic_settings_init(&settings);
  settings.threads = 1; /* as many tests run side by side as there are cores */
  settings.steps = steps;
  settings.tol = tol;
  settings.max_iterations = iterations;
  return settings;
}

/* Diagonal Gaussians: gamma of the diagonal of squared differences (theory 4). */
static double closed_form(int64_t d, const char *gauge, const double *mean0,
                          const double *deviation0, const double *mean1, const double *deviation1) {
  double s[9] = {0}, value;
  for (int64_t k = 0; k < d; k++) {
    const double shift = mean0[k] - mean1[k], stretch = deviation0[k] - deviation1[k];
    s[k * d + k] = shift * shift + stretch * stretch;
  }
  assert_int_equal(wg_gauge(gauge, d, s, &value, NULL, NULL), WG_OK);
  return value;
}

static void gaussians_in_the_plane(void **state) {
  (void)state;
  const char *const gauges[] = {"trace", "frobenius", "operator", "max:trace@1/1,trace@1/0.6"};
  const double mean[2] = {5, 5}, from[2] = {0.5, 0.9}, to[2] = {1.0, 0.6};
  const wg_dynamic_settings settings = settings_of(16, 1e-3, 1000);
  test_grid g = test_gaussians(2, 32, 10.0, mean, from, mean, to);
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    const double want = closed_form(2, gauges[k], mean, from, mean, to);
    const wg_dynamic_info info = test_dynamic(&g, gauges[k], &settings);
    assert_true(info.converged);
    if (fabs(info.primal - want) > 3e-3 * want || fabs(info.dual - want) > 3e-3 * want)
      fail_msg("%s: %.6f and %.6f, not %.6f", gauges[k], info.primal, info.dual, want);
    assert_true(info.lower <= info.primal * 1.002 && info.upper >= info.primal * 0.998);
  }
  test_free_grid(&g);
}

static void gaussians_on_the_line_and_in_space(void **state) {
  (void)state;
  const double mean[3] = {4.5, 4, 4}, there[3] = {5.5, 4, 4.5};
  const double from[3] = {0.6, 0.8, 0.7}, to[3] = {0.9, 0.6, 0.7};
  const wg_dynamic_settings fine = settings_of(32, 5e-4, 4000), coarse = settings_of(6, 2e-3, 900);
  test_grid line = test_gaussians(1, 64, 10.0, mean, from, there, to);
  double want = closed_form(1, "trace", mean, from, there, to);
  wg_dynamic_info info = test_dynamic(&line, "operator", &fine);
  assert_true(info.converged);
  assert_near(info.primal, want, 2e-3 * want);
  assert_true(info.upper - info.lower <= 0.1 * want);
  test_grid space = test_gaussians(3, 12, 9.0, mean, from, there, to);
  want = closed_form(3, "kyfan:2", mean, from, there, to);
  info = test_dynamic(&space, "kyfan:2", &coarse);
  assert_near(info.primal, want, 0.02 * want);
  test_free_grid(&line);
  test_free_grid(&space);
}

/* A density moved by whole cells: the value is the square of the way, for every gauge. */
static void translations(void **state) {
  (void)state;
  const char *const gauges[] = {"trace", "operator"};
  const double here[2] = {3.5, 4}, there[2] = {5.5, 4}, wide[2] = {0.8, 0.7};
  const wg_dynamic_settings settings = settings_of(16, 1e-3, 2000);
  test_grid g = test_gaussians(2, 24, 9.0, here, wide, there, wide);
  for (int k = 0; k < 2; k++) {
    const wg_dynamic_info info = test_dynamic(&g, gauges[k], &settings);
    assert_true(info.converged);
    assert_near(info.primal, 4.0, 4e-3);
    assert_near(info.dual, 4.0, 8e-3);
  }
  test_free_grid(&g);
}

/* The static solver on the middles of the cells. Atoms on a grid are no density: where cells do not
 * fit, mass of one goes to several, which costs up to half a cell side squared more here (theory
 * page, "Static and dynamic"). */
static void the_static_value(void **state) {
  (void)state;
  const char *const gauges[] = {"trace", "frobenius", "operator"};
  const double here[2] = {3.0, 4.4}, there[2] = {5.0, 3.4}, from[2] = {0.9, 1.2},
               to[2] = {1.3, 0.8};
  const wg_dynamic_settings settings = settings_of(16, 2e-3, 2000);
  test_grid g = test_gaussians(2, 12, 8.0, here, from, there, to);
  double *points = test_numbers(2 * g.cells), sum[2] = {0, 0}, lower, upper;
  for (int64_t c = 0; c < g.cells; c++)
    for (int k = 0; k < 2; k++) {
      points[2 * c + k] = test_middle(&g, c, k);
      sum[k] += g.mass[k][c];
    }
  for (int64_t c = 0; c < g.cells; c++)
    for (int k = 0; k < 2; k++) g.mass[k][c] /= sum[k];
  for (int k = 0; k < 3; k++) {
    assert_true(wg_distance(g.cells, g.cells, 2, points, g.mass[0], points, g.mass[1], gauges[k],
                            1e-6, &lower, &upper) >= 0);
    const wg_dynamic_info info = test_dynamic(&g, gauges[k], &settings);
    const double more = upper - info.primal, square = g.spacing[0] * g.spacing[0];
    if (more > 0.5 * square || more < 0.0)
      fail_msg("%s: dynamic %.6f, static %.6f", gauges[k], info.primal, upper);
  }
  free(points);
  test_free_grid(&g);
}

/* Results do not depend on threads, nor on the scale of the masses; lengths scale the value. */
static void invariances(void **state) {
  (void)state;
  const double here[2] = {3, 4}, there[2] = {5, 4}, wide[2] = {0.8, 0.7};
  wg_dynamic_settings settings = settings_of(8, 1e-3, 60);
  test_grid g = test_gaussians(2, 16, 8.0, here, wide, there, wide);
  settings.threads = 1;
  const wg_dynamic_info one = test_dynamic(&g, "operator", &settings);
  settings.threads = 3;
  const wg_dynamic_info three = test_dynamic(&g, "operator", &settings);
  assert_true(one.primal == three.primal && one.lower == three.lower && one.upper == three.upper);
  assert_true(one.outcome == WG_CALL_LIMIT && !one.converged);
  for (int64_t c = 0; c < g.cells; c++) g.mass[0][c] *= 64.0;
  for (int k = 0; k < 2; k++) g.spacing[k] *= 4.0;
  const wg_dynamic_info scaled = test_dynamic(&g, "operator", &settings);
  assert_near(scaled.primal, 16.0 * one.primal, 1e-9 * scaled.primal);
  memcpy(g.mass[1], g.mass[0], (size_t)g.cells * sizeof *g.mass[0]);
  const wg_dynamic_info same = test_dynamic(&g, "operator", &settings);
  /* zero, but for the detour that keeps tails of density above what rounding may move */
  assert_true(same.converged && same.upper <= 1e-7 * 32.0 * 32.0);
  test_free_grid(&g);
}

static int stop_at_once(const wg_progress *progress, void *data) {
  (void)progress;
  return ++*(int *)data > 0;
}

static void a_stopped_solve_has_an_answer(void **state) {
  (void)state;
  const double here[2] = {3, 4}, there[2] = {5, 4}, wide[2] = {0.8, 0.7};
  wg_dynamic_settings settings = settings_of(16, 1e-12, 1000000);
  test_grid g = test_gaussians(2, 16, 8.0, here, wide, there, wide);
  int calls = 0;
  settings.progress = stop_at_once;
  settings.progress_data = &calls;
  assert_int_equal(test_dynamic(&g, "trace", &settings).outcome, WG_STOPPED);
  assert_int_equal(calls, 1);
  settings.progress = NULL;
  settings.time_limit = 0.05;
  const wg_dynamic_info info = test_dynamic(&g, "trace", &settings);
  assert_int_equal(info.outcome, WG_TIME_LIMIT);
  assert_true(info.upper > 0.0 && isfinite(info.upper));
  test_free_grid(&g);
}

static void expect_refusal(int status, int want, const char *words) {
  assert_int_equal(status, want);
  if (!strstr(wg_error_detail(), words)) fail_msg("'%s' lacks '%s'", wg_error_detail(), words);
}

static void bad_input_is_named(void **state) {
  (void)state;
  const int64_t shape[2] = {2, 3}, thin[2] = {2, 1};
  const double good[6] = {1, 2, 3, 4, 5, 6}, minus[6] = {1, 2, 3, 4, -5, 6}, zero[6] = {0};
  const double spacing[2] = {1, -1};
  wg_dynamic_settings settings = settings_of(1, 1e-3, 10);
  expect_refusal(wg_dynamic(2, shape, NULL, good, minus, "trace", NULL, NULL, NULL), WG_ERR_INPUT,
                 "mass1[1, 1] = -5");
  expect_refusal(wg_dynamic(2, shape, NULL, zero, good, "trace", NULL, NULL, NULL), WG_ERR_INPUT,
                 "mass0 is zero");
  expect_refusal(wg_dynamic(2, thin, NULL, good, good, "trace", NULL, NULL, NULL), WG_ERR_INPUT,
                 "axis 1 has 1 cells");
  expect_refusal(wg_dynamic(4, shape, NULL, good, good, "trace", NULL, NULL, NULL), WG_ERR_INPUT,
                 "4 axes");
  expect_refusal(wg_dynamic(2, shape, spacing, good, good, "trace", NULL, NULL, NULL), WG_ERR_INPUT,
                 "spacing[1]");
  expect_refusal(wg_dynamic(2, shape, NULL, good, good, "schatten:0.5", NULL, NULL, NULL),
                 WG_ERR_INPUT, "not convex");
  expect_refusal(wg_dynamic(2, shape, NULL, good, good, "trace", &settings, NULL, NULL),
                 WG_ERR_ARGUMENT, "steps = 1");
  expect_refusal(wg_dynamic(2, shape, NULL, NULL, good, "trace", NULL, NULL, NULL), WG_ERR_ARGUMENT,
                 "NULL");
  expect_refusal(wg_dynamic_get(NULL, NULL), WG_ERR_ARGUMENT, "NULL");
  wg_dynamic_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gaussians_in_the_plane),
                                     cmocka_unit_test(gaussians_on_the_line_and_in_space),
                                     cmocka_unit_test(translations),
                                     cmocka_unit_test(the_static_value),
                                     cmocka_unit_test(invariances),
                                     cmocka_unit_test(a_stopped_solve_has_an_answer),
                                     cmocka_unit_test(bad_input_is_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
