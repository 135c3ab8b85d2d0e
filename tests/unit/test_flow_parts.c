/* Parts of a flow: the clip step in numbers, checkpoints that go on to the bit, refusals, stops. */
#include "flow/run.h"
#include "support.h"

/* ---- prox: nothing near is better ---- */

static double objective(const wg_gauge_spec *spec, int64_t d, const double *sigma, double tau,
                        double lipschitz, const double *v) {
  double sum = 0.0, norm = wg_modes_norm(spec, v);
  for (int64_t j = 0; j < d; j++) sum += v[j] * (0.5 * lipschitz * v[j] - sigma[j]);
  return sum + norm * norm / (2.0 * tau);
}

/* Norms want decreasing numbers in each block: changes that break the order are not tried. */
static bool change(wg_rng *rng, const wg_gauge_spec *spec, double size, const double *v,
                   double *other) {
  for (int64_t b = 0; b < spec->block_count; b++)
    for (int64_t j = 0; j < spec->blocks[b].size; j++) {
      int64_t at = spec->blocks[b].start + j;
      other[at] = v[at] + size * wg_rng_normal(rng);
      if (other[at] < 0.0 || (j > 0 && other[at] > other[at - 1])) return false;
    }
  return true;
}

static void put_sigma(wg_rng *rng, const wg_gauge_spec *spec, double *sigma) {
  for (int64_t b = 0; b < spec->block_count; b++) {
    double value = 0.5 + 4.0 * wg_rng_uniform(rng);
    for (int64_t j = 0; j < spec->blocks[b].size; j++) {
      sigma[spec->blocks[b].start + j] = value;
      value *= wg_rng_uniform(rng) < 0.2 ? 1.0 : wg_rng_uniform(rng);
    }
  }
}

static void check_prox(wg_rng *rng, const char *gauge, double tau, double lipschitz) {
  enum { COLUMNS = 5 };
  wg_gauge_spec spec;
  double sigma[COLUMNS], v[COLUMNS], other[COLUMNS];
  assert_int_equal(wg_gauge_parse(gauge, &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, COLUMNS), WG_OK);
  put_sigma(rng, &spec, sigma);
  wg_modes_prox(&spec, sigma, tau, lipschitz, v);
  double best = objective(&spec, COLUMNS, sigma, tau, lipschitz, v);
  assert_true(best <= 0.0);
  for (int trial = 0; trial < 400; trial++) {
    double size = (trial % 2 ? 1e-2 : 1e-5) * v[0];
    if (!change(rng, &spec, size, v, other)) continue;
    double there = objective(&spec, COLUMNS, sigma, tau, lipschitz, other);
    if (there < best - 1e-13 * fabs(best))
      fail_msg("%s, tau %g, L %g: %.17g below %.17g", gauge, tau, lipschitz, there, best);
  }
}

static void test_prox(void **state) {
  (void)state;
  static const char *const gauges[] = {"trace",
                                       "operator",
                                       "frobenius",
                                       "schatten:1.2",
                                       "schatten:7",
                                       "schatten:0.6",
                                       "schatten:0.5",
                                       "kyfan:2",
                                       "kyfan:4",
                                       "sum:operator@2,schatten:3@3",
                                       "max:operator@2/3,trace@3"};
  wg_rng rng = {11};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++)
    for (int trial = 0; trial < 30; trial++) {
      double tau = exp(3.0 * wg_rng_normal(&rng)), lipschitz = exp(3.0 * wg_rng_normal(&rng));
      check_prox(&rng, gauges[k], tau, lipschitz);
    }
}

/* Operator: the closed form of the design, v_i = min(sigma_i/L, t), t/tau = sum (sigma_i - L t)+.
 */
