/* One block of the gauge inside the master's interior point.
 *
 * What the outer Newton system needs from a block is the response of its optimal Q to a change of
 * the weights w (through S = sum w_k M_k, M_k the block of Sigma_k) and, for a block max, of its
 * share rho. Three forms:
 *   trace     Q = rho I, no response;
 *   smooth    Schatten 1 < p < inf: Q = rho grad gamma(S), response rho D^2 gamma by divided
 *             differences of t^(p-1);
 *   spectral  operator and Ky Fan k: max <Q, S>, 0 <= Q <= rho I, tr Q = k rho, with multipliers
 *             Z, V, tau:  S + Z - V - tau I = 0,  QZ = mu I,  (rho I - Q) V = mu I, linearised with
 *             Nesterov-Todd scaling: A dQ A + B dQ B = dS - d tau I + ..., A and B the inverse
 *             scalings of Q and rho I - Q. With X'AX = I, X'BX = diag(beta) the left side is
 * inverted entry by entry: dQ = X [ (X'MX)_ij / (1 + beta_i beta_j) ] X'. In every form the
 * response is an inner product of transformed columns g_k = sqrt(weight_ij) (X'M_k X)_ij with one
 * direction projected out (the identity for the trace constraint; S itself for the smooth form,
 * whose gradient is constant along rays), so the outer Hessian is a Gram matrix: positive
 * semidefinite by construction, no cancellation. Cost O(count s^3 + s^3) per call, memory count s^2
 * numbers three times.
 */
#include <string.h>

#include "linalg/la.h"
#include "spectral/master.h"

static const double root_two = 1.4142135623730951;

/* ---- small dense helpers ---- */

static void multiply(int64_t s, bool ta, const double *a, bool tb, const double *b, double *c) {
  wg_la_gemm(ta, tb, s, s, s, 1.0, a, s, b, s, 0.0, c, s);
}

/* out = m' a m, using scratch. */
static void congruence(int64_t s, const double *m, const double *a, double *scratch, double *out) {
  multiply(s, false, a, false, m, scratch);
  multiply(s, true, m, false, scratch, out);
}

/* out = m a m'. */
static void congruence_t(int64_t s, const double *m, const double *a, double *scratch,
                         double *out) {
  multiply(s, false, m, false, a, scratch);
  multiply(s, false, scratch, true, m, out);
}

static double trace_of(int64_t s, const double *a) {
  double sum = 0.0;
  for (int64_t i = 0; i < s; i++) sum += a[i * s + i];
  return sum;
}

static void set_identity(int64_t s, double value, double *a) {
  memset(a, 0, (size_t)(s * s) * sizeof *a);
  for (int64_t i = 0; i < s; i++) a[i * s + i] = value;
}

/* ---- memory ---- */

static int create_cone(wg_mem *mem, int64_t s, wg_nt *cone) {
  double **parts[] = {&cone->p,      &cone->z,      &cone->g,         &cone->gi,
                      &cone->step_p, &cone->step_z, &cone->correction};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!(*parts[i] = WG_NEW(mem, double, s *s))) return wg_no_memory();
  cone->diagonal = WG_NEW(mem, double, s);
  return cone->diagonal ? WG_OK : wg_no_memory();
}

static void choose_form(const wg_gauge_block *gauge, wg_master_block *block) {
  const bool is_operator = gauge->kind == WG_SCHATTEN && isinf(gauge->p);
  block->k = gauge->kind == WG_KYFAN ? (double)gauge->k : 1.0;
  block->p = gauge->p;
  if (wg_gauge_block_is_trace(gauge))
    block->form = WG_FORM_TRACE;
  else
    block->form = gauge->kind == WG_KYFAN || is_operator ? WG_FORM_SPECTRAL : WG_FORM_SMOOTH;
}

/* out (s x s) = the block of a (d x d). */
static void cut_block(const wg_master_block *block, int64_t d, const double *a, double *out) {
  const int64_t s = block->size;
  for (int64_t i = 0; i < s; i++)
    memcpy(out + i * s, a + (block->start + i) * d + block->start, (size_t)s * sizeof(double));
}

