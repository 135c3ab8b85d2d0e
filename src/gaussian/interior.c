/* The interior point for two Gaussians: min gamma(Sigma(C)) over contractions C, and the best Q.
 *
 * Two kinds of cones: [I C; C' I] with its dual [Y0 -M; -M' Y1], M = f0' Q f1, whose value tr Y0 +
 * tr Y1 is twice the nuclear norm of M at the optimum; and those of the gauge's blocks
 * (relation.c). The moment is affine in C and M in Q, so both problems stay feasible and Mehrotra's
 * predictor-corrector takes 8 to 20 steps whatever the dimension, the rank or the condition of the
 * covariances. Where Q is a curved function of the moment (Schatten), M is put into the dual cone
 * anew after each step and the cone's diagonal raised by what that changes.
 *
 * Every step is judged by values of feasible points: gamma of the moment of C, and of the polar
 * factor of M, above; the dual value of Q scaled to the boundary of K_gamma below. The best of each
 * is kept. Cost a step: newton.c, and some ten factorisations of size 2 n. Source: theory 4,
 * docs/theory/gaussian.md; Mehrotra, SIAM J. Optim. 2 (1992). */
#include <string.h>

#include "gaussian/newton.h"
#include "linalg/la.h"

enum { MOST_STEPS = 200, PATIENCE = 6 };

typedef struct interior {
  wg_gauss_newton newton;
  double *contraction, *polar, *moment, *q, *cut; /* n x n twice, d x d three times */
  bool smooth;  /* on O(n), and Q is a smooth function of the moment: no barrier anywhere */
  bool flat;    /* smooth, with p >= 2 in some block */
  double value; /* gamma of the moment of `contraction` */
} interior;

static int create(wg_mem *mem, const wg_gauss_problem *p, bool orthogonal, interior *t) {
  const int64_t d = p->d, n = p->n;
  *t = (interior){.contraction = WG_NEW(mem, double, n *n),
                  .polar = WG_NEW(mem, double, n *n),
                  .moment = WG_NEW(mem, double, d *d),
                  .q = WG_NEW(mem, double, d *d),
                  .cut = WG_NEW(mem, double, d *d)};
  if (!t->contraction || !t->polar || !t->moment || !t->q || !t->cut) return wg_no_memory();
  return wg_newton_create(mem, p, orthogonal, &t->newton);
}

/* ---- the present point ---- */

/* q (d x d) = the blocks' Q; m = f0' q f1. */
static void gather_q(interior *t) {
  wg_gauss_newton *e = &t->newton;
  const int64_t d = e->d, n = e->n;
  memset(t->q, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t b = 0; b < e->blocks; b++) {
    const wg_relation *r = &e->relation[b];
    for (int64_t i = 0; i < r->size; i++)
      for (int64_t j = 0; j < r->size; j++)
        t->q[(r->start + i) * d + r->start + j] =
            0.5 * (r->q[i * r->size + j] + r->q[j * r->size + i]);
  }
  wg_la_gemm(false, false, d, n, d, 1.0, t->q, d, e->p->f1, n, 0.0, e->half, n);
  wg_la_gemm(true, false, n, n, d, 1.0, e->p->f0, n, e->half, n, 0.0, e->m, n);
}

/* Puts -M into the dual cone's corner and raises its diagonal by what that changes. */
static void refresh_dual(wg_gauss_newton *e) {
  const int64_t n = e->n, width = 2 * n;
  double *z = e->cone.z, change = 0.0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      const double miss = z[i * width + n + j] + e->m[i * n + j];
      change += miss * miss;
      z[i * width + n + j] = z[(n + j) * width + i] = -e->m[i * n + j];
    }
  for (int64_t i = 0; i < width; i++) z[i * width + i] += sqrt(change);
}

/* The contraction's cone in the middle. */
static void start_cone(wg_gauss_newton *e) {
  const int64_t width = 2 * e->n;
  refresh_dual(e);
  for (int64_t i = 0; i < width; i++) {
    e->cone.p[i * width + i] = 1.0;
    e->cone.z[i * width + i] = 1.5 * e->cone.z[i * width + i] + 1e-3;
  }
}

