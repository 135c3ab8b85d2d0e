/* The oracle and the polar factor against a plain twin: the SVD of the whole matrix, and the
 * formulas of theory 2 written down as they stand there. Random and nasty matrices: rank deficient,
 * tied, tiny and huge, one row, one column, ill-conditioned; float and double. */
#include "linalg/la.h"
#include "lmo/kernels.h"
#include "support.h"

/* ---- the twin ---- */

/* G = U diag(s) Wt for n x d with padding to squares: left (k x k), right (k x k), k = max(n, d).
 */
typedef struct svd {
  int64_t k;
  double *u, *s, *wt;
} svd;

static svd plain_svd(int64_t n, int64_t d, const double *g) {
  int64_t k = n > d ? n : d;
  svd found = {k, test_numbers(k * k), test_numbers(k), test_numbers(k * k)};
  double *square = test_numbers(k * k);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < d; j++) square[i * k + j] = g[i * d + j];
  assert_int_equal(wg_la_svd(k, square, found.u, found.s, found.wt), WG_OK);
  free(square);
  return found;
}

static void free_svd(svd *x) {
  free(x->u);
  free(x->s);
  free(x->wt);
}

/* J's singular values for `rank` positive ones, and the dual norm; theory 2. */
static double twin_values(const char *gauge, int64_t rank, const double *s, double *v) {
  double p = 0.0, sum = 0.0, q;
  int k = 0;
  if (!strcmp(gauge, "operator")) {
    for (int64_t i = 0; i < rank; i++) sum += s[i];
    for (int64_t i = 0; i < rank; i++) v[i] = sum;
    return sum;
  }
  if (sscanf(gauge, "kyfan:%d", &k) == 1) {
    for (int r = 0; r < k; r++) {
      double tail = 0.0, head = 0.0;
      for (int64_t i = k - r - 1; i < rank; i++) tail += s[i];
      double level = tail / (r + 1);
      bool above = k - r - 2 < 0 || s[k - r - 2] > level;
      if (!above || level < (1 - 1e-12) * s[k - r - 1]) continue; /* ties by rounding */
      for (int64_t i = 0; i < k - r - 1 && i < rank; i++) head += s[i] * s[i];
      for (int64_t i = 0; i < rank; i++) v[i] = i < k - r - 1 ? s[i] : level;
      return sqrt(head + (r + 1) * level * level);
    }
    fail_msg("no r");
  }
  p = !strcmp(gauge, "trace") ? 1.0 : !strcmp(gauge, "frobenius") ? 2.0 : 0.0;
  if (p == 0.0) assert_int_equal(sscanf(gauge, "schatten:%lf", &p), 1);
  if (p == 0.5) {
    int64_t tied = 0;
    while (tied < rank && s[tied] >= (1.0 - 1e-12) * s[0]) tied++;
    for (int64_t i = 0; i < rank; i++) v[i] = i < tied ? s[0] / (double)tied : 0.0;
    return s[0];
  }
  q = 2.0 * p / (2.0 * p - 1.0);
  for (int64_t i = 0; i < rank; i++) sum += pow(s[i], q);
  for (int64_t i = 0; i < rank; i++) v[i] = pow(sum, (2.0 - q) / q) * pow(s[i], q - 1.0);
  return pow(sum, 1.0 / q);
}

/* -U diag(v) W' for a gauge without blocks. */
static double twin(const char *gauge, int64_t n, int64_t d, const double *g, double rank_tol,
                   double *j) {
  svd x = plain_svd(n, d, g);
  double *v = test_numbers(x.k);
  int64_t rank = 0;
  while (rank < x.k && x.s[rank] > rank_tol * x.s[0]) rank++;
  for (int64_t i = rank; i < x.k; i++) x.s[i] = 0.0;
  double norm = rank ? twin_values(gauge, rank, x.s, v) : 0.0;
  for (int64_t a = 0; a < n; a++)
    for (int64_t b = 0; b < d; b++) {
      j[a * d + b] = 0.0;
      for (int64_t i = 0; i < rank; i++)
        j[a * d + b] -= x.u[a * x.k + i] * v[i] * x.wt[i * x.k + b];
    }
  free(v);
  free_svd(&x);
  return norm;
}

/* ---- matrices ---- */

static double *gaussian(wg_rng *rng, int64_t count) {
  double *g = test_numbers(count);
  for (int64_t i = 0; i < count; i++) g[i] = wg_rng_normal(rng);
  return g;
}

/* U diag(s) W' with random singular vectors. */
static double *with_spectrum(wg_rng *rng, int64_t n, int64_t d, const double *s) {
  double *g = gaussian(rng, n * d), *result = test_numbers(n * d);
  svd x = plain_svd(n, d, g);
  for (int64_t a = 0; a < n; a++)
    for (int64_t b = 0; b < d; b++)
      for (int64_t i = 0; i < (n < d ? n : d); i++)
        result[a * d + b] += x.u[a * x.k + i] * s[i] * x.wt[i * x.k + b];
  free_svd(&x);
  free(g);
  return result;
}

static double largest_difference(int64_t count, const double *a, const double *b, double *size) {
  double most = 0.0;
  *size = 0.0;
  for (int64_t i = 0; i < count; i++) {
    most = fmax(most, fabs(a[i] - b[i]));
    *size = fmax(*size, fabs(b[i]));
  }
  return most;
}

