/* The symmetric root of a covariance in twofold precision.
 *
 * Why. A distance of Gaussians is a function of the roots. A double precision root R of S has R^2 -
 * S of some u |S|, which moves an eigenvalue lambda of the root by u |S| / (2 root lambda): 1e-8
 * for singular S, and hopeless where two covariances are nearly equal. With the residual near u^2
 * |S| what certify/ pays for it is below every tolerance.
 *
 * How. LAPACK's eigenvectors U are refined by Ogita and Aishima's correction (Japan J. Indust.
 * Appl. Math. 35 (2018)): with R = I - U'U and T = U'SU in twofold precision, U <- U + U E,
 *   E_ij = (T_ij + l_j R_ij) / (l_j - l_i),   E_ii = R_ii / 2,   l_i = T_ii / (1 - R_ii),
 * which squares the error. Pairs whose eigenvalues are nearer than the couplings T_ij + l_j R_ij
 * allow are a cluster: there E_ij = R_ij / 2, and the cluster's block of T, less a multiple of the
 * identity, is diagonalised by LAPACK anew. So the eigenvalues of a singular covariance that are
 * rounding only, some 1e-17 of the largest, are found to 1e-31 of it. Two or three rounds do.
 * Eigenvalues below zero are not covariance: they are handed out apart.
 * Nothing here is proved: certify/ looks at the residual of what comes out. Cost some five products
 * of twofold precision (14 d^3 flops each), memory 16 d^2. */
#include <string.h>

#include "linalg/la.h"
#include "measure/measure.h"

enum { MOST_ROUNDS = 6 };
static const double rank_tolerance = 1e-14; /* of the largest eigenvalue: theory 4 */

typedef struct refinement {
  int64_t d;
  wg_twofold_matrix s, u, su, t; /* d x d; u: eigenvectors in columns            */
  wg_twofold_matrix values;      /* d                                            */
  double *miss, *turn, *room;    /* d x d: R, E and scratch                      */
  double *block, *axes, *at;     /* of a cluster: d x d twice, and d             */
} refinement;

static int new_twofold(wg_mem *mem, int64_t count, wg_twofold_matrix *a) {
  *a = (wg_twofold_matrix){WG_NEW(mem, double, count), WG_NEW(mem, double, count)};
  return a->high && a->low ? WG_OK : wg_no_memory();
}

static int create(wg_mem *mem, int64_t d, refinement *t) {
  const int64_t size = d * d;
  *t = (refinement){.d = d,
                    .miss = WG_NEW(mem, double, size),
                    .turn = WG_NEW(mem, double, size),
                    .room = WG_NEW(mem, double, size),
                    .block = WG_NEW(mem, double, size),
                    .axes = WG_NEW(mem, double, size),
                    .at = WG_NEW(mem, double, d)};
  if (!t->miss || !t->turn || !t->room || !t->block || !t->axes || !t->at) return wg_no_memory();
  wg_twofold_matrix *const all[] = {&t->s, &t->u, &t->su, &t->t};
  for (int k = 0; k < 4; k++) WG_TRY(new_twofold(mem, size, all[k]));
  return new_twofold(mem, d, &t->values);
}

/* T, R and the eigenvalues of the present vectors. */
static void measure_vectors(refinement *t) {
  const int64_t d = t->d;
  wg_la_twofold_product(true, true, d, d, d, t->u, t->u, t->t);
  for (int64_t i = 0; i < d * d; i++)
    t->miss[i] = (i % (d + 1) ? 0.0 : 1.0) - t->t.high[i] - t->t.low[i];
  wg_la_twofold_product(false, false, d, d, d, t->s, t->u, t->su);
  wg_la_twofold_product(true, true, d, d, d, t->u, t->su, t->t);
  for (int64_t i = 0; i < d; i++) {
    const wg_twofold own = wg_twofold_at(t->t, i * (d + 1));
    const double more = t->miss[i * (d + 1)] * (1.0 + t->miss[i * (d + 1)]);
    wg_twofold_put(t->values, i,
                   wg_twofold_add(own, wg_twofold_multiply(own, (wg_twofold){more, 0.0})));
  }
}

