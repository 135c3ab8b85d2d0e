/* Certificates: closed forms, bounds against long double evaluation, clouds that nearly coincide,
 * extreme scales, threads, tampering, unusable data. */
/* cmocka.h needs the others before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

#include "certify/certify.h"
#include "linalg/la.h"

static wg_context context;

static int setup(void **state) {
  (void)state;
  context = (wg_context){.threads = 1};
  return 0;
}

static int teardown(void **state) {
  (void)state;
  return context.ledger.now == 0 ? 0 : -1;
}

static wg_gauge_spec bound(const char *text, int64_t d) {
  wg_gauge_spec spec;
  assert_int_equal(wg_gauge_parse(text, &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, d), WG_OK);
  return spec;
}

/* value <= exact <= value (1 + relative) */
static void assert_just_below(double value, long double exact, double relative) {
  if (!(value <= exact && value >= exact * (1 - (long double)relative)))
    fail_msg("%.17g is not just below %.20Lg (relative %.3Lg)", value, exact, value / exact - 1);
}

static void assert_just_above(double value, long double exact, double relative) {
  if (!(value >= exact && value <= exact * (1 + (long double)relative)))
    fail_msg("%.17g is not just above %.20Lg (relative %.3Lg)", value, exact, value / exact - 1);
}

static wg_cert_lower_report lower_of(const wg_cert_data *data, const char *gauge, const double *q,
                                     const double *f, const double *g, double margin) {
  wg_gauge_spec spec = bound(gauge, data->d);
  wg_cert_lower_report report;
  const wg_cert_potentials potentials = {.f = f, .g = g};
  assert_int_equal(wg_cert_lower(&context, data, &spec, q, &potentials, margin, &report), WG_OK);
  return report;
}

static wg_cert_upper_report upper_of(const wg_cert_data *data, const char *gauge, int64_t count,
                                     const int64_t *row, const int64_t *col, const double *mass,
                                     double margin) {
  wg_gauge_spec spec = bound(gauge, data->d);
  wg_cert_upper_report report;
  const wg_cert_plan plan = {.count = count, .row = row, .col = col, .mass = mass};
  assert_int_equal(wg_cert_upper(&context, data, &spec, &plan, margin, NULL, &report), WG_OK);
  return report;
}

/* ---- closed forms ---- */

static const double half[2] = {0.5, 0.5};
static const int64_t atom_row[4] = {0, 0, 1, 1}, atom_col[4] = {0, 1, 0, 1};
static const double quarter[4] = {0.25, 0.25, 0.25, 0.25};

/* Theory 3.3: W2 = 2, sqrt 2, 1; the plan splits mass, Q = weight * I, all costs are 2 weight. */
static void two_atoms_at(double scale, const char *gauge, double weight, long double exact) {
  double x[4] = {-scale, 0, scale, 0}, y[4] = {0, -scale, 0, scale};
  double q[4] = {weight, 0, 0, weight}, f[2];
  wg_cert_data data = {.n = 2, .m = 2, .d = 2, .x = x, .a = half, .y = y, .b = half};
  exact *= (long double)scale * scale;
  f[0] = f[1] = weight * scale * scale;
  for (double margin = 1; margin <= 2; margin++) {
    wg_cert_lower_report lower = lower_of(&data, gauge, q, f, f, margin);
    wg_cert_upper_report upper = upper_of(&data, gauge, 4, atom_row, atom_col, quarter, margin);
    assert_just_below(lower.bound, exact, 1e-13);
    assert_just_above(upper.bound, exact, 1e-13);
    assert_true(upper.residual == 0.0);
  }
}

static void two_atoms(void **state) {
  (void)state;
  static const double scales[] = {1, 1e-150, 1e-5, 0.3, 1e140};
  for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
    two_atoms_at(scales[i], "trace", 1.0, 2.0L);
    two_atoms_at(scales[i], "frobenius", sqrt(0.5), sqrtl(2.0L));
    two_atoms_at(scales[i], "operator", 0.5, 1.0L);
    two_atoms_at(scales[i], "kyfan:1", 0.5, 1.0L);
    two_atoms_at(scales[i], "kyfan:2", 1.0, 2.0L);
    two_atoms_at(scales[i], "sum:trace@1,operator@1", 1.0, 2.0L);
    two_atoms_at(scales[i], "max:trace@1,operator@1", 0.5, 1.0L);
  }
}

static void single_points(void **state) {
  (void)state;
  static const char *gauges[] = {"trace", "frobenius", "operator", "kyfan:2", "schatten:1.3"};
  double x[3] = {1, 2, -3}, y[3] = {2, 0, -1}, one = 1, zero = 0, cost = 9;
  double q[9], step[3] = {1, -2, 2};
  int64_t index = 0;
  for (int i = 0; i < 9; i++) q[i] = step[i / 3] * step[i % 3] / 9;
  wg_cert_data data = {.n = 1, .m = 1, .d = 3, .x = x, .a = &one, .y = y, .b = &one};
  for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
    assert_just_below(lower_of(&data, gauges[i], q, &cost, &zero, 1).bound, 9.0L, 1e-13);
    assert_just_above(upper_of(&data, gauges[i], 1, &index, &index, &one, 1).bound, 9.0L, 1e-13);
  }
}

/* ---- pairs of doubles, exact totals ---- */

static const int64_t first_two[2] = {0, 1};