static int copy_columns(wg_mem *mem, const wg_columns *from, wg_master_block *block) {
  const int64_t s = block->size, square = s * s, d = from->d;
  if (from->base) {
    if (!(block->base = WG_NEW(mem, double, square))) return wg_no_memory();
    cut_block(block, d, from->base, block->base);
  }
  if (from->moments) {
    if (!(block->columns = WG_NEW(mem, double, from->count *square))) return wg_no_memory();
    for (int64_t k = 0; k < from->count; k++)
      cut_block(block, d, from->moments + k * d * d, block->columns + k * square);
    return WG_OK;
  }
  if (!(block->rays = WG_NEW(mem, double, from->count *s))) return wg_no_memory();
  for (int64_t k = 0; k < from->count; k++)
    memcpy(block->rays + k * s, from->rays + k * d + block->start, (size_t)s * sizeof(double));
  return WG_OK;
}

int wg_block_create(wg_mem *mem, const wg_gauge_block *gauge, bool is_max, int64_t block_count,
                    const wg_columns *columns, wg_master_block *block) {
  const int64_t s = gauge->size, square = s * s, length = s * (s + 1) / 2, count = columns->count;
  const int64_t scratch = count * (columns->moments ? square : s) + 2 * square; /* at least 2 */
  *block = (wg_master_block){
      .start = gauge->start, .size = s, .length = length, .rate2 = gauge->rate * gauge->rate};
  block->rho = is_max ? 1.0 / ((double)block_count * block->rate2) : 1.0;
  choose_form(gauge, block);
  const struct {
    double **where;
    int64_t size;
  } parts[] = {{&block->g, block->form == WG_FORM_TRACE ? 0 : count * length},
               {&block->h, count},
               {&block->q0, WG_MAX(count, s)},
               {&block->q_dot, count},
               {&block->s, square},
               {&block->q, square},
               {&block->step_s, square},
               {&block->basis, square},
               {&block->root, length},
               {&block->g_identity, length},
               {&block->g_square, length},
               {&block->g_residual, length},
               {&block->g_correction, length},
               {&block->t1, scratch},
               {&block->t2, scratch}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (parts[i].size && !(*parts[i].where = WG_NEW(mem, double, parts[i].size)))
      return wg_no_memory();
  WG_TRY(create_cone(mem, s, &block->low));
  WG_TRY(create_cone(mem, s, &block->high));
  return copy_columns(mem, columns, block);
}

/* out = sum_k weights_k moment_k. */
static void combine(wg_master_block *block, int64_t count, const double *weights, double *out) {
  const int64_t s = block->size, square = s * s;
  memset(out, 0, (size_t)square * sizeof(double));
  if (block->columns) {
    for (int64_t k = 0; k < count; k++)
      for (int64_t i = 0; i < square; i++) out[i] += weights[k] * block->columns[k * square + i];
    return;
  }
  for (int64_t k = 0; k < count; k++)
    for (int64_t i = 0; i < s; i++) block->t1[k * s + i] = weights[k] * block->rays[k * s + i];
  wg_la_gemm(true, false, s, s, count, 1.0, block->t1, s, block->rays, s, 0.0, out, s);
}

/* out_k = <a, moment_k>. */
static void inner_products(wg_master_block *block, int64_t count, const double *a, double *out) {
  const int64_t s = block->size, square = s * s;
  if (block->columns) {
    for (int64_t k = 0; k < count; k++) out[k] = wg_la_dot(square, a, block->columns + k * square);
    return;
  }
  wg_la_gemm(false, false, count, s, s, 1.0, block->rays, s, a, s, 0.0, block->t1, s);
  for (int64_t k = 0; k < count; k++) {
    out[k] = 0.0;
    for (int64_t i = 0; i < s; i++) out[k] += block->t1[k * s + i] * block->rays[k * s + i];
  }
}

void wg_block_moment(wg_master_block *block, int64_t count, const double *weights) {
  const int64_t square = block->size * block->size;
  combine(block, count, weights, block->s);
  for (int64_t i = 0; block->base && i < square; i++) block->s[i] += block->base[i];
}

/* ---- starting point: Q = k rho I / s and strictly feasible multipliers ---- */

void wg_block_start(wg_master_block *block) {
  const int64_t s = block->size, square = s * s;
  double largest = 0.0;
  for (int64_t i = 0; i < s; i++) largest += block->s[i * s + i]; /* trace >= lambda_1 */
  largest = WG_MAX(largest, 1e-6);
  set_identity(s, block->form == WG_FORM_TRACE ? block->rho : block->k * block->rho / (double)s,
               block->q);
  if (block->form != WG_FORM_SPECTRAL) return;
  const bool has_high = block->k > 1.0;
  const double v = has_high ? 0.75 * largest : 0.0;
  block->tau = has_high ? 0.75 * largest : 1.5 * largest;
  memcpy(block->low.p, block->q, (size_t)square * sizeof(double));
  set_identity(s, block->tau + v, block->low.z);
  for (int64_t i = 0; i < square; i++) block->low.z[i] -= block->s[i];
  if (!has_high) return;
  set_identity(s, block->rho * (1.0 - block->k / (double)s), block->high.p);
  set_identity(s, v, block->high.z);
}

/* ---- Nesterov-Todd scaling ---- */

/* From p = L L', z = R R', R'L = U D W': g = L W D^(-1/2), its inverse D^(-1/2) U' R'. */
static int scale_cone(int64_t s, wg_nt *cone, double *scratch) {
  double *l = scratch, *r = cone->step_p, *product = cone->step_z;
  double *u = cone->g, *wt = cone->gi;
  memcpy(l, cone->p, (size_t)(s * s) * sizeof *l);
  memcpy(r, cone->z, (size_t)(s * s) * sizeof *r);
  if (wg_la_cholesky(s, l) || wg_la_cholesky(s, r)) return 1;
  multiply(s, true, r, false, l, product);
  WG_TRY(wg_la_svd(s, product, u, cone->diagonal, wt));
  multiply(s, false, l, true, wt, product); /* L W, into product: wt is needed no more */
  multiply(s, true, u, true, r, wt);        /* U' R' into gi */
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++) {
      cone->g[i * s + j] = product[i * s + j] / sqrt(cone->diagonal[j]);
      cone->gi[i * s + j] = wt[i * s + j] / sqrt(cone->diagonal[i]);
    }
  return WG_OK;
}

