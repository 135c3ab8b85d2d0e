/* flow: energies of weighted particles, their forces, and the flows that follow them (theory 6). */
#ifndef WG_FLOW_FLOW_H
#define WG_FLOW_FLOW_H

#include "base/base.h"
#include "gauge/gauge.h"

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
  /* What is evaluated from now on is the mean over `size` data drawn by the seed, without
   * replacement; size 0 or at least their number: over all. NULL: no mean over data. */
  int (*draw)(void *self, int64_t size, uint64_t seed);
  int64_t outputs;             /* of a two-layer network, the first columns of a particle; else 0 */
  void (*release)(void *self); /* NULL: nothing to free */
  void *self;
};

#include "flow/energies.h"
/* ---- flows of particles: what wg_flow_* of wgamma.h does, on arguments that are checked ---- */
/* Whether clip and JKO steps are known: not for a block max with blocks other than trace and
 * operator (prox.c). */
bool wg_modes_has_prox(const wg_gauge_spec *spec);
/* spec is bound to d columns; a: n positive weights with sum one. */
int wg_flow_make(wg_energy *energy, int64_t n, int64_t d, const double *x, const double *a,
                 const wg_gauge_spec *spec, const wg_flow_settings *settings, wg_flow **made);
int wg_flow_advance(wg_flow *flow, double end, int *outcome);
void wg_flow_describe(const wg_flow *flow, int outcome, double seconds, wg_flow_info *info);
void wg_flow_release(wg_flow *flow);
const double *wg_flow_x(const wg_flow *flow);
const double *wg_flow_g(const wg_flow *flow);
const double *wg_flow_v(const wg_flow *flow);
void wg_flow_shape(const wg_flow *flow, int64_t *n, int64_t *d);
double wg_flow_now(const wg_flow *flow);
void wg_flow_list(const wg_flow *flow, wg_flow_log *log);
void wg_flow_say(const wg_flow *flow, char *text, size_t size); /* the summary in words (log.c) */
/* Checkpoints (state.c). */
int wg_flow_pack(const wg_flow *flow, void *buffer, size_t size, size_t *needed);
int wg_flow_unpack(wg_flow *flow, const void *buffer, size_t size);

/* ---- poincare.c: the constant of the radial measures exp(-|x|^r) of the plane
 * (docs/theory/convexity.md) ---- */
typedef struct wg_poincare_bounds {
  double lower, upper;
  double q[2];         /* eigenvalues of the Q that attains upper, q[0] >= q[1] */
  int64_t evaluations; /* of eigenvalue problems */
} wg_poincare_bounds;
/* spec: bound to d = 2, convex, without blocks. Halves intervals of Q until the bounds are within
 * tol of upper, or until depth. */
int wg_poincare_radial(wg_mem *mem, double exponent, const wg_gauge_spec *spec, double tol,
                       wg_poincare_bounds *bounds);

#endif
