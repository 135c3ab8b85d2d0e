/* Every allocation of the oracle and the polar factor fails once: the call returns WG_ERR_MEMORY,
 * leaves nothing behind and works the next time. */
#include "support.h"

static int oracle(const double *g, double *v) {
  static const double a[6] = {0.5, 0.1, 0.1, 0.1, 0.1, 0.1};
  wg_lmo_settings settings;
  wg_lmo_settings_init(&settings);
  settings.check = 1;
  return wg_lmo("max:operator@2,kyfan:1@2/2", 6, 4, g, a, &settings, v, NULL);
}

static int polar(const double *g, double *v) {
  wg_polar_settings settings;
  wg_polar_settings_init(&settings);
  settings.check = 1;
  return wg_polar(4, 6, g, &settings, v, NULL);
}

static int express(const double *g, double *v) {
  wg_polar_settings settings;
  wg_polar_settings_init(&settings);
  settings.method = WG_POLAR_EXPRESS;
  settings.gram = 1;
  return wg_polar(4, 6, g, &settings, v, NULL);
}

/* The worker that fails is the calling thread: counts are the same each time. */
static int batch(const double *g, double *v) {
  wg_polar_settings settings;
  wg_polar_settings_init(&settings);
  settings.threads = 1;
  return wg_polar_batch(4, 2, 3, g, &settings, v, NULL);
}

static int batch_side_by_side(const double *g, double *v) {
  wg_polar_settings settings;
  wg_polar_settings_init(&settings);
  settings.method = WG_POLAR_MUON;
  settings.threads = settings.check = 1;
  return wg_polar_batch(6, 2, 2, g, &settings, v, NULL);
}

static void test_each_allocation(void **state) {
  (void)state;
  int (*const calls[])(const double *, double *) = {oracle, polar, express, batch,
                                                    batch_side_by_side};
  wg_rng rng = {1};
  double g[24], v[24];
  /* A condition of 1e6: further passes are made. */
  for (int i = 0; i < 24; i++) g[i] = wg_rng_normal(&rng) * (i % 2 ? 1e-6 : 1.0);
  for (int c = 0; c < 5; c++) {
    long k = 1;
    for (int status = WG_ERR_MEMORY; status != WG_OK; k++) {
      assert_true(k < 1000);
      wg_fail_allocation(k);
      status = calls[c](g, v);
      wg_fail_allocation(0);
      assert_true(status == WG_OK || status == WG_ERR_MEMORY);
    }
    assert_true(k > 5);
    assert_int_equal(calls[c](g, v), WG_OK);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