/* The coupling of W_2 and its moment. */
static int start_polar(interior *t) {
  const wg_gauss_problem *p = t->newton.p;
  memset(t->q, 0, (size_t)(p->d * p->d) * sizeof(double));
  for (int64_t i = 0; i < p->d; i++) t->q[i * p->d + i] = 1.0;
  WG_TRY(wg_gauss_polar(p, t->q, t->newton.room, t->contraction));
  wg_gauss_moment(p, t->contraction, t->newton.room, t->moment);
  return WG_OK;
}

static int start(interior *t) {
  wg_gauss_newton *e = &t->newton;
  wg_gauss_ceiling(e->p, t->moment);
  if (e->orthogonal) WG_TRY(start_polar(t));
  t->smooth = e->orthogonal && !e->is_max;
  for (int64_t b = 0; b < e->blocks; b++) {
    wg_relation *r = &e->relation[b];
    wg_newton_cut(e, r, t->moment, r->s);
    WG_TRY(wg_relation_start(r));
    t->smooth = t->smooth && r->form != WG_RELATION_SPECTRAL && r->form != WG_RELATION_POWER;
    t->flat = t->flat || (r->form == WG_RELATION_GRADIENT && r->p >= 2.0);
    e->top = WG_MAX(e->top, wg_relation_offer(r) / r->rate2);
  }
  e->top = 2.0 * e->top + 0.1;
  for (int64_t b = 0; b < e->blocks; b++)
    e->relation[b].y = e->relation[b].rate2 * e->top - wg_relation_offer(&e->relation[b]);
  if (t->smooth) { /* the line search forgives more, and no barrier squeezes single pairs */
    e->fine = 1e-2;
    e->coupled = 1000.0;
  }
  gather_q(t);
  if (!e->orthogonal) start_cone(e);
  return WG_OK;
}

static double complementarity(const wg_gauss_newton *e) {
  const int64_t width = e->orthogonal ? 0 : 2 * e->n;
  double sum = wg_la_dot(width * width, e->cone.p, e->cone.z), terms = (double)width;
  for (int64_t b = 0; b < e->blocks; b++) {
    wg_relation_complementarity(&e->relation[b], &sum, &terms);
    if (!e->is_max) continue;
    sum += e->relation[b].rho * e->relation[b].y;
    terms += 1.0;
  }
  return terms > 0.0 ? sum / terms : 0.0;
}

/* ---- values ---- */

static int value_of(interior *t, wg_mem *mem, const double *contraction, double *value) {
  const wg_gauss_problem *p = t->newton.p;
  wg_gauss_moment(p, contraction, t->newton.room, t->cut);
  return wg_gauge_value(p->spec, t->cut, mem, value);
}

static int try_contraction(interior *t, wg_mem *mem, const double *contraction,
                           wg_gauss_best *best) {
  const wg_gauss_problem *p = t->newton.p;
  WG_TRY(value_of(t, mem, contraction, &t->value));
  if (!(t->value < best->upper)) return WG_OK;
  best->upper = t->value;
  memcpy(best->contraction, contraction, (size_t)(p->n * p->n) * sizeof(double));
  return WG_OK;
}

/* Both values at the present point. */
static int evaluate(interior *t, wg_mem *mem, wg_gauss_best *best) {
  const wg_gauss_problem *p = t->newton.p;
  const int64_t d = p->d;
  double dual, lower;
  WG_TRY(wg_gauge_dual(p->spec, t->q, mem, &dual));
  for (int64_t i = 0; i < d * d; i++) t->cut[i] = dual > 0.0 ? t->q[i] / dual : 0.0;
  WG_TRY(wg_gauss_dual(p, t->cut, t->contraction, t->moment, t->newton.room, t->polar, &lower));
  if (lower > best->lower) {
    best->lower = lower;
    memcpy(best->q, t->cut, (size_t)(d * d) * sizeof(double));
  }
  if (!t->smooth) WG_TRY(try_contraction(t, mem, t->polar, best));
  return try_contraction(t, mem, t->contraction, best);
}

/* ---- one step ---- */

static void limit_by(double value, double step, double *limit) {
  if (step < 0) *limit = WG_MIN(*limit, -value / step);
}

