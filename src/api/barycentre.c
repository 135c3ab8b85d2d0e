/* The barycentre of Gaussians through the public door: checks arguments, solves, and lets certify/
 * have the last word.
 *
 * The solver takes symmetric roots and means around their weighted mean, all divided by one power
 * of two, so that no scale is special. Gaussians that are all the same are their own barycentre: a
 * value of zero has no relative gap. Cost: src/gaussian/barycentre.c. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "gaussian/gaussian.h"

static const double default_tol = 1e-6, sum_tolerance = 1e-6;
enum { LARGEST_DIMENSION = 60, MOST_GAUSSIANS = 100000 };

typedef struct task {
  wg_context context;
  wg_mem mem;
  wg_settings settings;
  wg_cert_barycentre data;
  wg_gauge_spec spec;
  int exponent;
  double *weights, *roots, *means,
      *middle; /* in the scale of the solver: 2^exponent, less middle */
  double *distances;
  wg_bary_answer answer;
} task;

/* ---- arguments ---- */

static int check_shape(int64_t count, int64_t d, const double *means, const double *covs,
                       const char *gauge) {
  if (!means || !covs) return wg_fail(WG_ERR_ARGUMENT, "means and covs must not be NULL");
  if (count < 1 || count > MOST_GAUSSIANS)
    return wg_fail(WG_ERR_ARGUMENT, "%lld Gaussians are outside 1..%d", (long long)count,
                   MOST_GAUSSIANS);
  if (d < 1 || d > LARGEST_DIMENSION)
    return wg_fail(WG_ERR_INPUT, "d = %lld is outside 1..%d", (long long)d, LARGEST_DIMENSION);
  if (!gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  return WG_OK;
}

static int bind_gauge(const char *gauge, int64_t d, wg_gauge_spec *spec) {
  WG_TRY(wg_gauge_parse(gauge, spec));
  WG_TRY(wg_gauge_bind(spec, d));
  if (wg_gauge_is_convex(spec)) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT, "a barycentre wants a convex gauge; take one with p >= 1");
}

/* Of sum one to the last digit. */
static int read_weights(wg_mem *mem, int64_t count, const double *given, double **weights) {
  wg_sum sum = {0};
  if (!(*weights = WG_NEW(mem, double, count))) return wg_no_memory();
  for (int64_t k = 0; k < count; k++) {
    const double weight = given ? given[k] : 1.0 / (double)count;
    if (!(weight > 0.0 && isfinite(weight)))
      return wg_fail(WG_ERR_INPUT, "weights[%lld] = %g is not above 0; leave that Gaussian out",
                     (long long)k, weight);
    (*weights)[k] = weight;
    wg_sum_add(&sum, weight);
  }
  const double total = wg_sum_value(sum);
  if (!(fabs(total - 1.0) <= sum_tolerance))
    return wg_fail(WG_ERR_INPUT, "weights sum to %.9g, not to one within 1e-6; divide by the sum",
                   total);
  for (int64_t k = 0; k < count; k++) (*weights)[k] /= total;
  return WG_OK;
}

/* ---- the data as the solver wants them ---- */

/* A sentence about mean0 or cov0 is one about means[k] or covs[k]. */
static int name_culprit(int64_t k) {
  char detail[1024];
  snprintf(detail, sizeof detail, "%s", wg_error_detail());
  if (!strncmp(detail, "mean0", 5))
    return wg_fail(WG_ERR_INPUT, "means[%lld]%.900s", (long long)k, detail + 5);
  if (!strncmp(detail, "cov0", 4))
    return wg_fail(WG_ERR_INPUT, "covs[%lld]%.900s", (long long)k, detail + 4);
  return wg_fail(WG_ERR_INPUT, "Gaussian %lld: %.900s", (long long)k, detail);
}

/* The root of a Gaussian, as a pair with itself. */
static int read_root(task *t, int64_t k, wg_normal_pair *pair) {
  const int64_t d = t->data.d;
  const double *mean = t->data.means + k * d, *cov = t->data.covs + k * d * d;
  const int status = wg_measure_normal_pair(&t->mem, d, mean, cov, mean, cov, pair);
  if (status == WG_OK) t->exponent = WG_MAX(t->exponent, pair->exponent);
  return status == WG_ERR_INPUT ? name_culprit(k) : status;
}

/* The means less their weighted mean. */
static int centre_means(task *t) {
  const int64_t d = t->data.d;
  for (int64_t i = 0; i < d; i++) {
    wg_sum sum = {0};
    for (int64_t k = 0; k < t->data.count; k++)
      wg_sum_add(&sum, t->weights[k] * t->data.means[k * d + i]);
    t->middle[i] = wg_sum_value(sum);
  }
  for (int64_t i = 0; i < t->data.count * d; i++) {
    t->means[i] = t->data.means[i] - t->middle[i % d];
    if (!isfinite(t->means[i]))
      return wg_fail(WG_ERR_INPUT, "differences of means overflow; rescale the Gaussians");
    if (t->means[i] != 0.0) t->exponent = WG_MAX(t->exponent, ilogb(t->means[i]) + 1);
  }
  return WG_OK;
}

