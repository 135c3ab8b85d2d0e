/* Private to gaussian/: smooth ordinary differential equations to near the precision of double. */
#ifndef WG_GAUSSIAN_ODE_H
#define WG_GAUSSIAN_ODE_H

#include "base/base.h"

/* x' = rate(x), n numbers. rate returns WG_OK, WG_ODE_OUTSIDE where x left the domain (the step is
 * then made shorter), or a negative status. event: a function of the state whose first crossing
 * from above zero to zero or below ends a run; which: 0 .. events - 1. */
enum { WG_ODE_OUTSIDE = 1 };
typedef struct wg_ode {
  int64_t n, events;
  void *self;
  int (*rate)(void *self, const double *x, double *dx);
  double (*event)(void *self, int64_t which, const double *x);
  /* The longest step from x, where the rate is dx; NULL: any. */
  double (*longest)(void *self, const double *x, const double *dx);
  double tol;  /* of a step, relative to the largest |x_i| seen so far, component by component */
  double step; /* tried next; 0: to be found                                                   */
  int64_t evaluations, steps, rejected;
  double *largest; /* n, and room for the rows of the extrapolation: wg_ode_begin */
  double *room, *before;
} wg_ode;
int wg_ode_begin(wg_mem *mem, wg_ode *ode);
/* From *t to `end`, or to an event, whose number goes into *which (-1: none). x: n, in place.
 * WG_ODE_STALLED when steps would have to be shorter than rounding allows: x is then where it got
 * to. A stopped watch ends the run between steps. */
enum { WG_ODE_STALLED = 2 };
int wg_ode_run(wg_ode *ode, wg_watch *watch, double *t, double end, double *x, int64_t *which);

#endif
