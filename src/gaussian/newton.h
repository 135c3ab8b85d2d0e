/* Private to gaussian/: the linear system of a step of the interior point (newton.c). */
#ifndef WG_GAUSS_NEWTON_H
#define WG_GAUSS_NEWTON_H

#include "gaussian/parts.h"

typedef struct wg_gauss_pair {
  int64_t block, i, j; /* i <= j, rows of d x d */
  double root;
} wg_gauss_pair;

typedef struct wg_gauss_newton {
  const wg_gauss_problem *p;
  int64_t d, n, blocks, length; /* length: all that the blocks see */
  bool is_max, dense;
  bool orthogonal; /* C is on O(n): no cone, ta and tc come from the caller  */
  wg_relation *relation;
  wg_cone cone;                     /* [I C; C' I] and [Y0 -M; -M' Y1], 2n x 2n             */
  double *ta, *tc;                  /* n x n: d C = ta y tc'                               */
  double *left, *right;             /* d x n: f0 ta (less f1 tc on O(n)), f1 tc            */
  double *beta;                     /* n                                                   */
  double *even, *odd;               /* n x n: gains of the two parts of dC's answer         */
  double *base;                     /* n x n: what dC answers besides dQ                   */
  double *m;                        /* n x n: f0' Q f1                                     */
  double *y, *half;                 /* n x n, max(d, n) x n                                */
  double *image;                    /* d x d                                               */
  double *columns_q, *columns_s;    /* (1 + shares) x d x d: base and per unit of rho */
  double *step_q, *step_s, *step_c; /* d x d, d x d, n x n                         */
  double *w, *rhs, *residual, *direction, *product, *scaling, *guess; /* length    */
  wg_gauss_pair *pair;            /* length: the entry that a coordinate of w stands for */
  double *seen_left, *seen_right; /* d x n: left and right in the blocks' bases     */
  int64_t chosen_room, chosen;    /* pairs that the preconditioner couples           */
  int64_t *order;                 /* length                                         */
  double *stack, *factor; /* dense: (n^2 + length) x length and length x length; else the same for
                             the chosen pairs without the identity                      */
  double *share_matrix, *share_step; /* (blocks + 1)^2, blocks + 1                 */
  int32_t *pivots;
  double goal;    /* relative residual at which conjugate gradients stop */
  double fine;    /* the same for steps that are not predictors           */
  double coupled; /* pairs with a diagonal above this are coupled in the preconditioner */
  double *room;
  double top, step_top; /* multiplier of the shares                            */
} wg_gauss_newton;

int wg_newton_create(wg_mem *mem, const wg_gauss_problem *p, bool orthogonal, wg_gauss_newton *t);
/* Everything that does not depend on the barrier weight; 1 when precision is used up. On O(n) ta,
 * tc and the gains are set before. */
int wg_newton_linearise(wg_gauss_newton *t);
/* The step for barrier weight mu, with the cones' corrections or without; a predictor is solved
 * roughly. */
int wg_newton_step(wg_gauss_newton *t, double mu, bool corrected, bool predictor);
/* out (size x size) = the block of a (d x d), and back. */
void wg_newton_cut(const wg_gauss_newton *t, const wg_relation *r, const double *a, double *out);

/* base = ta' (the cone's target + m) tc: what dC has to answer besides dQ. */
void wg_newton_base(wg_gauss_newton *t);

/* ---- orthogonal.c ---- */
/* ta, tc, left (f0 ta - f1 tc here), right, the base and the gains at an orthogonal C, m = f0' q
 * f1. */
int wg_orthogonal_frame(wg_gauss_newton *t, const double *contraction, const double *q);
/* About how far C is from the dual value of Q there; O(n^2). */
double wg_orthogonal_gap(const wg_gauss_newton *t);
/* C <- C cay(step O), O the step in y; 1 when it is too long to tell. */
int wg_orthogonal_move(wg_gauss_newton *t, double step, double *contraction);

#endif
