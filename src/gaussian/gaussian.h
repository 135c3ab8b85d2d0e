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
  const double *low0, *low1; /* d x n: what f0 and f1 lack, or NULL            */
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

/* The Gaussian nearest to several: min over N(m, S) of sum weights_k W_gamma^2(N_k, N(m, S)). */
typedef struct wg_bary_problem {
  int64_t d, count;
  const double *weights;     /* count, > 0, of sum one                   */
  const double *roots;       /* count x d x d: symmetric roots of S_k    */
  const double *means;       /* count x d                                */
  const wg_gauge_spec *spec; /* bound to d, convex                       */
} wg_bary_problem;

/* All rooms are given by the caller. K_k = root_k C_k S^(1/2). For every S the covariances part
 * <Q_k, S_k> - <Q_k Y_k^-1 Q_k, S_k> + <Q_k - Y_k, S> is below W^2_Qk(S_k, S); sum weights_k Y_k =
 * sum weights_k Q_k. */
typedef struct wg_bary_answer {
  double *mean, *cov;   /* d; d x d                                             */
  double *contractions; /* count x d x d                                        */
  double *q, *y;        /* count x d x d                                        */
  double lower, upper;  /* of the value, as computed (rounding is not counted)  */
  int64_t steps;
  int outcome;
} wg_bary_answer;

/* Solves to relative gap tol, or as near as precision allows. */
int wg_bary_solve(wg_context *context, const wg_bary_problem *problem, double tol,
                  wg_bary_answer *answer);

#endif
