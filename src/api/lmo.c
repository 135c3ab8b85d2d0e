/* Descent directions through the public door: checks of arguments, defaults, reports. float and
 * double go through one road, on which a matrix is a view of its rows (lmo/lmo.h). */
#include <float.h>
#include <limits.h>
#include <string.h>

#include "api/api.h"
#include "api/lmo.h"

static wg_rows rows_of(const wg_matrix *given, const void *data, const double *weights) {
  return (wg_rows){.data = (void *)data,
                   .single = given->single,
                   .count = given->n,
                   .width = given->d,
                   .row_step = given->d,
                   .column_step = 1,
                   .weights = weights};
}

/* ---- checks ---- */

int wg_matrix_check(const wg_matrix *given, const char *out) {
  if (given->n < 1 || given->d < 1)
    return wg_fail(WG_ERR_ARGUMENT, "g has shape (%lld, %lld); both must be at least 1",
                   (long long)given->n, (long long)given->d);
  if (!given->g || !given->out) return wg_fail(WG_ERR_ARGUMENT, "g and %s must be given", out);
  int64_t count, shorter = WG_MIN(given->n, given->d);
  if (shorter > INT_MAX / 16 || __builtin_mul_overflow(given->n, given->d, &count) ||
      count > INT64_MAX / 64)
    return wg_fail(WG_ERR_ARGUMENT, "g has shape (%lld, %lld), more than can be worked on",
                   (long long)given->n, (long long)given->d);
  return WG_OK;
}

static int check_weights(int64_t n, const double *weights) {
  wg_sum sum = {0, 0};
  for (int64_t i = 0; weights && i < n; i++) {
    if (!isfinite(weights[i]) || weights[i] < 0)
      return wg_fail(WG_ERR_INPUT, "weights[%lld] = %g is not a finite number >= 0", (long long)i,
                     weights[i]);
    wg_sum_add(&sum, weights[i]);
  }
  if (!weights || fabs(wg_sum_value(sum) - 1.0) <= 1e-6) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "the weights sum to %.9g, not to one within 1e-6; divide them by it",
                 wg_sum_value(sum));
}

/* NaN included: a tolerance is a number in [0, 1). */
static int check_tolerance(const char *name, double tolerance) {
  if (tolerance >= 0.0 && tolerance < 1.0) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT, "settings.%s = %g is not in [0, 1)", name, tolerance);
}

static int check_size(size_t given, size_t known, const char *what) {
  if (given == known) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT, "%s.struct_size is %zu, not %zu; call wg_%s_init first", what,
                 given, known, what);
}

/* ---- the oracle ---- */

void wg_lmo_settings_init(wg_lmo_settings *settings) {
  *settings = (wg_lmo_settings){.struct_size = sizeof *settings};
}

static int read_lmo_settings(const wg_lmo_settings *s, const wg_matrix *given,
                             wg_lmo_options *options) {
  WG_TRY(check_size(s->struct_size, sizeof *s, "lmo_settings"));
  WG_TRY(check_tolerance("rank_tol", s->rank_tol));
  WG_TRY(check_tolerance("tie_tol", s->tie_tol));
  WG_TRY(check_tolerance("accuracy", s->accuracy));
  if (s->threads < 0 || s->passes < 0)
    return wg_fail(WG_ERR_ARGUMENT, "settings.threads = %d and settings.passes = %d must be >= 0",
                   s->threads, s->passes);
  double rank_tol = given->single ? (double)FLT_EPSILON * (double)WG_MIN(given->n, given->d)
                                  : DBL_EPSILON * (double)WG_MAX(given->n, given->d);
  *options = (wg_lmo_options){.threads = wg_thread_count(s->threads),
                              .rank_tol = s->rank_tol > 0.0 ? s->rank_tol : WG_MIN(rank_tol, 0.5),
                              .tie_tol = s->tie_tol > 0.0 ? s->tie_tol
                                         : given->single  ? 1e-6
                                                          : 1e-12,
                              .accuracy = s->accuracy > 0.0 ? s->accuracy
                                          : given->single   ? 4e-6
                                                            : 1e-10,
                              .passes = s->passes};
  return WG_OK;
}

/* Relative errors of what was written, by lmo/check.c, and whether they are those of a direction.
 * For all but a direction written over G the product is of what was written. */
