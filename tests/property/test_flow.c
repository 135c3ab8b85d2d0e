/* Flows of particles: the energy law, the reference runs, losses of rank, clip, JKO and momentum. */
#include "support.h"

#include "io/io.h"

typedef struct quadratic {
  int64_t d;
  const double *a;
} quadratic;

/* F = 1/2 sum_j a_j E x_j^2. */
static int evaluate_quadratic(void *data, int64_t n, int64_t d, const double *x, const double *a,
                              double *value, double *force) {
  const quadratic *q = data;
  double sum = 0.0;
  for (int64_t i = 0; i < n * d; i++) {
    double w = q->a[i % d];
    sum += 0.5 * a[i / d] * w * x[i] * x[i];
    if (force) force[i] = w * x[i];
  }
  if (value) *value = sum;
  return 0;
}

typedef struct target {
  int64_t m;
  const double *y;
  double epsilon;
} target;

/* MMD^2 with the kernel -sqrt(|x - y|^2 + epsilon^2), plainly. */
static double add_pairs(const target *t, int64_t n, const double *x, const double *wx, int64_t m,
                        const double *y, double factor, double *force) {
  double sum = 0.0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < m; j++) {
      double u = x[2 * i] - y[2 * j], v = x[2 * i + 1] - y[2 * j + 1];
      double r = sqrt(u * u + v * v + t->epsilon * t->epsilon);
      double w = m == n && wx && y == x ? wx[j] : 1.0 / (double)m;
      sum += (wx ? wx[i] : 1.0 / (double)n) * w * r;
      if (!force) continue;
      force[2 * i] += factor * w * u / r;
      force[2 * i + 1] += factor * w * v / r;
    }
  return sum;
}

static int evaluate_mmd(void *data, int64_t n, int64_t d, const double *x, const double *a,
                        double *value, double *force) {
  const target *t = data;
  double *unused = calloc((size_t)(n * d), sizeof *unused), *g = force ? force : unused;
  memset(g, 0, (size_t)(n * d) * sizeof *g);
  double cross = add_pairs(t, n, x, a, t->m, t->y, 2.0, g);
  double own = add_pairs(t, n, x, a, n, x, -2.0, g);
  double theirs = add_pairs(t, t->m, t->y, NULL, t->m, t->y, 0.0, NULL);
  if (value) *value = 2.0 * cross - own - theirs;
  free(unused);
  return 0;
}

static wg_energy *callback(int64_t d, double infimum, wg_energy_fn evaluate, void *data) {
  wg_energy *energy;
  assert_int_equal(wg_energy_callback(&energy, d, infimum, evaluate, data), WG_OK);
  return energy;
}

/* ---- losses of rank: the exact solution of theory 6.1's affine force ---- */

static const double stiffness[3] = {3.0, 1.0, 0.5}, radius[3] = {0.3, 1.0, 2.0};

/* Eight points with orthogonal columns of root mean square radius. */
static void put_cube(double x[24]) {
  for (int i = 0; i < 8; i++)
    for (int k = 0; k < 3; k++) x[3 * i + k] = (i >> k & 1 ? 1.0 : -1.0) * radius[k];
}

static double rms(const double *x, int k) {
  double sum = 0.0;
  for (int i = 0; i < 8; i++) sum += x[3 * i + k] * x[3 * i + k] / 8.0;
  return sqrt(sum);
}

static wg_flow *run_cube(wg_energy *energy, int method, double tol, double step, wg_flow_info *info,
                         double x[24]) {
  wg_flow_settings settings;
  wg_flow *flow;
  put_cube(x);
  wg_flow_settings_init(&settings);
  settings.method = method;
  settings.tol = tol;
  settings.step = step;
  settings.threads = 1;
  if (wg_flow_setup(&flow, energy, 8, 3, x, NULL, "operator", &settings) < 0)
    fail_msg("%s", wg_error_detail());
  if (wg_flow_run(flow, 2.0, info) < 0) fail_msg("%s", wg_error_detail());
  assert_int_equal(wg_flow_get(flow, NULL, x, NULL, NULL), WG_OK);
  return flow;
}