static void test_prox_operator(void **state) {
  (void)state;
  wg_gauge_spec spec;
  const double sigma[3] = {3.0, 2.0, 0.1}, tau = 0.5, lipschitz = 2.0;
  double v[3], sum = 0.0;
  wg_gauge_parse("operator", &spec);
  wg_gauge_bind(&spec, 3);
  wg_modes_prox(&spec, sigma, tau, lipschitz, v);
  for (int j = 0; j < 3; j++) {
    sum += fmax(sigma[j] - lipschitz * v[0], 0.0);
    assert_near(v[j], fmin(sigma[j] / lipschitz, v[0]), 1e-15);
  }
  assert_near(v[0], tau * sum, 1e-15);
}

/* ---- flows for the rest ---- */

enum { N = 10, D = 3 };

static int evaluate(void *data, int64_t n, int64_t d, const double *x, const double *a,
                    double *value, double *force) {
  static const double stiffness[D] = {3.0, 1.0, 0.5};
  const uint64_t *seed = data;
  wg_rng rng = {seed ? *seed : 0};
  double sum = 0.0;
  for (int64_t i = 0; i < n * d; i++) {
    double w = stiffness[i % d], noise = seed ? 0.01 * wg_rng_normal(&rng) : 0.0;
    sum += a[i / d] * (0.5 * w * x[i] * x[i] + 0.1 * cos(2.0 * x[i]));
    if (force) force[i] = w * x[i] - 0.2 * sin(2.0 * x[i]) + noise;
  }
  if (value) *value = sum;
  return isfinite(sum) ? 0 : 1;
}

static void put_points(double *x) {
  wg_rng rng = {5};
  for (int i = 0; i < N * D; i++) x[i] = wg_rng_normal(&rng);
}

static int draw(uint64_t seed, void *data) {
  *(uint64_t *)data = seed;
  return 0;
}

static wg_flow *make(wg_energy *energy, const wg_flow_settings *settings) {
  double x[N * D];
  wg_flow *flow;
  put_points(x);
  if (wg_flow_setup(&flow, energy, N, D, x, NULL, "operator", settings) < 0)
    fail_msg("%s", wg_error_detail());
  return flow;
}

static wg_energy *energy_of(uint64_t *seed) {
  wg_energy *energy;
  assert_int_equal(wg_energy_callback(&energy, D, NAN, evaluate, seed), WG_OK);
  return energy;
}

static void *save(const wg_flow *flow, size_t *size) {
  assert_int_equal(wg_flow_save(flow, NULL, 0, size), WG_OK);
  void *bytes = malloc(*size);
  assert_non_null(bytes);
  assert_int_equal(wg_flow_save(flow, bytes, *size, NULL), WG_OK);
  return bytes;
}

/* ---- checkpoints ---- */

/* Runs to the end with a save and a load in a new flow after every few steps. */
static void check_resumed(int method, const wg_flow_settings *given, uint64_t *seed) {
  const double end = 1.5;
  wg_energy *energy = energy_of(seed);
  wg_flow_settings settings = *given;
  wg_flow_info info = {.time = 0};
  size_t whole_size, size;
  settings.method = method;
  wg_flow *whole = make(energy, &settings);
  assert_true(wg_flow_run(whole, end, NULL) >= 0);
  void *expected = save(whole, &whole_size);
  settings.max_steps = 7;
  if (seed) *seed = 0; /* as it was at the start of the whole run */
  wg_flow *flow = make(energy, &settings);
  for (int rounds = 0; info.time < end; rounds++) {
    assert_true(rounds < 1000);
    assert_true(wg_flow_run(flow, end, &info) >= 0);
    void *bytes = save(flow, &size);
    wg_flow_free(flow);
    flow = make(energy, &settings);
    if (wg_flow_load(flow, bytes, size) < 0) fail_msg("%s", wg_error_detail());
    free(bytes);
  }
  void *found = save(flow, &size);
  assert_int_equal(size, whole_size);
  assert_memory_equal(found, expected, size);
  free(found);
  free(expected);
  wg_flow_free(flow);
  wg_flow_free(whole);
  wg_energy_free(energy);
}

