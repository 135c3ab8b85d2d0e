/* Flows of particles: the energy law, the reference runs, losses of rank, every kind of step. */
#include "io/io.h"
#include "support.h"

typedef struct quadratic {
  const double *a;
} quadratic;

/* F = 1/2 sum_j a_j E x_j^2. */
static int evaluate_quadratic(void *data, int64_t n, int64_t d, const double *x, const double *a,
                              double *value, double *force) {
  const quadratic *q = data;
  double sum = 0.0;
  for (int64_t i = 0; i < n * d; i++) {
    sum += 0.5 * a[i / d] * q->a[i % d] * x[i] * x[i];
    if (force) force[i] = q->a[i % d] * x[i];
  }
  if (value) *value = sum;
  return 0;
}

static wg_energy *make_quadratic(quadratic *q) {
  wg_energy *energy;
  assert_int_equal(wg_energy_callback(&energy, 0, 0.0, evaluate_quadratic, q), WG_OK);
  return energy;
}

static wg_flow_settings method_settings(int method, double step, double tol) {
  wg_flow_settings settings;
  wg_flow_settings_init(&settings);
  settings.method = method;
  settings.step = step;
  settings.tol = tol;
  settings.threads = 1;
  return settings;
}

static wg_flow *set_up(wg_energy *energy, int64_t n, int64_t d, const double *x, const double *a,
                       const char *gauge, const wg_flow_settings *settings) {
  wg_flow *flow;
  if (wg_flow_setup(&flow, energy, n, d, x, a, gauge, settings) < 0)
    fail_msg("setup, %s: %s", gauge, wg_error_detail());
  return flow;
}

static wg_flow_info run_to(wg_flow *flow, double time) {
  wg_flow_info info;
  if (wg_flow_run(flow, time, &info) < 0) fail_msg("run: %s", wg_error_detail());
  return info;
}

static wg_flow_log log_of(const wg_flow *flow) {
  wg_flow_log log;
  assert_int_equal(wg_flow_get_log(flow, &log), WG_OK);
  return log;
}

/* ---- losses of rank: root mean squares r_j of orthogonal columns decay at the speed R = sum over
 * active modes of a_j r_j ---- */

static const double stiffness[3] = {3.0, 1.0, 0.5}, radius[3] = {0.3, 1.0, 2.0};
static const double event_time[2] = {0.13921240134694954, 0.8934804756743498};
static const double last_radius = 0.575072153239284;

static void put_cube(double x[24]) {
  for (int i = 0; i < 8; i++)
    for (int k = 0; k < 3; k++) x[3 * i + k] = (i >> k & 1 ? 1.0 : -1.0) * radius[k];
}

static double rms(const double *x, int k) {
  double sum = 0.0;
  for (int i = 0; i < 8; i++) sum += x[3 * i + k] * x[3 * i + k] / 8.0;
  return sqrt(sum);
}

/* Both losses in the log, and nothing else lost. */
static void assert_events(const wg_flow *flow, double tolerance) {
  wg_flow_log log = log_of(flow);
  int found = 0;
  for (int64_t k = 0; k < log.event_count; k++) {
    if (log.events[k].kind != WG_FLOW_MODE_LOST) continue;
    assert_true(found < 2);
    assert_near(log.events[k].time, event_time[found++], tolerance);
  }
  assert_int_equal(found, 2);
}

static wg_flow *run_cube(const wg_flow_settings *settings, wg_flow_info *info, double x[24]) {
  static quadratic q = {stiffness};
  wg_energy *energy = make_quadratic(&q);
  put_cube(x);
  wg_flow *flow = set_up(energy, 8, 3, x, NULL, "operator", settings);
  *info = run_to(flow, 2.0);
  assert_near(info->time, 2.0, 0.0);
  wg_flow_get(flow, NULL, x, NULL, NULL);
  wg_energy_free(energy);
  return flow;
}

static void check_cube(int method, double tol, double tolerance, int64_t forces) {
  double x[24];
  wg_flow_info info;
  wg_flow_settings settings = method_settings(method, 0.0, tol);
  wg_flow *flow = run_cube(&settings, &info, x);
  assert_events(flow, tolerance);
  assert_near(rms(x, 0), 0.0, tolerance);
  assert_near(rms(x, 1), 0.0, tolerance);
  assert_near(rms(x, 2), last_radius, tolerance);
  assert_true(info.evaluations <= forces);
  assert_int_equal(info.outcome, WG_CERTIFIED);
  wg_flow_free(flow);
}

