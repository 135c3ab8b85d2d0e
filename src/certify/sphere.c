/* Both bounds of UW_gamma^2 between finite measures on the sphere (theory 7), from a semi-coupling
 * and from Q with one potential, rounding included.
 *
 * The theorem (docs/theory/sphere.md). For mu = sum n0_i delta(w_i), nu = sum n1_j delta(w'_j):
 * any masses g0, g1 >= 0 of pairs whose row sums g0_i. <= n0_i, column sums g1_.j <= n1_j, with any
 * 0 <= c <= sqrt(g0 g1), give UW^2 <= gamma(A), and A is a sum of positive semidefinite terms: with
 * theta = c / sqrt(g0 g1) in [0, 1],
 *   A = sum theta (sqrt g0 w - sqrt g1 w')(..)' + (1 - theta)(g0 w w' + g1 w' w'')
 *       + sum_i (n0_i - g0_i.) w_i w_i' + sum_j (n1_j - g1_.j) w'_j w'_j'.
 * Any Q = R'R with rows in single blocks of the gauge, G >= gamma°(Q), any u > 0 and
 *   v_j = max_i (w_i'Q w'_j)_+^2 / u_i   (all pairs are scanned) give
 *   UW^2 >= ( sum n0_i (|R w_i|^2 - u_i) + sum n1_j (|R w'_j|^2 - v_j) ) / max(1, G).
 * Both only use that Pi_2 of n delta at w is n |w|^2 delta at w / |w|: for atoms whose length is
 * not exactly one the bounds hold for the masses n |w|^2, which differ from n by rounding.
 *
 * Rounding from above, u the unit, constants doubled for second order. Entries beyond a marginal
 * are divided down, by 1 + 8u more than the computed excess; what an atom lacks is taken 16 u n too
 * large, which the monotone gauge pays for. A computed square x x' is off by (|x| e + ...) with
 * e = 8u (sqrt g0 |w| + sqrt g1 |w'|) in norm: 3 |x| e + 8u |x|^2, added to a slack in operator
 * norm, as is theta's error, 8u (g0 + g1) and the compensated sum's, 4u of the trace. The slack is
 * also that of the trace on each block times its size, which wg_gauge_upper counts for itself.
 * From below, with s = |R|_F and lengths at most 1 + 1e-6: a = R w is off by d u s, so
 * |R w|^2 by 2 (d + 2) u s |Rw| + (d + 2)^2 u^2 s^2 and k by (3 d + 4) u s^2 =: e_k, which is added
 * to k wherever k > -e_k. margin multiplies all of it. Cost n0 n1 d + pairs d^2, memory (n0 + n1)
 * d.
 */
#include <float.h>

#include "certify/certify.h"
#include "linalg/la.h"

/* ---- from above ---- */

typedef struct squares {
  int64_t d;
  wg_sum *entry; /* d x d */
  double slack;  /* in operator norm */
  double trace;
  double *x;
} squares;

/* Adds weight x x', x = f w - g w', f and g known to 4u. */
static void add_square(squares *m, double weight, double f, const double *w, double g,
                       const double *other) {
  double size = 0.0, norm = 0.0;
  for (int64_t r = 0; r < m->d; r++) {
    const double own = f * w[r], far = other ? g * other[r] : 0.0;
    m->x[r] = own - far;
    norm += m->x[r] * m->x[r];
    size += own * own + far * far;
  }
  for (int64_t r = 0; r < m->d; r++)
    for (int64_t s = 0; s < m->d; s++)
      wg_sum_add(&m->entry[r * m->d + s], weight * m->x[r] * m->x[s]);
  const double off = 12.0 * WG_UNIT * sqrt(size);
  m->slack += weight * (3.0 * sqrt(norm) * off + off * off + 16.0 * WG_UNIT * norm);
  m->trace += weight * norm;
}

/* What the masses are multiplied by so that no row or column has more than there is. */
static void find_factors(int64_t n, const double *mass, int64_t count, const int64_t *end,
                         const double *g, wg_sum *sums, double *factor, double *lacking) {
  for (int64_t i = 0; i < n; i++) sums[i] = (wg_sum){0};
  for (int64_t e = 0; e < count; e++) wg_sum_add(&sums[end[e]], g[e]);
  for (int64_t i = 0; i < n; i++) {
    const double sum = wg_sum_value(sums[i]);
    factor[i] = sum > mass[i] * (1.0 - 4.0 * WG_UNIT)
                    ? mass[i] / (sum * (1.0 + 8.0 * WG_UNIT)) * (1.0 - 2.0 * WG_UNIT)
                    : 1.0;
    lacking[i] = WG_MAX(mass[i] - factor[i] * sum, 0.0) + 16.0 * WG_UNIT * mass[i];
  }
}