/* ---- transformed columns ---- */

/* Packs the symmetric n (s x s) times root: off-diagonal entries counted with sqrt 2. */
static void pack(int64_t s, const double *n, const double *root, double *packed) {
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++) {
    packed[at] = n[i * s + i] * root[at];
    at++;
    for (int64_t j = i + 1; j < s; j++, at++)
      packed[at] = 0.5 * (n[i * s + j] + n[j * s + i]) * root_two * root[at];
  }
}

static void unpack(int64_t s, const double *packed, const double *root, double *n) {
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++) {
    n[i * s + i] = packed[at] * root[at];
    at++;
    for (int64_t j = i + 1; j < s; j++, at++)
      n[i * s + j] = n[j * s + i] = packed[at] * root[at] / root_two;
  }
}

/* The same for the square of the vector v. */
static void pack_square(int64_t s, const double *v, const double *root, double *packed) {
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++) {
    packed[at] = v[i] * v[i] * root[at];
    at++;
    for (int64_t j = i + 1; j < s; j++, at++) packed[at] = v[i] * v[j] * root_two * root[at];
  }
}

static void transform_rays(wg_master_block *block, int64_t count) {
  const int64_t s = block->size;
  wg_la_gemm(false, false, count, s, s, 1.0, block->rays, s, block->basis, s, 0.0, block->t1, s);
  for (int64_t k = 0; k < count; k++)
    pack_square(s, block->t1 + k * s, block->root, block->g + k * block->length);
}

/* g_k = packed X' M_k X for all columns, by two tall products. */
static void transform_columns(wg_master_block *block, int64_t count) {
  const int64_t s = block->size, square = s * s;
  if (block->rays) {
    transform_rays(block, count);
    return;
  }
  wg_la_gemm(false, false, count * s, s, s, 1.0, block->columns, s, block->basis, s, 0.0, block->t1,
             s);
  for (int64_t k = 0; k < count; k++) {
    double *m = block->t1 + k * square;
    for (int64_t i = 0; i < s; i++)
      for (int64_t j = 0; j < i; j++) {
        double swap = m[i * s + j];
        m[i * s + j] = m[j * s + i];
        m[j * s + i] = swap;
      }
  }
  wg_la_gemm(false, false, count * s, s, s, 1.0, block->t1, s, block->basis, s, 0.0, block->t2, s);
  for (int64_t k = 0; k < count; k++)
    pack(s, block->t2 + k * square, block->root, block->g + k * block->length);
}