static void fill_check(const wg_lmo_verdict *seen, bool in_place, double tolerance,
                       wg_lmo_report *report) {
  const double dual = ldexp(seen->dual, seen->exponent);
  const double norm = seen->norm / seen->dual, product = seen->product / seen->dual / seen->dual;
  if (seen->dual == 0.0) { /* G = 0: only V = 0 will do */
    report->norm_error = report->dual_error = seen->norm == 0.0 ? 0.0 : INFINITY;
  } else {
    report->norm_error = fabs(norm - 1.0);
    report->dual_error = report->dual_norm == dual ? 0.0 : fabs(report->dual_norm / dual - 1.0);
    if (!in_place) report->identity_error = fabs(product + 1.0);
  }
  /* NaN is no pass. */
  report->passed = report->norm_error <= tolerance && report->dual_error <= tolerance &&
                   report->identity_error <= 2.0 * tolerance;
}

static void fill_lmo_report(const wg_lmo_answer *answer, wg_lmo_report *report) {
  double square = answer->norm * answer->norm;
  bool zero = answer->norm == 0.0;
  *report = (wg_lmo_report){.struct_size = sizeof *report,
                            .dual_norm = ldexp(answer->norm, answer->exponent),
                            .identity_error = zero ? 0.0 : fabs(answer->product + square) / square,
                            .norm_error = NAN,
                            .rank = answer->rank,
                            .condition = answer->condition,
                            .passes = answer->passes,
                            .estimate = answer->estimate,
                            .dual_error = NAN,
                            .passed = -1};
}

typedef struct lmo_task {
  wg_gauge_spec *spec;
  wg_lmo_options options;
  wg_rows g, out;
  bool check;
} lmo_task;

