/* An upper bound of W2 from a plan (theory 3.1), rounding included.
 *
 * The theorem. P >= 0 is a sparse matrix with row sums r and column sums s near the weights a and
 * b, whose exact sums are A and B. Put t_j = b_j A / B and e = sum |r_i - a_i| + sum |s_j - t_j|.
 * Shrink each row of P to at most a_i, then each column to at most t_j: P2 <= P entrywise. What is
 * missing to a coupling of a and t is a measure of mass
 *   rho = A - |P2| <= A - |P| + sum (r_i - a_i)^+ + sum (s_j - t_j)^+
 *       = sum (a_i - r_i)^+ + sum (s_j - t_j)^+ <= e.
 * Put it on deficient rows and columns: P3 = P2 + rest, and P3 / A couples a / A with b / B. Every
 * displacement of the rest has length at most D, so 0 <= Sigma_rest <= rho D^2 I with trace <= rho
 * D^2: p >= 1:  W2 <= gamma(Sigma_P3) / A <= (gamma(Sigma_P) + e D^2 unit) / A, by monotonicity and
 * subadditivity, unit = max gamma(vv') over |v| = 1. For p < 1 the gauge is not subadditive and the
 * rest goes in as a perturbation of Sigma_P instead.
 *
 * Residuals are exact (base/exact.h): masses are pairs of doubles, and columns are compared by B
 * s_j
 * - A b_j, so that no quotient is rounded. A plan whose marginals are those of the weights has e =
 * 0, and equal clouds with a plan that does not move give the bound 0, whatever their weights. What
 * a weight's second half leaves open, some u^2, costs nothing even where D is 1e8 times W.
 *
 * Rounding. An entry of Sigma_P sums terms (v_k v_l) P_e with v = fl(y - x), relative error u of
 * each, and P_e in one double, error u: 6u a term; its compensated sum adds u |sum| + (N u)^2 sum
 * |term|. Entrywise the error is at most eps M, M = sum P |v| |v|', eps = 12u + 2 (N u)^2, hence
 * eps tr M = eps tr Sigma in operator norm, block by block. We add eps tr Sigma_bb to the diagonal
 * of block b (monotonicity) and hand the result to wg_gauge_upper, which bounds the rest. Products
 * that underflow lose 2^-1074 each, added too if anything moves at all.
 *
 * margin multiplies eps, and (margin - 1) 32 d u is added to the result: the room for another
 * machine's eigenvalues.
 *
 * One coupling only. If one cloud has a single point with mass, there is one coupling, and W2 is
 * gamma of its moment, for every p: wg_cert_only bounds that from below (for p < 1, where nothing
 * else is sharp in more than two dimensions). The error of Sigma is the same, in both directions.
 *
 * Cost O(N d^2) for N entries plus one eigenproblem; memory O(N + n + m + d^2). Sums over entries
 * run in their order whatever the number of threads. Source: theory 3.1-3.2. */
#include <float.h>

#include "base/exact.h"
#include "certify/certify.h"

enum { BATCH = 256 };                /* entries whose displacements are held at once */
static const double eta = 0x1p-1074; /* smallest subnormal                           */

typedef wg_cert_plan plan;

static double up(double value) { return nextafter(value, INFINITY); }

/* The mass in one double: relative error u. NaN if a part is not finite. */
static double entry_mass(const plan *p, int64_t e) {
  return p->mass_low ? p->mass[e] + p->mass_low[e] : p->mass[e];
}

static int check_entry(const wg_cert_data *data, const plan *p, int64_t e) {
  if (p->row[e] < 0 || p->row[e] >= data->n)
    return wg_fail(WG_ERR_INPUT, "plan entry %lld: row %lld is outside 0..%lld", (long long)e,
                   (long long)p->row[e], (long long)data->n - 1);
  if (p->col[e] < 0 || p->col[e] >= data->m)
    return wg_fail(WG_ERR_INPUT, "plan entry %lld: column %lld is outside 0..%lld", (long long)e,
                   (long long)p->col[e], (long long)data->m - 1);
  if (!(entry_mass(p, e) >= 0.0 && entry_mass(p, e) <= DBL_MAX))
    return wg_fail(WG_ERR_INPUT, "plan entry %lld: mass %g must be finite and not negative",
                   (long long)e, entry_mass(p, e));
  return WG_OK;
}