/* Removes the component along `direction` from every column; dots receives it times |direction|^2.
 */
static void project_columns(wg_master_block *block, int64_t count, const double *direction,
                            double norm2, double *dots) {
  for (int64_t k = 0; k < count; k++) {
    double *g = block->g + k * block->length;
    dots[k] = wg_la_dot(block->length, direction, g);
    for (int64_t i = 0; i < block->length && norm2 > 0; i++) g[i] -= direction[i] * dots[k] / norm2;
  }
}

/* ---- linearisation, one function a form ---- */

static void linearise_trace(wg_master_block *block, int64_t count) {
  const int64_t s = block->size;
  set_identity(s, 1.0, block->q);
  inner_products(block, count, block->q, block->h);
  set_identity(s, block->rho, block->q);
  block->x = trace_of(s, block->s);
}

/* (a^e - b^e) / (a - b) for a >= b > 0, without cancellation or overflow. */
static double divided_power(double a, double b, double e) {
  double ratio = log(a / b);
  if (ratio < 1e-12) return e * pow(a, e - 1.0);
  return pow(a, e - 1.0) * expm1(-e * ratio) / expm1(-ratio);
}

/* The Schatten norm of s + step * step_s, by its eigenvalues. */
static int smooth_value(const wg_master_block *block, double step, double *value) {
  const int64_t s = block->size, square = s * s;
  double *moved = block->t1, *vectors = block->t1 + square, *values = block->t2, sum = 0.0;
  for (int64_t i = 0; i < square; i++) moved[i] = block->s[i] + step * block->step_s[i];
  WG_TRY(wg_la_eigh(s, moved, values, vectors));
  const double top = WG_MAX(values[0], 1e-300);
  for (int64_t i = 0; i < s; i++) sum += pow(WG_MAX(values[i] / top, 0.0), block->p);
  *value = top * pow(sum, 1.0 / block->p);
  return WG_OK;
}

/* Spectrum of S relative to its largest eigenvalue *top (values, floored, and block->basis), its
 * norm *gamma in the same unit, and Q = rho grad gamma(S). */
static int find_gradient(wg_master_block *block, double *values, double *top, double *gamma) {
  const int64_t s = block->size, square = s * s;
  const double floor_ratio = 1e-14; /* keeps t^(p-2) finite where S is singular */
  double *vectors = block->t1, *diagonal = block->t2, *scratch = block->t2 + square, sum = 0.0;
  WG_TRY(wg_la_eigh(s, block->s, values, vectors));
  *top = WG_MAX(values[0], 1e-300);
  for (int64_t i = 0; i < s; i++) {
    values[i] = WG_MAX(values[i] / *top, floor_ratio);
    sum += pow(values[i], block->p);
  }
  *gamma = pow(sum, 1.0 / block->p);
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++) block->basis[i * s + j] = vectors[j * s + i];
  set_identity(s, 0.0, diagonal);
  for (int64_t i = 0; i < s; i++)
    diagonal[i * s + i] = block->rho * pow(*gamma, 1.0 - block->p) * pow(values[i], block->p - 1.0);
  congruence_t(s, block->basis, diagonal, scratch, block->q);
  return WG_OK;
}