static wg_cert_upper_report pair_upper(const wg_cert_data *data, const double *mass,
                                       const double *low) {
  wg_gauge_spec spec = bound("trace", data->d);
  const wg_cert_plan plan = {data->n, first_two, first_two, mass, low};
  wg_cert_upper_report report;
  assert_int_equal(wg_cert_upper(&context, data, &spec, &plan, 1, NULL, &report), WG_OK);
  return report;
}

/* Columns are compared with b_j A / B, without forming the quotient: equal weights are uniform. */
static void totals_may_differ(void **state) {
  (void)state;
  const double x[2] = {0, 1}, third = 1.0 / 3.0;
  const double more[2] = {0.5 + 1e-7, 0.5 + 1e-7}, odd[2] = {third, third};
  wg_cert_data data = {.n = 2, .m = 2, .d = 1, .x = x, .a = half, .y = x, .b = more};
  assert_true(pair_upper(&data, half, NULL).residual == 0.0);
  data.a = odd;
  assert_true(pair_upper(&data, odd, NULL).residual == 0.0);
  data.b = odd;
  assert_true(pair_upper(&data, odd, NULL).residual == 0.0);
  data.a = half;
  assert_true(pair_upper(&data, half, NULL).residual == 0.0);
  const double tiny[2] = {0, 0x1p-200};
  const double residual = pair_upper(&data, half, tiny).residual;
  assert_true(residual > 0x1p-199 && residual < 0x1.1p-199);
}

/* Masses and potentials are sums of two doubles. */
static void second_halves_count(void **state) {
  (void)state;
  const double x[2] = {0, 5}, y[2] = {1, 6}, quarters[2] = {0.25, 0.75}, negative[2] = {-0.75, 0};
  const double rest[2] = {0.25, -0.25};
  wg_cert_data data = {.n = 2, .m = 2, .d = 1, .x = x, .a = half, .y = y, .b = half};
  const wg_cert_upper_report upper = pair_upper(&data, quarters, rest);
  assert_true(upper.residual == 0.0);
  assert_just_above(upper.bound, 1.0L, 1e-14);
  wg_gauge_spec spec = bound("trace", 1);
  const wg_cert_plan plan = {2, first_two, first_two, half, negative};
  wg_cert_upper_report report;
  assert_int_equal(wg_cert_upper(&context, &data, &spec, &plan, 1, NULL, &report), WG_ERR_INPUT);
  const double q = 1, f[2] = {0x1p60, 0x1p60}, g[2] = {-0x1p60, -0x1p60}, one[2] = {1, 1};
  const wg_cert_potentials dual = {.f = f, .f_low = one, .g = g};
  wg_cert_lower_report lower;
  assert_int_equal(wg_cert_lower(&context, &data, &spec, &q, &dual, 1, &lower), WG_OK);
  assert_just_below(lower.bound, 1.0L, 1e-14);
  const wg_cert_potentials spoilt = {.f = f, .f_low = one, .g = g, .g_low = one};
  assert_int_equal(wg_cert_lower(&context, &data, &spec, &q, &spoilt, 1, &lower), WG_OK);
  assert_true(lower.violation >= 1.0 && lower.bound <= 1.0); /* 2 is no lower bound */
}

/* x = {0, L}, y = {1, L + 1}: the pair (1, 0) is tight at cost (L - 1)^2, 1e15 times W2 = 1. What
 * it costs must be of the size of W2: all differences and products are exact. */
static void tight_pairs_far_apart_cost_nothing(void **state) {
  (void)state;
  const double far = 0x1p26, x[2] = {0, far}, y[2] = {1, far + 1}, q = 1;
  const double f[2] = {0, far * far - 2 * far}, g[2] = {1, 1 - f[1]};
  wg_cert_data data = {.n = 2, .m = 2, .d = 1, .x = x, .a = half, .y = y, .b = half};
  for (double margin = 1; margin <= 2; margin++)
    assert_just_below(lower_of(&data, "trace", &q, f, g, margin).bound, 1.0L, 1e-13);
}

/* Equal clouds, rows with one and with several entries: nothing moves, exactly zero. */
static void nothing_moves(void **state) {
  (void)state;
  static const char *gauges[] = {"trace", "frobenius", "operator", "schatten:0.5"};
  double x[6] = {0.1, 0.2, 3.7, 1e6, 0.1, 0.2}, a[3] = {0.3, 0.4, 0.3};
  double y[4] = {3.7, 1e6, 0.1, 0.2}, b[2] = {0.4, 0.6}, mass[3] = {0.3, 0.4, 0.3};
  int64_t row[3] = {0, 1, 2}, col[3] = {1, 0, 1};
  wg_cert_data data = {.n = 3, .m = 2, .d = 2, .x = x, .a = a, .y = y, .b = b};
  for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
    wg_cert_upper_report upper = upper_of(&data, gauges[i], 3, row, col, mass, 2);
    assert_true(upper.bound == 0.0 && upper.residual == 0.0);
  }
  double q[4] = {1, 0, 0, 1}, f[3] = {5, -2, 7}, g[2] = {1, 1};
  assert_true(lower_of(&data, "trace", q, f, g, 1).bound == 0.0);
}

/* ---- against long double ---- */

enum { N = 9, M = 7, D = 3 };

typedef struct instance {
  double x[N * D], a[N], y[M * D], b[M], q[D * D], f[N], g[M];
  int64_t row[N * M], col[N * M];
  double mass[N * M];
  wg_cert_data data;
} instance;

