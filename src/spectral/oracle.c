/* The transport oracle of the cutting planes: for a given Q, an optimal coupling, its moment, and a
 * lower bound on W2 (theory 3.2).
 *
 * Q = R'R with the null directions left out, points are mapped by R once, and ot/ works with plain
 * squared distances. Both clouds are centred on their own means: with delta the difference of the
 * means, cost = |w - z + D|^2 = |w - z|^2 + 2 D.(w - z) + |D|^2, D = R delta, and the extra terms
 * do not depend on the coupling, so they are added to the value and not to the problem. Where W is
 * tiny beside the clouds, points are mapped and costs kept in pairs of doubles (ot/relax.c). Cost
 * of the transport solve plus O((n + m) d r).
 */
#include <string.h>

#include "linalg/la.h"
#include "spectral/state.h"

/* Rows of `root`: sqrt(lambda_i) v_i' for the eigenvalues that matter. Returns the rank. */
static int factor(int64_t d, const double *q, double *values, double *root, int64_t *rank) {
  WG_TRY(wg_la_eigh(d, q, values, root));
  const double least = 4.0 * (double)d * WG_UNIT * WG_MAX(values[0], 0.0);
  *rank = 0;
  for (int64_t i = 0; i < d && values[i] > least; i++, ++*rank)
    for (int64_t j = 0; j < d; j++) root[i * d + j] *= sqrt(values[i]);
  return WG_OK;
}

/* out (count x rank) = points (count x d) root'. */
static void map_points(int64_t count, int64_t d, int64_t rank, const double *points,
                       const double *root, double *out) {
  if (rank == 0) return;
  wg_la_gemm(false, true, count, rank, d, 1.0, points, d, root, d, 0.0, out, rank);
}

/* The same in pairs of doubles. */
static void map_sharply(int64_t count, int64_t d, int64_t rank, const double *points,
                        const double *root, double *out, double *low) {
  for (int64_t i = 0; i < count; i++)
    for (int64_t r = 0; r < rank; r++) {
      wg_twofold sum = {0};
      for (int64_t k = 0; k < d; k++)
        sum = wg_twofold_add(sum, wg_twofold_product(points[i * d + k], root[r * d + k]));
      out[i * rank + r] = sum.high;
      low[i * rank + r] = sum.low;
    }
}

static int set_sharp_cost(wg_spectral *s, int64_t rank, const double *root, double *z, double *w,
                          wg_mem *mem) {
  double *z_low = WG_NEW(mem, double, s->n * s->d), *w_low = WG_NEW(mem, double, s->m * s->d);
  if (!z_low || !w_low) return wg_no_memory();
  map_sharply(s->n, s->d, rank, s->x, root, z, z_low);
  map_sharply(s->m, s->d, rank, s->y, root, w, w_low);
  WG_TRY(wg_ot_set_cost(s->ot, rank, z, w));
  return wg_ot_sharpen(s->ot, z_low, w_low);
}

static int set_cost(wg_spectral *s, const double *q, wg_mem *mem) {
  const int64_t d = s->d;
  int64_t rank;
  double *values = WG_NEW(mem, double, d), *root = WG_NEW(mem, double, d *d);
  double *z = WG_NEW(mem, double, s->n *d), *w = WG_NEW(mem, double, s->m *d);
  if (!values || !root || !z || !w) return wg_no_memory();
  WG_TRY(factor(d, q, values, root, &rank));
  if (s->is_sharp) return set_sharp_cost(s, rank, root, z, w, mem);
  map_points(s->n, d, rank, s->x, root, z);
  map_points(s->m, d, rank, s->y, root, w);
  WG_TRY(wg_ot_set_cost(s->ot, rank, z, w));
  return wg_ot_sharpen(s->ot, NULL, NULL);
}

static double mean_of(int64_t count, const double *values, const int64_t *mass, double total) {
  wg_sum sum = {0};
  for (int64_t i = 0; i < count; i++) wg_sum_add(&sum, values[i] * ((double)mass[i] / total));
  return wg_sum_value(sum);
}

static double quadratic(int64_t d, const double *q, const double *v) {
  double sum = 0.0;
  for (int64_t i = 0; i < d; i++) sum += v[i] * wg_la_dot(d, q + i * d, v);
  return sum;
}

/* <q, newest moment>. */
static double newest_cost(const wg_spectral *s, const double *q) {
  const int64_t square = s->d * s->d;
  return wg_la_dot(square, q, s->moments + (s->count - 1) * square);
}

/* The dual value of the transport solve, with the means' part. Sharp solves end with reduced costs
 * known to their own accuracy: there the coupling tells the value, as nothing cancels in it. */
static double dual_value(const wg_spectral *s, const double *q) {
  if (s->is_sharp && !s->context->watch.stopped) return newest_cost(s, q);
  const double total = (double)s->total;
  return mean_of(s->n, wg_ot_row_duals(s->ot), s->supply, total) +
         mean_of(s->m, wg_ot_col_duals(s->ot), s->demand, total) + quadratic(s->d, q, s->delta);
}