static int linearise_smooth(wg_master_block *block, int64_t count) {
  const int64_t s = block->size;
  double *values = block->g_square, top, gamma;
  WG_TRY(find_gradient(block, values, &top, &gamma));
  const double bend = block->rho * pow(gamma, 1.0 - block->p) / top;
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = i; j < s; j++, at++)
      block->root[at] = sqrt(bend * divided_power(values[i], values[j], block->p - 1.0));
  set_identity(s, 0.0, block->t2);
  for (int64_t i = 0; i < s; i++) block->t2[i * s + i] = values[i] * top;
  pack(s, block->t2, block->root, block->g_identity); /* S seen in its own basis */
  block->alpha = wg_la_dot(block->length, block->g_identity, block->g_identity);
  block->x = gamma * top;
  transform_columns(block, count);
  project_columns(block, count, block->g_identity, block->alpha, block->h);
  inner_products(block, count, block->q, block->h);
  for (int64_t k = 0; k < count; k++) block->h[k] /= block->rho;
  return WG_OK;
}

/* X and the inverse Hessian's entries from the two scalings. */
static int make_basis(wg_master_block *block, double *beta) {
  const int64_t s = block->size, square = s * s;
  double *scratch = block->t1, *rotation = block->t2, *left = block->t2 + square;
  memcpy(block->basis, block->low.g, (size_t)square * sizeof(double));
  for (int64_t i = 0; i < s; i++) beta[i] = 0.0;
  if (block->k > 1.0) {
    /* G'BG, B = gi' gi of the upper cone, is the square of this: its singular values are beta's
     * roots, to their own accuracy however small. */
    multiply(s, false, block->high.gi, false, block->low.g, scratch);
    WG_TRY(wg_la_svd(s, scratch, left, beta, rotation));
    for (int64_t i = 0; i < s; i++) beta[i] *= beta[i];
    multiply(s, false, block->low.g, true, rotation, block->basis);
  }
  int64_t at = 0;
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = i; j < s; j++, at++) block->root[at] = 1.0 / sqrt(1.0 + beta[i] * beta[j]);
  return WG_OK;
}

/* out += sign * gi' (mu / D - D) gi, the part of mu P^-1 - Z that the cone contributes. */
static void add_centering(int64_t s, const wg_nt *cone, double mu, double sign, double *scratch,
                          double *out) {
  for (int64_t i = 0; i < s; i++) {
    const double push = sign * (mu / cone->diagonal[i] - cone->diagonal[i]);
    for (int64_t j = 0; j < s; j++) scratch[i * s + j] = push * cone->gi[i * s + j];
  }
  wg_la_gemm(true, false, s, s, s, 1.0, cone->gi, s, scratch, s, 1.0, out, s);
}

/* B^2 = (gi' gi)^2 of the upper cone. */
static void upper_square(const wg_master_block *block, double *scratch, double *out) {
  const int64_t s = block->size;
  multiply(s, true, block->high.gi, false, block->high.gi, scratch);
  multiply(s, false, scratch, false, scratch, out);
}

/* Packs X' a X into `packed`. */
static void pack_seen(wg_master_block *block, const double *a, double *packed) {
  const int64_t square = block->size * block->size;
  congruence(block->size, block->basis, a, block->t1, block->t1 + square);
  pack(block->size, block->t1 + square, block->root, packed);
}

/* The parts of the response that do not depend on the columns. */
static void linearise_constants(wg_master_block *block, double mu) {
  const int64_t s = block->size, square = s * s;
  const bool has_high = block->k > 1.0;
  double *a = block->t2, *scratch = block->t2 + square;
  set_identity(s, 1.0, a);
  pack_seen(block, a, block->g_identity);
  block->alpha = wg_la_dot(block->length, block->g_identity, block->g_identity);
  for (int64_t i = 0; i < square; i++)
    a[i] = block->s[i] + block->low.z[i] - (has_high ? block->high.z[i] : 0.0);
  for (int64_t i = 0; i < s; i++) a[i * s + i] -= block->tau;
  add_centering(s, &block->low, mu, 1.0, scratch, a);
  double upper_trace = 0.0;
  if (has_high) {
    set_identity(s, 0.0, block->t1);
    add_centering(s, &block->high, mu, 1.0, scratch, block->t1);
    upper_trace = trace_of(s, block->t1); /* tr(mu U^-1 - V) */
    for (int64_t i = 0; i < square; i++) a[i] -= block->t1[i];
  }
  pack_seen(block, a, block->g_residual);
  block->x0 = upper_trace;
  memset(block->g_square, 0, (size_t)block->length * sizeof(double));
  block->kappa = 0.0;
  if (has_high) {
    upper_square(block, scratch, a);
    block->kappa = -trace_of(s, a);
    pack_seen(block, a, block->g_square);
  }
}