/* Masses are multiples of 2^-k that sum to one, so marginals are exact. Every fifth x and y row has
 * no mass. */
static void random_plan(wg_rng *rng, instance *t) {
  int64_t left = 1 << 20, cells = 0;
  memset(t->a, 0, sizeof t->a);
  memset(t->b, 0, sizeof t->b);
  for (int64_t i = 0; i < N; i++)
    for (int64_t j = 0; j < M; j++) {
      if (i % 5 == 1 || j % 5 == 2) continue;
      int64_t units = i == N - 1 && j == M - 1 ? left : (int64_t)(wg_rng_bits(rng) % 10000);
      left -= units;
      t->row[cells] = i;
      t->col[cells] = j;
      t->mass[cells++] = ldexp((double)units, -20);
      t->a[i] += ldexp((double)units, -20);
      t->b[j] += ldexp((double)units, -20);
    }
  assert_true(left == 0 && t->a[N - 1] > 0);
}

static int64_t plan_size(void) { return (N - 2) * (M - 1); }

static void random_points(wg_rng *rng, instance *t) {
  double scale = exp(3 * wg_rng_normal(rng)), offset = 10 * wg_rng_normal(rng);
  for (int i = 0; i < N * D; i++) t->x[i] = scale * (offset + wg_rng_normal(rng));
  for (int i = 0; i < M * D; i++) t->y[i] = scale * (offset + wg_rng_normal(rng));
}

static long double cost_of(const instance *t, int64_t i, int64_t j) {
  long double cost = 0;
  for (int k = 0; k < D; k++)
    for (int l = 0; l < D; l++)
      cost += (long double)t->q[k * D + l] * ((long double)t->y[j * D + k] - t->x[i * D + k]) *
              ((long double)t->y[j * D + l] - t->x[i * D + l]);
  return cost;
}

/* Random g, f its transform, then moved a little so that some pairs are violated. */
static void random_potentials(wg_rng *rng, instance *t) {
  for (int j = 0; j < M; j++) t->g[j] = 0.1 * wg_rng_normal(rng) * (double)cost_of(t, 0, j);
  for (int i = 0; i < N; i++) {
    long double least = HUGE_VALL;
    for (int j = 0; j < M; j++) least = fminl(least, cost_of(t, i, j) - t->g[j]);
    t->f[i] = (double)least + (wg_rng_bits(rng) % 3 ? 0 : 0.05 * wg_rng_normal(rng) * t->f[0]);
  }
}

static void random_instance(wg_rng *rng, instance *t) {
  random_plan(rng, t);
  random_points(rng, t);
  t->data = (wg_cert_data){.n = N, .m = M, .d = D, .x = t->x, .a = t->a, .y = t->y, .b = t->b};
}

/* The repaired dual value under the matrix q itself. */
static long double exact_dual(const instance *t) {
  long double sum = 0;
  for (int i = 0; i < N; i++) {
    long double violation = 0;
    for (int j = 0; j < M; j++)
      if (t->b[j] > 0)
        violation = fmaxl(violation, (long double)t->f[i] + t->g[j] - cost_of(t, i, j));
    sum += t->a[i] * (t->f[i] - violation);
  }
  for (int j = 0; j < M; j++) sum += (long double)t->b[j] * t->g[j];
  return fmaxl(sum, 0);
}

/* Q = diag(1, 1/4, 1/16) has an exact factor: the bound is strictly on the right side. */
static void lower_against_long_double(void **state) {
  (void)state;
  wg_rng rng = {1};
  instance t;
  int positive = 0;
  for (int trial = 0; trial < 300; trial++) {
    random_instance(&rng, &t);
    memset(t.q, 0, sizeof t.q);
    for (int k = 0; k < D; k++) t.q[k * (D + 1)] = ldexp(1.0, -2 * k);
    random_potentials(&rng, &t);
    long double exact = exact_dual(&t);
    wg_cert_lower_report report = lower_of(&t.data, "trace", t.q, t.f, t.g, 1);
    assert_true(report.dual_gauge >= 1.0 && report.dual_gauge <= 1.0 + 1e-13);
    assert_true(report.bound <= exact &&
                lower_of(&t.data, "trace", t.q, t.f, t.g, 2).bound <= report.bound);
    if (report.bound == 0.0) continue;
    positive++;
    /* Rounding is relative to the potentials, which can cancel in the sum. */
    long double size = 0;
    for (int i = 0; i < N; i++) size = fmaxl(size, fabs(t.f[i]));
    for (int j = 0; j < M; j++) size = fmaxl(size, fabs(t.g[j]));
    assert_true(report.bound >= exact - 1e-13 * (exact + size));
  }
  assert_true(positive > 100);
}

static void random_q(wg_rng *rng, double *q) {
  double r[D * D];
  for (int i = 0; i < D * D; i++) r[i] = wg_rng_normal(rng);
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) {
      q[i * D + j] = 0;
      for (int k = 0; k < D; k++) q[i * D + j] += r[k * D + i] * r[k * D + j];
    }
}

