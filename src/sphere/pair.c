/* The cones of one pair: P = [g0 c; c g1] with Z = [u -(k + t); . v], P Z = mu I, and c t = mu.
 *
 * c <= sqrt(g0 g1) and u v >= (k + t)^2 are definiteness of two by two matrices, t >= 0 is the
 * multiplier of c >= 0. Nesterov-Todd scaling is explicit here: W Z W = P for the geometric mean of
 * P and Z^-1,
 *   W = sqrt(pi / zeta) M / sqrt(det M),  M = adj(Z) / zeta + P / pi,  zeta^2 = det Z, pi^2 = det
 * P, det M = 2 + tr(P Z) / (zeta pi): sums of positive terms. P and Z look alike through G =
 * W^(1/2), V = G^-1 P G^-1 = G Z G, about sqrt(mu) I, and steps are made and measured there: P and
 * Z all but have rank one at the end. With z = (d u, d v, -d k - d t) + miss, where miss is by what
 * Z differs from what it stands for, a step of P is G (push - G z G) G, push = mu V^-1 - V +
 * correction, and d t follows from c t = mu. Mehrotra's correction X answers V X + X V = C: X =
 * (det V C + adj(V) C adj(V)) / (2 tr V det V). Cost some 300 operations a pair and step. Source:
 * theory 7; Todd, Toh and Tutuncu, SIAM J. Optim. 8 (1998). */
#include "sphere/pair.h"

typedef wg_two two;

static const double root_two = 1.4142135623730951;

static double determinant(two m) {
  const double root = sqrt(m.a) * sqrt(m.b);
  return m.a > 0.0 && m.b > 0.0 ? (root - m.c) * (root + m.c) : -1.0;
}
static double product_trace(two m, two n) { return m.a * n.a + m.b * n.b + 2.0 * m.c * n.c; }
static two sum(two m, double share, two n) {
  return (two){m.a + share * n.a, m.b + share * n.b, m.c + share * n.c};
}
static two adjugate(two m, double size) { return (two){size * m.b, size * m.a, -size * m.c}; }

/* g m g */
static two congruence(two g, two m) {
  const double a = g.a * m.a + g.c * m.c, b = g.a * m.c + g.c * m.b;
  const double c = g.c * m.a + g.b * m.c, d = g.c * m.c + g.b * m.b;
  return (two){a * g.a + b * g.c, c * g.c + d * g.b, a * g.c + b * g.b};
}

/* ---- the present point ---- */

/* h, and its upper left part in relative steps d u = u x, d v = -v y: link (x - y)^2 + excess .
 * (x^2, y^2). Active pairs have link >> excess, u^2 h11 and u v h12 all but agree: u A - v B is
 * computed from what it consists of, and A B - C^2 is known. */
static void respond(wg_sphere_pair *e, two w, double size, double pi, double zeta,
                    const double *dual) {
  const double u = dual[0], v = dual[1], h13 = 2.0 * w.a * w.c, h23 = 2.0 * w.b * w.c;
  const double lean = size * ((v * (u - e->z.a) - u * (v - e->z.b)) / zeta +
                              (u * e->p.a - v * e->p.b) / pi); /* u A - v B */
  e->own = 2.0 * (w.a * w.b + w.c * w.c);
  e->keep = 1.0 / (1.0 + 0.5 * e->t / e->p.c * e->own);
  const double yield = 0.5 * e->t / e->p.c * e->keep;
  const double left = w.a - 2.0 * yield * w.c * h13, right = w.b - 2.0 * yield * w.c * h23;
  e->link = u * v * (w.c * w.c - yield * h13 * h23);
  e->excess[0] = u * (left * lean + v * pi / zeta);
  e->excess[1] = v * (u * pi / zeta - right * lean);
  e->h[0] = e->keep * h13;
  e->h[1] = e->keep * h23;
}

int wg_pair_scale(wg_sphere_pair *e, const double *dual) {
  const double pi = sqrt(determinant(e->p)), zeta = sqrt(determinant(e->z));
  if (!(pi > 0.0 && zeta > 0.0 && e->p.c > 0.0 && e->t > 0.0)) return 1;
  const double det = 2.0 + WG_MAX(product_trace(e->p, e->z), 0.0) / (zeta * pi);
  const double size = sqrt(pi / zeta / det), root = sqrt(pi / zeta);
  const two mean = sum(adjugate(e->z, 1.0 / zeta), 1.0 / pi, e->p);
  const two w = {size * mean.a, size * mean.b, size * mean.c};
  const double scale = 1.0 / sqrt(w.a + w.b + 2.0 * root);
  e->g = (two){(w.a + root) * scale, (w.b + root) * scale, w.c * scale};
  e->v = congruence(e->g, e->z);
  respond(e, w, size, pi, zeta, dual);
  return isfinite(w.a + w.b + w.c) && determinant(e->v) > 0.0 ? WG_OK : 1;
}

