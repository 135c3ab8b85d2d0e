/* Private to gaussian/: what its files share. */
#ifndef WG_GAUSS_PARTS_H
#define WG_GAUSS_PARTS_H

#include "cone/cone.h"
#include "gaussian/gaussian.h"

/* ---- problem.c ---- */
/* Rooms of this many doubles serve the calls below. */
#define WG_GAUSS_ROOM(d, n) (2 * (d) * (n) + 3 * (n) * (n) + (n))
/* moment (d x d) = Sigma of a contraction, as a sum of PSD terms: no cancellation. */
void wg_gauss_moment(const wg_gauss_problem *p, const double *contraction, double *room,
                     double *moment);
/* polar (n x n) = the contraction that attains |f0' q f1|_*. */
int wg_gauss_polar(const wg_gauss_problem *p, const double *q, double *room, double *polar);
/* *lower = <q, A> - 2 |f0' q f1|_*, A = delta delta' + S0 + S1, for q in K_gamma, computed without
 * cancellation from a contraction and its moment: <q, Sigma> less twice what the contraction lacks
 * of the nuclear norm. polar as above, or NULL. */
int wg_gauss_dual(const wg_gauss_problem *p, const double *q, const double *contraction,
                  const double *moment, double *room, double *polar, double *lower);
/* A. */
void wg_gauss_ceiling(const wg_gauss_problem *p, double *a);
/* The same problem on the ranges of A's blocks and of the factors, all divided by the root of tr A:
 * of size one, and A is positive definite on every block. Gaussians that are near each other, with
 * a moment of trace `spread` far below A, are divided by the root of that. */
typedef struct wg_gauss_reduced {
  wg_gauss_problem problem;
  wg_gauge_spec spec;
  double scale;         /* tr A, or the spread                                */
  bool regular;         /* both factors are square and of full rank           */
  bool near;            /* regular, and divided by the spread                 */
  double ratio;         /* tr A over what it is divided by                    */
  double *basis;        /* d' x d: rows span the blocks' ranges               */
  double *left, *right; /* n' x n: rows span the factors' column spaces      */
} wg_gauss_reduced;
int wg_gauss_reduce(wg_mem *mem, const wg_gauss_problem *p, double spread, wg_gauss_reduced *r);
/* From the reduced to the given: contraction and q. */
int wg_gauss_lift(wg_mem *mem, const wg_gauss_problem *p, const wg_gauss_reduced *r,
                  const double *small_contraction, const double *small_q, double *contraction,
                  double *q);

/* ---- interior.c ---- */
typedef struct wg_gauss_best {
  double *contraction, *q;
  double lower, upper;
  int64_t steps;
} wg_gauss_best;
/* Improves best from scratch: with the contraction's cone, or on O(n), which is quicker by far but
 * needs factors that are square and regular. */
int wg_gauss_interior(wg_context *context, wg_mem *mem, const wg_gauss_problem *p, bool orthogonal,
                      double tol, wg_gauss_best *best);

/* ---- small.c ---- */
enum { WG_GAUSS_SMALL = 8 };

#endif
