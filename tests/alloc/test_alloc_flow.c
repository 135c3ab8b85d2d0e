/* Every allocation of a flow fails once: the call returns WG_ERR_MEMORY, leaves nothing behind, and
 * the flow goes on from where it was. */
#include "support.h"

enum { N = 6, D = 3 };

static int evaluate(void *data, int64_t n, int64_t d, const double *x, const double *a,
                    double *value, double *force) {
  double sum = 0.0;
  (void)data;
  for (int64_t i = 0; i < n * d; i++) {
    double w = 1.0 + (double)(i % d);
    sum += 0.5 * a[i / d] * w * x[i] * x[i];
    if (force) force[i] = w * x[i];
  }
  if (value) *value = sum;
  return 0;
}

/* Sets up, runs, saves and loads; the first status that is not WG_OK or an outcome. */
static int whole_run(wg_energy *energy, int method, char *bytes, size_t room) {
  wg_flow_settings settings;
  wg_flow *flow;
  size_t size;
  double x[N * D];
  wg_rng rng = {2};
  for (int i = 0; i < N * D; i++) x[i] = wg_rng_normal(&rng);
  wg_flow_settings_init(&settings);
  settings.method = method;
  settings.step = 0.1;
  settings.threads = 1;
  int status = wg_flow_setup(&flow, energy, N, D, x, NULL, "sum:operator@2,trace@1", &settings);
  if (status < 0) return status;
  status = wg_flow_run(flow, 0.3, NULL);
  if (status >= 0) status = wg_flow_save(flow, bytes, room, &size);
  if (status >= 0) status = wg_flow_load(flow, bytes, size);
  wg_flow_free(flow);
  return status < 0 ? status : WG_OK;
}

static void test_each_allocation(void **state) {
  (void)state;
  enum { ROOM = 1 << 20 };
  char *bytes = malloc(ROOM);
  wg_energy *energy;
  assert_non_null(bytes);
  assert_int_equal(wg_energy_callback(&energy, D, 0.0, evaluate, NULL), WG_OK);
  for (int method = WG_FLOW_AUTO; method <= WG_FLOW_MOMENTUM; method++) {
    long k = 1;
    for (int status = WG_ERR_MEMORY; status != WG_OK; k += k < 60 ? 1 : 37) {
      assert_true(k < 200000);
      wg_fail_allocation(k);
      status = whole_run(energy, method, bytes, ROOM);
      wg_fail_allocation(0);
      assert_true(status == WG_OK || status == WG_ERR_MEMORY);
    }
    assert_true(k > 20);
    assert_int_equal(whole_run(energy, method, bytes, ROOM), WG_OK);
  }
  wg_energy_free(energy);
  free(bytes);
}

/* After a failure in the middle the flow can be run on, and ends where it would have. */
static void test_goes_on(void **state) {
  (void)state;
  wg_energy *energy;
  double x[N * D], expected[N * D], found[N * D];
  wg_flow *flow;
  wg_rng rng = {2};
  for (int i = 0; i < N * D; i++) x[i] = wg_rng_normal(&rng);
  assert_int_equal(wg_energy_callback(&energy, D, 0.0, evaluate, NULL), WG_OK);
  for (long k = 0; k < 400; k += 13) {
    assert_int_equal(wg_flow_setup(&flow, energy, N, D, x, NULL, "operator", NULL), WG_OK);
    wg_fail_allocation(k);
    int status = wg_flow_run(flow, 0.5, NULL);
    wg_fail_allocation(0);
    assert_true(k == 0 ? status >= 0 : status == WG_ERR_MEMORY);
    assert_true(wg_flow_run(flow, 0.5, NULL) >= 0);
    wg_flow_get(flow, NULL, k == 0 ? expected : found, NULL, NULL);
    if (k > 0) assert_memory_equal(found, expected, sizeof found);
    wg_flow_free(flow);
  }
  wg_energy_free(energy);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation),
                                     cmocka_unit_test(test_goes_on)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