static int linearise_spectral(wg_master_block *block, int64_t count, double mu) {
  const int64_t s = block->size, square = s * s, length = block->length;
  memset(block->low.correction, 0, (size_t)square * sizeof(double));
  memset(block->high.correction, 0, (size_t)square * sizeof(double));
  memset(block->g_correction, 0, (size_t)length * sizeof(double));
  block->x_correction = 0.0;
  if (scale_cone(s, &block->low, block->t1)) return 1;
  if (block->k > 1.0 && scale_cone(s, &block->high, block->t1)) return 1;
  WG_TRY(make_basis(block, block->q0)); /* q0 is scratch until filled below */
  linearise_constants(block, mu);
  const double *gi = block->g_identity, *gb = block->g_square, *gr = block->g_residual;
  const double ib = wg_la_dot(length, gi, gb), ir = wg_la_dot(length, gi, gr);
  const double miss = block->k * block->rho - trace_of(s, block->low.p);
  const double along_rho = (ib - block->k) / block->alpha, along_0 = (ir - miss) / block->alpha;
  block->kappa += block->k * along_rho + wg_la_dot(length, gb, gb) - ib * along_rho;
  block->x0 += block->k * along_0 + wg_la_dot(length, gb, gr) - ib * along_0;
  block->x = block->k * block->tau + (block->k > 1.0 ? trace_of(s, block->high.z) : 0.0);
  transform_columns(block, count);
  for (int64_t k = 0; k < count; k++) {
    const double *g = block->g + k * length;
    const double identity = wg_la_dot(length, gi, g);
    block->h[k] = wg_la_dot(length, gb, g) - identity * along_rho;
    block->q0[k] = wg_la_dot(length, gr, g) - identity * along_0;
  }
  project_columns(block, count, gi, block->alpha, block->q_dot);
  memcpy(block->q, block->low.p, (size_t)square * sizeof(double));
  return WG_OK;
}

int wg_block_linearise(wg_master_block *block, int64_t count, double mu) {
  int status = WG_OK;
  if (block->form == WG_FORM_TRACE) linearise_trace(block, count);
  if (block->form == WG_FORM_SMOOTH) status = linearise_smooth(block, count);
  if (block->form == WG_FORM_SPECTRAL) status = linearise_spectral(block, count, mu);
  inner_products(block, count, block->q, block->q_dot);
  return status;
}

/* ---- directions and steps ---- */

/* step_z = (mu / P - Z) - A dP A in the cone's scaled coordinates. */
static void other_step(int64_t s, wg_nt *cone, double mu, double *scratch) {
  double *inner = scratch, *work = scratch + s * s;
  congruence_t(s, cone->gi, cone->step_p, work, inner);
  for (int64_t i = 0; i < s * s; i++) inner[i] = -inner[i];
  for (int64_t i = 0; i < s * s; i++) inner[i] += cone->correction[i];
  for (int64_t i = 0; i < s; i++) inner[i * s + i] += mu / cone->diagonal[i] - cone->diagonal[i];
  congruence(s, cone->gi, inner, work, cone->step_z);
}

/* correction = -share 2 sym(dp dz)_ij / (D_i + D_j) for the steps in scaled coordinates; out (s x
 * s) receives it in the given ones. */
static void correct_cone(int64_t s, wg_nt *cone, double share, double *scratch, double *out) {
  double *dp = scratch, *dz = out, *product = cone->correction, *work = scratch + s * s;
  congruence_t(s, cone->gi, cone->step_p, work, dp);
  congruence(s, cone->g, cone->step_z, work, dz);
  multiply(s, false, dp, false, dz, work);
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++)
      product[i * s + j] =
          -share * (work[i * s + j] + work[j * s + i]) / (cone->diagonal[i] + cone->diagonal[j]);
  congruence(s, cone->gi, product, work, out);
}

