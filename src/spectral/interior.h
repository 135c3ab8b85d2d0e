/* Private to spectral/: W_gamma^2 over the couplings that live on given arcs. See interior.c. */
#ifndef WG_INTERIOR_H
#define WG_INTERIOR_H

#include "spectral/master.h"

/* The problem, in any units: masses sum to one on both sides, the arcs carry some coupling. */
typedef struct wg_interior_problem {
  const wg_gauge_spec *spec;
  int64_t n, m, count;
  const double *supply, *demand; /* n, m                                        */
  const int32_t *row, *col;      /* count                                       */
  const double *rays;            /* count x d: y - x                            */
  const double *base;            /* d x d: added to every moment                */
  double scale;                  /* the size of the optimum                     */
  double tol;                    /* relative gap asked for                      */
} wg_interior_problem;

/* mass (count) and q (d x d, in K), the best found; *lower <= optimum over these arcs <= *upper as
 * computed from them (rounding is not counted). */
int wg_interior_solve(wg_context *context, const wg_interior_problem *problem, double *mass,
                      double *q, double *lower, double *upper);

#endif
