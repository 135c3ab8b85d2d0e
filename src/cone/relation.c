/* One block of the gauge inside the interior point: what ties its Q to its moment S.
 *
 * Newton's system needs, from every block, dQ as an affine function of dS. Whatever the gauge it is
 *   dQ = fixed + R w,   w = R'(dS + rest) with the direction `pin` taken out,
 * R: w -> X (root . w) X' entry by entry in some basis X, pin = R' of the gradient of the block's
 * one constraint. R R' is positive semidefinite, so the system is I + R'NR (newton.c): no
 * cancellation and no eigenvalue below one. Four forms:
 *   trace     Q = rho I;
 *   gradient  Schatten, p >= 2: Q = rho grad gamma(S), R R' = D^2 gamma by divided differences of
 *             t^(p-1), constant along rays (pin = R'S);
 *   power     Schatten, 1 < p < 2: there Q as a function of S has an infinite slope where S is
 *             singular, but S = tau Q^(p'-1), |Q|_p' = 1, has not: the same relation, linearised
 *             from the other side (but for p < 1.002, where p' - 1 is beyond 500);
 *   spectral  operator, Ky Fan k: 0 <= Q <= rho I, tr Q = k rho with multipliers Z, V, tau, two
 *             cones with Nesterov-Todd scaling, A dQ A + B dQ B = dS - d tau I + ..., inverted
 * entry by entry in the basis X with X'AX = I, X'BX = diag(beta). In a block max the bound rho is
 * an unknown too: its effect on dQ is `by_rho`. Cost O(s^3) a call, memory about 40 s^2. Source:
 * theory 1 and 4. */
#include <string.h>

#include "cone/cone.h"
#include "linalg/la.h"

static const double root_two = 1.4142135623730951;
static const double floor_ratio = 1e-14; /* keeps powers of eigenvalues finite */

static void multiply(int64_t s, bool ta, const double *a, bool tb, const double *b, double *c) {
  wg_la_gemm(ta, tb, s, s, s, 1.0, a, s, b, s, 0.0, c, s);
}

static double trace_of(int64_t s, const double *a) {
  double sum = 0.0;
  for (int64_t i = 0; i < s; i++) sum += a[i * s + i];
  return sum;
}

static void add_identity(int64_t s, double value, double *a) {
  for (int64_t i = 0; i < s; i++) a[i * s + i] += value;
}

static double conjugate(double p) { return p / (p - 1.0); }

/* ---- memory and form ---- */

static wg_relation_form form_of(const wg_gauge_block *block, bool is_max) {
  if (wg_gauge_block_is_trace(block)) return WG_RELATION_TRACE;
  if (block->kind == WG_KYFAN || isinf(block->p)) return WG_RELATION_SPECTRAL;
  return !is_max && block->p < 2.0 && block->p >= 1.002 ? WG_RELATION_POWER : WG_RELATION_GRADIENT;
}

int wg_relation_create(wg_mem *mem, const wg_gauge_block *block, bool is_max, int64_t blocks,
                       wg_relation *r) {
  const int64_t s = block->size, square = s * s, length = s * (s + 1) / 2;
  *r = (wg_relation){.form = form_of(block, is_max),
                     .start = block->start,
                     .size = s,
                     .length = length,
                     .k = block->kind == WG_KYFAN ? (double)block->k : 1.0,
                     .p = block->p,
                     .rate2 = block->rate * block->rate};
  r->rho = is_max ? 1.0 / ((double)blocks * r->rate2) : 1.0;
  const struct {
    double **where;
    int64_t size;
  } parts[] = {{&r->s, square},      {&r->q, square},
               {&r->basis, square},  {&r->root, length},
               {&r->pin, length},    {&r->rest, square},
               {&r->by_rho, square}, {&r->rest_by_rho, square},
               {&r->fixed, square},  {&r->work, 3 * square + length}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!(*parts[i].where = WG_NEW(mem, double, parts[i].size))) return wg_no_memory();
  if (r->form != WG_RELATION_SPECTRAL) return WG_OK;
  WG_TRY(wg_cone_create(mem, s, &r->low));
  return r->k > 1.0 ? wg_cone_create(mem, s, &r->high) : WG_OK;
}

/* ---- R and its transpose ---- */