int wg_cert_check_plan(const wg_cert_data *data, const plan *p) {
  for (int64_t e = 0; e < p->count; e++) WG_TRY(check_entry(data, p, e));
  return WG_OK;
}

/* ---- marginals ---- */

/* What the marginals are compared with: the exact sums A and B of the weights. */
typedef struct totals {
  wg_exact a, b;
  bool same;      /* A = B, exactly   */
  double least_b; /* a positive number, at most B */
} totals;

static void sum_weights(int64_t count, const double *weights, wg_exact *sum) {
  *sum = (wg_exact){.count = 0};
  for (int64_t i = 0; i < count; i++) wg_exact_add(sum, weights[i]);
}

static totals find_totals(const wg_cert_data *data) {
  totals sums;
  sum_weights(data->n, data->a, &sums.a);
  sum_weights(data->m, data->b, &sums.b);
  wg_exact difference = sums.a;
  wg_exact_subtract(&difference, &sums.b);
  sums.same = difference.count == 0 && difference.lost == 0.0;
  sums.least_b = wg_exact_value(&sums.b) * (1.0 - 8.0 * WG_UNIT) - sums.b.lost;
  return sums;
}

/* At least |marginal - target|, exactly zero where they agree: the target is the weight of a row
 * and weight A / B for a column. */
static double residual_of(const totals *sums, const wg_exact *marginal, double weight, int side) {
  wg_exact off = {.count = 0};
  if (side == 0 || sums->same) {
    off = *marginal;
    wg_exact_add(&off, -weight);
    return wg_exact_most(&off);
  }
  wg_exact target = {.count = 0};
  wg_exact_add(&target, weight);
  wg_exact_add_products(&off, 1.0, marginal, &sums->b);
  wg_exact_add_products(&off, -1.0, &target, &sums->a);
  const double most = wg_exact_most(&off);
  return most > 0.0 ? up(most / sums->least_b) : 0.0;
}

/* order: the entries by `where`, begin (count + 1): where each of them begins. */
static void sort_entries(const plan *p, const int64_t *where, int64_t count, int64_t *begin,
                         int64_t *order) {
  for (int64_t i = 0; i <= count; i++) begin[i] = 0;
  for (int64_t e = 0; e < p->count; e++) begin[where[e] + 1]++;
  for (int64_t i = 0; i < count; i++) begin[i + 1] += begin[i];
  for (int64_t e = 0; e < p->count; e++) order[begin[where[e]]++] = e;
  for (int64_t i = count; i > 0; i--) begin[i] = begin[i - 1];
  begin[0] = 0;
}

/* Adds one side's residuals to the report. */
static int side_residual(const wg_cert_data *data, const plan *p, const totals *sums, int side,
                         wg_mem *mem, wg_cert_upper_report *report) {
  const int64_t count = side ? data->m : data->n;
  const double *weights = side ? data->b : data->a;
  int64_t *begin = WG_NEW(mem, int64_t, count + 1), *order = WG_NEW(mem, int64_t, p->count);
  if (!begin || !order) return wg_no_memory();
  sort_entries(p, side ? p->col : p->row, count, begin, order);
  for (int64_t i = 0; i < count; i++) {
    wg_exact marginal = {.count = 0};
    for (int64_t at = begin[i]; at < begin[i + 1]; at++) {
      wg_exact_add(&marginal, p->mass[order[at]]);
      if (p->mass_low) wg_exact_add(&marginal, p->mass_low[order[at]]);
    }
    const double residual = residual_of(sums, &marginal, weights[i], side);
    if (residual == 0.0) continue;
    /* NaN, a sum that overflowed, goes this way too and is refused later. */
    report->residual = up(report->residual + residual);
    if (residual <= report->worst) continue;
    report->worst = residual;
    report->index = i;
    report->side = side;
  }
  wg_drop(mem, begin);
  wg_drop(mem, order);
  return WG_OK;
}

