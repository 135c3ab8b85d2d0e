/* A pair of positive definite matrices P, Z that the interior point drives to P Z = mu I.
 *
 * Nesterov-Todd scaling: the one symmetric G with G Z G = P makes P and Z look alike; with G = g g'
 * both become the same diagonal D in the coordinates of g. The linearised P Z = mu I is then
 *   p~ + z~ = mu / D - D + correction,   p~ = gi dP gi',   z~ = g' dZ g,
 * so that Z + dZ = gi' (mu / D + correction) gi - A dP A, A = gi' gi (Z itself drops out, and with
 * it whatever rounding has gathered there). It is symmetric in P and Z, which is why it follows the
 * path where other linearisations stop short. Cost O(s^3) a call, memory 12 s^2. Source: Todd, Toh
 * and Tutuncu, SIAM J. Optim. 8 (1998). */
#include <string.h>

#include "cone/cone.h"
#include "linalg/la.h"

static void multiply(int64_t s, bool ta, const double *a, bool tb, const double *b, double *c) {
  wg_la_gemm(ta, tb, s, s, s, 1.0, a, s, b, s, 0.0, c, s);
}

int wg_cone_create(wg_mem *mem, int64_t s, wg_cone *cone) {
  double **parts[] = {&cone->p,      &cone->z,      &cone->g,      &cone->gi,
                      &cone->step_p, &cone->step_z, &cone->target, &cone->correction};
  cone->s = s;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!(*parts[i] = WG_NEW(mem, double, s *s))) return wg_no_memory();
  cone->diagonal = WG_NEW(mem, double, s);
  cone->work = WG_NEW(mem, double, 3 * s * s + s);
  return cone->diagonal && cone->work ? WG_OK : wg_no_memory();
}

/* From p = L L', z = R R', R'L = U D W': g = L W D^(-1/2), its inverse D^(-1/2) U' R'. */
int wg_cone_scale(wg_cone *cone) {
  const int64_t s = cone->s;
  double *l = cone->work, *r = l + s * s, *product = r + s * s, *u = cone->g, *wt = cone->gi;
  memcpy(l, cone->p, (size_t)(s * s) * sizeof *l);
  memcpy(r, cone->z, (size_t)(s * s) * sizeof *r);
  if (wg_la_cholesky(s, l) || wg_la_cholesky(s, r)) return 1;
  multiply(s, true, r, false, l, product);
  WG_TRY(wg_la_svd(s, product, u, cone->diagonal, wt));
  if (!(cone->diagonal[s - 1] > 0.0)) return 1;
  multiply(s, false, l, true, wt, product);
  multiply(s, true, u, true, r, wt);
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++) {
      cone->g[i * s + j] = product[i * s + j] / sqrt(cone->diagonal[j]);
      cone->gi[i * s + j] = wt[i * s + j] / sqrt(cone->diagonal[i]);
    }
  return WG_OK;
}

/* out = gi' m gi. */
static void unscale(wg_cone *cone, const double *m, double *out) {
  multiply(cone->s, false, m, false, cone->gi, cone->work);
  multiply(cone->s, true, cone->gi, false, cone->work, out);
}

void wg_cone_aim(wg_cone *cone, double mu, bool corrected) {
  const int64_t s = cone->s;
  double *m = cone->work + s * s;
  for (int64_t i = 0; i < s * s; i++) m[i] = corrected ? cone->correction[i] : 0.0;
  for (int64_t i = 0; i < s; i++) m[i * s + i] += mu / cone->diagonal[i];
  unscale(cone, m, cone->target);
}

/* The steps in scaled coordinates: p~ into a, z~ into b. */
static void scaled_steps(wg_cone *cone, double *a, double *b) {
  const int64_t s = cone->s;
  multiply(s, false, cone->gi, false, cone->step_p, cone->work);
  multiply(s, false, cone->work, true, cone->gi, a);
  multiply(s, true, cone->g, false, cone->step_z, cone->work);
  multiply(s, false, cone->work, false, cone->g, b);
}

void wg_cone_answer(wg_cone *cone) {
  const int64_t s = cone->s;
  double *scaled = cone->work + s * s;
  multiply(s, false, cone->gi, false, cone->step_p, cone->work);
  multiply(s, false, cone->work, true, cone->gi, scaled);
  unscale(cone, scaled, cone->step_z);
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j <= i; j++) {
      const int64_t at = i * s + j, mirror = j * s + i;
      const double mean =
          0.5 * (cone->target[at] - cone->step_z[at] + cone->target[mirror] - cone->step_z[mirror]);
      cone->step_z[at] = mean - cone->z[at];
      cone->step_z[mirror] = mean - cone->z[mirror];
    }
}

void wg_cone_correct(wg_cone *cone) {
  const int64_t s = cone->s;
  double *a = cone->work + s * s, *b = a + s * s, *c = cone->correction;
  scaled_steps(cone, a, b);
  multiply(s, false, a, false, b, cone->work);
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++)
      c[i * s + j] = -(cone->work[i * s + j] + cone->work[j * s + i]) /
                     (cone->diagonal[i] + cone->diagonal[j]);
}

/* -1 / (least eigenvalue of D^(-1/2) m D^(-1/2)) when negative. */
static int limit_of(const wg_cone *cone, double *m, double *vectors, double *values,
                    double *limit) {
  const int64_t s = cone->s;
  for (int64_t i = 0; i < s; i++)
    for (int64_t j = 0; j < s; j++) {
      m[i * s + j] /= sqrt(cone->diagonal[i] * cone->diagonal[j]);
      if (!isfinite(m[i * s + j])) return 1;
    }
  WG_TRY(wg_la_eigh(s, m, values, vectors));
  if (values[s - 1] < 0) *limit = WG_MIN(*limit, -1.0 / values[s - 1]);
  return WG_OK;
}

int wg_cone_limit(wg_cone *cone, double *limit) {
  const int64_t s = cone->s;
  double *a = cone->work + s * s, *b = a + s * s, *values = b + s * s;
  scaled_steps(cone, a, b);
  const int status = limit_of(cone, a, cone->work, values, limit);
  return status ? status : limit_of(cone, b, cone->work, values, limit);
}

void wg_cone_advance(wg_cone *cone, double step) {
  for (int64_t i = 0; i < cone->s * cone->s; i++) {
    cone->p[i] += step * cone->step_p[i];
    cone->z[i] += step * cone->step_z[i];
  }
}