typedef struct fit { /* of both sides */
  double *factor[2], *lacking[2];
} fit;

static int create_fit(wg_mem *mem, const wg_cert_sphere *data, const wg_cert_semicoupling *plan,
                      fit *f) {
  const double *const g[2] = {plan->g0, plan->g1};
  const int64_t *const end[2] = {plan->row, plan->col};
  for (int side = 0; side < 2; side++) {
    const int64_t n = data->n[side];
    wg_sum *sums = WG_NEW(mem, wg_sum, n);
    f->factor[side] = WG_NEW(mem, double, n);
    f->lacking[side] = WG_NEW(mem, double, n);
    if (!sums || !f->factor[side] || !f->lacking[side]) return wg_no_memory();
    find_factors(n, data->mass[side], plan->count, end[side], g[side], sums, f->factor[side],
                 f->lacking[side]);
    wg_drop(mem, sums);
  }
  return WG_OK;
}

static void add_pair(const wg_cert_sphere *data, const wg_cert_semicoupling *plan, const fit *f,
                     int64_t e, squares *m) {
  const double *w = data->w[0] + plan->row[e] * data->d;
  const double *other = data->w[1] + plan->col[e] * data->d;
  const double g0 = plan->g0[e] * f->factor[0][plan->row[e]];
  const double g1 = plan->g1[e] * f->factor[1][plan->col[e]], root = sqrt(g0) * sqrt(g1);
  const double theta = root > 0.0 ? WG_MIN(plan->c[e] / root, 1.0) : 0.0;
  add_square(m, theta, sqrt(g0), w, sqrt(g1), other);
  if (theta < 1.0) {
    add_square(m, 1.0 - theta, sqrt(g0), w, 0.0, NULL);
    add_square(m, 1.0 - theta, sqrt(g1), other, 0.0, NULL);
  }
  m->slack += 16.0 * WG_UNIT * (theta < 1.0 ? g0 + g1 : 0.0);
}

static int find_upper(wg_mem *mem, const wg_cert_sphere *data, const wg_gauge_spec *spec,
                      const wg_cert_semicoupling *plan, double margin, double *found,
                      wg_cert_sphere_report *report) {
  const int64_t d = data->d;
  squares m = {.d = d, .entry = WG_NEW(mem, wg_sum, d * d), .x = WG_NEW(mem, double, d)};
  double *a = WG_NEW(mem, double, d *d);
  fit f;
  if (!m.entry || !m.x || !a) return wg_no_memory();
  WG_TRY(create_fit(mem, data, plan, &f));
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < data->n[side]; i++)
      add_square(&m, f.lacking[side][i], 1.0, data->w[side] + i * d, 0.0, NULL);
  for (int64_t e = 0; e < plan->count; e++) add_pair(data, plan, &f, e, &m);
  for (int64_t k = 0; k < d * d; k++) a[k] = wg_sum_value(m.entry[k]);
  const double slack = margin * (m.slack * (1.0 + 1e-6) + 16.0 * WG_UNIT * m.trace);
  WG_TRY(wg_gauge_value(spec, a, mem, &report->value));
  WG_TRY(wg_gauge_upper(spec, a, slack, mem, &report->upper));
  for (int64_t k = 0; found && k < d * d; k++) found[k] = a[k];
  return WG_OK;
}

/* ---- from below ---- */

/* seen (n x rank) = R w. */
static int see(wg_mem *mem, const wg_cert_sphere *data, const wg_cert_factor *r, int side,
               double **seen) {
  const int64_t n = data->n[side], d = data->d;
  *seen = WG_NEW(mem, double, n *d);
  if (!*seen) return wg_no_memory();
  wg_la_gemm(false, true, n, r->rank, d, 1.0, data->w[side], d, r->rows, d, 0.0, *seen, r->rank);
  return WG_OK;
}

/* |R w|^2 from below. */
static double square_below(const wg_cert_factor *r, const double *a, double margin) {
  double sum = 0.0;
  for (int64_t k = 0; k < r->rank; k++) sum += a[k] * a[k];
  const double off = (double)(r->d + 4) * WG_UNIT * sqrt(r->norm2);
  return sum - margin * 2.0 * (2.0 * off * sqrt(sum) + off * off + 4.0 * WG_UNIT * sum);
}