/* The longest step; relations with a curved part only count in the last look. */
static int longest_step(interior *t, double *length) {
  wg_gauss_newton *e = &t->newton;
  double limit = INFINITY;
  int status = e->orthogonal ? WG_OK : wg_cone_limit(&e->cone, &limit);
  for (int64_t b = 0; status == WG_OK && b < e->blocks; b++) {
    wg_relation *r = &e->relation[b];
    double *q = t->cut, *s = e->room + 4 * r->size * r->size;
    wg_newton_cut(e, r, e->step_q, q);
    wg_newton_cut(e, r, e->step_s, s);
    status = wg_relation_limit(r, q, s, &limit);
    if (!e->is_max) continue;
    limit_by(r->rho, r->step_rho, &limit);
    limit_by(r->y, r->step_y, &limit);
  }
  *length = limit;
  return status;
}

static void correct(wg_gauss_newton *e) {
  if (!e->orthogonal) wg_cone_correct(&e->cone);
  for (int64_t b = 0; b < e->blocks; b++) {
    wg_relation *r = &e->relation[b];
    r->y_correction = -r->step_rho * r->step_y;
    if (r->form != WG_RELATION_SPECTRAL) continue;
    wg_cone_correct(&r->low);
    if (r->k > 1.0) wg_cone_correct(&r->high);
  }
}

/* gamma after a step of this length. */
static int value_after(interior *t, wg_mem *mem, double length, double *value) {
  if (wg_orthogonal_move(&t->newton, length, t->polar)) return *value = INFINITY, WG_OK;
  return value_of(t, mem, t->polar, value);
}

/* The longest of 1, 1/2, 1/4 ... at which gamma is not larger than here, or 2 where that is better
 * than 1; returns 1 if there is none. Where Sigma loses rank, gamma grows like o^(2p) in the angle
 * o of a turn, and Newton's step takes only o / (2p - 1) off it: twice that is safe from p = 2 on.
 */
static int search_line(interior *t, wg_mem *mem, double *length) {
  const double before = t->value * (1.0 + 1e-14);
  double value = INFINITY, beyond;
  for (*length = 1.0; *length > 1e-5; *length *= 0.5) {
    WG_TRY(value_after(t, mem, *length, &value));
    if (value <= before) break;
  }
  if (!(value <= before)) return 1;
  t->value = value;
  if (*length < 1.0 || !t->flat) return WG_OK;
  WG_TRY(value_after(t, mem, 2.0, &beyond));
  if (!(beyond < value)) return WG_OK;
  t->value = beyond;
  *length = 2.0;
  return WG_OK;
}

/* A direction and the length to go: predictor, corrector, and where the corrector does not get
 * far, a step back to the middle. 1: the precision is used up. */
static int direction(interior *t, double *length) {
  wg_gauss_newton *e = &t->newton;
  const double mu = complementarity(e);
  int status = e->orthogonal ? wg_orthogonal_frame(e, t->contraction, t->q) : WG_OK;
  if (status == WG_OK) status = wg_newton_linearise(e);
  *length = INFINITY;
  if (status == WG_OK) status = wg_newton_step(e, 0.0, false, true);
  if (status == WG_OK) status = longest_step(t, length);
  if (status) return status;
  const double miss = 1.0 - WG_MIN(*length, 1.0);
  const double centering = WG_MIN(WG_MAX(miss * miss, 1e-3), 0.5);
  correct(e);
  status = wg_newton_step(e, centering * mu, true, false);
  if (status == WG_OK) status = longest_step(t, length);
  if (status || *length >= 0.3) return status;
  status = wg_newton_step(e, 0.5 * mu, false, false);
  return status ? status : longest_step(t, length);
}

/* The corner of the cone is the contraction. */
static void move_contraction(interior *t, double step) {
  wg_gauss_newton *e = &t->newton;
  const int64_t n = e->n;
  wg_cone_advance(&e->cone, step);
  for (int64_t i = 0; i < n; i++)
    memcpy(t->contraction + i * n, e->cone.p + i * 2 * n + n, (size_t)n * sizeof(double));
}