static int read_data(task *t) {
  const int64_t d = t->data.d, square = d * d, count = t->data.count;
  wg_normal_pair *pairs = WG_NEW(&t->mem, wg_normal_pair, count);
  t->roots = WG_NEW(&t->mem, double, count *square);
  t->means = WG_NEW(&t->mem, double, count *d);
  t->middle = WG_NEW(&t->mem, double, d);
  if (!pairs || !t->roots || !t->means || !t->middle) return wg_no_memory();
  t->exponent = -2000;
  for (int64_t k = 0; k < count; k++) WG_TRY(read_root(t, k, &pairs[k]));
  WG_TRY(centre_means(t));
  for (int64_t k = 0; k < count; k++)
    for (int64_t i = 0; i < square; i++)
      t->roots[k * square + i] =
          ldexp(pairs[k].root0.root.high[i], pairs[k].exponent - t->exponent);
  for (int64_t i = 0; i < count * d; i++) t->means[i] = ldexp(t->means[i], -t->exponent);
  return WG_OK;
}

static bool are_all_equal(const wg_cert_barycentre *data) {
  const int64_t d = data->d, square = d * d;
  for (int64_t k = 1; k < data->count; k++)
    if (memcmp(data->means, data->means + k * d, (size_t)d * sizeof(double)) != 0 ||
        memcmp(data->covs, data->covs + k * square, (size_t)square * sizeof(double)) != 0)
      return false;
  return true;
}

/* ---- solving ---- */

static int allocate(task *t) {
  const int64_t square = t->data.d * t->data.d, all = t->data.count * square;
  wg_bary_answer *answer = &t->answer;
  answer->mean = WG_NEW(&t->mem, double, t->data.d);
  answer->cov = WG_NEW(&t->mem, double, square);
  answer->contractions = WG_NEW(&t->mem, double, all);
  answer->q = WG_NEW(&t->mem, double, all);
  answer->y = WG_NEW(&t->mem, double, all);
  t->distances = WG_NEW(&t->mem, double, 2 * t->data.count);
  return answer->mean && answer->cov && answer->contractions && answer->q && answer->y &&
                 t->distances
             ? WG_OK
             : wg_no_memory();
}

/* Q and Y may be anything that balances. */
static void answer_equal(task *t) {
  const int64_t d = t->data.d, square = d * d;
  memcpy(t->answer.mean, t->data.means, (size_t)d * sizeof(double));
  memcpy(t->answer.cov, t->data.covs, (size_t)square * sizeof(double));
  for (int64_t k = 0; k < t->data.count; k++)
    for (int64_t i = 0; i < d; i++) t->answer.contractions[k * square + i * (d + 1)] = 1.0;
  t->answer.outcome = WG_CERTIFIED;
}

static int search(task *t) {
  const int64_t d = t->data.d;
  wg_gauge_spec searched = t->spec;
  wg_gauge_flatten(&searched, 0.1 * t->settings.tol);
  const wg_bary_problem problem = {.d = d,
                                   .count = t->data.count,
                                   .weights = t->weights,
                                   .roots = t->roots,
                                   .means = t->means,
                                   .spec = &searched};
  const double below = 0.8; /* aim under the tolerance: certify/ adds rounding to the gap */
  if (are_all_equal(&t->data)) return answer_equal(t), WG_OK;
  WG_TRY(wg_bary_solve(&t->context, &problem, below * t->settings.tol, &t->answer));
  for (int64_t i = 0; i < d; i++)
    t->answer.mean[i] = t->middle[i] + ldexp(t->answer.mean[i], t->exponent);
  for (int64_t i = 0; i < d * d; i++) t->answer.cov[i] = ldexp(t->answer.cov[i], 2 * t->exponent);
  return WG_OK;
}

static wg_cert_barycentre_claim claim_of(const wg_bary_answer *answer) {
  return (wg_cert_barycentre_claim){.mean = answer->mean,
                                    .cov = answer->cov,
                                    .contractions = answer->contractions,
                                    .q = answer->q,
                                    .y = answer->y};
}

static int certify(task *t, wg_barycentre_info *info) {
  const double margin = 2.0; /* room for another machine's rounding */
  const wg_cert_barycentre_claim claim = claim_of(&t->answer);
  wg_cert_barycentre_report report = {0};
  wg_mem mem = wg_mem_of(&t->context.ledger);
  const int status =
      wg_cert_barycentre_bounds(&mem, &t->data, &t->spec, &claim, margin, t->distances, &report);
  wg_mem_clear(&mem);
  if (status < 0) return status;
  info->lower = report.lower;
  info->upper = report.upper;
  info->value = WG_MIN(WG_MAX(report.value, info->lower), info->upper);
  info->gap = info->upper > 0 ? (info->upper - info->lower) / info->upper : 0.0;
  return WG_OK;
}

