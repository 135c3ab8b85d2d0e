/* Measures on the sphere against what can be computed by hand: two Diracs under any gauge, creation
 * and annihilation, and bounds that hold whatever they are given. */
#include "certify/certify.h"
#include "measures.h"

static const double pi = 3.141592653589793;

/* ---- two Diracs ---- */

static void two_diracs_under_the_trace(void **state) {
  (void)state;
  const double angles[] = {0.0, 1e-4, 0.3, 1.2, 0.5 * pi, 2.0, pi};
  const double masses[][2] = {{1.0, 1.0}, {2.0, 0.1}, {1e-3, 5e3}};
  for (size_t k = 0; k < sizeof angles / sizeof *angles; k++)
    for (size_t l = 0; l < 3; l++) {
      double w0[2] = {1.0, 0.0}, w1[2] = {cos(angles[k]), sin(angles[k])};
      double m0 = masses[l][0], m1 = masses[l][1];
      const test_measure a = {1, 2, w0, &m0}, b = {1, 2, w1, &m1};
      const wg_sphere_info info = test_sphere(&a, &b, "trace", 1e-11);
      const double exact = m0 + m1 - 2.0 * sqrt(m0 * m1) * fmax(cos(angles[k]), 0.0);
      assert_near(info.uw2, exact, 1e-9 * (m0 + m1));
      assert_true(info.lower <= exact + 1e-15 * (m0 + m1));
      assert_true(exact - 1e-15 * (m0 + m1) <= info.upper);
    }
}

typedef struct dirac_pair {
  int64_t d;
  const double *w0, *w1;
  double m0, m1;
  const char *gauge;
} dirac_pair;

static double gauge_at(const dirac_pair *p, double c) {
  double s[16], value;
  for (int64_t i = 0; i < p->d; i++)
    for (int64_t j = 0; j < p->d; j++)
      s[i * p->d + j] = p->m0 * p->w0[i] * p->w0[j] + p->m1 * p->w1[i] * p->w1[j] -
                        c * (p->w0[i] * p->w1[j] + p->w1[i] * p->w0[j]);
  assert_int_equal(wg_gauge(p->gauge, p->d, s, &value, NULL, NULL), WG_OK);
  return value;
}

/* min over 0 <= c <= sqrt(m0 m1), convex in c, by thirds. */
static double one_parameter_minimum(const dirac_pair *p) {
  double low = 0.0, high = sqrt(p->m0 * p->m1);
  for (int k = 0; k < 200; k++) {
    const double left = low + (high - low) / 3.0, right = high - (high - low) / 3.0;
    if (gauge_at(p, left) < gauge_at(p, right))
      high = right;
    else
      low = left;
  }
  return gauge_at(p, 0.5 * (low + high));
}

static void two_diracs_under_any_gauge(void **state) {
  (void)state;
  const char *const gauges[] = {
      "operator", "frobenius", "schatten:1.5",           "schatten:4",
      "kyfan:2",  "trace",     "sum:operator@2,trace@1", "max:trace@1/1,operator@2/0.7"};
  wg_rng rng = {7};
  for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++)
    for (int trial = 0; trial < 6; trial++) {
      test_measure a = test_atoms(&rng, 1, 3, 0.2 + 2.0 * wg_rng_uniform(&rng));
      test_measure b = test_atoms(&rng, 1, 3, 0.2 + 2.0 * wg_rng_uniform(&rng));
      const dirac_pair pair = {3, a.w, b.w, a.mass[0], b.mass[0], gauges[g]};
      const double exact = one_parameter_minimum(&pair);
      const wg_sphere_info info = test_sphere(&a, &b, gauges[g], 2e-10);
      assert_true(info.lower <= exact * (1.0 + 1e-12) && exact <= info.upper * (1.0 + 1e-9));
      assert_near(info.uw2, exact, 1e-9);
      test_free_measure(&a);
      test_free_measure(&b);
    }
}

/* ---- creation and annihilation ---- */

static void opposite_measures_are_destroyed_and_created(void **state) {
  (void)state;
  double north[] = {0.0, 0.6, 0.8, 0.6, 0.0, 0.8}, south[] = {0.0, 0.6, -0.8, -0.6, 0.0, -0.8};
  double m0[] = {1.0, 0.5}, m1[] = {0.25, 2.0};
  const test_measure a = {2, 3, north, m0}, b = {2, 3, south, m1};
  const wg_sphere_info info = test_sphere(&a, &b, "trace", 1e-10);
  assert_near(info.uw2, 3.75, 1e-12);
  assert_true(info.carried[0] == 0.0 && info.carried[1] == 0.0);
  /* the axis is cheap for neither: what is destroyed and created adds up along it */
  assert_near(test_sphere(&a, &b, "kyfan:3", 1e-10).uw2, 3.75, 1e-9);
  assert_true(test_sphere(&a, &b, "operator", 1e-9).uw2 >= 3.75 * 0.64);
}

