/* The barycentre of several Gaussians: a path that is followed to where both bounds meet.
 *
 * With the cross covariances K_k = R_k J_k to the Gaussian sought as unknowns the problem is convex
 * in (T, m, J), T = S + m m', and everything is affine in them (barycentre_newton.c). On its domain
 * the barrier function is smooth and strictly convex for every mu, with compact level sets, and
 * I, 0, 0 is inside whatever the data, singular covariances included: Newton's method with a line
 * search converges to the one minimiser. There
 *   sum w_k Q_k = sum w_k Y_k,  R_k Q_k = J_k Y_k,  sum w_k m_k' Q_k = m' sum w_k Y_k,
 * the conditions under which (Q, Y) proves
 *   lower = sum w_k (<Q_k, S_k> - <Q_k Y_k^-1 Q_k, S_k>) + min over m of the means' part,
 * and upper - lower is at most mu (3 d + blocks), if the terms take mu / (count w_k): mu goes to
 * zero by tenths, some five steps each. Newton's step also gives Q + dQ and Y + dY, which balance
 * to rounding before the point itself has converged: those are the ones that are kept. Both bounds
 * keep their best over the path. Cost: some 50 steps of barycentre_newton.c. Source:
 * docs/theory/gaussian.md. */
#include "gaussian/barycentre.h"

#include <string.h>

#include "linalg/la.h"

typedef struct path {
  wg_context *context;
  const wg_bary_problem *p;
  wg_bary_answer *answer;
  wg_bary_system system;
  double unit;                /* data were divided by its root    */
  double *q, *y, *sum, *room; /* d x d; room 4 d x d + 2 d         */
  double *sigma;              /* d x d */
} path;

/* ---- creation ---- */

/* The weighted mean of tr S_k + |m_k|^2; the problem is solved for data divided by its root. */
static double size_of(const wg_bary_problem *p) {
  const int64_t d = p->d, square = d * d;
  double sum = 0.0;
  for (int64_t k = 0; k < p->count; k++)
    sum += p->weights[k] * (wg_la_dot(square, p->roots + k * square, p->roots + k * square) +
                            wg_la_dot(d, p->means + k * d, p->means + k * d));
  return sum;
}

static int create(wg_mem *mem, path *t) {
  const int64_t square = t->p->d * t->p->d;
  t->q = WG_NEW(mem, double, square);
  t->y = WG_NEW(mem, double, square);
  t->sum = WG_NEW(mem, double, square);
  t->sigma = WG_NEW(mem, double, square);
  t->room = WG_NEW(mem, double, 4 * square + 2 * t->p->d);
  if (!t->q || !t->y || !t->sum || !t->sigma || !t->room) return wg_no_memory();
  WG_TRY(wg_bary_create(mem, t->p, &t->system));
  t->unit = size_of(t->p);
  for (int64_t k = 0; k < t->p->count; k++)
    for (int64_t i = 0; i < square + t->p->d; i++) t->system.term[k].left[i] /= sqrt(t->unit);
  return WG_OK;
}

/* ---- from above ---- */

/* sum w_k gamma(Sigma_k) at the present point. */
static int value_above(path *t, wg_mem *mem, double *upper) {
  const wg_bary_system *e = &t->system;
  const int64_t d = e->d, tall = (d + 1) * d;
  double *difference = t->room, value;
  *upper = 0.0;
  for (int64_t k = 0; k < e->count; k++) {
    const wg_bary_term *term = &e->term[k];
    for (int64_t i = 0; i < tall; i++) difference[i] = term->left[i] - term->j[i];
    memcpy(t->sigma, term->spread, (size_t)(d * d) * sizeof(double));
    wg_la_gemm(true, false, d, d, d + 1, 1.0, difference, d, difference, d, 1.0, t->sigma, d);
    WG_TRY(wg_gauge_value(t->p->spec, t->sigma, mem, &value));
    *upper += term->weight * value;
  }
  *upper *= t->unit;
  return WG_OK;
}

/* c = J S^(-1/2) with singular values of one at most; on the range of S = V diag(values) V'. */
static int find_contraction(path *t, const double *j, const double *values, const double *vectors,
                            double *c) {
  const int64_t d = t->p->d, square = d * d;
  const double zero_below = 1e-14 * values[0];
  double *half = t->room, *u = half + square, *vt = u + square, *s = vt + square;
  wg_la_gemm(false, true, d, d, d, 1.0, j, d, vectors, d, 0.0, half, d);
  for (int64_t i = 0; i < square; i++)
    half[i] = values[i % d] > zero_below ? half[i] / sqrt(values[i % d]) : 0.0;
  wg_la_gemm(false, false, d, d, d, 1.0, half, d, vectors, d, 0.0, c, d);
  memcpy(half, c, (size_t)square * sizeof(double));
  WG_TRY(wg_la_svd(d, half, u, s, vt));
  for (int64_t i = 0; i < square; i++) vt[i] *= WG_MIN(s[i / d], 1.0);
  wg_la_gemm(false, false, d, d, d, 1.0, u, d, vt, d, 0.0, c, d);
  return WG_OK;
}