static int advance(interior *t, double step) {
  wg_gauss_newton *e = &t->newton;
  if (!e->orthogonal) {
    move_contraction(t, step);
  } else if (wg_orthogonal_move(e, step, t->contraction)) {
    return WG_OK;
  }
  wg_gauss_moment(e->p, t->contraction, e->room, t->moment);
  for (int64_t b = 0; b < e->blocks; b++) {
    wg_relation *r = &e->relation[b];
    double *s = t->cut, *q = e->room;
    wg_newton_cut(e, r, t->moment, s);
    wg_newton_cut(e, r, e->step_q, q);
    WG_TRY(wg_relation_advance(r, step, q, s));
  }
  e->top += step * e->step_top;
  gather_q(t);
  if (!e->orthogonal) refresh_dual(e);
  return WG_OK;
}

/* Newton's method on O(n) where Q is a smooth function of the moment. Both values are only looked
 * at where the estimated gap says that it is worth it, and at the end. */
static int descend(wg_context *context, interior *t, wg_mem *mem, double tol, wg_gauss_best *best) {
  wg_gauss_newton *e = &t->newton;
  const double progress = 0.9999; /* of gamma: the gap may grow for a while under large p */
  double smallest = INFINITY, last = INFINITY, length;
  int stale = 0, status = WG_OK;
  const int64_t before = best->steps;
  while (best->steps < before + MOST_STEPS && stale < PATIENCE) {
    WG_TRY(wg_orthogonal_frame(e, t->contraction, t->q));
    const double gap = wg_orthogonal_gap(e);
    if (gap <= 0.5 * tol * t->value) {
      WG_TRY(evaluate(t, mem, best));
      if (best->upper - best->lower <= tol * best->upper) return WG_OK;
    }
    stale = gap < 0.9 * smallest || t->value < progress * last ? 0 : stale + 1;
    smallest = WG_MIN(smallest, gap);
    last = t->value;
    if ((status = wg_newton_linearise(e)) == WG_OK) status = wg_newton_step(e, 0.0, false, false);
    if (status == WG_OK) status = search_line(t, mem, &length);
    if (status < 0) return status;
    if (status > 0 || wg_watch_poll(&context->watch)) break;
    WG_TRY(advance(t, length));
    best->steps++;
  }
  return evaluate(t, mem, best);
}

/* Mehrotra's steps. */
static int iterate(wg_context *context, interior *t, wg_mem *mem, double tol, wg_gauss_best *best) {
  enum { BETWEEN_LOOKS = 4 };
  const double boundary = 0.95, near = 1e3; /* of the tolerance: then every step is looked at */
  double smallest = INFINITY, least_mu = INFINITY;
  int stale = 0;
  const int64_t before = best->steps;
  while (best->steps < before + MOST_STEPS && stale < PATIENCE) {
    double length;
    const int status = direction(t, &length);
    if (status < 0) return status;
    if (status > 0) break;
    WG_TRY(advance(t, WG_MIN(1.0, boundary * length)));
    best->steps++;
    const double mu = complementarity(&t->newton);
    const bool far = mu * (double)t->newton.d > near * tol * best->upper;
    if (wg_watch_poll(&context->watch)) break;
    if (far && best->steps % BETWEEN_LOOKS) continue;
    WG_TRY(evaluate(t, mem, best));
    const double gap = best->upper - best->lower;
    if (gap <= tol * best->upper) return WG_OK;
    stale = gap < 0.9 * smallest || mu < 0.98 * least_mu ? 0 : stale + 1;
    smallest = WG_MIN(smallest, gap);
    least_mu = WG_MIN(least_mu, mu);
  }
  return evaluate(t, mem, best);
}

int wg_gauss_interior(wg_context *context, wg_mem *mem, const wg_gauss_problem *p, bool orthogonal,
                      double tol, wg_gauss_best *best) {
  wg_mem own = wg_mem_of(mem->ledger);
  interior t;
  int status = create(&own, p, orthogonal, &t);
  if (status == WG_OK) status = start(&t);
  if (status == WG_OK) status = evaluate(&t, &own, best);
  if (status == WG_OK) status = (t.smooth ? descend : iterate)(context, &t, &own, tol, best);
  wg_mem_clear(&own);
  return status;
}