/* Any Q: divided by its dual gauge, which the bound must find by itself. */
static void lower_for_any_matrix(void **state) {
  (void)state;
  wg_rng rng = {2};
  instance t;
  for (int trial = 0; trial < 300; trial++) {
    random_instance(&rng, &t);
    random_q(&rng, t.q);
    random_potentials(&rng, &t);
    long double trace = fmaxl(1, (long double)t.q[0] + t.q[4] + t.q[8]), size = 0;
    long double exact = exact_dual(&t) / trace;
    for (int i = 0; i < N; i++) size = fmaxl(size, fabs(t.f[i]));
    for (int j = 0; j < M; j++) size = fmaxl(size, fabs(t.g[j]));
    double value = lower_of(&t.data, "operator", t.q, t.f, t.g, 1).bound;
    assert_true(value <= exact + 1e-14 * (exact + size));
    assert_true(value >= exact - 1e-13 * (exact + size));
  }
}

/* |row (y_j - x_i)|^2 for the factor row = sqrt(lambda_1) v_1' of q, as stored in doubles. */
static long double factor_cost(const instance *t, const double *row, int64_t i, int64_t j) {
  long double sum = 0;
  for (int k = 0; k < D; k++)
    sum += (long double)row[k] * ((long double)t->y[j * D + k] - t->x[i * D + k]);
  return sum * sum;
}

static long double exact_factor_dual(const instance *t, const double *row) {
  long double sum = 0;
  for (int i = 0; i < N; i++) {
    long double violation = 0;
    for (int j = 0; j < M; j++)
      if (t->b[j] > 0)
        violation = fmaxl(violation, (long double)t->f[i] + t->g[j] - factor_cost(t, row, i, j));
    sum += t->a[i] * (t->f[i] - violation);
  }
  for (int j = 0; j < M; j++) sum += (long double)t->b[j] * t->g[j];
  return fmaxl(sum, 0);
}

/* Points along the kernel of a rank one Q, a little off: row (y - x) cancels almost wholly, so that
 * the rounding of single pairs (spread 1e-3) and of the screening (spread 1e-10) is large against
 * the costs and must be charged. */
static void cancelling_costs_at(wg_rng *rng, double spread) {
  static instance t;
  double values[D], vectors[D * D], row[D];
  random_instance(rng, &t);
  for (int i = 0; i < N + M; i++) {
    double *point = i < N ? t.x + i * D : t.y + (i - N) * D, along = 1e6 * wg_rng_normal(rng);
    point[0] = along;
    point[1] = spread * wg_rng_normal(rng) - along;
    point[2] = 0.3 * along;
  }
  for (int i = 0; i < D * D; i++) t.q[i] = (i / D < 2 && i % D < 2) / 16.0;
  assert_int_equal(wg_la_eigh(D, t.q, values, vectors), WG_OK);
  for (int k = 0; k < D; k++) row[k] = sqrt(values[0]) * vectors[k];
  for (int i = 0; i < N; i++) {
    long double least = HUGE_VALL;
    for (int j = 0; j < M; j++) least = fminl(least, factor_cost(&t, row, i, j));
    t.f[i] = 1.5 * (double)least;
  }
  memset(t.g, 0, sizeof t.g);
  long double exact = exact_factor_dual(&t, row);
  assert_true(lower_of(&t.data, "trace", t.q, t.f, t.g, 1).bound <= exact * (1 + 1e-12L));
}

static void cancelling_costs(void **state) {
  (void)state;
  wg_rng rng = {8};
  for (int trial = 0; trial < 200; trial++) cancelling_costs_at(&rng, trial % 2 ? 1e-3 : 1e-10);
}

static void exact_moment(const instance *t, long double *moment) {
  memset(moment, 0, D * D * sizeof *moment);
  for (int64_t e = 0; e < plan_size(); e++)
    for (int k = 0; k < D; k++)
      for (int l = 0; l < D; l++)
        moment[k * D + l] += (long double)t->mass[e] *
                             ((long double)t->y[t->col[e] * D + k] - t->x[t->row[e] * D + k]) *
                             ((long double)t->y[t->col[e] * D + l] - t->x[t->row[e] * D + l]);
}

static void upper_against_long_double(void **state) {
  (void)state;
  wg_rng rng = {3};
  instance t;
  for (int trial = 0; trial < 300; trial++) {
    long double moment[D * D], frobenius = 0;
    double computed[D * D];
    random_instance(&rng, &t);
    exact_moment(&t, moment);
    for (int i = 0; i < D * D; i++) frobenius += moment[i] * moment[i];
    wg_cert_upper_report report = upper_of(&t.data, "trace", plan_size(), t.row, t.col, t.mass, 1);
    assert_true(report.residual == 0.0);
    assert_just_above(report.bound, moment[0] + moment[4] + moment[8], 1e-13);
    report = upper_of(&t.data, "frobenius", plan_size(), t.row, t.col, t.mass, 1);
    assert_just_above(report.bound, sqrtl(frobenius), 1e-13);
    report = upper_of(&t.data, "sum:trace@1,trace@2", plan_size(), t.row, t.col, t.mass, 2);
    assert_just_above(report.bound, moment[0] + moment[4] + moment[8], 1e-13);
    report = upper_of(&t.data, "max:trace@1/0.5,trace@2", plan_size(), t.row, t.col, t.mass, 1);
    assert_just_above(report.bound, fmaxl(4 * moment[0], moment[4] + moment[8]), 1e-13);
    wg_gauge_spec spec = bound("operator", D);
    const wg_cert_plan plan = {plan_size(), t.row, t.col, t.mass, NULL};
    assert_int_equal(wg_cert_upper(&context, &t.data, &spec, &plan, 1, computed, &report), WG_OK);
    for (int i = 0; i < D * D; i++)
      assert_true(fabsl(computed[i] - moment[i]) <= 1e-15 * sqrtl(frobenius));
  }
}