static void test_rank_loss_default(void **state) {
  (void)state;
  check_cube(WG_FLOW_AUTO, 1e-5, 1e-4, 600);
}

static void test_rank_loss_events(void **state) {
  (void)state;
  check_cube(WG_FLOW_EVENTS, 1e-11, 1e-9, 2000);
}

/* With next to no cut-off Dormand-Prince chatters: the clip step stands in, and both are said. */
static void test_fallback(void **state) {
  (void)state;
  double x[24];
  char text[1024];
  wg_flow_info info;
  wg_flow_settings settings = method_settings(WG_FLOW_AUTO, 0.0, 1e-4);
  settings.cutoff = 1e-12;
  wg_flow *flow = run_cube(&settings, &info, x);
  assert_true(info.switches > 0);
  assert_near(rms(x, 2), last_radius, 1e-2);
  wg_flow_log log = log_of(flow);
  int64_t switched = 0, returned = 0, clips = 0;
  for (int64_t k = 0; k < log.event_count; k++) {
    switched += log.events[k].kind == WG_FLOW_SWITCHED;
    returned += log.events[k].kind == WG_FLOW_RETURNED;
  }
  for (int64_t k = 0; k < log.count; k++) clips += log.records[k].method == WG_FLOW_CLIP;
  assert_true(switched > 0 && returned > 0);
  assert_true(clips >= 16 * switched);
  assert_int_equal(wg_flow_summary(flow, text, sizeof text), WG_OK);
  assert_non_null(strstr(text, "stalled"));
  wg_flow_free(flow);
}

/* ---- the paper's cloud ---- */

static const double *read_cloud(wg_mem *mem, const char *name) {
  char path[512];
  wg_io_array array;
  snprintf(path, sizeof path, "%s/flow/%s", getenv("WG_REFERENCE"), name);
  if (wg_io_read(mem, path, NULL, &array) < 0) fail_msg("%s", wg_error_detail());
  return array.data;
}

typedef struct reference {
  const char *gauge;
  double time[4], energy[4]; /* of /flow/values.json, to all their digits */
} reference;
static const reference references[2] = {
    {"trace", {2, 10, 40, 150}, {1.3190394, 0.07420628, 0.00640846, 0.00093496}},
    {"operator", {2, 10, 40, 96}, {0.7670927, 0.03049207, 0.002262241, 0.0006065459}}};

static void check_reference(wg_energy *energy, const double *x, const reference *r) {
  wg_flow_settings quick = method_settings(WG_FLOW_AUTO, 0.0, 1e-5);
  wg_flow *flow = set_up(energy, 200, 2, x, NULL, r->gauge, &quick);
  wg_flow_info info = run_to(flow, r->time[3]);
  printf("mmd, %s: %lld forces, identity %.1e, F %.7g\n", r->gauge, (long long)info.evaluations,
         info.residual, info.energy);
  assert_int_equal(info.outcome, WG_CERTIFIED);
  assert_true(info.residual <= 1e-5);
  assert_true(info.evaluations <= 1500);
  wg_flow_free(flow);
  wg_flow_settings fine = method_settings(WG_FLOW_DOPRI, 0.0, 1e-9);
  flow = set_up(energy, 200, 2, x, NULL, r->gauge, &fine);
  for (int k = 0; k < 4; k++) {
    info = run_to(flow, r->time[k]);
    assert_near(info.energy, r->energy[k], 5e-5 * r->energy[k]);
  }
  assert_true(info.residual <= 1e-8);
  wg_flow_free(flow);
}

static void test_reference(void **state) {
  (void)state;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_energy *energy;
  if (!getenv("WG_REFERENCE")) {
    printf("WG_REFERENCE is not set: the reference runs are left out\n");
    skip();
  }
  const double *x = read_cloud(&mem, "mmd_x0.npy"), *y = read_cloud(&mem, "mmd_target.npy");
  assert_int_equal(wg_energy_mmd(&energy, "energy:0.01", 200, 2, y, NULL, NULL), WG_OK);
  for (int k = 0; k < 2; k++) check_reference(energy, x, &references[k]);
  wg_energy_free(energy);
  wg_mem_clear(&mem);
}