static void an_atom_far_away_is_created(void **state) {
  (void)state;
  double one[] = {1.0, 0.0}, two[] = {1.0, 0.0, -1.0, 0.0}, m0[] = {1.0}, m1[] = {1.0, 0.7};
  const test_measure a = {1, 2, one, m0}, b = {2, 2, two, m1};
  const wg_sphere_info info = test_sphere(&a, &b, "trace", 1e-10);
  assert_near(info.uw2, 0.7, 1e-9);
  assert_near(info.carried[1], 1.0, 1e-6);
}

/* ---- bounds of anything ---- */

typedef struct setting {
  test_measure a, b;
  wg_gauge_spec spec;
  wg_sphere_info info;
  wg_sphere_solution *solution;
  wg_semicoupling plan;
} setting;

static void open_setting(setting *s, const char *gauge) {
  wg_rng rng = {11};
  s->a = test_atoms(&rng, 7, 3, 1.3);
  s->b = test_atoms(&rng, 9, 3, 0.9);
  assert_int_equal(wg_gauge_parse(gauge, &s->spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&s->spec, 3), WG_OK);
  assert_int_equal(wg_sphere(7, 9, 3, s->a.w, s->a.mass, s->b.w, s->b.mass, gauge, 0, NULL,
                             &s->info, &s->solution),
                   WG_CERTIFIED);
  assert_int_equal(wg_sphere_get(s->solution, &s->plan), WG_OK);
}

static void close_setting(setting *s) {
  wg_sphere_free(s->solution);
  test_free_measure(&s->a);
  test_free_measure(&s->b);
}

static wg_cert_sphere_report derive(const setting *s, const double *g0, const double *g1,
                                    const double *c, const double *q, const double *u) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_cert_sphere_report report;
  const wg_cert_sphere data = {3, {7, 9}, {s->a.w, s->b.w}, {s->a.mass, s->b.mass}};
  const wg_cert_semicoupling plan = {s->plan.count, s->plan.row, s->plan.col, g0, g1, c, 0};
  assert_int_equal(wg_cert_sphere_bounds(&mem, 1, &data, &s->spec, &plan, q, u, 1.0, NULL, &report),
                   WG_OK);
  wg_mem_clear(&mem);
  return report;
}

static double *changed(wg_rng *rng, int64_t count, const double *values, double by) {
  double *other = test_numbers(count);
  for (int64_t k = 0; k < count; k++)
    other[k] = values[k] * (1.0 + by * (wg_rng_uniform(rng) - 0.3));
  return other;
}

static void bounds_hold_whatever_they_are_given(void **state) {
  (void)state;
  const char *const gauges[] = {"operator", "trace", "kyfan:2", "max:operator@1/2,schatten:3@2/1"};
  static setting s;
  for (size_t g = 0; g < 4; g++) {
    open_setting(&s, gauges[g]);
    wg_rng rng = {3};
    for (int trial = 0; trial < 20; trial++) {
      const double by = pow(10.0, -(double)(trial % 5));
      double *g0 = changed(&rng, s.plan.count, s.plan.g0, 3.0 * by), *u;
      double *g1 = changed(&rng, s.plan.count, s.plan.g1, 3.0 * by),
             *q = changed(&rng, 9, s.plan.q, by);
      double *c = changed(&rng, s.plan.count, s.plan.c, 3.0 * by);
      u = changed(&rng, 7, s.plan.u, by);
      const wg_cert_sphere_report report = derive(&s, g0, g1, c, q, u);
      assert_true(report.lower <= s.info.upper && report.upper >= s.info.lower);
      if (by < 2e-4) assert_true(report.upper - report.lower <= 0.02 * s.info.upper);
      free(g0), free(g1), free(c), free(q), free(u);
    }
    close_setting(&s);
  }
}

/* One atom, twice as heavy afterwards: with masses that are not there nothing would be paid. */
static void more_mass_than_there_is_proves_nothing(void **state) {
  (void)state;
  const double w[] = {0.6, 0.8}, one = 1.0, two = 2.0, q[] = {1.0, 0.0, 0.0, 1.0}, u = sqrt(2.0);
  const int64_t at = 0;
  const double exact = (sqrt(2.0) - 1.0) * (sqrt(2.0) - 1.0),
               claims[][3] = {{2.0, 2.0, 2.0},
                              {1.0, 2.0, 2.0},
                              {1.0, 1e3, 1e3},
                              {1.0, 2.0, 1.4142135623730951}};
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec spec;
  wg_cert_sphere_report report;
  const wg_cert_sphere there = {2, {1, 1}, {w, w}, {&one, &two}};
  const wg_cert_sphere back = {2, {1, 1}, {w, w}, {&two, &one}};
  assert_int_equal(wg_gauge_parse("trace", &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, 2), WG_OK);
  for (int k = 0; k < 4; k++) {
    const double *g = claims[k];
    const wg_cert_semicoupling plan = {1, &at, &at, &g[0], &g[1], &g[2], 0};
    const wg_cert_semicoupling mirrored = {1, &at, &at, &g[1], &g[0], &g[2], 0};
    assert_int_equal(
        wg_cert_sphere_bounds(&mem, 1, &there, &spec, &plan, q, &u, 1.0, NULL, &report), WG_OK);
    assert_true(report.upper >= exact && report.lower <= exact);
    assert_int_equal(
        wg_cert_sphere_bounds(&mem, 1, &back, &spec, &mirrored, q, &u, 1.0, NULL, &report), WG_OK);
    assert_true(report.upper >= exact && report.lower <= exact);
  }
  wg_mem_clear(&mem);
}

