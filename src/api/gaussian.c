/* Gaussians through the public door: checks arguments, solves, and lets certify/ have the last
 * word.
 *
 * The solver works with the symmetric roots that measure/ makes; certify/ makes its own from the
 * data. The outcome is judged by the derived bounds alone. Cost: src/gaussian, and O(d^3). */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "gaussian/gaussian.h"

static const double default_tol = 1e-10, map_tolerance = 1e-9, q_rank_tolerance = 1e-6;
enum { LARGEST_DIMENSION = 4000 };

typedef struct task {
  wg_context context;
  wg_mem mem;
  wg_settings settings;
  wg_cert_normal data;
  wg_gauge_spec spec;
  wg_normal_pair pair;
  wg_gauss_answer answer;
  double *k, *map, *room; /* d x d each, in the scale of pair; room: 2 d x d and d */
} task;

static int check_arguments(const wg_cert_normal *data, const char *gauge) {
  if (!data->mean0 || !data->cov0 || !data->mean1 || !data->cov1)
    return wg_fail(WG_ERR_ARGUMENT, "means and covariances must not be NULL");
  if (data->d < 1 || data->d > LARGEST_DIMENSION)
    return wg_fail(WG_ERR_INPUT, "d = %lld is outside 1..%d", (long long)data->d,
                   LARGEST_DIMENSION);
  if (!gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  return WG_OK;
}

static int bind_gauge(const char *gauge, int64_t d, wg_gauge_spec *spec) {
  WG_TRY(wg_gauge_parse(gauge, spec));
  return wg_gauge_bind(spec, d);
}

int wg_gaussian_check(const wg_cert_normal *data, const char *gauge, wg_gauge_spec *spec) {
  WG_TRY(check_arguments(data, gauge));
  return bind_gauge(gauge, data->d, spec);
}

/* ---- solving ---- */

static int allocate(task *t) {
  const int64_t square = t->data.d * t->data.d;
  t->answer.contraction = WG_NEW(&t->mem, double, square);
  t->answer.q = WG_NEW(&t->mem, double, square);
  t->k = WG_NEW(&t->mem, double, square);
  t->map = WG_NEW(&t->mem, double, square);
  t->room = WG_NEW(&t->mem, double, 2 * square + t->data.d);
  return t->answer.contraction && t->answer.q && t->k && t->map && t->room ? WG_OK : wg_no_memory();
}

/* Briefly: the closed form is not looked for first, which saves a small problem a fifth. */
static int search(task *t, bool briefly) {
  const double below = 0.2; /* aim under the tolerance: certify/ adds rounding to the gap */
  const double tol = below * t->settings.tol;
  wg_gauge_spec searched = t->spec;
  wg_gauge_flatten(&searched, tol);
  const wg_gauss_problem problem = {.d = t->data.d,
                                    .n = t->data.d,
                                    .f0 = t->pair.root0.root.high,
                                    .f1 = t->pair.root1.root.high,
                                    .low0 = t->pair.root0.root.low,
                                    .low1 = t->pair.root1.root.low,
                                    .delta = t->pair.delta.high,
                                    .spec = &searched};
  if (briefly && wg_gauss_small(&problem, tol, &t->answer)) return WG_OK;
  return wg_gauss_solve(&t->context, &problem, tol, t->settings.seed, &t->answer);
}

static int certify(task *t, wg_gaussian_info *info) {
  const double margin = 2.0; /* room for another machine's rounding */
  wg_cert_normal_report report = {0};
  WG_TRY(wg_cert_normal_bounds(&t->mem, &t->data, &t->spec, t->answer.contraction, t->answer.q,
                               margin, NULL, &report));
  info->lower = WG_MIN(report.lower, report.upper);
  info->upper = report.upper;
  info->w2 = WG_MIN(WG_MAX(report.value, info->lower), info->upper);
  info->gap = info->upper > 0 ? (info->upper - info->lower) / info->upper : 0.0;
  info->w = sqrt(info->upper);
  return WG_OK;
}

/* A gauge that is not convex is never certified, unless its bounds meet by themselves. */
static int judge(const task *t, const wg_gaussian_info *info) {
  if (info->gap <= t->settings.tol) return WG_CERTIFIED;
  if (!wg_gauge_is_convex(&t->spec)) return WG_LOCAL;
  return t->answer.outcome == WG_CERTIFIED ? WG_GAP_OPEN : t->answer.outcome;
}

/* out = R0^+, of the symmetric root with that rank. */
static int invert_root(const task *t, double *values, double *vectors, double *out) {
  const int64_t d = t->data.d;
  WG_TRY(wg_la_eigh(d, t->pair.root0.root.high, values, vectors));
  memset(out, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t k = 0; k < t->pair.root0.rank; k++)
    for (int64_t i = 0; i < d; i++)
      for (int64_t j = 0; j < d; j++)
        out[i * d + j] += vectors[k * d + i] * vectors[k * d + j] / values[k];
  return WG_OK;
}

/* K = R0 C R1 and B = K' S0^+ = R1 C' R0^+. It is a map when B takes N0 to N1: B S0 B' = S1. */
static int describe(task *t, wg_gaussian_info *info) {
  const int64_t d = t->data.d, square = d * d;
  double *half = t->room, *other = half + square, *values = other + square, miss = 0.0, size = 0.0;
  const double *r0 = t->pair.root0.root.high, *r1 = t->pair.root1.root.high,
               *c = t->answer.contraction;
  wg_la_gemm(false, true, d, d, d, 1.0, r1, d, c, d, 0.0, half, d);
  wg_la_gemm(false, false, d, d, d, 1.0, half, d, r0, d, 0.0, other, d);
  for (int64_t i = 0; i < square; i++) t->k[i] = other[(i % d) * d + i / d];
  WG_TRY(invert_root(t, values, other, t->map));
  memcpy(other, t->map, (size_t)square * sizeof(double));
  wg_la_gemm(false, false, d, d, d, 1.0, half, d, other, d, 0.0, t->map, d);
  wg_la_gemm(false, false, d, d, d, 1.0, t->map, d, r0, d, 0.0, half, d);
  wg_la_gemm(false, true, d, d, d, 1.0, half, d, half, d, 0.0, other, d);
  wg_la_gemm(false, true, d, d, d, 1.0, r1, d, r1, d, 0.0, half, d);
  for (int64_t i = 0; i < square; i++) {
    miss = WG_MAX(miss, fabs(other[i] - half[i]));
    size = WG_MAX(size, fabs(half[i]));
  }
  info->is_map = miss <= map_tolerance * size;
  WG_TRY(wg_la_eigh(d, t->answer.q, values, half));
  for (int64_t i = 0; i < d; i++) info->q_rank += values[i] > q_rank_tolerance * values[0];
  return WG_OK;
}

/* Bounds and outcome. */
static int solve(task *t, bool briefly, wg_gaussian_info *info) {
  WG_TRY(wg_measure_normal_pair(&t->mem, t->data.d, t->data.mean0, t->data.cov0, t->data.mean1,
                                t->data.cov1, &t->pair));
  WG_TRY(search(t, briefly));
  WG_TRY(certify(t, info));
  info->outcome = judge(t, info);
  return WG_OK;
}

static int run(task *t, wg_gaussian_info *info) {
  WG_TRY(allocate(t));
  WG_TRY(solve(t, false, info));
  WG_TRY(describe(t, info));
  info->steps = t->answer.steps;
  info->closed_form = t->answer.closed;
  info->rank0 = t->pair.root0.rank;
  info->rank1 = t->pair.root1.rank;
  return WG_OK;
}

int wg_gaussian_bounds(const wg_context *context, const wg_settings *settings,
                       const wg_cert_normal *data, const wg_gauge_spec *spec,
                       wg_gaussian_info *info) {
  const int64_t square = data->d * data->d;
  task t = {.context = *context, .settings = *settings, .data = *data, .spec = *spec};
  t.mem = wg_mem_of(&t.context.ledger);
  t.answer.contraction = WG_NEW(&t.mem, double, square);
  t.answer.q = WG_NEW(&t.mem, double, square);
  int status = t.answer.contraction && t.answer.q ? WG_OK : wg_no_memory();
  if (status == WG_OK) status = solve(&t, true, info);
  info->peak_bytes = (int64_t)t.context.ledger.peak;
  wg_mem_clear(&t.mem);
  return status;
}

static void copy_out(int64_t count, const double *from, int exponent, double *to) {
  for (int64_t i = 0; to && i < count; i++) to[i] = ldexp(from[i], exponent);
}

int wg_gaussian(int64_t d, const double *mean0, const double *cov0, const double *mean1,
                const double *cov1, const char *gauge, const wg_settings *settings,
                wg_gaussian_info *info, double *contraction, double *k, double *q, double *map) {
  wg_settings defaults;
  wg_gaussian_info found = {.struct_size = sizeof found};
  const wg_cert_normal data = {d, mean0, cov0, mean1, cov1};
  wg_clear_error();
  wg_settings_init(&defaults);
  defaults.tol = default_tol;
  if (!settings) settings = &defaults;
  WG_TRY(wg_check_settings(settings));
  WG_TRY(check_arguments(&data, gauge));
  wg_ledger ledger = {.limit = (size_t)settings->memory_limit};
  wg_mem own = wg_mem_of(&ledger);
  task *t = WG_NEW(&own, task, 1);
  if (!t) return wg_no_memory();
  *t = (task){.settings = *settings, .data = data};
  t->context.ledger.limit = ledger.limit;
  t->mem = wg_mem_of(&t->context.ledger);
  t->context.threads = wg_thread_count(settings->threads);
  wg_watch_start(&t->context.watch, settings->time_limit, settings->progress,
                 settings->progress_data);
  int status = bind_gauge(gauge, d, &t->spec);
  if (status == WG_OK) status = run(t, &found);
  if (status == WG_OK) {
    copy_out(d * d, t->answer.contraction, 0, contraction);
    copy_out(d * d, t->k, 2 * t->pair.exponent, k);
    copy_out(d * d, t->answer.q, 0, q);
    copy_out(d * d, t->map, 0, map);
    found.seconds = wg_now() - t->context.watch.start;
    found.peak_bytes = (int64_t)(t->context.ledger.peak + ledger.peak);
    if (info) *info = found;
    status = found.outcome;
  }
  wg_mem_clear(&t->mem);
  wg_mem_clear(&own);
  return status;
}

/* ---- certificates ---- */

static void judge_claim(const wg_cert_normal_report *report, double lower, double upper,
                        wg_verdict *verdict) {
  *verdict = (wg_verdict){.struct_size = sizeof *verdict,
                          .lower = WG_MIN(report->lower, report->upper),
                          .upper = report->upper};
  verdict->lower_excess = lower - verdict->lower;
  verdict->upper_excess = report->upper - upper;
  verdict->valid = lower <= verdict->lower && report->upper <= upper;
  if (verdict->valid) return;
  const bool below = lower > verdict->lower;
  snprintf(verdict->finding, sizeof verdict->finding,
           "%s bound: %.15g is claimed, only %.15g follows; gamma°(Q) = %.15g, |C| = %.15g",
           below ? "lower" : "upper", below ? lower : upper, below ? verdict->lower : report->upper,
           report->dual_gauge, report->norm);
}

int wg_gaussian_verify(int64_t d, const double *mean0, const double *cov0, const double *mean1,
                       const double *cov1, const char *gauge, const double *contraction,
                       const double *q, double lower, double upper, wg_verdict *verdict) {
  const wg_cert_normal data = {d, mean0, cov0, mean1, cov1};
  wg_cert_normal_report report = {0};
  wg_clear_error();
  if (!contraction || !q || !verdict)
    return wg_fail(WG_ERR_ARGUMENT, "contraction, q and verdict must not be NULL");
  WG_TRY(check_arguments(&data, gauge));
  if (!isfinite(lower) || !isfinite(upper))
    return wg_fail(WG_ERR_INPUT, "the claimed bounds %g and %g must be finite", lower, upper);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = WG_NEW(&mem, wg_gauge_spec, 1);
  int status = spec ? bind_gauge(gauge, d, spec) : wg_no_memory();
  if (status == WG_OK)
    status = wg_cert_normal_bounds(&mem, &data, spec, contraction, q, 1.0, NULL, &report);
  wg_mem_clear(&mem);
  if (status == WG_OK) judge_claim(&report, lower, upper, verdict);
  return status;
}

/* ---- geodesics and fits ---- */

int wg_gaussian_geodesic(int64_t d, const double *mean0, const double *cov0, const double *mean1,
                         const double *cov1, const double *k, double t, double *mean, double *cov) {
  const wg_cert_normal data = {d, mean0, cov0, mean1, cov1};
  wg_clear_error();
  WG_TRY(check_arguments(&data, "trace"));
  if (!k || !mean || !cov) return wg_fail(WG_ERR_ARGUMENT, "k, mean and cov must not be NULL");
  if (!(t >= 0.0 && t <= 1.0))
    return wg_fail(WG_ERR_ARGUMENT, "t = %g is outside [0, 1], where the curve is a geodesic", t);
  for (int64_t i = 0; i < d; i++) mean[i] = (1.0 - t) * mean0[i] + t * mean1[i];
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j <= i; j++) {
      const double own = (1.0 - t) * (1.0 - t) * cov0[i * d + j] + t * t * cov1[i * d + j];
      const double cross = t * (1.0 - t) * (k[i * d + j] + k[j * d + i]);
      cov[i * d + j] = cov[j * d + i] = own + cross;
    }
  return WG_OK;
}

int wg_gaussian_fit(int64_t n, int64_t d, const double *x, const double *a, double *mean,
                    double *cov) {
  wg_clear_error();
  if (!x || !mean || !cov) return wg_fail(WG_ERR_ARGUMENT, "x, mean and cov must not be NULL");
  WG_TRY(wg_measure_check("x", "a", n, d, x, a));
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  int status = wg_measure_fit(&mem, n, d, x, a, mean, cov);
  wg_mem_clear(&mem);
  return status;
}
