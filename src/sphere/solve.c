/* UW_gamma^2 = max over Q in K_gamma of D_Q^2 = min over semi-couplings of gamma(A) (theory 7, the
 * theorem of docs/theory/sphere.md): rounds of an interior point, then, if need be, cutting planes.
 *
 * The interior point of joint.c finds Q and the semi-coupling at the same time on the pairs of the
 * pool; pricing adds what is violated outside it; each round is ten times as exact as the one
 * before. Some five to ten rounds, 20 to 40 steps in all, whatever the gauge and d.
 *
 * Cutting planes do the rest: the gauges that joint.c does not serve (block maxima), very large
 * problems, and the last digits where its precision ends, some 1e-11 of the masses. For one Q,
 * inner.c transports; its plan, made a semi-coupling, has a moment A that bounds D^2 from above
 * everywhere, D_Q'^2 <= <Q', A>. The master of spectral/ finds the convex combination of the
 * moments known with the least gauge, and the Q that asks for it. The next one tried is half-way
 * from the best Q so far to that one: half as many calls as going all the way. Semi-couplings are
 * convex (sqrt(g0 g1) is concave), so that the combination is the answer. A transport is solved no
 * better than the gap at hand needs.
 *
 * A = sum of (sqrt g0 w - sqrt g1 w')(..)' + what is destroyed and created: no cancellation when
 * the measures are near each other. A call of either kind costs a scan of all pairs a round of
 * pricing (n0 n1 d) and steps of joint.c or inner.c, fewer after the first. Memory of a call: 3
 * numbers a pair of the pool. */
#include <string.h>

#include "linalg/la.h"
#include "spectral/spectral.h"
#include "sphere/parts.h"

enum {
  MOST_ROUNDS = 12,
  PATIENCE = 40,
  PATIENCE_AFTER = 8,
  WIDENINGS = 3,
  COARSE = 50,
  MOST_STALLS = 3
};
static const double least_violation = 1e-10; /* of u, that pricing looks at */
static const double clearly = 1e-3;          /* of the scale of Q */

typedef struct semicoupling { /* of one call, over the first `count` pairs of the pool */
  int64_t count;
  double *g0, *g1, *c;
} semicoupling;

typedef struct search {
  wg_context *context;
  wg_mem *mem;
  const wg_sphere_problem *p;
  wg_sphere_pool pool;
  wg_sphere_inner *inner;
  wg_sphere_answer *answer;
  int64_t calls, room;
  semicoupling *plans; /* calls             */
  double *moments;     /* calls x d x d     */
  double *weights;     /* room              */
  double *q;           /* d x d: next       */
  double *flow;        /* of the pool       */
  int64_t flow_room;
  double *sums[2], *scales[2]; /* n       */
  double *u, *v;
  double at_q; /* lower bound of D_q^2 found last */
} search;

static int create(search *t, wg_context *context, wg_mem *mem, const wg_sphere_problem *p,
                  wg_sphere_answer *answer) {
  const int64_t d = p->d;
  *t = (search){.context = context, .mem = mem, .p = p, .answer = answer};
  WG_TRY(wg_pool_create(mem, context, p, &t->pool));
  for (int side = 0; side < 2; side++) {
    t->sums[side] = WG_NEW(mem, double, p->n[side]);
    t->scales[side] = WG_NEW(mem, double, p->n[side]);
    if (!t->sums[side] || !t->scales[side]) return wg_no_memory();
  }
  t->u = WG_NEW(mem, double, p->n[0]);
  t->v = WG_NEW(mem, double, p->n[1]);
  t->q = WG_NEW(mem, double, d *d);
  answer->u = WG_NEW(mem, double, p->n[0]);
  answer->v = WG_NEW(mem, double, p->n[1]);
  answer->q = WG_NEW(mem, double, d *d);
  answer->lower = 0.0;
  answer->upper = INFINITY;
  const bool fine = t->u && t->v && t->q && answer->u && answer->v && answer->q;
  return fine ? WG_OK : wg_no_memory();
}

/* ---- one call ---- */

/* sum mass_i (w_i' Q w_i) of a side: Q is that of the pool's last setting. */
static double weigh_all(const search *t, int side, const double *q) {
  const int64_t d = t->p->d;
  wg_sum sum = {0};
  for (int64_t i = 0; i < t->p->n[side]; i++) {
    const double *w = t->p->w[side] + i * d;
    double value = 0.0;
    for (int64_t r = 0; r < d; r++) value += w[r] * wg_la_dot(d, q + r * d, w);
    wg_sum_add(&sum, t->p->mass[side][i] * value);
  }
  return wg_sum_value(sum);
}