static int read_task(wg_mem *mem, const char *gauge, const wg_matrix *given, const double *weights,
                     const wg_lmo_settings *settings, lmo_task *t) {
  wg_lmo_settings defaults;
  wg_lmo_settings_init(&defaults);
  if (!settings) settings = &defaults;
  if (!gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  WG_TRY(wg_matrix_check(given, "v"));
  WG_TRY(read_lmo_settings(settings, given, &t->options));
  WG_TRY(check_weights(given->n, weights));
  if (!(t->spec = WG_NEW(mem, wg_gauge_spec, 1))) return wg_no_memory();
  WG_TRY(wg_gauge_parse(gauge, t->spec));
  WG_TRY(wg_gauge_bind(t->spec, given->d));
  t->g = rows_of(given, given->g, weights);
  t->out = rows_of(given, given->out, weights);
  t->check = settings->check != 0;
  return WG_OK;
}

/* Both roads agree to some ten times what was asked for, or what the passes allowed. */
static double check_tolerance_of(const lmo_task *t, double estimate) {
  const double many = 16.0;
  return many * WG_MAX(t->options.accuracy, estimate);
}

static int solve_lmo(wg_mem *mem, const char *gauge, const wg_matrix *given, const double *weights,
                     const wg_lmo_settings *settings, wg_lmo_report *report) {
  lmo_task t;
  wg_lmo_answer answer;
  wg_lmo_values values = {0};
  wg_lmo_verdict seen;
  const bool in_place = given->g == given->out;
  WG_TRY(read_task(mem, gauge, given, weights, settings, &t));
  if (t.check) WG_TRY(wg_lmo_check_begin(t.spec, &t.g, &t.options, mem, &values));
  WG_TRY(wg_lmo_solve(t.spec, &t.g, &t.options, &t.out, mem, &answer));
  fill_lmo_report(&answer, report);
  if (!t.check) return WG_OK;
  WG_TRY(wg_lmo_check_end(t.spec, &values, in_place ? NULL : &t.g, &t.out, &t.options, mem, &seen));
  fill_check(&seen, in_place, check_tolerance_of(&t, answer.estimate), report);
  return WG_OK;
}

/* given->out is the direction to be judged. */
static int judge_lmo(wg_mem *mem, const char *gauge, const wg_matrix *given, const double *weights,
                     const wg_lmo_settings *settings, wg_lmo_report *report) {
  lmo_task t;
  wg_lmo_values values = {0};
  wg_lmo_verdict seen;
  WG_TRY(read_task(mem, gauge, given, weights, settings, &t));
  WG_TRY(wg_lmo_check_begin(t.spec, &t.g, &t.options, mem, &values));
  WG_TRY(wg_lmo_check_end(t.spec, &values, &t.g, &t.out, &t.options, mem, &seen));
  *report = (wg_lmo_report){.struct_size = sizeof *report,
                            .dual_norm = ldexp(seen.dual, seen.exponent),
                            .condition = NAN,
                            .estimate = NAN};
  for (int64_t b = 0; b < t.spec->block_count; b++) report->rank += values.rank[b];
  fill_check(&seen, false, check_tolerance_of(&t, 0.0), report);
  return WG_OK;
}

typedef int lmo_work(wg_mem *mem, const char *gauge, const wg_matrix *given, const double *weights,
                     const wg_lmo_settings *settings, wg_lmo_report *report);

static int run_lmo(lmo_work *work, const char *gauge, const wg_matrix *given, const double *weights,
                   const wg_lmo_settings *settings, wg_lmo_report *report) {
  wg_clear_error();
  double start = wg_now();
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_lmo_report found;
  int status = work(&mem, gauge, given, weights, settings, &found);
  if (status == WG_OK && report) {
    found.seconds = wg_now() - start;
    found.peak_bytes = (int64_t)ledger.peak;
    *report = found;
  }
  wg_mem_clear(&mem);
  return status;
}

int wg_lmo(const char *gauge, int64_t n, int64_t d, const double *g, const double *weights,
           const wg_lmo_settings *settings, double *v, wg_lmo_report *report) {
  return run_lmo(solve_lmo, gauge, &(wg_matrix){n, d, false, g, v}, weights, settings, report);
}

int wg_lmo_f32(const char *gauge, int64_t n, int64_t d, const float *g, const double *weights,
               const wg_lmo_settings *settings, float *v, wg_lmo_report *report) {
  return run_lmo(solve_lmo, gauge, &(wg_matrix){n, d, true, g, v}, weights, settings, report);
}

/* wg_matrix writes through `out`; here nothing is written. */
int wg_lmo_check(const char *gauge, int64_t n, int64_t d, const double *g, const double *v,
                 const double *weights, const wg_lmo_settings *settings, wg_lmo_report *report) {
  return run_lmo(judge_lmo, gauge, &(wg_matrix){n, d, false, g, (double *)v}, weights, settings,
                 report);
}

int wg_lmo_check_f32(const char *gauge, int64_t n, int64_t d, const float *g, const float *v,
                     const double *weights, const wg_lmo_settings *settings,
                     wg_lmo_report *report) {
  return run_lmo(judge_lmo, gauge, &(wg_matrix){n, d, true, g, (float *)v}, weights, settings,
                 report);
}

/* ---- the polar factor ---- */

void wg_polar_settings_init(wg_polar_settings *settings) {
  *settings = (wg_polar_settings){.struct_size = sizeof *settings, .degree = 5, .gram = -1};
}

int wg_polar_check(const wg_polar_settings *s) {
  WG_TRY(check_size(s->struct_size, sizeof *s, "polar_settings"));
  WG_TRY(check_tolerance("rank_tol", s->rank_tol));
  WG_TRY(check_tolerance("tol", s->tol));
  WG_TRY(check_tolerance("lower", s->lower));
  if (s->method < WG_POLAR_AUTO || s->method > WG_POLAR_EXPRESS)
    return wg_fail(WG_ERR_ARGUMENT, "settings.method = %d is none", s->method);
  if (s->degree < 3 || s->degree > 2 * WG_MOST_TERMS - 1 || s->degree % 2 == 0)
    return wg_fail(WG_ERR_ARGUMENT, "settings.degree = %d is not odd from 3 to %d", s->degree,
                   2 * WG_MOST_TERMS - 1);
  if (s->threads < 0 || s->steps < 0)
    return wg_fail(WG_ERR_ARGUMENT, "settings.threads = %d and settings.steps = %d must be >= 0",
                   s->threads, s->steps);
  return WG_OK;
}

static int choose_method(const wg_polar_settings *s, const wg_matrix *given, bool is_long) {
  const int64_t small = 256;
  if (s->method != WG_POLAR_AUTO) return s->method;
  bool polynomial = s->tol > 0.0 && !is_long && WG_MIN(given->n, given->d) <= small;
  return polynomial ? WG_POLAR_EXPRESS : WG_POLAR_EXACT;
}

wg_polynomial_plan wg_polar_plan(const wg_polar_settings *s, const wg_matrix *given, int method,
                                 bool is_long) {
  static const int usual[] = {[WG_POLAR_MUON] = 5, [WG_POLAR_NEWTON] = 20, [WG_POLAR_EXPRESS] = 8};
  const int most = 60;
  double unit = given->single ? (double)FLT_EPSILON : DBL_EPSILON;
  /* Below this, directions of rounding noise would be lifted to one. */
  double least = WG_MIN(WG_MAX(10.0 * (double)WG_MAX(given->n, given->d) * unit, 1e-3), 0.5);
  return (wg_polynomial_plan){.method = method,
                              .terms = (s->degree + 1) / 2,
                              .steps = s->steps       ? s->steps
                                       : s->tol > 0.0 ? most
                                                      : usual[method],
                              .tol = s->tol,
                              .lower = s->lower > 0.0 ? s->lower
                                       : s->tol > 0.0 ? least
                                                      : 1e-3,
                              .gram = s->gram < 0 ? is_long : s->gram != 0};
}

static int solve_exact(wg_mem *mem, const wg_matrix *given, const wg_polar_settings *settings,
                       wg_polar_report *report) {
  wg_lmo_settings as_lmo;
  wg_lmo_options options;
  wg_lmo_answer answer;
  wg_lmo_settings_init(&as_lmo);
  as_lmo.threads = settings->threads;
  as_lmo.rank_tol = settings->rank_tol;
  WG_TRY(read_lmo_settings(&as_lmo, given, &options));
  wg_rows g = rows_of(given, given->g, NULL), out = rows_of(given, given->out, NULL);
  WG_TRY(wg_polar_exact(&g, &options, &out, mem, &answer));
  report->rank = answer.rank;
  report->condition = answer.condition;
  report->estimate = answer.estimate;
  report->passes = answer.passes;
  return WG_OK;
}

static int solve_polynomial(wg_mem *mem, const wg_matrix *given, const wg_polynomial_plan *plan,
                            wg_polar_report *report) {
  wg_rows g = rows_of(given, given->g, NULL), out = rows_of(given, given->out, NULL);
  wg_rows tall = given->n >= given->d ? g : wg_rows_transposed(&g);
  wg_rows to = given->n >= given->d ? out : wg_rows_transposed(&out);
  report->gram = plan->gram;
  report->rank = WG_MIN(given->n, given->d);
  int (*run)(const wg_rows *, const wg_polynomial_plan *, const wg_rows *, wg_mem *, int *,
             double *) = given->single ? wg_polynomial_float : wg_polynomial_double;
  int status = run(&tall, plan, &to, mem, &report->steps, &report->estimate);
  return status == WG_ERR_INPUT ? wg_rows_refuse(&g, "g") : status;
}

int wg_polar_solve(wg_mem *mem, const wg_matrix *given, const wg_polar_settings *settings,
                   wg_polar_report *report) {
  double aspect = (double)WG_MAX(given->n, given->d) / (double)WG_MIN(given->n, given->d);
  bool is_long = aspect >= 1.5;
  wg_isometry found = {NAN, NAN, NAN};
  report->method = choose_method(settings, given, is_long);
  if (report->method == WG_POLAR_EXACT) {
    WG_TRY(solve_exact(mem, given, settings, report));
  } else {
    wg_polynomial_plan plan = wg_polar_plan(settings, given, report->method, is_long);
    WG_TRY(solve_polynomial(mem, given, &plan, report));
  }
  wg_rows out = rows_of(given, given->out, NULL);
  if (settings->check)
    WG_TRY(wg_isometry_check(&out, report->rank, wg_thread_count(settings->threads), mem, &found));
  report->sigma_min = found.least;
  report->sigma_max = found.largest;
  report->orthogonality = found.error;
  return WG_OK;
}

static int run_polar(const wg_matrix *given, const wg_polar_settings *settings,
                     wg_polar_report *report) {
  wg_clear_error();
  double start = wg_now();
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_polar_settings defaults;
  wg_polar_settings_init(&defaults);
  if (!settings) settings = &defaults;
  wg_polar_report found = {.struct_size = sizeof found, .condition = NAN};
  int status = wg_matrix_check(given, "u");
  if (status == WG_OK) status = wg_polar_check(settings);
  if (status == WG_OK) status = wg_polar_solve(&mem, given, settings, &found);
  found.seconds = wg_now() - start;
  found.peak_bytes = (int64_t)ledger.peak;
  if (status == WG_OK && report) *report = found;
  wg_mem_clear(&mem);
  return status;
}

int wg_polar(int64_t n, int64_t d, const double *g, const wg_polar_settings *settings, double *u,
             wg_polar_report *report) {
  return run_polar(&(wg_matrix){n, d, false, g, u}, settings, report);
}

int wg_polar_f32(int64_t n, int64_t d, const float *g, const wg_polar_settings *settings, float *u,
                 wg_polar_report *report) {
  return run_polar(&(wg_matrix){n, d, true, g, u}, settings, report);
}

int wg_polar_polynomial(int degree, double lower, double upper, double *coefficients,
                        double *error) {
  wg_clear_error();
  if (degree < 1 || degree > 2 * WG_MOST_TERMS - 1 || degree % 2 == 0)
    return wg_fail(WG_ERR_ARGUMENT, "degree = %d is not odd from 1 to %d", degree,
                   2 * WG_MOST_TERMS - 1);
  if (!(lower > 0.0 && lower <= upper && isfinite(upper)) || !coefficients || !error)
    return wg_fail(WG_ERR_ARGUMENT, "0 < lower <= upper is needed, and room for the results");
  wg_remez_odd((degree + 1) / 2, lower, upper, coefficients, error);
  return WG_OK;
}
