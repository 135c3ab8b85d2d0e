/* Every allocation of setting up and of a step fails once: WG_ERR_MEMORY, nothing left behind, and
 * after a step that failed neither parameters nor state have changed. */
#include "support.h"

static int set_up(const char *gauge, wg_muon **muon) {
  wg_muon_parameter p[3];
  wg_muon_settings s;
  wg_muon_settings_init(&s);
  s.gauge = gauge;
  for (int k = 0; k < 3; k++) wg_muon_parameter_init(&p[k]);
  p[0].name = "w", p[0].ndim = 2, p[0].shape[0] = 6, p[0].shape[1] = 4, p[0].row_blocks = 3;
  p[1].name = "embed", p[1].ndim = 2, p[1].shape[0] = 6, p[1].shape[1] = 4;
  p[2].name = "v", p[2].ndim = 2, p[2].shape[0] = 6, p[2].shape[1] = 4, p[2].rule = WG_MUON_SGD;
  return wg_muon_setup(muon, 3, p, &s);
}

static void assert_kept(const wg_muon *muon, const unsigned char *state, const double *w,
                        const double *kept) {
  unsigned char now[2048];
  assert_int_equal(wg_muon_save(muon, now, sizeof now), WG_OK);
  assert_memory_equal(now, state, (size_t)wg_muon_state_bytes(muon));
  assert_memory_equal(w, kept, 24 * sizeof *w);
}

static void fail_steps(const char *gauge) {
  wg_muon *muon = NULL;
  wg_rng rng = {1};
  unsigned char state[2048];
  double w[24], g[24], kept[24];
  void *values[3] = {w, w, w};
  const void *gradients[3] = {g, g, g};
  long k = 1;
  for (int i = 0; i < 24; i++) g[i] = w[i] = wg_rng_normal(&rng) * (i % 2 ? 1e-6 : 1.0);
  memcpy(kept, w, sizeof w);
  assert_int_equal(set_up(gauge, &muon), WG_OK);
  assert_true(wg_muon_state_bytes(muon) <= (int64_t)sizeof state);
  assert_int_equal(wg_muon_save(muon, state, sizeof state), WG_OK);
  for (int status = WG_ERR_MEMORY; status != WG_OK; k++) {
    assert_true(k < 1000);
    wg_fail_allocation(k);
    status = wg_muon_step(muon, values, gradients, NULL);
    wg_fail_allocation(0);
    assert_true(status == WG_OK || status == WG_ERR_MEMORY);
    if (status != WG_OK) assert_kept(muon, state, w, kept);
  }
  assert_true(k > 10 && memcmp(w, kept, sizeof w) != 0);
  wg_muon_free(muon);
}

static void test_steps(void **state) {
  (void)state;
  fail_steps("operator");
  fail_steps("schatten:3");
}

static void test_setups(void **state) {
  (void)state;
  long k = 1;
  for (int status = WG_ERR_MEMORY; status != WG_OK; k++) {
    wg_muon *muon;
    assert_true(k < 1000);
    wg_fail_allocation(k);
    status = set_up("schatten:3", &muon);
    wg_fail_allocation(0);
    assert_true(status == WG_OK ? muon != NULL : status == WG_ERR_MEMORY && muon == NULL);
    wg_muon_free(muon);
  }
  assert_true(k > 15);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_setups), cmocka_unit_test(test_steps)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
