/* Clouds whose distance is tiny beside their extent, or whose masses differ by many orders: where
 * coordinates, costs and potentials cancel. Each family prints how many of its instances stay open
 * at 1e-6; none may. Every solve goes through wg_verify (support.h). */
#include "support.h"

enum { INSTANCES = 25 };
static const double tol = 1e-6;

typedef test_clouds (*family)(wg_rng *rng, int instance);

static int64_t pick(wg_rng *rng, int64_t low, int64_t high) {
  return low + (int64_t)(wg_rng_uniform(rng) * (double)(high - low + 1));
}

static test_clouds empty_clouds(int64_t n, int64_t m, int64_t d) {
  return (test_clouds){n, m, d, test_numbers(n * d), NULL, test_numbers(m * d), NULL};
}

static void fill(wg_rng *rng, int64_t count, double middle, double spread, double *out) {
  for (int64_t i = 0; i < count; i++) out[i] = middle + spread * wg_rng_normal(rng);
}

/* value, one to three units in the last place away. */
static double nudged(wg_rng *rng, double value) {
  for (int64_t step = pick(rng, 1, 3); step > 0; step--)
    value = nextafter(value, wg_rng_uniform(rng) < 0.5 ? -INFINITY : INFINITY);
  return value;
}

/* ---- families ---- */

/* Row i of y is a copy of row (i + turn) of x. */
static test_clouds permuted_copies(wg_rng *rng, int instance) {
  const int64_t n = pick(rng, 3, 14), d = pick(rng, 2, 4), turn = pick(rng, 0, n - 1);
  test_clouds c = empty_clouds(n, n, d);
  fill(rng, n * d, 0.0, 1.0, c.x);
  if (instance % 2) {
    c.a = test_weights(rng, n);
    c.b = test_numbers(n);
  }
  for (int64_t i = 0; i < n; i++) {
    const int64_t from = (i + turn) % n;
    for (int64_t k = 0; k < d; k++) c.y[i * d + k] = nudged(rng, c.x[from * d + k]);
    if (c.b) c.b[i] = c.a[from];
  }
  return c;
}

static test_clouds around_one_point(wg_rng *rng, int instance) {
  test_clouds c = empty_clouds(pick(rng, 3, 14), pick(rng, 3, 14), pick(rng, 2, 4));
  for (int64_t k = 0; k < c.d; k++) {
    const double middle = 10.0 * wg_rng_normal(rng);
    for (int64_t i = 0; i < c.n; i++) c.x[i * c.d + k] = nudged(rng, middle);
    for (int64_t j = 0; j < c.m; j++) c.y[j * c.d + k] = nudged(rng, middle);
  }
  if (instance % 2) c.a = test_weights(rng, c.n);
  return c;
}

static test_clouds large_offset(wg_rng *rng, int instance) {
  test_clouds c = empty_clouds(pick(rng, 3, 14), pick(rng, 3, 14), pick(rng, 2, 4));
  fill(rng, c.n * c.d, 1e8, 1e-3, c.x);
  fill(rng, c.m * c.d, 1e8, 1e-3, c.y);
  if (instance % 2) c.b = test_weights(rng, c.m);
  return c;
}

/* One point of each cloud is far away, and near the other's. */
static test_clouds one_far_point(wg_rng *rng, int instance) {
  static const double distances[] = {1e8, 1e10, 1e12, 1e16};
  const int64_t n = pick(rng, 3, 14), d = pick(rng, 2, 4), at = pick(rng, 0, n - 1);
  test_clouds c = empty_clouds(n, n, d);
  fill(rng, n * d, 0.0, 1.0, c.x);
  fill(rng, n * d, 0.0, 1.0, c.y);
  for (int64_t k = 0; k < d; k++) {
    c.x[k] = distances[instance % 4] * wg_rng_normal(rng);
    c.y[at * d + k] += c.x[k];
  }
  return c;
}

