/* dynamic: the Benamou-Brenier form of W_gamma between densities on a grid (theory 5,
 * docs/theory/dynamic.md). */
#ifndef WG_DYNAMIC_H
#define WG_DYNAMIC_H

#include "gauge/gauge.h"

enum { WG_DYNAMIC_MAX_D = 3 };

typedef struct wg_dynamic_problem {
  int64_t d;                        /* 1, 2 or 3                        */
  int64_t n[WG_DYNAMIC_MAX_D];      /* cells a side, >= 2, last fastest */
  double spacing[WG_DYNAMIC_MAX_D]; /* side lengths of a cell           */
  int64_t steps;                    /* of time, >= 2                    */
  const double *mass[2];            /* of the cells, >= 0, sum one      */
  const double *given[2];           /* before they were divided by their sums */
  const wg_gauge_spec *spec;        /* convex, bound to d               */
  double tol;                       /* relative: |primal - dual|        */
  int64_t max_iterations;
} wg_dynamic_problem;

/* Arrays belong to the mem given. Density and momentum are those of the middle of each time step,
 * as masses: density sums to one at every time, momentum / density is a velocity. */
typedef struct wg_dynamic_answer {
  double *density;      /* steps x cells                                                       */
  double *momentum;     /* steps x d x cells                                                   */
  double *potential;    /* (steps + 1) x corners of the cells                                  */
  double *q;            /* d x d, in K_gamma                                                   */
  double *moment;       /* d x d: R, gamma(R) is upper but for what pays for rounding          */
  double primal, dual;  /* estimates of the value of the problem on the grid       */
  double mass_residual; /* of the path that primal is the action of, at its worst  */
  double lower, upper;  /* bounds of that value, derived by certify/               */
  double least_density; /* smallest mass of a cell at any time                     */
  double mass_error, continuity; /* largest errors of masses and of the continuity equation */
  int64_t iterations;
  bool converged; /* primal and dual agree as asked */
  int outcome;
} wg_dynamic_answer;

int wg_dynamic_search(wg_context *context, wg_mem *mem, const wg_dynamic_problem *problem,
                      wg_dynamic_answer *answer);

#endif
