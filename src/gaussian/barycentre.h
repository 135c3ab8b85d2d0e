/* Private to gaussian/: the barycentre's barrier problem and its Newton step. */
#ifndef WG_GAUSS_BARYCENTRE_H
#define WG_GAUSS_BARYCENTRE_H

#include "gaussian/gaussian.h"
#include "gaussian/smooth.h"

/* One of the Gaussians. With rows above a mean, left = [R_k; m_k'] and j = [J_k; m'] ((d + 1) x d),
 * where K_k = R_k J_k is the cross covariance; m' is the same in all. */
typedef struct wg_bary_term {
  double weight, mu; /* the barrier's mu divided by count times weight              */
  double *left, *j, *step_j;
  double *spread;          /* D = S + m m' - j'j                                            */
  double *shape;           /* L, D = L L'                                                   */
  double *axes;            /* L^-1                                                          */
  double *y, *q;           /* mu D^-1 and the gradient of the smoothed gauge                */
  double *next_y, *next_q; /* Y + dY and Q + dQ of the last step */
  wg_smooth smooth;
  double *scale;  /* d d: of the own unknowns, J_k                                 */
  double *factor; /* d d x d d: Cholesky factor of the own part                    */
  double *cross;  /* d d x shared: that factor's inverse times the coupling        */
  double *slope;  /* d d: gradient, then right-hand sides                          */
} wg_bary_term;

/* Unknowns: the J_k, and shared ones: m (d), the second moment S + m m' (packed, d (d + 1) / 2). */
typedef struct wg_bary_system {
  int64_t d, count, own, shared;
  double *moment, *step_moment; /* S + m m'                           */
  wg_bary_term *term;
  double *frame; /* G with G' (sum weights Y) G = I                             */
  double *schur, *scale, *slope, *step; /* shared x shared; shared each       */
  double *rows, *hessian, *common;      /* of one term                        */
  double *room;                         /* 4 (d + 1) x d                      */
} wg_bary_system;

int wg_bary_create(wg_mem *mem, const wg_bary_problem *problem, wg_bary_system *e);
/* The barrier function at the present point; fills D, Y and Q. INFINITY outside. */
int wg_bary_value(wg_bary_system *e, double mu, double *value);
/* Newton's step at that point, and its decrement <step, Hessian step>. 1: precision is used up. */
int wg_bary_newton(wg_bary_system *e, double *decrement);
/* Moves by length times the step. */
void wg_bary_move(wg_bary_system *e, double length);

#endif