static double *steep_weights(wg_rng *rng, int64_t count) {
  double *weights = test_numbers(count), sum = 0.0;
  for (int64_t i = 0; i < count; i++)
    sum += weights[i] = i ? pow(10.0, -300.0 * wg_rng_uniform(rng)) : 1.0;
  for (int64_t i = 0; i < count; i++) weights[i] /= sum;
  return weights;
}

static test_clouds mixed_scales_on_the_line(wg_rng *rng, int instance) {
  (void)instance;
  test_clouds c = empty_clouds(pick(rng, 3, 14), pick(rng, 3, 14), 1);
  for (int64_t i = 0; i < c.n; i++)
    c.x[i] = wg_rng_normal(rng) * pow(10.0, (double)pick(rng, -6, 6));
  for (int64_t j = 0; j < c.m; j++)
    c.y[j] = wg_rng_normal(rng) * pow(10.0, (double)pick(rng, -6, 6));
  c.a = steep_weights(rng, c.n);
  c.b = steep_weights(rng, c.m);
  return c;
}

static test_clouds close_clouds(wg_rng *rng, int instance) {
  static const double distances[] = {1e-5, 1e-6, 1e-9, 1e-12};
  const int64_t n = pick(rng, 9, 40), d = pick(rng, 2, 4);
  test_clouds c = empty_clouds(n, n, d);
  fill(rng, n * d, 0.0, 1.0, c.x);
  for (int64_t i = 0; i < n * d; i++)
    c.y[i] = c.x[i] + distances[instance % 4] * wg_rng_normal(rng);
  return c;
}

/* Cells of points that are closer to each other than to other cells, but not to the other cloud's:
 * no coupling is obvious. */
static test_clouds close_cells(wg_rng *rng, int instance) {
  static const double distances[] = {1e-7, 1e-9, 1e-12};
  const int64_t n = 3 * pick(rng, 3, 12), d = pick(rng, 2, 4);
  test_clouds c = empty_clouds(n, n, d);
  fill(rng, n * d, 0.0, 1.0, c.x);
  for (int64_t i = 0; i < n * d; i++) {
    const double middle = c.x[i / d / 3 * 3 * d + i % d];
    c.y[i] = middle + distances[instance % 3] * wg_rng_normal(rng);
    if (i / d % 3) c.x[i] = middle + distances[instance % 3] * wg_rng_normal(rng);
  }
  return c;
}

static test_clouds one_point(wg_rng *rng, int instance) {
  (void)instance;
  test_clouds c = empty_clouds(1, pick(rng, 3, 14), pick(rng, 2, 4));
  fill(rng, c.d, 0.0, 1.0, c.x);
  fill(rng, c.m * c.d, 0.0, 1.0, c.y);
  c.b = test_weights(rng, c.m);
  return c;
}

static test_clouds few_in_the_plane(wg_rng *rng, int instance) {
  test_clouds c = empty_clouds(pick(rng, 1, 4), pick(rng, 1, 4), 2);
  fill(rng, 2 * c.n, 0.0, 1.0, c.x);
  fill(rng, 2 * c.m, 0.0, 1.0, c.y);
  const bool is_close = instance % 3 == 1, is_flat = instance % 3 == 2;
  for (int64_t i = 0; i < 2 * c.n && is_flat && i % 2; i++) c.x[i] = 0.0;
  for (int64_t j = 0; j < 2 * c.m; j++) {
    if (is_close) c.y[j] = nudged(rng, c.x[(j + 2) % (2 * c.n)]);
    if (is_flat) c.y[j] = floor(3.0 * c.y[j]);
  }
  return c;
}

/* ---- the tests ---- */

static const char *gauge_of(bool is_root, int64_t d, int instance, char text[64]) {
  static const char *convex[] = {"trace", "schatten:2", "operator", "kyfan:2"};
  static const char *roots[] = {"schatten:0.5", "schatten:0.6", "schatten:0.75", "schatten:0.99"};
  if (is_root) return roots[instance % 4];
  if (d == 1) return "trace";
  if (instance % 5 < 4) return convex[instance % 5];
  snprintf(text, 64, "sum:operator@1,schatten:3@%d", (int)d - 1);
  return text;
}

