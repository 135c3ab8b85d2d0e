/* Unbalanced transport under one Q on the pairs of the pool (theory 7): with k = w'Qw' > 0,
 *   minimise n0 . e^alpha + n1 . e^beta   subject to   alpha_i + beta_j - log k_ij^2 = s_ij >= 0.
 *
 * A primal-dual interior point: the multipliers flow_ij of the constraints are the plan, since
 * stationarity, sum_j flow_ij = n0_i e^alpha_i, says that g0 = flow / u and g1 = flow / v have the
 * right marginals, and c = sqrt(g0 g1). Majorise-minimise iterations need thousands of sweeps here,
 * this some 20 steps whatever the size; it starts from the duals of the Q before, made feasible.
 *
 * One step. With theta = flow / s the system in (d alpha, d beta) has the diagonal
 * n0 u + sum_j theta and the entries theta beside it. With the sign of beta changed it is a matrix
 * of nonpositive entries off the diagonal and row excess n0 u, n1 v > 0; eliminating one side keeps
 * that form,
 *   S_il = -sum_j theta_ij theta_lj / D_j,   excess_i = n0_i u_i + sum_j theta_ij n1_j v_j / D_j,
 * so that the diagonal is summed from positive terms and nothing cancels, although theta spans
 * twenty orders of magnitude near the end. Then a dense Cholesky factor of the smaller side. Cost
 * of a step: min(n0, n1)^3 / 3 and the squares of the pool's columns; memory min(n0, n1)^2 and 6
 * numbers a pair. */
#include <string.h>

#include "linalg/la.h"
#include "sphere/parts.h"

enum { MOST_STEPS = 80 };

struct wg_sphere_inner {
  wg_mem *mem;
  wg_sphere_pool *pool;
  int kept;      /* the side whose steps the dense system has, the smaller one */
  int64_t n[2];  /* of atoms, side kept first                                  */
  int64_t count; /* pairs with k > 0                                           */
  int64_t room;
  int64_t *pair;   /* count: in the pool, grouped by the side eliminated         */
  int64_t *first;  /* n[1] + 1: where its groups begin                           */
  int32_t *end[2]; /* count: atoms                                               */
  double *log_k2, *flow, *slack, *theta, *step_flow, *step_slack, *push; /* count */
  double *dual[2], *weight[2], *diagonal[2], *step[2], *rest[2];         /* n */
  double *schur, *sum;                                                   /* n[0] x n[0], n[0] */
};

int wg_inner_create(wg_mem *mem, wg_sphere_pool *pool, wg_sphere_inner **inner) {
  wg_sphere_inner *t = WG_NEW(mem, wg_sphere_inner, 1);
  if (!t) return wg_no_memory();
  *t = (wg_sphere_inner){.mem = mem, .pool = pool, .kept = pool->p->n[1] < pool->p->n[0]};
  for (int side = 0; side < 2; side++) {
    const int64_t n = t->n[side] = pool->p->n[side ^ t->kept];
    double **parts[] = {&t->weight[side], &t->diagonal[side], &t->step[side], &t->rest[side]};
    t->dual[side] = pool->log_dual[side ^ t->kept];
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
      if (!(*parts[k] = WG_NEW(mem, double, n))) return wg_no_memory();
  }
  t->first = WG_NEW(mem, int64_t, t->n[1] + 1);
  t->schur = WG_NEW(mem, double, t->n[0] * t->n[0]);
  t->sum = WG_NEW(mem, double, t->n[0]);
  *inner = t;
  return t->first && t->schur && t->sum ? WG_OK : wg_no_memory();
}

static int reserve(wg_sphere_inner *t) {
  double **parts[] = {&t->log_k2, &t->flow,      &t->slack,     &t->theta,
                      &t->push,   &t->step_flow, &t->step_slack};
  if (t->pool->count <= t->room) return WG_OK;
  const int64_t room = t->pool->room;
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
    double *grown = WG_GROW(t->mem, *parts[k], double, room);
    if (!grown) return wg_no_memory();
    *parts[k] = grown;
  }
  int64_t *pair = WG_GROW(t->mem, t->pair, int64_t, room);
  if (!pair) return wg_no_memory();
  t->pair = pair;
  for (int side = 0; side < 2; side++) {
    int32_t *end = WG_GROW(t->mem, t->end[side], int32_t, room);
    if (!end) return wg_no_memory();
    t->end[side] = end;
  }
  t->room = room;
  return WG_OK;
}

/* ---- the pairs, grouped, and a first point ---- */

static bool carries(const wg_sphere_pool *pool, int64_t e) {
  return pool->k[e] > 1e-13 * pool->scale;
}