static double weigh_dual(const search *t, int side, const double *dual) {
  wg_sum sum = {0};
  for (int64_t i = 0; i < t->p->n[side]; i++) wg_sum_add(&sum, t->p->mass[side][i] * dual[i]);
  return wg_sum_value(sum);
}

/* g (count, in place) scaled so that no atom of the side has more than its mass, and all of it
 * where nearly all is there. */
static void fit_marginal(search *t, int side, const int32_t *end, int64_t count, double *g) {
  const double *mass = t->p->mass[side];
  double *sum = t->sums[side];
  memset(sum, 0, (size_t)t->p->n[side] * sizeof(double));
  for (int64_t e = 0; e < count; e++) sum[end[e]] += g[e];
  for (int64_t i = 0; i < t->p->n[side]; i++)
    t->scales[side][i] = sum[i] * 2.0 > mass[i] ? mass[i] / sum[i] : 2.0;
  for (int64_t e = 0; e < count; e++) g[e] *= t->scales[side][end[e]];
}

void wg_sphere_add_square(int64_t d, double share, double f, const double *w, double g,
                          const double *other, double *moment) {
  for (int64_t r = 0; r < d; r++) {
    const double x = share * (f * w[r] - (other ? g * other[r] : 0.0));
    for (int64_t s = 0; s < d; s++)
      moment[r * d + s] += x * (f * w[s] - (other ? g * other[s] : 0.0));
  }
}

/* The moment A of a plan with 0 <= c <= sqrt(g0 g1). */
static void find_moment(search *t, const semicoupling *plan, double *moment) {
  const int64_t d = t->p->d;
  const double *const g[2] = {plan->g0, plan->g1};
  const int32_t *const end[2] = {t->pool.row, t->pool.col};
  memset(moment, 0, (size_t)(d * d) * sizeof(double));
  for (int side = 0; side < 2; side++) {
    memset(t->sums[side], 0, (size_t)t->p->n[side] * sizeof(double));
    for (int64_t e = 0; e < plan->count; e++) t->sums[side][end[side][e]] += g[side][e];
    for (int64_t i = 0; i < t->p->n[side]; i++)
      wg_sphere_add_square(d, WG_MAX(t->p->mass[side][i] - t->sums[side][i], 0.0), 1.0,
                           t->p->w[side] + i * d, 0.0, NULL, moment);
  }
  for (int64_t e = 0; e < plan->count; e++) {
    const double *w = t->p->w[0] + t->pool.row[e] * d, *other = t->p->w[1] + t->pool.col[e] * d;
    const double product = plan->g0[e] * plan->g1[e];
    const double theta = product > 0.0 ? WG_MIN(plan->c[e] / sqrt(product), 1.0) : 0.0;
    wg_sphere_add_square(d, theta, sqrt(plan->g0[e]), w, sqrt(plan->g1[e]), other, moment);
    wg_sphere_add_square(d, 1.0 - theta, sqrt(plan->g0[e]), w, 0.0, NULL, moment);
    wg_sphere_add_square(d, 1.0 - theta, sqrt(plan->g1[e]), other, 0.0, NULL, moment);
  }
}

/* Room for the pool's pairs. */
static int reserve_plan(search *t, semicoupling *plan) {
  const int64_t count = plan->count = t->pool.count;
  if (!plan->g0) {
    plan->g0 = WG_NEW(t->mem, double, count);
    plan->g1 = WG_NEW(t->mem, double, count);
    plan->c = WG_NEW(t->mem, double, count);
  } else { /* a round of pricing later */
    double **parts[] = {&plan->g0, &plan->g1, &plan->c};
    for (int k = 0; k < 3; k++) {
      double *grown = WG_GROW(t->mem, *parts[k], double, count);
      if (!grown) return wg_no_memory();
      *parts[k] = grown;
    }
  }
  return plan->g0 && plan->g1 && plan->c ? WG_OK : wg_no_memory();
}

/* The flow of the last transport as a semi-coupling. */
static int make_plan(search *t, semicoupling *plan) {
  WG_TRY(reserve_plan(t, plan));
  for (int64_t e = 0; e < plan->count; e++) {
    plan->g0[e] = t->flow[e] * exp(-t->pool.log_dual[0][t->pool.row[e]]);
    plan->g1[e] = t->flow[e] * exp(-t->pool.log_dual[1][t->pool.col[e]]);
  }
  fit_marginal(t, 0, t->pool.row, plan->count, plan->g0);
  fit_marginal(t, 1, t->pool.col, plan->count, plan->g1);
  for (int64_t e = 0; e < plan->count; e++) plan->c[e] = sqrt(plan->g0[e] * plan->g1[e]);
  return WG_OK;
}

