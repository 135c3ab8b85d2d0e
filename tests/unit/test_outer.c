/* The lowest Schatten p < 1 over half-spaces and the PSD cone of the plane: against closed forms,
 * against the points that the half-spaces support, and in degenerate and extreme cases. */
/* cmocka.h needs the others before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <float.h>
#include <string.h>

#include "certify/certify.h"

enum { MOST = 200 };
static const double exponents[] = {0.5, 0.6, 0.75, 0.9};
enum { EXPONENTS = sizeof exponents / sizeof *exponents };

static wg_ledger ledger;

static int teardown(void **state) {
  (void)state;
  return ledger.now == 0 ? 0 : -1;
}

static wg_cert_outer_report run(wg_cert_outer_task task) {
  wg_mem mem = wg_mem_of(&ledger);
  wg_cert_outer_report report;
  assert_int_equal(wg_cert_outer(&mem, &task, &report), WG_OK);
  wg_mem_clear(&mem);
  return report;
}

static wg_cert_outer_task proof_of(double p, int64_t count, const wg_cert_half *halves,
                                   double ceiling) {
  return (wg_cert_outer_task){
      .p = p, .count = count, .halves = halves, .ceiling = ceiling, .target = ceiling, .margin = 1};
}

static double bound_of(double p, int64_t count, const wg_cert_half *halves, double ceiling) {
  return run(proof_of(p, count, halves, ceiling)).bound;
}

/* gamma_p at coordinates (t, u, v), in long double. */
static long double gauge_at(double p, const double z[3]) {
  const long double r = hypotl(z[1], z[2]);
  const long double large = 0.5L * (z[0] + r), small = fmaxl(0.0L, 0.5L * (z[0] - r));
  return large > 0 ? large * powl(1 + powl(small / large, p), 1.0L / p) : 0;
}

static double along(const double normal[3], const double z[3]) {
  return normal[0] * z[0] + normal[1] * z[1] + normal[2] * z[2];
}

static void assert_just_below(double value, long double exact, double relative) {
  if (!(value <= exact && value >= exact * (1 - (long double)relative)))
    fail_msg("%.17g is not just below %.20Lg", value, exact);
}

/* ---- closed forms ---- */

/* s11 >= a, s22 >= b, |s12| <= c: the corner with |s12| = c, by det = ab - c^2. */
static void boxes_have_their_minimum_at_a_corner(void **state) {
  (void)state;
  const double a = 2.0, b = 0.75, c = 0.5;
  const wg_cert_half box[] = {
      {{0.5, 0.5, 0}, a}, {{0.5, -0.5, 0}, b}, {{0, 0, 0.5}, -c}, {{0, 0, -0.5}, -c}};
  const double corner[3] = {a + b, a - b, 2 * c};
  for (int k = 0; k < EXPONENTS; k++)
    assert_just_below(bound_of(exponents[k], 4, box, 40), gauge_at(exponents[k], corner), 1e-11);
}

/* The trace alone leaves the rank-one matrices, where gamma is the trace; and nothing is claimed
 * beyond the ceiling. */
static void a_trace_bound_is_exact(void **state) {
  (void)state;
  const wg_cert_half trace = {{1, 0, 0}, 3};
  for (int k = 0; k < EXPONENTS; k++)
    assert_just_below(bound_of(exponents[k], 1, &trace, 100), 3, 1e-11);
  assert_just_below(bound_of(0.5, 1, &trace, 2), 2, 1e-15);
}

/* Half-spaces that leave one ray of the cone: no loss although the minimum is singular. */
static void singular_minima_are_exact(void **state) {
  (void)state;
  const wg_cert_half ray[] = {
      {{0.5, 0.5, 0}, 1}, {{0.5, -0.5, 0}, 0}, {{0, 0, 1}, 0}, {{0, 0, -1}, 0}};
  for (int k = 0; k < EXPONENTS; k++)
    assert_just_below(bound_of(exponents[k], 4, ray, 10), 1, 1e-11);
}

/* ---- against the points that half-spaces support ---- */

/* PSD, and of rank one every third time. */
static void random_moment(wg_rng *rng, double z[3]) {
  double s11 = 0, s12 = 0, s22 = 0;
  for (int terms = wg_rng_bits(rng) % 3 ? 2 : 1; terms > 0; terms--) {
    const double x = wg_rng_normal(rng), y = 1 + wg_rng_normal(rng);
    s11 += x * x;
    s12 += x * y;
    s22 += y * y;
  }
  z[0] = s11 + s22;
  z[1] = s11 - s22;
  z[2] = 2 * s12;
}