static wg_lmo_report lmo(const char *gauge, int64_t n, int64_t d, const double *g,
                         const double *weights, double *v) {
  wg_lmo_settings settings;
  wg_lmo_report report;
  wg_lmo_settings_init(&settings);
  settings.check = 1;
  if (wg_lmo(gauge, n, d, g, weights, &settings, v, &report) < 0) fail_msg("%s", wg_error_detail());
  return report;
}

/* What holds of every answer: <G,J> = -N*^2 and N(J) = N*, also computed here. */
static void assert_oracle(int64_t count, const double *g, const double *v, wg_lmo_report r) {
  wg_sum product = {0, 0};
  for (int64_t i = 0; i < count; i++) wg_sum_add(&product, g[i] * v[i]);
  double square = r.dual_norm * r.dual_norm;
  assert_near(wg_sum_value(product), -square, 1e-12 * square);
  assert_true(r.identity_error <= 1e-12);
  assert_true(r.norm_error <= 1e-9);
}

static const char *const gauges[] = {"operator",     "trace",        "frobenius",  "schatten:0.5",
                                     "schatten:0.6", "schatten:0.9", "schatten:7", "kyfan:1",
                                     "kyfan:2",      "kyfan:3"};
enum { GAUGES = sizeof gauges / sizeof *gauges };

static void check_against_twin(int64_t n, int64_t d, const double *g, double tolerance) {
  double *v = test_numbers(n * d), *expected = test_numbers(n * d), size;
  double rank_tol = 2.220446049250313e-16 * (double)(n > d ? n : d);
  for (int k = 0; k < GAUGES; k++) {
    if (gauges[k][0] == 'k' && gauges[k][6] - '0' > d) continue;
    double norm = twin(gauges[k], n, d, g, rank_tol, expected);
    wg_lmo_report report = lmo(gauges[k], n, d, g, NULL, v);
    double difference = largest_difference(n * d, v, expected, &size);
    if (!(difference <= tolerance * size))
      fail_msg("%s, %lld x %lld: %.3g of %.3g off after %d passes", gauges[k], (long long)n,
               (long long)d, difference, size, report.passes);
    assert_near(report.dual_norm, norm, 1e-12 * norm);
    assert_oracle(n * d, g, v, report);
  }
  free(v);
  free(expected);
}

/* ---- the oracle ---- */

static void test_shapes(void **state) {
  (void)state;
  static const int64_t shapes[][2] = {{1, 1},   {1, 7},   {7, 1},  {3, 3},   {40, 5},
                                      {5, 40},  {33, 8},  {50, 9}, {64, 17}, {70, 65},
                                      {65, 70}, {90, 80}, {9, 300}};
  wg_rng rng = {1};
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
    double *g = gaussian(&rng, shapes[k][0] * shapes[k][1]);
    check_against_twin(shapes[k][0], shapes[k][1], g, 1e-10);
    free(g);
  }
}

static void test_rank_deficient_and_tied(void **state) {
  (void)state;
  static const double deficient[] = {3, 2, 1, 0, 0, 0}, tied[] = {2, 2, 2, 1, 1, 0};
  static const double all_equal[] = {5, 5, 5, 5, 5, 5}, one[] = {4, 0, 0, 0, 0, 0};
  static const double split[] = {9, 7, 1, 0.5, 0.2, 0.1}; /* Ky Fan keeps the first only */
  const double *const spectra[] = {deficient, tied, all_equal, one, split};
  wg_rng rng = {2};
  for (int k = 0; k < 5; k++)
    for (int tall = 0; tall < 2; tall++) {
      int64_t n = tall ? 30 : 6, d = tall ? 6 : 30;
      double *g = with_spectrum(&rng, n, d, spectra[k]);
      check_against_twin(n, d, g, 1e-10);
      free(g);
    }
}

/* Orthogonal to rounding whatever the condition, as near to the polar factor as an SVD comes. */
static void test_ill_conditioned(void **state) {
  (void)state;
  wg_rng rng = {3};
  for (int power = 2; power <= 12; power += 2) {
    double s[12], *u = test_numbers(60 * 12), *expected = test_numbers(60 * 12), size;
    for (int i = 0; i < 12; i++) s[i] = pow(10.0, -(double)power * i / 11);
    double *g = with_spectrum(&rng, 60, 12, s);
    wg_polar_settings settings;
    wg_polar_report report;
    wg_polar_settings_init(&settings);
    settings.check = 1;
    assert_int_equal(wg_polar(60, 12, g, &settings, u, &report), WG_OK);
    double nuclear = twin("operator", 60, 12, g, 1e-14, expected);
    for (int i = 0; i < 60 * 12; i++) expected[i] /= -nuclear;
    assert_true(largest_difference(60 * 12, u, expected, &size) <= 20 * 1.2e-16 * pow(10, power));
    double error = report.passes == 1 ? report.estimate : 1e-13;
    assert_true(report.orthogonality < error && error < 1e-10);
    assert_true(report.sigma_min > 1 - error && report.sigma_max < 1 + error);
    assert_int_equal(report.rank, 12);
    assert_true(power < 4 || report.passes > 1);
    free(u);
    free(expected);
    free(g);
  }
}

