/* gaussian: W_gamma between two Gaussians (theory 4). */
#ifndef WG_GAUSSIAN_H
#define WG_GAUSSIAN_H

#include "gauge/gauge.h"
#include "gaussian/moments.h"

/* Two Gaussians through factors: S0 = f0 f0', S1 = f1 f1', delta = m1 - m0. Couplings are
 * K = f0 C f1' with a contraction C (n x n), and their moment is
 *   Sigma = delta delta' + S0 + S1 - K - K'. */
typedef struct wg_gauss_problem {
  int64_t d, n;              /* dimension of the gauge; columns of the factors */
  const double *f0, *f1;     /* d x n                                          */
  const double *delta;       /* d                                              */
  const wg_gauge_spec *spec; /* bound to d                                     */
} wg_gauss_problem;

typedef struct wg_gauss_answer {
  double *contraction; /* n x n, given by the caller                         */
  double *q;           /* d x d, in K_gamma (of the minorant for p < 1)      */
  double lower, upper; /* of W2, as computed (rounding is not counted)       */
  int64_t steps;       /* of the interior point                              */
  bool closed;         /* the coupling of W_2 is optimal: a closed form      */
  int outcome;         /* a wg_outcome                                       */
} wg_gauss_answer;

/* Solves to relative gap tol, or as near as precision allows. seed: starts for p < 1. */
int wg_gauss_solve(wg_context *context, const wg_gauss_problem *problem, double tol, uint64_t seed,
                   wg_gauss_answer *answer);

/* Solves small regular problems (d <= 8) with one Schatten gauge, p > 1, without heap; false, and
 * answer as it was, if it is none or the tolerance is not reached. wg_gauss_solve tries it itself,
 * after the closed form. */
bool wg_gauss_small(const wg_gauss_problem *problem, double tol, wg_gauss_answer *answer);

#endif
