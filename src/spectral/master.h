/* Private to spectral/: the blocks of the gauge in the interior points; the master itself is on the
 * front page. */
#ifndef WG_MASTER_H
#define WG_MASTER_H

#include "spectral/spectral.h"

/* ---- one block of the gauge within the interior point (block.c) ---- */
typedef enum wg_block_form { WG_FORM_TRACE, WG_FORM_SMOOTH, WG_FORM_SPECTRAL } wg_block_form;

/* A cone pair (primal p, dual z) at its Nesterov-Todd point: p = g D g', z = gi' D gi, gi = g^-1.
 */
typedef struct wg_nt {
  double *p, *z;    /* s x s                    */
  double *g, *gi;   /* s x s                    */
  double *diagonal; /* s: D                     */
  double *step_p, *step_z;
  double *correction; /* s x s: second order, in the scaled coordinates, of what p + z step by */
} wg_nt;

typedef struct wg_master_block {
  wg_block_form form;
  double p;                    /* smooth: Schatten exponent        */
  double k;                    /* spectral: Ky Fan order           */
  int64_t start, size, length; /* length = size (size+1) / 2 */
  double rate2;                /* eta^2                            */
  double rho, step_rho;        /* Q of the block lies in rho K_b   */
  double y, step_y;            /* slack of a block max             */
  double x;                    /* gauge of the block, as known on the cone side */
  double tau, step_tau;
  double *columns;        /* count x s x s: the moments, or NULL:  */
  double *rays;           /* count x s: moment k is ray_k ray_k'   */
  double *base;           /* s x s: part of S whatever the weights */
  double *g;              /* count x length: columns seen through the Hessian's square root */
  double *h, *q0, *q_dot; /* count: see block.c              */
  double kappa, x0;
  double slope, curvature; /* smooth: of the gauge along the step */
  double *s, *q, *step_s;
  double *basis; /* s x s: X with X'AX = I, X'BX = diag(beta) */
  double *root;  /* length: square roots of the inverse Hessian's entries */
  double *g_identity, *g_square, *g_residual; /* length */
  double *g_correction;                       /* length: the corrections' part of g_residual */
  double x_correction;                        /* and of x0 */
  double alpha;
  wg_nt low, high; /* (Q, Z) and (rho I - Q, V); high is unused when k = 1 */
  double *t1, *t2; /* count x s x s scratch            */
} wg_master_block;

/* What is combined: count moments d x d, or count vectors of length d whose squares v v' are the
 * moments; base (d x d, may be NULL) is added to every combination. */
typedef struct wg_columns {
  int64_t count, d;
  const double *moments, *rays, *base;
} wg_columns;
int wg_block_create(wg_mem *mem, const wg_gauge_block *gauge, bool is_max, int64_t block_count,
                    const wg_columns *columns, wg_master_block *block);
void wg_block_moment(wg_master_block *block, int64_t count, const double *weights);
void wg_block_start(wg_master_block *block);
/* Linear response at the present point: g, h, q0, q_dot, kappa, x, x0 for barrier weight mu. */
int wg_block_linearise(wg_master_block *block, int64_t count, double mu);
/* Steps of the block's own variables from those of the weights and of rho. step_seen (length, may
 * be NULL): sum_k step_k g_k, known better than from the steps themselves: near the optimum Q moves
 * by the rounding of S over mu. */
void wg_block_direction(wg_master_block *block, int64_t count, const double *step_weights,
                        const double *step_seen, double mu);
/* Mehrotra's corrector: the second-order terms of the present steps, times share, go into the next
 * direction (share 0: none). change (length): what that adds to g_residual; columns see -change . g
 * more; *x_change: what it adds to x0. */
void wg_block_correct(wg_master_block *block, double share, double *change, double *x_change);
/* Largest multiple of the step that stays in the cones (may be INFINITY). */
int wg_block_step_limit(wg_master_block *block, double *limit);
void wg_block_advance(wg_master_block *block, double step);
/* Sets q to the Q of the present point, once the moment is set too. */
int wg_block_refresh(wg_master_block *block);
double wg_block_complementarity(const wg_master_block *block, double *terms);

#endif