static void test_one_pass_only_when_it_is_enough(void **state) {
  (void)state;
  wg_rng rng = {4};
  double s[6] = {1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5}, *g = with_spectrum(&rng, 40, 6, s), v[240];
  wg_lmo_settings settings;
  wg_lmo_report report;
  assert_int_equal(lmo("trace", 40, 6, g, NULL, v).passes, 1);
  assert_int_equal(lmo("schatten:0.6", 40, 6, g, NULL, v).passes, 1);
  assert_true(lmo("operator", 40, 6, g, NULL, v).passes > 1);
  wg_lmo_settings_init(&settings);
  settings.accuracy = 0.1;
  assert_int_equal(wg_lmo("operator", 40, 6, g, NULL, &settings, v, &report), WG_OK);
  assert_int_equal(report.passes, 1);
  assert_true(report.estimate > 1e-8 && report.estimate < 0.1);
  free(g);
}

/* Under powers of two to the bit, from 1e-300 to 1e300. */
static void test_homogeneous(void **state) {
  (void)state;
  static const int powers[] = {-996, -700, -250, -201, -199, -1, 1, 199, 201, 260, 700, 996};
  wg_rng rng = {5};
  double *g = gaussian(&rng, 24 * 5), *v = test_numbers(120), *h = test_numbers(120), w[120];
  for (int k = 0; k < GAUGES; k++) {
    wg_lmo_report one = lmo(gauges[k], 24, 5, g, NULL, v), other;
    for (size_t e = 0; e < sizeof powers / sizeof *powers; e++) {
      for (int i = 0; i < 120; i++) h[i] = ldexp(g[i], powers[e]);
      other = lmo(gauges[k], 24, 5, h, NULL, w);
      assert_true(other.dual_norm == ldexp(one.dual_norm, powers[e]));
      for (int i = 0; i < 120; i++) assert_true(w[i] == ldexp(v[i], powers[e]));
      assert_true(other.identity_error <= 1e-12 && other.norm_error <= 1e-9);
    }
  }
  free(g);
  free(v);
  free(h);
}

static void test_zero(void **state) {
  (void)state;
  double g[12] = {0}, v[12], u[12];
  for (int k = 0; k < GAUGES; k++) {
    for (int i = 0; i < 12; i++) v[i] = 1.0;
    wg_lmo_report report = lmo(gauges[k], 4, 3, g, NULL, v);
    assert_true(report.dual_norm == 0.0 && report.rank == 0 && report.norm_error == 0.0);
    for (int i = 0; i < 12; i++) assert_true(v[i] == 0.0);
  }
  for (int method = 0; method <= WG_POLAR_EXPRESS; method++) {
    wg_polar_settings settings;
    wg_polar_settings_init(&settings);
    settings.method = method;
    for (int i = 0; i < 12; i++) u[i] = 1.0;
    assert_int_equal(wg_polar(4, 3, g, &settings, u, NULL), WG_OK);
    for (int i = 0; i < 12; i++) assert_true(u[i] == 0.0);
  }
}

/* Columns start .. start + size of a matrix with d columns. */
static void take_block(int64_t n, int64_t d, int64_t start, int64_t size, const double *g,
                       double *block) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < size; j++) block[i * size + j] = g[i * d + start + j];
}

/* sum:, each block on its own; max:, J_b = N* eta_b J(G_b) / N*_b with N* = sum eta_b N*_b. */
static void check_blocks(int64_t n, const double *g, bool maximum) {
  static const int64_t sizes[] = {2, 4, 1, 3};
  static const char *const inner[] = {"operator", "kyfan:2", "trace", "schatten:3"};
  const double rates[] = {1, 2, 0.25, 3};
  const char *gauge = maximum ? "max:operator@2,kyfan:2@4/2,trace@1/0.25,schatten:3@3/3"
                              : "sum:operator@2,kyfan:2@4,trace@1,schatten:3@3";
  double *v = test_numbers(n * 10), *block = test_numbers(n * 4), *part = test_numbers(n * 4);
  double norms[4], whole = 0.0;
  wg_lmo_report report = lmo(gauge, n, 10, g, NULL, v);
  for (int64_t b = 0, start = 0; b < 4; start += sizes[b++]) {
    take_block(n, 10, start, sizes[b], g, block);
    norms[b] = twin(inner[b], n, sizes[b], block, 1e-14, part);
    whole = maximum ? whole + rates[b] * norms[b] : hypot(whole, norms[b]);
  }
  assert_near(report.dual_norm, whole, 1e-12 * whole);
  for (int64_t b = 0, start = 0; b < 4; start += sizes[b++]) {
    take_block(n, 10, start, sizes[b], g, block);
    twin(inner[b], n, sizes[b], block, 1e-14, part);
    double factor = maximum && norms[b] > 0 ? whole * rates[b] / norms[b] : 1.0;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < sizes[b]; j++)
        assert_near(v[i * 10 + start + j], factor * part[i * sizes[b] + j], 1e-10 * whole);
  }
  assert_oracle(n * 10, g, v, report);
  free(v);
  free(block);
  free(part);
}