void wg_relation_see(wg_relation *r, const double *m, bool off_pin, double *packed) {
  const int64_t s = r->size;
  double *half = r->work, *n = half + s * s;
  multiply(s, true, r->basis, false, m, half);
  multiply(s, false, half, false, r->basis, n);
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++) {
    packed[at] = n[i * s + i] * r->root[at];
    at++;
    for (int64_t j = i + 1; j < s; j++, at++)
      packed[at] = (n[i * s + j] + n[j * s + i]) / root_two * r->root[at];
  }
  const double along = off_pin ? wg_la_dot(r->length, r->pin, packed) : 0.0;
  for (int64_t i = 0; i < r->length; i++) packed[i] -= along * r->pin[i];
}

void wg_relation_unsee(wg_relation *r, const double *packed, double *m) {
  const int64_t s = r->size;
  double *n = r->work, *half = n + s * s;
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++) {
    n[i * s + i] = packed[at] * r->root[at];
    at++;
    for (int64_t j = i + 1; j < s; j++, at++)
      n[i * s + j] = n[j * s + i] = packed[at] * r->root[at] / root_two;
  }
  multiply(s, false, r->basis, false, n, half);
  multiply(s, false, half, true, r->basis, m);
}

/* Makes pin the unit direction of R'm. */
static void set_pin(wg_relation *r, const double *m) {
  wg_relation_see(r, m, false, r->pin);
  r->pin_norm = sqrt(wg_la_dot(r->length, r->pin, r->pin));
  for (int64_t i = 0; i < r->length && r->pin_norm > 0.0; i++) r->pin[i] /= r->pin_norm;
}

/* out = share times the dQ that raises the constraint by one. */
static void along_pin(wg_relation *r, double share, double *out) {
  double *packed = r->work + 3 * r->size * r->size;
  for (int64_t i = 0; i < r->length; i++) packed[i] = share / r->pin_norm * r->pin[i];
  wg_relation_unsee(r, packed, out);
}

/* ---- powers of matrices ---- */

/* (a^e - b^e) / (a - b) for a >= b > 0, without cancellation or overflow. */
static double divided_power(double a, double b, double e) {
  const double ratio = log(a / b);
  if (ratio < 1e-12) return e * pow(a, e - 1.0);
  return pow(a, e - 1.0) * expm1(-e * ratio) / expm1(-ratio);
}

/* out = X diag(values) X', X the basis. */
static void from_values(wg_relation *r, const double *values, double *out) {
  const int64_t s = r->size;
  double *scaled = r->work;
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++) scaled[i * s + j] = r->basis[i * s + j] * values[j];
  multiply(s, false, scaled, true, r->basis, out);
}

/* Eigenvalues of m relative to the largest, floored, into values (size); basis = eigenvectors. */
static int diagonalise(wg_relation *r, const double *m, double *values, double *top) {
  const int64_t s = r->size;
  double *vectors = r->work;
  WG_TRY(wg_la_eigh(s, m, values, vectors));
  *top = WG_MAX(values[0], 1e-300);
  for (int64_t i = 0; i < s; i++) {
    values[i] = WG_MAX(values[i] / *top, floor_ratio);
    for (int64_t j = 0; j < s; j++) r->basis[j * s + i] = vectors[i * s + j];
  }
  return WG_OK;
}

static double norm_of(int64_t s, const double *values, double p) {
  double sum = 0.0;
  for (int64_t i = 0; i < s; i++) sum += pow(values[i], p);
  return pow(sum, 1.0 / p);
}

/* Spectrum of S and q = rho grad gamma(S); gamma in units of top. */
static int find_gradient(wg_relation *r, double *values, double *top, double *gamma) {
  const int64_t s = r->size;
  double *weights = r->work + s * s;
  WG_TRY(diagonalise(r, r->s, values, top));
  *gamma = norm_of(s, values, r->p);
  for (int64_t i = 0; i < s; i++) weights[i] = r->rho * pow(values[i] / *gamma, r->p - 1.0);
  from_values(r, weights, r->q);
  r->value = *top * *gamma;
  return WG_OK;
}

/* ---- starting point ---- */