/* The half-space of a PSD normal that just holds all points. */
static wg_cert_half support(const double normal[3], int count, double (*points)[3]) {
  wg_cert_half half = {{normal[0], normal[1], normal[2]}, INFINITY};
  for (int i = 0; i < count; i++) half.least = fmin(half.least, along(normal, points[i]));
  half.least -= 1e-15 * fabs(half.least);
  return half;
}

static long double least_gauge(double p, int count, double (*points)[3]) {
  long double least = INFINITY;
  for (int i = 0; i < count; i++) least = fminl(least, gauge_at(p, points[i]));
  return least;
}

/* Every bound holds at every point, and at every mean of points. */
static void bounds_are_below_every_feasible_point(void **state) {
  (void)state;
  wg_rng rng = {31};
  for (int trial = 0; trial < 400; trial++) {
    double points[6][3];
    wg_cert_half halves[8];
    const int count = 1 + trial % 6, cuts = 1 + trial % 8;
    const double p = exponents[trial % EXPONENTS];
    for (int i = 0; i < count; i++) random_moment(&rng, points[i]);
    for (int k = 0; k < cuts; k++) {
      double normal[3];
      random_moment(&rng, normal);
      halves[k] = support(normal, count, points);
    }
    const long double least = least_gauge(p, count, points);
    const double bound = bound_of(p, cuts, halves, 1.5 * (double)least);
    if (!(bound <= least)) fail_msg("trial %d: %.17g is above %.20Lg", trial, bound, least);
    assert_true(bound >= 0);
  }
}

/* Random PSD matrices that satisfy every half-space have no gauge below the bound. */
static void no_feasible_sample_is_below_the_bound(void **state) {
  (void)state;
  wg_rng rng = {32};
  int met = 0;
  for (int trial = 0; trial < 200; trial++) {
    wg_cert_half halves[5];
    const double p = exponents[trial % EXPONENTS], ceiling = 4;
    for (int k = 0; k < 5; k++) {
      random_moment(&rng, halves[k].normal);
      halves[k].least = (0.2 + 0.5 * wg_rng_uniform(&rng)) * halves[k].normal[0];
    }
    const double bound = bound_of(p, 5, halves, ceiling);
    for (int sample = 0; sample < 2000; sample++) {
      const double t = ceiling * wg_rng_uniform(&rng), r = t * sqrt(wg_rng_uniform(&rng));
      const double angle = 6.3 * wg_rng_uniform(&rng);
      const double z[3] = {t, r * cos(angle), r * sin(angle)};
      bool feasible = true;
      for (int k = 0; k < 5; k++)
        feasible = feasible && along(halves[k].normal, z) >= halves[k].least;
      met += feasible;
      if (feasible && gauge_at(p, z) < bound) fail_msg("trial %d: a matrix below the bound", trial);
    }
  }
  assert_true(met > 10000);
}

/* grad gamma_p, the small eigenvalue lifted: cuts a point off whose gauge is below the minimum. */
static void gradient(double p, const double z[3], double lift, double normal[3]) {
  const double r = hypot(z[1], z[2]), large = 0.5 * (z[0] + r), small = 0.5 * (z[0] - r);
  const double steep = pow(fmax(small / large, lift), p - 1);
  const double e1 = r > 0 ? z[1] / r : 0, e2 = r > 0 ? z[2] / r : 0;
  normal[0] = 0.5 * (1 + steep);
  normal[1] = 0.5 * (1 - steep) * e1;
  normal[2] = 0.5 * (1 - steep) * e2;
}