static int find_residuals(const wg_cert_data *data, const plan *p, const totals *sums, wg_mem *mem,
                          wg_cert_upper_report *report) {
  WG_TRY(side_residual(data, p, sums, 0, mem, report));
  return side_residual(data, p, sums, 1, mem, report);
}

/* ---- the second moment ---- */

typedef struct accumulator {
  int64_t d;
  double *high, *low; /* d x d, lower triangles: compensated sums    */
  double *steps;      /* BATCH x d displacements                      */
  double mass;        /* of the plan                                  */
  bool moved;         /* some displacement is not zero                */
} accumulator;

static void batch_steps(const wg_cert_data *data, const plan *p, int64_t from, int64_t size,
                        accumulator *sum) {
  for (int64_t e = 0; e < size; e++) {
    const double *x = data->x + p->row[from + e] * data->d;
    const double *y = data->y + p->col[from + e] * data->d;
    sum->mass += entry_mass(p, from + e);
    for (int64_t k = 0; k < data->d; k++) {
      sum->steps[e * data->d + k] = y[k] - x[k];
      sum->moved = sum->moved || y[k] != x[k];
    }
  }
}

/* Row k of the lower triangle: high + low += mass step_k step, Knuth's exact addition. */
static void add_row(int64_t k, double mass, const double *step, double *restrict high,
                    double *restrict low) {
  for (int64_t l = 0; l <= k; l++) {
    double term = (step[k] * step[l]) * mass;
    double total = high[l] + term;
    double taken = total - high[l];
    low[l] += (high[l] - (total - taken)) + (term - taken);
    high[l] = total;
  }
}

static void add_batch(const plan *p, int64_t from, int64_t size, int threads, accumulator *sum) {
  int64_t d = sum->d;
#pragma omp parallel for num_threads(threads) schedule(static, 8) if (size * d * d > 200000)
  for (int64_t k = 0; k < d; k++)
    for (int64_t e = 0; e < size; e++)
      add_row(k, entry_mass(p, from + e), sum->steps + e * d, sum->high + k * d, sum->low + k * d);
}

/* moment (d x d) = computed Sigma_P. */
static int find_moment(const wg_cert_data *data, const plan *p, int threads, wg_mem *mem,
                       accumulator *sum, double *moment) {
  int64_t d = data->d;
  *sum = (accumulator){.d = d,
                       .high = WG_NEW(mem, double, d *d),
                       .low = WG_NEW(mem, double, d *d),
                       .steps = WG_NEW(mem, double, BATCH *d)};
  if (!sum->high || !sum->low || !sum->steps) return wg_no_memory();
  for (int64_t from = 0; from < p->count; from += BATCH) {
    int64_t size = WG_MIN(BATCH, p->count - from);
    batch_steps(data, p, from, size, sum);
    add_batch(p, from, size, threads, sum);
  }
  for (int64_t k = 0; k < d; k++)
    for (int64_t l = 0; l <= k; l++)
      moment[k * d + l] = moment[l * d + k] = sum->high[k * d + l] + sum->low[k * d + l];
  return WG_OK;
}

/* Of the moment's trace, entrywise: eps of the opening comment. */
static double relative_error(int64_t count, double margin) {
  const double terms = (double)count * WG_UNIT;
  return margin * (12.0 * WG_UNIT + 2.0 * terms * terms);
}

/* What underflow takes from an entry. */
static double lost_below(const accumulator *sum, int64_t count) {
  return sum->moved ? ((double)count + sum->mass) * eta : 0.0;
}