static void test_blocks(void **state) {
  (void)state;
  wg_rng rng = {6};
  for (int64_t n = 1; n <= 31; n += 6) {
    double *g = gaussian(&rng, n * 10);
    check_blocks(n, g, false);
    check_blocks(n, g, true);
    for (int64_t i = 0; i < n; i++) g[i * 10 + 6] = 0.0; /* a zero block */
    check_blocks(n, g, true);
    free(g);
  }
}

/* Blocks 1e590 apart: the small one follows the large one's norm in a block max. */
static void test_blocks_of_far_scales(void **state) {
  (void)state;
  wg_rng rng = {7};
  double *g = gaussian(&rng, 80), v[80];
  for (int i = 0; i < 80; i++) g[i] *= i % 4 < 2 ? 1e-300 : 1e290;
  wg_lmo_report report = lmo("max:operator@2/3,kyfan:1@2", 20, 4, g, NULL, v);
  assert_true(report.identity_error <= 1e-12 && report.norm_error <= 1e-9);
  assert_true(fabs(v[0]) > 1e285 && isfinite(v[0]));
  report = lmo("sum:operator@2,kyfan:1@2", 20, 4, g, NULL, v);
  assert_true(report.identity_error <= 1e-12 && report.norm_error <= 1e-9);
  assert_true(fabs(v[0]) < 1e-290 && v[0] != 0.0);
  free(g);
}

static wg_lmo_report judged(const char *gauge, int64_t n, int64_t d, const double *g,
                            const double *weights, const double *v) {
  wg_lmo_report report;
  if (wg_lmo_check(gauge, n, d, g, v, weights, NULL, &report) < 0)
    fail_msg("%s", wg_error_detail());
  return report;
}

/* The check takes the direction of this gauge and no other: not a longer one, not the opposite, not
 * that of another gauge, not one that lacks a row. Its norm is the oracle's. */
static void test_check(void **state) {
  static const char *const all[] = {"operator",
                                    "trace",
                                    "frobenius",
                                    "schatten:1.3",
                                    "schatten:0.6",
                                    "kyfan:2",
                                    "sum:kyfan:2@2,operator@2",
                                    "max:schatten:3@3/0.3,trace@1"};
  enum { KINDS = sizeof all / sizeof *all };
  const int64_t n = 9, d = 4;
  double v[36], other[36], weights[9];
  wg_rng rng = {77};
  (void)state;
  for (int64_t i = 0; i < n; i++) weights[i] = i < 4 ? 0.0625 : 0.15;
  for (int round = 0; round < 2 * KINDS; round++) {
    const char *gauge = all[round % KINDS];
    const double *a = round < KINDS ? NULL : weights;
    double *g = gaussian(&rng, n * d);
    wg_lmo_report report = lmo(gauge, n, d, g, a, v);
    assert_int_equal(report.passed, 1);
    assert_true(report.dual_error <= 1e-13 && report.norm_error <= 1e-12);
    report = judged(gauge, n, d, g, a, v);
    assert_int_equal(report.passed, 1);
    assert_near(report.dual_norm, lmo(gauge, n, d, g, a, v).dual_norm, 1e-12 * report.dual_norm);
    for (int64_t k = 0; k < n * d; k++) other[k] = (1.0 + 1e-7) * v[k];
    assert_int_equal(judged(gauge, n, d, g, a, other).passed, 0);
    for (int64_t k = 0; k < n * d; k++) other[k] = -v[k];
    assert_int_equal(judged(gauge, n, d, g, a, other).passed, 0);
    for (int64_t k = 0; k < n * d; k++) other[k] = k / d == 5 ? 0.0 : v[k];
    assert_int_equal(judged(gauge, n, d, g, a, other).passed, 0);
    for (int kind = 0; kind < KINDS; kind++) {
      lmo(all[kind], n, d, g, a, other);
      assert_int_equal(judged(gauge, n, d, g, a, other).passed, kind == round % KINDS);
    }
    free(g);
  }
}

/* A kind without a definition is refused, not accepted: by the check itself, whatever V is. */
static void test_unknown_kind(void **state) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = WG_NEW(&mem, wg_gauge_spec, 1);
  double g[6] = {1, 2, 3, 4, 5, 7};
  const wg_lmo_options options = {.threads = 1, .rank_tol = 1e-14, .accuracy = 1e-10};
  const wg_rows rows = {.data = g, .count = 3, .width = 2, .row_step = 2, .column_step = 1};
  wg_lmo_values values;
  wg_lmo_verdict verdict;
  (void)state;
  assert_int_equal(wg_gauge_parse("operator", spec), WG_OK);
  assert_int_equal(wg_gauge_bind(spec, 2), WG_OK);
  assert_int_equal(wg_lmo_check_begin(spec, &rows, &options, &mem, &values), WG_OK);
  assert_int_equal(wg_lmo_check_end(spec, &values, &rows, &rows, &options, &mem, &verdict), WG_OK);
  spec->blocks[0].kind = (wg_gauge_kind)7;
  assert_int_equal(wg_lmo_check_end(spec, &values, &rows, &rows, &options, &mem, &verdict),
                   WG_ERR_INTERNAL);
  spec->blocks[0].kind = WG_SCHATTEN;
  spec->outer = (wg_gauge_outer)7;
  assert_int_equal(wg_lmo_check_end(spec, &values, &rows, &rows, &options, &mem, &verdict),
                   WG_ERR_INTERNAL);
  wg_mem_clear(&mem);
}