static int append_column(wg_spectral *s, wg_mem *scratch) {
  WG_TRY(wg_columns_reserve(s));
  int32_t *row = WG_NEW(scratch, int32_t, s->n + s->m),
          *col = WG_NEW(scratch, int32_t, s->n + s->m);
  int64_t *flow = WG_NEW(scratch, int64_t, s->n + s->m);
  if (!row || !col || !flow) return wg_no_memory();
  const int64_t count = wg_ot_coupling(s->ot, row, col, flow);
  wg_coupling plan = {count, WG_NEW(&s->mem, int64_t, count), WG_NEW(&s->mem, int64_t, count),
                      WG_NEW(&s->mem, double, count)};
  if (!plan.row || !plan.col || !plan.mass) return wg_no_memory();
  const double *share = wg_ot_line_mass(s->ot);
  for (int64_t e = 0; e < count; e++) {
    plan.row[e] = row[e];
    plan.col[e] = col[e];
    plan.mass[e] = share ? share[e] : (double)flow[e] / (double)s->total;
  }
  s->couplings[s->count] = plan;
  wg_columns_moment(s, &plan, s->moments + s->count * s->d * s->d);
  s->weights[s->count++] = 0.0;
  return WG_OK;
}

int wg_known_oracle(wg_spectral *s, const double *q, double *value, bool *solved) {
  wg_mem scratch = wg_mem_of(&s->context->ledger);
  int status = set_cost(s, q, &scratch);
  wg_mem_clear(&scratch);
  if (status == WG_OK) status = wg_ot_solve_known(s->ot, solved);
  if (status != WG_OK || !*solved) return status;
  s->pivots += wg_ot_last_stats(s->ot).pivots;
  status = append_column(s, &scratch);
  wg_mem_clear(&scratch);
  *value = dual_value(s, q);
  return status;
}

static void drop_newest(wg_spectral *s) {
  wg_coupling *plan = &s->couplings[--s->count];
  wg_drop(&s->mem, plan->row);
  wg_drop(&s->mem, plan->col);
  wg_drop(&s->mem, plan->mass);
}

/* Transport under q over all pairs; its coupling becomes the newest column. */
static int solve_under(wg_spectral *s, const double *q) {
  wg_mem scratch = wg_mem_of(&s->context->ledger);
  int status = set_cost(s, q, &scratch);
  wg_mem_clear(&scratch);
  if (status == WG_OK) status = wg_ot_solve(s->ot);
  s->pivots += wg_ot_last_stats(s->ot).pivots;
  if (status == WG_OK) status = append_column(s, &scratch);
  wg_mem_clear(&scratch);
  return status;
}

/* Whether rounding blurs the cost: duals are that much larger, or the way is that short beside the
 * mapped coordinates, which are about one. */
static bool is_blurred(const wg_spectral *s, const double *q) {
  const double large = 1e5, close = 1e-12, cost = newest_cost(s, q);
  const double *moment = s->moments + (s->count - 1) * s->d * s->d;
  double way2 = 0.0;
  for (int64_t k = 0; k < s->d; k++) way2 += moment[k * s->d + k];
  if (s->is_sharp || !(cost > 0.0)) return false;
  return way2 < close || wg_ot_dual_size(s->ot) > large * cost;
}

static void keep_duals(wg_spectral *s, const double *q, double value) {
  s->lower = value;
  memcpy(s->q, q, (size_t)(s->d * s->d) * sizeof *q);
  memcpy(s->f, wg_ot_row_duals(s->ot), (size_t)s->n * sizeof(double));
  memcpy(s->g, wg_ot_col_duals(s->ot), (size_t)s->m * sizeof(double));
  s->tight_count = 0;
  if (!s->is_sharp || s->context->watch.stopped) return;
  memcpy(s->f_low, wg_ot_row_duals_low(s->ot), (size_t)s->n * sizeof(double));
  memcpy(s->g_low, wg_ot_col_duals_low(s->ot), (size_t)s->m * sizeof(double));
  s->tight_count = wg_ot_basis(s->ot, s->tight_row, s->tight_col);
}

int wg_oracle(wg_spectral *s, const double *q, double *lower) {
  WG_TRY(solve_under(s, q));
  if (is_blurred(s, q) && !s->context->watch.stopped) {
    s->is_sharp = true;
    drop_newest(s);
    WG_TRY(solve_under(s, q));
  }
  s->calls++;
  /* Duals of an interrupted solve are feasible to single precision only: what they promise is a
   * little too much, and the certificate proves what it can. */
  *lower = dual_value(s, q);
  if (s->context->watch.stopped) *lower -= 1e-6 * fabs(*lower);
  if (*lower > s->lower) keep_duals(s, q, *lower);
  return WG_OK;
}