static void test_resume(void **state) {
  (void)state;
  uint64_t seed = 0;
  wg_flow_settings settings;
  wg_flow_settings_init(&settings);
  settings.threads = 1;
  settings.step = 0.02;
  for (int method = WG_FLOW_AUTO; method <= WG_FLOW_MOMENTUM; method++)
    check_resumed(method, &settings, NULL);
  settings.cutoff = 1e-13; /* chatter, and the clip step standing in */
  check_resumed(WG_FLOW_AUTO, &settings, NULL);
  settings.reseed = draw;
  settings.reseed_data = &seed;
  settings.seed = 3;
  check_resumed(WG_FLOW_EULER, &settings, &seed);
}

static void assert_refused(wg_flow *flow, const void *bytes, size_t size, const char *word) {
  assert_int_equal(wg_flow_load(flow, bytes, size), WG_ERR_INPUT);
  if (!strstr(wg_error_detail(), word)) fail_msg("'%s' lacks '%s'", wg_error_detail(), word);
}

static void test_foreign_checkpoints(void **state) {
  (void)state;
  size_t size;
  double x[N * D], before[N * D], after[N * D], time;
  wg_flow_settings settings;
  wg_flow_settings_init(&settings);
  wg_energy *energy = energy_of(NULL);
  wg_flow *flow = make(energy, &settings);
  assert_true(wg_flow_run(flow, 0.5, NULL) >= 0);
  unsigned char *bytes = save(flow, &size);
  wg_flow_get(flow, NULL, before, NULL, NULL);
  bytes[size / 2] ^= 1;
  assert_refused(flow, bytes, size, "checksum");
  bytes[size / 2] ^= 1;
  assert_refused(flow, bytes, size - 1, "checksum");
  assert_refused(flow, bytes, 7, "no checkpoint");
  wg_flow_get(flow, &time, after, NULL, NULL);
  assert_near(time, 0.5, 0.0);
  assert_memory_equal(before, after, sizeof before); /* what was refused changed nothing */
  wg_flow_free(flow);
  settings.tol = 1e-6;
  flow = make(energy, &settings);
  assert_refused(flow, bytes, size, "setting");
  wg_flow_free(flow);
  settings.tol = 1e-5;
  put_points(x);
  x[0] += 1.0;
  assert_int_equal(wg_flow_setup(&flow, energy, N, D, x, NULL, "operator", &settings), WG_OK);
  assert_refused(flow, bytes, size, "start");
  wg_flow_free(flow);
  assert_int_equal(wg_flow_setup(&flow, energy, N, D, x, NULL, "trace", &settings), WG_OK);
  assert_refused(flow, bytes, size, "gauge");
  wg_flow_free(flow);
  free(bytes);
  wg_energy_free(energy);
}

/* ---- stops ---- */

static int stop_at_third(wg_flow *flow, const wg_flow_record *record, const double *x, void *data) {
  double time;
  (void)x;
  wg_flow_get(flow, &time, NULL, NULL, NULL);
  assert_near(time, record->time, 0.0);
  return ++*(int *)data == 3;
}

static int stop_now(const wg_progress *progress, void *data) {
  (void)data;
  assert_non_null(strstr(progress->phase, "flow at t"));
  return 1;
}

static void test_stops(void **state) {
  (void)state;
  int steps = 0;
  wg_flow_info info;
  wg_flow_settings settings;
  wg_flow_settings_init(&settings);
  settings.accepted = stop_at_third;
  settings.accepted_data = &steps;
  wg_energy *energy = energy_of(NULL);
  wg_flow *flow = make(energy, &settings);
  assert_int_equal(wg_flow_run(flow, 1.0, &info), WG_STOPPED);
  assert_int_equal(info.steps, 3);
  assert_true(info.time < 1.0);
  wg_flow_free(flow);
  settings = (wg_flow_settings){.struct_size = 0};
  wg_flow_settings_init(&settings);
  settings.method = WG_FLOW_EULER;
  settings.step = 1e-7;
  settings.time_limit = 0.05;
  flow = make(energy, &settings);
  assert_int_equal(wg_flow_run(flow, 1.0, &info), WG_TIME_LIMIT);
  wg_flow_free(flow);
  settings.time_limit = INFINITY;
  settings.progress = stop_now;
  flow = make(energy, &settings);
  assert_int_equal(wg_flow_run(flow, 1.0, &info), WG_STOPPED);
  wg_flow_free(flow);
  settings.max_steps = 5;
  flow = make(energy, &settings);
  assert_int_equal(wg_flow_run(flow, 1.0, &info), WG_CALL_LIMIT);
  assert_int_equal(info.steps, 5);
  wg_flow_free(flow);
  wg_energy_free(energy);
}