static void group_pairs(wg_sphere_inner *t) {
  const wg_sphere_pool *pool = t->pool;
  const int32_t *gone = t->kept ? pool->row : pool->col, *stays = t->kept ? pool->col : pool->row;
  memset(t->first, 0, (size_t)(t->n[1] + 1) * sizeof *t->first);
  for (int64_t e = 0; e < pool->count; e++)
    if (carries(pool, e)) t->first[gone[e] + 1]++;
  for (int64_t j = 0; j < t->n[1]; j++) t->first[j + 1] += t->first[j];
  t->count = t->first[t->n[1]];
  for (int64_t e = 0; e < pool->count; e++)
    if (carries(pool, e)) {
      const int64_t at = t->first[gone[e]]++;
      t->pair[at] = e;
      t->end[0][at] = stays[e];
      t->end[1][at] = gone[e];
      t->log_k2[at] = 2.0 * log(pool->k[e]);
    }
  for (int64_t j = t->n[1]; j > 0; j--) t->first[j] = t->first[j - 1];
  t->first[0] = 0;
}

/* Raises the duals until alpha + beta >= log k^2 on the pairs: where much is missing, as after a Q
 * under which an atom had no pairs, both to log k and not one by all of it. */
static void make_feasible(wg_sphere_inner *t) {
  const double much = 1.0;
  for (int64_t e = 0; e < t->count; e++) {
    double *own = &t->dual[0][t->end[0][e]], *other = &t->dual[1][t->end[1][e]];
    if (t->log_k2[e] - *own - *other <= much) continue;
    *own = WG_MAX(*own, 0.5 * t->log_k2[e]);
    *other = WG_MAX(*other, 0.5 * t->log_k2[e]);
  }
  for (int64_t e = 0; e < t->count; e++) {
    double *own = &t->dual[0][t->end[0][e]];
    *own = WG_MAX(*own, t->log_k2[e] - t->dual[1][t->end[1][e]]);
  }
}

static void weigh(wg_sphere_inner *t) {
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++)
      t->weight[side][i] = t->pool->p->mass[side ^ t->kept][i] * exp(t->dual[side][i]);
}

static void count_pairs(wg_sphere_inner *t) { /* of each atom, into step */
  for (int side = 0; side < 2; side++) {
    memset(t->step[side], 0, (size_t)t->n[side] * sizeof(double));
    for (int64_t e = 0; e < t->count; e++) t->step[side][t->end[side][e]] += 1.0;
  }
}

/* Duals just above feasible; the flow of the time before, and some on every pair. An atom without
 * pairs has no dual. A start nearer to the last optimum takes more steps, not fewer. */
static void start(wg_sphere_inner *t, const double *flow) {
  const double without = -90.0, room = 0.1;
  group_pairs(t);
  count_pairs(t);
  make_feasible(t);
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++)
      if (t->step[side][i] == 0.0) t->dual[side][i] = without;
  weigh(t);
  for (int64_t e = 0; e < t->count; e++) {
    const int64_t i = t->end[0][e], j = t->end[1][e];
    const double share = WG_MIN(t->weight[0][i] / t->step[0][i], t->weight[1][j] / t->step[1][j]);
    t->slack[e] = WG_MAX(t->dual[0][i] + t->dual[1][j] - t->log_k2[e], room);
    t->flow[e] = WG_MAX(flow[t->pair[e]], share * room / t->slack[e]);
  }
}

/* ---- one step ---- */

/* Atom j of the other side out of the system: the lower triangle off the diagonal, and row sums. */
static void eliminate(wg_sphere_inner *t, int64_t j) {
  const int32_t *kept = t->end[0];
  const double own = 1.0 / t->diagonal[1][j];
  for (int64_t e = t->first[j]; e < t->first[j + 1]; e++) {
    double *row = t->schur + kept[e] * t->n[0];
    const double factor = t->theta[e] * own;
    double sum = t->weight[1][j];
    for (int64_t f = t->first[j]; f < t->first[j + 1]; f++) {
      if (kept[f] == kept[e]) continue;
      sum += t->theta[f];
      if (kept[f] < kept[e]) row[kept[f]] -= factor * t->theta[f];
    }
    t->sum[kept[e]] += factor * sum;
  }
}

/* Factorises the system of the kept side; 1 where precision is used up. */
static int factor(wg_sphere_inner *t) {
  const int64_t n = t->n[0];
  memset(t->schur, 0, (size_t)(n * n) * sizeof(double));
  for (int side = 0; side < 2; side++)
    memcpy(t->diagonal[side], t->weight[side], (size_t)t->n[side] * sizeof(double));
  for (int64_t e = 0; e < t->count; e++) {
    t->theta[e] = t->flow[e] / t->slack[e];
    t->diagonal[1][t->end[1][e]] += t->theta[e];
  }
  memcpy(t->sum, t->weight[0], (size_t)n * sizeof(double));
  for (int64_t j = 0; j < t->n[1]; j++) eliminate(t, j);
  for (int64_t i = 0; i < n; i++) t->schur[i * n + i] = t->sum[i];
  return wg_la_cholesky(n, t->schur) ? 1 : WG_OK;
}