/* The present point becomes the answer: S = D + J'J without the mean's row. */
static int keep_point(path *t) {
  const wg_bary_system *e = &t->system;
  const int64_t d = e->d, square = d * d;
  wg_bary_answer *answer = t->answer;
  double *vectors = t->sum, *values = t->room + 4 * square;
  const wg_bary_term *first = &e->term[0];
  memcpy(answer->cov, first->spread, (size_t)square * sizeof(double));
  wg_la_gemm(true, false, d, d, d, 1.0, first->j, d, first->j, d, 1.0, answer->cov, d);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      answer->cov[i * d + j] = answer->cov[j * d + i] =
          0.5 * (answer->cov[i * d + j] + answer->cov[j * d + i]);
  WG_TRY(wg_la_eigh(d, answer->cov, values, vectors));
  for (int64_t k = 0; k < e->count; k++)
    WG_TRY(find_contraction(t, e->term[k].j, values, vectors, answer->contractions + k * square));
  for (int64_t i = 0; i < square; i++) answer->cov[i] *= t->unit;
  for (int64_t i = 0; i < d; i++) answer->mean[i] = sqrt(t->unit) * first->j[square + i];
  return WG_OK;
}

/* ---- from below ---- */

/* The largest dual gauge, by which all are divided; the least eigenvalues may be below zero. */
static int largest_dual(path *t, wg_mem *mem, double *largest) {
  *largest = 1.0;
  for (int64_t k = 0; k < t->p->count; k++) {
    double dual;
    WG_TRY(wg_gauge_dual(t->p->spec, t->system.term[k].next_q, mem, &dual));
    *largest = WG_MAX(*largest, dual);
  }
  return WG_OK;
}

/* *value += w (<q, S> - |L^-1 q R|^2 + <q, m m'>), y = L L'; sum += w q, pull += w q m. 1: y is not
 * positive definite. */
static int add_below(path *t, const wg_bary_term *term, double *pull, double *value) {
  const int64_t d = t->p->d;
  const double *mean = term->left + d * d;
  double *seen = t->room, *l = seen + d * d;
  wg_la_gemm(false, false, d, d, d, 1.0, t->q, d, term->left, d, 0.0, seen, d);
  *value += term->weight * wg_la_dot(d * d, seen, term->left);
  memcpy(l, t->y, (size_t)(d * d) * sizeof(double));
  if (wg_la_cholesky(d, l)) return 1;
  wg_la_lower_solve(d, l, false, d, seen);
  *value -= term->weight * wg_la_dot(d * d, seen, seen);
  for (int64_t i = 0; i < d; i++) {
    const double force = wg_la_dot(d, t->q + i * d, mean);
    *value += term->weight * mean[i] * force;
    pull[i] += term->weight * force;
  }
  for (int64_t i = 0; i < d * d; i++) t->sum[i] += term->weight * t->q[i];
  return WG_OK;
}

/* The dual value of the last step, less what it lacks in balance; 1 when precision is used up. */
static int value_below(path *t, double dual, double *lower) {
  const int64_t d = t->p->d;
  double *pull = t->room + 4 * d * d, *mean = pull + d, trace = 0.0;
  *lower = 0.0;
  memset(t->sum, 0, (size_t)(d * d) * sizeof(double));
  memset(t->sigma, 0, (size_t)(d * d) * sizeof(double));
  memset(pull, 0, (size_t)d * sizeof(double));
  for (int64_t k = 0; k < t->p->count; k++) {
    for (int64_t i = 0; i < d * d; i++) {
      t->q[i] = t->system.term[k].next_q[i] / dual;
      t->y[i] = t->system.term[k].next_y[i] / dual;
    }
    const int status = add_below(t, &t->system.term[k], pull, lower);
    if (status) return status;
    for (int64_t i = 0; i < d * d; i++)
      t->sigma[i] += t->system.term[k].weight * (t->q[i] - t->y[i]);
  }
  for (int64_t i = 0; i < d; i++) trace += t->system.moment[i * d + i];
  *lower -= sqrt(wg_la_dot(d * d, t->sigma, t->sigma)) * trace;
  memcpy(mean, pull, (size_t)d * sizeof(double));
  if (wg_la_cholesky(d, t->sum)) return 1;
  wg_la_cholesky_solve(d, t->sum, d, 1, mean);
  *lower = t->unit * (*lower - wg_la_dot(d, pull, mean));
  return WG_OK;
}

static void keep_duals(path *t, double dual) {
  const int64_t square = t->p->d * t->p->d;
  for (int64_t k = 0; k < t->p->count; k++) {
    for (int64_t i = 0; i < square; i++) {
      t->answer->q[k * square + i] = t->system.term[k].next_q[i] / dual;
      t->answer->y[k * square + i] = t->system.term[k].next_y[i] / dual;
    }
  }
}

/* ---- the path ---- */

/* The value of the present point; the best one is kept. */
static int look_above(path *t, wg_mem *mem) {
  double upper;
  WG_TRY(value_above(t, mem, &upper));
  if (!(upper < t->answer->upper)) return WG_OK;
  t->answer->upper = upper;
  return keep_point(t);
}