static void start_spectral(wg_relation *r) {
  const int64_t s = r->size, square = s * s;
  const double largest = WG_MAX(trace_of(s, r->s), 1e-3);
  const double v = r->k > 1.0 ? 0.75 * largest : 0.0;
  r->tau = r->k > 1.0 ? 0.75 * largest : 1.5 * largest;
  memset(r->q, 0, (size_t)square * sizeof(double));
  add_identity(s, r->k * r->rho / (double)s, r->q);
  memcpy(r->low.p, r->q, (size_t)square * sizeof(double));
  for (int64_t i = 0; i < square; i++) r->low.z[i] = -r->s[i];
  add_identity(s, r->tau + v, r->low.z);
  if (r->k <= 1.0) return;
  add_identity(s, r->rho * (1.0 - r->k / (double)s), r->high.p);
  add_identity(s, v, r->high.z);
}

int wg_relation_start(wg_relation *r) {
  double *values = r->work + 2 * r->size * r->size, top, gamma;
  if (r->form == WG_RELATION_SPECTRAL) {
    start_spectral(r);
    return WG_OK;
  }
  if (r->form == WG_RELATION_TRACE) {
    add_identity(r->size, r->rho, r->q);
    r->value = trace_of(r->size, r->s);
    return WG_OK;
  }
  WG_TRY(find_gradient(r, values, &top, &gamma));
  r->tau = r->value;
  return WG_OK;
}

/* ---- linearisation ---- */

static int linearise_gradient(wg_relation *r) {
  const int64_t s = r->size;
  double *values = r->work + 2 * s * s, top, gamma;
  WG_TRY(find_gradient(r, values, &top, &gamma));
  const double bend = r->rho * pow(gamma, 1.0 - r->p) / top;
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = i; j < s; j++, at++)
      r->root[at] = sqrt(bend * divided_power(values[i], values[j], r->p - 1.0));
  set_pin(r, r->s);
  for (int64_t i = 0; i < s * s; i++) r->by_rho[i] = r->q[i] / r->rho;
  return WG_OK;
}

/* S = tau Q^(p'-1): the slope's inverse, pinned by d |Q|^p' = 0. */
static int linearise_power(wg_relation *r) {
  const int64_t s = r->size;
  const double e = conjugate(r->p) - 1.0;
  double *values = r->work + 2 * s * s, *powers = values + s, top, sum = 0.0;
  WG_TRY(diagonalise(r, r->q, values, &top));
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++) {
    powers[i] = pow(top * values[i], e);
    sum += powers[i] * top * values[i];
    for (int64_t j = i; j < s; j++, at++)
      r->root[at] = 1.0 / sqrt(r->tau * divided_power(top * values[i], top * values[j], e));
  }
  from_values(r, powers, r->rest);
  set_pin(r, r->rest);
  for (int64_t i = 0; i < s * s; i++) r->rest[i] = r->s[i] - r->tau * r->rest[i];
  r->missing = (1.0 - sum) / conjugate(r->p);
  along_pin(r, r->missing, r->fixed);
  return WG_OK;
}

/* X with X'AX = I and X'BX = diag(beta); root = 1 / sqrt(1 + beta beta'). By singular values of one
 * factor in the coordinates of the other: beta spans 1 / mu^2, and what an eigensolver of X'BX
 * would lose is the square of what this loses. */
static int simultaneous_basis(wg_relation *r) {
  const int64_t s = r->size;
  double *half = r->work, *u = half + s * s, *vt = u + s * s, *beta = r->pin;
  multiply(s, false, r->high.gi, false, r->low.g, half);
  WG_TRY(wg_la_svd(s, half, u, beta, vt));
  for (int64_t i = 0; i < s; i++) beta[i] *= beta[i];
  multiply(s, false, r->low.g, true, vt, r->basis);
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = i; j < s; j++, at++) r->root[at] = 1.0 / sqrt(1.0 + beta[i] * beta[j]);
  multiply(s, true, r->high.gi, false, r->high.gi, half);
  multiply(s, false, half, false, half, r->rest_by_rho);
  return WG_OK;
}