/* A direction that its type cannot hold is refused, not written as infinity in silence. */
static void test_overflow(void **state) {
  float g[4] = {3e38F, 0, 0, 3e38F}, v[4];
  double large[4] = {1e308, 0, 0, 1e308}, u[4];
  (void)state;
  assert_int_equal(wg_lmo_f32("operator", 2, 2, g, NULL, NULL, v, NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "power of two"));
  assert_int_equal(wg_lmo("operator", 2, 2, large, NULL, NULL, u, NULL), WG_ERR_INPUT);
  assert_int_equal(wg_lmo("trace", 2, 2, large, NULL, NULL, u, NULL), WG_OK);
}

/* The measure oracle is the matrix one of diag(sqrt a) G, its rows divided back. */
static void test_measure(void **state) {
  (void)state;
  wg_rng rng = {8};
  static const int64_t counts[] = {1, 3, 30, 700};
  for (int c = 0; c < 4; c++) {
    int64_t n = counts[c], d = 5;
    double *g = gaussian(&rng, n * d), *a = test_weights(&rng, n), *v = test_numbers(n * d);
    double *scaled = test_numbers(n * d), *w = test_numbers(n * d);
    for (int64_t i = 0; i < n * d; i++) scaled[i] = sqrt(a[i / d]) * g[i];
    for (int k = 0; k < GAUGES; k++) {
      wg_lmo_report one = lmo(gauges[k], n, d, g, a, v), other;
      other = lmo(gauges[k], n, d, scaled, NULL, w);
      assert_near(one.dual_norm, other.dual_norm, 1e-13 * other.dual_norm);
      assert_true(one.identity_error <= 1e-12 && one.norm_error <= 1e-9);
      for (int64_t i = 0; i < n * d; i++)
        assert_near(v[i], w[i] / sqrt(a[i / d]), 1e-8 * one.dual_norm);
    }
    free(g);
    free(a);
    free(v);
    free(scaled);
    free(w);
  }
}

/* A point without weight does not count, but moves with the field. */
static void test_zero_weight(void **state) {
  (void)state;
  const double g[8] = {1, 2, 3, 5, 3, 5, -1, 4}, a[4] = {0.5, 0.25, 0, 0.25};
  double v[8];
  lmo("operator", 4, 2, g, a, v);
  assert_true(v[4] == v[2] && v[5] == v[3] && v[4] != 0.0);
}

static void test_float(void **state) {
  (void)state;
  wg_rng rng = {9};
  float g[300], v[300];
  double exact[300], expected[300], size;
  for (int i = 0; i < 300; i++) exact[i] = g[i] = (float)wg_rng_normal(&rng);
  for (int k = 0; k < GAUGES; k++) {
    wg_lmo_report report, other = lmo(gauges[k], 50, 6, exact, NULL, expected);
    assert_int_equal(wg_lmo_f32(gauges[k], 50, 6, g, NULL, NULL, v, &report), WG_OK);
    assert_near(report.dual_norm, other.dual_norm, 1e-13 * other.dual_norm);
    double most = 0.0;
    for (int i = 0; i < 300; i++) most = fmax(most, fabs((double)v[i] - expected[i]));
    largest_difference(300, expected, expected, &size);
    assert_true(most <= 1.2e-7 * size);
  }
}

/* In place, and with any number of threads: the same bits. */
static void test_same_bits(void **state) {
  (void)state;
  wg_rng rng = {10};
  static const int64_t widths[] = {3, 8, 40, 260};
  for (int k = 0; k < 4; k++) {
    int64_t n = 9001, d = widths[k];
    double *g = gaussian(&rng, n * d), *v = test_numbers(n * d), *w = test_numbers(n * d);
    wg_lmo_settings settings;
    wg_lmo_settings_init(&settings);
    settings.threads = 1;
    assert_int_equal(wg_lmo("operator", n, d, g, NULL, &settings, v, NULL), WG_OK);
    settings.threads = 3;
    assert_int_equal(wg_lmo("operator", n, d, g, NULL, &settings, w, NULL), WG_OK);
    assert_memory_equal(v, w, (size_t)(n * d) * sizeof *v);
    assert_int_equal(wg_lmo("operator", n, d, g, NULL, &settings, g, NULL), WG_OK);
    assert_memory_equal(v, g, (size_t)(n * d) * sizeof *v);
    free(g);
    free(v);
    free(w);
  }
}