static void show(const char *name, const wg_flow_info *info) {
  printf("%s: t %g F %.10g residual %.2e evals %lld steps %lld rejected %lld switches %lld rank "
         "changes %lld reversals %lld cut %.1e\n", name, info->time, info->energy, info->residual,
         (long long)info->evaluations, (long long)info->steps, (long long)info->rejected,
         (long long)info->switches, (long long)info->rank_changes, (long long)info->reversals,
         info->most_cut);
}

static void test_rank_loss(void **state) {
  (void)state;
  quadratic q = {3, stiffness};
  wg_energy *energy = callback(3, 0.0, evaluate_quadratic, &q);
  const struct { int m; double tol, step; } runs[] = {{0, 1e-5, 0}, {5, 1e-5, 0}, {5, 1e-11, 0}, {4, 1e-5, 2e-4}, {1,1e-5,2e-4},{2,1e-5,2e-4}};
  for (int r = 0; r < 6; r++) {
    double x[24];
    wg_flow_info info;
    wg_flow_log log;
    char text[1000];
    wg_flow *flow = run_cube(energy, runs[r].m, runs[r].tol, runs[r].step, &info, x);
    show("cube", &info);
    printf("  %.3e %.3e %.3e\n", rms(x, 0), rms(x, 1), rms(x, 2) - 0.575072153239284);
    wg_flow_get_log(flow, &log);
    if (r == 0 && getenv("SHOW")) for (int k = 0; k < log.count; k++) printf("t %.7f h %.2e  s %.3e %.3e %.3e ev %d\n", log.records[k].time, log.records[k].step, sqrt(log.spectra[3*k]), sqrt(log.spectra[3*k+1]), sqrt(log.spectra[3*k+2]), (int)log.records[k].evaluations);
    for (int k = 0; k < log.event_count && k < 10; k++) printf("   event %g: kind %d mode %d value %g; %.3e %.3e\n", log.events[k].time, (int)log.events[k].kind, (int)log.events[k].mode, log.events[k].value, log.events[k].time - 0.13921240134694954, log.events[k].time-0.8934804756743498);
    wg_flow_summary(flow, text, sizeof text);
    printf("   %s\n", text);
    wg_flow_free(flow);
  }
  wg_energy_free(energy);
}

static const double *read_cloud(wg_mem *mem, const char *name) {
  char path[512];
  wg_io_array array;
  snprintf(path, sizeof path, "%s/flow/%s", getenv("WG_REFERENCE"), name);
  if (wg_io_read(mem, path, NULL, &array) < 0) fail_msg("%s", wg_error_detail());
  return array.data;
}

static void test_mmd(void **state) {
  (void)state;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  if (!getenv("WG_REFERENCE")) skip();
  const double *x = read_cloud(&mem, "mmd_x0.npy"), *y = read_cloud(&mem, "mmd_target.npy");
  target t = {200, y, 0.01};
  wg_energy *energy = callback(2, 0.0, evaluate_mmd, &t);
  for (int p = 0; p < 4; p++) {
    wg_flow_settings settings;
    wg_flow_info info;
    wg_flow *flow;
    char text[1000];
    wg_flow_settings_init(&settings);
    settings.threads = 1;
    if (p >= 2) settings.tol = 1e-8;
    assert_int_equal(wg_flow_setup(&flow, energy, 200, 2, x, NULL, p % 2 ? "operator" : "trace", &settings), WG_OK);
    if (wg_flow_run(flow, p % 2 ? 96 : 150, &info) < 0) fail_msg("%s", wg_error_detail());
    show(p % 2 ? "inf" : "1", &info);
    printf("%g\n", info.energy / (p % 2 ? 0.0006065459 : .00093496) - 1);
    wg_flow_summary(flow, text, sizeof text);
    printf("   %s\n", text);
    wg_flow_free(flow);
  }
  wg_energy_free(energy);
  wg_mem_clear(&mem);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rank_loss), cmocka_unit_test(test_mmd)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
