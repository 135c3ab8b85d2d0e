/* sphere: UW_gamma between finite measures on the unit sphere (theory 7, docs/theory/sphere.md). */
#ifndef WG_SPHERE_H
#define WG_SPHERE_H

#include "gauge/gauge.h"

/* Atoms on the sphere of R^d: directions (rows, length one up to rounding) and masses > 0. */
typedef struct wg_sphere_problem {
  int64_t d, n[2];
  const double *w[2], *mass[2]; /* n x d, n                     */
  const wg_gauge_spec *spec;    /* convex, bound to d           */
  double tol;                   /* relative gap asked for       */
  int64_t max_calls;            /* directions Q that are tried  */
} wg_sphere_problem;

/* Arrays belong to the mem given. A semi-coupling (g0, g1, c): the masses that leave row_e and
 * arrive at col_e, and 0 <= c <= sqrt(g0 g1); what the rows of g0 and columns of g1 lack of the
 * masses is destroyed and created. */
typedef struct wg_sphere_answer {
  int64_t count;
  int64_t *row, *col;
  double *g0, *g1, *c;
  double *q;           /* d x d, in K_gamma                           */
  double *u, *v;       /* n[0], n[1]: u_i v_j >= (w_i' Q w_j)_+^2     */
  double lower, upper; /* as computed: certify/ has the last word     */
  int64_t calls, steps;
  int outcome;
} wg_sphere_answer;

int wg_sphere_solve(wg_context *context, wg_mem *mem, const wg_sphere_problem *problem,
                    wg_sphere_answer *answer);

#endif