/* The step for flow * slack = push. */
static void find_step(wg_sphere_inner *t) {
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++) t->step[side][i] = -t->weight[side][i];
  for (int64_t e = 0; e < t->count; e++) {
    const int64_t i = t->end[0][e], j = t->end[1][e];
    const double miss = t->dual[0][i] + t->dual[1][j] - t->log_k2[e] - t->slack[e];
    const double value = t->push[e] / t->slack[e] - t->theta[e] * miss;
    t->step[0][i] += value;
    t->step[1][j] += value;
  }
  for (int64_t e = 0; e < t->count; e++)
    t->step[0][t->end[0][e]] -=
        t->theta[e] * t->step[1][t->end[1][e]] / t->diagonal[1][t->end[1][e]];
  wg_la_cholesky_solve(t->n[0], t->schur, t->n[0], 1, t->step[0]);
  for (int64_t e = 0; e < t->count; e++)
    t->step[1][t->end[1][e]] -= t->theta[e] * t->step[0][t->end[0][e]];
  for (int64_t j = 0; j < t->n[1]; j++) t->step[1][j] /= t->diagonal[1][j];
  for (int64_t e = 0; e < t->count; e++) {
    const int64_t i = t->end[0][e], j = t->end[1][e];
    const double miss = t->dual[0][i] + t->dual[1][j] - t->log_k2[e] - t->slack[e];
    t->step_slack[e] = t->step[0][i] + t->step[1][j] + miss;
    t->step_flow[e] = (t->push[e] - t->flow[e] * t->step_slack[e]) / t->slack[e] - t->flow[e];
  }
}

static double step_limit(const wg_sphere_inner *t) {
  double limit = 1.0 / 0.98, fastest = 0.0;
  for (int64_t e = 0; e < t->count; e++) {
    if (t->step_slack[e] < 0) limit = WG_MIN(limit, -t->slack[e] / t->step_slack[e]);
    if (t->step_flow[e] < 0) limit = WG_MIN(limit, -t->flow[e] / t->step_flow[e]);
  }
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++) fastest = WG_MAX(fastest, fabs(t->step[side][i]));
  return WG_MIN(limit, 3.0 / fastest); /* e^alpha is far from linear beyond */
}

static double complementarity(const wg_sphere_inner *t, double step) {
  double sum = 0.0;
  for (int64_t e = 0; e < t->count; e++)
    sum += (t->flow[e] + step * t->step_flow[e]) * (t->slack[e] + step * t->step_slack[e]);
  return sum;
}

/* What the marginals miss, in the units of the value. */
static double imbalance(wg_sphere_inner *t) {
  double sum = 0.0;
  for (int side = 0; side < 2; side++)
    memcpy(t->rest[side], t->weight[side], (size_t)t->n[side] * sizeof(double));
  for (int64_t e = 0; e < t->count; e++) {
    t->rest[0][t->end[0][e]] -= t->flow[e];
    t->rest[1][t->end[1][e]] -= t->flow[e];
  }
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++) sum += fabs(t->rest[side][i]);
  return sum;
}

static void advance(wg_sphere_inner *t, double step) {
  for (int64_t e = 0; e < t->count; e++) {
    t->flow[e] += step * t->step_flow[e];
    t->slack[e] += step * t->step_slack[e];
  }
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++) t->dual[side][i] += step * t->step[side][i];
  weigh(t);
}

static void forget_step(wg_sphere_inner *t) {
  memset(t->step_flow, 0, (size_t)t->count * sizeof(double));
  memset(t->step_slack, 0, (size_t)t->count * sizeof(double));
}

/* Mehrotra's predictor and corrector. */
static int make_step(wg_sphere_inner *t) {
  forget_step(t);
  const double now = complementarity(t, 0.0);
  WG_TRY(factor(t) ? 1 : WG_OK);
  memset(t->push, 0, (size_t)t->count * sizeof(double));
  find_step(t);
  const double share = complementarity(t, WG_MIN(1.0, step_limit(t))) / now;
  const double mu = WG_MIN(1.0, share * share * share) * now / (double)t->count;
  for (int64_t e = 0; e < t->count; e++) t->push[e] = mu - t->step_flow[e] * t->step_slack[e];
  find_step(t);
  const double limit = step_limit(t);
  if (!isfinite(limit)) return 1;
  advance(t, WG_MIN(1.0, 0.98 * limit));
  return WG_OK;
}

int wg_inner_solve(wg_sphere_inner *t, double error, double *flow, int64_t *steps) {
  int status = WG_OK;
  WG_TRY(reserve(t));
  start(t, flow);
  for (int step = 0; t->count && step < MOST_STEPS; step++) {
    forget_step(t);
    if (complementarity(t, 0.0) <= error && imbalance(t) <= error) break;
    if (wg_watch_poll(&t->pool->context->watch)) break;
    ++*steps;
    status = make_step(t);
    if (status) break;
  }
  make_feasible(t);
  memset(flow, 0, (size_t)t->pool->count * sizeof(double));
  for (int64_t e = 0; e < t->count; e++) flow[t->pair[e]] = t->flow[e];
  return status;
}
