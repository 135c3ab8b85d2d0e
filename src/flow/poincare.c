/* The Poincare constant of beta ~ exp(-|x|^r) on the plane in the geometry of a gauge: the least
 * E(u)/Var(u), E(u) = N*(grad u)^2 (theory 6.2, docs/theory/convexity.md).
 *
 * N*(g)^2 is the minimum over Q in K_gamma of int g' Q^-1 g, so the constant is the minimum over Q
 * of the spectral gap of -L u = -div(A grad u) + <A grad u, grad |x|^r>, A = Q^-1. beta and the
 * gauge do not change under rotations: Q = diag(a, b) with a >= b is enough, on the boundary of
 * K_gamma, which s = b/a in (0, 1] runs over. There a falls and b grows with s, and gaps grow with
 * A: the gap of diag(1/a(s0), 1/b(s1)) is below those of all s in [s0, s1]. Intervals are halved
 * until that bound meets the best gap found.
 *
 * Gaps are found in each of the four parities of (x, y) among polynomials up to a degree, whose
 * integrals are values of the Gamma function. A Ritz value mu is above the eigenvalue. Below it,
 * with e = |Lu + mu u|, are mu - e, if it is the eigenvalue nearest to mu, and Temple's bound
 * mu - e^2 / (rho - mu), for any rho > mu that is not above the second eigenvalue of that parity:
 * rho is half-way between the first two Ritz values. Both are taken for granted, and rounding is
 * not bounded.
 *
 * Cost: some ten values of Q, a millisecond each. Memory: 150 kB. */

#include <string.h>

#include "flow/flow.h"
#include "linalg/la.h"

enum { DEGREE = 13, PARITIES = 4, MOST = 28, POWERS = DEGREE + 1, SHIFTS = 3, DEEPEST = 16 };

/* int |x|^shift x^(2i) y^(2j) dbeta for the shifts 0, r - 2 and 2 (r - 2) of L and its square. */
typedef struct integrals {
  double of[SHIFTS][POWERS][POWERS];
} integrals;

/* Polynomials x^i y^j of one parity, i + j <= DEGREE, each divided by its norm in L^2(beta). */
typedef struct space {
  int64_t count;
  int i[MOST], j[MOST];
  double scale[MOST];
  double root[MOST * MOST];     /* lower Cholesky factor of the covariances            */
  double along[2][MOST * MOST]; /* int u_x v_x and int u_y v_y in an orthonormal basis */
} space;

typedef struct search {
  double exponent, tol;
  const wg_gauge_spec *spec;
  wg_mem *mem;
  integrals moments;
  space spaces[PARITIES];
  double form[MOST * MOST], vectors[MOST * MOST], values[MOST];
  wg_poincare_bounds *bounds;
} search;

/* ---- integrals ---- */

static void find_moments(search *t) {
  const double r = t->exponent, pi = 3.141592653589793;
  for (int shift = 0; shift < SHIFTS; shift++)
    for (int i = 0; i < POWERS; i++)
      for (int j = 0; j < POWERS; j++) {
        const double power = 2.0 * (i + j) + shift * (r - 2.0) + 2.0;
        const double angle = lgamma(i + 0.5) + lgamma(j + 0.5) - lgamma(i + j + 1.0);
        t->moments.of[shift][i][j] =
            power > 0.0 ? exp(lgamma(power / r) - lgamma(2.0 / r) + angle) / pi : 0.0;
      }
}

static double moment(const search *t, int shift, int i, int j) {
  return i % 2 == 0 && j % 2 == 0 ? t->moments.of[shift][i / 2][j / 2] : 0.0;
}

/* ---- spaces ---- */

static void choose_polynomials(const search *t, int parity, space *s) {
  for (int degree = 1; degree <= DEGREE; degree++)
    for (int i = 0; i <= degree; i++) {
      const int j = degree - i;
      if (i % 2 != parity % 2 || j % 2 != parity / 2) continue;
      s->i[s->count] = i;
      s->j[s->count] = j;
      s->scale[s->count++] = 1.0 / sqrt(moment(t, 0, 2 * i, 2 * j));
    }
}

static void fill(const search *t, space *s) {
  for (int64_t k = 0; k < s->count; k++)
    for (int64_t l = 0; l < s->count; l++) {
      const int i = s->i[k], j = s->j[k], m = s->i[l], n = s->j[l];
      const int64_t at = k * s->count + l;
      const double scale = s->scale[k] * s->scale[l];
      s->root[at] = scale * (moment(t, 0, i + m, j + n) - moment(t, 0, i, j) * moment(t, 0, m, n));
      s->along[0][at] = i * m == 0 ? 0.0 : scale * i * m * moment(t, 0, i + m - 2, j + n);
      s->along[1][at] = j * n == 0 ? 0.0 : scale * j * n * moment(t, 0, i + m, j + n - 2);
    }
}

/* m = R^-1 m R^-T for the symmetric m. */
static void orthonormalise(int64_t n, const double *root, double *m) {
  wg_la_lower_solve(n, root, false, n, m);
  for (int64_t k = 0; k < n; k++)
    for (int64_t l = 0; l < k; l++) {
      const double above = m[l * n + k];
      m[l * n + k] = m[k * n + l];
      m[k * n + l] = above;
    }
  wg_la_lower_solve(n, root, false, n, m);
}

static int make_space(const search *t, int parity, space *s) {
  choose_polynomials(t, parity, s);
  fill(t, s);
  if (wg_la_cholesky(s->count, s->root) != 0)
    return wg_fail(WG_ERR_ARGUMENT, "the exponent %g is too large for this basis; use up to 16",
                   t->exponent);
  for (int k = 0; k < 2; k++) orthonormalise(s->count, s->root, s->along[k]);
  return WG_OK;
}