/* ---- a small problem for the rest: energy distance to a cloud in four columns ---- */

enum { N = 12, D = 4 };
static const char *const gauges[] = {"trace",
                                     "operator",
                                     "frobenius",
                                     "schatten:3",
                                     "schatten:0.6",
                                     "kyfan:2",
                                     "sum:operator@2,trace@2",
                                     "max:operator@2,trace@2/2"};
enum { GAUGES = sizeof gauges / sizeof *gauges };

typedef struct problem {
  double x[N * D], y[N * D], a[N];
  wg_energy *energy;
} problem;

static int make_problem(void **state) {
  static problem p;
  wg_rng rng = {7};
  double sum = 0.0;
  for (int i = 0; i < N * D; i++) {
    p.x[i] = wg_rng_normal(&rng);
    p.y[i] = 2.0 + wg_rng_normal(&rng) * (1.0 + i % D);
  }
  for (int i = 0; i < N; i++) sum += p.a[i] = 0.2 + wg_rng_uniform(&rng);
  for (int i = 0; i < N; i++) p.a[i] /= sum;
  *state = &p;
  return wg_energy_mmd(&p.energy, "energy:0.1", N, D, p.y, NULL, NULL);
}

static int free_problem(void **state) {
  wg_energy_free(((problem *)*state)->energy);
  return 0;
}

static wg_flow *start(const problem *p, const char *gauge, const wg_flow_settings *settings) {
  return set_up(p->energy, N, D, p->x, p->a, gauge, settings);
}

/* Velocity, N* and rate at the start are those of wg_lmo. */
static void test_velocity(void **state) {
  const problem *p = *state;
  double force[N * D], v[N * D], expected[N * D];
  for (int k = 0; k < GAUGES; k++) {
    wg_flow_settings settings = method_settings(WG_FLOW_EULER, 0.1, 1e-5);
    wg_flow *flow = start(p, gauges[k], &settings);
    wg_lmo_report report;
    wg_flow_get(flow, NULL, NULL, force, v);
    assert_int_equal(wg_lmo(gauges[k], N, D, force, p->a, NULL, expected, &report), WG_OK);
    for (int i = 0; i < N * D; i++) assert_near(v[i], expected[i], 1e-12 * report.dual_norm);
    const wg_flow_record first = log_of(flow).records[0];
    double square = report.dual_norm * report.dual_norm;
    assert_near(first.slope2, square, 1e-12 * square);
    assert_near(first.rate, square, 1e-12 * square);
    assert_near(first.speed, report.dual_norm, 1e-12 * report.dual_norm);
    assert_near(first.fenchel_gap, 0.0, 1e-12 * square);
    wg_flow_free(flow);
  }
}

/* Default runs are resolved; the energy falls and equals the sum of what the log says. */
static void test_law(void **state) {
  const problem *p = *state;
  for (int k = 0; k < GAUGES; k++) {
    wg_flow_settings settings = method_settings(WG_FLOW_AUTO, 0.0, 1e-6);
    wg_flow *flow = start(p, gauges[k], &settings);
    wg_flow_info info = run_to(flow, 5.0);
    wg_flow_log log = log_of(flow);
    double defects = 0.0;
    if (!info.resolved) fail_msg("%s is not resolved: %.2e", gauges[k], info.residual);
    assert_int_equal(info.uphill, 0);
    for (int64_t i = 1; i < log.count; i++) {
      defects += log.records[i].defect;
      assert_true(log.records[i].energy < log.records[i - 1].energy);
    }
    const wg_flow_record *last = &log.records[log.count - 1];
    assert_near(last->identity, defects, 1e-13);
    assert_true(fabs(last->identity) <= 1e-5 * (info.start_energy - info.energy));
    assert_true(fabs(last->identity_trapezoid) <= 0.1 * (info.start_energy - info.energy));
    wg_flow_free(flow);
  }
}