/* The dual value of the last step; 1 when precision is used up. */
static int look_below(path *t, wg_mem *mem) {
  double lower, dual;
  WG_TRY(largest_dual(t, mem, &dual));
  const int status = value_below(t, dual, &lower);
  if (status) return status;
  if (lower > t->answer->lower) {
    t->answer->lower = lower;
    keep_duals(t, dual);
  }
  return WG_OK;
}

/* Goes along Newton's step: 1, 1/2, ... until the value falls by a tenth of what the slope
 * promises, rounding granted. 1: it does not. */
static int search_line(path *t, double mu, double before, double decrement, double *value,
                       double *length) {
  const double rounding = 1e-13 * (1.0 + fabs(before));
  for (*length = 1.0; *length > 1e-8; *length *= 0.5) {
    wg_bary_move(&t->system, *length);
    WG_TRY(wg_bary_value(&t->system, mu, value));
    if (*value <= before - 0.1 * *length * decrement + rounding) return WG_OK;
    wg_bary_move(&t->system, -*length);
  }
  WG_TRY(wg_bary_value(&t->system, mu, value));
  return 1;
}

/* To the centre for mu. 1: not reached. */
static int centre(path *t, double mu) {
  enum { MOST_STEPS = 60 };
  const double near = 0.1 * mu / (double)t->p->count;
  double value, decrement, length;
  WG_TRY(wg_bary_value(&t->system, mu, &value));
  for (int step = 0; step < MOST_STEPS && isfinite(value); step++) {
    int status = wg_bary_newton(&t->system, &decrement);
    if (status == WG_OK) status = search_line(t, mu, value, decrement, &value, &length);
    if (status) return status;
    t->answer->steps++;
    if (decrement <= near && length == 1.0) return WG_OK;
    if (wg_watch_poll(&t->context->watch)) return 1;
  }
  return 1;
}

static double gap_of(const wg_bary_answer *answer) {
  return answer->upper > 0.0 ? (answer->upper - answer->lower) / answer->upper : 0.0;
}

/* The gap falls like mu: the last reduction is as long as it takes. Near the end a search may fail
 * by rounding at a point that is a centre for all that matters: it goes on as long as that helps.
 */
static int follow(path *t, wg_mem *mem, double tol) {
  const double smallest = 1e-14, tenth = 0.1, aim = 0.7;
  wg_watch *watch = &t->context->watch;
  double value, last = INFINITY;
  WG_TRY(wg_bary_value(&t->system, 0.1, &value));
  WG_TRY(look_above(t, mem));
  for (double mu = 0.1; mu > smallest;) {
    const int centred = centre(t, mu);
    WG_TRY(centred);
    WG_TRY(look_above(t, mem));
    const int proved = look_below(t, mem);
    WG_TRY(proved);
    const double gap = gap_of(t->answer);
    watch->state.lower = t->answer->lower;
    watch->state.upper = t->answer->upper;
    if (gap <= tol || watch->stopped) return WG_OK;
    if ((centred || proved) && !(gap < 0.9 * last)) return WG_OK;
    last = gap;
    mu *= WG_MIN(WG_MAX(aim * tol / gap, tenth), 0.5);
  }
  return WG_OK;
}

/* Diracs in one place: nothing to solve, and nothing to divide by. */
static void answer_nothing(path *t) {
  const int64_t square = t->p->d * t->p->d;
  wg_bary_answer *answer = t->answer;
  memset(answer->mean, 0, (size_t)t->p->d * sizeof(double));
  memset(answer->cov, 0, (size_t)square * sizeof(double));
  memset(answer->contractions, 0, (size_t)(t->p->count * square) * sizeof(double));
  answer->lower = answer->upper = 0.0;
}

int wg_bary_solve(wg_context *context, const wg_bary_problem *problem, double tol,
                  wg_bary_answer *answer) {
  wg_mem mem = wg_mem_of(&context->ledger);
  path *t = WG_NEW(&mem, path, 1);
  const int64_t square = problem->d * problem->d;
  answer->upper = INFINITY;
  answer->lower = 0.0;
  answer->steps = 0;
  if (!t) return wg_no_memory();
  *t = (path){.context = context, .p = problem, .answer = answer};
  for (int64_t k = 0; k < problem->count; k++) {
    wg_gauge_center(problem->spec, answer->q + k * square);
    memcpy(answer->y + k * square, answer->q + k * square, (size_t)square * sizeof(double));
  }
  int status = WG_OK;
  if (size_of(problem) > 0.0) {
    status = create(&mem, t);
    if (status == WG_OK) status = follow(t, &mem, tol);
  } else {
    answer_nothing(t);
  }
  wg_mem_clear(&mem);
  if (status != WG_OK) return status;
  if (gap_of(answer) <= tol)
    answer->outcome = WG_CERTIFIED;
  else
    answer->outcome = context->watch.stopped ? context->watch.stopped : WG_GAP_OPEN;
  return WG_OK;
}