/* ---- limits ---- */

static int stop_at_once(const wg_progress *progress, void *data) {
  (void)progress;
  ++*(int *)data;
  return 1;
}

static void a_stopped_solve_has_bounds_all_the_same(void **state) {
  (void)state;
  wg_rng rng = {12};
  int calls = 0;
  wg_sphere_info info = {0};
  wg_settings settings;
  test_measure a = test_atoms(&rng, 300, 3, 1.0), b = test_atoms(&rng, 300, 3, 1.5);
  wg_settings_init(&settings);
  settings.tol = 1e-9;
  settings.progress = stop_at_once;
  settings.progress_data = &calls;
  assert_int_equal(
      wg_sphere(300, 300, 3, a.w, a.mass, b.w, b.mass, "operator", 0, &settings, &info, NULL),
      WG_STOPPED);
  assert_true(calls == 1 && 0.0 <= info.lower && info.lower < info.upper);
  settings.progress = NULL;
  settings.time_limit = 1e-3;
  assert_int_equal(
      wg_sphere(300, 300, 3, a.w, a.mass, b.w, b.mass, "operator", 0, &settings, &info, NULL),
      WG_TIME_LIMIT);
  settings.time_limit = INFINITY;
  settings.max_calls = 2;
  assert_int_equal(
      wg_sphere(300, 300, 3, a.w, a.mass, b.w, b.mass, "operator", 0, &settings, &info, NULL),
      WG_CALL_LIMIT);
  assert_true(info.calls == 2 && info.lower < info.upper);
  test_free_measure(&a);
  test_free_measure(&b);
}

/* ---- refusals ---- */

static int ask(int64_t d, const double *x, const double *a, const char *gauge, int normalise) {
  const double y[] = {1.0, 0.0, 0.0};
  return wg_sphere(1, 1, d, x, a, y, NULL, gauge, normalise, NULL, NULL, NULL);
}

static void what_makes_no_sense_is_refused(void **state) {
  (void)state;
  const double on[] = {0.0, 1.0}, off[] = {0.0, 1.00001}, none[] = {0.0, 0.0}, bad[] = {NAN, 1.0};
  const double zero = 0.0, negative = -1.0;
  assert_int_equal(ask(2, on, NULL, "trace", 0), WG_CERTIFIED);
  assert_int_equal(ask(2, off, NULL, "trace", 0), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "x[0] has length 1.00001"));
  assert_int_equal(ask(2, off, NULL, "trace", 1), WG_CERTIFIED);
  assert_int_equal(ask(2, none, NULL, "trace", 1), WG_ERR_INPUT);
  assert_int_equal(ask(2, bad, NULL, "trace", 1), WG_ERR_INPUT);
  assert_int_equal(ask(2, on, &zero, "trace", 0), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "a[0] = 0"));
  assert_int_equal(ask(2, on, &negative, "trace", 0), WG_ERR_INPUT);
  assert_int_equal(ask(1, on, NULL, "trace", 1), WG_ERR_INPUT);
  assert_int_equal(ask(2, on, NULL, "schatten:0.5", 0), WG_ERR_INPUT);
  assert_int_equal(ask(2, on, NULL, "kyfan:3", 0), WG_ERR_INPUT);
  assert_int_equal(ask(2, NULL, NULL, "trace", 0), WG_ERR_ARGUMENT);
  assert_int_equal(ask(2, on, NULL, NULL, 0), WG_ERR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_diracs_under_the_trace),
                                     cmocka_unit_test(two_diracs_under_any_gauge),
                                     cmocka_unit_test(opposite_measures_are_destroyed_and_created),
                                     cmocka_unit_test(an_atom_far_away_is_created),
                                     cmocka_unit_test(bounds_hold_whatever_they_are_given),
                                     cmocka_unit_test(more_mass_than_there_is_proves_nothing),
                                     cmocka_unit_test(a_stopped_solve_has_bounds_all_the_same),
                                     cmocka_unit_test(what_makes_no_sense_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
