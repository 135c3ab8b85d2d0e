/* The transport oracle of the cutting planes: for a given Q, an optimal coupling, its moment, and a
 * lower bound on W2 (theory 3.2).
 *
 * Q = R'R with the null directions left out, points are mapped by R once, and ot/ works with plain
 * squared distances. Both clouds are centred on their own means: with delta the difference of the
 * means, cost = |w - z + D|^2 = |w - z|^2 + 2 D.(w - z) + |D|^2, D = R delta, and the extra terms
 * do not depend on the coupling, so they are added to the value and not to the problem. Cost of the
 * transport solve plus O((n + m) d r).
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

static int set_cost(wg_spectral *s, const double *q, wg_mem *mem) {
  const int64_t d = s->d;
  int64_t rank;
  double *values = WG_NEW(mem, double, d), *root = WG_NEW(mem, double, d *d);
  double *z = WG_NEW(mem, double, s->n *d), *w = WG_NEW(mem, double, s->m *d);
  if (!values || !root || !z || !w) return wg_no_memory();
  WG_TRY(factor(d, q, values, root, &rank));
  map_points(s->n, d, rank, s->x, root, z);
  map_points(s->m, d, rank, s->y, root, w);
  return wg_ot_set_cost(s->ot, rank, z, w);
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

/* The dual value of the transport solve, with the means' part. */
static double dual_value(const wg_spectral *s, const double *q) {
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
  for (int64_t e = 0; e < count; e++) {
    plan.row[e] = row[e];
    plan.col[e] = col[e];
    plan.mass[e] = (double)flow[e] / (double)s->total;
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

int wg_oracle(wg_spectral *s, const double *q, double *lower) {
  wg_mem scratch = wg_mem_of(&s->context->ledger);
  int status = set_cost(s, q, &scratch);
  wg_mem_clear(&scratch);
  if (status == WG_OK) status = wg_ot_solve(s->ot);
  s->calls++;
  s->pivots += wg_ot_last_stats(s->ot).pivots;
  if (status == WG_OK) status = append_column(s, &scratch);
  wg_mem_clear(&scratch);
  if (status != WG_OK) return status;
  /* Duals of an interrupted solve are feasible to single precision only: what they promise is a
   * little too much, and the certificate proves what it can. */
  *lower = dual_value(s, q);
  if (s->context->watch.stopped) *lower -= 1e-6 * fabs(*lower);
  if (*lower > s->lower) {
    s->lower = *lower;
    memcpy(s->q, q, (size_t)(s->d * s->d) * sizeof *q);
    memcpy(s->f, wg_ot_row_duals(s->ot), (size_t)s->n * sizeof(double));
    memcpy(s->g, wg_ot_col_duals(s->ot), (size_t)s->m * sizeof(double));
  }
  return WG_OK;
}