/* The kernels of this processor against the plain ones. */
static void test_kernels(void **state) {
  (void)state;
  const wg_lmo_kernels *plain = &wg_kernels_portable, *here = wg_lmo_kernels_here();
  wg_rng rng = {13};
  for (int64_t inner = 8; inner <= WG_SMALL; inner += inner < 64 ? 8 : 64)
    for (int64_t width = 8; width <= WG_SMALL; width += width < 64 ? 8 : 64) {
      int64_t rows = 24;
      double *x = gaussian(&rng, rows * inner), *m = gaussian(&rng, inner * width);
      double *one = test_numbers(WG_SMALL * WG_SMALL), *other = test_numbers(WG_SMALL * WG_SMALL);
      plain->multiply(rows, inner, width, x, m, one);
      here->multiply(rows, inner, width, x, m, other);
      for (int64_t i = 0; i < rows * width; i++) assert_near(one[i], other[i], 1e-12);
      memset(one, 0, (size_t)(inner * inner) * sizeof *one);
      memset(other, 0, (size_t)(inner * inner) * sizeof *other);
      plain->gram(rows, inner, x, one);
      here->gram(rows, inner, x, other);
      for (int64_t i = 0; i < inner; i++)
        for (int64_t j = i; j < inner; j++) {
          double sum = 0.0;
          for (int64_t k = 0; k < rows; k++) sum += x[k * inner + i] * x[k * inner + j];
          assert_near(one[i * inner + j], sum, 1e-12);
          assert_near(other[i * inner + j], sum, 1e-12);
        }
      double dot = wg_la_dot(rows * inner, x, x);
      assert_near(plain->dot(rows * inner, x, x), dot, 1e-12 * dot);
      assert_near(here->dot(rows * inner, x, x), dot, 1e-12 * dot);
      free(x);
      free(m);
      free(one);
      free(other);
    }
}

/* Rows of one or two vectors: every width, odd counts, with weights and in place. The block ends
 * where its memory does, so that looking beyond it is seen. */
static void check_narrow(const wg_lmo_kernels *set, wg_rng *rng, int64_t rows, int64_t width) {
  const int64_t stride = 16;
  double *x = malloc((size_t)(rows * width) * sizeof *x), *m = test_numbers(stride * stride);
  double *gram = test_numbers(stride * stride), *out = test_numbers(rows * width);
  double *weights = test_numbers(rows), largest = 0.0, expected = 0.0, found;
  for (int64_t i = 0; i < rows * width; i++)
    largest = fmax(largest, fabs(x[i] = wg_rng_normal(rng)));
  for (int64_t i = 0; i < rows; i++) weights[i] = wg_rng_uniform(rng);
  for (int64_t i = 0; i < width; i++)
    for (int64_t j = 0; j < width; j++) m[i * stride + j] = wg_rng_normal(rng);
  uint64_t bits = set->narrow_gram(rows, width, x, gram, stride, 0);
  memcpy(&found, &bits, sizeof found);
  assert_true(found == largest);
  for (int64_t i = 0; i < width; i++)
    for (int64_t j = i; j < width; j++) {
      double sum = 0.0;
      for (int64_t k = 0; k < rows; k++) sum += x[k * width + i] * x[k * width + j];
      assert_near(gram[i * stride + j], sum, 1e-12 * (double)rows);
    }
  double product = set->narrow_multiply(rows, width, x, weights, m, stride, out);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < width; j++) {
      double sum = 0.0;
      for (int64_t k = 0; k < width; k++) sum += x[i * width + k] * m[k * stride + j];
      assert_near(out[i * width + j], sum, 1e-12);
      expected += weights[i] * x[i * width + j] * sum;
    }
  assert_near(product, expected, 1e-11 * (double)rows);
  set->narrow_multiply(rows, width, x, NULL, m, stride, x);
  assert_memory_equal(x, out, (size_t)(rows * width) * sizeof *x);
  free(x);
  free(m);
  free(gram);
  free(out);
  free(weights);
}

/* Any alignment, any length, and nothing beside it. */
static void check_stream(const wg_lmo_kernels *set) {
  unsigned char from[400], to[600];
  for (int i = 0; i < 400; i++) from[i] = (unsigned char)(i % 251 + 1);
  for (size_t offset = 0; offset < 70; offset += 3)
    for (size_t bytes = 0; bytes <= 400; bytes += 37) {
      memset(to, 0, sizeof to);
      set->stream(to + offset, from, bytes);
      set->stream_end();
      for (size_t i = 0; i < sizeof to; i++)
        assert_int_equal(to[i], i >= offset && i < offset + bytes ? from[i - offset] : 0);
    }
}

static void test_narrow_kernels(void **state) {
  (void)state;
  wg_rng rng = {31};
  const wg_lmo_kernels *sets[2] = {wg_lmo_kernels_here(), NULL};
#if defined(__x86_64__)
  if (sets[0] == &wg_kernels_avx512) sets[1] = &wg_kernels_avx2;
#endif
  for (int s = 0; s < 2; s++) {
    if (!sets[s] || !sets[s]->narrow) continue;
    for (int64_t width = 1; width <= sets[s]->narrow; width++)
      for (int64_t rows = 1; rows <= 65; rows += 16) check_narrow(sets[s], &rng, rows, width);
    check_stream(sets[s]);
  }
}

/* Results beyond the caches are streamed unless they replace G: the same bits. */
static void test_streamed(void **state) {
  (void)state;
  const int64_t n = 1500003, d = 3;
  wg_rng rng = {32};
  double *g = gaussian(&rng, n * d), *v = test_numbers(n * d);
  float *h = malloc((size_t)(n * d) * sizeof *h), *w = malloc((size_t)(n * d) * sizeof *w);
  for (int64_t i = 0; i < n * d; i++) h[i] = (float)g[i];
  assert_int_equal(wg_lmo("operator", n, d, g, NULL, NULL, v, NULL), WG_OK);
  assert_int_equal(wg_lmo("operator", n, d, g, NULL, NULL, g, NULL), WG_OK);
  assert_memory_equal(v, g, (size_t)(n * d) * sizeof *v);
  assert_int_equal(wg_lmo_f32("operator", n, d, h, NULL, NULL, w, NULL), WG_OK);
  assert_int_equal(wg_lmo_f32("operator", n, d, h, NULL, NULL, h, NULL), WG_OK);
  assert_memory_equal(w, h, (size_t)(n * d) * sizeof *w);
  free(g);
  free(v);
  free(h);
  free(w);
}

