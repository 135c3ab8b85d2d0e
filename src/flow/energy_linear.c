/* The linear two-layer network H = integral of u v' dmu (theory 6): F = tr (H - T) C (H - T)' / 2.
 *
 * With the residual R = (H - T) C the force at x = (u, v) is (R v, R'u). H is one product of the
 * particles' halves, R one more, the force two. Cost O(n p q + p q^2) for p outputs and q inputs;
 * memory n p + 3 p q numbers. */
#include <string.h>

#include "flow/flow.h"
#include "linalg/la.h"

typedef struct linear_energy {
  wg_energy_owner owner;
  int64_t outputs, inputs;
  double *target, *covariance; /* covariance NULL: the identity */
  double *difference, *residual;
  double *weighted; /* n x outputs: a_i u_i */
  int64_t size;
} linear_energy;

/* difference = H - T, residual = (H - T) C. */
static int find_residual(linear_energy *e, int64_t n, const double *x, const double *a) {
  const int64_t p = e->outputs, q = e->inputs;
  WG_TRY(wg_energy_scratch(&e->owner.mem, n * p, &e->weighted, &e->size));
  for (int64_t i = 0; i < n; i++)
    for (int64_t o = 0; o < p; o++) e->weighted[i * p + o] = a[i] * x[i * (p + q) + o];
  memcpy(e->difference, e->target, (size_t)(p * q) * sizeof *e->difference);
  wg_la_gemm(true, false, p, q, n, 1.0, e->weighted, p, x + p, p + q, -1.0, e->difference, q);
  if (e->covariance)
    wg_la_gemm(false, false, p, q, q, 1.0, e->difference, q, e->covariance, q, 0.0, e->residual, q);
  else
    memcpy(e->residual, e->difference, (size_t)(p * q) * sizeof *e->residual);
  return WG_OK;
}

static int evaluate_linear(void *self, int64_t n, int64_t d, const double *x, const double *a,
                           double *value, double *force) {
  linear_energy *e = self;
  const int64_t p = e->outputs, q = e->inputs;
  WG_TRY(find_residual(e, n, x, a));
  if (value) *value = 0.5 * wg_la_dot(p * q, e->difference, e->residual);
  if (!force) return WG_OK;
  wg_la_gemm(false, true, n, p, q, 1.0, x + p, d, e->residual, q, 0.0, force, d);
  wg_la_gemm(false, false, n, q, p, 1.0, x, d, e->residual, q, 0.0, force + p, d);
  return WG_OK;
}

wg_energy *wg_energy_make_linear(int64_t outputs, int64_t inputs, const double *target,
                                 const double *covariance) {
  linear_energy *e = wg_energy_new(sizeof *e, "linear", outputs + inputs, 0.0, evaluate_linear);
  if (!e) return NULL;
  e->outputs = outputs;
  e->inputs = inputs;
  e->target = wg_energy_copy(&e->owner, outputs * inputs, target);
  if (covariance) e->covariance = wg_energy_copy(&e->owner, inputs * inputs, covariance);
  e->difference = WG_NEW(&e->owner.mem, double, outputs *inputs);
  e->residual = WG_NEW(&e->owner.mem, double, outputs *inputs);
  if (!e->target || (covariance && !e->covariance) || !e->difference || !e->residual)
    return wg_energy_abandon(&e->owner);
  return &e->owner.energy;
}
