/* Polar factors by polynomials: odd polynomials map singular values towards one and need products
 * only (theory 2). Muon's quintic stays within 0.7 .. 1.2; Newton-Schulz converges; Polar Express
 * takes the best polynomial at each step for the interval the singular values are known to be in.
 *
 * Products with a symmetric result are made by halves (syrk). The Gram form multiplies the
 * polynomials of the d x d matrix A = X'X instead of X and touches X at its two ends only, which
 * pays when X is long. The starting scale is a bound of sigma_1 that is nearly tight,
 * |A^2|_F^(1/4), but for Muon's, which is the Frobenius norm, as its users have it; both by powers
 * of two first, and without an epsilon, so that the result does not depend on the scale of G.
 *
 * Cost of a step, n x d: 3 n d^2 + d^3 multiplications, in Gram form 4 d^3. Memory n d + 4 d^2. The
 * body (polynomial_body.h) is compiled for float and for double. */
#include "lmo/polynomial.h"

#include <float.h>
#include <string.h>

#include "linalg/la.h"

wg_polynomial_steps wg_polynomial_begin(const wg_polynomial_plan *plan) {
  return (wg_polynomial_steps){.plan = plan, .lower = plan->lower, .upper = 1.0};
}

void wg_polynomial_next(wg_polynomial_steps *steps) {
  static const double muon[] = {3.4445, -4.7750, 2.0315}, cubic[] = {1.5, -0.5};
  const double *fixed = steps->plan->method == WG_POLAR_MUON ? muon : cubic;
  double error;
  if (steps->plan->method == WG_POLAR_EXPRESS) {
    steps->terms = steps->plan->terms;
    wg_remez_odd(steps->terms, steps->lower, steps->upper, steps->c, &error);
    steps->lower = WG_MAX(1.0 - error, steps->lower);
    steps->upper = 1.0 + error;
    return;
  }
  steps->terms = steps->plan->method == WG_POLAR_MUON ? 3 : 2;
  memcpy(steps->c, fixed, (size_t)steps->terms * sizeof *fixed);
}

#define REAL double
#define REAL_UNIT DBL_EPSILON
#define GEMM wg_la_gemm
#define SYRK wg_la_syrk
#define NAME(name) name##_double
#include "lmo/polynomial_body.h"
#undef REAL
#undef REAL_UNIT
#undef GEMM
#undef SYRK
#undef NAME

#define REAL float
#define REAL_UNIT FLT_EPSILON
#define GEMM wg_la_gemm_float
#define SYRK wg_la_syrk_float
#define NAME(name) name##_float
#include "lmo/polynomial_body.h"