/* T_ij + l_j R_ij, l_j = values */
static double coupling(const refinement *t, int64_t i, int64_t j) {
  const int64_t at = i * t->d + j;
  return t->t.high[at] + (t->t.low[at] + t->values.high[j] * t->miss[at]);
}

static double largest_coupling(const refinement *t) {
  double most = 0.0;
  for (int64_t i = 0; i < t->d; i++)
    for (int64_t j = 0; j < t->d; j++)
      if (i != j) most = WG_MAX(most, fabs(coupling(t, i, j)));
  return most;
}

static double distance(const refinement *t, int64_t i, int64_t j) {
  return (t->values.high[j] - t->values.high[i]) + (t->values.low[j] - t->values.low[i]);
}

/* The eigenvectors of the cluster from..to - 1 within their span. */
static int turn_cluster(refinement *t, int64_t from, int64_t to) {
  const int64_t d = t->d, k = to - from;
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < k; j++) {
      const int64_t at = (from + i) * d + from + j;
      const double middle = 0.5 * (t->values.high[from + i] + t->values.high[from + j]);
      t->block[i * k + j] = i == j ? distance(t, from, from + i)
                                   : t->t.high[at] + (t->t.low[at] + middle * t->miss[at]);
    }
  WG_TRY(wg_la_eigh(k, t->block, t->at, t->axes));
  for (int64_t row = 0; row < d; row++) {
    for (int64_t j = 0; j < k; j++) {
      wg_twofold sum = {0.0, 0.0};
      for (int64_t i = 0; i < k; i++)
        sum = wg_twofold_add(sum, wg_twofold_multiply(wg_twofold_at(t->u, row * d + from + i),
                                                      (wg_twofold){t->axes[j * k + i], 0.0}));
      t->block[2 * j] = sum.high;
      t->block[2 * j + 1] = sum.low;
    }
    for (int64_t j = 0; j < k; j++)
      wg_twofold_put(t->u, row * d + from + j, (wg_twofold){t->block[2 * j], t->block[2 * j + 1]});
  }
  return WG_OK;
}

/* u += u E */
static void turn_all(refinement *t) {
  const int64_t d = t->d;
  wg_la_gemm(false, false, d, d, d, 1.0, t->u.high, d, t->turn, d, 0.0, t->room, d);
  for (int64_t i = 0; i < d * d; i++)
    wg_twofold_put(t->u, i, wg_twofold_add(wg_twofold_at(t->u, i), (wg_twofold){t->room[i], 0.0}));
}

/* The end of the cluster that begins at from. */
static int64_t cluster_end(const refinement *t, int64_t from, double near) {
  int64_t to = from + 1;
  while (to < t->d && fabs(distance(t, to - 1, to)) <= near) to++;
  return to;
}

/* Fills E; returns its largest entry outside clusters. */
static double find_turns(refinement *t, double near) {
  const int64_t d = t->d;
  double widest = 0.0;
  for (int64_t from = 0, to; from < d; from = to) {
    to = cluster_end(t, from, near);
    for (int64_t i = from; i < to; i++)
      for (int64_t j = 0; j < d; j++) {
        const double apart = distance(t, i, j);
        const bool inside = (j >= from && j < to) || fabs(apart) <= near;
        t->turn[i * d + j] = inside ? 0.5 * t->miss[i * d + j] : coupling(t, i, j) / apart;
        if (!inside) widest = WG_MAX(widest, fabs(t->turn[i * d + j]));
      }
  }
  return widest;
}

