/* The Gaussian problem as such: the moment of a contraction, the dual value of a Q, and the same
 * problem in fewer coordinates.
 *
 * With K = f0 C f1' the moment is delta delta' + S0 + S1 - K - K', which cancels when the Gaussians
 * are near each other. It is computed as
 *   delta delta' + (f0 - f1 C')(f0 - f1 C')' + f1 (I - C'C) f1',
 * three positive semidefinite terms, the last of which is left out where C is orthogonal but for
 * rounding: near each other, that rounding would be larger than the rest.
 *
 * Fewer coordinates. Sigma <= 2 (S0 + S1) + delta delta', so no moment leaves the ranges of the
 * blocks of A = delta delta' + S0 + S1, and no K sees the kernels of the factors: both are cut away
 * (numerical rank as in theory 4), after which A is definite on every block and the interior point
 * has an interior.
 * Cost O(d^3), memory 6 d^2. Source: theory 4, docs/theory/gaussian.md. */
#include <string.h>

#include "gaussian/parts.h"
#include "linalg/la.h"

static const double rounding = 1e-14; /* of I - C'C, over n: C is orthogonal */

void wg_gauss_ceiling(const wg_gauss_problem *p, double *a) {
  const int64_t d = p->d, n = p->n;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) a[i * d + j] = p->delta[i] * p->delta[j];
  wg_la_gemm(false, true, d, d, n, 1.0, p->f0, n, p->f0, n, 1.0, a, d);
  wg_la_gemm(false, true, d, d, n, 1.0, p->f1, n, p->f1, n, 1.0, a, d);
}

void wg_gauss_moment(const wg_gauss_problem *p, const double *contraction, double *room,
                     double *moment) {
  const int64_t d = p->d, n = p->n;
  double *difference = room, *seen = difference + d * n, *rest = seen + d * n, miss = 0.0;
  memcpy(difference, p->f0, (size_t)(d * n) * sizeof(double));
  wg_la_gemm(false, true, d, n, n, -1.0, p->f1, n, contraction, n, 1.0, difference, n);
  if (p->low0) {
    wg_la_gemm(false, true, d, n, n, -1.0, p->low1, n, contraction, n, 1.0, difference, n);
    for (int64_t i = 0; i < d * n; i++) difference[i] += p->low0[i];
  }
  memset(rest, 0, (size_t)(n * n) * sizeof(double));
  for (int64_t i = 0; i < n; i++) rest[i * n + i] = 1.0;
  wg_la_gemm(true, false, n, n, n, -1.0, contraction, n, contraction, n, 1.0, rest, n);
  for (int64_t i = 0; i < n * n; i++) miss = WG_MAX(miss, fabs(rest[i]));
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) moment[i * d + j] = p->delta[i] * p->delta[j];
  wg_la_gemm(false, true, d, d, n, 1.0, difference, n, difference, n, 1.0, moment, d);
  if (miss > rounding * (double)n) {
    wg_la_gemm(false, false, d, n, n, 1.0, p->f1, n, rest, n, 0.0, seen, n);
    wg_la_gemm(false, true, d, d, n, 1.0, seen, n, p->f1, n, 1.0, moment, d);
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      moment[i * d + j] = moment[j * d + i] = 0.5 * (moment[i * d + j] + moment[j * d + i]);
}

/* m = f0' q f1 = u diag(s) vt, in room. */
typedef struct decomposition {
  double *m, *u, *vt, *s;
} decomposition;

static int decompose(const wg_gauss_problem *p, const double *q, double *room, decomposition *out) {
  const int64_t d = p->d, n = p->n;
  double *seen = room;
  out->m = seen + 2 * d * n;
  out->u = out->m + n * n;
  out->vt = out->u + n * n;
  out->s = out->vt + n * n;
  wg_la_gemm(false, false, d, n, d, 1.0, q, d, p->f1, n, 0.0, seen, n);
  wg_la_gemm(true, false, n, n, d, 1.0, p->f0, n, seen, n, 0.0, out->m, n);
  return wg_la_svd(n, out->m, out->u, out->s, out->vt);
}

static void compose_polar(int64_t n, const decomposition *m, double *polar) {
  wg_la_gemm(false, false, n, n, n, 1.0, m->u, n, m->vt, n, 0.0, polar, n);
}