/* One column: nothing hides the rounding of a long sum. */
static void many_entries(void **state) {
  (void)state;
  enum { ENTRIES = 50000 };
  static double x[ENTRIES], y[ENTRIES], weights[ENTRIES];
  static int64_t index[ENTRIES];
  wg_rng rng = {9};
  long double exact = 0, total = 0;
  for (int i = 0; i < ENTRIES; i++) {
    index[i] = i;
    x[i] = wg_rng_uniform(&rng);
    y[i] = x[i] + wg_rng_uniform(&rng);
    weights[i] = 1.0 / ENTRIES;
    exact += weights[i] * ((long double)y[i] - x[i]) * ((long double)y[i] - x[i]);
    total += weights[i];
  }
  wg_cert_data data = {
      .n = ENTRIES, .m = ENTRIES, .d = 1, .x = x, .a = weights, .y = y, .b = weights};
  wg_cert_upper_report report = upper_of(&data, "trace", ENTRIES, index, index, weights, 1);
  assert_true(report.residual == 0.0);
  assert_just_above(report.bound, exact / total, 5e-15);
}

/* Marginals that are missed cost the largest displacement; the price is named. */
static void residuals_are_paid(void **state) {
  (void)state;
  double x[2] = {0, 1}, y[2] = {5, 9}, mass[2] = {0.5, 0.49};
  int64_t index[2] = {0, 1};
  wg_cert_data data = {.n = 2, .m = 2, .d = 1, .x = x, .a = half, .y = y, .b = half};
  wg_cert_upper_report report = upper_of(&data, "trace", 2, index, index, mass, 1);
  assert_true(fabs(report.residual - 0.02) < 1e-15 && fabs(report.worst - 0.01) < 1e-15);
  assert_true(report.index == 1 && report.side == 0);
  assert_true(fabs(report.paid - 0.02 * 81) < 1e-13);
  assert_just_above(report.bound, 0.5L * 25 + 0.49L * 64 + 0.02L * 81, 1e-13);
  assert_true(report.bound >= 0.5 * 25 + 0.5 * 64);
  double rates = upper_of(&data, "max:trace@1/0.5", 2, index, index, mass, 1).bound;
  assert_true(fabs(rates - 4 * report.bound) < 1e-12 * rates);
  /* p < 1 pays through the matrix. */
  double x2[4] = {0, 0, 1, 0}, y2[4] = {5, 0, 9, 1};
  wg_cert_data flat = {.n = 2, .m = 2, .d = 2, .x = x2, .a = half, .y = y2, .b = half};
  wg_cert_upper_report root = upper_of(&flat, "schatten:0.5", 2, index, index, mass, 1);
  double full[2] = {0.5, 0.5};
  assert_true(root.bound >= upper_of(&flat, "schatten:0.5", 2, index, index, full, 1).bound);
}

/* Weights whose sums differ a little from one and from each other. */
static void weights_are_normalised(void **state) {
  (void)state;
  double x[2] = {0, 0}, y[2] = {3, 4}, a = 1 + 5e-7, b = 1 - 5e-7, mass = 1, f = 20, g = 5;
  double q[4] = {1, 0, 0, 1};
  int64_t index = 0;
  wg_cert_data data = {.n = 1, .m = 1, .d = 2, .x = x, .a = &a, .y = y, .b = &b};
  assert_just_below(lower_of(&data, "trace", q, &f, &g, 1).bound, 25.0L, 1e-13);
  assert_just_above(upper_of(&data, "trace", 1, &index, &index, &mass, 1).bound, 25.0L, 2e-6);
}

/* For any data whatever the interval is one. */
static void lower_never_passes_upper(void **state) {
  (void)state;
  static const char *gauges[] = {"trace",        "frobenius", "operator",
                                 "schatten:1.2", "kyfan:2",   "sum:operator@2,trace@1",
                                 "schatten:9",   "kyfan:1",   "max:frobenius@2/0.5,trace@1/3"};
  wg_rng rng = {4};
  instance t;
  for (int trial = 0; trial < 400; trial++) {
    const char *gauge = gauges[trial % 9];
    random_instance(&rng, &t);
    random_q(&rng, t.q);
    random_potentials(&rng, &t);
    double lower = lower_of(&t.data, gauge, t.q, t.f, t.g, 1).bound;
    double upper = upper_of(&t.data, gauge, plan_size(), t.row, t.col, t.mass, 1).bound;
    assert_true(lower <= upper);
  }
}

/* ---- a translation: an optimal certificate in closed form ---- */

enum { LARGEST = 400, DIM = 2 };

typedef struct translation {
  double x[LARGEST * DIM], y[LARGEST * DIM], weights[LARGEST], mass[LARGEST], b[LARGEST];
  double f[LARGEST], g[LARGEST], q[DIM * DIM];
  int64_t row[LARGEST], col[LARGEST];
  wg_certificate certificate;
} translation;
static translation moved;

/* y = x + step: W2 = |step|^2 for every spectral gauge with Q = step step' / |step|^2, and f_i +
 * g_j = |step|^2 + 2 <step, x_j - x_i> lies below every cost. unit: spacing of the coordinates, a
 * power of two, which keeps points and potentials exact. */