static int linearise_spectral(wg_relation *r) {
  const int64_t s = r->size;
  int status = wg_cone_scale(&r->low);
  if (status == WG_OK && r->k > 1.0) status = wg_cone_scale(&r->high);
  if (status) return status;
  if (r->k > 1.0) {
    WG_TRY(simultaneous_basis(r));
  } else {
    memcpy(r->basis, r->low.g, (size_t)(s * s) * sizeof(double));
    for (int64_t i = 0; i < r->length; i++) r->root[i] = 1.0;
  }
  memset(r->rest, 0, (size_t)(s * s) * sizeof(double));
  add_identity(s, 1.0, r->rest);
  set_pin(r, r->rest);
  r->missing = r->k * r->rho - trace_of(s, r->q);
  along_pin(r, r->missing, r->fixed);
  along_pin(r, r->k, r->by_rho);
  return WG_OK;
}

int wg_relation_linearise(wg_relation *r) {
  switch (r->form) {
    case WG_RELATION_GRADIENT: return linearise_gradient(r);
    case WG_RELATION_POWER: return linearise_power(r);
    case WG_RELATION_SPECTRAL: return linearise_spectral(r);
    case WG_RELATION_TRACE: break;
  }
  memset(r->by_rho, 0, (size_t)(r->size * r->size) * sizeof(double));
  add_identity(r->size, 1.0, r->by_rho);
  return WG_OK;
}

void wg_relation_aim(wg_relation *r, double mu, bool corrected) {
  const int64_t s = r->size;
  if (r->form != WG_RELATION_SPECTRAL) return;
  wg_cone_aim(&r->low, mu, corrected);
  for (int64_t i = 0; i < s * s; i++) r->rest[i] = r->s[i] + r->low.target[i];
  add_identity(s, -r->tau, r->rest);
  if (r->k <= 1.0) return;
  wg_cone_aim(&r->high, mu, corrected);
  for (int64_t i = 0; i < s * s; i++) r->rest[i] -= r->high.target[i];
}

/* ---- steps ---- */

double wg_relation_tau(wg_relation *r, const double *step_s, double step_rho, bool with_rest) {
  const int64_t s = r->size;
  double *sum = r->work + 2 * s * s, *packed = r->work + 3 * s * s;
  if (r->form != WG_RELATION_SPECTRAL && r->form != WG_RELATION_POWER) return 0.0;
  for (int64_t i = 0; i < s * s; i++)
    sum[i] = step_s[i] + step_rho * r->rest_by_rho[i] + (with_rest ? r->rest[i] : 0.0);
  wg_relation_see(r, sum, false, packed);
  const double moved = r->k * step_rho + (with_rest ? r->missing : 0.0);
  return (wg_la_dot(r->length, r->pin, packed) - moved / r->pin_norm) / r->pin_norm;
}

double wg_relation_offer(const wg_relation *r) {
  if (r->form != WG_RELATION_SPECTRAL) return r->value;
  return r->k * r->tau + (r->k > 1.0 ? trace_of(r->size, r->high.z) : 0.0);
}

/* tr(B (dQ - d rho I) B): B'B is rest_by_rho, but for the order, which a trace does not see. */
static double upper_trace(const wg_relation *r, const double *step_q, double step_rho) {
  const int64_t s = r->size;
  return wg_la_dot(s * s, r->rest_by_rho, step_q) - step_rho * trace_of(s, r->rest_by_rho);
}

double wg_relation_offer_step(wg_relation *r, const double *step_q, const double *step_s,
                              double step_rho, bool with_rest) {
  const int64_t s = r->size;
  if (r->form == WG_RELATION_TRACE) return trace_of(s, step_s);
  if (r->form == WG_RELATION_GRADIENT) return wg_la_dot(s * s, r->by_rho, step_s);
  double step = r->k * wg_relation_tau(r, step_s, step_rho, with_rest);
  if (r->k <= 1.0) return step;
  return step + upper_trace(r, step_q, step_rho) +
         (with_rest ? trace_of(s, r->high.target) - trace_of(s, r->high.z) : 0.0);
}

void wg_relation_step(wg_relation *r, const double *step_q, const double *step_s) {
  const int64_t s = r->size;
  r->step_tau = wg_relation_tau(r, step_s, r->step_rho, true);
  if (r->form != WG_RELATION_SPECTRAL) return;
  memcpy(r->low.step_p, step_q, (size_t)(s * s) * sizeof(double));
  wg_cone_answer(&r->low);
  if (r->k <= 1.0) return;
  for (int64_t i = 0; i < s * s; i++) r->high.step_p[i] = -step_q[i];
  add_identity(s, r->step_rho, r->high.step_p);
  wg_cone_answer(&r->high);
}