/* Adds to the diagonal of every block what rounding may have taken from Sigma_P. */
static void lift_diagonal(const wg_gauge_spec *spec, const accumulator *sum, int64_t count,
                          double margin, double *moment) {
  const double relative = relative_error(count, margin), lost = lost_below(sum, count);
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    double trace = 0.0;
    for (int64_t k = block->start; k < block->start + block->size; k++)
      trace += moment[k * spec->d + k];
    double lift = 1.0625 * relative * trace + 4.0 * (double)block->size * lost;
    for (int64_t k = block->start; lift > 0.0 && k < block->start + block->size; k++)
      moment[k * spec->d + k] = up(moment[k * spec->d + k] + lift);
  }
}

/* ---- the largest displacement ---- */

static void column_range(int64_t count, int64_t d, int64_t k, const double *points,
                         const double *weights, double *low, double *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (int64_t i = 0; i < count; i++) {
    if (!(weights[i] > 0.0)) continue;
    *low = WG_MIN(*low, points[i * d + k]);
    *high = WG_MAX(*high, points[i * d + k]);
  }
}

/* D^2: |y - x|^2 for points with mass is at most this, by their boxes. */
static double largest_step2(const wg_cert_data *data) {
  double sum = 0.0;
  for (int64_t k = 0; k < data->d; k++) {
    double x_low, x_high, y_low, y_high;
    column_range(data->n, data->d, k, data->x, data->a, &x_low, &x_high);
    column_range(data->m, data->d, k, data->y, data->b, &y_low, &y_high);
    double step = WG_MAX(fabs(y_high - x_low), fabs(x_high - y_low));
    if (step == 0.0) continue; /* exact: both boxes are one and the same point */
    sum = up(sum + up(up(step) * up(step)));
  }
  return sum;
}

/* ---- the bound ---- */

/* What the missing mass may add to gamma(Sigma_P): e D^2 unit, before division by A. */
static double residual_price(const wg_gauge_spec *spec, double rest) {
  return rest > 0.0 ? up(rest * wg_gauge_unit(spec) * (1.0 + 8.0 * WG_UNIT)) : 0.0;
}

/* gamma(Sigma_P3) for the lifted moment, before division by A; rest = e D^2. */
static int coupling_gauge(const wg_gauge_spec *spec, const double *lifted, double rest, wg_mem *mem,
                          double *gauge) {
  if (!wg_gauge_is_convex(spec)) return wg_gauge_upper(spec, lifted, rest, mem, gauge);
  WG_TRY(wg_gauge_upper(spec, lifted, 0.0, mem, gauge));
  if (rest > 0.0) *gauge = up(*gauge + residual_price(spec, rest));
  return WG_OK;
}

static int check_result(const wg_cert_data *data, double bound) {
  if (isfinite(bound)) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "squared distances or masses overflow (largest displacement about %g); rescale "
                 "the points",
                 sqrt(largest_step2(data)));
}

static int upper_bound(wg_mem *mem, int threads, const wg_cert_data *data,
                       const wg_gauge_spec *spec, const plan *p, double margin, double *moment,
                       wg_cert_upper_report *report) {
  accumulator sum;
  double gauge;
  double *lifted = WG_NEW(mem, double, data->d * data->d);
  if (!lifted) return wg_no_memory();
  WG_TRY(wg_cert_check_plan(data, p));
  const totals sums = find_totals(data);
  WG_TRY(find_residuals(data, p, &sums, mem, report));
  WG_TRY(find_moment(data, p, threads, mem, &sum, lifted));
  for (int64_t i = 0; moment && i < data->d * data->d; i++) moment[i] = lifted[i];
  for (int64_t i = 0; i < data->d; i++) WG_TRY(check_result(data, lifted[i * data->d + i]));
  WG_TRY(check_result(data, report->residual));
  lift_diagonal(spec, &sum, p->count, margin, lifted);
  double reach = largest_step2(data);
  double rest = report->residual > 0.0 && reach > 0.0 ? up(report->residual * reach) : 0.0;
  WG_TRY(coupling_gauge(spec, lifted, rest, mem, &gauge));
  double total = wg_exact_value(&sums.a) * (1.0 - 8.0 * WG_UNIT) - sums.a.lost;
  double room = (8.0 + (margin - 1.0) * 32.0 * (double)data->d) * WG_UNIT;
  report->bound = gauge > 0.0 ? up(gauge / total * (1.0 + room)) : 0.0;
  report->paid = residual_price(spec, rest) / total;
  return check_result(data, report->bound);
}

