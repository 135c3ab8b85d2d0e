/* cone: what the interior points over the gauge's dual have in common: a pair of definite matrices,
 * and what ties Q to the moment in one block of the gauge. */
#ifndef WG_CONE_H
#define WG_CONE_H

#include "gauge/gauge.h"

/* ---- cone.c: P and Z positive definite, P Z = mu I, Nesterov-Todd scaling ---- */
typedef struct wg_cone {
  int64_t s;
  double *p, *z;    /* s x s                                      */
  double *g, *gi;   /* p = g D g', z = gi' D gi, gi = g^-1         */
  double *diagonal; /* D                                          */
  double *step_p, *step_z;
  double *target;     /* z + step_z = target - A step_p A, A = gi' gi */
  double *correction; /* in scaled coordinates                      */
  double *work;       /* 3 s x s and s                              */
} wg_cone;
int wg_cone_create(wg_mem *mem, int64_t s, wg_cone *cone);
/* g, gi, D at the present point; 1 when a matrix is not positive definite. */
int wg_cone_scale(wg_cone *cone);
/* target for P Z = mu I, with the correction or without. */
void wg_cone_aim(wg_cone *cone, double mu, bool corrected);
/* step_z from step_p. */
void wg_cone_answer(wg_cone *cone);
/* The correction: minus the product of the present steps (Mehrotra). */
void wg_cone_correct(wg_cone *cone);
/* *limit = min(*limit, the largest step that keeps P and Z positive semidefinite). */
int wg_cone_limit(wg_cone *cone, double *limit);
void wg_cone_advance(wg_cone *cone, double step);

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
  wg_cone low, high;
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

#endif
