/* Polar factors of many matrices: against the call for one, against what makes a polar factor one
 * (orthonormal columns, a symmetric product with G), and each instruction set against plain loops.
 * No matrix depends on its neighbours, on threads or on the scale. */
#include <float.h>

#include "lmo/batch.h"
#include "support.h"

/* Matrices in both types, and room for results. */
typedef struct batch {
  int64_t count, n, d;
  bool single;
  double *g, *u;
  float *gf, *uf;
} batch;

static batch make_batch(wg_rng *rng, int64_t count, int64_t n, int64_t d, bool single) {
  int64_t all = count * n * d;
  batch b = {count, n, d, single, test_numbers(all), test_numbers(all), NULL, NULL};
  b.gf = calloc((size_t)all, sizeof *b.gf);
  b.uf = calloc((size_t)all, sizeof *b.uf);
  for (int64_t i = 0; i < all; i++) b.gf[i] = (float)(b.g[i] = wg_rng_normal(rng));
  return b;
}

static void free_batch(batch *b) {
  free(b->g);
  free(b->u);
  free(b->gf);
  free(b->uf);
}

static int solve(batch *b, const wg_polar_settings *s, wg_polar_report *report) {
  return b->single ? wg_polar_batch_f32(b->count, b->n, b->d, b->gf, s, b->uf, report)
                   : wg_polar_batch(b->count, b->n, b->d, b->g, s, b->u, report);
}

static int solve_one(const batch *b, int64_t k, const wg_polar_settings *s, void *u,
                     wg_polar_report *report) {
  int64_t at = k * b->n * b->d;
  return b->single ? wg_polar_f32(b->n, b->d, b->gf + at, s, u, report)
                   : wg_polar(b->n, b->d, b->g + at, s, u, report);
}

static double result(const batch *b, int64_t k) { return b->single ? (double)b->uf[k] : b->u[k]; }

/* ---- against the call for one ---- */

static void compare_with_one(batch *b, const wg_polar_settings *s, double tolerance) {
  int64_t size = b->n * b->d;
  wg_polar_report report, one;
  double *u = test_numbers(size);
  float *uf = (float *)u;
  int steps = 0;
  if (solve(b, s, &report) != WG_OK) fail_msg("%s", wg_error_detail());
  for (int64_t k = 0; k < b->count; k++) {
    assert_int_equal(solve_one(b, k, s, u, &one), WG_OK);
    for (int64_t i = 0; i < size; i++)
      assert_near(result(b, k * size + i), b->single ? (double)uf[i] : u[i], tolerance);
    steps = WG_MAX(steps, one.steps);
  }
  assert_int_equal(report.method, s->method);
  assert_true(abs(report.steps - steps) <= (s->tol > 0.0)); /* rounding may decide */
  free(u);
}

/* The singular values are kept away from zero: there a polynomial enlarges rounding. */
static void lift(batch *b) {
  for (int64_t k = 0; k < b->count; k++)
    for (int64_t i = 0; i < WG_MIN(b->n, b->d); i++) {
      int64_t at = (k * b->n + i) * b->d + i;
      b->g[at] += 3.0 * sqrt((double)WG_MAX(b->n, b->d));
      b->gf[at] = (float)b->g[at];
    }
}

