/* Bounds in ball arithmetic: random instances of every gauge, exact values, what is refused, and
 * agreement with the bounds of wg_verify, whose code they do not share. */
#include "support.h"

static wg_rigorous_verdict rigorous(const wg_certificate *certificate) {
  wg_rigorous_verdict verdict;
  int status = wg_verify_rigorous(certificate, 1, &verdict);
  if (status < 0) fail_msg("wg_verify_rigorous: %s", wg_error_detail());
  return verdict;
}

/* ---- random instances ---- */

enum { INSTANCES = 500, MOST_POINTS = 12, MOST_D = 4 };

/* A spectral gauge for `size` columns. */
static int write_spectral(wg_rng *rng, int64_t size, bool convex, char *text, size_t room) {
  switch (wg_rng_bits(rng) % (convex ? 5 : 6)) {
    case 0: return snprintf(text, room, "trace");
    case 1: return snprintf(text, room, "operator");
    case 2: return snprintf(text, room, "frobenius");
    case 3: return snprintf(text, room, "kyfan:%d", 1 + (int)(wg_rng_bits(rng) % (uint64_t)size));
    case 4: return snprintf(text, room, "schatten:%.3g", 1.0 + 9.0 * wg_rng_uniform(rng));
    default: return snprintf(text, room, "schatten:%.3g", 0.5 + 0.5 * wg_rng_uniform(rng));
  }
}

/* Any gauge of the grammar for d columns: single, or two blocks, with rates in a maximum. */
static void write_gauge(wg_rng *rng, int64_t d, char *text, size_t room) {
  uint64_t outer = d > 1 ? wg_rng_bits(rng) % 3 : 0;
  if (outer == 0) {
    write_spectral(rng, d, false, text, room);
    return;
  }
  int64_t first = 1 + (int64_t)(wg_rng_bits(rng) % (uint64_t)(d - 1));
  int used = snprintf(text, room, "%s:", outer == 1 ? "sum" : "max");
  used += write_spectral(rng, first, true, text + used, room - (size_t)used);
  used += snprintf(text + used, room - (size_t)used, "@%d,", (int)first);
  used += write_spectral(rng, d - first, true, text + used, room - (size_t)used);
  used += snprintf(text + used, room - (size_t)used, "@%d", (int)(d - first));
  if (outer == 2)
    snprintf(text + used, room - (size_t)used, "/%.3g", 0.5 + 2.0 * wg_rng_uniform(rng));
}

/* Some clouds are shrunk, put far away, on a grid with ties, or into a subspace. */
static test_clouds random_clouds(wg_rng *rng, int64_t d) {
  int64_t n = 1 + (int64_t)(wg_rng_bits(rng) % MOST_POINTS);
  int64_t m = 1 + (int64_t)(wg_rng_bits(rng) % MOST_POINTS);
  test_clouds c = test_random_clouds(rng, n, m, d, wg_rng_bits(rng) % 2);
  uint64_t kind = wg_rng_bits(rng) % 8;
  double *clouds[2] = {c.x, c.y};
  int64_t counts[2] = {n, m};
  for (int side = 0; side < 2; side++) {
    for (int64_t i = 0; i < counts[side] * d; i++) {
      double *entry = &clouds[side][i];
      if (kind == 0) *entry *= 1e-7;
      if (kind == 1) *entry += 1e6;
      if (kind == 2) *entry = round(*entry);
      if (kind == 3 && i % d > 0) *entry = clouds[side][i - 1];
      if (kind == 4) *entry *= 1e60;
    }
  }
  return c;
}

/* What holds of every verdict: order, sharpness, and the other verifier's bounds just outside. */
static void assert_encloses(const wg_certificate *certificate, const wg_rigorous_verdict *v) {
  wg_verdict plain;
  assert_int_equal(wg_verify(certificate, 1, &plain), WG_OK);
  assert_true(v->lower_lo <= v->lower_hi && v->lower_hi <= v->upper_hi);
  assert_true(v->lower_lo <= v->upper_lo && v->upper_lo <= v->upper_hi);
  assert_true(v->upper_hi - v->upper_lo <= 1e-15 * v->upper_hi);
  bool cuts = certificate->cuts > 0; /* those are searched to 2^-46 */
  assert_true(v->lower_hi - v->lower_lo <= (cuts ? 3e-14 : 1e-15) * v->upper_hi);
  double size = v->upper_hi;
  bool convex = strncmp(certificate->gauge, "schatten:0.", 11) != 0;
  if (!(plain.lower <= v->lower_hi && plain.lower >= v->lower_lo - (cuts ? 1e-6 : 1e-12) * size))
    fail_msg("%s: lower %.17g, rigorous %.17g", certificate->gauge, plain.lower, v->lower_lo);
  if (!(plain.upper >= v->upper_lo && plain.upper <= v->upper_hi + (convex ? 1e-12 : 1e-6) * size))
    fail_msg("%s: upper %.17g, rigorous %.17g", certificate->gauge, plain.upper, v->upper_hi);
}

static void claims_of_every_gauge_are_proved(void **state) {
  (void)state;
  wg_rng rng = {2026};
  for (int k = 0; k < INSTANCES; k++) {
    char gauge[128];
    int64_t d = 1 + (int64_t)(wg_rng_bits(&rng) % MOST_D);
    write_gauge(&rng, d, gauge, sizeof gauge);
    test_clouds c = random_clouds(&rng, d);
    wg_solver *solver = test_setup(&c, gauge, 1e-6);
    test_solve(solver);
    wg_certificate certificate;
    assert_int_equal(wg_get_certificate(solver, &certificate), WG_OK);
    wg_rigorous_verdict v = rigorous(&certificate);
    if (!v.valid || v.lower_excess > 0 || v.upper_excess > 0 || v.finding[0])
      fail_msg("instance %d, %s, n = %d, m = %d, d = %d: %s", k, gauge, (int)c.n, (int)c.m, (int)d,
               v.finding);
    assert_encloses(&certificate, &v);
    wg_free(solver);
    test_free_clouds(&c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(claims_of_every_gauge_are_proved),
  };
  return cmocka_run_group_tests_name("rigorous bounds", tests, NULL, NULL);
}