void wg_block_correct(wg_master_block *block, double share, double *change, double *x_change) {
  const int64_t s = block->size, square = s * s, length = block->length;
  const bool has_high = block->k > 1.0;
  double *a = block->t2, *upper = block->t2 + square, trace = 0.0;
  *x_change = 0.0;
  memset(change, 0, (size_t)length * sizeof *change);
  if (block->form != WG_FORM_SPECTRAL) return;
  correct_cone(s, &block->low, share, block->t1, a);
  if (has_high) {
    correct_cone(s, &block->high, share, block->t1, upper);
    trace = trace_of(s, upper);
    for (int64_t i = 0; i < square; i++) a[i] -= upper[i];
  }
  pack_seen(block, a, change);
  const double *gi = block->g_identity, *gb = block->g_square;
  const double along = wg_la_dot(length, gi, change) / block->alpha;
  const double x = trace + (block->k - wg_la_dot(length, gi, gb)) * along +
                   (has_high ? wg_la_dot(length, gb, change) : 0.0);
  *x_change = x - block->x_correction;
  block->x_correction = x;
  for (int64_t i = 0; i < length; i++) {
    const double old = block->g_correction[i];
    block->g_correction[i] = change[i];
    change[i] -= old;
    block->g_residual[i] += change[i];
  }
}

/* What the quadratic model of a smooth block predicts along the step. */
static void predict_smooth(wg_master_block *block, int64_t count, const double *step_weights) {
  double *seen = block->g_residual;
  memset(seen, 0, (size_t)block->length * sizeof *seen);
  for (int64_t k = 0; k < count; k++)
    for (int64_t i = 0; i < block->length; i++)
      seen[i] += step_weights[k] * block->g[k * block->length + i];
  block->curvature = wg_la_dot(block->length, seen, seen) / block->rho;
  block->slope = wg_la_dot(block->size * block->size, block->q, block->step_s) / block->rho;
}

void wg_block_direction(wg_master_block *block, int64_t count, const double *step_weights,
                        const double *step_seen, double mu) {
  const int64_t s = block->size, square = s * s, length = block->length;
  combine(block, count, step_weights, block->step_s);
  if (block->form == WG_FORM_SMOOTH) predict_smooth(block, count, step_weights);
  if (block->form != WG_FORM_SPECTRAL) return;
  double *seen = block->g; /* the columns' transforms have served */
  const double miss = block->k * (block->rho + block->step_rho) - trace_of(s, block->low.p);
  pack_seen(block, block->step_s, seen);
  for (int64_t i = 0; i < length; i++)
    seen[i] += block->step_rho * block->g_square[i] + block->g_residual[i];
  block->step_tau = (wg_la_dot(length, block->g_identity, seen) - miss) / block->alpha;
  for (int64_t i = 0; step_seen && i < length; i++)
    seen[i] = step_seen[i] + block->step_rho * block->g_square[i] + block->g_residual[i];
  const double along = (wg_la_dot(length, block->g_identity, seen) - miss) / block->alpha;
  for (int64_t i = 0; i < length; i++) seen[i] -= along * block->g_identity[i];
  unpack(s, seen, block->root, block->t2);
  congruence_t(s, block->basis, block->t2, block->t1, block->low.step_p);
  other_step(s, &block->low, mu, block->t1);
  if (block->k <= 1.0) return;
  for (int64_t i = 0; i < square; i++) block->high.step_p[i] = -block->low.step_p[i];
  for (int64_t i = 0; i < s; i++) block->high.step_p[i * s + i] += block->step_rho;
  other_step(s, &block->high, mu, block->t1);
}

/* -1 / (least eigenvalue of D^(-1/2) m D^(-1/2)) when negative, m the step in scaled coordinates.
 */
static int limit_of(int64_t s, const double *diagonal, double *m, double *values, double *vectors,
                    double *limit) {
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++) m[i * s + j] /= sqrt(diagonal[i] * diagonal[j]);
  WG_TRY(wg_la_eigh(s, m, values, vectors));
  if (values[s - 1] < 0) *limit = WG_MIN(*limit, -1.0 / values[s - 1]);
  return WG_OK;
}

static int cone_limit(int64_t s, wg_nt *cone, double *scratch, double *values, double *limit) {
  double *work = scratch, *m = scratch + s * s;
  congruence_t(s, cone->gi, cone->step_p, work, m);
  WG_TRY(limit_of(s, cone->diagonal, m, values, work, limit));
  congruence(s, cone->g, cone->step_z, work, m);
  return limit_of(s, cone->diagonal, m, values, work, limit);
}