static void test_shapes(void **state) {
  (void)state;
  static const int64_t shapes[][2] = {{1, 1},  {1, 7},   {7, 1},   {2, 3},   {4, 4},    {5, 3},
                                      {8, 8},  {3, 13},  {13, 12}, {16, 16}, {17, 4},   {20, 48},
                                      {32, 9}, {31, 32}, {64, 64}, {512, 8}, {1, 4096}, {65, 64}};
  wg_rng rng = {1};
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
    for (int what = 0; what < 12; what++) {
      wg_polar_settings s;
      wg_polar_settings_init(&s);
      s.gram = 0;
      s.method = WG_POLAR_MUON + what / 2 % 3;
      s.degree = 3 + 2 * (int)(k % (what % 2 ? 3 : 7)); /* high ones cancel digits */
      if (what >= 6) s.tol = 1e-5;
      if (what >= 6 && s.method == WG_POLAR_MUON) s.steps = 6; /* it never ends by itself */
      batch b = make_batch(&rng, 4 + (int64_t)(5 * k % 23), shapes[k][0], shapes[k][1], what % 2);
      lift(&b);
      double longest = (double)WG_MAX(b.n, b.d); /* of the sums */
      compare_with_one(&b, &s,
                       (what % 2       ? 3e-5
                        : s.degree > 7 ? 1e-9
                                       : 1e-12) *
                           WG_MAX(1.0, longest / 64.0));
      free_batch(&b);
    }
}

/* The exact method is that of one matrix, to the bit, also where sizes and counts are others. */
static void test_exact(void **state) {
  (void)state;
  static const int64_t shapes[][3] = {{1, 6, 4}, {5, 4, 6}, {37, 12, 12}, {3, 70, 66}, {2, 900, 9}};
  wg_rng rng = {2};
  for (int k = 0; k < 10; k++) {
    wg_polar_settings s;
    wg_polar_settings_init(&s);
    s.method = WG_POLAR_EXACT;
    batch b = make_batch(&rng, shapes[k / 2][0], shapes[k / 2][1], shapes[k / 2][2], k % 2);
    compare_with_one(&b, &s, 0.0);
    free_batch(&b);
  }
}

/* ---- against what a polar factor is ---- */

/* U'U = I and U'G = G'U, on the shorter side. */
static void check_factor(const batch *b, int64_t k, double tolerance) {
  int64_t n = WG_MAX(b->n, b->d), d = WG_MIN(b->n, b->d), at = k * n * d;
  int64_t row = b->n >= b->d ? d : 1, column = b->n >= b->d ? 1 : n;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      double gram = i == j ? -1.0 : 0.0, skew = 0.0;
      for (int64_t r = 0; r < n; r++) {
        double ui = result(b, at + r * row + i * column), uj = result(b, at + r * row + j * column);
        gram += ui * uj;
        skew += ui * b->g[at + r * row + j * column] - uj * b->g[at + r * row + i * column];
      }
      assert_near(gram, 0.0, tolerance);
      assert_near(skew, 0.0, 30.0 * tolerance);
    }
}

static void test_factors(void **state) {
  (void)state;
  static const int64_t shapes[][2] = {{6, 6}, {16, 5}, {5, 16}, {32, 30}};
  wg_rng rng = {3};
  for (int k = 0; k < 8; k++) {
    wg_polar_settings s;
    wg_polar_report report;
    wg_polar_settings_init(&s);
    s.tol = k % 2 ? 1e-5 : 1e-13;
    s.lower = 1e-5;
    batch b = make_batch(&rng, 100, shapes[k / 2][0], shapes[k / 2][1], k % 2);
    assert_int_equal(solve(&b, &s, &report), WG_OK);
    assert_int_equal(report.method, WG_POLAR_EXPRESS);
    assert_true(report.estimate <= s.tol && report.steps < 60);
    for (int64_t i = 0; i < b.count; i++) check_factor(&b, i, k % 2 ? 2e-5 : 1e-11);
    free_batch(&b);
  }
}

/* ---- instruction sets against plain loops ---- */