/* The same time in ten times as many steps: the error of the law falls by 10^order. */
static double law_error(const problem *p, int method, double step) {
  wg_flow_settings settings = method_settings(method, step, 1e-5);
  wg_flow *flow = start(p, "schatten:2", &settings);
  run_to(flow, 1.0);
  wg_flow_log log = log_of(flow);
  const wg_flow_record *last = &log.records[log.count - 1];
  double error = method == WG_FLOW_EULER ? last->identity_trapezoid : last->identity;
  wg_flow_free(flow);
  return fabs(error);
}

static void test_orders(void **state) {
  const problem *p = *state;
  double euler = law_error(p, WG_FLOW_EULER, 0.02) / law_error(p, WG_FLOW_EULER, 0.002);
  assert_true(euler > 50.0 && euler < 200.0);
  double rk4 = law_error(p, WG_FLOW_RK4, 0.1) / law_error(p, WG_FLOW_RK4, 0.025);
  assert_true(rk4 > 128.0 && rk4 < 2048.0);
}

/* A particle and its two halves move alike. */
static void test_halves(void **state) {
  const problem *p = *state;
  double x[(N + 1) * D], a[N + 1], whole[N * D], halves[(N + 1) * D];
  memcpy(x, p->x, sizeof p->x);
  memcpy(x + N * D, p->x, D * sizeof *x);
  memcpy(a, p->a, sizeof p->a);
  a[0] = a[N] = 0.5 * p->a[0];
  wg_flow_settings settings = method_settings(WG_FLOW_RK4, 0.05, 1e-5);
  for (int k = 0; k < GAUGES; k++) {
    wg_flow *one = start(p, gauges[k], &settings);
    wg_flow *two = set_up(p->energy, N + 1, D, x, a, gauges[k], &settings);
    run_to(one, 1.0);
    run_to(two, 1.0);
    wg_flow_get(one, NULL, whole, NULL, NULL);
    wg_flow_get(two, NULL, halves, NULL, NULL);
    for (int i = 0; i < N * D; i++) assert_near(halves[i], whole[i], 1e-9);
    for (int i = 0; i < D; i++) assert_near(halves[N * D + i], whole[i], 1e-9);
    wg_flow_free(one);
    wg_flow_free(two);
  }
}

/* ---- clip ---- */

static void test_clip_is_monotone(void **state) {
  const problem *p = *state;
  static const double steps[] = {0.01, 0.3, 10.0};
  for (int k = 0; k < GAUGES; k++)
    for (int s = 0; s < 3; s++) {
      wg_flow_settings settings = method_settings(WG_FLOW_CLIP, steps[s], 1e-5);
      wg_flow *flow = start(p, gauges[k], &settings);
      wg_flow_info info = run_to(flow, 100.0 * steps[s]);
      wg_flow_log log = log_of(flow);
      assert_int_equal(info.uphill, 0);
      for (int64_t i = 1; i < log.count; i++)
        assert_true(log.records[i].energy <= log.records[i - 1].energy);
      assert_true(info.effective_time <= info.time * (1 + 1e-12));
      wg_flow_free(flow);
    }
}

/* First order: a tenth of the step, about a tenth of the distance to the flow. */
static double clip_error(const problem *p, const char *gauge, double step, double exact) {
  wg_flow_settings settings = method_settings(WG_FLOW_CLIP, step, 1e-5);
  wg_flow *flow = start(p, gauge, &settings);
  double error = fabs(run_to(flow, 1.0).energy - exact);
  wg_flow_free(flow);
  return error;
}

static void test_clip_converges(void **state) {
  const problem *p = *state;
  for (int k = 0; k < GAUGES; k++) {
    wg_flow_settings settings = method_settings(WG_FLOW_DOPRI, 0.0, 1e-9);
    wg_flow *flow = start(p, gauges[k], &settings);
    double exact = run_to(flow, 1.0).energy;
    wg_flow_free(flow);
    double coarse = clip_error(p, gauges[k], 1e-2, exact);
    double fine = clip_error(p, gauges[k], 1e-3, exact);
    if (!(coarse / fine > 5.0 && coarse / fine < 20.0))
      fail_msg("%s: errors %.2e and %.2e", gauges[k], coarse, fine);
  }
}

/* ---- JKO ---- */