static void make_translation(int n, double unit, double offset, double step, const char *gauge) {
  wg_rng rng = {5};
  double squares = 2 * step * step;
  memset(&moved, 0, sizeof moved);
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < DIM; k++) {
      double place = unit * (double)(wg_rng_bits(&rng) % (1 << 20));
      moved.x[DIM * i + k] = offset + place;
      moved.y[DIM * i + k] = offset + place + step;
      moved.f[i] -= 2 * step * place;
      moved.g[i] += 2 * step * place;
    }
    moved.f[i] += squares;
    moved.weights[i] = moved.b[i] = moved.mass[i] = 1.0 / n;
    moved.row[i] = moved.col[i] = i;
  }
  for (int i = 0; i < DIM * DIM; i++) moved.q[i] = 0.5;
  moved.certificate = (wg_certificate){.n = n,
                                       .m = n,
                                       .d = DIM,
                                       .count = n,
                                       .x = moved.x,
                                       .a = moved.weights,
                                       .y = moved.y,
                                       .b = moved.b,
                                       .gauge = gauge,
                                       .row = moved.row,
                                       .col = moved.col,
                                       .mass = moved.mass,
                                       .q = moved.q,
                                       .f = moved.f,
                                       .g = moved.g,
                                       .tol = 1e-6};
}

static wg_cert_data data_of(const wg_certificate *c) {
  return (wg_cert_data){
      .n = c->n, .m = c->m, .d = c->d, .x = c->x, .a = c->a, .y = c->y, .b = c->b};
}

/* Claims what follows with margin 2, as a solver does. */
static void claim_bounds(wg_certificate *c) {
  wg_cert_data data = data_of(c);
  wg_gauge_spec spec = bound(c->gauge, c->d), minorant;
  char text[WG_GAUGE_TEXT];
  wg_gauge_minorant(&spec, &minorant);
  wg_gauge_print(&minorant, text);
  c->lower = lower_of(&data, text, c->q, c->f, c->g, 2).bound;
  c->upper = upper_of(&data, c->gauge, c->count, c->row, c->col, c->mass, 2).bound;
}

/* Displacement about 1e-6 of the diameter at offset 1e6: the bounds are relative to W2. */
static void close_clouds_stay_tight(void **state) {
  (void)state;
  static const char *gauges[] = {"operator", "frobenius", "trace"};
  static const int sizes[] = {64, 50, 333};
  double step = ldexp(1, -20);
  for (int k = 0; k < 3; k++) {
    for (int i = 0; i < 3; i++) {
      make_translation(sizes[i], ldexp(1, -20), 1 << 20, step, gauges[k]);
      if (k == 2) memcpy(moved.q, (double[4]){1, 0, 0, 1}, sizeof moved.q);
      claim_bounds(&moved.certificate);
      assert_just_below(moved.certificate.lower, 2.0L * step * step, 1e-12);
      assert_just_above(moved.certificate.upper, 2.0L * step * step, 1e-12);
    }
  }
}

static void large_potentials_that_cancel(void **state) {
  (void)state;
  make_translation(50, 1.0 / 1024, 0, 1, "frobenius");
  for (int i = 0; i < 50; i++) {
    moved.f[i] += 1 << 30;
    moved.g[i] -= 1 << 30;
  }
  claim_bounds(&moved.certificate);
  assert_just_below(moved.certificate.lower, 2.0L, 1e-12);
}

static void assert_same_bits(const void *one, const void *two, size_t size) {
  assert_memory_equal(one, two, size);
}

static void threads_do_not_change_bits(void **state) {
  (void)state;
  wg_rng rng = {6};
  make_translation(LARGEST, 1.0 / 1024, 3, 1, "frobenius");
  for (int i = 0; i < LARGEST; i++) {
    moved.f[i] += 3 * wg_rng_normal(&rng);
    moved.mass[i] *= 1 + 0.1 * wg_rng_normal(&rng);
  }
  wg_cert_data data = data_of(&moved.certificate);
  wg_cert_lower_report lower = lower_of(&data, "frobenius", moved.q, moved.f, moved.g, 1);
  wg_cert_upper_report upper =
      upper_of(&data, "frobenius", LARGEST, moved.row, moved.col, moved.mass, 1);
  assert_true(lower.violation > 0 && upper.residual > 0);
  for (context.threads = 2; context.threads <= 4; context.threads++) {
    wg_cert_lower_report lower2 = lower_of(&data, "frobenius", moved.q, moved.f, moved.g, 1);
    wg_cert_upper_report upper2 =
        upper_of(&data, "frobenius", LARGEST, moved.row, moved.col, moved.mass, 1);
    assert_same_bits(&lower.bound, &lower2.bound, sizeof lower.bound);
    assert_same_bits(&lower.violation, &lower2.violation, sizeof lower.violation);
    assert_int_equal(lower.row, lower2.row);
    assert_int_equal(lower.col, lower2.col);
    assert_same_bits(&upper.bound, &upper2.bound, sizeof upper.bound);
  }
}