static void assert_none_open(const char *name, family make, bool is_root) {
  wg_rng rng = {2024};
  int open = 0;
  double worst = 0.0;
  char text[64], which[128] = "";
  for (int instance = 0; instance < INSTANCES; instance++) {
    test_clouds c = make(&rng, instance);
    const char *gauge = gauge_of(is_root, c.d, instance, text);
    const wg_info info = test_distance(&c, gauge, tol);
    if (info.gap > worst) snprintf(which, sizeof which, "instance %d, %s", instance, gauge);
    worst = WG_MAX(worst, info.gap);
    open += info.outcome != WG_CERTIFIED || !(info.gap <= tol);
    test_free_clouds(&c);
  }
  print_message("%s: %d of %d open, widest gap %.1e\n", name, open, INSTANCES, worst);
  if (open > 0) fail_msg("%s: %d open; the widest gap is %.3g (%s)", name, open, worst, which);
}

static void no_family_stays_open(void **state) {
  (void)state;
  const struct {
    const char *name;
    family make;
    bool is_root;
  } families[] = {{"permuted copies, units in the last place apart", permuted_copies, false},
                  {"both clouds around one point", around_one_point, false},
                  {"offset 1e8, spread 1e-3", large_offset, false},
                  {"one far point in both clouds", one_far_point, false},
                  {"the line, mixed scales, weights to 1e-300", mixed_scales_on_the_line, false},
                  {"clouds 1e-5 to 1e-12 apart", close_clouds, false},
                  {"close cells", close_cells, false},
                  {"one point, p < 1", one_point, true},
                  {"four points in the plane, p < 1", few_in_the_plane, true}};
  for (size_t k = 0; k < sizeof families / sizeof *families; k++)
    assert_none_open(families[k].name, families[k].make, families[k].is_root);
}

/* Only what was shipped counts: the same gap whatever is added to all coordinates exactly. */
static void an_exact_shift_changes_nothing(void **state) {
  (void)state;
  wg_rng rng = {7};
  test_clouds c = empty_clouds(8, 8, 2);
  for (int64_t i = 0; i < 16; i++) {
    c.x[i] = ldexp(floor(1024.0 * wg_rng_uniform(&rng)), -10);
    c.y[i] = ldexp(floor(1024.0 * wg_rng_uniform(&rng)), -10);
  }
  const wg_info before = test_distance(&c, "operator", 1e-9);
  for (int64_t i = 0; i < 16; i++) {
    c.x[i] += 0x1p40;
    c.y[i] += 0x1p40;
  }
  const wg_info after = test_distance(&c, "operator", 1e-9);
  assert_certified(before, 1e-9);
  assert_certified(after, 1e-9);
  assert_near(after.upper, before.upper, 2e-9 * before.upper);
  test_free_clouds(&c);
}

static void threads_change_no_bit(void **state) {
  (void)state;
  wg_rng rng = {9};
  for (int instance = 0; instance < 8; instance++) {
    test_clouds c = instance % 2 ? close_clouds(&rng, instance) : one_far_point(&rng, instance);
    wg_info info[2];
    for (int k = 0; k < 2; k++) {
      wg_settings settings;
      wg_solver *solver;
      wg_settings_init(&settings);
      settings.threads = k ? 3 : 1;
      assert_int_equal(wg_setup(&solver, c.n, c.m, c.d, c.x, c.a, c.y, c.b, "operator", &settings),
                       WG_OK);
      assert_int_equal(wg_solve(solver, &info[k]), WG_CERTIFIED);
      wg_free(solver);
    }
    assert_true(info[0].lower == info[1].lower && info[0].upper == info[1].upper);
    assert_int_equal(info[0].oracle_calls, info[1].oracle_calls);
    test_free_clouds(&c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_family_stays_open),
                                     cmocka_unit_test(an_exact_shift_changes_nothing),
                                     cmocka_unit_test(threads_change_no_bit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
