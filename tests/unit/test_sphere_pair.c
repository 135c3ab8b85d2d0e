/* The cones of one pair: every step solves the linearised conditions it is said to solve, at random
 * points and near the end, where P and Z all but have rank one. */
#include "sphere/pair.h"
#include "support.h"

static void multiply(wg_two m, wg_two n, double out[4]) {
  out[0] = m.a * n.a + m.c * n.c;
  out[1] = m.a * n.c + m.c * n.b;
  out[2] = m.c * n.a + m.b * n.c;
  out[3] = m.c * n.c + m.b * n.b;
}

/* g m g */
static wg_two around(wg_two g, wg_two m) {
  double half[4];
  multiply(g, m, half);
  return (wg_two){half[0] * g.a + half[1] * g.c, half[2] * g.c + half[3] * g.b,
                  half[0] * g.c + half[1] * g.b};
}

static wg_two inverse(wg_two m) {
  const double det = m.a * m.b - m.c * m.c;
  return (wg_two){m.b / det, m.a / det, -m.c / det};
}

static void assert_same(wg_two m, wg_two n, double tolerance) {
  const double size = tolerance * (fabs(n.a) + fabs(n.b));
  assert_near(m.a, n.a, size);
  assert_near(m.b, n.b, size);
  assert_near(m.c, n.c, size);
}

/* A pair near P Z = mu I, c t = mu: off by a factor up to two, dual missed a little. */
static wg_sphere_pair random_pair(wg_rng *rng, double mu, double dual[2], double *k) {
  wg_sphere_pair e = {.t = 0.0};
  const double u = 0.2 + wg_rng_uniform(rng), v = 0.2 + wg_rng_uniform(rng);
  const double slack = fmin(mu / (0.5 + wg_rng_uniform(rng)), 0.5 * u * v);
  const double off = sqrt(u * v - slack);
  e.z = (wg_two){u, v, -off};
  e.p = (wg_two){mu * v / slack * 1.1, mu * u / slack * 1.3, mu * off / slack};
  e.t = mu / e.p.c * (0.6 + wg_rng_uniform(rng));
  dual[0] = u + 1e-3 * slack;
  dual[1] = v - 1e-3 * slack;
  *k = off - e.t + 1e-3 * slack;
  return e;
}

static const double levels[] = {0.1, 1e-3, 1e-6, 1e-9};

static void scaling_makes_them_alike(void **state) {
  (void)state;
  wg_rng rng = {71};
  for (int trial = 0; trial < 200; trial++) {
    const double mu = levels[trial % 4];
    double dual[2], k;
    wg_sphere_pair e = random_pair(&rng, mu, dual, &k);
    assert_int_equal(wg_pair_scale(&e, dual), WG_OK);
    assert_same(around(e.g, e.v), e.p, 1e-12 + 1e-13 / mu); /* z is known to its own rounding */
    assert_same(around(e.g, e.z), e.v, 1e-12 + 1e-13 / mu);
  }
}

static void a_step_solves_its_equations(void **state) {
  (void)state;
  wg_rng rng = {72};
  for (int trial = 0; trial < 200; trial++) {
    const double mu = levels[trial % 3], goal = 0.3 * mu;
    double dual[2], k;
    wg_sphere_pair e = random_pair(&rng, mu, dual, &k);
    assert_int_equal(wg_pair_scale(&e, dual), WG_OK);
    wg_pair_aim(&e, k, dual, goal, false);
    const double du = mu * wg_rng_normal(&rng), dv = mu * wg_rng_normal(&rng);
    const double dk = mu * wg_rng_normal(&rng);
    wg_pair_answer(&e, du, dv, dk);
    assert_near(e.z.a + e.step_z.a, dual[0] + du, 1e-15);
    assert_near(e.z.b + e.step_z.b, dual[1] + dv, 1e-15);
    assert_near(e.z.c + e.step_z.c, -(k + dk) - e.t - e.step_t, 1e-15);
    assert_near(e.p.c * e.step_t + e.t * e.step_p.c, goal - e.p.c * e.t, 1e-9 * mu);
    const wg_two w = around(e.g, (wg_two){1.0, 1.0, 0.0}), moved = around(w, e.step_z);
    const wg_two z = inverse(e.z); /* P + dP + W dZ W = goal Z^-1 */
    assert_same((wg_two){e.p.a + e.step_p.a + moved.a, e.p.b + e.step_p.b + moved.b,
                         e.p.c + e.step_p.c + moved.c},
                (wg_two){goal * z.a, goal * z.b, goal * z.c}, 1e-8);
  }
}

