/* spectral: W_gamma between two clouds of distinct points (theory 3): cutting planes on Q over
 * exact transport, couplings combined by an exact master. */
#ifndef WG_SPECTRAL_H
#define WG_SPECTRAL_H

#include "gauge/gauge.h"
#include "measure/measure.h"

typedef struct wg_spectral wg_spectral;

/* Copies what it needs from the clouds; total is the common sum of their integer masses. */
int wg_spectral_create(wg_context *context, const wg_cloud *x, const wg_cloud *y, int64_t total,
                       wg_spectral **spectral);
void wg_spectral_free(wg_spectral *spectral);
/* Moved points, same masses in the same order: couplings, basis and arcs are kept. */
int wg_spectral_move(wg_spectral *spectral, const double *x, const double *y);

typedef struct wg_spectral_limits {
  double tol;
  int64_t max_calls;
  uint64_t seed;
} wg_spectral_limits;

/* The answer, in the units of the points; arrays live until the next solve, move or free. */
typedef struct wg_spectral_answer {
  int outcome;
  int64_t calls, pivots;
  double lower, upper; /* as the solver sees them: certify/ has the last word */
  int64_t count;       /* plan entries, by row then column                    */
  const int64_t *row, *col;
  const double *mass;  /* sums to one                                         */
  const double *q;     /* d x d                                               */
  const double *f, *g; /* potentials of the distinct points under q           */
  /* Schatten p < 1 in the plane: what proves lower, each as q, f, g: cuts x 4, x n, x m */
  int64_t cuts;
  const double *cut_q, *cut_f, *cut_g;
  const double *mass_low, *f_low, *g_low; /* to be added to mass, f and g, exactly; or NULL */
} wg_spectral_answer;
/* Solves for a bound spec, starting from what earlier solves learnt. */
int wg_spectral_solve(wg_spectral *spectral, const wg_gauge_spec *spec,
                      const wg_spectral_limits *limits, wg_spectral_answer *answer);

/* ---- the master problem of cutting planes (master.c), for sphere/ as well ---- */
/* min over weights w >= 0, sum w = 1, of gamma(sum_k w_k Sigma_k)
 *   = max over Q in K_gamma of min_k <Q, Sigma_k>   (theory 3.2 restricted to known couplings).
 * columns: count moment matrices d x d, one after another. tol: relative gap asked for.
 * weights: count (out), q: d x d in K (out). *lower <= optimum <= *upper as computed from q and
 * weights (not rigorous: rounding is not counted; certify/ does that). */
int wg_master_solve(wg_context *context, const wg_gauge_spec *spec, int64_t count,
                    const double *columns, double tol, double *weights, double *q, double *lower,
                    double *upper);

#endif