static int reserve(search *t) {
  const int64_t d = t->p->d;
  if (t->calls < t->room) return WG_OK;
  const int64_t room = 2 * t->room + 16;
  semicoupling *plans = WG_GROW(t->mem, t->plans, semicoupling, room);
  if (plans) t->plans = plans;
  double *moments = plans ? WG_GROW(t->mem, t->moments, double, room *d *d) : NULL;
  if (moments) t->moments = moments;
  double *weights = moments ? WG_GROW(t->mem, t->weights, double, room) : NULL;
  if (!weights) return wg_no_memory();
  t->weights = weights;
  t->room = room;
  return WG_OK;
}

static int reserve_flow(search *t) {
  if (t->pool.count <= t->flow_room) return WG_OK;
  double *flow = WG_GROW(t->mem, t->flow, double, t->pool.room);
  if (!flow) return wg_no_memory();
  t->flow = flow;
  t->flow_room = t->pool.room;
  return WG_OK;
}

static void keep_lower(search *t) {
  wg_sphere_answer *answer = t->answer;
  const int64_t d = t->p->d;
  t->at_q = weigh_all(t, 0, t->q) - weigh_dual(t, 0, t->u) + weigh_all(t, 1, t->q) -
            weigh_dual(t, 1, t->v);
  if (t->at_q <= answer->lower && t->calls) return;
  answer->lower = WG_MAX(t->at_q, 0.0);
  memcpy(answer->u, t->u, (size_t)t->p->n[0] * sizeof(double));
  memcpy(answer->v, t->v, (size_t)t->p->n[1] * sizeof(double));
  memcpy(answer->q, t->q, (size_t)(d * d) * sizeof(double));
}

/* Transport under t->q to within `error`: a plan, its moment, and a lower bound. */
static int call(search *t, double error) {
  const int64_t d = t->p->d;
  WG_TRY(reserve(t));
  semicoupling *plan = &t->plans[t->calls];
  double *moment = t->moments + t->calls * d * d;
  *plan = (semicoupling){0};
  if (!t->inner) WG_TRY(wg_inner_create(t->mem, &t->pool, &t->inner));
  wg_pool_set(&t->pool, t->q);
  if (t->calls == 0) WG_TRY(wg_pool_begin(&t->pool));
  for (int round = 0; round < MOST_ROUNDS; round++) {
    int64_t added;
    WG_TRY(reserve_flow(t));
    const int status = wg_inner_solve(t->inner, 0.25 * error, t->flow, &t->answer->steps);
    if (status < 0) return status;
    WG_TRY(make_plan(t, plan));
    find_moment(t, plan, moment);
    wg_pool_transform(&t->pool, t->u, t->v);
    keep_lower(t);
    if (wg_la_dot(d * d, t->q, moment) - t->at_q <= error) break;
    if (wg_watch_poll(&t->context->watch)) break;
    WG_TRY(wg_pool_price(&t->pool, least_violation, &added));
    if (!added) break;
  }
  t->calls++;
  return WG_OK;
}

/* ---- the answer ---- */

/* The combination of the plans, entries that carry nothing left out. */
static int combine(search *t) {
  wg_sphere_answer *answer = t->answer;
  const int64_t count = t->pool.count;
  double *parts[3];
  for (int k = 0; k < 3; k++)
    if (!(parts[k] = WG_NEW(t->mem, double, count))) return wg_no_memory();
  answer->row = WG_NEW(t->mem, int64_t, count);
  answer->col = WG_NEW(t->mem, int64_t, count);
  if (!answer->row || !answer->col) return wg_no_memory();
  for (int64_t k = 0; k < t->calls; k++)
    for (int64_t e = 0; t->weights[k] > 0.0 && e < t->plans[k].count; e++) {
      parts[0][e] += t->weights[k] * t->plans[k].g0[e];
      parts[1][e] += t->weights[k] * t->plans[k].g1[e];
      parts[2][e] += t->weights[k] * t->plans[k].c[e];
    }
  for (int64_t e = 0; e < count; e++) {
    if (!(parts[2][e] > 0.0)) continue;
    const int64_t at = answer->count++;
    answer->row[at] = t->pool.row[e];
    answer->col[at] = t->pool.col[e];
    for (int k = 0; k < 3; k++) parts[k][at] = parts[k][e];
  }
  answer->g0 = parts[0];
  answer->g1 = parts[1];
  answer->c = parts[2];
  return WG_OK;
}