/* v from above, for all atoms of side 1. */
static void find_v(const wg_cert_sphere *data, const wg_cert_factor *r, const double *seen[2],
                   const double *u, double margin, int threads, double *v) {
  const int64_t rank = r->rank, n = data->n[0], m = data->n[1];
  const double off = margin * 2.0 * (double)(3 * r->d + 4) * WG_UNIT * r->norm2;
  const double work = (double)(n * m * rank);
#pragma omp parallel for num_threads(wg_threads_for(threads, work)) schedule(static)
  for (int64_t j = 0; j < m; j++) {
    double most = 0.0;
    for (int64_t i = 0; i < n; i++) {
      double k = off;
      for (int64_t c = 0; c < rank; c++) k += seen[0][i * rank + c] * seen[1][j * rank + c];
      if (k > 0.0) most = WG_MAX(most, k * k / u[i]);
    }
    v[j] = most * (1.0 + 8.0 * WG_UNIT);
  }
}

static double dual_value(const wg_cert_sphere *data, const wg_cert_factor *r, const double *seen[2],
                         const double *potential[2], double margin) {
  wg_sum sum = {0};
  double size = 0.0;
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < data->n[side]; i++) {
      const double square = square_below(r, seen[side] + i * r->rank, margin);
      const double mass = data->mass[side][i];
      wg_sum_add(&sum, mass * (square - potential[side][i]));
      size += mass * (fabs(square) + potential[side][i]);
    }
  return wg_sum_value(sum) - margin * 8.0 * WG_UNIT * size;
}

static int find_lower(wg_mem *mem, int threads, const wg_cert_sphere *data,
                      const wg_gauge_spec *spec, const double *q, const double *u, double margin,
                      wg_cert_sphere_report *report) {
  wg_cert_factor r;
  double *seen[2], *v = WG_NEW(mem, double, data->n[1]);
  if (!v) return wg_no_memory();
  for (int64_t i = 0; i < data->n[0]; i++)
    if (!(u[i] > 0.0 && u[i] <= WG_CERT_LARGEST))
      return wg_fail(WG_ERR_INPUT, "u[%lld] = %g must be positive and finite", (long long)i, u[i]);
  WG_TRY(wg_cert_factor_build(spec, q, mem, &r));
  WG_TRY(wg_cert_factor_dual(spec, &r, margin, mem, &report->dual_gauge));
  for (int side = 0; side < 2; side++) WG_TRY(see(mem, data, &r, side, &seen[side]));
  const double *views[2] = {seen[0], seen[1]}, *potential[2] = {u, v};
  find_v(data, &r, views, u, margin, threads, v);
  double value = dual_value(data, &r, views, potential, margin);
  if (report->dual_gauge > 1.0) value /= report->dual_gauge * (1.0 + 4.0 * WG_UNIT);
  report->lower = value > 0.0 && value <= DBL_MAX ? value : 0.0;
  return WG_OK;
}

/* ---- both ---- */

static int check_plan(const wg_cert_sphere *data, const wg_cert_semicoupling *plan) {
  for (int64_t e = 0; e < plan->count; e++) {
    const bool inside = plan->row[e] >= 0 && plan->row[e] < data->n[0] && plan->col[e] >= 0 &&
                        plan->col[e] < data->n[1];
    if (!inside)
      return wg_fail(WG_ERR_INPUT, "entry %lld of the semi-coupling names atoms that do not exist",
                     (long long)e);
    const double least = WG_MIN(plan->c[e], WG_MIN(plan->g0[e], plan->g1[e]));
    if (!(least >= 0.0 && plan->g0[e] <= DBL_MAX && plan->g1[e] <= DBL_MAX))
      return wg_fail(WG_ERR_INPUT, "entry %lld of the semi-coupling is negative or not finite",
                     (long long)e);
  }
  return WG_OK;
}

int wg_cert_sphere_bounds(wg_mem *mem, int threads, const wg_cert_sphere *data,
                          const wg_gauge_spec *spec, const wg_cert_semicoupling *plan,
                          const double *q, const double *u, double margin, double *moment,
                          wg_cert_sphere_report *report) {
  *report = (wg_cert_sphere_report){0};
  WG_TRY(check_plan(data, plan));
  WG_TRY(find_upper(mem, data, spec, plan, margin, moment, report));
  return find_lower(mem, threads, data, spec, q, u, margin, report);
}