/* Sums over many columns run in parallel there; the bits stay. */
static void threads_in_many_columns(void **state) {
  (void)state;
  enum { POINTS = 30, COLUMNS = 90 };
  static double x[POINTS * COLUMNS], y[POINTS * COLUMNS], moments[2][COLUMNS * COLUMNS];
  double weights[POINTS];
  int64_t index[POINTS];
  wg_rng rng = {7};
  for (int i = 0; i < POINTS * COLUMNS; i++) {
    x[i] = wg_rng_normal(&rng);
    y[i] = wg_rng_normal(&rng);
  }
  for (int i = 0; i < POINTS; i++) {
    weights[i] = 1.0 / POINTS;
    index[i] = i;
  }
  wg_cert_data data = {
      .n = POINTS, .m = POINTS, .d = COLUMNS, .x = x, .a = weights, .y = y, .b = weights};
  wg_gauge_spec spec = bound("trace", COLUMNS);
  wg_cert_upper_report report;
  for (int run = 0; run < 2; run++) {
    context.threads = run + 1;
    const wg_cert_plan plan = {POINTS, index, index, weights, NULL};
    assert_int_equal(wg_cert_upper(&context, &data, &spec, &plan, 1, moments[run], &report), WG_OK);
  }
  assert_memory_equal(moments[0], moments[1], sizeof moments[0]);
}

/* ---- claims ---- */

static wg_verdict judged(void) {
  wg_verdict verdict = {.struct_size = sizeof verdict};
  assert_int_equal(wg_cert_verify(&context, &moved.certificate, &verdict), WG_OK);
  assert_true((verdict.valid && !verdict.open) == (verdict.finding[0] == '\0'));
  assert_true(verdict.lower <= verdict.upper);
  return verdict;
}

static void assert_accepted(void) {
  wg_verdict verdict = judged();
  if (!verdict.valid) fail_msg("refused: %s", verdict.finding);
  assert_true(verdict.lower_excess <= 0 && verdict.upper_excess <= 0);
}

static void assert_refused(const char *part) {
  wg_verdict verdict = judged();
  if (verdict.valid || !strstr(verdict.finding, part))
    fail_msg("'%s' does not say '%s'", verdict.finding, part);
  assert_true(verdict.lower_excess > 0 || verdict.upper_excess > 0);
}

/* A fresh claim to tamper with. */
static void fresh_claim(void) {
  make_translation(20, 1.0 / 1024, 3, 1, "frobenius");
  claim_bounds(&moved.certificate);
}

static void true_claims_are_accepted(void **state) {
  (void)state;
  static const char *gauges[] = {"frobenius", "operator", "schatten:3", "kyfan:1", "schatten:1.5"};
  for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
    make_translation(20, 1.0 / 1024, 3, 1, gauges[i]);
    claim_bounds(&moved.certificate);
    assert_true(moved.certificate.upper - moved.certificate.lower < 1e-12);
    assert_accepted();
  }
  fresh_claim();
  moved.certificate.lower = 0;
  moved.certificate.upper = 1e9;
  assert_accepted();
}

static void root_norm_claims(void **state) {
  (void)state;
  make_translation(20, 1.0 / 1024, 3, 1, "schatten:0.75");
  memcpy(moved.q, (double[4]){1, 0, 0, 1}, sizeof moved.q);
  claim_bounds(&moved.certificate);
  assert_just_below(moved.certificate.lower, 2.0L, 1e-12);
  assert_accepted();
}

static void tampered_plan(double relative) {
  fresh_claim();
  moved.mass[3] *= 1 + relative;
  assert_refused("row 3 of the plan sums to 0.05");
  fresh_claim();
  moved.mass[4] *= 1 - relative;
  assert_refused("upper bound: 2.0000000000");
  fresh_claim();
  moved.col[3] = 4;
  moved.col[4] = 3;
  assert_refused("; the displacements of the plan are larger");
  fresh_claim();
  moved.certificate.count--;
  assert_refused("row 19 of the plan sums to 0, its weight is 0.05");
}

static void tampered_q(double relative) {
  fresh_claim();
  for (int i = 0; i < 4; i++) moved.q[i] *= 1 + relative;
  assert_refused("Q is outside the dual ball: gamma°(Q) = 1.0");
  fresh_claim();
  for (int i = 0; i < 4; i++) moved.q[i] *= 1 - relative;
  assert_refused("the potentials exceed the cost of pair (");
  fresh_claim();
  moved.q[0] += relative;
  assert_refused("lower bound: ");
}

static void tampered_potentials(double relative) {
  fresh_claim();
  moved.f[7] -= relative;
  assert_refused("the potentials sum to no more");
  fresh_claim();
  moved.g[7] -= relative;
  assert_refused("lower bound: 1.9999999999");
  /* Raising f_7 makes (7, 7) infeasible, but f_7 is lowered again: the claim still follows up to
   * rounding, so it is refused only if the potentials of others are raised to hide it. */
  fresh_claim();
  for (int i = 0; i < 20; i++) moved.f[i] += relative;
  moved.certificate.lower += relative;
  assert_refused("the potentials exceed the cost of pair (");
}

static void tampered_points(double relative) {
  fresh_claim();
  moved.x[4] -= relative;
  assert_refused("upper bound: ");
  fresh_claim();
  moved.x[4] += relative;
  assert_refused("the potentials exceed the cost of pair (2, 2)");
  fresh_claim();
  moved.y[9] += relative;
  assert_refused("the displacements of the plan are larger");
}

static void tampered_weights(double relative) {
  fresh_claim();
  moved.weights[0] -= relative * 0.05;
  moved.weights[1] += relative * 0.05;
  assert_refused(" of the plan sums to 0.05, its weight is 0.0");
  fresh_claim();
  moved.b[5] -= relative * 0.05;
  moved.b[9] += relative * 0.05;
  assert_refused("column ");
}