/* x (n x d) by the polynomials of plan, from x / |x|_F. */
static void plain_run(const wg_batch_plan *plan, double *x) {
  int64_t n = plan->n, d = plan->d;
  double norm = 0.0, *a = test_numbers(d * d), *power = test_numbers(n * d),
         *next = test_numbers(n * d), *sum = test_numbers(n * d);
  for (int64_t i = 0; i < n * d; i++) norm += x[i] * x[i];
  for (int64_t i = 0; i < n * d; i++) x[i] /= sqrt(norm);
  for (int step = 0; step < plan->steps; step++) {
    const wg_batch_polynomial *p = &plan->polynomials[step];
    for (int64_t i = 0; i < d; i++)
      for (int64_t j = 0; j < d; j++) {
        a[i * d + j] = 0.0;
        for (int64_t k = 0; k < n; k++) a[i * d + j] += x[k * d + i] * x[k * d + j];
      }
    memcpy(power, x, (size_t)(n * d) * sizeof *x);
    memset(sum, 0, (size_t)(n * d) * sizeof *x);
    for (int t = 0; t < p->terms; t++) {
      for (int64_t i = 0; i < n * d; i++) sum[i] += p->c[t] * power[i];
      memset(next, 0, (size_t)(n * d) * sizeof *x);
      for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++)
          for (int64_t k = 0; k < d; k++) next[i * d + j] += power[i * d + k] * a[k * d + j];
      memcpy(power, next, (size_t)(n * d) * sizeof *x);
    }
    memcpy(x, sum, (size_t)(n * d) * sizeof *x);
  }
  free(a);
  free(power);
  free(next);
  free(sum);
}

static void compare_set(const wg_batch_kernels *set, const wg_batch_plan *plan, wg_rng *rng,
                        bool single) {
  int64_t size = plan->n * plan->d, lanes = set->bytes / (single ? 4 : 8),
          count = lanes - lanes / 3;
  batch b = make_batch(rng, count, plan->n, plan->d, single);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  void *room = wg_new(&mem, (size_t)wg_batch_room(plan), (size_t)set->bytes);
  assert_non_null(room);
  wg_batch_found found = single ? set->run_float(plan, count, b.gf, b.uf, room)
                                : set->run_double(plan, count, b.g, b.u, room);
  assert_int_equal(found.fault, -1);
  assert_int_equal(found.steps, plan->steps);
  for (int64_t k = 0; k < count; k++) {
    plain_run(plan, b.g + k * size);
    for (int64_t i = 0; i < size; i++)
      assert_near(result(&b, k * size + i), b.g[k * size + i], single ? 2e-5 : 1e-13);
  }
  wg_mem_clear(&mem);
  free_batch(&b);
}

static void test_sets(void **state) {
  (void)state;
  const wg_batch_kernels *sets[3] = {&wg_batch_portable, NULL, NULL};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets[1] = &wg_batch_avx2;
  if (__builtin_cpu_supports("avx512dq")) sets[2] = &wg_batch_avx512;
#endif
  static const wg_batch_polynomial polynomials[4] = {{3, {3.4445, -4.7750, 2.0315}},
                                                     {2, {1.5, -0.5}},
                                                     {4, {2.0, -1.5, 0.7, -0.2}},
                                                     {5, {1.7, -1.1, 0.6, -0.3, 0.1}}};
  wg_rng rng = {4};
  for (int k = 0; k < 6; k++)
    for (int64_t d = 1; d <= 40; d += 3 + d / 8) {
      wg_batch_plan plan = {
          .n = d + d % 5, .d = d, .frobenius = true, .steps = 4, .polynomials = polynomials};
      if (sets[k / 2]) compare_set(sets[k / 2], &plan, &rng, k % 2);
    }
}

/* ---- independence ---- */