/* ---- the step ---- */

void wg_pair_aim(wg_sphere_pair *e, double k, const double *dual, double mu, bool corrected) {
  e->push = sum(adjugate(e->v, mu / determinant(e->v)), -1.0, e->v);
  if (corrected) e->push = sum(e->push, 1.0, e->fix);
  e->push_t = (mu + (corrected ? e->fix_t : 0.0)) / e->p.c - e->t;
  e->miss = (two){dual[0] - e->z.a, dual[1] - e->z.b, -k - e->t - e->z.c};
}

void wg_pair_answer(wg_sphere_pair *e, double du, double dv, double dk) {
  e->step_z = sum(e->miss, 1.0, (two){du, dv, -dk});
  two step = sum(e->push, -1.0, congruence(e->g, e->step_z));
  const double carried = 2.0 * congruence(e->g, step).c; /* were t to stay */
  e->step_t = e->keep * (e->push_t - 0.5 * e->t / e->p.c * carried);
  e->step_z.c -= e->step_t;
  e->seen_z = congruence(e->g, e->step_z);
  e->seen_p = sum(e->push, -1.0, e->seen_z);
  e->step_p = congruence(e->g, e->seen_p);
}

void wg_pair_root(const wg_sphere_pair *e, double du, double dv, double dk, double *root) {
  const double ratio = 0.5 * e->t / e->p.c;
  const two still = congruence(e->g, (two){du, dv, -dk});
  const double dt = e->keep * ratio * 2.0 * congruence(e->g, still).c;
  const two seen = congruence(e->g, (two){du, dv, -dk - dt});
  root[0] = seen.a;
  root[1] = seen.b;
  root[2] = root_two * seen.c;
  root[3] = dt / sqrt(ratio);
}

void wg_pair_unroot(const wg_sphere_pair *e, const double *root, double *g0, double *g1) {
  const two seen = congruence(e->g, (two){root[0], root[1], root[2] / root_two});
  *g0 = seen.a;
  *g1 = seen.b;
}

void wg_pair_correct(wg_sphere_pair *e) {
  const two p = e->seen_p, z = e->seen_z;
  const two c = {-2.0 * (p.a * z.a + p.c * z.c), -2.0 * (p.b * z.b + p.c * z.c),
                 -(p.a * z.c + p.c * z.b + z.a * p.c + z.c * p.b)};
  const double det = determinant(e->v), half = 0.5 / ((e->v.a + e->v.b) * det);
  const two turned = congruence(adjugate(e->v, 1.0), c);
  e->fix = sum((two){half * det * c.a, half * det * c.b, half * det * c.c}, half, turned);
  e->fix_t = -e->step_p.c * e->step_t;
}

/* The largest multiple of the step that keeps v positive semidefinite. */
static double limit_of(two v, two step) {
  const double l = sqrt(v.a), off = v.c / l, low = sqrt(determinant(v)) / l;
  const double a = step.a / v.a, b = (step.c / l - off * a) / low;
  const double c = (step.b - 2.0 * off * (step.c / l) + off * off * a) / (low * low);
  const double least = 0.5 * (a + c) - hypot(0.5 * (a - c), b);
  return least < 0.0 ? -1.0 / least : INFINITY;
}

double wg_pair_limit(const wg_sphere_pair *e) {
  double limit = WG_MIN(limit_of(e->v, e->seen_p), limit_of(e->v, e->seen_z));
  if (e->step_t < 0.0) limit = WG_MIN(limit, -e->t / e->step_t);
  return e->step_p.c < 0.0 ? WG_MIN(limit, -e->p.c / e->step_p.c) : limit;
}

double wg_pair_gap(const wg_sphere_pair *e) {
  return product_trace(e->p, e->z) + 2.0 * e->p.c * e->t;
}

void wg_pair_advance(wg_sphere_pair *e, double step) {
  e->p = sum(e->p, step, e->step_p);
  e->z = sum(e->z, step, e->step_z);
  e->t += step * e->step_t;
}