/* Halves the step until the gauge grows by no more than twice what the model says: for large p the
 * Schatten norm bends within a relative change 1/p of its eigenvalues. */
static int smooth_limit(wg_master_block *block, double *limit) {
  for (double step = 1.0; step > 1e-6; step *= 0.5) {
    double value;
    WG_TRY(smooth_value(block, step, &value));
    const double excess = value - block->x - step * block->slope;
    if (excess <= step * step * block->curvature + 1e-14 * block->x) return WG_OK;
    *limit = 0.5 * step;
  }
  return WG_OK;
}

int wg_block_step_limit(wg_master_block *block, double *limit) {
  *limit = INFINITY;
  if (block->form == WG_FORM_SMOOTH) return smooth_limit(block, limit);
  if (block->form != WG_FORM_SPECTRAL) return WG_OK;
  double *values = block->t2;
  WG_TRY(cone_limit(block->size, &block->low, block->t1, values, limit));
  if (block->k > 1.0) WG_TRY(cone_limit(block->size, &block->high, block->t1, values, limit));
  return WG_OK;
}

static void advance_cone(int64_t square, wg_nt *cone, double step) {
  for (int64_t i = 0; i < square; i++) {
    cone->p[i] += step * cone->step_p[i];
    cone->z[i] += step * cone->step_z[i];
  }
}

void wg_block_advance(wg_master_block *block, double step) {
  const int64_t s = block->size, square = s * s;
  block->rho += step * block->step_rho;
  block->y += step * block->step_y;
  if (block->form != WG_FORM_SPECTRAL) return;
  block->tau += step * block->step_tau;
  advance_cone(square, &block->low, step);
  if (block->k > 1.0) advance_cone(square, &block->high, step);
}

static bool is_positive(int64_t s, const double *a, double *scratch) {
  memcpy(scratch, a, (size_t)(s * s) * sizeof *a);
  return wg_la_cholesky(s, scratch) == 0;
}

/* S + Z - V - tau I = 0 holds from the start and every step keeps it, up to rounding; what has
 * gathered of that goes back into Z and V, or Newton's next step would chase it through scalings
 * that make it large. */
static void align_multipliers(wg_master_block *block) {
  const int64_t s = block->size, square = s * s;
  const bool has_high = block->k > 1.0;
  double *z = block->t1, *v = block->t1 + square;
  for (int64_t i = 0; i < square; i++) {
    double rest = block->s[i] + block->low.z[i] - (has_high ? block->high.z[i] : 0.0);
    if (i % (s + 1) == 0) rest -= block->tau;
    z[i] = block->low.z[i] - (has_high ? 0.5 * rest : rest);
    v[i] = has_high ? block->high.z[i] + 0.5 * rest : 0.0;
  }
  if (!is_positive(s, z, block->t2) || (has_high && !is_positive(s, v, block->t2))) return;
  memcpy(block->low.z, z, (size_t)square * sizeof(double));
  if (has_high) memcpy(block->high.z, v, (size_t)square * sizeof(double));
}

int wg_block_refresh(wg_master_block *block) {
  const int64_t s = block->size;
  double top, gamma;
  if (block->form == WG_FORM_SMOOTH) return find_gradient(block, block->g_square, &top, &gamma);
  if (block->form == WG_FORM_TRACE) set_identity(s, block->rho, block->q);
  if (block->form != WG_FORM_SPECTRAL) return WG_OK;
  align_multipliers(block);
  memcpy(block->q, block->low.p, (size_t)(s * s) * sizeof(double));
  return WG_OK;
}

double wg_block_complementarity(const wg_master_block *block, double *terms) {
  const int64_t square = block->size * block->size;
  if (block->form != WG_FORM_SPECTRAL) return 0.0;
  double sum = wg_la_dot(square, block->low.p, block->low.z);
  *terms += (double)block->size;
  if (block->k > 1.0) {
    sum += wg_la_dot(square, block->high.p, block->high.z);
    *terms += (double)block->size;
  }
  return sum;
}