/* Each matrix alone among others, on more threads, in place: the same bits. */
static void test_neighbours(void **state) {
  (void)state;
  wg_rng rng = {5};
  for (int single = 0; single < 2; single++) {
    enum { COUNT = 200, N = 9, D = 6, SIZE = N * D };
    wg_polar_settings s;
    wg_polar_settings_init(&s);
    s.method = WG_POLAR_EXPRESS;
    s.tol = 1e-4;
    s.threads = 1;
    batch b = make_batch(&rng, COUNT, N, D, single), c = make_batch(&rng, COUNT, N, D, single);
    assert_int_equal(solve(&b, &s, NULL), WG_OK);
    for (int64_t k = 0; k < COUNT; k += 7) /* into places between strangers, ill-conditioned ones */
      for (int64_t i = 0; i < SIZE; i++) {
        c.g[(k + 3) % COUNT * SIZE + i] = b.g[k * SIZE + i];
        c.gf[(k + 3) % COUNT * SIZE + i] = b.gf[k * SIZE + i];
        c.g[(k + 4) % COUNT * SIZE + i] = c.gf[(k + 4) % COUNT * SIZE + i] =
            i < D ? 1.0F : 1.0F + 1e-3F * (float)(i % 11);
      }
    s.threads = 3;
    assert_int_equal(single ? wg_polar_batch_f32(COUNT, N, D, c.gf, &s, c.gf, NULL)
                            : wg_polar_batch(COUNT, N, D, c.g, &s, c.g, NULL),
                     WG_OK);
    for (int64_t k = 0; k < COUNT; k += 7)
      for (int64_t i = 0; i < SIZE; i++) {
        int64_t there = (k + 3) % COUNT * SIZE + i;
        assert_true(result(&b, k * SIZE + i) == (single ? (double)c.gf[there] : c.g[there]));
      }
    free_batch(&b);
    free_batch(&c);
  }
}

/* A matrix that is done rests while its neighbours go on; the report tells of the slowest. */
static void test_tolerance(void **state) {
  (void)state;
  wg_polar_settings s;
  wg_polar_report quick, slow;
  double g[16 * 9], u[16 * 9], kept[9];
  wg_polar_settings_init(&s);
  s.method = WG_POLAR_NEWTON;
  s.tol = 1e-3;
  for (int k = 0; k < 16 * 9; k++) g[k] = k % 9 % 4 ? 0.0 : 1.0 + 0.1 * (k % 3);
  assert_int_equal(wg_polar_batch(16, 3, 3, g, &s, u, &quick), WG_OK);
  memcpy(kept, u, sizeof kept);
  g[9 * 5] = 0.02;
  assert_int_equal(wg_polar_batch(16, 3, 3, g, &s, u, &slow), WG_OK);
  assert_memory_equal(kept, u, sizeof kept);
  assert_true(slow.steps > quick.steps + 3 && slow.estimate <= 1e-3);
  assert_near(u[9 * 5], 1.0, 1e-3);
  s.steps = quick.steps + 1;
  assert_int_equal(wg_polar_batch(16, 3, 3, g, &s, u, &slow), WG_OK);
  assert_true(slow.steps == s.steps && slow.estimate > 1e-3);
}

/* Powers of two are not seen, from denormal entries to the largest; zero matrices stay zero. */
static void test_scale(void **state) {
  (void)state;
  enum { COUNT = 33, N = 5, D = 4, SIZE = N * D };
  wg_rng rng = {6};
  wg_polar_settings s;
  wg_polar_settings_init(&s);
  s.method = WG_POLAR_MUON;
  for (int single = 0; single < 2; single++) {
    int least = single ? -140 : -1060, most = single ? 125 : 1020;
    batch b = make_batch(&rng, COUNT, N, D, single), c = make_batch(&rng, COUNT, N, D, single);
    for (int64_t i = 0; i < COUNT * SIZE; i++) {
      int64_t k = i / SIZE;
      double entry = k % 11 == 4 ? 0.0 : (double)((int)(wg_rng_uniform(&rng) * 15.0) - 7);
      int exponent = k % 3 == 0 ? least : k % 3 == 1 ? most - 3 : 0;
      b.gf[i] = (float)(b.g[i] = entry);
      c.g[i] = ldexp(entry, exponent);
      c.gf[i] = single ? (float)c.g[i] : 0.0F;
    }
    assert_int_equal(solve(&b, &s, NULL), WG_OK);
    assert_int_equal(solve(&c, &s, NULL), WG_OK);
    for (int64_t i = 0; i < COUNT * SIZE; i++) {
      assert_true(result(&b, i) == result(&c, i));
      if (i / SIZE % 11 == 4) assert_true(result(&b, i) == 0.0);
    }
    free_batch(&b);
    free_batch(&c);
  }
}