int wg_gauss_polar(const wg_gauss_problem *p, const double *q, double *room, double *polar) {
  decomposition m;
  WG_TRY(decompose(p, q, room, &m));
  compose_polar(p->n, &m, polar);
  return WG_OK;
}

/* |m|_* - <C, m> = sum s_i (1 - u_i'C v_i) = sum s_i (|u_i - C v_i|^2 + 1 - |C v_i|^2) / 2. Values
 * that are rounding only do not count: near each other, they would be all of it. */
static double excess_of(int64_t n, const double *contraction, decomposition *m) {
  const double least = 4.0 * (double)n * WG_UNIT * m->s[0];
  double *turned = m->m, sum = 0.0;
  wg_la_gemm(false, true, n, n, n, 1.0, contraction, n, m->vt, n, 0.0, turned, n);
  for (int64_t i = 0; i < n && m->s[i] > least; i++) {
    double miss = 0.0, length2 = 0.0;
    for (int64_t k = 0; k < n; k++) {
      const double step = m->u[k * n + i] - turned[k * n + i];
      miss += step * step;
      length2 += turned[k * n + i] * turned[k * n + i];
    }
    if (fabs(1.0 - length2) > rounding * (double)n) miss += 1.0 - length2;
    sum += 0.5 * m->s[i] * miss;
  }
  return sum;
}

int wg_gauss_dual(const wg_gauss_problem *p, const double *q, const double *contraction,
                  const double *moment, double *room, double *polar, double *lower) {
  decomposition m;
  WG_TRY(decompose(p, q, room, &m));
  const double excess = excess_of(p->n, contraction, &m);
  *lower = wg_la_dot(p->d * p->d, q, moment) - 2.0 * excess;
  if (polar) compose_polar(p->n, &m, polar);
  return WG_OK;
}

/* ---- fewer coordinates ---- */

static const double rank_tolerance = 1e-14; /* of eigenvalues, for what is solved */
/* The moment over A from which on Gaussians count as near, and what its size is no longer known
 * below. */
static const double near_ratio = 1e-4, least_ratio = 1e-26;

/* Rows of `basis` from `row` on: the range of a block of a; returns how many, or a status. */
static int64_t block_range(wg_mem *mem, const wg_gauge_block *block, int64_t d, const double *a,
                           int64_t row, double *basis) {
  const int64_t s = block->size;
  double *cut = WG_NEW(mem, double, s *s), *vectors = WG_NEW(mem, double, s *s);
  double *values = WG_NEW(mem, double, s);
  if (!cut || !vectors || !values) return wg_no_memory();
  for (int64_t i = 0; i < s; i++)
    memcpy(cut + i * s, a + (block->start + i) * d + block->start, (size_t)s * sizeof(double));
  WG_TRY(wg_la_eigh(s, cut, values, vectors));
  int64_t rank = 0;
  while (rank < s && values[rank] > rank_tolerance * values[0]) rank++;
  for (int64_t i = 0; i < rank; i++)
    memcpy(basis + (row + i) * d + block->start, vectors + i * s, (size_t)s * sizeof(double));
  return rank;
}

static int reduce_gauge(wg_mem *mem, const wg_gauss_problem *p, const double *a,
                        wg_gauss_reduced *r) {
  r->spec = *p->spec;
  r->spec.block_count = 0;
  int64_t row = 0;
  for (int64_t b = 0; b < p->spec->block_count; b++) {
    const int64_t rank = block_range(mem, &p->spec->blocks[b], p->d, a, row, r->basis);
    if (rank < 0) return (int)rank;
    if (rank == 0) continue;
    wg_gauge_block *block = &r->spec.blocks[r->spec.block_count++];
    *block = p->spec->blocks[b];
    block->start = row;
    block->size = rank;
    block->k = WG_MIN(block->k, rank);
    row += rank;
  }
  r->spec.d = r->problem.d = row;
  return WG_OK;
}

