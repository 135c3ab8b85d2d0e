/* Private to sphere/: what its files share. */
#ifndef WG_SPHERE_PARTS_H
#define WG_SPHERE_PARTS_H

#include "sphere/sphere.h"

/* ---- pool.c: the pairs that may carry mass, and what a Q makes of them ---- */
typedef struct wg_sphere_pool {
  const wg_sphere_problem *p;
  wg_mem *mem;
  wg_context *context;
  int64_t count, room;
  int32_t *row, *col;  /* count                                       */
  int64_t *next;       /* count: the row's pair before, or -1         */
  int64_t *last;       /* n[0]: a row's last pair, or -1              */
  double *k;           /* count: w' Q w'                              */
  double *seen[2];     /* n x d: w Q (side 0), w (side 1)             */
  double *log_dual[2]; /* n: alpha = log u, beta = log v              */
  double *best[2];     /* n: scratch of the scans                     */
  int64_t *argument[2];
  double scale; /* the largest entry of Q                       */
} wg_sphere_pool;
int wg_pool_create(wg_mem *mem, wg_context *context, const wg_sphere_problem *p,
                   wg_sphere_pool *pool);
/* Takes q (d x d) as the present cost: k of the pairs. */
void wg_pool_set(wg_sphere_pool *pool, const double *q);
/* First pairs and duals, under the present cost. */
int wg_pool_begin(wg_sphere_pool *pool);
/* Adds the pairs with the least slack of each row and column under feasible duals, which become the
 * present ones. */
int wg_pool_widen(wg_sphere_pool *pool, const double *u, const double *v);
/* Duals u, v that are feasible for all pairs, from the present ones: where some are violated
 * the atom of the two that is worth less is raised. */
void wg_pool_transform(wg_sphere_pool *pool, double *u, double *v);
/* Adds the pair that violates alpha + beta >= log k^2 most in each row and column, where it does by
 * `least` and more; *added of them. */
int wg_pool_price(wg_sphere_pool *pool, double least, int64_t *added);

/* ---- solve.c ---- */
/* moment += share x x', x = f w - g other (NULL: f w alone). */
void wg_sphere_add_square(int64_t d, double share, double f, const double *w, double g,
                          const double *other, double *moment);

/* ---- joint.c: transport and Q at the same time on the pairs of the pool ---- */
typedef struct wg_sphere_joint wg_sphere_joint;
/* Whether gauge and size are such that the memory is reasonable. */
bool wg_joint_serves(const wg_sphere_problem *p);
/* total: of the masses. */
int wg_joint_create(wg_mem *mem, const wg_sphere_pool *pool, double total, wg_sphere_joint **joint);
/* To an absolute error of the value, or as near as precision allows; starts from the pool's duals
 * and present Q, the next time from where it was. steps counts. */
int wg_joint_solve(wg_sphere_joint *t, double error, int64_t *steps);
/* q (d x d) and the semi-coupling (count of the pool); the pool's duals. */
void wg_joint_get(const wg_sphere_joint *t, double *q, double *g0, double *g1, double *c);

/* ---- inner.c: the transport under one Q on the pairs of the pool ---- */
typedef struct wg_sphere_inner wg_sphere_inner;
int wg_inner_create(wg_mem *mem, wg_sphere_pool *pool, wg_sphere_inner **inner);
/* Moves the pool's duals to the optimum, to an absolute error of the value. flow (count of the
 * pool): the plan, flow = g0 u = g1 v; on entry that of the time before, or zero. steps counts.
 * WG_OK, or 1 where precision ended it. */
int wg_inner_solve(wg_sphere_inner *t, double error, double *flow, int64_t *steps);

#endif