/* Single precision where it is as accurate as float32 results are promised to be, and only there:
 * what double finds is the twin. */
static double error_in_single(const char *gauge, int64_t n, int64_t d, const double *g, bool inside,
                              wg_lmo_report *report) {
  float *single = malloc((size_t)(n * d) * sizeof *single),
        *v = inside ? single : malloc((size_t)(n * d) * sizeof *v);
  double *rounded = test_numbers(n * d), *twin_of_v = test_numbers(n * d), error = 0.0, size = 0.0;
  for (int64_t i = 0; i < n * d; i++) rounded[i] = single[i] = (float)g[i];
  lmo(gauge, n, d, rounded, NULL, twin_of_v);
  assert_int_equal(wg_lmo_f32(gauge, n, d, single, NULL, NULL, v, report), WG_OK);
  for (int64_t i = 0; i < n * d; i++) {
    error += ((double)v[i] - twin_of_v[i]) * ((double)v[i] - twin_of_v[i]);
    size += twin_of_v[i] * twin_of_v[i];
  }
  if (!inside) free(v);
  free(single);
  free(rounded);
  free(twin_of_v);
  return sqrt(error / size);
}

static void test_single_precision(void **state) {
  (void)state;
  static const char *some[] = {"operator", "schatten:1.5", "kyfan:3",
                               "max:operator@300/2,trace@20"};
  const double promised = 4e-6;
  wg_rng rng = {33};
  wg_lmo_report report;
  for (int k = 0; k < 4; k++)
    for (int turned = 0; turned < 2; turned++) {
      if (k == 3 && turned) continue;
      int64_t n = turned ? 320 : 2000, d = turned ? 2000 : 320;
      double *g = gaussian(&rng, n * d);
      assert_true(error_in_single(some[k], n, d, g, turned, &report) <= promised);
      assert_true(report.estimate > 1e-8 && report.estimate <= promised);
      /* One short direction, and double is used again. */
      for (int64_t i = 0; i < (turned ? d : n); i++) g[turned ? i : i * d] *= 1e-3;
      assert_true(error_in_single(some[0], n, d, g, false, &report) <= promised);
      assert_true(report.estimate <= 1e-8);
      free(g);
    }
}