/* Rows of `rows` (n x n) span f's right singular vectors; returns the rank, or a status. */
static int64_t factor_range(wg_mem *mem, const wg_gauss_problem *p, const double *f, double *rows) {
  const int64_t n = p->n;
  double *copy = WG_NEW(mem, double, n *n), *u = WG_NEW(mem, double, n *n);
  double *s = WG_NEW(mem, double, n);
  if (!copy || !u || !s) return wg_no_memory();
  memcpy(copy, f, (size_t)(n * n) * sizeof(double));
  WG_TRY(wg_la_svd(n, copy, u, s, rows));
  int64_t rank = 0;
  while (rank < n && s[rank] > 1e-3 * sqrt(rank_tolerance) * s[0]) rank++;
  memset(rows + rank * n, 0, (size_t)((n - rank) * n) * sizeof(double));
  return rank;
}

/* small (d' x n') = basis f rows' / unit. */
static int reduce_factor(wg_mem *mem, const wg_gauss_problem *p, const wg_gauss_reduced *r,
                         const double *f, const double *rows, double **small) {
  const int64_t d = p->d, n = p->n, dd = r->problem.d, nn = r->problem.n;
  double *half = WG_NEW(mem, double, dd *n);
  *small = WG_NEW(mem, double, dd *nn);
  if (!half || !*small) return wg_no_memory();
  wg_la_gemm(false, false, dd, n, d, 1.0 / sqrt(r->scale), r->basis, d, f, n, 0.0, half, n);
  wg_la_gemm(false, true, dd, nn, n, 1.0, half, n, rows, n, 0.0, *small, nn);
  return WG_OK;
}

int wg_gauss_reduce(wg_mem *mem, const wg_gauss_problem *p, double spread, wg_gauss_reduced *r) {
  const int64_t d = p->d, n = p->n;
  double *a = WG_NEW(mem, double, d *d), *f0, *f1, *delta;
  r->basis = WG_NEW(mem, double, d *d);
  r->left = WG_NEW(mem, double, n *n);
  r->right = WG_NEW(mem, double, n *n);
  if (!a || !r->basis || !r->left || !r->right) return wg_no_memory();
  wg_gauss_ceiling(p, a);
  for (int64_t i = 0; i < d; i++) r->scale += a[i * d + i];
  WG_TRY(reduce_gauge(mem, p, a, r));
  const int64_t rank0 = factor_range(mem, p, p->f0, r->left);
  const int64_t rank1 = factor_range(mem, p, p->f1, r->right);
  if (rank0 < 0 || rank1 < 0) return (int)WG_MIN(rank0, rank1);
  r->problem.n = WG_MAX(WG_MAX(rank0, rank1), 1);
  r->regular = rank0 == r->problem.d && rank1 == r->problem.d;
  r->problem.spec = &r->spec;
  r->near = r->regular && spread < near_ratio * r->scale;
  r->ratio = 1.0;
  if (r->near) {
    r->ratio = WG_MIN(r->scale / spread, 1.0 / least_ratio);
    r->scale /= r->ratio;
  }
  WG_TRY(reduce_factor(mem, p, r, p->f0, r->left, &f0));
  WG_TRY(reduce_factor(mem, p, r, p->f1, r->right, &f1));
  if (!(delta = WG_NEW(mem, double, r->problem.d))) return wg_no_memory();
  for (int64_t i = 0; i < r->problem.d; i++)
    delta[i] = wg_la_dot(d, r->basis + i * d, p->delta) / sqrt(r->scale);
  r->problem.f0 = f0;
  r->problem.f1 = f1;
  r->problem.delta = delta;
  return WG_OK;
}

int wg_gauss_lift(wg_mem *mem, const wg_gauss_problem *p, const wg_gauss_reduced *r,
                  const double *small_contraction, const double *small_q, double *contraction,
                  double *q) {
  const int64_t d = p->d, n = p->n, dd = r->problem.d, nn = r->problem.n;
  double *half = WG_NEW(mem, double, WG_MAX(d, n) * WG_MAX(dd, nn));
  if (!half) return wg_no_memory();
  wg_la_gemm(true, false, n, nn, nn, 1.0, r->left, n, small_contraction, nn, 0.0, half, nn);
  wg_la_gemm(false, false, n, n, nn, 1.0, half, nn, r->right, n, 0.0, contraction, n);
  wg_la_gemm(true, false, d, dd, dd, 1.0, r->basis, d, small_q, dd, 0.0, half, dd);
  wg_la_gemm(false, false, d, d, dd, 1.0, half, dd, r->basis, d, 0.0, q, d);
  return WG_OK;
}