/* ---- refusals ---- */

static void assert_setup(wg_energy *energy, const char *gauge, const wg_flow_settings *settings,
                         int status, const char *word) {
  double x[N * D];
  wg_flow *flow;
  put_points(x);
  assert_int_equal(wg_flow_setup(&flow, energy, N, D, x, NULL, gauge, settings), status);
  if (status < 0 && !strstr(wg_error_detail(), word))
    fail_msg("'%s' lacks '%s'", wg_error_detail(), word);
  wg_flow_free(flow);
}

static void test_refusals(void **state) {
  (void)state;
  double x[N * D], a[N];
  wg_flow *flow;
  wg_energy *energy = energy_of(NULL);
  wg_flow_settings s;
  wg_flow_settings_init(&s);
  s.method = WG_FLOW_EULER;
  assert_setup(energy, "operator", &s, WG_ERR_ARGUMENT, "step");
  s.method = WG_FLOW_CLIP;
  s.step = 0.1;
  assert_setup(energy, "max:schatten:2@2,trace@1", &s, WG_ERR_ARGUMENT, "clip");
  s.newton_steps = 4;
  assert_setup(energy, "operator", &s, WG_ERR_ARGUMENT, "newton_steps");
  s.newton_steps = 0;
  s.cap = 1.0;
  assert_setup(energy, "operator", &s, WG_ERR_ARGUMENT, "cap");
  wg_flow_settings_init(&s);
  s.reseed = draw;
  assert_setup(energy, "operator", &s, WG_ERR_ARGUMENT, "minibatches");
  wg_flow_settings_init(&s);
  s.tol = 0.0;
  assert_setup(energy, "operator", &s, WG_ERR_ARGUMENT, "tol");
  s.struct_size = 3;
  assert_setup(energy, "operator", &s, WG_ERR_ARGUMENT, "wg_flow_settings_init");
  wg_flow_settings_init(&s);
  s.memory_limit = 4096;
  assert_setup(energy, "operator", &s, WG_ERR_MEMORY_LIMIT, "limit");
  assert_setup(energy, "kyfan:9", NULL, WG_ERR_INPUT, "9");
  put_points(x);
  for (int i = 0; i < N; i++) a[i] = 1.0 / N;
  a[3] = 0.0;
  assert_int_equal(wg_flow_setup(&flow, energy, N, D, x, a, "operator", NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "a[3]"));
  x[4] = NAN;
  assert_int_equal(wg_flow_setup(&flow, energy, N, D, x, NULL, "operator", NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "x[1, 1]"));
  wg_energy_free(energy);
}

/* An Euler run that explodes ends with a sentence, at its last good place. */
static void test_explosion(void **state) {
  (void)state;
  double time, x[N * D];
  wg_flow_settings settings;
  wg_flow_settings_init(&settings);
  settings.method = WG_FLOW_EULER;
  settings.step = 1e3;
  wg_energy *energy = energy_of(NULL);
  wg_flow *flow = make(energy, &settings);
  assert_true(wg_flow_run(flow, 1e9, NULL) < 0);
  wg_flow_get(flow, &time, x, NULL, NULL);
  for (int i = 0; i < N * D; i++) assert_true(isfinite(x[i]));
  wg_flow_free(flow);
  wg_energy_free(energy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_prox),     cmocka_unit_test(test_prox_operator),
      cmocka_unit_test(test_resume),   cmocka_unit_test(test_foreign_checkpoints),
      cmocka_unit_test(test_stops),    cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_explosion)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