/* ---- reports and refusals ---- */

static void test_report(void **state) {
  (void)state;
  wg_rng rng = {7};
  for (int k = 0; k < 4; k++) {
    wg_polar_settings s;
    wg_polar_report report;
    batch b = make_batch(&rng, 40, 6, 4, k % 2);
    for (int64_t i = 0; i < 6; i++) /* matrix 7 is of rank 3 */
      b.gf[(7 * 6 + i) * 4 + 3] = (float)(b.g[(7 * 6 + i) * 4 + 3] = 0.0);
    wg_polar_settings_init(&s);
    s.check = 1;
    s.method = k < 2 ? WG_POLAR_EXACT : WG_POLAR_MUON;
    assert_int_equal(solve(&b, &s, &report), WG_OK);
    assert_true(report.peak_bytes > 0 && report.seconds >= 0.0 && report.gram == 0);
    assert_int_equal(report.struct_size, sizeof report);
    double unit = k % 2 ? 1e-6 : 1e-13;
    if (k < 2) {
      assert_int_equal(report.rank, 3);
      assert_true(report.condition > 2.0 && report.passes >= 1 && report.orthogonality < unit);
      assert_true(report.sigma_min > 1.0 - unit && report.sigma_max < 1.0 + unit);
    } else {
      assert_int_equal(report.steps, 5);
      assert_true(report.sigma_min < 1e-6 && report.sigma_max > 1.01 && report.sigma_max < 1.3);
      assert_true(isnan(report.estimate) && report.orthogonality > 0.01);
    }
    free_batch(&b);
  }
}

static void expect_fault(batch *b, int method, const char *words) {
  wg_polar_settings s;
  wg_polar_settings_init(&s);
  s.method = method;
  assert_int_equal(solve(b, &s, NULL), WG_ERR_INPUT);
  if (!strstr(wg_error_detail(), words)) fail_msg("%s", wg_error_detail());
}

static void test_refused(void **state) {
  (void)state;
  double g[4] = {1, 0, 0, 1}, u[4];
  wg_rng rng = {8};
  for (int method = WG_POLAR_EXACT; method <= WG_POLAR_EXPRESS; method++)
    for (int single = 0; single < 2; single++) {
      batch b = make_batch(&rng, 90, 3, 5, single);
      int64_t at = (71 * 3 + 1) * 5 + 2, later = 80 * 15;
      b.g[later] = b.g[at] = INFINITY;
      b.gf[later] = b.gf[at] = NAN;
      expect_fault(&b, method, single ? "g[71][1, 2] = nan" : "g[71][1, 2] = inf");
      free_batch(&b);
    }
  assert_int_equal(wg_polar_batch(0, 2, 2, g, NULL, u, NULL), WG_ERR_ARGUMENT);
  assert_int_equal(wg_polar_batch(1, 0, 2, g, NULL, u, NULL), WG_ERR_ARGUMENT);
  assert_int_equal(wg_polar_batch(1, 2, 2, NULL, NULL, u, NULL), WG_ERR_ARGUMENT);
  assert_int_equal(wg_polar_batch(INT64_MAX / 2, 4, 4, g, NULL, u, NULL), WG_ERR_ARGUMENT);
  assert_int_equal(wg_polar_batch(1, 2, 2, g, NULL, u, NULL), WG_OK);
  wg_polar_settings s;
  wg_polar_settings_init(&s);
  s.degree = 4;
  assert_int_equal(wg_polar_batch(1, 2, 2, g, &s, u, NULL), WG_ERR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shapes),  cmocka_unit_test(test_exact),
      cmocka_unit_test(test_factors), cmocka_unit_test(test_sets),
      cmocka_unit_test(test_scale),   cmocka_unit_test(test_neighbours),
      cmocka_unit_test(test_report),  cmocka_unit_test(test_tolerance),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
