/* The nearest point of K: in K, and no nearer one along any chord to a point of K. */
#include "gauge/gauge.h"
#include "support.h"

enum { D = 3, TRIES = 40 };

static wg_gauge_spec spec_of(const char *text) {
  wg_gauge_spec spec;
  assert_int_equal(wg_gauge_parse(text, &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, D), WG_OK);
  return spec;
}

static void random_symmetric(wg_rng *rng, double scale, double *q) {
  for (int r = 0; r < D; r++)
    for (int c = 0; c <= r; c++) q[r * D + c] = q[c * D + r] = scale * wg_rng_normal(rng);
}

/* A point of K: a maximiser at a random PSD matrix. */
static void random_member(wg_rng *rng, const wg_gauge_spec *spec, wg_mem *mem, double *member) {
  double root[D * D], s[D * D] = {0};
  for (int k = 0; k < D * D; k++) root[k] = wg_rng_normal(rng);
  for (int r = 0; r < D; r++)
    for (int c = 0; c < D; c++)
      for (int k = 0; k < D; k++) s[r * D + c] += root[r * D + k] * root[c * D + k];
  assert_int_equal(wg_gauge_subgradient(spec, s, mem, member), WG_OK);
}

static void check_gauge(const char *text) {
  wg_rng rng = {17};
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  const wg_gauge_spec spec = spec_of(text);
  for (int n = 0; n < TRIES; n++) {
    double given[D * D], nearest[D * D], member[D * D], dual;
    random_symmetric(&rng, n % 3 == 0 ? 0.1 : 2.0, given);
    memcpy(nearest, given, sizeof given);
    assert_int_equal(wg_gauge_project(&spec, nearest, &mem), WG_OK);
    assert_int_equal(wg_gauge_dual(&spec, nearest, &mem, &dual), WG_OK);
    if (dual > 1.0 + 1e-8) fail_msg("%s: dual gauge %.12g", text, dual);
    random_member(&rng, &spec, &mem, member);
    double along = 0.0; /* <given - nearest, member - nearest> <= 0 */
    for (int k = 0; k < D * D; k++) along += (given[k] - nearest[k]) * (member[k] - nearest[k]);
    if (along > 1e-7) fail_msg("%s: a nearer point, %g", text, along);
    double again[D * D];
    memcpy(again, nearest, sizeof again);
    assert_int_equal(wg_gauge_project(&spec, again, &mem), WG_OK);
    for (int k = 0; k < D * D; k++) assert_near(again[k], nearest[k], 1e-7);
  }
  wg_mem_clear(&mem);
}

static void nearest_points_of_every_gauge(void **state) {
  (void)state;
  const char *const gauges[] = {"trace",
                                "schatten:1.2",
                                "frobenius",
                                "schatten:4",
                                "operator",
                                "kyfan:1",
                                "kyfan:2",
                                "kyfan:3",
                                "sum:operator@2,trace@1",
                                "max:operator@2/1,trace@1/0.5",
                                "max:frobenius@2/2,trace@1/1",
                                "max:schatten:3@2/0.7,operator@1/1"};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) check_gauge(gauges[k]);
}

static void by_hand(void **state) {
  (void)state;
  wg_mem mem = wg_mem_of(&(wg_ledger){0});
  double q[D * D] = {3, 0, 0, 0, 2.5, 0, 0, 0, -1};
  wg_gauge_spec spec = spec_of("operator"); /* the simplex: both lose 2.25 */
  assert_int_equal(wg_gauge_project(&spec, q, &mem), WG_OK);
  const double want[D * D] = {0.75, 0, 0, 0, 0.25, 0, 0, 0, 0};
  for (int k = 0; k < D * D; k++) assert_near(q[k], want[k], 1e-12);
  spec = spec_of("schatten:0.5");
  assert_int_equal(wg_gauge_project(&spec, q, &mem), WG_ERR_ARGUMENT);
  wg_mem_clear(&mem);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nearest_points_of_every_gauge),
                                     cmocka_unit_test(by_hand)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
