/* Gaussians against their exact value: no interval may miss it, whatever the condition, and near
 * each other the interval stays small. In the plane the trace gauge has a closed form of
 * determinants, which quadruple precision knows to 1e-33 of the covariances; diagonal covariances
 * have one for every Schatten gauge. */
#include "certify/certify.h"
#include "normals.h"

typedef __float128 quad;

static quad root_of(quad a) {
  if (a <= 0) return 0;
  quad root = sqrt((double)a);
  for (int k = 0; k < 3; k++) root = (root + a / root) / 2;
  return root;
}

/* W_2^2 of centred Gaussians in the plane. */
static quad bures_of(const quad *s, const quad *t) {
  const quad det_s = s[0] * s[3] - s[1] * s[2], det_t = t[0] * t[3] - t[1] * t[2];
  const quad cross = s[0] * t[0] + s[1] * t[1] + s[2] * t[2] + s[3] * t[3];
  return s[0] + s[3] + t[0] + t[3] - 2 * root_of(cross + 2 * root_of(det_s * det_t));
}

static quad bures(const double *s, const double *t) {
  const quad a[4] = {s[0], s[1], s[2], s[3]}, b[4] = {t[0], t[1], t[2], t[3]};
  return bures_of(a, b);
}

/* A covariance of the plane with eigenvalues one and 1 / condition. */
static void turned(double angle, double condition, double *s) {
  const double c = cos(angle), n = sin(angle), low = 1.0 / condition;
  s[0] = c * c + low * n * n;
  s[3] = n * n + low * c * c;
  s[1] = s[2] = c * n * (1.0 - low);
}

static void hold(const wg_gaussian_info *info, quad value, const char *what) {
  if ((quad)info->lower <= value && value <= (quad)info->upper) return;
  fail_msg("%s: %.17g is not in [%.17g, %.17g], missed by %.2g", what, (double)value, info->lower,
           info->upper,
           (double)((quad)info->lower > value ? (quad)info->lower - value : value - info->upper));
}

static void no_condition_misses_the_value(void **state) {
  (void)state;
  const double conditions[] = {1e2, 1e6, 1e8, 1e10, 1e12, 1e14};
  wg_rng rng = {1};
  int open = 0;
  for (int round = 0; round < 300; round++) {
    const double condition = conditions[round % 6];
    test_normals c = {.d = 2};
    turned(7.0 * wg_rng_uniform(&rng), condition, c.s0);
    turned(7.0 * wg_rng_uniform(&rng), pow(condition, wg_rng_uniform(&rng)), c.s1);
    if ((quad)c.s0[0] * c.s0[3] < (quad)c.s0[1] * c.s0[2]) continue; /* indefinite by rounding */
    if ((quad)c.s1[0] * c.s1[3] < (quad)c.s1[1] * c.s1[2]) continue;
    const wg_gaussian_info info = test_gaussian(&c, "trace", 1e-10, NULL);
    hold(&info, bures(c.s0, c.s1), "trace");
    open += info.outcome != WG_CERTIFIED;
  }
  assert_int_equal(open, 0);
}

/* The second one is the first one, moved by far less than its size. */
static void near_gaussians_are_certified(void **state) {
  (void)state;
  const double steps[] = {1e-3, 1e-6, 1e-8, 1e-10};
  const char *const gauges[] = {"trace", "frobenius", "schatten:3", "operator", "kyfan:2"};
  wg_rng rng = {2};
  for (int round = 0; round < 40; round++) {
    const double step = steps[round % 4];
    test_normals c = {.d = 2 + round % 5};
    const int64_t d = c.d;
    test_covariance(&rng, d, d, 1e2, c.s0);
    for (int64_t i = 0; i < d; i++)
      for (int64_t j = 0; j <= i; j++)
        c.s1[i * d + j] = c.s1[j * d + i] = c.s0[i * d + j] + step * 0.01 * wg_rng_normal(&rng);
    for (int k = 0; k < (d > 2 ? 5 : 4); k++) {
      const wg_gaussian_info info = test_gaussian(&c, gauges[k], 1e-6, NULL);
      /* W^2 is 1e-20 of tr A at the third step, 1e-24 at the last. */
      const double floor = step >= 1e-6 ? 1e-6 : step >= 1e-8 ? 1e-5 : 1e-2;
      if (!(info.gap <= floor)) fail_msg("%s, step %g: gap %g", gauges[k], step, info.gap);
      if (d == 2 && k == 0) hold(&info, bures(c.s0, c.s1), "near, trace");
    }
  }
}

static void equal_ones_are_translates(void **state) {
  (void)state;
  static test_normals c;
  wg_rng rng = {3};
  c.d = TEST_MOST;
  test_covariance(&rng, c.d, c.d, 1e3, c.s0);
  memcpy(c.s1, c.s0, sizeof c.s0);
  const wg_gaussian_info info = test_gaussian(&c, "operator", 1e-10, NULL);
  assert_true(info.upper == 0.0 && info.outcome == WG_CERTIFIED && info.steps == 0);
  c.s1[1] = c.s1[c.d] = nextafter(c.s1[1], INFINITY);
  assert_true(test_gaussian(&c, "operator", 1e-10, NULL).upper < 1e-20);
}

/* (sum |root s - root t|^(2p))^(1/p), the roots' difference without cancellation. */
static quad diagonal_value(const test_normals *c, double p) {
  quad sum = 0;
  for (int64_t i = 0; i < c->d; i++) {
    const quad s = c->s0[i * (c->d + 1)], t = c->s1[i * (c->d + 1)];
    const quad both = root_of(s) + root_of(t), gap = both > 0 ? (s - t) / both : 0;
    if (p == 1.0) sum += gap * gap;
    if (p == 2.0) sum += gap * gap * gap * gap;
    if (isinf(p)) sum = WG_MAX(sum, gap * gap);
  }
  return p == 2.0 ? root_of(sum) : sum;
}

