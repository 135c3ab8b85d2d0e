/* flow: energies of weighted particles, their forces, and the flows that follow them (theory 6). */
#ifndef WG_FLOW_FLOW_H
#define WG_FLOW_FLOW_H

#include "base/base.h"

/* An energy F of the measure mu = sum_i a_i delta_{x_i} and its force g = grad (dF/dmu), taken at
 * the particles. For weights a the gradient of x -> F is a_i g_i: forces are per unit mass, as the
 * measure LMO wants them (theory 2). An energy is not changed by an evaluation but for its own
 * scratch: one thread at a time may evaluate it. */
struct wg_energy {
  const char *name; /* "mmd", "network", ...; static */
  int64_t d;        /* columns of a particle; 0: any */
  double infimum;   /* a known lower bound of F, or NAN; P-L ratios use it */
  /* x: n x d rows, a: n positive weights that sum to one. value and force (n x d) may each be NULL:
   * what is not asked for is not computed. The sums run in a fixed order, whatever the threads. */
  int (*evaluate)(void *self, int64_t n, int64_t d, const double *x, const double *a, double *value,
                  double *force);
  void (*release)(void *self); /* NULL: nothing to free */
  void *self;
};

#include "flow/energies.h"

#endif