static void report(search *t) {
  t->context->watch.state.lower = t->answer->lower;
  t->context->watch.state.upper = t->answer->upper;
  t->context->watch.state.oracle_calls = t->calls;
  wg_watch_phase(&t->context->watch, "transport on the sphere, %lld pairs",
                 (long long)t->pool.count);
}

/* What a gap counts as closed at: rounding of the atoms moves the value by as much. */
static double aim(const search *t, double mass) {
  return WG_MAX(t->p->tol * t->answer->upper, 2e-14 * mass);
}

static int improve(search *t, double mass, double *gap) {
  wg_sphere_answer *answer = t->answer;
  const double target = aim(t, mass);
  double below;
  if (t->calls % 3) /* every third time all the way: the optimum may be the master's corner */
    for (int64_t k = 0; k < t->p->d * t->p->d; k++) t->q[k] = 0.5 * (t->q[k] + answer->q[k]);
  WG_TRY(call(t, WG_MAX(0.1 * target, WG_MIN(0.3 * *gap, 1e-3 * mass))));
  WG_TRY(wg_master_solve(t->context, t->p->spec, t->calls, t->moments,
                         0.05 * target / WG_MAX(answer->upper, target), t->weights, t->q, &below,
                         &answer->upper));
  *gap = answer->upper - answer->lower;
  return WG_OK;
}

/* ---- transport and Q at the same time ---- */

/* The semi-coupling of the interior point, made exact: g divided where the marginals are missed, c
 * with it. Then pairs give up the mass that c does not need, and those whose c all together can be
 * worth no more than `least`, or that Q is clearly against, give up all: it is destroyed and
 * created. Pairs that Q does not see stay: where it is singular they keep down other eigenvalues of
 * A. */
static int make_joint_plan(search *t, const wg_sphere_joint *joint, double least,
                           semicoupling *plan) {
  WG_TRY(reserve_plan(t, plan));
  wg_joint_get(joint, t->q, plan->g0, plan->g1, plan->c);
  wg_pool_set(&t->pool, t->q);
  fit_marginal(t, 0, t->pool.row, plan->count, plan->g0);
  fit_marginal(t, 1, t->pool.col, plan->count, plan->g1);
  for (int64_t e = 0; e < plan->count; e++) {
    const double scale = t->scales[0][t->pool.row[e]] * t->scales[1][t->pool.col[e]];
    const double full = sqrt(plan->g0[e]) * sqrt(plan->g1[e]);
    const double c = WG_MIN(plan->c[e] * sqrt(scale), full);
    const bool carries =
        c * (double)plan->count * t->pool.scale > least && t->pool.k[e] > -clearly * t->pool.scale;
    plan->c[e] = carries ? c : 0.0;
    plan->g0[e] *= full > 0.0 ? plan->c[e] / full : 0.0;
    plan->g1[e] *= full > 0.0 ? plan->c[e] / full : 0.0;
  }
  return WG_OK;
}

/* What a round has found: a plan, its moment, both bounds; the best plan is the answer so far. */
static int take_round(search *t, const wg_sphere_joint *joint, double least) {
  const int64_t d = t->p->d, at = t->calls;
  double dual, value;
  WG_TRY(reserve(t));
  t->plans[at] = (semicoupling){0};
  WG_TRY(make_joint_plan(t, joint, least, &t->plans[at]));
  find_moment(t, &t->plans[at], t->moments + at * d * d);
  WG_TRY(wg_gauge_value(t->p->spec, t->moments + at * d * d, t->mem, &value));
  WG_TRY(wg_gauge_dual(t->p->spec, t->q, t->mem, &dual));
  for (int64_t k = 0; dual > 0.0 && k < d * d; k++) t->q[k] /= dual;
  wg_pool_set(&t->pool, t->q);
  wg_pool_transform(&t->pool, t->u, t->v);
  keep_lower(t);
  t->weights[t->calls++] = 0.0;
  if (at && !(value < t->answer->upper)) return WG_OK;
  t->answer->upper = value;
  for (int64_t k = 0; k <= at; k++) t->weights[k] = k == at ? 1.0 : 0.0;
  return WG_OK;
}

/* Every so many atoms of a side, as many as a small problem has, with all of its mass. */
static int thin_out(wg_mem *mem, const wg_sphere_problem *p, int side, wg_sphere_problem *coarse) {
  const int64_t d = p->d, n = p->n[side], count = WG_MIN(n, COARSE);
  double *w = WG_NEW(mem, double, count *d), *mass = WG_NEW(mem, double, count);
  if (!w || !mass) return wg_no_memory();
  for (int64_t i = 0; i < count; i++) {
    memcpy(w + i * d, p->w[side] + i * n / count * d, (size_t)d * sizeof(double));
    for (int64_t k = i * n / count; k < (i + 1) * n / count; k++) mass[i] += p->mass[side][k];
  }
  coarse->n[side] = count;
  coarse->w[side] = w;
  coarse->mass[side] = mass;
  return WG_OK;
}

