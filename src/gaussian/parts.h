/* Private to gaussian/: what its files share. */
#ifndef WG_GAUSS_PARTS_H
#define WG_GAUSS_PARTS_H

#include "gaussian/gaussian.h"

/* ---- problem.c ---- */
/* Rooms of this many doubles serve the calls below. */
#define WG_GAUSS_ROOM(d, n) (2 * (d) * (n) + 3 * (n) * (n) + (n))
/* moment (d x d) = Sigma of a contraction, as a sum of PSD terms: no cancellation. */
void wg_gauss_moment(const wg_gauss_problem *p, const double *contraction, double *room,
                     double *moment);
/* *lower = <q, A> - 2 |f0' q f1|_*, A = delta delta' + S0 + S1, for q in K_gamma; polar (n x n, may
 * be NULL) = the contraction that attains it. */
int wg_gauss_dual(const wg_gauss_problem *p, const double *q, double *room, double *polar,
                  double *lower);
/* A. */
void wg_gauss_ceiling(const wg_gauss_problem *p, double *a);
/* The same problem on the ranges of A's blocks and of the factors, all divided by the root of
 * tr A: of size one, and A is positive definite on every block. */
typedef struct wg_gauss_reduced {
  wg_gauss_problem problem;
  wg_gauge_spec spec;
  double scale;         /* tr A                                               */
  bool regular;         /* both factors are square and of full rank           */
  double *basis;        /* d' x d: rows span the blocks' ranges               */
  double *left, *right; /* n' x n: rows span the factors' column spaces      */
} wg_gauss_reduced;
int wg_gauss_reduce(wg_mem *mem, const wg_gauss_problem *p, wg_gauss_reduced *r);
/* From the reduced to the given: contraction and q. */
int wg_gauss_lift(wg_mem *mem, const wg_gauss_problem *p, const wg_gauss_reduced *r,
                  const double *small_contraction, const double *small_q, double *contraction,
                  double *q);

/* ---- cone.c: P and Z positive definite, P Z = mu I, Nesterov-Todd scaling ---- */
typedef struct wg_gauss_cone {
  int64_t s;
  double *p, *z;    /* s x s                                      */
  double *g, *gi;   /* p = g D g', z = gi' D gi, gi = g^-1         */
  double *diagonal; /* D                                          */
  double *step_p, *step_z;
  double *target;     /* z + step_z = target - A step_p A, A = gi' gi */
  double *correction; /* in scaled coordinates                      */
  double *work;       /* 3 s x s and s                              */
} wg_gauss_cone;
int wg_cone_create(wg_mem *mem, int64_t s, wg_gauss_cone *cone);
/* g, gi, D at the present point; 1 when a matrix is not positive definite. */
int wg_cone_scale(wg_gauss_cone *cone);
/* target for P Z = mu I, with the correction or without. */
void wg_cone_aim(wg_gauss_cone *cone, double mu, bool corrected);
/* step_z from step_p. */
void wg_cone_answer(wg_gauss_cone *cone);
/* The correction: minus the product of the present steps (Mehrotra). */
void wg_cone_correct(wg_gauss_cone *cone);
/* *limit = min(*limit, the largest step that keeps P and Z positive semidefinite). */
int wg_cone_limit(wg_gauss_cone *cone, double *limit);
void wg_cone_advance(wg_gauss_cone *cone, double step);

/* ---- relation.c: one block of the gauge ---- */
typedef enum wg_relation_form {
  WG_RELATION_TRACE,    /* Q = rho I                                                    */
  WG_RELATION_GRADIENT, /* Schatten: Q = rho grad gamma(S)                              */
  WG_RELATION_POWER,    /* Schatten p < 2, rho = 1: S = tau Q^(p'-1), |Q|_p' = 1         */
  WG_RELATION_SPECTRAL  /* S + Z - V - tau I = 0, Q Z = mu I, (rho I - Q) V = mu I       */
} wg_relation_form;

/* Q's answer to a change of S: dQ = fixed + R w, w = R'(dS + rest) off `pin`, where R is
 * w -> X (root . w) X' and `pin` is R' of the constraint's gradient. */
typedef struct wg_relation {
  wg_relation_form form;
  int64_t start, size, length; /* length = size (size + 1) / 2                      */
  double k, p, rate2;
  double rho, step_rho, y, step_y, y_correction; /* block max: share, slack of the maximum */
  double tau, step_tau;
  double value;                 /* gamma of S, for gradient and trace                   */
  double *s, *q;                /* size x size                                          */
  double *basis, *root;         /* X; length                                            */
  double *pin;                  /* length, of norm 1 (zero for a trace)                 */
  double pin_norm, missing;     /* |pin| before; what the constraint lacks              */
  double *rest;                 /* size x size                                          */
  double *by_rho, *rest_by_rho; /* size x size: dQ and `rest` for a unit of rho      */
  double *fixed;                /* size x size: the part of dQ that the constraint asks */
  wg_gauss_cone low, high;
  double *work; /* 3 size x size                                        */
} wg_relation;
int wg_relation_create(wg_mem *mem, const wg_gauge_block *block, bool is_max, int64_t blocks,
                       wg_relation *r);
/* First point, from S. */
int wg_relation_start(wg_relation *r);
/* X, root, pin, fixed, by_rho at the present point; 1 when precision is used up. */
int wg_relation_linearise(wg_relation *r);
/* rest (and targets of the cones) for a barrier weight. */
void wg_relation_aim(wg_relation *r, double mu, bool corrected);
/* packed (length) = R' m, the pin taken out if `off_pin`; m is size x size. */
void wg_relation_see(wg_relation *r, const double *m, bool off_pin, double *packed);
/* m = R packed. */
void wg_relation_unsee(wg_relation *r, const double *packed, double *m);
/* Steps of tau and the cones from dQ, dS, d rho (size x size). */
void wg_relation_step(wg_relation *r, const double *step_q, const double *step_s);
/* d tau for given dS and d rho (affine): needed by the shares. */
double wg_relation_tau(wg_relation *r, const double *step_s, double step_rho, bool with_rest);
/* The left side of the share's equation, d/d rho of the Lagrangian, less y and rate2 T. */
double wg_relation_offer(const wg_relation *r);
double wg_relation_offer_step(wg_relation *r, const double *step_q, const double *step_s,
                              double step_rho, bool with_rest);
int wg_relation_limit(wg_relation *r, const double *step_q, const double *step_s, double *limit);
/* Moves; s is the new S, step_q the step of Q. */
int wg_relation_advance(wg_relation *r, double step, const double *step_q, const double *s);
/* Adds <P, Z> and the number of terms. */
void wg_relation_complementarity(const wg_relation *r, double *sum, double *terms);

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