int wg_cert_upper(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                  const plan *p, double margin, double *moment, wg_cert_upper_report *report) {
  wg_mem mem = wg_mem_of(&context->ledger);
  wg_cert_upper_report result = {0};
  int status = upper_bound(&mem, context->threads, data, spec, p, margin, moment, &result);
  wg_mem_clear(&mem);
  if (status == WG_OK) *report = result;
  return status;
}

/* ---- where there is one coupling only ---- */

/* The point with mass of a cloud that has only one, or -1. */
static int64_t only_point(int64_t count, const double *weights) {
  int64_t found = -1;
  for (int64_t i = 0; i < count; i++) {
    if (!(weights[i] > 0.0)) continue;
    if (found >= 0) return -1;
    found = i;
  }
  return found;
}

int wg_cert_only_plan(const wg_cert_data *data, wg_mem *mem, wg_cert_plan *only) {
  const int64_t i = only_point(data->n, data->a), j = only_point(data->m, data->b);
  const int64_t count = i >= 0 ? data->m : data->n;
  *only = (wg_cert_plan){.count = 0};
  if (i < 0 && j < 0) return WG_OK;
  int64_t *row = WG_NEW(mem, int64_t, count), *col = WG_NEW(mem, int64_t, count);
  if (!row || !col) return wg_no_memory();
  for (int64_t e = 0; e < count; e++) {
    row[e] = i >= 0 ? i : e;
    col[e] = i >= 0 ? e : j;
  }
  *only = (wg_cert_plan){count, row, col, i >= 0 ? data->b : data->a, NULL};
  return WG_OK;
}

/* The lowest gamma within the rounding of Sigma, over the sum of the masses. */
static int only_bound(const wg_cert_data *data, const wg_gauge_spec *spec, const plan *only,
                      int threads, double margin, wg_mem *mem, double *bound) {
  accumulator sum;
  wg_exact total;
  double trace = 0.0, gauge;
  double *moment = WG_NEW(mem, double, data->d * data->d);
  if (!moment) return wg_no_memory();
  WG_TRY(find_moment(data, only, threads, mem, &sum, moment));
  for (int64_t k = 0; k < data->d; k++) trace += moment[k * data->d + k];
  sum_weights(only->count, only->mass, &total);
  const double slack = 1.0625 * relative_error(only->count, margin) * trace +
                       4.0 * (double)data->d * lost_below(&sum, only->count);
  WG_TRY(wg_gauge_lower(spec, moment, slack, mem, &gauge));
  const double room = (16.0 + (margin - 1.0) * 32.0 * (double)data->d) * WG_UNIT;
  const double least = gauge * (1.0 - room) / (wg_exact_value(&total) + total.lost);
  *bound = isfinite(trace) && least > 0.0 ? nextafter(least, 0.0) : 0.0;
  return WG_OK;
}

int wg_cert_only(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                 double margin, double *bound) {
  wg_mem mem = wg_mem_of(&context->ledger);
  plan only;
  *bound = 0.0;
  int status = wg_gauge_is_convex(spec) ? WG_OK : wg_cert_only_plan(data, &mem, &only);
  if (status == WG_OK && !wg_gauge_is_convex(spec) && only.count > 0)
    status = only_bound(data, spec, &only, context->threads, margin, &mem, bound);
  wg_mem_clear(&mem);
  return status;
}