/* A Q to begin with: that of few atoms. Which pairs are near depends on Q, where a gauge lets it be
 * nearly singular, and pairs that are near under its middle are of no use then. */
static int begin_coarse(search *t) {
  wg_mem mem = wg_mem_of(t->mem->ledger);
  wg_sphere_problem coarse = *t->p;
  wg_sphere_answer answer;
  coarse.tol = 1e-2;
  int status = WG_OK;
  for (int side = 0; status == WG_OK && side < 2; side++)
    status = thin_out(&mem, t->p, side, &coarse);
  if (status == WG_OK) status = wg_sphere_solve(t->context, &mem, &coarse, &answer);
  for (int64_t k = 0; status == WG_OK && k < t->p->d * t->p->d; k++)
    t->q[k] = 0.5 * (t->q[k] + answer.q[k]);
  wg_mem_clear(&mem);
  return status;
}

/* Rounds of the interior point and of pricing, each ten times as exact as the one before. */
static int climb_jointly(search *t, double mass) {
  wg_sphere_answer *answer = t->answer;
  wg_sphere_joint *joint;
  double error = 1e-2 * mass;
  int stalls = 0;
  WG_TRY(wg_joint_create(t->mem, &t->pool, mass, &joint));
  if (WG_MAX(t->p->n[0], t->p->n[1]) > 2 * COARSE) WG_TRY(begin_coarse(t));
  wg_pool_set(&t->pool, t->q);
  WG_TRY(wg_pool_begin(&t->pool));
  while (stalls < MOST_STALLS && t->pool.count && t->calls < t->p->max_calls) {
    int64_t added;
    const int status = wg_joint_solve(joint, error, &answer->steps);
    if (status < 0) return status;
    stalls += status;
    WG_TRY(take_round(t, joint, 0.1 * aim(t, mass)));
    report(t);
    const double gap = answer->upper - answer->lower;
    if (gap <= aim(t, mass) || wg_watch_poll(&t->context->watch)) break;
    WG_TRY(wg_pool_price(&t->pool, WG_MAX(least_violation, 0.1 * gap / mass), &added));
    if (t->calls <= WIDENINGS || status) WG_TRY(wg_pool_widen(&t->pool, t->u, t->v));
    if (!added && error <= 0.05 * aim(t, mass)) break;
    if (!status) error = WG_MAX(WG_MIN(0.1 * error, 0.3 * gap), 0.05 * aim(t, mass));
  }
  return WG_OK;
}

/* ---- cutting planes ---- */

static int climb(search *t, double mass, int patience) {
  wg_sphere_answer *answer = t->answer;
  double gap = WG_MIN(0.05 * mass, answer->upper - answer->lower), best = INFINITY;
  int idle = 0;
  while (gap > aim(t, mass) && t->calls < t->p->max_calls && idle < patience &&
         !wg_watch_poll(&t->context->watch)) {
    WG_TRY(improve(t, mass, &gap));
    report(t);
    idle = gap < 0.98 * best ? 0 : idle + 1;
    best = WG_MIN(best, gap);
  }
  return WG_OK;
}

static int outcome_of(search *t, double mass) {
  if (t->answer->upper - t->answer->lower <= aim(t, mass)) return WG_CERTIFIED;
  if (wg_watch_poll(&t->context->watch)) return t->context->watch.stopped;
  return t->calls >= t->p->max_calls ? WG_CALL_LIMIT : WG_GAP_OPEN;
}

int wg_sphere_solve(wg_context *context, wg_mem *mem, const wg_sphere_problem *problem,
                    wg_sphere_answer *answer) {
  double mass = 0.0;
  search *t = WG_NEW(mem, search, 1);
  if (!t) return wg_no_memory();
  *answer = (wg_sphere_answer){0};
  WG_TRY(create(t, context, mem, problem, answer));
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < problem->n[side]; i++) mass += problem->mass[side][i];
  answer->upper = mass;
  wg_gauge_center(problem->spec, t->q);
  if (wg_joint_serves(problem)) WG_TRY(climb_jointly(t, mass));
  WG_TRY(climb(t, mass, t->calls ? PATIENCE_AFTER : PATIENCE));
  answer->outcome = outcome_of(t, mass);
  answer->calls = t->calls;
  return combine(t);
}