/* What S may be off by where the root, and W with it, is moved by 1e-20 of the largest only. */
static double harmless_to_root(const refinement *t) {
  const double top = t->values.high[0], least = t->values.high[t->d - 1];
  return least > 0.0 ? 1e-20 * sqrt(least) * sqrt(top) : 0.0;
}

/* One round; true in *done if T is diagonal but for what is negligible. */
static int improve(refinement *t, double negligible, bool *done) {
  measure_vectors(t);
  const double most = largest_coupling(t), near = most > negligible ? 64.0 * most : INFINITY;
  const double widest = find_turns(t, near);
  turn_all(t);
  /* What is left of T beside the diagonal, and of U'U: E^2, times the largest eigenvalue. */
  const double left = WG_MAX(most, widest * WG_MAX(t->values.high[0], 0.0)) * widest;
  *done = left <= WG_MAX(negligible, harmless_to_root(t));
  for (int64_t from = 0, to; most > negligible && from < t->d; from = to) {
    to = cluster_end(t, from, near);
    if (to - from == 1) continue;
    *done = false;
    WG_TRY(turn_cluster(t, from, to));
  }
  return WG_OK;
}

/* root = U diag(root of values) U', and the rows below zero. */
static int compose(wg_mem *mem, refinement *t, wg_normal_root *out) {
  const int64_t d = t->d;
  const double top = WG_MAX(t->values.high[0], 0.0);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) wg_twofold_put(t->t, i * d + j, wg_twofold_at(t->u, j * d + i));
  for (int64_t i = 0; i < d; i++) {
    const wg_twofold value = wg_twofold_at(t->values, i), root = wg_twofold_root(value);
    out->rank += value.high > rank_tolerance * top;
    out->fallen += value.high < 0.0;
    for (int64_t j = 0; j < d; j++)
      wg_twofold_put(t->su, i * d + j, wg_twofold_multiply(root, wg_twofold_at(t->t, i * d + j)));
  }
  wg_la_twofold_product(true, true, d, d, d, t->su, t->t, out->root);
  WG_TRY(new_twofold(mem, out->fallen * d, &out->negative));
  for (int64_t i = 0, row = 0; i < d; i++) {
    const wg_twofold value = wg_twofold_at(t->values, i);
    if (value.high >= 0.0) continue;
    const wg_twofold root = wg_twofold_root((wg_twofold){-value.high, -value.low});
    for (int64_t j = 0; j < d; j++)
      wg_twofold_put(out->negative, row * d + j,
                     wg_twofold_multiply(root, wg_twofold_at(t->t, i * d + j)));
    row++;
  }
  return WG_OK;
}

static int find_root(wg_mem *own, wg_mem *mem, int64_t d, wg_twofold_matrix s,
                     const double *vectors, wg_normal_root *out) {
  refinement t;
  WG_TRY(create(own, d, &t));
  memcpy(t.s.high, s.high, (size_t)(d * d) * sizeof(double));
  memcpy(t.s.low, s.low, (size_t)(d * d) * sizeof(double));
  double largest = 0.0;
  for (int64_t i = 0; i < d; i++) {
    largest = WG_MAX(largest, s.high[i * (d + 1)]);
    for (int64_t j = 0; j < d; j++) t.u.high[i * d + j] = vectors[j * d + i];
  }
  const double negligible = 16.0 * (double)(d + 8) * WG_UNIT * WG_UNIT * largest;
  bool done = false;
  for (int round = 0; round < MOST_ROUNDS && !done; round++) WG_TRY(improve(&t, negligible, &done));
  return compose(mem, &t, out);
}

int wg_measure_root(wg_mem *mem, int64_t d, wg_twofold_matrix s, const double *vectors,
                    wg_normal_root *root) {
  wg_mem own = wg_mem_of(mem->ledger);
  *root = (wg_normal_root){0};
  int status = new_twofold(mem, d * d, &root->root);
  if (status == WG_OK) status = find_root(&own, mem, d, s, vectors, root);
  wg_mem_clear(&own);
  return status;
}