/* Asking for a half-space wherever a probe ends closes the gap to the lowest point. */
static void probes_lead_to_the_minimum(void **state) {
  (void)state;
  wg_rng rng = {33};
  for (int trial = 0; trial < 60; trial++) {
    double points[8][3];
    wg_cert_half halves[MOST];
    const int count = 2 + trial % 7;
    const double p = exponents[trial % EXPONENTS], tol = 1e-7;
    for (int i = 0; i < count; i++) random_moment(&rng, points[i]);
    const double least = (double)least_gauge(p, count, points);
    int64_t cuts = 0;
    for (bool open = true; open && cuts < MOST;) {
      wg_cert_outer_task task = proof_of(p, cuts, halves, least * (1 + 1e-12));
      task.target = (1 - tol) * least;
      task.probe = true;
      const wg_cert_outer_report report = run(task);
      open = report.open;
      if (!open) break;
      double normal[3];
      gradient(p, report.point, ldexp(1, -2 * (int)(cuts % 12)), normal);
      halves[cuts++] = support(normal, count, points);
    }
    if (cuts == MOST) fail_msg("trial %d (p = %g) does not close", trial, p);
    const double bound = bound_of(p, cuts, halves, least * (1 + 1e-12));
    if (!(bound >= (1 - 1.1 * tol) * least && bound <= least * (1 + 1e-12)))
      fail_msg("trial %d: %.17g after %d cuts, the minimum is %.17g", trial, bound, (int)cuts,
               least);
  }
}

/* ---- the half-space of Q and potentials ---- */

enum { POINTS = 6 };

/* Any symmetric Q, feasible potentials or not: what it says holds for the moment of a coupling. */
static void halves_hold_for_every_coupling(void **state) {
  (void)state;
  wg_rng rng = {37};
  wg_context context = {.threads = 1};
  wg_gauge_spec spec;
  assert_int_equal(wg_gauge_parse("schatten:0.5", &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, 2), WG_OK);
  int psd = 0;
  for (int trial = 0; trial < 300; trial++) {
    double x[2 * POINTS], y[2 * POINTS], w[POINTS], f[POINTS], g[POINTS], q[4];
    int order[POINTS];
    for (int i = 0; i < 2 * POINTS; i++) {
      x[i] = wg_rng_normal(&rng);
      y[i] = 1 + wg_rng_normal(&rng);
    }
    for (int i = 0; i < 4; i++) q[i] = wg_rng_normal(&rng) + (i == 0 || i == 3);
    q[2] = q[1];
    for (int i = 0; i < POINTS; i++) {
      w[i] = 1.0 / POINTS;
      order[i] = (i + trial) % POINTS;
      f[i] = trial % 2 ? 0.3 * wg_rng_normal(&rng) : 0;
      g[i] = trial % 2 ? 0.3 * wg_rng_normal(&rng) : 0;
    }
    const wg_cert_data data = {POINTS, POINTS, 2, x, w, y, w};
    wg_cert_half half;
    wg_cert_lower_report report;
    const wg_cert_potentials potentials = {.f = f, .g = g};
    assert_int_equal(
        wg_cert_lower_half(&context, &data, &spec, q, &potentials, 1 + trial % 2, &half, &report),
        WG_OK);
    long double z[3] = {0, 0, 0};
    for (int i = 0; i < POINTS; i++) {
      const long double dx = (long double)y[2 * order[i]] - x[2 * i];
      const long double dy = (long double)y[2 * order[i] + 1] - x[2 * i + 1];
      z[0] += (dx * dx + dy * dy) / POINTS;
      z[1] += (dx * dx - dy * dy) / POINTS;
      z[2] += 2 * dx * dy / POINTS;
    }
    const long double value = half.normal[0] * z[0] + half.normal[1] * z[1] + half.normal[2] * z[2];
    if (!(value >= half.least)) fail_msg("trial %d: %.17Lg < %.17g", trial, value, half.least);
    /* The normal is that of Q where Q is PSD. */
    if (q[0] + q[3] < hypot(q[0] - q[3], 2 * q[1])) continue;
    psd++;
    const long double exact =
        0.5L * (q[0] + q[3]) * z[0] + 0.5L * (q[0] - q[3]) * z[1] + q[1] * z[2];
    assert_true(fabsl(value - exact) <= 1e-13L * (fabs(q[0]) + fabs(q[3])) * z[0]);
  }
  assert_true(psd > 20);
  assert_int_equal(context.ledger.now, 0);
}

/* ---- scales, repetition, nonsense ---- */

static void powers_of_two_change_nothing(void **state) {
  (void)state;
  wg_rng rng = {34};
  double points[4][3];
  wg_cert_half halves[6], scaled[6];
  for (int i = 0; i < 4; i++) random_moment(&rng, points[i]);
  for (int k = 0; k < 6; k++) {
    double normal[3];
    random_moment(&rng, normal);
    halves[k] = support(normal, 4, points);
  }
  const double ceiling = (double)least_gauge(0.6, 4, points);
  const double bound = bound_of(0.6, 6, halves, ceiling);
  assert_true(bound > 0.3 * ceiling);
  for (int exponent = -900; exponent <= 900; exponent += 300) {
    for (int k = 0; k < 6; k++) {
      scaled[k] = halves[k];
      scaled[k].least = ldexp(halves[k].least, exponent);
    }
    const double there = bound_of(0.6, 6, scaled, ldexp(ceiling, exponent));
    assert_true(fabs(ldexp(there, -exponent) - bound) <= 1e-15 * bound);
  }
}