/* Trace and a quadratic: X / (1 + tau a_j). */
static void test_jko_closed_form(void **state) {
  (void)state;
  quadratic q = {stiffness};
  double x[24], moved[24];
  const double tau = 0.4;
  put_cube(x);
  wg_energy *energy = make_quadratic(&q);
  wg_flow_settings settings = method_settings(WG_FLOW_JKO, tau, 1e-5);
  wg_flow *flow = set_up(energy, 8, 3, x, NULL, "trace", &settings);
  run_to(flow, tau);
  wg_flow_get(flow, NULL, moved, NULL, NULL);
  for (int i = 0; i < 24; i++) assert_near(moved[i], x[i] / (1.0 + tau * stiffness[i % 3]), 1e-8);
  wg_flow_free(flow);
  wg_energy_free(energy);
}

/* N(V)^2 of the step, by the gauge of sum a_i v_i v_i'. */
static double displacement(const problem *p, const char *gauge, const double *x) {
  double s[D * D] = {0}, value;
  for (int i = 0; i < N; i++)
    for (int k = 0; k < D * D; k++)
      s[k] += p->a[i] * (x[i * D + k / D] - p->x[i * D + k / D]) *
              (x[i * D + k % D] - p->x[i * D + k % D]);
  assert_int_equal(wg_gauge(gauge, D, s, &value, NULL, NULL), WG_OK);
  return value;
}

static double jko_value(const problem *p, const char *gauge, double tau, const double *x) {
  double energy;
  assert_int_equal(wg_energy_evaluate(p->energy, N, D, x, p->a, &energy, NULL), WG_OK);
  return energy + displacement(p, gauge, x) / (2.0 * tau);
}

/* No small change is better, and N(V) is at least the distance of the clouds. */
static void test_jko_is_minimal(void **state) {
  const problem *p = *state;
  const double tau = 0.7;
  wg_rng rng = {3};
  for (int k = 0; k < GAUGES; k++) {
    double x[N * D], other[N * D], lower, upper;
    wg_flow_settings settings = method_settings(WG_FLOW_JKO, tau, 1e-5);
    wg_flow *flow = start(p, gauges[k], &settings);
    wg_flow_info info = run_to(flow, tau);
    assert_int_equal(info.clipped, 0);
    wg_flow_get(flow, NULL, x, NULL, NULL);
    double best = jko_value(p, gauges[k], tau, x);
    assert_true(best < info.start_energy);
    for (int trial = 0; trial < 40; trial++) {
      double size = trial % 2 ? 1e-3 : 1e-5;
      for (int i = 0; i < N * D; i++) other[i] = x[i] + size * wg_rng_normal(&rng);
      assert_true(jko_value(p, gauges[k], tau, other) >= best - 1e-13);
    }
    wg_distance(N, N, D, p->x, p->a, x, p->a, gauges[k], 1e-6, &lower, &upper);
    assert_true(lower <= displacement(p, gauges[k], x) * (1 + 1e-9));
    wg_flow_free(flow);
  }
}

/* ---- momentum, inexact oracles, minibatches ---- */

static void test_momentum(void **state) {
  const problem *p = *state;
  for (int k = 0; k < GAUGES; k++) {
    wg_flow_settings settings = method_settings(WG_FLOW_MOMENTUM, 0.0, 1e-7);
    settings.inertia = 0.5;
    wg_flow *flow = start(p, gauges[k], &settings);
    wg_flow_info info = run_to(flow, 3.0);
    wg_flow_log log = log_of(flow);
    if (!(info.residual <= 1e-5)) fail_msg("%s: %.2e", gauges[k], info.residual);
    assert_int_equal(info.uphill, 0);
    assert_true(info.lyapunov > info.energy);
    for (int64_t i = 1; i < log.count; i++) { /* H = F + inertia/2 N*(A)^2 */
      const wg_flow_record *r = &log.records[i];
      assert_near(r->lyapunov, r->energy + 0.25 * r->slope2, 1e-12);
    }
    wg_flow_free(flow);
  }
}

