/* Pi_2 of the flow of particles is the flow on the sphere: two integrators that share nothing but
 * the energy and the descent direction. */
#include "support.h"

enum { N = 14, COUNT = 24, INPUTS = 2, OUTPUTS = 1, D = INPUTS + OUTPUTS };

typedef struct problem {
  wg_energy *energy;
  int64_t d;
  double x[N * 4], a[N], w[N * 4], mass[N];
} problem;

static void project(int64_t d, const double *x, const double *a, double *w, double *mass) {
  for (int i = 0; i < N; i++) {
    double square = 0.0;
    for (int64_t k = 0; k < d; k++) square += x[i * d + k] * x[i * d + k];
    for (int64_t k = 0; k < d; k++) w[i * d + k] = x[i * d + k] / sqrt(square);
    mass[i] = a[i] * square;
  }
}

static void draw_particles(wg_rng *rng, problem *p) {
  double *a = test_weights(rng, N);
  memcpy(p->a, a, sizeof p->a);
  free(a);
  for (int64_t i = 0; i < N * p->d; i++) p->x[i] = wg_rng_normal(rng);
  project(p->d, p->x, p->a, p->w, p->mass);
}

static problem make_network(uint64_t seed) {
  wg_rng rng = {seed};
  problem p = {.d = D};
  double z[COUNT * INPUTS], y[COUNT];
  for (int i = 0; i < COUNT * INPUTS; i++) z[i] = wg_rng_normal(&rng);
  for (int i = 0; i < COUNT; i++) y[i] = fmax(z[2 * i], 0.0) - 0.5 * fmax(z[2 * i + 1], 0.0);
  assert_int_equal(wg_energy_network(&p.energy, "relu", COUNT, INPUTS, OUTPUTS, z, y, NULL), WG_OK);
  draw_particles(&rng, &p);
  return p;
}

/* Particles by the flow engine until `time`, then seen on the sphere. */
static void follow_particles(const problem *p, const char *gauge, double time, double step,
                             double *w, double *mass) {
  wg_flow_settings settings;
  wg_flow *flow;
  double x[N * 4];
  wg_flow_settings_init(&settings);
  settings.method = WG_FLOW_RK4;
  settings.step = step;
  settings.threads = 1;
  assert_int_equal(wg_flow_setup(&flow, p->energy, N, p->d, p->x, p->a, gauge, &settings), WG_OK);
  assert_true(wg_flow_run(flow, time, NULL) >= 0);
  assert_int_equal(wg_flow_get(flow, NULL, x, NULL, NULL), WG_OK);
  project(p->d, x, p->a, w, mass);
  wg_flow_free(flow);
}

static double difference(int64_t count, const double *a, const double *b) {
  double most = 0.0;
  for (int64_t i = 0; i < count; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most;
}

static void compare(problem *p, const char *gauge, double time, double step) {
  double w[N * 4], mass[N], start[N * 4];
  wg_sphere_flow_info info;
  memcpy(start, p->w, sizeof start);
  follow_particles(p, gauge, time, step, w, mass);
  if (wg_sphere_flow(p->energy, N, p->d, p->w, p->mass, gauge, time, step, NULL, &info) < 0)
    fail_msg("%s: %s", gauge, wg_error_detail());
  const double apart = fmax(difference(N * p->d, w, p->w), difference(N, mass, p->mass));
  if (!(apart < 1e-6)) fail_msg("%s: Pi_2 differs by %g", gauge, apart);
  assert_true(difference(N * p->d, start, p->w) > 1e-2); /* they went somewhere */
  assert_true(info.outcome == WG_CERTIFIED && fabs(info.time - time) < 1e-12);
}

static void networks_project_under_every_gauge(void **state) {
  (void)state;
  static const char *const gauges[] = {
      "trace",      "schatten:1.5",          "frobenius", "operator", "kyfan:2",
      "schatten:4", "sum:trace@1,operator@2"};
  for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++) {
    problem p = make_network(11 + g);
    compare(&p, gauges[g], 0.3, 2.5e-4);
    wg_energy_free(p.energy);
  }
}

static void linear_networks_and_quadrics_project(void **state) {
  (void)state;
  const double target[4] = {1.0, 0.3, -0.2, 0.7},
               form[9] = {1.0, 0.2, 0.0, 0.2, 2.0, 0.1, 0.0, 0.1, 0.5};
  wg_rng rng = {5};
  problem linear = {.d = 4}, quadric = {.d = 3};
  assert_int_equal(wg_energy_linear(&linear.energy, 2, 2, target, NULL), WG_OK);
  assert_int_equal(wg_energy_potential(&quadric.energy, "quadratic", 3, NULL, form), WG_OK);
  draw_particles(&rng, &linear);
  draw_particles(&rng, &quadric);
  compare(&linear, "frobenius", 0.4, 2e-3);
  compare(&quadric, "operator", 0.2, 2e-3);
  wg_energy_free(linear.energy);
  wg_energy_free(quadric.energy);
}

/* The energy falls at N*^2, on the sphere as in space. */
static void energy_falls_as_the_particles_say(void **state) {
  (void)state;
  problem p = make_network(29);
  double before, force[N * D], root, sum = 0.0, points[N * D], weights[N];
  wg_lmo_report report;
  wg_sphere_flow_info info;
  for (int i = 0; i < N; i++) sum += p.mass[i];
  root = sqrt(sum);
  for (int i = 0; i < N * D; i++) points[i] = root * p.w[i];
  for (int i = 0; i < N; i++) weights[i] = p.mass[i] / sum;
  assert_int_equal(wg_energy_evaluate(p.energy, N, D, points, weights, &before, force), WG_OK);
  assert_int_equal(wg_lmo("operator", N, D, force, weights, NULL, force, &report), WG_OK);
  const double rate = report.dual_norm * report.dual_norm, time = 1e-4;
  assert_true(wg_sphere_flow(p.energy, N, D, p.w, p.mass, "operator", time, time, NULL, &info) >=
              0);
  assert_near((before - info.energy) / time, rate, 1e-3 * rate);
  wg_energy_free(p.energy);
}

static void refusals(void **state) {
  (void)state;
  problem p = make_network(3);
  wg_energy *other;
  const double kept = p.mass[1];
  assert_int_equal(wg_energy_potential(&other, "power:4", 0, NULL, NULL), WG_OK);
  assert_int_equal(wg_sphere_flow(other, N, D, p.w, p.mass, "trace", 1.0, 0.1, NULL, NULL),
                   WG_ERR_INPUT);
  assert_int_equal(wg_sphere_flow(p.energy, N, D, p.w, p.mass, "trace", -1.0, 0.1, NULL, NULL),
                   WG_ERR_ARGUMENT);
  assert_int_equal(wg_sphere_flow(p.energy, N, D, p.w, p.mass, "nothing", 1.0, 0.1, NULL, NULL),
                   WG_ERR_ARGUMENT);
  p.mass[2] = 0.0;
  assert_int_equal(wg_sphere_flow(p.energy, N, D, p.w, p.mass, "trace", 1.0, 0.1, NULL, NULL),
                   WG_ERR_INPUT);
  assert_near(p.mass[1], kept, 0.0);
  wg_energy_free(other);
  wg_energy_free(p.energy);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(networks_project_under_every_gauge),
                                     cmocka_unit_test(linear_networks_and_quadrics_project),
                                     cmocka_unit_test(energy_falls_as_the_particles_say),
                                     cmocka_unit_test(refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