/* Q + step dQ stays positive definite. */
static int power_limit(wg_relation *r, const double *step_q, double *limit) {
  const int64_t s = r->size;
  double *vectors = r->work, *scaled = vectors + s * s, *values = scaled + s * s, top;
  WG_TRY(diagonalise(r, r->q, values, &top));
  multiply(s, true, r->basis, false, step_q, vectors);
  multiply(s, false, vectors, false, r->basis, scaled);
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++) scaled[i * s + j] /= top * sqrt(values[i]) * sqrt(values[j]);
  for (int64_t i = 0; i < s * s; i++)
    if (!isfinite(scaled[i])) return 1;
  WG_TRY(wg_la_eigh(s, scaled, values, vectors));
  if (values[s - 1] < 0) *limit = WG_MIN(*limit, -1.0 / values[s - 1]);
  return WG_OK;
}

/* Halves the step until the gauge grows by no more than twice what the model says: for large p a
 * Schatten norm bends within a relative change 1/p of its eigenvalues. */
static int gradient_limit(wg_relation *r, const double *step_s, double *limit) {
  const int64_t s = r->size;
  double *packed = r->work + 3 * s * s, *moved = r->work + s * s, *values = moved + s * s;
  wg_relation_see(r, step_s, true, packed);
  const double curvature = wg_la_dot(r->length, packed, packed) / r->rho;
  const double slope = wg_la_dot(s * s, r->q, step_s) / r->rho;
  for (double step = 1.0; step > 1e-6; step *= 0.5) {
    for (int64_t i = 0; i < s * s; i++) moved[i] = r->s[i] + step * step_s[i];
    WG_TRY(wg_la_eigh(s, moved, values, r->work));
    const double top = WG_MAX(values[0], 1e-300);
    for (int64_t i = 0; i < s; i++) values[i] = WG_MAX(values[i] / top, 0.0);
    const double excess = top * norm_of(s, values, r->p) - r->value - step * slope;
    if (excess <= step * step * curvature + 1e-14 * r->value) return WG_OK;
    *limit = WG_MIN(*limit, 0.5 * step);
  }
  return WG_OK;
}

int wg_relation_limit(wg_relation *r, const double *step_q, const double *step_s, double *limit) {
  switch (r->form) {
    case WG_RELATION_GRADIENT: return gradient_limit(r, step_s, limit);
    case WG_RELATION_POWER: return power_limit(r, step_q, limit);
    case WG_RELATION_TRACE: return WG_OK;
    case WG_RELATION_SPECTRAL: break;
  }
  const int status = wg_cone_limit(&r->low, limit);
  return status || r->k <= 1.0 ? status : wg_cone_limit(&r->high, limit);
}

int wg_relation_advance(wg_relation *r, double step, const double *step_q, const double *s_new) {
  const int64_t s = r->size;
  double *values = r->work + 2 * s * s, top, gamma;
  memcpy(r->s, s_new, (size_t)(s * s) * sizeof(double));
  r->tau += step * r->step_tau;
  r->rho += step * r->step_rho;
  r->y += step * r->step_y;
  if (r->form == WG_RELATION_GRADIENT) return find_gradient(r, values, &top, &gamma);
  if (r->form == WG_RELATION_TRACE) r->value = trace_of(s, r->s);
  for (int64_t i = 0; i < s * s; i++) r->q[i] += step * step_q[i];
  if (r->form != WG_RELATION_SPECTRAL) return WG_OK;
  wg_cone_advance(&r->low, step);
  if (r->k > 1.0) wg_cone_advance(&r->high, step);
  memcpy(r->q, r->low.p, (size_t)(s * s) * sizeof(double));
  return WG_OK;
}

void wg_relation_complementarity(const wg_relation *r, double *sum, double *terms) {
  const int64_t square = r->size * r->size;
  if (r->form != WG_RELATION_SPECTRAL) return;
  *sum += wg_la_dot(square, r->low.p, r->low.z);
  *terms += (double)r->size;
  if (r->k <= 1.0) return;
  *sum += wg_la_dot(square, r->high.p, r->high.z);
  *terms += (double)r->size;
}