static void test_newton_schulz(void **state) {
  const problem *p = *state;
  double last = INFINITY;
  for (int steps = 2; steps <= 16; steps *= 2) {
    wg_flow_settings settings = method_settings(WG_FLOW_EULER, 0.05, 1e-5);
    settings.newton_steps = steps;
    wg_flow *flow = start(p, "operator", &settings);
    const wg_flow_record r = log_of(flow).records[0];
    assert_true(r.fenchel_gap >= 0.0 && r.fenchel_gap < last);
    assert_near(r.fenchel_gap, 0.5 * r.speed * r.speed + 0.5 * r.slope2 - r.rate, 1e-13 * r.slope2);
    last = r.fenchel_gap;
    if (steps == 2) assert_int_equal(run_to(flow, 0.2).resolved, 0);
    wg_flow_free(flow);
  }
  assert_true(last < 1e-9);
}

typedef struct batch {
  uint64_t seed;
  int calls;
} batch;

static int evaluate_batch(void *data, int64_t n, int64_t d, const double *x, const double *a,
                          double *value, double *force) {
  wg_rng rng = {((batch *)data)->seed};
  quadratic q = {stiffness};
  evaluate_quadratic(&q, n, d, x, a, value, force);
  for (int64_t i = 0; force && i < n * d; i++) force[i] += 0.1 * wg_rng_normal(&rng);
  return 0;
}

static int draw(uint64_t seed, void *data) {
  batch *b = data;
  b->seed = seed;
  b->calls++;
  return 0;
}

static void run_batches(uint64_t seed, double x[24], batch *b, int *resolved) {
  wg_energy *energy;
  put_cube(x);
  assert_int_equal(wg_energy_callback(&energy, 3, 0.0, evaluate_batch, b), WG_OK);
  wg_flow_settings settings = method_settings(WG_FLOW_EULER, 0.01, 1e-5);
  settings.reseed = draw;
  settings.reseed_data = b;
  settings.seed = seed;
  wg_flow *flow = set_up(energy, 8, 3, x, NULL, "operator", &settings);
  *resolved = run_to(flow, 0.5).resolved;
  wg_flow_get(flow, NULL, x, NULL, NULL);
  wg_flow_free(flow);
  wg_energy_free(energy);
}

static void test_minibatches(void **state) {
  (void)state;
  double one[24], same[24], other[24];
  batch b[3] = {{0, 0}, {0, 0}, {0, 0}};
  int resolved;
  run_batches(5, one, &b[0], &resolved);
  assert_int_equal(resolved, 0);
  assert_int_equal(b[0].calls, 50);
  run_batches(5, same, &b[1], &resolved);
  run_batches(6, other, &b[2], &resolved);
  assert_memory_equal(one, same, sizeof one);
  assert_memory_not_equal(one, other, sizeof one);
}

/* Euler with a cap: no step moves further, and the clock that counts is slower. */
static void test_cap(void **state) {
  const problem *p = *state;
  wg_flow_settings settings = method_settings(WG_FLOW_EULER, 0.1, 1e-5);
  settings.cap = 0.02;
  wg_flow *flow = start(p, "operator", &settings);
  wg_flow_info info = run_to(flow, 1.0);
  wg_flow_log log = log_of(flow);
  assert_int_equal(info.clipped, 10);
  assert_int_equal(info.resolved, 0);
  for (int64_t k = 1; k < log.count; k++) {
    double taken = log.records[k].effective_time - log.records[k - 1].effective_time;
    assert_near(taken * log.records[k - 1].speed, 0.02, 1e-12);
  }
  wg_flow_free(flow);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rank_loss_default),
                                     cmocka_unit_test(test_rank_loss_events),
                                     cmocka_unit_test(test_fallback),
                                     cmocka_unit_test(test_reference),
                                     cmocka_unit_test(test_velocity),
                                     cmocka_unit_test(test_law),
                                     cmocka_unit_test(test_orders),
                                     cmocka_unit_test(test_halves),
                                     cmocka_unit_test(test_clip_is_monotone),
                                     cmocka_unit_test(test_clip_converges),
                                     cmocka_unit_test(test_jko_closed_form),
                                     cmocka_unit_test(test_jko_is_minimal),
                                     cmocka_unit_test(test_momentum),
                                     cmocka_unit_test(test_newton_schulz),
                                     cmocka_unit_test(test_minibatches),
                                     cmocka_unit_test(test_cap)};
  return cmocka_run_group_tests(tests, make_problem, free_problem);
}