static void tampered_bounds(double relative) {
  fresh_claim();
  moved.certificate.lower *= 1 + relative;
  assert_refused("lower bound: 2.00");
  fresh_claim();
  moved.certificate.upper *= 1 - relative;
  assert_refused("upper bound: 1.99");
  fresh_claim();
  moved.certificate.lower = 4.5;
  moved.certificate.upper = 1;
  assert_refused("lower bound: 4.5 is claimed, only 1.99999999");
  assert_refused("; upper bound: 1 is claimed, only 2.00000000");
}

static void tampering_is_refused(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    double relative = i ? 1e-7 : 1e-3;
    tampered_plan(relative);
    tampered_q(relative);
    tampered_potentials(relative);
    tampered_points(relative);
    tampered_weights(relative);
    tampered_bounds(relative);
  }
}

/* Zero potentials with mass nowhere: rows and columns without weight ask for nothing. */
static void points_without_mass_do_not_count(void **state) {
  (void)state;
  fresh_claim();
  moved.weights[0] += moved.weights[6];
  moved.weights[6] = 0;
  moved.b[0] += moved.b[6];
  moved.b[6] = 0;
  moved.mass[0] += moved.mass[6];
  moved.mass[6] = 0;
  moved.f[6] = moved.g[6] = 1e6;
  moved.x[12] = 1e9;
  assert_accepted();
}

static void assert_unusable(const char *part) {
  wg_verdict verdict = {0};
  wg_clear_error();
  assert_int_equal(wg_cert_verify(&context, &moved.certificate, &verdict), WG_ERR_INPUT);
  if (!strstr(wg_error_detail(), part)) fail_msg("'%s' does not say '%s'", wg_error_detail(), part);
  assert_true(context.ledger.now == 0);
}

static void one_unusable(double *where, double value, const char *part) {
  double kept = *where;
  *where = value;
  assert_unusable(part);
  *where = kept;
}

static void unusable_data(void **state) {
  (void)state;
  fresh_claim();
  one_unusable(&moved.x[5], NAN, "x[2, 1]");
  one_unusable(&moved.y[5], INFINITY, "y[2, 1]");
  one_unusable(&moved.weights[3], -0.1, "a[3]");
  one_unusable(&moved.weights[3], 0.1, "a sums to");
  one_unusable(&moved.b[3], NAN, "b[3]");
  one_unusable(&moved.q[2], NAN, "Q[2]");
  one_unusable(&moved.f[4], INFINITY, "f[4]");
  one_unusable(&moved.g[4], NAN, "g[4]");
  one_unusable(&moved.g[4], 1e308, "g[4]");
  one_unusable(&moved.mass[4], -1e-9, "plan entry 4: mass");
  one_unusable(&moved.mass[4], NAN, "plan entry 4: mass");
  one_unusable(&moved.mass[4], 1e308, "rescale");
  one_unusable(&moved.certificate.lower, NAN, "lower");
  one_unusable(&moved.certificate.upper, INFINITY, "upper");
  one_unusable(&moved.certificate.tol, NAN, "tol");
  one_unusable(&moved.x[5], 1e160, "rescale");
  one_unusable(&moved.x[5], 1e308, "rescale");
}

static void unusable_structure(void **state) {
  (void)state;
  fresh_claim();
  moved.row[2] = 20;
  assert_unusable("plan entry 2: row 20 is outside 0..19");
  fresh_claim();
  moved.col[2] = -1;
  assert_unusable("plan entry 2: column -1 is outside 0..19");
  fresh_claim();
  moved.certificate.gauge = "schaten:2";
  assert_unusable("gauge 'schaten:2' is unknown");
  moved.certificate.gauge = "kyfan:9";
  assert_unusable("kyfan:9");
  fresh_claim();
  moved.certificate.n = 0;
  assert_unusable("n = 0");
  fresh_claim();
  moved.certificate.count = -1;
  assert_unusable("-1 plan entries");
  fresh_claim();
  moved.certificate.f = NULL;
  assert_unusable("incomplete");
}

/* Nothing that is claimed follows from nothing. */
static void empty_evidence(void **state) {
  (void)state;
  fresh_claim();
  memset(moved.q, 0, sizeof moved.q);
  assert_refused("lower bound: ");
  fresh_claim();
  moved.certificate.count = 0;
  assert_refused("upper bound: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(two_atoms),
      TEST(single_points),
      TEST(nothing_moves),
      TEST(lower_against_long_double),
      TEST(lower_for_any_matrix),
      TEST(cancelling_costs),
      TEST(upper_against_long_double),
      TEST(many_entries),
      TEST(residuals_are_paid),
      TEST(totals_may_differ),
      TEST(second_halves_count),
      TEST(tight_pairs_far_apart_cost_nothing),
      TEST(weights_are_normalised),
      TEST(lower_never_passes_upper),
      TEST(close_clouds_stay_tight),
      TEST(large_potentials_that_cancel),
      TEST(threads_do_not_change_bits),
      TEST(threads_in_many_columns),
      TEST(true_claims_are_accepted),
      TEST(root_norm_claims),
      TEST(tampering_is_refused),
      TEST(points_without_mass_do_not_count),
      TEST(unusable_data),
      TEST(unusable_structure),
      TEST(empty_evidence),
  };
  return cmocka_run_group_tests_name("certify", tests, NULL, NULL);
}