static void diagonal_ones_have_a_closed_form(void **state) {
  (void)state;
  const struct {
    const char *gauge;
    double p;
  } some[] = {{"trace", 1.0}, {"frobenius", 2.0}, {"operator", INFINITY}};
  wg_rng rng = {4};
  for (int round = 0; round < 90; round++) {
    test_normals c = {.d = 1 + round % 6};
    const double step = pow(10.0, -16.0 * wg_rng_uniform(&rng));
    const double spread = round % 2 ? 20.0 : 0.0; /* columns in mixed units */
    for (int64_t i = 0; i < c.d; i++) {
      const double s = wg_rng_uniform(&rng) * pow(10.0, spread * wg_rng_uniform(&rng));
      c.s0[i * (c.d + 1)] = s;
      c.s1[i * (c.d + 1)] = s * (1.0 + step * wg_rng_normal(&rng) * 0.3);
      if (c.s1[i * (c.d + 1)] < 0.0) c.s1[i * (c.d + 1)] = 0.0;
    }
    for (int k = 0; k < 3; k++) {
      const wg_gaussian_info info = test_gaussian(&c, some[k].gauge, 1e-10, NULL);
      hold(&info, diagonal_value(&c, some[k].p), some[k].gauge);
      if (info.outcome != WG_CERTIFIED)
        fail_msg("%s, step %g, spread %g: gap %g", some[k].gauge, step, spread, info.gap);
    }
  }
}

/* What the rank rule of earlier versions dropped is worth 2 % and 1 % here. */
static void nothing_is_dropped(void **state) {
  (void)state;
  test_normals c = {.d = 2};
  c.s0[0] = c.s1[0] = 1.0;
  c.s0[3] = 9.9e-15;
  c.s1[3] = 1e-10;
  wg_gaussian_info info = test_gaussian_certified(&c, "frobenius", 1e-10);
  hold(&info, diagonal_value(&c, 2.0), "small variances");
  c.s0[0] = c.s1[0] = 1e14;
  c.s0[3] = 0.5;
  c.s1[3] = 2e4;
  info = test_gaussian_certified(&c, "frobenius", 1e-10);
  hold(&info, diagonal_value(&c, 2.0), "mixed units");
  c.s0[0] = c.s1[0] = 1e308; /* the other variance underflows beside this one */
  c.s0[3] = 1e-20;
  c.s1[3] = 2e-20;
  info = test_gaussian(&c, "trace", 1e-10, NULL);
  hold(&info, diagonal_value(&c, 1.0), "underflow");
}

/* Roots that are wrong on purpose, with a wrong negative part too: what certify/ pays covers how
 * far their Gaussian is from the one given. */
static void wrong_roots_are_paid_for(void **state) {
  (void)state;
  wg_rng rng = {5};
  double tightest = INFINITY;
  for (int round = 0; round < 400; round++) {
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_normal_pair pair;
    double s[4], mean[2] = {0.0, 0.0}, loss;
    turned(7.0 * wg_rng_uniform(&rng), pow(10.0, 12.0 * wg_rng_uniform(&rng)), s);
    assert_int_equal(wg_measure_normal_pair(&mem, 2, mean, s, mean, s, &pair), WG_OK);
    double *root = pair.root0.root.high, negative[2] = {0.0, 0.0}, none[2] = {0.0, 0.0};
    const double size = pow(10.0, -14.0 * wg_rng_uniform(&rng));
    for (int i = 0; i < 4; i++) root[i] += size * wg_rng_normal(&rng);
    root[2] = root[1];
    pair.root0.root.low[2] = pair.root0.root.low[1];
    quad cov[4], square[4], r[4];
    for (int i = 0; i < 4; i++) {
      cov[i] = (quad)pair.cov0.high[i] + pair.cov0.low[i];
      r[i] = (quad)root[i] + pair.root0.root.low[i];
    }
    for (int i = 0; i < 4; i++)
      square[i] = r[i / 2 * 2] * r[i % 2] + r[i / 2 * 2 + 1] * r[i % 2 + 2];
    if (round % 2) { /* E hides in N'N: only N R tells */
      for (int i = 0; i < 2; i++) negative[i] = size * wg_rng_normal(&rng);
      for (int i = 0; i < 4; i++) cov[i] = square[i] - (quad)negative[i / 2] * negative[i % 2];
      for (int i = 0; i < 4; i++) {
        pair.cov0.high[i] = (double)cov[i];
        pair.cov0.low[i] = (double)(cov[i] - pair.cov0.high[i]);
      }
      pair.root0.fallen = 1;
      pair.root0.negative = (wg_twofold_matrix){negative, none};
    }
    assert_int_equal(wg_cert_root_loss(&mem, 2, pair.cov0, &pair.root0, 1.0, &loss), WG_OK);
    const quad moved = bures_of(cov, square);
    if (cov[0] > 0 && cov[0] * cov[3] >= cov[1] * cov[2]) { /* else its positive part counts */
      assert_true((quad)loss * loss >= moved - (quad)1e-31);
      if (moved > (quad)1e-26) tightest = WG_MIN(tightest, loss / sqrt((double)moved));
    }
    wg_mem_clear(&mem);
  }
  assert_true(tightest < 8.0); /* nor is it so generous that this proves nothing */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_roots_are_paid_for),
                                     cmocka_unit_test(no_condition_misses_the_value),
                                     cmocka_unit_test(near_gaussians_are_certified),
                                     cmocka_unit_test(equal_ones_are_translates),
                                     cmocka_unit_test(diagonal_ones_have_a_closed_form),
                                     cmocka_unit_test(nothing_is_dropped)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