static void test_refused(void **state) {
  (void)state;
  double g[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, v[12], a[4] = {0.5, 0.5, 0, 0};
  wg_lmo_settings settings = {0};
  assert_int_equal(wg_lmo("trace", 4, 3, g, NULL, &settings, v, NULL), WG_ERR_ARGUMENT);
  assert_int_equal(wg_lmo("kyfan:4", 4, 3, g, NULL, NULL, v, NULL), WG_ERR_INPUT);
  assert_int_equal(wg_lmo("nuclear", 4, 3, g, NULL, NULL, v, NULL), WG_ERR_ARGUMENT);
  assert_int_equal(wg_lmo("trace", 0, 3, g, NULL, NULL, v, NULL), WG_ERR_ARGUMENT);
  a[0] = -0.5;
  assert_int_equal(wg_lmo("trace", 4, 3, g, a, NULL, v, NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "weights[0] = -0.5"));
  g[7] = NAN;
  assert_int_equal(wg_lmo("sum:operator@1,trace@2", 4, 3, g, NULL, NULL, v, NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "g[2, 1] = nan"));
  g[7] = -INFINITY;
  assert_int_equal(wg_lmo("operator", 3, 4, g, NULL, NULL, v, NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "g[1, 3] = -inf"));
  for (int method = 0; method <= WG_POLAR_EXPRESS; method++) {
    wg_polar_settings polar;
    wg_polar_settings_init(&polar);
    polar.method = method;
    assert_int_equal(wg_polar(3, 4, g, &polar, v, NULL), WG_ERR_INPUT);
    assert_non_null(strstr(wg_error_detail(), "g[1, 3] = -inf"));
  }
}

/* ---- polynomials ---- */

/* The error takes its largest size at degree terms + 1 points with alternating signs: no other
 * polynomial is better (de la Vallee Poussin). */
static void test_remez(void **state) {
  (void)state;
  static const double lows[] = {1e-4, 1e-3, 0.05, 0.5, 0.9, 0.999};
  for (int degree = 1; degree <= 15; degree += 2)
    for (int k = 0; k < 6; k++) {
      double c[8], error, upper = 1.7, low = lows[k] * upper;
      assert_int_equal(wg_polar_polynomial(degree, low, upper, c, &error), WG_OK);
      int alternations = 0, sign = 0;
      double most = 0.0;
      for (int i = 0; i <= 100000; i++) {
        double x = low * pow(upper / low, i / 100000.0), value = 0.0;
        for (int j = degree / 2; j >= 0; j--) value = value * x * x + c[j];
        double e = 1.0 - value * x;
        most = fmax(most, fabs(e));
        if (fabs(e) < (1 - 1e-3) * error || (e > 0 ? 1 : -1) == sign) continue;
        sign = e > 0 ? 1 : -1;
        alternations++;
      }
      if (error > 1e-9) assert_int_equal(alternations, degree / 2 + 2);
      assert_true(most <= error * (1 + 1e-6) + 1e-13);
    }
}

static void check_polynomial(int method, int64_t n, int64_t d, const double *g, int gram,
                             double tolerance) {
  double *u = test_numbers(n * d), *expected = test_numbers(n * d), size;
  wg_polar_settings settings;
  wg_polar_report report;
  wg_polar_settings_init(&settings);
  settings.method = method;
  settings.gram = gram;
  settings.check = 1;
  if (method == WG_POLAR_EXPRESS) settings.tol = 1e-9;
  assert_int_equal(wg_polar(n, d, g, &settings, u, &report), WG_OK);
  double nuclear = twin("operator", n, d, g, 1e-14, expected);
  for (int64_t i = 0; i < n * d; i++) expected[i] /= -nuclear;
  double difference = largest_difference(n * d, u, expected, &size);
  if (!(difference <= tolerance)) fail_msg("method %d is off by %.3g", method, difference);
  assert_int_equal(report.gram, gram);
  assert_true(report.sigma_min >= 1 - tolerance - 0.35 * (method == WG_POLAR_MUON));
  assert_true(method != WG_POLAR_EXPRESS || (report.estimate <= 1e-9 && report.steps < 12));
  free(u);
  free(expected);
}

static void test_polynomial_methods(void **state) {
  (void)state;
  wg_rng rng = {11};
  double s[8] = {1, 0.9, 0.5, 0.3, 0.2, 0.1, 0.08, 0.05};
  for (int shape = 0; shape < 2; shape++) {
    int64_t n = shape ? 8 : 20, d = shape ? 20 : 8;
    double *g = with_spectrum(&rng, n, d, s);
    for (int gram = 0; gram < 2; gram++) {
      for (int scale = 0; scale < 2; scale++) {
        check_polynomial(WG_POLAR_MUON, n, d, g, gram, 0.35);
        check_polynomial(WG_POLAR_NEWTON, n, d, g, gram, 1e-12);
        check_polynomial(WG_POLAR_EXPRESS, n, d, g, gram, 1e-8);
        for (int i = 0; !scale && i < 160; i++) g[i] *= 1e-290;
      }
      for (int i = 0; i < 160; i++) g[i] *= 1e290;
    }
    free(g);
  }
}

/* What Muon's five steps do to a singular value: the scalar polynomial, on a diagonal matrix. */
static void test_muon_is_its_polynomial(void **state) {
  (void)state;
  float g[16] = {3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0.5F, 0, 0, 0, 0, 0.01F}, u[16];
  wg_polar_settings settings;
  wg_polar_settings_init(&settings);
  settings.method = WG_POLAR_MUON;
  assert_int_equal(wg_polar_f32(4, 4, g, &settings, u, NULL), WG_OK);
  double norm = sqrt(9 + 4 + 0.25 + 1e-4);
  for (int i = 0; i < 4; i++) {
    double x = (double)g[5 * i] / norm;
    for (int k = 0; k < 5; k++) x = 3.4445 * x - 4.7750 * x * x * x + 2.0315 * x * x * x * x * x;
    assert_near((double)u[5 * i], x, 1e-5);
  }
}

static void test_automatic_choice(void **state) {
  (void)state;
  wg_rng rng = {12};
  double *g = gaussian(&rng, 600), u[600];
  wg_polar_settings settings;
  wg_polar_report report;
  wg_polar_settings_init(&settings);
  assert_int_equal(wg_polar(25, 24, g, &settings, u, &report), WG_OK);
  assert_int_equal(report.method, WG_POLAR_EXACT);
  settings.tol = 1e-3;
  assert_int_equal(wg_polar(25, 24, g, &settings, u, &report), WG_OK);
  assert_int_equal(report.method, WG_POLAR_EXPRESS);
  assert_int_equal(wg_polar(60, 10, g, &settings, u, &report), WG_OK);
  assert_int_equal(report.method, WG_POLAR_EXACT);
  free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_rank_deficient_and_tied),
      cmocka_unit_test(test_ill_conditioned),
      cmocka_unit_test(test_one_pass_only_when_it_is_enough),
      cmocka_unit_test(test_homogeneous),
      cmocka_unit_test(test_zero),
      cmocka_unit_test(test_blocks),
      cmocka_unit_test(test_blocks_of_far_scales),
      cmocka_unit_test(test_check),
      cmocka_unit_test(test_unknown_kind),
      cmocka_unit_test(test_overflow),
      cmocka_unit_test(test_measure),
      cmocka_unit_test(test_zero_weight),
      cmocka_unit_test(test_float),
      cmocka_unit_test(test_same_bits),
      cmocka_unit_test(test_kernels),
      cmocka_unit_test(test_narrow_kernels),
      cmocka_unit_test(test_streamed),
      cmocka_unit_test(test_single_precision),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_remez),
      cmocka_unit_test(test_polynomial_methods),
      cmocka_unit_test(test_muon_is_its_polynomial),
      cmocka_unit_test(test_automatic_choice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