static int run(task *t, const double *weights, const char *gauge, wg_barycentre_info *info) {
  WG_TRY(bind_gauge(gauge, t->data.d, &t->spec));
  WG_TRY(read_weights(&t->mem, t->data.count, weights, &t->weights));
  t->data.weights = t->weights;
  WG_TRY(read_data(t));
  WG_TRY(allocate(t));
  WG_TRY(search(t));
  WG_TRY(certify(t, info));
  info->steps = t->answer.steps;
  if (info->gap <= t->settings.tol)
    info->outcome = WG_CERTIFIED;
  else
    info->outcome = t->answer.outcome == WG_CERTIFIED ? WG_GAP_OPEN : t->answer.outcome;
  return WG_OK;
}

static void copy_out(int64_t count, const double *from, double *to) {
  if (to) memcpy(to, from, (size_t)count * sizeof(double));
}

int wg_gaussian_barycentre(int64_t count, int64_t d, const double *means, const double *covs,
                           const double *weights, const char *gauge, const wg_settings *settings,
                           wg_barycentre_info *info, double *mean, double *cov,
                           double *contractions, double *q, double *y, double *distances) {
  const int64_t all = count * d * d;
  wg_settings defaults;
  wg_barycentre_info found = {.struct_size = sizeof found};
  wg_clear_error();
  wg_settings_init(&defaults);
  defaults.tol = default_tol;
  if (!settings) settings = &defaults;
  WG_TRY(wg_check_settings(settings));
  WG_TRY(check_shape(count, d, means, covs, gauge));
  wg_ledger ledger = {.limit = (size_t)settings->memory_limit};
  wg_mem own = wg_mem_of(&ledger);
  task *t = WG_NEW(&own, task, 1);
  if (!t) return wg_no_memory();
  *t =
      (task){.settings = *settings, .data = {.d = d, .count = count, .means = means, .covs = covs}};
  t->context.ledger.limit = ledger.limit;
  t->mem = wg_mem_of(&t->context.ledger);
  t->context.threads = wg_thread_count(settings->threads);
  wg_watch_start(&t->context.watch, settings->time_limit, settings->progress,
                 settings->progress_data);
  int status = run(t, weights, gauge, &found);
  if (status == WG_OK) {
    copy_out(d, t->answer.mean, mean);
    copy_out(d * d, t->answer.cov, cov);
    copy_out(all, t->answer.contractions, contractions);
    copy_out(all, t->answer.q, q);
    copy_out(all, t->answer.y, y);
    copy_out(2 * count, t->distances, distances);
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

static void judge_claim(const wg_cert_barycentre_report *report, double lower, double upper,
                        wg_verdict *verdict) {
  *verdict =
      (wg_verdict){.struct_size = sizeof *verdict, .lower = report->lower, .upper = report->upper};
  verdict->lower_excess = lower - verdict->lower;
  verdict->upper_excess = report->upper - upper;
  verdict->valid = lower <= verdict->lower && report->upper <= upper;
  if (verdict->valid) return;
  const bool below = lower > verdict->lower;
  snprintf(verdict->finding, sizeof verdict->finding,
           "%s bound: %.15g is claimed, only %.15g follows; largest gamma°(Q) = %.15g, Q and Y are "
           "off balance by %.3g",
           below ? "lower" : "upper", below ? lower : upper, below ? verdict->lower : report->upper,
           report->dual_gauge, report->imbalance);
}

int wg_gaussian_barycentre_verify(int64_t count, int64_t d, const double *means, const double *covs,
                                  const double *weights, const char *gauge, const double *mean,
                                  const double *cov, const double *contractions, const double *q,
                                  const double *y, double lower, double upper,
                                  wg_verdict *verdict) {
  const wg_cert_barycentre_claim claim = {mean, cov, contractions, q, y};
  wg_cert_barycentre_report report = {0};
  wg_clear_error();
  if (!mean || !cov || !contractions || !q || !y || !verdict)
    return wg_fail(WG_ERR_ARGUMENT, "the Gaussian, its matrices and verdict must not be NULL");
  WG_TRY(check_shape(count, d, means, covs, gauge));
  if (!isfinite(lower) || !isfinite(upper))
    return wg_fail(WG_ERR_INPUT, "the claimed bounds %g and %g must be finite", lower, upper);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = WG_NEW(&mem, wg_gauge_spec, 1);
  double *shares = NULL;
  int status = spec ? bind_gauge(gauge, d, spec) : wg_no_memory();
  if (status == WG_OK) status = read_weights(&mem, count, weights, &shares);
  const wg_cert_barycentre data = {d, count, shares, means, covs};
  if (status == WG_OK)
    status = wg_cert_barycentre_bounds(&mem, &data, spec, &claim, 1.0, NULL, &report);
  wg_mem_clear(&mem);
  if (status == WG_OK) judge_claim(&report, lower, upper, verdict);
  return status;
}