/* What answers say of du, dv, dk one at a time is what link, excess, h and root say. */
static void responses_are_those_of_steps(void **state) {
  (void)state;
  wg_rng rng = {73};
  for (int trial = 0; trial < 200; trial++) {
    const double mu = levels[trial % 3];
    double dual[2], k;
    wg_sphere_pair e = random_pair(&rng, mu, dual, &k), still;
    assert_int_equal(wg_pair_scale(&e, dual), WG_OK);
    wg_pair_aim(&e, k, dual, 0.0, false);
    wg_pair_answer(&e, 0.0, 0.0, 0.0);
    still = e;
    const double x = wg_rng_normal(&rng), y = wg_rng_normal(&rng), dk = wg_rng_normal(&rng);
    const double du = dual[0] * x, dv = -dual[1] * y;
    wg_pair_answer(&e, du, dv, dk);
    const double change[2] = {e.step_p.a - still.step_p.a, e.step_p.b - still.step_p.b};
    const double own = dual[0] * (e.h[0] * dk - change[0]);
    const double far = -dual[1] * (e.h[1] * dk - change[1]);
    const double size = e.link + fabs(e.excess[0]) + fabs(e.excess[1]) + dual[0] * e.h[0];
    assert_near(own, e.link * (x - y) + e.excess[0] * x, 1e-7 * size);
    assert_near(far, e.link * (y - x) + e.excess[1] * y, 1e-7 * size);
    double root[4], g0, g1;
    wg_pair_root(&e, du, dv, dk, root);
    wg_pair_unroot(&e, root, &g0, &g1);
    assert_near(g0, -change[0], 1e-7 * size);
    const double carried = 2.0 * (e.step_p.c - still.step_p.c);
    const double form = -(change[0] * du + change[1] * dv - carried * dk);
    double squares = 0.0;
    for (int i = 0; i < 4; i++) squares += root[i] * root[i];
    assert_near(squares, form, 1e-7 * size);
    assert_near(g1, -change[1], 1e-7 * size);
  }
}

/* The correction is what is missing in V X + X V = -(dp dz + dz dp), in scaled coordinates. */
static void corrections_answer_the_product(void **state) {
  (void)state;
  wg_rng rng = {74};
  for (int trial = 0; trial < 100; trial++) {
    double dual[2], k, product[4], other[4], left[4], right[4];
    wg_sphere_pair e = random_pair(&rng, 0.1, dual, &k);
    assert_int_equal(wg_pair_scale(&e, dual), WG_OK);
    wg_pair_aim(&e, k, dual, 0.0, false);
    wg_pair_answer(&e, 0.01, -0.02, 0.005);
    wg_pair_correct(&e);
    multiply(e.seen_p, e.seen_z, product);
    multiply(e.seen_z, e.seen_p, other);
    multiply(e.v, e.fix, left);
    multiply(e.fix, e.v, right);
    for (int i = 0; i < 4; i++) assert_near(left[i] + right[i], -product[i] - other[i], 1e-12);
    assert_near(e.fix_t, -e.step_p.c * e.step_t, 1e-15);
  }
}

/* At the limit one of P, Z, c, t is at its boundary, and before it none. */
static void limits_are_boundaries(void **state) {
  (void)state;
  wg_rng rng = {75};
  for (int trial = 0; trial < 200; trial++) {
    double dual[2], k;
    wg_sphere_pair e = random_pair(&rng, 0.1, dual, &k);
    assert_int_equal(wg_pair_scale(&e, dual), WG_OK);
    wg_pair_aim(&e, k, dual, 0.0, false);
    wg_pair_answer(&e, wg_rng_normal(&rng), wg_rng_normal(&rng), wg_rng_normal(&rng));
    const double limit = wg_pair_limit(&e);
    assert_true(limit > 0.0 && limit < 1e3);
    wg_sphere_pair inside = e, outside = e;
    wg_pair_advance(&inside, 0.999 * limit);
    wg_pair_advance(&outside, 1.001 * limit);
    assert_true(inside.p.a * inside.p.b > inside.p.c * inside.p.c && inside.p.a > 0.0);
    assert_true(inside.z.a * inside.z.b > inside.z.c * inside.z.c && inside.z.a > 0.0);
    assert_true(inside.p.c > 0.0 && inside.t > 0.0);
    assert_true(outside.p.a * outside.p.b < outside.p.c * outside.p.c || outside.p.a < 0.0 ||
                outside.z.a * outside.z.b < outside.z.c * outside.z.c || outside.z.a < 0.0 ||
                outside.p.c < 0.0 || outside.t < 0.0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scaling_makes_them_alike), cmocka_unit_test(a_step_solves_its_equations),
      cmocka_unit_test(responses_are_those_of_steps),
      cmocka_unit_test(corrections_answer_the_product), cmocka_unit_test(limits_are_boundaries)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