/* ---- gaps ---- */

/* int (Lu)^2 for u = sum c_k x^i y^j, L of the coefficients `metric`. */
static double square_of_image(const search *t, const space *s, const double metric[2],
                              const double *c) {
  struct {
    double factor;
    int i, j, shift;
  } terms[3 * MOST];
  int count = 0;
  double sum = 0.0;
  for (int64_t k = 0; k < s->count; k++) {
    const int i = s->i[k], j = s->j[k];
    const double drift = t->exponent * (metric[0] * i + metric[1] * j);
    if (i > 1) {
      terms[count].factor = c[k] * metric[0] * i * (i - 1);
      terms[count].i = i - 2, terms[count].j = j, terms[count++].shift = 0;
    }
    if (j > 1) {
      terms[count].factor = c[k] * metric[1] * j * (j - 1);
      terms[count].i = i, terms[count].j = j - 2, terms[count++].shift = 0;
    }
    terms[count].factor = -c[k] * drift;
    terms[count].i = i, terms[count].j = j, terms[count++].shift = 1;
  }
  for (int k = 0; k < count; k++)
    for (int l = 0; l < count; l++)
      sum += terms[k].factor * terms[l].factor *
             moment(t, terms[k].shift + terms[l].shift, terms[k].i + terms[l].i,
                    terms[k].j + terms[l].j);
  return sum;
}

/* The least Ritz value of one parity and Temple's bound below it. */
static int parity_gap(search *t, const space *s, const double metric[2], double *lower,
                      double *upper) {
  const int64_t n = s->count;
  double c[MOST];
  for (int64_t k = 0; k < n * n; k++)
    t->form[k] = metric[0] * s->along[0][k] + metric[1] * s->along[1][k];
  WG_TRY(wg_la_eigh(n, t->form, t->values, t->vectors));
  const double mu = t->values[n - 1], rho = 0.5 * (mu + t->values[n - 2]);
  memcpy(c, t->vectors + (n - 1) * n, (size_t)n * sizeof *c);
  wg_la_lower_solve(n, s->root, true, 1, c);
  for (int64_t k = 0; k < n; k++) c[k] *= s->scale[k];
  const double residual = square_of_image(t, s, metric, c) - mu * mu;
  const double error = sqrt(WG_MAX(residual, 0.0));
  *upper = mu;
  *lower = WG_MAX(0.0, mu - (error < rho - mu ? error * error / (rho - mu) : error));
  return WG_OK;
}

static int gap(search *t, const double metric[2], double *lower, double *upper) {
  *lower = *upper = INFINITY;
  for (int parity = 0; parity < PARITIES; parity++) {
    double low, high;
    WG_TRY(parity_gap(t, &t->spaces[parity], metric, &low, &high));
    *lower = WG_MIN(*lower, low);
    *upper = WG_MIN(*upper, high);
  }
  t->bounds->evaluations++;
  return WG_OK;
}

/* ---- the minimum over Q ---- */

/* diag(a, b) on the boundary of K_gamma with b = s a. */
static int boundary(const search *t, double s, double q[2]) {
  const double direction[4] = {1.0, 0.0, 0.0, s};
  double dual;
  WG_TRY(wg_gauge_dual(t->spec, direction, t->mem, &dual));
  q[0] = 1.0 / dual;
  q[1] = s / dual;
  return WG_OK;
}

static int try_q(search *t, double s) {
  double q[2], low, high;
  WG_TRY(boundary(t, s, q));
  WG_TRY(gap(t, (const double[]){1.0 / q[0], 1.0 / q[1]}, &low, &high));
  if (high >= t->bounds->upper) return WG_OK;
  t->bounds->upper = high;
  memcpy(t->bounds->q, q, sizeof q);
  return WG_OK;
}

/* The part [s0, s1], depth halvings below the whole. */
static int bound(search *t, double s0, double s1, int depth) {
  double q0[2], q1[2], low, high;
  const double middle = 0.5 * (s0 + s1);
  WG_TRY(boundary(t, s0, q0));
  WG_TRY(boundary(t, s1, q1));
  WG_TRY(gap(t, (const double[]){1.0 / q0[0], 1.0 / q1[1]}, &low, &high));
  /* Where even the Ritz value is not below, what is missing is not the interval's fault. */
  if (high >= (1.0 - t->tol) * t->bounds->upper || depth == DEEPEST) {
    t->bounds->lower = WG_MIN(t->bounds->lower, low);
    return WG_OK;
  }
  WG_TRY(try_q(t, middle));
  WG_TRY(bound(t, s0, middle, depth + 1));
  return bound(t, middle, s1, depth + 1);
}

int wg_poincare_radial(wg_mem *mem, double exponent, const wg_gauge_spec *spec, double tol,
                       wg_poincare_bounds *bounds) {
  const double nearly_singular = 1e-6; /* functions of one coordinate */
  search *t = WG_NEW(mem, search, 1);
  if (!t) return wg_no_memory();
  t->exponent = exponent;
  t->tol = tol;
  t->spec = spec;
  t->mem = mem;
  t->bounds = bounds;
  *bounds = (wg_poincare_bounds){.lower = INFINITY, .upper = INFINITY};
  find_moments(t);
  int status = WG_OK;
  for (int parity = 0; parity < PARITIES && status == WG_OK; parity++)
    status = make_space(t, parity, &t->spaces[parity]);
  if (status == WG_OK) status = try_q(t, 1.0);
  if (status == WG_OK) status = try_q(t, nearly_singular);
  if (status == WG_OK) status = bound(t, 0.0, 1.0, 0);
  wg_drop(mem, t);
  return status;
}