static void repeated_halves_change_nothing(void **state) {
  (void)state;
  wg_rng rng = {35};
  double points[3][3];
  wg_cert_half halves[60];
  for (int i = 0; i < 3; i++) random_moment(&rng, points[i]);
  for (int k = 0; k < 6; k++) {
    double normal[3];
    random_moment(&rng, normal);
    halves[k] = support(normal, 3, points);
  }
  for (int k = 6; k < 60; k++) {
    const double jitter = 1 + 1e-16 * wg_rng_normal(&rng);
    halves[k] = halves[k - 6];
    halves[k].least *= jitter;
  }
  const double ceiling = (double)least_gauge(0.5, 3, points);
  const double once = bound_of(0.5, 6, halves, ceiling), often = bound_of(0.5, 60, halves, ceiling);
  assert_true(fabs(once - often) <= 1e-12 * once);
}

static void nonsense_proves_nothing(void **state) {
  (void)state;
  const wg_cert_half zero = {{0, 0, 0}, 1}, nan = {{NAN, 1, 1}, 1}, vast = {{1, 0, 0}, -DBL_MAX};
  const wg_cert_half broken = {{1, 0, 0}, NAN}, infinite = {{1, 0, 0}, INFINITY};
  const wg_cert_half *const cases[] = {&zero, &nan, &vast, &broken, &infinite};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    assert_true(bound_of(0.5, 1, cases[k], 1) < 1e-12);
  const wg_cert_half trace = {{1, 0, 0}, 1};
  const double ceilings[] = {0, -1, NAN, INFINITY, DBL_MAX, 0x1p-1074};
  for (size_t k = 0; k < sizeof ceilings / sizeof *ceilings; k++)
    assert_true(bound_of(0.5, 1, &trace, ceilings[k]) == 0);
  assert_true(bound_of(0.5, 0, NULL, 1) < 1e-12);
}

/* What is claimed with margin 2 follows with margin 1 although the halves moved by rounding. */
static void claims_have_room_for_other_rounding(void **state) {
  (void)state;
  wg_rng rng = {36};
  for (int trial = 0; trial < 100; trial++) {
    double points[5][3];
    wg_cert_half halves[12];
    const double p = exponents[trial % EXPONENTS];
    for (int i = 0; i < 5; i++) random_moment(&rng, points[i]);
    for (int k = 0; k < 12; k++) {
      double normal[3];
      random_moment(&rng, normal);
      halves[k] = support(normal, 5, points);
    }
    wg_cert_outer_task task = proof_of(p, 12, halves, (double)least_gauge(p, 5, points));
    task.margin = 2;
    const double claimed = run(task).bound;
    for (int k = 0; k < 12; k++) {
      for (int i = 0; i < 3; i++) halves[k].normal[i] *= 1 + 1e-16 * wg_rng_normal(&rng);
      halves[k].least *= 1 + 1e-16 * wg_rng_normal(&rng);
    }
    task.margin = 1;
    const double derived = run(task).bound;
    if (!(claimed <= derived && claimed >= derived * (1 - 1e-6)))
      fail_msg("trial %d: %.17g is claimed, %.17g follows", trial, claimed, derived);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(boxes_have_their_minimum_at_a_corner),
      cmocka_unit_test(a_trace_bound_is_exact),
      cmocka_unit_test(singular_minima_are_exact),
      cmocka_unit_test(bounds_are_below_every_feasible_point),
      cmocka_unit_test(no_feasible_sample_is_below_the_bound),
      cmocka_unit_test(probes_lead_to_the_minimum),
      cmocka_unit_test(halves_hold_for_every_coupling),
      cmocka_unit_test(powers_of_two_change_nothing),
      cmocka_unit_test(repeated_halves_change_nothing),
      cmocka_unit_test(nonsense_proves_nothing),
      cmocka_unit_test(claims_have_room_for_other_rounding),
  };
  return cmocka_run_group_tests(tests, NULL, teardown);
}
