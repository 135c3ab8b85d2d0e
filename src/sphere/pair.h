/* Private to sphere/: the cones of one pair of atoms (pair.c). */
#ifndef WG_SPHERE_PAIR_H
#define WG_SPHERE_PAIR_H

#include "sphere/parts.h"

/* A symmetric 2 x 2 matrix [a c; c b]. */
typedef struct wg_two {
  double a, b, c;
} wg_two;
static inline double *wg_two_end(wg_two *m, int side) { return side ? &m->b : &m->a; }

typedef struct wg_sphere_pair {
  int32_t end[2];         /* atoms: of the side kept, of the side eliminated           */
  wg_two p;               /* masses g at both ends, c                                  */
  wg_two z;               /* u, v, -(k + t), but for miss                              */
  double t;               /* multiplier of c >= 0                                      */
  wg_two g, v;            /* scaling: g z g = g^-1 p g^-1 = v                          */
  double link, excess[2]; /* what relative steps of u and v make of u g0, v g1         */
  double h[2];            /* what dk makes of g0, g1                                   */
  double own, keep;
  wg_two push; /* of the scaled p, at a dual that stays                     */
  double push_t;
  wg_two miss;           /* of z                                                      */
  wg_two step_p, step_z; /* the step                                                  */
  wg_two seen_p, seen_z; /* the same in scaled coordinates                            */
  double step_t;
  wg_two fix; /* second order                                              */
  double fix_t;
} wg_sphere_pair;

/* Scaling and responses at the present point, dual (2) u and v; 1 when precision is used up. */
int wg_pair_scale(wg_sphere_pair *e, const double *dual);
/* push and miss for barrier weight mu, where k is w'Qw' and dual (2) u and v. */
void wg_pair_aim(wg_sphere_pair *e, double k, const double *dual, double mu, bool corrected);
/* The steps, for those of u, v and k. */
void wg_pair_answer(wg_sphere_pair *e, double du, double dv, double dk);
/* root (4): the quadratic form of all three at (du, dv, -dk) is |root|^2, root
 * linear in them. */
void wg_pair_root(const wg_sphere_pair *e, double du, double dv, double dk, double *root);
/* What g0 and g1 lose by the steps of that root. */
void wg_pair_unroot(const wg_sphere_pair *e, const double *root, double *g0, double *g1);
/* The correction from the present steps. */
void wg_pair_correct(wg_sphere_pair *e);
/* The longest multiple of the step, may be INFINITY. */
double wg_pair_limit(const wg_sphere_pair *e);
/* What the pair adds to the gap: <P, Z> + 2 c t. */
double wg_pair_gap(const wg_sphere_pair *e);
void wg_pair_advance(wg_sphere_pair *e, double step);

#endif
